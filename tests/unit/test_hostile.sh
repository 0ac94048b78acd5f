#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What strangers wrote breaks no page, no JSON, no terminal.
#
# usage: test_hostile.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$2/tests/unit/hostile.py" "$1" "$work"
