//! Placement in a map of 10,000 OSDs: 25 racks of 20 hosts of 20 devices, straw2 throughout, three
//! replicas on distinct hosts or racks. Prints what `crushtool --test` takes for the same map, when
//! it is installed.

use criterion::{Criterion, criterion_group, criterion_main};
use crush::{Bucket, BucketAlg, CrushMap, Op, Scratch, Step};
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};
use types::enc::Encode;

const RACKS: i32 = 25;
const HOSTS: i32 = 20;
const OSDS: i32 = 20;

/// The map; `even` gives all devices one weight, else weights vary as sizes of disks do.
fn big_map(even: bool) -> CrushMap {
    let mut map = CrushMap::new();
    map.types = [(0, "osd"), (1, "host"), (3, "rack"), (11, "root")]
        .map(|(id, name)| (id, name.to_owned()))
        .into();
    let mut add = |kind: u16, items: &[(i32, u32)]| {
        let id = -1 - map.buckets.len() as i32;
        let bucket = Bucket::new(id, BucketAlg::Straw2, kind, items, 1).expect("fits");
        let weight = bucket.weight;
        map.names.insert(id, format!("bucket{}", -id));
        map.buckets.push(Some(bucket));
        (id, weight)
    };
    let mut racks = Vec::new();
    for rack in 0..RACKS {
        let mut hosts = Vec::new();
        for host in 0..HOSTS {
            let first = (rack * HOSTS + host) * OSDS;
            let weight = |osd: i32| match even {
                true => 0x10000,
                false => 0x8000 * (1 + osd as u32 * 7 % 11) + osd as u32 % 97,
            };
            let osds: Vec<_> = (first..first + OSDS).map(|osd| (osd, weight(osd))).collect();
            hosts.push(add(1, &osds));
        }
        racks.push(add(3, &hosts));
    }
    let (root, _) = add(11, &racks);
    for osd in 0..RACKS * HOSTS * OSDS {
        map.names.insert(osd, format!("osd.{osd}"));
    }
    map.recount_devices();
    map.names.insert(root, "default".to_owned());
    map.create_replicated_rule("hosts", "default", "host", None).expect("makes a rule");
    map.create_replicated_rule("racks", "default", "rack", None).expect("makes a rule");
    let steps = map.rules[0].as_ref().expect("there").steps.clone();
    assert_eq!(steps[0], Step::new(Op::Take, root, 0));
    map
}

/// Time per mapping by crushtool: a long run less a short one, so that starting does not count.
fn crushtool_per_mapping(map: &CrushMap, rule: u32) -> Option<Duration> {
    let file = std::env::temp_dir().join(format!("kermes-bench-crush-{}", std::process::id()));
    std::fs::write(&file, map.to_vec()).ok()?;
    let rule = rule.to_string();
    let run = |count: u32| -> Option<Duration> {
        let last = (count - 1).to_string();
        let start = Instant::now();
        let mut command = Command::new("crushtool");
        command.arg("-i").arg(&file).args(["--test", "--min-x", "0", "--max-x", &last]);
        command.args(["--num-rep", "3", "--rule", &rule]);
        let output = command.output().ok()?;
        output.status.success().then(|| start.elapsed())
    };
    let count = 500_000;
    let spent = run(1000).and_then(|short| Some(run(count)?.saturating_sub(short)));
    let _ = std::fs::remove_file(&file);
    Some(spent? / (count - 1000))
}

fn placement(criterion: &mut Criterion) {
    let weights = vec![0x10000; (RACKS * HOSTS * OSDS) as usize];
    for (name, map) in [("even", big_map(true)), ("odd", big_map(false))] {
        for (rule, domain) in [(0, "host"), (1, "rack")] {
            let mut scratch = Scratch::new();
            let mut x = 0u32;
            criterion.bench_function(&format!("crush/10k_osds/{name}/{domain}"), |bencher| {
                bencher.iter(|| {
                    x = x.wrapping_add(1);
                    black_box(map.do_rule(rule, x, 3, &weights, None, &mut scratch).len())
                })
            });
            match crushtool_per_mapping(&map, rule) {
                Some(time) => println!("crushtool --test, {name} weights, {domain}: {time:?}"),
                None => println!("crushtool is not installed; no comparison"),
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = placement
}
criterion_main!(benches);
