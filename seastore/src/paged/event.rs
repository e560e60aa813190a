//! The vocabulary of the paged store where it differs from the first form's.

pub use crate::event::{
    Corrupt, IoCompletion, MountReport, Piece, ReadData, ReadError, ReadStart, StatFs, StoreEffect,
    StoreError, SubmitError,
};
use crate::txn::ObjectName;
use types::node::IoError;

/// What the store tells its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// The store takes transactions and reads from now on.
    Mounted(MountReport),
    /// The transaction with this token, and every one submitted before it, is on stable media.
    Durable { token: u64 },
    /// The transaction with this token cannot be applied: metadata or old data that it needs are
    /// damaged or cannot be read. Nothing of it was applied; later ones may be.
    Refused { token: u64, error: ReadError },
    /// A [`Store::read`](super::Store::read) that answered `Pending` has ended.
    ReadDone { token: u64, result: Result<ReadData, ReadError> },
    /// What a [`Store::fetch`](super::Store::fetch) asked for is in memory, or cannot be.
    Fetched { token: u64, result: Result<(), ReadError> },
    /// After [`SubmitError::Busy`] or `accepting() == false`: there is room again.
    Room,
    /// A background job met rotten data. The object's other parts and all other objects go on.
    CorruptFound(Corrupt),
    /// The device refused a background job's read. What could not be read stays where it is.
    Unreadable { object: ObjectName, device_offset: u64, error: IoError },
    /// The device failed or what it holds cannot be used. Said once; every later call sees the
    /// same error until the store is opened anew. Transactions not yet durable may or may not
    /// survive, each whole or not at all.
    Failed(StoreError),
}

/// What `stat` says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObjectInfo {
    pub size: u64,
    pub xattr_count: usize,
    pub omap_count: usize,
    pub omap_header_bytes: usize,
}
