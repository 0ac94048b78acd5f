/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - how far it is, for somebody who waits at a terminal
 *
 * One line on standard error, erased at the end; nothing at all when that is no terminal or when
 * there is little to read.  The only place of the program that looks at a clock.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "timeline.h"

struct progress {
	bool on;
	bool shown;
	uint64_t calls;
	struct timespec start;
	struct timespec last;
};

/** Decide whether to show anything. */
void progress_start(struct progress *progress, const struct timeline *timeline, bool quiet);
/** Call for every @p n packets; cheap unless something is to be drawn: then true. */
bool progress_packets(struct progress *progress, size_t n);
/** Draw how far it is. */
void progress_draw(struct progress *progress, const struct timeline_extent *extent);
/** Erase the line. */
void progress_end(struct progress *progress);

#endif
