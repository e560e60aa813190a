//! Placement groups: `pg stat|dump|map|ls`.

use super::osd::parse_pg;
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, answer};
use crate::pg_stats::{PgStat, state_name};
use crate::services::Services;
use crate::text::{Align, Table, bytes, stamp};
use maps::text::list;
use messenger::messages::ObjectStatSum;
use serde_json::{Value, json};
use std::time::Duration;
use types::{OsdId, PgId, PoolId, UTime};

pub const COMMANDS: &[Spec] = &[
    cmd("pg stat", "", "pg", "r", "PGs in one line", stat),
    cmd(
        "pg dump",
        "dumpcontents:Choices,n=N,req=false,strings=all|summary|sum|delta|pools|osds|pgs|pgs_brief",
        "pg",
        "r",
        "state of all PGs",
        dump,
    ),
    cmd("pg map", "pgid:Pgid", "pg", "r", "where a PG is", map),
    cmd("pg ls", "pool:Int,req=false states:String,n=N,req=false", "pg", "r", "PGs", ls),
    cmd(
        "pg ls-by-pool",
        "poolstr:String states:String,n=N,req=false",
        "pg",
        "r",
        "PGs of a pool",
        ls_by_pool,
    ),
];

fn stat(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let map = s.osd.map();
    let states = s.stats.by_state(map);
    let total: usize = states.iter().map(|(_, n)| n).sum();
    let space = s.stats.space();
    let data = s.stats.sum(map, None).counts.num_bytes.max(0) as u64;
    let json = || {
        let list: Vec<Value> =
            states.iter().map(|(st, n)| json!({"name": state_name(*st), "num": n})).collect();
        json!({"pg_ready": true, "pg_summary": {
            "num_pg_by_state": list, "num_pgs": total, "num_bytes": data,
            "total_bytes": space.total, "total_avail_bytes": space.available,
            "total_used_bytes": space.used, "total_used_raw_bytes": space.used,
        }})
    };
    let plain = || {
        let list: Vec<String> =
            states.iter().map(|(st, n)| format!("{n} {}", state_name(*st))).collect();
        format!(
            "{total} pgs: {}; {} data, {} used, {} / {} avail",
            list.join(", "),
            bytes(data),
            bytes(space.used),
            bytes(space.available),
            bytes(space.total)
        )
    };
    answer(args, json, plain)
}

/// Adds the keys of one object to another; long literals are beyond what the macro expands.
fn append(head: &mut Value, tail: Value) {
    if let (Value::Object(head), Value::Object(tail)) = (head, tail) {
        head.extend(tail);
    }
}

fn sum_json(s: &ObjectStatSum) -> Value {
    let mut head = json!({
        "num_bytes": s.num_bytes, "num_objects": s.num_objects,
        "num_object_clones": s.num_object_clones, "num_object_copies": s.num_object_copies,
        "num_objects_missing_on_primary": s.num_objects_missing_on_primary,
        "num_objects_missing": s.num_objects_missing,
        "num_objects_degraded": s.num_objects_degraded,
        "num_objects_misplaced": s.num_objects_misplaced,
        "num_objects_unfound": s.num_objects_unfound, "num_objects_dirty": s.num_objects_dirty,
        "num_whiteouts": s.num_whiteouts, "num_read": s.num_rd, "num_read_kb": s.num_rd_kb,
        "num_write": s.num_wr, "num_write_kb": s.num_wr_kb, "num_scrub_errors": s.num_scrub_errors,
        "num_shallow_scrub_errors": s.num_shallow_scrub_errors,
        "num_deep_scrub_errors": s.num_deep_scrub_errors,
    });
    let tail = json!({
        "num_objects_recovered": s.num_objects_recovered,
        "num_bytes_recovered": s.num_bytes_recovered, "num_keys_recovered": s.num_keys_recovered,
        "num_objects_omap": s.num_objects_omap,
        "num_objects_hit_set_archive": s.num_objects_hit_set_archive,
        "num_bytes_hit_set_archive": s.num_bytes_hit_set_archive, "num_flush": s.num_flush,
        "num_flush_kb": s.num_flush_kb, "num_evict": s.num_evict, "num_evict_kb": s.num_evict_kb,
        "num_promote": s.num_promote, "num_flush_mode_high": s.num_flush_mode_high,
        "num_flush_mode_low": s.num_flush_mode_low, "num_evict_mode_some": s.num_evict_mode_some,
        "num_evict_mode_full": s.num_evict_mode_full, "num_objects_pinned": s.num_objects_pinned,
        "num_legacy_snapsets": s.num_legacy_snapsets,
        "num_large_omap_objects": s.num_large_omap_objects,
        "num_objects_manifest": s.num_objects_manifest, "num_omap_bytes": s.num_omap_bytes,
        "num_omap_keys": s.num_omap_keys, "num_objects_repaired": s.num_objects_repaired,
    });
    append(&mut head, tail);
    head
}

fn store_json(total: u64, available: u64, allocated: u64, stored: u64) -> Value {
    json!({
        "total": total, "available": available, "internally_reserved": 0, "allocated": allocated,
        "data_stored": stored, "data_compressed": 0, "data_compressed_allocated": 0,
        "data_compressed_original": 0, "omap_allocated": 0, "internal_metadata": 0,
    })
}

fn version(p: &PgStat) -> String {
    p.version.to_string()
}

/// What a PG is that nobody has reported yet.
fn unknown(pgid: PgId) -> PgStat {
    PgStat {
        pgid,
        state: 0,
        state_since_sec: 0,
        version: Default::default(),
        reported_epoch: Default::default(),
        reported_sequence: 0,
        last_clean_epoch: Default::default(),
        interval_first: Default::default(),
        log_entries: 0,
        up: Vec::new(),
        acting: Vec::new(),
        up_primary: None,
        acting_primary: None,
        sum: ObjectStatSum::default(),
        stored_bytes: 0,
    }
}

fn all(s: &Services) -> Vec<PgStat> {
    s.stats.all(s.osd.map()).map(|(pg, stat)| stat.unwrap_or_else(|| unknown(pg))).collect()
}

fn primary(osd: Option<types::OsdId>) -> i64 {
    osd.map_or(-1, |o| o.0 as i64)
}

fn since(p: &PgStat) -> String {
    stamp(UTime { sec: p.state_since_sec, nsec: 0 })
}

fn pg_json(p: &PgStat) -> Value {
    let at = since(p);
    let up: Vec<u32> = p.up.iter().map(|o| o.0).collect();
    let acting: Vec<u32> = p.acting.iter().map(|o| o.0).collect();
    let mut head = json!({
        "pgid": p.pgid.to_string(), "version": version(p),
        "reported_seq": p.reported_sequence, "reported_epoch": p.reported_epoch.0,
        "state": state_name(p.state), "last_fresh": at, "last_change": at, "last_active": at,
        "last_peered": at, "last_clean": at, "last_became_active": at, "last_became_peered": at,
        "last_unstale": at, "last_undegraded": at, "last_fullsized": at,
        "mapping_epoch": p.interval_first.0, "log_start": "0'0", "ondisk_log_start": "0'0",
        "created": 0, "last_epoch_clean": p.last_clean_epoch.0, "parent": "0.0",
    });
    let tail = json!({
        "parent_split_bits": 0, "last_scrub": "0'0", "last_scrub_stamp": at,
        "last_deep_scrub": "0'0", "last_deep_scrub_stamp": at, "last_clean_scrub_stamp": at,
        "log_size": p.log_entries, "ondisk_log_size": p.log_entries, "stats_invalid": false,
        "dirty_stats_invalid": false, "omap_stats_invalid": false, "hitset_stats_invalid": false,
        "hitset_bytes_stats_invalid": false, "pin_stats_invalid": false,
        "manifest_stats_invalid": false, "snaptrimq_len": 0, "stat_sum": sum_json(&p.sum),
        "up": up, "acting": acting, "avail_no_missing": [], "object_location_counts": [],
        "blocked_by": [], "up_primary": primary(p.up_primary),
        "acting_primary": primary(p.acting_primary), "purged_snaps": [],
    });
    append(&mut head, tail);
    head
}

fn pools_json(s: &Services) -> Vec<Value> {
    let map = s.osd.map();
    map.pools
        .iter()
        .map(|(id, pool)| {
            let sum = s.stats.sum(map, Some(*id));
            json!({
                "poolid": id.0, "num_pg": pool.pg_num, "stat_sum": sum_json(&sum.counts),
                "store_stats": store_json(0, 0, sum.raw(), sum.bytes_raw),
                "log_size": sum.log_entries, "ondisk_log_size": sum.log_entries,
                "up": sum.up, "acting": sum.acting, "num_store_stats": map.up_osd_count(),
            })
        })
        .collect()
}

fn osds_json(s: &Services) -> Vec<Value> {
    let counts = s.stats.pgs_per_osd(s.osd.map());
    s.stats
        .osds
        .iter()
        .map(|(id, o)| {
            let peers: Vec<u32> = s.stats.osds.keys().filter(|p| *p != id).copied().collect();
            json!({
                "osd": id, "up_from": o.up_from.0, "seq": o.sequence,
                "num_pgs": counts.get(id).copied().unwrap_or(0), "num_osds": 1,
                "num_per_pool_osds": 1, "num_per_pool_omap_osds": 1, "kb": o.total >> 10,
                "kb_used": o.used >> 10, "kb_used_data": o.used >> 10, "kb_used_omap": 0,
                "kb_used_meta": 0, "kb_avail": o.available >> 10,
                "statfs": store_json(o.total, o.available, o.used, o.used), "hb_peers": peers,
                "snap_trim_queue_len": 0, "num_snap_trimming": 0, "num_shards_repaired": 0,
                "op_queue_age_hist": {"histogram": [], "upper_bound": 1},
                "perf_stat": {
                    "commit_latency_ms": o.commit_latency_us / 1000,
                    "apply_latency_ms": o.apply_latency_us / 1000,
                    "commit_latency_ns": o.commit_latency_us as u64 * 1000,
                    "apply_latency_ns": o.apply_latency_us as u64 * 1000,
                },
                // Round trips between OSDs are not measured.
                "alerts": [], "network_ping_times": [],
            })
        })
        .collect()
}

/// What each OSD holds of each pool. Reports carry no such split: zeroes, for OSDs that serve PGs of
/// the pool.
fn pool_statfs_json(s: &Services) -> Vec<Value> {
    let holders: std::collections::BTreeSet<(i64, u32)> =
        all(s).iter().flat_map(|p| p.acting.iter().map(|osd| (p.pgid.pool.0, osd.0))).collect();
    let entry = |(pool, osd): (i64, u32)| {
        let mut head = json!({"poolid": pool, "osd": osd});
        append(&mut head, store_json(0, 0, 0, 0));
        head
    };
    holders.into_iter().map(entry).collect()
}

/// `what` as in `pg dump`, "all" if it is nothing else.
pub fn dump_json(s: &Services, what: &str) -> Value {
    let pgs = || all(s).iter().map(pg_json).collect::<Vec<_>>();
    match what {
        "pgs" => json!({"pg_ready": true, "pg_stats": pgs()}),
        "pgs_brief" => {
            let brief = |p: &PgStat| {
                let full = pg_json(p);
                let keys = ["pgid", "state", "up", "acting", "up_primary", "acting_primary"];
                keys.iter()
                    .map(|k| ((*k).to_owned(), full[*k].clone()))
                    .collect::<serde_json::Map<_, _>>()
            };
            json!({"pg_ready": true, "pg_stats": all(s).iter().map(brief).collect::<Vec<_>>()})
        }
        "pools" => json!({"pg_ready": true, "pool_stats": pools_json(s)}),
        "osds" => json!({"pg_ready": true, "osd_stats": osds_json(s)}),
        _ => {
            let sum = s.stats.sum(s.osd.map(), None);
            let space = s.stats.space();
            let n = s.stats.osds.len();
            json!({"pg_ready": true, "pg_map": {
                "version": s.stats.version, "stamp": stamp(s.stats.stamp),
                "last_osdmap_epoch": s.osd.epoch().0, "last_pg_scan": 0,
                "pg_stats_sum": {
                    "stat_sum": sum_json(&sum.counts),
                    "store_stats": store_json(0, 0, sum.raw(), sum.bytes_raw),
                    "log_size": sum.log_entries, "ondisk_log_size": sum.log_entries,
                    "up": sum.up, "acting": sum.acting, "num_store_stats": 0,
                },
                "osd_stats_sum": {
                    "up_from": 0, "seq": 0, "num_pgs": sum.up, "num_osds": n,
                    "num_per_pool_osds": n, "num_per_pool_omap_osds": n, "kb": space.total >> 10,
                    "kb_used": space.used >> 10, "kb_used_data": space.used >> 10,
                    "kb_used_omap": 0, "kb_used_meta": 0, "kb_avail": space.available >> 10,
                    "statfs": store_json(space.total, space.available, space.used, space.used),
                    "hb_peers": [], "snap_trim_queue_len": 0, "num_snap_trimming": 0,
                    "num_shards_repaired": 0, "op_queue_age_hist": {"histogram": [], "upper_bound": 1},
                    "perf_stat": {"commit_latency_ms": 0, "apply_latency_ms": 0, "commit_latency_ns": 0, "apply_latency_ns": 0},
                    "alerts": [], "network_ping_times": [],
                },
                // Nothing is derived from how the sums changed lately.
                "pg_stats_delta": {
                    "stat_sum": sum_json(&Default::default()),
                    "store_stats": store_json(0, 0, 0, 0), "log_size": 0, "ondisk_log_size": 0,
                    "up": 0, "acting": 0, "num_store_stats": 0, "stamp_delta": "0.000000",
                },
                "pg_stats": pgs(), "pool_stats": pools_json(s), "osd_stats": osds_json(s),
                "pool_statfs": pool_statfs_json(s),
            }})
        }
    }
}

fn pgs_table(pgs: &[PgStat]) -> String {
    use Align::{Left, Right};
    let mut table = Table::default().column("PG_STAT", Left, Left);
    for heading in [
        "OBJECTS",
        "MISSING_ON_PRIMARY",
        "DEGRADED",
        "MISPLACED",
        "UNFOUND",
        "BYTES",
        "OMAP_BYTES*",
        "OMAP_KEYS*",
        "LOG",
        "DISK_LOG",
        "STATE",
        "STATE_STAMP",
        "VERSION",
        "REPORTED",
        "UP",
        "UP_PRIMARY",
        "ACTING",
        "ACTING_PRIMARY",
        "LAST_SCRUB",
        "SCRUB_STAMP",
        "LAST_DEEP_SCRUB",
        "DEEP_SCRUB_STAMP",
        "SNAPTRIMQ_LEN",
    ] {
        table = table.column(heading, Left, Right);
    }
    for p in pgs {
        let s = &p.sum;
        let numbers = [
            s.num_objects,
            s.num_objects_missing_on_primary,
            s.num_objects_degraded,
            s.num_objects_misplaced,
            s.num_objects_unfound,
            s.num_bytes,
            s.num_omap_bytes,
            s.num_omap_keys,
            p.log_entries as i64,
            p.log_entries as i64,
        ];
        let mut row = vec![p.pgid.to_string()];
        row.extend(numbers.iter().map(i64::to_string));
        row.extend([
            state_name(p.state),
            since(p),
            version(p),
            format!("{}:{}", p.reported_epoch, p.reported_sequence),
            list(p.up.iter()),
            primary(p.up_primary).to_string(),
            list(p.acting.iter()),
            primary(p.acting_primary).to_string(),
            "0'0".into(),
            since(p),
            "0'0".into(),
            since(p),
            "0".into(),
        ]);
        table.row(row);
    }
    table.render()
}

/// `3,1`: OSDs of a PG, and which of them is its primary.
fn with_primary(osds: &[OsdId], first: Option<OsdId>) -> String {
    format!("{}p{}", list(osds.iter()), primary(first))
}

/// The table of `pg ls`.
fn ls_table(pgs: &[PgStat], now: UTime) -> String {
    use Align::{Left, Right};
    let mut table = Table::default().column("PG", Left, Left);
    for heading in [
        "OBJECTS",
        "DEGRADED",
        "MISPLACED",
        "UNFOUND",
        "BYTES",
        "OMAP_BYTES*",
        "OMAP_KEYS*",
        "LOG",
        "STATE",
        "SINCE",
        "VERSION",
        "REPORTED",
        "UP",
        "ACTING",
        "SCRUB_STAMP",
        "DEEP_SCRUB_STAMP",
    ] {
        table = table.column(heading, Left, Right);
    }
    for p in pgs {
        let s = &p.sum;
        let numbers = [
            s.num_objects,
            s.num_objects_degraded,
            s.num_objects_misplaced,
            s.num_objects_unfound,
            s.num_bytes,
            s.num_omap_bytes,
            s.num_omap_keys,
            p.log_entries as i64,
        ];
        let age = now.to_duration().saturating_sub(Duration::from_secs(p.state_since_sec as u64));
        let mut row = vec![p.pgid.to_string()];
        row.extend(numbers.iter().map(i64::to_string));
        row.extend([
            state_name(p.state),
            crate::text::span(Duration::from_secs(age.as_secs())),
            version(p),
            format!("{}:{}", p.reported_epoch, p.reported_sequence),
            with_primary(&p.up, p.up_primary),
            with_primary(&p.acting, p.acting_primary),
            since(p),
            since(p),
        ]);
        table.row(row);
    }
    table.render()
}

fn brief_table(pgs: &[PgStat]) -> String {
    use Align::{Left, Right};
    let mut table = Table::default().column("PG_STAT", Left, Left);
    for heading in ["STATE", "UP", "UP_PRIMARY", "ACTING", "ACTING_PRIMARY"] {
        table = table.column(heading, Left, Right);
    }
    for p in pgs {
        table.row([
            p.pgid.to_string(),
            state_name(p.state),
            list(p.up.iter()),
            primary(p.up_primary).to_string(),
            list(p.acting.iter()),
            primary(p.acting_primary).to_string(),
        ]);
    }
    table.render()
}

fn osds_table(s: &Services) -> String {
    use Align::{Left, Right};
    let mut table = Table::default();
    for heading in
        ["OSD_STAT", "USED", "AVAIL", "USED_RAW", "TOTAL", "HB_PEERS", "PG_SUM", "PRIMARY_PG_SUM"]
    {
        table = table.column(heading, Left, Right);
    }
    let pgs = s.stats.pgs_per_osd(s.osd.map());
    let all = all(s);
    for (id, o) in s.stats.osds.iter().rev() {
        let peers: Vec<u32> = s.stats.osds.keys().filter(|p| *p != id).copied().collect();
        let primaries = all.iter().filter(|p| p.acting_primary.is_some_and(|a| a.0 == *id)).count();
        table.row([
            id.to_string(),
            bytes(o.used),
            bytes(o.available),
            bytes(o.used),
            bytes(o.total),
            list(peers),
            pgs.get(id).copied().unwrap_or(0).to_string(),
            primaries.to_string(),
        ]);
    }
    let sum = s.stats.space();
    let row =
        ["sum".into(), bytes(sum.used), bytes(sum.available), bytes(sum.used), bytes(sum.total)];
    table.row(row);
    table.render()
}

fn pools_table(s: &Services) -> String {
    use Align::{Left, Right};
    let mut table = Table::default();
    for heading in [
        "POOLID",
        "OBJECTS",
        "MISSING_ON_PRIMARY",
        "DEGRADED",
        "MISPLACED",
        "UNFOUND",
        "BYTES",
        "OMAP_BYTES*",
        "OMAP_KEYS*",
        "LOG",
        "DISK_LOG",
    ] {
        table = table.column(heading, Left, Right);
    }
    let map = s.osd.map();
    for id in map.pools.keys() {
        let sum = s.stats.sum(map, Some(*id));
        let c = &sum.counts;
        let cells = [
            id.0,
            c.num_objects,
            c.num_objects_missing_on_primary,
            c.num_objects_degraded,
            c.num_objects_misplaced,
            c.num_objects_unfound,
            c.num_bytes,
            c.num_omap_bytes,
            c.num_omap_keys,
            sum.log_entries as i64,
            sum.log_entries as i64,
        ];
        table.row(cells.iter().map(i64::to_string));
    }
    table.render()
}

fn dump(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let what = args.list("dumpcontents").into_iter().next().unwrap_or_else(|| "all".into());
    let plain = || match what.as_str() {
        "pgs_brief" => brief_table(&all(s)),
        "pgs" => pgs_table(&all(s)),
        "osds" => osds_table(s),
        "pools" => pools_table(s),
        _ => format!(
            "version {}\nstamp {}\nlast_osdmap_epoch {}\nlast_pg_scan 0\n{}\n{}\n{}",
            s.stats.version,
            stamp(s.stats.stamp),
            s.osd.epoch(),
            pgs_table(&all(s)),
            pools_table(s),
            osds_table(s)
        ),
    };
    Ok(answer(args, || dump_json(s, &what), plain)?.with_status(format!("dumped {what}")))
}

fn map(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let text = args.need("pgid")?;
    let map = cx.services.osd.map();
    let raw = parse_pg(&text).ok_or_else(|| Failure::invalid(format!("invalid pgid '{text}'")))?;
    if !map.pools.contains_key(&raw.pool) {
        return Err(Failure::not_found(format!("pg '{text}' does not exist")));
    }
    let pg = map.fold_pg(raw);
    let at = map.pg_to_up_acting(pg);
    let json = || {
        json!({
            "epoch": map.epoch.0, "raw_pgid": raw.to_string(), "pgid": pg.to_string(),
            "up": at.up, "acting": at.acting,
        })
    };
    let plain = || {
        format!(
            "osdmap e{} pg {raw} ({pg}) -> up {} acting {}",
            map.epoch,
            list(&at.up),
            list(&at.acting)
        )
    };
    answer(args, json, plain)
}

fn list_pgs(cx: &Cx<'_>, args: &Args, pool: Option<PoolId>) -> Outcome {
    let states = args.list("states");
    let mut pgs = all(cx.services);
    pgs.retain(|p| {
        let name = state_name(p.state);
        pool.is_none_or(|pool| pool == p.pgid.pool)
            && states.iter().all(|s| s == "all" || name.split('+').any(|n| n == s))
    });
    let json =
        || json!({"pg_ready": true, "pg_stats": pgs.iter().map(pg_json).collect::<Vec<_>>()});
    answer(args, json, || ls_table(&pgs, cx.now.wall))
}

fn ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let pool = args.int("pool")?.map(PoolId);
    list_pgs(cx, args, pool)
}

fn ls_by_pool(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("poolstr")?;
    let pool = cx.services.osd.map().pool_id(&name);
    let pool = pool.ok_or_else(|| Failure::not_found(format!("unrecognized pool '{name}'")))?;
    list_pgs(cx, args, Some(pool))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuthConfig, Config, MkfsParams, Monitor, mkfs};
    use types::node::KvChange;

    #[test]
    fn the_whole_dump_has_the_sections_of_the_real_one_in_order() {
        let key = messenger::auth::crypto::CryptoKey::from_base64(
            "AQCvGwFr0IweFRAAy9bgmRgMxCe3V3crxQKPAw==",
        )
        .expect("a key");
        let params = MkfsParams {
            fsid: types::Fsid([7; 16]),
            now: types::UTime { sec: 1_000_000, nsec: 0 },
            mons: vec![("a".into(), types::EntityAddrVec::default())],
            admin_key: key,
            mon_key: key,
            osds: Vec::new(),
            entities: Vec::new(),
            chooseleaf_type: 0,
            config: Vec::new(),
        };
        let mut store = crate::kv::KvMap::new();
        for change in mkfs(&params).expect("a store") {
            if let KvChange::Put { key, value } = change {
                store.insert(key, value);
            }
        }
        let config = Config {
            name: "a".into(),
            addrs: types::EntityAddrVec::default(),
            auth: AuthConfig::default(),
            hostname: String::new(),
            options: Default::default(),
        };
        let monitor = Monitor::new(config, store, [1; 32]).expect("a monitor");
        let dump = dump_json(monitor.services(), "all");
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let sections = [
            "version stamp last_osdmap_epoch last_pg_scan pg_stats_sum osd_stats_sum",
            "pg_stats_delta pg_stats pool_stats osd_stats pool_statfs",
        ];
        assert_eq!(keys(&dump["pg_map"]).join(" "), sections.join(" "));
        let delta = "stat_sum store_stats log_size ondisk_log_size up acting num_store_stats";
        let delta = format!("{delta} stamp_delta");
        assert_eq!(keys(&dump["pg_map"]["pg_stats_delta"]).join(" "), delta);
    }
}
