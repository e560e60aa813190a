//! What is kept per TCP connection and per session.

use crate::api::{CloseCause, Limits, PeerInfo, Policy};
use crate::auth::ClientAuth;
use crate::message::Message;
use crate::session::Link;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use types::node::{ConnId, ReceiveMemory};
use types::{EntityAddr, EntityKind, Instant};

/// Receive buffers for the rest of a frame whose head has arrived: the first, on a busy connection up to
/// the second, and more for a frame that needs it. Between frames a connection holds none.
const BUFFER_MIN: usize = 4 << 10;
const BUFFER_MAX: usize = 128 << 10;
/// Frames from this size on get a buffer of their size from the driver, in which their data are aligned:
/// the store writes them to the device from there.
const LARGE_BYTES: usize = 64 << 10;
/// Less spare room than this is not worth a system call.
const SPARE_MIN: usize = 1 << 10;

pub(super) fn message_bytes(msg: &Message) -> usize {
    msg.front.len() + msg.middle.len() + msg.data.len()
}

pub(super) struct Transport {
    pub link: Link,
    /// `None` for accepted connections until IDENT.
    pub session: Option<ConnId>,
    pub socket: SocketAddr,
    /// The buffer that is not received into while the session is over its budget.
    pub parked: Option<BytesMut>,
    /// Bytes of the buffer's head that had arrived before the last read.
    pub carried: usize,
    /// When the first bytes of the frame that is being received were at hand.
    pub frame_since: Instant,
    buffer_size: usize,
    /// Bytes given to the driver and not yet in the kernel's hands.
    pub unsent: usize,
    pub opened_at: Instant,
    pub heard_at: Instant,
    pub keepalive_at: Instant,
    pub timer: Instant,
    /// The driver knows that it is gone.
    pub closed: bool,
}

impl Transport {
    pub fn new(link: Link, session: Option<ConnId>, socket: SocketAddr, now: Instant) -> Self {
        Self {
            link,
            session,
            socket,
            parked: None,
            carried: 0,
            frame_since: now,
            buffer_size: BUFFER_MIN,
            unsent: 0,
            opened_at: now,
            heard_at: now,
            keepalive_at: now,
            timer: Instant::NEVER,
            closed: false,
        }
    }

    /// Learns from a read how large the next buffer should be.
    pub fn note_read(&mut self, buf: &BytesMut) {
        if buf.len() == buf.capacity() && buf.len() >= self.buffer_size {
            self.buffer_size = (buf.len().next_power_of_two() * 2).min(BUFFER_MAX);
        } else if buf.len() < self.buffer_size / 8 {
            self.buffer_size = (self.buffer_size / 2).max(BUFFER_MIN);
        }
    }

    /// A buffer that begins with what is left in `buf` and can hold `wanted` bytes. If nothing is
    /// left, the driver chooses where it receives to.
    ///
    /// What is left is copied only where a frame does not fit, at most one buffer's worth per frame.
    pub fn recv_buffer(
        &mut self,
        buf: BytesMut,
        wanted: usize,
        memory: &dyn ReceiveMemory,
    ) -> BytesMut {
        self.carried = buf.len();
        if buf.is_empty() {
            return buf;
        }
        let spare = buf.capacity() - buf.len();
        let missing = wanted.saturating_sub(buf.len());
        // The end of a large frame is not moved for the sake of room behind it.
        if missing <= spare && (spare >= SPARE_MIN || buf.len() >= BUFFER_MIN) {
            return buf;
        }
        let mut fresh = match wanted {
            LARGE_BYTES.. => memory.room(wanted, self.link.data_at().unwrap_or(0)),
            _ => BytesMut::with_capacity(wanted.max(self.buffer_size)),
        };
        fresh.extend_from_slice(&buf);
        fresh
    }
}

pub(super) struct Session {
    pub policy: Policy,
    pub kind: EntityKind,
    /// Where to dial; `None` when the peer always dials.
    pub target: Option<EntityAddr>,
    pub credentials: Option<ClientAuth>,
    /// Entry of the table's `peers`.
    pub key: Option<EntityAddr>,
    pub transport: Option<ConnId>,
    /// Messages may flow on `transport`.
    pub ready: bool,
    /// [`crate::api::Event::Ready`] was given since the last reset.
    pub announced: bool,
    pub cookie: u64,
    pub peer_cookie: Option<u64>,
    pub connect_seq: u64,
    pub peer_global_seq: u64,
    pub in_seq: u64,
    pub ack_sent: u64,
    pub out_seq: u64,
    pub waiting: VecDeque<Message>,
    pub waiting_bytes: usize,
    /// Lossless: sent and not acknowledged, by seq.
    pub unacked: VecDeque<(u64, Message)>,
    pub unacked_bytes: usize,
    pub held_bytes: usize,
    pub held_messages: usize,
    pub peer: Option<PeerInfo>,
    pub backoff: Duration,
    pub redial_at: Instant,
    pub ack_at: Instant,
    pub timer: Instant,
}

impl Session {
    pub fn new(policy: Policy, kind: EntityKind, cookie: u64) -> Self {
        Self {
            policy,
            kind,
            target: None,
            credentials: None,
            key: None,
            transport: None,
            ready: false,
            announced: false,
            cookie,
            peer_cookie: None,
            connect_seq: 0,
            peer_global_seq: 0,
            in_seq: 0,
            ack_sent: 0,
            out_seq: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            unacked: VecDeque::new(),
            unacked_bytes: 0,
            held_bytes: 0,
            held_messages: 0,
            peer: None,
            backoff: Duration::ZERO,
            redial_at: Instant::NEVER,
            ack_at: Instant::NEVER,
            timer: Instant::NEVER,
        }
    }

    /// Bytes that wait, are on their way or may have to be sent again.
    pub fn queued(&self, unsent: usize) -> usize {
        self.waiting_bytes + self.unacked_bytes.max(unsent)
    }

    /// Frames `msg` for `t`, the session's connection, and takes it away if it may have to be sent again.
    /// Returns the frame's length; fails only where the key is used up.
    pub fn put(
        &mut self,
        t: &mut Transport,
        msg: &mut Message,
        out: &mut Vec<Bytes>,
    ) -> Result<usize, CloseCause> {
        self.out_seq += 1;
        let sent = t.link.send_message(self.out_seq, self.in_seq, msg, out);
        self.ack_sent = self.in_seq;
        if self.policy == Policy::LosslessPeer {
            self.unacked_bytes += message_bytes(msg);
            self.unacked.push_back((self.out_seq, std::mem::take(msg)));
        }
        sent
    }

    pub fn is_full(&self, limits: &Limits) -> bool {
        self.held_bytes >= limits.receive_budget_bytes
            || self.held_messages >= limits.receive_budget_messages
    }

    /// The peer has everything up to `seq`. It cannot have what was never sent.
    pub fn drop_acked(&mut self, seq: u64) -> Result<(), CloseCause> {
        if seq > self.out_seq {
            return Err(CloseCause::Protocol("acknowledgement of what was not sent"));
        }
        while self.unacked.front().is_some_and(|(sent, _)| *sent <= seq) {
            let (_, msg) = self.unacked.pop_front().expect("looked at");
            self.unacked_bytes -= message_bytes(&msg);
        }
        Ok(())
    }

    /// Forgets what the two ends had in common; the budget of delivered messages stays.
    pub fn forget(&mut self, cookie: u64) {
        self.cookie = cookie;
        self.peer_cookie = None;
        self.connect_seq = 0;
        self.peer_global_seq = 0;
        (self.in_seq, self.ack_sent, self.out_seq) = (0, 0, 0);
        self.waiting.clear();
        self.unacked.clear();
        (self.waiting_bytes, self.unacked_bytes) = (0, 0);
        self.announced = false;
        self.ack_at = Instant::NEVER;
    }
}

#[cfg(test)]
pub(super) fn tests_buffer_max() -> usize {
    BUFFER_MAX
}
