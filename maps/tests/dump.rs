//! Maps as JSON and text, equal to what Ceph's own programs print for the same bytes. The expected
//! files are the output of 16.2.15's `osdmaptool --dump json`, `osdmaptool --print`, `monmaptool
//! --print` and `ceph mon dump`.

use maps::{MonMap, OsdMap};
use serde_json::Value;
use std::collections::BTreeSet;
use types::enc::Decode;

mod common;
use common::{testdata, tool};

/// Numbers by value: Ceph writes more digits of the same double. Key order counts, except in the
/// blocklists, which Ceph lists in the order of its hash table.
fn assert_same(path: &str, ours: &Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            if path.ends_with("blocklist") {
                let (a, b): (BTreeSet<_>, BTreeSet<_>) = (a.keys().collect(), b.keys().collect());
                assert_eq!(a, b, "{path}");
            } else {
                let (a, b): (Vec<_>, Vec<_>) = (a.keys().collect(), b.keys().collect());
                assert_eq!(a, b, "{path}");
            }
            for (key, value) in a {
                assert_same(&format!("{path}/{key}"), value, &b[key]);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{path}");
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                assert_same(&format!("{path}/{i}"), a, b);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            // serde_json reads 17 digits with an error of one unit in the last place.
            let (x, y) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((x - y).abs() <= x.abs() * 1e-15, "{path}: {a} is not {b}");
            assert_eq!(a.is_f64(), b.is_f64(), "{path}");
        }
        _ => assert_eq!(ours, theirs, "{path}"),
    }
}

/// Lines; those of the blocklists sorted, because Ceph lists them in the order of its hash table.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.trim_end().lines().collect();
    let first = lines.iter().position(|l| l.starts_with("blocklist ")).unwrap_or(lines.len());
    lines[first..].sort();
    lines
}

fn text(name: &str) -> String {
    String::from_utf8(testdata(name)).unwrap()
}

#[test]
fn osd_maps_dump_as_in_ceph() {
    for name in ["osdmap", "last"] {
        let map = OsdMap::decode(&testdata(&format!("{name}.full"))).unwrap();
        let theirs: Value = serde_json::from_str(&text(&format!("{name}.json"))).unwrap();
        assert_same(name, &map.dump(), &theirs);
        assert_eq!(lines(&map.print()), lines(&text(&format!("{name}.txt"))));
    }
}

#[test]
fn mon_maps_dump_as_in_ceph() {
    let map = MonMap::from_slice(&testdata("monmap.bin")).unwrap();
    assert_eq!(map.print(), text("monmap.txt"));
    let map = MonMap::from_slice(&testdata("monmap2.bin")).unwrap();
    assert_same("monmap2", &map.dump(), &serde_json::from_str(&text("monmap2.json")).unwrap());
}

#[test]
fn every_few_epochs_dump_as_osdmaptool_does() {
    let Some(osdmaptool) = tool("osdmaptool") else { return };
    let dir = common::TempDir::new("dump");
    for (epoch, map) in common::history() {
        if epoch % 9 != 3 {
            continue;
        }
        let file = dir.write("map", &map.encode());
        let json = common::run(&osdmaptool, &["--dump", "json", &file]);
        assert_same(&epoch.to_string(), &map.dump(), &serde_json::from_str(&json).unwrap());
        let plain = common::run(&osdmaptool, &["--print", &file]);
        assert_eq!(lines(&map.print()), lines(&plain), "epoch {epoch}");
    }
}
