//! The store beside fio on the same kind of file, and beside BlueStore: what 4 KiB reads and
//! durable writes cost, in turns in one run.

use crate::acceptance::directory;
use crate::cluster::{Shell, describe, has, kermes};
use crate::compare::cpu_us;
use crate::peer::{Peer, PeerOptions};
use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Debug, Args)]
pub struct CompareStoreArgs {
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

#[derive(Clone, Copy)]
struct Sample {
    iops: f64,
    cpu_us_per_op: f64,
    p50_us: f64,
}

/// In the order of a round.
const SIDES: [&str; 5] = [
    "fio, sequential durable writes",
    "Kermes, random durable writes",
    "fio, random reads",
    "Kermes, random reads",
    "BlueStore, random writes",
];

pub fn compare_store(args: &CompareStoreArgs) -> anyhow::Result<()> {
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

fn measure(args: &CompareStoreArgs, dir: &Path) -> anyhow::Result<[Vec<Sample>; 5]> {
    let peer = if args.ceph { Some(start_peer(args)?) } else { None };
    let (store, file) = (dir.join("store"), dir.join("fio"));
    let mib = (args.size << 10) * 7 / 10;
    // Both files are written once, or the file system's own journal would be measured: a durable
    // write to a block that has none yet waits for it.
    for (path, mib) in [(&store, args.size << 10), (&file, mib)] {
        fio(args, path, mib, "write", &["--bs=1M", "--iodepth=8"], false)?;
    }
    // The first run of each writes the store's objects.
    bench(args, &store, "randwrite", true)?;
    let mut samples: [Vec<Sample>; 5] = Default::default();
    for round in 0..args.rounds {
        for (side, samples) in samples.iter_mut().enumerate() {
            let durable = ["--bs=4k", "--sync=dsync"];
            let sample = match side {
                0 => fio(args, &file, mib, "write", &durable, true)?,
                1 => bench(args, &store, "randwrite", false)?,
                2 => fio(args, &file, mib, "randread", &["--bs=4k"], true)?,
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

fn median(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

fn report(args: &CompareStoreArgs, samples: &[Vec<Sample>; 5]) {
    println!(
        "\n| 4 KiB, {} in flight | op/s, median (range) | CPU us/op, median (range) | p50 us |",
        args.depth
    );
    println!("| --- | --- | --- | --- |");
    for (side, samples) in SIDES.iter().zip(samples).filter(|(_, s)| !s.is_empty()) {
        let (iops, least, most) = median(samples, |s| s.iops);
        let (cpu, cheapest, dearest) = median(samples, |s| s.cpu_us_per_op);
        let (p50, _, _) = median(samples, |s| s.p50_us);
        let p50 = if p50 > 0.0 { format!("{p50:.0}") } else { "-".into() };
        println!(
            "| {side} | {iops:.0} ({least:.0}-{most:.0}) | {cpu:.2} ({cheapest:.2}-{dearest:.2}) | {p50} |"
        );
    }
    let iops = |side: usize| median(&samples[side], |s| s.iops).0;
    let cpu = |side: usize| median(&samples[side], |s| s.cpu_us_per_op).0;
    println!("\nwrites: {:.2} of fio's; wanted: 0.80", iops(1) / iops(0));
    println!("reads:  {:.2} of fio's; wanted: 0.90", iops(3) / iops(2));
    if !samples[4].is_empty() {
        println!("CPU of a write: 1/{:.1} of BlueStore's; wanted: 1/6", cpu(4) / cpu(1));
    }
}

fn json_of(mut command: Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::piped()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", describe(&output));
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?}"))
}

fn number(value: &Value, pointer: &str) -> anyhow::Result<f64> {
    value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer}"))
}

fn fio(
    args: &CompareStoreArgs,
    file: &Path,
    mib: u64,
    load: &str,
    options: &[&str],
    timed: bool,
) -> anyhow::Result<Sample> {
    let mut command = Command::new("fio");
    command.args(["--name=fio", "--ioengine=io_uring", "--direct=1", "--output-format=json"]);
    command.arg(format!("--filename={}", file.display()));
    command.args([format!("--size={mib}M"), format!("--rw={load}")]);
    command.arg(format!("--iodepth={}", args.depth)).args(options);
    if timed {
        command.args(["--time_based".to_owned(), format!("--runtime={}", args.seconds)]);
    }
    let all = json_of(command)?;
    let job = all.pointer("/jobs/0").context("no job")?;
    let side = if load == "randread" { "read" } else { "write" };
    let iops = number(job, &format!("/{side}/iops"))?;
    // Both are percentages of one CPU.
    let cpu = number(job, "/usr_cpu")? + number(job, "/sys_cpu")?;
    let p50_ns = job.pointer(&format!("/{side}/clat_ns/percentile/50.000000"));
    Ok(Sample {
        iops,
        cpu_us_per_op: cpu * 1e4 / iops,
        p50_us: p50_ns.and_then(Value::as_f64).unwrap_or(0.0) / 1e3,
    })
}

fn bench(args: &CompareStoreArgs, store: &Path, load: &str, mkfs: bool) -> anyhow::Result<Sample> {
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
    })
}

fn start_peer(args: &CompareStoreArgs) -> anyhow::Result<Peer> {
    if let Some(why) = crate::peer::missing() {
        bail!("{why}");
    }
    let options = PeerOptions {
        port: 20900,
        osds: 1,
        size: 1,
        pools: &[("bench", 32)],
        osd_gib: 4 * args.size,
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
fn bluestore(args: &CompareStoreArgs, peer: &Peer) -> anyhow::Result<Sample> {
    let bytes = 5_000 * 4096 * args.seconds as u64;
    let (before, begun) = (cpu_us(&peer.osd_pids())?, Instant::now());
    let told = ceph(peer, &format!("tell osd.0 bench {bytes} 4096 4194304 100"))?;
    let elapsed = begun.elapsed();
    let used = cpu_us(&peer.osd_pids())? - before;
    let iops = number(&told, "/iops").context("osd bench")?;
    ensure!(iops > 0.0, "osd bench wrote nothing in {elapsed:?}");
    Ok(Sample { iops, cpu_us_per_op: used / (bytes as f64 / 4096.0), p50_us: 0.0 })
}
