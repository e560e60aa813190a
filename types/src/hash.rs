//! Hashes and checksums that Ceph's formats fix.

/// crc32c with Ceph's convention: the caller gives the seed and there is no inversion, so
/// `crc32c(crc32c(s, a), b) == crc32c(s, ab)`. Frames use seed 0 (preamble) or `!0`; maps use `!0`.
pub use crc32c::crc32c;

/// Folds a hash into `count` buckets so that growing `count` splits buckets in place
/// (ceph_stable_mod, Ceph src/include/rados.h). `mask` is the smallest 2^n - 1 >= count - 1.
pub fn stable_mod(x: u32, count: u32, mask: u32) -> u32 {
    if x & mask < count { x & mask } else { x & (mask >> 1) }
}

/// The mask of [`stable_mod`] for `count` buckets. `count` is at least 1.
pub fn pg_mask(count: u32) -> u32 {
    (count.max(1)).next_power_of_two() - 1
}

/// The hash of object names, `CEPH_STR_HASH_RJENKINS` (Jenkins' 1996 hash over 12-byte blocks).
pub fn str_hash_rjenkins(bytes: &[u8]) -> u32 {
    fn mix(v: &mut [u32; 3]) {
        let [mut a, mut b, mut c] = *v;
        a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 13);
        b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 8);
        c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 13);
        a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 12);
        b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 16);
        c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 5);
        a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 3);
        b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 10);
        c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 15);
        *v = [a, b, c];
    }
    let mut v = [0x9e37_79b9u32, 0x9e37_79b9, 0];
    let mut blocks = bytes.chunks_exact(12);
    for block in &mut blocks {
        for (i, word) in block.chunks_exact(4).enumerate() {
            v[i] = v[i].wrapping_add(u32::from_le_bytes(word.try_into().expect("4 bytes")));
        }
        mix(&mut v);
    }
    v[2] = v[2].wrapping_add(bytes.len() as u32);
    for (i, byte) in blocks.remainder().iter().enumerate() {
        // The low byte of the third word holds the length, so its bytes start one higher.
        let at = if i < 8 { i } else { i + 1 };
        v[at / 4] = v[at / 4].wrapping_add((*byte as u32) << (8 * (at % 4)));
    }
    mix(&mut v);
    v[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_chainable_and_uninverted() {
        assert_eq!(crc32c(!0, b""), !0);
        assert_eq!(crc32c(!0, b"123456789"), !0xe306_9283);
        assert_eq!(crc32c(crc32c(7, b"ab"), b"cd"), crc32c(7, b"abcd"));
    }

    /// Instructions are chosen by length and alignment: all of them agree with the definition.
    #[test]
    fn crc_of_every_length_is_the_polynomials() {
        let bytes: Vec<u8> =
            (0..6000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let step = |crc: u32, byte: u8| {
            (0..8).fold(
                crc ^ byte as u32,
                |c, _| if c & 1 == 1 { c >> 1 ^ 0x82f6_3b78 } else { c >> 1 },
            )
        };
        for seed in [0, 1, 0xdead_beef, !0] {
            for from in [0, 1, 7, 32] {
                let mut expected = seed;
                for (len, byte) in bytes[from..].iter().enumerate() {
                    if len < 1100 || len % 97 == 0 {
                        assert_eq!(
                            crc32c(seed, &bytes[from..from + len]),
                            expected,
                            "{from} {len}"
                        );
                    }
                    expected = step(expected, *byte);
                }
            }
        }
    }

    #[test]
    fn stable_mod_splits_in_place() {
        for count in 1..200 {
            for x in 0..1000 {
                let before = stable_mod(x, count, pg_mask(count));
                let after = stable_mod(x, count + 1, pg_mask(count + 1));
                assert!(after == before || after == count, "x {x} count {count}");
            }
        }
    }
}
