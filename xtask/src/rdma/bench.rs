//! Servers and clients of `kermes bench msgr` over RDMA, and what the kernel counts of a device.

use crate::acceptance::directory;
use crate::cluster::{describe, kermes};
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Names what this end does wrong, for tests of the other: see `runtime::rdma::Fault`.
const FAULT: &str = "KERMES_RDMA_FAULT";

/// What the kernel counts of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub queue_pairs: u64,
    pub regions: u64,
}

pub fn held(device: &str) -> anyhow::Result<Held> {
    let output = Command::new("rdma").args(["resource", "show", device]).output()?;
    ensure!(output.status.success(), "rdma resource: {}", describe(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = |name: &str| -> anyhow::Result<u64> {
        let mut from = text.split_whitespace().skip_while(|word| *word != name).skip(1);
        Ok(from.next().with_context(|| format!("no {name} in {text}"))?.parse()?)
    };
    Ok(Held { queue_pairs: count("qp")?, regions: count("mr")? })
}

/// What is held once it is `wanted`, or some time has passed: processes that were killed are taken
/// down by and by.
pub fn settled(device: &str, wanted: Held) -> anyhow::Result<Held> {
    let begin = Instant::now();
    loop {
        let now = held(device)?;
        if now == wanted || begin.elapsed() > Duration::from_secs(20) {
            return Ok(now);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A server of `kermes bench msgr`.
pub struct Server {
    pub child: Child,
    pub address: String,
    /// What it says of connections.
    log: PathBuf,
}

impl Server {
    pub fn start(address: String, options: &[&str]) -> anyhow::Result<Self> {
        Self::start_wrong(address, options, "")
    }

    /// One that does wrong.
    pub fn start_wrong(address: String, options: &[&str], fault: &str) -> anyhow::Result<Self> {
        let log = directory(&format!("msgr-{}", address.replace([':', '.'], "-")));
        let mut child = Command::new(kermes())
            .args(["bench", "msgr", "server", "--listen", &address])
            .args(options)
            .env(FAULT, fault)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line)?;
        ensure!(line.starts_with("listening"), "a server says {line:?}");
        let server = Self { child, address, log };
        if options.contains(&"cm") {
            server.wait_for_manager()?;
        }
        Ok(server)
    }

    /// Waits until it listens with rdma_cm too, which is some time after it listens over TCP.
    fn wait_for_manager(&self) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            let output = Command::new("rdma").args(["resource", "show", "cm_id"]).output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if text.lines().any(|l| l.contains("LISTEN") && l.contains(&self.address)) {
                return Ok(());
            }
            ensure!(begin.elapsed() < Duration::from_secs(15), "nobody listens: {text}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn client(&self, options: &[&str]) -> Command {
        let mut command = Command::new(kermes());
        command.args(["bench", "msgr", "client", &self.address, "--warm-up", "0", "--json"]);
        command.args(options).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// One that does wrong.
    pub fn wrong_client(&self, options: &[&str], fault: &str) -> Command {
        let mut command = self.client(options);
        command.env(FAULT, fault);
        command
    }

    pub fn said(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// The same of each core, by its thread: hundredths of a second. One may not have begun yet.
    pub fn cpu_of_cores(&self) -> anyhow::Result<BTreeMap<OsString, u64>> {
        let mut used = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let entry = entry?;
            let path = entry.path();
            if std::fs::read_to_string(path.join("comm"))?.starts_with("core-") {
                used.insert(entry.file_name(), ticks(&path)?);
            }
        }
        Ok(used)
    }

    /// User and system time so far, in hundredths of a second.
    pub fn cpu(&self) -> anyhow::Result<u64> {
        ticks(format!("/proc/{}", self.child.id()).as_ref())
    }
}

fn ticks(folder: &Path) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(folder.join("stat"))?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    Ok(fields[13].parse::<u64>()? + fields[14].parse::<u64>()?)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

pub fn result_of(output: &Output) -> anyhow::Result<serde_json::Value> {
    ensure!(output.status.success(), "bench msgr client: {}", describe(output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A client that ends by itself: messages that came back whole, all connections over RDMA.
pub fn verified(server: &Server, options: &[&str], more: &str) -> anyhow::Result<u64> {
    let found = run(server, options, more)?;
    Ok(found["messages"].as_u64().unwrap_or(0))
}

/// The same with messages that are large enough to be read into where they are wanted, not copied there.
pub fn straight(server: &Server, options: &[&str], more: &str) -> anyhow::Result<u64> {
    let found = run(server, options, more)?;
    let bytes = |name: &str| found[name].as_u64().with_context(|| format!("{more}: no {name}"));
    let (direct, copied) = (bytes("rdma_direct_bytes")?, bytes("rdma_copied_bytes")?);
    ensure!(direct > 4 * copied, "{more}: {direct} bytes read directly, {copied} copied");
    Ok(found["messages"].as_u64().unwrap_or(0))
}

fn run(server: &Server, options: &[&str], more: &str) -> anyhow::Result<serde_json::Value> {
    let words: Vec<&str> = more.split_whitespace().collect();
    let mut command = server.client(options);
    let output = command.args(["--verify"]).args(&words).output()?;
    let found = result_of(&output).with_context(|| more.to_owned())?;
    ensure!(found["messages"].as_u64() > Some(0), "{more}: nothing came back: {found}");
    ensure!(found["over_rdma"] == found["connections"], "{more}: not over RDMA: {found}");
    Ok(found)
}

/// Waits until a child has ended, so many seconds.
pub fn ends_within(child: Child, seconds: u64) -> anyhow::Result<Output> {
    let begin = Instant::now();
    let mut child = child;
    while child.try_wait()?.is_none() {
        if begin.elapsed() > Duration::from_secs(seconds) {
            child.kill()?;
            bail!("still there after {seconds} s: {}", describe(&child.wait_with_output()?));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(child.wait_with_output()?)
}
