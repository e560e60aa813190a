//! Both ends on loopback, as their users start them.

use super::compare::{Verdict as Judged, judge};
use super::*;
use serde_json::json;

struct Running {
    addr: SocketAddr,
    stopper: Option<runtime::hop::Stopper>,
    threads: Vec<std::thread::JoinHandle<std::io::Result<i32>>>,
}
impl Running {
    fn start(mode: &str, cores: usize) -> Self {
        let text = format!("server --listen 127.0.0.1:0 --mode {mode} --cores {cores}");
        let Parsed { args: MsgrArgs { command: MsgrCommand::Server(args) } } = parse(&text) else {
            panic!("{text}")
        };
        let (addr, stopper, threads, _) = start(&args).unwrap();
        Self { addr, stopper: Some(stopper), threads }
    }
    fn run(&self, text: &str) -> anyhow::Result<(ClientArgs, Outcome)> {
        let text = format!("client {} --seconds 1 --warm-up 0 {text}", self.addr);
        let Parsed { args: MsgrArgs { command: MsgrCommand::Client(args) } } = parse(&text) else {
            panic!("{text}")
        };
        let outcome = run_clients(&args)?;
        Ok((*args, outcome))
    }
}
impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.take().unwrap().stop();
        for thread in self.threads.drain(..) {
            thread.join().unwrap().unwrap();
        }
    }
}

#[derive(clap::Parser)]
struct Parsed {
    #[command(flatten)]
    args: MsgrArgs,
}
fn parse(text: &str) -> Parsed {
    use clap::Parser;
    Parsed::try_parse_from(std::iter::once("msgr").chain(text.split_whitespace())).unwrap()
}

#[test]
fn messages_are_answered_in_each_mode_and_counted_on_both_sides() {
    for mode in ["crc", "secure", "bare"] {
        let server = Running::start(mode, 1);
        for more in ["--depth 1", "--depth 8 --connections 3 --size 64k", "--size 0 --rate 500"] {
            let (args, outcome) = server.run(&format!("--mode {mode} {more}")).unwrap();
            let what = format!("{mode} {more}");
            assert!(outcome.messages > 100, "{what}: {}", outcome.messages);
            assert_eq!(outcome.latency_ns.len(), outcome.messages, "{what}");
            let taken = outcome.server.unwrap().messages;
            // What was under way when the measurement began and ended.
            let slack = (2 * args.depth * args.connections) as u64;
            assert!(taken.abs_diff(outcome.messages) <= slack, "{what}: {taken} {outcome:?}");
            let json = report::json_of(&args, &outcome);
            assert!(json["server_cpu_us_per_message"].as_f64().unwrap() > 0.1, "{json}");
            if args.rate.is_some() {
                let rate = json["messages_per_s"].as_f64().unwrap();
                assert!((400.0..=510.0).contains(&rate), "{what}: {rate}");
            }
        }
    }
}

#[test]
fn cores_share_connections_and_one_way_is_counted_by_the_server() {
    let server = Running::start("crc", 2);
    let (_, outcome) = server.run("--cores 2 --connections 4 --depth 4").unwrap();
    assert!(outcome.messages > 100 && outcome.latency_ns.len() == outcome.messages);
    let (args, outcome) = server.run("--one-way --depth 4").unwrap();
    assert!(outcome.messages > 100 && outcome.latency_ns.is_empty());
    let json = report::json_of(&args, &outcome);
    assert!(json["p50_us"].is_null() && json["messages_per_s"].as_f64().unwrap() > 100.0, "{json}");
}

#[test]
fn what_cannot_be_is_said() {
    let said = |result: anyhow::Result<(ClientArgs, Outcome)>| format!("{:#}", result.unwrap_err());
    let server = Running::start("secure", 1);
    let why = said(server.run("--mode crc"));
    assert!(why.contains("refuse") || why.contains("lost"), "{why}");
    let other = CryptoKey::new(types::UTime::default(), [9; 16]).to_base64();
    let why = said(server.run(&format!("--mode secure --key {other}")));
    assert!(why.contains("refuse") || why.contains("lost"), "{why}");
    for (more, word) in [
        ("--depth 0", "--depth 0"),
        ("--cores 2 --connections 3", "each core as many"),
        ("--mode bare --one-way", "answers always"),
        ("--key AAAA", "--mode secure"),
        ("--mode secure --key AAAA", "not a key"),
        ("--rate 0", "--rate"),
    ] {
        let why = said(server.run(more));
        assert!(why.contains(word), "{more}: {why}");
    }
    drop(server);
    let nobody = Running { addr: "127.0.0.1:1".parse().unwrap(), stopper: None, threads: vec![] };
    let why = said(nobody.run(""));
    std::mem::forget(nobody);
    assert!(why.contains("lost"), "{why}");
}

#[test]
fn a_difference_is_one_that_stands_out() {
    let run = |rates: [u64; 5]| {
        let second = |n: &u64| json!({ "messages_per_s": n });
        json!({ "series": rates.iter().map(second).collect::<Vec<_>>() })
    };
    let judged = |a, b| judge("messages_per_s", true, &run(a), &run(b), 0.05);
    let calm = [100, 101, 100, 99, 100];
    assert_eq!(judged(calm, [120, 121, 119, 120, 120]), Judged::Better);
    assert_eq!(judged(calm, [80, 81, 79, 80, 80]), Judged::Worse);
    assert_eq!(judged(calm, [104, 103, 104, 104, 104]), Judged::Same, "less than the least");
    assert_eq!(judged(calm, [60, 120, 110, 180, 70]), Judged::Same, "too noisy to tell");
    let less_is_better =
        judge("p99_us", false, &json!({"p99_us": 10.0}), &json!({"p99_us": 8.0}), 0.05);
    assert_eq!(less_is_better, Judged::Better);
}

#[test]
fn the_plot_has_a_line_that_rises() {
    let mut latencies = hdrhistogram::Histogram::new(3).unwrap();
    (1..=10_000u64).for_each(|us| latencies.record(us * 1000).unwrap());
    let image = plot::draw(&latencies);
    let line = image.lines().find(|l| l.starts_with("<polyline")).unwrap();
    let heights: Vec<f64> = line
        .split('"')
        .nth(1)
        .unwrap()
        .split(' ')
        .map(|point| point.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(heights.len() > 100 && heights.windows(2).all(|w| w[0] >= w[1]), "{line}");
}
