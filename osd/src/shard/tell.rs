//! Answers to clients, and what a shard tells of its operations: those under way are found where they
//! wait, so that keeping them costs nothing.

use super::{Out, Shard};
use crate::client_op::{ClientOp, ReplyVersions};
use crate::map::View;
use crate::observe::{Average, Kept, Kind, Level, OPS_TOLD_MAX, ShardPart, Stage};
use messenger::messages::Outcome;
use messenger::messages::internal::SlowOps;
use types::Instant;
use types::time::Now;

/// What a reply says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub result: i32,
    /// Some op of it ran.
    pub executed: bool,
    pub versions: ReplyVersions,
}

impl Shard {
    /// Answers a client with nothing of single ops.
    pub(super) fn answer(
        &mut self,
        view: &View,
        op: Box<ClientOp>,
        said: Said,
        out: &mut Vec<Out>,
    ) {
        self.answer_ops(view, op, said, Vec::new(), out);
    }

    /// Answers a client with the result and output of each op, and records where the time went.
    pub(super) fn answer_ops(
        &mut self,
        view: &View,
        mut op: Box<ClientOp>,
        said: Said,
        outcomes: Vec<Outcome>,
        out: &mut Vec<Out>,
    ) {
        let kept = self.recorder.keeps(&op.track).then(|| Box::new(op.kept(None)));
        let Said { result, executed, versions } = said;
        let out_bytes = outcomes.iter().map(|outcome| outcome.output.len() as u64).sum();
        let reply = op.reply(view.map.epoch, result, executed, versions, outcomes);
        self.recorder.finish(op.track, out_bytes, kept);
        out.push(Out::Reply { origin: op.origin, reply });
    }

    /// A PG's transaction is durable here: a client's write, or with ticket 0 another primary's, which
    /// came at `since`.
    pub(super) fn note_durable(&mut self, token: u64, ticket: u64, since: Instant) {
        let submitted = self.recorder.on_durable(token);
        if ticket == 0 {
            self.recorder.on_subop_durable(since);
        } else if let Some(waiting) = self.tickets.get_mut(&ticket) {
            let track = &mut waiting.op.track;
            if let Some(at) = submitted.filter(|_| self.recorder.tracking.enabled) {
                // What it read before it wrote is not of interest any more.
                track.stamps.mark_again(Stage::Submitted, at);
                self.recorder.show(track, Stage::Submitted);
            }
            self.recorder.mark_again(track, Stage::Durable);
        }
    }

    /// A read waits for the device. Of a write, these stages are those of the journal.
    pub(super) fn note_read_asked(&self, op: &mut ClientOp) {
        if op.track.kind == Kind::Read {
            self.recorder.mark(&mut op.track, Stage::Submitted);
        }
    }
    pub(super) fn note_read_done(&self, op: &mut ClientOp) {
        if op.track.kind == Kind::Read {
            self.recorder.mark_again(&mut op.track, Stage::Durable);
        }
    }

    /// Every operation under way on this shard, with what it waits for where that is not its stage.
    fn under_way(&self) -> impl Iterator<Item = (&ClientOp, Option<&'static str>)> {
        let unloaded = self.unloaded.values().flatten();
        let slots = || self.pgs.values();
        let waiting = slots().flat_map(|slot| &slot.waiting);
        let no_lease = slots().flat_map(|slot| &slot.no_lease);
        let queued = slots().flat_map(|slot| slot.queues.iter());
        let jobs = self.jobs.values().map(|job| &job.op);
        let tickets = self.tickets.values().map(|waiting| &waiting.op);
        let copies = self.copies.values().flat_map(|copying| copying.ops());
        let as_is = jobs.chain(tickets).map(|op| (&**op, None));
        fn said(why: &'static str) -> impl Fn(&Box<ClientOp>) -> (&ClientOp, Option<&'static str>) {
            move |op| (&**op, Some(why))
        }
        as_is
            .chain(unloaded.chain(waiting).map(said("waiting for active")))
            .chain(no_lease.map(said("waiting for readable")))
            .chain(queued.map(said("waiting for rw locks")))
            .chain(self.no_room.iter().map(said("waiting for room")))
            .chain(copies.map(said("waiting for the source of a copy")))
    }

    /// Operations that have been under way for longer than `osd_op_complaint_time`.
    pub(crate) fn slow_ops(&self, now: Instant) -> SlowOps {
        let ages = self.under_way().map(|(op, _)| now.since(op.track.stamps.received()));
        SlowOps::among(ages, self.recorder.tracking.complaint)
    }

    /// Writes that have become durable here since the counters were reset, of clients and of other
    /// primaries.
    pub(crate) fn commits(&mut self) -> Average {
        let stats = self.recorder.stats();
        let mut sum = stats.subops;
        for kind in [Kind::Write, Kind::ReadWrite] {
            let durable = &stats.kinds[kind as usize].stages[Stage::Durable as usize];
            sum.merge(&Average { count: durable.count(), sum_ns: durable.sum().as_nanos() as u64 });
        }
        sum
    }

    /// How things are, as much of it as `level` asks for.
    pub(crate) fn tell(&mut self, now: Now, level: Level) -> ShardPart {
        let space = self.store.statfs();
        let mounted = self.mounted;
        let mut part = ShardPart {
            shard: self.index,
            pgs: self.pgs.len() as u64,
            pgs_primary: self.pgs.values().filter(|slot| slot.pg.is_primary()).count() as u64,
            pgs_stray: self.pgs.values().filter(|slot| slot.pg.is_stray()).count() as u64,
            store: self.store.counters(),
            under_way: self.under_way().count() as u64,
            ..ShardPart::default()
        };
        if mounted {
            part.space_total = space.total;
            part.space_used = space.used;
            part.space_available = space.available;
        }
        match level {
            Level::State | Level::Settings => {}
            Level::Counters => part.stats = Some(Box::new(self.recorder.stats().clone())),
            Level::Operations => {
                let kept = |(op, waits_for): (&ClientOp, _)| -> Kept { op.kept(waits_for) };
                part.ops = self.under_way().take(OPS_TOLD_MAX).map(kept).collect();
            }
            Level::History => part.history = self.recorder.history(now.mono),
            Level::Slow => part.slow = self.recorder.slow(),
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::tests::{NOW, PG, World};
    use bytes::Bytes;
    use messenger::messages::Op;
    use std::time::Duration;
    use types::HObject;

    #[test]
    fn a_write_goes_through_the_journal_and_a_read_from_memory_does_not() {
        let mut w = World::new();
        let commits = w.shard.commits().count;
        w.send(1, "x", Op::append(Bytes::from_static(b"abc")));
        w.send(2, "x", Op::read(0, 0));
        let part = w.shard.tell(NOW, Level::Operations);
        assert_eq!(part.under_way, 2);
        let texts: Vec<_> = part.ops.iter().map(|op| (op.text.clone(), op.waits_for)).collect();
        let object = HObject::head(PG.pool, "", "", "x");
        let write = format!("osd_op(client.7.0:1 {PG} {object} [append 0~3] snapc 0=[]  e3)");
        assert_eq!(texts[0], (write, None));
        assert_eq!(texts[1].1, Some("waiting for rw locks"));
        assert_eq!(w.shard.slow_ops(NOW.mono + Duration::from_secs(29)), SlowOps::default());
        let oldest = Duration::from_secs(31);
        assert_eq!(w.shard.slow_ops(NOW.mono + oldest), SlowOps { count: 2, oldest });
        w.settle();
        assert_eq!(w.shard.slow_ops(NOW.mono + oldest), SlowOps::default());
        assert_eq!(w.shard.commits().count, commits + 1);
        assert_eq!(w.shard.tell(NOW, Level::Operations).under_way, 0);
        let history = w.shard.tell(NOW, Level::History).history;
        let stages = |tid: u64| -> Vec<&str> {
            let op = history.iter().find(|op| op.tid == tid).unwrap();
            op.stamps.passed().map(|(stage, _)| stage.name()).collect()
        };
        let all =
            ["received", "queued", "started", "submitted", "durable", "replicated", "replied"];
        assert_eq!(stages(1), all);
        assert_eq!(stages(2), ["received", "queued", "started", "replied"]);
        let stats = w.shard.tell(NOW, Level::Counters).stats.unwrap();
        let write = &stats.kinds[Kind::Write as usize];
        // The test's requests are all marked as writes.
        assert_eq!((write.in_bytes, write.out_bytes, write.whole.count()), (3, 3, 2));
    }
}
