#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# bash and zsh complete commands, options, settings, interfaces, groups, files, and what is open.
#
# usage: test_completion.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
PATH=$(dirname "$1"):$PATH
export PATH
work=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null || :; rm -rf "$work"' EXIT
python3 "$2/tests/unit/pinholes.py" "$work/control" 7 12 130 &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	rpcgate ctl -s "$work/control" pinholes >/dev/null 2>&1 && break
	sleep 0.2
done
bash "$2/tests/unit/completion.bash" "$2" "$work/control"
timeout 60 zsh -f "$2/tests/unit/completion.zsh" "$2" "$work/control"
