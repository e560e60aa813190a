//! MOSDOp, its reply, watch-notify and backoff (ceph-wire.md sections 7.1, 7.2, 7.5).

use super::op::{OP_SIZE, Op, OpCode, decode_ops};
use super::{TypedMessage, kind, share};
use crate::message::{Data, Message, priority};
use bytes::Bytes;
use types::enc::{Decode, DecodeError, Encode, Reader, Result, fixed, put_blob};
use types::{
    EVersion, Epoch, HObject, ObjectLocator, PgId, ReqId, ShardedPgId, SnapContext, SnapId, UTime,
};

/// Flags of a MOSDOp and of its reply.
pub mod flag {
    pub const ACK: u32 = 1;
    pub const ONNVRAM: u32 = 2;
    pub const ONDISK: u32 = 4;
    pub const RETRY: u32 = 8;
    pub const READ: u32 = 0x10;
    pub const WRITE: u32 = 0x20;
    /// Fails with EOLDSNAPC when the object has seen a newer snapshot context.
    pub const ORDERSNAP: u32 = 0x40;
    pub const BALANCE_READS: u32 = 0x100;
    pub const PARALLELEXEC: u32 = 0x200;
    pub const PGOP: u32 = 0x400;
    pub const EXEC: u32 = 0x800;
    pub const LOCALIZE_READS: u32 = 0x2000;
    /// Reads of this message wait for earlier writes.
    pub const RWORDERED: u32 = 0x4000;
    pub const IGNORE_CACHE: u32 = 0x8000;
    pub const SKIPRWLOCKS: u32 = 0x1_0000;
    pub const IGNORE_OVERLAY: u32 = 0x2_0000;
    pub const FLUSH: u32 = 0x4_0000;
    pub const MAP_SNAP_CLONE: u32 = 0x8_0000;
    pub const ENFORCE_SNAPC: u32 = 0x10_0000;
    pub const REDIRECTED: u32 = 0x20_0000;
    pub const KNOWN_REDIR: u32 = 0x40_0000;
    /// Go on although the cluster or pool is full, and answer ENOSPC or EDQUOT when it cannot.
    pub const FULL_TRY: u32 = 0x80_0000;
    pub const FULL_FORCE: u32 = 0x100_0000;
    pub const IGNORE_REDIRECT: u32 = 0x200_0000;
    /// A write returns the outputs and results of its operations.
    pub const RETURNVEC: u32 = 0x400_0000;
    pub const SUPPORTSPOOLEIO: u32 = 0x800_0000;
}

/// Tracing ids at the end of a message, zero. 24 bytes.
const TRACE_SIZE: usize = 24;
/// Length of a reply's front without the object's name and operations, and of one operation there.
const REPLY_SIZE: usize = 4 + REPLY_HEAD_SIZE + 4 + REPLY_TAIL_SIZE;
/// Between the name and the operations; behind the results.
const REPLY_HEAD_SIZE: usize = 17 + 8 + 4 + 12 + 4 + 4;
const REPLY_TAIL_SIZE: usize = 12 + 8 + 1 + TRACE_SIZE;
const REPLY_OP_SIZE: usize = OP_SIZE + 4;
/// Bytes of a front that [`OsdOpHead::peek`] reads.
const HEAD_SIZE: usize = 36;

/// What dispatch needs: read from the start of the front without looking at the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OsdOpHead {
    /// Folded to the pool's pg_num at `epoch`.
    pub pgid: ShardedPgId,
    /// The object's whole hash.
    pub hash: u32,
    /// Of the map by which the client chose this OSD.
    pub epoch: Epoch,
    /// [`flag`].
    pub flags: u32,
}
impl OsdOpHead {
    pub fn peek(msg: &Message) -> Result<Self> {
        check_kind(msg)?;
        Self::decode(&mut Reader::new(&msg.front))
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        const { assert!(HEAD_SIZE == 24 + 4 + 4 + 4) };
        let pgid = r.get()?;
        let mut r = r.part("MOSDOp", 4 + 4 + 4)?;
        Ok(Self { pgid, hash: r.u32()?, epoch: r.get()?, flags: r.u32()? })
    }
}

/// Encodings below 8 come only from clients that lack RESEND_ON_SPLIT (before Luminous).
fn check_kind(msg: &Message) -> Result<()> {
    if msg.kind != kind::OSD_OP {
        return Err(DecodeError::Invalid { what: "message kind", value: msg.kind as u64 });
    }
    if msg.version < 8 {
        return Err(DecodeError::Invalid { what: "MOSDOp version", value: msg.version as u64 });
    }
    Ok(())
}

/// MOSDOp: operations on one object, executed in order, all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdOp {
    pub head: OsdOpHead,
    /// Zero from librados: then it is (session's entity name, `client_inc`, header's tid).
    pub reqid: ReqId,
    pub client_inc: u32,
    pub mtime: UTime,
    pub locator: ObjectLocator,
    pub name: String,
    pub ops: Vec<Op>,
    /// [`SnapId::HEAD`], or the snapshot to read.
    pub snap: SnapId,
    pub snapc: SnapContext,
    /// 0 for the first sending; -1 from clients that do not count.
    pub retry_attempt: i32,
    pub features: u64,
}

impl OsdOp {
    /// The object as the store orders it, at the snapshot that is asked for. The request keeps no name.
    pub fn take_object(&mut self) -> HObject {
        let key = std::mem::take(&mut self.locator.key);
        HObject {
            pool: self.head.pgid.pg.pool,
            hash: self.head.hash,
            nspace: self.locator.nspace.clone(),
            key: if key == self.name { String::new() } else { key },
            name: std::mem::take(&mut self.name),
            snap: self.snap,
            max: false,
        }
    }
    /// Any operation that writes by its number. Class calls are decided by their methods' flags.
    pub fn may_write(&self) -> bool {
        self.ops.iter().any(|op| op.code.is_write())
    }
    pub fn may_read(&self) -> bool {
        self.ops.iter().any(|op| op.code.is_read())
    }
    pub fn has_call(&self) -> bool {
        self.ops.iter().any(|op| op.code == OpCode::CALL)
    }
    pub fn has_flag(&self, flag: u32) -> bool {
        self.head.flags & flag != 0
    }
}

impl TypedMessage for OsdOp {
    const KIND: u16 = kind::OSD_OP;
    const VERSION: u16 = 8;
    const COMPAT: u16 = 3;
    const PRIORITY: u16 = priority::CLIENT_OP;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.head.pgid.encode(out);
        self.head.hash.encode(out);
        self.head.epoch.encode(out);
        self.head.flags.encode(out);
        self.reqid.encode(out);
        out.extend_from_slice(&[0; TRACE_SIZE]);
        self.client_inc.encode(out);
        self.mtime.encode(out);
        self.locator.encode(out);
        self.name.encode(out);
        (self.ops.len() as u16).encode(out);
        for op in &self.ops {
            op.encode_with(op.input.len() as u32, out);
        }
        self.snap.encode(out);
        self.snapc.encode(out);
        self.retry_attempt.encode(out);
        self.features.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, data: Data) -> Result<Self> {
        check_kind(msg)?;
        let head = OsdOpHead::decode(r)?;
        let reqid = r.get()?;
        let mut times = r.part("MOSDOp", TRACE_SIZE + 4 + 8)?;
        times.skip("trace", TRACE_SIZE)?;
        let client_inc = times.u32()?;
        let mtime = times.get()?;
        let locator = r.get()?;
        let name = r.get()?;
        let count = r.u16()?;
        let ops = decode_ops(r, count as usize, data.into_bytes())?;
        Ok(Self {
            head,
            reqid,
            client_inc,
            mtime,
            locator,
            name,
            ops,
            snap: r.get()?,
            snapc: r.get()?,
            retry_attempt: r.i32()?,
            features: r.u64()?,
        })
    }
    fn take_data(&mut self) -> Data {
        let mut data = Data::default();
        for op in &mut self.ops {
            data.push(std::mem::take(&mut op.input));
        }
        data
    }
}

/// What an operation came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// 0 or more on success, otherwise a negative errno.
    pub result: i32,
    pub output: Data,
}

/// MOSDOpReply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdOpReply {
    pub name: String,
    pub pg: PgId,
    pub flags: u64,
    pub result: i32,
    /// The object's user version and `epoch`, for clients that replay.
    pub bad_replay_version: EVersion,
    pub epoch: Epoch,
    /// The request's. Their inputs do not go back.
    pub ops: Vec<Op>,
    /// Of each op, in order, and no more. Those that are missing are 0 and empty; a decoded reply has all.
    pub outcomes: Vec<Outcome>,
    /// The request's; a client ignores a reply to an earlier attempt.
    pub retry_attempt: i32,
    pub replay_version: EVersion,
    pub user_version: u64,
}
impl TypedMessage for OsdOpReply {
    const KIND: u16 = kind::OSD_OP_REPLY;
    const VERSION: u16 = 8;
    const COMPAT: u16 = 2;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.name.encode(out);
        out.extend_from_slice(&fixed::<REPLY_HEAD_SIZE>(|f| {
            f.put(self.pg.to_bytes());
            f.put(self.flags.to_le_bytes());
            f.put(self.result.to_le_bytes());
            f.put(self.bad_replay_version.to_bytes());
            f.put(self.epoch.0.to_le_bytes());
            f.put((self.ops.len() as u32).to_le_bytes());
        }));
        let mut outcomes = self.outcomes.iter();
        for op in &self.ops {
            op.encode_with(outcomes.next().map_or(0, |o| o.output.len() as u32), out);
        }
        self.retry_attempt.encode(out);
        let mut outcomes = self.outcomes.iter();
        for _ in &self.ops {
            outcomes.next().map_or(0, |o| o.result).encode(out);
        }
        const NO_REDIRECT: u8 = 0;
        out.extend_from_slice(&fixed::<REPLY_TAIL_SIZE>(|f| {
            f.put(self.replay_version.to_bytes());
            f.put(self.user_version.to_le_bytes());
            f.put([NO_REDIRECT]);
            f.put([0; TRACE_SIZE]);
        }));
    }
    fn front_room(&self) -> usize {
        REPLY_SIZE + self.name.len() + REPLY_OP_SIZE * self.ops.len()
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, data: Data) -> Result<Self> {
        if msg.version < 7 {
            let value = msg.version as u64;
            return Err(DecodeError::Invalid { what: "MOSDOpReply version", value });
        }
        let name = r.get()?;
        let pg = r.get()?;
        let flags = r.u64()?;
        let result = r.i32()?;
        let bad_replay_version = r.get()?;
        let epoch = r.get()?;
        let count = r.count("operations", OP_SIZE)?;
        let mut ops = decode_ops(r, count, data.into_bytes())?;
        let retry_attempt = r.i32()?;
        let outcomes = ops
            .iter_mut()
            .map(|op| {
                let output = Data::from(std::mem::take(&mut op.input));
                Ok(Outcome { result: r.i32()?, output })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            name,
            pg,
            flags,
            result,
            bad_replay_version,
            epoch,
            ops,
            outcomes,
            retry_attempt,
            replay_version: r.get()?,
            user_version: r.u64()?,
        })
    }
    fn take_data(&mut self) -> Data {
        let mut data = Data::default();
        for outcome in &mut self.outcomes {
            data.append(std::mem::take(&mut outcome.output));
        }
        data
    }
}

/// WATCH_NOTIFY: to a watcher (notify, disconnect) and back to the notifier (complete).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchNotify {
    /// 1 notify, 2 complete, 3 disconnect.
    pub opcode: u8,
    pub cookie: u64,
    pub version: u64,
    pub notify_id: u64,
    pub payload: Bytes,
    /// 0, or -110 when a watcher did not answer in time.
    pub return_code: i32,
    pub notifier_gid: u64,
    /// With opcode 2: replies and the missed, as the notifier's program decodes them.
    pub data: Data,
}
impl WatchNotify {
    pub const NOTIFY: u8 = 1;
    pub const COMPLETE: u8 = 2;
    pub const DISCONNECT: u8 = 3;
}
impl TypedMessage for WatchNotify {
    const KIND: u16 = kind::WATCH_NOTIFY;
    const VERSION: u16 = 3;
    fn encode_front(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.opcode.encode(out);
        self.cookie.encode(out);
        self.version.encode(out);
        self.notify_id.encode(out);
        put_blob(out, &self.payload);
        self.return_code.encode(out);
        self.notifier_gid.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, data: Data) -> Result<Self> {
        r.skip("watch-notify version", 1)?;
        Ok(Self {
            opcode: r.u8()?,
            cookie: r.u64()?,
            version: r.u64()?,
            notify_id: r.u64()?,
            payload: share(&msg.front, r.blob()?),
            return_code: if msg.version >= 2 { r.i32()? } else { 0 },
            notifier_gid: if msg.version >= 3 { r.u64()? } else { 0 },
            data,
        })
    }
    fn take_data(&mut self) -> Data {
        std::mem::take(&mut self.data)
    }
}

/// OSD_BACKOFF: the OSD asks a client to hold its operations on a range of one PG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    pub pgid: ShardedPgId,
    pub epoch: Epoch,
    /// 1 block, 2 acknowledge a block, 3 unblock.
    pub op: u8,
    pub id: u64,
    pub begin: HObject,
    pub end: HObject,
}
impl Backoff {
    pub const BLOCK: u8 = 1;
    pub const ACK_BLOCK: u8 = 2;
    pub const UNBLOCK: u8 = 3;
}
impl TypedMessage for Backoff {
    const KIND: u16 = kind::OSD_BACKOFF;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.pgid.encode(out);
        self.epoch.encode(out);
        self.op.encode(out);
        self.id.encode(out);
        self.begin.encode(out);
        self.end.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self {
            pgid: r.get()?,
            epoch: r.get()?,
            op: r.u8()?,
            id: r.u64()?,
            begin: HObject::decode(r)?,
            end: HObject::decode(r)?,
        })
    }
}
