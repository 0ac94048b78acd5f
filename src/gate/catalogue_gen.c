/* SPDX-License-Identifier: BSD-2-Clause */
/* catalogue_gen.c - turn interfaces.csv into a sorted C table; runs while building
 *
 * The catalogue is data that people edit, so it stays a CSV file (RFC 4180; a record is one line).
 * Checking and sorting it here means the library does neither: it searches constants.  A bad row
 * stops the build with file:line and what was expected.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UUID_TEXT = 36, MAX_ROWS = 4096, MAX_LINE = 4000 /* C11 5.2.4.1: 4095 in a literal */ };

enum column { COL_UUID, COL_VERSION, COL_NAME, COL_SERVICE, COL_DESCRIPTION, COL_COUNT };

static const char *const column_name[COL_COUNT] = { "uuid", "version", "name", "service",
						    "description" };

struct row {
	char *field[COL_COUNT]; /* into text */
	char *text;             /* owned: the line, cut into fields */
	unsigned long line;
	unsigned int major, minor;
};

struct input {
	const char *name;
	FILE *file;
	unsigned long line;
	struct row row[MAX_ROWS];
	size_t n;
};

/* Say what is wrong with a line.  Always false, so that a check can end with it. */
__attribute__((format(printf, 3, 4))) static bool wrong(const struct input *in, unsigned long line,
							const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%lu: ", in->name, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

/* Cut one field out of *at, in place, and leave *at behind its comma, or NULL at the end. */
static bool field_cut(char **at, char **field)
{
	char *from = *at;
	char *to = from;
	bool quoted = *from == '"';

	*field = to;
	if (quoted)
		from++;
	while (*from && (quoted || *from != ',')) {
		if (quoted && from[0] == '"') {
			if (from[1] != '"')
				break;
			from++;
		}
		*to++ = *from++;
	}
	if (quoted && *from++ != '"')
		return false;
	if (*from && *from != ',')
		return false;
	*at = *from ? from + 1 : NULL;
	*to = '\0';
	return true;
}

/* Lower case, digits and dashes where RFC 9562 has them. */
static bool uuid_check(char *text)
{
	if (strlen(text) != UUID_TEXT)
		return false;
	for (size_t i = 0; i < UUID_TEXT; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
			continue;
		}
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] - 'A' + 'a');
		if (!strchr("0123456789abcdef", text[i]))
			return false;
	}
	return true;
}

/* A decimal number of 16 bits, then @p end. */
static bool number_read(char **at, char end, unsigned int *value)
{
	char *from = *at;
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

static bool version_read(struct row *row)
{
	char *at = row->field[COL_VERSION];

	return number_read(&at, '.', &row->major) && number_read(&at, '\0', &row->minor);
}

static bool row_read(const struct input *in, struct row *row)
{
	char *at = row->text;
	size_t n = 0;

	while (at && n < COL_COUNT) {
		if (!field_cut(&at, &row->field[n]))
			return wrong(in, row->line, "%s: quotes do not match", column_name[n]);
		n++;
	}
	if (n < COL_COUNT || at)
		return wrong(in, row->line, "expected %d fields, read %s", COL_COUNT,
			     at ? "more" : "fewer");
	return true;
}

static bool row_check(const struct input *in, struct row *row)
{
	char **field = row->field;

	if (!uuid_check(field[COL_UUID]))
		return wrong(in, row->line,
			     "uuid: read '%s', expected 8-4-4-4-12 hexadecimal digits",
			     field[COL_UUID]);
	if (!version_read(row))
		return wrong(in, row->line, "version: read '%s', expected MAJOR.MINOR, 0 to 65535",
			     field[COL_VERSION]);
	if (!*field[COL_NAME])
		return wrong(in, row->line, "name: is empty, expected the name of the interface");
	for (int col = COL_NAME; col < COL_COUNT; col++)
		for (const char *at = field[col]; *at; at++)
			if (*at < ' ' || *at > '~')
				return wrong(in, row->line, "%s: expected printable ASCII alone",
					     column_name[col]);
	return true;
}

/* The next line without its end.  1 read, 0 end of file, -1 refused. */
static int line_read(struct input *in, char *buffer, size_t size)
{
	size_t len;

	if (!fgets(buffer, (int)size, in->file))
		return 0;
	in->line++;
	len = strlen(buffer);
	if (len + 1 == size && buffer[len - 1] != '\n')
		return wrong(in, in->line, "line is longer than %zu octets", size - 2) ? 0 : -1;
	while (len && (buffer[len - 1] == '\n' || buffer[len - 1] == '\r'))
		buffer[--len] = '\0';
	return 1;
}

static bool header_check(const struct input *in, struct row *row)
{
	if (!row_read(in, row))
		return false;
	for (int col = 0; col < COL_COUNT; col++)
		if (strcmp(row->field[col], column_name[col]) != 0)
			return wrong(in, row->line, "read column '%s', expected '%s'",
				     row->field[col], column_name[col]);
	return true;
}

/* Keep a line as a row; its text is freed with the input. */
static bool row_add(struct input *in, const char *text)
{
	struct row *row = &in->row[in->n];

	if (in->n == MAX_ROWS)
		return wrong(in, in->line, "more than %d rows", MAX_ROWS);
	row->line = in->line;
	row->text = malloc(strlen(text) + 1);
	if (!row->text)
		return wrong(in, in->line, "out of memory");
	memcpy(row->text, text, strlen(text) + 1);
	in->n++;
	return row_read(in, row) && row_check(in, row);
}

static bool input_read(struct input *in)
{
	char buffer[MAX_LINE];
	struct row header = { .text = buffer, .line = 1 };
	bool good = true; /* every bad row is reported, not the first alone */
	int got;

	if (line_read(in, buffer, sizeof(buffer)) <= 0)
		return wrong(in, 1, "expected a header line");
	if (!header_check(in, &header))
		return false;
	while ((got = line_read(in, buffer, sizeof(buffer))) > 0)
		if (*buffer && !row_add(in, buffer))
			good = false;
	if (ferror(in->file))
		return wrong(in, in->line, "cannot be read");
	return good && got == 0;
}

/* UUID, then version.  Lower-case text sorts as the octets do. */
static int row_compare(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	int order = strcmp(a->field[COL_UUID], b->field[COL_UUID]);

	if (order)
		return order;
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	return 0;
}

/* A name may stand several times, an interface once. */
static bool input_sort(struct input *in)
{
	bool good = true;

	qsort(in->row, in->n, sizeof(in->row[0]), row_compare);
	for (size_t i = 1; i < in->n; i++)
		if (row_compare(&in->row[i - 1], &in->row[i]) == 0)
			good = wrong(in, in->row[i].line, "uuid: %s %u.%u stands in line %lu too",
				     in->row[i].field[COL_UUID], in->row[i].major, in->row[i].minor,
				     in->row[i - 1].line);
	return good;
}

static void uuid_write(FILE *out, const char *text)
{
	for (; *text; text += 2) {
		if (*text == '-')
			text++;
		fprintf(out, "0x%.2s, ", text);
	}
}

static void string_write(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (strchr("\"\\?", *text)) /* '?' for the sake of trigraphs */
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void row_write(FILE *out, const struct row *row)
{
	fputs("\t{ .id = { .uuid = { { ", out);
	uuid_write(out, row->field[COL_UUID]);
	fprintf(out, "} }, .major = %u, .minor = %u },\n\t  .name = ", row->major, row->minor);
	string_write(out, row->field[COL_NAME]);
	fputs(",\n\t  .service = ", out);
	string_write(out, row->field[COL_SERVICE]);
	fputs(",\n\t  .description = ", out);
	string_write(out, row->field[COL_DESCRIPTION]);
	fputs(" },\n", out);
}

static bool table_write(const char *path, const struct input *in)
{
	FILE *out = fopen(path, "w");
	bool good;

	if (!out) {
		perror(path);
		return false;
	}
	fputs("/* Made from interfaces.csv by catalogue_gen: change that file, not this one. */\n"
	      "static const struct rpcgate_interface catalogue[] = {\n",
	      out);
	for (size_t i = 0; i < in->n; i++)
		row_write(out, &in->row[i]);
	fputs("};\n", out);
	good = !ferror(out);
	if (fclose(out) != 0 || !good) {
		perror(path);
		remove(path);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct input in; /* too large for a stack */
	bool good;

	if (argc != 3) {
		fprintf(stderr, "usage: catalogue_gen INTERFACES.CSV TABLE.H\n");
		return 2;
	}
	in.name = argv[1];
	in.file = fopen(in.name, "r");
	if (!in.file) {
		perror(in.name);
		return 1;
	}
	good = input_read(&in);
	fclose(in.file);
	if (good && in.n == 0)
		good = wrong(&in, in.line, "expected at least one interface");
	good = good && input_sort(&in) && table_write(argv[2], &in);
	for (size_t i = 0; i < in.n; i++)
		free(in.row[i].text);
	return good ? 0 : 1;
}
