//! What is refused before a cluster is asked, and what is said of a run. Runs against clusters are steps
//! of `cargo xtask test`: acceptance for ours, real-ceph for Ceph's.

use super::*;
use crate::cmd::bench::tally::Tally;
use std::time::Duration;
use types::Instant;

#[derive(clap::Parser)]
struct Parsed {
    #[command(flatten)]
    args: RadosArgs,
}

fn parse(text: &str) -> RadosArgs {
    use clap::Parser;
    let words = ["rados", "--pool", "p1"].into_iter().chain(text.split_whitespace());
    Parsed::try_parse_from(words).unwrap().args
}

#[test]
fn mistakes_are_refused_in_one_sentence() {
    for (more, word) in [
        ("--bs 5000", "power of two"),
        ("--bs 8M", "power of two"),
        ("--depth 0", "--depth 0"),
        ("--seconds 0", "--seconds"),
        ("--rate 0", "--rate"),
        ("--objects 0", "--objects"),
        ("--size 1M", "--size"),
        ("--cores 4 --depth 3", "--cores 4"),
        ("--cores 4 --objects 3", "--cores 4"),
    ] {
        let why = parse(&format!("--workload randread {more}")).check().unwrap_err().to_string();
        assert!(why.contains(word), "{more}: {why}");
    }
    assert_eq!(parse("--workload mixed --size 1G").objects(), 256);
    parse("--workload seqread --bs 4M --depth 1 --cores 1 --objects 1").check().unwrap();
    let nowhere = parse("--workload randread --conf /nowhere/ceph.conf");
    assert!(format!("{:#}", run(&nowhere).unwrap_err()).contains("/nowhere/ceph.conf"));
}

#[test]
fn cpu_is_that_of_the_osds_and_of_the_client_for_each_operation() {
    let mut tally = Tally::new(Duration::from_secs(1));
    tally.begin(Instant::ZERO);
    let done = Instant::ZERO + Duration::from_micros(80);
    (0..1000).for_each(|_| tally.record(done, Instant::ZERO, true));
    tally.end(Instant::ZERO + Duration::from_secs(1));
    let mut measured = tally.measured().clone();
    measured.cpu = Duration::from_millis(7);
    let mut outcome = Outcome {
        measured,
        osd_cpu: Some(Duration::from_millis(30)),
        osds: osds::Osds { pids: vec![1, 2, 3], up: 3 },
        pool_size: 3,
        prepared: 0,
        verified_bytes: 4096,
    };
    let args = parse("--workload randread");
    let report_of = |outcome: &Outcome| {
        let report = report(&args, outcome);
        (report.json(), report.text())
    };
    let (json, text) = report_of(&outcome);
    assert_eq!(
        (&json["cpu_us_per_op"], &json["client_cpu_us_per_op"]),
        (&json!(30.0), &json!(7.0))
    );
    assert_eq!(
        (&json["iops"], &json["osds"], &json["pool_size"]),
        (&json!(1000.0), &json!(3), &json!(3))
    );
    assert!(text.contains("sum of 3 processes") && text.contains("verified"), "{text}");
    outcome.osd_cpu = None;
    outcome.osds.pids.pop();
    let (json, text) = report_of(&outcome);
    assert!(json["cpu_us_per_op"].is_null(), "{json}");
    assert!(text.contains("2 of 3 OSDs run here"), "{text}");
}
