/* SPDX-License-Identifier: GPL-3.0-or-later */
/* output.h - a file for events or a report, in the place of what it held */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

#include "rpcgate.h"

#define OUTPUT_ERROR_SIZE 128

/** Files that must stay: they are still to be read, or written by another part. */
struct output_taken {
	char **inputs; /**< @p n of them */
	int n;
	const struct rpcgate_policy *policy; /**< and what it includes; NULL: none */
	const char *policy_file;             /**< NULL: none */
	const char *other;                   /**< another output; NULL or "-": none */
};

/** Why @p path is not free to be written to, as what it "is"; NULL: it is. */
const char *output_conflict(const char *path, const struct output_taken *taken);
/** Open it; NULL on failure, with one line in @p err. */
FILE *output_open(const char *path, const struct output_taken *taken, char err[OUTPUT_ERROR_SIZE]);

#endif
