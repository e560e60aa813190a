//! What the bench writes: every 512 bytes say which object and which part of it they are.

use bytes::Bytes;
use types::node::aligned_buf;

/// Unit of content, and the least size of an operation, bytes.
pub const UNIT: usize = 512;
const STAMP: usize = 16;

/// The same noise in every unit, after its stamp.
pub struct Content {
    noise: [u8; UNIT],
}

impl Content {
    pub fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut noise = [0; UNIT];
        for word in noise.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        Self { noise }
    }

    /// Of object `index` from `offset`; both `offset` and `len` are multiples of [`UNIT`].
    pub fn make(&self, index: u64, offset: u64, len: usize) -> Bytes {
        let mut buf = aligned_buf(len);
        for at in (offset..).step_by(UNIT).take(len / UNIT) {
            buf.extend_from_slice(&index.to_le_bytes());
            buf.extend_from_slice(&at.to_le_bytes());
            buf.extend_from_slice(&self.noise[STAMP..]);
        }
        buf.freeze()
    }

    /// Whether `data` is what [`Content::make`] gave.
    pub fn is_at(&self, index: u64, offset: u64, data: &[u8]) -> bool {
        let (units, rest) = data.as_chunks::<UNIT>();
        rest.is_empty()
            && units.iter().zip((offset..).step_by(UNIT)).all(|(unit, at)| {
                unit[..8] == index.to_le_bytes()
                    && unit[8..STAMP] == at.to_le_bytes()
                    && unit[STAMP..] == self.noise[STAMP..]
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_again_and_nothing_else_is() {
        let content = Content::new();
        let data = content.make(7, 8192, 4096);
        assert_eq!(data.len(), 4096);
        assert!(content.is_at(7, 8192, &data));
        assert!(!content.is_at(8, 8192, &data));
        assert!(!content.is_at(7, 4096, &data));
        assert!(!content.is_at(7, 8192, &data[..4000]));
        let mut rotten = data.to_vec();
        rotten[4095] ^= 1;
        assert!(!content.is_at(7, 8192, &rotten));
    }
}
