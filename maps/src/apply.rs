//! From one epoch to the next.

use crate::incremental::Incremental;
use crate::osd_map::{
    AFFINITY_DEFAULT, OsdAddrs, OsdExtraInfo, OsdInfo, OsdMap, WEIGHT_OUT, map_flags, osd_state,
};
use crate::release::Release;
use crush::CrushMap;
use std::collections::BTreeMap;
use std::fmt;
use types::enc::{Decode, DecodeError};
use types::{EntityAddrVec, Epoch, Fsid, OsdId, PoolId};

/// Bounds the memory that an incremental can ask for; the largest known clusters have 10^4 OSDs.
pub const OSD_COUNT_MAX: u32 = 1 << 20;

/// Why an incremental does not apply. The map stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyError {
    /// It makes `next`, but this map is of epoch `have`.
    WrongEpoch {
        have: Epoch,
        next: Epoch,
    },
    OtherCluster {
        have: Fsid,
        found: Fsid,
    },
    /// It makes room for more than [`OSD_COUNT_MAX`] OSDs.
    TooManyOsds(u32),
    /// It names an OSD that is not below max_osd.
    NoSuchOsd(OsdId),
    /// The OSD comes up without heartbeat addresses.
    NoHeartbeatAddrs(OsdId),
    /// It purges snapshots that are not in the pool's queue.
    NotQueued(PoolId),
    /// The full map or the CRUSH map within it is bad.
    Decode(DecodeError),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongEpoch { have, next } => {
                write!(f, "incremental makes epoch {next}, the map has epoch {have}")
            }
            Self::OtherCluster { have, found } => {
                write!(f, "incremental of cluster {found}, the map is of {have}")
            }
            Self::TooManyOsds(count) => write!(f, "{count} OSDs are more than {OSD_COUNT_MAX}"),
            Self::NoSuchOsd(osd) => write!(f, "osd.{osd} is not below max_osd"),
            Self::NoHeartbeatAddrs(osd) => write!(f, "osd.{osd} has no heartbeat addresses"),
            Self::NotQueued(pool) => write!(f, "purged snapshots of pool {pool} are not queued"),
            Self::Decode(e) => e.fmt(f),
        }
    }
}
impl std::error::Error for ApplyError {}
impl From<DecodeError> for ApplyError {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}

impl OsdMap {
    /// Makes this map that of `inc.epoch`. Costs time in the size of `inc`, plus decoding where it
    /// brings a CRUSH map. On an error the map is unchanged.
    ///
    /// The checksum is not verified: for that, encode the result and compare with `inc.full_crc`.
    pub fn apply(&mut self, inc: &Incremental) -> Result<(), ApplyError> {
        self.check_identity(inc)?;
        if !inc.full_map.is_empty() {
            *self = OsdMap::decode(&inc.full_map)?;
            return Ok(());
        }
        self.check_fields(inc)?;
        // Last of what can fail.
        if !inc.crush.is_empty() {
            self.set_crush(CrushMap::from_slice(&inc.crush)?);
        }

        self.fsid = inc.fsid;
        self.epoch = inc.epoch;
        self.modified = inc.modified;
        self.apply_flags(inc);
        if let Some(max) = inc.new_max_osd {
            self.set_max_osd(max);
        }
        self.apply_pools(inc);
        self.apply_weights(inc);
        self.apply_states(inc);
        self.apply_infos(inc);
        self.apply_overrides(inc);
        self.apply_settings(inc);
        self.apply_crush(inc);
        if let Some(stretch) = inc.new_stretch {
            self.stretch = stretch;
        }
        Ok(())
    }

    fn check_identity(&self, inc: &Incremental) -> Result<(), ApplyError> {
        // The first map of a cluster gives it its identity.
        if inc.epoch != Epoch(1) && inc.fsid != self.fsid {
            return Err(ApplyError::OtherCluster { have: self.fsid, found: inc.fsid });
        }
        if self.epoch.0.checked_add(1) != Some(inc.epoch.0) {
            return Err(ApplyError::WrongEpoch { have: self.epoch, next: inc.epoch });
        }
        Ok(())
    }

    fn check_fields(&self, inc: &Incremental) -> Result<(), ApplyError> {
        let max = inc.new_max_osd.unwrap_or(self.max_osd());
        if max > OSD_COUNT_MAX {
            return Err(ApplyError::TooManyOsds(max));
        }
        let named = (inc.new_weight.keys())
            .chain(inc.new_primary_affinity.keys())
            .chain(inc.new_state.keys())
            .chain(inc.new_up_client.keys())
            .chain(inc.new_up_cluster.keys())
            .chain(inc.new_up_thru.keys())
            .chain(inc.new_last_clean_interval.keys())
            .chain(inc.new_lost.keys())
            .chain(inc.new_xinfo.keys())
            .chain(inc.new_uuid.keys());
        for osd in named {
            if osd.0 >= max {
                return Err(ApplyError::NoSuchOsd(*osd));
            }
        }
        for osd in inc.new_up_client.keys() {
            if !inc.new_hb_back_up.contains_key(osd) || !inc.new_hb_front_up.contains_key(osd) {
                return Err(ApplyError::NoHeartbeatAddrs(*osd));
            }
        }
        for (pool, purged) in &inc.new_purged_snaps {
            // Not the queue plus what comes now: copying the queue would cost its whole length.
            let mut before = purged.clone();
            if let Some(removed) = inc.new_removed_snaps.get(pool) {
                before.subtract(removed);
            }
            let queue = self.removed_snaps_queue.get(pool);
            let known = inc.new_removed_snaps.contains_key(pool) || queue.is_some();
            if !known || !queue.map_or(before.is_empty(), |queue| queue.contains_all(&before)) {
                return Err(ApplyError::NotQueued(*pool));
            }
        }
        Ok(())
    }

    fn apply_flags(&mut self, inc: &Incremental) {
        let Some(flags) = inc.new_flags else { return };
        self.flags = flags;
        let required = if flags & map_flags::REQUIRE_KRAKEN != 0 {
            Release::KRAKEN
        } else if flags & map_flags::REQUIRE_JEWEL != 0 {
            Release::JEWEL
        } else {
            Release::UNKNOWN
        };
        self.require_osd_release = self.require_osd_release.max(required);
    }

    fn apply_pools(&mut self, inc: &Incremental) {
        if let Some(max) = inc.new_pool_max {
            self.pool_max = max as i32;
        }
        for (id, pool) in &inc.new_pools {
            let mut pool = pool.clone();
            pool.last_change = self.epoch;
            self.pools.insert(*id, pool);
        }
        self.new_removed_snaps = inc.new_removed_snaps.clone();
        self.new_purged_snaps = inc.new_purged_snaps.clone();
        for (pool, removed) in &inc.new_removed_snaps {
            self.removed_snaps_queue.entry(*pool).or_default().union(removed);
        }
        for (pool, purged) in &inc.new_purged_snaps {
            let queue = self.removed_snaps_queue.get_mut(pool).expect("checked before");
            queue.subtract(purged);
            if queue.is_empty() {
                self.removed_snaps_queue.remove(pool);
            }
        }
        for (id, name) in &inc.new_pool_names {
            self.pool_names.insert(*id, name.clone());
        }
        for id in &inc.old_pools {
            self.pools.remove(id);
            self.pool_names.remove(id);
        }
    }

    fn apply_weights(&mut self, inc: &Incremental) {
        for (osd, weight) in &inc.new_weight {
            let at = osd.0 as usize;
            self.weight[at] = *weight;
            // Coming in makes an OSD exist and ends what the monitor remembered.
            if *weight != WEIGHT_OUT {
                self.state[at] |= osd_state::EXISTS;
                self.state[at] &= !(osd_state::AUTOOUT | osd_state::NEW);
                self.xinfo[at].old_weight = 0;
            }
        }
        for (osd, affinity) in &inc.new_primary_affinity {
            self.set_primary_affinity(*osd, *affinity);
        }
    }

    /// `osd` is below max_osd.
    fn set_primary_affinity(&mut self, osd: OsdId, affinity: u32) {
        if self.primary_affinity.is_empty() {
            self.primary_affinity = vec![AFFINITY_DEFAULT; self.state.len()];
        }
        self.primary_affinity[osd.0 as usize] = affinity;
    }

    fn apply_states(&mut self, inc: &Incremental) {
        for (osd, toggle) in &inc.new_state {
            let at = osd.0 as usize;
            let toggle = if *toggle == 0 { osd_state::UP } else { *toggle };
            if self.state[at] & toggle & osd_state::UP != 0 {
                self.info[at].down_at = self.epoch;
                self.xinfo[at].down_stamp = self.modified;
            }
            if self.state[at] & toggle & osd_state::EXISTS != 0 {
                self.uuid[at] = Fsid::default();
                self.info[at] = OsdInfo::default();
                self.xinfo[at] = OsdExtraInfo::default();
                self.set_primary_affinity(*osd, AFFINITY_DEFAULT);
                self.addrs[at] = OsdAddrs::default();
                self.state[at] = 0;
            } else {
                self.state[at] ^= toggle;
            }
        }
        let addrs_of = |map: &BTreeMap<OsdId, EntityAddrVec>, osd: &OsdId| map[osd].clone();
        for (osd, addrs) in &inc.new_up_client {
            let at = osd.0 as usize;
            self.state[at] |= osd_state::EXISTS | osd_state::UP;
            self.state[at] &= !osd_state::STOP;
            self.addrs[at].client = addrs.clone();
            self.addrs[at].heartbeat_back = addrs_of(&inc.new_hb_back_up, osd);
            self.addrs[at].heartbeat_front = addrs_of(&inc.new_hb_front_up, osd);
            self.info[at].up_from = self.epoch;
        }
        for (osd, addrs) in &inc.new_up_cluster {
            self.addrs[osd.0 as usize].cluster = addrs.clone();
        }
    }

    fn apply_infos(&mut self, inc: &Incremental) {
        for (osd, epoch) in &inc.new_up_thru {
            self.info[osd.0 as usize].up_thru = *epoch;
        }
        for (osd, (begin, end)) in &inc.new_last_clean_interval {
            self.info[osd.0 as usize].last_clean_begin = *begin;
            self.info[osd.0 as usize].last_clean_end = *end;
        }
        for (osd, epoch) in &inc.new_lost {
            self.info[osd.0 as usize].lost_at = *epoch;
        }
        for (osd, xinfo) in &inc.new_xinfo {
            self.xinfo[osd.0 as usize] = *xinfo;
        }
        for (osd, uuid) in &inc.new_uuid {
            self.uuid[osd.0 as usize] = *uuid;
        }
        for (target, change) in [
            (&mut self.last_up_change, inc.new_last_up_change),
            (&mut self.last_in_change, inc.new_last_in_change),
        ] {
            if change != Default::default() {
                *target = change;
            }
        }
    }

    fn apply_overrides(&mut self, inc: &Incremental) {
        for (pg, osds) in &inc.new_pg_temp {
            put_or_remove(&mut self.pg_temp, *pg, osds.clone(), osds.is_empty());
        }
        for (pg, osd) in &inc.new_primary_temp {
            put_or_remove(&mut self.primary_temp, *pg, *osd, *osd == -1);
        }
        self.pg_upmap.extend(inc.new_pg_upmap.iter().map(|(pg, osds)| (*pg, osds.clone())));
        for pg in &inc.old_pg_upmap {
            self.pg_upmap.remove(pg);
        }
        let items = inc.new_pg_upmap_items.iter().map(|(pg, items)| (*pg, items.clone()));
        self.pg_upmap_items.extend(items);
        for pg in &inc.old_pg_upmap_items {
            self.pg_upmap_items.remove(pg);
        }
    }

    fn apply_settings(&mut self, inc: &Incremental) {
        for name in &inc.old_erasure_code_profiles {
            self.erasure_code_profiles.remove(name);
        }
        for (name, profile) in &inc.new_erasure_code_profiles {
            self.erasure_code_profiles.insert(name.clone(), profile.clone());
        }
        self.blocklist.extend(inc.new_blocklist.iter().map(|(a, t)| (*a, *t)));
        for addr in &inc.old_blocklist {
            self.blocklist.remove(addr);
        }
        self.range_blocklist.extend(inc.new_range_blocklist.iter().map(|(a, t)| (*a, *t)));
        for addr in &inc.old_range_blocklist {
            self.range_blocklist.remove(addr);
        }
        for (node, flags) in &inc.new_crush_node_flags {
            put_or_remove(&mut self.crush_node_flags, *node, *flags, *flags == 0);
        }
        for (class, flags) in &inc.new_device_class_flags {
            put_or_remove(&mut self.device_class_flags, *class, *flags, *flags == 0);
        }
        self.cluster_snapshot = inc.cluster_snapshot.clone();
        let named = !inc.cluster_snapshot.is_empty();
        self.cluster_snapshot_epoch = if named { inc.epoch } else { Epoch(0) };
        self.nearfull_ratio = inc.new_nearfull_ratio.unwrap_or(self.nearfull_ratio);
        self.full_ratio = inc.new_full_ratio.unwrap_or(self.full_ratio);
        self.backfillfull_ratio = inc.new_backfillfull_ratio.unwrap_or(self.backfillfull_ratio);
        if let Some(release) = inc.new_require_min_compat_client.filter(|r| *r > Release::UNKNOWN) {
            self.require_min_compat_client = release;
        }
        if let Some(release) = inc.new_require_osd_release {
            self.require_osd_release = release;
            self.imply_release_flags();
        }
    }

    fn apply_crush(&mut self, inc: &Incremental) {
        if inc.crush.is_empty() {
            return;
        }
        if self.require_osd_release >= Release::LUMINOUS {
            self.crush_version = self.crush_version.wrapping_add(1);
        }
        self.drop_flags_of_unknown_classes();
    }
}

fn put_or_remove<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, remove: bool) {
    if remove {
        map.remove(&key);
    } else {
        map.insert(key, value);
    }
}

/// An epoch ready to be published: the incremental and the full map, as bytes that agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    pub map: OsdMap,
    pub full: Vec<u8>,
    pub incremental: Vec<u8>,
}

impl OsdMap {
    /// Makes the next epoch: applies `inc` to a copy of this map, encodes the result and puts its
    /// checksum into `inc`, so that every receiver that applies it can tell that it has this very
    /// map. Costs time in the size of the map.
    pub fn seal(&self, inc: &mut Incremental) -> Result<Sealed, ApplyError> {
        let mut map = self.clone();
        map.apply(inc)?;
        let (full, crc) = map.encode_with_crc();
        inc.full_crc = crc;
        Ok(Sealed { map, full, incremental: inc.encode() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::PgPool;
    use crate::snaps::SnapSet;
    use types::{PgId, UTime};

    const NOW: UTime = UTime { sec: 1_800_000_000, nsec: 0 };

    fn map_of(osds: u32) -> OsdMap {
        let mut map = OsdMap::new(Fsid([1; 16]), NOW);
        map.epoch = Epoch(10);
        map.set_max_osd(osds);
        map
    }

    fn next(map: &OsdMap) -> Incremental {
        Incremental::new(map.fsid, map.epoch.next(), NOW)
    }

    fn bring_up(inc: &mut Incremental, osd: u32) {
        for map in [
            &mut inc.new_up_client,
            &mut inc.new_up_cluster,
            &mut inc.new_hb_back_up,
            &mut inc.new_hb_front_up,
        ] {
            map.insert(OsdId(osd), EntityAddrVec::default());
        }
    }

    #[test]
    fn refuses_what_does_not_fit_and_stays_as_it_was() {
        let map = map_of(2);
        let refused = |change: &dyn Fn(&mut Incremental)| {
            let mut inc = next(&map);
            inc.new_flags = Some(7);
            change(&mut inc);
            let mut after = map.clone();
            let error = after.apply(&inc).unwrap_err();
            assert_eq!(after, map);
            error
        };
        let (have, found) = (map.fsid, Fsid([2; 16]));
        assert_eq!(
            refused(&|inc| inc.epoch = Epoch(12)),
            ApplyError::WrongEpoch { have: Epoch(10), next: Epoch(12) }
        );
        assert_eq!(refused(&|inc| inc.fsid = found), ApplyError::OtherCluster { have, found });
        assert_eq!(
            refused(&|inc| inc.new_weight = BTreeMap::from([(OsdId(2), 1)])),
            ApplyError::NoSuchOsd(OsdId(2))
        );
        assert_eq!(
            refused(&|inc| drop(inc.new_up_client.insert(OsdId(1), EntityAddrVec::default()))),
            ApplyError::NoHeartbeatAddrs(OsdId(1))
        );
        assert_eq!(
            refused(&|inc| inc.new_max_osd = Some(1 << 30)),
            ApplyError::TooManyOsds(1 << 30)
        );
        let snaps = SnapSet::from_iter([(1, 2)]);
        assert_eq!(
            refused(&|inc| drop(inc.new_purged_snaps.insert(PoolId(1), snaps.clone()))),
            ApplyError::NotQueued(PoolId(1))
        );
        assert!(matches!(
            refused(&|inc| inc.crush = b"no map".as_slice().into()),
            ApplyError::Decode(_)
        ));
        assert!(matches!(
            refused(&|inc| inc.full_map = b"no map".as_slice().into()),
            ApplyError::Decode(_)
        ));
    }

    #[test]
    fn an_osd_comes_up_goes_down_and_is_destroyed() {
        let mut map = map_of(1);
        let osd = OsdId(0);
        let mut inc = next(&map);
        bring_up(&mut inc, 0);
        inc.new_weight.insert(osd, crate::WEIGHT_IN);
        map.apply(&inc).unwrap();
        assert!(map.is_up(osd) && map.is_in(osd));
        assert_eq!(map.info[0].up_from, Epoch(11));

        // Marked out by the monitor, then in: it forgets that it was.
        let mut inc = next(&map);
        inc.new_weight.insert(osd, WEIGHT_OUT);
        inc.new_state.insert(osd, osd_state::AUTOOUT | osd_state::NEW);
        inc.new_xinfo.insert(osd, OsdExtraInfo { old_weight: 5, ..OsdExtraInfo::default() });
        map.apply(&inc).unwrap();
        assert!(map.is_out(osd) && map.is_up(osd));
        let mut inc = next(&map);
        inc.new_weight.insert(osd, 5);
        map.apply(&inc).unwrap();
        assert_eq!(map.state[0], osd_state::EXISTS | osd_state::UP);
        assert_eq!((map.weight[0], map.xinfo[0].old_weight), (5, 0));

        let mut inc = next(&map);
        inc.new_state.insert(osd, 0);
        map.apply(&inc).unwrap();
        assert!(map.exists(osd) && map.is_down(osd));
        assert_eq!((map.info[0].down_at, map.xinfo[0].down_stamp), (Epoch(14), NOW));

        let mut inc = next(&map);
        inc.new_state.insert(osd, osd_state::EXISTS);
        map.apply(&inc).unwrap();
        assert!(!map.exists(osd));
        assert_eq!(map.info[0], OsdInfo::default());
    }

    #[test]
    fn temporary_sets_come_and_go() {
        let mut map = map_of(3);
        let pg = PgId { pool: PoolId(1), seed: 0 };
        let mut inc = next(&map);
        inc.new_pg_temp.insert(pg, vec![2, 1]);
        inc.new_primary_temp.insert(pg, 1);
        map.apply(&inc).unwrap();
        assert_eq!((&map.pg_temp[&pg], map.primary_temp[&pg]), (&vec![2, 1], 1));
        let mut inc = next(&map);
        inc.new_pg_temp.insert(pg, vec![]);
        inc.new_primary_temp.insert(pg, -1);
        map.apply(&inc).unwrap();
        assert!(map.pg_temp.is_empty() && map.primary_temp.is_empty());
    }

    #[test]
    fn removed_snapshots_wait_in_the_queue_until_purged() {
        let mut map = map_of(0);
        let set = |start, len| BTreeMap::from([(PoolId(1), SnapSet::from_iter([(start, len)]))]);
        let mut inc = next(&map);
        inc.new_removed_snaps = set(1, 4);
        map.apply(&inc).unwrap();
        let mut inc = next(&map);
        inc.new_purged_snaps = set(2, 2);
        map.apply(&inc).unwrap();
        assert_eq!(map.removed_snaps_queue[&PoolId(1)], SnapSet::from_iter([(1, 1), (4, 1)]));
        assert!(map.new_removed_snaps.is_empty());
        let mut inc = next(&map);
        // Purged as soon as removed, in part.
        inc.new_removed_snaps = set(8, 2);
        inc.new_purged_snaps = set(8, 1);
        inc.new_purged_snaps.get_mut(&PoolId(1)).unwrap().insert(1, 1);
        map.apply(&inc).unwrap();
        let mut inc = next(&map);
        inc.new_purged_snaps = set(4, 2);
        assert_eq!(map.apply(&inc), Err(ApplyError::NotQueued(PoolId(1))));
        let mut inc = next(&map);
        inc.new_purged_snaps = BTreeMap::from([(PoolId(1), SnapSet::from_iter([(4, 1), (9, 1)]))]);
        map.apply(&inc).unwrap();
        assert!(map.removed_snaps_queue.is_empty());
    }

    #[test]
    fn a_sealed_epoch_agrees_with_itself() {
        let map = map_of(1);
        let mut inc = next(&map);
        inc.new_pools.insert(PoolId(1), PgPool::new_replicated(3, 32, 0, Epoch(0), NOW));
        inc.new_pool_names.insert(PoolId(1), "p".to_owned());
        let sealed = map.seal(&mut inc).unwrap();
        let mut receiver = map.clone();
        let received = Incremental::decode(&sealed.incremental).unwrap();
        receiver.apply(&received).unwrap();
        assert_eq!(receiver.encode_with_crc(), (sealed.full.clone(), received.full_crc));
        assert_eq!(OsdMap::decode(&sealed.full).unwrap(), sealed.map);
        assert_eq!(receiver.pools[&PoolId(1)].last_change, Epoch(11));
    }
}
