#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in contrib/ names what there is: fields, reasons, interfaces, counters.

usage: contrib.py PROGRAM SOURCE_DIR EVENTS
"""
import json
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

import yaml

failures = []


def check(good, what):
    if not good:
        failures.append(what)


def field(event, path):
    for name in path.split("."):
        event = event.get(name) if isinstance(event, dict) else None
    return event


def matches(event, selection):
    """Sigma: every field has one of the values; of a list in the event one is enough."""
    for path, wanted in selection.items():
        wanted = wanted if isinstance(wanted, list) else [wanted]
        value = field(event, path)
        values = value if isinstance(value, list) else [value]
        if not set(map(str, values)) & set(map(str, wanted)):
            return False
    return True


class Schema:
    def __init__(self, path):
        self.root = json.loads(path.read_text())

    def knows(self, path):
        schema = {"properties": {**self.root["properties"],
                                 **{k: self.root["definitions"][k] for k in
                                    self.root["properties"]["event_type"]["enum"]}}}
        for name in path.split("."):
            if "$ref" in schema:
                schema = self.root["definitions"][schema["$ref"].rsplit("/", 1)[1]]
            known = dict(schema.get("properties", {}))
            for base in schema.get("allOf", []):
                known.update(self.root["definitions"][base["$ref"].rsplit("/", 1)[1]]["properties"])
            if name not in known:
                return False
            schema = known[name]
        return True

    def reasons(self):
        return self.root["definitions"]["reason"]["enum"]


def sigma(program, source, schema, events):
    # which rules must fire on the captures that ship, and what they are about
    reasons = {"rpc_bind_never_announced": {"no-pinhole"}, "rpc_port_of_another_client": {"other-client"},
               "rpc_neighbour_interface": {"uuid-not-granted", "alter-context-denied"},
               "rpc_stream_conflict": {"stream-conflict"}, "rpc_mapper_encrypted": {"sealed"}}
    ids = set()
    files = sorted((source / "contrib/sigma").glob("*.yml"))
    for path in files:
        rule = yaml.safe_load(path.read_text())
        for name in ("title", "id", "status", "description", "author", "date", "logsource",
                     "detection", "falsepositives", "level", "tags"):
            check(rule.get(name), f"{path.name}: no {name}")
        ids.add(str(uuid.UUID(rule["id"])))
        check(rule["level"] in ("low", "medium", "high", "critical"), f"{path.name}: {rule['level']}")
        check(rule["detection"]["condition"] == "selection", f"{path.name}: the condition is not read here")
        selection = rule["detection"]["selection"]
        for name, wanted in selection.items():
            check(schema.knows(name), f"{path.name}: events have no {name}")
            for value in wanted if isinstance(wanted, list) else [wanted]:
                if name.endswith("reason"):
                    check(value in schema.reasons(), f"{path.name}: no reason {value}")
                if name.endswith("uuid"):
                    found = subprocess.run([program, "iface", value], stdout=subprocess.DEVNULL, check=False)
                    check(found.returncode == 0, f"{path.name}: {value} is not in the catalogue")
        hits = [e for e in events if matches(e, selection)]
        for event in hits:
            check(event["event_type"] == "alert" or event["rpc_bind"]["verdict"] == "deny",
                  f"{path.name}: fires on what is allowed")
        if path.stem in reasons:
            kind = selection["event_type"]
            wanted = sum(e["event_type"] == kind and
                         bool(reasons[path.stem] & set([field(e, "rpc_bind.reason")] +
                                                       (field(e, "alert.metadata.rpc_reason") or [])))
                         for e in events)
            check(len(hits) == wanted > 0, f"{path.name}: fires {len(hits)} times, not {wanted}")
    check(len(ids) == len(files) >= 8, "sigma: an id stands twice, or rules are missing")
    check(not matches({"event_type": "rpc_bind"}, {"event_type": "alert"}), "everything matches")


def metrics(source):
    header = (source / "include/rpcgate.h").read_text()
    start = header.index("#define RPCGATE_COUNTERS(X)")
    names = re.findall(r"\bX\((\w+),", header[start:header.index("struct rpcgate_stats", start)])
    known = {f"rpcgate_{n}" if n.endswith(("_live", "_used", "_peak")) else f"rpcgate_{n}_total"
             for n in names}
    served = (source / "src/loop/run_metrics.c").read_text()
    of_service = set(re.findall(r'\.name = "(\w+)"', served))
    check(len(of_service) > 5, "metrics: those of the service were not found")
    known |= of_service
    rules = yaml.safe_load((source / "contrib/prometheus/rules.yml").read_text())
    recorded = {r["record"] for g in rules["groups"] for r in g["rules"] if "record" in r}
    text = " ".join(r["expr"] for g in rules["groups"] for r in g["rules"])
    dashboard = json.loads((source / "contrib/grafana/rpcgate.json").read_text())
    text += " " + " ".join(t["expr"] for p in dashboard["panels"] for t in p["targets"])
    text += " " + " ".join(str(v["query"]) for v in dashboard["templating"]["list"])
    used = set(re.findall(r"\brpcgate[_:][\w:]+", text)) - recorded
    check(len(used) > 15, "metrics: hardly any are used")
    for name in sorted(used - known):
        failures.append(f"metrics: there is no {name}")
    watched = set(re.findall(r"\brpcgate[_:][\w:]+", json.dumps(dashboard)))
    for name in sorted(of_service - watched - {"rpcgate_queue_batches_total"}):
        failures.append(f"grafana: {name} is not shown")
    for rule in (r for g in rules["groups"] for r in g["rules"] if "alert" in r):
        check(rule["annotations"]["summary"] and rule["labels"]["severity"], f"rules.yml: {rule['alert']}")
    boxes = [p["gridPos"] for p in dashboard["panels"]]
    check(all(a is b or a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or
              a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"] for a in boxes for b in boxes),
          "grafana: panels lie over each other")


def snippets(source, schema):
    contrib = source / "contrib"
    beat = yaml.safe_load((contrib / "filebeat/rpcgate.yml").read_text())
    renamed = [f["from"] for p in beat[0]["processors"] if "rename" in p for f in p["rename"]["fields"]]
    check(len(renamed) > 5, "filebeat: nothing is renamed")
    for name in renamed:
        check(name.startswith("rpcgate.") and schema.knows(name[8:]), f"filebeat: no {name}")
    vector = tomllib.loads((contrib / "vector/rpcgate.toml").read_text())
    route = vector["transforms"]["rpcgate_split"]["route"]["refused"]
    for name in re.findall(r"(?<![\w.])\.([a-z_.]+)", route):
        check(schema.knows(name), f"vector: no {name}")
    stages = {**vector["sources"], **vector["transforms"]}
    for part in ("transforms", "sinks"):
        for name, stage in vector[part].items():
            for into in stage["inputs"]:
                check(into.split(".")[0] in stages, f"vector: {name} reads {into}")
    parser = yaml.safe_load((contrib / "crowdsec/parser.yaml").read_text())
    scenario = yaml.safe_load((contrib / "crowdsec/scenario.yaml").read_text())
    acquis = yaml.safe_load((contrib / "crowdsec/acquis.yaml").read_text())
    text = json.dumps(parser)
    for name in re.findall(r"JsonExtract\(evt.Parsed.message, '([^']*)'\)", text):
        check(schema.knows(name), f"crowdsec: no {name}")
    given = {s["meta"] for s in parser["statics"] if "meta" in s}
    for name in re.findall(r"evt\.Meta\.(\w+)", json.dumps(scenario)):
        check(name in given, f"crowdsec: the parser gives no {name}")
    check(acquis["labels"]["type"] in parser["filter"], "crowdsec: the parser asks for another type")


def main():
    program, source, events = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    schema = Schema(source / "src/io/rpcgate-events.schema.json")
    check(schema.knows("rpc_bind.reason") and not schema.knows("rpc_bind.nobody"), "the schema is not read")
    with open(events, encoding="ascii") as file:
        lines = [json.loads(line) for line in file]
    sigma(program, source, schema, lines)
    metrics(source)
    snippets(source, schema)
    for failure in failures[:40]:
        print(failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
