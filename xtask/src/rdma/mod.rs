//! Connections over RDMA: a device of this machine talks to itself, in a virtual machine soft RoCE.

pub mod bench;
mod faults;

use crate::acceptance::directory;
use crate::block::{in_vm, no_vm};
use crate::cluster::{Cluster, Shell, describe, kermes};
use crate::steps::Outcome;
use anyhow::{Context, bail, ensure};
use bench::{Held, Server, ends_within, held, result_of, settled, straight, verified};
use clap::{Args, ValueEnum};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PORT: u16 = 21200;
const SECURE_PORT: u16 = 21201;
const CLUSTER_PORT: &str = "21300";
const METRICS_PORT: u16 = 21290;
const WAYS: [&str; 2] = ["cm", "tcp"];
/// Connections made together; emulation takes a tenth of a second for each.
const AT_ONCE: usize = 25;
/// By then memory of large frames that is not used is given back.
pub const UNUSED: Duration = Duration::from_secs(5);
/// What the virtual machine has.
const VM_DEVICE: &str = "rxe0";
const VM_LINK: &str = "eth0";
const VM_ADDRESS: &str = "10.0.2.15";
const VM_STORES: [&str; 2] = ["/dev/vm/data", "/dev/vm/data4k"];

#[derive(Debug, Args)]
pub struct RdmaArgs {
    /// RDMA device, as `rdma link` names it.
    #[arg(long, value_name = "NAME")]
    device: String,
    /// An address of its network interface.
    #[arg(long, value_name = "IP")]
    address: String,
    /// That interface, which is taken down and up again.
    #[arg(long, value_name = "NAME")]
    link: String,
    /// Block devices for OSDs, whose contents are lost; others have files.
    #[arg(long, value_name = "PATH")]
    store: Vec<String>,
    /// Check only these, in this order.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    only: Vec<Part>,
}

/// `cargo xtask test --only rdma-vm`.
pub fn vm() -> anyhow::Result<Outcome> {
    if let Some(why) = no_vm() {
        return Ok(Outcome::Skipped(why));
    }
    let mut args = vec!["rdma", "--device", VM_DEVICE, "--address", VM_ADDRESS, "--link", VM_LINK];
    VM_STORES.iter().for_each(|store| args.extend(["--store", store]));
    in_vm(&[], &args).map(Outcome::Passed)
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every byte, opening and closing, idling, and peers that are killed
    Bytes,
    /// Peers that do wrong, whose connections run out of retries
    Faults,
    /// One end without RDMA
    FallBack,
    /// Servers of several cores
    Cores,
    /// OSDs with RDMA between them
    Cluster,
    /// A port that goes down and comes back
    Port,
}

/// `cargo xtask rdma`.
pub fn rdma(args: &RdmaArgs) -> anyhow::Result<()> {
    let parts = if args.only.is_empty() { Part::value_variants() } else { &args.only[..] };
    let begin = held(&args.device)?;
    for part in parts {
        args.part(*part)?;
        let end = settled(&args.device, begin)?;
        ensure!(end == begin, "{part:?}: held before {begin:?}, and after {end:?}");
    }
    Ok(())
}

impl RdmaArgs {
    fn part(&self, part: Part) -> anyhow::Result<()> {
        match part {
            Part::Bytes => {
                for way in WAYS {
                    let said = self.way(way).with_context(|| format!("connections by {way}"))?;
                    println!("{way}: {said}");
                }
            }
            Part::Faults => {
                for way in WAYS {
                    let said = self.faults(way).with_context(|| format!("wrong peers by {way}"))?;
                    println!("{way}: {said}");
                }
            }
            Part::FallBack => self.fall_back().context("falling back to TCP")?,
            Part::Cores => {
                for way in WAYS {
                    let said = self.cores(way).with_context(|| format!("cores, by {way}"))?;
                    println!("{way}: {said}");
                }
            }
            Part::Cluster => {
                for way in WAYS {
                    let said = self.cluster(way).with_context(|| format!("a cluster, by {way}"))?;
                    println!("{way}: cluster: {said}");
                }
            }
            Part::Port => {
                for way in ["tcp", "cm"] {
                    let took =
                        self.port_down(way).with_context(|| format!("connections by {way}"))?;
                    println!("{way}: port down: closed after {took} ms");
                }
            }
        }
        Ok(())
    }

    fn options<'a>(&'a self, way: &'a str) -> [&'a str; 6] {
        ["--transport", "rdma", "--rdma-device", &self.device, "--rdma-setup", way]
    }

    fn serve(&self, port: u16, options: &[&str]) -> anyhow::Result<Server> {
        Server::start(format!("{}:{port}", self.address), options)
    }

    fn way(&self, way: &str) -> anyhow::Result<String> {
        let options = self.options(way);
        let server = self.serve(PORT, &options)?;
        let mut messages = 0;
        for more in [
            "--seconds 2 --bs 64 --depth 1",
            "--seconds 3 --bs 4k --depth 32",
            "--seconds 2 --bs 20k --depth 4",
        ] {
            messages += verified(&server, &options, more)?;
        }
        for more in [
            "--seconds 3 --bs 64k --depth 4",
            "--seconds 5 --bs 100k --depth 4 --connections 3",
            "--seconds 8 --bs 1M --depth 2",
        ] {
            messages += straight(&server, &options, more)?;
        }
        // In secure mode bytes that are wrong anywhere end the session.
        let mode = [&options[..], &["--mode", "secure"]].concat();
        let secure = self.serve(SECURE_PORT, &mode)?;
        let more = "--mode secure --seconds 2 --bs 40k --depth 4";
        messages += verified(&secure, &options, more)?;
        drop(secure);
        // Memory stays registered for the next ones, so the first ones say how much that is.
        let some = format!("--seconds 1 --bs 1k --depth 1 --connections {AT_ONCE}");
        verified(&server, &options, &some)?;
        let before = self.quiet()?;
        for _ in 0..100 / AT_ONCE {
            verified(&server, &options, &some)?;
        }
        let after = settled(&self.device, before)?;
        ensure!(after == before, "100 connections leave {after:?}, before {before:?}");
        let cpu = self.idle(&server, &options)?;
        self.client_killed(&server, &options, before)?;
        let took = self.server_killed(server, &options)?;
        Ok(format!(
            "{messages} messages came back whole, 100 connections opened and closed, idle {cpu} ms of \
             CPU in 3 s, peer killed: closed after {took} ms"
        ))
    }

    /// What is held when the last connection is gone, and memory that was read into is given back.
    pub fn quiet(&self) -> anyhow::Result<Held> {
        let (mut last, mut since) = (held(&self.device)?, Instant::now());
        let begin = since;
        while begin.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(500));
            let now = held(&self.device)?;
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > UNUSED {
                return Ok(now);
            }
        }
        bail!("what is held changes all the time: {last:?}")
    }

    /// A connection on which nothing happens costs no CPU. Milliseconds in 3 s.
    fn idle(&self, server: &Server, options: &[&str]) -> anyhow::Result<u64> {
        let more = ["--rate", "0.2", "--seconds", "8", "--connections", "4"];
        let client = server.client(options).args(more).spawn()?;
        std::thread::sleep(Duration::from_secs(4));
        let before = server.cpu()?;
        std::thread::sleep(Duration::from_secs(3));
        let used = (server.cpu()? - before) * 10;
        result_of(&ends_within(client, 60)?)?;
        ensure!(used < 600, "an idle server used {used} ms of CPU in 3 s");
        Ok(used)
    }

    /// The server frees what a client held that was killed, and goes on.
    fn client_killed(&self, server: &Server, options: &[&str], before: Held) -> anyhow::Result<()> {
        for more in ["--bs 4k --depth 64 --connections 5", "--bs 1M --depth 8 --connections 2"] {
            let mut command = Command::new(kermes());
            command.args(["bench", "msgr", "client", &server.address, "--seconds", "100"]);
            command.args(options).args(more.split_whitespace());
            let mut client = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            std::thread::sleep(Duration::from_secs(3));
            let during = held(&self.device)?;
            client.kill()?;
            client.wait()?;
            ensure!(during.queue_pairs > before.queue_pairs, "{more}: no queue pairs: {during:?}");
            // Larger messages take memory that stays the server's.
            let wanted = self.quiet()?;
            let pairs = (wanted.queue_pairs, before.queue_pairs);
            ensure!(pairs.0 == pairs.1, "{more}: {wanted:?} left by a client, before {before:?}");
            verified(server, options, "--seconds 1 --bs 20k --depth 4")?;
            let after = settled(&self.device, wanted)?;
            ensure!(after == wanted, "{more}: {after:?} where {wanted:?} was enough");
        }
        Ok(())
    }

    /// A client hears of it soon that its server is gone. Milliseconds.
    fn server_killed(&self, mut server: Server, options: &[&str]) -> anyhow::Result<u128> {
        let mut command = server.client(options);
        let client = command.args(["--seconds", "80", "--bs", "64k", "--depth", "8"]).spawn()?;
        std::thread::sleep(Duration::from_secs(3));
        server.child.kill()?;
        let begin = Instant::now();
        let output = ends_within(client, 20)?;
        ensure!(!output.status.success(), "a client without a server: {}", describe(&output));
        ensure!(describe(&output).contains("lost"), "{}", describe(&output));
        Ok(begin.elapsed().as_millis())
    }

    /// Connections are spread over the cores of both ends.
    fn cores(&self, way: &str) -> anyhow::Result<String> {
        let options = self.options(way);
        let server = self.serve(PORT, &[&options[..], &["--cores", "2"]].concat())?;
        let before = server.cpu_of_cores()?;
        let more = "--cores 2 --connections 16 --bs 20k --depth 2 --seconds 4";
        verified(&server, &options, more)?;
        let after = server.cpu_of_cores()?;
        let used: Vec<u64> =
            after.iter().map(|(core, used)| used - before.get(core).unwrap_or(&0)).collect();
        let (all, least) = (used.iter().sum::<u64>(), used.iter().min().copied());
        let least = least.context("a server has cores")?;
        ensure!(used.len() == 2 && least * 8 > all, "its cores used {used:?} of CPU");
        Ok(format!("16 connections on 2 cores, {:.0} % on one", 100.0 * least as f64 / all as f64))
    }

    /// A port that goes down ends connections, and carries new ones when it is up. Milliseconds.
    ///
    /// In this order of ways: the client ends while the port is down, and what `flap` says of soft RoCE
    /// follows. Connections go over TCP then, and nothing hangs.
    fn port_down(&self, way: &str) -> anyhow::Result<u128> {
        let options = self.options(way);
        let server = self.serve(PORT, &options)?;
        let mut command = server.client(&options);
        let client = command.args(["--seconds", "80", "--bs", "16k", "--depth", "4"]).spawn()?;
        std::thread::sleep(Duration::from_secs(3));
        self.set_link("down")?;
        let begin = Instant::now();
        let output = ends_within(client, 20);
        let took = begin.elapsed().as_millis();
        self.set_link("up")?;
        let output = output?;
        ensure!(!output.status.success(), "a client without a port: {}", describe(&output));
        // The kernel says some time later that it is up; until then connections go over TCP.
        let begin = Instant::now();
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let more = ["--verify", "--seconds", "1", "--depth", "4"];
            let found = result_of(&server.client(&options).args(more).output()?)?;
            if way == "cm" || found["over_rdma"] == found["connections"] {
                return Ok(took);
            }
            ensure!(begin.elapsed() < Duration::from_secs(20), "still over TCP: {found}");
        }
    }

    /// One end without RDMA.
    fn fall_back(&self) -> anyhow::Result<()> {
        let rdma = |way| self.options(way);
        let over_tcp = |server: &Server, options: &[&str]| -> anyhow::Result<()> {
            let more = ["--verify", "--seconds", "1", "--bs", "20k", "--connections", "2"];
            let output = server.client(options).args(more).output()?;
            let found = result_of(&output).with_context(|| format!("{options:?}"))?;
            ensure!(found["over_rdma"] == 0 && found["messages"].as_u64() > Some(0), "{found}");
            Ok(())
        };
        let server = self.serve(PORT, &[])?;
        for way in WAYS {
            over_tcp(&server, &rdma(way))?;
        }
        over_tcp(&server, &["--transport", "rdma", "--rdma-device", "none-such"])?;
        drop(server);
        for way in WAYS {
            over_tcp(&self.serve(PORT, &rdma(way))?, &[])?;
        }
        // Each waits for the other's way, which does not come.
        over_tcp(&self.serve(PORT, &rdma("tcp"))?, &rdma("cm"))?;
        over_tcp(&self.serve(PORT, &rdma("cm"))?, &rdma("tcp"))
    }

    /// Three OSDs of two cores with RDMA between them; one is killed and comes back, by rdma_cm after
    /// the port was down.
    fn cluster(&self, way: &str) -> anyhow::Result<String> {
        let dir = directory("rdma");
        let mut args = vec!["--osds", "3", "--pool", "p1:3:8", "--port", CLUSTER_PORT];
        let metrics_port = METRICS_PORT.to_string();
        args.extend(["--cores-per-osd", "2", "--rdma-setup", way, "--metrics-port", &metrics_port]);
        args.extend(["--osd-size", "1GiB", "--host", &self.address, "--rdma-device", &self.device]);
        self.store.iter().for_each(|store| args.extend(["--device", store]));
        if !self.store.is_empty() {
            args.push("--force");
        }
        let (mut c, _) = Cluster::up(&dir, &args)?;
        let read = bench(&c)?;
        // At least one connection between each two, with a queue pair at both ends.
        let pairs = held(&self.device)?.queue_pairs;
        ensure!(pairs >= 6, "{pairs} queue pairs: OSDs do not talk over RDMA");
        let (direct, copied) = (bytes("direct")?, bytes("copied")?);
        ensure!(direct > copied, "{direct} bytes read directly, {copied} copied");
        let straight = 100.0 * direct as f64 / (direct + copied) as f64;
        let mut flap = "";
        if way == "cm" {
            self.flap().context("a port that goes down and up")?;
            c.wait_healthy(60)?;
            flap = "the port down and up, ";
        }
        let (_, pid) =
            c.pids()?.into_iter().find(|(name, _)| name == "osd.1").context("osd.1 runs")?;
        c.kill(pid, "KILL")?;
        c.start()?;
        for bytes in [4096, 1 << 20] {
            c.ok(&format!("rados -p p1 bench 60 seq --run-name of{bytes}"))?;
        }
        bench(&c)?;
        // Of what clients sent to the core that serves it.
        ensure!(bytes("offered_direct")? > 0, "no bytes were offered where they lay");
        let (_, pid) =
            c.pids()?.into_iter().find(|(name, _)| name == "osd.1").context("osd.1 runs")?;
        let own = self.pairs_of(pid)?;
        ensure!(own >= 2, "{own} queue pairs of an OSD that is back");
        let again = held(&self.device)?.queue_pairs;
        ensure!(again <= pairs + 6, "{again} queue pairs after a restart, {pairs} before");
        c.stop()?;
        std::fs::remove_dir_all(&dir)?;
        Ok(format!(
            "{read} verified over {pairs} queue pairs, {straight:.0} % of the bytes read directly, {flap}an \
             OSD killed and back with {own} of them"
        ))
    }

    /// Takes the port down until nobody has a connection, and up again. Those who had one stay: the
    /// kernel tells the peers of one that ends, and soft RoCE (Linux 6.12), once it could not send
    /// that, carries nothing of rdma_cm any more.
    fn flap(&self) -> anyhow::Result<()> {
        self.set_link("down")?;
        let begin = Instant::now();
        let gone = loop {
            let left = self.pairs_of_kermes()?;
            if left == 0 || begin.elapsed() > Duration::from_secs(20) {
                break left;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        self.set_link("up")?;
        ensure!(gone == 0, "{gone} queue pairs of a port that is down");
        Ok(())
    }

    fn set_link(&self, state: &str) -> anyhow::Result<()> {
        let status = Command::new("ip").args(["link", "set", &self.link, state]).status()?;
        ensure!(status.success(), "ip link set {} {state}: {status}", self.link);
        Ok(())
    }

    /// Queue pairs of a process. The kernel names the threads that made them.
    fn pairs_of(&self, pid: u32) -> anyhow::Result<usize> {
        let mut own = Vec::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            own.push(format!(" pid {} ", entry?.file_name().to_string_lossy()));
        }
        let is_own = |line: &&str| own.iter().any(|thread| line.contains(thread));
        Ok(queue_pairs()?.lines().filter(is_own).count())
    }

    fn pairs_of_kermes(&self) -> anyhow::Result<usize> {
        // Those of the kernel itself have no process.
        Ok(queue_pairs()?.lines().filter(|line| line.contains(" pid ")).count())
    }
}

fn queue_pairs() -> anyhow::Result<String> {
    let output = Command::new("rdma").args(["resource", "show", "qp"]).output()?;
    ensure!(output.status.success(), "rdma resource show qp: {}", describe(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes of the three OSDs of a cluster over RDMA: those that came `direct` or `copied`, or were `offered_`
/// so.
fn bytes(how: &str) -> anyhow::Result<u64> {
    let mut sum = 0;
    for port in METRICS_PORT..METRICS_PORT + 3 {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let name = format!("kermes_rdma_{how}_bytes{{");
        let line = text.lines().find(|line| line.starts_with(&name));
        let value = line.and_then(|line| line.split_whitespace().last());
        sum += value.with_context(|| format!("no {name} in {text}"))?.parse::<u64>()?;
    }
    Ok(sum)
}

/// Objects of two sizes, which `rados bench seq` compares with what was written.
fn bench(c: &Cluster) -> anyhow::Result<String> {
    let mut read = Vec::new();
    for (bytes, objects) in [(4096, 200), (1 << 20, 8)] {
        let run = format!("--run-name of{bytes}");
        c.ok(&format!(
            "rados -p p1 bench 5 write -b {bytes} --max-objects {objects} --no-cleanup {run}"
        ))?;
        let text = c.ok(&format!("rados -p p1 bench 60 seq {run}"))?;
        let line = text.lines().find_map(|l| l.strip_prefix("Total reads made:"));
        read.push(format!("{} of {bytes} bytes", line.context("objects were read")?.trim()));
    }
    Ok(read.join(", "))
}
