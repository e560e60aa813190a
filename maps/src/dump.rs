//! Maps as JSON and as text, in the shapes of `ceph osd dump` and `ceph mon dump`.
//!
//! Numbers: Ceph writes ratios with 17 digits, we write the shortest text of the same double.

use crate::mon_map::MonMap;
use crate::osd_map::{AFFINITY_DEFAULT, OsdMap, WEIGHT_IN, map_flags};
use crate::pool_dump::extend;
use crate::snaps::SnapSet;
use crate::text;
use crate::{codec, osd_map};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use types::{EntityAddr, EntityAddrVec, Fsid, OsdId, PoolId, UTime};

/// In the order in which Ceph lists them.
const FLAG_NAMES: [(u32, &str); 21] = [
    (map_flags::PAUSERD, "pauserd"),
    (map_flags::PAUSEWR, "pausewr"),
    (map_flags::PAUSEREC, "pauserec"),
    (map_flags::NOUP, "noup"),
    (map_flags::NODOWN, "nodown"),
    (map_flags::NOOUT, "noout"),
    (map_flags::NOIN, "noin"),
    (map_flags::NOBACKFILL, "nobackfill"),
    (map_flags::NOREBALANCE, "norebalance"),
    (map_flags::NORECOVER, "norecover"),
    (map_flags::NOSCRUB, "noscrub"),
    (map_flags::NODEEP_SCRUB, "nodeep-scrub"),
    (map_flags::NOTIERAGENT, "notieragent"),
    (map_flags::NOSNAPTRIM, "nosnaptrim"),
    (map_flags::SORTBITWISE, "sortbitwise"),
    (map_flags::REQUIRE_JEWEL, "require_jewel_osds"),
    (map_flags::REQUIRE_KRAKEN, "require_kraken_osds"),
    (map_flags::REQUIRE_LUMINOUS, "require_luminous_osds"),
    (map_flags::RECOVERY_DELETES, "recovery_deletes"),
    (map_flags::PURGED_SNAPDIRS, "purged_snapdirs"),
    (map_flags::PGLOG_HARDLIMIT, "pglog_hardlimit"),
];

const STATE_NAMES: [&str; 13] = [
    "exists",
    "up",
    "autoout",
    "new",
    "full",
    "nearfull",
    "backfillfull",
    "destroyed",
    "noup",
    "nodown",
    "noin",
    "noout",
    "stop",
];

/// Names of the set flags in Ceph's order.
pub fn flag_names(flags: u32) -> Vec<&'static str> {
    FLAG_NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect()
}

/// The bits of a flag name; `pause` is both directions, `full` the legacy flag.
pub fn flag_by_name(name: &str) -> Option<u32> {
    match name {
        "pause" => Some(map_flags::PAUSE),
        "full" => Some(map_flags::FULL),
        _ => FLAG_NAMES.iter().find(|(_, n)| *n == name).map(|(bit, _)| *bit),
    }
}

/// Names of [`osd_map::osd_state`] bits, sorted.
pub fn state_names(state: u32) -> BTreeSet<&'static str> {
    let bits = (0..32).filter(|bit| state & (1 << bit) != 0);
    bits.map(|bit: usize| STATE_NAMES.get(bit).copied().unwrap_or("???")).collect()
}

fn addrvec(addrs: &EntityAddrVec) -> Value {
    let one = |a: &EntityAddr| json!({ "type": text::kind_name(a.kind), "addr": text::socket(a), "nonce": a.nonce });
    json!({ "addrvec": addrs.0.iter().map(one).collect::<Vec<_>>() })
}

fn snap_queues(queues: &BTreeMap<PoolId, SnapSet>) -> Value {
    let range = |(begin, length): (u64, u64)| json!({ "begin": begin, "length": length });
    let pool = |(pool, set): (&PoolId, &SnapSet)| json!({ "pool": pool.0, "snaps": set.ranges().map(range).collect::<Vec<_>>() });
    queues.iter().map(pool).collect()
}

fn blocklist(entries: &BTreeMap<EntityAddr, UTime>) -> Value {
    let entries = codec::sorted_addrs(entries).into_iter();
    let pairs = entries.map(|(_, addr, until)| (text::addr(&addr), json!(text::stamp(until))));
    Value::Object(pairs.collect())
}

/// A fixed-point weight as a fraction.
fn fraction(weight: u32) -> f64 {
    (weight as f32 / WEIGHT_IN as f32) as f64
}

/// Ratios keep their 32-bit value.
fn ratio(value: f32) -> Value {
    text::number(value as f64)
}

impl OsdMap {
    /// Name of a CRUSH node, as `crush_node_flags` shows it.
    fn node_name(&self, id: i32) -> String {
        self.crush.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn class_name(&self, id: i32) -> String {
        self.crush.class_names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn shown_pool_name(&self, id: PoolId) -> &str {
        self.pool_name(id).unwrap_or("<unknown>")
    }

    /// The map as `ceph osd dump -f json` shows it.
    pub fn dump(&self) -> Value {
        let mut out = Map::new();
        self.dump_head(&mut out);
        let pools = self.pools.iter().map(|(id, pool)| {
            let mut fields = Map::new();
            fields.insert("pool".into(), json!(id.0));
            fields.insert("pool_name".into(), json!(self.shown_pool_name(*id)));
            fields.extend(pool.dump());
            Value::Object(fields)
        });
        out.insert("pools".into(), pools.collect());
        out.insert("osds".into(), self.osds().map(|osd| self.dump_osd(osd)).collect());
        out.insert("osd_xinfo".into(), self.osds().map(|osd| self.dump_xinfo(osd)).collect());
        self.dump_overrides(&mut out);
        self.dump_rest(&mut out);
        Value::Object(out)
    }

    fn dump_head(&self, out: &mut Map<String, Value>) {
        let flags = flag_names(self.flags);
        let sorted: BTreeSet<&str> = flags.iter().copied().collect();
        extend(
            out,
            json!({
                "epoch": self.epoch.0,
                "fsid": self.fsid.to_string(),
                "created": text::stamp(self.created),
                "modified": text::stamp(self.modified),
                "last_up_change": text::stamp(self.last_up_change),
                "last_in_change": text::stamp(self.last_in_change),
                "flags": flags.join(","),
                "flags_num": self.flags,
                "flags_set": sorted,
                "crush_version": self.crush_version,
                "full_ratio": ratio(self.full_ratio),
                "backfillfull_ratio": ratio(self.backfillfull_ratio),
                "nearfull_ratio": ratio(self.nearfull_ratio),
                "cluster_snapshot": self.cluster_snapshot,
                "pool_max": self.pool_max,
                "max_osd": self.max_osd(),
                "require_min_compat_client": self.require_min_compat_client.name(),
                "min_compat_client": self.min_compat_client().name(),
                "require_osd_release": self.require_osd_release.name(),
            }),
        );
    }

    /// One entry of `osds`. `osd` is below max_osd.
    pub fn dump_osd(&self, osd: OsdId) -> Value {
        let at = osd.0 as usize;
        let (info, addrs) = (&self.info[at], &self.addrs[at]);
        json!({
            "osd": osd.0,
            "uuid": self.uuid[at].to_string(),
            "up": self.is_up(osd) as u8,
            "in": self.is_in(osd) as u8,
            "weight": text::number(fraction(self.weight[at])),
            "primary_affinity": text::number(fraction(self.affinity_of(osd))),
            "last_clean_begin": info.last_clean_begin.0,
            "last_clean_end": info.last_clean_end.0,
            "up_from": info.up_from.0,
            "up_thru": info.up_thru.0,
            "down_at": info.down_at.0,
            "lost_at": info.lost_at.0,
            "public_addrs": addrvec(&addrs.client),
            "cluster_addrs": addrvec(&addrs.cluster),
            "heartbeat_back_addrs": addrvec(&addrs.heartbeat_back),
            "heartbeat_front_addrs": addrvec(&addrs.heartbeat_front),
            "public_addr": text::legacy_of(&addrs.client),
            "cluster_addr": text::legacy_of(&addrs.cluster),
            "heartbeat_back_addr": text::legacy_of(&addrs.heartbeat_back),
            "heartbeat_front_addr": text::legacy_of(&addrs.heartbeat_front),
            "state": state_names(self.state[at]),
        })
    }

    fn dump_xinfo(&self, osd: OsdId) -> Value {
        let xinfo = &self.xinfo[osd.0 as usize];
        json!({
            "osd": osd.0,
            "down_stamp": text::stamp(xinfo.down_stamp),
            "laggy_probability":
                ratio(xinfo.laggy_probability as f32 / u32::MAX as f32),
            "laggy_interval": xinfo.laggy_interval,
            "features": xinfo.features as i64,
            "old_weight": xinfo.old_weight,
            "last_purged_snaps_scrub": text::stamp(xinfo.last_purged_snaps_scrub),
            "dead_epoch": xinfo.dead_epoch.0,
        })
    }

    fn dump_overrides(&self, out: &mut Map<String, Value>) {
        let pairs = |items: &osd_map::UpmapItems| -> Value {
            items.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect()
        };
        let upmap = self.pg_upmap.iter();
        let items = self.pg_upmap_items.iter();
        let temp = self.pg_temp.iter();
        // Ceph writes these without objects around the pairs.
        let primary = self.primary_temp.iter();
        let primary = primary.flat_map(|(pg, osd)| [json!(pg.to_string()), json!(osd)]);
        extend(
            out,
            json!({
                "pg_upmap": upmap
                    .map(|(pg, osds)| json!({ "pgid": pg.to_string(), "osds": osds }))
                    .collect::<Vec<_>>(),
                "pg_upmap_items": items
                    .map(|(pg, i)| json!({ "pgid": pg.to_string(), "mappings": pairs(i) }))
                    .collect::<Vec<_>>(),
                "pg_temp": temp
                    .map(|(pg, osds)| json!({ "pgid": pg.to_string(), "osds": osds }))
                    .collect::<Vec<_>>(),
                "primary_temp": primary.collect::<Vec<_>>(),
                "blocklist": blocklist(&self.blocklist),
                "range_blocklist": blocklist(&self.range_blocklist),
            }),
        );
    }

    fn dump_rest(&self, out: &mut Map<String, Value>) {
        let nodes = self.crush_node_flags.iter();
        let nodes = nodes.map(|(id, state)| (self.node_name(*id), json!(state_names(*state))));
        let classes = self.device_class_flags.iter();
        let classes = classes.map(|(id, state)| (self.class_name(*id), json!(state_names(*state))));
        let stretch = self.stretch.unwrap_or_default();
        extend(
            out,
            json!({
                "erasure_code_profiles": self.erasure_code_profiles,
                "removed_snaps_queue": snap_queues(&self.removed_snaps_queue),
                "new_removed_snaps": snap_queues(&self.new_removed_snaps),
                "new_purged_snaps": snap_queues(&self.new_purged_snaps),
                "crush_node_flags": nodes.collect::<Map<_, _>>(),
                "device_class_flags": classes.collect::<Map<_, _>>(),
                "stretch_mode": {
                    "stretch_mode_enabled": self.stretch.is_some(),
                    "stretch_bucket_count": stretch.bucket_count,
                    "degraded_stretch_mode": stretch.degraded,
                    "recovering_stretch_mode": stretch.recovering,
                    "stretch_mode_bucket": stretch.bucket,
                },
            }),
        );
    }

    /// The map as the monitor's `osd dump` and `osdmaptool --print` show it.
    pub fn print(&self) -> String {
        let mut out = String::new();
        self.print_head(&mut out);
        self.print_pools(&mut out);
        let _ = writeln!(out, "max_osd {}", self.max_osd());
        for osd in self.osds() {
            self.print_osd(&mut out, osd);
        }
        out.push('\n');
        self.print_overrides(&mut out);
        out
    }

    fn print_head(&self, out: &mut String) {
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(out, "{name} {value}");
        };
        line("epoch", &self.epoch.to_string());
        line("fsid", &self.fsid.to_string());
        line("created", &text::stamp(self.created));
        line("modified", &text::stamp(self.modified));
        line("flags", &flag_names(self.flags).join(","));
        line("crush_version", &self.crush_version.to_string());
        line("full_ratio", &text::general(self.full_ratio as f64));
        line("backfillfull_ratio", &text::general(self.backfillfull_ratio as f64));
        line("nearfull_ratio", &text::general(self.nearfull_ratio as f64));
        if self.require_min_compat_client.0 != 0 {
            line("require_min_compat_client", self.require_min_compat_client.name());
        }
        line("min_compat_client", self.min_compat_client().name());
        if self.require_osd_release.0 != 0 {
            line("require_osd_release", self.require_osd_release.name());
        }
        line("stretch_mode_enabled", if self.stretch.is_some() { "true" } else { "false" });
        if let Some(stretch) = self.stretch {
            line("stretch_bucket_count", &stretch.bucket_count.to_string());
            line("degraded_stretch_mode", &stretch.degraded.to_string());
            line("recovering_stretch_mode", &stretch.recovering.to_string());
            line("stretch_mode_bucket", &stretch.bucket.to_string());
        }
        if !self.cluster_snapshot.is_empty() {
            line("cluster_snapshot", &self.cluster_snapshot);
        }
        out.push('\n');
    }

    fn print_pools(&self, out: &mut String) {
        for (id, pool) in &self.pools {
            let _ = writeln!(out, "pool {id} '{}' {}", self.shown_pool_name(*id), pool.summary());
            for snap in pool.snaps.values() {
                let stamp = text::stamp(snap.stamp);
                let _ = writeln!(out, "\tsnap {:x} '{}' {stamp}", snap.id, snap.name);
            }
            if !pool.removed_snaps.is_empty() {
                let _ = writeln!(out, "\tremoved_snaps {}", text::snaps(&pool.removed_snaps));
            }
            if let Some(queue) = self.removed_snaps_queue.get(id) {
                let _ = writeln!(out, "\tremoved_snaps_queue {}", text::snaps(queue));
            }
        }
        out.push('\n');
    }

    fn print_osd(&self, out: &mut String, osd: OsdId) {
        let at = osd.0 as usize;
        let (info, addrs) = (&self.info[at], &self.addrs[at]);
        let up = if self.is_up(osd) { "up  " } else { "down" };
        let r#in = if self.is_in(osd) { "in " } else { "out" };
        let weight = text::general(fraction(self.weight[at]));
        let _ = write!(out, "osd.{osd} {up} {in} weight {weight}");
        if self.affinity_of(osd) != AFFINITY_DEFAULT {
            let affinity = text::general(fraction(self.affinity_of(osd)));
            let _ = write!(out, " primary_affinity {affinity}");
        }
        let _ = write!(
            out,
            " up_from {} up_thru {} down_at {} last_clean_interval [{},{})",
            info.up_from, info.up_thru, info.down_at, info.last_clean_begin, info.last_clean_end
        );
        if info.lost_at.0 != 0 {
            let _ = write!(out, " lost_at {}", info.lost_at);
        }
        let (client, cluster) = (text::addrs(&addrs.client), text::addrs(&addrs.cluster));
        let state = text::joined(state_names(self.state[at]));
        let _ = write!(out, " {client} {cluster} {state}");
        if self.uuid[at] != Fsid::default() {
            let _ = write!(out, " {}", self.uuid[at]);
        }
        out.push('\n');
    }

    fn print_overrides(&self, out: &mut String) {
        for (pg, osds) in &self.pg_upmap {
            let _ = writeln!(out, "pg_upmap {pg} {}", text::list(osds));
        }
        for (pg, items) in &self.pg_upmap_items {
            let items = text::list(items.iter().map(|(from, to)| format!("{from},{to}")));
            let _ = writeln!(out, "pg_upmap_items {pg} {items}");
        }
        for (pg, osds) in &self.pg_temp {
            let _ = writeln!(out, "pg_temp {pg} {}", text::list(osds));
        }
        for (pg, osd) in &self.primary_temp {
            let _ = writeln!(out, "primary_temp {pg} {osd}");
        }
        for (_, addr, until) in codec::sorted_addrs(&self.blocklist) {
            let _ = writeln!(out, "blocklist {} expires {}", text::addr(&addr), text::stamp(until));
        }
        for (_, addr, until) in codec::sorted_addrs(&self.range_blocklist) {
            let (addr, until) = (text::addr(&addr), text::stamp(until));
            let _ = writeln!(out, "range blocklist {addr} expires {until}");
        }
    }
}

const MON_FEATURE_NAMES: [&str; 8] = [
    "kraken",
    "luminous",
    "mimic",
    "osdmap-prune",
    "nautilus",
    "octopus",
    "pacific",
    "elector-pinging",
];

fn mon_features(bits: u64) -> Vec<&'static str> {
    let set = (0..64).filter(|bit| bits & (1 << bit) != 0);
    set.map(|bit: usize| MON_FEATURE_NAMES.get(bit).copied().unwrap_or("unknown")).collect()
}

fn location(at: &BTreeMap<String, String>) -> String {
    format!("{{{}}}", text::joined(at.iter().map(|(kind, name)| format!("{kind}={name}"))))
}

impl MonMap {
    /// The map as `ceph mon dump -f json` shows it, which adds `quorum`.
    pub fn dump(&self) -> Value {
        let mons = self.ranks.iter().enumerate().filter_map(|(rank, name)| {
            let mon = self.mons.get(name)?;
            Some(json!({
                "rank": rank,
                "name": name,
                "public_addrs": addrvec(&mon.addrs),
                "addr": text::legacy_of(&mon.addrs),
                "public_addr": text::legacy_of(&mon.addrs),
                "priority": mon.priority,
                "weight": mon.weight,
                "crush_location": location(&mon.crush_location),
            }))
        });
        json!({
            "epoch": self.epoch.0,
            "fsid": self.fsid.to_string(),
            "modified": text::stamp_z(self.last_changed),
            "created": text::stamp_z(self.created),
            "min_mon_release": self.min_mon_release.0,
            "min_mon_release_name": self.min_mon_release.name(),
            "election_strategy": self.election_strategy,
            "disallowed_leaders: ": text::joined(&self.disallowed_leaders),
            "stretch_mode": self.stretch_mode,
            "tiebreaker_mon": self.tiebreaker,
            "removed_ranks: ": text::joined(&self.removed_ranks),
            "features": {
                "persistent": mon_features(self.persistent_features),
                "optional": mon_features(self.optional_features),
            },
            "mons": mons.collect::<Vec<_>>(),
        })
    }

    /// The map as the monitor's `mon dump` and `monmaptool --print` show it.
    pub fn print(&self) -> String {
        let mut out = format!(
            "epoch {}\nfsid {}\nlast_changed {}\ncreated {}\nmin_mon_release {} ({})\n\
             election_strategy: {}\n",
            self.epoch,
            self.fsid,
            text::stamp(self.last_changed),
            text::stamp(self.created),
            self.min_mon_release.0,
            self.min_mon_release.name(),
            self.election_strategy,
        );
        if !self.disallowed_leaders.is_empty() {
            let _ = writeln!(out, "disallowed_leaders {}", text::joined(&self.disallowed_leaders));
        }
        let mons = self.ranks.iter().filter_map(|name| self.mons.get(name));
        for (rank, mon) in mons.enumerate() {
            let _ = write!(out, "{rank}: {} mon.{}", text::addrs(&mon.addrs), mon.name);
            if !mon.crush_location.is_empty() {
                let _ = write!(out, "; crush_location {}", location(&mon.crush_location));
            }
            out.push('\n');
        }
        out
    }
}
