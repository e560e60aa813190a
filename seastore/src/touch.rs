//! Walks that look at what a change will need, before anything is changed.

use crate::change::Change;
use crate::format::BLOCK;
use crate::key;
use crate::meta::{CHUNK, GROUP, Meta, REMOVE_KEYS_MAX};
use crate::onode::{BLOCKS_MAX, OnodeRef};
use crate::pages::{MissingPage, PageId};
use crate::root::Garbage;
use crate::tree::TreeError;
use crate::txn::{ObjectName, TxnOp, copies_bytes};
use bytes::Bytes;
use std::rc::Rc;

/// What has to be fetched first. Not always all of it: a page may lead to others.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub pages: Vec<PageId>,
    /// Blocks of data that are written in part: place and checksum.
    pub blocks: Vec<(u32, u32)>,
    /// A page, whole in itself, that does not fit where it stands: nothing fetched will help.
    pub corrupt: Option<PageId>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.blocks.is_empty() && self.corrupt.is_none()
    }
    fn note<T>(&mut self, found: Result<T, TreeError>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(TreeError::Missing(MissingPage(id))) => {
                if !self.pages.contains(&id) {
                    self.pages.push(id);
                }
                None
            }
            Err(TreeError::Corrupt { page, .. }) => {
                self.corrupt = Some(page);
                None
            }
        }
    }
}

struct Copied {
    to: ObjectName,
    to_block: u32,
    from: ObjectName,
    from_block: u32,
    blocks: u32,
}

/// Touches the changes of one transaction in turn.
pub(crate) struct Toucher<'a> {
    meta: &'a Meta,
    pub needs: Needs,
    /// Blocks that an earlier operation of the transaction makes copies of others.
    copies: Vec<Copied>,
    /// The object that was looked at last.
    seen: Option<(ObjectName, Option<OnodeRef<'a>>)>,
    /// An earlier operation may take addresses away from an object, or share them.
    addresses_change: bool,
    /// An earlier operation removes an omap: keys that follow go to a new one.
    omap_reset: bool,
    /// Whether the data of the block at a place are at hand.
    at_hand: &'a dyn Fn(u32) -> bool,
    /// What the changes take of memory and journal, if that is asked for.
    takes: Option<Takes>,
}

/// What is known of a transaction's cost only once its pages are in memory.
#[derive(Debug, Default)]
pub(crate) struct Takes {
    /// Leaves that become dirty, if they are not.
    leaves: Vec<PageId>,
    /// Pages that do so besides, at most.
    others: u64,
    /// Bytes of omap that are copied.
    pub copied: u64,
}

impl Takes {
    /// Bytes of pages that become dirty, without those that are new.
    pub fn dirtied(&mut self, meta: &Meta) -> u64 {
        self.leaves.sort_unstable();
        self.leaves.dedup();
        let clean = |id: &&PageId| !meta.pager.is_dirty(**id);
        (self.leaves.iter().filter(clean).count() as u64 + self.others) * BLOCK
    }
}

impl<'a> Toucher<'a> {
    pub fn new(meta: &'a Meta, at_hand: &'a dyn Fn(u32) -> bool) -> Self {
        Self {
            meta,
            needs: Needs::default(),
            copies: Vec::new(),
            seen: None,
            addresses_change: false,
            omap_reset: false,
            at_hand,
            takes: None,
        }
    }
    /// Counts what the changes take.
    pub fn counting(mut self) -> Self {
        self.takes = Some(Takes::default());
        self
    }
    pub fn finish(self) -> (Needs, Option<Takes>) {
        (self.needs, self.takes)
    }
    fn touched(&mut self, found: Result<Option<PageId>, TreeError>) {
        let leaf = self.needs.note(found).flatten();
        if let Some(takes) = &mut self.takes {
            takes.leaves.extend(leaf);
        }
    }
    /// Pages that become dirty and were not touched one by one.
    fn dirties(&mut self, pages: u64) {
        if let Some(takes) = &mut self.takes {
            takes.others += pages;
        }
    }

    /// The object, which may be changed: the path to it is resident.
    fn object(&mut self, o: &ObjectName) -> Option<OnodeRef<'a>> {
        // Nothing changes while this looks.
        if let Some((seen, onode)) = &self.seen
            && Rc::ptr_eq(seen, o)
        {
            return *onode;
        }
        let onode = self.needs.note(self.meta.touch_onode(o))?;
        self.seen = Some((o.clone(), onode));
        onode
    }

    /// Whatever is added with addresses never used before goes to the last leaf.
    fn new_blocks(&mut self) {
        self.touched(self.meta.touch_group(u64::MAX >> 8));
    }
    fn new_omap(&mut self) {
        self.touched(self.meta.touch_omap(u64::MAX, b""));
    }

    pub fn laddrs(&mut self, laddr: u64, blocks: u64) {
        let end = laddr + blocks;
        for group in laddr / GROUP..end.div_ceil(GROUP) {
            self.touched(self.meta.touch_group(group));
        }
    }

    /// Blocks `first..end` are written or given up.
    fn blocks(&mut self, onode: OnodeRef<'a>, first: u32, end: u32) {
        let mut holes = end.saturating_sub(first);
        for run in onode.overlaps(first, end) {
            self.laddrs(run.laddr, run.blocks as u64);
            holes -= run.blocks;
        }
        // Else what is written has the addresses that are there.
        if holes > 0 || onode.shared() || self.addresses_change {
            self.new_blocks();
        }
    }

    /// The block is written in part: what it holds, or will hold by then, has to be at hand.
    fn partial(&mut self, o: &ObjectName, block: u32) {
        self.partial_of(o, block, self.copies.len());
    }
    /// As of the operation after the first `copies` copies.
    fn partial_of(&mut self, o: &ObjectName, block: u32, copies: usize) {
        for i in (0..copies).rev() {
            let c = &self.copies[i];
            if c.to == *o && block >= c.to_block && block - c.to_block < c.blocks {
                let (from, block) = (c.from.clone(), block - c.to_block + c.from_block);
                self.partial_of(&from, block, i);
            }
        }
        let Some(onode) = self.needs.note(self.meta.onode_ref(o)).flatten() else { return };
        let Some((laddr, _)) = onode.laddr_of(block) else { return };
        let found = self.meta.block(laddr);
        if let Some(Some((place, crc, _))) = self.needs.note(found)
            && !(self.at_hand)(place)
        {
            self.needs.blocks.push((place, crc));
        }
    }

    /// The edges of a byte range that do not lie at block bounds.
    fn edges(&mut self, o: &ObjectName, start: u64, end: u64) {
        if start >= end {
            return;
        }
        if !start.is_multiple_of(BLOCK) {
            self.partial(o, (start / BLOCK) as u32);
        }
        let last = (end / BLOCK) as u32;
        if !end.is_multiple_of(BLOCK)
            && (start.is_multiple_of(BLOCK) || last as u64 != start / BLOCK)
        {
            self.partial(o, last);
        }
    }

    fn removal(&mut self, onode: OnodeRef<'a>) {
        let blocks: u64 = onode.runs().map(|r| r.blocks as u64).sum();
        if blocks <= 64 * GROUP {
            for run in onode.runs() {
                self.laddrs(run.laddr, run.blocks as u64);
            }
        }
        self.omap_removal(onode);
    }
    fn omap_removal(&mut self, onode: OnodeRef<'a>) {
        self.omap_reset = true;
        if onode.omap_id() != 0 && onode.omap_count() <= REMOVE_KEYS_MAX {
            let (first, last) = key::omap_range(onode.omap_id());
            self.omap_range(&first, &last);
        }
    }
    fn omap_range(&mut self, first: &[u8], last: &[u8]) {
        let meta = self.meta;
        self.needs.note(meta.omap.touch_range(&meta.pager, first, last, usize::MAX));
        // The first leaf and the last one; those between go.
        self.dirties(2);
    }
    /// The id of the object's omap, which may be one that is not there yet.
    fn omap(&mut self, o: &ObjectName) -> Option<u64> {
        let id = self.object(o).map(|o| o.omap_id()).filter(|id| *id != 0);
        if self.omap_reset || id.is_none() {
            self.new_omap();
        }
        id
    }
    fn omap_set(&mut self, o: &ObjectName, pairs: &[(Bytes, Bytes)]) {
        let Some(id) = self.omap(o) else { return };
        for (key, _) in pairs {
            self.touched(self.meta.touch_omap(id, key));
        }
    }
    fn omap_remove(&mut self, o: &ObjectName, keys: &[Bytes]) {
        let Some(id) = self.omap(o) else { return };
        for key in keys {
            self.needs.note(self.meta.touch_omap_remove(id, key));
            self.dirties(1);
        }
    }
    fn omap_header(&mut self, o: &ObjectName) {
        if let Some(id) = self.omap(o) {
            self.touched(self.meta.touch_omap_header(id));
        }
    }
    fn omap_part(&mut self, o: &ObjectName, first: &[u8], last: &[u8]) {
        if let Some(id) = self.object(o).map(|o| o.omap_id()).filter(|id| *id != 0) {
            self.omap_range(&key::omap_key(id, first), &key::omap_key(id, last));
        }
    }
    fn omap_clear(&mut self, o: &ObjectName) {
        if let Some(onode) = self.object(o) {
            self.omap_removal(onode);
        }
    }

    /// All of an object's omap, which is going to be copied.
    fn whole_omap(&mut self, onode: OnodeRef<'a>) {
        if onode.omap_id() != 0 {
            let (first, last) = key::omap_range(onode.omap_id());
            self.omap_range(&first, &last);
            self.new_omap();
            let meta = self.meta;
            if let Some(takes) = &mut self.takes {
                takes.copied += meta.omap.range_bytes(&meta.pager, &first, &last).unwrap_or(0);
            }
        }
    }

    fn clone_blocks(&mut self, from: OnodeRef<'a>, first: u32, end: u32) {
        for run in from.overlaps(first, end) {
            self.laddrs(run.laddr, run.blocks as u64);
        }
    }

    pub fn op(&mut self, op: &TxnOp) {
        self.touch_op(op);
        self.addresses_change |= !matches!(
            op,
            TxnOp::Write { .. }
                | TxnOp::SetXattr { .. }
                | TxnOp::RemoveXattr { .. }
                | TxnOp::OmapSet { .. }
                | TxnOp::OmapRemove { .. }
                | TxnOp::OmapRemoveRange { .. }
        );
    }
    fn touch_op(&mut self, op: &TxnOp) {
        // The object's own, and where a tree grows: the page that is split off and the one above.
        self.dirties(3);
        match op {
            TxnOp::CreateCollection { .. } | TxnOp::RemoveCollection { .. } => {}
            TxnOp::Touch { o } | TxnOp::SetXattr { o, .. } | TxnOp::RemoveXattr { o, .. } => {
                self.object(o);
            }
            TxnOp::Write { o, offset, data } => {
                let onode = self.object(o);
                let end = offset + data.len() as u64;
                self.range(o, onode, *offset, end);
            }
            TxnOp::Zero { o, offset, len } => {
                let onode = self.object(o);
                self.range(o, onode, *offset, offset + len);
            }
            TxnOp::Truncate { o, size } => {
                let onode = self.object(o);
                if let Some(onode) = onode {
                    self.blocks(onode, (size / BLOCK) as u32, BLOCKS_MAX);
                }
                if !size.is_multiple_of(BLOCK) {
                    self.partial(o, (size / BLOCK) as u32);
                }
                self.new_blocks();
            }
            TxnOp::Remove { o } => {
                if let Some(onode) = self.object(o) {
                    self.removal(onode);
                    self.needs.note(self.meta.touch_onode_remove(o));
                }
            }
            TxnOp::OmapSet { o, pairs } => {
                self.omap_set(o, pairs);
            }
            TxnOp::OmapRemove { o, keys } => {
                self.omap_remove(o, keys);
            }
            TxnOp::OmapRemoveRange { o, first, last } => {
                self.omap_part(o, first, last);
            }
            TxnOp::OmapClear { o } => {
                self.omap_clear(o);
            }
            TxnOp::OmapSetHeader { o, .. } => {
                self.omap_header(o);
            }
            TxnOp::Clone { o, to } => {
                if let Some(to) = self.object(to) {
                    self.removal(to);
                }
                if let Some(from) = self.object(o) {
                    self.clone_blocks(from, 0, BLOCKS_MAX);
                    self.whole_omap(from);
                }
                self.omap_reset = true;
                let (from, to) = (o.clone(), to.clone());
                let all = Copied { to, to_block: 0, from, from_block: 0, blocks: BLOCKS_MAX };
                self.copies.push(all);
            }
            TxnOp::CloneRange { o, to, from_offset, to_offset, len } => {
                let target = self.object(to);
                self.range(to, target, *to_offset, to_offset + len);
                let (first, end) = (from_offset / BLOCK, (from_offset + len).div_ceil(BLOCK));
                if let Some(from) = self.object(o) {
                    self.clone_blocks(from, first as u32, end as u32);
                }
                if copies_bytes(o, to, *from_offset, *to_offset, *len) {
                    (first..end).for_each(|block| self.partial(o, block as u32));
                    return;
                }
                self.edges(o, *from_offset, from_offset + len);
                self.copies.push(Copied {
                    to: to.clone(),
                    to_block: (to_offset / BLOCK) as u32,
                    from: o.clone(),
                    from_block: first as u32,
                    blocks: (end - first) as u32,
                });
            }
        }
    }

    fn range(&mut self, o: &ObjectName, onode: Option<OnodeRef<'a>>, start: u64, end: u64) {
        match onode {
            Some(onode) => self.blocks(onode, (start / BLOCK) as u32, end.div_ceil(BLOCK) as u32),
            None => self.new_blocks(),
        }
        self.edges(o, start, end);
    }

    /// A change of the journal, or one of the store's own.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::CreateCollection { .. } | Change::RemoveCollection { .. } => {}
            Change::Touch { o } | Change::SetXattr { o, .. } | Change::RemoveXattr { o, .. } => {
                self.object(o);
            }
            Change::Write { o, runs, .. } => {
                let onode = self.object(o);
                for run in runs {
                    // What lies under other addresses is given up.
                    let end = run.block + run.blocks;
                    for had in onode.iter().flat_map(|onode| onode.overlaps(run.block, end)) {
                        if had.laddr != run.laddr + (had.block - run.block) as u64 {
                            self.laddrs(had.laddr, had.blocks as u64);
                        }
                    }
                    self.laddrs(run.laddr, run.blocks as u64);
                }
            }
            Change::Punch { o, block, blocks, .. } => {
                if let Some(onode) = self.object(o) {
                    self.blocks(onode, *block, block.saturating_add(*blocks));
                }
            }
            Change::SetSize { o, size } => {
                if let Some(onode) = self.object(o) {
                    self.blocks(onode, size.div_ceil(BLOCK) as u32, BLOCKS_MAX);
                }
            }
            Change::Remove { o } => {
                if let Some(onode) = self.object(o) {
                    self.removal(onode);
                }
            }
            Change::OmapSet { o, pairs } => {
                self.omap_set(o, pairs);
            }
            Change::OmapRemove { o, keys } => {
                self.omap_remove(o, keys);
            }
            Change::OmapRemoveRange { o, first, last } => {
                self.omap_part(o, first, last);
            }
            Change::OmapClear { o } => {
                self.omap_clear(o);
            }
            Change::OmapSetHeader { o, .. } => {
                self.omap_header(o);
            }
            Change::Clone { from, to } => {
                if let Some(to) = self.object(to) {
                    self.removal(to);
                }
                if let Some(from) = self.object(from) {
                    self.clone_blocks(from, 0, BLOCKS_MAX);
                }
            }
            Change::CloneRange { from, to, from_block, to_block, blocks, .. } => {
                if let Some(to) = self.object(to) {
                    self.blocks(to, *to_block, to_block + blocks);
                }
                if let Some(from) = self.object(from) {
                    self.clone_blocks(from, *from_block, from_block + blocks);
                }
            }
            Change::Move { moves, .. } => {
                for moved in moves {
                    self.laddrs(moved.laddr, 1);
                }
            }
            Change::Collect { steps } => self.collect(*steps),
        }
    }

    /// The front of what is removed in the background.
    pub fn collect(&mut self, steps: u32) {
        match self.meta.garbage.front() {
            None => {}
            Some(Garbage::Omap { id }) => {
                let (first, last) = key::omap_range(*id);
                let meta = self.meta;
                let touch = |leaves| meta.omap.touch_range(&meta.pager, &first, &last, leaves);
                // Leaves may be empty: then it takes more of them.
                let found = self.needs.note(touch(steps as usize));
                if found.is_some_and(|items| items < steps as usize) {
                    self.needs.note(touch(usize::MAX));
                }
            }
            Some(Garbage::Laddrs { first, blocks }) => {
                self.laddrs(*first, (*blocks).min(steps as u64));
            }
        }
    }
}

const _: () = assert!((CHUNK as u64).is_multiple_of(GROUP));
