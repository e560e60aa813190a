//! Key layout of the monitor's store. Keys are text, `section/name`; numbers in names are ten digits,
//! so that a range scan meets them in order. docs/formats.md#monitor-store
//!
//! | key                    | value                                               |
//! |------------------------|-----------------------------------------------------|
//! | `log/committed`        | u64, index of the last log entry                    |
//! | `monmap/EPOCH`         | MonMap in Ceph's encoding                           |
//! | `osdmap/full/EPOCH`    | OSDMap in Ceph's encoding, every 64 epochs          |
//! | `osdmap/inc/EPOCH`     | Incremental in Ceph's encoding                      |
//! | `osdmeta/OSD`          | what the OSD said about itself, JSON                |
//! | `auth/entity/NAME`     | key and capabilities                                |
//! | `auth/rotating`        | rotating secrets of all services                    |
//! | `auth/global_id`       | u64, ids below it may be in use                     |
//! | `config/WHO/OPTION`    | text                                                |
//! | `config-key/KEY`       | bytes                                               |
//! | `clog/SEQUENCE`        | one line of the cluster log                         |

use std::collections::BTreeMap;
use types::node::KvChange;

/// The loaded store.
pub type KvMap = BTreeMap<Vec<u8>, Vec<u8>>;

/// `section/name` as a key.
pub fn key(section: &str, name: &str) -> Vec<u8> {
    format!("{section}/{name}").into_bytes()
}

/// A key whose name is a number.
pub fn number_key(section: &str, number: u64) -> Vec<u8> {
    format!("{section}/{number:010}").into_bytes()
}

pub fn put(section: &str, name: &str, value: Vec<u8>) -> KvChange {
    KvChange::Put { key: key(section, name), value }
}

pub fn put_number(section: &str, number: u64, value: Vec<u8>) -> KvChange {
    KvChange::Put { key: number_key(section, number), value }
}

pub fn delete(section: &str, name: &str) -> KvChange {
    KvChange::Delete { key: key(section, name) }
}

pub fn delete_number(section: &str, number: u64) -> KvChange {
    KvChange::Delete { key: number_key(section, number) }
}

/// Every pair of `section`, in key order: the name without `section/`, and the value.
pub fn scan<'a>(map: &'a KvMap, section: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> + 'a {
    let prefix = format!("{section}/").into_bytes();
    let skip = prefix.len();
    map.range(prefix.clone()..)
        .take_while(move |(key, _)| key.starts_with(&prefix))
        .filter_map(move |(key, value)| Some((std::str::from_utf8(&key[skip..]).ok()?, &value[..])))
}

/// The name of `key` within `section`, if it is there.
pub fn name_in<'a>(key: &'a [u8], section: &str) -> Option<&'a str> {
    let rest = key.strip_prefix(section.as_bytes())?.strip_prefix(b"/")?;
    std::str::from_utf8(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_stays_in_its_section_and_in_order() {
        let mut map = KvMap::new();
        for number in [10, 9, 100] {
            map.insert(number_key("a/inc", number), vec![]);
        }
        map.insert(key("a/incx", "1"), vec![]);
        map.insert(key("a", "z"), vec![]);
        let names: Vec<_> = scan(&map, "a/inc").map(|(n, _)| n.parse::<u64>().unwrap()).collect();
        assert_eq!(names, [9, 10, 100]);
        assert_eq!(name_in(b"a/inc/7", "a/inc"), Some("7"));
        assert_eq!(name_in(b"a/incx/7", "a/inc"), None);
    }
}
