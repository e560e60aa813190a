//! A store that fills up, is emptied, ages.

mod common;
use common::*;
use seastore::*;

const MIB: u64 = 1 << 20;

fn fill(world: &mut World, from: u64, bytes: usize) -> u64 {
    let mut rng = Rng(from);
    let mut n = from;
    loop {
        match world.commit(vec![TxnOp::Write { o: name(n), offset: 0, data: rng.bytes(bytes) }]) {
            Ok(()) => n += 1,
            Err(SubmitError::Full) => return n,
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn a_full_store_refuses_writes_takes_deletes_and_goes_on() {
    for bytes in [4096, 100_000, 700] {
        let mut world = World::new(if bytes < 4096 { 26 * MIB } else { 48 * MIB });
        let mut from = 0;
        for round in 0..3 {
            let end = fill(&mut world, from, bytes);
            world.assert_consistent();
            let stat = world.store.statfs();
            assert!(stat.available < bytes as u64 + 4096, "{stat:?}");
            assert!(stat.data * 2 > world.superblock.device_bytes || bytes < 4096, "{stat:?}");
            // Every second object goes, the rest stays whole.
            for n in (from..end).step_by(2) {
                world
                    .commit(vec![
                        TxnOp::Remove { o: name(n) },
                        TxnOp::OmapSet {
                            o: name(1 << 40),
                            pairs: vec![(format!("{:04}", n % 1000).into(), vec![1; 150].into())],
                        },
                    ])
                    .unwrap_or_else(|e| panic!("delete {n} of round {round}: {e}"));
            }
            world.run();
            world.assert_consistent();
            let mut rng = Rng(from);
            for n in from..end {
                let data = rng.bytes(bytes);
                if (n - from) % 2 == 1 && n % 37 == 0 {
                    assert_eq!(world.read(&name(n), 0, u64::MAX).unwrap(), data);
                }
            }
            for n in (from..end).filter(|n| (n - from) % 2 == 1) {
                world.commit(vec![TxnOp::Remove { o: name(n) }]).unwrap();
            }
            world.run();
            let stat = world.store.statfs();
            assert_eq!((stat.data, world.store.check()), (0, vec![]));
            from = end;
        }
        let mut world = world.remounted();
        assert!(fill(&mut world, from, bytes) > from);
        world.assert_consistent();
    }
}

#[test]
fn overwriting_ten_times_the_capacity_leaks_nothing() {
    let mut world = World::new(48 * MIB);
    let total = world.store.statfs().total;
    // 90% of what may be filled.
    let objects = total * 9 / 10 / (64 << 10);
    let mut rng = Rng(5);
    for n in 0..objects {
        let data = rng.bytes(64 << 10);
        world.commit(vec![TxnOp::Write { o: name(n), offset: 0, data }]).unwrap();
    }
    world.run();
    world.bytes_written = 0;
    let rounds = total * 10 / 4096;
    let mut written = 0;
    for i in 0..rounds {
        let data = rng.bytes(4096);
        written += data.len() as u64;
        let o = name(rng.below(objects));
        world.commit(vec![TxnOp::Write { o, offset: rng.below(16) * 4096, data }]).unwrap();
        if i % 16 == 0 {
            world.turn();
            while !world.waiting.is_empty() {
                world.perform(0);
            }
        }
        if i % (rounds / 5) == 0 {
            world.assert_consistent();
        }
    }
    world.run();
    world.assert_consistent();
    let stat = world.store.statfs();
    assert_eq!(stat.data, objects * (64 << 10));
    let amplification = world.bytes_written as f64 / written as f64;
    println!("write amplification {amplification:.2} at 90% of the limit");
    assert!(amplification < 12.0, "{amplification}");
    let before = contents(&mut world);
    let mut world = world.remounted();
    assert_eq!(contents(&mut world), before);
    world.assert_consistent();
}

/// The device refuses one read in three while the cleaner works.
#[test]
fn segments_that_could_not_be_read_once_are_cleaned_later() {
    let mut world = World::new(36 * MIB);
    let objects = world.store.statfs().total * 9 / 10 / (64 << 10);
    let mut rng = Rng(6);
    for n in 0..objects {
        let data = rng.bytes(64 << 10);
        world.commit(vec![TxnOp::Write { o: name(n), offset: 0, data }]).unwrap();
    }
    world.run();
    for _ in 0..world.store.statfs().total * 4 / 4096 {
        let data = rng.bytes(4096);
        let o = name(rng.below(objects));
        world.commit(vec![TxnOp::Write { o, offset: rng.below(16) * 4096, data }]).unwrap();
        world.turn();
        while let Some(effect) = world.waiting.first() {
            let refuse = matches!(effect, StoreEffect::Read { .. }) && rng.chance(3);
            world.fault = refuse.then(|| Box::new(|_| true) as _);
            world.perform(0);
        }
        world.fault = None;
    }
    world.run();
    world.assert_consistent();
}

#[test]
fn a_transaction_larger_than_a_segment_is_one() {
    // 1 GiB with 8 shards, the smallest usual device: 90 MiB in one transaction.
    let (disk, sb) = World::format(1 << 30, 8);
    let mut world = World::opened(disk, sb, 1);
    world.mount().unwrap();
    let data = Rng(9).bytes(90 << 20);
    let pairs = vec![("big".into(), Rng(10).bytes(400 << 10)), ("small".into(), "x".into())];
    let ops = vec![
        TxnOp::Touch { o: name(2) },
        TxnOp::Write { o: name(1), offset: 100, data: data.clone() },
        TxnOp::OmapSet { o: name(2), pairs: pairs.clone() },
    ];
    world.commit(ops).unwrap();
    world.turn();
    // A crash before the last record is durable: nothing of it.
    let mut partly = World::opened(world.disk.clone(), sb, 2);
    let records: Vec<_> = world
        .waiting
        .iter()
        .filter_map(|effect| match effect {
            StoreEffect::Write { offset, buf, .. } if buf[..4] == *b"KSre" => Some((*offset, buf)),
            _ => None,
        })
        .collect();
    assert!(records.len() > 90);
    for (offset, buf) in &records[..records.len() - 1] {
        partly.disk.write(*offset, buf);
    }
    partly.mount().unwrap();
    assert!(!partly.store.exists(&name(1)).unwrap() && !partly.store.exists(&name(2)).unwrap());
    partly.commit(vec![TxnOp::Touch { o: name(3) }]).unwrap();
    partly.run();
    let partly = partly.remounted();
    assert!(!partly.store.exists(&name(1)).unwrap() && partly.store.exists(&name(3)).unwrap());

    world.run();
    let mut world = world.remounted();
    assert_eq!(world.read(&name(1), 100, 90 << 20).unwrap(), data);
    for (key, value) in &pairs {
        assert_eq!(world.store.omap_get(&name(2), key), Ok(Some(&value[..])));
    }
    world.assert_consistent();
}

#[test]
fn small_appends_share_blocks() {
    let mut world = World::new(32 * MIB);
    for i in 0..40 {
        let o = name(i % 4);
        world
            .store
            .submit(vec![TxnOp::Write { o, offset: i * 90, data: Rng(i).bytes(90) }].into(), i)
            .unwrap();
    }
    world.turn();
    let Some(StoreEffect::Write { buf, .. }) = world.waiting.first() else { panic!("no record") };
    assert!(buf.len() <= 3 * 4096, "{}", buf.len());
    world.run();
    world.assert_consistent();
}

#[test]
fn an_aligned_overwrite_makes_one_extent_of_one_block() {
    let mut world = World::new(32 * MIB);
    world.commit(vec![TxnOp::Write { o: name(1), offset: 0, data: Rng(1).bytes(65536) }]).unwrap();
    world.run();
    world
        .commit(vec![TxnOp::Write { o: name(1), offset: 8192, data: Rng(2).bytes(4096) }])
        .unwrap();
    world.turn();
    let Some(StoreEffect::Write { buf, .. }) = world.waiting.first() else { panic!("no record") };
    assert_eq!(buf.len(), 8192, "header and deltas, and the data");
    world.run();
    let read = world.read(&name(1), 8192, 4096).unwrap();
    assert_eq!(read, Rng(2).bytes(4096));
}
