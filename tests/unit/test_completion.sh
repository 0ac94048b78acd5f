#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# bash and zsh complete commands, options, settings, interfaces, groups and files.
#
# usage: test_completion.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
PATH=$(dirname "$1"):$PATH
export PATH
bash "$2/tests/unit/completion.bash" "$2"
timeout 60 zsh -f "$2/tests/unit/completion.zsh" "$2"
