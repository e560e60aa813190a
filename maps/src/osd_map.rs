//! The OSDMap: which OSDs there are, where they answer, which pools there are and what overrides
//! their placement. One per epoch.

use crate::pool::PgPool;
use crate::release::Release;
use crate::snaps::SnapSet;
use bytes::Bytes;
use std::collections::BTreeMap;
use types::{EntityAddr, EntityAddrVec, Epoch, Fsid, OsdId, PgId, PoolId, UTime};

/// A hole in a set of OSDs of an erasure-coded PG.
pub const OSD_NONE: i32 = 0x7fff_ffff;
/// Weight of an OSD that takes its full share of data; 0 is "out".
pub const WEIGHT_IN: u32 = 0x1_0000;
pub const WEIGHT_OUT: u32 = 0;
/// Primary affinity of an OSD that is as good a primary as any.
pub const AFFINITY_DEFAULT: u32 = 0x1_0000;

/// Bits of [`OsdMap::flags`].
pub mod map_flags {
    pub const NEARFULL: u32 = 1 << 0;
    pub const FULL: u32 = 1 << 1;
    pub const PAUSERD: u32 = 1 << 2;
    pub const PAUSEWR: u32 = 1 << 3;
    pub const PAUSEREC: u32 = 1 << 4;
    pub const NOUP: u32 = 1 << 5;
    pub const NODOWN: u32 = 1 << 6;
    pub const NOOUT: u32 = 1 << 7;
    pub const NOIN: u32 = 1 << 8;
    pub const NOBACKFILL: u32 = 1 << 9;
    pub const NORECOVER: u32 = 1 << 10;
    pub const NOSCRUB: u32 = 1 << 11;
    pub const NODEEP_SCRUB: u32 = 1 << 12;
    pub const NOTIERAGENT: u32 = 1 << 13;
    pub const NOREBALANCE: u32 = 1 << 14;
    pub const SORTBITWISE: u32 = 1 << 15;
    pub const REQUIRE_JEWEL: u32 = 1 << 16;
    pub const REQUIRE_KRAKEN: u32 = 1 << 17;
    pub const REQUIRE_LUMINOUS: u32 = 1 << 18;
    pub const RECOVERY_DELETES: u32 = 1 << 19;
    pub const PURGED_SNAPDIRS: u32 = 1 << 20;
    pub const NOSNAPTRIM: u32 = 1 << 21;
    pub const PGLOG_HARDLIMIT: u32 = 1 << 22;
    pub const PAUSE: u32 = PAUSERD | PAUSEWR;
    /// Older ways to say [`super::OsdMap::require_osd_release`].
    pub const LEGACY_REQUIRE: u32 = REQUIRE_JEWEL | REQUIRE_KRAKEN | REQUIRE_LUMINOUS;
    /// A fresh Pacific cluster's.
    pub const FRESH: u32 = SORTBITWISE | RECOVERY_DELETES | PURGED_SNAPDIRS | PGLOG_HARDLIMIT;
}

/// Bits of [`OsdMap::state`].
pub mod osd_state {
    pub const EXISTS: u32 = 1 << 0;
    pub const UP: u32 = 1 << 1;
    /// Marked out by the monitor, so it comes in again by itself.
    pub const AUTOOUT: u32 = 1 << 2;
    /// Never been in.
    pub const NEW: u32 = 1 << 3;
    pub const FULL: u32 = 1 << 4;
    pub const NEARFULL: u32 = 1 << 5;
    pub const BACKFILLFULL: u32 = 1 << 6;
    /// Its data are gone; the id may be used again.
    pub const DESTROYED: u32 = 1 << 7;
    pub const NOUP: u32 = 1 << 8;
    pub const NODOWN: u32 = 1 << 9;
    pub const NOIN: u32 = 1 << 10;
    pub const NOOUT: u32 = 1 << 11;
    pub const STOP: u32 = 1 << 12;
}

/// Where one OSD answers. Empty vectors while it has never been up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsdAddrs {
    /// Clients and monitors.
    pub client: EntityAddrVec,
    /// Other OSDs.
    pub cluster: EntityAddrVec,
    pub heartbeat_back: EntityAddrVec,
    pub heartbeat_front: EntityAddrVec,
}

/// `osd_info_t`: epochs in one OSD's life; 0 is "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OsdInfo {
    /// Last interval that ended cleanly, `[begin, end)`.
    pub last_clean_begin: Epoch,
    pub last_clean_end: Epoch,
    pub up_from: Epoch,
    /// The OSD is known to have been alive in this epoch.
    pub up_thru: Epoch,
    pub down_at: Epoch,
    pub lost_at: Epoch,
}

/// `osd_xinfo_t`: what the monitor remembers of one OSD besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OsdExtraInfo {
    pub down_stamp: UTime,
    /// Fraction of 2^32 - 1.
    pub laggy_probability: u32,
    /// Seconds.
    pub laggy_interval: u32,
    pub features: u64,
    /// Weight before it was marked out automatically.
    pub old_weight: u32,
    pub last_purged_snaps_scrub: UTime,
    pub dead_epoch: Epoch,
}

/// State of a stretched cluster (two sites and a tiebreaker).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StretchMode {
    pub bucket_count: u32,
    pub degraded: u32,
    pub recovering: u32,
    pub bucket: i32,
}

/// Pairs `(from, to)` of OSDs, applied in order.
pub type UpmapItems = Vec<(i32, i32)>;
/// Profile name -> its keys and values.
pub type ErasureProfiles = BTreeMap<String, BTreeMap<String, String>>;

/// The map of one epoch.
///
/// The vectors per OSD (`state`, `weight`, `addrs`, `info`, `xinfo`, `uuid`) have `max_osd` entries;
/// `primary_affinity` has as many or none. Change `max_osd` with [`OsdMap::set_max_osd`].
#[derive(Debug, Clone, PartialEq)]
pub struct OsdMap {
    pub fsid: Fsid,
    pub epoch: Epoch,
    pub created: UTime,
    pub modified: UTime,
    pub pools: BTreeMap<PoolId, PgPool>,
    pub pool_names: BTreeMap<PoolId, String>,
    /// Highest pool id ever given.
    pub pool_max: i32,
    /// [`map_flags`].
    pub flags: u32,

    /// [`osd_state`].
    pub state: Vec<u32>,
    /// [`WEIGHT_IN`] = 1.0.
    pub weight: Vec<u32>,
    /// [`AFFINITY_DEFAULT`] = 1.0. Empty: all default.
    pub primary_affinity: Vec<u32>,
    pub addrs: Vec<OsdAddrs>,
    pub info: Vec<OsdInfo>,
    pub xinfo: Vec<OsdExtraInfo>,
    pub uuid: Vec<Fsid>,

    pub pg_temp: BTreeMap<PgId, Vec<i32>>,
    pub primary_temp: BTreeMap<PgId, i32>,
    pub pg_upmap: BTreeMap<PgId, Vec<i32>>,
    pub pg_upmap_items: BTreeMap<PgId, UpmapItems>,

    /// The CRUSH map as it is encoded.
    pub crush_raw: Bytes,
    pub crush_version: u32,
    pub erasure_code_profiles: ErasureProfiles,

    pub new_removed_snaps: BTreeMap<PoolId, SnapSet>,
    pub new_purged_snaps: BTreeMap<PoolId, SnapSet>,
    pub removed_snaps_queue: BTreeMap<PoolId, SnapSet>,
    pub last_up_change: UTime,
    pub last_in_change: UTime,

    /// Address -> when the entry ends. Addresses are of kind `Any`; port and nonce 0 is a whole
    /// host. See [`OsdMap::is_blocklisted`].
    pub blocklist: BTreeMap<EntityAddr, UTime>,
    pub cluster_snapshot_epoch: Epoch,
    pub cluster_snapshot: String,
    pub nearfull_ratio: f32,
    pub full_ratio: f32,
    pub backfillfull_ratio: f32,
    pub require_min_compat_client: Release,
    pub require_osd_release: Release,
    /// CRUSH node id (OSD or bucket) -> bits of [`osd_state`].
    pub crush_node_flags: BTreeMap<i32, u32>,
    /// Device class id -> bits of [`osd_state`].
    pub device_class_flags: BTreeMap<i32, u32>,
    pub stretch: Option<StretchMode>,
}

impl OsdMap {
    pub fn max_osd(&self) -> u32 {
        self.state.len() as u32
    }

    /// Cuts or extends the vectors per OSD; new ids do not exist and are out.
    pub fn set_max_osd(&mut self, count: u32) {
        let count = count as usize;
        self.state.resize(count, 0);
        self.weight.resize(count, WEIGHT_OUT);
        self.addrs.resize(count, OsdAddrs::default());
        self.info.resize(count, OsdInfo::default());
        self.xinfo.resize(count, OsdExtraInfo::default());
        self.uuid.resize(count, Fsid::default());
        if !self.primary_affinity.is_empty() {
            self.primary_affinity.resize(count, AFFINITY_DEFAULT);
        }
    }

    fn state_of(&self, osd: OsdId) -> u32 {
        self.state.get(osd.0 as usize).copied().unwrap_or(0)
    }
    pub fn exists(&self, osd: OsdId) -> bool {
        self.state_of(osd) & osd_state::EXISTS != 0
    }
    pub fn is_up(&self, osd: OsdId) -> bool {
        let both = osd_state::EXISTS | osd_state::UP;
        self.state_of(osd) & both == both
    }
    pub fn is_down(&self, osd: OsdId) -> bool {
        !self.is_up(osd)
    }
    pub fn is_out(&self, osd: OsdId) -> bool {
        !self.exists(osd) || self.weight_of(osd) == WEIGHT_OUT
    }
    pub fn is_in(&self, osd: OsdId) -> bool {
        !self.is_out(osd)
    }
    pub fn is_destroyed(&self, osd: OsdId) -> bool {
        self.exists(osd) && self.state_of(osd) & osd_state::DESTROYED != 0
    }
    /// 0 for an id that is out of range.
    pub fn weight_of(&self, osd: OsdId) -> u32 {
        self.weight.get(osd.0 as usize).copied().unwrap_or(WEIGHT_OUT)
    }
    pub fn affinity_of(&self, osd: OsdId) -> u32 {
        self.primary_affinity.get(osd.0 as usize).copied().unwrap_or(AFFINITY_DEFAULT)
    }
    pub fn addrs_of(&self, osd: OsdId) -> Option<&OsdAddrs> {
        self.addrs.get(osd.0 as usize).filter(|_| self.exists(osd))
    }
    /// Where clients reach an OSD that is up.
    pub fn client_addrs(&self, osd: OsdId) -> Option<&EntityAddrVec> {
        self.addrs_of(osd).filter(|_| self.is_up(osd)).map(|a| &a.client)
    }
    /// Where other OSDs reach an OSD that is up.
    pub fn cluster_addrs(&self, osd: OsdId) -> Option<&EntityAddrVec> {
        self.addrs_of(osd).filter(|_| self.is_up(osd)).map(|a| &a.cluster)
    }
    pub fn info_of(&self, osd: OsdId) -> Option<&OsdInfo> {
        self.info.get(osd.0 as usize).filter(|_| self.exists(osd))
    }

    /// Ids of the OSDs that exist, ascending.
    pub fn osds(&self) -> impl Iterator<Item = OsdId> + '_ {
        (0..self.max_osd()).map(OsdId).filter(|osd| self.exists(*osd))
    }
    pub fn osd_count(&self) -> usize {
        self.osds().count()
    }
    pub fn up_osd_count(&self) -> usize {
        self.osds().filter(|osd| self.is_up(*osd)).count()
    }
    pub fn in_osd_count(&self) -> usize {
        self.osds().filter(|osd| self.is_in(*osd)).count()
    }

    pub fn pool(&self, id: PoolId) -> Option<&PgPool> {
        self.pools.get(&id)
    }
    pub fn pool_id(&self, name: &str) -> Option<PoolId> {
        self.pool_names.iter().find(|(_, n)| *n == name).map(|(id, _)| *id)
    }
    pub fn pool_name(&self, id: PoolId) -> Option<&str> {
        self.pool_names.get(&id).map(String::as_str)
    }
    pub fn has_flag(&self, flag: u32) -> bool {
        self.flags & flag == flag
    }

    /// All PGs of a pool, by seed. Nothing for a pool that does not exist.
    pub fn pgs_of_pool(&self, pool: PoolId) -> impl Iterator<Item = PgId> + use<> {
        let pg_num = self.pools.get(&pool).map_or(0, |p| p.pg_num);
        (0..pg_num).map(move |seed| PgId { pool, seed })
    }
}
