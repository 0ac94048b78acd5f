#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile texts in annotations, names of files, paths and rules break no page, JSON or terminal.

usage: hostile.py PROGRAM WORK_DIR
"""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import uuid

from report import Page

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
EPM = uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
LSARPC = uuid.UUID("12345778-1234-abcd-ef00-0123456789ab")
NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
ANNOTATIONS = [  # up to 63 octets each, as the format has room for
    b"</script><script>alert(1)</script>", b"\"><img src=x onerror=alert(1)>", b"'&amp;&lt;",
    b"\x1b]0;title\x07\x1b[2J\x1b[31m", b"\r\n\t\x0b\x0c\x7f\x85\x9b", "\u202eevil\u2066\u200f".encode(),
    "\u2028\u2029\ufeff\ufffe".encode(), b"\xff\xfe\xc0\x80\xed\xa0\x80", "\U0001f600\U000e0041".encode(),
    b"\\u003cscript\\u003e", b"{\"event_type\":\"alert\"}\n", b"-->]]><!--", b"%s%n%x$(id)`id`;,\"=cmd()",
    b"]\x00after", bytes(range(1, 64)),
]
LONG = 65536
failures = []


def check(good, what):
    if not good:
        failures.append(what)


def words(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    """TCP connections of one client with one server, written as a pcap file."""

    def __init__(self):
        self.packets, self.time, self.port = [], 1_800_000_000_000_000, 50000

    def segment(self, up, ports, seq, ack, flags, data=b""):
        src, dst = (CLIENT, SERVER) if up else (SERVER, CLIENT)
        sport, dport = ports if up else ports[::-1]
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags,
                          65535, 0, 0)
        ends = socket.inet_aton(src) + socket.inet_aton(dst)
        pseudo = ends + struct.pack(">BBH", 0, 6, len(tcp) + len(data))
        tcp = tcp[:16] + struct.pack(">H", words(pseudo + tcp + data)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(data), 0, 0x4000, 64, 6, 0) + ends
        ip = ip[:10] + struct.pack(">H", words(ip)) + ip[12:]
        self.time += 1000
        self.packets.append((self.time, b"\0" * 12 + b"\x08\0" + ip + tcp + data))

    def talk(self, port, *turns):
        self.port += 1
        ports, seq = (self.port, port), [1000, 5000]
        self.segment(True, ports, 999, 0, 2)
        self.segment(False, ports, 4999, 1000, 18)
        self.segment(True, ports, 1000, 5000, 16)
        for up, data in turns:
            for i in range(0, len(data), 1400):
                part = data[i:i + 1400]
                self.segment(up, ports, seq[not up], seq[up], 24, part)
                seq[not up] += len(part)
        self.segment(True, ports, seq[0], seq[1], 17)
        self.segment(False, ports, seq[1], seq[0] + 1, 17)
        self.segment(True, ports, seq[0] + 1, seq[1] + 1, 16)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            for time, data in self.packets:
                file.write(struct.pack("<IIII", time // 10**6, time % 10**6, len(data), len(data)) + data)


def pdus(ptype, body, call=1, stub_head=b""):
    """One PDU, or fragments of 4280 octets where there is more."""
    pieces = [body[i:i + 4000] for i in range(0, len(body), 4000)] or [b""]
    out = b""
    for i, piece in enumerate(pieces):
        flags = (i == 0) | (2 if i == len(pieces) - 1 else 0)
        head = stub_head or b""
        out += struct.pack("<BBBB4sHHI", 5, 0, ptype, flags, b"\x10\0\0\0", 16 + len(head) + len(piece),
                           0, call) + head + piece
    return out


def bind(interface, major, minor=0):
    return pdus(11, struct.pack("<HHIB3xHBB", 4280, 4280, 0, 1, 0, 1, 0) + interface.bytes_le +
                struct.pack("<HH", major, minor) + NDR.bytes_le + struct.pack("<I", 2))


def bind_ack():
    return pdus(12, struct.pack("<HHIH", 4280, 4280, 1, 4) + b"135\0" + b"\0\0" +
                struct.pack("<B3xHH", 1, 0, 0) + NDR.bytes_le + struct.pack("<I", 2))


def tower(port):
    floors = [(b"\x0d" + LSARPC.bytes_le + b"\0\0", b"\0\0"), (b"\x0d" + NDR.bytes_le + b"\2\0", b"\0\0"),
              (b"\x0b", b"\0\0"), (b"\x07", struct.pack(">H", port)), (b"\x09", socket.inet_aton(SERVER))]
    return struct.pack("<H", 5) + b"".join(struct.pack("<H", len(a)) + a + struct.pack("<H", len(b)) + b
                                           for a, b in floors)


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def listing(annotations):
    """An ept_lookup and its answer: an entry for each annotation, on port 49200 and up."""
    ask = struct.pack("<IIII20sI", 0, 0, 0, 1, b"", 500)
    out = b"\0" * 20 + struct.pack("<IIII", len(annotations), 500, 0, len(annotations))
    for i, text in enumerate(annotations):
        out += b"\0" * 16 + struct.pack("<III", i + 1, 0, len(text) + 1) + padded(text + b"\0")
    for i in range(len(annotations)):
        data = tower(49200 + i)
        out += struct.pack("<II", len(data), len(data)) + padded(data)
    out += struct.pack("<I", 0)
    return ((True, bind(EPM, 3)), (False, bind_ack()),
            (True, pdus(0, ask, 2, struct.pack("<IHH", len(ask), 0, 2))),
            (False, pdus(2, out, 2, struct.pack("<IHBB", len(out), 0, 0, 0))))


def expected(octets):
    """What json has of an annotation: UTF-8 as it is, other octets as the character of their number."""
    octets = octets.split(b"\0")[0]
    text, i = "", 0
    while i < len(octets):
        for n in (4, 3, 2, 1):
            try:
                part = octets[i:i + n].decode("utf-8")
            except UnicodeDecodeError:
                continue
            if len(part) == 1:
                text, i = text + part, i + n
                break
        else:
            text, i = text + chr(octets[i]), i + 1
    return text


def run(program, *args):
    done = subprocess.run([program, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    for what, octets in (("standard output", done.stdout), ("standard error", done.stderr)):
        odd = re.search(rb"[^\n\t\x20-\x7e]", octets)
        check(not odd, f"{args[:3]}: {what} is no plain text: {odd}")
        check(len(octets) < 2_000_000, f"{args[0]}: {what} has {len(octets)} octets")
    check(0 <= done.returncode <= 10, f"{args[0]}: exit status {done.returncode}")
    return done


def look_at_page(name, text):
    page = Page(text)
    for problem in page.problems[:3]:
        check(False, f"{name}: {problem}")
    check(not re.search(r"[^\n\t\x20-\x7e]", text), f"{name}: no plain ASCII")
    for tag, times in (("<script", 1), ("<img", 0), ("<!--", 0), ("]]>", 0), ("<b><i>", 0)):
        check(text.count(tag) == times, f"{name}: {tag} stands {text.count(tag)} times")


def all_commands(program, work, inputs, policy, server=SERVER):
    page = os.path.join(work, "page.html")
    events = os.path.join(work, "events.json")
    done = run(program, "analyze", "--all", "--policy", policy, "--html", page, "--json", events, *inputs)
    with open(page, encoding="utf-8", newline="") as file:
        text = file.read()
    look_at_page("page", text)
    with open(events, "rb") as file:
        octets = file.read()
    check(not re.search(rb"[^\n\x20-\x7f]", octets), "json: no plain ASCII")
    lines = [json.loads(line) for line in octets.split(b"\n") if line]
    for command in (["suggest"], ["suggest", "--format", "nft"], ["suggest", "--format", "csv"],
                    ["suggest", "--diff", policy], ["why", "any", server]):
        run(program, *command, *inputs)
    run(program, "suggest", "--events", events)
    run(program, "why", "any", server, "--events", events)
    run(program, "check", policy)
    return done, text, lines


def annotations(program, work, policy):
    capture = Capture()
    capture.talk(135, *listing(ANNOTATIONS))
    for i in range(len(ANNOTATIONS)):
        capture.talk(49200 + i, (True, bind(LSARPC, 0)), (False, bind_ack()))
    path = os.path.join(work, "annotations.pcap")
    capture.write(path)
    _, text, lines = all_commands(program, work, [path], policy)
    got = [e["rpc_binding"].get("annotation") for e in lines if e["event_type"] == "rpc_binding"]
    check(len(got) == len(ANNOTATIONS), f"{len(got)} of {len(ANNOTATIONS)} annotations were read")
    for wanted, found in zip(ANNOTATIONS, got):
        check(expected(wanted) == found, f"annotation: {found!r} is not {expected(wanted)!r}")
    check("&lt;/script&gt;" in text or "&lt;img" in text or "\\u202e" in text or "as &ldquo;" in text,
          "the page shows no annotation")


def long_ones(program, work, policy):
    """64 KiB: more than the format has room for, in one annotation and in the last of several."""
    for name, texts in (("one", [b"A" * LONG]), ("last", [b"fine", b"<b><i>" * (LONG // 6)])):
        capture = Capture()
        capture.talk(135, *listing(texts))
        path = os.path.join(work, f"long-{name}.pcap")
        capture.write(path)
        _, text, lines = all_commands(program, work, [path], policy)
        for event in lines:
            check(len(json.dumps(event)) < 8192, f"long {name}: an event of {len(json.dumps(event))} octets")
            check(event.get("rpc_binding", {}).get("accepted") is not True, f"long {name}: opened something")
        check("A" * 300 not in text, f"long {name}: the page has all of it")
        check(any(e["event_type"] == "stats" and e["stats"]["packets"] > 40 for e in lines),
              f"long {name}: was not read")


def names(program, work):
    """Directories and files: every octet but the slash and zero, and as long as the system allows."""
    captures = [0]

    def write(path):
        capture = Capture()
        captures[0] += 1
        capture.time += captures[0] * 10**6
        capture.port += captures[0]
        capture.talk(49300 + captures[0], (True, bind(LSARPC, 0)), (False, bind_ack()))
        capture.write(path)

    octets = bytes(i for i in range(1, 256) if i != 0x2F)
    root = os.fsencode(os.path.join(work, "names"))
    files = [octets[:200] + b".pcap", octets[200:] + b".pcap", "\u202egnp.\u2066".encode() + b".pcap",
             b"<img src=x onerror=alert(1)>.pcap", b"'\"&<b><i>.pcap", b"-->]]>.pcap", b"%s%n$(id)`id`.pcap"]
    deep = root
    while len(deep) < 3500:
        deep += b"/" + (b"<b>\"'&" * 40)[:240]
    os.makedirs(root)
    for name in files:
        write(root + b"/" + name)
    # a path so long is made step by step
    here = os.open(root, os.O_RDONLY)
    for part in deep[len(root) + 1:].split(b"/"):
        os.mkdir(part, dir_fd=here)
        there = os.open(part, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    write(deep + b"/deep.pcap")
    for name in (b"broken\x1b[31m<b><i>.pcap", b"\xff\xfe\n.pcap"):
        with open(root + b"/" + name, "wb") as file:
            file.write(b"\xd4\xc3\xb2\xa1 no more")
    policy = root + b"/p\x1b]0;x\x07<script>\n.conf"
    with open(policy, "wb") as file:
        file.write(b"deny any name \"</pre><script>alert(1)</script>\xff\xe2\x80\xae" + b"n" * 60000 + b"\"\n")
    done, text, lines = all_commands(program, work, [os.fsdecode(root)], os.fsdecode(policy))
    check(done.returncode == 4, f"names: exit status {done.returncode}, though files are broken")
    check("broken\\u001b[31m&lt;b&gt;" in text and "p\\u001b]0;x\\u0007&lt;script&gt;\\u000a.conf" in text,
          "names: the page names neither the broken file nor the policy")
    seen = {e["pcap_filename"] for e in lines if "pcap_filename" in e}
    check(len(seen) >= len(files) + 1, f"names: events of {len(seen)} files")
    check(any(len(name) > 3000 for name in seen), "names: the long path is not there")
    check("&lt;b&gt;" in text and "onerror=alert(1)&gt;" in text and len(text) < 500_000,
          f"names: the page of {len(text)} octets")
    # and as arguments that are wrong
    for args in (["analyze", os.fsdecode(octets)], ["analyze", "--set", os.fsdecode(b"pin\x1b[2J=") + "x"],
                 ["analyze", os.fsdecode(b"--\x1b]0;x\x07")], ["check", os.fsdecode(octets)],
                 ["why", os.fsdecode(octets), "any", "x"], ["iface", os.fsdecode(octets)],
                 [os.fsdecode(b"\x9b31m<b>")], ["analyze", "x" * LONG], ["analyze", "--policy", "y" * LONG, "z"],
                 ["iface", "z" * LONG], ["analyze", "--set", "k" * LONG + "=v", "z"]):
        done = run(program, *args)
        check(done.returncode in (1, 2, 3, 4), f"{args[0][:20]!r}: exit status {done.returncode}")
        check(0 < len(done.stderr) < 8192, f"{args[0][:20]!r}: {len(done.stderr)} octets of complaint")


def main():
    program, work = sys.argv[1:]
    policy = os.path.join(work, "site.policy")
    with open(policy, "w", encoding="ascii") as file:
        file.write("deny interface lsarpc from 10.0.0.1\n")
    annotations(program, work, policy)
    long_ones(program, work, policy)
    names(program, work)
    for failure in failures[:40]:
        print(failure[:500].encode("unicode_escape").decode())
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
