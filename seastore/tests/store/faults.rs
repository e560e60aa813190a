//! Every device request of a workload fails: a read once, a read for good, a write, a flush.
//!
//! In the long run (`SEASTORE_SEEDS`) every one of them, else some.

use crate::common::{Model, Rng, long_run, name, seeds};
use crate::world::{World, aged, aged_ops, aged_zoned, apply_to_model, offset_of, random_op};
use seastore::StoreConfig;
use seastore::TxnOp;
use seastore::*;
use std::collections::BTreeSet;

/// What a workload left behind.
struct Outcome {
    first: Model,
    /// The transactions that the store took, in order.
    taken: Vec<Vec<TxnOp>>,
    /// So many of them were acknowledged.
    durable: usize,
    /// With their errors.
    refused: Vec<(u64, ReadError)>,
}
impl Outcome {
    /// After the first `count` transactions.
    fn state(&self, count: usize) -> Model {
        let mut model = self.first.clone();
        self.taken[..count].iter().flatten().for_each(|op| apply_to_model(&mut model, op));
        model
    }
    fn last(&self) -> Model {
        self.state(self.taken.len())
    }
    /// Whether it is a state from the acknowledged one on.
    fn allows(&self, found: &Model) -> bool {
        let mut model = self.state(self.durable);
        for ops in &self.taken[self.durable..] {
            if model == *found {
                return true;
            }
            ops.iter().for_each(|op| apply_to_model(&mut model, op));
        }
        model == *found
    }
}

/// Odd seeds are about a store whose cleaner is at work.
fn is_cleaning(seed: u64) -> bool {
    seed % 2 == 1
}
/// And those from 2 on, of each four, on a zoned device.
fn is_zoned(seed: u64) -> bool {
    seed % 4 > 1
}
fn start(seed: u64) -> (World, Model) {
    match (is_cleaning(seed), is_zoned(seed)) {
        (true, true) => aged_zoned(),
        (true, false) => aged(),
        (false, true) => (World::zoned(256 << 10), Model::new()),
        (false, false) => (World::new(32 << 20, 256 << 10), Model::new()),
    }
}

/// Small and large writes, clones, omaps; the cache is so small that metadata go and come back.
fn mixed_ops(rng: &mut Rng) -> Vec<TxnOp> {
    let len_max = [3_000, 20_000, 100_000][rng.below(3) as usize];
    let mut ops: Vec<_> = (0..1 + rng.below(3)).map(|_| random_op(rng, 12, len_max)).collect();
    // Many keys, so that pages have to go.
    let o = name(100 + rng.below(3));
    let pairs = (0..60).map(|i| (format!("{}", rng.next()).into(), vec![i; 200].into()));
    ops.push(TxnOp::OmapSet { o, pairs: pairs.collect() });
    ops
}

/// Nothing here waits for ever: `submit` panics when the store is busy with nothing under way.
fn workload(world: &mut World, first: Model, seed: u64) -> Outcome {
    let mut rng = Rng(seed);
    let mut accepted = Vec::new();
    let steps = match (is_cleaning(seed), is_zoned(seed)) {
        (false, _) => 80,
        (true, false) => 160,
        // Zones are larger than segments.
        (true, true) => 300,
    };
    for step in 0..steps {
        let ops = if is_cleaning(seed) { aged_ops(&mut rng) } else { mixed_ops(&mut rng) };
        match world.submit(ops.clone(), step) {
            Ok(()) => accepted.push((step, ops)),
            Err(SubmitError::Failed(_)) => break,
            Err(e) => panic!("seed {seed} step {step}: {e}"),
        }
        if rng.chance(3) {
            world.turn();
        }
        while !world.waiting.is_empty() && rng.chance(2) {
            let index = rng.below(world.waiting.len() as u64) as usize;
            world.perform(index);
        }
    }
    world.run();
    let mut out = Outcome { first, taken: Vec::new(), durable: 0, refused: Vec::new() };
    let mut durable = BTreeSet::new();
    let mut failed = false;
    for event in &world.events {
        match event {
            StoreEvent::Durable { token } => {
                assert!(!failed, "acknowledged after the failure");
                durable.insert(*token);
            }
            StoreEvent::Refused { token, error } => out.refused.push((*token, error.clone())),
            StoreEvent::Failed(_) => failed = true,
            _ => {}
        }
    }
    for (step, ops) in accepted {
        if out.refused.iter().any(|(token, _)| *token == step) {
            assert!(!durable.contains(&step));
            continue;
        }
        out.taken.push(ops);
        if durable.contains(&step) {
            out.durable = out.taken.len();
        }
    }
    out
}

/// The same disk, with all of it in memory, which makes looking at everything quick.
fn reopened(world: World) -> World {
    let config =
        StoreConfig { nonce: world.io_count + 1000, cache_bytes: 32 << 20, ..world.config };
    let mut world = World::opened(world.disk, config);
    world.mount().unwrap();
    world
}

/// The device requests of a run without faults, counted from the mount: reads, writes, flushes, and
/// the cleaner's reads, which are larger.
fn points(seed: u64) -> [Vec<u64>; 4] {
    let (mut dry, model) = start(seed);
    let first = dry.io_count;
    // Is asked about every request, and never says yes.
    let kinds = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = kinds.clone();
    dry.fault = Some(Box::new(move |_, effect| {
        let kind = match effect {
            StoreEffect::Read { len, .. } if *len > 256 << 10 => 3,
            StoreEffect::Read { .. } => 0,
            StoreEffect::Write { .. } | StoreEffect::Zone { .. } => 1,
            StoreEffect::Flush { .. } => 2,
            StoreEffect::Discard { .. } | StoreEffect::ReportZones { .. } => {
                unreachable!("this store does not discard, and is mounted")
            }
        };
        seen.borrow_mut().push(kind);
        false
    }));
    workload(&mut dry, model, seed);
    assert!(!is_cleaning(seed) || dry.store.counters().cleaner_bytes > 0, "seed {seed}");
    assert_eq!(dry.io_count, first + kinds.borrow().len() as u64);
    let of =
        |kind| (0..).zip(kinds.borrow().iter()).filter(|k| *k.1 == kind).map(|k| k.0).collect();
    [of(0), of(1), of(2), of(3)]
}

/// All of them in the long run, else about `count`.
fn some(points: &[u64], seed: u64, count: usize) -> impl Iterator<Item = u64> {
    let stride = if long_run() { 1 } else { points.len().div_ceil(count).max(1) };
    points.iter().copied().skip(seed as usize % stride).step_by(stride)
}

/// The store goes on, holds what it should, and still does after a mount.
fn check_alive(mut world: World, out: &Outcome, what: &str) {
    world.fault = None;
    assert_eq!(world.store.failure(), None, "{what}");
    assert_eq!(out.durable, out.taken.len(), "{what}: not all is durable");
    world.assert_consistent(what);
    assert!(world.contents() == out.last(), "{what}");
    world.submit(vec![TxnOp::Touch { o: name(999) }], 0).unwrap();
    world.run();
    let mut world = reopened(world);
    world.assert_consistent(what);
    world.submit(vec![TxnOp::Remove { o: name(999) }], 0).unwrap();
    assert!(world.contents() == out.last(), "{what}: after a mount");
}

#[test]
fn a_read_that_fails_once_is_tried_again_and_nobody_notices() {
    for seed in 0..seeds(4) {
        let [reads, _, _, cleaner] = points(seed);
        for n in some(&reads, seed, 4).chain(some(&cleaner, seed, 1)) {
            let what = format!("seed {seed} request {n}");
            let (mut world, model) = start(seed);
            let first = world.io_count;
            world.fault = Some(Box::new(move |io, _| io == first + n));
            let out = workload(&mut world, model, seed);
            assert_eq!(world.store.counters().reads_tried_again, 1, "{what}");
            assert!(out.refused.is_empty(), "{what}: {:?}", out.refused);
            let told = |e: &StoreEvent| {
                matches!(e, StoreEvent::Unreadable { .. } | StoreEvent::CorruptFound(_))
            };
            assert!(!world.events.iter().any(told), "{what}");
            check_alive(world, &out, &what);
        }
    }
}

/// A place that no read reaches from some request on: whatever needs it is refused as a whole and
/// names it, everything else goes on.
#[test]
fn a_place_that_cannot_be_read_is_named_and_leaves_no_transaction_in_part() {
    let (mut refused, mut unreadable) = (0, 0);
    for seed in 0..seeds(4) {
        let [reads, _, _, cleaner] = points(seed);
        for n in some(&reads, seed, 5).chain(some(&cleaner, seed, 2)) {
            let what = format!("seed {seed} request {n}");
            let (mut world, model) = start(seed);
            let first = world.io_count;
            let place = std::rc::Rc::new(std::cell::Cell::new(None));
            let bad = place.clone();
            world.fault = Some(Box::new(move |io, effect| {
                if io == first + n {
                    bad.set(offset_of(effect));
                }
                matches!(effect, StoreEffect::Read { .. }) && bad.get() == offset_of(effect)
            }));
            let out = workload(&mut world, model, seed);
            for (token, error) in &out.refused {
                let (ReadError::Io { device_offset, .. }
                | ReadError::Metadata { device_offset, error: Some(_), .. }) = error
                else {
                    panic!("{what}: transaction {token}: {error}")
                };
                assert_eq!(Some(*device_offset), place.get(), "{what}: {error}");
            }
            for event in &world.events {
                if let StoreEvent::Unreadable { device_offset, .. } = event {
                    assert_eq!(Some(*device_offset), place.get(), "{what}");
                    unreadable += 1;
                }
            }
            refused += out.refused.len();
            check_alive(world, &out, &what);
        }
    }
    assert!(refused > 4 && unreadable > 0, "{refused} refused, {unreadable} of the cleaner's");
}

/// A write or flush fails; what it left on the device may be all, nothing or parts. The store ends,
/// says so once, acknowledges nothing more; the next mount has what was acknowledged.
#[test]
fn a_failed_write_or_flush_ends_the_store_and_nothing_acknowledged_is_lost() {
    let mut flushes = 0;
    for seed in 0..seeds(4) {
        let [_, writes, flushed, _] = points(seed);
        for n in some(&writes, seed, 8).chain(some(&flushed, seed, 3)) {
            let what = format!("seed {seed} request {n}");
            let (mut world, model) = start(seed);
            let first = world.io_count;
            let place = std::rc::Rc::new(std::cell::Cell::new(None));
            let failed = place.clone();
            world.fault = Some(Box::new(move |io, effect| {
                if io == first + n {
                    failed.set(offset_of(effect));
                }
                io == first + n
            }));
            let out = workload(&mut world, model, seed);
            let error = world.store.failure().expect(&what);
            match error {
                StoreError::WriteFailed { device_offset, .. } => {
                    assert_eq!(Some(device_offset), place.get(), "{what}");
                }
                StoreError::FlushFailed { .. } => {
                    assert_eq!(place.get(), None, "{what}");
                    flushes += 1;
                }
                other => panic!("{what}: {other}"),
            }
            let said = world.events.iter().filter(|e| matches!(e, StoreEvent::Failed(_))).count();
            assert_eq!(said, 1, "{what}");
            let submitted = world.store.submit(vec![].into(), 0);
            assert_eq!(submitted, Err(SubmitError::Failed(error)), "{what}");
            let read = world.store.read(&name(1), 0, 1, 1, &mut world.waiting);
            assert_eq!(read, Err(ReadError::Failed(error)), "{what}");
            assert!(world.waiting.is_empty(), "{what}: it still asks for something");
            let mut world = reopened(world);
            world.assert_consistent(&what);
            let found = world.contents();
            assert!(out.allows(&found), "{what}: something acknowledged is missing");
            // A new run goes on from there.
            world.submit(vec![TxnOp::Touch { o: name(999) }], 0).unwrap();
            world.run();
            assert!(world.look(|s| s.exists(&name(999))).unwrap(), "{what}");
        }
    }
    assert!(flushes > 0);
}

/// Each request of a mount fails once, or from then on.
#[test]
fn a_failed_request_of_a_mount_is_tried_again_or_one_error_and_the_next_mount_works() {
    requests_of_a_mount_fail(World::new(32 << 20, 256 << 10));
    requests_of_a_mount_fail(World::zoned(256 << 10));
}

fn requests_of_a_mount_fail(mut world: World) {
    let zoned = world.config.superblock.zones.is_some();
    let out = workload(&mut world, Model::new(), 10);
    let (disk, config) = (world.disk, world.config);
    let mut probe = World::opened(disk.clone(), config);
    probe.store.mount(&mut probe.waiting);
    while !probe.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_))) {
        probe.perform(0);
    }
    let count = probe.io_count;
    assert!(count > if zoned { 6 } else { 8 }, "{count} requests");
    let (mut named, mut unneeded) = (0, 0);
    // The anchors, the root and all chunks, some of the rest.
    let some = |n: &u64| long_run() || *n < 12 || n.is_multiple_of(31) || n + 1 == count;
    for n in (0..count).filter(some) {
        for for_good in [false, true] {
            let what = format!("request {n} of {count}, for good: {for_good}");
            let mut world = World::opened(disk.clone(), config);
            let mut place = None;
            let failed = std::rc::Rc::new(std::cell::Cell::new(None));
            let bad = failed.clone();
            world.fault = Some(Box::new(move |io, effect| {
                if io == n {
                    place = Some(offset_of(effect));
                    bad.set(offset_of(effect));
                }
                let again = match (effect, place.flatten()) {
                    (StoreEffect::Read { offset, len, .. }, Some(bad)) => {
                        (*offset..*offset + *len as u64).contains(&bad)
                    }
                    _ => false,
                };
                io == n || for_good && again
            }));
            let is_read = probe.read_ios.contains(&n);
            match world.mount() {
                Err(StoreError::ReadFailed { device_offset, .. }) if for_good => {
                    // Of the journal what is needed is read again by itself, up to 1 MiB.
                    let bad = failed.get().expect("it was a read");
                    assert!((bad.saturating_sub(1 << 20)..=bad).contains(&device_offset), "{what}");
                    named += 1;
                }
                Err(StoreError::FlushFailed { .. }) if !is_read => {}
                // The report of zones; what puts zones away; a zone's anchors together.
                Err(StoreError::ReadFailed { .. }) if zoned && n == 0 => {}
                Err(StoreError::WriteFailed { .. }) if zoned && !is_read => {}
                Err(StoreError::NoAnchor { .. }) if zoned && for_good => {}
                Ok(_) if is_read && !for_good => {}
                // One copy of an anchor, root or chunk, a page that was asked for ahead of need, data in the journal.
                Ok(_) if is_read => unneeded += 1,
                other => panic!("{what}: {other:?}"),
            }
            assert!(!world.events.iter().any(|e| matches!(e, StoreEvent::Failed(_))), "said twice");
            world.fault = None;
            let mut world = reopened(world);
            assert!(world.contents() == out.last(), "{what}");
            world.assert_consistent("after a failed mount");
        }
    }
    println!("{named} named, {unneeded} of no use, of {count}");
    assert!(
        named >= if zoned { 1 } else { 2 } && unneeded < count * 2 / 3,
        "{named} named, {unneeded} of no use, of {count}"
    );
}
