/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.h - what was found, as a report for people
 *
 * Takes events as they come, keeps one row for each different thing, and prints everything at the
 * end.  The same events give the same report.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>

#include "reading.h"
#include "rpcgate.h"
#include "timeline.h"

struct report;

/** What the report says of the input as a whole. */
struct report_input {
	struct timeline_extent extent;
	const char *interface;   /**< watched, instead of files; NULL: it was files */
	uint64_t kernel_dropped; /**< packets of the interface that came too fast */
	struct rpcgate_stats stats;
	uint64_t first_ns, last_ns; /**< earliest and latest packet */
	size_t unnamed;             /**< flows that are not RPC and got no name */
	bool checksums_ignored;
	bool interrupted; /**< a signal ended reading */
	const struct faulty
		*faulty; /**< inputs that could not be used, or not to their end, or are odd */
	size_t n_faulty;
};

/** An empty report; NULL if memory is short. */
struct report *report_new(void);
/** Let it go; NULL is fine. */
void report_free(struct report *report);

/** Take an event. */
void report_event(struct report *report, const struct rpcgate_event *event);
/** A flow is not RPC, but what @p name says. */
void report_label(struct report *report, const char *name);

/**
 * Print it; once, at the end.
 * @param width  of the page
 * @param all    do not shorten long listings
 * @return false if memory was short
 */
bool report_print(struct report *report, const struct report_input *input, FILE *out, size_t width,
		  bool all);

#endif
