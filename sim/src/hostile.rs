//! Worlds in which a client with a genuine key sends mutated requests.
//!
//! With capabilities for one pool it does harm to nobody: other clients are served as ever, and their
//! histories are linearizable. With all capabilities it may do what an operator may, so the cluster
//! need not serve; but no daemon ends, and monitor and OSDs start again from what they have stored.

use crate::chance::Chance;
use crate::cluster::{Cluster, HEAL_PATIENCE, Outcome, check, check_stores, heal};
use crate::faults::Plan;
use crate::stranger::{Prey, SharedTally, Stranger, Tally};
use messenger::auth::AuthName;
use std::time::Duration;
use types::EntityKind;
use types::node::LogLevel;

/// The pool whose objects strangers ask for.
const PREY: &str = "prey";
/// The only client of a harmless stranger's name, and what it may do.
pub(crate) const STRANGER: &str = "stranger";
pub(crate) const STRANGER_CAPS: [(&str, &str); 2] =
    [("mon", "allow r"), ("osd", "allow rwx pool=prey")];

/// What strangers may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Everything with one pool.
    Pool,
    /// Everything.
    Admin,
}

/// Strangers may fill a device: that is for other worlds.
fn roomy_plan(seed: u64) -> Plan {
    let mut chance = Chance::new(seed ^ 0x7374_7261_6e67_6572);
    loop {
        let plan = Plan::draw(&mut chance);
        if !plan.habits.full {
            return plan;
        }
    }
}

/// One world: strangers send for `time`. The tally is of all of them.
pub fn run(seed: u64, log: LogLevel, power: Power, time: Duration) -> (Outcome, Tally) {
    let mut plan = roomy_plan(seed);
    plan.weather = crate::world::Weather::calm();
    let mut cluster = Cluster::new(seed, log, &plan, &[(STRANGER, &STRANGER_CAPS)]);
    let mut failures = Vec::new();
    let report = cluster.add_operator(&plan);
    let pool = serde_json::json!({ "prefix": "osd pool create", "pool": PREY, "pg_num": 8 });
    report.borrow_mut().orders.push_back(pool);
    let patience = cluster.world.now() + HEAL_PATIENCE;
    while !report.borrow().clean && cluster.world.now() < patience {
        cluster.world.run_for(Duration::from_millis(100));
    }
    if !report.borrow().clean {
        failures.push(format!("a new cluster is not clean: {}", report.borrow().last));
    }
    let end = cluster.world.now() + time;
    let history = cluster.add_clients(plan.habits, end);
    let mut tallies: Vec<SharedTally> = Vec::new();
    for prey in [Prey::Both, Prey::Osds, Prey::Mon] {
        let tally = SharedTally::default();
        tally.borrow_mut().active = true;
        tallies.push(tally.clone());
        let mut config = cluster.client_config("stranger");
        if power == Power::Pool {
            config.name = AuthName::new(EntityKind::Client, STRANGER);
        }
        let chance = cluster.world.chance.seed();
        cluster.add_node("stranger", Stranger::new(config, chance, PREY, prey, tally));
    }
    while cluster.world.now() < end && failures.is_empty() {
        cluster.world.run_for(Duration::from_millis(100));
        cluster.exited(&mut failures);
    }
    tallies.iter().for_each(|tally| tally.borrow_mut().active = false);
    // What was stored can be read: everything starts again, and stays.
    cluster.world.run_for(Duration::from_secs(1));
    for host in cluster.hosts() {
        cluster.crash(host);
    }
    cluster.restart_some(1);
    if power == Power::Pool {
        let clean = heal(&mut cluster, &plan, &history, &report, &mut failures);
        check(&history, &mut failures);
        check_stores(&cluster, seed, clean, &mut failures);
    } else {
        cluster.world.run_for(Duration::from_secs(20));
        cluster.exited(&mut failures);
        check_stores(&cluster, seed, false, &mut failures);
    }
    failures.extend(cluster.world.alarms.iter().take(8).cloned());
    let mut all = Tally::default();
    for tally in tallies {
        let tally = tally.borrow();
        all.sent += tally.sent;
        all.answered += tally.answered;
        all.ended += tally.ended;
    }
    let answered = history.borrow().answered;
    (cluster.outcome(seed, answered, failures), all)
}
