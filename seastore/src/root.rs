//! Root: everything of a checkpoint that is not in pages. docs/formats.md#root

use crate::pages::PageId;
use types::enc::{DecodeError, Reader, Result};
use types::hash::crc32c;
use types::node::BLOCK_SIZE;
use types::{Fsid, PgId, PoolId};

const MAGIC: u32 = u32::from_le_bytes(*b"KSro");
/// Bytes of what every root has, and of each item of its lists.
const FIXED: usize = 12 + 16 + 2 + 8 + 3 * 4 + 4 * 8 + 4 + 4 * 4;
const CHUNK: usize = 12;
const SEGMENT: usize = 13;
const COLLECTION: usize = 13;
const GARBAGE: usize = 17;

/// What is removed in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// Every key under an omap id that no object has any more.
    Omap { id: u64 },
    /// One share of each block of a range.
    Laddrs { first: u64, blocks: u64 },
}

/// Where a chunk of the page table lies, twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkPlace {
    pub addr: [u32; 2],
    pub crc: u32,
}
impl ChunkPlace {
    /// The chunk names no page.
    pub const NONE: Self = Self { addr: [u32::MAX; 2], crc: 0 };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SegmentState {
    /// It holds pages. What of them is live follows from the page table.
    pub meta: bool,
    pub cold: bool,
    /// Blocks of data.
    pub live: u32,
    pub last_sequence: u64,
}

/// Of a root with lists of these lengths.
pub(crate) fn blocks_of(chunks: usize, segments: usize, pgs: usize, garbage: usize) -> u32 {
    let lists = CHUNK * chunks + SEGMENT * segments + COLLECTION * pgs + GARBAGE * garbage;
    (FIXED + lists).div_ceil(BLOCK_SIZE) as u32
}

/// ```text
/// magic "KSro" u32, crc32c (seed !0) of what follows u32, bytes that follow u32
/// store uuid [16], shard u16, checkpoint u64
/// roots of the onode, LBA and omap trees u32 each
/// next laddr u64, next omap id u64, objects u64, data blocks u64
/// pages u32 (length of the page table)
/// n u32, chunks of the page table: addresses of both copies u32 each, crc u32
/// n u32, segments: flags u8 (1 pages, 2 cold), live blocks u32, last sequence u64
/// n u32, collections: pool i64, seed u32, bits u8
/// n u32, garbage: tag u8 (1 omap, 2 laddrs), u64, u64
/// zeros to the next block bound
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    pub checkpoint: u64,
    pub store: Fsid,
    pub shard: u16,
    pub onodes: PageId,
    pub lba: PageId,
    pub omap: PageId,
    pub next_laddr: u64,
    pub next_omap: u64,
    pub objects: u64,
    pub data_blocks: u64,
    pub pages: u32,
    pub chunks: Vec<ChunkPlace>,
    pub segments: Vec<SegmentState>,
    pub collections: Vec<(PgId, u8)>,
    pub garbage: Vec<Garbage>,
}

impl Root {
    /// Of what [`Root::encode`] makes when there are so many chunks.
    pub fn blocks(&self, chunks: usize) -> u32 {
        let (collections, garbage) = (self.collections.len(), self.garbage.len());
        blocks_of(chunks, self.segments.len(), collections, garbage)
    }

    /// A multiple of the block size.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; 12];
        out.extend_from_slice(&self.store.0);
        out.extend_from_slice(&self.shard.to_le_bytes());
        out.extend_from_slice(&self.checkpoint.to_le_bytes());
        for id in [self.onodes, self.lba, self.omap] {
            out.extend_from_slice(&id.0.to_le_bytes());
        }
        for n in [self.next_laddr, self.next_omap, self.objects, self.data_blocks] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        out.extend_from_slice(&self.pages.to_le_bytes());
        out.extend_from_slice(&(self.chunks.len() as u32).to_le_bytes());
        for chunk in &self.chunks {
            for addr in chunk.addr {
                out.extend_from_slice(&addr.to_le_bytes());
            }
            out.extend_from_slice(&chunk.crc.to_le_bytes());
        }
        out.extend_from_slice(&(self.segments.len() as u32).to_le_bytes());
        for s in &self.segments {
            out.push(s.meta as u8 | (s.cold as u8) << 1);
            out.extend_from_slice(&s.live.to_le_bytes());
            out.extend_from_slice(&s.last_sequence.to_le_bytes());
        }
        out.extend_from_slice(&(self.collections.len() as u32).to_le_bytes());
        for (pg, bits) in &self.collections {
            out.extend_from_slice(&pg.pool.0.to_le_bytes());
            out.extend_from_slice(&pg.seed.to_le_bytes());
            out.push(*bits);
        }
        out.extend_from_slice(&(self.garbage.len() as u32).to_le_bytes());
        for garbage in &self.garbage {
            let (tag, a, b) = match garbage {
                Garbage::Omap { id } => (1, *id, 0),
                Garbage::Laddrs { first, blocks } => (2, *first, *blocks),
            };
            out.push(tag);
            out.extend_from_slice(&a.to_le_bytes());
            out.extend_from_slice(&b.to_le_bytes());
        }
        let len = (out.len() - 12) as u32;
        let crc = crc32c(!0, &out[12..]);
        out[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out[8..12].copy_from_slice(&len.to_le_bytes());
        out.resize(out.len().next_multiple_of(BLOCK_SIZE), 0);
        out
    }

    pub fn decode(bytes: &[u8], store: &Fsid, shard: u16) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let bad = |what, value| DecodeError::Invalid { what, value };
        let magic = r.u32()?;
        if magic != MAGIC {
            return Err(bad("magic of a root", magic as u64));
        }
        let (crc, len) = (r.u32()?, r.u32()? as usize);
        let body = r.take("root", len)?;
        let found = crc32c(!0, body);
        if found != crc {
            return Err(DecodeError::Checksum { what: "root", expected: crc, found });
        }
        let mut r = Reader::new(body);
        let own = r.take("store uuid", 16)? == store.0;
        let of = r.u16()?;
        if !own || of != shard {
            return Err(bad("shard of a root", of as u64));
        }
        let checkpoint = r.u64()?;
        let (onodes, lba, omap) = (PageId(r.u32()?), PageId(r.u32()?), PageId(r.u32()?));
        let (next_laddr, next_omap) = (r.u64()?, r.u64()?);
        let (objects, data_blocks) = (r.u64()?, r.u64()?);
        let pages = r.u32()?;
        let mut chunks = Vec::new();
        for _ in 0..r.count("chunks", CHUNK)? {
            chunks.push(ChunkPlace { addr: [r.u32()?, r.u32()?], crc: r.u32()? });
        }
        if pages as u64 > chunks.len() as u64 * crate::table::CHUNK_ENTRIES as u64 + 1 {
            return Err(bad("pages in the chunks of a table", pages as u64));
        }
        let mut segments = Vec::new();
        for _ in 0..r.count("segments", SEGMENT)? {
            let flags = r.u8()?;
            segments.push(SegmentState {
                meta: flags & 1 != 0,
                cold: flags & 2 != 0,
                live: r.u32()?,
                last_sequence: r.u64()?,
            });
        }
        let mut collections = Vec::new();
        for _ in 0..r.count("collections", COLLECTION)? {
            let pg = PgId { pool: PoolId(r.i64()?), seed: r.u32()? };
            collections.push((pg, r.u8()?));
        }
        let mut garbage = Vec::new();
        for _ in 0..r.count("garbage", GARBAGE)? {
            let (tag, a, b) = (r.u8()?, r.u64()?, r.u64()?);
            garbage.push(match tag {
                1 => Garbage::Omap { id: a },
                2 => Garbage::Laddrs { first: a, blocks: b },
                _ => return Err(bad("kind of garbage", tag as u64)),
            });
        }
        Ok(Self {
            checkpoint,
            store: *store,
            shard,
            onodes,
            lba,
            omap,
            next_laddr,
            next_omap,
            objects,
            data_blocks,
            pages,
            chunks,
            segments,
            collections,
            garbage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_comes_back_and_any_flipped_bit_is_found() {
        let root = Root {
            checkpoint: 9,
            store: Fsid([4; 16]),
            shard: 1,
            onodes: PageId(3),
            lba: PageId::NONE,
            omap: PageId(7),
            next_laddr: 1 << 40,
            next_omap: 5,
            objects: 6,
            data_blocks: 7,
            pages: 300,
            chunks: vec![ChunkPlace { addr: [4, 9], crc: 5 }, ChunkPlace::NONE],
            segments: vec![
                SegmentState { meta: true, cold: false, live: 0, last_sequence: 3 },
                SegmentState { meta: false, cold: true, live: 9, last_sequence: 4 },
            ],
            collections: vec![(PgId { pool: PoolId(2), seed: 5 }, 3)],
            garbage: vec![Garbage::Omap { id: 4 }, Garbage::Laddrs { first: 5, blocks: 6 }],
        };
        let bytes = root.encode();
        assert_eq!(bytes.len() % BLOCK_SIZE, 0);
        let mut long = root.clone();
        for chunks in 0..1000 {
            long.chunks = vec![ChunkPlace::NONE; chunks];
            let blocks = long.encode().len() / BLOCK_SIZE;
            assert_eq!(root.blocks(chunks) as usize, blocks, "{chunks} chunks");
        }
        assert_eq!(Root::decode(&bytes, &root.store, 1).unwrap(), root);
        assert!(Root::decode(&bytes, &root.store, 2).is_err());
        let used = 12 + u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
        for bit in 0..used * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Root::decode(&changed, &root.store, 1).is_err(), "bit {bit}");
        }
        for len in 0..used {
            assert!(Root::decode(&bytes[..len], &root.store, 1).is_err());
        }
    }
}
