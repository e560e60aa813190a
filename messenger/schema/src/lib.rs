//! FlatBuffers of our own control messages, generated from `messenger/schema/kermes.fbs`:
//! `planus rust -o messenger/schema/src/generated.rs messenger/schema/kermes.fbs` (planus 1.3).
//! The types that daemons use are in `messenger::messages::internal`.

#[allow(clippy::all, missing_docs)]
mod generated;
pub use generated::kermes::*;
pub use planus::{Builder, Error, ReadAsRoot, WriteAsOffset};
