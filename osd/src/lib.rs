//! One core of an OSD: placement groups, replication, object operations.
//!
//! Start with [`node::OsdNode`]. Reading order: [`pg`] (agreement and replication, pure), [`ops`]
//! (what a client's request does to an object), [`shard`] (one store and its PGs), [`node`] (one
//! core), [`boot`] and [`heartbeat`] (what core 0 does for all), [`observe`] (what it tells of itself).

pub mod auth;
pub mod boot;
pub mod client_op;
pub mod config;
pub mod core_stats;
pub mod heartbeat;
pub mod map;
pub mod node;
pub mod observe;
pub mod ops;
pub mod pg;
pub mod shard;

pub use node::{OsdConfig, OsdHop, OsdNode};
