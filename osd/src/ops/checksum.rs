//! The checksum op: xxhash32, xxhash64 or crc32c per chunk of an object.

use super::engine::{Context, DONE, OpResult};
use super::*;
use types::Reader;
use types::hash::crc32c;

const XXHASH32: u8 = 0;
const XXHASH64: u8 = 1;
const CRC32C: u8 = 2;

/// A checksum with its seed.
enum Sum {
    XxHash32(u32),
    XxHash64(u64),
    Crc32c(u32),
}

impl Sum {
    fn put(&self, bytes: &[u8], out: &mut Vec<u8>) {
        match *self {
            Self::XxHash32(seed) => xxhash32(seed, bytes).encode(out),
            Self::XxHash64(seed) => xxhash64(seed, bytes).encode(out),
            Self::Crc32c(seed) => crc32c(seed, bytes).encode(out),
        }
    }
}

impl Context<'_> {
    /// Output: count, then one checksum per chunk. `init` is the seed, 4 bytes or 8 for xxhash64.
    pub fn checksum(
        &self,
        kind: u8,
        offset: u64,
        mut len: u64,
        chunk_size: u32,
        init: &[u8],
        out: &mut Vec<Piece>,
    ) -> OpResult {
        let chunk_size = chunk_size as u64;
        if chunk_size > 0 && (len == 0 || !len.is_multiple_of(chunk_size)) {
            return Err(errno::EINVAL.into());
        }
        let size = self.info.size;
        if offset == 0 && len == 0 {
            len = size;
        } else if offset >= size {
            return DONE;
        } else if offset.saturating_add(len) > size {
            len = size - offset;
            if chunk_size > 0 && !len.is_multiple_of(chunk_size) {
                return Err(errno::EINVAL.into());
            }
        }
        let mut init = Reader::new(init);
        let sum = match kind {
            XXHASH32 => Sum::XxHash32(init.u32()?),
            XXHASH64 => Sum::XxHash64(init.u64()?),
            CRC32C => Sum::Crc32c(init.u32()?),
            _ => return Err(errno::EINVAL.into()),
        };
        let mut reply = Vec::new();
        if len == 0 {
            0u32.encode(&mut reply);
            out.push(Piece::Bytes(reply.into()));
            return DONE;
        }
        let bytes = self.bytes(self.stored(offset, len)?)?;
        if bytes.len() as u64 != len {
            // Bytes that this message itself has added cannot be read yet.
            return Err(errno::EINVAL.into());
        }
        let chunk = if chunk_size == 0 { bytes.len() } else { chunk_size as usize };
        let chunks = bytes.chunks_exact(chunk);
        (chunks.len() as u32).encode(&mut reply);
        chunks.for_each(|chunk| sum.put(chunk, &mut reply));
        out.push(Piece::Bytes(reply.into()));
        DONE
    }
}

const PRIME32: [u32; 5] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1];
const PRIME64: [u64; 5] = [
    0x9E37_79B1_85EB_CA87,
    0xC2B2_AE3D_27D4_EB4F,
    0x1656_67B1_9E37_79F9,
    0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
];

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("4 bytes"))
}
fn le64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("8 bytes"))
}

/// XXH32 (xxHash specification, section "XXH32 algorithm").
pub fn xxhash32(seed: u32, bytes: &[u8]) -> u32 {
    let [p1, p2, p3, p4, p5] = PRIME32;
    let round = |acc: u32, lane: u32| {
        acc.wrapping_add(lane.wrapping_mul(p2)).rotate_left(13).wrapping_mul(p1)
    };
    let stripes = bytes.chunks_exact(16);
    let mut rest = stripes.remainder();
    let mut hash = if bytes.len() < 16 {
        seed.wrapping_add(p5)
    } else {
        let mut acc = [
            seed.wrapping_add(p1).wrapping_add(p2),
            seed.wrapping_add(p2),
            seed,
            seed.wrapping_sub(p1),
        ];
        for stripe in stripes {
            for (acc, lane) in acc.iter_mut().zip(stripe.chunks_exact(4)) {
                *acc = round(*acc, le32(lane));
            }
        }
        let [a, b, c, d] = acc;
        a.rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18))
    };
    hash = hash.wrapping_add(bytes.len() as u32);
    while rest.len() >= 4 {
        hash =
            hash.wrapping_add(le32(&rest[..4]).wrapping_mul(p3)).rotate_left(17).wrapping_mul(p4);
        rest = &rest[4..];
    }
    for byte in rest {
        hash = hash.wrapping_add((*byte as u32).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 13)).wrapping_mul(p3);
    hash ^ (hash >> 16)
}

/// XXH64 (xxHash specification, section "XXH64 algorithm").
pub fn xxhash64(seed: u64, bytes: &[u8]) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIME64;
    let round = |acc: u64, lane: u64| {
        acc.wrapping_add(lane.wrapping_mul(p2)).rotate_left(31).wrapping_mul(p1)
    };
    let stripes = bytes.chunks_exact(32);
    let mut rest = stripes.remainder();
    let mut hash = if bytes.len() < 32 {
        seed.wrapping_add(p5)
    } else {
        let mut acc = [
            seed.wrapping_add(p1).wrapping_add(p2),
            seed.wrapping_add(p2),
            seed,
            seed.wrapping_sub(p1),
        ];
        for stripe in stripes {
            for (acc, lane) in acc.iter_mut().zip(stripe.chunks_exact(8)) {
                *acc = round(*acc, le64(lane));
            }
        }
        let [a, b, c, d] = acc;
        let mut hash = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        for lane in acc {
            hash = (hash ^ round(0, lane)).wrapping_mul(p1).wrapping_add(p4);
        }
        hash
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    while rest.len() >= 8 {
        hash =
            (hash ^ round(0, le64(&rest[..8]))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
        rest = &rest[8..];
    }
    if rest.len() >= 4 {
        hash = (hash ^ (le32(&rest[..4]) as u64).wrapping_mul(p1))
            .rotate_left(23)
            .wrapping_mul(p2)
            .wrapping_add(p3);
        rest = &rest[4..];
    }
    for byte in rest {
        hash = (hash ^ (*byte as u64).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the reference implementation.
    #[test]
    fn xxhash_agrees_with_the_reference() {
        assert_eq!(xxhash32(0, b""), 0x02CC_5D05);
        assert_eq!(xxhash32(0, b"abc"), 0x32D1_53FF);
        assert_eq!(xxhash64(0, b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxhash64(0, b"abc"), 0x44BC_2CF5_AD77_0999);
    }
}
