/* SPDX-License-Identifier: BSD-2-Clause */
/* binding.c - what servers announced: a record that outlives the pinhole
 *
 * It opens nothing.  It tells "announced to somebody else" from "never announced", and answers
 * which endpoints a server has.
 */
#include "gate.h"

bool bindings_init(struct rpcgate *g)
{
	struct bindings *b = &g->bindings;

	return pool_init(&b->pool, g->cfg.max_bindings, sizeof(struct binding)) &&
	       table_init(&b->table, g->cfg.max_bindings);
}

void bindings_done(struct rpcgate *g)
{
	pool_done(&g->bindings.pool);
	table_done(&g->bindings.table);
}

static struct binding *at(const struct rpcgate *g, uint32_t index)
{
	return pool_at(&g->bindings.pool, index);
}

static struct binding_key key_of(const struct flow *f, uint16_t port,
				 const struct rpcgate_syntax *interface)
{
	return (struct binding_key){ *server_addr(f), interface->uuid, f->key.zone,
				     interface->major, port };
}

static uint64_t hash_of(const struct rpcgate *g, const struct binding_key *key)
{
	uint32_t word[sizeof(*key) / 4];

	_Static_assert(sizeof(*key) == 40, "no padding, and as many words as there are numbers");
	memcpy(word, key, sizeof(word));
	return hash_sum_low(&g->sums, word, ARRAY_SIZE(word));
}

static uint32_t find(const struct rpcgate *g, const struct binding_key *key, uint64_t hash)
{
	const struct table *t = &g->bindings.table;
	uint32_t probe;

	for (uint32_t i = table_first(t, hash, &probe); i; i = table_next(t, hash, &probe))
		if (memcmp(&at(g, i)->key, key, sizeof(*key)) == 0)
			return i;
	return 0;
}

static void unlink_record(struct rpcgate *g, const struct binding *b)
{
	if (b->older)
		at(g, b->older)->newer = b->newer;
	else
		g->bindings.oldest = b->newer;
	if (b->newer)
		at(g, b->newer)->older = b->older;
	else
		g->bindings.newest = b->older;
}

static void link_newest(struct rpcgate *g, uint32_t index)
{
	struct binding *b = at(g, index);

	b->older = g->bindings.newest;
	b->newer = 0;
	if (b->older)
		at(g, b->older)->newer = index;
	else
		g->bindings.oldest = index;
	g->bindings.newest = index;
}

static void forget(struct rpcgate *g, uint32_t index)
{
	const struct binding *b = at(g, index);

	unlink_record(g, b);
	table_remove(&g->bindings.table, b->hash, index);
	at(g, index)->last_ns = 0; /* lists skip free slots by it */
	pool_give(&g->bindings.pool, index);
	g->stats.bindings_live--;
}

static bool too_old(const struct rpcgate *g, const struct binding *b)
{
	return g->now_ns - b->last_ns >=
	       ((uint64_t)g->cfg.pinhole_record_s + g->cfg.pinhole_ttl_s) * NS_PER_S;
}

static uint32_t make(struct rpcgate *g, const struct binding_key *key, uint64_t hash)
{
	struct bindings *b = &g->bindings;
	uint32_t index;

	while (b->oldest && too_old(g, at(g, b->oldest)))
		forget(g, b->oldest);
	if (b->pool.used == b->pool.capacity) {
		event_limit(g, LIMIT_BINDINGS, "max_bindings: the oldest record was forgotten");
		forget(g, b->oldest);
	}
	index = pool_take(&b->pool);
	at(g, index)->key = *key;
	at(g, index)->hash = hash;
	table_add(&b->table, hash, index);
	link_newest(g, index);
	g->stats.bindings_live++;
	return index;
}

static void record(struct rpcgate *g, const struct flow *f, uint16_t port,
		   const struct rpcgate_syntax *interface, bool granted, uint64_t time_ns)
{
	struct binding_key key = key_of(f, port, interface);
	uint64_t hash = hash_of(g, &key);
	uint32_t index = find(g, &key, hash);

	if (!index) {
		index = make(g, &key, hash);
	} else {
		unlink_record(g, at(g, index));
		link_newest(g, index);
	}
	at(g, index)->last_ns = time_ns;
	at(g, index)->granted |= granted;
	if (granted)
		admit_note(g, f, port);
}

void binding_expect(const struct rpcgate *g, const struct flow *f, uint16_t port,
		    const struct rpcgate_syntax *interface)
{
	struct binding_key key = key_of(f, port, interface);

	table_prefetch(&g->bindings.table, hash_of(g, &key));
}

void binding_record(struct rpcgate *g, const struct flow *f, uint16_t port,
		    const struct rpcgate_syntax *interface, bool granted)
{
	record(g, f, port, interface, granted, g->now_ns);
}

void binding_restore(struct rpcgate *g, const struct flow *f,
		     const struct rpcgate_binding_record *r)
{
	uint64_t last = r->last_ns + g->behind_ns;

	record(g, f, r->port, &r->interface, r->granted,
	       last && last < g->now_ns ? last : g->now_ns);
}

const struct binding *binding_find(struct rpcgate *g, const struct flow *f, uint16_t port,
				   const struct rpcgate_syntax *interface)
{
	struct binding_key key = key_of(f, port, interface);
	uint32_t index = find(g, &key, hash_of(g, &key));

	if (!index || too_old(g, at(g, index)))
		return NULL;
	return at(g, index);
}
