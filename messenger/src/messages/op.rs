//! One operation inside a MOSDOp: its code, its 38-byte form and its meaning (ceph-wire.md 7.3).

use bytes::{Bytes, BytesMut};
use types::enc::{Decode, DecodeError, Encode, Reader, Result, fixed};
use types::{HObject, ObjectLocator, SnapId};

/// Operation number. Modes: read 0x1000, write 0x2000, both 0x3000, cache 0x8000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpCode(pub u16);

macro_rules! codes {
    ($($name:ident = $value:expr, $text:expr;)*) => {
        impl OpCode {
            $(pub const $name: Self = Self($value);)*
            /// Ceph's name of the operation.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* _ => "unknown" }
            }
            /// Whether this is an operation that Ceph 16 has at all.
            pub fn is_known(self) -> bool {
                matches!(self, $(Self::$name)|*)
            }
        }
    };
}
codes! {
    READ = 0x1201, "read";
    STAT = 0x1202, "stat";
    MAPEXT = 0x1203, "mapext";
    MASKTRUNC = 0x1204, "masktrunc";
    SPARSE_READ = 0x1205, "sparse-read";
    NOTIFY = 0x1206, "notify";
    NOTIFY_ACK = 0x1207, "notify-ack";
    ASSERT_VERSION = 0x1208, "assert-version";
    LIST_WATCHERS = 0x1209, "list-watchers";
    LIST_SNAPS = 0x120a, "list-snaps";
    SYNC_READ = 0x120b, "sync_read";
    TMAPGET = 0x120c, "tmapget";
    OMAP_GET_KEYS = 0x1211, "omap-get-keys";
    OMAP_GET_VALS = 0x1212, "omap-get-vals";
    OMAP_GET_HEADER = 0x1213, "omap-get-header";
    OMAP_GET_VALS_BY_KEYS = 0x1214, "omap-get-vals-by-keys";
    OMAP_CMP = 0x1219, "omap-cmp";
    IS_DIRTY = 0x121d, "isdirty";
    COPY_GET = 0x121e, "copy-get";
    CHECKSUM = 0x121f, "checksum";
    CMPEXT = 0x1220, "cmpext";
    WRITE = 0x2201, "write";
    WRITE_FULL = 0x2202, "writefull";
    TRUNCATE = 0x2203, "truncate";
    ZERO = 0x2204, "zero";
    DELETE = 0x2205, "delete";
    APPEND = 0x2206, "append";
    SETTRUNC = 0x2208, "settrunc";
    TRIMTRUNC = 0x2209, "trimtrunc";
    TMAPPUT = 0x220b, "tmapput";
    CREATE = 0x220d, "create";
    ROLLBACK = 0x220e, "rollback";
    WATCH = 0x220f, "watch";
    OMAP_SET_VALS = 0x2215, "omap-set-vals";
    OMAP_SET_HEADER = 0x2216, "omap-set-header";
    OMAP_CLEAR = 0x2217, "omap-clear";
    OMAP_RM_KEYS = 0x2218, "omap-rm-keys";
    COPY_FROM = 0x221a, "copy-from";
    UNDIRTY = 0x221c, "undirty";
    TMAP2OMAP = 0x3222, "tmap2omap";
    SET_ALLOC_HINT = 0x2223, "set-alloc-hint";
    CACHE_PIN = 0x2224, "cache-pin";
    CACHE_UNPIN = 0x2225, "cache-unpin";
    WRITE_SAME = 0x2226, "writesame";
    SET_REDIRECT = 0x2227, "set-redirect";
    SET_CHUNK = 0x2228, "set-chunk";
    TIER_PROMOTE = 0x2229, "tier-promote";
    UNSET_MANIFEST = 0x222a, "unset-manifest";
    TIER_FLUSH = 0x222b, "tier-flush";
    OMAP_RM_KEY_RANGE = 0x222c, "omap-rm-key-range";
    COPY_FROM2 = 0x222d, "copy-from2";
    TMAPUP = 0x320a, "tmapup";
    CACHE_FLUSH = 0x821f, "cache-flush";
    CACHE_EVICT = 0x8220, "cache-evict";
    CACHE_TRY_FLUSH = 0x8221, "cache-try-flush";
    GETXATTR = 0x1301, "getxattr";
    GETXATTRS = 0x1302, "getxattrs";
    CMPXATTR = 0x1303, "cmpxattr";
    SETXATTR = 0x2301, "setxattr";
    SETXATTRS = 0x2302, "setxattrs";
    RESETXATTRS = 0x2303, "resetxattrs";
    RMXATTR = 0x2304, "rmxattr";
    CALL = 0x1401, "call";
    PGLS = 0x1501, "pgls";
    PGLS_FILTER = 0x1502, "pgls-filter";
    PG_HITSET_LS = 0x1503, "pg-hitset-ls";
    PG_HITSET_GET = 0x1504, "pg-hitset-get";
    PGNLS = 0x1505, "pgnls";
    PGNLS_FILTER = 0x1506, "pgnls-filter";
    SCRUBLS = 0x1507, "scrubls";
}

const MODE_READ: u16 = 0x1000;
const MODE_WRITE: u16 = 0x2000;
const MODE_CACHE: u16 = 0x8000;
const TYPE_MASK: u16 = 0x0f00;
const TYPE_ATTR: u16 = 0x0300;
const TYPE_PG: u16 = 0x0500;

impl OpCode {
    /// By the number alone; a class call counts as what its method's flags say.
    pub fn is_read(self) -> bool {
        self.0 & MODE_READ != 0 && self != Self::CALL
    }
    pub fn is_write(self) -> bool {
        self.0 & MODE_WRITE != 0
    }
    pub fn is_cache(self) -> bool {
        self.0 & MODE_CACHE != 0
    }
    /// Works on a PG, not on an object.
    pub fn is_pg_op(self) -> bool {
        self.0 & TYPE_MASK == TYPE_PG
    }
    /// Its arguments are an offset and a length (Ceph's `ceph_osd_op_uses_extent`).
    pub fn uses_extent(self) -> bool {
        matches!(
            self,
            Self::READ
                | Self::MAPEXT
                | Self::MASKTRUNC
                | Self::SPARSE_READ
                | Self::SYNC_READ
                | Self::WRITE
                | Self::WRITE_FULL
                | Self::TRUNCATE
                | Self::ZERO
                | Self::APPEND
                | Self::TRIMTRUNC
                | Self::CMPEXT
        )
    }
    pub fn uses_xattr(self) -> bool {
        self.0 & TYPE_MASK == TYPE_ATTR
    }
}
impl std::fmt::Debug for OpCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({:#06x})", self.name(), self.0)
    }
}

/// Flags of one operation.
pub mod op_flag {
    /// `create` fails with EEXIST when the object exists.
    pub const EXCL: u32 = 1;
    /// The message goes on when this operation fails.
    pub const FAILOK: u32 = 2;
    /// The data will be needed again soon.
    pub const FADVISE_WILLNEED: u32 = 0x10;
}

/// Length of an operation on the wire.
pub const OP_SIZE: usize = 38;

/// One operation with its input. `args` is the union of the wire form, kept as it came, because the
/// reply repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub code: OpCode,
    /// [`op_flag`] and fadvise hints.
    pub flags: u32,
    pub args: [u8; 28],
    /// Its part of the data segment.
    pub input: Bytes,
}

/// Comparison of `cmpxattr` and `omap-cmp`.
pub mod cmp_op {
    pub const EQ: u8 = 1;
    pub const NE: u8 = 2;
    pub const GT: u8 = 3;
    pub const GTE: u8 = 4;
    pub const LT: u8 = 5;
    pub const LTE: u8 = 6;
    /// Modes of `cmpxattr`.
    pub const MODE_STRING: u8 = 1;
    pub const MODE_U64: u8 = 2;
}

/// What a `watch` operation does.
pub mod watch_op {
    pub const UNWATCH: u8 = 0;
    pub const LEGACY_WATCH: u8 = 1;
    pub const WATCH: u8 = 3;
    pub const RECONNECT: u8 = 5;
    pub const PING: u8 = 7;
}

/// Offset and length in bytes; `truncate_*` come from CephFS and order truncations with writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    pub offset: u64,
    pub length: u64,
    pub truncate_size: u64,
    pub truncate_seq: u32,
}

/// An operation, understood. Keys, names and values are parts of the message's data segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpRequest {
    /// `length` 0 is the whole object.
    Read(Extent),
    SparseRead(Extent),
    SyncRead(Extent),
    MapExt(Extent),
    Stat,
    Checksum {
        kind: u8,
        offset: u64,
        length: u64,
        chunk_size: u32,
        init: Bytes,
    },
    CmpExt {
        extent: Extent,
        data: Bytes,
    },
    AssertVersion {
        version: u64,
    },
    ListWatchers,
    ListSnaps,
    IsDirty,
    Notify {
        cookie: u64,
        timeout_sec: u32,
        payload: Bytes,
    },
    NotifyAck {
        notify_id: u64,
        cookie: u64,
        reply: Bytes,
    },
    CopyGet {
        max: u64,
        cursor: Bytes,
    },
    OmapGetKeys {
        start_after: Bytes,
        max: u64,
    },
    OmapGetVals {
        start_after: Bytes,
        max: u64,
        prefix: Bytes,
    },
    OmapGetHeader,
    OmapGetValsByKeys {
        keys: Vec<Bytes>,
    },
    /// (key, value, [`cmp_op`])
    OmapCmp {
        assertions: Vec<(Bytes, Bytes, i32)>,
    },
    GetXattr {
        name: Bytes,
    },
    GetXattrs,
    CmpXattr {
        name: Bytes,
        value: Bytes,
        op: u8,
        mode: u8,
    },
    Call {
        class: Bytes,
        method: Bytes,
        input: Bytes,
    },
    Pgls {
        count: u64,
        start_epoch: u32,
        cursor: HObject,
    },
    Pgnls {
        count: u64,
        start_epoch: u32,
        cursor: HObject,
    },
    Write {
        extent: Extent,
        data: Bytes,
    },
    WriteFull {
        data: Bytes,
    },
    WriteSame {
        offset: u64,
        length: u64,
        data: Bytes,
    },
    Append {
        data: Bytes,
    },
    Truncate(Extent),
    Zero(Extent),
    SetTrunc(Extent),
    TrimTrunc(Extent),
    Delete,
    Create {
        exclusive: bool,
    },
    Rollback {
        snap: SnapId,
    },
    /// `op` is one of [`watch_op`].
    Watch {
        cookie: u64,
        op: u8,
        generation: u32,
        timeout_sec: u32,
    },
    CopyFrom {
        source: String,
        locator: ObjectLocator,
        snap: SnapId,
        version: u64,
        flags: u8,
        fadvise: u32,
        /// truncate_seq and truncate_size of copy-from2.
        truncate: Option<(u32, u64)>,
    },
    OmapSetVals {
        pairs: Vec<(Bytes, Bytes)>,
    },
    OmapSetHeader {
        header: Bytes,
    },
    OmapClear,
    OmapRmKeys {
        keys: Vec<Bytes>,
    },
    /// From `first` to before `last`.
    OmapRmKeyRange {
        first: Bytes,
        last: Bytes,
    },
    SetXattr {
        name: Bytes,
        value: Bytes,
    },
    RmXattr {
        name: Bytes,
    },
    SetAllocHint {
        object_size: u64,
        write_size: u64,
        flags: u32,
    },
    Undirty,
    /// An operation of another release, or one that only cache tiers use.
    Other(OpCode),
}

impl Op {
    pub fn new(code: OpCode) -> Self {
        Self { code, flags: 0, args: [0; 28], input: Bytes::new() }
    }

    /// Reads the 38 bytes; returns the operation without its input, and the input's length.
    #[inline]
    pub fn decode(r: &mut Reader<'_>) -> Result<(Self, u32)> {
        let bytes: &[u8; OP_SIZE] = r.take("operation", OP_SIZE)?.try_into().expect("so many");
        let [c0, c1, f0, f1, f2, f3, args @ .., l0, l1, l2, l3] = *bytes;
        let code = OpCode(u16::from_le_bytes([c0, c1]));
        let flags = u32::from_le_bytes([f0, f1, f2, f3]);
        let payload_len = u32::from_le_bytes([l0, l1, l2, l3]);
        Ok((Self { code, flags, args, input: Bytes::new() }, payload_len))
    }

    /// Writes the 38 bytes. A request's `payload_len` is its input's length, a reply's its output's.
    pub fn encode_with(&self, payload_len: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&fixed::<OP_SIZE>(|f| {
            f.put(self.code.0.to_le_bytes());
            f.put(self.flags.to_le_bytes());
            f.put(self.args);
            f.put(payload_len.to_le_bytes());
        }));
    }

    fn args_u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.args[at..at + 8].try_into().expect("8 bytes"))
    }
    fn args_u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.args[at..at + 4].try_into().expect("4 bytes"))
    }
    fn set_u64(mut self, at: usize, value: u64) -> Self {
        self.args[at..at + 8].copy_from_slice(&value.to_le_bytes());
        self
    }
    fn set_u32(mut self, at: usize, value: u32) -> Self {
        self.args[at..at + 4].copy_from_slice(&value.to_le_bytes());
        self
    }
    fn set_u8(mut self, at: usize, value: u8) -> Self {
        self.args[at] = value;
        self
    }

    pub fn extent(&self) -> Extent {
        Extent {
            offset: self.args_u64(0),
            length: self.args_u64(8),
            truncate_size: self.args_u64(16),
            truncate_seq: self.args_u32(24),
        }
    }
    /// The input as the operation's payload, whose parts are shared with it.
    fn payload(&self) -> Payload<'_> {
        Payload { whole: &self.input, r: Reader::new(&self.input) }
    }
    /// Name and value of an xattr operation.
    fn xattr(&self) -> Result<(Bytes, Bytes)> {
        let mut p = self.payload();
        Ok((p.bytes(self.args_u32(0) as usize)?, p.bytes(self.args_u32(4) as usize)?))
    }

    /// Understands the arguments and the input. Fails when the input is not what the operation says.
    pub fn request(&self) -> Result<OpRequest> {
        use OpRequest as R;
        let mut p = self.payload();
        let input = || self.input.clone();
        Ok(match self.code {
            OpCode::READ => R::Read(self.extent()),
            OpCode::SPARSE_READ => R::SparseRead(self.extent()),
            OpCode::SYNC_READ => R::SyncRead(self.extent()),
            OpCode::MAPEXT => R::MapExt(self.extent()),
            OpCode::STAT => R::Stat,
            OpCode::CHECKSUM => R::Checksum {
                offset: self.args_u64(0),
                length: self.args_u64(8),
                chunk_size: self.args_u32(16),
                kind: self.args[20],
                init: input(),
            },
            OpCode::CMPEXT => R::CmpExt { extent: self.extent(), data: input() },
            OpCode::ASSERT_VERSION => R::AssertVersion { version: self.args_u64(8) },
            OpCode::LIST_WATCHERS => R::ListWatchers,
            OpCode::LIST_SNAPS => R::ListSnaps,
            OpCode::IS_DIRTY => R::IsDirty,
            OpCode::NOTIFY => {
                p.r.skip("notify version", 4)?;
                let timeout_sec = p.r.u32()?;
                R::Notify { cookie: self.args_u64(0), timeout_sec, payload: p.blob()? }
            }
            OpCode::NOTIFY_ACK => {
                let notify_id = p.r.u64()?;
                let cookie = p.r.u64()?;
                let reply = if p.r.is_empty() { Bytes::new() } else { p.blob()? };
                R::NotifyAck { notify_id, cookie, reply }
            }
            OpCode::COPY_GET => R::CopyGet { max: self.args_u64(0), cursor: input() },
            OpCode::OMAP_GET_KEYS => R::OmapGetKeys { start_after: p.blob()?, max: p.r.u64()? },
            OpCode::OMAP_GET_VALS => {
                R::OmapGetVals { start_after: p.blob()?, max: p.r.u64()?, prefix: p.blob()? }
            }
            OpCode::OMAP_GET_HEADER => R::OmapGetHeader,
            OpCode::OMAP_GET_VALS_BY_KEYS => R::OmapGetValsByKeys { keys: p.list(Payload::blob)? },
            OpCode::OMAP_CMP => {
                R::OmapCmp { assertions: p.list(|p| Ok((p.blob()?, p.blob()?, p.r.i32()?)))? }
            }
            OpCode::GETXATTR => R::GetXattr { name: self.xattr()?.0 },
            OpCode::GETXATTRS => R::GetXattrs,
            OpCode::CMPXATTR => {
                let (name, value) = self.xattr()?;
                R::CmpXattr { name, value, op: self.args[8], mode: self.args[9] }
            }
            OpCode::CALL => R::Call {
                class: p.bytes(self.args[0] as usize)?,
                method: p.bytes(self.args[1] as usize)?,
                input: p.bytes(self.args_u32(3) as usize)?,
            },
            OpCode::PGLS | OpCode::PGNLS => {
                let (count, start_epoch) = (self.args_u64(0), self.args_u32(8));
                let cursor = if p.r.is_empty() { HObject::min() } else { p.r.get()? };
                if self.code == OpCode::PGLS {
                    R::Pgls { count, start_epoch, cursor }
                } else {
                    R::Pgnls { count, start_epoch, cursor }
                }
            }
            OpCode::WRITE => R::Write { extent: self.extent(), data: input() },
            OpCode::WRITE_FULL => R::WriteFull { data: input() },
            OpCode::WRITE_SAME => R::WriteSame {
                offset: self.args_u64(0),
                length: self.args_u64(8),
                data: p.bytes(usize::try_from(self.args_u64(16)).unwrap_or(usize::MAX))?,
            },
            OpCode::APPEND => R::Append { data: input() },
            OpCode::TRUNCATE => R::Truncate(self.extent()),
            OpCode::ZERO => R::Zero(self.extent()),
            OpCode::SETTRUNC => R::SetTrunc(self.extent()),
            OpCode::TRIMTRUNC => R::TrimTrunc(self.extent()),
            OpCode::DELETE => R::Delete,
            OpCode::CREATE => R::Create { exclusive: self.flags & op_flag::EXCL != 0 },
            OpCode::ROLLBACK => R::Rollback { snap: SnapId(self.args_u64(0)) },
            OpCode::WATCH => R::Watch {
                cookie: self.args_u64(0),
                op: self.args[16],
                generation: self.args_u32(17),
                timeout_sec: self.args_u32(21),
            },
            OpCode::COPY_FROM | OpCode::COPY_FROM2 => {
                let source = p.r.get()?;
                let locator = p.r.get()?;
                let second = self.code == OpCode::COPY_FROM2 && !p.r.is_empty();
                R::CopyFrom {
                    source,
                    locator,
                    snap: SnapId(self.args_u64(0)),
                    version: self.args_u64(8),
                    flags: self.args[16],
                    fadvise: self.args_u32(17),
                    truncate: second.then(|| Ok((p.r.u32()?, p.r.u64()?))).transpose()?,
                }
            }
            OpCode::OMAP_SET_VALS => {
                R::OmapSetVals { pairs: p.list(|p| Ok((p.blob()?, p.blob()?)))? }
            }
            OpCode::OMAP_SET_HEADER => R::OmapSetHeader { header: input() },
            OpCode::OMAP_CLEAR => R::OmapClear,
            OpCode::OMAP_RM_KEYS => R::OmapRmKeys { keys: p.list(Payload::blob)? },
            OpCode::OMAP_RM_KEY_RANGE => R::OmapRmKeyRange { first: p.blob()?, last: p.blob()? },
            OpCode::SETXATTR => {
                let (name, value) = self.xattr()?;
                R::SetXattr { name, value }
            }
            OpCode::RMXATTR => R::RmXattr { name: self.xattr()?.0 },
            OpCode::SET_ALLOC_HINT => R::SetAllocHint {
                object_size: self.args_u64(0),
                write_size: self.args_u64(8),
                flags: self.args_u32(16),
            },
            OpCode::UNDIRTY => R::Undirty,
            other => R::Other(other),
        })
    }
}

/// The input of one operation, read piece by piece without copying.
struct Payload<'a> {
    whole: &'a Bytes,
    r: Reader<'a>,
}
impl Payload<'_> {
    fn bytes(&mut self, len: usize) -> Result<Bytes> {
        let slice = self.r.take("operation input", len)?;
        Ok(super::share(self.whole, slice))
    }
    fn blob(&mut self) -> Result<Bytes> {
        let len = self.r.u32()? as usize;
        self.bytes(len)
    }
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.r.count("operation input", 4)?;
        (0..count).map(|_| item(self)).collect()
    }
}

fn encode_keys(keys: &[Bytes]) -> Vec<u8> {
    let mut out = Vec::new();
    keys.encode(&mut out);
    out
}
fn encode_pairs(pairs: &[(Bytes, Bytes)]) -> Vec<u8> {
    let mut out = Vec::new();
    pairs.encode(&mut out);
    out
}

// What clients send.
impl Op {
    fn with_extent(code: OpCode, offset: u64, length: u64) -> Self {
        Self::new(code).set_u64(0, offset).set_u64(8, length)
    }
    fn with_input(mut self, input: impl Into<Bytes>) -> Self {
        self.input = input.into();
        self
    }
    fn with_xattr(code: OpCode, name: &[u8], value: &[u8]) -> Self {
        let mut input = BytesMut::with_capacity(name.len() + value.len());
        input.extend_from_slice(name);
        input.extend_from_slice(value);
        Self::new(code)
            .set_u32(0, name.len() as u32)
            .set_u32(4, value.len() as u32)
            .with_input(input.freeze())
    }
    /// `length` 0 reads the whole object.
    pub fn read(offset: u64, length: u64) -> Self {
        Self::with_extent(OpCode::READ, offset, length)
    }
    pub fn stat() -> Self {
        Self::new(OpCode::STAT)
    }
    pub fn write(offset: u64, data: Bytes) -> Self {
        Self::with_extent(OpCode::WRITE, offset, data.len() as u64).with_input(data)
    }
    pub fn write_full(data: Bytes) -> Self {
        Self::with_extent(OpCode::WRITE_FULL, 0, data.len() as u64).with_input(data)
    }
    pub fn append(data: Bytes) -> Self {
        Self::with_extent(OpCode::APPEND, 0, data.len() as u64).with_input(data)
    }
    pub fn truncate(size: u64) -> Self {
        Self::with_extent(OpCode::TRUNCATE, size, 0)
    }
    pub fn zero(offset: u64, length: u64) -> Self {
        Self::with_extent(OpCode::ZERO, offset, length)
    }
    pub fn delete() -> Self {
        Self::new(OpCode::DELETE)
    }
    pub fn create(exclusive: bool) -> Self {
        let mut op = Self::new(OpCode::CREATE);
        op.flags = if exclusive { op_flag::EXCL } else { 0 };
        op
    }
    pub fn set_alloc_hint(object_size: u64, write_size: u64) -> Self {
        let mut op =
            Self::new(OpCode::SET_ALLOC_HINT).set_u64(0, object_size).set_u64(8, write_size);
        // A hint never fails a message.
        op.flags = op_flag::FAILOK;
        op
    }
    pub fn assert_version(version: u64) -> Self {
        Self::new(OpCode::ASSERT_VERSION).set_u64(8, version)
    }
    pub fn cmpext(offset: u64, data: Bytes) -> Self {
        Self::with_extent(OpCode::CMPEXT, offset, data.len() as u64).with_input(data)
    }
    pub fn get_xattr(name: &[u8]) -> Self {
        Self::with_xattr(OpCode::GETXATTR, name, b"")
    }
    pub fn get_xattrs() -> Self {
        Self::new(OpCode::GETXATTRS)
    }
    pub fn set_xattr(name: &[u8], value: &[u8]) -> Self {
        Self::with_xattr(OpCode::SETXATTR, name, value)
    }
    pub fn rm_xattr(name: &[u8]) -> Self {
        Self::with_xattr(OpCode::RMXATTR, name, b"")
    }
    pub fn cmp_xattr(name: &[u8], op: u8, mode: u8, value: &[u8]) -> Self {
        Self::with_xattr(OpCode::CMPXATTR, name, value).set_u8(8, op).set_u8(9, mode)
    }
    pub fn omap_get_keys(start_after: &[u8], max: u64) -> Self {
        let mut input = Vec::new();
        types::enc::put_blob(&mut input, start_after);
        max.encode(&mut input);
        Self::new(OpCode::OMAP_GET_KEYS).with_input(input)
    }
    pub fn omap_get_vals(start_after: &[u8], prefix: &[u8], max: u64) -> Self {
        let mut input = Vec::new();
        types::enc::put_blob(&mut input, start_after);
        max.encode(&mut input);
        types::enc::put_blob(&mut input, prefix);
        Self::new(OpCode::OMAP_GET_VALS).with_input(input)
    }
    pub fn omap_get_vals_by_keys(keys: &[Bytes]) -> Self {
        Self::new(OpCode::OMAP_GET_VALS_BY_KEYS).with_input(encode_keys(keys))
    }
    pub fn omap_get_header() -> Self {
        Self::new(OpCode::OMAP_GET_HEADER)
    }
    /// `pairs` in key order.
    pub fn omap_set_vals(pairs: &[(Bytes, Bytes)]) -> Self {
        Self::new(OpCode::OMAP_SET_VALS).with_input(encode_pairs(pairs))
    }
    pub fn omap_set_header(header: Bytes) -> Self {
        Self::new(OpCode::OMAP_SET_HEADER).with_input(header)
    }
    pub fn omap_clear() -> Self {
        Self::new(OpCode::OMAP_CLEAR)
    }
    pub fn omap_rm_keys(keys: &[Bytes]) -> Self {
        Self::new(OpCode::OMAP_RM_KEYS).with_input(encode_keys(keys))
    }
    pub fn call(class: &str, method: &str, input: &[u8]) -> Self {
        let mut all = BytesMut::with_capacity(class.len() + method.len() + input.len());
        for part in [class.as_bytes(), method.as_bytes(), input] {
            all.extend_from_slice(part);
        }
        Self::new(OpCode::CALL)
            .set_u8(0, class.len() as u8)
            .set_u8(1, method.len() as u8)
            .set_u32(3, input.len() as u32)
            .with_input(all.freeze())
    }
    /// Objects of one PG from `cursor` on.
    pub fn pgnls(count: u64, start_epoch: u32, cursor: &HObject) -> Self {
        Self::new(OpCode::PGNLS)
            .set_u64(0, count)
            .set_u32(8, start_epoch)
            .with_input(cursor.to_vec())
    }
    pub fn copy_from(source: &str, locator: &ObjectLocator, version: u64) -> Self {
        let mut input = Vec::new();
        source.encode(&mut input);
        locator.encode(&mut input);
        Self::new(OpCode::COPY_FROM)
            .set_u64(0, SnapId::HEAD.0)
            .set_u64(8, version)
            .with_input(input)
    }
    pub fn watch(cookie: u64, op: u8, generation: u32, timeout_sec: u32) -> Self {
        Self::new(OpCode::WATCH)
            .set_u64(0, cookie)
            .set_u8(16, op)
            .set_u32(17, generation)
            .set_u32(21, timeout_sec)
    }
}

/// What `pgnls` answers: objects of one PG, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListReply {
    pub next: HObject,
    pub entries: Vec<ListEntry>,
}
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListEntry {
    pub nspace: String,
    pub name: String,
    /// Locator key, empty when it is the name.
    pub key: String,
}
impl Encode for ListEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        self.nspace.encode(out);
        self.name.encode(out);
        self.key.encode(out);
    }
}
impl Decode for ListEntry {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { nspace: r.get()?, name: r.get()?, key: r.get()? })
    }
}
impl Encode for ListReply {
    fn encode(&self, out: &mut Vec<u8>) {
        types::enc::versioned(out, 1, 1, |out| {
            self.next.encode(out);
            self.entries.encode(out);
        })
    }
}
impl Decode for ListReply {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("pg_nls_response_t", 1)?;
        Ok(Self { next: r.get()?, entries: r.get()? })
    }
}

/// Locator namespace that lists all namespaces (`LIBRADOS_ALL_NSPACES`).
pub const ALL_NSPACES: &str = "\u{1}";

/// Reads `count` operations and gives each its part of the message's data. Fails if these are too few.
pub(crate) fn decode_ops(r: &mut Reader<'_>, count: usize, mut data: Bytes) -> Result<Vec<Op>> {
    let whole = data.len();
    let mut ops = Vec::with_capacity(count.min(r.remaining() / OP_SIZE));
    for _ in 0..count {
        let (mut op, len) = Op::decode(r)?;
        let len = len as usize;
        if len > data.len() {
            let needed = len - data.len();
            return Err(DecodeError::Truncated { what: "operation input", at: whole, needed });
        }
        // The last part is what is left, and no reference more.
        op.input = data.split_to(len);
        ops.push(op);
    }
    Ok(ops)
}
