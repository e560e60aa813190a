//! `kermes dev`: a cluster on this machine, for trying things and for tests.

use super::connect::{Cluster, ConnectArgs, block_on};
use super::rdma::Setup;
use super::{mon as mon_cmd, osd as osd_cmd};
use crate::{daemon, files};
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use client::conf::Conf;
use messenger::auth::AuthName;
use runtime::cpu_latency::Wanted;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::net::SocketAddr as SocketPath;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use types::{EntityAddr, EntityAddrVec, EntityKind, Fsid};

/// How long daemons may take to be there, and to stop.
const UP_PATIENCE: Duration = Duration::from_secs(60);
/// Store shards of an OSD for development: each has its own part of the small device, and an object
/// lives in one of them.
const DEV_SHARDS_MIN: u16 = 4;
/// From the monitor's port to the first OSD's.
const OSD_PORT_OFFSET: u16 = 10;
/// Ports behind the last OSD's that cores may take.
const CORE_PORTS_MAX: u16 = 1000;
/// Looks at which a daemon may be missing in a row.
const MISSING_MAX: u32 = 10;
/// Between two of them.
const LOOK_INTERVAL: Duration = Duration::from_millis(15);
/// An OSD's own answer to how it is may take so long.
const STATUS_PATIENCE: Duration = Duration::from_secs(2);
const DOWN_PATIENCE: Duration = Duration::from_secs(10);

/// Run a cluster on this machine: monitors and OSDs as background processes on loopback.
#[derive(Debug, Args)]
pub struct DevArgs {
    #[command(subcommand)]
    command: DevCommand,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Start a cluster in a folder, making it first if it is not there.
    ///
    /// Run it again on the same folder to start what is not running: data stay. Waits until every
    /// placement group is active+clean, then prints how to use the cluster with ceph and rados.
    Up(UpArgs),
    /// Stop the cluster of a folder.
    Down(DownArgs),
    /// Say which daemons of a folder run.
    Status(DirArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    Cephx,
    None,
}

#[derive(Debug, Args)]
pub struct UpArgs {
    /// Folder of the cluster.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Monitors. One, until the replicated log has more.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1))]
    pub mons: u32,
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub osds: u32,
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub cores_per_osd: u16,
    /// Size of each OSD's file, which is sparse.
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = super::connect::parse_bytes)]
    pub osd_size: u64,
    /// Write the files once, so that no block of them is the file system's to allocate later: a
    /// write that has to be durable waits for that.
    #[arg(long, conflicts_with = "device")]
    pub preallocate: bool,
    /// Block devices for OSDs instead of files, the first for osd.0. May be given several times.
    #[arg(long, value_name = "PATH")]
    pub device: Vec<PathBuf>,
    /// Overwrite what these devices hold.
    #[arg(long, requires = "device")]
    pub force: bool,
    /// Make a pool: name, copies and placement groups. May be given several times.
    #[arg(long, value_name = "NAME:SIZE:PGS", value_parser = parse_pool)]
    pub pool: Vec<PoolSpec>,
    /// Port of the monitor; OSDs take the ones from ten above it, and their cores, where an OSD has
    /// several, those behind.
    #[arg(long, value_name = "PORT", default_value_t = 3300)]
    pub port: u16,
    #[arg(long, value_enum, default_value_t = Auth::Cephx)]
    pub auth: Auth,
    /// Serve metrics for Prometheus: osd.N at this port plus N, path /metrics.
    #[arg(long, value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// What drives the OSDs' cores.
    #[arg(long, value_enum, default_value_t = osd_cmd::Reactor::Uring)]
    pub reactor: osd_cmd::Reactor,
    /// See `kermes osd --help`.
    #[arg(long, value_name = "auto|off|US")]
    pub cpu_latency: Option<Wanted>,
    /// Address of the OSDs.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    pub host: IpAddr,
    /// Device for RDMA between OSDs, as `rdma link` names it; --host is an address of it, unless
    /// connections are set up over TCP.
    #[arg(long, value_name = "NAME")]
    pub rdma_device: Option<String>,
    /// How OSDs find each other's queue pairs.
    #[arg(long, value_enum, value_name = "WAY", default_value_t = Setup::Cm, requires = "rdma_device")]
    pub rdma_setup: Setup,
}

#[derive(Debug, Args)]
pub struct DownArgs {
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Remove the folder and every byte in it.
    #[arg(long)]
    pub wipe: bool,
}

#[derive(Debug, Args)]
pub struct DirArgs {
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

#[derive(Debug, Clone)]
pub struct PoolSpec {
    pub name: String,
    pub size: u32,
    pub pgs: u32,
}

fn parse_pool(text: &str) -> Result<PoolSpec, String> {
    let wrong = || format!("{text} is not NAME:SIZE:PGS, for example rbd:3:32");
    let mut parts = text.rsplitn(3, ':');
    let pgs = parts.next().and_then(|p| p.parse().ok()).ok_or_else(wrong)?;
    let size = parts.next().and_then(|p| p.parse().ok()).ok_or_else(wrong)?;
    let name = parts.next().filter(|n| !n.is_empty()).ok_or_else(wrong)?.to_owned();
    Ok(PoolSpec { name, size, pgs })
}

pub fn run(args: &DevArgs) -> anyhow::Result<i32> {
    match &args.command {
        DevCommand::Up(args) => {
            up(args)?;
            print_usage(&args.dir)?;
            Ok(0)
        }
        DevCommand::Down(args) => down(&args.dir, args.wipe).map(|()| 0),
        DevCommand::Status(args) => status(&args.dir),
    }
}

/// Starts what is not running and waits until all of it serves.
pub fn up(args: &UpArgs) -> anyhow::Result<()> {
    let fresh = !args.dir.join("ceph.conf").exists();
    if fresh {
        create(args).with_context(|| format!("cannot make a cluster in {}", args.dir.display()))?;
    }
    let dir = std::path::absolute(&args.dir)?;
    let conf = dir.join("ceph.conf");
    start_daemon(&dir, "mon.a", &["mon", "--name", "a", "--data", &text(&dir.join("mon.a"))])?;
    let mut started = Vec::new();
    for (id, device_path) in osd_devices(&dir)? {
        let cores = args.cores_per_osd.to_string();
        let port = args.port + OSD_PORT_OFFSET + id as u16;
        let reactor = args.reactor.to_possible_value().expect("a named reactor");
        let setup = args.rdma_setup.to_possible_value().expect("a named way");
        let rdma = args
            .rdma_device
            .as_deref()
            .map(|device| ["--rdma-device", device, "--rdma-setup", setup.get_name()]);
        let device = text(&device_path);
        let keyring = text(&device_path.with_file_name("keyring"));
        let listen = SocketAddr::new(args.host, port).to_string();
        let mut command = vec!["osd", "--device", &device, "--keyring", &keyring];
        command.extend(["--cores", &cores, "--listen", &listen]);
        command.extend(["--reactor", reactor.get_name()]);
        command.extend(rdma.iter().flatten());
        let cpu_latency = args.cpu_latency.map(|wanted| wanted.to_string());
        if let Some(wanted) = &cpu_latency {
            command.extend(["--cpu-latency", wanted]);
        }
        let metrics = args.metrics_port.map(|port| format!("127.0.0.1:{}", port + id as u16));
        if let Some(metrics) = &metrics {
            command.extend(["--metrics-listen", metrics]);
        }
        if start_daemon(&dir, &format!("osd.{id}"), &command)? {
            started.push(id);
        }
    }
    let pools = if fresh { args.pool.as_slice() } else { &[] };
    block_on(wait_until_clean(&dir, &conf, &started, pools))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Every OSD of the folder: number and device.
fn osd_devices(dir: &Path) -> anyhow::Result<Vec<(u32, PathBuf)>> {
    let mut osds = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(id) = name.strip_prefix("osd.").and_then(|n| n.parse().ok()) {
            osds.push((id, path.join("block")));
        }
    }
    osds.sort();
    Ok(osds)
}

/// Folders, configuration, keys, the monitor's store and the OSDs' devices. The configuration is
/// written last, so that an interrupted start is begun anew.
fn create(args: &UpArgs) -> anyhow::Result<()> {
    let made = !args.dir.exists();
    std::fs::create_dir_all(&args.dir)?;
    let dir = std::path::absolute(&args.dir)?;
    if !made && std::fs::read_dir(&dir)?.next().is_some() {
        ensure!(
            dir.join("unfinished").exists(),
            "{} is not empty and holds no cluster",
            dir.display()
        );
        remove_all_within(&dir)?;
    }
    std::fs::write(dir.join("unfinished"), "")?;
    for sub in ["pids", "log"] {
        std::fs::create_dir_all(dir.join(sub))?;
    }
    let fsid = daemon::new_uuid()?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let spare = args.device.len().saturating_sub(args.osds as usize);
    ensure!(spare == 0, "{spare} devices more than OSDs");
    let mut osds = Vec::new();
    for id in 0..args.osds {
        osds.push(create_osd(&dir, id, fsid, args)?);
    }
    let size_max = args.pool.iter().map(|p| p.size).max().unwrap_or(0);
    ensure!(size_max <= args.osds, "a pool of {size_max} copies needs as many OSDs");
    let copies = args.osds.min(3);
    let option = |name: &str, value: String| ("global".to_owned(), name.to_owned(), value);
    let params = mon::MkfsParams {
        fsid,
        now: daemon::wall_now(),
        mons: vec![("a".into(), EntityAddrVec::one(EntityAddr::msgr2(listen, 0)))],
        admin_key: mon_cmd::new_key()?,
        mon_key: mon_cmd::new_key()?,
        osds,
        entities: Vec::new(),
        chooseleaf_type: 0,
        config: vec![
            option("osd_pool_default_size", copies.to_string()),
            option("osd_pool_default_min_size", copies.saturating_sub(1).max(1).to_string()),
            option("osd_pool_default_pg_num", "32".into()),
            // So that `rados put` takes any file, as a whole.
            option("osd_max_object_size", (1u64 << 40).to_string()),
            option("mon_allow_pool_delete", "true".into()),
            option("mon_allow_pool_size_one", "true".into()),
            option("mon_warn_on_pool_no_redundancy", "false".into()),
        ],
    };
    mon_cmd::make_store(&dir.join("mon.a"), &params)?;
    let admin = AuthName::new(EntityKind::Client, "admin");
    let keyring = dir.join("ceph.client.admin.keyring");
    files::write_private(&keyring, &files::keyring(&admin, &params.admin_key))?;
    let method = if args.auth == Auth::Cephx { "cephx" } else { "none" };
    // Not in [global]: clients would make sockets too.
    let sockets = dir.join("$cluster-$name.asok");
    let sockets = sockets.display();
    let core_ports = core_ports(args)?;
    let conf = format!(
        "[global]\n\
         fsid = {fsid}\n\
         mon host = [v2:{listen}/0]\n\
         auth cluster required = {method}\n\
         auth service required = {method}\n\
         auth client required = {method}\n\
         \n\
         [mon]\n\
         admin socket = {sockets}\n\
         \n\
         [osd]\n\
         admin socket = {sockets}\n\
         ms bind port min = {}\n\
         ms bind port max = {}\n\
         \n\
         [client]\n\
         keyring = {}\n",
        core_ports.start(),
        core_ports.end(),
        keyring.display()
    );
    std::fs::write(dir.join("ceph.conf"), conf)?;
    std::fs::remove_file(dir.join("unfinished"))?;
    Ok(())
}

/// Ports for the cores of OSDs: behind those that the OSDs are given.
fn core_ports(args: &UpArgs) -> anyhow::Result<RangeInclusive<u16>> {
    let first = args.port.checked_add(OSD_PORT_OFFSET + args.osds as u16);
    let first = first.with_context(|| format!("--port {}: no ports behind it", args.port))?;
    Ok(first..=first.saturating_add(CORE_PORTS_MAX))
}

fn create_osd(dir: &Path, id: u32, fsid: Fsid, args: &UpArgs) -> anyhow::Result<mon::NewOsd> {
    let folder = dir.join(format!("osd.{id}"));
    std::fs::create_dir_all(&folder)?;
    let device = folder.join("block");
    // A device has shards by its size and its zones.
    let shards = match args.device.get(id as usize) {
        Some(path) => {
            std::os::unix::fs::symlink(std::path::absolute(path)?, &device)?;
            None
        }
        None => {
            let file = std::fs::File::create(&device)?;
            if args.preallocate {
                fill(&file, args.osd_size).with_context(|| device.display().to_string())?;
            }
            file.set_len(args.osd_size)?;
            Some(args.cores_per_osd.next_power_of_two().max(DEV_SHARDS_MIN))
        }
    };
    let uuid = daemon::new_uuid()?;
    osd_cmd::mkfs(&osd_cmd::MkfsArgs {
        device,
        id,
        fsid,
        osd_uuid: Some(uuid),
        shards,
        force: args.force && shards.is_none(),
    })?;
    let key = mon_cmd::new_key()?;
    let name = AuthName::new(EntityKind::Osd, &id.to_string());
    files::write_private(&folder.join("keyring"), &files::keyring(&name, &key))?;
    Ok(mon::NewOsd { id, uuid, key })
}

/// Writes `size_bytes` zeros.
fn fill(mut file: &std::fs::File, size_bytes: u64) -> std::io::Result<()> {
    std::io::copy(&mut std::io::repeat(0).take(size_bytes), &mut file)?;
    file.sync_all()
}

/// Empties a folder that a start left half made.
fn remove_all_within(dir: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
    }
    Ok(())
}

fn pid_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("pids").join(format!("{name}.pid"))
}

fn read_pid(dir: &Path, name: &str) -> Option<u32> {
    std::fs::read_to_string(pid_path(dir, name)).ok()?.trim().parse().ok()
}

/// The process of a pid file, if it is still one of ours.
pub fn running(dir: &Path, name: &str) -> Option<u32> {
    let pid = read_pid(dir, name)?;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    // A daemon is known by its configuration: the number alone may be another's by now.
    command.contains(&text(&dir.join("ceph.conf"))).then_some(pid)
}

/// Waits until nothing of a process is left, its locks on stores included. False if something is at
/// `deadline`.
fn wait_for_end(pid: u32, deadline: Instant) -> anyhow::Result<bool> {
    while !runtime::process::has_ended(pid)? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(true)
}

fn end_deadline() -> Instant {
    Instant::now() + DOWN_PATIENCE
}

/// True if it was not running.
fn start_daemon(dir: &Path, name: &str, args: &[&str]) -> anyhow::Result<bool> {
    if running(dir, name).is_some() {
        return Ok(false);
    }
    if let Some(pid) = read_pid(dir, name) {
        // One that was killed and is not quite gone has lost its command line, but holds its store.
        let command = std::fs::read(format!("/proc/{pid}/cmdline"));
        if command.is_ok_and(|c| c.is_empty()) && !wait_for_end(pid, end_deadline())? {
            bail!("{name}, process {pid}, has been told to end and does not");
        }
    }
    let log_path = dir.join("log").join(format!("{name}.log"));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&log_path)?;
    let child = Command::new(std::env::current_exe()?)
        .args(args)
        .arg("--conf")
        .arg(dir.join("ceph.conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C in this terminal is for this command, not for the cluster.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    std::fs::write(pid_path(dir, name), format!("{}\n", child.id()))?;
    Ok(true)
}

/// Names of every daemon of the folder.
fn daemons(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = vec!["mon.a".to_owned()];
    names.extend(osd_devices(dir)?.into_iter().map(|(id, _)| format!("osd.{id}")));
    Ok(names)
}

/// Notices a daemon that ends while it is waited for.
struct Watch<'a> {
    dir: &'a Path,
    /// Looks in a row at which one was missing.
    missing: u32,
}

impl Watch<'_> {
    /// Whether all run. A process that is being started has no command line for a moment.
    ///
    /// # Errors
    /// If one is missing for longer than that: with the last line that it logged.
    fn look(&mut self) -> anyhow::Result<bool> {
        let names = daemons(self.dir)?;
        let Some(name) = names.iter().find(|name| running(self.dir, name).is_none()) else {
            self.missing = 0;
            return Ok(true);
        };
        self.missing += 1;
        let log = self.dir.join("log").join(format!("{name}.log"));
        ensure!(
            self.missing <= MISSING_MAX,
            "{name} has stopped: {} (all of it in {})",
            last_line(&log),
            log.display()
        );
        Ok(false)
    }

    /// Looks until one has ended.
    async fn end(&mut self) -> anyhow::Error {
        loop {
            if let Err(e) = self.look() {
                return e;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

/// Whether an OSD says that it is in the map. The map alone may still show the process before it.
/// True if it can have no admin socket to be asked at.
fn is_active(conf: &Conf, osd: u32) -> bool {
    let name = AuthName::new(EntityKind::Osd, &osd.to_string());
    let Some(path) = conf.admin_socket(&files::entity(name)) else { return true };
    // The names of sockets have 107 bytes at most: the daemon goes on without.
    if SocketPath::from_pathname(&path).is_err() {
        return true;
    }
    let status = r#"{"prefix":"status"}"#;
    let answer = super::daemon::ask(path.as_ref(), status, STATUS_PATIENCE).unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
    answer["state"] == "active"
}

/// Waits for the monitor and the OSDs, those just `started` in particular, makes pools, and waits
/// until all PGs are active+clean.
async fn wait_until_clean(
    dir: &Path,
    conf_path: &Path,
    started: &[u32],
    pools: &[PoolSpec],
) -> anyhow::Result<()> {
    let conf = files::read_conf(Some(conf_path))?.context("no ceph.conf")?;
    let osds = osd_devices(dir)?.len() as u64;
    let deadline = Instant::now() + UP_PATIENCE;
    let mut watch = Watch { dir, missing: 0 };
    let admin = ConnectArgs::admin(conf_path, UP_PATIENCE);
    let cluster = tokio::select! {
        cluster = Cluster::connect(&admin) => cluster
            .with_context(|| format!("the monitor does not answer; see {}/log", dir.display()))?,
        e = watch.end() => return Err(e),
    };
    let mut progress = crate::progress::Progress::new("waiting for the cluster");
    let mut made = pools.is_empty();
    loop {
        let status = command(&cluster, r#"{"prefix":"status","format":"json"}"#).await?;
        let status: serde_json::Value = serde_json::from_slice(&status)?;
        let count = |path: &str| status.pointer(path).and_then(|v| v.as_u64()).unwrap_or(0);
        let up = count("/osdmap/num_up_osds");
        let (pgs, clean) = (count("/pgmap/num_pgs"), clean_pgs(&status));
        progress.show(&format!("{up} of {osds} OSDs up, {clean} of {pgs} PGs active+clean"));
        if up == osds && !made {
            for pool in pools {
                make_pool(&cluster, pool).await?;
            }
            made = true;
            continue;
        }
        let ready = watch.look()? && up == osds && clean == pgs;
        let silent = started.iter().find(|&&osd| ready && !is_active(&conf, osd));
        if ready && silent.is_none() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let silent = silent.map(|osd| format!(", osd.{osd} does not say that it is active"));
            bail!(
                "after {} s {up} of {osds} OSDs are up and {clean} of {pgs} PGs active+clean{}; \
                 see {}/log",
                UP_PATIENCE.as_secs(),
                silent.unwrap_or_default(),
                dir.display()
            );
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// A monitor command that must succeed; returns its output.
async fn command(cluster: &Cluster, text: &str) -> anyhow::Result<bytes::Bytes> {
    let (result, status, output) = cluster.command(text.to_owned()).await?;
    ensure!(result == 0, "{text}: {status} (errno {})", -result);
    Ok(output)
}

fn clean_pgs(status: &serde_json::Value) -> u64 {
    let states = status.pointer("/pgmap/pgs_by_state").and_then(|v| v.as_array());
    states
        .into_iter()
        .flatten()
        .filter(|s| s["state_name"] == "active+clean")
        .filter_map(|s| s["count"].as_u64())
        .sum()
}

async fn make_pool(cluster: &Cluster, pool: &PoolSpec) -> anyhow::Result<()> {
    let PoolSpec { name, size, pgs } = pool;
    let name = serde_json::to_string(name)?;
    let min_size = size.saturating_sub(1).max(1);
    for text in [
        format!(r#"{{"prefix":"osd pool create","pool":{name},"pg_num":{pgs},"size":{size}}}"#),
        format!(r#"{{"prefix":"osd pool set","pool":{name},"var":"min_size","val":"{min_size}"}}"#),
        format!(r#"{{"prefix":"osd pool application enable","pool":{name},"app":"rados"}}"#),
    ] {
        command(cluster, &text).await.with_context(|| format!("pool {name}"))?;
    }
    Ok(())
}

fn last_line(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().last().unwrap_or("it logged nothing").to_owned()
}

/// Stops every daemon of the folder, OSDs first, and removes the folder if asked.
pub fn down(dir: &Path, wipe: bool) -> anyhow::Result<()> {
    if !dir.exists() {
        bail!("{} is not there", dir.display());
    }
    let dir = std::path::absolute(dir)?;
    ensure!(
        dir.join("ceph.conf").exists() && dir.join("pids").exists(),
        "{} holds no cluster of kermes dev",
        dir.display()
    );
    let mut names = daemons(&dir)?;
    names.reverse();
    let (osds, mons): (Vec<_>, Vec<_>) = names.iter().partition(|n| n.starts_with("osd"));
    for group in [osds, mons] {
        let pids: Vec<(&String, u32)> =
            group.into_iter().filter_map(|n| Some((n, running(&dir, n)?))).collect();
        for (_, pid) in &pids {
            signal(*pid, "TERM");
        }
        let deadline = end_deadline();
        for (name, pid) in pids {
            if !wait_for_end(pid, deadline)? {
                eprintln!("{name} does not stop: killed");
                signal(pid, "KILL");
                wait_for_end(pid, end_deadline())?;
            }
        }
    }
    for name in &names {
        let _ = std::fs::remove_file(pid_path(&dir, name));
    }
    if wipe {
        std::fs::remove_dir_all(&dir)
            .with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}

fn signal(pid: u32, name: &str) {
    // A process that is gone already is what we want.
    let _ = runtime::process::signal(pid, if name == "KILL" { 9 } else { 15 });
}

/// Exit code 0 when every daemon runs, 1 otherwise.
fn status(dir: &Path) -> anyhow::Result<i32> {
    let dir = std::path::absolute(dir)?;
    ensure!(dir.join("ceph.conf").exists(), "{} holds no cluster", dir.display());
    let mut all = true;
    for name in daemons(&dir)? {
        match running(&dir, &name) {
            Some(pid) => println!("{name:<8} running, pid {pid}"),
            None => {
                all = false;
                println!("{name:<8} stopped: {}", last_line(&dir.join(format!("log/{name}.log"))));
            }
        }
    }
    Ok(i32::from(!all))
}

fn print_usage(dir: &Path) -> anyhow::Result<()> {
    let dir = std::path::absolute(dir)?;
    let conf = dir.join("ceph.conf");
    println!("The cluster is up. To use it:");
    println!("    export CEPH_CONF={}", conf.display());
    println!("    ceph -s");
    println!("    ceph osd pool create p1 64");
    println!("    rados -p p1 put o1 FILE      (or: kermes rados -p p1 put o1 FILE)");
    println!("Stop it with: kermes dev down --dir {}", dir.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_name_copies_and_pgs() {
        let pool = parse_pool("a:b:3:32").unwrap();
        assert_eq!((pool.name.as_str(), pool.size, pool.pgs), ("a:b", 3, 32));
        assert!(parse_pool("p:3").is_err());
    }
}
