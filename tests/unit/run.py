#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rpcgate run tells while it runs and at its end, and what of others it leaves alone.

usage: run.py PROGRAM SOURCE_DIR        in a network namespace of its own, as root
"""
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from wire import end_of, ends, read_pcap, wires

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
failures = 0


def check(good, what):
    global failures
    if not good:
        print("FAIL:", what)
        failures += 1


def play(frames):
    at = ends()
    for frame in frames:
        time.sleep(0.005)
        at[end_of(frame)].send(frame)
    for wire in at.values():
        wire.close()


class Daemon:
    """The program with one configuration; a context manager that ends it."""

    def __init__(self, folder, *lines):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self.log = self.folder / "events.json"
        self.control = self.folder / "control"
        self.conf = self.folder / "rpcgate.conf"
        self.conf.write_text("\n".join((f"control {self.control}", f"events {self.log}",
                                        "set dynamic-range=49152-65535", *lines)) + "\n",
                             encoding="ascii")

    def __enter__(self):
        self.said = []
        self.process = subprocess.Popen([PROGRAM, "run", "-c", self.conf], stderr=subprocess.PIPE,
                                        text=True)
        for line in self.process.stderr:
            self.said.append(line)
            if "ready:" in line:
                return self
        raise RuntimeError(f"rpcgate run does not begin: {self.said}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.said += self.process.stderr.readlines()
        check(self.process.wait(timeout=20) == 0, f"the daemon ends well: {self.said}")

    def events(self, kind=None):
        told = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [e for e in told if kind in (None, e["event_type"])]


BRIDGE = "mode bridge a0 b0"


def the_end_is_told(folder):
    """A Bind was approved and its connection is still there: its flow, and then the counters."""
    frames = [frame for _, frame in read_pcap(os.path.join(SOURCE, "pcaps", "map-single.pcap"))]
    with Daemon(folder, BRIDGE, "stats-interval 0") as daemon:
        play(f for f in frames if not f[14 + 20 + 13] & 5)  # neither FIN nor RST
        time.sleep(0.3)
        check(not daemon.events("flow") and not daemon.events("stats"), "nothing has ended yet")
    flows, stats = daemon.events("flow"), daemon.events("stats")
    check(sorted(f["dest_port"] for f in flows) == [135, 49154], f"flows: {flows}")
    check(all(f["flow"]["state"] == "open" for f in flows), f"their state: {flows}")
    check(len(stats) == 1 and stats[0]["stats"]["flows_rpc"] == 2, f"stats: {stats}")
    check([e["event_type"] for e in daemon.events()][-2:] == ["stats", "rpc_engine"], "the last two")


def rotate_and_ask(daemon, why):
    """What was moved away last belongs to the story, packed or not."""
    whole = why().stdout
    lines = daemon.log.read_text(encoding="ascii").splitlines(keepends=True)
    half = next(i for i, line in enumerate(lines) if "rpc_pinhole" in line) + 1
    moved, packed = pathlib.Path(f"{daemon.log}.1"), pathlib.Path(f"{daemon.log}.1.gz")
    moved.write_text("".join(lines[:half]), encoding="ascii")
    daemon.log.write_text("".join(lines[half:]), encoding="ascii")
    check(why().stdout == whole, "the story behind a rotation")
    packed.write_bytes(gzip.compress(moved.read_bytes()))
    moved.unlink()
    check(why().stdout == whole, "the same, packed")
    packed.write_bytes(packed.read_bytes()[:-9])
    done = why()
    check(done.returncode == 4 and f"{packed}: the gzip data" in done.stderr and "Bind drsuapi" in done.stdout,
          f"damaged: {done.returncode}, {done.stderr}, {done.stdout}")
    packed.unlink()
    check(why().stdout not in (whole, ""), "without it")


def why_asks_the_daemon(folder):
    frames = [frame for _, frame in read_pcap(os.path.join(SOURCE, "pcaps", "other-uuid.pcap"))]

    def why(*options):
        return subprocess.run([PROGRAM, "why", "198.18.1.2", "any", *options], text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    with Daemon(folder, BRIDGE) as daemon:
        play(frames)
        time.sleep(0.3)
        done = why("-s", daemon.control)
        check(done.returncode == 0 and done.stderr == "", f"{done.returncode}: {done.stderr}")
        for text in ("asked the mapper for lsarpc 0.0", "verdict deny: uuid-not-granted"):
            check(text in done.stdout, f"'{text}' is missing: {done.stdout}")
        check(why("49154", "-s", daemon.control).returncode == 0, "one port")
        with open(daemon.log, "a", encoding="ascii") as log:
            log.write('{"timestamp":"2026-')  # as far as it was written
        done = why("-s", daemon.control)
        check(done.returncode == 0 and done.stderr == "", f"half a line: {done.stderr}")
        rotate_and_ask(daemon, lambda: why("-s", daemon.control))
    done = why("-s", daemon.control)
    check(done.returncode == 1 and "No such file" in done.stderr and "--events" in done.stderr, done.stderr)
    daemon.conf.write_text(f"{BRIDGE}\ncontrol {daemon.control}\n", encoding="ascii")
    with daemon:
        done = why("-s", daemon.control)
        check(done.returncode == 1 and "to no file" in done.stderr, done.stderr)


def what_stops_it_is_told(folder):
    """Rights that are missing are another matter than another process."""
    def said(*command):
        done = subprocess.run([*command, "run", "-c", daemon.conf], text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(done.returncode == 1, f"exit status {done.returncode}")
        return done.stderr

    with Daemon(folder, "mode route") as daemon:
        text = daemon.conf.read_text(encoding="ascii")
        daemon.conf.write_text(text.replace("control ", "control -\n# "), encoding="ascii")
        check(said(PROGRAM) == "rpcgate: queue 0: another process has it\n", "a second one")
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
        told = said(*nobody, PROGRAM)
        check("CAP_NET_ADMIN" in told and "another" not in told, told)


def counters_come_at_an_interval(folder):
    with Daemon(folder, BRIDGE, "stats-interval 1") as daemon:
        time.sleep(2.6)
        check(len(daemon.events("stats")) == 2, f"{len(daemon.events('stats'))} in 2.6 s")


def main():
    wires()
    for test in (the_end_is_told, why_asks_the_daemon, what_stops_it_is_told, counters_come_at_an_interval):
        with tempfile.TemporaryDirectory() as folder:
            before = failures
            test(folder)
            print("ok:" if failures == before else "FAILED:", test.__name__)
    return failures != 0


sys.exit(main())
