#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# operation_gen refuses a bad row by file, line and expectation, and sorts the good ones.
#
# usage: test_operation_gen.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
gen=$3/operation_gen
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head='uuid,opnum,name,source'
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
	printf '%s\n' "$@" >"$work/in.csv"
	rm -f "$work/out.h"
	if "$gen" "$work/in.csv" "$work/out.h" 2>"$work/err"; then
		fail "$what: accepted"
	elif ! grep -qF "$work/in.csv:$message" "$work/err"; then
		fail "$what: said '$(cat "$work/err")', wanted '$message'"
	elif [ -e "$work/out.h" ]; then
		fail "$what: left a table behind"
	fi
}

refused "other header" "1: read column 'number', expected 'opnum'" "uuid,number,name,source"
refused "no rows" "1: expected at least one operation" "$head"
refused "short UUID" "2: uuid: read '1234'" "$head" "1234,0,n,s"
refused "no number" "2: opnum: read ''" "$head" "$a,,n,s"
refused "number with a sign" "2: opnum: read '-1'" "$head" "$a,-1,n,s"
refused "number in hexadecimal" "2: opnum: read '0x3'" "$head" "$a,0x3,n,s"
refused "number too large" "2: opnum: read '65536'" "$head" "$a,65536,n,s"
refused "number far too large" "2: opnum: read '18446744073709551616'" "$head" \
	"$a,18446744073709551616,n,s"
refused "no name" "2: name: read ''" "$head" "$a,0,,s"
refused "a name that is a number" "2: name: read '3x'" "$head" "$a,0,3x,s"
refused "a name with a comma" "2: name: read 'a,b'" "$head" "$a,0,\"a,b\",s"
refused "no source" "2: source: is empty" "$head" "$a,0,n,"
refused "three fields" "2: expected 4 fields, read fewer" "$head" "$a,0,n"
refused "a number twice" "3: opnum: 7 stands in line 2 too" "$head" "$a,7,n,s" "$a,7,m,s"
refused "a name twice" "3: name: N stands in line 2 too" "$head" "$a,7,n,s" "$a,8,N,s"

printf '%s\n' "$head" "$b,1,n,s" "$a,10,m,s" "$a,9,n,s" >"$work/in.csv"
"$gen" "$work/in.csv" "$work/out.h" || fail "good rows: refused"
[ "$(grep -o 'opnum = [0-9]*' "$work/out.h" | tr '\n' ' ')" = 'opnum = 9 opnum = 10 opnum = 1 ' ] ||
	fail "good rows: not in order"
"$gen" "$work/in.csv" "$work/no/such" 2>/dev/null && fail "no such directory: accepted"
[ "$failures" -eq 0 ]
