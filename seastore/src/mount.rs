//! Mount: anchors, root, page table, then the journal from where the checkpoint ends.
//!
//! The journal is a chain: each record names its predecessor's checksum and the segment that
//! follows its own. The chain's end is where no whole record continues it. Every record says up to
//! where the journal was durable when it was written; if one behind the end says that the missing
//! record was durable, the journal is damaged, else its end was cut by a crash.

mod behind;
mod chain;
mod checkpoint;
mod replay;
mod zoned;

use crate::anchor::{self, Anchor};
use crate::event::{MountReport, StoreEffect, StoreError, StoreEvent};
use crate::fetch::FetchKey;
use crate::format::BLOCK;
use crate::journal::Head;
use crate::page::PageKind;
use crate::pages::Pages;
use crate::record::{FIRST, HEADER_BYTES, MORE, RAW, RecordHeader};
use crate::root::Root;
use crate::segments::Use;
use crate::store::{Io, Phase, Store};
use crate::table::PageTable;
use behind::Behind;
use bytes::{Bytes, BytesMut};
use chain::{Chain, Followed};
use replay::{Replay, Replayed};
use std::collections::VecDeque;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};

/// Index of the flush at the end; reads have others.
const FLUSH: usize = usize::MAX;

enum Stage {
    /// The report of a zoned device.
    Zones,
    Anchors,
    /// Of the root, and then of chunks of the page table: copies that are being read.
    Root {
        waiting: usize,
    },
    Chunks {
        next: usize,
        waiting: usize,
    },
    /// Its records are followed and replayed.
    Journal,
    Flush,
    /// Zones that nobody goes on with are put away.
    Settle,
}

/// A mount under way.
pub(crate) struct Mount {
    stage: Stage,
    anchors: [Option<Bytes>; 4],
    anchors_waiting: usize,
    anchor: Option<Anchor>,
    /// It goes to the other zone before the next one is written.
    copy_anchor: bool,
    root: Option<Root>,
    table: PageTable,
    chain: Chain,
    replay: Replay,
    /// What is still to be looked at behind a damaged record.
    behind: Option<Behind>,
    report: MountReport,
}

impl Store {
    pub(crate) fn start_mount(&mut self) {
        let stage = if self.ask_for_zones() {
            Stage::Zones
        } else {
            let offsets = self.config.superblock.anchor_offsets(self.config.shard);
            for (index, offset) in offsets.into_iter().enumerate() {
                self.read_device(Io::Mount { index }, offset, BLOCK_SIZE);
            }
            Stage::Anchors
        };
        self.phase = Phase::Mounting(Box::new(Mount {
            stage,
            anchors: [const { None }; 4],
            anchors_waiting: 4,
            anchor: None,
            copy_anchor: false,
            root: None,
            table: PageTable::default(),
            chain: Chain::new(self.journal.head),
            replay: Replay::default(),
            behind: None,
            report: MountReport::default(),
        }));
    }

    pub(crate) fn on_mount_io(
        &mut self,
        index: usize,
        read: Result<Bytes, IoError>,
        flushed: Result<(), IoError>,
    ) {
        self.with_mount(|store, mount| store.mount_io(mount, index, read, flushed));
    }
    /// A page that the replay asked for came in, or did not.
    pub(crate) fn continue_mount(&mut self, key: FetchKey) {
        self.with_mount(|store, mount| match (&mount.stage, key) {
            (Stage::Journal, FetchKey::Page(id)) => {
                // Below an inner page lie others, and an object names its blocks and its omap.
                let leads_on = store
                    .meta
                    .pager
                    .get(id)
                    .is_ok_and(|page| page.level() > 0 || page.kind() == PageKind::Onode);
                mount.replay.arrived(id, leads_on);
                store.advance(mount)
            }
            _ => Ok(()),
        });
    }
    fn with_mount(&mut self, step: impl FnOnce(&mut Self, &mut Mount) -> Result<(), StoreError>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let Phase::Mounting(mut mount) = phase else {
            self.phase = phase;
            return;
        };
        match step(self, &mut mount) {
            Ok(()) if matches!(self.phase, Phase::Closed) => self.phase = Phase::Mounting(mount),
            Ok(()) => {}
            Err(error) => self.fail(error),
        }
    }

    fn mount_io(
        &mut self,
        mount: &mut Mount,
        index: usize,
        read: Result<Bytes, IoError>,
        flushed: Result<(), IoError>,
    ) -> Result<(), StoreError> {
        match &mut mount.stage {
            Stage::Anchors => {
                // A copy that cannot be read is as good as one that is damaged.
                mount.anchors[index] = read.ok();
                mount.anchors_waiting -= 1;
                if mount.anchors_waiting == 0 { self.choose_anchor(mount) } else { Ok(()) }
            }
            Stage::Root { .. } => self.take_root(mount, index, read),
            Stage::Chunks { .. } => self.take_chunk(mount, index, read),
            Stage::Journal => {
                mount.chain.install(index, read);
                self.advance(mount)
            }
            Stage::Flush if index != FLUSH => Ok(()),
            Stage::Flush => {
                flushed.map_err(|error| StoreError::FlushFailed { error })?;
                if !self.settle_zones(mount) {
                    self.end_mount(mount);
                }
                Ok(())
            }
            Stage::Zones | Stage::Settle => Ok(()),
        }
    }

    fn end_mount(&mut self, mount: &Mount) {
        self.phase = Phase::Ready;
        self.journal.mark(&mut self.segments);
        self.perform_writes();
        self.events.push(StoreEvent::Mounted(mount.report));
    }

    fn read_for_mount(&mut self, place: u32, blocks: u32, index: usize) {
        let offset = self.journal.device_offset(place);
        self.read_device(Io::Mount { index }, offset, blocks as usize * BLOCK_SIZE);
    }

    fn choose_anchor(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        let sb = &self.config.superblock;
        let region = anchor::Region {
            store: sb.store_uuid,
            shard: self.config.shard,
            segments: self.segments.all.len() as u32,
            segment_blocks: self.segments.blocks(),
            segment_stride: self.segments.start(1),
        };
        let anchor = if self.zones.is_some() {
            let (anchor, bad) = self.newest_anchor(mount, &region)?;
            self.bad_anchors = bad;
            anchor
        } else {
            let offsets = sb.anchor_offsets(self.config.shard);
            let blocks = mount.anchors.each_ref().map(|a| a.as_deref());
            let chosen = anchor::choose(blocks, &region).map_err(|damaged| {
                let [a, b] = damaged.pair();
                StoreError::NoAnchor { device_offsets: [offsets[a], offsets[b]] }
            })?;
            let damaged = offsets.iter().zip(chosen.damaged).filter(|(_, damaged)| *damaged);
            self.bad_anchors = damaged.map(|(offset, _)| *offset).collect();
            chosen.anchor
        };
        mount.chain = Chain::new(Head {
            segment: anchor.journal.segment,
            block: anchor.journal.place - self.segments.start(anchor.journal.segment),
            next: anchor.journal.next,
            sequence: anchor.journal.sequence,
            previous: anchor.journal.previous,
        });
        self.checkpoint = anchor.checkpoint;
        self.journal.start = anchor.journal.sequence;
        let root = anchor.root;
        mount.anchor = Some(anchor);
        if root.is_some() { self.read_root(mount) } else { self.start_scan(mount) }
    }

    // -- the chain of records -------------------------------------------------------------------

    fn start_scan(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        mount.stage = Stage::Journal;
        self.segments.replaying = true;
        self.advance(mount)
    }

    /// Follows the journal and replays it, as far as can be without waiting. While pages are under
    /// way the journal is read on.
    fn advance(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        loop {
            let followed = self.follow_chain(mount)?;
            let replayed = self.replay(mount)?;
            if replayed == Replayed::Waits || followed == Followed::Waits {
                return Ok(());
            }
            if followed == Followed::ToTheEnd {
                if mount.behind.is_none() {
                    return self.finish_mount(mount);
                }
                if !self.look_behind(mount)? {
                    return Ok(());
                }
            }
        }
    }

    fn finish_mount(&mut self, mount: &mut Mount) -> Result<(), StoreError> {
        self.segments.replaying = false;
        let head = mount.chain.head;
        self.journal.head = head;
        self.journal.durable = head.sequence - 1;
        self.journal.blocks = mount.chain.blocks;
        for i in 0..self.segments.all.len() {
            let s = &self.segments.all[i];
            // The cleaner filled it after the checkpoint.
            if matches!(s.usage, Use::Free | Use::Broken) && s.live > 0 {
                self.segments.claim(i as u32, Use::Closed);
                let s = self.segments.get(i as u32);
                (s.cold, s.last_sequence) = (true, head.sequence - 1);
            }
        }
        self.segments.claim(head.segment, Use::Journal);
        self.segments.claim(head.next, Use::Next);
        self.segments.claimed();
        self.segments.changed();
        if !self.config.salvage {
            // What was emptied since the checkpoint is as free as what was free then.
            self.reap_segments();
            self.resume_journal()?;
        }
        self.checkpoint_wanted |= !self.bad_copies.is_empty();
        mount.report.objects = self.meta.objects;
        mount.stage = Stage::Flush;
        if self.config.salvage {
            self.phase = Phase::Ready;
            self.events.push(StoreEvent::Mounted(mount.report));
            return Ok(());
        }
        // What was read may still be in the device's volatile cache; later records build on it, so
        // it has to be durable before any of them is.
        let io = self.new_io(Io::Mount { index: FLUSH });
        self.out.push(StoreEffect::Flush { io });
        Ok(())
    }
}
