//! Transactions: what callers ask the store to change, atomically.

use crate::event::SubmitError;
use crate::format::BLOCK;
use bytes::Bytes;
use std::rc::Rc;
use types::{HObject, PgId};

/// Name of an object as operations carry it. Shared, so that neither callers nor the store copy
/// strings per operation; `HObject` converts with `into()`.
pub type ObjectName = Rc<HObject>;

/// No object reaches past this many bytes (1 TiB).
pub const OBJECT_SIZE_MAX: u64 = 1 << 40;

/// Namespace, key and name of an object are at most this long each, bytes.
pub const NAME_BYTES_MAX: usize = 4096;

/// A key of an omap is at most this long, bytes.
pub const OMAP_KEY_BYTES_MAX: usize = 65_000;

/// A value of an omap or an xattr, and the header of an omap, is at most this long, bytes: with its
/// key it lies in one page, and the page in one segment, of which the smallest have twice as much.
pub const VALUE_BYTES_MAX: usize = 512 << 10;

/// Changes that become durable together or not at all, applied in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    pub ops: Vec<TxnOp>,
}

impl Transaction {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn push(&mut self, op: TxnOp) -> &mut Self {
        self.ops.push(op);
        self
    }
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}
impl From<Vec<TxnOp>> for Transaction {
    fn from(ops: Vec<TxnOp>) -> Self {
        Self { ops }
    }
}

/// One change.
///
/// Operations that add something create their object when it is missing; operations that take
/// something away from an object, key or range that is missing change nothing. None of them fails.
/// Offsets and lengths are bytes and need no alignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnOp {
    /// Registers a PG; objects belong to it by their hash. `bits` is how many bits of the hash the
    /// PG fixes. On a registered PG it changes `bits`.
    CreateCollection {
        pg: PgId,
        bits: u8,
    },
    /// Forgets a PG. Its objects are the caller's to remove.
    RemoveCollection {
        pg: PgId,
    },
    /// Creates the object, empty, if it is missing.
    Touch {
        o: ObjectName,
    },
    /// Writes `data` at `offset`; the object grows to `offset + data.len()` if it is shorter.
    Write {
        o: ObjectName,
        offset: u64,
        data: Bytes,
    },
    /// Makes the range read as zeros and frees its space; the object grows to `offset + len` if it
    /// is shorter.
    Zero {
        o: ObjectName,
        offset: u64,
        len: u64,
    },
    /// Sets the size; bytes past the old size read as zeros.
    Truncate {
        o: ObjectName,
        size: u64,
    },
    /// Removes data, xattrs and omap.
    Remove {
        o: ObjectName,
    },
    SetXattr {
        o: ObjectName,
        name: Bytes,
        value: Bytes,
    },
    RemoveXattr {
        o: ObjectName,
        name: Bytes,
    },
    OmapSet {
        o: ObjectName,
        pairs: Vec<(Bytes, Bytes)>,
    },
    OmapRemove {
        o: ObjectName,
        keys: Vec<Bytes>,
    },
    /// Removes the keys with `first <= key < last`.
    OmapRemoveRange {
        o: ObjectName,
        first: Bytes,
        last: Bytes,
    },
    /// Removes every key and the header.
    OmapClear {
        o: ObjectName,
    },
    OmapSetHeader {
        o: ObjectName,
        header: Bytes,
    },
    /// Makes `to` a copy of `o`, data shared, in place of what it was. Nothing without `o`.
    Clone {
        o: ObjectName,
        to: ObjectName,
    },
    /// Makes a range of `to` a copy of a range of `o`, as far as possible shared; what lies past
    /// the end of `o` reads as zeros. Nothing without `o`.
    CloneRange {
        o: ObjectName,
        to: ObjectName,
        from_offset: u64,
        to_offset: u64,
        len: u64,
    },
}

impl TxnOp {
    /// The object concerned; `None` for operations on collections.
    pub fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::CreateCollection { .. } | Self::RemoveCollection { .. } => None,
            Self::Touch { o }
            | Self::Write { o, .. }
            | Self::Zero { o, .. }
            | Self::Truncate { o, .. }
            | Self::Remove { o }
            | Self::SetXattr { o, .. }
            | Self::RemoveXattr { o, .. }
            | Self::OmapSet { o, .. }
            | Self::OmapRemove { o, .. }
            | Self::OmapRemoveRange { o, .. }
            | Self::OmapClear { o }
            | Self::OmapSetHeader { o, .. }
            | Self::Clone { o, .. }
            | Self::CloneRange { o, .. } => Some(o),
        }
    }
    /// Every object concerned.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &ObjectName> {
        let target = match self {
            Self::Clone { to, .. } | Self::CloneRange { to, .. } => Some(to),
            _ => None,
        };
        self.object().into_iter().chain(target)
    }

    /// Bytes that go to the record's data part.
    pub(crate) fn data_bytes(&self) -> u64 {
        if let Self::Write { data, .. } = self { data.len() as u64 } else { 0 }
    }

    /// No less than what the operation takes in the deltas part of a record.
    pub(crate) fn delta_bytes_max(&self) -> u64 {
        let name = self.object().map_or(0, |o| o.nspace.len() + o.key.len() + o.name.len()) + 64;
        let body = match self {
            // Per block a checksum, and where every other block is shared, a run.
            Self::Write { data, .. } => 64 + (data.len() / 4096 + 2) * 24,
            Self::SetXattr { name, value, .. } => name.len() + value.len() + 16,
            Self::RemoveXattr { name, .. } => name.len() + 16,
            Self::OmapSet { pairs, .. } => {
                pairs.iter().map(|(k, v)| k.len() + v.len() + 16).sum::<usize>() + 16
            }
            Self::OmapRemove { keys, .. } => keys.iter().map(|k| k.len() + 8).sum::<usize>() + 16,
            Self::OmapRemoveRange { first, last, .. } => first.len() + last.len() + 16,
            Self::OmapSetHeader { header, .. } => header.len() + 16,
            // Blocks at the edges are written, each with its own entry, and the name again.
            Self::Zero { .. } | Self::Truncate { .. } | Self::CloneRange { .. } => 192,
            _ => 32,
        };
        (name + body) as u64
    }

    /// Blocks that are written again because a part of them goes: no more space is taken for good,
    /// but the journal grows by them.
    pub(crate) fn edge_blocks_max(&self) -> u64 {
        match self {
            Self::Zero { .. } => 2,
            Self::Truncate { .. } => 1,
            _ => 0,
        }
    }

    /// Whether the operation gives space back.
    pub(crate) fn frees(&self) -> bool {
        matches!(
            self,
            Self::Remove { .. }
                | Self::Truncate { .. }
                | Self::Zero { .. }
                | Self::OmapClear { .. }
                | Self::OmapRemove { .. }
                | Self::OmapRemoveRange { .. }
                | Self::RemoveXattr { .. }
                | Self::RemoveCollection { .. }
        )
    }

    pub(crate) fn check(&self, index: usize) -> Result<(), SubmitError> {
        let end = match self {
            Self::Write { offset, data, .. } => offset.checked_add(data.len() as u64),
            Self::Zero { offset, len, .. } => offset.checked_add(*len),
            Self::Truncate { size, .. } => Some(*size),
            Self::CloneRange { from_offset, to_offset, len, .. } => {
                (*from_offset).max(*to_offset).checked_add(*len)
            }
            _ => Some(0),
        };
        if end.is_none_or(|end| end > OBJECT_SIZE_MAX) {
            return Err(SubmitError::Invalid { op: index, what: "range past OBJECT_SIZE_MAX" });
        }
        if let Self::OmapSet { pairs, .. } = self
            && pairs.iter().any(|(key, _)| key.len() > OMAP_KEY_BYTES_MAX)
        {
            return Err(SubmitError::Invalid { op: index, what: "omap key" });
        }
        let value = match self {
            Self::SetXattr { value, .. } => value.len(),
            Self::OmapSet { pairs, .. } => pairs.iter().map(|(_, v)| v.len()).max().unwrap_or(0),
            Self::OmapSetHeader { header, .. } => header.len(),
            _ => 0,
        };
        if value > VALUE_BYTES_MAX {
            return Err(SubmitError::Invalid { op: index, what: "length of a value" });
        }
        for o in self.objects() {
            let bytes = o.nspace.len().max(o.key.len()).max(o.name.len());
            if bytes > NAME_BYTES_MAX || o.max {
                return Err(SubmitError::Invalid { op: index, what: "object name" });
            }
        }
        Ok(())
    }
}

/// Whether blocks cannot be shared for the range, so that its bytes are copied: it lies differently
/// to block bounds, or has no whole block, or both ranges overlap, and sharing would change what is
/// still to be copied.
pub(crate) fn copies_bytes(
    from: &HObject,
    to: &HObject,
    from_offset: u64,
    to_offset: u64,
    len: u64,
) -> bool {
    let end = from_offset + len;
    let overlap = from == to && from_offset < to_offset + len && to_offset < end;
    from_offset % BLOCK != to_offset % BLOCK
        || from_offset.next_multiple_of(BLOCK) >= end / BLOCK * BLOCK
        || overlap
}
