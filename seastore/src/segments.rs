//! Segment table: what each segment is used for, how much of it is live, when it may be reused.
//!
//! Places are block numbers from the start of the region's first segment.

use crate::table::Place;
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Free,
    /// Free once the device has answered.
    Discarding,
    /// The journal appends here.
    Journal,
    /// The journal goes on here; its records already say so.
    Next,
    /// The cleaner appends here.
    Cold,
    /// Checkpoints append here.
    Meta,
    /// Full of records.
    Closed,
    /// Full of pages.
    MetaClosed,
    /// Its zone takes no writes any more.
    Broken,
}

/// What a zoned device is told of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZoneEvent {
    /// It is written from its start on.
    Begun { segment: u32 },
    /// So many blocks of it are written, and no more will be.
    Ended { segment: u32, blocks: u32 },
}

#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub usage: Use,
    /// Blocks that the state as of the last submitted transaction refers to.
    pub live: u32,
    /// Blocks that died in transactions that are not durable yet, or in a checkpoint that is not.
    pub held: u32,
    /// Of the last record in it; of data that the cleaner moved, of the journal at that time.
    pub last_sequence: u64,
    /// The records in it are not part of the journal.
    pub cold: bool,
    /// Reads under way.
    pub readers: u32,
    /// The cleaner has been here so often and found what it could not move.
    pub visits: u8,
    /// The cleaner is here.
    pub cleaning: bool,
    /// Never free again: its zone takes no writes.
    pub broken: bool,
}

impl Segment {
    /// Nothing refers to it, durable or not, and nobody reads it.
    fn is_dead(&self) -> bool {
        self.live == 0 && self.held == 0 && self.readers == 0
    }
}

/// A segment with rotten data or a device that refuses to read it is cleaned so many times.
pub(crate) const VISITS_MAX: u8 = 8;

pub(crate) struct Segments {
    pub all: Vec<Segment>,
    /// Of a place, to its segment.
    shift: u32,
    /// Blocks of a segment, no more than lie between two starts.
    blocks: u32,
    free: VecDeque<u32>,
    /// Free as well; the device still keeps what they held.
    stale: VecDeque<u32>,
    /// Blocks that died since the last [`Segments::take_kills`]: (segment, blocks).
    kills: Vec<(u32, u32)>,
    /// Something happened that may have freed a segment.
    may_reap: bool,
    /// Deaths are durable at once: the journal is being replayed.
    pub replaying: bool,
    /// Segments that are broken.
    broken: u64,
    /// On a zoned device, what it has not been told yet.
    pub zone_events: Vec<ZoneEvent>,
    pub(crate) zoned: bool,
}

impl Segments {
    /// `count` segments of `bytes` each, which start every `stride` bytes, a power of two.
    pub fn new(count: u32, bytes: u64, stride: u64) -> Self {
        let blank = Segment {
            usage: Use::Free,
            live: 0,
            held: 0,
            last_sequence: 0,
            cold: false,
            readers: 0,
            visits: 0,
            cleaning: false,
            broken: false,
        };
        Self {
            all: vec![blank; count as usize],
            shift: (stride / crate::format::BLOCK).ilog2(),
            blocks: (bytes / crate::format::BLOCK) as u32,
            free: (0..count).collect(),
            stale: VecDeque::new(),
            kills: Vec::new(),
            may_reap: false,
            replaying: false,
            broken: 0,
            zone_events: Vec::new(),
            zoned: false,
        }
    }
    /// Blocks of a segment.
    pub fn blocks(&self) -> u32 {
        self.blocks
    }
    pub fn of(&self, place: u32) -> u32 {
        place >> self.shift
    }
    pub fn start(&self, segment: u32) -> u32 {
        segment << self.shift
    }
    /// Past the last block.
    pub fn end(&self) -> u32 {
        (self.all.len() as u32) << self.shift
    }
    /// The places of a segment.
    pub fn places(&self, segment: u32) -> std::ops::Range<u32> {
        self.start(segment)..self.start(segment) + self.blocks
    }
    pub fn free_count(&self) -> u64 {
        (self.free.len() + self.stale.len()) as u64
    }
    pub fn get(&mut self, segment: u32) -> &mut Segment {
        &mut self.all[segment as usize]
    }

    /// The segment that was freed first, rather one that the device knows to be free.
    pub fn allocate(&mut self, usage: Use) -> Option<u32> {
        let segment = self.free.pop_front().or_else(|| self.stale.pop_front())?;
        let s = self.get(segment);
        s.usage = usage;
        s.cold = usage == Use::Cold;
        s.last_sequence = 0;
        self.begin(segment);
        Some(segment)
    }
    /// A zoned device has to reset it before it is written.
    pub fn begin(&mut self, segment: u32) {
        if self.zoned {
            self.zone_events.push(ZoneEvent::Begun { segment });
        }
    }
    /// Nothing is written any more behind its first `blocks` blocks.
    pub fn seal(&mut self, segment: u32, usage: Use, blocks: u32) {
        self.get(segment).usage = usage;
        self.changed();
        if self.zoned {
            self.zone_events.push(ZoneEvent::Ended { segment, blocks });
        }
    }
    /// Never to be written again.
    pub fn set_broken(&mut self, segment: u32) {
        self.claim(segment, Use::Broken);
        self.get(segment).broken = true;
        self.broken += 1;
    }
    /// Segments that are, or will be, of use.
    pub fn sound_count(&self) -> u64 {
        self.all.len() as u64 - self.broken
    }
    /// Takes one particular segment, at mount. None is allocated before [`Segments::claimed`].
    pub fn claim(&mut self, segment: u32, usage: Use) {
        self.get(segment).usage = usage;
    }
    /// The free ones are those that nobody has claimed.
    pub fn claimed(&mut self) {
        let all = &self.all;
        self.free.retain(|s| all[*s as usize].usage == Use::Free);
    }

    /// A block of data is live there.
    pub fn birth(&mut self, place: u32) {
        self.all[(place >> self.shift) as usize].live += 1;
    }
    /// A block of data is of no more use.
    pub fn kill(&mut self, place: u32) {
        let segment = place >> self.shift;
        let s = &mut self.all[segment as usize];
        assert!(s.live > 0, "segment {segment}: more blocks die than live");
        s.live -= 1;
        if self.replaying {
            return;
        }
        s.held += 1;
        match self.kills.last_mut() {
            Some((last, blocks)) if *last == segment => *blocks += 1,
            _ => self.kills.push((segment, 1)),
        }
    }
    /// Deaths that the record being written makes durable.
    pub fn take_kills(&mut self) -> Vec<(u32, u32)> {
        std::mem::take(&mut self.kills)
    }
    pub fn no_kills(&self) -> bool {
        self.kills.is_empty()
    }
    /// They are durable.
    pub fn release_kills(&mut self, kills: &[(u32, u32)]) {
        for (segment, blocks) in kills {
            let s = self.get(*segment);
            s.held -= blocks;
            self.may_reap |= self.all[*segment as usize].is_dead();
        }
    }
    /// Pages of a checkpoint lie there.
    pub fn meta_birth(&mut self, place: u32, blocks: u32) {
        self.all[(place >> self.shift) as usize].live += blocks;
    }
    /// The newest durable checkpoint has no use for them.
    pub fn meta_kill(&mut self, place: u32, blocks: u32) {
        let s = &mut self.all[(place >> self.shift) as usize];
        assert!(s.live >= blocks, "segment of place {place}: more pages die than live");
        s.live -= blocks;
        self.may_reap |= s.is_dead();
    }
    pub fn reader_left(&mut self, segment: u32) {
        let s = self.get(segment);
        s.readers -= 1;
        self.may_reap |= self.all[segment as usize].is_dead();
    }
    /// A segment changed its use, or the journal's start moved.
    pub fn changed(&mut self) {
        self.may_reap = true;
    }

    /// Frees segments that nothing refers to and whose records lie before `journal_start`. Calls
    /// `freed` with the places of each.
    pub fn reap(&mut self, journal_start: u64, mut freed: impl FnMut(std::ops::Range<u32>)) {
        if !std::mem::take(&mut self.may_reap) {
            return;
        }
        for i in 0..self.all.len() {
            let s = &mut self.all[i];
            let unused = match s.usage {
                Use::Closed => s.cold || s.last_sequence < journal_start,
                Use::MetaClosed => true,
                _ => false,
            };
            if unused && s.is_dead() && !s.cleaning {
                s.visits = 0;
                s.usage = if s.broken { Use::Broken } else { Use::Free };
                if !s.broken {
                    self.stale.push_back(i as u32);
                }
                freed(self.places(i as u32));
            }
        }
    }

    /// Segments of records that nothing refers to: they will be free once that is durable, or who
    /// reads there has ended.
    pub fn dying(&self, journal_start: u64) -> impl Iterator<Item = u32> + '_ {
        let passed = move |s: &Segment| s.cold || s.last_sequence < journal_start;
        let dying = move |s: &Segment| s.usage == Use::Closed && s.live == 0 && passed(s);
        let all = self.all.iter().enumerate();
        all.filter(move |(_, s)| dying(s) && !s.cleaning).map(|(i, _)| i as u32)
    }

    /// A free segment that the device may forget. It is not free until [`Segments::discarded`].
    pub fn take_stale(&mut self) -> Option<u32> {
        let segment = self.stale.pop_front()?;
        self.get(segment).usage = Use::Discarding;
        Some(segment)
    }
    pub fn discarded(&mut self, segment: u32) {
        self.get(segment).usage = Use::Free;
        self.free.push_back(segment);
    }

    /// The segment of records that is best cleaned now: the one whose cost for the space gained
    /// would fall least by waiting (Lomet and Luo 2018, "Efficiently reclaiming space in a log
    /// structured store"). Cost is 1 / (1 - u); if blocks die at the rate that is seen since the
    /// segment was filled, -ln(u) / age, it falls by `u -ln(u) / ((1 - u)^2 age)`. Where all blocks
    /// die alike, this takes the emptiest; a plain cost-benefit with age takes too many full ones.
    /// Only those that a durable checkpoint has passed, since others could not be reused.
    pub fn victim(&self, journal_start: u64, sequence: u64) -> Option<u32> {
        let blocks = self.blocks() as f64;
        let mut best: Option<(f64, u32)> = None;
        for (i, s) in self.all.iter().enumerate() {
            let passed = s.cold || s.last_sequence < journal_start;
            let dead = s.live == 0;
            // What is dead is freed without the cleaner, once that is durable.
            if s.usage != Use::Closed || dead || !passed || s.visits >= VISITS_MAX || s.cleaning {
                continue;
            }
            let u = s.live as f64 / blocks;
            if u > 0.97 {
                continue;
            }
            let age = (sequence - s.last_sequence.min(sequence)) as f64 + 1.0;
            // What died since it was filled tells how fast the rest dies.
            let gone = 1.0 - u;
            let score = gone * gone * age / (u * -u.ln());
            if best.is_none_or(|b| score > b.0) {
                best = Some((score, i as u32));
            }
        }
        best.map(|(_, segment)| segment)
    }

    /// The segments of pages that are worth emptying, the sparsest first: those with at most
    /// `blocks` of pages together, at least one.
    pub fn sparse_meta(&self, blocks: u32) -> Vec<u32> {
        let limit = self.blocks() / 4 * 3;
        let mut sparse = self.used_meta();
        sparse.retain(|(live, _)| *live < limit);
        let first = sparse.first().map_or(0, |(live, _)| *live);
        Self::fill(sparse, blocks.max(first))
    }

    /// The segments of pages that are worth emptying when a checkpoint begins that leaves the places
    /// `left` anyway: those of which the rest is at most `blocks` together.
    pub fn sparse_meta_without(&self, left: impl Iterator<Item = Place>, blocks: u32) -> Vec<u32> {
        let mut live: Vec<u32> = self.all.iter().map(|s| s.live).collect();
        for place in left {
            let live = &mut live[self.of(place.addr) as usize];
            *live = live.saturating_sub(place.blocks as u32);
        }
        let used = self.used_meta().into_iter();
        let mut sparse: Vec<_> = used.map(|(_, i)| (live[i as usize], i)).collect();
        sparse.retain(|(live, _)| (1..self.blocks() / 4 * 3).contains(live));
        sparse.sort_unstable();
        Self::fill(sparse, blocks)
    }

    /// Full segments of pages: (live blocks, segment), the sparsest first.
    fn used_meta(&self) -> Vec<(u32, u32)> {
        let all = self.all.iter().enumerate();
        let used = all.filter(|(_, s)| s.usage == Use::MetaClosed && s.live > 0);
        let mut used: Vec<_> = used.map(|(i, s)| (s.live, i as u32)).collect();
        used.sort_unstable();
        used
    }
    /// The first ones whose live blocks are at most `blocks` together.
    fn fill(sparse: Vec<(u32, u32)>, blocks: u32) -> Vec<u32> {
        let mut left = blocks;
        let fits = |(live, _): &(u32, u32)| {
            let fits = *live <= left;
            left = left.saturating_sub(*live);
            fits
        };
        sparse.into_iter().take_while(fits).map(|(_, segment)| segment).collect()
    }
}
