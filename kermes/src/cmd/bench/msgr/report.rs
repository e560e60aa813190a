//! What a bench of the messenger says when it is over.

use super::client::Outcome;
use super::{ClientArgs, Mode};
use crate::cmd::connect::human_bytes;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Figures of one run, of the measured phase.
pub struct Figures {
    pub messages_per_s: f64,
    pub mb_per_s: f64,
    /// Of whole processes; `None` where the server was not asked.
    pub server_cpu_us: Option<f64>,
    pub client_cpu_us: f64,
}

impl Figures {
    pub fn of(outcome: &Outcome, size: u64) -> Self {
        let messages = outcome.messages as f64;
        let rate = messages / outcome.elapsed.as_secs_f64();
        let server = outcome.server.filter(|s| s.messages > 0);
        Self {
            messages_per_s: rate,
            mb_per_s: rate * size as f64 / 1e6,
            server_cpu_us: server.map(|s| s.cpu_ns as f64 / 1e3 / s.messages as f64),
            client_cpu_us: outcome.cpu.as_secs_f64() * 1e6 / messages.max(1.0),
        }
    }
}

fn mode_name(mode: Mode) -> String {
    mode.to_possible_value().expect("no mode is hidden").get_name().to_owned()
}

pub fn print(args: &ClientArgs, outcome: &Outcome) {
    if args.json {
        println!("{}", json_of(args, outcome));
        return;
    }
    let figures = Figures::of(outcome, args.size);
    let us = |quantile: f64| outcome.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
    let rate = args.rate.map_or(String::new(), |rate| format!(", {rate} each second"));
    println!(
        "tcp, {}, {} of data, {} connections on {} cores, {} under way on each{rate}",
        mode_name(args.mode),
        human_bytes(args.size),
        args.connections,
        args.cores,
        args.depth
    );
    let seconds = outcome.elapsed.as_secs_f64();
    println!("messages     {:>12}   in {seconds:.2} s", outcome.messages);
    println!("messages/s   {:>12.0}", figures.messages_per_s);
    println!("MB/s         {:>12.1}", figures.mb_per_s);
    if let Some(cpu) = figures.server_cpu_us {
        println!("server CPU   {cpu:>12.2} us a message");
    }
    println!("client CPU   {:>12.2} us a message", figures.client_cpu_us);
    if outcome.one_way {
        return;
    }
    for (name, quantile) in
        [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)]
    {
        println!("{name:<12} {:>12.1} us", us(quantile));
    }
    println!("max          {:>12.1} us", outcome.latency_ns.max() as f64 / 1e3);
}

/// The object that `--json` prints and `compare` reads.
pub fn json_of(args: &ClientArgs, outcome: &Outcome) -> Value {
    let figures = Figures::of(outcome, args.size);
    // Without answers there are no latencies.
    let us = |ns: u64| (!outcome.one_way).then_some(ns as f64 / 1e3);
    let at = |quantile: f64| us(outcome.latency_ns.value_at_quantile(quantile));
    let second = |(messages, median): &(u64, u64)| json!({ "messages_per_s": messages, "p50_us": *median as f64 / 1e3 });
    json!({
        "transport": "tcp",
        "mode": mode_name(args.mode),
        "size": args.size,
        "depth": args.depth,
        "connections": args.connections,
        "cores": args.cores,
        "rate": args.rate,
        "one_way": args.one_way,
        "seconds": outcome.elapsed.as_secs_f64(),
        "messages": outcome.messages,
        "messages_per_s": figures.messages_per_s,
        "mb_per_s": figures.mb_per_s,
        "server_cpu_us_per_message": figures.server_cpu_us,
        "client_cpu_us_per_message": figures.client_cpu_us,
        "p50_us": at(0.5),
        "p90_us": at(0.9),
        "p99_us": at(0.99),
        "p999_us": at(0.999),
        "p9999_us": at(0.9999),
        "max_us": us(outcome.latency_ns.max()),
        "series": outcome.series.iter().map(second).collect::<Vec<_>>(),
    })
}
