//! The hierarchy as a tree: `osd tree`, `osd crush tree`, `osd df`.

use super::osd_show::at_epoch;
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, answer};
use crate::services::Services;
use crate::text::{Align, Table, bytes, number};
use crush::CrushMap;
use maps::{OsdMap, WEIGHT_IN};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use types::OsdId;
use types::enc::Decode;

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd tree",
        "epoch:Int,range=0,req=false states:Choices,n=N,req=false,strings=up|down|in|out|destroyed",
        "osd",
        "r",
        "OSDs in their places",
        osd_tree,
    ),
    cmd(
        "osd crush tree",
        "shadow:Choices,req=false,strings=--show-shadow",
        "osd",
        "r",
        "the CRUSH hierarchy",
        crush_tree,
    ),
    cmd(
        "osd df",
        "output_method:Choices,req=false,strings=plain|tree filter_by:Choices,req=false,strings=class|name filter:String,req=false",
        "osd",
        "r",
        "space of OSDs",
        osd_df,
    ),
];

/// One line of a tree.
#[derive(Clone)]
struct Node {
    id: i32,
    depth: usize,
    /// 16.16.
    weight: u32,
    children: Vec<i32>,
}

/// Roots by rising id, children by name, devices by class and id: the order of Ceph's trees.
fn walk(crush: &CrushMap, shadows: bool) -> Vec<Node> {
    let mut out = Vec::new();
    let mut roots: Vec<i32> = crush.roots().into_iter().collect();
    if shadows {
        let held: BTreeSet<i32> =
            crush.buckets.iter().flatten().flat_map(|b| b.items.iter().copied()).collect();
        roots =
            crush.buckets.iter().flatten().map(|b| b.id).filter(|id| !held.contains(id)).collect();
        roots.sort();
    }
    for root in roots.into_iter().filter(|id| *id < 0) {
        descend(crush, root, 0, crush.buckets.get((-1 - root) as usize), &mut out);
    }
    out
}

fn descend(
    crush: &CrushMap,
    id: i32,
    depth: usize,
    bucket: Option<&Option<crush::Bucket>>,
    out: &mut Vec<Node>,
) {
    let Some(Some(bucket)) = bucket else { return };
    let children: Vec<i32> = bucket.items.iter().rev().copied().collect();
    out.push(Node { id, depth, weight: bucket.weight, children });
    let mut items: Vec<(String, i32, u32)> = bucket
        .items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            let key = match item {
                0.. => format!("{}_{item:08}", crush.device_class(*item).unwrap_or("")),
                _ => format!("_{}", crush.item_name(*item).unwrap_or("")),
            };
            (key, *item, bucket.item_weight(i))
        })
        .collect();
    items.sort();
    for (_, item, weight) in items {
        if item >= 0 {
            out.push(Node { id: item, depth: depth + 1, weight, children: Vec::new() });
        } else if depth < crush::map::DEPTH_MAX {
            descend(crush, item, depth + 1, crush.buckets.get((-1 - item) as usize), out);
        }
    }
}

/// Ceph prints five digits, and a bare 0.
fn weight_text(weight: u32) -> String {
    fixed(weight as f64 / 65536.0)
}

fn fixed(value: f64) -> String {
    if value < 0.000005 { "0".into() } else { format!("{value:.5}") }
}

fn kind(crush: &CrushMap, id: i32) -> (u16, String) {
    let kind = match id {
        0.. => 0,
        _ => crush.buckets.get((-1 - id) as usize).and_then(Option::as_ref).map_or(0, |b| b.kind),
    };
    (kind, crush.types.get(&(kind as i32)).cloned().unwrap_or_default())
}

fn name(crush: &CrushMap, id: i32) -> String {
    match id {
        0.. => format!("osd.{id}"),
        _ => crush.item_name(id).unwrap_or_default().to_owned(),
    }
}

fn label(crush: &CrushMap, node: &Node) -> String {
    let name = name(crush, node.id);
    let indent = "    ".repeat(node.depth);
    if node.id >= 0 {
        format!("{indent}{name}")
    } else {
        format!("{indent}{} {name}", kind(crush, node.id).1)
    }
}

fn node_json(crush: &CrushMap, node: &Node) -> Map<String, Value> {
    let (type_id, type_name) = kind(crush, node.id);
    let mut out = Map::new();
    out.insert("id".into(), node.id.into());
    if let Some(class) = crush.device_class(node.id).filter(|_| node.id >= 0) {
        out.insert("device_class".into(), class.into());
    }
    out.insert("name".into(), name(crush, node.id).into());
    out.insert("type".into(), type_name.into());
    out.insert("type_id".into(), type_id.into());
    if node.id >= 0 {
        out.insert("crush_weight".into(), number(node.weight as f64 / 65536.0));
        out.insert("depth".into(), node.depth.into());
    }
    // Ceph leaves it out where there is no parent.
    if node.depth > 0 {
        out.insert("pool_weights".into(), json!({}));
    }
    if node.id < 0 {
        out.insert("children".into(), node.children.clone().into());
    }
    out
}

fn status(map: &OsdMap, osd: OsdId) -> &'static str {
    match (map.is_up(osd), map.is_destroyed(osd)) {
        (true, _) => "up",
        (_, true) => "destroyed",
        _ => "down",
    }
}

fn osd_tree(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = at_epoch(cx, args)?;
    let crush =
        CrushMap::from_slice(&map.crush_raw).map_err(|e| Failure::invalid(e.to_string()))?;
    let states = args.list("states");
    let asked = |names: &[&str]| states.iter().filter(|s| names.contains(&s.as_str())).count();
    if asked(&["up", "down", "destroyed"]) > 1 {
        return Err(Failure::invalid("can specify only one of 'up', 'down' and 'destroyed'"));
    }
    if asked(&["in", "out"]) > 1 {
        return Err(Failure::invalid("cannot specify both 'in' and 'out'"));
    }
    let wanted = |osd: OsdId| {
        let has = |state: &String| match state.as_str() {
            "up" => map.is_up(osd),
            "down" => map.is_down(osd) && !map.is_destroyed(osd),
            "in" => map.is_in(osd),
            "out" => map.is_out(osd),
            "destroyed" => map.is_destroyed(osd),
            _ => false,
        };
        map.exists(osd) && (states.is_empty() || states.iter().all(has))
    };
    let osd_of = |node: &Node| u32::try_from(node.id).ok().map(OsdId);
    let mut nodes = walk(&crush, false);
    if !states.is_empty() {
        let keep: BTreeSet<i32> = map.osds().filter(|o| wanted(*o)).map(|o| o.0 as i32).collect();
        let holds = |id: i32| crush.devices_below(id).iter().any(|d| keep.contains(d));
        nodes.retain(|n| if n.id >= 0 { keep.contains(&n.id) } else { holds(n.id) });
    }
    let placed: BTreeSet<i32> = walk(&crush, false).iter().map(|n| n.id).collect();
    let stray: Vec<Node> = map
        .osds()
        .filter(|o| !placed.contains(&(o.0 as i32)) && wanted(*o))
        .map(|o| Node { id: o.0 as i32, depth: 0, weight: 0, children: Vec::new() })
        .collect();
    let json_of = |node: &Node| -> Value {
        let mut out = node_json(&crush, node);
        if let Some(osd) = osd_of(node) {
            out.insert("exists".into(), (map.exists(osd) as u8).into());
            out.insert("status".into(), status(&map, osd).into());
            out.insert("reweight".into(), number(map.weight_of(osd) as f64 / 65536.0));
            out.insert("primary_affinity".into(), number(map.affinity_of(osd) as f64 / 65536.0));
        }
        out.into()
    };
    let json = || {
        let list = |nodes: &[Node]| nodes.iter().map(json_of).collect::<Value>();
        json!({"nodes": list(&nodes), "stray": list(&stray)})
    };
    let plain = || {
        use Align::{Left, Right};
        let mut table = Table::default()
            .column("ID", Left, Right)
            .column("CLASS", Left, Right)
            .column("WEIGHT", Left, Right)
            .column("TYPE NAME", Left, Left)
            .column("STATUS", Left, Right)
            .column("REWEIGHT", Left, Right)
            .column("PRI-AFF", Left, Right);
        for node in nodes.iter().chain(&stray) {
            let class = crush.device_class(node.id).unwrap_or("").to_owned();
            let mut row =
                vec![node.id.to_string(), class, weight_text(node.weight), label(&crush, node)];
            match osd_of(node) {
                Some(osd) if map.exists(osd) => row.extend([
                    status(&map, osd).to_owned(),
                    weight_text(map.weight_of(osd)),
                    weight_text(map.affinity_of(osd)),
                ]),
                Some(_) => row.extend(["DNE".to_owned(), "0".into(), String::new()]),
                None => {}
            }
            table.row(row);
        }
        table.render()
    };
    answer(args, json, plain)
}

fn crush_tree(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let crush = cx.services.osd.crush();
    let nodes = walk(crush, args.has("shadow"));
    let json = || {
        let list: Value = nodes.iter().map(|n| Value::from(node_json(crush, n))).collect();
        json!({"nodes": list, "stray": []})
    };
    let plain = || {
        use Align::{Left, Right};
        let mut table = Table::default()
            .column("ID", Left, Right)
            .column("CLASS", Left, Right)
            .column("WEIGHT", Left, Right)
            .column("TYPE NAME", Left, Left);
        for node in &nodes {
            let class = crush.device_class(node.id).unwrap_or("").to_owned();
            table.row([node.id.to_string(), class, weight_text(node.weight), label(crush, node)]);
        }
        table.render()
    };
    answer(args, json, plain)
}

/// Space and PGs below one node.
#[derive(Clone, Copy, Default)]
struct Usage {
    total: u64,
    used: u64,
    avail: u64,
    pgs: u64,
}

impl Usage {
    fn percent(&self) -> f64 {
        if self.total == 0 { 0.0 } else { 100.0 * self.used as f64 / self.total as f64 }
    }
}

fn usage(s: &Services, osds: impl IntoIterator<Item = u32>) -> Usage {
    let counts = s.stats.pgs_per_osd(s.osd.map());
    let mut sum = Usage::default();
    for osd in osds {
        let stat = s.stats.osds.get(&osd).copied().unwrap_or_default();
        sum.total += stat.total;
        sum.used += stat.used;
        sum.avail += stat.available;
        sum.pgs += counts.get(&osd).copied().unwrap_or(0);
    }
    sum
}

fn osd_df(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let s = &*cx.services;
    let map = s.osd.map();
    let crush = s.osd.crush();
    let tree = args.text("output_method").as_deref() == Some("tree");
    let filter = args.text("filter").unwrap_or_default();
    let under = crush.item_id(&filter).map(|id| crush.devices_below(id)).unwrap_or_default();
    let wanted = |id: i32| match args.text("filter_by").as_deref() {
        Some("class") => crush.device_class(id) == Some(filter.as_str()),
        Some("name") => under.contains(&id) || name(crush, id) == filter,
        _ => true,
    };
    let mut nodes = walk(crush, false);
    nodes.retain(|n| if n.id >= 0 { map.exists(OsdId(n.id as u32)) && wanted(n.id) } else { tree });
    if !tree {
        nodes.sort_by_key(|n| n.id);
        nodes.dedup_by_key(|n| n.id);
    }
    let below = |node: &Node| -> Usage {
        match u32::try_from(node.id) {
            Ok(osd) => usage(s, [osd]),
            Err(_) => usage(
                s,
                crush.devices_below(node.id).into_iter().filter_map(|d| u32::try_from(d).ok()),
            ),
        }
    };
    let devices: BTreeSet<u32> = nodes.iter().filter_map(|n| u32::try_from(n.id).ok()).collect();
    let total = usage(s, devices.iter().copied());
    let average = total.percent();
    let var = |u: &Usage| if average > 0.0 { u.percent() / average } else { 0.0 };
    let shares: Vec<Usage> = devices.iter().map(|d| usage(s, [*d])).collect();
    let vars = || shares.iter().map(var);
    let min_var = vars().fold(f64::INFINITY, f64::min).min(f64::MAX);
    let max_var = vars().fold(0.0, f64::max);
    let n = shares.len().max(1) as f64;
    let dev = (shares.iter().map(|u| (u.percent() - average).powi(2)).sum::<f64>() / n).sqrt();
    let min_var = if shares.is_empty() { 0.0 } else { min_var };
    let reweight = |node: &Node| match u32::try_from(node.id) {
        Ok(osd) => map.weight_of(OsdId(osd)) as f64 / WEIGHT_IN as f64,
        Err(_) => -1.0,
    };
    let json = || {
        let list: Vec<Value> = nodes
            .iter()
            .map(|node| {
                let u = below(node);
                let mut out = node_json(crush, node);
                let children = out.shift_remove("children");
                out.insert("reweight".into(), number(reweight(node)));
                for (key, value) in [
                    ("kb", u.total >> 10),
                    ("kb_used", u.used >> 10),
                    ("kb_used_data", u.used >> 10),
                    ("kb_used_omap", 0),
                    ("kb_used_meta", 0),
                    ("kb_avail", u.avail >> 10),
                ] {
                    out.insert(key.into(), value.into());
                }
                out.insert("utilization".into(), number(u.percent()));
                out.insert("var".into(), number(var(&u)));
                out.insert("pgs".into(), u.pgs.into());
                match u32::try_from(node.id) {
                    Ok(osd) => drop(out.insert("status".into(), status(map, OsdId(osd)).into())),
                    Err(_) => out.extend(children.map(|c| ("children".to_owned(), c))),
                }
                out.into()
            })
            .collect();
        json!({"nodes": list, "stray": [], "summary": {
            "total_kb": total.total >> 10, "total_kb_used": total.used >> 10,
            "total_kb_used_data": total.used >> 10, "total_kb_used_omap": 0,
            "total_kb_used_meta": 0, "total_kb_avail": total.avail >> 10,
            "average_utilization": number(average), "min_var": number(min_var),
            "max_var": number(max_var), "dev": number(dev),
        }})
    };
    let plain = || {
        use Align::{Left, Right};
        let mut table = Table::default();
        for (heading, head) in [
            ("ID", Left),
            ("CLASS", Left),
            ("WEIGHT", Left),
            ("REWEIGHT", Left),
            ("SIZE", Left),
            ("RAW USE", Left),
            ("DATA", Left),
            ("OMAP", Left),
            ("META", Left),
            ("AVAIL", Left),
            ("%USE", Left),
            ("VAR", Left),
            ("PGS", Left),
            ("STATUS", Left),
        ] {
            table = table.column(heading, head, Right);
        }
        if tree {
            table = table.column("TYPE NAME", Left, Left);
        }
        let cells = |u: &Usage| {
            let used = bytes(u.used);
            let zero = bytes(0);
            vec![
                bytes(u.total),
                used.clone(),
                used,
                zero.clone(),
                zero,
                bytes(u.avail),
                percent(u.percent()),
            ]
        };
        for node in &nodes {
            let u = below(node);
            let weight = if node.id >= 0 { fixed(reweight(node)) } else { "-".into() };
            let class = crush.device_class(node.id).unwrap_or("").to_owned();
            let mut row = vec![node.id.to_string(), class, weight_text(node.weight), weight];
            row.extend(cells(&u));
            row.push(percent(var(&u)));
            match u32::try_from(node.id) {
                Ok(osd) => row.extend([u.pgs.to_string(), status(map, OsdId(osd)).to_owned()]),
                Err(_) => row.extend(["-".to_owned(), String::new()]),
            }
            row.push(label(crush, node));
            table.row(row);
        }
        let mut last = vec![String::new(), String::new(), String::new(), "TOTAL".into()];
        last.extend(cells(&total));
        table.row(last);
        let dev = percent(dev);
        format!(
            "{}MIN/MAX VAR: {}/{}  STDDEV: {dev}\n",
            table.render(),
            percent(min_var),
            percent(max_var)
        )
    };
    answer(args, json, plain)
}

/// Two digits, and a bare 0.
fn percent(value: f64) -> String {
    if value < 0.005 { "0".into() } else { format!("{value:.2}") }
}
