//! Changes as they are read back from a record.

use super::*;
use crate::blob::{BLOB_BYTES_MIN, get_blob};
use crate::txn::NAME_BYTES_MAX;
use types::enc::{DecodeError, Reader, Result};
use types::{PoolId, SnapId};

/// Reads changes to the end of the bytes. Names, keys and values share the record's buffer. After
/// an error there is nothing more.
pub(crate) struct ChangeReader {
    bytes: Bytes,
    at: usize,
    place_end: u32,
    last: Option<ObjectName>,
}

impl ChangeReader {
    /// Changes whose places are below `place_end`, in blocks. `last` is what [`Self::last_object`] said
    /// after the record before, if this one goes on with its group.
    pub fn new(bytes: Bytes, place_end: u32, last: Option<ObjectName>) -> Self {
        Self { bytes, at: 0, place_end, last }
    }

    /// The object that the next change may be on without naming it.
    #[cfg(test)]
    pub fn last_object(&self) -> Option<ObjectName> {
        self.last.clone()
    }

    fn read(&mut self) -> Result<Change> {
        let bytes = self.bytes.clone();
        let mut fields =
            Fields { r: Reader::new(&bytes[self.at..]), bytes: &bytes, place_end: self.place_end };
        let change = fields.change(&mut self.last)?;
        self.at += fields.r.pos();
        Ok(change)
    }
}

impl Iterator for ChangeReader {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let change = self.read();
        if change.is_err() {
            self.at = self.bytes.len();
        }
        Some(change)
    }
}

/// The fields of one change.
struct Fields<'a> {
    r: Reader<'a>,
    bytes: &'a Bytes,
    place_end: u32,
}

fn check(good: bool, what: &'static str, value: u64) -> Result<()> {
    if good { Ok(()) } else { Err(DecodeError::Invalid { what, value }) }
}

impl Fields<'_> {
    fn change(&mut self, last: &mut Option<ObjectName>) -> Result<Change> {
        let byte = self.r.u8()?;
        Ok(match byte {
            CREATE_COLLECTION => Change::CreateCollection { pg: self.pg()?, bits: self.r.u8()? },
            REMOVE_COLLECTION => Change::RemoveCollection { pg: self.pg()? },
            MOVE => self.moves()?,
            COLLECT => Change::Collect { steps: self.r.u32()? },
            _ => {
                if byte & SAME == 0 {
                    *last = Some(self.name()?.into());
                }
                let Some(o) = last.clone() else {
                    let what = "first change of a record";
                    return Err(DecodeError::Invalid { what, value: byte as u64 });
                };
                return self.object_change(byte, o);
            }
        })
    }

    fn object_change(&mut self, byte: u8, o: ObjectName) -> Result<Change> {
        Ok(match byte & !SAME {
            TOUCH => Change::Touch { o },
            WRITE => self.write(o)?,
            PUNCH => {
                let (block, blocks) = self.blocks()?;
                Change::Punch { o, block, blocks, end: self.size()? }
            }
            SET_SIZE => Change::SetSize { o, size: self.size()? },
            REMOVE => Change::Remove { o },
            SET_XATTR => Change::SetXattr { o, name: self.blob()?, value: self.blob()? },
            REMOVE_XATTR => Change::RemoveXattr { o, name: self.blob()? },
            OMAP_SET => {
                let count = self.r.count("omap pairs", 2 * BLOB_BYTES_MIN)?;
                let pairs = (0..count).map(|_| Ok((self.blob()?, self.blob()?)));
                Change::OmapSet { o, pairs: pairs.collect::<Result<_>>()? }
            }
            OMAP_REMOVE => {
                let count = self.r.count("omap keys", BLOB_BYTES_MIN)?;
                let keys = (0..count).map(|_| self.blob()).collect::<Result<_>>()?;
                Change::OmapRemove { o, keys }
            }
            OMAP_REMOVE_RANGE => {
                Change::OmapRemoveRange { o, first: self.blob()?, last: self.blob()? }
            }
            OMAP_CLEAR => Change::OmapClear { o },
            OMAP_SET_HEADER => Change::OmapSetHeader { o, header: self.blob()? },
            CLONE => {
                let to = self.target(&o)?;
                Change::Clone { from: o, to }
            }
            CLONE_RANGE => {
                let to = self.target(&o)?;
                let (from_block, to_block, blocks) = (self.r.u32()?, self.r.u32()?, self.r.u32()?);
                check(are_blocks(from_block, blocks), "source of a clone", from_block as u64)?;
                check(are_blocks(to_block, blocks), "target of a clone", to_block as u64)?;
                let end = self.size()?;
                Change::CloneRange { from: o, to, from_block, to_block, blocks, end }
            }
            other => return Err(DecodeError::Invalid { what: "change", value: other as u64 }),
        })
    }

    fn write(&mut self, o: ObjectName) -> Result<Change> {
        let end = self.number()?;
        check(end <= OBJECT_SIZE_MAX, "object size", end)?;
        let count = self.number()?;
        // A run has a block at least, and that a checksum.
        let room = self.r.remaining() / (WRITTEN_RUN_BYTES_MIN + 4);
        check(count <= room as u64, "runs of a write", count)?;
        let mut runs = Vec::with_capacity(count as usize);
        let (mut next, mut blocks) = (0u32, 0u64);
        for _ in 0..count {
            let (gap, len) = (self.number()?, self.number()?);
            let small = |n: u64| n <= BLOCKS_MAX as u64;
            check(small(gap) && small(len) && small(next as u64), "blocks of a run", gap.max(len))?;
            let (block, len) = (next + gap as u32, len as u32);
            let (laddr, place) = (self.number()?, self.r.u32()?);
            let run = WrittenRun { block, blocks: len, laddr, place };
            check(run.run().is_sane(), "run at block", block as u64)?;
            let place_end = run.place.checked_add(len);
            let placed = place_end.is_some_and(|end| end <= self.place_end);
            check(placed, "place of a run", run.place as u64)?;
            next = run.run().end();
            blocks += len as u64;
            runs.push(run);
        }
        check(blocks <= self.r.remaining() as u64 / 4, "blocks of a write", blocks)?;
        let crcs = self.r.take("checksums", blocks as usize * 4)?;
        let word = |c: &[u8]| u32::from_le_bytes(c.try_into().expect("4 bytes"));
        Ok(Change::Write { o, end, runs, crcs: crcs.chunks_exact(4).map(word).collect() })
    }

    fn moves(&mut self) -> Result<Change> {
        let count = self.r.u32()?;
        let (to, base) = (self.r.u32()?, self.r.u32()?);
        let room = self.r.remaining() / MOVED_BYTES_MIN;
        check(count as usize <= room, "moves", count as u64)?;
        let end = to as u64 + count as u64;
        check(end <= self.place_end as u64, "place of moved blocks", to as u64)?;
        let mut moves = Vec::with_capacity(count as usize);
        let mut next = 0u64;
        for _ in 0..count {
            let laddr = next.saturating_add(self.number()?);
            check(laddr < LADDR_END, "laddr", laddr)?;
            let from = self.number()?.saturating_add(base as u64);
            check(from < self.place_end as u64, "place of a moved block", from)?;
            moves.push(Moved { laddr, from: from as u32 });
            next = laddr + 1;
        }
        Ok(Change::Move { to, moves })
    }

    /// A form that is longer than it has to be is refused, so that equal changes have equal bytes.
    fn number(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..NUMBER_BITS_MAX).step_by(7) {
            let byte = self.r.u8()?;
            value |= ((byte & 0x7f) as u64) << shift;
            if byte & 0x80 == 0 {
                check(byte != 0 || shift == 0, "long number", value)?;
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid { what: "number", value })
    }

    fn blob(&mut self) -> Result<Bytes> {
        Ok(self.bytes.slice_ref(get_blob(&mut self.r)?))
    }

    fn size(&mut self) -> Result<u64> {
        let size = self.r.u64()?;
        check(size <= OBJECT_SIZE_MAX, "object size", size)?;
        Ok(size)
    }

    fn blocks(&mut self) -> Result<(u32, u32)> {
        let (block, blocks) = (self.r.u32()?, self.r.u32()?);
        check(are_blocks(block, blocks), "blocks from", block as u64)?;
        Ok((block, blocks))
    }

    fn pg(&mut self) -> Result<PgId> {
        Ok(PgId { pool: PoolId(self.r.i64()?), seed: self.r.u32()? })
    }

    fn text(&mut self) -> Result<String> {
        let len = self.number()?;
        check(len <= NAME_BYTES_MAX as u64, "length of a name", len)?;
        let len = len as usize;
        let bytes = self.r.take("name", len)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(e) => {
                let value = bytes[e.valid_up_to()] as u64;
                Err(DecodeError::Invalid { what: "name (UTF-8)", value })
            }
        }
    }

    /// What could have been left out is refused, so that equal names have equal bytes.
    fn name(&mut self) -> Result<HObject> {
        let form = self.r.u8()?;
        let known = NAME_LONG_POOL | NAME_SNAP | NAME_NSPACE | NAME_KEY;
        check(form & !known == 0, "form of a name", form as u64)?;
        let has = |bit: u8| form & bit != 0;
        let pool = if has(NAME_LONG_POOL) { self.r.i64()? } else { self.number()? as i64 };
        check((pool < 0) == has(NAME_LONG_POOL), "pool", pool as u64)?;
        let hash = self.r.u32()?;
        let snap = SnapId(if has(NAME_SNAP) { self.r.u64()? } else { SnapId::HEAD.0 });
        check((snap != SnapId::HEAD) == has(NAME_SNAP), "snapshot", snap.0)?;
        let nspace = if has(NAME_NSPACE) { self.text()? } else { String::new() };
        let key = if has(NAME_KEY) { self.text()? } else { String::new() };
        let left_out = nspace.is_empty() != has(NAME_NSPACE) && key.is_empty() != has(NAME_KEY);
        check(left_out, "form of a name", form as u64)?;
        Ok(HObject { pool: PoolId(pool), hash, nspace, key, name: self.text()?, snap, max: false })
    }

    fn target(&mut self, from: &HObject) -> Result<ObjectName> {
        Ok(match self.r.u8()? {
            TARGET_NAMED => self.name()?.into(),
            TARGET_OTHER_SNAP => HObject { snap: SnapId(self.r.u64()?), ..from.clone() }.into(),
            other => return Err(DecodeError::Invalid { what: "target", value: other as u64 }),
        })
    }
}
