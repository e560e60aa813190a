//! Hash map with a fixed hash function: fast, and the same order in every run, so that simulations
//! replay. Keys that an attacker chooses do not go in here; use a `BTreeMap` for those.
#![allow(clippy::disallowed_types)]

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Multiplicative hash over 64-bit words.
#[derive(Default, Clone, Copy)]
pub struct FixedHasher(u64);

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for FixedHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    }
    fn write_u32(&mut self, word: u32) {
        self.write_u64(word as u64)
    }
    fn write_u8(&mut self, word: u8) {
        self.write_u64(word as u64)
    }
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64)
    }
}

pub type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<FixedHasher>>;
pub type FixedSet<K> = HashSet<K, BuildHasherDefault<FixedHasher>>;
