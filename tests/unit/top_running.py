#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""rpcgate top beside 'rpcgate run' itself: a bridge judges a capture, and the terminal shows it.

usage: top_running.py PROGRAM SOURCE_DIR        in a network namespace of its own, as root; needs tmux
"""
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import top
from top import PCAPS, PROGRAM, Terminal, check

CLIENT = socket.inet_aton("198.18.1.2")
# The leak checker stops a process as a debugger does, which one in its sandbox does not let happen.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"


def run(*command):
    subprocess.run(command, check=True)


def read_pcap(path):
    """[(time, frame)] of a classic capture, little endian, times in microseconds."""
    data = pathlib.Path(path).read_bytes()
    packets, at = [], 24
    while at < len(data):
        seconds, part, n, _ = struct.unpack("<IIII", data[at:at + 16])
        packets.append((seconds + part / 1e6, data[at + 16:at + 16 + n]))
        at += 16 + n
    return packets


def wires():
    for inner, outer in (("a0", "a1"), ("b0", "b1")):
        run("ip", "link", "add", inner, "type", "veth", "peer", "name", outer)
        for name in (inner, outer):
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1", encoding="ascii")
            run("ip", "link", "set", name, "up")


def play(path):
    """The client's frames enter at one end, the server's at the other, in their own time."""
    ends = {}
    for name in ("a1", "b1"):
        ends[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        ends[name].bind((name, 0))
    packets = read_pcap(path)
    start, first = time.monotonic(), packets[0][0]
    for when, frame in packets:
        time.sleep(max(0.002, when - first - (time.monotonic() - start)))
        ends["a1" if frame[26:30] == CLIENT else "b1"].send(frame)
    for wire in ends.values():
        wire.close()


def ctl(path, *words):
    told = subprocess.run([PROGRAM, "ctl", "-s", path, *words], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in told.stdout.splitlines()][:-1]


def start(work, control, log):
    conf = os.path.join(work, "rpcgate.conf")
    pathlib.Path(conf).write_text(f"mode bridge a0 b0\ncontrol {control}\nevents {log}\n"
                                  "set dynamic-range=49152-65535\n", encoding="ascii")
    daemon = subprocess.Popen([PROGRAM, "run", "-c", conf], stderr=subprocess.PIPE, text=True)
    for line in daemon.stderr:
        if "ready:" in line:
            return daemon
    raise RuntimeError("rpcgate run does not begin")


def look(work, control, log):
    open_now = ctl(control, "pinholes")
    check([p["name"] for p in open_now] == ["lsarpc", "wkssvc"], f"open are {open_now}")
    with Terminal(work, "-s", control, "--events", log, size=(110, 24)) as t:
        screen = t.wait("the daemon is there", r"enforce  up .*rpcgate\.conf")
        screen = t.wait("both pinholes", r"\[1 Pinholes 2\]")
        for p in open_now:
            check(re.search(rf"198\.18\.1\.2 +198\.18\.2\.2:{p['port']} +{p['name']} ", screen), f"{p['name']}", screen)
        top.columns_stand_straight(screen, "running")

        t.keys("2")
        t.wait("what was announced", r"198\.18\.2\.2:49153 +lsarpc 0\.0 +granted")
        t.keys("3")
        screen = t.wait("what was refused", r"\[3 Refused [1-9]")
        check(re.search(r"198\.18\.2\.2:49153 +drsuapi 4\.0 +uuid-not-granted", screen), "the refusal", screen)
        t.keys("/")
        t.type("drsuapi")
        t.keys("Enter")
        t.wait("the filter", "filter: drsuapi")
        t.keys("Enter")
        story = t.wait("the story", "lines 1 to ")
        t.keys("End")
        story += t.wait("its end", "uuid-not-granted")
        for word in ("asked the mapper", "lsarpc", "Bind ", "verdict deny: uuid-not-granted"):
            check(word in story, f"the story says '{word}'", story)
        t.keys("Escape", "Escape", "4")
        t.wait("the server", r"198\.18\.2\.2 +2 ")
        t.keys("5", "/")
        t.type("binds_denied")
        t.keys("Enter")
        t.wait("what was counted", r"binds_denied +[1-9]")
        t.keys("Escape", "1", "/")
        t.type("wkssvc")
        t.keys("Enter")
        t.wait("one pinhole", "row 1 of 1 ")
        wanted = next(p["id"] for p in open_now if p["name"] == "wkssvc")
        saved = os.path.join(work, "saved.json")
        t.keys("s")
        t.type(saved)
        t.keys("Enter")
        t.wait("saved", "1 row saved to ")
        rows = [json.loads(line) for line in pathlib.Path(saved).read_text().splitlines()]
        check(len(rows) == 1 and rows[0]["row"] == "pinhole" and "wkssvc" in json.dumps(rows[0]), f"saved: {rows}")
        t.keys("k")
        t.wait("k asks", f"close pinhole {wanted}, ")
        t.keys("y")
        t.wait("y closes it", f"pinhole {wanted} is closed")
        check([p["name"] for p in ctl(control, "pinholes")] == ["lsarpc"], "the gateway closed it, and nothing else")
        t.keys("Escape")
        t.wait("the other one is left", r"\[1 Pinholes 1\]")
        t.keys("q")
        t.ended("running", 0)


def main():
    wires()
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        control, log = os.path.join(work, "control"), os.path.join(work, "events.json")
        daemon = start(work, control, log)
        try:
            play(os.path.join(PCAPS, "other-uuid.pcap"))
            look(work, control, log)
        finally:
            daemon.send_signal(signal.SIGTERM)
            check(daemon.wait(timeout=20) == 0, "the daemon ends well")
    return 1 if top.failures else 0


if __name__ == "__main__":
    sys.exit(main())
