//! The text form compared with Ceph's `crushtool -d` and `crushtool -c`, byte for byte.

mod common;
use common::*;
use crush::*;
use types::enc::{Decode, Encode};

fn tool_text(dir: &TempDir, map: &[u8]) -> String {
    let (bin, txt) = (dir.write("map", map), dir.file("text"));
    crushtool_ok(&["-d", text(&bin), "-o", text(&txt)]);
    std::fs::read_to_string(txt).expect("crushtool wrote text")
}

fn tool_compile(dir: &TempDir, source: &str) -> Vec<u8> {
    let (txt, bin) = (dir.write("source", source), dir.file("compiled"));
    crushtool_ok(&["-c", text(&txt), "-o", text(&bin)]);
    std::fs::read(bin).expect("crushtool wrote a map")
}

/// Checks both directions for one map; also that both sides read what the other wrote.
fn check(dir: &TempDir, map: &CrushMap, what: &str) {
    let ours = map.to_text();
    assert_eq!(ours, tool_text(dir, &map.to_vec()), "{what}: decompiled");
    check_source(dir, &ours, what);
}

fn check_source(dir: &TempDir, source: &str, what: &str) -> CrushMap {
    let compiled = CrushMap::from_text(source).unwrap_or_else(|e| panic!("{what}: {e}\n{source}"));
    let expected = tool_compile(dir, source);
    if compiled.to_vec() != expected {
        let expected = CrushMap::from_slice(&expected).expect("crushtool writes maps");
        assert_eq!(compiled, expected, "{what}: compiled");
        panic!("{what}: equal maps with different bytes");
    }
    assert_eq!(compiled.to_text(), tool_text(dir, &expected), "{what}: decompiled again");
    compiled
}

#[test]
fn golden_text_equals_crushtools() {
    if !crushtool_present("golden_text_equals_crushtools") {
        return;
    }
    let map = CrushMap::from_slice(include_bytes!("../testdata/crushmap.bin")).expect("decodes");
    check(&TempDir::new("text-golden"), &map, "golden");
}

#[test]
fn generated_maps_equal_crushtools() {
    if !crushtool_present("generated_maps_equal_crushtools") {
        return;
    }
    let dir = TempDir::new("text-generated");
    for seed in 0..24 {
        let tunables = [Tunables::ARGONAUT, Tunables::FIREFLY, Tunables::JEWEL][seed as usize % 3];
        let algs = match seed % 6 {
            5 => &ALGS[..],
            i => &ALGS[i as usize..][..1],
        };
        let choose_args = seed >= 12;
        let shape = Shape { tunables, algs, racks: 3, hosts_max: 4, osds_max: 6, choose_args };
        check(&dir, &make_map(shape, seed), &format!("seed {seed}"));
    }
}

#[test]
fn maps_with_classes_equal_crushtools() {
    if !crushtool_present("maps_with_classes_equal_crushtools") {
        return;
    }
    let dir = TempDir::new("text-classes");
    for seed in 0..12 {
        let tunables = if seed % 2 == 0 { Tunables::JEWEL } else { Tunables::ARGONAUT };
        let algs = match seed % 3 {
            0 => &ALGS[4..],
            1 => &ALGS[3..4],
            _ => &ALGS[1..2],
        };
        let choose_args = seed >= 6;
        let shape = Shape { tunables, algs, racks: 3, hosts_max: 4, osds_max: 6, choose_args };
        let mut map = make_map(shape, 100 + seed);
        let mut n = Numbers::new(seed);
        for osd in 0..map.max_devices {
            if n.chance(80) {
                let class = ["hdd", "ssd", "nvme"][n.below(3) as usize];
                map.set_device_class(osd, class).expect("the device is there");
            }
        }
        let root = map.roots().into_iter().next().expect("there is a root");
        let root = map.item_name(root).expect("roots have names").to_owned();
        map.create_replicated_rule("fast", &root, "host", Some("ssd")).expect("devices are there");
        map.create_erasure_rule("slow", &root, "osd", Some("hdd")).expect("devices are there");
        check(&dir, &map, &format!("seed {seed}"));
    }
}

/// What people write by hand: left out ids, hashes and weights, places out of order, buckets before
/// their items, comments, all on one line.
const BY_HAND: &str = "
tunable choose_local_tries 0 # comment
tunable choose_total_tries 50
device 0 osd.0 class ssd
device 1 osd.1 class hdd
device 7 osd.7
device 8 osd.8
type 0 osd
type 1 host
type 2 rack
type 10 root

host h1 { id -7 alg tree item osd.0 weight 0.5 pos 2 item osd.1 pos 0 item osd.7 weight 1e1 }
rack rack1 { id -2 id -20 class ssd alg list hash 0 item h1 item h2 weight 3.14159 }
host h2 {
	alg uniform
	hash 0
	item osd.7 weight 2
	item osd.8 weight 2.0
}
root top { alg straw hash rjenkins1 item rack1 item h3 weight 1.234 }
host h3 { alg straw2 item osd.7 weight 0 item osd.1 weight .25 }
rule { ruleset 3 type erasure min_size 3 max_size 4
	step set_chooseleaf_tries 5 step set_choose_tries 100 step set_choose_local_tries 1
	step set_choose_local_fallback_tries 2 step set_chooseleaf_vary_r 1
	step set_chooseleaf_stable 1
	step take top class ssd step chooseleaf indep 0 type host step emit }
rule first { id 1 type replicated min_size 1 max_size 10
	step take rack1 step choose firstn -1 type host step choose firstn 1 type osd step emit
	step take h3 step chooseleaf firstn 2 type osd step choose indep 1 type osd step emit }
choose_args 18446744073709551615 {
	{ bucket_id -7 weight_set [ [ 1 2 3 ] [ 0.1 0.2 0.3 ] ] ids [ -1 5 9 ] }
}
choose_args 3 { }
";

#[test]
fn text_by_hand_compiles_as_crushtool_does() {
    if !crushtool_present("text_by_hand_compiles_as_crushtool_does") {
        return;
    }
    let dir = TempDir::new("text-by-hand");
    // crushtool keeps a weight set of a bucket that is not straw2 until the map is read again, so
    // the hand-written one names a straw2 bucket.
    let source = BY_HAND.replace("host h1 { id -7 alg tree", "host h1 { id -7 alg straw2");
    check_source(&dir, &source, "by hand");
    // crushtool writes stray memory into the shadows of tree buckets, so this one has no classes.
    let without_sets = BY_HAND.split("choose_args").next().expect("text");
    let without_classes = without_sets.replace(" class ssd", "").replace(" class hdd", "");
    check_source(&dir, &without_classes, "by hand, tree");
    check_source(&dir, "device 3 osd.3\ntype 1 device\n", "no bucket");
}

#[test]
fn both_refuse_the_same_texts() {
    let refused = [
        ("tunable nonsense 1", "tunable choose_total_tries 1"),
        ("item osd.7 weight 2\n", "item osd.7 weight 2.5\n"),
        ("item osd.1 pos 0", "item osd.1 pos 2"),
        ("item osd.1 pos 0", "item osd.1 pos 3"),
        ("step take top class ssd", "step take top class none"),
        ("step take top class ssd", "step take nowhere"),
        ("rule first { id 1", "rule first { id 3"),
        ("host h3 {", "nothing h3 {"),
        ("host h3 {", "host h2 {"),
        ("alg list", "alg lost"),
        ("[ 1 2 3 ]", "[ 1 2 ]"),
        ("ids [ -1 5 9 ]", "ids [ -1 5 9 7 ]"),
        ("bucket_id -7", "bucket_id -70"),
        ("item h1 item h2", "item h1 item top"),
        ("max_size 4", "max_size"),
        ("choose_args 3 { }", "choose_args 3 {"),
        ("item osd.0 weight 0.5", "item osd.0 weight 100.1"),
        ("item h1 item h2", "item h1 item h9"),
    ];
    let with_tool = crushtool_present("both_refuse_the_same_texts");
    let dir = TempDir::new("text-refused");
    for (from, to) in refused.iter().skip(1) {
        let source = BY_HAND.replacen(from, to, 1);
        assert_ne!(source, BY_HAND, "{from}");
        assert!(CrushMap::from_text(&source).is_err(), "{to}");
        if with_tool {
            let (txt, bin) = (dir.write("source", &source), dir.file("compiled"));
            let output = crushtool(&["-c", text(&txt), "-o", text(&bin)]);
            assert!(!output.status.success(), "{to}");
        }
    }
    let error = CrushMap::from_text("tunable nonsense 1").expect_err("is no tunable");
    assert_eq!(error.to_string(), "line 1: there is no tunable 'nonsense'");
}
