/* SPDX-License-Identifier: BSD-2-Clause */
/* gen_csv.h - read the tables that become constants while building
 *
 * Data that people edit stays a CSV file (RFC 4180; a record is one line).  A bad row stops the
 * build with file:line and what was expected; every bad row is reported, not the first alone.
 */
#ifndef GATE_GEN_CSV_H
#define GATE_GEN_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CSV_COLUMNS_MAX = 8 };

struct csv_row {
	char *field[CSV_COLUMNS_MAX]; /* into text */
	char *text;                   /* owned: the line, cut into fields */
	unsigned long line;
};

struct csv {
	const char *name;
	const char *const *column; /* the header must read like this */
	size_t n_columns;
	struct csv_row *row;
	size_t n;
};

/** Say what is wrong with a line.  Always false, so that a check can end with it. */
__attribute__((format(printf, 3, 4))) bool csv_wrong(const struct csv *in, unsigned long line,
						     const char *format, ...);
/** Read a file whose name and columns are set.  False if anything in it is wrong. */
bool csv_read(struct csv *in);
void csv_free(struct csv *in);

/** Lower case, digits and dashes where RFC 9562 has them; the text becomes lower case. */
bool csv_uuid_check(char *text);
/** Write a UUID as sixteen constants. */
void csv_uuid_write(FILE *out, const char *text);
/** Write a C string. */
void csv_string_write(FILE *out, const char *text);

/** Write a table: @p head, each row, "};".  False, told, and no file left, if that fails. */
bool csv_table_write(const char *path, const struct csv *in, const char *head,
		     void (*row_write)(FILE *out, const struct csv_row *row));

#endif
