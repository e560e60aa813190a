//! Metadata that are not in memory: what misses some waits until the store has fetched them and then
//! runs again.
//!
//! Clients' operations wait as they do for data (`run.rs`), copies too (`copy.rs`). Here is the work
//! that is nobody's operation: loading what was stored, listing, wiping and counting a PG.

use super::run::ReadTarget;
use super::{Out, PgSlot, Shard, Then, WIPE_STEP, pg_range, range_of};
use crate::map::View;
use crate::pg::{self, Input as PgInput, Pg, meta_object};
use bytes::Bytes;
use messenger::messages::peer::Body;
use seastore::{Miss, MountReport, ObjectName, ReadData, ReadError, TxnOp};
use std::collections::VecDeque;
use std::rc::Rc;
use types::time::Now;
use types::{DecodeError, Epoch, HObject, OsdId, PgId};

/// Objects listed at once to count them.
const COUNT_PAGE: usize = 1024;

/// Work that goes on when the metadata that it missed are in memory.
#[derive(Debug)]
pub(super) struct Task {
    pub work: Work,
    /// The operator has heard that the device fails it.
    pub said: bool,
}
impl From<Work> for Task {
    fn from(work: Work) -> Self {
        Self { work, said: false }
    }
}

#[derive(Debug)]
pub(super) enum Work {
    /// The map that this OSD stored.
    LoadMap,
    LoadPg(Loading),
    /// The PG's own objects after this one, for itself or for another member.
    List {
        pg: PgId,
        since: Epoch,
        after: HObject,
        to: Option<OsdId>,
    },
    /// Old contents of objects that are being replaced make room: of those after `after`, where
    /// `at` is the first one of which nothing is known.
    FreeOld {
        pg: PgId,
        since: Epoch,
        after: Option<HObject>,
        at: HObject,
    },
    Wipe(PgId),
    Count(PgId),
}

/// A PG on its way into memory.
#[derive(Debug)]
pub(super) struct Loading {
    pg: PgId,
    /// Log entries in order, and the key of the last one.
    entries: Vec<Bytes>,
    last: Option<Bytes>,
}

/// A count under way.
#[derive(Debug)]
pub struct Counting {
    /// Everything up to this object is in the sums.
    upto: ObjectName,
    objects: u64,
    bytes: u64,
}

impl PgSlot {
    /// Carries the count over a change of `object`, which had `before` bytes and has `after`.
    pub(super) fn recount(&mut self, object: &HObject, before: Option<u64>, after: Option<u64>) {
        let (objects, bytes) = match (&mut self.counted, &mut self.counting) {
            (Some((objects, bytes)), _) => (objects, bytes),
            (None, Some(c)) if *object <= *c.upto => (&mut c.objects, &mut c.bytes),
            // What is counted later is counted as it is then.
            _ => return,
        };
        *objects = (*objects + after.is_some() as u64).saturating_sub(before.is_some() as u64);
        *bytes = (*bytes + after.unwrap_or(0)).saturating_sub(before.unwrap_or(0));
    }
    /// Whether [`Shard::count`] says what is true now.
    pub fn is_counted(&self) -> bool {
        self.counted.is_some()
    }
    /// The PG changes in ways that are not counted.
    pub(super) fn forget_count(&mut self) {
        self.counted = None;
        self.counting = None;
    }
}

impl Shard {
    /// Has the store fetch what was missed; `target` hears of it. Returns the token.
    pub(super) fn wait(&mut self, miss: &Miss, target: ReadTarget, out: &mut Vec<Out>) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.reads.insert(token, target);
        self.store.fetch(miss, token, &mut self.store_fx);
        self.flush_store(out);
        token
    }

    pub(super) fn wait_task(&mut self, miss: &Miss, task: Task, out: &mut Vec<Out>) {
        self.wait(miss, ReadTarget::Task(task), out);
    }

    pub(super) fn on_metadata(
        &mut self,
        now: Now,
        view: Option<&View>,
        token: u64,
        result: Result<(), ReadError>,
        out: &mut Vec<Out>,
    ) {
        let Some(target) = self.reads.remove(&token) else { return };
        match (target, view) {
            (ReadTarget::Task(task), _) => match result {
                Ok(()) => self.run_task(now, view, task, out),
                Err(e) => self.on_task_failed(now, view, task, e, out),
            },
            (ReadTarget::Job { job, part }, Some(view)) => {
                let result = result.map(|()| ReadData::default());
                self.on_job_read(now, view, job, part, result, out);
            }
            (ReadTarget::Transfer(key), Some(view)) => {
                self.on_transfer_metadata(view, key, token, result, out)
            }
            (_, None) => {}
        }
    }

    fn is_since(&self, pg: PgId, since: Epoch) -> bool {
        self.pgs.get(&pg).is_some_and(|s| s.pg.since() == since)
    }

    fn run_task(&mut self, now: Now, view: Option<&View>, task: Task, out: &mut Vec<Out>) {
        let Task { work, said } = task;
        match (work, view) {
            (Work::LoadMap, _) => self.load_map(out),
            (Work::LoadPg(loading), _) => self.load_pg(now, view, loading, said, out),
            (Work::List { pg, since, after, to }, Some(view)) => {
                if self.is_since(pg, since) {
                    self.list(now, view, pg, after, to, out);
                }
            }
            (Work::FreeOld { pg, since, after, .. }, _) => {
                if self.is_since(pg, since) {
                    self.free_old(pg, after, out);
                }
            }
            (Work::Wipe(pg), Some(view)) => self.wipe_step(now, view, pg, said, out),
            (Work::Count(pg), Some(view)) => {
                if self.count_on(view, pg, out)
                    && let Some(slot) = self.pgs.get_mut(&pg)
                {
                    slot.changed = true;
                    out.push(Out::StateChanged);
                }
            }
            (_, None) => {}
        }
    }

    /// The device does not give what `task` needs. Other PGs go on.
    fn on_task_failed(
        &mut self,
        now: Now,
        view: Option<&View>,
        task: Task,
        error: ReadError,
        out: &mut Vec<Out>,
    ) {
        let Task { work, said } = task;
        let mut say = |text: String| {
            if !said {
                out.push(Out::Alarm(text));
            }
        };
        // Anything else may be readable later.
        let rotten =
            matches!(error, ReadError::Metadata { error: None, .. } | ReadError::Corrupt(_));
        match work {
            Work::LoadMap => {
                say(format!("the stored map cannot be read: {error}"));
                self.stored_map = Some(Bytes::new());
                self.on_loaded(out);
            }
            Work::LoadPg(loading) if rotten => {
                say(format!("pg {}: its log cannot be read: {error}", loading.pg));
                self.on_absent(now, view, loading.pg, out);
            }
            Work::LoadPg(loading) => {
                // It may be readable later; until then nobody hears of this copy.
                say(format!("pg {} is not loaded: {error}", loading.pg));
                let work = Work::LoadPg(loading);
                self.later.push(Task { work, said: true });
                self.on_loaded(out);
            }
            Work::List { pg, .. } => {
                // It is asked for again, and finds the same error.
                if let Some(slot) = self.pgs.get_mut(&pg)
                    && !std::mem::replace(&mut slot.list_refused, true)
                {
                    say(format!("pg {pg} cannot be listed: {error}"));
                }
            }
            Work::FreeOld { pg, since, at, .. } => {
                // The copy for which there is no room has been spoken of.
                if self.is_since(pg, since) {
                    self.free_old(pg, Some(at), out);
                }
            }
            Work::Wipe(pg) => {
                say(format!("pg {pg} cannot be removed: {error}"));
                self.later.push(Task { work: Work::Wipe(pg), said: true });
            }
            Work::Count(pg) => {
                say(format!("pg {pg} cannot be counted: {error}"));
                if let Some(slot) = self.pgs.get_mut(&pg)
                    && let Some(c) = slot.counting.take()
                {
                    slot.counted = Some((c.objects, c.bytes));
                }
            }
        }
    }

    /// Tries again what the device refused.
    pub(super) fn run_later(&mut self, now: Now, view: &View, out: &mut Vec<Out>) {
        for task in std::mem::take(&mut self.later) {
            self.run_task(now, Some(view), task, out);
        }
    }

    /// Loads the stored map and every PG of the mounted store; [`Out::Mounted`] follows.
    pub(super) fn load(&mut self, now: Now, report: MountReport, out: &mut Vec<Out>) {
        self.unloaded = self.store.collections().map(|(pg, _)| (pg, VecDeque::new())).collect();
        self.loading = Some((report, self.unloaded.len() + 1));
        self.load_map(out);
        let all: Vec<PgId> = self.unloaded.keys().copied().collect();
        for pg in all {
            let loading = Loading { pg, entries: Vec::new(), last: None };
            self.load_pg(now, None, loading, false, out);
        }
    }

    /// One thing less to load before this shard counts as mounted.
    fn on_loaded(&mut self, out: &mut Vec<Out>) {
        let Some((report, left)) = &mut self.loading else { return };
        *left -= 1;
        if *left == 0 {
            out.push(Out::Mounted(*report));
            self.loading = None;
            self.mounted = true;
        }
    }

    fn load_map(&mut self, out: &mut Vec<Out>) {
        // The first shard of all keeps what belongs to the OSD.
        if self.index == 0 {
            match self.store.omap_get(&crate::boot::osd_object(), crate::boot::MAP_KEY) {
                Ok(map) => self.stored_map = map.map(Bytes::copy_from_slice),
                Err(miss) => return self.wait_task(&miss, Work::LoadMap.into(), out),
            }
        }
        self.on_loaded(out);
    }

    /// The map that was stored last, once; empty if it cannot be read.
    pub fn take_stored_map(&mut self) -> Option<Bytes> {
        self.stored_map.take()
    }

    fn load_pg(
        &mut self,
        now: Now,
        view: Option<&View>,
        mut loading: Loading,
        said: bool,
        out: &mut Vec<Out>,
    ) {
        let id = loading.pg;
        match self.try_load(&mut loading) {
            Err(miss) => {
                let task = Task { work: Work::LoadPg(loading), said };
                self.wait_task(&miss, task, out);
            }
            Ok(Some(Ok(pg))) => {
                let late = self.mounted;
                let waiting = self.unloaded.remove(&id).unwrap_or_default();
                self.pgs.insert(id, PgSlot::new(*pg, now.wall));
                self.on_loaded(out);
                if let Some(view) = view.filter(|_| late) {
                    // Maps have come and gone since the start.
                    self.pg_input(now, view, id, PgInput::Map { gap: true }, out);
                    self.run_all(now, view, waiting, out);
                }
            }
            Ok(Some(Err(e))) => {
                out.push(Out::Alarm(format!("pg {id}: its log cannot be read: {e}")));
                self.on_absent(now, view, id, out);
            }
            Ok(None) => self.on_absent(now, view, id, out),
        }
    }

    /// `None`: there is nothing of it. What was read before a miss is kept in `loading`.
    fn try_load(
        &self,
        loading: &mut Loading,
    ) -> Result<Option<Result<Box<Pg>, DecodeError>>, Miss> {
        let meta = meta_object(loading.pg);
        let after = loading.last.clone();
        let Loading { entries, last, .. } = loading;
        self.store.omap_scan(&meta, after.as_deref(), b"l", &mut |key, value| {
            entries.push(Bytes::copy_from_slice(value));
            *last = Some(Bytes::copy_from_slice(key));
            true
        })?;
        let Some(info) = self.store.omap_get(&meta, pg::INFO_KEY)? else { return Ok(None) };
        let dirty = self.store.omap_get(&meta, pg::DIRTY_KEY)?;
        let pg = Pg::load(loading.pg, self.me, info, dirty, entries.iter().cloned());
        Ok(Some(pg.map(Box::new)))
    }

    /// The other members still have theirs; this copy counts as absent.
    fn on_absent(&mut self, now: Now, view: Option<&View>, id: PgId, out: &mut Vec<Out>) {
        let late = self.mounted;
        let waiting = self.unloaded.remove(&id).unwrap_or_default();
        self.on_loaded(out);
        if let Some(view) = view.filter(|_| late) {
            self.create_if_served(now, view, id, out);
            self.run_all(now, view, waiting, out);
        }
    }

    /// Lists the next objects of a PG after `after`: for itself, or for the member `to`. Where it
    /// cannot, it is asked for again.
    pub(super) fn list(
        &mut self,
        now: Now,
        view: &View,
        id: PgId,
        after: HObject,
        to: Option<OsdId>,
        out: &mut Vec<Out>,
    ) {
        if !self.delayed.is_empty() {
            // What is delayed is not in the store yet: the list would be without it.
            return;
        }
        match (self.list_after(view, id, &after), to) {
            (Ok((objects, done)), Some(to)) => {
                self.send(view, id, to, Body::Listed { after, objects, done }, out)
            }
            (Ok((objects, done)), None) => {
                self.pg_input(now, view, id, PgInput::Listed { after, objects, done }, out)
            }
            (Err(miss), to) => {
                let Some(since) = self.pgs.get(&id).map(|s| s.pg.since()) else { return };
                self.wait_task(&miss, Work::List { pg: id, since, after, to }.into(), out);
            }
        }
    }

    /// The next objects of a PG after `after`; whether these are the last.
    fn list_after(
        &self,
        view: &View,
        id: PgId,
        after: &HObject,
    ) -> Result<(Vec<HObject>, bool), Miss> {
        const PAGE: usize = 64;
        let Some((_, end)) = pg_range(view, id) else { return Ok((Vec::new(), true)) };
        let found = self.store.list(after, &end, PAGE + 1)?;
        let done = found.len() <= PAGE;
        let objects = found.iter().filter(|o| ***o > *after && !o.name.is_empty());
        Ok((objects.map(|o| (**o).clone()).collect(), done))
    }

    pub(super) fn wipe_step(
        &mut self,
        now: Now,
        view: &View,
        id: PgId,
        said: bool,
        out: &mut Vec<Out>,
    ) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        slot.forget_count();
        let pg_num = match view.map.pools.get(&id.pool) {
            Some(pool) => pool.pg_num,
            None => slot.pg.mapping().pg_num,
        };
        let (start, end) = range_of(id, pg_num);
        let found = match self.store.list(&start, &end, WIPE_STEP + 1) {
            Ok(found) => found,
            Err(miss) => {
                let task = Task { work: Work::Wipe(id), said };
                return self.wait_task(&miss, task, out);
            }
        };
        let ops: Vec<TxnOp> =
            found.into_iter().filter(|o| !o.name.is_empty()).map(|o| TxnOp::Remove { o }).collect();
        // What is delayed may be an object of this PG: it is looked for once more after that.
        if ops.is_empty() && self.delayed.is_empty() {
            self.pg_input(now, view, id, PgInput::Wiped, out);
        } else {
            self.submit(ops.into(), Then::Wiped(id));
        }
    }

    /// Objects and bytes of a PG; a scan only after a copy, a wipe or a new interval. While one is
    /// under way, what was true before; [`Out::StateChanged`] follows then.
    pub fn count(&mut self, view: &View, id: PgId, out: &mut Vec<Out>) -> (u64, u64) {
        let Some(slot) = self.pgs.get_mut(&id) else { return (0, 0) };
        // The store does not show what is delayed.
        if slot.counted.is_none() && slot.counting.is_none() && self.delayed.is_empty() {
            let Some((start, _)) = pg_range(view, id) else { return (0, 0) };
            slot.counting = Some(Counting { upto: Rc::new(start), objects: 0, bytes: 0 });
            self.count_on(view, id, out);
        }
        let Some(slot) = self.pgs.get_mut(&id) else { return (0, 0) };
        slot.shown = slot.counted.unwrap_or(slot.shown);
        slot.shown
    }

    /// True when it has come to the end.
    fn count_on(&mut self, view: &View, id: PgId, out: &mut Vec<Out>) -> bool {
        let Some(slot) = self.pgs.get_mut(&id) else { return false };
        let (Some(counting), Some((_, end))) = (&mut slot.counting, pg_range(view, id)) else {
            return false;
        };
        match count_all(&self.store, counting, &end) {
            Ok(()) => {
                slot.counted = Some((counting.objects, counting.bytes));
                slot.counting = None;
                true
            }
            Err(miss) => {
                self.wait_task(&miss, Work::Count(id).into(), out);
                false
            }
        }
    }
}

/// Goes on after a miss where it has come to.
fn count_all(store: &seastore::Store, c: &mut Counting, end: &HObject) -> Result<(), Miss> {
    loop {
        let found = store.list(&c.upto, end, COUNT_PAGE)?;
        let full = found.len() == COUNT_PAGE;
        for o in found {
            if o <= c.upto {
                continue;
            }
            if !o.name.is_empty() {
                c.bytes += store.stat(&o)?.map_or(0, |s| s.size);
                c.objects += 1;
            }
            c.upto = o;
        }
        if !full {
            return Ok(());
        }
    }
}
