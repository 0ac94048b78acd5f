/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "arena.h"

#define UNIT (1U << ARENA_MIN_ORDER)
#define FREE 0x80U
#define BLOCK_UNITS(order) (1U << (order))
#define MAX_UNITS BLOCK_UNITS(ARENA_ORDERS - 1)
#define SPARE_UNITS 1024U /* of each size: 64 KiB */

/* links of a free block, kept in its own first octets */
struct link {
	uint32_t previous;
	uint32_t next;
};

static struct link *link_of(const struct arena *a, uint32_t unit)
{
	return (struct link *)(void *)(a->memory + (size_t)unit * UNIT);
}

static void push_free(struct arena *a, uint32_t unit, uint32_t order)
{
	struct link *l = link_of(a, unit);

	*l = (struct link){ ARENA_NONE, a->head[order] };
	if (l->next != ARENA_NONE)
		link_of(a, l->next)->previous = unit;
	a->head[order] = unit;
	a->state[unit] = (uint8_t)(order | FREE);
}

static void unlink_free(struct arena *a, uint32_t unit, uint32_t order)
{
	const struct link *l = link_of(a, unit);

	if (l->previous == ARENA_NONE)
		a->head[order] = l->next;
	else
		link_of(a, l->previous)->next = l->next;
	if (l->next != ARENA_NONE)
		link_of(a, l->next)->previous = l->previous;
}

bool arena_init(struct arena *arena, size_t octets)
{
	size_t blocks = octets >> ARENA_MAX_ORDER;

	*arena = (struct arena){ 0 };
	if (!blocks)
		blocks = 1;
	if (blocks > (UINT32_MAX >> 1) / MAX_UNITS)
		return false;
	arena->n_units = (uint32_t)blocks * MAX_UNITS;
	for (size_t i = 0; i < ARENA_ORDERS; i++)
		arena->head[i] = arena->spare[i] = ARENA_NONE;
	/* calloc: untouched pages cost nothing until they are used */
	arena->memory = calloc(arena->n_units, UNIT);
	arena->state = calloc(arena->n_units, 1);
	if (arena->memory && arena->state)
		return true;
	arena_done(arena);
	return false;
}

void arena_done(struct arena *arena)
{
	free(arena->memory);
	free(arena->state);
	*arena = (struct arena){ 0 };
}

static uint32_t order_for(size_t n)
{
	uint32_t order = 0;

	while (((size_t)UNIT << order) < n)
		order++;
	return order;
}

/* The smallest free block that is large enough, fresh memory if there is none */
static uint32_t find_block(struct arena *a, uint32_t order, uint32_t *found)
{
	uint32_t unit;

	for (*found = order; *found < ARENA_ORDERS; (*found)++) {
		unit = a->head[*found];
		if (unit != ARENA_NONE) {
			unlink_free(a, unit, *found);
			return unit;
		}
	}
	if (a->top == a->n_units)
		return ARENA_NONE;
	*found = ARENA_ORDERS - 1;
	unit = a->top;
	a->top += MAX_UNITS;
	return unit;
}

/* A block of this size, cut out of a larger one if need be */
static uint32_t cut_block(struct arena *a, uint32_t order)
{
	uint32_t found;
	uint32_t unit = find_block(a, order, &found);

	if (unit == ARENA_NONE)
		return ARENA_NONE;
	while (found > order) {
		found--;
		push_free(a, unit + BLOCK_UNITS(found), found);
	}
	a->state[unit] = (uint8_t)order;
	return unit;
}

/* Free a block, joined with its other half, and both with theirs, as far as it goes */
static void join(struct arena *a, uint32_t unit, uint32_t order)
{
	while (order < ARENA_ORDERS - 1) {
		uint32_t buddy = unit ^ BLOCK_UNITS(order);

		if (a->state[buddy] != (order | FREE))
			break;
		unlink_free(a, buddy, order);
		/* the upper half stops being a block of its own */
		a->state[unit > buddy ? unit : buddy] = 0;
		unit = unit < buddy ? unit : buddy;
		order++;
	}
	push_free(a, unit, order);
}

static uint32_t take_spare(struct arena *a, uint32_t order)
{
	uint32_t unit = a->spare[order];

	if (unit != ARENA_NONE) {
		a->spare[order] = link_of(a, unit)->next;
		a->n_spare[order]--;
	}
	return unit;
}

/* To others a spare block is one in use: its state says so */
static void keep_spare(struct arena *a, uint32_t unit, uint32_t order)
{
	link_of(a, unit)->next = a->spare[order];
	a->spare[order] = unit;
	a->n_spare[order]++;
}

/* Memory is short: what was kept becomes free for all sizes */
static void join_spares(struct arena *a)
{
	for (uint32_t order = 0; order < ARENA_ORDERS; order++)
		while (a->n_spare[order])
			join(a, take_spare(a, order), order);
}

void *arena_take(struct arena *arena, size_t n)
{
	uint32_t order, unit;

	if (n > ((size_t)1 << ARENA_MAX_ORDER))
		return NULL;
	order = order_for(n);
	unit = take_spare(arena, order);
	if (unit == ARENA_NONE)
		unit = cut_block(arena, order);
	if (unit == ARENA_NONE) {
		join_spares(arena);
		unit = cut_block(arena, order);
	}
	if (unit == ARENA_NONE)
		return NULL;
	arena->used += (uint64_t)UNIT << order;
	if (arena->used > arena->peak)
		arena->peak = arena->used;
	return arena->memory + (size_t)unit * UNIT;
}

static uint32_t unit_of(const struct arena *a, const void *buffer)
{
	return (uint32_t)((size_t)((const uint8_t *)buffer - a->memory) / UNIT);
}

void arena_give(struct arena *arena, void *buffer)
{
	uint32_t unit, order;

	if (!buffer)
		return;
	unit = unit_of(arena, buffer);
	order = arena->state[unit];
	arena->used -= (uint64_t)UNIT << order;
	if (arena->n_spare[order] < SPARE_UNITS >> order)
		keep_spare(arena, unit, order);
	else
		join(arena, unit, order);
}

size_t arena_size(const struct arena *arena, const void *buffer)
{
	return buffer ? (size_t)UNIT << arena->state[unit_of(arena, buffer)] : 0;
}

bool buffer_add(struct arena *arena, struct buffer *buffer, struct bytes what)
{
	size_t want = buffer->n + what.n;

	if (!what.n)
		return true;
	if (want > arena_size(arena, buffer->p)) {
		uint8_t *larger = arena_take(arena, want);

		if (!larger)
			return false;
		if (buffer->n)
			memcpy(larger, buffer->p, buffer->n);
		arena_give(arena, buffer->p);
		buffer->p = larger;
	}
	memcpy(buffer->p + buffer->n, what.p, what.n);
	buffer->n = (uint32_t)want;
	return true;
}

void buffer_drop(struct arena *arena, struct buffer *buffer)
{
	arena_give(arena, buffer->p);
	*buffer = (struct buffer){ 0 };
}
