/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_call.c - fragments are joined only if all of them agree */
#include "call.h"
#include "rows.h"

#define F PFC_FIRST_FRAG
#define L PFC_LAST_FRAG

/* One fragment; what is not named is the same in all of them */
struct piece {
	uint8_t flags;
	const char *stub;
	uint16_t context, opnum;
	uint8_t level;
	bool big;
	enum parse want;
	enum rpcgate_reason why;
};

struct join_row {
	const char *name;
	struct piece piece[5];
	size_t n;
	const char *stub; /* if the last one completes it */
};

#define MORE .want = PARSE_MORE
#define WHOLE .want = PARSE_OK
#define BAD .want = PARSE_BAD, .why = RPCGATE_REASON_MALFORMED_PDU
#define LIMIT .want = PARSE_BAD, .why = RPCGATE_REASON_LIMIT

static const struct join_row rows[] = {
	{ "one fragment", { { F | L, "abc", WHOLE } }, 1, "abc" },
	{ "one without octets", { { F | L, "", WHOLE } }, 1, "" },
	{ "three", { { F, "ab", MORE }, { 0, "cd", MORE }, { L, "e", WHOLE } }, 3, "abcde" },
	{ "one in the middle without octets",
	  { { F, "ab", MORE }, { 0, "", MORE }, { L, "e", WHOLE } },
	  3,
	  "abe" },
	{ "other flags say nothing", { { F | L | 0x84, "abc", WHOLE } }, 1, "abc" },
	{ "the first is missing", { { 0, "ab", BAD } }, 1, NULL },
	{ "the last alone", { { L, "ab", BAD } }, 1, NULL },
	{ "the first again", { { F, "ab", MORE }, { F, "cd", BAD } }, 2, NULL },
	{ "a whole one in the middle", { { F, "ab", MORE }, { F | L, "cd", BAD } }, 2, NULL },
	{ "one behind the last", { { F | L, "ab", WHOLE }, { L, "cd", BAD } }, 2, NULL },
	{ "another context", { { F, "ab", MORE }, { L, "cd", .context = 1, BAD } }, 2, NULL },
	{ "another operation", { { F, "ab", MORE }, { L, "cd", .opnum = 1, BAD } }, 2, NULL },
	{ "another level", { { F, "ab", MORE }, { L, "cd", .level = 6, BAD } }, 2, NULL },
	{ "another byte order", { { F, "ab", MORE }, { L, "cd", .big = true, BAD } }, 2, NULL },
	{ "all of another kind",
	  { { F, "ab", 7, 8, 5, true, MORE }, { L, "cd", 7, 8, 5, true, WHOLE } },
	  2,
	  "abcd" },
	{ "as many octets as may be",
	  { { F, "0123456", MORE }, { L, "789", WHOLE } },
	  2,
	  "0123456789" },
	{ "one octet more", { { F, "0123456", MORE }, { L, "789a", LIMIT } }, 2, NULL },
	{ "one octet more at once", { { F | L, "0123456789a", LIMIT } }, 1, NULL },
	{ "as many fragments as may be",
	  { { F, "a", MORE }, { 0, "", MORE }, { 0, "", MORE }, { L, "b", WHOLE } },
	  4,
	  "ab" },
	{ "one fragment more",
	  { { F, "a", MORE }, { 0, "", MORE }, { 0, "", MORE }, { 0, "", MORE }, { L, "b", LIMIT } },
	  5,
	  NULL },
};

static enum parse add(struct arena *a, struct joined *j, const struct piece *p,
		      enum rpcgate_reason *why)
{
	static const struct call_limits limits = { .max_stub = 10, .max_fragments = 4 };
	const struct pdu pdu = { .h = { .flags = p->flags, .big = p->big },
				 .auth = { .level = p->level } };
	const struct pdu_call call = {
		.context_id = p->context,
		.opnum = p->opnum,
		.stub = { (const uint8_t *)p->stub, strlen(p->stub) },
	};

	return joined_add(a, j, &pdu, &call, &limits, why);
}

static void join_row(void **state)
{
	const struct join_row *row = *state;
	struct joined j = { 0 };
	struct arena a;

	assert_true(arena_init(&a, 1U << 21));
	for (size_t i = 0; i < row->n; i++) {
		enum rpcgate_reason why = RPCGATE_REASON_NONE;
		uint32_t before = j.stub.n;

		assert_int_equal(add(&a, &j, &row->piece[i], &why), row->piece[i].want);
		assert_int_equal(why, row->piece[i].why);
		if (row->piece[i].want == PARSE_BAD)
			assert_int_equal(j.stub.n, before);
	}
	if (row->stub) {
		assert_true(j.complete);
		assert_int_equal(j.stub.n, strlen(row->stub));
		assert_int_equal(j.context_id, row->piece[0].context);
		assert_int_equal(j.opnum, row->piece[0].opnum);
		assert_int_equal(j.auth_level, row->piece[0].level);
		assert_int_equal(j.big, row->piece[0].big);
		if (j.stub.n)
			assert_memory_equal(j.stub.p, row->stub, j.stub.n);
	}
	joined_drop(&a, &j);
	assert_int_equal(j.n_fragments, 0);
	assert_true(a.used == 0);
	arena_done(&a);
}

static void a_full_arena_is_a_limit(void **state)
{
	const struct piece first = { F, "abc", .want = PARSE_BAD };
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct joined j = { 0 };
	struct arena a;
	void *all;

	(void)state;
	assert_true(arena_init(&a, 1U << 21));
	all = arena_take(&a, 1U << 21);
	assert_non_null(all);
	assert_int_equal(add(&a, &j, &first, &why), PARSE_BAD);
	assert_int_equal(why, RPCGATE_REASON_LIMIT);
	assert_int_equal(j.n_fragments, 0);
	arena_done(&a);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 1] = {
		cmocka_unit_test(a_full_arena_is_a_limit),
	};
	size_t n = 1;

	ROWS(tests, n, rows, join_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
