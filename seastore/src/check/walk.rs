//! A walk over every page of a tree that meets damage and goes on.

use crate::check::Bits;
use crate::event::ReadError;
use crate::page::Page;
use crate::pager::Pager;
use crate::pages::{PageId, Pages};
use crate::tree::check::problems_of;
use crate::tree::{Misfit, Tree};
use std::collections::BTreeMap;

/// A page that the walk has still to look at, and which keys it may hold.
struct Todo {
    id: PageId,
    /// Level of its parent.
    above: Option<u8>,
    low: Vec<u8>,
    high: Option<Vec<u8>>,
}

/// What the walk came to.
pub(crate) enum Visit<'a> {
    /// A sound page, or one with problems that do not hide what it holds.
    Page { id: PageId, page: &'a Page, problems: Vec<String> },
    /// It and what is below it cannot be looked at. It held keys from `low` on, before `high`.
    Lost { id: PageId, why: Why, low: Vec<u8>, high: Option<Vec<u8>> },
}

pub(crate) enum Why {
    Unreadable(ReadError),
    Misfit(Misfit),
    /// The page table knows no such page.
    Unknown,
}

/// Memory: the names and bounds of the pages next to the path, about one inner page per level.
pub(crate) struct Walk {
    tree: Tree,
    todo: Vec<Todo>,
    /// Pages that hold only keys outside are left out.
    within: Option<(Vec<u8>, Vec<u8>)>,
}

impl Walk {
    pub fn new(tree: Tree) -> Self {
        let mut todo = Vec::new();
        if tree.root != PageId::NONE {
            todo.push(Todo { id: tree.root, above: None, low: Vec::new(), high: None });
        }
        Self { tree, todo, within: None }
    }
    /// Of the pages that may hold keys from `start` on, before `end`.
    pub fn within(tree: Tree, start: Vec<u8>, end: Vec<u8>) -> Self {
        Self { within: Some((start, end)), ..Self::new(tree) }
    }

    pub fn is_done(&self) -> bool {
        self.todo.is_empty()
    }

    /// The next page; `Err` with the pages that have to be read first, at most `ahead`. None at the
    /// end. `seen` is given only where a page is not to be met twice.
    pub fn next<'a>(
        &mut self,
        pager: &'a Pager,
        bad: &BTreeMap<PageId, ReadError>,
        seen: Option<&mut Bits>,
        ahead: usize,
    ) -> Result<Option<Visit<'a>>, Vec<PageId>> {
        let Some(top) = self.todo.last() else { return Ok(None) };
        let id = top.id;
        if !pager.is_resident(id) && pager.place_of(id).is_some() && !bad.contains_key(&id) {
            let absent = |id: &PageId| {
                !pager.is_resident(*id) && pager.place_of(*id).is_some() && !bad.contains_key(id)
            };
            let next = self.todo.iter().rev().take(4 * ahead).map(|todo| todo.id);
            return Err(next.filter(absent).take(ahead.max(1)).collect());
        }
        let Todo { id, above, low, high } = self.todo.pop().expect("looked at");
        let lost = |why, low, high| Ok(Some(Visit::Lost { id, why, low, high }));
        if let Some(seen) = seen
            && !seen.set(id.0 as u64)
        {
            return lost(Why::Misfit(Misfit::Twice), low, high);
        }
        if let Some(error) = bad.get(&id) {
            return lost(Why::Unreadable(error.clone()), low, high);
        }
        let Ok(page) = pager.get(id) else { return lost(Why::Unknown, low, high) };
        if page.kind() != self.tree.kind {
            return lost(Why::Misfit(Misfit::Kind(page.kind())), low, high);
        }
        if above.is_some_and(|above| above != page.level() + 1) {
            return lost(Why::Misfit(Misfit::Level(page.level())), low, high);
        }
        let problems = problems_of(page, &low, high.as_deref());
        if page.level() > 0 {
            for i in (0..page.len()).rev() {
                let low = if i == 0 { low.clone() } else { page.key(i).to_vec() };
                let high = match i + 1 < page.len() {
                    true => Some(page.key(i + 1).to_vec()),
                    false => high.clone(),
                };
                let outside = self.within.as_ref().is_some_and(|(start, end)| {
                    high.as_ref().is_some_and(|high| high <= start) || low >= *end
                });
                if outside {
                    continue;
                }
                self.todo.push(Todo { id: page.child(i), above: Some(page.level()), low, high });
            }
        }
        Ok(Some(Visit::Page { id, page, problems }))
    }
}
