#![allow(clippy::disallowed_types)] // Macros of proptest use Arc.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    Set {
        block: u32,
        blocks: u32,
        laddr: u64,
    },
    /// Where the laddrs of the block before go on.
    Continue {
        block: u32,
        blocks: u32,
    },
    Remove {
        first: u32,
        last: u32,
    },
}

/// The object has this many blocks in the model.
const BLOCKS: u32 = 24;

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..BLOCKS).prop_flat_map(|first| (Just(first), first..=BLOCKS));
    prop_oneof![
        3 => (0..BLOCKS, 1..6u32, 0..40u64)
            .prop_map(|(block, blocks, laddr)| Step::Set { block, blocks, laddr }),
        2 => (1..BLOCKS, 1..6u32).prop_map(|(block, blocks)| Step::Continue { block, blocks }),
        2 => range().prop_map(|(first, last)| Step::Remove { first, last }),
    ]
}

/// Laddr per block.
type Model = BTreeMap<u32, u64>;

fn apply(onode: &mut Onode, model: &mut Model, step: Step) {
    match step {
        Step::Set { block, blocks, laddr } => {
            onode.set_run(block, blocks, laddr);
            (0..blocks).for_each(|i| _ = model.insert(block + i, laddr + i as u64));
        }
        Step::Continue { block, blocks } => {
            let Some(laddr) = model.get(&(block - 1)).map(|l| l + 1) else { return };
            apply(onode, model, Step::Set { block, blocks, laddr });
        }
        Step::Remove { first, last } => {
            onode.remove_runs(first, last);
            model.retain(|block, _| !(first..last).contains(block));
        }
    }
}

fn blocks_of(runs: impl Iterator<Item = Run>) -> Vec<(u32, u64)> {
    runs.flat_map(|run| (0..run.blocks).map(move |i| (run.block + i, run.laddr + i as u64)))
        .collect()
}

/// The longest runs that the model's blocks make.
fn longest_runs(model: &Model) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (&block, &laddr) in model {
        let one = Run { block, blocks: 1, laddr };
        match runs.last_mut() {
            Some(last) if last.joins(&one) => last.blocks += 1,
            _ => runs.push(one),
        }
    }
    runs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn runs_are_a_map_of_blocks(
        steps in prop::collection::vec(step(), 0..30),
        (first, last) in (0..BLOCKS, 0..BLOCKS + 4),
    ) {
        let (mut onode, mut model) = (Onode::default(), Model::new());
        for step in steps {
            apply(&mut onode, &mut model, step);
            prop_assert_eq!(onode.runs(), longest_runs(&model));
        }
        let bytes = onode.encode();
        let stored = OnodeRef::new(&bytes).unwrap();
        prop_assert_eq!(stored.runs().collect::<Vec<_>>(), onode.runs());
        for block in 0..BLOCKS + 8 {
            let laddr = model.get(&block).copied();
            let found = onode.laddr_of(block);
            prop_assert_eq!(found.map(|(laddr, _)| laddr), laddr);
            prop_assert_eq!(stored.laddr_of(block), found);
            let run = onode.runs().iter().find(|r| (r.block..r.end()).contains(&block));
            prop_assert_eq!(stored.run_at(block), run.copied());
            prop_assert_eq!(found.map(|(_, left)| left), run.map(|r| r.end() - block));
        }
        let within: Vec<_> = model
            .iter()
            .filter(|(block, _)| (first..last).contains(*block))
            .map(|(block, laddr)| (*block, *laddr))
            .collect();
        prop_assert_eq!(&blocks_of(onode.overlaps(first, last)), &within);
        prop_assert_eq!(&blocks_of(stored.overlaps(first, last)), &within);
    }

    #[test]
    fn xattrs_are_a_map(
        steps in prop::collection::vec(
            (
                prop::collection::vec(97u8..100, 0..3),
                prop::option::of(prop::collection::vec(any::<u8>(), 0..4)),
            ),
            0..30,
        ),
    ) {
        let (mut onode, mut model) = (Onode::default(), BTreeMap::new());
        for (name, value) in steps {
            match value {
                Some(value) => {
                    onode.xattrs.set(&name, &value);
                    model.insert(name, value);
                }
                None => {
                    let removed = onode.xattrs.remove(&name);
                    prop_assert_eq!(removed, model.remove(&name).is_some());
                }
            }
            let bytes = onode.encode();
            let stored = OnodeRef::new(&bytes).unwrap();
            let of_model: Vec<_> = model.iter().map(|(n, v)| (&n[..], &v[..])).collect();
            prop_assert_eq!(stored.xattrs().collect::<Vec<_>>(), &of_model[..]);
            prop_assert_eq!(onode.xattrs.iter().collect::<Vec<_>>(), &of_model[..]);
            prop_assert_eq!(stored.xattr_count() as usize, model.len());
            for name in [&b""[..], b"a", b"b", b"ab", b"bc"] {
                let value = model.get(name).map(|v| &v[..]);
                prop_assert_eq!(stored.xattr(name), value);
                prop_assert_eq!(onode.xattrs.get(name), value);
            }
        }
    }

    /// Whatever is taken is stored again as it was.
    #[test]
    fn damaged_onodes_are_refused_or_canonical(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
        cut: bool,
    ) {
        let mut bytes = sample().encode();
        if cut {
            bytes.truncate(length.index(bytes.len()));
        }
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        if let Ok(onode) = Onode::decode(&bytes) {
            prop_assert_eq!(onode.encode(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_an_onode(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&[VERSION][..], &bytes].concat();
        if let Ok(onode) = Onode::decode(&bytes) {
            prop_assert_eq!(onode.encode(), bytes);
        }
    }
}

fn sample() -> Onode {
    let mut onode = Onode {
        size: 5 << 20,
        omap_id: 77,
        omap_count: 3,
        omap_header_bytes: 9,
        shared: true,
        ..Onode::default()
    };
    onode.set_run(0, 1024, 4096);
    onode.set_run(1030, 2, 9000);
    onode.xattrs.set(b"_", &[1; 250]);
    onode.xattrs.set(b"snapset", &[2; 40]);
    onode
}

#[test]
fn an_onode_comes_back() {
    let onode = sample();
    let bytes = onode.encode();
    assert_eq!(bytes.len(), onode.encoded_bytes());
    assert_eq!(Onode::decode(&bytes).unwrap(), onode);
    let stored = OnodeRef::new(&bytes).unwrap();
    assert_eq!((stored.size(), stored.shared()), (5 << 20, true));
    let omap = (stored.omap_id(), stored.omap_count(), stored.omap_header_bytes());
    assert_eq!(omap, (77, 3, 9));
    let without_omap = Onode { omap_id: 0, omap_count: 0, omap_header_bytes: 0, ..onode };
    assert_eq!(Onode::decode(&without_omap.encode()).unwrap(), without_omap);
}

/// Head 18, a run 16, two xattrs with 4 bytes of lengths each.
#[test]
fn the_onode_of_a_block_of_an_image_is_small() {
    let mut onode = Onode { size: 4 << 20, ..Onode::default() };
    onode.set_run(0, 1024, 1);
    onode.xattrs.set(b"_", &[1; 250]);
    onode.xattrs.set(b"snapset", &[2; 31]);
    assert_eq!(onode.encode().len(), 18 + 16 + (4 + 251) + (4 + 38));
}

#[test]
fn runs_reach_the_bounds_and_not_past_them() {
    let mut onode = Onode::default();
    onode.set_run(BLOCKS_MAX - 1, 1, LADDR_END - 1);
    let good = onode.encode();
    assert_eq!(Onode::decode(&good).unwrap(), onode);
    let runs_at = HEAD_BYTES;
    let with = |run: [u32; 2], laddr: u64| {
        let mut bytes = good.clone();
        bytes[runs_at..runs_at + 4].copy_from_slice(&run[0].to_le_bytes());
        bytes[runs_at + 4..runs_at + 8].copy_from_slice(&run[1].to_le_bytes());
        bytes[runs_at + 8..runs_at + 16].copy_from_slice(&laddr.to_le_bytes());
        OnodeRef::new(&bytes).is_ok()
    };
    assert!(with([0, 1], 0));
    assert!(!with([0, 0], 0), "no blocks");
    assert!(!with([BLOCKS_MAX, 1], 0), "past the largest object");
    assert!(!with([1, u32::MAX], 0), "past the largest number");
    assert!(!with([0, 2], LADDR_END - 1), "past the last laddr");
    assert!(!with([0, 1], u64::MAX), "past the last laddr");
}

#[test]
fn runs_that_overlap_and_xattrs_in_disorder_are_refused() {
    let mut onode = Onode::default();
    onode.set_run(0, 2, 100);
    onode.set_run(4, 2, 200);
    onode.xattrs.set(b"a", b"");
    onode.xattrs.set(b"b", b"");
    let good = onode.encode();
    let second_run = HEAD_BYTES + RUN_BYTES;
    let mut overlap = good.clone();
    overlap[second_run] = 1;
    let mut disorder = good.clone();
    let names = good.len() - 10;
    assert_eq!((disorder[names + 2], disorder[names + 7]), (b'a', b'b'));
    disorder[names + 2] = b'b';
    let mut other_version = good.clone();
    other_version[0] = 2;
    for bad in [&overlap, &disorder, &other_version, &good[..good.len() - 1].to_vec()] {
        assert!(OnodeRef::new(bad).is_err(), "{bad:?}");
    }
    assert!(OnodeRef::new(&good).is_ok());
}
