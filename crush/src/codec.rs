//! Encoding of the CRUSH map, byte for byte what Ceph 16 writes (ceph-wire section 5, CRUSH blob).

use crate::map::*;
use std::collections::BTreeMap;
use types::enc::{Decode, DecodeError, Encode, Reader, Result, put_blob};

const MAGIC: u32 = 0x0001_0000;

impl Encode for CrushMap {
    fn encode(&self, out: &mut Vec<u8>) {
        MAGIC.encode(out);
        (self.buckets.len() as u32).encode(out);
        (self.rules.len() as u32).encode(out);
        self.max_devices.encode(out);
        for bucket in &self.buckets {
            encode_bucket(bucket.as_ref(), out);
        }
        for rule in &self.rules {
            encode_rule(rule.as_ref(), out);
        }
        self.types.encode(out);
        self.names.encode(out);
        self.rule_names.encode(out);
        encode_tunables(&self.tunables, out);
        self.class_map.encode(out);
        self.class_names.encode(out);
        self.class_buckets.encode(out);
        encode_choose_args(&self.choose_args, out);
    }
}

fn encode_bucket(bucket: Option<&Bucket>, out: &mut Vec<u8>) {
    let Some(bucket) = bucket else {
        return 0u32.encode(out);
    };
    let alg = bucket.alg() as u8;
    u32::from(alg).encode(out);
    bucket.id.encode(out);
    bucket.kind.encode(out);
    alg.encode(out);
    bucket.hash.encode(out);
    bucket.weight.encode(out);
    bucket.items.encode(out);
    let pairs = |a: &[u32], b: &[u32], out: &mut Vec<u8>| {
        for (a, b) in a.iter().zip(b) {
            a.encode(out);
            b.encode(out);
        }
    };
    match &bucket.weights {
        BucketWeights::Uniform { item } => item.encode(out),
        BucketWeights::List { items, sums } => pairs(items, sums, out),
        BucketWeights::Tree { nodes } => {
            (nodes.len() as u8).encode(out);
            nodes.iter().for_each(|weight| weight.encode(out));
        }
        BucketWeights::Straw { items, straws } => pairs(items, straws, out),
        BucketWeights::Straw2 { items } => items.iter().for_each(|weight| weight.encode(out)),
    }
}

fn encode_rule(rule: Option<&Rule>, out: &mut Vec<u8>) {
    let Some(rule) = rule else {
        return 0u32.encode(out);
    };
    1u32.encode(out);
    (rule.steps.len() as u32).encode(out);
    let mask = rule.mask;
    out.extend_from_slice(&[mask.ruleset, mask.kind, mask.size_min, mask.size_max]);
    for step in &rule.steps {
        step.op.number().encode(out);
        step.arg1.encode(out);
        step.arg2.encode(out);
    }
}

fn encode_tunables(t: &Tunables, out: &mut Vec<u8>) {
    t.choose_local_tries.encode(out);
    t.choose_local_fallback_tries.encode(out);
    t.choose_total_tries.encode(out);
    t.chooseleaf_descend_once.encode(out);
    t.chooseleaf_vary_r.encode(out);
    t.straw_calc_version.encode(out);
    t.allowed_bucket_algs.encode(out);
    t.chooseleaf_stable.encode(out);
}

fn encode_choose_args(all: &BTreeMap<i64, ChooseArgMap>, out: &mut Vec<u8>) {
    (all.len() as u32).encode(out);
    for (id, args) in all {
        id.encode(out);
        // Ceph leaves out entries that replace nothing.
        let says_something = |arg: &ChooseArg| !arg.weight_set.is_empty() || !arg.ids.is_empty();
        (args.values().filter(|arg| says_something(arg)).count() as u32).encode(out);
        for (slot, arg) in args.iter().filter(|(_, arg)| says_something(arg)) {
            slot.encode(out);
            arg.weight_set.encode(out);
            arg.ids.encode(out);
        }
    }
}

impl Decode for CrushMap {
    /// Reads a map and checks its shape: every item exists, no bucket is its own ancestor and no
    /// nesting is deeper than [`DEPTH_MAX`]. Parts that older versions did not write may be missing
    /// at the end, so the reader must hold the map alone.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let magic = r.u32()?;
        if magic != MAGIC {
            return Err(DecodeError::Invalid { what: "CRUSH magic", value: magic.into() });
        }
        let bucket_count = bounded_count(r, "CRUSH bucket count")?;
        let rule_count = bounded_count(r, "CRUSH rule count")?;
        let _max_devices = r.i32()?;
        let mut map = CrushMap::new();
        map.tunables = Tunables::ARGONAUT;
        for slot in 0..bucket_count {
            map.buckets.push(decode_bucket(r, slot)?);
        }
        for _ in 0..rule_count {
            map.rules.push(decode_rule(r)?);
        }
        map.types = decode_names(r)?;
        map.names = decode_names(r)?;
        map.rule_names = decode_names(r)?;
        decode_tunables(r, &mut map.tunables)?;
        if !r.is_empty() {
            map.class_map = r.get()?;
            map.class_names = r.get()?;
            map.class_buckets = r.get()?;
        }
        if !r.is_empty() {
            map.choose_args = decode_choose_args(r, &map)?;
        }
        map.check_shape()?;
        // Ceph counts devices anew when it reads a map, whatever the map says.
        map.recount_devices();
        Ok(map)
    }
}

/// A count of things that take at least four bytes each, not necessarily at once.
fn bounded_count(r: &mut Reader<'_>, what: &'static str) -> Result<usize> {
    let count = r.u32()? as usize;
    if count > r.remaining() / 4 {
        return Err(DecodeError::Invalid { what, value: count as u64 });
    }
    Ok(count)
}

fn decode_bucket(r: &mut Reader<'_>, slot: usize) -> Result<Option<Bucket>> {
    let alg_number = r.u32()?;
    if alg_number == 0 {
        return Ok(None);
    }
    let invalid = |what, value| DecodeError::Invalid { what, value };
    let alg = BucketAlg::from_number(alg_number)
        .ok_or(invalid("CRUSH bucket kind", alg_number.into()))?;
    let id = r.i32()?;
    if crate::map::slot(id) != Some(slot) {
        return Err(invalid("CRUSH bucket id", id as u32 as u64));
    }
    let kind = r.u16()?;
    let alg_again = r.u8()?;
    if alg_again != alg as u8 {
        return Err(invalid("CRUSH bucket kind, second copy", alg_again.into()));
    }
    let hash = r.u8()?;
    let weight = r.u32()?;
    let count = r.count("CRUSH bucket size", 4)?;
    let items = (0..count).map(|_| r.i32()).collect::<Result<Vec<_>>>()?;
    let weights = decode_weights(r, alg, count)?;
    Ok(Some(Bucket { id, kind, hash, weight, items, weights }))
}

fn decode_weights(r: &mut Reader<'_>, alg: BucketAlg, count: usize) -> Result<BucketWeights> {
    let words = |r: &mut Reader<'_>, n: usize| (0..n).map(|_| r.u32()).collect::<Result<Vec<_>>>();
    let pairs = |r: &mut Reader<'_>| -> Result<(Vec<u32>, Vec<u32>)> {
        let pairs = (0..count).map(|_| Ok((r.u32()?, r.u32()?))).collect::<Result<Vec<_>>>()?;
        Ok(pairs.into_iter().unzip())
    };
    Ok(match alg {
        BucketAlg::Uniform => BucketWeights::Uniform { item: r.u32()? },
        BucketAlg::List => {
            let (items, sums) = pairs(r)?;
            BucketWeights::List { items, sums }
        }
        BucketAlg::Tree => {
            let nodes = r.u8()? as usize;
            BucketWeights::Tree { nodes: words(r, nodes)? }
        }
        BucketAlg::Straw => {
            let (items, straws) = pairs(r)?;
            BucketWeights::Straw { items, straws }
        }
        BucketAlg::Straw2 => BucketWeights::Straw2 { items: words(r, count)? },
    })
}

fn decode_rule(r: &mut Reader<'_>) -> Result<Option<Rule>> {
    if r.u32()? == 0 {
        return Ok(None);
    }
    let count = r.u32()? as usize;
    let [ruleset, kind, size_min, size_max] = r.array("CRUSH rule mask")?;
    if count > r.remaining() / 12 {
        return Err(DecodeError::Invalid { what: "CRUSH rule length", value: count as u64 });
    }
    let step = |r: &mut Reader<'_>| Ok(Step::new(Op::from_number(r.u32()?), r.i32()?, r.i32()?));
    let steps = (0..count).map(|_| step(r)).collect::<Result<Vec<_>>>()?;
    Ok(Some(Rule { mask: RuleMask { ruleset, kind, size_min, size_max }, steps }))
}

/// A map of names. Very old maps have 64-bit keys; since names are not empty, a zero where the
/// length should be is the upper half of such a key.
fn decode_names(r: &mut Reader<'_>) -> Result<BTreeMap<i32, String>> {
    let count = r.count("CRUSH name count", 8)?;
    let mut names = BTreeMap::new();
    for _ in 0..count {
        let key = r.i32()?;
        let mut length = r.u32()?;
        if length == 0 {
            length = r.u32()?;
        }
        let mut bytes = Vec::new();
        put_blob(&mut bytes, r.take("CRUSH name", length as usize)?);
        names.insert(key, String::from_slice(&bytes)?);
    }
    Ok(names)
}

fn decode_tunables(r: &mut Reader<'_>, t: &mut Tunables) -> Result<()> {
    if !r.is_empty() {
        t.choose_local_tries = r.u32()?;
        t.choose_local_fallback_tries = r.u32()?;
        t.choose_total_tries = r.u32()?;
    }
    if !r.is_empty() {
        t.chooseleaf_descend_once = r.u32()?;
    }
    if !r.is_empty() {
        t.chooseleaf_vary_r = r.u8()?;
    }
    if !r.is_empty() {
        t.straw_calc_version = r.u8()?;
    }
    if !r.is_empty() {
        t.allowed_bucket_algs = r.u32()?;
    }
    if !r.is_empty() {
        t.chooseleaf_stable = r.u8()?;
    }
    Ok(())
}

fn decode_choose_args(r: &mut Reader<'_>, map: &CrushMap) -> Result<BTreeMap<i64, ChooseArgMap>> {
    let count = r.count("choose_args count", 12)?;
    let mut all = BTreeMap::new();
    for _ in 0..count {
        let id = r.i64()?;
        let entries = r.count("choose_args entries", 12)?;
        let mut args = ChooseArgMap::new();
        for _ in 0..entries {
            let slot = r.u32()?;
            let arg = ChooseArg { weight_set: r.get()?, ids: r.get()? };
            let Some(Some(bucket)) = map.buckets.get(slot as usize) else {
                let what = "choose_args bucket";
                return Err(DecodeError::Invalid { what, value: slot.into() });
            };
            if !arg.ids.is_empty() && arg.ids.len() != bucket.items.len() {
                let what = "choose_args id count";
                return Err(DecodeError::Invalid { what, value: arg.ids.len() as u64 });
            }
            args.insert(slot, arg);
        }
        all.insert(id, args);
    }
    Ok(all)
}

impl CrushMap {
    /// Checks that every item exists and that the hierarchy is finite and not too deep.
    pub fn check_shape(&self) -> Result<()> {
        // Height of each bucket once known; 0 is not yet.
        let mut heights = vec![0u8; self.buckets.len()];
        for bucket in self.all_buckets() {
            check_bucket(self, bucket, 1, &mut heights)?;
        }
        Ok(())
    }
}

fn check_bucket(map: &CrushMap, bucket: &Bucket, depth: usize, heights: &mut [u8]) -> Result<u8> {
    let invalid = |what, value: i32| DecodeError::Invalid { what, value: value as u32 as u64 };
    if depth > DEPTH_MAX {
        return Err(invalid("CRUSH nesting at bucket", bucket.id));
    }
    let slot = crate::map::slot(bucket.id).expect("decoded buckets have negative ids");
    if heights[slot] != 0 {
        return Ok(heights[slot]);
    }
    let mut height = 1;
    for item in &bucket.items {
        if *item >= ITEM_UNDEF {
            return Err(invalid("CRUSH device id", *item));
        }
        if *item < 0 {
            let child = map.bucket(*item).ok_or(invalid("CRUSH item", *item))?;
            height = height.max(1 + check_bucket(map, child, depth + 1, heights)?);
        }
    }
    if usize::from(height) > DEPTH_MAX {
        return Err(invalid("CRUSH nesting at bucket", bucket.id));
    }
    heights[slot] = height;
    Ok(height)
}
