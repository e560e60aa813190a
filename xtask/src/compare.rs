//! CPU of the OSD processes per operation, ours and a peer's, in turns in one run.
//!
//! CPU per operation is steadier than operations per second on a shared machine; both are printed.

use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, describe};
use crate::peer::{Peer, PeerOptions};
use anyhow::{Context, bail, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Start a throw-away cluster of real Ceph beside ours: as many OSDs of the same size.
    #[arg(long, conflicts_with = "peer_conf")]
    ceph: bool,
    /// ceph.conf of a running Ceph cluster with a pool named `bench`, of the same size.
    #[arg(long, value_name = "FILE")]
    peer_conf: Option<PathBuf>,
    /// Process ids of its OSDs.
    #[arg(long, value_name = "PID,..", value_delimiter = ',')]
    peer_pids: Vec<u32>,
    #[arg(long, default_value_t = 1)]
    osds: u32,
    /// Replicas of the pool.
    #[arg(long, default_value_t = 1)]
    size: u32,
    /// Size of the sparse file of each OSD, GiB.
    #[arg(long, value_name = "GIB", default_value_t = 10)]
    osd_size: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Operations in flight.
    #[arg(long, default_value_t = 16)]
    depth: u32,
    /// Reactor of our OSDs.
    #[arg(long, default_value = "uring")]
    reactor: String,
}

struct Side {
    name: String,
    conf: PathBuf,
    pids: Vec<u32>,
    /// Per kind of load (write, rand): one sample a round.
    samples: [Vec<Sample>; 2],
}

#[derive(Clone, Copy)]
struct Sample {
    cpu_us_per_op: f64,
    ops_per_s: f64,
}

const LOADS: [&str; 2] = ["write", "rand"];

pub fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    let pool = format!("bench:{}:32", args.size);
    let osds = args.osds.to_string();
    let osd_size = format!("{}GiB", args.osd_size);
    let mut up = vec!["--port", "3800", "--osds", &osds, "--pool", &pool];
    up.extend(["--reactor", &args.reactor, "--osd-size", &osd_size]);
    let peer = if args.ceph { Some(start_peer(args)?) } else { None };
    let (cluster, _) = Cluster::up(&directory("compare"), &up)?;
    let ours = cluster.pids()?.into_iter().filter(|(n, _)| n.starts_with("osd"));
    let mut sides = vec![Side {
        name: format!("Kermes ({})", args.reactor),
        conf: cluster.dir.join("ceph.conf"),
        pids: ours.map(|(_, pid)| pid).collect(),
        samples: Default::default(),
    }];
    if let Some(conf) = &args.peer_conf {
        ensure!(!args.peer_pids.is_empty(), "--peer-conf needs --peer-pids");
        sides.push(Side {
            name: "Ceph".into(),
            conf: conf.clone(),
            pids: args.peer_pids.clone(),
            samples: Default::default(),
        });
    }
    if let Some(peer) = &peer {
        sides.push(Side {
            name: "Ceph".into(),
            conf: peer.dir().join("ceph.conf"),
            pids: peer.osd_pids(),
            samples: Default::default(),
        });
    }
    for round in 0..args.rounds {
        for side in &mut sides {
            for (load, name) in LOADS.iter().enumerate() {
                let sample = measure(side, name, args)?;
                println!(
                    "round {round} {:<18} {name:<6} {:>8.0} op/s {:>8.1} us CPU/op",
                    side.name, sample.ops_per_s, sample.cpu_us_per_op
                );
                side.samples[load].push(sample);
            }
            rados(&side.conf, "cleanup")?;
        }
    }
    println!("\n| load | side | op/s | OSD CPU us/op, median (range) |\n| --- | --- | --- | --- |");
    for (load, name) in LOADS.iter().enumerate() {
        for side in &sides {
            let mut cpu: Vec<f64> = side.samples[load].iter().map(|s| s.cpu_us_per_op).collect();
            cpu.sort_by(f64::total_cmp);
            let mut rate: Vec<f64> = side.samples[load].iter().map(|s| s.ops_per_s).collect();
            rate.sort_by(f64::total_cmp);
            println!(
                "| {name} 4 KiB, {} in flight, {} OSDs, size {} | {} | {:.0} | {:.1} ({:.1}-{:.1}) |",
                args.depth,
                args.osds,
                args.size,
                side.name,
                rate[rate.len() / 2],
                cpu[cpu.len() / 2],
                cpu[0],
                cpu[cpu.len() - 1]
            );
        }
    }
    Ok(())
}

fn start_peer(args: &CompareArgs) -> anyhow::Result<Peer> {
    if let Some(why) = crate::peer::missing() {
        bail!("{why}");
    }
    let options = PeerOptions {
        port: 20400,
        osds: args.osds,
        size: args.size,
        pools: &[("bench", 32)],
        osd_gib: args.osd_size,
    };
    Peer::up(&directory("compare-ceph"), &options)
}

fn rados(conf: &Path, what: &str) -> anyhow::Result<String> {
    let script = format!("rados -p bench {what}");
    let output = Command::new("bash").args(["-c", &script]).env("CEPH_CONF", conf).output()?;
    ensure!(output.status.success(), "{script}: {}", describe(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn measure(side: &Side, load: &str, args: &CompareArgs) -> anyhow::Result<Sample> {
    let before = cpu_us(&side.pids)?;
    let size = if load == "write" { "-b 4096 --no-cleanup" } else { "" };
    let text =
        rados(&side.conf, &format!("bench {} {load} {size} -t {}", args.seconds, args.depth))?;
    let used = cpu_us(&side.pids)? - before;
    let field = |name: &str| -> anyhow::Result<f64> {
        let line = text.lines().find(|l| l.starts_with(name)).context(name.to_owned())?;
        Ok(line.rsplit(' ').next().context("value")?.trim().parse()?)
    };
    let ops = field("Total writes made:").or_else(|_| field("Total reads made:"))?;
    Ok(Sample { cpu_us_per_op: used / ops, ops_per_s: field("Average IOPS:")? })
}

/// User and system time of processes, microseconds (proc(5): fields 14 and 15, in ticks of 10 ms).
pub fn cpu_us(pids: &[u32]) -> anyhow::Result<f64> {
    let mut ticks = 0u64;
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after_name = stat.rsplit(") ").next().context("stat")?;
        let fields: Vec<&str> = after_name.split(' ').collect();
        ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    }
    Ok(ticks as f64 * 1e4)
}
