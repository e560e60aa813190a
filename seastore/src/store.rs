//! [`Store`]: one shard. What callers see; the parts are in `writer`, `reader`, `checkpointer`,
//! `cleaner` and `mount`.

use crate::checkpointer::Checkpointer;
use crate::cleaner::Cleaning;
use crate::event::*;
use crate::format::{BLOCK, Superblock};
use crate::miss::{Miss, Misses, Part};
use crate::mount::Mount;
use crate::objects::{ObjectId, Objects};
use crate::onode::{Extent, PENDING};
use crate::reader::PendingRead;
use crate::record::RecordBuilder;
use crate::segment::SegmentTable;
use crate::txn::{ObjectName, Transaction, TxnOp};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use types::{HObject, PgId};

/// Writes are cut into extents of at most this size, bytes.
pub(crate) const PIECE_BYTES_MAX: usize = 128 << 10;
/// Operations larger than this are cut over several records, bytes. A piece of a write with the
/// longest of names fits.
pub(crate) const OP_BYTES_MAX: u64 = 160 << 10;
/// So many bytes at most stay unused at the end of a segment.
const SEGMENT_END_LOST_MAX: u64 = OP_BYTES_MAX + 2 * BLOCK;
/// Free segments that only the cleaner and checkpoints may use, on top of a checkpoint's own.
const RESERVE_CLEANER: u64 = 2;
/// Further ones that only transactions which free space may use as well.
const RESERVE_FREEING: u64 = 2;
/// A transaction that frees space may log at most this much while it draws on the reserve, bytes.
const FREEING_BYTES_MAX: u64 = 256 << 10;

/// How to open one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreConfig {
    pub superblock: Superblock,
    /// Below `superblock.shards`.
    pub shard: u16,
    /// Another number at every start (from the node's seed): tells this run's records from those
    /// that an earlier run left unfinished.
    pub nonce: u64,
    /// For tests and the simulator: one access to metadata in so many misses, by chance drawn from
    /// `nonce`, and a fetch of what it missed takes a device read. 0: none does.
    pub miss_one_in: u32,
}

/// What an outstanding device request is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Io {
    Mount,
    Record { sequence: u64 },
    Chunk { device_offset: u64 },
    Anchor,
    Read { read: u64, index: usize },
    Clean,
    Fetch { token: u64 },
}

pub(crate) enum Phase {
    Closed,
    Mounting(Box<Mount>),
    Ready,
    Failed(StoreError),
}

pub(crate) struct QueuedOp {
    pub op: TxnOp,
    pub object: Option<ObjectId>,
    /// Of a write's data in the stream of all data.
    pub position: u64,
}

/// A transaction, or a move of the cleaner, that has no place on the device yet.
#[derive(Default)]
pub(crate) struct Queued {
    /// `None` for the cleaner's.
    pub token: Option<u64>,
    pub ops: Vec<QueuedOp>,
    /// Data that dies when this is durable: (segment, bytes).
    pub kills: Vec<(u32, u64)>,
    pub bytes_max: u64,
}

/// Where the journal goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalHead {
    pub segment: u32,
    /// Within the segment.
    pub offset: u64,
    pub next: u32,
    pub sequence: u64,
    pub previous: u32,
}

/// A record on its way to the device.
pub(crate) struct InFlight {
    pub sequence: u64,
    pub addr: u64,
    pub done: bool,
    pub tokens: Vec<u64>,
    pub kills: Vec<(u32, u64)>,
}

/// One shard of a device: its objects in memory, its journal and its space.
pub struct Store {
    pub(crate) config: StoreConfig,
    pub(crate) phase: Phase,
    pub(crate) objects: Objects,
    pub(crate) segments: SegmentTable,
    pub(crate) head: JournalHead,
    /// Records up to this sequence are on stable media.
    pub(crate) durable: u64,
    pub(crate) in_flight: VecDeque<InFlight>,
    /// Records being written, by address: their data are read from here.
    pub(crate) buffers: BTreeMap<u64, Bytes>,
    pub(crate) queue: VecDeque<Queued>,
    /// The cleaner's moves; placed before `queue`, so that nothing submitted after a move was
    /// decided can overtake it.
    pub(crate) moves: VecDeque<Queued>,
    pub(crate) queued_bytes: u64,
    /// Data of `queue` and `moves` by position.
    pub(crate) queued_data: BTreeMap<u64, Bytes>,
    pub(crate) position: u64,
    pub(crate) builder: RecordBuilder,
    /// Replay would start at this sequence.
    pub(crate) journal_start: u64,
    /// Bytes of records since then.
    pub(crate) journal_bytes: u64,
    pub(crate) checkpoint: u64,
    pub(crate) checkpoint_segments: Vec<u32>,
    pub(crate) checkpointer: Option<Checkpointer>,
    pub(crate) cleaning: Option<Cleaning>,
    pub(crate) ios: BTreeMap<u64, Io>,
    next_io: u64,
    pub(crate) reads: BTreeMap<u64, PendingRead>,
    pub(crate) next_read: u64,
    pub(crate) events: Vec<StoreEvent>,
    /// Somebody waits for [`StoreEvent::Room`] for so many bytes; 0 for nobody.
    room_wanted: std::cell::Cell<u64>,
    /// See [`StoreConfig::miss_one_in`].
    pub(crate) misses: Option<Box<std::cell::RefCell<Misses>>>,
}

impl Store {
    /// A store that is not mounted: only `mount` and `on_io` are of use.
    ///
    /// # Panics
    /// If the shard is not below the superblock's shard count.
    pub fn open(config: StoreConfig) -> Self {
        let sb = &config.superblock;
        assert!(config.shard < sb.shards, "shard {} of {}", config.shard, sb.shards);
        let segments = SegmentTable::new(sb.segment_count() as u32, sb.segment_bytes as u64);
        Self {
            config,
            phase: Phase::Closed,
            objects: Objects::default(),
            segments,
            head: JournalHead { segment: 0, offset: 0, next: 1, sequence: 1, previous: 0 },
            durable: 0,
            in_flight: VecDeque::new(),
            buffers: BTreeMap::new(),
            queue: VecDeque::new(),
            moves: VecDeque::new(),
            queued_bytes: 0,
            queued_data: BTreeMap::new(),
            position: 0,
            builder: RecordBuilder::default(),
            journal_start: 1,
            journal_bytes: 0,
            checkpoint: 0,
            checkpoint_segments: Vec::new(),
            checkpointer: None,
            cleaning: None,
            ios: BTreeMap::new(),
            next_io: 1,
            reads: BTreeMap::new(),
            next_read: 1,
            events: Vec::new(),
            room_wanted: std::cell::Cell::new(0),
            misses: (config.miss_one_in > 0).then(|| {
                let seed = config.nonce ^ (config.shard as u64) << 48;
                Box::new(std::cell::RefCell::new(Misses::new(seed)))
            }),
        }
    }

    /// Begins to read checkpoint and journal. Ends with [`StoreEvent::Mounted`] or
    /// [`StoreEvent::Failed`]. Later calls do nothing.
    pub fn mount(&mut self, fx: &mut Vec<StoreEffect>) {
        if matches!(self.phase, Phase::Closed) {
            self.start_mount(fx);
        }
    }

    /// Applies `txn` in memory at once, whole or not at all, and queues it for the journal.
    /// [`StoreEvent::Durable`] with `token` follows; tokens come back in the order of submission.
    pub fn submit(&mut self, mut txn: Transaction, token: u64) -> Result<(), SubmitError> {
        self.try_submit(&mut txn, token)
    }

    /// As [`Store::submit`]; takes the operations out of `txn`, and leaves them there on an error.
    pub fn try_submit(&mut self, txn: &mut Transaction, token: u64) -> Result<(), SubmitError> {
        match &self.phase {
            Phase::Ready => {}
            Phase::Failed(e) => return Err(SubmitError::Failed(*e)),
            _ => return Err(SubmitError::NotMounted),
        }
        let bytes_max = self.admit(txn)?;
        let mut queued = Queued { token: Some(token), bytes_max, ..Queued::default() };
        queued.ops.reserve(txn.ops.len());
        for op in std::mem::take(&mut txn.ops) {
            match op {
                TxnOp::Write { o, offset, mut data } if data.len() > PIECE_BYTES_MAX => {
                    let mut at = offset;
                    while !data.is_empty() {
                        let piece = data.split_to(data.len().min(PIECE_BYTES_MAX));
                        let len = piece.len() as u64;
                        let op = TxnOp::Write { o: o.clone(), offset: at, data: piece };
                        self.apply(op, &mut queued);
                        at += len;
                    }
                }
                op => self.apply(op, &mut queued),
            }
        }
        self.queued_bytes += bytes_max;
        self.queue.push_back(queued);
        Ok(())
    }

    fn apply(&mut self, op: TxnOp, queued: &mut Queued) {
        let mut position = 0;
        let extent = match &op {
            TxnOp::Write { data, .. } if !data.is_empty() => {
                let extent = self.queue_data(data.clone());
                position = extent.addr & !PENDING;
                Some(extent)
            }
            _ => None,
        };
        let segment_bytes = self.segments.segment_bytes;
        let kills = &mut queued.kills;
        let object = self
            .objects
            .apply(&op, extent, &mut |addr, len| note_kill(kills, segment_bytes, addr, len));
        queued.ops.push(QueuedOp { op, object, position });
    }

    /// Takes data that has no place yet; the extent says where to find it.
    pub(crate) fn queue_data(&mut self, data: Bytes) -> Extent {
        let position = self.position;
        let len = data.len() as u32;
        self.position += data.len() as u64;
        self.queued_data.insert(position, data);
        Extent { addr: position | PENDING, len, crcs: crate::onode::Crcs::None }
    }

    /// Whether there is space for `txn` and whether it can be written right away; returns what it
    /// takes in the journal at most.
    fn admit(&self, txn: &Transaction) -> Result<u64, SubmitError> {
        let (mut data, mut deltas, mut placed) = (0, 0, 0);
        let mut frees = false;
        for (index, op) in txn.ops.iter().enumerate() {
            op.check(index)?;
            if matches!(op, TxnOp::Clone { .. } | TxnOp::CloneRange { .. }) {
                return Err(SubmitError::Invalid { op: index, what: "a clone" });
            }
            data += op.data_bytes();
            placed += op.data_bytes().next_multiple_of(BLOCK);
            deltas += op.delta_bytes_max();
            frees |= op.frees();
        }
        let bytes_max = placed + deltas + 2 * BLOCK;
        let freeing = frees && data == 0 && deltas <= FREEING_BYTES_MAX;
        if !freeing && self.objects.data_bytes() + data > self.data_bytes_max(deltas) {
            return Err(SubmitError::Full);
        }
        let reserve = if freeing { RESERVE_CLEANER } else { RESERVE_CLEANER + RESERVE_FREEING };
        let wanted = self.queued_bytes + bytes_max;
        if wanted > self.writable_bytes(reserve) {
            // No room even on a clean store: waiting would not help.
            if bytes_max > self.writable_bytes_best(reserve) && !freeing {
                return Err(SubmitError::Full);
            }
            self.room_wanted.set(self.room_wanted.get().max(bytes_max));
            return Err(SubmitError::Busy);
        }
        Ok(bytes_max)
    }

    /// Segments that one checkpoint takes, with `more` bytes of metadata added.
    fn checkpoint_segments_max(&self, more: u64) -> u64 {
        (self.objects.meta_bytes() + more) * 9 / 8 / self.segments.segment_bytes + 1
    }

    /// Free segments that the next or running checkpoint still needs.
    pub(crate) fn checkpoint_reserve(&self) -> u64 {
        let taken = self.checkpointer.as_ref().map_or(0, |c| c.segments.len() as u64);
        self.checkpoint_segments_max(0).saturating_sub(taken).max(1)
    }

    /// What objects may hold. The rest is for two checkpoints, the reserves, the journal's head,
    /// and room that keeps cleaning cheap.
    fn data_bytes_max(&self, more_meta: u64) -> u64 {
        let own = RESERVE_CLEANER + RESERVE_FREEING + 6;
        let left = self.segments.count().saturating_sub(own) * self.segments.segment_bytes;
        let checkpoints = (self.objects.meta_bytes() + more_meta) * 9 / 4;
        left.saturating_sub(checkpoints) / 16 * 13
    }

    /// What could be written if the cleaner had packed everything, above `reserve`.
    fn writable_bytes_best(&self, reserve: u64) -> u64 {
        let live = self.objects.data_bytes() * 9 / 8 / self.segments.segment_bytes + 1;
        let held = 2 * self.checkpoint_segments_max(0) + reserve + live + 2;
        self.segments.count().saturating_sub(held)
            * (self.segments.segment_bytes - SEGMENT_END_LOST_MAX)
    }

    /// Largest record, bytes.
    pub(crate) fn record_bytes_max(&self) -> u64 {
        (self.segments.segment_bytes / 8).clamp(256 << 10, 2 << 20)
    }

    /// What can be written before fewer free segments than `reserve` plus a checkpoint's are left.
    /// Counts the worst end of each segment, too short for the next record, as lost.
    pub(crate) fn writable_bytes(&self, reserve: u64) -> u64 {
        let lost = SEGMENT_END_LOST_MAX;
        let free = self.segments.free_count().saturating_sub(self.checkpoint_reserve() + reserve);
        (self.segments.segment_bytes - self.head.offset).saturating_sub(lost)
            + free * (self.segments.segment_bytes - lost)
    }

    /// Fewer free segments than this, and the cleaner works.
    pub(crate) fn free_wanted(&self) -> u64 {
        let reserve = self.checkpoint_reserve() + RESERVE_CLEANER + RESERVE_FREEING;
        reserve + (self.segments.count() / 20).max(3)
    }

    /// Whether now is a good time to start an operation that writes. While `false`, hold new
    /// operations back until [`StoreEvent::Room`]; what has begun may still be submitted.
    pub fn accepting(&self) -> bool {
        let accepting = self.has_room(1);
        if !accepting {
            self.room_wanted.set(self.room_wanted.get().max(1));
        }
        accepting
    }
    fn has_room(&self, bytes: u64) -> bool {
        let reserve = RESERVE_CLEANER + RESERVE_FREEING + 1;
        matches!(self.phase, Phase::Ready)
            && self.queued_bytes + bytes <= self.writable_bytes(reserve)
    }
    /// Whether the cleaner has to make room.
    pub(crate) fn is_short(&self) -> bool {
        let wanted = self.room_wanted.get();
        self.segments.free_count() < self.free_wanted() || (wanted > 0 && !self.has_room(wanted))
    }

    /// Writes everything submitted since the last call as one journal record, and takes one step of
    /// checkpoint and cleaner. Call it after every batch of inputs, completions included.
    pub fn end_of_turn(&mut self, fx: &mut Vec<StoreEffect>) {
        self.write_queued(fx);
        self.step_cleaner(fx);
        self.write_queued(fx);
        self.step_checkpoint(fx);
    }

    /// Takes the answer to an effect. Unknown ids are ignored.
    pub fn on_io(
        &mut self,
        done: IoCompletion,
        events: &mut Vec<StoreEvent>,
        fx: &mut Vec<StoreEffect>,
    ) {
        let (id, read, write) = match done {
            IoCompletion::Read { io, result } => (io, Some(result), Ok(())),
            IoCompletion::Write { io, result } | IoCompletion::Flush { io, result } => {
                (io, None, result)
            }
        };
        let Some(io) = self.ios.remove(&id) else { return };
        let lost = || Err(types::node::IoError::Os(5));
        match io {
            Io::Mount => self.on_mount_io(read, write, fx),
            Io::Record { sequence } => self.on_record(sequence, write),
            Io::Chunk { device_offset } => self.on_chunk(device_offset, write),
            Io::Anchor => self.on_anchor(write),
            Io::Read { read: id, index } => self.on_read(id, index, read.unwrap_or_else(lost)),
            Io::Clean => self.on_clean_read(read.unwrap_or_else(lost)),
            Io::Fetch { token } => self.on_fetch(token, read.unwrap_or_else(lost)),
        }
        if matches!(self.phase, Phase::Ready) {
            self.segments.reap(self.journal_start);
            let wanted = self.room_wanted.get();
            if wanted > 0 && self.has_room(wanted) {
                self.room_wanted.set(0);
                self.events.push(StoreEvent::Room);
            }
        }
        events.append(&mut self.events);
    }

    pub(crate) fn new_io(&mut self, io: Io) -> u64 {
        let id = self.next_io;
        self.next_io += 1;
        self.ios.insert(id, io);
        id
    }

    /// Device offset of an address.
    pub(crate) fn device_offset(&self, addr: u64) -> u64 {
        self.config.superblock.segments_offset(self.config.shard) + addr
    }
    /// End of the last segment, an address.
    pub(crate) fn addr_end(&self) -> u64 {
        self.segments.count() * self.segments.segment_bytes
    }

    pub(crate) fn fail(&mut self, error: StoreError) {
        if matches!(self.phase, Phase::Failed(_)) {
            return;
        }
        self.phase = Phase::Failed(error);
        self.events.push(StoreEvent::Failed(error));
        for (_, read) in std::mem::take(&mut self.reads) {
            let result = Err(ReadError::Failed(error));
            self.events.push(StoreEvent::ReadDone { token: read.token, result });
        }
        for token in self.take_fetches() {
            let result = Err(ReadError::Failed(error));
            self.events.push(StoreEvent::Fetched { token, result });
        }
    }

    /// Nothing submitted waits for the device.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }
    /// The error that [`StoreEvent::Failed`] reported.
    pub fn failure(&self) -> Option<StoreError> {
        if let Phase::Failed(e) = &self.phase { Some(*e) } else { None }
    }

    pub fn exists(&self, o: &HObject) -> Result<bool, Miss> {
        self.need(o, Part::Onode)?;
        Ok(self.objects.id(o).is_some())
    }
    pub fn stat(&self, o: &HObject) -> Result<Option<ObjectInfo>, Miss> {
        self.need(o, Part::Onode)?;
        Ok(self.objects.get(o).map(|onode| ObjectInfo {
            size: onode.size,
            xattr_count: onode.xattr_count(),
            omap_count: onode.omap.len(),
            omap_header_bytes: onode.omap_header().len(),
        }))
    }
    pub fn xattr(&self, o: &HObject, name: &[u8]) -> Result<Option<&[u8]>, Miss> {
        self.need(o, Part::Onode)?;
        Ok(self.objects.get(o).and_then(|onode| onode.xattr(name)))
    }
    /// Visits names and values in order of name; none of a missing object. On a miss some may have
    /// been visited: the caller starts over.
    pub fn xattrs(&self, o: &HObject, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Miss> {
        let missing = self.need_after(o, Part::Onode);
        let xattrs = self.objects.get(o).into_iter().flat_map(|onode| onode.xattrs());
        let limit = missing.as_ref().map_or(usize::MAX, |(items, _)| *items);
        xattrs.take(limit).for_each(|(name, value)| visit(name, value));
        missing.map_or(Ok(()), |(_, miss)| Err(miss))
    }
    pub fn omap_get(&self, o: &HObject, key: &[u8]) -> Result<Option<&[u8]>, Miss> {
        self.need(o, Part::Omap)?;
        Ok(self.objects.get(o).and_then(|onode| onode.omap.get(key)).map(|v| &**v))
    }
    /// Empty if there is none.
    pub fn omap_header(&self, o: &HObject) -> Result<&[u8], Miss> {
        self.need(o, Part::Omap)?;
        Ok(self.objects.get(o).map_or(&[], |onode| onode.omap_header()))
    }
    /// Visits pairs in order of key until `visit` returns false: those after `start_after` (all of
    /// them for `None`) whose keys begin with `prefix`. On a miss some may have been visited: the
    /// caller starts over, or goes on after the last one.
    pub fn omap_scan(
        &self,
        o: &HObject,
        start_after: Option<&[u8]>,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Miss> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let missing = self.need_after(o, Part::Omap);
        let limit = missing.as_ref().map_or(usize::MAX, |(items, _)| *items);
        let from = match start_after {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix),
        };
        let range = self.objects.get(o).map(|onode| onode.omap.range::<[u8], _>((from, Unbounded)));
        let pairs = range.into_iter().flatten().take_while(|(k, _)| k.starts_with(prefix));
        for (key, value) in pairs.take(limit) {
            if !visit(key, value) {
                return Ok(());
            }
        }
        missing.map_or(Ok(()), |(_, miss)| Err(miss))
    }
    /// Objects with `start <= name < end` in order, at most `max`. A PG's meta object (empty name)
    /// is listed like any other.
    pub fn list(
        &self,
        start: &HObject,
        end: &HObject,
        max: usize,
    ) -> Result<Vec<ObjectName>, Miss> {
        self.need(start, Part::List)?;
        let from = self.objects.from(start, false).map(|onode| &onode.name);
        Ok(from.take_while(|name| &***name < end).take(max).cloned().collect())
    }
    /// PGs and their bits, in order.
    pub fn collections(&self) -> impl Iterator<Item = (PgId, u8)> + '_ {
        self.objects.collections.iter().map(|(pg, bits)| (*pg, *bits))
    }
    pub fn statfs(&self) -> StatFs {
        let total = self.data_bytes_max(0);
        let mut out = StatFs { total, ..StatFs::default() };
        self.objects.fill(&mut out);
        out.used = out.data.min(total);
        out.available = total - out.used;
        out
    }
}

/// Adds to a short list of (segment, bytes). Data that was never placed needs no account.
pub(crate) fn note_kill(kills: &mut Vec<(u32, u64)>, segment_bytes: u64, addr: u64, len: u64) {
    if addr & PENDING != 0 {
        return;
    }
    let segment = (addr / segment_bytes) as u32;
    match kills.last_mut() {
        Some((last, bytes)) if *last == segment => *bytes += len,
        _ => kills.push((segment, len)),
    }
}
