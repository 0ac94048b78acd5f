/* SPDX-License-Identifier: GPL-3.0-or-later */
/* goals.c - which goals were reached, and what explains those that were missed
 *
 * Each goal has a sentence about what its figure is made of, found with the profiles and counts in
 * RESULTS.md: whoever misses it on his machine knows where to look first.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *topic;
	const char *series; /* NULL: whatever it is */
	const char *why;
} reasons[] = {
	{ "look-up", "hit, one by one",
	  "57 instructions: the mark, its hash, the line, three compares, the moment; beyond the "
	  "caches one line of memory" },
	{ "hit in batches / random lines", NULL,
	  "87 instructions beside the one line of memory that the bound is" },
	{ "change", "open, table grows",
	  "two lines at random, that of the key and that which is split next, and memory touched for "
	  "the first time" },
	{ "change", "expire", "one pass over an array of moments" },
	{ "slowest open", NULL,
	  "the first touch of a page; no insertion moves more than one line" },
	{ "octets of a table entry", NULL,
	  "slots, of which half are empty so that a look-up is one line" },
	{ "cost under chosen keys", NULL, "the hash has a key; nothing but chance is left" },
	{ "engine: octets of a pinhole", NULL,
	  "a line of 64 for whom, what, when and who announced it, and its place in the table, 51" },
	{ "engine: wait while all end", NULL, "a slice of the table for each packet" },
	{ "whole program: start to end", NULL, "libraries that are linked, one of which is nDPI" },
	{ "whole program / empty loop", NULL,
	  "the copy out of the page cache, which the loop pays, too; in captures as short as these "
	  "nDPI's start, 20 ms, and the report; then handshakes of foreign connections, or events" },
	{ "whole program: --jobs 2, times as fast", NULL,
	  "one engine judges in order; only reading, sums, events and the report are beside it, and "
	  "start and end are not divided" },
	{ "whole program: peak memory", NULL, "rows of the report" },
	{ "whole program: map exchanges", NULL,
	  "24 packets and five events with their rows for each exchange, 43,000 instructions" },
	{ "flows: growth in the second half", NULL, "tables that are not full yet" },
	{ "inline: mapper's answer to its pinhole, p50 at most", NULL,
	  "waking up the thread of the queue, and the kernel's answer to the new element" },
	{ "inline: ", NULL,
	  "segments that are cut apart for the queue and not joined again, and a change of thread "
	  "for each" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool fits(size_t reason, const struct figure *f)
{
	const char *topic = reasons[reason].topic, *series = reasons[reason].series;

	return strncmp(f->topic, topic, strlen(topic)) == 0 &&
	       (!series || strcmp(f->series, series) == 0);
}

/* COUNT(reasons) if there is none */
static size_t reason_of(const struct figure *f)
{
	size_t i = 0;

	while (i < COUNT(reasons) && !fits(i, f))
		i++;
	return i;
}

static bool is_missed(const struct figure *f)
{
	return f->goal.kind != GOAL_NONE && !bench_reached(f);
}

static void print_figure(const struct figure *f, bool first)
{
	printf("%s%s%s%s", first ? "  " : ", ", first ? f->topic : "", first ? ": " : "",
	       f->series);
	if (f->x != 0)
		printf(" at %.7g", f->x);
}

/* All that are missed for the same reason */
static void print_missed(const struct bench *b, size_t reason)
{
	bool first = true;

	for (size_t i = 0; i < b->n; i++)
		if (is_missed(&b->figures[i]) && reason_of(&b->figures[i]) == reason) {
			print_figure(&b->figures[i], first);
			first = false;
		}
	if (!first)
		printf("\n    %s\n", reason < COUNT(reasons) ? reasons[reason].why :
							       "not explained by a profile");
}

void bench_print_goals(const struct bench *b)
{
	size_t goals = 0, missed = 0;

	for (size_t i = 0; i < b->n; i++) {
		goals += b->figures[i].goal.kind != GOAL_NONE;
		missed += is_missed(&b->figures[i]);
	}
	if (!goals)
		return;
	printf("\ngoals: %zu reached, %zu missed%s\n", goals - missed, missed,
	       missed ? "; what takes the time or the room (bench/RESULTS.md has profiles):" : "");
	for (size_t i = 0; i <= COUNT(reasons); i++)
		print_missed(b, i);
}
