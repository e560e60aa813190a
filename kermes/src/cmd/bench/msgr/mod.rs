//! `kermes bench msgr`: what a message costs, without an OSD behind it.

mod client;
mod server;
mod wire;

use super::options::{CoresArgs, CpuLatencyArgs, LoadArgs, OutputArgs};
use super::report::{Cpu, Report, Unit, object};
use crate::cmd::connect::human_bytes;
use crate::cmd::rdma::RdmaArgs;
use crate::daemon;
use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use client::{Client, Guard, Outcome, Plan, Verdict};
use messenger::auth::{Mode as SessionMode, crypto::CryptoKey};
use runtime::cpu_latency::CpuLatency;
use runtime::hop::{Port, Stopper};
use runtime::rdma::{RdmaConfig, counters};
use runtime::uring::Resources;
use serde_json::json;
use server::{Bare, Server, Tally};
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use types::node::Node;
use types::{EntityAddr, EntityAddrVec};

/// Key of secure mode where none is given: a bench guards nothing.
const KEY: [u8; 16] = *b"kermes bench key";

/// Measure the messenger: what Ceph's perf_msgr measures, and how
///
/// The server answers each operation (a MOSDOp with a write of --bs bytes) at once. The client keeps
/// --depth of them under way on each connection, or sends at a fixed --rate, and says how many went
/// to and fro, how long each took, and the CPU that each cost on either side.
///
/// Two terminals:
///
///   kermes bench msgr server --listen 127.0.0.1:6900
///   kermes bench msgr client 127.0.0.1:6900 --bs 4k --depth 32 --seconds 10
///
/// How far that is from what the reactor and the kernel cost by themselves: both with --mode bare,
/// which sends as many bytes with no messenger around them. Ping-pong: --depth 1. How far one reactor is
/// from another: the server with --reactor.
///
/// Over RDMA, on two machines whose devices reach each other: --transport rdma --rdma-device NAME on
/// both sides, and --verify on the client's, which compares every byte after its way to and fro.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct MsgrArgs {
    #[command(subcommand)]
    command: MsgrCommand,
}

#[derive(Debug, Subcommand)]
enum MsgrCommand {
    Server(ServerArgs),
    Client(Box<ClientArgs>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// msgr2, checksums (auth none)
    Crc,
    /// msgr2, AES-128-GCM (cephx)
    Secure,
    /// As many bytes, and no messenger
    Bare,
    /// As bare, and the server checksums what arrives
    Summed,
}

/// What moves the server's bytes. The client is always on io_uring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reactor {
    /// Our own loop on io_uring
    Uring,
    /// A glommio executor per core
    #[cfg(feature = "glommio")]
    Glommio,
    /// A plain loop on epoll, with read and writev
    Epoll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    Tcp,
    /// Needs --rdma-device
    Rdma,
}

/// Answer what clients send, until a signal comes
#[derive(Debug, Args)]
struct ServerArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6900")]
    listen: SocketAddr,
    /// The clients' mode
    #[arg(long, value_enum, default_value_t = Mode::Crc)]
    mode: Mode,
    #[arg(long, value_enum, default_value_t = Reactor::Uring)]
    reactor: Reactor,
    /// Key of secure mode, as in a keyring; one known to everybody by default
    #[arg(long, value_name = "BASE64")]
    key: Option<String>,
    #[command(flatten)]
    cores: CoresArgs,
    #[command(flatten)]
    cpu_latency: CpuLatencyArgs,
    #[arg(long, value_enum, default_value_t = Transport::Tcp)]
    transport: Transport,
    #[command(flatten)]
    rdma: RdmaArgs,
}

/// Send messages to a server and measure
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Address of the server
    server: String,
    #[arg(long, value_enum, default_value_t = Mode::Crc)]
    mode: Mode,
    /// Key of secure mode, as the server has it
    #[arg(long, value_name = "BASE64")]
    key: Option<String>,
    #[command(flatten)]
    load: LoadArgs,
    #[arg(long, value_name = "N", default_value_t = 1)]
    connections: usize,
    #[command(flatten)]
    cores: CoresArgs,
    /// Ask for no answers
    #[arg(long, conflicts_with = "rate")]
    one_way: bool,
    /// Process whose CPU is the server's, on this machine: for servers that are not ours
    #[arg(long, value_name = "PID", conflicts_with = "one_way")]
    server_pid: Option<u32>,
    /// Every message is different and comes back with its answer, which must be the same byte for byte
    #[arg(long, conflicts_with = "one_way")]
    verify: bool,
    #[arg(long, value_enum, default_value_t = Transport::Tcp)]
    transport: Transport,
    #[command(flatten)]
    rdma: RdmaArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: &MsgrArgs) -> anyhow::Result<i32> {
    match &args.command {
        MsgrCommand::Server(args) => serve(args),
        MsgrCommand::Client(args) => measure(args),
    }
}

fn key(mode: Mode, text: Option<&str>) -> anyhow::Result<Option<CryptoKey>> {
    if mode != Mode::Secure {
        ensure!(text.is_none(), "--key is for --mode secure");
        return Ok(None);
    }
    Ok(Some(match text {
        Some(text) => CryptoKey::from_base64(text).context("--key: not a key of a keyring")?,
        None => CryptoKey::new(types::UTime::default(), KEY),
    }))
}

/// `None` for TCP.
fn rdma_config(transport: Transport, args: &RdmaArgs) -> anyhow::Result<Option<RdmaConfig>> {
    let config = args.config()?;
    match transport {
        Transport::Tcp => ensure!(config.is_none(), "--rdma-device is for --transport rdma"),
        Transport::Rdma => ensure!(config.is_some(), "--transport rdma needs --rdma-device"),
    }
    Ok(config)
}

fn resources(
    port: Port<()>,
    listeners: Vec<std::net::TcpListener>,
    cpu_first: Option<usize>,
    rdma: Option<RdmaConfig>,
    cpu_latency: Option<CpuLatency>,
) -> Resources<()> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let core = port.core().0 as usize;
    Resources {
        listeners,
        device: None,
        cpu: cpu_first.map(|first| (first + core) % cpus),
        port,
        rdma,
        cpu_latency,
        log: Box::new(|_, level, text| super::say(level, text)),
    }
}

fn run_on<N: Node<Hop = ()> + 'static>(
    reactor: Reactor,
    node: N,
    resources: Resources<()>,
) -> std::io::Result<i32> {
    match reactor {
        Reactor::Uring => runtime::uring::run(node, resources),
        #[cfg(feature = "glommio")]
        Reactor::Glommio => runtime::glommio_driver::run(node, resources),
        Reactor::Epoll => runtime::epoll_driver::run(node, resources),
    }
}

type Ended = tokio::sync::mpsc::UnboundedReceiver<()>;
type Threads = Vec<std::thread::JoinHandle<std::io::Result<i32>>>;

/// Starts the server's cores: where they listen, what stops them, and what says that one has ended.
fn start(args: &ServerArgs) -> anyhow::Result<(SocketAddr, Stopper, Threads, Ended)> {
    args.cores.check()?;
    let key = key(args.mode, args.key.as_deref())?;
    let rdma = rdma_config(args.transport, &args.rdma)?;
    let cpu_latency = args.cpu_latency.open()?;
    let on_uring = args.reactor == Reactor::Uring;
    ensure!(on_uring || rdma.is_none(), "--transport rdma is for --reactor uring");
    let on_epoll = args.reactor == Reactor::Epoll;
    ensure!(!on_epoll || cpu_latency.is_none(), "--cpu-latency is not for --reactor epoll");
    // Port 0 is any that is free, not one of an OSD's.
    let listener = match args.listen.port() {
        0 => std::net::TcpListener::bind(args.listen)?,
        _ => daemon::listen(args.listen, daemon::OSD_PORTS)?,
    };
    let addr = listener.local_addr()?;
    let (ports, stopper) = runtime::hop::mesh::<()>(args.cores.count())?;
    let tally: Tally = Arc::new((0..args.cores.count()).map(|_| AtomicU64::new(0)).collect());
    let (ended_tx, ended) = tokio::sync::mpsc::unbounded_channel();
    let mut threads = Vec::new();
    for port in ports {
        let core = port.core().0 as usize;
        let (listener, tally) = (listener.try_clone()?, tally.clone());
        let (mode, reactor) = (args.mode, args.reactor);
        let (cpu_first, ended, seed) =
            (args.cores.cpu_first, ended_tx.clone(), runtime::clock::seed()?);
        let (rdma, cpu_latency) = (rdma.clone(), cpu_latency.clone());
        let body = move || {
            let resources = resources(port, vec![listener], cpu_first, rdma, cpu_latency);
            let result = match mode {
                Mode::Bare | Mode::Summed => {
                    run_on(reactor, Bare::new(core, tally, mode == Mode::Summed), resources)
                }
                Mode::Crc | Mode::Secure => {
                    // Clients know no nonce of ours, and perf_msgr's take it for 0.
                    let addrs = EntityAddrVec::one(EntityAddr::msgr2(addr, 0));
                    let node = Server::new(addrs, key, core, tally, seed);
                    run_on(reactor, node, resources)
                }
            };
            let _ = ended.send(());
            result
        };
        threads.push(std::thread::Builder::new().name(format!("core-{core}")).spawn(body)?);
    }
    Ok((addr, stopper, threads, ended))
}

fn serve(args: &ServerArgs) -> anyhow::Result<i32> {
    let (addr, stopper, threads, mut ended) = start(args)?;
    println!("listening on {addr}");
    std::io::stdout().flush()?;
    daemon::wait_for_signal(&mut ended)?;
    stopper.stop();
    for thread in threads {
        thread.join().map_err(|_| anyhow!("a core has panicked"))?.context("a core has ended")?;
    }
    Ok(0)
}

fn measure(args: &ClientArgs) -> anyhow::Result<i32> {
    let files = args.output.create()?;
    let outcome = run_clients(args)?;
    let report = report(args, &outcome);
    files.write(&outcome.measured.latency_ns, &report.image())?;
    report.print(&args.output);
    Ok(0)
}

/// What is said of a run.
fn report<'a>(args: &'a ClientArgs, outcome: &'a Outcome) -> Report<'a> {
    let measured = &outcome.measured;
    let mode = args.mode.to_possible_value().expect("no mode is hidden").get_name().to_owned();
    let transport = args.transport.to_possible_value().expect("none is hidden");
    let transport = transport.get_name().to_owned();
    let over_rdma = counters::CONNECTIONS.get();
    let mut after = Vec::new();
    if args.transport == Transport::Rdma {
        after.push(format!("over RDMA: {over_rdma} of {} connections", args.connections));
    }
    if args.verify {
        after.push("every byte came back as it was sent".to_owned());
    }
    let server = outcome.server.filter(|s| s.messages > 0);
    let server_us = server.map(|s| s.cpu_ns as f64 / 1e3 / s.messages as f64);
    let cpu = |name, key, us_per_op| Cpu { name, key, us_per_op, of: "a message".into() };
    Report {
        bench: "msgr",
        unit: Unit::Messages,
        headline: format!(
            "{transport}, {mode}, {} of data, {} connections on {} cores, {} under way on each{}",
            human_bytes(args.load.bs),
            args.connections,
            args.cores.count(),
            args.load.depth,
            args.load.at_rate()
        ),
        load: &args.load,
        measured,
        has_latencies: !outcome.one_way,
        cpu: vec![
            cpu("server CPU", "server_cpu_us_per_message", server_us),
            cpu("client CPU", "client_cpu_us_per_message", Some(measured.us_per_op(measured.cpu))),
        ],
        settings: object(json!({
            "transport": transport,
            "verified": args.verify,
            "mode": mode,
            "connections": args.connections,
            "cores": args.cores.count(),
            "one_way": args.one_way,
        })),
        before: Vec::new(),
        after,
        more: object(json!({
            "over_rdma": over_rdma,
            "rdma_direct_bytes": counters::DIRECT_BYTES.get(),
            "rdma_copied_bytes": counters::COPIED_BYTES.get(),
        })),
    }
}

fn plan(args: &ClientArgs) -> anyhow::Result<Plan> {
    args.load.check()?;
    args.cores.check()?;
    let cores = args.cores.count();
    ensure!(args.load.bs <= 16 << 20, "--bs {}: must be up to 16M", args.load.bs);
    let most = 10_000;
    ensure!(
        (cores..=most).contains(&args.connections),
        "--connections {}: must be from the number of cores to {most}",
        args.connections
    );
    ensure!(args.connections.is_multiple_of(cores), "--connections: each core as many");
    let is_bare = matches!(args.mode, Mode::Bare | Mode::Summed);
    ensure!(!args.verify || !is_bare, "--verify: the bare server answers zeros");
    if is_bare && args.one_way {
        bail!("--one-way: the bare server answers always");
    }
    let mut addrs = args.server.to_socket_addrs().with_context(|| args.server.clone())?;
    Ok(Plan {
        server: addrs.next().with_context(|| format!("{}: no address", args.server))?,
        guard: match args.mode {
            Mode::Crc => Guard::Session(SessionMode::Crc),
            Mode::Secure => Guard::Session(SessionMode::Secure),
            Mode::Bare | Mode::Summed => Guard::Bare,
        },
        key: key(args.mode, args.key.as_deref())?,
        load: LoadArgs {
            rate: args.load.rate.map(|rate| rate / cores as f64),
            ..args.load.clone()
        },
        connections: args.connections / cores,
        one_way: args.one_way,
        verify: args.verify,
        server_pid: args.server_pid,
    })
}

/// Runs a client on each core; what they counted together.
fn run_clients(args: &ClientArgs) -> anyhow::Result<Outcome> {
    let plan = plan(args)?;
    let rdma = rdma_config(args.transport, &args.rdma)?;
    let cpu_latency = args.load.cpu_latency.open()?;
    let (ports, stopper) = runtime::hop::mesh::<()>(args.cores.count())?;
    let stopper = Arc::new(stopper);
    let mut threads = Vec::new();
    for port in ports {
        let (plan, seed, cpu_first) = (plan.clone(), runtime::clock::seed()?, args.cores.cpu_first);
        let (stopper, rdma, cpu_latency) = (stopper.clone(), rdma.clone(), cpu_latency.clone());
        // `None`: another core has failed, or a signal came.
        let body = move || -> anyhow::Result<Option<Outcome>> {
            let verdict = Verdict::default();
            let node = Client::new(plan, seed, verdict.clone());
            let result = runtime::uring::run(
                node,
                resources(port, Vec::new(), cpu_first, rdma, cpu_latency),
            );
            let outcome = verdict.borrow_mut().take();
            if !matches!(outcome, Some(Ok(_))) {
                stopper.stop();
            }
            result.context("io_uring")?;
            outcome.transpose().map_err(|why| anyhow!(why))
        };
        threads.push(std::thread::Builder::new().spawn(body)?);
    }
    super::join_cores(threads, Outcome::add).with_context(|| args.server.clone())
}

#[cfg(test)]
mod tests;
