//! The steps of `cargo xtask test`.

use crate::cluster::has;
use crate::{
    acceptance, block, crash, hostile, observe, rdma, rdma_two, real_ceph, shapes, strangers, tidy,
};
use anyhow::{bail, ensure};
use clap::Args;
use std::process::Command;
use std::time::{Duration, Instant};

/// Debian packages that the tests use.
const PACKAGES: &[&str] = &[
    "ceph-common",
    "ceph-base",
    "ceph-mon",
    "ceph-mgr",
    "ceph-osd",
    "python3-rados",
    "util-linux",
    "jq",
    "fio",
];
const SIM_SEEDS: u32 = 20;

#[derive(Debug, Args)]
pub struct TestArgs {
    /// First install the Debian packages that the tests use, with apt-get (as root).
    #[arg(long)]
    install_deps: bool,
    /// Run only these steps, separated by commas.
    #[arg(long, value_name = "STEP,..", value_delimiter = ',')]
    only: Vec<String>,
    /// Name the steps and stop.
    #[arg(long)]
    list: bool,
    /// Worlds to simulate.
    #[arg(long, value_name = "N", default_value_t = SIM_SEEDS)]
    seeds: u32,
    /// Rounds of killing daemons under load.
    #[arg(long, value_name = "N", default_value_t = 6)]
    crash_rounds: u32,
    /// How long clients send mutated requests, in seconds.
    #[arg(long, value_name = "N", default_value_t = 20)]
    stranger_seconds: u64,
}

/// How a step ended when it did not fail.
pub enum Outcome {
    Passed(String),
    Skipped(String),
}

type Step = (&'static str, &'static str, fn(&TestArgs) -> anyhow::Result<Outcome>);

const STEPS: &[Step] = &[
    ("style", "rustfmt, clippy and the layering", style),
    ("deny", "licences and advisories of dependencies", deny),
    ("unit", "tests of every crate, with the oracles among them", unit),
    ("sim", "clusters under chaos", sim),
    ("build", "the optimised binary", build),
    ("acceptance", "Debian's ceph and rados on a cluster, io_uring reactor", |_| {
        acceptance::run("uring", 3300)
    }),
    ("acceptance-glommio", "the same, glommio reactor", |_| acceptance::run("glommio", 3400)),
    ("cores", "one store of 4 shards on 1, 2 and 4 cores", |_| acceptance::adoption(17100)),
    ("block", "the store on loop devices", |_| block::loops()),
    ("block-vm", "the store on NVMe in a virtual machine", |_| block::vm()),
    ("rdma-vm", "connections over RDMA in a virtual machine", |_| rdma::vm()),
    ("rdma-two-vms", "the same between two, over a network that loses packets", |_| {
        rdma_two::step()
    }),
    ("real-ceph", "our client against a cluster of real Ceph", |_| real_ceph::run()),
    ("oracle-commands", "shape of the JSON of ceph commands, ours and real Ceph's", |_| {
        shapes::run()
    }),
    ("observe", "admin sockets, ceph tell and metrics, and shapes beside real Ceph's", |_| {
        observe::run()
    }),
    ("differential", "every object operation, answer by answer as Ceph's OSD gives it", |_| {
        acceptance::differential()
    }),
    ("hostile", "garbage, wrong keys and wrong devices", |_| hostile::run()),
    ("strangers", "mutated requests of clients with genuine keys, and fsck --deep after", |args| {
        strangers::run(args.stranger_seconds)
    }),
    ("crash", "kill -9 under load, and every acknowledged object is there", |args| {
        crash::run(args.crash_rounds)
    }),
];

pub fn test(args: &TestArgs) -> anyhow::Result<()> {
    if args.list {
        STEPS.iter().for_each(|(name, what, _)| println!("{name:<20} {what}"));
        return Ok(());
    }
    if let Some(unknown) = args.only.iter().find(|o| !STEPS.iter().any(|(name, ..)| name == o)) {
        bail!("no step is named {unknown}; --list names them");
    }
    if args.install_deps {
        install_deps()?;
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut lines = Vec::new();
    for (name, what, step) in STEPS {
        if !args.only.is_empty() && !args.only.iter().any(|o| o == name) {
            continue;
        }
        println!("== {name}: {what}");
        let begin = Instant::now();
        let (word, text) = match step(args) {
            Ok(Outcome::Passed(text)) => {
                passed += 1;
                ("ok", text)
            }
            Ok(Outcome::Skipped(why)) => {
                skipped += 1;
                ("skipped", why)
            }
            Err(e) => {
                failed += 1;
                ("FAILED", format!("{e:#}"))
            }
        };
        let line = format!("{name:<20} {word:<8} {:>5.0} s  {text}", begin.elapsed().as_secs_f32());
        println!("{line}");
        lines.push(line);
    }
    println!("\n{}\n", lines.join("\n"));
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    ensure!(failed == 0, "{failed} steps failed");
    Ok(())
}

fn install_deps() -> anyhow::Result<()> {
    println!("installing with apt-get: {}", PACKAGES.join(" "));
    run(Command::new("apt-get").args(["update", "-q"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(PACKAGES))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

fn cargo(args: &[&str]) -> anyhow::Result<()> {
    run(Command::new("cargo").args(args))
}

fn style(_: &TestArgs) -> anyhow::Result<Outcome> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    tidy::tidy()?;
    Ok(Outcome::Passed(String::new()))
}

fn deny(_: &TestArgs) -> anyhow::Result<Outcome> {
    if !has("cargo-deny") {
        return Ok(Outcome::Skipped("cargo-deny is not installed".into()));
    }
    // Crates for other platforms are looked at too.
    cargo(&["fetch", "--quiet", "--locked"])?;
    // The advisory database is not always within reach; what can be checked offline is.
    cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"])?;
    Ok(Outcome::Passed(String::new()))
}

fn unit(_: &TestArgs) -> anyhow::Result<Outcome> {
    cargo(&["test", "--quiet", "--workspace", "--lib", "--tests", "--bins"])?;
    Ok(Outcome::Passed(String::new()))
}

fn sim(args: &TestArgs) -> anyhow::Result<Outcome> {
    let seeds = args.seeds.to_string();
    cargo(&[
        "run",
        "--quiet",
        "--release",
        "-p",
        "kermes-sim",
        "--",
        "--twice",
        "--seeds",
        &seeds,
    ])?;
    Ok(Outcome::Passed(format!("{seeds} seeds, each twice")))
}

fn build(_: &TestArgs) -> anyhow::Result<Outcome> {
    cargo(&["build", "--quiet", "--release", "-p", "kermes"])?;
    let bytes = std::fs::metadata(crate::cluster::kermes())?.len();
    Ok(Outcome::Passed(format!("{:.1} MB, not stripped", bytes as f64 / 1e6)))
}

/// Prints how long something took, in milliseconds.
pub fn ms(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1e3)
}
