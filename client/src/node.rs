//! One client: requests in, completions out.

use crate::objecter::{Objecter, ObjecterEvent, Tid};
use crate::op::{OpFailure, OpReply, OpSpec};
use maps::OsdMap;
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthName, NoServer};
use messenger::message::Data;
use messenger::messages::op::{ListEntry, ListReply};
use messenger::messages::{Op, PoolStatsReply, StatfsReply, SubscribeItem};
use messenger::mon_client::{CLIENT_SERVICES, MonClient, MonClientConfig, MonEvent, MonRequestId};
use messenger::table::{Event, Messenger, MessengerConfig};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;
use types::node::{Effect, Input, Node, ReceiveMemory};
use types::time::Now;
use types::{
    Decode, EntityAddrVec, EntityKind, EntityName, Epoch, HObject, Instant, OsdId, PoolId,
};

#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub name: AuthName,
    /// `None`: the cluster runs without authentication.
    pub key: Option<CryptoKey>,
    pub monitors: Vec<EntityAddrVec>,
    pub hostname: String,
    /// How long the first session with a monitor and the first map may take.
    pub connect_timeout: Duration,
    /// Connect to each core of an OSD that tells where its cores listen, and send operations to the
    /// one that serves them; else all go to the OSD's address in the map, as Ceph's clients do it.
    pub to_cores: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

#[derive(Debug, Clone)]
pub enum Request {
    /// Wait for the first OSDMap.
    Connect,
    Op(OpSpec),
    /// One page of a pool's objects from `cursor` on ([`HObject::min`] first). `nspace` may be
    /// [`messenger::messages::op::ALL_NSPACES`].
    List {
        pool: PoolId,
        nspace: String,
        cursor: HObject,
        count: u64,
    },
    /// The pool of this name, looked for in the newest map.
    FindPool {
        name: String,
    },
    /// Names of all pools in the map at hand.
    Pools,
    /// A monitor command, one JSON object.
    Command {
        cmd: String,
        input: Data,
    },
    Statfs {
        pool: Option<PoolId>,
    },
    PoolStats {
        pools: Vec<String>,
    },
}

/// Objects and where the next page starts; `None` at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<ListEntry>,
    pub next: Option<HObject>,
}

/// Why a request ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A monitor refused us (negative errno, -13 for a wrong key).
    Refused {
        errno: i32,
    },
    /// No monitor answered in time.
    NoMonitor,
    NoSuchPool,
    TimedOut,
    /// The OSD answered with an error (negative errno).
    Errno(i32),
    /// An answer that cannot be read.
    BadReply,
}
impl Failure {
    /// The nearest errno, positive.
    pub fn errno(self) -> i32 {
        match self {
            Self::Refused { errno } | Self::Errno(errno) => -errno,
            Self::NoMonitor | Self::TimedOut => 110,
            Self::NoSuchPool => 2,
            Self::BadReply => 5,
        }
    }
}
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let os = |errno: i32| std::io::Error::from_raw_os_error(-errno);
        match self {
            Self::Refused { errno } => write!(f, "the monitor refused us: {}", os(*errno)),
            Self::NoMonitor => write!(f, "no monitor answers"),
            Self::NoSuchPool => write!(f, "the pool does not exist"),
            Self::TimedOut => write!(f, "no answer in time"),
            Self::Errno(errno) => os(*errno).fmt(f),
            Self::BadReply => write!(f, "the answer cannot be read"),
        }
    }
}
impl std::error::Error for Failure {}

#[derive(Debug)]
pub enum Completion {
    Connected {
        global_id: u64,
        epoch: Epoch,
    },
    /// `result` within is the OSD's; read it.
    Op(OpReply),
    List(Page),
    Pool(PoolId),
    Pools(BTreeMap<PoolId, String>),
    Command {
        result: i32,
        status: String,
        output: Data,
    },
    Statfs(StatfsReply),
    PoolStats(PoolStatsReply),
    Failed(Failure),
}

#[derive(Debug)]
enum Waiting {
    Connect,
    Pools,
    FindPool { name: String, bound: Option<Epoch> },
    List { pool: PoolId, nspace: String, cursor: HObject, count: u64 },
}

/// A client as a node.
pub struct ClientNode {
    messenger: Messenger,
    mon: MonClient,
    objecter: Objecter,
    next_id: u64,
    /// Requests that need a map first.
    waiting: BTreeMap<RequestId, Waiting>,
    ops: BTreeMap<Tid, (RequestId, OpUse)>,
    mon_requests: BTreeMap<MonRequestId, MonUse>,
    completions: VecDeque<(RequestId, Completion)>,
    connect_by: Instant,
    connect_timeout: Duration,
    /// The monitors refused us before anything worked.
    dead: Option<Failure>,
    events: Vec<Event>,
    mon_events: Vec<MonEvent>,
    objecter_events: Vec<ObjecterEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpUse {
    Plain,
    List,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MonUse {
    /// For the caller.
    Caller(RequestId),
    /// The objecter looks for a pool.
    NewestForObjecter,
    NewestForPool(RequestId),
    /// The objecter looks for the cores of an OSD that has been up from this epoch.
    Metadata(OsdId, Epoch),
}

type Fx = Vec<Effect<Infallible>>;

impl ClientNode {
    pub fn new(config: ClientConfig, seed: [u8; 32]) -> Self {
        let name = EntityName::new(EntityKind::Client, -1);
        let messenger = MessengerConfig::new(name, EntityAddrVec::default());
        let mon = MonClientConfig {
            name: config.name,
            key: config.key,
            monitors: config.monitors,
            services: CLIENT_SERVICES,
            hostname: config.hostname,
        };
        // Two generators from one seed: neither tells anything of the other's numbers.
        let mut mon_seed = seed;
        mon_seed.iter_mut().for_each(|b| *b ^= 0x5a);
        Self {
            messenger: Messenger::new(messenger, seed),
            mon: MonClient::new(mon, mon_seed),
            objecter: Objecter::new(config.to_cores),
            next_id: 1,
            waiting: BTreeMap::new(),
            ops: BTreeMap::new(),
            mon_requests: BTreeMap::new(),
            completions: VecDeque::new(),
            connect_by: Instant::NEVER,
            connect_timeout: config.connect_timeout,
            dead: None,
            events: Vec::new(),
            mon_events: Vec::new(),
            objecter_events: Vec::new(),
        }
    }

    pub fn map(&self) -> Option<&OsdMap> {
        self.objecter.map()
    }

    /// What has been answered since the last call.
    pub fn take_completions(&mut self) -> impl Iterator<Item = (RequestId, Completion)> + '_ {
        self.completions.drain(..)
    }

    /// Starts a request. Exactly one completion will name it.
    pub fn submit(&mut self, now: Now, request: Request, fx: &mut Fx) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        if let Some(failure) = self.dead {
            self.complete(id, Completion::Failed(failure));
            return id;
        }
        match request {
            Request::Op(spec) => self.submit_op(now, id, OpUse::Plain, spec, fx),
            Request::Connect => self.wait(now, id, Waiting::Connect, fx),
            Request::Pools => self.wait(now, id, Waiting::Pools, fx),
            Request::FindPool { name } => {
                self.wait(now, id, Waiting::FindPool { name, bound: None }, fx)
            }
            Request::List { pool, nspace, cursor, count } => {
                self.wait(now, id, Waiting::List { pool, nspace, cursor, count }, fx)
            }
            Request::Command { cmd, input } => {
                let asked = self.mon.command(now, &mut self.messenger, cmd, input, fx);
                self.mon_requests.insert(asked, MonUse::Caller(id));
            }
            Request::Statfs { pool } => {
                let asked = self.mon.statfs(now, &mut self.messenger, pool, fx);
                self.mon_requests.insert(asked, MonUse::Caller(id));
            }
            Request::PoolStats { pools } => {
                let asked = self.mon.pool_stats(now, &mut self.messenger, pools, fx);
                self.mon_requests.insert(asked, MonUse::Caller(id));
            }
        }
        self.drain(now, fx);
        id
    }

    fn complete(&mut self, id: RequestId, completion: Completion) {
        self.completions.push_back((id, completion));
    }

    fn submit_op(&mut self, now: Now, id: RequestId, purpose: OpUse, spec: OpSpec, fx: &mut Fx) {
        let out = &mut self.objecter_events;
        let tid = self.objecter.submit(now, spec, &mut self.messenger, out, fx);
        self.ops.insert(tid, (id, purpose));
    }

    fn wait(&mut self, now: Now, id: RequestId, waiting: Waiting, fx: &mut Fx) {
        self.waiting.insert(id, waiting);
        self.serve_waiting(now, id, fx);
    }

    /// Serves a waiting request if the map allows.
    fn serve_waiting(&mut self, now: Now, id: RequestId, fx: &mut Fx) {
        let Some(map) = self.objecter.map() else { return };
        let done = match self.waiting.get_mut(&id) {
            None => return,
            Some(Waiting::Connect) => {
                Completion::Connected { global_id: self.mon.global_id(), epoch: map.epoch }
            }
            Some(Waiting::Pools) => Completion::Pools(map.pool_names.clone()),
            Some(Waiting::FindPool { name, bound }) => match (map.pool_id(name), *bound) {
                (Some(pool), _) => Completion::Pool(pool),
                (None, Some(bound)) if map.epoch >= bound => {
                    Completion::Failed(Failure::NoSuchPool)
                }
                (None, Some(_)) => return,
                (None, None) => {
                    let asked = MonUse::NewestForPool(id);
                    if !self.mon_requests.values().any(|u| *u == asked) {
                        let r = self.mon.get_version(now, &mut self.messenger, "osdmap", fx);
                        self.mon_requests.insert(r, asked);
                    }
                    return;
                }
            },
            Some(Waiting::List { .. }) => return self.serve_list(now, id, fx),
        };
        self.waiting.remove(&id);
        self.complete(id, done);
    }

    fn serve_list(&mut self, now: Now, id: RequestId, fx: &mut Fx) {
        let Some(Waiting::List { pool, nspace, cursor, count }) = self.waiting.remove(&id) else {
            return;
        };
        // An unknown pool is found out by the objecter; any PG will do until then.
        let pg = self.objecter.pg_of(pool, cursor.hash);
        let mut spec = OpSpec::new(pool, &nspace, "", Vec::new());
        spec.locator.hash = pg.map_or(0, |pg| pg.seed as i64);
        spec.ops.push(Op::pgnls(count, self.objecter.epoch().0, &cursor));
        self.submit_op(now, id, OpUse::List, spec, fx);
    }

    /// Handles what the parts have to say to each other until they are silent.
    fn drain(&mut self, now: Now, fx: &mut Fx) {
        loop {
            let mon = std::mem::take(&mut self.mon_events);
            let objecter = std::mem::take(&mut self.objecter_events);
            if mon.is_empty() && objecter.is_empty() {
                return;
            }
            mon.into_iter().for_each(|e| self.on_mon_event(now, e, fx));
            objecter.into_iter().for_each(|e| self.on_objecter_event(now, e, fx));
        }
    }

    fn on_mon_event(&mut self, now: Now, event: MonEvent, fx: &mut Fx) {
        match event {
            MonEvent::Tickets | MonEvent::Ready { .. } => {
                let auth = self.mon.service_auth(EntityKind::Osd);
                let out = &mut self.objecter_events;
                self.objecter.set_auth(now, auth, &mut self.messenger, out, fx);
            }
            MonEvent::AuthFailed { errno } => {
                if self.objecter.map().is_none() {
                    self.fail_all(Failure::Refused { errno });
                }
            }
            MonEvent::OsdMap(update) => {
                let out = &mut self.objecter_events;
                self.objecter.on_map(now, &update, &mut self.messenger, out, fx);
            }
            MonEvent::Version { id, newest, .. } => {
                let newest = Epoch(u32::try_from(newest).unwrap_or(u32::MAX));
                match self.mon_requests.remove(&id) {
                    Some(MonUse::NewestForObjecter) => {
                        let (m, out) = (&mut self.messenger, &mut self.objecter_events);
                        self.objecter.on_newest_epoch(now, newest, m, out, fx);
                    }
                    Some(MonUse::NewestForPool(request)) => {
                        if let Some(Waiting::FindPool { bound, .. }) =
                            self.waiting.get_mut(&request)
                        {
                            *bound = Some(newest);
                        }
                        self.serve_waiting(now, request, fx);
                    }
                    _ => {}
                }
            }
            MonEvent::Command { id, result, status, output } => {
                if let Some(MonUse::Metadata(osd, up_from)) = self.mon_requests.get(&id).copied() {
                    self.mon_requests.remove(&id);
                    let text = (result == 0).then(|| output.to_bytes());
                    return self.on_metadata(now, osd, up_from, text.as_deref(), fx);
                }
                self.answer(id, Completion::Command { result, status, output })
            }
            MonEvent::Statfs { id, reply } => self.answer(id, Completion::Statfs(reply)),
            MonEvent::PoolStats { id, reply } => self.answer(id, Completion::PoolStats(reply)),
            MonEvent::Refused { id, errno } => {
                if let Some(MonUse::Metadata(osd, up_from)) = self.mon_requests.get(&id).copied() {
                    self.mon_requests.remove(&id);
                    return self.on_metadata(now, osd, up_from, None, fx);
                }
                self.answer(id, Completion::Failed(Failure::Errno(errno)))
            }
            MonEvent::Lost
            | MonEvent::MonMap(_)
            | MonEvent::MgrMap(_)
            | MonEvent::Config(_)
            | MonEvent::PoolOp { .. }
            | MonEvent::Other(_) => {}
        }
    }

    fn on_metadata(
        &mut self,
        now: Now,
        osd: OsdId,
        up_from: Epoch,
        text: Option<&[u8]>,
        fx: &mut Fx,
    ) {
        let (m, out) = (&mut self.messenger, &mut self.objecter_events);
        self.objecter.on_metadata(now, (osd, up_from), text, m, out, fx);
    }

    fn answer(&mut self, id: MonRequestId, completion: Completion) {
        if let Some(MonUse::Caller(request)) = self.mon_requests.remove(&id) {
            self.complete(request, completion);
        }
    }

    fn fail_all(&mut self, failure: Failure) {
        self.dead = Some(failure);
        let waiting = std::mem::take(&mut self.waiting).into_keys();
        let ops = std::mem::take(&mut self.ops).into_iter().map(|(tid, (id, _))| (tid, id));
        let mut ids: Vec<RequestId> = waiting.collect();
        for (tid, id) in ops {
            self.objecter.cancel(tid);
            ids.push(id);
        }
        for (mon_id, purpose) in std::mem::take(&mut self.mon_requests) {
            self.mon.cancel(mon_id);
            if let MonUse::Caller(id) = purpose {
                ids.push(id);
            }
        }
        ids.into_iter().for_each(|id| self.complete(id, Completion::Failed(failure)));
    }

    fn on_objecter_event(&mut self, now: Now, event: ObjecterEvent, fx: &mut Fx) {
        match event {
            ObjecterEvent::Done { tid, result } => {
                let Some((id, purpose)) = self.ops.remove(&tid) else { return };
                let completion = match (result, purpose) {
                    (Ok(reply), OpUse::Plain) => Completion::Op(reply),
                    (Ok(reply), OpUse::List) => list_page(&reply),
                    (Err(OpFailure::NoSuchPool), _) => Completion::Failed(Failure::NoSuchPool),
                    (Err(OpFailure::TimedOut), _) => Completion::Failed(Failure::TimedOut),
                };
                self.complete(id, completion);
            }
            ObjecterEvent::Map(epoch) => {
                self.connect_by = Instant::NEVER;
                self.dead = None;
                self.mon.got("osdmap", epoch.0 as u64);
                let ids: Vec<RequestId> = self.waiting.keys().copied().collect();
                ids.into_iter().for_each(|id| self.serve_waiting(now, id, fx));
            }
            ObjecterEvent::MapGap { have } => {
                let item = SubscribeItem { start: have.0 as u64 + 1, once: false };
                self.mon.subscribe(now, &mut self.messenger, "osdmap", item, fx);
            }
            ObjecterEvent::AskNewestEpoch => {
                let asked = self.mon.get_version(now, &mut self.messenger, "osdmap", fx);
                self.mon_requests.insert(asked, MonUse::NewestForObjecter);
            }
            ObjecterEvent::AskMetadata { osd, up_from } => {
                let cmd = format!(r#"{{"prefix":"osd metadata","id":{osd},"format":"json"}}"#);
                let asked = self.mon.command(now, &mut self.messenger, cmd, Data::default(), fx);
                self.mon_requests.insert(asked, MonUse::Metadata(osd, up_from));
            }
            ObjecterEvent::WatchNotify(_) => {}
        }
    }

    fn on_tick(&mut self, now: Now, fx: &mut Fx) {
        let m = &mut self.messenger;
        if now.mono >= self.mon.next_deadline() {
            self.mon.on_tick(now, m, &mut self.mon_events, fx);
        }
        if now.mono >= self.objecter.next_deadline() {
            self.objecter.on_tick(now, m, &mut self.objecter_events, fx);
        }
        if now.mono >= self.connect_by {
            self.connect_by = Instant::NEVER;
            self.fail_all(Failure::NoMonitor);
        }
    }
}

fn list_page(reply: &OpReply) -> Completion {
    if reply.result < 0 {
        return Completion::Failed(Failure::Errno(reply.result));
    }
    match ListReply::from_slice(&reply.output(0).to_bytes()) {
        Ok(list) => {
            let next = (!list.next.max).then_some(list.next);
            Completion::List(Page { entries: list.entries, next })
        }
        Err(_) => Completion::Failed(Failure::BadReply),
    }
}

impl Node for ClientNode {
    type Hop = Infallible;

    fn use_receive_memory(&mut self, memory: Rc<dyn ReceiveMemory>) {
        self.messenger.use_receive_memory(memory);
    }

    fn handle(&mut self, now: Now, input: Input<Infallible>, fx: &mut Fx) {
        let mut events = std::mem::take(&mut self.events);
        let left = self.messenger.handle(now, input, &mut NoServer, &mut events, fx);
        for event in events.drain(..) {
            let (m, out) = (&mut self.messenger, &mut self.mon_events);
            if let Some(event) = self.mon.on_event(now, m, event, out, fx) {
                let out = &mut self.objecter_events;
                self.objecter.on_event(now, event, m, out, fx);
            }
            self.drain(now, fx);
        }
        self.events = events;
        match left {
            Some(Input::Start) => {
                self.connect_by = now.mono + self.connect_timeout;
                let item = SubscribeItem { start: 0, once: false };
                self.mon.subscribe(now, &mut self.messenger, "osdmap", item, fx);
                self.mon.start(now, &mut self.messenger, fx);
            }
            Some(Input::Stop) => fx.push(Effect::Exit { code: 0 }),
            Some(Input::Tick) => self.on_tick(now, fx),
            _ => {}
        }
        self.drain(now, fx);
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        self.drain(now, fx);
    }

    fn next_deadline(&self) -> Instant {
        self.messenger
            .next_deadline()
            .min(self.mon.next_deadline())
            .min(self.objecter.next_deadline())
            .min(self.connect_by)
    }
}
