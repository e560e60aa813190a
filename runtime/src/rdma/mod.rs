//! Connections over RDMA, for a driver that has them beside TCP.
//!
//! To the node they are the same ordered streams of bytes (`types::node`): [`Rdma`] takes the
//! effects of connections that it has, and its [`Event`]s become inputs. What it cannot do it hands
//! back, to be done over TCP. docs/design/0004-rdma.md says why it is as it is.
//!
//! * [`stream`] decides what is sent when: credits, framing, rendezvous; [`hello`] is what two ends
//!   tell each other first. Neither does any I/O.
//! * `sys` declares the libraries, `verbs` and `cm` own what they give; `memory` is registered, and `room`
//!   is the node's.
//! * `engine` moves bytes, `delivery` brings them to the node, `setup` makes connections, `ending` ends
//!   them.

mod cm;
pub mod counters;
mod delivery;
mod ending;
mod engine;
mod handout;
pub mod hello;
mod link;
mod memory;
mod room;
mod setup;
pub mod stream;
mod sys;
mod verbs;

pub use engine::Rdma;
pub use handout::Handout;
pub use verbs::{OpenError, Registered};

use std::net::SocketAddr;
use std::time::Duration;
use types::node::{CloseReason, ConnId, LogLevel};

/// How two ends find each other's queue pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// rdma_cm, at the port that TCP has too (its ports are apart). The first core listens and hands
    /// what comes to all cores in turn.
    Cm,
    /// A TCP connection, which stays for as long as the other does. Whichever core the driver gives
    /// it to looks what it wants.
    Tcp,
}

/// What this end does wrong on purpose, so that the other can be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has no receive buffers, whatever it tells the peer: each message finds none.
    NoReceives,
    /// It tells the peer of a queue pair that is not there and sends nothing: the peer hears nothing.
    Absent,
}

/// Settings of one core's connections. Cores that have clones of one share what comes by rdma_cm.
#[derive(Debug, Clone)]
pub struct RdmaConfig {
    /// As `rdma link` names it.
    pub device: String,
    pub port: u8,
    /// Only for [`Way::Tcp`]; `None` takes the first of RoCE v2 that is an IPv4 address.
    pub gid_index: Option<u8>,
    pub traffic_class: u8,
    /// The longest packet, bytes: 256, 512, 1024, 2048 or 4096; the port's by default.
    pub mtu: Option<u32>,
    pub way: Way,
    /// Buffers for what one peer sends before we have taken it, 4 to 1024, and bytes of each.
    pub buffers: u16,
    pub buffer_bytes: u32,
    /// Payloads from this length on are fetched by RDMA READ, so many bytes at a time.
    pub rendezvous_bytes: usize,
    pub piece_bytes: u32,
    /// Reads under way on one connection.
    pub reads: u8,
    /// Further ones, of this core, go over TCP.
    pub connections_max: u32,
    /// How long making a connection may take before it is tried over TCP.
    pub patience: Duration,
    /// How long an acknowledgement is waited for before packets are sent again: 4.096 us * 2^timeout.
    pub timeout: u8,
    /// How long the completion queue is looked at after it last had something, before the core
    /// sleeps.
    pub spin: Duration,
    /// Addresses that are connected to over TCP at once.
    pub except: Vec<SocketAddr>,
    pub handout: Handout,
    /// For tests only.
    pub fault: Option<Fault>,
}

impl RdmaConfig {
    pub fn new(device: &str) -> Self {
        Self {
            device: device.to_owned(),
            port: 1,
            gid_index: None,
            traffic_class: 0,
            mtu: None,
            way: Way::Cm,
            buffers: 16,
            buffer_bytes: 8 << 10,
            rendezvous_bytes: 16 << 10,
            piece_bytes: 64 << 10,
            reads: 4,
            connections_max: 256,
            patience: Duration::from_secs(3),
            timeout: 14,
            spin: Duration::from_micros(20),
            except: Vec::new(),
            handout: Handout::default(),
            fault: None,
        }
    }
}

/// What a driver is told.
#[derive(Debug)]
pub enum Event {
    Accepted {
        conn: ConnId,
        local: SocketAddr,
        peer: SocketAddr,
    },
    Connected {
        conn: ConnId,
        local: SocketAddr,
        peer: SocketAddr,
    },
    Received {
        conn: ConnId,
        buf: bytes::BytesMut,
    },
    Sent {
        conn: ConnId,
        bytes: usize,
    },
    Closed {
        conn: ConnId,
        reason: CloseReason,
    },
    /// Not over RDMA: connect over TCP.
    Fallback {
        conn: ConnId,
        addr: SocketAddr,
    },
    /// An accepted TCP connection that wants no RDMA, as it came.
    Plain {
        stream: std::net::TcpStream,
    },
    Log {
        level: LogLevel,
        text: String,
    },
}

impl Event {
    /// Whose it is, if a connection's that the node knows.
    fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Accepted { conn, .. }
            | Self::Connected { conn, .. }
            | Self::Received { conn, .. }
            | Self::Sent { conn, .. }
            | Self::Closed { conn, .. }
            | Self::Fallback { conn, .. } => Some(*conn),
            Self::Plain { .. } | Self::Log { .. } => None,
        }
    }
}

/// A descriptor to be polled once; [`Rdma::on_ready`] is told when it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    pub fd: std::os::fd::RawFd,
    pub events: i16,
    pub token: u64,
}
