/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cl.c - connectionless PDUs: what is one, and what of it is read */
#include <string.h>

#include "cl.h"
#include "guard.h"
#include "rows.h"
#include "uuid.h"

#define NIL "00(16)"
#define EPM_TEXT "e1af8308-5d1f-11c9-91a4-08002b14a0fa"

/* In pieces, so that a row changes one of them */
#define START "04 00 20 00"
#define DREP "10 00 00 00"
#define EPM "08 83 af e1 1f 5d c9 11 91 a4 08 00 2b 14 a0 fa"
#define ACTIVITY "03 02 01 00 05 04 07 06 08 09 0a 0b 0c 0d 0e 0f"
#define NUMBERS "78 56 34 12 03 00 02 00 2a 00 00 00 03 00 ff ff ff ff"
#define BODY4 "04 00 07 00 00 01"
#define HEAD(start, drep) start drep NIL EPM ACTIVITY NUMBERS

struct row {
	const char *name;
	const char *octets;
	enum parse want;
};

static const struct row rows[] = {
	{ "a request", HEAD(START, DREP) BODY4 "aa bb cc dd", PARSE_OK },
	{ "octets behind the body may be a verifier", HEAD(START, DREP) BODY4 "aa(12)", PARSE_OK },
	{ "no body", HEAD(START, DREP) "00 00 00 00 00 00", PARSE_OK },
	{ "the last type", HEAD("04 0a 00 00", DREP) BODY4 "aa(4)", PARSE_OK },
	{ "any flags", HEAD("04 00 ff ff", DREP) BODY4 "aa(4)", PARSE_OK },
	{ "no octets", "", PARSE_BAD },
	{ "a version of connections", HEAD("05 00 20 00", DREP) BODY4 "aa(4)", PARSE_BAD },
	{ "a type of connections", HEAD("04 0b 20 00", DREP) BODY4 "aa(4)", PARSE_BAD },
	{ "EBCDIC", HEAD(START, "11 00 00 00") BODY4 "aa(4)", PARSE_BAD },
	{ "VAX floats", HEAD(START, "10 01 00 00") BODY4 "aa(4)", PARSE_BAD },
	{ "a reserved octet", HEAD(START, "10 00 01 00") BODY4 "aa(4)", PARSE_BAD },
	{ "a serial number is none", HEAD(START, "10 00 00 01") BODY4 "aa(4)", PARSE_OK },
	{ "a body longer than the datagram", HEAD(START, DREP) "05 00 00 00 00 00 aa(4)",
	  PARSE_BAD },
	{ "the longest body, not there", HEAD(START, DREP) "ff ff 00 00 00 00 aa(4)", PARSE_BAD },
	{ "the other byte order makes the body too long", HEAD(START, "00 00 00 00") BODY4 "aa(4)",
	  PARSE_BAD },
};

static void one_row(void **state)
{
	const struct row *row = *state;
	struct cl_pdu pdu, before;

	memset(&before, 0xa5, sizeof(before));
	pdu = before;
	assert_int_equal(cl_parse(octets_of(row->octets), &pdu), row->want);
	if (row->want == PARSE_BAD)
		assert_memory_equal(&pdu, &before, sizeof(pdu));
}

static void every_prefix_is_refused(void **state)
{
	struct bytes whole = octets_of(HEAD(START, DREP) BODY4 "aa bb cc dd");
	struct cl_pdu pdu;

	(void)state;
	assert_int_equal(whole.n, CL_HEADER_LEN + 4);
	for (size_t n = 0; n < whole.n; n++)
		assert_int_equal(cl_parse(prefix(whole, n), &pdu), PARSE_BAD);
	assert_int_equal(cl_parse(whole, &pdu), PARSE_OK);
}

/* What a capture cut short: the header alone says whose it is, whatever is left of the body */
static void a_header_is_enough(void **state)
{
	struct bytes whole = octets_of(HEAD(START, DREP) BODY4 "aa bb cc dd");
	struct cl_pdu pdu;

	(void)state;
	for (size_t n = 0; n <= whole.n; n++) {
		assert_int_equal(cl_header_parse(prefix(whole, n), &pdu),
				 n < CL_HEADER_LEN ? PARSE_BAD : PARSE_OK);
		if (n < CL_HEADER_LEN)
			continue;
		assert_int_equal(pdu.interface.major, 3);
		assert_int_equal(pdu.body.n, 0);
	}
	assert_int_equal(cl_header_parse(octets_of(HEAD("05 00 20 00", DREP) BODY4), &pdu),
			 PARSE_BAD);
}

static void check_uuid(const struct rpcgate_uuid *uuid, const char *want)
{
	char text[RPCGATE_UUID_TEXT];

	assert_string_equal(rpcgate_uuid_format(uuid, text), want);
}

static void check_fields(const struct cl_pdu *pdu)
{
	assert_int_equal(pdu->ptype, CL_RESPONSE);
	assert_int_equal(pdu->flags1, CL_FRAGMENT | CL_LAST_FRAGMENT);
	assert_int_equal(pdu->flags2, 2);
	check_uuid(&pdu->object, "00112233-4455-6677-8899-aabbccddeeff");
	check_uuid(&pdu->interface.uuid, EPM_TEXT);
	assert_int_equal(pdu->interface.major, 3);
	assert_int_equal(pdu->interface.minor, 2);
	check_uuid(&pdu->activity, "00010203-0405-0607-0809-0a0b0c0d0e0f");
	assert_int_equal(pdu->server_boot, 0x12345678);
	assert_int_equal(pdu->sequence, 42);
	assert_int_equal(pdu->opnum, 3);
	assert_int_equal(pdu->fragment, 7);
	assert_int_equal(pdu->auth_protocol, 10);
	assert_int_equal(pdu->body.n, 2);
	assert_memory_equal(pdu->body.p, "\xaa\xbb", 2);
}

static void every_field_in_either_byte_order(void **state)
{
	struct cl_pdu pdu;

	(void)state;
	assert_int_equal(
		cl_parse(octets_of("04 02 06 02 10 00 00 00 "
				   "33 22 11 00 55 44 77 66 88 99 aa bb cc dd ee ff " EPM ACTIVITY
					   NUMBERS "02 00 07 00 0a 01 aa bb cc"),
			 &pdu),
		PARSE_OK);
	assert_false(pdu.big);
	check_fields(&pdu);
	assert_int_equal(cl_parse(octets_of("04 02 06 02 00 00 00 00 "
					    "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff "
					    "e1 af 83 08 5d 1f 11 c9 91 a4 08 00 2b 14 a0 fa "
					    "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f "
					    "12 34 56 78 00 02 00 03 00 00 00 2a 00 03 ff ff ff ff "
					    "00 02 00 07 0a 01 aa bb cc"),
				  &pdu),
			 PARSE_OK);
	assert_true(pdu.big);
	check_fields(&pdu);
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(a_header_is_enough),
		cmocka_unit_test(every_field_in_either_byte_order),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, one_row);
	return cmocka_run_group_tests_name("connectionless, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("connectionless", properties, NULL, NULL);
}
