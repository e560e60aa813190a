#!/usr/bin/python3
"""How long map changes take, from the command to everybody having the map.

usage: latency.py CEPH_CONF [CEPH_CONF ...] [--times 20] [--limit MS]

Each configuration file is one cluster; the changes run on all of them in turn, so that a shared machine
treats them alike. One session stays open throughout: the start of a program does not count. Per
change, in milliseconds:

  answered  the command's reply is here
  client    and this client has the map that the change made
  osds      and a write that carries that epoch is acknowledged by the primary and every replica

--limit: exit code 1 if a median of the first cluster is above it. The cluster needs three OSDs and the
options of a test cluster (mon_allow_pool_delete is set, and left as it was found)."""
import json
import rados
import statistics
import sys
import time

POOL = "latency"


class Cluster:
    def __init__(self, conf):
        self.conf = conf
        self.rados = rados.Rados(conffile=conf, name="client.admin")
        self.rados.connect(timeout=20)
        self.must("config set", who="mon", name="mon_allow_pool_delete", value="true")
        self.remove(POOL)
        self.must("osd pool create", pool=POOL, pg_num=16)
        self.must("osd pool application enable", pool=POOL, app="test")
        self.wait_for_write(POOL)
        self.ioctx = self.rados.open_ioctx(POOL)

    def command(self, prefix, **args):
        rc, out, status = self.rados.mon_command(json.dumps(dict(args, prefix=prefix)), b"")
        return rc, status

    def must(self, prefix, **args):
        rc, status = self.command(prefix, **args)
        if rc != 0:
            sys.exit("%s: %s: %s" % (self.conf, prefix, status))

    def remove(self, pool):
        self.command("osd pool delete", pool=pool, pool2=pool, yes_i_really_really_mean_it=True)

    def wait_for_write(self, pool):
        self.rados.wait_for_latest_osdmap()
        with self.rados.open_ioctx(pool) as ioctx:
            ioctx.write_full("o", b"x")

    def measure(self, prefix, args, pool):
        start = time.monotonic()
        self.must(prefix, **args)
        answered = time.monotonic()
        self.rados.wait_for_latest_osdmap()
        client = time.monotonic()
        if pool:
            self.wait_for_write(pool)
        else:
            self.ioctx.write_full("o", b"x")
        osds = time.monotonic()
        return [1000 * (at - start) for at in (answered, client, osds)]

    def close(self):
        self.ioctx.close()
        self.remove(POOL)
        self.command("config rm", who="mon", name="mon_allow_pool_delete")
        self.rados.shutdown()


def changes(i):
    """(name, prefix, arguments, pool to write to if not the common one), run in this order."""
    pool, on = "latency-%d" % i, i % 2 == 0
    return [
        ("osd pool create", "osd pool create", dict(pool=pool, pg_num=16), pool),
        ("osd pool application enable", "osd pool application enable", dict(pool=pool, app="test"), None),
        ("osd pool rename", "osd pool rename", dict(srcpool=pool, destpool=pool + "r"), None),
        ("osd pool delete", "osd pool delete", dict(pool=pool + "r", pool2=pool + "r", yes_i_really_really_mean_it=True), None),
        ("osd pool set", "osd pool set", dict(pool=POOL, var="min_size", val="1" if on else "2"), None),
        ("osd set|unset", "osd set" if on else "osd unset", dict(key="noout"), None),
        ("osd reweight", "osd reweight", dict(id=0, weight=0.9 if on else 1.0), None),
        ("osd primary-affinity", "osd primary-affinity", dict(id=1, weight=0.9 if on else 1.0), None),
        ("osd crush add-bucket|rm", "osd crush add-bucket" if on else "osd crush rm",
         dict(name="lat-rack", type="rack") if on else dict(name="lat-rack"), None),
        ("osd blocklist", "osd blocklist", dict(blocklistop="add" if on else "rm", addr="10.9.8.7:0/1"), None),
        ("auth get-or-create|rm", "auth get-or-create" if on else "auth rm",
         dict(entity="client.lat", caps=["mon", "allow r"]) if on else dict(entity="client.lat"), None),
        ("config set|rm", "config set" if on else "config rm",
         dict(who="client.lat", name="debug_ms", value="0/0") if on else dict(who="client.lat", name="debug_ms"), None),
    ]


def main():
    args = sys.argv[1:]

    def option(name, default):
        if name not in args:
            return default
        at = args.index(name)
        value = args[at + 1]
        del args[at:at + 2]
        return value
    times, limit = int(option("--times", "20")), option("--limit", None)
    clusters = [Cluster(conf) for conf in args]
    found = {}
    for i in range(times):
        for cluster in clusters:
            for name, prefix, arguments, pool in changes(i):
                found.setdefault((name, cluster.conf), []).append(cluster.measure(prefix, arguments, pool))
    slow = False
    print("%-30s %-10s %26s %26s %26s" % ("ms, median (worst) of %d" % times, "cluster", "answered", "client", "osds"))
    for name in dict.fromkeys(name for name, _ in found):
        for number, cluster in enumerate(clusters):
            columns = list(zip(*found[name, cluster.conf]))
            cells = ["%.1f (%.1f)" % (statistics.median(c), max(c)) for c in columns]
            print("%-30s %-10d %26s %26s %26s" % (name, number + 1, *cells))
            slow |= number == 0 and limit is not None and statistics.median(columns[2]) > float(limit)
    for cluster in clusters:
        cluster.close()
    sys.exit(1 if slow else 0)


main()
