/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tower.c - protocol towers: every length fits, and the last floor ends the tower */
#include <string.h>

#include "guard.h"
#include "rows.h"
#include "tower.h"
#include "uuid.h"

#define SAMR "1300 0d 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 0100 | 0200 0000 |"
#define NDR "1300 0d 04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60 0200 | 0200 0000 |"
#define CONNECTION "0100 0b 0200 0000 |"
#define DATAGRAM "0100 0a 0200 0000 |"
#define LOCAL "0100 0c 0200 0000 |"
#define TCP_49669 "0100 07 0200 c205 |"
#define UDP_135 "0100 08 0200 0087 |"
#define HTTP_593 "0100 1f 0200 0251 |"
#define IP "0100 09 0400 c0 00 02 14"
#define NETBIOS "0100 11 0600 5c 5c 53 52 56 00"
#define PIPE "0100 0f 0c00 5c 70 69 70 65 5c 73 61 6d 72 00 00 |"
#define LRPC "0100 10 0500 4c 52 50 43 00"
#define NULLS6 "0100 17 0000 0100 17 0000 0100 17 0000 0100 17 0000 0100 17 0000 0100 17 0000"

struct row {
	const char *name;
	const char *octets;
	enum parse want;
	enum rpcgate_protseq protseq;
	uint16_t port;
	bool has_ip;
	const char *endpoint;
};

#define OTHER RPCGATE_PROTSEQ_OTHER

static const struct row rows[] = {
	{ "TCP", "0500" SAMR NDR CONNECTION TCP_49669 IP, PARSE_OK, RPCGATE_NCACN_IP_TCP, 49669,
	  true, "" },
	{ "TCP without an address", "0400" SAMR NDR CONNECTION TCP_49669, PARSE_OK,
	  RPCGATE_NCACN_IP_TCP, 49669, false, "" },
	{ "TCP with a name instead", "0500" SAMR NDR CONNECTION TCP_49669 NETBIOS, PARSE_OK,
	  RPCGATE_NCACN_IP_TCP, 49669, false, "" },
	{ "port 0 is well-formed", "0500" SAMR NDR CONNECTION "0100 07 0200 0000" IP, PARSE_OK,
	  RPCGATE_NCACN_IP_TCP, 0, true, "" },
	{ "UDP", "0500" SAMR NDR DATAGRAM UDP_135 IP, PARSE_OK, RPCGATE_NCADG_IP_UDP, 135, true,
	  "" },
	{ "HTTP", "0500" SAMR NDR CONNECTION HTTP_593 IP, PARSE_OK, RPCGATE_NCACN_HTTP, 593, true,
	  "" },
	{ "HTTP with the address under id 20",
	  "0500" SAMR NDR CONNECTION HTTP_593 "0100 20 0400 c0 00 02 14", PARSE_OK,
	  RPCGATE_NCACN_HTTP, 593, true, "" },
	{ "HTTP with something else under id 20",
	  "0500" SAMR NDR CONNECTION HTTP_593 "0100 20 0300 c0 00 02", PARSE_OK, RPCGATE_NCACN_HTTP,
	  593, false, "" },
	{ "id 20 is no address for TCP",
	  "0500" SAMR NDR CONNECTION TCP_49669 "0100 20 0400 c0 00 02 14", PARSE_OK,
	  RPCGATE_NCACN_IP_TCP, 49669, false, "" },
	{ "named pipe", "0500" SAMR NDR CONNECTION PIPE NETBIOS, PARSE_OK, RPCGATE_NCACN_NP, 0,
	  false, "\\pipe\\samr" },
	{ "local", "0400" SAMR NDR LOCAL LRPC, PARSE_OK, RPCGATE_NCALRPC, 0, false, "LRPC" },
	{ "a name without its NUL", "0400" SAMR NDR LOCAL "0100 10 0400 4c 52 50 43", PARSE_OK,
	  RPCGATE_NCALRPC, 0, false, "LRPC" },
	{ "no name at all", "0400" SAMR NDR LOCAL "0100 10 0000", PARSE_OK, RPCGATE_NCALRPC, 0,
	  false, "" },
	{ "TCP under the datagram protocol is neither", "0500" SAMR NDR DATAGRAM TCP_49669 IP,
	  PARSE_OK, OTHER, 0, true, "" },
	{ "UDP under the connection protocol is neither", "0500" SAMR NDR CONNECTION UDP_135 IP,
	  PARSE_OK, OTHER, 0, true, "" },
	{ "a pipe under the local protocol is neither", "0400" SAMR NDR LOCAL PIPE, PARSE_OK, OTHER,
	  0, false, "" },
	{ "an unknown transport is well-formed", "0400" SAMR NDR CONNECTION "0100 16 0300 aa bb cc",
	  PARSE_OK, OTHER, 0, false, "" },
	{ "an unknown identifier may be longer than one octet",
	  "0400" SAMR NDR CONNECTION "0300 16 aa bb 0000", PARSE_OK, OTHER, 0, false, "" },
	{ "three floors", "0300" SAMR NDR LOCAL, PARSE_OK, OTHER, 0, false, "" },
	{ "sixteen floors", "1000" SAMR NDR CONNECTION TCP_49669 NULLS6 NULLS6, PARSE_OK,
	  RPCGATE_NCACN_IP_TCP, 49669, false, "" },
	{ "an address in floor 6 is not looked at", "0600" SAMR NDR CONNECTION TCP_49669 NETBIOS IP,
	  PARSE_OK, RPCGATE_NCACN_IP_TCP, 49669, false, "" },

	{ "nothing", "", PARSE_BAD, 0, 0, 0, "" },
	{ "half a count", "05", PARSE_BAD, 0, 0, 0, "" },
	{ "no floor", "0000", PARSE_BAD, 0, 0, 0, "" },
	{ "two floors", "0200" SAMR NDR, PARSE_BAD, 0, 0, 0, "" },
	{ "seventeen floors", "1100" SAMR NDR CONNECTION TCP_49669 NULLS6 NULLS6 "0100 17 0000",
	  PARSE_BAD, 0, 0, 0, "" },
	{ "65535 floors", "ffff" SAMR NDR CONNECTION TCP_49669 IP, PARSE_BAD, 0, 0, 0, "" },
	{ "the count in the other byte order", "0005" SAMR NDR CONNECTION TCP_49669 IP, PARSE_BAD,
	  0, 0, 0, "" },
	{ "one floor more than there is", "0600" SAMR NDR CONNECTION TCP_49669 IP, PARSE_BAD, 0, 0,
	  0, "" },
	{ "one floor less than there is", "0400" SAMR NDR CONNECTION TCP_49669 IP, PARSE_BAD, 0, 0,
	  0, "" },
	{ "one octet left over", "0500" SAMR NDR CONNECTION TCP_49669 IP "00", PARSE_BAD, 0, 0, 0,
	  "" },
	{ "floor 1 is no UUID", "0400 0100 0b 0200 0000" NDR CONNECTION TCP_49669, PARSE_BAD, 0, 0,
	  0, "" },
	{ "floor 1 has another identifier",
	  "0400 1300 0e 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 0100 0200 0000" NDR
		  CONNECTION TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "floor 1 lacks an octet of its version",
	  "0400 1200 0d 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 01 0200 0000" NDR CONNECTION
		  TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "floor 1 has one octet too many",
	  "0400 1400 0d 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 0100 00 0200 0000" NDR
		  CONNECTION TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "floor 1 ends within its UUID",
	  "0400 0800 0d 78 57 34 12 34 12 cd 0200 0000" NDR CONNECTION TCP_49669, PARSE_BAD, 0, 0,
	  0, "" },
	{ "floor 1 has a minor version of 4 octets",
	  "0400 1300 0d 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 0100 0400 0000 0000" NDR
		  CONNECTION TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "floor 1 has a minor version of 1 octet",
	  "0400 1300 0d 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 0100 0100 00" NDR CONNECTION
		  TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "floor 2 is no UUID", "0400" SAMR "0100 0b 0200 0000" CONNECTION TCP_49669, PARSE_BAD, 0,
	  0, 0, "" },
	{ "floor 3 has no identifier", "0400" SAMR NDR "0000 0200 0000" TCP_49669, PARSE_BAD, 0, 0,
	  0, "" },
	{ "floor 3 has a version of 1 octet", "0400" SAMR NDR "0100 0b 0100 00" TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "floor 3 has an identifier of 2 octets", "0400" SAMR NDR "0200 0b 00 0200 0000" TCP_49669,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "a port of 3 octets", "0500" SAMR NDR CONNECTION "0100 07 0300 c205 00" IP, PARSE_BAD, 0,
	  0, 0, "" },
	{ "a port of 1 octet", "0500" SAMR NDR CONNECTION "0100 07 0100 c2" IP, PARSE_BAD, 0, 0, 0,
	  "" },
	{ "no port", "0500" SAMR NDR CONNECTION "0100 07 0000" IP, PARSE_BAD, 0, 0, 0, "" },
	{ "a port of 4 octets for HTTP", "0500" SAMR NDR CONNECTION "0100 1f 0400 02510000" IP,
	  PARSE_BAD, 0, 0, 0, "" },
	{ "a port that runs past the end", "0400" SAMR NDR CONNECTION "0100 07 0200 c2", PARSE_BAD,
	  0, 0, 0, "" },
	{ "an identifier that runs past the end", "0400" SAMR NDR CONNECTION "ffff 07 0200 c205",
	  PARSE_BAD, 0, 0, 0, "" },
	{ "an address of 16 octets", "0500" SAMR NDR CONNECTION TCP_49669 "0100 09 1000 00(16)",
	  PARSE_BAD, 0, 0, 0, "" },
	{ "an address of 3 octets", "0500" SAMR NDR CONNECTION TCP_49669 "0100 09 0300 0a0000",
	  PARSE_BAD, 0, 0, 0, "" },
};

static void check(void **state)
{
	const struct row *row = *state;
	struct tower t;

	assert_int_equal(tower_parse(octets_of(row->octets), &t), row->want);
	if (row->want != PARSE_OK)
		return;
	assert_int_equal(t.protseq, row->protseq);
	assert_int_equal(t.port, row->port);
	assert_int_equal(t.has_ip, row->has_ip);
	assert_int_equal(t.endpoint.n, strlen(row->endpoint));
	if (t.endpoint.n)
		assert_memory_equal(t.endpoint.p, row->endpoint, t.endpoint.n);
	if (t.has_ip)
		assert_memory_equal(t.ip.octet, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x14", 16);
}

/* -------------------------------------------------------------- properties */

static void every_prefix_is_refused(void **state)
{
	static const char *const wholes[] = {
		"0500" SAMR NDR CONNECTION TCP_49669 IP,
		"0500" SAMR NDR CONNECTION PIPE NETBIOS,
		"0400" SAMR NDR LOCAL LRPC,
	};
	struct tower t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct bytes whole = octets_of(wholes[i]);

		for (size_t n = 0; n < whole.n; n++)
			assert_int_equal(tower_parse(prefix(whole, n), &t), PARSE_BAD);
	}
}

static void floors_1_and_2_are_syntaxes(void **state)
{
	char text[RPCGATE_UUID_TEXT];
	struct tower t;

	(void)state;
	assert_int_equal(
		tower_parse(octets_of("0400 1300 0d 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e "
				      "0f 0102 0200 0304" NDR CONNECTION TCP_49669),
			    &t),
		PARSE_OK);
	assert_int_equal(t.n_floors, 4);
	assert_string_equal(rpcgate_uuid_format(&t.interface.uuid, text),
			    "03020100-0504-0706-0809-0a0b0c0d0e0f");
	assert_int_equal(t.interface.major, 0x0201); /* little-endian, always */
	assert_int_equal(t.interface.minor, 0x0403);
	assert_string_equal(rpcgate_uuid_format(&t.transfer.uuid, text),
			    "8a885d04-1ceb-11c9-9fe8-08002b104860");
	assert_int_equal(t.transfer.major, 2);
	assert_int_equal(t.transfer.minor, 0);
}

static void more_than_4096_octets_are_refused(void **state)
{
	struct tower t;

	(void)state;
	/* 25 + 25 + 7 for floors 1 to 3, 2 for their count, 5 for the lengths and identifier */
	assert_int_equal(tower_parse(octets_of("0400" SAMR NDR LOCAL "0100 10 c00f 41(4032)"), &t),
			 PARSE_OK);
	assert_int_equal(t.endpoint.n, 4032);
	assert_int_equal(tower_parse(octets_of("0400" SAMR NDR LOCAL "0100 10 c10f 41(4033)"), &t),
			 PARSE_BAD);
}

static void text_ends_at_its_first_nul(void **state)
{
	struct bytes none = { NULL, 0 };

	(void)state;
	assert_int_equal(text_before_nul(octets_of("41 42 00 43 00")).n, 2);
	assert_int_equal(text_before_nul(octets_of("00 41")).n, 0);
	assert_int_equal(text_before_nul(octets_of("41 42")).n, 2);
	assert_int_equal(text_before_nul(none).n, 0);
}

static void protocol_sequences_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(rpcgate_protseq_name(RPCGATE_NCACN_IP_TCP), "ncacn_ip_tcp");
	assert_string_equal(rpcgate_protseq_name(RPCGATE_NCADG_IP_UDP), "ncadg_ip_udp");
	assert_string_equal(rpcgate_protseq_name(RPCGATE_NCACN_NP), "ncacn_np");
	assert_string_equal(rpcgate_protseq_name(RPCGATE_NCACN_HTTP), "ncacn_http");
	assert_string_equal(rpcgate_protseq_name(RPCGATE_NCALRPC), "ncalrpc");
	assert_string_equal(rpcgate_protseq_name(RPCGATE_PROTSEQ_OTHER), "other");
	assert_string_equal(rpcgate_protseq_name((enum rpcgate_protseq)77), "other");
}

static void what_is_refused_leaves_the_tower_as_it_was(void **state)
{
	struct tower t, before;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	t = before;
	assert_int_equal(tower_parse(octets_of("0500" SAMR NDR CONNECTION TCP_49669 IP "00"), &t),
			 PARSE_BAD);
	assert_memory_equal(&t, &before, sizeof(t));
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(floors_1_and_2_are_syntaxes),
		cmocka_unit_test(more_than_4096_octets_are_refused),
		cmocka_unit_test(text_ends_at_its_first_nul),
		cmocka_unit_test(protocol_sequences_have_their_names),
		cmocka_unit_test(what_is_refused_leaves_the_tower_as_it_was),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, check);
	return cmocka_run_group_tests_name("tower, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("tower", properties, NULL, NULL);
}
