/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The policy language, row by row: what a line means, which line is first, where a mistake is */
#include "rows.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ERRORS 4

static struct rpcgate_policy *parse_with(const char *text,
					 const struct rpcgate_policy_loader *loader,
					 const struct rpcgate_policy_limits *limits,
					 struct rpcgate_policy_error errors[ERRORS], size_t *n)
{
	/* memory of exactly this size, so that a sanitizer sees the first octet too far */
	size_t length = strlen(text);
	char *exact = malloc(length ? length : 1);
	const struct rpcgate_policy_source source = { "p", exact, length };
	struct rpcgate_policy *policy;

	assert_non_null(exact);
	memcpy(exact, text, length);
	policy = rpcgate_policy_parse(&source, loader, limits, errors, ERRORS, n);
	free(exact);
	return policy;
}

static struct rpcgate_policy *parse(const char *text)
{
	struct rpcgate_policy_error errors[ERRORS];
	size_t n;
	struct rpcgate_policy *policy = parse_with(text, NULL, NULL, errors, &n);

	if (!policy)
		fail_msg("%s:%u:%u: %s", errors[0].file, errors[0].line, errors[0].column,
			 errors[0].text);
	return policy;
}

/* ------------------------------------------------------------------- mistakes */

static const struct mistake {
	const char *name;
	const char *text;
	uint32_t line, column;
	const char *says; /* the whole message */
} mistakes[] = {
#define SUBJECT "expected an interface's name or UUID, \"group\" or \"any\""
#define PORTS "expected ports such as 145 or 6001-6004"
#define OPNUMS "expected operations such as 3, 0-4,12 up to 65535, or their names"
#define OPNAMES "expected the name or number of an operation of this interface"
#define NET "expected an address, a network such as 10.0.0.0/8 or fd00::/8, or any"
#define LEVEL "expected none, connect, call, packet, integrity, privacy or 1 to 6"
#define VERBS                                                                                      \
	"expected allow, deny, log, static, callback, sealed, valid-ports, mapper-port, "          \
	"dynamic-range, reserved, set or include"
	{ "a slip in a verb", "alow interface any", 1, 1,
	  "read \"alow\", " VERBS "; the nearest is \"allow\"" },
	{ "no verb at all", "\n\t  \"xyzzy\"", 2, 4, "read \"xyzzy\", " VERBS },
	{ "a slip in an interface", "deny interface drsuap", 1, 16,
	  "read \"drsuap\", " SUBJECT "; the nearest is \"drsuapi\"" },
	{ "a group given as an interface", "# one\n\nallow interface clusvc", 3, 17,
	  "read \"clusvc\", " SUBJECT "; the nearest is \"group clussvc\"" },
	{ "a slip in a keyword", "deny interfac any", 1, 6,
	  "read \"interfac\", " SUBJECT "; the nearest is \"interface\"" },
	{ "a verb alone", "deny  # nothing", 1, 7, "the line ends, " SUBJECT },
	{ "an unknown group", "allow group netlgon", 1, 13,
	  "read \"netlgon\", expected the name of a group; the nearest is \"netlogon\"" },
	{ "a short UUID", "deny interface e3514235-4b06-11d1-ab04-00c04fc2dcd", 1, 16,
	  "read \"e3514235-4b06-11d1-ab04-00c04fc2dcd\", " SUBJECT },
	{ "a version that is none", "deny interface samr version x", 1, 29,
	  "read \"x\", expected a version such as 3 or 3.0" },
	{ "a version too large", "deny interface samr version 65536.0", 1, 29,
	  "read \"65536.0\", expected a version such as 3 or 3.0" },
	{ "a version with a tail", "deny interface samr version 1.0.0", 1, 29,
	  "read \"1.0.0\", expected a version such as 3 or 3.0" },
	{ "a hole in a list", "deny interface samr opnum 1,,2", 1, 27, "read \"1,,2\", " OPNUMS },
	{ "a range backwards", "deny interface samr opnum 5-3", 1, 27, "read \"5-3\", " OPNUMS },
	{ "an operation too large", "deny interface samr opnum 65536", 1, 27,
	  "read \"65536\", " OPNUMS },
	{ "a list without end", "deny interface samr opnum 1,", 1, 27, "read \"1,\", " OPNUMS },
	{ "a transport that is none", "allow samr over udpp", 1, 17,
	  "read \"udpp\", expected tcp, udp or any; the nearest is \"udp\"" },
	{ "no transport", "allow samr over", 1, 16, "the line ends, expected tcp, udp or any" },
	{ "two transports", "allow samr over udp over tcp", 1, 21,
	  "read \"over\", expected version, opnum, auth, from, to, name or the end of the line" },
	{ "a static port of UDP", "static 145 over udp", 1, 12,
	  "read \"over\", expected interface, group, version, from, to, name or the end of the "
	  "line" },
	{ "an operation with a slip", "deny samr opnum 1,SamrConect5", 1, 17,
	  "read \"SamrConect5\", " OPNAMES "; the nearest is \"SamrConnect5\"" },
	{ "an operation of another interface", "deny samr opnum DRSGetNCChanges", 1, 17,
	  "read \"DRSGetNCChanges\", " OPNAMES },
	{ "an operation of an interface without known ones",
	  "deny 11111111-2222-3333-4444-555555555555 opnum Connect", 1, 49,
	  "read \"Connect\", " OPNAMES },
	{ "an operation of a group", "deny group lsass opnum SamrConnect5", 1, 24,
	  "read \"SamrConnect5\", expected operation numbers, as names need one interface" },
	{ "an operation of any", "deny any opnum SamrConnect5", 1, 16,
	  "read \"SamrConnect5\", expected operation numbers, as names need one interface" },
	{ "a range of names", "deny samr opnum SamrConnect4-SamrConnect5", 1, 17,
	  "read \"SamrConnect4-SamrConnect5\", " OPNAMES },
	{ "no list", "deny interface samr opnum", 1, 26, "the line ends, " OPNUMS },
	{ "a level that is none", "deny interface samr auth privat", 1, 26,
	  "read \"privat\", " LEVEL "; the nearest is \"privacy\"" },
	{ "level 0", "deny interface samr auth 0", 1, 26, "read \"0\", " LEVEL },
	{ "level 7", "deny interface samr auth 7", 1, 26, "read \"7\", " LEVEL },
	{ "an address that is none", "deny any from 10.0.0", 1, 15, "read \"10.0.0\", " NET },
	{ "a prefix too long", "deny any from 10.0.0.0/33", 1, 15, "read \"10.0.0.0/33\", " NET },
	{ "a prefix that is none", "deny any to fd00::/x", 1, 13, "read \"fd00::/x\", " NET },
	{ "host bits", "deny any to 10.1.2.3/8", 1, 13,
	  "read \"10.1.2.3/8\", expected a network without host bits; the nearest is "
	  "\"10.0.0.0/8\"" },
	{ "host bits of IPv6", "deny any to fd00::1/64", 1, 13,
	  "read \"fd00::1/64\", expected a network without host bits; the nearest is "
	  "\"fd00::/64\"" },
	{ "a clause twice", "deny any from 10.0.0.0/8 from 10.0.0.0/8", 1, 26,
	  "read \"from\", expected version, opnum, auth, over, to, name or the end of the line" },
	{ "a word too much", "deny any please", 1, 10,
	  "read \"please\", expected version, opnum, auth, over, from, to, name or the end of the line" },
	{ "opnum of a port", "static 145 opnum 3", 1, 12,
	  "read \"opnum\", expected interface, group, version, from, to, name or the end of the "
	  "line" },
	{ "port 0", "static 0", 1, 8, "read \"0\", " PORTS },
	{ "port 65536", "static 65536", 1, 8, "read \"65536\", " PORTS },
	{ "no port", "static interface samr", 1, 8, "read \"interface\", " PORTS },
	{ "a text without end", "deny any name \"x", 1, 15,
	  "the line ends in a quoted text, expected \"" },
	{ "a control character", "deny\x01 any", 1, 5,
	  "a character that is neither text nor space" },
	{ "a control character in a text", "deny any name \"\x1b[2J\"", 1, 16,
	  "a control character in a quoted text" },
	{ "an unknown setting", "set pinhole.tll = 3s", 1, 5,
	  "read \"pinhole.tll\", expected a setting's name; the nearest is \"pinhole.ttl\"" },
	{ "a setting without =", "set pinhole.ttl 3s", 1, 17, "read \"3s\", expected =" },
	{ "a setting without value", "set pinhole.ttl =", 1, 18,
	  "the line ends, expected 5s..72h" },
	{ "a value out of range", "set pinhole.ttl = 1s", 1, 19,
	  "pinhole.ttl: \"1s\" read, 5s..72h expected" },
	{ "a mapper port that is none", "mapper-port 135,x", 1, 13,
	  "mapper-port: \"135,x\" read, PORTS expected" },
	{ "ports without a comma", "mapper-port 135 593", 1, 17,
	  "read \"593\", expected the end of the line" },
	{ "a range backwards in a setting", "dynamic-range 5000-1025", 1, 15,
	  "dynamic-range: \"5000-1025\" read, PORTS expected" },
	{ "a proxy list without port", "valid-ports \"Rosco:593;Data*\"", 1, 24,
	  "read \"Data*\", expected HOST:PORT or HOST:FIRST-LAST, a star at the end of HOST alone" },
	{ "a proxy list with an address of IPv6", "valid-ports \"fd00::1:593\"", 1, 14,
	  "read \"fd00::1:593\", expected HOST:PORT or HOST:FIRST-LAST, a star at the end of HOST "
	  "alone" },
	{ "a proxy list with a star inside", "valid-ports \"a*b:593\"", 1, 14,
	  "read \"a*b:593\", expected HOST:PORT or HOST:FIRST-LAST, a star at the end of HOST alone" },
	{ "a proxy list not quoted", "valid-ports Rosco:593", 1, 13,
	  "read \"Rosco:593\", expected a quoted list such as \"Rosco:593;Data*:4000-8000\"" },
	{ "what to do with sealed traffic", "sealed blok", 1, 8,
	  "read \"blok\", expected log, block or hint; the nearest is \"block\"" },
	{ "a call-back to nobody", "callback opcda", 1, 10,
	  "read \"opcda\", expected the name of a group; the nearest is \"opc-da\"" },
	{ "include where there are no files", "include \"x\"", 1, 9,
	  "include is not possible here" },
	{ "include without quotes", "include x", 1, 9,
	  "read \"x\", expected the quoted name of a file" },
};

static void mistake_is_told(void **state)
{
	const struct mistake *m = *state;
	struct rpcgate_policy_error errors[ERRORS];
	size_t n;

	assert_null(parse_with(m->text, NULL, NULL, errors, &n));
	assert_int_equal(n, 1);
	assert_string_equal(errors[0].text, m->says);
	assert_string_equal(errors[0].file, "p");
	assert_int_equal(errors[0].line, m->line);
	assert_int_equal(errors[0].column, m->column);
}

static void every_bad_line_is_told(void **state)
{
	struct rpcgate_policy_error errors[ERRORS];
	size_t n;

	(void)state;
	assert_null(parse_with("a\nallow any\r\nb\nc\nd\ne\n", NULL, NULL, errors, &n));
	assert_int_equal(n, 5);
	assert_int_equal(errors[0].line, 1);
	assert_int_equal(errors[1].line, 3);
	assert_int_equal(errors[3].line, 5);
}

/* -------------------------------------------------------------- what is legal */

static const struct legal {
	const char *name;
	const char *text;
	const char *means; /* of the first statement */
} legal[] = {
	{ "nothing", "", "" },
	{ "comments alone", "# a\n   # b\n\n", "" },
	{ "a mark of UTF-8 and ends of lines as in Windows",
	  "\xef\xbb\xbf"
	  "deny any\r\n",
	  "Refuse every interface." },
	{ "no end of the last line", "deny any", "Refuse every interface." },
	{ "capitals", "DENY Interface DRSUAPI",
	  "Refuse drsuapi (e3514235-4b06-11d1-ab04-00c04fc2dcd2)." },
	{ "a UUID of the catalogue", "deny interface E3514235-4B06-11D1-AB04-00C04FC2DCD2",
	  "Refuse drsuapi (e3514235-4b06-11d1-ab04-00c04fc2dcd2)." },
	{ "an unknown UUID and a version",
	  "allow interface 11111111-2222-3333-4444-555555555555 version 1.2",
	  "Allow 11111111-2222-3333-4444-555555555555 version 1.2, where the server announced it." },
	{ "a group after interface", "log interface group netlogon",
	  "Allow and report the 1 interface of group netlogon, where the server announced it." },
	{ "any order of clauses, a list with spaces, a comment",
	  "deny interface samr to 10.0.0.1 opnum 1, 3-5 ,9 auth 5 from 10.0.0.0/8 name \"a # b\"#x",
	  "Refuse operations 1 (SamrCloseHandle), 3-5, 9 (SamrSetInformationDomain) of samr "
	  "(12345778-1234-abcd-ef00-0123456789ac) from 10.0.0.0/8 to 10.0.0.1 below "
	  "authentication level integrity." },
	{ "operations by name, in either case, among numbers",
	  "allow drsuapi opnum DRSBind,drsunbind , 12, 40-41,99",
	  "Allow operations 0 (DRSBind), 1 (DRSUnbind), 12 (DRSCrackNames), 40-41, 99 of drsuapi "
	  "(e3514235-4b06-11d1-ab04-00c04fc2dcd2), where the server announced it." },
	{ "over udp", "allow samr to 10.0.0.1 over UDP",
	  "Allow samr (12345778-1234-abcd-ef00-0123456789ac) to 10.0.0.1 over UDP, where the "
	  "server announced it." },
	{ "over any", "log samr over any",
	  "Allow and report samr (12345778-1234-abcd-ef00-0123456789ac) over TCP and UDP, where "
	  "the server announced it." },
	{ "over tcp is usual", "allow any over tcp",
	  "Allow every interface, where the server announced it." },
	{ "but not of a refusal", "deny any over tcp", "Refuse every interface over TCP." },
	{ "a refusal over any is usual", "deny any over any", "Refuse every interface." },
	{ "a refusal over udp", "deny any over udp", "Refuse every interface over UDP." },
	{ "operations of a group stay numbers", "deny group netlogon opnum 3",
	  "Refuse operation 3 of the 1 interface of group netlogon." },
	{ "one operation", "deny interface drsuapi opnum 3",
	  "Refuse operation 3 (DRSGetNCChanges) of drsuapi (e3514235-4b06-11d1-ab04-00c04fc2dcd2)." },
	{ "a level", "allow interface any auth privacy from fd00::/8",
	  "Allow calls to every interface from fd00::/8 at authentication level privacy or above, "
	  "where the server announced it." },
	{ "static", "static 145,6001-6004 interface emsmdb to 10.0.0.1",
	  "Allow emsmdb (a4f1db00-ca47-1067-b31f-00dd010662da) on port 145, 6001-6004 to 10.0.0.1 "
	  "without an announcement." },
	{ "any network", "static 145 from any to any",
	  "Allow every interface on port 145 without an announcement." },
	{ "everything of IPv4", "deny any from 0.0.0.0/0",
	  "Refuse every interface from 0.0.0.0/0." },
	{ "call-backs", "callback opc-da from 10.0.0.0/8 to 10.1.0.1",
	  "Allow servers to call back to the 15 interfaces of group opc-da of clients 10.0.0.0/8 "
	  "from servers 10.1.0.1." },
	{ "sealed", "sealed block group netlogon",
	  "Refuse it where mapper or resolver traffic is encrypted, for the 1 interface of group "
	  "netlogon." },
	{ "ports of a proxy", "valid-ports \"Rosco:593;Rosco:2000-8000;Data*:4000-8000\"",
	  "An RPC over HTTP proxy may reach Rosco at 593, Rosco at 2000-8000, Data* at 4000-8000." },
	{ "mapper ports", "mapper-port 135, 593, 145",
	  "Believe endpoint mappers on port 135,593,145 alone." },
	{ "reserved ports", "reserved +5000-5100",
	  "Never learn port 5000-5100, besides those reserved already." },
	{ "a setting", "set pinhole.ttl=60s", "Set pinhole.ttl to 60s." },
};

static void legal_is_understood(void **state)
{
	const struct legal *l = *state;
	struct rpcgate_policy *policy = parse(l->text);
	char text[1024];

	assert_string_equal(rpcgate_policy_explain(policy, 0, text, sizeof(text)), l->means);
	rpcgate_policy_free(policy);
}

static void a_sentence_is_cut_at_its_room(void **state)
{
	struct rpcgate_policy *policy = parse("deny any");
	char text[8];

	(void)state;
	for (size_t size = 1; size <= sizeof(text); size++)
		assert_int_equal(strlen(rpcgate_policy_explain(policy, 0, text, size)), size - 1);
	rpcgate_policy_free(policy);
}

/* -------------------------------------------------------------- which is first */

static const struct match {
	const char *name;
	const char *text;
	const char *interface;
	unsigned major, minor;
	const char *client, *server;
	int opnum; /* -1: a bind */
	uint8_t level;
	uint32_t line; /* of the first plain rule, or of the first rule about calls; 0: none */
} matches[] = {
#define SAMR "12345778-1234-abcd-ef00-0123456789ac"
#define DRSUAPI "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define FRS "897e2e5f-93f3-4376-9c9c-fd2277495c27"
#define C "10.1.2.3"
#define S "10.9.0.1"
	{ "no rule", "", SAMR, 1, 0, C, S, -1, 0, 0 },
	{ "another interface", "deny interface drsuapi", SAMR, 1, 0, C, S, -1, 0, 0 },
	{ "the first of two", "deny interface samr\nallow interface samr", SAMR, 1, 0, C, S, -1, 0,
	  1 },
	{ "any before the name", "deny any\nallow interface samr", SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "the name before any", "allow interface samr\ndeny any", SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "any behind another name", "allow interface samr\ndeny any", DRSUAPI, 4, 0, C, S, -1, 0,
	  2 },
	{ "a group", "deny group lsass", DRSUAPI, 4, 0, C, S, -1, 0, 1 },
	{ "not in the group", "deny group lsass", FRS, 1, 0, C, S, -1, 0, 0 },
	{ "group, name and any in order",
	  "deny group dfsr\nallow group ad-replication\ndeny interface drsuapi\nallow any", DRSUAPI,
	  4, 0, C, S, -1, 0, 2 },
	{ "the first of two groups", "allow group domain-join\ndeny group ad-replication", DRSUAPI,
	  4, 0, C, S, -1, 0, 1 },
	{ "the other order of the groups", "deny group ad-replication\nallow group domain-join",
	  DRSUAPI, 4, 0, C, S, -1, 0, 1 },
	{ "no version matches any", "deny interface drsuapi", DRSUAPI, 77, 5, C, S, -1, 0, 1 },
	{ "the version", "deny interface drsuapi version 4", DRSUAPI, 4, 9, C, S, -1, 0, 1 },
	{ "another version", "deny interface drsuapi version 4", DRSUAPI, 3, 0, C, S, -1, 0, 0 },
	{ "the minor version", "deny interface drsuapi version 4.1", DRSUAPI, 4, 1, C, S, -1, 0,
	  1 },
	{ "another minor version", "deny interface drsuapi version 4.1", DRSUAPI, 4, 0, C, S, -1, 0,
	  0 },
	{ "versions in order of lines",
	  "deny interface drsuapi version 5\nallow interface drsuapi version 4\ndeny interface drsuapi",
	  DRSUAPI, 4, 0, C, S, -1, 0, 2 },
	{ "the client's network", "deny any from 10.1.0.0/16", SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "another client", "deny any from 10.2.0.0/16", SAMR, 1, 0, C, S, -1, 0, 0 },
	{ "the server's address", "deny any to 10.9.0.1", SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "client and server are not confused", "deny any from 10.9.0.1 to 10.1.2.3", SAMR, 1, 0, C,
	  S, -1, 0, 0 },
	{ "a prefix of 31 bits, inside", "deny any from 10.1.2.2/31", SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "a prefix of 31 bits, outside", "deny any from 10.1.2.4/31", SAMR, 1, 0, C, S, -1, 0, 0 },
	{ "the wider network first", "allow any from 10.0.0.0/8\ndeny any from 10.1.0.0/16", SAMR,
	  1, 0, C, S, -1, 0, 1 },
	{ "the narrower network first", "deny any from 10.1.0.0/16\nallow any from 10.0.0.0/8",
	  SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "all of IPv4", "deny any from 0.0.0.0/0", SAMR, 1, 0, C, S, -1, 0, 1 },
	{ "all of IPv4 is not IPv6", "deny any from 0.0.0.0/0", SAMR, 1, 0, "fd00::1", "fd00::2",
	  -1, 0, 0 },
	{ "all of IPv6", "deny any from ::/0", SAMR, 1, 0, "fd00::1", "fd00::2", -1, 0, 1 },
	{ "all of IPv6 is not IPv4", "deny any from ::/0", SAMR, 1, 0, C, S, -1, 0, 0 },
	{ "a network of IPv6", "deny any to fd00:1::/32", SAMR, 1, 0, "fd00::1", "fd00:1:8::2", -1,
	  0, 1 },
	{ "beside a network of IPv6", "deny any to fd00:1::/32", SAMR, 1, 0, "fd00::1", "fd00:2::2",
	  -1, 0, 0 },
	{ "a prefix of 65 bits, inside", "deny any to fd00::8000:0:0:0/65", SAMR, 1, 0, "fd00::1",
	  "fd00::8000:0:0:1", -1, 0, 1 },
	{ "a prefix of 65 bits, outside", "deny any to fd00::8000:0:0:0/65", SAMR, 1, 0, "fd00::1",
	  "fd00::7000:0:0:1", -1, 0, 0 },
	{ "an operation", "deny interface drsuapi opnum 3", DRSUAPI, 4, 0, C, S, 3, 1, 1 },
	{ "an operation by name", "deny drsuapi opnum DRSGetNCChanges", DRSUAPI, 4, 0, C, S, 3, 1,
	  1 },
	{ "beside an operation by name", "deny drsuapi opnum DRSGetNCChanges", DRSUAPI, 4, 0, C, S,
	  4, 1, 0 },
	{ "another operation", "deny interface drsuapi opnum 3", DRSUAPI, 4, 0, C, S, 2, 1, 0 },
	{ "a list of operations, its end", "deny interface drsuapi opnum 0,4-6", DRSUAPI, 4, 0, C,
	  S, 6, 1, 1 },
	{ "beside a list of operations", "deny interface drsuapi opnum 0,4-6", DRSUAPI, 4, 0, C, S,
	  7, 1, 0 },
	{ "operation 65535", "deny interface drsuapi opnum 65535", DRSUAPI, 4, 0, C, S, 65535, 1,
	  1 },
	{ "deny below a level", "deny interface drsuapi auth privacy", DRSUAPI, 4, 0, C, S, 0, 5,
	  1 },
	{ "deny not at the level", "deny interface drsuapi auth privacy", DRSUAPI, 4, 0, C, S, 0, 6,
	  0 },
	{ "allow at the level", "allow interface drsuapi auth integrity", DRSUAPI, 4, 0, C, S, 0, 5,
	  1 },
	{ "allow above the level", "allow interface drsuapi auth integrity", DRSUAPI, 4, 0, C, S, 0,
	  6, 1 },
	{ "allow not below the level", "allow interface drsuapi auth integrity", DRSUAPI, 4, 0, C,
	  S, 0, 4, 0 },
	{ "the first of two about calls",
	  "deny interface drsuapi opnum 9\nlog group lsass opnum 3-9", DRSUAPI, 4, 0, C, S, 3, 1,
	  2 },
};

static struct rpcgate_addr address(const char *text)
{
	struct rpcgate_addr addr = { { [10] = 0xff, [11] = 0xff } };

	if (!strchr(text, ':'))
		assert_int_equal(inet_pton(AF_INET, text, addr.octet + 12), 1);
	else
		assert_int_equal(inet_pton(AF_INET6, text, addr.octet), 1);
	return addr;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void first_match(void **state)
{
	const struct match *m = *state;
	struct rpcgate_policy *policy = parse(m->text);
	struct policy_query q = { .client = address(m->client), .server = address(m->server) };
	uint32_t number;

	assert_true(rpcgate_uuid_parse(m->interface, &q.interface.uuid));
	q.interface.major = (uint16_t)m->major;
	q.interface.minor = (uint16_t)m->minor;
	q.groups = groups_of(&q.interface.uuid);
	if (m->opnum < 0) {
		number = policy_first(policy, CLASS_PLAIN, &q, UINT32_MAX);
	} else {
		q.opnum = (uint16_t)m->opnum;
		q.level = m->level;
		number = earlier(policy_first(policy, CLASS_CALLS_DENIED, &q, UINT32_MAX),
				 policy_first(policy, CLASS_CALLS_ALLOWED, &q, UINT32_MAX));
	}
	assert_int_equal(number ? STATEMENT(policy, number)->line : 0, m->line);
	rpcgate_policy_free(policy);
}

/* The index against reading all rules in order, on policies made by chance */
static uint32_t first_by_reading(const struct rpcgate_policy *p, enum match_class class,
				 const struct policy_query *q)
{
	for (uint32_t i = 1; i <= p->statements.n; i++) {
		const struct statement *s = STATEMENT(p, i);

		if (class_of(s) == class && net_has(&s->from, &q->client) &&
		    net_has(&s->to, &q->server) &&
		    (!s->has_major || s->major == q->interface.major) &&
		    (s->subject == SUBJECT_ANY ||
		     (s->subject == SUBJECT_UUID && uuid_equal(&s->uuid, &q->interface.uuid)) ||
		     (s->subject == SUBJECT_GROUP && groups_of(&q->interface.uuid) >> s->group & 1)))
			return i;
	}
	return 0;
}

static uint32_t chance(uint64_t *seed, uint32_t n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (uint32_t)(*seed >> 33) % n;
}

static void write_rule(char *text, size_t size, uint64_t *seed)
{
	static const char *const subjects[] = { "any",
						"group lsass",
						"group domain-join",
						"interface samr",
						"interface drsuapi",
						"interface lsarpc" };
	static const char *const froms[] = { "",
					     " from 10.0.0.0/8",
					     " from 10.1.0.0/16",
					     " from 10.1.2.3",
					     " from fd00::/8",
					     " from ::/0" };
	static const char *const tos[] = { "", " to 10.0.0.0/8", " to 10.9.0.1", " to 10.9.0.2" };
	static const char *const versions[] = { "", "", " version 1", " version 4" };

	snprintf(text, size, "%s %s%s%s%s\n", chance(seed, 2) ? "deny" : "allow",
		 subjects[chance(seed, COUNT(subjects))], versions[chance(seed, COUNT(versions))],
		 froms[chance(seed, COUNT(froms))], tos[chance(seed, COUNT(tos))]);
}

static void index_says_what_reading_says(void **state)
{
	static const char *const hosts[] = { "10.1.2.3",  "10.1.9.9", "10.9.0.1",   "10.9.0.2",
					     "192.0.2.1", "fd00::1",  "2001:db8::1" };
	static const char *const uuids[] = { SAMR, DRSUAPI, FRS };
	uint64_t seed = 1;
	size_t found = 0;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		char text[4096] = "";
		unsigned rules = chance(&seed, 24);
		struct rpcgate_policy *policy;

		for (unsigned i = 0; i < rules; i++)
			write_rule(text + strlen(text), sizeof(text) - strlen(text), &seed);
		policy = parse(text);
		for (unsigned i = 0; i < 50; i++) {
			struct policy_query q = {
				.client = address(hosts[chance(&seed, COUNT(hosts))]),
				.server = address(hosts[chance(&seed, COUNT(hosts))]),
			};
			uint32_t number;

			assert_true(rpcgate_uuid_parse(uuids[chance(&seed, COUNT(uuids))],
						       &q.interface.uuid));
			q.interface.major = (uint16_t)(1 + 3 * chance(&seed, 2));
			q.groups = groups_of(&q.interface.uuid);
			number = first_by_reading(policy, CLASS_PLAIN, &q);
			found += number != 0;
			assert_int_equal(policy_first(policy, CLASS_PLAIN, &q, UINT32_MAX), number);
		}
		rpcgate_policy_free(policy);
	}
	assert_true(found > 1000);
}

/* --------------------------------------------------------------------- doubts */

static const struct doubt {
	const char *name;
	const char *text;
	uint32_t line; /* the only one in doubt; 0: none */
	const char *says;
} doubts[] = {
	{ "different rules", "deny interface samr\nallow interface drsuapi", 0, NULL },
	{ "the same twice", "deny interface samr\nallow interface samr", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "a name behind any", "deny any\nallow interface samr", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "a name behind its group", "deny group lsass\nallow interface samr", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "a group behind one that contains it", "deny group lsass\nallow group netlogon", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "a group behind one of its members", "deny interface netlogon\nallow group lsass", 0,
	  NULL },
	{ "a network inside another",
	  "deny any from 10.0.0.0/8\nallow interface samr from 10.1.0.0/16", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "a network around another", "deny any from 10.1.0.0/16\nallow any from 10.0.0.0/8", 0,
	  NULL },
	{ "all of IPv6 covers no IPv4", "deny any from ::/0\nallow any from 10.0.0.0/8", 0, NULL },
	{ "the server behind the client", "deny any from 10.0.0.0/8\nallow any to 10.0.0.0/8", 0,
	  NULL },
	{ "a version behind all", "deny interface samr\nallow interface samr version 1", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "all behind a version", "deny interface samr version 1\nallow interface samr", 0, NULL },
	{ "over udp behind over any", "allow samr over any\nallow samr over udp", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "over udp behind tcp", "allow samr\nallow samr over udp", 0, NULL },
	{ "over udp behind a refusal", "deny samr\nallow samr over udp", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "over udp behind a refusal over tcp", "deny samr over tcp\nallow samr over udp", 0,
	  NULL },
	{ "a level over udp", "allow samr auth privacy over udp", 1,
	  "can never match: over UDP every request counts as level none" },
	{ "operations behind the whole", "deny interface samr\nallow interface samr opnum 3", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "the whole behind operations", "allow interface samr opnum 3\ndeny interface samr", 0,
	  NULL },
	{ "operations behind more of them",
	  "deny interface samr opnum 0-9\ndeny interface samr opnum 3", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "operations behind fewer", "deny interface samr opnum 3\ndeny interface samr opnum 0-9",
	  0, NULL },
	{ "a level behind a higher one",
	  "deny interface samr auth privacy\ndeny interface samr auth integrity", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "a level behind a lower one",
	  "deny interface samr auth integrity\ndeny interface samr auth privacy", 0, NULL },
	{ "allow of what is left by deny",
	  "deny interface samr auth privacy\nallow interface samr auth privacy\ndeny any", 0,
	  NULL },
	{ "below none", "deny interface samr auth none", 1,
	  "can never match: no authentication level is below none" },
	{ "allow opens nothing for static to repeat", "allow any\nstatic 145", 0, NULL },
	{ "static behind deny", "deny any\nstatic 145", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "static behind static", "static 100-200\nstatic 145 interface samr", 2,
	  "can never match: line 1 matches everything that it does" },
	{ "static beside static", "static 100-200\nstatic 200,201", 0, NULL },
	{ "deny behind static", "static 145\ndeny any", 0, NULL },
	{ "the mapper is not any interface", "deny any\ndeny interface epmapper", 0, NULL },
	{ "an exception from nothing", "allow interface samr auth privacy", 1,
	  "refuses nothing: calls that it does not match are allowed, as no later deny rule has to "
	  "do with them" },
};

static void doubt_is_told(void **state)
{
	const struct doubt *d = *state;
	struct rpcgate_policy *policy = parse(d->text);
	struct rpcgate_statement statement;
	char text[256];

	for (size_t i = 0; rpcgate_policy_statement(policy, i, &statement); i++) {
		bool told = rpcgate_policy_doubt(policy, i, text, sizeof(text));

		assert_int_equal(told, statement.line == d->line);
		if (told)
			assert_string_equal(text, d->says);
	}
	rpcgate_policy_free(policy);
}

/* ------------------------------------------------------------------- settings */

static void settings_are_applied(void **state)
{
	struct rpcgate_policy *policy = parse("mapper-port 145\nset pinhole.ttl = 60s\n"
					      "reserved -3389\ndynamic-range 49152-65535\n");
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];

	(void)state;
	rpcgate_config_default(&cfg);
	assert_true(port_listed(&cfg.reserved, 3389));
	assert_true(rpcgate_policy_configure(policy, &cfg, err));
	assert_int_equal(cfg.pinhole_ttl_s, 60);
	assert_true(port_listed(&cfg.mapper_ports, 145) && !port_listed(&cfg.mapper_ports, 135));
	assert_true(!port_listed(&cfg.reserved, 3389) && port_listed(&cfg.reserved, 3268));
	assert_int_equal(cfg.dynamic_range.range[0].first, 49152);
	rpcgate_policy_free(policy);
}

static void settings_that_do_not_fit_change_nothing(void **state)
{
	struct rpcgate_policy *policy =
		parse("set pinhole.ttl = 60s\nreserved +1,3,5,7,9,11,13,15\n");
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];

	(void)state;
	rpcgate_config_default(&cfg);
	while (cfg.reserved.n < RPCGATE_MAX_RANGES)
		cfg.reserved.range[cfg.reserved.n++] = (struct rpcgate_port_range){ 2000, 2000 };
	assert_false(rpcgate_policy_configure(policy, &cfg, err));
	assert_int_equal(cfg.pinhole_ttl_s, 300);
	assert_true(strncmp(err, "p:2: ", 5) == 0);
	rpcgate_policy_free(policy);
}

static void a_running_engine_keeps_its_tables(void **state)
{
	struct rpcgate_config cfg, other;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;

	(void)state;
	rpcgate_config_default(&cfg);
	cfg.max_flows = cfg.max_pinholes = cfg.max_bindings = 64;
	gate = rpcgate_new(&cfg, err);
	assert_non_null(gate);
	other = cfg;
	other.pinhole_ttl_s = 7;
	other.max_flows = 1 << 20;
	other.hash_key[0] = 9;
	assert_true(rpcgate_set_config(gate, &other));
	assert_int_equal(gate->cfg.pinhole_ttl_s, 7);
	assert_int_equal(gate->cfg.max_flows, 64);
	assert_int_equal(gate->cfg.hash_key[0], cfg.hash_key[0]);
	other.mapper_ports.n = 0;
	other.pinhole_ttl_s = 8;
	assert_false(rpcgate_set_config(gate, &other));
	assert_int_equal(gate->cfg.pinhole_ttl_s, 7);
	rpcgate_free(gate);
}

/* ----------------------------------------------------------------------- held */

static void what_others_ask_is_held(void **state)
{
	struct rpcgate_policy *policy =
		parse("valid-ports \"Rosco:593;Rosco:2000-8000;Data*:4000\"\n"
		      "sealed block\nsealed hint group fax\n"
		      "callback fax from 10.0.0.0/8\n");
	struct rpcgate_uuid netlogon, fax;
	struct rpcgate_addr inside = address("10.1.1.1"), outside = address("192.0.2.1");
	enum sealed what;

	(void)state;
	assert_true(rpcgate_uuid_parse("12345678-1234-abcd-ef00-01234567cffb", &netlogon));
	assert_true(rpcgate_uuid_parse("6099fc12-3eff-11d0-abd0-00c04fd91a4e", &fax));
	assert_true(policy_sealed(policy, &what) && what == SEALED_BLOCK);
	assert_true(policy_hint(policy, &fax));
	assert_false(policy_hint(policy, &netlogon));
	assert_non_null(policy_callback(policy, &fax, &inside, &outside));
	assert_null(policy_callback(policy, &fax, &outside, &inside));
	assert_null(policy_callback(policy, &netlogon, &inside, &outside));
	assert_false(policy_port_invalid(policy, "rosco", 5, 593));
	assert_true(policy_port_invalid(policy, "rosco", 5, 594));
	assert_false(policy_port_invalid(policy, "ROSCO", 5, 8000));
	assert_true(policy_port_invalid(policy, "rosco.microsoft.com", 19, 593));
	assert_false(policy_port_invalid(policy, "database7", 9, 4000));
	assert_true(policy_port_invalid(policy, "dat", 3, 4000));
	assert_false(policy_port_invalid(NULL, "x", 1, 1));
	rpcgate_policy_free(policy);
}

/* -------------------------------------------------------------------- include */

static const struct {
	const char *name;
	const char *text;
} files[] = {
	{ "one", "deny interface samr\n" },
	{ "two", "include \"one\"\nallow any\n" },
	{ "bad", "\n  nonsense\n" },
	{ "self", "include \"self\"\n" },
};

static bool load(void *ctx, const char *name, const char *from, struct rpcgate_policy_source *out,
		 char err[RPCGATE_ERROR_SIZE])
{
	++*(int *)ctx;
	for (size_t i = 0; i < COUNT(files); i++)
		if (strcmp(files[i].name, name) == 0) {
			*out = (struct rpcgate_policy_source){ files[i].name, files[i].text,
							       strlen(files[i].text) };
			return true;
		}
	--*(int *)ctx;
	snprintf(err, RPCGATE_ERROR_SIZE, "%s wants %s", from, name);
	return false;
}

static void release(void *ctx, struct rpcgate_policy_source *source)
{
	assert_non_null(source->text);
	--*(int *)ctx;
}

static void includes_are_read_in_place(void **state)
{
	int open = 0;
	const struct rpcgate_policy_loader loader = { load, release, &open };
	struct rpcgate_policy_error errors[ERRORS];
	struct rpcgate_statement statement;
	size_t n;
	struct rpcgate_policy *policy = parse_with(
		"log any to 10.0.0.1\ninclude \"two\"\ndeny any\n", &loader, NULL, errors, &n);
	static const struct {
		const char *file;
		uint32_t line;
	} order[] = { { "p", 1 }, { "one", 1 }, { "two", 2 }, { "p", 3 } };

	(void)state;
	assert_non_null(policy);
	for (size_t i = 0; i < COUNT(order); i++) {
		assert_true(rpcgate_policy_statement(policy, i, &statement));
		assert_string_equal(statement.file, order[i].file);
		assert_int_equal(statement.line, order[i].line);
	}
	assert_false(rpcgate_policy_statement(policy, COUNT(order), &statement));
	assert_int_equal(open, 0);
	rpcgate_policy_free(policy);
}

static void mistakes_in_includes_are_told(void **state)
{
	static const struct {
		const char *text;
		const char *file;
		uint32_t line, column;
		const char *says;
	} cases[] = {
		{ "include \"bad\"", "bad", 2, 3, NULL },
		{ "\n include \"none\"", "p", 2, 10, "p wants none" },
		{ "include \"self\"", "self", 1, 9, "includes are nested too deep" },
	};
	struct rpcgate_policy_error errors[ERRORS];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int open = 0;
		const struct rpcgate_policy_loader loader = { load, release, &open };
		size_t n;

		assert_null(parse_with(cases[i].text, &loader, NULL, errors, &n));
		assert_int_equal(n, 1);
		assert_string_equal(errors[0].file, cases[i].file);
		assert_int_equal(errors[0].line, cases[i].line);
		assert_int_equal(errors[0].column, cases[i].column);
		if (cases[i].says)
			assert_string_equal(errors[0].text, cases[i].says);
		assert_int_equal(open, 0);
	}
}

static void limits_are_kept(void **state)
{
	static const struct {
		const char *text;
		struct rpcgate_policy_limits limits;
		const char *says; /* NULL: fits */
	} cases[] = {
		{ "deny any\n", { 9, 0, 0, 1 }, NULL },
		{ "deny any\n", { 8, 0, 0, 1 }, "the file is larger than a policy's file may be" },
		{ "deny any\ndeny any",
		  { 99, 0, 0, 1 },
		  "there are more statements than one policy may have" },
		{ "include \"two\"\n", { 99, 2, 2, 9 }, NULL },
		{ "include \"two\"\n", { 99, 1, 2, 9 }, "there are too many includes" },
		{ "include \"two\"\n", { 99, 2, 1, 9 }, "includes are nested too deep" },
	};
	struct rpcgate_policy_error errors[ERRORS];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int open = 0;
		const struct rpcgate_policy_loader loader = { load, release, &open };
		size_t n;
		struct rpcgate_policy *policy =
			parse_with(cases[i].text, &loader, &cases[i].limits, errors, &n);

		assert_int_equal(policy != NULL, !cases[i].says);
		if (cases[i].says)
			assert_string_equal(errors[0].text, cases[i].says);
		rpcgate_policy_free(policy);
	}
}

/* --------------------------------------------------------------------- groups */

static void groups_have_members_and_sources(void **state)
{
	static const char *const wanted[] = {
		"lsass",
		"netlogon",
		"certsvc",
		"clussvc",
		"dfs",
		"dfsr",
		"ntfrs",
		"trksvr",
		"msdtc",
		"fax",
		"eventlog",
		"group-policy",
		"msmq",
		"exchange",
		"sms",
		"remote-storage",
		"remote-storage-notification",
		"terminal-licensing",
		"terminal-session-directory",
		"print",
		"rpcss",
		"ad-replication",
		"domain-join",
		"wmi",
		"opc-da",
		"dcom",
	};
	const struct rpcgate_group *group;

	(void)state;
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_non_null(rpcgate_group_find(wanted[i]));
	for (size_t i = 0; (group = rpcgate_group_at(i)); i++) {
		assert_ptr_equal(rpcgate_group_find(group->name), group);
		assert_true(*group->title && *group->source && group->n_members > 0);
		for (size_t k = 0; k < group->n_members; k++) {
			assert_true(*group->member[k].source);
			assert_true(rpcgate_group_has(group, &group->member[k].id.uuid));
			assert_true(groups_within(group_index(group)) >> group_index(group) & 1);
		}
		for (size_t k = 0; k < group->n_ports; k++)
			assert_true(*group->port[k].protocol && *group->port[k].source &&
				    group->port[k].first <= group->port[k].last);
	}
	assert_null(rpcgate_group_find("nothing"));
	assert_non_null(rpcgate_group_find("DFSR"));
}

static void dfsr_needs_its_static_port(void **state)
{
	const struct rpcgate_group *dfsr = rpcgate_group_find("dfsr");

	(void)state;
	assert_int_equal(dfsr->n_ports, 1);
	assert_int_equal(dfsr->port[0].first, 5722);
}

int main(void)
{
	static struct CMUnitTest
		tests[COUNT(mistakes) + COUNT(legal) + COUNT(matches) + COUNT(doubts) + 32];
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(every_bad_line_is_told),
		cmocka_unit_test(a_sentence_is_cut_at_its_room),
		cmocka_unit_test(index_says_what_reading_says),
		cmocka_unit_test(settings_are_applied),
		cmocka_unit_test(settings_that_do_not_fit_change_nothing),
		cmocka_unit_test(a_running_engine_keeps_its_tables),
		cmocka_unit_test(what_others_ask_is_held),
		cmocka_unit_test(includes_are_read_in_place),
		cmocka_unit_test(mistakes_in_includes_are_told),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(groups_have_members_and_sources),
		cmocka_unit_test(dfsr_needs_its_static_port),
	};
	size_t n = 0;

	ROWS(tests, n, mistakes, mistake_is_told);
	ROWS(tests, n, legal, legal_is_understood);
	ROWS(tests, n, matches, first_match);
	ROWS(tests, n, doubts, doubt_is_told);
	for (size_t i = 0; i < COUNT(others); i++)
		tests[n++] = others[i];
	return _cmocka_run_group_tests("policy", tests, n, NULL, NULL);
}
