/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "octets.h"

#include <stdlib.h>
#include <string.h>

void octets_free(struct octets *o)
{
	free(o->p);
	*o = (struct octets){ 0 };
}

uint8_t *octets_room(struct octets *o, size_t n)
{
	uint8_t *at;

	if (!o->p || o->size - o->n < n) {
		size_t size = o->size ? o->size : 256;

		while (size - o->n < n)
			size *= 2;
		o->p = realloc(o->p, size);
		if (!o->p)
			abort();
		o->size = size;
	}
	at = o->p + o->n;
	memset(at, 0, n);
	o->n += n;
	return at;
}

void octets_put(struct octets *o, const void *from, size_t n)
{
	uint8_t *at = octets_room(o, n);

	if (n)
		memcpy(at, from, n);
}

void octets_u8(struct octets *o, unsigned v)
{
	octets_room(o, 1)[0] = (uint8_t)v;
}

/* Write the low @n octets of @v in the asked order */
static void number(uint8_t *at, uint64_t v, size_t n, bool big)
{
	for (size_t i = 0; i < n; i++)
		at[big ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
}

void octets_u16(struct octets *o, unsigned v, bool big)
{
	number(octets_room(o, 2), v, 2, big);
}

void octets_u32(struct octets *o, uint32_t v, bool big)
{
	number(octets_room(o, 4), v, 4, big);
}

void octets_u64(struct octets *o, uint64_t v, bool big)
{
	number(octets_room(o, 8), v, 8, big);
}

void octets_align(struct octets *o, size_t base, size_t unit)
{
	octets_room(o, (unit - (o->n - base) % unit) % unit);
}

void octets_set16(struct octets *o, size_t at, unsigned v, bool big)
{
	if (at + 2 > o->n)
		abort();
	number(o->p + at, v, 2, big);
}

void octets_set32(struct octets *o, size_t at, uint32_t v, bool big)
{
	if (at + 4 > o->n)
		abort();
	number(o->p + at, v, 4, big);
}

uint64_t random_next(struct random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15U);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *r, uint64_t n)
{
	return n ? random_next(r) % n : 0;
}

bool random_once_in(struct random *r, uint64_t n)
{
	return random_below(r, n) == 0;
}
