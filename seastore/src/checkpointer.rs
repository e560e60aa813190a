//! Takes checkpoints, a chunk per step, while transactions go on.

use crate::anchor::{Anchor, JournalPosition};
use crate::checkpoint::{
    CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, ChunkHome, encode_chunk, put_collections, put_onode,
};
use crate::event::{StoreEffect, StoreError};
use crate::segment::Use;
use crate::store::{Io, Phase, Store};
use crate::txn::ObjectName;
use types::HObject;
use types::node::IoError;

/// Chunks on their way at once.
const CHUNKS_IN_FLIGHT_MAX: usize = 2;
/// The journal grows to this many bytes, or this many segments if they are larger, before a
/// checkpoint is due. Bounds what a mount replays.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;
const JOURNAL_SEGMENTS: u64 = 4;

/// A checkpoint being taken.
pub(crate) struct Checkpointer {
    number: u64,
    start: JournalPosition,
    journal_bytes_before: u64,
    /// The last object encoded.
    cursor: Option<ObjectName>,
    walked: bool,
    /// Objects have seen records up to this one: it must be durable before the anchor is written.
    sequence_needed: u64,
    stream: Vec<u8>,
    /// Bytes at the front of `stream` that are written.
    consumed: usize,
    stream_bytes: u64,
    chunks: u32,
    pub segments: Vec<u32>,
    /// Within the last of `segments`.
    offset: u64,
    in_flight: usize,
    anchoring: bool,
}

impl Store {
    fn journal_bytes_max(&self) -> u64 {
        JOURNAL_BYTES_MAX
            .min(self.addr_end() / 4)
            .max(JOURNAL_SEGMENTS * self.segments.segment_bytes)
    }

    /// Begins a checkpoint unless one is being taken.
    pub(crate) fn start_checkpoint(&mut self) {
        if self.checkpointer.is_some() || !matches!(self.phase, Phase::Ready) {
            return;
        }
        let segment_bytes = self.segments.segment_bytes;
        if self.head.offset == segment_bytes && !self.advance() {
            return;
        }
        let mut stream = Vec::new();
        put_collections(&mut stream, &self.objects);
        self.checkpointer = Some(Checkpointer {
            number: self.checkpoint + 1,
            start: JournalPosition {
                sequence: self.head.sequence,
                previous: self.head.previous,
                addr: self.head.segment as u64 * segment_bytes + self.head.offset,
                next: self.head.next,
            },
            journal_bytes_before: self.journal_bytes,
            cursor: None,
            walked: false,
            sequence_needed: 0,
            stream,
            consumed: 0,
            stream_bytes: 0,
            chunks: 0,
            segments: Vec::new(),
            offset: 0,
            in_flight: 0,
            anchoring: false,
        });
    }

    /// Starts a checkpoint when the journal is long, and takes the next step of a running one.
    pub(crate) fn step_checkpoint(&mut self, fx: &mut Vec<StoreEffect>) {
        if !matches!(self.phase, Phase::Ready) || !self.queue.is_empty() || !self.moves.is_empty() {
            return;
        }
        if self.journal_bytes >= self.journal_bytes_max() {
            self.start_checkpoint();
        }
        while let Some(mut c) = self.checkpointer.take() {
            let goes_on = self.step(&mut c, fx);
            self.checkpointer = Some(c);
            if !goes_on {
                break;
            }
        }
    }

    fn step(&mut self, c: &mut Checkpointer, fx: &mut Vec<StoreEffect>) -> bool {
        if c.anchoring || c.in_flight >= CHUNKS_IN_FLIGHT_MAX {
            return false;
        }
        let payload_max = CHUNK_BYTES_MAX as usize - CHUNK_HEADER_BYTES;
        if !c.walked && c.stream.len() - c.consumed < payload_max {
            self.walk(c, payload_max);
        }
        if c.stream.len() > c.consumed {
            return self.write_chunk(c, payload_max, fx);
        }
        if c.in_flight == 0 && self.durable >= c.sequence_needed {
            self.write_anchor(c, fx);
        }
        false
    }

    /// Appends objects to the stream until a chunk is full.
    fn walk(&mut self, c: &mut Checkpointer, payload_max: usize) {
        c.stream.drain(..c.consumed);
        c.consumed = 0;
        let excluded = c.cursor.is_some();
        let start = c.cursor.take().unwrap_or_else(|| HObject::min().into());
        for onode in self.objects.from(&start, excluded) {
            put_onode(&mut c.stream, onode);
            if c.stream.len() >= payload_max {
                c.cursor = Some(onode.name.clone());
                return;
            }
        }
        c.walked = true;
        c.sequence_needed = self.head.sequence - 1;
    }

    fn write_chunk(
        &mut self,
        c: &mut Checkpointer,
        payload_max: usize,
        fx: &mut Vec<StoreEffect>,
    ) -> bool {
        let segment_bytes = self.segments.segment_bytes;
        if c.segments.is_empty() || c.offset == segment_bytes {
            let Some(segment) = self.segments.allocate(Use::Checkpoint) else {
                self.fail(StoreError::ReserveExhausted);
                return false;
            };
            c.segments.push(segment);
            c.offset = 0;
        }
        let room = (segment_bytes - c.offset) as usize - CHUNK_HEADER_BYTES;
        let len = (c.stream.len() - c.consumed).min(payload_max).min(room);
        let home = ChunkHome {
            store: self.config.superblock.store_uuid,
            shard: self.config.shard,
            checkpoint: c.number,
            index: c.chunks,
        };
        let buf = encode_chunk(&home, &c.stream[c.consumed..c.consumed + len]);
        let segment = *c.segments.last().expect("just allocated");
        let offset = self.device_offset(segment as u64 * segment_bytes + c.offset);
        c.consumed += len;
        c.stream_bytes += len as u64;
        c.chunks += 1;
        c.offset += buf.len() as u64;
        c.in_flight += 1;
        let io = self.new_io(Io::Chunk { device_offset: offset });
        fx.push(StoreEffect::Write { io, offset, buf, durable: true });
        true
    }

    fn write_anchor(&mut self, c: &mut Checkpointer, fx: &mut Vec<StoreEffect>) {
        let anchor = Anchor {
            checkpoint: c.number,
            journal: c.start,
            stream_bytes: c.stream_bytes,
            chunks: c.chunks,
            segments: c.segments.clone(),
        };
        let sb = &self.config.superblock;
        let buf = anchor.encode(&sb.store_uuid, self.config.shard);
        let offset = sb.anchor_offsets(self.config.shard)[(c.number % 2) as usize];
        c.anchoring = true;
        let io = self.new_io(Io::Anchor);
        fx.push(StoreEffect::Write { io, offset, buf, durable: true });
    }

    pub(crate) fn on_chunk(&mut self, device_offset: u64, result: Result<(), IoError>) {
        if let Some(c) = &mut self.checkpointer {
            c.in_flight -= 1;
            if let Err(error) = result {
                self.fail(StoreError::WriteFailed { device_offset, error });
            }
        }
    }

    /// The anchor is durable: the older checkpoint and the journal before this one are of no more
    /// use.
    pub(crate) fn on_anchor(&mut self, result: Result<(), IoError>) {
        let Some(c) = self.checkpointer.take() else { return };
        if let Err(error) = result {
            let offsets = self.config.superblock.anchor_offsets(self.config.shard);
            let device_offset = offsets[(c.number % 2) as usize];
            self.fail(StoreError::WriteFailed { device_offset, error });
            return;
        }
        for segment in std::mem::replace(&mut self.checkpoint_segments, c.segments) {
            self.segments.release(segment);
        }
        self.checkpoint = c.number;
        self.journal_start = c.start.sequence;
        self.segments.may_reap = true;
        self.journal_bytes -= c.journal_bytes_before;
    }
}
