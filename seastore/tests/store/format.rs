//! What probe says of a device, and what mkfs asks for.

use crate::common::*;
use crate::world::World;
use seastore::*;
use types::Fsid;

const MIB: u64 = 1 << 20;

#[test]
fn probe_names_what_is_on_the_device() {
    let size = 64 * MIB;
    let (disk, sb) = format(size, 2);
    let [at_first, at_last] = superblock_offsets(size);
    let (first, last) = (disk.read(at_first, BLOCK), disk.read(at_last, BLOCK));
    let blank = vec![0u8; BLOCK];
    let foreign = vec![0x55u8; BLOCK];
    let flip = |at: usize| {
        let mut b = first.to_vec();
        b[at] ^= 1;
        b
    };
    assert_eq!(probe(size, &blank, &blank), Err(ProbeError::Blank));
    assert_eq!(probe(size, &foreign, &blank), Err(ProbeError::Foreign));
    assert_eq!(probe(size, &first, &foreign), Ok(sb));
    assert_eq!(probe(size, &blank, &last), Ok(sb));
    for at in 16..128 {
        let bad = flip(at);
        assert!(matches!(probe(size, &bad, &bad), Err(ProbeError::Corrupt { .. })), "byte {at}");
        assert_eq!(probe(size, &bad, &last), Ok(sb));
    }
    assert!(matches!(probe(size / 2, &first, &blank), Err(ProbeError::TooSmall { .. })));
    assert!(matches!(probe(size, &first[..100], &[]), Err(ProbeError::TooSmall { .. })));
    assert_eq!(sb.check_cluster(Fsid([1; 16])), Ok(()));
    let other = ProbeError::OtherCluster { found: Fsid([1; 16]), expected: Fsid([9; 16]) };
    assert_eq!(sb.check_cluster(Fsid([9; 16])), Err(other));
}

#[test]
fn mkfs_refuses_what_cannot_work() {
    assert!(matches!(mkfs_plan(&params(64 * MIB, 3)), Err(MkfsError::Shards { shards: 3 })));
    assert!(matches!(mkfs_plan(&params(64 * MIB, 0)), Err(MkfsError::Shards { shards: 0 })));
    let Err(MkfsError::TooSmall { needed, .. }) = mkfs_plan(&params(64 * MIB, 8)) else {
        panic!("too small for 8 shards")
    };
    assert!(mkfs_plan(&params(needed, 8)).is_ok());
    assert!(mkfs_plan(&params(needed - 4096, 8)).is_err());
    for bytes in [1 << 30, 10 << 30, 1 << 40] {
        let (_, sb) = format(bytes, 8);
        assert!(sb.segment_count() >= 127, "{bytes}: {}", sb.segment_count());
    }
}

#[test]
fn every_shard_of_a_device_is_a_store_of_its_own() {
    let (mut disk, superblock) = format(1 << 30, 8);
    for round in 0..2 {
        for shard in 0..8 {
            let mut world = World::opened(disk, StoreConfig::new(superblock, shard, round + 1));
            world.mount().unwrap();
            let data = Rng(shard as u64).bytes(10_000);
            if round == 0 {
                world.submit(vec![TxnOp::Write { o: name(1), offset: 0, data }], 0).unwrap();
                world.run();
            } else {
                assert_eq!(world.read(&name(1), 0, 10_000).unwrap(), data);
            }
            disk = world.disk;
        }
    }
}

#[test]
fn reads_see_what_is_queued_under_way_and_written() {
    let mut world = World::new(64 * MIB, 1 << 20);
    let data = Rng(1).bytes(300_000);
    world
        .store
        .submit(vec![TxnOp::Write { o: name(1), offset: 5, data: data.clone() }].into(), 1)
        .unwrap();
    let ready =
        |world: &mut World| match world.store.read(&name(1), 0, 1 << 30, 2, &mut world.waiting) {
            Ok(ReadStart::Ready(read)) => read,
            other => panic!("{other:?}"),
        };
    for _ in 0..2 {
        let read = ready(&mut world);
        let bytes = read.into_bytes();
        assert_eq!((&bytes[..5], &bytes[5..]), (&[0; 5][..], &data[..]));
        world.turn();
    }
    world.run();
    assert_eq!(world.read(&name(1), 5, 1 << 30).unwrap(), data);
    // A read is as of its beginning.
    let mut fx = Vec::new();
    assert_eq!(world.store.read(&name(1), 5, 4096, 9, &mut fx), Ok(ReadStart::Pending));
    world.waiting.append(&mut fx);
    world.store.submit(vec![TxnOp::Remove { o: name(1) }].into(), 3).unwrap();
    while world.events.iter().all(|e| !matches!(e, StoreEvent::ReadDone { .. })) {
        world.perform(0);
    }
    let done = world.events.iter().find_map(|e| match e {
        StoreEvent::ReadDone { token: 9, result: Ok(read) } => Some(read.clone().into_bytes()),
        _ => None,
    });
    assert_eq!(done.unwrap(), data.slice(..4096));
    assert_eq!(world.read(&name(1), 0, 1), Err(ReadError::NotFound));
}

/// A read that waits in the queue for a transaction before it must not make that one wait for it.
#[test]
fn a_read_behind_a_transaction_that_waits_for_old_data_ends() {
    let mut world = World::new(64 * MIB, 1 << 20);
    let write = |offset| TxnOp::Write { o: name(1), offset, data: vec![7; 3000].into() };
    world.submit(vec![write(0)], 0).unwrap();
    world.run();
    let mut world = world.remounted();
    world.submit(vec![write(2000)], 0).unwrap();
    assert_eq!(world.read(&name(1), 0, 9000).unwrap(), vec![7; 5000]);
}

#[test]
fn an_empty_transaction_still_becomes_durable() {
    let mut world = World::new(64 * MIB, 1 << 20);
    world.store.submit(Transaction::new(), 42).unwrap();
    world.run();
    assert!(world.events.contains(&StoreEvent::Durable { token: 42 }));
}

/// A read that waits for a page sees nothing of transactions that come after it, also of those that
/// need no page that is not at hand.
#[test]
fn a_read_sees_nothing_of_a_later_transaction() {
    const BYTES: usize = 8 << 20;
    let mut world = World::new(128 * MIB, 8 << 20);
    let write = |object, offset, byte, len: usize| {
        vec![TxnOp::Write { o: name(object), offset, data: vec![byte; len].into() }]
    };
    // The second one's writes are long enough for a checkpoint that holds the first.
    for object in [1, 2] {
        for offset in (0..BYTES).step_by(1 << 20) {
            world.submit(write(object, offset as u64, 1, 1 << 20), 0).unwrap();
            world.run();
        }
    }
    let mut world = world.remounted();
    // The pages of the beginning, and only these, are in memory.
    assert_eq!(world.read(&name(1), 0, 4096).unwrap(), vec![1; 4096]);
    let started = world.store.read(&name(1), 0, BYTES as u64, 77, &mut world.waiting).unwrap();
    assert!(matches!(started, ReadStart::Pending));
    world.submit(write(1, 0, 2, 4096), 5).unwrap();
    world.run();
    let own = |e: &StoreEvent| matches!(e, StoreEvent::ReadDone { token: 77, .. });
    let at = world.events.iter().position(own).expect("the read ends");
    let StoreEvent::ReadDone { result, .. } = world.events.remove(at) else { unreachable!() };
    assert!(result.unwrap().into_bytes() == vec![1; BYTES], "it saw what came later");
    assert!(world.events.contains(&StoreEvent::Durable { token: 5 }));
    assert_eq!(world.read(&name(1), 0, 4096).unwrap(), vec![2; 4096]);
}
