#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Calls over UDP, from outside.
#
# usage: test_udp.sh PROGRAM SOURCE_DIR BUILD_DIR
exec python3 "$2/tests/unit/udp.py" "$1" "$2"
