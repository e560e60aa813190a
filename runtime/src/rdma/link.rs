//! One connection: its queue pair, its stream, and how far it has come.

use super::cm::CmId;
use super::room::Room;
use super::stream::Stream;
use super::verbs::{QueuePair, Registered};
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use types::node::ConnId;
use types::time::Instant;

/// Index of a link.
pub type Key = u32;

/// Which of a connection's steps is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Opening(Opening),
    Open,
    /// The node has closed it; what it sent before is still sent.
    Lingering,
    /// The queue pair has failed, or was made to; what is under way on it ends.
    Draining,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    CmAddress,
    CmRoute,
    CmAnswer,
    /// The peer has answered, and a first message is on its way: does it arrive?
    CmProbe,
    /// Accepted, and not confirmed.
    CmConfirm,
    TcpConnect,
    TcpAnswer(Vec<u8>),
    TcpProbe,
    /// An accepted TCP connection, of which it is not known what it wants.
    TcpPeek,
    TcpHello(Vec<u8>),
    TcpReady,
}

/// By what the connection was made, and what shows that the peer is gone.
pub enum Wire {
    None,
    Cm(CmId),
    Tcp(TcpStream),
}

impl Wire {
    /// Ends a poll that is under way, which would keep a socket open.
    pub fn shut(&self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A work request under way, with the memory that the device uses meanwhile.
pub enum Work {
    Send { piece: u32, carried: usize },
    Read { id: u64, landing: Landing },
}

/// Where the bytes of a read go, or have gone.
pub enum Landing {
    Piece(u32),
    Part(Part),
}

/// A part of the buffer that the node has lent. Fields drop in this order: what the device knows of the
/// memory goes before the memory may.
pub struct Part {
    pub memory: Rc<Registered>,
    pub bytes: BytesMut,
}

/// Of the node's memory, what the peer may read where it is. Fields drop in this order, as in [`Part`].
pub struct Held {
    pub memory: Rc<Registered>,
    pub bytes: Bytes,
}

/// Among the tokens of what the peer may read, those of [`Held`]; others are pieces.
pub const HELD: u32 = 1 << 31;

/// Fields drop in this order: the queue pair before what it was made with.
pub struct Link {
    pub conn: ConnId,
    /// Where to, if we opened it.
    pub target: Option<SocketAddr>,
    /// The other end, once it is open.
    pub peer: Option<SocketAddr>,
    pub state: State,
    pub pair: Option<QueuePair>,
    pub wire: Wire,
    /// What was watched last: an answer with another token is late.
    pub token: u64,
    /// From when the terms are known.
    pub stream: Option<Stream>,
    /// Lent by the node.
    pub recv: Option<Room>,
    /// Work requests under way, by their ids.
    pub works: BTreeMap<u64, Work>,
    pub sends: u32,
    pub sends_max: u32,
    /// Reads under way.
    pub reads: u32,
    /// Those that have ended, with what they have brought, by their ids.
    pub landed: BTreeMap<u64, Landing>,
    /// Pieces that the peer may read.
    pub lent: u32,
    /// What it may read elsewhere, by tokens, and how many there were.
    pub held: BTreeMap<u32, Held>,
    pub held_count: u32,
    pub deadline: Option<Instant>,
    /// The device has said that it takes no more receive buffers for it.
    pub is_drained: bool,
    pub is_dirty: bool,
    /// It has its share of the receive buffers.
    pub has_buffers: bool,
    /// Number of its first packet.
    pub packet: u32,
}

impl Link {
    pub fn new(conn: ConnId, target: Option<SocketAddr>, opening: Opening, wire: Wire) -> Self {
        Self {
            conn,
            target,
            peer: None,
            state: State::Opening(opening),
            pair: None,
            wire,
            token: 0,
            stream: None,
            recv: None,
            works: BTreeMap::new(),
            sends: 0,
            sends_max: 0,
            reads: 0,
            landed: BTreeMap::new(),
            lent: 0,
            held: BTreeMap::new(),
            held_count: 0,
            deadline: None,
            is_drained: false,
            is_dirty: false,
            has_buffers: false,
            packet: 0,
        }
    }

    pub fn number(&self) -> Option<u32> {
        self.pair.as_ref().map(|pair| pair.number)
    }
}

/// Work request ids: what it was, whose, and in which piece of memory.
pub mod id {
    use super::Key;
    pub const RECEIVE: u8 = 1;
    pub const SEND: u8 = 2;
    /// Into a piece.
    pub const READ: u8 = 3;
    /// Into the node's buffer; the read's own number takes the place of a piece's.
    pub const DIRECT: u8 = 4;

    pub fn pack(kind: u8, key: Key, piece: u32) -> u64 {
        debug_assert!(key < 1 << 24);
        (kind as u64) << 56 | (key as u64) << 32 | piece as u64
    }
    pub fn unpack(id: u64) -> (u8, Key, u32) {
        ((id >> 56) as u8, (id >> 32) as Key & 0xff_ffff, id as u32)
    }
}
