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

void tunnel_tell(const struct rpcgate *g, const struct conv *c, struct rpcgate_bind_event *e)
{
	const struct tunnel *t;

	if (!c->tunnel)
		return;
	t = TUNNEL_AT(g, c->tunnel);
	e->target_port = t->port;
	e->target_len = t->host_len < sizeof(e->target) ? t->host_len : sizeof(e->target);
	memcpy(e->target, t->host, e->target_len);
}
