/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - options as data
 *
 * One table says how an option is written, what it takes and where it goes; parsing, help and the
 * messages about mistakes all come from it.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OPTIONS_ERROR_SIZE 512
#define OPTIONS_LIST_MAX 256 /**< how often an option that may repeat may */

enum option_kind {
	OPTION_FLAG,   /**< a bool, set to true */
	OPTION_TEXT,   /**< a const char *, the last one counts */
	OPTION_CHOICE, /**< an unsigned int, the index in choices */
	OPTION_LIST    /**< a struct option_list */
};

/** Every value an option was given. */
struct option_list {
	size_t n;
	const char *value[OPTIONS_LIST_MAX];
};

/** One option; a table of them ends with a row without a name. */
struct option_row {
	const char *name; /**< "json", written --json */
	enum option_kind kind;
	size_t offset;              /**< of its place in the structure that is filled */
	const char *value;          /**< what it takes, for people; NULL for a flag */
	const char *help;           /**< one sentence */
	const char *const *choices; /**< ends with NULL; for OPTION_CHOICE */
};

/**
 * Read arguments: options and operands in any order, "--" ends the options, "-" is an operand, "-h"
 * is --help.
 * @param argv   @p argc arguments without the name of the command; operands are moved to the front
 * @param into   the structure that the offsets are of
 * @param error  one line, on failure
 * @return       number of operands; -1 on a mistake
 */
int options_parse(const struct option_row *rows, int argc, char **argv, void *into,
		  char error[OPTIONS_ERROR_SIZE]);

/** Habit asks for a few short options; the table knows long names alone.  Replaces one by the
 *  other, a string that lives on. */
void options_lengthen(int argc, char **argv, const char *brief, const char *name);

/** Print one line for each option, aligned. */
void options_help(const struct option_row *rows, FILE *out);

/** text_nearest() for the names of a table of options. */
const char *options_nearest_row(const struct option_row *rows, const char *word);

/**
 * Print words, broken at spaces.
 * @param column  where following lines begin; the first begins where @p out stands, at @p column
 * @param width   of the page
 */
void options_wrap(FILE *out, const char *text, size_t column, size_t width);

#endif
