//! Sessions between OSDs over a network that loses what it likes.
//!
//! TCP keeps order and repeats nothing, so a session meets this: connections end at any byte, and each
//! end hears of it when it hears of it; bytes of an old connection arrive when a new one already
//! stands; both ends dial at once, and again; answers and acknowledgements are lost; a peer forgets.
//! Whatever happens, each message arrives once and in order as long as both processes live.
//!
//! `LOSSLESS_SEEDS=N` runs so many seeds of each kind, and every byte of the runs that are cut at bytes.

use bytes::{Bytes, BytesMut};
use messenger::Message;
use messenger::auth::cephx::{self};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{
    AuthMethod, AuthName, AuthServer, ClientAuth, EntityAuth, Mode, PeerCaps, Ticket,
};
use messenger::message::Data;
use messenger::table::{Event, Messenger, MessengerConfig, Policy};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use types::node::{CloseReason, ConnId, Effect, Input, recv_room};
use types::time::Now;
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, Instant, UTime};

const KEY: CryptoKey = CryptoKey { created: UTime { sec: 1, nsec: 0 }, secret: [7; 16] };
const WALL: UTime = UTime { sec: 1000, nsec: 0 };
/// So little that runs meet the bounds all the time.
const SEND_QUEUE_BYTES: usize = 20_000;
const RECEIVE_BUDGET_BYTES: usize = 10_000;
/// Connections that one end has at a time: the session's, and some that have not timed out.
const CONNECTIONS_MAX: usize = 40;

/// Every OSD has [`KEY`].
struct Osds {
    mode: Mode,
}
impl AuthServer for Osds {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![AuthMethod::Cephx]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        vec![self.mode]
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        Some(EntityAuth { key: KEY, caps: BTreeMap::new() })
    }
    fn service_secret(&mut self, _: EntityKind, _: u64) -> Option<CryptoKey> {
        Some(KEY)
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        Some((1, KEY))
    }
    fn new_global_id(&mut self) -> Option<u64> {
        Some(4100)
    }
    fn service(&self) -> EntityKind {
        EntityKind::Osd
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

/// `few` in the ordinary tests, as many as asked for in a long run.
fn seeds(few: u64) -> u64 {
    number("LOSSLESS_SEEDS").unwrap_or(few)
}

fn addr(n: usize, nonce: u32) -> EntityAddrVec {
    let sock: SocketAddr = format!("10.0.0.{}:6800", n + 1).parse().unwrap();
    EntityAddrVec::one(EntityAddr::msgr2(sock, nonce))
}

/// A message whose payload follows from its tid.
fn message(tid: u64) -> Message {
    let bytes = |n: u64, salt: u8| Bytes::from(vec![tid as u8 ^ salt; n as usize]);
    let mut data = Data::default();
    if tid.is_multiple_of(4) {
        data.push(bytes(tid * 977 % 5000, 7));
    }
    let front = bytes(tid * 131 % 300, 1);
    Message {
        kind: 42,
        tid,
        priority: 63,
        version: 8,
        compat: 3,
        front,
        data,
        ..Message::default()
    }
}

fn len(message: &Message) -> usize {
    message.front.len() + message.middle.len() + message.data.len()
}

/// One process.
struct End {
    m: Messenger,
    auth: Osds,
    credentials: ClientAuth,
    /// The session, once it is known.
    session: Option<ConnId>,
    sent: u64,
    /// Next tid that has to come.
    expected: u64,
    /// Messages may be missing: a session was forgotten.
    gap: bool,
    held: VecDeque<(ConnId, usize)>,
    resets: u64,
    closed: u64,
}

/// A TCP connection. Bytes that are under way arrive as long as the receiver has it open, whatever has
/// become of the sender.
struct Pipe {
    ids: [Option<ConnId>; 2],
    dialler: usize,
    connecting: bool,
    to: [VecDeque<u8>; 2],
    recv: [Option<BytesMut>; 2],
    open: [bool; 2],
    /// Nothing that is sent from now on arrives.
    dead: bool,
}

struct Net {
    ends: [End; 2],
    pipes: Vec<Pipe>,
    rng: ChaCha12Rng,
    now: Now,
    accepted: u64,
    /// Bytes that arrived at each end.
    arrived: [u64; 2],
    policy: Policy,
    mode: Mode,
}

impl Net {
    fn new(mode: Mode, policy: Policy, seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let ends = [0, 1].map(|side| end(side, side as u32 + 1, mode, &mut rng));
        let now = Now { mono: Instant(1_000_000_000), wall: WALL };
        let (pipes, arrived) = (Vec::new(), [0; 2]);
        Self { ends, pipes, rng, now, accepted: 0, arrived, policy, mode }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.rng.next_u32().is_multiple_of(one_in)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    fn connect(&mut self, side: usize) {
        let target = self.ends[1 - side].m.config().addrs.clone();
        let mut fx = Vec::new();
        let end = &mut self.ends[side];
        let (policy, credentials) = (self.policy, end.credentials.clone());
        let id = end.m.connect(self.now, &target, EntityKind::Osd, policy, credentials, &mut fx);
        end.session = Some(id);
        self.apply(side, fx);
    }

    /// The next message, if the session has room for it.
    fn send(&mut self, side: usize) -> bool {
        let end = &mut self.ends[side];
        let Some(id) = end.session else { return false };
        let msg = message(end.sent);
        if end.m.send_room(id) < len(&msg) {
            return false;
        }
        end.sent += 1;
        let mut fx = Vec::new();
        end.m.send(self.now, id, msg, &mut fx);
        self.apply(side, fx);
        true
    }

    fn input(&mut self, side: usize, input: Input<()>) {
        let (mut events, mut fx, mut forgotten) = (Vec::new(), Vec::new(), false);
        let end = &mut self.ends[side];
        end.m.handle(self.now, input, &mut end.auth, &mut events, &mut fx);
        for event in events {
            match event {
                Event::Ready { conn, .. } => end.session = Some(conn),
                Event::Message { conn, msg, charge, .. } => {
                    if end.gap && msg.tid > end.expected {
                        end.expected = msg.tid;
                        end.gap = false;
                    }
                    assert_eq!(msg.tid, end.expected, "at side {side}: not the one that is due");
                    assert_eq!(msg, message(msg.tid));
                    end.expected += 1;
                    end.held.push_back((conn, charge));
                }
                Event::Reset { .. } => {
                    // What either had queued is lost with it.
                    end.resets += 1;
                    forgotten = true;
                }
                Event::Closed { conn, .. } => {
                    end.closed += 1;
                    if end.session == Some(conn) {
                        end.session = None;
                    }
                }
                Event::AuthFailed { .. } => panic!("side {side}: {event:?}"),
            }
        }
        if forgotten {
            self.ends.iter_mut().for_each(|end| end.gap = true);
        }
        let held: usize = self.ends[side].held.iter().map(|(_, charge)| charge).sum();
        assert!(held <= RECEIVE_BUDGET_BYTES + (256 << 10), "{held} bytes are delivered and held");
        self.apply(side, fx);
    }

    fn release(&mut self, side: usize) -> bool {
        let Some((conn, charge)) = self.ends[side].held.pop_front() else { return false };
        let mut fx = Vec::new();
        self.ends[side].m.release(conn, charge, &mut fx);
        self.apply(side, fx);
        true
    }

    fn apply(&mut self, side: usize, fx: Vec<Effect<()>>) {
        for effect in fx {
            match effect {
                Effect::Connect { conn, .. } => {
                    let mut ids = [None; 2];
                    ids[side] = Some(conn);
                    self.pipes.push(Pipe {
                        ids,
                        dialler: side,
                        connecting: true,
                        to: Default::default(),
                        recv: Default::default(),
                        open: [true; 2],
                        dead: false,
                    });
                }
                Effect::Recv { conn, buf } => {
                    let pipe = self.pipe(side, conn).expect("a known connection");
                    assert!(pipe.recv[side].is_none(), "one receive at a time");
                    pipe.recv[side] = Some(recv_room(buf, 4096));
                }
                Effect::Send { conn, bufs } => {
                    let bytes = bufs.iter().map(Bytes::len).sum();
                    let pipe = self.pipe(side, conn).expect("a known connection");
                    if pipe.open[1 - side] && !pipe.dead {
                        bufs.iter().for_each(|b| pipe.to[1 - side].extend(b.iter()));
                    }
                    self.input(side, Input::Sent { conn, bytes });
                }
                Effect::Close { conn } => {
                    if let Some(pipe) = self.pipe(side, conn) {
                        pipe.open[side] = false;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let open = self.pipes.iter().filter(|p| p.open[side] && p.ids[side].is_some()).count();
        assert!(open <= CONNECTIONS_MAX, "side {side} has {open} connections");
    }

    fn pipe(&mut self, side: usize, conn: ConnId) -> Option<&mut Pipe> {
        self.pipes.iter_mut().find(|p| p.ids[side] == Some(conn))
    }

    /// `side` learns that its connection is gone. What it had sent may still arrive.
    fn tell(&mut self, at: usize, side: usize) {
        let pipe = &mut self.pipes[at];
        pipe.to[side].clear();
        if std::mem::replace(&mut pipe.open[side], false)
            && let Some(conn) = pipe.ids[side]
        {
            pipe.recv[side] = None;
            self.input(side, Input::Closed { conn, reason: CloseReason::Os(104) });
        }
    }

    /// Something goes wrong with a connection.
    fn cut(&mut self) {
        if self.pipes.is_empty() {
            return;
        }
        let at = self.below(self.pipes.len());
        match self.below(6) {
            // Both hear of it, and all that was under way is lost.
            0 => {
                self.pipes[at].dead = true;
                self.pipes[at].to.iter_mut().for_each(VecDeque::clear);
                (0..2).for_each(|side| self.tell(at, side));
            }
            // One hears of it, and the other still reads what was sent before.
            1 | 2 => {
                self.pipes[at].dead = true;
                let side = self.below(2);
                self.tell(at, side);
            }
            // Nobody hears of it: half of what is under way arrives, the rest is lost.
            3 => {
                let pipe = &mut self.pipes[at];
                pipe.dead = true;
                for to in &mut pipe.to {
                    to.truncate(to.len() / 2);
                }
            }
            // Nobody hears of it, and what is under way arrives.
            4 => self.pipes[at].dead = true,
            // Both hear of it, one after the other.
            _ => {
                self.pipes[at].dead = true;
                let first = self.below(2);
                self.tell(at, first);
                if self.chance(2) {
                    self.connect(first);
                }
                self.tell(at, 1 - first);
            }
        }
    }

    /// One step of one connection. `false` when nothing can happen without time.
    fn step(&mut self) -> bool {
        self.pipes.retain(|p| p.open[0] && p.ids[0].is_some() || p.open[1] && p.ids[1].is_some());
        let mut choices = Vec::new();
        for (at, p) in self.pipes.iter().enumerate() {
            if p.connecting && (!p.dead || !p.open[p.dialler]) {
                choices.push((at, 2));
                continue;
            }
            for side in 0..2 {
                let ready = p.open[side] && p.recv[side].is_some() && !p.to[side].is_empty();
                let ended = p.open[side] && !p.open[1 - side] && !p.dead && p.to[side].is_empty();
                if !p.connecting && (ready || ended) {
                    choices.push((at, side));
                }
            }
        }
        if choices.is_empty() {
            return false;
        }
        let (at, what) = choices[self.below(choices.len())];
        if what == 2 {
            self.establish(at);
            return true;
        }
        let side = what;
        let pipe = &mut self.pipes[at];
        let conn = pipe.ids[side].expect("it stands");
        if pipe.to[side].is_empty() {
            pipe.open[side] = false;
            pipe.recv[side] = None;
            self.input(side, Input::Closed { conn, reason: CloseReason::Eof });
            return true;
        }
        let most = if self.chance(3) { 3 } else { usize::MAX };
        self.deliver(at, side, most);
        true
    }

    fn establish(&mut self, at: usize) {
        let pipe = &mut self.pipes[at];
        pipe.connecting = false;
        let dialler = pipe.dialler;
        if !pipe.open[dialler] {
            pipe.open = [false; 2];
            return;
        }
        self.accepted += 1;
        let accepted = ConnId(ConnId::ACCEPTED | self.accepted);
        pipe.ids[1 - dialler] = Some(accepted);
        let conn = pipe.ids[dialler].expect("it dialled");
        let sock = |n: usize| addr(n, 0).0[0].sock.expect("an address");
        let (local, peer) = (sock(1 - dialler), sock(dialler));
        self.input(1 - dialler, Input::Accepted { conn: accepted, local, peer });
        self.input(dialler, Input::Connected { conn, local: peer, peer: local });
    }

    /// At most `most` bytes arrive at `side`.
    fn deliver(&mut self, at: usize, side: usize, most: usize) {
        let pipe = &mut self.pipes[at];
        let mut buf = pipe.recv[side].take().expect("it was lent");
        let room = (buf.capacity() - buf.len()).min(pipe.to[side].len()).min(most);
        let len = 1 + self.rng.next_u32() as usize % room;
        let pipe = &mut self.pipes[at];
        let bytes: Vec<u8> = pipe.to[side].drain(..len).collect();
        buf.extend_from_slice(&bytes);
        self.arrived[side] += len as u64;
        let conn = pipe.ids[side].expect("it stands");
        self.input(side, Input::Received { conn, buf });
    }

    /// Moves time to the next deadline of either end.
    fn advance(&mut self) {
        let next = self.ends.iter().map(|e| e.m.next_deadline()).min().expect("two ends");
        if next < Instant::NEVER {
            self.now.mono = self.now.mono.max(next);
        }
        (0..2).for_each(|side| self.input(side, Input::Tick));
    }

    /// Some of everything, until each side has sent `count` messages.
    fn storm(&mut self, count: u64, cut_one_in: u32) {
        let mut steps = 0;
        while self.ends.iter().any(|end| end.sent < count) {
            steps += 1;
            assert!(steps < 2_000_000, "{:?} are sent", self.ends.each_ref().map(|e| e.sent));
            let side = self.below(2);
            if self.ends[side].sent < count && self.chance(3) {
                self.send(side);
            }
            if self.chance(2) {
                self.release(side);
            }
            if self.chance(cut_one_in) {
                self.cut();
            }
            if self.chance(400) {
                self.connect(side);
            }
            if !self.step() || self.chance(60) {
                self.advance();
            }
        }
    }

    /// The network is whole: everything has to arrive, and what is left over to go.
    fn heal(&mut self) {
        for round in 0.. {
            while self.step() || self.release(0) || self.release(1) {}
            let done = |at: usize, from: usize| self.ends[at].expected == self.ends[from].sent;
            if done(0, 1) && done(1, 0) {
                break;
            }
            assert!(round < 2000, "waits for ever: {}", self.state());
            self.advance();
        }
        // Longer than a dead peer or a handshake may last.
        let end = self.now.mono + Duration::from_secs(120);
        while self.now.mono < end {
            while self.step() {}
            self.advance();
        }
        for side in 0..2 {
            let open = self.pipes.iter().filter(|p| p.open[side] && p.ids[side].is_some());
            assert_eq!(open.count(), 1, "connections of side {side} at the end");
            let end = &self.ends[side];
            let room = end.m.send_room(end.session.expect("a session"));
            assert_eq!(room, SEND_QUEUE_BYTES, "side {side}: all is acknowledged");
        }
    }

    /// The network is whole for some minutes.
    fn settle(&mut self) {
        for _ in 0..60 {
            while self.step() || self.release(0) || self.release(1) {}
            self.advance();
        }
    }

    fn state(&self) -> String {
        let of = |e: &End| format!("sent {} got {} {:?}", e.sent, e.expected, e.m.counters());
        format!("{} / {}; {} connections", of(&self.ends[0]), of(&self.ends[1]), self.pipes.len())
    }

    /// Nobody forgot anything and nobody broke the protocol.
    fn check(&self) {
        for end in &self.ends {
            let c = end.m.counters();
            assert_eq!((c.resets, c.protocol_errors, end.closed), (0, 0, 0), "{}", self.state());
        }
    }

    /// A process ends, and another begins at its address.
    fn restart(&mut self, side: usize) {
        for at in 0..self.pipes.len() {
            let pipe = &mut self.pipes[at];
            pipe.dead = true;
            pipe.open[side] = false;
            pipe.to[side].clear();
            // The next process uses the same numbers again.
            (pipe.ids[side], pipe.recv[side]) = (None, None);
            if self.chance(2) {
                self.tell(at, 1 - side);
            }
        }
        // With the nonce that it had, as when the map is older than it: the worse case.
        let nonce = self.ends[side].m.config().addrs.0[0].nonce;
        let (sent, expected) = (self.ends[side].sent, self.ends[side].expected);
        self.ends[side] = end(side, nonce, self.mode, &mut self.rng);
        self.ends[side].sent = sent;
        self.ends[side].expected = expected;
        self.ends[side].gap = true;
        self.ends[1 - side].gap = true;
        self.connect(side);
    }
}

fn end(side: usize, nonce: u32, mode: Mode, rng: &mut ChaCha12Rng) -> End {
    let name = EntityName::new(EntityKind::Osd, side as i64);
    let mut config = MessengerConfig::new(name, addr(side, nonce));
    config.lossless_peers = vec![EntityKind::Osd];
    config.modes_to_service = vec![mode];
    config.limits.send_queue_bytes = SEND_QUEUE_BYTES;
    config.limits.receive_budget_bytes = RECEIVE_BUDGET_BYTES;
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let m = Messenger::new(config, seed);
    let name = AuthName::new(EntityKind::Osd, &side.to_string());
    let caps = PeerCaps { allow_all: false, text: "allow *".to_owned() };
    let mut auth = Osds { mode };
    let grant = cephx::grant(&mut auth, WALL, rng, EntityKind::Osd, (&name, 77), caps);
    let grant = grant.expect("there are secrets");
    let far = WALL + Duration::from_secs(100_000);
    let (service, session_key, blob) = (grant.service, grant.session_key, grant.blob);
    let ticket = Ticket { service, session_key, blob, expires: far, renew_after: far };
    let credentials = ClientAuth::Ticket { name, global_id: 77, ticket };
    let (session, held) = (None, VecDeque::new());
    let (sent, expected, gap, resets, closed) = (0, 0, false, 0, 0);
    End { m, auth, credentials, session, sent, expected, gap, held, resets, closed }
}

const MODES: [Mode; 2] = [Mode::Crc, Mode::Secure];

#[test]
fn what_is_sent_arrives_once_and_in_order_whatever_breaks() {
    for mode in MODES {
        // 66: a connection that begins the session arrives when the session goes on elsewhere.
        for seed in (0..seeds(40)).chain([66]) {
            println!("{mode:?} seed {seed}");
            let mut net = Net::new(mode, Policy::LosslessPeer, seed);
            net.connect(0);
            if seed % 2 == 0 {
                net.connect(1);
            }
            let cut_one_in = [15, 40, 150, 600][seed as usize % 4];
            net.storm(60, cut_one_in);
            net.heal();
            net.check();
        }
    }
}

/// A run with a cut after so many bytes at one side; returns how many arrived in all.
fn cut_at(mode: Mode, side: usize, bytes: u64, heard_by: [bool; 2], both_dial: bool) -> u64 {
    let mut net = Net::new(mode, Policy::LosslessPeer, 7);
    net.connect(0);
    if both_dial {
        net.connect(1);
    }
    let mut cut = false;
    for round in 0..200 {
        for side in 0..2 {
            while net.ends[side].sent < 6 && net.send(side) {}
        }
        while net.step() || net.release(0) || net.release(1) {
            if !cut && net.arrived[side] >= bytes {
                cut = true;
                for at in 0..net.pipes.len() {
                    net.pipes[at].dead = true;
                    (0..2).filter(|s| heard_by[*s]).for_each(|s| net.tell(at, s));
                }
            }
        }
        if net.ends.iter().all(|end| end.sent == 6 && end.expected == 6) {
            break;
        }
        assert!(round < 199, "cut at {bytes} of side {side}: {}", net.state());
        net.advance();
    }
    net.heal();
    net.check();
    net.arrived[side]
}

#[test]
fn a_connection_may_end_at_any_byte() {
    let step = if number("LOSSLESS_SEEDS").is_some() { 1 } else { 61 };
    for mode in MODES {
        for both_dial in [false, true] {
            for side in 0..2 {
                let all = cut_at(mode, side, u64::MAX, [true; 2], both_dial);
                for heard_by in [[true, true], [true, false], [false, true]] {
                    for bytes in (0..all.min(6000)).step_by(step) {
                        cut_at(mode, side, bytes, heard_by, both_dial);
                    }
                }
            }
        }
    }
}

/// Cuts after every single message that arrives at either side.
#[test]
fn a_connection_may_end_after_every_message() {
    for mode in MODES {
        for seed in 0..seeds(6) {
            let mut net = Net::new(mode, Policy::LosslessPeer, seed);
            net.connect(0);
            let mut seen = [0; 2];
            for round in 0.. {
                for side in 0..2 {
                    let _ = net.ends[side].sent < 40 && net.send(side);
                }
                while net.step() {
                    let now = net.ends.each_ref().map(|end| end.expected);
                    if now != seen {
                        seen = now;
                        for at in 0..net.pipes.len() {
                            net.pipes[at].dead = true;
                            let first = net.below(2);
                            net.tell(at, first);
                            net.tell(at, 1 - first);
                        }
                    }
                    let _ = (net.release(0), net.release(1));
                }
                if net.ends.iter().all(|end| end.sent == 40 && end.expected == 40) {
                    break;
                }
                assert!(round < 5000, "{mode:?} seed {seed}: {}", net.state());
                net.advance();
            }
            net.heal();
            net.check();
        }
    }
}

/// A peer that restarts has forgotten the session, and the other hears of it: what comes afterwards is
/// in order, without anything twice, and arrives.
#[test]
fn a_peer_that_restarts_is_noticed() {
    for mode in MODES {
        for seed in 0..seeds(20) {
            println!("{mode:?} seed {seed}");
            let mut net = Net::new(mode, Policy::LosslessPeer, seed);
            net.connect(0);
            for round in 1..4 {
                net.storm(20 * round, 100);
                net.settle();
                let side = net.below(2);
                let told = net.ends[1 - side].resets;
                net.restart(side);
                net.storm(20 * round + 10, 100);
                net.settle();
                assert!(net.ends[1 - side].resets > told, "seed {seed}: {}", net.state());
            }
            for side in 0..2 {
                net.ends[side].gap = true;
                assert!(net.send(side), "{mode:?} seed {seed}: {}", net.state());
            }
            net.settle();
            for side in 0..2 {
                assert_eq!(net.ends[side].expected, net.ends[1 - side].sent, "{mode:?} {seed}");
            }
        }
    }
}

/// A client's session ends with its connection, and says so: never silently in the middle.
#[test]
fn lossy_sessions_deliver_a_beginning_of_what_was_sent() {
    for mode in MODES {
        for seed in 0..seeds(20) {
            let mut net = Net::new(mode, Policy::Lossy, seed);
            for _ in 0..10 {
                net.connect(0);
                let mut sent = 0;
                while let Some(id) = net.ends[0].session.filter(|_| sent < 300) {
                    sent += 1;
                    if net.ends[0].m.send_room(id) > 6000 {
                        net.send(0);
                    }
                    net.step();
                    net.release(1);
                    if net.chance(100) {
                        for at in 0..net.pipes.len() {
                            net.pipes[at].dead = true;
                            (0..2).for_each(|side| net.tell(at, side));
                        }
                    }
                    if net.chance(20) {
                        net.advance();
                    }
                }
                for at in 0..net.pipes.len() {
                    (0..2).for_each(|side| net.tell(at, side));
                }
                assert_eq!(net.ends[0].session, None, "it is told");
                // The next session begins with what is sent next.
                net.ends[1].gap = true;
                net.ends[1].session = None;
            }
        }
    }
}
