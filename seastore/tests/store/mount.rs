//! What a mount reads of the journal, and how much of it at a time.

use crate::common::{BLOCK, Rng, name};
use crate::world::World;
use bytes::Bytes;
use seastore::*;

/// Segments of 4 MiB, in which records have up to 512 KiB; no checkpoint before 256 MiB of journal.
fn world() -> World {
    World::new(8 << 30, 64 << 20)
}

fn write(world: &mut World, n: u64, offset: u64, len: usize) {
    let data = Rng(n ^ offset).bytes(len);
    world.submit(vec![TxnOp::Write { o: name(n), offset, data }], n).unwrap();
    world.run();
}

/// Not mounted yet, with all reads of the mount under way at once counted.
struct Counted {
    world: World,
    reads: Vec<(u64, usize)>,
    under_way_max: usize,
}

/// Mounts, with device requests answered in the order in which they were made.
fn mount_counted(world: World) -> Counted {
    let config = StoreConfig { nonce: 99, ..world.config };
    let mut world = World::opened(world.disk, config);
    world.store.mount(&mut world.waiting);
    let (mut reads, mut under_way_max) = (Vec::new(), 0);
    let read_of = |effect: &StoreEffect| match effect {
        StoreEffect::Read { offset, len, .. } => Some((*offset, *len)),
        _ => None,
    };
    while !world.waiting.is_empty() {
        let under_way = world.waiting.iter().filter_map(read_of).map(|(_, len)| len).sum();
        under_way_max = under_way_max.max(under_way);
        reads.extend(read_of(&world.waiting[0]));
        world.perform(0);
    }
    assert!(world.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_))));
    Counted { world, reads, under_way_max }
}

/// Records of 400 KiB: their data lie far apart, and later records say that they are durable.
#[test]
fn a_mount_passes_over_data() {
    let mut world = world();
    for n in 0..100 {
        write(&mut world, n, 0, 100 * BLOCK);
    }
    let written = 100 * 100 * BLOCK;
    let mut counted = mount_counted(world);
    let read: usize = counted.reads.iter().map(|(_, len)| len).sum();
    // Headers and what comes with them; the rest of the last segment, and the next one.
    assert!(read < written / 2, "{read} of {written}");
    for n in 0..100 {
        let data = counted.world.read(&name(n), 0, u64::MAX).unwrap();
        assert_eq!(data, Rng(n).bytes(100 * BLOCK));
    }
}

/// Many small records are read ahead, in large pieces, and not without bound.
#[test]
fn a_mount_reads_ahead_so_much_and_no_more() {
    let mut world = world();
    for n in 0..3000 {
        write(&mut world, n % 50, n / 50 * BLOCK as u64, 2 * BLOCK);
    }
    let written = 3000 * 3 * BLOCK;
    let expected = world.contents();
    let mut counted = mount_counted(world);
    assert!((2 << 20..=6 << 20).contains(&counted.under_way_max), "{}", counted.under_way_max);
    assert!(written > 2 * counted.under_way_max);
    let read: usize = counted.reads.iter().map(|(_, len)| len).sum();
    assert!(read < written + (8 << 20), "{read} of {written}");
    assert!(counted.reads.len() < 200, "{} reads", counted.reads.len());
    assert!(counted.world.contents() == expected);
}

/// The device refuses a block for good. In data that were durable that is the affair of their object;
/// a record's first block names where the journal is damaged.
#[test]
fn a_block_of_the_journal_that_cannot_be_read() {
    let mut world = world();
    for n in 0..20 {
        write(&mut world, n, 0, 20 * BLOCK);
    }
    // Headers, but for the last record, which nobody says was durable.
    let headers = world.disk.blocks.iter().filter(|(_, b)| b[..4] == *b"KSr2");
    let headers: Vec<u64> = headers.map(|(block, _)| *block).collect();
    assert_eq!(headers.len(), 21, "an empty record, and one for each write");
    for (n, header) in headers.iter().enumerate().take(20).skip(1) {
        for of_header in [false, true] {
            let bad = (header + if of_header { 0 } else { 5 }) * BLOCK as u64;
            let mut after = World::opened(world.disk.clone(), world.config);
            after.fault = Some(Box::new(move |_, effect| match effect {
                StoreEffect::Read { offset, len, .. } => {
                    (*offset..*offset + *len as u64).contains(&bad)
                }
                _ => false,
            }));
            let mounted = after.mount();
            if of_header {
                let Err(StoreError::ReadFailed { device_offset, .. }) = mounted else {
                    panic!("{mounted:?}")
                };
                assert_eq!(device_offset, bad);
                continue;
            }
            assert_eq!(mounted.unwrap().records, 21);
            for k in 0..20 {
                let read = after.read(&name(k), 0, u64::MAX);
                if k == n as u64 - 1 {
                    let Err(ReadError::Io { device_offset, .. }) = read else { panic!("{read:?}") };
                    assert!(device_offset <= bad, "{device_offset:#x}");
                } else {
                    assert_eq!(read.unwrap(), Rng(k).bytes(20 * BLOCK));
                }
            }
        }
    }
}

/// Keys of omaps fill the journal slowly and take long to replay: a checkpoint does not wait for it to
/// be full.
#[test]
fn a_mount_has_not_too_many_steps_to_replay() {
    let mut world = world();
    let keys: Vec<_> = (0..1000).map(|n| bytes::Bytes::from(format!("{n:04}"))).collect();
    let mut checkpoints = 0;
    let mut steps = 0;
    while checkpoints < 2 {
        let o = name(8 * (steps / 1000 % 10));
        let pairs = keys.iter().map(|k| (k.clone(), k.clone())).collect();
        world.submit(vec![TxnOp::OmapSet { o, pairs }], 0).unwrap();
        world.run();
        steps += 1000;
        if world.store.counters().checkpoints > checkpoints {
            checkpoints += 1;
            assert!((240_000..260_000).contains(&steps), "{steps}");
            steps = 0;
        }
        assert!(steps < 400_000, "no checkpoint");
    }
    let mut world = world.remounted();
    assert_eq!(world.metadata(&name(8)).omap.len(), 1000);
}

fn omap_set(n: u64, value_bytes: usize) -> TxnOp {
    let pairs = vec![(Bytes::from_static(b"key"), Bytes::from(vec![n as u8; value_bytes]))];
    TxnOp::OmapSet { o: name(n), pairs }
}

/// Omaps of one key each, all in a checkpoint. The journal is short, and as long as it can be from
/// now on.
fn with_omaps(objects: u64, value_bytes: usize) -> World {
    let world = World::new(16 << 30, 1 << 30);
    let plain = world.config;
    let mut world = World::opened(world.disk, StoreConfig { journal_bytes: 1, nonce: 5, ..plain });
    world.mount().unwrap();
    let all: Vec<u64> = (0..objects).collect();
    for some in all.chunks(20).cycle() {
        world.submit(some.iter().map(|n| omap_set(*n, value_bytes)).collect(), 0).unwrap();
        world.run();
        if some[0] == 0 && world.store.counters().checkpoints > 0 {
            break;
        }
    }
    let mut world = World::opened(world.disk, StoreConfig { nonce: 6, ..plain });
    world.mount().unwrap();
    world
}

/// Each change needs two pages that are not in memory, and only the first one names the second.
#[test]
fn a_mount_asks_for_pages_long_before_their_turn() {
    const OBJECTS: u64 = 2000;
    let mut world = with_omaps(OBJECTS, 1500);
    for i in 0..OBJECTS {
        world.submit(vec![omap_set(i * 1009 % OBJECTS, 1500)], 0).unwrap();
        if i % 32 == 0 {
            world.run();
        }
    }
    world.run();
    assert_eq!(world.store.counters().checkpoints, 0);
    let config = StoreConfig { nonce: 7, ..world.config };
    let mut world = World::opened(world.disk, config);
    world.store.mount(&mut world.waiting);
    // All that is under way is answered before anything is asked for again.
    let (mut rounds, mut pages) = (0, 0);
    while !world.waiting.is_empty() {
        rounds += 1;
        for _ in 0..world.waiting.len() {
            pages += matches!(world.waiting[0], StoreEffect::Read { len: BLOCK, .. }) as usize;
            world.perform(0);
        }
    }
    assert!(world.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_))));
    assert!((1000..3000).contains(&pages), "{pages} pages");
    assert!(rounds < 60, "{rounds} rounds for {pages} pages");
}

/// Few changes each, but a page that a replay has to read: a checkpoint waits for neither the journal
/// nor the cache to be full.
#[test]
fn a_mount_has_not_too_many_pages_to_read() {
    const OBJECTS: u64 = 27_000;
    let mut world = with_omaps(OBJECTS, 2100);
    let all: Vec<u64> = (0..OBJECTS).collect();
    let mut changed = 0;
    for some in all.chunks(20) {
        world.submit(some.iter().map(|n| omap_set(*n, 2100)).collect(), 0).unwrap();
        world.run();
        changed += some.len();
        if world.store.counters().checkpoints > 0 {
            break;
        }
    }
    assert!((15_000..25_000).contains(&changed), "{changed} pages");
}
