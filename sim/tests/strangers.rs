//! Servers and a client that sends mutated requests of real clients.
//!
//! `STRANGER_SEEDS=N` runs so many worlds from seed `STRANGER_SEED` on, and longer ones.

use sim::hostile::{Power, run};
use std::time::Duration;
use types::node::LogLevel;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

fn worlds(power: Power, count: u64, time: Duration) {
    let first = number("STRANGER_SEED").unwrap_or(0);
    let (count, time) = match number("STRANGER_SEEDS") {
        Some(count) => (count, Duration::from_secs(20)),
        None => (count, time),
    };
    let mut sent = 0;
    for seed in first..first + count {
        println!("{power:?} seed {seed}");
        let (outcome, tally) = run(seed, LogLevel::Error, power, time);
        let tail: Vec<&String> = outcome.tail.iter().rev().take(30).collect();
        assert!(
            outcome.failures.is_empty(),
            "{power:?} seed {seed}: {:#?} {tail:#?}",
            outcome.failures
        );
        assert!(tally.answered > 0 && tally.ended > 0, "seed {seed}: nothing came of {tally:?}");
        sent += tally.sent;
    }
    println!("{power:?}: {count} worlds, {sent} requests");
}

#[test]
fn mutated_requests_for_a_pool_harm_nobody_else() {
    worlds(Power::Pool, 2, Duration::from_secs(1));
}

#[test]
fn mutated_requests_of_an_administrator_end_no_daemon() {
    worlds(Power::Admin, 2, Duration::from_secs(1));
}
