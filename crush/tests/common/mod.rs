//! What the tests against `crushtool` share: running it, and maps made from a seed.
#![allow(dead_code)]

use crush::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use types::enc::Encode;

/// Says whether Ceph's `crushtool` is there; prints why a test is skipped when it is not.
pub fn crushtool_present(test: &str) -> bool {
    let present = Command::new("crushtool").arg("--help").output().is_ok();
    if !present {
        println!("{test}: skipped, crushtool (Debian package ceph-base) is not installed");
    }
    present
}

/// A directory that goes away with the value.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kermes-crush-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn crushtool(args: &[&str]) -> Output {
    Command::new("crushtool").args(args).output().expect("crushtool runs")
}

/// Runs `crushtool` and wants success.
pub fn crushtool_ok(args: &[&str]) -> Output {
    let output = crushtool(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "crushtool {args:?}: {said}");
    output
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths are text")
}

/// A stream of numbers from a seed.
pub struct Numbers(u32);

impl Numbers {
    pub fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(7919))
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(1);
        crush::hash::hash2(self.0, 0x5eed) % bound
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }
}

pub const ALGS: [BucketAlg; 5] =
    [BucketAlg::Uniform, BucketAlg::List, BucketAlg::Tree, BucketAlg::Straw, BucketAlg::Straw2];

/// What to make.
#[derive(Clone, Copy)]
pub struct Shape {
    pub tunables: Tunables,
    /// Kinds of bucket to draw from.
    pub algs: &'static [BucketAlg],
    pub racks: u32,
    pub hosts_max: u32,
    pub osds_max: u32,
    pub choose_args: bool,
}

/// Root, racks, hosts, devices, with odd weights and now and then an empty bucket, and rules of
/// many kinds.
pub fn make_map(shape: Shape, seed: u32) -> CrushMap {
    let mut n = Numbers::new(seed);
    let mut map = CrushMap::new();
    map.tunables = shape.tunables;
    for (id, name) in [(0, "osd"), (1, "host"), (2, "rack"), (10, "root")] {
        map.types.insert(id, name.to_owned());
    }
    let version = shape.tunables.straw_calc_version;
    let mut osd = 0;
    let add = |map: &mut CrushMap, n: &mut Numbers, kind: u16, items: &[(i32, u32)]| {
        let alg = shape.algs[n.below(shape.algs.len() as u32) as usize];
        let id = -1 - map.buckets.len() as i32;
        let mut items = items.to_vec();
        if alg == BucketAlg::Uniform
            && let Some((_, first)) = items.first().copied()
        {
            items.iter_mut().for_each(|(_, weight)| *weight = first.max(0x1000));
        }
        let bucket = Bucket::new(id, alg, kind, &items, version).expect("weights are small");
        let weight = bucket.weight;
        let name = format!("{}{}", map.types[&i32::from(kind)], -id);
        map.names.insert(id, name);
        map.buckets.push(Some(bucket));
        (id, weight)
    };
    let mut racks = Vec::new();
    for _ in 0..shape.racks {
        let mut hosts = Vec::new();
        for _ in 0..1 + n.below(shape.hosts_max) {
            let mut osds = Vec::new();
            let count = if n.chance(5) { 0 } else { 1 + n.below(shape.osds_max) };
            for _ in 0..count {
                let weight = match n.below(6) {
                    0 => 0x10000,
                    1 => 0x20000,
                    2 => n.below(0x100000),
                    3 => n.below(200),
                    4 if n.chance(30) => 0,
                    _ => 0x18000,
                };
                map.names.insert(osd, format!("osd.{osd}"));
                osds.push((osd, weight));
                osd += 1;
            }
            hosts.push(add(&mut map, &mut n, 1, &osds));
        }
        racks.push(add(&mut map, &mut n, 2, &hosts));
    }
    let (root, _) = add(&mut map, &mut n, 10, &racks);
    map.recount_devices();
    if shape.choose_args {
        add_choose_args(&mut map, &mut n);
    }
    add_rules(&mut map, root);
    map
}

fn add_choose_args(map: &mut CrushMap, n: &mut Numbers) {
    let mut args = ChooseArgMap::new();
    for bucket in map.all_buckets().filter(|b| b.alg() == BucketAlg::Straw2) {
        let slot = (-1 - bucket.id) as u32;
        let mut set =
            || -> Vec<u32> { (0..bucket.items.len() as u32).map(|_| n.below(0x40000)).collect() };
        let weight_set = match slot % 3 {
            0 => vec![set()],
            _ => vec![set(), set()],
        };
        let ids = match slot % 4 {
            0 if bucket.items.len() > 1 => bucket.items.iter().rev().copied().collect(),
            _ => Vec::new(),
        };
        if !bucket.items.is_empty() {
            args.insert(slot, ChooseArg { weight_set, ids });
        }
    }
    map.choose_args.insert(DEFAULT_CHOOSE_ARGS, args);
}

fn add_rules(map: &mut CrushMap, root: i32) {
    let take = Step::new(Op::Take, root, 0);
    let emit = Step::new(Op::Emit, 0, 0);
    let s = Step::new;
    let bodies: [(u8, Vec<Step>); 10] = [
        (1, vec![take, s(Op::ChooseLeafFirstN, 0, 1), emit]),
        (
            3,
            vec![
                s(Op::SetChooseLeafTries, 5, 0),
                s(Op::SetChooseTries, 100, 0),
                take,
                s(Op::ChooseLeafIndep, 0, 1),
                emit,
            ],
        ),
        (1, vec![take, s(Op::ChooseFirstN, 0, 0), emit]),
        (3, vec![take, s(Op::ChooseIndep, 0, 0), emit]),
        (1, vec![take, s(Op::ChooseFirstN, 2, 2), s(Op::ChooseLeafFirstN, 2, 1), emit]),
        (3, vec![take, s(Op::ChooseIndep, 3, 2), s(Op::ChooseLeafIndep, 2, 1), emit]),
        (
            1,
            vec![
                s(Op::SetChooseLocalTries, 3, 0),
                s(Op::SetChooseLocalFallbackTries, 2, 0),
                s(Op::SetChooseLeafVaryR, 2, 0),
                s(Op::SetChooseLeafStable, 0, 0),
                take,
                s(Op::ChooseLeafFirstN, 0, 2),
                emit,
            ],
        ),
        (
            1,
            vec![
                take,
                s(Op::ChooseLeafFirstN, 1, 2),
                emit,
                take,
                s(Op::ChooseLeafFirstN, -1, 1),
                emit,
            ],
        ),
        (
            1,
            vec![
                s(Op::SetChooseTries, 3, 0),
                take,
                s(Op::ChooseFirstN, 0, 1),
                s(Op::ChooseFirstN, 1, 0),
                emit,
            ],
        ),
        (3, vec![take, s(Op::ChooseLeafIndep, 0, 0), emit]),
    ];
    for (ruleset, (kind, steps)) in bodies.into_iter().enumerate() {
        let mask = RuleMask { ruleset: ruleset as u8, kind, size_min: 1, size_max: 10 };
        map.rule_names.insert(ruleset as i32, format!("rule-{ruleset}"));
        map.rules.push(Some(Rule { mask, steps }));
    }
}

/// Share of each device that is in: mostly all, some part, some none.
pub fn make_weights(map: &CrushMap, seed: u32) -> Vec<u32> {
    let mut n = Numbers::new(seed ^ 0xabcd);
    let weight = |n: &mut Numbers| match n.below(10) {
        0 => 0,
        1 => n.below(0x10000),
        _ => 0x10000,
    };
    (0..map.max_devices).map(|_| weight(&mut n)).collect()
}

pub fn encoded(map: &CrushMap) -> Vec<u8> {
    map.to_vec()
}
