//! Mount: anchor, checkpoint, journal.
//!
//! The journal is a chain: each record names its predecessor's checksum and the segment that
//! follows its own. The chain's end is where no whole record continues it. Every record says up to
//! where the journal was durable when it was written; if one behind the end says that the missing
//! record was durable, the journal is damaged, else its end was cut by a crash.

use crate::anchor::Anchor;
use crate::checkpoint::{CHUNK_HEADER_BYTES, ChunkHome, StreamReader, decode_chunk};
use crate::delta::get_op;
use crate::event::{MountReport, StoreEffect, StoreError, StoreEvent};
use crate::format::BLOCK;
use crate::record::{FIRST, HEADER_BYTES, Home, MORE, RecordHeader, block_crcs};
use crate::segment::{Owner, Use};
use crate::store::{Io, JournalHead, Phase, Store};
use bytes::Bytes;
use types::enc::Reader;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};

/// Segments are read in steps of this size, bytes.
const STEP_BYTES: u64 = 4 << 20;

enum Stage {
    Anchors { found: Vec<Bytes> },
    Checkpoint { segment_index: usize, chunk: u32 },
    Journal,
    Flush,
}

/// A segment and what has been read of it.
struct Loaded {
    segment: u32,
    buf: Vec<u8>,
}

/// A mount under way.
pub(crate) struct Mount {
    stage: Stage,
    anchor: Anchor,
    stream: StreamReader,
    loading: Option<Loaded>,
    /// The device offset of the read under way.
    reading: u64,
    current: Option<Loaded>,
    next: Option<Loaded>,
    head: JournalHead,
    /// Deltas of the group being read.
    group: Vec<u8>,
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

impl Store {
    pub(crate) fn start_mount(&mut self, fx: &mut Vec<StoreEffect>) {
        let mut mount = Box::new(Mount {
            stage: Stage::Anchors { found: Vec::new() },
            anchor: Anchor::blank(),
            stream: StreamReader::default(),
            loading: None,
            reading: 0,
            current: None,
            next: None,
            head: self.head,
            group: Vec::new(),
            report: MountReport::default(),
        });
        self.read_anchor(&mut mount, 0, fx);
        self.phase = Phase::Mounting(mount);
    }

    fn read_anchor(&mut self, mount: &mut Mount, index: usize, fx: &mut Vec<StoreEffect>) {
        let offset = self.config.superblock.anchor_offsets(self.config.shard)[index];
        mount.reading = offset;
        let io = self.new_io(Io::Mount);
        fx.push(StoreEffect::Read { io, offset, len: BLOCK_SIZE });
    }

    pub(crate) fn on_mount_io(
        &mut self,
        read: Option<Result<Bytes, IoError>>,
        flushed: Result<(), IoError>,
        fx: &mut Vec<StoreEffect>,
    ) {
        let Phase::Mounting(mut mount) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        let result = match (read, flushed) {
            (None, Ok(())) => {
                self.phase = Phase::Ready;
                self.write_mark(fx);
                self.events.push(StoreEvent::Mounted(mount.report));
                return;
            }
            (None, Err(error)) => Err(StoreError::FlushFailed { error }),
            (Some(Ok(buf)), _) => self.mount_step(&mut mount, buf, fx),
            (Some(Err(error)), _) => {
                // An anchor that cannot be read may be the newer one, and then what the older one
                // names may have been given up and written over. One that is not whole was being
                // written: the older one still holds.
                Err(StoreError::ReadFailed { device_offset: mount.reading, error })
            }
        };
        match result {
            Ok(()) => self.phase = Phase::Mounting(mount),
            Err(error) => self.fail(error),
        }
    }

    fn mount_step(
        &mut self,
        mount: &mut Mount,
        buf: Bytes,
        fx: &mut Vec<StoreEffect>,
    ) -> Result<(), StoreError> {
        if let Stage::Anchors { found } = &mut mount.stage {
            found.push(buf);
            if found.len() < 2 {
                let index = found.len();
                self.read_anchor(mount, index, fx);
                return Ok(());
            }
            let found = std::mem::take(found);
            self.choose_anchor(mount, &found)?;
            return self.mount_on(mount, fx);
        }
        let loading = mount.loading.as_mut().expect("a read belongs to a segment");
        let wanted = STEP_BYTES.min(self.segments.segment_bytes - loading.buf.len() as u64);
        if buf.len() as u64 != wanted {
            let error = IoError::Short { wanted: wanted as usize, got: buf.len() };
            return Err(StoreError::ReadFailed { device_offset: mount.reading, error });
        }
        loading.buf.extend_from_slice(&buf);
        if (loading.buf.len() as u64) < self.segments.segment_bytes {
            self.read_segment(mount, fx);
            return Ok(());
        }
        let loaded = mount.loading.take().expect("just filled");
        match mount.stage {
            Stage::Checkpoint { .. } => self.take_checkpoint_segment(mount, &loaded)?,
            _ if mount.current.is_none() => mount.current = Some(loaded),
            _ => mount.next = Some(loaded),
        }
        self.mount_on(mount, fx)
    }

    /// Does all that can be done with what is loaded, then asks for more or ends.
    fn mount_on(&mut self, mount: &mut Mount, fx: &mut Vec<StoreEffect>) -> Result<(), StoreError> {
        if let Stage::Checkpoint { segment_index, chunk } = mount.stage {
            if chunk < mount.anchor.chunks {
                let Some(segment) = mount.anchor.segments.get(segment_index).copied() else {
                    return Err(self.checkpoint_corrupt(mount.anchor.segments.last(), 0));
                };
                self.load(mount, segment, fx);
                return Ok(());
            }
            let whole = mount.stream.bytes == mount.anchor.stream_bytes;
            if !whole || !mount.stream.is_complete() {
                return Err(self.checkpoint_corrupt(mount.anchor.segments.last(), 0));
            }
            mount.stage = Stage::Journal;
        }
        match self.replay(mount)? {
            Some(segment) => self.load(mount, segment, fx),
            None => {
                self.finish_mount(mount)?;
                mount.stage = Stage::Flush;
                // What was read may still be in the device's volatile cache; later records build
                // on it, so it has to be durable before any of them is.
                let io = self.new_io(Io::Mount);
                fx.push(StoreEffect::Flush { io });
            }
        }
        Ok(())
    }

    fn choose_anchor(&mut self, mount: &mut Mount, found: &[Bytes]) -> Result<(), StoreError> {
        let sb = &self.config.superblock;
        let count = self.segments.count() as u32;
        let newest = found
            .iter()
            .filter_map(|b| {
                let (shard, bytes) = (self.config.shard, self.segments.segment_bytes);
                Anchor::decode(b, &sb.store_uuid, shard, count, bytes)
            })
            .max_by_key(|a| a.checkpoint);
        let Some(anchor) = newest else {
            let device_offsets = sb.anchor_offsets(self.config.shard);
            return Err(StoreError::NoAnchor { device_offsets });
        };
        let segment_bytes = self.segments.segment_bytes;
        mount.head = JournalHead {
            segment: (anchor.journal.addr / segment_bytes) as u32,
            offset: anchor.journal.addr % segment_bytes,
            next: anchor.journal.next,
            sequence: anchor.journal.sequence,
            previous: anchor.journal.previous,
        };
        mount.anchor = anchor;
        mount.stage = Stage::Checkpoint { segment_index: 0, chunk: 0 };
        Ok(())
    }

    fn load(&mut self, mount: &mut Mount, segment: u32, fx: &mut Vec<StoreEffect>) {
        let buf = Vec::with_capacity(self.segments.segment_bytes as usize);
        mount.loading = Some(Loaded { segment, buf });
        self.read_segment(mount, fx);
    }

    fn read_segment(&mut self, mount: &mut Mount, fx: &mut Vec<StoreEffect>) {
        let loading = mount.loading.as_ref().expect("the caller set it");
        let at = loading.buf.len() as u64;
        let addr = loading.segment as u64 * self.segments.segment_bytes + at;
        let len = STEP_BYTES.min(self.segments.segment_bytes - at) as usize;
        let offset = self.device_offset(addr);
        mount.reading = offset;
        let io = self.new_io(Io::Mount);
        fx.push(StoreEffect::Read { io, offset, len });
    }

    fn checkpoint_corrupt(&self, segment: Option<&u32>, offset: usize) -> StoreError {
        let addr = *segment.unwrap_or(&0) as u64 * self.segments.segment_bytes + offset as u64;
        StoreError::CheckpointCorrupt { device_offset: self.device_offset(addr) }
    }

    /// All chunks of one segment.
    fn take_checkpoint_segment(
        &mut self,
        mount: &mut Mount,
        loaded: &Loaded,
    ) -> Result<(), StoreError> {
        let Stage::Checkpoint { segment_index, chunk } = &mut mount.stage else { return Ok(()) };
        let addr_end = self.segments.count() * self.segments.segment_bytes;
        let mut at = 0;
        while at < loaded.buf.len() && *chunk < mount.anchor.chunks {
            let home = ChunkHome {
                store: self.config.superblock.store_uuid,
                shard: self.config.shard,
                checkpoint: mount.anchor.checkpoint,
                index: *chunk,
            };
            let Some(payload) = decode_chunk(&loaded.buf[at..], &home) else {
                return Err(self.checkpoint_corrupt(Some(&loaded.segment), at));
            };
            if mount.stream.push(payload, &mut self.objects, addr_end).is_err() {
                return Err(self.checkpoint_corrupt(Some(&loaded.segment), at));
            }
            *chunk += 1;
            at += (CHUNK_HEADER_BYTES + payload.len()).next_multiple_of(BLOCK_SIZE);
        }
        *segment_index += 1;
        Ok(())
    }

    fn home(&self, segment: u32, offset: u64) -> Home {
        let addr = segment as u64 * self.segments.segment_bytes + offset;
        Home {
            store: self.config.superblock.store_uuid,
            shard: self.config.shard,
            device_offset: self.device_offset(addr),
        }
    }

    /// Replays as far as the loaded segments go. Returns the segment to load next, or `None` at the
    /// journal's end.
    fn replay(&mut self, mount: &mut Mount) -> Result<Option<u32>, StoreError> {
        if mount.current.is_none() {
            return Ok(Some(mount.head.segment));
        }
        while let Some(current) = mount.current.take() {
            let offset = mount.head.offset;
            let found = self.look(mount, &current, offset);
            if let Found::Whole(header) = found {
                self.accept(mount, &current, offset, &header)?;
                mount.current = Some(current);
                continue;
            }
            let Some(next) = mount.next.take() else {
                mount.current = Some(current);
                return Ok(Some(mount.head.next));
            };
            let outcome = self.at_gap(mount, &current, &next, found);
            mount.current = Some(current);
            match outcome? {
                Gap::End => return Ok(None),
                Gap::Same => mount.next = Some(next),
                Gap::Next => mount.current = Some(next),
            }
        }
        Ok(None)
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
        let (place, offset, found) = match found {
            Found::Nothing => match self.look(mount, next, 0) {
                Found::Whole(header) => {
                    self.accept(mount, next, 0, &header)?;
                    return Ok(Gap::Next);
                }
                Found::Nothing => (current, mount.head.offset, Found::Nothing),
                damaged => (next, 0, damaged),
            },
            damaged => (current, mount.head.offset, damaged),
        };
        let sequence = mount.head.sequence;
        let (later, claimed) = self.claims(current, mount.head.offset, next, sequence);
        if !claimed {
            mount.report.tail_cut = later || !mount.group.is_empty();
            return Ok(Gap::End);
        }
        if let Found::Damaged { header, deltas: false } = found {
            // Only data is damaged, and it was durable: its objects answer for it when read.
            self.accept(mount, place, offset, &header)?;
            return Ok(if offset == 0 && place.segment == next.segment {
                Gap::Next
            } else {
                Gap::Same
            });
        }
        let device_offset = self.home(place.segment, offset).device_offset;
        Err(StoreError::JournalCorrupt { device_offset, sequence })
    }

    /// Looks behind the chain's end for records of this journal. Returns whether there is any from
    /// `sequence` on, and whether one says that `sequence` was durable.
    fn claims(&self, current: &Loaded, offset: u64, next: &Loaded, sequence: u64) -> (bool, bool) {
        let (mut later, mut claimed) = (false, false);
        for (loaded, from) in [(current, offset), (next, 0)] {
            for at in (from..loaded.buf.len() as u64).step_by(BLOCK_SIZE) {
                let home = self.home(loaded.segment, at);
                let Some(h) = RecordHeader::decode(&loaded.buf[at as usize..], &home) else {
                    continue;
                };
                later |= h.sequence >= sequence;
                claimed |= h.sequence > sequence && h.durable >= sequence;
            }
        }
        (later, claimed)
    }

    fn look(&self, mount: &Mount, loaded: &Loaded, offset: u64) -> Found {
        let Some(bytes) = loaded.buf.get(offset as usize..).filter(|b| !b.is_empty()) else {
            return Found::Nothing;
        };
        let Some(header) = RecordHeader::decode(bytes, &self.home(loaded.segment, offset)) else {
            return Found::Nothing;
        };
        let chained =
            header.sequence == mount.head.sequence && header.previous == mount.head.previous;
        let fits = header.total_bytes() <= bytes.len() as u64
            && (header.next as u64) < self.segments.count();
        if !chained || !fits {
            return Found::Nothing;
        }
        let deltas = &bytes[HEADER_BYTES..HEADER_BYTES + header.delta_bytes as usize];
        if crc32c(!0, deltas) != header.delta_crc {
            return Found::Damaged { header, deltas: true };
        }
        let data = &bytes[header.data_start() as usize..header.total_bytes() as usize];
        if block_crcs(data).1 != header.data_crc {
            return Found::Damaged { header, deltas: false };
        }
        Found::Whole(header)
    }

    /// Takes a record into the chain and applies its group when it is the last of it.
    fn accept(
        &mut self,
        mount: &mut Mount,
        loaded: &Loaded,
        offset: u64,
        header: &RecordHeader,
    ) -> Result<(), StoreError> {
        let total = header.total_bytes();
        mount.head = JournalHead {
            segment: loaded.segment,
            offset: offset + total,
            next: header.next,
            sequence: header.sequence + 1,
            previous: header.crc,
        };
        mount.report.records += 1;
        mount.report.journal_bytes += total;
        self.segments.claim(loaded.segment, Use::Closed);
        self.segments.get(loaded.segment).last_sequence = header.sequence;
        if header.flags & FIRST != 0 {
            mount.group.clear();
        }
        let from = offset as usize + HEADER_BYTES;
        mount.group.extend_from_slice(&loaded.buf[from..from + header.delta_bytes as usize]);
        if header.flags & MORE == 0 {
            let group = std::mem::take(&mut mount.group);
            if self.apply_group(&group, header.sequence).is_err() {
                let device_offset = self.home(loaded.segment, offset).device_offset;
                return Err(StoreError::Undecodable { device_offset });
            }
        }
        Ok(())
    }

    fn apply_group(&mut self, group: &[u8], sequence: u64) -> types::enc::Result<()> {
        let addr_end = self.addr_end();
        let mut r = Reader::new(group);
        let mut last = None;
        while !r.is_empty() {
            let delta = get_op(&mut r, &mut last, addr_end)?;
            let id = delta.op.object().and_then(|o| self.objects.id(o));
            let known = id.and_then(|id| self.objects.slot(id)).map(|onode| onode.sequence);
            if known.is_some_and(|known| known >= sequence) {
                // The checkpoint has it.
                continue;
            }
            if !delta.is_move {
                self.objects.apply(&delta.op, delta.extent, &mut |_, _| ());
            } else if let (Some(id), Some(extent), crate::TxnOp::Write { offset, .. }) =
                (id, delta.extent, &delta.op)
            {
                self.objects.relocate(id, *offset, extent, &mut |_, _| ());
            }
        }
        Ok(())
    }

    /// Counts what is live and takes the journal up where it ends.
    fn finish_mount(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let head = mount.head;
        self.head = head;
        self.durable = head.sequence - 1;
        self.journal_start = mount.anchor.journal.sequence;
        self.journal_bytes = mount.report.journal_bytes;
        self.checkpoint = mount.anchor.checkpoint;
        self.checkpoint_segments = mount.anchor.segments.clone();
        for segment in &self.checkpoint_segments {
            self.segments.claim(*segment, Use::Checkpoint);
        }
        self.segments.claim(head.next, Use::Next);
        let mut placed = Vec::new();
        for (object, onode) in self.objects.iter() {
            for (offset, extent) in onode.extents.iter() {
                placed.push((extent.addr, Owner { object, len: extent.len, offset }));
            }
        }
        for (addr, owner) in placed {
            let segment = self.segments.of(addr);
            match self.segments.get(segment).usage {
                Use::Free => self.segments.claim(segment, Use::Closed),
                Use::Closed | Use::Open => {}
                // Data where a checkpoint is or the journal will be: checksums are right, so
                // somebody wrote this, but it cannot be.
                Use::Next | Use::Checkpoint => {
                    let device_offset = self.device_offset(addr);
                    return Err(StoreError::Undecodable { device_offset });
                }
            }
            self.segments.add(addr, owner);
        }
        self.segments.claim(head.segment, Use::Open);
        mount.report.objects = self.objects.len() as u64;
        mount.current = None;
        mount.next = None;
        debug_assert_eq!(head.offset % BLOCK, 0);
        Ok(())
    }
}

enum Gap {
    /// The journal ends here.
    End,
    /// It goes on in the same segment.
    Same,
    /// It goes on in the next segment, which is the current one now.
    Next,
}
