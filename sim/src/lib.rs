//! A whole cluster in one thread, from one seed.
//!
//! [`world`] owns time, order and chance; [`disk`] the fate of unflushed writes.

pub mod chance;
pub mod check;
pub mod disk;
pub mod world;
