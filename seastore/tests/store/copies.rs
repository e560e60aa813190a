//! Root and page table are on the device twice: either copy may rot.

use crate::common::{BLOCK, Disk, Model, Rng, name};
use crate::world::{World, apply_to_model, random_op};
use seastore::*;

fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(b[at..at + 4].try_into().unwrap())
}

/// Checkpoints, and a journal behind the last one.
fn made(zoned: bool) -> (World, Model) {
    let mut world = if zoned { World::zoned(256 << 10) } else { World::new(32 << 20, 256 << 10) };
    let (mut rng, mut model) = (Rng(61), Model::new());
    for step in 0..120 {
        let mut ops = vec![random_op(&mut rng, 10, 20_000)];
        let pairs = (0..10).map(|_| (format!("{}", rng.next()).into(), vec![1; 150].into()));
        ops.push(TxnOp::OmapSet { o: name(100), pairs: pairs.collect() });
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        world.submit(ops, step).unwrap();
        world.run();
    }
    assert!(world.store.counters().checkpoints > 1, "{}", world.store.space_line());
    (world, model)
}

/// The newest checkpoint's root and chunks of the page table: both blocks of each.
fn twice(disk: &Disk, config: &StoreConfig) -> Vec<(CheckpointPart, [u64; 2])> {
    // Behind superblock and anchors.
    let first = config.superblock.zones.map_or(3, |zones| 4 * zones.bytes / BLOCK as u64);
    let anchors = disk.blocks.values().filter(|b| b[..4] == *b"KSa2");
    let anchor = anchors.max_by_key(|b| u32_at(b, 32)).expect("an anchor");
    assert_eq!(u32_at(anchor, 68), 1, "the root has one block");
    let root = [64, 76].map(|at| first + u32_at(anchor, at) as u64);
    let mut found = vec![(CheckpointPart::Root, root)];
    let bytes = &disk.blocks[&root[0]];
    let chunks = 12 + 16 + 2 + 8 + 3 * 4 + 4 * 8 + 4;
    for i in 0..u32_at(bytes, chunks) as usize {
        let places = [0, 4].map(|at| u32_at(bytes, chunks + 4 + 12 * i + at));
        if places[0] != u32::MAX {
            found.push((CheckpointPart::PageTable, places.map(|place| first + place as u64)));
        }
    }
    found
}

fn spoil(disk: &mut Disk, block: u64, zeros: bool) {
    let mut bytes = disk.blocks[&block].to_vec();
    match zeros {
        true => bytes.fill(0),
        false => bytes[(block % BLOCK as u64) as usize] ^= 1 << (block % 8),
    }
    disk.blocks.insert(block, bytes.into());
}

/// What a check says of a store that is mounted to be looked at, which has all of `model`.
fn findings(disk: &Disk, config: StoreConfig, model: &Model) -> Vec<Finding> {
    let mut world = World::opened(disk.clone(), StoreConfig { salvage: true, ..config });
    world.mount().unwrap();
    assert!(world.contents() == *model);
    world.check()
}

fn bad_copies(world: &World) -> Vec<BadCopy> {
    let bad = world.events.iter().map(|e| match e {
        StoreEvent::BadCopy(bad) => *bad,
        other => panic!("{other:?}"),
    });
    bad.collect()
}

fn check_each_copy(zoned: bool) {
    let (world, model) = made(zoned);
    let (disk, config) = (world.disk, world.config);
    assert_eq!(findings(&disk, config, &model), []);
    let parts = twice(&disk, &config);
    assert!(parts.len() > 1);
    for (part, blocks) in parts {
        let [first, second] = blocks;
        assert!(first.abs_diff(second) >= 16, "{part}: {first} and {second}");
        assert_eq!(disk.blocks[&first], disk.blocks[&second]);
        for (copy, zeros) in [(0, false), (0, true), (1, false), (1, true)] {
            let what = format!("{part}, copy {copy}, zoned: {zoned}, zeros: {zeros}");
            let device_offset = blocks[copy] * BLOCK as u64;
            let mut rotten = disk.clone();
            spoil(&mut rotten, blocks[copy], zeros);
            let found = findings(&rotten, config, &model);
            assert_eq!(found.len(), 1, "{what}: {found:#?}");
            assert_eq!(found[0].device_offset, Some(device_offset), "{what}");
            assert_eq!(found[0].what, format!("a copy of the checkpoint's {part} is damaged"));

            // Who does not ask for the second copy does not know, and writes it anew in time.
            let mut world = World::opened(rotten.clone(), StoreConfig { nonce: 98, ..config });
            world.mount().unwrap_or_else(|e| panic!("{what}: {e}"));
            let bad = BadCopy { part, device_offset, error: None };
            assert_eq!(bad_copies(&world), [bad].split_at(1 - copy).0, "{what}");
            assert!(world.contents() == model, "{what}");
            assert_eq!(world.store.counters().checkpoints, 1 - copy as u64, "{what}");
            world.assert_consistent(&what);
            if copy == 0 {
                assert_eq!(findings(&world.disk, config, &model), [], "{what}");
                check_again(&world.disk, &config, &model, &what);
            }

            // Both are of no use.
            spoil(&mut rotten, blocks[1 - copy], !zeros);
            for salvage in [false, true] {
                let config = StoreConfig { salvage, ..config };
                let [device_offset, copy] = blocks.map(|block| block * BLOCK as u64);
                let copy_offset = Some(copy);
                let refused = StoreError::CheckpointCorrupt { part, device_offset, copy_offset };
                let mut world = World::opened(rotten.clone(), config);
                assert_eq!(world.mount().err(), Some(refused), "{what}");
            }
        }
    }
}

/// The same of a store with nothing behind its checkpoint, so that nothing else has a chunk written.
fn check_again(disk: &Disk, config: &StoreConfig, model: &Model, what: &str) {
    for (part, [first, _]) in twice(disk, config) {
        let mut rotten = disk.clone();
        spoil(&mut rotten, first, false);
        let mut world = World::opened(rotten, StoreConfig { nonce: 96, ..*config });
        world.mount().unwrap();
        assert_eq!(bad_copies(&world).len(), 1, "{what}, {part}");
        assert_eq!(findings(&world.disk, *config, model), [], "{what}, {part}");
    }
}

#[test]
fn either_copy_of_root_and_page_table_may_rot() {
    check_each_copy(false);
}

#[test]
fn either_copy_in_zones_may_rot() {
    check_each_copy(true);
}

/// The device refuses to read one copy, and then the other.
#[test]
fn a_copy_that_cannot_be_read_is_as_good_as_rotten() {
    let (world, model) = made(false);
    for (part, blocks) in twice(&world.disk, &world.config) {
        let [first, second] = blocks.map(|block| block * BLOCK as u64);
        for all in [false, true] {
            let config = StoreConfig { nonce: 97, ..world.config };
            let mut world = World::opened(world.disk.clone(), config);
            world.fault = Some(Box::new(move |_, effect| match effect {
                StoreEffect::Read { offset, .. } => *offset == first || all && *offset == second,
                _ => false,
            }));
            let mounted = world.mount();
            if all {
                assert!(
                    matches!(mounted, Err(StoreError::ReadFailed { device_offset, .. })
                        if device_offset == second),
                    "{part}: {mounted:?}"
                );
                continue;
            }
            mounted.unwrap();
            let bad = bad_copies(&world);
            assert!(bad.len() == 1 && bad[0].error.is_some(), "{bad:?}");
            assert_eq!((bad[0].part, bad[0].device_offset), (part, first));
            assert!(world.contents() == model, "{part}");
        }
    }
}

/// Copies of a few checkpoints in a row, as a cleaner that moves pages about leaves them: nothing is
/// counted twice or given up while it is named.
#[test]
fn chunks_and_roots_of_each_checkpoint_are_whole_twice() {
    let (mut world, mut model) = made(false);
    let mut rng = Rng(62);
    let mut seen = world.store.counters().checkpoints;
    for step in 0..600 {
        let op = random_op(&mut rng, 60, 30_000);
        apply_to_model(&mut model, &op);
        world.submit(vec![op], 1000 + step).unwrap();
        world.run();
        let checkpoints = world.store.counters().checkpoints;
        if checkpoints == seen {
            continue;
        }
        seen = checkpoints;
        for (part, [first, second]) in twice(&world.disk, &world.config) {
            assert!(first.abs_diff(second) >= 16, "{part}: {first} and {second}");
            let same = world.disk.blocks[&first] == world.disk.blocks[&second];
            assert!(same, "checkpoint {checkpoints}: {part} at {first} and {second}");
        }
        world.assert_consistent("behind a checkpoint");
    }
    assert!(seen > 5, "{seen} checkpoints");
    assert_eq!(findings(&world.disk, world.config, &model), []);
}
