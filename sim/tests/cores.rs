//! OSDs of several cores that start again with another number of cores, ports that belong to other cores
//! then, and now and then a core that nobody reaches.
//!
//! `CORES_SEEDS=N` runs so many worlds from seed `CORES_SEED` on, with chaos for longer.

use sim::cluster::{Outcome, run_plan};
use sim::faults::Plan;
use sim::world::Weather;
use std::time::Duration;
use types::node::LogLevel;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

fn several_cores(plan: &mut Plan) {
    plan.shards = 4;
    plan.cores_max = 4;
    // Room for as many stores, and zones that all of them may write to.
    plan.zones.active_max *= 2;
    plan.zone_count *= 4;
    if plan.habits.full {
        plan.disk_bytes *= 4;
    }
}

fn sound(seed: u64, outcome: &Outcome) {
    let tail: Vec<&String> = outcome.tail.iter().rev().take(30).collect();
    assert!(outcome.failures.is_empty(), "seed {seed}: {:#?} {tail:#?}", outcome.failures);
}

#[test]
fn nothing_fails_where_osds_have_several_cores() {
    let first = number("CORES_SEED").unwrap_or(0);
    let (count, chaos) = match number("CORES_SEEDS") {
        Some(count) => (count, Duration::from_secs(60)),
        None => (4, Duration::from_secs(10)),
    };
    for seed in first..first + count {
        println!("seed {seed}");
        let run = || run_plan(seed, LogLevel::Error, chaos, several_cores);
        let outcome = run();
        sound(seed, &outcome);
        if count < 10 {
            assert_eq!(outcome.trace_hash, run().trace_hash, "seed {seed} is two worlds");
        }
    }
}

/// Hops of operations and of messages between OSDs, for each operation that was answered, in some worlds
/// together, while OSDs start again with other numbers of cores.
fn hops(seeds: std::ops::Range<u64>, to_cores: bool) -> [f64; 2] {
    let (mut answered, mut crashes, mut ops, mut peers) = (0, 0, 0, 0);
    for seed in seeds {
        let outcome = run_plan(seed, LogLevel::Error, Duration::from_secs(20), |plan| {
            several_cores(plan);
            plan.weather = Weather::calm();
            plan.habits.full = false;
            plan.habits.read_errors = false;
            plan.habits.rest_max = Duration::from_millis(20);
            plan.calm_ms_max = 6_000;
            plan.only_restarts = true;
            plan.miss_one_in = 0;
            plan.to_cores = to_cores;
        });
        sound(seed, &outcome);
        answered += outcome.answered;
        crashes += outcome.crashes;
        ops += outcome.op_hops;
        peers += outcome.peer_hops;
    }
    assert!(crashes > 3 && answered > 2000, "{answered} answered, {crashes} crashes");
    [ops, peers].map(|hops| hops as f64 / answered as f64)
}

#[test]
fn clients_and_osds_that_know_the_cores_spare_osds_their_hops() {
    let ([with, peers], [without, _]) = (hops(0..4, true), hops(0..3, false));
    println!("hops an operation: {with:.3} with, {without:.3} without, {peers:.3} of OSDs");
    // One core of sixteen is not reached.
    assert!(with < 0.2 && 2.0 * with < without, "{with} {without}");
    assert!(peers < 0.2, "{peers}");
}
