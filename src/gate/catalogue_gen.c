/* SPDX-License-Identifier: BSD-2-Clause */
/* catalogue_gen.c - turn interfaces.csv into a sorted C table; runs while building
 *
 * Checking and sorting it here means the library does neither: it searches constants.
 */
#include <stdlib.h>
#include <string.h>

#include "gen_csv.h"

enum column { COL_UUID, COL_VERSION, COL_NAME, COL_SERVICE, COL_DESCRIPTION, COL_COUNT };

static const char *const column_name[COL_COUNT] = { "uuid", "version", "name", "service",
						    "description" };

/* A decimal number of 16 bits, then @p end. */
static bool number_read(const char **at, char end, unsigned int *value)
{
	const char *from = *at;
	unsigned int sum = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		sum = sum * 10 + (unsigned int)(**at - '0');
		if (sum > 0xffff)
			return false;
	}
	if (*at == from || **at != end)
		return false;
	if (end)
		(*at)++;
	*value = sum;
	return true;
}

static bool version_read(const struct csv_row *row, unsigned int *major, unsigned int *minor)
{
	const char *at = row->field[COL_VERSION];

	return number_read(&at, '.', major) && number_read(&at, '\0', minor);
}

static bool row_check(const struct csv *in, const struct csv_row *row)
{
	char *const *field = row->field;
	unsigned int major, minor;

	if (!csv_uuid_check(field[COL_UUID]))
		return csv_wrong(in, row->line,
				 "uuid: read '%s', expected 8-4-4-4-12 hexadecimal digits",
				 field[COL_UUID]);
	if (!version_read(row, &major, &minor))
		return csv_wrong(in, row->line,
				 "version: read '%s', expected MAJOR.MINOR, 0 to 65535",
				 field[COL_VERSION]);
	if (!*field[COL_NAME])
		return csv_wrong(in, row->line,
				 "name: is empty, expected the name of the interface");
	return true;
}

/* UUID, then version.  Lower-case text sorts as the octets do. */
static int row_compare(const void *left, const void *right)
{
	const struct csv_row *a = left;
	const struct csv_row *b = right;
	unsigned int major[2] = { 0, 0 }, minor[2] = { 0, 0 };
	int order = strcmp(a->field[COL_UUID], b->field[COL_UUID]);

	if (order)
		return order;
	if (!version_read(a, &major[0], &minor[0]) || !version_read(b, &major[1], &minor[1]))
		return 0; /* cannot happen: both were checked */
	if (major[0] != major[1])
		return major[0] < major[1] ? -1 : 1;
	return (minor[0] > minor[1]) - (minor[0] < minor[1]);
}

/* A name may stand several times, an interface once. */
static bool sort(struct csv *in)
{
	bool good = true;

	qsort(in->row, in->n, sizeof(in->row[0]), row_compare);
	for (size_t i = 1; i < in->n; i++)
		if (row_compare(&in->row[i - 1], &in->row[i]) == 0)
			good = csv_wrong(in, in->row[i].line, "uuid: %s %s stands in line %lu too",
					 in->row[i].field[COL_UUID], in->row[i].field[COL_VERSION],
					 in->row[i - 1].line);
	return good;
}

static void row_write(FILE *out, const struct csv_row *row)
{
	unsigned int major = 0, minor = 0;

	if (!version_read(row, &major, &minor))
		return; /* cannot happen: it was checked */
	fputs("\t{ .id = { .uuid = { { ", out);
	csv_uuid_write(out, row->field[COL_UUID]);
	fprintf(out, "} }, .major = %u, .minor = %u },\n\t  .name = ", major, minor);
	csv_string_write(out, row->field[COL_NAME]);
	fputs(",\n\t  .service = ", out);
	csv_string_write(out, row->field[COL_SERVICE]);
	fputs(",\n\t  .description = ", out);
	csv_string_write(out, row->field[COL_DESCRIPTION]);
	fputs(" },\n", out);
}

static const char head[] =
	"/* Made from interfaces.csv by catalogue_gen: change that file, not this one. */\n"
	"static const struct rpcgate_interface catalogue[] = {\n";

int main(int argc, char **argv)
{
	struct csv in = { .column = column_name, .n_columns = COL_COUNT };
	bool good;

	if (argc != 3) {
		fprintf(stderr, "usage: catalogue_gen INTERFACES.CSV TABLE.H\n");
		return 2;
	}
	in.name = argv[1];
	good = csv_read(&in);
	for (size_t i = 0; i < in.n; i++)
		good = in.row[i].field[COL_DESCRIPTION] && row_check(&in, &in.row[i]) && good;
	if (good && in.n == 0)
		good = csv_wrong(&in, 1, "expected at least one interface");
	good = good && sort(&in) && csv_table_write(argv[2], &in, head, row_write);
	csv_free(&in);
	return good ? 0 : 1;
}
