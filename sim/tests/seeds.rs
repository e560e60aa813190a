//! A few worlds at every commit, each twice: nothing fails, and a seed is one world.

use types::node::LogLevel;

const SEEDS: std::ops::Range<u64> = 0..20;

#[test]
fn nothing_fails_and_each_seed_is_one_world() {
    for seed in SEEDS {
        let first = sim::cluster::run(seed, LogLevel::Error);
        assert!(first.failures.is_empty(), "seed {seed}: {:#?}", first.failures);
        let second = sim::cluster::run(seed, LogLevel::Error);
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed} is two worlds");
    }
}
