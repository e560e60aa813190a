//! The asking end of a bench of the messenger: keeps so many messages under way on each connection,
//! or sends at a fixed rate.
//!
//! Phases of a core: connect, warm up, measure, drain. Answers come in order on each connection, and
//! each must be the one that is due.

use super::wire::{self, BareHeader, HEADER_BYTES, Stats};
use crate::cmd::bench::options::{LoadArgs, Pace};
use crate::cmd::bench::tally::{Measured, Tally};
use bytes::{Bytes, BytesMut};
use messenger::auth::{AuthName, ClientAuth, Mode, NoServer};
use messenger::message::{Data, Message};
use messenger::messages::TypedMessage;
use messenger::messages::command::{Command, CommandReply};
use messenger::messages::osd_op::OsdOpReply;
use messenger::table::{Event, Messenger, MessengerConfig, Policy};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use types::node::{ConnId, Effect, Input, Node, ReceiveMemory};
use types::time::{Instant, Now};
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, Fsid};

type Fx = Vec<Effect<()>>;

/// Tids of commands; those of operations count from 1.
const COMMAND_TID: u64 = 1 << 62;
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// No answer for so long, and the bench gives up.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// How the two ends protect what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Session(Mode),
    /// The same number of bytes without a messenger.
    Bare,
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub server: SocketAddr,
    pub guard: Guard,
    pub key: Option<messenger::auth::crypto::CryptoKey>,
    /// Its `bs` is the data of each message, its `depth` of each connection; its `rate` of this core.
    pub load: LoadArgs,
    /// Connections of this core.
    pub connections: usize,
    pub one_way: bool,
    /// Each message is different and comes back.
    pub verify: bool,
    /// Process whose CPU is the server's; `None`: the server is asked.
    pub server_pid: Option<u32>,
}

/// What the measured phase of one core counted.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Messages that were answered, or without answers taken by the server from all cores.
    pub measured: Measured,
    pub one_way: bool,
    /// Of the server, all its connections counted; `None` if it was not asked.
    pub server: Option<Stats>,
}

pub type Verdict = Rc<RefCell<Option<Result<Outcome, String>>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connect,
    WarmUp,
    /// Waits for the server's figures, while the load goes on.
    Begin,
    Measure,
    End,
    Over,
}

struct Conn {
    id: ConnId,
    ready: bool,
    /// Operations under way, the oldest first: number, and when it was due.
    due: VecDeque<(u64, Instant)>,
    next_tid: u64,
    /// Bytes of the bare answer that is due which have come.
    got: usize,
    /// The server's figures are asked for, and come after so many answers.
    asked: Option<usize>,
}

pub struct Client {
    plan: Plan,
    messenger: Messenger,
    conns: Vec<Conn>,
    template: Message,
    /// Lengths on the wire in bare mode.
    request: Bytes,
    reply_bytes: usize,
    phase: Phase,
    until: Instant,
    pace: Pace,
    /// The connection that sends next.
    turn: usize,
    /// Messages sent and not yet answered.
    under_way: usize,
    heard: Instant,
    server_begun: Option<Stats>,
    tally: Tally,
    verdict: Verdict,
    events: Vec<Event>,
}

impl Client {
    pub fn new(plan: Plan, seed: [u8; 32], verdict: Verdict) -> Self {
        let name = EntityName::new(EntityKind::Client, -1);
        let mut config = MessengerConfig::new(name, EntityAddrVec::default());
        if let Guard::Session(mode) = plan.guard {
            config.modes_to_service = vec![mode];
        }
        let template = wire::operation(wire::pattern(0, plan.load.bs as usize).into());
        let reply = super::server::answer_to(&template).into_message(0);
        let reply_bytes = wire::frame_bytes(&reply);
        let head =
            BareHeader { request: wire::frame_bytes(&template) as u32, reply: reply_bytes as u32 };
        let mut request = head.encode().to_vec();
        request.resize(head.request as usize, 0x5a);
        Self {
            pace: Pace::new(plan.load.rate),
            tally: Tally::new(plan.load.interval()),
            plan,
            messenger: Messenger::new(config, seed),
            conns: Vec::new(),
            template,
            request: request.into(),
            reply_bytes,
            phase: Phase::Connect,
            until: Instant::NEVER,
            turn: 0,
            under_way: 0,
            heard: Instant::ZERO,
            server_begun: None,
            verdict,
            events: Vec::new(),
        }
    }

    fn is_bare(&self) -> bool {
        self.plan.guard == Guard::Bare
    }

    fn connect(&mut self, now: Now, fx: &mut Fx) {
        self.until = now.mono + CONNECT_PATIENCE;
        self.heard = now.mono;
        for n in 0..self.plan.connections {
            let id = if self.is_bare() {
                let conn = ConnId(n as u64 + 1);
                fx.push(Effect::Connect { conn, addr: self.plan.server });
                conn
            } else {
                let target = EntityAddrVec::one(EntityAddr::msgr2(self.plan.server, 0));
                let name = AuthName::new(EntityKind::Client, "bench");
                let global_id = n as u64 + 1;
                let auth = match &self.plan.key {
                    Some(key) => {
                        let ticket = super::server::own_ticket(key, global_id, now.wall);
                        ClientAuth::Ticket { name, global_id, ticket }
                    }
                    None => ClientAuth::None { name, global_id: 0 },
                };
                let policy = Policy::Lossy;
                self.messenger.connect(now, &target, EntityKind::Osd, policy, auth, fx)
            };
            self.conns.push(Conn {
                id,
                ready: false,
                due: VecDeque::new(),
                next_tid: 1,
                got: 0,
                asked: None,
            });
        }
    }

    fn index_of(&self, conn: ConnId) -> Option<usize> {
        // Ids are given in order.
        self.conns.binary_search_by_key(&conn, |c| c.id).ok()
    }

    /// The session of a connection stands.
    fn on_open(&mut self, now: Now, index: usize, fx: &mut Fx) {
        if self.plan.one_way {
            return self.ask(now, index, wire::ONE_WAY, fx);
        }
        if self.plan.verify {
            return self.ask(now, index, wire::VERIFY, fx);
        }
        self.on_ready(now, index);
    }

    fn on_ready(&mut self, now: Now, index: usize) {
        self.conns[index].ready = true;
        if self.phase == Phase::Connect && self.conns.iter().all(|c| c.ready) {
            self.phase = Phase::WarmUp;
            self.until = now.mono + self.plan.load.warm_up();
            self.pace.begin(now.mono);
        }
    }

    /// Asks the server for its figures.
    fn ask(&mut self, now: Now, index: usize, what: &str, fx: &mut Fx) {
        let conn = &mut self.conns[index];
        conn.asked = Some(conn.due.len());
        if self.plan.guard == Guard::Bare {
            let head = BareHeader { request: HEADER_BYTES as u32, reply: 0 };
            let bufs = vec![Bytes::copy_from_slice(&head.encode())];
            return fx.push(Effect::Send { conn: conn.id, bufs });
        }
        let cmd = vec![what.to_owned()];
        let command = Command { fsid: Fsid::default(), cmd, input: Data::default() };
        let id = conn.id;
        self.messenger.send(now, id, command.into_message(COMMAND_TID), fx);
    }

    /// The server's figures, or its process's.
    fn ask_or_look(&mut self, now: Now, fx: &mut Fx) {
        match self.plan.server_pid {
            Some(pid) => match runtime::process::cpu_time_of(pid) {
                Ok(cpu) => {
                    let cpu_ns = cpu.as_nanos() as u64;
                    // It is not asked how many messages it took: as many as were answered.
                    let messages = self.tally.measured().ops();
                    self.on_stats(now, Stats { cpu_ns, messages, now_ns: now.mono.0 }, fx);
                }
                Err(e) => self.fail(format!("process {pid}: {e}"), fx),
            },
            None => self.ask(now, 0, wire::STATS, fx),
        }
    }

    fn on_stats(&mut self, now: Now, stats: Stats, fx: &mut Fx) {
        match self.phase {
            Phase::Begin => {
                self.phase = Phase::Measure;
                self.server_begun = Some(stats);
                self.until = now.mono + self.plan.load.duration();
                self.tally.begin(now.mono);
            }
            Phase::End => {
                let begun = self.server_begun.expect("asked before");
                let server = stats.since(&begun);
                let mut measured = self.tally.measured().clone();
                if self.plan.one_way {
                    measured.writes = server.messages;
                    measured.elapsed = Duration::from_nanos(server.now_ns);
                    measured.series.clear();
                }
                self.phase = Phase::Over;
                let one_way = self.plan.one_way;
                *self.verdict.borrow_mut() =
                    Some(Ok(Outcome { measured, one_way, server: Some(server) }));
                fx.push(Effect::Exit { code: 0 });
            }
            _ => {}
        }
    }

    fn fail(&mut self, why: String, fx: &mut Fx) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            *self.verdict.borrow_mut() = Some(Err(why));
            fx.push(Effect::Exit { code: 2 });
        }
    }

    fn sends(&self) -> bool {
        matches!(self.phase, Phase::WarmUp | Phase::Begin | Phase::Measure)
    }

    /// Sends what is due now.
    fn fill(&mut self, now: Now, fx: &mut Fx) {
        if !self.sends() {
            return;
        }
        if self.plan.load.rate.is_some() {
            while self.pace.next_due() <= now.mono
                && let Some(index) = self.next_with_room()
                && let Some(due) = self.pace.take(now.mono)
            {
                self.send_one(now, index, due, fx);
            }
            return;
        }
        if !self.plan.one_way && self.under_way == self.plan.load.depth * self.conns.len() {
            return;
        }
        for index in 0..self.conns.len() {
            while self.has_room(index) {
                self.send_one(now, index, now.mono, fx);
            }
        }
    }

    fn has_room(&self, index: usize) -> bool {
        let conn = &self.conns[index];
        if !self.plan.one_way {
            return conn.due.len() < self.plan.load.depth;
        }
        let limit = self.messenger.config().limits.send_queue_bytes;
        let queued = limit - self.messenger.send_room(conn.id);
        queued < self.plan.load.depth * self.request.len()
    }

    fn next_with_room(&mut self) -> Option<usize> {
        for _ in 0..self.conns.len() {
            self.turn = (self.turn + 1) % self.conns.len();
            if self.has_room(self.turn) {
                return Some(self.turn);
            }
        }
        None
    }

    /// `due`: from when its latency counts.
    fn send_one(&mut self, now: Now, index: usize, due: Instant, fx: &mut Fx) {
        let conn = &mut self.conns[index];
        let tid = conn.next_tid;
        conn.next_tid += 1;
        if !self.plan.one_way {
            conn.due.push_back((tid, due));
            self.under_way += 1;
        }
        let id = conn.id;
        match self.plan.guard {
            Guard::Bare => fx.push(Effect::Send { conn: id, bufs: vec![self.request.clone()] }),
            Guard::Session(_) => {
                let msg = match self.plan.verify {
                    true => {
                        let data = wire::pattern(tid, self.plan.load.bs as usize);
                        Message { tid, ..wire::operation(data.into()) }
                    }
                    false => Message { tid, ..self.template.clone() },
                };
                self.messenger.send(now, id, msg, fx);
            }
        }
    }

    /// The oldest operation of a connection is answered.
    fn on_answer(&mut self, now: Now, index: usize, tid: Option<u64>, fx: &mut Fx) {
        self.heard = now.mono;
        let conn = &mut self.conns[index];
        conn.asked = conn.asked.map(|ahead| ahead.saturating_sub(1));
        let Some((expected, due)) = conn.due.pop_front() else {
            return self.fail("an answer came that nobody waits for".into(), fx);
        };
        if tid.is_some_and(|tid| tid != expected) {
            let tid = tid.unwrap_or_default();
            return self.fail(format!("answer {tid} came where {expected} was due"), fx);
        }
        self.under_way -= 1;
        self.tally.record(now.mono, due, false);
    }

    fn on_message(&mut self, now: Now, conn: ConnId, msg: &Message, fx: &mut Fx) {
        let Some(index) = self.index_of(conn) else { return };
        if msg.kind == CommandReply::KIND {
            self.conns[index].asked = None;
            let stats = CommandReply::from_message(msg)
                .ok()
                .and_then(|reply| Stats::decode(&reply.output.to_bytes()));
            let Some(stats) = stats else {
                return self.fail("the server does not know the bench's commands".into(), fx);
            };
            return match self.phase {
                Phase::Connect => self.on_ready(now, index),
                _ => self.on_stats(now, stats, fx),
            };
        }
        match OsdOpReply::from_message(msg) {
            Ok(reply) if self.plan.verify && !self.is_what_was_sent(msg.tid, &reply) => {
                self.fail(format!("message {} came back with other data", msg.tid), fx)
            }
            Ok(reply) if reply.result == 0 => self.on_answer(now, index, Some(msg.tid), fx),
            Ok(reply) => self.fail(format!("the server answers {}", reply.result), fx),
            Err(e) => self.fail(format!("an answer of kind {}: {e}", msg.kind), fx),
        }
    }

    fn is_what_was_sent(&self, tid: u64, reply: &OsdOpReply) -> bool {
        let sent = wire::pattern(tid, self.plan.load.bs as usize);
        reply.outcomes.first().is_some_and(|outcome| outcome.output.to_bytes() == sent)
    }

    fn on_bare(&mut self, now: Now, conn: ConnId, mut buf: BytesMut, fx: &mut Fx) {
        let Some(index) = self.index_of(conn) else { return };
        let mut at = 0;
        loop {
            let c = &mut self.conns[index];
            if c.asked == Some(0) {
                let Some(bytes) = buf.get(at..at + wire::STATS_BYTES) else { break };
                let stats = Stats::decode(bytes).expect("so many bytes");
                at += wire::STATS_BYTES;
                c.asked = None;
                self.on_stats(now, stats, fx);
                continue;
            }
            let here = (self.reply_bytes - c.got).min(buf.len() - at);
            c.got += here;
            at += here;
            if c.got < self.reply_bytes {
                break;
            }
            c.got = 0;
            self.on_answer(now, index, None, fx);
        }
        let rest = buf.len() - at;
        buf.copy_within(at.., 0);
        buf.truncate(rest);
        if rest > 0 {
            buf.reserve(wire::BARE_RECEIVE_BYTES);
        }
        fx.push(Effect::Recv { conn, buf });
    }

    fn on_tick(&mut self, now: Now, fx: &mut Fx) {
        self.tally.tick(now.mono);
        let quiet = now.mono - self.heard > ANSWER_PATIENCE;
        if quiet && self.under_way > 0 && self.phase != Phase::Over {
            let seconds = ANSWER_PATIENCE.as_secs();
            return self.fail(format!("no answer for {seconds} s"), fx);
        }
        if self.until > now.mono {
            return;
        }
        match self.phase {
            Phase::Connect => {
                let ready = self.conns.iter().filter(|c| c.ready).count();
                let (all, server) = (self.conns.len(), self.plan.server);
                let within = CONNECT_PATIENCE.as_secs();
                self.fail(format!("{ready} of {all} sessions with {server} in {within} s"), fx);
            }
            Phase::WarmUp => {
                self.phase = Phase::Begin;
                self.until = now.mono + ANSWER_PATIENCE;
                self.ask_or_look(now, fx);
            }
            Phase::Measure => {
                self.phase = Phase::End;
                self.tally.end(now.mono);
                self.until = now.mono + ANSWER_PATIENCE;
                self.ask_or_look(now, fx);
            }
            Phase::Begin | Phase::End => self.fail("the server gives no figures".into(), fx),
            Phase::Over => self.until = Instant::NEVER,
        }
    }
}

impl Node for Client {
    type Hop = ();

    fn use_receive_memory(&mut self, memory: Rc<dyn ReceiveMemory>) {
        self.messenger.use_receive_memory(memory);
    }

    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Fx) {
        if let Input::Start = input {
            return self.connect(now, fx);
        }
        if self.is_bare() {
            match input {
                Input::Connected { conn, .. } => {
                    fx.push(Effect::Recv { conn, buf: BytesMut::new() });
                    if let Some(index) = self.index_of(conn) {
                        self.on_open(now, index, fx);
                    }
                }
                Input::Received { conn, buf } => self.on_bare(now, conn, buf, fx),
                Input::Closed { reason, .. } => {
                    self.fail(format!("the connection is lost: {reason:?}"), fx)
                }
                Input::Tick => self.on_tick(now, fx),
                Input::Stop => fx.push(Effect::Exit { code: 130 }),
                _ => {}
            }
            return;
        }
        let mut events = std::mem::take(&mut self.events);
        match self.messenger.handle(now, input, &mut NoServer, &mut events, fx) {
            Some(Input::Tick) => self.on_tick(now, fx),
            Some(Input::Stop) => fx.push(Effect::Exit { code: 130 }),
            Some(_) | None => {}
        }
        for event in events.drain(..) {
            match event {
                Event::Ready { conn, .. } => {
                    if let Some(index) = self.index_of(conn) {
                        self.on_open(now, index, fx);
                    }
                }
                Event::Message { conn, msg, charge, .. } => {
                    self.on_message(now, conn, &msg, fx);
                    self.messenger.release(conn, charge, fx);
                }
                Event::Closed { why, .. } => self.fail(format!("the session is lost: {why:?}"), fx),
                Event::AuthFailed { errno, .. } => {
                    self.fail(format!("the server refuses: errno {errno}"), fx)
                }
                Event::Reset { .. } => {}
            }
        }
        self.events = events;
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        self.fill(now, fx);
    }

    fn next_deadline(&self) -> Instant {
        let session = match self.plan.guard {
            Guard::Session(_) => self.messenger.next_deadline(),
            Guard::Bare => Instant::NEVER,
        };
        // A message that is due and has no room waits for an answer.
        let room = || (0..self.conns.len()).any(|index| self.has_room(index));
        let paced = self.plan.load.rate.is_some() && self.sends();
        let rate = if paced && room() { self.pace.next_due() } else { Instant::NEVER };
        self.until.min(session).min(rate).min(self.tally.next_deadline())
    }
}

impl Outcome {
    /// What another core counted at the same time. CPU and the server's figures are of whole
    /// processes, so those of one core stand for all.
    pub fn add(&mut self, other: &Self) {
        let (ours, theirs) = (self.measured.writes, other.measured.writes);
        self.measured.add(&other.measured);
        if self.one_way {
            self.measured.writes = ours.max(theirs);
        }
    }
}
