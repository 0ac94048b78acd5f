/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.h - cmocka, and tests as tables of named facts
 *
 * A row is a struct that begins with `const char *name`: a sentence that is true or not.  Each row
 * becomes a test of its own, so that a failure prints the sentence.
 */
#ifndef SUPPORT_ROWS_H
#define SUPPORT_ROWS_H

/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** The rows of @p table as entries of tests[], from n on; each is given to @p function. */
#define ROWS(tests, n, table, function)                                                            \
	do {                                                                                       \
		for (size_t row_ = 0; row_ < sizeof(table) / sizeof((table)[0]); row_++)           \
			(tests)[(n)++] = (struct CMUnitTest){                                      \
				.name = (table)[row_].name,                                        \
				.test_func = (function),                                           \
				.initial_state = (void *)(uintptr_t) & (table)[row_],              \
			};                                                                         \
	} while (0)

#endif
