//! Object store of one shard: transactions on a raw device.
//!
//! A [`Store`] owns one shard's region of a device. [`Store::submit`] takes a [`Transaction`];
//! [`Store::end_of_turn`] writes everything submitted since as one journal record, and
//! [`StoreEvent::Durable`] follows once it is on stable media. Data stays where the journal wrote
//! it; metadata is in pages, of which a bounded part is in memory. docs/design/0003-seastore.md
//! The store performs no I/O: it appends [`StoreEffect`]s and takes [`IoCompletion`]s.
//! An access to metadata that is not in memory answers [`Miss`]: the caller has it fetched and tries
//! again.
//!
//! Life of a device: [`mkfs_plan`] says what to write, [`probe`] says what is there,
//! [`Store::open`] and [`Store::mount`] rebuild a shard from its checkpoint and journal.
//!
//! Invariants: what is acknowledged survives any crash whole, nothing else survives in part; every
//! block is checked when it is read; a write that the space accounting let in can be written
//! without waiting for the cleaner.
//!
//! `page` and `tree` are B+trees of byte strings over pages that may be absent; `pager` keeps pages
//! in memory within a budget and knows where they lie; `key`, `onode` (with `xattrs`) and `group`
//! are what the trees hold; `change` is what the journal holds. `zones` keeps the order that a
//! device with zones asks for.

mod anchor;
mod blob;
mod change;
mod check;
mod checkpointer;
mod cleaner;
mod data_cache;
mod discard;
mod driver;
pub mod event;
mod fetch;
pub mod format;
mod group;
mod journal;
mod key;
mod meta;
mod misses;
mod mount;
mod onode;
mod page;
mod pager;
mod pages;
mod reader;
mod record;
mod report;
mod resolve;
mod root;
mod s3fifo;
mod scan;
mod segments;
mod slots;
mod space;
mod store;
mod table;
mod touch;
mod tree;
pub mod txn;
mod xattrs;
mod zones;

pub use check::{Check, CheckStep, Finding};
pub use event::{
    BadCopy, CheckpointPart, Corrupt, IoCompletion, MountReport, ObjectInfo, Piece, ReadData,
    ReadError, ReadStart, StatFs, StoreEffect, StoreError, StoreEvent, SubmitError,
};
pub use format::{
    MkfsError, MkfsParams, ProbeError, Superblock, mkfs_plan, probe, superblock_offsets,
    zoned_superblock_offsets,
};
pub use report::{SpaceReport, UTILISATION_STEPS};
pub use scan::{ObjectScan, Scanned};
pub use store::{Miss, Store, StoreConfig, StoreCounters};
pub use txn::{
    NAME_BYTES_MAX, OBJECT_SIZE_MAX, OMAP_KEY_BYTES_MAX, ObjectName, Transaction, TxnOp,
    VALUE_BYTES_MAX,
};
