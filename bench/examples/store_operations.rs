//! What an OSD's operations cost in the store: instructions, which no other load on the machine changes.
//!
//! A store on a device in memory, filled as one shard of an OSD is: objects of 4 MiB, many small ones,
//! the logs of some PGs. Then 4 KiB overwrites, each a transaction as an OSD makes it (data, the
//! object's info, an entry of its PG's log, the log trimmed now and then), and 4 KiB reads at random.
//! What the store does of them happens in the functions `store_*`; docs/performance/seastore.md says
//! how to count.

use bytes::{BufMut, Bytes, BytesMut};
use seastore::{
    IoCompletion, MkfsParams, ObjectName, ReadStart, Store, StoreConfig, StoreEffect, StoreEvent,
    Transaction, TxnOp, mkfs_plan, probe, superblock_offsets,
};
use std::collections::{BTreeMap, VecDeque};
use types::node::BLOCK_SIZE;
use types::{Fsid, HObject, OsdId, PgId, PoolId};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OBJECTS: u64 = 192;
const OBJECT_BYTES: u64 = 4 << 20;
/// Without data; they make the tree of objects as high as it is with many.
const SMALL_OBJECTS: u64 = 4000;
const PGS: u64 = 16;
/// As `osd::pg::log` keeps them.
const ENTRIES_KEPT: u64 = 1000;
const TRIM_BATCH: u64 = 100;
const DEVICE_BYTES: u64 = 4 << 30;
/// Writes that are submitted before the turn ends, and reads under way at once.
const PER_TURN: u64 = 8;

/// What was written, by offset; writes lie on one another only as they were first cut.
#[derive(Default)]
struct Device(BTreeMap<u64, Bytes>);

impl Device {
    fn write(&mut self, offset: u64, buf: Bytes) {
        let end = offset + buf.len() as u64;
        let before = self.0.range(..offset).next_back().map(|(at, old)| (*at, old.clone()));
        if let Some((at, old)) = before.filter(|(at, old)| at + old.len() as u64 > offset) {
            self.0.insert(at, old.slice(..(offset - at) as usize));
            if at + old.len() as u64 > end {
                self.0.insert(end, old.slice((end - at) as usize..));
            }
        }
        while let Some((at, old)) =
            self.0.range(offset..end).next().map(|(at, old)| (*at, old.clone()))
        {
            self.0.remove(&at);
            if at + old.len() as u64 > end {
                self.0.insert(end, old.slice((end - at) as usize..));
            }
        }
        self.0.insert(offset, buf);
    }
    fn read(&self, offset: u64, len: usize) -> Bytes {
        if let Some((at, found)) = self.0.range(..=offset).next_back() {
            let from = (offset - at) as usize;
            if from + len <= found.len() {
                return found.slice(from..from + len);
            }
        }
        let mut whole = BytesMut::with_capacity(len);
        while whole.len() < len {
            let at = offset + whole.len() as u64;
            let left = len - whole.len();
            match self.0.range(..=at).next_back() {
                Some((start, found)) if start + (found.len() as u64) > at => {
                    let from = (at - start) as usize;
                    whole.extend_from_slice(&found[from..found.len().min(from + left)]);
                }
                _ => {
                    let next = self.0.range(at..).next().map_or(u64::MAX, |(start, _)| *start);
                    whole.put_bytes(0, left.min((next - at).try_into().unwrap_or(left)));
                }
            }
        }
        whole.freeze()
    }
}

/// splitmix64
struct Random(u64);
impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

struct World {
    store: Store,
    device: Device,
    fx: VecDeque<StoreEffect>,
    events: Vec<StoreEvent>,
    token: u64,
    objects: Vec<ObjectName>,
    /// The PGs' own objects, and the versions in their logs: after the first, up to the second.
    pgs: Vec<(ObjectName, u64, u64)>,
    random: Random,
}

#[inline(never)]
fn store_submit(store: &mut Store, txn: &mut Transaction, token: u64) {
    store.try_submit(txn, token).expect("there is room");
}
#[inline(never)]
fn store_end_write_turn(store: &mut Store, fx: &mut Vec<StoreEffect>) {
    std::hint::black_box("of a write");
    store.end_of_turn(fx);
}
#[inline(never)]
fn store_on_written(
    store: &mut Store,
    done: IoCompletion,
    events: &mut Vec<StoreEvent>,
    fx: &mut Vec<StoreEffect>,
) {
    std::hint::black_box("of a write");
    store.on_io(done, events, fx);
}
/// What an OSD looks at before each operation on an object.
#[inline(never)]
fn store_look(store: &Store, o: &HObject) -> u64 {
    let stat = store.stat(o).expect("in memory").expect("it exists");
    let info = store.xattr(o, b"_").expect("in memory").expect("it has one");
    stat.size + info[0] as u64
}
#[inline(never)]
fn store_read(
    store: &mut Store,
    o: &ObjectName,
    offset: u64,
    token: u64,
    fx: &mut Vec<StoreEffect>,
) {
    match store.read(o, offset, BLOCK_SIZE as u64, token, fx) {
        Ok(ReadStart::Pending) => {}
        other => panic!("{other:?}"),
    }
}
#[inline(never)]
fn store_on_read(
    store: &mut Store,
    done: IoCompletion,
    events: &mut Vec<StoreEvent>,
    fx: &mut Vec<StoreEffect>,
) {
    store.on_io(done, events, fx);
}
#[inline(never)]
fn store_end_read_turn(store: &mut Store, fx: &mut Vec<StoreEffect>) {
    store.end_of_turn(fx);
}

fn log_key(version: u64) -> Bytes {
    let mut key = BytesMut::with_capacity(9);
    key.put_u8(b'l');
    key.put_u64(version);
    key.freeze()
}

impl World {
    fn new() -> Self {
        let uuid = Fsid([7; 16]);
        let params = MkfsParams {
            cluster: uuid,
            osd: OsdId(0),
            osd_uuid: uuid,
            store_uuid: uuid,
            device_bytes: DEVICE_BYTES,
            shards: 1,
            zones: None,
        };
        let mut device = Device::default();
        for (offset, buf) in mkfs_plan(&params).expect("it is large enough") {
            device.write(offset, buf);
        }
        let [a, b] = superblock_offsets(DEVICE_BYTES).map(|at| device.read(at, BLOCK_SIZE));
        let superblock = probe(DEVICE_BYTES, &a, &b).expect("just made");
        let mut world = Self {
            // No checkpoint falls among the operations that count.
            store: Store::open(StoreConfig {
                journal_bytes: DEVICE_BYTES,
                ..StoreConfig::new(superblock, 0, 1)
            }),
            device,
            fx: VecDeque::new(),
            events: Vec::new(),
            token: 0,
            objects: Vec::new(),
            pgs: Vec::new(),
            random: Random(1),
        };
        let mut fx = Vec::new();
        world.store.mount(&mut fx);
        world.fx.extend(fx);
        world.run();
        world
    }

    /// Answers what is under way, and what follows from it.
    fn run(&mut self) {
        loop {
            let mut fx = Vec::new();
            self.store.end_of_turn(&mut fx);
            self.fx.extend(fx);
            if self.fx.is_empty() {
                return;
            }
            while let Some(effect) = self.fx.pop_front() {
                let done = self.perform(effect);
                let mut fx = Vec::new();
                self.store.on_io(done, &mut self.events, &mut fx);
                self.fx.extend(fx);
            }
            self.look_at_events();
        }
    }

    fn perform(&mut self, effect: StoreEffect) -> IoCompletion {
        match effect {
            StoreEffect::Read { io, offset, len } => {
                IoCompletion::Read { io, result: Ok(self.device.read(offset, len)) }
            }
            StoreEffect::Write { io, offset, buf, .. } => {
                self.device.write(offset, buf);
                IoCompletion::Write { io, result: Ok(()) }
            }
            StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
            other => panic!("{other:?}"),
        }
    }

    fn look_at_events(&mut self) {
        for event in self.events.drain(..) {
            match event {
                StoreEvent::Mounted(_) | StoreEvent::Durable { .. } | StoreEvent::Room => {}
                StoreEvent::ReadDone { result, .. } => {
                    assert_eq!(result.expect("what was written").len(), BLOCK_SIZE as u64);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn submit(&mut self, ops: Vec<TxnOp>) {
        while !self.store.accepting() {
            self.run();
        }
        self.token += 1;
        self.store.submit(ops.into(), self.token).expect("there is room");
        if self.token.is_multiple_of(PER_TURN) {
            self.run();
        }
    }

    fn fill(&mut self) {
        let pool = PoolId(2);
        for seed in 0..PGS {
            let pg = PgId { pool, seed: seed as u32 };
            self.submit(vec![TxnOp::CreateCollection { pg, bits: 4 }]);
            let hash = (seed as u32).reverse_bits();
            let o: ObjectName = HObject::lower_bound(pool, hash).into();
            self.submit(vec![TxnOp::OmapSet {
                o: o.clone(),
                pairs: vec![(Bytes::from_static(b"info"), vec![1; 300].into())],
            }]);
            self.pgs.push((o, 0, 0));
        }
        let mut data = types::node::aligned_buf(OBJECT_BYTES as usize);
        data.extend((0..OBJECT_BYTES).map(|i| (i >> 12) as u8 ^ i as u8));
        let data = data.freeze();
        for index in 0..OBJECTS {
            let name = format!("rbd_data.10226b8b4567.{index:016x}");
            let o: ObjectName = HObject::head(pool, "", "", &name).into();
            self.submit(vec![
                TxnOp::Write { o: o.clone(), offset: 0, data: data.clone() },
                self.info(&o, index),
            ]);
            self.objects.push(o);
        }
        for index in 0..SMALL_OBJECTS {
            let name = format!("rbd_data.20b57327b23c.{index:016x}");
            let o: ObjectName = HObject::head(pool, "", "", &name).into();
            self.submit(vec![self.info(&o, index)]);
        }
        for version in 1..=ENTRIES_KEPT {
            for pg in 0..PGS as usize {
                self.pgs[pg].2 = version;
                let pairs = vec![(log_key(version), self.entry(version))];
                self.submit(vec![TxnOp::OmapSet { o: self.pgs[pg].0.clone(), pairs }]);
            }
        }
        self.run();
    }

    /// As long as an OSD's (`osd::ops::info`).
    fn info(&self, o: &ObjectName, version: u64) -> TxnOp {
        let mut value = BytesMut::zeroed(120);
        value[1..9].copy_from_slice(&version.to_le_bytes());
        let name = Bytes::from_static(b"_");
        TxnOp::SetXattr { o: o.clone(), name, value: value.freeze() }
    }
    /// As long as the entry of a write to such an object (`osd::pg::log`).
    fn entry(&self, version: u64) -> Bytes {
        let mut value = BytesMut::zeroed(146);
        value[2..10].copy_from_slice(&version.to_le_bytes());
        value.freeze()
    }

    fn pick(&mut self) -> (usize, u64) {
        let object = self.random.below(OBJECTS) as usize;
        (object, self.random.below(OBJECT_BYTES / BLOCK_SIZE as u64) * BLOCK_SIZE as u64)
    }

    fn overwrite(&mut self) -> Transaction {
        let (object, offset) = self.pick();
        let o = self.objects[object].clone();
        let pg = object % PGS as usize;
        let (meta, tail, head) = &mut self.pgs[pg];
        *head += 1;
        let (meta, version) = (meta.clone(), *head);
        let mut trim = None;
        if *head - *tail >= ENTRIES_KEPT + TRIM_BATCH {
            trim = Some((*tail + 1, *tail + TRIM_BATCH));
            *tail += TRIM_BATCH;
        }
        let mut data = BytesMut::zeroed(BLOCK_SIZE);
        data[..8].copy_from_slice(&version.to_le_bytes());
        let mut ops = vec![
            TxnOp::Write { o: o.clone(), offset, data: data.freeze() },
            self.info(&o, version),
            TxnOp::OmapSet {
                o: meta.clone(),
                pairs: vec![(log_key(version), self.entry(version))],
            },
        ];
        if let Some((first, last)) = trim {
            let (first, last) = (log_key(first), log_key(last + 1));
            ops.push(TxnOp::OmapRemoveRange { o: meta.clone(), first, last });
            ops.push(TxnOp::OmapSet {
                o: meta,
                pairs: vec![(Bytes::from_static(b"info"), vec![1; 300].into())],
            });
        }
        ops.into()
    }

    fn writes(&mut self, count: u64) {
        let mut fx = Vec::new();
        for n in 1..=count {
            let mut txn = self.overwrite();
            self.token += 1;
            let o = txn.ops[0].object().expect("a write is of one").clone();
            std::hint::black_box(store_look(&self.store, &o));
            assert!(self.store.accepting());
            store_submit(&mut self.store, &mut txn, self.token);
            if n.is_multiple_of(PER_TURN) {
                store_end_write_turn(&mut self.store, &mut fx);
                while !fx.is_empty() {
                    let mut next = Vec::new();
                    for effect in fx.drain(..) {
                        let done = self.perform(effect);
                        store_on_written(&mut self.store, done, &mut self.events, &mut next);
                    }
                    fx = next;
                }
                self.look_at_events();
            }
        }
        self.fx.extend(fx);
        self.run();
    }

    fn reads(&mut self, count: u64) {
        let mut fx = Vec::new();
        for n in 1..=count {
            let (object, offset) = self.pick();
            let o = self.objects[object].clone();
            std::hint::black_box(store_look(&self.store, &o));
            self.token += 1;
            store_read(&mut self.store, &o, offset, self.token, &mut fx);
            if n.is_multiple_of(PER_TURN) {
                store_end_read_turn(&mut self.store, &mut fx);
                let mut none = Vec::new();
                for effect in std::mem::take(&mut fx) {
                    let done = self.perform(effect);
                    store_on_read(&mut self.store, done, &mut self.events, &mut none);
                }
                self.look_at_events();
            }
        }
        self.fx.extend(fx);
        self.run();
    }
}

fn main() {
    let count = std::env::args().nth(1).map_or(Ok(2000), |arg| arg.parse()).expect("a number");
    let mut world = World::new();
    world.fill();
    world.writes(count);
    world.reads(count);
    println!("{count} overwrites and {count} reads; {:?}", world.store.counters());
}
