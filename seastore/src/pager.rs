//! Pages in memory: within a budget, copied when a checkpoint holds them, found again by the table.

use crate::format::BLOCK;
use crate::page::{BadPage, PAGE_BYTES, Page, PageKind};
use crate::pages::{MissingPage, PageId, Pages};
use crate::s3fifo::S3Fifo;
use crate::table::{PageTable, Place};
use std::fmt;
use std::rc::Rc;
use types::hash::crc32c;

/// What was read is not the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageError {
    Checksum { page: PageId, kind: PageKind, expected: u32, found: u32 },
    Malformed { page: PageId, kind: PageKind, bad: BadPage },
}
impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checksum { page, kind, expected, found } => write!(
                f,
                "page {} ({kind:?}) has checksum {found:#010x}, expected {expected:#010x}",
                page.0
            ),
            Self::Malformed { page, kind, bad } => write!(f, "page {} ({kind:?}): {bad}", page.0),
        }
    }
}
impl std::error::Error for PageError {}

#[derive(Default)]
struct Slot {
    page: Option<Rc<Page>>,
    /// The id names a page.
    allocated: bool,
    /// Changed since the last freeze.
    dirty: bool,
    /// Part of the checkpoint under way, which has not placed it yet.
    frozen: bool,
    /// What the accounts hold for it.
    bytes: u32,
    /// What it took before it became dirty; 0 if it is new.
    before: u32,
}
impl Slot {
    /// How much more than before the page takes, which is dirty.
    fn fresh(&self) -> usize {
        self.bytes.saturating_sub(self.before) as usize
    }
}

/// The dirty pages of one moment, for a checkpoint.
pub(crate) struct Frozen {
    pub pages: Vec<(PageId, Rc<Page>)>,
    /// Places of pages freed since the last freeze; free once this checkpoint is durable.
    pub freed_places: Vec<Place>,
}

/// Invariants: the table holds the pages of the last freeze, but for those still to be placed; it
/// changes through [`Pager::freeze`] and [`Pager::placed`] only. A dirty or frozen page is never
/// evicted. An id is not used again before a checkpoint without its page is durable.
pub(crate) struct Pager {
    slots: Vec<Slot>,
    table: PageTable,
    cache: S3Fifo,
    budget: usize,
    dirty_bytes: usize,
    /// Of those: bytes that the pages of the last freeze did not have.
    fresh_bytes: usize,
    /// Pages that became dirty since the last freeze; some may have been freed since.
    dirty: Vec<PageId>,
    /// Pages that have a place and became dirty since the newest durable checkpoint: what a replay
    /// would have to read. Some count twice if a freeze was between.
    changed: u64,
    /// Of those: at the freeze of the checkpoint under way.
    changed_frozen: u64,
    /// Handed out by `get_mut`; its size may have changed since.
    unsettled: Option<PageId>,
    reusable: Vec<PageId>,
    /// Freed since the last freeze.
    freed: Vec<PageId>,
    /// Freed before the freeze of the checkpoint under way.
    freed_frozen: Vec<PageId>,
    checkpointing: bool,
    /// Frozen pages not placed yet.
    unplaced: usize,
    generation: u64,
}

impl Pager {
    /// `budget` in bytes of memory.
    pub fn new(budget: usize) -> Self {
        Self::with_table(budget, PageTable::default())
    }
    /// The pager of a mount: exactly the pages of the table exist.
    pub fn with_table(budget: usize, table: PageTable) -> Self {
        let mut slots = Vec::new();
        slots.resize_with(table.len().max(1), Slot::default);
        for (id, _) in table.iter() {
            slots[id.0 as usize].allocated = true;
        }
        let absent = (1..slots.len() as u32).rev().map(PageId);
        let reusable = absent.filter(|id| !slots[id.0 as usize].allocated).collect();
        Self {
            slots,
            table,
            cache: S3Fifo::default(),
            budget,
            dirty_bytes: 0,
            fresh_bytes: 0,
            dirty: Vec::new(),
            changed: 0,
            changed_frozen: 0,
            unsettled: None,
            reusable,
            freed: Vec::new(),
            freed_frozen: Vec::new(),
            checkpointing: false,
            unplaced: 0,
            generation: 1,
        }
    }
    pub fn set_table(&mut self, table: PageTable) {
        let generation = self.generation + 1;
        *self = Self { generation, ..Self::with_table(self.budget, table) };
    }
    /// Blocks of all pages that have a place.
    pub fn placed_blocks(&self) -> u64 {
        self.table.blocks()
    }
    /// All pages that have a place.
    pub fn places(&self) -> impl Iterator<Item = (PageId, Place)> + '_ {
        self.table.iter()
    }
    /// Whether the id names no page; the table may still hold a page it named.
    pub fn is_unused(&self, id: PageId) -> bool {
        self.slots.get(id.0 as usize).is_none_or(|slot| !slot.allocated)
    }
    /// Ids below this may name a page.
    pub fn id_end(&self) -> usize {
        self.slots.len()
    }
    /// Forgets a clean page that turned out not to hold what it must.
    pub fn reject(&mut self, id: PageId) {
        self.settle();
        let slot = &mut self.slots[id.0 as usize];
        if !slot.dirty && !slot.frozen && slot.page.take().is_some() {
            self.generation += 1;
            self.cache.remove(id);
        }
    }
    /// For the checkpoint to write: once all frozen pages are placed, the state at the freeze.
    pub fn table(&mut self) -> &mut PageTable {
        &mut self.table
    }

    /// How much more the page handed out last takes than the accounts say.
    fn growth(&self) -> isize {
        self.unsettled.map_or(0, |id| {
            let slot = &self.slots[id.0 as usize];
            let page = slot.page.as_ref().expect("a page handed out is in memory");
            page.memory_bytes() as isize - slot.bytes as isize
        })
    }
    fn settle(&mut self) {
        let growth = self.growth();
        if let Some(id) = self.unsettled.take() {
            let slot = &mut self.slots[id.0 as usize];
            self.fresh_bytes -= slot.fresh();
            slot.bytes = (slot.bytes as isize + growth) as u32;
            self.fresh_bytes += slot.fresh();
            self.dirty_bytes = (self.dirty_bytes as isize + growth) as usize;
            self.cache.set_weight(id, slot.bytes as usize);
        }
    }
    /// Bytes of pages in memory, without those that only a [`Frozen`] still holds.
    pub fn bytes(&self) -> usize {
        (self.cache.bytes() as isize + self.growth()) as usize
    }
    pub fn dirty_bytes(&self) -> usize {
        (self.dirty_bytes as isize + self.growth()) as usize
    }
    /// Bytes by which dirty pages may take more than those that the table holds; not less than that.
    pub fn fresh_bytes(&self) -> usize {
        self.fresh_bytes + self.growth().max(0) as usize
    }

    /// Pages that a replay from the newest durable checkpoint on would read, about.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// Blocks of pages that are of no more use once a checkpoint has passed.
    pub fn freed_blocks(&self) -> u64 {
        let freed = self.freed.iter().chain(&self.freed_frozen);
        freed.filter_map(|id| self.table.get(*id)).map(|place| place.blocks as u64).sum()
    }

    /// Where to read a page that is not in memory.
    pub fn place_of(&self, id: PageId) -> Option<Place> {
        let slot = self.slots.get(id.0 as usize)?;
        if slot.allocated { self.table.get(id) } else { None }
    }
    /// Takes a page that has been read. One that is here already or is gone is left alone.
    pub fn install(&mut self, id: PageId, bytes: &[u8]) -> Result<(), PageError> {
        self.settle();
        let Some(place) = self.place_of(id) else { return Ok(()) };
        if self.is_resident(id) {
            return Ok(());
        }
        let (kind, expected, found) = (place.kind, place.crc, crc32c(!0, bytes));
        if expected != found {
            return Err(PageError::Checksum { page: id, kind, expected, found });
        }
        let page = Page::decode(bytes, id, kind).map_err(|bad| PageError::Malformed {
            page: id,
            kind,
            bad,
        })?;
        self.put(id, page);
        Ok(())
    }
    fn put(&mut self, id: PageId, page: Page) {
        let slot = &mut self.slots[id.0 as usize];
        slot.bytes = page.memory_bytes() as u32;
        slot.page = Some(Rc::new(page));
        self.cache.insert(id, slot.bytes as usize);
    }
    fn make_dirty(&mut self, id: PageId) {
        let slot = &mut self.slots[id.0 as usize];
        if !std::mem::replace(&mut slot.dirty, true) {
            let placed = self.table.get(id).map_or(0, |place| place.blocks as u32 * BLOCK as u32);
            slot.before = if placed > 0 { placed + size_of::<Page>() as u32 } else { 0 };
            self.changed += (placed > 0) as u64;
            self.dirty_bytes += slot.bytes as usize;
            self.fresh_bytes += slot.fresh();
            self.dirty.push(id);
        }
    }
    pub fn is_dirty(&self, id: PageId) -> bool {
        self.slots.get(id.0 as usize).is_some_and(|slot| slot.dirty)
    }
    /// The next checkpoint writes the page, which is in memory, to a new place.
    pub fn rewrite(&mut self, id: PageId) {
        self.settle();
        assert!(self.is_resident(id), "page {} is not in memory", id.0);
        self.make_dirty(id);
    }

    /// Begins a checkpoint.
    ///
    /// # Panics
    /// If one is under way.
    pub fn freeze(&mut self) -> Frozen {
        assert!(!self.checkpointing, "one checkpoint at a time");
        self.settle();
        self.checkpointing = true;
        let mut pages = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let slot = &mut self.slots[id.0 as usize];
            if std::mem::take(&mut slot.dirty) {
                slot.frozen = true;
                pages.push((id, slot.page.clone().expect("a dirty page is in memory")));
            }
        }
        self.dirty_bytes = 0;
        self.fresh_bytes = 0;
        self.changed_frozen = self.changed;
        self.unplaced = pages.len();
        self.freed_frozen = std::mem::take(&mut self.freed);
        let mut freed_places = Vec::new();
        for id in &self.freed_frozen {
            if self.table.get(*id).is_some() {
                freed_places.extend(self.table.set(*id, None));
            }
        }
        Frozen { pages, freed_places }
    }
    /// The checkpoint writes a frozen page here. Returns the place before, free once the checkpoint
    /// is durable.
    ///
    /// # Panics
    /// If the page waits for no place.
    pub fn placed(&mut self, id: PageId, place: Place) -> Option<Place> {
        let slot = &mut self.slots[id.0 as usize];
        assert!(std::mem::take(&mut slot.frozen), "page {} is not frozen", id.0);
        self.unplaced -= 1;
        self.table.set(id, Some(place))
    }
    /// The checkpoint is durable.
    ///
    /// # Panics
    /// If none is under way or a page has no place yet.
    pub fn thawed(&mut self) {
        assert!(self.checkpointing && self.unplaced == 0, "{} pages without place", self.unplaced);
        self.checkpointing = false;
        self.changed -= std::mem::take(&mut self.changed_frozen);
        self.reusable.append(&mut self.freed_frozen);
    }

    /// In bytes of memory. [`Pager::evict`] sees to it.
    pub fn set_budget(&mut self, budget: usize) {
        self.budget = budget;
    }
    /// Gives up clean pages until the rest is within the budget or there are no more.
    pub fn evict(&mut self) {
        self.settle();
        while self.cache.bytes() > self.budget && self.cache.bytes() > self.dirty_bytes {
            let slots = &self.slots;
            let pinned = |id: PageId| {
                let slot = &slots[id.0 as usize];
                slot.dirty || slot.frozen
            };
            let Some(id) = self.cache.evict_next(pinned) else { return };
            self.slots[id.0 as usize].page = None;
            self.generation += 1;
        }
    }
    /// Pages at places of which `is_here` says so, in order of their ids.
    pub fn pages_where(&self, is_here: impl Fn(u32) -> bool) -> Vec<PageId> {
        let here = self
            .table
            .iter()
            .filter(|(id, place)| is_here(place.addr) && self.slots[id.0 as usize].allocated);
        here.map(|(id, _)| id).collect()
    }

    /// Places that a checkpoint which froze now would give up.
    pub fn places_to_leave(&self) -> impl Iterator<Item = Place> + '_ {
        let dirty = self.dirty.iter().filter(|id| self.slots[id.0 as usize].dirty);
        dirty.chain(&self.freed).filter_map(|id| self.table.get(*id))
    }

    /// Recounts the accounts; says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let (mut bytes, mut dirty, mut frozen, mut fresh) = (0, 0, 0, 0);
        for (i, slot) in self.slots.iter().enumerate() {
            let size = slot.page.as_ref().map_or(0, |page| page.memory_bytes());
            bytes += size;
            dirty += if slot.dirty { size } else { 0 };
            frozen += slot.frozen as usize;
            fresh += if slot.dirty { slot.fresh() } else { 0 };
            let lost = slot.allocated && slot.page.is_none();
            if lost && (slot.dirty || slot.frozen || self.table.get(PageId(i as u32)).is_none()) {
                return Err(format!("page {i} is neither in memory nor on the device"));
            }
        }
        let (found, accounts) =
            ((bytes, dirty, frozen), (self.bytes(), self.dirty_bytes(), self.unplaced));
        if found != accounts {
            return Err(format!("bytes, dirty, frozen: {found:?}, accounts say {accounts:?}"));
        }
        if fresh != self.fresh_bytes {
            let accounts = self.fresh_bytes;
            return Err(format!("{fresh} bytes of pages are new, accounts say {accounts}"));
        }
        Ok(())
    }
}

impl Pages for Pager {
    fn get(&self, id: PageId) -> Result<&Page, MissingPage> {
        let page = self.slots.get(id.0 as usize).and_then(|slot| slot.page.as_deref());
        let page = page.ok_or(MissingPage(id))?;
        self.cache.touch(id);
        Ok(page)
    }
    fn get_mut(&mut self, id: PageId) -> &mut Page {
        self.settle();
        assert!(self.is_resident(id), "page {} is not in memory", id.0);
        self.make_dirty(id);
        self.cache.touch(id);
        self.unsettled = Some(id);
        Rc::make_mut(self.slots[id.0 as usize].page.as_mut().expect("resident"))
    }
    fn allocate(&mut self, page: Page) -> PageId {
        self.settle();
        self.generation += 1;
        let id = self.reusable.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            PageId(self.slots.len() as u32 - 1)
        });
        self.slots[id.0 as usize].allocated = true;
        self.put(id, page);
        self.make_dirty(id);
        id
    }
    fn free(&mut self, id: PageId) {
        self.settle();
        self.generation += 1;
        let slot = &mut self.slots[id.0 as usize];
        assert!(slot.page.take().is_some(), "page {} is not in memory", id.0);
        slot.allocated = false;
        if std::mem::take(&mut slot.dirty) {
            self.dirty_bytes -= slot.bytes as usize;
            self.fresh_bytes -= slot.fresh();
        }
        self.cache.remove(id);
        self.freed.push(id);
    }
    fn is_resident(&self, id: PageId) -> bool {
        self.slots.get(id.0 as usize).is_some_and(|slot| slot.page.is_some())
    }
    fn generation(&self) -> u64 {
        self.generation
    }
}

impl Place {
    /// Of a page whose encoded bytes go to `addr`.
    pub fn of(addr: u32, bytes: &[u8], kind: PageKind) -> Self {
        let blocks = u16::try_from(bytes.len() / PAGE_BYTES).expect("a page of less than 256 MiB");
        Self { addr, crc: crc32c(!0, bytes), blocks, kind }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_types)] // Macros of proptest use Arc.
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Content = BTreeMap<PageId, Vec<u8>>;

    #[derive(Default)]
    struct Device {
        blocks: BTreeMap<u32, Bytes>,
        next: u32,
    }
    impl Device {
        fn write(&mut self, id: PageId, page: &Page) -> Place {
            let bytes = page.encode(id);
            let place = Place::of(self.next, &bytes, page.kind());
            self.blocks.insert(self.next, bytes);
            self.next += place.blocks as u32;
            place
        }
    }

    fn write_value(page: &mut Page, value: &[u8]) {
        page.remove(0..page.len());
        page.insert(0, b"k", value);
    }

    /// What a mount of the table's chunks finds.
    fn mounted(chunks: &[Bytes], device: &Device) -> Content {
        let mut table = PageTable::default();
        for (i, chunk) in chunks.iter().enumerate() {
            table.decode_chunk(i as u32, chunk).unwrap();
        }
        let ids: Vec<_> = table.iter().collect();
        let mut pager = Pager::with_table(1 << 30, table);
        let mut content = Content::new();
        for (id, place) in ids {
            pager.install(id, &device.blocks[&place.addr]).unwrap();
            content.insert(id, pager.get(id).unwrap().value(0).to_vec());
        }
        pager.check().unwrap();
        content
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_mount_finds_the_state_of_the_freeze(
            ops in proptest::collection::vec((0..12u8, any::<u16>(), 1..6000usize), 1..150),
        ) {
            let (mut pager, mut device) = (Pager::new(40_000), Device::default());
            let (mut now, mut at_freeze, mut durable) =
                (Content::new(), Content::new(), Content::new());
            let mut chunks: Vec<Bytes> = Vec::new();
            let mut frozen: Option<Frozen> = None;
            let mut gone: Vec<Place> = Vec::new();
            let mut used_ids = std::collections::BTreeSet::new();
            for (op, pick, len) in ops {
                let value = vec![pick as u8; len];
                let id = now.keys().nth(pick as usize % now.len().max(1)).copied();
                if let Some(id) = id.filter(|id| !pager.is_resident(*id)) {
                    let place = pager.place_of(id).unwrap();
                    pager.install(id, &device.blocks[&place.addr]).unwrap();
                }
                match (op, id) {
                    (0..=2, _) => {
                        let mut page = Page::new(PageKind::Omap, 0);
                        write_value(&mut page, &value);
                        let id = pager.allocate(page);
                        prop_assert!(used_ids.insert(id), "id is used too early");
                        now.insert(id, value);
                    }
                    (3..=5, Some(id)) => {
                        write_value(pager.get_mut(id), &value);
                        now.insert(id, value);
                    }
                    (6, Some(id)) => {
                        pager.free(id);
                        now.remove(&id);
                    }
                    (7, Some(id)) => pager.rewrite(id),
                    (8, _) if frozen.is_none() => {
                        let f = pager.freeze();
                        gone.extend(&f.freed_places);
                        at_freeze = now.clone();
                        frozen = Some(f);
                    }
                    (9, _) => if let Some(f) = &mut frozen
                        && let Some((id, page)) = f.pages.pop() {
                            gone.extend(pager.placed(id, device.write(id, &page)));
                        },
                    (10, _) => if let Some(f) = frozen.take() {
                        for (id, page) in f.pages {
                            gone.extend(pager.placed(id, device.write(id, &page)));
                        }
                        let table = pager.table();
                        for i in table.take_dirty() {
                            chunks.resize(chunks.len().max(i as usize + 1), Bytes::new());
                            chunks[i as usize] = table.encode_chunk(i);
                        }
                        pager.thawed();
                        for place in gone.drain(..) {
                            prop_assert!(device.blocks.remove(&place.addr).is_some());
                        }
                        durable = at_freeze.clone();
                        used_ids = now.keys().chain(durable.keys()).copied().collect();
                    },
                    _ => pager.evict(),
                }
                pager.check().map_err(TestCaseError::fail)?;
                for (id, value) in &now {
                    if let Ok(page) = pager.get(*id) {
                        prop_assert_eq!(page.value(0), &value[..]);
                    }
                }
            }
            prop_assert_eq!(mounted(&chunks, &device), durable);
        }
    }

    #[test]
    fn pages_to_read_again_are_counted() {
        let (mut pager, mut device) = (Pager::new(0), Device::default());
        let id = pager.allocate(Page::new(PageKind::Lba, 0));
        assert_eq!(pager.changed(), 0, "a replay makes it anew");
        let checkpoint = |pager: &mut Pager, device: &mut Device, between: &dyn Fn(&mut Pager)| {
            let frozen = pager.freeze();
            between(pager);
            for (id, page) in frozen.pages {
                pager.placed(id, device.write(id, &page));
            }
            pager.thawed();
        };
        checkpoint(&mut pager, &mut device, &|_| ());
        write_value(pager.get_mut(id), b"a");
        write_value(pager.get_mut(id), b"b");
        assert_eq!(pager.changed(), 1);
        checkpoint(&mut pager, &mut device, &|pager| {
            write_value(pager.get_mut(id), b"c");
            assert_eq!(pager.changed(), 2, "the checkpoint may never become durable");
        });
        assert_eq!(pager.changed(), 1);
        checkpoint(&mut pager, &mut device, &|_| ());
        assert_eq!(pager.changed(), 0);
    }

    #[test]
    fn damage_is_named() {
        let (mut pager, mut device) = (Pager::new(0), Device::default());
        let mut page = Page::new(PageKind::Lba, 0);
        write_value(&mut page, b"v");
        let id = pager.allocate(page);
        let frozen = pager.freeze();
        pager.evict();
        assert!(pager.is_resident(id), "frozen pages stay");
        let place = device.write(id, &frozen.pages[0].1);
        pager.placed(id, place);
        pager.thawed();
        pager.evict();
        assert!(!pager.is_resident(id));
        let good = device.blocks[&place.addr].clone();
        for at in (0..good.len()).step_by(61) {
            let mut bad = good.to_vec();
            bad[at] ^= 4;
            let error = pager.install(id, &bad).unwrap_err();
            assert!(matches!(error, PageError::Checksum { kind: PageKind::Lba, .. }), "{error}");
        }
        pager.install(id, &good).unwrap();
        pager.install(id, b"in memory already").unwrap();
        pager.free(id);
        pager.install(id, b"gone").unwrap();
    }
}
