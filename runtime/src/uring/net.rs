//! TCP connections of one core.

use super::lent;
use super::ops::{Op, SendBatch};
use super::{Core, LINGER};
use crate::socket::sockaddr;
use bytes::{Bytes, BytesMut};
use io_uring::{opcode, squeue, types as ring};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use types::fixed_map::FixedMap;
use types::node::{CloseReason, ConnId, CoreId, Input};
use types::time::Instant;

/// Batches that are kept for later sends.
const SPARE_BATCHES_MAX: usize = 64;

pub struct Net {
    pub listeners: Vec<TcpListener>,
    conns: FixedMap<ConnId, Conn>,
    /// Closed connections that still send, by when they are cut off.
    lingering: BTreeMap<(Instant, ConnId), ()>,
    accepted_next: u64,
    /// Connections that were given something to send in this turn.
    pub to_send: Vec<ConnId>,
    /// Batches to use again, the last one first: it is still in the CPU's cache. The kernel knows a
    /// batch by its address, which the box keeps.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<SendBatch>>,
}

struct Conn {
    stream: TcpStream,
    /// Behind what a send that is under way has taken.
    queue: VecDeque<Bytes>,
    sending: bool,
    /// Operations under way; the descriptor stays open until there are none.
    ops: u32,
    state: State,
}

/// Why a receive has brought nothing.
enum Ended<H> {
    /// Not now: it is to be asked for again.
    Again,
    /// For good, and what the node is told.
    For(Option<Input<H>>),
}

#[derive(PartialEq, Clone, Copy)]
enum State {
    Connecting,
    Open,
    /// The node has closed it; the queue is still sent.
    Lingering(Instant),
    /// Shut down; waits for its operations to end.
    Shut,
}

/// What an accept has brought.
pub fn accepted(result: i32) -> Option<TcpStream> {
    // SAFETY: the kernel has just given this process a new descriptor, which nobody else owns.
    (result >= 0).then(|| unsafe { TcpStream::from_raw_fd(result) })
}

impl Net {
    pub fn new(core: CoreId) -> Self {
        Self {
            listeners: Vec::new(),
            conns: FixedMap::default(),
            lingering: BTreeMap::new(),
            accepted_next: ConnId::ACCEPTED | (core.0 as u64) << 40,
            to_send: Vec::new(),
            spare: Vec::new(),
        }
    }

    pub fn linger_deadline(&self) -> Instant {
        self.lingering.first_key_value().map_or(Instant::NEVER, |((at, _), ())| *at)
    }

    pub fn end_lingering(&mut self, now: Instant) {
        while let Some(entry) = self.lingering.first_entry()
            && entry.key().0 <= now
        {
            let ((_, conn), ()) = entry.remove_entry();
            self.shut(conn);
        }
    }

    pub fn open_conns(&self) -> Vec<ConnId> {
        self.conns.keys().copied().collect()
    }

    /// Nothing waits to be sent.
    pub fn is_drained(&self) -> bool {
        self.conns.values().all(|c| c.state == State::Shut)
    }

    fn add(&mut self, conn: ConnId, stream: TcpStream, state: State) {
        let _ = stream.set_nodelay(true);
        self.conns
            .insert(conn, Conn { stream, queue: VecDeque::new(), sending: false, ops: 0, state });
    }

    pub fn accepted_stream<H>(&mut self, stream: TcpStream) -> Option<Input<H>> {
        let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return None };
        let conn = ConnId(self.accepted_next);
        self.accepted_next += 1;
        self.add(conn, stream, State::Open);
        Some(Input::Accepted { conn, local, peer })
    }

    pub fn connected<H>(&mut self, conn: ConnId, result: i32) -> Option<Input<H>> {
        let c = self.ended(conn)?;
        if c.state != State::Connecting {
            self.forget_if_done(conn);
            return None;
        }
        if result == 0
            && let (Ok(local), Ok(peer)) = (c.stream.local_addr(), c.stream.peer_addr())
        {
            c.state = State::Open;
            return Some(Input::Connected { conn, local, peer });
        }
        self.conns.remove(&conn);
        let errno = if result < 0 { -result } else { libc::ENOTCONN };
        Some(Input::Closed { conn, reason: CloseReason::Os(errno) })
    }

    /// One operation of `conn` has ended.
    fn ended(&mut self, conn: ConnId) -> Option<&mut Conn> {
        let c = self.conns.get_mut(&conn)?;
        c.ops -= 1;
        Some(c)
    }

    fn shut(&mut self, conn: ConnId) {
        if let Some(c) = self.conns.get_mut(&conn) {
            if let State::Lingering(at) = c.state {
                self.lingering.remove(&(at, conn));
            }
            c.state = State::Shut;
            c.queue.clear();
            // Ends receives and sends that are under way.
            let _ = c.stream.shutdown(Shutdown::Both);
        }
        self.forget_if_done(conn);
    }

    fn forget_if_done(&mut self, conn: ConnId) {
        if self.conns.get(&conn).is_some_and(|c| c.state == State::Shut && c.ops == 0) {
            self.conns.remove(&conn);
        }
    }

    /// The connection broke: the node is told, once.
    fn broke<H>(&mut self, conn: ConnId, reason: CloseReason) -> Option<Input<H>> {
        let was_open = self.conns.get(&conn).is_some_and(|c| c.state == State::Open);
        self.shut(conn);
        was_open.then_some(Input::Closed { conn, reason })
    }
}

impl<H> Core<H> {
    pub fn connect(&mut self, conn: ConnId, addr: SocketAddr) {
        let (storage, len) = sockaddr(addr);
        let family = i32::from(storage.ss_family);
        // SAFETY: socket takes integers and returns a new descriptor or -1.
        let fd = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        assert!(fd >= 0, "no socket: {}", std::io::Error::last_os_error());
        // SAFETY: `fd` is open and nobody else owns it.
        self.net.add(conn, unsafe { TcpStream::from_raw_fd(fd) }, State::Connecting);
        self.net.conns.get_mut(&conn).expect("just added").ops += 1;
        let storage = Box::new(storage);
        let at = (&raw const *storage).cast();
        let entry = opcode::Connect::new(ring::Fd(fd), at, len).build();
        self.submit(Op::Connect { conn, _addr: storage }, entry);
    }

    pub fn recv(&mut self, conn: ConnId, buf: BytesMut) {
        if !buf.is_empty() {
            return self.recv_into(conn, buf);
        }
        // Lent again once it is dropped, or freed.
        drop(buf);
        let Some(fd) = self.begin_recv(conn) else { return };
        // The length is the buffer's.
        let entry = opcode::Recv::new(fd, std::ptr::null_mut(), 0).buf_group(lent::GROUP).build();
        self.submit(Op::RecvLent { conn }, entry.flags(squeue::Flags::BUFFER_SELECT));
    }

    fn recv_into(&mut self, conn: ConnId, mut buf: BytesMut) {
        let Some(fd) = self.begin_recv(conn) else { return };
        let spare = buf.spare_capacity_mut();
        debug_assert!(!spare.is_empty(), "a receive needs room");
        let (at, len) = (spare.as_mut_ptr().cast(), spare.len() as u32);
        self.submit(Op::Recv { conn, buf }, opcode::Recv::new(fd, at, len).build());
    }

    fn begin_recv(&mut self, conn: ConnId) -> Option<ring::Fd> {
        let c = self.net.conns.get_mut(&conn).filter(|c| c.state == State::Open)?;
        c.ops += 1;
        Some(ring::Fd(c.stream.as_raw_fd()))
    }

    pub fn received(&mut self, conn: ConnId, mut buf: BytesMut, result: i32) -> Option<Input<H>> {
        let n = match self.bytes_received(conn, result) {
            Ok(n) => n,
            Err(Ended::Again) => {
                self.recv_into(conn, buf);
                return None;
            }
            Err(Ended::For(input)) => return input,
        };
        let len = buf.len() + n;
        assert!(len <= buf.capacity(), "the kernel received past the buffer's end");
        // SAFETY: the kernel has written `n` bytes into the spare capacity, which starts at the old
        // length.
        unsafe { buf.set_len(len) };
        Some(Input::Received { conn, buf })
    }

    /// `id`: the buffer that the kernel has taken; none where nothing arrived.
    pub fn received_lent(
        &mut self,
        conn: ConnId,
        result: i32,
        id: Option<u16>,
    ) -> Option<Input<H>> {
        let buf = id.map(|id| self.lent.received(id, result.max(0) as usize));
        match (self.bytes_received(conn, result), buf) {
            (Ok(_), Some(buf)) => Some(Input::Received { conn, buf }),
            (Ok(n), None) => unreachable!("{n} bytes arrived in no buffer"),
            // Bytes wait, and all buffers are taken.
            (Err(Ended::Again), _) => {
                self.recv_into(conn, BytesMut::with_capacity(lent::OWN_BYTES));
                None
            }
            (Err(Ended::For(input)), _) => input,
        }
    }

    /// How many bytes a receive has brought.
    fn bytes_received(&mut self, conn: ConnId, result: i32) -> Result<usize, Ended<H>> {
        let Some(c) = self.net.ended(conn) else { return Err(Ended::For(None)) };
        if c.state != State::Open {
            self.net.forget_if_done(conn);
            return Err(Ended::For(None));
        }
        match result {
            0 => Err(Ended::For(self.net.broke(conn, CloseReason::Eof))),
            n if n > 0 => Ok(n as usize),
            n if [libc::EINTR, libc::EAGAIN, libc::ENOBUFS].contains(&-n) => Err(Ended::Again),
            n => Err(Ended::For(self.net.broke(conn, CloseReason::Os(-n)))),
        }
    }

    pub fn send(&mut self, conn: ConnId, bufs: Vec<Bytes>) {
        let Some(c) = self.net.conns.get_mut(&conn) else { return };
        if c.state != State::Open {
            return;
        }
        c.queue.extend(bufs.into_iter().filter(|b| !b.is_empty()));
        if !c.sending && self.net.to_send.last() != Some(&conn) {
            self.net.to_send.push(conn);
        }
    }

    /// Submits what the turn's effects send: all that goes to one connection together, so that
    /// neither end wakes up for the first of many messages.
    pub fn send_all(&mut self) {
        let mut conns = std::mem::take(&mut self.net.to_send);
        conns.drain(..).for_each(|conn| self.send_next(conn));
        self.net.to_send = conns;
    }

    /// Submits the head of the queue unless a send is under way: order is kept by having one.
    fn send_next(&mut self, conn: ConnId) {
        let Some(c) = self.net.conns.get_mut(&conn) else { return };
        if c.sending || c.queue.is_empty() {
            return;
        }
        let mut batch = self.net.spare.pop().unwrap_or_else(SendBatch::new);
        batch.bufs.extend(c.queue.drain(..c.queue.len().min(SendBatch::BUFFERS_MAX)));
        batch.prepare();
        c.sending = true;
        c.ops += 1;
        let fd = ring::Fd(c.stream.as_raw_fd());
        let entry = opcode::SendMsg::new(fd, &raw const batch.header)
            .flags(libc::MSG_NOSIGNAL as u32)
            .build();
        self.submit(Op::Send { conn, batch }, entry);
    }

    pub fn sent(
        &mut self,
        conn: ConnId,
        mut batch: Box<SendBatch>,
        result: i32,
    ) -> Option<Input<H>> {
        let bytes = result.max(0) as usize;
        let queue = self.net.conns.get_mut(&conn).map(|c| &mut c.queue);
        batch.finish(bytes, queue.unwrap_or(&mut VecDeque::new()));
        if self.net.spare.len() < SPARE_BATCHES_MAX {
            self.net.spare.push(batch);
        }
        let c = self.net.ended(conn)?;
        c.sending = false;
        if result < 0 && result != -libc::EINTR && result != -libc::EAGAIN {
            return self.net.broke(conn, CloseReason::Os(-result));
        }
        let (state, drained) = (c.state, c.queue.is_empty());
        match state {
            State::Lingering(_) if drained => {
                self.net.shut(conn);
                return None;
            }
            State::Shut => self.net.forget_if_done(conn),
            _ => self.send_next(conn),
        }
        (state == State::Open).then_some(Input::Sent { conn, bytes })
    }

    pub fn close(&mut self, conn: ConnId) {
        let deadline = self.clock.now().mono + LINGER;
        let Some(c) = self.net.conns.get_mut(&conn) else { return };
        match c.state {
            State::Open if c.sending || !c.queue.is_empty() => {
                c.state = State::Lingering(deadline);
                self.net.lingering.insert((deadline, conn), ());
            }
            State::Open | State::Connecting => self.net.shut(conn),
            State::Lingering(_) | State::Shut => {}
        }
    }
}
