//! Clients with genuine keys that send mutated requests of real clients, to the processes of a real
//! cluster: the same client, and the same mutations, as in the simulation.

use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, has};
use crate::crowd::{Running, admin, config, mib, resident};
use crate::steps::Outcome;
use anyhow::ensure;
use client::ClientConfig;
use sim::stranger::{Prey, SharedTally, Stranger};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use types::node::{Effect, Input, Node};
use types::time::{Instant, Now};

/// What an OSD may grow by: the objects that strangers make have logs and metadata, which it keeps.
const GROWTH_BYTES_MAX: u64 = 512 << 20;

/// Of all strangers: requests sent, messages that came back, sessions that a server ended.
#[derive(Default)]
struct Total {
    sent: AtomicU64,
    answered: AtomicU64,
    ended: AtomicU64,
}

/// A stranger whose tally others may read.
struct Counted {
    stranger: Stranger,
    tally: SharedTally,
    total: Arc<Total>,
}

impl Counted {
    fn new(config: ClientConfig, prey: Prey, total: Arc<Total>) -> Self {
        let tally = SharedTally::default();
        tally.borrow_mut().active = true;
        let seed = runtime::clock::seed().expect("the kernel has chance");
        Self { stranger: Stranger::new(config, seed, "prey", prey, tally.clone()), tally, total }
    }
}

impl Node for Counted {
    type Hop = Infallible;

    fn handle(&mut self, now: Now, input: Input<Infallible>, fx: &mut Vec<Effect<Infallible>>) {
        self.stranger.handle(now, input, fx);
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Vec<Effect<Infallible>>) {
        self.stranger.end_of_turn(now, fx);
        let mut tally = self.tally.borrow_mut();
        self.total.sent.fetch_add(std::mem::take(&mut tally.sent), Ordering::Relaxed);
        self.total.answered.fetch_add(std::mem::take(&mut tally.answered), Ordering::Relaxed);
        self.total.ended.fetch_add(std::mem::take(&mut tally.ended), Ordering::Relaxed);
    }

    fn next_deadline(&self) -> Instant {
        self.stranger.next_deadline()
    }
}

/// Half of the time with capabilities for one pool, while another client's data are verified; half of
/// it with all capabilities, after which the cluster need not be of use, but every daemon runs and
/// every store is whole.
pub fn run(seconds: u64) -> anyhow::Result<Outcome> {
    if !has("ceph") {
        return Ok(Outcome::Skipped("ceph is not there".into()));
    }
    let mut args = vec!["--port", "3800", "--osds", "3", "--osd-size", "1GiB"];
    args.extend(["--pool", "p1:3:8", "--pool", "prey:3:8"]);
    let (mut c, _) = Cluster::up(&directory("strangers"), &args)?;
    c.ok("ceph auth get-or-create client.stranger mon 'allow r' osd 'allow rwx pool=prey' \
          -o stranger.keyring")?;
    let before = c.pids()?;
    let memory: Vec<u64> =
        before.iter().map(|(_, pid)| resident(*pid)).collect::<anyhow::Result<_>>()?;
    let bench = |workload: &str, seconds: u64| {
        // What is read meanwhile, and at the end all of the eight objects of 4 MiB.
        format!(
            "$KERMES bench rados --pool p1 --workload {workload} --verify --objects 8 --depth 4 \
             --warm-up 0 --seconds {seconds} --json \
             | jq -e '.verified_bytes >= .reads * .bs + 8 * 4194304'"
        )
    };
    let half = (seconds / 2).max(1);

    let total = Arc::new(Total::default());
    let limited = config(&c, "stranger", &c.dir().join("stranger.keyring"))?;
    let strangers = start(&limited, &[Prey::Osds, Prey::Osds, Prey::Both], &total)?;
    let served = c.ok(&bench("mixed", half));
    strangers.into_iter().try_for_each(Running::stop)?;
    served?;
    alive(&c, &before)?;
    c.wait_healthy(60)?;
    let first = said(&total, "of one pool")?;

    let total = Arc::new(Total::default());
    let strangers = start(&admin(&c)?, &[Prey::Osds, Prey::Both], &total)?;
    std::thread::sleep(Duration::from_secs(half));
    strangers.into_iter().try_for_each(Running::stop)?;
    alive(&c, &before)?;
    let second = said(&total, "of an administrator")?;
    for ((name, pid), memory) in before.iter().zip(memory) {
        let grown = resident(*pid)?.saturating_sub(memory);
        ensure!(grown < GROWTH_BYTES_MAX, "{name} has grown by {} MiB", mib(grown));
    }

    c.stop()?;
    for osd in 0..3 {
        c.prints(&format!("$KERMES store fsck --deep --device osd.{osd}/block"), &["clean"])?;
    }
    std::fs::remove_dir_all(&c.dir)?;
    Ok(Outcome::Passed(format!("{first}; {second}; three stores are whole")))
}

fn start(
    config: &ClientConfig,
    preys: &[Prey],
    total: &Arc<Total>,
) -> anyhow::Result<Vec<Running<Counted>>> {
    let one = |prey: &Prey| {
        let (config, prey, total) = (config.clone(), *prey, total.clone());
        Running::start(move || Counted::new(config, prey, total))
    };
    preys.iter().map(one).collect()
}

/// The daemons are the same processes.
fn alive(c: &Cluster, before: &[(String, u32)]) -> anyhow::Result<()> {
    ensure!(c.pids()? == before, "daemons are not what they were");
    for (name, pid) in before {
        let runs = Path::new(&format!("/proc/{pid}/exe")).exists();
        ensure!(runs, "{name} has ended\n{}", c.last_words());
    }
    Ok(())
}

fn said(total: &Total, whose: &str) -> anyhow::Result<String> {
    let [sent, answered, ended] =
        [&total.sent, &total.answered, &total.ended].map(|n| n.load(Ordering::Relaxed));
    ensure!(answered > 0 && ended > 0, "nothing came of {sent} requests {whose}");
    Ok(format!("{sent} requests {whose}, {answered} answers, {ended} sessions ended"))
}
