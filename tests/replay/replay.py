#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what the program says about captures with what is true.

    replay.py PROGRAM DIR... [--no-with-dcom] [--known FILE] [--once]

Every capture NAME.pcap or NAME.pcapng in the directories that has a NAME.truth.tsv is analyzed.
Announcements and binds are compared with the table as multisets; rows that agree in everything
but time are paired in order of time, and the times must agree too.  Each capture is analyzed
twice: the output must not differ in a single octet.

Two kinds of table are read, told apart by their columns:

laboratory  time kind client server port uuid version verdict note
            with a verdict for each bind, under the policy that pcaps/README.md describes
public      learn|bind ... with frame numbers, no verdicts

Binds inside SMB pipes are found in segments one by one: what is missing is printed as a number,
what is too much is a difference like the others.  The laboratory's tables have no rows for them.

Exit status 1 if anything differs that known-differences.tsv does not list.
"""
import argparse
import concurrent.futures
import datetime
import ipaddress
import json
import pathlib
import subprocess
import sys
from collections import Counter, defaultdict, namedtuple

# key: everything but time; it is what a difference prints
Row = namedtuple("Row", "kind time_us key")
Truth = namedtuple("Truth", "rows settings tolerance_us unjudged")
Report = namedtuple("Report", "name missing extra agreed errors")

MICROSECOND = 1_000_000
# The policy the verdicts of the laboratory's tables were made under.  They take the port of an object
# exporter as good for any interface, whether or not it was asked for in the activation.
LAB_SETTINGS = ["pinhole.ttl=120s", "pinhole.refresh=map", "lookup=grant", "dcom=any"]
# Tables of rewritten captures tell the time of the original packet
REWRITTEN_TOLERANCE_US = 100_000
ROUNDING_US = 1
ANALYZE_OK = (0, 4)  # 4: the capture is cut short; what came before was used
DCOM_SOURCES = ("oxid", "activation")
TIMEOUT_S = 300


def address(text):
    return str(ipaddress.ip_address(text))


def microseconds(text):
    """Seconds since the epoch, as text with any number of digits, cut to microseconds."""
    seconds, _, fraction = text.partition(".")
    return int(seconds) * MICROSECOND + int((fraction + "000000")[:6])


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")
                and line.strip()]


# ------------------------------------------------------------------------- truth

def lab_truth(path, with_dcom):
    rows, unjudged, settings = [], set(), list(LAB_SETTINGS)
    table = [dict(zip("time kind client server port uuid version verdict note".split(), line))
             for line in lines(path)]
    for row in table:
        client, server, port = address(row["client"]), address(row["server"]), row["port"]
        if row["kind"] == "learn" and row["uuid"] == "*" and not with_dcom:
            unjudged.add((client, server, port))
        if "tower-ip-differs" in row.get("note", ""):
            # behind address translation the table believes the wire, whatever the tower says
            settings.append("tower-address=any")
    for row in table:
        client, server, port = address(row["client"]), address(row["server"]), row["port"]
        time_us = microseconds(row["time"])
        if row["kind"] == "learn":
            if row["uuid"] != "*" or with_dcom:
                rows.append(Row("learn", time_us,
                                (client, server, port, row["uuid"], row["version"])))
        else:
            verdict = "-" if (client, server, port) in unjudged else row["verdict"]
            rows.append(Row("bind", time_us,
                            (client, server, port, row["uuid"], row["version"], verdict)))
    rewritten = path.name.startswith("x-")
    return Truth(rows, sorted(set(settings)),
                 REWRITTEN_TOLERANCE_US if rewritten else ROUNDING_US, unjudged)


def public_truth(path, with_dcom):
    rows = []
    for line in lines(path):
        if line[0] == "learn":
            _, time, _, server, _, client, uuid, version, port, _, source = line[:11]
            if source in DCOM_SOURCES and not with_dcom:
                continue
            rows.append(Row("learn", microseconds(time),
                            (address(client), address(server), port, uuid, version)))
        elif line[0] in ("bind", "pipe"):
            kind, time, _, client, client_port, server, port, uuid, version = line[:9]
            rows.append(Row(kind, microseconds(time),
                            (address(client) + " " + client_port, address(server), port, uuid,
                             version)))
    return Truth(rows, [], ROUNDING_US, None)


def merge_dcom(rows):
    """A reply may name one port several times, by name and by each address: the laboratory's tables
    have one row for it, the public ones a row for each."""
    seen, kept = set(), []
    for row in rows:
        if row.kind == "learn" and row.key[3] == "*":
            if row in seen:
                continue
            seen.add(row)
        kept.append(row)
    return kept


def read_truth(path, with_dcom):
    with open(path, encoding="utf-8") as file:
        is_lab = file.readline().startswith("#time\tkind\t")
    return lab_truth(path, with_dcom) if is_lab else public_truth(path, with_dcom)


# ----------------------------------------------------------------------- program

def analyze(program, capture, settings):
    command = [program, "analyze", "--json", "-"]
    for setting in settings:
        command += ["--set", setting]
    return subprocess.run(command + [str(capture)], capture_output=True, timeout=TIMEOUT_S,
                          check=False)


def event_time(event):
    time = datetime.datetime.strptime(event["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (time - epoch) // datetime.timedelta(microseconds=1)


def learn_row(event, with_dcom):
    body = event["rpc_binding"]
    if body["protseq"] not in ("ncacn_ip_tcp", "ncacn_http") or not body.get("port"):
        return None
    dcom = body["source"] in DCOM_SOURCES
    if dcom and not with_dcom:
        return None
    return Row("learn", event_time(event),
               (address(event["src_ip"]), address(body["server_ip"]), str(body["port"]),
                "*" if dcom else body["uuid"], "*" if dcom else body["version"]))


def pipe_row(event):
    body = event["rpc_pipe"]
    return Row("pipe", event_time(event),
               (f"{address(event['src_ip'])} {event['src_port']}", address(event["dest_ip"]),
                str(event["dest_port"]), body["uuid"], body["version"]))


def bind_row(event, truth):
    body = event["rpc_bind"]
    client, server, port = address(event["src_ip"]), address(event["dest_ip"]), \
        str(event["dest_port"])
    if truth.unjudged is None:
        key = (f"{client} {event['src_port']}", server, port, body["uuid"], body["version"])
    else:
        verdict = "-" if (client, server, port) in truth.unjudged else body["verdict"]
        key = (client, server, port, body["uuid"], body["version"], verdict)
    return Row("bind", event_time(event), key)


def program_rows(output, truth, with_dcom):
    """Rows from event lines.  Tables count an interface once in a PDU, events once a context."""
    rows, in_pdu = [], set()
    for line in output.splitlines():
        event = json.loads(line)
        if event["event_type"] == "rpc_binding":
            row = learn_row(event, with_dcom)
            if row:
                rows.append(row)
        elif event["event_type"] in ("rpc_bind", "rpc_pipe"):
            if event["event_type"] == "rpc_bind":
                row = bind_row(event, truth)
            elif truth.unjudged is None:
                row = pipe_row(event)
            else:
                continue
            same_pdu = (row, event.get("flow_id"), event.get("pcap_cnt"),
                        event[event["event_type"]].get("call_id"))
            if same_pdu not in in_pdu:
                in_pdu.add(same_pdu)
                rows.append(row)
    return rows if truth.unjudged is None else merge_dcom(rows)


# -------------------------------------------------------------------- comparison

def compare(want, got, tolerance_us):
    """Pair rows of equal key in order of time; what stays alone is missing or extra."""
    missing, extra, agreed = [], [], []
    by_key = defaultdict(lambda: ([], []))
    for row in want:
        by_key[row.kind, row.key][0].append(row)
    for row in got:
        by_key[row.kind, row.key][1].append(row)
    for wanted, found in by_key.values():
        wanted.sort(key=lambda row: row.time_us)
        found.sort(key=lambda row: row.time_us)
        w = f = 0
        while w < len(wanted) and f < len(found):
            late = found[f].time_us - wanted[w].time_us
            if abs(late) <= tolerance_us:
                agreed.append(wanted[w])
                w, f = w + 1, f + 1
            elif late > 0:
                missing.append(wanted[w])
                w += 1
            else:
                extra.append(found[f])
                f += 1
        missing += wanted[w:]
        extra += found[f:]
    return missing, extra, agreed


def replay(program, capture, truth_path, args):
    truth = read_truth(truth_path, args.with_dcom)
    errors = []
    first = analyze(program, capture, truth.settings)
    if first.returncode not in ANALYZE_OK:
        errors.append(f"exit status {first.returncode}: "
                      f"{first.stderr.decode(errors='replace').strip()[-300:]}")
    if not args.once and analyze(program, capture, truth.settings).stdout != first.stdout:
        errors.append("a second run gave other output")
    try:
        got = program_rows(first.stdout.decode("utf-8"), truth, args.with_dcom)
    except (ValueError, KeyError) as problem:
        errors.append(f"output cannot be read: {problem!r}")
        got = []
    missing, extra, agreed = compare(truth.rows, got, truth.tolerance_us)
    return Report(capture.name, missing, extra, agreed, errors)


def printed(sign, row):
    time = f"{row.time_us // MICROSECOND}.{row.time_us % MICROSECOND:06d}"
    return f"{sign} {row.kind} {time} {' '.join(row.key)}"


def known_differences(path):
    if not path.exists():
        return set()
    return {(line[0], line[1]) for line in lines(path)}


def captures(directories):
    for directory in directories:
        for truth in sorted(pathlib.Path(directory).glob("*.truth.tsv")):
            name = truth.name[:-len(".truth.tsv")]
            found = [path for path in (truth.with_name(name + end) for end in (".pcap", ".pcapng"))
                     if path.exists()]
            if not found:
                sys.exit(f"{truth}: there is no capture beside it")
            yield found[0], truth


def share(part, whole):
    return f"{part}/{whole}" + (f" = {100 * part / whole:.2f} %" if whole else "")


def show(report, known):
    """Print one capture's differences; returns how many nobody knew of."""
    unknown = len(report.errors)
    for error in report.errors:
        print(f"{report.name}: {error}")
    for sign, rows in (("-", report.missing), ("+", report.extra)):
        for row in sorted(rows, key=lambda row: row.time_us):
            text = printed(sign, row)
            listed = (report.name, text) in known
            if row.kind == "pipe" and sign == "-":
                continue
            unknown += not listed
            print(f"{report.name}: {text}{'  (known)' if listed else ''}")
    return unknown


def main():
    parser = argparse.ArgumentParser(description="compare the program with truth tables")
    parser.add_argument("program")
    parser.add_argument("directories", nargs="+")
    parser.add_argument("--with-dcom", action=argparse.BooleanOptionalAction, default=True,
                        help="compare what OXID resolution and activation announce, too")
    parser.add_argument("--known", type=pathlib.Path,
                        default=pathlib.Path(__file__).with_name("known-differences.tsv"))
    parser.add_argument("--once", action="store_true", help="do not run twice to compare output")
    args = parser.parse_args()
    known, unknown, total = known_differences(args.known), 0, Counter()
    work = list(captures(args.directories))
    if not work:
        sys.exit("no capture with a truth table found")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # each waits for a process of its own
        reports = pool.map(lambda pair: replay(args.program, *pair, args), work)
        for report in reports:
            unknown += show(report, known)
            for what in ("missing", "extra", "agreed"):
                total.update((what, row.kind) for row in getattr(report, what))
    for kind in ("learn", "bind", "pipe"):
        agreed = total["agreed", kind]
        print(f"{kind}: recall {share(agreed, agreed + total['missing', kind])}, "
              f"precision {share(agreed, agreed + total['extra', kind])}")
    print(f"{len(work)} captures, {unknown} unexplained differences")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
