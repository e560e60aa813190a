//! Anchor of a paged store: names the newest checkpoint's root. Four blocks, two per parity.

use crate::anchor::JournalPosition;
use bytes::Bytes;
use std::fmt;
use types::Fsid;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};

const MAGIC: u32 = u32::from_le_bytes(*b"KSa2");
const VERSION: u32 = 2;
const USED: usize = 76;

/// Where a checkpoint's root lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RootPlace {
    /// In blocks from the first segment.
    pub addr: u32,
    /// 0: the store is empty, there is no root.
    pub blocks: u32,
    pub crc: u32,
}

/// Checkpoint `n` is named by both copies of anchor `n % 2`. mkfs writes [`Anchor::blank`], number
/// 0, to all four blocks: so every parity has whole copies from the first moment, and the odd ones
/// hold number 0 until checkpoint 1. docs/formats.md#anchor-of-version-2
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub checkpoint: u64,
    pub journal: JournalPosition,
    pub root: RootPlace,
}

/// The anchor that counts, and the copies to write again: indices as in [`choose`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub anchor: Anchor,
    pub bad_copies: Vec<usize>,
}

/// Both copies of a parity are bad: it may have named the newest checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnchorError {
    pub parity: u8,
    /// On the device, bytes.
    pub offsets: [u64; 2],
}
impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.offsets;
        write!(
            f,
            "both copies of anchor {} are damaged (bytes {a} and {b}); the other pair may be older",
            self.parity
        )
    }
}
impl std::error::Error for AnchorError {}

impl Anchor {
    /// Of an empty store, whose journal begins in segment 0 and goes on in segment 1.
    pub fn blank() -> Self {
        let journal = JournalPosition { sequence: 1, previous: 0, addr: 0, next: 1 };
        Self { checkpoint: 0, journal, root: RootPlace { addr: 0, blocks: 0, crc: 0 } }
    }
    pub fn encode(&self, store: &Fsid, shard: u16) -> Bytes {
        let mut b = aligned_buf(BLOCK_SIZE);
        b.extend_from_slice(&MAGIC.to_le_bytes());
        b.extend_from_slice(&[0; 4]);
        b.extend_from_slice(&VERSION.to_le_bytes());
        b.extend_from_slice(&(shard as u32).to_le_bytes());
        b.extend_from_slice(&store.0);
        b.extend_from_slice(&self.checkpoint.to_le_bytes());
        b.extend_from_slice(&self.journal.sequence.to_le_bytes());
        b.extend_from_slice(&self.journal.addr.to_le_bytes());
        b.extend_from_slice(&self.journal.previous.to_le_bytes());
        b.extend_from_slice(&self.journal.next.to_le_bytes());
        b.extend_from_slice(&self.root.addr.to_le_bytes());
        b.extend_from_slice(&self.root.blocks.to_le_bytes());
        b.extend_from_slice(&self.root.crc.to_le_bytes());
        debug_assert_eq!(b.len(), USED);
        b.resize(BLOCK_SIZE, 0);
        let crc = crc32c(!0, &b[8..]);
        b[4..8].copy_from_slice(&crc.to_le_bytes());
        b.freeze()
    }
    /// `None` if the block is not a whole anchor of this shard, or points outside its segments.
    pub fn decode(
        block: &[u8],
        store: &Fsid,
        shard: u16,
        segment_count: u32,
        segment_blocks: u32,
    ) -> Option<Self> {
        let block: &[u8; BLOCK_SIZE] = block.try_into().ok()?;
        let u32_at = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("8 bytes"));
        let whole = u32_at(0) == MAGIC
            && u32_at(4) == crc32c(!0, &block[8..])
            && u32_at(8) == VERSION
            && u32_at(12) == shard as u32
            && block[16..32] == store.0;
        let anchor = Self {
            checkpoint: u64_at(32),
            journal: JournalPosition {
                sequence: u64_at(40),
                addr: u64_at(48),
                previous: u32_at(56),
                next: u32_at(60),
            },
            root: RootPlace { addr: u32_at(64), blocks: u32_at(68), crc: u32_at(72) },
        };
        let end = segment_count as u64 * segment_blocks as u64;
        let sane = anchor.journal.next < segment_count
            && anchor.journal.addr <= end * BLOCK_SIZE as u64
            && anchor.journal.addr.is_multiple_of(BLOCK_SIZE as u64)
            && anchor.root.addr as u64 + anchor.root.blocks as u64 <= end
            && (anchor.root.blocks == 0) == (anchor.checkpoint == 0);
        (whole && sane).then_some(anchor)
    }
}

/// The newest checkpoint by the four blocks, as decoded, in the order even first, odd first, even
/// second, odd second; `offsets` on the device likewise. Of two whole copies the higher counts: a
/// crash between writing them leaves the other one old, and it is then among those to write again.
pub(crate) fn choose(
    copies: [Option<Anchor>; 4],
    offsets: [u64; 4],
) -> Result<Chosen, AnchorError> {
    // An anchor of the wrong parity was written somewhere else. Number 0 is mkfs's.
    let belongs = |i: usize, a: &Anchor| a.checkpoint == 0 || a.checkpoint % 2 == i as u64 % 2;
    let copies: [Option<Anchor>; 4] = std::array::from_fn(|i| copies[i].filter(|a| belongs(i, a)));
    let mut bad_copies = Vec::new();
    let mut best: Option<Anchor> = None;
    for parity in 0..2 {
        let pair = [parity, parity + 2];
        let newest = pair.iter().filter_map(|i| copies[*i]).max_by_key(|a| a.checkpoint);
        let Some(newest) = newest else {
            let offsets = pair.map(|i| offsets[i]);
            return Err(AnchorError { parity: parity as u8, offsets });
        };
        bad_copies.extend(pair.into_iter().filter(|i| copies[*i] != Some(newest)));
        if best.is_none_or(|best| newest.checkpoint > best.checkpoint) {
            best = Some(newest);
        }
    }
    bad_copies.sort_unstable();
    Ok(Chosen { anchor: best.expect("each parity has one"), bad_copies })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: Fsid = Fsid([7; 16]);
    fn numbered(checkpoint: u64) -> Anchor {
        let root = RootPlace { addr: 5, blocks: 2, crc: 9 };
        Anchor { checkpoint, root, ..Anchor::blank() }
    }
    fn decode(block: &[u8]) -> Option<Anchor> {
        Anchor::decode(block, &STORE, 3, 24, 256)
    }

    #[test]
    fn every_flipped_byte_is_found() {
        for anchor in [Anchor::blank(), numbered(8)] {
            let good = anchor.encode(&STORE, 3);
            assert_eq!(decode(&good), Some(anchor));
            assert_eq!(Anchor::decode(&good, &STORE, 2, 24, 256), None);
            for at in 0..good.len() {
                let mut bad = good.to_vec();
                bad[at] ^= 0x10;
                assert_eq!(decode(&bad), None, "byte {at}");
            }
        }
    }

    #[test]
    fn a_crash_at_any_anchor_write_loses_nothing_and_goes_not_back() {
        let mut blocks = [Some(Anchor::blank()); 4];
        let offsets = [0, 1, 2, 3];
        for n in 1..6u64 {
            let parity = (n % 2) as usize;
            for (at, found) in [(parity, n - 1), (parity + 2, n)] {
                // Torn, then whole.
                blocks[at] = None;
                let chosen = choose(blocks, offsets).unwrap();
                assert_eq!((chosen.anchor.checkpoint, &chosen.bad_copies[..]), (found, &[at][..]));
                blocks[at] = Some(numbered(n));
                assert_eq!(choose(blocks, offsets).unwrap().anchor.checkpoint, n);
            }
            assert!(choose(blocks, offsets).unwrap().bad_copies.is_empty());
            let mut hurt = blocks;
            (hurt[parity], hurt[parity + 2]) = (None, None);
            let error = choose(hurt, offsets).unwrap_err();
            assert_eq!(error.offsets, [parity as u64, parity as u64 + 2]);
        }
        blocks[0] = Some(numbered(7));
        assert_eq!(choose(blocks, offsets).unwrap().bad_copies, [0]);
    }
}
