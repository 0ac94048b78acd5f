/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdu.h"
#include "suspect.h"

#define SHORTEST_BIND 72U /* one context with one transfer syntax */

/* Wider than what this program reads: a server may take what we would call malformed (C706 12.6.3.1:
 * versions, types, integer and character format, floating-point format) */
static bool may_ask(const uint8_t *p)
{
	uint16_t length, auth;
	bool big;

	if (p[0] != 5 || p[1] > 1 || (p[2] != PDU_BIND && p[2] != PDU_ALTER_CONTEXT) ||
	    (p[4] & ~0x11) || p[5] > 3)
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
