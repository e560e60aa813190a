//! What OSDs report of themselves and of the PGs they lead. Soft state: it never enters the log, and a
//! monitor that starts knows nothing until the OSDs report again.

use maps::OsdMap;
use messenger::messages::ObjectStatSum;
pub use messenger::messages::internal::{PgStat, SlowOps, pg_state};
use std::collections::BTreeMap;
use types::{Epoch, OsdId, PgId, PoolId, UTime};

/// Bits of a PG's state and their names, in the order in which Ceph joins them.
const STATES: [(u32, &str); 33] = [
    (17, "stale"),
    (0, "creating"),
    (1, "active"),
    (24, "activating"),
    (2, "clean"),
    (22, "recovery_wait"),
    (28, "recovery_toofull"),
    (14, "recovering"),
    (30, "forced_recovery"),
    (4, "down"),
    (5, "recovery_unfound"),
    (6, "backfill_unfound"),
    (23, "undersized"),
    (10, "degraded"),
    (18, "remapped"),
    (7, "premerge"),
    (8, "scrubbing"),
    (19, "deep"),
    (11, "inconsistent"),
    (12, "peering"),
    (13, "repair"),
    (15, "backfill_wait"),
    (31, "forced_backfill"),
    (20, "backfilling"),
    (21, "backfill_toofull"),
    (16, "incomplete"),
    (25, "peered"),
    (26, "snaptrim"),
    (27, "snaptrim_wait"),
    (29, "snaptrim_error"),
    (32, "failed_repair"),
    (33, "laggy"),
    (34, "wait"),
];

/// `active+clean`; `unknown` for no bit at all.
pub fn state_name(state: u64) -> String {
    let names: Vec<&str> =
        STATES.iter().filter(|(bit, _)| state >> bit & 1 != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { "unknown".into() } else { names.join("+") }
}

/// Of one OSD: space in bytes, and how its operations do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OsdStat {
    pub up_from: Epoch,
    pub sequence: u64,
    pub total: u64,
    pub used: u64,
    pub available: u64,
    pub commit_latency_us: u32,
    pub apply_latency_us: u32,
    pub slow: SlowOps,
}

impl OsdStat {
    /// Used share, 0 to 1.
    pub fn ratio(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.used as f64 / self.total as f64 }
    }
}

#[derive(Debug, Default)]
pub struct PgStats {
    pub osds: BTreeMap<u32, OsdStat>,
    pgs: BTreeMap<PgId, PgStat>,
    /// Grows with every report: the version that `pg dump` shows.
    pub version: u64,
    pub stamp: UTime,
}

impl PgStats {
    /// Takes one OSD's report. Reports of a PG that are older than what is known are dropped.
    pub fn on_report(&mut self, now: UTime, osd: OsdId, stat: OsdStat, pgs: Vec<PgStat>) {
        self.version += 1;
        self.stamp = now;
        self.osds.insert(osd.0, stat);
        for stat in pgs {
            let newer = self.pgs.get(&stat.pgid).is_none_or(|known| {
                (stat.reported_epoch, stat.reported_sequence)
                    >= (known.reported_epoch, known.reported_sequence)
                    || stat.acting_primary != known.acting_primary
            });
            if newer {
                self.pgs.insert(stat.pgid, stat);
            }
        }
    }

    /// Forgets PGs and OSDs that the map does not have.
    pub fn on_map(&mut self, map: &OsdMap) {
        self.pgs.retain(|pg, _| map.pools.get(&pg.pool).is_some_and(|p| pg.seed < p.pg_num));
        self.osds.retain(|osd, _| map.exists(OsdId(*osd)));
    }

    /// What is known of a PG, with `stale` added when the one who reported it is gone.
    pub fn pg(&self, map: &OsdMap, pg: PgId) -> Option<PgStat> {
        let mut stat = self.pgs.get(&pg)?.clone();
        if !stat.acting_primary.is_some_and(|primary| map.is_up(primary)) {
            stat.state |= pg_state::STALE;
        }
        Some(stat)
    }

    /// Every PG that the map says there is.
    pub fn all<'a>(&'a self, map: &'a OsdMap) -> impl Iterator<Item = (PgId, Option<PgStat>)> + 'a {
        map.pools.keys().flat_map(|pool| map.pgs_of_pool(*pool)).map(|pg| (pg, self.pg(map, pg)))
    }

    /// State -> number of PGs, the most frequent first.
    pub fn by_state(&self, map: &OsdMap) -> Vec<(u64, usize)> {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for (_, stat) in self.all(map) {
            *counts.entry(stat.map_or(0, |s| s.state)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(state, count)| (std::cmp::Reverse(*count), *state));
        counts
    }

    /// Sum over one pool, or all.
    pub fn sum(&self, map: &OsdMap, pool: Option<PoolId>) -> PoolSum {
        let mut sum = PoolSum::default();
        for (pg, stat) in &self.pgs {
            let Some(settings) = map.pools.get(&pg.pool) else { continue };
            if pool.is_some_and(|pool| pool != pg.pool) {
                continue;
            }
            sum.counts.add(&stat.sum);
            sum.log_entries += stat.log_entries;
            sum.up += stat.up.len() as u64;
            sum.acting += stat.acting.len() as u64;
            sum.stored_raw += stat.stored_bytes * stat.acting.len().max(1) as u64;
            sum.bytes_raw += stat.sum.num_bytes.max(0) as u64 * settings.size as u64;
        }
        sum
    }

    /// Space of all OSDs that are in.
    pub fn space(&self) -> OsdStat {
        let mut sum = OsdStat::default();
        for osd in self.osds.values() {
            sum.total += osd.total;
            sum.used += osd.used;
            sum.available += osd.available;
        }
        sum
    }

    /// How many PGs each OSD has in acting sets.
    pub fn pgs_per_osd(&self, map: &OsdMap) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        for (_, stat) in self.all(map) {
            let Some(stat) = stat else { continue };
            for osd in &stat.up {
                *counts.entry(osd.0).or_default() += 1;
            }
        }
        counts
    }
}

/// Sums over the PGs of a pool or of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolSum {
    pub counts: ObjectStatSum,
    pub log_entries: u64,
    pub up: u64,
    pub acting: u64,
    /// Bytes on devices, as the OSDs count them; 0 if they do not.
    pub stored_raw: u64,
    /// Bytes of objects times copies.
    pub bytes_raw: u64,
}

impl PoolSum {
    /// Best estimate of bytes on devices.
    pub fn raw(&self) -> u64 {
        if self.stored_raw > 0 { self.stored_raw } else { self.bytes_raw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_named_in_cephs_order() {
        assert_eq!(state_name(0), "unknown");
        assert_eq!(state_name(pg_state::CLEAN | pg_state::ACTIVE), "active+clean");
        let state = pg_state::ACTIVE | pg_state::DEGRADED | pg_state::UNDERSIZED | pg_state::STALE;
        assert_eq!(state_name(state), "stale+active+undersized+degraded");
    }
}
