/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html.h - what was found, as one file that a browser shows
 *
 * Takes events as they come, and writes a page that needs nothing beside itself: no network, no
 * script to be read.  What it keeps is bounded, and so is the page; what found no room is counted
 * and said.  The same events give the same octets.
 */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stdio.h>

#include "options.h"
#include "report.h"
#include "rpcgate.h"
#include "timeline.h"

struct html;

/** An empty page.  @param set  the settings given, borrowed; NULL if memory is short. */
struct html *html_new(const struct option_list *set);
/** Let it go; NULL is fine. */
void html_free(struct html *html);

/** Take the time of a packet. */
void html_packet(struct html *html, uint64_t time_ns);
/** Take an event.  @param place  of its packet, valid until html_write(); NULL where time did it. */
void html_event(struct html *html, const struct rpcgate_event *event,
		const struct timeline_place *place);

/**
 * Write the page; once, at the end.
 * @param policy  the name of the policy that judged, or NULL
 * @return false if memory was short; whether writing worked is for @p out to say
 */
bool html_write(struct html *html, const struct report_input *input,
		const struct rpcgate_config *cfg, const char *policy, FILE *out);

#endif
