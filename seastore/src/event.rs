//! The store's vocabulary with its caller: device requests, their completions, events and errors.

use crate::txn::ObjectName;
use bytes::Bytes;
use std::fmt;
use types::node::IoError;
use types::zone::{Zone, ZoneOp};

/// A device request that the caller performs. `io` is below 2^48, unique per store since it was
/// opened, so that a caller with many stores can add the store's number on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEffect {
    /// `offset` (from the start of the device) and `len` are multiples of the block size.
    Read { io: u64, offset: u64, len: usize },
    /// `buf` is block aligned in memory, `offset` and its length multiples of the block size.
    /// With `durable` it is on stable media when it completes. Several writes may be under way and
    /// may complete in any order; of a zone of a zoned device one is, at its write pointer.
    Write { io: u64, offset: u64, buf: Bytes, durable: bool },
    /// Every write that has completed before is on stable media when this completes.
    Flush { io: u64 },
    /// What the range holds is of no more use: reads of it may give anything from now on. The store
    /// neither reads nor writes there until the answer.
    Discard { io: u64, offset: u64, len: u64 },
    /// Zoned devices only: of the zone that begins at `offset` and takes `len` bytes of the device.
    /// Nothing else is written there meanwhile.
    Zone { io: u64, offset: u64, len: u64, op: ZoneOp },
    /// Zoned devices only: how are the zones of this range?
    ReportZones { io: u64, offset: u64, len: u64 },
}

/// The answer to a [`StoreEffect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IoCompletion {
    Read {
        io: u64,
        result: Result<Bytes, IoError>,
    },
    Write {
        io: u64,
        result: Result<(), IoError>,
    },
    Flush {
        io: u64,
        result: Result<(), IoError>,
    },
    Discard {
        io: u64,
        result: Result<(), IoError>,
    },
    Zone {
        io: u64,
        result: Result<(), IoError>,
    },
    /// In ascending order, every zone that begins in the range.
    Zones {
        io: u64,
        result: Result<Vec<Zone>, IoError>,
    },
}

/// What the store tells its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// The store takes transactions and reads from now on.
    Mounted(MountReport),
    /// The transaction with this token, and every one submitted before it, is on stable media.
    Durable { token: u64 },
    /// The transaction with this token cannot be applied: metadata or old data that it needs are
    /// damaged or cannot be read, or the copy of an omap that it makes has no room. Nothing of it was
    /// applied; later ones may be.
    Refused { token: u64, error: ReadError },
    /// A [`Store::read`](crate::Store::read) that answered `Pending` has ended.
    ReadDone { token: u64, result: Result<ReadData, ReadError> },
    /// A [`Store::fetch`](crate::Store::fetch) has ended. What it brought stays in memory at least
    /// until the caller has handled this.
    Fetched { token: u64, result: Result<(), ReadError> },
    /// After [`SubmitError::Busy`] or `accepting() == false`: there is room again.
    Room,
    /// A background job met rotten data. The object's other parts and all other objects go on.
    CorruptFound(Corrupt),
    /// The device refused a background job's read. What could not be read stays where it is: of
    /// this object, and perhaps of others next to it.
    Unreadable { object: ObjectName, device_offset: u64, error: IoError },
    /// One of the two copies of a part of the checkpoint is of no use. The mount goes on with the
    /// other one, and the store has both written anew.
    BadCopy(BadCopy),
    /// A mount that salvages: changes of the journal to this object need metadata that are damaged
    /// or cannot be read, or lie in or behind the record of [`StoreEvent::JournalDamaged`]; whose
    /// address this is then. The object is as it was before the first of them, and may be missing.
    /// Said once for each object, before [`StoreEvent::Mounted`].
    Outdated { object: ObjectName, device_offset: u64 },
    /// A mount that salvages: the journal's record with this number was durable and is damaged.
    /// Everything is as it was when record `sequence - 1` was written. Objects that are known to
    /// have changed since are named by [`StoreEvent::Outdated`]; others may have, since nobody knows
    /// what the damaged record says. Said once, before [`StoreEvent::Mounted`].
    JournalDamaged { sequence: u64, device_offset: u64 },
    /// The device refused to discard. Nothing is lost; it is not asked again.
    DiscardRefused { device_offset: u64, error: IoError },
    /// The device failed or what it holds cannot be used. Said once; every later call sees the
    /// same error until the store is opened anew. Transactions not yet durable may or may not
    /// survive, each whole or not at all.
    Failed(StoreError),
}

/// What a mount read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MountReport {
    pub objects: u64,
    /// Journal records replayed after the checkpoint.
    pub records: u64,
    /// Bytes of those records.
    pub journal_bytes: u64,
    /// Whether unfinished writes were cut off the journal's end.
    pub tail_cut: bool,
}

/// A stored block does not hold what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt {
    pub object: ObjectName,
    /// Bytes from the start of the device, of the block.
    pub device_offset: u64,
    /// crc32c (seed !0, not inverted) of the block when it was written, and of what was read.
    pub expected: u32,
    pub found: u32,
}
impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "object {}: block at {:#x} has checksum {:#010x}, expected {:#010x}",
            self.object, self.device_offset, self.found, self.expected
        )
    }
}
impl std::error::Error for Corrupt {}

/// Why a transaction was not taken. Nothing of it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitError {
    /// No space (ENOSPC). Transactions that free space are still taken.
    Full,
    /// There is space but it has to be cleaned first: keep the transaction, wait for
    /// [`StoreEvent::Room`] and submit it again. Callers that ask [`accepting`] before they start an
    /// operation meet this only with transactions of many MiB on small stores.
    ///
    /// [`accepting`]: crate::Store::accepting
    Busy,
    /// Operation number `op` is out of its range.
    Invalid {
        op: usize,
        what: &'static str,
    },
    /// The store is not mounted yet.
    NotMounted,
    /// The store is mounted to look at what is left.
    Salvaged,
    Failed(StoreError),
}
impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "no space left in the store"),
            Self::Busy => write!(f, "the store has to clean before it takes more"),
            Self::Invalid { op, what } => write!(f, "operation {op}: {what}"),
            Self::NotMounted => write!(f, "the store is not mounted"),
            Self::Salvaged => write!(f, "the store is mounted to look at what is left"),
            Self::Failed(e) => write!(f, "{e}"),
        }
    }
}
impl std::error::Error for SubmitError {}

/// Why a read has no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// No such object.
    NotFound,
    Corrupt(Corrupt),
    /// The device refused this one read.
    Io {
        object: ObjectName,
        device_offset: u64,
        error: IoError,
    },
    /// A page of metadata cannot be read: the device refused, or (`None`) what it holds is not what
    /// was written. Objects whose metadata lie elsewhere are not concerned.
    Metadata {
        /// The one that was looked at, where it is known.
        object: Option<ObjectName>,
        page: u32,
        device_offset: u64,
        error: Option<IoError>,
    },
    /// Of a refused transaction only: what it copies of this object has no room.
    NoRoom {
        object: Option<ObjectName>,
    },
    NotMounted,
    Failed(StoreError),
}
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => write!(f, "no such object"),
            Self::Corrupt(c) => write!(f, "{c}"),
            Self::Io { object, device_offset, error } => {
                write!(f, "object {object}: read at {device_offset:#x}: {error}")
            }
            Self::Metadata { object, page, device_offset, error } => {
                if let Some(object) = object {
                    write!(f, "object {object}: ")?;
                }
                write!(f, "metadata page {page} at {device_offset:#x}: ")?;
                match error {
                    Some(error) => write!(f, "{error}"),
                    None => write!(f, "does not hold what was written"),
                }
            }
            Self::NoRoom { object } => {
                if let Some(object) = object {
                    write!(f, "object {object}: ")?;
                }
                write!(f, "the store is full, and a copy takes more than was expected")
            }
            Self::NotMounted => write!(f, "the store is not mounted"),
            Self::Failed(e) => write!(f, "{e}"),
        }
    }
}
impl std::error::Error for ReadError {}

/// What a mount reads of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointPart {
    Root,
    /// A chunk of the page table.
    PageTable,
    /// A page that the replay of the journal needs.
    Page,
}
impl fmt::Display for CheckpointPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::PageTable => "page table",
            Self::Page => "page that the journal changes",
        })
    }
}

/// A copy of a part of the checkpoint, whose other copy is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadCopy {
    pub part: CheckpointPart,
    /// Bytes from the start of the device.
    pub device_offset: u64,
    /// The device refused; `None` if what it holds is not what was written.
    pub error: Option<IoError>,
}
impl fmt::Display for BadCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, device_offset, error } = self;
        write!(f, "a copy of the checkpoint's {part} at {device_offset:#x} ")?;
        match error {
            Some(error) => write!(f, "cannot be read ({error})")?,
            None => write!(f, "is damaged")?,
        }
        write!(f, "; the other one is whole, and both are written anew")
    }
}

/// Why a store is of no more use. Offsets are bytes from the start of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    WriteFailed {
        device_offset: u64,
        error: IoError,
    },
    /// A flush failed, of a mount or a checkpoint.
    FlushFailed {
        error: IoError,
    },
    /// A read failed while mounting.
    ReadFailed {
        device_offset: u64,
        error: IoError,
    },
    /// Neither of the two anchors is whole.
    NoAnchor {
        device_offsets: [u64; 2],
    },
    /// What is there twice, in both places.
    CheckpointCorrupt {
        part: CheckpointPart,
        device_offset: u64,
        /// Of the second copy.
        copy_offset: Option<u64>,
    },
    /// A record is bad although later records say that it was durable.
    JournalCorrupt {
        device_offset: u64,
        sequence: u64,
    },
    /// A journal record or checkpoint has a right checksum and a content that cannot be.
    Undecodable {
        device_offset: u64,
    },
    /// A transaction needs metadata or old data that are damaged or cannot be read.
    TransactionRefused,
    /// The reserve that keeps cleaner and checkpoints going was used up.
    ReserveExhausted,
    /// The journal can go on in this zone only, which the device has given up.
    ZoneFailed {
        device_offset: u64,
    },
}
impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteFailed { device_offset, error } => {
                write!(f, "write at {device_offset:#x} failed: {error}")
            }
            Self::FlushFailed { error } => write!(f, "flush failed: {error}"),
            Self::ReadFailed { device_offset, error } => {
                write!(f, "read at {device_offset:#x} failed while mounting: {error}")
            }
            Self::NoAnchor { device_offsets: [a, b] } => {
                write!(f, "neither of the checkpoint anchors at {a:#x} and {b:#x} is whole")
            }
            Self::CheckpointCorrupt { part, device_offset, copy_offset } => {
                write!(f, "the checkpoint's {part} is corrupt at {device_offset:#x}")?;
                copy_offset.map_or(Ok(()), |at| write!(f, ", and its copy at {at:#x}"))
            }
            Self::JournalCorrupt { device_offset, sequence } => write!(
                f,
                "journal record {sequence} at {device_offset:#x} is corrupt, and later ones exist"
            ),
            Self::Undecodable { device_offset } => {
                write!(f, "content that cannot be, at {device_offset:#x}")
            }
            Self::TransactionRefused => {
                write!(f, "a transaction needs data of the store that cannot be read")
            }
            Self::ReserveExhausted => write!(f, "the space reserve is used up"),
            Self::ZoneFailed { device_offset } => {
                write!(
                    f,
                    "the zone at {device_offset:#x}, where the journal goes on, takes no writes"
                )
            }
        }
    }
}
impl std::error::Error for StoreError {}

/// Bytes of an object in order. Shorter than what was asked for where the object ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadData {
    pub pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Checked bytes, a slice of the device's buffer or of the transaction that wrote them.
    Data(Bytes),
    /// So many zeros: a hole.
    Zeros(u64),
}

impl ReadData {
    /// Bytes, holes included.
    pub fn len(&self) -> u64 {
        self.pieces
            .iter()
            .map(|p| match p {
                Piece::Data(d) => d.len() as u64,
                Piece::Zeros(n) => *n,
            })
            .sum()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// One contiguous buffer; copies unless there is exactly one piece of data.
    pub fn into_bytes(self) -> Bytes {
        if let [Piece::Data(data)] = self.pieces.as_slice() {
            return data.clone();
        }
        let mut out = Vec::with_capacity(self.len() as usize);
        for piece in &self.pieces {
            match piece {
                Piece::Data(d) => out.extend_from_slice(d),
                Piece::Zeros(n) => out.resize(out.len() + *n as usize, 0),
            }
        }
        out.into()
    }
}

/// How a read began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadStart {
    /// Everything was in memory or a hole. There is no event.
    Ready(ReadData),
    /// [`StoreEvent::ReadDone`] will follow.
    Pending,
}

/// What `stat` says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObjectInfo {
    pub size: u64,
    pub xattr_count: usize,
    pub omap_count: usize,
    pub omap_header_bytes: usize,
}

/// Space of one shard, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatFs {
    /// What can be filled with data, reserves taken off.
    pub total: u64,
    /// Data of objects, at most `total`, which metadata make less.
    pub used: u64,
    /// `total - used`, not below 0.
    pub available: u64,
    /// Data of objects alone.
    pub data: u64,
    /// xattrs, omap and object records, as a checkpoint holds them.
    pub metadata: u64,
    pub objects: u64,
}
