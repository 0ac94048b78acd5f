#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The least-privilege policy: given back, it changes no verdict on what it was made of and refuses
# what was not there.
#
# usage: test_suggest.sh PROGRAM SOURCE_DIR BUILD_DIR
set -u
[ -x "$1" ] || exit 1
program=$(realpath "$1")
captures=$(realpath "$2")/pcaps
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
ln -s "$captures" pcaps
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

# verdicts OPTION...: what was asked for and what was said, without reasons
verdicts() {
	"$program" analyze --no-ndpi --json - "$@" 2>err |
		sed -n '/"event_type":"rpc_bind"/s/"action":.*//p'
}

# --- given back: the same verdicts, on every capture and all together
for input in pcaps/*.pcap pcaps; do
	expect 0 suggest --quiet "$input"
	mv out policy
	expect 0 check --quiet policy
	[ ! -s out ] || fail "$last: the policy of $input has doubts"
	verdicts "$input" >before
	verdicts --policy policy "$input" >after
	[ -s before ] || [ "$input" != pcaps ] || fail 'no verdicts at all'
	cmp -s before after || fail "$input: its policy changes a verdict"
	expect 0 suggest --quiet "$input"
	cmp -s out policy || fail "$input: another policy on the second run"

	# with static rules for the unannounced, all passes
	expect 0 suggest --quiet --static "$input"
	mv out policy
	verdicts --policy policy "$input" | grep '"verdict":"deny"' >out &&
		fail "$input: refused although it was seen"

	# events of it give the same
	"$program" analyze --quiet --json events "$input"
	for format in policy nft csv; do
		expect 0 suggest --quiet --format $format "$input"
		mv out told
		expect 0 suggest --format $format --events events
		cmp -s out told || fail "$last: another suggestion than of $input"
		cmp -s out "$format.last" && fail "$input: the same as of the capture before"
		mv out "$format.last"
	done
done

# --- and what was not there is refused
expect 0 suggest --quiet pcaps/map-single.pcap
mv out policy
expect 0 analyze --quiet --exit-code --policy policy pcaps/map-single.pcap
expect 10 analyze --quiet --exit-code --policy policy pcaps/multi-service.pcap
verdicts --policy policy pcaps/multi-service.pcap >out
for name in drsuapi netlogon wkssvc; do
	grep "\"name\":\"$name\"" out | grep -qv '"verdict":"deny"' && fail "$name is not refused"
	grep -q "\"name\":\"$name\"" out || fail "no $name"
done
grep '"name":"samr"' out | grep -q '"verdict":"allow"' || fail 'samr is refused'
# another client may not even ask
sed -e 's/198.18.1.2/198.18.1.3/' policy >other
verdicts --policy other pcaps/map-single.pcap | grep '"verdict":"allow"' >out &&
	fail 'another client passes'

# --- what it says
expect 0 suggest pcaps/other-uuid.pcap
err_lines 0
out_has '^allow interface lsarpc version 0 from 198.18.1.2 to 198.18.2.2  # 1 bind, 2026-11-16 04:24:21, port 49153$'
out_has '^# lsarpc version 0, LSASS at 198.18.2.2, 1 client, announced by ept_map$'
out_has '^allow interface epmapper version 3 from 198.18.1.2 to 198.18.2.2  # 2 binds'
out_has '^# static 49153 interface drsuapi version 4 from 198.18.1.2 to 198.18.2.2 '
out_lacks wkssvc
out_has '2 binds were refused'
out_has 'Dynamic ports: at most 2 open at one time'
out_has '^#   100 ms          1   100.0 %$'
out_has '^set pinhole.ttl=5s$'
[ "$(tail -n 1 out)" = 'deny interface any' ] || fail "$last: does not end with a refusal"
expect 0 suggest pcaps/epm-privacy.pcap
out_has '2 answers of mappers were encrypted'
expect 0 suggest pcaps/dcom-two-clients.pcap
out_has 'IRemUnknown2.*2 clients, announced by oxid and activation$'
# one in 22 gaps is 150 s: doubled and rounded up, which is longer than it was
expect 0 suggest --quiet pcaps
out_has '^# set pinhole.ttl=600s$'
out_has 'Not in force, as with it more would be allowed'
# settings are part of what made it
expect 0 suggest --set lookup=grant pcaps/frag-tcp.pcap
out_has '^set lookup=grant  # as given$'
out_has '^allow interface drsuapi'
mv out policy
verdicts --set lookup=grant pcaps/frag-tcp.pcap >before
verdicts --policy policy pcaps/frag-tcp.pcap >after
cmp -s before after || fail 'settings are not in the policy'
expect 0 suggest --set reserved=+49154 pcaps/map-single.pcap
out_has 'Clash: 198.18.2.2:49154 announced samr version 1, refused as port-reserved; to allow it: reserved -49154$'
# in the order of servers, wherever rows lie in memory
expect 0 suggest --quiet --set dynamic-range=1025-5000 pcaps
sed -n 's/^# Clash: \(.*\):[0-9]* announced.*/\1/p' out | uniq >found
printf '%s\n' 198.18.2.2 198.18.2.3 198.18.4.2 '[2001:db8:2::2]' | cmp -s - found ||
	fail "$last: clashes are of $(tr '\n' ' ' <found)"
expect 0 suggest --set pinhole.ttl=400s pcaps/map-single.pcap
out_has '^set pinhole.ttl=5s$'
out_lacks 'set pinhole.ttl=400s'

# --- many clients share a network; a few do not
"$program" analyze --quiet --json one pcaps/map-single.pcap
: >events
for n in 1 2 3 4; do
	sed "s/198\.18\.1\.2/198.18.1.$n/g" one >>events
done
expect 0 suggest --events events
[ "$(grep -c '^allow interface samr version 1 from 198.18.1.[1-4] to 198.18.2.2 ' out)" -eq 4 ] ||
	fail "$last: not a rule for each of four clients"
sed 's/198\.18\.1\.2/198.18.1.9/g' one >>events
expect 0 suggest --events events
out_has '^# 5 clients are too many to name: 198.18.1.0/28 is the smallest network that has them all$'
out_has '^allow interface samr version 1 from 198.18.1.0/28 to 198.18.2.2  # 5 binds,'
mv out policy
expect 0 check --quiet policy
sed 's/198\.18\.1\.2/2001:db8::7/g; s/198\.18\.2\.2/2001:db8::9/g' one >>events
expect 0 suggest --events events
out_has '^allow interface samr version 1 from 2001:db8::7 to 2001:db8::9 '

# --- tables
expect 0 suggest --format csv pcaps/multi-service.pcap
out_lines 6
out_has '^rule,interface,service,uuid,version,from,to,ports,'
out_has '^allow,drsuapi,NTDS,e3514235-4b06-11d1-ab04-00c04fc2dcd2,4,198.18.1.2,198.18.2.2,49153,1,1,2026-11-11T04:23:16Z,'
awk -F, 'NF != 13' out | grep . && fail "$last: a row with more or fewer columns"
expect 0 suggest --format nft pcaps/multi-service.pcap pcaps/ipv6.pcap
out_has '198.18.1.2 . 198.18.2.2 . 49154,  # samr version 1, wkssvc version 1; 2 binds'
out_has '2001:db8:1::2 . 2001:db8:2::2 . 49152,'
out_has '^		type ipv6_addr . ipv6_addr . inet_service$'
[ "$(tr -cd '{' <out | wc -c)" -eq "$(tr -cd '}' <out | wc -c)" ] || fail "$last: braces"
expect 0 suggest --format nft --quiet pcaps/map-single.pcap
out_has '# none was seen'

# --- compared with what there is
cat >policy <<'END'
allow interface samr
allow interface epmapper
allow group ad-replication to 198.18.9.9
static 6000 interface lsarpc
deny interface any
END
expect 0 suggest --diff policy pcaps/multi-service.pcap
out_has '^+ allow interface drsuapi version 4 from 198.18.1.2 to 198.18.2.2  # rule-deny, policy:5$'
out_has '^  allow interface samr version 1 from 198.18.1.2 to 198.18.2.2  # rule-allow, policy:1$'
out_has '^  allow interface epmapper version 3 .*  # mapper, policy:2$'
out_has '^- policy:3  Allow the .* of group ad-replication'
out_has '^- policy:4  Allow lsarpc'
out_lacks '^- policy:1'
mv out told
"$program" analyze --quiet --json events pcaps/multi-service.pcap
expect 0 suggest --diff policy --events events
cmp -s out told || fail "$last: another comparison than of the capture"
for input in pcaps/*.pcap; do
	"$program" suggest --quiet "$input" >policy
	expect 0 suggest --diff policy "$input"
	out_lacks '^[+-] '
done
echo 'dynamic-range 1025-5000' >policy
expect 0 suggest --diff policy pcaps/ipv6.pcap
out_has '^+ allow interface samr version 1 from 2001:db8:1::2 to 2001:db8:2::2  # no-pinhole$'

# --- nothing, damage, mistakes
grep -v rpc_ events >none
expect 0 suggest --events none
out_has 'it allows nothing'
[ "$(grep -c '^[a-z]' out)" -eq 5 ] || fail "$last: more than refusals"
head -c -7 pcaps/map-single.pcap >cut.pcap
expect 4 suggest cut.pcap
out_has '^allow interface samr'
expect 4 suggest missing.pcap
out_lines 0
err_lines 1
expect 4 suggest --events missing
expect 2 suggest
err_lines 1
expect 2 suggest --format json pcaps
err_has 'policy|nft|csv'
expect 2 suggest --formta nft pcaps
err_has "did you mean '--format'"
expect 2 suggest --events events pcaps
expect 3 suggest --diff missing pcaps
echo 'allow interface smar' >policy
expect 3 suggest --diff policy pcaps
err_has '^policy:1:17: '
expect 3 suggest --set lookup=maybe pcaps
expect 0 suggest --help
out_has '^usage: rpcgate suggest'
last='a suggestion to a full disk'
"$program" suggest pcaps/map-single.pcap >/dev/full 2>err
[ $? -eq 1 ] || fail "$last passes for done"

echo "$failures failures"
[ "$failures" -eq 0 ]
