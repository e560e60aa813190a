//! Central configuration: options by target (`global`, `osd`, `osd.1`, `client.admin`), sent to
//! whom they concern, and the few that the monitor itself obeys.

use crate::kv::{self, KvMap};
use crate::osd_service::liveness::LivenessConfig;
use messenger::auth::AuthName;
use std::collections::BTreeMap;
use std::time::Duration;
use types::node::KvChange;

/// Kinds of daemons that are targets by themselves.
const KINDS: [&str; 5] = ["mon", "osd", "mds", "mgr", "client"];

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    Uint,
    Float,
    Bool,
    Text,
}

impl OptionKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Text => "str",
        }
    }
}

/// An option that this monitor knows.
#[derive(Debug, Clone, Copy)]
pub struct OptionInfo {
    pub name: &'static str,
    pub kind: OptionKind,
    pub default: &'static str,
    pub help: &'static str,
}

const fn option(
    name: &'static str,
    kind: OptionKind,
    default: &'static str,
    help: &'static str,
) -> OptionInfo {
    OptionInfo { name, kind, default, help }
}

use OptionKind::{Bool, Float, Text, Uint};

/// Options that the monitor obeys or that clients and OSDs are often given. Others are taken too, as
/// long as they look like an option of Ceph's.
pub const OPTIONS: &[OptionInfo] = &[
    option("osd_pool_default_size", Uint, "3", "copies of an object in new replicated pools"),
    option(
        "osd_pool_default_min_size",
        Uint,
        "0",
        "copies without which a pool does not serve; 0: size - size / 2",
    ),
    option("osd_pool_default_pg_num", Uint, "32", "placement groups of new pools"),
    option(
        "osd_pool_default_pgp_num",
        Uint,
        "0",
        "placement groups for placement of new pools; 0: as many as pg_num",
    ),
    option(
        "osd_pool_default_crush_rule",
        Text,
        "-1",
        "CRUSH rule of new replicated pools; -1: the first one",
    ),
    option("osd_pool_default_pg_autoscale_mode", Text, "on", "autoscale mode of new pools"),
    option("osd_pool_default_flag_hashpspool", Bool, "true", "mix the pool's id into placement"),
    option("osd_pool_default_flag_nodelete", Bool, "false", "new pools cannot be deleted"),
    option(
        "osd_crush_chooseleaf_type",
        Uint,
        "1",
        "bucket type over which the first rule spreads copies",
    ),
    option("osd_crush_initial_weight", Float, "-1", "CRUSH weight of new OSDs; negative: by size"),
    option("mon_allow_pool_delete", Bool, "false", "pools may be deleted"),
    option("mon_allow_pool_size_one", Bool, "false", "pools may have a single copy"),
    option("mon_warn_on_pool_no_redundancy", Bool, "true", "warn about pools with a single copy"),
    option(
        "mon_warn_on_pool_no_app",
        Bool,
        "true",
        "warn about pools in use that have no application",
    ),
    option(
        "mon_max_pg_per_osd",
        Uint,
        "250",
        "PG instances per OSD above which pools are not made",
    ),
    option("mon_max_pool_pg_num", Uint, "65536", "largest pg_num of one pool"),
    option(
        "mon_osd_down_out_interval",
        Uint,
        "600",
        "seconds after which a down OSD is marked out",
    ),
    option(
        "mon_osd_report_timeout",
        Uint,
        "900",
        "seconds without a report after which an OSD is marked down",
    ),
    option("mon_osd_min_down_reporters", Uint, "2", "OSDs that must report a failure"),
    option("mon_osd_full_ratio", Float, "0.95", "used share at which an OSD is full"),
    option("mon_osd_nearfull_ratio", Float, "0.85", "used share at which to warn"),
    option("mon_osd_backfillfull_ratio", Float, "0.9", "used share at which backfill stops"),
    option(
        "osd_heartbeat_grace",
        Uint,
        "20",
        "seconds of silence after which an OSD counts as failed",
    ),
    option("osd_heartbeat_interval", Uint, "6", "seconds between heartbeats"),
    option("auth_mon_ticket_ttl", Uint, "259200", "seconds for which an AUTH ticket is good"),
    option(
        "auth_service_ticket_ttl",
        Uint,
        "3600",
        "seconds for which a ticket for a service is good",
    ),
    option("osd_max_backfills", Uint, "1", "backfills at once per OSD"),
    option("osd_recovery_max_active", Uint, "0", "recoveries at once per OSD"),
    option("osd_max_object_size", Uint, "134217728", "largest object, bytes"),
    option("rbd_cache", Bool, "true", "cache in librbd"),
    option(
        "rbd_default_features",
        Text,
        "layering,exclusive-lock,object-map,fast-diff,deep-flatten",
        "features of new images",
    ),
    option("debug_ms", Text, "0/0", "log level of the messenger"),
];

/// Beginnings of names of options that are not in the table.
const PREFIXES: [&str; 22] = [
    "auth_",
    "bluestore_",
    "client_",
    "cluster_",
    "crush_",
    "debug_",
    "err_",
    "fsid",
    "journal_",
    "librados_",
    "log_",
    "mds_",
    "mgr_",
    "mon_",
    "ms_",
    "objecter_",
    "osd_",
    "public_",
    "rados_",
    "rbd_",
    "rgw_",
    "seastore_",
];

pub fn info(name: &str) -> Option<&'static OptionInfo> {
    OPTIONS.iter().find(|o| o.name == name)
}

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    UnknownOption,
    UnknownTarget,
    /// The value is not of the option's kind.
    BadValue(&'static str),
}

#[derive(Debug, Default)]
pub struct ConfigService {
    /// Target -> option -> value.
    options: BTreeMap<String, BTreeMap<String, String>>,
    keys: BTreeMap<String, Vec<u8>>,
    staged: Vec<KvChange>,
    /// Options from the configuration file of this monitor, which central ones override.
    file: BTreeMap<String, String>,
    /// Grows when an option changes.
    pub version: u64,
}

impl ConfigService {
    pub fn load(store: &KvMap, file: BTreeMap<String, String>) -> Self {
        let file = file.into_iter().map(|(k, v)| (normal(&k), v)).collect();
        let mut service = Self { file, ..Self::default() };
        for (key, value) in store {
            service.apply(key, Some(value));
        }
        service
    }

    /// Takes one committed change.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) {
        if let Some((who, name)) = kv::name_in(key, "config").and_then(|n| n.rsplit_once('/')) {
            self.version += 1;
            let options = self.options.entry(who.to_owned()).or_default();
            match value {
                Some(value) => {
                    let value = String::from_utf8_lossy(value).into_owned();
                    options.insert(name.to_owned(), value);
                }
                None => {
                    options.remove(name);
                }
            }
            self.options.retain(|_, options| !options.is_empty());
        } else if let Some(name) = kv::name_in(key, "config-key") {
            match value {
                Some(value) => drop(self.keys.insert(name.to_owned(), value.to_vec())),
                None => drop(self.keys.remove(name)),
            }
        }
    }

    pub fn stage(&mut self, out: &mut Vec<KvChange>) {
        out.append(&mut self.staged);
    }
    pub fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    /// Checks and stages a setting.
    pub fn set(&mut self, who: &str, name: &str, value: &str) -> Result<(), ConfigError> {
        let name = normal(name);
        let who = target(who).ok_or(ConfigError::UnknownTarget)?;
        match info(&name) {
            Some(option) => check(option.kind, value)?,
            None if !PREFIXES.iter().any(|p| name.starts_with(p)) => {
                return Err(ConfigError::UnknownOption);
            }
            None => {}
        }
        self.staged.push(kv::put("config", &format!("{who}/{name}"), value.as_bytes().to_vec()));
        Ok(())
    }

    pub fn remove(&mut self, who: &str, name: &str) -> Result<(), ConfigError> {
        let who = target(who).ok_or(ConfigError::UnknownTarget)?;
        self.staged.push(kv::delete("config", &format!("{who}/{}", normal(name))));
        Ok(())
    }

    pub fn set_key(&mut self, key: &str, value: Option<Vec<u8>>) {
        self.staged.push(match value {
            Some(value) => kv::put("config-key", key, value),
            None => kv::delete("config-key", key),
        });
    }
    pub fn key(&self, key: &str) -> Option<&[u8]> {
        self.keys.get(key).map(Vec::as_slice)
    }
    pub fn keys(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.keys.iter()
    }

    /// All settings, general targets first: `(target, option, value)`.
    pub fn dump(&self) -> Vec<(&str, &str, &str)> {
        let mut all: Vec<_> = self
            .options
            .iter()
            .flat_map(|(who, o)| o.iter().map(move |(n, v)| (who.as_str(), n.as_str(), v.as_str())))
            .collect();
        all.sort_by_key(|(who, name, _)| (rank(who), *who, *name));
        all
    }

    /// Settings that hold for one entity, with the target each comes from.
    pub fn for_entity(&self, name: &AuthName) -> BTreeMap<&str, (&str, &str)> {
        let kind = name.kind.name();
        let full = name.to_string();
        let mut out = BTreeMap::new();
        for who in ["global", kind, full.as_str()] {
            let Some((who, options)) = self.options.get_key_value(who) else { continue };
            out.extend(options.iter().map(|(n, v)| (n.as_str(), (who.as_str(), v.as_str()))));
        }
        out
    }

    /// What this monitor obeys: central settings for `global` and `mon`, then the file, then the
    /// default.
    pub fn value(&self, name: &str) -> &str {
        ["mon", "global"]
            .iter()
            .find_map(|who| self.options.get(*who)?.get(name))
            .or_else(|| self.file.get(name))
            .map_or_else(|| info(name).map_or("", |o| o.default), String::as_str)
    }
    pub fn number(&self, name: &str) -> u64 {
        let parsed = |text: &str| text.trim().parse().ok();
        parsed(self.value(name)).or_else(|| parsed(info(name)?.default)).unwrap_or(0)
    }
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), "true" | "1" | "yes" | "on")
    }

    /// Validity of AUTH tickets, and of the tickets of the other services.
    pub fn ticket_validity(&self) -> (Duration, Duration) {
        let seconds = |name| Duration::from_secs(self.number(name).max(1));
        (seconds("auth_mon_ticket_ttl"), seconds("auth_service_ticket_ttl"))
    }

    pub fn liveness(&self) -> LivenessConfig {
        LivenessConfig {
            grace: Duration::from_secs(self.number("osd_heartbeat_grace").max(1)),
            out_after: Duration::from_secs(self.number("mon_osd_down_out_interval")),
            reporters_min: self.number("mon_osd_min_down_reporters").max(1) as usize,
        }
    }
}

/// Options are written with underscores; blanks and dashes mean the same.
pub fn normal(name: &str) -> String {
    name.replace([' ', '-'], "_")
}

/// A target's canonical form.
pub fn target(who: &str) -> Option<String> {
    if who == "global" || KINDS.contains(&who) {
        return Some(who.to_owned());
    }
    let (kind, id) = who.split_once('.')?;
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (KINDS.contains(&kind) && !id.is_empty() && id.chars().all(ok)).then(|| who.to_owned())
}

fn rank(who: &str) -> u8 {
    match who {
        "global" => 0,
        kind if KINDS.contains(&kind) => 1,
        _ => 2,
    }
}

fn check(kind: OptionKind, value: &str) -> Result<(), ConfigError> {
    let fits = match kind {
        Uint => size(value).is_some(),
        Float => value.parse::<f64>().is_ok_and(f64::is_finite),
        Bool => matches!(value, "true" | "false" | "1" | "0" | "yes" | "no" | "on" | "off"),
        Text => true,
    };
    match (fits, kind) {
        (true, _) => Ok(()),
        (false, Uint) => Err(ConfigError::BadValue("strict_si_cast: unit prefix not recognized")),
        (false, Float) => Err(ConfigError::BadValue("not a number")),
        (false, _) => Err(ConfigError::BadValue("expected true or false")),
    }
}

/// A number with an optional binary unit: `10`, `4K`, `1G`.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_suffix('B').unwrap_or(text);
    let text = text.strip_suffix('i').unwrap_or(text);
    let (digits, shift) = match text.bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        b'T' => (&text[..text.len() - 1], 40),
        b'P' => (&text[..text.len() - 1], 50),
        _ => (text, 0),
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(config: &mut ConfigService) {
        let mut changes = Vec::new();
        config.stage(&mut changes);
        for change in changes {
            match change {
                KvChange::Put { key, value } => config.apply(&key, Some(&value)),
                KvChange::Delete { key } => config.apply(&key, None),
            }
        }
    }

    #[test]
    fn the_closest_target_wins() {
        let mut config = ConfigService::default();
        config.set("global", "osd max backfills", "1").unwrap();
        config.set("osd", "osd_max_backfills", "2").unwrap();
        config.set("osd.1", "osd-max-backfills", "3").unwrap();
        commit(&mut config);
        let value = |who| config.for_entity(&AuthName::parse(who).unwrap())["osd_max_backfills"].1;
        assert_eq!((value("osd.1"), value("osd.2"), value("client.x")), ("3", "2", "1"));
        let order: Vec<_> = config.dump().iter().map(|(who, ..)| *who).collect();
        assert_eq!(order, ["global", "osd", "osd.1"]);
        config.remove("osd.1", "osd_max_backfills").unwrap();
        commit(&mut config);
        assert_eq!(config.dump().len(), 2);
    }

    #[test]
    fn wrong_settings_are_refused() {
        let mut config = ConfigService::default();
        assert_eq!(config.set("osd", "nosuch_option", "2"), Err(ConfigError::UnknownOption));
        assert_eq!(config.set("bogus!", "osd_max_backfills", "2"), Err(ConfigError::UnknownTarget));
        assert!(matches!(
            config.set("osd", "osd_max_backfills", "abc"),
            Err(ConfigError::BadValue(_))
        ));
        assert!(!config.has_staged());
    }

    #[test]
    fn central_settings_override_the_file_and_the_file_the_default() {
        let file = BTreeMap::from([("osd pool default size".to_owned(), "2".to_owned())]);
        let mut config = ConfigService::load(&KvMap::new(), file);
        assert_eq!(config.number("osd_pool_default_size"), 2);
        assert_eq!(config.number("osd_pool_default_pg_num"), 32);
        config.set("global", "osd_pool_default_size", "5").unwrap();
        commit(&mut config);
        assert_eq!(config.number("osd_pool_default_size"), 5);
        assert_eq!(size("10M"), Some(10 << 20));
        assert_eq!(size("x"), None);
    }
}
