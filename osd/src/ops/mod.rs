//! Op engine: executes all ops of one client message against one object, in order and atomically,
//! without waiting (ceph-wire.md 7.3 and 7.4).
//!
//! Start with [`execute`]. The caller (the PG) holds the object's lock, gives the object as an
//! [`ObjectReader`] and gets an [`Execution`]: what each op answers, and what the message changes.
//! Where bytes of data, metadata or another object are needed first, [`execute`] returns [`Need`];
//! nothing has changed, so the caller fetches them and executes again. PG listing is in [`pgls`], the
//! permissions that a request needs in [`perm`], fetching the source of copy-from in [`copy`].

mod attr;
mod checksum;
pub mod copy;
mod data;
mod engine;
pub mod errno;
pub mod info;
mod omap;
pub mod perm;
pub mod pgls;
#[cfg(test)]
mod replay;
mod store;
#[cfg(test)]
mod tests;
mod tmap;

use bytes::Bytes;
use copy::with_prefix as stored_name;
pub use info::ObjectInfo;
/// Ops as messages carry them; [`op::OpRequest`] is one op understood, [`OpRequest`] all of a message.
pub use messenger::messages::op;
use messenger::messages::op::Extent;
pub use messenger::messages::op::Op;
use messenger::messages::osd_op::flag::RETURNVEC as RETURN_VEC;
pub use messenger::messages::peer::Change;
use seastore::{Miss, ObjectName, TxnOp};
pub use store::StoreReader;
use types::{EVersion, Encode, HObject, ReqId, SnapContext, SnapId, UTime};

/// A client's message as far as execution is concerned.
#[derive(Debug, Clone)]
pub struct OpRequest {
    /// The head of the object; its `snap` is [`SnapId::HEAD`].
    pub object: HObject,
    /// What the client asked for: HEAD, or for list-snaps [`SnapId::DIR`].
    pub snap: SnapId,
    pub snap_context: SnapContext,
    pub ops: Vec<Op>,
    /// Message flags ([`messenger::messages::osd_op::flag`]).
    pub flags: u32,
    /// The client's clock; becomes the object's mtime.
    pub mtime: UTime,
    /// With the session's entity name filled in where the client left it zero.
    pub reqid: ReqId,
}

impl OpRequest {
    /// True when any op may change the object: the message is ordered as a write and its reply
    /// waits until the change is durable.
    pub fn is_write(&self) -> bool {
        self.ops.iter().any(|op| op.code.is_write())
    }
}

/// Bounds that a client's request is held to; the defaults are Ceph's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub object_name_bytes_max: usize,
    pub nspace_bytes_max: usize,
    pub object_size_bytes_max: u64,
    /// Data of one message, bytes, and what its ops make of them.
    pub write_bytes_max: u64,
    /// Outputs of all ops of one message, bytes.
    pub read_bytes_max: u64,
    pub xattr_name_bytes_max: usize,
    /// Ceph's default is no limit of its own; this one is the store's.
    pub xattr_value_bytes_max: u64,
    /// Output of one op of a write with RETURNVEC (Ceph's `osd_max_write_op_reply_len`).
    pub returned_bytes_max: u64,
    pub omap_entries_per_get_max: u64,
    pub omap_bytes_per_get_max: u64,
    pub pgls_entries_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            object_name_bytes_max: 2048,
            nspace_bytes_max: 256,
            object_size_bytes_max: 128 << 20,
            write_bytes_max: 90 << 20,
            read_bytes_max: 128 << 20,
            xattr_name_bytes_max: 100,
            xattr_value_bytes_max: seastore::VALUE_BYTES_MAX as u64,
            returned_bytes_max: 64,
            omap_entries_per_get_max: 1024,
            omap_bytes_per_get_max: 1 << 30,
            pgls_entries_max: 1024,
        }
    }
}

/// Some of an object's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataRange {
    pub offset: u64,
    pub len: u64,
}

/// Data that [`ObjectReader::data`] does not hold yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedData {
    pub ranges: Vec<DataRange>,
}

/// Why [`execute`] cannot finish yet. It has changed nothing and runs again from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Read these ranges of the object and let [`ObjectReader::data`] return them.
    Data(NeedData),
    /// Fetch what the store missed.
    Metadata(Miss),
    /// Fetch this object (see [`copy::CopyFetch`]) and let [`ObjectReader::copied`] return it.
    Copy { op_index: usize, source: copy::CopySource },
}

/// What is known of an object that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectState {
    pub info: ObjectInfo,
}

/// The object before the message. What is not in memory ends the execution, is fetched, and the
/// message is executed again. Reads are consistent with each other: nothing else changes the object
/// while the message executes or waits for such a fetch.
pub trait ObjectReader {
    /// `None` when the object does not exist. Decoded from [`info::INFO_XATTR`].
    fn state(&self) -> Result<Option<ObjectState>, Miss>;
    /// A stored xattr, by its stored name (clients' names have [`info::USER_PREFIX`] before them).
    fn xattr(&self, stored_name: &[u8]) -> Result<Option<Bytes>, Miss>;
    /// All xattrs by stored name, in order of name, [`info::INFO_XATTR`] included.
    fn xattrs(&self) -> Result<Vec<(Bytes, Bytes)>, Miss>;
    /// Empty when none was set.
    fn omap_header(&self) -> Result<Bytes, Miss>;
    fn omap_get(&self, key: &[u8]) -> Result<Option<Bytes>, Miss>;
    /// Visits pairs in order of key, those after `after` (all of them for `None`) whose keys begin
    /// with `prefix`, until `visit` returns false. Some may have been visited before a miss.
    fn omap_scan(
        &self,
        after: Option<&[u8]>,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Miss>;
    /// The parts of `range` that hold stored data, in order, none overlapping or empty. One range
    /// for all of it is always a right answer; holes make sparse reads smaller.
    fn extents(&self, range: DataRange) -> Vec<DataRange> {
        if range.len == 0 { Vec::new() } else { vec![range] }
    }
    /// The bytes of `range`, which ends at or before the object's size; holes read as zeros.
    fn data(&self, range: DataRange) -> Result<Bytes, NeedData>;
    /// The source of the copy-from at `op_index`, once the caller has fetched it.
    fn copied(&self, op_index: usize) -> Option<&copy::Copied> {
        let _ = op_index;
        None
    }
}

/// A part of an op's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Bytes(Bytes),
    /// Data of the object, within its size, to be read by the caller straight into the reply's data
    /// segment before the object's lock is released. Only in messages that change nothing.
    Object(DataRange),
}

impl Piece {
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Object(range) => range.len,
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one op answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpOutcome {
    pub rval: i32,
    /// The op's share of the reply's data segment, in order.
    pub output: Vec<Piece>,
}

impl OpOutcome {
    /// `payload_len` of the op in the reply.
    pub fn output_len(&self) -> u64 {
        self.output.iter().map(Piece::len).sum()
    }
}

/// What the store is asked to do for one change of the object `o`.
pub fn txn_op(change: Change, o: ObjectName) -> TxnOp {
    match change {
        Change::Touch => TxnOp::Touch { o },
        Change::Write { offset, data } => TxnOp::Write { o, offset, data },
        Change::Zero { offset, len } => TxnOp::Zero { o, offset, len },
        Change::Truncate { size } => TxnOp::Truncate { o, size },
        Change::Remove => TxnOp::Remove { o },
        Change::SetXattr { name, value } => TxnOp::SetXattr { o, name, value },
        Change::RemoveXattr { name } => TxnOp::RemoveXattr { o, name },
        Change::OmapSet { pairs } => TxnOp::OmapSet { o, pairs },
        Change::OmapRemove { keys } => TxnOp::OmapRemove { o, keys },
        Change::OmapRemoveRange { first, last } => TxnOp::OmapRemoveRange { o, first, last },
        Change::OmapClear => TxnOp::OmapClear { o },
        Change::OmapSetHeader { header } => TxnOp::OmapSetHeader { o, header },
    }
}

/// What a message changes, complete but for the version that the PG gives it.
#[derive(Debug, Clone)]
pub struct Mutation {
    changes: Vec<Change>,
    /// `None` when the object is gone afterwards.
    info: Option<ObjectInfo>,
    prior_version: EVersion,
    new_mtime: bool,
    user_version: UserVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserVersion {
    /// The message changes what clients see.
    New,
    /// It does not (undirty), or the version came with the object (copy-from).
    Keep(u64),
}

/// The changes of a [`Mutation`] at its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub changes: Vec<Change>,
    /// `user_version` of the reply.
    pub user_version: u64,
    /// The object's info afterwards; `None` when it is deleted.
    pub info: Option<ObjectInfo>,
    /// Version of the object before the message; zero when it did not exist (for the log entry).
    pub prior_version: EVersion,
}

impl Mutation {
    /// False for a message that deletes the object (a delete entry of the PG log).
    pub fn object_remains(&self) -> bool {
        self.info.is_some()
    }
    /// The object's size after the message, bytes; `None` when it is gone.
    pub fn size(&self) -> Option<u64> {
        self.info.as_ref().map(|info| info.size)
    }
    /// Completes the changes with the object info at `version`.
    ///
    /// `last_user_version` is the highest user version that the PG has given or copied so far; the
    /// PG raises it to [`Finished::user_version`]. `local_now` is the primary's wall clock.
    pub fn finish(
        self,
        version: EVersion,
        last_user_version: u64,
        reqid: ReqId,
        local_now: UTime,
    ) -> Finished {
        let user_version = match self.user_version {
            // Never below the PG's version, which is all that old clients see, and above every user
            // version so far, copied ones too.
            UserVersion::New => {
                let floor = self.info.as_ref().map_or(0, |info| info.user_version);
                version.version.max(last_user_version.max(floor) + 1)
            }
            UserVersion::Keep(version) => version,
        };
        let mut changes = self.changes;
        let info = self.info.map(|mut info| {
            info.version = version;
            info.prior_version = self.prior_version;
            info.user_version = user_version;
            info.last_reqid = reqid;
            if self.new_mtime {
                info.local_mtime = local_now;
            }
            changes.push(Change::SetXattr {
                name: Bytes::from_static(info::INFO_XATTR),
                value: info.to_xattr(),
            });
            info
        });
        Finished { changes, user_version, info, prior_version: self.prior_version }
    }
}

/// What the PG does with an executed message, and the versions of its reply.
///
/// Where `replay_version` is set, `bad_replay_version` is the same with `user_version` in place of
/// its version when that is not 0. A [`Disposition::Read`] or [`Disposition::LogOnly`] whose result
/// is ENOENT tells the client a floor for the object's next version: there `user_version` is the
/// PG's last user version and `bad_replay_version` the PG's last update.
#[derive(Debug, Clone)]
pub enum Disposition {
    /// Refused before any op ran (object missing, name too long): the reply's flags lack ACK, all
    /// versions are zero, nothing is logged.
    Refused,
    /// Nothing changes. Reply once the [`Piece::Object`] parts are read; `replay_version` is zero
    /// and `user_version` is [`Execution::user_version`].
    Read,
    /// A message with write ops that failed or turned out to change nothing. It is logged, so that
    /// a resend gets the same answer, and takes a version: `replay_version` is that version,
    /// `user_version` is [`Execution::user_version`].
    LogOnly,
    /// Log, replicate, reply when durable: `replay_version` is the new version, `user_version` is
    /// [`Finished::user_version`].
    Write(Mutation),
}

/// The outcome of one message.
#[derive(Debug, Clone)]
pub struct Execution {
    /// `result` of the reply: 0, a positive count where the rules allow one, or -errno.
    pub result: i32,
    /// One per op of the request, ready for the reply: where a write must not return outputs they
    /// are already gone. Ops after a failed one have rval 0 and no output.
    pub ops: Vec<OpOutcome>,
    pub disposition: Disposition,
    /// The object's user version before the message; 0 when it did not exist or a read failed.
    pub user_version: u64,
    /// The object's size before a message that changes it, bytes; `None` when it did not exist.
    pub size_before: Option<u64>,
}

/// Executes the ops of `request` against `object`.
///
/// Never fails itself: errors of ops are results. `Err` asks for something and a second run.
pub fn execute(
    request: &OpRequest,
    object: &dyn ObjectReader,
    limits: &Limits,
) -> Result<Execution, Need> {
    engine::run(request, object, limits)
}
