/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "window.h"

struct window *window_new(struct decompress *from)
{
	struct window *w = malloc(sizeof(*w));

	if (!w)
		return NULL;
	memset(w, 0,
	       offsetof(struct window, own)); /* pages of the rest are touched as they are used */
	w->from = from;
	w->octet = w->own;
	return w;
}

void window_move(struct window *w, uint8_t *room)
{
	memmove(room, w->octet + w->at, window_left(w));
	w->end -= w->at;
	w->at = 0;
	w->octet = room;
}

bool window_fill(struct window *w, size_t want)
{
	if (window_left(w) >= want)
		return true;
	window_move(w, w->octet);
	while (w->end < want) {
		size_t got = decompress_read(w->from, w->octet + w->end, WINDOW_OCTETS - w->end);

		if (!got)
			return false;
		w->end += got;
	}
	return true;
}
