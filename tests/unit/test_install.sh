#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is installed can be used: under another prefix, staged, through pkg-config, both ways of
# linking.  The library asks for libc alone and shows rpcgate_* alone.
#
# usage: test_install.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
source=$2
build=$3
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

cmake --install "$build" --prefix "$work/prefix" >/dev/null
DESTDIR=$work/stage cmake --install "$build" --prefix /usr >/dev/null
[ -x "$work/stage/usr/bin/rpcgate" ] || fail "DESTDIR is not honoured"
[ -x "$work/prefix/bin/rpcgate" ] || fail "the prefix is not honoured"

pc=$(find "$work/prefix" -name rpcgate.pc)
lib=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
[ "$(realpath "$(pkg-config --variable=prefix rpcgate)")" = "$(realpath "$work/prefix")" ] ||
	fail "rpcgate.pc has another prefix: $(pkg-config --variable=prefix rpcgate)"

# The example of README.md, and what README.md says it prints.
awk '/^```/ { on = $0 == "```c"; next } on' "$source/README.md" >"$work/embed.c"
awk '/^```c$/ { seen = 1 } /^```/ { on = seen && $0 == "```text"; next } on' "$source/README.md" >"$work/expected"
if [ ! -s "$work/embed.c" ] || [ ! -s "$work/expected" ]; then
	fail "README.md has no example, or does not say what it prints"
fi

# try "what" program : the example prints what README.md says
try() {
	LD_LIBRARY_PATH=$lib "$2" <"$source/pcaps/other-uuid.pcap" >"$work/got"
	diff -u "$work/expected" "$work/got" || fail "$1 does not work"
}

# A library with sanitizers in it needs their run-time; the program brings it.
flags=
if nm "$lib/librpcgate.a" | grep -q __asan_; then
	flags="-fsanitize=address,undefined"
fi

# shellcheck disable=SC2046,SC2086 # flags are meant to be split
$cc -std=c11 -D_DEFAULT_SOURCE -Wall -Werror $flags $(pkg-config --cflags rpcgate) "$work/embed.c" \
	$(pkg-config --libs rpcgate) -o "$work/shared"
try "the shared library" "$work/shared"
readelf -d "$work/shared" | grep -q 'NEEDED.*\[librpcgate\.so\.1\]' ||
	fail "the program with the shared library does not need librpcgate.so.1"

# shellcheck disable=SC2046,SC2086
$cc -std=c11 -D_DEFAULT_SOURCE -Wall -Werror $flags $(pkg-config --cflags rpcgate) "$work/embed.c" \
	"$(pkg-config --variable=libdir rpcgate)/librpcgate.a" -o "$work/static"
try "the static library" "$work/static"
! readelf -d "$work/static" | grep -q librpcgate || fail "linked with the shared library after all"

others=$(nm -D --defined-only "$lib/librpcgate.so" | awk '{ print $3 }' | grep -v '^rpcgate_' || :)
if [ -z "$flags" ]; then
	needed=$(readelf -d "$lib/librpcgate.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	[ "$needed" = libc.so.6 ] || fail "librpcgate.so needs more than libc: $needed"
	[ -z "$others" ] || fail "librpcgate.so shows more than its interface: $others"
	others=$(nm -g --defined-only "$lib/librpcgate.a" | awk 'NF == 3 { print $3 }' |
		grep -v '^rpcgate_' || :)
	[ -z "$others" ] || fail "librpcgate.a shows more than its interface: $others"
fi
# The library asks nobody for the time, reads and writes nothing: of libc it uses memory and text.
if [ -z "$flags" ]; then
	calls=$(nm -D --undefined-only "$lib/librpcgate.so" | sed 's/.* //; s/@.*//' | grep -vE \
		'^(inet_(ntop|pton)|malloc|calloc|realloc|free|mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr|cpy|cspn|spn)|strn?len|strto[a-z]+|v?snprintf|__(mem|str|v?snprintf)[a-z]*_chk|__isoc[0-9]+_strto[a-z]+|qsort|__ctype_[a-z]+_loc|__errno_location|__stack_chk_fail|__assert_fail|abort|__cxa_finalize|__gmon_start__|_ITM_.*)$' || :)
	[ -z "$calls" ] || fail "librpcgate.so calls: $calls"
fi

# Everything the header promises is there.
declared=$(grep -oE 'rpcgate_[a-z0-9_]+\(' "$work/prefix/include/rpcgate.h" | tr -d '(' | sort -u)
[ -n "$declared" ] || fail "the header declares nothing"
for name in $declared; do
	nm -D --defined-only "$lib/librpcgate.so" | grep -q " $name\$" ||
		fail "librpcgate.so lacks $name"
done
