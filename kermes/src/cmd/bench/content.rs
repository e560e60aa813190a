//! What benches write: every word of every 512 bytes says which object, which part of it and which
//! generation it is of.

use bytes::Bytes;
use types::node::aligned_buf;

/// Unit of content, and the least size of an operation, bytes.
pub const UNIT: usize = 512;
/// Objects are of this size.
pub const OBJECT_BYTES: u64 = 4 << 20;
const WORDS: usize = UNIT / 8;
/// Words of a unit that name it: object, offset, generation.
const STAMP: usize = 3;

/// Whether objects can be read and written in blocks of `bs` bytes.
pub fn check_block(bs: u64) -> anyhow::Result<()> {
    anyhow::ensure!(
        bs.is_power_of_two() && (UNIT as u64..=OBJECT_BYTES).contains(&bs),
        "--bs {bs}: must be a power of two from 512 to 4M"
    );
    Ok(())
}

/// Noise that is the same in every unit, and mixed with a number of the unit's own.
pub struct Content {
    noise: [u64; WORDS],
}

/// What tells a unit from every other.
fn mix(object: u64, offset: u64, generation: u64) -> u64 {
    let mut x = object.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ offset.rotate_left(32).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        ^ generation.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

impl Content {
    pub fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut noise = [0; WORDS];
        for word in &mut noise {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state;
        }
        Self { noise }
    }

    fn unit(&self, object: u64, offset: u64, generation: u64) -> [u8; UNIT] {
        let own = mix(object, offset, generation);
        let mut unit = [0; UNIT];
        let words = unit.as_chunks_mut::<8>().0;
        for (word, noise) in words.iter_mut().zip(&self.noise) {
            *word = (noise ^ own).to_le_bytes();
        }
        words[..STAMP].copy_from_slice(&[object, offset, generation].map(u64::to_le_bytes));
        unit
    }

    /// Of object `object` from `offset`; both `offset` and `len` are multiples of [`UNIT`].
    pub fn make(&self, object: u64, offset: u64, generation: u64, len: usize) -> Bytes {
        let mut buf = aligned_buf(len);
        for at in (offset..).step_by(UNIT).take(len / UNIT) {
            buf.extend_from_slice(&self.unit(object, at, generation));
        }
        buf.freeze()
    }

    /// The least and the greatest generation of the units of `data`. `None` if any of them is not
    /// what [`Content::make`] gives for that place, or there is none.
    pub fn generations(&self, object: u64, offset: u64, data: &[u8]) -> Option<(u64, u64)> {
        let (units, rest) = data.as_chunks::<UNIT>();
        let mut found: Option<(u64, u64)> = None;
        for (unit, at) in units.iter().zip((offset..).step_by(UNIT)) {
            let generation = u64::from_le_bytes(unit[16..24].try_into().expect("8 bytes"));
            if *unit != self.unit(object, at, generation) {
                return None;
            }
            let (least, most) = found.unwrap_or((generation, generation));
            found = Some((least.min(generation), most.max(generation)));
        }
        found.filter(|_| rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_again_and_nothing_else_is() {
        let content = Content::new();
        let data = content.make(7, 8192, 5, 4096);
        assert_eq!(data.len(), 4096);
        assert_eq!(content.generations(7, 8192, &data), Some((5, 5)));
        assert_eq!(content.generations(8, 8192, &data), None);
        assert_eq!(content.generations(7, 4096, &data), None);
        assert_eq!(content.generations(7, 8192, &data[..4000]), None);
        assert_eq!(content.generations(7, 8192, &[]), None);
        for at in [0, 17, 600, 4095] {
            let mut rotten = data.to_vec();
            rotten[at] ^= 1;
            assert_eq!(content.generations(7, 8192, &rotten), None, "{at}");
        }
    }

    #[test]
    fn what_two_writes_left_is_told_from_either() {
        let content = Content::new();
        let (old, new) = (content.make(1, 0, 3, 1024), content.make(1, 0, 4, 1024));
        let torn = [&new[..512], &old[512..]].concat();
        assert_eq!(content.generations(1, 0, &torn), Some((3, 4)));
        // Torn within a unit: the rest is of another generation than the stamp.
        let torn = [&new[..700], &old[700..]].concat();
        assert_eq!(content.generations(1, 0, &torn), None);
    }
}
