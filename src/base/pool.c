/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "pool.h"

bool pool_init(struct pool *pool, uint32_t capacity, uint32_t object_size)
{
	size_t spare = POOL_LINE / object_size + 1; /* objects, to begin at a line */

	*pool = (struct pool){ .object_size = object_size, .capacity = capacity };
	/* calloc, not malloc: large blocks come as untouched zero pages */
	pool->block = calloc((size_t)capacity + 1 + spare, object_size);
	pool->next_free = calloc((size_t)capacity + 1, sizeof(*pool->next_free));
	if (pool->block && pool->next_free) {
		pool->memory = (uint8_t *)(((uintptr_t)pool->block + POOL_LINE - 1) &
					   ~(uintptr_t)(POOL_LINE - 1));
		return true;
	}
	pool_done(pool);
	return false;
}

void pool_done(struct pool *pool)
{
	free(pool->block);
	free(pool->next_free);
	*pool = (struct pool){ 0 };
}

uint32_t pool_take(struct pool *pool)
{
	uint32_t index = pool->free;

	if (index)
		pool->free = pool->next_free[index];
	else if (pool->top < pool->capacity)
		index = ++pool->top;
	else
		return 0;
	pool->used++;
	memset(pool_at(pool, index), 0, pool->object_size);
	return index;
}

void pool_give(struct pool *pool, uint32_t index)
{
	pool->next_free[index] = pool->free;
	pool->free = index;
	pool->used--;
}
