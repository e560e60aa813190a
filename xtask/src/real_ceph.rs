//! `kermes rados` and `kermes status` against a cluster of real Ceph: it is the same protocol.

use crate::acceptance::directory;
use crate::cluster::{Shell, kermes};
use crate::peer::{Peer, PeerOptions, missing};
use crate::steps::Outcome;
use anyhow::ensure;

pub fn run() -> anyhow::Result<Outcome> {
    if let Some(why) = missing() {
        return Ok(Outcome::Skipped(why));
    }
    let program = kermes();
    ensure!(program.exists(), "{} is not built", program.display());
    let options = PeerOptions {
        port: 20000,
        osds: 2,
        size: 2,
        pools: &[("p1", 16), ("p2", 8)],
        osd_gib: 4,
        preallocate: false,
    };
    let ceph = Peer::up(&directory("real-ceph"), &options)?;
    status(&ceph)?;
    objects(&ceph)?;
    attributes(&ceph)?;
    listing(&ceph)?;
    bench(&ceph)?;
    refusals(&ceph)?;
    let version = ceph.ok("ceph-osd --version")?;
    Ok(Outcome::Passed(version))
}

fn status(c: &Peer) -> anyhow::Result<()> {
    c.prints("$KERMES status", &["health: HEALTH_", "2 osds: 2 up", "mon: 1 daemons"])?;
    c.ok("$KERMES status -f json | jq -e '.osdmap.num_up_osds == 2' > /dev/null")?;
    c.prints("$KERMES rados lspools", &["p1", "p2"])?;
    c.prints("$KERMES rados df", &["p1", "p2", "available"])?;
    c.ok("$KERMES rados df -f json | jq -e '.total_kb > 0' > /dev/null")?;
    Ok(())
}

/// What ours writes Debian's `rados` reads, and the other way round.
fn objects(c: &Peer) -> anyhow::Result<()> {
    c.ok("head -c 33554432 /dev/urandom > big && head -c 100000 big > file")?;
    c.ok("$KERMES rados -p p1 put big big && $KERMES rados -p p1 get big back && cmp big back")?;
    c.ok("rados -p p1 get big theirs && cmp big theirs")?;
    c.ok("rados -p p1 put theirs file && $KERMES rados -p p1 get theirs - | cmp - file")?;
    c.ok(": > none && $KERMES rados -p p1 put none none && $KERMES rados -p p1 get none back && cmp none back")?;
    // A shorter file replaces a longer one.
    c.ok("$KERMES rados -p p1 put o1 big && $KERMES rados -p p1 put o1 file && $KERMES rados -p p1 get o1 back && cmp back file")?;
    c.prints("$KERMES rados -p p1 stat o1", &["p1/o1 mtime", "size 100000"])?;
    c.ok("cat file file > twice; $KERMES rados -p p1 append o1 file && $KERMES rados -p p1 get o1 back && cmp back twice")?;
    c.ok(
        "$KERMES rados -p p1 truncate o1 7 && test \"$($KERMES rados -p p1 get o1 - | wc -c)\" = 7",
    )?;
    c.ok("$KERMES rados -p p1 create fresh")?;
    c.fails("$KERMES rados -p p1 create fresh", 1, "exist")?;
    c.ok("$KERMES rados -p p1 rm fresh o1")?;
    c.fails("$KERMES rados -p p1 stat o1", 1, "o1")?;
    c.fails("$KERMES rados -p p1 get o1 -", 1, "o1")?;
    c.ok("$KERMES rados -p p1 -N ns1 put inside file && rados -p p1 -N ns1 get inside back && cmp file back")?;
    c.fails("$KERMES rados -p p1 stat inside", 1, "inside")?;
    ensure!(c.ok("$KERMES rados -p p1 -N ns1 ls")? == "inside", "a namespace lists its own");
    ensure!(!c.ok("$KERMES rados -p p1 ls")?.contains("inside"), "and no other does");
    c.prints("$KERMES rados -p p1 ls --all", &["ns1\tinside", "\tbig"])?;
    Ok(())
}

fn attributes(c: &Peer) -> anyhow::Result<()> {
    c.ok("$KERMES rados -p p1 put o2 file")?;
    c.ok("$KERMES rados -p p1 xattr set o2 colour red")?;
    ensure!(c.ok("$KERMES rados -p p1 xattr get o2 colour")? == "red");
    ensure!(c.ok("rados -p p1 getxattr o2 colour")? == "red");
    c.prints("$KERMES rados -p p1 xattr ls o2", &["colour"])?;
    c.ok("$KERMES rados -p p1 xattr rm o2 colour")?;
    c.fails("$KERMES rados -p p1 xattr get o2 colour", 1, "colour")?;
    c.ok("for i in 1 2 3; do $KERMES rados -p p1 omap set o2 key$i value$i; done")?;
    c.ok("rados -p p1 setomapval o2 other theirs")?;
    ensure!(c.ok("$KERMES rados -p p1 omap get o2 key2")? == "value2");
    ensure!(c.ok("$KERMES rados -p p1 omap get o2 other")? == "theirs");
    ensure!(c.ok("$KERMES rados -p p1 omap ls --keys o2")? == "key1\nkey2\nkey3\nother");
    ensure!(c.ok("$KERMES rados -p p1 omap ls --keys --prefix key o2 | wc -l")? == "3");
    c.ok("$KERMES rados -p p1 omap rm o2 key1 key2")?;
    ensure!(c.ok("rados -p p1 listomapkeys o2")? == "key3\nother");
    c.ok("$KERMES rados -p p1 omap set-header o2 top")?;
    ensure!(c.ok("$KERMES rados -p p1 omap get-header o2")? == "top");
    c.ok("$KERMES rados -p p1 omap clear o2")?;
    ensure!(c.ok("$KERMES rados -p p1 omap ls o2")?.is_empty());
    Ok(())
}

/// 500 objects, each named exactly once, as Debian's `rados` names them.
fn listing(c: &Peer) -> anyhow::Result<()> {
    c.ok("$KERMES rados -p p2 bench 60 write -b 64 -t 16 --max-ops 500 --no-cleanup > bench.out")?;
    c.ok("$KERMES rados -p p2 ls | grep _object | sort > ours; \
          seq -f kermes_bench_object%g 0 499 | sort | cmp - ours")?;
    c.ok("rados -p p2 ls | grep _object | sort | cmp - ours").map(drop)
}

fn bench(c: &Peer) -> anyhow::Result<()> {
    c.prints("$KERMES rados -p p1 bench 2 write -b 4K -t 16 --no-cleanup", &["IOPS", "p99.9"])?;
    c.prints("$KERMES rados -p p1 bench 1 seq -t 16", &["IOPS"])?;
    c.ok("$KERMES rados -p p1 bench 1 rand -t 16 -f json | jq -e '.wrong == 0 and .operations > 0' > /dev/null")?;
    c.ok("$KERMES rados -p p1 cleanup")?;
    ensure!(!c.ok("$KERMES rados -p p1 ls")?.contains("kermes_bench"), "cleanup removes all");
    crate::bench_rados::check(c, "p1")
}

/// Refusals are words and an exit code, never a hang.
fn refusals(c: &Peer) -> anyhow::Result<()> {
    c.fails("$KERMES rados -p nowhere ls", 1, "nowhere")?;
    let key = "AQBAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA==";
    c.ok(&format!("printf '[client.admin]\\n\\tkey = {key}\\n' > bad.keyring"))?;
    c.fails("$KERMES status -k bad.keyring --connect-timeout 10", 1, "refused")?;
    c.ok(&format!("printf '[client.nobody]\\n\\tkey = {key}\\n' > nobody.keyring"))?;
    c.fails(
        "$KERMES status -n client.nobody -k nobody.keyring --connect-timeout 10",
        1,
        "refused",
    )?;
    // Capabilities: may read, may not write.
    c.ok("ceph auth get-or-create client.r mon 'allow r' osd 'allow r' -o r.keyring")?;
    c.ok("$KERMES rados -n client.r -k r.keyring -p p1 get big back && cmp big back")?;
    c.fails("$KERMES rados -n client.r -k r.keyring -p p1 put new file", 1, "new")?;
    c.fails("$KERMES status -m v2:127.0.0.1:1 --connect-timeout 3", 1, "")
}
