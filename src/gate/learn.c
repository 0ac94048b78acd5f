/* SPDX-License-Identifier: BSD-2-Clause */
/* learn.c - answers of the mapper become bindings, and some of them pinholes
 *
 * The key of what is opened is the address on the wire, never the tower's: a server can only
 * announce itself.  A tower that may not be used is told with its reason and skipped; it never
 * ends the walk over the others.
 */
#include "gate.h"

struct lesson {
	struct rpcgate *g;
	const struct flow *f;
	const struct conv *c;
	const struct epm_request *request;
};

static bool tcp_like(const struct tower *t)
{
	return t->protseq == RPCGATE_NCACN_IP_TCP || t->protseq == RPCGATE_NCACN_HTTP;
}

static bool as_asked(const struct epm_request *q, const struct tower *t)
{
	if (!q->has_interface)
		return q->opnum == EPM_LOOKUP; /* a lookup of everything */
	if (!uuid_equal(&q->asked.interface.uuid, &t->interface.uuid))
		return false;
	/* a lookup may ask for compatible or for all versions */
	return q->opnum == EPM_LOOKUP || q->asked.interface.major == t->interface.major;
}

static enum rpcgate_reason port_reason(const struct rpcgate *g, uint16_t port)
{
	if (!port)
		return RPCGATE_REASON_PORT_ZERO;
	if (port < 1024)
		return RPCGATE_REASON_PORT_PRIVILEGED;
	if (port_listed(&g->cfg.reserved, port))
		return RPCGATE_REASON_PORT_RESERVED;
	if (g->cfg.dynamic_range.n && !port_listed(&g->cfg.dynamic_range, port))
		return RPCGATE_REASON_PORT_OUT_OF_RANGE;
	return RPCGATE_REASON_NONE;
}

/* A tower speaks for the server it came from: its own address, or none */
static bool address_fits(const struct rpcgate *g, const struct flow *f, const struct tower *t)
{
	return g->cfg.tower_address == RPCGATE_TOWER_ANY || !t->has_ip || addr_is_any(&t->ip) ||
	       addr_equal(&t->ip, server_addr(f));
}

/* May the connection be believed at all? */
static enum rpcgate_reason connection_reason(const struct lesson *l)
{
	if (!is_mapper_port(l->g, server_port(l->f)))
		return RPCGATE_REASON_MAPPER_UNLISTED;
	if (l->c->gap)
		return RPCGATE_REASON_REASSEMBLY_GAP;
	if (l->f->midstream && l->g->cfg.midstream == RPCGATE_MIDSTREAM_BLOCK)
		return RPCGATE_REASON_MIDSTREAM;
	return RPCGATE_REASON_NONE;
}

static enum rpcgate_reason tower_reason(const struct lesson *l, const struct tower *t)
{
	enum rpcgate_reason reason;

	if (!tcp_like(t))
		return RPCGATE_REASON_NOT_TCP_TOWER;
	if (!syntax_is_ndr(&t->transfer) && !syntax_is_ndr64(&t->transfer))
		return RPCGATE_REASON_MALFORMED_TOWER;
	if (!as_asked(l->request, t))
		return RPCGATE_REASON_WRONG_UUID;
	reason = port_reason(l->g, t->port);
	if (reason)
		return reason;
	if (!address_fits(l->g, l->f, t))
		return RPCGATE_REASON_TOWER_ADDRESS;
	reason = connection_reason(l);
	if (reason)
		return reason;
	if (l->request->opnum == EPM_LOOKUP && l->g->cfg.lookup == RPCGATE_LOOKUP_LEARN)
		return RPCGATE_REASON_LOOKUP_ONLY;
	return RPCGATE_REASON_NONE;
}

static uint8_t copy_text(uint8_t *to, size_t room, struct bytes from)
{
	size_t n = from.n < room ? from.n : room;

	if (n)
		memcpy(to, from.p, n);
	return (uint8_t)n;
}

static void tell_binding(const struct lesson *l, const struct epm_entry *entry,
			 enum rpcgate_source source, enum rpcgate_reason reason)
{
	struct rpcgate_binding_event *b =
		&event_new(l->g, RPCGATE_EVENT_BINDING, l->f)->u.binding;
	const struct tower *t = &entry->tower;

	b->source = source;
	b->protseq = t->protseq;
	b->interface = t->interface;
	b->object = entry->object;
	b->server = *server_addr(l->f);
	b->has_tower_ip = t->has_ip;
	b->tower_ip = t->ip;
	b->accepted = !reason;
	b->reason = reason;
	b->port = t->port;
	b->annotation_len = copy_text(b->annotation, sizeof(b->annotation), entry->annotation);
	b->endpoint_len = copy_text(b->endpoint, sizeof(b->endpoint), t->endpoint);
	l->g->stats.bindings++;
	l->g->stats.bindings_accepted += !reason;
}

/* A record is kept of every usable endpoint, opened or merely listed */
static bool worth_a_record(enum rpcgate_reason reason)
{
	return reason == RPCGATE_REASON_NONE || reason == RPCGATE_REASON_LOOKUP_ONLY ||
	       reason == RPCGATE_REASON_LIMIT;
}

static void learn_entry(const struct lesson *l, const struct epm_entry *entry)
{
	enum rpcgate_source source = l->request->opnum == EPM_MAP ? RPCGATE_EPT_MAP :
								    RPCGATE_EPT_LOOKUP;
	enum rpcgate_reason reason;

	if (!entry->has_tower)
		return;
	reason = tower_reason(l, &entry->tower);
	if (!reason)
		reason = pinhole_open(l->g, l->f, entry->tower.port, &entry->tower.interface,
				      source);
	if (worth_a_record(reason))
		binding_record(l->g, l->f, entry->tower.port, &entry->tower.interface,
			       reason != RPCGATE_REASON_LOOKUP_ONLY);
	tell_binding(l, entry, source, reason);
}

/* The answer as a whole: may its entries be looked at? */
static bool usable(struct rpcgate *g, const struct flow *f, const struct epm_answer *answer)
{
	bool ok = answer->status == EPM_STATUS_OK ||
		  (answer->opnum == EPM_LOOKUP && answer->status == EPM_STATUS_NOT_REGISTERED);

	if (!ok || !answer->n)
		g->stats.answers_unusable++;
	if (!ok && answer->n)
		event_alert(g, f, RPCGATE_REASON_STATUS_NOT_OK);
	return ok;
}

static void refuse_answer(struct rpcgate *g, const struct flow *f, const struct call *call,
			  enum rpcgate_reason why)
{
	struct rpcgate_alert_event *a = event_alert(g, f, why);

	a->ptype = PDU_RESPONSE;
	a->call_id = call->call_id;
	a->opnum = call->request.opnum;
	a->has_interface = true;
	a->interface = epm_syntax;
	g->stats.answers_malformed++;
}

static struct bytes stub_of(const struct joined *j)
{
	return (struct bytes){ j->stub.p, j->stub.n };
}

void learn_answer(struct rpcgate *g, const struct flow *f, const struct conv *c,
		  const struct call *call, const struct context *context)
{
	const struct epm_limits limits = { g->cfg.max_towers, g->cfg.max_lookup_entries };
	bool ndr64 = syntax_is_ndr64(&context->transfer);
	uint16_t opnum = call->request.opnum;
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_request request;
	struct epm_answer answer;
	struct epm_entry entry;
	struct lesson lesson = { g, f, c, &request };

	if (opnum != EPM_MAP && opnum != EPM_LOOKUP)
		return;
	if (epm_request_parse(ndr_of(stub_of(&call->request), call->request.big, ndr64), opnum,
			      &request, &why) != PARSE_OK ||
	    epm_answer_parse(ndr_of(stub_of(&call->response), call->response.big, ndr64), opnum,
			     &request, &limits, &answer, &why) != PARSE_OK) {
		refuse_answer(g, f, call, why);
		return;
	}
	g->stats.answers++;
	if (!usable(g, f, &answer))
		return;
	while (epm_next(&answer, &entry))
		learn_entry(&lesson, &entry);
}
