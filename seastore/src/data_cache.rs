//! Blocks of data that somebody asked to keep in memory.
//!
//! Only those: what clients read once, or keep themselves, would push out metadata, which every
//! operation needs. A block at a place does not change until its segment is used again: entries go
//! when the segment becomes free, and until then a block that was overwritten is merely never asked
//! for. The checksum that the block must have is compared all the same.

use crate::pages::PageId;
use crate::s3fifo::S3Fifo;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;
use types::node::BLOCK_SIZE;

/// Memory of one block, with what is needed to find it.
const ENTRY_BYTES: usize = BLOCK_SIZE + 96;

struct Block {
    place: u32,
    crc: u32,
    data: Bytes,
}

#[derive(Default)]
pub(crate) struct DataCache {
    /// Slots by place.
    index: BTreeMap<u32, PageId>,
    slots: Vec<Option<Block>>,
    free: Vec<PageId>,
    order: S3Fifo,
    /// Bytes.
    budget: usize,
}

impl DataCache {
    pub fn new(budget: usize) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        self.order.bytes()
    }

    /// The block at `place`, if its checksum is `crc`.
    pub fn get(&self, place: u32, crc: u32) -> Option<Bytes> {
        let id = *self.index.get(&place)?;
        self.order.touch(id);
        let block = self.slots[id.0 as usize].as_ref()?;
        (block.crc == crc).then(|| block.data.clone())
    }

    /// Keeps a copy of a block, whose checksum was found to be `crc`.
    pub fn insert(&mut self, place: u32, crc: u32, data: &[u8]) {
        if self.budget < ENTRY_BYTES {
            return;
        }
        self.forget(place..place + 1);
        while self.order.bytes() + ENTRY_BYTES > self.budget {
            let Some(id) = self.order.evict_next(|_| false) else { return };
            self.release(id);
        }
        // A copy, as the buffer that it was read into is worth more to the next read.
        let content = Some(Block { place, crc, data: Bytes::copy_from_slice(data) });
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id.0 as usize] = content;
                id
            }
            None => {
                self.slots.push(content);
                PageId(self.slots.len() as u32 - 1)
            }
        };
        self.index.insert(place, id);
        self.order.insert(id, ENTRY_BYTES);
    }

    /// Forgets blocks at these places.
    pub fn forget(&mut self, places: Range<u32>) {
        while let Some((_, id)) = self.index.range(places.clone()).next() {
            let id = *id;
            self.order.remove(id);
            self.release(id);
        }
    }

    fn release(&mut self, id: PageId) {
        if let Some(block) = self.slots[id.0 as usize].take() {
            self.index.remove(&block.place);
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_to_its_budget_and_forgets_ranges() {
        let mut cache = DataCache::new(10 * ENTRY_BYTES);
        let block = |place: u32| [place as u8; BLOCK_SIZE];
        for place in 0..100 {
            cache.insert(place, place, &block(place));
            assert!(cache.bytes() <= 10 * ENTRY_BYTES);
        }
        let kept: Vec<u32> = (0..100).filter(|place| cache.get(*place, *place).is_some()).collect();
        assert_eq!(kept.len(), 10);
        for place in &kept {
            assert_eq!(cache.get(*place, *place).unwrap(), block(*place)[..]);
        }
        let (low, high) = (kept[3], kept[6]);
        cache.forget(low..high);
        let left: Vec<u32> = (0..100).filter(|place| cache.get(*place, *place).is_some()).collect();
        assert_eq!(left, [&kept[..3], &kept[6..]].concat());
        assert_eq!(cache.bytes(), 7 * ENTRY_BYTES);
        cache.forget(0..u32::MAX);
        assert_eq!((cache.bytes(), cache.index.len()), (0, 0));
        cache.insert(5, 5, &block(5));
        assert_eq!(cache.get(5, 5).unwrap(), block(5)[..]);
        assert_eq!(cache.get(5, 6), None, "another block has come to this place");
        cache.insert(5, 6, &block(6));
        assert_eq!(cache.get(5, 6).unwrap(), block(6)[..]);
        assert_eq!(cache.bytes(), ENTRY_BYTES);
    }

    /// What is read again and again stays while others pass by.
    #[test]
    fn a_scan_passes_by() {
        let mut cache = DataCache::new(20 * ENTRY_BYTES);
        for round in 0..30 {
            for place in 0..5 {
                if cache.get(place, 1).is_none() {
                    cache.insert(place, 1, &[1; BLOCK_SIZE]);
                }
                cache.get(place, 1);
            }
            for place in 0..10 {
                cache.insert(1000 + round * 10 + place, 2, &[2; BLOCK_SIZE]);
            }
        }
        assert!((0..5).all(|place| cache.get(place, 1).is_some()));
    }
}
