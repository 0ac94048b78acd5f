#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# rpcgate top in a terminal: keys are pressed, and the screen is read.
#
# usage: test_top.sh PROGRAM SOURCE_DIR BUILD_DIR
PYTHONDONTWRITEBYTECODE=1 exec python3 "$2/tests/unit/top.py" "$1" "$2"
