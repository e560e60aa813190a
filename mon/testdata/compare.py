#!/usr/bin/python3
"""Compares two outputs of record.py: exit code, status line, and the shape of the output.

usage: compare.py ORACLE.json OURS.json [-v]

Shape of JSON: names of keys in order, and types (numbers are one type). Numbers in plain text count as
equal, so do time stamps, keys, uuids and addresses. Prints what differs, one block per command."""
import json
import re
import sys


def shape(value):
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def differ(a, b, path=""):
    """Paths at which two shapes differ; a list that is empty on one side says nothing."""
    if isinstance(a, dict) and isinstance(b, dict):
        out = [path + "/-" + k for k in a if k not in b] + [path + "/+" + k for k in b if k not in a]
        common = [k for k in a if k in b]
        if common != [k for k in b if k in a]:
            out.append(path + "/order")
        return out + [d for k in common for d in differ(a[k], b[k], path + "/" + k)]
    if isinstance(a, list) and isinstance(b, list):
        return differ(a[0], b[0], path + "[]") if a and b else []
    return [] if a == b else ["%s %s != %s" % (path, a, b)]


def plain(text):
    text = re.sub(r"[A-Za-z0-9+/]{38}==", "KEY", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "STAMP", text)
    text = re.sub(r"[\d.]+", "N", text)
    return re.sub(r" +", " ", text)


def main():
    oracle, ours = (json.load(open(name)) for name in sys.argv[1:3])
    bad = 0
    for a, b in zip(oracle, ours):
        found = []
        if a["rc"] != b["rc"]:
            found.append("rc %s != %s" % (a["rc"], b["rc"]))
        if plain(a["status"]) != plain(b["status"]):
            found.append("status %r != %r" % (a["status"], b["status"]))
        if a["format"] == "json" and a["rc"] == 0 and b["rc"] == 0:
            try:
                found += differ(shape(json.loads(a["out"])), shape(json.loads(b["out"])))
            except ValueError:
                pass
        elif a["rc"] == 0 and b["rc"] == 0 and "-v" in sys.argv and plain(a["out"]) != plain(b["out"]):
            found.append("plain %r\n   != %r" % (a["out"][:400], b["out"][:400]))
        if found:
            bad += 1
            print(a["cmd"], a["format"])
            for f in found[:12]:
                print("  ", f)
    print("%d of %d answers differ" % (bad, len(oracle)))


main()
