//! Checkpoint: dirty pages as they were after one record, to new places; then the anchor.
//!
//! The state is frozen between two records. Pages are written a few at a time while transactions go
//! on, which copy what they change. Nothing that an older checkpoint refers to is written over
//! before the anchor that names the new one is durable, twice.

use crate::anchor::{Anchor, JournalPosition, RootPlace};
use crate::event::{StoreEffect, StoreError};
use crate::format::{ANCHOR_ZONES, BLOCK};
use crate::page::Page;
use crate::pages::{PageId, Pages};
use crate::root::{ChunkPlace, Root, SegmentState, blocks_of};
use crate::segments::Use;
use crate::store::{Io, Phase, Store};
use crate::table::Place;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use types::hash::crc32c;
use types::node::BLOCK_SIZE;

/// Pages are written together up to so many blocks.
const WRITE_BLOCKS: u32 = 64;
/// Such writes under way.
const WRITES_MAX: u32 = 2;
/// Between the starts of the two copies of a chunk or root lie at least so many blocks: what makes
/// one unreadable rarely reaches so far.
pub(crate) const COPIES_APART: u32 = 16;

/// Where the newest checkpoint's table chunks and root lie.
#[derive(Debug, Clone, Default)]
pub(crate) struct RootPlaces {
    pub chunks: Vec<ChunkPlace>,
    pub root: Option<RootPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pages,
    /// Chunks of the page table and the root, and all of them again.
    Twice,
    Flush,
    /// Waits for the journal, then writes this copy of the anchor.
    Anchor(usize),
}

/// One write behind the pages. They are in the order of their places: first copies of changed chunks
/// and the root, then the second ones.
#[derive(Debug, Clone)]
struct Part {
    place: u32,
    /// Blocks of nothing, between the copies.
    gap: u32,
    /// Which of the changed chunks.
    chunks: Range<usize>,
    /// Blocks of the root behind them, or none.
    root: u32,
}
impl Part {
    fn blocks(&self) -> u32 {
        self.gap + self.chunks.len() as u32 + self.root
    }
}

/// A checkpoint under way.
pub(crate) struct Checkpointer {
    stage: Stage,
    number: u64,
    /// Where the journal goes on after the last record that the checkpoint holds.
    journal: JournalPosition,
    pages: VecDeque<(PageId, Rc<Page>)>,
    pages_blocks: u64,
    /// Those that have changed.
    chunks: Vec<u32>,
    parts: VecDeque<Part>,
    root: Root,
    /// Places that the new checkpoint does not refer to any more: (block, blocks).
    superseded: Vec<(u32, u32)>,
    places: RootPlaces,
    waiting: u32,
    /// Pages in writes under way, by device offset: they may leave the memory, and be read again,
    /// only when they are where the table will say.
    under_way: BTreeMap<u64, Vec<(PageId, Place)>>,
    journal_blocks: u64,
    steps: u64,
}

impl Checkpointer {
    /// Blocks for which it still has to find a place; those of table and root are `parts`, about.
    pub fn blocks_left(&self, parts: u64) -> u64 {
        if self.stage == Stage::Pages { self.pages_blocks + parts } else { 0 }
    }

    /// In one write with the one before, where it lies behind that in the same copy.
    fn add_part(&mut self, part: Part) {
        match self.parts.back_mut() {
            Some(last)
                if last.root == 0
                    && last.place + last.blocks() == part.place
                    && last.blocks() + part.blocks() <= WRITE_BLOCKS =>
            {
                let from =
                    if last.chunks.is_empty() { part.chunks.start } else { last.chunks.start };
                last.chunks = from..part.chunks.end;
                last.root = part.root;
            }
            _ => self.parts.push_back(part),
        }
    }
}

impl Store {
    /// Blocks of the root, about, with so many chunks.
    pub(crate) fn root_blocks(&self, chunks: usize) -> u32 {
        let (pgs, garbage) = (self.meta.collections.len(), self.meta.garbage.len());
        blocks_of(chunks, self.segments.all.len(), pgs, garbage)
    }

    /// `true`: one has ended.
    pub(crate) fn step_checkpoint(&mut self) -> bool {
        if !matches!(self.phase, Phase::Ready) {
            return false;
        }
        if self.checkpointer.is_none() && self.checkpoint_due() {
            self.start_checkpoint();
        }
        let Some(mut checkpointer) = self.checkpointer.take() else { return false };
        self.advance_checkpoint(&mut checkpointer);
        let done = self.is_checkpoint_done(&checkpointer);
        if !done {
            self.checkpointer = Some(checkpointer);
        }
        done
    }

    /// Freezes the state between two records.
    fn start_checkpoint(&mut self) {
        self.journal.close(false, &mut self.segments);
        self.perform_writes();
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        self.checkpoint_wanted = false;
        self.pages_wanted.set(false);
        if self.is_short() {
            // Each costs no more than its pages once, and is free from then on.
            let segment = self.segments.blocks();
            let most = (self.dirty_bytes_wanted() as u64 / BLOCK / 4) as u32;
            let left = self.meta.pager.places_to_leave();
            let sparse = self.segments.sparse_meta_without(left, most.clamp(segment / 4, segment));
            self.empty_meta_segments(&sparse);
        }
        let head = self.journal.head;
        let frozen = self.meta.pager.freeze();
        let state = |s: &crate::segments::Segment| SegmentState {
            meta: matches!(s.usage, Use::Meta | Use::MetaClosed),
            cold: s.cold,
            live: s.live,
            last_sequence: s.last_sequence,
        };
        let meta = &self.meta;
        let root = Root {
            checkpoint: self.checkpoint + 1,
            store: self.config.superblock.store_uuid,
            shard: self.config.shard,
            onodes: meta.onodes.root,
            lba: meta.lba.root,
            omap: meta.omap.root,
            next_laddr: meta.next_laddr,
            next_omap: meta.next_omap,
            objects: meta.objects,
            data_blocks: meta.data_blocks,
            collections: meta.collections.iter().map(|(pg, bits)| (*pg, *bits)).collect(),
            garbage: meta.garbage.iter().cloned().collect(),
            segments: self.segments.all.iter().map(state).collect(),
            pages: 0,
            chunks: Vec::new(),
        };
        let pages_blocks = frozen.pages.iter().map(|(_, p)| p.encoded_len() as u64 / BLOCK).sum();
        let superseded = frozen.freed_places.iter().map(|p| (p.addr, p.blocks as u32)).collect();
        self.checkpointer = Some(Checkpointer {
            stage: Stage::Pages,
            number: self.checkpoint + 1,
            journal: JournalPosition {
                sequence: head.sequence,
                previous: head.previous,
                place: self.segments.start(head.segment) + head.block,
                segment: head.segment,
                next: head.next,
            },
            pages: frozen.pages.into(),
            pages_blocks,
            chunks: Vec::new(),
            parts: VecDeque::new(),
            root,
            superseded,
            places: self.root_places.clone(),
            waiting: 0,
            under_way: BTreeMap::new(),
            journal_blocks: self.journal.blocks,
            steps: self.meta.steps,
        });
    }

    /// Does what can be done without waiting.
    fn advance_checkpoint(&mut self, c: &mut Checkpointer) {
        while c.waiting < WRITES_MAX && matches!(self.phase, Phase::Ready) {
            match c.stage {
                Stage::Pages if c.pages.is_empty() && c.waiting > 0 => return,
                Stage::Pages if c.pages.is_empty() => {
                    c.chunks = self.meta.pager.table().take_dirty();
                    c.stage = Stage::Twice;
                    if self.place_parts(c).is_none() {
                        return;
                    }
                }
                Stage::Pages => self.write_pages(c),
                Stage::Twice => match c.parts.pop_front() {
                    None => c.stage = Stage::Flush,
                    Some(part) => self.write_part(c, part),
                },
                Stage::Flush if c.waiting > 0 => return,
                Stage::Flush => {
                    let io = self.new_io(Io::CheckpointFlush);
                    self.out.push(StoreEffect::Flush { io });
                    c.waiting += 1;
                    c.stage = Stage::Anchor(0);
                    return;
                }
                Stage::Anchor(copy) => {
                    // What the checkpoint holds must not be newer than the journal on the device.
                    let durable = self.journal.durable + 1 >= c.journal.sequence;
                    if c.waiting > 0 || !durable || copy == 2 {
                        return;
                    }
                    self.write_anchor(c, copy);
                    c.stage = Stage::Anchor(copy + 1);
                    return;
                }
            }
        }
    }

    /// Room for at most `wanted` blocks in one piece, at least `least`.
    fn meta_place(&mut self, least: u32, wanted: u32) -> Option<(u32, u32)> {
        let blocks = self.segments.blocks();
        if let Some((segment, at)) = self.meta_head {
            if blocks - at >= least {
                let count = wanted.min(blocks - at);
                self.meta_head = Some((segment, at + count));
                return Some((self.segments.start(segment) + at, count));
            }
            self.segments.seal(segment, Use::MetaClosed, at);
            self.meta_head = None;
        }
        let Some(segment) = self.segments.allocate(Use::Meta) else {
            self.fail(StoreError::ReserveExhausted);
            return None;
        };
        let count = wanted.min(blocks);
        self.meta_head = Some((segment, count));
        Some((self.segments.start(segment), count))
    }

    fn write_meta(&mut self, c: &mut Checkpointer, place: u32, parts: &[Bytes]) {
        let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        let buf = self.journal.memory.join(&parts);
        self.counters.device_bytes += buf.len() as u64;
        self.counters.checkpoint_bytes += buf.len() as u64;
        let offset = self.journal.device_offset(place);
        // The flush before the anchor makes all of them durable at once.
        self.write_device(Io::Checkpoint { device_offset: offset }, offset, buf, false);
        c.waiting += 1;
    }

    fn write_pages(&mut self, c: &mut Checkpointer) {
        let first = c.pages[0].1.encoded_len() as u32 / BLOCK as u32;
        let Some((start, count)) = self.meta_place(first, WRITE_BLOCKS.max(first)) else { return };
        let mut parts = Vec::new();
        let mut used = 0;
        let mut written = Vec::new();
        while let Some((id, page)) = c.pages.front() {
            let blocks = page.encoded_len() as u32 / BLOCK as u32;
            if used + blocks > count {
                break;
            }
            let bytes = page.encode(*id);
            let place = Place::of(start + used, &bytes, page.kind());
            parts.push(bytes);
            written.push((*id, place));
            used += blocks;
            c.pages_blocks -= blocks as u64;
            c.pages.pop_front();
        }
        // What was not used goes back.
        if let Some((_, at)) = &mut self.meta_head {
            *at -= count - used;
        }
        c.under_way.insert(self.journal.device_offset(start), written);
        self.segments.meta_birth(start, used);
        self.write_meta(c, start, &parts);
    }

    /// Says where chunks and root come to lie: a root names both copies of the chunks. `None`: there
    /// is no room, and the store has failed.
    fn place_parts(&mut self, c: &mut Checkpointer) -> Option<()> {
        let chunks = c.chunks.len();
        let end = c.chunks.last().map_or(0, |index| *index as usize + 1);
        let places = &mut c.places.chunks;
        places.resize(places.len().max(end), ChunkPlace::NONE);
        for index in &c.chunks {
            let old = std::mem::replace(&mut places[*index as usize], ChunkPlace::NONE);
            if old != ChunkPlace::NONE {
                c.superseded.extend(old.addr.map(|addr| (addr, 1)));
            }
        }
        if let Some(old) = c.places.root {
            c.superseded.extend(old.addr.map(|addr| (addr, old.blocks)));
        }
        let blocks = c.root.blocks(places.len());
        let mut root = RootPlace { addr: [0; 2], blocks, crc: 0 };
        for copy in 0..2 {
            let gap = COPIES_APART.saturating_sub(chunks as u32 + blocks);
            if copy == 1 && gap > 0 {
                let (place, _) = self.meta_place(gap, gap)?;
                // A zone is written without gaps.
                if self.zones.is_some() {
                    c.add_part(Part { place, gap, chunks: 0..0, root: 0 });
                }
            }
            let mut from = 0;
            while from < chunks {
                let wanted = WRITE_BLOCKS.min((chunks - from) as u32);
                let (place, count) = self.meta_place(1, wanted)?;
                self.segments.meta_birth(place, count);
                let run = from..from + count as usize;
                c.add_part(Part { place, gap: 0, chunks: run, root: 0 });
                for (i, index) in c.chunks[from..].iter().take(count as usize).enumerate() {
                    c.places.chunks[*index as usize].addr[copy] = place + i as u32;
                }
                from += count as usize;
            }
            let (place, _) = self.meta_place(blocks, blocks)?;
            self.segments.meta_birth(place, blocks);
            c.add_part(Part { place, gap: 0, chunks: chunks..chunks, root: blocks });
            root.addr[copy] = place;
        }
        c.places.root = Some(root);
        Some(())
    }

    fn write_part(&mut self, c: &mut Checkpointer, part: Part) {
        let mut parts = vec![Bytes::from(vec![0; part.gap as usize * BLOCK_SIZE])];
        for index in &c.chunks[part.chunks] {
            let bytes = self.meta.pager.table().encode_chunk(*index);
            c.places.chunks[*index as usize].crc = crc32c(!0, &bytes);
            parts.push(bytes);
        }
        if part.root > 0 {
            c.root.pages = self.meta.pager.table().len() as u32;
            c.root.chunks = c.places.chunks.clone();
            let bytes = c.root.encode();
            if let Some(root) = &mut c.places.root {
                root.crc = crc32c(!0, &bytes);
            }
            parts.push(bytes.into());
        }
        self.write_meta(c, part.place, &parts);
    }

    fn write_anchor(&mut self, c: &mut Checkpointer, copy: usize) {
        let anchor = Anchor { checkpoint: c.number, journal: c.journal, root: c.places.root };
        self.append_anchor(&anchor, copy);
        c.waiting += 1;
    }

    /// Writes one of the two copies of an anchor: over an older one, or behind the newest in a zone.
    pub(crate) fn append_anchor(&mut self, anchor: &Anchor, copy: usize) {
        let (sb, shard) = (&self.config.superblock, self.config.shard);
        let buf = anchor.encode(&sb.store_uuid, shard);
        let offset = match &mut self.zones {
            None => sb.anchor_offsets(shard)[(anchor.checkpoint % 2) as usize + 2 * copy],
            Some(zones) => zones.take_anchor(2 - copy as u32),
        };
        self.counters.device_bytes += buf.len() as u64;
        self.counters.checkpoint_bytes += buf.len() as u64;
        self.write_device(Io::Checkpoint { device_offset: offset }, offset, buf, true);
        // The zone before may be full, and waits for nothing else.
        (0..ANCHOR_ZONES as u32).for_each(|zone| self.run_zone(zone));
    }

    pub(crate) fn on_checkpoint_io(&mut self, device_offset: u64, result: Result<(), StoreError>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        if let Err(error) = result {
            self.fail(error);
            return;
        }
        let Some(c) = &mut self.checkpointer else { return };
        c.waiting -= 1;
        for (id, place) in c.under_way.remove(&device_offset).unwrap_or_default() {
            if let Some(old) = self.meta.pager.placed(id, place) {
                c.superseded.push((old.addr, old.blocks as u32));
            }
        }
    }

    fn is_checkpoint_done(&mut self, c: &Checkpointer) -> bool {
        if c.stage != Stage::Anchor(2) || c.waiting > 0 {
            return false;
        }
        self.checkpoint = c.number;
        self.counters.checkpoints += 1;
        self.journal.start = c.journal.sequence;
        self.journal.blocks -= c.journal_blocks;
        self.meta.steps -= c.steps;
        self.root_places = c.places.clone();
        // The chunks among them counted as changed.
        self.bad_copies.clear();
        for (place, blocks) in &c.superseded {
            self.segments.meta_kill(*place, *blocks);
        }
        self.meta.pager.thawed();
        self.segments.changed();
        self.reap_segments();
        self.say_room();
        if self.is_short() {
            let sparsest = self.segments.sparse_meta(0);
            self.empty_meta_segments(&sparsest);
        }
        true
    }

    /// Makes the pages of segments dirty, so that the next checkpoint writes them elsewhere: those
    /// that are in memory now, the others once they are.
    pub(crate) fn empty_meta_segments(&mut self, segments: &[u32]) {
        if segments.is_empty() {
            return;
        }
        let all = &self.segments;
        let in_them = |place: u32| segments.contains(&all.of(place));
        for (index, chunk) in self.root_places.chunks.iter().enumerate() {
            if *chunk != ChunkPlace::NONE && chunk.addr.into_iter().any(in_them) {
                self.meta.pager.table().make_dirty(index as u32);
            }
        }
        for id in self.meta.pager.pages_where(in_them) {
            if self.meta.pager.is_resident(id) {
                self.meta.pager.rewrite(id);
            } else {
                self.want_rewrite(id);
            }
        }
    }
}
