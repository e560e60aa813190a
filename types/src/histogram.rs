//! Durations counted in buckets whose width grows with them. Start with [`Histogram::record`].
//!
//! Eight buckets to each power of two: what a bucket says of a duration is off by at most an eighth.
//! A histogram takes 2 KiB and recording touches one line of it, so that a core can keep one for
//! each stage of each kind of operation.

use std::time::Duration;

/// Log2 of the buckets to a power of two.
const SUB_BITS: u32 = 3;
/// Log2 of the resolution in ns: two durations within 16 ns are one to us.
const UNIT_BITS: u32 = 4;
const BUCKETS: usize = 256;

/// Counts of durations from 0 to 137 s; longer ones are in the last bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    sum_ns: u64,
    count: u64,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), sum_ns: 0, count: 0, max_ns: 0 }
    }
}

fn bucket_of(ns: u64) -> usize {
    let units = ns >> UNIT_BITS;
    let Some(log) = units.checked_ilog2().filter(|log| *log > SUB_BITS) else {
        return units as usize;
    };
    let shift = log - SUB_BITS;
    (((shift as usize) << SUB_BITS) + (units >> shift) as usize).min(BUCKETS - 1)
}

/// The first duration above bucket `index`, ns.
fn end_of(index: usize) -> u64 {
    let shift = (index >> SUB_BITS).saturating_sub(1);
    let units = index - (shift << SUB_BITS) + 1;
    (units as u64) << (shift as u32 + UNIT_BITS)
}

impl Histogram {
    pub fn record(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket_of(ns)] += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, others) in self.counts.iter_mut().zip(other.counts.iter()) {
            *mine += others;
        }
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    pub fn count(&self) -> u64 {
        self.count
    }
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The duration that `part` (0 to 1) of all do not exceed, an eighth too long at most; zero for
    /// none.
    pub fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.count as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(end_of(index).min(self.max_ns));
            }
        }
        Duration::ZERO
    }

    /// How many are in buckets that end at or below `bound`. Exact where `bound` is 16 ns times a
    /// power of two.
    pub fn count_below(&self, bound: Duration) -> u64 {
        let ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let ends_below = |index: &usize| end_of(*index) <= ns;
        (0..BUCKETS).take_while(ends_below).map(|index| self.counts[index]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_ends_where_the_next_begins() {
        for index in 0..BUCKETS - 1 {
            let end = end_of(index);
            assert_eq!((bucket_of(end - 1), bucket_of(end)), (index, index + 1));
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert!(Duration::from_nanos(end_of(BUCKETS - 1)) > Duration::from_secs(137));
    }

    #[test]
    fn quantiles_are_an_eighth_too_long_at_most() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|us| histogram.record(Duration::from_micros(us)));
        for part in [0.01, 0.5, 0.9, 0.99, 1.0] {
            let (exact, found) = (part * 1000.0, histogram.quantile(part).as_nanos() as f64 / 1e3);
            assert!(found >= exact && found <= exact * 1.125 + 0.1, "{part}: {found} for {exact}");
        }
        assert_eq!(histogram.sum(), Duration::from_micros(500_500));
        assert_eq!(histogram.max(), Duration::from_millis(1));
        let mut twice = histogram.clone();
        twice.merge(&histogram);
        assert_eq!((twice.count(), twice.max()), (2000, histogram.max()));
        assert_eq!(twice.count_below(Duration::from_nanos(16 << 20)), 2000);
        assert_eq!(twice.count_below(Duration::from_nanos(16 << 12)), 2 * 65);
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }
}
