//! Device classes and their shadow trees.
//!
//! For every root and class there is a copy of the tree with only the devices of that class; its
//! buckets are named `original~class` and rules for a class take them. The copies are made anew
//! after each edit, with the ids they had, so that mappings do not move.

use super::EditError;
use super::edit::is_valid_name;
use super::weight_set::sums;
use crate::map::*;
use std::collections::{BTreeMap, BTreeSet};

type ClassBuckets = BTreeMap<i32, BTreeMap<i32, i32>>;
/// Per weight set and shadow bucket: the sums of its weights per position.
type ShadowSums = BTreeMap<(i64, i32), Vec<u32>>;

impl CrushMap {
    pub fn class_id(&self, name: &str) -> Option<i32> {
        self.class_names.iter().find(|(_, n)| *n == name).map(|(id, _)| *id)
    }

    /// Name of a device's class.
    pub fn device_class(&self, device: i32) -> Option<&str> {
        self.class_names.get(self.class_map.get(&device)?).map(String::as_str)
    }

    /// Devices of a class, by rising id.
    pub fn devices_of_class(&self, class: &str) -> Vec<i32> {
        let Some(class) = self.class_id(class) else { return Vec::new() };
        self.class_map
            .iter()
            .filter(|(id, c)| **id >= 0 && **c == class)
            .map(|(id, _)| *id)
            .collect()
    }

    /// The id of the class, made if there is none (`osd crush class create`). A class without
    /// devices and rules goes away with the next edit.
    pub fn create_class(&mut self, name: &str) -> Result<i32, EditError> {
        if !is_valid_name(name) {
            return Err(EditError::InvalidName { name: name.to_owned() });
        }
        if let Some(id) = self.class_id(name) {
            return Ok(id);
        }
        let id = self.class_names.keys().next_back().map_or(0, |last| last.wrapping_add(1).max(0));
        self.class_names.insert(id, name.to_owned());
        Ok(id)
    }

    /// Puts a device into a class (`osd crush set-device-class`). Another class must be removed
    /// first. Returns whether anything changed.
    pub fn set_device_class(&mut self, device: i32, class: &str) -> Result<bool, EditError> {
        if device < 0 {
            return Err(EditError::InvalidDevice { id: device });
        }
        if !self.names.contains_key(&device) {
            return Err(EditError::NoSuchItem { id: device });
        }
        match self.device_class(device) {
            Some(before) if before == class => return Ok(false),
            Some(_) => return Err(EditError::InUse { id: device }),
            None => {}
        }
        self.atomically(|map| {
            let id = map.create_class(class)?;
            map.class_map.insert(device, id);
            map.rebuild_shadows()?;
            Ok(true)
        })
    }

    /// Takes a device out of its class (`osd crush rm-device-class`). Returns whether it was in one.
    pub fn remove_device_class(&mut self, device: i32) -> Result<bool, EditError> {
        if device < 0 || !self.names.contains_key(&device) {
            return Err(EditError::NoSuchItem { id: device });
        }
        self.atomically(|map| {
            let removed = map.class_map.remove(&device).is_some();
            map.rebuild_shadows()?;
            Ok(removed)
        })
    }

    /// Removes a class and takes its devices out of it (`osd crush class rm`). No rule may use it.
    pub fn remove_class(&mut self, name: &str) -> Result<(), EditError> {
        let Some(id) = self.class_id(name) else {
            return Err(EditError::NoSuchClass { name: name.to_owned() });
        };
        if self.class_is_taken(id) {
            return Err(EditError::InUse { id });
        }
        self.atomically(|map| {
            map.class_map.retain(|item, class| *item < 0 || *class != id);
            map.rebuild_shadows()?;
            map.class_names.remove(&id);
            Ok(())
        })
    }

    /// Gives a class another name (`osd crush class rename`); ids and rules stay.
    pub fn rename_class(&mut self, from: &str, to: &str) -> Result<(), EditError> {
        let Some(id) = self.class_id(from) else {
            return Err(EditError::NoSuchClass { name: from.to_owned() });
        };
        if !is_valid_name(to) {
            return Err(EditError::InvalidName { name: to.to_owned() });
        }
        if self.class_id(to).is_some() {
            return Err(EditError::NameInUse { name: to.to_owned() });
        }
        self.class_names.insert(id, to.to_owned());
        for (item, class) in &self.class_map {
            if *item < 0
                && *class == id
                && let Some(name) = self.names.get_mut(item)
                && let Some((original, _)) = name.split_once('~')
            {
                *name = format!("{original}~{to}");
            }
        }
        Ok(())
    }

    /// Rules that place on a class: those that take one of its shadows.
    pub fn rules_of_class(&self, class: i32) -> Vec<u32> {
        let shadows: BTreeSet<i32> = self
            .class_buckets
            .values()
            .filter_map(|by_class| by_class.get(&class))
            .copied()
            .collect();
        let takes = |rule: &Rule| {
            rule.steps.iter().any(|step| step.op == Op::Take && shadows.contains(&step.arg1))
        };
        let rules = (0..).zip(&self.rules);
        rules.filter(|(_, rule)| rule.as_ref().is_some_and(takes)).map(|(id, _)| id).collect()
    }

    fn class_is_taken(&self, class: i32) -> bool {
        !self.rules_of_class(class).is_empty()
    }

    /// Makes all shadow trees anew from the trees of the devices.
    pub fn rebuild_shadows(&mut self) -> Result<(), EditError> {
        let used: BTreeSet<i32> =
            self.class_map.iter().filter(|(id, _)| **id >= 0).map(|(_, class)| *class).collect();
        let dead = |class: &i32| !used.contains(class) && !self.class_is_taken(*class);
        let dead: Vec<i32> = self.class_names.keys().copied().filter(dead).collect();
        for class in dead {
            self.class_names.remove(&class);
        }
        for root in self.roots_where(Self::is_shadow) {
            self.drop_tree(root);
        }
        let before = std::mem::take(&mut self.class_buckets);
        self.populate_shadows(&before)
    }

    fn drop_tree(&mut self, id: i32) {
        // A bucket linked at several places is met more than once.
        let Some(bucket) = self.bucket(id) else { return };
        for item in bucket.items.clone().into_iter().filter(|item| *item < 0) {
            self.drop_tree(item);
        }
        self.drop_bucket(id);
    }

    /// Makes the shadow trees. Ids come from `ids` where it has one for the bucket and class.
    pub(crate) fn populate_shadows(&mut self, ids: &ClassBuckets) -> Result<(), EditError> {
        let reserved: BTreeSet<i32> =
            ids.values().flat_map(|by_class| by_class.values()).copied().collect();
        let mut sums = ShadowSums::new();
        let classes: Vec<i32> = self.class_names.keys().copied().collect();
        for root in self.roots() {
            for class in &classes {
                self.clone_for_class(root, *class, ids, &reserved, &mut sums)?;
            }
        }
        Ok(())
    }

    fn clone_for_class(
        &mut self,
        id: i32,
        class: i32,
        ids: &ClassBuckets,
        reserved: &BTreeSet<i32>,
        shadow_sums: &mut ShadowSums,
    ) -> Result<i32, EditError> {
        let name = self.item_name(id).ok_or(EditError::NoSuchItem { id })?;
        let name = format!("{name}~{}", self.class_names[&class]);
        if let Some(shadow) = self.item_id(&name) {
            return Ok(shadow);
        }
        let original = self.bucket(id).cloned().ok_or(EditError::NoSuchItem { id })?;
        let mut items = Vec::new();
        let mut origins = Vec::new();
        for (at, item) in original.items.iter().enumerate() {
            if *item >= 0 {
                // A freed place of a tree bucket looks like device 0 without weight.
                if self.class_map.get(item) == Some(&class) {
                    items.push((*item, original.item_weight(at)));
                    origins.push(at);
                }
            } else {
                let child = self.clone_for_class(*item, class, ids, reserved, shadow_sums)?;
                items.push((child, self.bucket(child).map_or(0, |bucket| bucket.weight)));
                origins.push(at);
            }
        }
        let known = ids.get(&id).and_then(|by_class| by_class.get(&class)).copied();
        let shadow = known.unwrap_or_else(|| self.free_bucket_id(reserved));
        let version = self.tunables.straw_calc_version;
        let mut bucket = Bucket::new(shadow, original.alg(), original.kind, &items, version)?;
        bucket.hash = original.hash;
        self.put_bucket(bucket)?;
        self.names.insert(shadow, name);
        self.class_map.insert(shadow, class);
        self.class_buckets.entry(id).or_default().insert(class, shadow);
        for (args_id, args) in &mut self.choose_args {
            let Some(arg) = args.get(&(!id as u32)).filter(|arg| !arg.weight_set.is_empty()) else {
                continue;
            };
            let weight_set = (0..arg.weight_set.len()).map(|position| {
                let weight = |((item, _), at): (&(i32, u32), &usize)| match item {
                    0.. => arg.weight_set[position].get(*at).copied().unwrap_or(0),
                    _ => shadow_sums
                        .get(&(*args_id, *item))
                        .and_then(|sums| sums.get(position))
                        .copied()
                        .unwrap_or(0),
                };
                items.iter().zip(&origins).map(weight).collect()
            });
            let shadow_arg = ChooseArg { weight_set: weight_set.collect(), ids: Vec::new() };
            shadow_sums.insert((*args_id, shadow), sums(&shadow_arg));
            args.insert(!shadow as u32, shadow_arg);
        }
        Ok(shadow)
    }
}
