/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event_words.h - the words that enumerations have in event lines, for who writes and who reads */
#ifndef IO_EVENT_WORDS_H
#define IO_EVENT_WORDS_H

#include <rpcgate.h>

static const char *const event_type_names[] = {
	[RPCGATE_EVENT_BINDING] = "rpc_binding", [RPCGATE_EVENT_PINHOLE] = "rpc_pinhole",
	[RPCGATE_EVENT_BIND] = "rpc_bind",       [RPCGATE_EVENT_ALERT] = "alert",
	[RPCGATE_EVENT_FLOW] = "flow",           [RPCGATE_EVENT_ENGINE] = "rpc_engine",
	[RPCGATE_EVENT_CALL] = "rpc_call",       [RPCGATE_EVENT_PIPE] = "rpc_pipe",
};
static const char *const source_names[] = {
	[RPCGATE_EPT_MAP] = "ept_map",
	[RPCGATE_EPT_LOOKUP] = "ept_lookup",
	[RPCGATE_OXID] = "oxid",
	[RPCGATE_ACTIVATION] = "activation",
};
static const char *const verdict_names[] = {
	[RPCGATE_ALLOW] = "allow",
	[RPCGATE_LOG] = "log",
	[RPCGATE_DENY] = "deny",
};
static const char *const action_names[] = {
	[RPCGATE_PASS] = "pass",
	[RPCGATE_DROP] = "drop",
	[RPCGATE_REJECT] = "reject",
	[RPCGATE_NONE] = "none",
};
static const char *const pinhole_action_names[] = {
	[RPCGATE_PINHOLE_OPEN] = "open",     [RPCGATE_PINHOLE_REFRESH] = "refresh",
	[RPCGATE_PINHOLE_USE] = "use",       [RPCGATE_PINHOLE_EXPIRE] = "expire",
	[RPCGATE_PINHOLE_CLOSE] = "close",   [RPCGATE_PINHOLE_EVICT] = "evict",
	[RPCGATE_PINHOLE_REFUSE] = "refuse",
};
static const char *const bind_pdu_names[] = {
	[RPCGATE_PDU_BIND] = "bind",
	[RPCGATE_PDU_ALTER_CONTEXT] = "alter_context",
	[RPCGATE_PDU_REQUEST] = "request",
};
static const char *const flow_state_names[] = {
	[RPCGATE_FLOW_OPEN] = "open",       [RPCGATE_FLOW_CLOSED] = "closed",
	[RPCGATE_FLOW_TIMEOUT] = "timeout", [RPCGATE_FLOW_EVICTED] = "evicted",
	[RPCGATE_FLOW_REUSED] = "reused",
};
/* C706 chapter 12.1; the spelling is Suricata's */
static const char *const ptype_names[] = {
	"REQUEST",   "PING",     "RESPONSE",      "FAULT",
	"WORKING",   "NOCALL",   "REJECT",        "ACK",
	"CL_CANCEL", "FACK",     "CANCEL_ACK",    "BIND",
	"BINDACK",   "BINDNAK",  "ALTER_CONTEXT", "ALTER_CONTEXT_RESP",
	"AUTH3",     "SHUTDOWN", "CO_CANCEL",     "ORPHANED",
	"RTS",
};

#endif
