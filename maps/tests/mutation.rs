//! Damaged bytes give an error or another map, never a panic, and a map that was accepted can be
//! used: placed, dumped and encoded.

#![allow(clippy::disallowed_types)] // Macros of proptest use Arc.

use maps::{Incremental, MonMap, OsdMap};
use proptest::prelude::*;
use types::enc::Decode;
use types::hash::crc32c;

mod common;
use common::{incrementals, testdata};

/// Where the checksum lies, `tail` bytes before the end.
fn fix_checksum(bytes: &mut [u8], tail: usize) {
    let Some(at) = bytes.len().checked_sub(tail + 4) else { return };
    let crc = crc32c(crc32c(!0, &bytes[..at]), &bytes[at + 4..]);
    bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
}

fn use_map(map: &OsdMap) {
    map.encode();
    map.print();
    map.dump();
    // The mapper bounds its work, but a map that asks for 2^31 tries may use all of it on each PG.
    let steps = map.crush.rules.iter().flatten().flat_map(|rule| &rule.steps);
    let tries = steps.map(|step| step.arg1).max().unwrap_or(0);
    let tunables = &map.crush.tunables;
    let local = tunables.choose_local_tries | tunables.choose_local_fallback_tries;
    if tunables.choose_total_tries < 100 && tries < 100 && local < 10 {
        for pool in map.pools.keys() {
            map.pgs_of_pool(*pool).take(2).for_each(|pg| drop(map.pg_to_up_acting(pg)));
        }
    }
}

fn damage(
    bytes: &mut Vec<u8>,
    edits: &[(prop::sample::Index, u8)],
    cut: Option<prop::sample::Index>,
) {
    for (at, value) in edits {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x7f)];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..6)
}

fn cut() -> impl Strategy<Value = Option<prop::sample::Index>> {
    prop_oneof![4 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn full_maps(edits in edits(), cut in cut(), last in any::<bool>()) {
        let mut bytes = testdata(if last { "last.full" } else { "osdmap.full" });
        damage(&mut bytes, &edits, cut);
        fix_checksum(&mut bytes, 0);
        if let Ok(map) = OsdMap::decode(&bytes) {
            use_map(&map);
        }
    }

    #[test]
    fn incremental_maps(edits in edits(), cut in cut(), which in any::<prop::sample::Index>()) {
        let all = incrementals();
        let which = which.index(all.len());
        let mut bytes = all[which].clone();
        damage(&mut bytes, &edits, cut);
        fix_checksum(&mut bytes, 4);
        if let Ok(mut inc) = Incremental::decode(&bytes) {
            let mut map = OsdMap::decode(&testdata("last.full")).unwrap();
            inc.epoch = map.epoch.next();
            inc.fsid = map.fsid;
            if map.apply(&inc).is_ok() {
                use_map(&map);
            }
        }
    }

    #[test]
    fn mon_maps(edits in edits(), cut in cut()) {
        let mut bytes = testdata("monmap.bin");
        damage(&mut bytes, &edits, cut);
        if let Ok(map) = MonMap::from_slice(&bytes) {
            map.print();
            map.dump();
        }
    }

    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = OsdMap::decode(&bytes);
        let _ = Incremental::decode(&bytes);
        let _ = MonMap::from_slice(&bytes);
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    let bytes = testdata("osdmap.full");
    for at in (6..bytes.len()).step_by(97) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(OsdMap::decode(&bad).is_err(), "byte {at}");
    }
}
