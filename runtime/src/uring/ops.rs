//! Operations under way in the ring, and the memory that the kernel may touch meanwhile.

use crate::pool::ReadBuf;
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
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
        for buf in &self.bufs {
            match self.vectors.last_mut() {
                // Small frames are cut from one piece of memory, one behind the other: the kernel takes
                // several as one for less than each by itself.
                Some(v) if v.iov_base as usize + v.iov_len == buf.as_ptr() as usize => {
                    v.iov_len += buf.len()
                }
                _ => self.vectors.push(libc::iovec {
                    iov_base: buf.as_ptr() as *mut libc::c_void,
                    iov_len: buf.len(),
                }),
            }
        }
        self.header.msg_iov = self.vectors.as_mut_ptr();
        self.header.msg_iovlen = self.vectors.len() as _;
    }

    /// The kernel has taken the first `bytes`: what it has not goes first in `queue` again.
    pub fn finish(&mut self, mut bytes: usize, queue: &mut VecDeque<Bytes>) {
        let taken = |buf: &&Bytes| {
            let whole = buf.len() <= bytes;
            bytes -= if whole { buf.len() } else { 0 };
            whole
        };
        let taken = self.bufs.iter().take_while(taken).count();
        self.bufs.drain(taken..).rev().for_each(|buf| queue.push_front(buf));
        if bytes > 0 {
            queue.front_mut().expect("the kernel took no more than it was given").advance(bytes);
        }
        self.bufs.clear();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_together_is_one_vector() {
        let memory = Bytes::from(vec![7; 100]);
        let other = Bytes::from(vec![8; 10]);
        let mut batch = SendBatch::new();
        let (a, b, c) = (memory.slice(..40), memory.slice(40..70), memory.slice(71..));
        batch.bufs.extend([a, b.clone(), c, other.clone(), b]);
        batch.prepare();
        let start = memory.as_ptr() as usize;
        let found: Vec<_> =
            batch.vectors.iter().map(|v| (v.iov_base as usize, v.iov_len)).collect();
        let last = (other.as_ptr() as usize, 10);
        assert_eq!(found, [(start, 70), (start + 71, 29), last, (start + 40, 30)]);
        assert_eq!(batch.header.msg_iovlen, 4);
    }

    #[test]
    fn what_was_not_taken_goes_first_again() {
        let parts = ["one", "two", "", "three"].map(|text| Bytes::from_static(text.as_bytes()));
        let whole = "onetwothreelater";
        for taken in 0..=11 {
            let mut batch = SendBatch::new();
            batch.bufs.extend(parts.clone());
            let mut queue = VecDeque::from([Bytes::from_static(b"later")]);
            batch.finish(taken, &mut queue);
            assert!(batch.bufs.is_empty());
            let left: Vec<u8> = queue.iter().flatten().copied().collect();
            assert_eq!(left, whole.as_bytes()[taken..], "{taken}");
        }
    }
}
