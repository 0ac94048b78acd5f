#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What stands in contrib/ works with the events of today.
#
# usage: test_contrib.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
program=$1
source=$2
build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh "$source/tests/npm/install" "$source" "$build"
"$program" analyze --quiet --json "$work/events.json" "$source/pcaps" 2>/dev/null
python3 "$source/tests/unit/contrib.py" "$program" "$source" "$work/events.json"
node "$source/tests/unit/contrib.mjs" "$source" "$build/npm" "$work/events.json"

# Wireshark shows of each packet what was said of it, of the right file of several.
for name in other-uuid two-clients; do
	HOME=$work RPCGATE_EVENTS=$work/events.json RPCGATE_CAPTURE=$name.pcap \
		tshark -X "lua_script:$source/contrib/wireshark/rpcgate.lua" -r "$source/pcaps/$name.pcap" \
		-Y 'rpcgate.verdict == "deny"' -T fields -e frame.number -e rpcgate.reason \
		-e rpcgate.interface -e _ws.expert.message >"$work/shown" 2>"$work/said"
	! grep -i 'lua' "$work/said" || exit 1
	python3 -c '
import json, sys
for line in open(sys.argv[1]):
    e = json.loads(line)
    if e["event_type"] == "rpc_bind" and e["rpc_bind"]["verdict"] == "deny" and \
            e["pcap_filename"].endswith("/" + sys.argv[2] + ".pcap"):
        b = e["rpc_bind"]
        print(e["pcap_cnt"], b["reason"], b["name"], "rpcgate refuses this: " + b["reason"], sep="\t")
' "$work/events.json" "$name" >"$work/wanted"
	[ -s "$work/wanted" ] || exit 1
	diff -u "$work/wanted" "$work/shown" || exit 1
done
