//! `kermes bench`: `rados`, the whole path through a cluster; `store`, what one shard of a store does on
//! a device; `msgr`, what a message costs. They share options, counting, output and comparison.

mod access;
mod compare;
mod content;
mod msgr;
mod options;
mod plot;
mod rados;
mod report;
mod store;
mod tally;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use std::io::{IsTerminal, Write};
use std::thread::JoinHandle;
use types::node::LogLevel;

/// Measure a cluster, or parts of Kermes by themselves.
///
/// What is kept under way (--bs, --depth, --rate), for how long (--seconds, --warm-up), and where
/// results go (--json, --hdr, --plot) means the same for all of them. `kermes bench compare` puts two
/// results of --json side by side.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    Rados(Box<rados::RadosArgs>),
    Store(Box<store::StoreArgs>),
    Msgr(msgr::MsgrArgs),
    Compare(compare::CompareArgs),
}

pub fn run(args: &BenchArgs) -> anyhow::Result<i32> {
    match &args.command {
        BenchCommand::Rados(args) => rados::run(args).map(|()| 0),
        BenchCommand::Store(args) => store::run(args).map(|()| 0),
        BenchCommand::Msgr(args) => msgr::run(args),
        BenchCommand::Compare(args) => compare::run(args),
    }
}

/// A core of a bench; `None`: another core has failed, or a signal came.
type CoreThread<T> = JoinHandle<anyhow::Result<Option<T>>>;

/// Waits for all cores; what they counted together, or the first failure.
fn join_cores<T>(threads: Vec<CoreThread<T>>, add: impl Fn(&mut T, &T)) -> anyhow::Result<T> {
    let (mut all, mut failed): (Option<T>, _) = (None, None);
    for thread in threads {
        match thread.join().map_err(|_| anyhow!("a core has panicked"))? {
            Ok(None) => {}
            Ok(Some(one)) => match &mut all {
                None => all = Some(one),
                Some(all) => add(all, &one),
            },
            Err(e) => failed = failed.or(Some(e)),
        }
    }
    match failed {
        Some(e) => Err(e),
        None => all.context("no core has run"),
    }
}

/// Progress stays on one line of a terminal, and is nowhere else.
fn say(level: LogLevel, text: &str) {
    if level < LogLevel::Info {
        eprintln!("{text}");
    } else if std::io::stderr().is_terminal() {
        eprint!("\r{text}\x1b[K");
        let _ = std::io::stderr().flush();
    }
}

fn clear_line() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}
