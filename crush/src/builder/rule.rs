//! Making and removing placement rules.

use super::EditError;
use super::edit::is_valid_name;
use crate::map::*;

const RULES_MAX: usize = 256;
/// Pool types in rule masks.
pub const POOL_REPLICATED: u8 = 1;
pub const POOL_ERASURE: u8 = 3;

impl CrushMap {
    pub fn rule_id(&self, name: &str) -> Option<u32> {
        let (id, _) = self.rule_names.iter().find(|(_, n)| *n == name)?;
        u32::try_from(*id).ok()
    }

    /// Makes a rule for replicated pools (`osd crush rule create-replicated NAME ROOT TYPE [CLASS]`):
    /// one device under each of several distinct buckets of type `domain`, or distinct devices when
    /// `domain` is the device type. Returns the rule's id.
    pub fn create_replicated_rule(
        &mut self,
        name: &str,
        root: &str,
        domain: &str,
        class: Option<&str>,
    ) -> Result<u32, EditError> {
        self.create_rule(name, root, domain, class, POOL_REPLICATED)
    }

    /// Makes a rule for erasure coded pools, which keeps positions.
    pub fn create_erasure_rule(
        &mut self,
        name: &str,
        root: &str,
        domain: &str,
        class: Option<&str>,
    ) -> Result<u32, EditError> {
        self.create_rule(name, root, domain, class, POOL_ERASURE)
    }

    fn create_rule(
        &mut self,
        name: &str,
        root: &str,
        domain: &str,
        class: Option<&str>,
        kind: u8,
    ) -> Result<u32, EditError> {
        if !is_valid_name(name) {
            return Err(EditError::InvalidName { name: name.to_owned() });
        }
        if self.rule_id(name).is_some() {
            return Err(EditError::NameInUse { name: name.to_owned() });
        }
        let mut root_id = self.require_item(root)?;
        let no_type = EditError::NoSuchType { name: domain.to_owned() };
        let domain = i32::from(self.type_id(domain).ok_or(no_type)?);
        if let Some(class) = class {
            let no_class = EditError::NoSuchClass { name: class.to_owned() };
            let class = self.class_id(class).ok_or(no_class.clone())?;
            let shadows = self.class_buckets.get(&root_id);
            root_id = *shadows.and_then(|by_class| by_class.get(&class)).ok_or(no_class)?;
        }
        let id = self.free_rule_id().ok_or(EditError::TooManyRules)?;
        let take = Step::new(Op::Take, root_id, 0);
        let emit = Step::new(Op::Emit, 0, 0);
        let steps = match (kind, domain) {
            (POOL_ERASURE, domain) => {
                let op = if domain == 0 { Op::ChooseIndep } else { Op::ChooseLeafIndep };
                let leaf_tries = Step::new(Op::SetChooseLeafTries, 5, 0);
                let tries = Step::new(Op::SetChooseTries, 100, 0);
                vec![leaf_tries, tries, take, Step::new(op, 0, domain), emit]
            }
            (_, 0) => vec![take, Step::new(Op::ChooseFirstN, 0, 0), emit],
            (_, domain) => vec![take, Step::new(Op::ChooseLeafFirstN, 0, domain), emit],
        };
        let (size_min, size_max) = if kind == POOL_ERASURE { (3, 20) } else { (1, 10) };
        let mask = RuleMask { ruleset: id as u8, kind, size_min, size_max };
        let slots = self.rules.len().max(id + 1);
        self.rules.resize(slots, None);
        self.rules[id] = Some(Rule { mask, steps });
        self.rule_names.insert(id as i32, name.to_owned());
        Ok(id as u32)
    }

    /// The lowest id that is neither a rule's nor, in old maps, another rule's ruleset.
    fn free_rule_id(&self) -> Option<usize> {
        let is_ruleset = |id: usize| {
            self.rules.iter().flatten().any(|rule| usize::from(rule.mask.ruleset) == id)
        };
        let free = |id: &usize| self.rules.get(*id).is_none_or(Option::is_none) && !is_ruleset(*id);
        (0..RULES_MAX).find(free)
    }

    /// Removes a rule (`osd crush rule rm`). Whether pools use it is for the caller to check.
    pub fn remove_rule(&mut self, name: &str) -> Result<(), EditError> {
        let id =
            self.rule_id(name).ok_or_else(|| EditError::NoSuchRule { name: name.to_owned() })?;
        self.atomically(|map| {
            if let Some(rule) = map.rules.get_mut(id as usize) {
                *rule = None;
            }
            map.rule_names.remove(&(id as i32));
            map.rebuild_shadows()
        })
    }

    /// Gives a rule another name (`osd crush rule rename`).
    pub fn rename_rule(&mut self, from: &str, to: &str) -> Result<(), EditError> {
        let id =
            self.rule_id(from).ok_or_else(|| EditError::NoSuchRule { name: from.to_owned() })?;
        if !is_valid_name(to) {
            return Err(EditError::InvalidName { name: to.to_owned() });
        }
        if self.rule_id(to).is_some() {
            return Err(EditError::NameInUse { name: to.to_owned() });
        }
        self.rule_names.insert(id as i32, to.to_owned());
        Ok(())
    }
}
