//! A closed loop of operations on the store: so many under way, each followed by the next.
//!
//! Phases: mount, prepare (write the objects whole), warm up, measure, drain. A [`Load`] is a node
//! like a core of an OSD, so what is measured is the path that an OSD's I/O takes.

use super::Workload;
use super::engine::{Engine, Missed, News, Refused, Request, Traffic, object_name};
use crate::cmd::bench::access::{Chooser, Random};
use crate::cmd::bench::content::{Content, OBJECT_BYTES, UNIT};
use crate::cmd::bench::options::{LoadArgs, Pace};
use crate::cmd::bench::report::{Unit, progress};
use crate::cmd::bench::tally::{Measured, Tally};
use bytes::Bytes;
use runtime::process::cpu_time;
use seastore::{ObjectName, ReadData, SpaceReport};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use types::node::{Effect, Input, LogLevel, Node, WriteMemory};
use types::time::{Instant, Now};

/// Objects are written in pieces of this size before the measurement.
const PREPARE_BYTES: u64 = 512 << 10;
const PREPARE_DEPTH: usize = 8;
/// Token of what the start has missed; other tokens are slots.
const MOUNT_TOKEN: u64 = u64::MAX;
/// Keys of one object.
const OMAP_KEYS: u64 = 1024;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct Plan {
    pub workload: Workload,
    /// Its `bs` divides [`OBJECT_BYTES`].
    pub load: LoadArgs,
    /// Bytes of all objects; by default [`Plan::FILL_DEFAULT`] of what the store can hold.
    pub size: Option<u64>,
    pub verify: bool,
    /// Go on where somebody's data lies.
    pub force: bool,
    pub seed: u64,
}
impl Plan {
    pub const FILL_DEFAULT: f64 = 0.7;
    /// Keys and values are metadata, of which a store holds less, and keeps some in memory.
    const OMAP_FILL_DEFAULT: f64 = 0.2;
    const OMAP_BYTES_DEFAULT: u64 = 64 << 20;
}

/// What a run found out.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub measured: Measured,
    /// Of the measured phase.
    pub traffic: Traffic,
    pub objects: u64,
    /// Objects' bytes over what the store can hold.
    pub utilisation: f64,
    /// At the end, of all shards.
    pub room: SpaceReport,
    pub mount: Mounting,
}

/// What the mount before the run took, all shards together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mounting {
    pub elapsed: Duration,
    /// Of the whole process, user and system.
    pub cpu: Duration,
    /// Records of the journal that were replayed, and their bytes.
    pub records: u64,
    pub journal_bytes: u64,
    /// Read from the device.
    pub read_bytes: u64,
}

/// Where a [`Load`] leaves how it ended.
pub type Verdict = Rc<RefCell<Option<Result<Outcome, String>>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Mount,
    Prepare,
    WarmUp,
    Measure,
    Drain,
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Write { object: u64, offset: u64, len: u64 },
    Read { object: u64, offset: u64, len: u64 },
    OmapSet { object: u64, key: u64 },
    Remove { object: u64 },
}

/// One operation under way.
#[derive(Debug, Clone, Copy)]
struct Slot {
    op: Op,
    begun: Instant,
}

/// How far the preparation is.
#[derive(Default)]
struct Prepare {
    object: u64,
    offset: u64,
    bytes: u64,
}

pub struct Load {
    plan: Plan,
    engine: Engine,
    content: Content,
    verdict: Verdict,
    phase: Phase,
    objects: Vec<ObjectName>,
    prepare: Prepare,
    slots: Vec<Slot>,
    /// Slots whose operation waits for room in the store.
    held: VecDeque<usize>,
    /// Slots that are done and want the next operation in the next turn.
    idle: Vec<usize>,
    under_way: usize,
    chooser: Option<Chooser>,
    /// For keys, whose order knows no blocks.
    random: Random,
    pace: Pace,
    value: Bytes,
    news: Vec<News>,
    tally: Tally,
    objects_used: u64,
    mount: Mounting,
    /// When the mount began, and what the process had used by then.
    begun: Instant,
    cpu_begun: Duration,
    traffic_begun: Traffic,
    /// What the device had taken when the current interval began, and operations that were done.
    part_written: u64,
    part_writes: u64,
    traffic: Traffic,
    until: Instant,
    progress_at: Instant,
    progress_ops: u64,
}

impl Load {
    pub fn new(plan: Plan, engine: Engine, verdict: Verdict) -> Self {
        let content = Content::new();
        Self {
            value: content.make(0, 0, 0, plan.load.bs as usize),
            chooser: plan.workload.access().map(|access| Chooser::new(access, plan.seed)),
            random: Random::new(plan.seed),
            pace: Pace::new(plan.load.rate),
            tally: Tally::new(plan.load.interval()),
            plan,
            engine,
            content,
            verdict,
            phase: Phase::Mount,
            objects: Vec::new(),
            prepare: Prepare::default(),
            slots: Vec::new(),
            held: VecDeque::new(),
            idle: Vec::new(),
            under_way: 0,
            news: Vec::new(),
            objects_used: 0,
            mount: Mounting::default(),
            begun: Instant::ZERO,
            cpu_begun: Duration::ZERO,
            traffic_begun: Traffic::default(),
            part_written: 0,
            part_writes: 0,
            traffic: Traffic::default(),
            until: Instant::NEVER,
            progress_at: Instant::NEVER,
            progress_ops: 0,
        }
    }

    fn shard(&self, object: u64) -> usize {
        object as usize % self.engine.shards()
    }

    fn on_mounted(&mut self, now: Now, fx: &mut Vec<Effect<()>>) {
        if self.plan.workload == Workload::Mount {
            self.phase = Phase::Drain;
            return self.on_quiet(now, fx);
        }
        let foreign = match self.engine.foreign() {
            Ok(foreign) => foreign,
            Err(missed) => return self.engine.fetch(&missed, MOUNT_TOKEN, fx),
        };
        if let Some(what) = foreign.filter(|_| !self.plan.force) {
            let why = format!("the store holds {what}, which no bench wrote; --force ignores it");
            return self.fail(why, fx);
        }
        let capacity = self.engine.capacity_bytes();
        let part = |fill: f64| (capacity as f64 * fill) as u64;
        let size = self.plan.size.unwrap_or_else(|| match self.plan.workload {
            Workload::Omap => part(Plan::OMAP_FILL_DEFAULT).min(Plan::OMAP_BYTES_DEFAULT),
            _ => part(Plan::FILL_DEFAULT),
        });
        if size > capacity || size == 0 {
            let why = format!("--size of {size} bytes: the store holds up to {capacity}");
            return self.fail(why, fx);
        }
        let per_object = match self.plan.workload {
            Workload::Omap => OMAP_KEYS * self.plan.load.bs,
            _ => OBJECT_BYTES,
        };
        let count = (size / per_object).max(self.engine.shards() as u64);
        self.objects = (0..count).map(object_name).collect();
        self.objects_used = count;
        self.phase = Phase::Prepare;
        self.start(now, PREPARE_DEPTH, fx);
    }

    /// Begins a phase with `depth` operations under way.
    fn start(&mut self, now: Now, depth: usize, fx: &mut Vec<Effect<()>>) {
        let nothing = Slot { op: Op::Remove { object: 0 }, begun: now.mono };
        self.slots = vec![nothing; depth];
        self.idle.clear();
        self.progress_at = now.mono + PROGRESS_EVERY;
        self.progress_ops = 0;
        let phase = self.phase;
        for slot in 0..depth {
            // A phase that has nothing to do is followed by the next one at once.
            if self.phase == phase {
                self.issue(now, slot, fx);
            }
        }
    }

    /// Begins the next operation in `slot`, if the phase has one.
    fn issue(&mut self, now: Now, slot: usize, fx: &mut Vec<Effect<()>>) {
        let mut begun = now.mono;
        let op = match self.phase {
            Phase::Prepare => match self.next_prepare() {
                Ok(op) => op,
                Err(missed) => {
                    self.under_way += 1;
                    return self.engine.fetch(&missed, slot as u64, fx);
                }
            },
            Phase::WarmUp | Phase::Measure => match self.pace.take(now.mono) {
                Some(due) => {
                    begun = due;
                    Some(self.next_op())
                }
                None => return self.idle.push(slot),
            },
            Phase::Mount | Phase::Drain => None,
        };
        match op {
            Some(op) => {
                self.slots[slot] = Slot { op, begun };
                self.under_way += 1;
                self.try_op(now, slot, fx);
            }
            None if self.under_way == 0 => self.on_quiet(now, fx),
            None => {}
        }
    }

    fn try_op(&mut self, now: Now, slot: usize, fx: &mut Vec<Effect<()>>) {
        let token = slot as u64;
        let (object, request) = match self.slots[slot].op {
            Op::Write { object, offset, len } => {
                let data = self.content.make(object, offset, 0, len as usize);
                (object, Request::Write { offset, data })
            }
            Op::OmapSet { object, key } => {
                let key = Bytes::from(format!("key.{key:08}"));
                (object, Request::OmapSet { key, value: self.value.clone() })
            }
            Op::Remove { object } => (object, Request::Remove),
            Op::Read { object, offset, len } => {
                return self.read(now, slot, object, offset, len, fx);
            }
        };
        let shard = self.shard(object);
        let name = match self.objects.get(object as usize) {
            Some(name) => name.clone(),
            None => object_name(object),
        };
        match self.engine.submit(shard, &name, request, token) {
            Ok(()) => {}
            Err(Refused::Busy) => self.held.push_back(slot),
            Err(Refused::Failed(why)) => self.fail(why, fx),
        }
    }

    fn read(
        &mut self,
        now: Now,
        slot: usize,
        object: u64,
        offset: u64,
        len: u64,
        fx: &mut Vec<Effect<()>>,
    ) {
        let shard = self.shard(object);
        let name = &self.objects[object as usize];
        match self.engine.read(shard, name, (offset, len), slot as u64, fx) {
            Ok(Some(data)) => {
                if self.on_read(now, slot, data, fx) {
                    // Not at once: where everything is in memory the turn would never end.
                    self.idle.push(slot);
                }
            }
            Ok(None) => {}
            Err(why) => self.fail(why, fx),
        }
    }

    /// What is still missing of the objects, and objects past them that an earlier run left.
    fn next_prepare(&mut self) -> Result<Option<Op>, Missed> {
        let count = self.objects.len() as u64;
        loop {
            let object = self.prepare.object;
            if object < count && !self.plan.workload.needs_objects() {
                self.prepare.object = count;
                continue;
            }
            if object >= count {
                if self.engine.size(self.shard(object), &object_name(object))?.is_none() {
                    return Ok(None);
                }
                self.prepare.object += 1;
                return Ok(Some(Op::Remove { object }));
            }
            if self.prepare.offset == 0 {
                let size = self.engine.size(self.shard(object), &self.objects[object as usize])?;
                if size == Some(OBJECT_BYTES) {
                    self.prepare.object += 1;
                    continue;
                }
            }
            let (offset, len) = (self.prepare.offset, PREPARE_BYTES);
            self.prepare.bytes += len;
            self.prepare.offset += len;
            if self.prepare.offset == OBJECT_BYTES {
                self.prepare.offset = 0;
                self.prepare.object += 1;
            }
            return Ok(Some(Op::Write { object, offset, len }));
        }
    }

    fn next_op(&mut self) -> Op {
        let len = self.plan.load.bs;
        let count = self.objects.len() as u64;
        let Some(chooser) = &mut self.chooser else {
            let (object, key) = (self.random.next() % count, self.random.next() % OMAP_KEYS);
            return Op::OmapSet { object, key };
        };
        let next = chooser.next(count, OBJECT_BYTES / len);
        let (object, offset) = (next.object, next.block * len);
        match next.is_read {
            true => Op::Read { object, offset, len },
            false => Op::Write { object, offset, len },
        }
    }

    /// Takes the answer to a read; false if it ends the bench.
    fn on_read(&mut self, now: Now, slot: usize, data: ReadData, fx: &mut Vec<Effect<()>>) -> bool {
        if let Op::Read { object, offset, len } = self.slots[slot].op {
            let what = || format!("object {}: at {offset}", self.objects[object as usize]);
            if data.len() != len {
                let why = format!("{}: {} bytes instead of {len}", what(), data.len());
                self.fail(why, fx);
                return false;
            }
            if self.plan.verify && !self.is_as_written(object, offset, data) {
                let why = format!("{}: not what was written there", what());
                self.fail(why, fx);
                return false;
            }
        }
        self.count(now, slot);
        true
    }

    fn is_as_written(&self, object: u64, offset: u64, data: ReadData) -> bool {
        self.content.generations(object, offset, &data.into_bytes()) == Some((0, 0))
    }

    /// The operation in `slot` is done.
    fn count(&mut self, now: Now, slot: usize) {
        self.under_way -= 1;
        self.progress_ops += 1;
        let Slot { op, begun } = self.slots[slot];
        self.tally.record(now.mono, begun, matches!(op, Op::Read { .. }));
    }

    /// Keeps the figures of the interval that ends now, if one does.
    fn end_part(&mut self, now: Now) {
        if !self.tally.tick(now.mono) {
            return;
        }
        let (written, block_bytes) = (self.engine.traffic.written, self.plan.load.bs);
        let writes = self.tally.measured().writes;
        let asked = (writes - self.part_writes) * block_bytes;
        let amplification =
            (asked > 0).then(|| (written - self.part_written) as f64 / asked as f64);
        let all = match self.plan.workload {
            Workload::Omap => self.objects_used * OMAP_KEYS * block_bytes,
            _ => self.objects_used * OBJECT_BYTES,
        };
        self.tally.describe_interval((writes * block_bytes) as f64 / all as f64, amplification);
        (self.part_written, self.part_writes) = (written, writes);
    }

    /// Nothing is under way, and the phase has nothing more to begin.
    fn on_quiet(&mut self, now: Now, fx: &mut Vec<Effect<()>>) {
        match self.phase {
            Phase::Prepare => {
                self.phase = Phase::WarmUp;
                self.until = now.mono + self.plan.load.warm_up();
                self.pace.begin(now.mono);
                if self.plan.load.warm_up == 0 {
                    self.on_warm(now);
                }
                self.start(now, self.plan.load.depth, fx);
            }
            Phase::Drain => {
                let outcome = Outcome {
                    measured: self.tally.measured().clone(),
                    traffic: self.traffic,
                    objects: self.objects_used,
                    utilisation: self.engine.utilisation(),
                    room: self.engine.room(),
                    mount: self.mount.clone(),
                };
                self.verdict.borrow_mut().get_or_insert(Ok(outcome));
                fx.push(Effect::Exit { code: 0 });
            }
            Phase::Mount | Phase::WarmUp | Phase::Measure => {}
        }
    }

    fn on_warm(&mut self, now: Now) {
        self.phase = Phase::Measure;
        self.until = now.mono + self.plan.load.duration();
        self.traffic_begun = self.engine.traffic;
        (self.part_written, self.part_writes) = (self.engine.traffic.written, 0);
        self.tally.begin(now.mono);
    }

    fn on_measured(&mut self, now: Now) {
        let (traffic, begun) = (self.engine.traffic, self.traffic_begun);
        self.tally.end(now.mono);
        self.traffic =
            Traffic { written: traffic.written - begun.written, read: traffic.read - begun.read };
        self.phase = Phase::Drain;
        self.until = Instant::NEVER;
    }

    fn fail(&mut self, why: String, fx: &mut Vec<Effect<()>>) {
        self.phase = Phase::Drain;
        self.until = Instant::NEVER;
        self.verdict.borrow_mut().get_or_insert(Err(why));
        fx.push(Effect::Exit { code: 1 });
    }

    fn on_news(&mut self, now: Now, news: News, fx: &mut Vec<Effect<()>>) {
        match news {
            News::Mounted => {
                let mounts = self.engine.mounts;
                self.mount = Mounting {
                    elapsed: now.mono - self.begun,
                    cpu: cpu_time() - self.cpu_begun,
                    records: mounts.records,
                    journal_bytes: mounts.journal_bytes,
                    read_bytes: self.engine.traffic.read,
                };
                self.on_mounted(now, fx)
            }
            News::Durable { token } => {
                self.count(now, token as usize);
                self.issue(now, token as usize, fx);
            }
            News::Read { token, result: Ok(data) } => {
                if self.on_read(now, token as usize, data, fx) {
                    self.issue(now, token as usize, fx);
                }
            }
            News::Read { result: Err(why), .. } | News::Failed(why) => self.fail(why, fx),
            News::Fetched { token: MOUNT_TOKEN } => self.on_mounted(now, fx),
            News::Fetched { token } => {
                self.under_way -= 1;
                self.issue(now, token as usize, fx);
            }
            News::Room => {
                for _ in 0..self.held.len() {
                    let Some(slot) = self.held.pop_front() else { break };
                    self.try_op(now, slot, fx);
                }
            }
        }
    }

    fn on_tick(&mut self, now: Now, fx: &mut Vec<Effect<()>>) {
        for slot in std::mem::take(&mut self.idle) {
            self.issue(now, slot, fx);
        }
        self.end_part(now);
        if now.mono >= self.until {
            match self.phase {
                Phase::WarmUp => self.on_warm(now),
                Phase::Measure => self.on_measured(now),
                Phase::Mount | Phase::Prepare | Phase::Drain => {}
            }
        }
        if now.mono >= self.progress_at {
            let since = PROGRESS_EVERY + (now.mono - self.progress_at);
            let text = self.progress(now, since);
            self.progress_at = now.mono + PROGRESS_EVERY;
            self.progress_ops = 0;
            fx.push(Effect::Log { level: LogLevel::Info, text });
        }
    }

    fn progress(&self, now: Now, since: Duration) -> String {
        let rate = self.progress_ops as f64 / since.as_secs_f64();
        match self.phase {
            Phase::Mount => "mounting".to_owned(),
            Phase::Prepare => format!(
                "preparing: object {} of {}, {:.0} MB/s",
                self.prepare.object,
                self.objects.len(),
                rate * PREPARE_BYTES as f64 / 1e6
            ),
            Phase::WarmUp => format!("warming up: {rate:.0} IOPS"),
            Phase::Measure => {
                let since = now.mono - self.tally.begun();
                let bs = self.plan.load.bs;
                progress(self.tally.measured(), since, Unit::Operations, rate, bs)
            }
            Phase::Drain => "waiting for what is under way".to_owned(),
        }
    }
}

impl Node for Load {
    type Hop = ();

    fn use_memory(&mut self, memory: Rc<dyn WriteMemory>) {
        self.engine.use_memory(&memory);
    }

    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Vec<Effect<()>>) {
        match input {
            Input::Start => {
                self.progress_at = now.mono + PROGRESS_EVERY;
                (self.begun, self.cpu_begun) = (now.mono, cpu_time());
                self.engine.mount(fx);
            }
            Input::Tick => self.on_tick(now, fx),
            input => {
                let mut news = std::mem::take(&mut self.news);
                self.engine.handle(input, &mut news, fx);
                for one in news.drain(..) {
                    self.on_news(now, one, fx);
                }
                self.news = news;
            }
        }
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Vec<Effect<()>>) {
        let mut news = std::mem::take(&mut self.news);
        loop {
            self.engine.end_of_turn(&mut news, fx);
            if news.is_empty() {
                break;
            }
            for one in news.drain(..) {
                self.on_news(now, one, fx);
            }
        }
        self.news = news;
    }

    fn next_deadline(&self) -> Instant {
        let mut due = Instant::NEVER;
        if !self.idle.is_empty() {
            due = match self.phase {
                Phase::WarmUp | Phase::Measure => self.pace.next_due(),
                _ => Instant::ZERO,
            };
        }
        due.min(self.until).min(self.progress_at).min(self.tally.next_deadline())
    }
}

const _: () = assert!(PREPARE_BYTES.is_multiple_of(UNIT as u64));
const _: () = assert!(OBJECT_BYTES.is_multiple_of(PREPARE_BYTES));
