//! Peers that do wrong: a queue pair whose retries are exhausted ends its connection soon, with a
//! reason, and nothing else.

use super::bench::{Server, ends_within, result_of, settled, verified};
use super::{PORT, RdmaArgs};
use crate::cluster::describe;
use anyhow::{Context, bail, ensure};
use std::process::Output;
use std::time::{Duration, Instant};

const WRONG_PORT: u16 = 21202;
/// What a peer does wrong, and what is said of it.
const FAULTS: [(&str, &str); 2] = [
    ("no-receives", "keeps no receive buffers: RNR retries are exhausted"),
    ("absent", "does not answer: retries are exhausted"),
];
/// Retries take half a second to two, and emulation its time.
const SOON: Duration = Duration::from_secs(8);

impl RdmaArgs {
    /// Clients and servers that do wrong beside those that do not.
    pub fn faults(&self, way: &str) -> anyhow::Result<String> {
        let options = self.options(way);
        let server = self.serve(PORT, &options)?;
        verified(&server, &options, "--seconds 1 --bs 40k --connections 2")?;
        let begin = self.quiet()?;
        // One connection is there all the time, and says whether it lost anything.
        let long = ["--verify", "--seconds", "25", "--bs", "20k", "--depth", "4"];
        let beside = server.client(&options).args(long).spawn()?;
        let mut said = Vec::new();
        for (fault, words) in FAULTS {
            let took = lost(&server, &options, fault, words).context(fault)?;
            let wrong = format!("{}:{WRONG_PORT}", self.address);
            let wrong = Server::start_wrong(wrong, &options, fault)?;
            falls_back(&wrong, &options, words).context(fault)?;
            said.push(format!("{fault}: closed after {} ms", took.as_millis()));
        }
        verified(&server, &options, "--seconds 1 --bs 40k --connections 2")?;
        let output = ends_within(beside, 60)?;
        let found = result_of(&output).context("the connection beside")?;
        ensure!(found["over_rdma"] == 1, "the connection beside is over TCP: {found}");
        let end = settled(&self.device, begin)?;
        ensure!(end == begin, "peers that do wrong leave {end:?}, before {begin:?}");
        drop(server);
        Ok(format!("{}, others go on", said.join(", ")))
    }
}

/// A client does wrong: how long the server takes to close its connection, and to say why.
fn lost(server: &Server, options: &[&str], fault: &str, words: &str) -> anyhow::Result<Duration> {
    let mut command = server.wrong_client(options, fault);
    let mut client = command.args(["--seconds", "60"]).spawn()?;
    let begin = Instant::now();
    let is_said = loop {
        if server.said()?.contains(words) {
            break true;
        }
        if begin.elapsed() > SOON {
            break false;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = begin.elapsed();
    if !is_said {
        client.kill()?;
        let output = describe(&client.wait_with_output()?);
        bail!("after {SOON:?} the server says {:?}, the client {output}", server.said()?);
    }
    // The client hears of it.
    let output: Output = ends_within(client, 10)?;
    ensure!(!output.status.success(), "a client that does wrong: {}", describe(&output));
    Ok(took)
}

/// A server does wrong: the client finds out before it has a session, and has one over TCP.
fn falls_back(server: &Server, options: &[&str], words: &str) -> anyhow::Result<()> {
    let more = ["--verify", "--seconds", "1", "--bs", "20k", "--connections", "2"];
    let client = server.client(options).args(more).spawn()?;
    let output = ends_within(client, 20)?;
    let found = result_of(&output)?;
    let over_tcp = found["over_rdma"] == 0 && found["messages"].as_u64() > Some(0);
    ensure!(over_tcp, "a server that does wrong: {found}");
    ensure!(describe(&output).contains(words), "it says nothing of {words}: {}", describe(&output));
    Ok(())
}
