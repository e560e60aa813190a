//! Everything against everything: trees, reference counts, segments, accounts.
//!
//! [`Check`] goes through the trees page by page and keeps of them what is compared later. Block
//! addresses and their reference counts are looked at in windows: a window of the LBA tree and one of
//! the omap tree, then all objects, of which each takes its shares away; what is left over is wrong.
//!
//! Memory, on top of the page cache: 1 bit per page id and per block of the region, 4 bytes per
//! segment, and a window of a quarter of the cache budget (at least 64 KiB). A half of that takes 24
//! bytes for 64 blocks of data and 16 more for each block with several references, the other half 32
//! for each object with an omap. All objects are read once for each window: with a budget of 256 MiB
//! a window holds 89 million blocks.

pub(crate) mod walk;

use crate::event::ReadError;
use crate::format::BLOCK;
use crate::group::BlockRef;
use crate::key;
use crate::meta::{GROUP, group_of};
use crate::onode::OnodeRef;
use crate::page::PageKind;
use crate::pages::PageId;
use crate::root::Garbage;
use crate::segments::Use;
use crate::store::{Miss, MissKind, Phase, Store, StoreConfig};
use crate::txn::ObjectName;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use walk::{Visit, Walk, Why};

/// Pages asked for together.
const AHEAD: usize = 128;
/// Pages looked at in one step.
const STEP_PAGES: usize = 256;
/// A fault that concerns more objects than this is not said of each.
const NAMED_MAX: usize = 100;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A sentence without its object and address.
    pub what: String,
    /// The object that is hurt, if it is known.
    pub object: Option<ObjectName>,
    /// Bytes from the start of the device, of the block that is wrong, if it is one.
    pub device_offset: Option<u64>,
}
impl Finding {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), object: None, device_offset: None }
    }
    pub fn of(mut self, object: ObjectName) -> Self {
        self.object = Some(object);
        self
    }
    pub fn at(mut self, device_offset: u64) -> Self {
        self.device_offset = Some(device_offset);
        self
    }
}
/// One line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.object {
            write!(f, "object {object}: ")?;
        }
        write!(f, "{}", self.what)?;
        match self.device_offset {
            Some(offset) => write!(f, ", at {offset:#x}"),
            None => Ok(()),
        }
    }
}

/// A set of small numbers.
#[derive(Default)]
pub(crate) struct Bits(Vec<u64>);
impl Bits {
    fn new(end: u64) -> Self {
        Self(vec![0; end.div_ceil(64) as usize])
    }
    /// Whether it is new.
    fn set(&mut self, n: u64) -> bool {
        let (word, bit) = ((n / 64) as usize, 1 << (n % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
    fn has(&self, n: u64) -> bool {
        self.0.get((n / 64) as usize).is_some_and(|word| word & (1 << (n % 64)) != 0)
    }
}

/// 64 blocks of the window.
struct Shares {
    group: u64,
    present: u64,
    /// Whose first share has not been met yet.
    left: u64,
}

/// A block with more than one reference.
struct More {
    laddr: u64,
    /// Shares behind the first that have not been met yet.
    left: u16,
    /// Its count reached the limit and is not known any more.
    stuck: bool,
}

struct OmapKeys {
    id: u64,
    keys: u64,
    header: bool,
    owned: bool,
}

enum Stage {
    Begin,
    Lba,
    Omap,
    Objects(Walk),
    Done,
}

/// What [`Store::check_step`] asks for.
#[derive(Debug)]
pub enum CheckStep {
    /// The next step, please.
    Again,
    /// Have all of these fetched, tell [`Check::failed`] of those that cannot be, and go on.
    Fetch(Vec<Miss>),
    /// There is no more to check.
    Done,
}

/// A check under way. See [`Store::check_step`].
pub struct Check {
    stage: Stage,
    lba: Walk,
    omap: Walk,
    findings: Vec<Finding>,
    bad: BTreeMap<PageId, ReadError>,
    ahead: usize,
    window_bytes: usize,
    visited: u64,
    pass: u32,
    /// A page of the tree cannot be looked at: [onode, LBA, omap].
    lost: [bool; 3],
    pages: Bits,
    places: Bits,
    live: Vec<u32>,
    blocks: u64,
    objects: u64,
    shares: Vec<Shares>,
    more: Vec<More>,
    omaps: Vec<OmapKeys>,
    /// The window goes from here, and up to the place where the walk stands.
    lba_from: u64,
    lba_to: u64,
    omap_from: u64,
    omap_to: u64,
    lost_laddrs: Vec<LostLaddrs>,
    lost_omaps: Vec<(u64, u64)>,
    garbage_omaps: BTreeSet<u64>,
    /// The object before the place in the onode tree, and pages lost since.
    last_object: Option<ObjectName>,
    lost_onodes: Vec<Finding>,
}

struct LostLaddrs {
    first: u64,
    /// The last one.
    last: u64,
    named: usize,
}

impl Check {
    /// Of a store that is mounted and idle.
    pub fn new(store: &Store) -> Self {
        let meta = &store.meta;
        let budget = store.config.cache_bytes.max(StoreConfig::CACHE_BYTES_MIN);
        let garbage = meta.garbage.iter().filter_map(|g| match g {
            Garbage::Omap { id } => Some(*id),
            Garbage::Laddrs { .. } => None,
        });
        Self {
            stage: Stage::Begin,
            lba: Walk::new(meta.lba),
            omap: Walk::new(meta.omap),
            findings: Vec::new(),
            bad: BTreeMap::new(),
            ahead: (budget / 8 / BLOCK as usize).clamp(1, AHEAD),
            window_bytes: (budget / 4).max(64 << 10),
            visited: 0,
            pass: 0,
            lost: [false; 3],
            pages: Bits::new(meta.pager.id_end() as u64),
            places: Bits::new(store.segments.end() as u64),
            live: vec![0; store.segments.all.len()],
            blocks: 0,
            objects: 0,
            shares: Vec::new(),
            more: Vec::new(),
            omaps: Vec::new(),
            lba_from: 0,
            lba_to: 0,
            omap_from: 0,
            omap_to: 0,
            lost_laddrs: Vec::new(),
            lost_omaps: Vec::new(),
            garbage_omaps: garbage.collect(),
            last_object: None,
            lost_onodes: Vec::new(),
        }
    }

    /// What was found since the last call.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }
    /// Objects met so far, and pages looked at. In one window each page is looked at once.
    pub fn progress(&self) -> (u64, u64) {
        (self.objects, self.visited)
    }
    /// What [`CheckStep::Fetch`] asked for cannot be read.
    pub fn failed(&mut self, miss: &Miss, error: ReadError) {
        if let MissKind::Page(id) | MissKind::Corrupt(id) = miss.0 {
            self.bad.insert(id, error);
        }
    }

    fn say(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
    fn has_full_lba_window(&self) -> bool {
        self.shares.len() * 24 + self.more.len() * 16 > self.window_bytes / 2
    }
    fn has_full_omap_window(&self) -> bool {
        self.omaps.len() * 32 > self.window_bytes / 2
    }
}

impl Store {
    /// Goes on with a check of all trees, reference counts and accounts. Between its first and its
    /// last step the store takes no transaction and no turn. Nothing is changed.
    pub fn check_step(&self, check: &mut Check) -> CheckStep {
        if !matches!(self.phase, Phase::Ready) {
            check.stage = Stage::Done;
        }
        for _ in 0..STEP_PAGES {
            let stage = std::mem::replace(&mut check.stage, Stage::Done);
            let stepped = match stage {
                Stage::Begin => Ok(self.check_begin(check)),
                Stage::Lba => self.check_lba(check),
                Stage::Omap => self.check_omap(check),
                Stage::Objects(walk) => self.check_objects(check, walk),
                Stage::Done => return CheckStep::Done,
            };
            match stepped {
                Ok(stage) => check.stage = stage,
                Err((stage, pages)) => {
                    check.stage = stage;
                    let misses = pages.into_iter().map(|id| Miss(MissKind::Page(id)));
                    return CheckStep::Fetch(misses.collect());
                }
            }
        }
        CheckStep::Again
    }

    /// All of a check in one go; one line per finding, empty is good. After a miss, fetch and start
    /// over, without a turn between: for stores whose metadata fit into the cache.
    pub fn check(&self) -> Result<Vec<String>, Miss> {
        let mut check = Check::new(self);
        loop {
            match self.check_step(&mut check) {
                CheckStep::Again => {}
                CheckStep::Fetch(mut misses) => return Err(misses.swap_remove(0)),
                CheckStep::Done => break,
            }
        }
        Ok(check.take_findings().iter().map(Finding::to_string).collect())
    }

    /// Gives up metadata that are in memory beyond the budget, for callers without turns.
    pub fn trim_cache(&mut self) {
        self.meta.pager.evict();
    }

    fn check_begin(&self, check: &mut Check) -> Stage {
        for offset in &self.bad_anchors {
            check.say(Finding::new("a copy of a checkpoint anchor is damaged").at(*offset));
        }
        for bad in &self.bad_copies {
            let why = match bad.error {
                Some(error) => format!("cannot be read ({error})"),
                None => "is damaged".to_owned(),
            };
            let what = format!("a copy of the checkpoint's {} {why}", bad.part);
            check.say(Finding::new(what).at(bad.device_offset));
        }
        if let Err(wrong) = self.meta.pager.check() {
            check.say(Finding::new(wrong));
        }
        Stage::Lba
    }

    fn page_offset(&self, id: PageId) -> Option<u64> {
        self.meta.pager.place_of(id).map(|p| self.journal.device_offset(p.addr))
    }

    /// The finding about a page that cannot be looked at.
    pub(crate) fn lost_page(&self, kind: PageKind, id: PageId, why: &Why) -> Finding {
        let tree = match kind {
            PageKind::Onode => "onode",
            PageKind::Lba => "LBA",
            PageKind::Omap => "omap",
        };
        let what = match why {
            Why::Unreadable(ReadError::Metadata { error: None, .. }) => {
                "does not match its checksum".to_owned()
            }
            Why::Unreadable(ReadError::Metadata { error: Some(error), .. }) => {
                format!("cannot be read ({error})")
            }
            Why::Unreadable(error) => format!("cannot be read ({error})"),
            Why::Misfit(misfit) => misfit.to_string(),
            Why::Unknown => "does not exist, though another names it".to_owned(),
        };
        let finding = Finding::new(format!("page {} of the {tree} tree {what}", id.0));
        match self.page_offset(id) {
            Some(offset) => finding.at(offset),
            None => finding,
        }
    }
    fn page_problems(&self, check: &mut Check, id: PageId, problems: Vec<String>) {
        for problem in problems {
            let finding = Finding::new(format!("page {} {problem}", id.0));
            check.say(match self.page_offset(id) {
                Some(offset) => finding.at(offset),
                None => finding,
            });
        }
    }

    // -- blocks ---------------------------------------------------------------------------------

    fn check_lba(&self, check: &mut Check) -> Result<Stage, (Stage, Vec<PageId>)> {
        let Check { lba, bad, pages, ahead, .. } = check;
        let visit = lba.next(&self.meta.pager, bad, Some(pages), *ahead);
        match visit.map_err(|pages| (Stage::Lba, pages))? {
            None => {
                check.lba_to = u64::MAX;
                return Ok(Stage::Omap);
            }
            Some(Visit::Lost { id, why, low, high }) => {
                check.lost[1] = true;
                check.say(self.lost_page(PageKind::Lba, id, &why));
                let laddr = |key: &[u8]| padded(key).saturating_mul(GROUP);
                let (first, last) =
                    (laddr(&low), high.map_or(u64::MAX, |high| laddr(&high).max(1) - 1));
                check.lost_laddrs.push(LostLaddrs { first, last, named: 0 });
            }
            Some(Visit::Page { id, page, problems }) => {
                check.visited += 1;
                self.page_problems(check, id, problems);
                if page.level() == 0 {
                    for i in 0..page.len() {
                        match key::lba_group(page.key(i)) {
                            Ok(group) => self.check_group(check, group, page.value(i)),
                            Err(e) => {
                                check.say(Finding::new(format!("a key of the LBA tree: {e}")))
                            }
                        }
                    }
                }
                if check.has_full_lba_window() && !check.lba.is_done() {
                    check.lba_to = check.shares.last().map_or(0, |s| s.group + 1);
                    return Ok(Stage::Omap);
                }
            }
        }
        Ok(Stage::Lba)
    }

    fn check_group(&self, check: &mut Check, group: u64, value: &[u8]) {
        let mut present = 0u64;
        for (index, BlockRef { place, refs, .. }) in group_of(value).iter() {
            let laddr = group * GROUP + index as u64;
            present |= 1 << index;
            if refs > 1 {
                check.more.push(More { laddr, left: refs - 1, stuck: refs == u16::MAX });
            }
            check.blocks += 1;
            let Some(count) = check.live.get_mut(self.segments.of(place) as usize) else {
                check.say(Finding::new(format!("block {laddr:#x} lies outside the region")));
                continue;
            };
            *count += 1;
            if !check.places.set(place as u64) {
                let finding =
                    Finding::new(format!("block {laddr:#x} lies where another block lies too"));
                check.say(finding.at(self.journal.device_offset(place)));
            }
        }
        check.shares.push(Shares { group, present, left: present });
    }

    // -- omaps ----------------------------------------------------------------------------------

    fn check_omap(&self, check: &mut Check) -> Result<Stage, (Stage, Vec<PageId>)> {
        let Check { omap, bad, pages, ahead, .. } = check;
        let visit = omap.next(&self.meta.pager, bad, Some(pages), *ahead);
        match visit.map_err(|pages| (Stage::Omap, pages))? {
            None => {
                check.omap_to = u64::MAX;
                return Ok(self.begin_objects(check));
            }
            Some(Visit::Lost { id, why, low, high }) => {
                check.lost[2] = true;
                check.say(self.lost_page(PageKind::Omap, id, &why));
                let last = high.map_or(u64::MAX, |high| padded(&high));
                check.lost_omaps.push((padded(&low), last));
            }
            Some(Visit::Page { id, page, problems }) => {
                check.visited += 1;
                self.page_problems(check, id, problems);
                if page.level() == 0 {
                    for i in 0..page.len() {
                        check.omap_key(page.key(i));
                    }
                }
                if check.has_full_omap_window() && !check.omap.is_done() {
                    // Keys of the last one may follow.
                    check.omap_to = check.omaps.last().map_or(0, |o| o.id);
                    return Ok(self.begin_objects(check));
                }
            }
        }
        Ok(Stage::Omap)
    }

    // -- objects --------------------------------------------------------------------------------

    fn begin_objects(&self, check: &mut Check) -> Stage {
        check.pass += 1;
        check.last_object = None;
        for garbage in &self.meta.garbage {
            if let Garbage::Laddrs { first, blocks } = garbage {
                check.take_shares(*first, *blocks, None);
            }
        }
        Stage::Objects(Walk::new(self.meta.onodes))
    }

    fn check_objects(
        &self,
        check: &mut Check,
        mut walk: Walk,
    ) -> Result<Stage, (Stage, Vec<PageId>)> {
        let first = check.pass == 1;
        let seen = first.then_some(&mut check.pages);
        match walk.next(&self.meta.pager, &check.bad, seen, check.ahead) {
            Err(pages) => return Err((Stage::Objects(walk), pages)),
            Ok(None) => return Ok(self.end_objects(check)),
            Ok(Some(Visit::Lost { id, why, .. })) => {
                check.lost[0] = true;
                if first {
                    check.lost_onodes.push(self.lost_page(PageKind::Onode, id, &why));
                }
            }
            Ok(Some(Visit::Page { id, page, problems })) => {
                check.visited += 1;
                if first {
                    self.page_problems(check, id, problems);
                }
                for i in 0..page.len() {
                    if page.level() == 0 {
                        self.check_object(check, id, page.key(i), page.value(i), first);
                    }
                }
            }
        }
        Ok(Stage::Objects(walk))
    }

    fn check_object(
        &self,
        check: &mut Check,
        page: PageId,
        name: &[u8],
        value: &[u8],
        first: bool,
    ) {
        check.objects += first as u64;
        let object: ObjectName = match key::decode_name(name) {
            Ok(o) => o.into(),
            Err(e) => {
                if first {
                    let finding = Finding::new(format!("an object's name: {e}"));
                    check.say(self.page_offset(page).map_or(finding.clone(), |at| finding.at(at)));
                }
                crate::fetch::nobody()
            }
        };
        if first {
            check.end_of_loss(Some(&object));
        }
        let onode = OnodeRef::stored(value);
        let (mut lost, mut lost_page) = (0u64, None);
        for run in onode.runs() {
            let (laddr, end) = (run.laddr, run.laddr + run.blocks as u64);
            check.take_shares(laddr, run.blocks as u64, Some(&object));
            if first && end > self.meta.next_laddr {
                let what = format!("block {laddr:#x} was never given out");
                check.say(Finding::new(what).of(object.clone()));
            }
            for (i, gap) in check.lost_laddrs.iter().enumerate() {
                let both = laddr.max(gap.first)..end.min(gap.last.saturating_add(1));
                let new = gap.first >= check.lba_from.saturating_mul(GROUP);
                if !both.is_empty() && new {
                    lost += both.end - both.start;
                    lost_page = Some(i);
                }
            }
        }
        if let Some(i) = lost_page {
            check.lost_laddrs[i].named += 1;
            if check.lost_laddrs[i].named <= NAMED_MAX {
                let what = format!("the places of up to {lost} blocks are lost with that page");
                check.say(Finding::new(what).of(object.clone()));
            }
        }
        if onode.omap_id() != 0 {
            check.take_omap(&onode, &object);
        }
        if first {
            check.last_object = Some(object);
        }
    }

    fn end_objects(&self, check: &mut Check) -> Stage {
        if check.pass == 1 {
            check.end_of_loss(None);
        }
        check.end_window();
        let done = check.lba_to == u64::MAX && check.omap_to == u64::MAX;
        (check.lba_from, check.omap_from) = (check.lba_to, check.omap_to);
        if !done {
            return if check.lba_to == u64::MAX { Stage::Omap } else { Stage::Lba };
        }
        self.check_accounts(check);
        self.check_segments(check);
        Stage::Done
    }

    // -- accounts -------------------------------------------------------------------------------

    fn check_accounts(&self, check: &mut Check) {
        let [onodes, lba, omap] = check.lost;
        if !(onodes || lba || omap) {
            let stray: Vec<u32> = self
                .meta
                .pager
                .places()
                .filter(|(id, _)| !check.pages.has(id.0 as u64) && !self.meta.pager.is_unused(*id))
                .map(|(id, _)| id.0)
                .collect();
            for id in stray {
                check.say(Finding::new(format!("page {id} is in no tree")));
            }
        }
        if !onodes && check.objects != self.meta.objects {
            let what = format!("{} objects, not {}", check.objects, self.meta.objects);
            check.say(Finding::new(what));
        }
        if lba {
            check.say(Finding::new(
                "accounts of blocks and segments are not checked, because pages of the LBA tree \
                 are lost",
            ));
            return;
        }
        if check.blocks != self.meta.data_blocks {
            let what = format!("{} blocks of data, not {}", check.blocks, self.meta.data_blocks);
            check.say(Finding::new(what));
        }
        for (i, s) in self.segments.all.iter().enumerate() {
            let counted = check.live[i];
            let at = self.journal.device_offset(self.segments.start(i as u32));
            let meta = matches!(s.usage, Use::Meta | Use::MetaClosed);
            if !meta && s.live != counted {
                let what = format!("segment {i}: {counted} blocks live, not {}", s.live);
                check.say(Finding::new(what).at(at));
            }
            let holds_data = matches!(s.usage, Use::Journal | Use::Cold | Use::Closed);
            if counted > 0 && !holds_data {
                let what = format!("segment {i}: live data in a {:?} segment", s.usage);
                check.say(Finding::new(what).at(at));
            }
        }
    }

    fn check_segments(&self, check: &mut Check) {
        let mut findings = Vec::new();
        let mut meta = vec![0u32; self.segments.all.len()];
        let mut add = |addr: u32, blocks: u32| {
            if let Some(count) = meta.get_mut(self.segments.of(addr) as usize) {
                *count += blocks;
            }
        };
        if self.checkpointer.is_none() {
            self.meta.pager.places().for_each(|(_, p)| add(p.addr, p.blocks as u32));
            for chunk in &self.root_places.chunks {
                if *chunk != crate::root::ChunkPlace::NONE {
                    chunk.addr.into_iter().for_each(|addr| add(addr, 1));
                }
            }
            if let Some(root) = &self.root_places.root {
                root.addr.into_iter().for_each(|addr| add(addr, root.blocks));
            }
            for (i, s) in self.segments.all.iter().enumerate() {
                let holds = matches!(s.usage, Use::Meta | Use::MetaClosed);
                if holds && s.live != meta[i] {
                    findings
                        .push(format!("segment {i}: {} blocks of pages, not {}", meta[i], s.live));
                }
                if !holds && meta[i] > 0 {
                    findings.push(format!("segment {i}: pages in a {:?} segment", s.usage));
                }
            }
        }
        let count = |usage| self.segments.all.iter().filter(|s| s.usage == usage).count();
        for (usage, wanted) in
            [(Use::Journal, 1), (Use::Next, 1), (Use::Free, self.segments.free_count() as usize)]
        {
            let found = count(usage);
            if found != wanted {
                findings.push(format!("{found} segments are {usage:?}, not {wanted}"));
            }
        }
        if self.journal.durable + self.journal.in_flight.len() as u64 + 1
            != self.journal.head.sequence
        {
            findings.push("sequences of records in flight have a gap".into());
        }
        let held: u32 = self.segments.all.iter().map(|s| s.held).sum();
        if self.is_idle() && held > 0 && self.segments.no_kills() {
            findings.push(format!("{held} blocks are held though all is durable"));
        }
        check.findings.extend(findings.into_iter().map(Finding::new));
    }
}

impl Check {
    /// Somebody has a share of each of these blocks that is there.
    fn take_shares(&mut self, laddr: u64, blocks: u64, object: Option<&ObjectName>) {
        let end = laddr + blocks;
        let first = self.shares.partition_point(|s| s.group < laddr / GROUP);
        for i in first..self.shares.len() {
            let shares = &mut self.shares[i];
            let start = shares.group * GROUP;
            if start >= end {
                return;
            }
            let from = laddr.max(start) - start;
            let mask = mask(from, end.min(start + GROUP) - start) & shares.present;
            let mut again = mask & !shares.left;
            shares.left &= !mask;
            while again != 0 {
                let laddr = start + again.trailing_zeros() as u64;
                again &= again - 1;
                self.take_more(laddr, object);
            }
        }
    }

    fn take_more(&mut self, laddr: u64, object: Option<&ObjectName>) {
        let at = self.more.binary_search_by_key(&laddr, |m| m.laddr);
        if let Ok(i) = at
            && (self.more[i].left > 0 || self.more[i].stuck)
        {
            self.more[i].left = self.more[i].left.saturating_sub(1);
            return;
        }
        let what = format!("block {laddr:#x} has more shares than its reference count says");
        let finding = Finding::new(what);
        self.say(match object {
            Some(object) => finding.of(object.clone()),
            None => finding,
        });
    }

    fn omap_key(&mut self, stored: &[u8]) {
        match key::split_omap_key(stored) {
            Err(e) => self.say(Finding::new(format!("a key of the omap tree: {e}"))),
            Ok((id, _)) if self.garbage_omaps.contains(&id) => {}
            Ok((id, key)) => {
                if self.omaps.last().is_none_or(|last| last.id != id) {
                    self.omaps.push(OmapKeys { id, keys: 0, header: false, owned: false });
                }
                let last = self.omaps.last_mut().expect("pushed");
                last.keys += key.is_some() as u64;
                last.header |= key.is_none();
            }
        }
    }

    fn take_omap(&mut self, onode: &OnodeRef<'_>, object: &ObjectName) {
        let id = onode.omap_id();
        if id < self.omap_from || id >= self.omap_to {
            return;
        }
        let (mut keys, mut header) = (0, false);
        if let Ok(i) = self.omaps.binary_search_by_key(&id, |o| o.id) {
            let found = &mut self.omaps[i];
            (keys, header) = (found.keys, found.header);
            if std::mem::replace(&mut found.owned, true) {
                self.say(Finding::new(format!("omap {id} has two objects")).of(object.clone()));
            }
        }
        let (counted, has_header) = (onode.omap_count(), onode.omap_header_bytes() > 0);
        if keys == counted && header == has_header {
            return;
        }
        let mut lost = self.lost_omaps.iter();
        let what = match lost.any(|(first, last)| (*first..=*last).contains(&id)) {
            true => format!(
                "{} of {counted} omap keys are lost with a page{}",
                counted.saturating_sub(keys),
                if has_header && !header { ", and the header" } else { "" }
            ),
            false => format!(
                "the omap has {keys} keys, its object counts {counted}; header: {header}, not \
                 {has_header}"
            ),
        };
        self.say(Finding::new(what).of(object.clone()));
    }

    /// Objects come again, or end, after pages that are lost.
    fn end_of_loss(&mut self, next: Option<&ObjectName>) {
        for mut finding in std::mem::take(&mut self.lost_onodes) {
            let after = self.last_object.as_ref().map(|o| format!(" after {o}"));
            let before = next.map(|o| format!(" before {o}"));
            finding.what += &format!(
                "; the objects{}{} are lost with it",
                after.unwrap_or_default(),
                before.unwrap_or_default()
            );
            self.findings.push(finding);
        }
    }

    /// What no object took is wrong.
    fn end_window(&mut self) {
        let more: BTreeMap<u64, u16> = self
            .more
            .iter()
            .filter(|m| !m.stuck && m.left > 0)
            .map(|m| (m.laddr, m.left))
            .collect();
        let unshared: Vec<u64> = self
            .shares
            .iter()
            .flat_map(|s| {
                let start = s.group * GROUP;
                (0..GROUP).filter(|i| s.left & (1 << i) != 0).map(move |i| start + i)
            })
            .collect();
        let carried = self.omaps.pop_if(|o| o.id >= self.omap_to);
        if !self.lost[0] {
            for laddr in unshared {
                self.say(Finding::new(format!("block {laddr:#x} belongs to no object")));
            }
            for (laddr, left) in more {
                let what = format!("block {laddr:#x} has {left} shares fewer than are counted");
                self.say(Finding::new(what));
            }
            let strays: Vec<u64> = self.omaps.iter().filter(|o| !o.owned).map(|o| o.id).collect();
            for id in strays {
                self.say(Finding::new(format!("omap {id} has no object")));
            }
        } else if !unshared.is_empty() || !more.is_empty() {
            let blocks = unshared.len() + more.len();
            let what = format!("{blocks} blocks have shares that no object has which can be read");
            self.say(Finding::new(what));
        }
        self.shares.clear();
        self.more.clear();
        self.omaps.clear();
        self.omaps.extend(carried);
    }
}

/// Bits `first..end` of 64.
fn mask(first: u64, end: u64) -> u64 {
    let below = |n: u64| if n >= 64 { u64::MAX } else { (1 << n) - 1 };
    below(end) & !below(first)
}

/// The number at the front of a key, or of the shorter key that tells pages apart.
fn padded(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = key.len().min(8);
    bytes[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
