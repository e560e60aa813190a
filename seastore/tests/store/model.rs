//! The store against a plain map.

use crate::common::{Model, Rng};
use crate::world::{World, apply_to_model, random_op};
use seastore::{StoreEvent, TxnOp};

fn run_seed(seed: u64, steps: u64) {
    let mut rng = Rng(seed);
    let mut world = World::new(32 << 20, 256 << 10);
    let mut model = Model::new();
    for step in 0..steps {
        let ops: Vec<_> = (0..1 + rng.below(4)).map(|_| random_op(&mut rng, 8, 60_000)).collect();
        world.submit(ops.clone(), step).unwrap_or_else(|e| panic!("seed {seed} step {step}: {e}"));
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        if rng.chance(3) {
            world.turn();
        }
        while !world.waiting.is_empty() && rng.chance(2) {
            let index = rng.below(world.waiting.len() as u64) as usize;
            world.perform(index);
        }
        let what = format!("seed {seed} step {step}");
        if rng.chance(20) {
            compare(&mut world, &model, &what);
        }
        if rng.chance(60) {
            world.run();
            world = world.remounted();
            compare(&mut world, &model, &format!("{what}, remounted"));
        }
    }
    assert!(world.store.failure().is_none());
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

fn compare(world: &mut World, model: &Model, what: &str) {
    let found = world.contents();
    for (o, expected) in model {
        let got = found.get(o);
        if got != Some(expected) {
            let first = got.map(|g| g.data.iter().zip(&expected.data).position(|(a, b)| a != b));
            let lens = got.map(|g| (g.data.len(), expected.data.len()));
            panic!("{what}: {o} differs, first at {first:?}, lengths {lens:?}");
        }
    }
    assert_eq!(found.len(), model.len(), "{what}");
    world.assert_consistent(what);
}

#[test]
fn random_operations_match_a_map() {
    let seeds = std::env::var("SEASTORE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20);
    let first = std::env::var("SEASTORE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    for seed in first..first + seeds {
        run_seed(seed, 400);
    }
}
