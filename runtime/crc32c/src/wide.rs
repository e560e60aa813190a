//! crc32c of longer inputs by AVX-512: 256 bytes at once are multiplied to where the next 256 are, and added.
//!
//! "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Gopal et al., 2009), in vectors of
//! four. Polynomials are least significant bit first, as crc32c is.

use std::arch::x86_64::*;

/// Below, finding the remainder of so many lanes takes longer than going word by word.
pub const BYTES_MIN: usize = 256;

/// Of so many bytes the last third goes word by word at the same time: the processor has other units for it.
const PAGE: usize = 4 << 10;
/// There, three lanes of words, as each of their instructions waits for the one before it in its lane.
const LANE_WORDS: usize = 56;
const LANE: usize = 8 * LANE_WORDS;
/// Words of a lane for each 256 bytes of the vectors.
const STEP: usize = 6;
/// Each 256 bytes but the first have a step, and what is left of a lane is less than one.
const _: () = assert!((PAGE - 3 * LANE) / 256 - 1 == LANE_WORDS / STEP);
const _: () = assert!((PAGE - 3 * LANE).is_multiple_of(64));

#[inline]
pub fn is_here() -> bool {
    std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("vpclmulqdq")
        && std::is_x86_feature_detected!("pclmulqdq")
        && std::is_x86_feature_detected!("sse4.2")
}

/// x^exponent modulo the polynomial.
const fn power(exponent: usize) -> u32 {
    let mut power = 1 << 31;
    let mut done = 0;
    while done < exponent {
        power = power >> 1 ^ if power & 1 == 1 { 0x82f6_3b78 } else { 0 };
        done += 1;
    }
    power
}

/// What the lower half of 128 bits, which are the higher powers, and the upper half are multiplied by to be `bytes`
/// further. A product of 64 and 32 bits, least significant bit first, lies in 128 bits as if it had a factor x^33.
const fn further(bytes: usize) -> [u32; 2] {
    [power(8 * bytes + 31), power(8 * bytes - 33)]
}

/// The same for a checksum, which lies in 64 bits and will be reduced once more: that is a factor x^32.
const fn behind(bytes: usize) -> u32 {
    power(8 * bytes - 33)
}

const GROUP: [u32; 2] = further(256);
const THREE_BLOCKS: [u32; 2] = further(192);
const TWO_BLOCKS: [u32; 2] = further(128);
const BLOCK: [u32; 2] = further(64);
/// Quarters of a block to the last one, which stays.
const QUARTERS: [[u32; 2]; 4] = [further(48), further(32), further(16), [0, 0]];
/// Over the lanes of words behind it.
const OVER: [u32; 3] = [behind(3 * LANE), behind(2 * LANE), behind(LANE)];

#[inline]
#[target_feature(enable = "avx512f")]
fn vector(factors: [[u32; 2]; 4]) -> __m512i {
    let [[a, b], [c, d], [e, f], [g, h]] = factors.map(|pair| pair.map(i64::from));
    _mm512_set_epi64(h, g, f, e, d, c, b, a)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(block: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes can be read behind the reference; the instruction asks for no alignment. Eight words that
    // are put together take an instruction each.
    unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
}

/// Each quarter of `x` times its `factors`, and `y` added.
#[inline]
#[target_feature(enable = "avx512f,vpclmulqdq")]
fn moved(x: __m512i, factors: __m512i, y: __m512i) -> __m512i {
    let lower = _mm512_clmulepi64_epi128::<0x00>(x, factors);
    let upper = _mm512_clmulepi64_epi128::<0x11>(x, factors);
    sum(lower, upper, y)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    const XOR_OF_THREE: i32 = 0x96;
    _mm512_ternarylogic_epi64::<XOR_OF_THREE>(a, b, c)
}

/// The product of two polynomials without carries.
#[inline]
#[target_feature(enable = "sse2,pclmulqdq")]
fn times(a: u64, b: u32) -> u64 {
    let (a, b) = (_mm_cvtsi64_si128(a as i64), _mm_cvtsi64_si128(b.into()));
    _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(a, b)) as u64
}

#[inline]
#[target_feature(enable = "sse4.2")]
fn word(crc: u64, word: &[u8; 8]) -> u64 {
    _mm_crc32_u64(crc, u64::from_le_bytes(*word))
}

/// Four blocks, and what was multiplied to where they are.
struct Group([__m512i; 4]);

impl Group {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn first(seed: u32, [a, b, c, d]: &[[u8; 64]; 4]) -> Self {
        let seed = _mm512_zextsi128_si512(_mm_cvtsi32_si128(seed as i32));
        Self([_mm512_xor_si512(load(a), seed), load(b), load(c), load(d)])
    }

    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq")]
    fn add(&mut self, [a, b, c, d]: &[[u8; 64]; 4]) {
        let (Self([w, x, y, z]), factors) = (self, vector([GROUP; 4]));
        *w = moved(*w, factors, load(a));
        *x = moved(*x, factors, load(b));
        *y = moved(*y, factors, load(c));
        *z = moved(*z, factors, load(d));
    }

    /// The checksum, with fewer than four `blocks` more.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq,sse4.2")]
    fn end(self, blocks: &[[u8; 64]]) -> u64 {
        let Self([a, b, c, d]) = self;
        let (zero, factors) = (_mm512_setzero_si512(), vector([BLOCK; 4]));
        let a = moved(a, vector([THREE_BLOCKS; 4]), zero);
        let b = moved(b, vector([TWO_BLOCKS; 4]), zero);
        let mut all = sum(a, b, moved(c, factors, d));
        for block in blocks {
            all = moved(all, factors, load(block));
        }
        let rest = moved(all, vector(QUARTERS), zero);
        let a = _mm512_extracti32x4_epi32::<0>(rest);
        let b = _mm512_extracti32x4_epi32::<1>(rest);
        let c = _mm512_extracti32x4_epi32::<2>(rest);
        let d = _mm512_extracti32x4_epi32::<3>(all);
        let one = _mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, d));
        let crc = _mm_crc32_u64(0, _mm_cvtsi128_si64(one) as u64);
        _mm_crc32_u64(crc, _mm_cvtsi128_si64(_mm_unpackhi_epi64(one, one)) as u64)
    }
}

/// See [`crate::crc32c`].
#[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.2")]
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    let (pages, rest) = bytes.as_chunks();
    let mut crc = seed;
    for bytes in pages {
        crc = page(crc, bytes);
    }
    let (blocks, tail) = rest.as_chunks();
    let (groups, blocks) = blocks.as_chunks();
    let mut tail = tail;
    let mut crc = u64::from(crc);
    match groups.split_first() {
        Some((first, groups)) => {
            let mut group = Group::first(crc as u32, first);
            groups.iter().for_each(|blocks| group.add(blocks));
            crc = group.end(blocks);
        }
        None => tail = rest,
    }
    let (words, tail) = tail.as_chunks();
    let crc = words.iter().fold(crc, |crc, bytes| word(crc, bytes));
    tail.iter().fold(crc as u32, |crc, byte| _mm_crc32_u8(crc, *byte))
}

#[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.2")]
fn page(seed: u32, bytes: &[u8; PAGE]) -> u32 {
    let (vectors, words) = bytes.split_at(PAGE - 3 * LANE);
    let (blocks, _) = vectors.as_chunks();
    let (groups, blocks) = blocks.as_chunks();
    let (first, groups) = groups.split_first().expect("a page is longer");
    let (words, _) = words.as_chunks();
    let (a, words) = words.split_at(LANE_WORDS);
    let (b, c) = words.split_at(LANE_WORDS);
    let ([a, b, c], [a_left, b_left, c_left]) = {
        let [(a, x), (b, y), (c, z)] = [a, b, c].map(|lane| lane.as_chunks::<STEP>());
        ([a, b, c], [x, y, z])
    };
    let mut group = Group::first(seed, first);
    let mut crcs = [0; 3];
    for (((blocks, a), b), c) in groups.iter().zip(a).zip(b).zip(c) {
        group.add(blocks);
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            crcs = [word(crcs[0], a), word(crcs[1], b), word(crcs[2], c)];
        }
    }
    for ((a, b), c) in a_left.iter().zip(b_left).zip(c_left) {
        crcs = [word(crcs[0], a), word(crcs[1], b), word(crcs[2], c)];
    }
    let [a, b, c] = crcs;
    let before = times(group.end(blocks), OVER[0]) ^ times(a, OVER[1]) ^ times(b, OVER[2]);
    (_mm_crc32_u64(0, before) ^ c) as u32
}
