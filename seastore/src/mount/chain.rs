//! The journal as a mount follows it: headers and deltas through a window, data only where it decides.
//!
//! Whether a record's data are whole matters only for the last ones: a record that a later one says
//! was durable counts, and rot in its data is its objects' affair. So the data of nearly all
//! records are passed over: not looked at, and where there are many of them not read.
//!
//! Memory: two windows (`AHEAD_MAX` blocks each, or one header with its deltas), deltas of records
//! not yet replayed (`PIECES_BYTES` and one group of records), and headers with deltas of those
//! records whose durability is not yet known, which are few more than one run has under way at once.

use super::*;
use crate::record::{COLD, RESUMED};
use std::collections::BTreeMap;

/// Blocks asked for beyond what is needed: at first, and at most while records follow each other
/// closely.
const AHEAD_MIN: u32 = 16;
const AHEAD_MAX: u32 = 1024;
/// Blocks of one read.
const PART_BLOCKS: u32 = 256;
/// Data of so many blocks are passed over: to read them takes longer than to wait for the header
/// behind them.
const FAR_BLOCKS: u32 = 64;
/// Deltas that wait to be replayed, bytes: with more, they are replayed first.
const PIECES_BYTES: usize = 1 << 20;

/// Blocks of one segment around the place that is looked at.
#[derive(Default)]
struct Window {
    segment: u32,
    /// By first block within the segment; without gaps.
    parts: BTreeMap<u32, Part>,
}

struct Part {
    blocks: u32,
    io: usize,
    buf: Option<Result<Bytes, IoError>>,
}

impl Window {
    /// Past the last block.
    fn end(&self) -> u32 {
        self.parts.last_key_value().map_or(0, |(from, part)| from + part.blocks)
    }
    fn begin(&self) -> u32 {
        self.parts.first_key_value().map_or(0, |(from, _)| *from)
    }
    fn is_near(&self, segment: u32, block: u32) -> bool {
        segment == self.segment
            && !self.parts.is_empty()
            && block >= self.begin()
            && block <= self.end() + AHEAD_MIN
    }
    /// The blocks, if they are here. Copies where they lie in more than one part.
    fn get(&self, at: u32, blocks: u32) -> Option<Result<Bytes, IoError>> {
        let (first, part) = self.parts.range(..=at).next_back()?;
        let skip = (at - first) as usize * BLOCK_SIZE;
        if at + blocks <= first + part.blocks {
            let buf = part.buf.as_ref()?.as_ref();
            return Some(match buf {
                Ok(buf) => Ok(buf.slice(skip..skip + blocks as usize * BLOCK_SIZE)),
                Err(error) => Err(*error),
            });
        }
        let mut out = BytesMut::with_capacity(blocks as usize * BLOCK_SIZE);
        for (from, part) in self.parts.range(*first..at + blocks) {
            let buf = match part.buf.as_ref()? {
                Ok(buf) => buf,
                Err(error) => return Some(Err(*error)),
            };
            let skip = at.saturating_sub(*from) as usize * BLOCK_SIZE;
            let take = (at + blocks - from).min(part.blocks) as usize * BLOCK_SIZE;
            out.extend_from_slice(&buf[skip.min(take)..take]);
        }
        (out.len() == blocks as usize * BLOCK_SIZE).then(|| Ok(out.freeze()))
    }
    /// Whether these blocks, and no others, were read in one piece.
    fn is_part(&self, at: u32, blocks: u32) -> bool {
        self.parts.get(&at).is_some_and(|part| part.blocks == blocks)
    }
}

/// A record in the chain that may still turn out to have been cut.
struct Pending {
    header: RecordHeader,
    segment: u32,
    block: u32,
    deltas: Bytes,
}

/// What lies where the chain does not go on.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Nothing,
    Deltas { segment: u32, block: u32 },
    Data,
}

enum Step {
    /// At the head.
    Follow,
    /// The head's segment has no more: at the start of the next one.
    Cross,
    /// The chain is broken. On a zoned device: did the run after a crash write a record in the next
    /// zone in place of the waiting one of this index?
    Superseded {
        broken: Broken,
        index: usize,
    },
    /// The chain is broken: are the data of the first record that waits whole? Next block and the
    /// checksum so far.
    Verify {
        broken: Broken,
        done: u32,
        crc: u32,
    },
    /// On a zoned device: did the run after a crash go on in the next zone?
    Resumed {
        broken: Broken,
    },
    /// Does a record behind the end say that the one at the head was durable? Blocks of the head's
    /// segment, then of the next one.
    Claims {
        broken: Broken,
        segment: u32,
        block: u32,
        later: bool,
    },
    Ended,
}

/// How far [`Store::follow_chain`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// Reads are under way.
    Waits,
    /// Deltas have to be replayed first.
    Full,
    ToTheEnd,
}

pub(super) struct Chain {
    step: Step,
    window: Window,
    /// The beginning of the segment in which the journal goes on, or what came before that.
    beyond: Window,
    /// Blocks to have under way ahead of the place that is looked at.
    ahead: u32,
    next_io: usize,
    pub head: Head,
    /// Sequence up to which some record of the chain says that all were durable.
    durable: u64,
    pending: VecDeque<Pending>,
    /// Head before the first of `pending`.
    settled: Head,
    /// Deltas of the group being read, a piece per change sequence that stands alone.
    group: Vec<Bytes>,
    raw: BytesMut,
    pub pieces: VecDeque<Bytes>,
    pieces_bytes: usize,
    pub blocks: u64,
}

impl Chain {
    pub fn new(head: Head) -> Self {
        Self {
            step: Step::Follow,
            window: Window::default(),
            beyond: Window::default(),
            ahead: AHEAD_MIN,
            next_io: 0,
            head,
            durable: 0,
            pending: VecDeque::new(),
            settled: head,
            group: Vec::new(),
            raw: BytesMut::new(),
            pieces: VecDeque::new(),
            pieces_bytes: 0,
            blocks: 0,
        }
    }
    /// Deltas to replay now: enough to make a pause, or the last ones.
    pub fn is_full(&self) -> bool {
        self.pieces_bytes >= PIECES_BYTES
    }
    pub fn has_pieces(&self) -> bool {
        !self.pieces.is_empty()
    }
    pub fn take_piece(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.pieces_bytes -= piece.len();
        Some(piece)
    }
    /// Takes what a read brought, if that is still wanted.
    pub fn install(&mut self, io: usize, read: Result<Bytes, IoError>) {
        let mut parts = self.window.parts.values_mut().chain(self.beyond.parts.values_mut());
        if let Some(part) = parts.find(|part| part.io == io) {
            part.buf = Some(read);
        }
    }

    /// The record counts: its deltas will be replayed.
    fn count(&mut self, p: Pending, report: &mut MountReport) {
        let total = p.header.total_blocks();
        self.blocks += total;
        report.records += 1;
        report.journal_bytes += total * BLOCK;
        self.settled = after(&p);
        if p.header.flags & FIRST != 0 {
            self.group.clear();
            self.raw.clear();
        }
        if p.header.flags & RAW != 0 {
            self.raw.extend_from_slice(&p.deltas);
        } else {
            if !self.raw.is_empty() {
                self.group.push(self.raw.split().freeze());
            }
            self.group.push(p.deltas);
        }
        if p.header.flags & MORE == 0 {
            if !self.raw.is_empty() {
                self.group.push(self.raw.split().freeze());
            }
            self.pieces_bytes += self.group.iter().map(Bytes::len).sum::<usize>();
            self.pieces.extend(self.group.drain(..));
        }
    }
    /// What there is of a group without an end, as far as its changes are whole.
    pub fn take_open_group(&mut self) -> Vec<Bytes> {
        self.raw.clear();
        std::mem::take(&mut self.group)
    }
    fn has_open_group(&self) -> bool {
        !self.group.is_empty() || !self.raw.is_empty()
    }
}

/// Where the journal goes on behind a record.
fn after(p: &Pending) -> Head {
    Head {
        segment: p.segment,
        block: p.block + p.header.total_blocks() as u32,
        next: p.header.next,
        sequence: p.header.sequence + 1,
        previous: p.header.crc,
    }
}

enum Looked {
    Record(Pending),
    /// Header whole, deltas not.
    Damaged,
    Nothing,
}

impl Store {
    /// The blocks if they are in memory; else they are asked for, and some that follow.
    pub(super) fn journal_blocks(
        &mut self,
        chain: &mut Chain,
        at: (u32, u32),
        blocks: u32,
    ) -> Result<Option<Bytes>, StoreError> {
        let (segment, block) = at;
        if !chain.window.is_near(segment, block) {
            // The old one is kept: behind the chain's end both are looked at again.
            std::mem::swap(&mut chain.window, &mut chain.beyond);
            if !chain.window.is_near(segment, block) {
                chain.window = Window { segment, ..Window::default() };
            }
        }
        self.read_ahead(chain, block, blocks);
        if let Some(Err(error)) = chain.window.get(block, blocks) {
            if chain.window.is_part(block, blocks) {
                let device_offset =
                    self.journal.device_offset(self.segments.start(segment) + block);
                return Err(StoreError::ReadFailed { device_offset, error });
            }
            // What the device refuses may be data, which nobody needs now.
            chain.window.parts.clear();
            chain.ahead = 0;
            self.read_ahead(chain, block, blocks);
        }
        Ok(chain.window.get(block, blocks).and_then(Result::ok))
    }

    /// Sees to it that the blocks are on their way, and with them what will be looked at soon.
    fn read_ahead(&mut self, chain: &mut Chain, block: u32, blocks: u32) {
        let all = self.readable_blocks(chain.window.segment);
        let window = &mut chain.window;
        while let Some((from, part)) = window.parts.first_key_value()
            && from + part.blocks <= block
            && window.parts.len() > 1
        {
            window.parts.pop_first();
        }
        let fresh = window.parts.is_empty();
        let from = if fresh { block } else { window.end() };
        let needed = block + blocks;
        if needed <= from && from - block >= (chain.ahead / 2).min(all - block) {
            return;
        }
        if !fresh {
            chain.ahead = (2 * chain.ahead).clamp(AHEAD_MIN, AHEAD_MAX);
        }
        let until = needed.max(block + chain.ahead);
        let segment = window.segment;
        self.read_parts(chain, segment, from, until.min(all));
        let next = chain.head.next;
        if until > all && segment == chain.head.segment && next != segment {
            if chain.beyond.segment != next {
                chain.beyond = Window { segment: next, ..Window::default() };
            }
            let from = chain.beyond.end();
            let there = self.readable_blocks(next);
            self.read_parts(chain, next, from, (until - all).min(there));
        }
    }

    fn read_parts(&mut self, chain: &mut Chain, segment: u32, from: u32, until: u32) {
        let mut from = from;
        while from < until {
            let blocks = PART_BLOCKS.min(until - from);
            let io = chain.next_io;
            chain.next_io += 1;
            let window =
                if segment == chain.window.segment { &mut chain.window } else { &mut chain.beyond };
            window.parts.insert(from, Part { blocks, io, buf: None });
            self.read_for_mount(self.segments.start(segment) + from, blocks, io);
            from += blocks;
        }
    }

    /// What is at a place where the next record of the chain may be. `None`: wait for reads.
    fn look(
        &mut self,
        chain: &mut Chain,
        segment: u32,
        block: u32,
    ) -> Result<Option<Looked>, StoreError> {
        let readable = self.readable_blocks(segment);
        if block >= readable {
            return Ok(Some(Looked::Nothing));
        }
        let Some(first) = self.journal_blocks(chain, (segment, block), 1)? else {
            return Ok(None);
        };
        let home = self.journal.home(self.segments.start(segment) + block);
        let Some(header) = RecordHeader::decode(&first, &home) else {
            return Ok(Some(Looked::Nothing));
        };
        let chained = header.sequence == chain.head.sequence
            && header.previous == chain.head.previous
            && header.flags & COLD == 0;
        let fits = block as u64 + header.total_blocks() <= readable as u64
            && header.header_blocks > 0
            && (header.next as usize) < self.segments.all.len();
        if !chained || !fits {
            return Ok(Some(Looked::Nothing));
        }
        let blocks = header.header_blocks;
        let Some(bytes) = self.journal_blocks(chain, (segment, block), blocks)? else {
            return Ok(None);
        };
        let deltas = &bytes[HEADER_BYTES..HEADER_BYTES + header.delta_bytes as usize];
        if crc32c(!0, deltas) != header.delta_crc {
            return Ok(Some(Looked::Damaged));
        }
        let deltas = Bytes::copy_from_slice(deltas);
        Ok(Some(Looked::Record(Pending { header, segment, block, deltas })))
    }

    /// A record goes on with the chain.
    fn follow(&mut self, mount: &mut Mount, record: Pending) {
        let chain = &mut mount.chain;
        chain.head = after(&record);
        if record.header.data_blocks >= FAR_BLOCKS {
            chain.ahead = AHEAD_MIN;
        }
        chain.durable = chain.durable.max(record.header.durable);
        chain.pending.push_back(record);
        self.count_durable(mount);
    }
    fn count_durable(&mut self, mount: &mut Mount) {
        let durable = mount.chain.durable;
        while mount.chain.pending.front().is_some_and(|p| p.header.sequence <= durable) {
            self.count_first(mount);
        }
    }
    fn count_first(&mut self, mount: &mut Mount) {
        let Some(first) = mount.chain.pending.pop_front() else { return };
        self.segments.claim(first.segment, Use::Closed);
        let s = self.segments.get(first.segment);
        s.last_sequence = first.header.sequence;
        s.cold = false;
        mount.chain.count(first, &mut mount.report);
    }

    /// Follows the chain as far as it has been read.
    pub(super) fn follow_chain(&mut self, mount: &mut Mount) -> Result<Followed, StoreError> {
        loop {
            if mount.chain.is_full() {
                return Ok(Followed::Full);
            }
            let step = std::mem::replace(&mut mount.chain.step, Step::Ended);
            let next = match step {
                Step::Follow => {
                    let (segment, block) = (mount.chain.head.segment, mount.chain.head.block);
                    match self.look(&mut mount.chain, segment, block)? {
                        None => Err(Step::Follow),
                        Some(Looked::Record(record)) => {
                            self.follow(mount, record);
                            Ok(Step::Follow)
                        }
                        Some(Looked::Damaged) => Ok(Step::Superseded {
                            broken: Broken::Deltas { segment, block },
                            index: 0,
                        }),
                        Some(Looked::Nothing) => Ok(Step::Cross),
                    }
                }
                Step::Cross => {
                    let segment = mount.chain.head.next;
                    match self.look(&mut mount.chain, segment, 0)? {
                        None => Err(Step::Cross),
                        Some(Looked::Record(record)) => {
                            self.follow(mount, record);
                            Ok(Step::Follow)
                        }
                        Some(Looked::Damaged) => {
                            let broken = Broken::Deltas { segment, block: 0 };
                            Ok(Step::Superseded { broken, index: 0 })
                        }
                        Some(Looked::Nothing) => {
                            Ok(Step::Superseded { broken: Broken::Nothing, index: 0 })
                        }
                    }
                }
                Step::Superseded { broken, index } => self.superseded(mount, broken, index)?,
                Step::Verify { broken, done, crc } => self.verify_data(mount, broken, done, crc)?,
                Step::Resumed { broken } => {
                    let (segment, next) = (mount.chain.head.segment, mount.chain.head.next);
                    let block = mount.chain.head.block;
                    match self.look(&mut mount.chain, next, 0)? {
                        None => Err(Step::Resumed { broken }),
                        Some(Looked::Record(r)) if r.header.flags & RESUMED != 0 => {
                            self.follow(mount, r);
                            Ok(Step::Follow)
                        }
                        Some(_) => {
                            mount.chain.ahead = AHEAD_MAX;
                            Ok(Step::Claims { broken, segment, block, later: false })
                        }
                    }
                }
                Step::Claims { broken, segment, block, later } => {
                    self.look_for_claims(mount, broken, segment, block, later)?
                }
                Step::Ended => return Ok(Followed::ToTheEnd),
            };
            match next {
                Ok(step) => mount.chain.step = step,
                Err(step) => {
                    mount.chain.step = step;
                    return Ok(Followed::Waits);
                }
            }
        }
    }

    /// Looks for the record that took the place of one that waits.
    ///
    /// A crash leaves the write pointer within a block, and what lies before it there cannot be read
    /// until the zone is finished. If that completes a record, it is one that the run after the crash
    /// has not seen, and has written another for.
    fn superseded(
        &mut self,
        mount: &mut Mount,
        broken: Broken,
        index: usize,
    ) -> Result<Result<Step, Step>, StoreError> {
        let chain = &mut mount.chain;
        let waiting = chain.pending.get(index).filter(|_| self.zones.is_some());
        let Some(waiting) = waiting.map(|p| p.segment) else { return Ok(Ok(verify(broken))) };
        let before = match index.checked_sub(1) {
            None => chain.settled,
            Some(index) => after(&chain.pending[index]),
        };
        let step = |index| Step::Superseded { broken, index };
        if before.segment != waiting || before.next == waiting {
            return Ok(Ok(step(index + 1)));
        }
        let end = std::mem::replace(&mut chain.head, before);
        let looked = self.look(chain, before.next, 0)?;
        match looked {
            Some(Looked::Record(r)) if r.header.flags & RESUMED != 0 => {
                chain.pending.truncate(index);
                self.follow(mount, r);
                Ok(Ok(Step::Follow))
            }
            found => {
                chain.head = end;
                Ok(if found.is_some() { Ok(step(index + 1)) } else { Err(step(index)) })
            }
        }
    }

    /// Goes on with the data of the first record whose durability nobody tells.
    fn verify_data(
        &mut self,
        mount: &mut Mount,
        broken: Broken,
        done: u32,
        mut crc: u32,
    ) -> Result<Result<Step, Step>, StoreError> {
        let chain = &mut mount.chain;
        let Some(first) = chain.pending.front() else {
            if self.zones.is_some() {
                return Ok(Ok(Step::Resumed { broken }));
            }
            let segment = chain.head.segment;
            let block = chain.head.block;
            chain.ahead = AHEAD_MAX;
            return Ok(Ok(Step::Claims { broken, segment, block, later: false }));
        };
        let (header, segment, block) = (first.header, first.segment, first.block);
        if done < header.data_blocks {
            let blocks = PART_BLOCKS.min(header.data_blocks - done);
            let at = block + header.header_blocks + done;
            let Some(data) = self.journal_blocks(chain, (segment, at), blocks)? else {
                return Ok(Err(Step::Verify { broken, done, crc }));
            };
            for block in data.chunks_exact(BLOCK_SIZE) {
                crc = crc32c(crc, &crc32c(!0, block).to_le_bytes());
            }
            return Ok(Ok(Step::Verify { broken, done: done + blocks, crc }));
        }
        if crc == header.data_crc {
            self.count_first(mount);
            return Ok(Ok(verify(broken)));
        }
        // The chain ended before this record, unless somebody says that it was durable.
        chain.head = chain.settled;
        chain.pending.clear();
        Ok(Ok(verify(Broken::Data)))
    }

    /// Looks behind the chain's end for records of this journal from the head's sequence on, and for
    /// one that says that it was durable.
    fn look_for_claims(
        &mut self,
        mount: &mut Mount,
        broken: Broken,
        segment: u32,
        block: u32,
        mut later: bool,
    ) -> Result<Result<Step, Step>, StoreError> {
        let head = mount.chain.head;
        let sequence = head.sequence;
        let all = self.readable_blocks(segment);
        let mut at = block;
        while at < all {
            let blocks = PART_BLOCKS.min(all - at);
            let Some(bytes) = self.journal_blocks(&mut mount.chain, (segment, at), blocks)? else {
                return Ok(Err(Step::Claims { broken, segment, block: at, later }));
            };
            for (i, bytes) in bytes.chunks_exact(BLOCK_SIZE).enumerate() {
                let home = self.journal.home(self.segments.start(segment) + at + i as u32);
                let Some(h) = RecordHeader::decode(bytes, &home) else { continue };
                if h.flags & COLD != 0 {
                    continue;
                }
                later |= h.sequence >= sequence;
                if h.sequence > sequence && h.durable >= sequence {
                    return self.take_claimed(mount, broken).map(Ok);
                }
            }
            at += blocks;
        }
        if segment == head.segment && head.next != segment {
            return Ok(Ok(Step::Claims { broken, segment: head.next, block: 0, later }));
        }
        mount.report.tail_cut = later || mount.chain.has_open_group();
        Ok(Ok(Step::Ended))
    }

    /// The record at the head was durable, and it is damaged.
    fn take_claimed(&mut self, mount: &mut Mount, broken: Broken) -> Result<Step, StoreError> {
        let head = mount.chain.head;
        let (segment, block) = match broken {
            // Only data are damaged: its objects answer for it when they are read.
            Broken::Data => {
                mount.chain.durable = mount.chain.durable.max(head.sequence);
                return Ok(Step::Follow);
            }
            Broken::Deltas { segment, block } => (segment, block),
            Broken::Nothing => (head.segment, head.block),
        };
        let device_offset = self.journal.device_offset(self.segments.start(segment) + block);
        if self.config.salvage {
            self.begin_behind(mount, device_offset);
            return Ok(Step::Ended);
        }
        Err(StoreError::JournalCorrupt { device_offset, sequence: head.sequence })
    }
}

fn verify(broken: Broken) -> Step {
    Step::Verify { broken, done: 0, crc: !0 }
}
