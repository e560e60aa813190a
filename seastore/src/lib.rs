//! Object store of one shard: transactions on a raw device.
//!
//! A [`Store`] owns one shard's region of a device. [`Store::submit`] applies a [`Transaction`] in
//! memory; [`Store::end_of_turn`] writes everything submitted since as one journal record, and
//! [`StoreEvent::Durable`] follows once it is on stable media. Data stays where the journal wrote
//! it. The store performs no I/O: it appends [`StoreEffect`]s and takes [`IoCompletion`]s.
//! An access to metadata that is not in memory answers [`Miss`]: the caller has it fetched and tries
//! again.
//!
//! Life of a device: [`mkfs_plan`] says what to write, [`probe`] says what is there,
//! [`Store::open`] and [`Store::mount`] rebuild a shard from its checkpoint and journal.
//!
//! Invariants: what is acknowledged survives any crash whole, nothing else survives in part; every
//! block is checked when it is read; a write that the space accounting let in can be written
//! without waiting for the cleaner.

mod anchor;
mod check;
mod checkpoint;
mod checkpointer;
mod cleaner;
mod delta;
pub mod event;
pub mod format;
mod miss;
mod mount;
mod objects;
mod onode;

#[allow(
    dead_code,
    reason = "parts that the store to come does without go when it replaces this one"
)]
pub mod paged;
mod reader;
mod record;
mod segment;
mod store;
pub mod txn;
mod writer;

pub use event::{
    Corrupt, IoCompletion, MountReport, ObjectInfo, Piece, ReadData, ReadError, ReadStart, StatFs,
    StoreEffect, StoreError, StoreEvent, SubmitError,
};
pub use format::{
    MkfsError, MkfsParams, ProbeError, Superblock, mkfs_plan, probe, superblock_offsets,
};
pub use miss::Miss;
pub use store::{Store, StoreConfig};
pub use txn::{
    NAME_BYTES_MAX, OBJECT_SIZE_MAX, OMAP_KEY_BYTES_MAX, ObjectName, Transaction, TxnOp,
};
