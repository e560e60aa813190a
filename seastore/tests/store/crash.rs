//! A crash after every device write and every flush, and between them when new ones are under way.
//!
//! At each such point the disk is taken as four crashes would leave it ([`Fate`]); each is mounted,
//! checked and compared with the states that the transactions made. At some points the mount is cut
//! off as well. A seed explores a window of a run, in the long run (`SEASTORE_SEEDS`) a longer one.

use crate::common::{Disk, Model, Rng, difference, long_run, name, seed_range};
use crate::world::{World, aged, aged_ops, aged_zoned, apply_to_model, random_txn};
use seastore::*;
use std::collections::BTreeSet;

/// What a crash does to writes under way and to those that were not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Power fails, all of them are gone.
    Lost,
    /// The process dies: all of them come to the device, whose cache still is volatile.
    Kept,
    /// Power fails, each sector of 512 bytes was written or not.
    Torn,
    /// Power fails, each write was lost, written or torn.
    Mixed,
}
const CACHE: usize = 256 << 10;
/// Bytes of an object of [`crashes_in_a_row_leave_room_to_go_on`], and of a write.
const OBJECT: u64 = 1 << 20;
const UNIT: u64 = 64 << 10;
const FATES: [Fate; 4] = [Fate::Lost, Fate::Kept, Fate::Torn, Fate::Mixed];

fn crashed(world: &World, fate: Fate, rng: &mut Rng) -> Disk {
    let mut disk = world.disk.clone();
    // Of one write, or of one block in the device's cache: whether a sector of it was written.
    let draw = |rng: &mut Rng| match fate {
        Fate::Lost | Fate::Kept => 0,
        Fate::Torn => 2,
        Fate::Mixed => rng.below(3),
    };
    let sector = |rng: &mut Rng, drawn: u64| drawn == 1 || drawn == 2 && rng.chance(2);
    if fate != Fate::Kept {
        let (mut n, mut drawn) = (0, 0);
        disk.lose_cache(|| {
            if n % 8 == 0 {
                drawn = draw(rng);
            }
            n += 1;
            sector(rng, drawn)
        });
    }
    for effect in &world.waiting {
        match effect {
            StoreEffect::Write { offset, buf, .. } if fate == Fate::Kept => {
                disk.write_cached(*offset, buf);
            }
            StoreEffect::Write { offset, buf, .. } => {
                let drawn = draw(rng);
                disk.write_torn(*offset, buf, || sector(rng, drawn));
            }
            StoreEffect::Discard { offset, len, .. } if fate == Fate::Kept => {
                disk.discard(*offset, *len);
            }
            StoreEffect::Discard { offset, len, .. } => {
                let drawn = draw(rng);
                disk.discard_torn(*offset, *len, || sector(rng, drawn));
            }
            StoreEffect::Zone { offset, op, .. } => {
                let drawn = draw(rng);
                if fate == Fate::Kept || sector(rng, drawn) {
                    disk.zone_op(*offset, *op);
                }
            }
            _ => {}
        }
    }
    disk
}

/// All crashes that may happen to `world` now leave a state that is allowed.
pub fn look_at_crashes(world: &World, durable: usize, models: &[Model], rng: &mut Rng) {
    let allowed = Allowed { durable, models };
    for fate in FATES {
        let what = format!("io {}, {fate:?}", world.io_count);
        let disk = crashed(world, fate, rng);
        look(disk, StoreConfig { nonce: rng.next(), ..world.config }, &allowed, &what);
    }
}

/// A state that was submitted in whole transactions, from that which was acknowledged on.
struct Allowed<'a> {
    durable: usize,
    models: &'a [Model],
}

/// Mounts and checks what a crash left. Returns the store and how many transactions it holds.
fn look(disk: Disk, config: StoreConfig, allowed: &Allowed, what: &str) -> (World, usize) {
    let mut after = World::opened(disk, config);
    if let Err(e) = after.mount() {
        panic!("{what}: mount: {e}");
    }
    after.assert_consistent(what);
    let found = after.contents();
    let (durable, models) = (allowed.durable, allowed.models);
    if let Some(count) = (durable..models.len()).find(|n| models[*n] == found) {
        return (after, count);
    }
    if let Some(count) = (0..durable).rev().find(|n| models[*n] == found) {
        panic!("{what}: acknowledged up to {durable}, and only {count} are there");
    }
    let differing = |n: &usize| {
        let names: BTreeSet<_> = found.keys().chain(models[*n].keys()).collect();
        names.into_iter().filter(|o| found.get(*o) != models[*n].get(*o)).collect::<Vec<_>>()
    };
    let closest = (0..models.len()).min_by_key(|n| differing(n).len()).unwrap();
    let differing = differing(&closest);
    for o in &differing {
        println!("{o}: {}", difference(found.get(*o), models[closest].get(*o)));
    }
    panic!(
        "{what}: no state from transaction {durable} to {} is there; closest is {closest}",
        models.len() - 1
    );
}

/// Crashes while `disk` is mounted and writes its first record. What a whole mount showed stays.
fn crash_in_mount(disk: &Disk, config: StoreConfig, allowed: &Allowed, rng: &mut Rng, what: &str) {
    let (_, count) = look(disk.clone(), config, allowed, what);
    let mut world = World::opened(disk.clone(), config);
    world.store.mount(&mut world.waiting);
    world.turn();
    let mut least = allowed.durable;
    while !world.waiting.is_empty() {
        let reads = matches!(world.waiting[0], StoreEffect::Read { .. });
        world.perform(0);
        if world.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_))) {
            least = count;
        }
        if reads && world.waiting.iter().all(|e| matches!(e, StoreEffect::Read { .. })) {
            continue;
        }
        for fate in FATES {
            let allowed = Allowed { durable: least, ..*allowed };
            let config = StoreConfig { nonce: rng.next(), ..config };
            let what = format!("{what}, in the mount, {fate:?}");
            look(crashed(&world, fate, rng), config, &allowed, &what);
        }
    }
}

fn write_io(effect: &StoreEffect) -> Option<u64> {
    if let StoreEffect::Write { io, .. } = effect { Some(*io) } else { None }
}

struct Run {
    seed: u64,
    rng: Rng,
    world: World,
    /// Transactions acknowledged, out of those whose models are kept.
    durable: usize,
    models: Vec<Model>,
    /// Points of crash that are still to be looked at.
    points: u32,
    /// A write that takes longer than all that come after it.
    slow: Option<u64>,
    tally: Tally,
}

/// What windows met.
#[derive(Debug, Default)]
struct Tally {
    points: u64,
    in_mounts: u64,
    checkpoints: u64,
    cleaned_bytes: u64,
    flushes: u64,
}

/// What a seed is about, and when its window begins.
const KINDS: u64 = 5;
const CLEANER: u64 = 4;
/// On a zoned device.
fn is_zoned(seed: u64) -> bool {
    seed % 3 == 2
}

impl Run {
    fn new(seed: u64) -> Self {
        let rng = Rng(seed.wrapping_mul(1000) + 17);
        let (mut world, first) = match seed % KINDS {
            CLEANER if is_zoned(seed) => aged_zoned(),
            _ if is_zoned(seed) => (World::zoned(256 << 10), Model::new()),
            CLEANER => aged(),
            kind if kind % 2 == 0 => (World::new(32 << 20, 256 << 10), Model::new()),
            _ => (World::discarding(32 << 20, 256 << 10), Model::new()),
        };
        // From the first crash on, in those that began without.
        world.config.discard |= seed.is_multiple_of(2);
        let tally = Tally::default();
        Self { seed, rng, world, durable: 0, models: vec![first], points: 0, slow: None, tally }
    }

    fn note_durable(&mut self) {
        for event in std::mem::take(&mut self.world.events) {
            match event {
                StoreEvent::Durable { token } => {
                    assert_eq!(token as usize, self.durable, "out of order");
                    self.durable += 1;
                }
                StoreEvent::Failed(e) => panic!("{e}"),
                StoreEvent::Refused { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// Old states are of no more use.
    fn forget(&mut self) {
        if self.models.len() > 20 && self.durable == self.models.len() - 1 {
            self.models = vec![self.models.pop().unwrap()];
            self.durable = 0;
        }
    }

    fn ops(&mut self) -> Vec<TxnOp> {
        let rng = &mut self.rng;
        match self.seed % KINDS {
            0 => random_txn(rng, 6, 3_000),
            1 => {
                let mut ops = random_txn(rng, 6, 20_000);
                let (o, to) = (name(rng.below(6)), name(rng.below(6)));
                let offset = rng.below(5) * 4096;
                ops.push(match rng.chance(3) {
                    true => TxnOp::Clone { o, to },
                    false => {
                        let (from_offset, to_offset) = (offset, rng.below(5) * 4096);
                        TxnOp::CloneRange { o, to, from_offset, to_offset, len: 9_000 }
                    }
                });
                ops
            }
            2 => {
                let mut ops = random_txn(rng, 6, 2_000);
                // Pages split, and become empty again.
                let o = name(10 + rng.below(3));
                let key = |n: u64| bytes::Bytes::from(format!("{:04}", n * 7919 % 1000));
                let from = rng.below(1000);
                if rng.chance(4) {
                    let first = key(from);
                    let last = vec![first[0], first[1] + 1].into();
                    ops.push(TxnOp::OmapRemoveRange { o, first, last });
                } else {
                    let pairs = (from..from + 20).map(|n| (key(n), rng.bytes(150))).collect();
                    ops.push(TxnOp::OmapSet { o, pairs });
                }
                ops
            }
            3 => random_txn(rng, 6, 250_000),
            _ => aged_ops(rng),
        }
    }

    fn submit(&mut self) {
        let ops = self.ops();
        let token = self.models.len() as u64 - 1;
        while let Err(e) = self.world.store.submit(ops.clone().into(), token) {
            assert_eq!(e, SubmitError::Busy, "seed {}", self.seed);
            if self.world.turn_or_room() {
                self.perform(0);
            }
        }
        let mut model = self.models.last().unwrap().clone();
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        self.models.push(model);
    }

    fn perform(&mut self, index: usize) {
        let is_read = matches!(self.world.waiting[index], StoreEffect::Read { .. });
        let is_flush = matches!(self.world.waiting[index], StoreEffect::Flush { .. });
        self.world.perform(index);
        self.note_durable();
        if !is_read {
            self.tally.flushes += is_flush as u64;
            self.look_at_point();
        }
    }

    /// All crashes that may happen now.
    fn look_at_point(&mut self) {
        if self.points == 0 {
            return;
        }
        self.points -= 1;
        self.tally.points += 1;
        let what = format!("seed {} io {}", self.seed, self.world.io_count);
        let allowed = Allowed { durable: self.durable, models: &self.models };
        for fate in FATES {
            let what = format!("{what}, {fate:?}");
            let disk = crashed(&self.world, fate, &mut self.rng);
            let config = StoreConfig { nonce: self.rng.next(), ..self.world.config };
            if self.rng.chance(40) {
                self.tally.in_mounts += 1;
                crash_in_mount(&disk, config, &allowed, &mut self.rng, &what);
            } else {
                look(disk, config, &allowed, &what);
            }
        }
    }

    /// One transaction, and some of what is under way.
    fn step(&mut self) {
        self.submit();
        if self.rng.chance(2) {
            let before = self.world.waiting.len();
            self.world.turn();
            // What one turn asked for may be lost as a whole.
            if self.world.waiting.len() > before && self.rng.chance(2) {
                self.look_at_point();
            }
        }
        self.some_requests();
        self.forget();
    }

    fn some_requests(&mut self) {
        if self.rng.chance(6) {
            self.slow_down();
        }
        while !self.rng.chance(4) {
            let all = self.world.waiting.iter().enumerate();
            let slow = |effect| self.slow.is_some() && write_io(effect) == self.slow;
            let quick = all.filter(|(_, effect)| !slow(effect));
            let indices: Vec<usize> = quick.map(|(index, _)| index).collect();
            if indices.is_empty() {
                if self.rng.chance(3) {
                    self.slow = None;
                }
                return;
            }
            let index = indices[self.rng.below(indices.len() as u64) as usize];
            self.perform(index);
        }
    }

    /// The oldest write takes long, so that what depends on it shows whether it waits.
    fn slow_down(&mut self) {
        self.slow = self.world.waiting.iter().find_map(write_io);
    }

    /// Up to a moment that is of interest for this kind of seed.
    fn until_window(&mut self) {
        let at_least = self.rng.below(25);
        let before = self.world.store.counters();
        let mut last = before;
        for step in 0..2000 {
            let now = self.world.store.counters();
            // What the cleaner has just asked for is under way: its end, and what follows.
            let cleaned = now.cleaner_bytes - last.cleaner_bytes;
            let begun = match self.seed % KINDS {
                0 => true,
                CLEANER => cleaned > 0,
                _ => now.checkpoint_bytes > before.checkpoint_bytes,
            };
            if begun && step >= at_least {
                self.tally.cleaned_bytes += cleaned;
                return;
            }
            last = now;
            self.step();
        }
        panic!("seed {}: nothing happens", self.seed);
    }

    fn window(&mut self, points: u32) {
        let before = self.world.store.counters();
        self.points = points;
        if self.rng.chance(2) {
            self.slow_down();
        }
        while self.points > 0 {
            // A window of few points holds a whole checkpoint only if little else is written.
            if !self.seed.is_multiple_of(KINDS) && !self.rng.chance(3) {
                self.world.turn();
                self.some_requests();
            } else {
                self.step();
            }
        }
        let after = self.world.store.counters();
        self.tally.checkpoints += after.checkpoints - before.checkpoints;
        self.tally.cleaned_bytes += after.cleaner_bytes - before.cleaner_bytes;
    }

    /// Goes on with what a crash left.
    fn crash(&mut self) {
        let fate = FATES[self.rng.below(4) as usize];
        let disk = crashed(&self.world, fate, &mut self.rng);
        let config = StoreConfig { nonce: self.rng.next(), ..self.world.config };
        let allowed = Allowed { durable: self.durable, models: &self.models };
        let what = format!("seed {} crash, {fate:?}", self.seed);
        let (after, count) = look(disk, config, &allowed, &what);
        self.world = after;
        self.slow = None;
        self.models.truncate(count + 1);
        self.durable = count;
    }
}

fn run_seed(seed: u64) -> Tally {
    let mut run = Run::new(seed);
    let points = if long_run() { 36 } else { 10 };
    run.until_window();
    run.window(points);
    // Later crashes meet what earlier ones left behind.
    for _ in 0..2 {
        run.crash();
        run.window(points / 2);
    }
    run.tally
}

/// Every other seed, so that two run side by side.
fn run_seeds(odd: u64) {
    let mut all = Tally::default();
    let range = seed_range(50);
    for seed in range.clone().filter(|seed| seed % 2 == odd) {
        let tally = run_seed(seed);
        all.points += tally.points;
        all.in_mounts += tally.in_mounts;
        all.checkpoints += tally.checkpoints;
        all.cleaned_bytes += tally.cleaned_bytes;
        all.flushes += tally.flushes;
        if long_run() && seed % 100 == odd {
            println!("seed {seed}: {all:?}");
        }
    }
    println!("{all:?}");
    if range.end - range.start >= 50 {
        let met = all.points > 300 && all.in_mounts > 10 && all.flushes > 10;
        assert!(met && all.checkpoints > 2 && all.cleaned_bytes > 100_000, "too little: {all:?}");
    }
}

#[test]
fn what_is_acknowledged_survives_every_crash_and_nothing_is_there_in_part() {
    run_seeds(0);
}

#[test]
fn what_is_acknowledged_survives_every_crash_and_nothing_is_there_in_part_odd_seeds() {
    run_seeds(1);
}

/// A crash leaves a record whose data are torn in the last two blocks of a segment; the next run's
/// first record needs more room and goes to the next segment. What is there must not be taken for a
/// durable record that has rotten since, which would cut off all that follows.
#[test]
fn a_torn_record_at_a_segments_end_does_not_hide_what_the_next_run_wrote() {
    let mut world = World::new(32 << 20, 256 << 10);
    let segment = world.config.superblock.segment_bytes as u64;
    // Bytes that are left behind the write under way; a superblock and two anchors come first.
    let left = |world: &World| match &world.waiting[..] {
        [StoreEffect::Write { offset, buf, .. }] => {
            segment - 1 - (offset + buf.len() as u64 - 3 * 4096 - 1) % segment
        }
        other => panic!("{other:?}"),
    };
    let block = |n: u64| vec![TxnOp::Write { o: name(n), offset: 0, data: Rng(n).bytes(4096) }];
    loop {
        world.turn();
        assert!(world.waiting.is_empty());
        world.submit(block(1), 0).unwrap();
        world.turn();
        let mut end = left(&world);
        world.run();
        if end / 4096 % 2 == 1 {
            // A record without data takes one block.
            world.submit(vec![], 0).unwrap();
            world.turn();
            end = left(&world);
            world.run();
        }
        if end == 2 * 4096 {
            break;
        }
    }
    world.submit(block(2), 0).unwrap();
    world.turn();
    assert_eq!(left(&world), 0);
    let mut disk = world.disk.clone();
    let StoreEffect::Write { offset, buf, .. } = &world.waiting[0] else { unreachable!() };
    disk.write(*offset, &buf[..4096]);
    let mut world = World::opened(disk, StoreConfig { nonce: 2, ..world.config }).mounted();
    // With names so long that a header takes several blocks.
    let long = |n: u64| -> ObjectName {
        let (space, name) = ("s".repeat(4000), format!("{n}{}", "n".repeat(4000)));
        types::HObject::head(types::PoolId(1), &space, "", &name).into()
    };
    for n in 3..6 {
        let data = Rng(n).bytes(4096);
        world.submit(vec![TxnOp::Write { o: long(n), offset: 0, data }], 0).unwrap();
        world.run();
    }
    let before = world.contents();
    let mut after = world.remounted();
    assert!(after.contents() == before);
    assert!(!before.contains_key(&*name(2)) && before.contains_key(&*long(5)));
}

/// Every mount begins with heads of its own, and leaves segments that are hardly filled. Many crashes
/// soon after one another, with few writes between, leave a store that goes on.
#[test]
fn crashes_in_a_row_leave_room_to_go_on() {
    for seed in seed_range(6) {
        let mut rng = Rng(seed);
        let zoned = seed % 3 != 2;
        let mut world = if zoned { World::zoned(CACHE) } else { World::new(26 << 20, CACHE) };
        let statfs = world.store.statfs();
        let (part, most) = (1 + rng.below(7), [2, 6, 40][rng.below(3) as usize]);
        let objects = (statfs.available * part / 8 / OBJECT).max(1);
        let write = |rng: &mut Rng| {
            let (o, offset) = (name(rng.below(objects)), rng.below(OBJECT / UNIT) * UNIT);
            vec![TxnOp::Write { o, offset, data: rng.bytes(UNIT as usize) }]
        };
        let mut token = 0;
        for round in 0..60 {
            let what = format!("seed {seed}, round {round}, {part} eighths, up to {most} writes");
            let writes = if round == 0 { objects * OBJECT / UNIT } else { rng.below(most) };
            for _ in 0..writes {
                token += 1;
                if let Err(e) = world.submit(write(&mut rng), token) {
                    panic!("{what}: {e}: {}", world.store.space_line());
                }
                if rng.chance(3) {
                    world.turn();
                }
                for _ in 0..rng.below(3) {
                    if !world.waiting.is_empty() {
                        world.perform(0);
                    }
                }
            }
            if rng.chance(most) {
                world.run();
            }
            let failed = world.events.iter().find(|e| matches!(e, StoreEvent::Failed(_)));
            assert_eq!(failed, None, "{what}: {}", world.store.space_line());
            // Some mounts are cut off, and some stores soon after they are mounted.
            let mut cuts = rng.below(most);
            loop {
                let fate = FATES[rng.below(4) as usize];
                let disk = crashed(&world, fate, &mut rng);
                let config = StoreConfig { nonce: rng.next(), ..world.config };
                world = World::opened(disk, config);
                if cuts == 0 {
                    break;
                }
                cuts -= 1;
                world.store.mount(&mut world.waiting);
                for _ in 0..rng.below(200) {
                    world.turn();
                    if !world.waiting.is_empty() {
                        world.perform(0);
                    }
                }
            }
            if let Err(e) = world.mount() {
                panic!("{what}: mount: {e}");
            }
        }
        world.assert_consistent("after all crashes");
    }
}
