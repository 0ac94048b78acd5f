/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Foreign configurations, row by row: what becomes of them, and where a mistake is */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Import from memory of exactly this size, so that a sanitizer sees the first octet too far */
static char *import(const void *octets, size_t n, bool before_vista, struct import_error *error)
{
	uint8_t *exact = malloc(n ? n : 1);
	size_t length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);
	bool good;

	assert_non_null(exact);
	assert_non_null(out);
	memcpy(exact, octets, n);
	good = import_text(exact, n, "f", before_vista, out, error);
	fclose(out);
	free(exact);
	if (good)
		return text;
	free(text);
	return NULL;
}

/* The lines that are no comments */
static char *without_comments(const char *text)
{
	char *lines = calloc(1, strlen(text) + 1);
	size_t used = 0;

	assert_non_null(lines);
	while (*text) {
		size_t n = strcspn(text, "\n") + 1;

		if (*text != '#') {
			memcpy(lines + used, text, n);
			used += n;
		}
		text += n;
	}
	return lines;
}

/* Whatever is written can be read */
static void is_policy(const char *text)
{
	const struct rpcgate_policy_source source = { "p", text, strlen(text) };
	struct rpcgate_policy_error error;
	size_t n;
	struct rpcgate_policy *policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);

	if (!policy)
		fail_msg("line %u: %s", error.line, error.text);
	rpcgate_policy_free(policy);
}

/* --------------------------------------------------------------- what is imported */

#define REG "Windows Registry Editor Version 5.00\r\n"
#define RPC "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Rpc\\Internet]\r\n"
#define TCPIP "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters]\r\n"
#define YY "\"PortsInternetAvailable\"=\"Y\"\r\n\"UseInternetPorts\"=\"Y\"\r\n"
#define DRS "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define SHOWN                                                                                      \
	"filterKey: 11111111-2222-3333-4444-555555555503\nlayerKey: um\n"                          \
	"weight: Type: FWP_EMPTY Value: Empty\naction.type: block\n"
#define SHOWN_UUID                                                                                 \
	"filterCondition[0]\n\tfieldKey: if_uuid\n\tmatchType: FWP_MATCH_EQUAL\n"                  \
	"\tconditionValue: Type: FWP_BYTE_ARRAY16_TYPE Value: e3514235 11d14b06 c00004ab d2dcc24f\n"
#define RULE(action) "add rule layer=um actiontype=" action "\n"
#define CONDITION(field, match, data)                                                              \
	"add condition field=" field " matchtype=" match " data=" data "\n"
#define IS_DRS CONDITION("if_uuid", "equal", DRS)

static const struct imported {
	const char *name;
	const char *text;
	const char *lines; /* of the policy */
	const char *says;  /* in a comment; NULL: anything */
	bool before_vista;
} imported[] = {
	/* the registry */
	{ "a list in hexadecimal, over two lines",
	  REG RPC "\"Ports\"=hex(7):35,00,30,00,30,00,30,00,2d,00,\\\r\n  35,00,31,00,30,00,30,00,"
		  "00,00,00,00\r\n" YY,
	  "dynamic-range 5000-5100\n", "# f:3\n", false },
	{ "a list of several entries, in order and joined",
	  REG RPC "\"Ports\"=str(7):\"6000\\05000-5100\\05101-5200\\0\"\r\n" YY,
	  "dynamic-range 5000-5200,6000\n", NULL, false },
	{ "a list in one text", REG RPC "\"Ports\"=\"5000-5100\"\r\n" YY,
	  "dynamic-range 5000-5100\n", NULL, false },
	{ "one octet for a character in the old format",
	  "REGEDIT4\n" RPC "\"Ports\"=hex(7):35,30,30,30,00,00\n" YY, "dynamic-range 5000\n",
	  "# 1 port: at least 100 are advised", false },
	{ "flags without regard to case, list not available, not used: the list",
	  REG RPC "\"Ports\"=\"5000-5100\"\n\"PortsInternetAvailable\"=\"n\"\n"
		  "\"UseInternetPorts\"=\"n\"\n",
	  "dynamic-range 5000-5100\n", "get intranet ports: those of the list", false },
	{ "list not available, but used: all others",
	  REG RPC "\"Ports\"=\"50000-51000\"\n\"PortsInternetAvailable\"=\"N\"\n"
		  "\"UseInternetPorts\"=\"Y\"\n",
	  "dynamic-range 49152-49999,51001-65535\n", "get internet ports: dynamic ports", false },
	{ "list available, not used: all others, of the old range",
	  REG RPC "\"Ports\"=\"1000-2000\"\n\"PortsInternetAvailable\"=\"Y\"\n"
		  "\"UseInternetPorts\"=\"N\"\n",
	  "dynamic-range 2001-5000\n", "get intranet ports: dynamic ports", true },
	{ "all others than everything: nothing",
	  REG RPC "\"Ports\"=\"0-65535\"\n\"PortsInternetAvailable\"=\"Y\"\n"
		  "\"UseInternetPorts\"=\"N\"\n",
	  "", "# not imported: no port is left for dynamic-range", false },
	{ "flags without a list", REG RPC YY, "",
	  "# not imported: UseInternetPorts without Ports restricts nothing", false },
	{ "reserved ports, besides the others",
	  REG TCPIP "\"ReservedPorts\"=str(7):\"1433-1434\\01745-1745\\0\"\n",
	  "reserved +1433-1434,1745\n", "# f:3\n", false },
	{ "MaxUserPort as a number of ports", REG TCPIP "\"MaxUserPort\"=dword:00000400\n",
	  "dynamic-range 49152-50175\n", "since Windows Vista", false },
	{ "MaxUserPort as the last port", REG TCPIP "\"MaxUserPort\"=dword:00002710\n",
	  "dynamic-range 1024-10000\n", "before Windows Vista", true },
	{ "MaxUserPort as all ports there are", REG TCPIP "\"MaxUserPort\"=dword:00004000\n",
	  "dynamic-range 49152-65535\n", NULL, false },
	{ "MaxUserPort as more ports than there are", REG TCPIP "\"MaxUserPort\"=dword:0000fffe\n",
	  "dynamic-range 49152-65535\n", "# 65534 are more than there are", false },
	{ "Rpc\\Internet beats MaxUserPort",
	  REG TCPIP "\"MaxUserPort\"=dword:00000400\n" RPC "\"Ports\"=\"5000-5100\"\n" YY,
	  "dynamic-range 5000-5100\n", "# not imported: Ports of Rpc\\Internet decides", false },
	{ "all others of what MaxUserPort leaves",
	  REG TCPIP "\"MaxUserPort\"=dword:00000400\n" RPC "\"Ports\"=\"49000-49999\"\n"
		    "\"PortsInternetAvailable\"=\"N\"\n\"UseInternetPorts\"=\"Y\"\n",
	  "dynamic-range 50000-50175\n", NULL, false },
	{ "other keys, other values, deleted ones and comments",
	  REG "; x\n[HKEY_LOCAL_MACHINE\\Other]\n\"Ports\"=\"x\"\n\"MaxUserPort\"=hex:00,\\\n  01\n"
	      "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Rpc\\Internet]\n" TCPIP
	      "\"ReservedPorts\"=-\n\"Hostname\"=\"\"\n\"X\"=hex:00,\\\n"
	      "\"MaxUserPort\"=dword:00000001\n\"MaxUserPort\"=dword:00000002\n",
	  "dynamic-range 49152-49153\n", NULL, false },

	/* RpcFw.conf */
	{ "a rule of the firewall",
	  "fw:uuid:" DRS " addr:10.1.0.5 opnum:3 action:block audit:true verbose:false\r\n",
	  "deny interface " DRS " opnum 3 from 10.1.0.5 # drsuapi\n", "# f:1\n", false },
	{ "a heading, a rule of the filters, no subject, host bits",
	  "Block:\n-----\nflt: action:block addr:10.1.2.3/16\n",
	  "deny interface any from 10.1.0.0/16\n", "# f:3\n", false },
	{ "IPv6, audited allowances, TCP named", "fw:addr:FD00::1/8 audit:true prot:ncacn_ip_tcp\n",
	  "log interface any from fd00::/8\n", NULL, false },
	{ "rules without prefix are the firewall's", "uuid:" DRS " action:allow\n",
	  "allow interface " DRS " # drsuapi\n", NULL, false },
	{ "filters first, their allowances left out where the firewall follows",
	  "fw:action:allow opnum:1\nflt:action:allow opnum:2\nflt:action:block opnum:3\n",
	  "deny interface any opnum 3\nallow interface any opnum 1\n",
	  "# not imported: an allowance among filters", false },
	{ "filters alone keep their allowances", "flt:action:allow opnum:2\nflt:action:block\n",
	  "allow interface any opnum 2\ndeny interface any\n", NULL, false },
	{ "users", "fw:action:block sid:BA uuid:" DRS, "",
	  "# not imported: users are not known on the wire\n# deny interface " DRS " ...", false },
	{ "datagrams",
	  "fw:action:allow uuid:12345778-1234-abcd-ef00-0123456789ac prot:ncadg_ip_udp",
	  "allow interface 12345778-1234-abcd-ef00-0123456789ac over udp # samr\n", NULL, false },
	{ "pipes", "fw:action:block prot:ncacn_np", "", "about RPC over TCP and UDP alone", false },
	{ "a slip in the prefix", "fw:action:block\nflw:uuid:x\nx action:block\n",
	  "deny interface any\n", "# f:3\n# not imported: the line begins with neither", false },

	/* netsh, scripts */
	{ "a filter of a script",
	  "rpc\nfilter\n" RULE("block")
		  CONDITION("if_uuid", "equal", "E3514235-4B06-11D1-AB04-00C04FC2DCD2")
			  CONDITION("opnum", "equal", "3") "add filter\nquit\n",
	  "deny interface " DRS " opnum 3 # drsuapi\n", "# f:3\n", false },
	{ "commands of their own, prompts and answers",
	  "netsh rpc filter add rule um permit audit=enable\nOk.\n"
	  "netsh rpc filter>add condition if_uuid equal {" DRS "}\n"
	  "netsh rpc filter>add filter\nFilterKey: 6a377823-cff4-11ec-967c-000c29760114\nOk.\n",
	  "log interface " DRS " # drsuapi\n", NULL, false },
	{ "more conditions come first, else the order of the file",
	  RULE("block") "add filter\n" RULE("permit")
		  IS_DRS CONDITION("remote_addr_v4", "equal", "10.0.0.1") "add filter\n" RULE(
			  "block") IS_DRS "add filter\n" RULE("permit")
			  CONDITION("local_addr_v6", "equal", "fd00::1") "add filter\n",
	  "allow interface " DRS " from 10.0.0.1 # drsuapi\ndeny interface " DRS
	  " # drsuapi\nallow interface any to fd00::1\ndeny interface any\n",
	  "# Filters with more conditions weigh more", false },
	{ "permit at the highest level",
	  RULE("permit") CONDITION("auth_level", "equal", "6") "add filter\n",
	  "allow interface any auth 6\n", NULL, false },
	{ "permit above a level",
	  RULE("permit") CONDITION("auth_level", "greater", "4") "add filter\n",
	  "allow interface any auth 5\n", NULL, false },
	{ "permit from a level",
	  RULE("permit") CONDITION("auth_level", "greater_or_equal", "4") "add filter\n",
	  "allow interface any auth 4\n", NULL, false },
	{ "block below a level", RULE("block") CONDITION("auth_level", "less", "6") "add filter\n",
	  "deny interface any auth 6\n", NULL, false },
	{ "block up to a level",
	  RULE("block") CONDITION("auth_level", "less_or_equal", "4") "add filter\n",
	  "deny interface any auth 5\n", NULL, false },
	{ "block at no level", RULE("block") CONDITION("auth_level", "equal", "1") "add filter\n",
	  "deny interface any auth 2\n", NULL, false },
	{ "permit at one level alone",
	  RULE("permit") CONDITION("auth_level", "equal", "5") "add filter\n", "",
	  "# not imported: levels are allowed from one upwards", false },
	{ "block at the highest level",
	  RULE("block") CONDITION("auth_level", "equal", "6") "add filter\n", "",
	  "# not imported: levels are refused below one", false },
	{ "block up to the highest level",
	  RULE("block") CONDITION("auth_level", "less_or_equal", "6") "add filter\n", "",
	  "# not imported: levels are refused below one", false },
	{ "users of a filter",
	  RULE("permit")
		  CONDITION("remote_user_token", "equal", "\"D:(A;;CC;;;DA) x\"") "add filter\n",
	  "", "# not imported: users are not known", false },
	{ "not equal", RULE("block") CONDITION("if_uuid", "not_equal", DRS) "add filter\n", "",
	  "# not imported: a rule names one interface", false },
	{ "TCP by name, pipes by name",
	  RULE("block") CONDITION("protocol", "equal", "ncacn_ip_tcp") "add filter\n" RULE("block")
		  CONDITION("protocol", "equal", "ncacn_np") "add filter\n",
	  "deny interface any\n", "about RPC over TCP and UDP alone", false },
	{ "another layer", "add rule layer=epmap actiontype=block\nadd filter\n", "",
	  "# not imported: only the layer of calls", false },
	{ "a filter that decides nothing", RULE("continue") "add filter\n", "",
	  "# not imported: it decides nothing", false },
	{ "one field twice", RULE("block") IS_DRS IS_DRS "add filter\n", "",
	  "# not imported: several conditions on one field", false },
	{ "deletions", "delete filter filterkey=all\n" RULE("block") "add filter\n",
	  "deny interface any\n", "# not imported: filters of before", false },

	/* netsh, what is shown */
	{ "a shown filter",
	  "Listing all RPC Filters.\n----\n" SHOWN "numFilterConditions: 1\n\n" SHOWN_UUID,
	  "deny interface " DRS " # drsuapi\n", "# f:3\n", false },
	{ "two shown filters",
	  SHOWN "numFilterConditions: 0\n" SHOWN "numFilterConditions: 2\n" SHOWN_UUID
		"filterCondition[1]\n fieldKey: opnum\n matchType: FWP_MATCH_EQUAL\n"
		" conditionValue: Type: FWP_UINT16 Value: 6\n",
	  "deny interface " DRS " opnum 6 # drsuapi\ndeny interface any\n", NULL, false },
	{ "a condition is missing", SHOWN "numFilterConditions: 2\n" SHOWN_UUID, "",
	  "# not imported: some of its conditions", false },
	{ "a line nobody knows", SHOWN "numFilterConditions: 0\nbootTime: yes\n", "",
	  "# not imported: a line about it is not understood", false },
	{ "an action nobody tells", "filterKey: x\nlayerKey: um\nnumFilterConditions: 0\n", "",
	  "# not imported: its action is not told", false },
	{ "a weight of its own",
	  "filterKey: x\nlayerKey: um\nweight: Type: FWP_UINT8 Value: 7\naction.type: permit\n"
	  "numFilterConditions: 0\n",
	  "", "# not imported: it has a weight of its own", false },
	{ "an address as a number",
	  SHOWN "numFilterConditions: 1\nfilterCondition[0]\nfieldKey: remote_addr_v4\n"
		"matchType: FWP_MATCH_EQUAL\nconditionValue: Type: FWP_UINT32 Value: 167772161\n",
	  "", "# not imported: a condition is shown in an unknown way", false },
};

static void test_imported(void **state)
{
	const struct imported *row = *state;
	struct import_error error = { 0 };
	char *text = import(row->text, strlen(row->text), row->before_vista, &error);
	char *lines;

	if (!text)
		fail_msg("%u:%u: %s", error.line, error.column, error.text);
	lines = without_comments(text);
	assert_string_equal(lines, row->lines);
	if (row->says && !strstr(text, row->says))
		fail_msg("'%s' is missing in '%s'", row->says, text);
	is_policy(text);
	free(lines);
	free(text);
}

/* ------------------------------------------------------------------- mistakes */

static const struct mistake {
	const char *name;
	const char *text;
	uint32_t line, column;
	const char *says; /* the beginning */
} mistakes[] = {
	{ "nothing", "", 1, 1, "neither an export" },
	{ "something else", "hello\nworld\n", 1, 1, "neither an export" },
	{ "an export of something else", REG "[HKEY_LOCAL_MACHINE\\X]\n", 1, 1,
	  "neither values of Rpc\\Internet" },
	{ "half of UTF-16",
	  "\xff\xfe"
	  "a",
	  1, 1, "octets that are no character" },
	{ "one bad entry, in hexadecimal",
	  REG RPC "\"Ports\"=hex(7):35,00,00,00,\\\r\n  36,00,78,00,00,00,00,00\r\n" YY, 4, 3,
	  "entry 2 is \"6x\", expected a port or a range such as 5000-5100; Windows takes" },
	{ "one bad entry, in text", REG RPC "\"Ports\"=str(7):\"5\\070000\\0\"\n" YY, 3, 20,
	  "entry 2 is \"70000\"" },
	{ "a range turned round", REG RPC "\"Ports\"=\"5100-5000\"\n" YY, 3, 10, "entry 1 is" },
	{ "a range without end", REG RPC "\"Ports\"=\"5100-\"\n" YY, 3, 10, "entry 1 is" },
	{ "spaces in an entry", REG RPC "\"Ports\"=\"5000 -5100\"\n" YY, 3, 10, "entry 1 is" },
	{ "an empty list", REG RPC "\"Ports\"=hex(7):00,00\n" YY, 3, 16, "entry 1 is \"\"" },
	{ "an entry behind the end", REG RPC "\"Ports\"=hex(7):35,00,00,00,00,00,36,00,00,00\n" YY,
	  3, 34, "an entry behind the end" },
	{ "an entry too long", REG RPC "\"Ports\"=\"11111111111111111111111111111111\"\n", 3, 10,
	  "read \"1111111111111111111111111111111...\"" },
	{ "an odd number of octets", REG RPC "\"Ports\"=hex(7):35,00,30\n" YY, 3, 22,
	  "expected octets in pairs" },
	{ "a digit too few", REG RPC "\"Ports\"=hex(7):35,0\n" YY, 3, 19, "expected octets" },
	{ "an open text", REG RPC "\"Ports\"=\"5000\n" YY, 3, 14, "expected a character" },
	{ "something behind a text", REG RPC "\"Ports\"=\"5000\" x\n" YY, 3, 16,
	  "expected the end of the line" },
	{ "another type", REG RPC "\"Ports\"=dword:00000001\n" YY, 3, 9,
	  "read \"dword:00000001\", expected text" },
	{ "a flag that is none", REG RPC "\"UseInternetPorts\"=\"yes\"\n", 3, 21,
	  "read \"yes\", expected Y or N" },
	{ "a flag is missing", REG RPC "\"Ports\"=\"5000\"\n\"UseInternetPorts\"=\"Y\"\n", 3, 1,
	  "Ports without PortsInternetAvailable" },
	{ "a value twice", REG TCPIP "\"MaxUserPort\"=dword:1\n\"maxuserport\"=dword:1\n", 4, 1,
	  "MaxUserPort stands in line 3 already" },
	{ "reserved ports are ranges", REG TCPIP "\"ReservedPorts\"=\"1433\"\n", 3, 18,
	  "entry 1 is \"1433\", expected a range such as 1433-1434" },
	{ "no ports at all", REG TCPIP "\"MaxUserPort\"=dword:00000000\n", 3, 21,
	  "read \"00000000\", expected how many" },
	{ "more ports than numbers", REG TCPIP "\"MaxUserPort\"=dword:00010000\n", 3, 21,
	  "read \"00010000\", expected" },

	{ "a slip in a UUID", "x\nfw:uuid:e3514235 action:block\n", 2, 9,
	  "read \"e3514235\", expected a UUID" },
	{ "an address nobody filled in", "fw:addr:<dc_addr1>", 1, 9, "read \"<dc_addr1>\"" },
	{ "a prefix too long", "fw:addr:10.0.0.0/33", 1, 9, "read \"10.0.0.0/33\"" },
	{ "IPv4 in IPv6", "fw:addr:::ffff:10.0.0.1", 1, 9, "read \"::ffff:10.0.0.1\"" },
	{ "an operation too large", "fw:opnum:65536", 1, 10, "read \"65536\"" },
	{ "an action that is none", "fw:action:drop", 1, 11, "read \"drop\", expected allow" },
	{ "a truth that is none", "fw:audit:yes", 1, 10, "read \"yes\", expected true" },
	{ "a key that is none", "fw:action:block port:135", 1, 17,
	  "read \"port:135\", expected uuid" },
	{ "a key twice", "fw:action:block action:allow", 1, 17, "\"action:\" stands twice" },
	{ "an empty rule", "fw: # nothing", 1, 5, "read \"#\", expected uuid" },
	{ "an empty value", "fw:uuid:", 1, 9, "nothing here, expected a UUID" },

	{ "a condition without a rule", IS_DRS, 1, 1, "a condition without" },
	{ "a filter without a rule", RULE("block") "add filter\nadd filter\n", 3, 1,
	  "a filter without" },
	{ "a rule in a rule", RULE("block") RULE("block"), 2, 1, "the rule of line 1 has no" },
	{ "a rule without end", RULE("block"), 2, 1, "the rule of line 1 has no" },
	{ "a rule without action", "add rule layer=um\n", 1, 18, "nothing here, expected block" },
	{ "an action of nobody", RULE("drop"), 1, 30, "read \"drop\", expected block" },
	{ "a layer of nobody", "add rule layer=u actiontype=block\n", 1, 16, "read \"u\"" },
	{ "a field of nobody", RULE("block") CONDITION("uuid", "equal", "x"), 2, 21,
	  "read \"uuid\", expected a field" },
	{ "a UUID of nobody", RULE("block") CONDITION("if_uuid", "equal", "x"), 2, 50,
	  "read \"x\", expected a UUID" },
	{ "a tag twice", "add rule layer=um layer=um\n", 1, 19,
	  "read \"layer=um\", expected the end" },
	{ "an open quote", RULE("block") CONDITION("if_uuid", "equal", "\"x"), 2, 50,
	  "the line ends in a quoted text" },
	{ "a command of nobody", RULE("block") "ad filter\n", 2, 1,
	  "read \"ad\", expected a command" },
};

static void test_mistake(void **state)
{
	const struct mistake *row = *state;
	struct import_error error = { 0 };
	char *text = import(row->text, strlen(row->text), false, &error);

	assert_null(text);
	if (strncmp(error.text, row->says, strlen(row->says)) != 0)
		fail_msg("'%s' begins not with '%s'", error.text, row->says);
	assert_int_equal(error.line, row->line);
	assert_int_equal(error.column, row->column);
}

/* ----------------------------------------------------------------- characters */

#define SAMPLE REG "; \xe2\x82\xac \xf0\x9f\x98\x80\n" RPC "\"Ports\"=\"5000-5100\"\n" YY

/* As UTF-16; the sample has one character of three octets and one of four */
static size_t widen(const char *text, bool little, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; text[i];) {
		uint32_t c = (uint8_t)text[i];
		uint16_t unit[2] = { (uint16_t)c, 0 };
		size_t step = 1, units = 1;

		if (c == 0xe2) {
			unit[0] = 0x20ac;
			step = 3;
		} else if (c == 0xf0) {
			unit[0] = 0xd83d;
			unit[1] = 0xde00;
			units = 2;
			step = 4;
		}
		for (size_t k = 0; k < units; k++, n += 2) {
			out[n + !little] = (uint8_t)unit[k];
			out[n + little] = (uint8_t)(unit[k] >> 8);
		}
		i += step;
	}
	return n;
}

static void test_utf16(void **state)
{
	uint8_t wide[2 * sizeof(SAMPLE) + 2];
	struct import_error error = { 0 };

	(void)state;
	for (unsigned form = 0; form < 3; form++) {
		bool little = form != 1;
		size_t n = widen(SAMPLE, little, wide + 2);
		char *text;

		wide[0] = little ? 0xff : 0xfe;
		wide[1] = little ? 0xfe : 0xff;
		text = form == 2 ? import(wide + 2, n, false, &error) :
				   import(wide, n + 2, false, &error);
		if (!text)
			fail_msg("form %u: %u:%u: %s", form, error.line, error.column, error.text);
		assert_non_null(strstr(text, "# f:4\n"));
		assert_non_null(strstr(text, "dynamic-range 5000-5100\n"));
		free(text);
		/* one half of a pair */
		wide[2] = little ? 0x00 : 0xdc;
		wide[3] = little ? 0xdc : 0x00;
		assert_null(import(wide, n + 2, false, &error));
	}
}

static void test_utf8_mark_counts_nothing(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "fw:opnum:x";
	struct import_error error = { 0 };

	(void)state;
	assert_null(import(text, sizeof(text) - 1, false, &error));
	assert_int_equal(error.column, 10);
}

static void test_nul(void **state)
{
	struct import_error error = { 0 };

	(void)state;
	assert_null(import("fw:action:block\n\0", 17, false, &error));
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 1);
}

static void test_too_large(void **state)
{
	struct import_error error = { 0 };
	char *text = calloc(1, IMPORT_MAX_FILE + 1);
	char *imported_text;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', IMPORT_MAX_FILE + 1);
	memcpy(text, "fw:action:block", 15);
	assert_null(import(text, IMPORT_MAX_FILE + 1, false, &error));
	assert_int_equal(error.line, 0);
	imported_text = import(text, IMPORT_MAX_FILE, false, &error);
	assert_non_null(imported_text);
	free(imported_text);
	free(text);
}

/* More ranges than a list of the policy holds are not cut silently */
static void test_many_ranges(void **state)
{
	struct import_error error = { 0 };

	(void)state;
	for (unsigned ranges = RPCGATE_MAX_RANGES; ranges <= RPCGATE_MAX_RANGES + 1; ranges++) {
		char text[4096] = REG RPC "\"Ports\"=str(7):\"";
		char *lines;

		for (unsigned i = 0; i < ranges; i++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u\\0",
				 50000 + 2 * i);
		strcat(text, "\"\n" YY);
		lines = import(text, strlen(text), false, &error);
		assert_non_null(lines);
		assert_int_equal(strstr(lines, "\ndynamic-range ") != NULL,
				 ranges == RPCGATE_MAX_RANGES);
		assert_int_equal(strstr(lines, "# not imported: 65 ranges") != NULL,
				 ranges != RPCGATE_MAX_RANGES);
		is_policy(lines);
		free(lines);
	}
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(imported) + COUNT(mistakes) + 5];
	size_t n = 0;

	ROWS(tests, n, imported, test_imported);
	ROWS(tests, n, mistakes, test_mistake);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_utf16);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_utf8_mark_counts_nothing);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_nul);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_too_large);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_many_ranges);
	return _cmocka_run_group_tests("import", tests, n, NULL, NULL);
}
