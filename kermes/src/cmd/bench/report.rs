//! What a bench says when it is over: the same figures under the same names for all of them, for eyes
//! and as one JSON object.

use super::options::{LoadArgs, OutputArgs};
use super::plot::Image;
use super::tally::{Interval, Measured};
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// Steps of the distribution for each halving of what is left to 100%.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
/// Name in print, part of the JSON key, quantile.
const QUANTILES: [(&str, &str, f64); 5] = [
    ("p50", "p50_us", 0.5),
    ("p90", "p90_us", 0.9),
    ("p99", "p99_us", 0.99),
    ("p99.9", "p999_us", 0.999),
    ("p99.99", "p9999_us", 0.9999),
];

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Operations,
    Messages,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Messages => "messages",
        }
    }
    /// JSON key of how many each second.
    pub fn rate_key(self) -> &'static str {
        match self {
            Self::Operations => "iops",
            Self::Messages => "messages_per_s",
        }
    }
    /// Name of the rate in print.
    fn rate_name(self) -> &'static str {
        match self {
            Self::Operations => "IOPS",
            Self::Messages => "messages/s",
        }
    }
    fn count_key(self) -> &'static str {
        match self {
            Self::Operations => "ops",
            Self::Messages => "messages",
        }
    }
}

/// CPU of somebody for each operation.
pub struct Cpu {
    /// In print, up to 12 characters.
    pub name: &'static str,
    /// JSON key.
    pub key: &'static str,
    /// `None`: nobody knows.
    pub us_per_op: Option<f64>,
    /// Printed behind the figure.
    pub of: String,
}

/// All that is said of one run.
pub struct Report<'a> {
    /// Which bench, as its command is named.
    pub bench: &'static str,
    pub unit: Unit,
    /// What was done, in a line.
    pub headline: String,
    pub load: &'a LoadArgs,
    pub measured: &'a Measured,
    /// Without answers there are no latencies.
    pub has_latencies: bool,
    pub cpu: Vec<Cpu>,
    /// What was asked for beyond [`LoadArgs`], by JSON key.
    pub settings: Map<String, Value>,
    /// Lines printed between the headline and the figures, and behind them.
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// Figures that only this bench has, by JSON key.
    pub more: Map<String, Value>,
}

/// `{ "key": value, .. }` as a map.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

impl Report<'_> {
    /// Operations each second.
    pub fn rate(&self) -> f64 {
        self.measured.ops() as f64 / self.measured.elapsed.as_secs_f64().max(1e-9)
    }

    fn mb_per_s(&self) -> f64 {
        self.rate() * self.load.bs as f64 / 1e6
    }

    fn us(&self, quantile: f64) -> Option<f64> {
        let latency_ns = &self.measured.latency_ns;
        self.has_latencies.then(|| latency_ns.value_at_quantile(quantile) as f64 / 1e3)
    }

    fn max_us(&self) -> Option<f64> {
        self.has_latencies.then(|| self.measured.latency_ns.max() as f64 / 1e3)
    }

    pub fn print(&self, output: &OutputArgs) {
        match output.json {
            true => println!("{}", self.json()),
            false => print!("{}", self.text()),
        }
    }

    pub fn image(&self) -> Image<'_> {
        Image {
            title: &self.headline,
            unit: self.unit,
            latency_ns: self.has_latencies.then_some(&self.measured.latency_ns),
            series: &self.measured.series,
        }
    }

    /// The object that `--json` prints and `kermes bench compare` reads.
    pub fn json(&self) -> Value {
        let measured = self.measured;
        let mut all = object(json!({
            "bench": self.bench,
            "bs": self.load.bs,
            "depth": self.load.depth,
            "rate": self.load.rate,
            "seconds": measured.elapsed.as_secs_f64(),
            "bytes": measured.ops() * self.load.bs,
            "mb_per_s": self.mb_per_s(),
            "max_us": self.max_us(),
        }));
        if self.unit == Unit::Operations {
            all.insert("reads".into(), measured.reads.into());
            all.insert("writes".into(), measured.writes.into());
        }
        all.insert(self.unit.count_key().into(), measured.ops().into());
        all.insert(self.unit.rate_key().into(), self.rate().into());
        for cpu in &self.cpu {
            all.insert(cpu.key.into(), cpu.us_per_op.into());
        }
        for (_, key, quantile) in QUANTILES {
            all.insert(key.into(), self.us(quantile).into());
        }
        let series = measured.series.iter().map(|part| self.interval_json(part));
        all.insert("series".into(), series.collect());
        all.extend(self.settings.clone());
        all.extend(self.more.clone());
        all.into()
    }

    fn interval_json(&self, part: &Interval) -> Value {
        let mut all = object(json!({ "seconds": part.seconds, "stall_us": part.stall_us }));
        all.insert(self.unit.rate_key().into(), part.iops.into());
        if self.has_latencies {
            all.insert("p50_us".into(), part.p50_us.into());
            all.insert("p90_us".into(), part.p90_us.into());
            all.insert("p99_us".into(), part.p99_us.into());
            all.insert("p999_us".into(), part.p999_us.into());
            all.insert("max_us".into(), part.max_us.into());
        }
        if part.overwrites > 0.0 {
            all.insert("overwrites".into(), part.overwrites.into());
        }
        if let Some(factor) = part.write_amplification {
            all.insert("write_amplification".into(), factor.into());
        }
        all.into()
    }

    /// For eyes.
    pub fn text(&self) -> String {
        let mut lines = vec![self.headline.clone()];
        lines.extend(self.before.iter().cloned());
        let mut figure = |name: &str, value: String, rest: &str| {
            lines.push(format!("{name:<12} {value:>12} {rest}").trim_end().to_owned());
        };
        let seconds = self.measured.elapsed.as_secs_f64();
        let count = self.measured.ops().to_string();
        figure(self.unit.name(), count, &format!("  in {seconds:.2} s"));
        figure(self.unit.rate_name(), format!("{:.0}", self.rate()), "");
        figure("MB/s", format!("{:.1}", self.mb_per_s()), "");
        for cpu in &self.cpu {
            if let Some(us) = cpu.us_per_op {
                figure(cpu.name, format!("{us:.2}"), &format!("us {}", cpu.of));
            }
        }
        for (name, _, quantile) in QUANTILES {
            if let Some(us) = self.us(quantile) {
                figure(name, format!("{us:.1}"), "us");
            }
        }
        if let Some(us) = self.max_us() {
            figure("max", format!("{us:.1}"), "us");
        }
        lines.extend(self.after.iter().cloned());
        if self.load.interval.is_some() {
            lines.push(String::new());
            lines.extend(self.table());
        }
        lines.join("\n") + "\n"
    }

    fn table(&self) -> Vec<String> {
        let series = &self.measured.series;
        let amplified = series.iter().any(|part| part.write_amplification.is_some());
        let overwritten = series.iter().any(|part| part.overwrites > 0.0);
        let rate = self.unit.rate_name();
        let mut head = format!("seconds {rate:>10}    p50 us    p99 us    max us  pause us");
        if overwritten {
            head += "  overwrites";
        }
        if amplified {
            head += "  write ampl.";
        }
        let mut lines = vec![head];
        for part in series {
            let mut line = format!(
                "{:>7.0} {:>10.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
                part.seconds, part.iops, part.p50_us, part.p99_us, part.max_us, part.stall_us
            );
            if overwritten {
                line += &format!(" {:>11.2}", part.overwrites);
            }
            if amplified {
                line += &format!(" {:>12.2}", part.write_amplification.unwrap_or(0.0));
            }
            lines.push(line);
        }
        lines
    }
}

/// A line of progress: what has been done, how fast it is now, and latencies so far.
pub fn progress(measured: &Measured, since: Duration, unit: Unit, rate: f64, bs: u64) -> String {
    let us = |quantile: f64| measured.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
    format!(
        "{:>4.0} s  {:>9} done  {rate:>8.0} {}  {:>8.1} MB/s  p50 {:.0} us  p99 {:.0} us",
        since.as_secs_f64(),
        measured.ops(),
        unit.rate_name(),
        rate * bs as f64 / 1e6,
        us(0.5),
        us(0.99),
    )
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
    use crate::cmd::bench::options::CpuLatencyArgs;
    use crate::cmd::bench::tally::histogram;

    fn measured() -> Measured {
        let mut latency_ns = histogram();
        for us in 1..=1000 {
            latency_ns.record(us * 1000).unwrap();
        }
        let elapsed = Duration::from_secs(2);
        let part = Interval { seconds: 1.0, iops: 400.0, p50_us: 3.0, ..Interval::default() };
        let cpu = Duration::from_millis(5);
        Measured { reads: 0, writes: 1000, elapsed, cpu, latency_ns, series: vec![part] }
    }

    fn load() -> LoadArgs {
        LoadArgs {
            bs: 4096,
            depth: 8,
            rate: None,
            seconds: 2,
            warm_up: 0,
            interval: None,
            cpu_latency: CpuLatencyArgs::OFF,
        }
    }

    fn report<'a>(unit: Unit, load: &'a LoadArgs, measured: &'a Measured) -> Report<'a> {
        let us_per_op = Some(measured.us_per_op(measured.cpu));
        let of = "of this process".to_owned();
        Report {
            bench: "store",
            unit,
            headline: "what was done".into(),
            load,
            measured,
            has_latencies: true,
            cpu: vec![Cpu { name: "CPU per op", key: "cpu_us_per_op", us_per_op, of }],
            settings: object(json!({ "workload": "randwrite" })),
            before: Vec::new(),
            after: vec!["something else".into()],
            more: object(json!({ "objects": 3 })),
        }
    }

    #[test]
    fn figures_are_those_of_the_phase() {
        let (load, measured) = (load(), measured());
        let json = report(Unit::Operations, &load, &measured).json();
        for (key, value) in [
            ("iops", 500.0),
            ("mb_per_s", 2.048),
            ("cpu_us_per_op", 5.0),
            ("ops", 1000.0),
            ("writes", 1000.0),
            ("bytes", 4096e3),
            ("objects", 3.0),
        ] {
            assert_eq!(json[key].as_f64(), Some(value), "{key} of {json}");
        }
        assert!((999.0..=1002.0).contains(&json["max_us"].as_f64().unwrap()), "{json}");
        assert!((499.0..=502.0).contains(&json["p50_us"].as_f64().unwrap()), "{json}");
        assert_eq!(json["series"][0]["iops"], 400.0);
        let json = report(Unit::Messages, &load, &measured).json();
        assert_eq!((&json["messages_per_s"], &json["messages"]), (&json!(500.0), &json!(1000)));
        assert!(json["iops"].is_null() && json["reads"].is_null(), "{json}");
        assert_eq!(json["series"][0]["messages_per_s"], 400.0);
    }

    #[test]
    fn eyes_see_the_same() {
        let (mut load, measured) = (load(), measured());
        let text = report(Unit::Operations, &load, &measured).text();
        for line in ["what was done", "IOPS                  500", "something else"] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
        assert!(text.contains("CPU per op           5.00 us of this process"), "{text}");
        assert!(!text.contains("seconds"), "{text}");
        load.interval = Some(1);
        let mut silent = report(Unit::Messages, &load, &measured);
        assert!(silent.text().contains("\n      1        400         3"), "{}", silent.text());
        silent.has_latencies = false;
        assert!(!silent.text().contains("p99.9"), "{}", silent.text());
        assert!(silent.json()["p50_us"].is_null());
    }

    #[test]
    fn the_distribution_ends_with_everything() {
        let mut text = Vec::new();
        write_distribution(&mut text, &measured().latency_ns).unwrap();
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
