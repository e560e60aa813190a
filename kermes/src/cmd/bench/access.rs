//! Which block of which object comes next.

use clap::ValueEnum;

/// Of a hundred operations of the mixed pattern.
const MIXED_READS: u64 = 70;

/// The order in which blocks are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Read at random
    Randread,
    /// Overwrite at random
    Randwrite,
    /// 70 reads and 30 writes of a hundred, at random
    Mixed,
    /// Read one object after another, and begin again
    Seqread,
    /// Write one object after another, and begin again
    Seqwrite,
}

impl Access {
    pub fn writes(self) -> bool {
        matches!(self, Self::Randwrite | Self::Mixed | Self::Seqwrite)
    }
}

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    pub object: u64,
    /// Which block of it.
    pub block: u64,
    pub is_read: bool,
}

/// Random numbers, independent in their low bits, which are what is used: a xorshift* of 64 bits, of
/// whose state alone the low bits of one say the low bits of the next.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }
    /// 48 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

/// Chooses blocks in the order of an [`Access`].
#[derive(Debug, Clone)]
pub struct Chooser {
    access: Access,
    random: Random,
    sequence: u64,
}

impl Chooser {
    pub fn new(access: Access, seed: u64) -> Self {
        Self { access, random: Random::new(seed), sequence: 0 }
    }

    /// One of `objects` objects, each of so many blocks.
    pub fn next(&mut self, objects: u64, blocks_per_object: u64) -> Choice {
        let blocks = objects * blocks_per_object;
        let is_read = match self.access {
            Access::Randread | Access::Seqread => true,
            Access::Randwrite | Access::Seqwrite => false,
            Access::Mixed => self.random.next() % 100 < MIXED_READS,
        };
        let at = match self.access {
            Access::Seqread | Access::Seqwrite => {
                let at = self.sequence;
                self.sequence = (at + 1) % blocks;
                at
            }
            _ => self.random.next() % blocks,
        };
        Choice { object: at / blocks_per_object, block: at % blocks_per_object, is_read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_round_and_random_goes_everywhere() {
        let mut seq = Chooser::new(Access::Seqwrite, 7);
        let got: Vec<_> = (0..5).map(|_| seq.next(2, 2)).map(|c| (c.object, c.block)).collect();
        assert_eq!(got, [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0)]);
        let mut mixed = Chooser::new(Access::Mixed, 7);
        let got: Vec<_> = (0..10_000).map(|_| mixed.next(4, 4)).collect();
        let reads = got.iter().filter(|c| c.is_read).count();
        assert!((6800..7200).contains(&reads), "{reads}");
        for at in 0..16 {
            let hits = got.iter().filter(|c| c.object * 4 + c.block == at).count();
            assert!((500..750).contains(&hits), "{at}: {hits}");
        }
    }
}
