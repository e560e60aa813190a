//! Space: what a transaction may take, what is kept back, and when operations wait.

use crate::checkpointer::COPIES_APART;
use crate::event::{StoreEvent, SubmitError};
use crate::format::BLOCK;
use crate::store::{Phase, Store, StoreConfig};
use crate::table::CHUNK_ENTRIES;
use crate::touch::Takes;
use crate::txn::{Transaction, TxnOp};

/// Free segments that only the cleaner and checkpoints may use, on top of a checkpoint's own.
pub(crate) const RESERVE_CLEANER: u64 = 2;
/// Further ones that only transactions which free space may use as well.
pub(crate) const RESERVE_FREEING: u64 = 1;
/// So many steps of a replay start a checkpoint ([`crate::meta::Meta::replay_steps`]): they take about
/// a third of a second. Small changes of metadata reach them long before the journal is full, and so do
/// small writes all over a region whose LBA tree has more than some 20,000 pages.
pub(crate) const REPLAY_STEPS: u64 = 250_000;
/// A transaction that frees space may log at most this much while it draws on the reserve, bytes.
const FREEING_BYTES_MAX: u64 = 256 << 10;

/// What a transaction takes, as far as its operations tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admitted {
    /// In the journal and of pages that are new, bytes, about.
    pub bytes: u64,
    data_blocks: u64,
    delta_bytes: u64,
    /// It frees space, and takes little.
    freeing: bool,
    /// What it copies is not told by its operations.
    copies: bool,
}

impl Admitted {
    fn reserve(&self) -> u64 {
        if self.freeing { RESERVE_CLEANER } else { RESERVE_CLEANER + RESERVE_FREEING }
    }
}

impl Store {
    /// Whether there is space for `txn` and whether it can be written right away.
    pub(crate) fn admit(&self, txn: &Transaction) -> Result<Admitted, SubmitError> {
        let (mut data, mut edges, mut deltas) = (0, 0, 0);
        let (mut frees, mut copies) = (false, false);
        for (index, op) in txn.ops.iter().enumerate() {
            op.check(index)?;
            // Blocks at both ends may be written in part.
            data += match op {
                TxnOp::Write { data, .. } if data.is_empty() => 0,
                TxnOp::Write { data, offset, .. } => {
                    (offset + data.len() as u64).div_ceil(BLOCK) - offset / BLOCK
                }
                TxnOp::CloneRange { len, .. } => len / BLOCK + 2,
                _ => 0,
            };
            edges += op.edge_blocks_max();
            deltas += op.delta_bytes_max();
            frees |= op.frees();
            copies |= matches!(op, TxnOp::Clone { .. });
        }
        // What the deltas tell of becomes pages, which a checkpoint has to write.
        let bytes = (data + edges) * BLOCK + 2 * deltas + 2 * BLOCK;
        let freeing = frees && !copies && data == 0 && deltas <= FREEING_BYTES_MAX;
        let admitted = Admitted { bytes, data_blocks: data, delta_bytes: deltas, freeing, copies };
        if self.is_full(&admitted, 0) {
            return Err(self.full_or_soon_not(&admitted, 0));
        }
        let wanted = self.queued_bytes + bytes;
        let blocked = !freeing && self.must_wait();
        if wanted > self.writable_bytes(admitted.reserve()) || blocked {
            self.room_wanted.set(self.room_wanted.get().max(bytes));
            return Err(SubmitError::Busy);
        }
        Ok(admitted)
    }

    /// Whether objects have what there is for them. The transaction makes `more` bytes of pages.
    fn is_full(&self, txn: &Admitted, more: u64) -> bool {
        self.is_full_without(0, txn, more)
    }
    /// The same, but for so many blocks of pages.
    fn is_full_without(&self, pages: u64, txn: &Admitted, more: u64) -> bool {
        let data_blocks = self.meta.data_blocks + txn.data_blocks;
        // Where there is no room, metadata alone have it all.
        let room = self.room_for_data(pages, txn.delta_bytes + more);
        !txn.freeing && room.is_none_or(|room| data_blocks > room)
    }
    /// What a transaction is told for which there is no room, or none before what was removed in
    /// the background is gone and a checkpoint has given up its pages.
    fn full_or_soon_not(&self, txn: &Admitted, more: u64) -> SubmitError {
        if !self.collects_garbage() {
            let freed = self.meta.pager.freed_blocks();
            if freed == 0 || self.is_full_without(freed, txn, more) {
                return SubmitError::Full;
            }
            self.pages_wanted.set(true);
        }
        self.room_wanted.set(self.room_wanted.get().max(txn.bytes));
        SubmitError::Busy
    }

    /// Whether the reserves are so near that what a transaction takes has to be known exactly.
    pub(crate) fn is_scarce(&self, txn: &Admitted) -> bool {
        let segment = self.config.superblock.segment_bytes as u64;
        txn.copies || self.writable_bytes(txn.reserve()) < txn.bytes + 4 * segment
    }

    /// Whether a transaction that was admitted, and whose pages are in memory now, can be applied
    /// without touching the reserves: pages that become dirty are what the next checkpoint writes,
    /// and an omap that is copied goes through the journal.
    pub(crate) fn fits(&self, txn: &Admitted, mut takes: Takes) -> Result<(), SubmitError> {
        let more = takes.dirtied(&self.meta) + takes.copied;
        let bytes = txn.bytes + takes.copied;
        if takes.copied > 0 && self.is_full(txn, takes.copied) {
            return Err(self.full_or_soon_not(txn, takes.copied));
        }
        if bytes <= self.writable_bytes_after(more, txn.reserve()) {
            return Ok(());
        }
        let beyond = more.saturating_sub(self.dirty_bytes_wanted() as u64);
        if self.is_full(txn, takes.copied + beyond) {
            return Err(self.full_or_soon_not(txn, takes.copied + beyond));
        }
        // What a checkpoint is kept is counted in whole segments.
        let wanted = bytes + more + self.config.superblock.segment_bytes as u64;
        self.room_wanted.set(self.room_wanted.get().max(wanted));
        Err(SubmitError::Busy)
    }

    /// Checkpoints do not keep up: journal, steps of a replay or dirty pages have reached twice what
    /// starts one.
    fn must_wait(&self) -> bool {
        self.journal.blocks * BLOCK > 2 * self.config.journal_bytes()
            || self.meta.replay_steps() > 2 * REPLAY_STEPS
            || self.meta.pager.dirty_bytes() > 2 * self.dirty_bytes_wanted()
            || self.queue.len() > 4096
    }

    /// Dirty pages that start a checkpoint.
    pub(crate) fn dirty_bytes_wanted(&self) -> usize {
        let region = self.config.superblock.region_bytes as usize;
        let cache = self.config.cache_bytes.max(StoreConfig::CACHE_BYTES_MIN);
        (cache / 4).min(region / 48).max(64 << 10)
    }
    /// Whether it is time for a checkpoint.
    pub(crate) fn checkpoint_due(&self) -> bool {
        self.checkpoint_wanted
            || self.pages_wanted.get()
            || self.journal.blocks * BLOCK >= self.config.journal_bytes()
            || self.meta.replay_steps() >= REPLAY_STEPS
            || self.meta.pager.dirty_bytes() >= self.dirty_bytes_wanted()
    }

    /// Dirty pages that a checkpoint may meet once `more` bytes are dirty, bytes. Transactions dirty
    /// what there is, and add at most what `growth` segments tell of.
    fn dirty_bytes_max(&self, more: u64, growth: u64) -> u64 {
        let dirty = self.meta.pager.dirty_bytes() as u64 + more;
        let pages = self.meta.pager.placed_blocks() * BLOCK;
        let fresh = self.meta.pager.fresh_bytes() as u64;
        let growth = more + growth * self.config.superblock.segment_bytes as u64;
        dirty.max((2 * self.dirty_bytes_wanted() as u64).min(pages + fresh + growth))
    }
    /// Blocks that one checkpoint may write from now on, once `more` bytes of pages are dirty.
    fn checkpoint_blocks_max(&self, more: u64) -> u64 {
        let dirty = self.dirty_bytes_max(more, 0);
        let table = self.meta.pager.id_end() / CHUNK_ENTRIES + 2;
        let twice = table as u64 + self.root_blocks(table) as u64;
        let parts = 2 * twice + COPIES_APART as u64;
        let left = self.checkpointer.as_ref().map_or(0, |c| c.blocks_left(parts));
        dirty / BLOCK + parts + left
    }
    pub(crate) fn checkpoint_segments(&self) -> u64 {
        self.checkpoint_segments_after(0)
    }
    fn checkpoint_segments_after(&self, more: u64) -> u64 {
        let blocks = self.segments.blocks() as u64;
        let left = self.meta_head.map_or(0, |(_, at)| blocks - at as u64);
        self.checkpoint_blocks_max(more).saturating_sub(left).div_ceil(blocks) + 1
    }

    /// Blocks that objects may hold. The rest is for metadata, two checkpoints, the reserves, and
    /// room that keeps cleaning possible.
    pub(crate) fn data_blocks_max(&self) -> u64 {
        self.room_for_data(0, 0).unwrap_or(0)
    }
    /// The same, once metadata have given up `pages` blocks and grown by `more_meta` bytes. `None` if
    /// they leave nothing.
    fn room_for_data(&self, pages: u64, more_meta: u64) -> Option<u64> {
        let blocks = self.segments.blocks() as u64;
        let own = RESERVE_CLEANER + RESERVE_FREEING + 5;
        let placed = self.meta.pager.placed_blocks().saturating_sub(pages);
        let meta = placed * 5 / 4 + more_meta / BLOCK;
        let checkpoint = 2 * self.dirty_bytes_max(0, 2) / BLOCK + 2 * blocks;
        let all = self.segments.sound_count().saturating_sub(own) * blocks;
        all.checked_sub(meta + checkpoint).map(|room| room / 32 * 31)
    }

    /// What can be written before fewer free segments than `reserve` plus a checkpoint's are left.
    pub(crate) fn writable_bytes(&self, reserve: u64) -> u64 {
        self.writable_bytes_after(0, reserve)
    }
    /// The same, once `more` bytes of pages are dirty.
    fn writable_bytes_after(&self, more: u64, reserve: u64) -> u64 {
        let lost = self.journal.left_unused_max() as u64;
        let blocks = self.segments.blocks() as u64;
        let checkpoint = self.checkpoint_segments_after(more);
        if self.segments.free_count() + RESERVE_CLEANER < checkpoint + reserve {
            // Not the cleaner alone draws on the reserves now. The journal may have begun a segment to
            // tell of its moves: that is no room for others.
            return 0;
        }
        let free = self.segments.free_count().saturating_sub(checkpoint + reserve);
        let head = (blocks - self.journal.head.block as u64).saturating_sub(lost);
        (head + free * (blocks - lost)) * BLOCK
    }

    /// Fewer free segments than this, and the cleaner works.
    pub(crate) fn free_wanted(&self) -> u64 {
        let least = self.checkpoint_segments() + RESERVE_CLEANER + RESERVE_FREEING + 2;
        least + self.discarder.free_wanted()
    }

    /// Whether now is a good time to start an operation that writes. While `false`, hold new
    /// operations back until [`StoreEvent::Room`]; what has begun may still be submitted.
    pub fn accepting(&self) -> bool {
        let accepting = self.has_room(1);
        if !accepting {
            self.room_wanted.set(self.room_wanted.get().max(1));
        }
        accepting
    }
    fn has_room(&self, bytes: u64) -> bool {
        let reserve = RESERVE_CLEANER + RESERVE_FREEING;
        matches!(self.phase, Phase::Ready)
            && !self.must_wait()
            && !self.is_paced()
            && self.queued_bytes + bytes <= self.writable_bytes(reserve)
    }
    /// Whether the cleaner has to make room.
    pub(crate) fn is_short(&self) -> bool {
        let wanted = self.room_wanted.get();
        self.is_below_wanted() || (wanted > 0 && !self.has_room(wanted))
    }
    /// Whether fewer segments are free than the cleaner wants.
    pub(crate) fn is_below_wanted(&self) -> bool {
        self.segments.free_count() + self.discarder.under_way() < self.free_wanted()
    }
    /// Whether nobody needs the next so many bytes.
    pub(crate) fn can_spare(&self, bytes: u64) -> bool {
        self.has_room(self.room_wanted.get().max(bytes))
    }
    pub(crate) fn say_room(&mut self) {
        let wanted = self.room_wanted.get();
        if wanted > 0 && self.has_room(wanted) {
            self.room_wanted.set(0);
            self.events.push(StoreEvent::Room);
        }
    }
}
