//! Runs a [`Node`] that has only connections, on epoll: what readiness costs where the other drivers
//! wait for completions. For comparison (docs/performance/messenger.md); OSDs do not run on it.
//!
//! Edge-triggered, each connection registered once for both directions. A read or a write that moves
//! less than it could has emptied or filled the socket, so that none is made in vain.

use crate::clock::Clock;
use crate::tokio_driver::advance;
use crate::uring::Resources;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use types::fixed_map::FixedMap;
use types::node::{CloseReason, ConnId, Effect, Input, Node, recv_room};

const EVENTS_MAX: usize = 64;
const BUFFERS_MAX: usize = 128;
const RECEIVE_BYTES: usize = 128 << 10;
/// Tokens of what is no connection.
const WAKER: u64 = u64::MAX;
const LISTENERS: u64 = 1 << 32;

struct Conn {
    stream: TcpStream,
    /// Where the node wants the next bytes.
    lent: Option<BytesMut>,
    queue: VecDeque<Bytes>,
    readable: bool,
    writable: bool,
    /// The peer has closed, or the connection broke: a read says which.
    ended: bool,
}

struct Core {
    epoll: OwnedFd,
    clock: Clock,
    conns: FixedMap<ConnId, Conn>,
    accepted_next: u64,
    /// Connections that can be read from now and have somewhere to read to, those to write to, and
    /// those that are over.
    to_read: Vec<ConnId>,
    to_write: Vec<ConnId>,
    over: Vec<(ConnId, CloseReason)>,
    exit: Option<i32>,
}

/// Runs `node` on the calling thread until it asks to exit, and returns its exit code. It must not dial
/// and needs no device.
pub fn run<N: Node>(mut node: N, mut resources: Resources<N::Hop>) -> io::Result<i32> {
    if let Some(cpu) = resources.cpu {
        crate::uring::pin(cpu)?;
    }
    // SAFETY: epoll_create1 takes an integer and returns a new descriptor or -1.
    let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut core = Core {
        // SAFETY: `fd` is open and nobody else owns it.
        epoll: unsafe { OwnedFd::from_raw_fd(fd) },
        clock: Clock::new(),
        conns: FixedMap::default(),
        accepted_next: ConnId::ACCEPTED | (resources.port.core().0 as u64) << 40,
        to_read: Vec::new(),
        to_write: Vec::new(),
        over: Vec::new(),
        exit: None,
    };
    core.watch(resources.port.waker().fd(), libc::EPOLLIN, WAKER)?;
    for (index, listener) in resources.listeners.iter().enumerate() {
        listener.set_nonblocking(true)?;
        core.watch(listener.as_raw_fd(), libc::EPOLLIN, LISTENERS + index as u64)?;
    }
    let mut effects = Vec::new();
    let mut inputs = Vec::new();
    node.handle(core.clock.now(), Input::Start, &mut effects);
    loop {
        node.end_of_turn(core.clock.now(), &mut effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Log { level, text } => (resources.log)(core.clock.now(), level, &text),
                Effect::Hop { to, msg } => resources.port.push(to, msg),
                other => core.perform(other),
            }
        }
        resources.port.flush();
        core.write_all(&mut inputs);
        if let Some(code) = core.exit {
            return Ok(code);
        }
        let patience = core.clock.until(node.next_deadline());
        let at_hand = !core.to_read.is_empty() || !core.over.is_empty() || !inputs.is_empty();
        let busy = at_hand || resources.port.is_blocked();
        let timeout_ms = match patience {
            _ if busy || !resources.port.sleep() => 0,
            // Rounded up, so that the time has passed.
            Some(p) => p.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32,
            None => -1,
        };
        core.wait(timeout_ms, &resources, &mut inputs)?;
        resources.port.awake();
        core.read_all(&mut inputs);
        let now = core.clock.now();
        for input in inputs.drain(..) {
            node.handle(now, input, &mut effects);
        }
        while let Some((from, msg)) = resources.port.pop() {
            node.handle(now, Input::Hop { from, msg }, &mut effects);
        }
        if resources.port.take_stop() {
            node.handle(now, Input::Stop, &mut effects);
        }
        if node.next_deadline() <= now.mono {
            node.handle(now, Input::Tick, &mut effects);
        }
    }
}

impl Core {
    fn watch(&self, fd: RawFd, events: libc::c_int, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: token };
        // SAFETY: both descriptors are open, and the pointer is to one event, which the call reads.
        let done = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event)
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn perform<H>(&mut self, effect: Effect<H>) {
        match effect {
            Effect::Recv { conn, buf } => {
                let Some(c) = self.conns.get_mut(&conn) else { return };
                c.lent = Some(buf);
                if c.readable {
                    self.to_read.push(conn);
                }
            }
            Effect::Send { conn, bufs } => {
                let Some(c) = self.conns.get_mut(&conn) else { return };
                c.queue.extend(bufs.into_iter().filter(|b| !b.is_empty()));
                if self.to_write.last() != Some(&conn) {
                    self.to_write.push(conn);
                }
            }
            // What the socket holds is still sent.
            Effect::Close { conn } => drop(self.conns.remove(&conn)),
            Effect::Exit { code } => self.exit = Some(code),
            _ => panic!("this driver has accepted connections and nothing else"),
        }
    }

    fn wait<H>(
        &mut self,
        timeout_ms: i32,
        resources: &Resources<H>,
        inputs: &mut Vec<Input<H>>,
    ) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        // SAFETY: the pointer and the count describe `events`, which the call fills from its start.
        let got = unsafe {
            let (fd, at) = (self.epoll.as_raw_fd(), events.as_mut_ptr());
            libc::epoll_wait(fd, at, EVENTS_MAX as i32, timeout_ms)
        };
        if got < 0 {
            let e = io::Error::last_os_error();
            return if e.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(e) };
        }
        for event in &events[..got as usize] {
            let (bits, token) = (event.events as i32, event.u64);
            if token == WAKER {
                resources.port.waker().clear();
            } else if token & ConnId::ACCEPTED == 0 {
                self.accept(&resources.listeners[(token - LISTENERS) as usize], inputs);
            } else if let Some(c) = self.conns.get_mut(&ConnId(token)) {
                let ended = libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR;
                c.ended |= bits & ended != 0;
                if bits & (libc::EPOLLIN | ended) != 0 && !c.readable {
                    c.readable = true;
                    if c.lent.is_some() {
                        self.to_read.push(ConnId(token));
                    }
                }
                if bits & libc::EPOLLOUT != 0 && !c.writable {
                    c.writable = true;
                    self.to_write.push(ConnId(token));
                }
            }
        }
        Ok(())
    }

    fn accept<H>(&mut self, listener: &TcpListener, inputs: &mut Vec<Input<H>>) {
        while let Ok((stream, peer)) = listener.accept() {
            let conn = ConnId(self.accepted_next);
            self.accepted_next += 1;
            let events = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
            let Ok(local) = stream.local_addr() else { continue };
            let ready = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
            if ready.and_then(|()| self.watch(stream.as_raw_fd(), events, conn.0)).is_err() {
                continue;
            }
            let (queue, lent) = (VecDeque::new(), None);
            let c = Conn { stream, lent, queue, readable: false, writable: true, ended: false };
            self.conns.insert(conn, c);
            inputs.push(Input::Accepted { conn, local, peer });
        }
    }

    fn read_all<H>(&mut self, inputs: &mut Vec<Input<H>>) {
        let mut conns = std::mem::take(&mut self.to_read);
        for conn in conns.drain(..) {
            let Some(c) = self.conns.get_mut(&conn) else { continue };
            let Some(buf) = c.lent.take() else { continue };
            match c.read(buf) {
                Ok(buf) => inputs.push(Input::Received { conn, buf }),
                Err(Some(reason)) => self.over.push((conn, reason)),
                Err(None) => {}
            }
        }
        self.to_read = conns;
        for (conn, reason) in self.over.drain(..) {
            if self.conns.remove(&conn).is_some() {
                inputs.push(Input::Closed { conn, reason });
            }
        }
    }

    fn write_all<H>(&mut self, inputs: &mut Vec<Input<H>>) {
        let mut conns = std::mem::take(&mut self.to_write);
        for conn in conns.drain(..) {
            let Some(c) = self.conns.get_mut(&conn) else { continue };
            match c.write() {
                Ok(0) => {}
                Ok(bytes) => inputs.push(Input::Sent { conn, bytes }),
                Err(e) => {
                    let reason = CloseReason::Os(e.raw_os_error().unwrap_or(libc::EIO));
                    self.over.push((conn, reason));
                }
            }
        }
        self.to_write = conns;
    }
}

impl Conn {
    /// `None`: nothing is there, and the buffer is lent again.
    fn read(&mut self, buf: BytesMut) -> Result<BytesMut, Option<CloseReason>> {
        // Room that the node gives back is used on.
        let room = buf.capacity() - buf.len();
        let mut buf = if room > RECEIVE_BYTES / 4 { buf } else { recv_room(buf, RECEIVE_BYTES) };
        let spare = buf.spare_capacity_mut();
        let (at, room) = (spare.as_mut_ptr().cast(), spare.len());
        // SAFETY: the pointer and the length describe the buffer's spare capacity, which is this
        // value's alone.
        let got = unsafe { libc::recv(self.stream.as_raw_fd(), at, room, 0) };
        if got == 0 {
            return Err(Some(CloseReason::Eof));
        }
        if got < 0 {
            let e = io::Error::last_os_error();
            if ![io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&e.kind()) {
                return Err(Some(CloseReason::Os(e.raw_os_error().unwrap_or(libc::EIO))));
            }
            self.readable = false;
            self.lent = Some(buf);
            return Err(None);
        }
        // A socket that had less than there was room for is empty, and says when that changes.
        self.readable = got as usize == room || self.ended;
        // SAFETY: the kernel has written `got` bytes, at most `room`, behind the old length.
        unsafe { buf.set_len(buf.len() + got as usize) };
        Ok(buf)
    }

    /// How many bytes went out.
    fn write(&mut self) -> io::Result<usize> {
        let mut all = 0;
        while self.writable && !self.queue.is_empty() {
            let slices: Vec<_> =
                self.queue.iter().take(BUFFERS_MAX).map(|b| IoSlice::new(b)).collect();
            let asked: usize = slices.iter().map(|s| s.len()).sum();
            match self.stream.write_vectored(&slices) {
                Ok(n) => {
                    drop(slices);
                    advance(&mut self.queue, n);
                    all += n;
                    self.writable = n == asked;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }
}
