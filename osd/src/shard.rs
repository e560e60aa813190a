//! One store shard and the PGs on it: runs clients' operations against the store and performs what
//! the PGs decide. Start with [`Shard::on_client_op`]; operations are run in `shard/run.rs`.

mod copy;
mod copy_from;
mod metadata;
mod run;
mod tell;
#[cfg(test)]
mod tests;

use crate::client_op::{ClientOp, Origin};
use crate::map::View;
use crate::observe::Recorder;
use crate::ops::copy::CopySource;
use crate::ops::{Limits, Op, txn_op};
use crate::pg::log::Entry;
use crate::pg::queue::ObjectQueues;
use crate::pg::{
    self, Effect as PgEffect, Input as PgInput, MapView, MetaChange, Pg, PgTxn, meta_object,
};
use bytes::Bytes;
use copy::{ChunkId, Receiving, Transfer};
use copy_from::Copying;
use maps::pool::reversed_hash_range;
use messenger::message::Message;
use messenger::messages::OsdOpReply;
use messenger::messages::peer::{Body, PeerMessage, RepAck};
use metadata::{Counting, Task};
use run::{Job, ReadTarget};
use seastore::{
    IoCompletion, MountReport, ObjectName, ReadData, ReadError, Store, StoreConfig, StoreEffect,
    StoreError, StoreEvent, Transaction, TxnOp,
};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use types::node::{ConnId, CoreId, StageProbes, WriteMemory};
use types::time::Now;
use types::{Epoch, FixedMap, HObject, Instant, OsdId, PgId, PoolId, UTime};

/// Objects removed in one transaction.
const WIPE_STEP: usize = 64;
/// A primary tells strays to go when it starts, and some are down then or do not hear it.
const STRAYS_EVERY: Duration = Duration::from_secs(5);
/// Members say no more room than this to the primary, bytes: larger differences matter to nobody.
const ROOM_CAP: u64 = 256 << 20;

/// What a shard asks of its core.
#[derive(Debug)]
pub enum Out {
    Store(StoreEffect),
    /// An answer to a client; releases what the request held.
    Reply {
        origin: Origin,
        reply: OsdOpReply,
    },
    /// The request is dropped: the client sends it again to whom its map names.
    Dropped {
        origin: Origin,
    },
    /// Close the client's connection, so that it sends again what it waits for.
    Reset {
        core: CoreId,
        conn: ConnId,
    },
    Peer {
        to: OsdId,
        pg: PgId,
        message: Message,
    },
    /// Send `ops` to the primary of `source`; the answer comes by [`Shard::on_fetched`].
    Fetch {
        request: u64,
        source: CopySource,
        ops: Vec<Op>,
    },
    /// A PG changed its state.
    StateChanged,
    Mounted(MountReport),
    Failed(StoreError),
    Alarm(String),
}

/// A write whose clients wait until it is durable everywhere.
#[derive(Debug)]
struct Waiting {
    pg: PgId,
    hash: u32,
    op: Box<ClientOp>,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// As executed.
    Executed { result: i32, versions: crate::client_op::ReplyVersions, outcomes: Vec<(i32, Bytes)> },
    /// A resend that joined its first attempt: the log entry says.
    Logged,
}

/// What follows when a transaction is durable.
#[derive(Debug)]
enum Then {
    Nothing,
    Pg {
        pg: PgId,
        token: pg::Token,
        /// Of a client's write; 0 for another primary's.
        ticket: u64,
        since: Instant,
    },
    Wiped(PgId),
    Gone,
    ChunkStored {
        chunk: ChunkId,
        since: Epoch,
        last: bool,
    },
}

#[derive(Debug)]
pub struct PgSlot {
    pub pg: Pg,
    meta: ObjectName,
    queues: ObjectQueues<Box<ClientOp>>,
    /// Until the PG serves.
    waiting: VecDeque<Box<ClientOp>>,
    /// Reads that wait for the lease; each holds its object.
    no_lease: VecDeque<Box<ClientOp>>,
    /// Primary: room of the other members' shards as they last said, bytes, at most [`ROOM_CAP`].
    rooms: BTreeMap<OsdId, u64>,
    /// Member: what was said last.
    said_room: u64,
    /// There was no room for a chunk of a copy; said once per interval.
    copy_refused: bool,
    /// The device did not let us list the PG; said once per interval.
    list_refused: bool,
    /// Objects and bytes: counted once, then carried over every write.
    counted: Option<(u64, u64)>,
    counting: Option<Counting>,
    /// The last count, which may be past.
    shown: (u64, u64),
    pub state_since: UTime,
    pub changed: bool,
    pub reads: u64,
    pub read_bytes: u64,
    pub writes: u64,
    pub write_bytes: u64,
}

pub struct Shard {
    pub index: u16,
    me: OsdId,
    store: Store,
    mounted: bool,
    /// What the mount said, and how many things are still to be loaded.
    loading: Option<(MountReport, usize)>,
    /// PGs that the store has and that are not loaded: nobody hears of them. With each, what clients
    /// have asked of it.
    unloaded: BTreeMap<PgId, VecDeque<Box<ClientOp>>>,
    stored_map: Option<Bytes>,
    /// What the device refused; tried again at each tick.
    later: Vec<Task>,
    pub pgs: BTreeMap<PgId, PgSlot>,
    pub(crate) limits: Limits,
    next_token: u64,
    thens: VecDeque<(u64, Then)>,
    tickets: FixedMap<u64, Waiting>,
    next_ticket: u64,
    reads: FixedMap<u64, ReadTarget>,
    jobs: FixedMap<u64, Job>,
    next_job: u64,
    /// By number, in the order in which they began.
    copies: BTreeMap<u64, Copying>,
    next_copy: u64,
    next_copy_request: u64,
    /// When copies whose PG is elsewhere say next that they are still there.
    strays_at: Instant,
    transfers: BTreeMap<(PgId, OsdId, HObject), Transfer>,
    next_transfer: u16,
    receiving: BTreeMap<(PgId, HObject), Receiving>,
    /// Transactions that the store had no room for, in order.
    delayed: VecDeque<(Transaction, u64)>,
    /// Clients' writes that wait for the store to clean; each holds its object.
    no_room: VecDeque<Box<ClientOp>>,
    /// PGs that may have to acknowledge at the end of the turn.
    touched: Vec<PgId>,
    store_fx: Vec<StoreEffect>,
    events: Vec<StoreEvent>,
    pg_fx: Vec<PgEffect>,
    alarms: Vec<String>,
    failed: Option<StoreError>,
    pub lease: Lease,
    /// Where the time of operations goes.
    pub(crate) recorder: Recorder,
    /// The write whose transaction is being made; 0 for none.
    committing: u64,
}

/// How long each peer's last confirmation holds.
#[derive(Debug, Default)]
pub struct Lease {
    pub until: BTreeMap<OsdId, Instant>,
}

impl Lease {
    fn holds(&self, now: Instant, me: OsdId, pg: &Pg) -> bool {
        let acting = &pg.mapping().acting;
        let confirmed = |osd: OsdId| self.until.get(&osd).is_some_and(|until| now < *until);
        acting.len() <= 1 || acting.iter().all(|m| m.osd == me || confirmed(m.osd))
    }
}

impl Shard {
    pub fn new(me: OsdId, config: StoreConfig) -> Self {
        let mut recorder = Recorder::default();
        recorder.shard = config.shard;
        Self {
            index: config.shard,
            me,
            store: Store::open(config),
            mounted: false,
            loading: None,
            unloaded: BTreeMap::new(),
            stored_map: None,
            later: Vec::new(),
            pgs: BTreeMap::new(),
            limits: Limits::default(),
            next_token: 1,
            thens: VecDeque::new(),
            tickets: FixedMap::default(),
            next_ticket: 1,
            reads: FixedMap::default(),
            jobs: FixedMap::default(),
            next_job: 1,
            copies: BTreeMap::new(),
            next_copy: 1,
            next_copy_request: 1,
            strays_at: Instant::ZERO,
            transfers: BTreeMap::new(),
            next_transfer: 1,
            receiving: BTreeMap::new(),
            delayed: VecDeque::new(),
            no_room: VecDeque::new(),
            touched: Vec::new(),
            store_fx: Vec::new(),
            events: Vec::new(),
            pg_fx: Vec::new(),
            alarms: Vec::new(),
            failed: None,
            lease: Lease::default(),
            recorder,
            committing: 0,
        }
    }

    pub fn use_memory(&mut self, memory: Rc<dyn WriteMemory>) {
        self.store.use_memory(memory);
    }

    pub fn use_probes(&mut self, probes: Rc<dyn StageProbes>) {
        self.recorder.probes = Some(probes);
    }

    pub fn mount(&mut self, out: &mut Vec<Out>) {
        self.store.mount(&mut self.store_fx);
        self.flush_store(out);
    }
    /// All that was stored is loaded, as far as it can be read.
    pub fn is_mounted(&self) -> bool {
        self.mounted
    }
    pub fn store(&self) -> &Store {
        &self.store
    }
    /// Everything submitted is durable.
    pub fn is_quiet(&self) -> bool {
        self.thens.is_empty() && self.delayed.is_empty()
    }

    fn flush_store(&mut self, out: &mut Vec<Out>) {
        out.extend(self.store_fx.drain(..).map(Out::Store));
        out.extend(self.alarms.drain(..).map(Out::Alarm));
    }

    /// Submits a transaction of the core's own (the stored map).
    pub fn submit_raw(&mut self, txn: Transaction) {
        self.submit(txn, Then::Nothing);
    }

    fn submit(&mut self, txn: Transaction, then: Then) {
        let token = self.next_token;
        self.next_token += 1;
        self.thens.push_back((token, then));
        if !self.delayed.is_empty() {
            self.delayed.push_back((txn, token));
            return;
        }
        self.submit_now(txn, token, false);
    }

    /// True if the store took it, or never will.
    fn submit_now(&mut self, mut txn: Transaction, token: u64, again: bool) -> bool {
        use seastore::SubmitError;
        match self.store.try_submit(&mut txn, token) {
            Ok(()) => true,
            Err(SubmitError::Full) if self.forget_chunk(token) => true,
            Err(SubmitError::Full | SubmitError::Busy | SubmitError::NotMounted) => {
                if again {
                    self.delayed.push_front((txn, token));
                } else {
                    self.delayed.push_back((txn, token));
                }
                false
            }
            // Every copy of the PG lacks an entry of its log from now on, and will not be loaded.
            Err(SubmitError::Invalid { op, what }) => {
                self.alarms.push(format!("the store refuses change {op} of a write: {what}"));
                true
            }
            // No OSD salvages.
            Err(SubmitError::Failed(_) | SubmitError::Salvaged) => true,
        }
    }

    fn retry_delayed(&mut self) {
        while let Some((txn, token)) = self.delayed.pop_front() {
            // The store may have filled up since a chunk was put in line.
            if !self.has_room_for_copy(&txn) && self.forget_chunk(token) {
                continue;
            }
            if !self.submit_now(txn, token, true) {
                return;
            }
        }
    }

    pub fn on_io(&mut self, now: Now, view: Option<&View>, done: IoCompletion, out: &mut Vec<Out>) {
        self.recorder.now = now;
        let mut events = std::mem::take(&mut self.events);
        self.store.on_io(done, &mut events, &mut self.store_fx);
        self.flush_store(out);
        self.on_events(now, view, &mut events, out);
        self.events = events;
    }

    fn on_events(
        &mut self,
        now: Now,
        view: Option<&View>,
        events: &mut Vec<StoreEvent>,
        out: &mut Vec<Out>,
    ) {
        for event in events.drain(..) {
            match event {
                StoreEvent::Mounted(report) => {
                    self.load(now, report, out);
                }
                StoreEvent::Durable { token } => {
                    if let Some(view) = view {
                        self.on_durable(now, view, token, out);
                    }
                }
                StoreEvent::ReadDone { token, result } => {
                    if let Some(view) = view {
                        self.on_read(now, view, token, result, out);
                    }
                }
                StoreEvent::Fetched { token, result } => {
                    self.on_metadata(now, view, token, result, out)
                }
                StoreEvent::Room => {
                    self.retry_delayed();
                    if let Some(view) = view {
                        self.run_no_room(now, view, out);
                    }
                }
                StoreEvent::CorruptFound(c) => out.push(Out::Alarm(c.to_string())),
                StoreEvent::Unreadable { object, device_offset, error } => {
                    let text =
                        format!("object {object}: cleaner's read at {device_offset:#x}: {error}");
                    out.push(Out::Alarm(text));
                }
                StoreEvent::BadCopy(bad) => out.push(Out::Alarm(bad.to_string())),
                // No OSD salvages.
                StoreEvent::Outdated { .. } | StoreEvent::JournalDamaged { .. } => {}
                StoreEvent::DiscardRefused { device_offset, error } => {
                    let text = format!(
                        "the device refused to discard at {device_offset:#x} and is not asked \
                         again: {error}"
                    );
                    out.push(Out::Alarm(text));
                }
                // The other members have the transaction or wait for it: this store cannot go on
                // without.
                StoreEvent::Refused { error, .. } => {
                    out.push(Out::Alarm(error.to_string()));
                    let e = StoreError::TransactionRefused;
                    self.failed = Some(e);
                    out.push(Out::Failed(e));
                }
                StoreEvent::Failed(e) => {
                    self.failed = Some(e);
                    out.push(Out::Failed(e));
                }
            }
        }
    }

    fn on_durable(&mut self, now: Now, view: &View, token: u64, out: &mut Vec<Out>) {
        // A token stands for all before it.
        while self.thens.front().is_some_and(|(t, _)| *t <= token) {
            let (token, then) = self.thens.pop_front().expect("there is a first one");
            match then {
                Then::Nothing | Then::Gone => {}
                Then::Pg { pg, token: of, ticket, since } => {
                    self.note_durable(token, ticket, since);
                    self.pg_input(now, view, pg, PgInput::Durable(of), out)
                }
                Then::Wiped(pg) => self.wipe_step(now, view, pg, false, out),
                Then::ChunkStored { chunk, since, last } => {
                    self.on_chunk_stored(now, view, chunk, since, last, out)
                }
            }
        }
    }

    fn on_read(
        &mut self,
        now: Now,
        view: &View,
        token: u64,
        result: Result<ReadData, ReadError>,
        out: &mut Vec<Out>,
    ) {
        match self.reads.remove(&token) {
            Some(ReadTarget::Job { job, part }) => {
                self.on_job_read(now, view, job, part, result, out)
            }
            Some(ReadTarget::Transfer(key)) => self.on_transfer_read(view, key, token, result, out),
            Some(ReadTarget::Task(_)) | None => {}
        }
    }

    /// Gives an input to one PG and performs its effects, and theirs.
    pub fn pg_input(
        &mut self,
        now: Now,
        view: &View,
        id: PgId,
        input: PgInput,
        out: &mut Vec<Out>,
    ) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        let state = slot.pg.state();
        let mut fx = std::mem::take(&mut self.pg_fx);
        slot.pg.handle(now.mono, view, input, &mut fx);
        if slot.pg.state() != state {
            slot.state_since = now.wall;
            slot.changed = true;
            out.push(Out::StateChanged);
        }
        self.perform(now, view, id, &mut fx, out);
        self.pg_fx = fx;
        self.touched.push(id);
    }

    fn perform(
        &mut self,
        now: Now,
        view: &View,
        id: PgId,
        fx: &mut Vec<PgEffect>,
        out: &mut Vec<Out>,
    ) {
        for effect in fx.drain(..) {
            match effect {
                PgEffect::Send { to, body } => self.send(view, id, to, body, out),
                PgEffect::Replicate { to, message } => out.push(Out::Peer { to, pg: id, message }),
                PgEffect::Persist { txn, token } => self.persist(id, txn, token),
                PgEffect::Push { to, object } => self.start_transfer(view, id, to, object, out),
                PgEffect::List { after } => self.list(now, view, id, after, None, out),
                PgEffect::Wipe => self.wipe_step(now, view, id, false, out),
                PgEffect::Reply { ticket } => self.on_replicated(now, view, ticket, out),
                PgEffect::Active => {
                    out.push(Out::StateChanged);
                    self.run_waiting(now, view, id, out)
                }
                PgEffect::Interval => self.on_interval(id, out),
                PgEffect::Gone => self.on_gone(now, view, id, out),
            }
        }
    }

    fn send(&self, view: &View, pg: PgId, to: OsdId, body: Body, out: &mut Vec<Out>) {
        if !view.booted {
            return;
        }
        let epoch = self.pgs.get(&pg).map_or(view.map.epoch, |s| s.pg.epoch());
        out.push(Out::Peer { to, pg, message: PeerMessage { pg, epoch, body }.encode() });
    }

    fn persist(&mut self, id: PgId, txn: PgTxn, token: pg::Token) {
        let meta = match self.pgs.get(&id) {
            Some(slot) => slot.meta.clone(),
            None => Rc::new(meta_object(id)),
        };
        let mut ops = Vec::with_capacity(txn.changes.len() + txn.meta.len());
        if let Some(object) = txn.object {
            let o: ObjectName = Rc::new(object);
            ops.extend(txn.changes.into_iter().map(|change| txn_op(change, o.clone())));
        }
        for change in txn.meta {
            let o = meta.clone();
            ops.push(match change {
                MetaChange::Set { key, value } => TxnOp::OmapSet { o, pairs: vec![(key, value)] },
                MetaChange::Remove { key } => TxnOp::OmapRemove { o, keys: vec![key] },
                MetaChange::RemoveRange { first, last } => {
                    TxnOp::OmapRemoveRange { o, first, last }
                }
            });
        }
        let ticket = std::mem::take(&mut self.committing);
        self.submit(ops.into(), Then::Pg { pg: id, token, ticket, since: self.recorder.now.mono });
    }

    fn on_gone(&mut self, now: Now, view: &View, id: PgId, out: &mut Vec<Out>) {
        let Some(slot) = self.pgs.remove(&id) else { return };
        let ops = vec![TxnOp::Remove { o: slot.meta }, TxnOp::RemoveCollection { pg: id }];
        self.submit(ops.into(), Then::Gone);
        out.push(Out::StateChanged);
        // A map that came while the copy was wiped may want one here.
        self.create_if_served(now, view, id, out);
    }

    /// A new interval: what clients wait for, they send again.
    fn on_interval(&mut self, id: PgId, out: &mut Vec<Out>) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        let mut origins: Vec<Origin> = Vec::new();
        origins.extend(slot.queues.drain().iter().map(|op| op.origin));
        origins.extend(slot.waiting.drain(..).map(|op| op.origin));
        origins.extend(slot.no_lease.drain(..).map(|op| op.origin));
        slot.rooms.clear();
        slot.said_room = ROOM_CAP;
        slot.copy_refused = false;
        slot.list_refused = false;
        for op in std::mem::take(&mut self.no_room) {
            if op.pg == id {
                origins.push(op.origin);
            } else {
                self.no_room.push_back(op);
            }
        }
        slot.forget_count();
        let lost: Vec<u64> =
            self.tickets.iter().filter(|(_, w)| w.pg == id).map(|(t, _)| *t).collect();
        for ticket in lost {
            origins.extend(self.tickets.remove(&ticket).map(|w| w.op.origin));
        }
        let jobs: Vec<u64> =
            self.jobs.iter().filter(|(_, j)| j.op.pg == id).map(|(t, _)| *t).collect();
        for job in jobs {
            origins.extend(self.jobs.remove(&job).map(|j| j.op.origin));
        }
        origins.extend(self.forget_copies(id));
        self.transfers.retain(|(pg, _, _), _| *pg != id);
        self.receiving.retain(|(pg, _), _| *pg != id);
        copy_from::drop_all(origins, out);
    }

    /// A new map: existing PGs hear of it, and those that are now ours are made.
    pub fn on_map(
        &mut self,
        now: Now,
        view: &View,
        gap: bool,
        new_pools: &[PoolId],
        mine: &[PgId],
        out: &mut Vec<Out>,
    ) {
        let ids: Vec<PgId> = self.pgs.keys().copied().collect();
        for id in ids {
            self.pg_input(now, view, id, PgInput::Map { gap }, out);
        }
        // The clients' maps may show them another primary, or us after one: they send again.
        let waiting = self.unloaded.values_mut().flat_map(std::mem::take);
        let origins = waiting.map(|op| op.origin).collect();
        copy_from::drop_all(origins, out);
        let unknown = |id: &&PgId| !self.pgs.contains_key(id) && !self.unloaded.contains_key(id);
        for id in mine.iter().filter(unknown).copied().collect::<Vec<_>>() {
            let known_new = new_pools.contains(&id.pool);
            self.create_pg(now, view, id, known_new, out);
        }
        self.resend_copies(now, out);
    }

    /// Makes a PG that this OSD serves and has no copy of, where no later map may say so.
    fn create_if_served(&mut self, now: Now, view: &View, id: PgId, out: &mut Vec<Out>) {
        if view.mapping(id).is_some_and(|mapping| mapping.contains(self.me)) {
            self.create_pg(now, view, id, false, out);
        }
    }

    fn create_pg(&mut self, now: Now, view: &View, id: PgId, known_new: bool, out: &mut Vec<Out>) {
        let mut fx = Vec::new();
        let Some(pg) = Pg::create(id, self.me, now.mono, view, known_new, &mut fx) else { return };
        let bits = maps::pool::split_bits(id.seed, pg.mapping().pg_num) as u8;
        self.submit(vec![TxnOp::CreateCollection { pg: id, bits }].into(), Then::Nothing);
        self.pgs.insert(id, PgSlot::new(pg, now.wall));
        self.perform(now, view, id, &mut fx, out);
        out.push(Out::StateChanged);
    }

    /// From another OSD. Its epoch is not newer than ours.
    pub fn on_peer(
        &mut self,
        now: Now,
        view: &View,
        from: OsdId,
        message: PeerMessage,
        out: &mut Vec<Out>,
    ) {
        self.recorder.now = now;
        let PeerMessage { pg: id, epoch, body } = message;
        let Some(slot) = self.pgs.get(&id) else {
            // Of a copy that is not loaded, nothing is said.
            if matches!(body, Body::Query) && !self.unloaded.contains_key(&id) {
                let body = Body::Info { info: None };
                out.push(Out::Peer {
                    to: from,
                    pg: id,
                    message: PeerMessage { pg: id, epoch: view.map.epoch, body }.encode(),
                });
            }
            return;
        };
        let current = epoch >= slot.pg.since();
        if let Body::RepAck(RepAck { room, .. }) = body
            && current
            && let Some(slot) = self.pgs.get_mut(&id)
        {
            slot.rooms.insert(from, room);
        }
        match body {
            Body::Push { object, seq, chunk } if current => {
                self.on_chunk(view, ChunkId { pg: id, from, object, seq }, chunk, out)
            }
            Body::PushAck { object, seq } if current => {
                self.on_chunk_ack(now, view, ChunkId { pg: id, from, object, seq }, out)
            }
            Body::List { after } if current => self.list(now, view, id, after, Some(from), out),
            body => {
                if let Body::RepOp(op) = &body {
                    self.recorder.on_subop(op.data_bytes());
                }
                let input = PgInput::Message { from, epoch, body };
                self.pg_input(now, view, id, input, out)
            }
        }
    }

    pub fn on_peer_reset(&mut self, now: Now, view: &View, osd: OsdId, out: &mut Vec<Out>) {
        let concerned = |s: &PgSlot| s.pg.is_primary() && s.pg.mapping().contains(osd);
        let ids: Vec<PgId> =
            self.pgs.iter().filter(|(_, s)| concerned(s)).map(|(id, _)| *id).collect();
        for id in ids {
            self.pg_input(now, view, id, PgInput::PeerReset(osd), out);
        }
        // An acknowledgement may have been lost, and perhaps no write follows that would repeat it.
        for (id, slot) in self.pgs.iter_mut() {
            if slot.pg.mapping().primary == Some(osd) && slot.pg.ack_again() {
                self.touched.push(*id);
            }
        }
    }

    pub fn on_tick(&mut self, now: Now, view: &View, out: &mut Vec<Out>) {
        self.recorder.now = now;
        let strays = now.mono >= self.strays_at;
        if strays {
            self.strays_at = now.mono + STRAYS_EVERY;
        }
        let waits = |pg: &Pg| pg.is_primary() && !pg.is_active() || strays && pg.is_stray();
        let busy = |s: &PgSlot| waits(&s.pg);
        let ids: Vec<PgId> = self.pgs.iter().filter(|(_, s)| busy(s)).map(|(id, _)| *id).collect();
        for id in ids {
            self.pg_input(now, view, id, PgInput::Tick, out);
        }
        if self.mounted {
            self.run_later(now, view, out);
        }
        self.on_lease(now, view, out);
        self.copies_tick(now, out);
        self.say_room();
    }

    /// Reads that waited for the lease.
    pub fn on_lease(&mut self, now: Now, view: &View, out: &mut Vec<Out>) {
        let waits = |s: &PgSlot| s.pg.is_active() && !s.no_lease.is_empty();
        let ids: Vec<PgId> = self.pgs.iter().filter(|(_, s)| waits(s)).map(|(id, _)| *id).collect();
        for id in ids {
            self.run_no_lease(now, view, id, out);
        }
    }

    /// Primaries hear of room that has gone or come back without a write of theirs.
    fn say_room(&mut self) {
        let room = run::room(&self.store).min(ROOM_CAP);
        for (id, slot) in self.pgs.iter_mut().filter(|(_, s)| s.said_room != room) {
            if slot.pg.ack_again() {
                self.touched.push(*id);
            }
        }
    }

    pub fn end_of_turn(&mut self, now: Now, view: Option<&View>, out: &mut Vec<Out>) {
        self.recorder.now = now;
        if let Some(view) = view {
            let mut touched = std::mem::take(&mut self.touched);
            touched.sort_unstable();
            touched.dedup();
            for id in touched.drain(..) {
                let Some(slot) = self.pgs.get_mut(&id) else { continue };
                if let Some((to, version)) = slot.pg.take_ack() {
                    let room = run::room(&self.store).min(ROOM_CAP);
                    slot.said_room = room;
                    self.send(view, id, to, Body::RepAck(RepAck { version, room }), out);
                }
            }
            self.touched = touched;
        }
        if !self.delayed.is_empty() {
            self.retry_delayed();
        }
        if let Some(view) = view
            && !self.no_room.is_empty()
            && self.delayed.is_empty()
            && self.store.accepting()
        {
            self.run_no_room(now, view, out);
        }
        self.store.end_of_turn(&mut self.store_fx);
        self.flush_store(out);
        let mut events = std::mem::take(&mut self.events);
        self.store.take_events(&mut events);
        while !events.is_empty() {
            self.on_events(now, view, &mut events, out);
            self.store.end_of_turn(&mut self.store_fx);
            self.flush_store(out);
            self.store.take_events(&mut events);
        }
        self.events = events;
        self.recorder.on_submitted(self.store.submitted(), now.mono);
        self.recorder.end_of_turn(now);
    }
}

impl PgSlot {
    fn new(pg: Pg, wall: UTime) -> Self {
        Self {
            meta: Rc::new(meta_object(pg.id())),
            pg,
            queues: ObjectQueues::default(),
            waiting: VecDeque::new(),
            no_lease: VecDeque::new(),
            rooms: BTreeMap::new(),
            said_room: ROOM_CAP,
            copy_refused: false,
            list_refused: false,
            counted: None,
            counting: None,
            shown: (0, 0),
            state_since: wall,
            changed: true,
            reads: 0,
            read_bytes: 0,
            writes: 0,
            write_bytes: 0,
        }
    }
}

/// All objects of a PG: its meta object, and where the next PG begins.
fn range_of(id: PgId, pg_num: u32) -> (HObject, HObject) {
    let (_, last) = reversed_hash_range(id.seed, pg_num);
    let end = match last.checked_add(1) {
        Some(next) => HObject::lower_bound(id.pool, next.reverse_bits()),
        None => HObject::lower_bound(PoolId(id.pool.0 + 1), 0),
    };
    (HObject::lower_bound(id.pool, id.seed), end)
}

fn pg_range(view: &View, id: PgId) -> Option<(HObject, HObject)> {
    let pool = view.map.pools.get(&id.pool)?;
    Some(range_of(id, pool.pg_num))
}

/// The logged answer of a resent request.
fn logged_answer(entry: &Entry) -> (i32, crate::client_op::ReplyVersions, Vec<(i32, Bytes)>) {
    let versions = crate::client_op::ReplyVersions {
        replay: entry.version,
        bad_replay: types::EVersion {
            epoch: entry.version.epoch,
            version: if entry.user_version == 0 {
                entry.version.version
            } else {
                entry.user_version
            },
        },
        user: entry.user_version,
    };
    (entry.result, versions, entry.outcomes())
}
