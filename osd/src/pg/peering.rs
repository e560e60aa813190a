//! Peering: before it serves, the primary finds the authoritative log and brings every member of
//! the acting set to it.
//!
//! 1. `Info`: ask everyone who may know of acknowledged writes ([`Pg::wanted`]).
//! 2. `Authority`: the complete copy that started last, and of those the longest log. Every
//!    acknowledged write is in it. Entries above what was acknowledged are kept too: they end up on
//!    all members.
//! 3. `Own`: if that copy is elsewhere, fetch its log and the objects that differ.
//! 4. `Members`: compare each member's log, push the objects that differ; or everything, if the
//!    logs do not meet.
//! 5. `Activating`: each member takes the log over, durably. Then the PG serves.
//!
//! A member records which objects are about to be replaced before the first one is, and is no
//! authority until it is activated. Requests are repeated on a timer; all answers are idempotent.

use super::info::{CopyInfo, CopyState};
use super::interval::PastIntervals;
use super::log::{Entry, PgLog, Repair, compare};
use super::{Effect, LEASE, Pg, PgState, Primary, Role, meta_object};
use bytes::Bytes;
use messenger::messages::peer::Body;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use types::{EVersion, Epoch, HObject, Instant, OsdId};

/// Objects of one member that are copied at the same time.
const COPIES_IN_FLIGHT_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Peering {
    replies: BTreeMap<OsdId, Option<CopyInfo>>,
    asked: BTreeSet<OsdId>,
    step: Step,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Info,
    /// Some OSD that may know more is down.
    Blocked,
    /// An old primary that does not answer may still serve reads until its lease ends.
    OldLease,
    AuthorityLog {
        from: OsdId,
    },
    Own {
        from: OsdId,
        log: PgLog,
        keep: EVersion,
        reset: bool,
        copy: Box<Copying>,
    },
    Members(BTreeMap<OsdId, MemberStep>),
    Activating {
        waiting: BTreeMap<OsdId, Body>,
    },
}

#[derive(Debug)]
enum MemberStep {
    GetLog,
    Copy { keep: EVersion, reset: bool, copy: Copying },
    Ready { keep: EVersion, reset: bool },
}

/// Objects on their way to one member (or to us).
#[derive(Debug, Default)]
struct Copying {
    prepared: bool,
    /// Listing goes on after this object; `None` when all that is to be copied is in `queue`.
    cursor: Option<HObject>,
    listing: bool,
    queue: VecDeque<HObject>,
    in_flight: BTreeSet<HObject>,
}

impl Copying {
    fn objects(objects: BTreeSet<HObject>) -> Self {
        Self { queue: objects.into_iter().collect(), ..Self::default() }
    }
    fn everything(after: HObject) -> Self {
        Self { cursor: Some(after), ..Self::default() }
    }
    fn done(&self) -> bool {
        self.prepared && self.cursor.is_none() && self.queue.is_empty() && self.in_flight.is_empty()
    }
    fn wants_listing(&mut self) -> Option<HObject> {
        if !self.prepared || self.listing || self.queue.len() > COPIES_IN_FLIGHT_MAX {
            return None;
        }
        let cursor = self.cursor.clone()?;
        self.listing = true;
        Some(cursor)
    }
    fn on_listed(&mut self, after: &HObject, objects: Vec<HObject>, done: bool) {
        if self.cursor.as_ref() != Some(after) || !self.listing {
            return;
        }
        self.listing = false;
        self.cursor = if done { None } else { objects.last().cloned() };
        self.queue.extend(objects);
    }
    /// Objects to start now.
    fn next(&mut self) -> Option<HObject> {
        if !self.prepared || self.in_flight.len() >= COPIES_IN_FLIGHT_MAX {
            return None;
        }
        let object = self.queue.pop_front()?;
        self.in_flight.insert(object.clone());
        Some(object)
    }
}

impl Peering {
    pub(super) fn state(&self) -> PgState {
        match self.step {
            Step::Blocked => PgState::Down,
            Step::Own { .. } | Step::Members(_) => PgState::Recovering,
            _ => PgState::Peering,
        }
    }
}

/// What the replies so far say about who else must be asked.
struct Knowledge {
    started: Epoch,
    past: PastIntervals,
}

impl Pg {
    fn peering(&mut self) -> Option<&mut Peering> {
        match &mut self.role {
            Role::Primary(Primary::Peering(p)) => Some(p),
            _ => None,
        }
    }

    fn knowledge(&self, p: &Peering) -> Knowledge {
        let own = (&self.info.last_started, &self.info.past);
        let others = p.replies.values().flatten().map(|i| (&i.last_started, &i.past));
        let copies: Vec<_> = others.chain([own]).collect();
        let started = *copies.iter().map(|c| c.0).max().expect("there is our own");
        // A copy that took part in the last start knows every interval since.
        let best = copies
            .iter()
            .filter(|c| *c.0 == started)
            .min_by_key(|c| (c.1.unknown, c.1.intervals.len()))
            .expect("one has the greatest");
        let mut past = best.1.clone();
        past.intervals.retain(|i| i.last > started);
        Knowledge { started, past }
    }

    /// OSDs that must answer before the authority is known, or `None` while one of them is down.
    fn wanted(&self, view: &dyn super::MapView, p: &Peering) -> (BTreeSet<OsdId>, bool) {
        let known = self.knowledge(p);
        let mut wanted: BTreeSet<OsdId> = self.info.mapping.acting.iter().map(|m| m.osd).collect();
        let mut blocked = false;
        for interval in &known.past.intervals {
            let up: Vec<OsdId> =
                interval.acting.iter().copied().filter(|o| view.is_up(*o)).collect();
            blocked |= up.is_empty();
            wanted.extend(up);
        }
        if known.past.unknown {
            for osd in view.osds() {
                if view.is_up(osd) {
                    wanted.insert(osd);
                } else if known.started > Epoch(0) {
                    // Down since before the last start that we know of: it has nothing newer.
                    blocked |= view.down_at(osd) > known.started;
                } else {
                    blocked |= !view.died_before_pool(osd, self.id.pool);
                }
            }
        }
        wanted.remove(&self.me);
        (wanted, blocked)
    }

    /// Moves peering on as far as what is known allows.
    pub(super) fn poll(&mut self, now: Instant, view: &dyn super::MapView, fx: &mut Vec<Effect>) {
        let Role::Primary(Primary::Peering(p)) = &self.role else { return };
        if !matches!(p.step, Step::Info | Step::Blocked | Step::OldLease) {
            return;
        }
        let (wanted, blocked) = self.wanted(view, p);
        let known = self.knowledge(p);
        let missing: Vec<OsdId> =
            wanted.iter().copied().filter(|o| !p.replies.contains_key(o)).collect();
        let old_primary_silent = known
            .past
            .intervals
            .iter()
            .any(|i| i.primary != self.me && !p.replies.contains_key(&i.primary));
        let lease_over = now >= self.interval_began + LEASE;
        let p = self.peering().expect("the role was just looked at");
        for osd in &missing {
            if p.asked.insert(*osd) {
                fx.push(Effect::Send { to: *osd, body: Body::Query });
            }
        }
        p.step = if blocked {
            Step::Blocked
        } else if !missing.is_empty() {
            Step::Info
        } else if old_primary_silent && !lease_over {
            Step::OldLease
        } else {
            self.choose_authority(fx);
            return;
        };
    }

    fn choose_authority(&mut self, fx: &mut Vec<Effect>) {
        let me = self.me;
        let own = self.copy_info();
        let acting: Vec<OsdId> = self.info.mapping.acting.iter().map(|m| m.osd).collect();
        let p = self.peering().expect("called while peering");
        let copies = || {
            let others = p.replies.iter().filter_map(|(osd, i)| Some((*osd, i.as_ref()?)));
            others.chain([(me, &own)])
        };
        let started = copies().map(|(_, i)| i.last_started).max().expect("there is our own");
        let best = copies()
            .filter(|(_, i)| i.state == CopyState::Complete && i.last_started == started)
            .max_by_key(|(osd, i)| (i.head, *osd == me, acting.contains(osd)))
            .map(|(osd, _)| osd);
        match best {
            None => p.step = Step::Blocked,
            Some(osd) if osd == me => self.start_members(fx),
            Some(from) => {
                p.step = Step::AuthorityLog { from };
                fx.push(Effect::Send { to: from, body: Body::GetLog });
            }
        }
    }

    pub(super) fn on_info(
        &mut self,
        now: Instant,
        view: &dyn super::MapView,
        from: OsdId,
        info: Option<CopyInfo>,
        fx: &mut Vec<Effect>,
    ) {
        if self.is_active() {
            // A copy that was left when the PG moved away, and did not hear that it may go.
            if info.is_some() && !self.info.mapping.names(from) {
                fx.push(Effect::Send { to: from, body: Body::Drop });
            }
            return;
        }
        let Some(p) = self.peering() else { return };
        if matches!(p.step, Step::Info | Step::Blocked | Step::OldLease) {
            p.replies.insert(from, info);
            self.poll(now, view, fx);
        }
    }

    pub(super) fn on_log(
        &mut self,
        from: OsdId,
        info: CopyInfo,
        entries: Vec<Bytes>,
        dirty: Vec<HObject>,
        fx: &mut Vec<Effect>,
    ) {
        let Some(log) = log_from(info.tail, entries) else { return };
        let after = meta_object(self.id);
        let Role::Primary(Primary::Peering(p)) = &mut self.role else { return };
        match &mut p.step {
            Step::AuthorityLog { from: authority } if *authority == from => {
                self.start_own(from, log, fx)
            }
            Step::Members(members) => {
                let Some(step @ MemberStep::GetLog) = members.get_mut(&from) else { return };
                let repair = compare(&self.log, &log);
                *step = member_step(repair, dirty, &self.log, after);
                if let Some(body) = prepare_body(step) {
                    fx.push(Effect::Send { to: from, body });
                }
                self.step_members(fx);
            }
            _ => {}
        }
    }

    fn start_own(&mut self, from: OsdId, log: PgLog, fx: &mut Vec<Effect>) {
        let repair = if self.info.state == CopyState::Incomplete {
            Repair::Everything
        } else {
            compare(&log, &self.log)
        };
        let (keep, reset, copy, objects) = match repair {
            Repair::Everything => {
                (log.tail(), true, Copying::everything(meta_object(self.id)), Vec::new())
            }
            Repair::Objects { common, mut objects } => {
                objects.extend(self.dirty.iter().cloned());
                let list = objects.iter().cloned().collect();
                (common, false, Copying::objects(objects), list)
            }
        };
        let nothing = copy.queue.is_empty() && !reset;
        let p = self.peering().expect("called while peering");
        p.step = Step::Own { from, log, keep, reset, copy: Box::new(copy) };
        if nothing {
            self.on_prepared_here(fx);
        } else {
            self.prepare(reset, objects, fx);
        }
    }

    pub(super) fn on_prepared_here(&mut self, fx: &mut Vec<Effect>) {
        if let Some(Peering { step: Step::Own { copy, .. }, .. }) = self.peering() {
            copy.prepared = true;
            self.step_own(fx);
        }
    }

    fn step_own(&mut self, fx: &mut Vec<Effect>) {
        let Some(Peering { step, .. }) = self.peering() else { return };
        let Step::Own { from, copy, .. } = step else { return };
        if let Some(after) = copy.wants_listing() {
            fx.push(Effect::Send { to: *from, body: Body::List { after } });
        }
        while let Some(object) = copy.next() {
            fx.push(Effect::Send { to: *from, body: Body::Pull { object } });
        }
        if !copy.done() {
            return;
        }
        let Step::Own { log, keep, reset, .. } = std::mem::take(step) else { return };
        let entries = log.after(keep.version).cloned().collect();
        // The copy is whole now; the start is recorded again when the members are ready too.
        let started = self.info.last_started;
        self.adopt(keep, reset, entries, fx);
        self.info.last_started = started;
        self.start_members(fx);
    }

    fn start_members(&mut self, fx: &mut Vec<Effect>) {
        let head = self.log.head();
        let tail = self.log.tail();
        let me = self.me;
        let after = meta_object(self.id);
        let acting: Vec<OsdId> = self.info.mapping.acting.iter().map(|m| m.osd).collect();
        let p = self.peering().expect("called while peering");
        let mut members = BTreeMap::new();
        for osd in acting.into_iter().filter(|o| *o != me) {
            let step = match p.replies.get(&osd).and_then(Option::as_ref) {
                Some(i) if i.state == CopyState::Complete && i.head == head => {
                    MemberStep::Ready { keep: head, reset: false }
                }
                Some(i) if i.state != CopyState::Incomplete => {
                    fx.push(Effect::Send { to: osd, body: Body::GetLog });
                    MemberStep::GetLog
                }
                _ => {
                    let copy = Copying::everything(after.clone());
                    MemberStep::Copy { keep: tail, reset: true, copy }
                }
            };
            if let Some(body) = prepare_body(&step) {
                fx.push(Effect::Send { to: osd, body });
            }
            members.insert(osd, step);
        }
        p.step = Step::Members(members);
        self.step_members(fx);
    }

    pub(super) fn on_prepared(&mut self, from: OsdId, fx: &mut Vec<Effect>) {
        if let Some(copy) = self.member_copy(from) {
            copy.prepared = true;
            self.step_members(fx);
        }
    }

    fn member_copy(&mut self, osd: OsdId) -> Option<&mut Copying> {
        match self.peering()?.step {
            Step::Members(ref mut members) => match members.get_mut(&osd)? {
                MemberStep::Copy { copy, .. } => Some(copy),
                _ => None,
            },
            _ => None,
        }
    }

    fn step_members(&mut self, fx: &mut Vec<Effect>) {
        let me = self.me;
        let Some(Peering { step: Step::Members(members), .. }) = self.peering() else { return };
        for (osd, step) in members.iter_mut() {
            let MemberStep::Copy { keep, reset, copy } = step else { continue };
            if let Some(after) = copy.wants_listing() {
                fx.push(Effect::List { after });
            }
            while let Some(object) = copy.next() {
                fx.push(Effect::Push { to: *osd, object });
            }
            if copy.done() {
                *step = MemberStep::Ready { keep: *keep, reset: *reset };
            }
        }
        let ready = members.values().all(|s| matches!(s, MemberStep::Ready { .. }));
        if !ready {
            return;
        }
        let steps = std::mem::take(members);
        let mut waiting = BTreeMap::new();
        for (osd, step) in steps {
            let MemberStep::Ready { keep, reset } = step else { continue };
            let entries = self.log.after(keep.version).map(|e| e.bytes().clone()).collect();
            let body = Body::Activate { keep, reset, entries };
            fx.push(Effect::Send { to: osd, body: body.clone() });
            waiting.insert(osd, body);
        }
        // Our own record of the start is waited for like the others'.
        waiting.insert(me, Body::Activated);
        self.peering().expect("still peering").step = Step::Activating { waiting };
        let head = self.log.head();
        self.adopt(head, false, Vec::new(), fx);
    }

    pub(super) fn on_pushed(&mut self, to: OsdId, object: HObject, fx: &mut Vec<Effect>) {
        if let Some(copy) = self.member_copy(to) {
            copy.in_flight.remove(&object);
            self.step_members(fx);
        }
    }

    pub(super) fn on_received(&mut self, object: HObject, fx: &mut Vec<Effect>) {
        if let Some(Peering { step: Step::Own { copy, .. }, .. }) = self.peering() {
            copy.in_flight.remove(&object);
            self.step_own(fx);
        }
    }

    pub(super) fn on_listed(
        &mut self,
        osd: OsdId,
        after: HObject,
        objects: Vec<HObject>,
        done: bool,
        fx: &mut Vec<Effect>,
    ) {
        if let Some(Peering { step: Step::Own { from, copy, .. }, .. }) = self.peering()
            && *from == osd
        {
            copy.on_listed(&after, objects, done);
            self.step_own(fx);
        }
    }

    pub(super) fn on_listed_here(
        &mut self,
        after: HObject,
        objects: Vec<HObject>,
        done: bool,
        fx: &mut Vec<Effect>,
    ) {
        if let Some(Peering { step: Step::Members(members), .. }) = self.peering() {
            for step in members.values_mut() {
                if let MemberStep::Copy { copy, .. } = step {
                    copy.on_listed(&after, objects.clone(), done);
                }
            }
            self.step_members(fx);
        }
    }

    pub(super) fn on_activated(
        &mut self,
        view: &dyn super::MapView,
        osd: OsdId,
        fx: &mut Vec<Effect>,
    ) {
        let Some(Peering { step: Step::Activating { waiting }, replies, .. }) = self.peering()
        else {
            return;
        };
        waiting.remove(&osd);
        if !waiting.is_empty() {
            return;
        }
        let strays: Vec<OsdId> =
            replies.iter().filter(|(_, i)| i.is_some()).map(|(osd, _)| *osd).collect();
        self.role = Role::Primary(Primary::Active);
        for osd in strays {
            if !self.info.mapping.names(osd) && view.is_up(osd) {
                fx.push(Effect::Send { to: osd, body: Body::Drop });
            }
        }
        fx.push(Effect::Active);
    }

    /// Repeats what has not been answered.
    pub(super) fn on_tick(
        &mut self,
        now: Instant,
        view: &dyn super::MapView,
        fx: &mut Vec<Effect>,
    ) {
        let me = self.me;
        if self.is_stray() {
            let info = Some(self.copy_info().into());
            self.send_primary(Body::Info { info }, fx);
        }
        let Some(p) = self.peering() else { return };
        match &mut p.step {
            Step::Info | Step::Blocked | Step::OldLease => {
                p.asked.clear();
                self.poll(now, view, fx);
            }
            Step::AuthorityLog { from } => {
                fx.push(Effect::Send { to: *from, body: Body::GetLog });
            }
            Step::Own { from, copy, .. } => {
                let to = *from;
                if copy.listing
                    && let Some(after) = copy.cursor.clone()
                {
                    fx.push(Effect::Send { to, body: Body::List { after } });
                }
                for object in copy.in_flight.iter().cloned() {
                    fx.push(Effect::Send { to, body: Body::Pull { object } });
                }
            }
            Step::Members(members) => {
                for (osd, step) in members.iter() {
                    if matches!(step, MemberStep::GetLog) {
                        fx.push(Effect::Send { to: *osd, body: Body::GetLog });
                    } else if let Some(body) = prepare_body(step) {
                        fx.push(Effect::Send { to: *osd, body });
                    }
                    if let MemberStep::Copy { copy, .. } = step {
                        if copy.listing
                            && let Some(after) = copy.cursor.clone()
                        {
                            fx.push(Effect::List { after });
                        }
                        for object in copy.in_flight.iter().cloned() {
                            fx.push(Effect::Push { to: *osd, object });
                        }
                    }
                }
            }
            Step::Activating { waiting } => {
                for (osd, body) in waiting.iter().filter(|(osd, _)| **osd != me) {
                    fx.push(Effect::Send { to: *osd, body: body.clone() });
                }
            }
        }
    }
}

fn log_from(tail: EVersion, entries: Vec<Bytes>) -> Option<PgLog> {
    let mut log = PgLog::new(tail);
    for bytes in entries {
        let entry = Entry::parse(&bytes).ok()?;
        if !entry.follows(log.head()) {
            return None;
        }
        log.append(entry);
    }
    Some(log)
}

fn member_step(repair: Repair, dirty: Vec<HObject>, log: &PgLog, after: HObject) -> MemberStep {
    match repair {
        Repair::Everything => {
            MemberStep::Copy { keep: log.tail(), reset: true, copy: Copying::everything(after) }
        }
        Repair::Objects { common, mut objects } => {
            objects.extend(dirty);
            if objects.is_empty() {
                MemberStep::Ready { keep: common, reset: false }
            } else {
                MemberStep::Copy { keep: common, reset: false, copy: Copying::objects(objects) }
            }
        }
    }
}

/// The request that comes before the first object.
fn prepare_body(step: &MemberStep) -> Option<Body> {
    match step {
        MemberStep::Copy { reset, copy, .. } if !copy.prepared => {
            Some(Body::Prepare { wipe: *reset, objects: copy.queue.iter().cloned().collect() })
        }
        _ => None,
    }
}
