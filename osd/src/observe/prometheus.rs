//! Counters and stages in Prometheus's text format 0.0.4. What Ceph's exporter has is named as there:
//! `ceph_osd_` and the counter's name, with the daemon as `ceph_daemon`; times as `_sum` and `_count`,
//! in seconds. What is ours begins with `kermes_`.

use super::ShardPart;
use super::part::Part;
use super::perf::{self, Counter, Reading};
use super::stage::{Kind, Stage};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;
use types::Histogram;

/// Log2 of the bounds of buckets in units of 16 ns, so that counts are exact: from 1 us to 17 s, each
/// four times the last.
const BOUNDS: std::ops::RangeInclusive<u32> = 6..=30;

/// Samples by metric: a metric's lines stay together, as the format asks.
#[derive(Default)]
struct Metrics {
    /// In the order in which they were first given.
    names: Vec<String>,
    by_name: BTreeMap<String, Metric>,
}

struct Metric {
    kind: &'static str,
    help: &'static str,
    lines: String,
}

impl Metrics {
    fn metric(&mut self, name: &str, kind: &'static str, help: &'static str) -> &mut String {
        if !self.by_name.contains_key(name) {
            self.names.push(name.to_owned());
        }
        let fresh = || Metric { kind, help, lines: String::new() };
        &mut self.by_name.entry(name.to_owned()).or_insert_with(fresh).lines
    }

    fn counter(&mut self, prefix: &str, labels: &str, counter: &Counter) {
        let name = format!("{prefix}_{}", counter.name);
        let mut add = |name: &str, kind, value: String| {
            let lines = self.metric(name, kind, counter.help);
            let _ = writeln!(lines, "{name}{{{labels}}} {value}");
        };
        match counter.reading {
            Reading::Count(n) | Reading::Bytes(n) => add(&name, "counter", n.to_string()),
            Reading::Gauge(n) | Reading::GaugeBytes(n) => add(&name, "gauge", n.to_string()),
            Reading::Time(average) => {
                let sum = average.sum_ns as f64 / 1e9;
                add(&format!("{name}_sum"), "counter", sum.to_string());
                add(&format!("{name}_count"), "counter", average.count.to_string());
            }
        }
    }

    fn histogram(&mut self, name: &str, labels: &str, help: &'static str, of: &Histogram) {
        let lines = self.metric(name, "histogram", help);
        for log in BOUNDS.step_by(2) {
            let bound = Duration::from_nanos(16 << log);
            let (le, count) = (bound.as_nanos() as f64 / 1e9, of.count_below(bound));
            let _ = writeln!(lines, "{name}_bucket{{{labels},le=\"{le}\"}} {count}");
        }
        let _ = writeln!(lines, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", of.count());
        let _ = writeln!(lines, "{name}_sum{{{labels}}} {}", of.sum().as_nanos() as f64 / 1e9);
        let _ = writeln!(lines, "{name}_count{{{labels}}} {}", of.count());
    }

    fn shard(&mut self, labels: &str, shard: &ShardPart) {
        let Some(stats) = &shard.stats else { return };
        for kind in Kind::ALL {
            let of = &stats.kinds[kind as usize];
            // What has never been is left out, or most lines would be zeros.
            if of.whole.count() == 0 {
                continue;
            }
            let labels = format!("{labels},kind=\"{}\"", kind.name());
            for stage in Stage::ALL {
                let histogram = &of.stages[stage as usize];
                if histogram.count() > 0 {
                    let labels = format!("{labels},stage=\"{}\"", stage.name());
                    let help = "Time since the stage before, by the stage that ends it.";
                    self.histogram("kermes_osd_stage_seconds", &labels, help, histogram);
                }
            }
            let help = "From the first bytes of an operation to its reply.";
            self.histogram("kermes_osd_op_seconds", &labels, help, &of.whole);
        }
    }

    fn into_text(self) -> String {
        let mut out = String::new();
        for name in &self.names {
            let Metric { kind, help, lines } = &self.by_name[name];
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
        out
    }
}

/// All that there is to scrape of an OSD.
pub fn exposition(parts: &[Part]) -> String {
    let mut metrics = Metrics::default();
    let Some(first) = parts.first() else { return String::new() };
    let daemon = format!("ceph_daemon=\"osd.{}\"", first.osd);
    for section in perf::sections(parts) {
        let numbered = |prefix: &str| section.name.strip_prefix(prefix).map(str::to_owned);
        let (prefix, labels) = if let Some(shard) = numbered("store-shard-") {
            ("kermes_store", format!("{daemon},shard=\"{shard}\""))
        } else if let Some(core) = numbered("messenger-core-") {
            ("kermes_messenger", format!("{daemon},core=\"{core}\""))
        } else if section.name == "osd" {
            ("ceph_osd", daemon.clone())
        } else {
            // Stages come as histograms.
            continue;
        };
        section.counters.iter().for_each(|counter| metrics.counter(prefix, &labels, counter));
    }
    for shard in parts.iter().flat_map(|part| &part.shards) {
        metrics.shard(&format!("{daemon},shard=\"{}\"", shard.shard), shard);
    }
    metrics.into_text()
}
