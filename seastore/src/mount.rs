//! Mount: anchors, root, page table, then the journal from where the checkpoint ends.
//!
//! The journal is a chain: each record names its predecessor's checksum and the segment that
//! follows its own. The chain's end is where no whole record continues it. Every record says up to
//! where the journal was durable when it was written; if one behind the end says that the missing
//! record was durable, the journal is damaged, else its end was cut by a crash.

use crate::anchor::{self, Anchor, RootPlace};
use crate::change::Change;
use crate::change::reader::ChangeReader;
use crate::checkpointer::RootPlaces;
use crate::event::{CheckpointPart, MountReport, StoreEffect, StoreError, StoreEvent};
use crate::fetch::{FetchKey, Waiter};
use crate::format::BLOCK;
use crate::journal::Head;
use crate::record::{FIRST, HEADER_BYTES, MORE, RAW, RecordHeader};
use crate::root::{ChunkPlace, Root};
use crate::segments::Use;
use crate::store::{Io, Phase, Store};
use crate::table::PageTable;
use crate::touch::Toucher;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};

/// Segments are read in parts of this size, all parts at once.
const PART_BLOCKS: u32 = 512;
/// Table chunks read at once.
const CHUNKS_MAX: usize = 64;
/// Changes whose pages are asked for together.
const PREFETCH: usize = 128;

enum Stage {
    Anchors,
    Root,
    Chunks { next: usize, waiting: usize },
    Journal,
    Replay,
    Flush,
}

/// A segment, or the rest of one, and what has been read of it.
struct Loaded {
    segment: u32,
    /// Of the first block in `buf`, within the segment.
    from: u32,
    buf: BytesMut,
    waiting: usize,
}

/// A mount under way.
pub(crate) struct Mount {
    stage: Stage,
    anchors: [Option<Bytes>; 4],
    anchors_waiting: usize,
    anchor: Option<Anchor>,
    root: Option<Root>,
    table: PageTable,
    loading: Option<Loaded>,
    current: Option<Loaded>,
    next: Option<Loaded>,
    head: Head,
    /// Deltas of the group being read, a piece per change sequence that stands alone.
    group: Vec<Bytes>,
    raw: BytesMut,
    pieces: VecDeque<Bytes>,
    changes: VecDeque<Change>,
    blocks: u64,
    report: MountReport,
}

/// What is at the place where the next record should be.
enum Found {
    Whole(RecordHeader),
    /// Header whole; what follows is not.
    Damaged {
        header: RecordHeader,
        deltas: bool,
    },
    Nothing,
}

enum Gap {
    /// The journal ends here.
    End,
    /// It goes on in the same segment.
    Same,
    /// It goes on in the next segment, which is the current one now.
    Next,
}

impl Store {
    pub(crate) fn start_mount(&mut self) {
        let offsets = self.config.superblock.anchor_offsets(self.config.shard);
        for (index, offset) in offsets.into_iter().enumerate() {
            self.read_device(Io::Mount { index }, offset, BLOCK_SIZE);
        }
        self.phase = Phase::Mounting(Box::new(Mount {
            stage: Stage::Anchors,
            anchors: [const { None }; 4],
            anchors_waiting: 4,
            anchor: None,
            root: None,
            table: PageTable::default(),
            loading: None,
            current: None,
            next: None,
            head: self.journal.head,
            group: Vec::new(),
            raw: BytesMut::new(),
            pieces: VecDeque::new(),
            changes: VecDeque::new(),
            blocks: 0,
            report: MountReport::default(),
        }));
    }

    pub(crate) fn on_mount_io(
        &mut self,
        index: usize,
        read: Result<Bytes, IoError>,
        flushed: Result<(), IoError>,
    ) {
        self.with_mount(|store, mount| store.mount_io(mount, index, read, flushed));
    }
    /// A page that the replay needs came in, or did not.
    pub(crate) fn continue_mount(&mut self) {
        self.with_mount(|store, mount| store.replay(mount));
    }
    fn with_mount(&mut self, step: impl FnOnce(&mut Self, &mut Mount) -> Result<(), StoreError>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let Phase::Mounting(mut mount) = phase else {
            self.phase = phase;
            return;
        };
        match step(self, &mut mount) {
            Ok(()) if matches!(self.phase, Phase::Closed) => self.phase = Phase::Mounting(mount),
            Ok(()) => {}
            Err(error) => self.fail(error),
        }
    }

    fn mount_io(
        &mut self,
        mount: &mut Mount,
        index: usize,
        read: Result<Bytes, IoError>,
        flushed: Result<(), IoError>,
    ) -> Result<(), StoreError> {
        match &mut mount.stage {
            Stage::Anchors => {
                // A copy that cannot be read is as good as one that is damaged.
                mount.anchors[index] = read.ok();
                mount.anchors_waiting -= 1;
                if mount.anchors_waiting == 0 { self.choose_anchor(mount) } else { Ok(()) }
            }
            Stage::Root => {
                let place = mount.anchor.as_ref().and_then(|a| a.root).expect("it was read");
                let buf = self.mounted_part(place.addr, read)?;
                self.take_root(mount, place, buf)
            }
            Stage::Chunks { waiting, .. } => {
                *waiting -= 1;
                let chunk = mount.root.as_ref().expect("read before").chunks[index];
                let buf = self.mounted_part(chunk.addr, read)?;
                self.take_chunk(mount, index, chunk, &buf)?;
                self.read_chunks(mount)
            }
            Stage::Journal => {
                let loading = mount.loading.as_mut().expect("a read belongs to a segment");
                let at = index as u32 * PART_BLOCKS;
                let place = self.segments.start(loading.segment) + loading.from + at;
                loading.waiting -= 1;
                let done = loading.waiting == 0;
                let buf = self.mounted_part(place, read)?;
                let from = at as usize * BLOCK_SIZE;
                let loading = mount.loading.as_mut().expect("looked at");
                loading.buf[from..from + buf.len()].copy_from_slice(&buf);
                if !done {
                    return Ok(());
                }
                let loaded = mount.loading.take();
                match mount.current {
                    None => mount.current = loaded,
                    Some(_) => mount.next = loaded,
                }
                self.scan(mount)
            }
            Stage::Replay => Ok(()),
            Stage::Flush => {
                flushed.map_err(|error| StoreError::FlushFailed { error })?;
                self.phase = Phase::Ready;
                self.journal.mark(&mut self.segments);
                self.perform_writes();
                self.events.push(StoreEvent::Mounted(mount.report));
                Ok(())
            }
        }
    }

    fn mounted_part(&self, place: u32, read: Result<Bytes, IoError>) -> Result<Bytes, StoreError> {
        let device_offset = self.journal.device_offset(place);
        read.map_err(|error| StoreError::ReadFailed { device_offset, error })
    }
    fn read_for_mount(&mut self, place: u32, blocks: u32, index: usize) {
        let offset = self.journal.device_offset(place);
        self.read_device(Io::Mount { index }, offset, blocks as usize * BLOCK_SIZE);
    }

    fn choose_anchor(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let sb = &self.config.superblock;
        let offsets = sb.anchor_offsets(self.config.shard);
        let blocks = mount.anchors.each_ref().map(|a| a.as_deref());
        let region = anchor::Region {
            store: sb.store_uuid,
            shard: self.config.shard,
            segments: self.segments.all.len() as u32,
            segment_blocks: self.segments.blocks(),
        };
        let chosen = anchor::choose(blocks, &region).map_err(|damaged| {
            let [a, b] = damaged.pair();
            StoreError::NoAnchor { device_offsets: [offsets[a], offsets[b]] }
        })?;
        let anchor = chosen.anchor;
        let damaged = offsets.iter().zip(chosen.damaged).filter(|(_, damaged)| *damaged);
        self.bad_anchors = damaged.map(|(offset, _)| *offset).collect();
        mount.head = Head {
            segment: anchor.journal.segment,
            block: anchor.journal.place - self.segments.start(anchor.journal.segment),
            next: anchor.journal.next,
            sequence: anchor.journal.sequence,
            previous: anchor.journal.previous,
        };
        self.checkpoint = anchor.checkpoint;
        self.journal.start = anchor.journal.sequence;
        let root = anchor.root;
        mount.anchor = Some(anchor);
        match root {
            Some(place) => {
                mount.stage = Stage::Root;
                self.read_for_mount(place.addr, place.blocks, 0);
                Ok(())
            }
            None => self.start_scan(mount),
        }
    }

    fn take_root(
        &mut self,
        mount: &mut Mount,
        place: RootPlace,
        buf: Bytes,
    ) -> Result<(), StoreError> {
        let device_offset = self.journal.device_offset(place.addr);
        let corrupt = StoreError::CheckpointCorrupt { part: CheckpointPart::Root, device_offset };
        let anchor = mount.anchor.as_ref().expect("chosen");
        if crc32c(!0, &buf) != place.crc {
            return Err(corrupt);
        }
        let root = Root::decode(&buf, &self.config.superblock.store_uuid, self.config.shard)
            .map_err(|_| corrupt)?;
        let end = self.segments.end();
        let sane = root.checkpoint == anchor.checkpoint
            && root.segments.len() == self.segments.all.len()
            && root.chunks.iter().all(|c| *c == ChunkPlace::NONE || c.addr < end);
        if !sane {
            return Err(corrupt);
        }
        let meta = &mut self.meta;
        (meta.onodes.root, meta.lba.root, meta.omap.root) = (root.onodes, root.lba, root.omap);
        (meta.next_laddr, meta.next_omap) = (root.next_laddr, root.next_omap);
        (meta.objects, meta.data_blocks) = (root.objects, root.data_blocks);
        meta.collections = root.collections.iter().copied().collect();
        meta.garbage = root.garbage.iter().cloned().collect();
        for (i, state) in root.segments.iter().enumerate() {
            if state.meta || state.live == 0 {
                continue;
            }
            self.segments.claim(i as u32, Use::Closed);
            let s = self.segments.get(i as u32);
            (s.live, s.cold, s.last_sequence) = (state.live, state.cold, state.last_sequence);
        }
        self.root_places = RootPlaces { chunks: root.chunks.clone(), root: Some(place) };
        self.meta_segment(place.addr, place.blocks);
        mount.root = Some(root);
        mount.stage = Stage::Chunks { next: 0, waiting: 0 };
        self.read_chunks(mount)
    }

    fn meta_segment(&mut self, place: u32, blocks: u32) {
        let segment = self.segments.of(place);
        if self.segments.all[segment as usize].usage == Use::Free {
            self.segments.claim(segment, Use::MetaClosed);
        }
        self.segments.meta_birth(place, blocks);
    }

    fn read_chunks(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let Stage::Chunks { next, waiting } = &mut mount.stage else { return Ok(()) };
        let chunks = &mount.root.as_ref().expect("read before").chunks;
        while *waiting < CHUNKS_MAX && *next < chunks.len() {
            let chunk = chunks[*next];
            if chunk != ChunkPlace::NONE {
                self.read_for_mount(chunk.addr, 1, *next);
                *waiting += 1;
            }
            *next += 1;
        }
        if *waiting > 0 {
            return Ok(());
        }
        let end = self.segments.end();
        for (id, place) in mount.table.iter() {
            if place.addr as u64 + place.blocks as u64 > end as u64 {
                let chunk = chunks[id.0 as usize / crate::table::CHUNK_ENTRIES];
                let device_offset = self.journal.device_offset(chunk.addr);
                return Err(StoreError::CheckpointCorrupt {
                    part: CheckpointPart::PageTable,
                    device_offset,
                });
            }
            self.meta_segment(place.addr, place.blocks as u32);
        }
        self.meta.pager.set_table(std::mem::take(&mut mount.table));
        self.start_scan(mount)
    }

    fn take_chunk(
        &mut self,
        mount: &mut Mount,
        index: usize,
        chunk: ChunkPlace,
        buf: &[u8],
    ) -> Result<(), StoreError> {
        let device_offset = self.journal.device_offset(chunk.addr);
        let corrupt =
            StoreError::CheckpointCorrupt { part: CheckpointPart::PageTable, device_offset };
        if crc32c(!0, buf) != chunk.crc {
            return Err(corrupt);
        }
        mount.table.decode_chunk(index as u32, buf).map_err(|_| corrupt)?;
        self.meta_segment(chunk.addr, 1);
        Ok(())
    }

    // -- the chain of records -------------------------------------------------------------------

    fn start_scan(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        mount.stage = Stage::Journal;
        self.segments.replaying = true;
        let (segment, from) = (mount.head.segment, mount.head.block);
        self.load(mount, segment, from);
        if mount.loading.is_none() { self.scan(mount) } else { Ok(()) }
    }

    fn load(&mut self, mount: &mut Mount, segment: u32, from: u32) {
        let blocks = self.segments.blocks() - from;
        let buf = BytesMut::zeroed(blocks as usize * BLOCK_SIZE);
        let waiting = blocks.div_ceil(PART_BLOCKS) as usize;
        let loaded = Loaded { segment, from, buf, waiting };
        if waiting == 0 {
            mount.current = Some(loaded);
            return;
        }
        mount.loading = Some(loaded);
        for index in 0..waiting {
            let at = index as u32 * PART_BLOCKS;
            let place = self.segments.start(segment) + from + at;
            self.read_for_mount(place, PART_BLOCKS.min(blocks - at), index);
        }
    }

    /// Follows the chain as far as the loaded segments go.
    fn scan(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        while let Some(current) = mount.current.take() {
            let block = mount.head.block;
            let found = self.look(mount, &current, block);
            if let Found::Whole(header) = found {
                self.accept(mount, &current, block, &header);
                mount.current = Some(current);
                continue;
            }
            let Some(next) = mount.next.take() else {
                mount.current = Some(current);
                let segment = mount.head.next;
                self.load(mount, segment, 0);
                return Ok(());
            };
            let outcome = self.at_gap(mount, &current, &next, found);
            mount.current = Some(current);
            match outcome? {
                Gap::End => break,
                Gap::Same => mount.next = Some(next),
                Gap::Next => mount.current = Some(next),
            }
        }
        (mount.current, mount.next) = (None, None);
        mount.stage = Stage::Replay;
        self.replay(mount)
    }

    /// The chain does not go on at its place: it goes on in the next segment, it was cut, or it is
    /// damaged.
    fn at_gap(
        &mut self,
        mount: &mut Mount,
        current: &Loaded,
        next: &Loaded,
        found: Found,
    ) -> Result<Gap, StoreError> {
        let (place, block, found) = match found {
            Found::Nothing => match self.look(mount, next, 0) {
                Found::Whole(header) => {
                    self.accept(mount, next, 0, &header);
                    return Ok(Gap::Next);
                }
                Found::Nothing => (current, mount.head.block, Found::Nothing),
                damaged => (next, 0, damaged),
            },
            damaged => (current, mount.head.block, damaged),
        };
        let sequence = mount.head.sequence;
        let (later, claimed) = self.claims(current, mount.head.block, next, sequence);
        if !claimed {
            let open_group = !mount.group.is_empty() || !mount.raw.is_empty();
            mount.report.tail_cut = later || open_group;
            return Ok(Gap::End);
        }
        if let Found::Damaged { header, deltas: false } = found {
            // Only data is damaged, and it was durable: its objects answer for it when read.
            self.accept(mount, place, block, &header);
            let in_next = block == 0 && place.segment == next.segment;
            return Ok(if in_next { Gap::Next } else { Gap::Same });
        }
        let place = self.segments.start(place.segment) + block;
        let device_offset = self.journal.device_offset(place);
        Err(StoreError::JournalCorrupt { device_offset, sequence })
    }

    /// Looks behind the chain's end for records of this journal. Returns whether there is any from
    /// `sequence` on, and whether one says that `sequence` was durable.
    fn claims(&self, current: &Loaded, block: u32, next: &Loaded, sequence: u64) -> (bool, bool) {
        let (mut later, mut claimed) = (false, false);
        for (loaded, first) in [(current, block), (next, 0)] {
            for at in first..self.segments.blocks() {
                let from = (at - loaded.from) as usize * BLOCK_SIZE;
                let home = self.journal.home(self.segments.start(loaded.segment) + at);
                let Some(h) = RecordHeader::decode(&loaded.buf[from..], &home) else { continue };
                if h.flags & crate::record::COLD != 0 {
                    continue;
                }
                later |= h.sequence >= sequence;
                claimed |= h.sequence > sequence && h.durable >= sequence;
            }
        }
        (later, claimed)
    }

    fn look(&self, mount: &Mount, loaded: &Loaded, block: u32) -> Found {
        let from = (block - loaded.from) as usize * BLOCK_SIZE;
        let Some(bytes) = loaded.buf.get(from..).filter(|b| !b.is_empty()) else {
            return Found::Nothing;
        };
        let home = self.journal.home(self.segments.start(loaded.segment) + block);
        let Some(header) = RecordHeader::decode(bytes, &home) else { return Found::Nothing };
        let chained = header.sequence == mount.head.sequence
            && header.previous == mount.head.previous
            && header.flags & crate::record::COLD == 0;
        let fits = header.total_blocks() * BLOCK <= bytes.len() as u64
            && (header.next as usize) < self.segments.all.len();
        if !chained || !fits {
            return Found::Nothing;
        }
        let deltas = &bytes[HEADER_BYTES..HEADER_BYTES + header.delta_bytes as usize];
        if crc32c(!0, deltas) != header.delta_crc {
            return Found::Damaged { header, deltas: true };
        }
        let data = &bytes
            [header.header_blocks as usize * BLOCK_SIZE..(header.total_blocks() * BLOCK) as usize];
        let mut crc_of_crcs = !0;
        for block in data.chunks_exact(BLOCK_SIZE) {
            crc_of_crcs = crc32c(crc_of_crcs, &crc32c(!0, block).to_le_bytes());
        }
        if crc_of_crcs != header.data_crc {
            return Found::Damaged { header, deltas: false };
        }
        Found::Whole(header)
    }

    /// Takes a record into the chain.
    fn accept(&mut self, mount: &mut Mount, loaded: &Loaded, block: u32, header: &RecordHeader) {
        let total = header.total_blocks() as u32;
        mount.head = Head {
            segment: loaded.segment,
            block: block + total,
            next: header.next,
            sequence: header.sequence + 1,
            previous: header.crc,
        };
        mount.blocks += total as u64;
        mount.report.records += 1;
        mount.report.journal_bytes += total as u64 * BLOCK;
        self.segments.claim(loaded.segment, Use::Closed);
        let s = self.segments.get(loaded.segment);
        s.last_sequence = header.sequence;
        s.cold = false;
        if header.flags & FIRST != 0 {
            mount.group.clear();
            mount.raw.clear();
        }
        let from = (block - loaded.from) as usize * BLOCK_SIZE + HEADER_BYTES;
        let deltas = &loaded.buf[from..from + header.delta_bytes as usize];
        if header.flags & RAW != 0 {
            mount.raw.extend_from_slice(deltas);
        } else {
            if !mount.raw.is_empty() {
                mount.group.push(mount.raw.split().freeze());
            }
            mount.group.push(Bytes::copy_from_slice(deltas));
        }
        if header.flags & MORE == 0 {
            if !mount.raw.is_empty() {
                mount.group.push(mount.raw.split().freeze());
            }
            mount.pieces.extend(mount.group.drain(..));
        }
    }

    // -- replay ---------------------------------------------------------------------------------

    fn replay(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let mut applied = false;
        loop {
            while mount.changes.len() < PREFETCH
                && let Some(piece) = mount.pieces.pop_front()
            {
                for change in ChangeReader::new(piece, self.segments.end(), None) {
                    let device_offset = self.journal.device_offset(0);
                    let change = change.map_err(|_| StoreError::Undecodable { device_offset })?;
                    mount.changes.push_back(change);
                }
            }
            let Some(change) = mount.changes.front() else { break };
            let never = |_| true;
            let mut toucher = Toucher::new(&self.meta, &never);
            toucher.change(change);
            let needs = toucher.needs;
            if needs.is_empty() {
                let change = mount.changes.pop_front().expect("looked at");
                self.meta.apply(&change, &mut self.segments);
                self.meta.close();
                applied = true;
                continue;
            }
            if let Some(error) = self.fetching.error_of(&needs) {
                return Err(error.as_store_error());
            }
            // The change may need more pages than the cache holds: none goes until it is applied.
            let mut pages = needs.pages;
            if applied {
                for change in mount.changes.iter().skip(1).take(PREFETCH) {
                    let mut toucher = Toucher::new(&self.meta, &never);
                    toucher.change(change);
                    pages.extend(toucher.needs.pages);
                }
                self.meta.pager.evict();
            }
            for id in pages {
                self.want(FetchKey::Page(id), Waiter::Mount);
            }
            return Ok(());
        }
        self.finish_mount(mount);
        Ok(())
    }

    fn finish_mount(&mut self, mount: &mut Mount) {
        self.segments.replaying = false;
        let head = mount.head;
        self.journal.head = head;
        self.journal.durable = head.sequence - 1;
        self.journal.blocks = mount.blocks;
        for i in 0..self.segments.all.len() {
            let s = &self.segments.all[i];
            // The cleaner filled it after the checkpoint.
            if s.usage == Use::Free && s.live > 0 {
                self.segments.claim(i as u32, Use::Closed);
                let s = self.segments.get(i as u32);
                (s.cold, s.last_sequence) = (true, head.sequence - 1);
            }
        }
        self.segments.claim(head.segment, Use::Journal);
        self.segments.claim(head.next, Use::Next);
        self.segments.changed();
        mount.report.objects = self.meta.objects;
        mount.stage = Stage::Flush;
        // What was read may still be in the device's volatile cache; later records build on it, so
        // it has to be durable before any of them is.
        let io = self.new_io(Io::Mount { index: 0 });
        self.out.push(StoreEffect::Flush { io });
    }
}
