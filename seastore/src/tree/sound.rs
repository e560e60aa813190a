//! Whether a tree that is in memory is sound, for tests.

use super::check::problems_of;
use super::{Bounds, Misfit, Tree, TreeError};
use crate::page::Page;
use crate::pages::{MissingPage, PageId, Pages};
use std::collections::BTreeSet;

/// What [`Tree::check_part`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckedPart {
    /// Pages of the part, with their levels. Over all parts each page comes once if the tree is
    /// sound, and no page that is missing here belongs to the tree.
    pub pages: Vec<(PageId, u8)>,
    /// Sentences.
    pub problems: Vec<String>,
    /// Where the next part begins.
    pub next: Option<Vec<u8>>,
}

struct Checker<'a, P> {
    tree: Tree,
    pages: &'a P,
    from: &'a [u8],
    leaves_left: usize,
    seen: BTreeSet<PageId>,
    found: CheckedPart,
}

impl Tree {
    /// Shows every page of the tree. The leaves need not be in memory.
    pub fn pages_of(
        &self,
        pages: &impl Pages,
        visit: &mut dyn FnMut(PageId, u8),
    ) -> Result<(), TreeError> {
        if self.root == PageId::NONE {
            return Ok(());
        }
        let root = self.page(pages, self.root, None)?;
        visit(self.root, root.level());
        let mut seen = BTreeSet::from([self.root]);
        let mut inner = vec![root];
        while let Some(page) = inner.pop() {
            if page.level() == 0 {
                continue;
            }
            for i in 0..page.len() {
                let child = page.child(i);
                if !seen.insert(child) {
                    return Err(TreeError::Corrupt { page: child, what: Misfit::Twice });
                }
                visit(child, page.level() - 1);
                if page.level() > 1 {
                    inner.push(self.page(pages, child, Some(page.level()))?);
                }
            }
        }
        Ok(())
    }

    /// What is wrong with the tree, in sentences. All of it must be in memory.
    pub fn check(&self, pages: &impl Pages) -> Result<Vec<String>, MissingPage> {
        Ok(self.check_part(pages, &[], usize::MAX)?.problems)
    }

    /// As [`Tree::check`], of at most `max_leaves` (at least 1) leaves from the one that holds `from`
    /// on, and of the inner pages that begin there. `from` is empty or the `next` of another part.
    /// That no page stands in two parts is for the caller to see.
    pub fn check_part(
        &self,
        pages: &impl Pages,
        from: &[u8],
        max_leaves: usize,
    ) -> Result<CheckedPart, MissingPage> {
        let mut checker = Checker {
            tree: *self,
            pages,
            from,
            leaves_left: max_leaves.max(1),
            seen: BTreeSet::new(),
            found: CheckedPart::default(),
        };
        if self.root != PageId::NONE {
            checker.page(self.root, None, Bounds::ALL)?;
        }
        Ok(checker.found)
    }
}

impl<P: Pages> Checker<'_, P> {
    fn problem(&mut self, page: PageId, what: impl std::fmt::Display) {
        self.found.problems.push(format!("page {} {what}", page.0));
    }

    /// Levels fall, so the depth is bounded; and no page is looked at twice.
    fn page(
        &mut self,
        id: PageId,
        above: Option<u8>,
        bounds: Bounds<'_>,
    ) -> Result<(), MissingPage> {
        if !self.seen.insert(id) {
            self.problem(id, Misfit::Twice);
            return Ok(());
        }
        let (tree, pages) = (self.tree, self.pages);
        let page = match tree.page(pages, id, above) {
            Ok(page) => page,
            Err(TreeError::Missing(missing)) => return Err(missing),
            Err(TreeError::Corrupt { what, .. }) => {
                self.problem(id, what);
                return Ok(());
            }
        };
        // An inner page that began before `from` was looked at with an earlier part.
        if bounds.low >= self.from {
            self.found.pages.push((id, page.level()));
            self.content(id, page, bounds);
        }
        if page.level() == 0 {
            self.leaves_left -= 1;
            return Ok(());
        }
        for i in page.child_for(self.from)..page.len() {
            let bounds = bounds.child(page, i);
            if bounds.high.is_some_and(|high| high <= self.from) {
                continue;
            }
            if self.leaves_left == 0 {
                self.found.next = self.found.next.take().or(Some(bounds.low.to_vec()));
                return Ok(());
            }
            self.page(page.child(i), Some(page.level()), bounds)?;
        }
        Ok(())
    }

    fn content(&mut self, id: PageId, page: &Page, bounds: Bounds<'_>) {
        for problem in problems_of(page, bounds.low, bounds.high) {
            self.problem(id, problem);
        }
    }
}
