//! Options of connections over RDMA, for what has them.

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use runtime::rdma::{Fault, RdmaConfig, Way, counters};
use std::fmt::Write;

/// Has tests of the other end, with a peer that does wrong.
const FAULT: &str = "KERMES_RDMA_FAULT";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Setup {
    /// rdma_cm, at the port that TCP has too
    Cm,
    /// Queue-pair data exchanged over a TCP connection
    Tcp,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "RDMA")]
pub struct RdmaArgs {
    /// Device for connections over RDMA, as `rdma link` names it. Both ends need one; where a peer does
    /// not answer over RDMA, or the device is not there, TCP takes its place
    #[arg(long, value_name = "NAME")]
    pub rdma_device: Option<String>,
    /// Port of the device [default: 1]
    #[arg(long, value_name = "N", requires = "rdma_device")]
    pub rdma_port: Option<u8>,
    /// How two ends find each other's queue pairs; the same on both [default: cm]
    #[arg(long, value_enum, value_name = "WAY", requires = "rdma_device")]
    pub rdma_setup: Option<Setup>,
    /// Index of the GID, with --rdma-setup tcp; by default the first of RoCE v2 with an IPv4 address
    #[arg(long, value_name = "N", requires = "rdma_device")]
    pub rdma_gid_index: Option<u8>,
    /// Traffic class of the packets: four times the DSCP [default: 0]
    #[arg(long, value_name = "N", requires = "rdma_device")]
    pub rdma_traffic_class: Option<u8>,
    /// Longest packet, bytes: 256, 512, 1024, 2048 or 4096; by default the port's
    #[arg(long, value_name = "BYTES", requires = "rdma_device")]
    pub rdma_mtu: Option<u32>,
    /// Buffers of 8 KiB kept for what each peer sends before it is taken: 4 to 1024 [default: 16]
    #[arg(long, value_name = "N", requires = "rdma_device")]
    pub rdma_buffers: Option<u16>,
    /// How long an acknowledgement is waited for before packets are sent again, up to six times: 4.096 us
    /// * 2^N, 8 to 20. Longer where a busy machine answers late, as soft RoCE does [default: 14, 67 ms]
    #[arg(long, value_name = "N", requires = "rdma_device")]
    pub rdma_timeout: Option<u8>,
    /// Payloads from this length on are fetched by RDMA READ, shorter ones sent [default: 16384]
    #[arg(long, value_name = "BYTES", requires = "rdma_device")]
    pub rdma_rendezvous: Option<usize>,
}

/// What this process holds and has done over RDMA, in Prometheus's text format.
pub fn metrics(daemon: &str) -> String {
    let all = [
        ("queue_pairs", "gauge", "Queue pairs", &counters::QUEUE_PAIRS),
        ("registered_bytes", "gauge", "Memory that devices know", &counters::REGISTERED_BYTES),
        ("connections", "counter", "Connections made over RDMA", &counters::CONNECTIONS),
        ("fallbacks", "counter", "Connections that fell back to TCP", &counters::FALLBACKS),
        (
            "malformed",
            "counter",
            "Connections closed as a message came cut short, twice or not as it was sent",
            &counters::MALFORMED,
        ),
        (
            "direct_bytes",
            "counter",
            "Bytes that the device has brought to where they are used",
            &counters::DIRECT_BYTES,
        ),
        (
            "copied_bytes",
            "counter",
            "Bytes that were copied out of the device's memory",
            &counters::COPIED_BYTES,
        ),
        (
            "offered_direct_bytes",
            "counter",
            "Bytes that peers were offered where they lay",
            &counters::OFFERED_DIRECT_BYTES,
        ),
        (
            "offered_copied_bytes",
            "counter",
            "Bytes that were copied to be offered",
            &counters::OFFERED_COPIED_BYTES,
        ),
    ];
    let mut out = String::new();
    for (name, kind, help, gauge) in all {
        let (name, value) = (format!("kermes_rdma_{name}"), gauge.get());
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        let _ = writeln!(out, "{name}{{ceph_daemon=\"{daemon}\"}} {value}");
    }
    out
}

impl RdmaArgs {
    /// Settings that ceph.conf gives (`setting`, by Ceph's names) where no option does.
    pub fn or_settings(mut self, setting: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let number = |name: &str| -> anyhow::Result<Option<u8>> {
            let Some(text) = setting(name) else { return Ok(None) };
            match text.trim().parse() {
                Ok(n) => Ok(Some(n)),
                Err(_) => bail!("{name} = {text}: must be 0 to 255"),
            }
        };
        if self.rdma_device.is_none() {
            self.rdma_device = setting("ms_async_rdma_device_name")
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty());
        }
        if self.rdma_device.is_none() {
            return Ok(self);
        }
        if self.rdma_port.is_none() {
            self.rdma_port = number("ms_async_rdma_port_num")?;
        }
        if self.rdma_gid_index.is_none() {
            self.rdma_gid_index = number("ms_async_rdma_gid_idx")?;
        }
        if self.rdma_traffic_class.is_none()
            && let Some(dscp) = number("ms_async_rdma_dscp")?
        {
            ensure!(dscp < 64, "ms_async_rdma_dscp = {dscp}: must be 0 to 63");
            self.rdma_traffic_class = Some(dscp << 2);
        }
        if self.rdma_setup.is_none()
            && let Some(text) = setting("ms_async_rdma_cm")
        {
            let is_cm = matches!(text.trim(), "true" | "1" | "yes" | "on");
            self.rdma_setup = Some(if is_cm { Setup::Cm } else { Setup::Tcp });
        }
        Ok(self)
    }

    /// `None`: all connections go over TCP.
    pub fn config(&self) -> anyhow::Result<Option<RdmaConfig>> {
        let Some(device) = &self.rdma_device else { return Ok(None) };
        let mut config = RdmaConfig::new(device);
        if let Some(mtu) = self.rdma_mtu {
            let is_one = mtu.is_power_of_two() && (256..=4096).contains(&mtu);
            ensure!(is_one, "--rdma-mtu {mtu}: must be 256, 512, 1024, 2048 or 4096");
        }
        if let Some(buffers) = self.rdma_buffers {
            let fits = (4..=1024).contains(&buffers);
            ensure!(fits, "--rdma-buffers {buffers}: must be 4 to 1024");
            config.buffers = buffers;
        }
        if let Some(timeout) = self.rdma_timeout {
            ensure!((8..=20).contains(&timeout), "--rdma-timeout {timeout}: must be 8 to 20");
            config.timeout = timeout;
        }
        config.port = self.rdma_port.unwrap_or(config.port);
        config.gid_index = self.rdma_gid_index;
        config.traffic_class = self.rdma_traffic_class.unwrap_or(config.traffic_class);
        config.mtu = self.rdma_mtu;
        config.rendezvous_bytes = self.rdma_rendezvous.unwrap_or(config.rendezvous_bytes).max(1);
        config.way = match self.rdma_setup {
            Some(Setup::Tcp) => Way::Tcp,
            Some(Setup::Cm) | None => Way::Cm,
        };
        config.fault = match std::env::var(FAULT).as_deref() {
            Err(_) | Ok("") => None,
            Ok("no-receives") => Some(Fault::NoReceives),
            Ok("absent") => Some(Fault::Absent),
            Ok(other) => bail!("{FAULT}={other}: must be no-receives or absent"),
        };
        Ok(Some(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_before_settings_of_the_file() {
        let conf = |name: &str| {
            Some(match name {
                "ms_async_rdma_device_name" => "rxe9".to_owned(),
                "ms_async_rdma_port_num" => "2".to_owned(),
                "ms_async_rdma_dscp" => "26".to_owned(),
                "ms_async_rdma_cm" => "false".to_owned(),
                _ => return None,
            })
        };
        let of_file = RdmaArgs::default().or_settings(conf).unwrap().config().unwrap().unwrap();
        assert_eq!((&of_file.device[..], of_file.port, of_file.traffic_class), ("rxe9", 2, 104));
        assert_eq!((of_file.way, of_file.gid_index), (Way::Tcp, None));
        let args = RdmaArgs {
            rdma_device: Some("mlx5_0".into()),
            rdma_setup: Some(Setup::Cm),
            rdma_mtu: Some(1024),
            ..Default::default()
        };
        let both = args.or_settings(conf).unwrap().config().unwrap().unwrap();
        assert_eq!((&both.device[..], both.port, both.way), ("mlx5_0", 2, Way::Cm));
        assert_eq!(both.mtu, Some(1024));
        assert!(RdmaArgs::default().or_settings(|_| None).unwrap().config().unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let device = || RdmaArgs { rdma_device: Some("rxe0".into()), ..Default::default() };
        assert!(RdmaArgs { rdma_mtu: Some(1500), ..device() }.config().is_err());
        assert!(RdmaArgs { rdma_buffers: Some(3), ..device() }.config().is_err());
        assert!(RdmaArgs { rdma_timeout: Some(21), ..device() }.config().is_err());
        let port = |name: &str| (name == "ms_async_rdma_port_num").then(|| "x".to_owned());
        assert!(device().or_settings(port).is_err());
    }
}
