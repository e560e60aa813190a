//! Mount of a checkpoint: the root, then the chunks of the page table, all of which are there twice.
//!
//! The second copy of a thing is read where the first is of no use, and always by a mount that
//! salvages, whose check says what is wrong with either.

use super::{Mount, Stage};
use crate::checkpointer::RootPlaces;
use crate::event::{BadCopy, CheckpointPart, StoreError, StoreEvent};
use crate::root::{ChunkPlace, Root};
use crate::segments::Use;
use crate::store::Store;
use crate::table::CHUNK_ENTRIES;
use bytes::Bytes;
use types::hash::crc32c;
use types::node::IoError;

/// Table chunks read at once.
const CHUNKS_MAX: usize = 64;

/// Why a copy is of no use: the device refused, or it holds something else.
type Bad = Option<IoError>;

impl Store {
    /// Copies of a thing that are read at once.
    fn copies_at_once(&self) -> usize {
        if self.config.salvage { 2 } else { 1 }
    }

    pub(super) fn read_root(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let place = mount.anchor.as_ref().and_then(|a| a.root).expect("the anchor names one");
        let waiting = self.copies_at_once();
        mount.stage = Stage::Root { waiting };
        (0..waiting).for_each(|copy| self.read_for_mount(place.addr[copy], place.blocks, copy));
        Ok(())
    }

    pub(super) fn take_root(
        &mut self,
        mount: &mut Mount,
        copy: usize,
        read: Result<Bytes, IoError>,
    ) -> Result<(), StoreError> {
        let place = mount.anchor.as_ref().and_then(|a| a.root).expect("it was read");
        match read.map_err(Some).and_then(|buf| self.decode_root(mount, place.crc, &buf)) {
            Ok(root) => mount.root = Some(root),
            Err(bad) => {
                let second = self.note_bad(CheckpointPart::Root, place.addr, copy, bad)?;
                if second {
                    self.read_for_mount(place.addr[1], place.blocks, 1);
                    return Ok(());
                }
            }
        }
        if let Stage::Root { waiting } = &mut mount.stage {
            *waiting -= 1;
            if *waiting > 0 {
                return Ok(());
            }
        }
        let Some(root) = &mount.root else { return Ok(()) };
        let meta = &mut self.meta;
        (meta.onodes.root, meta.lba.root, meta.omap.root) = (root.onodes, root.lba, root.omap);
        (meta.next_laddr, meta.next_omap) = (root.next_laddr, root.next_omap);
        (meta.objects, meta.data_blocks) = (root.objects, root.data_blocks);
        meta.collections = root.collections.iter().copied().collect();
        meta.garbage = root.garbage.iter().cloned().collect();
        for (i, state) in root.segments.iter().enumerate() {
            if state.meta || state.live == 0 {
                continue;
            }
            self.segments.claim(i as u32, Use::Closed);
            let s = self.segments.get(i as u32);
            (s.live, s.cold, s.last_sequence) = (state.live, state.cold, state.last_sequence);
        }
        self.root_places = RootPlaces { chunks: root.chunks.clone(), root: Some(place) };
        place.addr.into_iter().for_each(|addr| self.meta_segment(addr, place.blocks));
        mount.stage = Stage::Chunks { next: 0, waiting: 0 };
        self.read_chunks(mount)
    }

    fn decode_root(&self, mount: &Mount, crc: u32, buf: &[u8]) -> Result<Root, Bad> {
        if crc32c(!0, buf) != crc {
            return Err(None);
        }
        let root = Root::decode(buf, &self.config.superblock.store_uuid, self.config.shard)
            .map_err(|_| None)?;
        let end = self.segments.end();
        let is_inside = |c: &ChunkPlace| c.addr.iter().all(|addr| *addr < end);
        let sane = mount.anchor.as_ref().is_some_and(|a| a.checkpoint == root.checkpoint)
            && root.segments.len() == self.segments.all.len()
            && root.chunks.iter().all(|c| *c == ChunkPlace::NONE || is_inside(c));
        if sane { Ok(root) } else { Err(None) }
    }

    /// One copy is of no use. Whether the other one is still to be read; an error if that is of no
    /// use either.
    fn note_bad(
        &mut self,
        part: CheckpointPart,
        addr: [u32; 2],
        copy: usize,
        error: Bad,
    ) -> Result<bool, StoreError> {
        let [first, second] = addr.map(|addr| self.journal.device_offset(addr));
        let device_offset = if copy == 0 { first } else { second };
        let other = if copy == 0 { second } else { first };
        let bad = BadCopy { part, device_offset, error };
        if let Some(other) = self.bad_copies.iter().find(|b| b.device_offset == other) {
            let refused = [bad, *other].into_iter().find_map(|b| Some((b.device_offset, b.error?)));
            return Err(match refused {
                Some((device_offset, error)) => StoreError::ReadFailed { device_offset, error },
                None => StoreError::CheckpointCorrupt {
                    part,
                    device_offset: first,
                    copy_offset: Some(second),
                },
            });
        }
        self.bad_copies.push(bad);
        Ok(copy == 0 && self.copies_at_once() == 1)
    }

    fn meta_segment(&mut self, place: u32, blocks: u32) {
        let segment = self.segments.of(place);
        if matches!(self.segments.all[segment as usize].usage, Use::Free | Use::Broken) {
            self.segments.claim(segment, Use::MetaClosed);
        }
        self.segments.meta_birth(place, blocks);
    }

    fn read_chunks(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let copies = self.copies_at_once();
        let Stage::Chunks { next, waiting } = &mut mount.stage else { return Ok(()) };
        let chunks = &mount.root.as_ref().expect("read before").chunks;
        while *waiting < CHUNKS_MAX && *next < chunks.len() {
            let chunk = chunks[*next];
            if chunk != ChunkPlace::NONE {
                for copy in 0..copies {
                    self.read_for_mount(chunk.addr[copy], 1, 2 * *next + copy);
                }
                *waiting += copies;
                chunk.addr.into_iter().for_each(|addr| self.meta_segment(addr, 1));
            }
            *next += 1;
        }
        if *waiting > 0 {
            return Ok(());
        }
        let end = self.segments.end();
        for (id, place) in mount.table.iter() {
            if place.addr as u64 + place.blocks as u64 > end as u64 {
                let chunk = chunks[id.0 as usize / CHUNK_ENTRIES];
                let [device_offset, copy] = chunk.addr.map(|a| self.journal.device_offset(a));
                return Err(StoreError::CheckpointCorrupt {
                    part: CheckpointPart::PageTable,
                    device_offset,
                    copy_offset: Some(copy),
                });
            }
            self.meta_segment(place.addr, place.blocks as u32);
        }
        self.bad_copies.iter().for_each(|bad| self.events.push(StoreEvent::BadCopy(*bad)));
        self.meta.pager.set_table(std::mem::take(&mut mount.table));
        self.start_scan(mount)
    }

    pub(super) fn take_chunk(
        &mut self,
        mount: &mut Mount,
        index: usize,
        read: Result<Bytes, IoError>,
    ) -> Result<(), StoreError> {
        let (index, copy) = (index / 2, index % 2);
        let chunk = mount.root.as_ref().expect("read before").chunks[index];
        let taken = match read {
            Err(error) => Err(Some(error)),
            Ok(buf) if crc32c(!0, &buf) != chunk.crc => Err(None),
            Ok(buf) => mount.table.decode_chunk(index as u32, &buf).map_err(|_| None),
        };
        if let Err(bad) = taken {
            // The next checkpoint writes both anew.
            mount.table.make_dirty(index as u32);
            if self.note_bad(CheckpointPart::PageTable, chunk.addr, copy, bad)? {
                self.read_for_mount(chunk.addr[1], 1, 2 * index + 1);
                return Ok(());
            }
        }
        if let Stage::Chunks { waiting, .. } = &mut mount.stage {
            *waiting -= 1;
        }
        self.read_chunks(mount)
    }
}
