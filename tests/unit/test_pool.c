/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pool.c - a fixed number of objects: never one more, never one twice, always zeroed */
#include "memory.h"
#include "octets.h"
#include "pool.h"
#include "rows.h"

#define CAPACITY 37U

struct object {
	uint64_t owner;
	uint8_t rest[13];
};

static void as_many_as_promised_and_none_more(void **state)
{
	bool seen[CAPACITY + 1] = { false };
	struct pool pool;

	(void)state;
	assert_true(pool_init(&pool, CAPACITY, sizeof(struct object)));
	for (uint32_t i = 0; i < CAPACITY; i++) {
		uint32_t index = pool_take(&pool);

		assert_in_range(index, 1, CAPACITY);
		assert_false(seen[index]);
		seen[index] = true;
		assert_int_equal(pool.used, i + 1);
	}
	assert_int_equal(pool_take(&pool), 0);
	assert_int_equal(pool_take(&pool), 0);
	assert_int_equal(pool.used, CAPACITY);
	pool_give(&pool, 7);
	assert_int_equal(pool_take(&pool), 7);
	assert_int_equal(pool_take(&pool), 0);
	pool_done(&pool);
	assert_null(pool.memory);
}

static bool is_zero(const struct object *o)
{
	static const struct object zero;

	return memcmp(o, &zero, sizeof(zero)) == 0;
}

/* Takes and gives at random: what is in use keeps its octets, what is new has none */
static void what_is_in_use_is_left_alone(void **state)
{
	uint64_t owner[CAPACITY + 1] = { 0 };
	struct random r = { 2 };
	struct pool pool;

	(void)state;
	assert_true(pool_init(&pool, CAPACITY, sizeof(struct object)));
	for (uint64_t step = 1; step <= 20000; step++) {
		uint32_t index = (uint32_t)random_below(&r, CAPACITY) + 1;
		struct object *o = pool_at(&pool, index);

		if (owner[index] && random_once_in(&r, 2)) {
			assert_true(o->owner == owner[index]);
			pool_give(&pool, index);
			owner[index] = 0;
			continue;
		}
		index = pool_take(&pool);
		if (!index) {
			assert_int_equal(pool.used, CAPACITY);
			continue;
		}
		assert_true(owner[index] == 0);
		o = pool_at(&pool, index);
		assert_true(is_zero(o));
		memset(o, 0xee, sizeof(*o));
		o->owner = owner[index] = step;
	}
	pool_done(&pool);
}

/* An object as large as a line of cache is one, of how many there may be (small pools lie between
 * other things, large ones on pages of their own), and the last one has its memory, too */
static void a_line_is_a_line(void **state)
{
	static const uint32_t capacities[] = { 1, 2, 3, 1000, 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		struct pool pool;

		assert_true(pool_init(&pool, capacities[i], POOL_LINE));
		assert_int_equal((uintptr_t)pool_at(&pool, 1) % POOL_LINE, 0);
		memset(pool_at(&pool, capacities[i]), 0xee, POOL_LINE);
		pool_done(&pool);
	}
}

static void no_memory_is_an_answer(void **state)
{
	struct pool pool;
	bool good;

	(void)state;
	for (size_t nth = 1; nth <= 2; nth++) {
		memory_ends_at(nth);
		good = pool_init(&pool, CAPACITY, sizeof(struct object));
		memory_ends_at(0);
		assert_false(good);
		assert_null(pool.memory);
		assert_null(pool.next_free);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_as_promised_and_none_more),
		cmocka_unit_test(what_is_in_use_is_left_alone),
		cmocka_unit_test(a_line_is_a_line),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
