#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What rpcgate run tells and leaves alone, as a bridge and as a gateway in a network of its own.
#
# usage: test_run.sh PROGRAM SOURCE_DIR BUILD_DIR
PYTHONDONTWRITEBYTECODE=1 exec unshare -n python3 "$2/tests/unit/run.py" "$1" "$2"
