//! What a node says to its [`crate::table::Messenger`] and hears from it.

use crate::auth::{AuthMethod, AuthName, AuthReply, Mode, PeerCaps};
use crate::message::Message;
use std::net::SocketAddr;
use std::time::Duration;
use types::node::{CloseReason, ConnId};
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, Instant, features};

/// What a session promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Dies with its TCP connection; what was in flight is lost. Clients to monitors and OSDs.
    Lossy,
    /// Between our daemons: survives its TCP connections. Every message is delivered exactly once
    /// and in order, until one end forgets the session ([`Event::Reset`]).
    LosslessPeer,
}

/// Bounds of one messenger. Every queue and buffer from outside has one.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of delivered and not yet released messages, per connection.
    pub receive_budget_bytes: usize,
    /// Messages delivered and not yet released, per connection.
    pub receive_budget_messages: usize,
    /// Bytes queued for one peer and not yet in the kernel's hands (lossless: not yet acknowledged).
    /// [`crate::table::Messenger::send_room`] counts down to 0; a connection that is given twice as
    /// much is closed.
    pub send_queue_bytes: usize,
    /// Connections that were accepted and still exist.
    pub accepted_max: usize,
    pub front_bytes_max: u32,
    pub middle_bytes_max: u32,
    pub data_bytes_max: u32,
    /// From TCP connect or accept to a ready session.
    pub handshake_timeout: Duration,
    /// A ready accepted lossy connection on which nothing arrives for so long is closed.
    pub idle_timeout: Duration,
    /// The dialling end sends KEEPALIVE2 so often; zero for never.
    pub keepalive_interval: Duration,
    /// A dialled or lossless connection on which nothing arrives for so long is dead.
    pub dead_after: Duration,
    /// Lossless peers redial after this, doubled at each failure up to `backoff_max`.
    pub backoff_min: Duration,
    pub backoff_max: Duration,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            receive_budget_bytes: 100 << 20,
            receive_budget_messages: 4096,
            send_queue_bytes: 128 << 20,
            accepted_max: 16384,
            // OSDs send the pairs of an omap to each other in fronts, all that one write may bring.
            front_bytes_max: 112 << 20,
            middle_bytes_max: 16 << 20,
            data_bytes_max: 128 << 20,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(900),
            keepalive_interval: Duration::from_secs(10),
            dead_after: Duration::from_secs(30),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(5),
        }
    }
}

#[derive(Debug, Clone)]
pub struct MessengerConfig {
    /// Who we are. A client's number is -1 until a monitor gave it one
    /// ([`crate::table::Messenger::set_name`]).
    pub name: EntityName,
    /// Where we listen, as peers know it from maps (kind, port and nonce included). Empty for clients.
    pub addrs: EntityAddrVec,
    /// Where else we can be dialled. Peers that do so know the address from elsewhere than maps.
    pub also_at: EntityAddrVec,
    /// Modes in which we dial monitors, and other services, best first.
    pub modes_to_mon: Vec<Mode>,
    pub modes_to_service: Vec<Mode>,
    /// Advertised features.
    pub features: u64,
    /// Features that clients must have to be let in. Peers that are daemons need only MSG_ADDR2.
    pub features_required_of_clients: u64,
    /// Kinds of peers with which accepted sessions are lossless; every other is lossy.
    pub lossless_peers: Vec<EntityKind>,
    /// First id for connections that this messenger dials: nodes with several messengers give each
    /// a range of its own.
    pub first_conn: u64,
    pub limits: Limits,
}
impl MessengerConfig {
    /// Pacific's features, crc preferred to services and secure to monitors, as Ceph's defaults are.
    pub fn new(name: EntityName, addrs: EntityAddrVec) -> Self {
        Self {
            name,
            addrs,
            also_at: EntityAddrVec::default(),
            modes_to_mon: vec![Mode::Secure, Mode::Crc],
            modes_to_service: vec![Mode::Crc, Mode::Secure],
            features: features::PACIFIC,
            features_required_of_clients: features::MSG_ADDR2,
            lossless_peers: Vec::new(),
            first_conn: 1,
            limits: Limits::default(),
        }
    }
}

/// The other end of a ready session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// Kind from HELLO. Number: a client's global id, a daemon's number.
    pub name: EntityName,
    /// The principal that authenticated; at the dialling end the kind of the service and no id.
    pub auth_name: AuthName,
    pub global_id: u64,
    /// Accepting end only.
    pub caps: PeerCaps,
    /// From IDENT: where the peer listens; for clients their own idea of their address.
    pub addrs: EntityAddrVec,
    /// The TCP connection's other end.
    pub socket: SocketAddr,
    /// The peer's features that we have too.
    pub features: u64,
    pub method: AuthMethod,
    pub mode: Mode,
    /// Sessions with a monitor under cephx: what the monitor asked in the handshake. The AUTH ticket
    /// is renewed on the open session with a proof that answers it again. Else 0.
    pub challenge: u64,
    pub policy: Policy,
    /// We accepted the connection.
    pub accepted: bool,
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseCause {
    /// TCP ended.
    Transport(CloseReason),
    /// The peer broke the protocol; the text names the rule.
    Protocol(&'static str),
    /// A handshake, an idle connection or a dead peer ran out of time; the text names which.
    Timeout(&'static str),
    /// The dialled peer is not who it should be.
    WrongPeer,
    /// The peer lacks these features.
    MissingFeatures(u64),
    /// The peer refused our authentication (a negative errno), or the accepting end refused its.
    AuthRefused { errno: i32 },
    /// The peer forgot a lossy session, or answered with one we cannot use.
    Reset,
    /// The peer does not read as fast as this node writes.
    SendQueueFull,
    /// Too many accepted connections.
    TooMany,
    /// A newer connection of the same peer took this one's place.
    Replaced,
}

#[derive(Debug)]
pub enum Event {
    /// The session can be used. For lossless sessions also after each reconnect with a peer that
    /// had forgotten us (after [`Event::Reset`]), not after plain reconnects.
    Ready {
        conn: ConnId,
        peer: Box<PeerInfo>,
        /// At the dialling end, from a monitor.
        auth_reply: Option<Box<AuthReply>>,
        /// Our address as the peer sees it (its HELLO).
        our_addr: Option<EntityAddr>,
    },
    /// `charge` bytes of the connection's budget are held until
    /// [`crate::table::Messenger::release`]. Payloads share the receive buffer's memory: copy what
    /// is kept for long. The first bytes of it were at hand at `since`.
    Message { conn: ConnId, msg: Message, charge: usize, since: Instant },
    /// Lossless only: the peer forgot the session (it restarted). What was queued or unacknowledged
    /// is lost; the session goes on from nothing under the same id.
    Reset { conn: ConnId },
    /// The id is dead; nothing more comes for it. Not sent after a close of our own.
    Closed { conn: ConnId, why: CloseCause },
    /// The peer refused our authentication, `errno` negative (-13 EACCES, -1 EPERM). `Closed`
    /// follows.
    AuthFailed { conn: ConnId, errno: i32, allowed_methods: Vec<u32>, allowed_modes: Vec<u32> },
}

/// What was refused, dropped or retried since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    pub accepted: u64,
    pub dialled: u64,
    pub ready: u64,
    pub closed: u64,
    pub messages_in: u64,
    pub messages_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Connections closed because the peer broke the protocol: the alarm of the style guide.
    pub protocol_errors: u64,
    /// Wrong keys, unknown names, refused methods.
    pub auth_refused: u64,
    /// Messages that a reconnect brought twice.
    pub duplicates_dropped: u64,
    /// Frames that their sender gave up in the middle.
    pub frames_aborted: u64,
    pub reconnects: u64,
    pub resets: u64,
    pub timeouts: u64,
    pub refused_too_many: u64,
    pub send_queue_full: u64,
}
