/* SPDX-License-Identifier: BSD-2-Clause */
/* binding.c - what servers announced: a record that outlives the pinhole
 *
 * It opens nothing.  It tells "announced to somebody else" from "never announced", answers which
 * endpoints a server has, and notices when an interface is somewhere else than before.
 */
#include "gate.h"

bool bindings_init(struct rpcgate *g)
{
	struct bindings *b = &g->bindings;

	return pool_init(&b->pool, g->cfg.max_bindings, sizeof(struct binding)) &&
	       table_init(&b->table, g->cfg.max_bindings) &&
	       table_init(&b->services, g->cfg.max_bindings);
}

void bindings_done(struct rpcgate *g)
{
	pool_done(&g->bindings.pool);
	table_done(&g->bindings.table);
	table_done(&g->bindings.services);
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

/* -------------------------------------------------------------------- services */

/* The same service is the same in all but the port */
static struct binding_key service_of(const struct binding_key *key)
{
	struct binding_key service = *key;

	service.port = 0;
	return service;
}

static uint32_t service_find(const struct rpcgate *g, const struct binding_key *service,
			     uint64_t hash)
{
	const struct table *t = &g->bindings.services;
	uint32_t probe;

	for (uint32_t i = table_first(t, hash, &probe); i; i = table_next(t, hash, &probe)) {
		struct binding_key key = service_of(&at(g, i)->key);

		if (memcmp(&key, service, sizeof(key)) == 0)
			return i;
	}
	return 0;
}

/* From now on this is where the service is.  @return where it was; 0 if nowhere else */
static uint32_t service_set(struct rpcgate *g, uint32_t index)
{
	struct binding_key service;
	uint64_t hash;
	uint32_t old;

	if (at(g, index)->latest)
		return 0;
	service = service_of(&at(g, index)->key);
	hash = hash_of(g, &service);
	old = service_find(g, &service, hash);
	if (old) {
		table_remove(&g->bindings.services, hash, old);
		at(g, old)->latest = false;
	}
	table_add(&g->bindings.services, hash, index);
	at(g, index)->latest = true;
	return old;
}

static void service_forget(struct rpcgate *g, uint32_t index)
{
	struct binding_key service = service_of(&at(g, index)->key);

	if (at(g, index)->latest)
		table_remove(&g->bindings.services, hash_of(g, &service), index);
}

/* --------------------------------------------------------------------- records */

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

	service_forget(g, index);
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

/* @param known  true if it was remembered
 * @return its index */
static uint32_t record(struct rpcgate *g, const struct flow *f, uint16_t port,
		       const struct rpcgate_syntax *interface, bool granted, uint64_t time_ns,
		       bool *known)
{
	struct binding_key key = key_of(f, port, interface);
	uint64_t hash = hash_of(g, &key);
	uint32_t index = find(g, &key, hash);

	*known = index && !too_old(g, at(g, index));
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
	return index;
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
	bool known;

	(void)record(g, f, port, interface, granted, g->now_ns, &known);
}

/* A server may have several ports for an interface, and name one at a time: only one that is not
 * remembered is a move, and not beside another that this connection was told */
uint16_t binding_announce(struct rpcgate *g, const struct flow *f, uint16_t port,
			  const struct rpcgate_syntax *interface)
{
	bool known;
	uint32_t index = record(g, f, port, interface, true, g->now_ns, &known);
	uint32_t old = service_set(g, index);

	if (known || !old || too_old(g, at(g, old)) || at(g, old)->last_ns >= f->start_ns)
		return 0;
	return at(g, old)->key.port;
}

void binding_restore(struct rpcgate *g, const struct flow *f,
		     const struct rpcgate_binding_record *r)
{
	uint64_t last = r->last_ns + g->behind_ns;
	bool known;
	uint32_t index = record(g, f, r->port, &r->interface, r->granted,
				last && last < g->now_ns ? last : g->now_ns, &known);

	if (r->granted)
		(void)service_set(g, index);
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
