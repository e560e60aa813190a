//! `kermes bench`: `store`, what one shard of a store does on a device, without a cluster; `msgr`, what
//! a message costs.

mod content;
mod engine;
mod load;
mod msgr;
mod plot;
mod report;

use super::connect::parse_bytes;
use super::osd::{self, MkfsArgs};
use crate::daemon;
use anyhow::{Context, anyhow, ensure};
use clap::{Args, Subcommand};
use engine::Engine;
use load::{Load, OBJECT_BYTES, Outcome, Plan, Verdict, Workload};
use runtime::uring::Resources;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;
use types::node::LogLevel;

/// Measure parts of Kermes by themselves.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    Store(Box<StoreArgs>),
    Msgr(msgr::MsgrArgs),
}

/// Measure the object store on a device
///
/// Runs the store as an OSD's core does, on one io_uring and one CPU, with no cluster and no network
/// around it. Each write is a transaction of its own and counts when it is on stable media.
///
/// First the objects (4 MiB each) are written, unless an earlier run has left them; then --depth
/// operations are kept under way for --seconds. Write amplification is what the store wrote to the
/// device over what it was asked to write: 1 is the least, checkpoints and cleaning add to it. It
/// settles only after the device has been overwritten a few times: see --warm-up.
///
/// A device to play with, and a run:
///
///   fallocate -l 4G /tmp/device
///   kermes bench store --device /tmp/device --mkfs --workload randwrite
///
/// To compare with fio, use a second file that is written once (fio --rw=write --bs=1M), then
/// fio --ioengine=io_uring --direct=1 --sync=dsync --bs=4k --iodepth=32 --rw=write --filename=...
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct StoreArgs {
    /// Block device or file that `kermes osd mkfs`, or --mkfs, has prepared
    #[arg(long, value_name = "PATH")]
    device: PathBuf,
    #[arg(long, value_enum)]
    workload: Workload,
    /// Bytes of one operation: 512 to 4M, a power of two
    #[arg(long, value_name = "SIZE", default_value = "4k", value_parser = parse_bytes)]
    bs: u64,
    /// Operations under way
    #[arg(long, value_name = "N", default_value_t = 32)]
    depth: usize,
    /// How long to measure
    #[arg(long, value_name = "N", default_value_t = 30)]
    seconds: u64,
    /// Seconds of the same load before the measurement begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    warm_up: u64,
    /// Bytes of all objects (1G, ...): 70% of what the store holds by default; for omap
    /// 20% and at most 64M
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    size: Option<u64>,
    /// Compare what is read with what was written
    #[arg(long)]
    verify: bool,
    /// Store shards to use, all on one core; with --mkfs, to make. Each has its part of the device:
    /// `kermes osd mkfs` makes 8
    #[arg(long, value_name = "N", default_value_t = 1)]
    shards: u16,
    /// Make an empty store first
    #[arg(long)]
    mkfs: bool,
    /// Go on although the device holds somebody's data; --mkfs overwrites it
    #[arg(long)]
    force: bool,
    /// CPU to run on; the last one by default
    #[arg(long, value_name = "CPU")]
    cpu: Option<usize>,
    /// The block device's cache survives a power cut: ask for no flush, as `kermes osd` does with it
    #[arg(long)]
    power_loss_protected: bool,
    /// Tell the device about segments that become free, as `kermes osd` does: yes for a block
    /// device that discards and does not rotate, unless this says another
    #[arg(long, value_name = "BOOL")]
    discard: Option<bool>,
    /// Figures of every N seconds of the measurement as well
    #[arg(long, value_name = "N")]
    interval: Option<u64>,
    /// Draw them: an SVG image of p99, longest pause and write amplification
    #[arg(long, value_name = "FILE", requires = "interval")]
    svg: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the distribution of latencies, microseconds, for HdrHistogram's plotters
    #[arg(long, value_name = "FILE")]
    hdr: Option<PathBuf>,
}

pub fn run(args: &BenchArgs) -> anyhow::Result<i32> {
    match &args.command {
        BenchCommand::Store(args) => store(args).map(|()| 0),
        BenchCommand::Msgr(args) => msgr::run(args),
    }
}

/// A file for results, made before the run, so that a mistake in the name does not cost one.
fn create(path: &Option<PathBuf>) -> anyhow::Result<Option<std::fs::File>> {
    let made =
        path.as_ref().map(|path| std::fs::File::create(path).with_context(|| describe(path)));
    made.transpose()
}

fn store(args: &StoreArgs) -> anyhow::Result<()> {
    let (hdr, svg) = (create(&args.hdr)?, create(&args.svg)?);
    let outcome = measure(args)?;
    if let Some(file) = hdr {
        let mut out = std::io::BufWriter::new(file);
        report::write_distribution(&mut out, &outcome.latency_ns)?;
        out.flush()?;
    }
    if let Some(mut file) = svg {
        file.write_all(plot::draw(&outcome.series).as_bytes())?;
    }
    report::print(args, &outcome);
    Ok(())
}

fn measure(args: &StoreArgs) -> anyhow::Result<Outcome> {
    let bs = args.bs;
    ensure!(
        bs.is_power_of_two() && (content::UNIT as u64..=OBJECT_BYTES).contains(&bs),
        "--bs {bs}: must be a power of two from 512 to 4M"
    );
    ensure!((1..=65536).contains(&args.depth), "--depth {}: must be 1 to 65536", args.depth);
    ensure!(args.seconds >= 1, "--seconds must be at least 1");
    ensure!(args.interval != Some(0), "--interval must be at least 1");
    if args.mkfs {
        osd::mkfs(&MkfsArgs {
            device: args.device.clone(),
            id: 0,
            fsid: daemon::new_uuid()?,
            osd_uuid: None,
            shards: Some(args.shards),
            force: args.force,
        })?;
    }
    let (mut device, superblock) =
        osd::open_store(&args.device, None).context("--mkfs makes a store")?;
    ensure!(
        (1..=superblock.shards).contains(&args.shards),
        "--shards {}: the store has {}",
        args.shards,
        superblock.shards
    );
    if args.power_loss_protected && !device.set_power_loss_protected() {
        eprintln!("{}", osd::PROTECTED_FILE);
    }
    if !args.json {
        println!("{}: {}", describe(&args.device), device.describe());
        let part = superblock.region_bytes * args.shards as u64;
        let (used, all) = (args.shards, superblock.shards);
        println!(
            "{used} of {all} shards of the store, {}, on one core",
            crate::cmd::connect::human_bytes(part)
        );
    }
    let random = runtime::clock::seed()?;
    let word = |at: usize| u64::from_le_bytes(random[at..at + 8].try_into().expect("8 bytes"));
    let nonces: Vec<u64> = (0..args.shards).map(|s| word(0).wrapping_add(s as u64)).collect();
    let plan = Plan {
        workload: args.workload,
        block_bytes: bs,
        depth: args.depth,
        warm_up: Duration::from_secs(args.warm_up),
        duration: Duration::from_secs(args.seconds),
        size: args.size,
        verify: args.verify,
        force: args.force,
        seed: word(8),
        interval: args.interval.map(Duration::from_secs),
    };
    let discard = args.discard.unwrap_or(device.is_worth_discarding());
    let verdict = Verdict::default();
    let (mut ports, _) = runtime::hop::mesh(1)?;
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let resources = Resources {
        listeners: Vec::new(),
        device: Some(device),
        port: ports.remove(0),
        cpu: Some(args.cpu.unwrap_or(cpus - 1)),
        log: Box::new(|_, level, text| say(level, text)),
    };
    let load = Load::new(plan, Engine::new(superblock, &nonces, discard), verdict.clone());
    runtime::uring::run(load, resources).context("io_uring")?;
    clear_line();
    let outcome = verdict.borrow_mut().take().context("the bench ended without a result")?;
    outcome.map_err(|why| anyhow!("{}: {why}", describe(&args.device)))
}

fn describe(path: &std::path::Path) -> String {
    path.display().to_string()
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use runtime::device::Device;
    use seastore::{IoCompletion, Store, StoreConfig, StoreEffect, Transaction, TxnOp};

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: StoreArgs,
    }

    /// A file of its own for each test, gone with it.
    struct Scratch(PathBuf);
    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("kermes-bench-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::File::create(&path).and_then(|f| f.set_len(64 << 20)).unwrap();
            Self(path)
        }
        fn args(&self, more: &str) -> StoreArgs {
            let path = self.0.to_str().expect("a name of our own");
            let seconds = if more.contains("--seconds") { "" } else { "--seconds 1" };
            let words = ["bench", "--device", path].into_iter();
            let words = words.chain(seconds.split_whitespace()).chain(more.split_whitespace());
            Command::try_parse_from(words).unwrap().args
        }
        fn run(&self, more: &str) -> anyhow::Result<Outcome> {
            measure(&self.args(more))
        }
    }
    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn each_workload_does_what_it_says() {
        let file = Scratch::new("workloads");
        let written = file.run("--mkfs --shards 2 --workload randwrite --depth 4").unwrap();
        assert!(written.writes > 0 && written.reads == 0, "{written:?}");
        assert!(written.traffic.written >= written.writes * 4096);
        assert_eq!(written.latency_ns.len(), written.writes);
        assert!(written.series.is_empty());
        assert!((0.4..0.8).contains(&written.utilisation), "{}", written.utilisation);
        // It finds the objects of the run before, in both shards, and knows each byte.
        let read = file.run("--shards 2 --workload randread --verify --bs 16k").unwrap();
        assert!(read.reads > 0 && read.writes == 0, "{read:?}");
        // But for a checkpoint of what the run before left.
        assert!(read.traffic.written < written.traffic.written);
        assert_eq!(read.objects, written.objects);
        let mixed = file.run("--shards 2 --workload mixed --verify --size 8M").unwrap();
        assert!(mixed.reads > mixed.writes && mixed.writes > 0, "{mixed:?}");
        // What is past --size is removed.
        assert_eq!(mixed.objects, 2);
        assert!(mixed.utilisation < written.utilisation / 2.0, "{}", mixed.utilisation);
        let omap = file.run("--shards 2 --workload omap --bs 512").unwrap();
        assert!(omap.writes > 0 && omap.reads == 0, "{omap:?}");
    }

    #[test]
    fn intervals_add_up_to_the_run_and_are_drawn() {
        let file = Scratch::new("intervals");
        let outcome =
            file.run("--mkfs --workload randwrite --size 16M --seconds 3 --interval 1").unwrap();
        let series = &outcome.series;
        assert!((2..=3).contains(&series.len()), "{series:?}");
        assert!(series.windows(2).all(|w| w[0].seconds < w[1].seconds));
        let longest = outcome.latency_ns.max() as f64 / 1e3;
        for part in series {
            assert!(part.iops > 0.0 && part.write_amplification.unwrap() >= 1.0, "{part:?}");
            assert!(part.p50_us <= part.p99_us && part.p99_us <= part.max_us, "{part:?}");
            assert!(part.max_us <= longest * 1.01, "{part:?}");
        }
        let written = outcome.writes as f64 * 4096.0 / (16 << 20) as f64;
        assert!(series.last().unwrap().overwrites <= written);
        let image = plot::draw(series);
        assert!(image.starts_with("<svg") && image.ends_with("</svg>\n"), "{image}");
        assert!(!image.contains("NaN") && !image.contains("inf"), "{image}");
        assert!(plot::draw(&[]).contains("</svg>"));
    }

    #[test]
    fn what_is_not_read_as_written_is_said() {
        let file = Scratch::new("verify");
        file.run("--mkfs --workload seqwrite --size 4M").unwrap();
        let o = engine::object_name(0);
        let data = bytes::Bytes::from(vec![7; OBJECT_BYTES as usize]);
        submit(&file.0, TxnOp::Write { o, offset: 0, data });
        file.run("--workload randread --size 4M").unwrap();
        let wrong = file.run("--workload randread --size 4M --verify").unwrap_err().to_string();
        assert!(wrong.ends_with("not what was written there"), "{wrong}");
    }

    #[test]
    fn mistakes_are_refused_in_one_sentence() {
        let file = Scratch::new("mistakes");
        let refused = |more: &str, why: &str| {
            let text = format!("{:#}", file.run(more).unwrap_err());
            assert!(text.contains(why), "{more}: {text}");
        };
        refused("--workload randread", "--mkfs makes a store: ");
        refused("--workload randread --bs 5000", "power of two");
        refused("--workload randread --depth 0", "--depth 0");
        file.run("--mkfs --workload seqwrite --size 4M").unwrap();
        refused("--workload seqwrite --shards 2", "the store has 1");
        refused("--workload seqwrite --size 1G", "the store holds up to");
        refused("--mkfs --workload seqwrite", "--force overwrites it");
    }

    #[test]
    fn somebodys_placement_groups_are_left_alone() {
        let file = Scratch::new("foreign");
        file.run("--mkfs --workload seqwrite --size 4M").unwrap();
        let pg = types::PgId { pool: types::PoolId(3), seed: 1 };
        submit(&file.0, TxnOp::CreateCollection { pg, bits: 3 });
        let refused = file.run("--workload seqwrite --size 4M").unwrap_err().to_string();
        assert!(refused.contains("the store holds placement group 3.1"), "{refused}");
        file.run("--workload seqwrite --size 4M --force").unwrap();
    }

    /// One transaction, by a program that is no bench.
    fn submit(path: &std::path::Path, op: TxnOp) {
        let (device, superblock) = osd::open_store(path, None).unwrap();
        let mut store = Store::open(StoreConfig::new(superblock, 0, 1));
        let mut fx = Vec::new();
        store.mount(&mut fx);
        settle(&mut store, &device, fx);
        store.submit(Transaction::from(vec![op]), 1).unwrap();
        let mut fx = Vec::new();
        store.end_of_turn(&mut fx);
        settle(&mut store, &device, fx);
        assert!(store.is_idle());
    }

    fn settle(store: &mut Store, device: &Device, mut fx: Vec<StoreEffect>) {
        while !fx.is_empty() {
            for effect in std::mem::take(&mut fx) {
                let done = match effect {
                    StoreEffect::Read { io, offset, len } => {
                        IoCompletion::Read { io, result: device.read(offset, len) }
                    }
                    StoreEffect::Write { io, offset, buf, durable } => {
                        IoCompletion::Write { io, result: device.write(offset, &buf, durable) }
                    }
                    StoreEffect::Flush { io } => IoCompletion::Flush { io, result: device.flush() },
                    StoreEffect::Discard { io, offset, len } => {
                        IoCompletion::Discard { io, result: device.discard(offset, len) }
                    }
                    StoreEffect::Zone { .. } | StoreEffect::ReportZones { .. } => {
                        panic!("not a zoned device")
                    }
                };
                store.on_io(done, &mut Vec::new(), &mut fx);
            }
            store.end_of_turn(&mut fx);
        }
    }
}
