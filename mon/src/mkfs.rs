//! What a new cluster's monitor store holds: MonMap, the first OSDMap, and the first keys.

use crate::auth_service::encode_entity;
use crate::kv;
use crate::placement;
use crush::CrushMap;
use maps::{Incremental, MonMap, OsdMap, Release, map_flags, osd_state};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthName, EntityAuth};
use std::collections::BTreeMap;
use types::enc::Encode;
use types::node::KvChange;
use types::{EntityAddrVec, EntityKind, Epoch, Fsid, UTime};

/// An OSD that exists from the start; it comes up when it boots.
#[derive(Debug, Clone)]
pub struct NewOsd {
    pub id: u32,
    pub uuid: Fsid,
    /// Its key: entity `osd.ID`, capabilities mon `allow profile osd`, osd `allow *`, mgr `allow
    /// profile osd`.
    pub key: CryptoKey,
}

#[derive(Debug, Clone)]
pub struct MkfsParams {
    pub fsid: Fsid,
    pub now: UTime,
    /// Name and addresses of every monitor, in order of rank.
    pub mons: Vec<(String, EntityAddrVec)>,
    /// Key of `client.admin`, which may do everything.
    pub admin_key: CryptoKey,
    /// Key of `mon.`, shared by the monitors.
    pub mon_key: CryptoKey,
    pub osds: Vec<NewOsd>,
    /// Further entities.
    pub entities: Vec<(AuthName, EntityAuth)>,
    /// Bucket type over which the first rule spreads copies: 0 OSDs (all on one host), 1 hosts.
    pub chooseleaf_type: u16,
    /// Central configuration: `(target, option, value)`.
    pub config: Vec<(String, String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MkfsError {
    NoMonitor,
    DuplicateMonitor {
        name: String,
    },
    DuplicateOsd {
        id: u32,
    },
    /// The first CRUSH map cannot be made, for example with a type that does not exist.
    Crush(String),
    /// The first OSDMap cannot be made.
    OsdMap(String),
}
impl std::fmt::Display for MkfsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoMonitor => write!(f, "a cluster needs a monitor"),
            Self::DuplicateMonitor { name } => write!(f, "mon.{name} is there twice"),
            Self::DuplicateOsd { id } => write!(f, "osd.{id} is there twice"),
            Self::Crush(e) => write!(f, "first CRUSH map: {e}"),
            Self::OsdMap(e) => write!(f, "first OSDMap: {e}"),
        }
    }
}
impl std::error::Error for MkfsError {}

fn caps(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Capabilities of an OSD's own key.
pub fn osd_caps() -> BTreeMap<String, String> {
    caps(&[("mgr", "allow profile osd"), ("mon", "allow profile osd"), ("osd", "allow *")])
}

/// The content of a new cluster's store. [`crate::Monitor`] starts from it.
pub fn mkfs(params: &MkfsParams) -> Result<Vec<KvChange>, MkfsError> {
    let mut out = Vec::new();
    out.push(kv::put_number("monmap", 1, mon_map(params)?.to_vec()));
    let map = osd_map(params)?;
    out.push(kv::put_number("osdmap/full", map.epoch.0 as u64, map.encode()));
    let mut entity = |name: AuthName, key: CryptoKey, caps: BTreeMap<String, String>| {
        let value = encode_entity(&EntityAuth { key, caps });
        out.push(kv::put("auth/entity", &name.to_string(), value));
    };
    let everything =
        [("mds", "allow *"), ("mgr", "allow *"), ("mon", "allow *"), ("osd", "allow *")];
    entity(AuthName::new(EntityKind::Client, "admin"), params.admin_key, caps(&everything));
    entity(AuthName::new(EntityKind::Mon, ""), params.mon_key, caps(&[("mon", "allow *")]));
    for osd in &params.osds {
        entity(AuthName::new(EntityKind::Osd, &osd.id.to_string()), osd.key, osd_caps());
    }
    for (name, auth) in &params.entities {
        entity(name.clone(), auth.key, auth.caps.clone());
    }
    for (who, option, value) in &params.config {
        let name = format!("{who}/{}", crate::config_service::normal(option));
        out.push(kv::put("config", &name, value.clone().into_bytes()));
    }
    Ok(out)
}

fn mon_map(params: &MkfsParams) -> Result<MonMap, MkfsError> {
    if params.mons.is_empty() {
        return Err(MkfsError::NoMonitor);
    }
    let mut map = MonMap::new(params.fsid, params.now);
    for (name, addrs) in &params.mons {
        if !map.add(name, addrs.clone()) {
            return Err(MkfsError::DuplicateMonitor { name: name.clone() });
        }
    }
    map.epoch = Epoch(1);
    map.persistent_features = maps::mon_map::MON_FEATURES_PACIFIC;
    map.min_mon_release = Release::PACIFIC;
    Ok(map)
}

fn osd_map(params: &MkfsParams) -> Result<OsdMap, MkfsError> {
    let crush: CrushMap =
        placement::initial(params.chooseleaf_type).map_err(|e| MkfsError::Crush(e.to_string()))?;
    let mut map = OsdMap::new(params.fsid, params.now);
    let mut inc = Incremental::new(params.fsid, Epoch(1), params.now);
    inc.crush = crush.to_vec().into();
    inc.new_flags = Some(map_flags::FRESH);
    inc.new_full_ratio = Some(0.95);
    inc.new_backfillfull_ratio = Some(0.9);
    inc.new_nearfull_ratio = Some(0.85);
    inc.new_require_min_compat_client = Some(Release::LUMINOUS);
    inc.new_require_osd_release = Some(Release::PACIFIC);
    inc.new_erasure_code_profiles.insert(
        "default".into(),
        caps(&[("k", "2"), ("m", "2"), ("plugin", "jerasure"), ("technique", "reed_sol_van")]),
    );
    let max = params.osds.iter().map(|o| o.id + 1).max().unwrap_or(0);
    inc.new_max_osd = Some(max);
    for osd in &params.osds {
        let id = types::OsdId(osd.id);
        if inc.new_uuid.insert(id, osd.uuid).is_some() {
            return Err(MkfsError::DuplicateOsd { id: osd.id });
        }
        // Out until it boots: a weight here would toggle EXISTS a second time.
        inc.new_state.insert(id, osd_state::EXISTS | osd_state::NEW);
    }
    map.apply(&inc).map_err(|e| MkfsError::OsdMap(e.to_string()))?;
    Ok(map)
}
