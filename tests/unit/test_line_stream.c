/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_line_stream.c - each line is what was written to it, whatever was there before */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "line_stream.h"

static bool put(FILE *out, char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fputc(c, out) == EOF)
			return false;
	return true;
}

static void check_line(struct line_stream *lines, char c, size_t n)
{
	FILE *out = line_stream_begin(lines);

	assert_non_null(out);
	assert_true(line_stream_end(lines, put(out, c, n)));
	assert_int_equal(lines->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(lines->text[i], c);
}

static void lines_of_every_length_follow_each_other(void **state)
{
	static const size_t lengths[] = { 600, 1, 8192, 8191, 20000, 599, 100000, 2, 70000 };
	struct line_stream lines = { 0 };

	(void)state;
	for (size_t i = 0; i < 10 * sizeof(lengths) / sizeof(lengths[0]); i++)
		check_line(&lines, (char)('a' + i % 26),
			   lengths[i % (sizeof(lengths) / sizeof(lengths[0]))]);
	line_stream_free(&lines);
}

static void what_failed_leaves_nothing_behind(void **state)
{
	struct line_stream lines = { 0 };
	FILE *out = line_stream_begin(&lines);

	(void)state;
	assert_true(put(out, 'x', 100));
	assert_false(line_stream_end(&lines, false));
	check_line(&lines, 'y', 10);
	assert_non_null(line_stream_begin(&lines));
	assert_false(line_stream_end(&lines, true)); /* nothing was written */
	check_line(&lines, 'z', 20);
	line_stream_free(&lines);
	line_stream_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_every_length_follow_each_other),
		cmocka_unit_test(what_failed_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("line_stream", tests, NULL, NULL);
}
