//! Many connections, and a client that never reads, against an OSD of a real cluster: what it costs, and
//! that others are served.

use crate::cluster::{Cluster, Shell};
use anyhow::{Context, ensure};
use client::conf::{Conf, Entity};
use client::{ClientConfig, Objecter};
use messenger::auth::keyring::Keyring;
use messenger::auth::{AuthName, NoServer};
use messenger::messages::{Op, OsdOp, OsdOpHead, SubscribeItem, TypedMessage};
use messenger::mon_client::{CLIENT_SERVICES, MonClient, MonClientConfig, MonEvent};
use messenger::table::{Event, Messenger, MessengerConfig, Policy};
use runtime::tokio_driver::{self, Handle, Resources};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use types::node::{ConnId, Effect, Input, Node};
use types::time::{Instant, Now};
use types::{
    EntityAddrVec, EntityKind, EntityName, ObjectLocator, OsdId, ReqId, ShardedPgId, SnapContext,
    SnapId, UTime,
};

const CONNECTIONS: usize = 1000;
/// What they may cost an OSD together.
const CONNECTIONS_BYTES_MAX: u64 = 64 << 20;
/// What a client that never reads may cost: its send queue, and what the allocator keeps.
const GREEDY_BYTES_MAX: u64 = (128 << 20) + (64 << 20);
/// What may stay of it in an OSD that has nothing to do.
const STAY_BYTES_MAX: u64 = 24 << 20;
const READS: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs them against osd.0 of a cluster with pool p1.
pub fn run(c: &Cluster) -> anyhow::Result<()> {
    let osd = pid(c, "osd.0")?;
    idle(c, osd)?;
    silent(c)?;
    greedy(c, osd)
}

fn pid(c: &Cluster, name: &str) -> anyhow::Result<u32> {
    Ok(c.pids()?.into_iter().find(|(n, _)| n == name).context("it runs")?.1)
}

/// Resident memory of a process, bytes.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).context("VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("VmRSS")?.parse()?;
    Ok(kib << 10)
}

pub(crate) fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// Waits until `done`.
fn until(what: &str, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let begin = std::time::Instant::now();
    while !done()? {
        ensure!(begin.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn idle(c: &Cluster, osd: u32) -> anyhow::Result<()> {
    let before = resident(osd)?;
    let ready = Arc::new(AtomicUsize::new(0));
    let (config, counted) = (admin(c)?, ready.clone());
    let running = Running::start(move || Crowd::new(config, CONNECTIONS, false, counted))?;
    until("a thousand sessions", || Ok(ready.load(Ordering::Relaxed) == CONNECTIONS))?;
    std::thread::sleep(Duration::from_secs(1));
    let grown = resident(osd)?.saturating_sub(before);
    ensure!(grown < CONNECTIONS_BYTES_MAX, "{CONNECTIONS} idle sessions cost {} MiB", mib(grown));
    c.ok("rados -p p1 put beside ceph.conf && rados -p p1 get beside back && cmp ceph.conf back")?;
    running.stop()?;
    println!("{CONNECTIONS} idle sessions cost {} KiB each", (grown >> 10) / CONNECTIONS as u64);
    Ok(())
}

/// Connections that say nothing, or only who speaks, end with the time for a handshake.
fn silent(c: &Cluster) -> anyhow::Result<()> {
    let port: u16 = c
        .ok("ceph osd dump -f json | jq '.osds[0].public_addrs.addrvec[0].addr' -r")?
        .rsplit(':')
        .next()
        .context("a port")?
        .parse()?;
    let banner = b"ceph v2\n\x10\x00\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0";
    let mut streams = Vec::new();
    for n in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        std::io::Write::write_all(&mut stream, &banner[..n % (banner.len() + 1)])?;
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut sink = Vec::new();
        match stream.read_to_end(&mut sink) {
            Err(e) if e.kind() != std::io::ErrorKind::ConnectionReset => {
                anyhow::bail!("a connection without a handshake stays: {e}")
            }
            _ => {}
        }
    }
    c.prints("ceph -s", &["HEALTH_OK"])?;
    println!("{CONNECTIONS} connections without a handshake are closed");
    Ok(())
}

/// Asks for 4 GB and reads none of it.
fn greedy(c: &Cluster, osd: u32) -> anyhow::Result<()> {
    c.ok("head -c 4194304 /dev/urandom > chunk; rados -p p1 put greedy chunk")?;
    let before = resident(osd)?;
    let ready = Arc::new(AtomicUsize::new(0));
    let (config, counted) = (admin(c)?, ready.clone());
    let running = Running::start(move || Crowd::new(config, 1, true, counted))?;
    until("a session", || Ok(ready.load(Ordering::Relaxed) == 1))?;
    let mut most = 0;
    for _ in 0..8 {
        c.ok("rados -p p1 get greedy back && cmp chunk back")?;
        most = most.max(resident(osd)?.saturating_sub(before));
        std::thread::sleep(Duration::from_millis(300));
    }
    ensure!(most < GREEDY_BYTES_MAX, "a client that never reads costs {} MiB", mib(most));
    running.stop()?;
    // Nobody asks for anything any more.
    let kept = || anyhow::Ok(resident(osd)?.saturating_sub(before));
    until("its memory is the kernel's again", || Ok(kept()? < STAY_BYTES_MAX))?;
    println!("a client that never reads costs {} MiB, {} stay", mib(most), mib(kept()?));
    c.ok("rados -p p1 rm greedy")?;
    Ok(())
}

pub(crate) fn admin(c: &Cluster) -> anyhow::Result<ClientConfig> {
    config(c, "admin", &c.dir().join("ceph.client.admin.keyring"))
}

pub(crate) fn config(
    c: &Cluster,
    id: &str,
    keyring: &std::path::Path,
) -> anyhow::Result<ClientConfig> {
    let conf = Conf::parse(&std::fs::read_to_string(c.dir().join("ceph.conf"))?)?;
    let name = AuthName::new(EntityKind::Client, id);
    let keys = Keyring::parse(&std::fs::read_to_string(keyring)?)?;
    Ok(ClientConfig {
        key: Some(keys.entries.get(&name).context("a key")?.key),
        name,
        monitors: conf.monitors(&Entity::client(id))?,
        hostname: "crowd".into(),
        connect_timeout: PATIENCE,
        to_cores: true,
    })
}

/// A node on a thread of its own.
pub(crate) struct Running<N: Node> {
    handle: Handle<N>,
    thread: JoinHandle<std::io::Result<i32>>,
}

impl<N: Node<Hop = Infallible> + 'static> Running<N> {
    pub(crate) fn start(make: impl FnOnce() -> N + Send + 'static) -> anyhow::Result<Self> {
        let (handle, calls) = tokio_driver::handle();
        let thread = std::thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let resources = Resources { log: Box::new(|_, _, _| {}), ..Resources::default() };
            runtime.block_on(tokio_driver::run(make(), resources, calls, false, |_, _, _| {}))
        })?;
        Ok(Self { handle, thread })
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.handle.stop();
        self.thread.join().ok().context("the thread has panicked")??;
        Ok(())
    }
}

type Fx = Vec<Effect<Infallible>>;

/// Opens sessions with osd.0, and does nothing on them, or asks for much on them and reads nothing.
struct Crowd {
    messenger: Messenger,
    mon: MonClient,
    /// Holds the map.
    objecter: Objecter,
    wanted: usize,
    greedy: bool,
    dialled: BTreeSet<ConnId>,
    ready: Arc<AtomicUsize>,
}

impl Crowd {
    fn new(config: ClientConfig, wanted: usize, greedy: bool, ready: Arc<AtomicUsize>) -> Self {
        let seed = || runtime::clock::seed().expect("the kernel has chance");
        let name = EntityName::new(EntityKind::Client, -1);
        let mut messenger = MessengerConfig::new(name, EntityAddrVec::default());
        // A session whose messages nobody releases reads no more.
        messenger.limits.receive_budget_messages = if greedy { 8 } else { 4096 };
        let mon = MonClientConfig {
            name: config.name.clone(),
            key: config.key,
            monitors: config.monitors.clone(),
            services: CLIENT_SERVICES,
            hostname: config.hostname.clone(),
        };
        Self {
            messenger: Messenger::new(messenger, seed()),
            mon: MonClient::new(mon, seed()),
            objecter: Objecter::new(false),
            wanted,
            greedy,
            dialled: BTreeSet::new(),
            ready,
        }
    }

    fn on_event(&mut self, now: Now, event: Event, fx: &mut Fx) {
        let mut out = Vec::new();
        let event = self.mon.on_event(now, &mut self.messenger, event, &mut out, fx);
        for event in out {
            if let MonEvent::OsdMap(update) = event {
                let mut out = Vec::new();
                self.objecter.on_map(now, &update, &mut self.messenger, &mut out, fx);
                self.mon.got("osdmap", self.objecter.epoch().0 as u64);
            }
        }
        match event {
            Some(Event::Ready { conn, .. }) if self.dialled.contains(&conn) => {
                self.ready.fetch_add(1, Ordering::Relaxed);
                if self.greedy {
                    self.ask(now, conn, fx);
                }
            }
            Some(Event::Message { conn, charge, .. }) if !self.greedy => {
                self.messenger.release(conn, charge, fx)
            }
            _ => {}
        }
        self.dial(now, fx);
    }

    fn dial(&mut self, now: Now, fx: &mut Fx) {
        while self.dialled.len() < self.wanted
            && let Some(auth) = self.mon.service_auth(EntityKind::Osd)
            && let Some(addrs) = self.objecter.map().and_then(|m| m.client_addrs(OsdId(0))).cloned()
        {
            let m = &mut self.messenger;
            let conn = m.connect(now, &addrs, EntityKind::Osd, Policy::Lossy, auth, fx);
            self.dialled.insert(conn);
        }
    }

    /// All of one large object, again and again.
    fn ask(&mut self, now: Now, conn: ConnId, fx: &mut Fx) {
        let Some(map) = self.objecter.map() else { return };
        let Some(pool) = map.pool_id("p1") else { return };
        let locator = ObjectLocator::new(pool, "");
        let Ok(raw) = map.object_to_raw_pg(&locator, "greedy") else { return };
        let pgid = ShardedPgId::replicated(map.fold_pg(raw));
        let head = OsdOpHead { pgid, hash: raw.seed, epoch: map.epoch, flags: 0x10 };
        for tid in 1..=READS {
            let op = OsdOp {
                head,
                reqid: ReqId::default(),
                client_inc: 0,
                mtime: UTime::default(),
                locator: locator.clone(),
                name: "greedy".into(),
                ops: vec![Op::read(0, 4 << 20)],
                snap: SnapId::HEAD,
                snapc: SnapContext::default(),
                retry_attempt: 0,
                features: types::features::PACIFIC,
            };
            self.messenger.send(now, conn, op.into_message(tid), fx);
        }
    }
}

impl Node for Crowd {
    type Hop = Infallible;

    fn handle(&mut self, now: Now, input: Input<Infallible>, fx: &mut Fx) {
        let mut events = Vec::new();
        let left = self.messenger.handle(now, input, &mut NoServer, &mut events, fx);
        events.into_iter().for_each(|event| self.on_event(now, event, fx));
        match left {
            Some(Input::Start) => {
                let item = SubscribeItem { start: 0, once: false };
                self.mon.subscribe(now, &mut self.messenger, "osdmap", item, fx);
                self.mon.start(now, &mut self.messenger, fx);
            }
            Some(Input::Stop) => fx.push(Effect::Exit { code: 0 }),
            Some(Input::Tick) if now.mono >= self.mon.next_deadline() => {
                let mut out = Vec::new();
                self.mon.on_tick(now, &mut self.messenger, &mut out, fx);
            }
            _ => {}
        }
    }

    fn end_of_turn(&mut self, _: Now, _: &mut Fx) {}

    fn next_deadline(&self) -> Instant {
        self.messenger.next_deadline().min(self.mon.next_deadline())
    }
}
