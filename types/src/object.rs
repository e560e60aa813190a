//! Names of objects, their hash and their order (Ceph src/common/hobject.h, "bitwise" order).

use crate::enc::{Decode, Encode, Reader, Result, versioned};
use crate::hash::str_hash_rjenkins;
use crate::id::PoolId;
use std::cmp::Ordering;
use std::fmt;

/// A snapshot of an object. [`SnapId::HEAD`] is the object as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapId(pub u64);
impl SnapId {
    pub const HEAD: Self = Self(-2i64 as u64);
    /// The "list snaps" id.
    pub const DIR: Self = Self(-1i64 as u64);
}
impl Encode for SnapId {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out)
    }
}
impl Decode for SnapId {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self(r.u64()?))
    }
}

/// Snapshots that a write must preserve; `snaps` descending, none above `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapContext {
    pub seq: u64,
    pub snaps: Vec<u64>,
}
impl Encode for SnapContext {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.seq.encode(out);
        self.snaps.encode(out);
    }
}
impl Decode for SnapContext {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { seq: r.u64()?, snaps: r.get()? })
    }
}

/// `object_locator_t`: where a client looks for an object. `hash` -1 means "from the name".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLocator {
    pub pool: PoolId,
    pub key: String,
    pub nspace: String,
    pub hash: i64,
}
impl ObjectLocator {
    pub fn new(pool: PoolId, nspace: &str) -> Self {
        Self { pool, key: String::new(), nspace: nspace.to_owned(), hash: -1 }
    }
    /// The 32-bit placement hash of `name` under this locator.
    pub fn hash_of(&self, name: &str) -> u32 {
        if self.hash >= 0 {
            return self.hash as u32;
        }
        object_hash(&self.nspace, if self.key.is_empty() { name } else { &self.key })
    }
}
impl Encode for ObjectLocator {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let compat = if self.hash == -1 { 3 } else { 6 };
        versioned(out, 6, compat, |out| {
            self.pool.encode(out);
            (-1i32).encode(out);
            self.key.encode(out);
            self.nspace.encode(out);
            self.hash.encode(out);
        })
    }
}
impl Decode for ObjectLocator {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = r.versioned("object_locator_t", 6)?;
        // The second word is a preferred OSD, of older releases.
        let pool = r.part("object_locator_t", 8 + 4)?.get()?;
        let key = r.get()?;
        let nspace = if version >= 5 { r.get()? } else { String::new() };
        let hash = if version >= 6 { r.i64()? } else { -1 };
        Ok(Self { pool, key, nspace, hash })
    }
}

/// Hash of a key within a namespace: over `nspace`, byte 0x1f and `key` when there is a namespace.
pub fn object_hash(nspace: &str, key: &str) -> u32 {
    if nspace.is_empty() {
        return str_hash_rjenkins(key.as_bytes());
    }
    let mut bytes = Vec::with_capacity(nspace.len() + 1 + key.len());
    bytes.extend_from_slice(nspace.as_bytes());
    bytes.push(0x1f);
    bytes.extend_from_slice(key.as_bytes());
    str_hash_rjenkins(&bytes)
}

/// `hobject_t`: one object in the order in which PGs are listed, backfilled and scrubbed: pool, then
/// bit-reversed hash, so that a PG is one range and a split cuts ranges in two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HObject {
    pub pool: PoolId,
    pub hash: u32,
    pub nspace: String,
    /// Locator key; empty when it equals the name.
    pub key: String,
    pub name: String,
    pub snap: SnapId,
    /// After every object of every pool.
    pub max: bool,
}

impl HObject {
    pub fn head(pool: PoolId, nspace: &str, key: &str, name: &str) -> Self {
        let hash = object_hash(nspace, if key.is_empty() { name } else { key });
        let key = if key == name { "" } else { key };
        Self {
            pool,
            hash,
            nspace: nspace.to_owned(),
            key: key.to_owned(),
            name: name.to_owned(),
            snap: SnapId::HEAD,
            max: false,
        }
    }
    /// Before every object.
    pub fn min() -> Self {
        Self {
            pool: PoolId(i64::MIN),
            hash: 0,
            nspace: String::new(),
            key: String::new(),
            name: String::new(),
            snap: SnapId(0),
            max: false,
        }
    }
    pub fn max() -> Self {
        Self { max: true, ..Self::min() }
    }
    pub fn is_min(&self) -> bool {
        *self == Self::min()
    }
    /// Before every object of `pool` whose hash is `hash`.
    pub fn lower_bound(pool: PoolId, hash: u32) -> Self {
        Self { pool, hash, ..Self::min() }
    }
    pub fn hash_reversed(&self) -> u32 {
        self.hash.reverse_bits()
    }
    fn effective_key(&self) -> &str {
        if self.key.is_empty() { &self.name } else { &self.key }
    }
}
impl Ord for HObject {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.max || other.max {
            return self.max.cmp(&other.max);
        }
        self.pool
            .cmp(&other.pool)
            .then_with(|| self.hash_reversed().cmp(&other.hash_reversed()))
            .then_with(|| self.nspace.cmp(&other.nspace))
            .then_with(|| {
                if self.key.is_empty() && other.key.is_empty() {
                    return Ordering::Equal;
                }
                self.effective_key().cmp(other.effective_key())
            })
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.snap.cmp(&other.snap))
    }
}
impl PartialOrd for HObject {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Encode for HObject {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 4, 3, |out| {
            self.key.encode(out);
            self.name.encode(out);
            self.snap.encode(out);
            self.hash.encode(out);
            self.max.encode(out);
            self.nspace.encode(out);
            self.pool.encode(out);
        })
    }
}
impl Decode for HObject {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("hobject_t", 4)?;
        Ok(Self {
            key: r.get()?,
            name: r.get()?,
            snap: r.get()?,
            hash: r.u32()?,
            max: r.bool()?,
            nspace: r.get()?,
            pool: r.get()?,
        })
    }
}
impl fmt::Display for HObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.max {
            return write!(f, "MAX");
        }
        if self.is_min() {
            return write!(f, "MIN");
        }
        write!(
            f,
            "{}:{:08x}:{}:{}:{}:",
            self.pool,
            self.hash_reversed(),
            self.nspace,
            self.key,
            self.name
        )?;
        match self.snap {
            SnapId::HEAD => write!(f, "head"),
            SnapId::DIR => write!(f, "snapdir"),
            SnapId(n) => write!(f, "{n:x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyed_object_sorts_by_its_key() {
        let plain = HObject::head(PoolId(1), "", "", "b");
        let mut keyed = plain.clone();
        keyed.name = "a".into();
        keyed.key = "c".into();
        keyed.hash = plain.hash;
        assert!(plain < keyed);
        assert!(keyed < HObject::max());
        assert!(HObject::min() < plain);
    }

    #[test]
    fn hobject_round_trips() {
        let o = HObject::head(PoolId(3), "ns", "k", "name");
        assert_eq!(HObject::from_slice(&o.to_vec()).unwrap(), o);
        // ceph-wire.md 7.6: the cursor of a first pgnls is 39 bytes + the 6-byte header.
        assert_eq!(HObject::min().to_vec().len(), 6 + 4 + 4 + 8 + 4 + 1 + 4 + 8);
    }
}
