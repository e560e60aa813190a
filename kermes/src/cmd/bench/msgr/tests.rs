//! Both ends on loopback, as their users start them.

use super::*;

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
    for mode in ["crc", "secure", "bare", "summed"] {
        let server = Running::start(mode, 1);
        for more in ["--depth 1", "--depth 8 --connections 3 --bs 64k", "--bs 0 --rate 500"] {
            let (args, outcome) = server.run(&format!("--mode {mode} {more}")).unwrap();
            let what = format!("{mode} {more}");
            assert!(outcome.measured.ops() > 100, "{what}: {}", outcome.measured.ops());
            assert_eq!(outcome.measured.latency_ns.len(), outcome.measured.ops(), "{what}");
            let taken = outcome.server.unwrap().messages;
            // What was under way when the measurement began and ended.
            let slack = (2 * args.load.depth * args.connections) as u64;
            assert!(taken.abs_diff(outcome.measured.ops()) <= slack, "{what}: {taken} {outcome:?}");
            let json = report(&args, &outcome).json();
            assert!(json["server_cpu_us_per_message"].as_f64().unwrap() > 0.1, "{json}");
            if args.load.rate.is_some() {
                let rate = json["messages_per_s"].as_f64().unwrap();
                assert!((400.0..=510.0).contains(&rate), "{what}: {rate}");
            }
        }
    }
}

#[test]
fn data_come_back_as_they_were_sent() {
    for mode in ["crc", "secure"] {
        let server = Running::start(mode, 1);
        for more in ["--bs 1k --depth 4", "--bs 100k --depth 3 --connections 2"] {
            let (args, outcome) = server.run(&format!("--mode {mode} --verify {more}")).unwrap();
            assert!(outcome.measured.ops() > 50, "{mode} {more}: {}", outcome.measured.ops());
            let json = report(&args, &outcome).json();
            assert_eq!((&json["verified"], &json["transport"]), (&json!(true), &json!("tcp")));
        }
    }
}

#[test]
fn without_a_device_everything_goes_over_tcp() {
    let server = Running::start("crc", 1);
    let more = "--transport rdma --rdma-device none-such --bs 20k";
    for way in ["cm", "tcp"] {
        let (_, outcome) = server.run(&format!("{more} --rdma-setup {way}")).unwrap();
        assert!(outcome.measured.ops() > 100, "{way}: {}", outcome.measured.ops());
    }
}

#[test]
fn every_reactor_answers() {
    for reactor in Reactor::value_variants() {
        let name = reactor.to_possible_value().unwrap();
        let server = Running::start(&format!("crc --reactor {}", name.get_name()), 1);
        let (_, outcome) = server.run("--depth 8 --connections 3 --bs 64k").unwrap();
        assert!(outcome.measured.ops() > 100, "{reactor:?}: {}", outcome.measured.ops());
    }
}

#[test]
fn cores_share_connections_and_one_way_is_counted_by_the_server() {
    let server = Running::start("crc", 2);
    let (_, outcome) = server.run("--cores 2 --connections 4 --depth 4").unwrap();
    assert!(
        outcome.measured.ops() > 100 && outcome.measured.latency_ns.len() == outcome.measured.ops()
    );
    let (args, outcome) = server.run("--one-way --depth 4").unwrap();
    assert!(outcome.measured.ops() > 100 && outcome.measured.latency_ns.is_empty());
    let json = report(&args, &outcome).json();
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
        ("--mode bare --verify", "--verify"),
        ("--transport rdma", "--rdma-device"),
        ("--rdma-device rxe0", "--transport rdma"),
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
