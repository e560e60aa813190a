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
use crate::root::{ChunkPlace, Root, SegmentState};
use crate::segments::Use;
use crate::store::{Io, Phase, Store};
use crate::table::Place;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};

/// Pages are written together up to so many blocks.
const WRITE_BLOCKS: u32 = 64;
/// Such writes under way.
const WRITES_MAX: u32 = 2;

/// Where the newest checkpoint's table chunks and root lie.
#[derive(Debug, Clone, Default)]
pub(crate) struct RootPlaces {
    pub chunks: Vec<ChunkPlace>,
    pub root: Option<RootPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pages,
    Chunks,
    Root,
    Flush,
    /// Waits for the journal, then writes this copy of the anchor.
    Anchor(usize),
}

/// A checkpoint under way.
pub(crate) struct Checkpointer {
    stage: Stage,
    number: u64,
    /// Where the journal goes on after the last record that the checkpoint holds.
    journal: JournalPosition,
    pages: VecDeque<(PageId, Rc<Page>)>,
    pages_blocks: u64,
    chunks: VecDeque<u32>,
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
    /// Blocks that it still has to write, about.
    pub fn blocks_left(&self) -> u64 {
        self.pages_blocks + self.chunks.len() as u64 + 8
    }
}

impl Store {
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
            chunks: VecDeque::new(),
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
                    c.chunks = self.meta.pager.table().take_dirty().into();
                    c.stage = Stage::Chunks;
                }
                Stage::Pages => self.write_pages(c),
                Stage::Chunks if c.chunks.is_empty() => c.stage = Stage::Root,
                Stage::Chunks => self.write_chunks(c),
                Stage::Root => {
                    self.write_root(c);
                    c.stage = Stage::Flush;
                }
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

    fn write_meta(&mut self, c: &mut Checkpointer, place: u32, buf: Bytes) {
        self.counters.device_bytes += buf.len() as u64;
        self.counters.checkpoint_bytes += buf.len() as u64;
        self.segments.meta_birth(place, (buf.len() / BLOCK_SIZE) as u32);
        let offset = self.journal.device_offset(place);
        // The flush before the anchor makes all of them durable at once.
        self.write_device(Io::Checkpoint { device_offset: offset }, offset, buf, false);
        c.waiting += 1;
    }

    fn write_pages(&mut self, c: &mut Checkpointer) {
        let first = c.pages[0].1.encoded_len() as u32 / BLOCK as u32;
        let Some((start, count)) = self.meta_place(first, WRITE_BLOCKS.max(first)) else { return };
        let mut buf = aligned_buf(count as usize * BLOCK_SIZE);
        let mut used = 0;
        let mut written = Vec::new();
        while let Some((id, page)) = c.pages.front() {
            let blocks = page.encoded_len() as u32 / BLOCK as u32;
            if used + blocks > count {
                break;
            }
            let bytes = page.encode(*id);
            let place = Place::of(start + used, &bytes, page.kind());
            buf.extend_from_slice(&bytes);
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
        self.write_meta(c, start, buf.freeze());
    }

    fn write_chunks(&mut self, c: &mut Checkpointer) {
        let Some((start, count)) = self.meta_place(1, WRITE_BLOCKS.min(c.chunks.len() as u32))
        else {
            return;
        };
        let mut buf = aligned_buf(count as usize * BLOCK_SIZE);
        for i in 0..count {
            let index = c.chunks.pop_front().expect("counted");
            let bytes = self.meta.pager.table().encode_chunk(index);
            let chunk = ChunkPlace { addr: start + i, crc: crc32c(!0, &bytes) };
            buf.extend_from_slice(&bytes);
            let index = index as usize;
            if index >= c.places.chunks.len() {
                c.places.chunks.resize(index + 1, ChunkPlace::NONE);
            }
            let old = std::mem::replace(&mut c.places.chunks[index], chunk);
            if old != ChunkPlace::NONE {
                c.superseded.push((old.addr, 1));
            }
        }
        self.write_meta(c, start, buf.freeze());
    }

    fn write_root(&mut self, c: &mut Checkpointer) {
        c.root.pages = self.meta.pager.table().len() as u32;
        c.root.chunks = c.places.chunks.clone();
        let bytes = c.root.encode();
        let blocks = (bytes.len() / BLOCK_SIZE) as u32;
        let Some((start, _)) = self.meta_place(blocks, blocks) else { return };
        let place = RootPlace { addr: start, blocks, crc: crc32c(!0, &bytes) };
        if let Some(old) = c.places.root.replace(place) {
            c.superseded.push((old.addr, old.blocks));
        }
        let mut buf: BytesMut = aligned_buf(bytes.len());
        buf.extend_from_slice(&bytes);
        self.write_meta(c, start, buf.freeze());
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
            if *chunk != ChunkPlace::NONE && in_them(chunk.addr) {
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
