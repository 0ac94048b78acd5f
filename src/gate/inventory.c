/* SPDX-License-Identifier: BSD-2-Clause */
/* inventory.c - what is open and known: listed, restored, closed, judged again
 *
 * For those who run the engine: control, state that outlives a restart, reload.  All of it walks
 * in slices, so that packets between two slices do not wait.
 */
#include "gate.h"

/* A cursor is the pool's index and, below it, how many grants of that pinhole were told */
#define CURSOR_SHIFT 16U
#define CURSOR_MASK ((1U << CURSOR_SHIFT) - 1)

static struct rpcgate_result *begin(struct rpcgate *g, uint64_t now_ns)
{
	struct rpcgate_result r = rpcgate_tick(g, now_ns);

	(void)r; /* its events are in the engine's buffer, where ours follow */
	return &g->result;
}

static void fill(const struct rpcgate *g, const struct pinhole *p, const struct grant *grant,
		 struct rpcgate_pinhole_record *out)
{
	struct pinhole_key key = pinhole_key(g, p);

	*out = (struct rpcgate_pinhole_record){
		.id = p->id,
		.client = key.client,
		.server = key.server,
		.interface = *pinhole_interface(g, grant),
		.source = (enum rpcgate_source)grant->source,
		.zone = key.zone,
		.port = key.port,
		.proto = key.proto,
		.open = grant->open && grant->until_ns > g->now_ns,
		.learned_ns = captured_ns(g, grant->learned_ns),
		.until_ns = captured_ns(g, grant->until_ns),
		.uses = grant->uses,
	};
}

size_t rpcgate_pinholes(const struct rpcgate *gate, uint64_t *cursor,
			struct rpcgate_pinhole_record *out, size_t max)
{
	uint64_t index = *cursor >> CURSOR_SHIFT;
	uint64_t told = *cursor & CURSOR_MASK;
	size_t n = 0;

	for (; n < max && index < gate->pinholes.pool.top; index++, told = 0) {
		const struct pinhole *p = pinhole_at(gate, (uint32_t)index + 1);
		uint64_t k = 0;

		for (uint32_t i = p->id ? p->grants : 0; i && n < max;
		     i = grant_at(gate, i)->next, k++)
			if (k >= told)
				fill(gate, p, grant_at(gate, i), &out[n++]);
		if (n == max) {
			*cursor = index << CURSOR_SHIFT | k;
			return n;
		}
	}
	*cursor = index << CURSOR_SHIFT;
	return n;
}

size_t rpcgate_bindings(const struct rpcgate *gate, uint64_t *cursor,
			struct rpcgate_binding_record *out, size_t max)
{
	const struct pool *pool = &gate->bindings.pool;
	uint64_t index = *cursor;
	size_t n = 0;

	for (; n < max && index < pool->top; index++) {
		const struct binding *b = pool_at(pool, (uint32_t)index + 1);

		if (!b->last_ns)
			continue; /* free */
		out[n++] = (struct rpcgate_binding_record){
			.server = b->key.server,
			.interface = { b->key.uuid, b->key.major, 0 },
			.zone = b->key.zone,
			.port = b->key.port,
			.granted = b->granted,
			.last_ns = captured_ns(gate, b->last_ns),
		};
	}
	*cursor = index;
	return n;
}

/* Two ends without a connection between them, to ask others about */
static struct flow ends_of(const struct rpcgate_addr *client, const struct rpcgate_addr *server,
			   uint32_t zone, uint16_t port, uint8_t proto)
{
	return (struct flow){
		.key = { .addr = { *client, *server }, .port = { 0, port }, .zone = zone },
		.udp = proto == IP_PROTO_UDP
	};
}

/* A port that may be learned, and over UDP a rule that asks for it */
static enum rpcgate_reason may_open(const struct rpcgate *g, const struct flow *f,
				    const struct rpcgate_syntax *interface)
{
	enum rpcgate_reason reason = learn_port_reason(g, server_port(f));

	if (!reason && f->udp && !policy_over_udp(g, f, interface))
		return RPCGATE_REASON_NOT_TCP_TOWER;
	return reason;
}

struct rpcgate_result rpcgate_restore_pinhole(struct rpcgate *gate,
					      const struct rpcgate_pinhole_record *record,
					      uint64_t now_ns)
{
	struct rpcgate_result *r = begin(gate, now_ns);
	struct flow f = ends_of(&record->client, &record->server, record->zone, record->port,
				record->proto);

	r->reason = may_open(gate, &f, &record->interface);
	if (!r->reason)
		r->reason = pinhole_restore(gate, &f, record->port, record);
	gate->talks.opened |= f.udp && !r->reason;
	return *r;
}

void rpcgate_restore_binding(struct rpcgate *gate, const struct rpcgate_binding_record *record,
			     uint64_t now_ns)
{
	struct flow f =
		ends_of(&record->server, &record->server, record->zone, record->port, IP_PROTO_TCP);

	begin(gate, now_ns);
	binding_restore(gate, &f, record);
}

static uint32_t find_id(const struct rpcgate *g, uint64_t id)
{
	for (uint32_t i = 1; id && i <= g->pinholes.pool.top; i++)
		if (pinhole_at(g, i)->id == id)
			return i;
	return 0;
}

/* Closes what @p why finds a reason for */
static void withdraw(struct rpcgate *g, struct pinhole *p,
		     bool (*why)(struct rpcgate *g, const struct pinhole *p,
				 const struct grant *grant, enum rpcgate_reason *reason))
{
	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next) {
		struct grant *grant = grant_at(g, i);
		enum rpcgate_reason reason = RPCGATE_REASON_NONE;

		if (grant->open && why(g, p, grant, &reason))
			pinhole_withdraw(g, p, grant, reason);
	}
}

static bool by_operator(struct rpcgate *g, const struct pinhole *p, const struct grant *grant,
			enum rpcgate_reason *reason)
{
	(void)g;
	(void)p;
	(void)grant;
	(void)reason;
	return true;
}

struct rpcgate_result rpcgate_close_pinhole(struct rpcgate *gate, uint64_t id, uint64_t now_ns)
{
	struct rpcgate_result *r = begin(gate, now_ns);
	uint32_t index = find_id(gate, id);

	if (index)
		withdraw(gate, pinhole_at(gate, index), by_operator);
	return *r;
}

static bool by_policy(struct rpcgate *g, const struct pinhole *p, const struct grant *grant,
		      enum rpcgate_reason *reason)
{
	const struct pinhole_key key = pinhole_key(g, p);
	const struct flow f = ends_of(&key.client, &key.server, key.zone, key.port, key.proto);
	const struct rpcgate_syntax *interface = pinhole_interface(g, grant);
	const struct judgement learned = { .verdict = RPCGATE_ALLOW,
					   .reason = RPCGATE_REASON_LEARNED };
	struct judgement j;

	*reason = may_open(g, &f, interface);
	if (*reason)
		return true;
	j = policy_judge(g, &f, interface, false, learned);
	*reason = j.reason;
	return j.verdict == RPCGATE_DENY;
}

struct rpcgate_result rpcgate_rejudge(struct rpcgate *gate, uint64_t *cursor, size_t max,
				      uint64_t now_ns)
{
	struct rpcgate_result *r = begin(gate, now_ns);
	uint64_t index = *cursor;

	for (; max && index < gate->pinholes.pool.top; max--, index++) {
		struct pinhole *p = pinhole_at(gate, (uint32_t)index + 1);
		uint32_t most = p->n_open < gate->cfg.max_events ? p->n_open : gate->cfg.max_events;

		if (!event_room(gate, most))
			break;
		if (p->id)
			withdraw(gate, p, by_policy);
	}
	*cursor = index < gate->pinholes.pool.top ? index : 0;
	return *r;
}
