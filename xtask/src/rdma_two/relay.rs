//! The network between two virtual machines: passes Ethernet frames on, and loses and delays some,
//! which of them a seed says.

use anyhow::Context;
use std::collections::VecDeque;
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
    pub passed: AtomicU64,
    pub lost: AtomicU64,
    pub late: AtomicU64,
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
        let is_closed =
            weather.is_cut.load(Relaxed) || (weather.is_filtered.load(Relaxed) && is_roce(frame));
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

#[cfg(test)]
mod tests {
    use super::*;

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
