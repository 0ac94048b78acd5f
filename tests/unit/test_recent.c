/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_recent.c - the last hashes that were noted, against a list that is walked from end to end */
#include "memory.h"
#include "octets.h"
#include "recent.h"
#include "rows.h"

#define ENTRIES 64U
#define OPERATIONS 200000U
#define FORGOTTEN 0

struct model {
	uint64_t hash[OPERATIONS]; /* in the order in which they were noted */
	uint32_t word[OPERATIONS];
	size_t n;
};

static struct model model;

static const uint32_t *model_find(uint64_t hash)
{
	for (size_t i = model.n; i-- && model.n - i <= ENTRIES;)
		if (model.hash[i] == hash)
			return &model.word[i];
	return NULL;
}

static void model_forget(uint64_t hash)
{
	for (size_t i = model.n; i-- && model.n - i <= ENTRIES;)
		if (model.hash[i] == hash)
			model.hash[i] = FORGOTTEN;
}

/* Many that differ in what no chain sees, many of one chain, many twice; never 0 */
static uint64_t chosen(struct random *r)
{
	switch (random_below(r, 3)) {
	case 0:
		return random_next(r) | 1;
	case 1:
		return random_below(r, 40) << 40 | 7;
	default:
		return random_below(r, 100) + 1;
	}
}

static void must_agree(const struct recent *recent, uint64_t hash)
{
	const uint32_t *found = recent_find(recent, hash), *wanted = model_find(hash);

	assert_int_equal(found != NULL, wanted != NULL);
	if (found)
		assert_int_equal(*found, *wanted);
}

/* @p next: where its numbers begin */
static void as_the_model(uint32_t next)
{
	struct random r = { 3 };
	struct recent recent;

	model.n = 0;
	assert_true(recent_init(&recent, ENTRIES));
	if (next)
		recent.next = next;
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		uint64_t hash = chosen(&r);

		if (random_once_in(&r, 4)) {
			recent_forget(&recent, hash);
			model_forget(hash);
		} else {
			recent_add(&recent, hash, i);
			model.hash[model.n] = hash;
			model.word[model.n++] = i;
		}
		must_agree(&recent, hash);
		must_agree(&recent, chosen(&r));
	}
	recent_done(&recent);
}

static void it_remembers_the_last_ones(void **state)
{
	(void)state;
	as_the_model(0);
}

/* What an old chain leads to is young by its number then, and is some other chain's */
static void numbers_may_come_round(void **state)
{
	(void)state;
	as_the_model(UINT32_MAX - OPERATIONS / 3);
}

static void a_new_one_remembers_nothing(void **state)
{
	struct recent recent;

	(void)state;
	assert_true(recent_init(&recent, ENTRIES));
	for (uint64_t hash = 0; hash < 4 * (uint64_t)ENTRIES; hash++)
		assert_null(recent_find(&recent, hash));
	recent_done(&recent);
}

static void no_memory_is_an_answer(void **state)
{
	struct recent recent;

	(void)state;
	for (size_t nth = 1; nth <= 2; nth++) {
		bool good;

		memory_ends_at(nth);
		good = recent_init(&recent, ENTRIES);
		memory_ends_at(0);
		assert_false(good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_remembers_the_last_ones),
		cmocka_unit_test(numbers_may_come_round),
		cmocka_unit_test(a_new_one_remembers_nothing),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
