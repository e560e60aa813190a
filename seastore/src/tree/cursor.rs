//! A walk over the items of a tree, in order.

use super::{Tree, TreeError};
use crate::page::Page;
use crate::pages::{PageId, Pages};
use std::ops::Range;

/// A leaf and some of its items.
pub(super) struct Leaf<'a> {
    pub id: PageId,
    pub page: &'a Page,
    pub items: Range<usize>,
}

pub(super) struct Cursor<'a, 'k, P> {
    tree: Tree,
    pages: &'a P,
    /// Items from here on are not wanted.
    end: Option<&'k [u8]>,
    /// Pages from the root down, and in each the next child to visit.
    above: Vec<(&'a Page, usize)>,
    /// The leaf, and which of its items are still to come.
    leaf: Option<Leaf<'a>>,
}

impl<'a, 'k, P: Pages> Cursor<'a, 'k, P> {
    /// Before the first item from `from` on.
    pub fn new(
        tree: Tree,
        pages: &'a P,
        from: &[u8],
        end: Option<&'k [u8]>,
    ) -> Result<Self, TreeError> {
        let mut cursor = Self { tree, pages, end, above: Vec::new(), leaf: None };
        if tree.root != PageId::NONE && end.is_none_or(|end| from < end) {
            let root = tree.page(pages, tree.root, None)?;
            cursor.descend(tree.root, root, from)?;
        }
        Ok(cursor)
    }

    /// To the leaf below a page that may hold `from`.
    fn descend(
        &mut self,
        mut id: PageId,
        mut page: &'a Page,
        from: &[u8],
    ) -> Result<(), TreeError> {
        while page.level() > 0 {
            let i = page.child_for(from);
            self.above.push((page, i + 1));
            id = page.child(i);
            page = self.tree.page(self.pages, id, Some(page.level()))?;
        }
        let start = page.search(from).unwrap_or_else(|i| i);
        let end = match self.end {
            Some(end) => page.search(end).unwrap_or_else(|i| i),
            None => page.len(),
        };
        self.leaf = Some(Leaf { id, page, items: start..end.max(start) });
        Ok(())
    }

    /// The next leaf that holds items still to come, and those items, which are then done with.
    pub fn next_leaf(&mut self) -> Result<Option<Leaf<'a>>, TreeError> {
        loop {
            if let Some(leaf) = self.leaf.take()
                && !leaf.items.is_empty()
            {
                return Ok(Some(leaf));
            }
            let Some((page, i)) = self.above.last_mut() else { return Ok(None) };
            let (page, child) = (*page, *i);
            if child >= page.len() {
                self.above.pop();
                continue;
            }
            if self.end.is_some_and(|end| page.key(child) >= end) {
                self.above.clear();
                return Ok(None);
            }
            *i += 1;
            let id = page.child(child);
            let below = self.tree.page(self.pages, id, Some(page.level()))?;
            self.descend(id, below, &[])?;
        }
    }

    /// Shows the items until `visit` returns false.
    pub fn visit(mut self, visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), TreeError> {
        while let Some((key, value)) = self.next()? {
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    #[expect(clippy::type_complexity, reason = "key and value")]
    pub fn next(&mut self) -> Result<Option<(&'a [u8], &'a [u8])>, TreeError> {
        let Some(mut leaf) = self.next_leaf()? else { return Ok(None) };
        let (page, i) = (leaf.page, leaf.items.start);
        leaf.items.start += 1;
        self.leaf = Some(leaf);
        Ok(Some((page.key(i), page.value(i))))
    }
}
