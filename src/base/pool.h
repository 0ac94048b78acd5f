/* SPDX-License-Identifier: BSD-2-Clause */
/* pool.h - a fixed number of objects of one size, named by index
 *
 * Memory is reserved once; pages are touched only when an object in them is first used, so a
 * large limit costs address space, not memory.  Index 0 is never given out: it means "none".
 * Objects as large as a line of cache lie in one.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "bytes.h"

#define POOL_LINE 64U

struct pool {
	uint8_t *memory;     /**< aligned to lines */
	void *block;         /**< as allocated */
	uint32_t *next_free; /**< chain of freed objects */
	uint32_t object_size;
	uint32_t capacity; /**< objects that can be in use */
	uint32_t used;
	uint32_t top;  /**< indices above it were never used */
	uint32_t free; /**< head of the chain, 0 = empty */
};

/** False if memory is short. */
MUST_USE bool pool_init(struct pool *pool, uint32_t capacity, uint32_t object_size);
void pool_done(struct pool *pool);

/** A zeroed object's index, or 0 when all are in use. */
MUST_USE uint32_t pool_take(struct pool *pool);
void pool_give(struct pool *pool, uint32_t index);

static inline void *pool_at(const struct pool *pool, uint32_t index)
{
	return pool->memory + (size_t)index * pool->object_size;
}

#endif
