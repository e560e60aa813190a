//! The store against a plain map.

mod common;
use common::*;

fn run_seed(seed: u64, steps: u64) {
    let mut rng = Rng(seed);
    let mut world = World::new(32 << 20);
    let mut model = Model::new();
    for step in 0..steps {
        let ops: Vec<_> = (0..1 + rng.below(4)).map(|_| random_op(&mut rng, 8, 60_000)).collect();
        world.commit(ops.clone()).unwrap_or_else(|e| panic!("seed {seed} step {step}: {e}"));
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        if rng.chance(3) {
            world.turn();
        }
        while !world.waiting.is_empty() && rng.chance(2) {
            let index = rng.below(world.waiting.len() as u64) as usize;
            world.perform(index);
        }
        if rng.chance(20) {
            assert_eq!(contents(&mut world), model, "seed {seed} step {step}");
            world.assert_consistent();
        }
        if rng.chance(60) {
            world.run();
            world.assert_consistent();
            world = world.remounted();
            world.assert_consistent();
            assert_eq!(contents(&mut world), model, "seed {seed} step {step}, remounted");
        }
    }
    assert!(world.store.failure().is_none());
}

#[test]
fn random_operations_match_a_map() {
    let seeds = std::env::var("SEASTORE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20);
    for seed in 0..seeds {
        run_seed(seed, 400);
    }
}
