/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "table.h"

#define INDENT 2
#define GUTTER 2
#define COLUMNS_MAX 16
#define PAGE_DEFAULT 100
#define PAGE_LEAST 60

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* row by row */
	size_t n, room;
	bool failed;
};

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *t = n <= COLUMNS_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (t) {
		t->columns = columns;
		t->n_columns = n;
	}
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void table_cell(struct table *t, const char *format, ...)
{
	va_list args;

	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		char **more = reallocarray(t->cells, room, sizeof(*more));

		if (!more) {
			t->failed = true;
			return;
		}
		t->cells = more;
		t->room = room;
	}
	va_start(args, format);
	if (vasprintf(&t->cells[t->n], format, args) < 0)
		t->failed = true;
	else
		t->n++;
	va_end(args);
}

/* Widths that show everything; 0 hides a column without content. */
static void natural_widths(const struct table *t, size_t *widths)
{
	memset(widths, 0, t->n_columns * sizeof(*widths));
	for (size_t i = 0; i < t->n; i++) {
		size_t n = strlen(t->cells[i]);

		if (n > widths[i % t->n_columns])
			widths[i % t->n_columns] = n;
	}
	for (size_t c = 0; c < t->n_columns; c++) {
		size_t title = strlen(t->columns[c].title);

		if (widths[c] && widths[c] < title)
			widths[c] = title;
	}
}

static size_t total_width(const struct table *t, const size_t *widths)
{
	size_t total = INDENT;
	size_t shown = 0;

	for (size_t c = 0; c < t->n_columns; c++) {
		total += widths[c];
		shown += widths[c] > 0;
	}
	return total + (shown ? (shown - 1) * GUTTER : 0);
}

/* A line may end behind a space or a dash. */
static bool may_break(const char *text, size_t at)
{
	return text[at] == ' ' || (at && text[at - 1] == '-');
}

/* The longest piece of a cell that is not broken */
static size_t longest_piece(const char *text)
{
	size_t longest = 0;
	size_t start = 0;

	for (size_t i = 0; text[i]; i++) {
		if (may_break(text, i))
			start = text[i] == ' ' ? i + 1 : i;
		if (i + 1 > start && i + 1 - start > longest)
			longest = i + 1 - start;
	}
	return longest;
}

/* Widths below which a column would break words */
static void least_widths(const struct table *t, size_t *widths)
{
	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = strlen(t->columns[c].title);
	for (size_t i = 0; i < t->n; i++) {
		size_t n = longest_piece(t->cells[i]);

		if (n > widths[i % t->n_columns])
			widths[i % t->n_columns] = n;
	}
}

/* Take from the widest column of one kind until the page holds all or nothing can give way. */
static void give_way(const struct table *t, enum table_give kind, size_t *widths, size_t page)
{
	size_t total = total_width(t, widths);
	size_t least[COLUMNS_MAX];

	least_widths(t, least);
	for (; total > page; total--) {
		size_t widest = t->n_columns;

		for (size_t c = 0; c < t->n_columns; c++)
			if (t->columns[c].give == kind && widths[c] > least[c] &&
			    (widest == t->n_columns || widths[c] > widths[widest]))
				widest = c;
		if (widest == t->n_columns)
			return;
		widths[widest]--;
	}
}

/* Hide the least important column there is. */
static bool leave_one_out(const struct table *t, size_t *widths)
{
	size_t least = t->n_columns;

	for (size_t c = 0; c < t->n_columns; c++)
		if (widths[c] && t->columns[c].leave_out &&
		    (least == t->n_columns ||
		     t->columns[c].leave_out > t->columns[least].leave_out))
			least = c;
	if (least == t->n_columns)
		return false;
	widths[least] = 0;
	return true;
}

static void fit(const struct table *t, size_t *widths, size_t page)
{
	size_t natural[COLUMNS_MAX];

	memcpy(natural, widths, t->n_columns * sizeof(*widths));
	give_way(t, TABLE_FLEXIBLE, widths, page);
	while (total_width(t, widths) > page && leave_one_out(t, natural)) {
		memcpy(widths, natural, t->n_columns * sizeof(*widths));
		give_way(t, TABLE_FLEXIBLE, widths, page);
	}
	give_way(t, TABLE_STIFF, widths, page);
}

/* How much of @text goes into this line: to the last space or dash that fits, else cut hard. */
static size_t line_length(const char *text, size_t width)
{
	size_t n = strlen(text);

	if (n <= width)
		return n;
	for (size_t i = width; i > 0; i--)
		if (may_break(text, i))
			return i;
	return width;
}

static void pad(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

/* One line of a row; each rest moves on by what was printed.  False when nothing was left. */
static bool print_line(const struct table *t, const char **rest, const size_t *widths, FILE *out)
{
	size_t owed = INDENT; /* spaces before the next text: none are left at the end of a line */
	bool any = false;

	for (size_t c = 0; c < t->n_columns; c++)
		any = any || (widths[c] && *rest[c]);
	if (!any)
		return false;
	for (size_t c = 0; c < t->n_columns; c++) {
		size_t n;

		if (!widths[c])
			continue;
		n = line_length(rest[c], widths[c]);
		if (t->columns[c].right)
			owed += widths[c] - n;
		if (n) {
			pad(out, owed);
			fwrite(rest[c], 1, n, out);
			owed = 0;
		}
		owed += GUTTER + (t->columns[c].right ? 0 : widths[c] - n);
		rest[c] += n;
		rest[c] += strspn(rest[c], " ");
	}
	putc('\n', out);
	return true;
}

bool table_print(const struct table *t, FILE *out, size_t width)
{
	size_t widths[COLUMNS_MAX];
	const char *rest[COLUMNS_MAX];

	if (t->failed)
		return false;
	natural_widths(t, widths);
	fit(t, widths, width);
	for (size_t c = 0; c < t->n_columns; c++)
		rest[c] = t->columns[c].title;
	print_line(t, rest, widths, out);
	for (size_t i = 0; i + t->n_columns <= t->n; i += t->n_columns) {
		for (size_t c = 0; c < t->n_columns; c++)
			rest[c] = t->cells[i + c];
		while (print_line(t, rest, widths, out))
			;
	}
	return true;
}

size_t table_page_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	unsigned long asked = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;
	size_t width = PAGE_DEFAULT;

	if (asked > 0 && asked <= INT_MAX)
		width = asked;
	else if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	return width < PAGE_LEAST ? PAGE_LEAST : width;
}
