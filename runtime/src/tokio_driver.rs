//! Runs a [`Node`] on tokio: monitors, tools and clients, and an OSD core where io_uring is absent.
//!
//! One task owns the node and everything it decides; each connection has a reader and a writer task,
//! the device and the key-value store a thread each. All of them answer into one channel. What can
//! be under way at once is bounded by the node: one `Recv` per connection, its own send budgets.

use crate::clock::Clock;
use crate::device::{Device, os_error};
use crate::kv::Kv;
use crate::socket::ReadRoom;
use bytes::{Buf, Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use types::node::{CloseReason, ConnId, Effect, Input, IoError, IoId, KvChange, Node};
use types::time::Now;
use types::zone::{Zone, ZoneOp};

/// Inputs handled before effects are performed and the batch is closed.
const INPUTS_PER_TURN_MAX: usize = 256;
/// How long a closed connection may take to send what was queued.
const LINGER: Duration = Duration::from_millis(800);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the node may use.
pub struct Resources {
    pub listeners: Vec<StdListener>,
    pub device: Option<Device>,
    pub kv: Option<Kv>,
    /// Called for each [`Effect::Log`].
    pub log: crate::LogSink,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            device: None,
            kv: None,
            log: Box::new(|_, level, text| eprintln!("{level:?} {text}")),
        }
    }
}

/// Work for the node from outside, run between two inputs.
type Call<N> = Box<dyn FnOnce(&mut N, Now, &mut Vec<Effect<<N as Node>::Hop>>) + Send>;

/// Lets other tasks and threads reach a running node.
pub struct Handle<N: Node> {
    calls: UnboundedSender<Command<N>>,
}
impl<N: Node> Clone for Handle<N> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone() }
    }
}
enum Command<N: Node> {
    Call(Call<N>),
    Stop,
}

impl<N: Node> Handle<N> {
    /// Runs `call` on the node soon. Ignored once the node has ended.
    pub fn call(&self, call: impl FnOnce(&mut N, Now, &mut Vec<Effect<N::Hop>>) + Send + 'static) {
        let _ = self.calls.send(Command::Call(Box::new(call)));
    }
    pub fn stop(&self) {
        let _ = self.calls.send(Command::Stop);
    }
}

/// The receiving end of a [`Handle`].
pub struct Calls<N: Node>(UnboundedReceiver<Command<N>>);

pub fn handle<N: Node>() -> (Handle<N>, Calls<N>) {
    let (calls, receiver) = unbounded_channel();
    (Handle { calls }, Calls(receiver))
}

/// What the helper tasks report.
enum Report {
    Accepted { stream: TcpStream, peer: SocketAddr },
    Connected { conn: ConnId, result: io::Result<TcpStream> },
    Received { conn: ConnId, buf: BytesMut },
    Sent { conn: ConnId, bytes: usize },
    Closed { conn: ConnId, reason: CloseReason },
    ReadDone { io: IoId, result: Result<Bytes, IoError> },
    WriteDone { io: IoId, result: Result<(), IoError> },
    FlushDone { io: IoId, result: Result<(), IoError> },
    DiscardDone { io: IoId, result: Result<(), IoError> },
    ZoneDone { io: IoId, result: Result<(), IoError> },
    Zones { io: IoId, result: Result<Vec<Zone>, IoError> },
    Persisted { id: u64, result: Result<(), IoError> },
}

enum DeviceRequest {
    Read { io: IoId, offset: u64, len: usize },
    Write { io: IoId, offset: u64, buf: Bytes, durable: bool },
    Flush { io: IoId },
    Discard { io: IoId, offset: u64, len: u64 },
    Zone { io: IoId, offset: u64, len: u64, op: ZoneOp },
    ReportZones { io: IoId, offset: u64, len: u64 },
}

struct Conn {
    recv: UnboundedSender<BytesMut>,
    send: UnboundedSender<Vec<Bytes>>,
}

struct Driver {
    clock: Clock,
    reports: UnboundedSender<Report>,
    conns: BTreeMap<ConnId, Option<Conn>>,
    accepted_next: u64,
    device: Option<std::sync::mpsc::Sender<DeviceRequest>>,
    kv: Option<std::sync::mpsc::Sender<(u64, Vec<KvChange>)>>,
    writers: tokio::task::JoinSet<()>,
    log: crate::LogSink,
    exit: Option<i32>,
}

/// Runs `node` until it asks to exit, and returns its exit code. SIGTERM and SIGINT become
/// [`Input::Stop`] when `signals` is set. `after_turn` runs after each batch, to collect what the
/// node has finished.
pub async fn run<N: Node>(
    mut node: N,
    resources: Resources,
    mut calls: Calls<N>,
    signals: bool,
    mut after_turn: impl FnMut(&mut N, Now, &mut Vec<Effect<N::Hop>>),
) -> io::Result<i32> {
    let (reports, mut inbox) = unbounded_channel();
    for listener in resources.listeners {
        listener.set_nonblocking(true)?;
        tokio::spawn(accept(TcpListener::from_std(listener)?, reports.clone()));
    }
    let mut driver = Driver {
        clock: Clock::new(),
        device: resources.device.map(|d| device_thread(d, reports.clone())),
        kv: resources.kv.map(|kv| kv_thread(kv, reports.clone())),
        reports,
        conns: BTreeMap::new(),
        accepted_next: ConnId::ACCEPTED,
        writers: tokio::task::JoinSet::new(),
        log: resources.log,
        exit: None,
    };
    let mut terminate = signal(tokio::signal::unix::SignalKind::terminate(), signals)?;
    let mut interrupt = signal(tokio::signal::unix::SignalKind::interrupt(), signals)?;
    let mut calls_open = true;
    let mut effects = Vec::new();
    node.handle(driver.clock.now(), Input::Start, &mut effects);
    loop {
        // One turn: what is at hand, then the batch boundary, then the effects, until the node asks
        // for nothing more.
        for _ in 0..INPUTS_PER_TURN_MAX {
            match inbox.try_recv() {
                Ok(report) => driver.deliver(&mut node, report, &mut effects),
                Err(_) => break,
            }
        }
        node.end_of_turn(driver.clock.now(), &mut effects);
        after_turn(&mut node, driver.clock.now(), &mut effects);
        for effect in effects.drain(..) {
            driver.perform::<N>(effect);
        }
        if let Some(code) = driver.exit {
            driver.finish().await;
            return Ok(code);
        }
        let deadline = node.next_deadline();
        let timer = driver.clock.until(deadline);
        tokio::select! {
            biased;
            _ = wait(&mut terminate) => node.handle(driver.clock.now(), Input::Stop, &mut effects),
            _ = wait(&mut interrupt) => node.handle(driver.clock.now(), Input::Stop, &mut effects),
            report = inbox.recv() => {
                let report = report.expect("the driver holds a sender");
                driver.deliver(&mut node, report, &mut effects);
            }
            command = calls.0.recv(), if calls_open => match command {
                Some(Command::Call(call)) => call(&mut node, driver.clock.now(), &mut effects),
                Some(Command::Stop) => {
                    node.handle(driver.clock.now(), Input::Stop, &mut effects)
                }
                None => calls_open = false,
            },
            _ = tokio::time::sleep(timer.unwrap_or(Duration::MAX)), if timer.is_some() => {
                node.handle(driver.clock.now(), Input::Tick, &mut effects);
            }
        }
    }
}

type Signal = Option<tokio::signal::unix::Signal>;

fn signal(kind: tokio::signal::unix::SignalKind, wanted: bool) -> io::Result<Signal> {
    wanted.then(|| tokio::signal::unix::signal(kind)).transpose()
}
async fn wait(signal: &mut Signal) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

impl Driver {
    fn deliver<N: Node>(
        &mut self,
        node: &mut N,
        report: Report,
        effects: &mut Vec<Effect<N::Hop>>,
    ) {
        let now = self.clock.now();
        let input = match report {
            Report::Accepted { stream, peer } => {
                let conn = ConnId(self.accepted_next);
                self.accepted_next += 1;
                let Ok(local) = stream.local_addr() else { return };
                self.open(conn, stream);
                Input::Accepted { conn, local, peer }
            }
            Report::Connected { conn, result } => {
                // The node may have closed it while it was being opened.
                if !self.conns.contains_key(&conn) {
                    return;
                }
                match result.and_then(|s| Ok((s.local_addr()?, s.peer_addr()?, s))) {
                    Ok((local, peer, stream)) => {
                        self.open(conn, stream);
                        Input::Connected { conn, local, peer }
                    }
                    Err(e) => {
                        self.conns.remove(&conn);
                        Input::Closed { conn, reason: close_reason(&e) }
                    }
                }
            }
            Report::Received { conn, buf } => {
                if !self.conns.contains_key(&conn) {
                    return;
                }
                Input::Received { conn, buf }
            }
            Report::Sent { conn, bytes } => {
                if !self.conns.contains_key(&conn) {
                    return;
                }
                Input::Sent { conn, bytes }
            }
            Report::Closed { conn, reason } => {
                if self.conns.remove(&conn).is_none() {
                    return;
                }
                Input::Closed { conn, reason }
            }
            Report::ReadDone { io, result } => Input::ReadDone { io, result },
            Report::WriteDone { io, result } => Input::WriteDone { io, result },
            Report::FlushDone { io, result } => Input::FlushDone { io, result },
            Report::DiscardDone { io, result } => Input::DiscardDone { io, result },
            Report::ZoneDone { io, result } => Input::ZoneDone { io, result },
            Report::Zones { io, result } => Input::Zones { io, result },
            Report::Persisted { id, result } => Input::Persisted { id, result },
        };
        node.handle(now, input, effects);
    }

    fn open(&mut self, conn: ConnId, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let (recv, recv_queue) = unbounded_channel();
        let (send, send_queue) = unbounded_channel();
        tokio::spawn(read_loop(conn, reader, recv_queue, self.reports.clone()));
        while self.writers.try_join_next().is_some() {}
        self.writers.spawn(write_loop(conn, writer, send_queue, self.reports.clone()));
        self.conns.insert(conn, Some(Conn { recv, send }));
    }

    fn perform<N: Node>(&mut self, effect: Effect<N::Hop>) {
        match effect {
            Effect::Connect { conn, addr } => {
                self.conns.insert(conn, None);
                let reports = self.reports.clone();
                tokio::spawn(async move {
                    let connecting =
                        tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(addr));
                    let result = connecting
                        .await
                        .unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)));
                    let _ = reports.send(Report::Connected { conn, result });
                });
            }
            Effect::Recv { conn, buf } => {
                if let Some(Some(c)) = self.conns.get(&conn) {
                    let _ = c.recv.send(buf);
                }
            }
            Effect::Send { conn, bufs } => {
                if let Some(Some(c)) = self.conns.get(&conn) {
                    let _ = c.send.send(bufs);
                }
            }
            // Dropping the queues ends the reader, and the writer once it has sent the rest.
            Effect::Close { conn } => drop(self.conns.remove(&conn)),
            Effect::Read { io, offset, len } => {
                self.device(DeviceRequest::Read { io, offset, len })
            }
            Effect::Write { io, offset, buf, durable } => {
                self.device(DeviceRequest::Write { io, offset, buf, durable })
            }
            Effect::Flush { io } => self.device(DeviceRequest::Flush { io }),
            Effect::Discard { io, offset, len } => {
                self.device(DeviceRequest::Discard { io, offset, len })
            }
            Effect::Zone { io, offset, len, op } => {
                self.device(DeviceRequest::Zone { io, offset, len, op })
            }
            Effect::ReportZones { io, offset, len } => {
                self.device(DeviceRequest::ReportZones { io, offset, len })
            }
            Effect::Persist { id, changes } => {
                let kv = self.kv.as_ref().expect("a node that persists is given a store");
                let _ = kv.send((id, changes));
            }
            Effect::Hop { to, .. } => panic!("this driver runs one core, there is no core {to:?}"),
            Effect::Log { level, text } => (self.log)(self.clock.now(), level, &text),
            Effect::Exit { code } => self.exit = Some(code),
        }
    }

    fn device(&self, request: DeviceRequest) {
        let device = self.device.as_ref().expect("a node that does disk I/O is given a device");
        let _ = device.send(request);
    }

    /// Lets the writers send what was queued, for a bounded time.
    async fn finish(mut self) {
        self.conns.clear();
        let all = async { while self.writers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LINGER, all).await;
    }
}

fn close_reason(e: &io::Error) -> CloseReason {
    CloseReason::Os(e.raw_os_error().unwrap_or(libc::EIO))
}

async fn accept(listener: TcpListener, reports: UnboundedSender<Report>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if reports.send(Report::Accepted { stream, peer }).is_err() {
                    return;
                }
            }
            // Out of file descriptors, or the peer went away: neither is cured by trying at once.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn read_loop(
    conn: ConnId,
    mut reader: tcp::OwnedReadHalf,
    mut queue: UnboundedReceiver<BytesMut>,
    reports: UnboundedSender<Report>,
) {
    let mut room = ReadRoom::default();
    while let Some(mut buf) = queue.recv().await {
        let read = async {
            if buf.is_empty() {
                // None is held until there is something to read.
                buf = BytesMut::new();
                reader.readable().await?;
                buf = BytesMut::with_capacity(room.bytes());
            }
            let fresh = reader.read_buf(&mut buf).await?;
            room.note(fresh);
            Ok(fresh)
        };
        // A node that closes the connection drops the queue; the read must not outlive it.
        let read = tokio::select! {
            biased;
            read = read => read,
            _ = queue.recv() => return,
        };
        let report = match read {
            Ok(0) => Report::Closed { conn, reason: CloseReason::Eof },
            Ok(_) => Report::Received { conn, buf },
            Err(e) => Report::Closed { conn, reason: close_reason(&e) },
        };
        let closed = matches!(report, Report::Closed { .. });
        if reports.send(report).is_err() || closed {
            return;
        }
    }
}

async fn write_loop(
    conn: ConnId,
    mut writer: tcp::OwnedWriteHalf,
    mut queue: UnboundedReceiver<Vec<Bytes>>,
    reports: UnboundedSender<Report>,
) {
    let mut pending: VecDeque<Bytes> = VecDeque::new();
    let mut lingering = false;
    loop {
        if pending.is_empty() {
            match queue.recv().await {
                Some(bufs) => pending.extend(bufs),
                None => break,
            }
        }
        while let Ok(bufs) = queue.try_recv() {
            pending.extend(bufs);
        }
        lingering |= queue.is_closed();
        let written = {
            let slices: Vec<io::IoSlice<'_>> =
                pending.iter().take(64).map(|b| io::IoSlice::new(b)).collect();
            let write = writer.write_vectored(&slices);
            if lingering {
                tokio::time::timeout(LINGER, write)
                    .await
                    .unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)))
            } else {
                write.await
            }
        };
        match written {
            Ok(n) => {
                advance(&mut pending, n);
                if reports.send(Report::Sent { conn, bytes: n }).is_err() {
                    return;
                }
            }
            Err(e) => {
                let _ = reports.send(Report::Closed { conn, reason: close_reason(&e) });
                return;
            }
        }
    }
    let _ = writer.shutdown().await;
}

/// Drops the first `n` bytes of `pending`, and empty buffers.
pub(crate) fn advance(pending: &mut VecDeque<Bytes>, mut n: usize) {
    while let Some(first) = pending.front_mut() {
        if n < first.len() {
            first.advance(n);
            return;
        }
        n -= first.len();
        pending.pop_front();
    }
}

fn device_thread(
    device: Device,
    reports: UnboundedSender<Report>,
) -> std::sync::mpsc::Sender<DeviceRequest> {
    let (requests, queue) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for request in queue {
            let report = match request {
                DeviceRequest::Read { io, offset, len } => {
                    Report::ReadDone { io, result: device.read(offset, len) }
                }
                DeviceRequest::Write { io, offset, buf, durable } => {
                    Report::WriteDone { io, result: device.write(offset, &buf, durable) }
                }
                DeviceRequest::Flush { io } => Report::FlushDone { io, result: device.flush() },
                DeviceRequest::Discard { io, offset, len } => {
                    Report::DiscardDone { io, result: device.discard(offset, len) }
                }
                DeviceRequest::Zone { io, offset, len, op } => {
                    Report::ZoneDone { io, result: device.zone_op(offset, len, op) }
                }
                DeviceRequest::ReportZones { io, offset, len } => {
                    Report::Zones { io, result: device.report_zones(offset, len) }
                }
            };
            if reports.send(report).is_err() {
                return;
            }
        }
    });
    requests
}

fn kv_thread(
    kv: Kv,
    reports: UnboundedSender<Report>,
) -> std::sync::mpsc::Sender<(u64, Vec<KvChange>)> {
    let (requests, queue) = std::sync::mpsc::channel::<(u64, Vec<KvChange>)>();
    std::thread::spawn(move || {
        // A failed batch fails every later one: the log must have no holes.
        let mut failed = false;
        while let Ok(first) = queue.recv() {
            // Batches that wait together become durable together.
            let batches: Vec<_> = std::iter::once(first).chain(queue.try_iter()).collect();
            let changes = batches.iter().flat_map(|(_, changes)| changes);
            failed = failed || kv.apply(changes).is_err();
            for (id, _) in &batches {
                let result = if failed { Err(os_error(&io::Error::other("log"))) } else { Ok(()) };
                if reports.send(Report::Persisted { id: *id, result }).is_err() {
                    return;
                }
            }
        }
    });
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::time::Instant;

    /// Sends back what it receives; stops when the peer closes.
    struct Echo;
    impl Node for Echo {
        type Hop = ();
        fn handle(&mut self, _: Now, input: Input<()>, effects: &mut Vec<Effect<()>>) {
            match input {
                Input::Accepted { conn, .. } => {
                    effects.push(Effect::Recv { conn, buf: BytesMut::with_capacity(1024) })
                }
                Input::Received { conn, buf } => {
                    effects.push(Effect::Send { conn, bufs: vec![buf.freeze()] });
                    effects.push(Effect::Recv { conn, buf: BytesMut::with_capacity(1024) });
                }
                Input::Closed { .. } => effects.push(Effect::Exit { code: 7 }),
                _ => {}
            }
        }
        fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<()>>) {}
        fn next_deadline(&self) -> Instant {
            Instant::NEVER
        }
    }

    #[test]
    fn an_echo_node_echoes_and_exits() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = StdListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            let (_handle, calls) = handle::<Echo>();
            let resources = Resources { listeners: vec![listener], ..Resources::default() };
            let client = async {
                let mut stream = TcpStream::connect(addr).await.unwrap();
                for text in ["hello", "again"] {
                    stream.write_all(text.as_bytes()).await.unwrap();
                    let mut answer = [0; 5];
                    stream.read_exact(&mut answer).await.unwrap();
                    assert_eq!(answer, text.as_bytes());
                }
            };
            let (code, ()) = tokio::join!(run(Echo, resources, calls, false, |_, _, _| {}), client);
            assert_eq!(code.unwrap(), 7);
        });
    }
}
