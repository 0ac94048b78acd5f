/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window.h - the octets of a file that are at hand, in one piece */
#ifndef IO_WINDOW_H
#define IO_WINDOW_H

#include <stdbool.h>

#include "decompress.h"
#include "savefile.h"

#define WINDOW_MARGIN 32U /* what stands before the octets of a packet */
/* The longest packet, and a read that stays in the second cache: larger ones are slower */
#define WINDOW_OCTETS (WINDOW_MARGIN + SAVEFILE_LONGEST_PACKET + 64 * 1024)

struct window {
	struct decompress *from; /* borrowed */
	size_t at, end;          /* in octet: what is at hand */
	uint64_t passed;         /* octets of the file before it */
	uint8_t *octet;          /* the room that is read into: own, or the caller's */
	uint8_t own[WINDOW_OCTETS];
};

/** Freed with free().  NULL if memory is short. */
struct window *window_new(struct decompress *from);
/** Have at least @p want octets at hand; false if there are no more.  What was at hand may move. */
bool window_fill(struct window *w, size_t want);
/** From now on read into this room; what is at hand goes along, and may lie there already. */
void window_move(struct window *w, uint8_t *room);

static inline size_t window_left(const struct window *w)
{
	return w->end - w->at;
}

/** Go on behind @p n octets of those at hand. */
static inline void window_pass(struct window *w, size_t n)
{
	w->at += n;
	w->passed += n;
}

#endif
