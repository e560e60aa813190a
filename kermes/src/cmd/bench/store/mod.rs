//! `kermes bench store`: what one shard of a store does on a device, without a cluster.

mod engine;
mod load;

use super::access::Access;
use super::content;
use super::options::{LoadArgs, OutputArgs};
use super::report::{Cpu, Report, Unit, object};
use crate::cmd::connect::{human_bytes, parse_bytes};
use crate::cmd::osd::{self, MkfsArgs};
use crate::daemon;
use anyhow::{Context, anyhow, ensure};
use clap::{Args, ValueEnum};
use engine::Engine;
use load::{Load, Outcome, Plan, Verdict};
use runtime::uring::Resources;
use serde_json::json;
use std::path::PathBuf;

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
    #[command(flatten)]
    load: LoadArgs,
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
    #[command(flatten)]
    output: OutputArgs,
}

/// What is done, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Read at random
    Randread,
    /// Overwrite at random
    Randwrite,
    /// 70 reads and 30 writes of a hundred, at random
    Mixed,
    /// Read one object after another, and begin again
    Seqread,
    /// Write one object after another, and begin again
    Seqwrite,
    /// Set a key of an object's omap, at random; --bs is the size of the value
    Omap,
    /// Nothing but the mount; the journal grows by an empty record
    Mount,
}

impl Workload {
    /// The order of blocks; `None` for what knows no blocks.
    fn access(self) -> Option<Access> {
        Some(match self {
            Self::Randread => Access::Randread,
            Self::Randwrite => Access::Randwrite,
            Self::Mixed => Access::Mixed,
            Self::Seqread => Access::Seqread,
            Self::Seqwrite => Access::Seqwrite,
            Self::Omap | Self::Mount => return None,
        })
    }

    /// Whether the objects have to be there.
    fn needs_objects(self) -> bool {
        !matches!(self, Self::Seqwrite | Self::Omap | Self::Mount)
    }
}

pub fn run(args: &StoreArgs) -> anyhow::Result<()> {
    let files = args.output.create()?;
    let outcome = measure(args)?;
    let report = report(args, &outcome);
    files.write(&outcome.measured.latency_ns, &report.image())?;
    report.print(&args.output);
    Ok(())
}

/// What is said of a run.
fn report<'a>(args: &'a StoreArgs, outcome: &'a Outcome) -> Report<'a> {
    let (measured, mount) = (&outcome.measured, &outcome.mount);
    let value = args.workload.to_possible_value().expect("no workload is hidden");
    let workload = value.get_name().to_owned();
    let asked = (measured.writes * args.load.bs) as f64;
    let amplification = (asked > 0.0).then(|| outcome.traffic.written as f64 / asked);
    let us_per_op = Some(measured.us_per_op(measured.cpu));
    let of = "of this process".to_owned();
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    let mut after = Vec::new();
    if let Some(factor) = amplification {
        let written = human_bytes(outcome.traffic.written);
        after.push(format!("write ampl.  {factor:>12.2}   {written} to the device"));
    }
    let steps: Vec<String> = outcome.room.utilisation.iter().map(u32::to_string).collect();
    after.push(format!(
        "segments     {:>12}   of {} free; those of records by tenths that live: {}",
        outcome.room.segments_free,
        outcome.room.segments,
        steps.join(" ")
    ));
    Report {
        bench: "store",
        unit: Unit::Operations,
        headline: format!(
            "{workload}, {} each, {} under way{}, {} objects, store {:.0}% full",
            human_bytes(args.load.bs),
            args.load.depth,
            args.load.at_rate(),
            outcome.objects,
            outcome.utilisation * 100.0
        ),
        load: &args.load,
        measured,
        has_latencies: true,
        cpu: vec![Cpu { name: "CPU per op", key: "cpu_us_per_op", us_per_op, of }],
        settings: object(json!({
            "workload": workload,
            "device": args.device,
            "shards": args.shards,
            "verify": args.verify,
        })),
        before: vec![format!(
            "mount        {:>12.1} ms, CPU {:.1} ms, {} read, {} records in {} of journal",
            ms(mount.elapsed),
            ms(mount.cpu),
            human_bytes(mount.read_bytes),
            mount.records,
            human_bytes(mount.journal_bytes)
        )],
        after,
        more: object(json!({
            "write_amplification": amplification,
            "device_writes_bytes": outcome.traffic.written,
            "device_reads_bytes": outcome.traffic.read,
            "objects": outcome.objects,
            "utilisation": outcome.utilisation,
            "segments": outcome.room.segments,
            "segments_free": outcome.room.segments_free,
            "utilisation_histogram": outcome.room.utilisation,
            "mount": {
                "ms": ms(mount.elapsed),
                "cpu_ms": ms(mount.cpu),
                "records": mount.records,
                "journal_bytes": mount.journal_bytes,
                "device_reads_bytes": mount.read_bytes,
            },
        })),
    }
}

fn measure(args: &StoreArgs) -> anyhow::Result<Outcome> {
    args.load.check()?;
    content::check_block(args.load.bs)?;
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
    if !args.output.json {
        println!("{}: {}", describe(&args.device), device.describe());
        let part = superblock.region_bytes * args.shards as u64;
        let (used, all) = (args.shards, superblock.shards);
        println!("{used} of {all} shards of the store, {}, on one core", human_bytes(part));
    }
    let random = runtime::clock::seed()?;
    let word = |at: usize| u64::from_le_bytes(random[at..at + 8].try_into().expect("8 bytes"));
    let nonces: Vec<u64> = (0..args.shards).map(|s| word(0).wrapping_add(s as u64)).collect();
    let plan = Plan {
        workload: args.workload,
        load: args.load.clone(),
        size: args.size,
        verify: args.verify,
        force: args.force,
        seed: word(8),
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
        rdma: None,
        cpu_latency: args.load.cpu_latency.open()?,
        log: Box::new(|_, level, text| super::say(level, text)),
    };
    let load = Load::new(plan, Engine::new(superblock, &nonces, discard), verdict.clone());
    runtime::uring::run(load, resources).context("io_uring")?;
    super::clear_line();
    let outcome = verdict.borrow_mut().take().context("the bench ended without a result")?;
    outcome.map_err(|why| anyhow!("{}: {why}", describe(&args.device)))
}

fn describe(path: &std::path::Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::bench::content::OBJECT_BYTES;
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
            let seconds = match more.contains("--seconds") {
                true => "--warm-up 0",
                false => "--warm-up 0 --seconds 1",
            };
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
        assert!(written.measured.writes > 0 && written.measured.reads == 0, "{written:?}");
        assert!(written.traffic.written >= written.measured.writes * 4096);
        assert_eq!(written.measured.latency_ns.len(), written.measured.writes);
        assert!((0.4..0.8).contains(&written.utilisation), "{}", written.utilisation);
        // It finds the objects of the run before, in both shards, and knows each byte.
        let read = file.run("--shards 2 --workload randread --verify --bs 16k").unwrap();
        assert!(read.measured.reads > 0 && read.measured.writes == 0, "{read:?}");
        // But for a checkpoint of what the run before left.
        assert!(read.traffic.written < written.traffic.written);
        assert_eq!(read.objects, written.objects);
        let mixed = file.run("--shards 2 --workload mixed --verify --size 8M").unwrap();
        assert!(
            mixed.measured.reads > mixed.measured.writes && mixed.measured.writes > 0,
            "{mixed:?}"
        );
        // What is past --size is removed.
        assert_eq!(mixed.objects, 2);
        assert!(mixed.utilisation < written.utilisation / 2.0, "{}", mixed.utilisation);
        let omap = file.run("--shards 2 --workload omap --bs 512").unwrap();
        assert!(omap.measured.writes > 0 && omap.measured.reads == 0, "{omap:?}");
    }

    #[test]
    fn intervals_add_up_to_the_run_and_are_drawn() {
        let file = Scratch::new("intervals");
        let outcome =
            file.run("--mkfs --workload randwrite --size 16M --seconds 3 --interval 1").unwrap();
        let series = &outcome.measured.series;
        assert!((2..=3).contains(&series.len()), "{series:?}");
        assert!(series.windows(2).all(|w| w[0].seconds < w[1].seconds));
        let longest = outcome.measured.latency_ns.max() as f64 / 1e3;
        for part in series {
            assert!(part.iops > 0.0 && part.write_amplification.unwrap() >= 1.0, "{part:?}");
            assert!(part.p50_us <= part.p99_us && part.p99_us <= part.max_us, "{part:?}");
            assert!(part.max_us <= longest * 1.01, "{part:?}");
        }
        let written = outcome.measured.writes as f64 * 4096.0 / (16 << 20) as f64;
        assert!(series.last().unwrap().overwrites <= written);
        let args = file.args("--workload randwrite --seconds 3 --interval 1");
        let report = report(&args, &outcome);
        let image = report.image().draw();
        assert!(image.contains("times all data were written over"), "{image}");
        assert!(image.contains("write amplification") && !image.contains("NaN"), "{image}");
        let json = report.json();
        assert!(json["write_amplification"].as_f64().unwrap() >= 1.0, "{json}");
        assert!(json["series"][0]["write_amplification"].as_f64().unwrap() >= 1.0, "{json}");
        assert!(report.text().contains("overwrites"), "{}", report.text());
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
