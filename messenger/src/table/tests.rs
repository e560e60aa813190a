//! Two nodes in memory whose byte streams are chopped at random and cut at chosen places.

use super::*;
use crate::auth::cephx::tests::Keys;
use crate::auth::cephx::{self, TicketInfo};
use crate::auth::{AuthMethod, AuthName, Mode, PeerCaps, Ticket};
use crate::message::Data;
use std::collections::VecDeque;
use std::time::Duration;
use types::UTime;
use types::node::{CloseReason, recv_room};

pub(super) struct End {
    pub m: Messenger,
    pub auth: Keys,
    pub events: Vec<Event>,
    pub addr: SocketAddr,
}

/// One TCP connection: what each side knows it as, and the bytes under way to it.
#[derive(Default)]
struct Pipe {
    ids: [Option<ConnId>; 2],
    dialler: usize,
    to: [VecDeque<u8>; 2],
    /// The buffer that a side lent for receiving.
    recv: [Option<BytesMut>; 2],
    open: [bool; 2],
    pending_connect: bool,
}

pub(super) struct Net {
    pub ends: [End; 2],
    pipes: Vec<Pipe>,
    pub rng: ChaCha12Rng,
    pub now: Now,
    next_accepted: u64,
    /// Chunks delivered, for cutting at a chosen moment.
    pub delivered: u64,
}

fn wall() -> UTime {
    UTime { sec: 1000, nsec: 0 }
}

impl Net {
    pub fn new(configs: [MessengerConfig; 2], auth: [Keys; 2], seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut n = 0;
        let ends = configs.into_iter().zip(auth).map(|(config, auth)| {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            n += 1;
            let fallback: SocketAddr = format!("10.0.0.{n}:1").parse().unwrap();
            let addr = config.addrs.msgr2().and_then(|a| a.sock).unwrap_or(fallback);
            End { m: Messenger::new(config, seed), auth, events: Vec::new(), addr }
        });
        let ends: Vec<End> = ends.collect();
        let now = Now { mono: Instant(1_000_000_000), wall: wall() };
        let Ok(ends) = ends.try_into() else { unreachable!() };
        Self { ends, pipes: Vec::new(), rng, now, next_accepted: 0, delivered: 0 }
    }

    pub fn apply(&mut self, side: usize, fx: Vec<Effect<()>>) {
        for effect in fx {
            match effect {
                Effect::Connect { conn, addr } => {
                    assert_eq!(addr, self.ends[1 - side].addr);
                    let mut pipe = Pipe { dialler: side, pending_connect: true, ..Pipe::default() };
                    pipe.ids[side] = Some(conn);
                    pipe.open = [true; 2];
                    self.pipes.push(pipe);
                }
                Effect::Recv { conn, buf } => {
                    // Between frames no connection holds memory; what holds the head of one has room.
                    assert!(buf.is_empty() || buf.capacity() > buf.len());
                    let buf = recv_room(buf, 4096);
                    let pipe = self.pipe(side, conn);
                    assert!(pipe.recv[side].is_none(), "one Recv at a time");
                    pipe.recv[side] = Some(buf);
                }
                Effect::Send { conn, bufs } => {
                    let bytes = bufs.iter().map(Bytes::len).sum();
                    let pipe = self.pipe(side, conn);
                    if pipe.open[1 - side] {
                        bufs.iter().for_each(|b| pipe.to[1 - side].extend(b.iter()));
                    }
                    self.input(side, Input::Sent { conn, bytes });
                }
                Effect::Close { conn } => self.pipe(side, conn).open[side] = false,
                other => panic!("{other:?}"),
            }
        }
    }

    fn pipe(&mut self, side: usize, conn: ConnId) -> &mut Pipe {
        self.pipes.iter_mut().find(|p| p.ids[side] == Some(conn)).expect("a known connection")
    }

    pub fn input(&mut self, side: usize, input: Input<()>) {
        let mut fx = Vec::new();
        let end = &mut self.ends[side];
        end.m.handle(self.now, input, &mut end.auth, &mut end.events, &mut fx);
        self.apply(side, fx);
    }

    /// Cuts every connection, as a broken network does: bytes under way are lost.
    pub fn cut(&mut self) {
        for at in 0..self.pipes.len() {
            for side in 0..2 {
                let pipe = &mut self.pipes[at];
                pipe.to[side].clear();
                if std::mem::replace(&mut pipe.open[side], false)
                    && let Some(conn) = pipe.ids[side]
                {
                    self.input(side, Input::Closed { conn, reason: CloseReason::Os(104) });
                }
            }
        }
        self.pipes.clear();
    }

    /// One step of one connection. `false` when nothing can happen without time.
    pub fn step(&mut self) -> bool {
        let mut choices = Vec::new();
        for (at, p) in self.pipes.iter().enumerate() {
            if p.pending_connect {
                choices.push((at, 2));
            }
            for side in 0..2 {
                let ready = p.open[side] && p.recv[side].is_some() && !p.to[side].is_empty();
                let ended = p.open[side] && !p.open[1 - side] && p.to[side].is_empty();
                if ready || (ended && !p.pending_connect) {
                    choices.push((at, side));
                }
            }
        }
        if choices.is_empty() {
            return false;
        }
        let (at, what) = choices[self.rng.next_u32() as usize % choices.len()];
        let pipe = &mut self.pipes[at];
        if what == 2 {
            pipe.pending_connect = false;
            let dialler = pipe.dialler;
            self.next_accepted += 1;
            let accepted = ConnId(ConnId::ACCEPTED | self.next_accepted);
            pipe.ids[1 - dialler] = Some(accepted);
            let conn = pipe.ids[dialler].unwrap();
            let open = pipe.open[dialler];
            let addrs = [self.ends[0].addr, self.ends[1].addr];
            let (local, peer) = (addrs[1 - dialler], addrs[dialler]);
            self.input(1 - dialler, Input::Accepted { conn: accepted, local, peer });
            if open {
                self.input(dialler, Input::Connected { conn, local: peer, peer: local });
            }
            return true;
        }
        let side = what;
        let conn = pipe.ids[side].unwrap();
        if pipe.to[side].is_empty() {
            pipe.open[side] = false;
            self.input(side, Input::Closed { conn, reason: CloseReason::Eof });
            return true;
        }
        let mut buf = pipe.recv[side].take().unwrap();
        let spare = (buf.capacity() - buf.len()).min(pipe.to[side].len());
        let most = if self.rng.next_u32().is_multiple_of(3) { 3.min(spare) } else { spare };
        let len = 1 + self.rng.next_u32() as usize % most;
        let bytes: Vec<u8> = self.pipes[at].to[side].drain(..len).collect();
        buf.extend_from_slice(&bytes);
        self.delivered += 1;
        self.input(side, Input::Received { conn, buf });
        true
    }

    pub fn settle(&mut self) {
        for _ in 0..200_000 {
            if !self.step() {
                return;
            }
        }
        panic!("does not settle");
    }

    /// Moves time to the next deadline of either end.
    pub fn advance(&mut self) {
        let next = self.ends.iter().map(|e| e.m.next_deadline()).min().unwrap();
        assert!(next < Instant::NEVER);
        self.now.mono = self.now.mono.max(next);
        for side in 0..2 {
            self.input(side, Input::Tick);
        }
    }

    pub fn connect(
        &mut self,
        side: usize,
        kind: EntityKind,
        policy: Policy,
        credentials: ClientAuth,
    ) -> ConnId {
        let target = self.ends[1 - side].m.config().addrs.clone();
        let mut fx = Vec::new();
        let m = &mut self.ends[side].m;
        let conn = m.connect(self.now, &target, kind, policy, credentials, &mut fx);
        self.apply(side, fx);
        conn
    }

    pub fn send(&mut self, side: usize, conn: ConnId, msg: Message) {
        let mut fx = Vec::new();
        self.ends[side].m.send(self.now, conn, msg, &mut fx);
        self.apply(side, fx);
    }

    /// Takes a side's delivered messages' tids, releasing their budget.
    pub fn take(&mut self, side: usize) -> Vec<u64> {
        let mut tids = Vec::new();
        let mut fx = Vec::new();
        let end = &mut self.ends[side];
        let mut rest = Vec::new();
        for event in std::mem::take(&mut end.events) {
            match event {
                Event::Message { conn, msg, charge, .. } => {
                    assert_eq!(msg, message(msg.tid), "payload of {}", msg.tid);
                    end.m.release(conn, charge, &mut fx);
                    tids.push(msg.tid);
                }
                other => rest.push(other),
            }
        }
        end.events = rest;
        self.apply(side, fx);
        tids
    }
}

/// A message whose payload follows from its tid, of all sizes.
pub(super) fn message(tid: u64) -> Message {
    let bytes = |n: u64, salt: u8| Bytes::from(vec![tid as u8 ^ salt; n as usize]);
    let mut data = Data::default();
    if tid.is_multiple_of(3) {
        data.push(bytes(tid * 977 % 9000, 7));
    }
    Message {
        kind: 42,
        tid,
        priority: 63,
        version: 8,
        compat: 3,
        front: bytes(tid * 131 % 700, 1),
        middle: bytes(if tid.is_multiple_of(5) { 40 } else { 0 }, 2),
        data,
    }
}

pub(super) fn addr(n: u8) -> EntityAddrVec {
    let sock = format!("10.0.0.{n}:6800").parse().unwrap();
    EntityAddrVec::one(EntityAddr::msgr2(sock, n as u32))
}

fn osd_ticket(mon: &mut Keys, name: &AuthName, rng: &mut ChaCha12Rng) -> Ticket {
    let caps = PeerCaps { allow_all: false, text: "allow *".to_owned() };
    let g = cephx::grant(mon, wall(), rng, EntityKind::Osd, (name, 77), caps).unwrap();
    let far = wall() + Duration::from_secs(3600);
    Ticket {
        service: g.service,
        session_key: g.session_key,
        blob: g.blob,
        expires: far,
        renew_after: far,
    }
}

/// Two OSDs with each other's credentials.
pub(super) fn osds(mode: Option<Mode>, seed: u64) -> (Net, [ClientAuth; 2]) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed ^ 99);
    let keys = || {
        let mut keys = Keys::new(EntityKind::Osd, &mut ChaCha12Rng::seed_from_u64(5));
        match mode {
            Some(mode) => keys.modes = vec![mode],
            None => keys.methods = vec![AuthMethod::None],
        }
        keys
    };
    let (a, b) = (keys(), keys());
    let mut mon = keys();
    let configs = [0, 1].map(|n| {
        let name = EntityName::new(EntityKind::Osd, n);
        let mut c = MessengerConfig::new(name, addr(n as u8 + 1));
        c.lossless_peers = vec![EntityKind::Osd];
        c.modes_to_service = mode.into_iter().collect();
        c
    });
    let credentials = [0, 1].map(|n| {
        let name = AuthName::new(EntityKind::Osd, &n.to_string());
        match mode {
            None => ClientAuth::None { name, global_id: 77 },
            Some(_) => {
                let ticket = osd_ticket(&mut mon, &name, &mut rng);
                ClientAuth::Ticket { name, global_id: 77, ticket }
            }
        }
    });
    (Net::new(configs, [a, b], seed), credentials)
}

const MODES: [Option<Mode>; 3] = [None, Some(Mode::Crc), Some(Mode::Secure)];

fn ready_conn(events: &[Event]) -> ConnId {
    let ready = events.iter().find_map(|e| match e {
        Event::Ready { conn, .. } => Some(*conn),
        _ => None,
    });
    ready.unwrap_or_else(|| panic!("not ready: {events:?}"))
}

#[test]
fn lossy_sessions_carry_messages_both_ways_in_every_mode() {
    for mode in MODES {
        for seed in 0..20 {
            let (mut net, credentials) = osds(mode, seed);
            let conn = net.connect(0, EntityKind::Osd, Policy::Lossy, credentials[0].clone());
            // Queued before the session is ready.
            (0..5).for_each(|tid| net.send(0, conn, message(tid)));
            net.settle();
            assert_eq!(net.take(1), (0..5).collect::<Vec<_>>());
            assert_eq!(ready_conn(&net.ends[0].events), conn);
            let back = ready_conn(&net.ends[1].events);
            (5..40).for_each(|tid| net.send(1, back, message(tid)));
            (40..60).for_each(|tid| net.send(0, conn, message(tid)));
            net.settle();
            assert_eq!(net.take(0), (5..40).collect::<Vec<_>>());
            assert_eq!(net.take(1), (40..60).collect::<Vec<_>>());
            let peer = net.ends[1].m.peer(back).unwrap();
            assert_eq!(peer.name, EntityName::new(EntityKind::Osd, 0));
            assert_eq!(peer.auth_name, AuthName::new(EntityKind::Osd, "0"));
            assert_eq!(peer.caps.text, "allow *");
            assert_eq!((peer.mode, peer.policy), (mode.unwrap_or(Mode::Crc), Policy::Lossy));
            net.cut();
            let closed = |e: &Event| matches!(e, Event::Closed { conn: c, .. } if *c == conn);
            assert!(net.ends[0].events.iter().any(closed));
        }
    }
}

/// Answers that follow each other are one effect; what was decided between two of them stays between.
#[test]
fn what_is_sent_in_a_row_is_one_effect() {
    for mode in MODES {
        let (mut net, credentials) = osds(mode, 3);
        let policy = Policy::LosslessPeer;
        let conn = net.connect(0, EntityKind::Osd, policy, credentials[0].clone());
        net.settle();
        let now = net.now;
        let mut fx = Vec::new();
        let mut send = |tid, fx: &mut Vec<_>| net.ends[0].m.send(now, conn, message(tid), fx);
        (0..9).for_each(|tid| send(tid, &mut fx));
        assert!(matches!(fx[..], [Effect::Send { .. }]), "{fx:?}");
        fx.push(Effect::Log { level: types::node::LogLevel::Info, text: String::new() });
        (9..12).for_each(|tid| send(tid, &mut fx));
        let [Effect::Send { .. }, Effect::Log { .. }, Effect::Send { .. }] = fx[..] else {
            panic!("{fx:?}")
        };
        fx.remove(1);
        // All of it counts as not yet sent.
        let bytes = |effect: &Effect<()>| match effect {
            Effect::Send { bufs, .. } => bufs.iter().map(Bytes::len).sum::<usize>(),
            _ => 0,
        };
        let given: usize = fx.iter().map(bytes).sum();
        assert_eq!(net.ends[0].m.transports[&conn].unsent, given);
        net.apply(0, fx);
        net.settle();
        assert_eq!(net.take(1), (0..12).collect::<Vec<_>>());
    }
}

/// Cut after every chunk there is: nothing is lost, doubled or out of order.
#[test]
fn lossless_sessions_deliver_exactly_once_in_order_over_cuts() {
    for (n, mode) in MODES.into_iter().enumerate() {
        for seed in 0..40u64 {
            let (mut net, credentials) = osds(mode, seed * 3 + n as u64);
            let policy = Policy::LosslessPeer;
            let mut conns = [None; 2];
            // Either end dials, or both at once.
            for side in 0..2 {
                if seed % 3 == side as u64 || seed % 3 == 2 {
                    let c = net.connect(side, EntityKind::Osd, policy, credentials[side].clone());
                    conns[side] = Some(c);
                }
            }
            let mut sent = [0u64; 2];
            let mut got: [Vec<u64>; 2] = Default::default();
            let mut cuts = 0;
            for _ in 0..6000 {
                let moved = net.step();
                for side in 0..2 {
                    if conns[side].is_none() {
                        conns[side] = net.ends[side].events.iter().find_map(|e| match e {
                            Event::Ready { conn, .. } => Some(*conn),
                            _ => None,
                        });
                    }
                    got[side].extend(net.take(side));
                    if let Some(conn) = conns[side]
                        && sent[side] < 60
                        && net.rng.next_u32() % 4 == 0
                    {
                        net.send(side, conn, message(sent[side]));
                        sent[side] += 1;
                    }
                }
                // Early cuts hit the handshakes, later ones the messages.
                if cuts < 25 && net.rng.next_u32() % 60 == 0 {
                    net.cut();
                    cuts += 1;
                }
                if !moved {
                    net.advance();
                }
                if got.iter().all(|g| g.len() == 60) {
                    break;
                }
            }
            for (side, got) in got.iter().enumerate() {
                assert_eq!(*got, (0..60).collect::<Vec<_>>(), "{mode:?} seed {seed} side {side}");
                let resets = net.ends[side].m.counters().resets;
                assert_eq!((resets, net.ends[side].m.counters().protocol_errors), (0, 0));
            }
        }
    }
}

#[test]
fn both_ends_dialling_at_once_get_one_session() {
    for seed in 0..60 {
        let (mut net, credentials) = osds(Some(Mode::Crc), seed);
        let conns = [0, 1].map(|side| {
            net.connect(side, EntityKind::Osd, Policy::LosslessPeer, credentials[side].clone())
        });
        (0..3).for_each(|tid| net.send(0, conns[0], message(tid)));
        (0..3).for_each(|tid| net.send(1, conns[1], message(tid)));
        for _ in 0..4 {
            net.settle();
            net.advance();
        }
        net.settle();
        for (side, conn) in conns.into_iter().enumerate() {
            assert_eq!(net.take(side), [0, 1, 2], "seed {seed}");
            assert_eq!(ready_conn(&net.ends[side].events), conn);
            assert_eq!(net.ends[side].m.transports.len(), 1);
            assert_eq!(net.ends[side].m.counters().dialled, 1, "seed {seed}: nobody tries again");
            assert_eq!(net.ends[side].m.sessions.len(), 1);
        }
    }
}

#[test]
fn messages_that_come_twice_are_delivered_once() {
    let (mut net, credentials) = osds(Some(Mode::Crc), 1);
    let policy = Policy::LosslessPeer;
    let conn = net.connect(0, EntityKind::Osd, policy, credentials[0].clone());
    (0..3).for_each(|tid| net.send(0, conn, message(tid)));
    net.settle();
    assert_eq!(net.take(1), [0, 1, 2]);
    let mut fx = Vec::new();
    net.ends[0].m.replay(conn, &mut fx);
    net.apply(0, fx);
    net.send(0, conn, message(3));
    net.settle();
    assert_eq!(net.take(1), [3]);
    assert_eq!(net.ends[1].m.counters().duplicates_dropped, 3);
}

#[test]
fn a_restarted_peer_is_noticed_and_the_session_starts_again() {
    let (mut net, credentials) = osds(Some(Mode::Secure), 1);
    let policy = Policy::LosslessPeer;
    let conn = net.connect(0, EntityKind::Osd, policy, credentials[0].clone());
    net.send(0, conn, message(1));
    net.settle();
    assert_eq!(net.take(1), [1]);
    // Side 1 restarts with nothing in memory.
    let config = net.ends[1].m.config().clone();
    net.cut();
    net.ends[1].m = Messenger::new(config, [42; 32]);
    net.ends[1].events.clear();
    net.ends[0].events.clear();
    net.send(0, conn, message(2));
    for _ in 0..3 {
        net.advance();
        net.settle();
    }
    assert!(matches!(net.ends[0].events[..], [Event::Reset { .. }, Event::Ready { .. }]));
    assert_eq!(net.take(1), Vec::<u64>::new(), "what was queued before the reset is dropped");
    net.send(0, conn, message(3));
    net.settle();
    assert_eq!(net.take(1), [3]);
    assert_eq!(net.ends[0].m.counters().resets, 1);
}

#[test]
fn a_wrong_key_is_refused_with_its_errno() {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let mut mon = Keys::new(EntityKind::Mon, &mut rng);
    let key = cephx::new_key(wall(), &mut rng);
    mon.add("client.a", key, "allow *", "allow *");
    let client = Keys::new(EntityKind::Client, &mut rng);
    let wrong = cephx::new_key(wall(), &mut rng);
    for (key, good) in [(key, true), (wrong, false)] {
        let configs = [
            MessengerConfig::new(EntityName::new(EntityKind::Client, -1), EntityAddrVec::default()),
            MessengerConfig::new(EntityName::new(EntityKind::Mon, 0), addr(2)),
        ];
        let mut keys = Keys::new(EntityKind::Mon, &mut rng);
        keys.entities = mon.entities.clone();
        let other =
            Keys { entities: client.entities.clone(), ..Keys::new(EntityKind::Client, &mut rng) };
        let mut net = Net::new(configs, [other, keys], 3);
        let name = AuthName::new(EntityKind::Client, "a");
        let auth = ClientAuth::Mon { name, key, global_id: 0, old_ticket: None, services: 0x35 };
        let conn = net.connect(0, EntityKind::Mon, Policy::Lossy, auth);
        net.settle();
        if good {
            let Event::Ready { auth_reply: Some(reply), peer, .. } = &net.ends[0].events[0] else {
                panic!("{:?}", net.ends[0].events)
            };
            assert_eq!(reply.tickets.len(), 4);
            assert_eq!(peer.mode, Mode::Secure);
            let other = ready_conn(&net.ends[1].events);
            let peer = net.ends[1].m.peer(other).unwrap();
            assert_eq!(peer.name, EntityName::client(reply.global_id));
            let secret = net.ends[1].auth.service_secret(EntityKind::Osd, 2).unwrap();
            assert!(TicketInfo::open(&reply.tickets[&4].blob, &secret).is_ok());
        } else {
            let [Event::AuthFailed { errno: -13, .. }, Event::Closed { conn: c, why }] =
                &net.ends[0].events[..]
            else {
                panic!("{:?}", net.ends[0].events)
            };
            assert_eq!((*c, why), (conn, &CloseCause::AuthRefused { errno: -13 }));
            assert_eq!(net.ends[1].m.counters().auth_refused, 1);
            assert!(net.ends[1].events.is_empty());
        }
    }
}

#[test]
fn only_the_head_of_a_frame_holds_memory() {
    let (net, _) = osds(None, 1);
    let socket = net.ends[0].addr;
    let link = Link::accept(EntityAddr::msgr2(socket, 0));
    let mut t = conn::Transport::new(link, None, socket, net.now.mono);
    assert!(t.recv_buffer(BytesMut::with_capacity(9000), 32, &Heap).is_empty());
    let head = t.recv_buffer(BytesMut::from(&b"head"[..]), 100_000, &Heap);
    assert!(head == "head" && head.capacity() >= 100_000);
    // A frame that fits is not moved.
    let at = head.as_ptr();
    assert_eq!(t.recv_buffer(head, 90_000, &Heap).as_ptr(), at);
}

#[test]
fn data_of_large_frames_lie_aligned() {
    for (mode, odd) in [(Mode::Crc, 0), (Mode::Crc, 3), (Mode::Secure, 0), (Mode::Secure, 5)] {
        let (mut net, credentials) = osds(Some(mode), 1);
        let conn = net.connect(0, EntityKind::Osd, Policy::Lossy, credentials[0].clone());
        for tid in 0..6 {
            let mut msg = message(tid);
            msg.data = Data::default();
            msg.data.push(Bytes::from(vec![tid as u8; 150_000 + odd + 4096 * tid as usize]));
            net.send(0, conn, msg);
        }
        net.settle();
        let events = std::mem::take(&mut net.ends[1].events);
        let datas = events.iter().filter_map(|event| match event {
            Event::Message { msg, .. } => Some((msg.tid, &msg.data)),
            _ => None,
        });
        for (tid, data) in datas.clone() {
            let [data] = data.parts() else { panic!("one part, as it was received") };
            assert!(data.iter().all(|b| *b == tid as u8));
            assert!((data.as_ptr() as usize).is_multiple_of(4096), "{mode:?} {tid}");
        }
        assert_eq!(datas.count(), 6);
    }
}

#[test]
fn a_full_budget_stops_reading_until_released() {
    // With one byte only the release of the last message makes room.
    for budget in [1, 10_000] {
        let (mut net, credentials) = osds(Some(Mode::Crc), 1);
        net.ends[1].m.config.limits.receive_budget_bytes = budget;
        let conn = net.connect(0, EntityKind::Osd, Policy::Lossy, credentials[0].clone());
        (0..200).for_each(|tid| net.send(0, conn, message(tid)));
        net.settle();
        let held: usize = net.ends[1].m.sessions.values().map(|s| s.held_bytes).sum();
        let most = budget + conn::tests_buffer_max();
        assert!((budget..most).contains(&held), "{held}");
        let mut got = Vec::new();
        while got.len() < 200 {
            let more = net.take(1);
            assert!(!more.is_empty(), "stuck after {}", got.len());
            got.extend(more);
            net.settle();
        }
        assert_eq!(got, (0..200).collect::<Vec<_>>());
    }
}

#[test]
fn a_peer_that_does_not_read_fills_the_queue_and_is_closed() {
    let (mut net, credentials) = osds(None, 1);
    net.ends[0].m.config.limits.send_queue_bytes = 20_000;
    let conn = net.connect(0, EntityKind::Osd, Policy::Lossy, credentials[0].clone());
    let bulk = |n| Message { front: Bytes::from(vec![1; n]), ..message(1) };
    assert_eq!(net.ends[0].m.send_room(conn), 20_000);
    net.send(0, conn, bulk(19_000));
    assert!(net.ends[0].m.send_room(conn) <= 1000);
    net.send(0, conn, bulk(19_000));
    assert_eq!(net.ends[0].m.send_room(conn), 0);
    net.send(0, conn, bulk(19_000));
    net.input(0, Input::Tick);
    let closed = CloseCause::SendQueueFull;
    assert!(matches!(&net.ends[0].events[..], [Event::Closed { why, .. }] if *why == closed));
}

#[test]
fn silence_ends_connections_and_keepalives_prevent_it() {
    let (mut net, credentials) = osds(Some(Mode::Crc), 1);
    net.connect(0, EntityKind::Osd, Policy::Lossy, credentials[0].clone());
    net.settle();
    for _ in 0..20 {
        net.advance();
        net.settle();
    }
    assert!(net.now.mono > Instant(190_000_000_000), "{:?}", net.now);
    assert_eq!(net.ends[0].m.transports.len(), 1, "echoes keep it alive");
    for _ in 0..5 {
        net.advance();
    }
    let why = CloseCause::Timeout("silence");
    assert!(
        net.ends[0].events.iter().any(|e| matches!(e, Event::Closed { why: w, .. } if *w == why))
    );
}

#[test]
fn strangers_are_closed_and_counted() {
    let (mut net, _) = osds(Some(Mode::Crc), 1);
    let stranger = ConnId(ConnId::ACCEPTED | 9);
    for garbage in [&b"GET / HTTP/1.1\r\n"[..], b"ceph v027\n\0\0\0", b"ceph v2\n\xff\xff"] {
        let before = net.ends[1].m.counters().protocol_errors;
        let mut fx: Vec<Effect<()>> = Vec::new();
        let end = &mut net.ends[1];
        let (local, peer) = (end.addr, "10.9.9.9:1".parse().unwrap());
        let accepted = Input::Accepted { conn: stranger, local, peer };
        end.m.handle(net.now, accepted, &mut end.auth, &mut end.events, &mut fx);
        let received = Input::Received { conn: stranger, buf: garbage.into() };
        end.m.handle(net.now, received, &mut end.auth, &mut end.events, &mut fx);
        assert!(matches!(fx.last(), Some(Effect::Close { .. })));
        assert_eq!(end.m.counters().protocol_errors, before + 1);
        assert!(end.events.is_empty() && end.m.transports.is_empty());
    }
    // Who says nothing is closed by time, and too many are not let in.
    net.ends[1].m.config.limits.accepted_max = 1;
    let mut fx: Vec<Effect<()>> = Vec::new();
    for n in 0..2 {
        let end = &mut net.ends[1];
        let conn = ConnId(ConnId::ACCEPTED | (20 + n));
        let (local, peer) = (end.addr, "10.9.9.9:1".parse().unwrap());
        let accepted = Input::Accepted { conn, local, peer };
        end.m.handle(net.now, accepted, &mut end.auth, &mut end.events, &mut fx);
    }
    let end = &mut net.ends[1];
    assert_eq!((end.m.counters().refused_too_many, end.m.transports.len()), (1, 1));
    net.now.mono = net.now.mono + Duration::from_secs(11);
    end.m.handle(net.now, Input::Tick, &mut end.auth, &mut end.events, &mut fx);
    assert!(end.m.transports.is_empty());
    assert_eq!(end.m.counters().timeouts, 1);
    assert_eq!(end.m.next_deadline(), Instant::NEVER);
}

#[test]
fn an_end_is_dialled_at_its_other_address_too_and_nowhere_else() {
    for (target, reached) in [(addr(2), true), (addr(9), true), (addr(8), false)] {
        let (mut net, credentials) = osds(Some(Mode::Crc), 1);
        net.ends[1].m.config.also_at = addr(9);
        net.ends[1].addr = target.msgr2().unwrap().sock.unwrap();
        let mut fx = Vec::new();
        let (credentials, now) = (credentials[0].clone(), net.now);
        let m = &mut net.ends[0].m;
        let conn = m.connect(now, &target, EntityKind::Osd, Policy::Lossy, credentials, &mut fx);
        net.apply(0, fx);
        net.send(0, conn, message(1));
        net.settle();
        if reached {
            assert_eq!(net.take(1), [1]);
            // It says which of them it was.
            assert_eq!(net.ends[0].m.peer(conn).unwrap().addrs, target);
        } else {
            assert!(net.ends[1].events.is_empty() && net.ends[0].m.peer(conn).is_none());
        }
    }
}

/// Two OSDs with a lossless session that has carried one message each way; its id at both ends.
fn acquainted(seed: u64) -> (Net, [ConnId; 2]) {
    let (mut net, credentials) = osds(Some(Mode::Crc), seed);
    let at0 = net.connect(0, EntityKind::Osd, Policy::LosslessPeer, credentials[0].clone());
    net.send(0, at0, message(0));
    net.settle();
    let at1 = *net.ends[1].m.sessions.keys().next().unwrap();
    net.send(1, at1, message(0));
    net.settle();
    assert_eq!((net.take(0), net.take(1)), (vec![0], vec![0]));
    net.ends.iter_mut().for_each(|end| end.events.clear());
    (net, [at0, at1])
}

impl Net {
    fn session(&mut self, side: usize, id: ConnId) -> &mut Session {
        self.ends[side].m.sessions.get_mut(&id).unwrap()
    }
    /// Long enough for both ends to have found each other again.
    fn heal(&mut self) {
        for _ in 0..4 {
            self.settle();
            self.advance();
        }
        self.settle();
    }
}

#[test]
fn a_message_that_is_missing_is_noticed_by_the_next_ones_number() {
    let (mut net, ids) = acquainted(1);
    net.session(0, ids[0]).out_seq += 1;
    net.send(0, ids[0], message(2));
    net.settle();
    assert_eq!(net.take(1), Vec::<u64>::new());
    assert!(net.ends[1].m.counters().protocol_errors > 0);
}

#[test]
fn nobody_acknowledges_what_was_never_sent() {
    let (mut net, ids) = acquainted(1);
    net.session(1, ids[1]).in_seq += 1;
    net.send(1, ids[1], message(2));
    net.settle();
    assert_eq!(net.take(0), Vec::<u64>::new());
    assert!(net.ends[0].m.counters().protocol_errors > 0);
}

#[test]
fn a_session_goes_on_only_where_both_ends_know_it() {
    let (mut net, ids) = acquainted(1);
    net.session(1, ids[1]).cookie ^= 2;
    net.cut();
    net.send(0, ids[0], message(2));
    net.heal();
    assert_eq!(net.take(1), Vec::<u64>::new());
    assert!(net.ends[0].events.iter().any(|e| matches!(e, Event::Reset { .. })));
}

#[test]
fn an_older_attempt_to_reconnect_is_told_of_the_newer() {
    let (mut net, ids) = acquainted(1);
    net.session(1, ids[1]).connect_seq = 10;
    net.cut();
    // Only side 0 has a reason to dial.
    net.send(0, ids[0], message(2));
    net.heal();
    assert_eq!(net.take(1), [2]);
    assert!((0..2).all(|side| net.session(side, ids[side]).connect_seq > 10));
}

#[test]
fn of_two_ends_that_reconnect_at_once_one_gives_way() {
    let mut at_once = 0;
    for seed in 0..60 {
        let (mut net, credentials) = osds(Some(Mode::Crc), seed);
        let ids = [0, 1].map(|side| {
            net.connect(side, EntityKind::Osd, Policy::LosslessPeer, credentials[side].clone())
        });
        (0..2).for_each(|side| net.send(side, ids[side], message(0)));
        net.heal();
        assert_eq!((net.take(0), net.take(1)), (vec![0], vec![0]));
        net.cut();
        (0..2).for_each(|side| net.send(side, ids[side], message(2)));
        // Whatever each waits for, both dial now.
        net.now.mono = net.now.mono + Duration::from_secs(5);
        (0..2).for_each(|side| net.input(side, Input::Tick));
        net.heal();
        let dialled = [0, 1].map(|side| net.ends[side].m.counters().dialled);
        assert_eq!((net.take(0), net.take(1)), (vec![2], vec![2]), "seed {seed}: {dialled:?}");
        at_once += usize::from(dialled == [2, 2]);
    }
    // A few take an attempt more.
    assert!(at_once >= 50, "{at_once} of 60");
}
