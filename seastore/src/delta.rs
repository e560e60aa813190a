//! Deltas: operations as the journal holds them. docs/formats.md#deltas

use crate::onode::{Crcs, Extent, PENDING, blocks_touched};
use crate::txn::{ObjectName, TxnOp};
use bytes::Bytes;
use std::rc::Rc;
use types::enc::{DecodeError, Reader, Result};
use types::{HObject, PgId, PoolId, SnapId};

/// Set in a tag when the operation is on the same object as the one before it.
const SAME: u8 = 0x80;

const CREATE_COLLECTION: u8 = 1;
const REMOVE_COLLECTION: u8 = 2;
const TOUCH: u8 = 3;
const WRITE: u8 = 4;
const ZERO: u8 = 5;
const TRUNCATE: u8 = 6;
const REMOVE: u8 = 7;
const SET_XATTR: u8 = 8;
const REMOVE_XATTR: u8 = 9;
const OMAP_SET: u8 = 10;
const OMAP_REMOVE: u8 = 11;
const OMAP_REMOVE_RANGE: u8 = 12;
const OMAP_CLEAR: u8 = 13;
const OMAP_SET_HEADER: u8 = 14;
/// Like a write of what is there already; changes the place of data and nothing else.
const MOVE: u8 = 15;

/// Where the place and the checksums of a write are to be filled in, from the start of `out`.
pub(crate) struct Patch {
    pub at: usize,
    pub blocks: usize,
}

/// One operation as read back.
pub(crate) struct Delta {
    pub op: TxnOp,
    pub extent: Option<Extent>,
    /// The cleaner's: only if the object exists.
    pub is_move: bool,
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}
fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}
fn get_bytes<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let len = r.u32()? as usize;
    r.take("bytes", len)
}

pub(crate) fn put_name(out: &mut Vec<u8>, o: &HObject) {
    put_u64(out, o.pool.0 as u64);
    out.extend_from_slice(&o.hash.to_le_bytes());
    put_u64(out, o.snap.0);
    for text in [&o.nspace, &o.key, &o.name] {
        // `TxnOp::check` bounds them.
        out.extend_from_slice(&(text.len() as u16).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

pub(crate) fn get_name(r: &mut Reader<'_>) -> Result<HObject> {
    let (pool, hash, snap) = (PoolId(r.i64()?), r.u32()?, SnapId(r.u64()?));
    let mut text = || -> Result<String> {
        let len = r.u16()? as usize;
        let bytes = r.take("name", len)?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_| DecodeError::Invalid { what: "name", value: len as u64 })
    };
    let (nspace, key, name) = (text()?, text()?, text()?);
    Ok(HObject { pool, hash, nspace, key, name, snap, max: false })
}

fn tag_of(op: &TxnOp) -> u8 {
    match op {
        TxnOp::CreateCollection { .. } => CREATE_COLLECTION,
        TxnOp::RemoveCollection { .. } => REMOVE_COLLECTION,
        TxnOp::Touch { .. } => TOUCH,
        TxnOp::Write { .. } => WRITE,
        TxnOp::Zero { .. } => ZERO,
        TxnOp::Truncate { .. } => TRUNCATE,
        TxnOp::Remove { .. } => REMOVE,
        TxnOp::SetXattr { .. } => SET_XATTR,
        TxnOp::RemoveXattr { .. } => REMOVE_XATTR,
        TxnOp::OmapSet { .. } => OMAP_SET,
        TxnOp::OmapRemove { .. } => OMAP_REMOVE,
        TxnOp::OmapRemoveRange { .. } => OMAP_REMOVE_RANGE,
        TxnOp::OmapClear { .. } => OMAP_CLEAR,
        TxnOp::OmapSetHeader { .. } => OMAP_SET_HEADER,
        TxnOp::Clone { .. } | TxnOp::CloneRange { .. } => unreachable!("submit refuses them"),
    }
}

/// Appends `op`. `last` is the object of the operation before it in the same run of records. The
/// data of a write will touch `blocks` blocks; its place is left to the returned patch.
pub(crate) fn put_op(
    out: &mut Vec<u8>,
    op: &TxnOp,
    is_move: bool,
    blocks: usize,
    last: &mut Option<ObjectName>,
) -> Option<Patch> {
    let tag = if is_move { MOVE } else { tag_of(op) };
    if let Some(o) = op.object() {
        if last.as_ref().is_some_and(|l| Rc::ptr_eq(l, o) || l == o) {
            out.push(tag | SAME);
        } else {
            out.push(tag);
            put_name(out, o);
            *last = Some(o.clone());
        }
    } else {
        out.push(tag);
    }
    match op {
        TxnOp::CreateCollection { pg, bits } => {
            put_pg(out, pg);
            out.push(*bits);
        }
        TxnOp::RemoveCollection { pg } => put_pg(out, pg),
        TxnOp::Touch { .. } | TxnOp::Remove { .. } | TxnOp::OmapClear { .. } => {}
        TxnOp::Clone { .. } | TxnOp::CloneRange { .. } => {}
        TxnOp::Write { offset, data, .. } => {
            put_u64(out, *offset);
            out.extend_from_slice(&(data.len() as u32).to_le_bytes());
            let at = out.len();
            out.resize(at + 8 + 4 * blocks, 0);
            return Some(Patch { at, blocks });
        }
        TxnOp::Zero { offset, len, .. } => {
            put_u64(out, *offset);
            put_u64(out, *len);
        }
        TxnOp::Truncate { size, .. } => put_u64(out, *size),
        TxnOp::SetXattr { name, value, .. } => {
            put_bytes(out, name);
            put_bytes(out, value);
        }
        TxnOp::RemoveXattr { name, .. } => put_bytes(out, name),
        TxnOp::OmapSet { pairs, .. } => {
            out.extend_from_slice(&(pairs.len() as u32).to_le_bytes());
            for (k, v) in pairs {
                put_bytes(out, k);
                put_bytes(out, v);
            }
        }
        TxnOp::OmapRemove { keys, .. } => {
            out.extend_from_slice(&(keys.len() as u32).to_le_bytes());
            keys.iter().for_each(|k| put_bytes(out, k));
        }
        TxnOp::OmapRemoveRange { first, last, .. } => {
            put_bytes(out, first);
            put_bytes(out, last);
        }
        TxnOp::OmapSetHeader { header, .. } => put_bytes(out, header),
    }
    None
}

pub(crate) fn put_pg(out: &mut Vec<u8>, pg: &PgId) {
    put_u64(out, pg.pool.0 as u64);
    out.extend_from_slice(&pg.seed.to_le_bytes());
}
pub(crate) fn get_pg(r: &mut Reader<'_>) -> Result<PgId> {
    Ok(PgId { pool: PoolId(r.i64()?), seed: r.u32()? })
}

/// Place and checksums, as deltas and checkpoints hold them.
pub(crate) fn get_extent(r: &mut Reader<'_>, len: u32, addr_end: u64) -> Result<Option<Extent>> {
    let addr = r.u64()?;
    if len == 0 {
        return Ok(None);
    }
    if addr & PENDING != 0 || addr.checked_add(len as u64).is_none_or(|end| end > addr_end) {
        return Err(DecodeError::Invalid { what: "address of data", value: addr });
    }
    let count = blocks_touched(addr, len as u64);
    let bytes = r.take("checksums", 4 * count)?;
    let word = |c: &[u8]| u32::from_le_bytes(c.try_into().expect("4 bytes"));
    if let [a, b, c, d] = *bytes {
        return Ok(Some(Extent { addr, len, crcs: Crcs::One(word(&[a, b, c, d])) }));
    }
    let crcs: Vec<u32> = bytes.chunks_exact(4).map(word).collect();
    Ok(Some(Extent { addr, len, crcs: Crcs::from_slice(&crcs) }))
}
pub(crate) fn put_extent(out: &mut Vec<u8>, extent: &Extent) {
    assert!(!extent.is_pending(), "only placed data is stored");
    put_u64(out, extent.addr);
    for crc in extent.crcs.as_slice() {
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

/// Reads one operation. `addr_end` bounds addresses of data.
pub(crate) fn get_op(
    r: &mut Reader<'_>,
    last: &mut Option<ObjectName>,
    addr_end: u64,
) -> Result<Delta> {
    let byte = r.u8()?;
    let tag = byte & !SAME;
    let copy = |b: &[u8]| Bytes::copy_from_slice(b);
    let plain = |op| Ok(Delta { op, extent: None, is_move: false });
    match tag {
        CREATE_COLLECTION => {
            return plain(TxnOp::CreateCollection { pg: get_pg(r)?, bits: r.u8()? });
        }
        REMOVE_COLLECTION => return plain(TxnOp::RemoveCollection { pg: get_pg(r)? }),
        _ => {}
    }
    if byte & SAME == 0 {
        *last = Some(get_name(r)?.into());
    }
    let Some(o) = last.clone() else {
        return Err(DecodeError::Invalid { what: "first delta", value: byte as u64 });
    };
    let op = match tag {
        TOUCH => TxnOp::Touch { o },
        WRITE | MOVE => {
            let (offset, len) = (r.u64()?, r.u32()?);
            let extent = get_extent(r, len, addr_end)?;
            let op = TxnOp::Write { o, offset, data: Bytes::new() };
            return Ok(Delta { op, extent, is_move: tag == MOVE });
        }
        ZERO => TxnOp::Zero { o, offset: r.u64()?, len: r.u64()? },
        TRUNCATE => TxnOp::Truncate { o, size: r.u64()? },
        REMOVE => TxnOp::Remove { o },
        SET_XATTR => TxnOp::SetXattr { o, name: copy(get_bytes(r)?), value: copy(get_bytes(r)?) },
        REMOVE_XATTR => TxnOp::RemoveXattr { o, name: copy(get_bytes(r)?) },
        OMAP_SET => {
            let count = r.count("omap pairs", 8)?;
            let mut pairs = Vec::with_capacity(count);
            for _ in 0..count {
                pairs.push((copy(get_bytes(r)?), copy(get_bytes(r)?)));
            }
            TxnOp::OmapSet { o, pairs }
        }
        OMAP_REMOVE => {
            let count = r.count("omap keys", 4)?;
            let mut keys = Vec::with_capacity(count);
            for _ in 0..count {
                keys.push(copy(get_bytes(r)?));
            }
            TxnOp::OmapRemove { o, keys }
        }
        OMAP_REMOVE_RANGE => {
            TxnOp::OmapRemoveRange { o, first: copy(get_bytes(r)?), last: copy(get_bytes(r)?) }
        }
        OMAP_CLEAR => TxnOp::OmapClear { o },
        OMAP_SET_HEADER => TxnOp::OmapSetHeader { o, header: copy(get_bytes(r)?) },
        other => return Err(DecodeError::Invalid { what: "delta", value: other as u64 }),
    };
    if let Err(_bad) = op.check(0) {
        return Err(DecodeError::Invalid { what: "range of a delta", value: tag as u64 });
    }
    plain(op)
}
