//! Health checks (Ceph doc/rados/operations/health-checks.rst), computed from the committed map and
//! the reports of OSDs when somebody asks; and the full flags, which the monitor keeps in the map.

use crate::pg_stats::{OsdStat, SlowOps, pg_state, state_name};
use crate::services::Services;
use maps::{OsdMap, map_flags, osd_state, pool_flags};
use serde_json::{Map, Value, json};
use types::{OsdId, PoolId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Ok,
    Warn,
    Err,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "HEALTH_OK",
            Self::Warn => "HEALTH_WARN",
            Self::Err => "HEALTH_ERR",
        }
    }
    fn short(self) -> &'static str {
        match self {
            Self::Err => "ERR",
            _ => "WRN",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub code: &'static str,
    pub severity: Severity,
    pub summary: String,
    pub count: u64,
    pub detail: Vec<String>,
}

/// Every check that fails, by code.
pub fn checks(s: &Services) -> Vec<Check> {
    let mut out = Vec::new();
    let map = s.osd.map();
    flags(map, &mut out);
    osds(s, map, &mut out);
    slow_ops(s, map, &mut out);
    fullness(s, map, &mut out);
    pgs(s, map, &mut out);
    pools(s, map, &mut out);
    out.sort_by_key(|c| c.code);
    out
}

pub fn worst(checks: &[Check]) -> Severity {
    checks.iter().map(|c| c.severity).max().unwrap_or(Severity::Ok)
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn push(
    out: &mut Vec<Check>,
    code: &'static str,
    severity: Severity,
    summary: String,
    detail: Vec<String>,
) {
    let count = detail.len() as u64;
    out.push(Check { code, severity, summary, count, detail });
}

/// Flags that an operator sets and may forget.
const WARN_FLAGS: [(u32, &str); 13] = [
    (map_flags::FULL, "full"),
    (map_flags::PAUSERD, "pauserd"),
    (map_flags::PAUSEWR, "pausewr"),
    (map_flags::PAUSEREC, "pauserec"),
    (map_flags::NOUP, "noup"),
    (map_flags::NODOWN, "nodown"),
    (map_flags::NOIN, "noin"),
    (map_flags::NOOUT, "noout"),
    (map_flags::NOBACKFILL, "nobackfill"),
    (map_flags::NORECOVER, "norecover"),
    (map_flags::NOSCRUB, "noscrub"),
    (map_flags::NODEEP_SCRUB, "nodeep-scrub"),
    (map_flags::NOREBALANCE, "norebalance"),
];

/// Names of the flags above that are set, joined by commas.
pub fn warn_flags(map: &OsdMap) -> String {
    let set = WARN_FLAGS.iter().filter(|(bit, _)| map.has_flag(*bit)).map(|(_, name)| *name);
    set.collect::<Vec<_>>().join(",")
}

fn flags(map: &OsdMap, out: &mut Vec<Check>) {
    let set = warn_flags(map);
    if !set.is_empty() {
        let count = set.split(',').count() as u64;
        let summary = format!("{set} flag(s) set");
        out.push(Check {
            code: "OSDMAP_FLAGS",
            severity: Severity::Warn,
            summary,
            count,
            detail: vec![],
        });
    }
}

fn osds(s: &Services, map: &OsdMap, out: &mut Vec<Check>) {
    let wanted = s.config.number("osd_pool_default_size");
    let have = map.osd_count() as u64;
    if have < wanted {
        let summary = format!("OSD count {have} < osd_pool_default_size {wanted}");
        out.push(Check {
            code: "TOO_FEW_OSDS",
            severity: Severity::Warn,
            summary,
            count: wanted - have,
            detail: vec![],
        });
    }
    let nowhere = crate::placement::nowhere(map, s.osd.crush());
    if !nowhere.is_empty() {
        let line = |o: &OsdId| format!("osd.{o} is up and in no place of the CRUSH hierarchy");
        let summary = plural(nowhere.len() as u64, "osd has no place", "osds have no place");
        let detail = nowhere.iter().map(line).collect();
        push(out, "OSD_NOWHERE", Severity::Warn, format!("{summary} in CRUSH"), detail);
    }
    let down: Vec<OsdId> = map
        .osds()
        .filter(|o| map.is_in(*o) && !map.is_up(*o))
        .filter(|o| map.state[o.0 as usize] & osd_state::NEW == 0)
        .collect();
    if down.is_empty() {
        return;
    }
    let crush = s.osd.crush();
    let detail = down
        .iter()
        .map(|o| {
            let place = crate::placement::location(crush, o.0 as i32);
            let place: Vec<String> = place.iter().map(|(t, n)| format!("{t}={n}")).collect();
            format!("osd.{o} ({}) is down", place.join(","))
        })
        .collect();
    push(
        out,
        "OSD_DOWN",
        Severity::Warn,
        plural(down.len() as u64, "osds down", "osds down"),
        detail,
    );
    for (code, type_name) in [("OSD_HOST_DOWN", "host"), ("OSD_ROOT_DOWN", "root")] {
        let mut detail = Vec::new();
        for (name, members) in crate::placement::subtrees(crush, type_name) {
            let members: Vec<OsdId> =
                members.into_iter().filter(|o| map.exists(*o) && map.is_in(*o)).collect();
            if !members.is_empty() && members.iter().all(|o| down.contains(o)) {
                detail.push(format!("{type_name} {name} ({} osds) is down", members.len()));
            }
        }
        if !detail.is_empty() {
            let n = detail.len() as u64;
            let what = format!("{type_name}{}", if n == 1 { "" } else { "s" });
            let summary = format!("{n} {what} ({} osds) down", down.len());
            push(out, code, Severity::Warn, summary, detail);
        }
    }
}

/// OSDs that the summary of slow operations names.
const SLOW_OSDS_MAX: usize = 10;

/// As Ceph's monitor says it. What an OSD that is down said last is of no interest.
fn slow_ops(s: &Services, map: &OsdMap, out: &mut Vec<Check>) {
    let slow = |(osd, stat): (&u32, &OsdStat)| {
        (stat.slow.count > 0 && map.is_up(OsdId(*osd))).then_some((*osd, stat.slow))
    };
    let by_osd: Vec<(u32, SlowOps)> = s.stats.osds.iter().filter_map(slow).collect();
    if by_osd.is_empty() {
        return;
    }
    let mut sum = SlowOps::default();
    by_osd.iter().for_each(|(_, slow)| sum.merge(*slow));
    let names: Vec<String> = by_osd.iter().map(|(osd, _)| format!("osd.{osd}")).collect();
    let who = match &names[..] {
        [one] => format!("{one} has slow ops"),
        many if many.len() > SLOW_OSDS_MAX => {
            format!("daemons [{}]... have slow ops.", many[..SLOW_OSDS_MAX].join(","))
        }
        many => format!("daemons [{}] have slow ops.", many.join(",")),
    };
    let oldest = sum.oldest.as_secs();
    let summary = format!("{} slow ops, oldest one blocked for {oldest} sec, {who}", sum.count);
    out.push(Check {
        code: "SLOW_OPS",
        severity: Severity::Warn,
        summary,
        count: sum.count as u64,
        detail: vec![],
    });
}

fn fullness(s: &Services, map: &OsdMap, out: &mut Vec<Check>) {
    for (bit, code, word, severity) in [
        (osd_state::FULL, "OSD_FULL", "full", Severity::Err),
        (osd_state::BACKFILLFULL, "OSD_BACKFILLFULL", "backfillfull", Severity::Warn),
        (osd_state::NEARFULL, "OSD_NEARFULL", "nearfull", Severity::Warn),
    ] {
        let detail: Vec<String> = map
            .osds()
            .filter(|o| map.state[o.0 as usize] & bit != 0)
            .map(|o| match word {
                "nearfull" => format!("osd.{o} is near full"),
                "backfillfull" => format!("osd.{o} is backfill full"),
                _ => format!("osd.{o} is full"),
            })
            .collect();
        if !detail.is_empty() {
            let summary = format!("{} {word} osd(s)", detail.len());
            push(out, code, severity, summary, detail);
        }
    }
    let _ = s;
    for (bit, code, word, severity) in [
        (pool_flags::FULL, "POOL_FULL", "full", Severity::Err),
        (pool_flags::BACKFILLFULL, "POOL_BACKFILLFULL", "backfillfull", Severity::Warn),
        (pool_flags::NEARFULL, "POOL_NEARFULL", "nearfull", Severity::Warn),
    ] {
        let detail: Vec<String> = map
            .pools
            .iter()
            .filter(|(_, p)| p.has_flag(bit))
            .map(|(id, p)| {
                let why = if p.has_flag(pool_flags::FULL_QUOTA) {
                    "running out of quota"
                } else {
                    "no space"
                };
                let name = map.pool_name(*id).unwrap_or_default();
                if word == "full" {
                    format!("pool '{name}' is full ({why})")
                } else {
                    format!("pool '{name}' is {word}")
                }
            })
            .collect();
        if !detail.is_empty() {
            let summary = format!("{} pool(s) {word}", detail.len());
            push(out, code, severity, summary, detail);
        }
    }
}

/// Lines of detail per check about PGs.
const PG_DETAIL_MAX: usize = 50;

fn pgs(s: &Services, map: &OsdMap, out: &mut Vec<Check>) {
    let mut inactive = 0u64;
    let mut words = std::collections::BTreeMap::<&str, u64>::new();
    let mut availability = Vec::new();
    let mut degraded = Vec::new();
    let mut degraded_words = std::collections::BTreeMap::<&str, u64>::new();
    let mut damaged = Vec::new();
    for (pg, stat) in s.stats.all(map) {
        let (state, acting) = stat.map_or((0, String::new()), |s| (s.state, set_text(&s.acting)));
        let name = state_name(state);
        let mut bad = state & pg_state::ACTIVE == 0;
        if bad {
            inactive += 1;
        }
        for (bit, word) in [
            (pg_state::DOWN, "down"),
            (pg_state::INCOMPLETE, "incomplete"),
            (pg_state::PEERING, "peering"),
            (pg_state::STALE, "stale"),
        ] {
            if state & bit != 0 {
                *words.entry(word).or_default() += 1;
                bad = true;
            }
        }
        if bad && availability.len() < PG_DETAIL_MAX {
            availability.push(format!("pg {pg} is {name}, acting [{acting}]"));
        }
        for (bit, word) in [(pg_state::DEGRADED, "degraded"), (pg_state::UNDERSIZED, "undersized")]
        {
            if state & bit != 0 {
                *degraded_words.entry(word).or_default() += 1;
            }
        }
        let lacks = state & (pg_state::DEGRADED | pg_state::UNDERSIZED) != 0;
        if lacks && degraded.len() < PG_DETAIL_MAX {
            degraded.push(format!("pg {pg} is {name}, acting [{acting}]"));
        }
        if state & pg_state::INCONSISTENT != 0 && damaged.len() < PG_DETAIL_MAX {
            damaged.push(format!("pg {pg} is {name}, acting [{acting}]"));
        }
    }
    // A pool that was made a moment ago is not worth a warning; its PGs report within seconds.
    let young = |pool: PoolId| {
        map.pools.get(&pool).is_some_and(|p| {
            s.stats.stamp.to_duration().saturating_sub(p.create_time.to_duration()).as_secs() < 5
        })
    };
    let old_inactive = s
        .stats
        .all(map)
        .any(|(pg, stat)| stat.is_none_or(|s| s.state & pg_state::ACTIVE == 0) && !young(pg.pool));
    if (inactive > 0 && old_inactive) || words.contains_key("stale") {
        let mut parts = Vec::new();
        if inactive > 0 {
            parts.push(plural(inactive, "pg inactive", "pgs inactive"));
        }
        for (word, n) in &words {
            parts.push(format!("{n} pg{} {word}", if *n == 1 { "" } else { "s" }));
        }
        let summary = format!("Reduced data availability: {}", parts.join(", "));
        push(out, "PG_AVAILABILITY", Severity::Warn, summary, availability);
    }
    let sum = s.stats.sum(map, None).counts;
    if !degraded_words.is_empty() || sum.num_objects_degraded > 0 {
        let mut parts = Vec::new();
        if sum.num_objects_degraded > 0 {
            let copies = copies(s, map);
            let percent = 100.0 * sum.num_objects_degraded as f64 / copies.max(1) as f64;
            parts.push(format!(
                "{}/{copies} objects degraded ({percent:.3}%)",
                sum.num_objects_degraded
            ));
        }
        for (word, n) in &degraded_words {
            parts.push(format!("{n} pg{} {word}", if *n == 1 { "" } else { "s" }));
        }
        let summary = format!("Degraded data redundancy: {}", parts.join(", "));
        push(out, "PG_DEGRADED", Severity::Warn, summary, degraded);
    }
    if sum.num_objects_unfound > 0 {
        let total = sum.num_objects.max(1);
        let percent = 100.0 * sum.num_objects_unfound as f64 / total as f64;
        let summary =
            format!("{}/{total} objects unfound ({percent:.3}%)", sum.num_objects_unfound);
        push(out, "OBJECT_UNFOUND", Severity::Warn, summary, Vec::new());
    }
    if !damaged.is_empty() || sum.num_scrub_errors > 0 {
        let n = damaged.len() as u64;
        let summary =
            format!("Possible data damage: {}", plural(n, "pg inconsistent", "pgs inconsistent"));
        push(out, "PG_DAMAGED", Severity::Err, summary, damaged);
    }
}

/// Instances of objects that there should be.
pub fn copies(s: &Services, map: &OsdMap) -> u64 {
    map.pools
        .iter()
        .map(|(id, p)| s.stats.sum(map, Some(*id)).counts.num_objects.max(0) as u64 * p.size as u64)
        .sum()
}

pub fn set_text(osds: &[OsdId]) -> String {
    osds.iter().map(|o| o.0.to_string()).collect::<Vec<_>>().join(",")
}

fn pools(s: &Services, map: &OsdMap, out: &mut Vec<Check>) {
    let name = |id: &PoolId| map.pool_name(*id).unwrap_or_default().to_owned();
    if s.config.flag("mon_warn_on_pool_no_redundancy") {
        let detail: Vec<String> = map
            .pools
            .iter()
            .filter(|(_, p)| p.is_replicated() && p.size == 1)
            .map(|(id, _)| format!("pool '{}' has no replicas configured", name(id)))
            .collect();
        if !detail.is_empty() {
            let summary = format!("{} pool(s) have no replicas configured", detail.len());
            push(out, "POOL_NO_REDUNDANCY", Severity::Warn, summary, detail);
        }
    }
    if s.config.flag("mon_warn_on_pool_no_app") {
        let mut detail: Vec<String> = map
            .pools
            .iter()
            .filter(|(id, p)| {
                p.applications.is_empty() && s.stats.sum(map, Some(**id)).counts.num_objects > 0
            })
            .map(|(id, _)| format!("application not enabled on pool '{}'", name(id)))
            .collect();
        if !detail.is_empty() {
            let summary = format!("{} pool(s) do not have an application enabled", detail.len());
            let count = detail.len() as u64;
            detail.push("use 'ceph osd pool application enable <pool-name> <app-name>', where <app-name> is 'cephfs', 'rbd', 'rgw', or freeform for custom applications.".into());
            out.push(Check {
                code: "POOL_APP_NOT_ENABLED",
                severity: Severity::Warn,
                summary,
                count,
                detail,
            });
        }
    }
}

/// Keeps FULL, BACKFILLFULL and NEARFULL of OSDs and pools as the reports say.
pub fn set_full_states(s: &mut Services) {
    let map = s.osd.map().clone();
    let mask = osd_state::FULL | osd_state::BACKFILLFULL | osd_state::NEARFULL;
    for osd in map.osds().filter(|o| map.is_up(*o)) {
        let Some(stat) = s.stats.osds.get(&osd.0) else { continue };
        let ratio = stat.ratio() as f32;
        let bits = if ratio >= map.full_ratio {
            osd_state::FULL
        } else if ratio >= map.backfillfull_ratio {
            osd_state::BACKFILLFULL
        } else if ratio >= map.nearfull_ratio {
            osd_state::NEARFULL
        } else {
            0
        };
        if map.state[osd.0 as usize] & mask != bits {
            let state = &mut s.osd.edit().state[osd.0 as usize];
            *state = *state & !mask | bits;
        }
    }
    let view = s.osd.view();
    let any = |bit| view.osds().any(|o| view.state[o.0 as usize] & bit != 0);
    let by_osds = if any(osd_state::FULL) {
        pool_flags::FULL
    } else if any(osd_state::BACKFILLFULL) {
        pool_flags::BACKFILLFULL
    } else if any(osd_state::NEARFULL) {
        pool_flags::NEARFULL
    } else {
        0
    };
    let mask =
        pool_flags::FULL | pool_flags::BACKFILLFULL | pool_flags::NEARFULL | pool_flags::FULL_QUOTA;
    for (id, pool) in &map.pools {
        let sum = s.stats.sum(&map, Some(*id)).counts;
        let over = |limit: u64, used: i64| limit > 0 && used.max(0) as u64 >= limit;
        let quota = over(pool.quota_max_bytes, sum.num_bytes)
            || over(pool.quota_max_objects, sum.num_objects);
        let bits = if quota { pool_flags::FULL | pool_flags::FULL_QUOTA } else { by_osds };
        // A pool that is gone by an edit of the same turn stays gone.
        if pool.flags & mask != bits
            && s.osd.view().pools.contains_key(id)
            && let Some(pool) = s.osd.edit().pools.get_mut(id)
        {
            pool.flags = pool.flags & !mask | bits;
        }
    }
}

/// Bytes that a pool can still take before an OSD under its rule is full.
pub fn pool_available(s: &Services, pool: PoolId) -> u64 {
    let map = s.osd.map();
    let Some(settings) = map.pool(pool) else { return 0 };
    let weights = crate::placement::rule_weights(s.osd.crush(), settings.crush_rule as u32, |o| {
        if map.is_in(o) { map.weight_of(o) } else { 0 }
    });
    let total: f64 = weights.values().sum();
    if total <= 0.0 {
        return 0;
    }
    let full_ratio = map.full_ratio as f64;
    let least = weights
        .iter()
        .filter(|(_, w)| **w > 0.0)
        .map(|(osd, w)| {
            let Some(stat) = s.stats.osds.get(&osd.0) else { return 0.0 };
            let reserve = stat.total as f64 * (1.0 - full_ratio);
            (stat.available as f64 - reserve).max(0.0) * total / w
        })
        .fold(f64::INFINITY, f64::min);
    if least.is_finite() { (least / settings.size.max(1) as f64) as u64 } else { 0 }
}

/// The `health` object of `ceph health` and `ceph status`.
pub fn to_json(checks: &[Check], detail: bool) -> Value {
    let mut out = Map::new();
    for check in checks {
        let mut entry = Map::new();
        entry.insert("severity".into(), check.severity.name().into());
        entry.insert("summary".into(), json!({"message": check.summary, "count": check.count}));
        if detail {
            let lines = check.detail.iter().map(|m| json!({"message": m})).collect::<Vec<_>>();
            entry.insert("detail".into(), lines.into());
        }
        entry.insert("muted".into(), false.into());
        out.insert(check.code.into(), entry.into());
    }
    json!({"status": worst(checks).name(), "checks": out, "mutes": []})
}

/// `ceph health [detail]`.
pub fn to_plain(checks: &[Check], detail: bool) -> String {
    let status = worst(checks).name();
    if checks.is_empty() {
        return status.into();
    }
    let all: Vec<&str> = checks.iter().map(|c| c.summary.as_str()).collect();
    let mut out = format!("{status} {}", all.join("; "));
    if detail {
        for check in checks {
            out.push_str(&format!(
                "\n[{}] {}: {}",
                check.severity.short(),
                check.code,
                check.summary
            ));
            for line in &check.detail {
                out.push_str(&format!("\n    {line}"));
            }
        }
    }
    out
}
