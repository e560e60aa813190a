//! Spots: where a tree was last looked at, so that who looks there again need not begin at the root.
//!
//! One transaction looks at an object several times, and each write of a PG adds a key behind the last
//! one. A spot is a guess: it is followed only as far as what lies there says that it is right.

use super::{Bounds, Misfit, Tree, TreeError};
use crate::page::Page;
use crate::pages::{PageId, Pages};
use std::cell::Cell;

/// Spots by things that are looked up, in so many places: others that come to the same place take it.
const SPOTS: usize = 128;
/// A longer bound of a leaf's keys is not kept.
const HIGH_BYTES_MAX: usize = 40;

/// A leaf, and what was seen on the way there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    leaf: PageId,
    /// The item that was looked for, or before which it belongs.
    item: u32,
    /// [`Pages::generation`] when all pages from the root to the leaf were in memory and sound; until
    /// it changes they are, and the leaf's bounds are what they were. 0: nobody looked.
    sound_in: u64,
    high: High,
}

/// The bound that the keys of a leaf lie before.
#[derive(Debug, Clone, Copy)]
enum High {
    Unknown,
    None,
    Key { len: u8, bytes: [u8; HIGH_BYTES_MAX] },
}

impl High {
    fn of(bounds: Bounds<'_>) -> Self {
        let Some(high) = bounds.high else { return Self::None };
        let mut bytes = [0; HIGH_BYTES_MAX];
        let Some(kept) = bytes.get_mut(..high.len()) else { return Self::Unknown };
        kept.copy_from_slice(high);
        Self::Key { len: high.len() as u8, bytes }
    }
    /// Whether `key` is known to lie before it.
    fn is_after(&self, key: &[u8]) -> bool {
        match self {
            Self::Unknown => false,
            Self::None => true,
            Self::Key { len, bytes } => *key < bytes[..*len as usize],
        }
    }
}

impl Default for Spot {
    fn default() -> Self {
        Self { leaf: PageId::NONE, item: 0, sound_in: 0, high: High::Unknown }
    }
}

/// Spots of one tree, each under the number of what was looked up there.
pub(crate) struct Spots(Vec<Cell<Spot>>);

impl Default for Spots {
    fn default() -> Self {
        Self(vec![Cell::default(); SPOTS])
    }
}

impl Spots {
    /// Where things of this number, which need not be theirs alone, were last found.
    pub fn of(&self, number: u64) -> &Cell<Spot> {
        // The upper bits depend on all of those of the number.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SPOTS.ilog2());
        &self.0[mixed as usize]
    }
}

/// The leaf that holds a key if any does, and which item it is or before which it belongs.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub id: PageId,
    pub leaf: &'a Page,
    pub item: Result<usize, usize>,
}

/// What the pages from the root to a leaf have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Pages that lead there; they need not be in memory if the leaf holds the key.
    Any,
    /// In memory, and pages that hold what their parents say.
    Sound,
}

impl Tree {
    /// Where `key` belongs, beginning at a spot, which becomes this place. `None`: the tree is empty.
    pub(super) fn seek<'a>(
        &self,
        pages: &'a impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
        way: Way,
    ) -> Result<Option<Found<'a>>, TreeError> {
        if let Some(found) = self.at(pages, near, key, way) {
            return Ok(Some(found));
        }
        self.descend(pages, near, key, way)
    }

    /// Where `key` belongs, if the spot's page tells.
    #[inline]
    fn at<'a>(
        &self,
        pages: &'a impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
        way: Way,
    ) -> Option<Found<'a>> {
        let spot = near.get();
        let sound = spot.sound_in == pages.generation();
        if spot.leaf == PageId::NONE || way == Way::Sound && !sound {
            return None;
        }
        let (id, item) = (spot.leaf, spot.item as usize);
        let leaf = pages.get(id).ok()?;
        if leaf.kind() != self.kind || leaf.level() != 0 {
            return None;
        }
        // A key stands in one leaf only, so this is it, whatever has become of the tree.
        if item < leaf.len() && leaf.key(item) == key {
            return Some(Found { id, leaf, item: Ok(item) });
        }
        if !sound || leaf.is_empty() || key < leaf.key(0) {
            return None;
        }
        // The lower bound is at or before the first key.
        let item = match leaf.key(leaf.len() - 1) < key {
            true if spot.high.is_after(key) => Err(leaf.len()),
            true => return None,
            false => leaf.search(key),
        };
        near.set(Spot { item: item.unwrap_or_else(|i| i) as u32, ..spot });
        Some(Found { id, leaf, item })
    }

    /// From the root down.
    fn descend<'a>(
        &self,
        pages: &'a impl Pages,
        near: &Cell<Spot>,
        key: &[u8],
        way: Way,
    ) -> Result<Option<Found<'a>>, TreeError> {
        if self.root == PageId::NONE {
            return Ok(None);
        }
        let sound = way == Way::Sound;
        let (mut id, mut bounds) = (self.root, Bounds::ALL);
        let mut page = self.page(pages, id, None)?;
        loop {
            if sound && !bounds.hold(page) {
                return Err(TreeError::Corrupt { page: id, what: Misfit::Bounds });
            }
            if page.level() == 0 {
                break;
            }
            let i = page.child_for(key);
            if sound {
                bounds = bounds.child(page, i);
            }
            id = page.child(i);
            page = self.page(pages, id, Some(page.level()))?;
        }
        let item = page.search(key);
        let (sound_in, high) =
            if sound { (pages.generation(), High::of(bounds)) } else { (0, High::Unknown) };
        near.set(Spot { leaf: id, item: item.unwrap_or_else(|i| i) as u32, sound_in, high });
        Ok(Some(Found { id, leaf: page, item }))
    }
}
