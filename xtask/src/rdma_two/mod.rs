//! Connections over RDMA between two virtual machines, over a network that loses packets, delays
//! them, and ends.

mod machine;
mod relay;

use crate::acceptance::directory;
use crate::block::no_vm;
use crate::cluster::kermes;
use crate::rdma::UNUSED;
use crate::steps::Outcome;
use anyhow::{Context, bail, ensure};
use clap::Args;
use machine::{Booting, Machine};
use relay::Relay;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const CARDS: [(&str, &str, &str); 2] =
    [("a", "52:54:00:6b:65:0a", "10.77.0.1"), ("b", "52:54:00:6b:65:0b", "10.77.0.2")];
const DEVICE: &str = "kermes0";
const WAYS: [(&str, u16); 2] = [("cm", 21210), ("tcp", 21211)];
/// Messages of one packet, of several, and such that are fetched by RDMA READ.
const LOADS: [&str; 3] =
    ["--bs 500 --depth 8", "--bs 4k --depth 16", "--bs 200k --depth 4 --connections 2"];
/// Of a million packets: where more are lost, nothing is fetched. Soft RoCE (Linux 6.12) then ends
/// queue pairs in every other run of some seconds.
const READ_LOSS_PPM: u32 = 2000;
/// Soft RoCE does wrong now and then when it sends something again (docs/design/0004-rdma.md): a run
/// that ends so, with a sign that it was that, is done again, so often.
const ENDED_MAX: u32 = 3;
const ENDED: &str = "the session is lost";
/// A connection goes over TCP when it is not made within some seconds; rdma_cm waits for longer before it
/// sends again what was lost. So where packets are lost such a run is done again too.
const FELL_BACK: &str = "not over RDMA";
/// How long a packet's acknowledgement is waited for: half a second. Machines in emulation answer later
/// than in the usual 67 ms whenever something else computes, and whatever soft RoCE sends again without
/// need is a chance for it to do wrong.
const TIMEOUT: &str = "17";
/// What the kernel says, once, when its completer does not know why it ends a queue pair.
const SIGN: &str = "WARNING.* rxe_completer";
const NO_ANSWER: &str = "does not answer: retries are exhausted";
/// Both ends of a connection know by then that the network is gone: a second or two, and emulation.
const SOON: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub struct TwoVmsArgs {
    /// Packets to lose, percent, one run after the other; 0 is how fast it is without loss. Above 0.2 soft
    /// RoCE does not bear messages that are fetched by RDMA READ, and there are none.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_value = "0,0.1,1")]
    loss: Vec<f64>,
    /// Packets to delay behind the next few, percent, where some are lost.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    late: f64,
    /// How long each load runs.
    #[arg(long, value_name = "N", default_value_t = 2)]
    seconds: u32,
    /// Says which packets are lost.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The machine's side: takes scripts from this address.
    #[arg(long, value_name = "ADDR", hide = true)]
    agent: Option<String>,
    #[arg(long, value_name = "NAME", hide = true, default_value = "")]
    name: String,
}

/// `cargo xtask test --only rdma-two-vms`.
pub fn step() -> anyhow::Result<Outcome> {
    if let Some(why) = no_vm() {
        return Ok(Outcome::Skipped(why));
    }
    let lines = check(&[0.0, 0.1, 1.0], 0.0, 2, 1)?;
    Ok(Outcome::Passed(lines.join("; ")))
}

/// `cargo xtask rdma-two-vms`.
pub fn run(args: &TwoVmsArgs) -> anyhow::Result<()> {
    if let Some(call) = &args.agent {
        return machine::obey(call, &args.name);
    }
    if let Some(why) = no_vm() {
        bail!("{why}");
    }
    for percent in &args.loss {
        ensure!((0.0..=20.0).contains(percent), "--loss {percent}: must be 0 to 20");
    }
    check(&args.loss, args.late, args.seconds, args.seed).map(drop)
}

fn check(loss: &[f64], late: f64, seconds: u32, seed: u64) -> anyhow::Result<Vec<String>> {
    let dir = directory("rdma-two");
    std::fs::create_dir(&dir)?;
    let result = check_in(&dir, loss, late, seconds, seed);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn check_in(
    dir: &Path,
    loss: &[f64],
    late: f64,
    seconds: u32,
    seed: u64,
) -> anyhow::Result<Vec<String>> {
    let relay = Relay::start(dir, seed)?;
    let mut booting = Booting::new()?;
    for (name, mac, _) in CARDS {
        booting.start(name, dir, mac)?;
    }
    let mut machines = booting.wait()?;
    for (machine, (_, mac, address)) in machines.iter_mut().zip(CARDS) {
        machine.ok(&network(mac, address))?;
    }
    let [server, client] = machines.try_into().ok().context("two machines")?;
    let mut pair = Pair { relay, server, client };
    let mut lines = Vec::new();
    let mut say = |line: String| {
        println!("{line}");
        lines.push(line);
    };
    for (way, port) in WAYS {
        pair.serve(way, port)?;
    }
    say(pair.unconfirmed("cm", WAYS[0].1).context("confirmations are lost")?);
    for percent in loss {
        say(pair.lossy(*percent, late, seconds).with_context(|| format!("{percent} % lost"))?);
    }
    for (way, port) in WAYS {
        say(pair.cut(way, port).with_context(|| format!("by {way}, a network that ends"))?);
    }
    for (way, port) in WAYS {
        pair.filtered(way, port).with_context(|| format!("by {way}, RDMA is filtered"))?;
    }
    say("RDMA filtered: over TCP".to_owned());
    Ok(lines)
}

/// Takes the card into use, with an RDMA device of its own.
fn network(mac: &str, address: &str) -> String {
    format!(
        "set -e
         for d in /sys/class/net/*; do [ \"$(cat $d/address)\" = {mac} ] && n=${{d##*/}}; done
         rdma link delete rxe0 || true
         # The usual fq_codel drops what waits long, which in emulation is soon, and loses packets that the
         # relay knows nothing of.
         tc qdisc replace dev $n root pfifo limit 10000
         ip addr add {address}/24 dev $n
         ip link set $n up
         rdma link add {DEVICE} type rxe netdev $n
         for i in $(seq 50); do rdma link | grep -q ACTIVE && exit 0; sleep 0.1; done
         rdma link; exit 1"
    )
}

fn options(way: &str) -> String {
    format!("--transport rdma --rdma-device {DEVICE} --rdma-setup {way} --rdma-timeout {TIMEOUT}")
}

struct Pair {
    relay: Relay,
    server: Machine,
    client: Machine,
}

/// A client's result, if it had one.
fn parse(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("not a result: {text}"))
}

impl Pair {
    fn serve(&mut self, way: &str, port: u16) -> anyhow::Result<()> {
        let (kermes, options) = (kermes(), options(way));
        let listen = format!("{}:{port}", CARDS[0].2);
        self.server.ok(&format!(
            "{} bench msgr server --listen {listen} {options} > /tmp/{way}.log 2>&1 & \
             for i in $(seq 150); do grep -q listening /tmp/{way}.log && break; sleep 0.1; done
             [ {way} = tcp ] && exit 0
             for i in $(seq 150); do rdma resource show cm_id | grep -q LISTEN && exit 0; sleep 0.1; done
             cat /tmp/{way}.log; exit 1",
            kermes.display()
        ))?;
        Ok(())
    }

    fn command(&self, way: &str, port: u16, more: &str) -> String {
        let (kermes, options) = (kermes(), options(way));
        let to = format!("{}:{port}", CARDS[0].2);
        format!(
            "{} bench msgr client {to} {options} --warm-up 0 --json --verify {more}",
            kermes.display()
        )
    }

    /// A client that ends by itself.
    fn verified(&mut self, way: &str, port: u16, more: &str) -> anyhow::Result<Value> {
        let command = self.command(way, port, more);
        let answer = self.client.run(&command)?;
        if answer.code != 0 {
            let served = self.server.ok(&format!("tail -n 5 /tmp/{way}.log"))?;
            bail!("`{command}`: {}\n{}\nthe server: {served}", answer.code, answer.err);
        }
        let found = parse(&answer.out)?;
        ensure!(found["messages"].as_u64() > Some(0), "{more}: nothing came back: {found}");
        Ok(found)
    }

    fn over_rdma(&mut self, way: &str, port: u16, more: &str) -> anyhow::Result<Value> {
        let found = self.verified(way, port, more)?;
        ensure!(found["over_rdma"] == found["connections"], "{more}: {FELL_BACK}: {found}");
        Ok(found)
    }

    /// Queue pairs and regions that a machine's kernel counts.
    fn held(machine: &mut Machine) -> anyhow::Result<String> {
        machine.ok(&format!("rdma resource show {DEVICE} | grep -o 'qp [0-9]*\\|mr [0-9]*'"))
    }

    /// The same when memory that was read into is given back.
    fn quiet(machine: &mut Machine) -> anyhow::Result<String> {
        let (mut last, mut since) = (Self::held(machine)?, Instant::now());
        while since.elapsed() < UNUSED {
            std::thread::sleep(Duration::from_millis(500));
            let now = Self::held(machine)?;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        Ok(last)
    }

    fn settled(machine: &mut Machine, wanted: &str) -> anyhow::Result<String> {
        let begin = Instant::now();
        loop {
            let now = Self::held(machine)?;
            if now == wanted || begin.elapsed() > Duration::from_secs(20) {
                return Ok(now);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Times that the device of a machine has sent something again.
    fn again(machine: &mut Machine) -> anyhow::Result<u64> {
        let text = machine.ok(&format!(
            "cd /sys/class/infiniband/{DEVICE}/ports/1/hw_counters; cat rcvd_seq_err completer_retry_err"
        ))?;
        Ok(text.split_whitespace().filter_map(|n| n.parse::<u64>().ok()).sum())
    }

    /// Since the last call, whether soft RoCE was seen to do wrong: on the wire, or by the kernel's word.
    fn did_wrong(&mut self) -> anyhow::Result<bool> {
        let mut is_seen = self.relay.weather.misnumbered.swap(0, Relaxed) > 0;
        for machine in [&mut self.server, &mut self.client] {
            // Without --quiet: what ends early keeps dmesg from forgetting what it has said.
            let said = machine.run(&format!(
                "n=$(dmesg -c | grep -c '{SIGN}'); echo 1 > /sys/kernel/debug/clear_warn_once; [ $n != 0 ]"
            ))?;
            is_seen |= said.code == 0;
        }
        Ok(is_seen)
    }

    fn lossy(&mut self, percent: f64, late: f64, seconds: u32) -> anyhow::Result<String> {
        let weather = self.relay.weather.clone();
        let ppm = (percent * 10_000.0) as u32;
        weather.lost_ppm.store(ppm, Relaxed);
        let late = if ppm > 0 { (late * 10_000.0) as u32 } else { 0 };
        weather.late_ppm.store(late, Relaxed);
        let before = (weather.passed.load(Relaxed), weather.lost.load(Relaxed));
        let again = Self::again(&mut self.client)? + Self::again(&mut self.server)?;
        let (mut rates, mut ended, mut fell_back) = (Vec::new(), 0, 0);
        for (way, port) in WAYS {
            let loads = if ppm > READ_LOSS_PPM { &LOADS[..2] } else { &LOADS[..] };
            for load in loads {
                let more = format!("{load} --seconds {seconds}");
                let mut tries = 0;
                let found = loop {
                    self.did_wrong()?;
                    let error = match self.over_rdma(way, port, &more) {
                        Ok(found) => break found,
                        Err(error) => error,
                    };
                    let text = format!("{error:#}");
                    if ppm > 0 && text.contains(FELL_BACK) {
                        fell_back += 1;
                    } else if text.contains(ENDED) && self.did_wrong()? {
                        ended += 1;
                    } else {
                        return Err(error.context("soft RoCE was not seen to do wrong"));
                    }
                    tries += 1;
                    if tries > ENDED_MAX {
                        return Err(error.context(format!("{tries} times")));
                    }
                };
                let size = load.split_whitespace().nth(1).unwrap_or_default();
                let rate = found["mb_per_s"].as_f64().unwrap_or(0.0);
                rates.push(format!("{way} {size} {rate:.1}"));
            }
        }
        weather.lost_ppm.store(0, Relaxed);
        weather.late_ppm.store(0, Relaxed);
        let again = Self::again(&mut self.client)? + Self::again(&mut self.server)? - again;
        let lost = weather.lost.load(Relaxed) - before.1;
        let passed = weather.passed.load(Relaxed) - before.0;
        let is_seen = ppm == 0 || (lost > 0 && again > 0);
        ensure!(is_seen, "{lost} of {passed} packets lost, and {again} sent again");
        Ok(format!(
            "{percent} % lost: {lost} of {} packets, {again} recoveries, {ended} runs ended by soft \
             RoCE, {fell_back} over TCP, every byte right, MB/s: {}",
            passed + lost,
            rates.join(", ")
        ))
    }

    /// Connections open although the peer's confirmation never arrives: its first message says as much.
    fn unconfirmed(&mut self, way: &str, port: u16) -> anyhow::Result<String> {
        let weather = self.relay.weather.clone();
        weather.is_unconfirmed.store(true, Relaxed);
        let found = self.over_rdma(way, port, "--seconds 5 --bs 500 --connections 4");
        weather.is_unconfirmed.store(false, Relaxed);
        let (found, lost) = (found?, weather.unconfirmed.load(Relaxed));
        ensure!(lost >= 4, "{lost} confirmations lost, of 4 connections");
        let longest = found["max_us"].as_f64().unwrap_or(f64::MAX) / 1e6;
        ensure!(longest < 2.0, "an answer took {longest} s: {found}");
        Ok(format!("{way}: {lost} confirmations lost, 4 connections open"))
    }

    /// The network ends under a connection: both ends know soon, say why, and free what they had.
    fn cut(&mut self, way: &str, port: u16) -> anyhow::Result<String> {
        self.over_rdma(way, port, "--seconds 1 --bs 40k --connections 2")?;
        let log = format!("/tmp/{way}.log");
        let before = Self::quiet(&mut self.server)?;
        let unused = Self::held(&mut self.client)?;
        let command = self.command(way, port, "--seconds 90 --bs 40k --depth 4 --connections 2");
        self.client.ok(&format!("({command}; echo ended) > /tmp/client.log 2>&1 &"))?;
        std::thread::sleep(Duration::from_secs(4));
        let during = Self::held(&mut self.server)?;
        ensure!(during != before, "no connections: {during}");
        self.relay.weather.is_cut.store(true, Relaxed);
        let begin = Instant::now();
        let mut took = Vec::new();
        let seen = |machine: &mut Machine, file: &str| -> anyhow::Result<bool> {
            Ok(machine.run(&format!("grep -q '{NO_ANSWER}' {file}"))?.code == 0)
        };
        for (machine, file) in [(&mut self.client, "/tmp/client.log"), (&mut self.server, &log)] {
            while !seen(machine, file)? {
                if begin.elapsed() > SOON {
                    let said = machine.ok(&format!("cat {file}"))?;
                    self.relay.weather.is_cut.store(false, Relaxed);
                    bail!("nothing of it in {file} after {SOON:?}: {said}");
                }
            }
            took.push(begin.elapsed().as_millis());
        }
        let end = Self::settled(&mut self.server, &before)?;
        self.relay.weather.is_cut.store(false, Relaxed);
        ensure!(end == before, "the server holds {end}, before {before}");
        let end = Self::settled(&mut self.client, &unused)?;
        ensure!(end == unused, "the client holds {end}, before {unused}");
        self.client.ok("grep -q ended /tmp/client.log")?;
        self.server.ok(&format!("> {log}"))?;
        // The network is back, and new connections are there.
        let begin = Instant::now();
        loop {
            let found = self.verified(way, port, "--seconds 1 --bs 40k --connections 2")?;
            if found["over_rdma"] == 2 {
                break;
            }
            ensure!(begin.elapsed() < Duration::from_secs(20), "still over TCP: {found}");
        }
        Ok(format!("{way}: network cut: closed after {} ms and {} ms", took[0], took[1]))
    }

    /// What finds the peer passes, or not, and RDMA does not.
    fn filtered(&mut self, way: &str, port: u16) -> anyhow::Result<()> {
        self.relay.weather.is_filtered.store(true, Relaxed);
        let found = self.verified(way, port, "--seconds 1 --bs 20k");
        self.relay.weather.is_filtered.store(false, Relaxed);
        let found = found?;
        ensure!(found["over_rdma"] == 0, "filtered, and over RDMA: {found}");
        Ok(())
    }
}
