//! Blocks of a quiet store rot, one at a time, and after each the store is mounted and looked at.

use crate::common::{BLOCK, Disk, Model, Rng, name};
use crate::world::{World, apply_to_model, random_op};
use bytes::Bytes;
use seastore::*;
use std::collections::BTreeMap;

/// A store after checkpoints and with some journal behind the last one.
fn made() -> (Disk, StoreConfig, Model) {
    let mut world = World::new(32 << 20, 256 << 10);
    let (mut rng, mut model) = (Rng(21), Model::new());
    for step in 0..150 {
        let mut ops = vec![random_op(&mut rng, 10, 20_000)];
        let pairs = (0..10).map(|_| (format!("{}", rng.next()).into(), vec![1; 150].into()));
        let pairs = pairs.collect();
        ops.push(TxnOp::OmapSet { o: name(100), pairs });
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        world.submit(ops, step).unwrap();
        if step % 2 == 0 {
            world.run();
        }
    }
    world.run();
    assert!(world.store.counters().checkpoints > 1, "{}", world.store.space_line());
    (world.disk, world.config, model)
}

fn rotten(disk: &Disk, block: u64, rng: &mut Rng) -> Disk {
    let mut disk = disk.clone();
    let bytes = std::rc::Rc::make_mut(disk.blocks.get_mut(&block).unwrap());
    bytes[rng.below(BLOCK as u64) as usize] ^= 1 << rng.below(8);
    disk
}

/// Everything of every object that can be read; the errors of what cannot.
fn look_at_all(world: &mut World, model: &Model, block: u64) -> u32 {
    let mut errors = 0;
    let place = block * BLOCK as u64;
    let mut note = |e: ReadError| {
        // A page of several blocks is named by its first one.
        let (ReadError::Corrupt(Corrupt { device_offset, .. })
        | ReadError::Io { device_offset, .. }
        | ReadError::Metadata { device_offset, .. }) = e
        else {
            panic!("block {block}: {e}")
        };
        assert!(device_offset <= place && place < device_offset + (64 << 10), "block {block}: {e}");
        errors += 1;
    };
    for (o, expected) in model {
        match world.read(o, 0, u64::MAX) {
            Ok(data) => assert!(data == expected.data, "block {block}: {o}"),
            Err(e) => note(e),
        }
        for (key, value) in expected.omap.iter().step_by(7) {
            let get =
                |s: &seastore::Store| Ok(s.omap_get(o, key)?.map(bytes::Bytes::copy_from_slice));
            match world.look(get) {
                Ok(found) => assert_eq!(found.as_ref(), Some(value), "block {block}: {o}"),
                Err(e) => note(e),
            }
        }
        let xattrs = world.look(|s| {
            let mut pairs = Vec::new();
            s.xattrs(o, &mut |k, v| {
                pairs.push((Bytes::copy_from_slice(k), Bytes::copy_from_slice(v)))
            })?;
            Ok(pairs)
        });
        match xattrs {
            Ok(found) => {
                let found: BTreeMap<_, _> = found.into_iter().collect();
                assert_eq!(found, expected.xattrs, "block {block}: {o}");
            }
            Err(e) => note(e),
        }
    }
    errors
}

/// One flipped bit in each block that was ever written (`SEASTORE_SEEDS`), or in some of them. What
/// an access answers is right or names the block; a mount works or names it; nothing is lost but
/// what lies in the last records, where rot cannot be told from a torn write. Fails without the
/// checksum of data blocks.
#[test]
fn a_rotten_block_is_named_or_of_no_use() {
    let (disk, config, model) = made();
    let stride = if std::env::var("SEASTORE_SEEDS").is_ok() { 1 } else { 11 };
    let mut rng = Rng(31);
    let (mut refused, mut named, mut unused) = (0, 0, 0);
    let superblocks = [0, (32 << 20) / BLOCK as u64 - 1];
    let (first, end) = newest_records(&disk);
    for block in disk.blocks.keys().copied().step_by(stride) {
        if superblocks.contains(&block) || (first..end).contains(&block) {
            continue;
        }
        let mut world = World::opened(rotten(&disk, block, &mut rng), config);
        match world.mount() {
            Ok(_) => {}
            Err(
                StoreError::CheckpointCorrupt { device_offset }
                | StoreError::JournalCorrupt { device_offset, .. },
            ) => {
                let place = block * BLOCK as u64;
                assert!(device_offset <= place && place < device_offset + (2 << 20), "{block}");
                refused += 1;
                continue;
            }
            Err(e) => panic!("block {block}: {e}"),
        }
        match look_at_all(&mut world, &model, block) {
            0 => unused += 1,
            _ => named += 1,
        }
        // The store goes on.
        world.submit(vec![TxnOp::Touch { o: name(700) }], 0).unwrap();
        world.run();
        assert!(world.store.failure().is_none(), "block {block}");
    }
    println!("{refused} refused, {named} named, {unused} of no use");
    assert!(refused > 0 && named > 5 && unused > 5, "{refused} {named} {unused}");
}

/// The blocks of the record that was written last, by its sequence.
fn newest_records(disk: &Disk) -> (u64, u64) {
    let u64_at = |b: &[u8], at: usize| u64::from_le_bytes(b[at..at + 8].try_into().unwrap());
    let headers = disk.blocks.iter().filter(|(_, b)| b[..4] == *b"KSr2" && b[42] & 8 == 0);
    let (block, _) = headers.max_by_key(|(_, b)| u64_at(b, 8)).expect("a journal");
    (*block, *block + 64)
}

#[test]
fn one_copy_of_an_anchor_may_rot_and_not_both() {
    let (disk, config, model) = made();
    // Even, odd, even again, odd again.
    let anchors = disk.blocks.iter().filter(|(_, b)| b[..4] == *b"KSa2");
    let offsets: Vec<u64> = anchors.map(|(block, _)| block * BLOCK as u64).collect();
    assert_eq!(offsets.len(), 4);
    let mut rng = Rng(41);
    for (i, offset) in offsets.iter().copied().enumerate() {
        let one = rotten(&disk, offset / BLOCK as u64, &mut rng);
        let mut world = World::opened(one.clone(), config);
        world.mount().unwrap();
        assert!(world.contents() == model, "copy {i}");
        for (k, other) in offsets.iter().copied().enumerate().filter(|(k, _)| *k != i) {
            let two = rotten(&one, other / BLOCK as u64, &mut rng);
            let mut world = World::opened(two, config);
            match world.mount() {
                Ok(_) => assert!(i % 2 != k % 2, "copies {i} and {k}"),
                Err(StoreError::NoAnchor { device_offsets }) => {
                    assert_eq!(i % 2, k % 2);
                    assert!(device_offsets.contains(&offset) && device_offsets.contains(&other));
                }
                Err(e) => panic!("{e}"),
            }
        }
    }
}

/// 3200 objects, the half of them clones, made with the smallest cache.
fn many() -> World {
    let mut world = World::new(64 << 20, 0);
    for n in 0..1600 {
        let o = name(n);
        let pairs = vec![(Bytes::from_static(b"k"), vec![b'v'; 200].into())];
        let ops = vec![
            TxnOp::Write { o: o.clone(), offset: 0, data: vec![n as u8; 4096].into() },
            TxnOp::OmapSet { o: o.clone(), pairs },
            TxnOp::Clone { o, to: name(n + 10_000) },
        ];
        world.submit(ops, n).unwrap();
        if n % 100 == 0 {
            world.run();
        }
    }
    world.run();
    world
}

/// A check names each rotten page by its address, and what is lost with it, and goes on.
#[test]
fn a_check_names_what_is_rotten_and_goes_on() {
    let world = many();
    let (disk, config) = (world.disk, world.config);
    let mut rng = Rng(51);
    let (mut named, mut objects, mut lost) = ([0; 4], [0; 4], 0);
    let pages = disk.blocks.iter().filter(|(_, b)| b[..4] == *b"KSpg");
    let pages: Vec<(u64, u8)> = pages.map(|(block, b)| (*block, b[8])).collect();
    for (block, kind) in pages.into_iter().step_by(5) {
        let kind = kind as usize;
        if named[kind] == 3 {
            continue;
        }
        let mut world = World::opened(rotten(&disk, block, &mut rng), config);
        if world.mount().is_err() {
            // The replay needs it.
            continue;
        }
        let findings = world.check();
        if findings.is_empty() {
            // An older form of the page, which nobody reads.
            continue;
        }
        let wanted = "does not match its checksum";
        let of_page =
            |f: &&Finding| f.device_offset == Some(block * BLOCK as u64) && f.what.contains(wanted);
        let found = findings.iter().find(of_page);
        let found = found.unwrap_or_else(|| panic!("{block}: {findings:#?}"));
        named[kind] += 1;
        objects[kind] += findings.iter().filter(|f| f.object.is_some()).count();
        lost += found.what.contains("; the objects ") as usize;
    }
    assert!(named[1..].iter().all(|n| *n > 0), "{named:?}");
    // Objects below a lost LBA or omap page are named; those of a lost onode page lie between two.
    assert!(objects[2] >= 2 * named[2] && objects[3] >= named[3], "{named:?} {objects:?}");
    assert_eq!(lost, named[1]);
}

/// More objects than a window of the check takes.
#[test]
fn a_check_in_windows_within_the_budget() {
    let mut world = many().remounted();
    let before = world.store.counters().page_reads;
    world.assert_consistent("in windows");
    let reads = world.store.counters().page_reads - before;
    let pages = world.store.statfs().metadata / BLOCK as u64;
    // Onode pages more than once, and no page for each object that needs it.
    assert!(reads > pages && reads < 5 * pages, "{reads} reads of {pages} pages");
}
