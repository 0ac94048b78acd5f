#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of the house that a machine can see: licences, sources in the build, fixed words.
#
# usage: test_house.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
cd "$2"
failures=0

fail() {
	echo "$*"
	failures=$((failures + 1))
}

files() {
	find include src tests bench examples contrib cmake tools .ci -type f \( -name '*.[ch]' -o -name '*.sh' -o \
		-name '*.py' -o -name '*.cmake' -o -name '*.in' \) | LC_ALL=C sort
}

# One of the two licences, in the first two lines (the first may say how to run the file).
licence_of() {
	case $1 in
	include/* | src/base/* | src/wire/* | src/rpc/* | src/gate/*) echo BSD-2-Clause ;;
	*) echo GPL-3.0-or-later ;;
	esac
}
for file in $(files) quickstart check tools/install-packages .ci/run CMakeLists.txt; do
	case $file in *.in) continue ;; esac
	head -n 2 "$file" | grep -q "SPDX-License-Identifier: $(licence_of "$file")\( \|\$\)" ||
		fail "$file: first line is not SPDX-License-Identifier: $(licence_of "$file")"
done

# A source that is not built is not tested.
for file in src/*/*.c; do
	case $file in src/gate/*_gen.c | src/gate/gen_*.c) continue ;; esac
	layer=$(basename "$(dirname "$file")")
	sed -n "/^[[:space:]]*layer($layer\>/,/)/p" CMakeLists.txt | grep -qw "$(basename "$file")" ||
		fail "$file: not in the list of its layer in CMakeLists.txt"
done

# The version stands in four places.
version=$(sed -n 's/#define RPCGATE_VERSION "\(.*\)"/\1/p' include/rpcgate.h)
grep -q "^project(rpcgate VERSION $version " CMakeLists.txt || fail "CMakeLists.txt: not version $version"
grep -q "^## $version\$" CHANGELOG.md || fail "CHANGELOG.md: says nothing of $version"
case $("$1" --version) in
"rpcgate $version"*) ;;
*) fail "rpcgate --version: not rpcgate $version" ;;
esac

[ "$failures" -eq 0 ]
