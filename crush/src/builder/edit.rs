//! Placing, moving, reweighting and removing items of the hierarchy.
//!
//! Every public edit either succeeds or leaves the map as it was, and leaves it in a shape that
//! [`CrushMap::check_shape`] accepts. Shadow trees of device classes and weight sets follow.

use super::EditError;
use crate::map::*;
use std::collections::{BTreeMap, BTreeSet};

/// Where to put an item: type name to bucket name, as in `host=a rack=r1 root=default`.
pub type Location = BTreeMap<String, String>;

/// Types of a new cluster's map, from the device up.
pub const DEFAULT_TYPES: [&str; 12] = [
    "osd",
    "host",
    "chassis",
    "rack",
    "row",
    "pdu",
    "pod",
    "room",
    "datacenter",
    "zone",
    "region",
    "root",
];

/// Whether `name` may name an item, rule, type or class.
pub fn is_valid_name(name: &str) -> bool {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && name.bytes().all(valid)
}

/// The 16.16 weight of `weight`, cut off to its grain. `None` for what is negative, not a number or
/// 32768 and more.
pub fn weight_from_f64(weight: f64) -> Option<u32> {
    let scaled = weight * 65536.0;
    (scaled >= 0.0 && scaled <= f64::from(i32::MAX)).then_some(scaled as u32)
}

impl CrushMap {
    /// A map with the types of a new cluster and one empty root, `default`, but no rule.
    pub fn with_default_root() -> Self {
        let mut map = Self::new();
        map.types = (0..).zip(DEFAULT_TYPES.map(str::to_owned)).collect();
        map.add_bucket("default", "root").expect("an empty map takes a root");
        map
    }

    pub fn item_name(&self, id: i32) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    pub fn item_id(&self, name: &str) -> Option<i32> {
        self.names.iter().find(|(_, n)| *n == name).map(|(id, _)| *id)
    }

    /// As [`CrushMap::item_id`], with the error.
    pub fn require_item(&self, name: &str) -> Result<i32, EditError> {
        self.item_id(name).ok_or_else(|| EditError::NoSuchName { name: name.to_owned() })
    }

    pub fn type_id(&self, name: &str) -> Option<u16> {
        let (id, _) = self.types.iter().find(|(_, n)| *n == name)?;
        u16::try_from(*id).ok()
    }

    /// Whether the item is the shadow of a bucket for one device class.
    pub fn is_shadow(&self, id: i32) -> bool {
        self.item_name(id).is_some_and(|name| name.contains('~'))
    }

    /// Buckets that hold `item`, shadows included.
    pub fn parents(&self, item: i32) -> impl Iterator<Item = &Bucket> {
        self.all_buckets().filter(move |bucket| bucket.items.contains(&item))
    }

    /// Whether some bucket holds `item`.
    pub fn is_placed(&self, item: i32) -> bool {
        self.parents(item).next().is_some()
    }

    /// Buckets that no other bucket holds, without the roots of shadow trees, by rising id.
    pub fn roots(&self) -> BTreeSet<i32> {
        self.roots_where(|map, id| !map.is_shadow(id))
    }

    pub(super) fn roots_where(&self, wanted: impl Fn(&Self, i32) -> bool) -> BTreeSet<i32> {
        let held: BTreeSet<i32> =
            self.all_buckets().flat_map(|b| b.items.iter().copied()).collect();
        let ids = self.all_buckets().map(|bucket| bucket.id);
        ids.filter(|id| !held.contains(id) && wanted(self, *id)).collect()
    }

    /// Type and name of each bucket above `item`, nearest first, following the first bucket that is
    /// no shadow.
    pub fn full_location(&self, item: i32) -> Vec<(String, String)> {
        let mut path = Vec::new();
        let mut id = item;
        while path.len() < DEPTH_MAX {
            let Some(parent) = self.parents(id).find(|bucket| !self.is_shadow(bucket.id)) else {
                break;
            };
            let kind = self.types.get(&i32::from(parent.kind)).cloned().unwrap_or_default();
            path.push((kind, self.item_name(parent.id).unwrap_or_default().to_owned()));
            id = parent.id;
        }
        path
    }

    /// Weight of `item` in the first bucket that holds it.
    pub fn item_weight(&self, item: i32) -> Option<u32> {
        let parent = self.parents(item).next()?;
        Some(parent.item_weight(parent.position(item)?))
    }

    /// Weight of `item` in the nearest bucket of `loc`, if that holds it.
    pub fn item_weight_in(&self, item: i32, loc: &Location) -> Option<u32> {
        let kinds = self.types.iter().filter(|(id, _)| **id != 0);
        let name = kinds.filter_map(|(_, name)| loc.get(name)).next()?;
        let bucket = self.bucket(self.item_id(name)?)?;
        Some(bucket.item_weight(bucket.position(item)?))
    }

    /// Whether `item` is `root` or somewhere below it.
    pub fn subtree_contains(&self, root: i32, item: i32) -> bool {
        let mut open = vec![root];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if id == item {
                return true;
            }
            if seen.insert(id)
                && let Some(bucket) = self.bucket(id)
            {
                open.extend(&bucket.items);
            }
        }
        false
    }

    /// Devices below `root`, each once, by rising id.
    pub fn devices_below(&self, root: i32) -> BTreeSet<i32> {
        let mut seen = BTreeSet::from([root]);
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            let items = self.bucket(id).map_or(&[][..], |bucket| &bucket.items);
            open.extend(items.iter().filter(|item| seen.insert(**item)));
        }
        seen.into_iter().filter(|id| *id >= 0).collect()
    }

    /// Runs an edit of several steps; on an error, or if the result is no finite hierarchy, nothing
    /// has changed.
    pub(super) fn atomically<T>(
        &mut self,
        edit: impl FnOnce(&mut Self) -> Result<T, EditError>,
    ) -> Result<T, EditError> {
        let before = self.clone();
        let result = edit(self).and_then(|value| match self.check_shape() {
            Ok(()) => Ok(value),
            Err(_) => Err(EditError::TooDeep),
        });
        match result {
            Ok(_) => self.recount_devices(),
            Err(_) => *self = before,
        }
        result
    }

    /// Makes an empty bucket that nothing holds yet (`osd crush add-bucket`); returns its id.
    pub fn add_bucket(&mut self, name: &str, type_name: &str) -> Result<i32, EditError> {
        self.check_new_name(name)?;
        let kind = self.require_bucket_type(type_name)?;
        self.make_bucket(None, self.default_alg(), kind, &[], name)
    }

    fn check_new_name(&self, name: &str) -> Result<(), EditError> {
        if !is_valid_name(name) {
            return Err(EditError::InvalidName { name: name.to_owned() });
        }
        match self.item_id(name) {
            Some(_) => Err(EditError::NameInUse { name: name.to_owned() }),
            None => Ok(()),
        }
    }

    fn require_bucket_type(&self, name: &str) -> Result<u16, EditError> {
        let id = self.type_id(name).filter(|id| *id != 0);
        id.ok_or_else(|| EditError::NoSuchType { name: name.to_owned() })
    }

    /// The best kind of bucket that the tunables allow.
    pub fn default_alg(&self) -> BucketAlg {
        let allowed = self.tunables.allowed_bucket_algs;
        let by_worth = [
            BucketAlg::Straw2,
            BucketAlg::Straw,
            BucketAlg::Tree,
            BucketAlg::List,
            BucketAlg::Uniform,
        ];
        let best = by_worth.into_iter().find(|alg| allowed & 1 << (*alg as u8) != 0);
        best.unwrap_or(BucketAlg::Straw2)
    }

    /// Makes a bucket in the slot of `id`, or the first free one.
    pub(crate) fn make_bucket(
        &mut self,
        id: Option<i32>,
        alg: BucketAlg,
        kind: u16,
        items: &[(i32, u32)],
        name: &str,
    ) -> Result<i32, EditError> {
        let id = id.unwrap_or_else(|| self.free_bucket_id(&BTreeSet::new()));
        let bucket = Bucket::new(id, alg, kind, items, self.tunables.straw_calc_version)?;
        self.put_bucket(bucket)?;
        self.names.insert(id, name.to_owned());
        if !items.is_empty() {
            let weights: Vec<u32> = items.iter().map(|(_, weight)| *weight).collect();
            for args in self.choose_args.values_mut() {
                let weight_set = vec![weights.clone(); positions(args)];
                args.insert(!id as u32, ChooseArg { weight_set, ids: Vec::new() });
            }
        }
        Ok(id)
    }

    /// The highest bucket id that is neither used nor in `reserved`.
    pub(super) fn free_bucket_id(&self, reserved: &BTreeSet<i32>) -> i32 {
        let free = |id: &i32| self.bucket(*id).is_none() && !reserved.contains(id);
        (i32::MIN..0).rev().find(free).expect("fewer than 2^31 buckets")
    }

    /// Puts a bucket into its slot. The slots grow by doubling, which shows in the encoding.
    pub(crate) fn put_bucket(&mut self, bucket: Bucket) -> Result<(), EditError> {
        let id = bucket.id;
        let slot = slot(id).ok_or(EditError::NotABucket { id })?;
        if slot >= BUCKET_SLOTS_MAX {
            return Err(EditError::InvalidBucketId { id });
        }
        let mut count = self.buckets.len();
        while count <= slot {
            count = if count == 0 { 8 } else { count * 2 };
        }
        self.buckets.resize(count, None);
        match &mut self.buckets[slot] {
            Some(_) => Err(EditError::IdInUse { id }),
            place => {
                *place = Some(bucket);
                Ok(())
            }
        }
    }

    /// Puts an item into the hierarchy (`osd crush add`): a new device, or a bucket or device that
    /// is to be linked once more. Buckets of `loc` that do not exist are made, up to the first one
    /// that does.
    pub fn insert_item(
        &mut self,
        item: i32,
        weight: u32,
        name: &str,
        loc: &Location,
    ) -> Result<(), EditError> {
        self.atomically(|map| map.insert(item, weight, name, loc, item >= 0))
    }

    fn insert(
        &mut self,
        item: i32,
        weight: u32,
        name: &str,
        loc: &Location,
        init_weight_sets: bool,
    ) -> Result<(), EditError> {
        if item >= ITEM_UNDEF {
            return Err(EditError::InvalidDevice { id: item });
        }
        let shadow = item < 0 && self.is_shadow(item);
        if shadow {
            return Err(EditError::Shadow { id: item });
        }
        for name in loc.values().map(String::as_str).chain([name]) {
            if !is_valid_name(name) {
                return Err(EditError::InvalidName { name: name.to_owned() });
            }
        }
        match self.item_id(name) {
            Some(id) if id != item => {
                return Err(EditError::NameInUse { name: name.to_owned() });
            }
            Some(_) => {}
            None => {
                self.names.insert(item, name.to_owned());
            }
        }
        let types: Vec<(i32, String)> =
            self.types.iter().filter(|(id, _)| **id != 0).map(|(i, n)| (*i, n.clone())).collect();
        let mut below = item;
        for (kind, type_name) in types {
            let Some(target_name) = loc.get(&type_name) else { continue };
            let kind = kind as u16;
            let Some(target) = self.item_id(target_name) else {
                below =
                    self.make_bucket(None, self.default_alg(), kind, &[(below, 0)], target_name)?;
                continue;
            };
            let bucket = self.bucket(target).ok_or(EditError::NotABucket { id: target })?;
            if bucket.items.contains(&below) || self.subtree_contains(target, below) {
                return Err(EditError::AlreadyThere { id: below });
            }
            if bucket.kind != kind {
                return Err(EditError::WrongLevel { id: target });
            }
            if self.subtree_contains(below, target) {
                return Err(EditError::Loop { id: below });
            }
            self.bucket_add_item(target, below, 0)?;
            break;
        }
        if self.adjust_in_location(item, weight, loc, init_weight_sets)? == 0 {
            return Err(EditError::NoLocation);
        }
        self.rebuild_shadows()
    }

    /// Puts an item where `loc` says, with this weight and name (`osd crush set`): inserts it, moves
    /// it there or only reweights it. Returns whether anything changed.
    pub fn update_item(
        &mut self,
        item: i32,
        weight: u32,
        name: &str,
        loc: &Location,
    ) -> Result<bool, EditError> {
        self.atomically(|map| {
            let Some(weight_before) = map.item_weight_in(item, loc) else {
                if map.names.contains_key(&item) {
                    map.remove(item, true)?;
                }
                map.insert(item, weight, name, loc, item >= 0)?;
                return Ok(true);
            };
            let mut changed = false;
            if weight_before != weight {
                map.adjust_in_location(item, weight, loc, true)?;
                changed = true;
            }
            if map.item_name(item) != Some(name) {
                map.check_new_name(name)?;
                map.names.insert(item, name.to_owned());
                changed = true;
            }
            Ok(changed)
        })
    }

    /// Makes sure an item is where `loc` says (`osd crush create-or-move`, an OSD's boot): an item
    /// that is elsewhere moves with the weight it has, a new one gets `weight`. Returns whether
    /// anything changed.
    pub fn create_or_move_item(
        &mut self,
        item: i32,
        weight: u32,
        name: &str,
        loc: &Location,
    ) -> Result<bool, EditError> {
        if self.item_weight_in(item, loc).is_some() {
            return Ok(false);
        }
        self.atomically(|map| {
            let weight = map.item_weight(item).unwrap_or(weight);
            if map.is_placed(item) {
                map.remove(item, true)?;
            }
            map.insert(item, weight, name, loc, item >= 0)?;
            Ok(true)
        })
    }

    /// Moves a bucket, with all below it, to `loc` (`osd crush move`).
    pub fn move_bucket(&mut self, id: i32, loc: &Location) -> Result<(), EditError> {
        self.atomically(|map| {
            let (name, weight) = map.movable(id)?;
            let parent = map.parents(id).find(|b| !map.is_shadow(b.id)).map(|b| b.id);
            if let Some(parent) = parent {
                map.adjust_in_bucket(parent, id, 0, true, 0)?;
                map.bucket_remove_item(parent, id);
            }
            map.insert(id, weight, &name, loc, false)
        })
    }

    /// Puts a bucket at one more place (`osd crush link`).
    pub fn link_bucket(&mut self, id: i32, loc: &Location) -> Result<(), EditError> {
        self.atomically(|map| {
            let (name, weight) = map.movable(id)?;
            map.insert(id, weight, &name, loc, false)
        })
    }

    fn movable(&self, id: i32) -> Result<(String, u32), EditError> {
        let bucket = self.bucket(id).ok_or(match id {
            0.. => EditError::NotABucket { id },
            _ => EditError::NoSuchItem { id },
        })?;
        if self.is_shadow(id) {
            return Err(EditError::Shadow { id });
        }
        let name = self.item_name(id).ok_or(EditError::NoSuchItem { id })?;
        Ok((name.to_owned(), bucket.weight))
    }

    /// Takes an item out of every bucket (`osd crush rm`). A bucket must be empty and no rule may
    /// take it. `unlink_only` keeps the bucket, or the device's class.
    pub fn remove_item(&mut self, item: i32, unlink_only: bool) -> Result<(), EditError> {
        if self.is_shadow(item) {
            return Err(EditError::Shadow { id: item });
        }
        self.atomically(|map| map.remove(item, unlink_only))
    }

    fn remove(&mut self, item: i32, unlink_only: bool) -> Result<(), EditError> {
        if item < 0 && !unlink_only {
            let bucket = self.bucket(item).ok_or(EditError::NoSuchItem { id: item })?;
            if !bucket.items.is_empty() {
                return Err(EditError::NotEmpty { id: item });
            }
            if self.is_in_use(item) {
                return Err(EditError::InUse { id: item });
            }
        }
        let parents: Vec<i32> = self.parents(item).map(|bucket| bucket.id).collect();
        for parent in &parents {
            self.adjust_in_bucket(*parent, item, 0, true, 0)?;
            self.bucket_remove_item(*parent, item);
        }
        match self.forget_if_last(item, unlink_only)? || !parents.is_empty() {
            true => Ok(()),
            false => Err(EditError::NoSuchItem { id: item }),
        }
    }

    /// Takes an item out of the buckets in the subtree of `ancestor` (`osd crush rm NAME ANCESTOR`).
    pub fn remove_item_under(
        &mut self,
        item: i32,
        ancestor: i32,
        unlink_only: bool,
    ) -> Result<(), EditError> {
        if self.bucket(ancestor).is_none() {
            return Err(EditError::NotABucket { id: ancestor });
        }
        if !unlink_only && item < 0 && self.is_in_use(item) {
            return Err(EditError::InUse { id: item });
        }
        self.atomically(|map| {
            let parents: Vec<i32> = map.parents(item).map(|bucket| bucket.id).collect();
            let below = |parent: &i32| map.subtree_contains(ancestor, *parent);
            let parents: Vec<i32> = parents.into_iter().filter(below).collect();
            if parents.is_empty() {
                return Err(EditError::NoSuchItem { id: item });
            }
            for parent in parents {
                map.adjust_in_bucket(parent, item, 0, true, 0)?;
                map.bucket_remove_item(parent, item);
            }
            if item < 0
                && !unlink_only
                && map.bucket(item).is_some_and(|bucket| !bucket.items.is_empty())
            {
                return Err(EditError::NotEmpty { id: item });
            }
            map.forget_if_last(item, unlink_only)?;
            map.rebuild_shadows()
        })
    }

    /// When no bucket holds the item any more: forgets the bucket or the device.
    fn forget_if_last(&mut self, item: i32, unlink_only: bool) -> Result<bool, EditError> {
        if self.is_placed(item) || item < 0 && self.is_in_use(item) {
            return Ok(false);
        }
        let known = self.names.contains_key(&item);
        if item < 0 && !unlink_only {
            self.drop_bucket(item);
        }
        if item >= 0 {
            self.names.remove(&item);
            if !unlink_only {
                self.class_map.remove(&item);
            }
        }
        self.rebuild_shadows()?;
        Ok(known)
    }

    /// Removes a bucket and all that is kept about it.
    pub(super) fn drop_bucket(&mut self, id: i32) {
        let slot = slot(id).expect("buckets have negative ids");
        self.buckets[slot] = None;
        self.names.remove(&id);
        self.class_buckets.remove(&id);
        self.class_map.remove(&id);
        self.update_choose_args();
    }

    /// Whether a rule takes the bucket or one of its shadows, or it is a shadow.
    pub fn is_in_use(&self, id: i32) -> bool {
        let shadows = |id: i32| self.class_buckets.get(&id).into_iter().flat_map(BTreeMap::values);
        let is_shadow = self.class_buckets.values().flat_map(BTreeMap::values).any(|s| *s == id);
        let steps = self.rules.iter().flatten().flat_map(|rule| &rule.steps);
        let mut taken = steps.filter(|step| step.op == Op::Take).map(|step| step.arg1);
        is_shadow || taken.any(|take| take == id || shadows(id).any(|shadow| *shadow == take))
    }

    /// Gives an item a weight wherever it is (`osd crush reweight`) and adds up the buckets above.
    pub fn set_item_weight(&mut self, item: i32, weight: u32) -> Result<(), EditError> {
        self.atomically(|map| match map.adjust_everywhere(item, weight, true, 0)? {
            0 => Err(EditError::NoSuchItem { id: item }),
            _ => Ok(()),
        })
    }

    /// Gives every device below a bucket a weight (`osd crush reweight-subtree`); returns how many
    /// places it changed.
    pub fn set_subtree_weight(&mut self, root: i32, weight: u32) -> Result<usize, EditError> {
        if self.bucket(root).is_none() {
            return Err(EditError::NotABucket { id: root });
        }
        self.atomically(|map| {
            let mut changed = 0;
            let ids: Vec<i32> = map.all_buckets().map(|bucket| bucket.id).collect();
            for id in
                ids.into_iter().filter(|id| map.subtree_contains(root, *id)).collect::<Vec<_>>()
            {
                let items = map.bucket(id).map(|bucket| bucket.items.clone()).unwrap_or_default();
                for device in items.into_iter().filter(|item| *item >= 0) {
                    map.adjust_in_bucket(id, device, weight, true, 0)?;
                    changed += 1;
                }
            }
            map.rebuild_shadows()?;
            Ok(changed)
        })
    }

    /// Adds up all buckets' weights from their devices (`osd crush reweight-all`).
    pub fn reweight_all(&mut self) -> Result<(), EditError> {
        self.atomically(|map| {
            for root in map.roots() {
                map.reweight_bucket(root)?;
            }
            map.rebuild_shadows()
        })
    }

    pub(crate) fn reweight_bucket(&mut self, id: i32) -> Result<(), EditError> {
        let Some(mut bucket) = self.bucket(id).cloned() else { return Ok(()) };
        let (mut sum, mut children) = (0u32, 0u32);
        for at in 0..bucket.items.len() {
            let item = bucket.items[at];
            if item >= 0 {
                continue;
            }
            self.reweight_bucket(item)?;
            let weight = self.bucket(item).map_or(0, |child| child.weight);
            sum = sum.checked_add(weight).ok_or(EditError::WeightOverflow { id })?;
            children += 1;
            if bucket.alg() != BucketAlg::Uniform {
                bucket.put_item_weight(at, weight);
            }
        }
        // A uniform bucket of buckets gives each the mean weight.
        if bucket.alg() == BucketAlg::Uniform && children > bucket.items.len() as u32 - children {
            bucket.put_item_weight(0, sum / children);
        }
        bucket.derive(self.tunables.straw_calc_version)?;
        let slot = slot(id).expect("the bucket is there");
        self.buckets[slot] = Some(bucket);
        Ok(())
    }

    /// Gives a bucket another name (`osd crush rename-bucket`).
    pub fn rename_bucket(&mut self, from: &str, to: &str) -> Result<(), EditError> {
        let id = self.require_item(from)?;
        if id >= 0 {
            return Err(EditError::NotABucket { id });
        }
        if self.is_shadow(id) {
            return Err(EditError::Shadow { id });
        }
        self.check_new_name(to)?;
        self.atomically(|map| {
            map.names.insert(id, to.to_owned());
            map.rebuild_shadows()
        })
    }

    fn adjust_in_location(
        &mut self,
        item: i32,
        weight: u32,
        loc: &Location,
        update_weight_sets: bool,
    ) -> Result<usize, EditError> {
        let mut changed = 0;
        for name in loc.values() {
            if let Some(id) = self.item_id(name) {
                changed += self.adjust_in_bucket(id, item, weight, update_weight_sets, 0)?;
            }
        }
        Ok(changed)
    }

    fn adjust_everywhere(
        &mut self,
        item: i32,
        weight: u32,
        update_weight_sets: bool,
        depth: usize,
    ) -> Result<usize, EditError> {
        let parents: Vec<i32> = self.parents(item).map(|bucket| bucket.id).collect();
        for parent in &parents {
            self.adjust_in_bucket(*parent, item, weight, update_weight_sets, depth)?;
        }
        Ok(parents.len())
    }

    /// Gives `item` a weight in one bucket and carries the sum to all buckets above; returns in how
    /// many places of that bucket the item was.
    fn adjust_in_bucket(
        &mut self,
        id: i32,
        item: i32,
        weight: u32,
        update_weight_sets: bool,
        depth: usize,
    ) -> Result<usize, EditError> {
        if depth > DEPTH_MAX {
            return Err(EditError::TooDeep);
        }
        let version = self.tunables.straw_calc_version;
        let Some(bucket) = self.bucket_mut(id) else { return Ok(0) };
        let places: Vec<usize> =
            (0..bucket.items.len()).filter(|at| bucket.items[*at] == item).collect();
        for at in &places {
            bucket.set_item_weight(*at, weight, version)?;
        }
        let total = bucket.weight;
        if !places.is_empty() {
            if update_weight_sets {
                for args in self.choose_args.values_mut() {
                    let sets = args.get_mut(&(!id as u32)).map(|arg| &mut arg.weight_set);
                    for set in sets.into_iter().flatten() {
                        places.iter().for_each(|at| set[*at] = weight);
                    }
                }
            }
            self.adjust_everywhere(id, total, false, depth + 1)?;
        }
        self.sum_weight_sets(id, depth)?;
        Ok(places.len())
    }

    fn bucket_add_item(&mut self, id: i32, item: i32, weight: u32) -> Result<(), EditError> {
        let version = self.tunables.straw_calc_version;
        let bucket = self.bucket_mut(id).ok_or(EditError::NotABucket { id })?;
        bucket.add_item(item, weight, version)?;
        for args in self.choose_args.values_mut() {
            if let Some(arg) = args.get_mut(&(!id as u32)) {
                arg.weight_set.iter_mut().for_each(|set| set.push(weight));
                if !arg.ids.is_empty() {
                    arg.ids.push(item);
                }
            }
        }
        Ok(())
    }

    fn bucket_remove_item(&mut self, id: i32, item: i32) {
        let version = self.tunables.straw_calc_version;
        let Some(bucket) = self.bucket_mut(id) else { return };
        let removed = bucket.remove_item(item, version);
        let tree = bucket.alg() == BucketAlg::Tree;
        let Some((at, _)) = removed.filter(|_| !tree) else { return };
        for args in self.choose_args.values_mut() {
            if let Some(arg) = args.get_mut(&(!id as u32)) {
                arg.weight_set.iter_mut().filter(|set| at < set.len()).for_each(|set| {
                    set.remove(at);
                });
                if at < arg.ids.len() {
                    arg.ids.remove(at);
                }
            }
        }
    }
}

/// Most slots the editor gives a map; each takes four bytes of its encoding even when empty.
pub const BUCKET_SLOTS_MAX: usize = 1 << 20;

/// Result positions of a weight set; all its buckets have the same.
pub(super) fn positions(args: &ChooseArgMap) -> usize {
    args.values().map(|arg| arg.weight_set.len()).find(|count| *count > 0).unwrap_or(1)
}
