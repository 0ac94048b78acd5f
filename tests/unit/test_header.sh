#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The public header is complete by itself, as C11 and as C++17, without a warning.
#
# usage: test_header.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
# Not -Wshadow: in C++ a function hides the constructor of a struct of its name, as with stat(2).
strict="-Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only -I$2/include"
text='#include "rpcgate.h"
#include "rpcgate.h"
int size_of_event(void);
int size_of_event(void) { return (int)sizeof(struct rpcgate_event); }'

# shellcheck disable=SC2086 # flags are meant to be split
printf '%s\n' "$text" | ${CC:-cc} -std=c11 $strict -x c -
# shellcheck disable=SC2086
printf '%s\n' "$text" | ${CXX:-c++} -std=c++17 $strict -x c++ -
# The check itself can fail: a word that is not there is noticed.
# shellcheck disable=SC2086
if printf '%s\nstruct rpcgate_nothing of_this_kind;\n' "$text" |
	${CC:-cc} -std=c11 $strict -x c - 2>/dev/null; then
	echo "a wrong program compiles"
	exit 1
fi
