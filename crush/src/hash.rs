//! The rjenkins1 hash of CRUSH, over one to five 32-bit words.
//!
//! Signed ids enter as their two's complement bits (`id as u32`).

const SEED: u32 = 1_315_423_911;
const X: u32 = 231_232;
const Y: u32 = 1232;

/// Robert Jenkins' 96-bit mix; nine steps, three rounds.
#[inline(always)]
fn mix(a: &mut u32, b: &mut u32, c: &mut u32) {
    *a = a.wrapping_sub(*b).wrapping_sub(*c) ^ (*c >> 13);
    *b = b.wrapping_sub(*c).wrapping_sub(*a) ^ (*a << 8);
    *c = c.wrapping_sub(*a).wrapping_sub(*b) ^ (*b >> 13);
    *a = a.wrapping_sub(*b).wrapping_sub(*c) ^ (*c >> 12);
    *b = b.wrapping_sub(*c).wrapping_sub(*a) ^ (*a << 16);
    *c = c.wrapping_sub(*a).wrapping_sub(*b) ^ (*b >> 5);
    *a = a.wrapping_sub(*b).wrapping_sub(*c) ^ (*c >> 3);
    *b = b.wrapping_sub(*c).wrapping_sub(*a) ^ (*a << 10);
    *c = c.wrapping_sub(*a).wrapping_sub(*b) ^ (*b >> 15);
}

pub fn hash1(mut a: u32) -> u32 {
    let mut h = SEED ^ a;
    let (mut b, mut x, mut y) = (a, X, Y);
    mix(&mut b, &mut x, &mut h);
    mix(&mut y, &mut a, &mut h);
    h
}

#[inline]
pub fn hash2(mut a: u32, mut b: u32) -> u32 {
    let mut h = SEED ^ a ^ b;
    let (mut x, mut y) = (X, Y);
    mix(&mut a, &mut b, &mut h);
    mix(&mut x, &mut a, &mut h);
    mix(&mut b, &mut y, &mut h);
    h
}

#[inline(always)]
pub fn hash3(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    let mut h = SEED ^ a ^ b ^ c;
    let (mut x, mut y) = (X, Y);
    mix(&mut a, &mut b, &mut h);
    mix(&mut c, &mut x, &mut h);
    mix(&mut y, &mut a, &mut h);
    mix(&mut b, &mut x, &mut h);
    mix(&mut y, &mut c, &mut h);
    h
}

#[inline(always)]
pub fn hash4(mut a: u32, mut b: u32, mut c: u32, mut d: u32) -> u32 {
    let mut h = SEED ^ a ^ b ^ c ^ d;
    let (mut x, mut y) = (X, Y);
    mix(&mut a, &mut b, &mut h);
    mix(&mut c, &mut d, &mut h);
    mix(&mut a, &mut x, &mut h);
    mix(&mut y, &mut b, &mut h);
    mix(&mut c, &mut x, &mut h);
    mix(&mut y, &mut d, &mut h);
    h
}

pub fn hash5(mut a: u32, mut b: u32, mut c: u32, mut d: u32, mut e: u32) -> u32 {
    let mut h = SEED ^ a ^ b ^ c ^ d ^ e;
    let (mut x, mut y) = (X, Y);
    mix(&mut a, &mut b, &mut h);
    mix(&mut c, &mut d, &mut h);
    mix(&mut e, &mut x, &mut h);
    mix(&mut y, &mut a, &mut h);
    mix(&mut b, &mut x, &mut h);
    mix(&mut y, &mut c, &mut h);
    mix(&mut d, &mut x, &mut h);
    mix(&mut y, &mut e, &mut h);
    h
}

/// How many items [`hash3_lanes`] hashes at once.
pub const LANES: usize = 8;

type Lanes = [u32; LANES];

/// `a - b - c`, lane by lane.
#[inline(always)]
fn sub2(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i].wrapping_sub(b[i]).wrapping_sub(c[i]))
}

#[inline(always)]
fn xor_right<const BITS: u32>(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] ^ (b[i] >> BITS))
}

#[inline(always)]
fn xor_left<const BITS: u32>(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] ^ (b[i] << BITS))
}

/// [`mix`] in every lane.
#[inline(always)]
fn mix_lanes(a: &mut Lanes, b: &mut Lanes, c: &mut Lanes) {
    *a = xor_right::<13>(sub2(*a, *b, *c), *c);
    *b = xor_left::<8>(sub2(*b, *c, *a), *a);
    *c = xor_right::<13>(sub2(*c, *a, *b), *b);
    *a = xor_right::<12>(sub2(*a, *b, *c), *c);
    *b = xor_left::<16>(sub2(*b, *c, *a), *a);
    *c = xor_right::<5>(sub2(*c, *a, *b), *b);
    *a = xor_right::<3>(sub2(*a, *b, *c), *c);
    *b = xor_left::<10>(sub2(*b, *c, *a), *a);
    *c = xor_right::<15>(sub2(*c, *a, *b), *b);
}

/// `hash3(a, item, c)` for eight items; most of the cost of a straw2 choice. The steps of one hash
/// wait for each other. Going step by step through all lanes lets the compiler keep them in vector
/// registers and the processor work on two vectors at once: a tenth to a quarter faster than a loop
/// over whole hashes.
#[inline(never)]
pub fn hash3_lanes(a: u32, items: &[i32; LANES], c: u32) -> [u32; LANES] {
    let mut b = items.map(|item| item as u32);
    let mut h = b.map(|b| SEED ^ a ^ b ^ c);
    let (mut a, mut c, mut x, mut y) = ([a; LANES], [c; LANES], [X; LANES], [Y; LANES]);
    mix_lanes(&mut a, &mut b, &mut h);
    mix_lanes(&mut c, &mut x, &mut h);
    mix_lanes(&mut y, &mut a, &mut h);
    mix_lanes(&mut b, &mut x, &mut h);
    mix_lanes(&mut y, &mut c, &mut h);
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_equal_single_hashes() {
        let items = [0, 1, -1, -77, i32::MAX, i32::MIN, 9999, 5];
        let lanes = hash3_lanes(0x1234, &items, 3);
        for (lane, item) in lanes.iter().zip(items) {
            assert_eq!(*lane, hash3(0x1234, item as u32, 3));
        }
    }
}
