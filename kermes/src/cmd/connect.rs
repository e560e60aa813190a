//! From ceph.conf and a keyring to a running client: options that all client commands share, and a
//! handle whose requests are awaited.

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use client::conf::{Conf, Entity, parse_mon_host, search_paths};
use client::{ClientConfig, ClientNode, Completion, Failure, OpReply, OpSpec, Request, RequestId};
use messenger::auth::AuthName;
use messenger::auth::crypto::CryptoKey;
use messenger::auth::keyring::Keyring;
use messenger::message::Data;
use messenger::messages::Op;
use runtime::tokio_driver::{self, Handle, Resources};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use types::PoolId;
use types::node::LogLevel;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Plain,
    Json,
}

/// Which cluster, and as whom.
#[derive(Debug, Clone, Args)]
pub struct ConnectArgs {
    /// Configuration file. Without it: $CEPH_CONF, /etc/ceph/ceph.conf, ~/.ceph/config, ./ceph.conf
    #[arg(short = 'c', long, global = true, value_name = "FILE")]
    pub conf: Option<String>,
    /// Who to be, for example client.admin
    #[arg(short = 'n', long, global = true, default_value = "client.admin")]
    pub name: String,
    /// As --name, without "client."
    #[arg(long, global = true, conflicts_with = "name")]
    pub id: Option<String>,
    /// Keyring with the key of that name; overrides the configuration's
    #[arg(short = 'k', long, global = true, value_name = "FILE")]
    pub keyring: Option<String>,
    /// Monitors, for example v2:10.0.0.1:3300; overrides the configuration's
    #[arg(short = 'm', long, global = true, value_name = "ADDRESSES")]
    pub mon_host: Option<String>,
    /// Seconds to wait for the cluster
    #[arg(long, global = true, default_value_t = 30)]
    pub connect_timeout: u64,
    /// Print what the client does on stderr
    #[arg(short = 'v', long, global = true)]
    pub verbose: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct FormatArgs {
    /// How results are printed
    #[arg(short = 'f', long, global = true, value_enum, default_value_t = Format::Plain)]
    pub format: Format,
}

impl ConnectArgs {
    /// As client.admin of the cluster that `conf` describes.
    pub fn admin(conf: &std::path::Path, patience: Duration) -> Self {
        Self {
            conf: Some(conf.display().to_string()),
            name: "client.admin".into(),
            id: None,
            keyring: None,
            mon_host: None,
            connect_timeout: patience.as_secs(),
            verbose: false,
        }
    }
}

fn read_conf(args: &ConnectArgs) -> Result<Option<Conf>> {
    let (variable, home) = (std::env::var("CEPH_CONF").ok(), std::env::var("HOME").ok());
    let paths = search_paths(args.conf.as_deref(), variable.as_deref(), home.as_deref(), "ceph");
    let chosen = args.conf.is_some() || variable.is_some_and(|v| !v.is_empty());
    for path in &paths {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                return Ok(Some(Conf::parse(&text).with_context(|| path.clone())?));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !chosen => {}
            Err(e) => return Err(e).with_context(|| path.clone()),
        }
    }
    if args.mon_host.is_none() {
        bail!(
            "no configuration found (looked at {}); give -c FILE or -m ADDRESSES",
            paths.join(", ")
        );
    }
    Ok(None)
}

fn read_key(paths: &[String], name: &AuthName) -> Result<CryptoKey> {
    for path in paths {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e).with_context(|| path.clone()),
        };
        let keyring = Keyring::parse(&text).with_context(|| path.clone())?;
        if let Some(entry) = keyring.entries.get(name) {
            return Ok(entry.key);
        }
    }
    bail!("no key for {name} (looked at {}); give -k FILE", paths.join(", "))
}

/// What the options and files say.
pub fn client_config(args: &ConnectArgs) -> Result<ClientConfig> {
    let text = args.id.as_ref().map_or(args.name.clone(), |id| format!("client.{id}"));
    let name = AuthName::parse(&text).ok_or_else(|| anyhow!("'{text}' is not a name"))?;
    let conf = read_conf(args)?;
    let host = hostname();
    let entity =
        Entity { name, cluster: "ceph".into(), host: host.clone(), pid: std::process::id() };
    let (empty, is_empty) = (Conf::default(), conf.is_none());
    let conf = conf.as_ref().unwrap_or(&empty);
    let monitors = match &args.mon_host {
        Some(text) => parse_mon_host(text).map_err(|e| anyhow!("--mon-host: {e}"))?,
        None => conf.monitors(&entity).map_err(|e| anyhow!("configuration: {e}"))?,
    };
    let keyrings = match &args.keyring {
        Some(path) => vec![path.clone()],
        None => conf.keyring_paths(&entity),
    };
    let wants_key = args.keyring.is_some() || !is_empty && conf.uses_cephx(&entity);
    let key = if wants_key { Some(read_key(&keyrings, &entity.name)?) } else { None };
    Ok(ClientConfig {
        name: entity.name,
        key,
        monitors,
        hostname: host,
        connect_timeout: Duration::from_secs(args.connect_timeout),
        to_cores: true,
    })
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

type Pending = Arc<Mutex<BTreeMap<RequestId, oneshot::Sender<Completion>>>>;

/// A running client. Requests may be awaited from any task.
#[derive(Clone)]
pub struct Cluster {
    handle: Handle<ClientNode>,
    pending: Pending,
}

impl Cluster {
    /// Connects, and waits for the first map. Runs within a [`tokio::task::LocalSet`].
    pub async fn connect(args: &ConnectArgs) -> Result<Self> {
        let node = ClientNode::new(client_config(args)?, seed()?);
        let (handle, calls) = tokio_driver::handle();
        let pending = Pending::default();
        let verbose = args.verbose;
        let log = move |_, level, text: &str| {
            if verbose || level == LogLevel::Error {
                eprintln!("{level:?}: {text}");
            }
        };
        let resources = Resources { log: Box::new(log), ..Resources::default() };
        let answered = pending.clone();
        tokio::task::spawn_local(async move {
            let deliver = move |node: &mut ClientNode, _, _: &mut Vec<_>| {
                let mut pending = answered.lock().expect("no holder panics");
                for (id, completion) in node.take_completions() {
                    if let Some(reply) = pending.remove(&id) {
                        let _ = reply.send(completion);
                    }
                }
            };
            if let Err(e) = tokio_driver::run(node, resources, calls, false, deliver).await {
                eprintln!("kermes: {e}");
            }
        });
        let cluster = Self { handle, pending };
        match cluster.request(Request::Connect).await? {
            Completion::Connected { .. } => Ok(cluster),
            other => Err(unexpected(other)),
        }
    }

    pub async fn request(&self, request: Request) -> Result<Completion> {
        let (reply, answer) = oneshot::channel();
        let pending = self.pending.clone();
        self.handle.call(move |node, now, fx| {
            let id = node.submit(now, request, fx);
            pending.lock().expect("no holder panics").insert(id, reply);
        });
        match answer.await.map_err(|_| anyhow!("the client has stopped"))? {
            Completion::Failed(failure) => Err(failure.into()),
            completion => Ok(completion),
        }
    }

    /// Operations on one object. An error of the OSD becomes [`Failure::Errno`].
    pub async fn op(&self, spec: OpSpec) -> Result<OpReply> {
        match self.request(Request::Op(spec)).await? {
            Completion::Op(reply) if reply.result < 0 => Err(Failure::Errno(reply.result).into()),
            Completion::Op(reply) => Ok(reply),
            other => Err(unexpected(other)),
        }
    }

    pub async fn pool(&self, name: &str) -> Result<Pool> {
        let request = Request::FindPool { name: name.to_owned() };
        let found = self.request(request).await.with_context(|| format!("pool '{name}'"))?;
        match found {
            Completion::Pool(id) => Ok(Pool { cluster: self.clone(), id, nspace: String::new() }),
            other => Err(unexpected(other)),
        }
    }

    /// A monitor command: result, status line, output.
    pub async fn command(&self, cmd: String) -> Result<(i32, String, Bytes)> {
        let request = Request::Command { cmd, input: Data::default() };
        match self.request(request).await? {
            Completion::Command { result, status, output } => {
                Ok((result, status, output.to_bytes()))
            }
            other => Err(unexpected(other)),
        }
    }
}

pub fn unexpected(completion: Completion) -> anyhow::Error {
    anyhow!("answer of another kind: {completion:?}")
}

/// One pool and namespace.
#[derive(Clone)]
pub struct Pool {
    pub cluster: Cluster,
    pub id: PoolId,
    pub nspace: String,
}
impl Pool {
    pub fn spec(&self, object: &str, ops: Vec<Op>) -> OpSpec {
        OpSpec::new(self.id, &self.nspace, object, ops)
    }
    pub async fn op(&self, object: &str, ops: Vec<Op>) -> Result<OpReply> {
        self.cluster.op(self.spec(object, ops)).await
    }
}

/// Runs a client command to its end on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(work))
}

/// Bytes for people: `4.0 MiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Parses `4096`, `4K`, `4MiB`, `1G`: powers of 1024.
pub fn parse_bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("'{text}' is not a size"))?;
    let shift = match unit.to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("'{unit}' is not a unit of size (K, M, G, T)")),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is too large"))
}
