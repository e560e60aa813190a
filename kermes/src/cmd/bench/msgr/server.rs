//! The answering end of a bench of the messenger: answers each operation at once.

use super::wire::{self, BareHeader, HEADER_BYTES, Stats};
use bytes::{Bytes, BytesMut};
use messenger::auth::{
    AuthMethod, AuthName, AuthServer, EntityAuth, Mode, PeerCaps, crypto::CryptoKey,
};
use messenger::message::Message;
use messenger::messages::command::{Command, CommandReply};
use messenger::messages::osd_op::{OsdOp, OsdOpReply, Outcome};
use messenger::messages::{TypedMessage, kind};
use messenger::table::{Event, Messenger, MessengerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::node::{ConnId, Effect, Input, LogLevel, Node, ReceiveMemory};
use types::time::{Instant, Now};
use types::{EVersion, EntityAddrVec, EntityKind, EntityName};

/// Messages that each core has taken.
pub type Tally = Arc<Vec<AtomicU64>>;

type Fx = Vec<Effect<()>>;

/// Believes every name, or opens tickets that are sealed with one key.
pub struct OneKey {
    /// `None`: method none, crc.
    pub key: Option<CryptoKey>,
    pub next_id: u64,
}
impl AuthServer for OneKey {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![if self.key.is_some() { AuthMethod::Cephx } else { AuthMethod::None }]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        vec![Mode::Secure, Mode::Crc]
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        // With method none the name is enough.
        let key = CryptoKey::new(types::UTime::default(), [0; 16]);
        self.key.is_none().then_some(EntityAuth { key, caps: BTreeMap::new() })
    }
    fn service_secret(&mut self, _: EntityKind, id: u64) -> Option<CryptoKey> {
        self.key.filter(|_| id == wire::SECRET_ID)
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        None
    }
    fn new_global_id(&mut self) -> Option<u64> {
        self.next_id += 1;
        Some(self.next_id)
    }
    fn service(&self) -> EntityKind {
        EntityKind::Osd
    }
}

/// One core of the server, with the messenger.
pub struct Server {
    messenger: Messenger,
    auth: OneKey,
    events: Vec<Event>,
    tally: Tally,
    core: usize,
    taken: u64,
    /// Connections whose operations are not answered, and whose are answered with their data.
    one_way: BTreeSet<ConnId>,
    verify: BTreeSet<ConnId>,
}

impl Server {
    pub fn new(
        addrs: EntityAddrVec,
        key: Option<CryptoKey>,
        core: usize,
        tally: Tally,
        seed: [u8; 32],
    ) -> Self {
        let config = MessengerConfig::new(EntityName::osd(types::OsdId(0)), addrs);
        Self {
            messenger: Messenger::new(config, seed),
            auth: OneKey { key, next_id: (core as u64) << 32 },
            events: Vec::new(),
            tally,
            core,
            taken: 0,
            one_way: BTreeSet::new(),
            verify: BTreeSet::new(),
        }
    }

    fn on_message(&mut self, now: Now, conn: ConnId, mut msg: Message, fx: &mut Fx) {
        let tid = msg.tid;
        match msg.kind {
            kind::OSD_OP => {
                self.taken += 1;
                self.tally[self.core].store(self.taken, Ordering::Relaxed);
                match OsdOp::take_from(&mut msg) {
                    Ok(_) if self.one_way.contains(&conn) => {}
                    Ok(op) => {
                        let reply = answer(op, self.verify.contains(&conn));
                        self.messenger.send(now, conn, reply.into_message(tid), fx);
                    }
                    Err(e) => {
                        let text = format!("an operation that is none: {e}");
                        fx.push(Effect::Log { level: LogLevel::Warn, text });
                        self.messenger.close(conn, fx);
                    }
                }
            }
            kind::COMMAND => {
                let Ok(command) = Command::from_message(&msg) else { return };
                let reply = self.command(now, conn, &command);
                self.messenger.send(now, conn, reply.into_message(tid), fx);
            }
            _ => {}
        }
    }

    /// What the client's own commands ask for: see [`wire`].
    fn command(&mut self, now: Now, conn: ConnId, command: &Command) -> CommandReply {
        match command.cmd.first().map(String::as_str) {
            Some(wire::ONE_WAY) => {
                self.one_way.insert(conn);
            }
            Some(wire::VERIFY) => {
                self.verify.insert(conn);
            }
            Some(wire::STATS) => {}
            _ => {
                let status = "not a command of the bench".to_owned();
                return CommandReply { result: -22, status, output: Bytes::new().into() };
            }
        }
        let stats = stats(now, &self.tally);
        CommandReply { result: 0, status: String::new(), output: stats.encode().into() }
    }
}

fn stats(now: Now, tally: &Tally) -> Stats {
    Stats {
        cpu_ns: runtime::process::cpu_time().as_nanos() as u64,
        messages: tally.iter().map(|n| n.load(Ordering::Relaxed)).sum(),
        now_ns: now.mono.0,
    }
}

/// The answer to an operation that the client makes itself.
///
/// # Panics
/// If it is none.
pub fn answer_to(operation: &Message) -> OsdOpReply {
    answer(OsdOp::from_message(operation).expect("an operation of our own"), false)
}

/// The answer of an OSD that has nothing to do. `echo`: with the data that came.
fn answer(mut op: OsdOp, echo: bool) -> OsdOpReply {
    let inputs = op.ops.iter_mut().map(|op| std::mem::take(&mut op.input));
    let outcomes = match echo {
        true => inputs.map(|input| Outcome { result: 0, output: input.into() }).collect(),
        false => {
            inputs.for_each(drop);
            Vec::new()
        }
    };
    OsdOpReply {
        name: op.name,
        pg: op.head.pgid.pg,
        flags: op.head.flags as u64,
        result: 0,
        bad_replay_version: EVersion::default(),
        epoch: op.head.epoch,
        ops: op.ops,
        outcomes,
        retry_attempt: op.retry_attempt,
        replay_version: EVersion::default(),
        user_version: 0,
    }
}

impl Node for Server {
    type Hop = ();

    fn use_receive_memory(&mut self, memory: Rc<dyn ReceiveMemory>) {
        self.messenger.use_receive_memory(memory);
    }

    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Fx) {
        let mut events = std::mem::take(&mut self.events);
        let rest = self.messenger.handle(now, input, &mut self.auth, &mut events, fx);
        if let Some(Input::Stop) = rest {
            fx.push(Effect::Exit { code: 0 });
        }
        for event in events.drain(..) {
            match event {
                Event::Message { conn, msg, charge, .. } => {
                    self.on_message(now, conn, msg, fx);
                    self.messenger.release(conn, charge, fx);
                }
                Event::Closed { conn, .. } => {
                    self.one_way.remove(&conn);
                    self.verify.remove(&conn);
                }
                _ => {}
            }
        }
        self.events = events;
    }

    fn end_of_turn(&mut self, _: Now, _: &mut Fx) {}

    fn next_deadline(&self) -> Instant {
        self.messenger.next_deadline()
    }
}

/// One core of the server, without a messenger: the reactor and the kernel alone.
pub struct Bare {
    conns: BTreeMap<ConnId, BareConn>,
    tally: Tally,
    core: usize,
    taken: u64,
    zeros: Bytes,
    /// What arrives is checksummed, as it must be with a messenger.
    summed: bool,
}

/// What is still to come of a request, and how long the answer is.
#[derive(Default)]
struct BareConn {
    left: usize,
    reply: usize,
}

impl Bare {
    pub fn new(core: usize, tally: Tally, summed: bool) -> Self {
        let zeros = Bytes::from(vec![0; wire::BARE_REPLY_BYTES_MAX as usize]);
        Self { conns: BTreeMap::new(), tally, core, taken: 0, zeros, summed }
    }

    fn on_received(&mut self, now: Now, conn: ConnId, mut buf: BytesMut, fx: &mut Fx) {
        let Some(c) = self.conns.get_mut(&conn) else { return };
        let mut replies = Vec::new();
        let mut at = 0;
        loop {
            if c.left == 0 {
                let Some(head) = buf.get(at..at + HEADER_BYTES) else { break };
                let head = BareHeader::decode(head);
                if !head.is_sound() {
                    self.conns.remove(&conn);
                    return fx.push(Effect::Close { conn });
                }
                at += HEADER_BYTES;
                (c.left, c.reply) = (head.request as usize - HEADER_BYTES, head.reply as usize);
            }
            let here = c.left.min(buf.len() - at);
            if self.summed {
                std::hint::black_box(types::hash::crc32c(!0, &buf[at..at + here]));
            }
            at += here;
            c.left -= here;
            if c.left > 0 {
                break;
            }
            if c.reply == 0 {
                replies.push(stats(now, &self.tally).encode());
            } else {
                self.taken += 1;
                self.tally[self.core].store(self.taken, Ordering::Relaxed);
                replies.push(self.zeros.slice(..c.reply));
            }
        }
        let rest = buf.len() - at;
        buf.copy_within(at.., 0);
        buf.truncate(rest);
        if rest > 0 {
            buf.reserve(wire::BARE_RECEIVE_BYTES);
        }
        if !replies.is_empty() {
            fx.push(Effect::Send { conn, bufs: replies });
        }
        fx.push(Effect::Recv { conn, buf });
    }
}

impl Node for Bare {
    type Hop = ();

    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Fx) {
        match input {
            Input::Accepted { conn, .. } => {
                self.conns.insert(conn, BareConn::default());
                fx.push(Effect::Recv { conn, buf: BytesMut::new() });
            }
            Input::Received { conn, buf } => self.on_received(now, conn, buf, fx),
            Input::Closed { conn, .. } => {
                self.conns.remove(&conn);
            }
            Input::Stop => fx.push(Effect::Exit { code: 0 }),
            _ => {}
        }
    }

    fn end_of_turn(&mut self, _: Now, _: &mut Fx) {}

    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

/// What the client shows in secure mode: a ticket that it has sealed itself.
pub fn own_ticket(key: &CryptoKey, global_id: u64, now: types::UTime) -> messenger::auth::Ticket {
    use messenger::auth::cephx::{AuthTicket, TicketInfo};
    let name = AuthName::new(EntityKind::Client, "bench");
    let expires = now + std::time::Duration::from_secs(24 * 3600);
    let caps = PeerCaps { allow_all: true, text: String::new() };
    let ticket = AuthTicket { name, global_id, created: now, expires, caps, flags: 0 };
    let session_key = CryptoKey::new(now, *b"benches' own key");
    let blob = TicketInfo { ticket, session_key }.seal(wire::SECRET_ID, key);
    messenger::auth::Ticket {
        service: EntityKind::Osd,
        session_key,
        blob,
        expires,
        renew_after: expires,
    }
}
