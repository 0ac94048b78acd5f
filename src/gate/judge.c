/* SPDX-License-Identifier: BSD-2-Clause */
/* judge.c - a context asked for becomes a verdict */
#include "gate.h"
#include "tie.h"

/* clang-format off */
static const struct {
	struct rpcgate_syntax interface;
	enum mapper_kind kind;
} mapper_interfaces[] = {
	/* epmapper 3.0 (C706 appendix O) */
	{ { { { 0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9,
	      0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa } }, 3, 0 }, MAPPER_EPM },
	/* IObjectExporter, IActivation, IRemoteSCMActivator 0.0 (MS-DCOM 1.9) */
	{ { { { 0x99, 0xfc, 0xfe, 0xc4, 0x52, 0x60, 0x10, 0x1b,
	      0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } }, 0, 0 }, MAPPER_OXID },
	{ { { { 0x4d, 0x9f, 0x4a, 0xb8, 0x7d, 0x1c, 0x11, 0xcf,
	      0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57 } }, 0, 0 }, MAPPER_ACTIVATION },
	{ { { { 0x00, 0x00, 0x01, 0xa0, 0x00, 0x00, 0x00, 0x00,
	      0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46 } }, 0, 0 }, MAPPER_SCM },
};
/* clang-format on */

enum mapper_kind mapper_kind_of(const struct rpcgate_syntax *interface)
{
	for (size_t i = 0; i < ARRAY_SIZE(mapper_interfaces); i++)
		if (uuid_equal(&mapper_interfaces[i].interface.uuid, &interface->uuid) &&
		    mapper_interfaces[i].interface.major == interface->major)
			return mapper_interfaces[i].kind;
	return MAPPER_NONE;
}

/* Object interfaces are always bound as version 0.0 (MS-DCOM 2.1); management and other interfaces
 * of the same process are not meant */
struct grant *judge_dcom_grant(struct rpcgate *g, const struct pinhole *p,
			       const struct rpcgate_syntax *interface)
{
	if (g->cfg.dcom != RPCGATE_DCOM_ANY || interface->major || interface->minor)
		return NULL;
	return pinhole_dcom_grant(g, p);
}

static struct judgement say(enum rpcgate_verdict verdict, enum rpcgate_reason reason)
{
	return (struct judgement){ .verdict = verdict, .reason = reason };
}

static struct judgement judge_open(const struct rpcgate *g, const struct pinhole *p,
				   const struct grant *grant)
{
	struct judgement j = say(RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);

	j.pinhole_id = p->id;
	j.parent = grant->parent;
	j.has_age = true;
	j.age_ns = g->now_ns - grant->learned_ns;
	return j;
}

/* The pinhole ran out, the record is still there: a client that kept the endpoint */
static struct judgement judge_expired(struct rpcgate *g, const struct pinhole *p,
				      const struct grant *grant)
{
	static const struct {
		enum rpcgate_verdict verdict;
		enum rpcgate_reason reason;
	} say_what[] = {
		[RPCGATE_RECONNECT_BLOCK] = { RPCGATE_DENY, RPCGATE_REASON_PINHOLE_EXPIRED },
		[RPCGATE_RECONNECT_LOG] = { RPCGATE_LOG, RPCGATE_REASON_RECONNECT },
		[RPCGATE_RECONNECT_ALLOW] = { RPCGATE_ALLOW, RPCGATE_REASON_RECONNECT },
	};
	struct judgement j = judge_open(g, p, grant);

	if (grant->closed) { /* a refused endpoint is no reason to come back */
		j.verdict = RPCGATE_DENY;
		j.reason = RPCGATE_REASON_PINHOLE_EXPIRED;
		return j;
	}
	g->stats.reconnects++;
	j.verdict = say_what[g->cfg.reconnect].verdict;
	j.reason = say_what[g->cfg.reconnect].reason;
	return j;
}

static bool in_record(const struct rpcgate *g, const struct grant *grant)
{
	return g->now_ns - grant->until_ns < (uint64_t)g->cfg.pinhole_record_s * NS_PER_S;
}

/* Nothing was granted: the reason that helps most */
static enum rpcgate_reason why_not(struct rpcgate *g, const struct flow *f, const struct pinhole *p,
				   const struct rpcgate_syntax *interface)
{
	const struct binding *known;

	if (uuid_equal(&interface->uuid, &epm_syntax.uuid) && !is_mapper_port(g, server_port(f)))
		return RPCGATE_REASON_MAPPER_UNLISTED;
	if (p && pinhole_has_uuid(g, p, &interface->uuid))
		return RPCGATE_REASON_VERSION_MISMATCH;
	if (p && p->n_open)
		return RPCGATE_REASON_UUID_NOT_GRANTED;
	known = binding_find(g, f, server_port(f), interface);
	if (known)
		return known->granted ? RPCGATE_REASON_OTHER_CLIENT : RPCGATE_REASON_LOOKUP_ONLY;
	return RPCGATE_REASON_NO_PINHOLE;
}

static struct judgement judge_pinhole(struct rpcgate *g, const struct flow *f,
				      const struct rpcgate_syntax *interface)
{
	struct pinhole_key key = pinhole_key_of(f, server_port(f));
	const struct pinhole *p = pinhole_find(g, &key);
	const struct grant *grant = p ? pinhole_grant(g, p, interface) : NULL;

	if (p && (!grant || !grant->open)) {
		const struct grant *any = judge_dcom_grant(g, p, interface);

		grant = any ? any : grant;
	}
	if (grant && grant->open)
		return judge_open(g, p, grant);
	if (grant && in_record(g, grant))
		return judge_expired(g, p, grant);
	return say(RPCGATE_DENY, why_not(g, f, p, interface));
}

/* An interface this connection already has: authentication legs ask for it again and again */
static const struct context *known_context(const struct rpcgate *g, const struct conv *c,
					   const struct rpcgate_syntax *interface)
{
	for (uint32_t i = c->contexts; i; i = CONTEXT_AT(g, i)->next)
		if (uuid_equal(&CONTEXT_AT(g, i)->interface.uuid, &interface->uuid) &&
		    CONTEXT_AT(g, i)->interface.major == interface->major)
			return CONTEXT_AT(g, i);
	return NULL;
}

struct judgement judge_context(struct rpcgate *g, const struct flow *f, const struct conv *c,
			       const struct bind_context *context, bool alter)
{
	const struct context *known;
	struct judgement j, base;

	if (f->midstream && g->cfg.midstream != RPCGATE_MIDSTREAM_INSPECT)
		return say(g->cfg.midstream == RPCGATE_MIDSTREAM_PASS ? RPCGATE_ALLOW :
									RPCGATE_DENY,
			   RPCGATE_REASON_MIDSTREAM);
	if (c->gap)
		return say(RPCGATE_DENY, RPCGATE_REASON_REASSEMBLY_GAP);
	if (f->stream[f->client & 1].conflict)
		return say(RPCGATE_DENY, RPCGATE_REASON_STREAM_CONFLICT);
	if (c->tunnel)
		return tunnel_judge(g, f, c, context);
	if (is_mapper_port(g, server_port(f)) && mapper_kind_of(&context->abstract))
		return policy_judge(g, f, &context->abstract, true,
				    say(RPCGATE_ALLOW, RPCGATE_REASON_MAPPER));
	/* by the rules of today, also where those of yesterday let it in */
	known = alter ? known_context(g, c, &context->abstract) : NULL;
	j = known ? say(known->base_verdict, known->base_reason) :
		    judge_pinhole(g, f, &context->abstract);
	if (!known && j.verdict == RPCGATE_DENY)
		tie_judge(g, f, &context->abstract, &j);
	if (alter && !known &&
	    (j.reason == RPCGATE_REASON_UUID_NOT_GRANTED || j.reason == RPCGATE_REASON_NO_PINHOLE))
		j.reason = RPCGATE_REASON_ALTER_CONTEXT_DENIED;
	base = j;
	j = policy_judge(g, f, &context->abstract, false, j);
	j.base_verdict = base.verdict;
	j.base_reason = base.reason;
	return j;
}

/* Over UDP nothing is allowed for being announced alone: a rule must ask for it, now as when the
 * pinhole was opened */
struct judgement judge_datagram(struct rpcgate *g, const struct flow *f,
				const struct rpcgate_syntax *interface)
{
	struct judgement j = judge_pinhole(g, f, interface);

	j = policy_judge(g, f, interface, false, j);
	if (j.verdict != RPCGATE_DENY && !policy_over_udp(g, f, interface))
		return say(RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE);
	return j;
}
