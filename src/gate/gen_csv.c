/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gen_csv.h"

enum { UUID_TEXT = 36, MAX_ROWS = 4096, MAX_LINE = 4000 /* C11 5.2.4.1: 4095 in a literal */ };

bool csv_wrong(const struct csv *in, unsigned long line, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s:%lu: %s\n", in->name, line, text);
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

bool csv_uuid_check(char *text)
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

static bool row_cut(const struct csv *in, struct csv_row *row)
{
	char *at = row->text;
	size_t n = 0;

	while (at && n < in->n_columns) {
		if (!field_cut(&at, &row->field[n]))
			return csv_wrong(in, row->line, "%s: quotes do not match", in->column[n]);
		n++;
	}
	if (n < in->n_columns || at)
		return csv_wrong(in, row->line, "expected %zu fields, read %s", in->n_columns,
				 at ? "more" : "fewer");
	return true;
}

static bool is_printable(const struct csv *in, const struct csv_row *row)
{
	for (size_t col = 0; col < in->n_columns; col++)
		for (const char *at = row->field[col]; *at; at++)
			if (*at < ' ' || *at > '~')
				return csv_wrong(in, row->line,
						 "%s: expected printable ASCII alone",
						 in->column[col]);
	return true;
}

/* The next line without its end.  1 read, 0 end of file, -1 refused. */
static int line_read(const struct csv *in, FILE *file, unsigned long *line, char *buffer,
		     size_t size)
{
	size_t len;

	if (!fgets(buffer, (int)size, file))
		return 0;
	(*line)++;
	len = strlen(buffer);
	if (len + 1 == size && buffer[len - 1] != '\n')
		return csv_wrong(in, *line, "line is longer than %zu octets", size - 2) ? 0 : -1;
	while (len && (buffer[len - 1] == '\n' || buffer[len - 1] == '\r'))
		buffer[--len] = '\0';
	return 1;
}

static bool header_check(const struct csv *in, struct csv_row *row)
{
	if (!row_cut(in, row))
		return false;
	for (size_t col = 0; col < in->n_columns; col++)
		if (!row->field[col] || strcmp(row->field[col], in->column[col]) != 0)
			return csv_wrong(in, row->line, "read column '%s', expected '%s'",
					 row->field[col], in->column[col]);
	return true;
}

/* Keep a line as a row; its text is freed with the table. */
static bool row_add(struct csv *in, unsigned long line, const char *text)
{
	struct csv_row *row = &in->row[in->n];

	if (in->n == MAX_ROWS)
		return csv_wrong(in, line, "more than %d rows", MAX_ROWS);
	row->line = line;
	row->text = malloc(strlen(text) + 1);
	if (!row->text)
		return csv_wrong(in, line, "out of memory");
	memcpy(row->text, text, strlen(text) + 1);
	in->n++;
	return row_cut(in, row) && is_printable(in, row);
}

static bool rows_read(struct csv *in, FILE *file)
{
	char buffer[MAX_LINE];
	struct csv_row header = { .text = buffer, .line = 1 };
	unsigned long line = 0;
	bool good = true;
	int got;

	if (line_read(in, file, &line, buffer, sizeof(buffer)) <= 0)
		return csv_wrong(in, 1, "expected a header line");
	if (!header_check(in, &header))
		return false;
	while ((got = line_read(in, file, &line, buffer, sizeof(buffer))) > 0)
		if (*buffer && !row_add(in, line, buffer))
			good = false;
	if (ferror(file))
		return csv_wrong(in, line, "cannot be read");
	return good && got == 0;
}

bool csv_read(struct csv *in)
{
	FILE *file = fopen(in->name, "r");
	bool good;

	in->row = calloc(MAX_ROWS, sizeof(*in->row));
	if (!file || !in->row) {
		perror(in->name);
		if (file)
			fclose(file);
		return false;
	}
	good = rows_read(in, file);
	fclose(file);
	return good;
}

void csv_free(struct csv *in)
{
	for (size_t i = 0; i < in->n; i++)
		free(in->row[i].text);
	free(in->row);
	in->row = NULL;
	in->n = 0;
}

void csv_uuid_write(FILE *out, const char *text)
{
	for (; *text; text += 2) {
		if (*text == '-')
			text++;
		fprintf(out, "0x%.2s, ", text);
	}
}

void csv_string_write(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (strchr("\"\\?", *text)) /* '?' for the sake of trigraphs */
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

bool csv_table_write(const char *path, const struct csv *in, const char *head,
		     void (*row_write)(FILE *out, const struct csv_row *row))
{
	FILE *out = fopen(path, "w");
	bool good;

	if (!out) {
		perror(path);
		return false;
	}
	fputs(head, out);
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
