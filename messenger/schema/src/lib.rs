//! FlatBuffers of our own control messages, generated from `messenger/schema/kermes.fbs` by
//! `cargo xtask codegen` (planus 1.3).
//! The types that daemons use are in `messenger::messages::internal` and `messenger::messages::peer`.

#[allow(clippy::all, missing_docs)]
#[rustfmt::skip] // as the generator wrote it
mod generated;
pub use generated::kermes::*;
pub use planus::{Builder, Error, Offset, ReadAsRoot, Result, Vector, VectorRead, WriteAsOffset};
