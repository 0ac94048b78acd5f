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
import subprocess
import sys
import tempfile
import time

import top
from top import PCAPS, PROGRAM, Terminal, check
from wire import end_of, ends, read_pcap, run, wires



def play(path):
    """In the capture's own time."""
    at, packets = ends(), read_pcap(path)
    start, first = time.monotonic(), packets[0][0]
    for when, frame in packets:
        time.sleep(max(0.002, when - first - (time.monotonic() - start)))
        at[end_of(frame)].send(frame)
    for wire in at.values():
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
