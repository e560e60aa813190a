//! Crashes of small stores that are nearly full: after every device request of generated workloads,
//! with checkpoints and the cleaner at work, and once more while or just after mounting.
//!
//! `SEASTORE_SEEDS` sets how many seeds run, `SEASTORE_SEED` runs a single one.

mod common;
use common::*;
use seastore::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use types::HObject;

const MIB: u64 = 1 << 20;
/// The smallest device with one shard: 24 segments of 1 MiB.
const DEVICE: u64 = 25 * MIB;
const STEPS: u64 = 34;

type State = BTreeMap<HObject, Rc<ModelObject>>;

/// A transaction that may not be durable yet.
struct Submitted {
    token: u64,
    after: State,
    touched: BTreeSet<HObject>,
}

/// What was acknowledged, and what was submitted since.
#[derive(Default)]
struct History {
    durable: State,
    open: VecDeque<Submitted>,
    next_token: u64,
}

impl History {
    fn newest(&self) -> &State {
        self.open.back().map_or(&self.durable, |t| &t.after)
    }
    fn note(&mut self, ops: &[TxnOp]) {
        let mut after = self.newest().clone();
        let mut touched = BTreeSet::new();
        for op in ops {
            let Some(o) = op.object() else { continue };
            let mut one = Model::new();
            if let Some(object) = after.remove(&**o) {
                one.insert((**o).clone(), Rc::unwrap_or_clone(object));
            }
            apply_to_model(&mut one, op);
            after.extend(one.into_iter().map(|(o, object)| (o, Rc::new(object))));
            touched.insert((**o).clone());
        }
        let token = self.next_token;
        self.next_token += 1;
        self.open.push_back(Submitted { token, after, touched });
    }
    /// Takes the store's events: transactions become durable in order.
    fn take(&mut self, events: &mut Vec<StoreEvent>, what: &str) {
        for event in events.drain(..) {
            match event {
                StoreEvent::Durable { token } => {
                    let first = self.open.pop_front().expect("only what was submitted is durable");
                    assert_eq!(first.token, token, "{what}: out of order");
                    self.durable = first.after;
                }
                StoreEvent::Failed(e) => panic!("{what}: {e}"),
                StoreEvent::CorruptFound(c) => panic!("{what}: {c}"),
                _ => {}
            }
        }
    }
    /// The states that a crash may leave, oldest first.
    fn states(&self) -> impl Iterator<Item = &State> {
        std::iter::once(&self.durable).chain(self.open.iter().map(|t| &t.after))
    }
}

/// How many transactions beyond the acknowledged ones the store holds: all of its metadata, and the
/// data of the objects that transactions under way touch and of `more` others, must be as they
/// were after that many.
fn compare(world: &mut World, history: &History, more: usize, rng: &mut Rng, what: &str) -> usize {
    world.assert_consistent();
    let names = world.store.list(&HObject::min(), &HObject::max(), usize::MAX).unwrap();
    let mut read: BTreeSet<HObject> =
        history.open.iter().flat_map(|t| t.touched.iter().cloned()).collect();
    for _ in 0..more.min(names.len()) {
        read.insert((*names[rng.below(names.len() as u64) as usize]).clone());
    }
    let mut found = BTreeMap::new();
    for o in &names {
        let mut object = metadata(&world.store, o);
        let size = world.store.stat(o).unwrap().unwrap().size;
        if read.contains(&**o) {
            let data = world.read(o, 0, u64::MAX);
            object.data = data.unwrap_or_else(|e| panic!("{what}: {e}")).to_vec();
            assert_eq!(object.data.len() as u64, size, "{what}: {o}");
        }
        found.insert((**o).clone(), (size, object));
    }
    let differs = |state: &State| {
        let same = |o: &HObject| match (state.get(o), found.get(o)) {
            (None, None) => true,
            (Some(s), Some((size, f))) => {
                s.data.len() as u64 == *size
                    && (!read.contains(o) || s.data == f.data)
                    && (&s.xattrs, &s.omap, &s.header) == (&f.xattrs, &f.omap, &f.header)
            }
            _ => false,
        };
        state.keys().chain(found.keys()).find(|o| !same(o)).cloned()
    };
    history.states().position(|s| differs(s).is_none()).unwrap_or_else(|| {
        let why = differs(&history.durable);
        panic!("{what}: no state since the last acknowledgement matches; at first {why:?} differs")
    })
}

/// What becomes of the writes under way and of the device's volatile cache.
#[derive(Clone, Copy, PartialEq)]
enum Crash {
    /// The process ends: the device still does what it was told, into its cache.
    Process,
    /// Each sector that is not on stable media may or may not get there.
    Power,
}

fn crashed(world: &World, crash: Crash, rng: &mut Rng) -> Disk {
    let mut disk = world.disk.clone();
    let fate = rng.below(5);
    let writes = world.waiting.iter().filter_map(|e| match e {
        StoreEffect::Write { offset, buf, .. } => Some((*offset, buf)),
        _ => None,
    });
    let count = writes.clone().count();
    for (i, (offset, buf)) in writes.enumerate() {
        let kept = match fate {
            0 => 0,
            1 => 1,
            // The newest overtook all others.
            2 => (i + 1 == count) as u64,
            3 => rng.below(2),
            _ => rng.below(3),
        };
        match (kept, crash) {
            (0, _) => {}
            (1, Crash::Process) => disk.write_cached(offset, buf),
            (1, Crash::Power) => disk.write(offset, buf),
            _ => disk.write_torn(offset, buf, || rng.chance(2)),
        }
    }
    if crash == Crash::Power {
        let all = rng.below(3);
        disk.lose_cache(|| if all < 2 { all == 1 } else { rng.chance(2) });
    }
    disk
}

/// What the seeds of a run have seen.
#[derive(Default, Debug)]
struct Seen {
    crashes: u64,
    anchors: u64,
    cleaner_reads: u64,
    full: u64,
    written_after: u64,
}

/// One store under a workload that crashes.
struct Run {
    kind: u64,
    rng: Rng,
    world: World,
    history: History,
    seen: Seen,
}

/// One transaction of workload `kind` on a store with objects 0..`objects`.
fn transaction(kind: u64, rng: &mut Rng, objects: u64) -> Vec<TxnOp> {
    let o = name(rng.below(objects));
    let write = |rng: &mut Rng, o: ObjectName, at_max: u64, len_max: u64| {
        let unit = if rng.chance(2) { 4096 } else { 1 };
        let offset = rng.below(at_max) / unit * unit;
        let len = (1 + rng.below(len_max)).next_multiple_of(unit) as usize;
        TxnOp::Write { o, offset, data: rng.bytes(len) }
    };
    match kind {
        // Overwrites.
        0 => (0..1 + rng.below(3))
            .map(|_| {
                let o = name(rng.below(objects));
                write(rng, o, 128 << 10, 40 << 10)
            })
            .collect(),
        // Deletes, and what takes their place.
        1 => match rng.below(3) {
            0 => vec![write(rng, o, 1, 160 << 10)],
            1 => vec![TxnOp::Truncate { o, size: rng.below(80_000) }],
            _ => vec![TxnOp::Remove { o: o.clone() }, TxnOp::Touch { o: name(rng.below(objects)) }],
        },
        // Until full, then half of it goes.
        2 => {
            let o = name(1000 + rng.below(1 << 40));
            vec![write(rng, o, 1, 600 << 10)]
        }
        // Objects larger than a record.
        3 => vec![write(rng, o, 600 << 10, 1500 << 10)],
        // Keys.
        4 => match rng.below(6) {
            0 => {
                let (a, b) = (rng.below(400), rng.below(400));
                let [first, last] = [a.min(b), a.max(b)].map(|n| format!("k{n:04}").into());
                vec![TxnOp::OmapRemoveRange { o, first, last }]
            }
            1 => vec![
                TxnOp::OmapClear { o: o.clone() },
                TxnOp::SetXattr { o, name: "x".into(), value: rng.bytes(3000) },
            ],
            _ => {
                let pair = |rng: &mut Rng| {
                    let key = format!("k{:04}", rng.below(400)).into();
                    let len = 1 + rng.below(4000) as usize;
                    (key, rng.bytes(len))
                };
                let pairs = (0..1 + rng.below(60)).map(|_| pair(rng)).collect();
                vec![TxnOp::OmapSet { o, pairs }]
            }
        },
        _ => (0..1 + rng.below(4)).map(|_| random_op(rng, objects, 60_000)).collect(),
    }
}

const KINDS: u64 = 6;
/// Objects that each workload works on.
const OBJECTS: [u64; KINDS as usize] = [64, 80, 16, 5, 6, 12];

impl Run {
    fn new(seed: u64) -> Self {
        let kind = seed % KINDS;
        let rng = Rng(seed.wrapping_mul(7919) + 3);
        let world = World::new(DEVICE);
        let mut run = Self { kind, rng, world, history: History::default(), seen: Seen::default() };
        run.prefill();
        run
    }

    /// Brings the store near its limits, without crashes.
    fn prefill(&mut self) {
        let total = self.world.store.statfs().total;
        let (share, each) =
            [(90, 128), (95, 100), (80, 300), (85, 1200), (40, 100), (90, 100)][self.kind as usize];
        let mut n = 0;
        while self.world.store.statfs().used < total * share / 100 {
            let o = name(n % OBJECTS[self.kind as usize]);
            let offset = n / OBJECTS[self.kind as usize] * (each << 10);
            let data = self.rng.bytes((each as usize) << 10);
            n += 1;
            if !self.submit(vec![TxnOp::Write { o, offset, data }]) {
                break;
            }
            self.settle();
        }
        for _ in 0..if self.kind == 4 { 60 } else { 0 } {
            let ops = transaction(self.kind, &mut self.rng, OBJECTS[self.kind as usize]);
            self.submit(ops);
            self.settle();
        }
        // Half-dead segments, for the cleaner.
        for _ in 0..20 {
            let o = name(self.rng.below(OBJECTS[self.kind as usize]));
            let data = self.rng.bytes(30_000);
            let offset = self.rng.below(60_000);
            self.submit(vec![TxnOp::Write { o, offset, data }]);
            self.settle();
        }
    }

    /// False if there is no space.
    fn submit(&mut self, ops: Vec<TxnOp>) -> bool {
        for _ in 0..10_000 {
            match self.world.store.submit(ops.clone().into(), self.history.next_token) {
                Ok(()) => {
                    self.history.note(&ops);
                    return true;
                }
                Err(SubmitError::Full) => {
                    self.seen.full += 1;
                    return false;
                }
                Err(SubmitError::Busy) => {
                    self.world.turn();
                    assert!(!self.world.waiting.is_empty(), "busy, and nothing under way");
                    self.perform(0);
                }
                Err(e) => panic!("kind {}: {e}", self.kind),
            }
        }
        panic!("kind {}: busy for ever", self.kind);
    }

    fn perform(&mut self, index: usize) {
        match &self.world.waiting[index] {
            StoreEffect::Write { buf, .. } if buf[..4] == *b"KSan" => self.seen.anchors += 1,
            StoreEffect::Read { .. } => self.seen.cleaner_reads += 1,
            _ => {}
        }
        self.world.perform(index);
        self.history.take(&mut self.world.events, "at work");
    }

    fn settle(&mut self) {
        self.world.run();
        self.history.take(&mut self.world.events, "at work");
    }

    /// The workload, with a crash after each request to the device.
    fn steps(&mut self, seed: u64, steps: u64) {
        for step in 0..steps {
            let objects = OBJECTS[self.kind as usize];
            let ops = transaction(self.kind, &mut self.rng, objects);
            if !self.submit(ops) {
                self.make_room();
            }
            if self.rng.chance(2) {
                self.world.turn();
            }
            while !self.world.waiting.is_empty() && !self.rng.chance(5) {
                let index = self.rng.below(self.world.waiting.len().min(4) as u64) as usize;
                self.perform(index);
                let what = format!("seed {seed} step {step} io {}", self.world.io_count);
                self.crash(&what);
                if self.rng.chance(3) {
                    self.world.turn();
                }
            }
        }
        self.settle();
        let what = format!("seed {seed} at the end");
        compare(&mut self.world, &self.history, usize::MAX, &mut self.rng, &what);
    }

    /// The store is full: some objects go.
    fn make_room(&mut self) {
        let names: Vec<HObject> = self.history.newest().keys().cloned().collect();
        for o in names.iter().step_by(3) {
            let removed = self.submit(vec![TxnOp::Remove { o: o.clone().into() }]);
            assert!(removed, "a full store takes deletes");
        }
    }

    fn crash(&mut self, what: &str) {
        self.seen.crashes += 1;
        let rng = &mut self.rng;
        let crash = if rng.chance(3) { Crash::Process } else { Crash::Power };
        let disk = crashed(&self.world, crash, rng);
        let mut after = World::opened(disk, self.world.superblock, rng.next());
        if rng.chance(4) {
            // Again while mounting.
            after.store.mount(&mut after.waiting);
            for _ in 0..rng.below(14) {
                if !after.waiting.is_empty() {
                    after.perform(0);
                }
            }
            let disk = crashed(&after, Crash::Power, rng);
            after = World::opened(disk, self.world.superblock, rng.next());
        }
        after.mount().unwrap_or_else(|e| panic!("{what}: mount: {e}"));
        let more = if rng.chance(16) { usize::MAX } else { 2 };
        let count = compare(&mut after, &self.history, more, rng, what);
        let mut history = History::default();
        history.durable.clone_from(self.history.states().nth(count).expect("just found"));
        // It goes on, whatever the crash left, and what it showed stays.
        let mut run = Run {
            kind: self.kind,
            rng: Rng(rng.next()),
            world: after,
            history,
            seen: Seen::default(),
        };
        run.go_on(what);
        self.seen.written_after += 1;
        if self.rng.chance(10) {
            self.world = run.world;
            self.history = run.history;
        }
    }

    fn go_on(&mut self, what: &str) {
        let ops = transaction(self.kind, &mut self.rng, OBJECTS[self.kind as usize]);
        if !self.submit(ops) {
            let Some(o) = self.history.durable.keys().next().cloned() else {
                panic!("{what}: full with no object");
            };
            assert!(self.submit(vec![TxnOp::Remove { o: o.into() }]), "{what}: takes no delete");
        }
        self.world.turn();
        for _ in 0..self.rng.below(4) {
            if !self.world.waiting.is_empty() {
                let index = self.rng.below(self.world.waiting.len() as u64) as usize;
                self.perform(index);
            }
        }
        if self.rng.chance(4) {
            // Just after the mount, once more.
            let disk = crashed(&self.world, Crash::Power, &mut self.rng);
            let nonce = self.rng.next();
            let mut again = World::opened(disk, self.world.superblock, nonce);
            let what = format!("{what}, again");
            again.mount().unwrap_or_else(|e| panic!("{what}: mount: {e}"));
            compare(&mut again, &self.history, 2, &mut self.rng, &what);
        }
    }
}

fn seeds(default: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    match number("SEASTORE_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEASTORE_SEEDS").unwrap_or(default)).collect(),
    }
}

#[test]
fn a_nearly_full_store_survives_a_crash_at_every_request() {
    let mut sum = Seen::default();
    let seeds = seeds(16);
    for seed in &seeds {
        let mut run = Run::new(*seed);
        let prefill = std::mem::take(&mut run.seen);
        run.steps(*seed, STEPS);
        sum.full += prefill.full;
        sum.crashes += run.seen.crashes;
        sum.anchors += run.seen.anchors;
        sum.cleaner_reads += run.seen.cleaner_reads;
        sum.full += run.seen.full;
        sum.written_after += run.seen.written_after;
    }
    println!("{sum:?}");
    if seeds.len() > 1 {
        let n = seeds.len() as u64;
        assert!(sum.anchors > n / 2 && sum.cleaner_reads > n && sum.full > n / 6, "{sum:?}");
    }
}
