#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# rpcgate-bench can be run and read: its commands, JSON, plots, captures that are the same each time
#
# usage: test_bench.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
bench=$3/bench/rpcgate-bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

# status N arguments... : wrong usage is told apart
status() {
	expected=$1
	shift
	got=0
	"$bench" "$@" >/dev/null 2>&1 || got=$?
	[ "$got" -eq "$expected" ] || fail "rpcgate-bench $*: status $got, not $expected"
}
status 0 --help
status 2 nonsense
status 2 policy --rounds 0
status 2 policy --rounds 16
status 2 generate nothing "$work/x"
status 1 generate mixed "$work/not/there" 1

for mix in mixed rpc small epm short long torn; do
	"$bench" generate "$mix" "$work/one" 1 >/dev/null
	"$bench" generate "$mix" "$work/two" 1 >/dev/null
	cmp -s "$work/one" "$work/two" || fail "$mix is another capture each time"
done

"$bench" policy --rounds 1 --json --svg "$work/plots" >"$work/json" || fail "policy failed"
python3 - "$work" "$2" <<'PYTHON'
import json, pathlib, re, sys
import xml.etree.ElementTree as xml

work = pathlib.Path(sys.argv[1])
lines = [json.loads(line) for line in (work / "json").open()]
assert [lines[0]["type"], lines[-1]["type"]] == ["machine", "end"], "first or last line"
assert lines[-1]["wrong"] == 0, "an answer was wrong"
figures = lines[1:-1]
assert figures and all(f["low"] <= f["median"] <= f["high"] for f in figures), "figures"
plots = list((work / "plots").glob("*.svg"))
assert len(plots) == len({f["topic"] for f in figures}), "one plot for each topic"
# each goal has its reason
sources = {path.name: path.read_text() for path in (pathlib.Path(sys.argv[2]) / "bench").glob("*.c")}
reasons = set(re.findall(r'^\t\{ "([^"]+)"', sources["goals.c"], re.M))
macros = dict(re.findall(r'#define (TOPIC_\w+) "([^"]+)"', "".join(sources.values())))
calls = [call for text in sources.values() for call in re.findall(r"(?:bench_note|bench_note_one|stalls_tell)\((.*?)\);", text, re.S)
         if re.search("AT_MOST|AT_LEAST", call)]
topics = {macros.get(first, first.strip('"')) for call in calls
          for first in re.findall(r'"[^"]+"|TOPIC_\w+', call)[:1]}
assert len(topics) > 10 and topics <= reasons, topics - reasons
for plot in plots:
    assert xml.parse(plot).getroot().tag.endswith("svg"), plot
PYTHON
