//! Onode: size, runs, xattrs and omap of one object, the value of the onode tree.
//! docs/formats.md#onode
//!
//! [`OnodeRef`] reads the stored bytes where they are; [`Onode`] is for changes that move parts.

use crate::blob::BLOB_BYTES_MIN;
use crate::format::BLOCK;
use crate::txn::OBJECT_SIZE_MAX;
use crate::xattrs::{Xattrs, check_xattrs, iter_xattrs};
use types::enc::{DecodeError, Reader, Result};

const VERSION: u8 = 1;
const SHARED: u8 = 1;
const OMAP: u8 = 2;
const HEAD_BYTES: usize = 18;
const OMAP_BYTES: usize = 20;
const RUN_BYTES: usize = 16;

/// No object has a block of this number or higher.
pub(crate) const BLOCKS_MAX: u32 = (OBJECT_SIZE_MAX / BLOCK) as u32;
/// No block of data has this laddr or a higher one.
pub(crate) const LADDR_END: u64 = 1 << 56;

/// Blocks of an object whose laddrs follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// First block, from the start of the object.
    pub block: u32,
    /// 1 or more.
    pub blocks: u32,
    pub laddr: u64,
}

impl Run {
    /// The first block after it.
    pub fn end(&self) -> u32 {
        self.block + self.blocks
    }
    /// The part of it within `first..last`.
    pub fn cut(&self, first: u32, last: u32) -> Option<Run> {
        let (block, end) = (self.block.max(first), self.end().min(last));
        (block < end).then(|| Run {
            block,
            blocks: end - block,
            laddr: self.laddr + (block - self.block) as u64,
        })
    }
    /// Whether `next` goes on where this run ends, in the object and in laddrs.
    fn joins(&self, next: &Run) -> bool {
        self.end() == next.block && self.laddr + self.blocks as u64 == next.laddr
    }
    /// Within the bounds of objects and of laddrs.
    pub(super) fn is_sane(&self) -> bool {
        self.blocks > 0
            && self.block.checked_add(self.blocks).is_some_and(|end| end <= BLOCKS_MAX)
            && self.laddr < LADDR_END
            && self.laddr + self.blocks as u64 <= LADDR_END
    }
    fn from_chunk(c: &[u8]) -> Run {
        Run {
            block: u32::from_le_bytes(c[..4].try_into().expect("4 bytes")),
            blocks: u32::from_le_bytes(c[4..8].try_into().expect("4 bytes")),
            laddr: u64::from_le_bytes(c[8..16].try_into().expect("8 bytes")),
        }
    }
}

/// An onode as it is stored, checked to the last byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnodeRef<'a> {
    flags: u8,
    size: u64,
    omap_id: u64,
    omap_count: u64,
    omap_header_bytes: u32,
    runs: &'a [u8],
    xattr_count: u32,
    xattrs: &'a [u8],
}

impl<'a> OnodeRef<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != VERSION {
            let what = "onode";
            return Err(DecodeError::TooNew { what, compat: version, known: VERSION });
        }
        let flags = r.u8()?;
        if flags & !(SHARED | OMAP) != 0 {
            return Err(DecodeError::Invalid { what: "onode flags", value: flags as u64 });
        }
        let size = r.u64()?;
        if size > OBJECT_SIZE_MAX {
            return Err(DecodeError::Invalid { what: "object size", value: size });
        }
        let (run_count, xattr_count) = (r.u32()?, r.u32()?);
        let (omap_id, omap_count, omap_header_bytes) = match flags & OMAP {
            0 => (0, 0, 0),
            _ => (r.u64()?, r.u64()?, r.u32()?),
        };
        if flags & OMAP != 0 && omap_id == 0 {
            return Err(DecodeError::Invalid { what: "omap id", value: 0 });
        }
        if run_count as usize > r.remaining() / RUN_BYTES {
            return Err(DecodeError::Invalid { what: "run count", value: run_count as u64 });
        }
        let runs = r.take("runs", run_count as usize * RUN_BYTES)?;
        check_runs(runs)?;
        if xattr_count as usize > r.remaining() / (2 * BLOB_BYTES_MIN) {
            return Err(DecodeError::Invalid { what: "xattr count", value: xattr_count as u64 });
        }
        let xattrs = r.rest();
        check_xattrs(xattrs, xattr_count)?;
        Ok(Self { flags, size, omap_id, omap_count, omap_header_bytes, runs, xattr_count, xattrs })
    }

    /// A value of a page that is in memory: it passed [`OnodeRef::new`] when the page was read, or
    /// was encoded here.
    ///
    /// # Panics
    /// If the bytes end before what the counts say.
    pub fn stored(bytes: &'a [u8]) -> Self {
        let (head, rest) = bytes.split_at(HEAD_BYTES);
        let flags = head[1];
        let (run_count, xattr_count) = (u32_at(head, 10), u32_at(head, 14));
        let (omap, rest) = rest.split_at(if flags & OMAP == 0 { 0 } else { OMAP_BYTES });
        let (omap_id, omap_count, omap_header_bytes) = match omap.is_empty() {
            true => (0, 0, 0),
            false => (u64_at(omap, 0), u64_at(omap, 8), u32_at(omap, 16)),
        };
        let (runs, xattrs) = rest.split_at(run_count as usize * RUN_BYTES);
        let size = u64_at(head, 2);
        Self { flags, size, omap_id, omap_count, omap_header_bytes, runs, xattr_count, xattrs }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// 0 is none.
    pub fn omap_id(&self) -> u64 {
        self.omap_id
    }
    pub fn omap_count(&self) -> u64 {
        self.omap_count
    }
    pub fn omap_header_bytes(&self) -> u32 {
        self.omap_header_bytes
    }
    /// See [`Onode::shared`].
    pub fn shared(&self) -> bool {
        self.flags & SHARED != 0
    }

    pub fn run_count(&self) -> usize {
        self.runs.len() / RUN_BYTES
    }
    /// Ascending by block.
    pub fn runs(&self) -> impl Iterator<Item = Run> + use<'a> {
        self.runs.chunks_exact(RUN_BYTES).map(Run::from_chunk)
    }
    /// Run `index`, below [`OnodeRef::run_count`].
    fn run(&self, index: usize) -> Run {
        Run::from_chunk(&self.runs[index * RUN_BYTES..][..RUN_BYTES])
    }
    /// The first run that ends after `block`.
    fn first_run_after(&self, block: u32) -> usize {
        let (mut first, mut last) = (0, self.run_count());
        while first < last {
            let middle = first + (last - first) / 2;
            if self.run(middle).end() <= block { first = middle + 1 } else { last = middle }
        }
        first
    }
    /// The run that holds `block`; `None` in a hole.
    pub fn run_at(&self, block: u32) -> Option<Run> {
        let index = self.first_run_after(block);
        let run = (index < self.run_count()).then(|| self.run(index))?;
        (run.block <= block).then_some(run)
    }
    /// Laddr of `block` and how many blocks of its run are left from there; `None` in a hole.
    pub fn laddr_of(&self, block: u32) -> Option<(u64, u32)> {
        let run = self.run_at(block)?;
        Some((run.laddr + (block - run.block) as u64, run.end() - block))
    }
    /// The parts of runs within the blocks `first..last`, ascending.
    pub fn overlaps(&self, first: u32, last: u32) -> impl Iterator<Item = Run> + use<'a> {
        self.runs[self.first_run_after(first) * RUN_BYTES..]
            .chunks_exact(RUN_BYTES)
            .map_while(move |chunk| Run::from_chunk(chunk).cut(first, last))
    }

    pub fn xattr_count(&self) -> u32 {
        self.xattr_count
    }
    pub fn xattr(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.xattrs().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
    /// Names and values, ascending by name.
    pub fn xattrs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        iter_xattrs(self.xattrs)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

fn check_runs(bytes: &[u8]) -> Result<()> {
    let mut end = 0;
    for run in bytes.chunks_exact(RUN_BYTES).map(Run::from_chunk) {
        if !run.is_sane() || run.block < end {
            return Err(DecodeError::Invalid { what: "run at block", value: run.block as u64 });
        }
        end = run.end();
    }
    Ok(())
}

/// An onode being changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Onode {
    /// Bytes, up to [`OBJECT_SIZE_MAX`].
    pub size: u64,
    /// Its omap's id in the omap tree; 0 is none, and then the next two are 0.
    pub omap_id: u64,
    /// Keys, without the header.
    pub omap_count: u64,
    pub omap_header_bytes: u32,
    /// Whether some of its blocks may have other owners, too. Never false when one has.
    pub shared: bool,
    /// Ascending by block, without overlaps.
    runs: Vec<Run>,
    pub xattrs: Xattrs,
}

#[cfg(test)]
impl From<OnodeRef<'_>> for Onode {
    fn from(stored: OnodeRef<'_>) -> Self {
        let mut onode = Self::default();
        onode.load(stored);
        onode
    }
}

impl Onode {
    #[cfg(test)]
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Ok(OnodeRef::new(bytes)?.into())
    }

    /// Becomes what is stored, in the memory that it has.
    pub fn load(&mut self, stored: OnodeRef<'_>) {
        let Self { size, omap_id, omap_count, omap_header_bytes, shared, runs, xattrs } = self;
        (*size, *shared) = (stored.size, stored.shared());
        (*omap_id, *omap_count) = (stored.omap_id, stored.omap_count);
        *omap_header_bytes = stored.omap_header_bytes;
        runs.clear();
        runs.extend(stored.runs());
        xattrs.load_checked(stored.xattrs, stored.xattr_count);
    }

    /// What [`Onode::encode_into`] appends.
    pub fn encoded_bytes(&self) -> usize {
        let omap = if self.omap_id == 0 { 0 } else { OMAP_BYTES };
        HEAD_BYTES + omap + self.runs.len() * RUN_BYTES + self.xattrs.as_bytes().len()
    }

    #[cfg(test)]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    pub fn encode_into(&self, out: &mut Vec<u8>) {
        assert!(self.size <= OBJECT_SIZE_MAX, "an object of {} bytes", self.size);
        out.reserve(self.encoded_bytes());
        let omap = if self.omap_id == 0 { 0 } else { OMAP };
        let shared = if self.shared { SHARED } else { 0 };
        out.extend_from_slice(&[VERSION, shared | omap]);
        out.extend_from_slice(&self.size.to_le_bytes());
        out.extend_from_slice(&(self.runs.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.xattrs.count().to_le_bytes());
        if omap != 0 {
            out.extend_from_slice(&self.omap_id.to_le_bytes());
            out.extend_from_slice(&self.omap_count.to_le_bytes());
            out.extend_from_slice(&self.omap_header_bytes.to_le_bytes());
        } else {
            let keys = (self.omap_count, self.omap_header_bytes);
            assert_eq!(keys, (0, 0), "keys or header of an omap without id");
        }
        for run in &self.runs {
            out.extend_from_slice(&run.block.to_le_bytes());
            out.extend_from_slice(&run.blocks.to_le_bytes());
            out.extend_from_slice(&run.laddr.to_le_bytes());
        }
        out.extend_from_slice(self.xattrs.as_bytes());
    }

    /// Ascending by block, without overlaps.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The first run that ends after `block`.
    fn first_run_after(&self, block: u32) -> usize {
        self.runs.partition_point(|run| run.end() <= block)
    }

    /// Laddr of `block` and how many blocks of its run are left from there; `None` in a hole.
    pub fn laddr_of(&self, block: u32) -> Option<(u64, u32)> {
        let run = self.runs.get(self.first_run_after(block))?;
        let within = block.checked_sub(run.block)?;
        Some((run.laddr + within as u64, run.blocks - within))
    }

    /// The parts of runs within the blocks `first..last`, ascending.
    pub fn overlaps(&self, first: u32, last: u32) -> impl Iterator<Item = Run> + '_ {
        let from = self.first_run_after(first);
        self.runs[from..].iter().map_while(move |run| run.cut(first, last))
    }

    /// Makes the blocks from `block` on lie at `laddr` and following, whatever held them before.
    ///
    /// # Panics
    /// If `blocks` is 0, or past the bounds of objects or of laddrs.
    pub fn set_run(&mut self, block: u32, blocks: u32, laddr: u64) {
        let mut run = Run { block, blocks, laddr };
        assert!(run.is_sane(), "{run:?}");
        // What an append does; neither a search nor a move of runs.
        if self.runs.last().is_none_or(|last| last.end() <= block) {
            match self.runs.last_mut() {
                Some(last) if last.joins(&run) => last.blocks += blocks,
                _ => self.runs.push(run),
            }
            return;
        }
        if self.laddr_of(block).is_some_and(|(l, left)| l == laddr && left >= blocks) {
            return;
        }
        self.remove_runs(block, run.end());
        let mut at = self.first_run_after(block);
        let mut replaced = at;
        if at > 0 && self.runs[at - 1].joins(&run) {
            at -= 1;
            let before = self.runs[at];
            run = Run { blocks: before.blocks + run.blocks, ..before };
        }
        if let Some(after) = self.runs.get(replaced).filter(|after| run.joins(after)) {
            run.blocks += after.blocks;
            replaced += 1;
        }
        self.runs.splice(at..replaced, [run]);
    }

    /// Makes the blocks `first..last` holes.
    pub fn remove_runs(&mut self, first: u32, last: u32) {
        if first >= last {
            return;
        }
        let from = self.first_run_after(first);
        let to = from + self.runs[from..].partition_point(|run| run.block < last);
        if from == to {
            return;
        }
        let before = self.runs[from].cut(0, first);
        let after = self.runs[to - 1].cut(last, u32::MAX);
        self.runs.splice(from..to, before.into_iter().chain(after));
    }
}

#[cfg(test)]
mod tests;
