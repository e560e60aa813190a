//! fio, on a file and as a client of a cluster that is nobody's of the two.

use super::{Sample, cpu_us, json_of};
use anyhow::Context;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What fio does.
pub struct Job<'a> {
    /// write, randwrite, randread: fio's name.
    pub rw: &'a str,
    pub bs: &'a str,
    pub depth: u32,
    /// `None`: once over everything.
    pub seconds: Option<u32>,
    pub mib: u64,
}

fn command(job: &Job<'_>) -> Command {
    let mut command = Command::new("fio");
    command.args(["--name=global", "--output-format=json", "--norandommap"]);
    command.arg(format!("--rw={}", job.rw)).arg(format!("--bs={}", job.bs));
    command.arg(format!("--iodepth={}", job.depth)).arg(format!("--size={}M", job.mib));
    if let Some(seconds) = job.seconds {
        command.args(["--time_based".to_owned(), format!("--runtime={seconds}")]);
    }
    command
}

/// On files, a job each, with io_uring and past the page cache. Writes are durable with `durable`. The CPU is fio's
/// own.
pub fn on_files(files: &[PathBuf], job: &Job<'_>, durable: bool) -> anyhow::Result<Sample> {
    let mut command = command(job);
    command.args(["--ioengine=io_uring", "--direct=1"]);
    if durable {
        command.arg("--sync=dsync");
    }
    // Their operations counted together, and one distribution of all latencies.
    command.arg("--group_reporting");
    for file in files {
        command.arg("--name=fio").arg(format!("--filename={}", file.display()));
    }
    let all = json_of(command)?;
    let (sample, _) = sample(&all)?;
    let job = &all["jobs"][0];
    // Both are percentages of one CPU.
    let cpu = job["usr_cpu"].as_f64().unwrap_or(0.0) + job["sys_cpu"].as_f64().unwrap_or(0.0);
    Ok(Sample { cpu_us_per_op: cpu * 1e4 / sample.iops.max(1e-9), ..sample })
}

/// On objects of 4 MiB of a pool, with librados. The CPU is that of `osds`.
pub fn on_pool(conf: &Path, pool: &str, job: &Job<'_>, osds: &[u32]) -> anyhow::Result<Sample> {
    let mut command = command(job);
    command.args(["--ioengine=rados", "--clientname=admin", "--file_service_type=random"]);
    command.arg(format!("--conf={}", conf.display())).arg(format!("--pool={pool}"));
    command.args([format!("--nrfiles={}", job.mib / 4), "--filesize=4M".to_owned()]);
    command.arg("--name=fio");
    let before = cpu_us(osds)?;
    let all = json_of(command)?;
    let used = cpu_us(osds)? - before;
    let (sample, ops) = sample(&all)?;
    Ok(Sample { cpu_us_per_op: used / ops.max(1.0), ..sample })
}

/// What fio found, without CPU, and how many operations that was.
fn sample(all: &Value) -> anyhow::Result<(Sample, f64)> {
    let job = all.pointer("/jobs/0").context("no job")?;
    anyhow::ensure!(job["error"] == 0, "fio: error {}", job["error"]);
    let count = |side: &str| job[side]["total_ios"].as_f64().unwrap_or(0.0);
    let side = if count("read") > count("write") { "read" } else { "write" };
    let iops = job[side]["iops"].as_f64().context("no iops")?;
    // From submission to completion.
    let us = |key: &str| job[side]["clat_ns"]["percentile"][key].as_f64().unwrap_or(0.0) / 1e3;
    let (p50_us, p99_us) = (us("50.000000"), us("99.000000"));
    Ok((Sample { iops, p50_us, p99_us, ..Sample::default() }, count(side)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_that_did_something_counts() {
        let percentile = serde_json::json!({ "50.000000": 5000, "99.000000": 9000 });
        let side = |ios: u32| {
            serde_json::json!({
                "iops": ios, "total_ios": ios * 2, "clat_ns": { "percentile": percentile }
            })
        };
        let all = |error: u32| serde_json::json!({ "jobs": [{ "error": error, "read": side(0), "write": side(7) }] });
        let (found, ops) = sample(&all(0)).unwrap();
        assert_eq!((found.iops, found.p50_us, found.p99_us, ops), (7.0, 5.0, 9.0, 14.0));
        assert!(sample(&all(5)).is_err());
    }
}
