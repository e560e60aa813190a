//! A bare echo: what one message each way costs on this machine with no messenger, no OSD and no store.
//! Client and server have a CPU each. Where the scheduler puts both on one, which is its choice with those
//! of a cluster, an echo takes a third of the time, as nobody has to be woken on a CPU that sleeps.

use super::{Sample, json_of};
use crate::rdma::bench::Server;
use anyhow::Context;

/// The server, for as long as this lives.
pub struct Echo(Server);

impl Echo {
    pub fn start(port: u16) -> anyhow::Result<Self> {
        Server::start(format!("127.0.0.1:{port}"), &["--mode", "bare", "--cpu-first", "0"])
            .map(Self)
    }

    /// Messages of 4 KiB and small answers. The CPU is the client's.
    pub fn measure(&self, depth: u32, seconds: u32) -> anyhow::Result<Sample> {
        let mut command = self.0.client(&["--mode", "bare", "--bs=4k", "--cpu-first", "1"]);
        command.arg(format!("--depth={depth}")).arg(format!("--seconds={seconds}"));
        let all = json_of(command)?;
        let number = |key: &str| all[key].as_f64().with_context(|| format!("{key} in {all}"));
        Ok(Sample {
            iops: number("messages_per_s")?,
            cpu_us_per_op: number("client_cpu_us_per_message")?,
            p50_us: number("p50_us")?,
            p99_us: number("p99_us")?,
            ..Sample::default()
        })
    }
}
