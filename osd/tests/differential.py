#!/usr/bin/python3
"""Runs one table of object operations against one or two clusters and compares what they answer.

Every step is one message: a list of ops on one object, sent through librados' compound operations.
After each write the object is read back whole. Compared are the message's result, each op's own
result and output, and how the object's version moved.

    CEPH_CONF_A=real/ceph.conf CEPH_CONF_B=ours/ceph.conf differential.py   exit 1 on any difference
    CEPH_CONF_A=real/ceph.conf differential.py > transcript                 one JSON step per line
    CEPH_CONF_A=ours/ceph.conf differential.py --expect transcript          compare with a transcript

The transcript of the real OSD is osd/testdata/differential.expected; the op engine's unit test
replays it too. Bytes are written as runs: "61x3,62" is aaab.

The pool (--pool, default rbd's or the first one) gets objects named diff.*; they are removed at the
end. Left out is what breaks Ceph's OSD 16.2.15: zeroing of length 0 (it aborts) and a huge write-same
(it fills the memory). Run the real OSD with osd_skip_data_digest=true: with its default, an empty
write beyond the end, or a read of all of an object in the message that wrote it, finds a wrong
checksum and declares the object lost.
"""
import argparse
import ctypes as C
import json
import os
import random
import subprocess
import sys

L = C.CDLL("librados.so.2")
EXCL, FAILOK = 1, 2
RETURNVEC = 1024
EQ, NE, GT, GTE, LT, LTE = 1, 2, 3, 4, 5, 6
UNSET = 999999
MTIME = (1600000000, 123456789)


def runs(data):
    out, i = [], 0
    while i < len(data):
        n = len(data[i:]) - len(data[i:].lstrip(data[i:i + 1]))
        out.append("%02x" % data[i] + ("x%d" % n if n > 1 else ""))
        i += n
    return ",".join(out)


def unruns(text):
    out = b""
    for part in text.split(",") if text else []:
        byte, _, n = part.partition("x")
        out += bytes([int(byte, 16)]) * int(n or 1)
    return out


class Timespec(C.Structure):
    _fields_ = [("sec", C.c_long), ("nsec", C.c_long)]


class Cluster:
    def __init__(self, conf, pool):
        self.conf = conf
        self.cluster = C.c_void_p()
        self.check(L.rados_create2(C.byref(self.cluster), b"ceph", b"client.admin", C.c_uint64(0)))
        self.check(L.rados_conf_read_file(self.cluster, conf.encode()))
        for key, value in ((b"rados_osd_op_timeout", b"20"), (b"client_mount_timeout", b"20")):
            self.check(L.rados_conf_set(self.cluster, key, value))
        self.check(L.rados_connect(self.cluster))
        self.pool = pool
        self.ioctx = C.c_void_p()
        self.check(L.rados_ioctx_create(self.cluster, pool.encode(), C.byref(self.ioctx)))
        L.rados_get_last_version.restype = C.c_uint64
        L.rados_create_read_op.restype = C.c_void_p
        L.rados_create_write_op.restype = C.c_void_p
        self.seen = {}

    def check(self, r):
        if r < 0:
            raise OSError(-r, os.strerror(-r))

    def close(self):
        L.rados_ioctx_destroy(self.ioctx)
        L.rados_shutdown(self.cluster)

    def version(self, key, result):
        """How the version that came with an answer relates to what was seen before."""
        v = L.rados_get_last_version(self.ioctx)
        if result == -2:
            return "floor"
        known = self.seen.get(key, 0)
        if v == 0:
            word = "zero"
        elif v == known:
            word = "same"
        elif v > known:
            word = "new"
        else:
            word = "other"
        if v:
            self.seen[key] = v
        return word

    def run(self, step):
        name, nspace = step["object"].encode(), step.get("nspace", "").encode()
        L.rados_ioctx_set_namespace(self.ioctx, nspace)
        L.rados_ioctx_locator_set_key(self.ioctx, step["key"].encode() if "key" in step else None)
        if "cli" in step:
            return self.run_cli(step)
        if "list" in step:
            return self.run_list(step)
        key = (nspace, name)
        current = self.seen.get(key, 0)
        is_write = step["write"]
        op = C.c_void_p(L.rados_create_write_op() if is_write else L.rados_create_read_op())
        prefix = "rados_write_op_" if is_write else "rados_read_op_"
        keep, fetch = [], []
        for one in step["ops"]:
            fetch.append(getattr(self, "op_" + one["op"])(op, prefix, one, current, keep))
            if one.get("flags"):
                getattr(L, prefix + "set_flags")(op, C.c_int(one["flags"]))
        flags = C.c_int(RETURNVEC if step.get("returnvec") else 0)
        if is_write:
            mtime = Timespec(*MTIME)
            r = L.rados_write_op_operate2(op, self.ioctx, name, C.byref(mtime), flags)
            L.rados_release_write_op(op)
        else:
            r = L.rados_read_op_operate(op, self.ioctx, name, flags)
        if r == -110:
            raise TimeoutError("no answer to %s" % json.dumps(step))
        answer = {"result": r, "version": self.version(key, r)}
        answer["ops"] = [f() if f else {} for f in fetch]
        if not is_write:
            L.rados_release_read_op(op)
        return answer

    def run_cli(self, step):
        args = ["rados", "-c", self.conf, "-p", self.pool] + step["cli"]
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        out = done.stdout.decode(errors="replace")
        return {"result": done.returncode, "out": out.replace(self.pool, "POOL")}

    def run_list(self, step):
        ctx, found = C.c_void_p(), []
        L.rados_nobjects_list_open(self.ioctx, C.byref(ctx))
        entry, loc, ns = C.c_char_p(), C.c_char_p(), C.c_char_p()
        while L.rados_nobjects_list_next(ctx, C.byref(entry), C.byref(loc), C.byref(ns)) == 0:
            if entry.value.startswith(b"diff."):
                found.append([(ns.value or b"").decode(), entry.value.decode(), (loc.value or b"").decode()])
        L.rados_nobjects_list_close(ctx)
        return {"result": 0, "objects": sorted(found)}

    # -- ops of both kinds

    def rval(self, keep):
        r = C.c_int(UNSET)
        keep.append(r)
        return r

    def op_assert_exists(self, op, p, one, current, keep):
        getattr(L, p + "assert_exists")(op)

    def op_assert_version(self, op, p, one, current, keep):
        version = 0 if one["delta"] is None else max(current + one["delta"], 0)
        getattr(L, p + "assert_version")(op, C.c_uint64(version))

    def op_cmpext(self, op, p, one, current, keep):
        data, r = unruns(one["data"]), self.rval(keep)
        keep.append(data)
        getattr(L, p + "cmpext")(op, data, C.c_size_t(len(data)), C.c_uint64(one["off"]), C.byref(r))
        return lambda: {"rval": r.value}

    def op_cmpxattr(self, op, p, one, current, keep):
        value = unruns(one["data"])
        keep.append(value)
        getattr(L, p + "cmpxattr")(op, one["name"].encode(), C.c_uint8(one["cmp"]), value, C.c_size_t(len(value)))

    def op_omap_cmp(self, op, p, one, current, keep):
        key, value, r = one["key"].encode(), unruns(one["data"]), self.rval(keep)
        keep.append((key, value))
        getattr(L, p + "omap_cmp2")(op, key, C.c_uint8(one["cmp"]), value, C.c_size_t(len(key)),
                                    C.c_size_t(len(value)), C.byref(r))
        return lambda: {"rval": r.value}

    # -- writes

    def op_create(self, op, p, one, current, keep):
        L.rados_write_op_create(op, C.c_int(EXCL if one["excl"] else 0), None)

    def op_write(self, op, p, one, current, keep):
        data = unruns(one["data"])
        keep.append(data)
        L.rados_write_op_write(op, data, C.c_size_t(len(data)), C.c_uint64(one["off"]))

    def op_write_full(self, op, p, one, current, keep):
        data = unruns(one["data"])
        keep.append(data)
        L.rados_write_op_write_full(op, data, C.c_size_t(len(data)))

    def op_write_same(self, op, p, one, current, keep):
        data = unruns(one["data"])
        keep.append(data)
        L.rados_write_op_writesame(op, data, C.c_size_t(len(data)), C.c_size_t(one["len"]), C.c_uint64(one["off"]))

    def op_append(self, op, p, one, current, keep):
        data = unruns(one["data"])
        keep.append(data)
        L.rados_write_op_append(op, data, C.c_size_t(len(data)))

    def op_remove(self, op, p, one, current, keep):
        L.rados_write_op_remove(op)

    def op_truncate(self, op, p, one, current, keep):
        L.rados_write_op_truncate(op, C.c_uint64(one["off"]))

    def op_zero(self, op, p, one, current, keep):
        assert one["len"] > 0
        L.rados_write_op_zero(op, C.c_uint64(one["off"]), C.c_uint64(one["len"]))

    def op_alloc_hint(self, op, p, one, current, keep):
        L.rados_write_op_set_alloc_hint2(op, C.c_uint64(one["size"]), C.c_uint64(one["len"]), C.c_uint32(0))

    def op_setxattr(self, op, p, one, current, keep):
        value = unruns(one["data"])
        keep.append(value)
        L.rados_write_op_setxattr(op, one["name"].encode(), value, C.c_size_t(len(value)))

    def op_rmxattr(self, op, p, one, current, keep):
        L.rados_write_op_rmxattr(op, one["name"].encode())

    def arrays(self, items, keep):
        array = (C.c_char_p * len(items))(*items)
        lens = (C.c_size_t * len(items))(*[len(i) for i in items])
        keep.append((array, lens, items))
        return array, lens

    def op_omap_set(self, op, p, one, current, keep):
        keys, klens = self.arrays([k.encode() for k in sorted(one["pairs"])], keep)
        vals, vlens = self.arrays([unruns(one["pairs"][k]) for k in sorted(one["pairs"])], keep)
        L.rados_write_op_omap_set2(op, keys, vals, klens, vlens, C.c_size_t(len(one["pairs"])))

    def op_omap_rm_keys(self, op, p, one, current, keep):
        keys, klens = self.arrays([k.encode() for k in one["keys"]], keep)
        L.rados_write_op_omap_rm_keys2(op, keys, klens, C.c_size_t(len(one["keys"])))

    def op_omap_rm_range(self, op, p, one, current, keep):
        first, last = one["first"].encode(), one["last"].encode()
        keep.append((first, last))
        L.rados_write_op_omap_rm_range2(op, first, C.c_size_t(len(first)), last, C.c_size_t(len(last)))

    def op_omap_clear(self, op, p, one, current, keep):
        L.rados_write_op_omap_clear(op)

    # -- reads

    def op_stat(self, op, p, one, current, keep):
        size, mtime, r = C.c_uint64(UNSET), C.c_long(0), self.rval(keep)
        keep.append((size, mtime))
        L.rados_read_op_stat(op, C.byref(size), C.byref(mtime), C.byref(r))
        return lambda: {"rval": r.value, "size": size.value, "mtime": mtime.value}

    def op_read(self, op, p, one, current, keep):
        room = one["len"] or one.get("room", 1 << 20)
        buf, n, r = C.create_string_buffer(room), C.c_size_t(0), self.rval(keep)
        keep.append((buf, n))
        L.rados_read_op_read(op, C.c_uint64(one["off"]), C.c_size_t(one["len"] or room), buf, C.byref(n), C.byref(r))
        return lambda: {"rval": r.value, "data": runs(buf.raw[:n.value])}

    def op_checksum(self, op, p, one, current, keep):
        init = (0xffffffffffffffff if one["init"] else 0).to_bytes(8, "little")[:8 if one["type"] == 1 else 4]
        out, r = C.create_string_buffer(b"\xee" * 64, 64), self.rval(keep)
        keep.append((init, out))
        L.rados_read_op_checksum(op, C.c_int(one["type"]), init, C.c_size_t(len(init)), C.c_uint64(one["off"]),
                                 C.c_size_t(one["len"]), C.c_size_t(one["chunk"]), out, C.c_size_t(64), C.byref(r))
        return lambda: {"rval": r.value, "data": runs(out.raw)}

    def op_getxattrs(self, op, p, one, current, keep):
        it, r = C.c_void_p(), self.rval(keep)
        keep.append(it)
        L.rados_read_op_getxattrs(op, C.byref(it), C.byref(r))

        def fetch():
            found = {}
            name, val, n = C.c_char_p(), C.POINTER(C.c_char)(), C.c_size_t()
            while it and L.rados_getxattrs_next(it, C.byref(name), C.byref(val), C.byref(n)) == 0 and name.value is not None:
                found[name.value.decode()] = runs(val[:n.value])
            if it:
                L.rados_getxattrs_end(it)
            return {"rval": r.value, "xattrs": found}
        return fetch

    def omap_fetch(self, it, r, more, values):
        found = []
        key, val, kn, vn = C.POINTER(C.c_char)(), C.POINTER(C.c_char)(), C.c_size_t(), C.c_size_t()
        while it and L.rados_omap_get_next2(it, C.byref(key), C.byref(val), C.byref(kn), C.byref(vn)) == 0 and key:
            pair = [key[:kn.value].decode()]
            if values:
                pair.append(runs(val[:vn.value]))
            found.append(pair)
        if it:
            L.rados_omap_get_end(it)
        answer = {"rval": r.value, "omap": found}
        if more is not None:
            answer["more"] = more.value
        return answer

    def op_omap_vals(self, op, p, one, current, keep):
        it, more, r = C.c_void_p(), C.c_ubyte(0), self.rval(keep)
        keep.append((it, more))
        L.rados_read_op_omap_get_vals2(op, one["after"].encode(), one["prefix"].encode(), C.c_uint64(one["max"]),
                                       C.byref(it), C.byref(more), C.byref(r))
        return lambda: self.omap_fetch(it, r, more, True)

    def op_omap_keys(self, op, p, one, current, keep):
        it, more, r = C.c_void_p(), C.c_ubyte(0), self.rval(keep)
        keep.append((it, more))
        L.rados_read_op_omap_get_keys2(op, one["after"].encode(), C.c_uint64(one["max"]), C.byref(it), C.byref(more), C.byref(r))
        return lambda: self.omap_fetch(it, r, more, False)

    def op_omap_by_keys(self, op, p, one, current, keep):
        keys, klens = self.arrays([k.encode() for k in one["keys"]], keep)
        it, r = C.c_void_p(), self.rval(keep)
        keep.append(it)
        L.rados_read_op_omap_get_vals_by_keys2(op, keys, C.c_size_t(len(one["keys"])), klens, C.byref(it), C.byref(r))
        return lambda: self.omap_fetch(it, r, None, True)


# -- the table

def W(obj, *ops, **more):
    return dict(object=obj, write=True, ops=list(ops), **more)


def R(obj, *ops, **more):
    return dict(object=obj, write=False, ops=list(ops), **more)


def o(kind, flags=0, /, **args):
    op = dict(op=kind, **args)
    if flags:
        op["flags"] = flags
    return op


def runs_of(text):
    return runs(text.encode())


def write(off, text): return o("write", off=off, data=runs_of(text))
def full(text): return o("write_full", data=runs_of(text))
def append(text): return o("append", data=runs_of(text))
def same(off, len, text): return o("write_same", off=off, len=len, data=runs_of(text))
def zero(off, len): return o("zero", off=off, len=len)
def truncate(off): return o("truncate", off=off)
def remove(flags=0): return o("remove", flags)
def create(excl=False): return o("create", excl=excl)
def hint(): return o("alloc_hint", size=4194304, len=4096)
def setx(name, text): return o("setxattr", name=name, data=runs_of(text))
def rmx(name): return o("rmxattr", name=name)
def cmpx(name, cmp, text, flags=0): return o("cmpxattr", flags, name=name, cmp=cmp, data=runs_of(text))
def omap_set(**pairs): return o("omap_set", pairs={k: runs_of(v) for k, v in pairs.items()})
def omap_rm(*keys): return o("omap_rm_keys", keys=list(keys))
def omap_range(first, last): return o("omap_rm_range", first=first, last=last)
def omap_clear(flags=0): return o("omap_clear", flags)
def omap_cmp(key, cmp, text, flags=0): return o("omap_cmp", flags, key=key, cmp=cmp, data=runs_of(text))
def cmpext(off, text, flags=0): return o("cmpext", flags, off=off, data=runs_of(text))
def version(delta): return o("assert_version", delta=delta)
def exists(): return o("assert_exists")
def read(off=0, len=0): return o("read", off=off, len=len)
def stat(flags=0): return o("stat", flags)
def checksum(type, off, len, chunk, init=True): return o("checksum", type=type, off=off, len=len, chunk=chunk, init=init)
def xattrs(): return o("getxattrs")
def vals(after="", prefix="", max=100): return o("omap_vals", after=after, prefix=prefix, max=max)
def keys(after="", max=100): return o("omap_keys", after=after, max=max)
def by_keys(*k): return o("omap_by_keys", keys=list(k))


def dump(step):
    """Everything that can be read of the object of `step`."""
    more = {k: step[k] for k in ("nspace", "key") if k in step}
    return R(step["object"], stat(), read(0, 0), xattrs(), vals(), **more)


def scripted():
    MB = 1 << 20
    a, m = "diff.a", "diff.missing"
    # A missing object.
    for op in (stat(), read(), xattrs(), vals(), keys(), by_keys("k"), cmpx("x", EQ, "1"), cmpext(0, "a"),
               cmpext(0, "\0"), omap_cmp("k", EQ, ""), version(1), version(None), exists(), checksum(2, 0, 0, 0)):
        yield R(m, op)
    for op in (remove(), truncate(0), truncate(10), zero(0, 10), rmx("x"), omap_rm("k"), omap_range("a", "b"),
               omap_clear(), cmpx("x", EQ, ""), cmpext(0, "a"), omap_cmp("k", EQ, ""), version(1), version(None),
               exists(), remove(FAILOK), omap_clear(FAILOK), same(0, 0, "a")):
        yield W(m, op)
    for op in (remove(FAILOK), truncate(5), zero(1, 2)):
        yield W(m, op, op)
    yield W(m, cmpext(0, "\0\0"), write(0, "x"))
    yield W(m, remove())
    yield W(m, cmpext(3, ""), create())
    yield W(m, remove())
    yield W(m, cmpext(3, "\0a"), create())
    # What creates.
    for i, op in enumerate((write(0, "x"), write(3, "x"), write(0, ""), write(7, ""), full(""), full("abc"), append(""),
                            append("abc"), create(), create(True), hint(), setx("x", ""), omap_set(), omap_set(k="v"),
                            same(2, 6, "ab"))):
        yield W("diff.c%d" % i, op)
        yield W("diff.c%d" % i, op)
        yield W("diff.c%d" % i, remove())
    # Create, exclusively and not.
    yield W(a, create(True))
    yield W(a, create(True))
    yield W(a, create())
    yield W(a, o("create", FAILOK, excl=False))
    yield W(a, create(True), write(0, "never"))
    # Data.
    yield W(a, full("0123456789"))
    for op in (write(4, "abc"), write(20, "z"), write(0, ""), write(30, ""), append("tail"), truncate(25), truncate(3),
               truncate(3), truncate(40), zero(1, 1), zero(35, 5), zero(30, 100), zero(29, 1), zero(100, 5), full("0123456789"),
               zero(10, 5), zero(9, 1), zero(0, 9), full("abcdefghij"), same(0, 4, "xy"), same(8, 6, "q"), same(0, 5, "xy"),
               same(3, 0, "q"), same(0, 4, ""), full("short"), full(""), full("abcdefgh")):
        yield W(a, op)
    for off, length in ((0, 0), (0, 3), (2, 3), (5, 100), (8, 1), (100, 5), (0, 100), (7, 1)):
        yield R(a, read(off, length))
    # Limits.
    big = "diff.big"
    for op in (write(128 * MB - 1, "x"), write(128 * MB, "x"), write(128 * MB - 1, "xy"), write(128 * MB, ""),
               write(1 << 40, "x"), truncate(128 * MB - 1), truncate(128 * MB), truncate(1 << 50), zero(128 * MB, 1),
               zero(0, 128 * MB + 1), zero(0, 128 * MB), append("x"), same(128 * MB - 2, 4, "ab")):
        yield dict(W(big, op), quiet=True)
        yield R(big, stat())
    yield W(big, truncate(128 * MB - 1))
    yield dict(W(big, append("ab")), quiet=True)
    yield R(big, stat())
    yield W(big, remove())
    for n in (2048, 2049):
        yield W("diff." + "n" * (n - 5), create())
        yield R("diff." + "n" * (n - 5), stat())
        yield W("diff." + "n" * (n - 5), remove())
    for n in (256, 257):
        yield W("diff.ns", create(), nspace="s" * n)
        yield W("diff.ns", remove(), nspace="s" * n)
    for n in (2048, 2049):
        yield W("diff.key", create(), key="k" * n)
        yield W("diff.key", remove(), key="k" * n)
    x = "diff.x"
    for n in (99, 100, 101, 256, 257):
        yield W(x, setx("n" * n, "v"))
    for n in (65535, 65536, 65537, 100000):
        yield dict(W(x, o("setxattr", name="big", data="61x%d" % n)), quiet=True)
        yield R(x, xattrs())
    # Xattrs.
    yield W(x, remove())
    for op in (setx("a", "1"), setx("a", "22"), setx("b", ""), rmx("nothing"), rmx("a"), setx("user.x", "y"), setx("_", "under"),
               setx("snapset", "s"), rmx("snapset")):
        yield W(x, op)
    yield W(x, setx("n", "m"))
    for cmp in (EQ, NE, GT, GTE, LT, LTE, 0, 7):
        for value in ("l", "m", "n", "", "mm"):
            yield R(x, cmpx("n", cmp, value))
        yield R(x, cmpx("none", cmp, ""))
        yield R(x, cmpx("none", cmp, "a"))
    yield R(x, cmpx("n", EQ, "m"), stat())
    yield R(x, cmpx("n", EQ, "m"), xattrs())
    yield R(x, cmpx("n", EQ, "x", FAILOK), stat())
    yield R(x, stat(), cmpx("n", EQ, "x"), stat())
    yield W(x, cmpx("n", EQ, "m"))
    yield W(x, cmpx("n", EQ, "m"), setx("n", "o"))
    yield W(x, cmpx("n", EQ, "m"), setx("n", "p"))
    yield W(x, setx("n", "q"), cmpx("n", EQ, "o"))
    yield W(x, setx("n", "r"), cmpx("n", EQ, "r"))
    yield W(x, setx("new", "1"), cmpx("new", EQ, "1"))
    yield W(x, setx("new", "1"), cmpx("new", EQ, ""))
    yield W(x, rmx("n"), cmpx("n", EQ, ""))
    yield W(x, setx("s", "1"), rmx("s"), setx("t", "2"))
    yield W(x, cmpx("n", EQ, "zzz", FAILOK), setx("u", "3"))
    for vec in (False, True):
        yield W(x, setx("v", "1"), cmpx("user.x", EQ, "y"), returnvec=vec)
        yield W(x, cmpx("user.x", EQ, "y"), returnvec=vec)
        yield W(x, cmpx("user.x", NE, "y"), returnvec=vec)
        yield W(x, write(0, "d"), cmpext(0, "zz", FAILOK), returnvec=vec)
        yield W(x, cmpext(0, "d\0\0"), returnvec=vec)
    # Omap.
    k = "diff.omap"
    yield W(k, omap_set(a="1", b="2", c="", bb="22", d="4"))
    for op in (vals(), vals("a"), vals("", "b"), vals("b", "b"), vals("bz", "b"), vals("", "", 2), vals("", "b", 1),
               vals("", "", 0), vals("zz"), vals("", "x"), keys(), keys("b"), keys("", 2), keys("", 0), by_keys("a", "nope", "d"),
               by_keys(), by_keys("c")):
        yield R(k, op)
    for cmp in (EQ, LT, GT, NE, GTE, LTE, 0):
        for value in ("1", "2", "3", ""):
            yield R(k, omap_cmp("b", cmp, value))
        yield R(k, omap_cmp("none", cmp, ""))
        yield R(k, omap_cmp("none", cmp, "a"))
    for op in (omap_rm("a", "nope"), omap_rm(), omap_set(), omap_set(a="9", z="8"), omap_range("b", "c"), omap_range("c", "c"),
               omap_range("d", "a"), omap_range("", "b"), omap_clear(), omap_clear(), omap_rm("a"), omap_set(q="r"), omap_range("a", "z")):
        yield W(k, op)
    yield W(k, omap_set(a="1"), omap_cmp("a", EQ, "1"))
    yield W(k, omap_set(a="1"))
    yield W(k, omap_set(a="2"), omap_cmp("a", EQ, "1"))
    yield W(k, omap_set(a="3"), omap_cmp("a", EQ, "3"))
    yield W(k, omap_set(a="3"), omap_cmp("a", EQ, "3", FAILOK))
    yield W(k, omap_clear(), omap_cmp("a", EQ, ""))
    yield W(k, omap_clear(), omap_set(n="1"))
    yield W(k, omap_set(n="2"), omap_clear())
    yield W(k, omap_set(a="1", b="1"), omap_rm("a"), omap_set(c="1"))
    yield W(k, omap_set(x="1"), remove())
    yield W(k, create())
    yield W(k, remove(), omap_set(y="1"))
    many = {"k%05d" % i: runs_of("v") for i in range(1500)}
    yield dict(W(k, o("omap_set", pairs=many)), quiet=True)
    yield R(k, keys("", 5000))
    yield R(k, vals("k01023", "", 2000))
    yield W(k, remove())
    # Several ops in one message.
    c = "diff.compound"
    yield W(c, create(True), write(0, "abc"), append("def"), setx("a", "1"), omap_set(k="v"))
    yield W(c, append("1"), append("2"), write(1, "X"))
    yield W(c, write(0, "never"), create(True))
    yield W(c, truncate(2), append("yy"), zero(1, 2))
    yield W(c, zero(3, 1), append("zz"))
    yield W(c, remove(), write(2, "new"))
    yield W(c, setx("gone", "1"), omap_set(gone="1"), full("data"))
    yield W(c, remove(), create())
    yield W(c, remove(), remove())
    yield W(c, full("abc"), remove())
    yield W(c, create(), remove(), create(True))
    yield W(c, remove(), truncate(5))
    yield W(c, create(), truncate(5))
    yield W(c, full("abcdef"), cmpext(0, "abcdef"))
    yield W(c, full("abcdef"))
    yield W(c, full("ABCDEF"), cmpext(0, "abcdef"))
    yield W(c, full("AB"), cmpext(0, "AB"))
    yield W(c, full("ABCDEF"))
    yield W(c, append("more"), cmpext(6, "more"))
    yield W(c, append("more"), cmpext(6, "\0\0\0\0"))
    yield W(c, truncate(2), cmpext(0, "AB\0"))
    yield W(c, truncate(2))
    yield W(c, remove(), exists())
    yield W(c, remove(), cmpext(0, "\0"))
    yield W(c, create(), exists())
    yield W(c, exists(), append("e"))
    yield W(c, remove(FAILOK), create(True))
    yield W(c, remove(FAILOK), remove(FAILOK))
    yield W(c, remove(FAILOK), remove(FAILOK), write(0, "x"))
    yield W(c, hint(), write(0, "hinted"))
    yield W(c, hint())
    # cmpext.
    e = "diff.cmpext"
    yield W(e, full("abcdef"))
    for op in (cmpext(0, "abcdef"), cmpext(0, "abcdeX"), cmpext(2, "cX"), cmpext(2, "cd"), cmpext(4, "ef\0\0"), cmpext(4, "efgh"),
               cmpext(100, "\0"), cmpext(100, "a"), cmpext(0, ""), cmpext(0, "X")):
        yield R(e, op)
        yield W(e, op)
        yield W(e, op, append("z"))
        yield W(e, full("abcdef"))
    yield R(e, cmpext(0, "X", FAILOK), stat())
    yield R(e, stat(), read(1, 2), cmpext(0, "X"), read(0, 2))
    # Versions.
    v = "diff.version"
    yield W(v, full("1"))
    for delta in (0, 1, -1, None, 1000):
        yield R(v, version(delta))
        yield W(v, version(delta), append("."))
        yield W(v, append("."), version(delta))
    yield R(v, version(0), read())
    yield R(v, version(1), read())
    # Checksums.
    s = "diff.sum"
    yield W(s, o("write_full", data="61x4096,62x4096,63x100"))
    for type in (0, 1, 2, 3):
        for init in (False, True):
            for args in ((0, 8192, 4096), (0, 8192, 0), (4096, 4096, 512 if type == 2 else 1024), (0, 0, 0), (0, 8192, 5000),
                         (0, 0, 4096), (8000, 4096, 0), (8000, 4096, 4096), (9000, 100, 0), (8192, 100, 100)):
                yield R(s, checksum(type, *args, init=init))
    # Reads of several kinds in one message.
    yield R(c, stat(), read(), xattrs(), vals(), keys(), by_keys("k"))
    yield R(m, stat(FAILOK), read())
    # Names and listing.
    for nspace, name, key in (("", "diff.l1", None), ("", "diff.l2", None), ("one", "diff.l1", None), ("one", "diff.l3", None),
                              ("", "diff.l4", "elsewhere"), ("two", "diff.l5", "diff.l5"), ("", "diff.\xe9\xff", None)):
        more = {"nspace": nspace}
        if key:
            more["key"] = key
        yield W(name, write(0, name), **more)
    for nspace in ("", "one", "two", "three", "\x01"):
        yield {"object": "", "list": True, "nspace": nspace}
    # What only the rados program reaches.
    yield W("diff.cp", full("copy me"), omap_set(k="v", k2="v2"))
    for args in (["setomapheader", "diff.cp", "head"], ["getomapheader", "diff.cp"]):
        yield {"object": "", "cli": args}
    yield W("diff.cp", setx("x", "1"))
    for args in (["listwatchers", "diff.cp"], ["listsnaps", "diff.cp"], ["cp", "diff.cp", "diff.cp2"],
                 ["cp", "diff.cp", "diff.cp"], ["cp", "diff.nothing", "diff.cp3"], ["getomapheader", "diff.cp2"],
                 ["listxattr", "diff.cp2"], ["listomapvals", "diff.cp2"], ["listsnaps", "diff.nothing"],
                 ["listwatchers", "diff.nothing"], ["getxattr", "diff.cp2", "x"], ["getxattr", "diff.cp2", "y"],
                 ["getomapval", "diff.cp2", "k"], ["tmap-to-omap", "diff.cp2"], ["getomapheader", "diff.nothing"]):
        yield {"object": "", "cli": args}
    yield R("diff.cp2", stat(), read(), xattrs(), vals())
    yield W("diff.cp", append("!"))
    yield {"object": "", "cli": ["cp", "diff.cp", "diff.cp2"]}
    yield R("diff.cp2", stat(), read(), xattrs(), vals())
    yield W("diff.cp2", append("?"))


def randomly(seed, count):
    rng = random.Random(seed)
    text = lambda n=12: "".join(rng.choice("abc\0") for _ in range(rng.randrange(n)))
    off = lambda: rng.choice((0, 1, 3, 8, 15, 20, 4095, 4096))
    name = lambda: rng.choice(("x", "y", "z"))
    flag = lambda: FAILOK if rng.random() < 0.2 else 0
    cmp = lambda: rng.choice((EQ, NE, GT, GTE, LT, LTE))
    checks = (lambda: exists(), lambda: version(rng.choice((0, 0, 0, 1, -1))), lambda: cmpext(off(), text(3), flag()),
              lambda: cmpx(name(), cmp(), text(3), flag()), lambda: omap_cmp(name(), rng.choice((EQ, LT, GT)), text(3), flag()))
    writes = (lambda: write(off(), text()), lambda: full(text()), lambda: append(text()), lambda: zero(off(), 1 + off()),
              lambda: truncate(off()), lambda: remove(flag()), lambda: create(rng.random() < 0.2), lambda: hint(),
              lambda: setx(name(), text(4)), lambda: rmx(name()), lambda: omap_set(**{name(): text(4), name(): text(4)}),
              lambda: omap_rm(name()), lambda: omap_range(name(), name()), lambda: omap_clear(flag()),
              lambda: same(off(), 6, rng.choice(("a", "ab", "abc", "abcd"))), lambda: write(off(), text()), lambda: append(text()))
    reads = (lambda: stat(), lambda: read(off(), 1 + off()), lambda: read(), lambda: xattrs(), lambda: vals("", "", rng.randrange(3)),
             lambda: keys(name(), 2), lambda: by_keys(name()), lambda: checksum(rng.randrange(3), 0, 0, 0))
    for i in range(count):
        obj = "diff.r%d" % rng.randrange(3)
        if rng.random() < 0.25:
            yield R(obj, *[rng.choice(checks + reads + reads)() for _ in range(1 + rng.randrange(3))])
        else:
            ops = [rng.choice(writes + writes + checks)() for _ in range(1 + rng.randrange(4))]
            yield W(obj, *ops, returnvec=rng.random() < 0.2)


def steps(seed, count):
    for step in list(scripted()) + list(randomly(seed, count)):
        yield step
        if step.get("write") and not step.get("quiet"):
            yield dump(step)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", default="bench")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int, default=1000, help="random messages after the table")
    parser.add_argument("--expect", help="compare with this transcript instead of a second cluster")
    parser.add_argument("--known", help="differences on this object are known; it is an error if there are none")
    args = parser.parse_args()
    confs = [os.environ[k] for k in ("CEPH_CONF_A", "CEPH_CONF_B") if os.environ.get(k)]
    if not confs:
        parser.error("set CEPH_CONF_A, and CEPH_CONF_B to compare two clusters")
    clusters = [Cluster(conf, args.pool) for conf in confs]
    used, wrong, known, count = {}, 0, 0, 0
    expected = None
    if args.expect:
        expected = [json.loads(line) for line in open(args.expect)]
        table = [{k: v for k, v in step.items() if k != "answer"} for step in expected]
    else:
        table = steps(args.seed, args.random)
    try:
        for i, step in enumerate(table):
            answers = [cluster.run(step) for cluster in clusters]
            count += 1
            if step["object"]:
                used[(step.get("nspace", ""), step.get("key"), step["object"])] = True
            if expected is None and len(clusters) == 1:
                print(json.dumps(dict(step, answer=answers[0]), separators=(",", ":")))
                continue
            want, got = (expected[i]["answer"], answers[0]) if expected else answers
            if want != got and args.known and '"%s"' % args.known in json.dumps(step):
                known += 1
            elif want != got:
                wrong += 1
                print("step %d differs: %s" % (i, json.dumps(step)[:600]))
                print("  A: %s\n  B: %s" % (json.dumps(want)[:1000], json.dumps(got)[:1000]))
    finally:
        for cluster in clusters:
            for nspace, key, name in list(used) + [("", None, "diff.cp2"), ("", None, "diff.cp3")]:
                cluster.run(dict(W(name, remove(FAILOK)), nspace=nspace, **({"key": key} if key else {})))
            cluster.close()
    print("%d messages, %d differences, %d known ones" % (count, wrong, known), file=sys.stderr)
    return 1 if wrong or (args.known and not known) else 0


if __name__ == "__main__":
    sys.exit(main())
