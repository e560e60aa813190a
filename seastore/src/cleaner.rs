//! Cleaner: moves live data out of the emptiest segments when free ones get few.
//!
//! A move is a write of what is there already, in a record of its own. Its source is given up when
//! the record is durable, so a crash at any moment finds the data in one of the two places.

use crate::event::{Corrupt, StoreEffect, StoreEvent};
use crate::format::BLOCK;
use crate::objects::ObjectId;
use crate::onode::blocks_touched;
use crate::reader::{blocks_of, check_blocks};
use crate::store::{Io, Phase, Queued, QueuedOp, Store, note_kill};
use crate::txn::TxnOp;
use bytes::Bytes;
use types::node::IoError;

/// One step reads at most this much of a segment, bytes.
const STEP_BYTES_MAX: u64 = 512 << 10;

/// A segment of which the device refuses to read a part is visited so many times more: an error may
/// pass, and a full store that leaves such segments alone has nothing left to clean.
const VISITS_MAX: u8 = 8;

#[derive(Debug, Clone, Copy)]
struct Item {
    addr: u64,
    len: u64,
    object: ObjectId,
    offset: u64,
}

/// A segment being cleaned.
pub(crate) struct Cleaning {
    victim: u32,
    /// What was live when it was chosen, by address.
    items: Vec<Item>,
    /// Items before this one are done.
    at: usize,
    /// The read under way: its address and the end of its items.
    reading: Option<(u64, usize)>,
    /// The device refused to read some of it.
    unread: bool,
}

impl Store {
    /// Takes one step if free segments are few: chooses a segment, or reads the next part of it.
    pub(crate) fn step_cleaner(&mut self, fx: &mut Vec<StoreEffect>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        // A visit that ends asks the device for nothing: without the next one, somebody who waits
        // for room might wait on a store that does nothing.
        loop {
            if self.cleaning.is_none() && self.is_short() {
                self.choose_victim();
            }
            let Some(mut cleaning) = self.cleaning.take() else { return };
            if cleaning.at == cleaning.items.len() {
                self.end_visit(&cleaning);
                continue;
            }
            if cleaning.reading.is_none() && self.writable_bytes(0) > STEP_BYTES_MAX * 2 {
                self.read_step(&mut cleaning, fx);
            }
            self.cleaning = Some(cleaning);
            return;
        }
    }

    fn end_visit(&mut self, cleaning: &Cleaning) {
        let segment = self.segments.get(cleaning.victim);
        if cleaning.unread && segment.visits < VISITS_MAX {
            segment.visits += 1;
        } else {
            // Freed by the next reap, once the moves are durable.
            segment.cleaned = true;
        }
    }

    /// Takes the emptiest segment that the last checkpoint has passed: it is free as soon as its
    /// data are moved. If a much emptier one waits for a checkpoint, takes that checkpoint.
    fn choose_victim(&mut self) {
        let segment_bytes = self.segments.segment_bytes;
        let live = |store: &Self, s: u32| store.segments.segments[s as usize].live;
        let Some(any) = self.segments.emptiest(None) else { return };
        let passed = self.segments.emptiest(Some(self.journal_start));
        let any_live = live(self, any);
        let worth_it = passed.filter(|p| live(self, *p) <= segment_bytes / 16 * 15);
        if worth_it.is_none_or(|p| any_live + segment_bytes / 8 < live(self, p))
            && Some(any) != passed
        {
            self.start_checkpoint();
        }
        let Some(victim) = worth_it else { return };
        let mut items = Vec::new();
        for owner in &self.segments.segments[victim as usize].owners {
            let Some(onode) = self.objects.slot(owner.object) else { continue };
            let end = owner.offset + owner.len as u64;
            for (offset, extent) in onode.extents.overlapping(owner.offset, end) {
                if !extent.is_pending() && self.segments.of(extent.addr) == victim {
                    let (addr, len) = (extent.addr, extent.len as u64);
                    items.push(Item { addr, len, object: owner.object, offset });
                }
            }
        }
        items.sort_by_key(|i| (i.addr, i.object, i.offset));
        items.dedup_by_key(|i| (i.addr, i.object, i.offset));
        self.cleaning = Some(Cleaning { victim, items, at: 0, reading: None, unread: false });
    }

    fn read_step(&mut self, cleaning: &mut Cleaning, fx: &mut Vec<StoreEffect>) {
        let start = cleaning.items[cleaning.at].addr / BLOCK * BLOCK;
        let mut end = start;
        let mut to = cleaning.at;
        for item in &cleaning.items[cleaning.at..] {
            let first = item.addr / BLOCK * BLOCK;
            let item_end = first + blocks_touched(item.addr, item.len) as u64 * BLOCK;
            if to > cleaning.at && item_end - start > STEP_BYTES_MAX {
                break;
            }
            end = end.max(item_end);
            to += 1;
        }
        cleaning.reading = Some((start, to));
        self.segments.get(cleaning.victim).readers += 1;
        let offset = self.device_offset(start);
        let io = self.new_io(Io::Clean);
        fx.push(StoreEffect::Read { io, offset, len: (end - start) as usize });
    }

    /// Queues moves of what is still live of the part just read. What cannot be read stays.
    pub(crate) fn on_clean_read(&mut self, result: Result<Bytes, IoError>) {
        let Some(mut cleaning) = self.cleaning.take() else { return };
        let Some((start, to)) = cleaning.reading.take() else { return };
        self.segments.reader_left(cleaning.victim);
        let items = cleaning.items[cleaning.at..to].to_vec();
        cleaning.at = to;
        cleaning.unread |= result.is_err();
        self.cleaning = Some(cleaning);
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        let buf = match result {
            Ok(buf) => buf,
            Err(error) => return self.unreadable(&items, start, error),
        };
        let mut queued = Queued::default();
        for item in items {
            self.move_item(&item, start, &buf, &mut queued);
        }
        if !queued.ops.is_empty() {
            self.moves.push_back(queued);
        }
    }

    /// Says so, if anything of the part is still live.
    fn unreadable(&mut self, items: &[Item], start: u64, error: IoError) {
        let mut owners = items.iter().filter_map(|item| self.objects.slot(item.object));
        let Some(object) = owners.next().map(|onode| onode.name.clone()) else { return };
        let device_offset = self.device_offset(start);
        self.events.push(StoreEvent::Unreadable { object, device_offset, error });
    }

    fn move_item(&mut self, item: &Item, start: u64, buf: &Bytes, queued: &mut Queued) {
        let Some(onode) = self.objects.slot(item.object) else { return };
        let name = onode.name.clone();
        // Writes since the choice may have left less of it, in pieces.
        let range = item.addr..item.addr + item.len;
        let left: Vec<_> = onode
            .extents
            .overlapping(item.offset, item.offset + item.len)
            .filter(|(_, extent)| range.contains(&extent.addr))
            .collect();
        for (offset, extent) in left {
            let (blocks, skip) = blocks_of(&extent, start);
            let Some(bytes) = buf.get(blocks.clone()) else { return };
            if let Err((index, expected, found)) = check_blocks(&extent, bytes) {
                let at = start + blocks.start as u64 + index as u64 * BLOCK;
                let device_offset = self.device_offset(at);
                let object = name.clone();
                let corrupt = Corrupt { object, device_offset, expected, found };
                self.events.push(StoreEvent::CorruptFound(corrupt));
                continue;
            }
            let from = blocks.start + skip;
            let data = buf.slice(from..from + extent.len as usize);
            let moved = self.queue_data(data.clone());
            let position = moved.addr & !crate::onode::PENDING;
            let segment_bytes = self.segments.segment_bytes;
            let kills = &mut queued.kills;
            self.objects.relocate(item.object, offset, moved, &mut |addr, len| {
                note_kill(kills, segment_bytes, addr, len)
            });
            let op = TxnOp::Write { o: name.clone(), offset, data };
            queued.bytes_max += extent.len as u64 + op.delta_bytes_max();
            queued.ops.push(QueuedOp { op, object: Some(item.object), position });
        }
    }
}
