/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_ladder.h - the last events, kept so that a row can be explained by what came before it
 *
 * A ring: when it is full the oldest event goes.  story.h tells what they mean.
 */
#ifndef CLI_TOP_LADDER_H
#define CLI_TOP_LADDER_H

#include "rows.h"
#include "rpcgate.h"
#include "source.h"
#include "top_model.h"

#define TOP_EVENTS 20000      /**< events that are kept */
#define TOP_LADDER_NAMES 2000 /**< names of files and rules that are kept; others are left out */

struct top_ladder {
	struct top_kept *ring;
	size_t n, next;
	uint64_t gone;
	struct rows names;
};

void top_ladder_init(struct top_ladder *ladder);
void top_ladder_free(struct top_ladder *ladder);
/** Keep a copy of an event; its texts are copied, too. */
void top_ladder_keep(struct top_ladder *ladder, const struct rpcgate_event *event,
		     const struct source_place *place);
/**
 * Tell what is known of a row's client, server and port.
 * @param width  of the page
 * @return lines, to be freed; NULL without memory
 */
char *top_ladder_tell(const struct top_ladder *ladder, const struct top_model *model,
		      enum top_tab tab, const struct top_row *row, size_t width);

#endif
