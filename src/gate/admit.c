/* SPDX-License-Identifier: BSD-2-Clause */
/* admit.c - may a connection be opened at all?
 *
 * Asked with the first packet of a connection, where the caller wants the dynamic range closed to
 * what nobody announced.  Which interface will be asked for is not known yet, so anything that may
 * let some bind pass lets the connection in: an open pinhole, a static line, a hint, a call-back,
 * a pinhole that ran out and may be come back to.
 */
#include <stdlib.h>

#include "gate.h"
#include "policy.h"
#include "tie.h"

/* Ports that were announced to somebody, for the reason of a refusal and for nothing else: a slot
 * for each hash, the latest in it wins, so no flood of announcements costs more than this.  The
 * upper half of a slot tells which port, the lower half until which second. */
static uint64_t *slot_of(const struct rpcgate *g, const struct flow *f, uint16_t port,
			 uint32_t *mark)
{
	uint32_t word[6];
	uint64_t hash;

	memcpy(word, server_addr(f), sizeof(*server_addr(f)));
	word[4] = f->key.zone;
	word[5] = port;
	hash = hash_sum(&g->sums, word, ARRAY_SIZE(word));
	*mark = (uint32_t)(hash >> 32);
	return &g->announced[hash % ANNOUNCED_SLOTS];
}

bool admit_init(struct rpcgate *g)
{
	g->announced = calloc(ANNOUNCED_SLOTS, sizeof(*g->announced));
	return g->announced != NULL;
}

void admit_done(struct rpcgate *g)
{
	free(g->announced);
}

void admit_note(struct rpcgate *g, const struct flow *f, uint16_t port)
{
	uint64_t until_s = g->now_ns / NS_PER_S + g->cfg.pinhole_ttl_s + g->cfg.pinhole_record_s;
	uint32_t mark;
	uint64_t *slot;

	if (g->cfg.admission != RPCGATE_ADMIT_ANNOUNCED)
		return;
	slot = slot_of(g, f, port, &mark);
	*slot = (uint64_t)mark << 32 | (uint32_t)until_s;
}

static bool was_announced(const struct rpcgate *g, const struct flow *f)
{
	uint32_t mark;
	uint64_t slot = *slot_of(g, f, server_port(f), &mark);

	return slot >> 32 == mark && (uint32_t)slot > g->now_ns / NS_PER_S;
}

enum rpcgate_reason admit_syn(struct rpcgate *g, const struct flow *f)
{
	uint16_t port = server_port(f);
	struct pinhole_key key = pinhole_key_of(f, port);
	const struct pinhole *p;

	if (!is_dynamic_port(g, port) || is_mapper_port(g, port) || policy_is_static(g, f))
		return RPCGATE_REASON_NONE;
	p = pinhole_find(g, &key);
	if ((p && (p->n_open || pinhole_reconnects(g, p))) || tie_admits(g, f))
		return RPCGATE_REASON_NONE;
	if (p)
		return RPCGATE_REASON_PINHOLE_EXPIRED;
	return was_announced(g, f) ? RPCGATE_REASON_OTHER_CLIENT : RPCGATE_REASON_NO_PINHOLE;
}
