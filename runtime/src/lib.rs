//! Drivers: io_uring, glommio and tokio.
