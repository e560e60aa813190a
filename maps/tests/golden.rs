//! Bytes of real Ceph 16.2.15 clusters: what is read writes the same bytes again, and incrementals
//! lead to the very map that the real monitor made.
//!
//! `incrementals.bin` holds each epoch of a cluster from 1 on as `u32` length and bytes: pools made,
//! removed and renamed, erasure code, snapshots, OSDs down, out, reweighted, created and destroyed,
//! upmaps, pg_temp, blocklists, CRUSH edits, a cache tier. `first.full` and `last.full` are the maps
//! of its first and last epoch.

use maps::{Incremental, MonMap, OsdMap};
use types::enc::{Decode, Encode};

mod common;
use common::{incrementals, testdata};

#[test]
fn full_maps_round_trip() {
    for name in ["osdmap.full", "first.full", "last.full"] {
        let bytes = testdata(name);
        let map = OsdMap::decode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(map.encode() == bytes, "{name}");
        assert_eq!(map.crush.to_vec(), map.crush_raw, "{name}");
    }
}

#[test]
fn monmap_round_trips() {
    let bytes = testdata("monmap.bin");
    assert_eq!(MonMap::from_slice(&bytes).unwrap().to_vec(), bytes);
}

#[test]
fn incrementals_round_trip() {
    for bytes in incrementals() {
        let inc = Incremental::decode(&bytes).unwrap();
        assert!(inc.encode() == bytes, "epoch {}", inc.epoch);
    }
}

#[test]
fn each_incremental_makes_the_map_that_the_monitor_made() {
    let mut map: Option<OsdMap> = None;
    let all = incrementals();
    for bytes in &all {
        let inc = Incremental::decode(bytes).unwrap();
        let map = map.get_or_insert_with(|| OsdMap::new(inc.fsid, inc.modified));
        map.apply(&inc).unwrap_or_else(|e| panic!("epoch {}: {e}", inc.epoch));
        let (full, crc) = map.encode_with_crc();
        assert_eq!(crc, inc.full_crc, "epoch {}", inc.epoch);
        // The cluster's history is in the maps too: a reader of the full map gets the same.
        assert_eq!(OsdMap::decode(&full).unwrap(), *map);
    }
    assert!(map.unwrap().encode() == testdata("last.full"));
    assert!(all.len() > 50);
}
