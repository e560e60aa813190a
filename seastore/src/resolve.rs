//! From operations to changes: where data go, what partial blocks become, what the journal is told.
//!
//! Every function here comes after a touch of the same operation, so nothing is missing.

use crate::change::{self, Change, WrittenRun};
use crate::format::BLOCK;
use crate::key;
use crate::store::Store;
use crate::txn::{ObjectName, TxnOp, copies_bytes};
use bytes::{Bytes, BytesMut};
use types::node::BLOCK_SIZE;

/// What the change that tells of a write takes at most, bytes: a run for each block where shares
/// may end anywhere, else one per chunk.
fn write_bytes_max(o: &ObjectName, blocks: u32, shared: bool) -> usize {
    let name = 64 + o.nspace.len() + o.key.len() + o.name.len();
    let runs = if shared { blocks } else { blocks / 1024 + 2 };
    name + 20 * runs as usize + 4 * blocks as usize
}

/// A write goes to the journal in pieces of at most so many blocks.
const PIECE_BLOCKS: u32 = 512;
/// Pairs of an omap are journaled in changes of about this size, bytes.
const OMAP_BYTES: usize = 48 << 10;

impl Store {
    pub(crate) fn apply_op(&mut self, op: TxnOp) {
        match op {
            TxnOp::CreateCollection { pg, bits } => {
                self.change(Change::CreateCollection { pg, bits })
            }
            TxnOp::RemoveCollection { pg } => self.change(Change::RemoveCollection { pg }),
            TxnOp::Touch { o } => self.change(Change::Touch { o }),
            TxnOp::Write { o, offset, data } => self.write(&o, offset, data),
            TxnOp::Zero { o, offset, len } => self.zero(&o, offset, len),
            TxnOp::Truncate { o, size } => self.truncate(&o, size),
            TxnOp::Remove { o } => self.change(Change::Remove { o }),
            TxnOp::SetXattr { o, name, value } => {
                self.meta.ensured(&o);
                self.meta.set_xattr(&name, &value);
                self.journal.put_change(&mut self.segments, |out, last| {
                    change::put_xattr(out, &o, last, &name, &value)
                });
            }
            TxnOp::RemoveXattr { o, name } => self.change(Change::RemoveXattr { o, name }),
            TxnOp::OmapSet { o, pairs } => self.omap_set(&o, pairs),
            TxnOp::OmapRemove { o, keys } => self.change(Change::OmapRemove { o, keys }),
            TxnOp::OmapRemoveRange { o, first, last } => {
                self.change(Change::OmapRemoveRange { o, first, last })
            }
            TxnOp::OmapClear { o } => self.change(Change::OmapClear { o }),
            TxnOp::OmapSetHeader { o, header } => self.change(Change::OmapSetHeader { o, header }),
            TxnOp::Clone { o, to } => self.clone_object(o, to),
            TxnOp::CloneRange { o, to, from_offset, to_offset, len } => {
                self.clone_range(&o, &to, from_offset, to_offset, len)
            }
        }
    }

    /// Applies a change and tells the journal.
    pub(crate) fn change(&mut self, change: Change) {
        self.meta.apply(&change, &mut self.segments);
        self.journal.put_change(&mut self.segments, |out, last| change::put(out, &change, last));
    }

    /// What a block of the object holds; `None` for a hole.
    fn block_of(&mut self, o: &ObjectName, block: u32) -> Option<Bytes> {
        let (laddr, _) = self.meta.opened(o)?.laddr_of(block)?;
        let found = self.meta.block(laddr).expect("touched");
        let (place, _, _) = found?;
        let fresh = self.journal.fresh_block(place);
        Some(fresh.unwrap_or_else(|| self.staged[&place].clone()))
    }

    fn write(&mut self, o: &ObjectName, offset: u64, data: Bytes) {
        let end = offset + data.len() as u64;
        let first = (offset / BLOCK) as u32;
        let mut parts = Vec::new();
        let mut at = offset;
        if offset.is_multiple_of(BLOCK) && end.is_multiple_of(BLOCK) {
            let blocks = data.len() / BLOCK_SIZE;
            return self.write_blocks(o, first, blocks, std::iter::once(data), end);
        }
        while at < end {
            let inside = (at % BLOCK) as usize;
            let from = (at - offset) as usize;
            let whole = (end - at) / BLOCK;
            if inside == 0 && whole > 0 {
                let len = whole as usize * BLOCK_SIZE;
                parts.push(data.slice(from..from + len));
                at += len as u64;
                continue;
            }
            let len = (BLOCK_SIZE - inside).min((end - at) as usize);
            let mut block = BytesMut::zeroed(BLOCK_SIZE);
            if let Some(old) = self.block_of(o, (at / BLOCK) as u32) {
                block.copy_from_slice(&old);
            }
            block[inside..inside + len].copy_from_slice(&data[from..from + len]);
            parts.push(block.freeze());
            at += len as u64;
        }
        let blocks = parts.iter().map(Bytes::len).sum::<usize>() / BLOCK_SIZE;
        self.write_blocks(o, first, blocks, parts.into_iter(), end);
    }

    /// Writes so many whole blocks; the object's size becomes at least `end`.
    fn write_blocks(
        &mut self,
        o: &ObjectName,
        first: u32,
        blocks: usize,
        mut parts: impl Iterator<Item = Bytes>,
        end: u64,
    ) {
        let shared = self.meta.ensured(o).shared;
        let mut left = blocks as u32;
        if left == 0 {
            self.meta.grow(end);
            self.journal.put_change(&mut self.segments, |out, last| {
                change::put_write(out, o, last, end, &[], &[]);
            });
        }
        let mut part = Bytes::new();
        let mut block = first;
        let (mut crcs, mut runs) = std::mem::take(&mut self.written);
        while left > 0 {
            let wanted = left.min(PIECE_BLOCKS);
            let room = write_bytes_max(o, wanted, shared);
            let (place, count) = self.journal.reserve(wanted, room, &mut self.segments);
            crcs.clear();
            runs.clear();
            let mut taken = 0;
            while taken < count {
                if part.is_empty() {
                    part = parts.next().expect("as many parts as blocks");
                }
                let len = part.len().min((count - taken) as usize * BLOCK_SIZE);
                taken += (len / BLOCK_SIZE) as u32;
                self.journal.put_data(part.split_to(len), &mut crcs);
            }
            let mut at = 0;
            while at < count {
                let (laddr, blocks) = self.meta.laddr_for(block + at, count - at);
                let run = WrittenRun { block: block + at, blocks, laddr, place: place + at };
                let own = &crcs[at as usize..(at + blocks) as usize];
                self.meta.put_run(&run, own, &mut self.segments);
                runs.push(run);
                at += blocks;
            }
            block += count;
            left -= count;
            let end = end.min(block as u64 * BLOCK);
            self.meta.grow(end);
            self.journal.put_change(&mut self.segments, |out, last| {
                change::put_write(out, o, last, end, &runs, &crcs);
            });
        }
        self.written = (crcs, runs);
    }

    /// A block that is not a hole, with a part of it zeroed.
    fn zero_part(&mut self, o: &ObjectName, start: u64, end: u64) {
        let block = (start / BLOCK) as u32;
        let Some(old) = self.block_of(o, block) else { return };
        let mut new = BytesMut::from(&old[..]);
        let from = (start % BLOCK) as usize;
        new[from..from + (end - start) as usize].fill(0);
        self.write_blocks(o, block, 1, std::iter::once(new.freeze()), 0);
    }

    fn zero(&mut self, o: &ObjectName, offset: u64, len: u64) {
        self.meta.ensured(o);
        let end = offset + len;
        let (first, last) = (offset.next_multiple_of(BLOCK), end / BLOCK * BLOCK);
        if first > last {
            // Within one block.
            self.zero_part(o, offset, end);
        } else {
            if offset < first {
                self.zero_part(o, offset, first);
            }
            if last < end {
                self.zero_part(o, last, end);
            }
        }
        let (block, blocks) = if first < last {
            ((first / BLOCK) as u32, ((last - first) / BLOCK) as u32)
        } else {
            (0, 0)
        };
        self.change(Change::Punch { o: o.clone(), block, blocks, end });
    }

    fn truncate(&mut self, o: &ObjectName, size: u64) {
        let old = self.meta.ensured(o).size;
        if size < old && !size.is_multiple_of(BLOCK) {
            self.zero_part(o, size, size.next_multiple_of(BLOCK));
        }
        self.change(Change::SetSize { o: o.clone(), size });
    }

    fn omap_set(&mut self, o: &ObjectName, pairs: Vec<(Bytes, Bytes)>) {
        self.meta.ensured(o);
        for (key, value) in &pairs {
            self.meta.omap_set(key, value);
        }
        let mut rest = &pairs[..];
        loop {
            let mut bytes = 0;
            let count = rest
                .iter()
                .take_while(|(key, value)| {
                    let fits = bytes < OMAP_BYTES;
                    bytes += key.len() + value.len() + 8;
                    fits
                })
                .count();
            let (now, later) = rest.split_at(count);
            self.journal.put_change(&mut self.segments, |out, last| {
                change::put_omap_set(out, o, last, now)
            });
            rest = later;
            if rest.is_empty() {
                return;
            }
        }
    }

    fn clone_object(&mut self, from: ObjectName, to: ObjectName) {
        let Some(source) = self.meta.opened(&from) else { return };
        let (id, header_bytes) = (source.omap_id, source.omap_header_bytes);
        if from == to {
            return;
        }
        self.meta.close();
        let mut pairs = Vec::new();
        let mut header = Bytes::new();
        if id != 0 {
            let (first, last) = key::omap_range(id);
            let meta = &self.meta;
            meta.omap
                .scan_range(&meta.pager, &first, &last, &mut |stored, value| {
                    if let Ok((_, Some(key))) = key::split_omap_key(stored) {
                        let pair = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                        pairs.push(pair);
                    }
                    true
                })
                .expect("touched");
            if header_bytes > 0 {
                let found = self.meta.omap_value(id, None).expect("touched");
                header = Bytes::copy_from_slice(found.unwrap_or(&[]));
            }
        }
        self.change(Change::Clone { from, to: to.clone() });
        if !pairs.is_empty() {
            self.omap_set(&to, pairs);
        }
        if !header.is_empty() {
            self.change(Change::OmapSetHeader { o: to, header });
        }
    }

    fn clone_range(
        &mut self,
        from: &ObjectName,
        to: &ObjectName,
        from_offset: u64,
        to_offset: u64,
        len: u64,
    ) {
        if self.meta.opened(from).is_none() || len == 0 {
            return;
        }
        let (end, to_end) = (from_offset + len, to_offset + len);
        let (first, last) = (from_offset.next_multiple_of(BLOCK), end / BLOCK * BLOCK);
        if copies_bytes(from, to, from_offset, to_offset, len) {
            return self.copy_range(from, to, from_offset, to_offset, len);
        }
        self.copy_range(from, to, from_offset, to_offset, first - from_offset);
        let last_to = to_offset + (last - from_offset);
        self.copy_range(from, to, last, last_to, end - last);
        self.change(Change::CloneRange {
            from: from.clone(),
            to: to.clone(),
            from_block: (first / BLOCK) as u32,
            to_block: ((to_offset + (first - from_offset)) / BLOCK) as u32,
            blocks: ((last - first) / BLOCK) as u32,
            end: to_end,
        });
    }

    /// Copies bytes: what cannot be shared.
    fn copy_range(
        &mut self,
        from: &ObjectName,
        to: &ObjectName,
        from_offset: u64,
        to_offset: u64,
        len: u64,
    ) {
        if len == 0 {
            return;
        }
        let mut bytes = BytesMut::zeroed(len as usize);
        let mut holes = true;
        let (mut at, end) = (from_offset, from_offset + len);
        while at < end {
            let inside = (at % BLOCK) as usize;
            let count = (BLOCK_SIZE - inside).min((end - at) as usize);
            if let Some(data) = self.block_of(from, (at / BLOCK) as u32) {
                let to = (at - from_offset) as usize;
                bytes[to..to + count].copy_from_slice(&data[inside..inside + count]);
                holes = false;
            }
            at += count as u64;
        }
        if holes {
            self.zero(to, to_offset, len);
        } else {
            self.write(to, to_offset, bytes.freeze());
        }
    }
}
