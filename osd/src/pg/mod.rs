//! One placement group as a state machine. Start with [`Pg::handle`]; client writes come in by
//! [`Pg::submit`].
//!
//! Reading order: [`interval`] (when a PG begins anew), [`log`], [`peering`] (agreeing before
//! serving), [`replicate`] (one write), [`queue`] (order per object). What members say
//! to each other is in [`messenger::messages::peer`].
//!
//! The rule that everything here serves: a write is acknowledged when it is durable on *every*
//! member of a full acting set. So any one member of the last interval that served knows all that
//! was acknowledged, and while a member is missing, clients wait.

pub mod info;
pub mod interval;
pub mod log;
pub mod peering;
pub mod queue;
pub mod replicate;
#[cfg(test)]
mod world;

use crate::ops::Change;
use bytes::Bytes;
use info::{CopyInfo, CopyState, PgInfo};
use interval::{Mapping, PastIntervals, same_interval};
use log::{Entry, PgLog};
use messenger::message::Message;
use messenger::messages::peer::Body;
use peering::Peering;
use replicate::{InFlight, Parked};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use types::enc::{Decode, Encode};
use types::{EVersion, Epoch, HObject, Instant, OsdId, PgId, PoolId, SnapId};

/// How long a primary may serve reads after its members last confirmed it, and so how long a new
/// primary waits for an old one that does not answer.
pub const LEASE: Duration = Duration::from_secs(8);

/// Key of the encoded [`PgInfo`] in the meta object's omap.
pub const INFO_KEY: &[u8] = b"i";
/// Key of the dirty set: objects that are being replaced.
pub const DIRTY_KEY: &[u8] = b"d";
/// Log entries are kept under this byte and the big-endian version.
const LOG_PREFIX: u8 = b'l';

pub fn log_key(version: u64) -> Bytes {
    let mut key = [LOG_PREFIX; 9];
    key[1..].copy_from_slice(&version.to_be_bytes());
    Bytes::copy_from_slice(&key)
}

/// The object that holds a PG's info and log. Its name is empty, so no client can name it, and it
/// sorts before every object of the PG.
pub fn meta_object(pg: PgId) -> HObject {
    HObject { snap: SnapId(0), ..HObject::lower_bound(pg.pool, pg.seed) }
}

/// What a PG looks up in the OSDMap.
pub trait MapView {
    fn epoch(&self) -> Epoch;
    /// `None` when the pool or the PG is gone.
    fn mapping(&self, pg: PgId) -> Option<Mapping>;
    fn is_up(&self, osd: OsdId) -> bool;
    /// Epoch at which it was last marked down.
    fn down_at(&self, osd: OsdId) -> Epoch;
    /// All OSDs that exist.
    fn osds(&self) -> Vec<OsdId>;
    /// False until the map shows this incarnation as up: until then nothing is served.
    fn booted(&self) -> bool;
    /// Down since before the pool was created.
    fn died_before_pool(&self, osd: OsdId, pool: PoolId) -> bool;
}

#[derive(Debug)]
pub enum Input {
    /// A map newer than the last one. `gap`: epochs in between were never seen.
    Map {
        gap: bool,
    },
    /// From another OSD, whose map is not newer than ours.
    Message {
        from: OsdId,
        epoch: Epoch,
        body: Body,
    },
    /// A [`Effect::Persist`] is durable.
    Durable(Token),
    /// The object that [`Effect::Push`] named is durable at the other side.
    Pushed {
        to: OsdId,
        object: HObject,
    },
    /// An object that we pulled is durable here.
    Received {
        object: HObject,
    },
    /// Answer to [`Effect::List`].
    Listed {
        after: HObject,
        objects: Vec<HObject>,
        done: bool,
    },
    /// [`Effect::Wipe`] is done and durable.
    Wiped,
    /// The session with this OSD was lost; what was sent may not have arrived.
    PeerReset(OsdId),
    Tick,
}

/// What became durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Log entries up to this version.
    Entry(u64),
    /// The info of this interval, activated.
    Activated(Epoch),
    /// The dirty set of this interval.
    Prepared(Epoch),
    /// Nobody waits.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaChange {
    Set {
        key: Bytes,
        value: Bytes,
    },
    Remove {
        key: Bytes,
    },
    /// Keys in `first..last`.
    RemoveRange {
        first: Bytes,
        last: Bytes,
    },
}

/// One transaction: changes of one object, and of the PG's meta object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PgTxn {
    pub object: Option<HObject>,
    pub changes: Vec<Change>,
    pub meta: Vec<MetaChange>,
}

#[derive(Debug)]
pub enum Effect {
    Send {
        to: OsdId,
        body: Body,
    },
    /// An encoded [`Body::RepOp`]; encoded once for all members.
    Replicate {
        to: OsdId,
        message: Message,
    },
    Persist {
        txn: PgTxn,
        token: Token,
    },
    /// Copy this object, as it is in our store, to that member.
    Push {
        to: OsdId,
        object: HObject,
    },
    /// List our own objects after this one.
    List {
        after: HObject,
    },
    /// Remove all objects in bounded steps.
    Wipe,
    /// The write with this ticket is durable on every member.
    Reply {
        ticket: u64,
    },
    /// The PG serves from now on.
    Active,
    /// A new interval: whatever clients wait for here, they send again; transfers end.
    Interval,
    /// The PG and everything it had are removed.
    Gone,
}

/// What this OSD is to the PG in this interval.
#[derive(Debug)]
enum Role {
    /// Replica or stray: does as the primary says.
    Member {
        active: bool,
        parked: BTreeMap<u64, Parked>,
    },
    Primary(Primary),
    Deleting,
}

#[derive(Debug)]
enum Primary {
    /// Fewer members are up than the pool wants.
    Undersized,
    Peering(Box<Peering>),
    Active,
}

#[derive(Debug)]
pub struct Pg {
    id: PgId,
    me: OsdId,
    info: PgInfo,
    log: PgLog,
    dirty: BTreeSet<HObject>,
    epoch: Epoch,
    interval_began: Instant,
    role: Role,
    /// Writes that are not yet durable everywhere, oldest first.
    in_flight: VecDeque<InFlight>,
    /// Version up to which everything is durable on all members.
    complete: u64,
    /// Version up to which everything is durable here.
    durable: u64,
    ack_due: bool,
    /// A copy that nobody needs is being removed.
    dropping: bool,
    wiping: bool,
    /// Interval in which the copy was last emptied to be filled anew.
    wiped_in: Epoch,
}

/// What [`Pg::state`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PgState {
    Replica,
    Undersized,
    /// No member that is up knows all that may have been acknowledged.
    Down,
    Peering,
    Recovering,
    ActiveClean,
}

impl Pg {
    /// A PG that has no copy here yet. `known_new`: the pool was created with the map before, so
    /// nobody else can have one either.
    pub fn create(
        id: PgId,
        me: OsdId,
        now: Instant,
        view: &dyn MapView,
        known_new: bool,
        fx: &mut Vec<Effect>,
    ) -> Option<Self> {
        let mapping = view.mapping(id)?;
        let info = PgInfo {
            state: CopyState::Complete,
            last_started: Epoch(0),
            log_tail: EVersion::default(),
            log_head: EVersion::default(),
            last_user_version: 0,
            since: view.epoch(),
            mapping,
            past: PastIntervals { unknown: !known_new, ..PastIntervals::default() },
        };
        let mut pg = Self::with(id, me, info, PgLog::default(), BTreeSet::new());
        pg.epoch = view.epoch();
        pg.persist_info(Token::Nothing, fx);
        pg.start_interval(now, view, fx);
        Some(pg)
    }

    /// A PG from its meta object: `info`, `dirty` and the log entries in order, as they were stored.
    /// It does nothing before its first map.
    pub fn load(
        id: PgId,
        me: OsdId,
        info: &[u8],
        dirty: Option<&[u8]>,
        entries: impl Iterator<Item = Bytes>,
    ) -> types::enc::Result<Self> {
        let info = PgInfo::from_slice(info)?;
        let dirty = match dirty {
            Some(bytes) => Vec::<HObject>::from_slice(bytes)?.into_iter().collect(),
            None => BTreeSet::new(),
        };
        let mut parsed = Vec::new();
        for bytes in entries {
            parsed.push(Entry::parse(&bytes)?);
        }
        // Trimming removes keys in the same transactions that move the tail only now and then; the
        // first entry present decides.
        let tail = match parsed.first() {
            Some(first) if first.version.version > info.log_tail.version + 1 => {
                EVersion { epoch: first.version.epoch, version: first.version.version - 1 }
            }
            Some(_) => info.log_tail,
            None => info.log_head,
        };
        let mut log = PgLog::new(tail);
        for entry in parsed.into_iter().filter(|e| e.version.version > tail.version) {
            if entry.version.version != log.head().version + 1 {
                return Err(types::DecodeError::Invalid {
                    what: "log entry version",
                    value: entry.version.version,
                });
            }
            log.append(entry);
        }
        log.raise_user_version(info.last_user_version);
        let since = info.since;
        let mut pg = Self::with(id, me, info, log, dirty);
        pg.epoch = since;
        pg.durable = pg.log.head().version;
        Ok(pg)
    }

    fn with(id: PgId, me: OsdId, info: PgInfo, log: PgLog, dirty: BTreeSet<HObject>) -> Self {
        Self {
            id,
            me,
            info,
            log,
            dirty,
            epoch: Epoch(0),
            interval_began: Instant::ZERO,
            role: Role::Member { active: false, parked: BTreeMap::new() },
            in_flight: VecDeque::new(),
            complete: 0,
            durable: 0,
            ack_due: false,
            dropping: false,
            wiping: false,
            wiped_in: Epoch(0),
        }
    }

    pub fn id(&self) -> PgId {
        self.id
    }
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
    /// First epoch of the current interval.
    pub fn since(&self) -> Epoch {
        self.info.since
    }
    pub fn mapping(&self) -> &Mapping {
        &self.info.mapping
    }
    pub fn log(&self) -> &PgLog {
        &self.log
    }
    pub fn is_primary(&self) -> bool {
        matches!(self.role, Role::Primary(_))
    }
    /// Objects of this copy are being replaced.
    pub fn is_being_copied(&self) -> bool {
        self.info.state != CopyState::Complete
    }
    /// Objects that are being replaced, one by one.
    pub fn dirty(&self) -> impl Iterator<Item = &HObject> {
        self.dirty.iter()
    }
    pub fn is_active(&self) -> bool {
        matches!(self.role, Role::Primary(Primary::Active))
    }
    /// A copy whose PG is elsewhere now: the primary says when it may go.
    pub fn is_stray(&self) -> bool {
        let member = matches!(self.role, Role::Member { .. });
        member && !self.dropping && !self.info.mapping.names(self.me)
    }
    /// True once members have begun to be deleted: requests are no longer meant for us.
    pub fn is_deleting(&self) -> bool {
        matches!(self.role, Role::Deleting)
    }
    pub fn state(&self) -> PgState {
        match &self.role {
            Role::Member { .. } | Role::Deleting => PgState::Replica,
            Role::Primary(Primary::Undersized) => PgState::Undersized,
            Role::Primary(Primary::Peering(p)) => p.state(),
            Role::Primary(Primary::Active) => PgState::ActiveClean,
        }
    }
    /// Epoch of the last activation.
    pub fn last_started(&self) -> Epoch {
        self.info.last_started
    }

    pub fn handle(&mut self, now: Instant, view: &dyn MapView, input: Input, fx: &mut Vec<Effect>) {
        match input {
            Input::Map { gap } => self.on_map(now, view, gap, fx),
            Input::Message { from, epoch, body } => {
                // Said in an interval that is over here.
                if epoch >= self.info.since {
                    self.on_message(now, view, from, body, fx);
                }
            }
            Input::Durable(token) => self.on_durable(view, token, fx),
            Input::Pushed { to, object } => self.on_pushed(to, object, fx),
            Input::Received { object } => self.on_received(object, fx),
            Input::Listed { after, objects, done } => self.on_listed_here(after, objects, done, fx),
            Input::Wiped => self.on_wiped(view, fx),
            Input::PeerReset(osd) => self.on_peer_reset(osd, fx),
            Input::Tick => self.on_tick(now, view, fx),
        }
    }

    fn on_map(&mut self, now: Instant, view: &dyn MapView, gap: bool, fx: &mut Vec<Effect>) {
        if matches!(self.role, Role::Deleting) {
            return;
        }
        let first_map = self.interval_began == Instant::ZERO;
        if view.epoch() < self.info.since || (view.epoch() <= self.epoch && !first_map) {
            return;
        }
        let Some(mapping) = view.mapping(self.id) else {
            self.role = Role::Deleting;
            self.in_flight.clear();
            fx.push(Effect::Interval);
            self.wipe(fx);
            return;
        };
        let last = self.epoch;
        self.epoch = self.epoch.max(view.epoch());
        if same_interval(&self.info.mapping, &mapping) && !gap && !first_map {
            self.poll(now, view, fx);
            return;
        }
        if !same_interval(&self.info.mapping, &mapping) || gap {
            let old = std::mem::replace(&mut self.info.mapping, mapping);
            self.info.past.add(self.info.since, last, &old);
            self.info.past.unknown |= gap;
            self.info.since = self.epoch;
            self.persist_info(Token::Nothing, fx);
        }
        self.start_interval(now, view, fx);
    }

    fn start_interval(&mut self, now: Instant, view: &dyn MapView, fx: &mut Vec<Effect>) {
        fx.push(Effect::Interval);
        self.interval_began = now.max(Instant(1));
        self.in_flight.clear();
        self.ack_due = false;
        if !self.wiping {
            self.dropping = false;
        }
        self.role = if self.info.mapping.primary != Some(self.me) || !view.booted() {
            Role::Member { active: false, parked: BTreeMap::new() }
        } else if !self.info.mapping.may_serve() {
            Role::Primary(Primary::Undersized)
        } else {
            Role::Primary(Primary::Peering(Box::default()))
        };
        self.poll(now, view, fx);
    }

    fn on_durable(&mut self, view: &dyn MapView, token: Token, fx: &mut Vec<Effect>) {
        match token {
            Token::Nothing => {}
            Token::Entry(version) => self.on_entry_durable(version, fx),
            Token::Activated(since) if since == self.info.since => match &mut self.role {
                Role::Member { .. } => self.send_primary(Body::Activated, fx),
                Role::Primary(_) => self.on_activated(view, self.me, fx),
                Role::Deleting => {}
            },
            Token::Prepared(since) if since == self.info.since => match &mut self.role {
                Role::Member { .. } => self.send_primary(Body::Prepared, fx),
                Role::Primary(_) => self.on_prepared_here(fx),
                Role::Deleting => {}
            },
            Token::Activated(_) | Token::Prepared(_) => {}
        }
    }

    fn send_primary(&self, body: Body, fx: &mut Vec<Effect>) {
        if let Some(to) = self.info.mapping.primary {
            fx.push(Effect::Send { to, body });
        }
    }

    fn on_message(
        &mut self,
        now: Instant,
        view: &dyn MapView,
        from: OsdId,
        body: Body,
        fx: &mut Vec<Effect>,
    ) {
        if matches!(self.role, Role::Deleting) {
            return;
        }
        match body {
            Body::RepOp(op) => self.on_rep_op(from, op, fx),
            Body::RepAck(ack) => self.on_rep_ack(from, ack.version, fx),
            Body::Query => {
                let info = (!self.dropping).then(|| self.copy_info().into());
                fx.push(Effect::Send { to: from, body: Body::Info { info } });
            }
            Body::GetLog => {
                let entries = self.log.after(0).map(|e| e.bytes().clone()).collect();
                let dirty = self.dirty.iter().cloned().collect();
                let body = Body::Log { info: self.copy_info().into(), entries, dirty };
                fx.push(Effect::Send { to: from, body });
            }
            Body::Prepare { wipe, objects } if !self.is_primary() => {
                self.prepare(wipe, objects, fx)
            }
            Body::Pull { object } => fx.push(Effect::Push { to: from, object }),
            Body::Activate { keep, reset, entries } => self.on_activate(keep, reset, entries, fx),
            Body::Drop => self.on_drop(fx),
            Body::Info { info } => self.on_info(now, view, from, info.map(Into::into), fx),
            Body::Log { info, entries, dirty } => {
                self.on_log(from, info.into(), entries, dirty, fx)
            }
            Body::Prepared => self.on_prepared(from, fx),
            Body::Listed { after, objects, done } => self.on_listed(from, after, objects, done, fx),
            Body::Activated => self.on_activated(view, from, fx),
            // Transfers and listings need the store: the shard does them.
            Body::Prepare { .. } | Body::Push { .. } | Body::PushAck { .. } | Body::List { .. } => {
            }
        }
    }

    fn copy_info(&self) -> CopyInfo {
        CopyInfo {
            state: self.info.state,
            last_started: self.info.last_started,
            head: self.log.head(),
            tail: self.log.tail(),
            past: self.info.past.clone(),
        }
    }

    fn info_change(&mut self) -> MetaChange {
        self.info.log_tail = self.log.tail();
        self.info.log_head = self.log.head();
        self.info.last_user_version = self.log.last_user_version();
        MetaChange::Set { key: Bytes::from_static(INFO_KEY), value: self.info.to_vec().into() }
    }

    fn persist_info(&mut self, token: Token, fx: &mut Vec<Effect>) {
        let meta = vec![self.info_change()];
        fx.push(Effect::Persist { txn: PgTxn { meta, ..PgTxn::default() }, token });
    }

    /// Remembers that `objects` (or with `wipe` everything) are being replaced.
    fn prepare(&mut self, wipe: bool, objects: Vec<HObject>, fx: &mut Vec<Effect>) {
        if wipe && self.wiped_in == self.info.since {
            // Asked again: what has come since must stay.
            if !self.wiping {
                self.persist_info(Token::Prepared(self.info.since), fx);
            }
            return;
        }
        let mut meta = Vec::new();
        if wipe {
            self.wiped_in = self.info.since;
            self.info.state = CopyState::Incomplete;
            self.info.last_started = Epoch(0);
            self.log = PgLog::default();
            self.durable = 0;
            self.dirty.clear();
            meta.push(MetaChange::RemoveRange { first: log_key(0), last: log_key(u64::MAX) });
            meta.push(MetaChange::Remove { key: Bytes::from_static(DIRTY_KEY) });
        } else {
            self.info.state = CopyState::Recovering;
            self.dirty.extend(objects);
            let all: Vec<HObject> = self.dirty.iter().cloned().collect();
            meta.push(MetaChange::Set {
                key: Bytes::from_static(DIRTY_KEY),
                value: all.to_vec().into(),
            });
        }
        meta.push(self.info_change());
        let token = if wipe { Token::Nothing } else { Token::Prepared(self.info.since) };
        fx.push(Effect::Persist { txn: PgTxn { meta, ..PgTxn::default() }, token });
        if wipe {
            self.wipe(fx);
        }
    }

    fn wipe(&mut self, fx: &mut Vec<Effect>) {
        if !self.wiping {
            self.wiping = true;
            fx.push(Effect::Wipe);
        }
    }

    fn on_wiped(&mut self, view: &dyn MapView, fx: &mut Vec<Effect>) {
        self.wiping = false;
        if matches!(self.role, Role::Deleting) || self.dropping {
            fx.push(Effect::Gone);
            return;
        }
        if self.info.state == CopyState::Incomplete {
            self.on_durable(view, Token::Prepared(self.info.since), fx);
        }
    }

    /// The primary says that this copy is not needed: only strays obey.
    fn on_drop(&mut self, fx: &mut Vec<Effect>) {
        if self.info.mapping.names(self.me) {
            return;
        }
        self.dropping = true;
        self.wipe(fx);
    }

    fn on_activate(
        &mut self,
        keep: EVersion,
        reset: bool,
        entries: Vec<Bytes>,
        fx: &mut Vec<Effect>,
    ) {
        let since = self.info.since;
        match &self.role {
            Role::Member { active: false, .. } => {}
            // The answer was lost, or is on its way.
            Role::Member { active: true, .. } if self.info.last_started == since => {
                self.persist_info(Token::Activated(since), fx);
                return;
            }
            _ => return,
        }
        let mut parsed: Vec<Entry> = Vec::with_capacity(entries.len());
        for bytes in entries {
            let head = parsed.last().map_or(keep, |e| e.version);
            match Entry::parse(&bytes) {
                Ok(entry) if entry.follows(head) => parsed.push(entry),
                _ => return,
            }
        }
        if !reset && !self.log.contains(keep) {
            return;
        }
        self.adopt(keep, reset, parsed, fx);
        if let Role::Member { active, .. } = &mut self.role {
            *active = true;
        }
        self.run_parked(fx);
    }

    /// Takes over the authoritative log from `keep` on and records that this interval has started.
    fn adopt(&mut self, keep: EVersion, reset: bool, entries: Vec<Entry>, fx: &mut Vec<Effect>) {
        let mut meta = Vec::with_capacity(entries.len() + 3);
        if reset {
            self.log = PgLog::new(keep);
            meta.push(MetaChange::RemoveRange { first: log_key(0), last: log_key(u64::MAX) });
        } else if self.log.head().version > keep.version {
            self.log.rewind(keep.version);
            let first = log_key(keep.version + 1);
            meta.push(MetaChange::RemoveRange { first, last: log_key(u64::MAX) });
        }
        for entry in entries {
            meta.push(MetaChange::Set {
                key: log_key(entry.version.version),
                value: entry.bytes().clone(),
            });
            self.log.append(entry);
        }
        if !self.dirty.is_empty() {
            self.dirty.clear();
            meta.push(MetaChange::Remove { key: Bytes::from_static(DIRTY_KEY) });
        }
        self.info.state = CopyState::Complete;
        self.info.last_started = self.info.since;
        self.info.past.clear();
        // What activation finds is on every member once they all say so.
        self.complete = self.log.head().version;
        self.durable = self.complete;
        meta.push(self.info_change());
        let token = Token::Activated(self.info.since);
        fx.push(Effect::Persist { txn: PgTxn { meta, ..PgTxn::default() }, token });
    }
}
