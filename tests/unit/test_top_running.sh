#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# rpcgate top beside the daemon itself: what is open, refused and counted, a pinhole closed by key.
#
# usage: test_top_running.sh PROGRAM SOURCE_DIR BUILD_DIR
PYTHONDONTWRITEBYTECODE=1 exec unshare -n python3 "$2/tests/unit/top_running.py" "$1" "$2"
