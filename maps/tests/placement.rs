//! Placement over generated maps, PG by PG equal to `osdmaptool --test-map-pgs-dump-all`, and maps
//! made with our own API as Ceph's programs read them.

use crush::{
    Bucket, BucketWeights, ChooseArg, ChooseArgMap, CrushMap, DEFAULT_CHOOSE_ARGS, Op, Rule,
    RuleMask, Scratch, Step,
};
use maps::{AFFINITY_DEFAULT, MonMap, OSD_NONE, OsdMap, PgPool, PoolKind, osd_state, pool_flags};
use std::fmt::Write;
use types::enc::Encode;
use types::{AddrKind, EntityAddr, EntityAddrVec, Epoch, Fsid, ObjectLocator, PgId, PoolId, UTime};

mod common;
use common::{TempDir, run, tool};

const NOW: UTime = UTime { sec: 1_800_000_000, nsec: 123_456_000 };

struct Random(u64);
impl Random {
    /// A number below `count`.
    fn below(&mut self, count: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % count as u64) as u32
    }
    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }
    fn distinct(&mut self, count: usize, of: u32) -> Vec<i32> {
        let mut all: Vec<i32> = Vec::new();
        while all.len() < count {
            let osd = self.below(of) as i32;
            if !all.contains(&osd) {
                all.push(osd);
            }
        }
        all
    }
}

fn straw2(id: i32, kind: u16, items: Vec<i32>, weights: Vec<u32>) -> Bucket {
    let weight = weights.iter().sum();
    Bucket { id, kind, hash: 0, weight, items, weights: BucketWeights::Straw2 { items: weights } }
}

fn rule(id: u8, kind: u8, steps: &[(Op, i32, i32)]) -> Option<Rule> {
    let mask = RuleMask { ruleset: id, kind, size_min: 1, size_max: 10 };
    let steps = steps.iter().map(|(op, a, b)| Step::new(*op, *a, *b)).collect();
    Some(Rule { mask, steps })
}

/// A root of racks of hosts of OSDs with odd weights; rules: 0 by host, 1 indep by OSD, 2 by OSD.
fn hierarchy(rng: &mut Random, osds: u32) -> CrushMap {
    let mut map = CrushMap::new();
    map.types = [(0, "osd"), (1, "host"), (3, "rack"), (11, "root")]
        .map(|(id, name)| (id, name.to_owned()))
        .into();
    let (mut buckets, mut racks, mut rack) = (vec![None], Vec::new(), Vec::new());
    let mut next = 0;
    while next < osds {
        let count = (1 + rng.below(5)).min(osds - next);
        let items: Vec<i32> = (next..next + count).map(|osd| osd as i32).collect();
        let weights = items.iter().map(|_| 0x4000 + rng.below(0x3_0000)).collect();
        next += count;
        let id = -1 - buckets.len() as i32;
        let host = straw2(id, 1, items, weights);
        map.names.insert(id, format!("host{id}"));
        rack.push((id, host.weight));
        buckets.push(Some(host));
        if rack.len() == 4 || next == osds {
            let id = -1 - buckets.len() as i32;
            let (items, weights) = rack.drain(..).unzip();
            let bucket = straw2(id, 3, items, weights);
            map.names.insert(id, format!("rack{id}"));
            racks.push((id, bucket.weight));
            buckets.push(Some(bucket));
        }
    }
    let (items, weights) = racks.into_iter().unzip();
    buckets[0] = Some(straw2(-1, 11, items, weights));
    map.names.insert(-1, "default".to_owned());
    map.names.extend((0..osds as i32).map(|osd| (osd, format!("osd.{osd}"))));
    map.buckets = buckets;
    map.rules = vec![
        rule(0, 1, &[(Op::Take, -1, 0), (Op::ChooseLeafFirstN, 0, 1), (Op::Emit, 0, 0)]),
        rule(
            1,
            3,
            &[
                (Op::SetChooseLeafTries, 5, 0),
                (Op::Take, -1, 0),
                (Op::ChooseIndep, 0, 0),
                (Op::Emit, 0, 0),
            ],
        ),
        rule(2, 1, &[(Op::Take, -1, 0), (Op::ChooseFirstN, 0, 0), (Op::Emit, 0, 0)]),
    ];
    map.rule_names = (0..3).map(|id| (id, format!("rule{id}"))).collect();
    map.recount_devices();
    map
}

/// Other weights for every bucket; with `positions` sets each, and other hash ids in hosts.
fn choose_args(rng: &mut Random, map: &CrushMap, positions: usize, ids: bool) -> ChooseArgMap {
    let mut args = ChooseArgMap::new();
    for (slot, bucket) in map.buckets.iter().enumerate().filter_map(|(s, b)| Some((s, b.as_ref()?)))
    {
        let mut set = |_| bucket.items.iter().map(|_| 0x1000 + rng.below(0x4_0000)).collect();
        let weight_set = (0..positions).map(&mut set).collect();
        let other = bucket.items.iter().map(|item| item ^ 0x100).collect();
        let ids = if ids && bucket.kind == 1 { other } else { Vec::new() };
        args.insert(slot as u32, ChooseArg { weight_set, ids });
    }
    args
}

fn random_osds(rng: &mut Random, map: &mut OsdMap) {
    for osd in 0..map.max_osd() as usize {
        map.state[osd] = match rng.below(12) {
            0 => 0,
            1 => osd_state::EXISTS,
            _ => osd_state::EXISTS | osd_state::UP,
        };
        map.weight[osd] = match rng.below(6) {
            0 => 0,
            1 => 1 + rng.below(0xffff),
            _ => 0x1_0000,
        };
    }
}

fn random_affinity(rng: &mut Random, map: &mut OsdMap) {
    let mut affinity = |_| match rng.below(4) {
        0 => 0,
        1 => rng.below(0x1_0000),
        _ => AFFINITY_DEFAULT,
    };
    map.primary_affinity = (0..map.max_osd()).map(&mut affinity).collect();
}

fn random_exceptions(rng: &mut Random, map: &mut OsdMap) {
    let max = map.max_osd();
    let pgs: Vec<PgId> = map.pools.keys().flat_map(|pool| map.pgs_of_pool(*pool)).collect();
    let mut scratch = Scratch::new();
    for pg in pgs {
        let pool = &map.pools[&pg.pool];
        let (size, holes) = (pool.size as usize, !pool.is_replicated());
        let set = |rng: &mut Random| {
            let mut osds = rng.distinct(size, max);
            if holes && rng.one_in(3) {
                osds[rng.below(size as u32) as usize] = OSD_NONE;
            }
            osds
        };
        if rng.one_in(12) {
            map.pg_upmap.insert(pg, set(rng));
        }
        if rng.one_in(6) {
            let raw = map.pg_to_raw(pg, &mut scratch);
            let mut items: Vec<(i32, i32)> = Vec::new();
            for from in raw.into_iter().filter(|osd| *osd != OSD_NONE).take(2) {
                items.push((from, rng.below(max) as i32));
            }
            items.push((rng.below(max) as i32, rng.below(max) as i32));
            map.pg_upmap_items.insert(pg, items);
        }
        if rng.one_in(15) {
            map.pg_temp.insert(pg, set(rng));
        }
        if rng.one_in(25) {
            map.primary_temp.insert(pg, rng.below(max) as i32);
        }
    }
}

fn pool(kind: PoolKind, size: u8, pg_num: u32, rule: u8) -> PgPool {
    let mut pool = PgPool::new_replicated(size, pg_num, rule, Epoch(1), NOW);
    pool.kind = kind;
    pool
}

fn generated(seed: u64) -> OsdMap {
    let rng = &mut Random(seed);
    let mut map = OsdMap::new(Fsid([seed as u8 + 1; 16]), NOW);
    map.epoch = Epoch(1 + rng.below(1000));
    let osds = 20 + rng.below(60);
    map.set_max_osd(osds);
    random_osds(rng, &mut map);
    let mut crush = hierarchy(rng, osds);
    if !seed.is_multiple_of(3) {
        let args = choose_args(rng, &crush, 1, false);
        crush.choose_args.insert(DEFAULT_CHOOSE_ARGS, args);
    }
    if seed % 3 == 2 {
        let args = choose_args(rng, &crush, 3, true);
        crush.choose_args.insert(3, args);
    }
    map.set_crush(crush);
    let mut folded = pool(PoolKind::Replicated, 3, 700 + rng.below(300), 0);
    folded.pgp_num = 1 + folded.pg_num / 3;
    let mut legacy = pool(PoolKind::Replicated, 2, 257 + rng.below(200), 2);
    legacy.flags &= !pool_flags::HASHPSPOOL;
    for (id, pool) in [
        (1, pool(PoolKind::Replicated, 3, 1024, 0)),
        (2, folded),
        (3, pool(PoolKind::Erasure, 6, 500 + rng.below(600), 1)),
        (7, pool(PoolKind::Erasure, 4, 128, 1)),
        (9, legacy),
        (300, pool(PoolKind::Replicated, 1, 99, 2)),
        (301, pool(PoolKind::Replicated, 3, 2000, 0)),
    ] {
        map.pools.insert(PoolId(id), pool);
        map.pool_names.insert(PoolId(id), format!("pool{id}"));
        map.pool_max = id as i32;
    }
    if !seed.is_multiple_of(4) {
        random_affinity(rng, &mut map);
    }
    if !seed.is_multiple_of(5) {
        random_exceptions(rng, &mut map);
    }
    map
}

/// Our answer in the words of osdmaptool.
fn dump_all(map: &OsdMap) -> (String, usize) {
    let mut out = String::new();
    let mut scratch = Scratch::new();
    let mut count = 0;
    let set = |osds: &[i32], primary: i32| format!("({}, p{primary})", maps::text::list(osds));
    for (id, pool) in &map.pools {
        let _ = writeln!(out, "pool {id} pg_num {}", pool.pg_num);
        for pg in map.pgs_of_pool(*id) {
            let raw = map.pg_to_raw(pg, &mut scratch);
            let first = raw.iter().find(|osd| **osd != OSD_NONE).copied().unwrap_or(-1);
            let m = map.pg_to_up_acting_with(pg, &mut scratch);
            let (up, acting) = (set(&m.up, m.up_primary), set(&m.acting, m.acting_primary));
            let _ = writeln!(out, "{pg} raw {} up {up} acting {acting}", set(&raw, first));
            count += 1;
        }
    }
    (out, count)
}

#[test]
fn generated_maps_place_as_osdmaptool_does() {
    let Some(osdmaptool) = tool("osdmaptool") else { return };
    let dir = TempDir::new("place");
    let mut compared = 0;
    for seed in 0..12 {
        let map = generated(seed);
        let file = dir.write("map", &map.encode());
        let theirs = run(&osdmaptool, &["--test-map-pgs-dump-all", &file]);
        let (ours, count) = dump_all(&map);
        compared += count;
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "seed {seed}");
        }
        assert!(theirs.lines().nth(ours.lines().count()).is_some_and(|l| l.starts_with("#osd")));
    }
    println!("{compared} PGs compared");
    assert!(compared > 50_000);
}

#[test]
fn a_real_clusters_epochs_place_as_osdmaptool_does() {
    let Some(osdmaptool) = tool("osdmaptool") else { return };
    let dir = TempDir::new("place-real");
    for (epoch, map) in common::history().into_iter().step_by(7) {
        let file = dir.write("map", &map.encode());
        let theirs = run(&osdmaptool, &["--test-map-pgs-dump-all", &file]);
        for (ours, theirs) in dump_all(&map).0.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "epoch {epoch}");
        }
    }
}

#[test]
fn objects_map_as_osdmaptool_maps_them() {
    let Some(osdmaptool) = tool("osdmaptool") else { return };
    let dir = TempDir::new("object");
    let map = generated(4);
    let file = dir.write("map", &map.encode());
    let names = ["", "a", "foo", "rbd_data.1234.0000000000000000", "exactly-twelve-bytes-24b", "ü"];
    for (name, pool) in names.iter().skip(1).flat_map(|name| [(name, 2), (name, 3), (name, 9)]) {
        let args = ["--test-map-object", name, "--pool", &pool.to_string(), &file];
        let theirs = run(&osdmaptool, &args);
        let pg = map.object_to_pg(&ObjectLocator::new(PoolId(pool), ""), name).unwrap();
        let acting = map.pg_to_up_acting(pg).acting;
        let ours = format!(" object '{name}' -> {pg} -> {}\n", maps::text::list(acting));
        assert_eq!(ours, theirs);
    }
}

#[test]
fn osdmaptool_prints_our_map_as_we_do() {
    let Some(osdmaptool) = tool("osdmaptool") else { return };
    let dir = TempDir::new("print");
    let map = generated(7);
    let file = dir.write("map", &map.encode());
    assert_eq!(run(&osdmaptool, &["--print", &file]).trim_end(), map.print().trim_end());
}

#[test]
fn monmaptool_prints_our_map_as_we_do() {
    let Some(monmaptool) = tool("monmaptool") else { return };
    let dir = TempDir::new("monmap");
    let mut map = MonMap::new(Fsid([7; 16]), NOW);
    for (name, port) in [("c", 3300), ("a", 3301), ("b", 3302)] {
        let v2 = EntityAddr::parse(&format!("127.0.0.1:{port}"), AddrKind::Msgr2).unwrap();
        let v1 = EntityAddr::parse(&format!("127.0.0.1:{}", port + 10), AddrKind::Legacy).unwrap();
        assert!(map.add(name, EntityAddrVec(vec![v2, v1])));
    }
    assert!(!map.add("a", EntityAddrVec::default()));
    map.epoch = Epoch(1);
    map.min_mon_release = maps::Release::PACIFIC;
    let file = dir.write("map", &map.to_vec());
    let theirs = run(&monmaptool, &["--print", &file]);
    assert_eq!(theirs.split_once('\n').unwrap().1, map.print());
}

/// What `ceph osd map POOL OBJECT [NAMESPACE]` answered on a real cluster, and its map.
#[test]
fn objects_in_namespaces_map_as_a_real_monitor_maps_them() {
    let map = OsdMap::decode(&common::testdata("objects.full")).unwrap();
    let answers = String::from_utf8(common::testdata("objects.jsonl")).unwrap();
    let mut count = 0;
    for line in answers.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["epoch"], map.epoch.0);
        let shown = answer["objname"].as_str().unwrap();
        let (nspace, name) = shown.split_once('/').unwrap_or(("", shown));
        let pool = map.pool_id(answer["pool"].as_str().unwrap()).unwrap();
        let at = ObjectLocator::new(pool, nspace);
        let raw = map.object_to_raw_pg(&at, name).unwrap();
        assert_eq!(raw.to_string(), answer["raw_pgid"].as_str().unwrap());
        let pg = map.object_to_pg(&at, name).unwrap();
        assert_eq!(pg.to_string(), answer["pgid"].as_str().unwrap());
        assert!(map.pg_holds(pg, raw.seed));
        // An object with a locator key lies where the object of that name lies.
        let keyed = ObjectLocator { key: name.to_owned(), ..at };
        assert_eq!(map.object_to_pg(&keyed, "another").unwrap(), pg);
        let mapping = map.pg_to_up_acting(pg);
        assert_eq!(serde_json::json!(mapping.up), answer["up"]);
        assert_eq!(mapping.up_primary, answer["up_primary"]);
        assert_eq!(serde_json::json!(mapping.acting), answer["acting"]);
        assert_eq!(mapping.acting_primary, answer["acting_primary"]);
        count += 1;
    }
    assert_eq!(count, 8);
}
