//! Runs simulated clusters.
//!
//! `sim 123` replays one seed; `sim --seeds 1000` runs many. Exit code 1 when a world fails; what
//! failed is printed with its seed.

use clap::{Parser, ValueEnum};
use sim::cluster::{Outcome, run};
use std::process::ExitCode;
use std::time::Instant;
use types::node::LogLevel;

/// Simulated clusters under chaos: each seed is one world, and the same world every time.
#[derive(Debug, Parser)]
#[command(name = "sim")]
struct Args {
    /// Replay this seed.
    seed: Option<u64>,
    /// Run so many seeds, from --first on.
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "seed")]
    seeds: u64,
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// Run each seed twice and compare the hashes of their traces.
    #[arg(long)]
    twice: bool,
    /// Print what processes log: not at all, one line per state change, or everything.
    #[arg(long, value_enum, default_value_t = Log::None)]
    log: Log,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    None,
    Short,
    All,
}

/// Failures of one seed that are printed: the first ones tell the most.
const FAILURES_SHOWN: usize = 8;

fn main() -> ExitCode {
    let args = Args::parse();
    let level = match args.log {
        Log::None => LogLevel::Error,
        Log::Short => LogLevel::Info,
        Log::All => LogLevel::Debug,
    };
    let seeds = match args.seed {
        Some(seed) => seed..seed + 1,
        None => args.first..args.first + args.seeds,
    };
    let begin = Instant::now();
    let (mut failed, mut events, mut answered, mut crashes) = (0u64, 0u64, 0u64, 0u64);
    let mut refused = 0;
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let mut outcome = run(seed, level);
        if args.twice && outcome.failures.is_empty() {
            let again = run(seed, LogLevel::Error);
            if again.trace_hash != outcome.trace_hash {
                outcome.failures.push(format!(
                    "two runs differ: trace {:08x} and {:08x}",
                    outcome.trace_hash, again.trace_hash
                ));
            }
        }
        events += outcome.events;
        answered += outcome.answered;
        refused += outcome.refused;
        crashes += outcome.crashes as u64;
        if args.seed.is_some() || !outcome.failures.is_empty() {
            print(&outcome);
        }
        failed += u64::from(!outcome.failures.is_empty());
    }
    println!(
        "{count} seeds, {failed} failed; {events} events, {answered} operations answered \
         ({refused} refused), {crashes} crashes, {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(failed > 0))
}

fn print(outcome: &Outcome) {
    for line in &outcome.tail {
        println!("{line}");
    }
    println!(
        "seed {} trace {:08x}: {} events, {} operations answered, {} crashes",
        outcome.seed, outcome.trace_hash, outcome.events, outcome.answered, outcome.crashes
    );
    for failure in outcome.failures.iter().take(FAILURES_SHOWN) {
        println!("seed {}: {failure}", outcome.seed);
    }
    let more = outcome.failures.len().saturating_sub(FAILURES_SHOWN);
    if more > 0 {
        println!("seed {}: {more} more failures", outcome.seed);
    }
}
