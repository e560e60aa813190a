//! A whole monitor and those who talk to it, in virtual time: bytes travel in the order in which they
//! were sent, what is to be persisted can be held back, and the monitor can crash at any moment.

use bytes::{Bytes, BytesMut};
use maps::{Incremental, OsdMap};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthMethod, AuthName, Mode, NoServer};
use messenger::message::{Data, Message};
use messenger::messages::{OsdMapUpdate, SubscribeItem};
use messenger::mon_client::{MonClient, MonClientConfig, MonEvent, MonRequestId};
use messenger::table::{Messenger, MessengerConfig};
use mon::kv::KvMap;
use mon::{AuthConfig, Config, MkfsParams, Monitor, NewOsd, mkfs};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use types::node::{CloseReason, ConnId, Effect, Input, KvChange, LogLevel, Node, recv_room};
use types::time::Now;
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, Epoch, Fsid, Instant, UTime};

/// What osd.N (or the administrator) proves itself with.
pub fn key() -> CryptoKey {
    CryptoKey::new(UTime { sec: 1, nsec: 0 }, [1; 16])
}

fn mon_addr() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 3300))
}

/// One TCP connection. Index 0 is the client's end, 1 the monitor's.
struct Pipe {
    client: usize,
    ids: [ConnId; 2],
    under_way: [Vec<u8>; 2],
    /// How much of it has arrived, and waits for a buffer.
    arrived: [usize; 2],
    /// The buffer that an end lent for receiving.
    lent: [Option<BytesMut>; 2],
    open: [bool; 2],
}

/// Something that will happen, in order.
enum Token {
    /// This many more bytes arrive.
    Bytes {
        pipe: usize,
        to: usize,
        count: usize,
    },
    Connected {
        pipe: usize,
    },
    Accepted {
        pipe: usize,
    },
    Refused {
        client: usize,
        conn: ConnId,
    },
    Closed {
        pipe: usize,
        to: usize,
        reason: CloseReason,
    },
    Persisted {
        id: u64,
    },
}

/// What a client, an OSD or whoever follows the monitor is made of.
pub struct Peer {
    messenger: Messenger,
    pub mon: MonClient,
    pub map: Option<OsdMap>,
}

pub struct World {
    pub now: Now,
    pub monitor: Option<Monitor>,
    pub store: KvMap,
    pub auth: AuthConfig,
    /// Entries that wait for the disk, while `slow_disk` holds them back.
    pub slow_disk: bool,
    pub unwritten: VecDeque<(u64, Vec<KvChange>)>,
    /// Nothing arrives any more and nobody is told.
    pub dark: bool,
    pub peers: Vec<Peer>,
    /// What the peers heard, in order.
    pub heard: Vec<(usize, MonEvent)>,
    pub mon_log: Vec<(LogLevel, String)>,
    pipes: Vec<Pipe>,
    tokens: VecDeque<Token>,
    starts: u8,
}

pub fn apply(store: &mut KvMap, changes: &[KvChange]) {
    for change in changes.iter().cloned() {
        match change {
            KvChange::Put { key, value } => drop(store.insert(key, value)),
            KvChange::Delete { key } => drop(store.remove(&key)),
        }
    }
}

impl World {
    /// One running monitor of a new cluster with that many OSDs.
    pub fn new(osds: u32) -> Self {
        Self::with_auth(osds, AuthConfig::default())
    }

    pub fn with_auth(osds: u32, auth: AuthConfig) -> Self {
        let uuid = |id: u32| Fsid([id as u8 + 1; 16]);
        let params = MkfsParams {
            fsid: Fsid([9; 16]),
            now: UTime { sec: 1_000_000, nsec: 0 },
            mons: vec![("a".into(), EntityAddrVec::one(EntityAddr::msgr2(mon_addr(), 0)))],
            admin_key: key(),
            mon_key: key(),
            osds: (0..osds).map(|id| NewOsd { id, uuid: uuid(id), key: key() }).collect(),
            entities: Vec::new(),
            chooseleaf_type: 0,
            config: Vec::new(),
        };
        let mut store = KvMap::new();
        apply(&mut store, &mkfs(&params).expect("right parameters"));
        let wall = UTime { sec: 1_000_000, nsec: 0 };
        let mut world = Self {
            now: Now { mono: Instant(1_000_000_000), wall },
            monitor: None,
            store,
            auth,
            slow_disk: false,
            unwritten: VecDeque::new(),
            dark: false,
            peers: Vec::new(),
            heard: Vec::new(),
            mon_log: Vec::new(),
            pipes: Vec::new(),
            tokens: VecDeque::new(),
            starts: 0,
        };
        world.start_monitor();
        world
    }

    /// Starts the monitor from what is in the store.
    pub fn start_monitor(&mut self) {
        assert!(self.monitor.is_none());
        let config = Config {
            name: "a".into(),
            addrs: EntityAddrVec::one(EntityAddr::msgr2(mon_addr(), 0)),
            auth: self.auth,
            hostname: "monhost".into(),
            options: Default::default(),
        };
        self.starts += 1;
        let monitor = Monitor::new(config, self.store.clone(), [self.starts; 32]);
        self.monitor = Some(monitor.expect("its store is whole"));
        self.give_monitor(Input::Start);
        self.end_monitor_turn();
        self.run();
    }

    /// The monitor's process is gone. What had not been written never will be.
    pub fn crash_monitor(&mut self) {
        self.monitor = None;
        self.unwritten.clear();
        self.tokens.retain(|t| !matches!(t, Token::Persisted { .. }));
        for pipe in 0..self.pipes.len() {
            if std::mem::replace(&mut self.pipes[pipe].open[1], false) && !self.dark {
                self.tokens.push_back(Token::Closed { pipe, to: 0, reason: CloseReason::Os(104) });
            }
        }
    }

    /// The disk writes the oldest entry that waits. The monitor does not know yet.
    pub fn write_one(&mut self) -> u64 {
        let (id, changes) = self.unwritten.pop_front().expect("an entry waits");
        apply(&mut self.store, &changes);
        id
    }

    /// The monitor hears that an entry is written.
    pub fn persisted(&mut self, id: u64) {
        self.tokens.push_back(Token::Persisted { id });
        self.run();
    }

    /// The disk catches up and says so.
    pub fn write_all(&mut self) {
        while !self.unwritten.is_empty() {
            let id = self.write_one();
            self.persisted(id);
        }
    }

    /// Adds the administrator, or `osd.0` with [`World::add_as`].
    pub fn add_client(&mut self) -> usize {
        self.add_as("client.admin", vec![Mode::Secure, Mode::Crc])
    }

    pub fn add_as(&mut self, name: &str, modes: Vec<Mode>) -> usize {
        let peer = self.peers.len();
        let name = AuthName::parse(name).expect("a name");
        let number = name.id.parse().unwrap_or(-1);
        let mut config =
            MessengerConfig::new(EntityName::new(name.kind, number), EntityAddrVec::default());
        config.modes_to_mon = modes;
        // Tells peers' connections apart.
        config.first_conn = (peer as u64 + 1) << 32;
        let mon = MonClientConfig {
            name,
            key: (self.auth.method == AuthMethod::Cephx).then(key),
            monitors: vec![EntityAddrVec::one(EntityAddr::msgr2(mon_addr(), 0))],
            services: messenger::mon_client::CLIENT_SERVICES,
            hostname: "host".into(),
        };
        let seed = [0x80 | peer as u8; 32];
        let messenger = Messenger::new(config, seed);
        self.peers.push(Peer { messenger, mon: MonClient::new(mon, seed), map: None });
        self.with(peer, |p, now, fx| p.mon.start(now, &mut p.messenger, fx));
        self.run();
        peer
    }

    /// A client that follows the OSDMap.
    pub fn add_follower(&mut self) -> usize {
        let peer = self.add_client();
        let item = SubscribeItem { start: 0, once: false };
        self.with(peer, |p, now, fx| {
            p.mon.subscribe(now, &mut p.messenger, "osdmap", item, fx);
        });
        self.run();
        peer
    }

    /// Sends without waiting for anything.
    pub fn ask(&mut self, peer: usize, cmd: &str) -> MonRequestId {
        let data = Data::default();
        self.with(peer, |p, now, fx| p.mon.command(now, &mut p.messenger, cmd.into(), data, fx))
    }

    /// Asks for the newest version of a map.
    pub fn newest(&mut self, peer: usize, what: &str) -> MonRequestId {
        self.with(peer, |p, now, fx| p.mon.get_version(now, &mut p.messenger, what, fx))
    }

    /// Asks and gets the answer at once: code and what was printed.
    pub fn command(&mut self, peer: usize, cmd: &str) -> (i32, String) {
        let id = self.ask(peer, cmd);
        self.run();
        let at = self.position_of_answer(peer, id).expect("an answer");
        let MonEvent::Command { result, status, output, .. } = &self.heard[at].1 else {
            unreachable!()
        };
        let text = String::from_utf8_lossy(&output.to_bytes()).into_owned();
        (*result, if text.is_empty() { status.clone() } else { text })
    }

    /// Where in [`World::heard`] the answer to a question of this peer is.
    pub fn position_of_answer(&self, peer: usize, wanted: MonRequestId) -> Option<usize> {
        let is = |e: &MonEvent| matches!(e, MonEvent::Command { id, .. } if *id == wanted);
        self.heard.iter().position(|(p, e)| *p == peer && is(e))
    }

    pub fn send(&mut self, peer: usize, msg: Message) {
        assert!(self.with(peer, |p, now, fx| p.mon.send(now, &mut p.messenger, msg, fx)));
    }

    pub fn monitor(&self) -> &Monitor {
        self.monitor.as_ref().expect("it runs")
    }

    pub fn epoch(&self) -> Epoch {
        self.monitor().services().osd.epoch()
    }

    // Time.

    pub fn after(&mut self, wait: Duration) {
        let end = self.now.mono + wait;
        loop {
            self.run();
            let due = self.next_deadline();
            if due > end {
                break;
            }
            self.go_to(due.max(self.now.mono));
            if self.monitor.as_ref().is_some_and(|m| m.next_deadline() <= self.now.mono) {
                self.give_monitor(Input::Tick);
                self.end_monitor_turn();
            }
            for peer in 0..self.peers.len() {
                self.give_peer(peer, Input::Tick);
            }
        }
        self.go_to(end);
    }

    fn go_to(&mut self, at: Instant) {
        self.now.wall = self.now.wall + at.since(self.now.mono);
        self.now.mono = at;
    }

    fn next_deadline(&self) -> Instant {
        let peers =
            self.peers.iter().map(|p| p.messenger.next_deadline().min(p.mon.next_deadline()));
        let monitor = self.monitor.iter().map(Node::next_deadline);
        peers.chain(monitor).min().unwrap_or(Instant::NEVER)
    }

    // What happens.

    /// Until nothing happens without time.
    pub fn run(&mut self) {
        while let Some(token) = self.tokens.pop_front() {
            self.happen(token);
            // A turn of the monitor takes all input at hand.
            let more = self.tokens.iter().any(|t| {
                matches!(t, Token::Accepted { .. } | Token::Persisted { .. })
                    || matches!(t, Token::Bytes { to: 1, .. } | Token::Closed { to: 1, .. })
            });
            if !more {
                self.end_monitor_turn();
            }
        }
    }

    fn happen(&mut self, token: Token) {
        match token {
            Token::Bytes { pipe, to, count } => {
                self.pipes[pipe].arrived[to] += count;
                self.deliver(pipe, to);
            }
            Token::Connected { pipe } => {
                let Pipe { client, ids, .. } = self.pipes[pipe];
                let input = Input::Connected { conn: ids[0], local: mon_addr(), peer: mon_addr() };
                self.give_peer(client, input);
            }
            Token::Accepted { pipe } => {
                let peer = SocketAddr::from(([10, 0, 0, 2], 1000 + pipe as u16));
                let conn = self.pipes[pipe].ids[1];
                self.give_monitor(Input::Accepted { conn, local: mon_addr(), peer });
            }
            Token::Refused { client, conn } => {
                self.give_peer(client, Input::Closed { conn, reason: CloseReason::Os(111) });
            }
            Token::Closed { pipe, to, reason } => {
                self.deliver(pipe, to);
                let p = &mut self.pipes[pipe];
                if std::mem::replace(&mut p.open[to], false) {
                    let input = Input::Closed { conn: p.ids[to], reason };
                    match to {
                        0 => {
                            let client = p.client;
                            self.give_peer(client, input);
                        }
                        _ => self.give_monitor(input),
                    }
                }
            }
            Token::Persisted { id } => self.give_monitor(Input::Persisted { id, result: Ok(()) }),
        }
    }

    fn deliver(&mut self, pipe: usize, to: usize) {
        let p = &mut self.pipes[pipe];
        if !p.open[to] || p.arrived[to] == 0 {
            return;
        }
        let Some(mut buf) = p.lent[to].take() else { return };
        let room = (buf.capacity() - buf.len()).min(p.arrived[to]);
        p.arrived[to] -= room;
        buf.extend(p.under_way[to].drain(..room));
        let (client, input) = (p.client, Input::Received { conn: p.ids[to], buf });
        match to {
            0 => self.give_peer(client, input),
            _ => self.give_monitor(input),
        }
    }

    fn give_monitor(&mut self, input: Input<()>) {
        let Some(monitor) = &mut self.monitor else { return };
        let mut fx = Vec::new();
        monitor.handle(self.now, input, &mut fx);
        self.perform(None, fx);
    }

    fn end_monitor_turn(&mut self) {
        let Some(monitor) = &mut self.monitor else { return };
        let mut fx = Vec::new();
        monitor.end_of_turn(self.now, &mut fx);
        self.perform(None, fx);
    }

    fn give_peer(&mut self, peer: usize, input: Input<()>) {
        let now = self.now;
        let mut heard = Vec::new();
        self.with(peer, |p, now, fx| {
            let mut events = Vec::new();
            let left = p.messenger.handle(now, input, &mut NoServer, &mut events, fx);
            if matches!(left, Some(Input::Tick)) && p.mon.next_deadline() <= now.mono {
                p.mon.on_tick(now, &mut p.messenger, &mut heard, fx);
            }
            for event in events {
                p.mon.on_event(now, &mut p.messenger, event, &mut heard, fx);
            }
        });
        for event in heard {
            if let MonEvent::OsdMap(update) = &event {
                let p = &mut self.peers[peer];
                take_maps(&mut p.map, update);
                let epoch = p.map.as_ref().expect("a map came").epoch.0 as u64;
                p.mon.got("osdmap", epoch);
            }
            self.heard.push((peer, event));
        }
        debug_assert_eq!(now, self.now);
    }

    fn with<T>(
        &mut self,
        peer: usize,
        f: impl FnOnce(&mut Peer, Now, &mut Vec<Effect<()>>) -> T,
    ) -> T {
        let mut fx = Vec::new();
        let result = f(&mut self.peers[peer], self.now, &mut fx);
        self.perform(Some(peer), fx);
        result
    }

    /// `who`: a peer, or the monitor.
    fn perform(&mut self, who: Option<usize>, fx: Vec<Effect<()>>) {
        let side = usize::from(who.is_none());
        for effect in fx {
            match effect {
                Effect::Connect { conn, addr } => {
                    assert_eq!(addr, mon_addr());
                    self.connect(who.expect("a monitor dials nobody"), conn);
                }
                Effect::Recv { conn, buf } => {
                    let pipe = self.pipe(side, conn);
                    self.pipes[pipe].lent[side] = Some(recv_room(buf, 4096));
                    if self.pipes[pipe].arrived[side] > 0 {
                        self.tokens.push_front(Token::Bytes { pipe, to: side, count: 0 });
                    }
                }
                Effect::Send { conn, bufs } => self.carry(side, conn, bufs),
                Effect::Close { conn } => {
                    let pipe = self.pipe(side, conn);
                    self.pipes[pipe].open[side] = false;
                    if !self.dark {
                        let reason = CloseReason::Eof;
                        self.tokens.push_back(Token::Closed { pipe, to: 1 - side, reason });
                    }
                }
                Effect::Persist { id, changes } => {
                    if self.slow_disk {
                        self.unwritten.push_back((id, changes));
                    } else {
                        apply(&mut self.store, &changes);
                        self.tokens.push_back(Token::Persisted { id });
                    }
                }
                Effect::Log { level, text } if who.is_none() => self.mon_log.push((level, text)),
                Effect::Log { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn connect(&mut self, client: usize, conn: ConnId) {
        if self.monitor.is_none() && !self.dark {
            return self.tokens.push_back(Token::Refused { client, conn });
        }
        let pipe = self.pipes.len();
        let accepted = ConnId(ConnId::ACCEPTED | pipe as u64);
        self.pipes.push(Pipe {
            client,
            ids: [conn, accepted],
            under_way: Default::default(),
            arrived: [0; 2],
            lent: Default::default(),
            open: [true, !self.dark],
        });
        if self.dark {
            return;
        }
        self.tokens.push_back(Token::Connected { pipe });
        self.tokens.push_back(Token::Accepted { pipe });
    }

    fn carry(&mut self, side: usize, conn: ConnId, bufs: Vec<Bytes>) {
        let pipe = self.pipe(side, conn);
        let p = &mut self.pipes[pipe];
        let bytes = bufs.iter().map(Bytes::len).sum();
        if p.open[1 - side] && !self.dark {
            bufs.iter().for_each(|b| p.under_way[1 - side].extend_from_slice(b));
            self.tokens.push_back(Token::Bytes { pipe, to: 1 - side, count: bytes });
        }
        let client = p.client;
        match side {
            0 => self.give_peer(client, Input::Sent { conn, bytes }),
            _ => self.give_monitor(Input::Sent { conn, bytes }),
        }
    }

    fn pipe(&self, side: usize, conn: ConnId) -> usize {
        self.pipes.iter().position(|p| p.ids[side] == conn).expect("a known connection")
    }
}

/// Applies what is new. A gap is an error of the monitor.
fn take_maps(map: &mut Option<OsdMap>, update: &OsdMapUpdate) {
    let have = map.as_ref().map_or(Epoch(0), |m| m.epoch);
    if let Some((epoch, bytes)) = update.fulls.last_key_value()
        && *epoch > have
    {
        *map = Some(OsdMap::decode(bytes).expect("a full map"));
    }
    for (epoch, bytes) in &update.incrementals {
        let map = map.as_mut().expect("a full map came first");
        if *epoch > map.epoch {
            let inc = Incremental::decode(bytes).expect("an incremental");
            map.apply(&inc).expect("it follows what is here");
        }
    }
}

pub const OSD: EntityKind = EntityKind::Osd;
