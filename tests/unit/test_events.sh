#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Events fit their schema and are the same on every run.
#
# usage: test_events.sh PROGRAM SOURCE_DIR BUILD_DIR
exec python3 "$2/tests/unit/events.py" "$1" "$2"
