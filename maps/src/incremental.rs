//! What changed from one epoch to the next.

use crate::osd_map::{ErasureProfiles, OsdExtraInfo, StretchMode, UpmapItems};
use crate::pool::PgPool;
use crate::release::Release;
use crate::snaps::SnapSet;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use types::{EntityAddr, EntityAddrVec, Epoch, Fsid, OsdId, PgId, PoolId, UTime};

/// Ceph's `OSDMap::Incremental`: makes the map of `epoch` from that of `epoch - 1`. An empty map, an
/// empty vector or `None` is "no change". [`crate::OsdMap::apply`] says what each field does.
#[derive(Debug, Clone, PartialEq)]
pub struct Incremental {
    pub fsid: Fsid,
    /// The epoch that applying this makes.
    pub epoch: Epoch,
    pub modified: UTime,
    pub new_pool_max: Option<i64>,
    pub new_flags: Option<u32>,
    /// Not empty: the whole new map, and nothing else counts.
    pub full_map: Bytes,
    /// Not empty: the new CRUSH map, encoded.
    pub crush: Bytes,
    pub new_max_osd: Option<u32>,
    pub new_pools: BTreeMap<PoolId, PgPool>,
    pub new_pool_names: BTreeMap<PoolId, String>,
    pub old_pools: BTreeSet<PoolId>,
    /// These come up. Heartbeat addresses of the same OSDs belong with them.
    pub new_up_client: BTreeMap<OsdId, EntityAddrVec>,
    pub new_up_cluster: BTreeMap<OsdId, EntityAddrVec>,
    pub new_hb_back_up: BTreeMap<OsdId, EntityAddrVec>,
    pub new_hb_front_up: BTreeMap<OsdId, EntityAddrVec>,
    /// State bits to toggle; 0 stands for UP. Toggling EXISTS off clears the OSD's other fields.
    pub new_state: BTreeMap<OsdId, u32>,
    pub new_weight: BTreeMap<OsdId, u32>,
    pub new_primary_affinity: BTreeMap<OsdId, u32>,
    /// An empty vector takes the entry away.
    pub new_pg_temp: BTreeMap<PgId, Vec<i32>>,
    /// -1 takes the entry away.
    pub new_primary_temp: BTreeMap<PgId, i32>,
    pub new_erasure_code_profiles: ErasureProfiles,
    pub old_erasure_code_profiles: Vec<String>,
    pub new_pg_upmap: BTreeMap<PgId, Vec<i32>>,
    pub old_pg_upmap: BTreeSet<PgId>,
    pub new_pg_upmap_items: BTreeMap<PgId, UpmapItems>,
    pub old_pg_upmap_items: BTreeSet<PgId>,
    pub new_removed_snaps: BTreeMap<PoolId, SnapSet>,
    pub new_purged_snaps: BTreeMap<PoolId, SnapSet>,
    /// Zero: no change.
    pub new_last_up_change: UTime,
    pub new_last_in_change: UTime,
    pub new_up_thru: BTreeMap<OsdId, Epoch>,
    /// `[begin, end)`.
    pub new_last_clean_interval: BTreeMap<OsdId, (Epoch, Epoch)>,
    pub new_lost: BTreeMap<OsdId, Epoch>,
    pub new_blocklist: BTreeMap<EntityAddr, UTime>,
    pub old_blocklist: Vec<EntityAddr>,
    pub new_range_blocklist: BTreeMap<EntityAddr, UTime>,
    pub old_range_blocklist: Vec<EntityAddr>,
    pub cluster_snapshot: String,
    pub new_uuid: BTreeMap<OsdId, Fsid>,
    pub new_xinfo: BTreeMap<OsdId, OsdExtraInfo>,
    /// With these features the receiver encodes the new map to check `full_crc`.
    pub encode_features: u64,
    pub new_nearfull_ratio: Option<f32>,
    pub new_full_ratio: Option<f32>,
    pub new_backfillfull_ratio: Option<f32>,
    pub new_require_min_compat_client: Option<Release>,
    pub new_require_osd_release: Option<Release>,
    /// 0 takes the entry away.
    pub new_crush_node_flags: BTreeMap<i32, u32>,
    pub new_device_class_flags: BTreeMap<i32, u32>,
    /// `Some(None)` ends stretch mode.
    pub new_stretch: Option<Option<StretchMode>>,
    /// Checksum in the full map that applying this makes.
    pub full_crc: u32,
}

impl Incremental {
    /// No change but the epoch.
    pub fn new(fsid: Fsid, epoch: Epoch, modified: UTime) -> Self {
        Self {
            fsid,
            epoch,
            modified,
            new_pool_max: None,
            new_flags: None,
            full_map: Bytes::new(),
            crush: Bytes::new(),
            new_max_osd: None,
            new_pools: BTreeMap::new(),
            new_pool_names: BTreeMap::new(),
            old_pools: BTreeSet::new(),
            new_up_client: BTreeMap::new(),
            new_up_cluster: BTreeMap::new(),
            new_hb_back_up: BTreeMap::new(),
            new_hb_front_up: BTreeMap::new(),
            new_state: BTreeMap::new(),
            new_weight: BTreeMap::new(),
            new_primary_affinity: BTreeMap::new(),
            new_pg_temp: BTreeMap::new(),
            new_primary_temp: BTreeMap::new(),
            new_erasure_code_profiles: BTreeMap::new(),
            old_erasure_code_profiles: Vec::new(),
            new_pg_upmap: BTreeMap::new(),
            old_pg_upmap: BTreeSet::new(),
            new_pg_upmap_items: BTreeMap::new(),
            old_pg_upmap_items: BTreeSet::new(),
            new_removed_snaps: BTreeMap::new(),
            new_purged_snaps: BTreeMap::new(),
            new_last_up_change: UTime::default(),
            new_last_in_change: UTime::default(),
            new_up_thru: BTreeMap::new(),
            new_last_clean_interval: BTreeMap::new(),
            new_lost: BTreeMap::new(),
            new_blocklist: BTreeMap::new(),
            old_blocklist: Vec::new(),
            new_range_blocklist: BTreeMap::new(),
            old_range_blocklist: Vec::new(),
            cluster_snapshot: String::new(),
            new_uuid: BTreeMap::new(),
            new_xinfo: BTreeMap::new(),
            encode_features: crate::SIGNIFICANT_FEATURES,
            new_nearfull_ratio: None,
            new_full_ratio: None,
            new_backfillfull_ratio: None,
            new_require_min_compat_client: None,
            new_require_osd_release: None,
            new_crush_node_flags: BTreeMap::new(),
            new_device_class_flags: BTreeMap::new(),
            new_stretch: None,
            full_crc: 0,
        }
    }
}
