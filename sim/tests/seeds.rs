//! A few worlds at every commit, each twice: nothing fails, and a seed is one world.

use std::time::Duration;
use types::node::LogLevel;

const SEEDS: std::ops::Range<u64> = 0..20;
/// Shorter than in a run by hand, so that the test is too.
const CHAOS: Duration = Duration::from_secs(15);

#[test]
fn nothing_fails_and_each_seed_is_one_world() {
    for seed in SEEDS {
        let first = sim::cluster::run_with(seed, LogLevel::Error, CHAOS);
        assert!(first.failures.is_empty(), "seed {seed}: {:#?}", first.failures);
        let second = sim::cluster::run_with(seed, LogLevel::Error, CHAOS);
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed} is two worlds");
    }
}
