//! The journal: the record that is open, records on their way, where the next one goes.
//!
//! A record is opened by the first change of a turn and knows its place from then on, so data have
//! their final address when they are applied. The room for header and deltas is guessed from the
//! turns before; a guess that was too small costs another record in the same group.

use crate::format::BLOCK;
use crate::record::{FIRST, HEADER_BYTES, Home, MORE, RAW, RESUMED, RecordHeader};
use crate::segments::{Segments, Use};
use crate::txn::ObjectName;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use types::Fsid;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, Heap, WriteMemory};

/// Data of this size or more are a device write of their own.
const DIRECT_BYTES: usize = 32 << 10;

/// A record ends where its segment does, or with this size: large data should take few device writes,
/// and nothing of a record counts before all of it is there.
const RECORD_BYTES_MAX: u64 = 2 << 20;

/// Larger changes get records of their own.
const CHANGE_BYTES_MAX: usize = 64 << 10;

/// Where the journal goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub segment: u32,
    /// Within the segment.
    pub block: u32,
    pub next: u32,
    pub sequence: u64,
    pub previous: u32,
}

/// A record that changes are being added to.
struct OpenRecord {
    /// Place of its first block.
    place: u32,
    header_blocks: u32,
    /// Header and data.
    blocks_max: u32,
    data: Vec<Bytes>,
    data_blocks: u32,
    crc_of_crcs: u32,
    raw: bool,
}

/// A record on its way to the device.
pub(crate) struct InFlight {
    pub sequence: u64,
    /// Device writes that have not ended.
    pub waiting: u32,
    pub tokens: Vec<u64>,
    pub kills: Vec<(u32, u32)>,
    /// Its data, by place, that reads find in memory until it is durable.
    pub fresh: Vec<u32>,
}

/// What to write: (device offset, aligned bytes).
pub(crate) type DeviceWrite = (u64, Bytes);

pub(crate) struct Journal {
    pub store: Fsid,
    pub shard: u16,
    pub nonce: u64,
    /// Of the region's first segment, bytes from the start of the device.
    pub origin: u64,
    pub head: Head,
    /// Records up to this sequence are on stable media.
    pub durable: u64,
    pub in_flight: VecDeque<InFlight>,
    /// Blocks of data that are not durable yet, by the place of their first one.
    pub fresh: BTreeMap<u32, Bytes>,
    /// Replay would start at this sequence.
    pub start: u64,
    /// Blocks of records since then.
    pub blocks: u64,
    /// Blocks of records since the store was opened.
    pub appended: u64,
    open: Option<OpenRecord>,
    deltas: Vec<u8>,
    /// The object of the last change in the open record.
    pub last: Option<ObjectName>,
    fresh_of_open: Vec<u32>,
    tokens: Vec<u64>,
    /// The last transaction in a record that is whole and on its way.
    pub submitted: u64,
    /// The group of the open record has earlier records.
    group_goes_on: bool,
    header_guess: u32,
    record_blocks_max: u32,
    /// Of a change that takes several records.
    part_blocks_max: u32,
    /// No segment is left to follow the next one.
    pub exhausted: bool,
    /// The next record stands for what could not be written in the segment before.
    pub resumed: bool,
    pub writes: Vec<(u64, DeviceWrite)>,
    /// Where records are put together.
    pub memory: Rc<dyn WriteMemory>,
}

impl Journal {
    pub fn new(store: Fsid, shard: u16, nonce: u64, origin: u64, segment_bytes: u64) -> Self {
        let record_bytes_max = segment_bytes.min(RECORD_BYTES_MAX);
        let part_bytes_max = (segment_bytes / 16).clamp(128 << 10, 1 << 20);
        Self {
            store,
            shard,
            nonce,
            origin,
            head: Head { segment: 0, block: 0, next: 1, sequence: 1, previous: 0 },
            durable: 0,
            in_flight: VecDeque::new(),
            fresh: BTreeMap::new(),
            start: 1,
            blocks: 0,
            appended: 0,
            open: None,
            deltas: Vec::new(),
            last: None,
            fresh_of_open: Vec::new(),
            tokens: Vec::new(),
            submitted: 0,
            group_goes_on: false,
            header_guess: 1,
            record_blocks_max: (record_bytes_max / BLOCK) as u32,
            part_blocks_max: (part_bytes_max / BLOCK) as u32,
            exhausted: false,
            resumed: false,
            writes: Vec::new(),
            memory: Rc::new(Heap),
        }
    }

    pub fn device_offset(&self, place: u32) -> u64 {
        self.origin + place as u64 * BLOCK
    }
    pub fn home(&self, place: u32) -> Home {
        Home { store: self.store, shard: self.shard, device_offset: self.device_offset(place) }
    }
    /// Nothing is open or on its way.
    pub fn is_idle(&self) -> bool {
        self.open.is_none() && self.in_flight.is_empty()
    }
    /// Transactions in the open group.
    pub fn transactions(&self) -> usize {
        self.tokens.len()
    }
    /// Sequence of the newest record, open or not.
    pub fn newest(&self) -> u64 {
        self.head.sequence - 1 + self.open.is_some() as u64
    }

    /// Blocks that a record may leave unused at a segment's end: as many as the header and first
    /// block of the next one take, which are seldom more than part of a large change takes.
    pub fn left_unused_max(&self) -> u32 {
        (self.part_blocks_max + 2).min(64)
    }

    /// The data of a block that is not durable yet.
    pub fn fresh_block(&self, place: u32) -> Option<Bytes> {
        let (start, data) = self.fresh.range(..=place).next_back()?;
        let at = (place - start) as usize * BLOCK_SIZE;
        (at < data.len()).then(|| data.slice(at..at + BLOCK_SIZE))
    }

    /// Opens a record with room for `header_bytes` of deltas and at least one block of data.
    fn open(&mut self, header_bytes: usize, raw: bool, segments: &mut Segments) {
        let wanted = ((HEADER_BYTES + header_bytes) as u64).div_ceil(BLOCK) as u32;
        let header_blocks = if raw { wanted } else { wanted.max(self.header_guess) };
        let left = segments.blocks() - self.head.block;
        if left < header_blocks + 1 {
            self.advance(segments);
        }
        let left = segments.blocks() - self.head.block;
        self.open = Some(OpenRecord {
            place: segments.start(self.head.segment) + self.head.block,
            header_blocks,
            blocks_max: left.min(self.record_blocks_max.max(header_blocks + 1)),
            data: Vec::new(),
            data_blocks: 0,
            crc_of_crcs: !0,
            raw,
        });
        self.last = None;
    }

    /// Lets the journal go on in the next segment.
    fn advance(&mut self, segments: &mut Segments) {
        let Some(next) = segments.allocate(Use::Next) else {
            // The accounts keep a reserve, so this is a fault in them; the store fails before it
            // writes over what it needs.
            self.exhausted = true;
            self.head.block = 0;
            return;
        };
        segments.seal(self.head.segment, Use::Closed, self.head.block);
        self.head.segment = self.head.next;
        segments.get(self.head.segment).usage = Use::Journal;
        self.head.next = next;
        self.head.block = 0;
    }

    /// Room for a change of `bytes`; a new record if the open one has not enough.
    pub fn make_room(&mut self, bytes: usize, segments: &mut Segments) {
        if let Some(open) = &self.open {
            let room = open.header_blocks as usize * BLOCK_SIZE - HEADER_BYTES;
            if !open.raw && self.deltas.len() + bytes <= room {
                return;
            }
            self.close(true, segments);
        }
        self.open(bytes, false, segments);
    }

    /// Where up to `blocks` blocks of data come to lie: (place, how many), at least one. There is
    /// room in the same record for a change of `bytes` that tells of them.
    pub fn reserve(&mut self, blocks: u32, bytes: usize, segments: &mut Segments) -> (u32, u32) {
        self.make_room(bytes, segments);
        let full = self
            .open
            .as_ref()
            .is_some_and(|open| open.header_blocks + open.data_blocks >= open.blocks_max);
        if full {
            self.close(true, segments);
            self.open(bytes, false, segments);
        }
        let open = self.open.as_mut().expect("just opened");
        let used = open.header_blocks + open.data_blocks;
        (open.place + used, blocks.min(open.blocks_max - used))
    }

    /// Takes whole blocks for the place that was reserved last, and appends their checksums.
    pub fn put_data(&mut self, data: Bytes, crcs: &mut Vec<u32>) {
        let open = self.open.as_mut().expect("a place was reserved");
        let place = open.place + open.header_blocks + open.data_blocks;
        for block in data.chunks_exact(BLOCK_SIZE) {
            let crc = crc32c(!0, block);
            open.crc_of_crcs = crc32c(open.crc_of_crcs, &crc.to_le_bytes());
            crcs.push(crc);
        }
        open.data_blocks += (data.len() / BLOCK_SIZE) as u32;
        open.data.push(data.clone());
        self.fresh.insert(place, data);
        self.fresh_of_open.push(place);
    }

    /// Encodes one change with `put`, which is given the object of the change before it.
    pub fn put_change(
        &mut self,
        segments: &mut Segments,
        put: impl Fn(&mut Vec<u8>, &mut Option<ObjectName>),
    ) {
        self.make_room(0, segments);
        let before = self.deltas.len();
        put(&mut self.deltas, &mut self.last);
        let open = self.open.as_ref().expect("made room");
        if HEADER_BYTES + self.deltas.len() <= open.header_blocks as usize * BLOCK_SIZE {
            return;
        }
        // It did not fit. On its own it names its object itself.
        self.deltas.truncate(before);
        let mut alone = Vec::new();
        put(&mut alone, &mut None);
        if alone.len() > CHANGE_BYTES_MAX {
            self.put_raw(&alone, segments);
            return;
        }
        self.close(true, segments);
        self.open(alone.len(), false, segments);
        put(&mut self.deltas, &mut self.last);
    }

    /// A change larger than any record, cut anywhere.
    fn put_raw(&mut self, change: &[u8], segments: &mut Segments) {
        let part_max = self.part_blocks_max as usize * BLOCK_SIZE;
        for part in change.chunks(part_max) {
            if self.open.is_some() {
                self.close(true, segments);
            }
            self.open(part.len(), true, segments);
            self.deltas.extend_from_slice(part);
        }
        self.close(true, segments);
    }

    /// The open group makes this transaction durable.
    pub fn put_token(&mut self, token: u64, segments: &mut Segments) {
        if self.open.is_none() {
            self.open(0, false, segments);
        }
        self.tokens.push(token);
    }

    /// Ends the open record. `more`: its group goes on in the next one.
    pub fn close(&mut self, more: bool, segments: &mut Segments) {
        let Some(open) = self.open.take() else { return };
        let device_offset = self.device_offset(open.place);
        let used = ((HEADER_BYTES + self.deltas.len()) as u64).div_ceil(BLOCK) as u32;
        let mut flags = if self.group_goes_on { 0 } else { FIRST };
        flags |= if more { MORE } else { 0 };
        flags |= if open.raw { RAW } else { 0 };
        flags |= if std::mem::take(&mut self.resumed) { RESUMED } else { 0 };
        let header = RecordHeader {
            crc: 0,
            sequence: self.head.sequence,
            flags,
            previous: self.head.previous,
            durable: self.durable,
            nonce: self.nonce,
            delta_bytes: self.deltas.len() as u32,
            delta_crc: crc32c(!0, &self.deltas),
            header_blocks: open.header_blocks,
            data_blocks: open.data_blocks,
            data_crc: open.crc_of_crcs,
            next: self.head.next,
        };
        let mut head = [0; HEADER_BYTES];
        let crc = header.encode(&self.home(open.place), &mut head);
        let front = front(&head, &self.deltas, open.header_blocks);
        let sequence = self.head.sequence;
        let mut waiting = 0;
        for write in gather(&*self.memory, front, &open.data, device_offset) {
            self.writes.push((sequence, write));
            waiting += 1;
        }
        if !open.raw {
            // A fifth more than this time.
            self.header_guess = (used + used / 4).clamp(1, 64);
        }
        let total = open.header_blocks + open.data_blocks;
        self.head.block += total;
        self.head.sequence += 1;
        self.head.previous = crc;
        self.blocks += total as u64;
        self.appended += total as u64;
        segments.get(self.head.segment).last_sequence = sequence;
        self.deltas.clear();
        self.last = None;
        self.group_goes_on = more;
        let (tokens, kills) = if more {
            (Vec::new(), Vec::new())
        } else {
            (std::mem::take(&mut self.tokens), segments.take_kills())
        };
        self.submitted = tokens.last().copied().unwrap_or(self.submitted);
        let fresh = std::mem::take(&mut self.fresh_of_open);
        self.in_flight.push_back(InFlight { sequence, waiting, tokens, kills, fresh });
    }

    /// Writes an empty record where the mount found the journal's end, if its segment has room: a
    /// record that a crash left there, whole but for some sectors, must not stay when the first
    /// record of this run goes to the next segment.
    pub fn mark(&mut self, segments: &mut Segments) {
        if self.head.block < segments.blocks() {
            let left = segments.blocks() - self.head.block;
            self.open = Some(OpenRecord {
                place: segments.start(self.head.segment) + self.head.block,
                header_blocks: 1,
                blocks_max: left,
                data: Vec::new(),
                data_blocks: 0,
                crc_of_crcs: !0,
                raw: false,
            });
            self.close(false, segments);
        }
    }

    /// One device write of a record ended. Returns records that are durable now, in order.
    pub fn written(&mut self, sequence: u64, segments: &mut Segments, tokens: &mut Vec<u64>) {
        let Some(first) = self.in_flight.front().map(|f| f.sequence) else { return };
        self.in_flight[(sequence - first) as usize].waiting -= 1;
        while let Some(flight) = self.in_flight.pop_front_if(|f| f.waiting == 0) {
            self.durable = flight.sequence;
            segments.release_kills(&flight.kills);
            for place in flight.fresh {
                self.fresh.remove(&place);
            }
            tokens.extend(flight.tokens);
        }
    }
}

/// Header and deltas, filled up to whole blocks.
pub(crate) fn front<'a>(header: &'a [u8], deltas: &'a [u8], blocks: u32) -> Vec<&'a [u8]> {
    static ZEROS: [u8; BLOCK_SIZE] = [0; BLOCK_SIZE];
    let mut left = blocks as usize * BLOCK_SIZE - header.len() - deltas.len();
    let mut parts = vec![header, deltas];
    while left > 0 {
        let zeros = left.min(BLOCK_SIZE);
        parts.push(&ZEROS[..zeros]);
        left -= zeros;
    }
    parts
}

/// Cuts a record into device writes: each large part is one, written from where it is if it lies
/// well in memory; the rest is copied behind what comes before it. How many writes there are does
/// not depend on where things lie in memory, so that the same inputs make the same run.
pub(crate) fn gather<'a>(
    memory: &dyn WriteMemory,
    front: Vec<&'a [u8]>,
    data: &'a [Bytes],
    offset: u64,
) -> Vec<DeviceWrite> {
    let mut writes = Vec::new();
    let mut at = offset;
    let mut write = |buf: Bytes| {
        let len = buf.len() as u64;
        writes.push((at, buf));
        at += len;
    };
    let mut joined = front;
    for part in data {
        if part.len() < DIRECT_BYTES {
            joined.push(part);
            continue;
        }
        if !joined.is_empty() {
            write(memory.join(&joined));
            joined.clear();
        }
        let aligned = (part.as_ptr() as usize).is_multiple_of(BLOCK_SIZE);
        write(if aligned { part.clone() } else { memory.join(&[part]) });
    }
    if !joined.is_empty() {
        write(memory.join(&joined));
    }
    writes
}
