//! What zones ask for: order, resets, anchors behind each other, and what a crash leaves at a write
//! pointer. The virtual disk refuses what a zoned device refuses, so every test of it shows that.

use crate::common::*;
use crate::crash::look_at_crashes;
use crate::world::{World, apply_to_model};
use bytes::Bytes;
use seastore::*;
use types::zone::{ZoneOp, ZoneState, ZoneTraits};

const CACHE: usize = 256 << 10;
/// Anchors are in the first two zones of the region, behind two of superblocks.
const ANCHORS: u64 = 2 * ZONES.bytes;
const SEGMENTS: u64 = 4 * ZONES.bytes;

fn block(n: u64, seed: u64) -> Vec<TxnOp> {
    vec![TxnOp::Write { o: name(n), offset: 0, data: Rng(seed).bytes(4096) }]
}
fn written(world: &World, offset: u64) -> u64 {
    world.disk.report(offset, ZONES.bytes)[0].written
}
/// The journal's write under way: offset and bytes.
fn under_way(world: &World) -> (u64, Bytes) {
    match &world.waiting[..] {
        [StoreEffect::Write { offset, buf, durable: true, .. }] => (*offset, buf.clone()),
        other => panic!("{other:?}"),
    }
}
fn mount(disk: Disk, world: &World, nonce: u64) -> Result<World, StoreError> {
    let mut after = World::opened(disk, StoreConfig { nonce, ..world.config });
    after.mount().map(|_| after)
}

#[test]
fn probe_and_mkfs_know_zones() {
    let (disk, sb) = format_zoned(26);
    assert_eq!(sb.zones, Some(ZoneTraits { active_max: 6, ..ZONES }));
    assert_eq!((sb.segment_count(), sb.segment_bytes as u64), (26, ZONES.capacity));
    let [first, second] = zoned_superblock_offsets(ZONES.bytes).map(|at| disk.read(at, BLOCK));
    let zeros = vec![0; BLOCK];
    assert_eq!(probe(sb.device_bytes, &first, &zeros), Ok(sb));
    assert_eq!(probe(sb.device_bytes, &zeros, &second), Ok(sb));
    assert_eq!(first[20], 8, "a program that writes in place knows 7 only");
    let plan = |zones, zone_count: u64, shards| {
        let device_bytes = zone_count * ZONES.bytes;
        mkfs_plan(&MkfsParams { zones: Some(zones), ..params(device_bytes, shards) }).map(drop)
    };
    assert_eq!(plan(ZONES, 28, 1), Ok(()));
    let needed = 28 * ZONES.bytes;
    let device_bytes = 27 * ZONES.bytes;
    assert_eq!(plan(ZONES, 27, 1), Err(MkfsError::TooSmall { device_bytes, needed }));
    assert_eq!(plan(ZONES, 54, 2), Ok(()));
    let few = MkfsError::ActiveZones { shards: 4, active_max: 14 };
    assert_eq!(plan(ZONES, 200, 4), Err(few));
    assert_eq!(plan(ZoneTraits { active_max: 0, ..ZONES }, 200, 4), Ok(()));
    assert_eq!(MkfsParams::shards_for(&ZONES, 200 * ZONES.bytes), 2);
    assert_eq!(MkfsParams::shards_for(&ZONES, 40 * ZONES.bytes), 1);
    for odd in [
        ZoneTraits { bytes: 3 << 20, ..ZONES },
        ZoneTraits { capacity: ZONES.bytes + 4096, ..ZONES },
        ZoneTraits { capacity: 512 << 10, ..ZONES },
    ] {
        let refused = MkfsError::Zones { bytes: odd.bytes, capacity: odd.capacity };
        assert_eq!(plan(odd, 100, 1), Err(refused));
    }
}

#[test]
fn two_shards_share_the_zones_that_may_be_active() {
    let (mut disk, sb) = format_zones(ZONES, 60, 2);
    let mut rng = Rng(3);
    for round in 0..6 {
        let mut world = World::opened(disk, StoreConfig::new(sb, round % 2, round as u64 + 1));
        world.mount().unwrap();
        // More than the shard holds, so that it is cleaned.
        for _ in 0..400 {
            let (o, offset) = (name(rng.below(8)), rng.below(12) * 65536);
            world.submit(vec![TxnOp::Write { o, offset, data: rng.bytes(65536) }], 0).unwrap();
            if rng.chance(3) {
                world.turn();
            }
        }
        world.run();
        world.assert_consistent("a shard of two");
        disk = world.disk;
    }
}

/// Objects 0 to 2, each durable.
fn with_three_objects() -> World {
    let mut world = World::zoned(CACHE);
    for n in 0..3 {
        world.submit(block(n, n), n).unwrap();
        world.run();
    }
    world
}

/// The first sectors of a write are all that a crash leaves of it.
fn write_first(disk: &mut Disk, offset: u64, buf: &[u8], sectors: usize) {
    let mut n = 0;
    disk.write_torn(offset, buf, || {
        n += 1;
        n > 1 && n <= sectors + 1
    });
}

/// What is written after a mount that passed object 3 over is there after another one, and object 3
/// is not.
fn assert_torn_is_void(mut after: World, what: &str) {
    for n in 4..8 {
        after.submit(block(n, n), n).unwrap();
        after.run();
    }
    let before = after.contents();
    assert!(before.contains_key(&*name(7)) && !before.contains_key(&*name(3)));
    let mut again = after.remounted();
    assert!(again.contents() == before, "{what}");
    again.assert_consistent("after two mounts");
}

/// The zone before cannot be written where the journal ended. What a crash left there, a header that
/// is whole and data that are not, must not be taken for a durable record that has rotten since.
#[test]
fn a_torn_record_at_the_write_pointer_is_void_and_the_journal_goes_on_in_the_next_zone() {
    let mut world = with_three_objects();
    world.submit(block(3, 3), 3).unwrap();
    world.turn();
    let (offset, buf) = under_way(&world);
    assert_eq!(buf.len(), 2 * BLOCK);
    for (sectors, kept) in [(8, 8), (8, 5), (16, 12), (11, 11), (16, 3)] {
        // So many sectors came to the device, of which so many hold what was written.
        let mut disk = world.disk.clone();
        let mut torn = vec![0; buf.len()];
        torn[..kept * 512].copy_from_slice(&buf[..kept * 512]);
        write_first(&mut disk, offset, &torn, sectors);
        assert_eq!(
            disk.report(offset / ZONES.bytes * ZONES.bytes, ZONES.bytes)[0].written,
            offset % ZONES.bytes + sectors as u64 * 512
        );
        let mut after = mount(disk, &world, 5).unwrap();
        let next = (offset / ZONES.bytes + 1) * ZONES.bytes;
        after.run();
        assert!(written(&after, next) > 0, "{sectors} sectors, {kept}: not in the next zone");
        assert_torn_is_void(after, &format!("{sectors} sectors, {kept}"));
    }
}

/// What a crash left of a record ends within a block, and no mount reads that before the zone is
/// finished. Then it can turn out to hold all of a short record, which has another in its place by
/// now.
#[test]
fn a_record_that_comes_to_light_when_its_zone_is_finished_has_no_say() {
    let mut world = with_three_objects();
    world.submit(vec![TxnOp::Touch { o: name(3) }], 3).unwrap();
    world.turn();
    let (offset, buf) = under_way(&world);
    assert_eq!(buf.len(), BLOCK);
    for sectors in 1..8 {
        let mut disk = world.disk.clone();
        write_first(&mut disk, offset, &buf, sectors);
        let mut after = mount(disk, &world, 5).unwrap();
        after.run();
        // Nothing has been acknowledged since, so that either may count.
        let mut again = mount(after.disk.clone(), &world, 6).unwrap();
        again.assert_consistent("after two mounts and no write");
        assert_torn_is_void(after, &format!("{sectors} sectors"));
    }
}

/// What a crash left of a record, a whole header and data up to the write pointer, is behind the
/// records of a segment that is cleaned later: there is no more of it to read.
#[test]
fn a_segment_that_ends_with_a_torn_record_is_cleaned() {
    let mut world = with_three_objects();
    let data = Rng(3).bytes(5 * 4096);
    world.submit(vec![TxnOp::Write { o: name(3), offset: 0, data }], 3).unwrap();
    world.turn();
    let (offset, buf) = under_way(&world);
    assert_eq!(buf.len(), 6 * BLOCK);
    let mut disk = world.disk.clone();
    write_first(&mut disk, offset, &buf, 24);
    let zone = offset / ZONES.bytes * ZONES.bytes;
    assert_eq!(disk.report(zone, ZONES.bytes)[0].written, offset - zone + 3 * BLOCK as u64);
    let mut after = mount(disk, &world, 5).unwrap();
    let mut rng = Rng(7);
    let mut rounds = 0;
    while written(&after, zone) >= offset - zone {
        let (o, at) = (name(10 + rng.below(16)), rng.below(12) * 65536);
        after.submit(vec![TxnOp::Write { o, offset: at, data: rng.bytes(65536) }], 0).unwrap();
        after.run();
        rounds += 1;
        assert!(rounds < 2000, "the segment is never free");
    }
    let before = after.contents();
    assert!((0..3).all(|n| before.contains_key(&*name(n))) && !before.contains_key(&*name(3)));
    let mut again = after.remounted();
    assert!(again.contents() == before);
    again.assert_consistent("after the segment was cleaned");
}

/// A device that takes long to finish zones: new ones are begun only as others are done.
#[test]
fn no_more_zones_are_begun_than_the_device_allows() {
    let mut world = World::zoned(CACHE);
    let finish =
        |effect: &StoreEffect| matches!(effect, StoreEffect::Zone { op: ZoneOp::Finish, .. });
    let mut rng = Rng(4);
    let mut most = 0;
    for n in 0..1500 {
        // Long headers, for which there is often no room at a zone's end.
        let (o, value) = (name(n % 5), rng.bytes(9000));
        let xattr = TxnOp::SetXattr { o: o.clone(), name: "long".into(), value };
        let write = TxnOp::Write { o, offset: rng.below(40) * 4096, data: rng.bytes(4096) };
        world.submit(vec![xattr, write], n).unwrap();
        world.turn();
        while let Some(at) = world.waiting.iter().position(|effect| !finish(effect)) {
            world.perform(at);
            world.turn();
        }
        most = most.max(world.waiting.len());
    }
    world.run();
    assert!(most > 2, "{most} zones waited to be finished");
    world.assert_consistent("after zones that took long");
}

/// A whole record that was not acknowledged is taken, and the journal goes on behind it.
#[test]
fn the_journal_goes_on_at_the_write_pointer() {
    let mut world = World::zoned(CACHE);
    world.submit(block(1, 1), 0).unwrap();
    world.run();
    let at = written(&world, SEGMENTS);
    let mut world = world.remounted();
    world.run();
    world.submit(block(2, 2), 0).unwrap();
    world.run();
    assert!(written(&world, SEGMENTS) > at);
    assert_eq!(written(&world, SEGMENTS + ZONES.bytes), 0);
}

/// So many checkpoints that both zones of anchors are full. Crashes while the zones change find one
/// anchor or the other.
#[test]
fn anchors_go_from_one_zone_to_the_other_and_back() {
    let mut world = World::zoned(StoreConfig::CACHE_BYTES_MIN);
    let mut rng = Rng(1);
    let begun = |world: &World| [0, 1].map(|zone| written(world, ANCHORS + zone * ZONES.bytes));
    let mut seen = vec![0];
    let mut models = [Model::new(), Model::new()];
    let mut crashes = 0;
    while seen != [0, 1, 0] {
        let key = |rng: &mut Rng| Bytes::from(format!("{:05}", rng.below(100)));
        let pairs = (0..20).map(|_| (key(&mut rng), rng.bytes(2000))).collect();
        let op = TxnOp::OmapSet { o: name(rng.below(3)), pairs };
        models[0] = models[1].clone();
        apply_to_model(&mut models[1], &op);
        world.submit(vec![op], 0).unwrap();
        loop {
            world.turn();
            if world.waiting.is_empty() {
                break;
            }
            // The first anchors of a zone, or a reset.
            let is_first = |effect: &StoreEffect| match effect {
                StoreEffect::Write { offset, .. } => {
                    *offset < SEGMENTS && offset % ZONES.bytes < 3 * BLOCK as u64
                }
                StoreEffect::Zone { offset, .. } => *offset < SEGMENTS,
                _ => false,
            };
            if begun(&world).contains(&0) && world.store.counters().checkpoints < 20
                || !world.waiting.iter().any(is_first)
            {
                world.perform(0);
                continue;
            }
            crashes += 1;
            look_at_crashes(&world, 0, &models, &mut rng);
            world.perform(0);
            look_at_crashes(&world, 0, &models, &mut rng);
        }
        // The zone before is reset once there are newer anchors in the other one.
        let now = match begun(&world) {
            [0, _] => 1,
            [_, 0] => 0,
            _ => continue,
        };
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        assert!(world.store.counters().checkpoints < 500);
    }
    assert!(world.store.counters().checkpoints >= ZONES.capacity / BLOCK as u64 - 1);
    assert!(crashes >= 6, "{crashes}");
    assert!(world.contents() == models[1]);
}

#[test]
fn a_torn_anchor_is_passed_over_and_two_bad_ones_are_damage() {
    let mut world = World::zoned(CACHE);
    while world.store.counters().checkpoints < 3 {
        let data = Rng(world.io_count).bytes(100_000);
        world.submit(vec![TxnOp::Write { o: name(1), offset: 0, data }], 0).unwrap();
        world.run();
    }
    let before = world.contents();
    let end = ANCHORS + written(&world, ANCHORS);
    let rotten = |count: u64| {
        let mut disk = world.disk.clone();
        for n in 1..=count {
            disk.blocks.insert(end / BLOCK as u64 - n, vec![7; BLOCK].into());
        }
        disk
    };
    // As if the second copy was under way. The next mount finds it whole in the other zone.
    let mut after = mount(rotten(1), &world, 9).unwrap();
    assert!(after.contents() == before);
    assert_eq!(written(&after, ANCHORS + ZONES.bytes), 2 * BLOCK as u64);
    let mut again = after.remounted();
    assert!(again.contents() == before);
    again.assert_consistent("an anchor in the other zone");
    // More than a crash does: an older anchor may be too old.
    let Err(error) = mount(rotten(2), &world, 9).map(drop) else { panic!("it was mounted") };
    let device_offsets = [end - 2 * BLOCK as u64, end - BLOCK as u64];
    assert_eq!(error, StoreError::NoAnchor { device_offsets });
}

/// Zones that a device gives up are not written to; what they hold is read as long as it can be.
#[test]
fn a_zone_that_fails_is_used_no_more() {
    let (mut world, model) = crate::world::aged_zoned();
    world.run();
    let full = |z: &types::zone::Zone| z.state == ZoneState::Full && z.offset >= SEGMENTS;
    let all = world.disk.report(0, world.config.superblock.device_bytes);
    let bad = all.iter().find(|z| full(z)).expect("some zone is full").offset;
    let empty = all.iter().rev().find(|z| z.state == ZoneState::Empty).map(|z| z.offset);
    let config = world.config;
    let mut disk = world.disk;
    disk.spoil_zone(bad, ZoneState::ReadOnly);
    empty.inspect(|offset| disk.spoil_zone(*offset, ZoneState::Offline));
    let mut world = World::opened(disk, StoreConfig { nonce: 99, ..config });
    world.mount().unwrap();
    assert!(world.contents() == model);
    let mut rng = Rng(8);
    for _ in 0..400 {
        let ops = crate::world::aged_ops(&mut rng);
        world.submit(ops, 0).unwrap();
        world.run();
    }
    assert!(world.store.failure().is_none());
    world.assert_consistent("a read-only zone");
    let before = world.contents();
    let mut world = world.remounted();
    assert!(world.contents() == before);
}
