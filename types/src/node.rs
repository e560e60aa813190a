//! The vocabulary between a core and its driver.
//!
//! A daemon, a client or one core of an OSD is a [`Node`]: it takes an [`Input`], changes only
//! itself and appends [`Effect`]s. The drivers in `runtime/` (io_uring, glommio, tokio) and the
//! simulator perform the effects; they decide nothing. Nothing here waits, and a node never reads a
//! clock or a random source: time comes with each input, and a node is given a seed when it is made.

use crate::time::{Instant, Now};
use crate::zone::{Zone, ZoneOp};
use bytes::{Bytes, BytesMut};
use std::net::SocketAddr;
use std::rc::Rc;

/// A TCP (or RDMA) connection. Ids of accepted connections are chosen by the driver and have the top
/// bit set; ids of connections that the node opens are chosen by the node and have it clear.
/// Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

impl ConnId {
    pub const ACCEPTED: u64 = 1 << 63;
    pub fn is_accepted(self) -> bool {
        self.0 & Self::ACCEPTED != 0
    }
}

/// One device request, chosen by the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IoId(pub u64);

/// Which core of a process, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreId(pub u16);

/// A request to the device or to the key-value log failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoError {
    /// The operating system's error number (5 = EIO).
    Os(i32),
    /// The device ended before the request did.
    Short { wanted: usize, got: usize },
}
impl std::fmt::Display for IoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Os(n) => write!(f, "{}", std::io::Error::from_raw_os_error(*n)),
            Self::Short { wanted, got } => write!(f, "{got} bytes instead of {wanted}"),
        }
    }
}
impl std::error::Error for IoError {}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed it in order.
    Eof,
    /// The operating system's error number.
    Os(i32),
}

#[derive(Debug)]
pub enum Input<H> {
    /// The first input; the node opens its connections and mounts its store.
    Start,
    /// Nothing has been received yet: the node answers with [`Effect::Recv`] or [`Effect::Close`].
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
    /// The buffer of the last [`Effect::Recv`], or the driver's, longer by what arrived (at least one
    /// byte). The node owns it; room that is left in it may be used for the next receive.
    Received {
        conn: ConnId,
        buf: BytesMut,
    },
    /// `bytes` more of what the node sent are in the kernel's hands. Bounds send queues.
    Sent {
        conn: ConnId,
        bytes: usize,
    },
    /// The connection is gone, its buffers with it. Not sent after [`Effect::Close`].
    Closed {
        conn: ConnId,
        reason: CloseReason,
    },
    ReadDone {
        io: IoId,
        result: Result<Bytes, IoError>,
    },
    WriteDone {
        io: IoId,
        result: Result<(), IoError>,
    },
    FlushDone {
        io: IoId,
        result: Result<(), IoError>,
    },
    DiscardDone {
        io: IoId,
        result: Result<(), IoError>,
    },
    ZoneDone {
        io: IoId,
        result: Result<(), IoError>,
    },
    /// In ascending order, every zone that begins in the range.
    Zones {
        io: IoId,
        result: Result<Vec<Zone>, IoError>,
    },
    /// The batch of [`Effect::Persist`] with this id, and every one before it, is durable.
    Persisted {
        id: u64,
        result: Result<(), IoError>,
    },
    /// A message from another core of the same process, in order per sender.
    Hop {
        from: CoreId,
        msg: H,
    },
    /// The time of [`Node::next_deadline`] has come. Early or repeated ticks are harmless.
    Tick,
    /// Stop cleanly: answer with [`Effect::Exit`] within 2 s.
    Stop,
}

/// One change of the key-value store under the monitor's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvChange {
    Put { key: Vec<u8>, value: Vec<u8> },
    Delete { key: Vec<u8> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Debug)]
pub enum Effect<H> {
    Connect {
        conn: ConnId,
        addr: SocketAddr,
    },
    /// Receive into the spare capacity of `buf` (at least one byte of it), which already holds the
    /// head of a frame. One that holds nothing, with or without capacity, leaves it to the driver
    /// where to: it has memory ready once bytes arrive, and a connection that is idle costs none.
    /// One at a time per connection; a node that is full just does not ask.
    Recv {
        conn: ConnId,
        buf: BytesMut,
    },
    /// Sent in the order of the effects, whole, or the connection closes.
    Send {
        conn: ConnId,
        bufs: Vec<Bytes>,
    },
    /// What was given to `Send` before is still sent (bounded by a second), then closed.
    Close {
        conn: ConnId,
    },
    /// `offset` and `len` are multiples of the device's block size. The answer's memory is aligned.
    Read {
        io: IoId,
        offset: u64,
        len: usize,
    },
    /// `buf` is aligned as [`aligned_buf`] makes it. With `durable` the write is on stable media
    /// when it completes (FUA, or a write followed by a flush, as the device allows).
    Write {
        io: IoId,
        offset: u64,
        buf: Bytes,
        durable: bool,
    },
    /// Every write that has completed before is on stable media when this completes.
    Flush {
        io: IoId,
    },
    /// The range holds nothing of use: the device may forget it. Writes there wait for the answer.
    Discard {
        io: IoId,
        offset: u64,
        len: u64,
    },
    /// Zoned devices only: of the zone that begins at `offset` and takes `len` bytes of the device.
    /// Neither writes nor another of these are under way there.
    Zone {
        io: IoId,
        offset: u64,
        len: u64,
        op: ZoneOp,
    },
    /// Zoned devices only: report the zones of a range.
    ReportZones {
        io: IoId,
        offset: u64,
        len: u64,
    },
    /// Apply atomically and durably, in order of `id`. Monitors only.
    Persist {
        id: u64,
        changes: Vec<KvChange>,
    },
    Hop {
        to: CoreId,
        msg: H,
    },
    Log {
        level: LogLevel,
        text: String,
    },
    /// The process ends with this code once what was sent is out.
    Exit {
        code: i32,
    },
}

/// Decisions of one daemon, one core of an OSD, or one client.
pub trait Node {
    /// What the cores of one process say to each other.
    type Hop: Send + 'static;

    /// Called before the first input by a driver that has memory for what the node writes to the
    /// device. A node that writes nothing has no use for it.
    fn use_memory(&mut self, _memory: Rc<dyn WriteMemory>) {}

    /// Called before the first input by a driver that has memory for large frames.
    fn use_receive_memory(&mut self, _memory: Rc<dyn ReceiveMemory>) {}

    /// Called before the first input by a driver that shows stages of operations to tracing tools.
    fn use_probes(&mut self, _probes: Rc<dyn StageProbes>) {}

    fn handle(&mut self, now: Now, input: Input<Self::Hop>, effects: &mut Vec<Effect<Self::Hop>>);

    /// The driver has no further input at hand: the moment to write a batch and to send what waits.
    fn end_of_turn(&mut self, now: Now, effects: &mut Vec<Effect<Self::Hop>>);

    /// When the node wants an [`Input::Tick`]; [`Instant::NEVER`] for not at all.
    fn next_deadline(&self) -> Instant;
}

/// Alignment of memory for direct I/O, and the block size of our formats.
pub const BLOCK_SIZE: usize = 4096;

/// An empty buffer whose memory starts at a multiple of [`BLOCK_SIZE`] and holds `len` bytes before
/// it would move.
pub fn aligned_buf(len: usize) -> BytesMut {
    align(BytesMut::with_capacity(len + BLOCK_SIZE), 0)
}

/// The rest of an empty buffer, of which byte `at` lies at a multiple of [`BLOCK_SIZE`]. It holds less
/// by up to a block.
pub fn align(mut buf: BytesMut, at: usize) -> BytesMut {
    debug_assert!(buf.is_empty());
    let skip = buf.as_ptr().wrapping_add(at).align_offset(BLOCK_SIZE);
    buf.resize(skip, 0);
    let aligned = buf.split_off(skip);
    debug_assert_eq!((aligned.as_ptr() as usize + at) % BLOCK_SIZE, 0);
    aligned
}

/// Where to receive, for a driver that has no memory of its own ready: `buf` as [`Effect::Recv`] gave
/// it, or room for `len` bytes if that holds nothing. `len` is more than 0.
pub fn recv_room(buf: BytesMut, len: usize) -> BytesMut {
    if buf.is_empty() { BytesMut::with_capacity(len) } else { buf }
}

/// Where what is written to the device is put together. The driver may have memory that the kernel
/// knows already; a write from any other does the same and costs more.
pub trait WriteMemory {
    /// A copy of `parts`, one behind the other, aligned as [`aligned_buf`] makes it.
    fn join(&self, parts: &[&[u8]]) -> Bytes;
}

/// Where large frames are received. The driver may have memory that has been used before: what is new
/// to the process costs the kernel more than receiving into it.
pub trait ReceiveMemory {
    /// An empty buffer with room for `len` bytes and no more, of which byte `at` lies at a multiple of
    /// [`BLOCK_SIZE`].
    fn room(&self, len: usize, at: usize) -> BytesMut;
}

/// An operation that goes through a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSeen {
    /// In the order of the node's stages, from 0.
    pub stage: u8,
    /// The node's kind of operation.
    pub kind: u8,
    pub shard: u16,
    /// Number of the client, and of the operation among its own.
    pub client: i64,
    pub tid: u64,
    /// Since the operation came, ns.
    pub after_ns: u64,
}

/// Where stages of operations are shown as they happen.
pub trait StageProbes {
    fn stage(&self, seen: StageSeen);
}

/// Memory of the allocator, for who is lent none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heap;

impl WriteMemory for Heap {
    fn join(&self, parts: &[&[u8]]) -> Bytes {
        let mut buf = aligned_buf(parts.iter().map(|part| part.len()).sum());
        parts.iter().for_each(|part| buf.extend_from_slice(part));
        buf.freeze()
    }
}

impl ReceiveMemory for Heap {
    fn room(&self, len: usize, at: usize) -> BytesMut {
        let mut room = align(BytesMut::with_capacity(len + BLOCK_SIZE), at);
        // What is received does not depend on where the memory lies, so that a run can be repeated.
        drop(room.split_off(len));
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_lies_where_it_is_asked_to() {
        for (len, at) in [(1, 0), (4096, 1), (100_000, 117), (1 << 20, 5000), (9000, 4096)] {
            let mut room = Heap.room(len, at);
            assert_eq!(room.capacity(), len, "wherever the memory lies");
            let start = room.as_ptr();
            room.resize(len, 7);
            assert_eq!(room.as_ptr(), start);
            assert!((start as usize + at).is_multiple_of(BLOCK_SIZE));
        }
    }

    #[test]
    fn only_a_buffer_that_holds_nothing_is_replaced() {
        let mut head = BytesMut::with_capacity(100);
        assert_eq!(recv_room(head.clone(), 4096).capacity(), 4096);
        head.extend_from_slice(b"head");
        assert_eq!(recv_room(head, 4096), "head");
    }

    #[test]
    fn aligned_buffers_stay_where_they_are() {
        for len in [1, 511, 4096, 100_000, 1 << 20] {
            let mut buf = aligned_buf(len);
            let at = buf.as_ptr();
            buf.resize(len, 7);
            assert_eq!(buf.as_ptr(), at);
            assert_eq!(buf.freeze().as_ptr() as usize % BLOCK_SIZE, 0);
        }
    }
}
