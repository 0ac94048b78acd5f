#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The build lets each layer include what the drawing allows, and nothing else.
#
# usage: test_layers.sh PROGRAM SOURCE_DIR BUILD_DIR
# BUILD_DIR/layers/NAME lists the include directories that the build really gives a layer.
set -eu
source=$2
build=$3
cc=${CC:-cc}
failures=0
tried=0

# layer: what it may include.  "api" is include/rpcgate.h, which everyone sees for its types.
may_include() {
	case $1 in
	base) echo "base api" ;;
	wire) echo "wire base api" ;;
	rpc) echo "rpc base api" ;;
	gate) echo "gate wire rpc base api" ;;
	io) echo "io api" ;;
	loop) echo "loop io api" ;;
	cli) echo "cli loop io api" ;;
	esac
}

header_dir() {
	if [ "$1" = api ]; then echo "$source/include"; else echo "$source/src/$1"; fi
}

# compiles LAYER HEADER : whether a file of this layer may say #include "HEADER"
compiles() {
	flags=$(sed 's/^/-I/' "$build/layers/$1")
	# Directories of the build have no spaces: CMake wrote one to a line.
	# shellcheck disable=SC2086
	printf '#include "%s"\n' "$2" |
		$cc -std=c11 -D_GNU_SOURCE -fsyntax-only $flags -x c - 2>/dev/null
}

# Some names stand in two layers (table.h): seeing the permitted one says nothing of the other.
ambiguous() {
	for layer in $(may_include "$1"); do
		[ "$layer" = "$2" ] || [ ! -e "$(header_dir "$layer")/$3" ] || return 0
	done
	return 1
}

try() {
	from=$1 to=$2 header=$3
	tried=$((tried + 1))
	want=no
	for layer in $(may_include "$from"); do
		[ "$layer" != "$to" ] || want=yes
	done
	got=no
	! compiles "$from" "$header" || got=yes
	if [ "$got" != "$want" ]; then
		echo "$from includes $to's $header: compiles: $got, wanted: $want"
		failures=$((failures + 1))
	fi
}

for from in base wire rpc gate io loop cli; do
	for to in api base wire rpc gate io loop cli; do
		before=$tried
		for path in "$(header_dir "$to")"/*.h; do
			header=${path##*/}
			[ -e "$path" ] || continue
			ambiguous "$from" "$to" "$header" || try "$from" "$to" "$header"
		done
		if [ "$tried" -eq "$before" ]; then
			echo "$from includes $to: nothing to try"
			failures=$((failures + 1))
		fi
	done
done

# A path would get round the include directories.
if grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+["<][^">]*\.\./' \
	"$source"/src/*/*.[ch] "$source"/include/*.h; then
	echo "an include climbs by path"
	failures=$((failures + 1))
fi
if grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+["<](base|wire|rpc|gate|io|loop|cli|src)/' \
	"$source"/src/*/*.[ch]; then
	echo "an include names a layer"
	failures=$((failures + 1))
fi

echo "$tried includes tried, $failures wrong"
[ "$failures" -eq 0 ]
