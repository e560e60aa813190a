//! What the trees ask of whoever keeps the pages.

use crate::page::Page;
use std::fmt;

/// Names a page for as long as it exists. 0 is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct PageId(pub u32);

impl PageId {
    pub const NONE: Self = Self(0);
}

/// A page that is not in memory. Whoever meets one gives up, has it fetched and starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MissingPage(pub PageId);

impl fmt::Display for MissingPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} is not in memory", self.0.0)
    }
}

/// Pages by their ids.
///
/// Walks that only look take `get`, and may end with a page that is missing. Walks that change
/// come after a walk that looked at the same pages, so `get_mut` has no such answer.
pub(crate) trait Pages {
    /// Counts as a use of the page.
    fn get(&self, id: PageId) -> Result<&Page, MissingPage>;
    /// Makes the page dirty.
    ///
    /// # Panics
    /// If it is not in memory.
    fn get_mut(&mut self, id: PageId) -> &mut Page;
    /// A new page, dirty.
    fn allocate(&mut self, page: Page) -> PageId;
    /// The page, which is in memory, is of no more use.
    fn free(&mut self, id: PageId);
    /// Whether `get` would find it. Does not count as a use.
    fn is_resident(&self, id: PageId) -> bool;
    /// Another number, never 0, whenever a page was made, was freed or left the memory.
    fn generation(&self) -> u64;
}
