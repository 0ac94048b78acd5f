#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# check: what a policy means, what is wrong with it, what its services need; analyze --policy
#
# usage: test_check.sh PROGRAM SOURCE_DIR BUILD_DIR
set -u
[ -x "$1" ] || exit 1
program=$(realpath "$1")
captures=$(realpath "$2")/pcaps
gen=$(realpath "$3")/group_gen
csv=$(realpath "$2")/src/gate
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
out_lacks() { ! grep -q -e "$1" out || fail "$last: '$1' is on standard output"; }
err_has() { grep -q -e "$1" err || fail "$last: '$1' is missing on standard error"; }
err_lines() { [ "$(wc -l <err)" -eq "$1" ] || fail "$last: not $1 lines on standard error"; }

# --- what it means
mkdir sub
cat >good.conf <<'EOF'
# site
mapper-port 135,593,145
deny interface drsuapi opnum 3 name "no DCSync"
include "sub/more.conf"
allow group dfsr
deny group lsass
EOF
echo 'include "deep.conf"' >sub/more.conf
echo 'log interface svcctl' >sub/deep.conf
expect 0 check good.conf
err_lines 0
out_has '^good.conf:3: Refuse operation 3 (DRSGetNCChanges) of drsuapi .*\[no DCSync\]$'
out_has '^sub/deep.conf:1: Allow and report svcctl'
out_has '^good.conf:5: Allow the 5 interfaces of group dfsr'
out_has '897e2e5f-93f3-4376-9c9c-fd2277495c27  FrsTransport  (MS-FRS2 1.9)'
out_has 'dfsr *tcp *5722 '
out_lacks 'LDAP Server' # lsass is refused, nobody needs its ports
out_has 'believed on port 135, 593, 145;'
out_has '^5 statements, 0 warnings'
cp out first
expect 0 check -c good.conf
cmp -s out first || fail "-c FILE says something else than FILE"
expect 0 check --config good.conf --quiet
[ ! -s out ] || fail "--quiet is not quiet"

# --- warnings
printf 'deny any\nallow interface samr\n' >shadow.conf
expect 0 check shadow.conf
err_has '^shadow.conf:2: warning: can never match: line 1 matches'
err_lines 1
out_has '^2 statements, 1 warning'

printf 'mapper-port 135,0\nreserved -135\nreserved -5985\nstatic 49152-65535 interface samr\nstatic 6001-6004 interface samr\n' >doubt.conf
expect 0 check doubt.conf
err_has '^doubt.conf:1: warning: there is no port 0'
err_has '^doubt.conf:2: warning: ports below 1024 are never learned'
err_has '^doubt.conf:4: warning: keeps 16384 ports open for good'
err_lines 3

# --- a hint says how far it goes
printf 'sealed hint\nsealed hint group fax\nsealed log\n' >sealed.conf
expect 0 check sealed.conf
out_has '^sealed.conf:1: .*, good for 30 s and four connections to .* IRemUnknown2 of objects\.$'
out_has '^sealed.conf:2: .* of objects, and to the .* group fax'
out_has '^sealed.conf:3: Report it and learn nothing where [^,]*encrypted\.$'

# --- mistakes: all of them, by file, line and column
printf 'deny interface drsuap\nallow any\n\tset pinhole.ttl = 1s\n' >bad.conf
expect 3 check bad.conf
err_has '^bad.conf:1:16: read "drsuap", expected .*; the nearest is "drsuapi"$'
err_has '^bad.conf:3:20: pinhole.ttl: "1s" read, 5s..72h expected$'
err_lines 2
[ ! -s out ] || fail "a bad policy is explained"
printf '\n  nonsense\n' >sub/deep.conf
expect 3 check good.conf
err_has '^sub/deep.conf:2:3: read "nonsense"'
printf 'include "none.conf"\n' >sub/deep.conf
expect 3 check good.conf
err_has '^sub/deep.conf:1:9: sub/none.conf: No such file'
printf 'include "%s/sub/abs.conf"\n' "$folder" >sub/deep.conf
echo 'deny any' >sub/abs.conf
expect 0 check good.conf
printf 'include "loop.conf"\n' >loop.conf
expect 3 check loop.conf
err_has 'nested too deep'
awk 'BEGIN { for (i = 0; i < 30; i++) print "nonsense" }' >many.conf
expect 3 check many.conf
err_lines 21
err_has 'and 10 more'
awk 'BEGIN { for (i = 0; i < 120000; i++) print "deny any" }' >large.conf
expect 3 check large.conf
err_has 'larger than'
printf 'deny any name "\033[2J"\n' >escape.conf
expect 3 check escape.conf
printf 'deny any name "\303\244"\n' >utf8.conf
expect 0 check utf8.conf
out_has 'u00e4'
expect 3 check none.conf
err_has 'none.conf: No such file'
err_lines 1
expect 3 check sub
err_lines 1

# --- a whole rpcgate.conf: what run would refuse is refused here, in the same words
cat >run.conf <<END
mode bridge nope0 nope1
events journal
allow interface samr
state $folder/state
events $folder/none/events
control -
metrics [::1]:9135
event-rate 0
queue 2-5
mark-bit 8
user nobody
END
expect 0 check run.conf
err_lines 0
out_has '^run.conf:1: Frames are copied between nope0 and nope1, .*no interface nope0 now.*nope1 now'
out_has '^run.conf:2: Events are written to the journal.$'
out_has '^run.conf:4: What is open and announced is kept in .*/state over a restart.$'
out_has '^run.conf:5: Events are written to .*/none/events. Its directory is not there now.$'
out_has '^run.conf:6: rpcgate ctl is not answered.$'
out_has '^run.conf:7: Metrics are served at http://.::1.:9135/metrics.$'
out_has '^run.conf:8: All events are written'
out_has '^run.conf:9: Packets wait in NFQUEUE 2 to 5, with 4 engines.$'
out_has '^run.conf:10: Marks use the bits 8 to 11; .*0x00000800 == 0x00000800.$'
out_has '^run.conf:11: The program becomes nobody '
out_has '^10 settings, 1 statement, 0 warnings.$'
for line in 'metrics 192.0.2.1:80' 'metrics 127.0.0.1' 'user no-such-user' 'state run.conf' \
	'state sub/../rules'; do
	touch rules
	printf 'include "rules"\ncontrol -\n  %s\n' "$line" >run.conf
	echo 'deny interface drsuapi' >rules
	for command in 'check' 'check --quiet' 'run --print-rules -c' 'run -c'; do
		# shellcheck disable=SC2086
		expect 3 $command run.conf
		err_has "^run.conf:3:$((${#line} + 3 - $(printf %s "${line#* }" | wc -c))): "
		err_lines 1
	done
done

# --- services without a file
expect 0 check --service netlogon --service dfsr
out_has 'netlogon  *tcp *445 '
out_has 'dfsr *tcp *5722 '
expect 2 check --service netlogn
err_has "did you mean 'netlogon'"

# --- usage
expect 2 check
err_lines 1
expect 2 check a b
expect 2 check -c
expect 0 check --help
out_has 'usage: rpcgate check'
expect 0 --help
out_has '^  check '

# --- iface knows groups
expect 0 iface dfsr
out_has '^group dfsr: '
out_has 'FrsTransport'
expect 0 iface drsuapi
out_has '^  groups: lsass, ad-replication, domain-join'
out_has '^  operations: DRSBind=0, DRSUnbind=1, '

# --- analyze by a policy
capture=$captures/map-single.pcap
expect 0 analyze --exit-code --quiet "$capture"
printf '# one\ndeny interface samr name "not here"\n' >deny.conf
expect 10 analyze --exit-code --policy deny.conf --json - "$capture"
out_has '"event_type":"rpc_bind".*"verdict":"deny".*"reason":"rule-deny","rule":"deny.conf:2","rule_name":"not here"'
echo 'deny interface samr opnum 0-65535' >calls.conf
expect 10 analyze --exit-code --policy calls.conf --json - "$capture"
out_has '"event_type":"rpc_call".*"verdict":"deny".*"reason":"opnum-denied","rule":"calls.conf:1"'
out_has '"event_type":"rpc_call".*"opnum":0,"operation":"SamrConnect"'
out_has '"event_type":"alert".*opnum-denied.*"operation":"SamrConnect"'
echo 'set pinhole.ttl = 5s' >ttl.conf
expect 0 analyze --policy ttl.conf --json - "$capture"
out_has '"ttl":5'
expect 0 analyze --policy ttl.conf --set pinhole.ttl=7s --json - "$capture"
out_has '"ttl":7'
expect 3 analyze --policy bad.conf "$capture"
err_has '^bad.conf:1:16: '
[ ! -s out ] || fail "a bad policy is used"

# --- the data of groups is checked while building
# refused "what" "message" GROUPS PORTS
refused() {
	printf 'group,interface,title,source\n%b' "$3" >groups.csv
	printf 'group,protocol,transport,port,source\n%b' "$4" >ports.csv
	rm -f table.h
	if "$gen" "$csv/interfaces.csv" groups.csv ports.csv table.h 2>err >out; then
		fail "$1: accepted"
	elif ! grep -qF "$2" err; then
		fail "$1: wanted '$2'"
	elif [ -e table.h ]; then
		fail "$1: left a table behind"
	fi
}
a='a,,A,doc\n'
refused "no groups" "groups.csv:1: expected at least one group" '' ''
refused "no members" "groups.csv:2: group: 'a' has no members" "$a" ''
refused "no source" "groups.csv:3: source: is empty" "${a}a,samr,,\n" ''
refused "no title" "groups.csv:2: title: is empty" 'a,,,doc\n' ''
refused "unknown member" "groups.csv:3: interface: read 'sammr'" "${a}a,sammr,,doc\n" ''
refused "a member twice" "groups.csv:4: interface: 'samr' stands in a twice" \
	"${a}a,samr,,doc\na,samr,,doc\n" ''
refused "a group twice" "groups.csv:4: group: 'a' is opened twice" "${a}a,samr,,doc\n$a" ''
refused "a member of another group" "groups.csv:5: group: read 'a', expected the group" \
	"${a}a,samr,,doc\nb,,B,doc\na,lsarpc,,doc\nb,samr,,doc\n" ''
refused "a name with capitals" "groups.csv:2: group: read 'A'" 'A,,A,doc\n' ''
refused "a port of no group" "ports.csv:2: group: read 'b'" "${a}a,samr,,doc\n" 'b,X,tcp,1,doc\n'
refused "a port that is none" "ports.csv:2: port: read '70000'" "${a}a,samr,,doc\n" \
	'a,X,tcp,70000,doc\n'
refused "a port without source" "ports.csv:2: expected a protocol, a transport and a source" \
	"${a}a,samr,,doc\n" 'a,X,tcp,1,\n'
printf 'group,interface,title,source\n%b' "${a}a,samr,,doc\n" >groups.csv
printf 'group,protocol,transport,port,source\na,X,tcp,1-2,doc\n' >ports.csv
"$gen" "$csv/interfaces.csv" groups.csv ports.csv table.h 2>err >out || fail "good data: refused"

[ "$failures" -eq 0 ]
