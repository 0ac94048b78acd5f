/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_counted.c - rows of a report: one for each key, found again, and the first of an order */
#include "../../src/cli/rows.h"
#include "bytes.h"
#include "rows.h" /* the tests' own */

#define MANY 3000U /* several blocks */

struct row {
	uint8_t key[26]; /* no multiple of anything */
	uint8_t rest[5];
	uint32_t count;
};

static struct row row_of(uint32_t number)
{
	struct row row = { 0 };

	memcpy(row.key + 20, &number, sizeof(number));
	row.key[25] = (uint8_t)number;
	return row;
}

static struct rows rows_with(uint32_t n)
{
	struct rows rows = { .size = sizeof(struct row), .key = sizeof(row_of(0).key) };

	for (uint32_t i = 0; i < n; i++) {
		struct row probe = row_of(i * 7919 % n);

		assert_non_null(rows_get(&rows, &probe));
	}
	return rows;
}

static void one_row_for_each_key(void **state)
{
	struct rows rows = rows_with(MANY);

	(void)state;
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < MANY; i++) {
			struct row probe = row_of(i);
			struct row *row = rows_get(&rows, &probe);

			assert_ptr_equal(row, rows_find(&rows, &probe));
			assert_memory_equal(row->key, probe.key, sizeof(probe.key));
			assert_int_equal(row->count++, round);
		}
	assert_int_equal(rows.n, MANY);
	assert_int_equal(rows.lost, 0);
	rows_free(&rows);
}

/* The last octets of a key count as much as the first, whatever its length */
static void every_octet_of_a_key_counts(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 24; length++) {
		struct rows rows = { .size = 24, .key = length };
		uint8_t probe[24] = { 0 };

		assert_non_null(rows_get(&rows, probe));
		for (size_t i = 0; i < length; i++) {
			probe[i] = 1;
			assert_null(rows_find(&rows, probe));
			assert_non_null(rows_get(&rows, probe));
			probe[i] = 0;
		}
		assert_int_equal(rows.n, length + 1);
		rows_free(&rows);
	}
}

static void no_more_than_there_is_room_for(void **state)
{
	struct rows rows = rows_with(ROWS_MAX);
	struct row one_more = row_of(ROWS_MAX), known = row_of(0);

	(void)state;
	assert_null(rows_get(&rows, &one_more));
	assert_non_null(rows_get(&rows, &known));
	assert_int_equal(rows.n, ROWS_MAX);
	assert_int_equal(rows.lost, 1);
	rows_free(&rows);
}

static int by_octets(const void *left, const void *right)
{
	const struct row *a = *(const struct row *const *)left;
	const struct row *b = *(const struct row *const *)right;

	return memcmp(a->key, b->key, sizeof(a->key));
}

static void the_first_are_those_of_the_whole_order(void **state)
{
	static const size_t firsts[] = { 0, 1, 2, 19, 20, MANY - 1, MANY, MANY + 1, SIZE_MAX };
	struct rows whole = rows_with(MANY);

	(void)state;
	rows_sort(&whole, by_octets);
	for (size_t k = 0; k < ARRAY_SIZE(firsts); k++) {
		struct rows some = rows_with(MANY);

		rows_sort_first(&some, firsts[k], by_octets);
		assert_int_equal(some.n, MANY);
		for (size_t i = 0; i < firsts[k] && i < MANY; i++)
			assert_memory_equal(some.all[i], whole.all[i], sizeof(struct row));
		rows_sort(&some, by_octets); /* none was lost on the way */
		for (size_t i = 0; i < MANY; i++)
			assert_memory_equal(some.all[i], whole.all[i], sizeof(struct row));
		rows_free(&some);
	}
	rows_free(&whole);
}

static void nothing_has_no_order(void **state)
{
	struct rows rows = rows_with(0);
	struct row probe = row_of(0);

	(void)state;
	rows_sort_first(&rows, 5, by_octets);
	assert_null(rows_find(&rows, &probe));
	rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_row_for_each_key),
		cmocka_unit_test(every_octet_of_a_key_counts),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(the_first_are_those_of_the_whole_order),
		cmocka_unit_test(nothing_has_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
