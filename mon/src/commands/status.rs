//! The cluster at a glance: `status`, `health`, `df`, `versions`, `features`.

use super::table::{Spec, cmd};
use super::{Args, Cx, Outcome, answer, answer_json};
use crate::health::{self, Check};
use crate::pg_stats::{pg_state, state_name};
use crate::services::Services;
use crate::text::{self, Align, Table};
use maps::OsdMap;
use serde_json::{Map, Value, json};
use types::UTime;

pub const COMMANDS: &[Spec] = &[
    cmd("status", "", "mon", "r", "the cluster at a glance", status),
    cmd(
        "health",
        "detail:Choices,req=false,strings=detail",
        "mon",
        "r",
        "what is wrong with the cluster",
        health,
    ),
    cmd(
        "df",
        "detail:Choices,req=false,strings=detail",
        "mon",
        "r",
        "space of the cluster and of its pools",
        df,
    ),
    cmd("fsid", "", "mon", "r", "uuid of the cluster", fsid),
    cmd("versions", "", "mon", "r", "versions of running daemons", versions),
    cmd("features", "", "mon", "r", "features of connected daemons and clients", features),
    cmd(
        "node ls",
        "type:Choices,req=false,strings=all|osd|mon|mds|mgr",
        "mon",
        "r",
        "hosts and their daemons",
        node_ls,
    ),
    cmd("time-sync-status", "", "mon", "r", "clock skew between monitors", time_sync),
];

/// What daemons of ours are compatible with and call themselves.
pub const VERSION: &str =
    concat!("ceph version 16.2.15 (kermes ", env!("CARGO_PKG_VERSION"), ") pacific (stable)");

fn fsid(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let fsid = cx.services.mon.map.fsid.to_string();
    answer(args, || json!({"fsid": fsid}), || fsid.clone())
}

fn health(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let checks = health::checks(cx.services);
    let detail = args.has("detail");
    answer(args, || health::to_json(&checks, detail), || health::to_plain(&checks, detail))
}

fn since(now: UTime, then: UTime) -> String {
    text::span(now.to_duration().saturating_sub(then.to_duration()))
}

/// Flags of the map that every map has are not worth a word; the others, joined by commas.
pub fn important_flags(map: &OsdMap) -> String {
    let usual = |name: &str| {
        matches!(name, "sortbitwise" | "recovery_deletes" | "purged_snapdirs" | "pglog_hardlimit")
            || name.starts_with("require_")
    };
    let mut names = maps::dump::flag_names(map.flags);
    names.retain(|name| !usual(name));
    names.join(",")
}

/// The `osdmap` object of `status` and `osd stat`.
pub fn osdmap_summary(s: &Services) -> Value {
    let map = s.osd.map();
    json!({
        "epoch": map.epoch.0,
        "num_osds": map.osd_count(),
        "num_up_osds": map.up_osd_count(),
        "osd_up_since": map.last_up_change.sec,
        "num_in_osds": map.in_osd_count(),
        "osd_in_since": map.last_in_change.sec,
        "num_remapped_pgs": map.pg_temp.len(),
    })
}

/// `3 osds: 3 up (since 2m), 3 in (since 2m)`.
pub fn osds_line(map: &OsdMap, now: UTime) -> String {
    let mut line = format!("{} osds: {} up", map.osd_count(), map.up_osd_count());
    if map.last_up_change != UTime::default() {
        line += &format!(" (since {})", since(now, map.last_up_change));
    }
    line += &format!(", {} in", map.in_osd_count());
    if map.last_in_change != UTime::default() {
        line += &format!(" (since {})", since(now, map.last_in_change));
    }
    line
}

fn pgmap(s: &Services) -> Value {
    let map = s.osd.map();
    let states = s.stats.by_state(map);
    let total: usize = states.iter().map(|(_, n)| n).sum();
    let states_json: Vec<Value> = states
        .iter()
        .map(|(state, count)| json!({"state_name": state_name(*state), "count": count}))
        .collect();
    let sum = s.stats.sum(map, None).counts;
    let space = s.stats.space();
    let mut out = Map::new();
    out.insert("pgs_by_state".into(), states_json.into());
    for (key, value) in [
        ("num_pgs", total as u64),
        ("num_pools", map.pools.len() as u64),
        ("num_objects", sum.num_objects.max(0) as u64),
        ("data_bytes", sum.num_bytes.max(0) as u64),
        ("bytes_used", space.used),
        ("bytes_avail", space.available),
        ("bytes_total", space.total),
    ] {
        out.insert(key.into(), value.into());
    }
    let with = |test: &dyn Fn(u64) -> bool| -> usize {
        states.iter().filter(|(state, _)| test(*state)).map(|(_, n)| n).sum()
    };
    let ratio = |n: usize| text::number(n as f64 / total.max(1) as f64);
    let inactive = with(&|state| state != 0 && state & pg_state::ACTIVE == 0);
    let unknown = with(&|state| state == 0);
    if inactive > 0 {
        out.insert("inactive_pgs_ratio".into(), ratio(inactive));
    }
    if unknown > 0 {
        out.insert("unknown_pgs_ratio".into(), ratio(unknown));
    }
    let copies = health::copies(s, map);
    if sum.num_objects_degraded > 0 {
        out.insert("degraded_objects".into(), sum.num_objects_degraded.into());
        out.insert("degraded_total".into(), copies.into());
        let share = sum.num_objects_degraded as f64 / copies.max(1) as f64;
        out.insert("degraded_ratio".into(), text::number(share));
    }
    out.into()
}

fn status_json(s: &Services, checks: &[Check], now: UTime) -> Value {
    let names: Vec<&str> = s.mon.map.ranks.iter().map(String::as_str).collect();
    let ranks: Vec<usize> = (0..names.len()).collect();
    let age = now.to_duration().saturating_sub(s.mon.quorum_since.to_duration()).as_secs();
    json!({
        "fsid": s.mon.map.fsid.to_string(),
        "health": health::to_json(checks, false),
        "election_epoch": s.mon.election_epoch,
        "quorum": ranks,
        "quorum_names": names,
        "quorum_age": age,
        "monmap": {
            "epoch": s.mon.map.epoch.0,
            "min_mon_release_name": s.mon.map.min_mon_release.name(),
            "num_mons": s.mon.map.mons.len(),
        },
        "osdmap": osdmap_summary(s),
        "pgmap": pgmap(s),
        "fsmap": {"epoch": 1, "by_rank": [], "up:standby": 0},
        "mgrmap": {"available": false, "num_standbys": 0, "modules": [], "services": {}},
        "servicemap": {"epoch": 1, "modified": "0.000000", "services": {}},
        "progress_events": {},
    })
}

fn status_plain(s: &Services, checks: &[Check], now: UTime) -> String {
    let map = s.osd.map();
    let mut out = String::from("  cluster:\n");
    out += &format!("    id:     {}\n", s.mon.map.fsid);
    out += &format!("    health: {}\n", health::worst(checks).name());
    for check in checks {
        out += &format!("            {}\n", check.summary);
    }
    out += " \n  services:\n";
    let names = s.mon.map.ranks.join(",");
    let age = since(now, s.mon.quorum_since);
    out += &format!("    mon: {} daemons, quorum {names} (age {age})\n", s.mon.map.mons.len());
    out += "    mgr: no daemons active\n";
    let remapped = map.pg_temp.len();
    let tail = if remapped > 0 { format!("; {remapped} remapped pgs") } else { String::new() };
    out += &format!("    osd: {}{tail}\n", osds_line(map, now));
    let flags = important_flags(map);
    if !flags.is_empty() {
        out += &format!("         flags {flags}\n");
    }
    out += " \n  data:\n";
    out += &data_plain(s);
    out += " \n";
    out
}

fn data_plain(s: &Services) -> String {
    let map = s.osd.map();
    let states = s.stats.by_state(map);
    let total: usize = states.iter().map(|(_, n)| n).sum();
    let sum = s.stats.sum(map, None).counts;
    let space = s.stats.space();
    let mut out = format!("    pools:   {} pools, {total} pgs\n", map.pools.len());
    let objects = text::count(sum.num_objects.max(0) as u64);
    out +=
        &format!("    objects: {objects} objects, {}\n", text::bytes(sum.num_bytes.max(0) as u64));
    out += &format!(
        "    usage:   {} used, {} / {} avail\n",
        text::bytes(space.used),
        text::bytes(space.available),
        text::bytes(space.total)
    );
    let mut lines = Vec::new();
    let percent = |n: usize| format!("{:.3}%", 100.0 * n as f64 / total.max(1) as f64);
    let unknown: usize = states.iter().filter(|(st, _)| *st == 0).map(|(_, n)| n).sum();
    let inactive: usize = states
        .iter()
        .filter(|(st, _)| *st != 0 && st & pg_state::ACTIVE == 0)
        .map(|(_, n)| n)
        .sum();
    if unknown > 0 {
        lines.push(format!("{} pgs unknown", percent(unknown)));
    }
    if inactive > 0 {
        lines.push(format!("{} pgs not active", percent(inactive)));
    }
    if sum.num_objects_degraded > 0 {
        let copies = health::copies(s, map);
        let share = 100.0 * sum.num_objects_degraded as f64 / copies.max(1) as f64;
        lines.push(format!("{}/{copies} objects degraded ({share:.3}%)", sum.num_objects_degraded));
    }
    let width = states.iter().map(|(_, n)| n.to_string().len()).max().unwrap_or(0);
    let single = states.len() == 1 && lines.is_empty();
    lines.extend(states.iter().map(|(state, n)| {
        let name = state_name(*state);
        if single { format!("{n} {name}") } else { format!("{n:<width$} {name}") }
    }));
    if lines.is_empty() {
        lines.push(String::new());
    }
    for (i, line) in lines.iter().enumerate() {
        out += if i == 0 { "    pgs:     " } else { "             " };
        out += line;
        out.push('\n');
    }
    out
}

fn status(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let checks = health::checks(cx.services);
    let now = cx.now.wall;
    answer(
        args,
        || status_json(cx.services, &checks, now),
        || status_plain(cx.services, &checks, now),
    )
}

struct PoolSpace {
    name: String,
    id: i64,
    pgs: u32,
    stored: u64,
    objects: u64,
    used: u64,
    max_avail: u64,
    quota_objects: u64,
    quota_bytes: u64,
    dirty: u64,
}

impl PoolSpace {
    fn ratio(&self, size: f64) -> f64 {
        let all = self.used as f64 + self.max_avail as f64 * size;
        if all > 0.0 { self.used as f64 / all } else { 0.0 }
    }
}

fn pool_spaces(s: &Services) -> Vec<(PoolSpace, f64)> {
    let map = s.osd.map();
    map.pools
        .iter()
        .map(|(id, pool)| {
            let sum = s.stats.sum(map, Some(*id));
            let space = PoolSpace {
                name: map.pool_name(*id).unwrap_or_default().to_owned(),
                id: id.0,
                pgs: pool.pg_num,
                stored: sum.counts.num_bytes.max(0) as u64
                    + sum.counts.num_omap_bytes.max(0) as u64,
                objects: sum.counts.num_objects.max(0) as u64,
                used: sum.raw(),
                max_avail: health::pool_available(s, *id),
                quota_objects: pool.quota_max_objects,
                quota_bytes: pool.quota_max_bytes,
                dirty: sum.counts.num_objects_dirty.max(0) as u64,
            };
            (space, pool.size as f64)
        })
        .collect()
}

fn df(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let detail = args.has("detail");
    answer(args, || df_json(s, detail), || df_plain(s, detail))
}

fn class_space(s: &Services) -> Vec<(String, crate::pg_stats::OsdStat)> {
    let crush = s.osd.crush();
    let mut out = std::collections::BTreeMap::<String, crate::pg_stats::OsdStat>::new();
    for (osd, stat) in &s.stats.osds {
        let Some(class) = crush.device_class(*osd as i32) else { continue };
        let sum = out.entry(class.to_owned()).or_default();
        sum.total += stat.total;
        sum.used += stat.used;
        sum.available += stat.available;
    }
    out.into_iter().collect()
}

fn df_json(s: &Services, detail: bool) -> Value {
    let space = s.stats.space();
    let osds = s.stats.osds.len();
    let classes: Map<String, Value> = class_space(s)
        .into_iter()
        .map(|(name, sum)| {
            let value = json!({
                "total_bytes": sum.total, "total_avail_bytes": sum.available,
                "total_used_bytes": sum.used, "total_used_raw_bytes": sum.used,
                "total_used_raw_ratio": text::number(sum.ratio()),
            });
            (name, value)
        })
        .collect();
    let pools: Vec<Value> = pool_spaces(s)
        .into_iter()
        .map(|(p, size)| {
            let percent = text::number(p.ratio(size));
            let stats = if detail {
                json!({
                    "stored": p.stored, "stored_data": p.stored, "stored_omap": 0,
                    "objects": p.objects, "kb_used": p.used.div_ceil(1024),
                    "bytes_used": p.used, "data_bytes_used": p.used, "omap_bytes_used": 0,
                    "percent_used": percent, "max_avail": p.max_avail,
                    "quota_objects": p.quota_objects, "quota_bytes": p.quota_bytes,
                    "dirty": p.dirty, "rd": 0, "rd_bytes": 0, "wr": 0, "wr_bytes": 0,
                    "compress_bytes_used": 0, "compress_under_bytes": 0,
                    "stored_raw": p.stored * size as u64, "avail_raw": p.max_avail * size as u64,
                })
            } else {
                json!({
                    "stored": p.stored, "objects": p.objects, "kb_used": p.used.div_ceil(1024),
                    "bytes_used": p.used, "percent_used": percent, "max_avail": p.max_avail,
                })
            };
            json!({"name": p.name, "id": p.id, "stats": stats})
        })
        .collect();
    json!({
        "stats": {
            "total_bytes": space.total,
            "total_avail_bytes": space.available,
            "total_used_bytes": space.used,
            "total_used_raw_bytes": space.used,
            "total_used_raw_ratio": text::number(space.ratio()),
            "num_osds": osds,
            "num_per_pool_osds": osds,
            "num_per_pool_omap_osds": osds,
        },
        "stats_by_class": classes,
        "pools": pools,
    })
}

fn df_plain(s: &Services, detail: bool) -> String {
    use Align::{Left, Right};
    let space = s.stats.space();
    let mut table = Table::default().column("CLASS", Left, Left);
    for heading in ["SIZE", "AVAIL", "USED", "RAW USED", "%RAW USED"] {
        table = table.column(heading, Right, Right);
    }
    let mut rows = class_space(s);
    rows.push(("TOTAL".into(), space));
    for (name, sum) in rows {
        let percent = format!("{:.2}", 100.0 * sum.ratio());
        let percent = if sum.used == 0 { "0".into() } else { percent };
        let [total, avail, used] = [sum.total, sum.available, sum.used].map(text::bytes);
        table.row([name, total, avail, used.clone(), used, percent]);
    }
    let mut out = format!("--- RAW STORAGE ---\n{} \n--- POOLS ---\n", table.render());
    let mut table = Table::default().column("POOL", Left, Left);
    let mut headings = vec!["ID", "PGS", "STORED"];
    if detail {
        headings.extend(["(DATA)", "(OMAP)"]);
    }
    headings.extend(["OBJECTS", "USED"]);
    if detail {
        headings.extend(["(DATA)", "(OMAP)"]);
    }
    headings.extend(["%USED", "MAX AVAIL"]);
    if detail {
        headings.extend(["QUOTA OBJECTS", "QUOTA BYTES", "DIRTY", "USED COMPR", "UNDER COMPR"]);
    }
    for heading in headings {
        table = table.column(heading, Right, Right);
    }
    for (p, size) in pool_spaces(s) {
        let ratio = p.ratio(size);
        let percent = if ratio == 0.0 { "0".into() } else { format!("{:.2}", 100.0 * ratio) };
        let mut row =
            vec![p.name.clone(), p.id.to_string(), p.pgs.to_string(), text::bytes(p.stored)];
        let zero = text::bytes(0);
        if detail {
            row.extend([text::bytes(p.stored), zero.clone()]);
        }
        row.extend([text::count(p.objects), text::bytes(p.used)]);
        if detail {
            row.extend([text::bytes(p.used), zero.clone()]);
        }
        row.extend([percent, text::bytes(p.max_avail)]);
        if detail {
            let limit = |n: u64, text: String| if n == 0 { "N/A".to_owned() } else { text };
            row.push(limit(p.quota_objects, text::count(p.quota_objects)));
            row.push(limit(p.quota_bytes, text::bytes(p.quota_bytes)));
            row.extend(["N/A".to_owned(), zero.clone(), zero]);
        }
        table.row(row);
    }
    out += &table.render();
    out
}

fn count_version(out: &mut Map<String, Value>, version: &str, n: u64) {
    let before = out.get(version).and_then(Value::as_u64).unwrap_or(0);
    out.insert(version.to_owned(), (before + n).into());
}

/// Version -> number of OSDs that are up and said so.
pub fn osd_versions(s: &Services) -> Map<String, Value> {
    let mut out = Map::new();
    let map = s.osd.map();
    for osd in map.osds().filter(|o| map.is_up(*o)) {
        let said = s.osd.metadata(osd.0).and_then(|m| m["ceph_version"].as_str());
        count_version(&mut out, said.filter(|v| !v.is_empty()).unwrap_or(VERSION), 1);
    }
    out
}

pub fn mon_versions(s: &Services) -> Map<String, Value> {
    let mut out = Map::new();
    count_version(&mut out, VERSION, s.mon.map.mons.len() as u64);
    out
}

fn versions(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (mon, osd) = (mon_versions(cx.services), osd_versions(cx.services));
    let mut overall = Map::new();
    for (version, n) in mon.iter().chain(&osd) {
        count_version(&mut overall, version, n.as_u64().unwrap_or(0));
    }
    answer_json(args, json!({"mon": mon, "mgr": {}, "osd": osd, "mds": {}, "overall": overall}))
}

fn features(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let entry = |features: u64, n: u32| json!({"features": format!("{features:#x}"), "release": "luminous", "num": n});
    let mut out = Map::new();
    let own = cx.services.mon.map.mons.len() as u32;
    out.insert("mon".into(), vec![entry(types::features::PACIFIC, own)].into());
    for kind in ["mds", "osd", "client", "mgr"] {
        let counts = cx.services.mon.sessions.get(kind).into_iter().flatten();
        let list: Vec<Value> = counts.map(|(f, n)| entry(*f, *n)).collect();
        if !list.is_empty() {
            out.insert(kind.into(), list.into());
        }
    }
    answer_json(args, out.into())
}

fn node_ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let mut osds = Map::new();
    for osd in s.osd.map().osds() {
        let Some(host) = s.osd.metadata(osd.0).and_then(|m| m["hostname"].as_str()) else {
            continue;
        };
        let list = osds.entry(host.to_owned()).or_insert_with(|| json!([]));
        list.as_array_mut().expect("made as a list").push(osd.0.into());
    }
    let mut mons = Map::new();
    for info in s.mon.map.mons.values() {
        // Of other monitors only the address is known.
        let address = || info.addrs.0.first().and_then(|a| a.sock).map(|s| s.ip().to_string());
        let host = match &s.mon.hostname {
            own if info.name == s.mon.name && !own.is_empty() => own.clone(),
            _ => address().unwrap_or_default(),
        };
        let list = mons.entry(host).or_insert_with(|| json!([]));
        list.as_array_mut().expect("made as a list").push(info.name.clone().into());
    }
    let value = match args.text("type").as_deref() {
        Some("osd") => Value::Object(osds),
        Some("mon") => Value::Object(mons),
        Some("mds" | "mgr") => json!({}),
        _ => json!({"mon": mons, "osd": osds, "mgr": {}}),
    };
    answer_json(args, value)
}

fn time_sync(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let epoch = cx.services.mon.election_epoch;
    answer_json(
        args,
        json!({"timechecks": {"epoch": epoch, "round": 0, "round_status": "finished"}}),
    )
}
