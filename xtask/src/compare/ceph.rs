//! The whole path beside real Ceph's, in turns: the same kind of files, pools, loads and clients.

use super::{Range, Sample, document, fio, json_of, short, svg};
use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, has, kermes};
use crate::peer::{Peer, PeerOptions};
use anyhow::{Context, bail, ensure};
use clap::Args;
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
    /// What fio does on a file of the same kind, to compare with.
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
/// Bytes of objects of fio's own, MiB.
const FIO_MIB: u64 = 128;

/// One figure of a sample.
type Value = fn(&Sample) -> f64;

/// A cluster, or the bare file.
struct Side {
    name: String,
    /// `None`: fio on a file.
    conf: Option<PathBuf>,
    pids: Vec<u32>,
    /// By load.
    samples: Vec<Vec<Sample>>,
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
    let file = dir.join("file");
    let mib = args.objects as u64 * 4;
    fio::on_file(&file, &job("write", "1M", 8, None, mib), false)?;
    let pool = format!("{POOL}:{}:32", args.size);
    let (osds, port) = (args.osds.to_string(), args.port.to_string());
    let osd_size = format!("{}GiB", args.osd_size);
    let mut up = vec!["--port", &port, "--osds", &osds, "--pool", &pool, "--preallocate"];
    up.extend(["--reactor", &args.reactor, "--osd-size", &osd_size]);
    let (cluster, _) = Cluster::up(&dir.join("kermes"), &up)?;
    let ours = cluster.pids()?.into_iter().filter(|(name, _)| name.starts_with("osd"));
    let side = |name: &str, conf: Option<PathBuf>, pids: Vec<u32>| Side {
        name: name.to_owned(),
        conf,
        pids,
        samples: LOADS.iter().map(|_| Vec::new()).collect(),
    };
    let pids = ours.map(|(_, pid)| pid).collect();
    let mut sides = vec![side("Kermes", Some(cluster.dir.join("ceph.conf")), pids)];
    // Dropped, and so stopped, when all is measured.
    let peer = if args.alone { None } else { Some(start_peer(args, &dir.join("ceph"))?) };
    if let Some(peer) = &peer {
        let name = version(peer)?;
        sides.push(side(&name, Some(peer.dir().join("ceph.conf")), peer.osd_pids()));
    }
    sides.push(side("fio on a file", None, Vec::new()));
    for side in &sides {
        prepare(args, side)?;
    }
    for round in 0..args.rounds {
        for (at, load) in chosen(args) {
            for side in &mut sides {
                let Some(sample) = one(args, side, load, &file)? else { continue };
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
    let Some(conf) = &side.conf else { return Ok(()) };
    let more = ["--workload=seqread", "--bs=4M", "--depth=4", "--verify", "--seconds=2"];
    json_of(bench(args, conf, &more.map(str::to_owned)))?;
    if chosen(args).any(|(_, load)| matches!(load.client, Client::Fio)) {
        fio::on_pool(conf, POOL, &job("write", "1M", 8, None, FIO_MIB), &side.pids)?;
    }
    Ok(())
}

/// One measurement. `None`: this side does not do that.
fn one(args: &CephArgs, side: &Side, load: &Load, file: &Path) -> anyhow::Result<Option<Sample>> {
    let seconds = Some(args.seconds);
    let Some(conf) = &side.conf else {
        let Some(rw) = load.file else { return Ok(None) };
        let mib = args.objects as u64 * 4;
        return fio::on_file(file, &job(rw, load.bs, load.depth, seconds, mib), true).map(Some);
    };
    if let Client::Fio = load.client {
        let job = job(load.workload, load.bs, load.depth, seconds, FIO_MIB);
        return fio::on_pool(conf, POOL, &job, &side.pids).map(Some);
    }
    let pids: Vec<String> = side.pids.iter().map(u32::to_string).collect();
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
    text += "| load | | operations/s | OSD CPU, us an operation | client CPU | p50 us | p99 us | OSD CPU to ours |\n";
    text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (at, load) in chosen(args) {
        for (number, side) in sides.iter().enumerate() {
            let of = |value: fn(&Sample) -> f64| Range::of(&side.samples[at], value);
            let Some(iops) = of(|s| s.iops) else { continue };
            let text_of = |value| of(value).map_or(String::new(), Range::text);
            let client = of(|s| s.client_cpu_us_per_op).filter(|range| range.most > 0.0);
            let times = ratio(sides, number, at, |s| s.cpu_us_per_op).filter(|_| number > 0);
            // The CPU of fio on a file is its own.
            let times = times.filter(|_| side.conf.is_some());
            let (cpu, own) = match &side.conf {
                Some(_) => (text_of(|s| s.cpu_us_per_op), client.map(Range::text)),
                None => (String::new(), of(|s| s.cpu_us_per_op).map(Range::text)),
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
    for (at, load) in chosen(args) {
        let p50 = |side: &Side| Range::of(&side.samples[at], |s| s.p50_us);
        let (Some(ours), Some(file)) = (p50(&sides[0]), sides.last().and_then(p50)) else {
            continue;
        };
        let _ = writeln!(
            text,
            "\n{}: the median is {} us above that of fio on a file.",
            load.name,
            short(ours.median - file.median)
        );
    }
    text
}

fn write(args: &CephArgs, sides: &[Side], table: &str) -> anyhow::Result<()> {
    let shape = format!("{}x{}", args.osds, args.size);
    let names: Vec<String> = sides.iter().map(|side| side.name.clone()).collect();
    let mut images = String::new();
    let figures: [(&str, &str, Value); 2] = [
        ("cpu", "microseconds of OSD CPU for each operation", |s| s.cpu_us_per_op),
        ("latency", "median latency, microseconds", |s| s.p50_us),
    ];
    for (key, unit, value) in figures {
        // What fio on a file costs is no OSD's CPU.
        let count = if key == "cpu" { sides.len() - 1 } else { sides.len() };
        let groups: Vec<svg::Group> = chosen(args)
            .map(|(at, load)| svg::Group {
                name: load.key.to_owned(),
                bars: sides[..count].iter().map(|s| Range::of(&s.samples[at], value)).collect(),
            })
            .collect();
        let title = format!("{} OSDs, size {}: {unit}", args.osds, args.size);
        let file = format!("whole-path-{shape}-{key}.svg");
        let path = args.docs.join(&file);
        std::fs::write(&path, svg::draw(&title, &names[..count], &groups))
            .with_context(|| path.display().to_string())?;
        let _ = writeln!(images, "![{unit}]({file})");
    }
    let path = args.docs.join("whole-path.md");
    document::replace(&path, &shape, &format!("{table}\n{images}"))?;
    println!("written: {} and images beside it", path.display());
    Ok(())
}
