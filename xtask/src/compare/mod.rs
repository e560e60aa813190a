//! Ours beside others, in turns in one run: the whole path beside real Ceph, the store beside fio and
//! BlueStore, an OSD beside itself.
//!
//! CPU per operation is steadier than operations a second on a shared machine; both are said, with
//! medians and ranges.

mod ceph;
mod document;
mod echo;
mod fio;
mod stages;
mod store;
mod svg;

use anyhow::ensure;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::process::{Command, Stdio};

#[derive(Debug, Args)]
pub struct CompareArgs {
    #[command(subcommand)]
    with: With,
}

#[derive(Debug, Subcommand)]
enum With {
    /// The whole path: our cluster and one of real Ceph on the same kind of files, with the same
    /// clients.
    ///
    /// Writes a table and images into docs/performance/, whole-path.md.
    Ceph(ceph::CephArgs),
    /// The store by itself beside fio and BlueStore.
    Store(store::StoreArgs),
    /// An OSD with the stages of its operations kept and not, in one process.
    Stages(stages::StagesArgs),
}

pub fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    match &args.with {
        With::Ceph(args) => ceph::compare(args),
        With::Store(args) => store::compare(args),
        With::Stages(args) => stages::compare(args),
    }
}

/// What one measurement found.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    iops: f64,
    /// Of the servers; of fio itself where nobody serves.
    cpu_us_per_op: f64,
    /// 0: not known.
    client_cpu_us_per_op: f64,
    p50_us: f64,
    p99_us: f64,
}

/// The middle of some values, and their ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    median: f64,
    least: f64,
    most: f64,
}

impl Range {
    /// `None` without values.
    fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Option<Self> {
        let mut values: Vec<f64> = samples.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Self { median: values[values.len() / 2], least, most })
    }

    /// `12.3 (11.9-14.0)`.
    fn text(self) -> String {
        format!("{} ({}-{})", short(self.median), short(self.least), short(self.most))
    }
}

/// Three digits, or all before the point.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The one JSON value that a command prints, after whatever else it says.
fn json_of(mut command: Command) -> anyhow::Result<Value> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", crate::cluster::describe(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let begin = text.find('{').unwrap_or(0);
    serde_json::from_str(&text[begin..]).map_err(|e| anyhow::anyhow!("{command:?}: {e}: {text}"))
}

/// User and system time of processes, microseconds.
fn cpu_us(pids: &[u32]) -> anyhow::Result<f64> {
    let mut all = std::time::Duration::ZERO;
    for pid in pids {
        all += runtime::process::cpu_time_of(*pid)?;
    }
    Ok(all.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_middle_and_the_ends() {
        let samples = [3.0, 1.0, 200.0].map(|iops| Sample { iops, ..Sample::default() });
        let range = Range::of(&samples, |s| s.iops).unwrap();
        assert_eq!(range, Range { median: 3.0, least: 1.0, most: 200.0 });
        assert_eq!(range.text(), "3.00 (1.00-200)");
        assert_eq!(Range::of(&[], |s| s.iops), None);
    }
}
