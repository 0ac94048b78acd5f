#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The unit for systemd is installed, is valid, gives little away, and what it gives is enough.
#
# usage: test_service.sh PROGRAM SOURCE_DIR BUILD_DIR
set -eu
program=$(realpath "$1")
build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

DESTDIR=$work/stage cmake --install "$build" --prefix /usr >/dev/null
found=$(find "$work/stage" -name rpcgate.service)
[ -n "$found" ] || fail "rpcgate.service is not installed"

# systemd looks for the program where programs are installed; this one is not.
unit=$work/rpcgate.service
sed "s|^\(Exec[A-Za-z]*=\)rpcgate |\1$program |" "$found" >"$unit"
[ "$(grep -c "^Exec.*=$program " "$unit")" -eq 2 ] || fail "the unit does not run rpcgate"
systemd-analyze verify --man=no "$unit" >"$work/out" 2>&1 || {
	cat "$work/out"
	fail "the unit is not valid"
}
[ ! -s "$work/out" ] || {
	cat "$work/out"
	fail "systemd has something to say about the unit"
}
# What it makes is for nobody else, and what it takes is bounded.
for line in 'UMask=0077' 'MemoryMax=[1-9]'; do
	grep -q "^$line" "$found" || fail "the unit has no $line"
done
# 0 is sealed, 10 is open; what runs with CAP_NET_ADMIN in the host's network cannot be below 1.
systemd-analyze security --offline=true --threshold=20 "$unit" >"$work/out" || {
	grep '✗' "$work/out"
	fail "the unit is more exposed than 2.0"
}

# What it gives is enough: a user of its own, one capability, no new privileges.
caps=$(sed -n 's/^AmbientCapabilities=CAP_//p' "$unit" | tr 'A-Z ' 'a-z,')
[ "$caps" = net_admin ] || fail "capabilities: $caps"
printf 'control %s/control\nallow interface any\n' "$work" >"$work/rpcgate.conf"
chmod 755 "$work"
mkdir "$work/run"
chmod 777 "$work/run"
sed -i "s|$work/control|$work/run/control|" "$work/rpcgate.conf"
# The leak checker stops a process as a debugger does; one in its sandbox does not let that happen.
set +e
ASAN_OPTIONS=detect_leaks=0 unshare -n setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
	--inh-caps="-all,+$caps" --ambient-caps="+$caps" --bounding-set="-all,+$caps" \
	timeout --preserve-status -s TERM 2 "$program" run -c "$work/rpcgate.conf" >"$work/out" 2>&1
status=$?
set -e
[ "$status" -eq 0 ] || {
	cat "$work/out"
	fail "as the unit starts it, 'rpcgate run' ends with status $status"
}
echo "the unit is valid, and enough"
