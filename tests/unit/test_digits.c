/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_digits.c - numbers as text, beside what printf writes */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "digits.h"

static void check(uint64_t number)
{
	char text[DIGITS_MAX + 1], other[DIGITS_MAX + 1];

	memset(text, '#', sizeof(text));
	snprintf(other, sizeof(other), "%" PRIu64, number);
	assert_int_equal(digits_of(number), strlen(other));
	assert_ptr_equal(digits_put(text, number), text + strlen(other));
	assert_int_equal(text[strlen(other)], '#');
	assert_memory_equal(text, other, strlen(other));
}

static void every_length_at_its_ends(void **state)
{
	(void)state;
	for (uint64_t power = 1;; power *= 10) {
		check(power - 1);
		check(power);
		check(power + 1);
		if (power > UINT64_MAX / 10)
			break;
	}
	check(UINT64_MAX - 1);
	check(UINT64_MAX);
}

static void every_number_of_a_port(void **state)
{
	(void)state;
	for (uint32_t number = 0; number <= UINT16_MAX; number++)
		check(number);
}

static void numbers_of_every_size(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		check(seed >> i % 64);
	}
}

static void a_fixed_width_has_zeros_in_front(void **state)
{
	static const struct {
		uint64_t number;
		unsigned width;
		const char *text;
	} rows[] = {
		{ 0, 2, "00" },          { 7, 2, "07" },           { 99, 2, "99" },
		{ 0, 6, "000000" },      { 1, 6, "000001" },       { 100000, 6, "100000" },
		{ 999999, 6, "999999" }, { 1234567, 6, "234567" }, { 70, 8, "00000070" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[16] = "";

		assert_ptr_equal(digits_fixed(text, rows[i].number, rows[i].width),
				 text + rows[i].width);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_at_its_ends),
		cmocka_unit_test(every_number_of_a_port),
		cmocka_unit_test(numbers_of_every_size),
		cmocka_unit_test(a_fixed_width_has_zeros_in_front),
	};

	return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
