//! One op of a message as the wire carries it, and the numbers of all ops (Ceph
//! src/include/rados.h; ceph-wire.md 7.3).

use bytes::Bytes;

/// Numbers of ops. The top four bits are the mode: [`MODE_READ`], [`MODE_WRITE`] or both.
pub mod code {
    pub const READ: u16 = 0x1201;
    pub const STAT: u16 = 0x1202;
    pub const MAPEXT: u16 = 0x1203;
    pub const MASKTRUNC: u16 = 0x1204;
    pub const SPARSE_READ: u16 = 0x1205;
    pub const NOTIFY: u16 = 0x1206;
    pub const NOTIFY_ACK: u16 = 0x1207;
    pub const ASSERT_VERSION: u16 = 0x1208;
    pub const LIST_WATCHERS: u16 = 0x1209;
    pub const LIST_SNAPS: u16 = 0x120a;
    pub const SYNC_READ: u16 = 0x120b;
    pub const TMAP_GET: u16 = 0x120c;
    pub const OMAP_GET_KEYS: u16 = 0x1211;
    pub const OMAP_GET_VALS: u16 = 0x1212;
    pub const OMAP_GET_HEADER: u16 = 0x1213;
    pub const OMAP_GET_VALS_BY_KEYS: u16 = 0x1214;
    pub const OMAP_CMP: u16 = 0x1219;
    pub const IS_DIRTY: u16 = 0x121d;
    pub const COPY_GET: u16 = 0x121e;
    pub const CHECKSUM: u16 = 0x121f;
    pub const CMPEXT: u16 = 0x1220;
    pub const GET_XATTR: u16 = 0x1301;
    pub const GET_XATTRS: u16 = 0x1302;
    pub const CMP_XATTR: u16 = 0x1303;
    pub const CALL: u16 = 0x1401;
    pub const PGLS: u16 = 0x1501;
    pub const PGLS_FILTER: u16 = 0x1502;
    pub const PGNLS: u16 = 0x1505;
    pub const PGNLS_FILTER: u16 = 0x1506;
    pub const SCRUBLS: u16 = 0x1507;

    pub const WRITE: u16 = 0x2201;
    pub const WRITE_FULL: u16 = 0x2202;
    pub const TRUNCATE: u16 = 0x2203;
    pub const ZERO: u16 = 0x2204;
    pub const DELETE: u16 = 0x2205;
    pub const APPEND: u16 = 0x2206;
    pub const SET_TRUNC: u16 = 0x2208;
    pub const TRIM_TRUNC: u16 = 0x2209;
    pub const TMAP_PUT: u16 = 0x220b;
    pub const CREATE: u16 = 0x220d;
    pub const ROLLBACK: u16 = 0x220e;
    pub const WATCH: u16 = 0x220f;
    pub const OMAP_SET_VALS: u16 = 0x2215;
    pub const OMAP_SET_HEADER: u16 = 0x2216;
    pub const OMAP_CLEAR: u16 = 0x2217;
    pub const OMAP_RM_KEYS: u16 = 0x2218;
    pub const COPY_FROM: u16 = 0x221a;
    pub const UNDIRTY: u16 = 0x221c;
    pub const SET_ALLOC_HINT: u16 = 0x2223;
    pub const WRITE_SAME: u16 = 0x2226;
    pub const OMAP_RM_KEY_RANGE: u16 = 0x222c;
    pub const COPY_FROM2: u16 = 0x222d;
    pub const SET_XATTR: u16 = 0x2301;
    pub const SET_XATTRS: u16 = 0x2302;
    pub const RESET_XATTRS: u16 = 0x2303;
    pub const RM_XATTR: u16 = 0x2304;
    pub const TMAP_UP: u16 = 0x320a;
    pub const TMAP2OMAP: u16 = 0x3222;
}

pub const MODE_READ: u16 = 0x1000;
pub const MODE_WRITE: u16 = 0x2000;
pub const TYPE_MASK: u16 = 0x0f00;
pub const TYPE_EXEC: u16 = 0x0400;
pub const TYPE_PG: u16 = 0x0500;

/// Flags of one op.
pub mod op_flag {
    pub const EXCL: u32 = 1;
    /// The message goes on when this op fails.
    pub const FAILOK: u32 = 2;
}

/// Flags of a message (ceph-wire.md 7.3), as far as execution looks at them.
pub mod message_flag {
    pub const READ: u32 = 0x10;
    pub const WRITE: u32 = 0x20;
    pub const ORDER_SNAP: u32 = 0x40;
    pub const PG_OP: u32 = 0x400;
    pub const EXEC: u32 = 0x800;
    pub const RETURN_VEC: u32 = 0x400_0000;
}

/// `ceph_osd_op` with its input. `args` is the 28-byte union, echoed in the reply as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub code: u16,
    pub flags: u32,
    pub args: [u8; 28],
    /// The op's share of the message's data segment.
    pub input: Bytes,
}

impl Op {
    pub fn new(code: u16) -> Self {
        Self { code, flags: 0, args: [0; 28], input: Bytes::new() }
    }
    pub fn is_write(&self) -> bool {
        self.code & MODE_WRITE != 0
    }
    /// Listing ops act on a PG, not on an object: [`crate::ops::pgls`].
    pub fn is_pg_op(&self) -> bool {
        self.code & TYPE_MASK == TYPE_PG
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.args[at..at + 8].try_into().expect("8 bytes of 28"))
    }
    fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.args[at..at + 4].try_into().expect("4 bytes of 28"))
    }
    /// The arguments of data ops.
    pub fn extent(&self) -> ExtentArgs {
        ExtentArgs {
            offset: self.u64_at(0),
            len: self.u64_at(8),
            truncate_size: self.u64_at(16),
            truncate_seq: self.u32_at(24),
        }
    }
    pub fn xattr(&self) -> XattrArgs {
        XattrArgs {
            name_len: self.u32_at(0) as usize,
            value_len: self.u32_at(4) as usize,
            cmp_op: self.args[8],
            cmp_mode: self.args[9],
        }
    }
    pub fn checksum(&self) -> ChecksumArgs {
        ChecksumArgs {
            offset: self.u64_at(0),
            len: self.u64_at(8),
            chunk_size: self.u32_at(16),
            kind: self.args[20],
        }
    }
    pub fn write_same(&self) -> WriteSameArgs {
        WriteSameArgs { offset: self.u64_at(0), len: self.u64_at(8), data_len: self.u64_at(16) }
    }
    pub fn alloc_hint(&self) -> AllocHintArgs {
        AllocHintArgs {
            object_size: self.u64_at(0),
            write_size: self.u64_at(8),
            flags: self.u32_at(16),
        }
    }
    pub fn copy_from(&self) -> CopyFromArgs {
        CopyFromArgs {
            snap: self.u64_at(0),
            source_version: self.u64_at(8),
            flags: self.args[16],
            source_fadvise: u32::from_le_bytes(self.args[17..21].try_into().expect("4 bytes")),
        }
    }
    pub fn copy_get_max(&self) -> u64 {
        self.u64_at(0)
    }
    /// `snap` union member, for [`code::ROLLBACK`].
    pub fn snap(&self) -> u64 {
        self.u64_at(0)
    }
    /// `assert_ver` union member: the version after an unused word.
    pub fn assert_version(&self) -> u64 {
        self.u64_at(8)
    }
    /// `pgls` union member: most entries wanted, epoch at which the client began.
    pub fn pgls(&self) -> (u64, u32) {
        (self.u64_at(0), self.u32_at(8))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentArgs {
    pub offset: u64,
    pub len: u64,
    pub truncate_size: u64,
    pub truncate_seq: u32,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XattrArgs {
    pub name_len: usize,
    pub value_len: usize,
    pub cmp_op: u8,
    pub cmp_mode: u8,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumArgs {
    pub offset: u64,
    pub len: u64,
    /// Bytes per checksum; 0 for one over the whole range.
    pub chunk_size: u32,
    /// `CEPH_OSD_CHECKSUM_OP_TYPE_*`: 0 xxhash32, 1 xxhash64, 2 crc32c.
    pub kind: u8,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteSameArgs {
    pub offset: u64,
    pub len: u64,
    pub data_len: u64,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocHintArgs {
    pub object_size: u64,
    pub write_size: u64,
    pub flags: u32,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyFromArgs {
    pub snap: u64,
    pub source_version: u64,
    pub flags: u8,
    pub source_fadvise: u32,
}
