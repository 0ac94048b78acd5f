#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The manuals say what there is, all of it, and are well-formed and installed.
#
# usage: test_man.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$2/tests/unit/man.py" "$1" "$2" "$work" "$3/bench/rpcgate-bench"
DESTDIR=$work/stage cmake --install "$3" --prefix /usr >/dev/null
for page in "$2"/src/man/*.[1-9]; do
	name=$(basename "$page")
	[ -f "$work/stage/usr/share/man/man${name##*.}/$name" ] || {
		echo "$name is not installed"
		exit 1
	}
done
