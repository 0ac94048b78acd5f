# SPDX-License-Identifier: GPL-3.0-or-later
# usage: bash completion.bash SOURCE_DIR SOCKET     with rpcgate in PATH
#
# At SOCKET a daemon answers that has pinholes 7, 12 and 130 open.
# shellcheck source=/dev/null disable=SC2034
. "$1/src/completion/rpcgate.bash"
failures=0
work=$(mktemp -d)
cd "$work" || exit 1
touch trace.pcap

# expect "what is offered, sorted" word... : the last word is the one at the cursor
expect() {
	local wanted=$1
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_rpcgate
	local got
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | xargs)
	[ "$got" = "$wanted" ] && return
	echo "$*: offered '$got', not '$wanted'"
	failures=$((failures + 1))
}

complete -p rpcgate | grep -q -- '-F _rpcgate' || expect "nothing is registered" rpcgate
commands=$(rpcgate --help | sed -n '/^commands:/,$s/^  \([a-z]*\) .*/\1/p' | sort | xargs)
[ -n "$commands" ] || expect "no commands" rpcgate
expect "$(echo "$commands" --help --version | tr ' ' '\n' | sort | xargs)" rpcgate ""
expect suggest rpcgate sug
for command in $commands; do
	expect "$(rpcgate "$command" --help | grep -o '^  --[a-z-]*' | sort | xargs)" rpcgate "$command" --
done
expect --exit-code rpcgate analyze --ex
expect "csv nft policy" rpcgate suggest --format ""
expect nft rpcgate suggest --format = n
expect max rpcgate top --speed m
expect "$(rpcgate analyze --help | grep -o '^  [a-z][a-z.-]*=' | sort | xargs)" rpcgate analyze --set ""
expect pinhole.refresh= rpcgate analyze --set pinhole.ref
expect "map use" rpcgate analyze --set pinhole.refresh =
expect grant rpcgate why --set lookup = gr
expect "" rpcgate analyze --set pinhole.ttl = 3
expect drsuapi rpcgate iface drsu
expect ad-replication rpcgate check --service ad-
expect trace.pcap rpcgate analyze tr
expect trace.pcap rpcgate analyze --quiet ""
expect trace.pcap rpcgate analyze --policy tr
expect "bindings close pinholes reload save stats status" rpcgate ctl ""
expect close rpcgate ctl -s "$2" cl
expect "12 130 7" rpcgate ctl -s "$2" close ""
expect "12 130" rpcgate ctl --socket = "$2" close 1
expect "12 130" rpcgate ctl close -s "$2" 1
expect "" rpcgate ctl -s "$work/nobody" close ""
expect trace.pcap rpcgate ctl -s tr
rm -rf "$work"
exit "$failures"
