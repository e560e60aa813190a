#!/usr/bin/python3
"""Records what clients send to monitors and OSDs: the seeds of mutated traffic (client-messages.bin).

usage: record.py FILE SECONDS     as root, while clients use a cluster on this machine in crc mode
                                  (ms_client_mode = crc, ms_mon_client_mode = crc)

Listens on the loopback device, follows every connection that begins meanwhile, cuts its msgr2.1 frames,
and keeps one message of each sort: sorts are kinds of message, and for operations on objects the list
of their codes. FILE is read first if it is there, and what is new is added.

A record, little endian: u8 kind of the service (1 monitor, 4 OSD), u16 message kind, u16 version, u16
compat, u16 priority, u32 length of front, middle and data, then the three."""
import os
import select
import socket
import struct
import sys
import time

KEPT_OF_A_SORT = 1
BYTES_MAX = 1500
HEAD = struct.Struct("<BHHHHIII")


def sort_of(service, kind, front):
    """What a message counts as."""
    if kind == 42:
        # pgid 17, hash 4, epoch 4, flags 4, reqid 27, ... : the ops are found by their 38-byte form.
        return (service, kind, operations(front))
    if kind in (50, 97):
        at = front.find(b'"prefix"')
        return (service, kind, bytes(front[at:at + 50]))
    return (service, kind, ())


def operations(front):
    """Codes of a MOSDOp version 8 (ceph-wire.md 7.2)."""
    at = 18 + 6                       # spg_t with its envelope
    at += 4 + 4 + 4                   # hash, epoch, flags
    at += 6 + 8 + 8 + 1 + 4           # osd_reqid_t: envelope, name, tid, inc
    at += 24                          # trace
    at += 4 + 8                       # client_inc, mtime
    at += 6 + struct.unpack_from("<I", front, at + 2)[0]      # locator
    at += 4 + struct.unpack_from("<I", front, at)[0]          # name
    count, = struct.unpack_from("<H", front, at)
    if count > 64:
        return ()
    return tuple(struct.unpack_from("<H", front, at + 2 + 38 * n)[0] for n in range(count))


class Direction:
    """One direction of a connection, put in order."""

    def __init__(self, first):
        self.next, self.early, self.bytes = first, {}, bytearray()
        self.service, self.banner, self.secure = None, False, False

    def take(self, seq, data):
        self.early[seq] = data
        while True:
            for at in list(self.early):
                behind = (self.next - at) & 0xffffffff
                if behind < 1 << 31:
                    data = self.early.pop(at)[behind:]
                    self.bytes += data
                    self.next = (self.next + len(data)) & 0xffffffff
                    break
            else:
                return

    def frames(self):
        b = self.bytes
        if not self.banner:
            if len(b) < 10 or len(b) < 10 + struct.unpack_from("<H", b, 8)[0]:
                return
            del b[:10 + struct.unpack_from("<H", b, 8)[0]]
            self.banner = True
        while len(b) >= 32 and not self.secure:
            tag, count = b[0], b[1]
            if not 1 <= tag <= 20 or not 1 <= count <= 4:
                self.secure = True
                return
            lens = [struct.unpack_from("<I", b, 2 + 6 * n)[0] for n in range(count)]
            total = 32 + sum(lens) + (4 if lens[0] else 0) + (13 if count > 1 else 0)
            if len(b) < total:
                return
            first = 32 + lens[0] + 4
            head, rest = bytes(b[32:32 + lens[0]]), bytes(b[first:first + sum(lens[1:])])
            del b[:total]
            yield tag, head, lens[1:] + [0] * (4 - len(lens)), rest


def read(path):
    kept = {}
    blob = open(path, "rb").read() if os.path.exists(path) else b""
    at = 0
    while at < len(blob):
        head = HEAD.unpack_from(blob, at)
        front = blob[at + HEAD.size:at + HEAD.size + head[5]]
        end = at + HEAD.size + sum(head[5:])
        kept.setdefault(sort_of(head[0], head[1], front), []).append(blob[at:end])
        at = end
    return kept


def main():
    path, until = sys.argv[1], time.time() + float(sys.argv[2])
    kept, flows, services = read(path), {}, {}
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    tap.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)          # SO_RCVBUFFORCE
    tap.bind(("lo", 0))
    while time.time() < until:
        if not select.select([tap], [], [], 0.2)[0]:
            continue
        packet, where = tap.recvfrom(1 << 17)
        if where[2] == socket.PACKET_OUTGOING or packet[9] != 6:
            continue
        ip = (packet[0] & 15) * 4
        length, = struct.unpack_from(">H", packet, 2)
        source, target, seq, _, offset, flags = struct.unpack_from(">HHIIBB", packet, ip)
        data = packet[ip + (offset >> 4) * 4:length or len(packet)]
        if flags & 2:
            flows[source, target] = Direction((seq + 1) & 0xffffffff)
            continue
        flow = flows.get((source, target))
        if flow is None or not data:
            continue
        flow.take(seq, data)
        for tag, head, lens, rest in flow.frames():
            if tag == 1:                                      # HELLO: who the sender is
                services[source] = head[0]
            if tag != 17 or services.get(source) != 8 or services.get(target) not in (1, 4):
                continue
            if sum(lens) > BYTES_MAX:
                continue
            service = services[target]
            kind, priority, version = struct.unpack_from("<HHH", head, 16)
            compat, = struct.unpack_from("<H", head, 37)
            front = rest[:lens[0]]
            sort = kept.setdefault(sort_of(service, kind, front), [])
            record = HEAD.pack(service, kind, version, compat, priority, *lens[:3]) + rest
            if len(sort) < KEPT_OF_A_SORT and record not in sort:
                sort.append(record)
    blob = b"".join(record for sort in sorted(kept.items(), key=repr) for record in sort[1])
    open(path, "wb").write(blob)
    print(f"{len(kept)} sorts, {sum(map(len, kept.values()))} messages, {len(blob)} bytes")


main()
