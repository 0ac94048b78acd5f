#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The report for browsers: true, harmless, accessible, and quick with 50,000 pinholes.
#
# usage: test_html.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
program=$1
source=$2
build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh "$source/tests/npm/install" "$source" "$build"

# One page with more pinholes than any picture has room for, one of 200 MB.
"$build/bench/rpcgate-bench" generate epm "$work/many.pcap" 100
"$build/bench/rpcgate-bench" generate mixed "$work/mixed.pcap" 200
PYTHONDONTWRITEBYTECODE=1 python3 "$source/tests/unit/report.py" "$program" "$source" "$work" "$work/many.pcap" "$work/mixed.pcap"
opened=$(grep -o '<b>[0-9,]*</b> pinholes opened' "$work/many.pcap.html" | tr -dc '0-9')
[ "$opened" -ge 50000 ] || {
	echo "there are $opened pinholes in the large capture, not 50,000"
	exit 1
}
timeout 500 node "$source/tests/unit/browser.mjs" "$build/npm/node_modules/axe-core/axe.min.js" "$work/plan.json"
