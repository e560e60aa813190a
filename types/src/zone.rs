//! Zones of a device that takes writes in order only (host-managed SMR, NVMe ZNS).
//!
//! A zone is written from its start, always at its *write pointer*, up to its capacity, which may be
//! less than the distance to the next zone. What lies before the write pointer is not written over;
//! a reset gives the whole zone up. A zone that has been begun and is not full is *active*; devices
//! bound how many are.

/// How all zones of a device are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneTraits {
    /// From one zone's start to the next, bytes, a power of two.
    pub bytes: u64,
    /// What a zone holds, bytes.
    pub capacity: u64,
    /// How many may be active at once; 0 without a bound.
    pub active_max: u32,
}

/// What a device says of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneState {
    Empty,
    /// Begun, open or closed.
    Active,
    /// No more can be written, whatever has been.
    Full,
    /// Failing: what it holds can be read.
    ReadOnly,
    /// Failed: it holds nothing.
    Offline,
    /// It has no write pointer and is written anywhere.
    Conventional,
}

/// One zone of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Bytes from the start of the device.
    pub offset: u64,
    /// Bytes.
    pub capacity: u64,
    /// The write pointer, bytes from the zone's start; the capacity where the zone takes no writes.
    pub written: u64,
    pub state: ZoneState,
}

/// What a device is asked to do with one zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneOp {
    /// Give up what it holds: the write pointer goes to the start.
    Reset,
    /// Take no more writes: the zone is full, and not active any more.
    Finish,
}
