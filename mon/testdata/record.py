#!/usr/bin/python3
"""Runs a fixed list of monitor commands against the cluster of $CEPH_CONF and writes what came back.

usage: record.py OUT.json [--mgr]     --mgr: ask commands that a real cluster's mgr answers there

The same list runs against a real 16.2.15 cluster (the oracle) and against ours; compare.py shows where
shapes differ. Commands run in order: later ones depend on the state that earlier ones leave."""
import json
import rados
import sys

MGR = {"pg dump", "pg stat", "osd df", "osd pool stats", "pg ls", "pg dump_json", "pg ls-by-pool"}


def c(prefix, **args):
    return dict(args, prefix=prefix)


COMMANDS = [
    c("fsid"), c("status"), c("health"), c("health", detail="detail"), c("df"), c("df", detail="detail"),
    c("versions"), c("features"), c("quorum_status"), c("mon dump"), c("mon stat"), c("mon versions"),
    c("osd versions"), c("mon getmap"), c("time-sync-status"), c("report"),
    c("osd dump"), c("osd tree"), c("osd stat"), c("osd df"), c("osd df", output_method="tree"),
    c("osd ls"), c("osd getmap"), c("osd getcrushmap"), c("osd getmaxosd"), c("osd ls-tree", name="default"),
    c("osd find", id=0), c("osd metadata", id=0), c("osd find", id=77), c("osd blocked-by"), c("osd perf"),
    c("osd pool ls"), c("osd lspools"),
    c("osd pool create", pool="p1", pg_num=16), c("osd pool create", pool="p1", pg_num=16),
    c("osd pool create", pool="p2"), c("osd pool create", pool="p3", pg_num=8, pgp_num=8, pool_type="replicated", size=2),
    c("osd pool create", pool="bad", pg_num=8, rule="nosuch"), c("osd pool create", pool="bad", pg_num=8, pgp_num=9),
    c("osd pool create", pool="bad", pg_num=0), c("osd pool create", pool="bad", pg_num=70000),
    c("osd pool create", pool=".bad", pg_num=8),
    c("osd pool create", pool="p4", pg_num=8, pool_type="erasure"),
    c("osd pool create", pool="p1", pg_num=8, pool_type="erasure"),
    c("osd pool ls"), c("osd pool ls", detail="detail"), c("osd lspools"),
    c("osd pool get", pool="p1", var="all"), c("osd pool get", pool="p1", var="size"),
    c("osd pool get", pool="p1", var="pg_num"), c("osd pool get", pool="p1", var="crush_rule"),
    c("osd pool get", pool="p1", var="nosuch"), c("osd pool get", pool="nosuch", var="size"),
    c("osd pool get", pool="p1", var="hit_set_type"), c("osd pool get", pool="p1", var="compression_mode"),
    c("osd pool get", pool="p1", var="erasure_code_profile"), c("osd pool get", pool="p1", var="nodelete"),
    c("osd pool set", pool="p1", var="size", val="2"), c("osd pool set", pool="p1", var="size", val="1"),
    c("osd pool set", pool="p1", var="size", val="11"), c("osd pool set", pool="p1", var="size", val="x"),
    c("osd pool set", pool="p1", var="min_size", val="1"), c("osd pool set", pool="p1", var="min_size", val="5"),
    c("osd pool set", pool="p1", var="pg_num", val="32"), c("osd pool set", pool="p1", var="pgp_num", val="32"),
    c("osd pool set", pool="p1", var="pg_num", val="8"), c("osd pool set", pool="p1", var="pgp_num", val="64"),
    c("osd pool set", pool="p1", var="crush_rule", val="nosuch"), c("osd pool set", pool="p1", var="crush_rule", val="replicated_rule"),
    c("osd pool set", pool="p1", var="nosuch", val="1"), c("osd pool set", pool="nosuch", var="size", val="1"),
    c("osd pool set", pool="p1", var="nodelete", val="true"), c("osd pool set", pool="p1", var="nodelete", val="maybe"),
    c("osd pool delete", pool="p1", pool2="p1", yes_i_really_really_mean_it=True),
    c("osd pool set", pool="p1", var="nodelete", val="false"), c("osd pool set", pool="p1", var="pg_autoscale_mode", val="off"),
    c("osd pool set", pool="p1", var="target_size_ratio", val="0.5"), c("osd pool set", pool="p1", var="compression_mode", val="none"),
    c("osd pool set", pool="p1", var="noscrub", val="1"), c("osd pool set", pool="p1", var="noscrub", val="0"),
    c("osd pool set", pool="p1", var="hashpspool", val="1"), c("osd pool set", pool="p1", var="allow_ec_overwrites", val="1"),
    c("osd pool set-quota", pool="p1", field="max_objects", val="100"), c("osd pool get-quota", pool="p1"),
    c("osd pool set-quota", pool="p1", field="max_objects", val="0"), c("osd pool set-quota", pool="p1", field="max_bytes", val="10M"),
    c("osd pool set-quota", pool="p1", field="max_bytes", val="0"),
    c("osd pool application get"), c("osd pool application get", pool="p1"),
    c("osd pool application enable", pool="p1", app="rbd"), c("osd pool application enable", pool="p1", app="rbd"),
    c("osd pool application enable", pool="p1", app="rgw"), c("osd pool application enable", pool="p1", app="rgw", yes_i_really_mean_it=True),
    c("osd pool application enable", pool="nosuch", app="rgw"),
    c("osd pool application get", pool="p1"), c("osd pool application get", pool="p1", app="rbd"),
    c("osd pool application get", pool="p1", app="no"), c("osd pool application set", pool="p1", app="rbd", key="k", value="v"),
    c("osd pool application get", pool="p1", app="rbd", key="k"), c("osd pool application get", pool="p1", app="rbd", key="z"),
    c("osd pool application rm", pool="p1", app="rbd", key="k"), c("osd pool application disable", pool="p1", app="rgw"),
    c("osd pool application disable", pool="p1", app="rgw", yes_i_really_mean_it=True),
    c("osd pool stats"), c("osd pool stats", pool_name="p1"),
    c("osd pool rename", srcpool="p3", destpool="p33"), c("osd pool rename", srcpool="nosuch", destpool="p33"),
    c("osd pool rename", srcpool="p1", destpool="p33"), c("osd pool rename", srcpool="nosuch", destpool="nosuch2"),
    c("osd pool delete", pool="p33"), c("osd pool delete", pool="p33", pool2="p33"),
    c("osd pool delete", pool="p33", pool2="p1", yes_i_really_really_mean_it=True),
    c("osd pool delete", pool="nosuch", pool2="nosuch", yes_i_really_really_mean_it=True),
    c("osd pool delete", pool="p33", pool2="p33", yes_i_really_really_mean_it=True),
    c("config set", who="global", name="mon_allow_pool_delete", value="true"),
    c("osd pool delete", pool="p33", pool2="p33", yes_i_really_really_mean_it=True),
    c("osd pool mksnap", pool="p2", snap="s1"), c("osd pool rmsnap", pool="p2", snap="s1"),
    c("osd dump"), c("osd map", pool="p1", object="o1"), c("osd map", pool="p1", object="o1", nspace="ns"),
    c("osd map", pool="nosuch", object="o1"),
    c("osd out", ids=["2"]), c("osd out", ids=["2"]), c("osd out", ids=["77"]), c("osd out", ids=["x"]),
    c("osd stat"), c("osd tree"), c("osd in", ids=["2"]), c("osd in", ids=["osd.2"]), c("osd in", ids=["77"]),
    c("osd out", ids=["0", "1"]), c("osd in", ids=["all"]),
    c("osd reweight", id=1, weight=0.5), c("osd reweight", id=1, weight=1.5), c("osd reweight", id=77, weight=0.5),
    c("osd tree"), c("osd reweight", id=1, weight=1.0), c("osd primary-affinity", id=1, weight=0.5),
    c("osd primary-affinity", id=1, weight=1.0), c("osd down", ids=["77"]), c("osd down", ids=[]),
    c("osd set", key="noout"), c("osd set", key="nosuch"), c("osd set", key="full"), c("health", detail="detail"), c("status"),
    c("osd unset", key="noout"), c("osd unset", key="noout"), c("osd set", key="pause"), c("osd unset", key="pause"),
    c("osd set", key="noup"), c("osd unset", key="noup"), c("osd set", key="sortbitwise"),
    c("osd set-nearfull-ratio", ratio=0.86), c("osd set-full-ratio", ratio=0.95), c("osd set-nearfull-ratio", ratio=0.85),
    c("osd set-backfillfull-ratio", ratio=0.9), c("osd set-require-min-compat-client", version="luminous"),
    c("osd set-require-min-compat-client", version="nosuch"), c("osd get-require-min-compat-client"),
    c("osd blocklist", blocklistop="add", addr="10.0.0.1:0/123"), c("osd blocklist", blocklistop="add", addr="10.0.0.2", expire=100.0),
    c("osd blocklist", blocklistop="add", addr="bad"), c("osd blocklist ls"), c("osd blocklist", blocklistop="rm", addr="10.0.0.1:0/123"),
    c("osd blocklist", blocklistop="rm", addr="10.0.0.1:0/123"), c("osd blocklist clear"), c("osd blocklist ls"),
    c("osd crush dump"), c("osd crush tree"), c("osd crush rule ls"), c("osd crush rule dump"),
    c("osd crush rule dump", name="replicated_rule"), c("osd crush rule dump", name="nosuch"),
    c("osd crush class ls"), c("osd crush class ls-osd", **{"class": "ssd"}), c("osd crush show-tunables"),
    c("osd crush get-tunable", tunable="straw_calc_version"), c("osd crush ls", node="default"), c("osd crush ls", node="nosuch"),
    c("osd crush get-device-class", ids=["0"]),
    c("osd crush rule create-replicated", name="r1", root="default", type="osd"),
    c("osd crush rule create-replicated", name="r1", root="default", type="osd"),
    c("osd crush rule create-replicated", name="r2", root="nosuch", type="osd"),
    c("osd crush rule create-replicated", name="r2", root="default", type="nosuch"),
    c("osd crush rule create-replicated", name="r3", root="default", type="host", **{"class": "ssd"}),
    c("osd crush rule create-replicated", name="r4", root="default", type="host", **{"class": "nosuch"}),
    c("osd crush rule create-simple", name="r5", root="default", type="host"),
    c("osd crush rule rename", srcname="r1", dstname="r11"), c("osd crush rule ls"), c("osd crush rule ls-by-class", **{"class": "ssd"}),
    c("osd crush rule rm", name="r3"), c("osd crush rule rm", name="nosuch"), c("osd crush rule rm", name="replicated_rule"),
    c("osd crush add-bucket", name="rack1", type="rack"), c("osd crush add-bucket", name="rack1", type="rack"),
    c("osd crush add-bucket", name="rack1", type="host"), c("osd crush add-bucket", name="x1", type="nosuch"),
    c("osd crush add-bucket", name="host9", type="host", args=["root=default"]), c("osd crush add-bucket", name="bad~name", type="host"),
    c("osd crush move", name="rack1", args=["root=default"]), c("osd crush move", name="rack1", args=["root=default"]),
    c("osd crush move", name="nosuch", args=["root=default"]), c("osd crush move", name="rack1", args=["root=rack1"]),
    c("osd crush link", name="host9", args=["rack=rack1"]),
    c("osd crush set", id=2, weight=0.002, args=["root=default", "rack=rack1", "host=h2"]),
    c("osd crush set", id=2, weight=0.002, args=["root=default", "rack=rack1", "host=h2"]),
    c("osd crush set", id=77, weight=1.0, args=["root=default"]),
    c("osd crush add", id=2, weight=0.002, args=["root=default", "rack=rack1", "host=h2"]),
    c("osd crush add", id=2, weight=0.003, args=["root=default", "rack=rack1", "host=h2"]),
    c("osd crush add", id=77, weight=1.0, args=["root=default"]),
    c("osd crush create-or-move", id=2, weight=0.002, args=["root=default", "rack=rack1", "host=h2"]),
    c("osd crush create-or-move", id=2, weight=0.002, args=["root=default", "rack=rack1", "host=h3"]),
    c("osd crush reweight", name="osd.2", weight=0.5), c("osd crush reweight", name="nosuch", weight=0.5),
    c("osd crush reweight", name="default", weight=0.5), c("osd crush reweight-subtree", name="rack1", weight=0.002),
    c("osd crush reweight-all"),
    c("osd tree"), c("osd crush rename-bucket", srcname="rack1", dstname="rack2"), c("osd crush rename-bucket", srcname="nosuch", dstname="rack3"),
    c("osd crush rm", name="rack2"), c("osd crush rm", name="nosuch"), c("osd crush rm", name="host9"), c("osd crush unlink", name="host9", ancestor="rack2"),
    c("osd crush rm-device-class", ids=["2"]), c("osd crush set-device-class", **{"class": "fast"}, ids=["2"]),
    c("osd crush class ls"), c("osd crush set-device-class", **{"class": "slow"}, ids=["2"]),
    c("osd crush rm-device-class", ids=["2"]), c("osd crush set-device-class", **{"class": "ssd"}, ids=["2"]),
    c("osd crush tunables", profile="default"), c("osd crush tunables", profile="nosuch"), c("osd crush weight-set ls"),
    c("osd tree"), c("osd crush dump"),
    c("osd new", uuid="11111111-2222-3333-4444-555555555555"), c("osd new", uuid="11111111-2222-3333-4444-555555555555"),
    c("osd new", uuid="xx"), c("osd create", uuid="11111111-2222-3333-4444-555555555556"), c("osd create"),
    c("osd tree"), c("osd dump"), c("osd ls"), c("osd stat"), c("osd rm", ids=["3"]), c("osd rm", ids=["3"]), c("osd rm", ids=["0"]),
    c("osd purge", id=4), c("osd purge", id=4, yes_i_really_mean_it=True), c("osd destroy", id=5), c("osd destroy", id=5, yes_i_really_mean_it=True),
    c("osd purge", id=0, yes_i_really_mean_it=True), c("osd purge", id=5, yes_i_really_mean_it=True), c("osd purge", id=88, yes_i_really_mean_it=True),
    c("osd ok-to-stop", ids=["0"]), c("osd safe-to-destroy", ids=["0"]), c("osd lost", id=0, yes_i_really_mean_it=True), c("osd lost", id=0),
    c("pg dump"), c("pg dump", dumpcontents=["pgs_brief"]), c("pg stat"), c("pg map", pgid="1.0"), c("pg map", pgid="99.0"),
    c("auth ls"), c("auth get", entity="client.admin"), c("auth get", entity="client.no"), c("auth get-key", entity="client.no"),
    c("auth add", entity="client.a", caps=["mon", "allow r", "osd", "allow rw pool=p1"]),
    c("auth add", entity="client.a", caps=["mon", "allow r"]), c("auth add", entity="client.a", caps=["mon", "allow r", "osd", "allow rw pool=p1"]),
    c("auth get", entity="client.a"), c("auth get-key", entity="client.a"), c("auth print-key", entity="client.a"), c("auth export", entity="client.a"),
    c("auth get-or-create", entity="client.a", caps=["mon", "allow r", "osd", "allow rw pool=p1"]),
    c("auth get-or-create", entity="client.a", caps=["mon", "allow r"]), c("auth get-or-create", entity="client.a"),
    c("auth get-or-create", entity="client.b", caps=["mon", "allow r"]), c("auth get-or-create", entity="client.b2"),
    c("auth get-or-create-key", entity="client.b", caps=["mon", "allow r"]), c("auth get-or-create-key", entity="client.b", caps=["mon", "allow rw"]),
    c("auth get-or-create", entity="bogus", caps=["mon", "allow r"]), c("auth get-or-create", entity="client.c", caps=["mon", "alow r"]),
    c("auth get-or-create", entity="client.c", caps=["osd", "bogus cap"]), c("auth get-or-create", entity="client.c", caps=["xyz", "allow r"]),
    c("auth get-or-create", entity="client.c", caps=["mon"]), c("auth get-or-create", entity="client.c", caps=["mon", "allow r", "mon", "allow rw"]),
    c("auth caps", entity="client.a", caps=["mon", "allow rw"]), c("auth caps", entity="client.no", caps=["mon", "allow rw"]), c("auth get", entity="client.a"),
    c("auth rm", entity="client.a"), c("auth rm", entity="client.a"), c("auth del", entity="client.b"), c("auth rm", entity="client.b2"), c("auth ls"),
    c("config dump"), c("config set", who="global", name="debug_ms", value="0/0"), c("config set", who="osd.1", name="osd_max_backfills", value="2"),
    c("config set", who="osd", name="nosuch_option", value="2"), c("config set", who="osd", name="osd_max_backfills", value="abc"),
    c("config set", who="bogus!", name="osd_max_backfills", value="1"), c("config set", who="client.a", name="rbd_cache", value="false"),
    c("config dump"), c("config get", who="osd.1"), c("config get", who="osd.1", key="osd_max_backfills"), c("config get", who="osd.2", key="osd_max_backfills"),
    c("config get", who="osd.1", key="nosuch_option"), c("config get", who="client.a"), c("config get", who="global"), c("config get", who="mon"),
    c("config rm", who="osd.1", name="osd_max_backfills"), c("config rm", who="osd.1", name="osd_max_backfills"), c("config rm", who="global", name="debug_ms"),
    c("config rm", who="client.a", name="rbd_cache"), c("config rm", who="osd", name="nosuch_option"), c("config help", key="osd_pool_default_size"),
    c("config log"), c("config reset", num=9999),
    c("log", logtext=["hello", "world"]), c("log last", num=2), c("config-key set", key="k1", val="v1"), c("config-key get", key="k1"),
    c("config-key ls"), c("config-key exists", key="k1"), c("config-key exists", key="no"), c("config-key rm", key="k1"), c("config-key get", key="no"),
    c("osd erasure-code-profile ls"), c("osd erasure-code-profile get", name="default"), c("osd erasure-code-profile get", name="nosuch"),
    c("osd erasure-code-profile set", name="e1", profile=["k=2", "m=1"]), c("osd erasure-code-profile ls"), c("osd erasure-code-profile get", name="e1"), c("osd erasure-code-profile rm", name="e1"),
    c("mgr dump"), c("mgr stat"), c("mgr services"), c("mgr module ls"), c("node ls"), c("mon metadata"), c("mon metadata", id="a"), c("mds stat"), c("fs ls"), c("fs dump"), c("service dump"),
    c("nosuch command"), c("osd pool create"), c("osd tree", states=["down"]), c("osd tree", epoch=1), c("osd dump", epoch=2), c("osd utilization"),
    c("osd pool delete", pool="p1", pool2="p1", yes_i_really_really_mean_it=True), c("osd pool delete", pool="p2", pool2="p2", yes_i_really_really_mean_it=True),
    c("osd count-metadata", property="osd_objectstore"), c("osd numa-status"), c("osd info"), c("osd info", id=0), c("pg ls"), c("balancer status"), c("device ls"), c("crash ls"), c("tell", target="x"),
]


def main():
    out = sys.argv[1]
    use_mgr = "--mgr" in sys.argv
    cluster = rados.Rados(conffile="")
    cluster.connect(timeout=10)
    results = []
    for cmd in COMMANDS:
        for fmt in ["plain", "json"]:
            # What changes something runs once; the answer's text is the same in both formats.
            text = json.dumps(cmd if fmt == "plain" else dict(cmd, format=fmt))
            call = cluster.mgr_command if use_mgr and cmd["prefix"] in MGR else cluster.mon_command
            try:
                rc, buf, outs = call(text, b"", timeout=8)
            except Exception as e:  # a timeout is a finding too
                rc, buf, outs = "exception", str(e).encode(), ""
            try:
                buf = buf.decode()
            except UnicodeDecodeError:
                buf = "<binary %d>" % len(buf)
            results.append({"cmd": cmd, "format": fmt, "rc": rc, "out": buf, "status": outs})
    with open(out, "w") as f:
        json.dump(results, f, indent=1)
    print(len(results), "answers")


main()
