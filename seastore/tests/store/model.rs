//! The store against a plain map: transactions, reads under way, looks at metadata, remounts.
//!
//! `SEASTORE_OPS` says how many operations the long run does, seed after seed.

use crate::common::{
    BLOCK, Model, Rng, collections_object, difference, format, format_zoned, name, seed_range,
};
use crate::world::{World, apply_to_model, random_op, random_txn};
use bytes::Bytes;
use seastore::{ObjectName, ReadData, ReadError, ReadStart, Store, StoreConfig, StoreEvent, TxnOp};
use std::collections::BTreeMap;

struct Run {
    rng: Rng,
    world: World,
    model: Model,
    objects: u64,
    len_max: u64,
    /// What reads under way are to answer, by token.
    reads: BTreeMap<u64, (ObjectName, Option<Bytes>)>,
    next_read: u64,
    /// Operations of transactions, reads and looks.
    operations: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng(seed.wrapping_mul(77) + 5);
        let zoned = seed % 4 == 3;
        let (disk, superblock) = if zoned { format_zoned(26) } else { format(32 << 20, 1) };
        let config = StoreConfig {
            cache_bytes: [StoreConfig::CACHE_BYTES_MIN, 256 << 10, 4 << 20][rng.below(3) as usize],
            miss_one_in: [0, 3, 40][rng.below(3) as usize],
            ..StoreConfig::new(superblock, 0, seed + 1)
        };
        Self {
            world: World::opened(disk, config).mounted(),
            model: Model::new(),
            objects: [8, 40][rng.below(2) as usize],
            len_max: [2_000, 9_000, 60_000][rng.below(3) as usize],
            reads: BTreeMap::new(),
            next_read: 1000,
            operations: 0,
            rng,
        }
    }

    fn some_name(&mut self) -> ObjectName {
        name(self.rng.below(self.objects))
    }

    fn transaction(&mut self, what: &str) {
        let ops = random_txn(&mut self.rng, self.objects, self.len_max);
        self.world.submit(ops.clone(), 0).unwrap_or_else(|e| panic!("{what}: {e}"));
        ops.iter().for_each(|op| apply_to_model(&mut self.model, op));
        self.operations += ops.len() as u64;
    }

    /// Begins a read, whose answer is settled now, whatever comes before it ends.
    fn begin_read(&mut self, what: &str) {
        let o = self.some_name();
        let (offset, len) = (self.rng.below(self.len_max), self.rng.below(self.len_max));
        let expected = self.model.get(&*o).map(|object| {
            let end = object.data.len().min((offset + len) as usize);
            Bytes::copy_from_slice(object.data.get(offset as usize..end).unwrap_or(&[]))
        });
        let token = self.next_read;
        self.next_read += 1;
        self.operations += 1;
        let (store, fx) = (&mut self.world.store, &mut self.world.waiting);
        let started = match token % 2 {
            0 => store.read(&o, offset, len, token, fx),
            _ => store.read_and_keep(&o, offset, len, token, fx),
        };
        match started {
            Ok(ReadStart::Pending) => drop(self.reads.insert(token, (o, expected))),
            Ok(ReadStart::Ready(data)) => check_read(Ok(data), &o, expected, what),
            Err(e) => check_read(Err(e), &o, expected, what),
        }
    }

    fn take_events(&mut self, what: &str) {
        for event in std::mem::take(&mut self.world.events) {
            match event {
                StoreEvent::ReadDone { token, result } => {
                    let (o, expected) = self.reads.remove(&token).expect("asked for once");
                    check_read(result, &o, expected, what);
                }
                StoreEvent::Durable { .. } | StoreEvent::Room | StoreEvent::Fetched { .. } => {}
                other => panic!("{what}: {other:?}"),
            }
        }
    }

    /// One of the ways to look at metadata.
    fn look(&mut self, what: &str) {
        self.operations += 1;
        let (a, b) = (self.some_name(), self.some_name());
        let count = self.rng.below(10) as usize;
        let key = |rng: &mut Rng| Bytes::from(format!("key{:03}", rng.below(40)));
        let (first, second) = (key(&mut self.rng), key(&mut self.rng));
        let object = self.model.get(&*a);
        match self.rng.below(4) {
            0 => {
                let found = self.world.look(|s| s.list(&a, &b, count)).unwrap();
                let range = (a < b).then(|| self.model.range((*a).clone()..(*b).clone()));
                let expected = range.into_iter().flatten().take(count).map(|(o, _)| o);
                assert!(found.iter().map(|o| &**o).eq(expected), "{what}: {a} to {b}");
            }
            1 => {
                let found = self.world.look(|s| s.stat(&a)).unwrap();
                let expected = object.map(|o| (o.data.len() as u64, o.xattrs.len(), o.omap.len()));
                let found = found.map(|info| (info.size, info.xattr_count, info.omap_count));
                assert_eq!(found, expected, "{what}: {a}");
            }
            2 => {
                let get = |s: &Store| Ok(s.omap_get(&a, &first)?.map(Bytes::copy_from_slice));
                let found = self.world.look(get).unwrap();
                assert_eq!(found.as_ref(), object.and_then(|o| o.omap.get(&first)), "{what}: {a}");
            }
            _ => {
                let (prefix, after) = (&first[..5], Some(&second[..]).filter(|_| count > 3));
                let scan = |s: &Store| {
                    let mut found = Vec::new();
                    s.omap_scan(&a, after, prefix, &mut |k, _| {
                        found.push(Bytes::copy_from_slice(k));
                        found.len() < 3
                    })?;
                    Ok(found)
                };
                let found = self.world.look(scan).unwrap();
                let keys = object.into_iter().flat_map(|o| o.omap.keys());
                let within = |k: &&Bytes| k.starts_with(prefix) && after.is_none_or(|a| &k[..] > a);
                assert!(found.iter().eq(keys.filter(within).take(3)), "{what}: {a} {found:?}");
            }
        }
    }

    fn step(&mut self, what: &str) {
        match self.rng.below(10) {
            0..=5 => self.transaction(what),
            6 | 7 => self.begin_read(what),
            _ => self.look(what),
        }
        if self.rng.chance(3) {
            self.world.turn();
        }
        while !self.world.waiting.is_empty() && self.rng.chance(2) {
            let index = self.rng.below(self.world.waiting.len() as u64) as usize;
            self.world.perform(index);
        }
        self.take_events(what);
    }

    fn remount(mut self, what: &str) -> Self {
        self.world.run();
        self.take_events(what);
        assert!(self.reads.is_empty(), "{what}: reads that never end");
        self.world = self.world.remounted();
        self
    }
}

fn check_read(
    result: Result<ReadData, ReadError>,
    o: &ObjectName,
    expected: Option<Bytes>,
    what: &str,
) {
    match (result, expected) {
        (Ok(data), Some(expected)) => assert!(data.into_bytes() == expected, "{what}: {o}"),
        (Err(ReadError::NotFound), None) => {}
        (found, _) => panic!("{what}: {o}: {found:?}"),
    }
}

fn run_seed(seed: u64, steps: u64) -> u64 {
    let mut run = Run::new(seed);
    for step in 0..steps {
        let what = format!("seed {seed} step {step}");
        run.step(&what);
        if run.rng.chance(60) {
            compare(&mut run.world, &run.model, &what);
        }
        if run.rng.chance(150) {
            run = run.remount(&what);
            compare(&mut run.world, &run.model, &format!("{what}, remounted"));
        }
    }
    assert!(run.world.store.failure().is_none());
    run.operations
}

#[test]
fn random_operations_match_a_map() {
    let wanted = std::env::var("SEASTORE_OPS").ok().and_then(|n| n.parse::<u64>().ok());
    let range = seed_range(20);
    let (mut done, mut seed) = (0, range.start);
    while wanted.map_or(seed < range.end, |wanted| done < wanted) {
        done += run_seed(seed, if wanted.is_some() { 5_000 } else { 500 });
        seed += 1;
        if wanted.is_some() && seed % 20 == 0 {
            println!("{done} operations, {} seeds", seed - range.start);
        }
    }
    println!("{done} operations match, seeds {} to {}", range.start, seed - 1);
}

/// Far more pages than the cache holds: they are written, given up and read again all the time.
fn run_crowded(seed: u64, steps: u64) {
    let mut rng = Rng(seed);
    let mut world = World::new(64 << 20, seastore::StoreConfig::CACHE_BYTES_MIN);
    let mut model = Model::new();
    for step in 0..steps {
        let mut ops = vec![random_op(&mut rng, 2000, 9_000)];
        if let Some(o) = ops[0].object().cloned() {
            let value = rng.bytes(300);
            ops.push(TxnOp::SetXattr { o, name: "crowd".into(), value });
        }
        world.submit(ops.clone(), step).unwrap_or_else(|e| panic!("seed {seed} step {step}: {e}"));
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        if rng.chance(2) {
            world.turn();
        }
        while !world.waiting.is_empty() && !rng.chance(12) {
            let index = rng.below(world.waiting.len() as u64) as usize;
            world.perform(index);
        }
        let refused = world
            .events
            .iter()
            .any(|e| matches!(e, StoreEvent::Refused { .. } | StoreEvent::Failed(_)));
        assert!(!refused, "seed {seed} step {step}: {:?}", world.events.last());
        world.events.clear();
    }
    compare(&mut world, &model, &format!("seed {seed}"));
    let counters = world.store.counters();
    assert!(counters.page_reads > 1000 && counters.checkpoints > 4, "{counters:?}");
    world.run();
    let mut world = world.remounted();
    compare(&mut world, &model, &format!("seed {seed}, remounted"));
}

#[test]
fn a_cache_that_holds_little_changes_nothing() {
    for seed in 0..2 {
        run_crowded(seed, 3_000);
    }
}

/// New addresses go to the last leaf of their tree, which is not in memory: a write has to ask for it
/// where blocks are shared before, or by the transaction that writes, and where there are none.
#[test]
fn a_write_asks_for_the_leaf_of_new_addresses() {
    const BLOCKS: u64 = 4 << 20;
    let write = |o: ObjectName, offset: u64, byte: u8| TxnOp::Write {
        o,
        offset,
        data: vec![byte; BLOCK].into(),
    };
    let clone = || TxnOp::Clone { o: name(1), to: name(200) };
    let cases: [(Vec<TxnOp>, Vec<TxnOp>); 4] = [
        (vec![], vec![clone(), write(name(1), 0, 7)]),
        (vec![clone()], vec![write(name(1), 0, 7)]),
        (vec![], vec![TxnOp::Remove { o: name(1) }, write(name(1), 0, 7)]),
        (vec![], vec![write(name(1), BLOCKS, 7)]),
    ];
    for (before, after) in cases {
        let mut world = World::new(64 << 20, 8 << 20);
        let mut model = Model::new();
        let mut token = 0;
        let mut submit = |world: &mut World, ops: Vec<TxnOp>| {
            ops.iter().for_each(|op| apply_to_model(&mut model, op));
            token += 1;
            world.submit(ops, token).unwrap();
            world.run();
        };
        // A block in each group, and so many groups that they take some leaves.
        for o in 0..20 {
            let parts = (0..16).map(|i| write(name(o), i * (BLOCKS / 16), o as u8));
            submit(&mut world, parts.collect());
        }
        submit(&mut world, before);
        // What follows leaves the tree alone until a checkpoint has all of it.
        let checkpoints = world.store.counters().checkpoints;
        while world.store.counters().checkpoints < checkpoints + 2 {
            let pairs = vec![("key".into(), vec![1; 200_000].into())];
            submit(&mut world, vec![TxnOp::OmapSet { o: name(100), pairs }]);
        }
        let config = StoreConfig { nonce: 2, ..world.config };
        let mut world = World::opened(world.disk, config);
        world.mount().unwrap();
        submit(&mut world, after);
        assert!(world.store.counters().page_reads > 1);
        compare(&mut world, &model, "after the write");
    }
}

fn compare(world: &mut World, model: &Model, what: &str) {
    let listed = world.names();
    let expected = model.keys().filter(|o| **o != collections_object());
    assert!(listed.iter().map(|o| &**o).eq(expected), "{what}: other objects, or another order");
    let found = world.contents();
    for o in model.keys().chain(found.keys()) {
        let (got, expected) = (found.get(o), model.get(o));
        assert!(got == expected, "{what}: {o}: {}", difference(got, expected));
    }
    world.assert_consistent(what);
}
