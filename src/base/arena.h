/* SPDX-License-Identifier: BSD-2-Clause */
/* arena.h - a bounded store of octet buffers without malloc (buddy allocation)
 *
 * Everything the engine must hold for a while lives here: segments out of order, PDUs torn between
 * segments, stubs torn between PDUs, IP fragments.  Sizes are powers of two from 64 octets to
 * 2 MiB; taking and giving cost at most 15 steps.  Some of what is given back stays as it is, and
 * is the first to be taken again: that is one step, in memory that is in cache.  When memory is
 * short these spare ones, 64 KiB of each size at most, are made whole first.  The memory is
 * reserved once, so a flood of half-sent PDUs meets a wall instead of the machine's memory; malloc
 * would need a second accounting beside it and fragments under this load.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "bytes.h"

#define ARENA_MIN_ORDER 6U  /* 64 octets */
#define ARENA_MAX_ORDER 21U /* 2 MiB: one joined stub of 1 MiB and its growth */
#define ARENA_ORDERS (ARENA_MAX_ORDER - ARENA_MIN_ORDER + 1U)
#define ARENA_NONE UINT32_MAX

struct arena {
	uint8_t *memory;
	uint8_t *state; /**< one octet a 64-octet unit: order of the block starting there, and if free */
	uint32_t n_units;
	uint32_t top; /**< units above it were never used */
	uint32_t head[ARENA_ORDERS];
	uint32_t spare[ARENA_ORDERS]; /**< given back, and not yet free for other sizes */
	uint32_t n_spare[ARENA_ORDERS];
	uint64_t used;
	uint64_t peak;
};

/** Reserve @p octets, rounded down to whole 2 MiB, at least one.  False if memory is short. */
MUST_USE bool arena_init(struct arena *arena, size_t octets);
void arena_done(struct arena *arena);

/** A buffer of at least @p n octets; NULL when the arena is full or n > 2 MiB. */
MUST_USE void *arena_take(struct arena *arena, size_t n);
/** Give a buffer back; NULL is fine. */
void arena_give(struct arena *arena, void *buffer);
/** Octets that @p buffer really has; 0 for NULL. */
size_t arena_size(const struct arena *arena, const void *buffer);

/** True when three quarters are in use: time to let something go. */
static inline bool arena_is_scarce(const struct arena *arena)
{
	return arena->used > ((uint64_t)arena->n_units << ARENA_MIN_ORDER) / 4 * 3;
}

/** A buffer that grows by doubling. */
struct buffer {
	uint8_t *p;
	uint32_t n;
};

/** Append; false, with the buffer unchanged, when the arena is full. */
MUST_USE bool buffer_add(struct arena *arena, struct buffer *buffer, struct bytes what);
void buffer_drop(struct arena *arena, struct buffer *buffer);

#endif
