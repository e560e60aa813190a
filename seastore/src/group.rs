//! Group: places, checksums and reference counts of 64 blocks, the value of the LBA tree.
//! docs/formats.md#group

use types::enc::{DecodeError, Reader, Result};

/// Blocks per group: block `i` of group `g` has laddr `64 * g + i`.
pub(crate) const GROUP_BLOCKS: u64 = 64;
const BITMAP_BYTES: usize = 16;
const BLOCK_BYTES: usize = 8;
const REFS_BYTES: usize = 2;

/// Where a block lies, its checksum and how many runs of objects hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRef {
    /// In blocks from the start of the region's first segment.
    pub place: u32,
    pub crc: u32,
    /// 1 or more.
    pub refs: u16,
}

/// A group as it is stored. Its parts have the lengths that its bitmaps ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupRef<'a> {
    present: u64,
    shared: u64,
    blocks: &'a [u8],
    refs: &'a [u8],
}

/// How many bits are set below `index`.
fn rank(bits: u64, index: u8) -> usize {
    (bits & ((1 << index) - 1)).count_ones() as usize
}
fn has(bits: u64, index: u8) -> bool {
    index < 64 && bits >> index & 1 != 0
}
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes"))
}
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

/// The positions of the bits set, ascending.
fn ones(mut bits: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let index = (bits != 0).then(|| bits.trailing_zeros() as u8)?;
        bits &= bits - 1;
        Some(index)
    })
}

impl<'a> GroupRef<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let (present, shared) = (r.u64()?, r.u64()?);
        if shared & !present != 0 {
            return Err(DecodeError::Invalid { what: "shared blocks of a group", value: shared });
        }
        let blocks = r.take("blocks", present.count_ones() as usize * BLOCK_BYTES)?;
        let refs = r.take("reference counts", shared.count_ones() as usize * REFS_BYTES)?;
        r.finish("group")?;
        for count in refs.chunks_exact(REFS_BYTES).map(|c| u16_at(c, 0)) {
            if count < 2 {
                return Err(DecodeError::Invalid { what: "reference count", value: count as u64 });
            }
        }
        Ok(Self { present, shared, blocks, refs })
    }

    /// Block `index`, below 64; `None` if it has no place.
    pub fn get(&self, index: u8) -> Option<BlockRef> {
        if !has(self.present, index) {
            return None;
        }
        let at = rank(self.present, index) * BLOCK_BYTES;
        let refs = match has(self.shared, index) {
            true => u16_at(self.refs, rank(self.shared, index) * REFS_BYTES),
            false => 1,
        };
        Some(BlockRef { place: u32_at(self.blocks, at), crc: u32_at(self.blocks, at + 4), refs })
    }

    /// The blocks that have a place, ascending.
    pub fn iter(self) -> impl Iterator<Item = (u8, BlockRef)> + 'a {
        let mut refs = self.refs.chunks_exact(REFS_BYTES);
        ones(self.present).zip(self.blocks.chunks_exact(BLOCK_BYTES)).map(move |(index, block)| {
            let refs = match has(self.shared, index) {
                true => u16_at(refs.next().expect("a count per shared block"), 0),
                false => 1,
            };
            (index, BlockRef { place: u32_at(block, 0), crc: u32_at(block, 4), refs })
        })
    }

    /// How many blocks have a place.
    #[cfg(test)]
    pub fn count(&self) -> u32 {
        self.present.count_ones()
    }
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }
}

/// Stores place and checksum of a block that has both already, in a group as it is stored. Its
/// reference count stays. `false`, and nothing is changed, if the block has no place.
pub(crate) fn set_in_place(bytes: &mut [u8], index: u8, place: u32, crc: u32) -> bool {
    let Some(bitmap) = bytes.first_chunk::<8>() else { return false };
    let present = u64::from_le_bytes(*bitmap);
    if !has(present, index) {
        return false;
    }
    let at = BITMAP_BYTES + rank(present, index) * BLOCK_BYTES;
    let Some(block) = bytes.get_mut(at..at + BLOCK_BYTES) else { return false };
    block[..4].copy_from_slice(&place.to_le_bytes());
    block[4..].copy_from_slice(&crc.to_le_bytes());
    true
}

/// A group being changed.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    present: u64,
    shared: u64,
    /// (place, checksum), of those present.
    blocks: [(u32, u32); GROUP_BLOCKS as usize],
    /// Of those shared.
    refs: [u16; GROUP_BLOCKS as usize],
}

impl Default for Group {
    fn default() -> Self {
        Self { present: 0, shared: 0, blocks: [(0, 0); 64], refs: [0; 64] }
    }
}

impl From<GroupRef<'_>> for Group {
    fn from(stored: GroupRef<'_>) -> Self {
        let mut group = Self { present: stored.present, shared: stored.shared, ..Self::default() };
        for (index, block) in stored.iter() {
            group.blocks[index as usize] = (block.place, block.crc);
            group.refs[index as usize] = block.refs;
        }
        group
    }
}

impl Group {
    #[cfg(test)]
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Ok(GroupRef::new(bytes)?.into())
    }

    /// Block `index`, below 64; `None` if it has no place.
    pub fn get(&self, index: u8) -> Option<BlockRef> {
        has(self.present, index).then(|| {
            let (place, crc) = self.blocks[index as usize];
            let refs = if has(self.shared, index) { self.refs[index as usize] } else { 1 };
            BlockRef { place, crc, refs }
        })
    }

    /// The blocks that have a place, ascending.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = (u8, BlockRef)> + '_ {
        ones(self.present).map(|index| (index, self.get(index).expect("its bit is set")))
    }

    /// Gives block `index` (below 64) a place. A new one counts one reference, another keeps its
    /// count.
    pub fn set(&mut self, index: u8, place: u32, crc: u32) {
        self.blocks[index as usize] = (place, crc);
        self.present |= 1 << index;
    }

    /// Takes away the place of block `index` (below 64) and its references.
    pub fn clear(&mut self, index: u8) {
        assert!((index as u64) < GROUP_BLOCKS, "block {index} of a group");
        self.present &= !(1 << index);
        self.shared &= !(1 << index);
    }

    /// Sets the reference count of block `index` (below 64), which has a place; 0 clears it.
    pub fn set_refs(&mut self, index: u8, refs: u16) {
        assert!(has(self.present, index), "block {index} of a group has no place");
        match refs {
            0 => self.clear(index),
            1 => self.shared &= !(1 << index),
            _ => {
                self.shared |= 1 << index;
                self.refs[index as usize] = refs;
            }
        }
    }

    /// A group without blocks needs no entry in the tree.
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// What [`Group::encode_into`] appends.
    pub fn encoded_bytes(&self) -> usize {
        BITMAP_BYTES
            + self.present.count_ones() as usize * BLOCK_BYTES
            + self.shared.count_ones() as usize * REFS_BYTES
    }

    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_bytes());
        out.extend_from_slice(&self.present.to_le_bytes());
        out.extend_from_slice(&self.shared.to_le_bytes());
        for index in ones(self.present) {
            let (place, crc) = self.blocks[index as usize];
            out.extend_from_slice(&place.to_le_bytes());
            out.extend_from_slice(&crc.to_le_bytes());
        }
        for index in ones(self.shared) {
            out.extend_from_slice(&self.refs[index as usize].to_le_bytes());
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_types)] // Macros of proptest use Arc.
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u8, u32, u32),
        SetInPlace(u8, u32, u32),
        Clear(u8),
        Refs(u8, u16),
        StoreAndLoad,
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few blocks, both ends among them, so that steps meet.
        let index = || prop::sample::select(&[0u8, 1, 2, 31, 32, 62, 63][..]);
        prop_oneof![
            3 => (index(), any::<u32>(), any::<u32>()).prop_map(|(i, p, c)| Step::Set(i, p, c)),
            2 => (index(), any::<u32>(), any::<u32>())
                .prop_map(|(i, p, c)| Step::SetInPlace(i, p, c)),
            2 => index().prop_map(Step::Clear),
            3 => (index(), prop::sample::select(&[0u16, 1, 2, 3, u16::MAX][..]))
                .prop_map(|(i, n)| Step::Refs(i, n)),
            1 => Just(Step::StoreAndLoad),
        ]
    }

    fn encode(group: &Group) -> Vec<u8> {
        let mut out = Vec::new();
        group.encode_into(&mut out);
        assert_eq!(out.len(), group.encoded_bytes());
        out
    }

    type Model = BTreeMap<u8, BlockRef>;

    fn apply(group: &mut Group, model: &mut Model, step: Step) {
        match step {
            Step::Set(index, place, crc) => {
                group.set(index, place, crc);
                let refs = model.get(&index).map_or(1, |b| b.refs);
                model.insert(index, BlockRef { place, crc, refs });
            }
            Step::SetInPlace(index, place, crc) => {
                let mut bytes = encode(group);
                let set = set_in_place(&mut bytes, index, place, crc);
                assert_eq!(set, model.contains_key(&index));
                if let Some(block) = model.get_mut(&index) {
                    (block.place, block.crc) = (place, crc);
                }
                *group = Group::decode(&bytes).unwrap();
            }
            Step::Clear(index) => {
                group.clear(index);
                model.remove(&index);
            }
            Step::Refs(index, refs) => {
                let Some(block) = model.get_mut(&index) else { return };
                block.refs = refs;
                group.set_refs(index, refs);
                if refs == 0 {
                    model.remove(&index);
                }
            }
            Step::StoreAndLoad => *group = Group::decode(&encode(group)).unwrap(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_group_is_a_map(steps in prop::collection::vec(step(), 0..40)) {
            let (mut group, mut model) = (Group::default(), Model::new());
            for step in steps {
                apply(&mut group, &mut model, step);
                let bytes = encode(&group);
                let stored = GroupRef::new(&bytes).unwrap();
                prop_assert_eq!(&stored.iter().collect::<Model>(), &model);
                prop_assert_eq!(&group.iter().collect::<Model>(), &model);
                for index in 0..=255 {
                    prop_assert_eq!(stored.get(index), model.get(&index).copied());
                    prop_assert_eq!(group.get(index), model.get(&index).copied());
                }
                prop_assert_eq!(group.is_empty(), model.is_empty());
                prop_assert_eq!(stored.is_empty(), model.is_empty());
                prop_assert_eq!(stored.count() as usize, model.len());
            }
        }

        /// Whatever is taken is stored again as it was.
        #[test]
        fn any_bytes_are_refused_or_a_group(
            present in any::<u64>(),
            shared in any::<u64>(),
            mut rest in prop::collection::vec(any::<u8>(), 0..700),
            right_length: bool,
            index: u8,
        ) {
            let shared = if right_length { shared & present } else { shared };
            if right_length {
                rest.resize((present.count_ones() * 8 + shared.count_ones() * 2) as usize, 7);
            }
            let mut bytes = [&present.to_le_bytes()[..], &shared.to_le_bytes(), &rest].concat();
            if let Ok(group) = Group::decode(&bytes) {
                prop_assert_eq!(encode(&group), &bytes[..]);
            }
            set_in_place(&mut bytes, index, 1, 2);
        }
    }

    /// The note's 8.25 bytes per block of a dense group.
    #[test]
    fn a_full_group_takes_528_bytes() {
        let mut group = Group::default();
        (0..64).for_each(|i| group.set(i, i as u32, !0));
        assert_eq!(encode(&group).len(), 528);
        group.set_refs(63, 2);
        assert_eq!(encode(&group).len(), 530);
    }

    #[test]
    fn impossible_groups_are_refused() {
        let mut group = Group::default();
        group.set(3, 1, 2);
        group.set_refs(3, 2);
        let good = encode(&group);
        assert!(GroupRef::new(&good).is_ok());
        let mut count_of_one = good.clone();
        count_of_one[24] = 1;
        let mut shared_not_present = good.clone();
        shared_not_present[0] = 16;
        for bad in [&good[..25], &count_of_one, &shared_not_present, &[&good[..], &[0]].concat()] {
            assert!(GroupRef::new(bad).is_err(), "{bad:?}");
        }
    }
}
