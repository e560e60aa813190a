//! Discarder: tells the device about free segments whose contents are of no more use.
//!
//! A segment is free only when a mount has no use for it either (`segments`, [`reap`]). From then
//! on it may be discarded, and is kept from being written to until the device has answered: a
//! device may let a discard overtake a write. One is under way at a time, so that a pool's removal
//! does not flood the device, and only while there is room enough without that segment. A segment
//! that is used again before its turn came is not discarded: writing over it does the same.
//!
//! [`reap`]: crate::segments::Segments::reap

use crate::event::{StoreEffect, StoreEvent};
use crate::store::{Io, Phase, Store};
use types::node::IoError;

/// What to do, and what is under way.
pub(crate) struct Discarder {
    enabled: bool,
    busy: bool,
}

impl Discarder {
    pub fn new(enabled: bool) -> Self {
        Self { enabled, busy: false }
    }
    /// Free segments to have on top, so that one can be spared.
    pub fn free_wanted(&self) -> u64 {
        self.enabled as u64
    }
    /// Segments that will be free when the device has answered.
    pub fn under_way(&self) -> u64 {
        self.busy as u64
    }
}

impl Store {
    pub(crate) fn step_discard(&mut self) {
        let segment_bytes = self.config.superblock.segment_bytes as u64;
        let may = self.discarder.enabled
            && !self.discarder.busy
            && self.segments.free_count() >= self.free_wanted()
            && self.can_spare(segment_bytes);
        if !may {
            return;
        }
        let Some(segment) = self.segments.take_stale() else { return };
        self.discarder.busy = true;
        let offset = self.journal.device_offset(self.segments.start(segment));
        let io = self.new_io(Io::Discard { segment, device_offset: offset });
        self.out.push(StoreEffect::Discard { io, offset, len: segment_bytes });
    }

    pub(crate) fn on_discarded(
        &mut self,
        segment: u32,
        device_offset: u64,
        result: Result<(), IoError>,
    ) {
        self.discarder.busy = false;
        self.segments.discarded(segment);
        match result {
            Ok(()) => self.counters.discarded_bytes += self.config.superblock.segment_bytes as u64,
            // It forgets nothing, which harms nothing; asking again would not help either.
            Err(error) => {
                self.discarder.enabled = false;
                if matches!(self.phase, Phase::Ready) {
                    self.events.push(StoreEvent::DiscardRefused { device_offset, error });
                }
            }
        }
    }
}
