//! The journal's changes, applied in their order while pages that later ones need are on their way.
//!
//! Pages are asked for as changes are read, so that many reads are under way all the time and what
//! is applied waits for none that could have come earlier. It is only a guess: what comes in
//! between may alter what a change needs, or push a page out of the memory. So each change sees for
//! itself when it is its turn.
//!
//! Memory: `AHEAD_BYTES` of deltas, and one group of records, as at most about `AHEAD_CHANGES` changes;
//! pages asked for and not used yet fill a part of the cache.

use super::*;
use crate::change::Change;
use crate::change::reader::ChangeReader;
use crate::fetch::Waiter;
use crate::page::PAGE_BYTES;
use crate::pages::PageId;
use crate::touch::{Needs, Toucher};
use crate::txn::ObjectName;
use std::collections::BTreeMap;

/// Deltas of changes that wait to be applied, bytes: with fewer, more are decoded.
const AHEAD_BYTES: usize = 1 << 20;
/// Changes that wait to be applied: with fewer, more are decoded.
const AHEAD_CHANGES: usize = 8192;
/// Page reads under way.
const READS_MAX: usize = 128;
/// Pages asked for ahead take at most this part of the cache.
const CACHE_PART: usize = 32;
/// Pages that are asked for ahead however small the cache is.
const PAGES_MIN: usize = 8;
/// After so many changes in a row that have all they need nobody looks ahead, which takes a good part
/// of the time that applying them takes, until one has to wait.
const HITS: usize = 1024;
/// Changes applied before the device hears of what has been asked for.
const BATCH: usize = 16;

struct Next {
    change: Change,
    /// Pages asked for on its behalf.
    pages: u32,
    /// Of the deltas that are held for it and those before it.
    bytes: u32,
}

/// How far [`Store::replay`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replayed {
    /// Pages are under way.
    Waits,
    /// All that was read of the journal is applied.
    All,
}

#[derive(Default)]
pub(super) struct Replay {
    changes: VecDeque<Next>,
    /// Number of the first of them.
    first: u64,
    /// The pages of so many of them have been asked for.
    asked: usize,
    /// Sums over `changes`.
    pages: usize,
    bytes: usize,
    /// Pages under way, and numbers of the changes that asked for them.
    askers: BTreeMap<PageId, Vec<u64>>,
    /// Changes that may now see which pages they need besides one that has come.
    again: Vec<u64>,
    /// How many more that have all they need are looked at ahead.
    hits_left: usize,
    /// What the first change cannot do without.
    blocked_by: Vec<PageId>,
    /// Something has been applied since pages were last given up.
    applied: bool,
    /// Objects of which changes were passed over, and for what place of the device.
    pub outdated: BTreeMap<ObjectName, u64>,
}

impl Replay {
    /// A page has been read, or could not be. `leads_on`: it says which further pages are needed.
    pub fn arrived(&mut self, id: PageId, leads_on: bool) {
        let askers = self.askers.remove(&id).unwrap_or_default();
        if leads_on {
            self.again.extend(askers);
        }
        if self.blocked_by.contains(&id) {
            self.blocked_by.clear();
        }
    }

    /// The change comes after those that are there.
    pub fn push(&mut self, change: Change) {
        self.changes.push_back(Next { change, pages: 0, bytes: 0 });
    }

    fn take_first(&mut self) -> Option<Change> {
        let next = self.changes.pop_front()?;
        self.first += 1;
        self.asked = self.asked.saturating_sub(1);
        self.pages -= next.pages as usize;
        self.bytes -= next.bytes as usize;
        Some(next.change)
    }
}

impl Store {
    /// Applies what the records say, as far as can be without waiting.
    pub(super) fn replay(&mut self, mount: &mut Mount) -> Result<Replayed, StoreError> {
        let mut asked = 0;
        loop {
            self.decode_ahead(mount)?;
            asked += self.ask_ahead(&mut mount.replay);
            for _ in 0..BATCH {
                if !mount.replay.blocked_by.is_empty() || !self.replay_first(mount)? {
                    return Ok(Replayed::Waits);
                }
                if mount.replay.changes.is_empty() {
                    break;
                }
            }
            if std::mem::take(&mut mount.replay.applied) {
                self.meta.pager.evict();
            }
            if mount.replay.changes.is_empty() && !mount.chain.has_pieces() {
                return Ok(Replayed::All);
            }
            // Their reads begin when this returns, and go on with what is left when they end.
            if asked > 0 {
                return Ok(Replayed::Waits);
            }
        }
    }

    fn decode_ahead(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let replay = &mut mount.replay;
        while replay.bytes < AHEAD_BYTES
            && replay.changes.len() < AHEAD_CHANGES
            && let Some(piece) = mount.chain.take_piece()
        {
            let bytes = piece.len();
            for change in ChangeReader::new(piece, self.segments.end(), None) {
                let device_offset = self.journal.device_offset(0);
                let change = change.map_err(|_| StoreError::Undecodable { device_offset })?;
                replay.push(change);
            }
            if let Some(last) = replay.changes.back_mut() {
                last.bytes += bytes as u32;
                replay.bytes += bytes;
            }
        }
        Ok(())
    }

    /// Asks for the pages of changes whose turn has not come yet; says for how many.
    fn ask_ahead(&mut self, replay: &mut Replay) -> usize {
        let room = self.config.cache_bytes / CACHE_PART / PAGE_BYTES;
        let before = self.fetching.under_way();
        loop {
            let under_way = self.fetching.under_way();
            if under_way >= READS_MAX {
                return under_way - before;
            }
            let index = match replay.again.pop() {
                Some(number) if number < replay.first => continue,
                Some(number) => (number - replay.first) as usize,
                None if replay.asked < replay.changes.len()
                    && replay.pages < room.max(PAGES_MIN)
                    && replay.hits_left > 0 =>
                {
                    replay.asked += 1;
                    replay.asked - 1
                }
                None => return under_way - before,
            };
            let needs = self.needs_of_change(&replay.changes[index].change);
            replay.hits_left =
                if needs.pages.is_empty() { replay.hits_left.saturating_sub(1) } else { HITS };
            self.want_for_replay(replay, index, &needs.pages);
        }
    }

    fn want_for_replay(&mut self, replay: &mut Replay, index: usize, pages: &[PageId]) {
        for id in pages {
            self.want(FetchKey::Page(*id), Waiter::Mount);
            replay.askers.entry(*id).or_default().push(replay.first + index as u64);
        }
        replay.changes[index].pages += pages.len() as u32;
        replay.pages += pages.len();
    }

    /// Applies the first change. `false`: it waits for pages.
    fn replay_first(&mut self, mount: &mut Mount) -> Result<bool, StoreError> {
        let replay = &mut mount.replay;
        let Some(Next { change, .. }) = replay.changes.front() else { return Ok(true) };
        let passed = |o: Option<&ObjectName>| o.and_then(|o| replay.outdated.get(o).copied());
        if let Some(place) = passed(change.object()).or_else(|| passed(change.source())) {
            // It builds on what was passed over.
            self.pass_over(mount, place);
            return Ok(true);
        }
        let needs = self.needs_of_change(change);
        if needs.is_empty() {
            if let Some(change) = replay.take_first() {
                self.meta.apply(&change, &mut self.segments);
                self.meta.close();
                replay.applied = true;
            }
            return Ok(true);
        }
        if let Some(error) = self.fetching.error_of(&needs) {
            if !self.config.salvage {
                return Err(error.as_store_error());
            }
            self.pass_over(mount, error.device_offset());
            return Ok(true);
        }
        // The change may need more pages than the cache holds: none goes until it is applied.
        if std::mem::take(&mut replay.applied) {
            self.meta.pager.evict();
        }
        replay.asked = replay.asked.max(1);
        replay.hits_left = HITS;
        self.want_for_replay(replay, 0, &needs.pages);
        replay.blocked_by = needs.pages;
        Ok(false)
    }

    /// Leaves the next change out: its object stays as it was, whatever else is to become of it.
    fn pass_over(&mut self, mount: &mut Mount, device_offset: u64) {
        let Some(change) = mount.replay.take_first() else { return };
        self.name_outdated(mount, &change, device_offset);
    }

    fn needs_of_change(&self, change: &Change) -> Needs {
        let never = |_| true;
        let mut toucher = Toucher::new(&self.meta, &never);
        toucher.change(change);
        toucher.needs
    }
}
