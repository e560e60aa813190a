//! Edits compared with Ceph's `crushtool`, map for map and byte for byte, and the rules that hold
//! for every edit.

mod common;
use common::*;
use crush::builder::{EditError, Location};
use crush::*;
use types::enc::{Decode, Encode};

fn loc(pairs: &[(&str, &str)]) -> Location {
    pairs.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

/// One edit of our map and the same by `crushtool` on a file; both results must be equal bytes.
struct Both {
    dir: TempDir,
    map: CrushMap,
    step: usize,
}

impl Both {
    fn new(name: &str, map: CrushMap) -> Self {
        Self { dir: TempDir::new(name), map, step: 0 }
    }

    fn edit(&mut self, args: &[&str], edit: impl FnOnce(&mut CrushMap) -> Result<(), EditError>) {
        self.step += 1;
        let what = format!("step {}: {args:?}", self.step);
        let (before, after) = (self.dir.write("before", self.map.to_vec()), self.dir.file("after"));
        let _ = std::fs::remove_file(&after);
        let mut all = vec!["-i", text(&before)];
        all.extend(args);
        all.extend(["-o", text(&after)]);
        crushtool_ok(&all);
        let expected = std::fs::read(&after).expect("crushtool wrote a map");
        edit(&mut self.map).unwrap_or_else(|error| panic!("{what}: {error}"));
        if self.map.to_vec() != expected {
            let expected = CrushMap::from_slice(&expected).expect("crushtool writes maps");
            assert_eq!(self.map, expected, "{what}");
            panic!("{what}: equal maps with different bytes");
        }
    }
}

fn base_map(alg: u32) -> CrushMap {
    let mut map = CrushMap::with_default_root();
    map.tunables.allowed_bucket_algs = 1 << alg;
    map
}

/// A life of a map: devices come, move, change weight, get rules, and go.
fn exercise(both: &mut Both) {
    let l = |both: &mut Both, osd: i32, weight: &str, host: &str, rack: &str| {
        let name = format!("osd.{osd}");
        let id = osd.to_string();
        let place = [("host", host), ("rack", rack), ("root", "default")];
        let mut args = vec!["--add-item", &id, weight, &name];
        for (kind, name) in place {
            args.extend(["--loc", kind, name]);
        }
        let weight = crush::builder::weight_from_f64(weight.parse().expect("number"));
        let weight = weight.expect("in range");
        both.edit(&args, |map| map.insert_item(osd, weight, &name, &loc(&place)));
    };
    l(both, 0, "1", "a", "r1");
    l(both, 1, "2", "a", "r1");
    l(both, 2, "0.5", "b", "r1");
    l(both, 3, "3.25", "c", "r2");
    l(both, 4, "1", "d", "r2");
    l(both, 9, "0", "d", "r2");
    both.edit(&["--reweight-item", "osd.1", "4.5"], |m| m.set_item_weight(1, 0x48000));
    both.edit(&["--reweight-item", "osd.9", "1"], |m| m.set_item_weight(9, 0x10000));
    both.edit(&["--create-replicated-rule", "r", "default", "host"], |m| {
        m.create_replicated_rule("r", "default", "host", None).map(|_| ())
    });
    both.edit(&["--create-replicated-rule", "s", "r1", "osd"], |m| {
        m.create_replicated_rule("s", "r1", "osd", None).map(|_| ())
    });
    both.edit(&["--create-simple-rule", "e", "default", "host", "indep"], |m| {
        m.create_erasure_rule("e", "default", "host", None)?;
        // crushtool makes its simple rules for replicated pools.
        let rule = m.rules[2].as_mut().expect("the rule was just made");
        rule.mask.kind = 1;
        Ok(())
    });
    let place = [("rack", "r2")];
    both.edit(&["--move", "b", "--loc", "rack", "r2"], |m| {
        m.move_bucket(m.require_item("b")?, &loc(&place))
    });
    let place = [("host", "a"), ("rack", "r1"), ("root", "default")];
    let args = ["--update-item", "3", "3.25", "osd.3", "--loc", "host", "a", "--loc", "rack", "r1"];
    both.edit(&[&args[..], &["--loc", "root", "default"]].concat(), |m| {
        m.update_item(3, 0x34000, "osd.3", &loc(&place)).map(|_| ())
    });
    both.edit(&["--remove-item", "c"], |m| m.remove_item(m.require_item("c")?, false));
    both.edit(&["--remove-item", "osd.0"], |m| m.remove_item(0, false));
    both.edit(&["--add-bucket", "e1", "host", "--loc", "rack", "r1"], |m| {
        m.add_bucket("e1", "host")?;
        m.move_bucket(m.require_item("e1")?, &loc(&[("rack", "r1")]))
    });
    l(both, 0, "7", "e1", "r1");
    both.edit(&["--remove-rule", "s"], |m| m.remove_rule("s"));
    both.edit(&["--create-replicated-rule", "t", "default", "rack"], |m| {
        m.create_replicated_rule("t", "default", "rack", None).map(|_| ())
    });
    both.edit(&["--reweight"], CrushMap::reweight_all);
}

#[test]
fn edits_equal_crushtools() {
    if !crushtool_present("edits_equal_crushtools") {
        return;
    }
    // Uniform buckets refuse odd weights; crushtool writes stray memory into growing trees and dies
    // when a list bucket becomes empty.
    for alg in [4, 5] {
        exercise(&mut Both::new(&format!("edit-{alg}"), base_map(alg)));
    }
}

#[test]
fn edits_with_classes_equal_crushtools() {
    if !crushtool_present("edits_with_classes_equal_crushtools") {
        return;
    }
    for alg in [4, 5] {
        let mut map = base_map(alg);
        for osd in 20..26 {
            let host = format!("h{}", osd % 3);
            let place = loc(&[("host", &host), ("root", "default")]);
            map.insert_item(osd, 0x10000, &format!("osd.{osd}"), &place).expect("inserts");
            let class = ["hdd", "ssd"][osd as usize % 2];
            assert!(map.set_device_class(osd, class).expect("the device is there"));
        }
        map.create_replicated_rule("fast", "default", "host", Some("ssd")).expect("has devices");
        let mut both = Both::new(&format!("edit-class-{alg}"), map);
        both.edit(&["--rebuild-class-roots"], CrushMap::rebuild_shadows);
        let args = ["--create-replicated-rule", "slow", "default", "osd", "--device-class", "hdd"];
        both.edit(&args, |m| {
            m.create_replicated_rule("slow", "default", "osd", Some("hdd")).map(|_| ())
        });
        exercise_with_classes(&mut both);
    }
}

fn exercise_with_classes(both: &mut Both) {
    both.edit(&["--reweight-item", "osd.21", "4.5"], |m| m.set_item_weight(21, 0x48000));
    let place = [("host", "h9"), ("rack", "r9"), ("root", "default")];
    let args = ["--loc", "host", "h9", "--loc", "rack", "r9", "--loc", "root", "default"];
    both.edit(&[&["--update-item", "22", "2", "osd.22"], &args[..]].concat(), |m| {
        m.update_item(22, 0x20000, "osd.22", &loc(&place)).map(|_| ())
    });
    both.edit(&["--move", "h0", "--loc", "rack", "r9"], |m| {
        m.move_bucket(m.require_item("h0")?, &loc(&[("rack", "r9")]))
    });
    both.edit(&["--remove-item", "osd.23"], |m| m.remove_item(23, false));
    both.edit(&["--remove-rule", "fast"], |m| m.remove_rule("fast"));
}

#[test]
fn edits_with_weight_sets_equal_crushtools() {
    if !crushtool_present("edits_with_weight_sets_equal_crushtools") {
        return;
    }
    let mut map = base_map(5);
    for osd in 20..26 {
        let host = format!("h{}", osd % 3);
        let place = loc(&[("host", &host), ("root", "default")]);
        map.insert_item(osd, 0x10000, &format!("osd.{osd}"), &place).expect("inserts");
        map.set_device_class(osd, "hdd").expect("the device is there");
    }
    assert!(map.create_weight_set(DEFAULT_CHOOSE_ARGS, 1));
    // With more than one position crushtool gives the shadows of inner buckets no weight in the
    // others than the last; ours have the sums.
    assert!(map.create_weight_set(7, 1));
    map.set_weight_set_weight(7, 21, &[0x8000]).expect("the item is there");
    exercise_with_classes_without_rules(&mut Both::new("edit-weight-set", map));
}

fn exercise_with_classes_without_rules(both: &mut Both) {
    both.edit(&["--rebuild-class-roots"], CrushMap::rebuild_shadows);
    both.edit(&["--reweight-item", "osd.21", "4.5"], |m| m.set_item_weight(21, 0x48000));
    both.edit(&["--remove-item", "osd.23"], |m| m.remove_item(23, false));
    let args = ["--loc", "host", "h1", "--loc", "root", "default"];
    let place = [("host", "h1"), ("root", "default")];
    both.edit(&[&["--add-item", "30", "2", "osd.30"], &args[..]].concat(), |m| {
        m.insert_item(30, 0x20000, "osd.30", &loc(&place))
    });
}

#[test]
fn refused_edits_change_nothing() {
    let mut map = base_map(5);
    let place = loc(&[("host", "a"), ("root", "default")]);
    map.insert_item(0, 0x10000, "osd.0", &place).expect("inserts");
    map.insert_item(1, 0x10000, "osd.1", &loc(&[("host", "b"), ("root", "default")])).expect("ok");
    map.set_device_class(0, "ssd").expect("the device is there");
    map.create_replicated_rule("fast", "default", "host", Some("ssd")).expect("has devices");
    let (a, root) =
        (map.require_item("a").expect("there"), map.require_item("default").expect("x"));
    let shadow = map.require_item("a~ssd").expect("there");
    let before = map.clone();
    let name = |name: &str| name.to_owned();
    let check = |result: Result<(), EditError>, expected: EditError, map: &CrushMap| {
        assert_eq!(result, Err(expected));
        assert_eq!(*map, before);
    };
    let r = map.insert_item(0, 1, "osd.0", &place);
    check(r, EditError::AlreadyThere { id: 0 }, &map);
    let r = map.insert_item(2, 1, "osd.0", &place);
    check(r, EditError::NameInUse { name: name("osd.0") }, &map);
    let r = map.insert_item(2, 1, "osd 2", &place);
    check(r, EditError::InvalidName { name: name("osd 2") }, &map);
    let r = map.insert_item(2, 1, "osd.2", &Location::new());
    check(r, EditError::NoLocation, &map);
    let r = map.insert_item(2, 1, "osd.2", &loc(&[("rack", "a")]));
    check(r, EditError::WrongLevel { id: a }, &map);
    let r = map.insert_item(i32::MAX, 1, "osd.2", &place);
    check(r, EditError::InvalidDevice { id: i32::MAX }, &map);
    let r = map.move_bucket(root, &loc(&[("host", "a")]));
    check(r, EditError::Loop { id: root }, &map);
    let r = map.move_bucket(shadow, &loc(&[("root", "default")]));
    check(r, EditError::Shadow { id: shadow }, &map);
    let r = map.remove_item(a, false);
    check(r, EditError::NotEmpty { id: a }, &map);
    let r = map.remove_item(77, false);
    check(r, EditError::NoSuchItem { id: 77 }, &map);
    let r = map.set_item_weight(77, 1);
    check(r, EditError::NoSuchItem { id: 77 }, &map);
    let r = map.set_item_weight(0, u32::MAX);
    check(r, EditError::WeightOverflow { id: root }, &map);
    let r = map.set_device_class(0, "hdd").map(|_| ());
    check(r, EditError::InUse { id: 0 }, &map);
    let r = map.remove_class("ssd");
    check(r, EditError::InUse { id: 0 }, &map);
    let r = map.create_replicated_rule("fast", "default", "host", None).map(|_| ());
    check(r, EditError::NameInUse { name: name("fast") }, &map);
    let r = map.create_replicated_rule("x", "default", "host", Some("hdd")).map(|_| ());
    check(r, EditError::NoSuchClass { name: name("hdd") }, &map);
    let r = map.create_replicated_rule("x", "default", "galaxy", None).map(|_| ());
    check(r, EditError::NoSuchType { name: name("galaxy") }, &map);
}

#[test]
fn shadows_keep_their_ids() {
    let mut map = base_map(5);
    for osd in 0..6 {
        let host = format!("h{}", osd % 3);
        let place = loc(&[("host", &host), ("root", "default")]);
        map.insert_item(osd, 0x10000, &format!("osd.{osd}"), &place).expect("inserts");
        map.set_device_class(osd, "hdd").expect("the device is there");
    }
    let shadows = map.class_buckets.clone();
    assert_eq!(map.bucket(map.require_item("default~hdd").expect("x")).expect("x").weight, 6 << 16);
    map.set_item_weight(3, 0x20000).expect("the device is there");
    assert_eq!(map.bucket(map.require_item("default~hdd").expect("x")).expect("x").weight, 7 << 16);
    let h9 = loc(&[("host", "h9"), ("root", "default")]);
    assert!(map.create_or_move_item(3, 1, "osd.3", &h9).expect("moves"));
    assert!(!map.create_or_move_item(3, 1, "osd.3", &h9).expect("is there"));
    assert_eq!(map.item_weight(3), Some(0x20000), "a moved item keeps its weight");
    for (bucket, by_class) in shadows {
        assert_eq!(map.class_buckets[&bucket], by_class);
    }
    for osd in 0..6 {
        map.remove_device_class(osd).expect("the device is there");
    }
    assert!(map.class_names.is_empty() && map.class_buckets.is_empty());
    assert!(map.names.values().all(|name| !name.contains('~')));
}
