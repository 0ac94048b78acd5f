#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# catalogue_gen reads CSV as RFC 4180 has it and refuses a bad row by file, line and expectation.
#
# usage: test_catalogue_gen.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
gen=$3/catalogue_gen
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head='uuid,version,name,service,description'
a=11111111-1111-1111-1111-111111111111
b=22222222-2222-2222-2222-222222222222
failures=0

fail() {
	echo "$*"
	failures=$((failures + 1))
}

# refused "what" "message" line... : the lines stop the build and the message says why
refused() {
	what=$1 message=$2
	shift 2
	: >"$work/in.csv"
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$work/in.csv"
	rm -f "$work/out.h"
	if "$gen" "$work/in.csv" "$work/out.h" 2>"$work/err"; then
		fail "$what: accepted"
	elif ! grep -qF "$work/in.csv:$message" "$work/err"; then
		fail "$what: said '$(cat "$work/err")', wanted '$message'"
	elif [ -e "$work/out.h" ]; then
		fail "$what: left a table behind"
	fi
}

refused "empty file" "1: expected a header line"
refused "blank header" "1: expected 5 fields, read fewer" ""
refused "other header" "1: read column 'id', expected 'uuid'" "id,version,name,service,description"
refused "no rows" "1: expected at least one interface" "$head"
refused "short UUID" "2: uuid: read '1234'" "$head" "1234,1.0,n,s,d"
refused "UUID without dashes" "2: uuid: read" "$head" "111111111111111111111111111111111111,1.0,n,s,d"
refused "UUID not hexadecimal" "2: uuid: read" "$head" "g1111111-1111-1111-1111-111111111111,1.0,n,s,d"
refused "version without minor" "2: version: read '1'" "$head" "$a,1,n,s,d"
refused "version too large" "2: version: read '65536.0'" "$head" "$a,65536.0,n,s,d"
refused "version with a tail" "2: version: read '1.0x'" "$head" "$a,1.0x,n,s,d"
refused "no name" "2: name: is empty" "$head" "$a,1.0,,s,d"
refused "four fields" "2: expected 5 fields, read fewer" "$head" "$a,1.0,n,s"
refused "six fields" "2: expected 5 fields, read more" "$head" "$a,1.0,n,s,d,e"
refused "open quote" "2: description: quotes do not match" "$head" "$a,1.0,n,s,\"d"
refused "text after a quote" "2: name: quotes do not match" "$head" "$a,1.0,\"n\"x,s,d"
refused "control character" "2: service: expected printable" "$head" "$a,1.0,n,s	t,d"
refused "the same twice" "3: uuid: $a 1.0 stands in line 2 too" "$head" "$a,1.0,n,s,d" "$a,1.0,m,s,d"
refused "the second bad row is named too" "3: version" "$head" "1234,1.0,n,s,d" "$a,x,n,s,d"

{
	echo "$head"
	echo "$b,1.0,second,s,d"
	printf '%s,2.0,first,"a, ""b""",what??/\\\r\n' "$a"
	echo "$a,1.10,first,s,"
	echo "$a,1.9,first,s,"
} >"$work/good.csv"
"$gen" "$work/good.csv" "$work/good.h" || fail "good rows: refused"
order=$(sed -n 's/.*0x\(..\), } }, .major = \([0-9]*\), .minor = \([0-9]*\).*/\1:\2.\3/p' "$work/good.h")
# shellcheck disable=SC2116,SC2086 # lines become words
[ "$(echo $order)" = "11:1.9 11:1.10 11:2.0 22:1.0" ] || fail "order: $order"
grep -qF '.service = "a, \"b\""' "$work/good.h" || fail "quotes were not read"
grep -qF '.description = "what\?\?/\\"' "$work/good.h" || fail "octets were not made harmless"

[ "$failures" -eq 0 ]
