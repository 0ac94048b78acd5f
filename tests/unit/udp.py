#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls over UDP, from outside: what a rule asks for is opened and judged, without one nothing is.

usage: udp.py PROGRAM SOURCE_DIR
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import uuid

import jsonschema

CLIENT, SERVER, OTHER = "192.0.2.10", "192.0.2.20", "192.0.2.30"
SRVSVC = uuid.UUID("4b324fc8-1670-01d3-1278-5a47bf6ee188")
SAMR = uuid.UUID("12345778-1234-abcd-ef00-0123456789ac")
PORT = 49176
REQUEST, RESPONSE = 0, 2


def checksum(octets):
    total = sum(struct.unpack(">%dH" % (len(octets) // 2), octets))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total >> 16) + total & 0xFFFF)


def datagram(src, sport, dst, dport, body):
    udp = struct.pack(">HHHH", sport, dport, 8 + len(body), 0) + body
    ends = socket.inet_aton(src) + socket.inet_aton(dst)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    return head[:10] + struct.pack(">H", checksum(head + ends)) + ends + udp


def pdu(interface, major, ptype=REQUEST, opnum=15, sequence=1, activity=1):
    return (bytes([4, ptype, 0x20, 0, 0x10, 0, 0, 0]) + bytes(16) + interface.bytes_le
            + bytes(15) + bytes([activity])
            + struct.pack("<IIIHHHHHBB", 0, major, sequence, opnum, 0xFFFF, 0xFFFF, 8, 0, 0, 0)
            + b"12345678")


def mapper(source):
    """The question and the answer that the fuzz corpus has, with a port in the dynamic range."""
    with open(os.path.join(source, "tests/fuzz/corpus/cl/map"), "rb") as file:
        octets = file.read()
    octets = octets.replace(b"\x01\0\x08\x02\0\x04\x04", b"\x01\0\x08\x02\0" + struct.pack(">H", PORT))
    while octets:
        length = struct.unpack("<H", octets[1:3])[0]
        yield octets[3:3 + length]
        octets = octets[3 + length:]


def capture(path, source):
    question, answer = mapper(source)
    packets = [
        datagram(CLIENT, 40000, SERVER, 135, question),
        datagram(SERVER, 135, CLIENT, 40000, answer),
        datagram(CLIENT, 40001, SERVER, PORT, pdu(SRVSVC, 3)),
        datagram(SERVER, PORT, CLIENT, 40001, pdu(SRVSVC, 3, RESPONSE)),
        datagram(CLIENT, 40001, SERVER, PORT, pdu(SRVSVC, 3, opnum=16, sequence=2)),
        datagram(CLIENT, 40001, SERVER, PORT, pdu(SAMR, 1, activity=2)),
        datagram(OTHER, 40001, SERVER, PORT, pdu(SRVSVC, 3)),
        datagram(CLIENT, 40001, SERVER, PORT, b"GET / HTTP/1.1\r\n\r\n"),
    ]
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for i, p in enumerate(packets):
            file.write(struct.pack("<IIII", 1700000000 + i, 0, len(p), len(p)) + p)


class Run:
    def __init__(self, program, root, folder):
        self.program, self.folder, self.failures = program, folder, 0
        self.schema = jsonschema.Draft7Validator(root)

    def fail(self, text):
        print(text)
        self.failures += 1

    def say(self, *arguments):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True,
                              cwd=self.folder, check=False)

    def silent(self, *arguments):
        done = self.say(*arguments)
        if done.stderr or done.returncode:
            self.fail("%s: status %d: %s" % (arguments, done.returncode, done.stderr))
        return done

    def events(self, rules):
        options = []
        if rules is not None:
            with open(os.path.join(self.folder, "policy"), "w", encoding="ascii") as out:
                out.write(rules + "\n")
            options = ["--policy", "policy"]
        done = self.say("analyze", "--json", "-", *options, "udp.pcap")
        if done.returncode:
            self.fail("%s: status %d: %s" % (rules, done.returncode, done.stderr))
        with open(os.path.join(self.folder, "events"), "w", encoding="ascii") as out:
            out.write(done.stdout)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        for event in found:
            for problem in self.schema.iter_errors(event):
                self.fail("%s: %s" % (event, problem.message))
        return found

    def expect(self, rules, kind, want):
        got = [event for event in self.events(rules) if event["event_type"] == kind]
        got = [[event["proto"] + " " + event["src_ip"]] +
               [event[kind].get(key) for key in want[0][1:]] for event in got]
        if got != [list(row) for row in want[1:]]:
            self.fail("%s: %s is %s, not %s" % (rules, kind, got, want[1:]))


def main():
    program, source = sys.argv[1:]
    with open(os.path.join(source, "src/io/rpcgate-events.schema.json"), encoding="utf-8") as file:
        root = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(program, root, folder)
        capture(os.path.join(folder, "udp.pcap"), source)
        judged = ("who", "pdu", "name", "verdict", "reason")
        for rules in None, "allow srvsvc", "allow srvsvc over tcp":
            run.expect(rules, "rpc_binding", [("who", "protseq", "accepted", "reason"),
                                              ("UDP " + CLIENT, "ncadg_ip_udp", False, "not-tcp-tower")])
            run.expect(rules, "rpc_bind", [judged])
        # what operations are refused
        rules = "deny srvsvc opnum NetrShareGetInfo\nallow srvsvc over udp"
        run.expect(rules, "rpc_call", [("who", "operation", "verdict", "reason", "rule"),
                                       ("UDP " + CLIENT, "NetrShareGetInfo", "deny",
                                        "opnum-denied", "policy:1")])
        # one that asks for it
        rules = "allow srvsvc over udp"
        run.expect(rules, "rpc_binding", [("who", "port", "accepted"),
                                          ("UDP " + CLIENT, PORT, True)])
        run.expect(rules, "rpc_pinhole", [("who", "action", "proto"),
                                          ("UDP " + CLIENT, "open", "UDP"),
                                          ("UDP " + CLIENT, "use", "UDP")])
        run.expect(rules, "rpc_bind", [
            judged,
            ("UDP " + CLIENT, "request", "srvsvc", "allow", "rule-allow"),
            ("UDP " + CLIENT, "request", "samr", "deny", "uuid-not-granted"),
            ("UDP " + OTHER, "request", "srvsvc", "deny", "other-client")])
        alerts = [e for e in run.events(rules) if e["event_type"] == "alert"]
        if [e["alert"]["metadata"]["rpc_reason"] for e in alerts] != \
                [["uuid-not-granted"], ["other-client"], ["not-rpc"]]:
            run.fail("alerts: %s" % alerts)
        if alerts and alerts[0]["dcerpc"]["rpc_version"] != "4.0":
            run.fail("version: %s" % alerts[0])
        # what others make of it
        told = run.silent("suggest", "--quiet", "--events", "events")
        line = "allow interface srvsvc version 3 from %s to %s over udp" % (CLIENT, SERVER)
        if line not in told.stdout or "static" in told.stdout.replace("# static", ""):
            run.fail("suggest: %s%s" % (told.stdout, told.stderr))
        run.expect(told.stdout, "rpc_bind", [
            judged,
            ("UDP " + CLIENT, "request", "srvsvc", "allow", "rule-allow"),
            ("UDP " + CLIENT, "request", "samr", "deny", "rule-deny"),
            ("UDP " + OTHER, "request", "srvsvc", "deny", "rule-deny")])
        run.events(rules)
        for form, want in ("nft", "none was seen"), ("csv", "allow over udp,srvsvc"):
            told = run.silent("suggest", "--quiet", "--format", form, "--events", "events")
            if want not in told.stdout:
                run.fail("suggest as %s: %s%s" % (form, told.stdout, told.stderr))
        told = run.silent("why", "--events", "events", CLIENT, SERVER, str(PORT))
        for want in "Request of srvsvc", "over UDP", "over udp":
            if want not in told.stdout:
                run.fail("why: no '%s' in %s%s" % (want, told.stdout, told.stderr))
        told = run.silent("analyze", "--policy", "policy", "udp.pcap")
        for want in "srvsvc", " udp ", " granted", "192.0.2.20:49176":
            if want not in told.stdout:
                run.fail("report: no '%s' in %s%s" % (want, told.stdout, told.stderr))
    print("%d failures" % run.failures)
    sys.exit(run.failures > 0)


main()
