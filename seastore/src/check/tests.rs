//! Each account altered by itself: the check says which.

use super::*;
use crate::event::{IoCompletion, StoreEffect};
use crate::format::{MkfsParams, mkfs_plan, probe, superblock_offsets};
use crate::group::Group;
use crate::txn::{Transaction, TxnOp};
use bytes::Bytes;
use types::node::{BLOCK_SIZE, aligned_buf};
use types::{Fsid, HObject, OsdId, PoolId};

fn name(n: u32) -> ObjectName {
    HObject::head(PoolId(1), "", "", &format!("o{n}")).into()
}

fn run(store: &mut Store, disk: &mut BTreeMap<u64, Bytes>, mut fx: Vec<StoreEffect>) {
    loop {
        store.end_of_turn(&mut fx);
        if fx.is_empty() {
            return;
        }
        for effect in std::mem::take(&mut fx) {
            let done = match effect {
                StoreEffect::Read { io, offset, len } => {
                    let mut buf = aligned_buf(len);
                    for at in (offset..offset + len as u64).step_by(BLOCK_SIZE) {
                        match disk.get(&at) {
                            Some(block) => buf.extend_from_slice(block),
                            None => buf.resize(buf.len() + BLOCK_SIZE, 0),
                        }
                    }
                    IoCompletion::Read { io, result: Ok(buf.freeze()) }
                }
                StoreEffect::Write { io, offset, buf, .. } => {
                    for at in (0..buf.len()).step_by(BLOCK_SIZE) {
                        disk.insert(offset + at as u64, buf.slice(at..at + BLOCK_SIZE));
                    }
                    IoCompletion::Write { io, result: Ok(()) }
                }
                StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
                StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
                StoreEffect::Zone { .. } | StoreEffect::ReportZones { .. } => {
                    panic!("not a zoned device")
                }
            };
            store.on_io(done, &mut Vec::new(), &mut fx);
        }
    }
}

/// Two objects, the second of which shares the first one's ten blocks, and an omap.
fn made() -> Store {
    let params = MkfsParams {
        cluster: Fsid([1; 16]),
        osd: OsdId(0),
        osd_uuid: Fsid([2; 16]),
        store_uuid: Fsid([3; 16]),
        device_bytes: 32 << 20,
        shards: 1,
        zones: None,
    };
    let mut disk: BTreeMap<u64, Bytes> = mkfs_plan(&params).unwrap().into_iter().collect();
    let [a, b] = superblock_offsets(params.device_bytes);
    let superblock = probe(params.device_bytes, &disk[&a], &disk[&b]).unwrap();
    let mut store = Store::open(StoreConfig::new(superblock, 0, 1));
    let mut fx = Vec::new();
    store.mount(&mut fx);
    run(&mut store, &mut disk, fx);
    let pairs = vec![(Bytes::from_static(b"k"), Bytes::from_static(b"v"))];
    let ops = vec![
        TxnOp::Write { o: name(1), offset: 0, data: vec![1; 10 * BLOCK_SIZE].into() },
        TxnOp::Clone { o: name(1), to: name(2) },
        TxnOp::Write { o: name(3), offset: 0, data: vec![3; BLOCK_SIZE].into() },
        TxnOp::OmapSet { o: name(3), pairs },
    ];
    store.submit(Transaction::from(ops), 1).unwrap();
    run(&mut store, &mut disk, Vec::new());
    store
}

fn with_group(store: &mut Store, laddr: u64, change: impl FnOnce(&mut Group)) {
    let key = key::lba_key(laddr / GROUP);
    let value = store.meta.lba.get(&store.meta.pager, &Default::default(), &key).unwrap();
    let mut group = value.map_or_else(Group::default, |value| Group::from(group_of(value)));
    change(&mut group);
    let mut bytes = Vec::new();
    group.encode_into(&mut bytes);
    store.meta.lba.insert(&mut store.meta.pager, &Default::default(), &key, &bytes);
}

#[test]
fn each_account_is_checked() {
    assert_eq!(made().check(), Ok(vec![]));
    let says = |tamper: &dyn Fn(&mut Store), wanted: &str| {
        let mut store = made();
        tamper(&mut store);
        let findings = store.check().unwrap();
        assert!(findings.iter().any(|f| f.contains(wanted)), "{wanted}: {findings:#?}");
    };
    says(&|s| with_group(s, 0, |g| g.set_refs(3, 1)), "o2:head: block 0x3 has more shares");
    says(&|s| with_group(s, 0, |g| g.set_refs(3, 4)), "block 0x3 has 2 shares fewer");
    says(&|s| with_group(s, 0, |g| g.set(20, 9000, 1)), "block 0x14 lies outside");
    says(&|s| with_group(s, 64 * 1024, |g| g.set(20, 500, 1)), "belongs to no object");
    says(
        &|s| {
            let place = s.meta.block(0).unwrap().unwrap().0;
            with_group(s, 0, |g| g.set(1, place, 1));
        },
        "block 0x1 lies where another block lies too",
    );
    says(&|s| with_group(s, 0, |g| g.clear(0)), "10 blocks of data, not 11");
    says(&|s| with_group(s, 0, |g| g.clear(0)), "segment 0: 10 blocks live, not 11");
    says(&|s| s.meta.objects += 1, "3 objects, not 4");
    says(&|s| s.meta.next_laddr = 5, "block 0x0 was never given out");
    says(
        &|s| {
            let key = key::omap_key(1, b"more");
            s.meta.omap.insert(&mut s.meta.pager, &Default::default(), &key, b"v");
        },
        "o3:head: the omap has 2 keys, its object counts 1",
    );
    says(
        &|s| {
            let key = key::omap_key(9, b"stray");
            s.meta.omap.insert(&mut s.meta.pager, &Default::default(), &key, b"v");
        },
        "omap 9 has no object",
    );
    says(&|s| s.segments.get(7).live = 3, "segment 7: 0 blocks live, not 3");
}
