//! The ring against real files and sockets.

use super::*;
use crate::hop::mesh;
use bytes::BytesMut;
use std::io::{Read, Write};
use std::net::TcpStream;
use types::node::{BLOCK_SIZE, ConnId, CoreId, IoId};
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
                fx.push(Effect::Recv { conn, buf: BytesMut::with_capacity(2 * BLOCK_SIZE) });
            }
            Input::Received { conn, buf } if buf.len() < BLOCK_SIZE => {
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
                fx.push(Effect::Recv { conn, buf: BytesMut::with_capacity(2 * BLOCK_SIZE) });
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
    let resources = Resources {
        listeners: vec![],
        device: Some(device),
        port: mesh(1).unwrap().0.remove(0),
        cpu: None,
        log: Box::new(|_, _, _| {}),
    };
    assert_eq!(run(Discarder, resources).unwrap(), 0b101);
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!((meta.len(), meta.blocks() * 512), (3 * BLOCK_SIZE as u64, 2 * BLOCK_SIZE as u64));
    std::fs::remove_file(&path).unwrap();
}
