//! What a bench counts while it measures: operations, their latencies, the same by interval, and the
//! CPU of this process.

use hdrhistogram::Histogram;
use runtime::process::cpu_time;
use std::time::Duration;
use types::Instant;

/// Longest latency that is told from longer ones.
const LATENCY_MAX: Duration = Duration::from_secs(600);

pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX.as_nanos() as u64, 3).expect("1 < max, 3 digits")
}

/// What the measured phase counted.
#[derive(Debug, Clone)]
pub struct Measured {
    pub reads: u64,
    /// Messages count as writes.
    pub writes: u64,
    pub elapsed: Duration,
    /// Of the whole process, user and system.
    pub cpu: Duration,
    pub latency_ns: Histogram<u64>,
    pub series: Vec<Interval>,
}

impl Measured {
    pub fn ops(&self) -> u64 {
        self.reads + self.writes
    }

    /// CPU for each of `ops`, microseconds.
    pub fn us_per_op(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / (self.ops() as f64).max(1.0)
    }

    /// What another core counted at the same time. CPU is of the process, so that of one core stands
    /// for all; percentiles of an interval are weighed by how many operations each core's are of.
    pub fn add(&mut self, other: &Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.cpu = self.cpu.max(other.cpu);
        self.latency_ns.add(&other.latency_ns).expect("the same bounds");
        for (a, b) in self.series.iter_mut().zip(&other.series) {
            let all = (a.iops + b.iops).max(1e-9);
            let mix = |x: f64, y: f64| (a.iops * x + b.iops * y) / all;
            (a.p50_us, a.p90_us) = (mix(a.p50_us, b.p50_us), mix(a.p90_us, b.p90_us));
            (a.p99_us, a.p999_us) = (mix(a.p99_us, b.p99_us), mix(a.p999_us, b.p999_us));
            a.max_us = a.max_us.max(b.max_us);
            a.stall_us = a.stall_us.min(b.stall_us);
            a.overwrites += b.overwrites;
            a.iops += b.iops;
        }
    }
}

/// Figures of one part of the measured phase.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interval {
    /// Its end, since the measurement began.
    pub seconds: f64,
    pub iops: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
    /// The longest time in which no operation ended.
    pub stall_us: f64,
    /// How often all data have been written over by then; 0 where that is not known.
    pub overwrites: f64,
    /// Of the device; `None` where nothing was written, or nobody knows.
    pub write_amplification: Option<f64>,
}

/// What the current interval has counted.
struct Part {
    begun: Instant,
    until: Instant,
    ops: u64,
    latency_ns: Histogram<u64>,
    last_done: Instant,
    stall: Duration,
}

/// Counts between [`Tally::begin`] and [`Tally::end`].
pub struct Tally {
    measured: Measured,
    interval: Duration,
    counting: bool,
    begun: Instant,
    cpu_begun: Duration,
    part: Part,
}

impl Tally {
    pub fn new(interval: Duration) -> Self {
        Self {
            measured: Measured {
                reads: 0,
                writes: 0,
                elapsed: Duration::ZERO,
                cpu: Duration::ZERO,
                latency_ns: histogram(),
                series: Vec::new(),
            },
            interval,
            counting: false,
            begun: Instant::ZERO,
            cpu_begun: Duration::ZERO,
            part: Part {
                begun: Instant::ZERO,
                until: Instant::NEVER,
                ops: 0,
                latency_ns: histogram(),
                last_done: Instant::ZERO,
                stall: Duration::ZERO,
            },
        }
    }

    pub fn begin(&mut self, now: Instant) {
        self.counting = true;
        self.begun = now;
        self.cpu_begun = cpu_time();
        self.part.last_done = now;
        self.begin_part(now);
    }

    fn begin_part(&mut self, now: Instant) {
        let part = &mut self.part;
        (part.begun, part.until) = (now, now + self.interval);
        (part.ops, part.stall) = (0, Duration::ZERO);
        part.latency_ns.reset();
    }

    /// An operation that was due at `due` is done.
    pub fn record(&mut self, now: Instant, due: Instant, is_read: bool) {
        if !self.counting {
            return;
        }
        if is_read {
            self.measured.reads += 1;
        } else {
            self.measured.writes += 1;
        }
        let latency_ns = (now - due).as_nanos() as u64;
        self.measured.latency_ns.saturating_record(latency_ns);
        let part = &mut self.part;
        part.ops += 1;
        part.latency_ns.saturating_record(latency_ns);
        part.stall = part.stall.max(now - part.last_done);
        part.last_done = now;
    }

    /// Ends an interval whose time is over: then [`Tally::describe_interval`] has one to describe.
    pub fn tick(&mut self, now: Instant) -> bool {
        if !self.counting || now < self.part.until {
            return false;
        }
        let part = &self.part;
        let us = |ns: u64| ns as f64 / 1e3;
        let stall = part.stall.max(now - part.last_done);
        self.measured.series.push(Interval {
            seconds: (now - self.begun).as_secs_f64(),
            iops: part.ops as f64 / (now - part.begun).as_secs_f64().max(1e-9),
            p50_us: us(part.latency_ns.value_at_quantile(0.5)),
            p90_us: us(part.latency_ns.value_at_quantile(0.9)),
            p99_us: us(part.latency_ns.value_at_quantile(0.99)),
            p999_us: us(part.latency_ns.value_at_quantile(0.999)),
            max_us: us(part.latency_ns.max()),
            stall_us: us(stall.as_nanos() as u64),
            ..Interval::default()
        });
        self.begin_part(now);
        true
    }

    /// What only the caller knows of the interval that ended last.
    pub fn describe_interval(&mut self, overwrites: f64, write_amplification: Option<f64>) {
        if let Some(part) = self.measured.series.last_mut() {
            (part.overwrites, part.write_amplification) = (overwrites, write_amplification);
        }
    }

    pub fn end(&mut self, now: Instant) {
        self.counting = false;
        self.measured.elapsed = now - self.begun;
        self.measured.cpu = cpu_time() - self.cpu_begun;
        self.part.until = Instant::NEVER;
    }

    /// When [`Tally::tick`] has something to do.
    pub fn next_deadline(&self) -> Instant {
        self.part.until
    }

    pub fn begun(&self) -> Instant {
        self.begun
    }

    pub fn measured(&self) -> &Measured {
        &self.measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn only_what_ends_in_the_measured_phase_counts() {
        let mut tally = Tally::new(Duration::from_secs(1));
        tally.record(at(1), at(0), true);
        tally.begin(at(10));
        tally.record(at(12), at(9), true);
        tally.record(at(13), at(12), false);
        assert!(!tally.tick(at(1009)) && tally.tick(at(1010)));
        tally.describe_interval(0.5, None);
        let part = &tally.measured().series[0];
        assert_eq!((part.seconds, part.iops, part.overwrites), (1.0, 2.0, 0.5));
        assert!((2990.0..3010.0).contains(&part.max_us), "{part:?}");
        assert!((part.stall_us - 997e3).abs() < 1.0, "{part:?}");
        tally.end(at(1500));
        tally.record(at(1600), at(10), true);
        let all = tally.measured();
        assert_eq!((all.reads, all.writes, all.elapsed), (1, 1, Duration::from_millis(1490)));
        assert_eq!((all.latency_ns.len(), all.series.len()), (2, 1));
        assert_eq!(tally.next_deadline(), Instant::NEVER);
    }

    #[test]
    fn cores_add_up() {
        let run = |ops: u64, ms: u64| {
            let mut tally = Tally::new(Duration::from_secs(1));
            tally.begin(at(0));
            (0..ops).for_each(|_| tally.record(at(ms), at(0), true));
            tally.tick(at(1000));
            tally.end(at(1000));
            tally.measured().clone()
        };
        let mut all = run(300, 2);
        all.add(&run(100, 10));
        assert_eq!((all.reads, all.latency_ns.len()), (400, 400));
        assert_eq!(all.series[0].iops, 400.0);
        assert!((3990.0..4010.0).contains(&all.series[0].p50_us), "{:?}", all.series);
        assert!((9990.0..10010.0).contains(&all.series[0].max_us), "{:?}", all.series);
    }
}
