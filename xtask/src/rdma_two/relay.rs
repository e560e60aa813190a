//! The network between two virtual machines: passes Ethernet frames on, and loses and delays some,
//! which of them a seed says. It also watches whether the devices number their packets rightly.

use anyhow::Context;
use std::collections::{BTreeMap, VecDeque};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The longest frame; the machines' cards have the usual 1500 bytes.
const FRAME_BYTES: usize = 4096;
/// A delayed frame arrives after so many others of its direction at most, or after so long.
const LATE_MAX: u64 = 4;
const LATE: Duration = Duration::from_millis(5);
/// UDP port of RoCE v2.
const ROCE: u16 = 4791;
/// Where it begins in a frame: behind the headers of Ethernet, IPv4 without options, and UDP.
const ROCE_AT: usize = 14 + 20 + 8;
/// More packets of one queue pair than soft RoCE has unacknowledged.
const WATCHED: usize = 1024;

/// What happens to frames, of both directions.
#[derive(Default)]
pub struct Weather {
    /// Of a million frames.
    pub lost_ppm: AtomicU32,
    pub late_ppm: AtomicU32,
    /// No frame passes.
    pub is_cut: AtomicBool,
    /// No frame of RoCE passes.
    pub is_filtered: AtomicBool,
    /// No confirmation of rdma_cm passes, the third message of those that make a connection.
    pub is_unconfirmed: AtomicBool,
    pub unconfirmed: AtomicU64,
    pub passed: AtomicU64,
    pub lost: AtomicU64,
    pub late: AtomicU64,
    /// Packets that a device cannot have sent rightly: see [`Numbers`].
    pub misnumbered: AtomicU64,
    is_over: AtomicBool,
}

pub struct Relay {
    pub weather: Arc<Weather>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Paths of a machine's end and of the relay's, and QEMU's options for them.
fn paths(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    (dir.join(format!("machine-{name}")), dir.join(format!("relay-{name}")))
}

/// Options of QEMU for a network card with this address on the relay.
pub fn card(dir: &Path, name: &str, mac: &str) -> String {
    let (machine, relay) = paths(dir, name);
    format!(
        "-netdev dgram,id=kermes,local.type=unix,local.path={},remote.type=unix,remote.path={} -device \
         virtio-net-pci,netdev=kermes,mac={mac},romfile=",
        machine.display(),
        relay.display()
    )
}

impl Relay {
    /// Between the machines `a` and `b`, whose sockets are in `dir`.
    pub fn start(dir: &Path, seed: u64) -> anyhow::Result<Self> {
        let weather = Arc::new(Weather::default());
        let mut threads = Vec::new();
        for (from, to) in [("a", "b"), ("b", "a")] {
            let path = paths(dir, from).1;
            let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
            socket.set_read_timeout(Some(LATE))?;
            let way = Way {
                socket,
                to: paths(dir, to).0,
                weather: weather.clone(),
                random: seed.wrapping_mul(2).wrapping_add((from == "a") as u64),
                held: VecDeque::new(),
                numbers: Numbers::default(),
            };
            threads.push(std::thread::spawn(move || way.run()));
        }
        Ok(Self { weather, threads })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.weather.is_over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One direction.
struct Way {
    socket: UnixDatagram,
    to: PathBuf,
    weather: Arc<Weather>,
    random: u64,
    /// Frames that arrive later, each with how many go before it.
    held: VecDeque<(u64, Vec<u8>)>,
    numbers: Numbers,
}

/// What SENDs of one direction were under which number, so that a device that sends something again
/// as something else is told from a program that sends what it should not. A device may send a packet
/// again, but under a number only ever the same one.
#[derive(Default)]
struct Numbers(BTreeMap<u32, Vec<Option<Sent>>>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Sent {
    number: u32,
    opcode: u8,
    bytes: usize,
}

impl Numbers {
    /// Whether this packet is one that a device which works does not send: without payload, as no
    /// message of ours is, or of another kind or length than the one that had its number.
    fn is_wrong(&mut self, frame: &[u8]) -> bool {
        // Of a reliable connection: first, middle, last and only one of a SEND.
        let Some(head @ [0..=2 | 4, ..]) = frame.get(ROCE_AT..ROCE_AT + 12) else { return false };
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        let (pair, number) = (word(4) & 0xff_ffff, word(8) & 0xff_ffff);
        let padding = (head[1] >> 4 & 3) as usize;
        let length = u16::from_be_bytes([frame[16], frame[17]]) as usize;
        // Behind it is a checksum.
        let bytes = (length + 14).saturating_sub(ROCE_AT + 12 + 4 + padding);
        let sent = Sent { number, opcode: head[0], bytes };
        let watched = self.0.entry(pair).or_insert_with(|| vec![None; WATCHED]);
        let before = watched[number as usize % WATCHED].replace(sent);
        bytes == 0 || before.is_some_and(|before| before.number == number && before != sent)
    }
}

impl Way {
    fn run(mut self) {
        let mut buf = [0; FRAME_BYTES];
        while !self.weather.is_over.load(Relaxed) {
            match self.socket.recv(&mut buf) {
                Ok(n) => self.frame(&buf[..n]),
                // Nothing came for some time.
                Err(_) => self.release(LATE_MAX),
            }
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let weather = self.weather.clone();
        let is_roce = is_roce(frame);
        if is_roce && self.numbers.is_wrong(frame) {
            weather.misnumbered.fetch_add(1, Relaxed);
        }
        let is_closed =
            weather.is_cut.load(Relaxed) || (weather.is_filtered.load(Relaxed) && is_roce);
        if weather.is_unconfirmed.load(Relaxed) && is_roce && is_confirmation(frame) {
            weather.unconfirmed.fetch_add(1, Relaxed);
            return;
        }
        if is_closed || self.happens(weather.lost_ppm.load(Relaxed)) {
            weather.lost.fetch_add(1, Relaxed);
        } else if self.happens(weather.late_ppm.load(Relaxed)) {
            weather.late.fetch_add(1, Relaxed);
            let after = 1 + self.next() % LATE_MAX;
            self.held.push_back((after, frame.to_vec()));
        } else {
            self.send(frame);
            self.release(1);
        }
    }

    /// So many frames went before those that are held.
    fn release(&mut self, went: u64) {
        for (after, _) in &mut self.held {
            *after = after.saturating_sub(went);
        }
        while let Some(at) = self.held.iter().position(|(after, _)| *after == 0) {
            let (_, frame) = self.held.remove(at).expect("just found");
            self.send(&frame);
        }
    }

    fn send(&self, frame: &[u8]) {
        // A machine that is not there yet, or any more, takes none.
        if self.socket.send_to(frame, &self.to).is_ok() {
            self.weather.passed.fetch_add(1, Relaxed);
        }
    }

    fn happens(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.next() % 1_000_000 < ppm as u64
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// IPv4, UDP, to the port of RoCE.
fn is_roce(frame: &[u8]) -> bool {
    let head = frame.get(14).map_or(0, |b| (b & 15) as usize * 4);
    frame.get(12..14) == Some(&[8, 0])
        && frame.get(23) == Some(&17)
        && frame.get(14 + head + 2..14 + head + 4) == Some(&ROCE.to_be_bytes())
}

/// Of a frame of RoCE: a datagram to queue pair 1 with a management message of rdma_cm's class, ReadyToUse
/// (InfiniBand Architecture Specification, volume 1, chapters 12 and 13).
fn is_confirmation(frame: &[u8]) -> bool {
    const UD_SEND_ONLY: u8 = 0x64;
    const COMMUNICATION: u8 = 7;
    const READY_TO_USE: [u8; 2] = 0x14u16.to_be_bytes();
    // Behind a base header of 12 bytes and a datagram's of 8.
    const MESSAGE: usize = ROCE_AT + 20;
    frame.get(ROCE_AT) == Some(&UD_SEND_ONLY)
        && frame.get(ROCE_AT + 5..ROCE_AT + 8) == Some(&[0, 0, 1])
        && frame.get(MESSAGE + 1) == Some(&COMMUNICATION)
        && frame.get(MESSAGE + 16..MESSAGE + 18) == Some(&READY_TO_USE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of a SEND.
    fn send(opcode: u8, number: u32, payload: usize) -> Vec<u8> {
        let mut frame = vec![0; ROCE_AT + 12 + payload.next_multiple_of(4) + 4];
        let length = (frame.len() - 14) as u16;
        frame[16..18].copy_from_slice(&length.to_be_bytes());
        frame[ROCE_AT] = opcode;
        frame[ROCE_AT + 1] = ((payload.next_multiple_of(4) - payload) << 4) as u8;
        frame[ROCE_AT + 4..ROCE_AT + 8].copy_from_slice(&17u32.to_be_bytes());
        frame[ROCE_AT + 8..ROCE_AT + 12].copy_from_slice(&number.to_be_bytes());
        frame
    }

    #[test]
    fn what_is_sent_again_is_the_same() {
        let mut numbers = Numbers::default();
        let mut all = |packets: &[(u8, u32, usize)]| -> Vec<bool> {
            packets.iter().map(|(op, n, len)| numbers.is_wrong(&send(*op, *n, *len))).collect()
        };
        let message = [(0, 100, 1024), (1, 101, 1024), (2, 102, 630), (4, 103, 12)];
        assert_eq!(all(&message), [false; 4]);
        assert_eq!(all(&message), [false; 4], "again");
        assert_eq!(all(&[(4, 100, 0)]), [true], "no message of ours is empty");
        assert_eq!(all(&[(0, 101, 1024), (1, 102, 1024)]), [true; 2], "one number further");
        assert_eq!(all(&[(4, 103, 13)]), [true], "another length");
        assert_eq!(all(&[(0, 100 + WATCHED as u32, 1024)]), [false], "a new one");
        // An acknowledgement, and what is no packet.
        assert_eq!(all(&[(17, 101, 0)]), [false]);
        assert!(!numbers.is_wrong(&[0; 30]));
    }

    #[test]
    fn frames_are_passed_lost_and_late_as_the_weather_is() {
        let dir = std::env::temp_dir().join(format!("kermes-relay-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let relay = Relay::start(&dir, 1).unwrap();
        let bind = |name| UnixDatagram::bind(paths(&dir, name).0).unwrap();
        let (a, b) = (bind("a"), bind("b"));
        a.connect(paths(&dir, "a").1).unwrap();
        b.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let pass = |frames: std::ops::Range<u32>| {
            let mut came = Vec::new();
            for n in frames {
                let mut frame = [0; 64];
                (frame[12], frame[14], frame[23]) = (8, 0x45, 17);
                frame[36..38].copy_from_slice(&ROCE.to_be_bytes());
                frame[60..].copy_from_slice(&n.to_be_bytes());
                a.send(&frame).unwrap();
                let mut buf = [0; 64];
                // Pairs, so that neither queue fills up.
                if n % 2 == 1 {
                    while b.recv(&mut buf).is_ok() {
                        came.push(u32::from_be_bytes(buf[60..].try_into().unwrap()));
                        if n < 99 {
                            break;
                        }
                    }
                }
            }
            came
        };
        let weather = &relay.weather;
        assert_eq!(pass(80..100), (80..100).collect::<Vec<_>>());
        weather.lost_ppm.store(300_000, Relaxed);
        assert!((1..20).contains(&pass(80..100).len()));
        weather.lost_ppm.store(0, Relaxed);
        weather.late_ppm.store(300_000, Relaxed);
        let mut came = pass(80..100);
        assert!(!came.is_sorted());
        came.sort();
        assert_eq!(came, (80..100).collect::<Vec<_>>());
        weather.late_ppm.store(0, Relaxed);
        weather.is_filtered.store(true, Relaxed);
        assert!(pass(98..100).is_empty());
        weather.is_filtered.store(false, Relaxed);
        weather.is_cut.store(true, Relaxed);
        assert!(pass(98..100).is_empty());
        drop(relay);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
