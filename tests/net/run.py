#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run network scenarios: one line each, a count at the end.

    run.py --program PROGRAM --build DIR [--only TEXT] GROUP [ARGUMENT...]

GROUP is a module beside this file with world(args), a context manager that gives what the
scenarios share, and SCENARIOS, a list of (name, function(world)), or scenarios(args), which makes one.  A scenario fails by raising
Failed.  Logs, events and captures of a group in which something failed are kept in
DIR/net-failed/GROUP.  Exit status 1 if anything failed.
"""
import argparse
import importlib
import pathlib
import shutil
import sys
import time
import traceback

import lab
import pdu


def keep_evidence(where):
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    for pattern in ("*.pcap", "gate-*/*", "*/out", "*/log.*"):
        for path in lab.ROOT.glob(pattern):
            if path.is_file() and path.stat().st_size < 32 << 20:
                shutil.copy(path, where / "-".join(path.relative_to(lab.ROOT).parts))


def attempt(name, function, world):
    start = time.monotonic()
    try:
        note = function(world)
        word = "ok  "
    except (lab.Failed, pdu.Refused) as why:
        word, note = "FAIL", why
    except Exception:  # pylint: disable=broad-except  # a scenario must not end the others
        word, note = "FAIL", traceback.format_exc()
    print(f"{word} {name} ({time.monotonic() - start:.2f} s){f': {note}' if note else ''}",
          flush=True)
    return word == "ok  "


def run_all(module, args):
    passed = failed = 0
    try:
        with module.world(args) as world:
            scenarios = module.scenarios(args) if hasattr(module, "scenarios") \
                else module.SCENARIOS
            for name, function in scenarios:
                if args.only in name:
                    good = attempt(f"{args.group}/{name}", function, world)
                    passed, failed = passed + good, failed + (not good)
    except lab.Failed as why:
        print(f"FAIL {args.group}: the laboratory: {why}")
        failed += 1
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("group")
    parser.add_argument("argument", nargs="*")
    args = parser.parse_args()
    lab.enter()
    module = importlib.import_module(args.group)
    evidence = args.build / "net-failed" / args.group
    with lab.Lab() as args.net:
        passed, failed = run_all(module, args)
        if failed:
            keep_evidence(evidence)
    print(f"{args.group}: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
