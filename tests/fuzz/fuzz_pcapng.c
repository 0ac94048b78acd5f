/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_pcapng.c - input: a pcapng capture
 *
 * Whether there is room for whole blocks or hardly for their heads, and whether all is given at once
 * or never more than is asked for: the packets are the same.
 */
#include <stdlib.h>
#include <string.h>

#include "pcapng.h"

#define SMALL 64U
#define LARGE (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	uint64_t packets;
	uint64_t sum;
	bool bad;
	bool no_room; /* an interface is described at more length than the room has */
};

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void note(struct seen *seen, const struct pcapng_found *found, const uint8_t *in, size_t n)
{
	must(found->data >= in && (size_t)(found->data - in) + found->captured <= n);
	seen->packets++;
	seen->sum = seen->sum * 31 + found->captured + found->length + found->linktype +
		    found->snap_length + found->time_ns;
	for (uint32_t i = 0; i < found->captured; i++)
		seen->sum = seen->sum * 31 + found->data[i];
}

/* @param greedy  give all there is, instead of what is asked for */
static struct seen read_all(const uint8_t *data, size_t n, size_t room, bool greedy)
{
	struct pcapng *p = pcapng_new(room);
	struct seen seen = { 0 };
	size_t at = 0, given = greedy ? n : 0;

	must(p != NULL);
	for (;;) {
		struct pcapng_found found;
		const enum pcapng_outcome outcome = pcapng_read(p, data + at, given, &found);

		if (outcome == PCAPNG_BAD) {
			must(*pcapng_fault(p));
			seen.bad = true;
			seen.no_room = strstr(pcapng_fault(p), "description");
			break;
		}
		if (outcome == PCAPNG_MORE) {
			must(found.want > given);
			if (found.want > n - at)
				break;
			given = found.want;
			continue;
		}
		if (outcome == PCAPNG_PACKET)
			note(&seen, &found, data + at, given);
		must(found.take && found.take <= given);
		at += found.take;
		given = greedy ? n - at : 0;
	}
	pcapng_free(p);
	return seen;
}

static bool same(const struct seen *a, const struct seen *b)
{
	return a->packets == b->packets && a->sum == b->sum && a->bad == b->bad &&
	       a->no_room == b->no_room;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct seen whole = read_all(data, n, LARGE, true);
	const struct seen asked = read_all(data, n, LARGE, false);
	const struct seen pieces = read_all(data, n, SMALL, true);
	const struct seen small = read_all(data, n, SMALL, false);

	must(same(&whole, &asked));
	must(same(&pieces, &small));
	/* of the last block that has no room, what is there counts; a wrong end is seen behind it */
	must(pieces.no_room ||
	     (pieces.packets >= whole.packets && pieces.packets <= whole.packets + 1));
	must(pieces.packets != whole.packets || pieces.sum == whole.sum);
	return 0;
}
