//! S3-FIFO (Yang et al., SOSP 2023): which page leaves the cache next.
//!
//! New pages pass through a small queue; those used there twice go on to the main one, the others
//! leave, and are remembered for a while: who comes back goes straight to the main queue. So a scan
//! passes through a tenth of the cache only. A use only counts up, hence needs no `&mut`.

use crate::pages::PageId;
use std::cell::Cell;
use std::collections::VecDeque;

const FREQUENCY_MAX: u8 = 3;
/// Uses in the small queue that lead to the main one.
const PROMOTE: u8 = 2;
/// The small queue's part of all bytes is one in so many.
const SMALL_PART: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Queue {
    #[default]
    None,
    Small,
    Main,
    Ghost,
}

#[derive(Default)]
struct Entry {
    weight: u32,
    /// A queue's item with another stamp is out of date.
    stamp: u32,
    queue: Queue,
    frequency: Cell<u8>,
}

#[derive(Default)]
pub(crate) struct S3Fifo {
    entries: Vec<Entry>,
    small: VecDeque<(PageId, u32)>,
    main: VecDeque<(PageId, u32)>,
    ghost: VecDeque<(PageId, u32)>,
    small_bytes: usize,
    main_bytes: usize,
}

impl S3Fifo {
    fn entry(&mut self, id: PageId) -> &mut Entry {
        let i = id.0 as usize;
        if i >= self.entries.len() {
            self.entries.resize_with(i + 1, Entry::default);
        }
        &mut self.entries[i]
    }
    fn bytes_of(&mut self, queue: Queue) -> Option<&mut usize> {
        match queue {
            Queue::Small => Some(&mut self.small_bytes),
            Queue::Main => Some(&mut self.main_bytes),
            Queue::None | Queue::Ghost => None,
        }
    }
    fn put(&mut self, id: PageId, queue: Queue) {
        let entry = self.entry(id);
        entry.queue = queue;
        entry.stamp = entry.stamp.wrapping_add(1);
        let (stamp, weight) = (entry.stamp, entry.weight as usize);
        if let Some(bytes) = self.bytes_of(queue) {
            *bytes += weight;
        }
        match queue {
            Queue::Small => self.small.push_back((id, stamp)),
            Queue::Main => self.main.push_back((id, stamp)),
            Queue::Ghost => self.ghost.push_back((id, stamp)),
            Queue::None => (),
        }
    }
    fn leave(&mut self, id: PageId) -> Queue {
        let entry = self.entry(id);
        let (queue, weight) = (std::mem::take(&mut entry.queue), entry.weight as usize);
        if let Some(bytes) = self.bytes_of(queue) {
            *bytes -= weight;
        }
        queue
    }

    /// The page has come into memory.
    pub fn insert(&mut self, id: PageId, weight: usize) {
        let was = self.leave(id);
        let entry = self.entry(id);
        entry.weight = weight as u32;
        entry.frequency.set(0);
        self.put(id, if was == Queue::Ghost { Queue::Main } else { Queue::Small });
    }
    /// The page is used.
    pub fn touch(&self, id: PageId) {
        let frequency = &self.entries[id.0 as usize].frequency;
        frequency.set((frequency.get() + 1).min(FREQUENCY_MAX));
    }
    /// The page, which is in memory, has another size now.
    pub fn set_weight(&mut self, id: PageId, weight: usize) {
        let entry = self.entry(id);
        let (queue, old) = (entry.queue, std::mem::replace(&mut entry.weight, weight as u32));
        if let Some(bytes) = self.bytes_of(queue) {
            *bytes = *bytes - old as usize + weight;
        }
    }
    /// The page exists no more.
    pub fn remove(&mut self, id: PageId) {
        self.leave(id);
    }
    /// Bytes of all pages in memory.
    pub fn bytes(&self) -> usize {
        self.small_bytes + self.main_bytes
    }

    /// The page to give up, which is forgotten here; none if all are `pinned`.
    pub fn evict_next(&mut self, pinned: impl Fn(PageId) -> bool) -> Option<PageId> {
        // Bounds: each of the small queue's once; of the main queue's until their counts are 0.
        let mut small = self.small.len();
        let mut main = (FREQUENCY_MAX as usize + 1) * (self.main.len() + small);
        loop {
            let from_small = self.small_bytes * SMALL_PART >= self.bytes() || self.main.is_empty();
            if small > 0 && (from_small || main == 0) {
                small -= 1;
                let Some((id, stamp)) = self.small.pop_front() else { continue };
                let entry = self.entry(id);
                if entry.stamp != stamp || entry.queue != Queue::Small {
                    continue;
                }
                if entry.frequency.get() >= PROMOTE {
                    entry.frequency.set(0);
                    self.leave(id);
                    self.put(id, Queue::Main);
                } else if pinned(id) {
                    self.small.push_back((id, stamp));
                } else {
                    self.leave(id);
                    self.put(id, Queue::Ghost);
                    self.trim_ghosts();
                    return Some(id);
                }
            } else if main > 0 && !self.main.is_empty() {
                main -= 1;
                let Some((id, stamp)) = self.main.pop_front() else { continue };
                let entry = self.entry(id);
                if entry.stamp != stamp || entry.queue != Queue::Main {
                    continue;
                }
                let frequency = entry.frequency.get();
                if frequency > 0 || pinned(id) {
                    entry.frequency.set(frequency.saturating_sub(1));
                    self.main.push_back((id, stamp));
                } else {
                    self.leave(id);
                    return Some(id);
                }
            } else if small == 0 {
                return None;
            } else {
                main = 0;
            }
        }
    }
    fn trim_ghosts(&mut self) {
        while self.ghost.len() > self.main.len().max(self.small.len()) {
            let Some((id, stamp)) = self.ghost.pop_front() else { return };
            let entry = self.entry(id);
            if entry.stamp == stamp && entry.queue == Queue::Ghost {
                entry.queue = Queue::None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids of a Zipf distribution (exponent 1) over 1..=n, with a scan of fresh ids in the middle.
    fn trace(n: u32, length: usize) -> Vec<u32> {
        let mut state = 1u64;
        let harmonic = (n as f64).ln();
        let mut trace = Vec::new();
        for i in 0..length {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let u = (state >> 11) as f64 / (1u64 << 53) as f64;
            trace.push(((u * harmonic).exp() as u32).clamp(1, n));
            if i == length / 2 {
                trace.extend(n + 1..=2 * n);
            }
        }
        trace
    }

    #[test]
    fn it_beats_lru_and_a_scan_passes() {
        const CACHE: usize = 1000;
        let trace = trace(20_000, 200_000);
        let (mut s3, mut resident, mut s3_hits) = (S3Fifo::default(), vec![false; 40_001], 0);
        // Ids of the working set that are in memory, before the scan and after.
        let mut hot = Vec::new();
        for (i, &id) in trace.iter().enumerate() {
            if i == 100_001 || i == 120_001 {
                hot.push((1..=200).filter(|id| resident[*id]).count());
            }
            if resident[id as usize] {
                s3.touch(PageId(id));
                s3_hits += 1;
                continue;
            }
            s3.insert(PageId(id), 1);
            resident[id as usize] = true;
            while s3.bytes() > CACHE {
                resident[s3.evict_next(|_| false).unwrap().0 as usize] = false;
            }
        }
        let (mut used, mut order, mut lru_hits) =
            (vec![0u64; 40_001], std::collections::BTreeMap::new(), 0);
        for (&id, now) in trace.iter().zip(1u64..) {
            let before = std::mem::replace(&mut used[id as usize], now);
            lru_hits += order.remove(&before).is_some() as u32;
            order.insert(now, id);
            if order.len() > CACHE {
                order.pop_first();
            }
        }
        println!("of {}: S3-FIFO {s3_hits}, LRU {lru_hits}; hot {hot:?}", trace.len());
        assert!(s3_hits > lru_hits + 5000, "S3-FIFO {s3_hits}, LRU {lru_hits}");
        assert!(hot[0] > 190 && hot[1] * 10 > hot[0] * 9, "{hot:?}");
    }

    #[test]
    fn pinned_pages_stay_and_others_are_found_behind_them() {
        let mut s3 = S3Fifo::default();
        for id in 1..=50 {
            s3.insert(PageId(id), 4096);
            if id % 2 == 0 {
                s3.touch(PageId(id));
                s3.touch(PageId(id));
            }
        }
        assert_eq!(s3.evict_next(|_| true), None);
        assert_eq!(s3.evict_next(|id| id.0 != 37), Some(PageId(37)));
        assert_eq!(s3.evict_next(|id| id.0 != 38), Some(PageId(38)));
        assert_eq!(s3.bytes(), 48 * 4096);
        s3.set_weight(PageId(1), 8192);
        s3.remove(PageId(2));
        assert_eq!(s3.bytes(), 48 * 4096);
    }
}
