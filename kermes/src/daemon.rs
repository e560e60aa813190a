//! What every daemon of ours does at start: log lines, signals, seeds and listening sockets.

use crate::admin::AdminSocket;
use anyhow::{Context, bail, ensure};
use client::conf::{Conf, Entity};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use types::node::LogLevel;
use types::{EntityAddr, Fsid};

/// Ports that OSDs take unless ceph.conf says others, as Ceph's do.
pub const OSD_PORTS: RangeInclusive<u16> = 6800..=7568;
const PORT_MIN: &str = "ms_bind_port_min";
const PORT_MAX: &str = "ms_bind_port_max";
/// How long a daemon waits for its port when an earlier run has just ended.
const PORT_PATIENCE: Duration = Duration::from_secs(3);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 512;

/// Writes log lines to standard error: time, level, daemon, text.
pub fn logger(name: String, level_max: LogLevel) -> runtime::LogSink {
    Box::new(move |now, level, text| {
        if level > level_max {
            return;
        }
        let time = humantime::format_rfc3339_millis(UNIX_EPOCH + now.wall.to_duration());
        let level = match level {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
        };
        eprintln!("{time} {level:<5} {name} {text}");
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Verbosity {
    Error,
    Warn,
    Info,
    Debug,
}
impl From<Verbosity> for LogLevel {
    fn from(v: Verbosity) -> Self {
        match v {
            Verbosity::Error => Self::Error,
            Verbosity::Warn => Self::Warn,
            Verbosity::Info => Self::Info,
            Verbosity::Debug => Self::Debug,
        }
    }
}

/// Ports that an OSD may take: what firewalls let through.
pub fn osd_ports(conf: &Conf, entity: &Entity) -> anyhow::Result<RangeInclusive<u16>> {
    let port = |name: &str, otherwise: u16| match conf.get(entity, name) {
        Some(text) => {
            text.trim().parse().with_context(|| format!("{name} = {text}: must be a port"))
        }
        None => Ok(otherwise),
    };
    let (first, last) = (port(PORT_MIN, *OSD_PORTS.start())?, port(PORT_MAX, *OSD_PORTS.end())?);
    ensure!(first > 0 && first <= last, "no ports from {PORT_MIN} {first} to {PORT_MAX} {last}");
    Ok(first..=last)
}

/// Listens on `addr`; port 0 stands for the first free one of `ports`.
pub fn listen(addr: SocketAddr, ports: RangeInclusive<u16>) -> anyhow::Result<TcpListener> {
    if addr.port() != 0 {
        let patience = Instant::now() + PORT_PATIENCE;
        return loop {
            match bind(addr) {
                // The kernel takes a ring down, and its sockets with it, some time after the
                // process that owned it is gone.
                Err(e)
                    if e.kind() == std::io::ErrorKind::AddrInUse && Instant::now() < patience =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                result => break result.with_context(|| format!("cannot listen on {addr}")),
            }
        };
    }
    listen_in(addr.ip(), ports)
}

/// Listens on the first free port of `ports`.
pub fn listen_in(ip: IpAddr, ports: RangeInclusive<u16>) -> anyhow::Result<TcpListener> {
    for port in ports.clone() {
        match bind(SocketAddr::new(ip, port)) {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(e) => return Err(e).with_context(|| format!("cannot listen on {ip}:{port}")),
        }
    }
    bail!("no free port between {} and {} on {ip}", ports.start(), ports.end())
}

/// A listening socket that a daemon started again can take at once (SO_REUSEADDR; the standard
/// library sets it).
fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    // The standard library asks for a backlog of 128: bursts of clients need more.
    runtime::socket::set_backlog(&listener, BACKLOG)?;
    Ok(listener)
}

/// A msgr2 address whose nonce tells this run of the daemon from earlier ones.
pub fn address(sock: SocketAddr) -> EntityAddr {
    EntityAddr::msgr2(sock, std::process::id())
}

/// The admin socket that ceph.conf asks for. A daemon goes on without: why there is none is logged.
pub fn admin_socket(
    conf: &Conf,
    entity: &Entity,
    log: &mut runtime::LogSink,
) -> Option<AdminSocket> {
    let path = conf.admin_socket(entity)?;
    match AdminSocket::bind(Path::new(&path)) {
        Ok(socket) => Some(socket),
        Err(e) => {
            let now = runtime::clock::Clock::new().now();
            log(now, LogLevel::Warn, &format!("{e:#}"));
            None
        }
    }
}

/// A random version 4 uuid.
pub fn new_uuid() -> anyhow::Result<Fsid> {
    let seed = runtime::clock::seed()?;
    let mut bytes: [u8; 16] = seed[..16].try_into().expect("16 bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Fsid(bytes))
}

/// Waits for SIGINT or SIGTERM (`None`), or for the first message of `ended`.
pub fn wait_for_signal<T>(
    ended: &mut tokio::sync::mpsc::UnboundedReceiver<T>,
) -> anyhow::Result<Option<T>> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => Ok(None),
            _ = interrupt.recv() => Ok(None),
            message = ended.recv() => Ok(message),
        }
    })
}

pub fn wall_now() -> types::UTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    types::UTime::from_duration(since)
}
