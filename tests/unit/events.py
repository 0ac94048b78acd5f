#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every event of every capture that ships fits the schema, and comes out the same twice.

usage: events.py PROGRAM SOURCE_DIR WORK_DIR [DIR...]     more captures, whose events must fit, too
"""
import base64
import hashlib
import ipaddress
import json
import os
import re
import subprocess
import sys

import jsonschema

# Values published with the specification of Community ID (baseline/baseline_deflt.json there)
BASELINE = (
    ("128.232.110.120", 34855, "66.35.250.204", 80, "TCP", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("192.168.1.52", 54585, "8.8.8.8", 53, "UDP", "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943, "2607:f8b0:400c:c03::1a", 25, "TCP",
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
)


def community_id(src, src_port, dest, dest_port, proto):
    """Computed here by the words of the specification, not by our code."""
    ends = sorted(((ipaddress.ip_address(src).packed, src_port),
                   (ipaddress.ip_address(dest).packed, dest_port)))
    data = b"\0\0" + ends[0][0] + ends[1][0] + bytes([{"TCP": 6, "UDP": 17}[proto], 0])
    data += ends[0][1].to_bytes(2, "big") + ends[1][1].to_bytes(2, "big")
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


class Events:
    """What is asked of every event."""

    def __init__(self, source):
        with open(os.path.join(source, "src/io/rpcgate-events.schema.json"), encoding="utf-8") as file:
            self.schema = json.load(file)
        jsonschema.Draft7Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft7Validator(self.schema)
        with open(os.path.join(source, "src/man/rpcgate-events.5"), encoding="utf-8") as file:
            self.eve = self.eve_fields(file.read())
        self.seen = set()

    @staticmethod
    def eve_fields(manual):
        """What rpcgate-events(5) promises to readers of Suricata's EVE, for each kind of line."""
        part = re.search(r"(?ms)^\.Sh EVE$(.*?)^\.Sh ", manual)[1]
        return {kind: re.findall(r"(?m)^\.Va (\S+)", text) for kind, text in
                re.findall(r"(?ms)^\.It Ql (\w+)\n(.*?)(?=^\.It |^\.El)", part)}

    def described(self, value, schema):
        """Names in @value that the schema does not know."""
        if "$ref" in schema:
            schema = self.schema["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        if isinstance(value, list):
            for item in value:
                yield from self.described(item, schema.get("items", {}))
        if not isinstance(value, dict):
            return
        known = dict(schema.get("properties", {}))
        for base in schema.get("allOf", []):
            if "$ref" in base:
                known.update(self.schema["definitions"][base["$ref"].rsplit("/", 1)[1]]["properties"])
        for name, inner in value.items():
            if name in known:
                yield from self.described(inner, known[name])
            elif not isinstance(schema.get("additionalProperties"), dict):
                yield name

    def problems(self, event):
        for error in self.validator.iter_errors(event):
            yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        kind = event["event_type"]
        self.seen.add(kind)
        bodies = {name: self.schema["definitions"][name] for name in (kind, "dcerpc")}
        for name in self.described(event, {"properties": {**self.schema["properties"], **bodies}}):
            yield f"{kind}: the schema does not know {name}"
        for path in self.eve.get(kind, []):
            value = event
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if value is None or value == "":
                yield f"{kind}: {path} is missing, which readers of EVE need"
        if "community_id" in event:
            wanted = community_id(event["src_ip"], event["src_port"], event["dest_ip"],
                                  event["dest_port"], event["proto"])
            if event["community_id"] != wanted:
                yield f"community_id is {event['community_id']}, not {wanted}"


def run(program, *args, **more):
    return subprocess.run([program, "analyze", "--json", "-", *args], stdout=subprocess.PIPE,
                          check=False, **more)


# Operations and levels are judged where a rule names them: these make rpc_call events.
POLICY = """deny interface samr opnum 0-1
log interface lsarpc auth privacy name "\u202e <b> \U0001f600"
allow any
"""


def main():
    program, source, work, *more = sys.argv[1:]
    events = Events(source)
    folder = os.path.join(source, "pcaps")
    captures = sorted(name for name in os.listdir(folder) if re.search(r"\.pcap(ng)?(\.\w+)?$", name))
    policy = os.path.join(work, "events.policy")
    with open(policy, "w", encoding="utf-8") as file:
        file.write(POLICY)
    failures = []

    for src, src_port, dest, dest_port, proto, wanted in BASELINE:
        if community_id(src, src_port, dest, dest_port, proto) != wanted:
            failures.append(f"this test does not know how to compute {wanted}")
    # A schema that lets everything pass would hide every mistake, and so would an empty list.
    for bad in ({"timestamp": "now", "event_type": "rpc_bind"},
                {"timestamp": "2026-11-16T04:24:21.901193+0000", "event_type": "stats",
                 "stats": {"packets": 1, "octets": -1}},
                {"timestamp": "2026-11-16T04:24:21.901193+0000", "event_type": "alert", "nobody": 1}):
        if not list(events.problems(bad)):
            failures.append(f"nothing is wrong with {bad}")
    if not {"alert.signature_id", "src_port", "community_id"} <= set(events.eve.get("alert", [])):
        failures.append("rpcgate-events(5) does not say what readers of EVE need")
    events.seen.clear()
    for name in captures:
        path = os.path.join(folder, name)
        for options in ([], ["--policy", policy], ["--set", "pinhole.ttl=5s", "--no-ndpi"]):
            result = run(program, *options, path)
            if result.returncode != 0:
                failures.append(f"{name}: exit status {result.returncode}")
            if run(program, *options, path).stdout != result.stdout:
                failures.append(f"{name}: the second run says something else")
            for number, line in enumerate(result.stdout.decode("ascii").splitlines(), 1):
                failures += [f"{name}:{number}: {p}" for p in events.problems(json.loads(line))]
    others = 0
    for path in sorted(os.path.join(d, n) for d in more for n in os.listdir(d)):
        if not re.search(r"\.pcap(ng)?(\.\w+)?$", path):
            continue
        others += 1
        # some are cut short, which is said
        told = run(program, "--quiet", path, stderr=subprocess.DEVNULL).stdout.decode("ascii")
        for number, line in enumerate(told.splitlines(), 1):
            failures += [f"{path}:{number}: {p}" for p in events.problems(json.loads(line))]
    if more and not others:
        failures.append("there are no other captures where they should be")
    missing = set(events.schema["properties"]["event_type"]["enum"]) - events.seen
    if missing:
        failures.append(f"never seen: {', '.join(sorted(missing))}")
    forward = run(program, *[os.path.join(folder, n) for n in captures]).stdout
    backward = run(program, *[os.path.join(folder, n) for n in reversed(captures)]).stdout
    if forward != backward:
        failures.append("the order of arguments changes what is said")
    for failure in failures[:40]:
        print(failure)
    print(f"{len(captures)} captures, {others} of others, {len(failures)} failures")
    return 1 if failures or not captures else 0


if __name__ == "__main__":
    sys.exit(main())
