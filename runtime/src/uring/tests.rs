//! The ring against real files and sockets.

use super::*;
use crate::hop::mesh;
use bytes::BytesMut;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use types::node::{BLOCK_SIZE, ConnId, CoreId, IoId, WriteMemory};
use types::time::Now;

/// Writes what it receives to the device, reads it back and echoes it; core 1 reports each echo to
/// core 0 by a hop. Stops when told.
struct DiskEcho {
    conn: Option<ConnId>,
    hops: usize,
    deadline: Instant,
    ticks: usize,
}

impl Node for DiskEcho {
    type Hop = usize;
    fn handle(&mut self, now: Now, input: Input<usize>, fx: &mut Vec<Effect<usize>>) {
        match input {
            Input::Start => self.deadline = now.mono + Duration::from_millis(20),
            Input::Accepted { conn, .. } => {
                self.conn = Some(conn);
                fx.push(Effect::Recv { conn, buf: BytesMut::new() });
            }
            Input::Received { conn, mut buf } if buf.len() < BLOCK_SIZE => {
                buf.reserve(BLOCK_SIZE);
                fx.push(Effect::Recv { conn, buf })
            }
            Input::Received { mut buf, .. } => {
                let mut block = types::node::aligned_buf(BLOCK_SIZE);
                block.extend_from_slice(&buf.split_to(BLOCK_SIZE));
                let (io, offset) = (IoId(1), BLOCK_SIZE as u64);
                fx.push(Effect::Write { io, offset, buf: block.freeze(), durable: true });
            }
            Input::WriteDone { io, result } => {
                result.unwrap();
                fx.push(Effect::Read { io, offset: BLOCK_SIZE as u64, len: BLOCK_SIZE });
            }
            Input::ReadDone { result, .. } => {
                let conn = self.conn.unwrap();
                fx.push(Effect::Send { conn, bufs: vec![result.unwrap()] });
                fx.push(Effect::Recv { conn, buf: BytesMut::new() });
            }
            Input::Hop { msg, .. } => self.hops += msg,
            Input::Tick if now.mono >= self.deadline => {
                self.ticks += 1;
                self.deadline = now.mono + Duration::from_millis(20);
                fx.push(Effect::Hop { to: CoreId(0), msg: 1 });
            }
            Input::Stop => fx.push(Effect::Exit { code: self.hops as i32 }),
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<usize>>) {}
    fn next_deadline(&self) -> Instant {
        self.deadline
    }
}

/// Core 0: counts hops.
struct Counter(usize);
impl Node for Counter {
    type Hop = usize;
    fn handle(&mut self, _: Now, input: Input<usize>, fx: &mut Vec<Effect<usize>>) {
        match input {
            Input::Hop { msg, .. } => self.0 += msg,
            Input::Stop => fx.push(Effect::Exit { code: self.0 as i32 }),
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<usize>>) {}
    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

#[test]
fn a_core_does_disk_network_timers_and_hops() {
    drive("uring", run, run);
}

#[cfg(feature = "glommio")]
#[test]
fn so_does_a_core_on_glommio() {
    use crate::glommio_driver::run;
    drive("glommio", run, run);
}

type Run<N> = fn(N, Resources<usize>) -> io::Result<i32>;

fn drive(name: &str, run_echo: Run<DiskEcho>, run_counter: Run<Counter>) {
    let path = std::env::temp_dir().join(format!("kermes-{name}-{}", std::process::id()));
    std::fs::write(&path, vec![0; 8 * BLOCK_SIZE]).unwrap();
    let device = Device::open(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut ports, stopper) = mesh(2).unwrap();
    let (port1, port0) = (ports.pop().unwrap(), ports.pop().unwrap());
    let resources = |port, listeners, device| Resources {
        listeners,
        device,
        port,
        cpu: None,
        rdma: None,
        cpu_latency: None,
        log: Box::new(|_, _, _| {}),
    };
    let echo = std::thread::spawn(move || {
        let node = DiskEcho { conn: None, hops: 0, deadline: Instant::NEVER, ticks: 0 };
        run_echo(node, resources(port1, vec![listener], Some(device))).unwrap()
    });
    let counter = std::thread::spawn(move || {
        run_counter(Counter(0), resources(port0, vec![], None)).unwrap()
    });
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for round in 0..50u8 {
        let block = vec![round; BLOCK_SIZE];
        stream.write_all(&block[..100]).unwrap();
        stream.write_all(&block[100..]).unwrap();
        let mut answer = vec![0; BLOCK_SIZE];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, block);
    }
    std::thread::sleep(Duration::from_millis(100));
    stopper.stop();
    assert_eq!(echo.join().unwrap(), 0);
    assert!(counter.join().unwrap() >= 2);
    // The process ended the connection in order.
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    std::fs::remove_file(&path).unwrap();
}

/// Discards the middle of three blocks, then reads all of them.
struct Discarder;
impl Node for Discarder {
    type Hop = usize;
    fn handle(&mut self, _: Now, input: Input<usize>, fx: &mut Vec<Effect<usize>>) {
        let block = BLOCK_SIZE as u64;
        match input {
            Input::Start => fx.push(Effect::Discard { io: IoId(1), offset: block, len: block }),
            Input::DiscardDone { io, result } => {
                assert_eq!((io, result), (IoId(1), Ok(())));
                fx.push(Effect::Read { io: IoId(2), offset: 0, len: 3 * BLOCK_SIZE });
            }
            Input::ReadDone { result, .. } => {
                let bytes = result.unwrap();
                let kept =
                    |at: usize| bytes[at * BLOCK_SIZE..][..BLOCK_SIZE].iter().all(|b| *b == 7);
                let code = [0, 1, 2].iter().fold(0, |code, at| code * 2 + kept(*at) as i32);
                fx.push(Effect::Exit { code });
            }
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<usize>>) {}
    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

#[test]
fn a_discarded_range_of_a_file_is_a_hole() {
    discard_one_block("discard", run);
}

#[cfg(feature = "glommio")]
#[test]
fn so_it_is_on_glommio() {
    discard_one_block("glommio-discard", crate::glommio_driver::run);
}

fn discard_one_block(name: &str, run: Run<Discarder>) {
    use std::os::unix::fs::MetadataExt;
    let path = std::env::temp_dir().join(format!("kermes-{name}-{}", std::process::id()));
    std::fs::write(&path, vec![7; 3 * BLOCK_SIZE]).unwrap();
    let device = Device::open(&path).unwrap();
    assert!(device.can_discard() && !device.is_worth_discarding());
    assert_eq!(run(Discarder, with_device(device)).unwrap(), 0b101);
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!((meta.len(), meta.blocks() * 512), (3 * BLOCK_SIZE as u64, 2 * BLOCK_SIZE as u64));
    std::fs::remove_file(&path).unwrap();
}

fn with_device(device: Device) -> Resources<usize> {
    Resources {
        listeners: vec![],
        device: Some(device),
        port: mesh(1).unwrap().0.remove(0),
        cpu: None,
        rdma: None,
        cpu_latency: None,
        log: Box::new(|_, _, _| {}),
    }
}

#[test]
fn a_discarded_range_of_a_block_device_is_given_back() {
    discard_on_a_loop_device("discard-loop", run);
}

#[cfg(feature = "glommio")]
#[test]
fn so_it_is_of_a_block_device_on_glommio() {
    discard_on_a_loop_device("glommio-discard-loop", crate::glommio_driver::run);
}

/// A block device over a file. Both go when it does.
struct Loop {
    file: PathBuf,
    device: PathBuf,
}

impl Loop {
    /// Why there is none, where the machine gives this process none.
    fn over(file: PathBuf, contents: &[u8]) -> Result<Self, String> {
        std::fs::write(&file, contents).unwrap();
        let made = Command::new("losetup").args(["--find", "--show"]).arg(&file).output();
        let device = match made {
            Ok(out) if out.status.success() => String::from_utf8(out.stdout).unwrap(),
            Ok(out) => return Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
            Err(e) => return Err(format!("losetup: {e}")),
        };
        Ok(Self { file, device: device.trim().into() })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.device).status();
        let _ = std::fs::remove_file(&self.file);
    }
}

fn discard_on_a_loop_device(name: &str, run: Run<Discarder>) {
    use std::os::unix::fs::MetadataExt;
    let file = std::env::temp_dir().join(format!("kermes-{name}-{}", std::process::id()));
    let it = match Loop::over(file.clone(), &[7; 8 * BLOCK_SIZE]) {
        Ok(it) => it,
        Err(why) => {
            eprintln!("skipped, no loop device: {why}");
            let _ = std::fs::remove_file(&file);
            return;
        }
    };
    let allocated = || std::fs::metadata(&it.file).unwrap().blocks() * 512;
    assert_eq!(allocated(), 8 * BLOCK_SIZE as u64);
    let device = Device::open(&it.device).unwrap();
    if !device.can_discard() {
        eprintln!("skipped: the file system under {} has no holes", it.file.display());
        return;
    }
    assert_eq!(run(Discarder, with_device(device)).unwrap(), 0b101);
    assert_eq!(allocated(), 7 * BLOCK_SIZE as u64);
}

/// Writes what it has joined in the memory that it was lent, then reads it.
#[derive(Default)]
struct Joiner(Option<Rc<dyn WriteMemory>>);
impl Node for Joiner {
    type Hop = usize;
    fn use_memory(&mut self, memory: Rc<dyn WriteMemory>) {
        self.0 = Some(memory);
    }
    fn handle(&mut self, _: Now, input: Input<usize>, fx: &mut Vec<Effect<usize>>) {
        let offset = BLOCK_SIZE as u64;
        match input {
            Input::Start => {
                let memory = self.0.as_ref().expect("a node with a device is lent memory");
                let buf = memory.join(&[&[1; 100], &[2; BLOCK_SIZE - 100], &[3; 2 * BLOCK_SIZE]]);
                fx.push(Effect::Write { io: IoId(1), offset, buf, durable: true });
            }
            Input::WriteDone { result, .. } => {
                result.unwrap();
                fx.push(Effect::Read { io: IoId(2), offset, len: 3 * BLOCK_SIZE });
            }
            Input::ReadDone { result, .. } => {
                let read = result.unwrap();
                let (first, rest) = read.split_at(BLOCK_SIZE);
                assert!(first[..100].iter().all(|b| *b == 1));
                assert!(first[100..].iter().all(|b| *b == 2));
                assert!(rest.iter().all(|b| *b == 3));
                fx.push(Effect::Exit { code: 0 });
            }
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<usize>>) {}
    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

#[test]
fn what_a_node_joins_is_written_from_registered_memory() {
    let path = std::env::temp_dir().join(format!("kermes-joined-{}", std::process::id()));
    std::fs::write(&path, vec![0; 8 * BLOCK_SIZE]).unwrap();
    let device = Device::open(&path).unwrap();
    let core = Core::new(with_device(device.try_clone().unwrap())).unwrap();
    let memory = core.records.as_ref().expect("16 MiB can be registered");
    assert_eq!(core.registered(&memory.join(&[&[1; 5000]])), Some(WRITES));
    let mut read = ReadBuf::new(BLOCK_SIZE, core.pool.as_ref(), &core.slabs);
    // SAFETY: the pool's memory is initialised, and so much was asked for.
    unsafe { read.advance(BLOCK_SIZE) };
    assert_eq!(core.registered(&read.freeze()), Some(READS));
    assert_eq!(core.registered(&types::node::Heap.join(&[&[1; 5000]])), None);
    assert_eq!(run(Joiner::default(), with_device(device)).unwrap(), 0);
    std::fs::remove_file(&path).unwrap();
}

/// Sends three times in one turn. Its exit code is how many writes to the socket that took.
#[derive(Default)]
struct Talker {
    sent: Vec<usize>,
}
impl Node for Talker {
    type Hop = usize;
    fn handle(&mut self, _: Now, input: Input<usize>, fx: &mut Vec<Effect<usize>>) {
        match input {
            Input::Accepted { conn, .. } => {
                for word in ["first ", "second ", "third "] {
                    fx.push(Effect::Send { conn, bufs: vec![word.into()] });
                }
            }
            Input::Sent { bytes, .. } => {
                self.sent.push(bytes);
                if self.sent.iter().sum::<usize>() == 19 {
                    fx.push(Effect::Exit { code: self.sent.len() as i32 });
                }
            }
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<usize>>) {}
    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

#[test]
fn what_a_turn_sends_leaves_together() {
    send_thrice(run);
}

#[cfg(feature = "glommio")]
#[test]
fn so_it_does_on_glommio() {
    send_thrice(crate::glommio_driver::run);
}

fn send_thrice(run: Run<Talker>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let core = std::thread::spawn(move || {
        let resources = Resources {
            listeners: vec![listener],
            device: None,
            port: mesh(1).unwrap().0.remove(0),
            cpu: None,
            rdma: None,
            cpu_latency: None,
            log: Box::new(|_, _, _| {}),
        };
        run(Talker::default(), resources).unwrap()
    });
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut text = [0; 19];
    stream.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"first second third ");
    assert_eq!(core.join().unwrap(), 1, "sends");
}

/// What a send that is under way has taken is not cut off by a close.
#[test]
fn a_connection_that_sends_is_not_drained() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _peers = [(); 2].map(|()| TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let resources = Resources {
        listeners: Vec::new(),
        device: None,
        port: mesh(1).unwrap().0.remove(0),
        cpu: None,
        rdma: None,
        cpu_latency: None,
        log: Box::new(|_, _, _| {}),
    };
    let mut core = Core::<usize>::new(resources).unwrap();
    for sends in [false, true] {
        let (stream, _) = listener.accept().unwrap();
        let Some(Input::Accepted { conn, .. }) = core.take(stream) else { panic!("not taken") };
        if sends {
            core.send(conn, vec!["more".into()]);
            core.send_all();
        }
        core.close(conn);
        assert_eq!(core.net.is_drained(), !sends);
    }
}

/// Sends back what it receives, and lends for the next receive what is left of the buffer: nothing in
/// it, and sometimes room.
struct Echo;
impl Node for Echo {
    type Hop = ();
    fn handle(&mut self, _: Now, input: Input<()>, fx: &mut Vec<Effect<()>>) {
        match input {
            Input::Accepted { conn, .. } => fx.push(Effect::Recv { conn, buf: BytesMut::new() }),
            Input::Received { conn, mut buf } => {
                fx.push(Effect::Send { conn, bufs: vec![buf.split().freeze()] });
                fx.push(Effect::Recv { conn, buf });
            }
            Input::Stop => fx.push(Effect::Exit { code: 0 }),
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<()>>) {}
    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

/// Many connections at once share the driver's few buffers: each gets its own bytes, all of them and in
/// order, whether they come in buffers that are copied out, given away, or missing.
#[test]
fn connections_without_a_buffer_share_the_drivers() {
    echo_on(run);
}

#[test]
fn so_do_they_on_epoll() {
    echo_on(crate::epoll_driver::run);
}

#[cfg(feature = "glommio")]
#[test]
fn so_do_they_on_glommio() {
    echo_on(crate::glommio_driver::run);
}

fn echo_on(run: fn(Echo, Resources<()>) -> io::Result<i32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut ports, stopper) = mesh(1).unwrap();
    let port = ports.pop().unwrap();
    let core = std::thread::spawn(move || {
        let log: crate::LogSink = Box::new(|_, _, _| {});
        let resources = Resources {
            listeners: vec![listener],
            device: None,
            port,
            cpu: None,
            rdma: None,
            cpu_latency: None,
            log,
        };
        run(Echo, resources).unwrap()
    });
    let mut streams: Vec<_> = (0..60).map(|_| TcpStream::connect(addr).unwrap()).collect();
    for round in 0..30usize {
        let of = |n: usize| {
            let len = [1, 100, 8192, 8193, 40_000, 150_000][(n + round) % 6];
            (0..len).map(|i| (i * 31 + n * 7 + round) as u8).collect::<Vec<u8>>()
        };
        for (n, stream) in streams.iter_mut().enumerate() {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(&of(n)).unwrap();
        }
        for (n, stream) in streams.iter_mut().enumerate() {
            let sent = of(n);
            let mut answer = vec![0; sent.len()];
            stream.read_exact(&mut answer).unwrap();
            assert!(answer == sent, "connection {n}, round {round}");
        }
    }
    // One that its client closes takes none of the buffers with it.
    streams.truncate(1);
    streams[0].write_all(b"end").unwrap();
    streams[0].read_exact(&mut [0; 3]).unwrap();
    stopper.stop();
    assert_eq!(core.join().unwrap(), 0);
}

/// Its exit code is how many connections it was given.
struct Doorman {
    given: i32,
    started: Arc<AtomicUsize>,
}
impl Node for Doorman {
    type Hop = ();
    fn handle(&mut self, _: Now, input: Input<()>, fx: &mut Vec<Effect<()>>) {
        match input {
            Input::Start => drop(self.started.fetch_add(1, Ordering::SeqCst)),
            Input::Accepted { conn, .. } => {
                self.given += 1;
                fx.push(Effect::Send { conn, bufs: vec!["welcome".into()] });
            }
            Input::Stop => fx.push(Effect::Exit { code: self.given }),
            _ => {}
        }
    }
    fn end_of_turn(&mut self, _: Now, _: &mut Vec<Effect<()>>) {}
    fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}

#[test]
fn connections_to_a_shared_socket_come_to_all_cores() {
    share_a_socket(12, run);
}

/// Many, as cores that wait at one socket are in each other's way only at times: see the driver.
#[cfg(feature = "glommio")]
#[test]
fn so_they_do_on_glommio() {
    share_a_socket(10_000, crate::glommio_driver::run);
}

/// At a time.
const CLIENTS: usize = 4;

fn share_a_socket(connections: i32, run: fn(Doorman, Resources<()>) -> io::Result<i32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (ports, stopper) = mesh(2).unwrap();
    let started = Arc::new(AtomicUsize::new(0));
    let cores: Vec<_> = ports
        .into_iter()
        .map(|port| {
            let listeners = vec![listener.try_clone().unwrap()];
            let started = started.clone();
            std::thread::spawn(move || {
                let log: crate::LogSink = Box::new(|_, _, _| {});
                let (device, cpu, rdma) = (None, None, None);
                let resources =
                    Resources { listeners, device, port, cpu, rdma, cpu_latency: None, log };
                run(Doorman { given: 0, started }, resources).unwrap()
            })
        })
        .collect();
    while started.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    // In rounds: whoever is stuck is not freed by the next connection.
    let round = std::sync::Barrier::new(CLIENTS);
    let failed = std::sync::Mutex::<Vec<String>>::default();
    let client = || {
        for n in 0..connections / CLIENTS as i32 {
            round.wait();
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let welcome = stream.read_exact(&mut [0; 7]);
            // Not a panic: the others wait for this one.
            welcome.unwrap_or_else(|e| failed.lock().unwrap().push(format!("round {n}: {e}")));
        }
    };
    std::thread::scope(|s| {
        for _ in 0..CLIENTS {
            s.spawn(client);
        }
    });
    assert_eq!(failed.into_inner().unwrap(), [""; 0]);
    stopper.stop();
    let counts: Vec<i32> = cores.into_iter().map(|core| core.join().unwrap()).collect();
    assert_eq!(counts, [connections / 2; 2]);
}
