//! `report`: all that the monitor knows, in one JSON object, for those who help from afar.

use super::table::{Spec, cmd};
use super::{Args, Cx, Outcome, answer_json, pg};
use crate::pg_stats::state_name;
use crate::services::Services;
use crate::{health, text};
use messenger::messages::internal::pg_state;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const COMMANDS: &[Spec] = &[cmd(
    "report",
    "tags:String,n=N,req=false",
    "mon",
    "r",
    "all that is known, with a checksum",
    report,
)];

fn report(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let checks = health::checks(s);
    let map = s.osd.map();
    let said = |osd| s.osd.metadata(osd).cloned().unwrap_or_else(|| json!({"id": osd}));
    let names_of_keys = s.auth.list().count();
    let states = s.stats.by_state(map);
    let in_state = |bit: u64| -> usize {
        states.iter().filter(|(state, _)| state & bit != 0).map(|(_, count)| count).sum()
    };
    let unknown: usize = states.iter().filter(|(state, _)| *state == 0).map(|(_, n)| n).sum();
    let mut sums = pg::dump_json(s, "all");
    let sums = &mut sums["pg_map"];
    let osds: Vec<Value> =
        s.stats.osds.iter().map(|(osd, stat)| json!({"osd": osd, "seq": stat.sequence})).collect();
    let report = json!({
        "cluster_fingerprint": s.mon.map.fsid.to_string(),
        "version": "16.2.15",
        "commit": concat!("kermes ", env!("CARGO_PKG_VERSION")),
        "timestamp": text::stamp(cx.now.wall),
        "tag": args.list("tags").join(" "),
        "health": health::to_json(&checks, true),
        "monmap_first_committed": 1,
        "monmap_last_committed": s.mon.map.epoch.0,
        "monmap": s.mon.map.dump(),
        "quorum": (0..s.mon.map.ranks.len()).collect::<Vec<_>>(),
        "osdmap": map.dump(),
        "osd_metadata": map.osds().map(|osd| said(osd.0)).collect::<Vec<_>>(),
        "osdmap_first_committed": s.osd.oldest().0,
        "osdmap_last_committed": s.osd.epoch().0,
        "crushmap": super::crush_show::dump(s.osd.crush()),
        "auth": {"num_secrets": names_of_keys},
        "num_pg": states.iter().map(|(_, count)| count).sum::<usize>(),
        "num_pg_active": in_state(pg_state::ACTIVE),
        "num_pg_unknown": unknown,
        "num_osd": s.stats.osds.len(),
        "pool_sum": sums["pg_stats_sum"].take(),
        "osd_sum": sums["osd_stats_sum"].take(),
        "pool_stats": sums["pool_stats"].take(),
        "osd_stats": osds,
        "num_pg_by_state": states
            .iter()
            .map(|(state, count)| json!({"state": state_name(*state), "num": count}))
            .collect::<Vec<_>>(),
        "num_pg_by_osd": pgs_by_osd(s),
        "servicemap": {"epoch": 1, "modified": "0.000000", "services": {}},
    });
    let crc = types::hash::crc32c(!0, report.to_string().as_bytes());
    Ok(answer_json(args, report)?.with_status(format!("report {crc}")))
}

fn pgs_by_osd(s: &Services) -> Vec<Value> {
    // Primary of, acting for, up but not acting for.
    let mut counts: BTreeMap<u32, [u64; 3]> = BTreeMap::new();
    for stat in s.stats.all(s.osd.map()).filter_map(|(_, stat)| stat) {
        if let Some(primary) = stat.acting_primary {
            counts.entry(primary.0).or_default()[0] += 1;
        }
        for osd in &stat.acting {
            counts.entry(osd.0).or_default()[1] += 1;
        }
        for osd in stat.up.iter().filter(|osd| !stat.acting.contains(osd)) {
            counts.entry(osd.0).or_default()[2] += 1;
        }
    }
    let entry = |(osd, [primary, acting, up]): (u32, [u64; 3])| {
        json!({
            "osd": osd, "num_primary_pg": primary, "num_acting_pg": acting,
            "num_up_not_acting_pg": up,
        })
    };
    counts.into_iter().map(entry).collect()
}
