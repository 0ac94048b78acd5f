/* SPDX-License-Identifier: BSD-2-Clause */
/* association.c - presentation contexts of a conversation: asked for by bind and alter_context,
 * accepted or refused by what answers them (C706 12.6.3.1, 12.6.4.1 to 12.6.4.5) */
#include "conv.h"
#include "tie.h"

/* ------------------------------------------------------------------ contexts */

static uint32_t *context_tail(const struct rpcgate *g, struct conv *c)
{
	uint32_t *link = &c->contexts;

	while (*link)
		link = &CONTEXT_AT(g, *link)->next;
	return link;
}

void context_unlink(struct rpcgate *g, struct conv *c, uint32_t *link)
{
	uint32_t i = *link;

	*link = CONTEXT_AT(g, i)->next;
	pool_give(&g->contexts, i);
	c->n_contexts--;
}

/* An offer that was never answered makes room: the capture may show one direction only */
static bool drop_unanswered(struct rpcgate *g, struct conv *c, uint32_t call_id)
{
	for (uint32_t *link = &c->contexts; *link; link = &CONTEXT_AT(g, *link)->next) {
		const struct context *x = CONTEXT_AT(g, *link);

		if (!x->accepted && x->call_id != call_id) {
			context_unlink(g, c, link);
			return true;
		}
	}
	return false;
}

static uint8_t offer_of(const struct rpcgate_syntax *syntax)
{
	if (syntax_is_ndr(syntax))
		return OFFER_NDR;
	if (syntax_is_ndr64(syntax))
		return OFFER_NDR64;
	return syntax_is_features(syntax) ? OFFER_FEATURES : OFFER_OTHER;
}

static uint8_t offers_of(const struct bind_context *b, const struct rpcgate_syntax *first)
{
	unsigned offers = offer_of(first);

	for (size_t i = 1; i < b->n_transfer; i++) {
		struct rpcgate_syntax syntax = bind_transfer_at(b, i);

		offers |= offer_of(&syntax);
	}
	return (uint8_t)offers;
}

/* What a tunnel's mapper says is read, not its resolver: objects are not reached through proxies */
static enum mapper_kind mapper_of(const struct step *s, const struct rpcgate_syntax *interface)
{
	enum mapper_kind kind = mapper_kind_of(interface);

	if (!s->c->tunnel || (kind == MAPPER_EPM && tunnel_to_mapper(s->g, s->c)))
		return kind;
	return MAPPER_NONE;
}

static bool context_add(const struct step *s, const struct bind_context *b, uint32_t call_id,
			uint16_t position, const struct judgement *j)
{
	struct rpcgate *g = s->g;
	struct conv *c = s->c;
	struct context *x;
	uint32_t i = 0;

	if (c->n_contexts < g->cfg.max_contexts || drop_unanswered(g, c, call_id))
		i = pool_take(&g->contexts);
	if (!i) {
		event_limit(g, LIMIT_CONTEXTS, "max_contexts: the connection is refused");
		return false;
	}
	x = CONTEXT_AT(g, i);
	x->call_id = call_id;
	x->id = b->id;
	x->position = position;
	x->interface = b->abstract;
	x->transfer = bind_transfer_at(b, 0);
	x->offers = offers_of(b, &x->transfer);
	x->verdict = (uint8_t)j->verdict;
	x->base_verdict = (uint8_t)j->base_verdict;
	x->base_reason = (uint8_t)j->base_reason;
	x->calls = j->calls;
	c->calls_judged |= j->calls;
	x->mapper = (uint8_t)mapper_of(s, &b->abstract);
	*context_tail(g, c) = i;
	c->n_contexts++;
	c->mapper |= x->mapper != MAPPER_NONE;
	return true;
}

static bool same_interface(const struct rpcgate_syntax *a, const struct rpcgate_syntax *b)
{
	return uuid_equal(&a->uuid, &b->uuid) && a->major == b->major;
}

struct context *context_by_id(const struct rpcgate *g, const struct conv *c, uint16_t id,
			      bool accepted)
{
	for (uint32_t i = c->contexts; i; i = CONTEXT_AT(g, i)->next) {
		struct context *x = CONTEXT_AT(g, i);

		if (x->id == id && x->accepted == accepted)
			return x;
	}
	return NULL;
}

void contexts_drop(struct rpcgate *g, struct conv *c)
{
	while (c->contexts)
		context_unlink(g, c, &c->contexts);
}

/* ---------------------------------------------------------- bind, alter_context */

static void tell_bind(const struct step *s, const struct pdu *pdu, const struct bind_context *b,
		      const struct judgement *j)
{
	bool deny = j->verdict == RPCGATE_DENY;
	struct rpcgate_event *event = event_new(s->g, RPCGATE_EVENT_BIND, s->f);
	struct rpcgate_bind_event *e = &event->u.bind;
	struct rpcgate_target target;

	event->parent_id = j->parent;
	e->pdu = pdu->h.ptype == PDU_BIND ? RPCGATE_PDU_BIND : RPCGATE_PDU_ALTER_CONTEXT;
	e->verdict = j->verdict;
	e->reason = j->reason;
	e->action = s->g->cfg.mode == RPCGATE_OBSERVE ? RPCGATE_NONE :
		    deny                              ? RPCGATE_REJECT :
							RPCGATE_PASS;
	e->interface = b->abstract;
	e->context_id = b->id;
	e->n_transfer = b->n_transfer;
	for (size_t i = 0; i < b->n_transfer && i < RPCGATE_SYNTAXES_MAX; i++)
		e->transfer[i] = bind_transfer_at(b, i);
	e->auth_type = pdu->auth.type;
	e->auth_level = pdu->auth.level;
	e->call_id = pdu->h.call_id;
	e->pinhole_id = j->pinhole_id;
	e->has_age = j->has_age;
	e->age_ns = j->age_ns;
	e->rule_line = j->rule_line;
	e->rule_file = j->rule_file;
	e->rule_name = j->rule_name;
	target = tunnel_target(s->g, s->c);
	e->target_port = target.port;
	e->target_len = target.host_len;
	memcpy(e->target, target.host, target.host_len);
}

static void count_verdict(struct rpcgate *g, enum rpcgate_verdict verdict)
{
	g->stats.binds_allowed += verdict == RPCGATE_ALLOW;
	g->stats.binds_logged += verdict == RPCGATE_LOG;
	g->stats.binds_denied += verdict == RPCGATE_DENY;
}

static void refuse_interface(const struct step *s, const struct pdu *pdu,
			     const struct bind_context *b, enum rpcgate_reason reason)
{
	struct rpcgate_alert_event *a = conv_alert(s, reason, &pdu->h);

	a->has_interface = true;
	a->interface = b->abstract;
	flow_refuse(s->g, s->f, reason);
	s->f->disbelieved = true;
}

/* Servers answer a second bind with bind_nak, and an id that stands for another interface with a
 * fault, and close.  One that went on would serve under that id what nobody else can know. */
static bool judge_place(const struct step *s, const struct bind_context *b, bool second,
			struct judgement *j)
{
	const struct context *old = context_by_id(s->g, s->c, b->id, true);

	if (j->verdict == RPCGATE_DENY ||
	    (!second && (!old || same_interface(&old->interface, &b->abstract))))
		return false;
	j->verdict = RPCGATE_DENY;
	j->reason = RPCGATE_REASON_MALFORMED_PDU;
	j->rule_line = 0;
	j->rule_file = NULL;
	j->rule_name = NULL;
	return true;
}

/* Every context is judged, also those behind a refused one and those that repeat an id */
void association_bind(const struct step *s, const struct pdu *pdu)
{
	bool alter = pdu->h.ptype == PDU_ALTER_CONTEXT;
	bool second = !alter && s->c->bound;
	bool misplaced = false;
	struct rpcgate_syntax told = { 0 };
	struct bind_context b;
	struct reader walk;
	struct bind bind;
	uint16_t position = 0;

	if (bind_parse(pdu, &bind) != PARSE_OK) {
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	s->c->has_bind = true;
	if (pdu->auth.present && (!s->c->auth_level || pdu->auth.level < s->c->auth_level))
		s->c->auth_level = pdu->auth.level;
	if (!alter)
		s->c->assoc_group = bind.assoc_group;
	s->c->bound |= !alter;
	for (walk = bind_walk(&bind); bind_next(&walk, &b); position++) {
		struct judgement j = judge_context(s->g, s->f, s->c, &b, alter);

		misplaced |= judge_place(s, &b, second, &j);
		s->c->binds++;
		s->c->approved |= j.verdict != RPCGATE_DENY;
		count_verdict(s->g, j.verdict);
		tell_bind(s, pdu, &b, &j);
		if (j.verdict == RPCGATE_DENY && !syntax_equal(&told, &b.abstract)) {
			refuse_interface(s, pdu, &b, j.reason);
			told = b.abstract;
		}
		if (!context_add(s, &b, pdu->h.call_id, position, &j)) {
			conv_object(s, RPCGATE_REASON_LIMIT, &pdu->h);
			return;
		}
	}
	s->g->stats.pdus_malformed += misplaced;
}

/* ------------------------------------------------ bind_ack, alter_context_resp */

static uint32_t offered(const struct rpcgate *g, const struct conv *c, uint32_t call_id)
{
	uint32_t n = 0;

	for (uint32_t i = c->contexts; i; i = CONTEXT_AT(g, i)->next)
		n += !CONTEXT_AT(g, i)->accepted && CONTEXT_AT(g, i)->call_id == call_id;
	return n;
}

/* The pinhole that an allowed context went through; NULL for the mapper's own interfaces, and where
 * the offer or its answer would not have arrived */
static struct grant *grant_of(const struct step *s, const struct context *x, struct pinhole **p)
{
	struct pinhole_key key = pinhole_key_of(s->f, server_port(s->f));

	*p = x->verdict == RPCGATE_DENY || s->f->disbelieved ? NULL : pinhole_find(s->g, &key);
	return *p ? pinhole_grant(s->g, *p, &x->interface) : NULL;
}

/* The context lives from now on.  An id that already stood for another interface is never
 * believed again; the same interface once more is an authentication leg.
 * @return true if the new entry is to be kept */
static bool context_accept(const struct step *s, const struct pdu_header *h, struct context *x,
			   const struct rpcgate_syntax *transfer)
{
	struct context *old = context_by_id(s->g, s->c, x->id, true);
	struct pinhole *p;
	struct grant *grant;

	if (old && same_interface(&old->interface, &x->interface)) {
		old->transfer = *transfer;
		old->calls |= x->calls;
		return false;
	}
	if (old) {
		old->poisoned = true;
		x->poisoned = true;
		if (x->verdict != RPCGATE_DENY) /* else it was told when it was asked for */
			conv_object(s, RPCGATE_REASON_MALFORMED_PDU, h);
	}
	x->accepted = true;
	x->transfer = *transfer;
	s->c->accepted++;
	grant = grant_of(s, x, &p);
	if (p && (!grant || !grant->open))
		grant = judge_dcom_grant(s->g, p, &x->interface);
	if (grant && grant->open) {
		pinhole_use(s->g, s->f, p, grant);
		tie_served(s->g, s->f, grant->until_ns);
	}
	return true;
}

static bool accepted_elsewhere(const struct rpcgate *g, const struct conv *c,
			       const struct context *x)
{
	for (uint32_t i = c->contexts; i; i = CONTEXT_AT(g, i)->next) {
		const struct context *y = CONTEXT_AT(g, i);

		if (y != x && same_interface(&x->interface, &y->interface) &&
		    (y->accepted || y->call_id == x->call_id))
			return true; /* accepted, or its answer is still to be read */
	}
	return false;
}

/* "Abstract syntax not supported": what the mapper announced is not there (any more) */
static void context_reject(const struct step *s, const struct context *x, uint16_t reason)
{
	struct pinhole *p;
	struct grant *grant;

	if (reason != 1 || accepted_elsewhere(s->g, s->c, x))
		return;
	grant = grant_of(s, x, &p);
	if (grant && grant->open)
		pinhole_close(s->g, s->f, p, grant);
}

/* @return false if the answer contradicts the offer */
static bool apply_result(const struct step *s, const struct pdu_header *h, uint32_t *link,
			 const struct bind_ack_result *r, bool *kept)
{
	struct context *x = CONTEXT_AT(s->g, *link);

	*kept = false;
	if (r->result == BIND_ACCEPTED) {
		if (!(x->offers & offer_of(&r->transfer)))
			return false;
		*kept = context_accept(s, h, x, &r->transfer);
	} else if (r->result != BIND_NEGOTIATED) {
		context_reject(s, x, r->reason);
	}
	return true;
}

/* Results answer the offered contexts in order.  Samba 4.0 and older answer the first alone: what
 * got no result is not accepted. */
void association_ack(const struct step *s, const struct pdu *pdu)
{
	uint32_t *link = &s->c->contexts;
	struct bind_ack ack;
	uint32_t n;

	if (bind_ack_parse(pdu, &ack) != PARSE_OK) {
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	n = offered(s->g, s->c, pdu->h.call_id);
	if (n && ack.max_recv > s->c->most_octets)
		s->c->most_octets = ack.max_recv;
	if (n && ack.max_xmit > s->c->most_octets)
		s->c->most_octets = ack.max_xmit;
	if (!n)
		return; /* its bind was not seen: nothing becomes known by it */
	if (ack.n_results > n) {
		conv_object(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	while (*link) {
		struct context *x = CONTEXT_AT(s->g, *link);
		bool kept = true;

		if (!x->accepted && x->call_id == pdu->h.call_id) {
			struct bind_ack_result r = { .result = BIND_REJECTED };

			if (x->position < ack.n_results)
				r = bind_ack_at(&ack, x->position);
			if (!apply_result(s, &pdu->h, link, &r, &kept)) {
				conv_object(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
				return;
			}
		}
		if (kept)
			link = &CONTEXT_AT(s->g, *link)->next;
		else
			context_unlink(s->g, s->c, link);
	}
}

/* Reasons that say nothing about the endpoint: congestion, local limit, authentication type and
 * checksum (C706 12.6.4.5).  A refused association group is retried without one. */
static bool nak_is_about_endpoint(const struct conv *c, uint16_t reason)
{
	return !c->assoc_group && reason != 1 && reason != 2 && reason != 8 && reason != 9;
}

void association_nak(const struct step *s, const struct pdu *pdu)
{
	uint16_t reason;
	struct pinhole *p;

	if (pdu_nak_parse(pdu, &reason) != PARSE_OK) {
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	s->c->bound = false;
	while (s->c->contexts) {
		struct grant *grant = grant_of(s, CONTEXT_AT(s->g, s->c->contexts), &p);

		if (grant && grant->open && nak_is_about_endpoint(s->c, reason))
			pinhole_close(s->g, s->f, p, grant);
		context_unlink(s->g, s->c, &s->c->contexts);
	}
}
