//! One object in memory: size, extents, xattrs, omap.

use crate::format::BLOCK;
use crate::txn::ObjectName;
use std::collections::BTreeMap;

/// Set in addresses of data that has no place on the device yet; the rest is then its position in
/// the stream of all data ever submitted, so that no two are alike.
pub(crate) const PENDING: u64 = 1 << 63;

/// Device blocks that `len` bytes at `addr` touch.
pub(crate) fn blocks_touched(addr: u64, len: u64) -> usize {
    ((addr % BLOCK + len).div_ceil(BLOCK)) as usize
}

/// Checksums of the device blocks that an extent touches, in order. Nearly all have one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Crcs {
    /// Not placed yet.
    None,
    One(u32),
    Many(Box<[u32]>),
}
impl Crcs {
    pub fn from_slice(crcs: &[u32]) -> Self {
        match crcs {
            [] => Self::None,
            [one] => Self::One(*one),
            many => Self::Many(many.into()),
        }
    }
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A run of bytes that lies in one piece, in memory or on the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Bytes from the first segment's start, or [`PENDING`].
    pub addr: u64,
    pub len: u32,
    pub crcs: Crcs,
}
impl Extent {
    pub fn is_pending(&self) -> bool {
        self.addr & PENDING != 0
    }
    /// The part of `len` bytes from `skip` on.
    pub fn slice(&self, skip: u64, len: u64) -> Self {
        let addr = self.addr + skip;
        if self.is_pending() {
            return Self { addr, len: len as u32, crcs: Crcs::None };
        }
        let first = (addr / BLOCK - self.addr / BLOCK) as usize;
        let count = blocks_touched(addr, len);
        let crcs = Crcs::from_slice(&self.crcs.as_slice()[first..first + count]);
        Self { addr, len: len as u32, crcs }
    }
    fn meta_bytes(&self) -> u64 {
        // A pending extent is counted as if it were aligned.
        let blocks = self.crcs.as_slice().len().max((self.len as usize).div_ceil(4096));
        20 + 4 * blocks as u64
    }
}

/// Extents by their offset in the object; they do not overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExtentMap {
    map: BTreeMap<u64, Extent>,
    bytes: u64,
    meta_bytes: u64,
}

impl ExtentMap {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    pub fn meta_bytes(&self) -> u64 {
        self.meta_bytes
    }
    pub fn len(&self) -> usize {
        self.map.len()
    }
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Extent)> {
        self.map.iter().map(|(o, e)| (*o, e))
    }

    fn add(&mut self, offset: u64, extent: Extent) {
        self.bytes += extent.len as u64;
        self.meta_bytes += extent.meta_bytes();
        let old = self.map.insert(offset, extent);
        assert!(old.is_none(), "extents do not overlap");
    }
    fn take(&mut self, offset: u64) -> Extent {
        let extent = self.map.remove(&offset).expect("the caller found it");
        self.bytes -= extent.len as u64;
        self.meta_bytes -= extent.meta_bytes();
        extent
    }

    /// Extents that overlap `start..end`, cut to it.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, Extent)> {
        let before = self
            .map
            .range(..start)
            .next_back()
            .filter(|(o, e)| **o + e.len as u64 > start)
            .map(|(o, _)| *o);
        self.map.range(before.unwrap_or(start)..end.max(start)).map(move |(o, e)| {
            let (from, to) = (start.max(*o), end.min(*o + e.len as u64));
            (from, e.slice(from - o, to - from))
        })
    }

    /// Makes a hole of `start..end` and calls `freed(addr, len)` for what lay there.
    pub fn punch(&mut self, start: u64, end: u64, freed: &mut impl FnMut(u64, u64)) {
        if start >= end {
            return;
        }
        let before = self.map.range(..start).next_back().map(|(o, e)| (*o, *o + e.len as u64));
        if let Some((offset, extent_end)) = before.filter(|(_, extent_end)| *extent_end > start) {
            let extent = self.take(offset);
            let to = end.min(extent_end);
            freed(extent.addr + (start - offset), to - start);
            self.add(offset, extent.slice(0, start - offset));
            if to < extent_end {
                self.add(to, extent.slice(to - offset, extent_end - to));
            }
        }
        while let Some((&offset, _)) = self.map.range(start..end).next() {
            let extent = self.take(offset);
            let extent_end = offset + extent.len as u64;
            let to = end.min(extent_end);
            freed(extent.addr, to - offset);
            if to < extent_end {
                self.add(to, extent.slice(to - offset, extent_end - to));
            }
        }
    }

    /// Puts `extent` at `offset` in place of what was there.
    pub fn write(&mut self, offset: u64, extent: Extent, freed: &mut impl FnMut(u64, u64)) {
        self.punch(offset, offset + extent.len as u64, freed);
        self.add(offset, extent);
    }

    /// Gives a place to what is left of the pending data `position..position + len`, which was
    /// written at `offset`. Calls `placed(offset, len)` for each extent.
    pub fn place(
        &mut self,
        offset: u64,
        len: u64,
        position: u64,
        whole: &Extent,
        placed: &mut impl FnMut(u64, u32),
    ) {
        let pending = position | PENDING;
        let range = pending..pending + len;
        let Self { map, meta_bytes, .. } = self;
        for (at, extent) in map.range_mut(offset..offset + len) {
            if range.contains(&extent.addr) {
                *meta_bytes -= extent.meta_bytes();
                *extent = whole.slice(extent.addr - pending, extent.len as u64);
                *meta_bytes += extent.meta_bytes();
                placed(*at, extent.len);
            }
        }
    }
}

type Pair = (Box<[u8]>, Box<[u8]>);

/// One object.
#[derive(Debug)]
pub(crate) struct Onode {
    pub name: ObjectName,
    pub size: u64,
    /// No record up to this one changes the object any more: replay skips them.
    pub sequence: u64,
    pub extents: ExtentMap,
    /// Sorted by name.
    xattrs: Vec<Pair>,
    pub omap: BTreeMap<Box<[u8]>, Box<[u8]>>,
    omap_header: Box<[u8]>,
    /// Bytes of xattrs and omap in a checkpoint.
    attr_bytes: u64,
}

impl Onode {
    pub fn new(name: ObjectName) -> Self {
        Self {
            name,
            size: 0,
            sequence: 0,
            extents: ExtentMap::default(),
            xattrs: Vec::new(),
            omap: BTreeMap::new(),
            omap_header: Box::default(),
            attr_bytes: 0,
        }
    }

    /// About what a checkpoint needs for the object.
    pub fn meta_bytes(&self) -> u64 {
        let name = &self.name;
        let fixed = 96 + name.nspace.len() + name.key.len() + name.name.len();
        fixed as u64 + self.extents.meta_bytes() + self.attr_bytes
    }

    pub fn truncate(&mut self, size: u64, freed: &mut impl FnMut(u64, u64)) {
        if size < self.size {
            self.extents.punch(size, self.size, freed);
        }
        self.size = size;
    }

    pub fn xattrs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.xattrs.iter().map(|(k, v)| (&**k, &**v))
    }
    pub fn xattr(&self, name: &[u8]) -> Option<&[u8]> {
        let at = self.xattrs.binary_search_by(|(k, _)| (**k).cmp(name)).ok()?;
        Some(&self.xattrs[at].1)
    }
    pub fn xattr_count(&self) -> usize {
        self.xattrs.len()
    }
    pub fn set_xattr(&mut self, name: &[u8], value: &[u8]) {
        self.attr_bytes += 8 + (name.len() + value.len()) as u64;
        match self.xattrs.binary_search_by(|(k, _)| (**k).cmp(name)) {
            Ok(at) => {
                let slot = &mut self.xattrs[at].1;
                self.attr_bytes -= 8 + (name.len() + slot.len()) as u64;
                if slot.len() == value.len() {
                    slot.copy_from_slice(value);
                } else {
                    *slot = value.into();
                }
            }
            Err(at) => self.xattrs.insert(at, (name.into(), value.into())),
        }
    }
    pub fn remove_xattr(&mut self, name: &[u8]) {
        if let Ok(at) = self.xattrs.binary_search_by(|(k, _)| (**k).cmp(name)) {
            let (k, v) = self.xattrs.remove(at);
            self.attr_bytes -= 8 + (k.len() + v.len()) as u64;
        }
    }

    pub fn omap_header(&self) -> &[u8] {
        &self.omap_header
    }
    pub fn set_omap_header(&mut self, header: &[u8]) {
        self.attr_bytes += header.len() as u64;
        self.attr_bytes -= self.omap_header.len() as u64;
        self.omap_header = header.into();
    }
    pub fn omap_set(&mut self, key: &[u8], value: &[u8]) {
        self.attr_bytes += 8 + (key.len() + value.len()) as u64;
        if let Some(old) = self.omap.insert(key.into(), value.into()) {
            self.attr_bytes -= 8 + (key.len() + old.len()) as u64;
        }
    }
    pub fn omap_remove(&mut self, key: &[u8]) {
        if let Some(old) = self.omap.remove(key) {
            self.attr_bytes -= 8 + (key.len() + old.len()) as u64;
        }
    }
    /// Removes `first <= key < last`. Costs time in what is removed.
    pub fn omap_remove_range(&mut self, first: &[u8], last: &[u8]) {
        if first >= last {
            return;
        }
        let bounds = (std::ops::Bound::Included(first), std::ops::Bound::Excluded(last));
        let keys: Vec<Box<[u8]>> =
            self.omap.range::<[u8], _>(bounds).map(|(k, _)| k.clone()).collect();
        for key in keys {
            self.omap_remove(&key);
        }
    }
    pub fn omap_clear(&mut self) {
        self.set_omap_header(&[]);
        let bytes: usize = self.omap.iter().map(|(k, v)| 8 + k.len() + v.len()).sum();
        self.attr_bytes -= bytes as u64;
        self.omap.clear();
    }

    /// The accounts counted anew: (data bytes, meta bytes).
    pub fn recount(&self) -> (u64, u64) {
        let extents: u64 = self.extents.iter().map(|(_, e)| e.meta_bytes()).sum();
        let pair_bytes = |k: &[u8], v: &[u8]| 8 + (k.len() + v.len()) as u64;
        let mut attrs: u64 = self.xattrs.iter().map(|(k, v)| pair_bytes(k, v)).sum();
        attrs += self.omap.iter().map(|(k, v)| pair_bytes(k, v)).sum::<u64>();
        attrs += self.omap_header.len() as u64;
        let name = &self.name;
        let fixed = 96 + name.nspace.len() + name.key.len() + name.name.len();
        let data = self.extents.iter().map(|(_, e)| e.len as u64).sum();
        (data, fixed as u64 + extents + attrs)
    }
}
