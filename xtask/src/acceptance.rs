//! Debian's `ceph` and `rados`, unmodified, on a cluster of ours, typed as a user would.

use crate::cluster::{Cluster, Shell, has};
use crate::steps::{Outcome, ms};
use anyhow::{Context, bail, ensure};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Commands that print something and change nothing.
pub const QUERIES: &[&str] = &[
    "fsid",
    "versions",
    "features",
    "quorum_status",
    "mon dump",
    "mon stat",
    "osd dump",
    "osd stat",
    "osd df",
    "osd ls",
    "pg dump",
    "pg stat",
    "auth ls",
    "config dump",
    "osd pool ls detail",
    "osd crush dump",
    "osd blocklist ls",
    "osd erasure-code-profile ls",
    "osd crush rule ls",
    "osd crush class ls",
    "health detail",
];

pub fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("kermes-{name}-{}", std::process::id()))
}

pub fn run(reactor: &str, port: u16) -> anyhow::Result<Outcome> {
    if !has("ceph") || !has("rados") {
        return Ok(Outcome::Skipped("ceph and rados (Debian's ceph-common) are not there".into()));
    }
    let port = port.to_string();
    let args = ["--port", &port, "--reactor", reactor, "--osd-size", "10GiB"];
    let (mut c, up) = Cluster::up(&directory(reactor), &args)?;
    cluster_commands(&c)?;
    objects(&c)?;
    capabilities(&c)?;
    large(&c)?;
    bench(&c)?;
    listing(&c)?;
    let down = c.stop()?;
    let again = c.start()?;
    cores(&mut c)?;
    c.prints("ceph -s", &["HEALTH_OK"])?;
    c.ok("rados -p p1 get o1 back && cmp back file")?;
    c.ok("rados -p p1 get big back && cmp back big")?;
    Ok(Outcome::Passed(format!(
        "active+clean after {}, down in {}, up again with its data after {}",
        ms(up),
        ms(down),
        ms(again)
    )))
}

/// One store of four shards, adopted by 1, 2 and 4 cores in turn (design D4), on however many CPUs
/// there are: what was written under each number of cores is read back under the others.
pub fn adoption(port: u16) -> anyhow::Result<Outcome> {
    if !has("ceph") || !has("rados") {
        return Ok(Outcome::Skipped("ceph and rados (Debian's ceph-common) are not there".into()));
    }
    let port = port.to_string();
    let mut args = vec!["--port", &port, "--osds", "1", "--pool", "p1:1:16"];
    args.extend(["--osd-size", "2GiB", "--cores-per-osd", "1"]);
    let (mut c, _) = Cluster::up(&directory("cores"), &args)?;
    let info = "$KERMES store info --format json --device osd.0/block | jq .shards[].objects";
    let turns = ["1", "2", "4", "1", "4", "2"];
    for (turn, cores) in turns.iter().enumerate() {
        c.stop()?;
        c.set_arg("--cores-per-osd", cores);
        c.start()?;
        c.wait_healthy(30)?;
        let (_, pid) = c.pids()?.into_iter().find(|(n, _)| n == "osd.0").context("osd.0 runs")?;
        let threads =
            c.ok(&format!("grep -hc ^core- /proc/{pid}/task/*/comm | paste -sd+ | bc"))?;
        ensure!(threads == *cores, "{threads} threads of cores, not {cores}");
        core_ports(&c, cores)?;
        for before in 0..turn {
            c.ok(&format!("rados -p p1 get o{before}.7 back && cmp back file{before}"))?;
            c.ok(&format!("rados -p p1 getxattr o{before}.3 turn | grep -qx {before}"))?;
            c.ok(&format!(
                "rados -p p1 getomapval o{before}.5 turn back && grep -q {before} back"
            ))?;
            // A part of what an earlier number of cores wrote is replaced.
            c.ok(&format!("rados -p p1 put o{before}.{turn} file{before}"))?;
        }
        c.ok(&format!("head -c 300000 /dev/urandom > file{turn}"))?;
        c.ok(&format!("for i in $(seq 0 15); do rados -p p1 put o{turn}.$i file{turn}; done"))?;
        c.ok(&format!("rados -p p1 setxattr o{turn}.3 turn {turn}"))?;
        c.ok(&format!("rados -p p1 setomapval o{turn}.5 turn {turn}"))?;
    }
    settings(&mut c)?;
    c.stop()?;
    let objects = c.ok(info)?;
    let shards: Vec<&str> = objects.lines().collect();
    ensure!(shards.len() == 4 && !shards.contains(&"0"), "objects by shard: {shards:?}");
    std::fs::remove_dir_all(&c.dir)?;
    Ok(Outcome::Passed(format!(
        "{} in turn, objects by shard: {}",
        turns.join(", "),
        shards.join(", ")
    )))
}

/// Each core has a port, which metadata name, Ceph's `ceph` shows, and our client uses: nothing hops.
/// Who knows only the address in the map is served as well.
fn core_ports(c: &Cluster, cores: &str) -> anyhow::Result<()> {
    c.ok(&format!(
        "ceph osd metadata 0 | jq -e '(.kermes_shard_addrs | split(\" \") | length) == {cores} and \
         .kermes_store_shards == \"4\" and all(.[]; type != \"array\")'"
    ))?;
    let ports = "ceph osd metadata 0 | jq -r .kermes_shard_addrs | grep -o ':[0-9]*/' | tr -d :/";
    c.ok(&format!(
        "for p in $({ports}); do ss -Hltn sport = :$p | grep -q LISTEN || exit 1; done"
    ))?;
    let bench = "ceph daemon osd.0 perf reset all && $KERMES bench rados --pool p1 --seconds 1 --bs 4k \
                 --objects 4 --workload mixed --verify --cleanup";
    let op_hop = "ceph daemon osd.0 perf dump | jq -e .osd.op_hop";
    c.ok(bench)?;
    c.ok(&format!("{op_hop}==0"))?;
    c.ok(&format!("{bench} --map-addresses"))?;
    let hops = if cores == "1" { "==0" } else { ">0" };
    c.ok(&format!("{op_hop}{hops}")).map(drop)
}

/// What ceph.conf says of the device is heard; Ceph's programs do not mind what they do not know.
fn settings(c: &mut Cluster) -> anyhow::Result<()> {
    c.ok("grep -q 'file of .*RWF_DSYNC.*; free segments are kept' log/osd.0.log")?;
    c.stop()?;
    c.ok("cp ceph.conf before && printf '[osd]\nbdev_enable_discard = true\n' >> ceph.conf")?;
    c.ok("printf '[osd.0]\nbdev power loss protected = true\n' >> ceph.conf")?;
    c.start()?;
    c.wait_healthy(30)?;
    c.ok("grep -q '; free segments are discarded' log/osd.0.log")?;
    c.ok("grep -q 'power-loss protection is a setting for block devices' log/osd.0.log")?;
    c.stop()?;
    c.ok("sed -i 's/discard = true/discard = maybe/' ceph.conf")?;
    ensure!(c.start().is_err(), "an OSD starts with a setting that is neither on nor off");
    c.ok("grep -q 'bdev_enable_discard = maybe: must be true or false' log/osd.0.log")?;
    c.ok("cp before ceph.conf")?;
    monitor_stops(c)?;
    c.start()?;
    c.wait_healthy(30)
}

/// A start whose monitor ends says so, and does not wait for it.
fn monitor_stops(c: &mut Cluster) -> anyhow::Result<()> {
    c.stop()?;
    c.ok("mv mon.a/store.redb kept && echo 'not a store' > mon.a/store.redb")?;
    let begin = Instant::now();
    let said = match c.start() {
        Ok(_) => bail!("a cluster starts whose monitor has no store"),
        Err(e) => e.to_string(),
    };
    ensure!(said.contains("mon.a has stopped: "), "a monitor that ends is not named: {said}");
    ensure!(begin.elapsed() < Duration::from_secs(30), "that took {:?}", begin.elapsed());
    c.stop()?;
    c.ok("mv kept mon.a/store.redb").map(drop)
}

/// The same stores with other numbers of cores (design D4), and `kill -9` in between.
fn cores(c: &mut Cluster) -> anyhow::Result<()> {
    for cores in ["2", "4", "1"] {
        c.stop()?;
        c.set_arg("--cores-per-osd", cores);
        c.start()?;
        c.wait_healthy(30)?;
        c.ok("rados -p p1 get o1 back && cmp back file")?;
        c.ok("rados -p p1 put o2 file && rados -p p1 get o2 back && cmp back file")?;
        c.prints("rados -p p1 bench 2 write -b 4096", &["Average IOPS"])?;
        // What OSDs send each other comes in where it is needed.
        let subops = "for o in 0 1 2; do ceph daemon osd.$o perf dump; done \
                      | jq -se 'map(.osd.subop_w) | add > 1000'";
        c.ok(subops)?;
        c.ok("for o in 0 1 2; do ceph daemon osd.$o perf dump; done \
              | jq -se 'map(.osd.subop_hop) | add == 0'")?;
        let osd = c.pids()?.into_iter().find(|(n, _)| n == "osd.1");
        let (_, pid) = osd.ok_or_else(|| anyhow::anyhow!("osd.1 runs"))?;
        c.kill(pid, "KILL")?;
        c.start()?;
        c.wait_healthy(30)?;
        c.ok("rados -p p1 get o2 back && cmp back file")?;
    }
    Ok(())
}

fn cluster_commands(c: &Cluster) -> anyhow::Result<()> {
    c.prints("ceph -s", &["HEALTH_OK", "3 osds: 3 up", "3 in"])?;
    c.prints("ceph osd tree", &["root default", "host", "osd.0", "osd.2", "up"])?;
    c.prints("ceph osd pool create p1 64 2>&1", &["pool 'p1' created"])?;
    c.ok("ceph osd pool application enable p1 rados")?;
    c.prints("ceph df", &["RAW STORAGE", "POOLS", "p1"])?;
    c.prints("rados lspools", &["p1"])?;
    c.prints("ceph health", &["HEALTH_OK"])?;
    for command in QUERIES {
        c.ok(&format!("ceph {command}"))?;
        c.ok(&format!("ceph {command} -f json | jq -e . > /dev/null"))?;
    }
    // A map change takes effect at once.
    let took = c.ok("s=$(date +%s%N); ceph osd pool create quick 8 2>/dev/null; \
                     e=$(date +%s%N); echo $(((e - s) / 1000000))")?;
    println!("ceph osd pool create, with the start of the program: {took} ms");
    c.ok("ceph osd pool application enable quick rados")?;
    c.ok("ceph osd out 2 && ceph osd in 2")?;
    c.ok("ceph osd getmap -o map 2>/dev/null && test -s map")?;
    c.ok("ceph osd getcrushmap -o crush 2>/dev/null && ceph osd setcrushmap -i crush 2>/dev/null")?;
    c.prints("ceph osd map p1 o1", &["object 'o1'", "acting"])?;
    c.ok("ceph osd set noout && ceph osd unset noout")?;
    c.wait_healthy(20)
}

fn objects(c: &Cluster) -> anyhow::Result<()> {
    c.ok("head -c 100000 /dev/urandom > file")?;
    c.ok("rados -p p1 put o1 file && rados -p p1 get o1 back && cmp file back")?;
    c.prints("rados -p p1 ls", &["o1"])?;
    c.prints("rados -p p1 stat o1", &["p1/o1 mtime", "size 100000"])?;
    c.ok("cat file file > twice; rados -p p1 append o1 file && rados -p p1 get o1 back && cmp back twice")?;
    c.ok("rados -p p1 put o1 file")?;
    c.ok("rados -p p1 setxattr o1 color red")?;
    c.prints("rados -p p1 getxattr o1 color", &["red"])?;
    c.prints("rados -p p1 listxattr o1", &["color"])?;
    c.ok("rados -p p1 rmxattr o1 color")?;
    c.ok("rados -p p1 setomapval o1 k1 v1 && rados -p p1 setomapval o1 k2 v2")?;
    c.prints("rados -p p1 listomapvals o1", &["k1", "v1", "k2"])?;
    c.prints("rados -p p1 listomapkeys o1", &["k1\nk2"])?;
    c.ok("rados -p p1 rmomapkey o1 k1")?;
    ensure!(c.ok("rados -p p1 listomapkeys o1")? == "k2", "k1 is removed, k2 is not");
    c.ok("rados -p p1 setomapheader o1 header")?;
    c.prints("rados -p p1 getomapheader o1", &["header"])?;
    c.ok("rados -p p1 put gone file && rados -p p1 rm gone")?;
    c.fails("rados -p p1 get gone back", 1, "No such file or directory")?;
    c.ok(
        "rados -N ns1 -p p1 put inside file && rados -N ns1 -p p1 get inside back && cmp file back",
    )?;
    ensure!(c.ok("rados -N ns1 -p p1 ls")? == "inside", "a namespace lists its own objects");
    ensure!(!c.ok("rados -p p1 ls")?.contains("inside"), "and no other does");
    c.prints("rados -p p1 ls --all", &["ns1\tinside", "\to1"])?;
    c.ok("rados -p p1 export dump >/dev/null && rados -p quick import dump >/dev/null")?;
    c.ok("rados -p quick get o1 back && cmp file back")?;
    c.prints("rados df", &["p1", "quick", "total_objects"])?;
    Ok(())
}

fn capabilities(c: &Cluster) -> anyhow::Result<()> {
    c.prints(
        "ceph auth get-or-create client.a mon 'allow r' osd 'allow rw pool=p1' | tee a.keyring",
        &["[client.a]", "key = "],
    )?;
    c.ok("rados -n client.a --keyring a.keyring -p p1 put by-a file")?;
    c.ok("rados -n client.a --keyring a.keyring -p p1 get by-a back && cmp file back")?;
    c.fails(
        "rados -n client.a --keyring a.keyring -p quick put by-a file",
        1,
        "Operation not permitted",
    )?;
    c.fails("ceph -n client.a --keyring a.keyring osd pool create nope 8", 13, "access denied")?;
    c.ok("sed 's/client.a/client.b/' a.keyring > b.keyring")?;
    c.fails("ceph --connect-timeout 10 -n client.b --keyring b.keyring -s", 0, "")?;
    c.ok(
        "printf '[client.a]\\n\\tkey = AQBAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA==\\n' > bad.keyring",
    )?;
    c.fails("ceph --connect-timeout 10 -n client.a --keyring bad.keyring -s", 0, "")
}

fn large(c: &Cluster) -> anyhow::Result<()> {
    c.ok("head -c 1073741824 /dev/urandom > big && rados -p p1 put big big")?;
    c.ok("rados -p p1 get big back && test $(sha256sum < big | cut -c1-64) = $(sha256sum < back | cut -c1-64)")?;
    c.ok("head -c 4194305 big > odd && rados -p p1 put odd odd && rados -p p1 get odd back && cmp odd back")?;
    c.ok(": > none && rados -p p1 put none none && rados -p p1 get none back && cmp none back")?;
    Ok(())
}

fn bench(c: &Cluster) -> anyhow::Result<()> {
    c.prints("rados -p p1 bench 10 write -b 4096 --no-cleanup", &["Average IOPS"])?;
    c.prints("rados -p p1 bench 5 seq", &["Average IOPS"])?;
    c.prints("rados -p p1 bench 5 rand", &["Average IOPS"])?;
    c.ok("rados -p p1 cleanup")?;
    ensure!(!c.ok("rados -p p1 ls")?.contains("benchmark"), "cleanup removes every object");
    crate::bench_rados::check(c, "p1")
}

fn listing(c: &Cluster) -> anyhow::Result<()> {
    let script = "import rados, sys\n\
        c = rados.Rados(conffile=''); c.connect()\n\
        i = c.open_ioctx('quick')\n\
        done = [i.aio_write_full('n%05d' % n, b'x') for n in range(10000)]\n\
        [d.wait_for_complete() for d in done]\n\
        assert all(d.get_return_value() == 0 for d in done)\n";
    std::fs::write(c.dir.join("many.py"), script)?;
    c.ok("/usr/bin/python3 many.py")?;
    c.ok("rados -p quick ls | grep '^n' > names; test $(wc -l < names) = 10000; \
          test $(sort -u names | wc -l) = 10000")?;
    Ok(())
}

/// An OSD's first weight is the space of its whole device in TiB, on however many cores that lies.
fn weights(c: &Cluster, device_gib: u32) -> anyhow::Result<()> {
    let least = f64::from(device_gib) / 1024.0 * 0.7;
    c.ok(&format!(
        "ceph osd df -f json | jq -e '[.nodes[].crush_weight | . > {least}] == [true, true, true]'"
    ))?;
    Ok(())
}

/// osd/tests/differential.py against a cluster of ours, compared with the answers of Ceph's OSD.
pub fn differential() -> anyhow::Result<Outcome> {
    if !has("ceph") || !std::path::Path::new("/usr/lib/python3/dist-packages").exists() {
        return Ok(Outcome::Skipped("python3-rados is not there".into()));
    }
    let mut args = vec!["--port", "3500", "--pool", "bench:3:16", "--osd-size", "4GiB"];
    args.extend(["--cores-per-osd", "2"]);
    let (c, _) = Cluster::up(&directory("differential"), &args)?;
    weights(&c, 4)?;
    let here = std::env::current_dir()?;
    // kermes dev raises it for whole files; the transcript is of Ceph's default.
    c.ok("ceph config rm global osd_max_object_size")?;
    let script = format!(
        "CEPH_CONF_A=$CEPH_CONF /usr/bin/python3 {0}/osd/tests/differential.py \
         --expect {0}/osd/testdata/differential.expected 2>&1",
        here.display()
    );
    let text = c.ok(&script)?;
    Ok(Outcome::Passed(text.lines().last().unwrap_or_default().to_owned()))
}
