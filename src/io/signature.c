/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "signature.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Suricata's words for its classes */
#define POLICY "Potential Corporate Privacy Violation"
#define BAD "Potentially Bad Traffic"
#define DECODE "Generic Protocol Command Decode"
#define ADMIN "Attempted Administrator Privilege Gain"
#define DOS "Attempted Denial of Service"
#define MISC "Misc activity"
#define HARMLESS "Not Suspicious Traffic"
#define ODD_PORT "A client was using an unusual port"

/* clang-format off */
static const struct signature signatures[RPCGATE_REASON_COUNT] = {
#define ROW(reason, id, severity, text, category, technique) \
	[RPCGATE_REASON_##reason] = { id, 1, severity, "RPC " text, category, technique }
	ROW(NONE,		   1, 3, "event", MISC, NULL),
	ROW(MAPPER,		   2, 3, "endpoint mapper conversation", HARMLESS, NULL),
	ROW(LEARNED,		   3, 3, "bind to an announced interface", HARMLESS, NULL),
	ROW(STATIC,		   4, 3, "bind on a port with a static rule", HARMLESS, NULL),
	ROW(RULE_ALLOW,		   5, 3, "bind allowed by a rule", HARMLESS, NULL),
	ROW(RULE_DENY,		   6, 1, "interface refused by a rule", POLICY, "T1021"),
	ROW(NO_PINHOLE,		   7, 1, "bind on a port that was never announced", ADMIN, "T1021"),
	ROW(PINHOLE_EXPIRED,	   8, 3, "bind after the announcement has run out", POLICY, NULL),
	ROW(RECONNECT,		   9, 3, "reconnect after the announcement has run out", POLICY, NULL),
	ROW(OTHER_CLIENT,	  10, 1, "bind on a port announced to another client", ADMIN, "T1021"),
	ROW(UUID_NOT_GRANTED,	  11, 1, "bind to an interface that was not announced", ADMIN, "T1021"),
	ROW(VERSION_MISMATCH,	  12, 2, "bind to another major version than announced", BAD, NULL),
	ROW(OPNUM_DENIED,	  13, 1, "operation refused by a rule", POLICY, "T1021"),
	ROW(AUTH_LEVEL,		  14, 2, "authentication level too low", POLICY, NULL),
	ROW(ALTER_CONTEXT_DENIED, 15, 1, "alter-context to an interface that was not announced", ADMIN, "T1021"),
	ROW(CALLBACK,		  16, 3, "call-back allowed by a rule", HARMLESS, NULL),
	ROW(NOT_RPC,		  17, 2, "port carries another protocol", ODD_PORT, "T1571"),
	ROW(MALFORMED_PDU,	  18, 2, "malformed PDU", DECODE, NULL),
	ROW(MALFORMED_NDR,	  19, 2, "malformed arguments in a mapper call", DECODE, NULL),
	ROW(MALFORMED_TOWER,	  20, 2, "malformed protocol tower", DECODE, NULL),
	ROW(REASSEMBLY_GAP,	  21, 3, "stream with missing octets", DECODE, NULL),
	ROW(STREAM_CONFLICT,	  22, 1, "octets sent twice with different content", BAD, NULL),
	ROW(MIDSTREAM,		  23, 3, "connection without a beginning", DECODE, NULL),
	ROW(SEALED,		  24, 3, "encrypted mapper traffic", MISC, NULL),
	ROW(LIMIT,		  25, 2, "limit reached", DOS, "T1499"),
	ROW(STATUS_NOT_OK,	  26, 3, "mapper answer with an error status", MISC, NULL),
	ROW(NOT_ASKED,		  27, 1, "mapper answer without a request", BAD, "T1557"),
	ROW(WRONG_UUID,		  28, 1, "mapper answer for another interface than asked for", BAD, "T1557"),
	ROW(WRONG_CALL,		  29, 2, "answer to a call that announces nothing", BAD, NULL),
	ROW(CONTEXT_NOT_ACCEPTED, 30, 2, "call on a context that was not accepted", BAD, NULL),
	ROW(NOT_TCP_TOWER,	  31, 3, "announcement for another transport", MISC, NULL),
	ROW(PORT_ZERO,		  32, 2, "announcement of port zero", BAD, NULL),
	ROW(PORT_PRIVILEGED,	  33, 1, "announcement of a port below 1024", BAD, NULL),
	ROW(PORT_RESERVED,	  34, 1, "announcement of a port of another service", BAD, NULL),
	ROW(PORT_OUT_OF_RANGE,	  35, 2, "announcement of a port outside the dynamic range", POLICY, NULL),
	ROW(TOWER_ADDRESS,	  36, 1, "announcement that names another host", BAD, "T1557"),
	ROW(MAPPER_UNLISTED,	  37, 1, "endpoint mapper on an unlisted port", BAD, "T1571"),
	ROW(LOOKUP_ONLY,	  38, 3, "endpoint seen in a listing", MISC, NULL),
#undef ROW
};

/* What attackers use the interface for.  An alert means that its use was refused or suspicious. */
static const struct {
	const char *name;
	const char *technique;
} known_for[] = {
	{ "FileServerVssAgent",	   "T1187" },	  /* forced authentication */
	{ "ICertPassage",	   "T1649" },	  /* certificates */
	{ "ICertRequestD",	   "T1649" },
	{ "IDispatch",		   "T1021.003" }, /* DCOM */
	{ "IRemoteSCMActivator",   "T1021.003" },
	{ "IRemoteWinspool",	   "T1187" },
	{ "ITaskSchedulerService", "T1053.005" }, /* scheduled task */
	{ "IWbemLevel1Login",	   "T1047" },	  /* WMI */
	{ "IWbemServices",	   "T1047" },
	{ "InitShutdown",	   "T1529" },	  /* shutdown */
	{ "WindowsShutdown",	   "T1529" },
	{ "atsvc",		   "T1053.005" },
	{ "drsuapi",		   "T1003.006" }, /* DCSync */
	{ "efsrpc",		   "T1187" },
	{ "efsrpc_lsa",		   "T1187" },
	{ "lsarpc",		   "T1087" },	  /* account discovery */
	{ "netdfs",		   "T1187" },
	{ "netlogon",		   "T1210" },	  /* exploitation of remote services */
	{ "samr",		   "T1087" },
	{ "spoolss",		   "T1187" },
	{ "srvsvc",		   "T1135" },	  /* share discovery */
	{ "svcctl",		   "T1569.002" }, /* service execution */
	{ "winreg",		   "T1112" },	  /* registry */
};
/* clang-format on */

const struct signature *signature_of(enum rpcgate_reason reason)
{
	return &signatures[reason < RPCGATE_REASON_COUNT ? reason : RPCGATE_REASON_NONE];
}

const char *technique_of(const char *interface_name)
{
	for (size_t i = 0; i < COUNT(known_for); i++)
		if (strcmp(known_for[i].name, interface_name) == 0)
			return known_for[i].technique;
	return NULL;
}
