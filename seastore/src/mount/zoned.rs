//! Mount of a zoned device: the report of zones comes first, and before the store is ready, zones
//! that nobody goes on with are put away.
//!
//! Anchors lie behind each other in two zones, each written twice, the newest last. A crash damages
//! the last block of a zone at most, since a mount that finds it damaged goes on in the other zone:
//! if the last two are bad, that is rot, and an older anchor may be older than what was acknowledged.

use super::{Mount, Stage};
use crate::anchor::{Anchor, Region};
use crate::event::StoreError;
use crate::format::{ANCHOR_ZONES, BLOCK};
use crate::segments::Use;
use crate::store::{Io, Phase, Store};
use crate::zones::Zones;
use types::node::{BLOCK_SIZE, IoError};
use types::zone::Zone;

/// So many blocks are read of the end of what is written of a zone of anchors.
const TAIL_BLOCKS: u32 = 8;

impl Store {
    /// Asks for the report of zones; `false` if the device has none.
    pub(super) fn ask_for_zones(&mut self) -> bool {
        let Some(zones) = &self.zones else { return false };
        let (offset, len) = zones.range();
        let io = self.new_io(Io::Mount { index: 0 });
        self.out.push(crate::event::StoreEffect::ReportZones { io, offset, len });
        true
    }

    pub(crate) fn on_zones(&mut self, report: Result<Vec<Zone>, IoError>) {
        self.with_mount(|store, mount| store.take_zones(mount, report));
    }

    fn take_zones(
        &mut self,
        mount: &mut Mount,
        report: Result<Vec<Zone>, IoError>,
    ) -> Result<(), StoreError> {
        let Some(zones) = &mut self.zones else { return Ok(()) };
        let device_offset = zones.range().0;
        zones
            .take_report(&report.map_err(|error| StoreError::ReadFailed { device_offset, error })?);
        for segment in zones.broken() {
            self.segments.set_broken(segment);
        }
        mount.stage = Stage::Anchors;
        mount.anchors_waiting = 0;
        for zone in 0..ANCHOR_ZONES as u32 {
            let (offset, blocks) = self.tail(zone);
            if blocks > 0 {
                mount.anchors_waiting += 1;
                let index = zone as usize;
                self.read_device(Io::Mount { index }, offset, blocks as usize * BLOCK_SIZE);
            }
        }
        if mount.anchors_waiting == 0 { self.choose_anchor(mount) } else { Ok(()) }
    }

    /// Offset and blocks of what is read of a zone of anchors.
    fn tail(&self, zone: u32) -> (u64, u32) {
        let Some(zones) = &self.zones else { return (0, 0) };
        let written = zones.written(zone);
        let blocks = written.min(TAIL_BLOCKS);
        (zones.offset(zone) + (written - blocks) as u64 * BLOCK, blocks)
    }

    /// The newest anchor, and the offsets of those that are damaged.
    pub(super) fn newest_anchor(
        &mut self,
        mount: &mut Mount,
        region: &Region,
    ) -> Result<(Anchor, Vec<u64>), StoreError> {
        let mut newest: Option<(u32, Anchor)> = None;
        let mut bad = Vec::new();
        let mut ends_well = [true; ANCHOR_ZONES as usize];
        for zone in 0..ANCHOR_ZONES as u32 {
            let (offset, blocks) = self.tail(zone);
            let tail = mount.anchors[zone as usize].take();
            let found = |i: u32| {
                let bytes = tail.as_deref()?.chunks(BLOCK_SIZE).nth(i as usize)?;
                Anchor::decode_any(bytes, region)
            };
            let mut bad_behind = 0;
            for i in 0..blocks {
                match found(i) {
                    Some(anchor) => {
                        bad_behind = 0;
                        if newest.is_none_or(|(_, n)| n.checkpoint <= anchor.checkpoint) {
                            newest = Some((zone, anchor));
                        }
                    }
                    None => {
                        bad_behind += 1;
                        bad.push(offset + i as u64 * BLOCK);
                    }
                }
            }
            if bad_behind > 1 {
                let end = offset + blocks as u64 * BLOCK;
                return Err(StoreError::NoAnchor {
                    device_offsets: [end - 2 * BLOCK, end - BLOCK],
                });
            }
            ends_well[zone as usize] = bad_behind == 0;
        }
        let Some(zones) = &mut self.zones else { return Err(StoreError::ReserveExhausted) };
        let starts = [0, 1].map(|zone| zones.offset(zone));
        let (zone, anchor) = newest.ok_or(StoreError::NoAnchor { device_offsets: starts })?;
        let at = zones.written(zone);
        let goes_on = ends_well[zone as usize] && zones.can_append(zone, at);
        // Otherwise the zone is as good as full.
        mount.copy_anchor = !goes_on;
        zones.set_anchor(zone, if goes_on { at } else { self.segments.blocks() });
        // What a crash tore is no finding, and the other zone is of no use.
        let (start, last) = (zones.offset(zone), at as u64 * BLOCK - BLOCK);
        bad.retain(|offset| (start..start + last).contains(offset));
        Ok((anchor, bad))
    }

    /// Where the zone takes no write at the journal's end, it goes on in the next one.
    pub(super) fn resume_journal(&mut self) -> Result<(), StoreError> {
        let Some(zones) = &self.zones else { return Ok(()) };
        let mut head = self.journal.head;
        let zone = Zones::of_segment;
        let failed =
            |segment| StoreError::ZoneFailed { device_offset: zones.offset(zone(segment)) };
        let full = head.block >= self.segments.blocks();
        let goes_on = zones.can_append(zone(head.segment), head.block) && !full;
        // Only a record can name another one.
        if !goes_on && !zones.is_usable(zone(head.next)) {
            return Err(failed(head.next));
        }
        if zones.is_usable(zone(head.next)) {
            self.segments.begin(head.next);
        } else {
            self.segments.get(head.next).usage = Use::Broken;
            head.next = self.segments.allocate(Use::Next).ok_or(StoreError::ReserveExhausted)?;
        }
        if !goes_on && !full {
            let s = self.segments.get(head.segment);
            s.last_sequence = s.last_sequence.max(head.sequence - 1);
            s.usage = Use::Closed;
            (head.segment, head.block) = (head.next, 0);
            self.segments.get(head.segment).usage = Use::Journal;
            head.next = self.segments.allocate(Use::Next).ok_or(StoreError::ReserveExhausted)?;
            self.journal.resumed = true;
        }
        self.journal.head = head;
        Ok(())
    }

    /// Brings all zones to a state in which the store can go on. `false`: there is nothing to do.
    pub(super) fn settle_zones(&mut self, mount: &mut Mount) -> bool {
        let Some(zones) = &mut self.zones else { return false };
        let head = self.journal.head;
        for (segment, s) in self.segments.all.iter().enumerate() {
            let segment = segment as u32;
            if segment != head.segment && segment != head.next {
                zones.put_away(Zones::of_segment(segment), s.usage == Use::Free);
            }
        }
        let (anchor_zone, _) = zones.anchor();
        zones.put_away(1 - anchor_zone, true);
        let count = self.segments.all.len() as u32 + ANCHOR_ZONES as u32;
        (0..count).for_each(|zone| self.run_zone(zone));
        self.follow_segments();
        if mount.copy_anchor
            && let Some(anchor) = mount.anchor
        {
            (0..2).for_each(|copy| self.append_anchor(&anchor, copy));
        }
        mount.stage = Stage::Settle;
        true
    }

    /// After each answer of the device: is everything where it should be?
    pub(crate) fn continue_settling(&mut self) {
        if matches!(self.phase, Phase::Mounting(_)) {
            self.with_mount(|store, mount| {
                let idle = |store: &Self| store.zones.as_ref().is_some_and(Zones::is_idle);
                if matches!(mount.stage, Stage::Settle) && idle(store) {
                    store.end_mount(mount);
                }
                Ok(())
            });
        }
    }
}
