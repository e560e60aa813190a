//! Options that all benches share: the same names, defaults and help.

use super::plot::Image;
use super::report::write_distribution;
use crate::cmd::connect::parse_bytes;
use anyhow::{Context, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use runtime::cpu_latency::{CpuLatency, Wanted};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use types::Instant;

/// What is kept under way, and for how long.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// Bytes of one operation, or of data in one message
    #[arg(long, value_name = "SIZE", default_value = "4k", value_parser = parse_bytes)]
    pub bs: u64,
    /// Operations under way (msgr: messages, on each connection); 1 is one after the other
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub depth: usize,
    /// Begin so many each second, whether or not earlier ones are done. A latency counts from when
    /// its operation was due, so that a pause does not hide itself (no coordinated omission)
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// How long to measure
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub seconds: u64,
    /// Seconds of the same load before the measurement begins
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub warm_up: u64,
    /// Print the figures of every N seconds of the measurement as well; without this, files and
    /// --json have those of every second
    #[arg(long, value_name = "N")]
    pub interval: Option<u64>,
    #[command(flatten)]
    pub cpu_latency: CpuLatencyArgs,
}

impl LoadArgs {
    /// What clap does not check.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=65536).contains(&self.depth), "--depth {}: must be 1 to 65536", self.depth);
        ensure!(self.seconds >= 1, "--seconds must be at least 1");
        ensure!(self.interval != Some(0), "--interval must be at least 1");
        ensure!(
            self.rate.is_none_or(|rate| rate > 0.0 && rate <= 1e8),
            "--rate: must be more than 0, up to 1e8"
        );
        Ok(())
    }
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
    pub fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval.unwrap_or(1))
    }
    /// `--rate` in words, for a headline.
    pub fn at_rate(&self) -> String {
        self.rate.map_or(String::new(), |rate| format!(", {rate} each second"))
    }
}

/// What runs it.
#[derive(Debug, Clone, Copy, Args)]
pub struct CoresArgs {
    /// Cores, which share the connections, or the objects
    #[arg(long, value_name = "N", default_value_t = 1)]
    cores: u16,
    /// First CPU to run on; the scheduler chooses by default
    #[arg(long, value_name = "CPU")]
    pub cpu_first: Option<usize>,
}

impl CoresArgs {
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=256).contains(&self.cores), "--cores {}: must be 1 to 256", self.cores);
        Ok(())
    }
    pub fn count(&self) -> usize {
        self.cores as usize
    }
}

/// How soon CPUs wake up.
#[derive(Debug, Clone, Copy, Args)]
pub struct CpuLatencyArgs {
    /// While this program is busy, CPUs of its machine are to wake up from idling within so many
    /// microseconds; auto: 2, or 0 in a virtual machine. See `kermes osd --help`
    #[arg(long, value_name = "auto|off|US", default_value_t = Wanted::Off)]
    cpu_latency: Wanted,
}

impl CpuLatencyArgs {
    #[cfg(test)]
    pub const OFF: Self = Self { cpu_latency: Wanted::Off };
    pub fn open(self) -> anyhow::Result<Option<CpuLatency>> {
        CpuLatency::open(self.cpu_latency).context("--cpu-latency")
    }
}

/// Where results go.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Write the distribution of latencies, microseconds, for HdrHistogram's plotters
    #[arg(long, value_name = "FILE")]
    pub hdr: Option<PathBuf>,
    /// Draw an SVG image: latency by percentile, and latencies and rate over time
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

/// Files for results, made before the run, so that a mistake in a name does not cost one.
pub struct Files {
    hdr: Option<File>,
    plot: Option<File>,
}

impl OutputArgs {
    pub fn create(&self) -> anyhow::Result<Files> {
        let create = |path: &Option<PathBuf>| {
            let made = path
                .as_deref()
                .map(|path: &Path| File::create(path).with_context(|| path.display().to_string()));
            made.transpose()
        };
        Ok(Files { hdr: create(&self.hdr)?, plot: create(&self.plot)? })
    }
}

impl Files {
    pub fn write(self, latency_ns: &Histogram<u64>, image: &Image<'_>) -> anyhow::Result<()> {
        if let Some(file) = self.hdr {
            let mut out = std::io::BufWriter::new(file);
            write_distribution(&mut out, latency_ns)?;
            out.flush()?;
        }
        if let Some(mut file) = self.plot {
            file.write_all(image.draw().as_bytes())?;
        }
        Ok(())
    }
}

/// When the next operation is due: at a fixed rate, or as soon as there is room for it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two operations; `None` without a rate.
    step: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// `rate`: operations each second.
    pub fn new(rate: Option<f64>) -> Self {
        Self { step: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)), next: Instant::ZERO }
    }

    /// The first one is due at `now`.
    pub fn begin(&mut self, now: Instant) {
        self.next = now;
    }

    /// Takes the operation that is due, and says since when. `None`: none is yet.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let Some(step) = self.step else { return Some(now) };
        let due = self.next;
        (due <= now).then(|| {
            self.next = due + step;
            due
        })
    }

    /// When [`Pace::take`] has one.
    pub fn next_due(&self) -> Instant {
        if self.step.is_some() { self.next } else { Instant::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_made_up_for_and_counts_from_when_it_was_due() {
        let at = |ms: u64| Instant::ZERO + Duration::from_millis(ms);
        let mut pace = Pace::new(Some(100.0));
        pace.begin(at(5));
        assert_eq!((pace.take(at(4)), pace.next_due()), (None, at(5)));
        assert_eq!((pace.take(at(6)), pace.take(at(6))), (Some(at(5)), None));
        // 25 ms later three are due, each since its own time.
        let late: Vec<_> = std::iter::from_fn(|| pace.take(at(36))).collect();
        assert_eq!(late, [at(15), at(25), at(35)]);
        let mut free = Pace::new(None);
        assert_eq!((free.take(at(7)), free.take(at(7))), (Some(at(7)), Some(at(7))));
        assert_eq!(free.next_due(), Instant::ZERO);
    }
}
