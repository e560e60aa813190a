//! `kermes bench rados`: the whole path, from a client through OSDs to stable media and back.

mod generations;
mod load;
mod osds;

use super::access::Access;
use super::content::{self, OBJECT_BYTES};
use super::options::{CoresArgs, LoadArgs, OutputArgs};
use super::report::{Cpu, Report, Unit, object};
use crate::cmd::connect::{ConnectArgs, client_config, human_bytes, parse_bytes};
use anyhow::{Context, anyhow, ensure};
use clap::{Args, ValueEnum};
use client::{ClientConfig, ClientNode};
use load::{Gate, Load, Outcome, Plan, Verdict};
use runtime::uring::Resources;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use types::node::LogLevel;

/// Measure a cluster, ours or Ceph's: blocks of objects of 4 MiB
///
/// The client is the one of `kermes rados`. Objects are written whole first, unless an earlier run has
/// left them; then --depth operations are kept under way for --seconds. A write counts when all replicas
/// have it on stable media.
///
/// Where the OSDs run on this machine, their CPU for each operation is measured too, summed over their
/// processes: it is far steadier than operations a second where a machine is shared.
///
/// With --verify each byte that is read must be what was written there last, or is being written; and
/// after a run that wrote, all that it wrote is read and compared.
///
///   kermes dev up --dir d --osds 1 --pool p1:1:32
///   kermes bench rados --conf d/ceph.conf --pool p1 --workload randwrite --verify
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct RadosArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Pool of the objects
    #[arg(short = 'p', long, value_name = "POOL")]
    pool: String,
    #[arg(long, value_enum)]
    workload: Access,
    #[command(flatten)]
    load: LoadArgs,
    /// Objects of 4 MiB to work on
    #[arg(long, value_name = "N", conflicts_with = "size", default_value_t = 256)]
    objects: u64,
    /// Bytes of all objects (1G, ...), instead of their number
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    size: Option<u64>,
    #[command(flatten)]
    cores: CoresArgs,
    /// Send everything to the addresses in the map, as Ceph's clients do, and not to the cores that OSDs
    /// tell of: what hops between their cores cost
    #[arg(long)]
    map_addresses: bool,
    /// Compare what is read with what was written
    #[arg(long)]
    verify: bool,
    /// Remove the objects in the end
    #[arg(long)]
    cleanup: bool,
    /// OSD processes whose CPU counts; by default those of this machine that listen where the map says
    #[arg(long, value_name = "PID,..", value_delimiter = ',')]
    pids: Option<Vec<u32>>,
    #[command(flatten)]
    output: OutputArgs,
}

impl RadosArgs {
    fn objects(&self) -> u64 {
        self.size.map_or(self.objects, |size| size / OBJECT_BYTES)
    }

    fn check(&self) -> anyhow::Result<()> {
        self.load.check()?;
        self.cores.check()?;
        content::check_block(self.load.bs)?;
        let (cores, most) = (self.cores.count(), 1 << 24);
        ensure!((1..=most).contains(&self.objects()), "--objects, --size: 1 to {most} of 4 MiB");
        ensure!(
            self.objects() >= cores as u64 && self.load.depth >= cores,
            "--cores {cores}: each needs an object and an operation"
        );
        Ok(())
    }
}

pub fn run(args: &RadosArgs) -> anyhow::Result<()> {
    args.check()?;
    let files = args.output.create()?;
    let outcome = measure(args)?;
    super::clear_line();
    let report = report(args, &outcome);
    files.write(&outcome.measured.latency_ns, &report.image())?;
    report.print(&args.output);
    Ok(())
}

/// What is said of a run.
fn report<'a>(args: &'a RadosArgs, outcome: &'a Outcome) -> Report<'a> {
    let measured = &outcome.measured;
    let value = args.workload.to_possible_value().expect("no pattern is hidden");
    let workload = value.get_name().to_owned();
    let processes = outcome.osds.pids.len();
    let mut after = Vec::new();
    if outcome.osd_cpu.is_none() {
        let up = outcome.osds.up;
        after
            .push(format!("OSD CPU      not known: {processes} of {up} OSDs run here; see --pids"));
    }
    if outcome.verified_bytes > 0 {
        after.push(format!("verified     {:>12}", human_bytes(outcome.verified_bytes)));
    }
    Report {
        bench: "rados",
        unit: Unit::Operations,
        headline: format!(
            "{workload}, {} each, {} under way{}, {} objects of 4 MiB, {} OSDs, pool of size {}",
            human_bytes(args.load.bs),
            args.load.depth,
            args.load.at_rate(),
            args.objects(),
            outcome.osds.up,
            outcome.pool_size
        ),
        load: &args.load,
        measured,
        has_latencies: true,
        cpu: vec![
            Cpu {
                name: "OSD CPU",
                key: "cpu_us_per_op",
                us_per_op: outcome.osd_cpu.map(|cpu| measured.us_per_op(cpu)),
                of: format!("an operation, sum of {processes} processes"),
            },
            Cpu {
                name: "client CPU",
                key: "client_cpu_us_per_op",
                us_per_op: Some(measured.us_per_op(measured.cpu)),
                of: "an operation".into(),
            },
        ],
        settings: object(json!({
            "workload": workload,
            "pool": args.pool,
            "pool_size": outcome.pool_size,
            "osds": outcome.osds.up,
            "objects": args.objects(),
            "cores": args.cores.count(),
            "map_addresses": args.map_addresses,
            "verify": args.verify,
        })),
        before: Vec::new(),
        after,
        more: object(json!({
            "objects_prepared": outcome.prepared,
            "verified_bytes": outcome.verified_bytes,
        })),
    }
}

/// Runs a client on each core, each with its share of the objects; what they counted together.
fn measure(args: &RadosArgs) -> anyhow::Result<Outcome> {
    let cores = args.cores.count();
    let (ports, stopper) = runtime::hop::mesh::<Infallible>(cores)?;
    let gate = Arc::new(Gate::new(cores));
    let cpu_latency = args.load.cpu_latency.open()?;
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let first_generation = u64::try_from(since_epoch.as_nanos())?;
    let mut threads = Vec::new();
    for port in ports {
        let core = port.core().0 as usize;
        let seed = runtime::clock::seed()?;
        let config =
            ClientConfig { to_cores: !args.map_addresses, ..client_config(&args.connect)? };
        let share = |all: u64| all / cores as u64 + u64::from((core as u64) < all % cores as u64);
        let plan = Plan {
            pool: args.pool.clone(),
            access: args.workload,
            load: LoadArgs {
                depth: share(args.load.depth as u64) as usize,
                rate: args.load.rate.map(|rate| rate / cores as f64),
                ..args.load.clone()
            },
            objects: share(args.objects()),
            object_first: core as u64,
            object_step: cores as u64,
            verify: args.verify,
            cleanup: args.cleanup,
            seed: u64::from_le_bytes(seed[..8].try_into().expect("8 bytes")),
            generation: first_generation,
            pids: args.pids.clone(),
            gate: gate.clone(),
        };
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let cpu = args.cores.cpu_first.map(|first| (first + core) % cpus);
        let (stopper, verbose) = (stopper.clone(), args.connect.verbose);
        let cpu_latency = cpu_latency.clone();
        // `None`: another core has failed, or a signal came.
        let body = move || -> anyhow::Result<Option<Outcome>> {
            let verdict = Verdict::default();
            let log = Box::new(move |_, level, text: &str| {
                if verbose || level != LogLevel::Debug {
                    super::say(level, text);
                }
            });
            let resources = Resources {
                listeners: Vec::new(),
                device: None,
                port,
                cpu,
                rdma: None,
                cpu_latency,
                log,
            };
            let node = Load::new(plan, ClientNode::new(config, seed), verdict.clone());
            let result = runtime::uring::run(node, resources);
            let outcome = verdict.borrow_mut().take();
            if !matches!(outcome, Some(Ok(_))) {
                stopper.stop();
            }
            result.context("io_uring")?;
            outcome.transpose().map_err(|why| anyhow!(why))
        };
        threads.push(std::thread::Builder::new().name(format!("core-{core}")).spawn(body)?);
    }
    super::join_cores(threads, Outcome::add).with_context(|| format!("pool {}", args.pool))
}

#[cfg(test)]
mod tests;
