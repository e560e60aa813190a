//! Weight sets (choose_args): weights that steer placement without changing the map's own
//! (Ceph doc/rados/operations/crush-map.rst, "Modifying the weight-set").

use super::EditError;
use super::edit::positions;
use crate::map::*;

impl CrushMap {
    /// Makes a weight set with the map's own weights for `id`, a pool or [`DEFAULT_CHOOSE_ARGS`]
    /// (`osd crush weight-set create`). Returns false if there is one already.
    pub fn create_weight_set(&mut self, id: i64, positions: usize) -> bool {
        if self.choose_args.contains_key(&id) {
            return false;
        }
        let straw2 = self.all_buckets().filter(|bucket| bucket.alg() == BucketAlg::Straw2);
        let args = straw2.map(|bucket| {
            let own = (0..bucket.items.len()).map(|at| bucket.item_weight(at)).collect();
            let weight_set = vec![own; positions.max(1)];
            (!bucket.id as u32, ChooseArg { weight_set, ids: Vec::new() })
        });
        let args = args.collect();
        self.choose_args.insert(id, args);
        true
    }

    /// Gives an item other weights in one weight set, one per position, wherever it is
    /// (`osd crush weight-set reweight`).
    pub fn set_weight_set_weight(
        &mut self,
        id: i64,
        item: i32,
        weights: &[u32],
    ) -> Result<(), EditError> {
        let args = self.choose_args.get(&id).ok_or(EditError::NoSuchWeightSet { id })?;
        if weights.len() != positions(args) {
            return Err(EditError::WeightSetMismatch { id: item });
        }
        self.atomically(|map| match map.weight_set_everywhere(id, item, weights, 0)? {
            true => Ok(()),
            false => Err(EditError::NoSuchItem { id: item }),
        })
    }

    /// Sets an item's weights in one weight set, and its parents' sums.
    fn weight_set_everywhere(
        &mut self,
        id: i64,
        item: i32,
        weights: &[u32],
        depth: usize,
    ) -> Result<bool, EditError> {
        if depth > DEPTH_MAX {
            return Err(EditError::TooDeep);
        }
        let parents: Vec<Bucket> = self.parents(item).cloned().collect();
        for bucket in &parents {
            let Some(args) = self.choose_args.get_mut(&id) else { continue };
            let count = positions(args);
            let arg = args.entry(!bucket.id as u32).or_default();
            if arg.weight_set.is_empty() {
                let own = (0..bucket.items.len()).map(|at| bucket.item_weight(at)).collect();
                arg.weight_set = vec![own; count];
            }
            if arg.weight_set.len() != weights.len() {
                continue;
            }
            for (set, weight) in arg.weight_set.iter_mut().zip(weights) {
                for (own, _) in set.iter_mut().zip(&bucket.items).filter(|(_, i)| **i == item) {
                    *own = *weight;
                }
            }
            let sums = sums(arg);
            self.weight_set_everywhere(id, bucket.id, &sums, depth + 1)?;
        }
        Ok(!parents.is_empty())
    }

    /// Carries the sums of a bucket's weight sets to the buckets above it.
    pub(super) fn sum_weight_sets(&mut self, bucket: i32, depth: usize) -> Result<(), EditError> {
        let of = |args: &ChooseArgMap| {
            args.get(&(!bucket as u32)).filter(|arg| !arg.weight_set.is_empty()).map(sums)
        };
        let all: Vec<(i64, Vec<u32>)> =
            self.choose_args.iter().filter_map(|(id, args)| Some((*id, of(args)?))).collect();
        for (id, sums) in all {
            self.weight_set_everywhere(id, bucket, &sums, depth + 1)?;
        }
        Ok(())
    }

    /// Drops entries of buckets that are gone or not straw2, and fits weight sets to their buckets.
    pub(super) fn update_choose_args(&mut self) {
        let buckets = &self.buckets;
        for args in self.choose_args.values_mut() {
            args.retain(|slot, arg| match buckets.get(*slot as usize) {
                Some(Some(bucket)) if bucket.alg() == BucketAlg::Straw2 => {
                    arg.weight_set.iter_mut().for_each(|set| set.resize(bucket.items.len(), 0));
                    true
                }
                _ => false,
            });
        }
    }
}

/// Sum of each position's weights. Sums wrap as Ceph's do.
pub(super) fn sums(arg: &ChooseArg) -> Vec<u32> {
    let sum = |set: &Vec<u32>| set.iter().fold(0u32, |a, b| a.wrapping_add(*b));
    arg.weight_set.iter().map(sum).collect()
}
