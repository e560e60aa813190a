//! What it costs an OSD to keep the stages of its operations: the tracker turned on and off every
//! quarter of a second in one process under one load. The machine's own changes, which are larger than
//! the cost, are slower than that and fall on both.

use super::short;
use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, kermes};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// One phase, and the time before it in which operations of the one before end.
const PHASE: Duration = Duration::from_millis(250);
const SETTLE: Duration = Duration::from_millis(30);
/// The load runs for so long before the first.
const WARM_UP: Duration = Duration::from_secs(3);
/// On and off, so that what drifts for four phases falls on both.
const TURNS: [bool; 4] = [true, false, false, true];

#[derive(Debug, Args)]
pub struct StagesArgs {
    /// Of each load.
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Operations in flight.
    #[arg(long, default_value_t = 32)]
    depth: u32,
    /// Directory of the OSD's file. The disk below it takes the writes.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn compare(args: &StagesArgs) -> anyhow::Result<()> {
    let dir = match &args.dir {
        Some(dir) => dir.join("kermes-compare-stages"),
        None => directory("compare-stages"),
    };
    let up = ["--osds", "1", "--cores-per-osd", "1", "--osd-size", "2GiB", "--preallocate"];
    let pool = ["--pool", "p1:1:32", "--port", "21900"];
    let (cluster, _) = Cluster::up(&dir, &[&up[..], &pool[..]].concat())?;
    let (_, pid) = cluster.pids()?.into_iter().find(|(n, _)| n == "osd.0").context("osd.0 runs")?;
    let osd = Osd { pid, socket: dir.join("ceph-osd.0.asok") };
    cluster
        .ok("$KERMES bench rados --pool p1 --workload seqread --bs 4M --objects 64 --seconds 1")?;
    println!("| 4 KiB, {} in flight | off, us/op | on, us/op | on to off | pairs |", args.depth);
    println!("| --- | --- | --- | --- | --- |");
    for workload in ["randwrite", "randread"] {
        let mut load = Load::start(args, workload, cluster.dir())?;
        let phases = measure(args, &osd)?;
        load.ended()?;
        let (ratio, error, pairs) = on_to_off(&phases);
        let mean = |wanted: bool| {
            let us = phases.iter().filter(|(on, _)| *on == wanted).map(|(_, us)| us);
            us.sum::<f64>() / phases.len() as f64 * 2.0
        };
        println!(
            "| {workload} | {} | {} | {ratio:.4}, standard error {error:.4} | {pairs} |",
            short(mean(false)),
            short(mean(true))
        );
    }
    Ok(())
}

/// Whether the tracker was on, and CPU for an operation in microseconds, of each phase.
fn measure(args: &StagesArgs, osd: &Osd) -> anyhow::Result<Vec<(bool, f64)>> {
    std::thread::sleep(WARM_UP);
    let rounds = args.seconds as u128 * 1000 / (TURNS.len() as u128 * PHASE.as_millis());
    let mut phases = Vec::new();
    for on in (0..rounds.max(1)).flat_map(|_| TURNS) {
        osd.track(on)?;
        std::thread::sleep(SETTLE);
        // Questions cost the OSD time: outside of what is measured.
        let ops = osd.ops()?;
        let cpu = osd.cpu_ns()?;
        std::thread::sleep(PHASE);
        let cpu = osd.cpu_ns()? - cpu;
        let ops = osd.ops()? - ops;
        ensure!(ops > 0, "no operation was done in {PHASE:?}");
        phases.push((on, cpu as f64 / 1000.0 / ops as f64));
    }
    Ok(phases)
}

/// The geometric mean of what a phase with the tracker costs to that of the one beside it without,
/// its standard error, and the number of such pairs.
fn on_to_off(phases: &[(bool, f64)]) -> (f64, f64, usize) {
    let logs: Vec<f64> = phases
        .chunks_exact(2)
        .map(|pair| {
            let ratio = (pair[0].1 / pair[1].1).ln();
            if pair[0].0 { ratio } else { -ratio }
        })
        .collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean.exp(), (variance / count).sqrt() * mean.exp(), logs.len())
}

/// `kermes bench rados` in the background.
struct Load(Child);

impl Load {
    fn start(args: &StagesArgs, workload: &str, dir: &Path) -> anyhow::Result<Self> {
        // Settling and questions take time too; what is left of it is cut off.
        let seconds = (args.seconds * 3 / 2 + 30).to_string();
        let depth = args.depth.to_string();
        let child = Command::new(kermes())
            .args(["bench", "rados", "--pool", "p1", "--workload", workload, "--bs", "4k"])
            .args(["--depth", &depth, "--objects", "64", "--seconds", &seconds])
            .env("CEPH_CONF", dir.join("ceph.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// Ends it, which must not have happened before.
    fn ended(&mut self) -> anyhow::Result<()> {
        let early = self.0.try_wait()?;
        ensure!(early.is_none(), "the load has ended by itself: {early:?}");
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Osd {
    pid: u32,
    socket: PathBuf,
}

impl Osd {
    fn track(&self, on: bool) -> anyhow::Result<()> {
        let value = [on.to_string()];
        let var = "osd_enable_op_tracker";
        let answer = self.ask(&json!({"prefix": "config set", "var": var, "val": value}))?;
        ensure!(answer.get("success").is_some(), "config set {var} {on}: {answer}");
        Ok(())
    }

    /// Operations of clients so far.
    fn ops(&self) -> anyhow::Result<u64> {
        let dump = self.ask(&json!({"prefix": "perf dump"}))?;
        dump.pointer("/osd/op").and_then(Value::as_u64).context("perf dump: no osd.op")
    }

    /// CPU of all threads so far, nanoseconds: the first field of schedstat.
    fn cpu_ns(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.pid))? {
            // A worker of the kernel may end meanwhile.
            let stat = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            all += stat.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(all)
    }

    /// An answer of the admin socket: its length as a big-endian u32, then JSON.
    fn ask(&self, command: &Value) -> anyhow::Result<Value> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.write_all(format!("{command}\0").as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = answer.get(4..).context("no answer of the admin socket")?;
        serde_json::from_slice(text)
            .with_context(|| format!("{command}: {}", String::from_utf8_lossy(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_in_either_order_say_the_same() {
        let phases = [(true, 11.0), (false, 10.0), (false, 100.0), (true, 110.0)];
        let (ratio, error, pairs) = on_to_off(&phases);
        assert!((ratio - 1.1).abs() < 1e-9 && error < 1e-9, "{ratio} {error}");
        assert_eq!(pairs, 2);
        let (_, error, _) = on_to_off(&[(true, 11.0), (false, 10.0), (false, 10.0), (true, 10.0)]);
        assert!(error > 0.04);
    }
}
