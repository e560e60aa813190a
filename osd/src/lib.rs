//! One core of an OSD: placement groups, replication, object operations.

pub mod ops;
pub mod pg;
