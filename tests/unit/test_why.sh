#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The story of a verdict: what it says, that a capture and its events tell the same one, mistakes.
#
# usage: test_why.sh PROGRAM SOURCE_DIR BUILD_DIR
set -u
[ -x "$1" ] || exit 1
program=$(realpath "$1")
captures=$(realpath "$2")/pcaps
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
ln -s "$captures" pcaps
COLUMNS=100
export COLUMNS
failures=0

fail() {
	echo "FAIL: $*"
	sed 's/^/  out: /' out | head -n 3
	sed 's/^/  err: /' err | head -n 3
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
out_lacks() { ! grep -q -e "$1" out || fail "$last: '$1' on standard output"; }
err_has() { grep -q -e "$1" err || fail "$last: '$1' is missing on standard error"; }
out_lines() { [ "$(wc -l <out)" -eq "$1" ] || fail "$last: not $1 lines on standard output"; }
err_lines() { [ "$(wc -l <err)" -eq "$1" ] || fail "$last: not $1 lines on standard error"; }

# --- one for another on the same port
expect 0 why 198.18.1.2 198.18.2.2 49153 pcaps/other-uuid.pcap
err_lines 0
out_has '^2026-11-16  pcaps/other-uuid.pcap$'
out_has '^04:24:21.900      9  asked the mapper for lsarpc 0.0, was told port 49153$'
out_has '^04:24:21.900      9  pinhole 1 opened for lsarpc 0.0 on port 49153, until 04:29:21.900$'
out_has '^04:24:21.901     14  Bind drsuapi 4.0 on port 49153$'
out_has 'verdict deny: uuid-not-granted (the pinhole is for other interfaces)$'
out_has 'the pinhole on this port is for lsarpc 0.0$'
out_has 'drsuapi 4.0 was never announced by this server'
out_has 'nearest rule that would have allowed it: static 49153 interface drsuapi version 4 from 198.18.1.2 to 198.18.2.2$'
out_has '"allow interface drsuapi version 4 from'
out_has 'pinhole 1, 48 ms after the announcement$'
out_has '^2 interfaces asked for, 1 of them refused$'
out_lacks wkssvc
# what is asked comes before what it opens, and that before what is bound
awk '/asked the mapper/ { a = NR } /pinhole 1 opened/ { p = NR } /Bind drsuapi/ { b = NR }
	END { exit !(a && a < p && p < b) }' out || fail "$last: the order is wrong"
# and the rule that is named does allow it
sed -n 's/.*would have allowed it: //p' out >rule
"$program" analyze --policy rule --json - pcaps/other-uuid.pcap |
	grep '"name":"drsuapi".*"verdict":"allow".*"reason":"static"' >out || fail 'the rule does not help'

# --- other reasons, other explanations
expect 0 why 198.18.3.2 any pcaps/two-clients.pcap
out_has 'samr 1.0 was announced to 198.18.1.2 at 2026-11-18'
expect 0 why any any --set pinhole.ttl=120s --set pinhole.refresh=map pcaps/reconnect-expired.pcap
out_has 'verdict deny: pinhole-expired'
out_has 'srvsvc 3.0 was announced to this client at'
out_has 'so would "set pinhole.ttl=151s"'
expect 0 why any any pcaps/epm-privacy.pcap
out_has 'alert on port 135: sealed'
expect 0 why any any pcaps/lookup-paged.pcap
out_has '\.\.\. and 5 more endpoints in this answer'
expect 0 why 2001:db8:1::2 2001:0db8:2:0::2 pcaps
out_has 'Bind netlogon 1.0 on port 49152'
out_lacks 198.18
printf 'allow interface lsarpc\n\ndeny interface samr name "no %%s accounts"\n' >policy
expect 0 why any any 49154 --policy policy pcaps/map-single.pcap
out_has 'verdict deny: rule-deny'
out_has 'rule policy:3 "no %s accounts"$'
out_has 'would have allowed it: allow interface samr version 1 from 198.18.1.2 to 198.18.2.2$'
out_has 'it would have to stand before policy:3$'

# --- a capture and its events: the same story
for capture in pcaps/*.pcap; do
	expect 0 why any any "$capture"
	cp out told
	"$program" analyze --quiet --json events "$capture"
	expect 0 why any any --events events
	cmp -s out told || fail "$last: another story than $capture"
done
gzip -c events >packed
expect 0 why any any --events packed
cmp -s out told || fail "$last: another story than that of the same events"
"$program" analyze --policy policy --json - pcaps/map-single.pcap >events
expect 0 why any any --policy policy pcaps/map-single.pcap
cp out told
last='events from standard input'
"$program" why any any --events - <events >out 2>err || fail "$last: exit status"
cmp -s out told || fail "$last: another story"

# --- events of strangers
echo '{"timestamp":"2026-11-21T04:02:10.868427+0000","event_type":"dns","dns":{}}' >>events
expect 0 why any any --events events
cmp -s out told || fail "$last: another program's line matters"
printf '{"timestamp":\n{"event_type":"rpc_bind"}\n' >>events
expect 4 why any any --events events
err_lines 1
err_has 'events: line [0-9]*: is no JSON, or cut short; and 1 more line$'
cmp -s out told || fail "$last: a bad line ends the story"
expect 4 why any any --events missing
err_lines 1
out_lines 0

# --- mistakes
expect 0 why --help
out_has '^usage: rpcgate why CLIENT SERVER'
expect 2 why
err_lines 1
expect 1 why any any -s nobody
err_has 'nobody: No such file or directory; captures or --events FILE'
err_lines 1
expect 2 why any any --socket nobody pcaps/map-single.pcap
expect 2 why any any --policy rule
expect 2 why any any --set dcom=any
expect 2 why 10.0.0.256 any pcaps
err_has "'10.0.0.256' is no address"
for port in 0 65536 99999 4294967431 000135; do
	expect 2 why any any $port pcaps
	err_has "'$port' is no port; 1 to 65535 is"
	err_lines 1
done
cp pcaps/map-single.pcap 99999
expect 0 why any any ./99999
rm 99999
expect 2 why any samba pcaps
expect 2 why any any --evnets events
err_has "did you mean '--events'"
expect 2 why any any --events events pcaps
expect 2 why any any --events events --policy policy
expect 3 why any any --set pinhole.tll=1s pcaps
expect 3 why any any --set pinhole.tll=1s --events events
expect 3 why any any --policy missing pcaps
expect 4 why any any missing.pcap
err_lines 1
# nobody: said, with who there is
expect 1 why 198.18.1.2 198.18.9.9 pcaps/map-single.pcap
err_has 'nothing was seen between these hosts'
err_has 'there is RPC from 198.18.1.2 to 198.18.2.2'
out_lines 0

echo "$failures failures"
[ "$failures" -eq 0 ]
