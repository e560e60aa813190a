//! What one store shard keeps of its operations: histograms per stage and kind, counters, and the
//! operations that took longest. All of it is bounded when it is made.

use super::stage::{KINDS, Kind, STAGES, Stage, Stamps, Track};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use types::node::{StageProbes, StageSeen};
use types::time::Now;
use types::{EntityAddr, EntityName, Histogram, Instant};

/// Buckets of the histograms of latency and size, in each direction.
pub const GRID: usize = 32;
/// The first bucket's end: 100 us, and 512 bytes. Each further one ends at twice the last.
pub const GRID_LATENCY_NS: u64 = 100_000;
pub const GRID_SIZE_BYTES: u64 = 512;

/// Answered operations that wait until they are put into the histograms together. An operation's
/// counts lie in some twenty cache lines, which the rest of an OSD's work drives out of the nearest cache
/// from one turn to the next.
const FOLD: usize = 32;

/// How much is recorded. Ceph's options of these names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// `osd_enable_op_tracker`: times and histograms are kept; without, only counters are.
    pub enabled: bool,
    /// `osd_op_complaint_time`: an operation under way for longer is blocked.
    pub complaint: Duration,
    /// `osd_op_history_size` and `osd_op_history_duration`.
    pub history_size: usize,
    pub history_duration: Duration,
    /// `osd_op_history_slow_op_size` and `osd_op_history_slow_op_threshold`.
    pub slow_size: usize,
    pub slow_threshold: Duration,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            enabled: true,
            complaint: Duration::from_secs(30),
            history_size: 20,
            history_duration: Duration::from_secs(600),
            slow_size: 20,
            slow_threshold: Duration::from_secs(10),
        }
    }
}

/// An operation as a dump shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub text: String,
    pub name: EntityName,
    pub addr: Option<EntityAddr>,
    pub tid: u64,
    pub kind: Kind,
    pub stamps: Stamps,
    /// In place of what the last stage says.
    pub waits_for: Option<&'static str>,
}

impl Kept {
    /// Until now, or until it was answered.
    pub fn duration(&self, now: Instant) -> Duration {
        self.stamps.get(Stage::Replied).unwrap_or(now).since(self.stamps.received())
    }
}

/// A sum of durations and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Average {
    pub count: u64,
    pub sum_ns: u64,
}

impl Average {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum_ns += took.as_nanos() as u64;
    }
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ns += other.sum_ns;
    }
}

/// Counts by latency and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid(pub Box<[[u64; GRID]; GRID]>);

impl Default for Grid {
    fn default() -> Self {
        Self(Box::new([[0; GRID]; GRID]))
    }
}

/// Bucket of a value: 0 is for negative ones, which there are none of.
fn grid_bucket(value: u64, unit: u64) -> usize {
    let units = value / unit;
    (units.checked_ilog2().map_or(1, |log| log as usize + 2)).min(GRID - 1)
}

impl Grid {
    fn add(&mut self, latency: Duration, size_bytes: u64) {
        let x = grid_bucket(latency.as_nanos() as u64, GRID_LATENCY_NS);
        self.0[x][grid_bucket(size_bytes, GRID_SIZE_BYTES)] += 1;
    }
    pub fn merge(&mut self, other: &Self) {
        for (mine, others) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *mine += others;
        }
    }
}

/// Of one kind of operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KindStats {
    pub count: u64,
    pub in_bytes: u64,
    pub out_bytes: u64,
    /// By the stage that ends it: time since the stage before that the operation went through.
    /// Nothing ends with [`Stage::Received`].
    pub stages: [Histogram; STAGES],
    /// From received to replied.
    pub whole: Histogram,
    /// From started to replied, and from started to submitted.
    pub process: Average,
    pub prepare: Average,
    pub by_in_size: Grid,
    pub by_out_size: Grid,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    pub kinds: [KindStats; KINDS],
    pub before_queue: Average,
    pub before_start: Average,
    /// Writes of other primaries, until they are durable here.
    pub subops: Average,
    pub subop_in_bytes: u64,
}

impl Stats {
    pub fn merge(&mut self, other: &Self) {
        for (mine, others) in self.kinds.iter_mut().zip(&other.kinds) {
            mine.count += others.count;
            mine.in_bytes += others.in_bytes;
            mine.out_bytes += others.out_bytes;
            for (a, b) in mine.stages.iter_mut().zip(&others.stages) {
                a.merge(b);
            }
            mine.whole.merge(&others.whole);
            mine.process.merge(&others.process);
            mine.prepare.merge(&others.prepare);
            mine.by_in_size.merge(&others.by_in_size);
            mine.by_out_size.merge(&others.by_out_size);
        }
        self.before_queue.merge(&other.before_queue);
        self.before_start.merge(&other.before_start);
        self.subops.merge(&other.subops);
        self.subop_in_bytes += other.subop_in_bytes;
    }

    fn record(&mut self, track: &Track, out_bytes: u64) {
        let of = &mut self.kinds[track.kind as usize];
        let received = track.stamps.received();
        let mut before = received;
        for (stage, at) in track.stamps.passed().skip(1) {
            of.stages[stage as usize].record(at.since(before));
            before = at;
        }
        let whole = before.since(received);
        of.whole.record(whole);
        of.by_in_size.add(whole, track.in_bytes);
        of.by_out_size.add(whole, out_bytes);
        let at = |stage| track.stamps.get(stage);
        if let Some(queued) = at(Stage::Queued) {
            self.before_queue.add(queued.since(received));
        }
        if let Some(started) = at(Stage::Started) {
            self.before_start.add(started.since(received));
            of.process.add(before.since(started));
            of.prepare.add(at(Stage::Submitted).unwrap_or(before).since(started));
        }
    }
}

/// An answered operation until it is in the histograms.
#[derive(Debug)]
struct Finished {
    track: Track,
    out_bytes: u64,
    kept: Option<Box<Kept>>,
}

/// Keeps the time of a shard's operations.
#[derive(Default)]
pub struct Recorder {
    /// Of the store.
    pub shard: u16,
    pub probes: Option<Rc<dyn StageProbes>>,
    pub tracking: Tracking,
    stats: Stats,
    /// As the input at hand came: what happens in a turn happens then.
    pub now: Now,
    finished: Vec<Finished>,
    /// How many of them, from the first, were answered in turns that have ended.
    replied: usize,
    /// The slowest of the last while, in the order in which they ended.
    history: Vec<Kept>,
    /// What an operation must take to be among them.
    history_min: Duration,
    /// When the first of them is too old.
    history_until: Option<Instant>,
    slow: VecDeque<Kept>,
    /// Journal records on their way: the last transaction of each, and when it was given to the
    /// device.
    records: VecDeque<(u64, Instant)>,
}

impl Recorder {
    /// An operation goes through a stage now; the first time counts.
    pub fn mark(&self, track: &mut Track, stage: Stage) {
        if self.tracking.enabled {
            track.stamps.mark(stage, self.now.mono);
            self.show(track, stage);
        }
    }
    /// The same, and the last time counts.
    pub fn mark_again(&self, track: &mut Track, stage: Stage) {
        if self.tracking.enabled {
            track.stamps.mark_again(stage, self.now.mono);
            self.show(track, stage);
        }
    }

    /// The operation came to this core, through the stages before.
    pub fn on_came(&self, track: &mut Track) {
        if self.tracking.enabled && track.stamps.get(Stage::Queued).is_none() {
            self.show(track, Stage::Received);
            self.show(track, Stage::Parsed);
        }
        self.mark(track, Stage::Queued);
    }

    /// Shows a stage to tracing tools, as it was marked.
    pub fn show(&self, track: &Track, stage: Stage) {
        let (Some(probes), Some(at)) = (&self.probes, track.stamps.get(stage)) else { return };
        probes.stage(StageSeen {
            stage: stage as u8,
            kind: track.kind as u8,
            shard: self.shard,
            client: track.id.0,
            tid: track.id.1,
            after_ns: at.since(track.stamps.received()).as_nanos() as u64,
        });
    }

    /// Transactions up to `token` are in records that the device has been given.
    pub fn on_submitted(&mut self, token: u64, now: Instant) {
        if self.records.back().is_none_or(|(last, _)| *last < token) {
            self.records.push_back((token, now));
        }
    }
    /// The transaction is durable; says when it was given to the device. They come in order.
    pub fn on_durable(&mut self, token: u64) -> Option<Instant> {
        while self.records.front().is_some_and(|(last, _)| *last < token) {
            self.records.pop_front();
        }
        self.records.front().map(|(_, at)| *at)
    }

    /// A write of another primary has come, with so many bytes.
    pub fn on_subop(&mut self, in_bytes: u64) {
        self.stats.subop_in_bytes += in_bytes;
    }
    /// One that came at `since` is durable.
    pub fn on_subop_durable(&mut self, since: Instant) {
        self.stats.subops.add(self.now.mono.since(since));
    }

    /// Whether an operation that ends now will be kept: then [`Recorder::finish`] wants it whole.
    pub fn keeps(&self, track: &Track) -> bool {
        if !self.tracking.enabled {
            return false;
        }
        let took = self.now.mono.since(track.stamps.received());
        took >= self.history_min
            || took >= self.tracking.slow_threshold
            || self.history_until.is_some_and(|until| self.now.mono >= until)
    }

    /// The operation is answered in this turn.
    pub fn finish(&mut self, track: Track, out_bytes: u64, kept: Option<Box<Kept>>) {
        let of = &mut self.stats.kinds[track.kind as usize];
        of.count += 1;
        of.in_bytes += track.in_bytes;
        of.out_bytes += out_bytes;
        if self.tracking.enabled {
            self.finished.push(Finished { track, out_bytes, kept });
        }
    }

    /// The replies of this turn are with the driver.
    pub fn end_of_turn(&mut self, now: Now) {
        self.now = now;
        let mut keeps = false;
        for at in self.replied..self.finished.len() {
            let Finished { track, kept, .. } = &mut self.finished[at];
            track.stamps.mark(Stage::Replied, now.mono);
            keeps |= kept.is_some();
            self.show(&self.finished[at].track, Stage::Replied);
        }
        self.replied = self.finished.len();
        // What is kept decides what else is.
        if keeps || self.replied >= FOLD {
            self.fold();
        }
    }

    /// Puts the operations of turns that have ended into the histograms.
    fn fold(&mut self) {
        let mut finished = std::mem::take(&mut self.finished);
        for Finished { track, out_bytes, kept } in finished.drain(..self.replied) {
            self.stats.record(&track, out_bytes);
            if let Some(mut kept) = kept {
                kept.stamps = track.stamps;
                self.keep(*kept, self.now.mono);
            }
        }
        self.finished = finished;
        self.replied = 0;
    }

    /// All that has been counted so far.
    pub fn stats(&mut self) -> &Stats {
        self.fold();
        &self.stats
    }

    fn keep(&mut self, kept: Kept, now: Instant) {
        if kept.duration(now) >= self.tracking.slow_threshold && self.tracking.slow_size > 0 {
            self.slow.push_back(kept.clone());
            while self.slow.len() > self.tracking.slow_size {
                self.slow.pop_front();
            }
        }
        self.history.push(kept);
        self.trim(now);
    }

    /// Drops what is too old, and then the shortest while there are too many.
    fn trim(&mut self, now: Instant) {
        let Tracking { history_size, history_duration, .. } = self.tracking;
        self.history.retain(|kept| now.since(kept.stamps.received()) <= history_duration);
        while self.history.len() > history_size {
            let durations = self.history.iter().enumerate().map(|(i, k)| (k.duration(now), i));
            let (_, shortest) = durations.min().expect("there are more than none");
            self.history.remove(shortest);
        }
        let durations = self.history.iter().map(|kept| kept.duration(now));
        self.history_min = match history_size {
            0 => Duration::MAX,
            size if self.history.len() < size => Duration::ZERO,
            _ => durations.min().unwrap_or(Duration::ZERO),
        };
        let oldest = self.history.iter().map(|kept| kept.stamps.received()).min();
        self.history_until = oldest.map(|oldest| oldest + history_duration);
    }

    /// The slowest operations of the last while.
    pub fn history(&mut self, now: Instant) -> Vec<Kept> {
        self.trim(now);
        self.history.clone()
    }
    /// The last that took longer than the threshold.
    pub fn slow(&self) -> Vec<Kept> {
        self.slow.iter().cloned().collect()
    }
    pub fn follow(&mut self, tracking: Tracking) {
        self.tracking = tracking;
        self.trim(self.now.mono);
        while self.slow.len() > self.tracking.slow_size {
            self.slow.pop_front();
        }
    }
    pub fn reset(&mut self) {
        self.fold();
        self.stats = Stats::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: Instant(ms * 1_000_000), ..Now::default() }
    }

    fn run(recorder: &mut Recorder, begin_ms: u64, took_ms: u64) {
        let stamps = Stamps::new(at(begin_ms).mono);
        let mut track = Track { in_bytes: 4096, ..Track::new(stamps.received(), Kind::Write) };
        recorder.now = at(begin_ms);
        recorder.mark(&mut track, Stage::Started);
        recorder.now = at(begin_ms + took_ms);
        let kept = recorder.keeps(&track).then(|| {
            Box::new(Kept {
                text: took_ms.to_string(),
                name: EntityName::osd(types::OsdId(0)),
                addr: None,
                tid: 0,
                kind: track.kind,
                stamps: track.stamps,
                waits_for: None,
            })
        });
        recorder.finish(track, 0, kept);
        recorder.end_of_turn(at(begin_ms + took_ms));
    }

    fn texts(kept: Vec<Kept>) -> Vec<String> {
        kept.into_iter().map(|kept| kept.text).collect()
    }

    #[test]
    fn the_slowest_of_the_last_while_are_kept() {
        let mut recorder = Recorder::default();
        recorder.tracking.history_size = 3;
        for (i, took) in [5, 1, 9, 2, 7, 3].into_iter().enumerate() {
            run(&mut recorder, i as u64 * 10, took);
        }
        assert_eq!(texts(recorder.history(at(100).mono)), ["5", "9", "7"]);
        // Shorter than all of them, but they are too old by then.
        run(&mut recorder, 600_015, 1);
        assert_eq!(texts(recorder.history(at(600_020).mono)), ["9", "7", "1"]);
        run(&mut recorder, 900_000, 11_000);
        assert_eq!(texts(recorder.slow()), ["11000"]);
        let tracking = Tracking { history_size: 0, ..Tracking::default() };
        recorder.follow(tracking);
        assert!(recorder.history(at(912_000).mono).is_empty());
    }

    #[test]
    fn each_stage_counts_from_the_one_before_it() {
        let mut recorder = Recorder::default();
        run(&mut recorder, 10, 4);
        let of = &recorder.stats().kinds[Kind::Write as usize];
        assert_eq!((of.count, of.in_bytes, of.whole.count()), (1, 4096, 1));
        assert_eq!(of.stages[Stage::Started as usize].sum(), Duration::ZERO);
        assert_eq!(of.stages[Stage::Replied as usize].sum(), Duration::from_millis(4));
        assert_eq!(of.stages[Stage::Durable as usize].count(), 0);
        // 4 ms is from 3.2 to 6.4 ms; 4096 bytes from 4 to 8 KiB.
        assert_eq!(of.by_in_size.0[7][5], 1);
        recorder.tracking.enabled = false;
        run(&mut recorder, 20, 4);
        let of = &recorder.stats().kinds[Kind::Write as usize];
        assert_eq!((of.count, of.whole.count()), (2, 1));
        recorder.reset();
        assert_eq!(*recorder.stats(), Stats::default());
    }

    #[test]
    fn an_operation_counts_from_the_end_of_its_turn() {
        let mut recorder = Recorder::default();
        recorder.tracking.history_size = 0;
        recorder.follow(recorder.tracking.clone());
        let whole =
            |recorder: &mut Recorder| recorder.stats().kinds[Kind::Write as usize].whole.count();
        for n in 0..3 * FOLD as u64 {
            run(&mut recorder, n, 1);
            assert!(recorder.finished.len() < FOLD);
            if n % 45 == 0 {
                assert_eq!(whole(&mut recorder), n + 1);
            }
        }
        // Answered, but its reply is not with the driver yet.
        let track = Track::new(at(1000).mono, Kind::Write);
        recorder.finish(track, 0, None);
        assert_eq!(whole(&mut recorder), 3 * FOLD as u64);
        recorder.end_of_turn(at(1001));
        assert_eq!(whole(&mut recorder), 3 * FOLD as u64 + 1);
        recorder.finish(track, 0, None);
        recorder.reset();
        recorder.end_of_turn(at(1002));
        assert_eq!(whole(&mut recorder), 1);
    }

    #[test]
    fn a_transaction_was_submitted_with_its_record() {
        let mut recorder = Recorder::default();
        recorder.on_submitted(3, Instant(10));
        recorder.on_submitted(3, Instant(11));
        recorder.on_submitted(5, Instant(20));
        let times = [1, 3, 4, 5].map(|token| recorder.on_durable(token).unwrap().0);
        assert_eq!(times, [10, 10, 20, 20]);
        assert_eq!(recorder.on_durable(6), None);
    }
}
