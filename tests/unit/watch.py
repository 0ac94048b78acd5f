#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures, played on a wire of our own, must be judged live as they are judged from the file.

usage: watch.py PROGRAM SOURCE_DIR        in a network namespace of its own, as root
"""
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from wire import read_pcap, run

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
LONGEST_S = 10  # captures that take longer are left to the replay of files
failures = 0


def check(good, what):
    global failures
    if not good:
        print("FAIL:", what)
        failures += 1


def play(packets):
    """Send frames at the peer of the interface that is watched, in their own time."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("far", 0))
    start, first = time.monotonic(), packets[0][0]
    for when, frame in packets:
        time.sleep(max(0, when - first - (time.monotonic() - start)))
        wire.send(frame)
    wire.close()


def watching(*options, **more):
    """Start the program and wait until it has given up its rights: then it is looking."""
    process = subprocess.Popen([PROGRAM, "watch", "-i", "near", *options],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    for _ in range(500):
        with open(f"/proc/{process.pid}/status") as file:
            status = dict(line.split(":", 1) for line in file)
        if status.get("Seccomp", "").strip() == "2" or "Z" in status["State"]:
            return process
        time.sleep(0.01)
    raise RuntimeError("rpcgate watch does not begin")


def finish(process):
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    check(process.returncode == 0, f"exit status {process.returncode}: {err}")
    check(err == "", f"said: {err}")
    return out


TIMES = {"timestamp", "age", "start", "end", "pcap_cnt", "pcap_filename", "until"}


def untimed(value):
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in TIMES}
    if isinstance(value, list):
        return [untimed(v) for v in value]
    return value


def judged(text):
    """Every event without its times, in order."""
    events = [json.loads(line) for line in text.splitlines()]
    return [untimed(e) for e in events if e["event_type"] not in ("rpc_engine",)]


def same_as_the_file(path, policy):
    packets = read_pcap(path)
    if packets[-1][0] - packets[0][0] > LONGEST_S:
        return False
    options = ["--json", "-", *policy]
    want = subprocess.run([PROGRAM, "analyze", *options, path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    process = watching(*options)
    play(packets)
    got = judged(finish(process))
    want = judged(want)
    for i, (a, b) in enumerate(zip(want, got)):
        if a != b:
            check(False, f"{path}: event {i}: file {json.dumps(a)} wire {json.dumps(b)}")
            break
    check(len(want) == len(got), f"{path}: {len(want)} events in the file, {len(got)} live")
    return True


def captures_are_judged_alike(folder):
    policy = os.path.join(folder, "policy")
    with open(policy, "w") as file:
        file.write("deny interface samr\nallow interface any\n")
    paths = sorted(glob.glob(os.path.join(SOURCE, "pcaps", "*.pcap")))
    played = sum(same_as_the_file(path, []) for path in paths)
    check(played >= 13, f"only {played} captures were played")
    check(same_as_the_file(os.path.join(SOURCE, "pcaps", "map-single.pcap"),
                           ["--policy", policy]), "not played with a policy")


def lines_come_as_they_happen(folder):
    path = os.path.join(folder, "events")
    packets = read_pcap(os.path.join(SOURCE, "pcaps", "map-single.pcap"))
    process = watching("--json", path, "--set", "pinhole.ttl=5s")
    play(packets)
    time.sleep(0.6)
    with open(path) as file:
        lines = file.read().splitlines()
    kinds = [json.loads(line)["event_type"] for line in lines]
    check("rpc_bind" in kinds and "rpc_pinhole" in kinds, f"not written while it runs: {kinds}")
    # a pinhole runs out although no packet comes any more
    time.sleep(5.5)
    with open(path) as file:
        actions = [json.loads(line).get("rpc_pinhole", {}).get("action") for line in file]
    check("expire" in actions, f"time does not pass without packets: {actions}")
    out = finish(process)
    check(out.startswith("interface near, 29 packets, "), f"report: {out[:80]}")
    check("samr 1.0" in out and "Quality of the input" in out, "the report is not complete")


def a_page_is_written_at_the_end(folder):
    page, events = os.path.join(folder, "page.html"), os.path.join(folder, "events")
    process = watching("--html", page, "--json", events, "--quiet")
    play(read_pcap(os.path.join(SOURCE, "pcaps", "other-uuid.pcap")))
    check(finish(process) == "", "--quiet prints a report")
    with open(page) as file:
        text = file.read()
    for part in ("rpcgate watch &middot; interface near", "uuid-not-granted", "drsuapi", "</html>"):
        check(part in text, f"the page lacks {part}: {text[-200:]}")
    with open(events) as file:
        lines = [json.loads(line) for line in file]
    check(lines[0]["rpc_engine"]["event"] == "start", f"the first line: {lines[0]}")
    check(len(lines) > 10, "no events beside the page")


def rights_are_given_up(folder):
    process = watching("--json", "-")
    with open(f"/proc/{process.pid}/status") as file:
        status = {k: v.strip() for k, v in (line.split(":", 1) for line in file)}
    check(status["Uid"].split()[0] not in ("0",), f"Uid {status['Uid']}")
    for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb"):
        check(int(status[name], 16) == 0, f"{name} {status[name]}")
    check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", "no_new_privs, seccomp")
    finish(process)


def it_ends_as_it_was_asked_to(folder):
    packets = read_pcap(os.path.join(SOURCE, "pcaps", "map-single.pcap"))
    process = watching("--packets", "10")
    play(packets)
    out, err = process.communicate(timeout=30)
    check(process.returncode == 0 and out.startswith("interface near, 10 packets, "), out[:60] + err)
    start = time.monotonic()
    process = watching("--seconds", "1", "--filter", "tcp port 1")
    play(packets)
    out, err = process.communicate(timeout=30)
    check(0.9 < time.monotonic() - start < 5, "--seconds 1")
    check(process.returncode == 0 and out.startswith("interface near, 0 packets, "), out[:60] + err)


def a_fifo_gets_lines_when_somebody_reads(folder):
    path = os.path.join(folder, "fifo")
    os.mkfifo(path, 0o666)
    os.chmod(folder, 0o755)
    os.chmod(path, 0o666)
    process = watching("--json", path)
    play(read_pcap(os.path.join(SOURCE, "pcaps", "map-single.pcap")))
    time.sleep(0.3)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    time.sleep(0.8)
    text = os.read(reader, 1 << 20).decode()
    check('"event_type":"rpc_bind"' in text, f"the FIFO said: {text[:80]}")
    finish(process)
    os.close(reader)


def an_interface_that_fails_ends_it(folder):
    run("ip", "link", "add", "gone0", "type", "veth", "peer", "name", "gone1")
    run("ip", "link", "set", "gone0", "up")
    process = subprocess.Popen([PROGRAM, "watch", "-i", "gone0"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    run("ip", "link", "del", "gone0")
    out, err = process.communicate(timeout=30)
    check(process.returncode == 4, f"exit status {process.returncode}")
    check(err in ("rpcgate watch: The interface disappeared\n",
                  "rpcgate watch: The interface went down\n"), err)
    check(out.startswith("interface gone0, "), out[:60])


def mistakes(folder):
    policy, other = os.path.join(folder, "policy"), os.path.join(folder, "other")
    with open(policy, "w") as file:
        file.write("allow interface any\n")
    rows = [
        (["-i", "nothing0"], 1, "rpcgate watch: nothing0: there is no such interface\n"),
        (["-i", "near", "--filter", "no such thing"], 1, "rpcgate watch: filter: "),
        (["-i", "near", "--json", "/nowhere/at/all"], 1,
         "rpcgate watch: /nowhere/at/all: No such file or directory\n"),
        (["-i", "near", "--html", "/nowhere/at/all"], 1,
         "rpcgate watch: /nowhere/at/all: No such file or directory\n"),
        (["-i", "near", "--html", policy, "--policy", policy], 1,
         f"rpcgate watch: {policy}: is also the policy, and would be overwritten\n"),
        (["-i", "near", "--json", policy, "--policy", policy], 1,
         f"rpcgate watch: {policy}: is also the policy, and would be overwritten\n"),
        (["-i", "near", "--html", other, "--json", other], 1,
         f"rpcgate watch: {other}: is also another output, and both would be mixed\n"),
        (["-i", "near", "--policy", "/nowhere/at/all"], 3, "rpcgate watch: "),
        (["-i", "near", "--set", "pinhole.ttl=x"], 3, "rpcgate watch: "),
        (["-i", "near", "--packets", "0"], 2, "rpcgate watch: --seconds and --packets"),
        (["-i", "near", "--seconds", "x"], 2, "rpcgate watch: --seconds and --packets"),
        (["near"], 2, "rpcgate watch: exactly one interface"),
        ([], 2, "rpcgate watch: exactly one interface"),
    ]
    for options, status, text in rows:
        done = subprocess.run([PROGRAM, "watch", *options], capture_output=True, text=True,
                              timeout=30)
        check(done.returncode == status and done.stderr.startswith(text) and
              done.stderr.count("\n") == 1, f"{options}: {done.returncode} {done.stderr}")
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", PROGRAM, "watch", "-i",
                           "near"], capture_output=True, text=True, timeout=30)
    check(done.returncode == 1 and "CAP_NET_RAW" in done.stderr, f"no rights: {done.stderr}")


def main():
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
    for name in ("near", "far"):
        # nothing but what we send shall be on the wire
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as file:
            file.write("1")
        run("ip", "link", "set", name, "up")
    for test in (captures_are_judged_alike, lines_come_as_they_happen, a_page_is_written_at_the_end, rights_are_given_up,
                 it_ends_as_it_was_asked_to, a_fifo_gets_lines_when_somebody_reads,
                 an_interface_that_fails_ends_it, mistakes):
        with tempfile.TemporaryDirectory() as folder:
            before = failures
            test(folder)
            print("ok:" if failures == before else "FAILED:", test.__name__)
    return failures != 0


sys.exit(main())
