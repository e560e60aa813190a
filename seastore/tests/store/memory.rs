//! What the store writes is put together in the memory that it is lent, once.

use crate::common::{Model, Rng, name};
use crate::world::{World, apply_to_model};
use bytes::Bytes;
use seastore::{StoreConfig, StoreEffect, TxnOp};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use types::node::{Heap, WriteMemory};

/// Remembers what it has joined lately.
#[derive(Default)]
struct Lent(RefCell<VecDeque<Bytes>>);

impl WriteMemory for Lent {
    fn join(&self, parts: &[&[u8]]) -> Bytes {
        let buf = Heap.join(parts);
        let mut lately = self.0.borrow_mut();
        lately.push_back(buf.clone());
        if lately.len() > 1000 {
            lately.pop_front();
        }
        buf
    }
}

/// The checkpoint's anchors are a block each, four in all, at the region's start.
const ANCHORS_MAX: u64 = 4;

/// Journal, cleaner and checkpoints; small writes and large ones that lie badly in memory.
#[test]
fn all_that_is_written_comes_from_the_memory_that_was_lent() {
    let plain = World::new(32 << 20, 1 << 20);
    let config = StoreConfig { nonce: 2, journal_bytes: 4 << 20, ..plain.config };
    let mut world = World::opened(plain.disk, config);
    let lent = Rc::new(Lent::default());
    world.store.use_memory(lent.clone());
    let foreign = Rc::new(RefCell::new(BTreeMap::<u64, u64>::new()));
    let (seen, found) = (lent.clone(), foreign.clone());
    world.fault = Some(Box::new(move |_, effect| {
        if let StoreEffect::Write { offset, buf, .. } = effect {
            let is_it = |b: &Bytes| b.as_ptr() == buf.as_ptr() && b.len() == buf.len();
            if !seen.0.borrow().iter().any(is_it) {
                *found.borrow_mut().entry(*offset).or_default() += buf.len() as u64;
            }
        }
        false
    }));
    world.mount().unwrap();
    let (mut model, mut rng) = (Model::new(), Rng(3));
    for token in 0..3_000 {
        let len = if rng.chance(20) { 40_000 } else { 4096 };
        let (o, offset) = (name(rng.below(12)), rng.below(200) * 4096);
        // Not at the start of a block of memory.
        let data = rng.bytes(len + 1).slice(1..);
        let op = TxnOp::Write { o, offset, data };
        apply_to_model(&mut model, &op);
        world.submit(vec![op], token).unwrap();
        world.turn();
        while world.waiting.len() > 4 {
            world.perform(0);
        }
    }
    world.run();
    let counters = world.store.counters();
    assert!(counters.checkpoints > 2 && counters.cleaner_bytes > 1 << 19, "{counters:?}");
    let foreign = foreign.borrow();
    assert!(foreign.len() as u64 <= ANCHORS_MAX, "{foreign:?}");
    assert!(foreign.values().all(|bytes| *bytes <= 4096 * (counters.checkpoints + 1)));
    assert!(world.contents() == model);
}

/// What lies well is written from where it is, in few pieces.
#[test]
fn large_aligned_data_are_not_copied() {
    const BYTES: usize = 3 << 20;
    let mut world = World::new(32 << 20, 1 << 20);
    let lent = Rc::new(Lent::default());
    world.store.use_memory(lent.clone());
    let data = Heap.join(&[&vec![7; BYTES]]);
    let op = TxnOp::Write { o: name(1), offset: 0, data: data.clone() };
    world.submit(vec![op], 1).unwrap();
    world.turn();
    let writes = world.waiting.iter().filter_map(|e| match e {
        StoreEffect::Write { buf, .. } => Some(buf),
        _ => None,
    });
    let in_place = writes.clone().filter(|buf| data.as_ptr_range().contains(&buf.as_ptr()));
    assert!(in_place.map(Bytes::len).sum::<usize>() > BYTES - (64 << 10));
    assert!(lent.0.borrow().iter().all(|joined| joined.len() < 64 << 10));
    // A segment holds 1 MiB: a record for each, and one for what its headers take, of two writes each.
    assert!(writes.clone().count() <= 8, "{}", writes.count());
    world.run();
    assert_eq!(world.read(&name(1), 0, BYTES as u64).unwrap(), data);
}
