/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "options.h"
#include "text.h"

#define PAGE_WIDTH 100
#define NAME_SIZE 65 /* of an option, NUL counted; longer words are no slips of one */

static const char *row_name(const void *ctx, size_t i)
{
	const struct option_row *rows = ctx;

	return rows[i].name;
}

const char *options_nearest_row(const struct option_row *rows, const char *word)
{
	return text_nearest(word, row_name, rows);
}

static const struct option_row *find_row(const struct option_row *rows, const char *name, size_t n)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0)
			return rows;
	return NULL;
}

static bool mistake(char *error, const char *what, const char *option, const char *end)
{
	char shown[128];

	snprintf(error, OPTIONS_ERROR_SIZE, "%s '%s'%s", what,
		 text_show(option, shown, sizeof(shown)), end);
	return false;
}

static bool unknown_option(const struct option_row *rows, const char *arg, char *error)
{
	const char *word = arg + strspn(arg, "-");
	char name[NAME_SIZE];
	const char *nearest;
	char hint[96] = "";

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	nearest = options_nearest_row(rows, name);
	if (nearest)
		snprintf(hint, sizeof(hint), "; did you mean '--%s'?", nearest);
	return mistake(error, "unknown option", arg, hint);
}

static bool set_choice(const struct option_row *row, const char *value, unsigned int *place,
		       char *error)
{
	char wanted[128];

	for (unsigned int i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], value) == 0) {
			*place = i;
			return true;
		}
	}
	snprintf(wanted, sizeof(wanted), ": --%s takes %s", row->name, row->value);
	return mistake(error, "unknown value", value, wanted);
}

static bool set_list(const char *option, const char *value, struct option_list *list, char *error)
{
	if (list->n == OPTIONS_LIST_MAX)
		return mistake(error, "too many of", option, "");
	list->value[list->n++] = value;
	return true;
}

static bool store(const struct option_row *row, const char *option, const char *value, void *into,
		  char *error)
{
	void *place = (char *)into + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)place = true;
		return true;
	case OPTION_TEXT:
		*(const char **)place = value;
		return true;
	case OPTION_CHOICE:
		return set_choice(row, value, place, error);
	case OPTION_LIST:
		return set_list(option, value, place, error);
	}
	return false;
}

/* One option at argv[*i]; its value may be the next argument. */
static bool parse_one(const struct option_row *rows, int argc, char **argv, int *i, void *into,
		      char *error)
{
	const char *arg = argv[*i];
	const char *name = arg + 2;
	const char *equals = strchr(name, '=');
	const struct option_row *row;
	const char *value = NULL;

	row = find_row(rows, name, equals ? (size_t)(equals - name) : strlen(name));
	if (strncmp(arg, "--", 2) != 0 || !row)
		return unknown_option(rows, arg, error);
	if (row->kind == OPTION_FLAG) {
		if (equals)
			return mistake(error, "a value is given to", arg, ", which takes none");
	} else if (equals) {
		value = equals + 1;
	} else if (*i + 1 < argc) {
		value = argv[++*i];
	} else {
		char wanted[64];

		snprintf(wanted, sizeof(wanted), " needs a value: %s", row->value);
		return mistake(error, "the option", arg, wanted);
	}
	return store(row, arg, value, into, error);
}

int options_parse(const struct option_row *rows, int argc, char **argv, void *into,
		  char error[OPTIONS_ERROR_SIZE])
{
	bool ended = false;
	int operands = 0;

	for (int i = 0; i < argc; i++) {
		if (!ended && strcmp(argv[i], "-h") == 0)
			argv[i] = (char *)(uintptr_t) "--help"; /* never written to */
		if (ended || argv[i][0] != '-' || !argv[i][1])
			argv[operands++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			ended = true;
		else if (!parse_one(rows, argc, argv, &i, into, error))
			return -1;
	}
	return operands;
}

static size_t row_width(const struct option_row *row)
{
	return 2 + strlen(row->name) + (row->value ? 1 + strlen(row->value) : 0);
}

void options_wrap(FILE *out, const char *text, size_t column, size_t width)
{
	size_t room = width > column + 20 ? width - column : 20;
	size_t used = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (used && used + 1 + word > room) {
			fprintf(out, "\n%*s", (int)column, "");
			used = 0;
		}
		used += (size_t)fprintf(out, "%s%.*s", used ? " " : "", (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

void options_lengthen(int argc, char **argv, const char *brief, const char *name)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], brief) == 0)
			argv[i] = (char *)(uintptr_t)name; /* never written to */
}

void options_help(const struct option_row *rows, FILE *out)
{
	size_t width = 0;

	for (const struct option_row *row = rows; row->name; row++)
		if (row_width(row) > width)
			width = row_width(row);
	for (const struct option_row *row = rows; row->name; row++) {
		fprintf(out, "  --%s%s%s%*s", row->name, row->value ? " " : "",
			row->value ? row->value : "", (int)(width - row_width(row) + 2), "");
		options_wrap(out, row->help, width + 4, PAGE_WIDTH);
	}
}
