//! A record in the middle of the journal rots: what was before it is shown as it was.

use crate::common::{BLOCK, Disk, Model, Rng, name};
use crate::world::{World, aged, apply_to_model, random_op};
use seastore::*;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use types::HObject;

/// A store, and its state before and after each of its last transactions.
struct Made {
    disk: Disk,
    config: StoreConfig,
    states: Vec<Model>,
    /// Of the transaction behind each state, but the last.
    touched: Vec<BTreeSet<HObject>>,
}

fn made(mut world: World, model: Model, rng: &mut Rng, count: u64, len_max: u64) -> Made {
    let mut states = vec![model];
    let mut touched = Vec::new();
    for token in 0..count {
        let mut model = states.last().unwrap().clone();
        // An object of its own, which no other transaction tells of.
        let mut ops = vec![random_op(rng, 12, len_max), TxnOp::Touch { o: name(1000 + token) }];
        if len_max < 30_000 && rng.chance(8) {
            // A change that has records of its own.
            let pairs = vec![("large".into(), vec![7; 100_000].into())];
            ops.push(TxnOp::OmapSet { o: name(200 + token % 2), pairs });
        }
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        touched.push(ops.iter().filter_map(target).collect());
        world.submit(ops, token).unwrap();
        world.run();
        states.push(model);
    }
    Made { disk: world.disk, config: world.config, states, touched }
}

/// The object that it changes.
fn target(op: &TxnOp) -> Option<HObject> {
    match op {
        TxnOp::Clone { to, .. } | TxnOp::CloneRange { to, .. } => Some((**to).clone()),
        op => op.object().map(|o| (**o).clone()),
    }
}

fn u64_at(b: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(b[at..at + 8].try_into().unwrap())
}
fn u32_at(b: &[u8], at: usize) -> u64 {
    u32::from_le_bytes(b[at..at + 4].try_into().unwrap()) as u64
}

/// Records behind the newest checkpoint but for the last one: (sequence, first block, blocks of
/// header and changes).
fn records(disk: &Disk) -> Vec<(u64, u64, u64)> {
    let anchors = disk.blocks.values().filter(|b| b[..4] == *b"KSa2");
    let (_, start) = anchors.map(|b| (u64_at(b, 32), u64_at(b, 40))).max().expect("an anchor");
    let is_record = |b: &[u8]| b[..4] == *b"KSr2" && b[42] & 8 == 0 && u64_at(b, 8) >= start;
    let found = disk.blocks.iter().filter(|(_, b)| is_record(b));
    let mut found: Vec<_> = found.map(|(at, b)| (u64_at(b, 8), *at, u32_at(b, 84))).collect();
    found.sort_unstable();
    found.pop();
    found
}

fn spoil(disk: &mut Disk, block: u64, rng: &mut Rng) {
    let mut bytes = disk.blocks[&block].to_vec();
    // Within what a header has, and of changes what is there for certain.
    bytes[rng.below(96) as usize] ^= 1 << rng.below(8);
    disk.blocks.insert(block, bytes.into());
}

/// States that are shown, first and last, of which all are the same; objects that are outdated.
type Seen = (RangeInclusive<usize>, BTreeSet<HObject>);

/// Mounts what is left.
fn look(made: &Made, disk: &Disk, damaged: (u64, u64), what: &str) -> Seen {
    let config = StoreConfig { nonce: 99, ..made.config };
    let (sequence, device_offset) = (damaged.0, damaged.1 * BLOCK as u64);
    let refused = World::opened(disk.clone(), config).mount();
    let error = StoreError::JournalCorrupt { device_offset, sequence };
    assert_eq!(refused, Err(error), "{what}");

    let mut world = World::opened(disk.clone(), StoreConfig { salvage: true, ..config });
    world.mount().unwrap_or_else(|e| panic!("{what}: {e}"));
    let mut outdated = BTreeSet::new();
    let mut said = 0;
    for event in std::mem::take(&mut world.events) {
        match event {
            StoreEvent::JournalDamaged { sequence: s, device_offset: at } => {
                assert_eq!((s, at), (sequence, device_offset), "{what}");
                said += 1;
            }
            StoreEvent::Outdated { object, device_offset: at } => {
                assert_eq!(at, device_offset, "{what}");
                assert!(outdated.insert((*object).clone()), "{what}: {object} twice");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    assert_eq!(said, 1, "{what}");
    world.assert_consistent(what);
    let found = world.contents();
    let none = || panic!("{what}: no state that ever was");
    let first = made.states.iter().position(|state| *state == found).unwrap_or_else(none);
    let last = made.states.iter().rposition(|state| *state == found).unwrap_or(first);
    (first..=last, outdated)
}

/// Every transaction behind the state that is shown, but for the one whose record rotted, tells which
/// objects are outdated, and nothing else does.
fn check(made: &Made, shown: RangeInclusive<usize>, outdated: &BTreeSet<HObject>, what: &str) {
    let union =
        |of: &[BTreeSet<HObject>]| -> BTreeSet<HObject> { of.iter().flatten().cloned().collect() };
    let known = union(&made.touched[shown.end() + 1..]);
    let all = union(&made.touched[*shown.start()..]);
    let next = &made.states[shown.end() + 1];
    let last = made.states.last().unwrap();
    for o in known.iter().filter(|o| last.get(*o) != next.get(*o)) {
        assert!(outdated.contains(o), "{what}: {o} has changed");
    }
    assert!(outdated.is_subset(&all), "{what}: {outdated:?} in {all:?}");
}

fn each_record_rots(made: Made, rng: &mut Rng) -> (usize, usize) {
    let records = records(&made.disk);
    let (mut states, mut named) = (BTreeSet::new(), 0);
    for (sequence, first, blocks) in &records {
        let what = format!("record {sequence} at block {first}");
        let mut disk = made.disk.clone();
        // Its header, or what it changes.
        spoil(&mut disk, first + rng.below((*blocks).min(2)), rng);
        let (shown, outdated) = look(&made, &disk, (*sequence, *first), &what);
        states.insert(*shown.end());
        check(&made, shown, &outdated, &what);
        named += outdated.len();
    }
    (states.len(), named)
}

#[test]
fn all_is_as_it_was_before_a_rotten_record() {
    let mut rng = Rng(71);
    let world = World::new(32 << 20, 4 << 20);
    let made = made(world, Model::new(), &mut rng, 60, 100_000);
    let blocks: Vec<u64> = records(&made.disk).iter().map(|(_, block, _)| *block).collect();
    // Behind a superblock and two anchors.
    let segments: BTreeSet<u64> = blocks.iter().map(|block| (block - 3) / 256).collect();
    assert!(segments.len() > 1, "{segments:?}");
    let (states, named) = each_record_rots(made, &mut rng);
    assert!(states > 10 && named > 30, "{states} states, {named} named");
}

/// With the cleaner at work, whose victims are written over.
#[test]
fn what_the_cleaner_moved_behind_a_rotten_record_is_found() {
    let mut rng = Rng(72);
    let (world, model) = aged();
    let made = made(world, model, &mut rng, 30, 60_000);
    let (states, named) = each_record_rots(made, &mut rng);
    assert!(states > 1 && named > 10, "{states} states, {named} named");
}

#[test]
fn the_same_in_zones() {
    let mut rng = Rng(73);
    let made = made(World::zoned(4 << 20), Model::new(), &mut rng, 16, 20_000);
    let (states, named) = each_record_rots(made, &mut rng);
    assert!(states > 5 && named > 10, "{states} states, {named} named");
}

/// A second rotten record hides what it changes, and no other one.
#[test]
fn records_behind_two_rotten_ones_are_read() {
    let mut rng = Rng(74);
    let made = made(World::new(32 << 20, 4 << 20), Model::new(), &mut rng, 20, 3_000);
    let records = records(&made.disk);
    for pair in records.windows(4).step_by(3) {
        let what = format!("records {} and {}", pair[0].0, pair[2].0);
        let mut disk = made.disk.clone();
        spoil(&mut disk, pair[0].1, &mut rng);
        spoil(&mut disk, pair[2].1, &mut rng);
        let (shown, outdated) = look(&made, &disk, (pair[0].0, pair[0].1), &what);
        let one = {
            let mut disk = made.disk.clone();
            spoil(&mut disk, pair[0].1, &mut rng);
            look(&made, &disk, (pair[0].0, pair[0].1), &what)
        };
        assert_eq!(shown, one.0, "{what}");
        assert!(outdated.is_subset(&one.1), "{what}");
        // What later ones say.
        let last = made.touched.last().unwrap();
        assert!(last.iter().any(|o| outdated.contains(o)), "{what}: {last:?}, {outdated:?}");
    }
}
