//! What goes to the other members of a PG with every write, and back: fixed headers, read in place.
//! Part of [`super::peer`], where the other messages of a PG are. docs/formats.md#on-the-path-of-a-write

use super::peer::PgHead;
use crate::message::Data;
use bytes::Bytes;
use types::enc::{DecodeError, Encode, Reader, Result, put_blob};
use types::{Epoch, PgId, PoolId};

const FORMAT: u8 = 1;

/// One change of an object, to be applied in order and all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Creates the object if it is missing.
    Touch,
    Write {
        offset: u64,
        data: Bytes,
    },
    Zero {
        offset: u64,
        len: u64,
    },
    Truncate {
        size: u64,
    },
    /// The object with its xattrs and omap.
    Remove,
    SetXattr {
        name: Bytes,
        value: Bytes,
    },
    RemoveXattr {
        name: Bytes,
    },
    OmapSet {
        pairs: Vec<(Bytes, Bytes)>,
    },
    OmapRemove {
        keys: Vec<Bytes>,
    },
    /// Keys in `first..last`.
    OmapRemoveRange {
        first: Bytes,
        last: Bytes,
    },
    /// All pairs and the header.
    OmapClear,
    OmapSetHeader {
        header: Bytes,
    },
}

/// Primary to member: apply these changes to the object that the log entry names, and log it.
///
/// ```text
/// | offset | size | front, little endian                                    |
/// |      0 |    1 | format, 1                                               |
/// |      1 |    3 | 0                                                       |
/// |      4 |    4 | PG seed                                                 |
/// |      8 |    8 | pool, i64                                               |
/// |     16 |    4 | newest map that the sender had applied to the PG        |
/// |     20 |    4 | n, length of the log entry                              |
/// |     24 |    8 | complete                                                |
/// |     32 |    n | log entry, as it is stored                              |
/// |   32+n |   .. | u32 count of changes, changes                           |
/// ```
/// Bytes that are written are the data segment, in the order of the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepOp {
    pub entry: Bytes,
    pub changes: Vec<Change>,
    /// Every acting member has everything up to this version of the log on stable media.
    pub complete: u64,
}

impl RepOp {
    /// Bytes that it writes to the object.
    pub fn data_bytes(&self) -> u64 {
        let written = |change: &Change| match change {
            Change::Write { data, .. } => data.len() as u64,
            _ => 0,
        };
        self.changes.iter().map(written).sum()
    }
}

/// Member to primary: everything up to `version` of the log is on stable media here.
///
/// ```text
/// | offset | size | front, little endian                                    |
/// |      0 |   20 | as RepOp                                                |
/// |     20 |    4 | 0                                                       |
/// |     24 |    8 | version                                                 |
/// |     32 |    8 | room                                                    |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepAck {
    pub version: u64,
    /// Bytes that the sender's store shard can take above its reserve.
    pub room: u64,
}

const REP_OP_HEADER: usize = 32;
const REP_ACK_SIZE: usize = 40;
/// Room for the changes of a small write: touch, write, and the xattr with the object's info.
const CHANGES_HINT: usize = 512;
/// Most changes for which a reader makes room before it has read them.
const CHANGES_ROOM: usize = 8;

/// Starts a front. `own` is the field at offset 20.
fn put_head(head: PgHead, own: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[FORMAT, 0, 0, 0]);
    head.pg.seed.encode(out);
    head.pg.pool.encode(out);
    head.epoch.encode(out);
    own.encode(out);
}

/// Reads what both fronts begin with, and the field at offset 20.
fn get_head(r: &mut Reader<'_>) -> Result<(PgHead, u32)> {
    match r.u8()? {
        FORMAT => {}
        v => return Err(DecodeError::Invalid { what: "replication format", value: v as u64 }),
    }
    r.skip("replication header", 3)?;
    let seed = r.u32()?;
    let pg = PgId { pool: PoolId(r.i64()?), seed };
    Ok((PgHead { pg, epoch: Epoch(r.u32()?) }, r.u32()?))
}

/// The PG of either message, without reading the rest.
pub(super) fn peek(front: &[u8]) -> Result<PgHead> {
    Ok(get_head(&mut Reader::new(front))?.0)
}

/// The front of a [`RepOp`] of these parts; what it writes is appended to `data`.
pub(super) fn encode_rep_op(
    head: PgHead,
    entry: &[u8],
    changes: &[Change],
    complete: u64,
    data: &mut Data,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(REP_OP_HEADER + entry.len() + CHANGES_HINT);
    let entry_len = u32::try_from(entry.len()).expect("an entry is smaller than 4 GiB");
    put_head(head, entry_len, &mut out);
    complete.encode(&mut out);
    debug_assert_eq!(out.len(), REP_OP_HEADER);
    out.extend_from_slice(entry);
    put_changes(&mut out, data, changes);
    out
}

impl RepOp {
    /// The entry and the changes share the memory of `front` and `data`.
    pub(super) fn decode(front: &Bytes, data: &Bytes) -> Result<(PgHead, Self)> {
        let mut r = Reader::new(front);
        let (head, entry_len) = get_head(&mut r)?;
        let complete = r.u64()?;
        let entry = super::share(front, r.take("log entry", entry_len as usize)?);
        let changes = get_changes(&mut r, front, data)?;
        r.finish("replicated write")?;
        Ok((head, Self { entry, changes, complete }))
    }
}

impl RepAck {
    pub(super) fn encode(&self, head: PgHead) -> Vec<u8> {
        let mut out = Vec::with_capacity(REP_ACK_SIZE);
        put_head(head, 0, &mut out);
        self.version.encode(&mut out);
        self.room.encode(&mut out);
        debug_assert_eq!(out.len(), REP_ACK_SIZE);
        out
    }

    pub(super) fn decode(front: &[u8]) -> Result<(PgHead, Self)> {
        let mut r = Reader::new(front);
        let (head, _) = get_head(&mut r)?;
        let ack = Self { version: r.u64()?, room: r.u64()? };
        r.finish("replication acknowledgement")?;
        Ok((head, ack))
    }
}

/// A blob of `front` without copying it.
fn blob(r: &mut Reader<'_>, front: &Bytes) -> Result<Bytes> {
    Ok(super::share(front, r.blob()?))
}

fn put_changes(out: &mut Vec<u8>, data: &mut Data, changes: &[Change]) {
    u32::try_from(changes.len()).expect("a message has fewer than 2^32 changes").encode(out);
    for change in changes {
        match change {
            Change::Touch => out.push(1),
            Change::Write { offset, data: bytes } => {
                out.push(2);
                offset.encode(out);
                (bytes.len() as u64).encode(out);
                data.push(bytes.clone());
            }
            Change::Zero { offset, len } => {
                out.push(3);
                offset.encode(out);
                len.encode(out);
            }
            Change::Truncate { size } => {
                out.push(4);
                size.encode(out);
            }
            Change::Remove => out.push(5),
            Change::SetXattr { name, value } => {
                out.push(6);
                put_blob(out, name);
                put_blob(out, value);
            }
            Change::RemoveXattr { name } => {
                out.push(7);
                put_blob(out, name);
            }
            Change::OmapSet { pairs } => {
                out.push(8);
                pairs.encode(out);
            }
            Change::OmapRemove { keys } => {
                out.push(9);
                keys.encode(out);
            }
            Change::OmapRemoveRange { first, last } => {
                out.push(10);
                put_blob(out, first);
                put_blob(out, last);
            }
            Change::OmapClear => out.push(11),
            Change::OmapSetHeader { header } => {
                out.push(12);
                put_blob(out, header);
            }
        }
    }
}

/// Takes the next `len` bytes of the data segment, which starts at `at` and is moved on.
fn written(data: &Bytes, at: &mut usize, len: u64) -> Result<Bytes> {
    let left = data.len() - *at;
    match usize::try_from(len) {
        Ok(len) if len <= left => {
            let bytes = data.slice(*at..*at + len);
            *at += len;
            Ok(bytes)
        }
        _ => Err(DecodeError::Invalid { what: "length of a write", value: len }),
    }
}

fn get_changes(r: &mut Reader<'_>, front: &Bytes, data: &Bytes) -> Result<Vec<Change>> {
    let count = r.count("changes", 1)?;
    let mut at = 0;
    // A change may take less of the front than of memory.
    let mut changes = Vec::with_capacity(count.min(CHANGES_ROOM));
    for _ in 0..count {
        changes.push(match r.u8()? {
            1 => Change::Touch,
            2 => {
                let offset = r.u64()?;
                let len = r.u64()?;
                Change::Write { offset, data: written(data, &mut at, len)? }
            }
            3 => Change::Zero { offset: r.u64()?, len: r.u64()? },
            4 => Change::Truncate { size: r.u64()? },
            5 => Change::Remove,
            6 => Change::SetXattr { name: blob(r, front)?, value: blob(r, front)? },
            7 => Change::RemoveXattr { name: blob(r, front)? },
            8 => {
                let pairs = r.count("omap pairs", 8)?;
                let pair = |_| Ok((blob(r, front)?, blob(r, front)?));
                Change::OmapSet { pairs: (0..pairs).map(pair).collect::<Result<_>>()? }
            }
            9 => {
                let keys = r.count("omap keys", 4)?;
                let keys = (0..keys).map(|_| blob(r, front)).collect::<Result<_>>()?;
                Change::OmapRemove { keys }
            }
            10 => Change::OmapRemoveRange { first: blob(r, front)?, last: blob(r, front)? },
            11 => Change::OmapClear,
            12 => Change::OmapSetHeader { header: blob(r, front)? },
            v => return Err(DecodeError::Invalid { what: "change", value: v as u64 }),
        });
    }
    match data.len() - at {
        0 => Ok(changes),
        left => Err(DecodeError::Trailing { what: "data of the changes", left }),
    }
}
