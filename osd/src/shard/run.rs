//! One client operation: order, duplicate check, execution, reading, committing, answering.

use super::copy::TransferKey;
use super::metadata::Task;
use super::tell::Said;
use super::{Answer, Out, PgSlot, Shard, Waiting, logged_answer, pg_range};
use crate::client_op::{ClientOp, ReplyVersions};
use crate::map::View;
use crate::observe::Stage;
use crate::ops::{
    self, DataRange, Disposition, Execution, Need, OpOutcome, Piece, StoreReader, errno, pgls,
};
use crate::pg::MapView;
use crate::pg::log::EntryKind;
use crate::pg::replicate::{Duplicate, NewWrite};
use bytes::Bytes;
use messenger::message::Data;
use messenger::messages::op::op_flag;
use messenger::messages::osd_op::{Outcome, flag};
use seastore::{Miss, ReadData, ReadError, ReadStart, Store};
use std::collections::VecDeque;
use types::time::Now;
use types::{EVersion, HObject, PgId};

const ENOSPC: i32 = -28;
/// Space that only operations which free space may use: what replicas, log and checkpoints need.
pub(super) const RESERVE_PART: u64 = 20;

/// Where the bytes of a read go.
#[derive(Debug)]
pub(super) enum ReadTarget {
    Job { job: u64, part: usize },
    Transfer(TransferKey),
    Task(Task),
}

/// Outcomes that a log entry keeps for a request that comes again. The entry is one value of an omap.
const LOGGED_OUTCOMES_BYTES_MAX: usize = 64 << 10;
const _: () = assert!(LOGGED_OUTCOMES_BYTES_MAX * 2 < seastore::VALUE_BYTES_MAX);

/// An operation that waits for the device.
#[derive(Debug)]
pub(super) struct Job {
    pub op: Box<ClientOp>,
    pending: usize,
    parts: Vec<Option<Result<ReadData, ReadError>>>,
    goal: Goal,
}

#[derive(Debug)]
enum Goal {
    /// Run again with these ranges, or the metadata that were missed, at hand.
    Again { ranges: Vec<DataRange> },
    /// List again with the metadata that were missed at hand.
    List,
    /// Answer; parts are the object pieces of the outputs in order.
    Reply { result: i32, ops: Vec<OpOutcome>, versions: ReplyVersions },
}

impl Goal {
    /// What of the object is to be read, in order.
    fn ranges(&self) -> impl Iterator<Item = DataRange> {
        let (again, ops): (&[DataRange], &[OpOutcome]) = match self {
            Self::Again { ranges } => (ranges, &[]),
            Self::List => (&[], &[]),
            Self::Reply { ops, .. } => (&[], ops),
        };
        let of = |piece: &Piece| match piece {
            Piece::Object(range) => Some(*range),
            Piece::Bytes(_) => None,
        };
        again.iter().copied().chain(ops.iter().flat_map(|o| &o.output).filter_map(of))
    }
}

impl Shard {
    pub fn on_client_op(
        &mut self,
        now: Now,
        view: &View,
        mut op: Box<ClientOp>,
        out: &mut Vec<Out>,
    ) {
        self.recorder.now = now;
        self.recorder.on_came(&mut op.track);
        let Some(slot) = self.pgs.get_mut(&op.pg) else {
            return self.wait_for_load(view, op, out);
        };
        if !slot.pg.is_primary() || op.epoch < slot.pg.since() && !view.booted {
            out.push(Out::Dropped { origin: op.origin });
            return;
        }
        if !slot.pg.is_active() {
            slot.waiting.push_back(op);
            return;
        }
        if op.is_pg_op() {
            self.run_listing(view, op, out);
            return;
        }
        if !view.map.pg_holds(op.pg, op.hash) {
            out.push(Out::Dropped { origin: op.origin });
            return;
        }
        let Some(op) = self.wait_for_copy(op) else { return };
        let (hash, is_write) = (op.hash, op.is_write());
        let Some(slot) = self.pgs.get_mut(&op.pg) else { return };
        if let Some(op) = slot.queues.admit(hash, is_write, op) {
            self.run(now, view, op, out);
        }
    }

    /// Keeps `op` while its PG is ours and cannot be loaded: its client's map shows no reason to send
    /// it again when the PG is there.
    fn wait_for_load(&mut self, view: &View, op: Box<ClientOp>, out: &mut Vec<Out>) {
        let ours = view.mapping(op.pg).is_some_and(|m| m.primary == Some(self.me));
        match self.unloaded.get_mut(&op.pg) {
            Some(waiting) if ours => waiting.push_back(op),
            _ => out.push(Out::Dropped { origin: op.origin }),
        }
    }

    /// Operations that waited for the PG to serve, or for its lease.
    pub(super) fn run_waiting(&mut self, now: Now, view: &View, id: PgId, out: &mut Vec<Out>) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        let waiting = std::mem::take(&mut slot.waiting);
        self.run_all(now, view, waiting, out);
    }

    pub(super) fn run_all(
        &mut self,
        now: Now,
        view: &View,
        ops: VecDeque<Box<ClientOp>>,
        out: &mut Vec<Out>,
    ) {
        for op in ops {
            self.on_client_op(now, view, op, out);
        }
    }

    /// Writes that waited for the store, if it takes any: each held its object, and goes before
    /// what came after it.
    pub(super) fn run_no_room(&mut self, now: Now, view: &View, out: &mut Vec<Out>) {
        for op in std::mem::take(&mut self.no_room) {
            self.run_held(now, view, op, out);
        }
    }

    /// Reads that waited for the lease, and what has come after them.
    pub(super) fn run_no_lease(&mut self, now: Now, view: &View, id: PgId, out: &mut Vec<Out>) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        for op in std::mem::take(&mut slot.no_lease) {
            self.run_held(now, view, op, out);
        }
    }

    fn run_held(&mut self, now: Now, view: &View, op: Box<ClientOp>, out: &mut Vec<Out>) {
        let (id, hash) = (op.pg, op.hash);
        if let Some(slot) = self.pgs.get_mut(&id) {
            slot.queues.unhold(hash);
        }
        self.run(now, view, op, out);
        self.run_next(now, view, id, hash, out);
    }

    fn refuse_full(&mut self, view: &View, op: Box<ClientOp>, out: &mut Vec<Out>) {
        self.answer(view, op, Said { result: ENOSPC, executed: false, ..Said::default() }, out);
    }

    /// What waited behind an operation on this object.
    fn run_next(&mut self, now: Now, view: &View, id: PgId, hash: u32, out: &mut Vec<Out>) {
        while let Some(op) = self.pgs.get_mut(&id).and_then(|s| s.queues.next(hash)) {
            // What it waited for may have become a copy.
            if let Some(op) = self.wait_for_copy(op) {
                self.run(now, view, op, out);
            }
        }
    }

    /// The object's queue has let it through.
    fn run(&mut self, now: Now, view: &View, mut op: Box<ClientOp>, out: &mut Vec<Out>) {
        let is_write = op.is_write();
        let Some(slot) = self.pgs.get_mut(&op.pg) else {
            out.push(Out::Dropped { origin: op.origin });
            return;
        };
        if is_write {
            let ticket = self.next_ticket;
            match slot.pg.find_duplicate(&op.request.reqid, ticket) {
                Some(Duplicate::Done(entry)) => {
                    let (result, versions, outcomes) = logged_answer(&entry);
                    let said = Said { result, executed: true, versions };
                    self.answer_ops(view, op, said, told(outcomes), out);
                    return;
                }
                Some(Duplicate::Joined) => {
                    self.next_ticket += 1;
                    slot.queues.write_started(op.hash);
                    let (pg, hash) = (op.pg, op.hash);
                    self.tickets.insert(ticket, Waiting { pg, hash, op, answer: Answer::Logged });
                    return;
                }
                None => {}
            }
            // What is delayed is not in the store yet: an operation would see the object without it.
            if !op.only_frees() && !self.store.accepting() || !self.delayed.is_empty() {
                if !op.only_frees() && !has_room(&self.store, op.input_bytes()) {
                    self.refuse_full(view, op, out);
                    return;
                }
                slot.queues.hold(op.hash);
                self.no_room.push_back(op);
                return;
            }
        } else if !self.lease.holds(now.mono, self.me, &slot.pg) {
            slot.queues.hold(op.hash);
            slot.no_lease.push_back(op);
            return;
        }
        self.recorder.mark(&mut op.track, Stage::Started);
        let reader = StoreReader {
            store: &self.store,
            object: &op.request.object,
            data: &op.fetched,
            copied: &op.copied,
        };
        let execution = match ops::execute(&op.request, &reader, &self.limits) {
            Ok(execution) => execution,
            Err(Need::Data(need)) => return self.fetch(now, view, op, need.ranges, out),
            Err(Need::Metadata(miss)) => {
                slot.queues.hold(op.hash);
                return self.wait_job(op, &miss, Goal::Again { ranges: Vec::new() }, out);
            }
            Err(Need::Copy { op_index, source }) => {
                // Others may change the object meanwhile.
                op.fetched.clear();
                return self.start_copy(now, op, op_index, source, out);
            }
        };
        op.fetched.clear();
        match execution.disposition {
            Disposition::Refused => {
                let result = execution.result;
                self.answer(view, op, Said { result, ..Said::default() }, out);
            }
            Disposition::Read => self.answer_read(now, view, op, execution, out),
            Disposition::LogOnly | Disposition::Write(_) => {
                self.commit(now, view, op, execution, out)
            }
        }
    }

    /// Reads what the operation needs before it can be run again; the object is held meanwhile.
    fn fetch(
        &mut self,
        now: Now,
        view: &View,
        op: Box<ClientOp>,
        ranges: Vec<DataRange>,
        out: &mut Vec<Out>,
    ) {
        if let Some(slot) = self.pgs.get_mut(&op.pg) {
            slot.queues.hold(op.hash);
        }
        self.start_job(now, view, op, Goal::Again { ranges }, out);
    }

    /// `op` waits for metadata, and then for what `goal` says.
    fn wait_job(&mut self, mut op: Box<ClientOp>, miss: &Miss, goal: Goal, out: &mut Vec<Out>) {
        self.note_read_asked(&mut op);
        let id = self.next_job;
        self.next_job += 1;
        self.jobs.insert(id, Job { op, pending: 1, parts: vec![None], goal });
        self.wait(miss, ReadTarget::Job { job: id, part: 0 }, out);
    }

    fn start_job(
        &mut self,
        now: Now,
        view: &View,
        op: Box<ClientOp>,
        goal: Goal,
        out: &mut Vec<Out>,
    ) {
        let id = self.next_job;
        self.next_job += 1;
        let mut parts = Vec::with_capacity(goal.ranges().count());
        let mut pending = 0;
        let keep = op.request.ops.iter().any(|op| op.flags & op_flag::FADVISE_WILLNEED != 0);
        for (part, range) in goal.ranges().enumerate() {
            let token = self.next_token;
            self.next_token += 1;
            let (o, fx) = (&op.request.object, &mut self.store_fx);
            let started = match keep {
                true => self.store.read_and_keep(o, range.offset, range.len, token, fx),
                false => self.store.read(o, range.offset, range.len, token, fx),
            };
            parts.push(match started {
                Ok(ReadStart::Ready(data)) => Some(Ok(data)),
                Ok(ReadStart::Pending) => {
                    self.reads.insert(token, ReadTarget::Job { job: id, part });
                    pending += 1;
                    None
                }
                Err(e) => Some(Err(e)),
            });
        }
        self.flush_store(out);
        let mut job = Job { op, pending, parts, goal };
        if pending == 0 {
            self.finish_job(now, view, job, out);
        } else {
            self.note_read_asked(&mut job.op);
            self.jobs.insert(id, job);
        }
    }

    pub(super) fn on_job_read(
        &mut self,
        now: Now,
        view: &View,
        id: u64,
        part: usize,
        result: Result<ReadData, ReadError>,
        out: &mut Vec<Out>,
    ) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.parts[part] = Some(result);
        job.pending -= 1;
        if job.pending == 0 {
            let mut job = self.jobs.remove(&id).expect("it was just there");
            self.note_read_done(&mut job.op);
            self.finish_job(now, view, job, out);
        }
    }

    fn finish_job(&mut self, now: Now, view: &View, job: Job, out: &mut Vec<Out>) {
        let Job { mut op, parts, goal, .. } = job;
        let (id, hash) = (op.pg, op.hash);
        if let Some(e) = parts.iter().flatten().find_map(|part| part.as_ref().err()) {
            out.push(Out::Alarm(format!("pg {id}: {}: {e}", op.request.object)));
            let said = Said { result: errno::EIO, executed: true, ..Said::default() };
            self.answer(view, op, said, out);
            // A read that only had to be answered held nothing; another operation may.
            if matches!(goal, Goal::Again { .. }) {
                self.release(now, view, id, hash, out);
            }
            return;
        }
        let mut datas = parts.into_iter().flatten().filter_map(Result::ok);
        match goal {
            Goal::Again { ranges } => {
                let fetched = ranges.into_iter().zip(datas);
                op.fetched.extend(fetched.map(|(range, data)| (range, data.into_bytes())));
                if let Some(slot) = self.pgs.get_mut(&id) {
                    slot.queues.unhold(hash);
                }
                self.run(now, view, op, out);
                self.run_next(now, view, id, hash, out);
            }
            Goal::List => self.run_listing(view, op, out),
            Goal::Reply { result, ops, versions } => {
                let said = Said { result, executed: true, versions };
                self.reply_read(view, op, said, ops, &mut datas, out)
            }
        }
    }

    fn release(&mut self, now: Now, view: &View, id: PgId, hash: u32, out: &mut Vec<Out>) {
        if let Some(slot) = self.pgs.get_mut(&id) {
            slot.queues.release(hash);
            self.run_next(now, view, id, hash, out);
        }
    }

    fn answer_read(
        &mut self,
        now: Now,
        view: &View,
        op: Box<ClientOp>,
        execution: Execution,
        out: &mut Vec<Out>,
    ) {
        let Some(slot) = self.pgs.get_mut(&op.pg) else { return };
        slot.reads += 1;
        let versions = if execution.result == errno::ENOENT {
            floor_versions(slot)
        } else {
            ReplyVersions { user: execution.user_version, ..ReplyVersions::default() }
        };
        let Execution { result, ops, .. } = execution;
        let goal = Goal::Reply { result, ops, versions };
        self.start_job(now, view, op, goal, out);
    }

    fn reply_read(
        &mut self,
        view: &View,
        op: Box<ClientOp>,
        said: Said,
        ops: Vec<OpOutcome>,
        datas: &mut dyn Iterator<Item = ReadData>,
        out: &mut Vec<Out>,
    ) {
        let (pg, mut read_bytes) = (op.pg, 0);
        let outcomes = ops.into_iter().map(|o| {
            let mut output = Data::default();
            for piece in o.output {
                match piece {
                    Piece::Bytes(bytes) => output.push(bytes),
                    Piece::Object(range) => {
                        let read = datas.next().unwrap_or_default();
                        put_read(&mut output, read, range.len);
                        read_bytes += range.len;
                    }
                }
            }
            Outcome { result: o.rval, output }
        });
        self.answer_ops(view, op, said, outcomes.collect(), out);
        if let Some(slot) = self.pgs.get_mut(&pg) {
            slot.read_bytes += read_bytes;
        }
    }

    fn commit(
        &mut self,
        now: Now,
        view: &View,
        mut op: Box<ClientOp>,
        execution: Execution,
        out: &mut Vec<Out>,
    ) {
        let writes_bytes = op.input_bytes();
        op.track.in_bytes = writes_bytes;
        op.copied.clear();
        let Some(slot) = self.pgs.get_mut(&op.pg) else { return };
        let version = slot.pg.next_version();
        let last_user_version = slot.pg.log().last_user_version();
        let result = execution.result;
        let (size_before, mut size_after) = (execution.size_before, None);
        let (kind, prior, user_version, changes, user) = match execution.disposition {
            Disposition::Write(mutation) => {
                let room = has_room(&self.store, writes_bytes)
                    && slot.rooms.values().all(|room| *room > writes_bytes.saturating_mul(2));
                if mutation.object_remains() && !op.only_frees() && !room {
                    self.refuse_full(view, op, out);
                    return;
                }
                let kind =
                    if mutation.object_remains() { EntryKind::Modify } else { EntryKind::Delete };
                size_after = mutation.size();
                let done = mutation.finish(version, last_user_version, op.request.reqid, now.wall);
                let user = done.user_version;
                (kind, done.prior_version, user, done.changes, user)
            }
            _ => {
                let user = execution.user_version;
                (EntryKind::Failed, EVersion::default(), user, Vec::new(), user)
            }
        };
        let versions = if kind == EntryKind::Failed && result == errno::ENOENT {
            ReplyVersions { replay: version, ..floor_versions(slot) }
        } else {
            let shown = if user == 0 { version.version } else { user };
            let bad_replay = EVersion { version: shown, epoch: version.epoch };
            ReplyVersions { replay: version, bad_replay, user }
        };
        let outcomes: Vec<(i32, Bytes)> =
            execution.ops.into_iter().map(|o| (o.rval, bytes_of(o.output))).collect();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        slot.writes += 1;
        slot.write_bytes += writes_bytes;
        slot.queues.write_started(op.hash);
        let keep = op.request.flags & flag::RETURNVEC != 0;
        let logged: usize = outcomes.iter().map(|(_, output)| 8 + output.len()).sum();
        let data_crc = op.crc_of(&changes);
        let write = NewWrite {
            kind,
            version,
            prior,
            user_version,
            result,
            reqid: op.request.reqid,
            object: op.request.object.clone(),
            changes,
            data_crc,
            outcomes: if keep && logged <= LOGGED_OUTCOMES_BYTES_MAX {
                outcomes.clone()
            } else {
                Vec::new()
            },
            ticket,
        };
        let mut fx = std::mem::take(&mut self.pg_fx);
        slot.recount(&op.request.object, size_before, size_after);
        slot.pg.submit(write, &mut fx);
        // The request's data are in the transaction now.
        for o in &mut op.request.ops {
            o.input = Bytes::new();
        }
        let (pg, hash) = (op.pg, op.hash);
        let answer = Answer::Executed { result, versions, outcomes };
        self.tickets.insert(ticket, Waiting { pg, hash, op, answer });
        self.committing = ticket;
        self.perform(now, view, pg, &mut fx, out);
        self.committing = 0;
        self.pg_fx = fx;
        if !self.delayed.is_empty()
            && let Some(slot) = self.pgs.get_mut(&pg)
        {
            // A count under way would not see the change in the store.
            slot.counting = None;
        }
    }

    /// Durable on every member: the client hears of it, and reads that waited go on.
    pub(super) fn on_replicated(&mut self, now: Now, view: &View, ticket: u64, out: &mut Vec<Out>) {
        let Some(Waiting { pg, hash, mut op, answer }) = self.tickets.remove(&ticket) else {
            return;
        };
        self.recorder.mark(&mut op.track, Stage::Replicated);
        let Some(slot) = self.pgs.get_mut(&pg) else { return };
        slot.queues.write_done(hash);
        slot.changed = true;
        let (result, versions, outcomes) = match answer {
            Answer::Executed { result, versions, outcomes } => (result, versions, outcomes),
            Answer::Logged => match slot.pg.log().find(&op.request.reqid) {
                Some(entry) => logged_answer(entry),
                None => (errno::EIO, ReplyVersions::default(), Vec::new()),
            },
        };
        let said = Said { result, executed: true, versions };
        self.answer_ops(view, op, said, told(outcomes), out);
        self.run_next(now, view, pg, hash, out);
    }

    fn run_listing(&mut self, view: &View, op: Box<ClientOp>, out: &mut Vec<Out>) {
        let Some((start, end)) = pg_range(view, op.pg) else {
            out.push(Out::Dropped { origin: op.origin });
            return;
        };
        let lister = StoreLister { store: &self.store, start, end };
        let (mut result, mut outcomes) = (0, Vec::with_capacity(op.request.ops.len()));
        for o in &op.request.ops {
            let outcome = match pgls::execute(o, &op.nspace, &lister, &self.limits) {
                Ok(outcome) => outcome,
                Err(miss) => return self.wait_job(op, &miss, Goal::List, out),
            };
            if result >= 0 {
                result = outcome.rval;
            }
            let output = Data::from(bytes_of(outcome.output));
            outcomes.push(Outcome { result: outcome.rval, output });
        }
        let said = Said { result, executed: true, ..Said::default() };
        self.answer_ops(view, op, said, outcomes, out);
    }
}

/// What an ENOENT tells of the object's next version.
fn floor_versions(slot: &PgSlot) -> ReplyVersions {
    ReplyVersions {
        replay: EVersion::default(),
        bad_replay: slot.pg.log().head(),
        user: slot.pg.log().last_user_version(),
    }
}

fn has_room(store: &Store, bytes: u64) -> bool {
    room(store) > bytes.saturating_mul(2)
}

/// Bytes above the reserve.
pub(super) fn room(store: &Store) -> u64 {
    let s = store.statfs();
    s.available.saturating_sub(s.total / RESERVE_PART)
}

fn told(outcomes: Vec<(i32, Bytes)>) -> Vec<Outcome> {
    let told = |(result, output)| Outcome { result, output: Data::from(output) };
    outcomes.into_iter().map(told).collect()
}

fn bytes_of(output: Vec<Piece>) -> Bytes {
    let mut data = Data::default();
    for piece in output {
        if let Piece::Bytes(bytes) = piece {
            data.push(bytes);
        }
    }
    data.into_bytes()
}

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

fn put_zeros(data: &mut Data, mut len: u64) {
    while len > 0 {
        let step = len.min(ZEROS.len() as u64);
        data.push(Bytes::from_static(&ZEROS[..step as usize]));
        len -= step;
    }
}

/// Exactly `len` bytes of what was read.
fn put_read(data: &mut Data, read: ReadData, len: u64) {
    let mut left = len;
    for piece in read.pieces {
        match piece {
            seastore::Piece::Data(bytes) => {
                let take = (bytes.len() as u64).min(left);
                data.push(bytes.slice(..take as usize));
                left -= take;
            }
            seastore::Piece::Zeros(n) => {
                let take = n.min(left);
                put_zeros(data, take);
                left -= take;
            }
        }
    }
    put_zeros(data, left);
}

struct StoreLister<'a> {
    store: &'a Store,
    start: HObject,
    end: HObject,
}

impl pgls::Lister for StoreLister<'_> {
    fn scan(&self, from: &HObject, visit: &mut dyn FnMut(&HObject) -> bool) -> Result<(), Miss> {
        const PAGE: usize = 256;
        let mut from = from.max(&self.start).clone();
        let mut again = false;
        loop {
            let found = self.store.list(&from, &self.end, PAGE)?;
            let full = found.len() == PAGE;
            for o in &found {
                if (again && **o == from) || o.name.is_empty() {
                    continue;
                }
                if !visit(o) {
                    return Ok(());
                }
            }
            match found.last() {
                Some(last) if full => from = (**last).clone(),
                _ => return Ok(()),
            }
            again = true;
        }
    }
    fn end(&self) -> HObject {
        if self.end.pool == self.start.pool { self.end.clone() } else { HObject::max() }
    }
}
