//! A mode for tests in which accesses to metadata miss although what they need is in memory.

use crate::store::{Miss, MissKind, Phase, Store};
use std::cell::RefCell;
use std::collections::BTreeMap;
use types::HObject;

/// Accesses for which fetched metadata stays in memory.
const KEPT: u64 = 256;

/// What an access needs, as coarse as pages are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Onode,
    Omap,
    List,
}

/// Which accesses miss.
#[derive(Debug)]
pub(crate) struct Misses {
    random: u64,
    accesses: u64,
    /// What was fetched, and up to which access it stays.
    kept: BTreeMap<u64, u64>,
}

impl Misses {
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { random, accesses: 0, kept: BTreeMap::new() }
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 16
    }

    fn access(&mut self, key: u64, one_in: u32) -> Result<(), Miss> {
        self.accesses += 1;
        if self.kept.get(&key).is_some_and(|until| self.accesses <= *until) {
            return Ok(());
        }
        let misses = self.draw().is_multiple_of(one_in as u64);
        if misses { Err(Miss(MissKind::Injected(key))) } else { Ok(()) }
    }

    /// It was fetched.
    pub fn keep(&mut self, key: u64) {
        let now = self.accesses;
        self.kept.retain(|_, until| *until > now);
        self.kept.insert(key, now + KEPT);
    }
}

fn key_of(o: &HObject, part: Part) -> u64 {
    let names = [&o.nspace, &o.key, &o.name];
    let crc = names.iter().fold(o.hash, |crc, name| types::hash::crc32c(crc, name.as_bytes()));
    let pool = o.pool.0 as u64;
    (crc as u64 | (o.hash as u64) << 32).wrapping_add(pool << 20).wrapping_mul(4)
        + match part {
            Part::Onode => 0,
            Part::Omap => 1,
            Part::List => 2,
        }
}

impl Store {
    /// Whether an access to `o`'s `part` goes on.
    #[inline]
    pub(crate) fn need(&self, o: &HObject, part: Part) -> Result<(), Miss> {
        match &self.misses {
            None => Ok(()),
            Some(misses) => self.draw_miss(misses, o, part),
        }
    }

    #[cold]
    fn draw_miss(&self, misses: &RefCell<Misses>, o: &HObject, part: Part) -> Result<(), Miss> {
        if !matches!(self.phase, Phase::Ready) {
            return Ok(());
        }
        misses.borrow_mut().access(key_of(o, part), self.config.miss_one_in)
    }

    /// As [`Store::need`]; a miss comes after this many items, or after all if there are fewer.
    pub(crate) fn need_after(&self, o: &HObject, part: Part) -> Option<(usize, Miss)> {
        let miss = self.need(o, part).err()?;
        let items = self.misses.as_ref().map_or(0, |m| m.borrow_mut().draw() % 4);
        Some((items as usize, miss))
    }
}
