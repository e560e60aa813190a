//! Messages on the write path between members of a PG: fixed headers, read in place.

use super::internal::kind;
use crate::message::{Data, Message, priority};
use bytes::{BufMut, Bytes, BytesMut};
use types::enc::{DecodeError, Result};
use types::{EVersion, Epoch, OsdId, PgId, PoolId, ShardedPgId};

const FORMAT: u8 = 1;

/// Primary to replica: one transaction of one PG.
///
/// ```text
/// | offset | size | front, little endian                                    |
/// |      0 |    1 | format, 1                                               |
/// |      1 |    1 | flags, 0                                                |
/// |      2 |    1 | shard of the PG, -1 when replicated                     |
/// |      3 |    1 | 0                                                       |
/// |      4 |    4 | pg seed                                                 |
/// |      8 |    8 | pool                                                    |
/// |     16 |    4 | epoch: newest map of the sender                         |
/// |     20 |    4 | first epoch of the sender's interval                    |
/// |     24 |    8 | version of the entry                                    |
/// |     32 |    4 | its epoch                                               |
/// |     36 |    4 | sender, OSD number                                      |
/// |     40 |    8 | committed: durable on every acting member up to here    |
/// |     48 |    4 | its epoch                                               |
/// |     52 |    4 | length of the log entry                                 |
/// |     56 |    8 | trimmed: the log may be cut up to here                  |
/// |     64 |    4 | its epoch                                               |
/// |     68 |    4 | length of the transaction                               |
/// |     72 |    8 | 0                                                       |
/// |     80 |   .. | log entry, then transaction (osd's own encodings)       |
/// ```
/// Bulk bytes of the transaction are the data segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepOp {
    pub pgid: ShardedPgId,
    pub epoch: Epoch,
    pub interval_first: Epoch,
    pub version: EVersion,
    pub from: OsdId,
    pub committed: EVersion,
    pub trimmed: EVersion,
    pub entry: Bytes,
    pub transaction: Bytes,
    pub data: Data,
}

/// Replica to primary: the entry is durable here.
///
/// ```text
/// | offset | size | front, little endian                                    |
/// |      0 |   36 | as in RepOp                                             |
/// |     36 |    4 | sender, OSD number                                      |
/// |     40 |    4 | result: 0 or a negative errno                           |
/// |     44 |    4 | 0                                                       |
/// |     48 |    8 | durable here: every entry up to here                    |
/// |     56 |    4 | its epoch                                               |
/// |     60 |    4 | 0                                                       |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepAck {
    pub pgid: ShardedPgId,
    pub epoch: Epoch,
    pub interval_first: Epoch,
    pub version: EVersion,
    pub from: OsdId,
    pub result: i32,
    pub durable: EVersion,
}

const REP_OP_HEADER: usize = 80;
const REP_ACK_SIZE: usize = 64;

/// Reads of a header whose length has been checked.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);
impl Fields<'_> {
    fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().expect("4 bytes"))
    }
    fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().expect("8 bytes"))
    }
    fn version(self, at: usize) -> EVersion {
        EVersion { version: self.u64(at), epoch: self.u32(at + 8) }
    }
    fn pgid(self) -> ShardedPgId {
        let pg = PgId { pool: PoolId(self.u64(8) as i64), seed: self.u32(4) };
        ShardedPgId { pg, shard: self.0[2] as i8 }
    }
}

fn header(msg: &Message, kind: u16, size: usize) -> Result<Fields<'_>> {
    if msg.kind != kind {
        return Err(DecodeError::Invalid { what: "message kind", value: msg.kind as u64 });
    }
    if msg.front.len() < size {
        let (at, needed) = (msg.front.len(), size - msg.front.len());
        return Err(DecodeError::Truncated { what: "replication header", at, needed });
    }
    match msg.front[0] {
        FORMAT => Ok(Fields(&msg.front)),
        v => Err(DecodeError::Invalid { what: "replication format", value: v as u64 }),
    }
}

fn put_common(
    out: &mut BytesMut,
    pgid: ShardedPgId,
    epoch: Epoch,
    interval_first: Epoch,
    version: EVersion,
) {
    out.put_u8(FORMAT);
    out.put_u8(0);
    out.put_i8(pgid.shard);
    out.put_u8(0);
    out.put_u32_le(pgid.pg.seed);
    out.put_i64_le(pgid.pg.pool.0);
    out.put_u32_le(epoch.0);
    out.put_u32_le(interval_first.0);
    put_version(out, version);
}
fn put_version(out: &mut BytesMut, v: EVersion) {
    out.put_u64_le(v.version);
    out.put_u32_le(v.epoch);
}

fn message(kind: u16, tid: u64, front: BytesMut, data: Data) -> Message {
    Message {
        kind,
        tid,
        priority: priority::DEFAULT,
        version: 1,
        compat: 1,
        front: front.freeze(),
        middle: Bytes::new(),
        data,
    }
}

impl RepOp {
    /// PG, epoch and interval only, for dispatch to a core.
    pub fn peek(msg: &Message) -> Result<(ShardedPgId, Epoch, Epoch)> {
        let f = header(msg, kind::REP_OP, REP_OP_HEADER)?;
        Ok((f.pgid(), Epoch(f.u32(16)), Epoch(f.u32(20))))
    }
    pub fn into_message(self, tid: u64) -> Message {
        let size = REP_OP_HEADER + self.entry.len() + self.transaction.len();
        let mut out = BytesMut::with_capacity(size);
        put_common(&mut out, self.pgid, self.epoch, self.interval_first, self.version);
        out.put_u32_le(self.from.0);
        put_version(&mut out, self.committed);
        out.put_u32_le(self.entry.len() as u32);
        put_version(&mut out, self.trimmed);
        out.put_u32_le(self.transaction.len() as u32);
        out.put_u64_le(0);
        debug_assert_eq!(out.len(), REP_OP_HEADER);
        out.extend_from_slice(&self.entry);
        out.extend_from_slice(&self.transaction);
        message(kind::REP_OP, tid, out, self.data)
    }
    pub fn from_message(msg: &Message) -> Result<Self> {
        let f = header(msg, kind::REP_OP, REP_OP_HEADER)?;
        let entry_end = REP_OP_HEADER.saturating_add(f.u32(52) as usize);
        let end = entry_end.saturating_add(f.u32(68) as usize);
        if end != msg.front.len() {
            return Err(DecodeError::Invalid { what: "replication lengths", value: end as u64 });
        }
        Ok(Self {
            pgid: f.pgid(),
            epoch: Epoch(f.u32(16)),
            interval_first: Epoch(f.u32(20)),
            version: f.version(24),
            from: OsdId(f.u32(36)),
            committed: f.version(40),
            trimmed: f.version(56),
            entry: msg.front.slice(REP_OP_HEADER..entry_end),
            transaction: msg.front.slice(entry_end..end),
            data: msg.data.clone(),
        })
    }
}

impl RepAck {
    pub fn peek(msg: &Message) -> Result<(ShardedPgId, Epoch, Epoch)> {
        let f = header(msg, kind::REP_ACK, REP_ACK_SIZE)?;
        Ok((f.pgid(), Epoch(f.u32(16)), Epoch(f.u32(20))))
    }
    pub fn into_message(self, tid: u64) -> Message {
        let mut out = BytesMut::with_capacity(REP_ACK_SIZE);
        put_common(&mut out, self.pgid, self.epoch, self.interval_first, self.version);
        out.put_u32_le(self.from.0);
        out.put_i32_le(self.result);
        out.put_u32_le(0);
        put_version(&mut out, self.durable);
        out.put_u32_le(0);
        debug_assert_eq!(out.len(), REP_ACK_SIZE);
        message(kind::REP_ACK, tid, out, Data::default())
    }
    pub fn from_message(msg: &Message) -> Result<Self> {
        let f = header(msg, kind::REP_ACK, REP_ACK_SIZE)?;
        Ok(Self {
            pgid: f.pgid(),
            epoch: Epoch(f.u32(16)),
            interval_first: Epoch(f.u32(20)),
            version: f.version(24),
            from: OsdId(f.u32(36)),
            result: f.u32(40) as i32,
            durable: f.version(48),
        })
    }
}
