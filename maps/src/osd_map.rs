//! The OSDMap: which OSDs there are, where they answer, which pools there are and what overrides
//! their placement. One per epoch.

use crate::pool::PgPool;
use crate::release::Release;
use crate::snaps::SnapSet;
use bytes::Bytes;
use crush::CrushMap;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use types::enc::{Decode, Encode};
use types::{AddrKind, EntityAddr, EntityAddrVec, Epoch, Fsid, OsdId, PgId, PoolId, UTime};

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

    /// Change both with [`OsdMap::set_crush`].
    pub crush: CrushMap,
    /// `crush` as this map encodes it; kept apart so that a map read from bytes writes the same.
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
    /// Whole networks, as addresses of kind `Cidr` whose nonce is the prefix length.
    pub range_blocklist: BTreeMap<EntityAddr, UTime>,
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
    /// A cluster before its first epoch: epoch 0, no OSD, no pool, an empty CRUSH map, the flags and
    /// ratios of a fresh Pacific cluster.
    pub fn new(fsid: Fsid, now: UTime) -> Self {
        let crush = CrushMap::new();
        Self {
            fsid,
            epoch: Epoch(0),
            created: now,
            modified: now,
            pools: BTreeMap::new(),
            pool_names: BTreeMap::new(),
            pool_max: 0,
            flags: map_flags::FRESH,
            state: Vec::new(),
            weight: Vec::new(),
            primary_affinity: Vec::new(),
            addrs: Vec::new(),
            info: Vec::new(),
            xinfo: Vec::new(),
            uuid: Vec::new(),
            pg_temp: BTreeMap::new(),
            primary_temp: BTreeMap::new(),
            pg_upmap: BTreeMap::new(),
            pg_upmap_items: BTreeMap::new(),
            crush_raw: crush.to_vec().into(),
            crush,
            crush_version: 1,
            erasure_code_profiles: BTreeMap::new(),
            new_removed_snaps: BTreeMap::new(),
            new_purged_snaps: BTreeMap::new(),
            removed_snaps_queue: BTreeMap::new(),
            last_up_change: UTime::default(),
            last_in_change: UTime::default(),
            blocklist: BTreeMap::new(),
            range_blocklist: BTreeMap::new(),
            cluster_snapshot_epoch: Epoch(0),
            cluster_snapshot: String::new(),
            nearfull_ratio: 0.85,
            full_ratio: 0.95,
            backfillfull_ratio: 0.9,
            require_min_compat_client: Release::LUMINOUS,
            require_osd_release: Release::PACIFIC,
            crush_node_flags: BTreeMap::new(),
            device_class_flags: BTreeMap::new(),
            stretch: None,
        }
    }

    /// Puts a new CRUSH map in place. The version is the caller's to raise;
    /// [`OsdMap::apply`] does it.
    pub fn set_crush(&mut self, crush: CrushMap) {
        self.crush_raw = crush.to_vec().into();
        self.crush = crush;
    }

    /// Puts an encoded CRUSH map in place and keeps its bytes.
    pub(crate) fn set_crush_raw(&mut self, raw: Bytes) -> types::enc::Result<()> {
        self.crush = CrushMap::from_slice(&raw)?;
        self.crush_raw = raw;
        Ok(())
    }

    /// Forgets flags of device classes that the CRUSH map does not have.
    pub(crate) fn drop_flags_of_unknown_classes(&mut self) {
        let crush = &self.crush;
        self.device_class_flags.retain(|class, _| crush.class_names.contains_key(class));
    }

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

    /// Whether clients at `addr` are shut out: this very instance (port and nonce), the whole host,
    /// or its network. The kind of `addr` does not count.
    pub fn is_blocklisted(&self, addr: &EntityAddr) -> bool {
        let exact = EntityAddr { kind: AddrKind::Any, ..*addr };
        if self.blocklist.contains_key(&exact) {
            return true;
        }
        let Some(sock) = addr.sock else { return false };
        let host = match sock {
            SocketAddr::V4(a) => SocketAddr::new(IpAddr::V4(*a.ip()), 0),
            SocketAddr::V6(a) => SocketAddrV6::new(*a.ip(), 0, a.flowinfo(), a.scope_id()).into(),
        };
        let host = EntityAddr { kind: AddrKind::Any, nonce: 0, sock: Some(host) };
        self.blocklist.contains_key(&host)
            || self.range_blocklist.keys().any(|range| in_range(range, sock.ip()))
    }

    pub fn is_any_blocklisted(&self, addrs: &EntityAddrVec) -> bool {
        addrs.0.iter().any(|addr| self.is_blocklisted(addr))
    }
}

/// Whether `ip` is in the network whose prefix length is the nonce of `range`.
fn in_range(range: &EntityAddr, ip: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u32::from(ip) as u128) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let Some(network) = range.sock.map(|sock| sock.ip()) else { return false };
    if network.is_ipv4() != ip.is_ipv4() {
        return false;
    }
    let width = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = range.nonce.min(width);
    prefix == 0 || (bits(network) ^ bits(ip)) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str, kind: AddrKind) -> EntityAddr {
        EntityAddr::parse(text, kind).unwrap()
    }

    #[test]
    fn blocklist_matches_instance_host_and_network() {
        let mut map = OsdMap::new(Fsid::default(), UTime::default());
        map.blocklist.insert(addr("10.0.0.1:0/5", AddrKind::Any), UTime::default());
        map.blocklist.insert(addr("10.0.0.2:0/0", AddrKind::Any), UTime::default());
        map.range_blocklist.insert(addr("10.1.2.0:0/23", AddrKind::Cidr), UTime::default());
        map.range_blocklist.insert(addr("[fd00::]:0/16", AddrKind::Cidr), UTime::default());
        for (text, expected) in [
            ("10.0.0.1:0/5", true),
            ("10.0.0.1:0/6", false),
            ("10.0.0.1:7/5", false),
            ("10.0.0.2:77/8", true),
            ("10.1.3.9:1/1", true),
            ("10.1.4.9:1/1", false),
            ("[fd00:1::2]:1/1", true),
            ("[fd01::2]:1/1", false),
        ] {
            assert_eq!(map.is_blocklisted(&addr(text, AddrKind::Msgr2)), expected, "{text}");
        }
    }

    #[test]
    fn ids_out_of_range_do_not_exist() {
        let mut map = OsdMap::new(Fsid::default(), UTime::default());
        map.set_max_osd(2);
        map.state[1] = osd_state::EXISTS | osd_state::UP;
        map.weight[1] = WEIGHT_IN;
        assert!(map.is_up(OsdId(1)) && map.is_in(OsdId(1)) && !map.exists(OsdId(0)));
        assert!(!map.exists(OsdId(2)) && map.is_out(OsdId(u32::MAX)));
        assert_eq!(map.osds().collect::<Vec<_>>(), [OsdId(1)]);
        map.set_max_osd(1);
        assert_eq!(map.osd_count(), 0);
    }
}
