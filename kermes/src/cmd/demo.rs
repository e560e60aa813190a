//! `kermes demo`: a cluster, a file, a benchmark, in under a minute.

use super::connect::{Cluster, ConnectArgs, block_on};
use super::rados::bench::{BenchArgs, Pattern, Summary, measure};
use super::{dev, osd};
use anyhow::{Context, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const OSDS: u32 = 3;
const BLOCK: u64 = 4096;

/// Bring up a cluster, put a file in and get it back, measure, and stop.
///
/// Three OSDs on sparse files, three copies of each object, everything in a folder that is removed at
/// the end. What a new user would do by hand, with each command shown.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the cluster; a new one under the system's folder for temporary files by default.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Seconds of each load.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Operations under way.
    #[arg(long, value_name = "N", default_value_t = 16)]
    depth: usize,
    /// Port of the monitor.
    #[arg(long, value_name = "PORT", default_value_t = 3300)]
    port: u16,
    /// What drives the OSDs' cores.
    #[arg(long, value_enum, default_value_t = osd::Reactor::Uring)]
    reactor: osd::Reactor,
    /// Leave the cluster running.
    #[arg(long)]
    keep: bool,
}

pub fn run(args: &DemoArgs) -> anyhow::Result<i32> {
    let dir = args.dir.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("kermes-demo-{}", std::process::id()))
    });
    let up = dev::UpArgs {
        dir: dir.clone(),
        mons: 1,
        osds: OSDS,
        cores_per_osd: 1,
        osd_size: 10 << 30,
        preallocate: false,
        device: Vec::new(),
        force: false,
        pool: vec![dev::PoolSpec { name: "demo".into(), size: OSDS, pgs: 32 }],
        port: args.port,
        metrics_port: None,
        auth: dev::Auth::Cephx,
        reactor: args.reactor,
        cpu_latency: None,
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        rdma_device: None,
        rdma_setup: super::rdma::Setup::Cm,
    };
    println!("$ kermes dev up --dir {} --pool demo:{OSDS}:32", dir.display());
    let begin = Instant::now();
    dev::up(&up)?;
    println!(
        "one monitor and {OSDS} OSDs, all placement groups active+clean after {:.2} s\n",
        begin.elapsed().as_secs_f64()
    );
    let result = show(args, &dir);
    if args.keep && result.is_ok() {
        println!("\nThe cluster runs on: export CEPH_CONF={}", dir.join("ceph.conf").display());
        println!("Stop it with: kermes dev down --dir {} --wipe", dir.display());
        return Ok(0);
    }
    println!("\n$ kermes dev down --dir {} --wipe", dir.display());
    dev::down(&dir, true)?;
    result.map(|()| 0)
}

fn show(args: &DemoArgs, dir: &Path) -> anyhow::Result<()> {
    // A real file: this program.
    let file = std::env::current_exe()?;
    let back = dir.join("back");
    kermes(dir, &["put", "program", &file.display().to_string()])?;
    kermes(dir, &["ls"])?;
    kermes(dir, &["stat", "program"])?;
    kermes(dir, &["get", "program", &back.display().to_string()])?;
    let (sent, got) = (std::fs::read(&file)?, std::fs::read(&back)?);
    ensure!(sent == got, "what came back differs from what was put");
    println!("{} bytes came back as they were put\n", got.len());
    let rows = block_on(async {
        let cluster =
            Cluster::connect(&ConnectArgs::admin(&dir.join("ceph.conf"), Duration::from_secs(30)))
                .await?;
        let pool = cluster.pool("demo").await?;
        let mut rows = Vec::new();
        for pattern in [Pattern::Write, Pattern::Rand] {
            let load = BenchArgs {
                seconds: args.seconds,
                pattern,
                block_size: BLOCK,
                threads: args.depth,
                no_cleanup: true,
                run_name: "demo".into(),
                max_ops: None,
            };
            let before = osd_cpu_us(dir)?;
            let summary = measure(&pool, &load).await?;
            ensure!(summary.wrong == 0, "{} reads were wrong", summary.wrong);
            ensure!(summary.operations > 0, "nothing was done in {} s", args.seconds);
            rows.push((osd_cpu_us(dir)? - before, summary));
        }
        anyhow::Ok(rows)
    })?;
    print_table(args, &rows);
    Ok(())
}

/// Runs `kermes rados -p demo ...` as a user would, showing the command.
fn kermes(dir: &Path, args: &[&str]) -> anyhow::Result<()> {
    println!("$ kermes rados -p demo {}", args.join(" "));
    let status = Command::new(std::env::current_exe()?)
        .args(["rados", "-c"])
        .arg(dir.join("ceph.conf"))
        .args(["-p", "demo"])
        .args(args)
        .status()?;
    ensure!(status.success(), "kermes rados {}: {status}", args.join(" "));
    Ok(())
}

/// User and system time of all OSDs so far, microseconds.
fn osd_cpu_us(dir: &Path) -> anyhow::Result<f64> {
    let dir = std::path::absolute(dir)?;
    let mut all = Duration::ZERO;
    for id in 0..OSDS {
        let pid = dev::running(&dir, &format!("osd.{id}")).context("an OSD has stopped")?;
        all += runtime::process::cpu_time_of(pid)?;
    }
    Ok(all.as_secs_f64() * 1e6)
}

fn print_table(args: &DemoArgs, rows: &[(f64, Summary)]) {
    println!("4 KiB objects, {} under way, {OSDS} copies, {} s each:\n", args.depth, args.seconds);
    println!("| load  |    IOPS |   MB/s |  p50 ms |  p99 ms | p99.9 ms | OSD CPU us/op |");
    println!("| ----- | ------: | -----: | ------: | ------: | -------: | ------------: |");
    for (cpu_us, summary) in rows {
        let name = if summary.pattern == Pattern::Write { "write" } else { "read" };
        println!(
            "| {name:<5} | {:>7.0} | {:>6.1} | {:>7.3} | {:>7.3} | {:>8.3} | {:>13.1} |",
            summary.iops(),
            summary.megabytes_per_second(),
            summary.latency_ms(0.5),
            summary.latency_ms(0.99),
            summary.latency_ms(0.999),
            cpu_us / summary.operations as f64,
        );
    }
    println!("\nOSD CPU is the sum over all {OSDS} OSDs.");
}
