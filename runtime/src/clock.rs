//! The only reader of clocks and of the system's random source.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use types::time::{Instant, Now, UTime};

/// When the first clock of this process was made.
static START: OnceLock<std::time::Instant> = OnceLock::new();

/// Clocks of one driver. The monotonic ones of all drivers of a process start at zero together: what
/// one core says of a time means the same on another.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { start: *START.get_or_init(std::time::Instant::now) }
    }
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now {
            mono: Instant(self.start.elapsed().as_nanos() as u64),
            wall: UTime::from_duration(wall),
        }
    }
    /// How long from now until `deadline`; `None` for never.
    pub fn until(&self, deadline: Instant) -> Option<Duration> {
        (deadline != Instant::NEVER)
            .then(|| Duration::from_nanos(deadline.0).saturating_sub(self.start.elapsed()))
    }
}

/// 32 bytes from the operating system, the seed of a node.
pub fn seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    // SAFETY: the pointer and length describe `seed`, which is writable for that many bytes.
    let got = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
    // Up to 256 bytes come whole once the kernel's source is initialised (getrandom(2)).
    if got == seed.len() as isize { Ok(seed) } else { Err(std::io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_one_process_agree() {
        let first = Clock::new();
        std::thread::sleep(Duration::from_millis(5));
        let second = std::thread::spawn(Clock::new).join().unwrap();
        let (a, b, c) = (first.now().mono, second.now().mono, first.now().mono);
        assert!(a <= b && b <= c, "{a:?} {b:?} {c:?}");
    }
}
