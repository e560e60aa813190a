//! The monitors as one service: finds one that answers, authenticates, keeps tickets and
//! subscriptions fresh, and repeats requests that a lost session left open.
//!
//! Start with [`MonClient::new`] and [`MonClient::start`]; then give every [`Event`] of the
//! [`Messenger`] to [`MonClient::on_event`] and call [`MonClient::on_tick`] when its deadline comes.
//! Clients, OSDs and monitors' own tools use it alike.

use crate::auth::cephx::mon::{MonExchange, on_renewal, renewal_request};
use crate::auth::crypto::CryptoKey;
use crate::auth::{AuthName, ClientAuth, Ticket};
use crate::message::{Data, Message};
use crate::messages::{
    self, Auth, AuthReply, ConfigUpdate, GetPoolStats, GetVersion, GetVersionReply, MgrMap,
    MgrMapUpdate, MonCommand, MonCommandAck, MonGetMap, MonMapUpdate, OsdMapUpdate, PoolOp,
    PoolOpReply, PoolStatsReply, Statfs, StatfsReply, Subscribe, SubscribeItem, TypedMessage,
};
use crate::table::{CloseCause, Event, Messenger, Policy};
use maps::MonMap;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use types::enc::{Decode, DecodeError};
use types::node::{ConnId, Effect, LogLevel};
use types::time::Now;
use types::{EntityAddrVec, EntityKind, EntityName, Fsid, Instant, PoolId};

/// Monitors dialled at the same time; the first that answers is taken.
const HUNT_PARALLEL: usize = 3;
/// Between rounds over all monitors, doubled up to the second value, with jitter.
const HUNT_BACKOFF_MIN: Duration = Duration::from_millis(100);
const HUNT_BACKOFF_MAX: Duration = Duration::from_secs(10);
/// A round of dialling ends after this, and the next monitors are tried.
const HUNT_ROUND: Duration = Duration::from_secs(3);
/// A renewal that is not answered is asked for again.
const RENEW_RETRY: Duration = Duration::from_secs(10);
const RENEW_SOONEST: Duration = Duration::from_secs(1);
/// Requests that may be open at once; more are refused with -EAGAIN.
pub const REQUESTS_MAX: usize = 16 * 1024;

const EAGAIN: i32 = -11;
const EACCES: i32 = -13;

/// Tickets that clients ask for: monitor, OSD, manager and AUTH itself.
pub const CLIENT_SERVICES: u32 = 0x35;

#[derive(Debug, Clone)]
pub struct MonClientConfig {
    pub name: AuthName,
    /// `None`: the cluster runs without authentication.
    pub key: Option<CryptoKey>,
    /// Where monitors are said to be (`mon host`); replaced by the MonMap once it is known.
    pub monitors: Vec<EntityAddrVec>,
    /// Mask of services for which tickets are wanted, [`CLIENT_SERVICES`] for clients.
    pub services: u32,
    pub hostname: String,
}

/// Names a request in the event that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonRequestId(pub u64);

/// What the owner hears.
#[derive(Debug)]
pub enum MonEvent {
    /// A session is open and the MonMap is known.
    Ready {
        global_id: u64,
        conn: ConnId,
    },
    /// The session is gone; another is being looked for.
    Lost,
    /// A monitor refused us: `errno` is negative. The hunt goes on.
    AuthFailed {
        errno: i32,
    },
    /// Give it to the map, then call [`MonClient::got`] with the epoch that was reached.
    OsdMap(OsdMapUpdate),
    MonMap(Box<MonMap>),
    MgrMap(MgrMap),
    Config(ConfigUpdate),
    /// New tickets: sessions that are opened from now on use them.
    Tickets,
    Version {
        id: MonRequestId,
        newest: u64,
        oldest: u64,
    },
    Command {
        id: MonRequestId,
        result: i32,
        status: String,
        output: Data,
    },
    PoolOp {
        id: MonRequestId,
        reply: PoolOpReply,
    },
    Statfs {
        id: MonRequestId,
        reply: StatfsReply,
    },
    PoolStats {
        id: MonRequestId,
        reply: PoolStatsReply,
    },
    /// The request was not even queued: too many are open (-11).
    Refused {
        id: MonRequestId,
        errno: i32,
    },
    /// A message that is not the mon client's, from the monitor.
    Other(Message),
}

/// A request that repeats until it is answered.
#[derive(Debug, Clone)]
enum Request {
    Version { what: String },
    Command { cmd: String, input: Data },
    PoolOp { pool: PoolId, op: u32, snap: u64, name: String, crush_rule: i16 },
    Statfs { pool: Option<PoolId> },
    PoolStats { pools: Vec<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stopped,
    /// Sessions being opened; `round_ends` is when to try others.
    Dialling {
        round_ends: Instant,
    },
    /// Every monitor was tried; the next round starts then.
    Waiting {
        until: Instant,
    },
    /// Authenticated.
    Open {
        conn: ConnId,
    },
}

/// A question for new tickets that is on its way.
#[derive(Debug)]
enum Renewal {
    /// The AUTH ticket itself, and with it all others: the key is proved again.
    Auth(MonExchange),
    /// Tickets of services, asked for with the AUTH ticket.
    Services,
}

#[derive(Debug)]
pub struct MonClient {
    config: MonClientConfig,
    rng: ChaCha12Rng,
    state: State,
    dialling: Vec<ConnId>,
    /// Monitors not yet tried in this round.
    untried: VecDeque<EntityAddrVec>,
    backoff: Duration,
    monmap: Option<MonMap>,
    /// The session is open and the MonMap has arrived on one: requests may go out.
    announced: bool,
    global_id: u64,
    tickets: BTreeMap<u32, Ticket>,
    /// The open session's challenge, which renewals of the AUTH ticket answer.
    challenge: u64,
    renewal: Option<Renewal>,
    /// When to look at the tickets again.
    renewal_check: Instant,
    subscriptions: BTreeMap<String, SubscribeItem>,
    requests: BTreeMap<MonRequestId, Request>,
    next_id: u64,
    refused: Vec<MonRequestId>,
}

impl MonClient {
    pub fn new(config: MonClientConfig, seed: [u8; 32]) -> Self {
        let subscriptions = ["config", "monmap"]
            .map(|what| (what.to_owned(), SubscribeItem::default()))
            .into_iter()
            .collect();
        Self {
            config,
            rng: ChaCha12Rng::from_seed(seed),
            state: State::Stopped,
            dialling: Vec::new(),
            untried: VecDeque::new(),
            backoff: HUNT_BACKOFF_MIN,
            monmap: None,
            announced: false,
            global_id: 0,
            tickets: BTreeMap::new(),
            challenge: 0,
            renewal: None,
            renewal_check: Instant::NEVER,
            subscriptions,
            requests: BTreeMap::new(),
            next_id: 1,
            refused: Vec::new(),
        }
    }

    /// 0 until the first session.
    pub fn global_id(&self) -> u64 {
        self.global_id
    }
    pub fn monmap(&self) -> Option<&MonMap> {
        self.monmap.as_ref()
    }
    pub fn fsid(&self) -> Option<Fsid> {
        self.monmap.as_ref().map(|m| m.fsid)
    }
    /// A session is open and requests go out at once.
    pub fn is_ready(&self) -> bool {
        self.announced && matches!(self.state, State::Open { .. })
    }

    /// What to show to a service (OSD, manager). `None` while its ticket is missing.
    pub fn service_auth(&self, service: EntityKind) -> Option<ClientAuth> {
        let (name, global_id) = (self.config.name.clone(), self.global_id);
        if self.config.key.is_none() {
            return Some(ClientAuth::None { name, global_id });
        }
        let ticket = self.tickets.get(&(service as u32))?.clone();
        Some(ClientAuth::Ticket { name, global_id, ticket })
    }

    fn mon_auth(&self) -> ClientAuth {
        let (name, global_id) = (self.config.name.clone(), self.global_id);
        match &self.config.key {
            None => ClientAuth::None { name, global_id },
            Some(key) => ClientAuth::Mon {
                name,
                key: *key,
                global_id,
                old_ticket: self.tickets.get(&(EntityKind::Auth as u32)).cloned(),
                services: self.config.services,
            },
        }
    }

    /// Starts looking for a monitor.
    pub fn start<H>(&mut self, now: Now, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        self.untried = self.shuffled_monitors();
        self.dial(now, m, fx);
    }

    fn shuffled_monitors(&mut self) -> VecDeque<EntityAddrVec> {
        let known = self.monmap.iter().flat_map(|map| map.mons.values());
        let mut all: Vec<EntityAddrVec> =
            known.map(|mon| mon.addrs.clone()).filter(|a| a.msgr2().is_some()).collect();
        if all.is_empty() {
            all = self.config.monitors.clone();
        }
        for i in (1..all.len()).rev() {
            let j = (self.rng.next_u64() % (i as u64 + 1)) as usize;
            all.swap(i, j);
        }
        all.into()
    }

    fn dial<H>(&mut self, now: Now, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        if self.untried.is_empty() {
            let jitter = self.rng.next_u64() % (self.backoff.as_nanos() as u64 / 2).max(1);
            let wait = self.backoff + Duration::from_nanos(jitter);
            self.backoff = (self.backoff * 2).min(HUNT_BACKOFF_MAX);
            self.state = State::Waiting { until: now.mono + wait };
            return;
        }
        for _ in 0..HUNT_PARALLEL {
            let Some(target) = self.untried.pop_front() else { break };
            let auth = self.mon_auth();
            self.dialling.push(m.connect(now, &target, EntityKind::Mon, Policy::Lossy, auth, fx));
        }
        self.state = State::Dialling { round_ends: now.mono + HUNT_ROUND };
    }

    fn close_dialling<H>(&mut self, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        for conn in std::mem::take(&mut self.dialling) {
            m.close(conn, fx);
        }
    }

    /// Drops the session, if one is open, and looks for another.
    pub fn reconnect<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        if let State::Open { conn } = self.state {
            m.close(conn, fx);
            self.on_lost(now, m, out, fx);
        }
    }

    fn on_lost<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        self.announced = false;
        self.renewal = None;
        out.push(MonEvent::Lost);
        self.start(now, m, fx);
    }

    /// Takes an event of the messenger; returns it if it does not concern the monitors.
    pub fn on_event<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        event: Event,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) -> Option<Event> {
        let open = match self.state {
            State::Open { conn } => Some(conn),
            _ => None,
        };
        match event {
            Event::Ready { conn, auth_reply, peer, .. } if self.dialling.contains(&conn) => {
                self.dialling.retain(|c| *c != conn);
                self.close_dialling(m, fx);
                self.state = State::Open { conn };
                self.challenge = peer.challenge;
                self.on_session(now, m, conn, auth_reply.map(|a| *a), out, fx);
            }
            Event::AuthFailed { conn, errno, .. } if self.dialling.contains(&conn) => {
                // A forgotten or expired id: ask for a fresh one next time.
                if errno == EACCES && self.global_id != 0 {
                    self.tickets.clear();
                    self.global_id = 0;
                } else {
                    out.push(MonEvent::AuthFailed { errno });
                }
            }
            Event::Closed { conn, why } if self.dialling.contains(&conn) => {
                self.dialling.retain(|c| *c != conn);
                if let CloseCause::AuthRefused { .. } | CloseCause::Protocol(_) = why {
                    let text = format!("monitor refused the session: {why:?}");
                    fx.push(Effect::Log { level: LogLevel::Warn, text });
                }
                if self.dialling.is_empty() {
                    self.dial(now, m, fx);
                }
            }
            Event::Closed { conn, .. } if open == Some(conn) => self.on_lost(now, m, out, fx),
            Event::Message { conn, msg, charge, .. } if open == Some(conn) => {
                m.release(conn, charge, fx);
                let kind = msg.kind;
                if let Err(e) = self.on_message(now, m, conn, msg, out, fx) {
                    let text = format!("message {kind} of the monitor cannot be read: {e}");
                    fx.push(Effect::Log { level: LogLevel::Error, text });
                    self.reconnect(now, m, out, fx);
                }
            }
            other => return Some(other),
        }
        None
    }

    fn on_session<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        conn: ConnId,
        auth: Option<crate::auth::AuthReply>,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        if let Some(auth) = auth {
            if auth.global_id != 0 {
                self.global_id = auth.global_id;
            }
            self.tickets.extend(auth.tickets);
            out.push(MonEvent::Tickets);
        }
        if self.config.name.kind == EntityKind::Client {
            m.set_name(EntityName::client(self.global_id));
        }
        self.plan_renewal(now, RENEW_SOONEST);
        m.send(now, conn, MonGetMap.into_message(0), fx);
        self.send_subscriptions(now, m, fx);
    }

    fn announce<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        conn: ConnId,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        if self.announced {
            return;
        }
        self.announced = true;
        self.backoff = HUNT_BACKOFF_MIN;
        out.push(MonEvent::Ready { global_id: self.global_id, conn });
        let ids: Vec<MonRequestId> = self.requests.keys().copied().collect();
        for id in ids {
            self.send_request(now, m, id, fx);
        }
    }

    fn on_message<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        conn: ConnId,
        msg: Message,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), DecodeError> {
        use messages::kind;
        let id = MonRequestId(msg.tid);
        match msg.kind {
            kind::MON_MAP => {
                let update = MonMapUpdate::from_message(&msg)?;
                let map = MonMap::from_slice(&update.monmap)?;
                self.got("monmap", map.epoch.0 as u64);
                self.monmap = Some(map.clone());
                out.push(MonEvent::MonMap(Box::new(map)));
                self.announce(now, m, conn, out, fx);
            }
            kind::OSD_MAP => out.push(MonEvent::OsdMap(OsdMapUpdate::from_message(&msg)?)),
            kind::MGR_MAP => {
                let map = MgrMapUpdate::from_message(&msg)?.map;
                self.got("mgrmap", map.epoch.0 as u64);
                out.push(MonEvent::MgrMap(map));
            }
            kind::CONFIG => out.push(MonEvent::Config(ConfigUpdate::from_message(&msg)?)),
            kind::MON_SUBSCRIBE_ACK => {}
            kind::AUTH_REPLY => {
                let reply = AuthReply::from_message(&msg)?;
                self.on_auth_reply(now, m, reply, out, fx);
            }
            kind::MON_GET_VERSION_REPLY => {
                let reply = GetVersionReply::from_message(&msg)?;
                let id = MonRequestId(reply.handle);
                if self.requests.remove(&id).is_some() {
                    let GetVersionReply { newest, oldest, .. } = reply;
                    out.push(MonEvent::Version { id, newest, oldest });
                }
            }
            kind::MON_COMMAND_ACK => {
                let MonCommandAck { result, status, output, .. } =
                    MonCommandAck::from_message(&msg)?;
                if self.requests.remove(&id).is_some() {
                    out.push(MonEvent::Command { id, result, status, output });
                }
            }
            kind::POOL_OP_REPLY => {
                let reply = PoolOpReply::from_message(&msg)?;
                if self.requests.remove(&id).is_some() {
                    out.push(MonEvent::PoolOp { id, reply });
                }
            }
            kind::STATFS_REPLY => {
                let reply = StatfsReply::from_message(&msg)?;
                if self.requests.remove(&id).is_some() {
                    out.push(MonEvent::Statfs { id, reply });
                }
            }
            kind::GET_POOL_STATS_REPLY => {
                let reply = PoolStatsReply::from_message(&msg)?;
                if self.requests.remove(&id).is_some() {
                    out.push(MonEvent::PoolStats { id, reply });
                }
            }
            _ => out.push(MonEvent::Other(msg)),
        }
        Ok(())
    }

    // Subscriptions.

    /// Subscribes to `what` from version `start` on ("osdmap", "mgrmap", ...), or changes the start.
    pub fn subscribe<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        what: &str,
        item: SubscribeItem,
        fx: &mut Vec<Effect<H>>,
    ) {
        self.subscriptions.insert(what.to_owned(), item);
        if let State::Open { conn } = self.state {
            let what = BTreeMap::from([(what.to_owned(), item)]);
            let msg = Subscribe { what, hostname: self.config.hostname.clone() };
            m.send(now, conn, msg.into_message(0), fx);
        }
    }

    /// Version `version` of `what` has arrived: later sessions ask for what follows it. Ends a
    /// subscription that was for once.
    pub fn got(&mut self, what: &str, version: u64) {
        let Some(item) = self.subscriptions.get_mut(what) else { return };
        if version < item.start {
            return;
        }
        if item.once {
            self.subscriptions.remove(what);
        } else {
            item.start = version + 1;
        }
    }

    fn send_subscriptions<H>(&mut self, now: Now, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        let State::Open { conn } = self.state else { return };
        let msg =
            Subscribe { what: self.subscriptions.clone(), hostname: self.config.hostname.clone() };
        m.send(now, conn, msg.into_message(0), fx);
    }

    // Requests. Each is answered by the event of its name, whatever happens to sessions between.

    fn request<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        request: Request,
        fx: &mut Vec<Effect<H>>,
    ) -> MonRequestId {
        let id = MonRequestId(self.next_id);
        self.next_id += 1;
        if self.requests.len() >= REQUESTS_MAX {
            self.refused.push(id);
            return id;
        }
        self.requests.insert(id, request);
        self.send_request(now, m, id, fx);
        id
    }

    fn send_request<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        id: MonRequestId,
        fx: &mut Vec<Effect<H>>,
    ) {
        let (State::Open { conn }, true, Some(fsid)) = (self.state, self.announced, self.fsid())
        else {
            return;
        };
        let Some(request) = self.requests.get(&id) else { return };
        let msg = match request.clone() {
            Request::Version { what } => GetVersion { handle: id.0, what }.into_message(id.0),
            Request::Command { cmd, input } => {
                MonCommand { fsid, cmd: vec![cmd], input }.into_message(id.0)
            }
            Request::PoolOp { pool, op, snap, name, crush_rule } => {
                PoolOp { version: 0, fsid, pool, op, snap, name, crush_rule }.into_message(id.0)
            }
            Request::Statfs { pool } => Statfs { version: 0, fsid, pool }.into_message(id.0),
            Request::PoolStats { pools } => {
                GetPoolStats { version: 0, fsid, pools }.into_message(id.0)
            }
        };
        m.send(now, conn, msg, fx);
    }

    /// The newest and oldest version of "osdmap", "monmap", ...
    pub fn get_version<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        what: &str,
        fx: &mut Vec<Effect<H>>,
    ) -> MonRequestId {
        self.request(now, m, Request::Version { what: what.to_owned() }, fx)
    }

    /// `cmd` is one JSON object, `{"prefix": "status", "format": "json"}`.
    pub fn command<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        cmd: String,
        input: Data,
        fx: &mut Vec<Effect<H>>,
    ) -> MonRequestId {
        self.request(now, m, Request::Command { cmd, input }, fx)
    }

    /// `op` is one of [`messages::pool::pool_op`].
    #[allow(clippy::too_many_arguments)]
    pub fn pool_op<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        pool: PoolId,
        op: u32,
        snap: u64,
        name: String,
        fx: &mut Vec<Effect<H>>,
    ) -> MonRequestId {
        self.request(now, m, Request::PoolOp { pool, op, snap, name, crush_rule: -1 }, fx)
    }

    pub fn statfs<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        pool: Option<PoolId>,
        fx: &mut Vec<Effect<H>>,
    ) -> MonRequestId {
        self.request(now, m, Request::Statfs { pool }, fx)
    }

    pub fn pool_stats<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        pools: Vec<String>,
        fx: &mut Vec<Effect<H>>,
    ) -> MonRequestId {
        self.request(now, m, Request::PoolStats { pools }, fx)
    }

    /// Forgets a request; a late answer is dropped.
    pub fn cancel(&mut self, id: MonRequestId) {
        self.requests.remove(&id);
    }

    /// Sends a message once, on the open session. False when there is none: the owner sends again
    /// after the next [`MonEvent::Ready`].
    pub fn send<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        msg: Message,
        fx: &mut Vec<Effect<H>>,
    ) -> bool {
        match self.state {
            State::Open { conn } if self.announced => {
                m.send(now, conn, msg, fx);
                true
            }
            _ => false,
        }
    }

    // Tickets.

    /// Services whose tickets should be renewed now.
    fn due(&self, now: Now) -> u32 {
        let due = self.tickets.iter().filter(|(_, t)| t.renew_after <= now.wall);
        due.fold(0, |mask, (service, _)| mask | service)
    }

    /// `soonest`: not to be asked again before that much time, even if a ticket is due.
    fn plan_renewal(&mut self, now: Now, soonest: Duration) {
        let next = self.tickets.values().map(|t| t.renew_after).min();
        self.renewal_check = next.map_or(Instant::NEVER, |at| {
            let wait = at.to_duration().saturating_sub(now.wall.to_duration());
            now.mono + wait.max(soonest)
        });
    }

    /// Asks for new tickets on the open session, which goes on meanwhile.
    fn renew<H>(&mut self, now: Now, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        let State::Open { conn } = self.state else { return };
        let due = self.due(now);
        if due == 0 {
            return self.plan_renewal(now, RENEW_SOONEST);
        }
        let auth = EntityKind::Auth as u32;
        let (Some(ticket), Some(key)) = (self.tickets.get(&auth), self.config.key) else { return };
        let payload = if due & auth != 0 {
            let exchange = MonExchange {
                name: self.config.name.clone(),
                key,
                global_id: self.global_id,
                old_ticket: Some(ticket.clone()),
                services: self.config.services,
            };
            let payload = exchange.answer(self.challenge, &mut self.rng);
            self.renewal = Some(Renewal::Auth(exchange));
            payload
        } else {
            self.renewal = Some(Renewal::Services);
            renewal_request(self.global_id, ticket, due, &mut self.rng)
        };
        let monmap_epoch = self.monmap.as_ref().map(|map| map.epoch).unwrap_or_default();
        let msg = Auth { protocol: 2, payload: payload.into(), monmap_epoch };
        m.send(now, conn, msg.into_message(0), fx);
        self.renewal_check = now.mono + RENEW_RETRY;
    }

    fn on_auth_reply<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        reply: AuthReply,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let Some(renewal) = self.renewal.take() else { return };
        let Some(ticket) = self.tickets.get(&(EntityKind::Auth as u32)).cloned() else { return };
        let renewed = match (reply.result, renewal) {
            (0, Renewal::Services) => {
                on_renewal(&reply.payload, &ticket, now.wall, &mut self.tickets)
                    .map_err(|e| e.to_string())
            }
            (0, Renewal::Auth(exchange)) => exchange
                .on_done(self.global_id, &reply.payload, now.wall)
                .map(|granted| self.tickets.extend(granted.reply.tickets))
                .map_err(|e| e.to_string()),
            (errno, _) => Err(format!("errno {errno}")),
        };
        match renewed {
            Ok(()) => {
                // A monitor that gives no ticket for a service would be asked again at once.
                self.plan_renewal(now, RENEW_RETRY);
                out.push(MonEvent::Tickets);
            }
            Err(e) => {
                let text = format!("tickets were not renewed, authenticating again: {e}");
                fx.push(Effect::Log { level: LogLevel::Warn, text });
                self.reconnect(now, m, out, fx);
            }
        }
    }

    pub fn next_deadline(&self) -> Instant {
        let state = match self.state {
            State::Dialling { round_ends } => round_ends,
            State::Waiting { until } => until,
            State::Open { .. } => self.renewal_check,
            State::Stopped => Instant::NEVER,
        };
        if self.refused.is_empty() { state } else { Instant::ZERO }
    }

    pub fn on_tick<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<MonEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        for id in std::mem::take(&mut self.refused) {
            out.push(MonEvent::Refused { id, errno: EAGAIN });
        }
        match self.state {
            State::Dialling { round_ends } if now.mono >= round_ends => {
                // A handshake under way may still win unless there are others to try.
                if self.untried.is_empty() {
                    let round_ends = now.mono + HUNT_BACKOFF_MAX;
                    self.state = State::Dialling { round_ends };
                    if self.dialling.is_empty() {
                        self.dial(now, m, fx);
                    }
                } else {
                    self.close_dialling(m, fx);
                    self.dial(now, m, fx);
                }
            }
            State::Waiting { until } if now.mono >= until => self.start(now, m, fx),
            State::Open { .. } if now.mono >= self.renewal_check => self.renew(now, m, fx),
            _ => {}
        }
    }
}
