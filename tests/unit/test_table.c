/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_table.c - the hash table against a list that is walked from end to end
 *
 * Hashes are chosen to lie badly: in clusters, around the end of the slots, with equal low bits,
 * with equal tags.
 */
#include "memory.h"
#include "octets.h"
#include "rows.h"
#include "table.h"

#define CAPACITY 200U
#define OPERATIONS 100000

struct model {
	bool there;
	uint64_t hash;
};

typedef uint64_t choose(struct random *r);

static uint64_t spread(struct random *r)
{
	return random_next(r);
}

/* Ten neighbouring home slots, across the end of the 512 */
static uint64_t clustered(struct random *r)
{
	return random_next(r) << 32 | (507 + random_below(r, 10));
}

/* One home slot, many tags */
static uint64_t same_home(struct random *r)
{
	return random_next(r) << 16 | 0x1ff;
}

/* Few hashes: entries that only their keys tell apart */
static uint64_t same_tag(struct random *r)
{
	return random_below(r, 5) * 511;
}

/* The tag is half of the hash: these differ in the other half alone */
static uint64_t same_low_half(struct random *r)
{
	return random_next(r) << 32 | 0xdeadbeef;
}

static bool finds(const struct table *t, uint64_t hash, uint32_t index)
{
	uint32_t at, steps = 0;

	for (uint32_t i = table_first(t, hash, &at); i; i = table_next(t, hash, &at)) {
		assert_true(++steps <= CAPACITY);
		if (i == index)
			return true;
	}
	return false;
}

static void check_all(const struct table *t, const struct model *model)
{
	uint32_t in_slots = 0, in_model = 0;

	for (uint32_t i = 1; i <= CAPACITY; i++) {
		in_model += model[i].there;
		if (model[i].there)
			assert_true(finds(t, model[i].hash, i));
		else
			assert_false(finds(t, model[i].hash, i));
	}
	for (uint64_t slot = 0; slot <= t->mask; slot++)
		in_slots += t->slot[slot].index != 0;
	assert_int_equal(in_slots, in_model);
}

static void agrees_with_the_model(void **state)
{
	choose *const *hash_of = *state;
	struct model model[CAPACITY + 1] = { 0 };
	struct random r = { 3 };
	struct table t;

	assert_true(table_init(&t, CAPACITY));
	for (int step = 0; step < OPERATIONS; step++) {
		uint32_t i = (uint32_t)random_below(&r, CAPACITY) + 1;

		if (model[i].there) {
			assert_true(finds(&t, model[i].hash, i));
			table_remove(&t, model[i].hash, i);
			model[i].there = false;
			assert_false(finds(&t, model[i].hash, i));
		} else {
			model[i] = (struct model){ true, (*hash_of)(&r) };
			table_add(&t, model[i].hash, i);
		}
		if (step % 997 == 0)
			check_all(&t, model);
	}
	check_all(&t, model);
	assert_true(t.mask >= CAPACITY - 1 && t.mask <= 511); /* it grew with what it held */
	table_done(&t);
}

static void a_full_table_is_half_empty(void **state)
{
	static const struct {
		uint32_t capacity, slots;
	} sizes[] = { { 1, 64 }, { 32, 64 }, { 33, 128 }, { 1024, 2048 }, { 1025, 4096 } };
	struct table t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_true(table_init(&t, sizes[i].capacity));
		assert_int_equal(t.mask, 63);
		for (uint32_t k = 1; k <= sizes[i].capacity; k++)
			table_add(&t, k, k);
		assert_int_equal(t.mask, sizes[i].slots - 1);
		/* a search for what is not there ends */
		assert_false(finds(&t, UINT64_C(0xabcdef) << 12, 1));
		table_done(&t);
	}
}

static void no_memory_is_an_answer(void **state)
{
	struct table t;
	bool good;

	(void)state;
	memory_ends_at(1);
	good = table_init(&t, CAPACITY);
	memory_ends_at(0);
	assert_false(good);
	table_done(&t);
}

int main(void)
{
	static choose *const kinds[] = { spread, clustered, same_home, same_tag, same_low_half };
	const struct CMUnitTest tests[] = {
		{ "spread hashes", agrees_with_the_model, NULL, NULL,
		  (void *)(uintptr_t)&kinds[0] },
		{ "clusters across the end", agrees_with_the_model, NULL, NULL,
		  (void *)(uintptr_t)&kinds[1] },
		{ "one home slot", agrees_with_the_model, NULL, NULL,
		  (void *)(uintptr_t)&kinds[2] },
		{ "equal hashes", agrees_with_the_model, NULL, NULL, (void *)(uintptr_t)&kinds[3] },
		{ "equal low halves", agrees_with_the_model, NULL, NULL,
		  (void *)(uintptr_t)&kinds[4] },
		cmocka_unit_test(a_full_table_is_half_empty),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
