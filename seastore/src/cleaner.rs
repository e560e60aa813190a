//! Cleaner: moves live blocks out of segments of records when free ones get few.
//!
//! It reads a victim from its start. The records say which logical addresses were written there,
//! the LBA tree says which of them still are. Those are verified and appended to a segment of the
//! cleaner's own, in records of the same form; when they are durable, a `Move` in the journal gives
//! up the old places. A crash at any moment finds each block in one of the two places.

use crate::change::reader::ChangeReader;
use crate::change::{self, Change, Moved};
use crate::event::{Corrupt, StoreError, StoreEvent};
use crate::fetch::{FetchKey, Waiter, nobody};
use crate::format::BLOCK;
use crate::journal::{front, gather};
use crate::pages::{MissingPage, PageId, Pages};
use crate::record::{COLD, FIRST, HEADER_BYTES, RAW, RecordHeader};
use crate::segments::{Segments, Use};
use crate::space::{RESERVE_CLEANER, RESERVE_FREEING};
use crate::store::{Io, Phase, Store};
use crate::touch::{Needs, Toucher};
use crate::tree::TreeError;
use bytes::Bytes;
use std::collections::VecDeque;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};

/// One step reads at most so many blocks, unless a record is larger. A record of moved blocks has
/// no more.
const STEP_BLOCKS: u32 = 256;
/// Victims at once.
const VICTIMS_MAX: usize = 4;
/// Blocks that were read, or are being read, and are not at their new place, at most.
const UNDER_WAY_MAX: u32 = 4 * STEP_BLOCKS;
/// Live blocks of so many reads, each of which stays in memory, are worth a record even if they do
/// not fill it: there are few, so what is gained is worth the header many times.
const READS_KEPT_MAX: u32 = 3;
/// Keys or blocks of garbage that one step removes.
const COLLECT_STEPS: u32 = 512;

/// A block that was written to the victim.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    laddr: u64,
    place: u32,
}

/// A live block on its way.
struct Live {
    moved: Moved,
    crc: u32,
    block: Bytes,
}

/// What went into one record: the place of the first block, and where they were.
struct Part {
    to: u32,
    moves: Vec<Moved>,
    /// Device writes that have not ended.
    waiting: u32,
}

enum State {
    /// What follows is to be read, if there is more.
    Next,
    Reading {
        blocks: u32,
    },
    /// Waits for pages of the LBA tree.
    Looking {
        start: u32,
        buf: Bytes,
        candidates: Vec<Candidate>,
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
    /// Blocks that the last steps gain once the segment is free.
    gain: u32,
    /// Blocks of it that are on their way.
    left: u32,
    /// What cleaning it gains, as it was when that began.
    dead: u32,
}

/// Where moved blocks are appended, one record after the other.
#[derive(Default)]
struct Head {
    /// Segment and block.
    at: Option<(u32, u32)>,
    /// What waits to be written: until it fills a record, or nothing else is left to do. A record
    /// of its own for the few live blocks of each step would cost a header each.
    pool: Vec<Live>,
    /// The reads that the pool keeps in memory, about.
    reads_kept: u32,
    /// In order. One in each segment: it is appended to in order on every kind of device.
    writing: VecDeque<Part>,
}

impl Head {
    /// Blocks that the next record may take of its segment, of `blocks`: 0 if it needs another one,
    /// since header and one block do not fit.
    fn left(&self, blocks: u32) -> u32 {
        self.at.map_or(0, |(_, at)| if blocks - at < 2 { 0 } else { blocks - at })
    }
    /// The same, of the segment that it will be in; and how many of them hold data, at most.
    fn room(&self, blocks: u32) -> (u32, usize) {
        let left = self.left(blocks);
        let room = if left == 0 { blocks } else { left };
        (room, room.min(STEP_BLOCKS) as usize - 1)
    }
}

/// Who waits for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Look { segment: u32 },
    Moves,
}

#[derive(Default)]
pub(crate) struct Cleaner {
    victims: Vec<Victim>,
    /// For blocks that move for the first time, and for those that moved before. What is left of a
    /// journal segment is cold data and hot data that are about to die; without a place of their
    /// own the latter make every cold segment sparse soon.
    heads: [Head; 2],
    /// Written; the journal is to be told.
    moves: VecDeque<Part>,
    sequence: u64,
    /// One at a time: it needs the pages of one step together, which may be more than the cache
    /// holds.
    waits: Option<Wait>,
    /// Somebody waited for pages, and none has been evicted since.
    fed: bool,
    /// Pages to be made dirty once they are in memory.
    rewrites: Vec<PageId>,
    /// While segments are cleaned, operations begin until the journal has appended so many blocks.
    allowance: u64,
}
impl Cleaner {
    pub fn is_cleaning(&self) -> bool {
        !self.victims.is_empty()
    }
    pub fn waits_for_pages(&self) -> bool {
        self.waits.is_some()
    }
    /// Whether `who` may ask for pages.
    fn may_wait(&mut self, who: Wait) -> bool {
        if self.waits.is_none() && !self.fed {
            self.waits = Some(who);
        }
        self.waits == Some(who)
    }
    fn waited(&mut self, who: Wait) {
        if self.waits == Some(who) {
            self.waits = None;
            self.fed = true;
        }
    }
    /// Blocks that are read or wait to be written.
    fn under_way(&self) -> u32 {
        let of_victim = |v: &Victim| match &v.state {
            State::Next => 0,
            State::Reading { blocks } => *blocks,
            State::Looking { buf, .. } => (buf.len() / BLOCK_SIZE) as u32,
        };
        let of_head =
            |h: &Head| h.pool.len() + h.writing.iter().map(|p| p.moves.len()).sum::<usize>();
        let heads: usize = self.heads.iter().map(of_head).sum();
        self.victims.iter().map(of_victim).sum::<u32>() + heads as u32
    }
    /// Nothing happens unless something new is begun.
    fn is_still(&self) -> bool {
        self.moves.is_empty()
            && self.heads.iter().all(|h| h.writing.is_empty())
            && self.victims.iter().all(|v| matches!(v.state, State::Next))
    }
    fn victim_of(&mut self, segment: u32) -> Option<&mut Victim> {
        self.victims.iter_mut().find(|v| v.segment == segment)
    }
}

fn by_victim<'a>(segments: &'a Segments, moves: &'a [Moved]) -> impl Iterator<Item = &'a [Moved]> {
    moves.chunk_by(|a, b| segments.of(a.from) == segments.of(b.from))
}

impl Store {
    /// Does what can be done without waiting. Only at the end of a turn.
    pub(crate) fn step_cleaner(&mut self) {
        self.finish_rewrites();
        if self.cleaner.victims.is_empty() || !self.is_below_wanted() {
            self.cleaner.allowance = self.journal.appended + self.segments.blocks() as u64;
        }
        loop {
            if std::mem::take(&mut self.cleaner.fed) {
                self.evict_pages();
            }
            while matches!(self.phase, Phase::Ready) && self.one_round() {}
            if !self.cleaner.fed {
                break;
            }
        }
        if matches!(self.phase, Phase::Ready) {
            self.say_room();
        }
    }

    /// Whether there is more to do without waiting.
    fn one_round(&mut self) -> bool {
        let mut goes_on = self.apply_moves();
        goes_on |= self.step_victims();
        goes_on |= self.write_record(0, false) | self.write_record(1, false);
        goes_on || self.is_short() && self.choose_victim() || self.write_rest()
    }

    /// Pages that the cleaner waited for came in, or did not.
    pub(crate) fn continue_cleaner(&mut self) {
        self.finish_rewrites();
        match self.cleaner.waits {
            Some(Wait::Moves) => drop(self.apply_moves()),
            Some(Wait::Look { .. }) => drop(self.step_victims()),
            None => {}
        }
    }

    /// Whether something changed.
    fn step_victims(&mut self) -> bool {
        let mut changed = false;
        let mut i = 0;
        while i < self.cleaner.victims.len() && matches!(self.phase, Phase::Ready) {
            let mut victim = self.cleaner.victims.swap_remove(i);
            changed |= match std::mem::replace(&mut victim.state, State::Next) {
                State::Next if victim.at < self.segments.blocks() => self.read_step(&mut victim),
                State::Next => false,
                State::Looking { start, buf, candidates } => {
                    self.sort_out(&mut victim, start, buf, candidates)
                }
                reading => {
                    victim.state = reading;
                    false
                }
            };
            let read = matches!(victim.state, State::Next) && victim.at >= self.segments.blocks();
            if read && victim.left == 0 {
                self.earn(victim.gain);
                self.end_visit(&victim);
                changed = true;
                continue;
            }
            self.cleaner.victims.push(victim);
            let last = self.cleaner.victims.len() - 1;
            self.cleaner.victims.swap(i, last);
            i += 1;
        }
        changed
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
        !self.cleaner.victims.is_empty()
            && self.is_below_wanted()
            && self.journal.appended >= self.cleaner.allowance
    }

    /// Begins with another victim.
    fn choose_victim(&mut self) -> bool {
        let under_way = self.cleaner.victims.len();
        let waiting: usize = self.cleaner.heads.iter().map(|h| h.pool.len()).sum();
        // Another one is better than a record for the last few blocks.
        let few = (1..STEP_BLOCKS as usize / 2).contains(&waiting);
        if under_way >= VICTIMS_MAX || self.is_busy() || self.will_do() && !few {
            return false;
        }
        if self.segments.free_count() <= self.checkpoint_segments() && !self.journal.is_idle() {
            // What was cleaned before is free once the journal is durable; until then another
            // victim would take what a checkpoint needs.
            return false;
        }
        let newest = self.journal.newest();
        let Some(segment) = self.segments.victim(self.journal.start, newest) else {
            if under_way == 0 {
                self.look_for_pages();
            }
            return false;
        };
        if under_way > 0 && !self.has_output_for(segment) {
            return false;
        }
        let blocks = self.segments.blocks();
        let s = self.segments.get(segment);
        s.cleaning = true;
        let dead = blocks - s.live;
        self.cleaner.victims.push(Victim {
            segment,
            at: 0,
            sequence: 0,
            state: State::Next,
            bad: false,
            least: 1,
            gain: 0,
            left: 0,
            dead,
        });
        true
    }

    /// Whether what the victims gain is worth their work by itself. Where each gains little, the live
    /// blocks of several fill records; otherwise more of them at once only make operations wait.
    fn is_busy(&self) -> bool {
        let dead: u32 = self.cleaner.victims.iter().map(|v| v.dead).sum();
        dead >= self.segments.blocks() / 8 * 3
    }

    /// Whether the victims, and those before them that are free once the journal is durable, will
    /// gain as much as is wanted.
    fn will_do(&self) -> bool {
        let blocks = self.segments.blocks() as u64;
        let dying = self.segments.dying(self.journal.start);
        let under_way = self.cleaner.victims.iter().map(|v| v.segment).chain(dying);
        let gain = |segment| blocks - self.segments.all[segment as usize].live as u64;
        let gain: u64 = under_way.map(gain).sum();
        let free = self.segments.free_count() + self.discarder.under_way();
        gain > 0 && free * blocks + gain >= self.free_wanted() * blocks
    }

    /// Whether what lives in the victims and in one more finds a place, also when operations have
    /// taken all that they may and the journal goes on in another segment to tell of it.
    fn has_output_for(&self, segment: u32) -> bool {
        let blocks = self.segments.blocks();
        let mut live = [0, 0];
        for segment in self.cleaner.victims.iter().map(|v| v.segment).chain([segment]) {
            let s = &self.segments.all[segment as usize];
            live[s.cold as usize] += s.live;
        }
        let segments = |(live, head): (u32, &Head)| {
            let left = head.at.map_or(0, |(_, at)| blocks - at);
            // Of each segment, headers take some.
            live.saturating_sub(left).div_ceil(blocks - blocks.div_ceil(32)) as u64
        };
        let wanted: u64 = live.into_iter().zip(&self.cleaner.heads).map(segments).sum();
        let reserve = RESERVE_CLEANER + RESERVE_FREEING;
        wanted < reserve && self.checkpoint_segments() + wanted < self.segments.free_count()
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
    }

    /// Asks for the next part, unless too much is under way. `true`: there is no need, nothing in it
    /// is live any more.
    fn read_step(&mut self, victim: &mut Victim) -> bool {
        if self.segments.all[victim.segment as usize].live == 0 {
            victim.gain += self.segments.blocks() - victim.at;
            victim.at = self.segments.blocks();
            return true;
        }
        let left = self.readable_blocks(victim.segment).saturating_sub(victim.at);
        if left == 0 {
            victim.gain += self.segments.blocks() - victim.at;
            victim.at = self.segments.blocks();
            return true;
        }
        let blocks = STEP_BLOCKS.max(victim.least).min(left);
        let under_way = self.cleaner.under_way();
        if under_way + blocks > UNDER_WAY_MAX && !self.cleaner.is_still() {
            return false;
        }
        let place = self.segments.start(victim.segment) + victim.at;
        let offset = self.journal.device_offset(place);
        let segment = victim.segment;
        self.read_device(Io::Clean { segment }, offset, blocks as usize * BLOCK_SIZE);
        victim.state = State::Reading { blocks };
        false
    }

    pub(crate) fn on_clean_read(&mut self, segment: u32, result: Result<Bytes, IoError>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        let Some(i) = self.cleaner.victims.iter().position(|v| v.segment == segment) else {
            return;
        };
        let mut victim = self.cleaner.victims.swap_remove(i);
        let start = self.segments.start(segment) + victim.at;
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
        self.cleaner.victims.push(victim);
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
                // One that a crash has torn ends before its length: behind a zone's write pointer
                // nothing can be read.
                if victim.at + at + total > self.readable_blocks(victim.segment) {
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
        victim.gain += next - victim.at;
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

    /// Which of the candidates are live, for the pool. `false`: pages are missing.
    fn sort_out(
        &mut self,
        victim: &mut Victim,
        start: u32,
        buf: Bytes,
        candidates: Vec<Candidate>,
    ) -> bool {
        let wait = Wait::Look { segment: victim.segment };
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
            if self.cleaner.may_wait(wait) {
                for id in missing {
                    self.want(FetchKey::Page(id), Waiter::Cleaner);
                }
            }
            victim.state = State::Looking { start, buf, candidates };
            return false;
        }
        self.cleaner.waited(wait);
        let generation = self.segments.all[victim.segment as usize].cold as usize;
        let before = self.cleaner.heads[generation].pool.len();
        live.sort_unstable_by_key(|(c, _): &(Candidate, u32)| c.laddr);
        live.dedup_by_key(|(c, _)| c.laddr);
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
            let moved = Moved { laddr: c.laddr, from: c.place };
            self.cleaner.heads[generation].pool.push(Live { moved, crc, block });
        }
        let head = &mut self.cleaner.heads[generation];
        let found = (head.pool.len() - before) as u32;
        head.reads_kept += (found > 0) as u32;
        victim.left += found;
        victim.gain = victim.gain.saturating_sub(found);
        true
    }

    /// Writes what waits though it fills no record, where nothing else is to be done: the larger
    /// pool, and not both, since once the victims of one are free there may be room for others that
    /// fill the second. Where victims gain little, blocks of either age live long, and a header
    /// costs more than a few of them among the others: there it is filled up from the second.
    fn write_rest(&mut self) -> bool {
        if !self.cleaner.is_still() {
            return false;
        }
        let mixes = self.cleaner.victims.iter().all(|v| v.dead < self.segments.blocks() / 4);
        let [first, moved_before] = &mut self.cleaner.heads;
        let generation = (moved_before.pool.len() > first.pool.len()) as usize;
        let (large, small) =
            if generation == 0 { (first, moved_before) } else { (moved_before, first) };
        let (_, most) = large.room(self.segments.blocks());
        let more = most.saturating_sub(large.pool.len()).min(small.pool.len());
        if mixes {
            large.pool.extend(small.pool.drain(..more));
        }
        self.write_record(generation, true)
    }

    /// Appends live blocks to a segment of the cleaner's: a full record, or with `rest` what there
    /// is. `false`: there is no such record, or another is being written to the segment.
    fn write_record(&mut self, generation: usize, rest: bool) -> bool {
        let blocks = self.segments.blocks();
        let head = &mut self.cleaner.heads[generation];
        let left = head.left(blocks);
        let (room, most) = head.room(blocks);
        let enough = head.pool.len() >= most || head.reads_kept >= READS_KEPT_MAX || rest;
        let segments = &self.segments;
        let is_here = |part: &Part| head.at.is_some_and(|(s, _)| s == segments.of(part.to));
        let busy = left > 0 && head.writing.iter().any(is_here);
        if busy || head.pool.is_empty() || !enough || !matches!(self.phase, Phase::Ready) {
            return false;
        }
        if left == 0 {
            if let Some((segment, at)) = head.at.take() {
                self.segments.seal(segment, Use::Closed, at);
            }
            let Some(segment) = self.segments.allocate(Use::Cold) else {
                self.fail(StoreError::ReserveExhausted);
                return false;
            };
            head.at = Some((segment, 0));
        }
        let (segment, at) = head.at.expect("just taken");
        let place = self.segments.start(segment) + at;
        let (now, header_blocks) = self.take_record(generation, most, room);
        let moves: Vec<Moved> = now.iter().map(|live| live.moved).collect();
        let to = place + header_blocks;
        let mut deltas = Vec::with_capacity(header_blocks as usize * BLOCK_SIZE);
        let mut place_of_next = to;
        for moves in by_victim(&self.segments, &moves) {
            change::put_move(&mut deltas, place_of_next, moves);
            place_of_next += moves.len() as u32;
        }
        let mut crc_of_crcs = !0;
        for live in &now {
            crc_of_crcs = crc32c(crc_of_crcs, &live.crc.to_le_bytes());
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
            data_blocks: moves.len() as u32,
            data_crc: crc_of_crcs,
            next: 0,
        };
        let mut encoded = [0; HEADER_BYTES];
        header.encode(&self.journal.home(place), &mut encoded);
        let front = front(&encoded, &deltas, header_blocks);
        let data: Vec<Bytes> = now.into_iter().map(|live| live.block).collect();
        let offset = self.journal.device_offset(place);
        let mut waiting = 0;
        for (offset, buf) in gather(&*self.journal.memory, front, &data, offset) {
            self.counters.device_bytes += buf.len() as u64;
            self.counters.cleaner_bytes += buf.len() as u64;
            self.write_device(
                Io::Cold { generation, to, device_offset: offset },
                offset,
                buf,
                true,
            );
            waiting += 1;
        }
        // Until the moves are applied nothing says that the blocks are live.
        let newest = self.journal.newest();
        let s = self.segments.get(segment);
        s.readers += 1;
        s.last_sequence = newest;
        let head = &mut self.cleaner.heads[generation];
        head.at = Some((segment, at + header_blocks + moves.len() as u32));
        head.writing.push_back(Part { to, moves, waiting });
        true
    }

    /// Takes what goes into one record of at most `room` blocks with at most `most` of data, those
    /// that wait longest, and says how many its header takes. In order of their
    /// addresses: neighbours come to lie together, and what the journal is told of them is short;
    /// for the same reason it is told of each victim's for itself.
    fn take_record(&mut self, generation: usize, most: usize, room: u32) -> (Vec<Live>, u32) {
        let (segments, head) = (&self.segments, &mut self.cleaner.heads[generation]);
        let pool = &mut head.pool;
        let mut count = pool.len().min(most);
        let header_blocks = loop {
            pool[..count].sort_by_key(|l| (segments.of(l.moved.from), l.moved.laddr));
            let moves: Vec<Moved> = pool[..count].iter().map(|live| live.moved).collect();
            let bytes: usize = by_victim(segments, &moves).map(change::move_bytes).sum();
            let header_blocks = ((HEADER_BYTES + bytes) as u64).div_ceil(BLOCK) as u32;
            if header_blocks + count as u32 <= room {
                break header_blocks;
            }
            count -= 1;
        };
        let rest = pool.split_off(count);
        head.reads_kept = !rest.is_empty() as u32;
        (std::mem::replace(&mut head.pool, rest), header_blocks)
    }

    pub(crate) fn on_cold_written(
        &mut self,
        generation: usize,
        to: u32,
        device_offset: u64,
        result: Result<(), IoError>,
    ) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        if let Err(error) = result {
            self.fail(StoreError::WriteFailed { device_offset, error });
            return;
        }
        let writing = &mut self.cleaner.heads[generation].writing;
        let Some(i) = writing.iter().position(|part| part.to == to) else { return };
        writing[i].waiting -= 1;
        if writing[i].waiting == 0 {
            self.cleaner.moves.extend(writing.remove(i));
        }
    }

    /// Tells the journal of what was written. `false`: there is nothing, or pages are missing.
    fn apply_moves(&mut self) -> bool {
        let mut applied = false;
        while let Some(part) = self.cleaner.moves.pop_front() {
            let needs = self.needs_of(&part.moves);
            let there = needs.is_empty();
            if !there && self.fetching.error_of(&needs).is_none() {
                if self.cleaner.may_wait(Wait::Moves) {
                    for id in needs.pages {
                        self.want(FetchKey::Page(id), Waiter::Cleaner);
                    }
                }
                self.cleaner.moves.push_front(part);
                break;
            }
            self.cleaner.waited(Wait::Moves);
            self.apply_part(&part, there);
            applied = true;
        }
        applied
    }

    /// `there`: all pages are; otherwise some cannot be read.
    fn apply_part(&mut self, part: &Part, there: bool) {
        let mut to = part.to;
        let counts: Vec<usize> = by_victim(&self.segments, &part.moves).map(<[_]>::len).collect();
        let mut rest = &part.moves[..];
        for count in counts {
            let (moves, others) = rest.split_at(count);
            rest = others;
            if there {
                self.change(Change::Move { to, moves: moves.to_vec() });
            } else {
                // Each block for itself: whatever hangs on such a page stays where it is.
                for (to, moved) in (to..).zip(moves) {
                    if self.needs_of(&[*moved]).is_empty() {
                        self.change(Change::Move { to, moves: vec![*moved] });
                    }
                }
            }
            to += count as u32;
            let segment = self.segments.of(moves[0].from);
            let Some(victim) = self.cleaner.victim_of(segment) else { continue };
            victim.bad |= !there;
            victim.left -= count as u32;
            let gain = std::mem::take(&mut victim.gain);
            self.earn(gain);
        }
        let segment = self.segments.of(part.to);
        self.segments.reader_left(segment);
    }

    fn needs_of(&self, moves: &[Moved]) -> Needs {
        let never = |_| true;
        let mut toucher = Toucher::new(&self.meta, &never);
        moves.iter().for_each(|m| toucher.laddrs(m.laddr, 1));
        toucher.needs
    }

    /// Whether there is something to remove in the background, and it can be.
    pub(crate) fn collects_garbage(&self) -> bool {
        let never = |_| true;
        let mut toucher = Toucher::new(&self.meta, &never);
        toucher.collect(1);
        !self.meta.garbage.is_empty() && self.fetching.error_of(&toucher.needs).is_none()
    }

    /// Takes a step in removing what is left to the background.
    pub(crate) fn collect_garbage(&mut self) {
        if self.meta.garbage.is_empty() || !self.queue.is_empty() && !self.is_held() {
            return;
        }
        let never = |_| true;
        let needs_of = |steps| {
            let mut toucher = Toucher::new(&self.meta, &never);
            toucher.collect(steps);
            toucher.needs
        };
        // Less at once where the cache does not hold what many take together.
        let mut steps = (0..4).map(|i| COLLECT_STEPS >> (3 * i));
        if let Some(steps) = steps.find(|steps| needs_of(*steps).is_empty()) {
            self.change(Change::Collect { steps });
            self.meta.close();
            return;
        }
        for id in needs_of(COLLECT_STEPS).pages {
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
