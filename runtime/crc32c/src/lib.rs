//! crc32c for inputs of any length: see [`crc32c`].
//!
//! A crate of its own, below `types`: calling a processor's instruction is `unsafe`, which core crates
//! do not have. It knows nothing of ours and does no I/O.

use crc_fast::{CrcAlgorithm, Digest};

#[cfg(target_arch = "x86_64")]
mod wide;

/// From this length on crc-fast is as fast: each instruction waits for the one before it, its wide vectors do
/// not.
const LONG_BYTES_MIN: usize = 384;

/// crc32c with Ceph's convention: the caller gives the seed and there is no inversion, so
/// `crc32c(crc32c(s, a), b) == crc32c(s, ab)`.
#[inline]
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    match bytes.len() {
        wide::BYTES_MIN.. if wide::is_here() => {
            // SAFETY: the only condition of `wide::crc32c` is that the processor has what was just asked for.
            // Without it 4 KiB would take what they take of crc-fast, 79 ns in the place of 58, and 256 bytes
            // 24 in that of 13.
            return unsafe { wide::crc32c(seed, bytes) };
        }
        ..LONG_BYTES_MIN if std::is_x86_feature_detected!("sse4.2") => {
            // SAFETY: the only condition of `short` is that the processor has SSE 4.2, and it was just
            // asked. Without it short inputs would take what they take of crc-fast, twice as long.
            return unsafe { short(seed, bytes) };
        }
        _ => {}
    }
    long(seed, bytes)
}

/// Eight bytes an instruction, wherever they begin, and the rest in at most three.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
fn short(seed: u32, bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u16, _mm_crc32_u32, _mm_crc32_u64};
    let (words, mut rest) = bytes.as_chunks();
    let wide = words.iter().fold(seed as u64, |crc, w| _mm_crc32_u64(crc, u64::from_le_bytes(*w)));
    // The upper half is zero.
    let mut crc = wide as u32;
    if let Some((word, behind)) = rest.split_first_chunk() {
        crc = _mm_crc32_u32(crc, u32::from_le_bytes(*word));
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk() {
        crc = _mm_crc32_u16(crc, u16::from_le_bytes(*word));
        rest = behind;
    }
    rest.iter().fold(crc, |crc, byte| _mm_crc32_u8(crc, *byte))
}

/// The library's way, on every processor.
fn long(seed: u32, bytes: &[u8]) -> u32 {
    match seed {
        _ if bytes.is_empty() => seed,
        // As the library does by itself, without making a digest for it.
        0xffff_ffff => !crc_fast::crc32_iscsi(bytes),
        _ => {
            let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, seed.into());
            digest.update(bytes);
            // The state is what `finalize` would invert; it has 32 bits.
            digest.get_state() as u32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, bit by bit.
    fn step(crc: u32, byte: u8) -> u32 {
        (0..8)
            .fold(crc ^ byte as u32, |c, _| if c & 1 == 1 { c >> 1 ^ 0x82f6_3b78 } else { c >> 1 })
    }

    fn check_every_length(len_max: usize, computed: impl Fn(u32, &[u8]) -> u32) {
        let mix = |i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8;
        let bytes: Vec<u8> = (0..len_max as u32 + 64).map(mix).collect();
        for seed in [0, !0, 0xdead_beef] {
            for from in [0, 1, 2, 3, 5, 8, 13, 63] {
                let mut expected = seed;
                for len in 0..=len_max {
                    let input = &bytes[from..from + len];
                    assert_eq!(computed(seed, input), expected, "{seed:#x} {from} {len}");
                    expected = step(expected, bytes[from + len]);
                }
            }
        }
    }

    #[test]
    fn every_length_is_the_polynomials() {
        check_every_length(9000, crc32c);
    }

    /// Other processors take it for short inputs too.
    #[test]
    fn the_librarys_way_is_the_same() {
        check_every_length(600, long);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_instructions_way_has_no_bound_of_its_own() {
        if std::is_x86_feature_detected!("sse4.2") {
            // SAFETY: the processor has SSE 4.2.
            check_every_length(600, |seed, bytes| unsafe { short(seed, bytes) });
        }
    }

    #[test]
    fn catalogued_value() {
        assert_eq!(crc32c(!0, b"123456789"), !0xe306_9283);
        assert_eq!(crc32c(7, b""), 7);
    }
}
