//! Runs one core of an OSD (any [`Node`]) on a glommio executor: the second driver (D5).
//!
//! The shape is that of the tokio driver: one task owns the node, each connection has a reader and a
//! writer task, each device request a task of its own, and all answer into one queue. Kept to
//! glommio's safe ground: its default preempt timer, no task that spins, our own rings between cores
//! (`hop.rs`), our own sizes and alignment for the device.

use crate::allocator::GiveBack;
use crate::clock::Clock;
use crate::cpu_latency::Watch;
use crate::device::{Device, Durability};
use crate::hop::Port;
use crate::slabs::Slabs;
use crate::socket::ReadRoom;
use crate::tokio_driver::advance;
use crate::uring::SHARED_LISTENER;
use bytes::{Bytes, BytesMut};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use glommio::io::{DmaFile, OpenOptions};
use glommio::net::{TcpListener, TcpStream};
use glommio::{GlommioError, LocalExecutorBuilder, Placement, Task};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::TcpStream as StdStream;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;
use types::node::{
    CloseReason, ConnId, Effect, Input, IoError, IoId, Node, aligned_buf, recv_room,
};
use types::zone::Zone;

/// Inputs handled before the batch is closed.
const INPUTS_PER_TURN_MAX: usize = 256;
/// Bytes gathered from several buffers into one write.
const GATHER_BYTES_MAX: usize = 64 << 10;
/// How long a closed connection may take to send what was queued.
const LINGER: Duration = Duration::from_millis(800);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The same as the io_uring driver takes.
pub use crate::uring::Resources;

/// Runs `node` on the calling thread until it asks to exit, and returns its exit code.
pub fn run<N: Node + 'static>(node: N, resources: Resources<N::Hop>) -> io::Result<i32> {
    let placement = resources.cpu.map_or(Placement::Unbound, Placement::Fixed);
    let executor = LocalExecutorBuilder::new(placement).make().map_err(io::Error::from)?;
    executor.run(drive(node, resources))
}

enum Report {
    Accepted { stream: StdStream, listener: usize },
    Connected { conn: ConnId, result: Result<TcpStream, CloseReason> },
    Received { conn: ConnId, buf: BytesMut },
    Sent { conn: ConnId, bytes: usize },
    Closed { conn: ConnId, reason: CloseReason },
    ReadDone { io: IoId, result: Result<Bytes, IoError> },
    WriteDone { io: IoId, result: Result<(), IoError> },
    FlushDone { io: IoId, result: Result<(), IoError> },
    DiscardDone { io: IoId, result: Result<(), IoError> },
    ZoneDone { io: IoId, result: Result<(), IoError> },
    Zones { io: IoId, result: Result<Vec<Zone>, IoError> },
}

/// What the helper tasks report, and the task that waits for it.
#[derive(Default)]
struct Inbox {
    reports: VecDeque<Report>,
    waiter: Option<Waker>,
}
type Reports = Rc<RefCell<Inbox>>;

fn report(reports: &Reports, report: Report) {
    let mut inbox = reports.borrow_mut();
    inbox.reports.push_back(report);
    if let Some(waiter) = inbox.waiter.take() {
        waiter.wake();
    }
}

/// Bytes that wait to be sent on one connection.
#[derive(Default)]
struct SendQueue {
    pending: VecDeque<Bytes>,
    closed: bool,
    waiter: Option<Waker>,
}

struct Conn {
    /// Buffers to receive into; at most one.
    recv: Rc<RefCell<(Option<BytesMut>, Option<Waker>)>>,
    send: Rc<RefCell<SendQueue>>,
    /// Dropping it ends the receive.
    _reader: Task<()>,
}

struct Driver<H> {
    clock: Clock,
    reports: Reports,
    conns: BTreeMap<ConnId, Option<Conn>>,
    accepted_next: u64,
    device: Option<Rc<DmaFile>>,
    /// Held for its lock.
    opened: Option<Device>,
    durability: Durability,
    port: Port<H>,
    writers: Rc<RefCell<usize>>,
    log: crate::LogSink,
    exit: Option<i32>,
}

async fn drive<N: Node>(mut node: N, resources: Resources<N::Hop>) -> io::Result<i32> {
    let reports = Reports::default();
    if !resources.listeners.is_empty() {
        resources.port.sit_down();
    }
    for (index, listener) in resources.listeners.into_iter().enumerate() {
        // To accept, the executor makes the socket non-blocking for a moment, and with it every handle of
        // the same socket: of two that do so the second may find it blocking again and wait in accept(2)
        // with its whole core. So one core accepts for all.
        if index == SHARED_LISTENER && !resources.port.take_door() {
            continue;
        }
        // SAFETY: `into_raw_fd` gives up the only ownership of an open listening socket.
        let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
        glommio::spawn_local(accept(listener, index, reports.clone())).detach();
    }
    let device = match &resources.device {
        None => None,
        Some(device) => {
            let path = format!("/proc/self/fd/{}", device.fd());
            let file = OpenOptions::new().read(true).write(true).dma_open(path).await;
            Some(Rc::new(file.map_err(io::Error::from)?))
        }
    };
    let mut driver = Driver {
        clock: Clock::new(),
        reports,
        conns: BTreeMap::new(),
        accepted_next: ConnId::ACCEPTED | (resources.port.core().0 as u64) << 40,
        device,
        durability: resources.device.as_ref().map_or(Durability::Dsync, Device::durability),
        opened: resources.device,
        port: resources.port,
        writers: Rc::default(),
        log: resources.log,
        exit: None,
    };
    let mut effects = Vec::new();
    let slabs: Rc<Slabs> = Rc::default();
    let mut cpu_latency = Watch::new(resources.cpu_latency);
    let mut free_memory = GiveBack::new(driver.clock.now().mono);
    node.use_receive_memory(slabs.clone());
    node.use_probes(Rc::new(crate::probes::Usdt));
    node.handle(driver.clock.now(), Input::Start, &mut effects);
    loop {
        node.end_of_turn(driver.clock.now(), &mut effects);
        for effect in effects.drain(..) {
            driver.perform(effect);
        }
        driver.port.flush();
        if let Some(code) = driver.exit {
            driver.finish().await;
            return Ok(code);
        }
        driver.wait(node.next_deadline().min(slabs.deadline()).min(cpu_latency.deadline())).await;
        let mut events = 0;
        for _ in 0..INPUTS_PER_TURN_MAX {
            let Some(report) = driver.reports.borrow_mut().reports.pop_front() else { break };
            events += 1;
            if let Some(input) = driver.input(report) {
                node.handle(driver.clock.now(), input, &mut effects);
            }
        }
        for _ in 0..INPUTS_PER_TURN_MAX {
            let Some((from, msg)) = driver.port.pop() else { break };
            events += 1;
            node.handle(driver.clock.now(), Input::Hop { from, msg }, &mut effects);
        }
        let now = driver.clock.now();
        while let Some(stream) = driver.port.take_handed() {
            if let Some(input) = driver.take(stream) {
                node.handle(now, input, &mut effects);
            }
        }
        if driver.port.take_stop() {
            node.handle(now, Input::Stop, &mut effects);
        }
        if node.next_deadline() <= now.mono {
            node.handle(now, Input::Tick, &mut effects);
        }
        cpu_latency.turn(now.mono, events);
        slabs.trim(now.mono);
        free_memory.turn(now.mono);
    }
}

impl<H: Send + 'static> Driver<H> {
    /// Waits for a report, a message from another core, a stop or `deadline`.
    async fn wait(&mut self, deadline: types::Instant) {
        let timer = self.clock.until(deadline);
        let (reports, port) = (self.reports.clone(), &mut self.port);
        let something = poll_fn(|cx| {
            let mut inbox = reports.borrow_mut();
            port.waker().register(cx.waker());
            inbox.waiter = Some(cx.waker().clone());
            let told = port.must_stop() || port.has_handed();
            let idle = inbox.reports.is_empty() && !told && !port.is_blocked();
            if idle && port.sleep() { Poll::Pending } else { Poll::Ready(()) }
        });
        match timer {
            None => something.await,
            Some(left) => {
                let timeout = async {
                    glommio::timer::Timer::new(left).await;
                };
                futures_lite::future::or(something, timeout).await
            }
        }
        self.port.awake();
        self.port.waker().clear();
        // A full ring empties only when the other core runs; let this executor do its own work.
        if self.port.is_blocked() {
            glommio::executor().yield_task_queue_now().await;
        }
    }

    fn input(&mut self, report: Report) -> Option<Input<H>> {
        Some(match report {
            Report::Accepted { stream, listener } => {
                let own = match listener {
                    SHARED_LISTENER => self.port.hand_out(stream)?,
                    _ => stream,
                };
                return self.take(own);
            }
            Report::Connected { conn, result } => {
                if !self.conns.contains_key(&conn) {
                    return None;
                }
                let addrs = |s: TcpStream| {
                    let reason = |_| CloseReason::Os(libc::ENOTCONN);
                    let (local, peer) = (s.local_addr(), s.peer_addr());
                    Ok((local.map_err(reason)?, peer.map_err(reason)?, s))
                };
                match result.and_then(addrs) {
                    Ok((local, peer, stream)) => {
                        self.open(conn, stream);
                        Input::Connected { conn, local, peer }
                    }
                    Err(reason) => {
                        self.conns.remove(&conn);
                        Input::Closed { conn, reason }
                    }
                }
            }
            Report::Received { conn, buf } => {
                self.conns.get(&conn)?;
                Input::Received { conn, buf }
            }
            Report::Sent { conn, bytes } => {
                self.conns.get(&conn)?;
                Input::Sent { conn, bytes }
            }
            Report::Closed { conn, reason } => {
                self.close(conn)?;
                Input::Closed { conn, reason }
            }
            Report::ReadDone { io, result } => Input::ReadDone { io, result },
            Report::WriteDone { io, result } => Input::WriteDone { io, result },
            Report::FlushDone { io, result } => Input::FlushDone { io, result },
            Report::DiscardDone { io, result } => Input::DiscardDone { io, result },
            Report::ZoneDone { io, result } => Input::ZoneDone { io, result },
            Report::Zones { io, result } => Input::Zones { io, result },
        })
    }

    /// Serves an accepted connection. `None` if it is over already.
    fn take(&mut self, stream: StdStream) -> Option<Input<H>> {
        let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
        let conn = ConnId(self.accepted_next);
        self.accepted_next += 1;
        // SAFETY: `into_raw_fd` gives up the only ownership of an open socket.
        self.open(conn, unsafe { TcpStream::from_raw_fd(stream.into_raw_fd()) });
        Some(Input::Accepted { conn, local, peer })
    }

    fn open(&mut self, conn: ConnId, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (reader, writer) = futures_lite::io::split(stream);
        let recv = Rc::new(RefCell::new((None, None)));
        let send = Rc::new(RefCell::new(SendQueue::default()));
        let read = read_loop(conn, reader, recv.clone(), self.reports.clone());
        let write = write_loop(conn, writer, send.clone(), self.reports.clone());
        *self.writers.borrow_mut() += 1;
        let writers = self.writers.clone();
        glommio::spawn_local(async move {
            write.await;
            *writers.borrow_mut() -= 1;
        })
        .detach();
        let conn_state = Conn { recv, send, _reader: glommio::spawn_local(read) };
        self.conns.insert(conn, Some(conn_state));
    }

    /// Forgets `conn`; its writer ends once it has sent the rest. `None` if there is no such.
    fn close(&mut self, conn: ConnId) -> Option<()> {
        if let Some(c) = self.conns.remove(&conn)? {
            let mut send = c.send.borrow_mut();
            send.closed = true;
            if let Some(waiter) = send.waiter.take() {
                waiter.wake();
            }
        }
        Some(())
    }

    fn perform(&mut self, effect: Effect<H>) {
        let reports = self.reports.clone();
        match effect {
            Effect::Connect { conn, addr } => {
                self.conns.insert(conn, None);
                let connect = async move {
                    let result = TcpStream::connect_timeout(addr, CONNECT_TIMEOUT).await;
                    let result = result.map_err(|e| close_reason(&e.into()));
                    report(&reports, Report::Connected { conn, result });
                };
                glommio::spawn_local(connect).detach();
            }
            Effect::Recv { conn, buf } => {
                if let Some(Some(c)) = self.conns.get(&conn) {
                    let mut recv = c.recv.borrow_mut();
                    recv.0 = Some(buf);
                    if let Some(waiter) = recv.1.take() {
                        waiter.wake();
                    }
                }
            }
            Effect::Send { conn, bufs } => {
                if let Some(Some(c)) = self.conns.get(&conn) {
                    let mut send = c.send.borrow_mut();
                    send.pending.extend(bufs);
                    if let Some(waiter) = send.waiter.take() {
                        waiter.wake();
                    }
                }
            }
            Effect::Close { conn } => {
                self.close(conn);
            }
            Effect::Read { io, offset, len } => {
                let file = self.device();
                let read = async move {
                    let result = read(&file, offset, len).await;
                    report(&reports, Report::ReadDone { io, result });
                };
                glommio::spawn_local(read).detach();
            }
            Effect::Write { io, offset, buf, durable } => {
                let file = self.device();
                let must_flush = self.durability.write_flags(durable) != 0;
                let write = async move {
                    let result = write(&file, offset, buf, must_flush).await;
                    report(&reports, Report::WriteDone { io, result });
                };
                glommio::spawn_local(write).detach();
            }
            Effect::Flush { io } => {
                let file = self.device();
                let flush = async move {
                    let result = file.fdatasync().await.map_err(io_error);
                    report(&reports, Report::FlushDone { io, result });
                };
                glommio::spawn_local(flush).detach();
            }
            Effect::Discard { io, offset, len } => {
                let file = self.device();
                let discard = async move {
                    let result = file.deallocate(offset, len).await.map_err(io_error);
                    report(&reports, Report::DiscardDone { io, result });
                };
                glommio::spawn_local(discard).detach();
            }
            Effect::Zone { io, offset, len, op } => {
                let device = self.handle();
                let work = async move {
                    let blocking = move || device.zone_op(offset, len, op);
                    let result = glommio::executor().spawn_blocking(blocking).await;
                    report(&reports, Report::ZoneDone { io, result });
                };
                glommio::spawn_local(work).detach();
            }
            Effect::ReportZones { io, offset, len } => {
                let device = self.handle();
                let work = async move {
                    let blocking = move || device.report_zones(offset, len);
                    let result = glommio::executor().spawn_blocking(blocking).await;
                    report(&reports, Report::Zones { io, result });
                };
                glommio::spawn_local(work).detach();
            }
            Effect::Persist { .. } => panic!("this driver has no key-value store"),
            Effect::Hop { to, msg } => self.port.push(to, msg),
            Effect::Log { level, text } => (self.log)(self.clock.now(), level, &text),
            Effect::Exit { code } => self.exit = Some(code),
        }
    }

    fn device(&self) -> Rc<DmaFile> {
        self.device.clone().expect("a node that does disk I/O is given a device")
    }

    /// For a thread that blocks.
    fn handle(&self) -> Device {
        let device = self.opened.as_ref().expect("a node that does disk I/O is given a device");
        device.try_clone().expect("a descriptor is left for the device")
    }

    /// Lets the writers send what was queued, for a bounded time.
    async fn finish(mut self) {
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in conns {
            self.close(conn);
        }
        let step = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while *self.writers.borrow() > 0 && waited < LINGER {
            glommio::timer::sleep(step).await;
            waited += step;
        }
    }
}

fn close_reason(e: &io::Error) -> CloseReason {
    CloseReason::Os(e.raw_os_error().unwrap_or(libc::EIO))
}
fn io_error(e: GlommioError<()>) -> IoError {
    IoError::Os(io::Error::from(e).raw_os_error().unwrap_or(libc::EIO))
}

async fn accept(socket: TcpListener, listener: usize, reports: Reports) {
    loop {
        match socket.accept().await.map_err(io::Error::from).and_then(|s| unbound(&s)) {
            Ok(stream) => report(&reports, Report::Accepted { stream, listener }),
            // Out of file descriptors, or the peer went away: neither is cured by trying at once.
            Err(_) => glommio::timer::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A handle of the same socket that is no executor's.
fn unbound(stream: &TcpStream) -> io::Result<StdStream> {
    // SAFETY: `stream` keeps its descriptor open for as long as it is borrowed.
    let fd = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
    fd.try_clone_to_owned().map(StdStream::from)
}

async fn read_loop(
    conn: ConnId,
    mut reader: ReadHalf<TcpStream>,
    recv: Rc<RefCell<(Option<BytesMut>, Option<Waker>)>>,
    reports: Reports,
) {
    let mut room = ReadRoom::default();
    loop {
        let buf = poll_fn(|cx| {
            let mut recv = recv.borrow_mut();
            match recv.0.take() {
                Some(buf) => Poll::Ready(buf),
                None => {
                    recv.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        let mut buf = recv_room(buf, room.bytes());
        let filled = buf.len();
        buf.resize(buf.capacity(), 0);
        match reader.read(&mut buf[filled..]).await {
            Ok(n) if n > 0 => {
                room.note(n);
                buf.truncate(filled + n);
                report(&reports, Report::Received { conn, buf });
            }
            Ok(_) => return report(&reports, Report::Closed { conn, reason: CloseReason::Eof }),
            Err(e) => {
                return report(&reports, Report::Closed { conn, reason: close_reason(&e) });
            }
        }
    }
}

async fn write_loop(
    conn: ConnId,
    mut writer: WriteHalf<TcpStream>,
    queue: Rc<RefCell<SendQueue>>,
    reports: Reports,
) {
    loop {
        let next = poll_fn(|cx| {
            let mut queue = queue.borrow_mut();
            match gather(&queue.pending) {
                Some(bytes) => Poll::Ready(Some(bytes)),
                None if queue.closed => Poll::Ready(None),
                None => {
                    queue.waiter = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        let Some(bytes) = next else { break };
        match writer.write(&bytes).await {
            Ok(n) => {
                advance(&mut queue.borrow_mut().pending, n);
                report(&reports, Report::Sent { conn, bytes: n });
            }
            Err(e) => {
                report(&reports, Report::Closed { conn, reason: close_reason(&e) });
                return;
            }
        }
    }
    let _ = writer.close().await;
}

/// What the next write sends: the first buffer, with the ones after it while they are small. The
/// executor's sockets have no vectored write.
fn gather(pending: &VecDeque<Bytes>) -> Option<Bytes> {
    let first = pending.front()?;
    if pending.len() == 1 || first.len() >= GATHER_BYTES_MAX {
        return Some(first.clone());
    }
    let mut all = BytesMut::with_capacity(GATHER_BYTES_MAX);
    for buf in pending {
        if all.len() + buf.len() > GATHER_BYTES_MAX {
            break;
        }
        all.extend_from_slice(buf);
    }
    Some(if all.is_empty() { first.clone() } else { all.freeze() })
}

async fn read(file: &DmaFile, offset: u64, len: usize) -> Result<Bytes, IoError> {
    let got = file.read_at_aligned(offset, len).await.map_err(io_error)?;
    if got.len() < len {
        return Err(IoError::Short { wanted: len, got: got.len() });
    }
    let mut buf = aligned_buf(len);
    buf.extend_from_slice(&got[..len]);
    Ok(buf.freeze())
}

async fn write(file: &DmaFile, offset: u64, buf: Bytes, must_flush: bool) -> Result<(), IoError> {
    let mut copy = file.alloc_dma_buffer(buf.len());
    copy.as_bytes_mut().copy_from_slice(&buf);
    let done = file.write_at(copy, offset).await.map_err(io_error)?;
    if done < buf.len() {
        return Err(IoError::Short { wanted: buf.len(), got: done });
    }
    if must_flush { file.fdatasync().await.map_err(io_error) } else { Ok(()) }
}
