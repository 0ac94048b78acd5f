/* SPDX-License-Identifier: GPL-3.0-or-later */
/* octets.h - a growing run of octets, and reproducible random numbers
 *
 * What every maker of test input stands on.  Running out of memory ends the program: a test that
 * goes on without its input proves nothing.
 */
#ifndef SUPPORT_OCTETS_H
#define SUPPORT_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets {
	uint8_t *p;
	size_t n;    /* used */
	size_t size; /* reserved */
};

void octets_free(struct octets *o);
static inline void octets_clear(struct octets *o)
{
	o->n = 0;
}

/** Append @p n zero octets.  Returns where they are, valid until the next append. */
uint8_t *octets_room(struct octets *o, size_t n);
void octets_put(struct octets *o, const void *from, size_t n);
void octets_u8(struct octets *o, unsigned v);
void octets_u16(struct octets *o, unsigned v, bool big);
void octets_u32(struct octets *o, uint32_t v, bool big);
void octets_u64(struct octets *o, uint64_t v, bool big);
/** Append zeros until the length counted from @p base is a multiple of @p unit. */
void octets_align(struct octets *o, size_t base, size_t unit);
/** Overwrite two or four octets at @p at. */
void octets_set16(struct octets *o, size_t at, unsigned v, bool big);
void octets_set32(struct octets *o, size_t at, uint32_t v, bool big);

/** splitmix64: one word of state, every seed is a good one. */
struct random {
	uint64_t state;
};

uint64_t random_next(struct random *r);
/** A number below @p n; 0 if @p n is 0. */
uint64_t random_below(struct random *r, uint64_t n);
/** True once in @p n times. */
bool random_once_in(struct random *r, uint64_t n);

#endif
