/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_arena.c - buffers that never overlap, and memory that becomes whole again */
#include "arena.h"
#include "memory.h"
#include "octets.h"
#include "rows.h"

#define BLOCK ((size_t)1 << ARENA_MAX_ORDER)
#define UNIT ((size_t)1 << ARENA_MIN_ORDER)

/* -------------------------------------------------------------------- sizes */

static const struct {
	size_t ask, get;
} sizes[] = {
	{ 0, 64 },
	{ 1, 64 },
	{ 63, 64 },
	{ 64, 64 },
	{ 65, 128 },
	{ 128, 128 },
	{ 129, 256 },
	{ 4096, 4096 },
	{ 4097, 8192 },
	{ 65535, 65536 },
	{ BLOCK / 2 + 1, BLOCK },
	{ BLOCK, BLOCK },
};

static void sizes_are_powers_of_two(void **state)
{
	struct arena a;

	(void)state;
	assert_true(arena_init(&a, BLOCK));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = arena_take(&a, sizes[i].ask);

		assert_non_null(p);
		assert_int_equal(arena_size(&a, p), sizes[i].get);
		assert_true(a.used == sizes[i].get);
		memset(p, 0xff, sizes[i].get);
		arena_give(&a, p);
		assert_true(a.used == 0);
	}
	assert_null(arena_take(&a, BLOCK + 1));
	assert_null(arena_take(&a, SIZE_MAX));
	assert_int_equal(arena_size(&a, NULL), 0);
	arena_give(&a, NULL);
	assert_true(a.peak == BLOCK);
	arena_done(&a);
}

/* How many whole blocks can be had, which ends the arena */
static size_t whole_blocks(struct arena *a)
{
	size_t n = 0;

	while (arena_take(a, BLOCK))
		n++;
	return n;
}

static void its_size_is_whole_blocks_and_at_least_one(void **state)
{
	static const struct {
		size_t octets, blocks;
	} rows[] = { { 0, 1 },
		     { 1, 1 },
		     { BLOCK - 1, 1 },
		     { BLOCK, 1 },
		     { 2 * BLOCK - 1, 1 },
		     { 2 * BLOCK, 2 },
		     { 5 * BLOCK + 7, 5 } };
	struct arena a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(arena_init(&a, rows[i].octets));
		assert_int_equal(whole_blocks(&a), rows[i].blocks);
		assert_null(arena_take(&a, 1));
		assert_true(a.used == rows[i].blocks * BLOCK && a.peak == a.used);
		arena_done(&a);
	}
	assert_false(arena_init(&a, SIZE_MAX)); /* more units than can be counted */
	assert_null(a.memory);
}

static void no_memory_is_an_answer(void **state)
{
	struct arena a;
	bool good;

	(void)state;
	for (size_t nth = 1; nth <= 2; nth++) {
		memory_ends_at(nth);
		good = arena_init(&a, BLOCK);
		memory_ends_at(0);
		assert_false(good);
		assert_null(a.memory);
		assert_null(a.state);
	}
}

/* -------------------------------------------------------------------- model */

#define BUFFERS 600
#define BLOCKS 3U

struct taken {
	uint8_t *p;
	size_t n;
	uint8_t mark;
};

static bool intact(const struct taken *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i] != t->mark)
			return false;
	return true;
}

/* Small ones mostly, as the wire makes them, and now and then a large one */
static size_t some_size(struct random *r)
{
	return random_below(r, (uint64_t)1 << (4 + random_below(r, random_once_in(r, 8) ? 18 : 9)));
}

static void take(struct arena *a, struct random *r, struct taken *t, uint64_t *used)
{
	size_t n = some_size(r);

	t->p = arena_take(a, n);
	if (!t->p)
		return;
	t->n = arena_size(a, t->p);
	assert_true(t->n >= n && t->n >= UNIT);
	assert_true(((uintptr_t)t->p & (sizeof(void *) - 1)) == 0);
	assert_true(t->p >= a->memory && t->p + t->n <= a->memory + BLOCKS * BLOCK);
	t->mark = (uint8_t)random_next(r);
	memset(t->p, t->mark, t->n);
	*used += t->n;
}

/* Buffers are filled to their ends: an overlap shows as a wrong octet */
static void buffers_never_overlap_and_merge_again(void **state)
{
	static struct taken t[BUFFERS];
	struct random r = { 4 };
	uint64_t used = 0, peak = 0;
	struct arena a;
	bool was_full = false;

	(void)state;
	assert_true(arena_init(&a, BLOCKS * BLOCK));
	for (int step = 0; step < 60000; step++) {
		struct taken *one = &t[random_below(&r, BUFFERS)];

		if (one->p) {
			assert_true(intact(one));
			arena_give(&a, one->p);
			used -= one->n;
			one->p = NULL;
		} else {
			take(&a, &r, one, &used);
			was_full |= !one->p;
		}
		peak = used > peak ? used : peak;
		assert_true(a.used == used && a.peak == peak);
	}
	assert_true(was_full);
	for (size_t i = 0; i < BUFFERS; i++)
		if (t[i].p) {
			assert_true(intact(&t[i]));
			arena_give(&a, t[i].p);
			t[i].p = NULL;
		}
	assert_true(a.used == 0);
	assert_int_equal(whole_blocks(&a), BLOCKS);
	arena_done(&a);
}

/* Every order in which two halves come back makes them one */
static void both_halves_find_each_other(void **state)
{
	struct arena a;

	(void)state;
	assert_true(arena_init(&a, BLOCK));
	for (int order = 0; order < 2; order++) {
		void *half[2] = { arena_take(&a, BLOCK / 2), arena_take(&a, BLOCK / 2) };

		assert_non_null(half[0]);
		assert_non_null(half[1]);
		assert_null(arena_take(&a, 1));
		arena_give(&a, half[order]);
		assert_null(arena_take(&a, BLOCK));
		arena_give(&a, half[!order]);
		half[0] = arena_take(&a, BLOCK);
		assert_non_null(half[0]);
		arena_give(&a, half[0]);
	}
	arena_done(&a);
}

/* ------------------------------------------------------------------- buffer */

static void a_buffer_keeps_what_it_has(void **state)
{
	struct buffer b = { 0 };
	uint8_t octets[1000];
	uint32_t total = 0;
	struct arena a;

	(void)state;
	assert_true(arena_init(&a, BLOCK));
	assert_true(buffer_add(&a, &b, (struct bytes){ NULL, 0 }));
	assert_null(b.p);
	for (uint32_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	for (uint32_t n = 1; n <= 200; n++) {
		assert_true(buffer_add(&a, &b, (struct bytes){ octets + total % 256, n }));
		total += n;
		assert_int_equal(b.n, total);
		assert_true(a.used == arena_size(&a, b.p));
	}
	for (uint32_t i = 0; i < total; i++)
		assert_int_equal(b.p[i], (uint8_t)(i * 7));
	buffer_drop(&a, &b);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
	assert_true(a.used == 0);
	arena_done(&a);
}

static void a_full_arena_leaves_the_buffer_as_it_was(void **state)
{
	struct buffer b = { 0 };
	struct arena a;
	void *rest;

	(void)state;
	assert_true(arena_init(&a, BLOCK));
	assert_true(buffer_add(&a, &b, (struct bytes){ (const uint8_t *)"abc", 3 }));
	for (size_t n = BLOCK / 2; n >= UNIT; n /= 2) {
		rest = arena_take(&a, n);
		assert_non_null(rest);
	}
	assert_true(buffer_add(&a, &b, (struct bytes){ (const uint8_t *)"def", 3 }));
	assert_false(buffer_add(&a, &b, (struct bytes){ a.memory, UNIT }));
	assert_int_equal(b.n, 6);
	assert_memory_equal(b.p, "abcdef", 6);
	assert_false(buffer_add(&a, &b, (struct bytes){ a.memory, BLOCK }));
	assert_int_equal(b.n, 6);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_powers_of_two),
		cmocka_unit_test(its_size_is_whole_blocks_and_at_least_one),
		cmocka_unit_test(no_memory_is_an_answer),
		cmocka_unit_test(buffers_never_overlap_and_merge_again),
		cmocka_unit_test(both_halves_find_each_other),
		cmocka_unit_test(a_buffer_keeps_what_it_has),
		cmocka_unit_test(a_full_arena_leaves_the_buffer_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
