//! Every device request of a workload fails once.

use crate::common::{Model, Rng, name};
use crate::world::{World, apply_to_model, random_op};
use seastore::StoreConfig;
use seastore::TxnOp;
use seastore::*;
use std::collections::BTreeSet;

/// What a workload left behind.
struct Outcome {
    /// The state after each transaction that the store took.
    models: Vec<Model>,
    /// So many of them were acknowledged.
    durable: usize,
    refused: BTreeSet<u64>,
}

/// Small and large writes, clones, omaps; the cache is so small that metadata go and come back.
/// Nothing here waits for ever: `submit` panics when the store is busy with nothing under way.
fn workload(world: &mut World, seed: u64, steps: u64) -> Outcome {
    let mut rng = Rng(seed);
    let mut out = Outcome { models: vec![Model::new()], durable: 0, refused: BTreeSet::new() };
    let mut accepted = Vec::new();
    for step in 0..steps {
        let len_max = [3_000, 20_000, 100_000][rng.below(3) as usize];
        let mut ops: Vec<_> =
            (0..1 + rng.below(3)).map(|_| random_op(&mut rng, 12, len_max)).collect();
        // Many keys, so that pages have to go.
        let o = name(100 + rng.below(3));
        let pairs = (0..60).map(|i| (format!("{}", rng.next()).into(), vec![i; 200].into()));
        ops.push(TxnOp::OmapSet { o, pairs: pairs.collect() });
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
    let mut durable = BTreeSet::new();
    for event in &world.events {
        match event {
            StoreEvent::Durable { token } => drop(durable.insert(*token)),
            StoreEvent::Refused { token, .. } => drop(out.refused.insert(*token)),
            _ => {}
        }
    }
    for (step, ops) in accepted {
        if out.refused.contains(&step) {
            continue;
        }
        let mut model = out.models.last().unwrap().clone();
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        out.models.push(model);
        if durable.contains(&step) {
            out.durable = out.models.len() - 1;
        }
    }
    out
}

const STEPS: u64 = 80;

fn world() -> World {
    World::new(32 << 20, 256 << 10)
}

/// The same disk, with all of it in memory, which makes looking at everything quick.
fn reopened(world: World) -> World {
    let config =
        StoreConfig { nonce: world.io_count + 1000, cache_bytes: 32 << 20, ..world.config };
    let mut world = World::opened(world.disk, config);
    world.mount().unwrap();
    world
}

fn seeds(default: u64) -> u64 {
    std::env::var("SEASTORE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

/// Request `n` after the mount fails once. Returns whether the store ended.
fn fail_one(seed: u64, n: u64, steps: u64) -> bool {
    let mut world = world();
    let first = world.io_count;
    world.fault = Some(Box::new(move |io| io == first + n));
    let out = workload(&mut world, seed, steps);
    let what = format!("seed {seed} request {n}");
    assert!(world.io_count > first + n, "{what}");
    world.fault = None;
    // Where data lie in memory decides what is written in one request: not quite the dry run's.
    let was_read = world.read_ios.contains(&(first + n));
    let failure = world.store.failure();
    assert_eq!(failure.is_some(), !was_read, "{what}");
    if let Some(error) = failure {
        assert!(matches!(error, StoreError::WriteFailed { .. }), "{what}: {error}");
        let said = world.events.iter().filter(|e| matches!(e, StoreEvent::Failed(_))).count();
        assert_eq!(said, 1, "{what}");
        assert_eq!(world.store.submit(vec![].into(), 0), Err(SubmitError::Failed(error)), "{what}");
        let read = world.store.read(&name(1), 0, 1, 1, &mut world.waiting);
        assert_eq!(read, Err(ReadError::Failed(error)), "{what}");
    } else {
        // It was a read: whoever needed it was told, and all else went on.
        assert_eq!(out.durable, out.models.len() - 1, "{what}: not all is durable");
        assert!(out.refused.len() <= 1 + steps as usize / 4, "{what}: {:?}", out.refused);
    }
    let mut world = reopened(world);
    world.assert_consistent(&what);
    let found = world.contents();
    let states = &out.models[out.durable..];
    assert!(states.contains(&found), "{what}: something acknowledged is missing");
    // A new run goes on from there.
    world.submit(vec![TxnOp::Touch { o: name(999) }], 0).unwrap();
    world.run();
    assert!(world.look(|s| s.exists(&name(999))).unwrap(), "{what}");
    failure.is_some()
}

#[test]
fn a_failed_request_ends_the_store_or_one_operation_and_nothing_acknowledged_is_lost() {
    let (mut ended, mut went_on) = (0, 0);
    let all = std::env::var("SEASTORE_SEEDS").is_ok();
    for seed in 0..seeds(2) {
        // Until the fault the run is the one without it.
        let mut dry = world();
        let first = dry.io_count;
        workload(&mut dry, seed, STEPS);
        let is_read = |n: &u64| dry.read_ios.binary_search(&(first + n)).is_ok();
        let (reads, writes): (Vec<u64>, Vec<u64>) = (0..dry.io_count - first).partition(is_read);
        for points in [reads, writes] {
            let stride = if all { 1 } else { points.len().div_ceil(8).max(1) };
            for n in points.into_iter().skip(seed as usize % stride).step_by(stride) {
                let failed = fail_one(seed, n, STEPS);
                ended += failed as u32;
                went_on += !failed as u32;
            }
        }
    }
    assert!(ended >= 10 && went_on >= 10, "{ended} ended, {went_on} went on");
}

#[test]
fn a_failed_read_at_mount_is_one_error_and_the_next_mount_works() {
    let mut world = world();
    let out = workload(&mut world, 11, 60);
    let (disk, config) = (world.disk, world.config);
    let mut probe = World::opened(disk.clone(), config);
    probe.store.mount(&mut probe.waiting);
    while !probe.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_))) {
        probe.perform(0);
    }
    let count = probe.io_count;
    assert!(count > 8, "{count} requests");
    let (mut named, mut again) = (0, 0);
    // The anchors, the root and all chunks, some of the rest.
    for n in (0..count).filter(|n| *n < 12 || n % 5 == 0 || n + 1 == count) {
        let mut world = World::opened(disk.clone(), config);
        world.fault = Some(Box::new(move |io| io == n));
        match world.mount() {
            Err(StoreError::ReadFailed { device_offset, .. }) => {
                assert_ne!(device_offset, 0, "request {n}");
                named += 1;
            }
            Err(StoreError::FlushFailed { .. }) => named += 1,
            // One copy of an anchor.
            Ok(_) if n < 4 => {}
            // A page that was asked for ahead of need, and again when it was needed.
            Ok(_) if probe.read_ios.contains(&n) => again += 1,
            other => panic!("request {n} of {count}: {other:?}"),
        }
        assert!(!world.events.iter().any(|e| matches!(e, StoreEvent::Failed(_))), "said twice");
        let mut world = reopened(world);
        assert!(world.contents() == *out.models.last().unwrap(), "request {n}");
        world.assert_consistent("after a failed mount");
    }
    assert!(named >= 3 && again < count / 2, "{named} named, {again} read again, of {count}");
}
