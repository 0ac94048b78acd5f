/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - rows and columns for people
 *
 * Columns are as wide as their content; columns without content are not shown.  Where the page is
 * too narrow, first the flexible columns give way and their cells go on in the next line, then
 * the least important columns are left out, then the stiff ones give way, too.  Plain ASCII.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** When a column gives way; words are never broken. */
enum table_give { TABLE_FIXED, TABLE_FLEXIBLE, TABLE_STIFF };

struct table_column {
	const char *title;
	bool right; /**< numbers */
	enum table_give give;
	unsigned int leave_out; /**< 0 never; else the highest is left out first */
};

struct table;

/** A table; @p columns must outlive it.  NULL if memory is short. */
struct table *table_new(const struct table_column *columns, size_t n);
/** Let it go; NULL is fine. */
void table_free(struct table *table);

/** Fill the next cell, row by row.  Text as printf() has it; ASCII without control characters. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * Print the title row and all rows, two columns in from the left.
 * @param width  of the page
 * @return false if memory was short on the way: the table would not be complete and is not printed
 */
bool table_print(const struct table *table, FILE *out, size_t width);

/** Width of the page that @p out shows: COLUMNS, else the terminal's, else 100. */
size_t table_page_width(FILE *out);

#endif
