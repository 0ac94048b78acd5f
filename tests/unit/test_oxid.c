/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_oxid.c - string bindings and the OXID resolver: text that becomes ports, or does not */
#include <string.h>

#include "addr.h"
#include "guard.h"
#include "octets.h"
#include "oxid.h"
#include "rows.h"
#include "vector.h"

#define NONE RPCGATE_REASON_NONE
#define BAD_NDR RPCGATE_REASON_MALFORMED_NDR
#define LIMIT RPCGATE_REASON_LIMIT

/* ----------------------------------------------------------------- builders */

/* How an answer is laid out */
struct layout {
	bool big;
	bool wide; /* NDR64 */
};

static const struct layout layouts[] = { { false, false }, { true, false }, { false, true } };

static void put_wide(struct octets *o, struct layout how, uint64_t v)
{
	if (how.wide) {
		octets_align(o, 0, 8);
		octets_u64(o, v, how.big);
	} else {
		octets_align(o, 0, 4);
		octets_u32(o, (uint32_t)v, how.big);
	}
}

static void put_text(struct octets *o, struct layout how, const char *text)
{
	for (; *text; text++)
		octets_u16(o, (uint8_t)*text, how.big);
	octets_u16(o, 0, how.big);
}

struct string {
	uint16_t id;
	const char *text;
};

/* DUALSTRINGARRAY with one security binding */
static void put_strings(struct octets *o, struct layout how, const struct string *s, size_t n)
{
	size_t offset = 1, entries;

	for (size_t i = 0; i < n; i++)
		offset += strlen(s[i].text) + 2;
	entries = offset + 4;
	put_wide(o, how, entries);
	octets_u16(o, (unsigned)entries, how.big);
	octets_u16(o, (unsigned)offset, how.big);
	for (size_t i = 0; i < n; i++) {
		octets_u16(o, s[i].id, how.big);
		put_text(o, how, s[i].text);
	}
	octets_u16(o, 0, how.big);
	octets_u16(o, 0x0a, how.big); /* NTLM */
	octets_u16(o, 0xffff, how.big);
	octets_u16(o, 0, how.big);
	octets_u16(o, 0, how.big);
}

static void put_answer(struct octets *o, struct layout how, uint16_t opnum, const struct string *s,
		       size_t n, uint32_t status)
{
	if (opnum == OXID_SERVER_ALIVE2) {
		octets_u16(o, 5, how.big);
		octets_u16(o, 7, how.big);
	}
	put_wide(o, how, 0x20000);
	put_strings(o, how, s, n);
	octets_align(o, 0, 4);
	if (opnum != OXID_SERVER_ALIVE2)
		octets_room(o, 16);
	octets_u32(o, 5, how.big);
	if (opnum == OXID_RESOLVE2) {
		octets_u16(o, 5, how.big);
		octets_u16(o, 7, how.big);
	}
	octets_u32(o, status, how.big);
}

static struct ndr stub_of(const struct octets *o, struct layout how)
{
	return ndr_of(guarded(o->p, o->n), how.big, how.wide);
}

/* ------------------------------------------------------------- text of a host */

struct text_row {
	const char *name;
	const char *text;
	uint16_t port;
	enum string_host kind;
	const char *address; /* or the name where it is not all in front of '[' */
};

static const struct text_row text_rows[] = {
	{ "a name", "srv1[49670]", 49670, HOST_NAME, "srv1" },
	{ "a DNS name", "srv1.example.com[49670]", 49670, HOST_NAME, "srv1.example.com" },
	{ "a DNS name with its root", "srv1.example.com.[1024]", 1024, HOST_NAME, NULL },
	{ "a name that begins with digits", "01566s-win16-ir[49670]", 49670, HOST_NAME, NULL },
	{ "an IPv4 address", "192.0.2.20[49670]", 49670, HOST_ADDRESS, "192.0.2.20" },
	{ "an IPv6 address", "fd00::20[49670]", 49670, HOST_ADDRESS, "fd00::20" },
	{ "an IPv6 address in brackets", "[fd00::20][49670]", 49670, HOST_ADDRESS, "fd00::20" },
	{ "an IPv6 address with a zone", "fe80::20%11[49670]", 49670, HOST_ADDRESS, "fe80::20" },
	{ "IPv4 written as IPv6", "::ffff:192.0.2.20[49670]", 49670, HOST_ADDRESS, "192.0.2.20" },
	{ "an IPv4 address with a zone", "192.0.2.20%1[49670]", 49670, HOST_ODD, NULL },
	{ "an octet above 255", "192.0.2.256[49670]", 49670, HOST_ODD, NULL },
	{ "an octet that may be octal", "192.0.2.020[49670]", 49670, HOST_ODD, NULL },
	{ "half an address", "10.1[49670]", 49670, HOST_ODD, NULL },
	{ "an address as one number", "3221225994[49670]", 49670, HOST_ODD, NULL },
	{ "an address as one hexadecimal number", "0xc0000214[49670]", 49670, HOST_ODD, NULL },
	{ "three colons", "fd00:::20[49670]", 49670, HOST_ODD, NULL },
	{ "no host", "[49670]", 49670, HOST_ODD, "" },
	{ "a dot", ".[49670]", 49670, HOST_ODD, NULL },
	{ "a blank in the name", "srv 1[49670]", 49670, HOST_ODD, NULL },
	{ "two endpoints: the last counts", "srv1[1][49670]", 49670, HOST_ODD, NULL },
	{ "nothing at all", "", 0, HOST_ODD, "" },
	{ "no endpoint", "srv1", 0, HOST_NAME, "srv1" },
	{ "an address without endpoint", "192.0.2.20", 0, HOST_ADDRESS, "192.0.2.20" },
	{ "an empty endpoint", "srv1[]", 0, HOST_NAME, "srv1" },
	{ "a bracket", "[", 0, HOST_ODD, NULL },
	{ "a closing bracket", "]", 0, HOST_ODD, NULL },
	{ "an endpoint that is not closed", "srv1[49670", 0, HOST_ODD, NULL },
	{ "an endpoint that is not opened", "srv1 49670]", 0, HOST_ODD, NULL },
	{ "text behind the endpoint", "srv1[49670]x", 0, HOST_ODD, NULL },
	{ "port 1", "srv1[1]", 1, HOST_NAME, NULL },
	{ "port 65535", "srv1[65535]", 65535, HOST_NAME, NULL },
	{ "port 0", "srv1[0]", 0, HOST_NAME, NULL },
	{ "port 65536", "srv1[65536]", 0, HOST_NAME, NULL },
	{ "port 99999", "srv1[99999]", 0, HOST_NAME, NULL },
	{ "six digits", "srv1[049670]", 0, HOST_NAME, NULL },
	{ "2^32 + 49670", "srv1[4295016966]", 0, HOST_NAME, NULL },
	{ "a leading 0", "srv1[08080]", 0, HOST_NAME, NULL },
	{ "a minus", "srv1[-1]", 0, HOST_NAME, NULL },
	{ "a plus", "srv1[+4967]", 0, HOST_NAME, NULL },
	{ "a blank before the port", "srv1[ 4967]", 0, HOST_NAME, NULL },
	{ "a blank behind the port", "srv1[4967 ]", 0, HOST_NAME, NULL },
	{ "hexadecimal", "srv1[0xc20]", 0, HOST_NAME, NULL },
	{ "hexadecimal without a mark", "srv1[c206]", 0, HOST_NAME, NULL },
	{ "an exponent", "srv1[5e4]", 0, HOST_NAME, NULL },
	{ "a service name", "srv1[epmap]", 0, HOST_NAME, NULL },
};

static struct string_binding only_string(const struct octets *o, struct layout how)
{
	struct ndr n = stub_of(o, how);
	enum rpcgate_reason why = NONE;
	struct dual_strings s;
	struct string_binding b;

	assert_int_equal(dual_strings_parse(&n, &s, &why), PARSE_OK);
	assert_int_equal(s.n, 1);
	assert_true(ndr_at_end(&n));
	assert_true(dual_strings_next(&s, &b));
	assert_false(dual_strings_next(&s, &(struct string_binding){ 0 }));
	return b;
}

static void text_row(void **state)
{
	const struct text_row *row = *state;

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct string s = { 7, row->text };
		char text[RPCGATE_ADDR_TEXT];
		struct string_binding b;
		struct octets o = { 0 };

		put_strings(&o, layouts[i], &s, 1);
		b = only_string(&o, layouts[i]);
		assert_int_equal(b.protseq, RPCGATE_NCACN_IP_TCP);
		assert_int_equal(b.port, row->port);
		assert_int_equal(b.kind, row->kind);
		if (row->kind == HOST_ADDRESS)
			assert_string_equal(rpcgate_addr_format(&b.ip, text), row->address);
		else if (row->address) {
			assert_int_equal(b.host_len, strlen(row->address));
			assert_memory_equal(b.host, row->address, b.host_len);
		}
		octets_free(&o);
	}
}

static void ports_are_those_of_tcp_and_http(void **state)
{
	static const struct {
		uint16_t id;
		enum rpcgate_protseq protseq;
		uint16_t port;
	} rows[] = { { 0x07, RPCGATE_NCACN_IP_TCP, 49670 }, { 0x1f, RPCGATE_NCACN_HTTP, 49670 },
		     { 0x08, RPCGATE_NCADG_IP_UDP, 0 },     { 0x0f, RPCGATE_NCACN_NP, 0 },
		     { 0x10, RPCGATE_NCALRPC, 0 },          { 0x0b, RPCGATE_PROTSEQ_OTHER, 0 },
		     { 0x0107, RPCGATE_PROTSEQ_OTHER, 0 },  { 0x0700, RPCGATE_PROTSEQ_OTHER, 0 },
		     { 0xffff, RPCGATE_PROTSEQ_OTHER, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct string s = { rows[i].id, "srv1[49670]" };
		struct string_binding b;
		struct octets o = { 0 };

		put_strings(&o, layouts[0], &s, 1);
		b = only_string(&o, layouts[0]);
		assert_int_equal(b.tower_id, rows[i].id);
		assert_int_equal(b.protseq, rows[i].protseq);
		assert_int_equal(b.port, rows[i].port);
		octets_free(&o);
	}
}

/* Digits and names beyond ASCII; text that is no UTF-16 */
static void names_come_as_utf8(void **state)
{
	static const struct {
		const char *units; /* all of the array behind its counts */
		uint16_t port;
		const char *host;
	} rows[] = {
		{ "0700 e400 5b00 3500 3000 3000 3000 5d00 0000 0000", 5000, "\xc3\xa4" },
		{ "0700 ac20 5b00 3500 3000 3000 3000 5d00 0000 0000", 5000, "\xe2\x82\xac" },
		{ "0700 3dd8 00de 5b00 3500 3000 3000 5d00 0000 0000", 500, "\xf0\x9f\x98\x80" },
		{ "0700 3dd8 7800 5b00 3500 3000 3000 5d00 0000 0000", 500, "\xef\xbf\xbdx" },
		{ "0700 00de 3dd8 5b00 3500 3000 3000 5d00 0000 0000", 500,
		  "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "0700 3dd8 3dd8 5b00 3500 3000 3000 5d00 0000 0000", 500,
		  "\xef\xbf\xbd\xef\xbf\xbd" },
		/* fullwidth digits are none; nor are the low halves of other letters */
		{ "0700 7800 7800 5b00 15ff 10ff 10ff 5d00 0000 0000", 0, "xx" },
		{ "0700 7800 7800 5b00 3501 3000 3000 5d00 0000 0000", 0, "xx" },
		{ "0700 7800 7800 7800 5b01 3500 3000 5d00 0000 0000", 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes all =
			joined(octets_of("0a000000 0a00 0a00"), octets_of(rows[i].units));
		struct ndr n = ndr_of(all, false, false);
		enum rpcgate_reason why = NONE;
		struct string_binding b;
		struct dual_strings s;

		assert_int_equal(dual_strings_parse(&n, &s, &why), PARSE_OK);
		assert_true(dual_strings_next(&s, &b));
		assert_int_equal(b.port, rows[i].port);
		if (rows[i].host) {
			assert_int_equal(b.host_len, strlen(rows[i].host));
			assert_memory_equal(b.host, rows[i].host, b.host_len);
		}
	}
}

/* A long name is cut between letters; its port counts all the same */
static void a_long_name_is_cut(void **state)
{
	struct octets o = { 0 };
	struct string_binding b;
	struct dual_strings s;
	enum rpcgate_reason why = NONE;
	struct ndr n;

	(void)state;
	octets_u32(&o, 48, false);
	octets_u16(&o, 48, false);
	octets_u16(&o, 48, false);
	octets_u16(&o, 7, false);
	for (size_t i = 0; i < 40; i++)
		octets_u16(&o, 0xe4, false);
	put_text(&o, layouts[0], "[135]");
	octets_u16(&o, 0, false);
	n = stub_of(&o, layouts[0]);
	assert_int_equal(dual_strings_parse(&n, &s, &why), PARSE_OK);
	assert_true(dual_strings_next(&s, &b));
	assert_int_equal(b.port, 135);
	assert_int_equal(b.host_len, 64);
	for (size_t i = 0; i < 64; i += 2)
		assert_memory_equal(b.host + i, "\xc3\xa4", 2);
	octets_free(&o);
}

/* ----------------------------------------------------------- shape of an array */

struct array_row {
	const char *name;
	bool ndr64;
	const char *octets;
	enum parse want;
	enum rpcgate_reason why;
	uint32_t n;
};

#define HOST "0700 6100 0000 "

static const struct array_row array_rows[] = {
	{ "the smallest array", false, "04000000 0400 0200 0000 0000 0000 0000", PARSE_OK, NONE,
	  0 },
	{ "one string and no security", false, "04000000 0400 0400" HOST "0000", PARSE_OK, NONE,
	  1 },
	{ "one string and one security binding", false,
	  "08000000 0800 0400" HOST "0000 0a00 ffff 0000 0000", PARSE_OK, NONE, 1 },
	{ "a security binding with a name", false,
	  "09000000 0900 0400" HOST "0000 0a00 ffff 6200 0000 0000", PARSE_OK, NONE, 1 },
	{ "two strings", false, "07000000 0700 0700" HOST HOST "0000", PARSE_OK, NONE, 2 },
	{ "an empty string", false, "03000000 0300 0300 0700 0000 0000", PARSE_OK, NONE, 1 },
	{ "NDR64", true, "04000000 00000000 0400 0400" HOST "0000", PARSE_OK, NONE, 1 },
	{ "a conformance that is not the count", false, "05000000 0400 0400" HOST "0000", PARSE_BAD,
	  BAD_NDR, 0 },
	{ "a conformance of 2^16 more", false, "04000100 0400 0400" HOST "0000", PARSE_BAD, BAD_NDR,
	  0 },
	{ "a conformance of 2^32 more in NDR64", true, "04000000 01000000 0400 0400" HOST "0000",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "no entries", false, "00000000 0000 0000", PARSE_BAD, BAD_NDR, 0 },
	{ "no string part", false, "02000000 0200 0000 0000 0000", PARSE_BAD, BAD_NDR, 0 },
	{ "security behind the end", false, "04000000 0400 0500" HOST "0000 0000", PARSE_BAD,
	  BAD_NDR, 0 },
	{ "more entries than octets", false, "05000000 0500 0400" HOST "0000", PARSE_BAD, BAD_NDR,
	  0 },
	{ "65535 entries, none there", false, "ffff0000 ffff ffff", PARSE_BAD, BAD_NDR, 0 },
	{ "a string without end", false, "04000000 0400 0400 0700 6100 6200 6300", PARSE_BAD,
	  BAD_NDR, 0 },
	{ "a list without end", false, "03000000 0300 0300" HOST, PARSE_BAD, BAD_NDR, 0 },
	{ "a string that ends in the security part", false,
	  "06000000 0600 0300 0700 6100 6200 0000 0000 0000", PARSE_BAD, BAD_NDR, 0 },
	{ "a list that ends in the security part", false, "04000000 0400 0300" HOST "0000",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "a string hidden behind the end of the list", false,
	  "07000000 0700 0700" HOST "0000" HOST, PARSE_BAD, BAD_NDR, 0 },
	{ "a security binding without end", false,
	  "08000000 0800 0400" HOST "0000 0a00 ffff 6200 6300", PARSE_BAD, BAD_NDR, 0 },
	{ "a security list without end", false, "07000000 0700 0400" HOST "0000 0a00 ffff 0000",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "half a security binding", false, "05000000 0500 0400" HOST "0000 0a00", PARSE_BAD,
	  BAD_NDR, 0 },
};

static void array_row(void **state)
{
	const struct array_row *row = *state;
	struct ndr n = ndr_of(octets_of(row->octets), false, row->ndr64);
	enum rpcgate_reason why = NONE;
	struct string_binding b;
	struct dual_strings s;
	uint32_t seen = 0;

	assert_int_equal(dual_strings_parse(&n, &s, &why), row->want);
	assert_int_equal(why, row->why);
	if (row->want != PARSE_OK)
		return;
	assert_int_equal(s.n, row->n);
	while (dual_strings_next(&s, &b))
		seen++;
	assert_int_equal(seen, row->n);
	assert_true(ndr_at_end(&n));
}

/* As many strings, and of as many units, as are allowed; one more is a limit */
static void strings_are_bounded(void **state)
{
	static const struct {
		uint32_t strings, units;
		enum parse want;
	} rows[] = { { OXID_MAX_STRINGS, 1, PARSE_OK },
		     { OXID_MAX_STRINGS + 1, 1, PARSE_BAD },
		     { 1, OXID_MAX_UNITS, PARSE_OK },
		     { 1, OXID_MAX_UNITS + 1, PARSE_BAD },
		     { OXID_MAX_STRINGS, OXID_MAX_UNITS, PARSE_OK } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
		uint32_t strings = rows[i / 2].strings, units = rows[i / 2].units;
		bool security = i % 2;
		uint32_t entries = strings * (units + (security ? 3 : 2)) + 1 + security;
		enum rpcgate_reason why = NONE;
		struct octets o = { 0 };
		struct dual_strings s;
		struct ndr n;

		octets_u32(&o, entries, false);
		octets_u16(&o, entries, false);
		octets_u16(&o, security ? 1 : entries, false);
		if (security)
			octets_u16(&o, 0, false);
		for (uint32_t k = 0; k < strings; k++) {
			octets_u16(&o, 7, false);
			if (security)
				octets_u16(&o, 0, false);
			for (uint32_t u = 0; u < units; u++)
				octets_u16(&o, 'a', false);
			octets_u16(&o, 0, false);
		}
		octets_u16(&o, 0, false);
		n = stub_of(&o, layouts[0]);
		assert_int_equal(dual_strings_parse(&n, &s, &why), rows[i / 2].want);
		assert_int_equal(why, rows[i / 2].want == PARSE_OK ? NONE : LIMIT);
		octets_free(&o);
	}
}

/* -------------------------------------------------------------- the resolver */

static const struct string exporter[] = {
	{ 0x0f, "\\\\\\\\SRV1[\\\\PIPE\\\\atsvc]" },
	{ 0x07, "srv1[49670]" },
	{ 0x07, "192.0.2.20[49671]" },
};

static const uint16_t opnums[] = { OXID_RESOLVE, OXID_RESOLVE2, OXID_SERVER_ALIVE2 };

static void an_answer_gives_its_strings(void **state)
{
	static const uint16_t ports[] = { 0, 49670, 49671 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts) * ARRAY_SIZE(opnums); i++) {
		struct layout how = layouts[i / ARRAY_SIZE(opnums)];
		uint16_t opnum = opnums[i % ARRAY_SIZE(opnums)];
		enum rpcgate_reason why = NONE;
		struct string_binding b;
		struct octets o = { 0 };
		struct oxid_answer a;

		put_answer(&o, how, opnum, exporter, ARRAY_SIZE(exporter), 0x12345678);
		assert_int_equal(oxid_answer_parse(stub_of(&o, how), opnum, &a, &why), PARSE_OK);
		assert_int_equal(a.status, 0x12345678);
		assert_int_equal(a.bindings.n, 3);
		for (size_t k = 0; k < 3; k++) {
			assert_true(dual_strings_next(&a.bindings, &b));
			assert_int_equal(b.tower_id, exporter[k].id);
			assert_int_equal(b.port, ports[k]);
		}
		assert_false(dual_strings_next(&a.bindings, &b));
		octets_free(&o);
	}
}

static void every_prefix_of_an_answer_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts) * ARRAY_SIZE(opnums); i++) {
		struct layout how = layouts[i / ARRAY_SIZE(opnums)];
		uint16_t opnum = opnums[i % ARRAY_SIZE(opnums)];
		struct octets o = { 0 };
		struct oxid_answer a;

		put_answer(&o, how, opnum, exporter, ARRAY_SIZE(exporter), 0);
		octets_u8(&o, 0); /* and with an octet too many */
		for (size_t n = 0; n <= o.n; n++) {
			struct bytes part = prefix((struct bytes){ o.p, o.n }, n);
			enum rpcgate_reason why = NONE;
			enum parse want = n == o.n - 1 ? PARSE_OK : PARSE_BAD;

			assert_int_equal(oxid_answer_parse(ndr_of(part, how.big, how.wide), opnum,
							   &a, &why),
					 want);
			assert_int_equal(why, want == PARSE_OK ? NONE : BAD_NDR);
		}
		octets_free(&o);
	}
}

struct stub_row {
	const char *name;
	bool request;
	bool ndr64;
	uint16_t opnum;
	const char *octets;
	enum parse want;
	enum rpcgate_reason why;
};

#define OXID "8877665544332211 "

static const struct stub_row stub_rows[] = {
	{ "ResolveOxid asks", true, false, 0, OXID "0100 0000 01000000 0700", PARSE_OK, NONE },
	{ "ResolveOxid2 asks for nothing", true, false, 4, OXID "0000 0000 00000000", PARSE_OK,
	  NONE },
	{ "ResolveOxid2 asks in NDR64", true, true, 4,
	  OXID "0100 000000000000 0100000000000000 0700", PARSE_OK, NONE },
	{ "ResolveOxid2 asks, with a verification trailer", true, false, 4,
	  OXID "0200 0000 02000000 0700 1f00 8ae3137102f43671", PARSE_OK, NONE },
	{ "ServerAlive2 asks", true, false, 5, "", PARSE_OK, NONE },
	{ "SimplePing asks for nothing we know", true, false, 1, OXID, PARSE_BAD, BAD_NDR },
	{ "a count that is not the conformance", true, false, 4,
	  OXID "0100 0000 02000000 0700 0700", PARSE_BAD, BAD_NDR },
	{ "protocols past the stub", true, false, 4, OXID "0200 0000 02000000 0700", PARSE_BAD,
	  BAD_NDR },
	{ "65 protocols", true, false, 4, OXID "4100 0000 41000000 00(130)", PARSE_BAD, LIMIT },
	{ "65 protocols, one there", true, false, 4, OXID "4100 0000 01000000 0700", PARSE_BAD,
	  LIMIT },
	{ "2^31 protocols", true, false, 4, OXID "0100 0000 00000080 0700", PARSE_BAD, LIMIT },
	{ "half an OXID", true, false, 4, "88776655", PARSE_BAD, BAD_NDR },
	{ "no bindings, an error", false, false, 4, "00000000 00(16) 00000000 0500 0700 5e070780",
	  PARSE_OK, NONE },
	{ "the answer to ResolveOxid read as that to ResolveOxid2", false, false, 4,
	  "00000000 00(16) 00000000 00000000", PARSE_BAD, BAD_NDR },
	{ "the answer to ResolveOxid2 read as that to ResolveOxid", false, false, 0,
	  "00000000 00(16) 00000000 0500 0700 00000000", PARSE_BAD, BAD_NDR },
	{ "a pointer and no array", false, false, 4, "00000200", PARSE_BAD, BAD_NDR },
	{ "NDR read as NDR64", false, true, 4, "00000000 00(16) 00000000 0500 0700 00000000",
	  PARSE_BAD, BAD_NDR },
	{ "the answer to SimplePing", false, false, 1, "00000000", PARSE_BAD, BAD_NDR },
};

static void stub_row(void **state)
{
	const struct stub_row *row = *state;
	struct ndr stub = ndr_of(octets_of(row->octets), false, row->ndr64);
	enum rpcgate_reason why = NONE;
	struct oxid_request q;
	struct oxid_answer a;

	assert_int_equal(row->request ? oxid_request_parse(stub, row->opnum, &q, &why) :
					oxid_answer_parse(stub, row->opnum, &a, &why),
			 row->want);
	assert_int_equal(why, row->why);
}

static void ndr64_is_little_endian_only(void **state)
{
	struct bytes zeros = octets_of("00(64)");
	enum rpcgate_reason why = NONE;
	struct oxid_request q;
	struct oxid_answer a;

	(void)state;
	assert_int_equal(oxid_request_parse(ndr_of(zeros, true, true), 5, &q, &why), PARSE_BAD);
	assert_int_equal(why, BAD_NDR);
	why = NONE;
	assert_int_equal(oxid_answer_parse(ndr_of(zeros, true, true), 4, &a, &why), PARSE_BAD);
	assert_int_equal(why, BAD_NDR);
}

/* ------------------------------------------------------------------- vectors */

static void recorded_calls(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		enum string_host kind;
	} want[] = { { "srv1", 49670, HOST_NAME },
		     { "192.0.2.20", 49670, HOST_ADDRESS },
		     { "fd00::20", 49670, HOST_ADDRESS },
		     { "\\\\\\\\SRV1", 0, HOST_NAME } };
	enum rpcgate_reason why = NONE;
	struct string_binding b;
	struct oxid_request q;
	struct oxid_answer a;

	(void)state;
	assert_int_equal(oxid_request_parse(vector_stub("v52_resolveoxid2_req_free"), 4, &q, &why),
			 PARSE_OK);
	assert_true(q.oxid == 0x1122334455667788);
	assert_int_equal(q.n_protseqs, 1);
	assert_int_equal(oxid_answer_parse(vector_stub("v53_resolveoxid2_resp_free"), 4, &a, &why),
			 PARSE_OK);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.bindings.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(dual_strings_next(&a.bindings, &b));
		assert_int_equal(b.port, want[i].port);
		assert_int_equal(b.kind, want[i].kind);
		assert_int_equal(b.host_len, strlen(want[i].host));
		assert_memory_equal(b.host, want[i].host, b.host_len);
	}
}

static void malformed_answers(void **state)
{
	static const struct {
		const char *name;
		enum parse want;
	} rows[] = { { "malformed/m38_dsa_security_offset_over", PARSE_BAD },
		     { "malformed/m39_dsa_unterminated", PARSE_BAD },
		     { "malformed/m40_dsa_port_99999", PARSE_OK } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum rpcgate_reason why = NONE;
		struct string_binding b;
		struct oxid_answer a;

		assert_int_equal(oxid_answer_parse(vector_stub(rows[i].name), 4, &a, &why),
				 rows[i].want);
		assert_int_equal(why, rows[i].want == PARSE_OK ? NONE : BAD_NDR);
		if (rows[i].want != PARSE_OK)
			continue;
		assert_int_not_equal(a.bindings.n, 0);
		while (dual_strings_next(&a.bindings, &b))
			assert_int_equal(b.port, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(ports_are_those_of_tcp_and_http),
		cmocka_unit_test(names_come_as_utf8),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(strings_are_bounded),
		cmocka_unit_test(an_answer_gives_its_strings),
		cmocka_unit_test(every_prefix_of_an_answer_is_refused),
		cmocka_unit_test(ndr64_is_little_endian_only),
		cmocka_unit_test(recorded_calls),
		cmocka_unit_test(malformed_answers),
	};
	struct CMUnitTest tests[ARRAY_SIZE(text_rows) + ARRAY_SIZE(array_rows) +
				ARRAY_SIZE(stub_rows) + ARRAY_SIZE(properties)];
	size_t n = 0;

	ROWS(tests, n, text_rows, text_row);
	ROWS(tests, n, array_rows, array_row);
	ROWS(tests, n, stub_rows, stub_row);
	memcpy(tests + n, properties, sizeof(properties));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
