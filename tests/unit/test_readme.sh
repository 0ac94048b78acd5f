#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What README.md and pcaps/README.md say is what is.
#
# usage: test_readme.sh PROGRAM SOURCE_DIR BUILD_DIR
exec python3 "$2/tests/unit/readme.py" "$1" "$2"
