//! The Incremental between two maps. Services edit a copy of the map; what differs is what changes.
//!
//! Applying an incremental has effects of its own (a boot sets `up_from`, weight clears "new", a
//! toggled EXISTS clears the rest), so the next map is the old one with the incremental applied, not the
//! edited copy, and this function leaves out what applying does anyway.

use maps::{Incremental, OsdAddrs, OsdMap, osd_state};
use std::collections::BTreeMap;
use types::{OsdId, UTime};

/// What makes `new` from `old`. `None`: nothing has changed.
pub fn diff(old: &OsdMap, new: &OsdMap, now: UTime) -> Option<Incremental> {
    let empty = Incremental::new(old.fsid, old.epoch.next(), now);
    let mut inc = empty.clone();
    cluster(old, new, &mut inc);
    pools(old, new, &mut inc);
    placement(old, new, &mut inc);
    for id in 0..new.max_osd().max(old.max_osd()) {
        osd(old, new, OsdId(id), &mut inc);
    }
    (inc != empty).then_some(inc)
}

fn changed<K: Ord + Clone, V: PartialEq + Clone>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
) -> BTreeMap<K, V> {
    let differs = |(k, v): &(&K, &V)| old.get(*k) != Some(*v);
    new.iter().filter(differs).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn removed<'a, K: Ord + Clone, V>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = K> + 'a {
    old.keys().filter(|k| !new.contains_key(*k)).cloned()
}

fn cluster(old: &OsdMap, new: &OsdMap, inc: &mut Incremental) {
    fn differs<T: PartialEq + Copy>(old: T, new: T) -> Option<T> {
        (old != new).then_some(new)
    }
    inc.new_flags = differs(old.flags, new.flags);
    inc.new_max_osd = differs(old.max_osd(), new.max_osd());
    inc.new_nearfull_ratio = differs(old.nearfull_ratio, new.nearfull_ratio);
    inc.new_full_ratio = differs(old.full_ratio, new.full_ratio);
    inc.new_backfillfull_ratio = differs(old.backfillfull_ratio, new.backfillfull_ratio);
    inc.new_require_min_compat_client =
        differs(old.require_min_compat_client, new.require_min_compat_client);
    inc.new_require_osd_release = differs(old.require_osd_release, new.require_osd_release);
    if old.crush_raw != new.crush_raw {
        inc.crush = new.crush_raw.clone();
    }
    inc.new_erasure_code_profiles = changed(&old.erasure_code_profiles, &new.erasure_code_profiles);
    inc.old_erasure_code_profiles =
        removed(&old.erasure_code_profiles, &new.erasure_code_profiles).collect();
    inc.new_blocklist = changed(&old.blocklist, &new.blocklist);
    inc.old_blocklist = removed(&old.blocklist, &new.blocklist).collect();
    if old.last_up_change != new.last_up_change {
        inc.new_last_up_change = new.last_up_change;
    }
    if old.last_in_change != new.last_in_change {
        inc.new_last_in_change = new.last_in_change;
    }
}

fn pools(old: &OsdMap, new: &OsdMap, inc: &mut Incremental) {
    if old.pool_max != new.pool_max {
        inc.new_pool_max = Some(new.pool_max as i64);
    }
    inc.new_pools = changed(&old.pools, &new.pools);
    inc.new_pool_names = changed(&old.pool_names, &new.pool_names);
    inc.old_pools = removed(&old.pools, &new.pools).collect();
}

fn placement(old: &OsdMap, new: &OsdMap, inc: &mut Incremental) {
    inc.new_pg_temp = changed(&old.pg_temp, &new.pg_temp);
    inc.new_pg_temp.extend(removed(&old.pg_temp, &new.pg_temp).map(|pg| (pg, Vec::new())));
    inc.new_primary_temp = changed(&old.primary_temp, &new.primary_temp);
    inc.new_primary_temp.extend(removed(&old.primary_temp, &new.primary_temp).map(|pg| (pg, -1)));
    inc.new_pg_upmap = changed(&old.pg_upmap, &new.pg_upmap);
    inc.old_pg_upmap = removed(&old.pg_upmap, &new.pg_upmap).collect();
    inc.new_pg_upmap_items = changed(&old.pg_upmap_items, &new.pg_upmap_items);
    inc.old_pg_upmap_items = removed(&old.pg_upmap_items, &new.pg_upmap_items).collect();
}

fn osd(old: &OsdMap, new: &OsdMap, id: OsdId, inc: &mut Incremental) {
    let i = id.0 as usize;
    if i >= new.state.len() {
        return; // Cut off by new_max_osd.
    }
    let (was, is) = (old.state.get(i).copied().unwrap_or(0), new.state[i]);
    if was & osd_state::EXISTS != 0 && is & osd_state::EXISTS == 0 {
        inc.new_state.insert(id, was);
        inc.new_weight.extend((old.weight[i] != new.weight[i]).then_some((id, new.weight[i])));
        return;
    }
    let none = OsdAddrs::default();
    let addrs_before = old.addrs.get(i).unwrap_or(&none);
    let boots =
        is & osd_state::UP != 0 && (was & osd_state::UP == 0 || *addrs_before != new.addrs[i]);
    if boots {
        let addrs = &new.addrs[i];
        inc.new_up_client.insert(id, addrs.client.clone());
        inc.new_up_cluster.insert(id, addrs.cluster.clone());
        inc.new_hb_back_up.insert(id, addrs.heartbeat_back.clone());
        inc.new_hb_front_up.insert(id, addrs.heartbeat_front.clone());
    }
    let weight_before = old.weight.get(i).copied().unwrap_or(0);
    let mut reached = was;
    if weight_before != new.weight[i] {
        inc.new_weight.insert(id, new.weight[i]);
        if new.weight[i] != 0 {
            // Weight makes an OSD exist, and it is neither new nor out any more.
            reached |= osd_state::EXISTS;
            reached &= !(osd_state::AUTOOUT | osd_state::NEW);
        }
    }
    let by_boot = if boots { osd_state::EXISTS | osd_state::UP } else { 0 };
    let toggled = (reached ^ is) & !(by_boot & !reached);
    if toggled != 0 {
        inc.new_state.insert(id, toggled);
    }
    if old.affinity_of(id) != new.affinity_of(id) {
        inc.new_primary_affinity.insert(id, new.affinity_of(id));
    }
    if old.uuid.get(i).copied().unwrap_or_default() != new.uuid[i] {
        inc.new_uuid.insert(id, new.uuid[i]);
    }
    if old.xinfo.get(i).copied().unwrap_or_default() != new.xinfo[i] {
        inc.new_xinfo.insert(id, new.xinfo[i]);
    }
    let (before, after) = (old.info.get(i).copied().unwrap_or_default(), new.info[i]);
    if before.up_thru != after.up_thru {
        inc.new_up_thru.insert(id, after.up_thru);
    }
    let clean = (after.last_clean_begin, after.last_clean_end);
    if (before.last_clean_begin, before.last_clean_end) != clean {
        inc.new_last_clean_interval.insert(id, clean);
    }
    if before.lost_at != after.lost_at {
        inc.new_lost.insert(id, after.lost_at);
    }
}
