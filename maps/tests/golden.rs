//! Bytes of real Ceph 16.2.15 clusters: what is read writes the same bytes again, and incrementals
//! lead to the very map that the real monitor made.
//!
//! `incrementals.bin` holds each epoch of a cluster from 1 on as `u32` length and bytes: pools made,
//! removed and renamed, erasure code, snapshots, OSDs down, out, reweighted, created and destroyed,
//! upmaps, pg_temp, blocklists, CRUSH edits, a cache tier. `first.full` and `last.full` are the maps
//! of its first and last epoch.

use maps::{Incremental, MonMap, OsdMap, PgPool, pool_flags};
use types::enc::{Decode, Encode};
use types::{Epoch, Fsid, UTime};

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

/// What a monitor of 16.2.15 starts a cluster with is what we make from nothing but the CRUSH map
/// and the default erasure-code profile.
#[test]
fn a_fresh_map_is_that_of_a_fresh_cluster() {
    let first = OsdMap::decode(&testdata("first.full")).unwrap();
    let mut ours = OsdMap::new(first.fsid, first.created);
    ours.epoch = Epoch(1);
    ours.set_crush(first.crush.clone());
    ours.erasure_code_profiles = first.erasure_code_profiles.clone();
    assert!(ours.encode() == testdata("first.full"));
}

#[test]
fn a_new_pool_is_as_the_monitor_makes_it() {
    for (name, pg_num) in [("p12", 12), ("p48", 48)] {
        let maps = common::history().into_iter();
        let made = maps.map(|(_, map)| map).find(|map| map.pool_id(name).is_some()).unwrap();
        let theirs = made.pool(made.pool_id(name).unwrap()).unwrap();
        let mut ours = PgPool::new_replicated(3, pg_num, 0, made.epoch, theirs.create_time);
        // That cluster is set not to scale PGs by itself.
        ours.pg_autoscale_mode = 0;
        assert_eq!(&ours, theirs);
        assert!(ours.has_flag(pool_flags::CREATING));
    }
}

#[test]
fn older_layouts_and_other_versions_are_refused() {
    let mut bytes = testdata("osdmap.full");
    bytes[0] = 7;
    assert!(OsdMap::decode(&bytes).is_err());
    assert!(OsdMap::decode(&[]).is_err());
    let empty = OsdMap::new(Fsid::default(), UTime::default());
    let mut twice = empty.encode();
    assert_eq!(OsdMap::decode(&twice).unwrap(), empty);
    twice.push(0);
    assert!(OsdMap::decode(&twice).is_err());
}
