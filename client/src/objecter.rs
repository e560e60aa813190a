//! Sends operations to the OSDs that serve them, and again when the map, a session or a primary
//! changes. Start with [`Objecter::submit`].
//!
//! Invariants:
//! * An operation keeps its tid for life, so that an OSD that has executed it answers from its log.
//! * Operations of one object leave in the order of submission, resends included, and by one session:
//!   the one with the core that serves their PG (`cores.rs`), or with the OSD at the map's address.
//! * An operation is in exactly one place: on a session, or homeless (no map, pool, primary, ticket
//!   or room; paused; held back by the OSD).

mod cores;
mod sessions;

use crate::op::{OpFailure, OpReply, OpSpec};
use cores::CoreBook;
use maps::{Incremental, Mapping, OsdMap, map_flags, pool_flags};
use messenger::Message;
use messenger::auth::ClientAuth;
use messenger::messages::osd_op::flag;
use messenger::messages::{
    Backoff, OsdMapUpdate, OsdOp, OsdOpHead, OsdOpReply, TypedMessage, kind,
};
use messenger::table::Messenger;
use sessions::{Door, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use types::node::{ConnId, Effect, LogLevel};
use types::time::Now;
use types::{Epoch, HObject, Instant, OsdId, PgId, PoolId, ReqId, ShardedPgId, features};

/// Bytes and operations under way; what is beyond waits here. Keeps the send queue of a session
/// within the messenger's bound when everything is sent again.
const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;
const IN_FLIGHT_OPS_MAX: usize = 1024;
/// An operation under way; also its transaction id on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub u64);

#[derive(Debug)]
pub enum ObjecterEvent {
    Done {
        tid: Tid,
        result: Result<OpReply, OpFailure>,
    },
    /// The map has reached this epoch: tell the mon client ("osdmap").
    Map(Epoch),
    /// There is a hole before the maps that came: subscribe to "osdmap" again from `have` + 1.
    MapGap {
        have: Epoch,
    },
    /// A pool is unknown: ask for the newest epoch and call [`Objecter::on_newest_epoch`].
    AskNewestEpoch,
    /// Ask for the metadata of an OSD that has been up from this epoch, and call
    /// [`Objecter::on_metadata`]. Once for each boot of an OSD that operations go to.
    AskMetadata {
        osd: OsdId,
        up_from: Epoch,
    },
    /// An OSD told something about a watch.
    WatchNotify(Message),
}

/// Everything by which a change makes an OSD forget what it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Target {
    pg: Option<PgId>,
    hash: u32,
    mapping: Rc<Mapping>,
    pg_num: u32,
    size: u8,
    min_size: u8,
    force_resend: Epoch,
    paused: bool,
    pool_exists: bool,
}

impl Target {
    fn osd(&self) -> Option<OsdId> {
        self.mapping.primary()
    }

    /// Whether an operation that was sent to `self` must be sent again now that `now` holds.
    fn resend_for(&self, now: &Target) -> bool {
        self.pg != now.pg
            || self.mapping != now.mapping
            || self.pg_num != now.pg_num
            || self.size != now.size
            || self.min_size != now.min_size
            || self.force_resend != now.force_resend
    }
}

#[derive(Debug)]
struct OpState {
    spec: OpSpec,
    flags: u32,
    target: Target,
    /// The session it was sent on, if it counts as sent.
    sent: Option<ConnId>,
    /// Where it was last to go in.
    waits_at: Option<Door>,
    attempts: i32,
    deadline: Instant,
    bytes: usize,
    /// Newest epoch that is known to exist: without the pool in that map, the pool does not exist.
    pool_bound: Option<Epoch>,
}

/// Where PGs lie in the map at hand, as far as anybody asked: CRUSH is dear, and its answer stays the
/// same until the next map. At most one entry for each PG.
type Placed = BTreeMap<PgId, Rc<Mapping>>;

#[derive(Debug)]
pub struct Objecter {
    map: Option<OsdMap>,
    placed: Placed,
    ops: BTreeMap<Tid, OpState>,
    /// Of those, the ones that are not on a session.
    homeless: BTreeSet<Tid>,
    /// Of the homeless, those that wait for room. They leave in order.
    throttled: BTreeSet<Tid>,
    /// Where the cores of OSDs listen; `None`: everything goes to the addresses in the map.
    cores: Option<CoreBook>,
    sessions: BTreeMap<Door, Session>,
    conns: BTreeMap<ConnId, Door>,
    deadlines: BTreeSet<(Instant, Tid)>,
    auth: Option<ClientAuth>,
    tid_next: u64,
    in_flight_bytes: usize,
    asked_newest: bool,
    /// Every send, in order.
    #[cfg(test)]
    sends: Vec<Tid>,
}

impl Objecter {
    /// `to_cores`: operations go to the cores that serve them, where OSDs tell where these listen.
    pub fn new(to_cores: bool) -> Self {
        Self {
            cores: to_cores.then(CoreBook::default),
            map: None,
            placed: Placed::new(),
            ops: BTreeMap::new(),
            homeless: BTreeSet::new(),
            throttled: BTreeSet::new(),
            sessions: BTreeMap::new(),
            conns: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            auth: None,
            tid_next: 1,
            in_flight_bytes: 0,
            asked_newest: false,
            #[cfg(test)]
            sends: Vec::new(),
        }
    }

    pub fn map(&self) -> Option<&OsdMap> {
        self.map.as_ref()
    }
    pub fn epoch(&self) -> Epoch {
        self.map.as_ref().map_or(Epoch(0), |m| m.epoch)
    }
    /// Operations that are not done yet.
    pub fn pending(&self) -> usize {
        self.ops.len()
    }

    /// What to show to OSDs from now on.
    pub fn set_auth<H>(
        &mut self,
        now: Now,
        auth: Option<ClientAuth>,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        self.auth = auth;
        self.place_homeless(now, m, out, fx);
    }

    pub fn submit<H>(
        &mut self,
        now: Now,
        spec: OpSpec,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) -> Tid {
        let tid = Tid(self.tid_next);
        self.tid_next += 1;
        let deadline = spec.timeout.map_or(Instant::NEVER, |t| now.mono + t);
        if deadline != Instant::NEVER {
            self.deadlines.insert((deadline, tid));
        }
        let state = OpState {
            flags: spec.wire_flags(),
            bytes: spec.ops.iter().map(|op| op.input.len()).sum(),
            spec,
            target: Target::default(),
            sent: None,
            waits_at: None,
            attempts: 0,
            deadline,
            pool_bound: None,
        };
        self.ops.insert(tid, state);
        self.homeless.insert(tid);
        self.place(now, tid, true, m, out, fx);
        tid
    }

    /// Gives an operation up. An OSD may still execute it.
    pub fn cancel(&mut self, tid: Tid) {
        self.remove(tid);
    }

    fn remove(&mut self, tid: Tid) -> Option<OpState> {
        let op = self.ops.remove(&tid)?;
        self.homeless.remove(&tid);
        self.throttled.remove(&tid);
        self.deadlines.remove(&(op.deadline, tid));
        if op.sent.is_some() {
            self.in_flight_bytes -= op.bytes;
        }
        Some(op)
    }

    fn finish(
        &mut self,
        tid: Tid,
        result: Result<OpReply, OpFailure>,
        out: &mut Vec<ObjecterEvent>,
    ) {
        if self.remove(tid).is_some() {
            out.push(ObjecterEvent::Done { tid, result });
        }
    }

    // Where an operation goes.

    fn calculate(map: &OsdMap, placed: &mut Placed, spec: &OpSpec, flags: u32) -> Target {
        let Some(pool) = map.pool(spec.locator.pool) else { return Target::default() };
        let hash = spec.locator.hash_of(&spec.name);
        let pg = PgId { pool: spec.locator.pool, seed: pool.seed_of_hash(hash) };
        let mapping = placed.entry(pg).or_insert_with(|| Rc::new(map.pg_to_up_acting(pg))).clone();
        let full = map.has_flag(map_flags::FULL) || pool.has_flag(pool_flags::FULL);
        let heeds_full = flags & (flag::FULL_TRY | flag::FULL_FORCE) == 0;
        let write_paused = map.has_flag(map_flags::PAUSEWR) || full && heeds_full;
        let paused = flags & flag::READ != 0 && map.has_flag(map_flags::PAUSERD)
            || flags & flag::WRITE != 0 && write_paused;
        Target {
            pg: Some(pg),
            hash,
            mapping,
            pg_num: pool.pg_num,
            size: pool.size,
            min_size: pool.min_size,
            force_resend: pool.last_force_op_resend,
            paused,
            pool_exists: true,
        }
    }

    /// Tries to send a homeless operation. `alone`: the caller does not try all of them in order.
    fn place<H>(
        &mut self,
        now: Now,
        tid: Tid,
        alone: bool,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let (Some(map), Some(op)) = (&self.map, self.ops.get_mut(&tid)) else { return };
        debug_assert!(op.sent.is_none());
        op.waits_at = None;
        op.target = Self::calculate(map, &mut self.placed, &op.spec, op.flags);
        if !op.target.pool_exists {
            return self.on_unknown_pool(tid, out);
        }
        let in_flight = self.ops.len() - self.homeless.len();
        let op = &self.ops[&tid];
        let (Some(osd), false) = (op.target.osd(), op.target.paused) else { return };
        let first = self.throttled.first().is_none_or(|waiting| *waiting >= tid);
        let room = in_flight < IN_FLIGHT_OPS_MAX
            && (in_flight == 0 || self.in_flight_bytes + op.bytes <= IN_FLIGHT_BYTES_MAX);
        if !first || !room {
            self.throttled.insert(tid);
            return;
        }
        self.throttled.remove(&tid);
        let pg = op.target.pg.expect("only operations with a target have a primary");
        let door = self.door(now, osd, pg, out);
        self.ops.get_mut(&tid).expect("looked up above").waits_at = door;
        let Some(door) = door else { return };
        let Some((conn, opened)) = self.session(now, door, m, fx) else { return };
        if alone && opened && self.homeless.first() < Some(&tid) {
            // Earlier ones have waited for the same session.
            return self.place_homeless(now, m, out, fx);
        }
        if !self.is_held_back(door, tid) {
            self.send(now, tid, conn, m, fx);
        }
    }

    fn place_homeless<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let tids: Vec<Tid> = self.homeless.iter().copied().collect();
        for tid in tids {
            self.place(now, tid, false, m, out, fx);
        }
    }

    /// After an operation left: others may have waited for its room.
    fn use_room<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let tids: Vec<Tid> = self.throttled.iter().copied().take(16).collect();
        for tid in tids {
            // It may have been sent along with another.
            if self.homeless.contains(&tid) {
                self.place(now, tid, true, m, out, fx);
            }
        }
    }

    fn on_unknown_pool(&mut self, tid: Tid, out: &mut Vec<ObjecterEvent>) {
        let epoch = self.epoch();
        match self.ops[&tid].pool_bound {
            Some(bound) if epoch >= bound => {
                self.finish(tid, Err(OpFailure::NoSuchPool), out);
            }
            Some(_) => {}
            None if !self.asked_newest => {
                self.asked_newest = true;
                out.push(ObjecterEvent::AskNewestEpoch);
            }
            None => {}
        }
    }

    /// Answer to [`ObjecterEvent::AskNewestEpoch`].
    pub fn on_newest_epoch<H>(
        &mut self,
        now: Now,
        newest: Epoch,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        self.asked_newest = false;
        for tid in &self.homeless {
            let op = self.ops.get_mut(tid).expect("homeless operations exist");
            if !op.target.pool_exists && op.pool_bound.is_none() {
                op.pool_bound = Some(newest);
            }
        }
        self.place_homeless(now, m, out, fx);
    }

    fn object_of(op: &OpState) -> HObject {
        let at = &op.spec.locator;
        HObject {
            pool: at.pool,
            hash: op.target.hash,
            nspace: at.nspace.clone(),
            key: if at.key == op.spec.name { String::new() } else { at.key.clone() },
            name: op.spec.name.clone(),
            snap: op.spec.snap,
            max: false,
        }
    }

    fn is_held_back(&self, door: Door, tid: Tid) -> bool {
        let Some(session) = self.sessions.get(&door) else { return false };
        if session.backoffs.is_empty() {
            return false;
        }
        let op = &self.ops[&tid];
        let object = Self::object_of(op);
        session.backoffs.iter().any(|b| {
            Some(b.pgid.pg) == op.target.pg
                && object >= b.begin
                && (object < b.end || b.begin == b.end && object == b.begin)
        })
    }

    fn send<H>(
        &mut self,
        now: Now,
        tid: Tid,
        conn: ConnId,
        m: &mut Messenger,
        fx: &mut Vec<Effect<H>>,
    ) {
        let epoch = self.epoch();
        let op = self.ops.get_mut(&tid).expect("only open operations are sent");
        let pg = op.target.pg.expect("only operations with a target are sent");
        let retry = if op.attempts > 0 { flag::RETRY } else { 0 };
        let msg = OsdOp {
            head: OsdOpHead {
                pgid: ShardedPgId::replicated(pg),
                hash: op.target.hash,
                epoch,
                flags: op.flags | retry,
            },
            reqid: ReqId::default(),
            client_inc: 0,
            mtime: op.spec.mtime.unwrap_or(now.wall),
            locator: op.spec.locator.clone(),
            name: op.spec.name.clone(),
            ops: op.spec.ops.clone(),
            snap: op.spec.snap,
            snapc: op.spec.snapc.clone(),
            retry_attempt: op.attempts,
            features: features::PACIFIC,
        };
        op.attempts = op.attempts.saturating_add(1);
        op.spec.mtime.get_or_insert(now.wall);
        op.sent = Some(conn);
        #[cfg(test)]
        self.sends.push(tid);
        self.in_flight_bytes += op.bytes;
        self.homeless.remove(&tid);
        self.throttled.remove(&tid);
        m.send(now, conn, msg.into_message(tid.0), fx);
    }

    /// Takes an operation off its session.
    fn recall(&mut self, tid: Tid) {
        let op = self.ops.get_mut(&tid).expect("recalled operations exist");
        if op.sent.take().is_some() {
            self.in_flight_bytes -= op.bytes;
        }
        self.homeless.insert(tid);
    }

    // Maps.

    pub fn on_map<H>(
        &mut self,
        now: Now,
        update: &OsdMapUpdate,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let before = self.epoch();
        let mut skipped = false;
        if let Some((epoch, bytes)) = update.fulls.last_key_value() {
            let reachable = update.incrementals.contains_key(&before.next());
            if *epoch > before && (self.map.is_none() || !reachable) {
                match OsdMap::decode(bytes) {
                    Ok(map) => {
                        skipped = self.map.is_some();
                        self.map = Some(map);
                        self.recall_changed();
                    }
                    Err(e) => log(fx, format!("full map {epoch} cannot be read: {e}")),
                }
            }
        }
        if self.map.is_some() {
            self.apply_incrementals(update, out, fx);
        }
        if skipped {
            let sent: Vec<Tid> =
                self.ops.iter().filter(|(_, op)| op.sent.is_some()).map(|(tid, _)| *tid).collect();
            sent.into_iter().for_each(|tid| self.recall(tid));
        }
        if self.epoch() > before {
            out.push(ObjecterEvent::Map(self.epoch()));
            self.close_dead_sessions(m, fx);
            self.place_homeless(now, m, out, fx);
        }
    }

    fn apply_incrementals<H>(
        &mut self,
        update: &OsdMapUpdate,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        for (epoch, bytes) in update.incrementals.range(self.epoch().next()..) {
            let map = self.map.as_mut().expect("checked by the caller");
            if *epoch != map.epoch.next() {
                return out.push(ObjecterEvent::MapGap { have: map.epoch });
            }
            let applied = match Incremental::decode(bytes) {
                Ok(inc) => map.apply(&inc).map_err(|e| e.to_string()),
                Err(e) => Err(e.to_string()),
            };
            if let Err(e) = applied {
                log(fx, format!("incremental map {epoch} cannot be applied: {e}"));
                return;
            }
            self.recall_changed();
        }
    }

    /// After each new map: forgets where PGs were, and takes operations off their sessions whose
    /// interval ended with this epoch.
    fn recall_changed(&mut self) {
        let map = self.map.as_ref().expect("called after a map came");
        let placed = &mut self.placed;
        placed.clear();
        let changed: Vec<Tid> = self
            .ops
            .iter()
            .filter(|(_, op)| op.sent.is_some())
            .filter(|(_, op)| {
                op.target.resend_for(&Self::calculate(map, placed, &op.spec, op.flags))
            })
            .map(|(tid, _)| *tid)
            .collect();
        changed.into_iter().for_each(|tid| self.recall(tid));
    }

    // Messages of OSDs.

    fn on_message<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        msg: &Message,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), types::DecodeError> {
        match msg.kind {
            kind::OSD_OP_REPLY => {
                let reply = OsdOpReply::from_message(msg)?;
                self.on_reply(conn, Tid(msg.tid), reply, out);
                self.use_room(now, m, out, fx);
            }
            kind::OSD_MAP => {
                let update = OsdMapUpdate::from_message(msg)?;
                self.on_map(now, &update, m, out, fx);
            }
            kind::OSD_BACKOFF => {
                let backoff = Backoff::from_message(msg)?;
                self.on_backoff(now, conn, backoff, m, out, fx);
            }
            kind::WATCH_NOTIFY => out.push(ObjecterEvent::WatchNotify(msg.clone())),
            _ => {}
        }
        Ok(())
    }

    fn on_reply(
        &mut self,
        conn: ConnId,
        tid: Tid,
        reply: OsdOpReply,
        out: &mut Vec<ObjecterEvent>,
    ) {
        let Some(op) = self.ops.get(&tid) else { return };
        // A reply to an earlier attempt: the answer to the last one is on its way.
        if op.sent != Some(conn)
            || reply.retry_attempt >= 0 && reply.retry_attempt != op.attempts - 1
        {
            return;
        }
        let reply = OpReply {
            result: reply.result,
            user_version: reply.user_version,
            version: reply.replay_version,
            outcomes: reply.outcomes,
        };
        self.finish(tid, Ok(reply), out);
    }

    fn on_backoff<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        backoff: Backoff,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let door = self.conns[&conn];
        let session = self.sessions.get_mut(&door).expect("a connection has a session");
        match backoff.op {
            Backoff::BLOCK => {
                let ack = Backoff { op: Backoff::ACK_BLOCK, ..backoff.clone() };
                session.backoffs.push(backoff);
                m.send(now, conn, ack.into_message(0), fx);
                // The OSD has dropped what it held of this range.
                let held: Vec<Tid> = self
                    .ops
                    .iter()
                    .filter(|(tid, op)| op.sent == Some(conn) && self.is_held_back(door, **tid))
                    .map(|(tid, _)| *tid)
                    .collect();
                held.into_iter().for_each(|tid| self.recall(tid));
            }
            Backoff::UNBLOCK => {
                session.backoffs.retain(|b| b.id != backoff.id);
                self.place_homeless(now, m, out, fx);
            }
            _ => {}
        }
    }

    // Time.

    pub fn next_deadline(&self) -> Instant {
        let op = self.deadlines.first().map_or(Instant::NEVER, |(at, _)| *at);
        op.min(self.sessions_deadline())
    }

    pub fn on_tick<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        while let Some((at, tid)) = self.deadlines.first().copied() {
            if at > now.mono {
                break;
            }
            self.finish(tid, Err(OpFailure::TimedOut), out);
        }
        self.sessions_tick(now, m, out, fx);
    }

    /// The PG in which `cursor` lies, for listings.
    pub fn pg_of(&self, pool: PoolId, hash: u32) -> Option<PgId> {
        let found = self.map.as_ref()?.pool(pool)?;
        Some(PgId { pool, seed: found.seed_of_hash(hash) })
    }
}

fn log<H>(fx: &mut Vec<Effect<H>>, text: String) {
    fx.push(Effect::Log { level: LogLevel::Warn, text });
}

#[cfg(test)]
mod tests;
