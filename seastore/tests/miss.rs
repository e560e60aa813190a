//! Accesses that miss, as `StoreConfig::miss_one_in` makes them: each is asked for once, answers
//! the same as without, and fetches end whatever the device says.

mod common;
use bytes::Bytes;
use common::*;
use seastore::*;
use types::HObject;
use types::node::IoError;

fn world(miss_one_in: u32) -> World {
    let mut world = World::new(64 << 20);
    let mut txn = Transaction::new();
    for n in 0..5 {
        txn.push(TxnOp::Write { o: name(n), offset: 0, data: vec![n as u8; 100].into() });
        for key in 0..5u8 {
            let key = Bytes::from(vec![key]);
            txn.push(TxnOp::SetXattr { o: name(n), name: key.clone(), value: key.clone() });
            txn.push(TxnOp::OmapSet { o: name(n), pairs: vec![(key.clone(), key)] });
        }
    }
    world.store.submit(txn, 1).unwrap();
    world.store.end_of_turn(&mut world.waiting);
    world.run();
    let (disk, superblock) = (world.disk, world.superblock);
    let mut world = World::opened(disk, superblock, 2);
    world.store = Store::open(StoreConfig { superblock, shard: 0, nonce: 2, miss_one_in });
    world.mount().unwrap();
    world
}

/// Looks until nothing misses; returns what was seen and how often something was fetched.
fn look<T>(world: &mut World, look: impl Fn(&Store) -> Result<T, Miss>) -> (T, u64) {
    for fetches in 0..100 {
        let miss = match look(&world.store) {
            Ok(seen) => return (seen, fetches),
            Err(miss) => miss,
        };
        world.store.fetch(&miss, 7, &mut world.waiting);
        world.run();
        let fetched = StoreEvent::Fetched { token: 7, result: Ok(()) };
        assert_eq!(std::mem::take(&mut world.events), [fetched]);
    }
    panic!("it misses for ever");
}

type Pairs = Vec<(Bytes, Bytes)>;

fn everything(store: &Store) -> Result<Vec<(u64, Pairs, Pairs, Bytes)>, Miss> {
    let copy = Bytes::copy_from_slice;
    let mut all = Vec::new();
    for o in store.list(&HObject::min(), &HObject::max(), usize::MAX)? {
        let size = store.stat(&o)?.map_or(0, |s| s.size);
        let (mut xattrs, mut omap) = (Vec::new(), Vec::new());
        store.xattrs(&o, &mut |k, v| xattrs.push((copy(k), copy(v))))?;
        store.omap_scan(&o, None, b"", &mut |k, v| {
            omap.push((copy(k), copy(v)));
            true
        })?;
        assert!(store.exists(&o)?);
        assert_eq!(store.xattr(&o, &[3])?, Some(&[3][..]));
        assert_eq!(store.omap_get(&o, &[4])?, Some(&[4][..]));
        all.push((size, xattrs, omap, copy(store.omap_header(&o)?)));
    }
    Ok(all)
}

#[test]
fn what_is_fetched_is_there_and_says_the_same() {
    let (expected, fetches) = look(&mut world(0), everything);
    assert_eq!((expected.len(), fetches), (5, 0));
    for one_in in [1, 2, 7] {
        let mut world = world(one_in);
        let (seen, fetches) = look(&mut world, everything);
        assert_eq!(seen, expected);
        // One list, and of each object its onode and its omap.
        assert!(fetches <= 11 && (one_in > 1 || fetches == 11), "1 in {one_in}: {fetches}");
    }
}

#[test]
fn a_scan_may_have_seen_some_pairs_when_it_misses() {
    let world = world(2);
    let counts: std::collections::BTreeSet<usize> = (0..200)
        .filter_map(|_| {
            let mut count = 0;
            let mut visit = |_: &[u8], _: &[u8]| {
                count += 1;
                true
            };
            world.store.omap_scan(&name(1), None, b"", &mut visit).err().map(|_| count)
        })
        .collect();
    assert_eq!(counts, [0, 1, 2, 3].into());
}

#[test]
fn a_fetch_that_the_device_refuses_says_so_and_may_be_asked_again() {
    let mut world = world(1);
    let miss = world.store.exists(&name(1)).unwrap_err();
    world.store.fetch(&miss, 3, &mut world.waiting);
    world.fault = Some(Box::new(|_| true));
    world.run();
    let events = std::mem::take(&mut world.events);
    let [StoreEvent::Fetched { token: 3, result: Err(error) }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(matches!(error, ReadError::Metadata { error: Some(IoError::Os(5)), .. }));
    assert_eq!(world.store.exists(&name(1)), Err(miss));
    world.fault = None;
    assert!(look(&mut world, |s| s.exists(&name(1))).0);
}

#[test]
fn a_store_that_fails_answers_its_fetches() {
    let mut world = world(1);
    let miss = world.store.exists(&name(1)).unwrap_err();
    world.store.submit(Transaction::from(vec![TxnOp::Touch { o: name(9) }]), 5).unwrap();
    world.store.end_of_turn(&mut world.waiting);
    world.fault = Some(Box::new(|io| io > 0));
    world.store.fetch(&miss, 4, &mut world.waiting);
    world.run();
    let failed = world.store.failure().expect("a write failed");
    let fetched: Vec<&StoreEvent> =
        world.events.iter().filter(|e| matches!(e, StoreEvent::Fetched { .. })).collect();
    let result = Err(ReadError::Failed(failed));
    assert_eq!(fetched, [&StoreEvent::Fetched { token: 4, result }]);
}
