/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pdu.c - cutting PDUs out of a stream: what is a beginning, what is none, what is inside */
#include <string.h>

#include "guard.h"
#include "pdu.h"
#include "rows.h"

/* ------------------------------------------------------------------ header */

struct header_row {
	const char *name;
	const char *octets;
	enum parse want;
};

#define LE "10 00 00 00"
#define BE "00 00 00 00"

static const struct header_row header_rows[] = {
	{ "an empty stream asks for more", "", PARSE_MORE },
	{ "the version alone asks for more", "05", PARSE_MORE },
	{ "version 4 is refused at its first octet", "04", PARSE_BAD },
	{ "version 6 is refused at its first octet", "06", PARSE_BAD },
	{ "the text of RPC over HTTP is refused at its first octet", "6e 63 61 63", PARSE_BAD },
	{ "a TLS record is refused at its first octet", "16 03 01", PARSE_BAD },
	{ "minor version 1 is read like 0", "05 01", PARSE_MORE },
	{ "minor version 2 is refused at the second octet", "05 02", PARSE_BAD },
	{ "minor version 255 is refused", "05 ff", PARSE_BAD },
	{ "ping is connectionless", "05 00 01", PARSE_BAD },
	{ "working is connectionless", "05 00 04", PARSE_BAD },
	{ "cancel_ack is connectionless", "05 00 0a", PARSE_BAD },
	{ "RTS belongs to HTTP", "05 00 14", PARSE_BAD },
	{ "type 21 does not exist", "05 00 15", PARSE_BAD },
	{ "type 255 does not exist", "05 00 ff", PARSE_BAD },
	{ "flags of 0 are fine", "05 00 0b 00", PARSE_MORE },
	{ "flags of all ones are fine", "05 00 0b ff", PARSE_MORE },
	{ "EBCDIC is refused", "05 00 0b 03 11", PARSE_BAD },
	{ "big-endian EBCDIC is refused", "05 00 0b 03 01", PARSE_BAD },
	{ "integer order 2 does not exist", "05 00 0b 03 20", PARSE_BAD },
	{ "VAX floats are refused", "05 00 0b 03 10 01", PARSE_BAD },
	{ "octet 6 is zero", "05 00 0b 03 10 00 01", PARSE_BAD },
	{ "octet 7 is zero", "05 00 0b 03 10 00 00 80", PARSE_BAD },
	{ "half a length asks for more", "05 00 0b 03 " LE " 48", PARSE_MORE },
	{ "length 0 never advances", "05 00 0b 03 " LE " 00 00", PARSE_BAD },
	{ "length 15 cannot hold the header", "05 00 11 03 " LE " 0f 00", PARSE_BAD },
	{ "length 16 read in the wrong order would be 4096", "05 00 11 03 " BE " 00 0f",
	  PARSE_BAD },
	{ "a whole shutdown is 16 octets", "05 00 11 03 " LE " 10 00 00 00 01 00 00 00", PARSE_OK },
	{ "the same in the other byte order", "05 00 11 03 " BE " 00 10 00 00 00 00 00 01",
	  PARSE_OK },
	{ "a request above 5840 octets is still a request",
	  "05 00 00 03 " LE " d1 16 00 00 01 00 00 00", PARSE_OK },
	{ "the longest bind has 65535 octets", "05 00 0b 03 " LE " ff ff 00 00 01 00 00 00",
	  PARSE_OK },
	{ "a request with an object UUID needs 40", "05 00 00 83 " LE " 27 00", PARSE_BAD },
	{ "and 40 are enough", "05 00 00 83 " LE " 28 00 00 00 01 00 00 00", PARSE_OK },
	{ "on a response the object flag means nothing",
	  "05 00 02 83 " LE " 18 00 00 00 01 00 00 00", PARSE_OK },
	{ "a trailer may follow the head at once", "05 00 02 03 " LE " 24 00 04 00 01 00 00 00",
	  PARSE_OK },
	{ "a trailer may not reach into the head", "05 00 02 03 " LE " 24 00 05 00", PARSE_BAD },
	{ "nor into the object UUID", "05 00 00 83 " LE " 33 00 04 00", PARSE_BAD },
	{ "nor beyond the fragment", "05 00 02 03 " LE " 24 00 00 10", PARSE_BAD },
	{ "nor wrap around", "05 00 02 03 " LE " 24 00 ff ff", PARSE_BAD },
	{ "half an auth_length asks for more", "05 00 02 03 " LE " 24 00 05", PARSE_MORE },
};

static void header_row(void **state)
{
	const struct header_row *row = *state;
	struct pdu_header h;

	assert_int_equal(pdu_header_parse(octets_of(row->octets), &h), row->want);
}

/* Shortest length of each type, as the table of types in C706 12.6.4 and MS-RPCE gives it. */
static const struct {
	uint8_t ptype;
	uint16_t shortest;
	unsigned sides;
	const char *name;
} kinds[] = {
	{ PDU_REQUEST, 24, PDU_FROM_CLIENT, "request" },
	{ PDU_RESPONSE, 24, PDU_FROM_SERVER, "response" },
	{ PDU_FAULT, 32, PDU_FROM_SERVER, "fault" },
	{ PDU_BIND, 28, PDU_FROM_CLIENT, "bind" },
	{ PDU_BIND_ACK, 28, PDU_FROM_SERVER, "bind_ack" },
	{ PDU_BIND_NAK, 19, PDU_FROM_SERVER, "bind_nak" },
	{ PDU_ALTER_CONTEXT, 28, PDU_FROM_CLIENT, "alter_context" },
	{ PDU_ALTER_CONTEXT_RESP, 28, PDU_FROM_SERVER, "alter_context_resp" },
	{ PDU_AUTH3, 20, PDU_FROM_CLIENT, "auth3" },
	{ PDU_SHUTDOWN, 16, PDU_FROM_SERVER, "shutdown" },
	{ PDU_CO_CANCEL, 16, PDU_FROM_CLIENT, "co_cancel" },
	{ PDU_ORPHANED, 16, PDU_FROM_CLIENT, "orphaned" },
};

static struct bytes header_of(uint8_t ptype, uint16_t length, bool big)
{
	uint8_t raw[PDU_HEADER_LEN] = { 5, 0, ptype, 3, big ? 0x00 : 0x10 };

	raw[big ? 9 : 8] = (uint8_t)length;
	raw[big ? 8 : 9] = (uint8_t)(length >> 8);
	raw[big ? 15 : 12] = 7;
	return guarded(raw, sizeof(raw));
}

static void every_type_has_its_shortest_length(void **state)
{
	struct pdu_header h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint16_t n = kinds[i].shortest;

		for (int big = 0; big <= 1; big++) {
			assert_int_equal(pdu_header_parse(header_of(kinds[i].ptype, n, big), &h),
					 PARSE_OK);
			assert_int_equal(h.frag_length, n);
			assert_int_equal(h.call_id, 7);
			assert_int_equal(h.big, big);
			n--;
			assert_int_equal(pdu_header_parse(header_of(kinds[i].ptype, n, big), &h),
					 PARSE_BAD);
			n++;
		}
	}
}

static void every_prefix_of_a_header_asks_for_more(void **state)
{
	struct pdu_header h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t n = 0; n < PDU_HEADER_LEN; n++) {
			struct bytes whole = header_of(kinds[i].ptype, 200, n % 2);

			assert_int_equal(pdu_header_parse(prefix(whole, n), &h), PARSE_MORE);
		}
}

static void only_known_types_have_a_name_and_a_side(void **state)
{
	size_t known = 0;

	(void)state;
	for (unsigned ptype = 0; ptype <= 255; ptype++) {
		if (known < ARRAY_SIZE(kinds) && kinds[known].ptype == ptype) {
			assert_int_equal(pdu_sides((uint8_t)ptype), kinds[known].sides);
			assert_string_equal(pdu_type_name((uint8_t)ptype), kinds[known].name);
			known++;
			continue;
		}
		assert_int_equal(pdu_sides((uint8_t)ptype), 0);
		assert_string_equal(pdu_type_name((uint8_t)ptype), "unknown");
	}
	assert_int_equal(known, ARRAY_SIZE(kinds));
}

static void what_is_refused_leaves_the_header_as_it_was(void **state)
{
	struct pdu_header h, before;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	h = before;
	assert_int_equal(pdu_header_parse(octets_of("05 00 0b 03 " LE " 00 00"), &h), PARSE_BAD);
	assert_int_equal(pdu_header_parse(octets_of("05 00 0b 03 " LE " 48 00 00 00 01 00 00"), &h),
			 PARSE_MORE);
	assert_memory_equal(&h, &before, sizeof(h));
}

static void a_header_gives_every_field(void **state)
{
	struct pdu_header h;

	(void)state;
	assert_int_equal(pdu_header_parse(octets_of("05 01 00 83 " BE " 01 02 00 10 a1 b2 c3 d4"),
					  &h),
			 PARSE_OK);
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.ptype, PDU_REQUEST);
	assert_int_equal(h.flags, 0x83);
	assert_true(h.big);
	assert_int_equal(h.frag_length, 0x0102);
	assert_int_equal(h.auth_length, 0x0010);
	assert_int_equal(h.call_id, 0xa1b2c3d4);
}

/* ------------------------------------------------------------- whole PDUs */

#define TRAILER(pad) "0a 05 " pad " 00 01 00 00 00"

/* What the octets give: the outcome of the first reader that refuses, or of the last. */
struct call_row {
	const char *name;
	const char *octets;
	enum parse want_pdu;  /* of pdu_parse() */
	enum parse want_call; /* of pdu_call_parse() */
	size_t stub;
};

#define HINT "ff ff ff ff" /* alloc_hint: whatever it says, nothing follows from it */

static const struct call_row call_rows[] = {
	{ "a request without stub",
	  "05 00 00 03 " LE " 18 00 00 00 01 00 00 00 | " HINT " 02 00 03 00", PARSE_OK, PARSE_OK,
	  0 },
	{ "a request with a stub of 5",
	  "05 00 00 03 " LE " 1d 00 00 00 01 00 00 00 | " HINT " 02 00 03 00 | aa(5)", PARSE_OK,
	  PARSE_OK, 5 },
	{ "an object UUID stands before the stub",
	  "05 00 00 83 " LE " 2c 00 00 00 01 00 00 00 | " HINT " 02 00 03 00 | bb(16) | aa(4)",
	  PARSE_OK, PARSE_OK, 4 },
	{ "a response has none, whatever its flags",
	  "05 00 02 83 " LE " 2c 00 00 00 01 00 00 00 | " HINT " 02 00 03 00 | bb(16) | aa(4)",
	  PARSE_OK, PARSE_OK, 20 },
	{ "a trailer ends the stub",
	  "05 00 02 03 " LE " 34 00 10 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | aa(4) |" TRAILER("00") " cc(16)",
	  PARSE_OK, PARSE_OK, 4 },
	{ "padding is not stub",
	  "05 00 02 03 " LE " 38 00 10 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | aa(5) ee(3) |" TRAILER("03") " cc(16)",
	  PARSE_OK, PARSE_OK, 5 },
	{ "padding may be all there is",
	  "05 00 02 03 " LE " 38 00 10 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | ee(8) |" TRAILER("08") " cc(16)",
	  PARSE_OK, PARSE_OK, 0 },
	{ "but not more than that",
	  "05 00 02 03 " LE " 38 00 10 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | ee(8) |" TRAILER("09") " cc(16)",
	  PARSE_OK, PARSE_BAD, 0 },
	{ "nor reach into the object UUID",
	  "05 00 00 83 " LE " 44 00 10 00 01 00 00 00 | " HINT " 02 00 03 00 | bb(16) | "
	  "ee(4) |" TRAILER("08") " cc(16)",
	  PARSE_OK, PARSE_BAD, 0 },
	{ "a trailer stands on a multiple of 4",
	  "05 00 02 03 " LE " 35 00 10 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | aa(5) |" TRAILER("00") " cc(16)",
	  PARSE_BAD, PARSE_BAD, 0 },
	{ "an auth value may have any length",
	  "05 00 02 03 " LE " 27 00 03 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | aa(4) |" TRAILER("00") " cc(3)",
	  PARSE_OK, PARSE_OK, 4 },
	{ "a fault has a status and no extended error",
	  "05 00 03 03 " LE " 20 00 00 00 01 00 00 00 | " HINT
	  " 02 00 00 00 | 02 00 01 1c 00 00 00 00",
	  PARSE_OK, PARSE_OK, 0 },
	{ "a fault with an extended error",
	  "05 00 03 03 " LE " 30 00 00 00 01 00 00 00 | " HINT
	  " 02 00 00 01 | 02 00 01 1c 00 00 00 00 | dd(16)",
	  PARSE_OK, PARSE_OK, 16 },
	{ "a shutdown is no call", "05 00 11 03 " LE " 10 00 00 00 01 00 00 00", PARSE_OK,
	  PARSE_BAD, 0 },
	{ "a bind is no call",
	  "05 00 0b 03 " LE " 1c 00 00 00 01 00 00 00 | d0 16 d0 16 00(4) | 00 00 00 00", PARSE_OK,
	  PARSE_BAD, 0 },
	{ "auth3 has 4 octets before its trailer",
	  "05 00 10 03 " LE " 20 00 04 00 01 00 00 00 | d0 16 d0 16 |" TRAILER("00") " cc(4)",
	  PARSE_OK, PARSE_BAD, 0 },
};

static enum parse take_apart(struct bytes in, struct pdu *pdu)
{
	struct pdu_header h;

	assert_int_equal(pdu_header_parse(in, &h), PARSE_OK);
	assert_int_equal(h.frag_length, in.n); /* or the row itself is wrong */
	return pdu_parse(in, &h, pdu);
}

static void call_row(void **state)
{
	const struct call_row *row = *state;
	struct pdu_call call;
	struct pdu pdu;

	assert_int_equal(take_apart(octets_of(row->octets), &pdu), row->want_pdu);
	if (row->want_pdu != PARSE_OK)
		return;
	assert_int_equal(pdu_call_parse(&pdu, &call), row->want_call);
	if (row->want_call != PARSE_OK)
		return;
	assert_int_equal(call.stub.n, row->stub);
	if (pdu.h.ptype != PDU_FAULT)
		for (size_t i = pdu.h.ptype == PDU_RESPONSE ? 16 : 0; i < call.stub.n; i++)
			assert_int_equal(call.stub.p[i], 0xaa);
}

static void a_trailer_gives_every_field(void **state)
{
	struct pdu pdu;

	(void)state;
	assert_int_equal(take_apart(octets_of("05 00 02 03 " BE
					      " 00 2c 00 04 00 00 00 01 | 00(8) | ee(8) | "
					      "10 06 07 99 01 02 03 04 | 0a 0b 0c 0d"),
				    &pdu),
			 PARSE_OK);
	assert_true(pdu.auth.present);
	assert_int_equal(pdu.auth.type, 16);
	assert_int_equal(pdu.auth.level, AUTH_LEVEL_PRIVACY);
	assert_int_equal(pdu.auth.pad_length, 7);
	assert_int_equal(pdu.auth.context_id, 0x01020304);
	assert_int_equal(pdu.auth.value.n, 4);
	assert_memory_equal(pdu.auth.value.p, "\x0a\x0b\x0c\x0d", 4);
	assert_int_equal(pdu.body.n, 16); /* padding still in */
}

static void without_a_trailer_there_is_no_level(void **state)
{
	struct pdu pdu;

	(void)state;
	assert_int_equal(take_apart(octets_of("05 00 11 03 " LE " 10 00 00 00 01 00 00 00"), &pdu),
			 PARSE_OK);
	assert_false(pdu.auth.present);
	assert_int_equal(pdu.auth.level, 0);
	assert_int_equal(pdu.body.n, 0);
}

static void a_call_gives_every_field(void **state)
{
	static const uint8_t object[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct pdu_call call;
	struct pdu pdu;

	(void)state;
	assert_int_equal(take_apart(octets_of("05 00 00 80 " LE
					      " 28 00 00 00 01 00 00 00 | 84 00 00 00 "
					      "34 12 78 56 | 03 02 01 00 05 04 07 06 "
					      "08 09 0a 0b 0c 0d 0e 0f"),
				    &pdu),
			 PARSE_OK);
	assert_int_equal(pdu_call_parse(&pdu, &call), PARSE_OK);
	assert_int_equal(call.alloc_hint, 0x84);
	assert_int_equal(call.context_id, 0x1234);
	assert_int_equal(call.opnum, 0x5678);
	assert_true(call.has_object);
	assert_memory_equal(call.object.octet, object, sizeof(object));

	assert_int_equal(take_apart(octets_of("05 00 03 03 " BE " 00 20 00 00 00 00 00 01 | "
					      "00 00 00 18 00 05 00 01 | 1c 01 00 0b 00 00 00 00"),
				    &pdu),
			 PARSE_OK);
	assert_int_equal(pdu_call_parse(&pdu, &call), PARSE_OK);
	assert_int_equal(call.context_id, 5);
	assert_int_equal(call.opnum, 0); /* a fault has none */
	assert_int_equal(call.status, 0x1c01000b);
	assert_false(call.has_object);
}

/* The header says one length, the caller brings another. */
static void a_pdu_is_exactly_its_length(void **state)
{
	struct bytes whole = octets_of("05 00 11 03 " LE " 14 00 00 00 01 00 00 00 | 00(4)");
	struct pdu_header h;
	struct pdu pdu;

	(void)state;
	assert_int_equal(pdu_header_parse(whole, &h), PARSE_OK);
	assert_int_equal(pdu_parse(whole, &h, &pdu), PARSE_OK);
	assert_int_equal(pdu_parse(prefix(whole, 19), &h, &pdu), PARSE_BAD);
	assert_int_equal(pdu_parse(octets_of("05(21)"), &h, &pdu), PARSE_BAD);
}

/* pdu_parse() takes nobody's word, not even that of a header that was never parsed. */
static void a_made_up_header_is_refused(void **state)
{
	struct bytes whole = octets_of("05(20)");
	struct pdu_header good = { .ptype = PDU_SHUTDOWN, .frag_length = 20 };
	struct pdu_header rts = { .ptype = 20, .frag_length = 20 };
	struct pdu_header beyond = { .ptype = PDU_SHUTDOWN, .frag_length = 20, .auth_length = 8 };
	struct pdu_header short_bind = { .ptype = PDU_BIND, .frag_length = 20 };
	struct pdu pdu;

	(void)state;
	assert_int_equal(pdu_parse(whole, &good, &pdu), PARSE_OK);
	assert_int_equal(pdu_parse(whole, &rts, &pdu), PARSE_BAD);
	assert_int_equal(pdu_parse(whole, &beyond, &pdu), PARSE_BAD);
	assert_int_equal(pdu_parse(whole, &short_bind, &pdu), PARSE_BAD);
	whole.p = NULL;
	assert_int_equal(pdu_parse(whole, &good, &pdu), PARSE_BAD);
}

/* Body octets that a reader of calls could run off. */
static void a_cut_body_is_refused(void **state)
{
	struct bytes whole = octets_of("05 00 00 83 " LE " 28 00 00 00 01 00 00 00 | 00(24)");
	struct pdu pdu;
	struct pdu_call call;

	(void)state;
	assert_int_equal(take_apart(whole, &pdu), PARSE_OK);
	for (size_t n = 0; n < 24; n++) {
		pdu.body = prefix((struct bytes){ whole.p + 16, 24 }, n);
		assert_int_equal(pdu_call_parse(&pdu, &call), PARSE_BAD);
	}
	pdu.h.ptype = PDU_FAULT;
	for (size_t n = 0; n < 16; n++) {
		pdu.body = prefix((struct bytes){ whole.p + 16, 24 }, n);
		assert_int_equal(pdu_call_parse(&pdu, &call), PARSE_BAD);
	}
}

/* ---------------------------------------------------------------- bind_nak */

struct nak_row {
	const char *name;
	const char *octets;
	enum parse want;
	uint16_t reason;
};

static const struct nak_row nak_rows[] = {
	{ "one version, padded to 24",
	  "05 00 0d 03 " LE " 18 00 00 00 01 00 00 00 | 04 00 01 05 00 00 00 00", PARSE_OK, 4 },
	{ "no version at all", "05 00 0d 03 " LE " 13 00 00 00 01 00 00 00 | 02 00 00", PARSE_OK,
	  2 },
	{ "big-endian", "05 00 0d 03 " BE " 00 15 00 00 00 00 00 01 | 00 08 01 05 00", PARSE_OK,
	  8 },
	{ "more versions than octets",
	  "05 00 0d 03 " LE " 18 00 00 00 01 00 00 00 | 04 00 03 05 00 05 01 05", PARSE_BAD, 0 },
	{ "255 versions", "05 00 0d 03 " LE " 13 00 00 00 01 00 00 00 | 04 00 ff", PARSE_BAD, 0 },
	{ "another type", "05 00 11 03 " LE " 18 00 00 00 01 00 00 00 | 04 00 01 05 00 00 00 00",
	  PARSE_BAD, 0 },
};

static void nak_row(void **state)
{
	const struct nak_row *row = *state;
	uint16_t reason = 0;
	struct pdu pdu;

	assert_int_equal(take_apart(octets_of(row->octets), &pdu), PARSE_OK);
	assert_int_equal(pdu_nak_parse(&pdu, &reason), row->want);
	assert_int_equal(reason, row->reason);
}

static void a_cut_nak_is_refused(void **state)
{
	struct bytes body = octets_of("04 00 00");
	struct pdu pdu = { .h = { .ptype = PDU_BIND_NAK } };
	uint16_t reason;

	(void)state;
	for (size_t n = 0; n < 3; n++) {
		pdu.body = prefix(body, n);
		assert_int_equal(pdu_nak_parse(&pdu, &reason), PARSE_BAD);
	}
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(every_type_has_its_shortest_length),
		cmocka_unit_test(every_prefix_of_a_header_asks_for_more),
		cmocka_unit_test(only_known_types_have_a_name_and_a_side),
		cmocka_unit_test(what_is_refused_leaves_the_header_as_it_was),
		cmocka_unit_test(a_header_gives_every_field),
		cmocka_unit_test(a_trailer_gives_every_field),
		cmocka_unit_test(without_a_trailer_there_is_no_level),
		cmocka_unit_test(a_call_gives_every_field),
		cmocka_unit_test(a_pdu_is_exactly_its_length),
		cmocka_unit_test(a_made_up_header_is_refused),
		cmocka_unit_test(a_cut_body_is_refused),
		cmocka_unit_test(a_cut_nak_is_refused),
	};
	static struct CMUnitTest
		tests[ARRAY_SIZE(header_rows) + ARRAY_SIZE(call_rows) + ARRAY_SIZE(nak_rows)];
	size_t n = 0;

	ROWS(tests, n, header_rows, header_row);
	ROWS(tests, n, call_rows, call_row);
	ROWS(tests, n, nak_rows, nak_row);
	return cmocka_run_group_tests_name("pdu, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("pdu", properties, NULL, NULL);
}
