/* SPDX-License-Identifier: BSD-2-Clause */
/* resident.c - memory is there before a packet needs it
 *
 * Tables are reserved at their full size and cost nothing until they are used.  But the first use of
 * a page waits for the kernel to clear one, on a virtual machine for the host, too: as long as it
 * takes to judge a packet, and an announcement met two or three.  So where packets wait for a verdict
 * the next objects of each table are touched while nothing else is to be done.  Objects are handed
 * out in the order of their numbers, and what was given back comes first.
 */
#include "gate.h"

#define PAGE 4096U         /* the smallest there is */
#define OBJECTS_AHEAD 512U /* of each kind: a tenth of a second at 5,000 new connections a second */
#define PAGES_AT_ONCE 32U  /* some 60 us */

/* The beginning of a block, up to what comes next */
struct need {
	uint8_t *memory;
	size_t octets;
};

static size_t least(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

static struct need objects(const struct pool *pool)
{
	uint64_t n = least((uint64_t)pool->top + OBJECTS_AHEAD, pool->capacity);

	return (struct need){ pool->memory, (size_t)(n + 1) * pool->object_size };
}

/* What is given back is chained beside the objects */
static struct need chain(const struct pool *pool)
{
	return (struct need){ (uint8_t *)pool->next_free,
			      ((size_t)pool->top + 1) * sizeof(*pool->next_free) };
}

/* The table in use lies behind smaller ones, the one that comes at half full behind it */
static struct need slots(const struct table *table, uint64_t capacity)
{
	uint64_t n = (uint64_t)table->mask + 1, want = table->n > n / 4 ? n * 4 : n * 2;

	if (want < 4 * OBJECTS_AHEAD)
		want = 4 * OBJECTS_AHEAD;
	return (struct need){ (uint8_t *)table->memory,
			      least(want, 4 * capacity) * sizeof(*table->memory) };
}

/* What is lowest is taken first, from a block of the largest size */
static uint64_t held_octets(const struct arena *arena)
{
	return least(arena->peak + (UINT64_C(1) << ARENA_MAX_ORDER),
		     (uint64_t)arena->n_units << ARENA_MIN_ORDER);
}

static struct need whole(void *memory, size_t n, size_t size)
{
	return (struct need){ memory, n * size };
}

/* Heads of chains are used all over, entries one behind the other */
static struct need heads(const struct recent *recent)
{
	return whole(recent->youngest, (size_t)recent->n * RECENT_CHAINS,
		     sizeof(*recent->youngest));
}

static struct need entries(const struct recent *recent)
{
	return whole(recent->entry, recent->n, sizeof(*recent->entry));
}

static void list(struct rpcgate *g, struct need need[RESIDENT_PARTS])
{
	const struct need all[] = {
		objects(&g->flows.pool),
		chain(&g->flows.pool),
		slots(&g->flows.table, g->flows.pool.capacity),
		whole(g->ports.count, PORTS_ALL * PORTS_USES, sizeof(*g->ports.count)),
		heads(&g->flows.strangers),
		entries(&g->flows.strangers),
		objects(&g->convs),
		chain(&g->convs),
		objects(&g->contexts),
		chain(&g->contexts),
		objects(&g->calls),
		chain(&g->calls),
		objects(&g->pinholes.pool),
		objects(&g->pinholes.grants),
		objects(&g->pinholes.peers),
		slots(&g->pinholes.peer_table, g->pinholes.peers.capacity),
		objects(&g->pinholes.syntaxes.pool),
		slots(&g->pinholes.syntaxes.table, g->pinholes.syntaxes.pool.capacity),
		objects(&g->bindings.pool),
		slots(&g->bindings.table, g->bindings.pool.capacity),
		objects(&g->ties.pool),
		slots(&g->ties.table, g->ties.pool.capacity),
		heads(&g->announced),
		entries(&g->announced),
		whole(g->arena.memory, held_octets(&g->arena), 1),
		whole(g->arena.state, held_octets(&g->arena) >> ARENA_MIN_ORDER, 1),
		whole(g->events, least(g->cfg.max_events, OBJECTS_AHEAD / 8), sizeof(*g->events)),
	};

	_Static_assert(sizeof(all) / sizeof(all[0]) == RESIDENT_PARTS, "one row for each part");
	memcpy(need, all, sizeof(all));
}

bool rpcgate_prepare(struct rpcgate *gate)
{
	struct need need[RESIDENT_PARTS];
	unsigned left = PAGES_AT_ONCE;

	list(gate, need);
	for (size_t i = 0; i < RESIDENT_PARTS; i++) {
		size_t *at = &gate->resident[i];

		for (; *at < need[i].octets; *at += PAGE) {
			volatile uint8_t *octet = need[i].memory + *at;
			uint8_t kept;

			if (!left--)
				return true;
			kept = *octet; /* which alone would show the kernel's page of zeros */
			*octet = kept;
		}
	}
	return false;
}
