//! Cleaner: moves live blocks out of segments of records when free ones get few.
//!
//! It reads a victim from its start. The records say which logical addresses were written there,
//! the LBA tree says which of them still are. Those are verified and appended to a segment of the
//! cleaner's own, in records of the same form; when they are durable, a `Move` in the journal gives
//! up the old places. A crash at any moment finds each block in one of the two places.

use crate::change::reader::ChangeReader;
use crate::change::{self, Change, Moved};
use crate::event::{Corrupt, StoreEffect, StoreError, StoreEvent};
use crate::fetch::{FetchKey, Waiter, nobody};
use crate::format::BLOCK;
use crate::journal::gather;
use crate::pages::{MissingPage, PageId, Pages};
use crate::record::{COLD, FIRST, HEADER_BYTES, RAW, RecordHeader};
use crate::segments::Use;
use crate::space::{RESERVE_CLEANER, RESERVE_FREEING};
use crate::store::{Io, Phase, Store};
use crate::touch::Toucher;
use crate::tree::TreeError;
use bytes::Bytes;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError, aligned_buf};

/// One step reads at most so many blocks, unless a record is larger.
const STEP_BLOCKS: u32 = 256;
/// Keys or blocks of garbage that one step removes.
const COLLECT_STEPS: u32 = 512;

/// A block that was written to the victim: (logical address, its block in what was read).
#[derive(Debug, Clone, Copy)]
struct Candidate {
    laddr: u64,
    place: u32,
}

/// What went into one record: the place of the first block, and where they were.
type Part = (u32, Vec<Moved>);

enum State {
    /// What follows is to be read.
    Next,
    Reading,
    /// Waits for pages of the LBA tree.
    Looking {
        start: u32,
        buf: Bytes,
        candidates: Vec<Candidate>,
    },
    /// The live ones are on their way to their new place.
    Writing {
        waiting: u32,
        parts: Vec<Part>,
    },
    /// Waits for pages to apply the moves.
    Moving {
        parts: Vec<Part>,
    },
}

/// A segment being cleaned.
struct Victim {
    segment: u32,
    /// Next block to read, within the segment.
    at: u32,
    /// Of the last record seen: older ones behind it are of an earlier use of the segment.
    sequence: u64,
    state: State,
    /// Something in it could not be moved.
    bad: bool,
    /// The next read is of at least so many blocks.
    least: u32,
    /// Blocks that the last step gains once the segment is free.
    gain: u32,
}

#[derive(Default)]
pub(crate) struct Cleaner {
    victim: Option<Victim>,
    /// Where blocks are appended that move for the first time, and those that moved before: segment
    /// and block. What is left of a journal segment is cold data and hot data that are about to
    /// die; without a place of their own the latter make every cold segment sparse soon.
    heads: [Option<(u32, u32)>; 2],
    sequence: u64,
    /// Pages to be made dirty once they are in memory.
    rewrites: Vec<PageId>,
    /// While segments are cleaned, operations begin until the journal has appended so many blocks.
    allowance: u64,
}
impl Cleaner {
    pub fn is_cleaning(&self) -> bool {
        self.victim.is_some()
    }
    /// It needs the pages of one step together, which may be more than the cache holds.
    pub fn waits_for_pages(&self) -> bool {
        let waits = |v: &Victim| matches!(v.state, State::Looking { .. } | State::Moving { .. });
        self.victim.as_ref().is_some_and(waits)
    }
}

impl Store {
    pub(crate) fn step_cleaner(&mut self) {
        self.finish_rewrites();
        if self.cleaner.victim.is_none() {
            self.cleaner.allowance = self.journal.appended + self.segments.blocks() as u64;
        }
        while self.cleaner.victim.is_some() || self.is_short() {
            if !matches!(self.phase, Phase::Ready) || !self.one_step() {
                return;
            }
        }
    }

    /// Whether there is more to do without waiting.
    fn one_step(&mut self) -> bool {
        if self.cleaner.victim.is_none() && !self.choose_victim() {
            return false;
        }
        let Some(mut victim) = self.cleaner.victim.take() else { return false };
        let goes_on = match std::mem::replace(&mut victim.state, State::Next) {
            State::Next => {
                self.earn(std::mem::take(&mut victim.gain));
                if victim.at >= self.segments.blocks() {
                    self.end_visit(&victim);
                    return true;
                }
                self.read_step(&mut victim)
            }
            State::Looking { start, buf, candidates } => {
                self.sort_out(&mut victim, start, buf, candidates)
            }
            State::Moving { parts } => self.apply_moves(&mut victim, parts),
            waiting => {
                victim.state = waiting;
                false
            }
        };
        self.cleaner.victim = Some(victim);
        goes_on
    }

    /// Pages that the cleaner waited for came in.
    pub(crate) fn continue_cleaner(&mut self) {
        self.step_cleaner();
    }

    /// Lets operations write as much as a step of the cleaner gains: more while there is more room
    /// than half a segment, less when there is less. So they go on in small steps all the time, and
    /// do not use up what is left to wait then for whole segments.
    fn earn(&mut self, gain: u32) {
        let segment = self.segments.blocks() as u64;
        let room = self.writable_bytes(RESERVE_CLEANER + RESERVE_FREEING) / BLOCK;
        // From a quarter of the gain to four times as much.
        let share = (room * 8 / segment).clamp(1, 16);
        let most = self.journal.appended + segment;
        self.cleaner.allowance = most.min(self.cleaner.allowance + gain as u64 * share / 4);
    }
    /// Whether operations have written what the cleaner allows.
    pub(crate) fn is_paced(&self) -> bool {
        self.cleaner.victim.is_some()
            && self.segments.free_count() + self.discarder.under_way() < self.free_wanted()
            && self.journal.appended >= self.cleaner.allowance
    }

    fn choose_victim(&mut self) -> bool {
        if self.segments.free_count() <= self.checkpoint_segments() && !self.journal.is_idle() {
            // What was cleaned before is free once the journal is durable; until then another
            // victim would take what a checkpoint needs.
            return false;
        }
        let newest = self.journal.newest();
        let Some(segment) = self.segments.victim(self.journal.start, newest) else {
            self.look_for_pages();
            return false;
        };
        let s = self.segments.get(segment);
        s.cleaning = true;
        self.cleaner.victim = Some(Victim {
            segment,
            at: 0,
            sequence: 0,
            state: State::Next,
            bad: false,
            least: 1,
            gain: 0,
        });
        true
    }

    /// No segment of records gains anything. Segments that the last checkpoint has not passed may be
    /// emptier after the next one. Those of pages are emptied by one: where nothing was written since
    /// the last, nobody else would begin it.
    fn look_for_pages(&mut self) {
        if self.checkpointer.is_some() || self.cleaner.waits_for_pages() {
            return;
        }
        let written = |s: &Self| s.journal.blocks > 0 || s.meta.pager.dirty_bytes() > 0;
        if !written(self) && self.cleaner.rewrites.is_empty() {
            let blocks = self.dirty_bytes_wanted() as u64 / BLOCK;
            let sparse = self.segments.sparse_meta(blocks as u32);
            self.empty_meta_segments(&sparse);
        }
        self.checkpoint_wanted |= written(self);
    }

    fn end_visit(&mut self, victim: &Victim) {
        self.counters.segments_cleaned += 1;
        let s = self.segments.get(victim.segment);
        s.cleaning = false;
        if victim.bad || s.live > 0 {
            s.visits += 1;
        }
        self.segments.changed();
        self.reap_segments();
        self.say_room();
    }

    /// Asks for the next part. `true`: there is no need, nothing in it is live any more.
    fn read_step(&mut self, victim: &mut Victim) -> bool {
        if self.segments.all[victim.segment as usize].live == 0 {
            victim.gain = self.segments.blocks() - victim.at;
            victim.at = self.segments.blocks();
            return true;
        }
        let left = self.segments.blocks() - victim.at;
        let blocks = STEP_BLOCKS.max(victim.least).min(left);
        let place = self.segments.start(victim.segment) + victim.at;
        let offset = self.journal.device_offset(place);
        self.read_device(Io::Clean, offset, blocks as usize * BLOCK_SIZE);
        victim.state = State::Reading;
        false
    }

    pub(crate) fn on_clean_read(&mut self, result: Result<Bytes, IoError>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        let Some(mut victim) = self.cleaner.victim.take() else { return };
        let State::Reading = victim.state else { return };
        let start = self.segments.start(victim.segment) + victim.at;
        match result {
            Ok(buf) => self.take_step(&mut victim, start, buf),
            Err(error) => {
                let device_offset = self.journal.device_offset(start);
                let object = nobody();
                self.events.push(StoreEvent::Unreadable { object, device_offset, error });
                victim.bad = true;
                victim.at = self.segments.blocks();
                victim.state = State::Next;
            }
        }
        self.cleaner.victim = Some(victim);
        self.step_cleaner();
    }

    /// Collects what the whole records in `buf` say was written to the victim.
    fn take_step(&mut self, victim: &mut Victim, start: u32, buf: Bytes) {
        let read = (buf.len() / BLOCK_SIZE) as u32;
        let mut candidates = Vec::new();
        let mut at = 0;
        let mut ended = false;
        while at < read {
            let bytes = buf.slice(at as usize * BLOCK_SIZE..);
            let header = RecordHeader::decode(&bytes, &self.journal.home(start + at));
            let Some(header) = header.filter(|h| h.sequence > victim.sequence) else {
                ended = true;
                break;
            };
            let total = header.total_blocks() as u32;
            if at + total > read {
                if victim.at + at + total > self.segments.blocks() {
                    ended = true;
                } else {
                    victim.least = total;
                }
                break;
            }
            victim.sequence = header.sequence;
            at += total;
            let deltas = bytes.slice(HEADER_BYTES..HEADER_BYTES + header.delta_bytes as usize);
            if crc32c(!0, &deltas) != header.delta_crc || header.flags & RAW != 0 {
                victim.bad |= header.flags & RAW == 0;
                continue;
            }
            self.candidates(victim, deltas, &mut candidates);
        }
        let next = if ended { self.segments.blocks() } else { victim.at + at };
        victim.gain = next - victim.at;
        victim.at = next;
        if at > 0 {
            victim.least = 1;
        }
        victim.state = State::Looking { start, buf, candidates };
    }

    fn candidates(&self, victim: &Victim, deltas: Bytes, out: &mut Vec<Candidate>) {
        let mut reader = ChangeReader::new(deltas, self.segments.end(), None);
        let own = |place: u32| self.segments.of(place) == victim.segment;
        while let Some(Ok(change)) = reader.next() {
            match change {
                Change::Write { runs, .. } => {
                    for run in runs {
                        for i in 0..run.blocks {
                            if own(run.place + i) {
                                let (laddr, place) = (run.laddr + i as u64, run.place + i);
                                out.push(Candidate { laddr, place });
                            }
                        }
                    }
                }
                Change::Move { to, moves } if own(to) => {
                    let places = to..;
                    let found = places.zip(moves);
                    out.extend(found.map(|(place, m)| Candidate { laddr: m.laddr, place }));
                }
                _ => {}
            }
        }
    }

    /// Which of the candidates are live. `false`: pages are missing.
    fn sort_out(
        &mut self,
        victim: &mut Victim,
        start: u32,
        buf: Bytes,
        candidates: Vec<Candidate>,
    ) -> bool {
        let mut live = Vec::new();
        let mut missing = Vec::new();
        for c in &candidates {
            match self.meta.block(c.laddr) {
                Ok(Some((place, crc, _))) if place == c.place => live.push((*c, crc)),
                Ok(_) => {}
                Err(TreeError::Missing(MissingPage(id))) => missing.push(id),
                Err(TreeError::Corrupt { .. }) => victim.bad = true,
            }
        }
        let unreadable = |id: &PageId| self.fetching.page_error(*id).is_some();
        if missing.iter().any(unreadable) {
            // Whatever hangs on that page stays where it is.
            victim.bad = true;
        } else if !missing.is_empty() {
            for id in missing {
                self.want(FetchKey::Page(id), Waiter::Cleaner);
            }
            victim.state = State::Looking { start, buf, candidates };
            return false;
        }
        let mut data = Vec::new();
        for (c, crc) in live {
            let from = (c.place - start) as usize * BLOCK_SIZE;
            let block = buf.slice(from..from + BLOCK_SIZE);
            let found = crc32c(!0, &block);
            if found != crc {
                victim.bad = true;
                let device_offset = self.journal.device_offset(c.place);
                let object = nobody();
                let corrupt = Corrupt { object, device_offset, expected: crc, found };
                self.events.push(StoreEvent::CorruptFound(corrupt));
                continue;
            }
            data.push((c, crc, block));
        }
        victim.gain = victim.gain.saturating_sub(data.len() as u32);
        // Neighbours come to lie together, and what the journal is told of them is short.
        data.sort_unstable_by_key(|(c, ..)| c.laddr);
        if data.is_empty() {
            victim.state = State::Next;
            return true;
        }
        self.write_cold(victim, data);
        false
    }

    /// Appends live blocks to the cleaner's segment.
    fn write_cold(&mut self, victim: &mut Victim, data: Vec<(Candidate, u32, Bytes)>) {
        let mut parts = Vec::new();
        let mut waiting = 0;
        let mut rest = &data[..];
        let generation = self.segments.all[victim.segment as usize].cold as usize;
        while !rest.is_empty() {
            let blocks = self.segments.blocks();
            let left = self.cleaner.heads[generation].map_or(0, |(_, at)| blocks - at);
            if left < 2 {
                if let Some((segment, _)) = self.cleaner.heads[generation].take() {
                    self.segments.get(segment).usage = Use::Closed;
                    self.segments.changed();
                }
                let Some(segment) = self.segments.allocate(Use::Cold) else {
                    self.fail(StoreError::ReserveExhausted);
                    return;
                };
                self.cleaner.heads[generation] = Some((segment, 0));
            }
            let (segment, at) = self.cleaner.heads[generation].expect("just taken");
            let place = self.segments.start(segment) + at;
            let mut count = rest.len().min((blocks - at) as usize - 1);
            let (header_blocks, moves, deltas) = loop {
                let moved =
                    |(c, ..): &(Candidate, u32, Bytes)| Moved { laddr: c.laddr, from: c.place };
                let moves: Vec<Moved> = rest[..count].iter().map(moved).collect();
                // How long it is does not depend on where the blocks go.
                let len = change::move_bytes(&moves);
                let header_blocks = ((HEADER_BYTES + len) as u64).div_ceil(BLOCK) as u32;
                if header_blocks + count as u32 <= blocks - at {
                    let mut deltas = Vec::with_capacity(len);
                    change::put_move(&mut deltas, place + header_blocks, &moves);
                    break (header_blocks, moves, deltas);
                }
                count -= 1;
            };
            let (now, later) = rest.split_at(count);
            rest = later;
            let mut crc_of_crcs = !0;
            for (_, crc, _) in now {
                crc_of_crcs = crc32c(crc_of_crcs, &crc.to_le_bytes());
            }
            self.cleaner.sequence = self.cleaner.sequence.max(self.journal.newest()) + 1;
            let header = RecordHeader {
                crc: 0,
                sequence: self.cleaner.sequence,
                flags: FIRST | COLD,
                previous: 0,
                durable: 0,
                nonce: self.config.nonce,
                delta_bytes: deltas.len() as u32,
                delta_crc: crc32c(!0, &deltas),
                header_blocks,
                data_blocks: count as u32,
                data_crc: crc_of_crcs,
                next: 0,
            };
            let mut front = aligned_buf(header_blocks as usize * BLOCK_SIZE);
            front.resize(HEADER_BYTES, 0);
            front.extend_from_slice(&deltas);
            front.resize(header_blocks as usize * BLOCK_SIZE, 0);
            header.encode(&self.journal.home(place), &mut front);
            let data = now.iter().map(|(_, _, block)| block.clone()).collect();
            for (offset, buf) in gather(front, data, self.journal.device_offset(place)) {
                self.counters.device_bytes += buf.len() as u64;
                self.counters.cleaner_bytes += buf.len() as u64;
                let io = self.new_io(Io::Cold { device_offset: offset });
                self.out.push(StoreEffect::Write { io, offset, buf, durable: true });
                waiting += 1;
            }
            // Until the moves are applied nothing says that the blocks are live.
            let newest = self.journal.newest();
            let s = self.segments.get(segment);
            s.readers += 1;
            s.last_sequence = newest;
            self.cleaner.heads[generation] = Some((segment, at + header_blocks + count as u32));
            parts.push((place + header_blocks, moves));
        }
        victim.state = State::Writing { waiting, parts };
    }

    pub(crate) fn on_cold_written(&mut self, device_offset: u64, result: Result<(), IoError>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        if let Err(error) = result {
            self.fail(StoreError::WriteFailed { device_offset, error });
            return;
        }
        let Some(victim) = &mut self.cleaner.victim else { return };
        let State::Writing { waiting, parts } = &mut victim.state else { return };
        *waiting -= 1;
        if *waiting == 0 {
            victim.state = State::Moving { parts: std::mem::take(parts) };
        }
        self.step_cleaner();
    }

    /// Applies the moves. `false`: pages are missing.
    fn apply_moves(&mut self, victim: &mut Victim, parts: Vec<Part>) -> bool {
        let never = |_| true;
        let mut toucher = Toucher::new(&self.meta, &never);
        let laddrs = parts.iter().flat_map(|(_, moves)| moves).map(|m| m.laddr);
        laddrs.for_each(|laddr| toucher.laddrs(laddr, 1));
        let needs = toucher.needs;
        let there = needs.is_empty();
        if !there && self.fetching.error_of(&needs).is_none() {
            for id in needs.pages {
                self.want(FetchKey::Page(id), Waiter::Cleaner);
            }
            victim.state = State::Moving { parts };
            return false;
        }
        victim.bad |= !there;
        for (to, moves) in parts {
            if there {
                self.change(Change::Move { to, moves });
            }
            let segment = self.segments.of(to);
            self.segments.reader_left(segment);
        }
        victim.state = State::Next;
        true
    }

    /// Takes a step in removing what is left to the background.
    pub(crate) fn collect_garbage(&mut self) {
        if self.meta.garbage.is_empty() || !self.queue.is_empty() {
            return;
        }
        let never = |_| true;
        let mut toucher = Toucher::new(&self.meta, &never);
        toucher.collect(COLLECT_STEPS);
        let needs = toucher.needs;
        if needs.is_empty() {
            self.change(Change::Collect { steps: COLLECT_STEPS });
            self.meta.close();
            return;
        }
        for id in needs.pages {
            self.want(FetchKey::Page(id), Waiter::Cleaner);
        }
    }

    /// Reads a page so that the next checkpoint writes it elsewhere.
    pub(crate) fn want_rewrite(&mut self, id: PageId) {
        self.cleaner.rewrites.push(id);
        self.want(FetchKey::Page(id), Waiter::Cleaner);
    }
    fn finish_rewrites(&mut self) {
        for id in std::mem::take(&mut self.cleaner.rewrites) {
            if self.meta.pager.is_resident(id) {
                self.meta.pager.rewrite(id);
            } else if self.meta.pager.place_of(id).is_some() {
                self.cleaner.rewrites.push(id);
            }
        }
    }
}
