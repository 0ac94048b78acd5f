/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"
#include "tie.h"

#define TIES_MAX 4096U /* pairs of hosts remembered; the oldest is forgotten, which opens nothing */
#define HINT_NS (30 * NS_PER_S)
#define HINT_CONNECTIONS 4U

enum tie_kind { TIE_SEALED, TIE_SERVED };

struct tie_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	uint32_t zone;
	uint32_t kind;
};

struct tie {
	struct tie_key key;
	uint64_t hash;
	uint64_t until_ns;
	uint64_t last_flow; /* whose connection was counted last */
	uint32_t left;      /* connections a hint is still good for */
	bool used;
};

bool ties_init(struct rpcgate *g)
{
	return pool_init(&g->ties.pool, TIES_MAX, sizeof(struct tie)) &&
	       table_init(&g->ties.table, TIES_MAX);
}

void ties_done(struct rpcgate *g)
{
	pool_done(&g->ties.pool);
	table_done(&g->ties.table);
}

static struct tie *at(const struct rpcgate *g, uint32_t index)
{
	return pool_at(&g->ties.pool, index);
}

static uint64_t hash_of(const struct rpcgate *g, const struct tie_key *key)
{
	uint32_t word[sizeof(*key) / 4];

	_Static_assert(sizeof(*key) == 40, "no padding, and as many words as there are numbers");
	memcpy(word, key, sizeof(word));
	return hash_sum_low(&g->sums, word, ARRAY_SIZE(word));
}

static struct tie *find(const struct rpcgate *g, const struct tie_key *key, uint64_t hash)
{
	uint32_t probe;

	for (uint32_t i = table_first(&g->ties.table, hash, &probe); i;
	     i = table_next(&g->ties.table, hash, &probe))
		if (memcmp(&at(g, i)->key, key, sizeof(*key)) == 0)
			return at(g, i);
	return NULL;
}

/* A new tie, in the place of the oldest when all are taken: they are made in turn */
static struct tie *make(struct rpcgate *g, const struct tie_key *key, uint64_t hash)
{
	uint32_t index = pool_take(&g->ties.pool);

	if (!index) {
		index = g->ties.oldest % TIES_MAX + 1;
		g->ties.oldest = index;
		table_remove(&g->ties.table, at(g, index)->hash, index);
		*at(g, index) = (struct tie){ 0 };
	}
	at(g, index)->key = *key;
	at(g, index)->hash = hash;
	table_add(&g->ties.table, hash, index);
	return at(g, index);
}

static struct tie *note(struct rpcgate *g, const struct flow *f, enum tie_kind kind,
			uint64_t until_ns)
{
	struct tie_key key = { *client_addr(f), *server_addr(f), f->key.zone, kind };
	uint64_t hash = hash_of(g, &key);
	struct tie *tie = find(g, &key, hash);

	if (!tie)
		tie = make(g, &key, hash);
	tie->until_ns = until_ns;
	return tie;
}

enum rpcgate_sealed sealed_what(const struct rpcgate *g)
{
	enum sealed what;

	if (policy_sealed(g->policy, &what))
		return (enum rpcgate_sealed)what;
	return g->cfg.sealed;
}

/* For callers that close ports: src of the event may connect to dest */
static void expect(struct rpcgate *g, const struct rpcgate_addr *client,
		   const struct rpcgate_addr *server, enum rpcgate_reason reason, uint64_t until_ns)
{
	struct rpcgate_event *e;

	if (g->cfg.admission != RPCGATE_ADMIT_ANNOUNCED)
		return;
	e = event_new(g, RPCGATE_EVENT_EXPECT, NULL);
	e->proto = IP_PROTO_TCP;
	e->src = *client;
	e->dest = *server;
	e->u.expect = (struct rpcgate_expect_event){ reason, captured_ns(g, until_ns) };
}

void tie_sealed(struct rpcgate *g, const struct flow *f)
{
	struct tie *tie = note(g, f, TIE_SEALED, g->now_ns + HINT_NS);

	tie->left = HINT_CONNECTIONS;
	if (sealed_what(g) == RPCGATE_SEALED_HINT)
		expect(g, client_addr(f), server_addr(f), RPCGATE_REASON_SEALED, tie->until_ns);
}

void tie_served(struct rpcgate *g, const struct flow *f, uint64_t until_ns)
{
	note(g, f, TIE_SERVED, until_ns);
	if (policy_callback(g->policy, NULL, server_addr(f), client_addr(f)))
		expect(g, server_addr(f), client_addr(f), RPCGATE_REASON_CALLBACK, until_ns);
}

/* Without a group, a hint is good for what every object exporter is asked first */
static bool hint_covers(const struct rpcgate *g, const struct rpcgate_syntax *interface)
{
	return sealed_what(g) == RPCGATE_SEALED_HINT &&
	       (policy_hint(g->policy, &interface->uuid) || is_remunknown(interface));
}

static struct tie *hint_of(const struct rpcgate *g, const struct flow *f)
{
	struct tie_key key = { *client_addr(f), *server_addr(f), f->key.zone, TIE_SEALED };
	struct tie *tie = find(g, &key, hash_of(g, &key));

	return tie && tie->until_ns > g->now_ns ? tie : NULL;
}

static bool take_hint(struct rpcgate *g, const struct flow *f)
{
	struct tie *tie = hint_of(g, f);

	if (!tie)
		return false;
	if (tie->used && tie->last_flow == f->id)
		return true;
	if (!tie->left)
		return false;
	tie->left--;
	tie->used = true;
	tie->last_flow = f->id;
	return true;
}

static bool was_served(const struct rpcgate *g, const struct flow *f)
{
	/* the one that connects now is the one that served then */
	struct tie_key key = { *server_addr(f), *client_addr(f), f->key.zone, TIE_SERVED };
	const struct tie *tie = find(g, &key, hash_of(g, &key));

	return tie && tie->until_ns > g->now_ns;
}

static bool port_fits(const struct rpcgate *g, uint16_t port)
{
	return is_dynamic_port(g, port) && !is_reserved_port(g, port);
}

bool tie_admits(struct rpcgate *g, const struct flow *f)
{
	const struct tie *hint = hint_of(g, f);

	if (!port_fits(g, server_port(f)))
		return false;
	return (hint && hint->left && sealed_what(g) == RPCGATE_SEALED_HINT) ||
	       (policy_callback(g->policy, NULL, client_addr(f), server_addr(f)) &&
		was_served(g, f));
}

void tie_judge(struct rpcgate *g, const struct flow *f, const struct rpcgate_syntax *interface,
	       struct judgement *j)
{
	if (!port_fits(g, server_port(f)))
		return;
	if (policy_callback(g->policy, &interface->uuid, client_addr(f), server_addr(f)) &&
	    was_served(g, f))
		*j = (struct judgement){ .verdict = RPCGATE_ALLOW,
					 .reason = RPCGATE_REASON_CALLBACK };
	else if (hint_covers(g, interface) && take_hint(g, f))
		*j = (struct judgement){ .verdict = RPCGATE_LOG, .reason = RPCGATE_REASON_SEALED };
}
