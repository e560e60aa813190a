//! Things that are large: keys, values, objects, omaps.

use crate::common::{Rng, name};
use crate::world::World;
use bytes::Bytes;
use seastore::*;
use seastore::{OMAP_KEY_BYTES_MAX, TxnOp, VALUE_BYTES_MAX};
use types::{HObject, PoolId};

const MIB: u64 = 1 << 20;

#[test]
fn keys_and_values_at_their_limits_are_kept_and_longer_keys_refused() {
    let mut world = World::new(64 * MIB, 8 << 20);
    let mut rng = Rng(1);
    let odd: seastore::ObjectName =
        HObject::head(PoolId(1), "a/\u{1}\u{fe}", "", "\0\u{ff}%\\n ").into();
    let key = rng.bytes(OMAP_KEY_BYTES_MAX);
    let (value, large) = (rng.bytes(VALUE_BYTES_MAX), rng.bytes(64 << 10));
    let long = Bytes::from(vec![7; OMAP_KEY_BYTES_MAX + 1]);
    for key in [long, vec![7; 65 << 10].into(), vec![7; 1 << 20].into()] {
        let ops = vec![
            TxnOp::Touch { o: odd.clone() },
            TxnOp::OmapSet { o: odd.clone(), pairs: vec![(key, "v".into())] },
        ];
        let refused = world.submit(ops, 0);
        assert!(matches!(refused, Err(SubmitError::Invalid { op: 1, .. })), "{refused:?}");
    }
    let long = value.iter().chain([&0]).copied().collect::<Bytes>();
    for op in [
        TxnOp::OmapSet { o: odd.clone(), pairs: vec![("k".into(), long.clone())] },
        TxnOp::OmapSetHeader { o: odd.clone(), header: long.clone() },
        TxnOp::SetXattr { o: odd.clone(), name: "x".into(), value: long.clone() },
    ] {
        let refused = world.submit(vec![op], 0);
        assert!(matches!(refused, Err(SubmitError::Invalid { op: 0, .. })), "{refused:?}");
    }
    assert!(!world.look(|s| s.exists(&odd)).unwrap());
    let mut ops = vec![
        TxnOp::OmapSet {
            o: odd.clone(),
            pairs: vec![(key.clone(), value.clone()), ("".into(), "".into())],
        },
        TxnOp::SetXattr { o: odd.clone(), name: "large".into(), value: large.clone() },
    ];
    for i in 0..1000 {
        let name = format!("xattr{i:04}").into();
        ops.push(TxnOp::SetXattr { o: odd.clone(), name, value: rng.bytes(i % 90) });
    }
    world.submit(ops, 0).unwrap();
    let before = world.contents();
    assert_eq!(before[&*odd].omap[&key], value);
    assert_eq!(before[&*odd].omap[&b""[..]], "");
    assert_eq!((before[&*odd].xattrs.len(), &before[&*odd].xattrs[&b"large"[..]]), (1001, &large));
    world.run();
    let mut world = world.remounted();
    assert!(world.contents() == before);
    world.assert_consistent("limits");
    // Checkpoints find a place for what is long.
    let checkpoints = world.store.counters().checkpoints;
    while world.store.counters().checkpoints < checkpoints + 2 {
        let data = rng.bytes(1 << 20);
        world.submit(vec![TxnOp::Write { o: name(1), offset: 0, data }], 0).unwrap();
        world.run();
    }
    let mut world = world.remounted();
    assert_eq!(world.contents()[&*odd].omap[&key], value);
    world.assert_consistent("checkpoints");
}

/// A store with an object of 100 MiB and an omap of 100,000 keys, which are removed. The removal is
/// durable at once; the space comes back in steps.
#[test]
fn a_large_object_and_a_large_omap_go_in_steps_and_leave_nothing() {
    let mut world = World::new(256 * MIB, 16 << 20);
    let mut rng = Rng(2);
    for i in 0..100 {
        let data = rng.bytes(1 << 20);
        world.submit(vec![TxnOp::Write { o: name(1), offset: i * MIB, data }], 0).unwrap();
        let pairs = (0..1000).map(|k| (format!("{i:03}-{k:04}").into(), rng.bytes(30))).collect();
        world.submit(vec![TxnOp::OmapSet { o: name(2), pairs }], 0).unwrap();
    }
    world.run();
    let full = world.store.statfs();
    assert_eq!(full.data, 100 * MIB);
    let ops = vec![TxnOp::Remove { o: name(1) }, TxnOp::Remove { o: name(2) }];
    world.submit(ops, 9).unwrap();
    world.turn();
    assert!(world.store.statfs().data > 90 * MIB, "not all at once");
    assert!(!world.look(|s| s.exists(&name(1))).unwrap());
    // A crash in the middle of it: the rest goes after the mount.
    for _ in 0..20 {
        world.turn();
        if !world.waiting.is_empty() {
            world.perform(0);
        }
    }
    let left = world.store.statfs().data;
    assert!(0 < left && left < 100 * MIB, "{left}");
    world.waiting.clear();
    for mut world in [World::opened(world.disk.clone(), world.config).mounted(), world.remounted()]
    {
        assert!(world.names().is_empty());
        world.assert_consistent("in the middle");
        world.run();
        world.assert_consistent("at the end");
        let stat = world.store.statfs();
        assert_eq!((stat.data, stat.objects), (0, 0));
        // The next checkpoint gives up their pages.
        for i in 0..32 {
            let data = rng.bytes(1 << 20);
            world.submit(vec![TxnOp::Write { o: name(3), offset: i % 2 * MIB, data }], 0).unwrap();
            world.run();
        }
        let stat = world.store.statfs();
        assert!(world.store.counters().checkpoints > 0 && stat.metadata < 1 << 18, "{stat:?}");
        world.assert_consistent("after checkpoints");
    }
}

/// A range copied onto itself, a part further: sharing blocks one after the other would copy what
/// was just put there.
#[test]
fn a_range_may_be_copied_over_a_part_of_itself() {
    let mut world = World::new(64 * MIB, 8 << 20);
    let data = Rng(3).bytes(60_000);
    for (from, to, len) in [
        (16_384, 8_192, 9_000),
        (8_192, 16_384, 9_000),
        (4_096, 8_192, 20_480),
        (8_192, 4_096, 20_480),
        (100, 300, 30_000),
        (4_196, 8_292, 30_000),
        (8_292, 4_196, 30_000),
        (4_096, 4_096, 20_000),
    ] {
        let o = name(1);
        let ops = vec![
            TxnOp::Remove { o: o.clone() },
            TxnOp::Write { o: o.clone(), offset: 0, data: data.clone() },
        ];
        world.submit(ops, 0).unwrap();
        let (from_offset, to_offset) = (from as u64, to as u64);
        let clone = TxnOp::CloneRange { o: o.clone(), to: o, from_offset, to_offset, len };
        world.submit(vec![clone], 0).unwrap();
        let mut expected = data.to_vec();
        expected.copy_within(from..from + len as usize, to);
        assert!(world.read(&name(1), 0, 1 << 20).unwrap() == expected, "{from} to {to}, {len}");
        world.run();
        world = world.remounted();
        assert!(world.read(&name(1), 0, 1 << 20).unwrap() == expected, "{from} to {to}, {len}");
        world.assert_consistent("copied");
    }
    let mut past = |from_offset, to_offset, len| {
        let (o, to) = (name(1), name(2));
        let ops = vec![TxnOp::CloneRange { o, to, from_offset, to_offset, len }];
        matches!(world.store.submit(ops.into(), 0), Err(SubmitError::Invalid { op: 0, .. }))
    };
    assert!(past(0, 1 << 40, 1) && past(1 << 40, 0, 1) && past(0, u64::MAX, 2));
}

/// Blocks that were asked to be kept are read once; those overwritten, and those whose segment has
/// been used again since, are not mixed up with what is there now.
#[test]
fn data_stay_in_memory_when_asked_for() {
    let mut world = World::new(64 * MIB, 8 << 20);
    let mut rng = Rng(3);
    let mut data = rng.bytes(64 << 10).to_vec();
    let write = |world: &mut World, offset: u64, data: &[u8]| {
        let data = Bytes::copy_from_slice(data);
        world.submit(vec![TxnOp::Write { o: name(1), offset, data }], 0).unwrap();
        world.run();
    };
    write(&mut world, 0, &data);
    assert!(!world.is_in_memory(&name(1), 0, 64 << 10), "nobody has asked");
    world.read(&name(1), 0, 64 << 10).unwrap();
    assert!(!world.is_in_memory(&name(1), 0, 64 << 10), "nobody has asked");
    assert_eq!(world.read_and_keep(&name(1), 100, 64 << 10).unwrap(), data[100..]);
    assert!(world.is_in_memory(&name(1), 0, 64 << 10));
    let patch = rng.bytes(4096);
    write(&mut world, 8192, &patch);
    data[8192..12288].copy_from_slice(&patch);
    assert!(!world.is_in_memory(&name(1), 8192, 4096), "it lies elsewhere now");
    assert!(world.is_in_memory(&name(1), 0, 8192));
    // Over all segments several times; the cleaner moves what is kept.
    for round in 0..300 {
        let other = rng.bytes(1 << 20);
        let o = name(2 + round % 20);
        world.submit(vec![TxnOp::Write { o, offset: 0, data: other }], 0).unwrap();
        world.run();
        if round % 7 == 0 {
            assert_eq!(world.read_and_keep(&name(1), 0, 64 << 10).unwrap(), data, "{round}");
            let at = (round as usize * 4096) % data.len();
            let patch = rng.bytes(4096);
            write(&mut world, at as u64, &patch);
            data[at..at + 4096].copy_from_slice(&patch);
        }
    }
    assert_eq!(world.read(&name(1), 0, 64 << 10).unwrap(), data);
    world.assert_consistent("kept");
}

/// The report of room follows what is written: full segments, then half empty ones.
#[test]
fn the_report_of_room_says_how_full_segments_are() {
    let mut world = World::new(128 * MIB, 64 << 20);
    assert_eq!(world.store.space_report().write_amplification, None);
    let fill = |world: &mut World, step: usize| {
        for i in (0..1024).step_by(step) {
            let data = Bytes::from(vec![i as u8; 64 << 10]);
            let o = name(i / 64);
            world.submit(vec![TxnOp::Write { o, offset: (i % 64) << 16, data }], i).unwrap();
            world.run();
        }
    };
    fill(&mut world, 1);
    let full = world.store.space_report();
    let records = |r: &SpaceReport| r.utilisation.iter().sum::<u32>();
    assert!(full.utilisation[9] > 50 && records(&full) < full.utilisation[9] + 6, "{full:?}");
    assert!(full.write_amplification.is_some_and(|w| (1.0..1.2).contains(&w)), "{full:?}");
    // Every other piece is written anew: what held them is half empty.
    fill(&mut world, 2);
    let half = world.store.space_report();
    let middle: u32 = half.utilisation[4..6].iter().sum();
    assert!(middle > 45 && half.utilisation[9] < 45, "{half:?}");
    assert!(half.segments_free < full.segments_free && half.segments == full.segments);
}

/// After many changes of omaps the segments of pages are half empty. Whoever writes data then gets
/// their room, also if nothing else has happened since the last checkpoint.
#[test]
fn room_comes_out_of_segments_of_pages() {
    let mut world = World::new(128 * MIB, 64 << 20);
    let mut rng = Rng(4);
    for i in 0..40_000u64 {
        let pairs = vec![(format!("key{:04}", rng.below(1024)).into(), rng.bytes(4096))];
        let _ = world.submit(vec![TxnOp::OmapSet { o: name(rng.below(7)), pairs }], 0);
        if i % 32 == 0 {
            world.run();
        }
    }
    world.run();
    let mut world = world.remounted();
    let mut written = 0;
    let available = world.store.statfs().available;
    while written + MIB < available * 9 / 10 {
        let o = name(100 + written / (4 * MIB));
        let data = rng.bytes(MIB as usize);
        world.submit(vec![TxnOp::Write { o, offset: written % (4 * MIB), data }], 0).unwrap();
        world.run();
        written += MIB;
    }
    world.assert_consistent("room");
}
