//! What the cores of an OSD tell core 0 for its reports to the monitor.

use crate::observe::Average;
use messenger::messages::internal::{SlowOps, Space};

/// One core's, or the sum of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CoreStats {
    pub space: Space,
    pub slow: SlowOps,
    /// Writes that became durable since the core's last report, and for how long the device had them.
    pub commits: Average,
}

impl CoreStats {
    pub fn merge(&mut self, other: &Self) {
        self.space.total += other.space.total;
        self.space.used += other.space.used;
        self.space.available += other.space.available;
        self.slow.merge(other.slow);
        self.commits.merge(&other.commits);
    }

    /// Of an average write, us; 0 for none. What `ceph osd perf` shows.
    pub fn commit_latency_us(&self) -> u32 {
        let mean_ns = self.commits.sum_ns.checked_div(self.commits.count).unwrap_or(0);
        u32::try_from(mean_ns / 1000).unwrap_or(u32::MAX)
    }
}

/// What has been added to a running sum since it was `before`, or since it was reset after that.
pub fn since(sum: Average, before: Average) -> Average {
    if sum.count < before.count || sum.sum_ns < before.sum_ns {
        return sum;
    }
    Average { count: sum.count - before.count, sum_ns: sum.sum_ns - before.sum_ns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn cores_add_up() {
        let space = Space { total: 10, used: 4, available: 6 };
        let one = CoreStats {
            space,
            slow: SlowOps { count: 2, oldest: Duration::from_secs(31) },
            commits: Average { count: 3, sum_ns: 300_000 },
        };
        let mut sum = CoreStats::default();
        assert_eq!(sum.commit_latency_us(), 0);
        sum.merge(&one);
        let other = SlowOps { count: 1, oldest: Duration::from_secs(40) };
        sum.merge(&CoreStats {
            slow: other,
            commits: Average { count: 1, sum_ns: 500_000 },
            ..one
        });
        assert_eq!(sum.space, Space { total: 20, used: 8, available: 12 });
        assert_eq!(sum.slow, SlowOps { count: 3, oldest: Duration::from_secs(40) });
        assert_eq!(sum.commit_latency_us(), 200);
    }

    #[test]
    fn a_sum_that_was_reset_begins_anew() {
        let average = |count, sum_ns| Average { count, sum_ns };
        assert_eq!(since(average(5, 90), average(3, 60)), average(2, 30));
        assert_eq!(since(average(2, 50), average(3, 60)), average(2, 50));
    }
}
