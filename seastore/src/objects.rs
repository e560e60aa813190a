//! All objects of a shard, in order, and how an operation changes them.

use crate::event::StatFs;
use crate::onode::{Extent, Onode};
use crate::txn::{ObjectName, TxnOp};
use std::borrow::Borrow;
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use types::{HObject, PgId};

/// Number of an object while it exists; reused afterwards.
pub(crate) type ObjectId = u32;

/// Key of the index. Pool and hash, which decide nearly every comparison, lie in the tree's nodes.
struct Key {
    pool: i64,
    hash_reversed: u32,
    name: ObjectName,
}
impl Key {
    fn new(name: ObjectName) -> Self {
        Self { pool: name.pool.0, hash_reversed: name.hash_reversed(), name }
    }
}

/// Lets the index be searched with a borrowed name.
trait AsKey {
    fn parts(&self) -> (i64, u32, &HObject);
}
impl AsKey for Key {
    fn parts(&self) -> (i64, u32, &HObject) {
        (self.pool, self.hash_reversed, &self.name)
    }
}
impl AsKey for HObject {
    fn parts(&self) -> (i64, u32, &HObject) {
        (self.pool.0, self.hash_reversed(), self)
    }
}
fn compare(a: (i64, u32, &HObject), b: (i64, u32, &HObject)) -> Ordering {
    if a.2.max || b.2.max {
        return a.2.max.cmp(&b.2.max);
    }
    (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| a.2.cmp(b.2))
}
impl PartialEq for dyn AsKey + '_ {
    fn eq(&self, other: &Self) -> bool {
        compare(self.parts(), other.parts()).is_eq()
    }
}
impl Eq for dyn AsKey + '_ {}
impl PartialOrd for dyn AsKey + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for dyn AsKey + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.parts(), other.parts())
    }
}
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Key {}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let mine = (self.pool, self.hash_reversed).cmp(&(other.pool, other.hash_reversed));
        mine.then_with(|| self.name.cmp(&other.name))
    }
}
impl<'a> Borrow<dyn AsKey + 'a> for Key {
    fn borrow(&self) -> &(dyn AsKey + 'a) {
        self
    }
}

const HINTS_MIN: usize = 1024;

/// An object's place among `len` hints, a power of two. A shard's objects agree in the low bits of
/// their hashes, so the high bits of a product are used.
fn hint_of(o: &HObject, len: usize) -> usize {
    let word = o.hash as u64 ^ (o.pool.0 as u64) << 32;
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & len.wrapping_sub(1)
}

/// Objects and collections of one shard.
#[derive(Default)]
pub(crate) struct Objects {
    index: BTreeMap<Key, ObjectId>,
    slots: Vec<Option<Box<Onode>>>,
    unused: Vec<ObjectId>,
    /// By [`hint_of`]: the object looked up last. May be stale; whoever uses one compares the name.
    /// One read of memory finds an object that way, a walk of the tree costs a cache miss a level.
    /// A power of two, four bytes an object.
    hints: Vec<Cell<ObjectId>>,
    pub collections: BTreeMap<PgId, u8>,
    data_bytes: u64,
    meta_bytes: u64,
}

impl Objects {
    pub fn id(&self, o: &HObject) -> Option<ObjectId> {
        let hint = self.hints.get(hint_of(o, self.hints.len()));
        if let Some(id) = hint.map(Cell::get)
            && self.slot(id).is_some_and(|onode| *onode.name == *o)
        {
            return Some(id);
        }
        let id = *self.index.get(o as &dyn AsKey)?;
        self.hint(o, id);
        Some(id)
    }
    fn hint(&self, o: &HObject, id: ObjectId) {
        if let Some(hint) = self.hints.get(hint_of(o, self.hints.len())) {
            hint.set(id);
        }
    }
    pub fn get(&self, o: &HObject) -> Option<&Onode> {
        self.slot(self.id(o)?)
    }
    pub fn slot(&self, id: ObjectId) -> Option<&Onode> {
        self.slots.get(id as usize)?.as_deref()
    }
    pub fn slot_mut(&mut self, id: ObjectId) -> Option<&mut Onode> {
        self.slots.get_mut(id as usize)?.as_deref_mut()
    }
    pub fn len(&self) -> usize {
        self.index.len()
    }
    /// Of xattrs, omap, extents and names, as a checkpoint holds them, about.
    pub fn meta_bytes(&self) -> u64 {
        self.meta_bytes + 64 * self.collections.len() as u64
    }
    /// Of data, pending included.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }
    pub fn fill(&self, out: &mut StatFs) {
        out.data = self.data_bytes;
        out.metadata = self.meta_bytes();
        out.objects = self.index.len() as u64;
    }
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &Onode)> {
        self.index.values().map(|id| (*id, self.slot(*id).expect("indexed objects exist")))
    }
    /// Objects in order from `start` on (after it, with `excluded`).
    pub fn from(&self, start: &HObject, excluded: bool) -> impl Iterator<Item = &Onode> {
        let start: &dyn AsKey = start;
        let from = if excluded { Bound::Excluded(start) } else { Bound::Included(start) };
        let range = self.index.range::<dyn AsKey, _>((from, Bound::Unbounded));
        range.map(|(_, id)| self.slot(*id).expect("indexed objects exist"))
    }

    fn ensure(&mut self, o: &ObjectName) -> ObjectId {
        match self.id(o) {
            Some(id) => id,
            None => {
                let id = self.insert(Onode::new(o.clone()));
                self.hint(o, id);
                id
            }
        }
    }

    /// Adds an object that is not there.
    pub fn insert(&mut self, onode: Onode) -> ObjectId {
        self.meta_bytes += onode.meta_bytes();
        self.data_bytes += onode.extents.bytes();
        let key = Key::new(onode.name.clone());
        let id = self.unused.pop().unwrap_or_else(|| {
            self.slots.push(None);
            if self.slots.len() > self.hints.len() {
                let len = self.slots.len().next_power_of_two().max(HINTS_MIN);
                self.hints = vec![Cell::new(0); len];
            }
            (self.slots.len() - 1) as ObjectId
        });
        self.slots[id as usize] = Some(Box::new(onode));
        let old = self.index.insert(key, id);
        assert!(old.is_none(), "an object is inserted once");
        id
    }

    fn remove(&mut self, id: ObjectId, freed: &mut impl FnMut(u64, u64)) {
        let onode = self.slots[id as usize].take().expect("the caller found it");
        self.meta_bytes -= onode.meta_bytes();
        self.data_bytes -= onode.extents.bytes();
        for (_, extent) in onode.extents.iter() {
            freed(extent.addr, extent.len as u64);
        }
        self.index.remove(&*onode.name as &dyn AsKey);
        self.unused.push(id);
    }

    /// Applies one operation. The data of a `Write` lies in `extent`. Calls `freed(addr, len)` for
    /// data that is of no more use. Returns the object's number if it still exists.
    pub fn apply(
        &mut self,
        op: &TxnOp,
        extent: Option<Extent>,
        freed: &mut impl FnMut(u64, u64),
    ) -> Option<ObjectId> {
        let o = match op {
            TxnOp::CreateCollection { pg, bits } => {
                self.collections.insert(*pg, *bits);
                return None;
            }
            TxnOp::RemoveCollection { pg } => {
                self.collections.remove(pg);
                return None;
            }
            TxnOp::Remove { o } => {
                if let Some(id) = self.id(o) {
                    self.remove(id, freed);
                }
                return None;
            }
            TxnOp::RemoveXattr { o, .. }
            | TxnOp::OmapRemove { o, .. }
            | TxnOp::OmapRemoveRange { o, .. }
            | TxnOp::OmapClear { o } => {
                self.id(o)?;
                o
            }
            other => other.object().expect("the others concern an object"),
        };
        let id = self.ensure(o);
        let onode = self.slots[id as usize].as_deref_mut().expect("ensured");
        let before = (onode.extents.bytes(), onode.meta_bytes());
        change(onode, op, extent, freed);
        self.data_bytes = self.data_bytes + onode.extents.bytes() - before.0;
        self.meta_bytes = self.meta_bytes + onode.meta_bytes() - before.1;
        Some(id)
    }

    /// Puts `extent` in place of what lies at `offset`, without any other change: the cleaner moved
    /// it.
    pub fn relocate(
        &mut self,
        id: ObjectId,
        offset: u64,
        extent: Extent,
        freed: &mut impl FnMut(u64, u64),
    ) {
        let Some(onode) = self.slots[id as usize].as_deref_mut() else { return };
        let before = (onode.extents.bytes(), onode.meta_bytes());
        onode.extents.write(offset, extent, freed);
        self.data_bytes = self.data_bytes + onode.extents.bytes() - before.0;
        self.meta_bytes = self.meta_bytes + onode.meta_bytes() - before.1;
    }

    /// See [`crate::onode::ExtentMap::place`].
    pub fn place(
        &mut self,
        id: ObjectId,
        offset: u64,
        len: u64,
        position: u64,
        whole: &Extent,
        placed: &mut impl FnMut(u64, u32),
    ) {
        let Some(onode) = self.slots[id as usize].as_deref_mut() else { return };
        let before = onode.meta_bytes();
        onode.extents.place(offset, len, position, whole, placed);
        self.meta_bytes = self.meta_bytes + onode.meta_bytes() - before;
    }

    /// Accounts against the objects themselves.
    pub fn check(&self, findings: &mut Vec<String>) {
        let (mut data, mut meta) = (0, 0);
        for (_, onode) in self.iter() {
            let (d, m) = onode.recount();
            if (d, m) != (onode.extents.bytes(), onode.meta_bytes()) {
                findings.push(format!("object {}: accounts are wrong", onode.name));
            }
            (data, meta) = (data + d, meta + m);
            let mut end = 0;
            for (offset, extent) in onode.extents.iter() {
                if offset < end || extent.len == 0 {
                    findings.push(format!("object {}: extents overlap at {offset}", onode.name));
                }
                end = offset + extent.len as u64;
            }
            if end > onode.size {
                findings.push(format!("object {}: extents past its size", onode.name));
            }
        }
        if (data, meta) != (self.data_bytes, self.meta_bytes) {
            findings.push(format!(
                "{} data and {} metadata bytes, accounts say {} and {}",
                data, meta, self.data_bytes, self.meta_bytes
            ));
        }
        if self.slots.iter().flatten().count() != self.index.len() {
            findings.push("objects outside the index".into());
        }
    }
}

fn change(onode: &mut Onode, op: &TxnOp, extent: Option<Extent>, freed: &mut impl FnMut(u64, u64)) {
    match op {
        TxnOp::Write { offset, .. } => {
            let len = extent.as_ref().map_or(0, |e| e.len as u64);
            if let Some(extent) = extent.filter(|e| e.len > 0) {
                onode.extents.write(*offset, extent, freed);
            }
            onode.size = onode.size.max(offset + len);
        }
        TxnOp::Zero { offset, len, .. } => {
            onode.extents.punch(*offset, offset + len, freed);
            onode.size = onode.size.max(offset + len);
        }
        TxnOp::Truncate { size, .. } => onode.truncate(*size, freed),
        TxnOp::SetXattr { name, value, .. } => onode.set_xattr(name, value),
        TxnOp::RemoveXattr { name, .. } => onode.remove_xattr(name),
        TxnOp::OmapSet { pairs, .. } => pairs.iter().for_each(|(k, v)| onode.omap_set(k, v)),
        TxnOp::OmapRemove { keys, .. } => keys.iter().for_each(|k| onode.omap_remove(k)),
        TxnOp::OmapRemoveRange { first, last, .. } => onode.omap_remove_range(first, last),
        TxnOp::OmapClear { .. } => onode.omap_clear(),
        TxnOp::OmapSetHeader { header, .. } => onode.set_omap_header(header),
        TxnOp::Touch { .. }
        | TxnOp::Clone { .. }
        | TxnOp::CloneRange { .. }
        | TxnOp::Remove { .. }
        | TxnOp::CreateCollection { .. }
        | TxnOp::RemoveCollection { .. } => {}
    }
}
