//! A whole cluster in one thread, from one seed.
//!
//! [`world`] owns time, order and chance; [`disk`] the fate of unflushed writes; [`cluster`] puts a
//! monitor, OSDs and clients ([`workload`]) into it, [`faults`] lets things go wrong; [`check`] says
//! what must hold all the same. In [`hostile`] worlds a [`stranger`] sends mutated requests.

pub mod chance;
pub mod check;
pub mod cluster;
pub mod cores;
pub mod disk;
pub mod faults;
pub mod hostile;
pub mod mutate;
pub mod operator;
pub mod stranger;
pub mod workload;
pub mod world;
