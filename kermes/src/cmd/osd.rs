//! `kermes osd mkfs` and `kermes osd`.

use super::rdma::RdmaArgs;
use crate::admin::{self, Served, What};
use crate::{daemon, files};
use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use client::conf::{Conf, Entity};
use messenger::auth::AuthName;
use messenger::auth::crypto::CryptoKey;
use messenger::table::Limits;
use osd::observe::{Gather, Request};
use osd::{OsdConfig, OsdHop, OsdNode};
use runtime::cpu_latency::{CpuLatency, Wanted};
use runtime::device::{Device, OpenError};
use runtime::outside::Outside;
use runtime::rdma::RdmaConfig;
use runtime::uring::Resources;
use seastore::{MkfsParams, ProbeError, Superblock};
use std::net::{SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use types::node::{BLOCK_SIZE, CoreId, IoError, LogLevel};
use types::zone::ZoneOp;
use types::{EntityAddrVec, EntityKind, Fsid, OsdId};

/// How long an OSD waits for its device when an earlier run has just ended.
const DEVICE_PATIENCE: Duration = Duration::from_secs(3);

/// What is said of a setting that does not fit the device.
pub(super) const PROTECTED_FILE: &str = "power-loss protection is a setting for block devices and is \
     ignored: what the file system under a file keeps in memory does not survive a power cut";

/// Settings in ceph.conf. All but the first and the last two are Ceph's own.
const PROTECTED: &str = "bdev_power_loss_protected";
const DISCARD: &str = "bdev_enable_discard";
const METRICS: &str = "metrics_listen";
const CPU_LATENCY: &str = "cpu_latency";

/// Serve placement groups from one device.
///
/// `kermes osd mkfs` makes the store once; `kermes osd --device PATH` then serves it until it is
/// told to stop (SIGTERM or Ctrl-C). Who the OSD is stands on the device; where the monitors are
/// and the key come from ceph.conf and a keyring.
///
/// Settings in ceph.conf under [osd.N], [osd] or [global]:
///
/// bdev_enable_discard = true|false: whether the device is told of segments that become free. By
/// default yes for block devices that discard and do not rotate, no for files, which would lose
/// their preallocated blocks.
///
/// bdev_power_loss_protected = true|false: as --power-loss-protected.
///
/// ms_bind_port_min, ms_bind_port_max: ports that the OSD may take; 6800 and 7568 by default.
///
/// What the OSD does can be seen while it runs: `kermes daemon osd.N help`, over the socket that
/// `admin_socket` names, and with --metrics-listen (or `metrics_listen = ADDR:PORT`) by Prometheus.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct OsdArgs {
    #[command(subcommand)]
    command: Option<OsdCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum OsdCommand {
    /// Make an empty store on a block device or file.
    Mkfs(MkfsArgs),
}

#[derive(Debug, Args)]
pub struct MkfsArgs {
    /// Block device or existing file.
    #[arg(long, value_name = "PATH")]
    pub device: PathBuf,
    /// Number of the OSD: N of osd.N.
    #[arg(long, value_name = "N")]
    pub id: u32,
    /// The cluster's id, as `ceph fsid` prints it.
    #[arg(long, value_name = "UUID", value_parser = super::parse_fsid)]
    pub fsid: Fsid,
    /// The OSD's own id; a new one by default.
    #[arg(long, value_name = "UUID", value_parser = super::parse_fsid)]
    pub osd_uuid: Option<Fsid>,
    /// Store shards: the most cores that can ever share this device. A power of two up to 256; 8 by
    /// default, fewer on a zoned device that writes to few zones at once. Each has a journal of its
    /// own: with no more of them than cores, more writes go to the device together.
    #[arg(long, value_name = "N")]
    pub shards: Option<u16>,
    /// Overwrite whatever is there.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reactor {
    /// Our own loop on io_uring.
    Uring,
    /// A glommio executor per core.
    #[cfg(feature = "glommio")]
    Glommio,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Block device or file that `kermes osd mkfs` has prepared.
    #[arg(long, value_name = "PATH", required = true)]
    pub device: Option<PathBuf>,
    /// Configuration with the monitors' addresses.
    #[arg(short, long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Keyring with the key of osd.N.
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// Address to listen on, which the map shows; port 0 takes the first free one of the range from
    /// ms_bind_port_min to ms_bind_port_max. With several cores each also takes a port of that range
    /// for itself: `kermes` clients send operations there, to the core that serves them.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Cores to run on, at most the store's shards.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub cores: u16,
    /// Pin the cores to CPUs, beginning with this one.
    #[arg(long, value_name = "CPU")]
    pub cpu_first: Option<usize>,
    /// What drives the cores.
    #[arg(long, value_enum, default_value_t = Reactor::Uring)]
    pub reactor: Reactor,
    /// The block device's cache survives a power cut: a write is durable when it completes, and no
    /// flush is asked for. WARNING: where that is not so, a power cut loses acknowledged writes and may
    /// leave a store that cannot be mounted, on all OSDs that lose power together. Needless
    /// where the kernel knows (`write through` in /sys/block/DISK/queue/write_cache).
    #[arg(long)]
    pub power_loss_protected: bool,
    /// Device class for CRUSH: hdd, ssd or nvme by the kind of device unless this, or
    /// `crush device class` in ceph.conf, says another.
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// While a core is busy, CPUs are to wake up from idling within so many microseconds, which takes
    /// most of the waiting out of operations that have few beside them. auto: 2, or 0 in a virtual
    /// machine, where then no idle CPU halts; off: as the kernel does by itself. Needs write access to
    /// /dev/cpu_dma_latency. `cpu latency` in ceph.conf says the same.
    #[arg(long, value_name = "auto|off|US")]
    pub cpu_latency: Option<Wanted>,
    #[command(flatten)]
    pub rdma: RdmaArgs,
    /// Serve metrics in Prometheus's text format at http://ADDR:PORT/metrics; off by default.
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Least severe lines to log.
    #[arg(long, value_enum, default_value_t = daemon::Verbosity::Info)]
    pub log: daemon::Verbosity,
}

/// Prints nothing on success. Refuses to overwrite anything without `force`.
pub fn mkfs(args: &MkfsArgs) -> anyhow::Result<()> {
    let path = args.device.display();
    let device = open_device(&args.device)?;
    if !args.force {
        match read_superblock(&device)? {
            Err(ProbeError::Blank) => {}
            // Too small is said by the plan, with the size that would do.
            Err(ProbeError::TooSmall { .. }) => {}
            Ok(sb) => bail!(
                "{path} holds the store of osd.{} of cluster {}; --force overwrites it",
                sb.osd,
                sb.cluster
            ),
            Err(what) => bail!("{path}: {what}; --force overwrites it"),
        }
    }
    let params = MkfsParams {
        cluster: args.fsid,
        osd: OsdId(args.id),
        osd_uuid: match args.osd_uuid {
            Some(uuid) => uuid,
            None => daemon::new_uuid()?,
        },
        store_uuid: daemon::new_uuid()?,
        device_bytes: device.size(),
        shards: args.shards.unwrap_or_else(|| {
            let fitting = |zones| MkfsParams::shards_for(&zones, device.size());
            device.zones().map_or(MkfsParams::SHARDS_DEFAULT, fitting)
        }),
        zones: device.zones(),
    };
    let plan = seastore::mkfs_plan(&params).with_context(|| format!("{path}"))?;
    // What a device held before would stay as good as used. One that refuses loses nothing by it,
    // and a file keeps the blocks that were allocated for it.
    if device.is_block() && device.can_discard() {
        let _ = device.discard(0, device.size());
    }
    let failed = || format!("cannot write to {path}");
    if let Some(zones) = device.zones() {
        let whole = device.size() / zones.bytes * zones.bytes;
        device.zone_op(0, whole, ZoneOp::Reset).with_context(failed)?;
    }
    for (offset, block) in plan {
        device.write(offset, &block, false).with_context(failed)?;
    }
    if let Some(zones) = device.zones() {
        // So they are not among those that may be active at once.
        for offset in seastore::zoned_superblock_offsets(zones.bytes) {
            device.zone_op(offset, zones.bytes, ZoneOp::Finish).with_context(failed)?;
        }
    }
    device.flush().with_context(failed)
}

/// What the first and last block say; the outer error is the device's.
fn read_superblock(device: &Device) -> anyhow::Result<Result<Superblock, ProbeError>> {
    let size = device.size();
    if size < 2 * BLOCK_SIZE as u64 {
        return Ok(Err(ProbeError::TooSmall { device_bytes: size, needed: 2 * BLOCK_SIZE as u64 }));
    }
    let read = |offset| read_block(device, offset).context("cannot read the superblock");
    let [first, last] = match device.zones() {
        None => seastore::superblock_offsets(size),
        Some(zones) => seastore::zoned_superblock_offsets(zones.bytes),
    };
    Ok(seastore::probe(size, &read(first)?, &read(last)?))
}

/// The block at the start of a zone; where nothing is written, which not all devices can read, zeros.
fn read_block(device: &Device, offset: u64) -> Result<bytes::Bytes, IoError> {
    if let Some(zones) = device.zones() {
        let report = device.report_zones(offset, zones.bytes)?;
        if report.first().is_some_and(|zone| zone.written < BLOCK_SIZE as u64) {
            return Ok(vec![0; BLOCK_SIZE].into());
        }
    }
    device.read(offset, BLOCK_SIZE)
}

/// Opens a device, and waits a moment for one whose last user has just ended.
fn open_device(path: &Path) -> Result<Device, OpenError> {
    let patience = Instant::now() + DEVICE_PATIENCE;
    loop {
        match Device::open(path) {
            // The kernel takes a ring down, and the files it has registered with it, some time
            // after the process that owned it is gone.
            Err(OpenError::InUse { .. }) if Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// Opens a prepared device and checks whose it is.
pub(super) fn open_store(
    path: &Path,
    cluster: Option<Fsid>,
) -> anyhow::Result<(Device, Superblock)> {
    let device = open_device(path)?;
    let superblock = read_superblock(&device)?.with_context(|| format!("{}", path.display()))?;
    let sizes = |zones: types::zone::ZoneTraits| (zones.bytes, zones.capacity);
    ensure!(
        superblock.zones.map(sizes) == device.zones().map(sizes),
        "{}: the store was made on a device with other zones",
        path.display()
    );
    if let Some(cluster) = cluster {
        superblock.check_cluster(cluster).with_context(|| format!("{}", path.display()))?;
    }
    Ok((device, superblock))
}

/// Writes a copy of the superblock that is damaged again from the whole one, and says so. A device
/// with one copy left would be lost with the next bad block.
fn mend_superblock(
    device: &Device,
    superblock: &Superblock,
    log: &mut runtime::LogSink,
) -> anyhow::Result<()> {
    for offset in superblock.offsets() {
        let block = read_block(device, offset).context("cannot read the superblock")?;
        let Err(why) = Superblock::decode(&block) else { continue };
        let of_zone = |op| superblock.zones.map_or(Ok(()), |z| device.zone_op(offset, z.bytes, op));
        of_zone(ZoneOp::Reset)
            .and_then(|()| device.write(offset, &superblock.encode(), true))
            .and_then(|()| of_zone(ZoneOp::Finish))
            .with_context(|| format!("cannot mend the superblock at {offset}"))?;
        let text = format!("the superblock at {offset} was damaged and is whole again: {why}");
        log(runtime::clock::Clock::new().now(), LogLevel::Warn, &text);
    }
    Ok(())
}

pub fn run(args: &OsdArgs) -> anyhow::Result<i32> {
    match &args.command {
        Some(OsdCommand::Mkfs(args)) => mkfs(args).map(|()| 0),
        None => serve(&args.run),
    }
}

fn serve(args: &RunArgs) -> anyhow::Result<i32> {
    let path = args.device.as_deref().expect("clap requires it");
    let conf = files::read_conf(args.conf.as_deref())?
        .context("no ceph.conf found; give one with --conf")?;
    let nobody = files::entity(AuthName::new(EntityKind::Osd, ""));
    let cluster = match conf.get(&nobody, "fsid") {
        Some(text) => Some(super::parse_fsid(&text).map_err(anyhow::Error::msg)?),
        None => None,
    };
    let (mut device, superblock) = open_store(path, cluster)?;
    ensure!(
        args.cores >= 1 && args.cores <= superblock.shards,
        "{} cores: must be from 1 to {}, the store's shards",
        args.cores,
        superblock.shards
    );
    let mut log = daemon::logger(format!("osd.{}", superblock.osd), args.log.into());
    mend_superblock(&device, &superblock, &mut log)?;
    let now = runtime::clock::Clock::new().now();
    let name = AuthName::new(EntityKind::Osd, &superblock.osd.to_string());
    let entity = files::entity(name.clone());
    let protected =
        args.power_loss_protected || switch(&conf, &entity, PROTECTED)?.unwrap_or(false);
    if protected && !device.set_power_loss_protected() {
        log(now, LogLevel::Warn, PROTECTED_FILE);
    }
    let discard = device.can_discard()
        && switch(&conf, &entity, DISCARD)?.unwrap_or(device.is_worth_discarding());
    let text = format!(
        "device {}: {}; free segments {}",
        path.display(),
        device.describe(),
        if discard { "are discarded" } else { "are kept" }
    );
    log(now, LogLevel::Info, &text);
    let monitors = conf.monitors(&entity)?;
    let rdma = rdma_config(args, &conf, &entity, &monitors)?;
    let key = if conf.uses_cephx(&entity) { Some(read_key(args, &conf, &entity)?) } else { None };
    let ports = daemon::osd_ports(&conf, &entity)?;
    let listeners = Listeners::open(args, ports, &mut log)?;
    let at = |l: &TcpListener| anyhow::Ok(EntityAddrVec::one(daemon::address(l.local_addr()?)));
    let addrs = at(&listeners.shared)?;
    let core_addrs: Vec<_> = match listeners.of_cores.as_slice() {
        [] if args.cores == 1 => vec![addrs.clone()],
        of_cores => of_cores.iter().map(at).collect::<Result<_, _>>()?,
    };
    let class = device_class(args, &conf, &entity);
    let cpu_latency = cpu_latency(args, &conf, &entity, &mut log)?;
    let served = served(args, &conf, &entity, &mut log)?;
    let options = conf.options(&entity);
    let mut configs = Vec::new();
    for core in 0..args.cores {
        configs.push(OsdConfig {
            superblock,
            addrs: addrs.clone(),
            core_addrs: core_addrs.clone(),
            monitors: monitors.clone(),
            key,
            core: CoreId(core),
            cores: args.cores,
            seed: runtime::clock::seed()?,
            hostname: entity.host.clone(),
            version: mon::VERSION.to_owned(),
            device_class: class.clone(),
            limits: Limits::default(),
            store_cache_bytes: seastore::StoreConfig::CACHE_BYTES_DEFAULT,
            store_miss_one_in: 0,
            store_discard: discard,
            options: options.clone(),
        });
    }
    // Removed when this returns.
    let _file = served.file();
    run_cores(args, configs, listeners, &device, rdma, cpu_latency, served)
}

/// Where an OSD is dialled.
struct Listeners {
    /// At the address in the map: every core accepts there, whichever is first.
    shared: TcpListener,
    /// For each core, where it alone accepts; none with one core, and where ports are short.
    of_cores: Vec<TcpListener>,
}

impl Listeners {
    /// An OSD without ports for its cores serves all the same: operations hop.
    fn open(
        args: &RunArgs,
        ports: RangeInclusive<u16>,
        log: &mut runtime::LogSink,
    ) -> anyhow::Result<Self> {
        let shared = daemon::listen(args.listen, ports.clone())?;
        let ip = shared.local_addr()?.ip();
        let mut of_cores = Vec::new();
        // What listens everywhere has no address that clients could be told.
        if args.cores > 1 && !ip.is_unspecified() {
            let opened: anyhow::Result<Vec<_>> =
                (0..args.cores).map(|_| daemon::listen_in(ip, ports.clone())).collect();
            of_cores = opened.unwrap_or_else(|e| {
                let now = runtime::clock::Clock::new().now();
                log(now, LogLevel::Warn, &format!("no port for each core: {e:#}"));
                Vec::new()
            });
        }
        Ok(Self { shared, of_cores })
    }

    /// What one core accepts on.
    fn of(&mut self, core: CoreId) -> std::io::Result<Vec<TcpListener>> {
        let shared = self.shared.try_clone()?;
        let own = self.of_cores.get(core.0 as usize).map(TcpListener::try_clone).transpose()?;
        Ok(std::iter::once(shared).chain(own).collect())
    }
}

/// Connections to other OSDs over RDMA, as options or ceph.conf say; those to monitors are not.
fn rdma_config(
    args: &RunArgs,
    conf: &Conf,
    entity: &Entity,
    monitors: &[EntityAddrVec],
) -> anyhow::Result<Option<RdmaConfig>> {
    let rdma = args.rdma.clone().or_settings(|name| conf.get(entity, name))?;
    let Some(mut config) = rdma.config()? else { return Ok(None) };
    ensure!(args.reactor == Reactor::Uring, "RDMA needs --reactor uring");
    config.except = monitors.iter().filter_map(|m| m.msgr2().and_then(|a| a.sock)).collect();
    Ok(Some(config))
}

/// What this OSD may ask of the CPUs. It serves without, only later.
fn cpu_latency(
    args: &RunArgs,
    conf: &Conf,
    entity: &Entity,
    log: &mut runtime::LogSink,
) -> anyhow::Result<Option<CpuLatency>> {
    let wanted = match (args.cpu_latency, conf.get(entity, CPU_LATENCY)) {
        (Some(wanted), _) => wanted,
        (None, Some(text)) => {
            text.trim().parse().map_err(|why| anyhow!("{CPU_LATENCY} = {why}"))?
        }
        (None, None) => Wanted::Auto,
    };
    let opened = CpuLatency::open(wanted);
    let text = match &opened {
        Ok(Some(latency)) => {
            format!("CPUs wake up within {} us while a core is busy", latency.micros())
        }
        Ok(None) => "CPUs idle as the kernel has them".to_owned(),
        Err(e) => format!("CPUs idle as the kernel has them, and wake up late: {e}"),
    };
    log(runtime::clock::Clock::new().now(), LogLevel::Info, &text);
    Ok(opened.unwrap_or(None))
}

/// The admin socket, and metrics if they are asked for. An OSD serves without the socket too.
fn served(
    args: &RunArgs,
    conf: &Conf,
    entity: &Entity,
    log: &mut runtime::LogSink,
) -> anyhow::Result<Served> {
    let metrics = match (args.metrics_listen, conf.get(entity, METRICS)) {
        (Some(addr), _) => Some(addr),
        (None, Some(text)) if !text.is_empty() => {
            Some(text.parse().with_context(|| format!("{METRICS} = {text}: must be ADDR:PORT"))?)
        }
        _ => None,
    };
    let metrics = metrics.map(admin::listen_metrics).transpose()?;
    Ok(Served { socket: daemon::admin_socket(conf, entity, log), metrics })
}

/// A setting of ceph.conf that is on or off; `None` where it is not given.
fn switch(conf: &Conf, entity: &Entity, name: &str) -> anyhow::Result<Option<bool>> {
    let Some(text) = conf.get(entity, name) else { return Ok(None) };
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(Some(true)),
        "false" | "0" | "no" | "off" => Ok(Some(false)),
        _ => bail!("{name} = {text}: must be true or false"),
    }
}

/// The class that CRUSH is told: the one asked for, else by the kind of device.
fn device_class(args: &RunArgs, conf: &Conf, entity: &Entity) -> String {
    let update = conf.get(entity, "osd_class_update_on_start");
    if update.is_some_and(|v| matches!(v.trim(), "false" | "0" | "no" | "off")) {
        return String::new();
    }
    let asked = args.class.clone().or_else(|| conf.get(entity, "crush_device_class"));
    let path = args.device.as_deref().expect("clap requires it");
    asked.unwrap_or_else(|| runtime::device_class::device_class(path).to_owned())
}

fn read_key(args: &RunArgs, conf: &Conf, entity: &Entity) -> anyhow::Result<CryptoKey> {
    if let Some(path) = &args.keyring {
        return files::read_key(path, &entity.name);
    }
    let paths = conf.keyring_paths(entity);
    let path = paths.iter().map(Path::new).find(|p| p.exists());
    let path = path.with_context(|| {
        format!("no keyring for {} (looked at {}); give --keyring", entity.name, paths.join(", "))
    })?;
    files::read_key(path, &entity.name)
}

/// Asks the cores what clients of the admin socket want to know, one question at a time. `rdma`: what
/// the OSD is named in metrics of RDMA, if it uses it.
fn answer_questions(
    mut cores: Outside<OsdHop>,
    count: u16,
    served: Served,
    rdma: Option<String>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (asker, mut questions) = admin::asker();
        admin::spawn(served, &asker)?;
        let mut id = 0;
        while let Some(question) = questions.recv().await {
            let request = match &question.what {
                What::Metrics => Ok(Request::metrics()),
                What::Command(text) => Request::parse(text),
            };
            let text = match request {
                Err(reply) => reply.into_text(),
                Ok(request) => {
                    id += 1;
                    let asked = ask_cores(&mut cores, count, id, request);
                    match tokio::time::timeout(admin::DAEMON_PATIENCE, asked).await {
                        Ok(reply) => match (&question.what, &rdma) {
                            (What::Metrics, Some(daemon)) => {
                                reply.into_text() + &super::rdma::metrics(daemon)
                            }
                            _ => reply.into_text(),
                        },
                        Err(_) => "ERROR: (110) a core does not answer\n".into(),
                    }
                }
            };
            // The client may have left.
            let _ = question.answer.send(text);
        }
        Ok(())
    })
}

async fn ask_cores(
    cores: &mut Outside<OsdHop>,
    count: u16,
    id: u64,
    request: Request,
) -> osd::observe::Reply {
    let question = request.question();
    let mut gather = Gather::new(request, count);
    for core in (0..count).map(CoreId) {
        cores.send(core, OsdHop::Ask { id, question: question.clone() });
    }
    loop {
        // Answers to a question that was given up carry another number.
        if let (_, OsdHop::Told { id: of, part }) = cores.next().await
            && of == id
            && let Some(reply) = gather.add(*part)
        {
            return reply;
        }
    }
}

/// One thread for each core. Core 0 ends when the OSD has stopped in order, and with it the process.
fn run_cores(
    args: &RunArgs,
    configs: Vec<OsdConfig>,
    mut listeners: Listeners,
    device: &Device,
    rdma: Option<RdmaConfig>,
    cpu_latency: Option<CpuLatency>,
    served: Served,
) -> anyhow::Result<i32> {
    let cores = configs.len() as u16;
    // One end more than there are cores: from there questions are asked.
    let (mut ports, stopper) = runtime::hop::mesh(configs.len() + 1)?;
    let outside = Outside::new(ports.pop().expect("one for each core and one more"));
    let named = configs.first().filter(|_| rdma.is_some());
    let named = named.map(|config| format!("osd.{}", config.superblock.osd));
    std::thread::Builder::new().name("admin".into()).spawn(move || {
        if let Err(e) = answer_questions(outside, cores, served, named) {
            eprintln!("no admin socket and no metrics: {e:#}");
        }
    })?;
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let (ended_tx, mut ended) = tokio::sync::mpsc::unbounded_channel();
    for (config, port) in configs.into_iter().zip(ports) {
        let core = port.core();
        let name = format!("osd.{}/{}", config.superblock.osd, core.0);
        let cpu = args.cpu_first.map(|first| (first + core.0 as usize) % cpus);
        let device = device.try_clone()?;
        let listeners = listeners.of(core)?;
        let (log, reactor, ended) = (args.log.into(), args.reactor, ended_tx.clone());
        let (rdma, cpu_latency) = (rdma.clone(), cpu_latency.clone());
        let body = move || {
            let resources = Resources {
                listeners,
                device: Some(device),
                port,
                cpu,
                rdma,
                cpu_latency,
                log: daemon::logger(name.clone(), log),
            };
            let node = OsdNode::new(config);
            let result = match reactor {
                Reactor::Uring => runtime::uring::run(node, resources),
                #[cfg(feature = "glommio")]
                Reactor::Glommio => runtime::glommio_driver::run(node, resources),
            };
            if let Err(e) = &result {
                eprintln!("{name} cannot go on: {e}");
            }
            let _ = ended.send((core, result.unwrap_or(1)));
        };
        std::thread::Builder::new().name(format!("core-{}", core.0)).spawn(body)?;
    }
    drop(ended_tx);
    let first = daemon::wait_for_signal(&mut ended)?;
    // A signal, or one core that has ended: the others stop too.
    stopper.stop();
    let mut worst = 0;
    let mut next = first;
    loop {
        if let Some((core, code)) = next {
            worst = worst.max(code);
            if core == CoreId(0) {
                return Ok(worst);
            }
        }
        next = Some(ended.blocking_recv().context("every core has ended without an exit code")?);
    }
}
