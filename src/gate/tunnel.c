/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate.h"
#include "policy.h"

static bool request_head(struct tunnel *t, unsigned side, struct bytes head)
{
	struct http_request q;

	if (http_request_parse(head, &q) != PARSE_OK || (t->begun && t->out != q.out))
		return false;
	if (!t->begun && !q.out) { /* what a server says on the channel to it is of no interest */
		t->left[!side] = TUNNEL_ENDLESS;
		t->skipped[!side] = true;
	}
	t->begun = true;
	t->out = q.out;
	t->left[side] = q.length;
	t->port = q.port;
	t->host_len = (uint8_t)q.host.n;
	memcpy(t->host, q.host.p, q.host.n);
	return true;
}

/* PDUs follow success alone; "continue" has no body, and another answer follows */
static bool response_head(struct tunnel *t, unsigned side, struct bytes head)
{
	struct http_response a;

	if (http_response_parse(head, &a) != PARSE_OK)
		return false;
	t->skipped[side] = a.status != 200;
	t->left[side] = a.status < 200 ? 0 : a.length;
	return true;
}

bool tunnel_head(struct tunnel *tunnel, unsigned side, bool from_client, struct bytes head)
{
	return from_client ? request_head(tunnel, side, head) : response_head(tunnel, side, head);
}

/* Without a list the proxy serves itself alone, and that is not asked for by name */
static enum rpcgate_reason target_reason(const struct rpcgate *g, const struct tunnel *t)
{
	const char *host = (const char *)t->host;

	if (g->policy && policy_port_invalid(g->policy, host, t->host_len, t->port))
		return RPCGATE_REASON_RULE_DENY;
	if (!g->policy || !policy_port_invalid(g->policy, "", 0, 0))
		return RPCGATE_REASON_NO_PINHOLE;
	return RPCGATE_REASON_NONE;
}

struct judgement tunnel_judge(struct rpcgate *g, const struct flow *f, const struct conv *c,
			      const struct bind_context *context)
{
	enum rpcgate_reason reason = target_reason(g, TUNNEL_AT(g, c->tunnel));
	struct judgement j = { .verdict = RPCGATE_DENY, .reason = reason };

	if (reason)
		return j;
	j.verdict = RPCGATE_ALLOW;
	j.reason = RPCGATE_REASON_RULE_ALLOW;
	return policy_judge(g, f, &context->abstract, false, j);
}

struct rpcgate_target tunnel_target(const struct rpcgate *g, const struct conv *c)
{
	struct rpcgate_target target = { 0 };
	const struct tunnel *t;

	if (!c || !c->tunnel)
		return target;
	t = TUNNEL_AT(g, c->tunnel);
	target.port = t->port;
	target.host_len = t->host_len < sizeof(target.host) ? t->host_len : sizeof(target.host);
	memcpy(target.host, t->host, target.host_len);
	return target;
}

bool tunnel_to_mapper(const struct rpcgate *g, const struct conv *c)
{
	return c->tunnel && is_mapper_port(g, TUNNEL_AT(g, c->tunnel)->port);
}

/* ------------------------------------------------------------------------ pairs */

bool pairs_init(struct pairs *p, uint32_t capacity)
{
	return pool_init(&p->pool, capacity, sizeof(struct pair)) &&
	       table_init(&p->table, capacity);
}

void pairs_done(struct pairs *p)
{
	pool_done(&p->pool);
	table_done(&p->table);
}

static struct pair *pair_at(const struct rpcgate *g, uint32_t index)
{
	return pool_at(&g->pairs.pool, index);
}

static uint64_t hash_of(const struct rpcgate *g, const struct pair_key *key)
{
	uint64_t word[sizeof(*key) / 8];

	_Static_assert(sizeof(*key) == 56, "the key has no padding");
	memcpy(word, key, sizeof(word));
	return hash_words(&g->key, word, ARRAY_SIZE(word));
}

static uint32_t pair_find(const struct rpcgate *g, const struct pair_key *key, uint64_t hash)
{
	uint32_t probe;

	for (uint32_t i = table_first(&g->pairs.table, hash, &probe); i;
	     i = table_next(&g->pairs.table, hash, &probe))
		if (memcmp(&pair_at(g, i)->key, key, sizeof(*key)) == 0)
			return i;
	return 0;
}

static uint32_t pair_new(struct rpcgate *g, const struct pair_key *key, uint64_t hash)
{
	uint32_t i = pool_take(&g->pairs.pool);

	if (!i)
		return 0; /* cannot happen: there are as many as tunnels */
	*pair_at(g, i) = (struct pair){ .key = *key, .hash = hash };
	table_add(&g->pairs.table, hash, i);
	return i;
}

static const struct tunnel *tunnel_of(const struct rpcgate *g, const struct channel *c)
{
	return c->conv ? TUNNEL_AT(g, CONV_AT(g, c->conv)->tunnel) : NULL;
}

/* Channels that do not lead to the same place are no pair, whatever their cookies say */
static bool same_target(const struct tunnel *a, const struct tunnel *b)
{
	return !a || (a->port == b->port && a->host_len == b->host_len &&
		      memcmp(a->host, b->host, b->host_len) == 0);
}

/* What was said on the channel before goes on here */
static void inherit(struct conv *to, struct conv *from)
{
	if (to->contexts || to->calls)
		return;
	to->contexts = from->contexts;
	to->n_contexts = from->n_contexts;
	to->calls = from->calls;
	to->n_calls = from->n_calls;
	to->assoc_group = from->assoc_group;
	to->auth_level = from->auth_level;
	to->calls_judged |= from->calls_judged;
	to->has_bind |= from->has_bind;
	to->mapper |= from->mapper;
	to->gap |= from->gap;
	to->forgot |= from->forgot;
	from->contexts = from->n_contexts = from->calls = from->n_calls = 0;
}

void tunnel_name(struct rpcgate *g, struct flow *f, const struct rts *rts)
{
	struct pair_key key = { *client_addr(f), *server_addr(f), rts->cookie, f->key.zone, 0 };
	struct tunnel *t = TUNNEL_AT(g, CONV_AT(g, f->conv)->tunnel);
	uint64_t hash = hash_of(g, &key);
	struct channel *mine;
	struct pair *pair;
	uint32_t i;

	if (t->named)
		return;
	t->named = true;
	if (!rts->has_cookie)
		return;
	i = pair_find(g, &key, hash);
	if (!i)
		i = pair_new(g, &key, hash);
	if (!i)
		return;
	pair = pair_at(g, i);
	if (!same_target(tunnel_of(g, &pair->in), t) || !same_target(tunnel_of(g, &pair->out), t))
		return;
	mine = t->out ? &pair->out : &pair->in;
	if (mine->conv) {
		if (!t->out)
			inherit(CONV_AT(g, f->conv), CONV_AT(g, mine->conv));
		TUNNEL_AT(g, CONV_AT(g, mine->conv)->tunnel)->pair = 0;
	}
	*mine = (struct channel){ f, f->conv };
	t->pair = i;
}

const struct channel *tunnel_asked(const struct rpcgate *g, const struct conv *c)
{
	const struct tunnel *t = c->tunnel ? TUNNEL_AT(g, c->tunnel) : NULL;

	if (!t || !t->out || !t->pair || !pair_at(g, t->pair)->in.conv)
		return NULL;
	return &pair_at(g, t->pair)->in;
}

bool tunnel_is_answered(const struct rpcgate *g, const struct conv *c)
{
	const struct tunnel *t = TUNNEL_AT(g, c->tunnel);

	return t->pair && pair_at(g, t->pair)->out.conv;
}

void tunnel_leave(struct rpcgate *g, uint32_t conv)
{
	struct tunnel *t = TUNNEL_AT(g, CONV_AT(g, conv)->tunnel);
	struct pair *pair = t->pair ? pair_at(g, t->pair) : NULL;

	if (!pair)
		return;
	*(t->out ? &pair->out : &pair->in) = (struct channel){ 0 };
	if (pair->in.conv || pair->out.conv)
		return;
	table_remove(&g->pairs.table, pair->hash, t->pair);
	pool_give(&g->pairs.pool, t->pair);
}
