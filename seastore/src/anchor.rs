//! Anchors: where the newest whole checkpoint's root is and where the journal goes on.
//!
//! Checkpoint n is named by two copies of anchor n mod 2, written one after the other, so a crash
//! damages one copy at most. If both copies of one number are bad, that is rot, and the other
//! number's may be older than what was acknowledged: then nothing is mounted.

use crate::format::BLOCK;
use bytes::Bytes;
use types::Fsid;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};

const MAGIC: u32 = u32::from_le_bytes(*b"KSa2");

/// Where the journal goes on: the next record has `sequence`, follows a record whose header checksum
/// is `previous`, and lies at `place` in `segment` or at the start of segment `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JournalPosition {
    pub sequence: u64,
    pub previous: u32,
    /// In blocks; the end of `segment` if that is full.
    pub place: u32,
    pub segment: u32,
    pub next: u32,
}

/// Where a root lies, twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RootPlace {
    pub addr: [u32; 2],
    pub blocks: u32,
    pub crc: u32,
}

/// What anchors are checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    pub store: Fsid,
    pub shard: u16,
    pub segments: u32,
    pub segment_blocks: u32,
    /// Places from the start of one segment to that of the next.
    pub segment_stride: u32,
}

/// One block. docs/formats.md#anchor
///
/// ```text
/// | offset | size | field                                                   |
/// |      0 |    4 | magic "KSa2"                                            |
/// |      4 |    4 | crc32c (seed !0) of bytes 8..4096                       |
/// |      8 |    2 | shard                                                   |
/// |     10 |    2 | number modulo 2                                         |
/// |     12 |    4 | 0                                                       |
/// |     16 |   16 | store uuid                                              |
/// |     32 |    8 | checkpoint number, 0 before the first                   |
/// |     40 |    8 | sequence of the first record to replay                  |
/// |     48 |    4 | header checksum of the record before it                 |
/// |     52 |    4 | its block                                               |
/// |     56 |    4 | segment of that block                                   |
/// |     60 |    4 | segment in which the journal goes on after that one     |
/// |     64 |    4 | first block of the root                                 |
/// |     68 |    4 | blocks of the root, 0 without one                       |
/// |     72 |    4 | crc32c (seed !0) of the root                            |
/// |     76 |    4 | first block of the root's second copy                   |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub checkpoint: u64,
    pub journal: JournalPosition,
    pub root: Option<RootPlace>,
}

/// Both copies of one number are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged {
    parity: usize,
}
impl Damaged {
    /// Which of the four blocks.
    pub fn pair(&self) -> [usize; 2] {
        [self.parity, self.parity + 2]
    }
}

/// What [`choose`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub anchor: Anchor,
    /// Copies that are damaged.
    pub damaged: [bool; 4],
}

impl Anchor {
    /// Of an empty store, whose journal begins in segment 0 and goes on in segment 1.
    pub fn blank() -> Self {
        let journal = JournalPosition { sequence: 1, previous: 0, place: 0, segment: 0, next: 1 };
        Self { checkpoint: 0, journal, root: None }
    }

    /// For the blocks of numbers with this `parity`. A store without checkpoints has the blank
    /// anchor in all four blocks.
    pub fn encode_as(&self, store: &Fsid, shard: u16, parity: u16) -> Bytes {
        let mut b = aligned_buf(BLOCK_SIZE);
        b.resize(BLOCK_SIZE, 0);
        b[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        b[8..10].copy_from_slice(&shard.to_le_bytes());
        b[10..12].copy_from_slice(&parity.to_le_bytes());
        b[16..32].copy_from_slice(&store.0);
        b[32..40].copy_from_slice(&self.checkpoint.to_le_bytes());
        b[40..48].copy_from_slice(&self.journal.sequence.to_le_bytes());
        let root = self.root.unwrap_or(RootPlace { addr: [0, 0], blocks: 0, crc: 0 });
        let j = &self.journal;
        let [first, second] = root.addr;
        let root = [first, root.blocks, root.crc, second];
        let words = [j.previous, j.place, j.segment, j.next].into_iter().chain(root);
        for (i, word) in words.enumerate() {
            b[48 + 4 * i..52 + 4 * i].copy_from_slice(&word.to_le_bytes());
        }
        let crc = crc32c(!0, &b[8..]);
        b[4..8].copy_from_slice(&crc.to_le_bytes());
        b.freeze()
    }
    pub fn encode(&self, store: &Fsid, shard: u16) -> Bytes {
        self.encode_as(store, shard, (self.checkpoint % 2) as u16)
    }

    /// Of either parity.
    pub fn decode_any(block: &[u8], region: &Region) -> Option<Self> {
        Self::decode(block, region, *block.get(10)? as usize)
    }

    fn decode(block: &[u8], region: &Region, parity: usize) -> Option<Self> {
        let block: &[u8; BLOCK_SIZE] = block.try_into().ok()?;
        let u32_at = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("8 bytes"));
        let checkpoint = u64_at(32);
        let whole = u32_at(0) == MAGIC
            && u32_at(4) == crc32c(!0, &block[8..])
            && block[8..10] == region.shard.to_le_bytes()
            && block[10..12] == (parity as u16).to_le_bytes()
            && block[16..32] == region.store.0
            && (checkpoint == 0 || checkpoint % 2 == parity as u64);
        if !whole {
            return None;
        }
        let journal = JournalPosition {
            sequence: u64_at(40),
            previous: u32_at(48),
            place: u32_at(52),
            segment: u32_at(56),
            next: u32_at(60),
        };
        let addr = [u32_at(64), u32_at(76)];
        let root = RootPlace { addr, blocks: u32_at(68), crc: u32_at(72) };
        let end = region.segments as u64 * region.segment_stride as u64;
        let start = journal.segment as u64 * region.segment_stride as u64;
        let in_segment = start..=start + region.segment_blocks as u64;
        let sane = journal.segment < region.segments
            && journal.next < region.segments
            && journal.next != journal.segment
            && in_segment.contains(&(journal.place as u64))
            && journal.sequence > 0
            && root.blocks <= region.segment_blocks
            && addr.iter().all(|addr| *addr as u64 + root.blocks as u64 <= end)
            && (checkpoint > 0) == (root.blocks > 0);
        let root = (root.blocks > 0).then_some(root);
        sane.then_some(Self { checkpoint, journal, root })
    }
}

/// The newest anchor of four blocks: even, odd, even again, odd again.
pub(crate) fn choose(blocks: [Option<&[u8]>; 4], region: &Region) -> Result<Chosen, Damaged> {
    let found: Vec<Option<Anchor>> = blocks
        .iter()
        .enumerate()
        .map(|(i, b)| b.and_then(|b| Anchor::decode(b, region, i % 2)))
        .collect();
    for parity in 0..2 {
        if found[parity].is_none() && found[parity + 2].is_none() {
            return Err(Damaged { parity });
        }
    }
    let newest = found.iter().flatten().max_by_key(|a| a.checkpoint);
    let anchor = *newest.expect("one of each number is whole");
    let damaged = [0, 1, 2, 3].map(|i: usize| found[i].is_none());
    Ok(Chosen { anchor, damaged })
}

const _: () = assert!(BLOCK as usize == BLOCK_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: Region = Region {
        store: Fsid([3; 16]),
        shard: 2,
        segments: 24,
        segment_blocks: 256,
        segment_stride: 256,
    };

    fn anchor(checkpoint: u64) -> Anchor {
        let journal = JournalPosition {
            sequence: 40 + checkpoint,
            previous: 7,
            place: 512,
            segment: 1,
            next: 5,
        };
        let root = (checkpoint > 0).then_some(RootPlace { addr: [900, 950], blocks: 2, crc: 9 });
        Anchor { checkpoint, journal, root }
    }
    fn bytes(checkpoint: u64, parity: u16) -> Bytes {
        anchor(checkpoint).encode_as(&REGION.store, REGION.shard, parity)
    }

    #[test]
    fn a_crash_between_or_in_the_two_copies_leaves_one_of_each_number() {
        let (old_even, even) = (bytes(4, 0), bytes(6, 0));
        let odd = bytes(5, 1);
        let mut torn = even.to_vec();
        torn[33] ^= 4;
        for (first, second, newest) in [
            (&old_even[..], &old_even[..], 5),
            (&torn, &old_even, 5),
            (&even, &old_even, 6),
            (&even, &torn, 6),
            (&even, &even, 6),
        ] {
            let blocks = [Some(first), Some(&odd[..]), Some(second), Some(&odd[..])];
            assert_eq!(choose(blocks, &REGION).unwrap().anchor.checkpoint, newest);
        }
    }

    #[test]
    fn two_bad_copies_of_one_number_are_not_passed_over() {
        let (even, odd) = (bytes(6, 0), bytes(5, 1));
        let mut rotten = even.to_vec();
        rotten[40] ^= 1;
        let blocks = [Some(&rotten[..]), Some(&odd[..]), None, Some(&odd[..])];
        assert_eq!(choose(blocks, &REGION), Err(Damaged { parity: 0 }));
        let blocks = [Some(&rotten[..]), Some(&odd[..]), Some(&even[..]), Some(&odd[..])];
        let chosen = choose(blocks, &REGION).unwrap();
        assert_eq!(chosen.anchor.checkpoint, 6);
        assert_eq!(chosen.damaged, [true, false, false, false]);
    }

    #[test]
    fn an_anchor_of_somebody_else_is_none() {
        let whole = bytes(6, 0);
        assert!(Anchor::decode(&whole, &REGION, 0).is_some());
        assert!(Anchor::decode(&whole, &REGION, 1).is_none());
        let other = Region { shard: 3, ..REGION };
        assert!(Anchor::decode(&whole, &other, 0).is_none());
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Anchor::decode(&changed, &REGION, 0).is_none(), "bit {bit}");
        }
    }
}
