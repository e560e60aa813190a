//! Anchor: the block that names a region's newest whole checkpoint and where the journal goes on.

use crate::format::{BLOCK, FORMAT_VERSION};
use bytes::Bytes;
use types::Fsid;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};

const MAGIC: u32 = u32::from_le_bytes(*b"KSan");
const FIXED: usize = 88;
/// A checkpoint lies in at most this many segments.
pub(crate) const CHECKPOINT_SEGMENTS_MAX: usize = (BLOCK_SIZE - FIXED) / 4;

/// Where the journal goes on: the next record has `sequence`, follows a record whose header
/// checksum is `previous`, and lies at `addr` or at the start of segment `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JournalPosition {
    pub sequence: u64,
    pub previous: u32,
    /// Bytes from the first segment's start.
    pub addr: u64,
    pub next: u32,
}

/// Two anchors per region take turns: checkpoint `n` is named by anchor `n % 2`, and the higher
/// whole one counts. docs/formats.md#anchor
///
/// ```text
/// | offset | size | field                                                   |
/// |      0 |    4 | magic "KSan"                                            |
/// |      4 |    4 | crc32c (seed !0) of bytes 8..4096                       |
/// |      8 |    4 | format version                                          |
/// |     12 |    2 | shard                                                   |
/// |     14 |    2 | 0                                                       |
/// |     16 |   16 | store uuid                                              |
/// |     32 |    8 | checkpoint number                                       |
/// |     40 |    8 | sequence of the first record to replay                  |
/// |     48 |    8 | its address, bytes from the first segment               |
/// |     56 |    4 | header checksum of the record before it                 |
/// |     60 |    4 | segment that follows the one of that address            |
/// |     64 |    8 | bytes of the checkpoint's stream                        |
/// |     72 |    4 | chunk count                                             |
/// |     76 |    4 | segment count n                                         |
/// |     80 |    8 | 0                                                       |
/// |     88 |  4*n | segments of the checkpoint, in order                    |
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub checkpoint: u64,
    pub journal: JournalPosition,
    pub stream_bytes: u64,
    pub chunks: u32,
    pub segments: Vec<u32>,
}

impl Anchor {
    /// The anchor of an empty store, whose journal begins in segment 0 and goes on in segment 1.
    pub fn blank() -> Self {
        let journal = JournalPosition { sequence: 1, previous: 0, addr: 0, next: 1 };
        Self { checkpoint: 0, journal, stream_bytes: 0, chunks: 0, segments: Vec::new() }
    }

    pub fn encode(&self, store: &Fsid, shard: u16) -> Bytes {
        assert!(self.segments.len() <= CHECKPOINT_SEGMENTS_MAX);
        let mut b = aligned_buf(BLOCK_SIZE);
        b.extend_from_slice(&MAGIC.to_le_bytes());
        b.extend_from_slice(&[0; 4]);
        b.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        b.extend_from_slice(&shard.to_le_bytes());
        b.extend_from_slice(&[0; 2]);
        b.extend_from_slice(&store.0);
        b.extend_from_slice(&self.checkpoint.to_le_bytes());
        b.extend_from_slice(&self.journal.sequence.to_le_bytes());
        b.extend_from_slice(&self.journal.addr.to_le_bytes());
        b.extend_from_slice(&self.journal.previous.to_le_bytes());
        b.extend_from_slice(&self.journal.next.to_le_bytes());
        b.extend_from_slice(&self.stream_bytes.to_le_bytes());
        b.extend_from_slice(&self.chunks.to_le_bytes());
        b.extend_from_slice(&(self.segments.len() as u32).to_le_bytes());
        b.extend_from_slice(&[0; 8]);
        for segment in &self.segments {
            b.extend_from_slice(&segment.to_le_bytes());
        }
        b.resize(BLOCK_SIZE, 0);
        let crc = crc32c(!0, &b[8..]);
        b[4..8].copy_from_slice(&crc.to_le_bytes());
        b.freeze()
    }

    /// `None` if the block is not a whole anchor of this shard, or names segments from
    /// `segment_count` up.
    pub fn decode(
        block: &[u8],
        store: &Fsid,
        shard: u16,
        segment_count: u32,
        segment_bytes: u64,
    ) -> Option<Self> {
        let block: &[u8; BLOCK_SIZE] = block.try_into().ok()?;
        let u32_at = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("8 bytes"));
        let whole = u32_at(0) == MAGIC
            && u32_at(4) == crc32c(!0, &block[8..])
            && u32_at(8) == FORMAT_VERSION
            && block[12..14] == shard.to_le_bytes()
            && block[16..32] == store.0;
        let count = u32_at(76) as usize;
        if !whole || count > CHECKPOINT_SEGMENTS_MAX {
            return None;
        }
        let journal = JournalPosition {
            sequence: u64_at(40),
            addr: u64_at(48),
            previous: u32_at(56),
            next: u32_at(60),
        };
        let segments: Vec<u32> = (0..count).map(|i| u32_at(FIXED + 4 * i)).collect();
        let sane = segments.iter().chain([&journal.next]).all(|s| *s < segment_count)
            && journal.addr <= segment_count as u64 * segment_bytes
            && journal.addr.is_multiple_of(BLOCK);
        sane.then(|| Self {
            checkpoint: u64_at(32),
            journal,
            stream_bytes: u64_at(64),
            chunks: u32_at(72),
            segments,
        })
    }
}
