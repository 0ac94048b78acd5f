/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdu.h"
#include "suspect.h"

#define SHORTEST_BIND 72U /* one context with one transfer syntax */

/* As far as there are octets, one may begin with these */
static bool may_begin(const uint8_t *p, size_t n)
{
	return p[0] == 5 && (n < 2 || p[1] <= 1) &&
	       (n < 3 || p[2] == PDU_BIND || p[2] == PDU_ALTER_CONTEXT) &&
	       (n < 5 || !(p[4] & ~0x11)) && (n < 6 || p[5] <= 3);
}

/* Wider than what this program reads: a server may take what we would call malformed (C706 12.6.3.1:
 * versions, types, integer and character format, floating-point format) */
static bool may_ask(const uint8_t *p)
{
	uint16_t length, auth;
	bool big;

	if (!may_begin(p, SUSPECT_OCTETS))
		return false;
	big = !(p[4] & 0x10);
	length = load16(p + 8, big);
	auth = load16(p + 10, big);
	return length >= SHORTEST_BIND && auth < length;
}

size_t suspect_find(struct bytes octets, size_t from)
{
	while (from + SUSPECT_OCTETS <= octets.n) {
		const uint8_t *five =
			memchr(octets.p + from, 5, octets.n - from - (SUSPECT_OCTETS - 1));

		if (!five)
			break;
		if (may_ask(five))
			return (size_t)(five - octets.p);
		from = (size_t)(five - octets.p) + 1;
	}
	return octets.n;
}

bool suspect_torn(const struct suspect *s, struct bytes octets, size_t known)
{
	uint8_t both[2 * (SUSPECT_OCTETS - 1)];
	size_t more = octets.n < SUSPECT_OCTETS - 1 ? octets.n : SUSPECT_OCTETS - 1;

	memcpy(both, s->tail, s->n);
	if (more)
		memcpy(both + s->n, octets.p, more);
	for (size_t i = 0; i < s->n && i + SUSPECT_OCTETS <= s->n + more; i++)
		if (s->n - i != known && may_ask(both + i))
			return true;
	return false;
}

bool suspect_begun_before(struct bytes octets)
{
	static const struct suspect seen[] = { { { 5 }, 1 }, { { 5, 0 }, 2 }, { { 5, 1 }, 2 } };

	if (octets.n < SUSPECT_OCTETS)
		return true; /* too few to tell */
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		if (suspect_torn(&seen[i], octets, 0))
			return true;
	return false;
}

bool suspect_pending(const struct suspect *s)
{
	for (size_t n = 3; n <= s->n; n++)
		if (may_begin(s->tail + s->n - n, n))
			return true;
	return false;
}

void suspect_keep(struct suspect *s, struct bytes octets)
{
	size_t keep = sizeof(s->tail), old;

	if (octets.n >= keep) {
		memcpy(s->tail, octets.p + octets.n - keep, keep);
		s->n = (uint8_t)keep;
		return;
	}
	old = s->n < keep - octets.n ? s->n : keep - octets.n;
	memmove(s->tail, s->tail + s->n - old, old);
	if (octets.n)
		memcpy(s->tail + old, octets.p, octets.n);
	s->n = (uint8_t)(old + octets.n);
}
