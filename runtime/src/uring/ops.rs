//! Operations under way in the ring, and the memory that the kernel may touch meanwhile.

use crate::pool::ReadBuf;
use bytes::{Bytes, BytesMut};
use types::node::{ConnId, IoId};

/// One submission. Owns its buffers, whose heap addresses do not change when the value moves.
pub enum Op {
    Accept {
        listener: usize,
    },
    Connect {
        conn: ConnId,
        _addr: Box<libc::sockaddr_storage>,
    },
    Recv {
        conn: ConnId,
        buf: BytesMut,
    },
    /// Into one of the buffers that the connections share.
    RecvLent {
        conn: ConnId,
    },
    Send {
        conn: ConnId,
        batch: Box<SendBatch>,
    },
    /// `buf` holds what has been read so far of `len` bytes from `offset`.
    Read {
        io: IoId,
        offset: u64,
        buf: ReadBuf,
        len: usize,
    },
    Write {
        io: IoId,
        offset: u64,
        buf: Bytes,
        durable: bool,
    },
    Flush {
        io: IoId,
    },
    /// `by_hole` after the kernel has refused the block device's own command.
    Discard {
        io: IoId,
        offset: u64,
        len: u64,
        by_hole: bool,
    },
    Wake,
    /// A poll of one of RDMA's descriptors.
    Rdma {
        token: u64,
    },
    /// A free slot.
    Shared,
}

/// Buffers of one sendmsg, with the vectors that describe them to the kernel.
pub struct SendBatch {
    pub header: libc::msghdr,
    pub vectors: Vec<libc::iovec>,
    pub bufs: Vec<Bytes>,
}

impl SendBatch {
    pub const BUFFERS_MAX: usize = 128;

    pub fn new() -> Box<Self> {
        Box::new(Self {
            // SAFETY: msghdr is plain data; all zero means no name, no vectors, no control data.
            header: unsafe { std::mem::zeroed() },
            vectors: Vec::with_capacity(Self::BUFFERS_MAX),
            bufs: Vec::with_capacity(Self::BUFFERS_MAX),
        })
    }

    /// Points the header at the vectors and these at the buffers. Call once `self` is boxed, and
    /// change nothing until the kernel has answered.
    pub fn prepare(&mut self) {
        self.vectors.clear();
        self.vectors.extend(
            self.bufs.iter().map(|b| libc::iovec {
                iov_base: b.as_ptr() as *mut libc::c_void,
                iov_len: b.len(),
            }),
        );
        self.header.msg_iov = self.vectors.as_mut_ptr();
        self.header.msg_iovlen = self.vectors.len() as _;
    }
}

/// Slots by user data. A slot is used again only after its operation's last completion.
#[derive(Default)]
pub struct Slab {
    slots: Vec<Op>,
    free: Vec<u32>,
}

impl Slab {
    pub fn insert(&mut self, op: Op) -> u64 {
        match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = op;
                index as u64
            }
            None => {
                self.slots.push(op);
                self.slots.len() as u64 - 1
            }
        }
    }

    pub fn remove(&mut self, key: u64) -> Op {
        self.free.push(key as u32);
        std::mem::replace(&mut self.slots[key as usize], Op::Shared)
    }

    /// A copy of a multishot operation that goes on. Only accepts are multishot.
    pub fn peek(&self, key: u64) -> Op {
        match &self.slots[key as usize] {
            Op::Accept { listener } => Op::Accept { listener: *listener },
            _ => unreachable!("only accepts are multishot"),
        }
    }
}
