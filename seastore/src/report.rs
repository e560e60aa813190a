//! What a store says of its room and of the cleaner's work.

use crate::event::StatFs;
use crate::format::BLOCK;
use crate::segments::Use;
use crate::store::Store;

/// Steps of [`SpaceReport::utilisation`].
pub const UTILISATION_STEPS: usize = 10;

/// How the room of a shard is used, and what keeping it costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpaceReport {
    pub segments: u32,
    /// Neither used nor broken.
    pub segments_free: u32,
    /// With fewer free ones the cleaner works.
    pub segments_free_wanted: u32,
    /// Segments of records that are written to their end, by the share of their blocks that live: those
    /// below a tenth first, those of nine tenths and more last. What can be cleaned is on the left.
    pub utilisation: [u32; UTILISATION_STEPS],
    /// As `utilisation`, of segments of pages.
    pub utilisation_of_pages: [u32; UTILISATION_STEPS],
    /// Bytes written to the device over bytes of data that transactions wrote, since the store was
    /// opened; `None` before there were any.
    pub write_amplification: Option<f64>,
    /// Since the store was opened.
    pub segments_cleaned: u64,
}

impl Store {
    pub fn space_report(&self) -> SpaceReport {
        let blocks = self.segments.blocks() as usize;
        let mut report = SpaceReport {
            segments: self.segments.all.len() as u32,
            segments_free: self.segments.free_count() as u32,
            segments_free_wanted: self.free_wanted() as u32,
            segments_cleaned: self.counters.segments_cleaned,
            ..SpaceReport::default()
        };
        for s in &self.segments.all {
            let histogram = match s.usage {
                Use::Closed => &mut report.utilisation,
                Use::MetaClosed => &mut report.utilisation_of_pages,
                _ => continue,
            };
            let step = s.live as usize * UTILISATION_STEPS / blocks;
            histogram[step.min(UTILISATION_STEPS - 1)] += 1;
        }
        let counters = &self.counters;
        report.write_amplification = (counters.user_bytes > 0)
            .then(|| counters.device_bytes as f64 / counters.user_bytes as f64);
        report
    }

    /// One line about space and what goes on, for people.
    pub fn space_line(&self) -> String {
        let count = |usage| self.segments.all.iter().filter(|s| s.usage == usage).count();
        format!(
            "segments: {} free, {} journal and data, {} pages, of {}; {} blocks of data of {}; \
             journal {} of {} bytes; {} dirty bytes of {}; {} wanted free, {} for a checkpoint; \
             queue {}; in flight {}; wanted room {}; checkpoint {}; cleaning {}",
            self.segments.free_count(),
            count(Use::Closed),
            count(Use::Meta) + count(Use::MetaClosed),
            self.segments.all.len(),
            self.meta.data_blocks,
            self.data_blocks_max(),
            self.journal.blocks * BLOCK,
            self.config.journal_bytes(),
            self.meta.pager.dirty_bytes(),
            self.dirty_bytes_wanted(),
            self.free_wanted(),
            self.checkpoint_segments(),
            self.queue.len(),
            self.journal.in_flight.len(),
            self.room_wanted.get(),
            self.checkpointer.is_some(),
            self.cleaner.is_cleaning(),
        )
    }
    pub fn statfs(&self) -> StatFs {
        let total = self.data_blocks_max() * BLOCK;
        let data = self.meta.data_blocks * BLOCK;
        let used = data.min(total);
        StatFs {
            total,
            used,
            available: total - used,
            data,
            metadata: self.meta.pager.placed_blocks() * BLOCK,
            objects: self.meta.objects,
        }
    }
}
