//! A store near full, under changes of every kind: the reserves always suffice.

use crate::age::Bench;
use crate::common::{long_run, name, seed_range};
use bytes::Bytes;
use seastore::*;

const OBJECTS: u64 = 60;

/// Weights of what a seed does: data, omap, xattrs, clones.
fn kinds(seed: u64) -> [u64; 4] {
    match seed % 4 {
        0 => [10, 1, 1, 1],
        1 => [1, 10, 1, 0],
        2 => [4, 4, 4, 4],
        _ => [2, 6, 0, 6],
    }
}

fn grow(b: &mut Bench, source: &Bytes, kinds: [u64; 4]) -> TxnOp {
    let o = name(b.rng.below(OBJECTS));
    let mut kind = b.rng.below(kinds.iter().sum());
    let index = kinds.iter().position(|weight| {
        let found = kind < *weight;
        kind = kind.saturating_sub(*weight);
        found
    });
    let cut = |len: u64, at: u64| source.slice(at as usize..(at + len) as usize);
    match index.expect("less than the sum") {
        0 => {
            let blocks = [1, 1, 1, 7, 64, 200][b.rng.below(6) as usize];
            let data = cut(blocks * 4096 - b.rng.below(2), b.rng.below(4096));
            TxnOp::Write { o, offset: b.rng.below(200) * 4096 + b.rng.below(2) * 100, data }
        }
        1 => {
            let (count, len) = ([1, 3, 10, 40, 300][b.rng.below(5) as usize], b.rng.below(900));
            let key = |b: &mut Bench| Bytes::from(format!("key {:06}", b.rng.below(5000)));
            let pairs = (0..count).map(|_| (key(b), cut(len, b.rng.below(4096)))).collect();
            TxnOp::OmapSet { o, pairs }
        }
        2 => {
            let value = cut(b.rng.below(3000), b.rng.below(4096));
            TxnOp::SetXattr { o, name: format!("x{}", b.rng.below(20)).into(), value }
        }
        _ => TxnOp::Clone { o, to: name(b.rng.below(OBJECTS)) },
    }
}

fn shrink(b: &mut Bench) -> TxnOp {
    let o = name(b.rng.below(OBJECTS));
    match b.rng.below(5) {
        0 => TxnOp::Truncate { o, size: b.rng.below(100 * 4096) },
        1 => TxnOp::OmapClear { o },
        2 => {
            let [first, last] = [1000, 3000].map(|k| Bytes::from(format!("key {k:06}")));
            TxnOp::OmapRemoveRange { o, first, last }
        }
        3 => TxnOp::Zero { o, offset: b.rng.below(100) * 4096, len: b.rng.below(60) * 4096 },
        _ => TxnOp::Remove { o },
    }
}

/// Grows until the store says that it is full, goes on for a while with what it still takes, shrinks
/// a little, and so on. The store may refuse as full; it may not wait for ever, run out of what it
/// kept for itself, or count wrongly.
#[test]
fn reserves_suffice_whatever_a_full_store_is_asked_for() {
    for seed in seed_range(4) {
        let megabytes = [40, 56, 80][seed as usize / 4 % 3];
        let cache = [2, 8][seed as usize / 2 % 2];
        let mut b = Bench::new(megabytes << 20, cache << 20);
        b.rng.0 ^= seed << 8;
        let source = b.rng.bytes(1 << 20);
        let kinds = kinds(seed);
        let depth = [1, 8, 32][b.rng.below(3) as usize];
        let mut refused = 0;
        for i in 0..if long_run() { 6000 } else { 1500 } {
            let shrinks = b.rng.below(100) < if refused > 20 { 60 } else { 4 };
            let op = if shrinks { shrink(&mut b) } else { grow(&mut b, &source, kinds) };
            match b.submit(op) {
                Ok(()) => refused -= (shrinks && refused > 0) as u32,
                Err(SubmitError::Full) => refused += 1,
                Err(other) => panic!("seed {seed}: {other:?}, {}", b.store.space_line()),
            }
            if i % depth == 0 {
                b.turn();
            }
        }
        b.run();
        b.assert_consistent();
    }
}

fn omap_set(object: u64, keys: std::ops::Range<u64>, value: &Bytes) -> TxnOp {
    let pair = |key| (Bytes::from(format!("key {key:08}")), value.clone());
    TxnOp::OmapSet { o: name(object), pairs: keys.map(pair).collect() }
}

/// A store without any data is as full as one with them.
#[test]
fn omaps_alone_fill_a_store_and_it_says_so() {
    let mut b = Bench::new(40 << 20, 8 << 20);
    let value = b.rng.bytes(800);
    let mut sets = 0;
    while b.submit(omap_set(sets % 7, 100 * sets..100 * sets + 100, &value)).is_ok() {
        sets += 1;
        b.turn();
    }
    assert!(sets > 100, "{sets}");
    assert_eq!(b.submit(omap_set(1, 0..2, &value)), Err(SubmitError::Full));
    for object in 0..7 {
        b.submit(TxnOp::Remove { o: name(object) }).unwrap();
    }
    b.run();
    for set in 0..50 {
        b.submit(omap_set(8, 100 * set..100 * set + 100, &value)).unwrap();
        b.turn();
    }
    b.run();
    b.assert_consistent();
}

/// An omap that is copied goes through the journal: what that takes is no surprise.
#[test]
fn copies_of_an_omap_are_counted() {
    let mut b = Bench::new(40 << 20, 8 << 20);
    let value = b.rng.bytes(800);
    for set in 0..40 {
        b.submit(omap_set(0, 100 * set..100 * set + 100, &value)).unwrap();
        b.turn();
    }
    let copy = |to| TxnOp::Clone { o: name(0), to: name(to) };
    let mut copies = 0;
    while b.refused == 0 && b.submit(copy(copies + 1)).is_ok() {
        copies += 1;
        b.run();
    }
    assert!((2..10).contains(&copies), "{copies} copies of 3 MiB");
    b.submit(TxnOp::Remove { o: name(1) }).unwrap();
    b.run();
    b.refused = 0;
    b.submit(copy(1)).unwrap();
    b.run();
    assert_eq!(b.refused, 0);
    b.assert_consistent();
}

/// Of an omap that is removed in the background one step may need more pages than the cache holds.
#[test]
fn garbage_that_is_larger_than_the_cache_goes() {
    let mut b = Bench::new(80 << 20, 1 << 20);
    let empty = b.store.statfs().available;
    let value = b.rng.bytes(12 << 10);
    for set in 0..150 {
        b.submit(omap_set(0, 10 * set..10 * set + 10, &value)).unwrap();
        b.turn();
    }
    b.submit(TxnOp::Remove { o: name(0) }).unwrap();
    for _ in 0..5_000 {
        b.turn();
    }
    b.assert_consistent();
    // What it took is there again, as soon as checkpoints have passed.
    let data = b.source.slice(..1 << 20);
    for _ in 0..20 {
        let written = TxnOp::Write { o: name(1), offset: 0, data: data.clone() };
        b.submit(written).unwrap();
        b.turn();
    }
    b.run();
    let left = empty - b.store.statfs().available;
    assert!(left < 5 << 20, "{left} of {}", (1500 * 12) << 10);
}
