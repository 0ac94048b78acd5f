#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What suggest writes lets exactly its capture pass.

For each capture: the policy that 'suggest' makes of it changes no verdict on it, and with --static
refuses nothing but what no rule could allow; and the same capture with one interface turned into
another one, in announcements and binds alike, has that interface refused.

usage: suggest.py PROGRAM DIR...
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import uuid

OTHER = uuid.UUID("5ca1ab1e-1234-4321-9876-0123456789ab")
# rules about any interface leave these alone, or they are refused without one
OWN = {
    "e1af8308-5d1f-11c9-91a4-08002b14a0fa",  # epmapper
    "99fcfec4-5260-101b-bbcb-00aa0021347a",  # IObjectExporter
    "000001a0-0000-0000-c000-000000000046",  # IRemoteSCMActivator
    "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57",  # IActivation
    "afa8bd80-7d8a-11c9-bef4-08002b102989",  # mgmt
}
# what a static rule does not lift: it is about the connection, not the port
BROKEN = {"reassembly-gap", "midstream", "stream-conflict", "limit"}


class Check:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.failures = 0
        self.captures = 0
        self.others = 0

    def fail(self, capture, text):
        print("%s: %s" % (capture, text))
        self.failures += 1

    def binds(self, *arguments):
        command = [self.program, "analyze", "--no-ndpi", "--quiet", "--json", "-", *arguments]
        lines = subprocess.run(command, capture_output=True, check=False).stdout.splitlines()
        events = [json.loads(line) for line in lines]
        return [e for e in events if e["event_type"] == "rpc_bind"]

    def suggest(self, capture, *options):
        policy = os.path.join(self.folder, "policy")
        command = [self.program, "suggest", "--quiet", *options, capture]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode not in (0, 4):
            self.fail(capture, "suggest ends with %d" % made.returncode)
        with open(policy, "wb") as out:
            out.write(made.stdout)
        checked = subprocess.run([self.program, "check", "--quiet", policy], capture_output=True,
                                 check=False)
        if checked.returncode or checked.stdout:
            self.fail(capture, "the policy is wrong or doubtful: %s" % checked.stdout[:200])
        return policy

    def same_verdicts(self, capture, before):
        after = self.binds("--policy", self.suggest(capture), capture)
        if len(before) != len(after):
            self.fail(capture, "%d binds, %d with its policy" % (len(before), len(after)))
        for a, b in zip(before, after):
            if a["rpc_bind"]["verdict"] != b["rpc_bind"]["verdict"]:
                self.fail(capture, "with its policy %s, not %s" % (b["rpc_bind"], a["rpc_bind"]))

    def all_passes(self, capture):
        for e in self.binds("--policy", self.suggest(capture, "--static"), capture):
            body = e["rpc_bind"]
            if body["verdict"] == "deny" and body["reason"] not in BROKEN:
                self.fail(capture, "refused although it was seen: %s" % body)

    def another_is_refused(self, capture, before):
        policy = self.suggest(capture)
        with open(capture, "rb") as file:
            octets = file.read()
        changed = os.path.join(self.folder, "changed" + os.path.splitext(capture)[1])
        for name in sorted({e["rpc_bind"]["uuid"] for e in before} - OWN):
            one = uuid.UUID(name)
            with open(changed, "wb") as out:
                out.write(octets.replace(one.bytes_le, OTHER.bytes_le)
                          .replace(one.bytes, OTHER.bytes))
            binds = self.binds("--checksum", "ignore", "--policy", policy, changed)
            for e in binds:
                body = e["rpc_bind"]
                if body["uuid"] != str(OTHER):
                    continue
                self.others += 1
                if body["verdict"] != "deny":
                    self.fail(capture, "%s in the place of %s passes" % (OTHER, name))

    def capture(self, name):
        before = self.binds(name)
        self.captures += 1
        self.same_verdicts(name, before)
        self.all_passes(name)
        self.another_is_refused(name, before)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        check = Check(sys.argv[1], folder)
        for directory in sys.argv[2:]:
            for name in sorted(glob.glob(os.path.join(directory, "*.pcap*"))):
                if name.endswith((".pcap", ".pcapng")):
                    check.capture(name)
    print("%d captures, %d binds of another interface, %d failures"
          % (check.captures, check.others, check.failures))
    sys.exit(check.failures > 0 or not check.captures or not check.others)


main()
