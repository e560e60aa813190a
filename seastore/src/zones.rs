//! Zones: the device writes of a region as zones take them. Only on zoned devices.
//!
//! A zone has a queue. One request of it is under way: writes go to its write pointer in the order
//! in which they were asked for, a reset comes before the first of them, and when the last one has
//! ended in a zone that is not written to its end, the device is told to finish it. So no more zones
//! are active than are written to, and a zone is begun only when the device has one to spare.

use crate::event::{StoreEffect, StoreError};
use crate::format::{ANCHOR_ZONES, BLOCK, Superblock};
use crate::segments::{Segments, ZoneEvent};
use crate::store::{Io, Phase, Store};
use bytes::Bytes;
use std::collections::VecDeque;
use types::node::{BLOCK_SIZE, IoError};
use types::zone::{Zone, ZoneOp, ZoneState};

/// A write that waits for those before it.
struct Waiting {
    io: Io,
    offset: u64,
    buf: Bytes,
    durable: bool,
}

#[derive(Debug, Clone, Copy)]
enum UnderWay {
    Write { blocks: u32 },
    Op(ZoneOp),
}

struct Queue {
    /// Whole blocks written and answered for.
    written: u32,
    waiting: VecDeque<Waiting>,
    under_way: Option<UnderWay>,
    /// It is reset before anything else.
    reset: bool,
    /// It is finished when so many blocks are written.
    sealed: Option<u32>,
    active: bool,
    /// Nothing has been written since it was reset.
    blank: bool,
    /// It waits for others to be no longer active.
    held: bool,
    /// The device takes writes there.
    usable: bool,
    /// The write pointer is not where a block ends.
    torn: bool,
}

/// What to ask the device for.
enum Step {
    Write(Waiting),
    Op(ZoneOp),
}

/// The zones of a region: those of anchors, then the segments.
pub(crate) struct Zones {
    /// Of the region, bytes.
    origin: u64,
    /// From one zone to the next.
    bytes: u64,
    /// Blocks of a zone.
    blocks: u32,
    all: Vec<Queue>,
    active: u32,
    /// Of this shard; 0 without a bound.
    active_max: u32,
    held: VecDeque<u32>,
    /// Zone and block of the next anchor.
    anchor: (u32, u32),
}

impl Zones {
    pub fn new(sb: &Superblock, shard: u16) -> Option<Self> {
        let zones = sb.zones.as_ref()?;
        let blank = || Queue {
            written: 0,
            waiting: VecDeque::new(),
            under_way: None,
            reset: false,
            sealed: None,
            active: false,
            blank: false,
            held: false,
            usable: false,
            torn: false,
        };
        let count = ANCHOR_ZONES + sb.segment_count();
        Some(Self {
            origin: sb.region_offset(shard),
            bytes: zones.bytes,
            blocks: (zones.capacity / BLOCK) as u32,
            all: (0..count).map(|_| blank()).collect(),
            active: 0,
            active_max: zones.active_max / sb.shards as u32,
            held: VecDeque::new(),
            anchor: (0, 0),
        })
    }

    /// Offset and length of what a report is asked for.
    pub fn range(&self) -> (u64, u64) {
        (self.origin, self.all.len() as u64 * self.bytes)
    }
    pub fn of_segment(segment: u32) -> u32 {
        segment + ANCHOR_ZONES as u32
    }
    fn zone_of(&self, device_offset: u64) -> u32 {
        ((device_offset - self.origin) / self.bytes) as u32
    }
    pub fn offset(&self, zone: u32) -> u64 {
        self.origin + zone as u64 * self.bytes
    }

    /// Takes what the device says. Zones that it says nothing of are as good as failed.
    pub fn take_report(&mut self, report: &[Zone]) {
        for zone in report {
            let Some(at) = zone.offset.checked_sub(self.origin) else { continue };
            let (index, blocks) = ((at / self.bytes) as usize, self.blocks);
            let Some(queue) = self.all.get_mut(index).filter(|_| at % self.bytes == 0) else {
                continue;
            };
            let enough = zone.capacity >= blocks as u64 * BLOCK;
            let failing = matches!(
                zone.state,
                ZoneState::ReadOnly | ZoneState::Offline | ZoneState::Conventional
            );
            queue.usable = enough && !failing;
            // What has failed is asked for, so that the device says so.
            let written = if failing { u64::MAX } else { zone.written };
            queue.written = (written / BLOCK).min(blocks as u64) as u32;
            queue.torn = zone.state == ZoneState::Active && !written.is_multiple_of(BLOCK);
            queue.active = zone.state == ZoneState::Active;
            queue.blank = zone.state == ZoneState::Empty;
            self.active += queue.active as u32;
        }
    }

    /// Segments that take no writes.
    pub fn broken(&self) -> impl Iterator<Item = u32> + '_ {
        let segments = self.all.iter().skip(ANCHOR_ZONES as usize).enumerate();
        segments.filter(|(_, queue)| !queue.usable).map(|(segment, _)| segment as u32)
    }
    /// Blocks of a zone that can be read.
    pub fn written(&self, zone: u32) -> u32 {
        self.all[zone as usize].written
    }
    /// Whether a block can be written there next.
    pub fn can_append(&self, zone: u32, block: u32) -> bool {
        let queue = &self.all[zone as usize];
        queue.usable && !queue.torn && queue.written == block
    }
    pub fn is_usable(&self, zone: u32) -> bool {
        self.all[zone as usize].usable
    }
    /// It is reset before it is written to.
    pub fn renew(&mut self, zone: u32) {
        let queue = &mut self.all[zone as usize];
        queue.sealed = None;
        queue.reset = !queue.blank;
    }
    /// No more is written behind its first `blocks` blocks.
    fn seal(&mut self, zone: u32, blocks: u32) {
        self.all[zone as usize].sealed = Some(blocks);
    }
    /// Of a zone that is found begun and that nobody goes on with.
    pub fn put_away(&mut self, zone: u32, is_free: bool) {
        let queue = &mut self.all[zone as usize];
        if queue.active && is_free {
            queue.reset = true;
        } else if queue.active {
            queue.sealed = Some(queue.written);
        }
    }
    pub fn is_idle(&self) -> bool {
        self.all.iter().all(|queue| queue.under_way.is_none() && queue.waiting.is_empty())
    }

    /// Anchors go on in this zone at this block.
    pub fn set_anchor(&mut self, zone: u32, block: u32) {
        self.anchor = (zone, block);
    }
    pub fn anchor(&self) -> (u32, u32) {
        self.anchor
    }
    /// Where the next of `copies` anchors, which lie in one zone, comes to lie: bytes.
    pub fn take_anchor(&mut self, copies: u32) -> u64 {
        let (mut zone, mut block) = self.anchor;
        if self.blocks - block < copies {
            (zone, block) = (1 - zone, 0);
            self.renew(zone);
        } else if block > copies {
            // Not to be finished: where its anchors end would be lost. Now it is of no more use.
            self.put_away(1 - zone, true);
        }
        self.anchor = (zone, block + 1);
        self.offset(zone) + block as u64 * BLOCK
    }

    /// What is to be done next in a zone, if it can be now.
    fn next(&mut self, zone: u32) -> Option<Step> {
        let full = self.active_max > 0 && self.active >= self.active_max;
        let queue = &mut self.all[zone as usize];
        if queue.under_way.is_some() {
            return None;
        }
        if std::mem::take(&mut queue.reset) {
            queue.under_way = Some(UnderWay::Op(ZoneOp::Reset));
            return Some(Step::Op(ZoneOp::Reset));
        }
        if !queue.waiting.is_empty() && !queue.active {
            if full {
                if !std::mem::replace(&mut queue.held, true) {
                    self.held.push_back(zone);
                }
                return None;
            }
            queue.active = true;
            self.active += 1;
        }
        if let Some(write) = queue.waiting.pop_front() {
            let blocks = (write.buf.len() / BLOCK_SIZE) as u32;
            queue.under_way = Some(UnderWay::Write { blocks });
            queue.blank = false;
            return Some(Step::Write(write));
        }
        let ended = queue.sealed.is_some_and(|blocks| blocks <= queue.written);
        if !ended {
            return None;
        }
        queue.sealed = None;
        queue.active.then(|| {
            queue.under_way = Some(UnderWay::Op(ZoneOp::Finish));
            Step::Op(ZoneOp::Finish)
        })
    }

    /// The request under way has ended well.
    fn ended(&mut self, zone: u32) {
        let queue = &mut self.all[zone as usize];
        let active = match queue.under_way.take() {
            None => return,
            Some(UnderWay::Write { blocks }) => {
                queue.written += blocks;
                queue.written < self.blocks
            }
            Some(UnderWay::Op(ZoneOp::Reset)) => {
                (queue.written, queue.torn, queue.blank) = (0, false, true);
                false
            }
            Some(UnderWay::Op(ZoneOp::Finish)) => false,
        };
        if queue.active && !active {
            queue.active = false;
            self.active -= 1;
        }
    }

    /// A zone that waited and may begin now.
    fn next_held(&mut self) -> Option<u32> {
        if self.active_max > 0 && self.active >= self.active_max {
            return None;
        }
        let zone = self.held.pop_front()?;
        self.all[zone as usize].held = false;
        Some(zone)
    }
}

impl Store {
    /// Writes at `offset`; on a zoned device, behind what was asked for before in that zone.
    pub(crate) fn write_device(&mut self, io: Io, offset: u64, buf: Bytes, durable: bool) {
        self.follow_segments();
        match &mut self.zones {
            None => {
                let io = self.new_io(io);
                self.out.push(StoreEffect::Write { io, offset, buf, durable });
            }
            Some(zones) => {
                let zone = zones.zone_of(offset);
                let write = Waiting { io, offset, buf, durable };
                zones.all[zone as usize].waiting.push_back(write);
                self.run_zone(zone);
            }
        }
    }

    /// Resets segments that are to be written, finishes those that are written no more.
    pub(crate) fn follow_segments(&mut self) {
        for event in std::mem::take(&mut self.segments.zone_events) {
            let Some(zones) = &mut self.zones else { return };
            let zone = match event {
                ZoneEvent::Begun { segment } => {
                    let zone = Zones::of_segment(segment);
                    zones.renew(zone);
                    zone
                }
                ZoneEvent::Ended { segment, blocks } => {
                    let zone = Zones::of_segment(segment);
                    zones.seal(zone, blocks);
                    zone
                }
            };
            self.run_zone(zone);
        }
    }

    /// Asks for the next thing in a zone.
    pub(crate) fn run_zone(&mut self, zone: u32) {
        let Some(zones) = &mut self.zones else { return };
        if matches!(self.phase, Phase::Failed(_)) {
            return;
        }
        let (offset, len) = (zones.offset(zone), zones.bytes);
        match zones.next(zone) {
            None => {}
            Some(Step::Write(Waiting { io, offset, buf, durable })) => {
                let io = self.new_io(io);
                self.out.push(StoreEffect::Write { io, offset, buf, durable });
            }
            Some(Step::Op(op)) => {
                let io = self.new_io(Io::Zone { device_offset: offset });
                self.out.push(StoreEffect::Zone { io, offset, len, op });
            }
        }
    }

    /// A write to a zone, a reset or a finish has ended.
    pub(crate) fn on_zone_io(&mut self, io: &Io, result: &Result<(), IoError>) {
        let (Io::Record { device_offset, .. }
        | Io::Checkpoint { device_offset }
        | Io::Cold { device_offset, .. }
        | Io::Zone { device_offset }) = *io
        else {
            return;
        };
        let Some(zones) = &mut self.zones else { return };
        if let Err(error) = result {
            self.fail(StoreError::WriteFailed { device_offset, error: *error });
            return;
        }
        let zone = zones.zone_of(device_offset);
        zones.ended(zone);
        self.run_zone(zone);
        while let Some(zone) = self.zones.as_mut().and_then(Zones::next_held) {
            self.run_zone(zone);
        }
    }

    /// Blocks of a segment that can be read.
    pub(crate) fn readable_blocks(&self, segment: u32) -> u32 {
        match &self.zones {
            None => self.segments.blocks(),
            Some(zones) => zones.written(Zones::of_segment(segment)),
        }
    }
}

impl Segments {
    /// Says from now on what becomes of segments.
    pub fn with_zones(mut self, zoned: bool) -> Self {
        self.zoned = zoned;
        self
    }
}
