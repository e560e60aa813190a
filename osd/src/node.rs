//! One core of an OSD as a [`Node`]: its sessions, its store shards and their PGs. Start with
//! [`OsdNode::new`]. Core 0 also talks to the monitor (`boot.rs`) and keeps watch over the other
//! OSDs (`heartbeat.rs`) for all cores.
//!
//! A connection to the OSD's address lands on any core; what is meant for a PG on another one hops
//! there, and the answer hops back. Our own clients and OSDs know where each core listens, and need none:
//! each core dials those cores of other OSDs that its PGs have to do with.

mod clients;
mod fetch;
mod maps_in;
mod observe;
mod peers;
#[cfg(test)]
mod tests;

use crate::auth::OsdAuth;
use crate::boot::Boot;
use crate::client_op::{ClientOp, Origin};
use crate::config::Settings;
use crate::core_stats::CoreStats;
use crate::heartbeat::Heartbeats;
use crate::map::{MapHistory, View};
use crate::observe::{Average, HopCounts, Part, Question};
use crate::shard::{Out, Shard};
use clients::{Came, Session};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthName, ClientAuth};
use messenger::message::Message;
use messenger::messages::OsdOpReply;
use messenger::messages::internal::{PgStat, RotatingKeysReply, Space};
use messenger::messages::peer::PeerMessage;
use messenger::mon_client::MonClient;
use messenger::table::{Event, Limits, Messenger, MessengerConfig};
use peers::Peers;
use seastore::{IoCompletion, StoreConfig, Superblock};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use types::node::{
    ConnId, CoreId, Effect, Input, LogLevel, Node, ReceiveMemory, StageProbes, WriteMemory,
};
use types::shard::{core_of, shard_of};
use types::time::Now;
use types::{EntityAddrVec, EntityKind, EntityName, FixedMap, Instant, OsdId, PgId};

/// Between two looks at what is due, while something is under way and while nothing is.
const TICK_BUSY: Duration = Duration::from_millis(250);
const TICK_IDLE: Duration = Duration::from_secs(2);
/// The process's exit code after the device failed.
pub const EXIT_DEVICE_FAILED: i32 = 1;
/// Messages that wait for a newer map.
const WAITING_FOR_MAP_MAX: usize = 8192;
/// Of these, of one connection.
const WAITING_OF_ONE_MAX: usize = 512;

#[derive(Debug, Clone)]
pub struct OsdConfig {
    pub superblock: Superblock,
    /// Where this OSD listens and what the map shows: one msgr2 address.
    pub addrs: EntityAddrVec,
    /// By core: where only this core listens. Our own clients are told, and dial the core that serves
    /// a PG. The same as `addrs` where there is one core.
    pub core_addrs: Vec<EntityAddrVec>,
    pub monitors: Vec<EntityAddrVec>,
    /// Key of `osd.N`; `None`: the cluster runs without authentication.
    pub key: Option<CryptoKey>,
    pub core: CoreId,
    /// Cores of this OSD; not more than the superblock's store shards.
    pub cores: u16,
    /// Different at every start and for every core.
    pub seed: [u8; 32],
    pub hostname: String,
    pub version: String,
    /// Device class for CRUSH, set by the monitor if this OSD has none; empty: none.
    pub device_class: String,
    pub limits: Limits,
    /// Metadata that each store shard keeps in memory, bytes.
    pub store_cache_bytes: usize,
    /// See [`StoreConfig::miss_one_in`]; 0 but in tests and the simulator.
    pub store_miss_one_in: u32,
    /// Tell the device about segments that become free.
    pub store_discard: bool,
    /// What ceph.conf says for this OSD, by names in the form `osd_op_history_size`.
    pub options: BTreeMap<String, String>,
}

/// What the cores of one OSD say to each other.
#[derive(Debug)]
pub enum OsdHop {
    /// To core 0: every shard of the sender is mounted. The space of all cores together makes the
    /// OSD's weight when it boots for the first time.
    Mounted {
        space: Space,
    },
    /// From core 0: the map that was stored last.
    StoredMap(bytes::Bytes),
    /// From core 0: an OSD_MAP message.
    Maps(Message),
    /// From core 0: what to show to other OSDs.
    Credentials(Box<ClientAuth>),
    /// From core 0: secrets of tickets.
    Secrets(Box<RotatingKeysReply>),
    /// From core 0: until when each peer has confirmed the map.
    Lease(BTreeMap<OsdId, Instant>),
    /// From core 0: options of the central configuration.
    Options(BTreeMap<String, String>),
    /// To core 0: OSDs with which the sender shares PGs.
    Neighbours(Vec<OsdId>),
    /// To core 0.
    Stats {
        pgs: Vec<PgStat>,
        core: CoreStats,
    },
    ClientOp(Box<ClientOp>),
    Reply {
        origin: Origin,
        reply: OsdOpReply,
    },
    Dropped {
        origin: Origin,
    },
    Reset {
        conn: ConnId,
    },
    Peer {
        from: OsdId,
        message: Message,
    },
    /// To core 0, and from there to all: the device failed, nothing may be acknowledged any more.
    DeviceFailed,
    /// From another core, or from outside under a number of its own: answered with [`OsdHop::Told`]
    /// and the same id.
    Ask {
        id: u64,
        question: Question,
    },
    Told {
        id: u64,
        part: Box<Part>,
    },
}

/// Waits for a newer map.
#[derive(Debug)]
enum Parked {
    Client { conn: ConnId, message: Message, came: Came },
    Op(Box<ClientOp>),
    Peer { from: OsdId, message: PeerMessage },
}

/// State of the parts that only core 0 has.
pub(crate) struct Leader {
    pub mon: MonClient,
    pub boot: Boot,
    pub heartbeats: Heartbeats,
    pub cores_mounted: u16,
    /// What each core said last, this one too.
    pub core_stats: BTreeMap<CoreId, CoreStats>,
    pub stats_sequence: u64,
}

impl Leader {
    /// A core has mounted its shards.
    fn note_space(&mut self, core: CoreId, space: Space) {
        self.core_stats.insert(core, CoreStats { space, ..CoreStats::default() });
    }
}

pub struct OsdNode {
    pub(crate) config: OsdConfig,
    pub(crate) me: OsdId,
    pub(crate) messenger: Messenger,
    pub(crate) auth: OsdAuth,
    pub(crate) leader: Option<Box<Leader>>,
    pub(crate) history: MapHistory,
    pub(crate) view: Option<View>,
    /// Epochs were skipped because a map could not be read.
    gap_next: bool,
    pub(crate) shards: Vec<Shard>,
    pub(crate) settings: Settings,
    commands: observe::Commands,
    /// The device failed under one of the shards, which share it: whatever a shard says from then
    /// on stays unsaid, and this OSD only takes leave of the monitor (`boot.rs`).
    pub(crate) device_failed: bool,
    sessions: FixedMap<ConnId, Session>,
    hops: HopCounts,
    peers: Peers,
    parked: VecDeque<Parked>,
    /// Connections with requests that wait until their clients have read more.
    stalled: BTreeSet<ConnId>,
    pub(crate) outs: Vec<Out>,
    events: Vec<Event>,
    tick_at: Instant,
    pub(crate) stats_at: Instant,
    pub(crate) stats_soon: bool,
    pub(crate) stats_full_at: Instant,
    /// All commits that had been counted at the last report.
    pub(crate) commits_before: Average,
}

pub(crate) type Fx = Vec<Effect<OsdHop>>;

pub(crate) fn log(fx: &mut Fx, level: LogLevel, text: String) {
    fx.push(Effect::Log { level, text });
}

impl OsdNode {
    /// `config.core` takes every `config.cores`-th store shard, beginning with its own number.
    pub fn new(config: OsdConfig) -> Self {
        let sb = &config.superblock;
        let me = sb.osd;
        assert!(config.cores > 0 && config.cores <= sb.shards, "a core has at least one shard");
        let nonce = u64::from_le_bytes(config.seed[24..].try_into().expect("8 bytes of 32"));
        let mine = (config.core.0..sb.shards).step_by(config.cores as usize);
        let shards_on_core = mine.len() as u16;
        let shards = mine
            .map(|shard| {
                let store = StoreConfig {
                    cache_bytes: config.store_cache_bytes,
                    miss_one_in: config.store_miss_one_in,
                    discard: config.store_discard,
                    shards_on_core,
                    ..StoreConfig::new(*sb, shard, nonce)
                };
                Shard::new(me, store)
            })
            .collect();
        let mut m = MessengerConfig::new(EntityName::osd(me), config.addrs.clone());
        m.features_required_of_clients = types::features::REQUIRED_OF_CLIENTS;
        m.limits = config.limits.clone();
        m.also_at = config.core_addrs.get(config.core.0 as usize).cloned().unwrap_or_default();
        let mut mon_seed = config.seed;
        mon_seed[0] ^= 0x5a;
        let leader = (config.core.0 == 0).then(|| {
            Box::new(Leader {
                mon: MonClient::new(
                    messenger::mon_client::MonClientConfig {
                        name: AuthName::new(EntityKind::Osd, &me.0.to_string()),
                        key: config.key,
                        monitors: config.monitors.clone(),
                        services: messenger::mon_client::CLIENT_SERVICES,
                        hostname: config.hostname.clone(),
                    },
                    mon_seed,
                ),
                boot: Boot::default(),
                heartbeats: Heartbeats::default(),
                cores_mounted: 0,
                core_stats: BTreeMap::new(),
                stats_sequence: 0,
            })
        });
        let mut node = Self {
            me,
            messenger: Messenger::new(m, config.seed),
            auth: OsdAuth::new(config.key.is_some()),
            leader,
            history: MapHistory::default(),
            view: None,
            gap_next: false,
            shards,
            device_failed: false,
            sessions: FixedMap::default(),
            hops: HopCounts::default(),
            peers: Peers::default(),
            parked: VecDeque::new(),
            stalled: BTreeSet::new(),
            outs: Vec::new(),
            events: Vec::new(),
            tick_at: Instant::NEVER,
            stats_at: Instant::NEVER,
            stats_soon: false,
            stats_full_at: Instant::ZERO,
            commits_before: Average::default(),
            settings: Settings::new(config.options.clone()),
            commands: observe::Commands::default(),
            config,
        };
        node.follow_settings();
        node
    }

    pub(crate) fn is_core(&self, core: CoreId) -> bool {
        core == self.config.core
    }
    /// The core and local index of a PG's shard.
    fn place_of(&self, pg: PgId) -> (CoreId, usize) {
        let shard = shard_of(pg, self.config.superblock.shards);
        (CoreId(core_of(shard, self.config.cores)), (shard / self.config.cores) as usize)
    }
    pub(crate) fn booted(&self) -> bool {
        self.view.as_ref().is_some_and(|v| v.booted)
    }
    pub(crate) fn to_others(&self, fx: &mut Fx, mut msg: impl FnMut() -> OsdHop) {
        for core in (0..self.config.cores).map(CoreId).filter(|c| *c != self.config.core) {
            fx.push(Effect::Hop { to: core, msg: msg() });
        }
    }

    fn on_start(&mut self, now: Now, fx: &mut Fx) {
        self.tick_at = now.mono + TICK_BUSY;
        self.stats_at = now.mono + Duration::from_secs(1);
        let mut outs = std::mem::take(&mut self.outs);
        for (slot, shard) in self.shards.iter_mut().enumerate() {
            let from = outs.len();
            shard.mount(&mut outs);
            let rest: Vec<Out> = outs.drain(from..).collect();
            for out in rest {
                Self::perform_store(slot, out, fx);
            }
        }
        self.outs = outs;
    }

    fn perform_store(slot: usize, out: Out, fx: &mut Fx) {
        let Out::Store(effect) = out else { return };
        fx.push(effect.into_effect(slot));
    }

    /// Performs what shard `slot` asked for.
    pub(crate) fn perform(&mut self, now: Now, slot: usize, fx: &mut Fx) {
        let mut outs = std::mem::take(&mut self.outs);
        for out in outs.drain(..) {
            if self.device_failed {
                break;
            }
            match out {
                Out::Store(_) => Self::perform_store(slot, out, fx),
                Out::Reply { origin, reply } => self.reply(now, origin, reply, fx),
                Out::Dropped { origin } => self.dropped(origin, fx),
                Out::Reset { core, conn } if self.is_core(core) => self.reset_client(conn, fx),
                Out::Reset { core, conn } => {
                    fx.push(Effect::Hop { to: core, msg: OsdHop::Reset { conn } })
                }
                Out::Peer { to, pg, message } => self.send_peer(now, to, pg, message, fx),
                Out::Fetch { request, source, ops } => {
                    self.fetch(now, slot, request, source, ops, fx)
                }
                Out::StateChanged => self.stats_soon = true,
                Out::Mounted(report) => self.on_mounted(now, slot, report, fx),
                Out::Failed(e) => {
                    let (me, shard) = (self.me, self.shards[slot].index);
                    let text = format!("osd.{me} cannot go on: store shard {shard}: {e}");
                    log(fx, LogLevel::Error, text);
                    self.on_device_failed(now, fx);
                }
                Out::Alarm(text) => log(fx, LogLevel::Error, text),
            }
        }
        self.outs = outs;
    }

    fn on_mounted(&mut self, now: Now, slot: usize, report: seastore::MountReport, fx: &mut Fx) {
        let text = format!(
            "store shard {} mounted: {} objects, {} journal records, {} pgs",
            self.shards[slot].index,
            report.objects,
            report.records,
            self.shards[slot].pgs.len()
        );
        log(fx, LogLevel::Info, text);
        if !self.shards.iter().all(Shard::is_mounted) {
            return;
        }
        let space = self.own_space();
        if let Some(leader) = &mut self.leader {
            leader.note_space(self.config.core, space);
            self.on_core_mounted(now, fx);
        } else {
            fx.push(Effect::Hop { to: CoreId(0), msg: OsdHop::Mounted { space } });
        }
    }

    fn on_io(&mut self, now: Now, slot: usize, done: IoCompletion, fx: &mut Fx) {
        let mut outs = std::mem::take(&mut self.outs);
        if let Some(shard) = self.shards.get_mut(slot) {
            shard.on_io(now, self.view.as_ref(), done, &mut outs);
        }
        self.outs = outs;
        self.perform(now, slot, fx);
    }

    /// Runs `f` on each shard and performs what it asks for.
    pub(crate) fn each_shard(
        &mut self,
        now: Now,
        fx: &mut Fx,
        mut f: impl FnMut(&mut Shard, Now, &View, &mut Vec<Out>),
    ) {
        let Some(view) = self.view.clone() else { return };
        for slot in 0..self.shards.len() {
            let mut outs = std::mem::take(&mut self.outs);
            f(&mut self.shards[slot], now, &view, &mut outs);
            self.outs = outs;
            self.perform(now, slot, fx);
        }
    }

    fn on_event(&mut self, now: Now, event: Event, fx: &mut Fx) {
        let Some(event) = self.leader_event(now, event, fx) else { return };
        if self.device_failed {
            if let Event::Message { conn, charge, .. } = event {
                self.messenger.release(conn, charge, fx);
            }
            return;
        }
        match event {
            Event::Ready { conn, peer, .. } => self.on_ready(now, conn, *peer, fx),
            Event::Message { conn, msg, charge, since } => {
                self.on_message(now, conn, msg, Came { charge, since }, fx)
            }
            Event::Closed { conn, why } => {
                self.forget_client(conn);
                self.on_peer_closed(now, conn, why, fx);
            }
            Event::Reset { .. } | Event::AuthFailed { .. } => {}
        }
    }

    pub(crate) fn on_options(&mut self, options: &BTreeMap<String, String>) {
        self.settings.follow(options);
        self.follow_settings();
    }

    fn on_hop(&mut self, now: Now, from: CoreId, msg: OsdHop, fx: &mut Fx) {
        let msg = match msg {
            // Of a device that failed, too, people want to know more.
            OsdHop::Ask { id, question } => return self.on_ask(now, from, id, question, fx),
            OsdHop::Told { id, part } => return self.on_told(now, id, *part, fx),
            msg => msg,
        };
        if self.device_failed {
            return;
        }
        match msg {
            OsdHop::DeviceFailed => self.on_device_failed(now, fx),
            OsdHop::Mounted { space } => {
                if let Some(leader) = &mut self.leader {
                    leader.note_space(from, space);
                }
                self.on_core_mounted(now, fx)
            }
            OsdHop::StoredMap(bytes) => self.on_stored_map(&bytes, fx),
            OsdHop::Maps(message) => self.on_maps_message(now, &message, fx),
            OsdHop::Credentials(auth) => self.peers.credentials = Some(*auth),
            OsdHop::Secrets(reply) => {
                self.auth.take(&reply);
            }
            OsdHop::Options(options) => self.on_options(&options),
            OsdHop::Lease(until) => self.on_lease(now, until, fx),
            OsdHop::Neighbours(osds) => self.on_neighbours(from, osds),
            OsdHop::Stats { pgs, core } => self.on_core_stats(now, from, pgs, core, fx),
            OsdHop::ClientOp(op) => self.run_op(now, op, fx),
            OsdHop::Reply { origin, reply } => self.reply(now, origin, reply, fx),
            OsdHop::Dropped { origin } => self.dropped(origin, fx),
            OsdHop::Reset { conn } => self.reset_client(conn, fx),
            OsdHop::Peer { from, message } => self.on_peer_message(now, from, message, fx),
            OsdHop::Ask { .. } | OsdHop::Told { .. } => unreachable!("taken above"),
        }
    }

    /// From now on this core acknowledges nothing, and core 0 tells the others and the monitor.
    fn on_device_failed(&mut self, now: Now, fx: &mut Fx) {
        if std::mem::replace(&mut self.device_failed, true) {
            return;
        }
        if self.leader.is_some() {
            self.to_others(fx, || OsdHop::DeviceFailed);
            self.go_down(now, EXIT_DEVICE_FAILED, fx);
        } else {
            fx.push(Effect::Hop { to: CoreId(0), msg: OsdHop::DeviceFailed });
        }
    }

    pub(crate) fn on_lease(&mut self, now: Now, until: BTreeMap<OsdId, Instant>, fx: &mut Fx) {
        self.each_shard(now, fx, |shard, now, view, out| {
            shard.lease.until.clone_from(&until);
            shard.on_lease(now, view, out);
        });
    }

    pub(crate) fn set_credentials(&mut self, auth: ClientAuth) {
        self.peers.credentials = Some(auth);
    }
    pub(crate) fn wake_at(&mut self, at: Instant) {
        self.tick_at = self.tick_at.min(at);
    }

    fn on_tick(&mut self, now: Now, fx: &mut Fx) {
        self.leader_tick(now, fx);
        if now.mono < self.tick_at {
            return;
        }
        if self.device_failed {
            self.tick_at = now.mono + TICK_BUSY;
            return;
        }
        self.peers_tick(now, fx);
        self.each_shard(now, fx, |shard, now, view, out| shard.on_tick(now, view, out));
        let active = |s: &Shard| s.pgs.values().all(|p| !p.pg.is_primary() || p.pg.is_active());
        let quiet = self.booted() && self.shards.iter().all(active) && !self.peers.any_waiting();
        self.tick_at = now.mono + if quiet { TICK_IDLE } else { TICK_BUSY };
    }
}

impl Node for OsdNode {
    type Hop = OsdHop;

    fn use_memory(&mut self, memory: Rc<dyn WriteMemory>) {
        self.shards.iter_mut().for_each(|shard| shard.use_memory(memory.clone()));
    }

    fn use_receive_memory(&mut self, memory: Rc<dyn ReceiveMemory>) {
        self.messenger.use_receive_memory(memory);
    }

    fn use_probes(&mut self, probes: Rc<dyn StageProbes>) {
        self.shards.iter_mut().for_each(|shard| shard.use_probes(probes.clone()));
    }

    fn handle(&mut self, now: Now, input: Input<OsdHop>, fx: &mut Fx) {
        let mut events = std::mem::take(&mut self.events);
        let input = self.messenger.handle(now, input, &mut self.auth, &mut events, fx);
        for event in events.drain(..) {
            self.on_event(now, event, fx);
        }
        self.events = events;
        let Some(input) = input else { return };
        let input = match IoCompletion::from_input(input) {
            Ok((slot, done)) => return self.on_io(now, slot, done, fx),
            Err(input) => input,
        };
        match input {
            Input::Start => self.on_start(now, fx),
            Input::Hop { from, msg } => self.on_hop(now, from, msg, fx),
            Input::Tick => self.on_tick(now, fx),
            Input::Stop => self.on_stop(now, fx),
            _ => {}
        }
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        if self.device_failed {
            return;
        }
        if !self.stalled.is_empty() {
            self.run_stalled(now, fx);
        }
        let view = self.view.clone();
        for slot in 0..self.shards.len() {
            let mut outs = std::mem::take(&mut self.outs);
            self.shards[slot].end_of_turn(now, view.as_ref(), &mut outs);
            self.outs = outs;
            self.perform(now, slot, fx);
        }
        if self.stats_soon {
            self.stats_soon = false;
            self.stats_at = self.stats_at.min(now.mono + Duration::from_millis(20));
            self.tick_at = self.tick_at.min(now.mono + TICK_BUSY);
        }
    }

    fn next_deadline(&self) -> Instant {
        let leader = self.leader.as_ref().map_or(Instant::NEVER, |l| l.mon.next_deadline());
        self.messenger.next_deadline().min(leader).min(self.tick_at).min(self.stats_at)
    }
}
