#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every event of every capture that ships fits the schema, and comes out the same twice.

usage: events.py PROGRAM SOURCE_DIR
"""
import json
import os
import re
import subprocess
import sys

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class Schema:
    """The part of JSON Schema draft-07 that the schema uses; an unknown keyword is an error."""

    SAID = {"$schema", "$id", "title", "description", "definitions"}

    def __init__(self, root):
        self.root = root

    def problems(self, value, schema, where="$"):
        if schema is True:
            return
        for keyword, rule in schema.items():
            if keyword in self.SAID or keyword in ("then",):
                continue
            yield from getattr(self, "on_" + keyword.strip("$"))(value, rule, schema, where)

    def on_ref(self, value, rule, _schema, where):
        yield from self.problems(value, self.root["definitions"][rule.rsplit("/", 1)[1]], where)

    def on_type(self, value, rule, _schema, where):
        if not isinstance(value, TYPES[rule]) or (
            isinstance(value, bool) and rule in ("integer", "number")
        ):
            yield f"{where}: {value!r} is no {rule}"

    def on_enum(self, value, rule, _schema, where):
        if value not in rule:
            yield f"{where}: {value!r} is not in the list"

    def on_const(self, value, rule, _schema, where):
        if value != rule:
            yield f"{where}: {value!r} is not {rule!r}"

    def on_pattern(self, value, rule, _schema, where):
        if not re.search(rule, value):
            yield f"{where}: {value!r} does not match {rule}"

    def on_minimum(self, value, rule, _schema, where):
        if value < rule:
            yield f"{where}: {value} is below {rule}"

    def on_maximum(self, value, rule, _schema, where):
        if value > rule:
            yield f"{where}: {value} is above {rule}"

    def on_minItems(self, value, rule, _schema, where):
        if len(value) < rule:
            yield f"{where}: too few items"

    def on_items(self, value, rule, _schema, where):
        for i, item in enumerate(value):
            yield from self.problems(item, rule, f"{where}[{i}]")

    def on_required(self, value, rule, _schema, where):
        for key in rule:
            if key not in value:
                yield f"{where}: {key} is missing"

    def on_properties(self, value, rule, _schema, where):
        for key, inner in rule.items():
            if key in value:
                yield from self.problems(value[key], inner, f"{where}.{key}")

    def on_additionalProperties(self, value, rule, schema, where):
        for key in value:
            if key not in schema.get("properties", {}):
                yield from self.problems(value[key], rule, f"{where}.{key}")

    def on_allOf(self, value, rule, _schema, where):
        for inner in rule:
            yield from self.problems(value, inner, where)

    def on_if(self, value, rule, schema, where):
        if not list(self.problems(value, rule, where)):
            yield from self.problems(value, schema["then"], where)


def run(program, *args):
    return subprocess.run([program, "analyze", "--json", "-", *args], stdout=subprocess.PIPE,
                          check=False)


def main():
    program, source = sys.argv[1:]
    with open(os.path.join(source, "src/io/rpcgate-events.schema.json"), encoding="utf-8") as file:
        root = json.load(file)
    schema = Schema(root)
    folder = os.path.join(source, "pcaps")
    captures = sorted(name for name in os.listdir(folder) if re.search(r"\.pcap(ng)?(\.\w+)?$", name))
    seen = set()
    failures = []

    # A schema that lets everything pass would hide every mistake.
    if not list(schema.problems({"timestamp": "now", "event_type": "rpc_bind"}, root)):
        failures.append("the schema accepts an event without a body")
    for name in captures:
        path = os.path.join(folder, name)
        result = run(program, path)
        if result.returncode != 0:
            failures.append(f"{name}: exit status {result.returncode}")
        if run(program, path).stdout != result.stdout:
            failures.append(f"{name}: the second run says something else")
        for number, line in enumerate(result.stdout.decode("ascii").splitlines(), 1):
            event = json.loads(line)
            seen.add(event["event_type"])
            failures += [f"{name}:{number}: {p}" for p in schema.problems(event, root)]
    missing = set(root["properties"]["event_type"]["enum"]) - seen - {"rpc_call"}
    if missing:
        failures.append(f"never seen: {', '.join(sorted(missing))}")
    forward = run(program, *[os.path.join(folder, n) for n in captures]).stdout
    backward = run(program, *[os.path.join(folder, n) for n in reversed(captures)]).stdout
    if forward != backward:
        failures.append("the order of arguments changes what is said")
    for failure in failures[:40]:
        print(failure)
    print(f"{len(captures)} captures, {len(failures)} failures")
    return 1 if failures or not captures else 0


if __name__ == "__main__":
    sys.exit(main())
