/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.h - events, whether they come from captures or were written down before
 *
 * The same events come out of a capture and of the file that analyze --json made of it: times
 * are in whole microseconds, as they are written.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "options.h"
#include "rpcgate.h"

struct source {
	const char *command;
	const char *events;            /**< an events file, or NULL: captures */
	bool growing;                  /**< somebody writes to it: its last line may be a half */
	const char *policy;            /**< judge captures by it, or NULL */
	const struct option_list *set; /**< settings to judge captures with */
	char **names;                  /**< captures */
	int n;
	bool quiet;
};

/** Where an event comes from; no file where it is not known. */
struct source_place {
	const char *file;
	uint64_t frame;
};

/** Told of each event; its texts are valid for the call. */
typedef void source_use(void *ctx, const struct rpcgate_event *event,
			const struct source_place *place);

/**
 * Read everything.
 * @param status  the exit status so far
 * @return false if nothing could be read, after saying why
 */
bool source_read(const struct source *source, source_use *use, void *ctx, int *status);

#endif
