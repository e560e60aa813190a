//! Free segments are given back to the device: all of them in time, nothing else, and nobody waits
//! for it. `crash` discards as well, in half of its seeds.

use crate::common::{Model, Rng, format, name};
use crate::crash::look_at_crashes;
use crate::world::{World, apply_to_model};
use seastore::*;

const MIB: u64 = 1 << 20;

/// Overwrites `objects` objects of 1 MiB at random.
fn churn(world: &mut World, model: &mut Model, rng: &mut Rng, objects: u64, steps: u64) {
    for token in 0..steps {
        let (o, offset) = (name(rng.below(objects)), rng.below(16) * (MIB / 16));
        let op = TxnOp::Write { o, offset, data: rng.bytes(MIB as usize / 16) };
        apply_to_model(model, &op);
        world.submit(vec![op], token).unwrap();
        world.turn();
        while world.waiting.len() > 4 {
            let index = rng.below(world.waiting.len() as u64) as usize;
            world.perform(index);
        }
    }
}

fn refusals(world: &World) -> usize {
    let refused = |e: &&StoreEvent| matches!(e, StoreEvent::DiscardRefused { .. });
    world.events.iter().filter(refused).count()
}

#[test]
fn what_becomes_free_is_discarded() {
    let (mut model, mut rng) = (Model::new(), Rng(5));
    let mut world = World::discarding(64 * MIB, MIB as usize);
    churn(&mut world, &mut model, &mut rng, 12, 2_000);
    world.run();
    let counters = world.store.counters();
    // Every segment that was written and died, but for the few that were used again at once.
    let written = counters.device_bytes;
    assert!(counters.discarded_bytes > written / 2, "{counters:?}");
    assert!(counters.discarded_bytes < written, "{counters:?}");
    world.assert_consistent("after discards");
    let mut world = world.remounted();
    assert!(world.contents() == model);
    world.assert_consistent("remounted");
    churn(&mut world, &mut model, &mut rng, 12, 200);
    world.run();
    assert!(world.contents() == model);
}

/// Two small objects are overwritten again and again, so that whole segments die long before a
/// checkpoint has passed them.
#[test]
fn a_crash_finds_the_journal_and_the_checkpoint() {
    let mut rng = Rng(8);
    let (disk, superblock) = format(32 * MIB, 1);
    let (discard, cache_bytes, journal_bytes) = (true, 256 << 10, 5 * MIB);
    let defaults = StoreConfig::new(superblock, 0, 1);
    let config = StoreConfig { discard, cache_bytes, journal_bytes, ..defaults };
    let world = World::formatted(disk, config);
    let (mut world, mut models, mut durable) = (world, vec![Model::new()], 0);
    for _ in 0..400 {
        let len = 40_000 + rng.below(40_000) as usize;
        let op = TxnOp::Write { o: name(rng.below(2)), offset: 0, data: rng.bytes(len) };
        let mut model = models.last().unwrap().clone();
        apply_to_model(&mut model, &op);
        world.submit(vec![op], 0).unwrap();
        models.push(model);
        world.turn();
        let leave = rng.below(3) as usize;
        while world.waiting.len() > leave {
            let index = rng.below(world.waiting.len() as u64) as usize;
            world.perform(index);
            world.turn();
            let acked = |e: &StoreEvent| matches!(e, StoreEvent::Durable { .. });
            durable += world.events.drain(..).filter(acked).count();
            if rng.chance(20) {
                look_at_crashes(&world, durable, &models, &mut rng);
            }
        }
        models.drain(..durable);
        durable = 0;
    }
    let counters = world.store.counters();
    assert!(counters.checkpoints > 3 && counters.discarded_bytes > 12 * MIB, "{counters:?}");
}

#[test]
fn a_store_that_is_not_told_to_discards_nothing() {
    let mut world = World::new(64 * MIB, MIB as usize);
    churn(&mut world, &mut Model::new(), &mut Rng(5), 12, 1_000);
    world.run();
    assert!(world.store.counters().device_bytes > 64 * MIB);
    assert_eq!(world.store.counters().discarded_bytes, 0);
}

#[test]
fn nothing_waits_for_a_discard() {
    let (mut model, mut rng) = (Model::new(), Rng(6));
    let mut world = World::discarding(64 * MIB, MIB as usize);
    let mut held = Vec::new();
    // As full as it can be: every free segment counts.
    let mut token = 0;
    'fill: for index in 0.. {
        for part in 0..4 {
            let data = rng.bytes(MIB as usize / 4);
            let op = TxnOp::Write { o: name(index), offset: part * (MIB / 4), data };
            loop {
                world.turn();
                held.extend(world.waiting.extract_if(.., |e| is_discard(e)));
                match world.store.submit(vec![op.clone()].into(), token) {
                    Ok(()) => break,
                    Err(SubmitError::Full) => break 'fill,
                    Err(e) => assert_eq!(e, SubmitError::Busy),
                }
                assert!(!world.waiting.is_empty(), "busy: {}", world.store.space_line());
                world.perform(0);
            }
            apply_to_model(&mut model, &op);
            token += 1;
        }
    }
    let objects = model.len() as u64;
    for _ in 0..600 {
        let (o, offset) = (name(rng.below(objects - 1)), rng.below(64) * (MIB / 64));
        let op = TxnOp::Write { o, offset, data: rng.bytes(MIB as usize / 64) };
        loop {
            world.turn();
            held.extend(world.waiting.extract_if(.., |e| is_discard(e)));
            match world.store.submit(vec![op.clone()].into(), token) {
                Ok(()) => break,
                Err(e) => assert_eq!(e, SubmitError::Busy),
            }
            assert!(!world.waiting.is_empty(), "busy: {}", world.store.space_line());
            world.perform(0);
        }
        apply_to_model(&mut model, &op);
        token += 1;
    }
    assert_eq!(held.len(), 1, "one at a time");
    world.waiting.append(&mut held);
    world.run();
    assert!(world.contents() == model);
    world.assert_consistent("in the end");
}

fn is_discard(effect: &StoreEffect) -> bool {
    matches!(effect, StoreEffect::Discard { .. })
}

#[test]
fn a_device_that_refuses_is_asked_once() {
    let (mut model, mut rng) = (Model::new(), Rng(7));
    let mut world = World::discarding(64 * MIB, MIB as usize);
    while !world.waiting.iter().any(is_discard) {
        churn(&mut world, &mut model, &mut rng, 12, 1);
    }
    world.fault = Some(Box::new(|_, _| true));
    let before = world.store.counters().discarded_bytes;
    let index = world.waiting.iter().position(is_discard).unwrap();
    world.perform(index);
    world.fault = None;
    assert_eq!(refusals(&world), 1);
    churn(&mut world, &mut model, &mut rng, 12, 1_000);
    world.run();
    assert_eq!((refusals(&world), world.store.counters().discarded_bytes), (1, before));
    assert!(world.contents() == model);
    world.assert_consistent("without discards");
}
