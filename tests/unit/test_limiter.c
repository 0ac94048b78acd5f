/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_limiter.c - X6: a flood of events is written at a bounded rate, with a count of what was
 * left out; who is not part of it loses nothing */
#include "limiter.h"

#include <string.h>

#include "rows.h"

#define NS_PER_S UINT64_C(1000000000)
#define START (UINT64_C(1700000000) * NS_PER_S)

static struct rpcgate_event alert_at(uint64_t ms, enum rpcgate_reason reason)
{
	struct rpcgate_event e = { .type = RPCGATE_EVENT_ALERT, .time_ns = START + ms * 1000000 };

	e.u.alert.reason = reason;
	return e;
}

/* How many of n alerts, one each step_ms, are written */
static uint64_t written(struct limiter *l, uint64_t from_ms, uint64_t n, uint64_t step_ms,
			enum rpcgate_reason reason)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct rpcgate_event e = alert_at(from_ms + i * step_ms, reason);

		count += limiter_passes(l, &e);
	}
	return count;
}

static const struct row {
	const char *name;
	uint32_t rate, burst;
	uint64_t n, step_ms;
	uint64_t want;
} rows[] = {
	{ "without a rate everything passes", 0, 0, 10000, 0, 10000 },
	{ "at once, the burst", 10, 50, 10000, 0, 50 },
	{ "a burst of none is one", 10, 0, 10000, 0, 1 },
	{ "slower than the rate, all", 10, 1, 1000, 100, 1000 },
	{ "twice as fast, every second one", 10, 1, 1000, 50, 500 },
	{ "a hundred a second for a minute: the burst and a minute's worth", 10, 50, 6000, 10,
	  50 + 599 },
	{ "one a second", 1, 1, 100, 10, 1 },
	{ "the highest rate there is", 4000000000U, 1, 1000, 1, 1000 },
};

static void one_row(void **state)
{
	const struct row *row = *state;
	struct limiter_gap gap;
	uint64_t n, left = 0;
	struct limiter l;

	limiter_init(&l, row->rate, row->burst);
	n = written(&l, 0, row->n, row->step_ms, RPCGATE_REASON_NOT_RPC);
	if (n != row->want)
		fail_msg("%llu written, not %llu", (unsigned long long)n,
			 (unsigned long long)row->want);
	while (limiter_left(&l, &gap)) {
		assert_int_equal(gap.type, RPCGATE_EVENT_ALERT);
		assert_int_equal(gap.reason, RPCGATE_REASON_NOT_RPC);
		left += gap.count;
	}
	assert_int_equal(n + left, row->n); /* nothing is lost without being counted */
	assert_false(limiter_left(&l, &gap));
}

/* The harmless twin of a flood: another reason, another type, the engine's own */
static void others_lose_nothing(void **state)
{
	struct rpcgate_event bind = { .type = RPCGATE_EVENT_BIND, .time_ns = START };
	struct rpcgate_event engine = { .type = RPCGATE_EVENT_ENGINE, .time_ns = START };
	struct limiter l;

	(void)state;
	limiter_init(&l, 1, 5);
	bind.u.bind.reason = RPCGATE_REASON_NOT_RPC;
	assert_int_equal(written(&l, 0, 100000, 0, RPCGATE_REASON_NOT_RPC), 5);
	assert_int_equal(written(&l, 0, 5, 0, RPCGATE_REASON_RULE_DENY), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(limiter_passes(&l, &bind));
	assert_false(limiter_passes(&l, &bind));
	for (unsigned i = 0; i < 1000; i++)
		assert_true(limiter_passes(&l, &engine));
}

static void what_was_left_out_is_told_when_there_is_room(void **state)
{
	struct limiter_gap gap;
	struct limiter l;
	char text[LIMITER_TEXT];

	(void)state;
	limiter_init(&l, 10, 10);
	assert_false(limiter_told(&l, START, &gap));
	assert_int_equal(written(&l, 0, 130, 0, RPCGATE_REASON_NOT_RPC), 10);
	assert_int_equal(written(&l, 0, 12, 0, RPCGATE_REASON_SEALED), 10);
	assert_int_equal(written(&l, 0, 10, 0, RPCGATE_REASON_LIMIT), 10);
	assert_false(limiter_told(&l, START, &gap)); /* full still */
	/* looked at once in a second, each bucket once */
	assert_true(limiter_told(&l, START + 2 * NS_PER_S, &gap));
	assert_int_equal(gap.count, 120);
	assert_int_equal(gap.reason, RPCGATE_REASON_NOT_RPC);
	assert_string_equal(limiter_text(&gap, text), "120 alert events with reason not-rpc");
	assert_true(limiter_told(&l, START + 2 * NS_PER_S, &gap));
	assert_int_equal(gap.count, 2);
	assert_int_equal(gap.reason, RPCGATE_REASON_SEALED);
	assert_false(limiter_told(&l, START + 2 * NS_PER_S, &gap));
	assert_false(limiter_told(&l, START + 9 * NS_PER_S, &gap));
	assert_false(limiter_left(&l, &gap));
	gap = (struct limiter_gap){ RPCGATE_EVENT_BIND, RPCGATE_REASON_RULE_DENY, 1 };
	assert_string_equal(limiter_text(&gap, text), "1 rpc_bind event with reason rule-deny");
}

/* Time that runs back gives no tokens */
static void a_clock_that_goes_back_gives_nothing(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 10, 10);
	assert_int_equal(written(&l, 60000, 10, 0, RPCGATE_REASON_NOT_RPC), 10);
	assert_int_equal(written(&l, 0, 1000, 10, RPCGATE_REASON_NOT_RPC), 0);
	assert_int_equal(written(&l, 61000, 100, 0, RPCGATE_REASON_NOT_RPC), 10);
}

/* Every type has its reason, and what is none of the list is not an index */
static void every_event_finds_its_bucket(void **state)
{
	struct limiter_gap gap;
	struct limiter l;

	(void)state;
	for (unsigned type = 0; type < LIMITER_TYPES; type++) {
		struct rpcgate_event e = { .type = (enum rpcgate_event_type)type,
					   .time_ns = START };

		limiter_init(&l, 1, 1);
		e.u.alert.reason = RPCGATE_REASON_NONE;
		(void)limiter_passes(&l, &e);
		(void)limiter_passes(&l, &e);
		assert_int_equal(limiter_left(&l, &gap), type != RPCGATE_EVENT_ENGINE);
		if (type != RPCGATE_EVENT_ENGINE)
			assert_int_equal(gap.type, type);
	}
	limiter_init(&l, 1, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct rpcgate_event e = alert_at(0, (enum rpcgate_reason)RPCGATE_REASON_COUNT);

		assert_true(limiter_passes(&l, &e));
		e.type = (enum rpcgate_event_type)LIMITER_TYPES;
		assert_true(limiter_passes(&l, &e));
	}
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(others_lose_nothing),
		cmocka_unit_test(what_was_left_out_is_told_when_there_is_room),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
		cmocka_unit_test(every_event_finds_its_bucket),
	};
	static struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];
	size_t n = 0;

	ROWS(tests, n, rows, one_row);
	return cmocka_run_group_tests_name("X6, a flood of events, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("X6, a flood of events", more, NULL, NULL);
}
