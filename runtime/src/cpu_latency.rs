//! CPUs that wake up at once while there is work.
//!
//! A CPU without work idles, and takes a while to come back: up to 2 us from a shallow state, 50 to 200
//! us from the deepest ones of a server, and some 25 us in a virtual machine, where it has gone to the
//! hypervisor and whoever wakes it up has to go there too. An operation that has few beside it waits for
//! that at each of its steps: with one under way it is most of its time, and a third of its CPU
//! (docs/performance/whole-path.md).
//!
//! The kernel lets a program bound that time for as long as it has a file open (PM QoS,
//! Documentation/power/pm_qos_interface.rst). It holds for all CPUs, and costs power or, in a virtual
//! machine, the host's time. So it is asked for only while a core is busy, and taken back when none is.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use types::time::Instant;

const FILE: &str = "/dev/cpu_dma_latency";
const IDLE_DRIVER: &str = "/sys/devices/system/cpu/cpuidle/current_driver";
/// PM_QOS_DEFAULT_VALUE of linux/pm_qos.h: no bound.
const UNBOUNDED: i32 = -1;
/// What [`Wanted::Auto`] takes on hardware: the shallowest halt, C1, wakes up in 1 or 2 us.
const SHALLOW_US: u32 = 2;
/// A core is busy when so many things reach it in [`WINDOW`], and until so many no longer do: 1000 a
/// second, which is some 300 operations. Heartbeats are a few.
const BUSY_EVENTS: u32 = 100;
const WINDOW: Duration = Duration::from_millis(100);

/// The longest that a CPU may take to wake up while a core is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// 2 us, or 0 where the CPUs are a hypervisor's, which leaves idle ones only the choice between going
    /// to it and not halting at all.
    Auto,
    /// What the kernel does by itself.
    Off,
    /// Microseconds. With 0 no CPU of the machine halts.
    Micros(u32),
}

impl FromStr for Wanted {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(us) if us <= i32::MAX as u32 => Ok(Self::Micros(us)),
                _ => Err(format!("'{text}': must be auto, off or a number of microseconds")),
            },
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Micros(us) => write!(f, "{us}"),
        }
    }
}

/// A request to the kernel that the cores of a process share. Clones are the same request; it ends with
/// the last of them, and with the process.
#[derive(Debug, Clone)]
pub struct CpuLatency {
    us: u32,
    request: Arc<Mutex<Request>>,
}

#[derive(Debug)]
struct Request {
    file: File,
    busy: usize,
}

impl CpuLatency {
    /// `None` where nothing is wanted, or where CPUs have one way to idle only. Asks the kernel for
    /// nothing yet.
    ///
    /// # Errors
    /// The file is the administrator's as long as no rule gives it to others (EACCES), and a kernel
    /// or a container may be without it (ENOENT).
    pub fn open(wanted: Wanted) -> io::Result<Option<Self>> {
        let us = match wanted {
            Wanted::Off => return Ok(None),
            Wanted::Micros(us) => us,
            Wanted::Auto => match std::fs::read_to_string(IDLE_DRIVER).as_deref().map(str::trim) {
                Err(_) | Ok("none") => return Ok(None),
                Ok("haltpoll") => 0,
                Ok(_) => SHALLOW_US,
            },
        };
        let file = File::options().write(true).open(FILE);
        let file = file.map_err(|e| io::Error::new(e.kind(), format!("{FILE}: {e}")))?;
        Ok(Some(Self::over(us, file)))
    }

    fn over(us: u32, file: File) -> Self {
        Self { us, request: Arc::new(Mutex::new(Request { file, busy: 0 })) }
    }

    /// The bound, us.
    pub fn micros(&self) -> u32 {
        self.us
    }

    /// One core more that has work, for as long as the result lives.
    pub fn hold(&self) -> Held {
        self.change(|busy| busy + 1);
        Held(self.clone())
    }

    fn change(&self, of: impl Fn(usize) -> usize) {
        // Nothing that is done under it leaves it half done.
        let mut request = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, after) = (request.busy, of(request.busy));
        request.busy = after;
        if (before == 0) != (after == 0) {
            let us = if after == 0 { UNBOUNDED } else { self.us as i32 };
            // A kernel that took the file takes every value. Were it to refuse one, CPUs would idle as
            // they like, and nothing else would change.
            let _ = request.file.write_all(&us.to_ne_bytes());
        }
    }
}

/// See [`CpuLatency::hold`].
#[derive(Debug)]
pub struct Held(CpuLatency);
impl Drop for Held {
    fn drop(&mut self) {
        self.0.change(|busy| busy - 1);
    }
}

/// One core's part: holds the request while the core is busy.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    latency: Option<CpuLatency>,
    load: Load,
    held: Option<Held>,
}

impl Watch {
    pub fn new(latency: Option<CpuLatency>) -> Self {
        Self { latency, ..Self::default() }
    }
    /// To be told after each turn how many completions and messages it had.
    pub fn turn(&mut self, now: Instant, events: usize) {
        let Some(latency) = &self.latency else { return };
        match (self.load.turn(now, events), &self.held) {
            (true, None) => self.held = Some(latency.hold()),
            (false, Some(_)) => self.held = None,
            _ => {}
        }
    }
    /// When [`Watch::turn`] has to be called again, whatever happens.
    pub fn deadline(&self) -> Instant {
        if self.held.is_some() { self.load.window_end } else { Instant::NEVER }
    }
}

/// Whether a core is busy.
#[derive(Debug, Default)]
struct Load {
    window_end: Instant,
    events: u32,
    busy: bool,
}

impl Load {
    fn turn(&mut self, now: Instant, events: usize) -> bool {
        if now >= self.window_end {
            self.busy &= self.events >= BUSY_EVENTS;
            self.events = 0;
            self.window_end = now + WINDOW;
        }
        self.events = self.events.saturating_add(events as u32);
        self.busy |= self.events >= BUSY_EVENTS;
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn at(ms: u64) -> Instant {
        Instant(ms * 1_000_000)
    }

    #[test]
    fn few_events_are_not_work() {
        let mut load = Load::default();
        for ms in 0..1000 {
            // Every 2 ms: 50 in each window.
            assert!(!load.turn(at(2 * ms), 1), "{ms}");
        }
    }

    #[test]
    fn work_begins_in_the_middle_of_a_window_and_ends_with_one() {
        let mut load = Load::default();
        assert!(!load.turn(at(0), 60));
        assert!(load.turn(at(10), 40));
        assert!(load.turn(at(99), 0));
        // That window was busy; the next is not, which shows at its end.
        assert!(load.turn(at(100), 99));
        assert!(load.turn(at(199), 0));
        assert!(!load.turn(at(200), 0));
    }

    /// What was written so far, number by number.
    fn written(path: &std::path::Path) -> Vec<i32> {
        let mut bytes = Vec::new();
        File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        bytes.chunks(4).map(|word| i32::from_ne_bytes(word.try_into().unwrap())).collect()
    }

    #[test]
    fn the_first_busy_core_asks_and_the_last_takes_it_back() {
        let path = std::env::temp_dir().join(format!("kermes-latency-{}", std::process::id()));
        let latency = CpuLatency::over(7, File::create(&path).unwrap());
        let mut cores = [0; 2].map(|_| Watch::new(Some(latency.clone())));
        assert_eq!(cores[0].deadline(), Instant::NEVER);
        cores[0].turn(at(0), 100);
        cores[1].turn(at(0), 100);
        assert_eq!((written(&path), cores[0].deadline()), (vec![7], at(100)));
        for ms in [100, 200] {
            cores[0].turn(at(ms), 0);
        }
        assert_eq!((written(&path), cores[0].deadline()), (vec![7], Instant::NEVER));
        // A core that ends is not busy.
        let [_, second] = cores;
        drop(second);
        assert_eq!(written(&path), [7, -1]);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_wanted_is_read_as_it_is_shown() {
        for wanted in [Wanted::Auto, Wanted::Off, Wanted::Micros(0), Wanted::Micros(50)] {
            assert_eq!(wanted.to_string().parse(), Ok(wanted));
        }
        for text in ["", "on", "-1", "2147483648", "2us"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }
}
