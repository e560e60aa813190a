//! Making, naming and deleting pools.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer, errno};
use crate::services::Services;
use maps::pool::PoolOption;
use maps::{PgPool, pool_flags};
use messenger::messages::PoolOp;
use messenger::messages::pool::pool_op as code;
use serde_json::{Value, json};
use types::PoolId;
use types::time::Now;

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd pool create",
        "pool:Poolname pg_num:Int,range=0,req=false pgp_num:Int,range=0,req=false pool_type:Choices,req=false,strings=replicated|erasure erasure_code_profile:String,goodchars=[A-Za-z0-9-_.],req=false rule:String,req=false expected_num_objects:Int,range=0,req=false size:Int,range=0,req=false pg_num_min:Int,range=0,req=false pg_num_max:Int,range=0,req=false autoscale_mode:Choices,req=false,strings=on|off|warn bulk:Bool,req=false target_size_bytes:Int,range=0,req=false target_size_ratio:Float,range=0.0,req=false",
        "osd",
        "rw",
        "make a pool",
        create,
    ),
    cmd(
        "osd pool delete",
        "pool:Poolname pool2:Poolname,req=false yes_i_really_really_mean_it:Bool,req=false yes_i_really_really_mean_it_not_faking:Bool,req=false",
        "osd",
        "rw",
        "delete a pool and all its objects",
        delete,
    ),
    cmd(
        "osd pool rm",
        "pool:Poolname pool2:Poolname,req=false yes_i_really_really_mean_it:Bool,req=false yes_i_really_really_mean_it_not_faking:Bool,req=false",
        "osd",
        "rw",
        "delete a pool and all its objects",
        delete,
    ),
    cmd(
        "osd pool rename",
        "srcpool:Poolname destpool:Poolname",
        "osd",
        "rw",
        "rename a pool",
        rename,
    ),
    cmd("osd pool ls", "detail:Choices,req=false,strings=detail", "osd", "r", "names of pools", ls),
    cmd("osd lspools", "", "osd", "r", "numbers and names of pools", lspools),
    cmd("osd pool stats", "pool_name:Poolname,req=false", "osd", "r", "activity of pools", stats),
    cmd(
        "osd pool set-quota",
        "pool:Poolname field:Choices,strings=max_objects|max_bytes val:String",
        "osd",
        "rw",
        "limit the size of a pool",
        set_quota,
    ),
    cmd(
        "osd pool mksnap",
        "pool:Poolname snap:String",
        "osd",
        "rw",
        "snapshot of a pool",
        snapshot,
    ),
    cmd(
        "osd pool rmsnap",
        "pool:Poolname snap:String",
        "osd",
        "rw",
        "remove a snapshot of a pool",
        snapshot,
    ),
    cmd("osd pool get-quota", "pool:Poolname", "osd", "r", "limits of a pool", get_quota),
];

/// The pool of that name, with edits of this turn.
pub fn find(cx: &Cx<'_>, name: &str) -> Result<PoolId, Failure> {
    let found = cx.services.osd.view().pool_id(name);
    found.ok_or_else(|| Failure::not_found(format!("unrecognized pool '{name}'")))
}

fn create(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("pool")?;
    if name.is_empty() {
        return Err(Failure::invalid("pool name cannot be empty"));
    }
    let erasure = args.text("pool_type").as_deref() == Some("erasure");
    if let Some(id) = cx.services.osd.view().pool_id(&name) {
        let kind = args.text("pool_type").unwrap_or_else(|| "replicated".into());
        let have = cx.services.osd.view().pools[&id].kind_name();
        if kind != have {
            return Err(Failure::invalid(format!("pool '{name}' cannot change to type {kind}")));
        }
        return Ok(Reply::status(format!("pool '{name}' already exists")));
    }
    if erasure {
        return Err(Failure::new(errno::EOPNOTSUPP, "erasure coded pools are not supported"));
    }
    let pool = new_pool(cx.services, cx.now, args)?;
    let services = &mut *cx.services;
    let map = services.osd.edit();
    map.pool_max += 1;
    let id = PoolId(map.pool_max as i64);
    map.pools.insert(id, pool);
    map.pool_names.insert(id, name.clone());
    Ok(Reply::status(format!("pool '{name}' created")))
}

fn new_pool(s: &Services, now: Now, args: &Args) -> Result<PgPool, Failure> {
    let config = &s.config;
    let pg_num = match args.int("pg_num")? {
        Some(n) if n > 0 => n as u64,
        _ => config.number("osd_pool_default_pg_num").max(1),
    };
    let pg_num_max = config.number("mon_max_pool_pg_num");
    if pg_num > pg_num_max {
        return Err(Failure::new(
            errno::ERANGE,
            format!(
                "'pg_num' must be greater than 0 and less than or equal to {pg_num_max} (you may adjust 'mon max pool pg num' for higher values)"
            ),
        ));
    }
    let pgp_num = match args.int("pgp_num")? {
        Some(n) if n > 0 => n as u64,
        _ => pg_num,
    };
    if pgp_num > pg_num {
        return Err(Failure::new(
            errno::ERANGE,
            format!(
                "'pgp_num' must be greater than 0 and lower or equal than 'pg_num', which in this case is {pg_num}"
            ),
        ));
    }
    let rule = rule_for(s, args.text("rule").as_deref())?;
    let size = match args.int("size")? {
        Some(n) if n > 0 => n as u64,
        _ => config.number("osd_pool_default_size").max(1),
    };
    if size > 10 {
        return Err(Failure::invalid("pool size must be between 1 and 10"));
    }
    if size == 1 && args.int("size")?.is_some() && !config.flag("mon_allow_pool_size_one") {
        return Err(Failure::new(
            errno::EPERM,
            "configuring pool size as 1 is disabled by default.",
        ));
    }
    check_pg_count(s, size * pg_num)?;
    let epoch = s.osd.next_epoch();
    let mut pool = PgPool::new_replicated(size as u8, pg_num as u32, rule, epoch, now.wall);
    // Every PG is there at once; there is no throttled creation that would clear the flag later.
    pool.flags &= !pool_flags::CREATING;
    pool.pgp_num = pgp_num as u32;
    pool.pgp_num_target = pgp_num as u32;
    let min_size = config.number("osd_pool_default_min_size");
    if min_size > 0 {
        pool.min_size = min_size.min(size) as u8;
    }
    if !config.flag("osd_pool_default_flag_hashpspool") {
        pool.flags &= !pool_flags::HASHPSPOOL;
    }
    if config.flag("osd_pool_default_flag_nodelete") {
        pool.flags |= pool_flags::NODELETE;
    }
    let mode = args.text("autoscale_mode");
    let mode =
        mode.as_deref().unwrap_or_else(|| config.value("osd_pool_default_pg_autoscale_mode"));
    pool.pg_autoscale_mode = autoscale(mode).unwrap_or(0);
    pool.expected_num_objects = args.int("expected_num_objects")?.unwrap_or(0).max(0) as u64;
    for name in ["pg_num_min", "pg_num_max", "target_size_bytes"] {
        if let (Some(value), Some((id, _))) = (args.int(name)?, maps::pool_options::find(name)) {
            pool.options.insert(id, PoolOption::Int(value));
        }
    }
    if let (Some(value), Some((id, _))) =
        (args.float("target_size_ratio")?, maps::pool_options::find("target_size_ratio"))
    {
        pool.options.insert(id, PoolOption::Float(value));
    }
    Ok(pool)
}

/// Number of an autoscale mode.
pub fn autoscale(mode: &str) -> Option<u8> {
    ["off", "warn", "on"].iter().position(|m| *m == mode).map(|m| m as u8)
}

fn rule_for(s: &Services, name: Option<&str>) -> Result<u8, Failure> {
    let crush = s.osd.crush_view();
    let missing = |name: &str| Failure::not_found(format!("specified rule {name} doesn't exist"));
    match name.filter(|n| !n.is_empty()) {
        Some(name) => {
            let id = crush.rule_id(name).ok_or_else(|| missing(name))?;
            u8::try_from(id).map_err(|_| missing(name))
        }
        None => {
            let default =
                s.config.value("osd_pool_default_crush_rule").parse::<i64>().unwrap_or(-1);
            let exists = |id: usize| crush.rules.get(id).is_some_and(Option::is_some);
            let first = (0..crush.rules.len()).find(|id| exists(*id));
            let chosen = usize::try_from(default).ok().filter(|id| exists(*id)).or(first);
            chosen
                .and_then(|id| u8::try_from(id).ok())
                .ok_or_else(|| Failure::not_found("No suitable CRUSH rule exists, check 'osd pool default crush *' config options"))
        }
    }
}

/// Refuses PG instances beyond what the OSDs that are in may hold on average.
fn check_pg_count(s: &Services, added: u64) -> Result<(), Failure> {
    let map = s.osd.view();
    let osds = map.in_osd_count() as u64;
    if osds == 0 {
        return Ok(());
    }
    let limit = s.config.number("mon_max_pg_per_osd");
    let have: u64 = map.pools.values().map(|p| p.pg_num as u64 * p.size as u64).sum();
    if (have + added) / osds > limit {
        let text = format!(
            " pg_num {added} size would mean {} total pgs, which exceeds max {} (mon_max_pg_per_osd {limit} * num_in_osds {osds})",
            have + added,
            limit * osds
        );
        return Err(Failure::new(errno::ERANGE, text.trim_start().to_owned()));
    }
    Ok(())
}

fn delete(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("pool")?;
    let Some(id) = cx.services.osd.view().pool_id(&name) else {
        return Ok(Reply::status(format!("pool '{name}' does not exist")));
    };
    let sure = args.flag("yes_i_really_really_mean_it");
    let faking = args.flag("yes_i_really_really_mean_it_not_faking");
    if args.text("pool2").as_deref() != Some(&name) || !(sure || faking) {
        return Err(Failure::new(
            errno::EPERM,
            format!(
                "WARNING: this will *PERMANENTLY DESTROY* all data stored in pool {name}.  If you are *ABSOLUTELY CERTAIN* that is what you want, pass the pool name *twice*, followed by --yes-i-really-really-mean-it."
            ),
        ));
    }
    remove(cx.services, id)?;
    Ok(Reply::status(format!("pool '{name}' removed")))
}

fn remove(s: &mut Services, id: PoolId) -> Result<(), Failure> {
    let map = s.osd.view();
    if map.pools.get(&id).is_some_and(|p| p.has_flag(pool_flags::NODELETE)) {
        return Err(Failure::new(
            errno::EPERM,
            "pool deletion is disabled; you must unset nodelete flag for the pool first",
        ));
    }
    if !s.config.flag("mon_allow_pool_delete") {
        return Err(Failure::new(
            errno::EPERM,
            "pool deletion is disabled; you must first set the mon_allow_pool_delete config option to true before you can destroy a pool",
        ));
    }
    let map = s.osd.edit();
    map.pools.remove(&id);
    map.pool_names.remove(&id);
    map.pg_temp.retain(|pg, _| pg.pool != id);
    map.primary_temp.retain(|pg, _| pg.pool != id);
    map.pg_upmap.retain(|pg, _| pg.pool != id);
    map.pg_upmap_items.retain(|pg, _| pg.pool != id);
    Ok(())
}

fn rename(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (from, to) = (args.need("srcpool")?, args.need("destpool")?);
    let map = cx.services.osd.view();
    match (map.pool_id(&from), map.pool_id(&to)) {
        (None, Some(_)) => Ok(Reply::status(format!(
            "pool '{from}' does not exist; pool '{to}' does -- assuming successful rename"
        ))),
        (None, None) => Err(Failure::not_found(format!("unrecognized pool '{from}'"))),
        (Some(_), Some(_)) if from == to => {
            Ok(Reply::status(format!("pool '{from}' renamed to '{to}'")))
        }
        (Some(_), Some(_)) => {
            Err(Failure::new(errno::EEXIST, format!("pool '{to}' already exists")))
        }
        (Some(id), None) => {
            cx.services.osd.edit().pool_names.insert(id, to.clone());
            Ok(Reply::status(format!("pool '{from}' renamed to '{to}'")))
        }
    }
}

fn ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.map();
    let names = || map.pools.iter().map(|(id, p)| (id, map.pool_name(*id).unwrap_or_default(), p));
    if !args.has("detail") {
        let plain = || names().map(|(_, name, _)| format!("{name}\n")).collect();
        return answer(args, || names().map(|(_, n, _)| Value::from(n)).collect(), plain);
    }
    let json = || {
        names()
            .map(|(id, name, pool)| {
                let mut entry = json!({"pool_id": id.0, "pool_name": name});
                entry.as_object_mut().expect("an object").extend(pool.dump());
                entry
            })
            .collect()
    };
    let plain = || {
        let mut out: String = names()
            .map(|(id, name, pool)| format!("pool {id} '{name}' {}\n", pool.summary()))
            .collect();
        out.push('\n');
        out
    };
    answer(args, json, plain)
}

fn lspools(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.map();
    let json = || {
        map.pool_names.iter().map(|(id, name)| json!({"poolnum": id.0, "poolname": name})).collect()
    };
    answer(args, json, || {
        map.pool_names.iter().map(|(id, name)| format!("{id} {name}\n")).collect()
    })
}

fn stats(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let only = args.text("pool_name").map(|name| find(cx, &name)).transpose()?;
    let map = cx.services.osd.map();
    let pools = || map.pool_names.iter().filter(|(id, _)| only.is_none_or(|o| o == **id));
    let json = || {
        pools()
            .map(|(id, name)| json!({"pool_name": name, "pool_id": id.0, "recovery": {}, "recovery_rate": {}, "client_io_rate": {}}))
            .collect()
    };
    let plain = || {
        pools()
            .map(|(id, name)| format!("pool {name} id {id}\n  nothing is going on\n\n"))
            .collect()
    };
    answer(args, json, plain)
}

fn snapshot(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    find(cx, &args.need("pool")?)?;
    Err(Failure::new(errno::EOPNOTSUPP, "snapshots of pools are not supported"))
}

fn set_quota(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("pool")?;
    let id = find(cx, &name)?;
    let (field, text) = (args.need("field")?, args.need("val")?);
    let value = crate::config_service::size(&text)
        .ok_or_else(|| Failure::invalid(format!("error parsing value '{text}': not a number")))?;
    let next = cx.services.osd.next_epoch();
    let pool = cx.services.osd.edit().pools.get_mut(&id).expect("found above");
    match field.as_str() {
        "max_objects" => pool.quota_max_objects = value,
        "max_bytes" => pool.quota_max_bytes = value,
        _ => {
            return Err(Failure::invalid(format!(
                "unrecognized option '{field}', should be 'max_bytes' or 'max_objects'"
            )));
        }
    }
    pool.last_change = next;
    Ok(Reply::status(format!("set-quota {field} = {value} for pool {name}")))
}

fn get_quota(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("pool")?;
    let id = find(cx, &name)?;
    let map = cx.services.osd.map().clone();
    let Some(pool) = map.pool(id) else { return Err(Failure::new(errno::EAGAIN, "pool is new")) };
    let sum = cx.services.stats.sum(&map, Some(id)).counts;
    let (objects, bytes) = (sum.num_objects.max(0) as u64, sum.num_bytes.max(0) as u64);
    let json = || {
        json!({
            "pool_name": name, "pool_id": id.0, "quota_max_objects": pool.quota_max_objects,
            "current_num_objects": objects, "quota_max_bytes": pool.quota_max_bytes,
            "current_num_bytes": bytes,
        })
    };
    let plain = || {
        use crate::text;
        let max_objects = match pool.quota_max_objects {
            0 => "N/A".to_owned(),
            n => format!("{} objects  (current num objects: {objects} objects)", text::count(n)),
        };
        let max_bytes = match pool.quota_max_bytes {
            0 => "N/A".to_owned(),
            n => format!("{}  (current num bytes: {bytes} bytes)", text::bytes(n)),
        };
        format!(
            "quotas for pool '{name}':\n  max objects: {max_objects}\n  max bytes  : {max_bytes}"
        )
    };
    answer(args, json, plain)
}

/// Carries out a POOLOP. Returns 0 or a negative errno.
pub fn pool_op(s: &mut Services, now: Now, op: &PoolOp) -> i32 {
    match op.op {
        code::CREATE => {
            if s.osd.view().pool_id(&op.name).is_some() {
                return errno::EEXIST;
            }
            if op.name.is_empty() {
                return errno::EINVAL;
            }
            match new_pool(s, now, &Args::default()) {
                Err(failure) => failure.code,
                Ok(pool) => {
                    let map = s.osd.edit();
                    map.pool_max += 1;
                    let id = PoolId(map.pool_max as i64);
                    map.pools.insert(id, pool);
                    map.pool_names.insert(id, op.name.clone());
                    0
                }
            }
        }
        code::DELETE => match s.osd.view().pools.contains_key(&op.pool) {
            false => errno::ENOENT,
            true => remove(s, op.pool).map_or_else(|f| f.code, |()| 0),
        },
        _ if !s.osd.view().pools.contains_key(&op.pool) => errno::ENOENT,
        _ => errno::EOPNOTSUPP,
    }
}
