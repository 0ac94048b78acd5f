#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# check --import: what is printed can be used, nothing is printed of a file with a mistake
#
# usage: test_check_import.sh PROGRAM SOURCE_DIR BUILD_DIR
set -u
[ -x "$1" ] || exit 1
program=$(realpath "$1")
corpus=$(realpath "$2")/tests/fuzz/corpus/import
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

fail() {
	echo "FAIL: $*"
	sed 's/^/  out: /' out | cut -c 1-200 | head -n 3
	sed 's/^/  err: /' err | cut -c 1-200 | head -n 3
	failures=$((failures + 1))
}

# expect STATUS ARGUMENT...: run the program, keep what it says in out and err
expect() {
	want=$1
	shift
	last="rpcgate $*"
	"$program" "$@" >out 2>err
	got=$?
	[ $got -eq "$want" ] || fail "$last: exit status $got, not $want"
}

out_has() { grep -q -e "$1" out || fail "$last: '$1' is missing on standard output"; }
err_has() { grep -q -e "$1" err || fail "$last: '$1' is missing on standard error"; }
err_lines() { [ "$(wc -l <err)" -eq "$1" ] || fail "$last: not $1 lines on standard error"; }
quiet() { [ ! -s out ] || fail "$last: something on standard output"; }

# --- every kind of file becomes a policy without doubts
cp "$corpus"/* .
for file in rpcfw netsh-script netsh-shown reg reg-utf16; do
	expect 0 check --import "$file"
	err_lines 0
	out_has "^# $file:[0-9]*\$"
	cp out "$file.conf"
	expect 0 check "$file.conf"
	err_lines 0
	out_has '^[1-9][0-9]* statements*, 0 warnings'
done
sed 's/reg-utf16/reg/' reg-utf16.conf | cmp -s - reg.conf || fail "UTF-16 is read in another way"

# --- what it means
expect 0 check rpcfw.conf
out_has 'Refuse winreg'
out_has 'Allow and report drsuapi .* from 10.1.0.5'
expect 0 check reg.conf
out_has 'Learn ports in 6000-6050 alone'
printf 'REGEDIT4\n[HKEY_LOCAL_MACHINE\\x\\Services\\Tcpip\\Parameters]\n"MaxUserPort"=dword:00002000\n' >max
expect 0 check --import max
out_has '^dynamic-range 49152-57343$'
expect 0 check --import max --before-vista
out_has '^dynamic-range 1024-8192$'

# --- mistakes: one line, a place, nothing else
printf 'heading\nfw:action:block\nfw:uuid:\033[2J action:block\n' >bad
expect 3 check --import bad
err_has '^bad:3:9: read "\\u001b\[2J", expected a UUID$'
err_lines 1
quiet
expect 3 check --import none
err_has '^rpcgate check: none: No such file'
err_lines 1
quiet
mkdir sub
expect 3 check --import sub
err_lines 1
awk 'BEGIN { for (i = 0; i < 70000; i++) print "fw:action:block" }' >large
expect 3 check --import large
err_has 'larger than 1 MiB'
: >empty
expect 3 check --import empty
err_has '^empty:1:1: neither an export'

# --- names are shown with care
cp rpcfw "$(printf 'a\nallow any')"
expect 0 check --import "$(printf 'a\nallow any')"
! grep -q '^allow any' out || fail "the name of a file became a rule"

# --- usage
expect 2 check --import rpcfw rpcfw
expect 2 check --import rpcfw --service dfsr
expect 2 check --before-vista rpcfw.conf

[ "$failures" -eq 0 ]
