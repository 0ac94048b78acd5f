# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures for tests: records of pcap and pcapng files, IP packets in them, TCP streams, PDUs.

A reader of its own, so that what the program says about packets is never its own witness.
"""
import ipaddress
import struct
from collections import defaultdict, namedtuple

import pdu

# time in seconds, frame number from 1; data is the IP datagram alone
Record = namedtuple("Record", "number time data whole")
Segment = namedtuple("Segment", "src sport dst dport seq ack flags payload")
FIN, SYN, RST, ACK = 1, 2, 4, 16
ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276
ETHERTYPES = (0x0800, 0x86DD)
TAGS = (0x8100, 0x88A8, 0x9100)


def link_payload(linktype, frame):
    """The IP datagram in a frame, without what stands behind it; None if there is none."""
    if linktype == RAW:
        at = 0
    elif linktype == SLL2:
        at = 20 if struct.unpack_from(">H", frame)[0] in ETHERTYPES else None
    else:
        at = 12 if linktype == ETHERNET else 14
        while len(frame) >= at + 2 and struct.unpack_from(">H", frame, at)[0] in TAGS:
            at += 4
        known = len(frame) >= at + 2 and struct.unpack_from(">H", frame, at)[0] in ETHERTYPES
        at = at + 2 if known else None
    if at is None or len(frame) < at + 20:
        return None
    version = frame[at] >> 4
    if version == 4:
        length = struct.unpack_from(">H", frame, at + 2)[0] or len(frame) - at
    elif version == 6:
        length = (struct.unpack_from(">H", frame, at + 4)[0] or len(frame) - at - 40) + 40
    else:
        return None
    return frame[at:at + length], len(frame) >= at + length


def frames(path):
    """(time, link type, frame, captured whole) of each record."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from pcapng(data)
        return
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    magic, = struct.unpack_from(order + "I", data)
    unit = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}[magic]
    linktype = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, part, caplen, length = struct.unpack_from(order + "IIII", data, at)
        yield seconds + part * unit, linktype, data[at + 16:at + 16 + caplen], caplen == length
        at += 16 + caplen


def pcapng(data):
    """Enhanced packet blocks; time stamps of 10^-n as if_tsresol says."""
    at, order, interfaces = 0, "<", []
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, length = struct.unpack_from(order + "II", data, at)
        if kind == 1:
            interfaces.append((struct.unpack_from(order + "H", data, at + 8)[0],
                               resolution(data[at + 16:at + length - 4], order)))
        elif kind == 6:
            number, high, low, caplen, origin = struct.unpack_from(order + "IIIII", data, at + 8)
            linktype, unit = interfaces[number]
            yield (high << 32 | low) * unit, linktype, data[at + 28:at + 28 + caplen], \
                caplen == origin
        at += length


def resolution(options, order):
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(order + "HH", options, at)
        if code == 9:
            value = options[at + 4]
            return 2.0 ** -(value & 0x7F) if value & 0x80 else 10.0 ** -value
        at += 4 + length + -length % 4
    return 1e-6


def records(path):
    for number, (time, linktype, frame, whole) in enumerate(frames(path), 1):
        found = link_payload(linktype, frame)
        if found:
            yield Record(number, time, found[0], whole and found[1])


# ----------------------------------------------------------------------- IP

def addresses(data):
    if data[0] >> 4 == 4:
        return (str(ipaddress.IPv4Address(data[12:16])), str(ipaddress.IPv4Address(data[16:20])))
    return (str(ipaddress.IPv6Address(data[8:24])), str(ipaddress.IPv6Address(data[24:40])))


def upper_layer(data):
    """(protocol, offset of its header, is it a fragment)"""
    if data[0] >> 4 == 4:
        return data[9], (data[0] & 15) * 4, \
            bool(struct.unpack_from(">H", data, 6)[0] & 0x3FFF)
    at, kind, fragment = 40, data[6], False
    while kind in (0, 43, 44, 60) and at + 8 <= len(data):
        fragment = fragment or kind == 44
        size = 8 if kind == 44 else 8 + data[at + 1] * 8
        kind, at = data[at], at + size
    return kind, at, fragment


def tcp(data):
    """The segment in a datagram; None for anything else and for fragments."""
    protocol, at, fragment = upper_layer(data)
    if protocol != 6 or fragment or len(data) < at + 20:
        return None
    sport, dport, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", data, at)
    src, dst = addresses(data)
    return Segment(src, sport, dst, dport, seq, ack, flags, data[at + (offset >> 4) * 4:])


def fragment_of(data):
    """(key, offset in octets, more to come, octets) of a fragment; None for a whole datagram."""
    if data[0] >> 4 == 4:
        word, = struct.unpack_from(">H", data, 6)
        if not word & 0x3FFF:
            return None
        return (addresses(data), data[9], data[4:6]), (word & 0x1FFF) * 8, bool(word & 0x2000), \
            data[(data[0] & 15) * 4:]
    at, kind = 40, data[6]
    while kind in (0, 43, 60) and at + 8 <= len(data):
        kind, at = data[at], at + 8 + data[at + 1] * 8
    if kind != 44 or len(data) < at + 8:
        return None
    word, = struct.unpack_from(">H", data, at + 2)
    return (addresses(data), data[at], data[at + 4:at + 8]), word & 0xFFF8, bool(word & 1), \
        data[at + 8:]


class Defragment:
    """Whole datagrams out of datagrams and fragments; the first octets win."""

    def __init__(self):
        self.parts = defaultdict(dict)

    def add(self, data):
        """A datagram that is whole now, or None."""
        found = fragment_of(data)
        if not found:
            return data
        key, offset, more, octets = found
        parts = self.parts[key]
        parts.setdefault(offset, (more, octets))
        joined, at = b"", 0
        while at in parts:
            more, octets = parts[at]
            joined, at = joined + octets, at + len(octets)
            if not more:
                del self.parts[key]
                return whole_datagram(data, key[1], joined)
            if not octets:
                break
        return None


def whole_datagram(fragment, protocol, payload):
    if fragment[0] >> 4 == 4:
        head = bytearray(fragment[:(fragment[0] & 15) * 4])
        struct.pack_into(">H", head, 2, len(head) + len(payload))
        head[6:8] = b"\0\0"
        return bytes(head) + payload
    head = bytearray(fragment[:40])
    struct.pack_into(">HB", head, 4, len(payload), protocol)
    return bytes(head) + payload


# -------------------------------------------------------------------- streams

class Streams:
    """What arrived, in order, one direction of one connection at a time; first octets win.

    arrived: the path of a capture, or datagrams.
    stream: octets for each (source, port, destination, port, how many connections of these four
    came before).
    """

    def __init__(self, arrived):
        pieces, starts, count = defaultdict(list), {}, defaultdict(int)
        if not isinstance(arrived, list):
            arrived = [record.data for record in records(arrived)]
        again = Defragment()
        for data in arrived:
            data = again.add(data)
            s = tcp(data) if data else None
            if not s:
                continue
            four = (s.src, s.sport, s.dst, s.dport)
            if s.flags & SYN:
                key = (*four, count[four])
                first = s.seq + 1 & 0xFFFFFFFF
                if starts.get(key, first) != first or (pieces[key] and key not in starts):
                    count[four] += 1
                    key = (*four, count[four])
                starts[key] = first
            if s.payload:
                pieces[*four, count[four]].append((s.seq, s.payload))
        self.stream = {key: self.joined(starts.get(key, found[0][0]), found)
                       for key, found in pieces.items() if found}
        self.syns = {key[:4] for key in starts}

    @staticmethod
    def joined(start, pieces):
        data = b""
        for seq, payload in sorted(pieces, key=lambda p: p[0] - start & 0xFFFFFFFF):
            at = seq - start & 0xFFFFFFFF
            if at > len(data):
                break  # a hole: nothing behind it is of use to the receiver
            data += payload[len(data) - at:] if at + len(payload) > len(data) else b""
        return data

    def binds(self, server=None, port=None):
        """(client port, interface UUID) of each context in each Bind that arrived whole."""
        found = []
        for (_, sport, dst, dport, _), data in self.stream.items():
            if (server and dst != server) or (port and dport != port):
                continue
            for one in pdu.cut(data)[0]:
                if one[2] in (pdu.BIND, pdu.ALTER):
                    found += [(sport, uuid) for _, uuid in pdu.contexts(one)]
        return found
