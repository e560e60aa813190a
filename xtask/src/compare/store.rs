//! The store beside fio on the same kind of file, and beside BlueStore: what 4 KiB reads and
//! durable writes cost, in turns in one run.

use super::{Range, Sample, cpu_us, fio, json_of};
use crate::acceptance::directory;
use crate::cluster::{Shell, describe, has, kermes};
use crate::peer::{Peer, PeerOptions};
use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Measure BlueStore too: `ceph tell osd.0 bench` on a throw-away cluster of real Ceph.
    #[arg(long)]
    ceph: bool,
    /// Directory of the files. The disk below it is what is measured.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Bytes of the store's file, GiB. fio gets one of 70% of that.
    #[arg(long, value_name = "GIB", default_value_t = 2)]
    size: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Operations in flight.
    #[arg(long, default_value_t = 32)]
    depth: u32,
}

/// In the order of a round.
const SIDES: [&str; 5] = [
    "fio, sequential durable writes",
    "Kermes, random durable writes",
    "fio, random reads",
    "Kermes, random reads",
    "BlueStore, random writes",
];

pub fn compare(args: &StoreArgs) -> anyhow::Result<()> {
    ensure!(has("fio"), "fio is not there");
    let dir = match &args.dir {
        Some(dir) => dir.join("kermes-compare-store"),
        None => directory("compare-store"),
    };
    std::fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
    let measured = measure(args, &dir);
    std::fs::remove_dir_all(&dir)?;
    report(args, &measured?);
    Ok(())
}

fn measure(args: &StoreArgs, dir: &Path) -> anyhow::Result<[Vec<Sample>; 5]> {
    let peer = if args.ceph { Some(start_peer(args)?) } else { None };
    let (store, file) = (dir.join("store"), dir.join("fio"));
    let mib = (args.size << 10) * 7 / 10;
    // Both files are written once, or the file system's own journal would be measured: a durable
    // write to a block that has none yet waits for it.
    for (path, mib) in [(&store, args.size << 10), (&file, mib)] {
        on_file(args, path, mib, "write", None)?;
    }
    // The first run of each writes the store's objects.
    bench(args, &store, "randwrite", true)?;
    let mut samples: [Vec<Sample>; 5] = Default::default();
    for round in 0..args.rounds {
        for (side, samples) in samples.iter_mut().enumerate() {
            let seconds = Some(args.seconds);
            let sample = match side {
                0 => on_file(args, &file, mib, "write", seconds)?,
                1 => bench(args, &store, "randwrite", false)?,
                2 => on_file(args, &file, mib, "randread", seconds)?,
                3 => bench(args, &store, "randread", false)?,
                _ => match &peer {
                    Some(peer) => bluestore(args, peer)?,
                    None => continue,
                },
            };
            println!(
                "round {round} {:<32} {:>8.0} op/s {:>7.2} us CPU/op {:>6.0} us p50",
                SIDES[side], sample.iops, sample.cpu_us_per_op, sample.p50_us
            );
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn report(args: &StoreArgs, samples: &[Vec<Sample>; 5]) {
    println!(
        "\n| 4 KiB, {} in flight | op/s, median (range) | CPU us/op, median (range) | p50 us |",
        args.depth
    );
    println!("| --- | --- | --- | --- |");
    for (side, samples) in SIDES.iter().zip(samples).filter(|(_, s)| !s.is_empty()) {
        let range = |value: fn(&Sample) -> f64| Range::of(samples, value).map(Range::text);
        let text = |value| range(value).unwrap_or_default();
        let p50 = Range::of(samples, |s| s.p50_us).filter(|range| range.median > 0.0);
        println!(
            "| {side} | {} | {} | {} |",
            text(|s| s.iops),
            text(|s| s.cpu_us_per_op),
            p50.map_or("-".into(), |range| format!("{:.0}", range.median))
        );
    }
    let median = |side: usize, value: fn(&Sample) -> f64| {
        Range::of(&samples[side], value).map_or(f64::NAN, |range| range.median)
    };
    let iops = |side: usize| median(side, |s| s.iops);
    let cpu = |side: usize| median(side, |s| s.cpu_us_per_op);
    println!("\nwrites: {:.2} of fio's; wanted: 0.80", iops(1) / iops(0));
    println!("reads:  {:.2} of fio's; wanted: 0.90", iops(3) / iops(2));
    if !samples[4].is_empty() {
        println!("CPU of a write: 1/{:.1} of BlueStore's; wanted: 1/6", cpu(4) / cpu(1));
    }
}

fn number(value: &Value, pointer: &str) -> anyhow::Result<f64> {
    value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer}"))
}

/// With as many operations in flight as the store has.
fn on_file(
    args: &StoreArgs,
    file: &Path,
    mib: u64,
    rw: &str,
    seconds: Option<u32>,
) -> anyhow::Result<Sample> {
    let bs = if seconds.is_some() { "4k" } else { "1M" };
    let job = fio::Job { rw, bs, depth: args.depth, seconds, mib };
    fio::on_files(&[file.to_owned()], &job, seconds.is_some())
}

fn bench(args: &StoreArgs, store: &Path, load: &str, mkfs: bool) -> anyhow::Result<Sample> {
    let mut command = Command::new(kermes());
    command.args(["bench", "store", "--json", "--workload", load, "--device"]).arg(store);
    command.args(["--depth".to_owned(), args.depth.to_string()]);
    command.args(["--seconds".to_owned(), args.seconds.to_string()]);
    command.args(["--warm-up", "1"]);
    if mkfs {
        command.args(["--mkfs", "--force"]);
    }
    let all = json_of(command)?;
    Ok(Sample {
        iops: number(&all, "/iops")?,
        cpu_us_per_op: number(&all, "/cpu_us_per_op")?,
        p50_us: number(&all, "/p50_us")?,
        p99_us: number(&all, "/p99_us")?,
        ..Sample::default()
    })
}

fn start_peer(args: &StoreArgs) -> anyhow::Result<Peer> {
    if let Some(why) = crate::peer::missing() {
        bail!("{why}");
    }
    let options = PeerOptions {
        port: 20900,
        osds: 1,
        size: 1,
        pools: &[("bench", 32)],
        osd_gib: 4 * args.size,
        preallocate: false,
    };
    let peer = Peer::up(&directory("compare-store-ceph"), &options)?;
    // Small writes are kept short by default, so that nobody hurts a cluster in use.
    ceph(&peer, "config set osd osd_bench_small_size_max_iops 1000000")?;
    Ok(peer)
}

fn ceph(peer: &Peer, what: &str) -> anyhow::Result<Value> {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ceph {what} --format json")]);
    command.env("CEPH_CONF", peer.dir().join("ceph.conf"));
    let output = command.output()?;
    ensure!(output.status.success(), "ceph {what}: {}", describe(&output));
    Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

/// The OSD writes to its store with as many operations in flight as its throttles let in; no
/// network and no PG is in the way.
fn bluestore(args: &StoreArgs, peer: &Peer) -> anyhow::Result<Sample> {
    let bytes = 5_000 * 4096 * args.seconds as u64;
    let (before, begun) = (cpu_us(&peer.osd_pids())?, Instant::now());
    let told = ceph(peer, &format!("tell osd.0 bench {bytes} 4096 4194304 100"))?;
    let elapsed = begun.elapsed();
    let used = cpu_us(&peer.osd_pids())? - before;
    let iops = number(&told, "/iops").context("osd bench")?;
    ensure!(iops > 0.0, "osd bench wrote nothing in {elapsed:?}");
    Ok(Sample { iops, cpu_us_per_op: used / (bytes as f64 / 4096.0), ..Sample::default() })
}
