# SPDX-License-Identifier: GPL-3.0-or-later
# usage: zsh -f completion.zsh SOURCE_DIR SOCKET     with rpcgate in PATH
#
# At SOCKET a daemon answers that has pinholes 7, 12 and 130 open.
#
# A shell on a terminal of its own: what is typed is completed as for a person, and a key shows
# the line.
zmodload zsh/zpty
integer failures=0
work=$(mktemp -d)
cd $work
touch trace.pcap

zpty shell "TERM=dumb zsh -f -i"
zpty -w shell "PROMPT= RPROMPT= fpath=($1/src/completion \$fpath); unsetopt zle_bracketed_paste; LISTMAX=0"
zpty -w shell "autoload -Uz compinit && compinit -u -d $work/dump"
zpty -w shell 'show() { print -r -- "[[$BUFFER]]"; BUFFER= }; zle -N show; bindkey "^X" show'
zpty -w shell 'bindkey "^I" complete-word; print read""y'
zpty -r -m shell line '*ready*'

# expect "the line as completed" "what is typed"
expect() {
	local line
	zpty -w -n shell $2$'\t\C-x'
	zpty -r -m shell line '*\]\]*'
	line=${line##*\[\[}
	line=${line%%\]\]*}
	[[ $line == $1 ]] && return
	print -r -- "'$2' became '$line', not '$1'"
	((failures++))
}

expect "rpcgate suggest " "rpcgate sug"
expect "rpcgate analyze --exit-code " "rpcgate analyze --ex"
expect "rpcgate suggest --format nft " "rpcgate suggest --format n"
expect "rpcgate analyze --set pinhole.refresh=" "rpcgate analyze --set pinhole.ref"
expect "rpcgate analyze --set pinhole.refresh=use " "rpcgate analyze --set pinhole.refresh=u"
expect "rpcgate why --set lookup=grant " "rpcgate why --set lookup=g"
expect "rpcgate iface drsuapi " "rpcgate iface drsu"
expect "rpcgate check --service ad-replication " "rpcgate check --service ad-"
expect "rpcgate top --speed max " "rpcgate top --speed m"
expect "rpcgate analyze trace.pcap " "rpcgate analyze tr"
expect "rpcgate analyze --quiet trace.pcap " "rpcgate analyze --quiet tr"
expect "rpcgate analyze nothing" "rpcgate analyze nothing"
expect "rpcgate ctl status " "rpcgate ctl statu"
expect "rpcgate ctl -s $2 close 130 " "rpcgate ctl -s $2 close 13"
expect "rpcgate ctl --socket=$2 close 7 " "rpcgate ctl --socket=$2 close 7"
expect "rpcgate ctl -s $work/nobody close 1" "rpcgate ctl -s $work/nobody close 1"
zpty -w -n shell "rpcgate ctl -s $2 close "$'\t\t\C-x'
zpty -r -m shell line '*\]\]*'
[[ $line == *"12  10.1.0.12 to 10.2.0.5 port 49664"* ]] || {
	print -r -- "what is open is not told: $line"
	((failures++))
}
zpty -d shell
cd /
rm -rf $work
exit failures
