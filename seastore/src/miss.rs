//! Metadata that is not in memory: what an access answers then, and a mode for tests in which that
//! happens although all metadata are in memory.

use crate::event::{ReadError, StoreEffect, StoreEvent};
use crate::format::BLOCK;
use crate::store::{Io, Phase, Store};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::BTreeMap;
use types::HObject;
use types::node::IoError;

/// Metadata that is not in memory. Give it to [`Store::fetch`]; the access is tried again after
/// [`StoreEvent::Fetched`].
///
/// Whoever looks at several things starts over with all of them. That ends: what was fetched stays
/// in memory at least until its event has been handled, and longer where there is room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss(u64);

impl Miss {
    /// A miss of no store, for tests of code that hands one on.
    pub fn for_tests(n: u64) -> Self {
        Self(n)
    }
}

/// Accesses for which fetched metadata stays in memory.
const KEPT: u64 = 256;

/// What an access needs, as coarse as pages are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Onode,
    Omap,
    List,
}

/// Which accesses miss, in the mode for tests.
#[derive(Debug)]
pub(crate) struct Misses {
    random: u64,
    accesses: u64,
    /// What was fetched, and up to which access it stays.
    kept: BTreeMap<u64, u64>,
    /// By token.
    fetches: BTreeMap<u64, u64>,
}

impl Misses {
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { random, accesses: 0, kept: BTreeMap::new(), fetches: BTreeMap::new() }
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
        if self.draw().is_multiple_of(one_in as u64) { Err(Miss(key)) } else { Ok(()) }
    }

    fn keep(&mut self, key: u64) {
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
    /// Whether what `o`'s `part` needs is in memory.
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

    /// Brings what an access has missed into memory. [`StoreEvent::Fetched`] with `token` follows.
    pub fn fetch(&mut self, miss: &Miss, token: u64, fx: &mut Vec<StoreEffect>) {
        if let Phase::Failed(e) = &self.phase {
            let result = Err(ReadError::Failed(*e));
            self.events.push(StoreEvent::Fetched { token, result });
            return;
        }
        if let Some(misses) = &mut self.misses {
            misses.get_mut().fetches.insert(token, miss.0);
        }
        // All metadata are in memory; the read makes the answer take as long as one would.
        let io = self.new_io(Io::Fetch { token });
        let offset = self.device_offset(0);
        fx.push(StoreEffect::Read { io, offset, len: BLOCK as usize });
    }

    pub(crate) fn on_fetch(&mut self, token: u64, result: Result<Bytes, IoError>) {
        let Some(misses) = &mut self.misses else { return };
        // After a failure nobody waits any more.
        let Some(key) = misses.get_mut().fetches.remove(&token) else { return };
        let result = match result {
            Ok(_) => {
                misses.get_mut().keep(key);
                Ok(())
            }
            Err(error) => {
                let device_offset = self.device_offset(0);
                Err(ReadError::Metadata { device_offset, error: Some(error) })
            }
        };
        self.events.push(StoreEvent::Fetched { token, result });
    }

    /// The tokens of all fetches under way, which are forgotten.
    pub(crate) fn take_fetches(&mut self) -> Vec<u64> {
        let fetches = self.misses.as_mut().map(|m| std::mem::take(&mut m.get_mut().fetches));
        fetches.unwrap_or_default().into_keys().collect()
    }
}
