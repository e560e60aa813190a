//! [`Store`]: one shard. What callers see; the parts are in `resolve`, `fetch`, `reader`,
//! `checkpointer`, `cleaner` and `mount`.

use crate::change::WrittenRun;
use crate::checkpointer::Checkpointer;
use crate::cleaner::Cleaner;
use crate::data_cache::DataCache;
use crate::discard::Discarder;
use crate::event::*;
use crate::fetch::{FetchError, FetchKey, Fetching};
use crate::format::Superblock;
use crate::journal::Journal;
use crate::key;
use crate::meta::Meta;
use crate::misses::{Misses, Part};
use crate::mount::Mount;
use crate::onode::OnodeRef;
use crate::pager::Pager;
use crate::pages::{MissingPage, PageId};
use crate::reader::{PendingRead, Plan};
use crate::segments::Segments;
use crate::slots::Slots;
use crate::space::Admitted;
use crate::touch::{Needs, Takes, Toucher};
use crate::tree::TreeError;
use crate::txn::{ObjectName, Transaction, TxnOp};
use crate::zones::Zones;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use types::node::{IoError, WriteMemory};
use types::{HObject, PgId};

/// Records on their way at once. When so many are, changes gather in the open one.
const IN_FLIGHT_MAX: usize = 16;
/// When so many are, for all shards of a core together, changes gather until there are
/// [`GATHERED`] transactions. Each shard by itself would find the device idle and write a record for
/// each transaction, with a block of its own for the header.
const IN_FLIGHT_EAGER: usize = 8;
const GATHERED: usize = 4;
/// The same where one device write of them is under way: one more, to follow at once.
const IN_FLIGHT_ZONED_MAX: usize = 2;
/// Transactions that wait for metadata whose pages are asked for together.
const PREFETCH: usize = 64;
/// A transaction that was tried so often in vain may need more pages than the cache holds: until it
/// is applied, none are given up and none are fetched for others.
const TRIES: u32 = 8;
/// A read that the device refuses is asked for so many times in all.
const READ_TRIES: u8 = 3;

/// How to open one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreConfig {
    pub superblock: Superblock,
    /// Below `superblock.shards`.
    pub shard: u16,
    /// Another number at every start: tells this run's records from those that an earlier run left
    /// unfinished.
    pub nonce: u64,
    /// Metadata kept in memory, bytes; at least [`StoreConfig::CACHE_BYTES_MIN`].
    pub cache_bytes: usize,
    /// Length of the journal at which a checkpoint is taken, bytes; 0 for the default.
    pub journal_bytes: u64,
    /// For tests and the simulator: one access to metadata in so many misses, by chance drawn from
    /// `nonce`, and a fetch of what it missed takes a device read. 0: none does.
    pub miss_one_in: u32,
    /// Tell the device about segments that become free.
    pub discard: bool,
    /// Shards of this store on the same core, this one counted.
    pub shards_on_core: u16,
    /// To look at what is left of a damaged store: changes of the journal that need damaged metadata
    /// are passed over by the mount, which says so by [`StoreEvent::Outdated`], a damaged record of
    /// the journal is its end ([`StoreEvent::JournalDamaged`]), and nothing is
    /// written. It reads both copies of what the checkpoint holds twice, for [`Store::check_step`].
    pub salvage: bool,
}
impl StoreConfig {
    /// Enough for what one transaction touches.
    pub const CACHE_BYTES_MIN: usize = 128 << 10;
    /// 1 GiB.
    pub const CACHE_BYTES_DEFAULT: usize = 1 << 30;

    /// With the defaults; nothing is discarded, the core has no other shard.
    pub fn new(superblock: Superblock, shard: u16, nonce: u64) -> Self {
        let cache_bytes = Self::CACHE_BYTES_DEFAULT;
        Self {
            superblock,
            shard,
            nonce,
            cache_bytes,
            journal_bytes: 0,
            miss_one_in: 0,
            discard: false,
            shards_on_core: 1,
            salvage: false,
        }
    }

    /// A 32nd of the region, from 2 segments to 512 MiB.
    pub(crate) fn journal_bytes(&self) -> u64 {
        let segment = self.superblock.segment_bytes as u64;
        let bytes = if self.journal_bytes > 0 {
            self.journal_bytes
        } else {
            (self.superblock.region_bytes / 32).min(512 << 20)
        };
        bytes.max(2 * segment).min(self.superblock.region_bytes / 6)
    }
}

/// What an outstanding device request is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Io {
    Mount { index: usize },
    Record { sequence: u64, device_offset: u64 },
    Checkpoint { device_offset: u64 },
    CheckpointFlush,
    Read { read: u64, index: usize },
    Fetch { key: FetchKey },
    Injected { token: u64 },
    Clean { segment: u32 },
    Cold { generation: usize, to: u32, device_offset: u64 },
    Discard { segment: u32, device_offset: u64 },
    Zone { device_offset: u64 },
}

/// A device request under way.
#[derive(Debug, Clone, Copy)]
struct Outstanding {
    io: Io,
    /// Of a read: where and how much, to ask for it again; of anything else 0.
    offset: u64,
    len: usize,
    tries: u8,
}

pub(crate) enum Phase {
    Closed,
    Mounting(Box<Mount>),
    Ready,
    Failed(StoreError),
}

/// What waits its turn.
pub(crate) enum Waiting {
    Txn(Queued),
    /// A read of an object that transactions before it concern.
    Read(u64),
}

/// A transaction that waits for metadata, or for what was before it.
pub(crate) struct Queued {
    pub token: u64,
    pub ops: Vec<TxnOp>,
    pub admitted: Admitted,
}

/// Since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreCounters {
    /// Bytes that transactions wrote to objects.
    pub user_bytes: u64,
    /// Bytes written to the device, all of it.
    pub device_bytes: u64,
    /// Of those: pages, tables and roots.
    pub checkpoint_bytes: u64,
    /// Of those: data that the cleaner moved.
    pub cleaner_bytes: u64,
    pub checkpoints: u64,
    pub segments_cleaned: u64,
    /// Bytes that the device was told to forget.
    pub discarded_bytes: u64,
    /// Pages read because they were not in memory.
    pub page_reads: u64,
    /// Reads that the device refused and that were asked for again.
    pub reads_tried_again: u64,
}

/// One shard of a device.
pub struct Store {
    pub(crate) config: StoreConfig,
    pub(crate) phase: Phase,
    pub(crate) meta: Meta,
    pub(crate) segments: Segments,
    pub(crate) journal: Journal,
    pub(crate) queue: VecDeque<Waiting>,
    pub(crate) queued_bytes: u64,
    /// How often the first of the queue was tried in vain.
    front_tries: u32,
    /// The first of the queue has its pages and waits for room.
    held: bool,
    /// Old contents of blocks that queued transactions write in part.
    pub(crate) staged: BTreeMap<u32, Bytes>,
    pub(crate) fetching: Fetching,
    pub(crate) data_cache: DataCache,
    pub(crate) reads: Slots<PendingRead>,
    pub(crate) spare_plans: Vec<Plan>,
    /// Reads that wait for metadata: what they see is settled when they have it.
    pub(crate) unplanned: usize,
    pub(crate) checkpoint: u64,
    pub(crate) checkpointer: Option<Checkpointer>,
    /// Places of the newest checkpoint's table chunks and root.
    pub(crate) root_places: crate::checkpointer::RootPlaces,
    /// Copies of anchors that the mount found damaged, bytes from the start of the device.
    pub(crate) bad_anchors: Vec<u64>,
    /// Copies of parts of the newest checkpoint that the mount could not use.
    pub(crate) bad_copies: Vec<BadCopy>,
    /// Somebody cannot go on before the next checkpoint.
    /// Somebody waits for room that the pages have that the next checkpoint gives up.
    pub(crate) pages_wanted: Cell<bool>,
    pub(crate) checkpoint_wanted: bool,
    /// Where checkpoints append: segment and block.
    pub(crate) meta_head: Option<(u32, u32)>,
    pub(crate) cleaner: Cleaner,
    pub(crate) discarder: Discarder,
    /// Of a zoned device.
    pub(crate) zones: Option<Zones>,
    pub(crate) misses: Option<Box<RefCell<Misses>>>,
    /// Memory for the checksums and runs of a write.
    pub(crate) written: (Vec<u32>, Vec<WrittenRun>),
    ios: Slots<Outstanding>,
    pub(crate) events: Vec<StoreEvent>,
    /// Effects of calls that are given no place for them.
    pub(crate) out: Vec<StoreEffect>,
    pub(crate) room_wanted: Cell<u64>,
    pub(crate) counters: StoreCounters,
}

/// Metadata that is not in memory. Give it to [`Store::fetch`]; the access is tried again after
/// [`StoreEvent::Fetched`].
///
/// Whoever looks at several things starts over with all of them. That ends: what was fetched stays
/// in memory at least until its event has been handled, and longer where there is room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss(pub(crate) MissKind);

impl Miss {
    /// A miss of no store, for tests of code that hands one on.
    pub fn for_tests(n: u64) -> Self {
        Self(MissKind::Page(PageId(n as u32)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissKind {
    Page(PageId),
    /// A transaction that concerns the object waits to be applied.
    Queue,
    /// The page does not fit into its tree.
    Corrupt(PageId),
    /// See [`StoreConfig::miss_one_in`].
    Injected(u64),
}
impl From<TreeError> for Miss {
    fn from(error: TreeError) -> Self {
        Self(match error {
            TreeError::Missing(MissingPage(id)) => MissKind::Page(id),
            TreeError::Corrupt { page, .. } => MissKind::Corrupt(page),
        })
    }
}

impl Store {
    /// A store that is not mounted: only `mount` and `on_io` are of use.
    ///
    /// # Panics
    /// If the shard is not below the superblock's shard count.
    pub fn open(config: StoreConfig) -> Self {
        let sb = &config.superblock;
        assert!(config.shard < sb.shards, "shard {} of {}", config.shard, sb.shards);
        let segment_bytes = sb.segment_bytes as u64;
        let origin = sb.segments_offset(config.shard);
        let budget = config.cache_bytes.max(StoreConfig::CACHE_BYTES_MIN);
        Self {
            config,
            phase: Phase::Closed,
            meta: Meta::new(Pager::new(budget)),
            segments: Segments::new(sb.segment_count() as u32, segment_bytes, sb.segment_stride())
                .with_zones(sb.zones.is_some()),
            journal: Journal::new(sb.store_uuid, config.shard, config.nonce, origin, segment_bytes),
            queue: VecDeque::new(),
            queued_bytes: 0,
            front_tries: 0,
            held: false,
            staged: BTreeMap::new(),
            fetching: Fetching::default(),
            data_cache: DataCache::new(budget / 2),
            reads: Slots::default(),
            spare_plans: Vec::new(),
            unplanned: 0,
            checkpoint: 0,
            checkpointer: None,
            root_places: Default::default(),
            bad_anchors: Vec::new(),
            bad_copies: Vec::new(),
            checkpoint_wanted: false,
            pages_wanted: Cell::new(false),
            meta_head: None,
            cleaner: Cleaner::default(),
            // A zone is reset instead.
            discarder: Discarder::new(config.discard && sb.zones.is_none()),
            zones: Zones::new(sb, config.shard),
            misses: (config.miss_one_in > 0).then(|| {
                let seed = config.nonce ^ config.shard as u64;
                Box::new(RefCell::new(Misses::new(seed)))
            }),
            written: Default::default(),
            ios: Slots::default(),
            events: Vec::new(),
            out: Vec::new(),
            room_wanted: Cell::new(0),
            counters: StoreCounters::default(),
        }
    }

    /// Has what it writes put together in `memory`.
    pub fn use_memory(&mut self, memory: Rc<dyn WriteMemory>) {
        self.journal.memory = memory;
    }

    /// Begins to read checkpoint and journal. Ends with [`StoreEvent::Mounted`] or
    /// [`StoreEvent::Failed`]. Later calls do nothing.
    pub fn mount(&mut self, fx: &mut Vec<StoreEffect>) {
        if matches!(self.phase, Phase::Closed) {
            self.start_mount();
            fx.append(&mut self.out);
        }
    }

    /// Takes `txn`, whole or not at all. [`StoreEvent::Durable`] with `token` follows; tokens come
    /// back in the order of submission. Accesses see it at once, or answer [`Miss`] until it is
    /// applied.
    pub fn submit(&mut self, mut txn: Transaction, token: u64) -> Result<(), SubmitError> {
        self.try_submit(&mut txn, token)
    }

    /// As [`Store::submit`]; takes the operations out of `txn`, and leaves them there on an error.
    pub fn try_submit(&mut self, txn: &mut Transaction, token: u64) -> Result<(), SubmitError> {
        match &self.phase {
            Phase::Ready if self.config.salvage => return Err(SubmitError::Salvaged),
            Phase::Ready => {}
            Phase::Failed(e) => return Err(SubmitError::Failed(*e)),
            _ => return Err(SubmitError::NotMounted),
        }
        let admitted = self.admit(txn)?;
        if self.queue.is_empty() && !self.overtakes_read(&txn.ops) {
            let (needs, takes) = self.touch_ops(&txn.ops, self.is_scarce(&admitted));
            if needs.is_empty() {
                takes.map_or(Ok(()), |takes| self.fits(&admitted, takes))?;
                self.apply_ops(std::mem::take(&mut txn.ops), token);
                return Ok(());
            }
            self.fetch_for_queue(needs);
        }
        self.queued_bytes += admitted.bytes;
        let ops = std::mem::take(&mut txn.ops);
        self.queue.push_back(Waiting::Txn(Queued { token, ops, admitted }));
        Ok(())
    }

    /// What the operations need, and with `counting` what they take if that is nothing.
    fn touch_ops(&self, ops: &[TxnOp], counting: bool) -> (Needs, Option<Takes>) {
        let at_hand = |place: u32| {
            self.staged.contains_key(&place) || self.journal.fresh_block(place).is_some()
        };
        let mut toucher = Toucher::new(&self.meta, &at_hand);
        if counting {
            toucher = toucher.counting();
        }
        ops.iter().for_each(|op| toucher.op(op));
        toucher.finish()
    }

    fn apply_ops(&mut self, ops: Vec<TxnOp>, token: u64) {
        for op in ops {
            self.counters.user_bytes += op.data_bytes();
            self.apply_op(op);
        }
        self.meta.close();
        self.journal.put_token(token, &mut self.segments);
        self.perform_writes();
    }

    /// Drops what was the first of the queue, whose metadata or old data cannot be read, or which
    /// (`None`) has no room.
    fn refuse_front(&mut self, queued: Queued, error: Option<FetchError>) {
        self.queued_bytes -= queued.admitted.bytes;
        self.front_tries = 0;
        let object = queued.ops.iter().find_map(|op| op.object().cloned());
        let error = match error {
            Some(error) => self.read_error(object, &error),
            None => ReadError::NoRoom { object },
        };
        self.events.push(StoreEvent::Refused { token: queued.token, error });
    }

    /// Whether the queue waits for room.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Whether a read that began before waits to see one of the objects as it is now.
    fn overtakes_read(&self, ops: &[TxnOp]) -> bool {
        self.unplanned > 0
            && self
                .reads
                .values()
                .filter(|read| read.comes_first())
                .any(|read| ops.iter().any(|op| op.objects().any(|o| *o == read.object)))
    }

    /// Goes on with the queue, in order.
    pub(crate) fn drain_queue(&mut self) {
        while let Some(front) = self.queue.pop_front() {
            let queued = match front {
                Waiting::Txn(queued) => queued,
                Waiting::Read(id) => {
                    self.continue_read(id);
                    continue;
                }
            };
            if self.overtakes_read(&queued.ops) {
                self.queue.push_front(Waiting::Txn(queued));
                break;
            }
            let (needs, takes) = self.touch_ops(&queued.ops, self.is_scarce(&queued.admitted));
            if needs.is_empty() {
                let fits = takes.map_or(Ok(()), |takes| self.fits(&queued.admitted, takes));
                if fits == Err(SubmitError::Full) {
                    self.refuse_front(queued, None);
                    continue;
                }
                if fits.is_err() {
                    self.held = true;
                    self.queue.push_front(Waiting::Txn(queued));
                    break;
                }
                self.queued_bytes -= queued.admitted.bytes;
                self.front_tries = 0;
                self.apply_ops(queued.ops, queued.token);
                continue;
            }
            if let Some(error) = self.fetching.error_of(&needs) {
                self.refuse_front(queued, Some(error));
                continue;
            }
            self.fetch_for_queue(needs);
            self.queue.push_front(Waiting::Txn(queued));
            self.front_tries = self.front_tries.saturating_add(1);
            let prefetch = if self.front_tries < TRIES { PREFETCH } else { 0 };
            for index in 1..self.queue.len().min(prefetch) {
                let Waiting::Txn(queued) = &self.queue[index] else { continue };
                let (needs, _) = self.touch_ops(&queued.ops, false);
                self.fetch_for_queue(needs);
            }
            break;
        }
        if self.queue.is_empty() {
            self.staged.clear();
            self.wake_after_queue();
        }
    }

    /// Segments that hold nothing any more become free.
    pub(crate) fn reap_segments(&mut self) {
        let data_cache = &mut self.data_cache;
        self.segments.reap(self.journal.start, |places| data_cache.forget(places));
    }

    /// Takes a block that was read and found good into the cache of data, which shares the budget
    /// with the pages.
    pub(crate) fn keep_block(&mut self, place: u32, crc: u32, block: &[u8]) {
        self.data_cache.insert(place, crc, block);
        let budget = self.config.cache_bytes.max(StoreConfig::CACHE_BYTES_MIN);
        self.meta.pager.set_budget(budget - self.data_cache.bytes());
    }

    /// Hands the journal's device writes to the caller.
    pub(crate) fn perform_writes(&mut self) {
        if self.journal.exhausted {
            self.fail(StoreError::ReserveExhausted);
        }
        let writes = std::mem::take(&mut self.journal.writes);
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        for (sequence, (offset, buf)) in writes {
            self.counters.device_bytes += buf.len() as u64;
            self.write_device(Io::Record { sequence, device_offset: offset }, offset, buf, true);
        }
    }

    /// Writes everything submitted since the last call as one journal record, and takes one step of
    /// checkpoint and cleaner. Call it after every batch of inputs, completions included.
    pub fn end_of_turn(&mut self, fx: &mut Vec<StoreEffect>) {
        if matches!(self.phase, Phase::Ready) && !self.config.salvage {
            if std::mem::take(&mut self.held) {
                self.drain_queue();
            }
            self.step_cleaner();
            self.collect_garbage();
            if self.may_write_record() {
                self.journal.close(false, &mut self.segments);
                self.perform_writes();
            }
            if self.step_checkpoint() {
                // There may be nothing under way that would call for another turn.
                self.step_cleaner();
                self.step_checkpoint();
            }
            self.step_discard();
            self.follow_segments();
            self.evict_pages();
            if self.held && self.out.is_empty() && self.ios.is_empty() {
                // It was admitted, and nothing will make the room that it turned out to take.
                self.fail(StoreError::ReserveExhausted);
            }
        }
        fx.append(&mut self.out);
    }

    /// Whether the open record is to be written now, or to gather more.
    fn may_write_record(&self) -> bool {
        let under_way = self.journal.in_flight.len();
        if self.zones.is_some() {
            return under_way < IN_FLIGHT_ZONED_MAX;
        }
        let eager = (IN_FLIGHT_EAGER / self.config.shards_on_core.max(1) as usize).max(1);
        let gathered = self.journal.transactions() >= GATHERED;
        under_way < eager || gathered && under_way < IN_FLIGHT_MAX
    }

    /// Unless somebody needs several pages together that may be more than the cache holds.
    pub(crate) fn evict_pages(&mut self) {
        if self.front_tries < TRIES && !self.cleaner.waits_for_pages() {
            self.meta.pager.evict();
        }
    }

    /// Takes the answer to an effect. Unknown ids are ignored.
    pub fn on_io(
        &mut self,
        done: IoCompletion,
        events: &mut Vec<StoreEvent>,
        fx: &mut Vec<StoreEffect>,
    ) {
        let (id, read, write) = match done {
            IoCompletion::Zones { io, result } => {
                if self.ios.remove(io).is_some() {
                    self.on_zones(result);
                }
                events.append(&mut self.events);
                fx.append(&mut self.out);
                return;
            }
            IoCompletion::Read { io, result } => (io, result, Ok(())),
            IoCompletion::Write { io, result }
            | IoCompletion::Flush { io, result }
            | IoCompletion::Discard { io, result }
            | IoCompletion::Zone { io, result } => (io, Ok(Bytes::new()), result),
        };
        let Some(request) = self.ios.remove(id) else { return };
        let read = read.and_then(|buf| match buf.len() {
            got if got == request.len => Ok(buf),
            got => Err(IoError::Short { wanted: request.len, got }),
        });
        if read.is_err() && self.try_again(request) {
            fx.append(&mut self.out);
            return;
        }
        if self.zones.is_some() {
            self.on_zone_io(&request.io, &write);
        }
        match request.io {
            Io::Mount { index } => self.on_mount_io(index, read, write),
            Io::Record { sequence, device_offset } => {
                self.on_record(sequence, device_offset, write)
            }
            Io::Checkpoint { device_offset } => {
                let failed = |error| StoreError::WriteFailed { device_offset, error };
                self.on_checkpoint_io(device_offset, write.map_err(failed))
            }
            Io::CheckpointFlush => {
                // No page lies before the first segment.
                let failed = |error| StoreError::FlushFailed { error };
                self.on_checkpoint_io(0, write.map_err(failed))
            }
            Io::Read { read: id, index } => self.on_read(id, index, read),
            Io::Fetch { key } => self.on_fetched(key, read),
            Io::Injected { token } => self.on_injected(token, read),
            Io::Clean { segment } => self.on_clean_read(segment, read),
            Io::Cold { generation, to, device_offset } => {
                self.on_cold_written(generation, to, device_offset, write)
            }
            Io::Discard { segment, device_offset } => {
                self.on_discarded(segment, device_offset, write)
            }
            Io::Zone { .. } => {}
        }
        if self.zones.is_some() {
            self.continue_settling();
        }
        if matches!(self.phase, Phase::Ready) {
            self.reap_segments();
            self.say_room();
        }
        events.append(&mut self.events);
        fx.append(&mut self.out);
    }

    /// Events of calls that are given no place for them: after `fetch` and `end_of_turn`.
    pub fn take_events(&mut self, events: &mut Vec<StoreEvent>) {
        events.append(&mut self.events);
    }

    fn on_record(&mut self, sequence: u64, device_offset: u64, result: Result<(), IoError>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        if let Err(error) = result {
            self.fail(StoreError::WriteFailed { device_offset, error });
            return;
        }
        let mut tokens = Vec::new();
        self.journal.written(sequence, &mut self.segments, &mut tokens);
        let durable = tokens.into_iter().map(|token| StoreEvent::Durable { token });
        self.events.extend(durable);
    }

    /// The number of a write or a flush.
    pub(crate) fn new_io(&mut self, io: Io) -> u64 {
        self.start_io(Outstanding { io, offset: 0, len: 0, tries: 1 })
    }
    pub(crate) fn read_device(&mut self, io: Io, offset: u64, len: usize) {
        self.ask(Outstanding { io, offset, len, tries: 1 });
    }
    fn ask(&mut self, request: Outstanding) {
        let Outstanding { offset, len, .. } = request;
        let io = self.start_io(request);
        self.out.push(StoreEffect::Read { io, offset, len });
    }
    fn start_io(&mut self, request: Outstanding) -> u64 {
        self.ios.insert(request)
    }

    /// Asks once more for what the device refused to read: a path that was reset or a sector that
    /// took long is no reason to refuse a transaction, which costs the whole store. Whoever waits
    /// goes on waiting. Here and not in a driver, so that every driver and the simulator has it,
    /// and tests see it.
    fn try_again(&mut self, request: Outstanding) -> bool {
        if request.tries >= READ_TRIES || matches!(self.phase, Phase::Failed(_)) {
            return false;
        }
        self.counters.reads_tried_again += 1;
        self.ask(Outstanding { tries: request.tries + 1, ..request });
        true
    }

    pub(crate) fn fail(&mut self, error: StoreError) {
        if matches!(self.phase, Phase::Failed(_)) {
            return;
        }
        self.phase = Phase::Failed(error);
        self.events.push(StoreEvent::Failed(error));
        for read in self.reads.drain() {
            let result = Err(ReadError::Failed(error));
            self.events.push(StoreEvent::ReadDone { token: read.token, result });
        }
        for token in self.fetching.take_users() {
            let result = Err(ReadError::Failed(error));
            self.events.push(StoreEvent::Fetched { token, result });
        }
    }

    // -- what callers look at -------------------------------------------------------------------

    /// Nothing submitted waits for the device.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.journal.is_idle()
    }
    /// The error that [`StoreEvent::Failed`] reported.
    pub fn failure(&self) -> Option<StoreError> {
        if let Phase::Failed(e) = &self.phase { Some(*e) } else { None }
    }
    pub fn counters(&self) -> StoreCounters {
        self.counters
    }
    /// The token of the last transaction whose record is whole and was given to the device; those
    /// before it were too. 0: none was.
    pub fn submitted(&self) -> u64 {
        self.journal.submitted
    }

    /// A transaction that waits concerns the object.
    fn is_queued(&self, o: &HObject) -> bool {
        self.queue.iter().any(|waiting| match waiting {
            Waiting::Txn(q) => q.ops.iter().any(|op| op.objects().any(|of| **of == *o)),
            Waiting::Read(_) => false,
        })
    }
    pub(crate) fn settled(&self, o: &HObject) -> Result<(), Miss> {
        if !self.queue.is_empty() && self.is_queued(o) {
            return Err(Miss(MissKind::Queue));
        }
        Ok(())
    }
    pub(crate) fn onode(&self, o: &HObject) -> Result<Option<OnodeRef<'_>>, Miss> {
        self.settled(o)?;
        self.need(o, Part::Onode)?;
        Ok(self.meta.onode_ref(o)?)
    }
    /// The object, if it has an omap.
    fn omap_of(&self, o: &HObject) -> Result<Option<OnodeRef<'_>>, Miss> {
        self.settled(o)?;
        Ok(self.meta.onode_ref(o)?.filter(|onode| onode.omap_id() != 0))
    }

    pub fn exists(&self, o: &HObject) -> Result<bool, Miss> {
        Ok(self.onode(o)?.is_some())
    }
    pub fn stat(&self, o: &HObject) -> Result<Option<ObjectInfo>, Miss> {
        let Some(onode) = self.onode(o)? else { return Ok(None) };
        Ok(Some(ObjectInfo {
            size: onode.size(),
            xattr_count: onode.xattr_count() as usize,
            omap_count: onode.omap_count() as usize,
            omap_header_bytes: onode.omap_header_bytes() as usize,
        }))
    }
    pub fn xattr(&self, o: &HObject, name: &[u8]) -> Result<Option<&[u8]>, Miss> {
        Ok(self.onode(o)?.and_then(|onode| onode.xattr(name)))
    }
    /// Visits names and values in order of name; none of a missing object.
    pub fn xattrs(&self, o: &HObject, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Miss> {
        self.settled(o)?;
        let missing = self.need_after(o, Part::Onode);
        let limit = missing.as_ref().map_or(usize::MAX, |(items, _)| *items);
        if let Some(onode) = self.meta.onode_ref(o)? {
            onode.xattrs().take(limit).for_each(|(name, value)| visit(name, value));
        }
        missing.map_or(Ok(()), |(_, miss)| Err(miss))
    }
    pub fn omap_get(&self, o: &HObject, key: &[u8]) -> Result<Option<&[u8]>, Miss> {
        self.need(o, Part::Omap)?;
        match self.omap_of(o)? {
            Some(onode) => Ok(self.meta.omap_value(onode.omap_id(), Some(key))?),
            None => Ok(None),
        }
    }
    /// Empty if there is none.
    pub fn omap_header(&self, o: &HObject) -> Result<&[u8], Miss> {
        self.need(o, Part::Omap)?;
        match self.omap_of(o)?.filter(|onode| onode.omap_header_bytes() > 0) {
            Some(onode) => Ok(self.meta.omap_value(onode.omap_id(), None)?.unwrap_or(&[])),
            None => Ok(&[]),
        }
    }
    /// Visits pairs in order of key until `visit` answers `false`: those after `start_after` (all of
    /// them for `None`) whose keys begin with `prefix`. After a miss, start over.
    pub fn omap_scan(
        &self,
        o: &HObject,
        start_after: Option<&[u8]>,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Miss> {
        let missing = self.need_after(o, Part::Omap);
        let mut left = missing.as_ref().map_or(usize::MAX, |(items, _)| *items);
        let answer = missing.map_or(Ok(()), |(_, miss)| Err(miss));
        let Some(onode) = self.omap_of(o)? else { return answer };
        let mut ended = false;
        let from = match start_after {
            Some(after) if after >= prefix => after,
            _ => prefix,
        };
        let first = key::omap_key(onode.omap_id(), from);
        self.meta.omap.scan(&self.meta.pager, &first, &mut |stored, value| {
            let Ok((id, Some(key))) = key::split_omap_key(stored) else { return false };
            if id != onode.omap_id() || !key.starts_with(prefix) {
                return false;
            }
            if start_after.is_some_and(|after| key <= after) {
                return true;
            }
            if left == 0 {
                return false;
            }
            left -= 1;
            ended = !visit(key, value);
            !ended
        })?;
        if ended { Ok(()) } else { answer }
    }
    /// Objects with `start <= name < end` in order, at most `max`. A PG's meta object (empty name)
    /// is listed like any other.
    pub fn list(
        &self,
        start: &HObject,
        end: &HObject,
        max: usize,
    ) -> Result<Vec<ObjectName>, Miss> {
        if !self.queue.is_empty() {
            return Err(Miss(MissKind::Queue));
        }
        self.need(start, Part::List)?;
        let mut found = Vec::new();
        if max == 0 {
            return Ok(found);
        }
        let (start, end) = (key::encode_name(start), key::encode_name(end));
        self.meta.onodes.scan(&self.meta.pager, &start, &mut |name, _| {
            if name >= &end[..] {
                return false;
            }
            if let Ok(o) = key::decode_name(name) {
                found.push(o.into());
            }
            found.len() < max
        })?;
        Ok(found)
    }
    /// PGs and their bits, in order.
    pub fn collections(&self) -> impl Iterator<Item = (PgId, u8)> + '_ {
        self.meta.collections.iter().map(|(pg, bits)| (*pg, *bits))
    }
}
