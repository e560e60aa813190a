//! What this process holds of RDMA devices, over all its cores, so that leaks show.

use std::sync::atomic::{AtomicI64, Ordering};

/// A count that goes up and down.
pub struct Gauge(AtomicI64);

impl Gauge {
    const fn new() -> Self {
        Self(AtomicI64::new(0))
    }
    pub(super) fn add(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub static QUEUE_PAIRS: Gauge = Gauge::new();
pub static REGISTERED_BYTES: Gauge = Gauge::new();
/// Connections that were made over RDMA, and those that fell back to TCP, since the start.
pub static CONNECTIONS: Gauge = Gauge::new();
pub static FALLBACKS: Gauge = Gauge::new();
/// Connections that were closed because a message was not what the other end can have sent.
pub static MALFORMED: Gauge = Gauge::new();
/// Bytes that the device has brought straight into the buffers of nodes, and those that were copied there
/// out of memory of ours, since the start.
pub static DIRECT_BYTES: Gauge = Gauge::new();
pub static COPIED_BYTES: Gauge = Gauge::new();
/// Bytes that peers were offered where they lay, and those that were copied first.
pub static OFFERED_DIRECT_BYTES: Gauge = Gauge::new();
pub static OFFERED_COPIED_BYTES: Gauge = Gauge::new();
