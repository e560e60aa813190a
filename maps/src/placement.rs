//! From an object to its PG, and from a PG to the OSDs that hold it (Ceph doc/architecture.rst and
//! doc/dev/placement-group.rst).
//!
//! ```text
//! object -> hash -> PG seed -> placement seed -> CRUSH (raw) -> pg_upmap, pg_upmap_items
//!        -> without dead OSDs (up) -> primary affinity -> pg_temp, primary_temp (acting)
//! ```

use crate::osd_map::{AFFINITY_DEFAULT, OSD_NONE, OsdMap, WEIGHT_OUT};
use crate::pool::{PgPool, pool_flags};
use crush::Scratch;
use crush::hash::hash2;
use std::fmt;
use types::hash::{pg_mask, stable_mod};
use types::{ObjectLocator, OsdId, PgId, PoolId};

/// Where a PG lies. Sets hold OSD ids, best first; in erasure-coded pools the place in the set is the
/// chunk and [`OSD_NONE`] a hole. A primary is -1 when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Those that should serve the PG.
    pub up: Vec<i32>,
    pub up_primary: i32,
    /// Those that serve it now.
    pub acting: Vec<i32>,
    pub acting_primary: i32,
}

impl Default for Mapping {
    fn default() -> Self {
        Self { up: Vec::new(), up_primary: -1, acting: Vec::new(), acting_primary: -1 }
    }
}

impl Mapping {
    pub fn primary(&self) -> Option<OsdId> {
        u32::try_from(self.acting_primary).ok().map(OsdId)
    }

    /// The acting OSDs without holes.
    pub fn acting_osds(&self) -> impl Iterator<Item = OsdId> + '_ {
        self.acting.iter().filter(|osd| is_osd(**osd)).map(|osd| OsdId(*osd as u32))
    }
}

/// Why an object has no PG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementError {
    NoSuchPool(PoolId),
}

impl fmt::Display for PlacementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPool(pool) => write!(f, "pool {pool} does not exist"),
        }
    }
}
impl std::error::Error for PlacementError {}

fn is_osd(osd: i32) -> bool {
    osd >= 0 && osd != OSD_NONE
}

/// The first that is no hole.
fn first_osd(osds: &[i32]) -> i32 {
    osds.iter().copied().find(|osd| *osd != OSD_NONE).unwrap_or(-1)
}

impl PgPool {
    /// What CRUSH is asked to place for a PG: PGs with equal seed modulo pgp_num together, pools
    /// apart from each other.
    pub fn placement_seed(&self, pg: PgId) -> u32 {
        let seed = stable_mod(pg.seed, self.pgp_num, pg_mask(self.pgp_num));
        let pool = pg.pool.0 as u32;
        if self.has_flag(pool_flags::HASHPSPOOL) {
            hash2(seed, pool)
        } else {
            seed.wrapping_add(pool)
        }
    }
}

impl OsdMap {
    /// The PG that holds object `name`.
    pub fn object_to_pg(&self, at: &ObjectLocator, name: &str) -> Result<PgId, PlacementError> {
        let raw = self.object_to_raw_pg(at, name)?;
        Ok(self.fold_pg(raw))
    }

    /// The object's pool and full 32-bit hash, as requests carry it.
    pub fn object_to_raw_pg(&self, at: &ObjectLocator, name: &str) -> Result<PgId, PlacementError> {
        if !self.pools.contains_key(&at.pool) {
            return Err(PlacementError::NoSuchPool(at.pool));
        }
        Ok(PgId { pool: at.pool, seed: at.hash_of(name) })
    }

    /// Folds a full hash into a PG of the pool. Unchanged if the pool does not exist.
    pub fn fold_pg(&self, raw: PgId) -> PgId {
        match self.pools.get(&raw.pool) {
            Some(pool) => PgId { seed: pool.seed_of_hash(raw.seed), ..raw },
            None => raw,
        }
    }

    /// Whether an object with this placement hash is in `pg`.
    pub fn pg_holds(&self, pg: PgId, hash: u32) -> bool {
        self.pools.get(&pg.pool).is_some_and(|pool| pool.seed_of_hash(hash) == pg.seed)
    }

    /// Where `pg` lies. Empty for a pool or PG that does not exist.
    pub fn pg_to_up_acting(&self, pg: PgId) -> Mapping {
        self.pg_to_up_acting_with(pg, &mut Scratch::new())
    }

    /// As [`OsdMap::pg_to_up_acting`], with buffers that serve many calls.
    pub fn pg_to_up_acting_with(&self, pg: PgId, scratch: &mut Scratch) -> Mapping {
        let Some(pool) = self.pools.get(&pg.pool) else { return Mapping::default() };
        if pg.seed >= pool.pg_num {
            return Mapping::default();
        }
        let (up, up_primary) = self.up_set(pool, pg, scratch);
        let (mut acting, temp_primary) = self.temporary(pool, pg);
        let mut acting_primary = temp_primary;
        if acting.is_empty() {
            acting.clone_from(&up);
            if acting_primary == -1 {
                acting_primary = up_primary;
            }
        }
        Mapping { up, up_primary, acting, acting_primary }
    }

    /// What CRUSH alone says, without OSDs that do not exist.
    pub fn pg_to_raw(&self, pg: PgId, scratch: &mut Scratch) -> Vec<i32> {
        match self.pools.get(&pg.pool) {
            Some(pool) => self.raw_set(pool, pg, pool.placement_seed(pg), scratch),
            None => Vec::new(),
        }
    }

    fn up_set(&self, pool: &PgPool, pg: PgId, scratch: &mut Scratch) -> (Vec<i32>, i32) {
        let placement_seed = pool.placement_seed(pg);
        let mut osds = self.raw_set(pool, pg, placement_seed, scratch);
        self.apply_upmap(pg, &mut osds);
        self.drop_osds(pool, &mut osds, |osd| self.is_down(osd));
        let primary = self.apply_primary_affinity(pool, placement_seed, &mut osds);
        (osds, primary)
    }

    fn raw_set(&self, pool: &PgPool, pg: PgId, seed: u32, scratch: &mut Scratch) -> Vec<i32> {
        let size = pool.size as u32;
        let rule = self.crush.find_rule(pool.crush_rule as u32, pool.kind as u32, size);
        let Some(rule) = rule else { return Vec::new() };
        let args = self.crush.choose_args_for(pg.pool.0);
        let osds = self.crush.do_rule(rule, seed, size as usize, &self.weight, args, scratch);
        let mut osds = osds.to_vec();
        self.drop_osds(pool, &mut osds, |osd| !self.exists(osd));
        osds
    }

    /// Takes OSDs out: the others move up (replicated), or a hole stays (erasure).
    fn drop_osds(&self, pool: &PgPool, osds: &mut Vec<i32>, gone: impl Fn(OsdId) -> bool) {
        let gone = |osd: i32| !is_osd(osd) || gone(OsdId(osd as u32));
        if pool.can_shift_osds() {
            osds.retain(|osd| !gone(*osd));
        } else {
            for osd in osds {
                if gone(*osd) {
                    *osd = OSD_NONE;
                }
            }
        }
    }

    /// Known to the map and out, as opposed to in or unknown.
    fn is_marked_out(&self, osd: i32) -> bool {
        is_osd(osd) && self.weight.get(osd as usize) == Some(&WEIGHT_OUT)
    }

    fn apply_upmap(&self, pg: PgId, osds: &mut Vec<i32>) {
        if let Some(explicit) = self.pg_upmap.get(&pg) {
            // With a target out, the whole exception counts for nothing, items included.
            if explicit.iter().any(|osd| self.is_marked_out(*osd)) {
                return;
            }
            osds.clone_from(explicit);
        }
        for (from, to) in self.pg_upmap_items.get(&pg).into_iter().flatten() {
            if osds.contains(to) || self.is_marked_out(*to) {
                continue;
            }
            if let Some(place) = osds.iter_mut().find(|osd| *osd == from) {
                *place = *to;
            }
        }
    }

    /// The primary of an up set. In replicated pools it also moves to the front.
    fn apply_primary_affinity(&self, pool: &PgPool, seed: u32, osds: &mut [i32]) -> i32 {
        let default = osds.iter().filter(|osd| is_osd(**osd));
        if default.clone().all(|osd| self.affinity_of(OsdId(*osd as u32)) == AFFINITY_DEFAULT) {
            return first_osd(osds);
        }
        // Each OSD refuses a share of PGs; who refuses is kept in case all do.
        let mut chosen = None;
        for (at, osd) in osds.iter().enumerate().filter(|(_, osd)| is_osd(**osd)) {
            let affinity = self.affinity_of(OsdId(*osd as u32));
            let refuses = affinity < AFFINITY_DEFAULT && hash2(seed, *osd as u32) >> 16 >= affinity;
            if !refuses {
                chosen = Some(at);
                break;
            }
            chosen = chosen.or(Some(at));
        }
        let Some(at) = chosen else { return -1 };
        let primary = osds[at];
        if pool.can_shift_osds() {
            osds[..=at].rotate_right(1);
        }
        primary
    }

    /// What pg_temp and primary_temp say: no OSDs and -1 when they say nothing.
    fn temporary(&self, pool: &PgPool, pg: PgId) -> (Vec<i32>, i32) {
        let mut osds = self.pg_temp.get(&pg).cloned().unwrap_or_default();
        self.drop_osds(pool, &mut osds, |osd| self.is_down(osd));
        match self.primary_temp.get(&pg) {
            Some(primary) => (osds, *primary),
            None => {
                let primary = first_osd(&osds);
                (osds, primary)
            }
        }
    }
}
