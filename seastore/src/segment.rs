//! Segment table: what each segment is used for and how much live data it holds.

use crate::objects::ObjectId;
use std::collections::VecDeque;

/// Where an extent of a segment once went: the cleaner looks there for live ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub object: ObjectId,
    pub len: u32,
    pub offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Free,
    /// The journal appends here.
    Open,
    /// The journal goes on here; its records already say so.
    Next,
    /// Full of records.
    Closed,
    Checkpoint,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub usage: Use,
    /// Bytes that extents, or transactions not yet durable, still refer to.
    pub live: u64,
    /// Of the last record in it.
    pub last_sequence: u64,
    pub owners: Vec<Owner>,
    /// Reads under way: it must not be written meanwhile.
    pub readers: u32,
    /// The cleaner has been here; what is left could not be read.
    pub cleaned: bool,
    /// Times that the cleaner could not read all of it.
    pub visits: u8,
}

pub(crate) struct SegmentTable {
    pub segments: Vec<Segment>,
    pub segment_bytes: u64,
    free: VecDeque<u32>,
    /// Something happened that may have freed a segment.
    pub may_reap: bool,
}

impl SegmentTable {
    /// All segments free.
    pub fn new(count: u32, segment_bytes: u64) -> Self {
        let new = |_| Segment {
            usage: Use::Free,
            live: 0,
            last_sequence: 0,
            owners: Vec::new(),
            readers: 0,
            cleaned: false,
            visits: 0,
        };
        let segments = (0..count).map(new).collect();
        Self { segments, segment_bytes, free: (0..count).collect(), may_reap: true }
    }
    pub fn count(&self) -> u64 {
        self.segments.len() as u64
    }
    pub fn free_count(&self) -> u64 {
        self.free.len() as u64
    }
    pub fn of(&self, addr: u64) -> u32 {
        (addr / self.segment_bytes) as u32
    }
    pub fn get(&mut self, segment: u32) -> &mut Segment {
        &mut self.segments[segment as usize]
    }

    /// The free segment that was freed first.
    pub fn allocate(&mut self, usage: Use) -> Option<u32> {
        let segment = self.free.pop_front()?;
        self.get(segment).usage = usage;
        Some(segment)
    }
    /// Takes one particular segment at mount.
    pub fn claim(&mut self, segment: u32, usage: Use) {
        self.free.retain(|s| *s != segment);
        self.get(segment).usage = usage;
    }
    pub fn release(&mut self, segment: u32) {
        let s = self.get(segment);
        assert_eq!((s.live, s.readers), (0, 0), "segment {segment} is in use");
        s.usage = Use::Free;
        s.owners = Vec::new();
        s.cleaned = false;
        s.visits = 0;
        self.free.push_back(segment);
    }

    pub fn add(&mut self, addr: u64, owner: Owner) {
        let s = &mut self.segments[(addr / self.segment_bytes) as usize];
        s.live += owner.len as u64;
        s.owners.push(owner);
    }
    pub fn kill(&mut self, segment: u32, bytes: u64) {
        let s = self.get(segment);
        assert!(s.live >= bytes, "segment {segment}: {bytes} of {} die", s.live);
        s.live -= bytes;
        self.may_reap |= self.segments[segment as usize].live == 0;
    }
    /// A read of the segment ended.
    pub fn reader_left(&mut self, segment: u32) {
        self.get(segment).readers -= 1;
        self.may_reap = true;
    }

    /// Frees segments that hold no live data and whose records lie before `journal_start`.
    pub fn reap(&mut self, journal_start: u64) {
        if !std::mem::take(&mut self.may_reap) {
            return;
        }
        for i in 0..self.segments.len() {
            let s = &self.segments[i];
            if s.usage == Use::Closed
                && s.live == 0
                && s.readers == 0
                && s.last_sequence < journal_start
            {
                self.release(i as u32);
            }
        }
    }

    /// The closed segment with the least live data that the cleaner has not been to, among those
    /// before `journal_start` or all.
    pub fn emptiest(&self, journal_start: Option<u64>) -> Option<u32> {
        let mut best: Option<(u64, u32)> = None;
        for (i, s) in self.segments.iter().enumerate() {
            let passed = journal_start.is_none_or(|start| s.last_sequence < start);
            if s.usage == Use::Closed && !s.cleaned && passed && best.is_none_or(|b| s.live < b.0) {
                best = Some((s.live, i as u32));
            }
        }
        best.map(|(_, segment)| segment)
    }
}
