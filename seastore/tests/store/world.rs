//! A virtual disk and a driver for one store.
#![allow(dead_code)]

use crate::common::{
    BLOCK, Disk, Model, ModelObject, Rng, collection_pair, collections_object, format,
    format_zoned, name,
};
use bytes::Bytes;
use seastore::*;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use types::node::IoError;
use types::{HObject, PgId, PoolId};

/// Says whether device request number `n` fails.
pub type Fault = Box<dyn FnMut(u64, &StoreEffect) -> bool>;

/// Where a request goes to; `None` for a flush.
pub fn offset_of(effect: &StoreEffect) -> Option<u64> {
    match effect {
        StoreEffect::Read { offset, .. }
        | StoreEffect::Write { offset, .. }
        | StoreEffect::Discard { offset, .. }
        | StoreEffect::Zone { offset, .. }
        | StoreEffect::ReportZones { offset, .. } => Some(*offset),
        StoreEffect::Flush { .. } => None,
    }
}

pub struct World {
    pub disk: Disk,
    pub store: Store,
    pub config: StoreConfig,
    /// Effects not yet performed.
    pub waiting: Vec<StoreEffect>,
    pub events: Vec<StoreEvent>,
    pub io_count: u64,
    /// Numbers of those that were reads.
    pub read_ios: Vec<u64>,
    pub fault: Option<Fault>,
    /// How many writes had ended when each flush began: what ended later it need not reach.
    flushes: BTreeMap<u64, u64>,
}

impl World {
    pub fn new(device_bytes: u64, cache_bytes: usize) -> Self {
        let (disk, superblock) = format(device_bytes, 1);
        Self::formatted(disk, StoreConfig { cache_bytes, ..StoreConfig::new(superblock, 0, 1) })
    }
    /// As `new`, on a device that discards.
    pub fn discarding(device_bytes: u64, cache_bytes: usize) -> Self {
        let (disk, superblock) = format(device_bytes, 1);
        let defaults = StoreConfig::new(superblock, 0, 1);
        Self::formatted(disk, StoreConfig { cache_bytes, discard: true, ..defaults })
    }
    /// On a zoned device of about 32 MiB.
    pub fn zoned(cache_bytes: usize) -> Self {
        let (disk, superblock) = format_zoned(26);
        Self::formatted(disk, StoreConfig { cache_bytes, ..StoreConfig::new(superblock, 0, 1) })
    }
    pub fn formatted(disk: Disk, config: StoreConfig) -> Self {
        let mut world = Self::opened(disk, config);
        world.mount().unwrap();
        world
    }
    /// Not mounted.
    pub fn opened(disk: Disk, config: StoreConfig) -> Self {
        Self {
            disk,
            store: Store::open(config),
            config,
            waiting: Vec::new(),
            events: Vec::new(),
            io_count: 0,
            read_ios: Vec::new(),
            fault: None,
            flushes: BTreeMap::new(),
        }
    }
    pub fn mount(&mut self) -> Result<MountReport, StoreError> {
        self.store.mount(&mut self.waiting);
        self.run();
        let at = self
            .events
            .iter()
            .position(|e| matches!(e, StoreEvent::Mounted(_) | StoreEvent::Failed(_)));
        match self.events.remove(at.expect("the mount ends")) {
            StoreEvent::Mounted(report) => Ok(report),
            StoreEvent::Failed(e) => Err(e),
            _ => unreachable!(),
        }
    }
    /// Performs one waiting effect.
    pub fn perform(&mut self, index: usize) {
        let effect = self.waiting.remove(index);
        let fails = self.fault.as_mut().is_some_and(|f| f(self.io_count, &effect));
        self.io_count += 1;
        let answer = |ok: ()| if fails { Err(IoError::Os(5)) } else { Ok(ok) };
        let done = match effect {
            StoreEffect::Read { io, offset, len } => {
                self.read_ios.push(self.io_count - 1);
                let result = answer(()).map(|()| self.disk.read(offset, len));
                IoCompletion::Read { io, result }
            }
            StoreEffect::Write { io, offset, buf, durable } => {
                assert_eq!(buf.as_ptr() as usize % BLOCK, 0);
                let result = answer(());
                match result {
                    Ok(()) if durable => self.disk.write(offset, &buf),
                    Ok(()) => self.disk.write_cached(offset, &buf),
                    // Nobody knows what a write that failed has left: here all, nothing, or parts.
                    Err(_) => {
                        let n = self.io_count;
                        let mut sector = 0;
                        self.disk.write_torn(offset, &buf, || {
                            sector += 1;
                            n.is_multiple_of(3) || n % 3 == 1 && sector % 3 > 0
                        });
                    }
                }
                IoCompletion::Write { io, result }
            }
            StoreEffect::Flush { io } => {
                let result = answer(());
                if result.is_ok() {
                    self.disk.flush(self.flushes[&io]);
                }
                IoCompletion::Flush { io, result }
            }
            StoreEffect::Discard { io, offset, len } => {
                let result = answer(());
                if result.is_ok() {
                    self.disk.discard(offset, len);
                }
                IoCompletion::Discard { io, result }
            }
            StoreEffect::Zone { io, offset, op, .. } => {
                let result = answer(());
                // What failed may have been done all the same.
                if result.is_ok() || self.io_count.is_multiple_of(2) {
                    self.disk.zone_op(offset, op);
                }
                IoCompletion::Zone { io, result }
            }
            StoreEffect::ReportZones { io, offset, len } => {
                let result = answer(()).map(|()| self.disk.report(offset, len));
                IoCompletion::Zones { io, result }
            }
        };
        self.store.on_io(done, &mut self.events, &mut self.waiting);
        self.note_flushes();
        self.check_zones();
    }
    /// One request that writes is under way in each zone.
    fn check_zones(&self) {
        let Some(zones) = &self.config.superblock.zones else { return };
        let mut busy = BTreeSet::new();
        for effect in &self.waiting {
            if let StoreEffect::Write { offset, .. } | StoreEffect::Zone { offset, .. } = effect {
                assert!(busy.insert(offset / zones.bytes), "two at once: {effect:?}");
            }
        }
    }
    fn note_flushes(&mut self) {
        for effect in &self.waiting {
            if let StoreEffect::Flush { io } = effect {
                self.flushes.entry(*io).or_insert(self.disk.writes);
            }
        }
    }
    pub fn turn(&mut self) {
        self.store.end_of_turn(&mut self.waiting);
        self.note_flushes();
        self.store.take_events(&mut self.events);
        self.check_discards();
        self.check_zones();
    }
    /// Nothing is read or written where a discard is under way.
    fn check_discards(&self) {
        for effect in &self.waiting {
            let StoreEffect::Discard { offset: from, len, .. } = effect else { continue };
            for other in &self.waiting {
                let (offset, bytes) = match other {
                    StoreEffect::Read { offset, len, .. } => (*offset, *len as u64),
                    StoreEffect::Write { offset, buf, .. } => (*offset, buf.len() as u64),
                    _ => continue,
                };
                let apart = offset + bytes <= *from || from + len <= offset;
                assert!(apart, "{effect:?} overlaps {offset:#x}, {bytes} bytes");
            }
        }
    }
    /// Until nothing more happens by itself.
    pub fn run(&mut self) {
        for _ in 0..1_000_000 {
            self.turn();
            if self.waiting.is_empty() {
                return;
            }
            self.perform(0);
        }
        panic!("the store never comes to rest");
    }
    /// `Busy` waits; anything else is the answer.
    pub fn submit(&mut self, ops: Vec<TxnOp>, token: u64) -> Result<(), SubmitError> {
        loop {
            match self.store.submit(ops.clone().into(), token) {
                Err(SubmitError::Busy) => self.step_or_wait(),
                other => return other,
            }
        }
    }
    /// A turn, and one device request.
    pub fn step_or_wait(&mut self) {
        if self.turn_or_room() {
            self.perform(0);
        }
    }
    /// A turn while somebody waits for room. Whether requests wait for the device. If not, a driver
    /// would sleep, so the turn must have said that there is room.
    pub fn turn_or_room(&mut self) -> bool {
        let room = |w: &Self| w.events.iter().filter(|e| **e == StoreEvent::Room).count();
        let before = room(self);
        self.turn();
        let said = room(self) > before;
        let waits = !self.waiting.is_empty();
        assert!(waits || said, "busy, and nothing under way: {}", self.store.space_line());
        waits
    }
    /// Tries an access again until nothing is missing.
    pub fn look<T>(&mut self, access: impl Fn(&Store) -> Result<T, Miss>) -> Result<T, ReadError> {
        const TOKEN: u64 = u64::MAX;
        loop {
            let miss = match access(&self.store) {
                Ok(found) => return Ok(found),
                Err(miss) => miss,
            };
            self.store.fetch(&miss, TOKEN, &mut self.waiting);
            loop {
                self.store.take_events(&mut self.events);
                let fetched =
                    |e: &StoreEvent| matches!(e, StoreEvent::Fetched { token: TOKEN, .. });
                if let Some(at) = self.events.iter().position(fetched) {
                    let StoreEvent::Fetched { result, .. } = self.events.remove(at) else {
                        unreachable!()
                    };
                    result?;
                    break;
                }
                if self.waiting.is_empty() {
                    // Transactions before it may wait for room.
                    self.turn();
                    assert!(!self.waiting.is_empty(), "a fetch does not end");
                }
                self.perform(0);
            }
        }
    }
    pub fn read(&mut self, o: &HObject, offset: u64, len: u64) -> Result<Bytes, ReadError> {
        let started = self.store.read(o, offset, len, 77, &mut self.waiting)?;
        self.end_read(started)
    }
    pub fn read_and_keep(
        &mut self,
        o: &HObject,
        offset: u64,
        len: u64,
    ) -> Result<Bytes, ReadError> {
        let started = self.store.read_and_keep(o, offset, len, 77, &mut self.waiting)?;
        self.end_read(started)
    }
    /// Whether a read needs no device.
    pub fn is_in_memory(&mut self, o: &HObject, offset: u64, len: u64) -> bool {
        let started = self.store.read(o, offset, len, 77, &mut self.waiting).unwrap();
        let ready = matches!(started, ReadStart::Ready(_));
        self.end_read(started).unwrap();
        ready
    }
    fn end_read(&mut self, started: ReadStart) -> Result<Bytes, ReadError> {
        match started {
            ReadStart::Ready(data) => Ok(data.into_bytes()),
            ReadStart::Pending => loop {
                let own = |e: &StoreEvent| matches!(e, StoreEvent::ReadDone { token: 77, .. });
                let at = self.events.iter().position(own);
                if let Some(at) = at {
                    let StoreEvent::ReadDone { result, .. } = self.events.remove(at) else {
                        unreachable!()
                    };
                    return result.map(ReadData::into_bytes);
                }
                assert!(
                    !self.waiting.is_empty(),
                    "a read does not end: {}",
                    self.store.space_line()
                );
                self.perform(0);
            },
        }
    }
    pub fn assert_consistent(&mut self, what: &str) {
        let findings = self.check();
        assert!(findings.is_empty(), "{what}: {findings:#?}");
    }
    /// Everything against everything, page by page, within the cache budget.
    pub fn check(&mut self) -> Vec<Finding> {
        let mut check = Check::new(&self.store);
        loop {
            let misses = match self.store.check_step(&mut check) {
                CheckStep::Again => continue,
                CheckStep::Fetch(misses) => misses,
                CheckStep::Done => return check.take_findings(),
            };
            assert!(!misses.is_empty());
            self.store.trim_cache();
            for (token, miss) in misses.iter().enumerate() {
                self.store.fetch(miss, token as u64, &mut self.waiting);
            }
            let mut left = misses.len();
            while left > 0 {
                self.store.take_events(&mut self.events);
                let is_fetch = |e: &mut StoreEvent| matches!(e, StoreEvent::Fetched { .. });
                for event in self.events.extract_if(.., is_fetch) {
                    let StoreEvent::Fetched { token, result } = event else { unreachable!() };
                    left -= 1;
                    if let Err(error) = result {
                        check.failed(&misses[token as usize], error);
                    }
                }
                if left > 0 {
                    assert!(!self.waiting.is_empty(), "a fetch does not end");
                    self.perform(0);
                }
            }
        }
    }
    pub fn names(&mut self) -> Vec<ObjectName> {
        self.look(|s| s.list(&HObject::min(), &HObject::max(), usize::MAX)).unwrap()
    }
    pub fn metadata(&mut self, o: &HObject) -> ModelObject {
        let xattrs = self
            .look(|s| {
                let mut pairs = Vec::new();
                s.xattrs(o, &mut |k, v| {
                    pairs.push((Bytes::copy_from_slice(k), Bytes::copy_from_slice(v)))
                })?;
                Ok(pairs)
            })
            .unwrap();
        let xattrs = xattrs.into_iter().collect();
        let omap = self
            .look(|s| {
                let mut pairs = Vec::new();
                s.omap_scan(o, None, b"", &mut |k, v| {
                    pairs.push((Bytes::copy_from_slice(k), Bytes::copy_from_slice(v)));
                    true
                })?;
                Ok(pairs)
            })
            .unwrap();
        let header = self.look(|s| s.omap_header(o).map(Bytes::copy_from_slice)).unwrap();
        ModelObject { data: Vec::new(), xattrs, omap: omap.into_iter().collect(), header }
    }
    /// The whole store in the model's form.
    pub fn contents(&mut self) -> Model {
        let mut model = Model::new();
        for o in self.names() {
            let mut object = self.metadata(&o);
            let size = self.look(|s| s.stat(&o)).unwrap().unwrap().size;
            object.data = self.read(&o, 0, u64::MAX).unwrap().to_vec();
            assert_eq!(object.data.len() as u64, size);
            model.insert((*o).clone(), object);
        }
        let pgs = self.store.collections().map(|(pg, bits)| collection_pair(pg, bits));
        let omap: BTreeMap<_, _> = pgs.collect();
        if !omap.is_empty() {
            model.insert(collections_object(), ModelObject { omap, ..ModelObject::default() });
        }
        model
    }
    pub fn mounted(mut self) -> Self {
        self.mount().unwrap();
        self
    }
    /// The same disk, mounted anew.
    pub fn remounted(self) -> Self {
        let config = StoreConfig { nonce: self.io_count + 1000, ..self.config };
        let mut world = Self::opened(self.disk, config);
        world.mount().unwrap();
        world
    }
}

/// A split or a merge of one of a few PGs: two collections at once.
fn split_or_merge(rng: &mut Rng) -> Vec<TxnOp> {
    let parent = PgId { pool: PoolId(1), seed: rng.below(4) as u32 };
    let child = PgId { seed: parent.seed + 4, ..parent };
    let bits = 1 + rng.below(3) as u8;
    let second = match rng.chance(2) {
        true => TxnOp::CreateCollection { pg: child, bits },
        false => TxnOp::RemoveCollection { pg: child },
    };
    vec![TxnOp::CreateCollection { pg: parent, bits }, second]
}

/// A transaction: operations on several objects, now and then with a split or merge of PGs.
pub fn random_txn(rng: &mut Rng, objects: u64, len_max: u64) -> Vec<TxnOp> {
    let mut ops: Vec<_> = (0..1 + rng.below(4)).map(|_| random_op(rng, objects, len_max)).collect();
    if rng.chance(6) {
        ops.extend(split_or_merge(rng));
    }
    if rng.chance(12) {
        // A PG that goes, with all it had.
        ops.push(TxnOp::RemoveCollection { pg: PgId { pool: PoolId(1), seed: 0 } });
        ops.extend((0..objects / 3).map(|n| TxnOp::Remove { o: name(n) }));
    }
    ops
}

/// As `common::random_op`, with clones.
pub fn random_op(rng: &mut Rng, objects: u64, len_max: u64) -> TxnOp {
    if !rng.chance(8) {
        return crate::common::random_op(rng, objects, len_max);
    }
    let (o, to) =
        (crate::common::name(rng.below(objects)), crate::common::name(rng.below(objects)));
    if rng.chance(3) {
        return TxnOp::Clone { o, to };
    }
    let unit = if rng.chance(2) { 4096 } else { 1 };
    let offset = |rng: &mut Rng| rng.below(len_max * 2) / unit * unit;
    let (from_offset, to_offset) = (offset(rng), offset(rng));
    let to_offset = if rng.chance(2) { from_offset } else { to_offset };
    let len = (1 + rng.below(len_max)).next_multiple_of(unit);
    TxnOp::CloneRange { o, to, from_offset, to_offset, len }
}

pub fn apply_to_model(model: &mut Model, op: &TxnOp) {
    match op {
        TxnOp::Clone { o, to } => {
            if let Some(source) = model.get(&**o).cloned() {
                model.insert((**to).clone(), source);
            }
        }
        TxnOp::CloneRange { o, to, from_offset, to_offset, len } => {
            let Some(source) = model.get(&**o) else { return };
            let mut bytes = vec![0; *len as usize];
            let from = (*from_offset as usize).min(source.data.len());
            let until = ((from_offset + len) as usize).min(source.data.len());
            bytes[..until - from].copy_from_slice(&source.data[from..until]);
            let data = bytes.into();
            let write = TxnOp::Write { o: to.clone(), offset: *to_offset, data };
            crate::common::apply_to_model(model, &write);
        }
        op => crate::common::apply_to_model(model, op),
    }
}

/// Small writes, most of them to few objects and some to others, which are left behind in segments
/// that are nearly dead.
pub fn aged_ops(rng: &mut Rng) -> Vec<TxnOp> {
    let object = if rng.chance(4) { 104 + rng.below(16) } else { 100 + rng.below(4) };
    let (o, block, len) = (name(object), rng.below(28), 4096 * (1 + rng.below(4)));
    let write = TxnOp::Write { o, offset: block * 4096, data: rng.bytes(len as usize) };
    let mut ops = vec![write];
    if rng.chance(3) {
        ops.extend(random_txn(rng, 6, 3_000));
    }
    ops
}

/// A store whose cleaner has begun to work, and what it holds.
pub fn aged() -> (World, Model) {
    thread_local!(static MADE: OnceCell<(Disk, StoreConfig, Model)> = const { OnceCell::new() });
    MADE.with(|made| from_aged(made, || World::new(32 << 20, 256 << 10)))
}
/// The same on a zoned device.
pub fn aged_zoned() -> (World, Model) {
    thread_local!(static MADE: OnceCell<(Disk, StoreConfig, Model)> = const { OnceCell::new() });
    MADE.with(|made| from_aged(made, || World::zoned(256 << 10)))
}
fn from_aged(
    made: &OnceCell<(Disk, StoreConfig, Model)>,
    new: impl Fn() -> World,
) -> (World, Model) {
    let make = || {
        let mut rng = Rng(5);
        let mut world = new();
        let mut model = Model::new();
        while world.store.counters().segments_cleaned < 2 {
            let ops = aged_ops(&mut rng);
            ops.iter().for_each(|op| apply_to_model(&mut model, op));
            world.submit(ops, 0).unwrap();
            world.run();
        }
        (world.disk, world.config, model)
    };
    let (disk, config, model) = made.get_or_init(make).clone();
    (World::opened(disk, config).mounted(), model)
}
