#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# debian/ says what other files say, too: version, packages to build with, what the library shows.
# That packages can be built and used is for "./check package".
#
# usage: test_debian.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

same() {
	diff -u "$work/one" "$work/other" && return
	echo "$1"
	failures=$((failures + 1))
}

sed -n 's/#define RPCGATE_VERSION "\(.*\)"/\1/p' include/rpcgate.h >"$work/one"
sed -n '1s/^rpcgate (\([^)]*\)).*/\1/p' debian/changelog >"$work/other"
same "debian/changelog has another version than include/rpcgate.h"

# gcc and libc6-dev are there wherever Debian builds, debhelper is what it builds with, and valgrind
# is run with rpcgate-bench, not built into it
awk '$1 == "build" || $1 == "bench" { print $2 }' tools/packages.txt | grep -vx 'gcc\|libc6-dev\|valgrind' | LC_ALL=C sort >"$work/one"
sed -n '/^Build-Depends:/,/^[A-Z][A-Za-z-]*: /{s/^Build-Depends://;/^[A-Z]/d;s/[ ,]//g;p;}' debian/control |
	grep -v '^debhelper-compat' | LC_ALL=C sort >"$work/other"
same "debian/control builds with other packages than tools/packages.txt"

grep -oE '\<rpcgate_[a-z0-9_]+\(' include/rpcgate.h | tr -d '(' | LC_ALL=C sort -u >"$work/one"
sed -n 's/^ \(rpcgate_[a-z0-9_]*\)@Base .*/\1/p' debian/librpcgate1.symbols | LC_ALL=C sort >"$work/other"
# the header's comments mention calls that are declared, too
same "debian/librpcgate1.symbols is not what the header declares"

readelf -d "$3"/librpcgate.so | sed -n 's/.*SONAME.*\[librpcgate.so.\([0-9]*\)\]/librpcgate\1/p' >"$work/one"
sed -n 's/^Package: \(librpcgate[0-9]*\)$/\1/p' debian/control >"$work/other"
same "the package of the library is not named by its version"

[ "$failures" -eq 0 ]
