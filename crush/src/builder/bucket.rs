//! One bucket: making it, and adding, removing and reweighting its items. The bucket's own weight
//! and its kind's derived numbers (sums, tree nodes, straw lengths) follow each change; its parents'
//! do not (see [`super::edit`]).

use super::EditError;
use crate::map::*;

/// Largest tree bucket: its 128 nodes still fit the format's one-byte count.
pub const TREE_ITEMS_MAX: usize = 64;

impl Bucket {
    /// A bucket of `items` with a weight each. Uniform buckets take the first weight for all.
    pub fn new(
        id: i32,
        alg: BucketAlg,
        kind: u16,
        items: &[(i32, u32)],
        straw_calc_version: u8,
    ) -> Result<Self, EditError> {
        let item_weights: Vec<u32> = items.iter().map(|(_, weight)| *weight).collect();
        let ids = items.iter().map(|(item, _)| *item).collect();
        let weights = match alg {
            BucketAlg::Uniform => {
                BucketWeights::Uniform { item: item_weights.first().copied().unwrap_or(0) }
            }
            BucketAlg::List => BucketWeights::List { items: item_weights, sums: Vec::new() },
            BucketAlg::Tree => {
                if items.len() > TREE_ITEMS_MAX {
                    return Err(EditError::BucketFull { id });
                }
                let mut nodes = vec![0; tree_node_count(items.len())];
                for (i, weight) in item_weights.iter().enumerate() {
                    nodes[2 * i + 1] = *weight;
                }
                BucketWeights::Tree { nodes }
            }
            BucketAlg::Straw => BucketWeights::Straw { items: item_weights, straws: Vec::new() },
            BucketAlg::Straw2 => BucketWeights::Straw2 { items: item_weights },
        };
        let mut bucket = Self { id, kind, hash: HASH_RJENKINS1, weight: 0, items: ids, weights };
        bucket.derive(straw_calc_version)?;
        Ok(bucket)
    }

    /// Works out the bucket's weight and its kind's derived numbers from the items' weights.
    pub(super) fn derive(&mut self, straw_calc_version: u8) -> Result<(), EditError> {
        let id = self.id;
        let count = self.items.len();
        let overflow = EditError::WeightOverflow { id };
        let mut total = 0u32;
        for i in 0..count {
            total = total.checked_add(self.item_weight(i)).ok_or(overflow.clone())?;
        }
        match &mut self.weights {
            BucketWeights::Uniform { .. } | BucketWeights::Straw2 { .. } => {}
            BucketWeights::List { items, sums } => {
                let mut sum = 0;
                sums.clear();
                sums.extend(items.iter().map(|weight| {
                    sum += weight;
                    sum
                }));
            }
            BucketWeights::Tree { nodes } => derive_tree(nodes, count),
            BucketWeights::Straw { items, straws } => {
                *straws = straw_lengths(items, straw_calc_version);
            }
        }
        self.weight = total;
        Ok(())
    }

    /// Appends an item. A uniform bucket that has items takes only their weight.
    pub fn add_item(
        &mut self,
        item: i32,
        weight: u32,
        straw_calc_version: u8,
    ) -> Result<(), EditError> {
        let id = self.id;
        if self.weight.checked_add(weight).is_none() {
            return Err(EditError::WeightOverflow { id });
        }
        let count = self.items.len() + 1;
        match &mut self.weights {
            BucketWeights::Uniform { item: common } if *common == weight || count == 1 => {
                *common = weight;
            }
            BucketWeights::Uniform { item: common } => {
                return Err(EditError::UniformWeight { id, common: *common });
            }
            BucketWeights::List { items, .. }
            | BucketWeights::Straw { items, .. }
            | BucketWeights::Straw2 { items } => items.push(weight),
            BucketWeights::Tree { nodes } => {
                if count > TREE_ITEMS_MAX {
                    return Err(EditError::BucketFull { id });
                }
                nodes.resize(tree_node_count(count), 0);
                nodes[2 * count - 1] = weight;
            }
        }
        self.items.push(item);
        self.derive(straw_calc_version)
    }

    /// Takes an item out; returns its former position and weight. In a tree bucket the place of an
    /// item that is not the last stays, as device 0 without weight, so that the others keep theirs.
    pub fn remove_item(&mut self, item: i32, straw_calc_version: u8) -> Option<(usize, u32)> {
        let at = self.position(item)?;
        let weight = self.item_weight(at);
        match &mut self.weights {
            BucketWeights::Uniform { .. } => {
                self.items.remove(at);
            }
            BucketWeights::List { items, .. }
            | BucketWeights::Straw { items, .. }
            | BucketWeights::Straw2 { items } => {
                self.items.remove(at);
                items.remove(at);
            }
            BucketWeights::Tree { nodes } => {
                self.items[at] = 0;
                nodes[2 * at + 1] = 0;
                let mut count = self.items.len();
                while count > 0 && nodes[2 * count - 1] == 0 {
                    count -= 1;
                }
                self.items.truncate(count);
                nodes.truncate(tree_node_count(count));
            }
        }
        self.derive(straw_calc_version).expect("a part weighs no more than the whole");
        Some((at, weight))
    }

    /// Gives an item another weight; in a uniform bucket, all items.
    pub fn set_item_weight(
        &mut self,
        at: usize,
        weight: u32,
        straw_calc_version: u8,
    ) -> Result<(), EditError> {
        let before = self.clone();
        self.put_item_weight(at, weight);
        let derived = self.derive(straw_calc_version);
        if derived.is_err() {
            *self = before;
        }
        derived
    }

    pub(super) fn put_item_weight(&mut self, at: usize, weight: u32) {
        match &mut self.weights {
            BucketWeights::Uniform { item } => *item = weight,
            BucketWeights::List { items, .. }
            | BucketWeights::Straw { items, .. }
            | BucketWeights::Straw2 { items } => items[at] = weight,
            BucketWeights::Tree { nodes } => nodes[2 * at + 1] = weight,
        }
    }
}

/// A power of two with room for a leaf per item at the odd places.
fn tree_node_count(items: usize) -> usize {
    if items == 0 { 0 } else { 2 * items.next_power_of_two() }
}

/// Sums the leaves' weights into the inner nodes. Node `n` with `h` trailing zero bits has its
/// children at `n - 2^(h-1)` and `n + 2^(h-1)`.
fn derive_tree(nodes: &mut [u32], items: usize) {
    for leaf in items..nodes.len() / 2 {
        nodes[2 * leaf + 1] = 0;
    }
    let mut step = 1;
    while 2 * step < nodes.len() {
        for node in (2 * step..nodes.len()).step_by(4 * step) {
            nodes[node] = nodes[node - step] + nodes[node + step];
        }
        step *= 2;
    }
}

/// Lengths of straws, 16.16, for which the longest of `straw * random` falls on items roughly by
/// weight (CRUSH paper SC'06 section 3.4.4). The sizes follow Ceph's two versions of the
/// calculation to the bit: going up the sorted weights, each step lengthens the straw by the
/// share of inputs that the lighter items leave over. Version 0 counts items of equal weight as
/// one step and forgets the items without weight.
pub fn straw_lengths(weights: &[u32], version: u8) -> Vec<u32> {
    let mut lengths = vec![0; weights.len()];
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| weights[*i]);
    let weightless = weights.iter().filter(|weight| **weight == 0).count();
    let mut left = weights.len() as u32;
    if version > 0 {
        left -= weightless as u32;
    }
    let (mut straw, mut below, mut last) = (1.0f64, 0.0f64, 0.0f64);
    let order = &order[weightless..];
    for (i, item) in order.iter().enumerate() {
        lengths[*item] = (straw * 65536.0) as i64 as u32;
        let Some(next) = order.get(i + 1) else { break };
        let (weight, weight_next) = (weights[*item], weights[*next]);
        if version == 0 && weight == weight_next {
            continue;
        }
        below += (f64::from(weight) - last) * f64::from(left);
        if version == 0 {
            let same = order[i + 1..].iter().take_while(|j| weights[**j] == weight_next).count();
            left -= same as u32;
        } else {
            left -= 1;
        }
        // Ceph multiplies in 32 bits here.
        let above = f64::from(left.wrapping_mul(weight_next - weight));
        let share = below / (below + above);
        straw *= (1.0 / share).powf(1.0 / f64::from(left));
        last = f64::from(weight);
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_nodes_hold_the_sums_below() {
        let items: Vec<_> = (0..5).map(|i| (i, 1 << i)).collect();
        let mut bucket = Bucket::new(-1, BucketAlg::Tree, 1, &items, 0).expect("fits");
        let nodes = |b: &Bucket| match &b.weights {
            BucketWeights::Tree { nodes } => nodes.clone(),
            _ => unreachable!(),
        };
        assert_eq!(nodes(&bucket), [0, 1, 3, 2, 15, 4, 12, 8, 31, 16, 16, 0, 16, 0, 0, 0]);
        assert_eq!(bucket.remove_item(1, 0), Some((1, 2)));
        assert_eq!(bucket.items, [0, 0, 2, 3, 4]);
        assert_eq!(bucket.remove_item(4, 0), Some((4, 16)));
        assert_eq!(nodes(&bucket), [0, 1, 1, 0, 13, 4, 12, 8]);
        bucket.add_item(9, 5, 0).expect("fits");
        assert_eq!(bucket.weight, 18);
        assert_eq!(nodes(&bucket)[8..10], [18, 5]);
    }

    #[test]
    fn list_sums_follow_removal() {
        let mut bucket =
            Bucket::new(-1, BucketAlg::List, 1, &[(0, 5), (1, 7), (2, 9)], 0).expect("fits");
        bucket.remove_item(1, 0);
        assert_eq!(bucket.weights, BucketWeights::List { items: vec![5, 9], sums: vec![5, 14] });
        assert_eq!(bucket.weight, 14);
    }

    #[test]
    fn overflow_leaves_the_bucket_as_it_was() {
        let mut bucket = Bucket::new(-1, BucketAlg::Straw2, 1, &[(0, 5), (1, 7)], 0).expect("fits");
        let before = bucket.clone();
        assert!(bucket.set_item_weight(0, u32::MAX, 0).is_err());
        assert!(bucket.add_item(4, u32::MAX, 0).is_err());
        assert_eq!(bucket, before);
    }
}
