//! A virtual disk, a model of a store, random operations.
#![allow(dead_code)]

use bytes::{Bytes, BytesMut};
use seastore::*;
use std::collections::BTreeMap;
use std::rc::Rc;
use types::node::aligned_buf;
use types::zone::{Zone, ZoneOp, ZoneState, ZoneTraits};
use types::{Fsid, HObject, OsdId, PgId, PoolId};

pub const BLOCK: usize = 4096;

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
/// How many seeds a test runs: `SEASTORE_SEEDS`, which makes it a long run, or the default.
pub fn seeds(default: u64) -> u64 {
    number_from("SEASTORE_SEEDS").unwrap_or(default)
}
/// All points and not some of them.
pub fn long_run() -> bool {
    number_from("SEASTORE_SEEDS").is_some()
}
/// Seeds from `SEASTORE_SEED` on, or from 0.
pub fn seed_range(default: u64) -> std::ops::Range<u64> {
    let first = number_from("SEASTORE_SEED").unwrap_or(0);
    first..first + seeds(default)
}

/// Small pseudo-random generator (splitmix64), so that a seed is the whole test.
pub struct Rng(pub u64);
impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
    pub fn bytes(&mut self, len: usize) -> Bytes {
        let mut v = Vec::with_capacity(len + 8);
        while v.len() < len {
            v.extend_from_slice(&self.next().to_le_bytes());
        }
        v.truncate(len);
        v.into()
    }
}

/// Sparse: blocks never written are zeros. Cheap to copy.
#[derive(Clone, Default)]
pub struct Disk {
    /// On stable media.
    pub blocks: BTreeMap<u64, Rc<[u8]>>,
    /// In the volatile cache: reads see them, and a power cut may lose them.
    pub cached: BTreeMap<u64, Rc<[u8]>>,
    /// When each of them was written, in writes.
    cached_at: BTreeMap<u64, u64>,
    /// Writes so far.
    pub writes: u64,
    /// Of a zoned disk.
    zones: Option<Zones>,
}

/// Zones that can be begun and not full at once, as small devices have it.
pub const ACTIVE_MAX: u32 = 14;
const SECTOR: u64 = 512;

/// What a zoned disk says of its zones. It refuses (by a panic: the store never does that) what real
/// ones refuse: writes that are not at the write pointer, too many active zones, and reads of what
/// was not written, which some devices answer with zeros.
#[derive(Clone)]
struct Zones {
    traits: ZoneTraits,
    /// Write pointer, bytes from the zone's start, a multiple of a sector; whether it was finished.
    all: Vec<(u64, bool)>,
    /// Zones that have failed.
    bad: BTreeMap<u64, ZoneState>,
}
impl Zones {
    fn index(&self, offset: u64) -> usize {
        (offset / self.traits.bytes) as usize
    }
    fn state(&self, index: usize) -> ZoneState {
        let bad = self.bad.get(&(index as u64));
        match (bad, self.all[index]) {
            (Some(bad), _) => *bad,
            (_, (_, true)) => ZoneState::Full,
            (_, (0, _)) => ZoneState::Empty,
            (_, (at, _)) if at == self.traits.capacity => ZoneState::Full,
            _ => ZoneState::Active,
        }
    }
    /// The write pointer goes on.
    fn advance(&mut self, offset: u64, len: u64) {
        let index = self.index(offset);
        let within = offset % self.traits.bytes;
        let state = self.state(index);
        let takes = matches!(state, ZoneState::Empty | ZoneState::Active);
        assert!(takes, "write at {offset:#x} to a zone that is {state:?}");
        assert_eq!(within, self.all[index].0, "write at {offset:#x} is not at the write pointer");
        assert!(within + len <= self.traits.capacity, "write at {offset:#x} leaves the zone");
        self.all[index].0 += len;
        let active = (0..self.all.len()).filter(|i| self.state(*i) == ZoneState::Active).count();
        assert!(active as u32 <= self.traits.active_max, "{active} active zones");
    }
    fn check_read(&self, offset: u64, len: u64) {
        let index = self.index(offset);
        let (written, finished) = self.all[index];
        let end = if finished { self.traits.capacity } else { written };
        let within = offset % self.traits.bytes;
        assert!(within + len <= end, "read of {len} at {offset:#x}, and {end:#x} is written");
    }
}

impl Disk {
    pub fn zoned(traits: ZoneTraits, device_bytes: u64) -> Self {
        let all = vec![(0, false); (device_bytes / traits.bytes) as usize];
        let zones = Some(Zones { traits, all, bad: BTreeMap::new() });
        Self { zones, ..Self::default() }
    }
    fn zone_mut(&mut self) -> &mut Zones {
        self.zones.as_mut().expect("only a zoned disk is asked that")
    }
    /// Where its zones are and how far they are written.
    pub fn report(&self, offset: u64, len: u64) -> Vec<Zone> {
        let zones = self.zones.as_ref().expect("only a zoned disk is asked that");
        let capacity = zones.traits.capacity;
        let range = zones.index(offset)..zones.index(offset + len);
        let zone = |index: usize| {
            let state = zones.state(index);
            let begun = matches!(state, ZoneState::Empty | ZoneState::Active);
            let written = if begun { zones.all[index].0 } else { capacity };
            Zone { offset: index as u64 * zones.traits.bytes, capacity, written, state }
        };
        range.map(zone).collect()
    }
    pub fn zone_op(&mut self, offset: u64, op: ZoneOp) {
        let bytes = self.zone_mut().traits.bytes;
        assert_eq!(offset % bytes, 0);
        let index = self.zone_mut().index(offset);
        match op {
            ZoneOp::Finish => self.zone_mut().all[index].1 = true,
            ZoneOp::Reset => {
                self.zone_mut().all[index] = (0, false);
                for block in offset / BLOCK as u64..(offset + bytes) / BLOCK as u64 {
                    self.blocks.remove(&block);
                    self.cached.remove(&block);
                }
            }
        }
    }
    /// From now on the device says this of the zone.
    pub fn spoil_zone(&mut self, offset: u64, state: ZoneState) {
        let index = self.zone_mut().index(offset) as u64;
        self.zone_mut().bad.insert(index, state);
    }
    /// Power is cut: of what is in the cache for a zone, either a first part stays and the write
    /// pointer goes back, or it stays where it is and sectors before it are lost.
    fn lose_cache_of_zones(&mut self, mut keep: impl FnMut() -> bool) {
        let cached = std::mem::take(&mut self.cached);
        let mut gone = None;
        let mut holes = false;
        for (block, bytes) in cached {
            let offset = block * BLOCK as u64;
            let zones = self.zone_mut();
            let index = zones.index(offset);
            let first = zones.all[index].1;
            if gone.is_none_or(|(zone, _)| zone != index) {
                gone = Some((index, false));
                holes = first || keep();
            }
            let mut stays = BytesMut::zeroed(BLOCK);
            for (i, sector) in bytes.chunks(SECTOR as usize).enumerate() {
                let at = i * SECTOR as usize;
                let lost = gone.is_some_and(|(_, gone)| gone) || !keep();
                if !lost {
                    stays[at..at + SECTOR as usize].copy_from_slice(sector);
                } else if !holes && gone == Some((index, false)) {
                    gone = Some((index, true));
                    let zones = self.zone_mut();
                    zones.all[index].0 = offset % zones.traits.bytes + at as u64;
                }
            }
            self.blocks.insert(block, stays[..].into());
        }
    }
    /// The same for a write that was under way.
    fn tear_zone(&mut self, offset: u64, buf: &[u8], mut keep: impl FnMut() -> bool) {
        let holes = keep();
        let sectors: Vec<bool> = buf.chunks(SECTOR as usize).map(|_| keep()).collect();
        let first = sectors.iter().take_while(|kept| **kept).count();
        let end = if holes { sectors.len() } else { first };
        // What lies before it may be lost as well.
        let zones = self.zone_mut();
        if end == 0 || zones.all[zones.index(offset)].0 != offset % zones.traits.bytes {
            return;
        }
        self.zone_mut().advance(offset, end as u64 * SECTOR);
        let mut kept = buf[..end * SECTOR as usize].to_vec();
        for (i, _) in sectors[..end].iter().enumerate().filter(|(_, kept)| !**kept) {
            kept[i * SECTOR as usize..][..SECTOR as usize].fill(0);
        }
        kept.resize(kept.len().next_multiple_of(BLOCK), 0);
        for (i, bytes) in kept.chunks(BLOCK).enumerate() {
            self.blocks.insert(offset / BLOCK as u64 + i as u64, bytes.into());
        }
    }

    /// What the first `writes` writes left in the cache is on stable media.
    pub fn flush(&mut self, writes: u64) {
        let early = |block: &u64| self.cached_at[block] <= writes;
        let blocks: Vec<u64> = self.cached.keys().copied().filter(early).collect();
        for block in blocks {
            let bytes = self.cached.remove(&block).unwrap();
            self.blocks.insert(block, bytes);
        }
    }
    pub fn write_cached(&mut self, offset: u64, buf: &[u8]) {
        assert_eq!((offset % BLOCK as u64, buf.len() % BLOCK), (0, 0));
        self.advance(offset, buf);
        self.writes += 1;
        for (i, bytes) in buf.chunks(BLOCK).enumerate() {
            let block = offset / BLOCK as u64 + i as u64;
            self.cached.insert(block, bytes.into());
            self.cached_at.insert(block, self.writes);
        }
    }
    /// From now on the range holds garbage of several kinds.
    pub fn discard(&mut self, offset: u64, len: u64) {
        assert_eq!((offset % BLOCK as u64, len % BLOCK as u64), (0, 0));
        for block in offset / BLOCK as u64..(offset + len) / BLOCK as u64 {
            self.discard_block(block);
        }
    }
    fn discard_block(&mut self, block: u64) {
        self.cached.remove(&block);
        let mut rng = Rng(block);
        match rng.below(4) {
            0 => drop(self.blocks.remove(&block)),
            1 => drop(self.blocks.insert(block, [0xff; BLOCK].into())),
            _ => drop(self.blocks.insert(block, rng.bytes(BLOCK)[..].into())),
        }
    }
    /// Power is cut while the range is discarded: some blocks are, some hold what they held.
    pub fn discard_torn(&mut self, offset: u64, len: u64, mut done: impl FnMut() -> bool) {
        for block in offset / BLOCK as u64..(offset + len) / BLOCK as u64 {
            if done() {
                self.discard_block(block);
            }
        }
    }
    /// Power is cut: of each cached block a part of the sectors, for which `keep` says so, stays.
    pub fn lose_cache(&mut self, mut keep: impl FnMut() -> bool) {
        if self.zones.is_some() {
            return self.lose_cache_of_zones(keep);
        }
        for (block, cached) in std::mem::take(&mut self.cached) {
            self.write_torn(block * BLOCK as u64, &cached, &mut keep);
        }
    }
    pub fn read(&self, offset: u64, len: usize) -> Bytes {
        assert_eq!((offset % BLOCK as u64, len % BLOCK), (0, 0));
        if let Some(zones) = &self.zones {
            zones.check_read(offset, len as u64);
        }
        let mut out = aligned_buf(len);
        for i in 0..(len / BLOCK) as u64 {
            let block = offset / BLOCK as u64 + i;
            match self.cached.get(&block).or_else(|| self.blocks.get(&block)) {
                Some(block) => out.extend_from_slice(block),
                None => out.resize(out.len() + BLOCK, 0),
            }
        }
        out.freeze()
    }
    fn advance(&mut self, offset: u64, buf: &[u8]) {
        if let Some(zones) = &mut self.zones {
            zones.advance(offset, buf.len() as u64);
        }
    }
    /// To stable media.
    pub fn write(&mut self, offset: u64, buf: &[u8]) {
        assert_eq!((offset % BLOCK as u64, buf.len() % BLOCK), (0, 0));
        self.advance(offset, buf);
        for (i, bytes) in buf.chunks(BLOCK).enumerate() {
            let block = offset / BLOCK as u64 + i as u64;
            self.cached.remove(&block);
            self.blocks.insert(block, bytes.into());
        }
    }
    /// Writes the sectors for which `keep` says so.
    pub fn write_torn(&mut self, offset: u64, buf: &[u8], mut keep: impl FnMut() -> bool) {
        if self.zones.is_some() {
            return self.tear_zone(offset, buf, keep);
        }
        for (i, sector) in buf.chunks(512).enumerate() {
            if keep() {
                let at = offset + i as u64 * 512;
                let block =
                    self.blocks.entry(at / BLOCK as u64).or_insert_with(|| [0; BLOCK].into());
                let within = (at % BLOCK as u64) as usize;
                Rc::make_mut(block)[within..within + 512].copy_from_slice(sector);
            }
        }
    }
}

pub fn params(device_bytes: u64, shards: u16) -> MkfsParams {
    MkfsParams {
        cluster: Fsid([1; 16]),
        osd: OsdId(3),
        osd_uuid: Fsid([2; 16]),
        store_uuid: Fsid([7; 16]),
        device_bytes,
        shards,
        zones: None,
    }
}

pub fn format(device_bytes: u64, shards: u16) -> (Disk, Superblock) {
    let mut disk = Disk::default();
    for (offset, buf) in mkfs_plan(&params(device_bytes, shards)).unwrap() {
        disk.write(offset, &buf);
    }
    let [a, b] = superblock_offsets(device_bytes);
    let sb = probe(device_bytes, &disk.read(a, BLOCK), &disk.read(b, BLOCK)).unwrap();
    (disk, sb)
}

/// Zones of 2 MiB that hold a number of blocks that is no power of two.
pub const ZONES: ZoneTraits =
    ZoneTraits { bytes: 2 << 20, capacity: (1 << 20) + 300 * 1024, active_max: ACTIVE_MAX };

/// A zoned disk with so many segments, formatted for one shard, that writes to as few zones at once
/// as it needs.
pub fn format_zoned(segments: u64) -> (Disk, Superblock) {
    let zones = ZoneTraits { active_max: 6, ..ZONES };
    format_zones(zones, 4 + segments, 1)
}
/// A disk of so many zones, formatted.
pub fn format_zones(zones: ZoneTraits, count: u64, shards: u16) -> (Disk, Superblock) {
    let device_bytes = count * zones.bytes;
    let params = MkfsParams { zones: Some(zones), ..params(device_bytes, shards) };
    let mut disk = Disk::zoned(zones, device_bytes);
    for (offset, buf) in mkfs_plan(&params).unwrap() {
        disk.write(offset, &buf);
    }
    let offsets = zoned_superblock_offsets(zones.bytes);
    let [a, b] = offsets.map(|offset| disk.read(offset, BLOCK));
    offsets.into_iter().for_each(|offset| disk.zone_op(offset, ZoneOp::Finish));
    (disk, probe(device_bytes, &a, &b).unwrap())
}

/// Names of several kinds: in a namespace, long ones, clones of others.
pub fn name(n: u64) -> ObjectName {
    let head = |nspace, name: &str| HObject::head(PoolId(1), nspace, "", name);
    match n % 8 {
        5 => head("space", &format!("object{n}")).into(),
        6 => head("", &format!("{n}-{}", "long".repeat(90))).into(),
        7 => HObject { snap: types::SnapId(n), ..head("", &format!("object{}", n - 1)) }.into(),
        _ => head("", &format!("object{n}")).into(),
    }
}

/// Stands in a model for the PGs that are registered: their bits, in its omap.
pub fn collections_object() -> HObject {
    HObject { pool: PoolId(-7), ..HObject::min() }
}
pub fn collection_pair(pg: PgId, bits: u8) -> (Bytes, Bytes) {
    (Bytes::from(format!("{}.{}", pg.pool.0, pg.seed)), Bytes::from(vec![bits]))
}

/// An object as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelObject {
    pub data: Vec<u8>,
    pub xattrs: BTreeMap<Bytes, Bytes>,
    pub omap: BTreeMap<Bytes, Bytes>,
    pub header: Bytes,
}

/// Where two objects differ, for people.
pub fn difference(found: Option<&ModelObject>, expected: Option<&ModelObject>) -> String {
    let (Some(found), Some(expected)) = (found, expected) else {
        return format!("there: {}, expected: {}", found.is_some(), expected.is_some());
    };
    let (a, b) = (&found.data, &expected.data);
    let first = a.iter().zip(b).position(|(a, b)| a != b);
    let omap = found.omap.iter().filter(|(k, v)| expected.omap.get(*k) != Some(v)).count();
    format!(
        "sizes {} and {}, first byte that differs {first:?}; keys of omap {} and {}, {omap} of the \
         first differ; xattrs alike {}; header alike {}",
        a.len(),
        b.len(),
        found.omap.len(),
        expected.omap.len(),
        found.xattrs == expected.xattrs,
        found.header == expected.header,
    )
}

pub type Model = BTreeMap<HObject, ModelObject>;

fn apply_to_collections(model: &mut Model, op: &TxnOp) {
    let all = model.entry(collections_object()).or_default();
    match op {
        TxnOp::CreateCollection { pg, bits } => all.omap.extend([collection_pair(*pg, *bits)]),
        TxnOp::RemoveCollection { pg } => drop(all.omap.remove(&collection_pair(*pg, 0).0)),
        _ => {}
    }
    if all.omap.is_empty() {
        model.remove(&collections_object());
    }
}

pub fn apply_to_model(model: &mut Model, op: &TxnOp) {
    let Some(o) = op.object() else { return apply_to_collections(model, op) };
    let creates = !matches!(
        op,
        TxnOp::Remove { .. }
            | TxnOp::RemoveXattr { .. }
            | TxnOp::OmapRemove { .. }
            | TxnOp::OmapRemoveRange { .. }
            | TxnOp::OmapClear { .. }
    );
    if creates {
        model.entry((**o).clone()).or_default();
    }
    let Some(object) = model.get_mut(&**o) else { return };
    let grow = |data: &mut Vec<u8>, end: u64| {
        if (data.len() as u64) < end {
            data.resize(end as usize, 0);
        }
    };
    match op {
        TxnOp::Write { offset, data, .. } => {
            grow(&mut object.data, offset + data.len() as u64);
            object.data[*offset as usize..][..data.len()].copy_from_slice(data);
        }
        TxnOp::Zero { offset, len, .. } => {
            grow(&mut object.data, offset + len);
            object.data[*offset as usize..][..*len as usize].fill(0);
        }
        TxnOp::Truncate { size, .. } => object.data.resize(*size as usize, 0),
        TxnOp::Remove { .. } => {
            model.remove(&**o);
        }
        TxnOp::SetXattr { name, value, .. } => {
            object.xattrs.insert(name.clone(), value.clone());
        }
        TxnOp::RemoveXattr { name, .. } => {
            object.xattrs.remove(name);
        }
        TxnOp::OmapSet { pairs, .. } => object.omap.extend(pairs.iter().cloned()),
        TxnOp::OmapRemove { keys, .. } => keys.iter().for_each(|k| {
            object.omap.remove(k);
        }),
        TxnOp::OmapRemoveRange { first, last, .. } => {
            object.omap.retain(|k, _| !(first <= k && k < last));
        }
        TxnOp::OmapClear { .. } => {
            object.omap.clear();
            object.header = Bytes::new();
        }
        TxnOp::OmapSetHeader { header, .. } => object.header = header.clone(),
        _ => {}
    }
}

/// Random operations on a few objects.
pub fn random_op(rng: &mut Rng, objects: u64, len_max: u64) -> TxnOp {
    let o = name(rng.below(objects));
    let key = |rng: &mut Rng| Bytes::from(format!("key{:03}", rng.below(40)));
    let aligned = rng.chance(2);
    let unit = if aligned { 4096 } else { 1 };
    let offset = rng.below(len_max * 2) / unit * unit;
    let len = (1 + rng.below(len_max)).next_multiple_of(unit);
    match rng.below(24) {
        0 => TxnOp::Touch { o },
        1..=10 => TxnOp::Write { o, offset, data: rng.bytes(len as usize) },
        11 | 12 => {
            let len = 1 + rng.below(300) as usize;
            TxnOp::Write { o, offset, data: rng.bytes(len) }
        }
        13 => TxnOp::Zero { o, offset, len },
        14 => TxnOp::Truncate { o, size: offset },
        15 => TxnOp::Remove { o },
        16 => {
            let len = rng.below(100) as usize;
            TxnOp::SetXattr { o, name: key(rng), value: rng.bytes(len) }
        }
        17 => TxnOp::RemoveXattr { o, name: key(rng) },
        18..=20 => {
            let pairs = (0..1 + rng.below(5)).map(|_| (key(rng), rng.bytes(50))).collect();
            TxnOp::OmapSet { o, pairs }
        }
        21 => TxnOp::OmapRemove { o, keys: vec![key(rng)] },
        22 => TxnOp::OmapRemoveRange { o, first: key(rng), last: key(rng) },
        _ if rng.chance(3) => TxnOp::OmapClear { o },
        _ => TxnOp::OmapSetHeader { o, header: rng.bytes(20) },
    }
}
