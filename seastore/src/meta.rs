//! What a checkpoint holds: three trees and a few counters, and how one change alters them.
//!
//! Nothing here can fail or miss: whoever applies a change has touched what it needs (`touch`). The
//! same functions serve transactions and replay, so that a replayed store is the store that was.

use crate::change::{Change, Moved, WrittenRun};
use crate::format::BLOCK;
use crate::group::{Group, GroupRef, set_in_place};
use crate::key;
use crate::onode::{BLOCKS_MAX, Onode, OnodeRef, Run};
use crate::page::PageKind;
use crate::pager::Pager;
use crate::pages::PageId;
use crate::root::Garbage;
use crate::segments::Segments;
use crate::tree::spot::Spots;
use crate::tree::{Tree, TreeError};
use crate::txn::ObjectName;
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use types::{HObject, PgId};

/// Blocks of a group.
pub(crate) const GROUP: u64 = 64;
/// An object gets logical addresses for so many blocks at a time (4 MiB).
pub(crate) const CHUNK: u32 = 1024;
/// Removing more blocks of one object than this is left to the background.
const REMOVE_BLOCKS_MAX: u64 = 64 * GROUP;
/// Removing more keys of one omap than this is left to the background.
pub(crate) const REMOVE_KEYS_MAX: u64 = 256;

/// The object that changes are being applied to, decoded.
struct Current {
    name: ObjectName,
    key: Vec<u8>,
    onode: Onode,
    /// Whether the tree holds it.
    stored: bool,
    dirty: bool,
}

pub(crate) struct Meta {
    pub pager: Pager,
    pub onodes: Tree,
    pub lba: Tree,
    pub omap: Tree,
    pub next_laddr: u64,
    pub next_omap: u64,
    pub objects: u64,
    /// Blocks of data that are live; a shared one counts once.
    pub data_blocks: u64,
    pub collections: BTreeMap<PgId, u8>,
    /// What is removed in the background, oldest first.
    pub garbage: VecDeque<Garbage>,
    /// Objects looked up and items set, moved or given up one by one, since the newest durable
    /// checkpoint; see [`Meta::replay_steps`].
    pub steps: u64,
    current: Option<Current>,
    /// Memory of the object that was current last.
    spare: (Vec<u8>, Onode),
    scratch: Vec<u8>,
    /// Where keys are put together.
    key: Cell<Vec<u8>>,
    onode_spots: Spots,
    /// By group.
    lba_spots: Spots,
    /// By omap.
    omap_spots: Spots,
}

/// A replay reads a page, and gives it memory, in the time of about so many other steps.
const PAGE_STEPS: u64 = 12;
/// A block with so many shares is never given up: its count is not known any more.
const REFS_STUCK: u16 = u16::MAX;

/// Groups that are looked for in one place: about as many as a leaf holds.
const GROUPS_NEAR: u64 = 8;

const RESIDENT: &str = "changes come after a walk that touched what they need";

impl Meta {
    pub fn new(pager: Pager) -> Self {
        Self {
            pager,
            onodes: Tree::empty(PageKind::Onode),
            lba: Tree::empty(PageKind::Lba),
            omap: Tree::empty(PageKind::Omap),
            next_laddr: 0,
            next_omap: 1,
            objects: 0,
            data_blocks: 0,
            collections: BTreeMap::new(),
            garbage: VecDeque::new(),
            steps: 0,
            current: None,
            spare: Default::default(),
            scratch: Vec::new(),
            key: Cell::default(),
            onode_spots: Spots::default(),
            lba_spots: Spots::default(),
            omap_spots: Spots::default(),
        }
    }

    /// What a replay from the newest durable checkpoint on would take, in steps of about the same
    /// time, a microsecond or a little more.
    pub fn replay_steps(&self) -> u64 {
        self.steps + PAGE_STEPS * self.pager.changed()
    }

    /// The object as the trees hold it. What is damaged on the way there keeps nobody from it.
    pub fn onode_ref(&self, o: &HObject) -> Result<Option<OnodeRef<'_>>, TreeError> {
        debug_assert!(self.current.is_none());
        let spot = self.onode_spots.of(number_of(o));
        // Who looks at an object often changes it next, and finds it there at once.
        let found = self.with_key(o, |key| match self.onodes.touch(&self.pager, spot, key) {
            Err(TreeError::Corrupt { .. }) => self.onodes.get(&self.pager, spot, key),
            found => Ok(found?.and_then(|(_, value)| value)),
        })?;
        Ok(found.map(OnodeRef::stored))
    }

    /// The same, for somebody who is going to change it.
    pub fn touch_onode(&self, o: &HObject) -> Result<Option<OnodeRef<'_>>, TreeError> {
        debug_assert!(self.current.is_none());
        let spot = self.onode_spots.of(number_of(o));
        let found = self.with_key(o, |key| self.onodes.touch(&self.pager, spot, key))?;
        Ok(found.and_then(|(_, value)| value).map(OnodeRef::stored))
    }
    /// The same, for somebody who is going to remove it.
    pub fn touch_onode_remove(&self, o: &HObject) -> Result<(), TreeError> {
        let spot = self.onode_spots.of(number_of(o));
        self.with_key(o, |key| self.onodes.touch_remove(&self.pager, spot, key))
    }

    fn with_key<T>(&self, o: &HObject, look: impl FnOnce(&[u8]) -> T) -> T {
        let mut key = self.key.take();
        key.clear();
        key::encode_name_into(o, &mut key);
        let found = look(&key);
        self.key.set(key);
        found
    }

    /// The leaf that holds a group of blocks or will.
    pub fn touch_group(&self, group: u64) -> Result<Option<PageId>, TreeError> {
        let spot = self.lba_spots.of(group / GROUPS_NEAR);
        let found = self.lba.touch(&self.pager, spot, &key::lba_key(group))?;
        Ok(found.map(|(leaf, _)| leaf))
    }
    /// The leaf that holds a key of an omap or will.
    pub fn touch_omap(&self, id: u64, key: &[u8]) -> Result<Option<PageId>, TreeError> {
        let mut whole = self.key.take();
        whole.clear();
        key::omap_key_into(id, key, &mut whole);
        let found = self.omap.touch(&self.pager, self.omap_spots.of(id), &whole);
        self.key.set(whole);
        Ok(found?.map(|(leaf, _)| leaf))
    }
    /// The same, for the header.
    pub fn touch_omap_header(&self, id: u64) -> Result<Option<PageId>, TreeError> {
        let (spot, key) = (self.omap_spots.of(id), key::omap_header_key(id));
        Ok(self.omap.touch(&self.pager, spot, &key)?.map(|(leaf, _)| leaf))
    }
    /// The same, for a key that will be removed.
    pub fn touch_omap_remove(&self, id: u64, key: &[u8]) -> Result<(), TreeError> {
        let (spot, key) = (self.omap_spots.of(id), key::omap_key(id, key));
        self.omap.touch_remove(&self.pager, spot, &key)
    }

    // -- the current object ---------------------------------------------------------------------

    /// Makes `o` the current object. Whether it exists.
    fn open(&mut self, o: &ObjectName) -> bool {
        if self.current.as_ref().is_some_and(|c| c.name == *o) {
            return true;
        }
        self.close();
        self.steps += 1;
        let (mut key, mut onode) = std::mem::take(&mut self.spare);
        key.clear();
        key::encode_name_into(o, &mut key);
        let spot = self.onode_spots.of(number_of(o));
        match self.onodes.get(&self.pager, spot, &key).expect(RESIDENT) {
            Some(value) => onode.load(OnodeRef::stored(value)),
            None => {
                self.spare = (key, onode);
                return false;
            }
        }
        self.current = Some(Current { name: o.clone(), key, onode, stored: true, dirty: false });
        true
    }

    /// Makes `o` the current object, new and empty if it was missing.
    fn ensure(&mut self, o: &ObjectName) {
        if self.open(o) {
            return;
        }
        let mut key = Vec::with_capacity(128);
        key::encode_name_into(o, &mut key);
        let onode = Onode::default();
        self.current = Some(Current { name: o.clone(), key, onode, stored: false, dirty: true });
        self.objects += 1;
    }

    /// Writes the current object back. Called after every transaction, before anything looks.
    pub fn close(&mut self) {
        let Some(current) = self.current.take() else { return };
        if current.dirty {
            let mut value = std::mem::take(&mut self.scratch);
            value.clear();
            current.onode.encode_into(&mut value);
            let spot = self.onode_spots.of(number_of(&current.name));
            self.onodes.insert(&mut self.pager, spot, &current.key, &value);
            self.scratch = value;
        }
        self.spare = (current.key, current.onode);
    }

    fn now(&mut self) -> &mut Current {
        self.current.as_mut().expect("an object is open")
    }
    fn changing(&mut self) -> &mut Onode {
        let current = self.now();
        current.dirty = true;
        &mut current.onode
    }

    /// The current object, created if it was missing, for the write path to look at.
    pub fn ensured(&mut self, o: &ObjectName) -> &Onode {
        self.ensure(o);
        &self.now().onode
    }
    pub fn opened(&mut self, o: &ObjectName) -> Option<&Onode> {
        self.open(o).then(|| &self.current.as_ref().expect("opened").onode)
    }

    // -- blocks ---------------------------------------------------------------------------------

    /// What is known of one block.
    pub fn block(&self, laddr: u64) -> Result<Option<(u32, u32, u16)>, TreeError> {
        let Some(group) = self.group_ref(laddr / GROUP)? else { return Ok(None) };
        Ok(group.get((laddr % GROUP) as u8).map(|b| (b.place, b.crc, b.refs)))
    }

    /// Shows place and checksum of `blocks` blocks from `laddr` on; `None` for those that are not
    /// there.
    pub fn blocks(
        &self,
        laddr: u64,
        blocks: u64,
        visit: &mut dyn FnMut(Option<(u32, u32)>),
    ) -> Result<(), TreeError> {
        let (mut at, end) = (laddr, laddr + blocks);
        while at < end {
            let until = end.min((at / GROUP + 1) * GROUP);
            let group = self.group_ref(at / GROUP)?;
            for laddr in at..until {
                let block = group.as_ref().and_then(|g| g.get((laddr % GROUP) as u8));
                visit(block.map(|b| (b.place, b.crc)));
            }
            at = until;
        }
        Ok(())
    }

    /// Puts blocks, of which nobody else has a share, at `place` and following.
    fn set_blocks(&mut self, laddr: u64, place: u32, crcs: &[u32], segments: &mut Segments) {
        let (mut laddr, mut place, mut crcs) = (laddr, place, crcs);
        while !crcs.is_empty() {
            let first = (laddr % GROUP) as usize;
            let count = crcs.len().min(GROUP as usize - first);
            let (now, later) = crcs.split_at(count);
            self.set_in_group(laddr, place, now, segments);
            (laddr, place, crcs) = (laddr + count as u64, place + count as u32, later);
        }
    }

    fn set_in_group(&mut self, laddr: u64, place: u32, crcs: &[u32], segments: &mut Segments) {
        self.steps += 1;
        let number = laddr / GROUP;
        let first = (laddr % GROUP) as usize;
        // Nearly all writes replace blocks that are there: eight bytes each, in place.
        let mut done = 0;
        let mut born = 0;
        let (spot, key) = (self.lba_spots.of(number / GROUPS_NEAR), key::lba_key(number));
        self.lba.update(&mut self.pager, spot, &key, |bytes| {
            for (i, crc) in crcs.iter().enumerate() {
                let old = group_of(bytes).get((first + i) as u8).map(|b| b.place);
                let Some(old) = old else { return };
                set_in_place(bytes, (first + i) as u8, place + i as u32, *crc);
                segments.kill(old);
                segments.birth(place + i as u32);
                done += 1;
            }
        });
        if done == crcs.len() {
            return;
        }
        let mut group = self.group(number);
        for (i, crc) in crcs.iter().enumerate().skip(done) {
            match group.get((first + i) as u8) {
                Some(old) => segments.kill(old.place),
                None => born += 1,
            }
            segments.birth(place + i as u32);
            group.set((first + i) as u8, place + i as u32, *crc);
        }
        self.data_blocks += born;
        self.store_group(number, &group);
    }

    fn group_ref(&self, number: u64) -> Result<Option<GroupRef<'_>>, TreeError> {
        let spot = self.lba_spots.of(number / GROUPS_NEAR);
        Ok(self.lba.get(&self.pager, spot, &key::lba_key(number))?.map(group_of))
    }
    fn group(&self, number: u64) -> Group {
        self.group_ref(number).expect(RESIDENT).map_or_else(Group::default, Group::from)
    }
    fn store_group(&mut self, number: u64, group: &Group) {
        let (spot, key) = (self.lba_spots.of(number / GROUPS_NEAR), key::lba_key(number));
        if group.is_empty() {
            self.lba.remove(&mut self.pager, spot, &key);
            return;
        }
        let mut value = std::mem::take(&mut self.scratch);
        value.clear();
        group.encode_into(&mut value);
        self.lba.insert(&mut self.pager, spot, &key, &value);
        self.scratch = value;
    }

    /// Gives up one share of each block that is there.
    fn drop_blocks(&mut self, laddr: u64, blocks: u64, segments: &mut Segments) {
        self.change_groups(laddr, blocks, |meta, group, index| {
            let Some(block) = group.get(index) else { return };
            if block.refs == REFS_STUCK {
                return;
            }
            if block.refs > 1 {
                group.set_refs(index, block.refs - 1);
            } else {
                group.clear(index);
                segments.kill(block.place);
                meta.data_blocks -= 1;
            }
        });
    }
    /// One share more of each block that is there.
    fn share_blocks(&mut self, laddr: u64, blocks: u64) {
        self.change_groups(laddr, blocks, |_, group, index| {
            if let Some(block) = group.get(index) {
                group.set_refs(index, block.refs.saturating_add(1));
            }
        });
    }
    fn change_groups(
        &mut self,
        laddr: u64,
        blocks: u64,
        mut change: impl FnMut(&mut Self, &mut Group, u8),
    ) {
        let (mut at, end) = (laddr, laddr + blocks);
        while at < end {
            let until = end.min((at / GROUP + 1) * GROUP);
            self.steps += 1;
            let mut group = self.group(at / GROUP);
            if !group.is_empty() {
                for laddr in at..until {
                    change(self, &mut group, (laddr % GROUP) as u8);
                }
                self.store_group(at / GROUP, &group);
            }
            at = until;
        }
    }

    // -- data of the current object -------------------------------------------------------------

    /// Blocks of the current object lie at `run.place` now, under `run.laddr`. If that is where
    /// they were, the old ones die; else the object gives up its share of what it had.
    pub fn put_run(&mut self, run: &WrittenRun, crcs: &[u32], segments: &mut Segments) {
        let (mut at, end) = (run.block, run.block + run.blocks);
        while at < end {
            let laddr = run.laddr + (at - run.block) as u64;
            let (had, left) = match self.now().onode.laddr_of(at) {
                Some((had, left)) => (Some(had), left.min(end - at)),
                None => (None, gap_after(&self.now().onode, at).min(end - at)),
            };
            if had != Some(laddr) {
                if let Some(had) = had {
                    self.drop_blocks(had, left as u64, segments);
                }
                self.attach(at, left, laddr, had.is_none());
            }
            at += left;
        }
        self.set_blocks(run.laddr, run.place, crcs, segments);
    }

    /// Gives the object logical addresses; a whole chunk where it has none in the chunk yet.
    fn attach(&mut self, block: u32, blocks: u32, laddr: u64, fresh: bool) {
        let chunk = block / CHUNK * CHUNK;
        let whole = fresh
            && laddr % CHUNK as u64 == (block - chunk) as u64
            && !has_runs(&self.now().onode, chunk);
        let (block, blocks, laddr) = if whole {
            (chunk, CHUNK, laddr - (block - chunk) as u64)
        } else {
            (block, blocks, laddr)
        };
        self.next_laddr = self.next_laddr.max(laddr + blocks as u64);
        self.changing().set_run(block, blocks, laddr);
    }

    /// Where up to `blocks` blocks from `block` on of the current object are to be written:
    /// (logical address, how many).
    pub fn laddr_for(&mut self, block: u32, blocks: u32) -> (u64, u32) {
        let onode = &self.current.as_ref().expect("an object is open").onode;
        let shared = onode.shared;
        match onode.laddr_of(block) {
            Some((laddr, left)) if !shared => (laddr, left.min(blocks)),
            Some((laddr, left)) => {
                let left = left.min(blocks);
                let own = |laddr| {
                    let found = self.block(laddr).expect(RESIDENT);
                    found.is_some_and(|(_, _, refs)| refs == 1)
                };
                let mine = own(laddr);
                let same = (1..left).take_while(|i| own(laddr + *i as u64) == mine).count();
                let count = 1 + same as u32;
                (if mine { laddr } else { self.next_laddr }, count)
            }
            None => {
                let chunk = block / CHUNK * CHUNK;
                let count = blocks.min(gap_after(onode, block));
                if has_runs(onode, chunk) {
                    return (self.next_laddr, count);
                }
                let base = self.next_laddr.next_multiple_of(CHUNK as u64);
                (base + (block - chunk) as u64, count.min(chunk + CHUNK - block))
            }
        }
    }

    pub fn grow(&mut self, end: u64) {
        if self.now().onode.size < end {
            self.changing().size = end;
        }
    }

    /// Makes a hole. An object that never shared keeps the addresses for what is written there
    /// later; another one must not, since they may still be somebody else's.
    fn punch(&mut self, block: u32, blocks: u32, segments: &mut Segments) {
        let end = block.saturating_add(blocks);
        let runs: Vec<Run> = self.now().onode.overlaps(block, end).collect();
        for run in runs {
            self.drop_blocks(run.laddr, run.blocks as u64, segments);
        }
        if self.now().onode.shared {
            self.changing().remove_runs(block, end);
        }
    }

    fn set_size(&mut self, size: u64, segments: &mut Segments) {
        let old = self.now().onode.size;
        if size < old {
            let first = size.div_ceil(BLOCK) as u32;
            self.punch(first, BLOCKS_MAX - first, segments);
        }
        if size != old {
            self.changing().size = size;
        }
    }

    fn remove(&mut self, o: &ObjectName, segments: &mut Segments) {
        if !self.open(o) {
            return;
        }
        let current = self.current.take().expect("opened");
        self.drop_omap(current.onode.omap_id, current.onode.omap_count);
        let blocks: u64 = current.onode.runs().iter().map(|r| r.blocks as u64).sum();
        for run in current.onode.runs() {
            if blocks > REMOVE_BLOCKS_MAX {
                let (first, blocks) = (run.laddr, run.blocks as u64);
                self.garbage.push_back(Garbage::Laddrs { first, blocks });
            } else {
                self.drop_blocks(run.laddr, run.blocks as u64, segments);
            }
        }
        self.objects -= 1;
        if current.stored {
            let spot = self.onode_spots.of(number_of(o));
            self.onodes.remove(&mut self.pager, spot, &current.key);
        }
    }

    fn clone_object(&mut self, from: &ObjectName, to: &ObjectName, segments: &mut Segments) {
        if from == to || !self.open(from) {
            return;
        }
        self.remove(to, segments);
        self.open(from);
        let source = self.changing();
        source.shared = true;
        let mut copy = source.clone();
        (copy.omap_id, copy.omap_count, copy.omap_header_bytes) = (0, 0, 0);
        for run in copy.runs() {
            self.share_blocks(run.laddr, run.blocks as u64);
        }
        self.ensure(to);
        *self.changing() = copy;
    }

    fn clone_range(
        &mut self,
        from: &ObjectName,
        to: &ObjectName,
        from_block: u32,
        to_block: u32,
        blocks: u32,
        segments: &mut Segments,
    ) {
        if !self.open(from) {
            return;
        }
        let source = self.changing();
        source.shared = true;
        let runs: Vec<Run> = source.overlaps(from_block, from_block + blocks).collect();
        self.ensure(to);
        self.changing().shared = true;
        for run in &runs {
            self.share_blocks(run.laddr, run.blocks as u64);
        }
        self.punch(to_block, blocks, segments);
        for run in &runs {
            self.changing().set_run(run.block - from_block + to_block, run.blocks, run.laddr);
        }
    }

    fn move_blocks(&mut self, to: u32, moves: &[Moved], segments: &mut Segments) {
        self.steps += moves.len() as u64;
        for (to, moved) in (to..).zip(moves) {
            let (number, index) = (moved.laddr / GROUP, (moved.laddr % GROUP) as u8);
            let now = self.group_ref(number).expect(RESIDENT).and_then(|group| group.get(index));
            if let Some(block) = now.filter(|b| b.place == moved.from) {
                let (spot, key) = (self.lba_spots.of(number / GROUPS_NEAR), key::lba_key(number));
                self.lba.update(&mut self.pager, spot, &key, |bytes| {
                    set_in_place(bytes, index, to, block.crc);
                });
                segments.kill(moved.from);
                segments.birth(to);
            }
        }
    }

    // -- omap of the current object -------------------------------------------------------------

    fn omap_id(&mut self) -> u64 {
        if self.now().onode.omap_id == 0 {
            let id = self.next_omap;
            self.next_omap += 1;
            self.changing().omap_id = id;
        }
        self.now().onode.omap_id
    }
    pub fn omap_set(&mut self, key: &[u8], value: &[u8]) {
        self.steps += 1;
        let id = self.omap_id();
        let mut whole = self.key.take();
        whole.clear();
        key::omap_key_into(id, key, &mut whole);
        if !self.omap.insert(&mut self.pager, self.omap_spots.of(id), &whole, value) {
            self.changing().omap_count += 1;
        }
        self.key.set(whole);
    }
    pub fn omap_remove(&mut self, key: &[u8]) {
        self.steps += 1;
        let id = self.now().onode.omap_id;
        let spot = self.omap_spots.of(id);
        if id != 0 && self.omap.remove(&mut self.pager, spot, &key::omap_key(id, key)) {
            self.changing().omap_count -= 1;
        }
    }
    pub fn omap_remove_range(&mut self, first: &[u8], last: &[u8]) {
        let id = self.now().onode.omap_id;
        if id == 0 || first >= last {
            return;
        }
        let (first, last) = (key::omap_key(id, first), key::omap_key(id, last));
        let gone = self.omap.remove_range(&mut self.pager, &first, &last, usize::MAX);
        if gone > 0 {
            self.changing().omap_count -= gone as u64;
        }
    }
    pub fn omap_clear(&mut self) {
        let onode = &self.now().onode;
        let (id, count) = (onode.omap_id, onode.omap_count);
        if id != 0 {
            self.drop_omap(id, count);
            let onode = self.changing();
            (onode.omap_id, onode.omap_count, onode.omap_header_bytes) = (0, 0, 0);
        }
    }
    pub fn omap_set_header(&mut self, header: &[u8]) {
        if header.is_empty() && self.now().onode.omap_header_bytes == 0 {
            return;
        }
        let id = self.omap_id();
        let (spot, key) = (self.omap_spots.of(id), key::omap_header_key(id));
        if header.is_empty() {
            self.omap.remove(&mut self.pager, spot, &key);
        } else {
            self.omap.insert(&mut self.pager, spot, &key, header);
        }
        self.changing().omap_header_bytes = header.len() as u32;
    }
    fn drop_omap(&mut self, id: u64, count: u64) {
        if id == 0 {
            return;
        }
        if count > REMOVE_KEYS_MAX {
            self.garbage.push_back(Garbage::Omap { id });
            return;
        }
        let (first, last) = key::omap_range(id);
        self.omap.remove_range(&mut self.pager, &first, &last, usize::MAX);
    }

    /// Removes a part of what is left to the background.
    fn collect(&mut self, steps: u32, segments: &mut Segments) {
        let Some(front) = self.garbage.front().cloned() else { return };
        match front {
            Garbage::Omap { id } => {
                let (first, last) = key::omap_range(id);
                let steps = steps as usize;
                if self.omap.remove_range(&mut self.pager, &first, &last, steps) < steps {
                    self.garbage.pop_front();
                }
            }
            Garbage::Laddrs { first, blocks } => {
                let now = blocks.min(steps as u64);
                self.drop_blocks(first, now, segments);
                self.garbage.pop_front();
                if now < blocks {
                    let rest = Garbage::Laddrs { first: first + now, blocks: blocks - now };
                    self.garbage.push_front(rest);
                }
            }
        }
    }

    // -- changes --------------------------------------------------------------------------------

    /// Applies one change. What it needs is resident.
    pub fn apply(&mut self, change: &Change, segments: &mut Segments) {
        match change {
            Change::CreateCollection { pg, bits } => {
                self.collections.insert(*pg, *bits);
            }
            Change::RemoveCollection { pg } => {
                self.collections.remove(pg);
            }
            Change::Touch { o } => self.ensure(o),
            Change::Write { o, end, runs, crcs } => {
                self.ensure(o);
                let mut crcs = &crcs[..];
                for run in runs {
                    let (own, rest) = crcs.split_at(run.blocks as usize);
                    self.put_run(run, own, segments);
                    crcs = rest;
                }
                self.grow(*end);
            }
            Change::Punch { o, block, blocks, end } => {
                self.ensure(o);
                self.punch(*block, *blocks, segments);
                self.grow(*end);
            }
            Change::SetSize { o, size } => {
                self.ensure(o);
                self.set_size(*size, segments);
            }
            Change::Remove { o } => self.remove(o, segments),
            Change::SetXattr { o, name, value } => {
                self.ensure(o);
                self.set_xattr(name, value);
            }
            Change::RemoveXattr { o, name } => {
                if self.open(o) {
                    self.remove_xattr(name);
                }
            }
            Change::OmapSet { o, pairs } => {
                self.ensure(o);
                pairs.iter().for_each(|(key, value)| self.omap_set(key, value));
            }
            Change::OmapRemove { o, keys } => {
                if self.open(o) {
                    keys.iter().for_each(|key| self.omap_remove(key));
                }
            }
            Change::OmapRemoveRange { o, first, last } => {
                if self.open(o) {
                    self.omap_remove_range(first, last);
                }
            }
            Change::OmapClear { o } => {
                if self.open(o) {
                    self.omap_clear();
                }
            }
            Change::OmapSetHeader { o, header } => {
                self.ensure(o);
                self.omap_set_header(header);
            }
            Change::Clone { from, to } => self.clone_object(from, to, segments),
            Change::CloneRange { from, to, from_block, to_block, blocks, end } => {
                self.clone_range(from, to, *from_block, *to_block, *blocks, segments);
                self.ensure(to);
                self.grow(*end);
            }
            Change::Move { to, moves } => self.move_blocks(*to, moves, segments),
            Change::Collect { steps } => self.collect(*steps, segments),
        }
    }
    pub fn set_xattr(&mut self, name: &[u8], value: &[u8]) {
        self.changing().xattrs.set(name, value);
    }
    pub fn remove_xattr(&mut self, name: &[u8]) {
        self.changing().xattrs.remove(name);
    }

    /// Value of one omap key, or with `None` the header.
    pub fn omap_value(&self, id: u64, key: Option<&[u8]>) -> Result<Option<&[u8]>, TreeError> {
        let key = match key {
            Some(key) => key::omap_key(id, key),
            None => key::omap_header_key(id).to_vec(),
        };
        self.omap.get(&self.pager, self.omap_spots.of(id), &key)
    }
}

/// What an object is found by, together with others.
fn number_of(o: &HObject) -> u64 {
    let other = (o.pool.0 as u64) << 32 ^ o.snap.0.rotate_right(16);
    o.hash as u64 ^ other
}
/// Whether a value of the onode tree is one.
pub(crate) fn is_onode(value: &[u8]) -> bool {
    OnodeRef::new(value).is_ok()
}
/// Whether a value of the LBA tree is one.
pub(crate) fn is_group(value: &[u8]) -> bool {
    GroupRef::new(value).is_ok()
}
pub(crate) fn group_of(value: &[u8]) -> GroupRef<'_> {
    GroupRef::new(value).expect("a page's values are checked when it is read")
}

/// Blocks from `block` on that have no logical address.
fn gap_after(onode: &Onode, block: u32) -> u32 {
    onode.overlaps(block, BLOCKS_MAX).next().map_or(u32::MAX, |run| run.block - block)
}
fn has_runs(onode: &Onode, chunk: u32) -> bool {
    onode.overlaps(chunk, chunk + CHUNK).next().is_some()
}
