//! The placement function (CRUSH paper SC'06 section 3; Ceph doc/rados/operations/crush-map.rst).
//!
//! [`CrushMap::do_rule`] is pure: the same map, rule, input and weights give the same devices on
//! every machine. It holds for any map, also one that was never checked: a missing bucket or a
//! cycle costs a replica, never a panic or an endless search ([`WORK_MAX`]).

use crate::hash::{LANES, hash2, hash3, hash3_lanes, hash4};
use crate::ln::{ORDERED_MAX, straw_length};
use crate::map::*;

/// Bound on the items looked at by one call. Reached only by maps with absurd retry counts: a
/// thousand tries over a bucket of ten thousand items stay below it.
pub const WORK_MAX: u64 = 1 << 24;

/// Buffers that the caller lends to [`CrushMap::do_rule`]; they grow to the largest result once.
#[derive(Debug, Clone)]
pub struct Scratch {
    working: Vec<i32>,
    output: Vec<i32>,
    leaves: Vec<i32>,
    result: Vec<i32>,
    work_max: u64,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::with_work_max(WORK_MAX)
    }
}

impl Scratch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bounds each call to looking at about `work_max` items. Less than [`WORK_MAX`] may place
    /// otherwise than Ceph does where many tries are needed.
    pub fn with_work_max(work_max: u64) -> Self {
        let (working, output, leaves, result) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { working, output, leaves, result, work_max }
    }

    fn prepare(&mut self, result_max: usize) {
        self.result.clear();
        // A take needs one place even when nothing is asked for.
        let size = result_max.max(1);
        for buffer in [&mut self.working, &mut self.output, &mut self.leaves] {
            buffer.resize(size.max(buffer.len()), 0);
        }
    }
}

impl CrushMap {
    /// Places `x` by rule `rule_id`: at most `result_max` devices, best first. `indep` rules keep
    /// positions and leave [`ITEM_NONE`] in holes. An unknown rule gives nothing.
    ///
    /// `weights` says per device how much of it is in: 0 out, 0x10000 in, between: that share of
    /// inputs. Devices beyond its end are out. `choose_args`: see [`CrushMap::choose_args_for`].
    pub fn do_rule<'s>(
        &self,
        rule_id: u32,
        x: u32,
        result_max: usize,
        weights: &[u32],
        choose_args: Option<&ChooseArgMap>,
        scratch: &'s mut Scratch,
    ) -> &'s [i32] {
        scratch.prepare(result_max);
        if let Some(rule) = self.rule(rule_id) {
            let work_left = scratch.work_max;
            let mut search = Search { map: self, weights, choose_args, x, work_left };
            run_steps(&mut search, &rule.steps, result_max, scratch);
        }
        &scratch.result
    }
}

/// What the tunables and the rule's set steps say so far.
#[derive(Clone, Copy)]
struct Tries {
    choose: u32,
    /// 0 when no step set it.
    leaf: u32,
    local: u32,
    local_fallback: u32,
    vary_r: u32,
    stable: bool,
}

fn run_steps(search: &mut Search<'_>, steps: &[Step], result_max: usize, s: &mut Scratch) {
    let t = &search.map.tunables;
    let mut tries = Tries {
        // The tunable counts retries.
        choose: t.choose_total_tries.wrapping_add(1),
        leaf: 0,
        local: t.choose_local_tries,
        local_fallback: t.choose_local_fallback_tries,
        vary_r: t.chooseleaf_vary_r.into(),
        stable: t.chooseleaf_stable != 0,
    };
    let mut working_len = 0;
    for step in steps {
        let positive = step.arg1 > 0;
        let set = step.arg1 >= 0;
        let value = step.arg1 as u32;
        match step.op {
            Op::Take if search.can_take(step.arg1) => {
                s.working[0] = step.arg1;
                working_len = 1;
            }
            Op::SetChooseTries if positive => tries.choose = value,
            Op::SetChooseLeafTries if positive => tries.leaf = value,
            Op::SetChooseLocalTries if set => tries.local = value,
            Op::SetChooseLocalFallbackTries if set => tries.local_fallback = value,
            Op::SetChooseLeafVaryR if set => tries.vary_r = value,
            Op::SetChooseLeafStable if set => tries.stable = value != 0,
            Op::ChooseFirstN | Op::ChooseIndep | Op::ChooseLeafFirstN | Op::ChooseLeafIndep
                if working_len > 0 =>
            {
                working_len = search.choose_step(step, &tries, working_len, result_max, s);
            }
            Op::Emit => {
                let room = result_max - s.result.len();
                s.result.extend_from_slice(&s.working[..working_len.min(room)]);
                working_len = 0;
            }
            _ => {}
        }
    }
}

/// One call of the placement function.
struct Search<'a> {
    map: &'a CrushMap,
    weights: &'a [u32],
    choose_args: Option<&'a ChooseArgMap>,
    x: u32,
    work_left: u64,
}

/// What a descent through the hierarchy came to.
enum Descent<'a> {
    /// An item of the wanted type.
    Item(i32),
    /// A bucket without items; the search may go on elsewhere.
    Empty,
    /// An item that does not exist or can never lead to the wanted type.
    Bad,
    /// An inner bucket on the way.
    Inner(&'a Bucket),
}

/// One firstn or indep choice below one bucket.
#[derive(Clone, Copy)]
struct Choice<'a> {
    root: &'a Bucket,
    /// Type of the items wanted.
    kind: i32,
    tries: u32,
    /// Tries for a leaf under each item; `None` chooses no leaves.
    leaf_tries: Option<u32>,
    parent_r: i32,
}

impl<'a> Search<'a> {
    fn can_take(&self, item: i32) -> bool {
        if item >= 0 { item < self.map.max_devices } else { self.map.bucket(item).is_some() }
    }

    /// Runs one choose step for every item of the working set; returns the size of the new one.
    fn choose_step(
        &mut self,
        step: &Step,
        tries: &Tries,
        working_len: usize,
        result_max: usize,
        s: &mut Scratch,
    ) -> usize {
        let firstn = matches!(step.op, Op::ChooseFirstN | Op::ChooseLeafFirstN);
        let to_leaf = matches!(step.op, Op::ChooseLeafFirstN | Op::ChooseLeafIndep);
        let mut wanted = step.arg1;
        if wanted <= 0 {
            wanted = wanted.saturating_add(i32::try_from(result_max).unwrap_or(i32::MAX));
        }
        let mut len = 0;
        for i in 0..working_len {
            let Some(root) = self.map.bucket(s.working[i]) else { continue };
            if wanted <= 0 {
                continue;
            }
            let leaf_tries = match (firstn, tries.leaf) {
                (_, set) if set > 0 => set,
                (true, _) if self.map.tunables.chooseleaf_descend_once == 0 => tries.choose,
                _ => 1,
            };
            let choice = Choice {
                root,
                kind: step.arg2,
                tries: tries.choose,
                leaf_tries: to_leaf.then_some(leaf_tries),
                parent_r: 0,
            };
            let out = &mut s.output[len..result_max];
            let leaves = &mut s.leaves[len..result_max];
            if firstn {
                len += self.choose_firstn(&choice, tries, wanted, out, Some(leaves), 0);
            } else {
                let count = out.len().min(wanted as usize);
                self.choose_indep(&choice, wanted, &mut out[..count], Some(leaves), 0, count);
                len += count;
            }
        }
        let chosen = if to_leaf { &s.leaves } else { &s.output };
        s.working[..len].copy_from_slice(&chosen[..len]);
        len
    }

    /// Chooses distinct items into `out`, from place `filled` on; returns how many places are
    /// filled then. Items that cannot be placed leave no hole.
    fn choose_firstn(
        &mut self,
        choice: &Choice<'a>,
        tries: &Tries,
        wanted: i32,
        out: &mut [i32],
        mut leaves: Option<&mut [i32]>,
        mut filled: usize,
    ) -> usize {
        let mut rep = if tries.stable { 0 } else { filled as i32 };
        while rep < wanted && filled < out.len() && self.work_left > 0 {
            let leaves = leaves.as_deref_mut();
            if let Some(item) = self.firstn_item(choice, tries, rep, out, leaves, filled) {
                out[filled] = item;
                filled += 1;
            }
            rep += 1;
        }
        filled
    }

    /// Searches the item for replica `rep`, with retries.
    fn firstn_item(
        &mut self,
        choice: &Choice<'a>,
        tries: &Tries,
        rep: i32,
        out: &[i32],
        mut leaves: Option<&mut [i32]>,
        filled: usize,
    ) -> Option<i32> {
        let mut failures = 0u32;
        loop {
            let mut parent = choice.root;
            // Failures since the descent began; they steer the choice between trying again here
            // and descending again.
            let mut local_failures = 0u32;
            loop {
                let r = rep.wrapping_add(choice.parent_r).wrapping_add(failures as i32);
                let permute = tries.local_fallback > 0
                    && local_failures >= parent.items.len() as u32 / 2
                    && local_failures > tries.local_fallback;
                let mut collides = false;
                match self.descend(parent, choice.kind, r, filled, permute) {
                    Descent::Bad => return None,
                    Descent::Inner(bucket) => {
                        parent = bucket;
                        continue;
                    }
                    Descent::Empty => {}
                    Descent::Item(item) => {
                        collides = out[..filled].contains(&item);
                        let usable = !collides
                            && self.leaf_firstn(choice, tries, item, r, &mut leaves, filled)
                            && !(choice.kind == 0 && self.is_out(item));
                        if usable {
                            return Some(item);
                        }
                    }
                }
                failures = failures.wrapping_add(1);
                local_failures += 1;
                let fallback_end = (parent.items.len() as u32).wrapping_add(tries.local_fallback);
                if collides && local_failures <= tries.local
                    || tries.local_fallback > 0 && local_failures <= fallback_end
                {
                    continue;
                }
                break;
            }
            if failures >= choice.tries || self.work_left == 0 {
                return None;
            }
        }
    }

    /// Finds a device under `item` for place `filled`, if leaves are wanted.
    fn leaf_firstn(
        &mut self,
        choice: &Choice<'a>,
        tries: &Tries,
        item: i32,
        r: i32,
        leaves: &mut Option<&mut [i32]>,
        filled: usize,
    ) -> bool {
        let (Some(leaf_tries), Some(leaves)) = (choice.leaf_tries, leaves.as_deref_mut()) else {
            return true;
        };
        let Some(root) = self.map.bucket(item) else {
            leaves[filled] = item;
            return true;
        };
        let parent_r = match tries.vary_r {
            0 => 0,
            vary_r => r.wrapping_shr(vary_r - 1),
        };
        let inner = Choice { root, kind: 0, tries: leaf_tries, leaf_tries: None, parent_r };
        let wanted = if tries.stable { 1 } else { filled as i32 + 1 };
        // One leaf: the places after it belong to later replicas.
        let leaves = &mut leaves[..=filled];
        self.choose_firstn(&inner, tries, wanted, leaves, None, filled) > filled
    }

    /// Chooses items for the places `first..end` of `out`, each independent of the others'
    /// failures; places that stay empty hold [`ITEM_NONE`].
    fn choose_indep(
        &mut self,
        choice: &Choice<'a>,
        wanted: i32,
        out: &mut [i32],
        mut leaves: Option<&mut [i32]>,
        first: usize,
        end: usize,
    ) {
        let mut left = end - first;
        out[first..end].fill(ITEM_UNDEF);
        if let Some(leaves) = leaves.as_deref_mut() {
            leaves[first..end].fill(ITEM_UNDEF);
        }
        let mut failures = 0;
        while left > 0 && failures < choice.tries && self.work_left > 0 {
            for place in first..end {
                if out[place] != ITEM_UNDEF {
                    continue;
                }
                let leaves = leaves.as_deref_mut();
                if let Some(item) = self.indep_item(
                    choice,
                    wanted,
                    place,
                    failures,
                    &out[first..end],
                    leaves,
                    first,
                ) {
                    out[place] = item;
                    left -= 1;
                }
            }
            failures += 1;
        }
        let none_where_undecided = |places: &mut [i32]| {
            places.iter_mut().filter(|p| **p == ITEM_UNDEF).for_each(|p| *p = ITEM_NONE)
        };
        none_where_undecided(&mut out[first..end]);
        if let Some(leaves) = leaves {
            none_where_undecided(&mut leaves[first..end]);
        }
    }

    /// One try for one place: an item, [`ITEM_NONE`] when no try can succeed, or nothing this time.
    #[allow(clippy::too_many_arguments)]
    fn indep_item(
        &mut self,
        choice: &Choice<'a>,
        wanted: i32,
        place: usize,
        failures: u32,
        taken: &[i32],
        mut leaves: Option<&mut [i32]>,
        position: usize,
    ) -> Option<i32> {
        let mut parent = choice.root;
        loop {
            // A uniform bucket whose size is a multiple of the places wanted would draw the same
            // items for every failure, hence the odd stride.
            let uniform_multiple = matches!(parent.weights, BucketWeights::Uniform { .. })
                && (parent.items.len() as u32).is_multiple_of(wanted as u32);
            let stride = if uniform_multiple { wanted.wrapping_add(1) } else { wanted };
            let r = (place as i32)
                .wrapping_add(choice.parent_r)
                .wrapping_add(stride.wrapping_mul(failures as i32));
            let item = match self.descend(parent, choice.kind, r, position, false) {
                Descent::Empty => return None,
                Descent::Inner(bucket) => {
                    parent = bucket;
                    continue;
                }
                Descent::Bad => {
                    if let Some(leaves) = leaves {
                        leaves[place] = ITEM_NONE;
                    }
                    return Some(ITEM_NONE);
                }
                Descent::Item(item) => item,
            };
            if taken.contains(&item) {
                return None;
            }
            if let (Some(leaf_tries), Some(leaves)) = (choice.leaf_tries, leaves.as_deref_mut()) {
                if let Some(root) = self.map.bucket(item) {
                    let inner =
                        Choice { root, kind: 0, tries: leaf_tries, leaf_tries: None, parent_r: r };
                    self.choose_indep(&inner, wanted, leaves, None, place, place + 1);
                    if leaves[place] == ITEM_NONE {
                        return None;
                    }
                } else {
                    leaves[place] = item;
                }
            }
            if choice.kind == 0 && self.is_out(item) {
                return None;
            }
            return Some(item);
        }
    }

    /// Draws one item from `parent` and says whether it is of the wanted type.
    fn descend(
        &mut self,
        parent: &'a Bucket,
        kind: i32,
        r: i32,
        position: usize,
        permute: bool,
    ) -> Descent<'a> {
        if parent.items.is_empty() {
            self.charge(1);
            return Descent::Empty;
        }
        let drawn =
            if permute { self.draw_permuted(parent, r) } else { self.draw(parent, r, position) };
        let Some(item) = drawn else { return Descent::Bad };
        if self.work_left == 0 || item >= self.map.max_devices {
            return Descent::Bad;
        }
        if item >= 0 {
            return if kind == 0 { Descent::Item(item) } else { Descent::Bad };
        }
        match self.map.bucket(item) {
            None => Descent::Bad,
            Some(bucket) if i32::from(bucket.kind) == kind => Descent::Item(item),
            Some(bucket) => Descent::Inner(bucket),
        }
    }

    fn charge(&mut self, items: usize) {
        self.work_left = self.work_left.saturating_sub(items as u64);
    }

    fn is_out(&self, device: i32) -> bool {
        let weight = usize::try_from(device).ok().and_then(|d| self.weights.get(d)).copied();
        match weight.unwrap_or(0) {
            0x10000.. => false,
            0 => true,
            weight => hash2(self.x, device as u32) & 0xffff >= weight,
        }
    }

    /// Draws an item by the bucket's own method. `None` when its weights do not fit its items.
    fn draw(&mut self, bucket: &Bucket, r: i32, position: usize) -> Option<i32> {
        match &bucket.weights {
            BucketWeights::Uniform { .. } => self.draw_permuted(bucket, r),
            BucketWeights::List { items, sums } => self.draw_list(bucket, items, sums, r),
            BucketWeights::Tree { nodes } => self.draw_tree(bucket, nodes, r),
            BucketWeights::Straw { straws, .. } => self.draw_straw(bucket, straws, r),
            BucketWeights::Straw2 { items } => {
                let arg = self.choose_args.and_then(|args| args.get(&(slot(bucket.id)? as u32)));
                let (mut ids, mut weights) = (&bucket.items, items);
                if let Some(arg) = arg {
                    if arg.ids.len() == bucket.items.len() {
                        ids = &arg.ids;
                    }
                    let last = arg.weight_set.len().checked_sub(1);
                    if let Some(last) = last {
                        weights = &arg.weight_set[position.min(last)];
                    }
                }
                self.charge(ids.len());
                let index = match bucket.hash {
                    HASH_RJENKINS1 => straw2_index(ids, weights, self.x, r as u32)?,
                    _ => straw2_index_signed(ids, weights, |_| 0)?,
                };
                bucket.items.get(index).copied()
            }
        }
    }

    /// Item `r` (modulo the size) of a random permutation of the bucket.
    ///
    /// The permutation is the one of swapping place `p` with place `p + hash(x, id, p) % (size - p)`
    /// for p = 0, 1, ... in turn. Walking the swaps backwards from the place wanted finds its item
    /// without writing the permutation down.
    fn draw_permuted(&mut self, bucket: &Bucket, r: i32) -> Option<i32> {
        let size = bucket.items.len() as u32;
        let last_step = r as u32 % size;
        self.charge(last_step as usize + 1);
        let other = |p: u32| p + hash3_of(bucket, self.x, bucket.id as u32, p) % (size - p);
        let mut place = other(last_step);
        for p in (0..last_step).rev() {
            if other(p) == place {
                place = p;
            }
        }
        bucket.items.get(place as usize).copied()
    }

    fn draw_list(&mut self, bucket: &Bucket, items: &[u32], sums: &[u32], r: i32) -> Option<i32> {
        self.charge(bucket.items.len());
        for ((item, weight), sum) in bucket.items.iter().zip(items).zip(sums).rev() {
            let hash = hash4_of(bucket, self.x, *item as u32, r as u32) & 0xffff;
            if (u64::from(hash) * u64::from(*sum)) >> 16 < u64::from(*weight) {
                return Some(*item);
            }
        }
        bucket.items.first().copied()
    }

    fn draw_tree(&mut self, bucket: &Bucket, nodes: &[u32], r: i32) -> Option<i32> {
        let mut node = nodes.len() / 2;
        if node == 0 {
            return None;
        }
        self.charge(8);
        while node & 1 == 0 {
            let step = 1 << (node.trailing_zeros() - 1);
            let hash = hash4_of(bucket, self.x, node as u32, r as u32);
            let point = (u64::from(hash) * u64::from(*nodes.get(node)?)) >> 32;
            let left = node - step;
            node = if point < u64::from(*nodes.get(left)?) { left } else { node + step };
        }
        bucket.items.get(node / 2).copied()
    }

    fn draw_straw(&mut self, bucket: &Bucket, straws: &[u32], r: i32) -> Option<i32> {
        self.charge(bucket.items.len());
        let mut best: Option<(u64, i32)> = None;
        for (item, straw) in bucket.items.iter().zip(straws) {
            let hash = hash3_of(bucket, self.x, *item as u32, r as u32) & 0xffff;
            let draw = u64::from(hash) * u64::from(*straw);
            if best.is_none_or(|(longest, _)| draw > longest) {
                best = Some((draw, *item));
            }
        }
        best.map(|(_, item)| item)
    }
}

/// The bucket's hash of three words; an unknown hash kind hashes everything to 0.
fn hash3_of(bucket: &Bucket, a: u32, b: u32, c: u32) -> u32 {
    if bucket.hash == HASH_RJENKINS1 { hash3(a, b, c) } else { 0 }
}

/// The bucket's hash of three words and its id.
fn hash4_of(bucket: &Bucket, a: u32, b: u32, c: u32) -> u32 {
    if bucket.hash == HASH_RJENKINS1 { hash4(a, b, c, bucket.id as u32) } else { 0 }
}

/// Index of the straw2 winner among `ids`: the smallest quotient `straw_length(u) / weight`, the
/// first of equals; items without weight lose against all others.
///
/// Divisions are rare: a quotient is worked out only when it is smaller than the best so far, and
/// that is known from a multiplication. Most items need not even that, since lengths fall as `u`
/// grows: an item with neither a larger `u` nor a larger weight than the best cannot beat it.
fn straw2_index(ids: &[i32], weights: &[u32], x: u32, r: u32) -> Option<usize> {
    if weights.iter().any(|weight| *weight > i32::MAX as u32) {
        return straw2_index_signed(ids, weights, |id| hash3(x, id as u32, r) as u16);
    }
    let mut best = Straw2Best { index: 0, quotient: u64::MAX, u_ordered: 0, weight: 0 };
    let mut blocks = ids.chunks_exact(LANES);
    let mut first = 0;
    for block in &mut blocks {
        let hashes = hash3_lanes(x, block.try_into().expect("chunks have LANES items"), r);
        best.consider(first, &hashes, weights.get(first..)?);
        first += LANES;
    }
    let rest = blocks.remainder();
    if !rest.is_empty() {
        let mut block = [0; LANES];
        block[..rest.len()].copy_from_slice(rest);
        let hashes = hash3_lanes(x, &block, r);
        best.consider(first, &hashes[..rest.len()], weights.get(first..)?);
    }
    (weights.len() >= ids.len()).then_some(best.index)
}

struct Straw2Best {
    index: usize,
    /// `u64::MAX` until an item with weight is seen.
    quotient: u64,
    /// Items with `u` up to this have no shorter straw than the best.
    u_ordered: u16,
    weight: u32,
}

impl Straw2Best {
    #[inline]
    fn consider(&mut self, first: usize, hashes: &[u32], weights: &[u32]) {
        for (i, (hash, weight)) in hashes.iter().zip(weights).enumerate() {
            let u = *hash as u16;
            if u <= self.u_ordered && *weight <= self.weight || *weight == 0 {
                continue;
            }
            let length = straw_length(u);
            if u128::from(length) < u128::from(self.quotient) * u128::from(*weight) {
                self.index = first + i;
                self.quotient = length / u64::from(*weight);
                self.weight = *weight;
                self.u_ordered = if u == u16::MAX { ORDERED_MAX } else { u };
            }
        }
    }
}

/// Straw2 by its definition, with a division per item and `u` from the caller. Used for weights
/// from 2^31, which Ceph takes as negative numbers and so turns their draws positive.
#[cold]
fn straw2_index_signed(ids: &[i32], weights: &[u32], u: impl Fn(i32) -> u16) -> Option<usize> {
    let mut best: Option<(i64, usize)> = None;
    for (index, id) in ids.iter().enumerate() {
        let draw = match *weights.get(index)? {
            0 => i64::MIN,
            weight => {
                let length = straw_length(u(*id));
                -(length as i64) / i64::from(weight as i32)
            }
        };
        if best.is_none_or(|(highest, _)| draw > highest) {
            best = Some((draw, index));
        }
    }
    best.map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, with a division per item.
    fn straw2_by_division(ids: &[i32], weights: &[u32], x: u32, r: u32) -> Option<usize> {
        straw2_index_signed(ids, weights, |id| hash3(x, id as u32, r) as u16)
    }

    #[test]
    fn straw2_without_division_equals_the_definition() {
        let ids: Vec<i32> = (0..43).map(|i| i * 7 - 100).collect();
        for set in 0..6u32 {
            let weight = |i: u32| match set {
                0 => 0x10000,
                1 => hash2(i, 1) & 0x3ffff,
                2 => hash2(i, 2) & 0x7fff_ffff,
                3 => (hash2(i, 3) & 3) * 0x10000,
                4 => hash2(i, 4) & 7,
                _ => 0,
            };
            let weights: Vec<u32> = (0..43).map(weight).collect();
            for x in 0..3000 {
                for len in [1, 5, 8, 43] {
                    let (ids, weights) = (&ids[..len], &weights[..len]);
                    assert_eq!(
                        straw2_index(ids, weights, x, 2),
                        straw2_by_division(ids, weights, x, 2),
                        "set {set} x {x} len {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn straw2_orders_the_last_step_of_the_logarithm() {
        // 0xffff has a longer straw than 0xfffe, so the item drawn as 0xfffe wins.
        let mut best = Straw2Best { index: 0, quotient: u64::MAX, u_ordered: 0, weight: 0 };
        best.consider(0, &[0xffff, 0xfffe], &[0x10, 0x10]);
        assert_eq!(best.index, 1);
        let mut best = Straw2Best { index: 0, quotient: u64::MAX, u_ordered: 0, weight: 0 };
        best.consider(0, &[0xfffe, 0xffff], &[0x10, 0x10]);
        assert_eq!(best.index, 0);
    }
}
