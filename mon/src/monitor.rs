//! The monitor as a node: connections, messages, turns.
//!
//! What changes state waits in `queue` while a log entry is in flight; at the end of a turn everything
//! that was edited becomes one entry. Replies to what edited are held until the entry is committed
//! and its maps are on their way to those who follow them, so that a client never hears of an epoch
//! before the map.

use crate::auth_service::{AuthConfig, AuthService};
use crate::commands::{self, Args, Cx, Failure, Reply};
use crate::config_service::ConfigService;
use crate::kv::KvMap;
use crate::log::Log;
use crate::log_service::LogService;
use crate::mon_service::MonService;
use crate::osd_service::{OsdService, OsdStoreError};
use crate::pg_stats::PgStats;
use crate::services::Services;
use crate::session::{Session, parse_caps};
use messenger::Message;
use messenger::messages::{self, TypedMessage};
use messenger::table::{Event, Messenger, MessengerConfig};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use types::node::{ConnId, Effect, Input, LogLevel, Node};
use types::time::Now;
use types::{DecodeError, EntityAddrVec, EntityKind, EntityName, Epoch, Instant};

type Fx = Vec<Effect<()>>;

/// How often what time brings is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Requests that may wait for the log; more wait in their connections.
const QUEUE_MAX: usize = 4096;

/// What a monitor is started with.
#[derive(Debug, Clone)]
pub struct Config {
    pub name: String,
    /// Where it listens, as in the MonMap.
    pub addrs: EntityAddrVec,
    pub auth: AuthConfig,
    /// Name of the machine, for `node ls`; empty if unknown.
    pub hostname: String,
    /// Options from the configuration file, by name. Central ones override them.
    pub options: BTreeMap<String, String>,
}

/// Why a monitor cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// The store was not made by `mkfs`.
    NoMonMap,
    OsdMap(OsdStoreError),
    Decode(DecodeError),
    /// The MonMap does not name this monitor.
    NotInMonMap {
        name: String,
    },
}
impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoMonMap => write!(f, "the store holds no MonMap; has mkfs run?"),
            Self::OsdMap(e) => e.fmt(f),
            Self::Decode(e) => write!(f, "monitor store: {e}"),
            Self::NotInMonMap { name } => write!(f, "the MonMap does not name mon.{name}"),
        }
    }
}
impl std::error::Error for StartError {}

/// A request that edits state, until the log is free.
struct Waiting {
    conn: ConnId,
    msg: Message,
    charge: usize,
}

pub struct Monitor {
    messenger: Messenger,
    /// For session keys of renewed tickets.
    rng: ChaCha12Rng,
    services: Services,
    log: Log,
    sessions: BTreeMap<ConnId, Session>,
    queue: VecDeque<Waiting>,
    /// Answers that wait for the entry that is being made, and for the one in flight.
    held: Vec<(ConnId, Held)>,
    in_flight: Vec<(ConnId, Held)>,
    /// Connections that came before the monitor was ready.
    early: Vec<Input<()>>,
    started: bool,
    next_tick: Instant,
    config_version: u64,
    stopping: bool,
}

/// An answer; some name the epoch that makes them true.
enum Held {
    Message(Message),
    PoolOp { result: i32, tid: u64 },
    MarkedDown { osd: types::OsdId, tid: u64 },
}

impl Monitor {
    /// `store` is everything that [`crate::mkfs`] and later [`Effect::Persist`]s wrote.
    pub fn new(config: Config, store: KvMap, seed: [u8; 32]) -> Result<Self, StartError> {
        let mut mon = MonService::load(&store, &config.name, types::UTime::default())
            .map_err(StartError::Decode)?
            .ok_or(StartError::NoMonMap)?;
        mon.hostname = config.hostname;
        let rank = mon
            .map
            .rank_of(&config.name)
            .ok_or_else(|| StartError::NotInMonMap { name: config.name.clone() })?;
        let mut auth_seed = seed;
        auth_seed[0] ^= 0x5a;
        let mut renewal_seed = seed;
        renewal_seed[0] ^= 0xa5;
        let mut services = Services {
            osd: OsdService::load(&store).map_err(StartError::OsdMap)?,
            mon,
            auth: AuthService::load(config.auth, &store, auth_seed).map_err(StartError::Decode)?,
            config: ConfigService::load(&store, config.options),
            log: LogService::load(&store),
            stats: PgStats::default(),
        };
        services.obey_configuration();
        let name = EntityName::new(EntityKind::Mon, rank as i64);
        let mut messenger_config = MessengerConfig::new(name, config.addrs);
        messenger_config.features_required_of_clients = types::features::REQUIRED_OF_CLIENTS;
        Ok(Self {
            messenger: Messenger::new(messenger_config, seed),
            rng: ChaCha12Rng::from_seed(renewal_seed),
            config_version: services.config.version,
            services,
            log: Log::load(&store),
            sessions: BTreeMap::new(),
            queue: VecDeque::new(),
            held: Vec::new(),
            in_flight: Vec::new(),
            early: Vec::new(),
            started: false,
            next_tick: Instant::ZERO,
            stopping: false,
        })
    }

    /// Carries out a command of the admin socket and returns the answer as the socket sends it.
    pub fn local_command(&mut self, now: Now, text: &str) -> String {
        let session = |s: &Session| (s.peer.auth_name.to_string(), s.peer.socket.to_string());
        let local = commands::local::Local {
            counters: *self.messenger.counters(),
            sessions: self.sessions.values().map(session).collect(),
        };
        let caller = messenger::auth::AuthName::new(EntityKind::Mon, &self.services.mon.name);
        let services = &mut self.services;
        let mut cx = Cx { now, services, caller: &caller, input: bytes::Bytes::new() };
        commands::local::text(commands::local::run(&mut cx, &local, text))
    }

    /// The state, for tests and tools that look inside.
    pub fn services(&self) -> &Services {
        &self.services
    }

    fn on_start(&mut self, now: Now) {
        self.started = true;
        self.services.mon.quorum_since = now.wall;
        self.next_tick = now.mono + TICK;
        self.services.auth.rotate(now.wall);
    }

    fn on_tick(&mut self, now: Now) {
        self.next_tick = now.mono + TICK;
        if !self.log.is_idle() {
            return;
        }
        self.services.auth.rotate(now.wall);
        let rank = EntityName::new(EntityKind::Mon, self.services.mon.rank() as i64);
        let name = self.services.mon.name.clone();
        for line in self.services.osd.on_tick(now) {
            let who = (EntityKind::Mon as u32, name.as_str());
            self.services.log.note(now.wall, who, rank, crate::log_service::priority::INFO, line);
        }
        crate::health::set_full_states(&mut self.services);
    }

    fn on_event(&mut self, now: Now, event: Event, fx: &mut Fx) {
        match event {
            Event::Ready { conn, peer, .. } => {
                let caps = parse_caps(&peer.caps);
                let session = Session {
                    peer: *peer,
                    caps,
                    subscriptions: BTreeMap::new(),
                    config_sent: None,
                };
                self.services.mon.on_session(session.kind(), session.peer.features);
                self.sessions.insert(conn, session);
            }
            Event::Message { conn, msg, charge, .. } => {
                if self.is_write(&msg) && self.queue.len() < QUEUE_MAX {
                    self.queue.push_back(Waiting { conn, msg, charge });
                } else {
                    self.on_message(now, conn, msg, fx);
                    self.messenger.release(conn, charge, fx);
                }
            }
            Event::Closed { conn, .. } => {
                if let Some(session) = self.sessions.remove(&conn) {
                    self.services.mon.on_session_gone(session.kind(), session.peer.features);
                }
            }
            Event::Reset { .. } | Event::AuthFailed { .. } => {}
        }
    }

    /// Whether the message may edit state and so waits for the log.
    fn is_write(&self, msg: &Message) -> bool {
        use messages::{internal::kind as internal, kind};
        match msg.kind {
            kind::MON_COMMAND => messages::MonCommand::from_message(msg)
                .ok()
                .and_then(|m| Args::parse(&m.cmd))
                .and_then(|args| commands::table::find(args.prefix(), |a| args.has(a)))
                .is_some_and(|spec| spec.writes()),
            kind::POOL_OP | kind::LOG => true,
            internal::OSD_BOOT
            | internal::OSD_FAILURE
            | internal::MARK_DOWN
            | internal::ALIVE_REQUEST
            | internal::PG_TEMP => true,
            _ => false,
        }
    }

    /// Carries out what waits, if the log is free.
    fn run_queue(&mut self, now: Now, fx: &mut Fx) {
        while self.log.is_idle() {
            let Some(Waiting { conn, msg, charge }) = self.queue.pop_front() else { return };
            self.on_message(now, conn, msg, fx);
            self.messenger.release(conn, charge, fx);
        }
    }

    fn on_message(&mut self, now: Now, conn: ConnId, msg: Message, fx: &mut Fx) {
        if !self.sessions.contains_key(&conn) {
            return;
        }
        if self.dispatch(now, conn, &msg, fx).is_err() {
            self.log_line(LogLevel::Warn, format!("bad message of kind {:#x}", msg.kind), fx);
            self.messenger.close(conn, fx);
            if let Some(session) = self.sessions.remove(&conn) {
                self.services.mon.on_session_gone(session.kind(), session.peer.features);
            }
        }
    }

    fn log_line(&self, level: LogLevel, text: String, fx: &mut Fx) {
        fx.push(Effect::Log { level, text });
    }

    fn dispatch(
        &mut self,
        now: Now,
        conn: ConnId,
        msg: &Message,
        fx: &mut Fx,
    ) -> Result<(), DecodeError> {
        use messages::kind;
        match msg.kind {
            kind::MON_GET_MAP => self.send_monmap(now, conn, fx),
            kind::MON_SUBSCRIBE => {
                let subscribe = messages::Subscribe::from_message(msg)?;
                self.on_subscribe(now, conn, subscribe, fx);
            }
            kind::MON_GET_VERSION => {
                let query = messages::GetVersion::from_message(msg)?;
                let (newest, oldest) = self.versions(&query.what);
                let reply = messages::GetVersionReply { handle: query.handle, newest, oldest };
                self.send(now, conn, reply.into_message(msg.tid), fx);
            }
            kind::MON_COMMAND => {
                let command = messages::MonCommand::from_message(msg)?;
                self.on_command(now, conn, command, msg.tid, fx);
            }
            kind::STATFS => {
                self.on_statfs(now, conn, messages::Statfs::from_message(msg)?, msg.tid, fx)
            }
            kind::GET_POOL_STATS => {
                let query = messages::GetPoolStats::from_message(msg)?;
                self.on_pool_stats(now, conn, query, msg.tid, fx);
            }
            kind::POOL_OP => {
                let op = messages::PoolOp::from_message(msg)?;
                self.on_pool_op(now, conn, op, msg.tid, fx);
            }
            kind::LOG => self.on_log(now, conn, messages::Log::from_message(msg)?, fx),
            kind::AUTH => self.on_auth(now, conn, messages::Auth::from_message(msg)?, msg.tid, fx),
            kind::PING => {}
            _ if self.sessions[&conn].osd().is_some() => {
                return self.on_osd_message(now, conn, msg, fx);
            }
            other => {
                self.log_line(LogLevel::Debug, format!("message of kind {other:#x} ignored"), fx);
            }
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, now: Now, conn: ConnId, msg: Message, fx: &mut Fx) {
        self.messenger.send(now, conn, msg, fx);
    }

    /// Sends now, or, if this request edited state, when that is committed.
    fn answer(&mut self, now: Now, conn: ConnId, msg: Message, fx: &mut Fx) {
        if self.services.has_staged() {
            self.held.push((conn, Held::Message(msg)));
        } else {
            self.send(now, conn, msg, fx);
        }
    }

    fn send_monmap(&mut self, now: Now, conn: ConnId, fx: &mut Fx) {
        let update = messages::MonMapUpdate { monmap: self.services.mon.encoded.clone() };
        self.send(now, conn, update.into_message(0), fx);
    }

    fn versions(&self, what: &str) -> (u64, u64) {
        match what {
            "osdmap" => (self.services.osd.epoch().0 as u64, self.services.osd.oldest().0 as u64),
            "monmap" => (self.services.mon.map.epoch.0 as u64, 1),
            _ => (1, 1),
        }
    }

    fn on_subscribe(&mut self, now: Now, conn: ConnId, wanted: messages::Subscribe, fx: &mut Fx) {
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        for (what, item) in wanted.what {
            if matches!(what.as_str(), "osdmap" | "monmap" | "config" | "mgrmap") {
                session.subscriptions.insert(what, item);
            }
        }
        self.publish_to(now, conn, fx);
    }

    /// Sends one peer what it follows and lacks.
    fn publish_to(&mut self, now: Now, conn: ConnId, fx: &mut Fx) {
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        let subscriptions = std::mem::take(&mut session.subscriptions);
        let mut keep = BTreeMap::new();
        for (what, mut item) in subscriptions {
            let newest = self.versions(&what).0;
            if what != "config" && item.start > newest {
                keep.insert(what, item);
                continue;
            }
            match what.as_str() {
                "osdmap" => {
                    for update in self.services.osd.updates_from(Epoch(item.start as u32)) {
                        self.send(now, conn, update.into_message(0), fx);
                    }
                }
                "monmap" => self.send_monmap(now, conn, fx),
                "mgrmap" => {
                    // No manager: epoch 1, nobody active, so that nobody dials one.
                    let map = messages::MgrMap { epoch: Epoch(1), ..Default::default() };
                    self.send(now, conn, messages::MgrMapUpdate { map }.into_message(0), fx);
                }
                _ => self.send_config(now, conn, fx),
            }
            if !item.once {
                item.start = newest + 1;
                keep.insert(what, item);
            }
        }
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.subscriptions = keep;
        }
    }

    /// Sends the peer's options unless they are what was sent last.
    fn send_config(&mut self, now: Now, conn: ConnId, fx: &mut Fx) {
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        let options: BTreeMap<String, String> = self
            .services
            .config
            .for_entity(&session.peer.auth_name)
            .into_iter()
            .map(|(name, (_, value))| (name.to_owned(), value.to_owned()))
            .collect();
        if session.config_sent.as_ref() == Some(&options) {
            return;
        }
        session.config_sent = Some(options.clone());
        self.send(now, conn, messages::ConfigUpdate { options }.into_message(0), fx);
    }

    /// Sends every follower what the last entry brought.
    fn publish(&mut self, now: Now, fx: &mut Fx) {
        self.config_version = self.services.config.version;
        let conns: Vec<ConnId> = self.sessions.keys().copied().collect();
        for conn in conns {
            self.publish_to(now, conn, fx);
        }
    }

    fn on_command(
        &mut self,
        now: Now,
        conn: ConnId,
        command: messages::MonCommand,
        tid: u64,
        fx: &mut Fx,
    ) {
        let outcome = self.run_command(now, conn, &command);
        let reply =
            outcome.unwrap_or_else(|f| Reply { code: f.code, status: f.status, data: vec![] });
        let ack = messages::MonCommandAck {
            version: self.services.osd.epoch().0 as u64,
            result: reply.code,
            status: reply.status,
            cmd: command.cmd,
            output: bytes::Bytes::from(reply.data).into(),
        };
        self.answer(now, conn, ack.into_message(tid), fx);
    }

    fn run_command(
        &mut self,
        now: Now,
        conn: ConnId,
        command: &messages::MonCommand,
    ) -> commands::Outcome {
        use commands::errno::{EACCES, EINVAL};
        let args = Args::parse(&command.cmd)
            .ok_or_else(|| Failure::new(EINVAL, "command not understood"))?;
        if args.prefix() == "get_command_descriptions" {
            return Ok(Reply::data(commands::table::descriptions().to_string()));
        }
        let spec = commands::table::find(args.prefix(), |a| args.has(a))
            .ok_or_else(|| Failure::new(EINVAL, "command not known"))?;
        let session = &self.sessions[&conn];
        if !session.may_run(spec, &args) {
            return Err(Failure::new(EACCES, "access denied"));
        }
        let caller = session.peer.auth_name.clone();
        let mut cx = Cx {
            now,
            services: &mut self.services,
            caller: &caller,
            input: command.input.to_bytes(),
        };
        (spec.run)(&mut cx, &args)
    }

    fn on_statfs(&mut self, now: Now, conn: ConnId, q: messages::Statfs, tid: u64, fx: &mut Fx) {
        let space = self.services.stats.space();
        let sum = self.services.stats.sum(self.services.osd.map(), q.pool);
        let mut reply = messages::StatfsReply {
            fsid: self.services.mon.map.fsid,
            version: self.services.stats.version,
            kb: space.total >> 10,
            kb_used: space.used >> 10,
            kb_avail: space.available >> 10,
            num_objects: sum.counts.num_objects.max(0) as u64,
        };
        if let Some(pool) = q.pool {
            let size = self.services.osd.map().pool(pool).map_or(1, |p| p.size.max(1)) as u64;
            reply.kb_used = (sum.raw() / size) >> 10;
            reply.kb_avail = crate::health::pool_available(&self.services, pool) >> 10;
            reply.kb = reply.kb_used + reply.kb_avail;
        }
        self.send(now, conn, reply.into_message(tid), fx);
    }

    fn on_pool_stats(
        &mut self,
        now: Now,
        conn: ConnId,
        query: messages::GetPoolStats,
        tid: u64,
        fx: &mut Fx,
    ) {
        let map = self.services.osd.map().clone();
        let stats = query
            .pools
            .into_iter()
            .filter_map(|name| {
                let pool = map.pool_id(&name)?;
                let sum = self.services.stats.sum(&map, Some(pool));
                let mut stat = messages::PoolStat { sum: sum.counts, ..Default::default() };
                stat.sum.num_object_copies = sum.counts.num_objects * map.pools[&pool].size as i64;
                stat.log_size = sum.log_entries as i64;
                stat.ondisk_log_size = sum.log_entries as i64;
                stat.up = sum.up as i32;
                stat.acting = sum.acting as i32;
                stat.store.allocated = sum.raw() as i64;
                stat.store.data_stored = sum.bytes_raw as i64;
                stat.num_store_stats = map.up_osd_count() as i32;
                Some((name, stat))
            })
            .collect();
        let reply = messages::PoolStatsReply { fsid: map.fsid, stats, per_pool: true };
        self.send(now, conn, reply.into_message(tid), fx);
    }

    fn on_pool_op(&mut self, now: Now, conn: ConnId, op: messages::PoolOp, tid: u64, fx: &mut Fx) {
        let session = &self.sessions[&conn];
        let result = match session.may_write("osd") {
            false => commands::errno::EPERM,
            true => commands::pool_op(&mut self.services, now, &op),
        };
        if self.services.has_staged() {
            self.held.push((conn, Held::PoolOp { result, tid }));
        } else {
            self.send_held(now, conn, Held::PoolOp { result, tid }, fx);
        }
    }

    fn on_log(&mut self, now: Now, conn: ConnId, log: messages::Log, fx: &mut Fx) {
        if !self.sessions[&conn].may_write("log") {
            return;
        }
        let (last, channel) =
            log.entries.last().map_or((0, String::new()), |e| (e.seq, e.channel.clone()));
        for entry in log.entries {
            self.services.log.add(entry);
        }
        let ack = messages::LogAck { fsid: self.services.mon.map.fsid, last, channel };
        self.answer(now, conn, ack.into_message(0), fx);
    }

    fn send_held(&mut self, now: Now, conn: ConnId, held: Held, fx: &mut Fx) {
        let epoch = self.services.osd.epoch();
        let msg = match held {
            Held::Message(msg) => msg,
            Held::PoolOp { result, tid } => {
                let fsid = self.services.mon.map.fsid;
                messages::PoolOpReply { fsid, result, epoch, response: None }.into_message(tid)
            }
            Held::MarkedDown { osd, tid } => {
                messages::internal::MarkDownAck { osd, epoch }.into_message(tid)
            }
        };
        self.send(now, conn, msg, fx);
    }

    fn on_persisted(
        &mut self,
        now: Now,
        id: u64,
        result: Result<(), types::node::IoError>,
        fx: &mut Fx,
    ) {
        let entry = match self.log.persisted(id, result) {
            Ok(entry) => entry,
            Err(e) => return self.fail(e.to_string(), fx),
        };
        let secrets_before = self.services.auth.rotating(EntityKind::Osd).cloned();
        if let Err(e) = self.services.apply(&entry.changes) {
            return self.fail(e.to_string(), fx);
        }
        if self.services.auth.rotating(EntityKind::Osd) != secrets_before.as_ref() {
            self.push_rotating_keys(now, fx);
        }
        self.services.osd.finish_boots(now);
        self.publish(now, fx);
        for (conn, held) in std::mem::take(&mut self.in_flight) {
            self.send_held(now, conn, held, fx);
        }
        if self.services.auth.is_ready() {
            for input in std::mem::take(&mut self.early) {
                self.on_connection(now, input, fx);
            }
        }
    }

    /// Nothing may be assumed any more: stop, the store has the truth.
    fn fail(&mut self, text: String, fx: &mut Fx) {
        self.stopping = true;
        self.log_line(LogLevel::Error, text, fx);
        fx.push(Effect::Exit { code: 1 });
    }

    fn on_connection(&mut self, now: Now, input: Input<()>, fx: &mut Fx) {
        let mut events = Vec::new();
        let auth = &mut self.services.auth;
        if let Some(Input::Tick) = self.messenger.handle(now, input, auth, &mut events, fx)
            && now.mono >= self.next_tick
        {
            self.on_tick(now);
        }
        for event in events {
            self.on_event(now, event, fx);
        }
    }
}

mod osd_messages;

impl Node for Monitor {
    type Hop = ();

    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Fx) {
        if self.stopping {
            return;
        }
        match input {
            Input::Start => self.on_start(now),
            Input::Persisted { id, result } => self.on_persisted(now, id, result, fx),
            Input::Stop => {
                self.stopping = true;
                fx.push(Effect::Exit { code: 0 });
            }
            accepted @ Input::Accepted { .. } if !self.services.auth.is_ready() => {
                self.early.push(accepted);
            }
            input => self.on_connection(now, input, fx),
        }
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        if self.stopping || !self.started || !self.log.is_idle() {
            return;
        }
        self.run_queue(now, fx);
        if !self.services.has_staged() {
            return;
        }
        match self.services.stage(now.wall) {
            Err(e) => self.fail(e.to_string(), fx),
            Ok(changes) if changes.is_empty() => {
                for (conn, held) in std::mem::take(&mut self.held) {
                    self.send_held(now, conn, held, fx);
                }
            }
            Ok(changes) => {
                self.log.propose(changes, fx);
                self.in_flight = std::mem::take(&mut self.held);
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        if self.stopping {
            Instant::NEVER
        } else {
            self.messenger.next_deadline().min(self.next_tick)
        }
    }
}
