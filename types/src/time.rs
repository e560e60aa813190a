//! Time as an argument: [`Instant`] for waiting, [`UTime`] for stamps that people and formats see.

use crate::enc::{Decode, Encode, Reader, Result};
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the driver's monotonic clock, in nanoseconds since the process of the driver started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    pub const ZERO: Self = Self(0);
    /// Later than every deadline.
    pub const NEVER: Self = Self(u64::MAX);

    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}
impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Both clocks at one moment, as the driver read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    pub mono: Instant,
    pub wall: UTime,
}

/// Ceph's `utime_t`: seconds and nanoseconds since 1970, 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UTime {
    pub sec: u32,
    pub nsec: u32,
}

impl UTime {
    pub fn from_duration(since_epoch: Duration) -> Self {
        Self { sec: since_epoch.as_secs() as u32, nsec: since_epoch.subsec_nanos() }
    }
    pub fn to_duration(self) -> Duration {
        Duration::new(self.sec as u64, self.nsec)
    }
}
impl Add<Duration> for UTime {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self::from_duration(self.to_duration() + d)
    }
}
impl Encode for UTime {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.sec.encode(out);
        self.nsec.encode(out);
    }
}
impl Decode for UTime {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let mut r = r.part("utime_t", 8)?;
        Ok(Self { sec: r.u32()?, nsec: r.u32()? })
    }
}
