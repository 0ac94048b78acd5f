/* SPDX-License-Identifier: BSD-2-Clause */
/* admit.c - may a connection be opened at all?
 *
 * Asked with the first packet of a connection, where the caller wants the dynamic range closed to
 * what nobody announced.  Which interface will be asked for is not known yet, so anything that may
 * let some bind pass lets the connection in: an open pinhole, a static line, a hint, a call-back,
 * a pinhole that ran out and may be come back to.
 */
#include "gate.h"
#include "policy.h"
#include "tie.h"

#define ANNOUNCED 32768U

/* Ports that were announced to somebody, for the reason of a refusal and for nothing else: the last
 * of them, so no flood of announcements costs more than this, and each until which second */
static uint64_t hash_of(const struct rpcgate *g, const struct flow *f, uint16_t port)
{
	uint32_t word[6];

	memcpy(word, server_addr(f), sizeof(*server_addr(f)));
	word[4] = f->key.zone;
	word[5] = port;
	return hash_sum(&g->sums, word, ARRAY_SIZE(word));
}

bool admit_init(struct rpcgate *g)
{
	return recent_init(&g->announced, ANNOUNCED);
}

void admit_done(struct rpcgate *g)
{
	recent_done(&g->announced);
}

/* One that is announced again keeps its place, so that a server asked over and over does not push
 * the others out */
void admit_note(struct rpcgate *g, const struct flow *f, uint16_t port)
{
	uint64_t until_s = g->now_ns / NS_PER_S + g->cfg.pinhole_ttl_s + g->cfg.pinhole_record_s;
	uint64_t hash;
	uint32_t *noted;

	if (g->cfg.admission != RPCGATE_ADMIT_ANNOUNCED)
		return;
	hash = hash_of(g, f, port);
	noted = recent_find(&g->announced, hash);
	if (noted)
		*noted = (uint32_t)until_s;
	else
		recent_add(&g->announced, hash, (uint32_t)until_s);
}

static bool was_announced(const struct rpcgate *g, const struct flow *f)
{
	const uint32_t *until_s = recent_find(&g->announced, hash_of(g, f, server_port(f)));

	return until_s && *until_s > g->now_ns / NS_PER_S;
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
