//! A B+tree of byte strings over pages that may be absent.
//!
//! Looking at a tree may end with a page that is not in memory; the caller has it fetched and starts
//! again. Changing a tree cannot: [`Tree::touch`], which looks, comes first and finds whatever is
//! missing or damaged on the way. Neighbours of the path are not needed: pages join a neighbour only
//! if it happens to be in memory. So the shape of a tree depends on what was cached, and what it
//! holds does not.
//!
//! An empty leaf is dropped only if the leaf that then stands for its keys is in memory:
//! [`Tree::touch_remove`] sees to that. Where it is not, the empty leaf stays until it is used again
//! or a neighbour shrinks.

pub(crate) mod check;
mod cursor;
#[cfg(test)]
mod sound;
pub(crate) mod spot;

use crate::page::{LEVEL_MAX, PAGE_BYTES, Page, PageKind};
use crate::pages::{MissingPage, PageId, Pages};
use cursor::Cursor;
use spot::{Spot, Way};
use std::cell::Cell;
use std::fmt;

/// A tree is its root. What names the tree must be stored again whenever the root changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree {
    pub kind: PageKind,
    /// [`PageId::NONE`]: the tree is empty.
    pub root: PageId,
}

/// Why a tree could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeError {
    /// Fetch it and start again.
    Missing(MissingPage),
    /// The page, whole in itself, does not fit into the tree where it stands.
    Corrupt { page: PageId, what: Misfit },
}

/// What is wrong with a page's place in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It belongs to another tree.
    Kind(PageKind),
    /// Its level is not one below its parent's.
    Level(u8),
    /// It holds keys that its parent says are elsewhere.
    Bounds,
    /// The tree has it in two places.
    Twice,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "belongs to the tree of kind {kind:?}"),
            Self::Level(level) => write!(f, "has level {level}, not one below its parent's"),
            Self::Bounds => write!(f, "holds keys that its parent says are elsewhere"),
            Self::Twice => write!(f, "stands in the tree twice"),
        }
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => missing.fmt(f),
            Self::Corrupt { page, what } => write!(f, "page {} {what}", page.0),
        }
    }
}
impl std::error::Error for TreeError {}

impl From<MissingPage> for TreeError {
    fn from(missing: MissingPage) -> Self {
        Self::Missing(missing)
    }
}

/// Pages from the root to a leaf, and in each which child was taken.
struct Path {
    steps: [(PageId, u32); LEVEL_MAX as usize + 1],
    len: usize,
}

/// The leaf that gets the keys of one that goes: the nearest one under another child of the page
/// above `depth`, which is where the path to the one that goes has its first page without company.
struct Heir {
    depth: usize,
    before: bool,
}

/// Which keys a page may hold: from `low` on, before `high` if there is one.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    low: &'a [u8],
    high: Option<&'a [u8]>,
}

impl<'a> Bounds<'a> {
    const ALL: Self = Self { low: &[], high: None };

    /// Those of child `i` of a page with these bounds.
    fn child(self, page: &'a Page, i: usize) -> Self {
        let low = if i == 0 { self.low } else { page.key(i) };
        let high = if i + 1 < page.len() { Some(page.key(i + 1)) } else { self.high };
        Self { low, high }
    }

    fn hold(self, page: &Page) -> bool {
        // The first key of an inner page is empty: it stands for the lower bound.
        let first = usize::from(page.level() > 0);
        first >= page.len()
            || page.key(first) >= self.low
                && self.high.is_none_or(|high| page.key(page.len() - 1) < high)
    }
}

/// A leaf, and the value that it holds of a key, if it does.
pub(crate) type Touched<'a> = (PageId, Option<&'a [u8]>);

fn missed<T>(found: Result<T, TreeError>) -> T {
    found.unwrap_or_else(|e| panic!("a tree is changed only after a touch that succeeded: {e}"))
}

impl Tree {
    pub fn empty(kind: PageKind) -> Self {
        Self { kind, root: PageId::NONE }
    }

    /// The page, if it fits below a parent of level `above`. Levels fall, so every walk ends.
    fn page<'a>(
        &self,
        pages: &'a impl Pages,
        id: PageId,
        above: Option<u8>,
    ) -> Result<&'a Page, TreeError> {
        let page = pages.get(id)?;
        let misfit = |what| Err(TreeError::Corrupt { page: id, what });
        if page.kind() != self.kind {
            return misfit(Misfit::Kind(page.kind()));
        }
        match above {
            Some(above) if above != page.level() + 1 => misfit(Misfit::Level(page.level())),
            _ => Ok(page),
        }
    }

    /// The tree is not empty.
    fn path(&self, pages: &impl Pages, key: &[u8]) -> Result<Path, TreeError> {
        let mut path = Path { steps: [(self.root, 0); LEVEL_MAX as usize + 1], len: 1 };
        let mut page = self.page(pages, self.root, None)?;
        while page.level() > 0 {
            let i = page.child_for(key);
            path.steps[path.len - 1].1 = i as u32;
            let id = page.child(i);
            page = self.page(pages, id, Some(page.level()))?;
            path.steps[path.len].0 = id;
            path.len += 1;
        }
        Ok(path)
    }

    /// The value of `key`. `near` is where to look first.
    pub fn get<'a>(
        &self,
        pages: &'a impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
    ) -> Result<Option<&'a [u8]>, TreeError> {
        let Some(found) = self.seek(pages, near, key, Way::Any)? else { return Ok(None) };
        Ok(found.item.ok().map(|i| found.leaf.value(i)))
    }

    /// Succeeds if `key` can be inserted, updated and removed now, in any order: all that takes is in
    /// memory, and sound. Holds until a page leaves the memory, whatever else is changed. Answers the
    /// leaf, if there is one, and the value of the key, if it has one.
    pub fn touch<'a>(
        &self,
        pages: &'a impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
    ) -> Result<Option<Touched<'a>>, TreeError> {
        let found = self.seek(pages, near, key, Way::Sound)?;
        Ok(found.map(|f| (f.id, f.item.ok().map(|i| f.leaf.value(i)))))
    }

    /// As [`Tree::touch`], for a key that will be removed: if that leaves the leaf empty, a neighbour
    /// is in memory too, so that the leaf can go.
    pub fn touch_remove(
        &self,
        pages: &impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
    ) -> Result<(), TreeError> {
        match self.seek(pages, near, key, Way::Sound)? {
            Some(found) if found.leaf.len() == 1 && found.item == Ok(0) => {
                self.heir(pages, &self.path(pages, key)?).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Which leaf shall stand for the keys of the leaf at the end of the path. `None`: the tree has
    /// no other.
    fn heir(&self, pages: &impl Pages, path: &Path) -> Result<Option<Heir>, TreeError> {
        for depth in (1..path.len).rev() {
            let (parent, at) = path.steps[depth - 1];
            let (parent, at) = (self.page(pages, parent, None)?, at as usize);
            if parent.len() == 1 {
                continue;
            }
            let mut missing = None;
            if at > 0 {
                match self.edge(pages, parent, at - 1, true) {
                    Ok(()) => return Ok(Some(Heir { depth, before: true })),
                    Err(e) => missing = Some(e),
                }
            }
            if at + 1 < parent.len() {
                match self.edge(pages, parent, at + 1, false) {
                    Ok(()) => return Ok(Some(Heir { depth, before: false })),
                    Err(e) => missing = missing.or(Some(e)),
                }
            }
            return missing.map_or(Ok(None), Err);
        }
        Ok(None)
    }

    /// Whether the last or else the first leaf below child `i` of a page can be reached.
    fn edge(
        &self,
        pages: &impl Pages,
        parent: &Page,
        i: usize,
        last: bool,
    ) -> Result<(), TreeError> {
        let mut page = self.page(pages, parent.child(i), Some(parent.level()))?;
        while page.level() > 0 {
            let i = if last { page.len() - 1 } else { 0 };
            page = self.page(pages, page.child(i), Some(page.level()))?;
        }
        Ok(())
    }

    /// Gives `key` a value; says whether it had one.
    ///
    /// # Panics
    /// If [`Tree::touch`] of the key would not succeed; if the key is longer than
    /// [`crate::page::KEY_BYTES_MAX`] or the value is of about 4 GiB.
    pub fn insert(
        &mut self,
        pages: &mut impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
        value: &[u8],
    ) -> bool {
        let Some(found) = missed(self.seek(pages, near, key, Way::Any)) else {
            let mut leaf = Page::new(self.kind, 0);
            leaf.insert(0, key, value);
            self.root = pages.allocate(leaf);
            return false;
        };
        let (id, item) = (found.id, found.item);
        let leaf = pages.get_mut(id);
        let before = leaf.used_bytes();
        match item {
            Ok(i) => leaf.replace(i, value),
            Err(i) => leaf.insert(i, key, value),
        }
        if leaf.is_overfull() {
            let path = missed(self.path(pages, key));
            self.split(pages, &path);
        } else if leaf.used_bytes() < before {
            let path = missed(self.path(pages, key));
            self.shrink(pages, path);
        }
        item.is_ok()
    }

    /// Changes the value of `key` in place, if it has one; says whether it has.
    ///
    /// # Panics
    /// If [`Tree::touch`] of the key would not succeed.
    pub fn update(
        &mut self,
        pages: &mut impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
        change: impl FnOnce(&mut [u8]),
    ) -> bool {
        let Some(found) = missed(self.seek(pages, near, key, Way::Any)) else { return false };
        let (id, Ok(i)) = (found.id, found.item) else { return false };
        change(pages.get_mut(id).value_mut(i));
        true
    }

    /// Removes `key`; says whether it was there.
    ///
    /// # Panics
    /// If [`Tree::touch`] of the key would not succeed.
    pub fn remove(&mut self, pages: &mut impl Pages, near: &Cell<Spot>, key: &[u8]) -> bool {
        let Some(found) = missed(self.seek(pages, near, key, Way::Any)) else { return false };
        let (id, Ok(i)) = (found.id, found.item) else { return false };
        let path = missed(self.path(pages, key));
        pages.get_mut(id).remove(i..i + 1);
        self.shrink(pages, path);
        true
    }

    /// Splits the overfull leaf at the end of the path, and every page above that thus gets overfull.
    fn split(&mut self, pages: &mut impl Pages, path: &Path) {
        for depth in (0..path.len).rev() {
            let id = path.steps[depth].0;
            let page = pages.get_mut(id);
            let level = page.level();
            let mut parts = Vec::new();
            split_whole(page, &mut parts);
            let (parent, at) = if depth > 0 {
                let (parent, at) = path.steps[depth - 1];
                (parent, at as usize)
            } else {
                let mut root = Page::new(self.kind, level + 1);
                root.insert(0, &[], &id.0.to_le_bytes());
                self.root = pages.allocate(root);
                (self.root, 0)
            };
            for (i, (separator, part)) in parts.into_iter().enumerate() {
                let part = pages.allocate(part).0.to_le_bytes();
                pages.get_mut(parent).insert(at + 1 + i, &separator, &part);
            }
            // A new root has more children than it should only if its one child made many parts.
            let above = missed(self.page(pages, parent, None));
            if !above.is_overfull() {
                return;
            }
            if depth == 0 {
                let mut top = Path { steps: path.steps, len: 1 };
                top.steps[0] = (parent, 0);
                return self.split(pages, &top);
            }
        }
    }

    /// After something was taken from the leaf at the end of the path: drops it if it is empty, joins
    /// pages that are nearly so, and lowers the root.
    fn shrink(&mut self, pages: &mut impl Pages, path: Path) {
        let mut depth = path.len - 1;
        let leaf = missed(self.page(pages, path.steps[depth].0, None));
        if leaf.is_empty() {
            let Ok(heir) = self.heir(pages, &path) else { return };
            let from = heir.as_ref().map_or(0, |heir| heir.depth);
            for (id, _) in &path.steps[from..path.len] {
                pages.free(*id);
            }
            let Some(heir) = heir else {
                self.root = PageId::NONE;
                return;
            };
            depth = heir.depth - 1;
            let (id, at) = (path.steps[depth].0, path.steps[depth].1 as usize);
            let parent = pages.get_mut(id);
            if heir.before {
                parent.remove(at..at + 1);
            } else {
                parent.adopt(at);
            }
            if at > 0 {
                self.join(pages, id, at - 1);
            }
        }
        while depth > 0 {
            let small = missed(self.page(pages, path.steps[depth].0, None));
            if small.used_bytes() >= PAGE_BYTES / 2 {
                return;
            }
            depth -= 1;
            let (parent, at) = (path.steps[depth].0, path.steps[depth].1 as usize);
            let joined = self.join(pages, parent, at) || at > 0 && self.join(pages, parent, at - 1);
            if !joined {
                return;
            }
        }
        while self.root != PageId::NONE && pages.is_resident(self.root) {
            let below = match self.page(pages, self.root, None) {
                Ok(leaf) if leaf.is_empty() => PageId::NONE,
                Ok(inner) if inner.level() > 0 && inner.len() == 1 => inner.child(0),
                _ => return,
            };
            pages.free(self.root);
            self.root = below;
        }
    }

    /// Makes one page of the children `left` and `left + 1`, if both are in memory, and small or
    /// one of them empty.
    fn join(&self, pages: &mut impl Pages, parent: PageId, left: usize) -> bool {
        let above = missed(self.page(pages, parent, None));
        if left + 1 >= above.len() {
            return false;
        }
        let (low, high) = (above.child(left), above.child(left + 1));
        if low == high || !pages.is_resident(low) || !pages.is_resident(high) {
            return false;
        }
        let level = Some(above.level());
        let (Ok(a), Ok(b)) = (self.page(pages, low, level), self.page(pages, high, level)) else {
            return false;
        };
        let separator = above.key(left + 1);
        // Of a damaged neighbour nothing is taken.
        let sound = Bounds { low: &[], high: Some(separator) }.hold(a)
            && Bounds { low: separator, high: None }.hold(b);
        let small = a.used_bytes().max(b.used_bytes()) < PAGE_BYTES / 2
            && a.used_bytes() + b.used_bytes() + separator.len() <= PAGE_BYTES;
        if !sound || !(small || a.is_empty() || b.is_empty()) {
            return false;
        }
        if a.is_empty() {
            pages.free(low);
            pages.get_mut(parent).adopt(left);
            return true;
        }
        if !b.is_empty() {
            let (separator, b) = (separator.to_vec(), b.clone());
            pages.get_mut(low).merge(&b, &separator);
        }
        pages.free(high);
        pages.get_mut(parent).remove(left + 1..left + 2);
        true
    }

    /// The first item from `from` on.
    #[cfg(test)]
    #[expect(clippy::type_complexity, reason = "key and value")]
    pub fn next<'a>(
        &self,
        pages: &'a impl Pages,
        from: &[u8],
    ) -> Result<Option<(&'a [u8], &'a [u8])>, TreeError> {
        Cursor::new(*self, pages, from, None)?.next()
    }

    /// Shows items in order, the first one from `from` on, until `visit` returns false.
    /// Where the end is known, [`Tree::scan_range`] needs fewer pages.
    pub fn scan(
        &self,
        pages: &impl Pages,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), TreeError> {
        Cursor::new(*self, pages, from, None)?.visit(visit)
    }

    /// As [`Tree::scan`], of the items from `first` on and before `last`. Needs no page beyond.
    pub fn scan_range(
        &self,
        pages: &impl Pages,
        first: &[u8],
        last: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), TreeError> {
        Cursor::new(*self, pages, first, Some(last))?.visit(visit)
    }

    /// How many items [`Tree::remove_range`] can now remove from `first` on and before `last`: those
    /// in the first `max_leaves` (at least 1) leaves that hold any. 0: there are none at all.
    pub fn touch_range(
        &self,
        pages: &impl Pages,
        first: &[u8],
        last: &[u8],
        max_leaves: usize,
    ) -> Result<usize, TreeError> {
        let mut cursor = Cursor::new(*self, pages, first, Some(last))?;
        let (mut items, mut leaves) = (0, 0);
        while let Some(leaf) = cursor.next_leaf()? {
            let key = leaf.page.key(leaf.items.start);
            let found = self.seek(pages, &Cell::default(), key, Way::Sound)?;
            if found.is_none_or(|found| found.id != leaf.id) {
                return Err(TreeError::Corrupt { page: leaf.id, what: Misfit::Bounds });
            }
            // The first leaf that goes needs an heir. Those that follow have the same one, or it.
            if leaves == 0 && leaf.items.len() == leaf.page.len() {
                self.heir(pages, &self.path(pages, key)?)?;
            }
            items += leaf.items.len();
            leaves += 1;
            if leaves >= max_leaves.max(1) {
                break;
            }
        }
        Ok(items)
    }

    /// Bytes of the leaves with keys from `first` on and before `last`.
    pub fn range_bytes(
        &self,
        pages: &impl Pages,
        first: &[u8],
        last: &[u8],
    ) -> Result<u64, TreeError> {
        let mut cursor = Cursor::new(*self, pages, first, Some(last))?;
        let mut bytes = 0;
        while let Some(leaf) = cursor.next_leaf()? {
            bytes += leaf.page.encoded_len() as u64;
        }
        Ok(bytes)
    }

    /// Removes the first `max_items` items from `first` on and before `last`; says how many there
    /// were.
    ///
    /// # Panics
    /// If `max_items` is more than [`Tree::touch_range`] answers.
    pub fn remove_range(
        &mut self,
        pages: &mut impl Pages,
        first: &[u8],
        last: &[u8],
        max_items: usize,
    ) -> usize {
        let mut removed = 0;
        while removed < max_items {
            let mut cursor = missed(Cursor::new(*self, &*pages, first, Some(last)));
            let Some(leaf) = missed(cursor.next_leaf()) else { break };
            let (id, from) = (leaf.id, leaf.items.start);
            let count = leaf.items.len().min(max_items - removed);
            let path = missed(self.path(pages, leaf.page.key(from)));
            removed += count;
            pages.get_mut(id).remove(from..from + count);
            // The leaf may go; what then stands for `first` is in memory.
            self.shrink(pages, path);
        }
        removed
    }
}

/// Splits a page until no part is overfull. The parts follow the page, in order, with the separators
/// before them.
fn split_whole(page: &mut Page, parts: &mut Vec<(Vec<u8>, Page)>) {
    if !page.is_overfull() {
        return;
    }
    let (separator, mut right) = page.split();
    split_whole(page, parts);
    let mut rest = Vec::new();
    split_whole(&mut right, &mut rest);
    parts.push((separator, right));
    parts.append(&mut rest);
}

#[cfg(test)]
mod tests;
