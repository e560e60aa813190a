//! What a bench of the store says when it is over.

use super::StoreArgs;
use super::load::{Interval, Outcome};
use crate::cmd::connect::human_bytes;
use clap::ValueEnum;
use hdrhistogram::Histogram;
use std::io::{self, Write};

/// Steps of the distribution for each halving of what is left to 100%.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// Figures of one run, of the measured phase.
struct Figures {
    iops: f64,
    mb_per_s: f64,
    cpu_us_per_op: f64,
    /// `None` where nothing was written.
    write_amplification: Option<f64>,
}

impl Figures {
    fn of(outcome: &Outcome, block_bytes: u64) -> Self {
        let ops = (outcome.reads + outcome.writes) as f64;
        let seconds = outcome.elapsed.as_secs_f64();
        let asked = (outcome.writes * block_bytes) as f64;
        Self {
            iops: ops / seconds,
            mb_per_s: ops * block_bytes as f64 / seconds / 1e6,
            cpu_us_per_op: outcome.cpu.as_secs_f64() * 1e6 / ops.max(1.0),
            write_amplification: (asked > 0.0).then(|| outcome.traffic.written as f64 / asked),
        }
    }
}

pub fn print(args: &StoreArgs, outcome: &Outcome) {
    let figures = Figures::of(outcome, args.bs);
    let us = |quantile: f64| outcome.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
    let max_us = outcome.latency_ns.max() as f64 / 1e3;
    let value = args.workload.to_possible_value().expect("no workload is hidden");
    let workload = value.get_name();
    let seconds = outcome.elapsed.as_secs_f64();
    let ops = outcome.reads + outcome.writes;
    if args.json {
        let json = serde_json::json!({
            "workload": workload,
            "device": args.device,
            "bs": args.bs,
            "depth": args.depth,
            "shards": args.shards,
            "seconds": seconds,
            "ops": ops,
            "reads": outcome.reads,
            "writes": outcome.writes,
            "bytes": ops * args.bs,
            "iops": figures.iops,
            "mb_per_s": figures.mb_per_s,
            "cpu_us_per_op": figures.cpu_us_per_op,
            "p50_us": us(0.5),
            "p99_us": us(0.99),
            "p999_us": us(0.999),
            "max_us": max_us,
            "write_amplification": figures.write_amplification,
            "device_writes_bytes": outcome.traffic.written,
            "device_reads_bytes": outcome.traffic.read,
            "objects": outcome.objects,
            "utilisation": outcome.utilisation,
            "segments": outcome.room.segments,
            "segments_free": outcome.room.segments_free,
            "utilisation_histogram": outcome.room.utilisation,
            "mount": {
                "ms": outcome.mount.elapsed.as_secs_f64() * 1e3,
                "cpu_ms": outcome.mount.cpu.as_secs_f64() * 1e3,
                "records": outcome.mount.records,
                "journal_bytes": outcome.mount.journal_bytes,
                "device_reads_bytes": outcome.mount.read_bytes,
            },
            "series": outcome.series.iter().map(interval_json).collect::<Vec<_>>(),
        });
        println!("{json}");
        return;
    }
    println!(
        "{workload}, {} each, {} under way, {} objects, store {:.0}% full",
        human_bytes(args.bs),
        args.depth,
        outcome.objects,
        outcome.utilisation * 100.0
    );
    let mount = &outcome.mount;
    println!(
        "mount        {:>12.1} ms   CPU {:.1} ms, {} read, {} records in {} of journal",
        mount.elapsed.as_secs_f64() * 1e3,
        mount.cpu.as_secs_f64() * 1e3,
        human_bytes(mount.read_bytes),
        mount.records,
        human_bytes(mount.journal_bytes)
    );
    println!("operations   {ops:>12}   in {seconds:.2} s");
    println!("IOPS         {:>12.0}", figures.iops);
    println!("MB/s         {:>12.1}", figures.mb_per_s);
    println!("CPU per op   {:>12.2} us", figures.cpu_us_per_op);
    println!("p50          {:>12.1} us", us(0.5));
    println!("p99          {:>12.1} us", us(0.99));
    println!("p99.9        {:>12.1} us", us(0.999));
    println!("max          {max_us:>12.1} us");
    if let Some(factor) = figures.write_amplification {
        let written = human_bytes(outcome.traffic.written);
        println!("write ampl.  {factor:>12.2}      {written} to the device");
    }
    let steps: Vec<String> = outcome.room.utilisation.iter().map(u32::to_string).collect();
    println!(
        "segments     {:>12}   of {} free; those of records by tenths that live: {}",
        outcome.room.segments_free,
        outcome.room.segments,
        steps.join(" ")
    );
    if outcome.series.is_empty() {
        return;
    }
    println!();
    println!("seconds  overwrites      IOPS    p50 us    p99 us    max us  pause us  write ampl.");
    for part in &outcome.series {
        println!(
            "{:>7.0} {:>11.2} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>12.2}",
            part.seconds,
            part.overwrites,
            part.iops,
            part.p50_us,
            part.p99_us,
            part.max_us,
            part.stall_us,
            part.write_amplification.unwrap_or(0.0)
        );
    }
}

fn interval_json(part: &Interval) -> serde_json::Value {
    serde_json::json!({
        "seconds": part.seconds,
        "overwrites": part.overwrites,
        "iops": part.iops,
        "p50_us": part.p50_us,
        "p99_us": part.p99_us,
        "max_us": part.max_us,
        "stall_us": part.stall_us,
        "write_amplification": part.write_amplification,
    })
}

/// The text form of HdrHistogram's tools: value in microseconds, quantile, how many are not above it,
/// and 1 / (1 - quantile).
pub fn write_distribution(out: &mut impl Write, latency_ns: &Histogram<u64>) -> io::Result<()> {
    let us = |ns: f64| ns / 1e3;
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut count = 0;
    for step in latency_ns.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        count += step.count_since_last_iteration();
        let value = us(step.value_iterated_to() as f64);
        let quantile = step.quantile_iterated_to();
        write!(out, "{value:>12.3} {quantile:>14.12} {count:>10}")?;
        if quantile < 1.0 {
            write!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]",
        us(latency_ns.mean()),
        us(latency_ns.stdev())
    )?;
    writeln!(
        out,
        "#[Max     = {:>12.3}, Total count    = {:>12}]",
        us(latency_ns.max() as f64),
        latency_ns.len()
    )?;
    writeln!(
        out,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        latency_ns.buckets(),
        (2 * 10u64.pow(latency_ns.sigfig().into())).next_power_of_two()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::bench::engine::Traffic;
    use crate::cmd::bench::load::Mounting;
    use std::time::Duration;

    fn outcome() -> Outcome {
        let mut latency_ns = Histogram::new_with_bounds(1, 600_000_000_000, 3).unwrap();
        for us in 1..=1000 {
            latency_ns.record(us * 1000).unwrap();
        }
        Outcome {
            reads: 0,
            writes: 1000,
            elapsed: Duration::from_secs(2),
            cpu: Duration::from_millis(5),
            latency_ns,
            traffic: Traffic { written: 6_144_000, read: 0 },
            objects: 1,
            utilisation: 0.5,
            room: seastore::SpaceReport::default(),
            series: Vec::new(),
            mount: Mounting::default(),
        }
    }

    #[test]
    fn figures_are_those_of_the_phase() {
        let figures = Figures::of(&outcome(), 4096);
        assert_eq!(figures.iops, 500.0);
        assert_eq!(figures.mb_per_s, 2.048);
        assert_eq!(figures.cpu_us_per_op, 5.0);
        assert_eq!(figures.write_amplification, Some(1.5));
        let reads = Outcome { reads: 1000, writes: 0, ..outcome() };
        assert_eq!(Figures::of(&reads, 4096).write_amplification, None);
    }

    #[test]
    fn the_distribution_ends_with_everything() {
        let mut text = Vec::new();
        write_distribution(&mut text, &outcome().latency_ns).unwrap();
        let text = String::from_utf8(text).unwrap();
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        assert!(rows.windows(2).all(|w| w[0][0] <= w[1][0] && w[0][1] <= w[1][1]), "{text}");
        let median = rows.iter().find(|row| row[1] >= 0.5).unwrap();
        assert!((499.0..=502.0).contains(&median[0]), "{text}");
        let last = rows.last().unwrap();
        assert_eq!((last[1], last[2]), (1.0, 1000.0), "{text}");
        assert!(text.contains("Total count    =         1000"), "{text}");
    }
}
