//! The whole path beside real Ceph's, in turns: the same kind of files, pools, loads and clients.

use super::echo::Echo;
use super::{Range, Sample, document, fio, json_of, short, svg};
use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, has, kermes};
use crate::peer::{Peer, PeerOptions};
use anyhow::{Context, bail, ensure};
use clap::Args;
use runtime::cpu_latency::{CpuLatency, Wanted};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Args)]
pub struct CephArgs {
    #[arg(long, default_value_t = 1)]
    osds: u32,
    /// Replicas of the pool.
    #[arg(long, default_value_t = 1)]
    size: u32,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Only these loads, by name.
    #[arg(long, value_name = "LOAD,..", value_delimiter = ',')]
    loads: Vec<String>,
    /// Objects of 4 MiB.
    #[arg(long, value_name = "N", default_value_t = 128)]
    objects: u32,
    /// Size of the file of each OSD, GiB. It is written once before, so that no block of it is the
    /// file system's to allocate.
    #[arg(long, value_name = "GIB", default_value_t = 2)]
    osd_size: u64,
    /// Measure ours only.
    #[arg(long)]
    alone: bool,
    /// CPUs wake up within so many microseconds the whole time, whoever is measured; see `kermes osd --help`.
    /// By default only while our OSDs are busy, as they ask for it by themselves.
    #[arg(long, value_name = "auto|off|US", default_value_t = Wanted::Off)]
    cpu_latency: Wanted,
    /// Reactor of our OSDs.
    #[arg(long, default_value = "uring")]
    reactor: String,
    /// First of the ports that are used, some 700.
    #[arg(long, default_value_t = 20300)]
    port: u16,
    /// Directory of the clusters' files. The disk below it is what is measured.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the table (whole-path.md) and the images go.
    #[arg(long, value_name = "DIR", default_value = "docs/performance")]
    docs: PathBuf,
}

enum Client {
    /// `kermes bench rados`.
    Kermes,
    /// fio with librados.
    Fio,
}

struct Load {
    /// Of `--loads`.
    key: &'static str,
    name: &'static str,
    client: Client,
    workload: &'static str,
    bs: &'static str,
    depth: u32,
    /// One at a time: what fio does on a file of the same kind, to compare with, beside a bare echo.
    file: Option<&'static str>,
}

const fn load(
    key: &'static str,
    name: &'static str,
    workload: &'static str,
    bs: &'static str,
    depth: u32,
) -> Load {
    Load { key, name, client: Client::Kermes, workload, bs, depth, file: None }
}

const LOADS: [Load; 8] = [
    load("read", "4 KiB random reads, 32 under way", "randread", "4k", 32),
    load("write", "4 KiB random writes, 32 under way", "randwrite", "4k", 32),
    Load {
        file: Some("randread"),
        ..load("read-1", "4 KiB random reads, 1 under way", "randread", "4k", 1)
    },
    Load {
        // In sequence, as a log writes.
        file: Some("write"),
        ..load("write-1", "4 KiB random writes, 1 under way", "randwrite", "4k", 1)
    },
    load("seqread", "4 MiB sequential reads, 4 under way", "seqread", "4M", 4),
    load("seqwrite", "4 MiB sequential writes, 4 under way", "seqwrite", "4M", 4),
    Load {
        client: Client::Fio,
        ..load("fio-read", "4 KiB random reads, 32 under way, fio rados", "randread", "4k", 32)
    },
    Load {
        client: Client::Fio,
        ..load("fio-write", "4 KiB random writes, 32 under way, fio rados", "randwrite", "4k", 32)
    },
];
const POOL: &str = "bench";
/// From the first port on. Between ours and the peer's.
const ECHO_PORT: u16 = 199;
/// Bytes of objects of fio's own, MiB.
const FIO_MIB: u64 = 128;

/// One figure of a sample.
type Value = fn(&Sample) -> f64;

enum What {
    Cluster {
        conf: PathBuf,
        /// Of its OSDs.
        pids: Vec<u32>,
    },
    /// fio on these files, all at once.
    Files(Vec<PathBuf>),
    Echo(Echo),
}

/// A cluster, or a part of what it does by itself.
struct Side {
    name: String,
    what: What,
    /// By load.
    samples: Vec<Vec<Sample>>,
}

impl Side {
    fn is_cluster(&self) -> bool {
        matches!(self.what, What::Cluster { .. })
    }
}

pub fn compare(args: &CephArgs) -> anyhow::Result<()> {
    let known = |key: &&String| LOADS.iter().any(|load| load.key == **key);
    if let Some(unknown) = args.loads.iter().find(|key| !known(key)) {
        let names: Vec<&str> = LOADS.iter().map(|load| load.key).collect();
        bail!("no load is named {unknown}; there are {}", names.join(", "));
    }
    ensure!(has("fio"), "fio is not there");
    ensure!(kermes().exists(), "{} is not built", kermes().display());
    let dir = match &args.dir {
        Some(dir) => dir.join(format!("kermes-compare-{}", std::process::id())),
        None => directory("compare"),
    };
    std::fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
    let latency = CpuLatency::open(args.cpu_latency)?;
    let _held = latency.as_ref().map(CpuLatency::hold);
    let measured = measure(args, &dir);
    std::fs::remove_dir_all(&dir)?;
    let sides = measured?;
    let table = table(args, &sides);
    println!("\n{table}");
    write(args, &sides, &table)
}

fn chosen(args: &CephArgs) -> impl Iterator<Item = (usize, &'static Load)> {
    let wanted = |load: &Load| args.loads.is_empty() || args.loads.iter().any(|k| k == load.key);
    LOADS.iter().enumerate().filter(move |(_, load)| wanted(load))
}

fn measure(args: &CephArgs, dir: &Path) -> anyhow::Result<Vec<Side>> {
    let files: Vec<PathBuf> = (0..args.size).map(|n| dir.join(format!("file{n}"))).collect();
    let mib = args.objects as u64 * 4;
    fio::on_files(&files, &job("write", "1M", 8, None, mib), false)?;
    let pool = format!("{POOL}:{}:32", args.size);
    let (osds, port) = (args.osds.to_string(), args.port.to_string());
    let osd_size = format!("{}GiB", args.osd_size);
    let mut up = vec!["--port", &port, "--osds", &osds, "--pool", &pool, "--preallocate"];
    up.extend(["--reactor", &args.reactor, "--osd-size", &osd_size]);
    let (cluster, _) = Cluster::up(&dir.join("kermes"), &up)?;
    let ours = cluster.pids()?.into_iter().filter(|(name, _)| name.starts_with("osd"));
    let side = |name: &str, what: What| Side {
        name: name.to_owned(),
        what,
        samples: LOADS.iter().map(|_| Vec::new()).collect(),
    };
    let pids = ours.map(|(_, pid)| pid).collect();
    let conf = cluster.dir.join("ceph.conf");
    let mut sides = vec![side("Kermes", What::Cluster { conf, pids })];
    // Dropped, and so stopped, when all is measured.
    let peer = if args.alone { None } else { Some(start_peer(args, &dir.join("ceph"))?) };
    if let Some(peer) = &peer {
        let name = version(peer)?;
        let conf = peer.dir().join("ceph.conf");
        sides.push(side(&name, What::Cluster { conf, pids: peer.osd_pids() }));
    }
    sides.push(side("fio on a file", What::Files(vec![files[0].clone()])));
    if files.len() > 1 {
        // As a write to replicas does where they share a disk.
        let name = format!("fio on {} files at once", files.len());
        sides.push(side(&name, What::Files(files)));
    }
    sides.push(side("bare echo", What::Echo(Echo::start(args.port + ECHO_PORT)?)));
    for side in &sides {
        prepare(args, side)?;
    }
    for round in 0..args.rounds {
        for (at, load) in chosen(args) {
            for side in &mut sides {
                let Some(sample) = one(args, side, load)? else { continue };
                println!(
                    "round {round} {:<44} {:<14} {:>9} IOPS {:>7} us CPU {:>7} us p50",
                    load.name,
                    side.name,
                    short(sample.iops),
                    short(sample.cpu_us_per_op),
                    short(sample.p50_us)
                );
                side.samples[at].push(sample);
            }
        }
    }
    Ok(sides)
}

fn version(peer: &Peer) -> anyhow::Result<String> {
    let text = peer.ok("ceph-osd --version")?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = words.iter().position(|word| *word == "version").and_then(|at| words.get(at + 1));
    Ok(format!("Ceph {}", number.copied().unwrap_or("?")))
}

fn start_peer(args: &CephArgs, dir: &Path) -> anyhow::Result<Peer> {
    if let Some(why) = crate::peer::missing() {
        bail!("{why}; --alone does without");
    }
    let options = PeerOptions {
        port: args.port + 200,
        osds: args.osds,
        size: args.size,
        pools: &[(POOL, 32)],
        osd_gib: args.osd_size,
        preallocate: true,
    };
    Peer::up(dir, &options)
}

fn job<'a>(rw: &'a str, bs: &'a str, depth: u32, seconds: Option<u32>, mib: u64) -> fio::Job<'a> {
    fio::Job { rw, bs, depth, seconds, mib }
}

fn bench(args: &CephArgs, conf: &Path, more: &[String]) -> Command {
    let mut command = Command::new(kermes());
    command.args(["bench", "rados", "--json", "--pool", POOL, "--conf"]).arg(conf);
    command.arg(format!("--objects={}", args.objects)).args(more);
    command
}

/// Writes the objects and reads all of them back.
fn prepare(args: &CephArgs, side: &Side) -> anyhow::Result<()> {
    let What::Cluster { conf, pids } = &side.what else { return Ok(()) };
    let more = ["--workload=seqread", "--bs=4M", "--depth=4", "--verify", "--seconds=2"];
    json_of(bench(args, conf, &more.map(str::to_owned)))?;
    if chosen(args).any(|(_, load)| matches!(load.client, Client::Fio)) {
        fio::on_pool(conf, POOL, &job("write", "1M", 8, None, FIO_MIB), pids)?;
    }
    Ok(())
}

/// One measurement. `None`: this side does not do that.
fn one(args: &CephArgs, side: &Side, load: &Load) -> anyhow::Result<Option<Sample>> {
    let seconds = Some(args.seconds);
    let (conf, pids) = match (&side.what, load.file) {
        (What::Cluster { conf, pids }, _) => (conf, pids),
        (_, None) => return Ok(None),
        (What::Echo(echo), _) => return echo.measure(load.depth, args.seconds).map(Some),
        (What::Files(files), Some(rw)) => {
            if files.len() > 1 && rw != "write" {
                return Ok(None);
            }
            let mib = args.objects as u64 * 4;
            let job = job(rw, load.bs, load.depth, seconds, mib);
            return fio::on_files(files, &job, true).map(Some);
        }
    };
    if let Client::Fio = load.client {
        let job = job(load.workload, load.bs, load.depth, seconds, FIO_MIB);
        return fio::on_pool(conf, POOL, &job, pids).map(Some);
    }
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let all = json_of(bench(
        args,
        conf,
        &[
            format!("--workload={}", load.workload),
            format!("--bs={}", load.bs),
            format!("--depth={}", load.depth),
            format!("--seconds={}", args.seconds),
            format!("--pids={}", pids.join(",")),
        ],
    ))?;
    let number = |key: &str| all[key].as_f64().with_context(|| format!("{key} in {all}"));
    Ok(Some(Sample {
        iops: number("iops")?,
        cpu_us_per_op: number("cpu_us_per_op")?,
        client_cpu_us_per_op: number("client_cpu_us_per_op")?,
        p50_us: number("p50_us")?,
        p99_us: number("p99_us")?,
    }))
}

/// Of another side's median to ours. `None`: one of them was not measured.
fn ratio(sides: &[Side], other: usize, at: usize, value: Value) -> Option<f64> {
    let ours = Range::of(&sides[0].samples[at], value)?.median;
    let theirs = Range::of(&sides[other].samples[at], value)?.median;
    (ours > 0.0).then(|| theirs / ours)
}

fn table(args: &CephArgs, sides: &[Side]) -> String {
    let mut text = format!(
        "{} OSD{}, size {}; {} rounds of {} s; {} objects of 4 MiB.\n\n",
        args.osds,
        if args.osds == 1 { "" } else { "s" },
        args.size,
        args.rounds,
        args.seconds,
        args.objects
    );
    if args.cpu_latency != Wanted::Off {
        let _ = writeln!(
            text,
            "CPUs were kept awake for all of them (`--cpu-latency {}`).\n",
            args.cpu_latency
        );
    }
    text += "| load | | operations/s | OSD CPU, us an operation | client CPU | p50 us | p99 us | OSD CPU to ours |\n";
    text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (at, load) in chosen(args) {
        for (number, side) in sides.iter().enumerate() {
            let of = |value: fn(&Sample) -> f64| Range::of(&side.samples[at], value);
            let Some(iops) = of(|s| s.iops) else { continue };
            let text_of = |value| of(value).map_or(String::new(), Range::text);
            let client = of(|s| s.client_cpu_us_per_op).filter(|range| range.most > 0.0);
            let times = ratio(sides, number, at, |s| s.cpu_us_per_op).filter(|_| number > 0);
            // The CPU of what is no cluster is its client's.
            let times = times.filter(|_| side.is_cluster());
            let (cpu, own) = match side.is_cluster() {
                true => (text_of(|s| s.cpu_us_per_op), client.map(Range::text)),
                false => (String::new(), of(|s| s.cpu_us_per_op).map(Range::text)),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {cpu} | {} | {} | {} | {} |",
                if number == 0 { load.name } else { "" },
                side.name,
                iops.text(),
                own.unwrap_or_default(),
                text_of(|s| s.p50_us),
                of(|s| s.p99_us).map_or(String::new(), |range| short(range.median)),
                times.map_or(String::new(), |times| format!("{} times", short(times)))
            );
        }
    }
    for (at, load) in chosen(args).filter(|(_, load)| load.file.is_some()) {
        let p50 = |wanted: fn(&What) -> bool| {
            let side = sides.iter().find(|side| wanted(&side.what))?;
            Range::of(&side.samples[at], |s| s.p50_us).map(|range| range.median)
        };
        let (Some(ours), Some(file), Some(echo)) = (
            p50(|what| matches!(what, What::Cluster { .. })),
            p50(|what| matches!(what, What::Files(files) if files.len() == 1)),
            p50(|what| matches!(what, What::Echo(_))),
        ) else {
            continue;
        };
        // The client's, and for a write to replicas the primary's.
        let (echoes, called) = match load.workload == "randwrite" && args.size > 1 {
            true => (2.0, "two bare echoes"),
            false => (1.0, "a bare echo"),
        };
        let _ = writeln!(
            text,
            "\n{}: the median is {} us above that of fio on a file, {} us above fio's and {called} together.",
            load.name,
            short(ours - file),
            short(ours - file - echoes * echo)
        );
    }
    text
}

fn write(args: &CephArgs, sides: &[Side], table: &str) -> anyhow::Result<()> {
    let awake = if args.cpu_latency == Wanted::Off { "" } else { "-awake" };
    let shape = format!("{}x{}{awake}", args.osds, args.size);
    let mut images = String::new();
    let figures: [(&str, &str, Value); 2] = [
        ("cpu", "microseconds of OSD CPU for each operation", |s| s.cpu_us_per_op),
        ("latency", "median latency, microseconds", |s| s.p50_us),
    ];
    for (key, unit, value) in figures {
        // What the others cost is no OSD's CPU.
        let shown = || sides.iter().filter(|side| key != "cpu" || side.is_cluster());
        let groups: Vec<svg::Group> = chosen(args)
            .map(|(at, load)| svg::Group {
                name: load.key.to_owned(),
                bars: shown().map(|s| Range::of(&s.samples[at], value)).collect(),
            })
            .collect();
        let names: Vec<String> = shown().map(|side| side.name.clone()).collect();
        let title = format!("{} OSDs, size {}: {unit}", args.osds, args.size);
        let file = format!("whole-path-{shape}-{key}.svg");
        let path = args.docs.join(&file);
        std::fs::write(&path, svg::draw(&title, &names, &groups))
            .with_context(|| path.display().to_string())?;
        let _ = writeln!(images, "![{unit}]({file})");
    }
    let path = args.docs.join("whole-path.md");
    document::replace(&path, &shape, &format!("{table}\n{images}"))?;
    println!("written: {} and images beside it", path.display());
    Ok(())
}
