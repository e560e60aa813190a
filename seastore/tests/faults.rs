//! Every I/O fails once; every block rots once.

mod common;
use common::*;
use seastore::*;

/// Writes, overwrites, checkpoints and cleaning on a small device. Stops at the first error.
fn workload(world: &mut World, seed: u64, steps: u64) -> Result<(), SubmitError> {
    let mut rng = Rng(seed);
    for step in 0..steps {
        let o = name(rng.below(20));
        let blocks = 1 + rng.below(30) as usize;
        let data = rng.bytes(4096 * blocks);
        let offset = 4096 * rng.below(30);
        let pairs = vec![(format!("{step:08}").into(), rng.bytes(100))];
        world.commit(vec![
            TxnOp::Write { o, offset, data },
            TxnOp::OmapSet { o: name(1000), pairs },
        ])?;
        if rng.chance(3) {
            world.run();
        }
    }
    world.run();
    Ok(())
}

#[test]
fn a_failed_write_fails_the_store_and_what_was_durable_is_there_after_reopening() {
    for n in (0..60).chain((60..900).step_by(41)) {
        let mut world = World::new(32 << 20);
        world
            .commit(vec![TxnOp::SetXattr { o: name(5), name: "k".into(), value: "v".into() }])
            .unwrap();
        world.run();
        world.events.clear();
        world.fault = Some(Box::new(move |io| io == n + 10));
        let outcome = workload(&mut world, n, 250);
        let failed = world.events.iter().any(|e| matches!(e, StoreEvent::Failed(_)));
        if let Some(error) = world.store.failure() {
            assert!(matches!(error, StoreError::WriteFailed { .. }), "{error}");
            assert!(failed);
            let again = world.store.submit(Transaction::new(), 1);
            assert_eq!(again, Err(SubmitError::Failed(error)));
            let read = world.store.read(&name(5), 0, 1, 1, &mut world.waiting);
            assert_eq!(read, Err(ReadError::Failed(error)));
        } else {
            // The I/O was one of the cleaner's reads, or there were fewer.
            assert_eq!(outcome, Ok(()), "io {n}");
        }
        world.fault = None;
        world.waiting.clear();
        let mut world = world.remounted();
        assert_eq!(world.store.xattr(&name(5), b"k"), Ok(Some(&b"v"[..])));
        world.assert_consistent();
        contents(&mut world);
    }
}

#[test]
fn a_failed_read_is_the_error_of_that_read_alone() {
    let mut world = World::new(32 << 20);
    let data = Rng(1).bytes(8192);
    world.commit(vec![TxnOp::Write { o: name(1), offset: 0, data: data.clone() }]).unwrap();
    world.run();
    let next = world.io_count;
    world.fault = Some(Box::new(move |io| io == next));
    let error = world.read(&name(1), 0, 8192).unwrap_err();
    assert!(matches!(error, ReadError::Io { ref object, .. } if *object == name(1)), "{error}");
    assert_eq!(world.read(&name(1), 0, 8192).unwrap(), data);
}

#[test]
fn a_failed_read_while_mounting_is_named() {
    let mut world = World::new(32 << 20);
    workload(&mut world, 5, 300).unwrap();
    let (disk, sb) = (world.disk, world.superblock);
    let mut probe = World::opened(disk.clone(), sb, 9);
    probe.mount().unwrap();
    // The first two are the anchors: without the newer one, the older one leads to what may have
    // been written over since. The last one is the first record of the new run.
    for n in 0..probe.io_count - 1 {
        let mut world = World::opened(disk.clone(), sb, 10);
        world.fault = Some(Box::new(move |io| io == n));
        match world.mount() {
            Err(StoreError::ReadFailed { .. } | StoreError::FlushFailed { .. }) => {}
            other => panic!("io {n}: {other:?}"),
        }
    }
}

#[test]
fn every_rotten_block_is_named_and_other_objects_stay_readable() {
    let mut world = World::new(32 << 20);
    workload(&mut world, 8, 120).unwrap();
    // The last record's own rot looks like a torn write; one more record vouches for it, and is
    // itself left out.
    let before: std::collections::BTreeSet<u64> = world.disk.blocks.keys().copied().collect();
    world.commit(vec![TxnOp::Touch { o: name(500) }]).unwrap();
    world.run();
    let good = contents(&mut world);
    let (disk, sb) = (world.disk, world.superblock);
    let (mut at_mount, mut at_read) = (0, 0);
    for block in before.iter().skip(2).copied().step_by(3) {
        let mut rotten = disk.clone();
        let bytes = std::rc::Rc::make_mut(rotten.blocks.get_mut(&block).unwrap());
        bytes[(block % 4096) as usize] ^= 0x40;
        let mut world = World::opened(rotten, sb, 11);
        match world.mount() {
            Err(
                StoreError::CheckpointCorrupt { .. }
                | StoreError::JournalCorrupt { .. }
                | StoreError::NoAnchor { .. },
            ) => {
                at_mount += 1;
                continue;
            }
            Err(e) => panic!("block {block}: {e}"),
            Ok(_) => {}
        }
        world.assert_consistent();
        let mut bad = 0;
        for (o, object) in &good {
            match world.read(o, 0, u64::MAX) {
                Ok(data) => assert!(data == object.data, "block {block}: {o} differs"),
                Err(ReadError::Corrupt(c)) => {
                    assert_eq!((&*c.object, c.device_offset), (o, block * 4096));
                    bad += 1;
                }
                Err(e) => panic!("block {block}: {e}"),
            }
            let found = metadata(&world.store, o);
            assert_eq!((found.omap, found.xattrs), (object.omap.clone(), object.xattrs.clone()));
        }
        assert!(bad <= 1, "block {block} is of one object");
        at_read += bad;
    }
    assert!(at_mount > 3 && at_read > 100, "{at_mount} {at_read}");
}

#[test]
fn garbage_instead_of_a_region_is_an_error_and_not_a_panic() {
    let (mut disk, sb) = World::format(32 << 20, 1);
    let mut rng = Rng(3);
    for block in 1..400 {
        disk.write(block * 4096, &rng.bytes(4096));
    }
    let mut world = World::opened(disk, sb, 1);
    assert!(matches!(world.mount(), Err(StoreError::NoAnchor { .. })));
}
