//! Mappings compared with Ceph's `crushtool --test`, over maps of every kind of bucket.

mod common;
use common::*;
use crush::*;
use types::enc::{Decode, Encode};

/// Compares `count` inputs for all rules and two result sizes; returns how many mappings it saw.
fn compare(map: &CrushMap, weights: &[u32], sizes: [usize; 2], count: u32, what: &str) -> usize {
    let dir = TempDir::new(&format!("oracle-{}", what.replace(' ', "-")));
    let file = dir.write("map", map.to_vec());
    let mut scratch = Scratch::new();
    let mut seen = 0;
    for size in sizes {
        let (size_text, last) = (size.to_string(), (count - 1).to_string());
        let mut args =
            vec!["-i", text(&file), "--test", "--show-mappings", "--num-rep", &size_text];
        args.extend(["--min-x", "0", "--max-x", &last]);
        let odd: Vec<(String, String)> = weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight != 0x10000)
            .map(|(osd, weight)| (osd.to_string(), format!("{:.9}", f64::from(*weight) / 65536.0)))
            .collect();
        for (osd, weight) in &odd {
            args.extend(["--weight", osd, weight]);
        }
        let output = crushtool_ok(&args);
        let said = [output.stdout, output.stderr].concat();
        for line in String::from_utf8(said).expect("text").lines() {
            let Some(rest) = line.strip_prefix("CRUSH rule ") else { continue };
            let (rule, rest) = rest.split_once(" x ").expect("rule R x X [..]");
            let (x, expected) = rest.split_once(' ').expect("x X [..]");
            let (rule, x) = (rule.parse().expect("number"), x.parse().expect("number"));
            let args = map.choose_args_for(0);
            let ours = map.do_rule(rule, x, size, weights, args, &mut scratch);
            let ours: Vec<String> = ours.iter().map(i32::to_string).collect();
            assert_eq!(
                format!("[{}]", ours.join(",")),
                expected,
                "{what}: rule {rule} x {x} size {size}"
            );
            seen += 1;
        }
    }
    seen
}

#[test]
fn mappings_equal_crushtool() {
    if !crushtool_present("mappings_equal_crushtool") {
        return;
    }
    let profiles = [
        ("argonaut", Tunables::ARGONAUT),
        ("firefly", Tunables::FIREFLY),
        ("jewel", Tunables::JEWEL),
    ];
    let mut seen = 0;
    let mut seed = 0;
    for (profile, tunables) in profiles {
        let kinds = ALGS.chunks(1).chain([&ALGS[..]]);
        for (i, algs) in kinds.enumerate() {
            for choose_args in [false, true] {
                if choose_args && !algs.contains(&BucketAlg::Straw2) {
                    continue;
                }
                seed += 1;
                let shape =
                    Shape { tunables, algs, racks: 4, hosts_max: 5, osds_max: 5, choose_args };
                let map = make_map(shape, seed);
                assert_eq!(CrushMap::from_slice(&map.to_vec()).expect("decodes"), map);
                let weights = make_weights(&map, seed);
                let what = format!("{profile} {i} {choose_args}");
                seen += compare(&map, &weights, [3, 6], 250, &what);
            }
        }
    }
    println!("{seen} mappings equal");
    assert!(seen >= 100_000, "{seen}");
}
