//! `kermes mon mkfs` and `kermes mon`.

use crate::admin::{self, Question, Served, What};
use crate::{daemon, files};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthMethod, AuthName};
use runtime::kv::Kv;
use runtime::tokio_driver;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use types::{EntityAddr, EntityAddrVec, EntityKind, Fsid};

/// Keep the cluster's maps, keys and configuration.
///
/// `kermes mon mkfs` makes the store of a new cluster once; `kermes mon --data DIR` then serves it
/// until it is told to stop (SIGTERM or Ctrl-C).
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct MonArgs {
    #[command(subcommand)]
    command: Option<MonCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum MonCommand {
    /// Make the store of a new cluster, and the keyring of client.admin.
    Mkfs(MkfsArgs),
}

#[derive(Debug, Args)]
pub struct MkfsArgs {
    /// Folder for the store; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Name of the monitor: a of mon.a.
    #[arg(long, value_name = "NAME", default_value = "a")]
    pub name: String,
    /// Address at which it will listen, as clients reach it.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:3300")]
    pub listen: SocketAddr,
    /// The cluster's id; a new one by default.
    #[arg(long, value_name = "UUID", value_parser = super::parse_fsid)]
    pub fsid: Option<Fsid>,
    /// Where to write the keyring of client.admin.
    #[arg(long, value_name = "FILE")]
    pub keyring: PathBuf,
    /// Spread copies over hosts (1) or only over OSDs (0).
    #[arg(long, value_name = "0|1", default_value_t = 1)]
    pub chooseleaf_type: u16,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Folder that `kermes mon mkfs` has made.
    #[arg(long, value_name = "DIR", required = true)]
    pub data: Option<PathBuf>,
    /// Name of the monitor.
    #[arg(long, value_name = "NAME", default_value = "a")]
    pub name: String,
    /// Configuration file; its options apply where the central configuration has none.
    #[arg(short, long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Least severe lines to log.
    #[arg(long, value_enum, default_value_t = daemon::Verbosity::Info)]
    pub log: daemon::Verbosity,
}

/// Where a monitor's store is.
pub fn store_path(data: &Path) -> PathBuf {
    data.join("store.redb")
}

/// A key that has never been.
pub fn new_key() -> anyhow::Result<CryptoKey> {
    let seed = runtime::clock::seed()?;
    let secret = seed[..16].try_into().expect("16 bytes");
    Ok(CryptoKey::new(daemon::wall_now(), secret))
}

/// Makes the store in `data`. Refuses to touch one that is there.
pub fn make_store(data: &Path, params: &mon::MkfsParams) -> anyhow::Result<()> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let path = store_path(data);
    if path.exists() {
        bail!("{} is there already; a new cluster needs an empty folder", path.display());
    }
    let changes = mon::mkfs(params)?;
    let kv = Kv::open(&path).with_context(|| path.display().to_string())?;
    kv.apply(&changes).with_context(|| path.display().to_string())
}

pub fn run(args: &MonArgs) -> anyhow::Result<i32> {
    match &args.command {
        Some(MonCommand::Mkfs(args)) => mkfs(args).map(|()| 0),
        None => serve(&args.run),
    }
}

fn mkfs(args: &MkfsArgs) -> anyhow::Result<()> {
    let fsid = match args.fsid {
        Some(fsid) => fsid,
        None => daemon::new_uuid()?,
    };
    let addr = EntityAddrVec::one(EntityAddr::msgr2(args.listen, 0));
    let params = mon::MkfsParams {
        fsid,
        now: daemon::wall_now(),
        mons: vec![(args.name.clone(), addr)],
        admin_key: new_key()?,
        mon_key: new_key()?,
        osds: Vec::new(),
        entities: Vec::new(),
        chooseleaf_type: args.chooseleaf_type,
        config: Vec::new(),
    };
    if args.keyring.exists() {
        bail!("{} is there already", args.keyring.display());
    }
    make_store(&args.data, &params)?;
    let admin = AuthName::new(EntityKind::Client, "admin");
    files::write_private(&args.keyring, &files::keyring(&admin, &params.admin_key))?;
    println!("cluster {fsid}: start it with `kermes mon --data {}`", args.data.display());
    Ok(())
}

fn serve(args: &RunArgs) -> anyhow::Result<i32> {
    let data = args.data.as_deref().expect("clap requires it");
    let path = store_path(data);
    if !path.exists() {
        bail!("{} is not there; `kermes mon mkfs` makes it", path.display());
    }
    let kv = Kv::open(&path).with_context(|| {
        format!("{}: cannot be opened (is the monitor running?)", path.display())
    })?;
    let store = kv.load().with_context(|| path.display().to_string())?;
    let conf = files::read_conf(args.conf.as_deref())?;
    let entity = files::entity(AuthName::new(EntityKind::Mon, &args.name));
    let method = if conf.as_ref().is_none_or(|c| c.uses_cephx(&entity)) {
        AuthMethod::Cephx
    } else {
        AuthMethod::None
    };
    let options = conf.as_ref().map(|c| c.options(&entity)).unwrap_or_default();
    let service = mon::mon_service::MonService::load(&store, &args.name, daemon::wall_now())?
        .with_context(|| format!("{} holds no MonMap", path.display()))?;
    let addrs = service
        .map
        .mons
        .get(&args.name)
        .map(|m| &m.addrs)
        .with_context(|| format!("{} does not name mon.{}", path.display(), args.name))?
        .clone();
    let config = mon::Config {
        name: args.name.clone(),
        addrs: addrs.clone(),
        auth: mon::AuthConfig { method, ..Default::default() },
        hostname: entity.host.clone(),
        options,
    };
    let node = mon::Monitor::new(config, store, runtime::clock::seed()?)?;
    let sock = addrs.msgr2().and_then(|a| a.sock).context("the MonMap has no msgr2 address")?;
    let mut log = daemon::logger(format!("mon.{}", args.name), args.log.into());
    let socket = conf.as_ref().and_then(|conf| daemon::admin_socket(conf, &entity, &mut log));
    let served = Served { socket, metrics: None };
    // Removed when this returns.
    let _file = served.file();
    let resources = tokio_driver::Resources {
        listeners: vec![daemon::listen(sock, daemon::OSD_PORTS)?],
        device: None,
        kv: Some(kv),
        log,
    };
    let (handle, calls) = tokio_driver::handle::<mon::Monitor>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (asker, mut questions) = admin::asker();
        admin::spawn(served, &asker)?;
        tokio::spawn(async move {
            while let Some(Question { what, answer }) = questions.recv().await {
                let What::Command(text) = what else { continue };
                handle.call(move |mon, now, _| {
                    // The client may have left.
                    let _ = answer.send(mon.local_command(now, &text));
                });
            }
        });
        Ok(tokio_driver::run(node, resources, calls, true, |_, _, _| {}).await?)
    })
}
