//! What the OSDMap says: `osd dump|stat|ls|getmap|map|find|metadata ...`.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Format, Outcome, Reply, answer, answer_json};
use crate::services::Services;
use crush::CrushMap;
use maps::OsdMap;
use maps::text::list;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use types::enc::{Decode, Encode};
use types::{Epoch, ObjectLocator, OsdId};

pub const COMMANDS: &[Spec] = &[
    cmd("osd dump", "epoch:Int,range=0,req=false", "osd", "r", "the OSDMap", dump),
    cmd("osd stat", "", "osd", "r", "OSDs in one line", stat),
    cmd("osd ls", "epoch:Int,range=0,req=false", "osd", "r", "ids of OSDs", ls),
    cmd(
        "osd ls-tree",
        "epoch:Int,range=0,req=false name:String,req=true",
        "osd",
        "r",
        "ids of OSDs below a bucket",
        ls_tree,
    ),
    cmd("osd getmap", "epoch:Int,range=0,req=false", "osd", "r", "the OSDMap, encoded", getmap),
    cmd(
        "osd getcrushmap",
        "epoch:Int,range=0,req=false",
        "osd",
        "r",
        "the CRUSH map, encoded",
        getcrushmap,
    ),
    cmd("osd getmaxosd", "", "osd", "r", "how many OSD ids there are", getmaxosd),
    cmd("osd versions", "", "osd", "r", "versions of running OSDs", versions),
    cmd(
        "osd metadata",
        "id:OsdName,req=false",
        "osd",
        "r",
        "what OSDs say of themselves",
        metadata,
    ),
    cmd(
        "osd count-metadata",
        "property:String",
        "osd",
        "r",
        "how many OSDs say what of a property",
        count_metadata,
    ),
    cmd("osd numa-status", "", "osd", "r", "NUMA nodes of OSDs", numa_status),
    cmd("osd find", "id:OsdName", "osd", "r", "where an OSD is", find),
    cmd("osd info", "id:OsdName,req=false", "osd", "r", "what the map says of OSDs", info),
    cmd(
        "osd map",
        "pool:Poolname object:Objectname nspace:String,req=false",
        "osd",
        "r",
        "where an object is",
        map_object,
    ),
    cmd("osd perf", "", "osd", "r", "latencies of OSDs", perf),
    cmd("osd blocked-by", "", "osd", "r", "OSDs that others wait for", blocked_by),
    cmd("osd utilization", "", "osd", "r", "how evenly PGs lie on OSDs", utilization),
    cmd(
        "osd ok-to-stop",
        "ids:String,n=N max:Int,req=false",
        "osd",
        "r",
        "whether PGs stay available without these OSDs",
        ok_to_stop,
    ),
    cmd(
        "osd safe-to-destroy",
        "ids:String,n=N",
        "osd",
        "r",
        "whether no PG needs these OSDs",
        safe_to_destroy,
    ),
    cmd("osd erasure-code-profile ls", "", "osd", "r", "names of erasure code profiles", profiles),
    cmd(
        "osd erasure-code-profile get",
        "name:String,goodchars=[A-Za-z0-9-_.]",
        "osd",
        "r",
        "an erasure code profile",
        profile,
    ),
];

/// The map of the epoch that is asked for, or the present one.
pub fn at_epoch(cx: &Cx<'_>, args: &Args) -> Result<Rc<OsdMap>, Failure> {
    let osd = &cx.services.osd;
    match args.int("epoch")? {
        None | Some(0) => Ok(osd.map().clone()),
        Some(epoch) => u32::try_from(epoch)
            .ok()
            .and_then(|e| osd.map_at(Epoch(e)))
            .map(Rc::new)
            .ok_or_else(|| Failure::not_found(format!("there is no map for epoch {epoch}"))),
    }
}

fn dump(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = at_epoch(cx, args)?;
    answer(args, || map.dump(), || map.print())
}

fn stat(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let (map, now) = (s.osd.map(), cx.now.wall);
    let plain = || {
        let mut line = format!("{}; epoch: e{}", super::status::osds_line(map, now), map.epoch);
        let remapped = map.pg_temp.len();
        if remapped > 0 {
            line += &format!("; {remapped} remapped pgs");
        }
        let flags = super::status::important_flags(map);
        if !flags.is_empty() {
            line += &format!("\nflags {flags}");
        }
        line
    };
    answer(args, || super::status::osdmap_summary(s), plain)
}

fn ids(args: &Args, osds: impl Iterator<Item = OsdId>) -> Outcome {
    let osds: Vec<u32> = osds.map(|o| o.0).collect();
    answer(args, || osds.clone().into(), || osds.iter().map(|o| format!("{o}\n")).collect())
}

fn ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = at_epoch(cx, args)?;
    ids(args, map.osds())
}

fn ls_tree(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = at_epoch(cx, args)?;
    let name = args.need("name")?;
    let crush =
        CrushMap::from_slice(&map.crush_raw).map_err(|e| Failure::invalid(e.to_string()))?;
    let root = crush
        .item_id(&name)
        .ok_or_else(|| Failure::not_found(format!("\"{name}\" does not exist")))?;
    let below = crush.devices_below(root);
    ids(args, map.osds().filter(|o| below.contains(&(o.0 as i32))))
}

fn getmap(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = at_epoch(cx, args)?;
    Ok(Reply::data(map.encode()).with_status(format!("got osdmap epoch {}", map.epoch)))
}

fn getcrushmap(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = at_epoch(cx, args)?;
    let crush =
        CrushMap::from_slice(&map.crush_raw).map_err(|e| Failure::invalid(e.to_string()))?;
    Ok(Reply::data(crush.to_vec()).with_status(map.crush_version.to_string()))
}

fn getmaxosd(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.map();
    let (max, epoch) = (map.max_osd(), map.epoch.0);
    let json = || json!({"epoch": epoch, "max_osd": max});
    answer(args, json, || format!("max_osd = {max} in epoch {epoch}"))
}

fn versions(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, super::status::osd_versions(cx.services).into())
}

fn existing(cx: &Cx<'_>, args: &Args) -> Result<Option<OsdId>, Failure> {
    let Some(id) = args.osd("id")? else { return Ok(None) };
    match cx.services.osd.map().exists(OsdId(id)) {
        true => Ok(Some(OsdId(id))),
        false => Err(Failure::not_found(format!("osd.{id} does not exist"))),
    }
}

fn metadata(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let of = |osd: OsdId| {
        cx.services.osd.metadata(osd.0).cloned().unwrap_or_else(|| json!({"id": osd.0}))
    };
    let value = match existing(cx, args)? {
        Some(osd) => of(osd),
        None => cx.services.osd.map().osds().map(of).collect(),
    };
    answer_json(args, value)
}

/// How many running OSDs say what of one property.
fn count_metadata(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let property = args.need("property")?;
    let map = cx.services.osd.map();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for osd in map.osds().filter(|o| map.is_up(*o)) {
        let value = cx.services.osd.metadata(osd.0).and_then(|m| m.get(&property));
        let value = match value {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "unknown".to_owned(),
        };
        *counts.entry(value).or_default() += 1;
    }
    answer_json(args, json!(counts))
}

/// OSDs are not bound to NUMA nodes, so that only their hosts can be told.
fn numa_status(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    use crate::text::Align::{Left, Right};
    use crate::text::Table;
    let s = &*cx.services;
    let host = |osd: OsdId| s.osd.metadata(osd.0)?["hostname"].as_str().map(str::to_owned);
    let hosts: Vec<(u32, String)> =
        s.osd.map().osds().filter_map(|osd| Some((osd.0, host(osd)?))).collect();
    let json = || hosts.iter().map(|(osd, host)| json!({"osd": osd, "host": host})).collect();
    let plain = || {
        let mut table = Table::default()
            .column("OSD", Left, Right)
            .column("HOST", Left, Left)
            .column("NETWORK", Right, Right)
            .column("STORAGE", Right, Right)
            .column("AFFINITY", Right, Right)
            .column("CPUS", Left, Left);
        let none = || "-".to_owned();
        for (osd, host) in &hosts {
            table.row([osd.to_string(), host.clone(), none(), none(), none(), none()]);
        }
        table.render()
    };
    answer(args, json, plain)
}

fn find(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let osd =
        existing(cx, args)?.ok_or_else(|| Failure::invalid("unable to parse osd id value"))?;
    let map = cx.services.osd.map();
    let mut out = Map::new();
    let entry = map.dump_osd(osd);
    out.insert("osd".into(), osd.0.into());
    out.insert("addrs".into(), entry["public_addrs"].clone());
    out.insert("osd_fsid".into(), map.uuid[osd.0 as usize].to_string().into());
    if let Some(host) = cx.services.osd.metadata(osd.0).and_then(|m| m.get("hostname")) {
        out.insert("host".into(), host.clone());
    }
    let place: Map<String, Value> =
        crate::placement::location(cx.services.osd.crush(), osd.0 as i32)
            .into_iter()
            .map(|(kind, name)| (kind, name.into()))
            .collect();
    out.insert("crush_location".into(), place.into());
    answer_json(args, out.into())
}

fn info(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let one = existing(cx, args)?;
    let map = cx.services.osd.map();
    let osds: Vec<OsdId> = one.map_or_else(|| map.osds().collect(), |o| vec![o]);
    let json = || match one {
        Some(osd) => map.dump_osd(osd),
        None => osds.iter().map(|o| map.dump_osd(*o)).collect(),
    };
    let plain = || {
        let wanted = |line: &&str| osds.iter().any(|o| line.starts_with(&format!("osd.{o} ")));
        map.print().lines().filter(wanted).map(|l| format!("{l}\n")).collect()
    };
    answer(args, json, plain)
}

fn map_object(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (pool, object) = (args.need("pool")?, args.need("object")?);
    let nspace = args.text("nspace").unwrap_or_default();
    let map = cx.services.osd.map();
    let id = map
        .pool_id(&pool)
        .ok_or_else(|| Failure::not_found(format!("pool {pool} does not exist")))?;
    let locator = ObjectLocator::new(id, &nspace);
    let gone = |_| Failure::not_found(format!("pool {pool} does not exist"));
    let raw = map.object_to_raw_pg(&locator, &object).map_err(gone)?;
    let pg = map.fold_pg(raw);
    let at = map.pg_to_up_acting(pg);
    let shown = if nspace.is_empty() { object.clone() } else { format!("{nspace}/{object}") };
    let json = || {
        json!({
            "epoch": map.epoch.0, "pool": pool, "pool_id": id.0, "objname": shown,
            "raw_pgid": raw.to_string(), "pgid": pg.to_string(), "up": at.up,
            "up_primary": at.up_primary, "acting": at.acting, "acting_primary": at.acting_primary,
        })
    };
    let plain = || {
        format!(
            "osdmap e{} pool '{pool}' ({id}) object '{shown}' -> pg {raw} ({pg}) -> up ({}, p{}) acting ({}, p{})",
            map.epoch,
            list(&at.up),
            at.up_primary,
            list(&at.acting),
            at.acting_primary
        )
    };
    answer(args, json, plain)
}

fn perf(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    use crate::text::{Align::Right, Table};
    let osds = &cx.services.stats.osds;
    let ms = |us: u32| us.div_ceil(1000);
    let json = || {
        let infos: Vec<Value> = osds
            .iter()
            .map(|(id, s)| {
                json!({"id": id, "perf_stats": {
                    "commit_latency_ms": ms(s.commit_latency_us),
                    "apply_latency_ms": ms(s.apply_latency_us),
                    "commit_latency_ns": s.commit_latency_us as u64 * 1000,
                    "apply_latency_ns": s.apply_latency_us as u64 * 1000,
                }})
            })
            .collect();
        json!({"pg_ready": true, "osdstats": {"osd_perf_infos": infos}})
    };
    let plain = || {
        let mut table = Table::default();
        for heading in ["osd", "commit_latency(ms)", "apply_latency(ms)"] {
            table = table.column(heading, Right, Right);
        }
        for (id, s) in osds.iter().rev() {
            table.row([
                id.to_string(),
                ms(s.commit_latency_us).to_string(),
                ms(s.apply_latency_us).to_string(),
            ]);
        }
        table.render()
    };
    answer(args, json, plain)
}

fn blocked_by(_: &mut Cx<'_>, args: &Args) -> Outcome {
    let json = || json!({"pg_ready": true, "osd_blocked_by": {"osd_blocked_by_infos": []}});
    answer(args, json, || "osd  num_blocked".into())
}

fn utilization(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let map = s.osd.map();
    let counts = s.stats.pgs_per_osd(map);
    let per: Vec<(u32, u64)> = map
        .osds()
        .filter(|o| map.is_in(*o))
        .map(|o| (o.0, counts.get(&o.0).copied().unwrap_or(0)))
        .collect();
    let n = per.len().max(1) as f64;
    let avg = per.iter().map(|(_, c)| *c as f64).sum::<f64>() / n;
    let deviation = (per.iter().map(|(_, c)| (*c as f64 - avg).powi(2)).sum::<f64>() / n).sqrt();
    let baseline = (avg * (1.0 - 1.0 / n)).max(0.0).sqrt();
    let min = per.iter().min_by_key(|(_, c)| *c).copied().unwrap_or((0, 0));
    let max = per.iter().max_by_key(|(_, c)| *c).copied().unwrap_or((0, 0));
    use crate::text::{general, number};
    let json = || {
        json!({
            "avg_pgs": number(avg), "std_dev": number(deviation),
            "expected_baseline_std_dev": number(baseline), "min_osd": min.0,
            "min_osd_pgs": min.1, "max_osd": max.0, "max_osd_pgs": max.1,
        })
    };
    let share = |c: u64| general(if avg > 0.0 { c as f64 / avg } else { 0.0 });
    let plain = || {
        format!(
            "avg {}\nstddev {} (expected baseline {})\nmin osd.{} with {} pgs ({} * mean)\nmax osd.{} with {} pgs ({} * mean)",
            general(avg),
            general(deviation),
            general(baseline),
            min.0,
            min.1,
            share(min.1),
            max.0,
            max.1,
            share(max.1)
        )
    };
    answer(args, json, plain)
}

fn osd_args(args: &Args) -> Result<Vec<OsdId>, Failure> {
    let parse = |t: &String| {
        super::args::parse_osd(t)
            .map(OsdId)
            .ok_or_else(|| Failure::invalid(format!("invalid osd id '{t}'")))
    };
    args.list("ids").iter().map(parse).collect()
}

/// PGs that have one of these OSDs in their acting set, and those that would not serve without.
fn affected(s: &Services, osds: &[OsdId]) -> (Vec<String>, Vec<String>) {
    let map = s.osd.map();
    let (mut degraded, mut inactive) = (Vec::new(), Vec::new());
    for pool in map.pools.keys() {
        for pg in map.pgs_of_pool(*pool) {
            let acting: Vec<OsdId> = map.pg_to_up_acting(pg).acting_osds().collect();
            let left = acting.iter().filter(|o| !osds.contains(o)).count();
            if left < acting.len() {
                degraded.push(pg.to_string());
                if left < map.pools[pool].min_size as usize {
                    inactive.push(pg.to_string());
                }
            }
        }
    }
    (degraded, inactive)
}

fn ok_to_stop(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let osds = osd_args(args)?;
    let (degraded, inactive) = affected(cx.services, &osds);
    let ok = inactive.is_empty();
    let mut value = json!({
        "ok_to_stop": ok, "osds": osds.iter().map(|o| o.0).collect::<Vec<_>>(),
        "num_ok_pgs": degraded.len() - inactive.len(), "num_not_ok_pgs": inactive.len(),
    });
    if !inactive.is_empty() {
        value["bad_become_inactive"] = json!(inactive);
    }
    if ok {
        value["ok_become_degraded"] = json!(degraded);
        return Ok(Reply::data(format!("{value}\n")));
    }
    Err(Failure::new(
        super::errno::EBUSY,
        format!(
            "unsafe to stop osd(s) at this time ({} PGs are or would become offline)",
            inactive.len()
        ),
    ))
}

fn safe_to_destroy(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let osds = osd_args(args)?;
    let (mapped, _) = affected(cx.services, &osds);
    let ids: Vec<u32> = osds.iter().map(|o| o.0).collect();
    let (safe, active) = if mapped.is_empty() { (ids, vec![]) } else { (vec![], ids) };
    let json = || json!({"safe_to_destroy": safe, "active": active, "missing_stats": [], "stored_pgs": []});
    // In JSON the list is the answer, and no error, as in the real one.
    if args.format() != Format::Plain && !mapped.is_empty() {
        return answer(args, json, String::new);
    }
    let shown = osds.iter().map(|o| o.to_string()).collect::<Vec<_>>().join(",");
    if !mapped.is_empty() {
        return Err(Failure::new(
            super::errno::EBUSY,
            format!("OSD(s) {shown} have {} pgs currently mapped to them. ", mapped.len()),
        ));
    }
    let reply = answer(args, json, String::new)?;
    Ok(reply.with_status(format!(
        "OSD(s) {shown} are safe to destroy without reducing data durability."
    )))
}

fn profiles(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.map();
    let names = || map.erasure_code_profiles.keys();
    answer(
        args,
        || names().map(|n| Value::from(n.as_str())).collect(),
        || names().map(|n| format!("{n}\n")).collect(),
    )
}

fn profile(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("name")?;
    let map = cx.services.osd.map();
    let profile = map
        .erasure_code_profiles
        .get(&name)
        .ok_or_else(|| Failure::not_found(format!("unknown erasure code profile '{name}'")))?;
    answer(args, || json!(profile), || profile.iter().map(|(k, v)| format!("{k}={v}\n")).collect())
}
