//! Blocks of a quiet store rot, one at a time, and after each the store is mounted and looked at.

use crate::common::{BLOCK, Disk, Model, Rng, collections_object, long_run, name, seed_range};
use crate::world::{World, aged, apply_to_model, random_op};
use bytes::Bytes;
use seastore::*;
use std::collections::BTreeMap;
use types::HObject;

/// A store after checkpoints and with some journal behind the last one.
fn made(seed: u64) -> (Disk, StoreConfig, Model) {
    let mut world = World::new(32 << 20, 256 << 10);
    let (mut rng, mut model) = (Rng(21 + seed), Model::new());
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

/// What happened to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rot {
    /// One bit is another.
    Bit,
    /// The whole block reads as zeros: a write that was lost.
    Zeros,
    /// It holds what belongs elsewhere, and the other way round: writes that went astray.
    Swapped,
}
const ROTS: [Rot; 3] = [Rot::Bit, Rot::Zeros, Rot::Swapped];

/// Returns the blocks that hold something else now.
fn spoil(disk: &mut Disk, block: u64, rot: Rot, rng: &mut Rng) -> Vec<u64> {
    let old = disk.blocks[&block].clone();
    let mut new = old.to_vec();
    let mut spoilt = vec![block];
    match rot {
        Rot::Bit => new[rng.below(BLOCK as u64) as usize] ^= 1 << rng.below(8),
        Rot::Zeros => new.fill(0),
        Rot::Swapped => {
            let usable: Vec<u64> = usable_blocks(disk).collect();
            let other = usable[rng.below(usable.len() as u64) as usize];
            new.copy_from_slice(&disk.blocks[&other]);
            disk.blocks.insert(other, old.clone());
            spoilt.push(other);
        }
    }
    disk.blocks.insert(block, new.into());
    spoilt.retain(|b| *b != block || disk.blocks[b] != old);
    spoilt
}

fn rotten(disk: &Disk, block: u64, rng: &mut Rng) -> Disk {
    let mut disk = disk.clone();
    spoil(&mut disk, block, Rot::Bit, rng);
    disk
}

/// All that were written but the superblocks, which `probe` is about, and the last records, where
/// rot cannot be told from a torn write.
fn usable_blocks(disk: &Disk) -> impl Iterator<Item = u64> {
    let superblocks = [0, (32 << 20) / BLOCK as u64 - 1];
    let (first, end) = newest_records(disk);
    let usable = move |b: &u64| !superblocks.contains(b) && !(first..end).contains(b);
    disk.blocks.keys().copied().filter(usable)
}

/// Whether the offset is that of a spoilt block, or of a page of several blocks that has it.
fn names(device_offset: u64, spoilt: &[u64]) -> bool {
    let places = spoilt.iter().map(|b| b * BLOCK as u64);
    places.into_iter().any(|place| (device_offset..device_offset + (64 << 10)).contains(&place))
}

/// The error names a spoilt block, and the object that was looked at.
fn check_error(e: &ReadError, o: &HObject, spoilt: &[u64], what: &str) {
    let (object, device_offset) = match e {
        ReadError::Corrupt(Corrupt { object, device_offset, .. }) => (Some(object), device_offset),
        ReadError::Metadata { object, device_offset, page, error: None } => {
            assert_ne!(*page, 0, "{what}: {e}");
            (object.as_ref(), device_offset)
        }
        other => panic!("{what}: {other}"),
    };
    assert!(object.is_none_or(|found| **found == *o), "{what}: {o}: {e}");
    assert!(names(*device_offset, spoilt), "{what}: {e}");
}

/// Everything of every object is right or an error that names what is spoilt. How many errors.
fn look_at_all(world: &mut World, model: &Model, spoilt: &[u64], what: &str) -> u32 {
    let mut errors = 0;
    let objects = model.iter().filter(|(o, _)| **o != collections_object());
    for (o, expected) in objects {
        let mut note = |e: ReadError| {
            check_error(&e, o, spoilt, what);
            errors += 1;
        };
        match world.read(o, 0, u64::MAX) {
            Ok(data) => assert!(data == expected.data, "{what}: {o}"),
            Err(e) => note(e),
        }
        for (key, value) in expected.omap.iter().step_by(7) {
            let get = |s: &Store| Ok(s.omap_get(o, key)?.map(Bytes::copy_from_slice));
            match world.look(get) {
                Ok(found) => assert_eq!(found.as_ref(), Some(value), "{what}: {o}"),
                Err(e) => note(e),
            }
        }
        let xattrs = world.look(|s| {
            let mut pairs = BTreeMap::new();
            s.xattrs(o, &mut |k, v| {
                pairs.insert(Bytes::copy_from_slice(k), Bytes::copy_from_slice(v));
            })?;
            Ok(pairs)
        });
        match xattrs {
            Ok(found) => assert_eq!(found, expected.xattrs, "{what}: {o}"),
            Err(e) => note(e),
        }
    }
    errors
}

/// A transaction for every object that needs its metadata, its omap and old data. What is refused
/// names what is spoilt and leaves nothing behind.
fn change_all(world: &mut World, model: &mut Model, spoilt: &[u64], what: &str) {
    let all: Vec<HObject> = model.keys().cloned().collect();
    for (token, o) in all.into_iter().enumerate() {
        let o = ObjectName::from(o);
        let offset = model[&*o].data.len() as u64 / 2;
        let ops = [
            TxnOp::SetXattr { o: o.clone(), name: "new".into(), value: "value".into() },
            TxnOp::Touch { o: name(1000 + token as u64 * 8) },
            TxnOp::OmapSet { o: o.clone(), pairs: vec![("5".into(), "five".into())] },
            TxnOp::Write { o: o.clone(), offset, data: "spring".into() },
        ];
        world.submit(ops.to_vec(), token as u64).unwrap();
        world.run();
        let mut refused = false;
        for event in std::mem::take(&mut world.events) {
            match event {
                StoreEvent::Refused { error, .. } => {
                    check_error(&error, &o, spoilt, what);
                    refused = true;
                }
                StoreEvent::Failed(e) => panic!("{what}: {e}"),
                _ => {}
            }
        }
        if !refused {
            ops.iter().for_each(|op| apply_to_model(model, op));
        }
    }
}

/// Each block that was ever written, or some of them, is spoilt in one of three ways, in the long
/// run (`SEASTORE_SEEDS`) in all of them. A mount works or names it; what an access answers is right
/// or names it; a transaction is taken whole or refused; nothing else is lost.
#[test]
fn a_rotten_block_is_named_or_of_no_use() {
    let (mut refused, mut named, mut unused) = (0, 0, 0);
    for seed in seed_range(1) {
        let (disk, config, model) = made(seed);
        let mut rng = Rng(seed + 31);
        let start = if long_run() { 0 } else { rng.below(9) as usize };
        let stride = if long_run() { 1 } else { 9 };
        for (i, block) in usable_blocks(&disk).enumerate().skip(start).step_by(stride) {
            let ways = if long_run() { &ROTS[..] } else { &ROTS[(i / 9) % 3..][..1] };
            for rot in ways {
                let what = format!("seed {seed} block {block} {rot:?}");
                let mut disk = disk.clone();
                let spoilt = spoil(&mut disk, block, *rot, &mut rng);
                match look_at_spoilt(disk, config, model.clone(), &spoilt, &what) {
                    None => refused += 1,
                    Some(0) => unused += 1,
                    Some(_) => named += 1,
                }
            }
        }
    }
    println!("{refused} refused, {named} named, {unused} of no use");
    assert!(refused > 0 && named > 5 && unused > 5, "{refused} {named} {unused}");
}

/// A store whose journal changes pages that are spoilt, mounted to look at what is left: whoever is
/// not named as outdated is right or an error. How many are outdated, and how many are not.
fn look_at_what_is_left(
    disk: Disk,
    config: StoreConfig,
    mut model: Model,
    spoilt: &[u64],
    what: &str,
) -> (usize, usize) {
    let writes = disk.writes;
    let mut world = World::opened(disk, StoreConfig { salvage: true, ..config });
    world.mount().unwrap_or_else(|e| panic!("{what}: {e}"));
    let mut outdated = 0;
    for event in std::mem::take(&mut world.events) {
        let StoreEvent::Outdated { object, device_offset } = event else {
            panic!("{what}: {event:?}")
        };
        assert!(names(device_offset, spoilt), "{what}: {device_offset:#x}");
        assert!(model.remove(&*object).is_some(), "{what}: {object} twice");
        outdated += 1;
    }
    let left = model.keys().filter(|o| **o != collections_object()).count();
    look_at_all(&mut world, &model, spoilt, what);
    let touch = world.store.submit(vec![TxnOp::Touch { o: name(1) }].into(), 1);
    assert_eq!(touch, Err(SubmitError::Salvaged), "{what}");
    world.run();
    assert_eq!(world.disk.writes, writes, "{what}: it was written to");
    (outdated, left)
}

#[test]
fn what_no_change_of_the_journal_needs_is_left() {
    let (disk, config, model) = made(3);
    let (mut outdated, mut left) = (0, 0);
    for block in usable_blocks(&disk) {
        let mut rotten = disk.clone();
        let spoilt = spoil(&mut rotten, block, Rot::Bit, &mut Rng(block + 7));
        let refused = World::opened(rotten.clone(), config).mount().err();
        let part = CheckpointPart::Page;
        if !matches!(refused, Some(StoreError::CheckpointCorrupt { part: p, .. }) if p == part) {
            continue;
        }
        let what = format!("block {block}");
        let found = look_at_what_is_left(rotten, config, model.clone(), &spoilt, &what);
        assert!(found.0 > 0, "{what}: the mount was refused for nothing");
        outdated += found.0;
        left += found.1;
    }
    assert!(outdated > 10 && left > 10, "{outdated} {left}");
}

/// `None` if it cannot be mounted, else how many errors were met.
fn look_at_spoilt(
    disk: Disk,
    config: StoreConfig,
    mut model: Model,
    spoilt: &[u64],
    what: &str,
) -> Option<u32> {
    let mount = |world: &mut World| match world.mount() {
        Ok(_) => true,
        Err(
            e @ (StoreError::CheckpointCorrupt { device_offset, .. }
            | StoreError::JournalCorrupt { device_offset, .. }),
        ) => {
            // What is there twice is found in the other place.
            let twice = matches!(e, StoreError::CheckpointCorrupt { part, .. } if part != CheckpointPart::Page);
            assert!(!twice || spoilt.len() > 1, "{what}: {e}");
            // A record names its first block.
            let places = spoilt.iter().map(|b| b * BLOCK as u64);
            let near = |place| device_offset <= place && place < device_offset + (2 << 20);
            assert!(places.into_iter().any(near), "{what}: {device_offset:#x}");
            false
        }
        Err(e) => panic!("{what}: {e}"),
    };
    let mut world = World::opened(disk, config);
    if !mount(&mut world) {
        return None;
    }
    let errors = look_at_all(&mut world, &model, spoilt, what);
    change_all(&mut world, &mut model, spoilt, what);
    look_at_all(&mut world, &model, spoilt, what);
    assert!(world.store.failure().is_none(), "{what}");
    let config = StoreConfig { nonce: 99, ..config };
    let mut world = World::opened(world.disk, config);
    if mount(&mut world) {
        look_at_all(&mut world, &model, spoilt, what);
    }
    Some(errors)
}

/// Whatever a mount reads of the checkpoint has a checksum that the mount looks at: each part is
/// named when a block of it rots, whichever bit it is.
#[test]
fn a_mount_names_each_part_of_the_checkpoint() {
    let (disk, config, _) = made(0);
    let mut named = Vec::new();
    let part_of = |block: u64, n: u64| {
        let mut disk = disk.clone();
        spoil(&mut disk, block, Rot::Bit, &mut Rng(block * 8 + n));
        let mut world = World::opened(disk, config);
        let mounted = world.mount();
        let bad = world.events.iter().find_map(|e| match e {
            StoreEvent::BadCopy(bad) => Some((bad.part, bad.device_offset)),
            _ => None,
        });
        let (part, device_offset) = match mounted {
            Err(StoreError::CheckpointCorrupt { part, device_offset, copy_offset: None }) => {
                (part, device_offset)
            }
            _ => bad?,
        };
        assert_eq!(device_offset / BLOCK as u64, block, "{part:?}");
        Some(part)
    };
    for block in usable_blocks(&disk) {
        let Some(part) = part_of(block, 1) else { continue };
        named.push(part);
        for n in 2..10 {
            assert_eq!(part_of(block, n), Some(part), "block {block}");
        }
    }
    for part in [CheckpointPart::Root, CheckpointPart::PageTable, CheckpointPart::Page] {
        assert!(named.contains(&part), "{part:?} in {named:?}");
    }
}

/// Records rot while the cleaner goes through them: headers, changes and data.
#[test]
fn the_cleaner_passes_over_rot_and_says_so() {
    let mut found = 0;
    for seed in seed_range(2) {
        let what = format!("seed {seed}");
        let (mut world, mut model) = aged();
        let mut rng = Rng(seed);
        let segment = world.config.superblock.segment_bytes as u64 / BLOCK as u64;
        // Behind a superblock and two anchors.
        let origin = 3;
        let of_records = |block: u64| {
            let first = block.checked_sub(origin).map(|b| origin + b / segment * segment);
            first.and_then(|b| world.disk.blocks.get(&b)).is_some_and(|b| b[..4] == *b"KSr2")
        };
        let records: Vec<u64> = usable_blocks(&world.disk).filter(|b| of_records(*b)).collect();
        let is_header = |b: &&u64| world.disk.blocks[*b][..4] == *b"KSr2";
        let headers: Vec<u64> = records.iter().filter(is_header).copied().collect();
        let mut spoilt = Vec::new();
        for n in 0..200 {
            let from = if n % 4 == 0 { &headers } else { &records };
            let block = from[rng.below(from.len() as u64) as usize];
            if !spoilt.contains(&block) {
                let rot = ROTS[rng.below(2) as usize];
                spoilt.extend(spoil(&mut world.disk, block, rot, &mut rng));
            }
        }
        let before = world.store.counters().segments_cleaned;
        for step in 0..3_000 {
            if world.store.counters().segments_cleaned > before + 12 {
                break;
            }
            // Whole blocks, which need nothing old.
            let o = name(100 + rng.below(4));
            let (offset, data) = (rng.below(28) * 4096, rng.bytes(16_384));
            let op = TxnOp::Write { o, offset, data };
            apply_to_model(&mut model, &op);
            world.submit(vec![op], step).unwrap();
            world.run();
            for event in std::mem::take(&mut world.events) {
                match event {
                    StoreEvent::CorruptFound(c) => {
                        assert!(names(c.device_offset, &spoilt), "{what}: {c}");
                        found += 1;
                    }
                    StoreEvent::Durable { .. } | StoreEvent::Room => {}
                    other => panic!("{what}: {other:?}"),
                }
            }
        }
        assert!(world.store.counters().segments_cleaned > before + 12, "{what}: it does not clean");
        world.assert_consistent(&what);
        look_at_all(&mut world, &model, &spoilt, &what);
        // Records that a checkpoint has not passed are needed.
        let mut world = World::opened(world.disk, StoreConfig { nonce: 99, ..world.config });
        match world.mount() {
            Ok(_) => drop(look_at_all(&mut world, &model, &spoilt, &what)),
            Err(StoreError::JournalCorrupt { .. }) => {}
            Err(e) => panic!("{what}: {e}"),
        }
    }
    assert!(found > 0, "the cleaner met nothing");
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
    let (disk, config, model) = made(0);
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

/// Whatever writes a block in part needs what it held: rot is not written anew under a checksum
/// that fits it.
#[test]
fn a_rotten_block_that_is_written_in_part_refuses_the_transaction() {
    let mut world = World::new(32 << 20, 1 << 20);
    let (o, data) = (name(1), Rng(9).bytes(5 * BLOCK));
    world.submit(vec![TxnOp::Write { o: o.clone(), offset: 0, data: data.clone() }], 0).unwrap();
    world.run();
    // Later records say that the write was durable.
    for token in 1..3 {
        world.submit(vec![TxnOp::Touch { o: name(9) }], token).unwrap();
        world.run();
    }
    let is_third = |entry: &(&u64, &std::rc::Rc<[u8]>)| entry.1[..] == data[2 * BLOCK..3 * BLOCK];
    let place = *world.disk.blocks.iter().find(is_third).unwrap().0;
    let at = 2 * BLOCK as u64 + 100;
    let clone = |from_offset, to_offset| {
        let (o, to) = (o.clone(), name(2));
        TxnOp::CloneRange { o, to, from_offset, to_offset, len: 3000 }
    };
    for op in [
        TxnOp::Write { o: o.clone(), offset: at, data: "spring".into() },
        TxnOp::Zero { o: o.clone(), offset: at, len: 10 },
        TxnOp::Truncate { o: o.clone(), size: at },
        clone(at, 0),
        clone(at, at),
    ] {
        for rot in ROTS {
            let what = format!("{op:?} {rot:?}");
            let mut disk = world.disk.clone();
            let spoilt = spoil(&mut disk, place, rot, &mut Rng(4));
            let mut world = World::opened(disk, world.config).mounted();
            let first = TxnOp::SetXattr { o: o.clone(), name: "x".into(), value: "y".into() };
            world.submit(vec![first, op.clone()], 7).unwrap();
            world.run();
            let refused = world.events.iter().find_map(|e| match e {
                StoreEvent::Refused { token: 7, error } => Some(error.clone()),
                _ => None,
            });
            check_error(&refused.expect(&what), &o, &spoilt, &what);
            assert_eq!(world.look(|s| s.stat(&o)).unwrap().unwrap().xattr_count, 0, "{what}");
            assert!(!world.look(|s| s.exists(&name(2))).unwrap(), "{what}");
            let rest = world.read(&o, 3 * BLOCK as u64, u64::MAX);
            assert!(spoilt.len() > 1 || rest.unwrap() == data[3 * BLOCK..], "{what}");
        }
    }
}

/// Blocks of the journal behind the checkpoint: of headers, and all, without the newest record.
fn replayed_blocks(disk: &Disk) -> (Vec<u64>, Vec<u64>) {
    let u64_at = |b: &[u8], at: usize| u64::from_le_bytes(b[at..at + 8].try_into().unwrap());
    let u32_at = |b: &[u8], at: usize| u32::from_le_bytes(b[at..at + 4].try_into().unwrap());
    let anchors = disk.blocks.values().filter(|b| b[..4] == *b"KSa2");
    let (_, start) = anchors.map(|b| (u64_at(b, 32), u64_at(b, 40))).max().expect("an anchor");
    let (newest, _) = newest_records(disk);
    let is_record = |b: &[u8]| b[..4] == *b"KSr2" && b[42] & 8 == 0 && u64_at(b, 8) >= start;
    let records = disk.blocks.iter().filter(|(at, b)| **at != newest && is_record(b));
    let (mut headers, mut all) = (Vec::new(), Vec::new());
    for (at, b) in records {
        headers.push(*at);
        all.extend(*at..*at + u32_at(b, 72) as u64 + u32_at(b, 84) as u64);
    }
    (headers, all)
}

/// Up to 60 blocks of the journal rot, among them many headers. It is replayed to its end, and what
/// is read then is right or named, or the mount says that it is damaged: never is it shorter.
#[test]
fn a_journal_with_many_rotten_blocks_is_replayed_to_its_end_or_refused() {
    let (mut whole, mut refused) = (0, 0);
    for seed in seed_range(24) {
        let what = format!("seed {seed}");
        let mut rng = Rng(seed + 77);
        let begin = |seed| match seed % 3 {
            0 => aged(),
            _ => (World::new(32 << 20, 256 << 10), Model::new()),
        };
        let (mut world, mut model) = begin(seed);
        for step in 0..50 + rng.below(100) {
            let len_max = if rng.chance(8) { 200_000 } else { 20_000 };
            let mut ops = vec![random_op(&mut rng, 10, len_max)];
            if rng.chance(2) {
                ops.push(random_op(&mut rng, 6, 3_000));
            }
            ops.iter().for_each(|op| apply_to_model(&mut model, op));
            world.submit(ops, step).unwrap();
            if rng.chance(2) {
                world.run();
            }
        }
        world.run();
        // A last record, which says that all before it are durable.
        world.submit(vec![], 1).unwrap();
        world.run();
        let (headers, all) = replayed_blocks(&world.disk);
        if headers.is_empty() {
            continue;
        }
        let data_only = seed % 4 < 2;
        let mut spoilt = Vec::new();
        for n in 0..1 + rng.below(if seed % 2 == 0 { 4 } else { 60 }) {
            let from = if rng.chance(8) { &headers } else { &all };
            let block = from[rng.below(from.len() as u64) as usize];
            let skip = data_only && n > 0 && headers.contains(&block);
            if !skip && !spoilt.contains(&block) {
                let rot = ROTS[rng.below(2) as usize];
                spoilt.extend(spoil(&mut world.disk, block, rot, &mut rng));
            }
        }
        let mut world = World::opened(world.disk, StoreConfig { nonce: 99, ..world.config });
        match world.mount() {
            Ok(report) => {
                assert_eq!(report.records as usize, headers.len() + 1, "{what}");
                look_at_all(&mut world, &model, &spoilt, &what);
                whole += 1;
            }
            Err(StoreError::JournalCorrupt { device_offset, .. }) => {
                // That of a record, whose first block may be whole.
                assert!(headers.contains(&(device_offset / BLOCK as u64)), "{what}");
                refused += 1;
            }
            Err(e) => panic!("{what}: {e}"),
        }
    }
    println!("{whole} whole, {refused} refused");
    assert!(whole > 0 && refused > 0, "{whole} {refused}");
}
