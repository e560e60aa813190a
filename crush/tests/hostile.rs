//! Maps from outside: no bytes make decoding panic, and no decoded map makes placement, text or
//! encoding panic or run on.

mod common;
use common::*;
use crush::*;
use proptest::prelude::*;
use types::enc::{Decode, Encode};

/// Enough to find every mapping of an honest map as small as these.
const WORK: u64 = 1 << 11;

/// Does with a map what a client and a monitor do with it.
fn use_map(map: &CrushMap) {
    let weights = vec![0x10000; (map.max_devices.max(0) as usize).min(1000)];
    let mut scratch = Scratch::with_work_max(WORK);
    for rule in 0..map.rules.len() as u32 {
        for x in 0..3 {
            for size in [0, 1, 4] {
                let args = map.choose_args_for(i64::from(x));
                let osds = map.do_rule(rule, x, size, &weights, args, &mut scratch);
                assert!(osds.len() <= size);
            }
        }
    }
    let bytes = map.to_vec();
    assert_eq!(CrushMap::from_slice(&bytes).as_ref(), Ok(map));
    let _ = CrushMap::from_text(&map.to_text());
}

fn seeds() -> Vec<Vec<u8>> {
    let shape = Shape {
        tunables: Tunables::ARGONAUT,
        algs: &ALGS,
        racks: 2,
        hosts_max: 2,
        osds_max: 3,
        choose_args: true,
    };
    let jewel = Shape { tunables: Tunables::JEWEL, ..shape };
    let golden = include_bytes!("../testdata/crushmap.bin").to_vec();
    vec![golden, make_map(shape, 1).to_vec(), make_map(jewel, 2).to_vec()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn mutated_maps_do_no_harm(
        seed in 0usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(map) = CrushMap::from_slice(&bytes) {
            use_map(&map);
        }
    }

    #[test]
    fn mutated_texts_do_no_harm(
        at in any::<prop::sample::Index>(),
        len in 0usize..9,
        with in "[a-z0-9 {}\\[\\].#-]{0,9}",
    ) {
        let map = CrushMap::from_slice(&seeds()[2]).expect("decodes");
        let mut text = map.to_text();
        let at = at.index(text.len());
        text.replace_range(at..(at + len).min(text.len()), &with);
        if let Ok(map) = CrushMap::from_text(&text) {
            use_map(&map);
        }
    }
}

/// Edits of single words at every place, which byte noise seldom hits.
#[test]
fn every_word_set_to_an_extreme_does_no_harm() {
    let bytes = seeds().swap_remove(2);
    for at in 0..bytes.len().saturating_sub(4) {
        for word in [0u32, 0x7fff_ffff, 0xffff_fff8] {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
            if let Ok(map) = CrushMap::from_slice(&bytes) {
                let weights = vec![0x10000; 30];
                let mut scratch = Scratch::with_work_max(WORK);
                for rule in 0..map.rules.len() as u32 {
                    map.do_rule(rule, 7, 3, &weights, map.choose_args_for(0), &mut scratch);
                }
            }
        }
    }
}

#[test]
fn cycles_and_missing_buckets_end() {
    let mut map = CrushMap::new();
    let bucket = |id, items: &[(i32, u32)]| {
        Some(Bucket::new(id, BucketAlg::Straw2, 1, items, 1).expect("small"))
    };
    let (one, two) = ([(-2, 0x10000)], [(-1, 0x10000)]);
    map.buckets = vec![bucket(-1, &one), bucket(-2, &two), bucket(-3, &[(-9, 0x10000)])];
    let mask = RuleMask { ruleset: 0, kind: 1, size_min: 1, size_max: 10 };
    for (root, op) in [(-1, Op::ChooseLeafFirstN), (-1, Op::ChooseIndep), (-3, Op::ChooseFirstN)] {
        let take = Step::new(Op::Take, root, 0);
        let steps = vec![take, Step::new(op, 0, 2), Step::new(Op::Emit, 0, 0)];
        map.rules.push(Some(Rule { mask, steps }));
    }
    map.max_devices = 10;
    let mut scratch = Scratch::new();
    for rule in 0..3 {
        let osds = map.do_rule(rule, 1, 3, &[0x10000; 10], None, &mut scratch);
        assert!(osds.iter().all(|osd| *osd == ITEM_NONE));
    }
    assert!(CrushMap::from_slice(&map.to_vec()).is_err(), "a cycle is refused");
    map.buckets[0] = None;
    assert!(CrushMap::from_slice(&map.to_vec()).is_err(), "a missing bucket is refused");
}
