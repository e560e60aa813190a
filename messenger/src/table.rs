//! All connections of one node.
//!
//! Start with [`Messenger::handle`]. `conn.rs` has what is kept per connection and per session,
//! `sessions.rs` decides what IDENT and SESSION_* frames mean, `timers.rs` what happens with time.

mod conn;
mod sessions;
mod timers;

pub use crate::api::*;
pub use crate::auth::{AuthServer, ClientAuth, NoServer};
use crate::message::Message;
use crate::session::{Link, LinkContext, LinkEvent};
use bytes::{Bytes, BytesMut};
use conn::{Session, Transport, message_bytes};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use types::node::{ConnId, Effect, Heap, Input, ReceiveMemory};
use types::time::Now;
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, FixedMap, Instant};

/// A lossless session acknowledges at once after so many messages, else with its next message or
/// after a moment.
const ACK_MESSAGES_MAX: u64 = 16;

/// All connections of one node.
///
/// Give it every [`Input`] first; what it hands back is the node's. A [`ConnId`] in this interface
/// names a session: for a lossy one that is its TCP connection, a lossless one keeps the id of its
/// first TCP connection while later ones come and go inside.
pub struct Messenger {
    config: MessengerConfig,
    rng: ChaCha12Rng,
    counters: Counters,
    /// TCP connections. Ids come from us and the driver, not from strangers.
    transports: FixedMap<ConnId, Transport>,
    sessions: FixedMap<ConnId, Session>,
    /// Lossless sessions by the address where their peer listens.
    peers: BTreeMap<EntityAddr, ConnId>,
    timers: BTreeSet<(Instant, timers::Timer)>,
    /// Events that arose where no list was at hand.
    pending: Vec<Event>,
    next_conn: u64,
    /// Numbers our dials, so that peers tell late ones.
    global_seq: u64,
    /// Nonce of our address when we do not listen.
    nonce: u32,
    accepted_count: usize,
    /// Where large frames are received.
    memory: Rc<dyn ReceiveMemory>,
    /// Empty between inputs: room for what is sent.
    out: Vec<Bytes>,
}

impl Messenger {
    /// `seed` makes cookies, challenges and secrets: different for every start of every node.
    pub fn new(config: MessengerConfig, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        Self {
            next_conn: config.first_conn,
            nonce: rng.next_u32() | 1,
            config,
            rng,
            counters: Counters::default(),
            transports: FixedMap::default(),
            sessions: FixedMap::default(),
            peers: BTreeMap::new(),
            timers: BTreeSet::new(),
            pending: Vec::new(),
            global_seq: 0,
            accepted_count: 0,
            memory: Rc::new(Heap),
            out: Vec::new(),
        }
    }

    /// Memory of the driver's, for large frames.
    pub fn use_receive_memory(&mut self, memory: Rc<dyn ReceiveMemory>) {
        self.memory = memory;
    }

    pub fn config(&self) -> &MessengerConfig {
        &self.config
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Our own name from now on: a client learns its number from the first monitor.
    pub fn set_name(&mut self, name: EntityName) {
        self.config.name = name;
    }

    /// Where we listen, when it is known only after the start.
    pub fn set_addrs(&mut self, addrs: EntityAddrVec) {
        self.config.addrs = addrs;
    }

    /// Opens a session with the msgr2 address of `target`. A lossless session that already exists
    /// with this target is returned as it is, with the new credentials. A target without a msgr2
    /// address gives [`Event::Closed`] at the next input.
    pub fn connect<H>(
        &mut self,
        now: Now,
        target: &EntityAddrVec,
        peer: EntityKind,
        policy: Policy,
        credentials: ClientAuth,
        fx: &mut Vec<Effect<H>>,
    ) -> ConnId {
        let addr = target.msgr2().copied().filter(|addr| addr.sock.is_some());
        if let (Policy::LosslessPeer, Some(addr)) = (policy, addr)
            && let Some(id) = self.peers.get(&addr).copied()
        {
            let s = self.sessions.get_mut(&id).expect("peers lead to sessions");
            s.credentials = Some(credentials);
            s.target = Some(addr);
            if s.transport.is_none() && s.redial_at == Instant::NEVER {
                self.dial(now, id, fx);
            }
            return id;
        }
        let id = self.new_conn();
        let Some(addr) = addr else {
            let why = CloseCause::Protocol("target without a msgr2 address");
            self.pending.push(Event::Closed { conn: id, why });
            return id;
        };
        let mut s = Session::new(policy, peer, self.rng.next_u64() | 1);
        s.target = Some(addr);
        s.credentials = Some(credentials);
        if policy == Policy::LosslessPeer {
            s.key = Some(addr);
            self.peers.insert(addr, id);
        }
        self.sessions.insert(id, s);
        self.dial_as(now, id, id, fx);
        id
    }

    /// Credentials for the next reconnect of a lossless session (tickets expire).
    pub fn set_credentials(&mut self, conn: ConnId, credentials: ClientAuth) {
        if let Some(s) = self.sessions.get_mut(&conn) {
            s.credentials = Some(credentials);
        }
    }

    /// Sends, or queues while the session is not ready. Dropped if the session is gone.
    pub fn send<H>(&mut self, _now: Now, conn: ConnId, mut msg: Message, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.get_mut(&conn) else { return };
        let transport = s.transport.and_then(|t| Some((t, self.transports.get_mut(&t)?)));
        let unsent = transport.as_ref().map_or(0, |(_, t)| t.unsent);
        let bytes = message_bytes(&msg);
        if s.queued(unsent) + bytes > 2 * self.config.limits.send_queue_bytes {
            self.counters.send_queue_full += 1;
            self.end_session(conn, fx);
            self.pending.push(Event::Closed { conn, why: CloseCause::SendQueueFull });
            return;
        }
        match transport {
            // A ready session has nothing that waits, unless its key is used up.
            Some((transport, t)) if s.ready && s.waiting.is_empty() => {
                self.counters.messages_out += 1;
                // Behind what goes there anyhow, as one of several answers costs less than its own effect.
                if let Some(Effect::Send { conn: last, bufs }) = fx.last_mut()
                    && *last == transport
                {
                    // Where the key is used up, after 2^64 frames, the peer sees a dead connection.
                    let bytes = s.put(t, &mut msg, bufs).unwrap_or(0);
                    return count_given(&mut self.counters, t, bytes);
                }
                let mut out = std::mem::take(&mut self.out);
                let _ = s.put(t, &mut msg, &mut out);
                give(&mut self.counters, transport, t, &mut out, fx);
                self.out = out;
            }
            _ => {
                s.waiting_bytes += bytes;
                s.waiting.push_back(msg);
                if s.ready {
                    self.flush_waiting(conn, fx);
                }
            }
        }
    }

    /// Bytes that may still be queued before the session counts as full; 0 when it is or is gone.
    pub fn send_room(&self, conn: ConnId) -> usize {
        let Some(s) = self.sessions.get(&conn) else { return 0 };
        let unsent = s.transport.and_then(|t| self.transports.get(&t)).map_or(0, |t| t.unsent);
        self.config.limits.send_queue_bytes.saturating_sub(s.queued(unsent))
    }

    /// The other end, once ready.
    pub fn peer(&self, conn: ConnId) -> Option<&PeerInfo> {
        self.sessions.get(&conn)?.peer.as_ref()
    }

    /// Ends the session; what was sent before still goes out. No event.
    pub fn close<H>(&mut self, conn: ConnId, fx: &mut Vec<Effect<H>>) {
        if self.sessions.contains_key(&conn) {
            self.end_session(conn, fx);
        }
    }

    /// Takes an input. Returns it if it is not (only) the messenger's: everything that is no
    /// connection's, connections it does not know, and `Start`, `Tick` and `Stop`, which a node may
    /// want too.
    pub fn handle<H>(
        &mut self,
        now: Now,
        input: Input<H>,
        auth: &mut dyn AuthServer,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Option<Input<H>> {
        events.append(&mut self.pending);
        match input {
            Input::Accepted { conn, peer, .. } => self.on_accepted(now, conn, peer, fx),
            Input::Connected { conn, .. } if self.transports.contains_key(&conn) => {
                self.on_connected(now, conn, fx)
            }
            Input::Received { conn, buf } if self.transports.contains_key(&conn) => {
                self.on_received(now, conn, buf, auth, events, fx)
            }
            Input::Sent { conn, bytes } if self.transports.contains_key(&conn) => {
                let t = self.transports.get_mut(&conn).expect("looked up");
                t.unsent = t.unsent.saturating_sub(bytes);
            }
            Input::Closed { conn, reason } if self.transports.contains_key(&conn) => {
                self.transports.get_mut(&conn).expect("looked up").closed = true;
                self.fail(now, conn, CloseCause::Transport(reason), events, fx);
            }
            Input::Tick => {
                self.on_tick(now, events, fx);
                return Some(Input::Tick);
            }
            other => return Some(other),
        }
        None
    }

    /// When the messenger wants a `Tick`.
    pub fn next_deadline(&self) -> Instant {
        match self.pending.is_empty() {
            true => self.timers.first().map_or(Instant::NEVER, |(at, _)| *at),
            false => Instant::ZERO,
        }
    }

    /// Gives back the `charge` of a delivered message. The connection reads again once it is under
    /// its budget. Harmless for sessions that are gone.
    pub fn release<H>(&mut self, conn: ConnId, charge: usize, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.get_mut(&conn) else { return };
        let was_full = s.is_full(&self.config.limits);
        s.held_bytes = s.held_bytes.saturating_sub(charge);
        s.held_messages = s.held_messages.saturating_sub(1);
        // Buffers are parked only while the session is full.
        if !was_full || s.is_full(&self.config.limits) {
            return;
        }
        let Some(transport) = s.transport else { return };
        if let Some(t) = self.transports.get_mut(&transport)
            && let Some(buf) = t.parked.take()
        {
            fx.push(Effect::Recv { conn: transport, buf });
        }
    }

    fn new_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId(self.next_conn - 1)
    }

    fn on_accepted<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        peer: SocketAddr,
        fx: &mut Vec<Effect<H>>,
    ) {
        self.counters.accepted += 1;
        if self.accepted_count >= self.config.limits.accepted_max {
            self.counters.refused_too_many += 1;
            fx.push(Effect::Close { conn });
            return;
        }
        self.accepted_count += 1;
        let link = Link::accept(EntityAddr::msgr2(peer, 0));
        self.transports.insert(conn, Transport::new(link, None, peer, now.mono));
        self.arm_transport(conn);
        self.on_connected(now, conn, fx);
    }

    fn on_connected<H>(&mut self, now: Now, conn: ConnId, fx: &mut Vec<Effect<H>>) {
        let t = self.transports.get_mut(&conn).expect("the caller looked it up");
        t.heard_at = now.mono;
        let mut out = Vec::new();
        t.link.start(&mut out);
        let buf = t.recv_buffer(BytesMut::new(), 1, &*self.memory);
        self.transmit(conn, &mut out, fx);
        fx.push(Effect::Recv { conn, buf });
    }

    fn on_received<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        mut buf: BytesMut,
        auth: &mut dyn AuthServer,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let mut arrived = buf.len();
        let mut out = std::mem::take(&mut self.out);
        let wanted = loop {
            let Some(t) = self.transports.get_mut(&conn) else { return };
            if arrived > 0 {
                t.heard_at = now.mono;
                if t.carried == 0 {
                    t.frame_since = now.mono;
                }
                t.note_read(&buf);
                let fresh = arrived.saturating_sub(t.carried);
                self.counters.bytes_in += fresh as u64;
                arrived = 0;
            }
            let mut cx = LinkContext {
                now,
                limits: &self.config.limits,
                kind: EntityKind::from_u32(self.config.name.kind as u32)
                    .unwrap_or(EntityKind::Client),
                auth,
                rng: &mut self.rng,
                out: &mut out,
                auth_refused: &mut self.counters.auth_refused,
                frames_aborted: &mut self.counters.frames_aborted,
            };
            let step = t.link.next(&mut cx, &mut buf);
            give(&mut self.counters, conn, t, &mut out, fx);
            let outcome = match step {
                Ok(Err(wanted)) => break wanted,
                Ok(Ok(LinkEvent::Message { seq, ack_seq, msg })) => {
                    let since = std::mem::replace(&mut t.frame_since, now.mono);
                    let id = t.session.expect("messages come on ready sessions");
                    self.on_message(id, since, (seq, ack_seq), msg, events)
                }
                Ok(Ok(event)) => self.on_link_event(now, conn, event, events, fx),
                Err(why) => Err(why),
            };
            if let Err(why) = outcome {
                self.fail(now, conn, why, events, fx);
                return;
            }
        };
        self.out = out;
        let Some(t) = self.transports.get_mut(&conn) else { return };
        let buf = t.recv_buffer(buf, wanted, &*self.memory);
        let session = t.session;
        match session.and_then(|id| self.sessions.get(&id)) {
            Some(s) if s.is_full(&self.config.limits) => t.parked = Some(buf),
            _ => fx.push(Effect::Recv { conn, buf }),
        }
        if let Some(id) = session {
            self.acknowledge(now, id, fx);
        }
    }

    #[inline]
    fn on_message(
        &mut self,
        id: ConnId,
        since: Instant,
        (seq, ack_seq): (u64, u64),
        msg: Message,
        events: &mut Vec<Event>,
    ) -> Result<(), CloseCause> {
        let s = self.sessions.get_mut(&id).expect("transports lead to sessions");
        if s.policy == Policy::LosslessPeer {
            s.drop_acked(ack_seq)?;
            if seq <= s.in_seq {
                self.counters.duplicates_dropped += 1;
                return Ok(());
            }
            if seq != s.in_seq + 1 {
                return Err(CloseCause::Protocol("message sequence"));
            }
        }
        s.in_seq = seq;
        let charge = message_bytes(&msg);
        s.held_bytes += charge;
        s.held_messages += 1;
        self.counters.messages_in += 1;
        events.push(Event::Message { conn: id, msg, charge, since });
        Ok(())
    }

    /// Acknowledges at once when much is unacknowledged, else soon.
    fn acknowledge<H>(&mut self, now: Now, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        if s.policy == Policy::Lossy || !s.ready || s.in_seq == s.ack_sent {
            return;
        }
        if s.in_seq - s.ack_sent >= ACK_MESSAGES_MAX {
            self.send_ack(id, fx);
        } else if s.ack_at == Instant::NEVER {
            s.ack_at = now.mono + timers::ACK_DELAY;
            self.arm_session(id);
        }
    }

    fn send_ack<H>(&mut self, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        s.ack_at = Instant::NEVER;
        let Some(conn) = s.transport.filter(|_| s.ready && s.ack_sent < s.in_seq) else { return };
        let t = self.transports.get_mut(&conn).expect("sessions lead to transports");
        let mut out = Vec::new();
        // A used-up key shows at the next frame that arrives or is due; nothing is lost by it.
        if t.link.send_ack(s.in_seq, &mut out).is_ok() {
            s.ack_sent = s.in_seq;
        }
        self.transmit(conn, &mut out, fx);
    }

    /// Puts everything that waits on the wire.
    fn flush_waiting<H>(&mut self, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        let Some(conn) = s.transport.filter(|_| s.ready) else { return };
        let t = self.transports.get_mut(&conn).expect("sessions lead to transports");
        let mut out = Vec::new();
        while let Some(mut msg) = s.waiting.pop_front() {
            s.waiting_bytes -= message_bytes(&msg);
            self.counters.messages_out += 1;
            if s.put(t, &mut msg, &mut out).is_err() {
                break;
            }
        }
        give(&mut self.counters, conn, t, &mut out, fx);
    }

    /// Sends again what the peer has not acknowledged, with the old numbers.
    fn replay<H>(&mut self, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let s = self.sessions.get_mut(&id).expect("the caller looked it up");
        let conn = s.transport.expect("a ready session has a connection");
        let t = self.transports.get_mut(&conn).expect("sessions lead to transports");
        let mut out = Vec::new();
        for (seq, msg) in &s.unacked {
            if t.link.send_message(*seq, s.in_seq, msg, &mut out).is_err() {
                break;
            }
        }
        s.ack_sent = s.in_seq;
        self.transmit(conn, &mut out, fx);
        self.flush_waiting(id, fx);
    }

    /// As [`give`], and to nobody where the connection is gone.
    fn transmit<H>(&mut self, conn: ConnId, bufs: &mut Vec<Bytes>, fx: &mut Vec<Effect<H>>) {
        if bufs.is_empty() {
            return;
        }
        match self.transports.get_mut(&conn) {
            Some(t) => give(&mut self.counters, conn, t, bufs, fx),
            None => bufs.clear(),
        }
    }

    /// Forgets a connection and closes it, unless the driver said that it is gone.
    fn drop_transport<H>(&mut self, conn: ConnId, fx: &mut Vec<Effect<H>>) {
        let Some(t) = self.transports.remove(&conn) else { return };
        self.timers.remove(&(t.timer, timers::Timer::Transport(conn)));
        self.counters.closed += 1;
        if conn.is_accepted() {
            self.accepted_count -= 1;
        }
        if !t.closed {
            fx.push(Effect::Close { conn });
        }
    }

    /// Forgets a session and its connection.
    fn end_session<H>(&mut self, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.remove(&id) else { return };
        self.timers.remove(&(s.timer, timers::Timer::Session(id)));
        if let Some(key) = s.key
            && self.peers.get(&key) == Some(&id)
        {
            self.peers.remove(&key);
        }
        if let Some(conn) = s.transport {
            self.drop_transport(conn, fx);
        }
    }

    /// A connection is over. Lossy sessions end with it, lossless ones try again.
    fn fail<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        why: CloseCause,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) {
        match why {
            CloseCause::Protocol(_) => self.counters.protocol_errors += 1,
            CloseCause::Timeout(_) => self.counters.timeouts += 1,
            _ => {}
        }
        let session = self.transports.get(&conn).and_then(|t| t.session);
        self.drop_transport(conn, fx);
        let Some(id) = session else { return };
        let Some(s) = self.sessions.get_mut(&id) else { return };
        if s.transport != Some(conn) {
            return;
        }
        s.transport = None;
        s.ready = false;
        let hopeless = matches!(why, CloseCause::WrongPeer | CloseCause::MissingFeatures(_));
        if s.policy == Policy::Lossy || hopeless {
            self.end_session(id, fx);
            events.push(Event::Closed { conn: id, why });
        } else {
            self.schedule_redial(now, id);
        }
    }
}

/// Gives `bufs` to the driver, and leaves them empty: with what it was given for `conn` just before,
/// if that is the last effect, as one of several answers costs less than its own effect.
fn give<H>(
    counters: &mut Counters,
    conn: ConnId,
    t: &mut Transport,
    bufs: &mut Vec<Bytes>,
    fx: &mut Vec<Effect<H>>,
) {
    if bufs.is_empty() {
        return;
    }
    count_given(counters, t, bufs.iter().map(Bytes::len).sum());
    match fx.last_mut() {
        Some(Effect::Send { conn: last, bufs: earlier }) if *last == conn => earlier.append(bufs),
        _ => fx.push(Effect::Send { conn, bufs: std::mem::take(bufs) }),
    }
}

fn count_given(counters: &mut Counters, t: &mut Transport, bytes: usize) {
    counters.bytes_out += bytes as u64;
    t.unsent += bytes;
}

#[cfg(test)]
mod tests;
