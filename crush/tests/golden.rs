//! The map of a real cluster: decoded to the last byte and encoded to the same bytes.

use crush::{CrushMap, Scratch};
use types::enc::{Decode, Encode};

const GOLDEN: &[u8] = include_bytes!("../testdata/crushmap.bin");

#[test]
fn golden_map_round_trips() {
    let map = CrushMap::from_slice(GOLDEN).expect("a real map decodes");
    assert_eq!(map.to_vec(), GOLDEN);
    assert_eq!(map.types[&0], "osd");
    assert_eq!(map.rule_names[&0], "replicated_rule");
    assert_eq!(map.tunables, crush::Tunables::JEWEL);
}

#[test]
fn older_maps_end_early() {
    let full = CrushMap::from_slice(GOLDEN).expect("a real map decodes");
    // The empty choose_args take 4 bytes; the tail before them was added in one version.
    let before_choose_args = CrushMap::from_slice(&GOLDEN[..GOLDEN.len() - 4]).expect("decodes");
    assert_eq!(before_choose_args, full);
    let tail = [full.class_map.to_vec(), full.class_names.to_vec(), full.class_buckets.to_vec()];
    let end = GOLDEN.len() - 4 - tail.iter().map(Vec::len).sum::<usize>();
    let before_luminous = CrushMap::from_slice(&GOLDEN[..end]).expect("decodes");
    assert!(before_luminous.class_names.is_empty());
    assert_eq!(before_luminous.tunables, full.tunables);
    let before_tunables = CrushMap::from_slice(&GOLDEN[..end - 23]).expect("decodes");
    assert_eq!(before_tunables.tunables, crush::Tunables::ARGONAUT);
    for cut in 0..end - 23 {
        assert!(CrushMap::from_slice(&GOLDEN[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn golden_map_places_on_its_devices() {
    let map = CrushMap::from_slice(GOLDEN).expect("a real map decodes");
    let weights = vec![0x10000; map.max_devices as usize];
    let mut scratch = Scratch::new();
    for x in 0..100 {
        let osds = map.do_rule(0, x, 3, &weights, None, &mut scratch);
        assert!(!osds.is_empty() && osds.iter().all(|osd| (0..map.max_devices).contains(osd)));
    }
}
