#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The program as scripts meet it: exit status, what goes to which stream, mistakes and their hints.
#
# usage: test_cli.sh PROGRAM SOURCE_DIR BUILD_DIR
set -u
[ -x "$1" ] || exit 1
program=$(realpath "$1")
captures=$(realpath "$2")/pcaps
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
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
err_has() { grep -q -e "$1" err || fail "$last: '$1' is missing on standard error"; }
out_lines() { [ "$(wc -l <out)" -eq "$1" ] || fail "$last: not $1 lines on standard output"; }
err_lines() { [ "$(wc -l <err)" -eq "$1" ] || fail "$last: not $1 lines on standard error"; }

good=$captures/map-single.pcap
refused=$captures/other-uuid.pcap
cp "$good" good.pcap

# --- commands and options
expect 0
out_has 'rpcgate analyze'
expect 0 --version
out_has '^rpcgate [0-9]'
expect 0 --help
expect 2 analyse
err_has "did you mean 'analyze'"
err_lines 1
expect 2 xyzzyxyzzy
err_lines 1
expect 2 --verison
err_has "did you mean '--version'"
expect 0 -h
out_has '^commands:'
for command in analyze run watch top ctl check suggest why iface; do
	expect 0 $command -h
	out_has "^usage: rpcgate $command"
	expect 0 $command --version
	out_has '^rpcgate [0-9]'
done
expect 2 analyze --event-rate 5 good.pcap
err_has 'of the events that --json writes'
expect 3 analyze --set foo= good.pcap
err_has 'unknown key "foo"$'
expect 3 analyze --set pinhole.tll=5s good.pcap
err_has 'unknown key "pinhole.tll"; the nearest is "pinhole.ttl"$'
expect 2 analyze --jsno - good.pcap
err_has "did you mean '--json'"
err_lines 1
out_lines 0
expect 2 analyze
err_lines 1
expect 2 analyze good.pcap --json
err_has 'needs a value'
expect 2 analyze --quiet=yes good.pcap
expect 2 analyze --checksum maybe good.pcap
err_has 'verify|ignore'
expect 2 analyze --set pinhole.ttl good.pcap
expect 3 analyze --set pinhole.tll=30s good.pcap
err_has 'pinhole.ttl'
err_lines 1
expect 3 analyze --set pinhole.ttl=never good.pcap
expect 0 analyze --help
out_has 'pinhole.ttl='
for key in $("$program" analyze --help | sed -n 's/^  \([a-z.-]*\)=.*/\1/p'); do
	grep -q "^  $key=" out || fail "no key $key"
done

# --- what goes where
expect 0 analyze good.pcap
out_has '^Bindings'
out_has '^Pinholes'
out_has '^Binds'
out_has '^Totals'
out_has '^Quality of the input'
err_lines 0
cp out report
expect 0 analyze --quiet good.pcap
out_lines 0
err_lines 0
expect 0 analyze --json - good.pcap
grep -v '^{"timestamp":.*}$' out && fail 'something else than JSON on standard output'
cp out events
# --- a bounded rate of events: what is left out is counted, the counters are the same
flood=$captures/dcom-two-clients.pcap
expect 0 analyze --no-ndpi --json - "$flood"
mv out all.json
expect 0 analyze --no-ndpi --event-rate 1 --json - "$flood"
out_has '"rpc_engine":{"event":"suppressed","detail":"[0-9]* rpc_pinhole events with reason none"}'
grep '"event_type":"stats"' out >some.stats
grep '"event_type":"stats"' all.json | cmp -s - some.stats || fail "$last: other counters"
written=$(grep -c '"event_type":"rpc_[bp]' out)
left=$(sed -n 's/.*"suppressed","detail":"\([0-9]*\) .*/\1/p' out | paste -sd+ | sed 's/^$/0/')
[ $((written + left)) -eq "$(grep -c '"event_type":"rpc_[bp]' all.json)" ] ||
	fail "$last: $written written and $left left out are not all"
expect 0 analyze --no-ndpi --event-rate 1000000 --json - "$flood"
cmp -s out all.json || fail "$last: something is left out"
for rate in 0 1000001 -1 ten 5/s ''; do
	expect 2 analyze --event-rate "$rate" good.pcap
	err_has 'event-rate takes a number'
done

# --- the first line bears the time of the packets before it, whatever comes later
length=$(($(od -An -tu4 -j32 -N4 good.pcap) + 8))
{ cat good.pcap && head -c 8 /dev/zero && tail -c +33 good.pcap | head -c $length; } >back.pcap
for jobs in 1 2; do
	expect 0 analyze --jobs $jobs --json - back.pcap
	[ "$(head -n 1 out)" = "$(head -n 1 events)" ] || fail "$last: another start"
done

# --- a second thread changes nothing but the time it takes
head -c 3000 "$captures/dcom-two-clients.pcap" >cut.pcap
for jobs in 1 2 3 7; do
	expect 4 analyze --jobs $jobs --json jobs.json "$captures" cut.pcap
	cat out err jobs.json >jobs.$jobs
done
cmp -s jobs.1 jobs.2 && cmp -s jobs.1 jobs.3 && cmp -s jobs.1 jobs.7 || fail "$last: not as with one job"
[ "$(wc -l <jobs.1)" -gt 100 ] || fail "$last: nothing to compare"
for jobs in 0 1025 -1 two ''; do
	expect 2 analyze --jobs "$jobs" good.pcap
	err_has 'jobs takes a number'
done

expect 0 analyze --json events.json good.pcap
cmp -s out report || fail 'the report depends on --json FILE'
cmp -s events events.json || fail 'events depend on where they go'
expect 0 analyze --json=events.json --quiet -- good.pcap
cmp -s events events.json || fail 'an events file is not replaced'
printf '%080d\n' 0 >>events.json
expect 0 analyze --json events.json good.pcap --quiet
cmp -s events events.json || fail 'the rest of an older events file stays'
LC_ALL=C grep -q '[^ -~]' report && fail 'the report is not plain ASCII'
COLUMNS=72 expect 0 analyze good.pcap
awk 'length > 72' out | grep . && fail 'lines are longer than the page'
COLUMNS=0 expect 0 analyze good.pcap

# --- inputs
expect 4 analyze missing.pcap
err_lines 1
err_has 'missing.pcap'
out_lines 0
expect 4 analyze good.pcap missing.pcap
out_has '^Binds'
err_lines 1
: >empty.pcap
expect 4 analyze empty.pcap
err_has 'is empty'
head -c -7 good.pcap >cut.pcap
expect 4 analyze cut.pcap
err_has 'cut.pcap is cut short at octet [0-9]*, where frame [0-9]* begins'
err_lines 1
out_has '^Binds'
expect 4 analyze --json - cut.pcap
out_has '"rpc_engine":{"event":"input","detail":"is cut short at octet'
mkdir tree tree/deep
cp good.pcap tree/deep/a.pcap
echo words >tree/notes.txt
expect 0 analyze tree
err_has '1 file was skipped that is no capture'
err_lines 1
expect 0 analyze --quiet tree
err_lines 0
mkdir nothing
expect 4 analyze nothing
err_lines 1
"$program" analyze - <good.pcap >out 2>err || fail 'standard input is not read'
cmp -s out report || fail 'the report depends on standard input'
gzip -c good.pcap >good.bin
last='packed'
"$program" analyze - <good.bin >out 2>err || fail 'packed standard input is not read'
cmp -s out report || fail 'the report depends on packing'
mv good.pcap 'name
with "quotes" and %s'
expect 0 analyze --json - 'name
with "quotes" and %s'
out_has 'name\\nwith \\"quotes\\" and %s'
mv 'name
with "quotes" and %s' good.pcap
printf 'words' >"$(printf 'bad\033[2Jname')"
expect 4 analyze "$(printf 'bad\033[2Jname')"
err_has 'bad\\u001b\[2Jname'

# --- violations
expect 0 analyze --quiet --exit-code good.pcap
expect 10 analyze --quiet --exit-code "$refused"
expect 0 analyze --quiet "$refused"
expect 4 analyze --quiet --exit-code "$refused" cut.pcap

# --- outputs that fail
expect 1 analyze --json missing/events.json good.pcap
err_lines 1
out_lines 0
expect 1 analyze --json /dev/full good.pcap
err_lines 1
err_has 'No space left'
last='report to a full disk'
"$program" analyze good.pcap >/dev/full 2>err
[ $? -eq 1 ] || fail 'a full disk passes for done'
err_lines 1
last='events to a full disk'
"$program" analyze --json - good.pcap >/dev/full 2>err
[ $? -eq 1 ] || fail 'a full disk passes for done'
err_lines 1
last='events into a closed pipe'
{
	"$program" analyze --json - good.pcap 2>err
	echo $? >status
} | true
sleep 0.1
case $(cat status) in
0 | 1) ;; # all was in the pipe before it was closed, or not
*) fail "exit status $(cat status)" ;;
esac
expect 1 analyze --json good.pcap good.pcap
err_has 'also an input'
cmp -s good.pcap "$good" || fail 'an input was overwritten'

# --- what the report says of the quality of the input stands in the events, too
"$program" analyze --json - "$captures/epm-privacy.pcap" 2>/dev/null >out
last='the first line'
head -n 1 out | grep -q '"rpc_engine":{"event":"start"' || fail 'there is no start'
head -n 1 out | cut -c 1-40 >first
grep -m 1 '"pcap_cnt":' out | cut -c 1-40 | sort - first | head -n 1 | cmp -s - first || fail 'it starts late'
out_has '"rpc_engine":{"event":"input","detail":"2 mapper answers encrypted'
{
	printf '\324\303\262\241\002\000\004\000\0\0\0\0\0\0\0\0\0\0\004\000\001\0\0\0'
	printf '\001\0\0\0\0\0\0\0\040\0\0\0\100\0\0\0'
	head -c 32 /dev/zero
} >cut.pcap
expect 0 analyze --json - cut.pcap
out_has '"rpc_engine":{"event":"input","detail":"1 packet captured short'

# --- a snap length that is too short for the packets hides none of them
{
	head -c 16 good.pcap
	printf '\100\000\000\000'
	tail -c +21 good.pcap
} >short.pcap
expect 0 analyze --json - good.pcap
sed 's/good.pcap/short.pcap/' out | grep -v '"event":' >want
expect 0 analyze --json - short.pcap
grep -v '"event":' out | cmp -s - want || fail 'a wrong snap length changes what is judged'
out_has '"rpc_engine":{"event":"input","detail":"says that its packets have 64 octets at most'
err_has '^rpcgate: short.pcap says that its packets have 64 octets at most'
err_lines 1
expect 0 analyze short.pcap
out_has '1 input with something odd in it'
expect 0 analyze --quiet short.pcap
err_lines 0

# --- an output replaces no policy, no other output and no capture in a directory that is read
mkdir rules caps
echo 'include "more"' >rules/policy
echo 'allow any' >rules/more
cp good.pcap caps
for option in --json --html; do
	for file in rules/policy rules/more rules/../rules/policy; do
		expect 1 analyze $option "$file" --policy rules/policy good.pcap
		err_has 'is also the policy'
	done
	expect 1 analyze $option caps/good.pcap caps
	err_has 'is a capture'
done
[ "$(cat rules/policy rules/more)" = "$(printf 'include "more"\nallow any')" ] ||
	fail 'a policy was overwritten'
cmp -s caps/good.pcap "$good" || fail 'a capture was overwritten'
expect 1 analyze --json both --html ./both good.pcap
err_has 'is also another output'
[ ! -e both ] || fail 'two outputs were mixed'
expect 0 analyze --json /dev/null --html /dev/null good.pcap
rm -r rules caps

# --- interruption: what was read so far is said
mkfifo pipe
for signal in INT TERM; do
	last="SIG$signal"
	rm -f events.json
	"$program" analyze --json events.json pipe >out 2>err &
	child=$!
	exec 9<>pipe # both ways: does not wait for the program
	cat good.pcap >&9
	tries=0
	while ! grep -q rpc_bind events.json 2>/dev/null && [ $tries -lt 100 ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
	kill -$signal $child
	# A shell makes its children deaf to SIGINT; one that stays deaf must not stop the test.
	(sleep 20 && kill -KILL $child) >/dev/null 2>&1 &
	guard=$!
	wait $child
	[ $? -eq 1 ] || fail 'exit status is not 1'
	kill $guard
	exec 9>&-
	err_has 'interrupted after [0-9]* packets'
	err_lines 1
	out_has '^Binds'
	grep -q '"detail":"interrupted"' events.json || fail 'the events do not say so'
done

# --- the catalogue
expect 0 iface drsuapi
out_has 'e3514235-4b06-11d1-ab04-00c04fc2dcd2 *4.0 *drsuapi'
expect 0 iface DRSUAPI
expect 0 iface E3514235-4B06
expect 2 iface
expect 2 iface a b
expect 1 iface 'no such thing'
err_lines 1
out_lines 0

echo "$failures failures"
[ "$failures" -eq 0 ]
