//! What can be seen of running daemons: their admin sockets by Debian's `ceph` and by ours, `ceph tell`,
//! and metrics; and that answers have the shape that a real OSD gives them.

use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, has};
use crate::peer::{Peer, PeerOptions, missing};
use crate::shapes::{Shape, compare, describe};
use crate::steps::Outcome;
use anyhow::{Context, ensure};
use std::io::Read;
use std::time::Duration;

const PORT: &str = "3950";
const METRICS_PORT: u16 = 3990;

/// Compared with real Ceph, with the differences that are meant to be there: events are our stages,
/// and an OSD of ours keeps no old maps.
const SHAPES: &[&str] = &[
    "version",
    "git_version",
    "status",
    "dump_historic_ops",
    "dump_historic_ops_by_duration",
    "dump_historic_slow_ops",
    "dump_ops_in_flight",
    "dump_blocked_ops",
    "config get osd_op_complaint_time",
    "config set osd_op_complaint_time 31",
    "config unset osd_op_complaint_time",
    "perf dump osd op",
    "perf dump osd op_w_latency",
    "perf histogram dump osd op_w_latency_in_bytes_histogram",
    "perf histogram dump osd op_r_latency_out_bytes_histogram",
    "perf reset all",
];

pub fn run() -> anyhow::Result<Outcome> {
    if !has("ceph") || !has("rados") || !has("jq") {
        return Ok(Outcome::Skipped("ceph, rados or jq are not there".into()));
    }
    // Whatever else the machine runs.
    let unasked = cpu_latency_us().ok();
    let metrics_port = METRICS_PORT.to_string();
    let mut args = vec!["--port", PORT, "--osds", "2", "--pool", "p1:2:16", "--osd-size", "4GiB"];
    args.extend(["--cores-per-osd", "2", "--metrics-port", &metrics_port]);
    let (ours, _) = Cluster::up(&directory("observe"), &args)?;
    load(&ours)?;
    sockets(&ours)?;
    operations(&ours)?;
    counters(&ours)?;
    settings(&ours)?;
    slow(&ours)?;
    tell(&ours)?;
    monitor(&ours)?;
    metrics(&ours)?;
    let compared = match missing() {
        Some(why) => format!("not compared: {why}"),
        None => shapes(&ours)?,
    };
    Ok(Outcome::Passed(format!("{compared}; {}", awake(&ours, unasked)?)))
}

fn load(c: &dyn Shell) -> anyhow::Result<()> {
    c.ok("rados -p p1 bench 2 write -b 4096 -t 16 --no-cleanup")?;
    c.ok("rados -p p1 bench 1 rand -t 16").map(drop)
}

fn sockets(c: &Cluster) -> anyhow::Result<()> {
    c.ok("ceph daemon osd.0 version | jq -e '.release == \"pacific\"'")?;
    c.ok("ceph --admin-daemon ceph-osd.1.asok status | jq -e '.whoami == 1 and .state == \"active\"'")?;
    c.ok("ceph daemon osd.0 help | jq -e '.ops and .\"perf dump\" and .\"config set\"'")?;
    c.ok("$KERMES daemon osd.0 help | jq -e .stages")?;
    c.fails("ceph daemon osd.0 nonsense", 22, "invalid command")?;
    c.fails("$KERMES daemon osd.0 nonsense", 1, "no command 'nonsense'")?;
    c.fails("$KERMES daemon osd.7 help", 1, "does the daemon run?")?;
    // As it was before there was JSON, and as people type it.
    c.ok("printf 'perf dump\\n' | timeout 5 nc -q 2 -U ceph-osd.0.asok | tail -c +5 | jq -e .osd")
        .or_else(|_| c.ok("! command -v nc"))?;
    // Whoever never reads hinders nobody: the answer to the others comes at once.
    let deaf = "import socket,time\n\
                s=[socket.socket(socket.AF_UNIX) for _ in range(15)]\n\
                [x.connect('ceph-osd.0.asok') for x in s]\n\
                [x.sendall(b'{\"prefix\":\"perf histogram dump\",\"format\":\"json\"}\\0') for x in s]\n\
                time.sleep(6)\n";
    std::fs::write(c.dir.join("deaf.py"), deaf)?;
    c.ok("python3 deaf.py & sleep 1; timeout 4 ceph daemon osd.0 version && \
          timeout 4 rados -p p1 put deaf ceph.conf; code=$?; wait; exit $code")?;
    Ok(())
}

fn operations(c: &dyn Shell) -> anyhow::Result<()> {
    let historic = "ceph daemon osd.0 dump_historic_ops";
    c.ok(&format!(
        "{historic} | jq -e '.size == 20 and .duration == 600 and (.ops | length) == 20'"
    ))?;
    c.ok(&format!(
        "{historic} | jq -e '.ops[0] | (.description | startswith(\"osd_op(client.\")) and \
         .duration > 0 and .type_data.flag_point == \"commit sent; apply or cleanup\" and \
         ([.type_data.events[].event] | first == \"initiated\" and last == \"done\")'"
    ))?;
    // A stage's time is that since the one before: together they are the whole.
    c.ok(&format!(
        "{historic} | jq -e 'all(.ops[]; ([.type_data.events[].duration] | add) - .duration | fabs < 1e-6)'"
    ))?;
    let flying = "timeout 20 rados -p p1 bench 3 write -b 4096 -t 64 --no-cleanup > bench.out & sleep 1; \
                  for i in $(seq 40); do ceph daemon osd.0 ops; done | \
                  jq -es 'any(.[]; .num_ops > 0 and (.ops[0].type_data.events | length) > 1)'; code=$?; \
                  wait; exit $code";
    c.ok(flying)?;
    c.ok("$KERMES daemon osd.0 slow-ops | jq -e '.\"threshold to keep\" == 10'")?;
    c.ok("$KERMES daemon osd.0 stages | jq -e '.all.write | .durable.p50_us > 0 and \
          .replicated.count > 0 and .whole.p99_us >= .whole.p50_us'")?;
    Ok(())
}

fn counters(c: &dyn Shell) -> anyhow::Result<()> {
    c.ok("ceph daemon osd.0 perf dump | jq -e '.osd.op_w > 100 and .osd.op_w_latency.avgtime > 0 and \
          .osd.subop_w > 0 and .osd.numpg == 16 and .\"stages-shard-0\".write_durable.avgcount > 0'")?;
    c.ok("ceph daemonperf osd.0 1 2 | grep -q ops")?;
    c.ok("ceph daemonperf osd.0 list | grep -q op_latency")?;
    let sum = "ceph daemon osd.0 perf histogram dump osd op_w_latency_in_bytes_histogram | \
               jq '[.osd.op_w_latency_in_bytes_histogram.values[][]] | add'";
    let count = "ceph daemon osd.0 perf dump osd op_w | jq .osd.op_w";
    ensure!(c.ok(sum)? == c.ok(count)?, "every write is in the histogram");
    c.ok("ceph daemon osd.0 perf reset all")?;
    c.ok("ceph daemon osd.0 perf dump | jq -e '.osd.op_w == 0 and .osd.numpg == 16'")?;
    load(c)
}

/// How long CPUs of this machine may take to wake up: the least that anybody asks for.
fn cpu_latency_us() -> anyhow::Result<i32> {
    let mut us = [0; 4];
    std::fs::File::open("/dev/cpu_dma_latency")?.read_exact(&mut us)?;
    Ok(i32::from_ne_bytes(us))
}

/// CPUs are kept from deep idling while there is load, and neither before it nor after it, nor by an OSD that
/// has been killed under it.
fn awake(c: &Cluster, unasked: Option<i32>) -> anyhow::Result<String> {
    let said = c.ok("grep -ho 'CPUs wake up within [0-9]* us' log/osd.0.log || true")?;
    let Some(bound) = said.split_whitespace().nth(4).and_then(|us| us.parse::<i32>().ok()) else {
        return Ok("nothing says how soon CPUs wake up".into());
    };
    if unasked.is_none_or(|us| us <= bound) {
        return Ok("something else keeps CPUs awake".into());
    }
    let becomes = |what: &dyn Fn(i32) -> bool, when: &str| -> anyhow::Result<()> {
        let mut seen = 0;
        for _ in 0..100 {
            seen = cpu_latency_us()?;
            if what(seen) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        anyhow::bail!(
            "{when} CPUs may take {seen} us to wake up; the bound under load is {bound} us"
        )
    };
    becomes(&|us| us > bound, "without load")?;
    let load = "timeout 30 $KERMES bench rados --conf ceph.conf --pool p1 --workload randread --objects 4 \
                --seconds 2 >awake.out 2>&1 &";
    c.ok(load)?;
    becomes(&|us| us == bound, "under load")?;
    becomes(&|us| us > bound, "after a load")?;
    c.ok(load)?;
    becomes(&|us| us == bound, "under the second load")?;
    for (_, pid) in c.pids()?.iter().filter(|(name, _)| name.starts_with("osd")) {
        c.kill(*pid, "KILL")?;
    }
    becomes(&|us| us > bound, "after OSDs were killed")?;
    Ok(format!("CPUs wake up within {bound} us under load only"))
}

/// While one OSD stands still the other's writes wait for it; health says so until they go on.
fn slow(c: &Cluster) -> anyhow::Result<()> {
    let pids = c.pids()?;
    let (_, still) = pids.iter().find(|(name, _)| name == "osd.1").context("osd.1 runs")?;
    c.ok("ceph daemon osd.0 config set osd_op_complaint_time 1")?;
    c.kill(*still, "STOP")?;
    let said = "[0-9]+ slow ops, oldest one blocked for [0-9]+ sec, osd.0 has slow ops";
    let told = c.ok(&format!(
        "timeout 40 rados -p p1 bench 1 write -b 4096 -t 16 --no-cleanup > slow.out & \
         for i in $(seq 60); do ceph health detail | grep -E 'SLOW_OPS: {said}' && exit 0; sleep 0.2; done; \
         exit 1"
    ));
    c.kill(*still, "CONT")?;
    told?;
    c.ok("for i in $(seq 60); do ceph osd perf -f json | \
          jq -e 'all(.osdstats.osd_perf_infos[]; .perf_stats.commit_latency_ns > 0)' && exit 0; sleep 0.2; done; \
          exit 1")?;
    c.ok("for i in $(seq 60); do ceph health detail | grep -q SLOW_OPS || exit 0; sleep 0.2; done; exit 1")?;
    c.ok("ceph daemon osd.0 config unset osd_op_complaint_time").map(drop)
}

fn settings(c: &dyn Shell) -> anyhow::Result<()> {
    c.ok("ceph daemon osd.0 config show | jq -e '.name == \"osd.0\" and .osd_op_history_size == \"20\"'")?;
    c.ok("ceph daemon osd.0 config set osd_op_history_size 5")?;
    c.ok("ceph daemon osd.0 dump_historic_ops | jq -e '.size == 5 and (.ops | length) == 5'")?;
    c.ok("ceph daemon osd.0 config diff | jq -e '.diff.osd_op_history_size.override == 5'")?;
    c.ok("ceph daemon osd.0 config unset osd_op_history_size")?;
    // From the central configuration, too.
    c.ok("ceph config set osd.0 osd_op_history_size 7; for i in $(seq 50); do \
          ceph daemon osd.0 config get osd_op_history_size | grep -q '\"7\"' && exit 0; sleep 0.1; done; exit 1")?;
    c.ok("ceph config rm osd.0 osd_op_history_size")?;
    for (command, why) in [
        ("config set nowhere 1", "No such file or directory"),
        ("config set osd_op_history_size many", "Invalid argument"),
        ("config set fsid 1", "change it in ceph.conf and restart"),
        ("config get nowhere", "No such file or directory"),
    ] {
        c.prints(&format!("ceph daemon osd.0 {command}"), &[why])?;
        c.fails(&format!("$KERMES daemon osd.0 {command}"), 22, why)?;
    }
    // Without times there are counters still.
    c.ok("ceph daemon osd.0 config set osd_enable_op_tracker false; ceph daemon osd.0 perf reset all")?;
    load(c)?;
    c.ok(
        "ceph daemon osd.0 perf dump | jq -e '.osd.op_w > 0 and .osd.op_w_latency.avgcount == 0'",
    )?;
    c.ok("ceph daemon osd.0 config unset osd_enable_op_tracker").map(drop)
}

fn tell(c: &dyn Shell) -> anyhow::Result<()> {
    c.ok("ceph tell osd.0 version | jq -e '.release == \"pacific\"'")?;
    c.ok("ceph tell osd.1 perf dump osd numpg | jq -e '.osd.numpg == 16'")?;
    c.ok("ceph tell osd.0 dump_ops_in_flight | jq -e .num_ops==0")?;
    c.ok("ceph tell osd.0 config set osd_op_complaint_time 20")?;
    c.ok("ceph tell osd.0 config show | jq -e '.osd_op_complaint_time == \"20.000000\"'")?;
    c.ok("ceph tell osd.0 injectargs --osd_op_complaint_time=30")?;
    c.ok("ceph tell 'osd.*' status -f json | grep -q whoami")?;
    c.fails("ceph tell osd.0 config set nowhere 1", 2, "No such file or directory")?;
    c.fails("ceph tell osd.0 nonsense", 22, "")?;
    c.ok("ceph auth get-or-create client.r mon 'allow r' osd 'allow rw' -o r.keyring")?;
    c.fails("ceph -n client.r -k r.keyring tell osd.0 version", 0, "")
}

fn monitor(c: &dyn Shell) -> anyhow::Result<()> {
    c.ok("ceph daemon mon.a mon_status | jq -e '.state == \"leader\" and .monmap.epoch == 1'")?;
    c.ok("ceph daemon mon.a quorum_status | jq -e '.quorum_names == [\"a\"]'")?;
    c.ok("ceph daemon mon.a version | jq -e .version")?;
    c.ok("ceph daemon mon.a perf dump | jq -e '.cluster.num_osd_up == 2'")?;
    c.ok("ceph daemon mon.a config show | jq -e '.name == \"mon.a\"'")?;
    c.ok("ceph daemon mon.a status | jq -e .fsid")?;
    c.ok("$KERMES daemon mon.a sessions | jq -e 'length > 0'").map(drop)
}

fn metrics(c: &Cluster) -> anyhow::Result<()> {
    load(c)?;
    let fetch = |path: &str| {
        format!(
            "import urllib.request as u\nr=u.urlopen('http://127.0.0.1:{METRICS_PORT}{path}')\n\
             open('metrics.txt','wb').write(r.read()); print(r.headers['Content-Type'])\n"
        )
    };
    std::fs::write(c.dir().join("fetch.py"), fetch("/metrics"))?;
    c.prints("python3 fetch.py", &["text/plain; version=0.0.4"])?;
    c.ok("grep -q '^ceph_osd_op_w{ceph_daemon=\"osd.0\"} [1-9]' metrics.txt")?;
    c.ok("grep -q '^kermes_osd_stage_seconds_bucket{ceph_daemon=\"osd.0\",shard=\"[0-9]*\",kind=\"write\",stage=\"durable\",le=' metrics.txt")?;
    // The parser that Prometheus's own clients are tested with, where it is installed.
    let parse = "from prometheus_client.parser import text_string_to_metric_families as p\n\
                 n=[f.name for f in p(open('metrics.txt').read()) if f.samples]\n\
                 assert len(n)>50 and 'kermes_osd_stage_seconds' in n, n\n";
    std::fs::write(c.dir().join("parse.py"), parse)?;
    c.ok("! python3 -c 'import prometheus_client' 2> /dev/null || python3 parse.py")?;
    std::fs::write(c.dir().join("fetch.py"), fetch("/"))?;
    c.fails("python3 fetch.py", 1, "404")
}

fn shapes(ours: &Cluster) -> anyhow::Result<String> {
    let options = PeerOptions {
        port: 21200,
        osds: 2,
        size: 2,
        pools: &[("p1", 16)],
        osd_gib: 4,
        preallocate: false,
    };
    let theirs = Peer::up(&directory("observe-ceph"), &options)?;
    load(&theirs)?;
    let mut found = Vec::new();
    for command in SHAPES {
        let wanted = shape(&theirs, "$(find . -name 'osd.0.*.asok')", command)?;
        let answered = shape(ours, "ceph-osd.0.asok", command)?;
        for difference in compare(&wanted, &answered) {
            // An own request has no client, and a replica's part is no operation of its own here.
            found.push(format!("{command}: {difference}"));
        }
    }
    ensure!(found.is_empty(), "{} differences in shape:\n{}", found.len(), found.join("\n"));
    let names = |c: &dyn Shell, socket: &str| -> anyhow::Result<Vec<String>> {
        let text = c.ok(&format!("ceph --admin-daemon {socket} help | jq -r 'keys[]'"))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let known = names(&theirs, "$(find . -name 'osd.0.*.asok')")?;
    for name in names(ours, "ceph-osd.0.asok")? {
        let own = ["metrics", "stages"].contains(&name.as_str());
        ensure!(own || known.contains(&name), "{name} is no command of Ceph's");
    }
    Ok(format!("{} answers have the shape of real Ceph's", SHAPES.len()))
}

fn shape(c: &dyn Shell, socket: &str, command: &str) -> anyhow::Result<Shape> {
    let text = c.ok(&format!("ceph --admin-daemon {socket} {command}"))?;
    let value = serde_json::from_str(&text).with_context(|| format!("{command}: {text}"))?;
    let mut shape = Shape::new();
    describe(&value, String::new(), &mut shape);
    Ok(shape)
}
