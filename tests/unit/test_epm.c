/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_epm.c - questions to the endpoint mapper and its answers: all of an answer or nothing */
#include <string.h>

#include "epm.h"
#include "guard.h"
#include "octets.h"
#include "rows.h"
#include "uuid.h"

/* 75 octets, a TCP tower for samr on port 49669 at 192.0.2.20 */
#define TOWER                                                                                      \
	"0500 1300 0d 78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac 0100 0200 0000"              \
	"1300 0d 04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60 0200 0200 0000"                   \
	"0100 0b 0200 0000 0100 07 0200 c205 0100 09 0400 c0 00 02 14 "
#define HANDLE "00(20) "
#define SAMR_UUID "78 57 34 12 34 12 cd ab ef 00 01 23 45 67 89 ac "
#define U64(low) low " 00000000 "
#define SIZED "4b000000 4b000000" TOWER
#define OK "00000000 "
#define MORE "d6a0c916 "

/* --------------------------------------------------------------- the rows */

struct row {
	const char *name;
	bool ndr64;
	uint16_t opnum;
	const char *octets;
	enum parse want;
	enum rpcgate_reason why;
	uint32_t n; /* answers: towers or entries; requests: the maximum */
};

#define NONE RPCGATE_REASON_NONE
#define BAD_NDR RPCGATE_REASON_MALFORMED_NDR
#define BAD_TOWER RPCGATE_REASON_MALFORMED_TOWER
#define LIMIT RPCGATE_REASON_LIMIT

static const struct row request_rows[] = {
	{ "map with an object and a tower", false, EPM_MAP,
	  "01000000 00(16) 02000000" SIZED "00" HANDLE "04000000", PARSE_OK, NONE, 4 },
	{ "map without object", false, EPM_MAP, "00000000 02000000" SIZED "00" HANDLE "01000000",
	  PARSE_OK, NONE, 1 },
	{ "map without tower asks for nothing", false, EPM_MAP,
	  "00000000 00000000" HANDLE "f4010000", PARSE_OK, NONE, 500 },
	{ "map in NDR64", true, EPM_MAP,
	  U64("01000000") "00(16)" U64("02000000") U64("4b000000") "4b000000" TOWER "00" HANDLE
								   "04000000",
	  PARSE_OK, NONE, 4 },
	{ "map with a verification trailer", false, EPM_MAP,
	  "00000000 02000000" SIZED "00" HANDLE "04000000 8ae3137102f43671 0100040001000000",
	  PARSE_OK, NONE, 4 },
	{ "map with random referent ids", false, EPM_MAP,
	  "f6a30000 00(16) 7b7a0000" SIZED "00" HANDLE "01000000", PARSE_OK, NONE, 1 },
	{ "map whose object and tower are one", false, EPM_MAP,
	  "01000000 00(16) 01000000" SIZED "00" HANDLE "04000000", PARSE_BAD, BAD_NDR, 0 },
	{ "map with a conformance that is not the length", false, EPM_MAP,
	  "00000000 02000000 4c000000 4b000000" TOWER "00" HANDLE "04000000", PARSE_BAD, BAD_NDR,
	  0 },
	{ "map with a tower of 4097 octets", false, EPM_MAP,
	  "00000000 02000000 01100000 01100000" TOWER "00" HANDLE "04000000", PARSE_BAD, LIMIT, 0 },
	{ "map with a tower of 2^31 octets", false, EPM_MAP,
	  "00000000 02000000 4b000000 00000080" TOWER "00" HANDLE "04000000", PARSE_BAD, LIMIT, 0 },
	{ "map with a tower past the stub", false, EPM_MAP,
	  "00000000 02000000 00010000 00010000" TOWER "00" HANDLE "04000000", PARSE_BAD, BAD_NDR,
	  0 },
	{ "map with a tower that is none", false, EPM_MAP,
	  "00000000 02000000 04000000 04000000 ffffffff" HANDLE "04000000", PARSE_BAD, BAD_TOWER,
	  0 },
	{ "map without its maximum", false, EPM_MAP, "00000000 02000000" SIZED "00" HANDLE "040000",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "lookup of everything", false, EPM_LOOKUP,
	  "00000000 00000000 00000000 00000000" HANDLE "04000000", PARSE_OK, NONE, 4 },
	{ "lookup by interface", false, EPM_LOOKUP,
	  "01000000 00000000 02000000 00(16) 0100 0000 01000000" HANDLE "f4010000", PARSE_OK, NONE,
	  500 },
	{ "lookup by object and interface", false, EPM_LOOKUP,
	  "03000000 01000000 ff(16) 02000000 00(16) 0100 0000 01000000" HANDLE "f4010000", PARSE_OK,
	  NONE, 500 },
	{ "lookup in NDR64", true, EPM_LOOKUP,
	  "03000000 00000000" U64("01000000") "ff(16)" U64("02000000") "00(16) 0100 0000"
								       "01000000" HANDLE "f4010000",
	  PARSE_OK, NONE, 500 },
	{ "lookup with one pointer twice", false, EPM_LOOKUP,
	  "03000000 01000000 ff(16) 01000000 00(16) 0100 0000 01000000" HANDLE "f4010000",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "lookup that ends in its interface", false, EPM_LOOKUP,
	  "01000000 00000000 02000000 00(16) 0100", PARSE_BAD, BAD_NDR, 0 },
	{ "insert asks for nothing", false, 0, "00000000 00000000" HANDLE "f4010000", PARSE_BAD,
	  BAD_NDR, 0 },
	{ "an empty map", false, EPM_MAP, "", PARSE_BAD, BAD_NDR, 0 },
	{ "an empty lookup", false, EPM_LOOKUP, "", PARSE_BAD, BAD_NDR, 0 },
};

static void request_row(void **state)
{
	const struct row *row = *state;
	struct ndr stub = ndr_of(octets_of(row->octets), false, row->ndr64);
	enum rpcgate_reason why = NONE;
	struct epm_request q;

	assert_int_equal(epm_request_parse(stub, row->opnum, &q, &why), row->want);
	assert_int_equal(why, row->why);
	if (row->want == PARSE_OK)
		assert_int_equal(q.max, row->n);
}

/* num, maximum, offset, actual */
#define COUNTS(num, max, off, act) HANDLE num max off act
#define ONE COUNTS("01000000", "04000000", "00000000", "01000000")
#define TWO COUNTS("02000000", "04000000", "00000000", "02000000")
#define ONE64 HANDLE "01000000" U64("04000000") U64("00000000") U64("01000000")

/* an entry up to its annotation, which follows with its gap */
#define ENTRY(referent) "00(16)" referent
#define SAMR_TEXT "00000000 05000000 73 61 6d 72 00 eeeeee"

static const struct row answer_rows[] = {
	{ "one tower", false, EPM_MAP, ONE "03000000" SIZED "00" OK, PARSE_OK, NONE, 1 },
	{ "two towers", false, EPM_MAP, TWO "03000000 04000000" SIZED "ee" SIZED "ee" OK, PARSE_OK,
	  NONE, 2 },
	{ "referents in falling order", false, EPM_MAP,
	  TWO "09000000 04000000" SIZED "00" SIZED "00" OK, PARSE_OK, NONE, 2 },
	{ "no tower", false, EPM_MAP, COUNTS("00000000", "04000000", "00000000", "00000000") MORE,
	  PARSE_OK, NONE, 0 },
	{ "one tower in NDR64", true, EPM_MAP,
	  ONE64 U64("03000000") U64("4b000000") "4b000000" TOWER "00" OK, PARSE_OK, NONE, 1 },
	{ "an error beside a tower is for others to judge", false, EPM_MAP,
	  ONE "03000000" SIZED "00"
	      "05000000",
	  PARSE_OK, NONE, 1 },
	{ "a handle for more", false, EPM_MAP,
	  "00000000 ab(16) 01000000 01000000 00000000 01000000 03000000" SIZED "00" OK, PARSE_OK,
	  NONE, 1 },
	{ "500 asked for, one there", false, EPM_MAP,
	  COUNTS("01000000", "f4010000", "00000000", "01000000") "03000000" SIZED "00" OK, PARSE_OK,
	  NONE, 1 },
	{ "501 asked for", false, EPM_MAP,
	  COUNTS("01000000", "f5010000", "00000000", "01000000") "03000000" SIZED "00" OK,
	  PARSE_BAD, LIMIT, 0 },
	{ "more towers than the limit", false, EPM_MAP,
	  COUNTS("81000000", "f4010000", "00000000", "81000000") "03000000" SIZED "00" OK,
	  PARSE_BAD, LIMIT, 0 },
	{ "2^30 towers", false, EPM_MAP,
	  COUNTS("00000040", "00000040", "00000000", "00000040") "03000000" SIZED "00" OK,
	  PARSE_BAD, LIMIT, 0 },
	{ "2^32 + 1 towers in NDR64 are not 1", true, EPM_MAP,
	  HANDLE "01000000" U64("04000000") U64("00000000") "01000000 01000000" U64("03000000")
		  U64("4b000000") "4b000000" TOWER "00" OK,
	  PARSE_BAD, LIMIT, 0 },
	{ "a tower of 2^32 + 75 octets in NDR64 is not one of 75", true, EPM_MAP,
	  ONE64 U64("03000000") "4b000000 01000000 4b000000" TOWER "00" OK, PARSE_BAD, LIMIT, 0 },
	{ "an offset of 2^32 in NDR64 is not 0", true, EPM_MAP,
	  HANDLE "01000000" U64("04000000") "00000000 01000000" U64("01000000") U64("03000000")
		  U64("4b000000") "4b000000" TOWER "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "two counted, one there", false, EPM_MAP,
	  COUNTS("02000000", "04000000", "00000000", "01000000") "03000000" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "an array that starts at 1", false, EPM_MAP,
	  COUNTS("01000000", "04000000", "01000000", "01000000") "03000000" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "more there than asked for", false, EPM_MAP,
	  COUNTS("01000000", "00000000", "00000000", "01000000") "03000000" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "a null tower is counted", false, EPM_MAP, TWO "03000000 00000000" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "one referent twice", false, EPM_MAP, TWO "03000000 03000000" SIZED "00" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "one referent twice and one tower", false, EPM_MAP, TWO "03000000 03000000" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "the same twice among three in disorder", false, EPM_MAP,
	  COUNTS("03000000", "04000000", "00000000", "03000000") "07000000 03000000 07000000" SIZED
								 "00" SIZED "00" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "octets behind the status", false, EPM_MAP, ONE "03000000" SIZED "00" OK "00(8)",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "one octet behind the status", false, EPM_MAP, ONE "03000000" SIZED "00" OK "00",
	  PARSE_BAD, BAD_NDR, 0 },
	{ "no status", false, EPM_MAP, ONE "03000000" SIZED "00", PARSE_BAD, BAD_NDR, 0 },
	{ "a conformance that is not the length", false, EPM_MAP,
	  ONE "03000000 4c000000 4b000000" TOWER "00" OK, PARSE_BAD, BAD_NDR, 0 },
	{ "a tower of 2^31-1 octets", false, EPM_MAP,
	  ONE "03000000 ffffff7f ffffff7f" TOWER "00" OK, PARSE_BAD, LIMIT, 0 },
	{ "a tower past the stub", false, EPM_MAP, ONE "03000000 c8000000 c8000000" TOWER "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "a tower with 17 floors", false, EPM_MAP,
	  ONE "03000000 4b000000 4b000000 1100 00(73) 00" OK, PARSE_BAD, BAD_TOWER, 0 },
	{ "a bad second tower refuses the first as well", false, EPM_MAP,
	  TWO "03000000 04000000" SIZED "00 4b000000 4b000000 0500 00(73) 00" OK, PARSE_BAD,
	  BAD_TOWER, 0 },
	{ "the layout of NDR read as NDR64", true, EPM_MAP, ONE "03000000" SIZED "00" OK, PARSE_BAD,
	  LIMIT, 0 },
	{ "the layout of NDR64 read as NDR", false, EPM_MAP,
	  ONE64 U64("03000000") U64("4b000000") "4b000000" TOWER "00" OK, PARSE_BAD, BAD_NDR, 0 },
	{ "an empty stub", false, EPM_MAP, "", PARSE_BAD, BAD_NDR, 0 },

	{ "one entry", false, EPM_LOOKUP, ONE ENTRY("03000000") SAMR_TEXT SIZED "00" OK, PARSE_OK,
	  NONE, 1 },
	{ "an entry without tower", false, EPM_LOOKUP, ONE ENTRY("00000000") SAMR_TEXT OK, PARSE_OK,
	  NONE, 1 },
	{ "entries beside \"no more\"", false, EPM_LOOKUP,
	  TWO ENTRY("01000000") SAMR_TEXT ENTRY("02000000") SAMR_TEXT SIZED "00" SIZED "00" MORE,
	  PARSE_OK, NONE, 2 },
	{ "one entry in NDR64", true, EPM_LOOKUP,
	  ONE64 ENTRY(U64("03000000")) U64("00000000")
		  U64("05000000") "73 61 6d 72 00 eeeeee" U64("4b000000") "4b000000" TOWER "00" OK,
	  PARSE_OK, NONE, 1 },
	{ "an annotation of 64", false, EPM_LOOKUP,
	  ONE ENTRY("03000000") "00000000 40000000 41(64)" SIZED "00" OK, PARSE_OK, NONE, 1 },
	{ "an annotation of 65", false, EPM_LOOKUP,
	  ONE ENTRY("03000000") "00000000 41000000 41(65) 000000" SIZED "00" OK, PARSE_BAD, LIMIT,
	  0 },
	{ "an annotation that starts at 1", false, EPM_LOOKUP,
	  ONE ENTRY("03000000") "01000000 05000000 41(5) 000000" SIZED "00" OK, PARSE_BAD, BAD_NDR,
	  0 },
	{ "an annotation past the stub", false, EPM_LOOKUP,
	  ONE ENTRY("03000000") "00000000 40000000 41(5)", PARSE_BAD, BAD_NDR, 0 },
	{ "an entry past the stub", false, EPM_LOOKUP, ONE "00(16) 03000000 00000000", PARSE_BAD,
	  BAD_NDR, 0 },
	{ "one referent in two entries", false, EPM_LOOKUP,
	  TWO ENTRY("02000000") SAMR_TEXT ENTRY("02000000") SAMR_TEXT SIZED "00" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "more entries than the limit", false, EPM_LOOKUP,
	  COUNTS("01100000", "ff1f0000", "00000000", "01100000") OK, PARSE_BAD, LIMIT, 0 },
	{ "a maximum above the limit", false, EPM_LOOKUP,
	  COUNTS("00000000", "01100000", "00000000", "00000000") OK, PARSE_BAD, LIMIT, 0 },
	{ "the answer to ept_insert announces nothing", false, 0, ONE "03000000" SIZED "00" OK,
	  PARSE_BAD, BAD_NDR, 0 },
	{ "nor that to ept_map_auth", false, 7, ONE "03000000" SIZED "00" OK, PARSE_BAD, BAD_NDR,
	  0 },
};

static const struct epm_limits limits = { .max_towers = 128, .max_entries = 4096 };

static void answer_row(void **state)
{
	const struct row *row = *state;
	struct ndr stub = ndr_of(octets_of(row->octets), false, row->ndr64);
	enum rpcgate_reason why = NONE;
	struct epm_answer a;
	struct epm_entry e;
	uint32_t n = 0;

	assert_int_equal(epm_answer_parse(stub, row->opnum, NULL, &limits, &a, &why), row->want);
	assert_int_equal(why, row->why);
	if (row->want != PARSE_OK)
		return;
	assert_int_equal(a.n, row->n);
	for (; epm_next(&a, &e); n++)
		if (e.has_tower)
			assert_int_equal(e.tower.port, 49669);
	assert_int_equal(n, row->n);
	assert_false(epm_next(&a, &e)); /* and it stays at its end */
}

/* -------------------------------------------------------- against a request */

static struct epm_request asked(uint32_t max, uint64_t first, uint64_t second)
{
	return (struct epm_request){
		.opnum = EPM_MAP, .max = max, .n_referents = 2, .referent = { first, second }
	};
}

static enum parse answer(const struct epm_request *q, struct bytes stub)
{
	enum rpcgate_reason why = NONE;
	struct epm_answer a;
	enum parse outcome =
		epm_answer_parse(ndr_of(stub, false, false), EPM_MAP, q, &limits, &a, &why);

	assert_int_equal(why, outcome == PARSE_OK ? NONE : BAD_NDR);
	return outcome;
}

static void an_answer_belongs_to_its_request(void **state)
{
	struct bytes one = octets_of(ONE "03000000" SIZED "00" OK);
	struct epm_request q = asked(4, 1, 2);

	(void)state;
	assert_int_equal(answer(&q, one), PARSE_OK);
	q = asked(4, 3, 2); /* an id of the request means what stood there */
	assert_int_equal(answer(&q, one), PARSE_BAD);
	q = asked(4, 1, 3);
	assert_int_equal(answer(&q, one), PARSE_BAD);
	q = asked(4, 1, 3);
	q.n_referents = 1; /* only ids that were used count */
	assert_int_equal(answer(&q, one), PARSE_OK);
	q = asked(5, 1, 2); /* the array is as large as was asked for */
	assert_int_equal(answer(&q, one), PARSE_BAD);
}

static void a_request_gives_what_the_answer_is_compared_with(void **state)
{
	struct bytes stub =
		octets_of("f6a30000 00(16) 7b7a0000" SIZED "00" HANDLE "04000000 8ae31371");
	enum rpcgate_reason why = NONE;
	struct epm_request q;

	(void)state;
	assert_int_equal(epm_request_parse(ndr_of(stub, false, false), EPM_MAP, &q, &why),
			 PARSE_OK);
	assert_int_equal(q.opnum, EPM_MAP);
	assert_int_equal(q.n_referents, 2);
	assert_int_equal(q.referent[0], 0xa3f6);
	assert_int_equal(q.referent[1], 0x7a7b);
	assert_true(q.has_interface);
	assert_int_equal(q.asked.interface.major, 1);
	assert_int_equal(q.asked.interface.uuid.octet[15], 0xac);
	assert_int_equal(q.asked.protseq, RPCGATE_NCACN_IP_TCP);

	stub = octets_of("02000000 07000000 00(16) 00000000 00000000" HANDLE "08000000");
	assert_int_equal(epm_request_parse(ndr_of(stub, false, false), EPM_LOOKUP, &q, &why),
			 PARSE_OK);
	assert_int_equal(q.inquiry_type, 2);
	assert_int_equal(q.n_referents, 1);
	assert_int_equal(q.referent[0], 7);
	assert_false(q.has_interface);

	stub = octets_of("00000000 00000000" HANDLE "01000000");
	assert_int_equal(epm_request_parse(ndr_of(stub, false, false), EPM_MAP, &q, &why),
			 PARSE_OK);
	assert_false(q.has_interface);
	assert_int_equal(q.n_referents, 0);
}

/* A listing is held to an interface only where the inquiry is by interface: the pointer may be
 * there without, with leftover memory behind it. */
static void a_lookup_asks_for_an_interface_or_for_all(void **state)
{
	static const struct {
		const char *inquiry;
		bool by_interface;
	} inquiries[] = { { "00000000", false },
			  { "01000000", true },
			  { "02000000", false },
			  { "03000000", true },
			  { "04000000", false } };
	struct bytes rest =
		octets_of("00000000 02000000" SAMR_UUID "0100 0200 01000000" HANDLE "f4010000");
	enum rpcgate_reason why = NONE;
	struct epm_request q;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inquiries); i++) {
		struct bytes stub = joined(octets_of(inquiries[i].inquiry), rest);

		assert_int_equal(epm_request_parse(ndr_of(stub, false, false), EPM_LOOKUP, &q,
						   &why),
				 PARSE_OK);
		assert_int_equal(q.has_interface, inquiries[i].by_interface);
		assert_int_equal(q.asked.interface.uuid.octet[0], 0x12);
		assert_int_equal(q.asked.interface.uuid.octet[15], 0xac);
		assert_int_equal(q.asked.interface.major, 1);
		assert_int_equal(q.asked.interface.minor, 2);
		rest = (struct bytes){ stub.p + 4, stub.n - 4 }; /* still guarded */
	}
	/* no pointer, no interface, whatever the inquiry says */
	rest = octets_of("01000000 00000000 00000000 01000000" HANDLE "f4010000");
	assert_int_equal(epm_request_parse(ndr_of(rest, false, false), EPM_LOOKUP, &q, &why),
			 PARSE_OK);
	assert_false(q.has_interface);
}

/* -------------------------------------------------------------- properties */

static void an_entry_gives_all_it_has(void **state)
{
	struct bytes stub = octets_of(
		TWO
		"ba 94 52 76 bc 60 b8 48 92 e9 89 fd 77 76 9d 91 00000000 00000000 00000000" ENTRY(
			"02000000") SAMR_TEXT SIZED "00" MORE);
	char text[RPCGATE_UUID_TEXT];
	enum rpcgate_reason why = NONE;
	struct epm_answer a;
	struct epm_entry e;

	(void)state;
	assert_int_equal(epm_answer_parse(ndr_of(stub, false, false), EPM_LOOKUP, NULL, &limits, &a,
					  &why),
			 PARSE_OK);
	assert_int_equal(a.opnum, EPM_LOOKUP);
	assert_int_equal(a.status, EPM_STATUS_NOT_REGISTERED);
	assert_true(epm_next(&a, &e));
	assert_string_equal(rpcgate_uuid_format(&e.object, text),
			    "765294ba-60bc-48b8-92e9-89fd77769d91");
	assert_int_equal(e.annotation.n, 0);
	assert_false(e.has_tower);
	assert_true(epm_next(&a, &e));
	assert_true(uuid_is_nil(&e.object));
	assert_int_equal(e.annotation.n, 4);
	assert_memory_equal(e.annotation.p, "samr", 4);
	assert_true(e.has_tower);
	assert_true(e.tower.has_ip);
	assert_false(epm_next(&a, &e));
}

static void byte_order_changes_numbers_but_not_towers(void **state)
{
	struct bytes stub = octets_of(
		HANDLE "00000001 00000004 00000000 00000001 00000003 0000004b 0000004b" TOWER
		       "00 16c9a0d6");
	enum rpcgate_reason why = NONE;
	struct epm_answer a;
	struct epm_entry e;

	(void)state;
	assert_int_equal(epm_answer_parse(ndr_of(stub, true, false), EPM_MAP, NULL, &limits, &a,
					  &why),
			 PARSE_OK);
	assert_int_equal(a.status, EPM_STATUS_NOT_REGISTERED);
	assert_true(epm_next(&a, &e));
	assert_int_equal(e.tower.port, 49669);
	assert_int_equal(e.tower.interface.major, 1);
}

static void ndr64_is_little_endian_only(void **state)
{
	struct bytes stub = octets_of("00(200)");
	struct epm_request q;
	struct epm_answer a;
	enum rpcgate_reason why = NONE;

	(void)state;
	assert_int_equal(epm_request_parse(ndr_of(stub, true, true), EPM_MAP, &q, &why), PARSE_BAD);
	assert_int_equal(why, BAD_NDR);
	why = NONE;
	assert_int_equal(epm_answer_parse(ndr_of(stub, true, true), EPM_MAP, NULL, &limits, &a,
					  &why),
			 PARSE_BAD);
	assert_int_equal(why, BAD_NDR);
}

/* Whatever is missing at the end, nothing of the answer is given. */
static void every_prefix_of_an_answer_is_refused(void **state)
{
	static const struct {
		uint16_t opnum;
		bool ndr64;
		const char *octets;
	} wholes[] = {
		{ EPM_MAP, false, TWO "03000000 04000000" SIZED "00" SIZED "00" OK },
		{ EPM_MAP, true, ONE64 U64("03000000") U64("4b000000") "4b000000" TOWER "00" OK },
		{ EPM_LOOKUP, false, ONE ENTRY("03000000") SAMR_TEXT SIZED "00" OK },
		{ EPM_LOOKUP, true,
		  ONE64 ENTRY(U64("03000000")) U64("00000000")
			  U64("05000000") "73 61 6d 72 00 eeeeee" U64("4b000000") "4b000000" TOWER
										  "00" OK },
	};
	enum rpcgate_reason why;
	struct epm_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct bytes whole = octets_of(wholes[i].octets);

		for (size_t n = 0; n < whole.n; n++) {
			struct ndr stub = ndr_of(prefix(whole, n), false, wholes[i].ndr64);

			assert_int_equal(epm_answer_parse(stub, wholes[i].opnum, NULL, &limits, &a,
							  &why),
					 PARSE_BAD);
		}
	}
}

static void every_prefix_of_a_request_is_refused(void **state)
{
	static const struct {
		uint16_t opnum;
		bool ndr64;
		const char *octets;
	} wholes[] = {
		{ EPM_MAP, false, "01000000 00(16) 02000000" SIZED "00" HANDLE "04000000" },
		{ EPM_MAP, true,
		  U64("01000000") "00(16)" U64("02000000") U64("4b000000") "4b000000" TOWER
									   "00" HANDLE "04000000" },
		{ EPM_LOOKUP, false,
		  "03000000 01000000 ff(16) 02000000 00(16) 0100 0000 01000000" HANDLE "f4010000" },
	};
	enum rpcgate_reason why;
	struct epm_request q;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct bytes whole = octets_of(wholes[i].octets);

		for (size_t n = 0; n < whole.n; n++) {
			struct ndr stub = ndr_of(prefix(whole, n), false, wholes[i].ndr64);

			assert_int_equal(epm_request_parse(stub, wholes[i].opnum, &q, &why),
					 PARSE_BAD);
		}
	}
}

/* --------------------------------------------------------------- referents */

/* A listing of n entries; the id of entry i is ids(i). */
static struct bytes listing(uint32_t n, uint32_t (*id_of)(uint32_t i, uint32_t n))
{
	struct bytes tower = octets_of(TOWER), stub;
	struct octets o = { 0 };

	octets_room(&o, 20);
	octets_u32(&o, n, false);
	octets_u32(&o, n, false);
	octets_u32(&o, 0, false);
	octets_u32(&o, n, false);
	for (uint32_t i = 0; i < n; i++) {
		octets_room(&o, 16);
		octets_u32(&o, id_of(i, n), false);
		octets_room(&o, 8);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!id_of(i, n))
			continue;
		octets_u32(&o, (uint32_t)tower.n, false);
		octets_u32(&o, (uint32_t)tower.n, false);
		octets_put(&o, tower.p, tower.n);
		octets_align(&o, 0, 4);
	}
	octets_u32(&o, 0, false);
	stub = guarded(o.p, o.n);
	octets_free(&o);
	return stub;
}

static uint32_t rising(uint32_t i, uint32_t n)
{
	(void)n;
	return 0x20000 + 4 * i;
}

static uint32_t rising_with_nulls(uint32_t i, uint32_t n)
{
	(void)n;
	return i % 3 == 1 ? 0 : i + 1;
}

static uint32_t falling(uint32_t i, uint32_t n)
{
	return n - i;
}

static uint32_t last_is_first(uint32_t i, uint32_t n)
{
	return i == n - 1 ? 1 : i + 1;
}

static enum parse listed(uint32_t n, uint32_t (*id_of)(uint32_t i, uint32_t n))
{
	enum rpcgate_reason why;
	struct epm_answer a;
	struct epm_entry e;
	uint32_t seen = 0;
	enum parse outcome = epm_answer_parse(ndr_of(listing(n, id_of), false, false), EPM_LOOKUP,
					      NULL, &limits, &a, &why);

	if (outcome != PARSE_OK)
		return outcome;
	for (; epm_next(&a, &e); seen++)
		assert_int_equal(e.has_tower, id_of(seen, n) != 0);
	assert_int_equal(seen, n);
	return outcome;
}

static void rising_ids_are_taken_at_any_length(void **state)
{
	(void)state;
	assert_int_equal(listed(499, rising), PARSE_OK);
	assert_int_equal(listed(4096, rising), PARSE_OK);
	assert_int_equal(listed(4096, rising_with_nulls), PARSE_OK);
	assert_int_equal(listed(4097, rising), PARSE_BAD);
}

static void ids_in_disorder_are_taken_up_to_a_page(void **state)
{
	(void)state;
	assert_int_equal(listed(500, falling), PARSE_OK);
	assert_int_equal(listed(501, falling), PARSE_BAD);
}

static void a_repeated_id_is_found_wherever_it_is(void **state)
{
	(void)state;
	assert_int_equal(listed(2, last_is_first), PARSE_BAD);
	assert_int_equal(listed(500, last_is_first), PARSE_BAD);
	assert_int_equal(listed(4096, last_is_first), PARSE_BAD);
}

static void what_is_refused_leaves_its_place_as_it_was(void **state)
{
	struct bytes stub = octets_of(ONE "03000000" SIZED "00" OK "00(4)");
	struct epm_answer a, before;
	enum rpcgate_reason why;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	a = before;
	assert_int_equal(epm_answer_parse(ndr_of(stub, false, false), EPM_MAP, NULL, &limits, &a,
					  &why),
			 PARSE_BAD);
	assert_memory_equal(&a, &before, sizeof(a));
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(an_answer_belongs_to_its_request),
		cmocka_unit_test(a_request_gives_what_the_answer_is_compared_with),
		cmocka_unit_test(a_lookup_asks_for_an_interface_or_for_all),
		cmocka_unit_test(an_entry_gives_all_it_has),
		cmocka_unit_test(byte_order_changes_numbers_but_not_towers),
		cmocka_unit_test(ndr64_is_little_endian_only),
		cmocka_unit_test(every_prefix_of_an_answer_is_refused),
		cmocka_unit_test(every_prefix_of_a_request_is_refused),
		cmocka_unit_test(rising_ids_are_taken_at_any_length),
		cmocka_unit_test(ids_in_disorder_are_taken_up_to_a_page),
		cmocka_unit_test(a_repeated_id_is_found_wherever_it_is),
		cmocka_unit_test(what_is_refused_leaves_its_place_as_it_was),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(request_rows) + ARRAY_SIZE(answer_rows)];
	size_t n = 0;

	ROWS(tests, n, request_rows, request_row);
	ROWS(tests, n, answer_rows, answer_row);
	return cmocka_run_group_tests_name("epm, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("epm", properties, NULL, NULL);
}
