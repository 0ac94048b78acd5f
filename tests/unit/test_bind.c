/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_bind.c - presentation contexts offered and answered: which lists end where they must */
#include <string.h>

#include "bind.h"
#include "guard.h"
#include "rows.h"
#include "uuid.h"

/* Everything after the common header.  Rows give bodies; the header is made to fit. */
#define FRAGS "d0 16 d0 16 00 00 00 00"
#define EPM "08 83 af e1 1f 5d c9 11 91 a4 08 00 2b 14 a0 fa 03 00 00 00 "
#define SAMR "78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 01 00 00 00 "
#define NDR "04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60 02 00 00 00 "
#define NDR64 "33 05 71 71 ba be 37 49 83 19 b5 db ef 9c cc 36 01 00 00 00 "
#define FEATURES "2c 1c b7 6c 12 98 40 45 03 00 00 00 00 00 00 00 01 00 00 00 "
#define NIL "00(20) "
#define EPM_BE "e1 af 83 08 5d 1f 11 c9 91 a4 08 00 2b 14 a0 fa 00 00 00 03 "
#define NDR_BE "8a 88 5d 04 1c eb 11 c9 9f e8 08 00 2b 10 48 60 00 00 00 02 "

/* A PDU as pdu_parse() would leave it. */
static struct pdu pdu_of(enum pdu_type type, struct bytes body, bool big, bool auth)
{
	return (struct pdu){ .h = { .ptype = (uint8_t)type, .big = big },
			     .body = body,
			     .auth = { .present = auth } };
}

struct row {
	const char *name;
	enum pdu_type type;
	bool auth; /* a trailer follows the body */
	const char *body;
	enum parse want;
};

static const struct row bind_rows[] = {
	{ "one context, one syntax", PDU_BIND, false, FRAGS "01 000000 | 0000 01 00" EPM NDR,
	  PARSE_OK },
	{ "alter_context has the same shape", PDU_ALTER_CONTEXT, false,
	  FRAGS "01 000000 | 0100 01 00" SAMR NDR, PARSE_OK },
	{ "three contexts as Windows sends them", PDU_BIND, false,
	  FRAGS "03 000000 | 0000 01 00" EPM NDR "0100 01 00" EPM NDR64 "0200 01 00" EPM FEATURES,
	  PARSE_OK },
	{ "one context with three syntaxes", PDU_BIND, false,
	  FRAGS "01 000000 | 0000 03 00" EPM NDR NDR64 FEATURES, PARSE_OK },
	{ "reserved octets may hold anything", PDU_BIND, false,
	  FRAGS "01 ffffff | 0000 01 ff" EPM NDR, PARSE_OK },
	{ "no context is no offer", PDU_BIND, false, FRAGS "00 000000", PARSE_BAD },
	{ "a context without syntax shifts the list", PDU_BIND, false,
	  FRAGS "01 000000 | 0000 00 00" EPM, PARSE_BAD },
	{ "the same behind a good one", PDU_BIND, false,
	  FRAGS "02 000000 | 0000 01 00" EPM NDR "0100 00 00" SAMR, PARSE_BAD },
	{ "255 contexts in the room of one", PDU_BIND, false,
	  FRAGS "ff 000000 | 0000 01 00" EPM NDR, PARSE_BAD },
	{ "255 syntaxes in the room of one", PDU_BIND, false,
	  FRAGS "01 000000 | 0000 ff 00" EPM NDR, PARSE_BAD },
	{ "one syntax octet missing", PDU_BIND, false,
	  FRAGS "01 000000 | 0000 01 00" EPM
		"04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60 02 00 00",
	  PARSE_BAD },
	{ "a second context behind the list", PDU_BIND, false,
	  FRAGS "01 000000 | 0000 01 00" EPM NDR "0100 01 00" SAMR NDR, PARSE_BAD },
	{ "4 octets behind the list", PDU_BIND, false,
	  FRAGS "01 000000 | 0000 01 00" EPM NDR "00(4)", PARSE_BAD },
	{ "8 octets may be an empty trailer", PDU_ALTER_CONTEXT, false,
	  FRAGS "01 000000 | 0000 01 00" EPM NDR "10 06 00 00 00 00 00 00", PARSE_OK },
	{ "12 octets may not", PDU_ALTER_CONTEXT, false,
	  FRAGS "01 000000 | 0000 01 00" EPM NDR "00(12)", PARSE_BAD },
	{ "the trailer may follow at once", PDU_BIND, true, FRAGS "01 000000 | 0000 01 00" EPM NDR,
	  PARSE_OK },
	{ "padding before the trailer may be 15 octets of anything", PDU_BIND, true,
	  FRAGS "01 000000 | 0000 01 00" EPM NDR "ee(15)", PARSE_OK },
	{ "but not 16", PDU_BIND, true, FRAGS "01 000000 | 0000 01 00" EPM NDR "ee(16)",
	  PARSE_BAD },
	{ "a trailer does not hide a context", PDU_BIND, true,
	  FRAGS "01 000000 | 0000 01 00" EPM NDR "0100 01 00" SAMR NDR, PARSE_BAD },
	{ "a bind_ack is no bind", PDU_BIND_ACK, false, FRAGS "01 000000 | 0000 01 00" EPM NDR,
	  PARSE_BAD },
	{ "a request is no bind", PDU_REQUEST, false, FRAGS "01 000000 | 0000 01 00" EPM NDR,
	  PARSE_BAD },
};

static void bind_row(void **state)
{
	const struct row *row = *state;
	struct pdu pdu = pdu_of(row->type, octets_of(row->body), false, row->auth);
	struct bind bind;

	assert_int_equal(bind_parse(&pdu, &bind), row->want);
}

static const struct row ack_rows[] = {
	{ "a mapper's answer", PDU_BIND_ACK, false,
	  FRAGS "0400 31 33 35 00 | 0000 | 01 000000 | 0000 0000" NDR, PARSE_OK },
	{ "the gap after the address holds anything", PDU_BIND_ACK, false,
	  FRAGS "0400 31 33 35 00 | 42 3c | 01 000000 | 0000 0000" NDR, PARSE_OK },
	{ "no address, then two octets of gap", PDU_BIND_ACK, false,
	  FRAGS "0000 | 0000 | 01 000000 | 0000 0000" NDR, PARSE_OK },
	{ "an address that needs no gap", PDU_BIND_ACK, false,
	  FRAGS "0600 34 39 36 36 39 00 | 01 000000 | 0000 0000" NDR, PARSE_OK },
	{ "alter_context_resp has the same shape", PDU_ALTER_CONTEXT_RESP, false,
	  FRAGS "0000 | 0000 | 01 000000 | 0200 0100" NIL, PARSE_OK },
	{ "no result at all is a count to compare, not a malformed list", PDU_BIND_ACK, false,
	  FRAGS "0000 | 0000 | 00 000000", PARSE_OK },
	{ "an address as long as the PDU", PDU_BIND_ACK, false,
	  FRAGS "ffff | 0000 | 01 000000 | 0000 0000" NDR, PARSE_BAD },
	{ "an address that ends the PDU", PDU_BIND_ACK, false, FRAGS "0500 31 33 35 34 00",
	  PARSE_BAD },
	{ "more results than octets", PDU_BIND_ACK, false,
	  FRAGS "0000 | 0000 | 02 000000 | 0000 0000" NDR, PARSE_BAD },
	{ "255 results", PDU_BIND_ACK, false, FRAGS "0000 | 0000 | ff 000000 | 0000 0000" NDR,
	  PARSE_BAD },
	{ "octets behind the results", PDU_BIND_ACK, false,
	  FRAGS "0000 | 0000 | 01 000000 | 0000 0000" NDR "00(4)", PARSE_BAD },
	{ "the empty trailer that ends Kerberos on Windows", PDU_ALTER_CONTEXT_RESP, false,
	  FRAGS "0000 | 34 39 | 01 000000 | 0000 0000" NDR "10 06 00 00 00 00 00 00", PARSE_OK },
	{ "padding before a trailer", PDU_BIND_ACK, true,
	  FRAGS "0000 | 0000 | 01 000000 | 0000 0000" NDR "ee(8)", PARSE_OK },
	{ "a bind is no answer", PDU_BIND, false, FRAGS "0000 | 0000 | 01 000000 | 0000 0000" NDR,
	  PARSE_BAD },
};

static void ack_row(void **state)
{
	const struct row *row = *state;
	struct pdu pdu = pdu_of(row->type, octets_of(row->body), false, row->auth);
	struct bind_ack ack;

	assert_int_equal(bind_ack_parse(&pdu, &ack), row->want);
}

/* -------------------------------------------------------------- properties */

static void every_prefix_of_a_bind_is_refused(void **state)
{
	struct bytes whole =
		octets_of(FRAGS "02 000000 | 0000 01 00" EPM NDR "0100 02 00" SAMR NDR NDR64);
	struct bind bind;

	(void)state;
	for (int auth = 0; auth <= 1; auth++)
		for (size_t n = 0; n < whole.n; n++) {
			struct pdu pdu = pdu_of(PDU_BIND, prefix(whole, n), false, auth);

			assert_int_equal(bind_parse(&pdu, &bind), PARSE_BAD);
		}
}

static void every_prefix_of_an_answer_is_refused(void **state)
{
	struct bytes whole = octets_of(FRAGS "0400 31 33 35 00 | 0000 | 02 000000 | 0000 0000" NDR
					     "0200 0200" NIL);
	struct bind_ack ack;

	(void)state;
	for (size_t n = 0; n < whole.n; n++) {
		struct pdu pdu = pdu_of(PDU_BIND_ACK, prefix(whole, n), false, false);

		assert_int_equal(bind_ack_parse(&pdu, &ack), PARSE_BAD);
	}
}

static void check_syntax(const struct rpcgate_syntax *syntax, const char *uuid, uint16_t major,
			 uint16_t minor)
{
	char text[RPCGATE_UUID_TEXT];

	assert_string_equal(rpcgate_uuid_format(&syntax->uuid, text), uuid);
	assert_int_equal(syntax->major, major);
	assert_int_equal(syntax->minor, minor);
}

#define EPM_TEXT "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
#define NDR_TEXT "8a885d04-1ceb-11c9-9fe8-08002b104860"
#define NDR64_TEXT "71710533-beba-4937-8319-b5dbef9ccc36"

static void a_walk_gives_every_context_in_order(void **state)
{
	struct pdu pdu = pdu_of(PDU_BIND,
				octets_of("b810 d016 39300000 02 000000 | 0700 01 00" EPM NDR
					  "ffff 03 00" SAMR NDR64 NDR FEATURES "ee(12)"),
				false, true);
	struct bind_context c;
	struct rpcgate_syntax s;
	struct reader walk;
	struct bind bind;

	(void)state;
	assert_int_equal(bind_parse(&pdu, &bind), PARSE_OK);
	assert_int_equal(bind.max_xmit, 4280);
	assert_int_equal(bind.max_recv, 5840);
	assert_int_equal(bind.assoc_group, 12345);
	assert_int_equal(bind.n_contexts, 2);

	walk = bind_walk(&bind);
	assert_true(bind_next(&walk, &c));
	assert_int_equal(c.id, 7);
	assert_int_equal(c.n_transfer, 1);
	check_syntax(&c.abstract, EPM_TEXT, 3, 0);
	assert_true(bind_next(&walk, &c));
	assert_int_equal(c.id, 0xffff);
	assert_int_equal(c.n_transfer, 3);
	check_syntax(&c.abstract, "12345778-1234-abcd-ef00-0123456789ac", 1, 0);
	s = bind_transfer_at(&c, 0);
	check_syntax(&s, NDR64_TEXT, 1, 0);
	assert_true(syntax_is_ndr64(&s));
	s = bind_transfer_at(&c, 1);
	assert_true(syntax_is_ndr(&s));
	assert_true(bind_offers(&c, &s));
	s = bind_transfer_at(&c, 2);
	assert_true(syntax_is_features(&s));
	assert_true(bind_offers(&c, &s));
	assert_false(bind_next(&walk, &c)); /* padding is no context */
	assert_int_equal(c.id, 0xffff);
}

static void byte_order_is_that_of_the_pdu(void **state)
{
	struct pdu pdu = pdu_of(
		PDU_BIND, octets_of("10b8 16d0 00003039 01 000000 | 0102 01 00" EPM_BE NDR_BE),
		true, false);
	struct bind_context c;
	struct rpcgate_syntax s;
	struct reader walk;
	struct bind bind;

	(void)state;
	assert_int_equal(bind_parse(&pdu, &bind), PARSE_OK);
	assert_int_equal(bind.max_xmit, 4280);
	assert_int_equal(bind.assoc_group, 12345);
	walk = bind_walk(&bind);
	assert_true(bind_next(&walk, &c));
	assert_int_equal(c.id, 0x0102);
	check_syntax(&c.abstract, EPM_TEXT, 3, 0);
	s = bind_transfer_at(&c, 0);
	check_syntax(&s, NDR_TEXT, 2, 0);
	/* the same octets read in the other order are another interface */
	pdu.h.big = false;
	assert_int_equal(bind_parse(&pdu, &bind), PARSE_OK);
	walk = bind_walk(&bind);
	assert_true(bind_next(&walk, &c));
	check_syntax(&c.abstract, "0883afe1-1f5d-c911-91a4-08002b14a0fa", 0, 0x300);
}

static void the_longest_list_is_walked_to_its_end(void **state)
{
	static uint8_t raw[12 + 255 * (24 + 20)] = { [8] = 255 };
	struct bind_context c;
	struct reader walk;
	struct bind bind;
	struct pdu pdu;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 255; i++) {
		raw[12 + i * 44] = (uint8_t)i;
		raw[12 + i * 44 + 2] = 1;
	}
	pdu = pdu_of(PDU_BIND, guarded(raw, sizeof(raw)), false, false);
	assert_int_equal(bind_parse(&pdu, &bind), PARSE_OK);
	for (walk = bind_walk(&bind); bind_next(&walk, &c); n++)
		assert_int_equal(c.id, n);
	assert_int_equal(n, 255);
}

static void what_is_not_offered_is_not_found(void **state)
{
	struct pdu pdu =
		pdu_of(PDU_BIND, octets_of(FRAGS "01 000000 | 0000 01 00" EPM NDR), false, false);
	struct rpcgate_syntax ndr64 = { .major = 1 }, ndr_3, none;
	struct bind_context c;
	struct reader walk;
	struct bind bind;

	(void)state;
	assert_true(rpcgate_uuid_parse(NDR64_TEXT, &ndr64.uuid));
	assert_int_equal(bind_parse(&pdu, &bind), PARSE_OK);
	walk = bind_walk(&bind);
	assert_true(bind_next(&walk, &c));
	assert_false(bind_offers(&c, &ndr64));
	ndr_3 = bind_transfer_at(&c, 0);
	ndr_3.major = 3; /* another version is another syntax */
	assert_false(bind_offers(&c, &ndr_3));
	none = bind_transfer_at(&c, 1);
	assert_true(uuid_is_nil(&none.uuid));
}

static void syntaxes_are_known_by_uuid_and_version(void **state)
{
	struct rpcgate_syntax s = { .major = 2 };

	(void)state;
	assert_true(rpcgate_uuid_parse(NDR_TEXT, &s.uuid));
	assert_true(syntax_is_ndr(&s));
	assert_false(syntax_is_ndr64(&s));
	assert_false(syntax_is_features(&s));
	s.minor = 1;
	assert_false(syntax_is_ndr(&s));
	s = (struct rpcgate_syntax){ .major = 1 };
	assert_true(rpcgate_uuid_parse("6CB71C2C-9812-4540-ffff-000000000001", &s.uuid));
	assert_true(syntax_is_features(&s)); /* whatever features */
	s.major = 2;
	assert_false(syntax_is_features(&s));
	s.major = 1;
	s.minor = 1;
	assert_false(syntax_is_features(&s));
	s.minor = 0;
	s.uuid.octet[7] ^= 1;
	assert_false(syntax_is_features(&s));
}

static void an_answer_gives_every_result(void **state)
{
	struct pdu pdu = pdu_of(PDU_BIND_ACK,
				octets_of("b810 d016 4d650000 0400 31 33 35 00 0000 03 000000 "
					  "0200 0200" NIL "0000 0000" NDR64 "0300 0300" NIL),
				false, false);
	struct bind_ack_result r;
	struct bind_ack ack;

	(void)state;
	assert_int_equal(bind_ack_parse(&pdu, &ack), PARSE_OK);
	assert_int_equal(ack.max_xmit, 4280);
	assert_int_equal(ack.max_recv, 5840);
	assert_int_equal(ack.assoc_group, 0x654d);
	assert_int_equal(ack.secondary_address.n, 4);
	assert_memory_equal(ack.secondary_address.p, "135", 4);
	assert_int_equal(ack.n_results, 3);
	r = bind_ack_at(&ack, 0);
	assert_int_equal(r.result, BIND_REJECTED);
	assert_int_equal(r.reason, 2);
	assert_true(uuid_is_nil(&r.transfer.uuid));
	r = bind_ack_at(&ack, 1);
	assert_int_equal(r.result, BIND_ACCEPTED);
	assert_true(syntax_is_ndr64(&r.transfer));
	r = bind_ack_at(&ack, 2);
	assert_int_equal(r.result, BIND_NEGOTIATED);
	assert_int_equal(r.reason, 3);
	/* a result that is not there accepts nothing */
	assert_int_equal(bind_ack_at(&ack, 3).result, BIND_REJECTED);
}

static void what_is_refused_leaves_its_place_as_it_was(void **state)
{
	struct pdu pdu =
		pdu_of(PDU_BIND, octets_of(FRAGS "02 000000 | 0000 01 00" EPM NDR), false, false);
	struct bind bind, before;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	bind = before;
	assert_int_equal(bind_parse(&pdu, &bind), PARSE_BAD);
	assert_memory_equal(&bind, &before, sizeof(bind));
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(every_prefix_of_a_bind_is_refused),
		cmocka_unit_test(every_prefix_of_an_answer_is_refused),
		cmocka_unit_test(a_walk_gives_every_context_in_order),
		cmocka_unit_test(byte_order_is_that_of_the_pdu),
		cmocka_unit_test(the_longest_list_is_walked_to_its_end),
		cmocka_unit_test(what_is_not_offered_is_not_found),
		cmocka_unit_test(syntaxes_are_known_by_uuid_and_version),
		cmocka_unit_test(an_answer_gives_every_result),
		cmocka_unit_test(what_is_refused_leaves_its_place_as_it_was),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(bind_rows) + ARRAY_SIZE(ack_rows)];
	size_t n = 0;

	ROWS(tests, n, bind_rows, bind_row);
	ROWS(tests, n, ack_rows, ack_row);
	return cmocka_run_group_tests_name("bind, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("bind", properties, NULL, NULL);
}
