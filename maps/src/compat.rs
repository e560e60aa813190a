//! What clients must understand to use a map.

use crate::osd_map::{AFFINITY_DEFAULT, OsdMap};
use crate::pool::pool_flags;
use crate::release::Release;
use crush::{ChooseArgMap, CrushMap, DEFAULT_CHOOSE_ARGS, Op, Tunables};
use types::features;

/// Cache tiers.
const CACHEPOOL: u64 = 1 << 35;
/// Steps of indep rules and their retries.
const CRUSH_V2: u64 = 1 << 36;
/// Signatures with 128-bit nonces in cephx.
const CEPHX_V2: u64 = 1 << 61;
/// Upmap and choose_args both came with luminous and share its bit.
const UPMAP: u64 = features::SERVER_LUMINOUS;

impl OsdMap {
    /// The feature bits that a client needs to place objects with this map.
    pub fn features_required_of_clients(&self) -> u64 {
        let mut bits = features_of_crush(&self.crush);
        if !self.pg_upmap.is_empty() || !self.pg_upmap_items.is_empty() {
            bits |= UPMAP;
        }
        for pool in self.pools.values() {
            if pool.has_flag(pool_flags::HASHPSPOOL) {
                bits |= features::OSDHASHPSPOOL;
            }
            if !pool.tiers.is_empty() || pool.tier_of >= 0 {
                bits |= CACHEPOOL;
            }
            let (rule, kind, size) = (pool.crush_rule.into(), pool.kind as u32, pool.size.into());
            if let Some(rule) = self.crush.find_rule(rule, kind, size) {
                bits |= features_of_rule(&self.crush, rule);
            }
        }
        if self.primary_affinity.iter().any(|affinity| *affinity != AFFINITY_DEFAULT) {
            // Primary affinity and chooseleaf_vary_r came together and share a bit.
            bits |= features::CRUSH_TUNABLES3;
        }
        if self.require_min_compat_client >= Release::NAUTILUS {
            bits |= CEPHX_V2;
        }
        bits
    }

    /// The oldest release whose clients can use this map.
    pub fn min_compat_client(&self) -> Release {
        let bits = self.features_required_of_clients();
        let oldest = [
            (UPMAP, Release::LUMINOUS),
            (features::CRUSH_TUNABLES5, Release::JEWEL),
            (features::CRUSH_V4, Release(8)),
            (features::CRUSH_TUNABLES3, Release(6)),
            (CACHEPOOL, Release(6)),
            (features::CRUSH_TUNABLES2, Release(4)),
            (features::OSDHASHPSPOOL, Release(4)),
        ];
        let found = oldest.iter().find(|(mask, _)| features::has(bits, *mask));
        found.map_or(Release(1), |(_, release)| *release)
    }
}

fn features_of_crush(map: &CrushMap) -> u64 {
    let t = &map.tunables;
    let old = Tunables::ARGONAUT;
    let mut bits = 0;
    if (t.choose_local_tries, t.choose_local_fallback_tries, t.choose_total_tries)
        != (old.choose_local_tries, old.choose_local_fallback_tries, old.choose_total_tries)
    {
        bits |= features::CRUSH_TUNABLES;
    }
    if t.chooseleaf_descend_once != 0 {
        bits |= features::CRUSH_TUNABLES2;
    }
    if t.chooseleaf_vary_r != 0 {
        bits |= features::CRUSH_TUNABLES3;
    }
    if t.chooseleaf_stable != 0 {
        bits |= features::CRUSH_TUNABLES5;
    }
    if map.all_buckets().any(|bucket| bucket.alg() == crush::BucketAlg::Straw2) {
        bits |= features::CRUSH_V4;
    }
    if needs_choose_args(map) {
        bits |= UPMAP;
    }
    bits
}

/// A single default weight set with one position can be shown to old clients as plain weights.
fn needs_choose_args(map: &CrushMap) -> bool {
    let plain = |args: &ChooseArgMap| {
        args.values().all(|arg| {
            (arg.weight_set.is_empty() && arg.ids.is_empty())
                || (arg.weight_set.len() == 1 && arg.ids.is_empty())
        })
    };
    let mut sets = map.choose_args.iter();
    match (sets.next(), sets.next()) {
        (None, _) => false,
        (Some((id, args)), None) => *id != DEFAULT_CHOOSE_ARGS || !plain(args),
        (Some(_), Some(_)) => true,
    }
}

fn features_of_rule(map: &CrushMap, rule: u32) -> u64 {
    let steps = map.rule(rule).map_or(&[][..], |rule| &rule.steps);
    let bits = steps.iter().map(|step| match step.op {
        Op::ChooseIndep | Op::ChooseLeafIndep | Op::SetChooseTries | Op::SetChooseLeafTries => {
            CRUSH_V2
        }
        Op::SetChooseLeafVaryR => features::CRUSH_TUNABLES3,
        Op::SetChooseLeafStable => features::CRUSH_TUNABLES5,
        _ => 0,
    });
    bits.fold(0, |all, bits| all | bits)
}
