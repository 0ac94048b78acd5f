/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_suspect.c - input: octet: how long pieces are | octets, of a connection that nobody knows the
 * beginning of
 *
 * Cut into pieces, each place where a bind may begin is found as often as in one piece: once.
 */
#include <stdlib.h>

#include "suspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

/* How many places there are, each looked at by itself */
static size_t places_in(struct bytes octets)
{
	size_t places = 0;

	for (size_t i = 0; i + SUSPECT_OCTETS <= octets.n; i++) {
		struct bytes one = { octets.p + i, SUSPECT_OCTETS };

		places += suspect_find(one, 0) == 0;
	}
	return places;
}

static size_t places_found(struct bytes octets)
{
	size_t places = 0, last = SIZE_MAX;

	for (size_t at = suspect_find(octets, 0); at < octets.n;
	     at = suspect_find(octets, at + 1)) {
		must(last == SIZE_MAX || at > last);
		last = at;
		places++;
	}
	return places;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct suspect s = { .n = 0 };
	struct bytes all;
	size_t length, found = 0, torn = 0;

	if (n < 1)
		return 0;
	all = (struct bytes){ data + 1, n - 1 };
	length = data[0] % 64U + 1;
	must(places_found(all) == places_in(all));
	for (size_t at = 0; at < all.n; at += length) {
		size_t left = all.n - at;
		struct bytes piece = { all.p + at, left < length ? left : length };

		found += places_found(piece);
		torn += suspect_torn(&s, piece, 0);
		suspect_keep(&s, piece);
		must(s.n <= sizeof(s.tail));
	}
	/* of those that begin in one piece and end in another, one at least is told */
	must(found <= places_in(all));
	must((places_in(all) > found) == (torn > 0));
	return 0;
}
