//! Drivers: they give a [`types::node::Node`] its inputs and perform its effects. They decide
//! nothing.
//!
//! * [`tokio_driver`] runs monitors, tools and clients;
//! * [`uring`] runs the cores of an OSD, one ring each for disk, network, timers and wake-ups;
//! * `glommio_driver` does the same on a glommio executor (feature `glommio`);
//! * [`outside`] lets a tokio task talk to those cores;
//! * [`epoll_driver`] runs nodes with nothing but connections, for comparison;
//! * [`device`] opens block devices and files for direct I/O; [`kv`] is the monitors' store.

mod allocator;
pub mod clock;
pub mod cpu_latency;
pub mod device;
pub mod device_class;
pub mod device_traits;
pub mod epoll_driver;
#[cfg(feature = "glommio")]
pub mod glommio_driver;
pub mod hop;
pub mod kv;
pub mod outside;
mod pool;
pub mod probes;
pub mod process;
pub mod rdma;
pub mod slabs;
pub mod socket;
pub mod tokio_driver;
pub mod uring;
mod zones;

/// Where a node's log lines go; called on the driver's thread, in order.
pub type LogSink = Box<dyn FnMut(types::time::Now, types::node::LogLevel, &str)>;
