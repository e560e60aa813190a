//! `osd pool get` and `osd pool set`.

use super::pool::{autoscale, find};
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer, errno};
use crate::text;
use crush::CrushMap;
use maps::pool::PoolOption;
use maps::pool_options::{self, OptionKind};
use maps::{PgPool, pool_flags};
use serde_json::{Map, Value};

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd pool get",
        "pool:Poolname var:Choices,strings=size|min_size|pg_num|pgp_num|crush_rule|hashpspool|nodelete|nopgchange|nosizechange|write_fadvise_dontneed|noscrub|nodeep-scrub|hit_set_type|hit_set_period|hit_set_count|hit_set_fpp|use_gmt_hitset|target_max_objects|target_max_bytes|cache_target_dirty_ratio|cache_target_dirty_high_ratio|cache_target_full_ratio|cache_min_flush_age|cache_min_evict_age|erasure_code_profile|min_read_recency_for_promote|all|min_write_recency_for_promote|fast_read|hit_set_grade_decay_rate|hit_set_search_last_n|scrub_min_interval|scrub_max_interval|deep_scrub_interval|recovery_priority|recovery_op_priority|scrub_priority|compression_mode|compression_algorithm|compression_required_ratio|compression_max_blob_size|compression_min_blob_size|csum_type|csum_min_block|csum_max_block|allow_ec_overwrites|fingerprint_algorithm|pg_autoscale_mode|pg_autoscale_bias|pg_num_min|pg_num_max|target_size_bytes|target_size_ratio|dedup_tier|dedup_chunk_algorithm|dedup_cdc_chunk_size|bulk",
        "osd",
        "r",
        "a setting of a pool",
        get,
    ),
    cmd(
        "osd pool set",
        "pool:Poolname var:Choices,strings=size|min_size|pg_num|pgp_num|pgp_num_actual|crush_rule|hashpspool|nodelete|nopgchange|nosizechange|write_fadvise_dontneed|noscrub|nodeep-scrub|hit_set_type|hit_set_period|hit_set_count|hit_set_fpp|use_gmt_hitset|target_max_bytes|target_max_objects|cache_target_dirty_ratio|cache_target_dirty_high_ratio|cache_target_full_ratio|cache_min_flush_age|cache_min_evict_age|min_read_recency_for_promote|min_write_recency_for_promote|fast_read|hit_set_grade_decay_rate|hit_set_search_last_n|scrub_min_interval|scrub_max_interval|deep_scrub_interval|recovery_priority|recovery_op_priority|scrub_priority|compression_mode|compression_algorithm|compression_required_ratio|compression_max_blob_size|compression_min_blob_size|csum_type|csum_min_block|csum_max_block|allow_ec_overwrites|fingerprint_algorithm|pg_autoscale_mode|pg_autoscale_bias|pg_num_min|pg_num_max|target_size_bytes|target_size_ratio|dedup_tier|dedup_chunk_algorithm|dedup_cdc_chunk_size|bulk val:String yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "change a setting of a pool",
        set,
    ),
];

const FLAGS: [(&str, u64); 7] = [
    ("hashpspool", pool_flags::HASHPSPOOL),
    ("nodelete", pool_flags::NODELETE),
    ("nopgchange", pool_flags::NOPGCHANGE),
    ("nosizechange", pool_flags::NOSIZECHANGE),
    ("write_fadvise_dontneed", pool_flags::WRITE_FADVISE_DONTNEED),
    ("noscrub", pool_flags::NOSCRUB),
    ("nodeep-scrub", pool_flags::NODEEP_SCRUB),
];

const TIER_ONLY: [&str; 15] = [
    "hit_set_type",
    "hit_set_period",
    "hit_set_count",
    "hit_set_fpp",
    "target_max_objects",
    "target_max_bytes",
    "cache_target_dirty_ratio",
    "cache_target_dirty_high_ratio",
    "cache_target_full_ratio",
    "cache_min_flush_age",
    "cache_min_evict_age",
    "min_read_recency_for_promote",
    "min_write_recency_for_promote",
    "hit_set_grade_decay_rate",
    "hit_set_search_last_n",
];

/// Bit of Ceph's `bulk` flag; it only steers the autoscaler.
const BULK: u64 = 1 << 18;

fn flag(var: &str) -> Option<u64> {
    FLAGS.iter().find(|(name, _)| *name == var).map(|(_, bit)| *bit)
}

fn rule_name(crush: &CrushMap, rule: u8) -> String {
    crush.rule_names.get(&(rule as i32)).cloned().unwrap_or_else(|| rule.to_string())
}

/// JSON and plain form of a variable that is always there; `None` for others.
fn basic(pool: &PgPool, crush: &CrushMap, var: &str) -> Option<(Value, String)> {
    if let Some(bit) = flag(var) {
        let on = pool.has_flag(bit);
        return Some((on.into(), on.to_string()));
    }
    let number = |n: u64| Some((Value::from(n), n.to_string()));
    match var {
        "size" => number(pool.size as u64),
        "min_size" => number(pool.min_size as u64),
        "pg_num" => number(pool.pg_num as u64),
        "pgp_num" => number(pool.pgp_num as u64),
        "crush_rule" => {
            let name = rule_name(crush, pool.crush_rule);
            Some((name.clone().into(), name))
        }
        "use_gmt_hitset" => {
            Some((pool.use_gmt_hitset.into(), (pool.use_gmt_hitset as u8).to_string()))
        }
        "fast_read" => number(pool.fast_read as u64),
        "pg_autoscale_mode" => Some((pool.autoscale_name().into(), pool.autoscale_name().into())),
        "bulk" => {
            let on = pool.has_flag(BULK);
            Some((on.into(), on.to_string()))
        }
        _ => None,
    }
}

fn option_value(option: &PoolOption) -> (Value, String) {
    match option {
        PoolOption::Text(text) => (text.clone().into(), text.clone()),
        PoolOption::Int(n) => ((*n).into(), n.to_string()),
        PoolOption::Float(f) => (text::number(*f), text::general(*f)),
    }
}

const ALL: [&str; 16] = [
    "size",
    "min_size",
    "pg_num",
    "pgp_num",
    "crush_rule",
    "hashpspool",
    "nodelete",
    "nopgchange",
    "nosizechange",
    "write_fadvise_dontneed",
    "noscrub",
    "nodeep-scrub",
    "use_gmt_hitset",
    "fast_read",
    "pg_autoscale_mode",
    "bulk",
];

fn get(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("pool")?;
    let id = find(cx, &name)?;
    let var = args.need("var")?;
    let pool = &cx.services.osd.view().pools[&id];
    let crush = cx.services.osd.crush_view();
    let mut found: Vec<(String, (Value, String))> = Vec::new();
    if var == "all" {
        found.extend(ALL.iter().filter_map(|v| Some(((*v).to_owned(), basic(pool, crush, v)?))));
        let options = pool_options::by_name(&pool.options);
        found.extend(options.into_iter().map(|(n, o)| (n.to_owned(), option_value(o))));
    } else if let Some(value) = basic(pool, crush, &var) {
        found.push((var.clone(), value));
    } else if TIER_ONLY.contains(&var.as_str()) {
        return Err(Failure::new(
            errno::EACCES,
            format!("pool '{name}' is not a tier pool: variable not applicable"),
        ));
    } else if matches!(var.as_str(), "erasure_code_profile" | "allow_ec_overwrites") {
        return Err(Failure::new(
            errno::EACCES,
            format!("pool '{name}' is not a erasure pool: variable not applicable"),
        ));
    } else if let Some((id, _)) = pool_options::find(&var) {
        match pool.options.get(&id) {
            Some(option) => found.push((var.clone(), option_value(option))),
            None => {
                return Err(Failure::not_found(format!(
                    "option '{var}' is not set on pool '{name}'"
                )));
            }
        }
    } else {
        return Err(Failure::invalid(format!("pool '{name}': invalid variable: '{var}'")));
    }
    let json = || {
        let mut out = Map::new();
        out.insert("pool".into(), name.clone().into());
        out.insert("pool_id".into(), id.0.into());
        out.extend(found.iter().map(|(n, (json, _))| (n.clone(), json.clone())));
        out.into()
    };
    answer(args, json, || found.iter().map(|(n, (_, plain))| format!("{n}: {plain}\n")).collect())
}

fn parse_int(text: &str) -> Result<i64, Failure> {
    text.trim().parse().map_err(|_| {
        Failure::invalid(format!("error parsing integer value '{text}': Expected option value to be integer, got '{text}'"))
    })
}

fn set(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("pool")?;
    let id = find(cx, &name)?;
    let (var, val) = (args.need("var")?, args.need("val")?);
    let sure = args.flag("yes_i_really_mean_it");
    let mut pool = cx.services.osd.view().pools[&id].clone();
    change(cx, &mut pool, &name, &var, &val, sure)?;
    pool.last_change = cx.services.osd.next_epoch();
    cx.services.osd.edit().pools.insert(id, pool);
    Ok(Reply::status(format!("set pool {id} {var} to {val}")))
}

fn change(
    cx: &Cx<'_>,
    pool: &mut PgPool,
    name: &str,
    var: &str,
    val: &str,
    sure: bool,
) -> Result<(), Failure> {
    if let Some(bit) = flag(var) {
        if bit == pool_flags::HASHPSPOOL && !sure {
            return Err(Failure::new(
                errno::EPERM,
                "are you SURE?  this will remap all placement groups in this pool, this triggers large data movement, pass --yes-i-really-mean-it if you really do.",
            ));
        }
        return match val {
            "true" | "1" => {
                pool.flags |= bit;
                Ok(())
            }
            "false" | "0" => {
                pool.flags &= !bit;
                Ok(())
            }
            _ => Err(Failure::invalid("expecting value 'true', 'false', '0', or '1'")),
        };
    }
    if TIER_ONLY.contains(&var) {
        return Err(Failure::new(
            errno::EACCES,
            format!("pool '{name}' is not a tier pool: variable not applicable"),
        ));
    }
    match var {
        "size" => set_size(cx, pool, parse_int(val)?, sure),
        "min_size" => {
            let n = parse_int(val)?;
            if n < 1 || n > pool.size as i64 {
                return Err(Failure::invalid(format!(
                    "pool min_size must be between 1 and size, which is set to {}",
                    pool.size
                )));
            }
            pool.min_size = n as u8;
            Ok(())
        }
        "pg_num" => set_pg_num(cx, pool, parse_int(val)?),
        "pgp_num" | "pgp_num_actual" => {
            let n = parse_int(val)?;
            if n <= 0 {
                return Err(Failure::invalid(format!(
                    "specified pgp_num must > 0, but you set to {n}"
                )));
            }
            if n > pool.pg_num_target as i64 {
                return Err(Failure::invalid(format!(
                    "specified pgp_num {n} > pg_num {}",
                    pool.pg_num_target
                )));
            }
            pool.pgp_num = n as u32;
            pool.pgp_num_target = n as u32;
            Ok(())
        }
        "crush_rule" => {
            let crush = cx.services.osd.crush_view();
            let id = crush
                .rule_id(val)
                .and_then(|id| u8::try_from(id).ok())
                .ok_or_else(|| Failure::not_found(format!("crush rule {val} does not exist")))?;
            pool.crush_rule = id;
            Ok(())
        }
        "pg_autoscale_mode" => {
            pool.pg_autoscale_mode = autoscale(val)
                .ok_or_else(|| Failure::invalid(format!("specified invalid mode {val}")))?;
            Ok(())
        }
        "allow_ec_overwrites" => {
            Err(Failure::invalid("ec overwrites can only be enabled for an erasure coded pool"))
        }
        "fast_read" => Err(Failure::invalid("fast read is not supported in replication pool")),
        "use_gmt_hitset" => {
            pool.use_gmt_hitset = matches!(val, "true" | "1");
            Ok(())
        }
        "bulk" => {
            pool.flags =
                if matches!(val, "true" | "1") { pool.flags | BULK } else { pool.flags & !BULK };
            Ok(())
        }
        _ => set_option(pool, var, val),
    }
}

fn set_size(cx: &Cx<'_>, pool: &mut PgPool, n: i64, sure: bool) -> Result<(), Failure> {
    if pool.has_flag(pool_flags::NOSIZECHANGE) {
        return Err(Failure::new(
            errno::EPERM,
            "pool size change is disabled; you must unset nosizechange flag for the pool first",
        ));
    }
    if !(1..=10).contains(&n) {
        return Err(Failure::invalid("pool size must be between 1 and 10"));
    }
    if n == 1 {
        if !cx.services.config.flag("mon_allow_pool_size_one") {
            return Err(Failure::new(
                errno::EPERM,
                "configuring pool size as 1 is disabled by default.",
            ));
        }
        if !sure {
            return Err(Failure::new(
                errno::EPERM,
                "WARNING: setting pool size 1 could lead to data loss without recovery. If you are *ABSOLUTELY CERTAIN* that is what you want, pass the flag --yes-i-really-mean-it.",
            ));
        }
    }
    pool.size = n as u8;
    let min_size = cx.services.config.number("osd_pool_default_min_size");
    pool.min_size = match min_size {
        0 => pool.size - pool.size / 2,
        min => min.min(n as u64) as u8,
    };
    Ok(())
}

fn set_pg_num(cx: &Cx<'_>, pool: &PgPool, n: i64) -> Result<(), Failure> {
    if pool.has_flag(pool_flags::NOPGCHANGE) {
        return Err(Failure::new(
            errno::EPERM,
            "pool pg_num change is disabled; you must unset nopgchange flag for the pool first",
        ));
    }
    if n == pool.pg_num as i64 {
        return Ok(());
    }
    let limit = cx.services.config.number("mon_max_pool_pg_num") as i64;
    if n < 1 || n > limit {
        return Err(Failure::new(
            errno::ERANGE,
            format!(
                "'pg_num' must be greater than 0 and less than or equal to {limit} (you may adjust 'mon max pool pg num' for higher values)"
            ),
        ));
    }
    Err(Failure::new(
        errno::EOPNOTSUPP,
        "PGs are neither split nor merged; pg_num is fixed when the pool is made",
    ))
}

fn set_option(pool: &mut PgPool, var: &str, val: &str) -> Result<(), Failure> {
    let (id, kind) = pool_options::find(var)
        .ok_or_else(|| Failure::invalid(format!("unrecognized variable '{var}'")))?;
    let value = match kind {
        OptionKind::Text if var == "compression_mode" && val == "unset" => {
            pool.options.remove(&id);
            return Ok(());
        }
        OptionKind::Text => PoolOption::Text(val.to_owned()),
        OptionKind::Int => match crate::config_service::size(val) {
            Some(n) => PoolOption::Int(n as i64),
            None => PoolOption::Int(parse_int(val)?),
        },
        OptionKind::Float => {
            let f: f64 = val.parse().ok().filter(|f: &f64| f.is_finite()).ok_or_else(|| {
                Failure::invalid(format!("error parsing floating point value '{val}'"))
            })?;
            PoolOption::Float(f)
        }
    };
    // Zero and an empty text take the option away.
    let unset = match &value {
        PoolOption::Text(text) => text.is_empty(),
        PoolOption::Int(n) => *n == 0,
        PoolOption::Float(f) => *f == 0.0,
    };
    if unset {
        pool.options.remove(&id)
    } else {
        pool.options.insert(id, value)
    };
    Ok(())
}
