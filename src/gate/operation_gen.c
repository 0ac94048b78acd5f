/* SPDX-License-Identifier: BSD-2-Clause */
/* operation_gen.c - turn operations.csv into a sorted C table; runs while building
 *
 * A name is a word of the policy language: letters, digits and underscores, no digit first, and
 * within an interface it stands for one operation.
 */
#include <stdlib.h>
#include <string.h>

#include "gen_csv.h"

enum column { COL_UUID, COL_OPNUM, COL_NAME, COL_SOURCE, COL_COUNT };

static const char *const column_name[COL_COUNT] = { "uuid", "opnum", "name", "source" };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS "0123456789"

/* A decimal number of 16 bits; -1 if it is none */
static long opnum_of(const struct csv_row *row)
{
	const char *text = row->field[COL_OPNUM];
	size_t n = strlen(text);
	long value = n && n <= 5 && strspn(text, DIGITS) == n ? strtol(text, NULL, 10) : -1;

	return value <= 0xffff ? value : -1;
}

static bool row_check(const struct csv *in, const struct csv_row *row)
{
	char *const *field = row->field;

	if (!csv_uuid_check(field[COL_UUID]))
		return csv_wrong(in, row->line,
				 "uuid: read '%s', expected 8-4-4-4-12 hexadecimal digits",
				 field[COL_UUID]);
	if (opnum_of(row) < 0)
		return csv_wrong(in, row->line, "opnum: read '%s', expected 0 to 65535",
				 field[COL_OPNUM]);
	if (!*field[COL_NAME] || strchr(DIGITS, *field[COL_NAME]) ||
	    strspn(field[COL_NAME], LETTERS DIGITS) != strlen(field[COL_NAME]))
		return csv_wrong(in, row->line,
				 "name: read '%s', expected letters, digits and underscores",
				 field[COL_NAME]);
	if (!*field[COL_SOURCE])
		return csv_wrong(in, row->line, "source: is empty, expected a document");
	return true;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Names of rules are read in either case */
static bool same_name(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

static int row_compare(const void *left, const void *right)
{
	const struct csv_row *a = left;
	const struct csv_row *b = right;
	int order = strcmp(a->field[COL_UUID], b->field[COL_UUID]);

	if (order)
		return order;
	return (opnum_of(a) > opnum_of(b)) - (opnum_of(a) < opnum_of(b));
}

/* No number and no name twice within an interface */
static bool sort(struct csv *in)
{
	bool good = true;

	qsort(in->row, in->n, sizeof(in->row[0]), row_compare);
	for (size_t i = 1; i < in->n; i++)
		for (size_t k = i;
		     k-- && strcmp(in->row[k].field[COL_UUID], in->row[i].field[COL_UUID]) == 0;) {
			if (opnum_of(&in->row[k]) == opnum_of(&in->row[i]))
				good = csv_wrong(in, in->row[i].line,
						 "opnum: %s stands in line %lu too",
						 in->row[i].field[COL_OPNUM], in->row[k].line);
			if (same_name(in->row[k].field[COL_NAME], in->row[i].field[COL_NAME]))
				good = csv_wrong(in, in->row[i].line,
						 "name: %s stands in line %lu too",
						 in->row[i].field[COL_NAME], in->row[k].line);
		}
	return good;
}

static void row_write(FILE *out, const struct csv_row *row)
{
	fputs("\t{ .interface = { { ", out);
	csv_uuid_write(out, row->field[COL_UUID]);
	fprintf(out, "} },\n\t  .opnum = %ld, .name = ", opnum_of(row));
	csv_string_write(out, row->field[COL_NAME]);
	fputs(", .source = ", out);
	csv_string_write(out, row->field[COL_SOURCE]);
	fputs(" },\n", out);
}

static const char head[] =
	"/* Made from operations.csv by operation_gen: change that file, not this one. */\n"
	"static const struct rpcgate_operation operations[] = {\n";

int main(int argc, char **argv)
{
	struct csv in = { .column = column_name, .n_columns = COL_COUNT };
	bool good;

	if (argc != 3) {
		fprintf(stderr, "usage: operation_gen OPERATIONS.CSV TABLE.H\n");
		return 2;
	}
	in.name = argv[1];
	good = csv_read(&in);
	for (size_t i = 0; i < in.n; i++)
		good = in.row[i].field[COL_SOURCE] && row_check(&in, &in.row[i]) && good;
	if (good && in.n == 0)
		good = csv_wrong(&in, 1, "expected at least one operation");
	good = good && sort(&in) && csv_table_write(argv[2], &in, head, row_write);
	csv_free(&in);
	return good ? 0 : 1;
}
