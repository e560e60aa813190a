//! A disk that loses, keeps or tears what was not made durable before a crash.

mod zones;

use crate::chance::Chance;
use bytes::Bytes;
use seastore::{ProbeError, Superblock};
use std::collections::BTreeMap;
use types::node::{BLOCK_SIZE, aligned_buf};
use types::zone::{Zone, ZoneOp, ZoneTraits};
use zones::Zones;

const SECTOR: usize = 512;

/// One write that has not become durable.
#[derive(Debug, Clone)]
struct Pending {
    offset: u64,
    data: Bytes,
    /// Completed: visible to reads, and flushed by the next flush.
    done: bool,
    id: u64,
}

/// Sparse image of a device, and the writes that a power cut may undo.
#[derive(Debug, Clone)]
pub struct Disk {
    size: u64,
    stable: BTreeMap<u64, Box<[u8]>>,
    pending: Vec<Pending>,
    /// Of a zoned disk.
    zones: Option<Zones>,
}

impl Disk {
    pub fn new(size: u64) -> Self {
        Self { size, stable: BTreeMap::new(), pending: Vec::new(), zones: None }
    }
    /// A disk of `count` zones, each of which takes writes in order only. It refuses, by a panic,
    /// what such a device refuses: the store never asks for that.
    pub fn zoned(traits: ZoneTraits, count: u64) -> Self {
        let zones = Some(Zones::new(traits, count));
        Self { zones, ..Self::new(count * traits.bytes) }
    }
    pub fn size(&self) -> u64 {
        self.size
    }
    pub fn traits(&self) -> Option<ZoneTraits> {
        self.zones.as_ref().map(Zones::traits)
    }
    /// What mkfs has written.
    pub fn superblock(&self) -> Result<Superblock, ProbeError> {
        let offsets = match self.traits() {
            None => seastore::superblock_offsets(self.size),
            Some(traits) => seastore::zoned_superblock_offsets(traits.bytes),
        };
        let [first, last] = offsets.map(|offset| self.read(offset, BLOCK_SIZE));
        seastore::probe(self.size, &first, &last)
    }

    fn put_stable(&mut self, offset: u64, data: &[u8]) {
        assert_eq!(offset % BLOCK_SIZE as u64, 0, "writes are whole blocks");
        for (i, block) in data.chunks(BLOCK_SIZE).enumerate() {
            let at = offset + (i * BLOCK_SIZE) as u64;
            if block.len() == BLOCK_SIZE {
                self.stable.insert(at, block.into());
            } else {
                let old = self.stable.entry(at).or_insert_with(|| vec![0; BLOCK_SIZE].into());
                old[..block.len()].copy_from_slice(block);
            }
        }
    }

    /// Writes without a device in between: mkfs.
    pub fn write_now(&mut self, offset: u64, data: &[u8]) {
        if let Some(zones) = &mut self.zones {
            zones.begin_write(offset, data.len() as u64);
            zones.end_write(offset, true);
        }
        self.put_stable(offset, data);
    }

    /// A write has been submitted; it may reach the media from now on.
    pub fn submit(&mut self, id: u64, offset: u64, data: Bytes) {
        assert!(offset + data.len() as u64 <= self.size, "write past the end at {offset}");
        if let Some(zones) = &mut self.zones {
            zones.begin_write(offset, data.len() as u64);
        }
        self.pending.push(Pending { offset, data, done: false, id });
    }

    /// The write has completed; with `durable` it is on the media.
    pub fn complete(&mut self, id: u64, durable: bool) {
        let Some(index) = self.pending.iter().position(|p| p.id == id) else { return };
        if let Some(zones) = &mut self.zones {
            zones.end_write(self.pending[index].offset, durable);
        }
        if durable {
            let write = self.pending.remove(index);
            self.put_stable(write.offset, &write.data);
            // What was written there before cannot come back.
            for before in self.pending[..index].iter_mut().filter(|p| p.done) {
                let mut data = before.data.to_vec();
                overlay(&mut data, before.offset, write.offset, &write.data);
                before.data = data.into();
            }
        } else {
            self.pending[index].done = true;
        }
    }

    /// The process is gone and the power stays: what it had submitted still completes.
    pub fn complete_all(&mut self) {
        for write in self.pending.iter_mut().filter(|write| !write.done) {
            write.done = true;
            if let Some(zones) = &mut self.zones {
                zones.end_write(write.offset, false);
            }
        }
        while let Some(offset) = self.zones.as_ref().and_then(Zones::op_under_way) {
            self.end_zone_op(offset);
        }
    }

    /// Everything that had completed is on the media.
    pub fn flush(&mut self) {
        let (done, waiting) = std::mem::take(&mut self.pending).into_iter().partition(|p| p.done);
        self.pending = waiting;
        let done: Vec<Pending> = done;
        for write in done {
            if let Some(zones) = &mut self.zones {
                zones.flushed(write.offset + write.data.len() as u64);
            }
            self.put_stable(write.offset, &write.data);
        }
    }

    /// A zone is asked to be reset or finished; that may happen from now on.
    pub fn begin_zone_op(&mut self, offset: u64, op: ZoneOp) {
        self.zones_mut().begin_op(offset, op);
    }
    /// It has happened.
    pub fn end_zone_op(&mut self, offset: u64) {
        if self.zones_mut().end_op(offset) == ZoneOp::Reset {
            let zone = offset..offset + self.zones_mut().traits().bytes;
            self.stable.extract_if(zone.clone(), |_, _| true).for_each(drop);
            self.pending.retain(|write| !zone.contains(&write.offset));
        }
    }
    pub fn report(&self, offset: u64, len: u64) -> Vec<Zone> {
        self.zones.as_ref().expect("only a zoned disk is asked that").report(offset, len)
    }
    fn zones_mut(&mut self) -> &mut Zones {
        self.zones.as_mut().expect("only a zoned disk is asked that")
    }

    /// What was there is gone at once: whoever still needs it meets garbage.
    pub fn discard(&mut self, offset: u64, len: u64) {
        for (_, block) in self.stable.range_mut(offset..offset + len) {
            block.fill(0xdc);
        }
        for write in &mut self.pending {
            let inside =
                offset <= write.offset && write.offset + write.data.len() as u64 <= offset + len;
            if inside {
                write.data = vec![0xdc; write.data.len()].into();
            }
        }
    }

    pub fn read(&self, offset: u64, len: usize) -> Bytes {
        if let Some(zones) = &self.zones {
            zones.check_read(offset, len as u64);
        }
        let mut out = aligned_buf(len);
        out.resize(len, 0);
        let end = offset + len as u64;
        let first = offset / BLOCK_SIZE as u64 * BLOCK_SIZE as u64;
        for (at, block) in self.stable.range(first..end) {
            overlay(&mut out, offset, *at, block);
        }
        for write in self.pending.iter().filter(|p| p.done) {
            overlay(&mut out, offset, write.offset, &write.data);
        }
        out.freeze()
    }

    /// Power is cut: each write that was not durable is lost, kept, or torn at sectors.
    pub fn crash(&mut self, chance: &mut Chance) {
        if self.zones.is_some() {
            return self.crash_zones(chance);
        }
        for write in std::mem::take(&mut self.pending) {
            match chance.within(0..3) {
                0 => {}
                1 => self.put_stable(write.offset, &write.data),
                _ => {
                    let old = self.read(write.offset, write.data.len());
                    let mut torn = old.to_vec();
                    for (sector, new) in torn.chunks_mut(SECTOR).zip(write.data.chunks(SECTOR)) {
                        if chance.once_in(2) {
                            sector.copy_from_slice(new);
                        }
                    }
                    self.put_stable(write.offset, &torn);
                }
            }
        }
    }

    /// Flips a bit of a stable block, if there is one at or after `offset`. Returns where.
    pub fn rot(&mut self, offset: u64, bit: u64) -> Option<u64> {
        let (at, block) = self.stable.range_mut(offset..).next()?;
        let bit = bit as usize % (block.len() * 8);
        block[bit / 8] ^= 1 << (bit % 8);
        Some(*at)
    }
}

/// Copies the part of `data` (at `at`) that lies in `out` (at `offset`).
fn overlay(out: &mut [u8], offset: u64, at: u64, data: &[u8]) {
    let start = offset.max(at);
    let end = (offset + out.len() as u64).min(at + data.len() as u64);
    if start < end {
        out[(start - offset) as usize..(end - offset) as usize]
            .copy_from_slice(&data[(start - at) as usize..(end - at) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_durable_stays_whatever_was_written_there_before() {
        let block = |byte: u8| Bytes::from(vec![byte; BLOCK_SIZE]);
        for seed in 0..20 {
            let mut disk = Disk::new(1 << 20);
            disk.submit(1, 0, [block(1), block(1)].concat().into());
            disk.complete_all();
            assert_eq!(disk.read(0, 4096), block(1));
            disk.submit(2, 4096, block(2));
            disk.complete(2, true);
            disk.crash(&mut Chance::new(seed));
            assert_eq!(disk.read(4096, 4096), block(2));
        }
    }

    #[test]
    fn only_what_is_durable_is_sure_to_survive() {
        let block = |byte: u8| Bytes::from(vec![byte; BLOCK_SIZE]);
        let mut fates = [0; 3];
        for seed in 0..100 {
            let mut disk = Disk::new(1 << 20);
            disk.submit(1, 0, block(1));
            disk.complete(1, true);
            disk.submit(2, 4096, block(2));
            disk.complete(2, false);
            disk.flush();
            disk.submit(3, 8192, block(3));
            disk.complete(3, false);
            assert_eq!(disk.read(8192, 4096), block(3), "a completed write is seen");
            disk.crash(&mut Chance::new(seed));
            assert_eq!(disk.read(0, 8192), [block(1), block(2)].concat());
            let third = disk.read(8192, 4096);
            fates[if third == block(3) {
                0
            } else if third == block(0) {
                1
            } else {
                2
            }] += 1;
        }
        assert!(fates.iter().all(|n| *n > 10), "kept, lost and torn all happen: {fates:?}");
    }
}
