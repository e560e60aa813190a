//! Page table: where each page lies in the newest checkpoint.

use crate::page::PageKind;
use crate::pages::PageId;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fmt;
use types::node::{BLOCK_SIZE, aligned_buf};

const MAGIC: u32 = u32::from_le_bytes(*b"KSpt");
const HEADER: usize = 16;
const ENTRY: usize = 12;
/// Entries of a chunk, which is one block.
pub(crate) const CHUNK_ENTRIES: usize = (BLOCK_SIZE - HEADER) / ENTRY;
const ABSENT: u32 = u32::MAX;

/// Where a page lies. 12 bytes, also when it may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// In blocks from the region's first segment, less than `u32::MAX`.
    pub addr: u32,
    /// crc32c (seed !0) of the page.
    pub crc: u32,
    /// Length, not 0.
    pub blocks: u16,
    pub kind: PageKind,
}

/// Why bytes are not the chunk that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadChunk {
    Length { bytes: usize },
    Header { index: u32 },
    Entry { page: PageId },
}

impl fmt::Display for BadChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "{bytes} bytes are not a page table chunk"),
            Self::Header { index } => write!(f, "not the header of page table chunk {index}"),
            Self::Entry { page } => write!(f, "page table entry {} is malformed", page.0),
        }
    }
}
impl std::error::Error for BadChunk {}

/// Places by page id. Changes are written chunk by chunk. docs/formats.md#page-table-chunk
#[derive(Default)]
pub(crate) struct PageTable {
    places: Vec<Option<Place>>,
    dirty: BTreeSet<u32>,
    /// Of all pages.
    blocks: u64,
}

impl PageTable {
    /// Ids below this may have a place.
    pub fn len(&self) -> usize {
        self.places.len()
    }
    pub fn get(&self, id: PageId) -> Option<Place> {
        self.places.get(id.0 as usize).copied().flatten()
    }
    /// The place the page had. Marks the chunk dirty.
    pub fn set(&mut self, id: PageId, place: Option<Place>) -> Option<Place> {
        let i = id.0 as usize;
        if i >= self.places.len() {
            self.places.resize(i + 1, None);
        }
        self.dirty.insert((i / CHUNK_ENTRIES) as u32);
        let old = std::mem::replace(&mut self.places[i], place);
        self.blocks += place.map_or(0, |p| p.blocks as u64);
        self.blocks -= old.map_or(0, |p| p.blocks as u64);
        old
    }
    /// Blocks of all pages.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }
    /// Has the next checkpoint write the chunk elsewhere.
    pub fn make_dirty(&mut self, chunk: u32) {
        self.dirty.insert(chunk);
    }
    pub fn iter(&self) -> impl Iterator<Item = (PageId, Place)> + '_ {
        let pages = self.places.iter().enumerate();
        pages.filter_map(|(i, place)| place.map(|place| (PageId(i as u32), place)))
    }
    /// Chunks that changed since the last call, in order.
    pub fn take_dirty(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dirty).into_iter().collect()
    }

    /// One block. Entries beyond the table's end are absent.
    pub fn encode_chunk(&self, index: u32) -> Bytes {
        let mut b = aligned_buf(BLOCK_SIZE);
        b.extend_from_slice(&MAGIC.to_le_bytes());
        b.extend_from_slice(&index.to_le_bytes());
        b.extend_from_slice(&[0; 8]);
        let first = index as usize * CHUNK_ENTRIES;
        for i in first..first + CHUNK_ENTRIES {
            match self.places.get(i).copied().flatten() {
                Some(place) => {
                    b.extend_from_slice(&place.addr.to_le_bytes());
                    b.extend_from_slice(&place.crc.to_le_bytes());
                    b.extend_from_slice(&place.blocks.to_le_bytes());
                    b.extend_from_slice(&[place.kind as u8, 0]);
                }
                None => {
                    b.extend_from_slice(&ABSENT.to_le_bytes());
                    b.extend_from_slice(&[0; 8]);
                }
            }
        }
        b.resize(BLOCK_SIZE, 0);
        b.freeze()
    }

    /// Takes over a chunk, whose checksum the caller has verified. Does not mark it dirty; on error
    /// nothing changes.
    pub fn decode_chunk(&mut self, index: u32, bytes: &[u8]) -> Result<(), BadChunk> {
        if bytes.len() != BLOCK_SIZE {
            return Err(BadChunk::Length { bytes: bytes.len() });
        }
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let tail = &bytes[HEADER + CHUNK_ENTRIES * ENTRY..];
        let zeros = bytes[8..HEADER].iter().chain(tail).all(|b| *b == 0);
        let Some(first) = (index as usize).checked_mul(CHUNK_ENTRIES) else {
            return Err(BadChunk::Header { index });
        };
        let in_range = first + CHUNK_ENTRIES <= u32::MAX as usize;
        if u32_at(0) != MAGIC || u32_at(4) != index || !zeros || !in_range {
            return Err(BadChunk::Header { index });
        }
        let mut places = Vec::with_capacity(CHUNK_ENTRIES);
        for i in 0..CHUNK_ENTRIES {
            let at = HEADER + i * ENTRY;
            let bad = BadChunk::Entry { page: PageId((first + i) as u32) };
            if u32_at(at) == ABSENT {
                if bytes[at + 4..at + ENTRY] != [0; 8] {
                    return Err(bad);
                }
                places.push(None);
                continue;
            }
            let blocks = u16::from_le_bytes([bytes[at + 8], bytes[at + 9]]);
            let kind = match bytes[at + 10] {
                1 => PageKind::Onode,
                2 => PageKind::Lba,
                3 => PageKind::Omap,
                _ => return Err(bad),
            };
            if blocks == 0 || bytes[at + 11] != 0 || first + i == 0 {
                return Err(bad);
            }
            places.push(Some(Place { addr: u32_at(at), crc: u32_at(at + 4), blocks, kind }));
        }
        let end = first + CHUNK_ENTRIES;
        if self.places.len() < end {
            self.places.resize(end, None);
        }
        let blocks = |places: &[Option<Place>]| -> u64 {
            places.iter().flatten().map(|p| p.blocks as u64).sum()
        };
        self.blocks -= blocks(&self.places[first..end]);
        self.blocks += blocks(&places);
        self.places[first..end].copy_from_slice(&places);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(addr: u32) -> Place {
        Place { addr, crc: !addr, blocks: 1 + (addr % 3) as u16, kind: PageKind::Lba }
    }

    #[test]
    fn chunks_come_back_and_only_changed_ones_are_dirty() {
        assert_eq!(std::mem::size_of::<Option<Place>>(), 12);
        let mut table = PageTable::default();
        for id in [1, 2, 339, 340, 1000] {
            table.set(PageId(id), Some(place(id * 7)));
        }
        assert_eq!(table.set(PageId(2), None), Some(place(14)));
        assert_eq!(table.take_dirty(), [0, 1, 2]);
        table.set(PageId(400), Some(place(9)));
        assert_eq!(table.take_dirty(), [1]);
        let mut back = PageTable::default();
        for i in [2, 0, 1] {
            back.decode_chunk(i, &table.encode_chunk(i)).unwrap();
        }
        assert!(back.iter().eq(table.iter()));
        assert!(back.take_dirty().is_empty());
    }

    #[test]
    fn malformed_chunks_are_refused() {
        let mut table = PageTable::default();
        table.set(PageId(1), Some(place(5)));
        let good = table.encode_chunk(0);
        for (at, value) in [(0, 1), (4, 1), (8, 1), (36, 0), (38, 4), (39, 1), (20, 1)] {
            let mut bad = good.to_vec();
            bad[at] = value;
            assert!(PageTable::default().decode_chunk(0, &bad).is_err(), "byte {at}");
        }
        assert!(PageTable::default().decode_chunk(1, &good).is_err());
        assert!(PageTable::default().decode_chunk(0, &good[1..]).is_err());
        assert!(PageTable::default().decode_chunk(u32::MAX, &good).is_err());
    }
}
