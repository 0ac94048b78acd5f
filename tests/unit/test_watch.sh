#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# rpcgate watch on a wire of its own.
#
# usage: test_watch.sh PROGRAM SOURCE_DIR BUILD_DIR
exec unshare -n python3 "$2/tests/unit/watch.py" "$1" "$2"
