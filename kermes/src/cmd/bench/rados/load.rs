//! The asking end of a bench of a cluster, one core of it.
//!
//! Phases: connect, prepare (look for the objects and write those that are not there), warm up, measure,
//! drain, check what was written, remove. A [`Load`] is a node with a client inside, so what is measured
//! is the client that every command uses, without a task or a channel for each operation.

use super::generations::Generations;
use super::osds::Osds;
use crate::cmd::bench::access::{Access, Chooser};
use crate::cmd::bench::content::{Content, OBJECT_BYTES, UNIT};
use crate::cmd::bench::options::{LoadArgs, Pace};
use crate::cmd::bench::report::{Unit, progress};
use crate::cmd::bench::tally::{Measured, Tally};
use bytes::Bytes;
use client::{ClientNode, Completion, Failure, OpReply, OpSpec, Request, RequestId};
use messenger::messages::Op;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use types::PoolId;
use types::node::{Effect, Input, LogLevel, Node, ReceiveMemory};
use types::time::{Instant, Now};

type Fx = Vec<Effect<Infallible>>;

/// Operations of whole objects, or of pieces of [`CHECK_BYTES`], under way.
const WHOLE_DEPTH: usize = 8;
const CHECK_BYTES: u64 = 512 << 10;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// No answer for so long, and the bench gives up.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// How often a core looks whether the others are prepared.
const GATE_EVERY: Duration = Duration::from_millis(2);
const ENOENT: i32 = -2;

/// Where the cores of a bench wait for each other.
#[derive(Debug)]
pub struct Gate {
    missing: AtomicUsize,
}

impl Gate {
    pub fn new(cores: usize) -> Self {
        Self { missing: AtomicUsize::new(cores) }
    }
    fn arrive(&self) {
        self.missing.fetch_sub(1, Ordering::SeqCst);
    }
    fn is_open(&self) -> bool {
        self.missing.load(Ordering::SeqCst) == 0
    }
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub pool: String,
    pub access: Access,
    /// Its `depth` and `rate` are of this core, its `bs` divides [`OBJECT_BYTES`].
    pub load: LoadArgs,
    /// Objects of this core.
    pub objects: u64,
    /// Number of the first of them, and from one to the next.
    pub object_first: u64,
    pub object_step: u64,
    pub verify: bool,
    pub cleanup: bool,
    pub seed: u64,
    /// Of the first write; greater than those of every earlier run.
    pub generation: u64,
    /// Processes of the OSDs; `None`: to be found.
    pub pids: Option<Vec<u32>>,
    pub gate: Arc<Gate>,
}

/// What the measured phase of one core counted.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub measured: Measured,
    /// Of all OSDs, while this core measured.
    pub osd_cpu: Option<Duration>,
    pub osds: Osds,
    pub pool_size: u8,
    /// Objects that had to be written first.
    pub prepared: u64,
    pub verified_bytes: u64,
}

impl Outcome {
    /// What another core counted at the same time; the OSDs' CPU of one stands for all.
    pub fn add(&mut self, other: &Self) {
        self.measured.add(&other.measured);
        self.osd_cpu = self.osd_cpu.max(other.osd_cpu);
        self.prepared += other.prepared;
        self.verified_bytes += other.verified_bytes;
    }
}

/// Where a [`Load`] leaves how it ended.
pub type Verdict = Rc<RefCell<Option<Result<Outcome, String>>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connect,
    Prepare,
    /// For the other cores.
    Wait,
    WarmUp,
    Measure,
    Drain,
    Check,
    Remove,
    Over,
}

/// One request under way. Objects are numbered from 0 on each core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Is it there?
    Look {
        object: u64,
    },
    /// Write it whole.
    Fill {
        object: u64,
    },
    /// `floor`: see [`Generations::floor`].
    Read {
        object: u64,
        block: u64,
        floor: u64,
    },
    Write {
        object: u64,
        block: u64,
        generation: u64,
    },
    /// Compare [`CHECK_BYTES`] with what was written.
    Check {
        object: u64,
        offset: u64,
    },
    Remove {
        object: u64,
    },
}

#[derive(Debug, Clone, Copy)]
struct UnderWay {
    task: Task,
    due: Instant,
}

pub struct Load {
    plan: Plan,
    client: ClientNode,
    content: Content,
    verdict: Verdict,
    phase: Phase,
    pool: PoolId,
    names: Vec<String>,
    /// Objects that are to be written before the measurement, and the next one to look for.
    absent: Vec<u64>,
    /// How far a phase that goes through all objects is: bytes, from the first on.
    cursor: u64,
    under_way: BTreeMap<RequestId, UnderWay>,
    depth: usize,
    chooser: Chooser,
    pace: Pace,
    generations: Generations,
    tally: Tally,
    outcome: Option<Outcome>,
    osds: Osds,
    osd_cpu_begun: Option<Duration>,
    /// Of the measured phase.
    osd_cpu: Option<Duration>,
    prepared: u64,
    verified_bytes: u64,
    until: Instant,
    heard: Instant,
    progress_at: Instant,
    progress_ops: u64,
    done: Vec<(RequestId, Completion)>,
}

impl Load {
    pub fn new(plan: Plan, client: ClientNode, verdict: Verdict) -> Self {
        let number = |at: u64| plan.object_first + at * plan.object_step;
        let blocks = if plan.verify { plan.objects * (OBJECT_BYTES / plan.load.bs) } else { 0 };
        Self {
            names: (0..plan.objects).map(|at| format!("kermes_bench.{}", number(at))).collect(),
            generations: Generations::new(plan.generation, blocks as usize),
            chooser: Chooser::new(plan.access, plan.seed),
            pace: Pace::new(plan.load.rate),
            tally: Tally::new(plan.load.interval()),
            plan,
            client,
            content: Content::new(),
            verdict,
            phase: Phase::Connect,
            pool: PoolId(0),
            absent: Vec::new(),
            cursor: 0,
            under_way: BTreeMap::new(),
            depth: 0,
            outcome: None,
            osds: Osds::default(),
            osd_cpu_begun: None,
            osd_cpu: None,
            prepared: 0,
            verified_bytes: 0,
            until: Instant::NEVER,
            heard: Instant::ZERO,
            progress_at: Instant::NEVER,
            progress_ops: 0,
            done: Vec::new(),
        }
    }

    /// The number of an object in its name and content.
    fn number(&self, object: u64) -> u64 {
        self.plan.object_first + object * self.plan.object_step
    }

    /// Of the table of generations.
    fn blocks_of(&self, object: u64, bytes: std::ops::Range<u64>) -> std::ops::Range<usize> {
        let (bs, first) = (self.plan.load.bs, object * OBJECT_BYTES);
        ((first + bytes.start) / bs) as usize..((first + bytes.end) / bs) as usize
    }

    fn begin_phase(&mut self, now: Now, phase: Phase, depth: usize) {
        (self.phase, self.depth, self.cursor) = (phase, depth, 0);
        self.progress_at = now.mono + PROGRESS_EVERY;
        self.progress_ops = 0;
        self.heard = now.mono;
    }

    /// The next thing that the phase has to do, and since when it is due. `None`: nothing, or not yet.
    fn next_task(&mut self, now: Now) -> Option<(Task, Instant)> {
        let object = self.cursor / OBJECT_BYTES;
        let more = object < self.plan.objects;
        let task = match self.phase {
            Phase::Prepare => match self.absent.pop() {
                Some(object) => Some(Task::Fill { object }),
                None if more => {
                    self.cursor += OBJECT_BYTES;
                    Some(Task::Look { object })
                }
                None => None,
            },
            Phase::WarmUp | Phase::Measure => {
                let due = self.pace.take(now.mono)?;
                return Some((self.next_access(), due));
            }
            Phase::Check => self.next_check(),
            Phase::Remove if more => {
                self.cursor += OBJECT_BYTES;
                Some(Task::Remove { object })
            }
            Phase::Connect | Phase::Wait | Phase::Drain | Phase::Remove | Phase::Over => None,
        };
        task.map(|task| (task, now.mono))
    }

    fn next_access(&mut self) -> Task {
        let bs = self.plan.load.bs;
        let next = self.chooser.next(self.plan.objects, OBJECT_BYTES / bs);
        let (object, block) = (next.object, next.block);
        if !next.is_read {
            return Task::Write { object, block, generation: self.generations.begin() };
        }
        let floor = if self.plan.verify {
            self.generations.floor((object * (OBJECT_BYTES / bs) + block) as usize)
        } else {
            0
        };
        Task::Read { object, block, floor }
    }

    /// The next piece of which anything was written in this run.
    fn next_check(&mut self) -> Option<Task> {
        let len = CHECK_BYTES.max(self.plan.load.bs);
        while self.cursor < self.plan.objects * OBJECT_BYTES {
            let (object, offset) = (self.cursor / OBJECT_BYTES, self.cursor % OBJECT_BYTES);
            self.cursor += len;
            let mut blocks = self.blocks_of(object, offset..offset + len);
            if blocks.any(|block| self.generations.floor(block) > 0) {
                return Some(Task::Check { object, offset });
            }
        }
        None
    }

    /// Begins what there is room for.
    fn fill(&mut self, now: Now, fx: &mut Fx) {
        while self.under_way.len() < self.depth {
            let Some((task, due)) = self.next_task(now) else { break };
            let (object, ops) = self.operations(task);
            let spec = OpSpec::new(self.pool, "", &self.names[object as usize], ops);
            let id = self.client.submit(now, Request::Op(spec), fx);
            self.under_way.insert(id, UnderWay { task, due });
        }
        if self.under_way.is_empty() {
            self.on_quiet(now, fx);
        }
    }

    fn operations(&mut self, task: Task) -> (u64, Vec<Op>) {
        let bs = self.plan.load.bs;
        match task {
            Task::Look { object } => (object, vec![Op::stat(), Op::read(0, UNIT as u64)]),
            Task::Fill { object } => {
                let generation = self.generations.begin();
                let number = self.number(object);
                let data = self.content.make(number, 0, generation, OBJECT_BYTES as usize);
                if self.plan.verify {
                    let blocks = self.blocks_of(object, 0..OBJECT_BYTES);
                    // Nothing reads it before it is there.
                    self.generations.acknowledge(blocks, generation);
                }
                (object, vec![Op::write_full(data)])
            }
            Task::Read { object, block, .. } => (object, vec![Op::read(block * bs, bs)]),
            Task::Write { object, block, generation } => {
                let number = self.number(object);
                let data = self.content.make(number, block * bs, generation, bs as usize);
                (object, vec![Op::write(block * bs, data)])
            }
            Task::Check { object, offset } => (object, vec![Op::read(offset, CHECK_BYTES.max(bs))]),
            Task::Remove { object } => (object, vec![Op::delete()]),
        }
    }

    fn on_completion(&mut self, now: Now, id: RequestId, completion: Completion, fx: &mut Fx) {
        self.heard = now.mono;
        let reply = match completion {
            Completion::Pool(pool) => return self.on_pool(now, pool),
            Completion::Op(reply) => reply,
            Completion::Failed(failure) => return self.fail(failure.to_string(), fx),
            other => return self.fail(format!("an answer of another kind: {other:?}"), fx),
        };
        let Some(UnderWay { task, due }) = self.under_way.remove(&id) else { return };
        self.progress_ops += 1;
        if let Err(why) = self.on_reply(now, task, due, &reply) {
            self.fail(why, fx);
        }
    }

    fn on_reply(
        &mut self,
        now: Now,
        task: Task,
        due: Instant,
        reply: &OpReply,
    ) -> Result<(), String> {
        let absent = reply.result == ENOENT;
        let may_be_absent = matches!(task, Task::Look { .. } | Task::Remove { .. });
        if reply.result < 0 && !(absent && may_be_absent) {
            return Err(Failure::Errno(reply.result).to_string());
        }
        match task {
            Task::Look { object } => {
                let whole = !absent && self.is_ours(object, reply);
                if !whole {
                    self.absent.push(object);
                }
            }
            Task::Fill { .. } => self.prepared += 1,
            Task::Read { object, block, floor } => {
                self.tally.record(now.mono, due, true);
                let data =
                    self.data(object, block * self.plan.load.bs, self.plan.load.bs, reply)?;
                if self.plan.verify {
                    self.check_read(object, block, floor, &data)?;
                }
            }
            Task::Write { object, block, generation } => {
                self.tally.record(now.mono, due, false);
                if self.plan.verify {
                    let at = block * self.plan.load.bs;
                    let blocks = self.blocks_of(object, at..at + self.plan.load.bs);
                    self.generations.acknowledge(blocks, generation);
                }
            }
            Task::Check { object, offset } => {
                let len = CHECK_BYTES.max(self.plan.load.bs);
                let data = self.data(object, offset, len, reply)?;
                self.check_written(object, offset, &data)?;
            }
            Task::Remove { .. } => {}
        }
        Ok(())
    }

    /// Whether an object is one that a bench has written: its size, and what it begins with.
    fn is_ours(&self, object: u64, reply: &OpReply) -> bool {
        let stat = reply.output(0).to_bytes();
        let size = stat.first_chunk::<8>().map(|size| u64::from_le_bytes(*size));
        let head = reply.output(1).to_bytes();
        let head = self.content.generations(self.number(object), 0, &head);
        size == Some(OBJECT_BYTES) && head.is_some()
    }

    fn data(&self, object: u64, offset: u64, len: u64, reply: &OpReply) -> Result<Bytes, String> {
        let data = reply.output(0).to_bytes();
        if data.len() as u64 == len {
            return Ok(data);
        }
        let name = &self.names[object as usize];
        Err(format!("{name}: {} bytes at {offset} instead of {len}", data.len()))
    }

    fn wrong(&self, object: u64, offset: u64, found: Option<(u64, u64)>, wanted: u64) -> String {
        let name = &self.names[object as usize];
        match found {
            None => format!("{name}: at {offset}: not what any bench has written there"),
            Some((least, most)) => format!(
                "{name}: at {offset}: of the writes {least} to {most} where {wanted} was acknowledged"
            ),
        }
    }

    fn check_read(
        &mut self,
        object: u64,
        block: u64,
        floor: u64,
        data: &[u8],
    ) -> Result<(), String> {
        let offset = block * self.plan.load.bs;
        let found = self.content.generations(self.number(object), offset, data);
        if !found.is_some_and(|found| self.generations.admits(floor, found)) {
            return Err(self.wrong(object, offset, found, floor));
        }
        self.verified_bytes += data.len() as u64;
        Ok(())
    }

    /// Compares what is there when nothing is under way.
    fn check_written(&mut self, object: u64, offset: u64, data: &[u8]) -> Result<(), String> {
        let bs = self.plan.load.bs;
        let blocks = self.blocks_of(object, offset..offset + data.len() as u64);
        for ((block, part), at) in
            blocks.zip(data.chunks(bs as usize)).zip((offset..).step_by(bs as usize))
        {
            let wanted = self.generations.floor(block);
            let found = self.content.generations(self.number(object), at, part);
            let right = match wanted {
                0 => found.is_some_and(|found| self.generations.admits(0, found)),
                wanted => found == Some((wanted, wanted)),
            };
            if !right {
                return Err(self.wrong(object, at, found, wanted));
            }
            self.verified_bytes += part.len() as u64;
        }
        Ok(())
    }

    fn on_pool(&mut self, now: Now, pool: PoolId) {
        self.pool = pool;
        self.begin_phase(now, Phase::Prepare, WHOLE_DEPTH);
    }

    /// Nothing is under way, and the phase has nothing more to begin now.
    fn on_quiet(&mut self, now: Now, fx: &mut Fx) {
        match self.phase {
            Phase::Prepare => {
                self.begin_phase(now, Phase::Wait, 0);
                self.plan.gate.arrive();
                self.on_wait(now);
            }
            Phase::Drain => {
                self.end_measured();
                let check = self.plan.verify && self.plan.access.writes();
                self.begin_phase(
                    now,
                    if check { Phase::Check } else { Phase::Remove },
                    WHOLE_DEPTH,
                );
                if !check {
                    self.on_checked(now, fx);
                }
            }
            Phase::Check => self.on_checked(now, fx),
            Phase::Remove => self.end(fx),
            Phase::Connect | Phase::Wait | Phase::WarmUp | Phase::Measure | Phase::Over => {}
        }
    }

    fn on_checked(&mut self, now: Now, fx: &mut Fx) {
        if !self.plan.cleanup {
            return self.end(fx);
        }
        self.begin_phase(now, Phase::Remove, WHOLE_DEPTH);
        // Its first requests go out in this turn, or it would never be quiet again.
        self.fill(now, fx);
    }

    fn on_wait(&mut self, now: Now) {
        if !self.plan.gate.is_open() {
            self.until = now.mono + GATE_EVERY;
            return;
        }
        if let Some(map) = self.client.map() {
            self.osds = Osds::find(map, self.plan.pids.as_deref());
        }
        self.begin_phase(now, Phase::WarmUp, self.plan.load.depth);
        self.pace.begin(now.mono);
        self.until = now.mono + self.plan.load.warm_up();
        if self.plan.load.warm_up == 0 {
            self.on_warm(now);
        }
    }

    fn on_warm(&mut self, now: Now) {
        self.phase = Phase::Measure;
        self.until = now.mono + self.plan.load.duration();
        self.osd_cpu_begun = self.osds.cpu();
        self.tally.begin(now.mono);
    }

    fn on_measured(&mut self, now: Now) {
        self.tally.end(now.mono);
        self.until = Instant::NEVER;
        let cpu = self.osds.cpu().zip(self.osd_cpu_begun);
        self.osd_cpu = cpu.map(|(now, begun)| now.saturating_sub(begun));
        self.phase = Phase::Drain;
    }

    fn end_measured(&mut self) {
        let pool = self.client.map().and_then(|map| map.pool(self.pool));
        self.outcome = Some(Outcome {
            measured: self.tally.measured().clone(),
            osd_cpu: self.osd_cpu,
            osds: self.osds.clone(),
            pool_size: pool.map_or(0, |pool| pool.size),
            prepared: self.prepared,
            verified_bytes: 0,
        });
    }

    fn end(&mut self, fx: &mut Fx) {
        let Some(mut outcome) = self.outcome.take() else { return };
        outcome.verified_bytes = self.verified_bytes;
        self.phase = Phase::Over;
        self.verdict.borrow_mut().get_or_insert(Ok(outcome));
        fx.push(Effect::Exit { code: 0 });
    }

    fn fail(&mut self, why: String, fx: &mut Fx) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            self.until = Instant::NEVER;
            self.verdict.borrow_mut().get_or_insert(Err(why));
            fx.push(Effect::Exit { code: 1 });
        }
    }

    fn on_tick(&mut self, now: Now, fx: &mut Fx) {
        self.tally.tick(now.mono);
        if self.until <= now.mono {
            match self.phase {
                Phase::Wait => self.on_wait(now),
                Phase::WarmUp => self.on_warm(now),
                Phase::Measure => self.on_measured(now),
                _ => self.until = Instant::NEVER,
            }
        }
        if self.progress_at <= now.mono {
            let waits = !self.under_way.is_empty();
            if waits && now.mono - self.heard > ANSWER_PATIENCE {
                let seconds = ANSWER_PATIENCE.as_secs();
                return self.fail(format!("no answer for {seconds} s"), fx);
            }
            let since = PROGRESS_EVERY + (now.mono - self.progress_at);
            let text = self.progress(now, since);
            self.progress_at = now.mono + PROGRESS_EVERY;
            self.progress_ops = 0;
            // One core speaks for all.
            if self.plan.object_first == 0 {
                fx.push(Effect::Log { level: LogLevel::Info, text });
            }
        }
    }

    fn progress(&self, now: Now, since: Duration) -> String {
        let rate = self.progress_ops as f64 / since.as_secs_f64();
        let (object, objects) = (self.cursor / OBJECT_BYTES, self.plan.objects);
        match self.phase {
            Phase::Connect => "connecting".to_owned(),
            Phase::Prepare => {
                let mb = rate * OBJECT_BYTES as f64 / 1e6;
                format!("preparing: object {object} of {objects}, up to {mb:.0} MB/s")
            }
            Phase::Wait => "waiting for the other cores".to_owned(),
            Phase::WarmUp => format!("warming up: {rate:.0} IOPS"),
            Phase::Measure => {
                let since = now.mono - self.tally.begun();
                let bs = self.plan.load.bs;
                progress(self.tally.measured(), since, Unit::Operations, rate, bs)
            }
            Phase::Drain => "waiting for what is under way".to_owned(),
            Phase::Check => format!("comparing: object {object} of {objects}"),
            Phase::Remove => format!("removing: object {object} of {objects}"),
            Phase::Over => String::new(),
        }
    }

    /// Takes what the client has answered and begins what comes next, until it has nothing more.
    fn go_on(&mut self, now: Now, fx: &mut Fx) {
        let mut done = std::mem::take(&mut self.done);
        loop {
            done.extend(self.client.take_completions());
            if !done.is_empty() {
                for (id, completion) in done.drain(..) {
                    self.on_completion(now, id, completion, fx);
                }
                continue;
            }
            let phase = self.phase;
            if phase != Phase::Over {
                self.fill(now, fx);
            }
            // A phase that has nothing to do is followed by the next one at once.
            if self.phase == phase {
                break;
            }
        }
        self.done = done;
    }
}

impl Node for Load {
    type Hop = Infallible;

    fn use_receive_memory(&mut self, memory: Rc<dyn ReceiveMemory>) {
        self.client.use_receive_memory(memory);
    }

    fn handle(&mut self, now: Now, input: Input<Infallible>, fx: &mut Fx) {
        match input {
            Input::Stop => fx.push(Effect::Exit { code: 130 }),
            Input::Start => {
                self.progress_at = now.mono + PROGRESS_EVERY;
                self.client.handle(now, Input::Start, fx);
                let name = self.plan.pool.clone();
                self.client.submit(now, Request::FindPool { name }, fx);
            }
            Input::Tick => {
                self.client.handle(now, Input::Tick, fx);
                self.on_tick(now, fx);
            }
            input => self.client.handle(now, input, fx),
        }
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        self.go_on(now, fx);
        self.client.end_of_turn(now, fx);
    }

    fn next_deadline(&self) -> Instant {
        let sends = matches!(self.phase, Phase::WarmUp | Phase::Measure);
        let room = self.under_way.len() < self.depth;
        let due = if sends && room { self.pace.next_due() } else { Instant::NEVER };
        self.client
            .next_deadline()
            .min(due)
            .min(self.until)
            .min(self.progress_at)
            .min(self.tally.next_deadline())
    }
}

const _: () = assert!(OBJECT_BYTES.is_multiple_of(CHECK_BYTES));
