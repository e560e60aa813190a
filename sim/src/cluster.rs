//! One monitor, three OSDs and several clients in one world, chaos for a while, then peace.
//!
//! Two phases: under chaos nothing may be wrong (safety); when everything has been healed all PGs
//! must become active+clean and every operation must be answered (progress).

use crate::chance::Chance;
use crate::check::{linear, stores};
use crate::cores::{Cores, SharedHops};
use crate::disk::Disk;
use crate::faults::Plan;
use crate::operator::{Operator, Report, SharedReport};
use crate::workload::{Habits, History, LastLook, SharedHistory, Workload};
use crate::world::{ProcessId, Weather, World};
use client::ClientConfig;
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthMethod, AuthName, EntityAuth};
use messenger::table::Limits;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use types::node::{CoreId, LogLevel};
use types::zone::ZoneOp;
use types::{EntityAddr, EntityAddrVec, EntityKind, Fsid, Instant, OsdId, UTime};

pub(crate) const POOL: &str = "p";
/// How long a healed cluster may take to serve and be clean.
pub(crate) const HEAL_PATIENCE: Duration = Duration::from_secs(180);
/// After it nothing is under way any more.
const QUIET: Duration = Duration::from_secs(10);
const CHAOS: Duration = Duration::from_secs(60);

/// What a world of one seed has shown.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    pub trace_hash: u32,
    pub events: u64,
    pub answered: u64,
    /// Operations that were refused for want of space or because a read failed.
    pub refused: u64,
    pub crashes: u32,
    /// Operations of clients that hopped to another core of their OSD.
    pub op_hops: u64,
    /// Messages of other OSDs that did.
    pub peer_hops: u64,
    pub failures: Vec<String>,
    /// The last lines that processes logged, when something failed.
    pub tail: Vec<String>,
}

pub(crate) struct Osd {
    pub id: u32,
    pub host: ProcessId,
    key: CryptoKey,
    addr: SocketAddr,
}

pub(crate) struct Cluster {
    pub world: World,
    pub mon: ProcessId,
    mon_addr: EntityAddrVec,
    pub osds: Vec<Osd>,
    pub crashes: u32,
    miss_one_in: u32,
    cache_bytes: usize,
    cores_max: u16,
    /// Clients look for the cores of OSDs.
    to_cores: bool,
    pub hops: SharedHops,
    admin_key: CryptoKey,
    fsid: Fsid,
    nonce: u32,
}

fn key(chance: &mut Chance) -> CryptoKey {
    let seed = chance.seed();
    CryptoKey::new(UTime { sec: 1, nsec: 0 }, seed[..16].try_into().expect("16 bytes"))
}

fn entity(name: &str, caps: &[(&str, &str)], key: CryptoKey) -> (AuthName, EntityAuth) {
    let caps = caps.iter().map(|(service, text)| ((*service).into(), (*text).into())).collect();
    (AuthName::new(EntityKind::Client, name), EntityAuth { key, caps })
}

fn fsid(chance: &mut Chance) -> Fsid {
    Fsid(chance.seed()[..16].try_into().expect("16 bytes"))
}

impl Cluster {
    /// `others`: clients with fewer capabilities than everything, which share the administrator's key.
    pub(crate) fn new(
        seed: u64,
        log: LogLevel,
        plan: &Plan,
        others: &[(&str, &[(&str, &str)])],
    ) -> Self {
        let mut world = World::new(seed);
        world.log = log;
        let mut chance = Chance::new(seed ^ 0x6b65_726d_6573);
        let mut zoned = Chance::new(seed ^ 0x7a6f_6e65_6473);
        let all_zoned = plan.habits.full && zoned.once_in(plan.zoned_one_in);
        let mon_sock = SocketAddr::from(([10, 0, 0, 1], 3300));
        let mon_addr = EntityAddrVec::one(EntityAddr::msgr2(mon_sock, 0));
        let mon = world.add_host("mon.a", Disk::new(0), Some(mon_sock));
        let fsid_value = fsid(&mut chance);
        let mut new_osds = Vec::new();
        let mut osds = Vec::new();
        for id in 0..plan.osds {
            let addr = SocketAddr::from(([10, 0, 1, id as u8], 6800));
            // Devices that fill up are all of one kind: what zones keep free is more, and the least
            // device would stop the others' recovery.
            let is_zoned =
                if plan.habits.full { all_zoned } else { zoned.once_in(plan.zoned_one_in) };
            let mut disk = if is_zoned {
                Disk::zoned(plan.zones, plan.zone_count)
            } else {
                Disk::new(plan.disk_bytes)
            };
            let uuid = fsid(&mut chance);
            let blocks = seastore::mkfs_plan(&seastore::MkfsParams {
                cluster: fsid_value,
                osd: OsdId(id),
                osd_uuid: uuid,
                store_uuid: fsid(&mut chance),
                device_bytes: disk.size(),
                shards: plan.shards,
                zones: disk.traits(),
            });
            for (offset, block) in blocks.expect("the disk is large enough") {
                disk.write_now(offset, &block);
            }
            if let Some(zones) = disk.traits() {
                for offset in seastore::zoned_superblock_offsets(zones.bytes) {
                    disk.begin_zone_op(offset, ZoneOp::Finish);
                    disk.end_zone_op(offset);
                }
            }
            let key = key(&mut chance);
            new_osds.push(mon::NewOsd { id, uuid, key });
            let host = world.add_host(&format!("osd.{id}"), disk, Some(addr));
            osds.push(Osd { id, host, key, addr });
        }
        let admin_key = key(&mut chance);
        let changes = mon::mkfs(&mon::MkfsParams {
            fsid: fsid_value,
            now: UTime { sec: 1_767_225_600, nsec: 0 },
            mons: vec![("a".into(), mon_addr.clone())],
            admin_key,
            mon_key: key(&mut chance),
            osds: new_osds,
            entities: others.iter().map(|(name, caps)| entity(name, caps, admin_key)).collect(),
            chooseleaf_type: 0,
            config: vec![("global".into(), "osd_pool_default_size".into(), plan.size.to_string())],
        });
        world.host(mon).kv =
            changes.expect("the parameters are right").into_iter().fold(Default::default(), put);
        let mut cluster = Self {
            world,
            mon,
            mon_addr,
            osds,
            crashes: 0,
            miss_one_in: plan.miss_one_in,
            cache_bytes: plan.cache_bytes,
            cores_max: plan.cores_max,
            to_cores: plan.to_cores,
            hops: SharedHops::default(),
            admin_key,
            fsid: fsid_value,
            nonce: 1,
        };
        cluster.start_mon();
        for index in 0..cluster.osds.len() {
            cluster.start_osd(index);
        }
        cluster
    }

    fn start_mon(&mut self) {
        let config = mon::Config {
            name: "a".into(),
            addrs: self.mon_addr.clone(),
            auth: mon::AuthConfig { method: AuthMethod::Cephx, ..Default::default() },
            hostname: "host".into(),
            options: Default::default(),
        };
        let seed = self.world.chance.seed();
        let store = self.world.host(self.mon).kv.clone();
        let node = mon::Monitor::new(config, store, seed).expect("its store is whole");
        self.world.start(self.mon, node);
    }

    fn start_osd(&mut self, index: usize) {
        let Osd { id, host, addr, .. } = self.osds[index];
        let key = self.osds[index].key;
        self.nonce += 1;
        let msgr2 = |addr| EntityAddrVec::one(EntityAddr::msgr2(addr, self.nonce));
        let cores = match self.cores_max {
            1 => 1,
            most => self.world.chance.within(1..most as u64 + 1) as u16,
        };
        // Another start, another number of cores, on ports that were other cores'.
        let ports: Vec<SocketAddr> = match cores {
            1 => vec![addr],
            _ => (0..cores).map(|core| SocketAddr::new(addr.ip(), 6801 + core)).collect(),
        };
        let core_addrs: Vec<EntityAddrVec> = ports.iter().map(|addr| msgr2(*addr)).collect();
        let addrs = msgr2(addr);
        if self.cores_max > 1 {
            let mut open = ports.clone();
            if self.world.chance.once_in(4) {
                // Behind a firewall.
                open.remove(self.world.chance.within(0..cores as u64) as usize);
            }
            self.world.listen_also(host, if cores == 1 { &[] } else { &open });
        }
        let disk = &self.world.host(host).disk;
        let superblock = disk.superblock().expect("mkfs wrote it");
        let node = |core: u16, seed: [u8; 32]| {
            osd::OsdNode::new(osd::OsdConfig {
                superblock,
                addrs: addrs.clone(),
                core_addrs: core_addrs.clone(),
                monitors: vec![self.mon_addr.clone()],
                key: Some(key),
                core: CoreId(core),
                cores,
                seed,
                hostname: format!("host{id}"),
                version: "sim".into(),
                device_class: "ssd".into(),
                limits: Limits::default(),
                // A tenth of the worlds' stores do not fit.
                store_cache_bytes: self.cache_bytes,
                store_miss_one_in: self.miss_one_in,
                store_discard: true,
                options: Default::default(),
            })
        };
        debug_assert_eq!(superblock.cluster, self.fsid);
        let chance = &mut self.world.chance;
        if self.cores_max == 1 {
            let seed = chance.seed();
            return self.world.start(host, node(0, seed));
        }
        let nodes = (0..cores).map(|core| node(core, chance.seed())).collect();
        let chance = Chance::new(chance.word());
        self.world.start(host, Cores::new(nodes, &ports, chance, self.hops.clone()));
    }

    pub(crate) fn client_config(&self, name: &str) -> ClientConfig {
        ClientConfig {
            name: AuthName::new(EntityKind::Client, "admin"),
            key: Some(self.admin_key),
            monitors: vec![self.mon_addr.clone()],
            hostname: name.to_owned(),
            connect_timeout: Duration::from_secs(300),
            to_cores: self.to_cores,
        }
    }

    pub(crate) fn add_operator(&mut self, plan: &Plan) -> SharedReport {
        let report = Rc::new(RefCell::new(Report::default()));
        let host = self.world.add_host("operator", Disk::new(0), None);
        let seed = self.world.chance.seed();
        let node =
            Operator::new(self.client_config("operator"), seed, POOL, plan.osds, report.clone());
        self.world.start(host, node);
        report
    }

    /// A process on a host of its own.
    pub(crate) fn add_node<N: types::node::Node + 'static>(&mut self, name: &str, node: N) {
        let host = self.world.add_host(name, Disk::new(0), None);
        self.world.start(host, node);
    }

    /// The monitor and the OSDs.
    pub(crate) fn hosts(&self) -> Vec<ProcessId> {
        std::iter::once(self.mon).chain(self.osds.iter().map(|osd| osd.host)).collect()
    }

    /// Names daemons that have ended of themselves.
    pub(crate) fn exited(&self, failures: &mut Vec<String>) {
        for host in self.hosts() {
            let host = &self.world.hosts[host.0 as usize];
            if let Some(code) = host.exit {
                failures.push(format!("{} has exited with {code}", host.name));
            }
        }
    }

    pub(crate) fn outcome(self, seed: u64, answered: u64, failures: Vec<String>) -> Outcome {
        Outcome {
            seed,
            trace_hash: self.world.trace_hash(),
            events: self.world.events,
            answered,
            refused: 0,
            crashes: self.crashes,
            op_hops: self.hops.ops.get(),
            peer_hops: self.hops.peers.get(),
            tail: if failures.is_empty() { Vec::new() } else { self.world.tail.into() },
            failures,
        }
    }

    pub(crate) fn add_clients(&mut self, habits: Habits, until: Instant) -> SharedHistory {
        let history = Rc::new(RefCell::new(History::default()));
        let clients = self.world.chance.within(2..5) as u32;
        for id in 0..clients {
            let name = format!("client.{id}");
            let host = self.world.add_host(&name, Disk::new(0), None);
            let chance = Chance::new(self.world.chance.word());
            let config = self.client_config(&name);
            let node = Workload::new(id, config, POOL, habits, until, history.clone(), chance);
            self.world.start(host, node);
        }
        history
    }

    pub(crate) fn crash(&mut self, host: ProcessId) {
        if self.world.is_running(host) {
            self.world.note(host, LogLevel::Info, "crashes");
            self.world.crash(host);
            self.crashes += 1;
        }
    }

    /// Starts what is down, each with a chance of one in `patience`.
    pub(crate) fn restart_some(&mut self, patience: u64) {
        if !self.world.is_running(self.mon) && self.world.chance.once_in(patience) {
            self.start_mon();
        }
        for index in 0..self.osds.len() {
            if !self.world.is_running(self.osds[index].host) && self.world.chance.once_in(patience)
            {
                self.start_osd(index);
            }
        }
    }
}

fn put(
    mut kv: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
    change: types::node::KvChange,
) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
    if let types::node::KvChange::Put { key, value } = change {
        kv.insert(key, value);
    }
    kv
}

/// One world from one seed.
pub fn run(seed: u64, log: LogLevel) -> Outcome {
    run_with(seed, log, CHAOS)
}

/// As [`run`], with chaos for so long.
pub fn run_with(seed: u64, log: LogLevel, chaos: Duration) -> Outcome {
    run_plan(seed, log, chaos, |_| {})
}

/// As [`run_with`], with another plan.
pub fn run_plan(
    seed: u64,
    log: LogLevel,
    chaos: Duration,
    change: impl FnOnce(&mut Plan),
) -> Outcome {
    let mut plan = Plan::draw(&mut Chance::new(seed ^ 0x0070_6c61_6e73));
    change(&mut plan);
    let mut cluster = Cluster::new(seed, log, &plan, &[]);
    let mut failures = Vec::new();
    let report = cluster.add_operator(&plan);
    let patience = cluster.world.now() + HEAL_PATIENCE;
    while !report.borrow().clean && cluster.world.now() < patience {
        cluster.world.run_for(Duration::from_millis(100));
    }
    if !report.borrow().clean {
        failures.push(format!("a new cluster is not clean: {}", report.borrow().last));
    }
    let end = cluster.world.now() + chaos;
    let history = cluster.add_clients(plan.habits, end);
    cluster.world.weather = plan.weather.clone();
    while cluster.world.now() < end && failures.is_empty() {
        let calm = Duration::from_millis(cluster.world.chance.within(20..plan.calm_ms_max));
        cluster.world.run_for(calm);
        plan.misfortune(&mut cluster, &report);
        cluster.restart_some(2);
    }
    let clean = heal(&mut cluster, &plan, &history, &report, &mut failures);
    check(&history, &mut failures);
    check_stores(&cluster, seed, clean, &mut failures);
    let history = history.borrow();
    let refused = history.refused;
    Outcome { refused, ..cluster.outcome(seed, history.answered, failures) }
}

/// What a crash now would leave on the disks.
pub(crate) fn check_stores(cluster: &Cluster, seed: u64, clean: bool, failures: &mut Vec<String>) {
    let mut disks: Vec<(OsdId, Disk)> = Vec::new();
    for osd in &cluster.osds {
        let mut disk = cluster.world.hosts[osd.host.0 as usize].disk.clone();
        disk.crash(&mut Chance::new(seed));
        disks.push((OsdId(osd.id), disk));
    }
    let disks: Vec<(OsdId, &Disk)> = disks.iter().map(|(osd, disk)| (*osd, disk)).collect();
    failures.extend(stores::check(&disks, clean));
}

/// Everything works again: now the cluster must too. Returns whether it became clean.
pub(crate) fn heal(
    cluster: &mut Cluster,
    plan: &Plan,
    history: &SharedHistory,
    report: &SharedReport,
    failures: &mut Vec<String>,
) -> bool {
    cluster.world.cut.clear();
    cluster.world.weather = Weather::calm();
    cluster.restart_some(1);
    plan.restore(report);
    // A report from before does not count.
    let healed = cluster.world.now();
    let patience = healed + HEAL_PATIENCE;
    let clean = |report: &SharedReport| {
        let report = report.borrow();
        report.clean && report.at > healed + Duration::from_secs(5)
    };
    let done = |history: &SharedHistory| {
        let history = history.borrow();
        history.pending() == 0 && history.last_look == LastLook::Done
    };
    while !(clean(report) && done(history)) && cluster.world.now() < patience {
        cluster.world.run_for(Duration::from_millis(500));
        cluster.restart_some(1);
        if clean(report) && history.borrow().last_look == LastLook::NotYet {
            history.borrow_mut().last_look = LastLook::Wanted;
        }
    }
    if !done(history) {
        let (pending, look) = (history.borrow().pending(), history.borrow().last_look);
        failures.push(format!("{pending} operations have no answer; last look: {look:?}"));
    }
    cluster.world.run_for(QUIET);
    let clean = clean(report);
    if !clean {
        failures.push(format!("not clean after healing: {}", report.borrow().last));
    }
    for osd in &cluster.osds {
        let host = osd.host;
        if let Some(code) = cluster.world.host(host).exit {
            failures.push(format!("osd.{} has exited with {code}", osd.id));
        }
    }
    clean
}

pub(crate) fn check(history: &SharedHistory, failures: &mut Vec<String>) {
    let history = history.borrow();
    failures.extend(history.anomalies.iter().cloned());
    for (object, operations) in &history.objects {
        if let Err(violation) = linear::check(operations) {
            failures.push(format!("object{object} is not linearizable: {violation}"));
        }
    }
}
