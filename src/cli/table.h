/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - rows and columns for people
 *
 * Columns are as wide as their content; where the page is too narrow the flexible ones give way
 * and their cells go on in the next line.  Columns without content are not shown.  Plain ASCII.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table_column {
	const char *title;
	bool right;    /**< numbers */
	bool flexible; /**< gives way when the page is narrow */
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
