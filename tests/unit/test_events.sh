#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Events fit their schema, have what readers of EVE need, and are the same on every run.
#
# usage: test_events.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
others=$(sed -n 's/^RPCGATE_REPLAY_DIRS:STRING=//p' "$3/CMakeCache.txt" | tr ':;' '  ')
# shellcheck disable=SC2086 # names are meant to be split
python3 "$2/tests/unit/events.py" "$1" "$2" "$work" $others
