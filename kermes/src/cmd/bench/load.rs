//! A closed loop of operations on the store: so many under way, each followed by the next.
//!
//! Phases: mount, prepare (write the objects whole), warm up, measure, drain. A [`Load`] is a node
//! like a core of an OSD, so what is measured is the path that an OSD's I/O takes.

use super::content::{Content, UNIT};
use super::engine::{Engine, Missed, News, Refused, Request, Traffic, object_name};
use bytes::Bytes;
use clap::ValueEnum;
use hdrhistogram::Histogram;
use runtime::process::cpu_time;
use seastore::{ObjectName, ReadData, SpaceReport};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use types::node::{Effect, Input, LogLevel, Node, WriteMemory};
use types::time::{Instant, Now};

pub const OBJECT_BYTES: u64 = 4 << 20;
/// Objects are written in pieces of this size before the measurement.
const PREPARE_BYTES: u64 = 512 << 10;
const PREPARE_DEPTH: usize = 8;
/// Token of what the start has missed; other tokens are slots.
const MOUNT_TOKEN: u64 = u64::MAX;
/// Keys of one object.
const OMAP_KEYS: u64 = 1024;
/// Of a hundred operations of the mixed workload.
const MIXED_READS: u64 = 70;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Longest latency that is told from longer ones.
const LATENCY_MAX: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Overwrite at random
    Randwrite,
    /// Read at random
    Randread,
    /// Write one object after another, and begin again
    Seqwrite,
    /// 70 reads and 30 writes of a hundred, at random
    Mixed,
    /// Set a key of an object's omap, at random; --bs is the size of the value
    Omap,
    /// Nothing but the mount; the journal grows by an empty record
    Mount,
}

impl Workload {
    /// Whether the objects have to be there.
    fn needs_objects(self) -> bool {
        matches!(self, Self::Randwrite | Self::Randread | Self::Mixed)
    }
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub workload: Workload,
    /// Bytes of one operation; it divides [`OBJECT_BYTES`].
    pub block_bytes: u64,
    pub depth: usize,
    pub warm_up: Duration,
    pub duration: Duration,
    /// Bytes of all objects; by default [`Plan::FILL_DEFAULT`] of what the store can hold.
    pub size: Option<u64>,
    pub verify: bool,
    /// Go on where somebody's data lies.
    pub force: bool,
    pub seed: u64,
    /// Figures of each such part of the measurement are kept.
    pub interval: Option<Duration>,
}
impl Plan {
    pub const FILL_DEFAULT: f64 = 0.7;
    /// Keys and values are metadata, of which a store holds less, and keeps some in memory.
    const OMAP_FILL_DEFAULT: f64 = 0.2;
    const OMAP_BYTES_DEFAULT: u64 = 64 << 20;
}

/// What the measured phase counted.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub reads: u64,
    pub writes: u64,
    pub elapsed: Duration,
    /// Of the whole process, user and system.
    pub cpu: Duration,
    pub latency_ns: Histogram<u64>,
    pub traffic: Traffic,
    pub objects: u64,
    /// Objects' bytes over what the store can hold.
    pub utilisation: f64,
    /// At the end, of all shards.
    pub room: SpaceReport,
    pub series: Vec<Interval>,
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

/// Figures of one part of the measured phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Its end, since the measurement began.
    pub seconds: f64,
    /// How often all objects have been written over by then.
    pub overwrites: f64,
    pub iops: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    /// The longest time in which no operation ended.
    pub stall_us: f64,
    /// `None` where nothing was written.
    pub write_amplification: Option<f64>,
}

/// What the current part has counted.
struct Part {
    begun: Instant,
    until: Instant,
    ops: u64,
    writes: u64,
    written: u64,
    latency_ns: Histogram<u64>,
    last_done: Instant,
    stall: Duration,
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
    random: u64,
    next: u64,
    value: Bytes,
    news: Vec<News>,
    measured: Outcome,
    begun: Instant,
    cpu_begun: Duration,
    traffic_begun: Traffic,
    until: Instant,
    progress_at: Instant,
    progress_ops: u64,
    part: Part,
}

impl Load {
    pub fn new(plan: Plan, engine: Engine, verdict: Verdict) -> Self {
        let latency_max = LATENCY_MAX.as_nanos() as u64;
        let latency_ns = Histogram::new_with_bounds(1, latency_max, 3).expect("1 < max, 3 digits");
        let content = Content::new();
        Self {
            value: content.make(0, 0, plan.block_bytes as usize),
            random: plan.seed | 1,
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
            next: 0,
            news: Vec::new(),
            measured: Outcome {
                reads: 0,
                writes: 0,
                elapsed: Duration::ZERO,
                cpu: Duration::ZERO,
                latency_ns: latency_ns.clone(),
                traffic: Traffic::default(),
                objects: 0,
                utilisation: 0.0,
                room: SpaceReport::default(),
                series: Vec::new(),
                mount: Mounting::default(),
            },
            part: Part {
                begun: Instant::ZERO,
                until: Instant::NEVER,
                ops: 0,
                writes: 0,
                written: 0,
                latency_ns: latency_ns.clone(),
                last_done: Instant::ZERO,
                stall: Duration::ZERO,
            },
            begun: Instant::ZERO,
            cpu_begun: Duration::ZERO,
            traffic_begun: Traffic::default(),
            until: Instant::NEVER,
            progress_at: Instant::NEVER,
            progress_ops: 0,
        }
    }

    /// Numbers that follow one another are independent in their low bits, which are what is used: a
    /// xorshift* of 64 bits, of whose state alone the low bits of one say the low bits of the next.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
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
            Workload::Omap => OMAP_KEYS * self.plan.block_bytes,
            _ => OBJECT_BYTES,
        };
        let count = (size / per_object).max(self.engine.shards() as u64);
        self.objects = (0..count).map(object_name).collect();
        self.measured.objects = count;
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
        let op = match self.phase {
            Phase::Prepare => match self.next_prepare() {
                Ok(op) => op,
                Err(missed) => {
                    self.under_way += 1;
                    return self.engine.fetch(&missed, slot as u64, fx);
                }
            },
            Phase::WarmUp | Phase::Measure => Some(self.next_op()),
            Phase::Mount | Phase::Drain => None,
        };
        match op {
            Some(op) => {
                self.slots[slot] = Slot { op, begun: now.mono };
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
                let data = self.content.make(object, offset, len as usize);
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
        let len = self.plan.block_bytes;
        let count = self.objects.len() as u64;
        let per_object = OBJECT_BYTES / len;
        let is_read = match self.plan.workload {
            Workload::Omap => {
                let (object, key) = (self.random() % count, self.random() % OMAP_KEYS);
                return Op::OmapSet { object, key };
            }
            Workload::Seqwrite => {
                let at = self.next;
                self.next = (self.next + 1) % (count * per_object);
                return Op::Write { object: at / per_object, offset: at % per_object * len, len };
            }
            Workload::Randwrite | Workload::Mount => false,
            Workload::Randread => true,
            Workload::Mixed => self.random() % 100 < MIXED_READS,
        };
        let at = self.random() % (count * per_object);
        let (object, offset) = (at / per_object, at % per_object * len);
        if is_read { Op::Read { object, offset, len } } else { Op::Write { object, offset, len } }
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
            if self.plan.verify && !self.content.is_at(object, offset, &data.into_bytes()) {
                let why = format!("{}: not what was written there", what());
                self.fail(why, fx);
                return false;
            }
        }
        self.count(now, slot);
        true
    }

    /// The operation in `slot` is done.
    fn count(&mut self, now: Now, slot: usize) {
        self.under_way -= 1;
        self.progress_ops += 1;
        if self.phase != Phase::Measure {
            return;
        }
        let Slot { op, begun } = self.slots[slot];
        match op {
            Op::Read { .. } => self.measured.reads += 1,
            _ => self.measured.writes += 1,
        }
        let latency_ns = (now.mono - begun).as_nanos() as u64;
        self.measured.latency_ns.saturating_record(latency_ns);
        if self.plan.interval.is_some() {
            let part = &mut self.part;
            part.ops += 1;
            part.writes += !matches!(op, Op::Read { .. }) as u64;
            part.latency_ns.saturating_record(latency_ns);
            part.stall = part.stall.max(now.mono - part.last_done);
            part.last_done = now.mono;
        }
    }

    /// Keeps the figures of the part that ends now, and begins the next one.
    fn end_part(&mut self, now: Now) {
        let Some(interval) = self.plan.interval else { return };
        let part = &mut self.part;
        let us = |ns: u64| ns as f64 / 1e3;
        let asked = part.writes * self.plan.block_bytes;
        let bytes = self.measured.writes as f64 * self.plan.block_bytes as f64;
        let written = self.engine.traffic.written - part.written;
        let stall = part.stall.max(now.mono - part.last_done);
        self.measured.series.push(Interval {
            seconds: (now.mono - self.begun).as_secs_f64(),
            overwrites: bytes / (self.measured.objects * OBJECT_BYTES) as f64,
            iops: part.ops as f64 / (now.mono - part.begun).as_secs_f64().max(1e-9),
            p50_us: us(part.latency_ns.value_at_quantile(0.5)),
            p99_us: us(part.latency_ns.value_at_quantile(0.99)),
            max_us: us(part.latency_ns.max()),
            stall_us: us(stall.as_nanos() as u64),
            write_amplification: (asked > 0).then(|| written as f64 / asked as f64),
        });
        self.begin_part(now, interval);
    }

    fn begin_part(&mut self, now: Now, interval: Duration) {
        let part = &mut self.part;
        (part.begun, part.until) = (now.mono, now.mono + interval);
        (part.ops, part.writes, part.stall) = (0, 0, Duration::ZERO);
        part.written = self.engine.traffic.written;
        part.latency_ns.reset();
    }

    /// Nothing is under way, and the phase has nothing more to begin.
    fn on_quiet(&mut self, now: Now, fx: &mut Vec<Effect<()>>) {
        match self.phase {
            Phase::Prepare => {
                self.phase = Phase::WarmUp;
                self.until = now.mono + self.plan.warm_up;
                if self.plan.warm_up.is_zero() {
                    self.on_warm(now);
                }
                self.start(now, self.plan.depth, fx);
            }
            Phase::Drain => {
                self.measured.utilisation = self.engine.utilisation();
                self.measured.room = self.engine.room();
                self.verdict.borrow_mut().get_or_insert(Ok(self.measured.clone()));
                fx.push(Effect::Exit { code: 0 });
            }
            Phase::Mount | Phase::WarmUp | Phase::Measure => {}
        }
    }

    fn on_warm(&mut self, now: Now) {
        self.phase = Phase::Measure;
        self.begun = now.mono;
        self.until = now.mono + self.plan.duration;
        self.cpu_begun = cpu_time();
        self.traffic_begun = self.engine.traffic;
        self.part.last_done = now.mono;
        if let Some(interval) = self.plan.interval {
            self.begin_part(now, interval);
        }
    }

    fn on_measured(&mut self, now: Now) {
        let (traffic, begun) = (self.engine.traffic, self.traffic_begun);
        self.measured.elapsed = now.mono - self.begun;
        self.measured.cpu = cpu_time() - self.cpu_begun;
        self.measured.traffic =
            Traffic { written: traffic.written - begun.written, read: traffic.read - begun.read };
        self.phase = Phase::Drain;
        self.until = Instant::NEVER;
        self.part.until = Instant::NEVER;
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
                self.measured.mount = Mounting {
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
        if now.mono >= self.part.until && self.phase == Phase::Measure {
            self.end_part(now);
        }
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
        let block_bytes = self.plan.block_bytes as f64;
        match self.phase {
            Phase::Mount => "mounting".to_owned(),
            Phase::Prepare => format!(
                "preparing: object {} of {}, {:.0} MB/s",
                self.prepare.object,
                self.objects.len(),
                rate * PREPARE_BYTES as f64 / 1e6
            ),
            Phase::WarmUp => format!("warming up: {rate:.0} IOPS"),
            Phase::Measure => format!(
                "{:>4.0} s  {:>9} done  {rate:>8.0} IOPS  {:>8.1} MB/s  p50 {:.0} us  p99 {:.0} us",
                (now.mono - self.begun).as_secs_f64(),
                self.measured.reads + self.measured.writes,
                rate * block_bytes / 1e6,
                self.measured.latency_ns.value_at_quantile(0.5) as f64 / 1e3,
                self.measured.latency_ns.value_at_quantile(0.99) as f64 / 1e3,
            ),
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
        if !self.idle.is_empty() {
            return Instant::ZERO;
        }
        self.until.min(self.progress_at).min(self.part.until)
    }
}

const _: () = assert!(PREPARE_BYTES.is_multiple_of(UNIT as u64));
const _: () = assert!(OBJECT_BYTES.is_multiple_of(PREPARE_BYTES));
