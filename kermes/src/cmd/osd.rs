//! `kermes osd mkfs` and `kermes osd`.

use crate::daemon;
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use runtime::device::Device;
use seastore::{MkfsParams, ProbeError, Superblock};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use types::node::BLOCK_SIZE;
use types::{Fsid, OsdId};

/// Serve placement groups from one device.
///
/// `kermes osd mkfs` makes the store once; `kermes osd --device PATH` then serves it until it is
/// told to stop (SIGTERM or Ctrl-C). Who the OSD is stands on the device; where the monitors are
/// and the key come from ceph.conf and a keyring.
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
    /// Store shards: the most cores that can ever share this device. A power of two up to 256.
    #[arg(long, value_name = "N", default_value_t = MkfsParams::SHARDS_DEFAULT)]
    pub shards: u16,
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
    /// Address to listen on; port 0 takes the first free one from 6800.
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
    /// Least severe lines to log.
    #[arg(long, value_enum, default_value_t = daemon::Verbosity::Info)]
    pub log: daemon::Verbosity,
}

/// Prints nothing on success. Refuses to overwrite anything without `force`.
pub fn mkfs(args: &MkfsArgs) -> anyhow::Result<()> {
    let path = args.device.display();
    let device = Device::open(&args.device)?;
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
        shards: args.shards,
    };
    let plan = seastore::mkfs_plan(&params).with_context(|| format!("{path}"))?;
    for (offset, block) in plan {
        device.write(offset, &block, false).with_context(|| format!("cannot write to {path}"))?;
    }
    device.flush().with_context(|| format!("cannot write to {path}"))
}

/// What the first and last block say; the outer error is the device's.
fn read_superblock(device: &Device) -> anyhow::Result<Result<Superblock, ProbeError>> {
    let size = device.size();
    if size < 2 * BLOCK_SIZE as u64 {
        return Ok(Err(ProbeError::TooSmall { device_bytes: size, needed: 2 * BLOCK_SIZE as u64 }));
    }
    let [first, last] = seastore::superblock_offsets(size);
    let read = |offset| device.read(offset, BLOCK_SIZE).context("cannot read the superblock");
    Ok(seastore::probe(size, &read(first)?, &read(last)?))
}

/// Opens a prepared device and checks whose it is.
fn open_store(path: &Path, cluster: Option<Fsid>) -> anyhow::Result<(Device, Superblock)> {
    let device = Device::open(path)?;
    let superblock = read_superblock(&device)?.with_context(|| format!("{}", path.display()))?;
    if let Some(cluster) = cluster {
        superblock.check_cluster(cluster).with_context(|| format!("{}", path.display()))?;
    }
    Ok((device, superblock))
}

pub fn run(args: &OsdArgs) -> anyhow::Result<i32> {
    match &args.command {
        Some(OsdCommand::Mkfs(args)) => mkfs(args).map(|()| 0),
        None => serve(&args.run),
    }
}

fn serve(args: &RunArgs) -> anyhow::Result<i32> {
    bail!("{args:?}")
}
