//! Group commit: which transactions share a record.

use crate::common::name;
use crate::world::World;
use bytes::Bytes;
use seastore::{StoreConfig, StoreEffect, TxnOp};

/// How many device writes are under way after each of nine transactions, each in a turn of its own,
/// and how many when all have gathered.
fn under_way(shards_on_core: u16) -> Vec<usize> {
    let plain = World::new(64 << 20, 8 << 20);
    let config = StoreConfig { shards_on_core, nonce: 2, ..plain.config };
    let mut world = World::opened(plain.disk, config);
    world.mount().unwrap();
    let mut counts = Vec::new();
    for i in 0..9 {
        let data = Bytes::from(vec![i as u8; 4096]);
        world.submit(vec![TxnOp::Write { o: name(i), offset: 0, data }], i).unwrap();
        world.turn();
        let write = |e: &&StoreEffect| matches!(e, StoreEffect::Write { .. });
        counts.push(world.waiting.iter().filter(write).count());
    }
    counts
}

#[test]
fn one_shard_writes_each_turn_until_the_device_is_busy() {
    assert_eq!(under_way(1), [1, 2, 3, 4, 5, 6, 7, 8, 8]);
}

/// With one record under way, the next one waits for four transactions.
#[test]
fn shards_of_one_core_gather() {
    assert_eq!(under_way(8), [1, 1, 1, 1, 2, 2, 2, 2, 3]);
    assert_eq!(under_way(4), [1, 2, 2, 2, 2, 3, 3, 3, 3]);
    assert_eq!(under_way(200), under_way(8));
}

/// What has gathered is written when the record before it is durable, however little it is.
#[test]
fn nobody_waits_for_more_than_the_record_before() {
    let plain = World::new(64 << 20, 8 << 20);
    let config = StoreConfig { shards_on_core: 8, nonce: 2, ..plain.config };
    let mut world = World::opened(plain.disk, config);
    world.mount().unwrap();
    for i in 0..2 {
        let data = Bytes::from(vec![i as u8; 4096]);
        world.submit(vec![TxnOp::Write { o: name(i), offset: 0, data }], i).unwrap();
        world.turn();
    }
    assert_eq!(world.waiting.len(), 1);
    world.perform(0);
    world.turn();
    assert_eq!(world.waiting.len(), 1);
    world.run();
    assert_eq!(world.read(&name(1), 0, 4096).unwrap(), vec![1; 4096]);
}
