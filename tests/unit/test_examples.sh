#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The examples work with an installed copy of the library, and say what the program says.
#
# usage: test_examples.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
program=$1
source=$2
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A build of the library alone: it needs no sanitizer's run-time, so that Python can load it.
cmake -S "$source" -B "$work/build" -G Ninja -DRPCGATE_PROGRAM=OFF -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_INSTALL_PREFIX="$work/prefix" >"$work/log" 2>&1 &&
	cmake --build "$work/build" >>"$work/log" 2>&1 &&
	cmake --install "$work/build" >>"$work/log" 2>&1 || {
	cat "$work/log"
	exit 1
}
pc=$(find "$work/prefix" -name rpcgate.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH LD_LIBRARY_PATH

# shellcheck disable=SC2046 # flags are meant to be split
"$cc" -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Werror "$source/examples/verdicts.c" \
	$(pkg-config --cflags --libs rpcgate) -o "$work/verdicts"
lines=$(wc -l <"$source/examples/verdicts.c")
[ "$lines" -le 66 ] || {
	echo "verdicts.c has $lines lines: an example is read at one look"
	exit 1
}

said=0
for capture in "$source"/pcaps/*.pcap; do
	# both read classic captures of Ethernet frames, times in microseconds
	[ "$(od -An -tx4 -N4 "$capture" | tr -d ' ')" = a1b2c3d4 ] || continue
	"$program" analyze --no-ndpi --json - "$capture" | python3 -c '
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    if event["event_type"] == "rpc_bind":
        bind = event["rpc_bind"]
        print(event["src_ip"], event["dest_ip"], event["dest_port"], bind["uuid"], bind["verdict"],
              bind["reason"])' >"$work/expected"
	"$work/verdicts" <"$capture" >"$work/c"
	python3 "$source/examples/verdicts.py" "$capture" >"$work/python"
	diff -u "$work/expected" "$work/c" || exit 1
	diff -u "$work/expected" "$work/python" || exit 1
	# a file or standard input, which may be a pipe
	"$work/verdicts" "$capture" | cmp - "$work/c" || exit 1
	cat "$capture" | "$work/verdicts" | cmp - "$work/c" || exit 1
	cat "$capture" | python3 "$source/examples/verdicts.py" | cmp - "$work/python" || exit 1
	said=$((said + $(wc -l <"$work/expected")))
done
! "$work/verdicts" "$work/none.pcap" 2>/dev/null || {
	echo "verdicts does not mind a file that is not there"
	exit 1
}
[ "$said" -ge 50 ] || {
	echo "only $said binds were compared"
	exit 1
}
