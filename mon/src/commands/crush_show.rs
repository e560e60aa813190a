//! What the CRUSH map says: rules, classes, tunables, the whole map as JSON.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, answer, answer_json};
use crush::{CrushMap, Op, Rule, Step, Tunables};
use serde_json::{Map, Value, json};

pub const COMMANDS: &[Spec] = &[
    cmd("osd crush dump", "", "osd", "r", "the CRUSH map", dump_command),
    cmd("osd crush rule ls", "", "osd", "r", "names of rules", rule_ls),
    cmd("osd crush rule list", "", "osd", "r", "names of rules", rule_ls),
    cmd(
        "osd crush rule dump",
        "name:String,goodchars=[A-Za-z0-9-_.],req=false",
        "osd",
        "r",
        "rules",
        rule_dump,
    ),
    cmd(
        "osd crush rule ls-by-class",
        "class:String,goodchars=[A-Za-z0-9-_.]",
        "osd",
        "r",
        "rules for a device class",
        rule_by_class,
    ),
    cmd("osd crush class ls", "", "osd", "r", "device classes", class_ls),
    cmd(
        "osd crush class ls-osd",
        "class:String,goodchars=[A-Za-z0-9-_]",
        "osd",
        "r",
        "OSDs of a device class",
        class_ls_osd,
    ),
    cmd(
        "osd crush get-device-class",
        "ids:String,n=N",
        "osd",
        "r",
        "device class of OSDs",
        get_class,
    ),
    cmd(
        "osd crush ls",
        "node:String,goodchars=[A-Za-z0-9-_.]",
        "osd",
        "r",
        "what a bucket holds",
        ls,
    ),
    cmd("osd crush show-tunables", "", "osd", "r", "tunables of placement", show_tunables),
    cmd(
        "osd crush get-tunable",
        "tunable:Choices,strings=straw_calc_version",
        "osd",
        "r",
        "one tunable",
        get_tunable,
    ),
    cmd("osd crush weight-set ls", "", "osd", "r", "weight sets", weight_sets),
];

fn op_name(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::Noop => "noop",
        Op::Take => "take",
        Op::Emit => "emit",
        Op::ChooseFirstN => "choose_firstn",
        Op::ChooseIndep => "choose_indep",
        Op::ChooseLeafFirstN => "chooseleaf_firstn",
        Op::ChooseLeafIndep => "chooseleaf_indep",
        Op::SetChooseTries => "set_choose_tries",
        Op::SetChooseLeafTries => "set_chooseleaf_tries",
        _ => return None,
    })
}

fn step_json(map: &CrushMap, step: &Step) -> Value {
    let Some(name) = op_name(step.op) else {
        return json!({"opcode": step.op.number(), "arg1": step.arg1, "arg2": step.arg2});
    };
    let kind = || map.types.get(&step.arg2).cloned().unwrap_or_default();
    match step.op {
        Op::Noop | Op::Emit => json!({"op": name}),
        Op::Take => {
            json!({"op": name, "item": step.arg1, "item_name": map.item_name(step.arg1).unwrap_or_default()})
        }
        Op::SetChooseTries | Op::SetChooseLeafTries => json!({"op": name, "num": step.arg1}),
        _ => json!({"op": name, "num": step.arg1, "type": kind()}),
    }
}

fn rule_json(map: &CrushMap, id: usize, rule: &Rule) -> Value {
    json!({
        "rule_id": id,
        "rule_name": map.rule_names.get(&(id as i32)).cloned().unwrap_or_default(),
        "ruleset": rule.mask.ruleset,
        "type": rule.mask.kind,
        "min_size": rule.mask.size_min,
        "max_size": rule.mask.size_max,
        "steps": rule.steps.iter().map(|s| step_json(map, s)).collect::<Vec<_>>(),
    })
}

fn rules(map: &CrushMap) -> impl Iterator<Item = (usize, &Rule)> {
    map.rules.iter().enumerate().filter_map(|(id, rule)| Some((id, rule.as_ref()?)))
}

fn tunables_json(map: &CrushMap) -> Value {
    let t = &map.tunables;
    let same =
        |profile: Tunables| Tunables { straw_calc_version: t.straw_calc_version, ..profile } == *t;
    let profile = [
        ("jewel", Tunables::JEWEL),
        ("hammer", Tunables::HAMMER),
        ("firefly", Tunables::FIREFLY),
        ("bobtail", Tunables::BOBTAIL),
        ("argonaut", Tunables::ARGONAUT),
    ]
    .into_iter()
    .find(|(_, p)| same(*p))
    .map_or("unknown", |(name, _)| name);
    let straw2 = map.buckets.iter().flatten().any(|b| b.alg() == crush::BucketAlg::Straw2);
    let tunables2 = t.chooseleaf_descend_once != 0;
    let indep = rules(map).any(|(_, r)| {
        r.steps.iter().any(|s| {
            matches!(
                s.op,
                Op::ChooseIndep | Op::ChooseLeafIndep | Op::SetChooseTries | Op::SetChooseLeafTries
            )
        })
    });
    let v3 = rules(map).any(|(_, r)| r.steps.iter().any(|s| s.op == Op::SetChooseLeafVaryR));
    let v5 = rules(map).any(|(_, r)| r.steps.iter().any(|s| s.op == Op::SetChooseLeafStable));
    let minimum = match (t.chooseleaf_stable != 0, straw2, t.chooseleaf_vary_r != 0, tunables2) {
        (true, ..) => "jewel",
        (_, true, ..) => "hammer",
        (_, _, true, _) => "firefly",
        (_, _, _, true) => "bobtail",
        _ => "argonaut",
    };
    let flag = |b: bool| b as u8;
    json!({
        "choose_local_tries": t.choose_local_tries,
        "choose_local_fallback_tries": t.choose_local_fallback_tries,
        "choose_total_tries": t.choose_total_tries,
        "chooseleaf_descend_once": t.chooseleaf_descend_once,
        "chooseleaf_vary_r": t.chooseleaf_vary_r,
        "chooseleaf_stable": t.chooseleaf_stable,
        "straw_calc_version": t.straw_calc_version,
        "allowed_bucket_algs": t.allowed_bucket_algs,
        "profile": profile,
        "optimal_tunables": flag(same(Tunables::JEWEL)),
        "legacy_tunables": flag(same(Tunables::ARGONAUT)),
        "minimum_required_version": minimum,
        "require_feature_tunables": flag(!same(Tunables::ARGONAUT)),
        "require_feature_tunables2": flag(tunables2),
        "has_v2_rules": flag(indep),
        "require_feature_tunables3": flag(t.chooseleaf_vary_r != 0),
        "has_v3_rules": flag(v3),
        "has_v4_buckets": flag(straw2),
        "require_feature_tunables5": flag(t.chooseleaf_stable != 0),
        "has_v5_rules": flag(v5),
    })
}

/// The whole map as `osd crush dump` shows it.
pub fn dump(map: &CrushMap) -> Value {
    let devices: Vec<Value> = (0..map.max_devices)
        .map(|id| {
            let mut out = Map::new();
            out.insert("id".into(), id.into());
            let name = map.item_name(id).map_or_else(|| format!("device{id}"), str::to_owned);
            out.insert("name".into(), name.into());
            if let Some(class) = map.device_class(id) {
                out.insert("class".into(), class.into());
            }
            out.into()
        })
        .collect();
    let types: Vec<Value> =
        map.types.iter().map(|(id, n)| json!({"type_id": id, "name": n})).collect();
    let buckets: Vec<Value> = map
        .buckets
        .iter()
        .flatten()
        .map(|b| {
            let items: Vec<Value> = b
                .items
                .iter()
                .enumerate()
                .map(|(i, item)| json!({"id": item, "weight": b.item_weight(i), "pos": i}))
                .collect();
            json!({
                "id": b.id,
                "name": map.item_name(b.id).unwrap_or_default(),
                "type_id": b.kind,
                "type_name": map.types.get(&(b.kind as i32)).cloned().unwrap_or_default(),
                "weight": b.weight,
                "alg": b.alg().name(),
                "hash": "rjenkins1",
                "items": items,
            })
        })
        .collect();
    let choose_args: Map<String, Value> = map
        .choose_args
        .iter()
        .map(|(id, args)| {
            let list = args
                .iter()
                .map(|(slot, arg)| {
                    let mut out = Map::new();
                    out.insert("bucket_id".into(), (-1 - *slot as i64).into());
                    if !arg.weight_set.is_empty() {
                        let sets: Vec<Vec<Value>> = arg
                            .weight_set
                            .iter()
                            .map(|set| {
                                set.iter()
                                    .map(|w| crate::text::number(*w as f64 / 65536.0))
                                    .collect()
                            })
                            .collect();
                        out.insert("weight_set".into(), json!(sets));
                    }
                    if !arg.ids.is_empty() {
                        out.insert("ids".into(), json!(arg.ids));
                    }
                    Value::from(out)
                })
                .collect();
            (id.to_string(), list)
        })
        .collect();
    json!({
        "devices": devices,
        "types": types,
        "buckets": buckets,
        "rules": rules(map).map(|(id, r)| rule_json(map, id, r)).collect::<Vec<_>>(),
        "tunables": tunables_json(map),
        "choose_args": choose_args,
    })
}

fn dump_command(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, dump(cx.services.osd.crush()))
}

fn rule_ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let names = || rules(map).filter_map(|(id, _)| map.rule_names.get(&(id as i32)));
    answer(
        args,
        || names().map(|n| Value::from(n.as_str())).collect(),
        || names().map(|n| format!("{n}\n")).collect(),
    )
}

fn rule_dump(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let Some(name) = args.text("name").filter(|n| !n.is_empty()) else {
        return answer_json(args, rules(map).map(|(id, r)| rule_json(map, id, r)).collect());
    };
    let unknown = || Failure::not_found(format!("unknown crush rule '{name}'"));
    let id = map.rule_id(&name).ok_or_else(unknown)? as usize;
    let rule = map.rules.get(id).and_then(Option::as_ref).ok_or_else(unknown)?;
    answer_json(args, rule_json(map, id, rule))
}

fn rule_by_class(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let class = args.need("class")?;
    let id = map
        .class_id(&class)
        .ok_or_else(|| Failure::not_found(format!("failed to get rules by class '{class}'")))?;
    let names: Vec<String> = map
        .rules_of_class(id)
        .into_iter()
        .filter_map(|r| map.rule_names.get(&(r as i32)).cloned())
        .collect();
    answer(args, || names.clone().into(), || names.iter().map(|n| format!("{n}\n")).collect())
}

fn class_ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let used = |class: &str| !map.devices_of_class(class).is_empty();
    answer_json(
        args,
        map.class_names.values().filter(|n| used(n)).map(|n| Value::from(n.as_str())).collect(),
    )
}

fn class_ls_osd(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let osds = cx.services.osd.crush().devices_of_class(&args.need("class")?);
    answer(args, || osds.clone().into(), || osds.iter().map(|o| format!("{o}\n")).collect())
}

fn get_class(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let mut found = Vec::new();
    for text in args.list("ids") {
        let id = super::args::parse_osd(&text)
            .ok_or_else(|| Failure::invalid(format!("unable to parse osd id:\"{text}\"")))?;
        found.push((id, map.device_class(id as i32).unwrap_or("").to_owned()));
    }
    let json = || found.iter().map(|(o, c)| json!({"osd": o, "device_class": c})).collect();
    answer(args, json, || {
        found
            .iter()
            .map(|(_, c)| format!("{c}\n"))
            .collect::<String>()
            .trim_start_matches('\n')
            .into()
    })
}

fn ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let node = args.need("node")?;
    let id = map
        .item_id(&node)
        .ok_or_else(|| Failure::not_found(format!("node '{node}' does not exist")))?;
    let items =
        map.buckets.get((-1 - id.min(-1)) as usize).and_then(Option::as_ref).filter(|b| b.id == id);
    let names: Vec<String> = match items {
        Some(bucket) => {
            bucket.items.iter().map(|i| map.item_name(*i).unwrap_or_default().to_owned()).collect()
        }
        None => vec![node],
    };
    answer(args, || names.clone().into(), || names.iter().map(|n| format!("{n}\n")).collect())
}

fn show_tunables(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, tunables_json(cx.services.osd.crush()))
}

fn get_tunable(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let version = cx.services.osd.crush().tunables.straw_calc_version;
    answer(args, || json!({"straw_calc_version": version}), || version.to_string())
}

fn weight_sets(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.crush();
    let names = || {
        map.choose_args.keys().map(|id| match id {
            -1 => "(compat)".to_owned(),
            id => id.to_string(),
        })
    };
    answer(args, || names().map(Value::from).collect(), || names().map(|n| n + "\n").collect())
}
