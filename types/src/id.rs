//! Who and where: entities, OSDs, pools, placement groups, epochs and versions.

use crate::enc::{Decode, DecodeError, Encode, Reader, Result, fixed, versioned};
use std::fmt;

/// Version of the OSDMap; only monitors make one. 0 is "no map yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsdId(pub u32);

/// Number of a pool. Ceph's are signed on the wire; real pools are positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub i64);

macro_rules! plain_number {
    ($($t:ident, $inner:ty);*) => {$(
        impl Encode for $t {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) { self.0.encode(out) }
        }
        impl Decode for $t {
            #[inline]
            fn decode(r: &mut Reader<'_>) -> Result<Self> { Ok(Self(<$inner>::decode(r)?)) }
        }
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
    )*};
}
plain_number!(Epoch, u32; OsdId, u32; PoolId, i64);

impl Epoch {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Cluster or daemon uuid: 16 raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fsid(pub [u8; 16]);

impl Fsid {
    /// Parses the usual form, 8-4-4-4-12 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        if text.len() != 36 || digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (i, pair) in digits.chunks_exact(2).enumerate() {
            let pair = std::str::from_utf8(pair).ok()?;
            bytes[i] = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}
impl fmt::Display for Fsid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
impl fmt::Debug for Fsid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl Encode for Fsid {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0)
    }
}
impl Decode for Fsid {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self(r.array("uuid")?))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EntityKind {
    Mon = 1,
    Mds = 2,
    Osd = 4,
    Client = 8,
    Mgr = 0x10,
    Auth = 0x20,
    Any = 0xff,
}

impl EntityKind {
    pub fn from_u32(value: u32) -> Option<Self> {
        Some(match value {
            1 => Self::Mon,
            2 => Self::Mds,
            4 => Self::Osd,
            8 => Self::Client,
            0x10 => Self::Mgr,
            0x20 => Self::Auth,
            0xff => Self::Any,
            _ => return None,
        })
    }
    pub fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Mds => "mds",
            Self::Osd => "osd",
            Self::Client => "client",
            Self::Mgr => "mgr",
            Self::Auth => "auth",
            Self::Any => "any",
        }
    }
}

/// `entity_name_t`: kind and number, as sessions and request ids use it. 9 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityName {
    pub kind: u8,
    pub num: i64,
}

impl EntityName {
    pub fn new(kind: EntityKind, num: i64) -> Self {
        Self { kind: kind as u8, num }
    }
    pub fn client(global_id: u64) -> Self {
        Self::new(EntityKind::Client, global_id as i64)
    }
    pub fn osd(id: OsdId) -> Self {
        Self::new(EntityKind::Osd, id.0 as i64)
    }
}
impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = EntityKind::from_u32(self.kind as u32).map_or("unknown", EntityKind::name);
        if self.num < 0 { write!(f, "{kind}.?") } else { write!(f, "{kind}.{}", self.num) }
    }
}
impl Encode for EntityName {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.kind.encode(out);
        self.num.encode(out);
    }
}
impl Decode for EntityName {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { kind: r.u8()?, num: r.i64()? })
    }
}

/// `eversion_t`: version of an object or PG. Ordered by epoch, then version; encoded the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EVersion {
    pub epoch: u32,
    pub version: u64,
}
impl fmt::Display for EVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}'{}", self.epoch, self.version)
    }
}
impl EVersion {
    /// As it is encoded.
    #[inline]
    pub fn to_bytes(self) -> [u8; 12] {
        fixed(|f| {
            f.put(self.version.to_le_bytes());
            f.put(self.epoch.to_le_bytes());
        })
    }
}
impl Encode for EVersion {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}
impl Decode for EVersion {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let mut r = r.part("eversion_t", 12)?;
        Ok(Self { version: r.u64()?, epoch: r.u32()? })
    }
}

/// `pg_t`: pool and seed. 17 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgId {
    pub pool: PoolId,
    pub seed: u32,
}
impl fmt::Display for PgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:x}", self.pool.0, self.seed)
    }
}
impl PgId {
    /// As it is encoded.
    #[inline]
    pub fn to_bytes(self) -> [u8; 17] {
        const VERSION: u8 = 1;
        const PREFERRED: i32 = -1;
        fixed(|f| {
            f.put([VERSION]);
            f.put(self.pool.0.to_le_bytes());
            f.put(self.seed.to_le_bytes());
            f.put(PREFERRED.to_le_bytes());
        })
    }
}
impl Encode for PgId {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}
impl Decode for PgId {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let mut r = r.part("pg_t", 17)?;
        match r.u8()? {
            1 => {}
            v => return Err(DecodeError::Invalid { what: "pg_t version", value: v as u64 }),
        }
        Ok(Self { pool: r.get()?, seed: r.u32()? })
    }
}

/// `spg_t`: a PG and, in erasure-coded pools, the shard of it; -1 in replicated pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardedPgId {
    pub pg: PgId,
    pub shard: i8,
}
impl ShardedPgId {
    pub fn replicated(pg: PgId) -> Self {
        Self { pg, shard: -1 }
    }
}
impl Encode for ShardedPgId {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 1, 1, |out| {
            self.pg.encode(out);
            self.shard.encode(out);
        })
    }
}
impl Decode for ShardedPgId {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("spg_t", 1)?;
        Ok(Self { pg: r.get()?, shard: r.i8()? })
    }
}

/// `osd_reqid_t`: one request of one client incarnation, the key of duplicate detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReqId {
    pub name: EntityName,
    pub tid: u64,
    pub inc: i32,
}
impl Default for ReqId {
    fn default() -> Self {
        Self { name: EntityName { kind: 0, num: 0 }, tid: 0, inc: 0 }
    }
}
impl fmt::Display for ReqId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}:{}", self.name, self.inc, self.tid)
    }
}
impl Encode for ReqId {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 2, 2, |out| {
            self.name.encode(out);
            self.tid.encode(out);
            self.inc.encode(out);
        })
    }
}
impl Decode for ReqId {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("osd_reqid_t", 2)?;
        let mut r = r.part("osd_reqid_t", 9 + 8 + 4)?;
        Ok(Self { name: r.get()?, tid: r.u64()?, inc: r.i32()? })
    }
}
