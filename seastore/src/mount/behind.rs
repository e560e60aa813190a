//! What lies behind a damaged record, for a mount that salvages.
//!
//! The state stays that of the record before the damaged one. The records behind it that can still be
//! read tell which objects are known to be outdated; what the damaged one changed nobody knows.
//! Blocks that the cleaner moved are followed all the same: where they were may be written over.

use super::Mount;
use crate::change::Change;
use crate::change::reader::ChangeReader;
use crate::event::{StoreError, StoreEvent};
use crate::record::{COLD, FIRST, HEADER_BYTES, MORE, RAW, RecordHeader};
use crate::store::Store;
use bytes::{Bytes, BytesMut};
use types::hash::crc32c;

/// The journal from its damaged record on.
pub(super) struct Behind {
    /// Of the damaged record, bytes.
    device_offset: u64,
    /// Of the damaged record.
    sequence: u64,
    segment: u32,
    block: u32,
    /// Segment in which the journal goes on after this one, if a record says so.
    next: Option<u32>,
    /// Sequence and checksum of the last record that was met.
    last: (u64, u32),
    /// Sequence of the last one of the journal.
    passed: u64,
    /// The records that follow each other up to the last one are of the journal: one of them says
    /// that the damaged one was durable, as nothing does that a crash left.
    of_journal: bool,
    /// Changes of those that nobody has told of yet.
    waiting: Vec<Change>,
    /// A part of a change that is larger than a record, if it was met from its beginning.
    raw: Option<BytesMut>,
}

/// A record, and where.
struct Found {
    header: RecordHeader,
    /// `None`: damaged.
    deltas: Option<Bytes>,
}

impl Store {
    /// The record at the head of the chain was durable and is damaged, at `device_offset`.
    pub(super) fn begin_behind(&mut self, mount: &mut Mount, device_offset: u64) {
        let head = mount.chain.head;
        let sequence = head.sequence;
        self.events.push(StoreEvent::JournalDamaged { sequence, device_offset });
        mount.behind = Some(Behind {
            device_offset,
            sequence,
            segment: head.segment,
            block: head.block,
            next: Some(head.next),
            last: (sequence - 1, head.previous),
            passed: sequence - 1,
            of_journal: false,
            waiting: Vec::new(),
            raw: Some(BytesMut::new()),
        });
    }

    /// Goes on, when everything before the damaged record has been replayed. `true`: there is nothing
    /// more to be found. `false`: reads are under way.
    pub(super) fn look_behind(&mut self, mount: &mut Mount) -> Result<bool, StoreError> {
        let Some(mut behind) = mount.behind.take() else { return Ok(true) };
        // The damaged one's group counts whole or not at all.
        for piece in mount.chain.take_open_group() {
            for change in ChangeReader::new(piece, self.segments.end(), None).map_while(Result::ok)
            {
                self.name_outdated(mount, &change, behind.device_offset);
            }
        }
        loop {
            if behind.block >= self.readable_blocks(behind.segment) {
                match behind.next.take() {
                    Some(next) if next != behind.segment => {
                        (behind.segment, behind.block) = (next, 0);
                        continue;
                    }
                    _ => return Ok(true),
                }
            }
            match self.record_behind(mount, &behind) {
                Ok(None) => {
                    mount.behind = Some(behind);
                    return Ok(false);
                }
                Ok(Some(Some(found))) => {
                    behind.block += found.header.total_blocks() as u32;
                    self.take_behind(mount, &mut behind, found);
                }
                Ok(Some(None)) => behind.block += 1,
                Err(StoreError::ReadFailed { .. }) => behind.block += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The record that begins at this block, if one does. `None`: wait for reads.
    fn record_behind(
        &mut self,
        mount: &mut Mount,
        behind: &Behind,
    ) -> Result<Option<Option<Found>>, StoreError> {
        let (segment, block) = (behind.segment, behind.block);
        let Some(first) = self.journal_blocks(&mut mount.chain, (segment, block), 1)? else {
            return Ok(None);
        };
        let home = self.journal.home(self.segments.start(segment) + block);
        let readable = self.readable_blocks(segment) as u64;
        let fits = |h: &RecordHeader| {
            h.flags & COLD == 0
                && h.sequence > behind.passed
                && h.header_blocks > 0
                && block as u64 + h.total_blocks() <= readable
                && (h.next as usize) < self.segments.all.len()
        };
        let Some(header) = RecordHeader::decode(&first, &home).filter(fits) else {
            return Ok(Some(None));
        };
        let blocks = header.header_blocks;
        let bytes = match self.journal_blocks(&mut mount.chain, (segment, block), blocks) {
            Ok(None) => return Ok(None),
            Ok(bytes) => bytes,
            Err(_) => None,
        };
        let deltas =
            bytes.map(|b| b.slice(HEADER_BYTES..HEADER_BYTES + header.delta_bytes as usize));
        let deltas = deltas.filter(|deltas| crc32c(!0, deltas) == header.delta_crc);
        Ok(Some(Some(Found { header, deltas })))
    }

    fn take_behind(&mut self, mount: &mut Mount, behind: &mut Behind, found: Found) {
        let header = found.header;
        let follows = header.sequence == behind.last.0 + 1 && header.previous == behind.last.1;
        behind.last = (header.sequence, header.crc);
        if !follows {
            behind.of_journal = false;
            behind.waiting.clear();
            behind.raw = None;
        }
        // Of the damaged one itself nothing counts.
        behind.of_journal |= header.sequence > behind.sequence && header.durable >= behind.sequence;
        if behind.of_journal {
            behind.passed = header.sequence;
            behind.next = Some(header.next);
        }
        if header.flags & FIRST != 0 {
            behind.raw = Some(BytesMut::new());
        }
        let whole = |raw: Option<BytesMut>| raw.map(BytesMut::freeze);
        let mut pieces: Vec<Option<Bytes>> = Vec::new();
        if header.flags & RAW != 0 {
            match (&mut behind.raw, &found.deltas) {
                (Some(raw), Some(deltas)) => raw.extend_from_slice(deltas),
                _ => behind.raw = None,
            }
        } else {
            pieces.push(whole(behind.raw.replace(BytesMut::new())));
            // Not a slice: what a window holds is much more.
            pieces.push(found.deltas.as_deref().map(Bytes::copy_from_slice));
        }
        if header.flags & MORE == 0 {
            pieces.push(whole(behind.raw.replace(BytesMut::new())));
        }
        for piece in pieces.into_iter().flatten() {
            let changes = ChangeReader::new(piece, self.segments.end(), None);
            behind.waiting.extend(changes.map_while(Result::ok));
        }
        if behind.of_journal {
            for change in std::mem::take(&mut behind.waiting) {
                self.name_outdated(mount, &change, behind.device_offset);
                if matches!(change, Change::Move { .. }) {
                    mount.replay.push(change);
                }
            }
        }
    }

    /// A change to the object is left out.
    pub(super) fn name_outdated(&mut self, mount: &mut Mount, change: &Change, device_offset: u64) {
        let Some(object) = change.object() else { return };
        if mount.replay.outdated.insert(object.clone(), device_offset).is_none() {
            self.events.push(StoreEvent::Outdated { object: object.clone(), device_offset });
        }
    }
}
