//! Questions to the CRUSH map that several services ask.

use crush::builder::{self, EditError};
use crush::{CrushMap, Op};
use maps::OsdMap;
use std::collections::BTreeMap;
use types::OsdId;

/// The first map of a cluster: Ceph's types, root `default`, and `replicated_rule`, which spreads
/// copies over buckets of type number `domain` (0: OSDs).
pub fn initial(domain: u16) -> Result<CrushMap, EditError> {
    let mut map = CrushMap::with_default_root();
    let domain = map
        .types
        .get(&(domain as i32))
        .cloned()
        .ok_or(EditError::NoSuchType { name: domain.to_string() })?;
    map.create_replicated_rule("replicated_rule", "default", &domain, None)?;
    Ok(map)
}

/// Puts a device where it says it is. A device that is in the map keeps its weight. True: changed.
pub fn create_or_move(
    map: &mut CrushMap,
    item: i32,
    weight: f64,
    name: &str,
    location: &BTreeMap<String, String>,
) -> Result<bool, EditError> {
    let weight = builder::weight_from_f64(weight).unwrap_or(0);
    map.create_or_move_item(item, weight, name, location)
}

/// Where an OSD on a machine of this name belongs: in a host under `default`. CRUSH takes few
/// characters; others become `-`, but at the ends. Machines that have no name (Linux calls them
/// `(none)`) share the host `none`: nothing tells their copies apart.
pub fn of_machine(hostname: &str) -> BTreeMap<String, String> {
    let short = hostname.split('.').next().unwrap_or_default();
    let valid = |c: char| builder::is_valid_name(c.encode_utf8(&mut [0; 4]));
    let name: String = short.chars().map(|c| if valid(c) { c } else { '-' }).collect();
    let name = match name.trim_matches('-') {
        "" => "none",
        name => name,
    };
    BTreeMap::from([("host".into(), name.into()), ("root".into(), "default".into())])
}

/// OSDs that are up and in and have no place in the hierarchy, so that no PG is theirs.
pub fn nowhere(map: &OsdMap, crush: &CrushMap) -> Vec<OsdId> {
    let serves = |osd: &OsdId| map.is_up(*osd) && map.is_in(*osd);
    let placed = |osd: &OsdId| !crush.full_location(osd.0 as i32).is_empty();
    map.osds().filter(|osd| serves(osd) && !placed(osd)).collect()
}

/// Type and name of each bucket above an item, from the nearest up.
pub fn location(map: &CrushMap, item: i32) -> Vec<(String, String)> {
    map.full_location(item)
}

/// Buckets of a type, shadows left out, with the OSDs under each.
pub fn subtrees(map: &CrushMap, type_name: &str) -> Vec<(String, Vec<OsdId>)> {
    let Some(kind) = map.type_id(type_name) else { return Vec::new() };
    map.buckets
        .iter()
        .flatten()
        .filter(|b| b.kind == kind && !map.is_shadow(b.id))
        .map(|b| {
            let osds = map.devices_below(b.id);
            let osds = osds.into_iter().filter_map(|o| u32::try_from(o).ok()).map(OsdId).collect();
            (map.item_name(b.id).unwrap_or_default().to_owned(), osds)
        })
        .collect()
}

/// Share of each OSD that a rule may choose: CRUSH weight times `reweight` (16.16).
pub fn rule_weights(
    map: &CrushMap,
    rule: u32,
    reweight: impl Fn(OsdId) -> u32,
) -> BTreeMap<OsdId, f64> {
    let mut out = BTreeMap::new();
    let Some(rule) = map.rules.get(rule as usize).and_then(Option::as_ref) else { return out };
    for step in rule.steps.iter().filter(|s| s.op == Op::Take) {
        for device in map.devices_below(step.arg1) {
            let Ok(id) = u32::try_from(device) else { continue };
            let weight = map.item_weight(device).unwrap_or(0) as f64 / 65536.0;
            let share = weight * reweight(OsdId(id)) as f64 / 65536.0;
            out.insert(OsdId(id), share);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_place() {
        let names = ["a1", "a1.example.org", "(none)", "", "Büro 7", "..."];
        let hosts = names.map(|name| of_machine(name)["host"].clone());
        assert_eq!(hosts, ["a1", "a1", "none", "none", "B-ro-7", "none"]);
        for name in names {
            let mut map = initial(0).unwrap();
            assert_eq!(create_or_move(&mut map, 0, 0.5, "osd.0", &of_machine(name)), Ok(true));
            assert_eq!(location(&map, 0).len(), 2, "{name}");
        }
    }
}
