//! `osd in|out|down|reweight` and placement overrides.

use super::args::parse_osd;
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, errno};
use crate::text;
use maps::{AFFINITY_DEFAULT, WEIGHT_IN, WEIGHT_OUT, osd_state};
use types::{OsdId, PgId, PoolId};

pub const COMMANDS: &[Spec] = &[
    cmd("osd in", "ids:String,n=N", "osd", "rw", "let OSDs hold data", mark_in),
    cmd("osd out", "ids:String,n=N", "osd", "rw", "move data away from OSDs", mark_out),
    cmd(
        "osd down",
        "ids:String,n=N definitely_dead:Bool,req=false",
        "osd",
        "rw",
        "mark OSDs down",
        mark_down,
    ),
    cmd(
        "osd reweight",
        "id:OsdName weight:Float,range=0.0|1.0",
        "osd",
        "rw",
        "share of its weight that an OSD takes",
        reweight,
    ),
    cmd(
        "osd primary-affinity",
        "id:OsdName weight:Float,range=0.0|1.0",
        "osd",
        "rw",
        "how readily an OSD is a primary",
        affinity,
    ),
    cmd(
        "osd lost",
        "id:OsdName yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "say that an OSD's data will not come back",
        lost,
    ),
    cmd(
        "osd setmaxosd",
        "newmax:Int,range=0",
        "osd",
        "rw",
        "how many OSD ids there are",
        setmaxosd,
    ),
    cmd(
        "osd pg-temp",
        "pgid:Pgid id:OsdName,n=N,req=false",
        "osd",
        "rw",
        "serve a PG by these OSDs",
        pg_temp,
    ),
    cmd(
        "osd pg-upmap",
        "pgid:Pgid id:OsdName,n=N",
        "osd",
        "rw",
        "place a PG on these OSDs",
        pg_upmap,
    ),
    cmd("osd rm-pg-upmap", "pgid:Pgid", "osd", "rw", "place a PG by CRUSH again", rm_pg_upmap),
    cmd(
        "osd pg-upmap-items",
        "pgid:Pgid id:OsdName,n=N",
        "osd",
        "rw",
        "replace OSDs of a PG, in pairs",
        pg_upmap_items,
    ),
    cmd(
        "osd rm-pg-upmap-items",
        "pgid:Pgid",
        "osd",
        "rw",
        "replace no OSDs of a PG",
        rm_pg_upmap_items,
    ),
];

/// The OSDs that `ids` names; `all`, `any` and `*` are those for which `all` holds.
fn targets(cx: &Cx<'_>, args: &Args, all: impl Fn(OsdId) -> bool) -> Result<Vec<OsdId>, Failure> {
    let mut out = Vec::new();
    for text in args.list("ids") {
        if matches!(text.as_str(), "all" | "any" | "*") {
            return Ok(cx.services.osd.view().osds().filter(|o| all(*o)).collect());
        }
        let id = parse_osd(&text).ok_or_else(|| {
            Failure::invalid(format!(
                "Expected option value to be integer, got '{text}'invalid osd id-1"
            ))
        })?;
        out.push(OsdId(id));
    }
    Ok(out)
}

/// Carries out `change` for every target; it says what it did.
fn each(
    cx: &mut Cx<'_>,
    targets: Vec<OsdId>,
    mut change: impl FnMut(&mut Cx<'_>, OsdId) -> String,
) -> Outcome {
    let mut status = String::new();
    for osd in targets {
        status += &match cx.services.osd.view().exists(osd) {
            true => change(cx, osd),
            false => format!("osd.{osd} does not exist. "),
        };
    }
    Ok(Reply::status(status))
}

fn mark_in(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.view();
    let targets = targets(cx, args, |o| map.is_out(o))?;
    each(cx, targets, |cx, osd| {
        if cx.services.osd.view().is_in(osd) {
            return format!("osd.{osd} is already in. ");
        }
        let now = cx.now.wall;
        let map = cx.services.osd.edit();
        let i = osd.0 as usize;
        let old = map.xinfo[i].old_weight;
        map.weight[i] = if old != 0 { old } else { WEIGHT_IN };
        map.xinfo[i].old_weight = 0;
        map.state[i] &= !(osd_state::AUTOOUT | osd_state::NEW);
        map.last_in_change = now;
        format!("marked in osd.{osd}. ")
    })
}

fn mark_out(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.view();
    let targets = targets(cx, args, |o| map.is_in(o))?;
    each(cx, targets, |cx, osd| {
        if cx.services.osd.view().is_out(osd) {
            return format!("osd.{osd} is already out. ");
        }
        let now = cx.now.wall;
        let map = cx.services.osd.edit();
        map.weight[osd.0 as usize] = WEIGHT_OUT;
        map.last_in_change = now;
        format!("marked out osd.{osd}. ")
    })
}

fn mark_down(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.view();
    let targets = targets(cx, args, |o| map.is_up(o))?;
    each(cx, targets, |cx, osd| {
        if cx.services.osd.view().is_down(osd) {
            return format!("osd.{osd} is already down. ");
        }
        let now = cx.now;
        cx.services.osd.mark_down(now, osd);
        format!("marked down osd.{osd}. ")
    })
}

fn existing(cx: &Cx<'_>, args: &Args) -> Result<OsdId, Failure> {
    let osd = OsdId(args.need_osd("id")?);
    match cx.services.osd.view().exists(osd) {
        true => Ok(osd),
        false => Err(Failure::not_found(format!("osd.{osd} does not exist"))),
    }
}

fn weight(args: &Args) -> Result<(f64, u32), Failure> {
    let weight = args.need_float("weight")?;
    // The signature says at most 1; the monitor itself takes more, as the real one does.
    if !(0.0..=1000.0).contains(&weight) {
        return Err(Failure::invalid(format!("weight {weight} is out of range")));
    }
    Ok((weight, (weight * WEIGHT_IN as f64) as u32))
}

fn reweight(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (shown, weight) = weight(args)?;
    let osd = existing(cx, args)?;
    let now = cx.now.wall;
    let map = cx.services.osd.edit();
    let i = osd.0 as usize;
    if (map.weight[i] == 0) != (weight == 0) {
        map.last_in_change = now;
    }
    map.weight[i] = weight;
    if weight != 0 {
        map.state[i] &= !(osd_state::AUTOOUT | osd_state::NEW);
        map.xinfo[i].old_weight = 0;
    }
    Ok(Reply::status(format!("reweighted osd.{osd} to {} ({weight:x})", text::general(shown))))
}

fn affinity(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (shown, weight) = weight(args)?;
    let osd = existing(cx, args)?;
    let map = cx.services.osd.edit();
    map.primary_affinity.resize(map.state.len(), AFFINITY_DEFAULT);
    map.primary_affinity[osd.0 as usize] = weight;
    // The digits 8 and 2 are what the real one prints for its number bases.
    Ok(Reply::status(format!(
        "set osd.{osd} primary-affinity to {} (8{weight}2)",
        text::general(shown)
    )))
}

fn lost(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    if !args.flag("yes_i_really_mean_it") {
        return Err(Failure::new(
            errno::EPERM,
            "are you SURE?  this might mean real, permanent data loss.  pass --yes-i-really-mean-it if you really do.",
        ));
    }
    let osd = existing(cx, args)?;
    if cx.services.osd.view().is_up(osd) {
        return Err(Failure::new(errno::EBUSY, format!("osd.{osd} is not down")));
    }
    let map = cx.services.osd.edit();
    let info = &mut map.info[osd.0 as usize];
    info.lost_at = info.down_at;
    let at = info.lost_at;
    Ok(Reply::status(format!("marked osd lost in epoch {at}")))
}

fn setmaxosd(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let max = args.int("newmax")?.unwrap_or(-1);
    if !(0..=10_000_000).contains(&max) {
        return Err(Failure::invalid(format!("{max} is not a number of OSDs")));
    }
    let map = cx.services.osd.view();
    if let Some(osd) = map.osds().find(|o| o.0 as i64 >= max) {
        return Err(Failure::new(
            errno::EBUSY,
            format!(
                "cannot shrink max_osd to {max} because osd.{osd} (and possibly others) still in use"
            ),
        ));
    }
    cx.services.osd.edit().set_max_osd(max as u32);
    Ok(Reply::status(format!("set new max_osd = {max}")))
}

/// Reads `3.1f`.
pub fn parse_pg(text: &str) -> Option<PgId> {
    let (pool, seed) = text.split_once('.')?;
    Some(PgId { pool: PoolId(pool.parse().ok()?), seed: u32::from_str_radix(seed, 16).ok()? })
}

pub fn need_pg(cx: &Cx<'_>, args: &Args) -> Result<PgId, Failure> {
    let text = args.need("pgid")?;
    let pg = parse_pg(&text).ok_or_else(|| Failure::invalid(format!("invalid pgid '{text}'")))?;
    match cx.services.osd.view().pools.get(&pg.pool) {
        Some(pool) if pg.seed < pool.pg_num => Ok(pg),
        _ => Err(Failure::not_found(format!("pgid '{text}' does not exist"))),
    }
}

fn osd_list(cx: &Cx<'_>, args: &Args) -> Result<Vec<i32>, Failure> {
    let map = cx.services.osd.view();
    args.list("id")
        .iter()
        .map(|text| {
            let id = parse_osd(text)
                .ok_or_else(|| Failure::invalid(format!("invalid osd id '{text}'")))?;
            match map.exists(OsdId(id)) {
                true => Ok(id as i32),
                false => Err(Failure::not_found(format!("osd.{id} does not exist"))),
            }
        })
        .collect()
}

fn pg_temp(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let pg = need_pg(cx, args)?;
    let osds = osd_list(cx, args)?;
    let status = format!("set {pg} pg_temp mapping to {}", maps::text::list(&osds));
    let map = cx.services.osd.edit();
    if osds.is_empty() {
        map.pg_temp.remove(&pg)
    } else {
        map.pg_temp.insert(pg, osds)
    };
    Ok(Reply::status(status))
}

fn pg_upmap(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let pg = need_pg(cx, args)?;
    let osds = osd_list(cx, args)?;
    let size = cx.services.osd.view().pools[&pg.pool].size as usize;
    if osds.is_empty() || osds.len() > size {
        return Err(Failure::invalid(format!("num of osds ({}) > pool size ({size})", osds.len())));
    }
    let status = format!("set {pg} pg_upmap mapping to {}", maps::text::list(&osds));
    cx.services.osd.edit().pg_upmap.insert(pg, osds);
    Ok(Reply::status(status))
}

fn rm_pg_upmap(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let pg = need_pg(cx, args)?;
    cx.services.osd.edit().pg_upmap.remove(&pg);
    Ok(Reply::status(format!("clear {pg} pg_upmap mapping")))
}

fn pg_upmap_items(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let pg = need_pg(cx, args)?;
    let osds = osd_list(cx, args)?;
    if osds.is_empty() || !osds.len().is_multiple_of(2) {
        return Err(Failure::invalid("you must specify pairs of OSDs"));
    }
    let pairs: Vec<(i32, i32)> = osds.chunks(2).map(|p| (p[0], p[1])).collect();
    let shown: Vec<String> = pairs.iter().map(|(a, b)| format!("{a}->{b}")).collect();
    cx.services.osd.edit().pg_upmap_items.insert(pg, pairs);
    Ok(Reply::status(format!("set {pg} pg_upmap_items mapping to [{}]", shown.join(","))))
}

fn rm_pg_upmap_items(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let pg = need_pg(cx, args)?;
    cx.services.osd.edit().pg_upmap_items.remove(&pg);
    Ok(Reply::status(format!("clear {pg} pg_upmap_items mapping")))
}
