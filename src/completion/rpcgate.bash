# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Completion for rpcgate(8).  What there is comes from the program's own help, so this file need
# not change when a command or an option does.

# Words that complete the one at the cursor
_rpcgate_offer() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_rpcgate_commands() {
	"$program" --help 2>/dev/null | sed -n '/^commands:/,$s/^  \([a-z][a-z]*\) .*/\1/p'
}

_rpcgate_options() {
	"$program" "$command" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

# What an option takes: "FILE", "nft|csv"; nothing for a flag
_rpcgate_takes() {
	"$program" "$command" --help 2>/dev/null | sed -n "s/^  $1 \([^ ][^ ]*\) .*/\1/p"
}

_rpcgate_keys() {
	"$program" analyze --help 2>/dev/null | sed -n 's/^  \([a-z][a-z.-]*=\).*/\1/p'
}

# What a setting takes, where that is a choice of words
_rpcgate_values() {
	"$program" analyze --help 2>/dev/null |
		sed -n "s/^  ${1//./\\.}=\([a-z]*|[a-z|]*\)\$/\1/p" | tr '|' ' '
}

_rpcgate_interfaces() {
	"$program" iface "${cur:-e}" 2>/dev/null | awk '/^[0-9a-f]/ { print $3 }' | sort -u
}

_rpcgate_groups() {
	"$program" iface e 2>/dev/null | sed -n 's/^  groups: //p' | tr -s ', ' '\n' | sort -u
}

# The path behind -s or --socket, where one is given
_rpcgate_socket() {
	local i

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) [ "${COMP_WORDS[i + 1]}" = "=" ] && ((i++)) ;;
		*) continue ;;
		esac
		printf '%s\n' "${COMP_WORDS[i + 1]}"
	done
}

# What the running gateway has open now
_rpcgate_pinholes() {
	local socket

	socket=$(_rpcgate_socket)
	"$program" ctl ${socket:+-s "$socket"} pinholes 2>/dev/null |
		sed -n 's/^{"id":\([0-9]*\),.*/\1/p' | sort -nu
}

# A command of ctl, or what one of them takes
_rpcgate_ctl() {
	local word

	for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
		case $word in
		close) _rpcgate_offer "$(_rpcgate_pinholes)"; return ;;
		esac
	done
	_rpcgate_offer "$("$program" ctl --help 2>/dev/null |
		sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')"
}

# The value of an option
_rpcgate_value() {
	local takes

	takes=$(_rpcgate_takes "$1")
	case $takes in
	'') return 1 ;;
	KEY=VALUE)
		compopt -o nospace 2>/dev/null
		_rpcgate_offer "$(_rpcgate_keys)"
		;;
	GROUP) _rpcgate_offer "$(_rpcgate_groups)" ;;
	[a-z]*'|'*) _rpcgate_offer "${takes//|/ }" ;;
	N'|'*) _rpcgate_offer "${takes#N|}" ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}

_rpcgate() {
	local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]}
	local command=${COMP_WORDS[1]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_rpcgate_offer "$(_rpcgate_commands) --help --version"
		return
	fi
	# "=" is a word of its own: the key, or the option, stands before it
	if [ "$cur" = "=" ]; then
		cur=
		prev='='
		set -- "${COMP_WORDS[COMP_CWORD - 1]}"
	elif [ "$prev" = "=" ]; then
		set -- "${COMP_WORDS[COMP_CWORD - 2]}"
	fi
	if [ "$prev" = "=" ]; then
		case $1 in
		--*) _rpcgate_value "$1" ;;
		*) _rpcgate_offer "$(_rpcgate_values "$1")" ;;
		esac
		return
	fi
	case $prev in
	--*) ! _rpcgate_value "$prev" || return ;;
	-s) _rpcgate_value --socket && return ;;
	esac
	case $command:$cur in
	*:-*) _rpcgate_offer "$(_rpcgate_options)" ;;
	ctl:*) _rpcgate_ctl ;;
	iface:*) _rpcgate_offer "$(_rpcgate_interfaces)" ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}

complete -o filenames -F _rpcgate rpcgate
