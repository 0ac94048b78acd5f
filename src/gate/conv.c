/* SPDX-License-Identifier: BSD-2-Clause */
/* conv.c - one RPC conversation on one TCP connection
 *
 * Cuts PDUs out of both streams, follows presentation contexts and mapper calls, and hands binds
 * to judge and answers to learn.  A PDU that lies whole in a segment is read in place; bodies
 * nobody needs are skipped by their length, not stored.
 * Where a rule judges requests, their head is read: 24 octets, in the clear at any level.
 *
 * What was read of PDUs that decide something is kept until it is acknowledged: a later copy with
 * other octets is a conflict.  Of a skipped PDU that is its header, which decides where the next
 * one starts.
 */
#include "gate.h"
#include "tie.h"

#define USUAL_FRAGMENT 5840U /* servers take requests up to it, whatever was negotiated */
#define MAX_FRAGMENTS 1024U  /* of one call; a mapper answer of 1 MiB has 250 */

static const char banner[] = "ncacn_http/1.0"; /* MS-RPCH 2.1.1.1: no line end */
#define BANNER_LEN (sizeof(banner) - 1)

enum want {
	WANT_HEADER, /* the body is skipped */
	WANT_MAPPER, /* the body is read on connections to the mapper */
	WANT_BODY
};

struct step {
	struct rpcgate *g;
	struct flow *f;
	struct conv *c;
	unsigned side;
};

typedef void handler(const struct step *s, const struct pdu *pdu);

static handler on_bind, on_ack, on_nak, on_request, on_response, on_fault;

static const struct {
	handler *handle;
	enum want want;
} by_type[] = {
	[PDU_REQUEST] = { on_request, WANT_MAPPER },
	[PDU_RESPONSE] = { on_response, WANT_MAPPER },
	[PDU_FAULT] = { on_fault, WANT_BODY },
	[PDU_BIND] = { on_bind, WANT_BODY },
	[PDU_BIND_ACK] = { on_ack, WANT_BODY },
	[PDU_BIND_NAK] = { on_nak, WANT_BODY },
	[PDU_ALTER_CONTEXT] = { on_bind, WANT_BODY },
	[PDU_ALTER_CONTEXT_RESP] = { on_ack, WANT_BODY },
	[PDU_ORPHANED] = { NULL, WANT_HEADER }, /* makes the table long enough for all types */
};

/* ------------------------------------------------------------------- trouble */

static struct rpcgate_alert_event *alert(const struct step *s, enum rpcgate_reason reason,
					 const struct pdu_header *h)
{
	struct rpcgate_alert_event *a = event_alert(s->g, s->f, reason);

	if (!s->c->why)
		s->c->why = (uint8_t)reason;
	if (h) {
		a->ptype = h->ptype;
		a->rpc_minor = h->minor;
		a->call_id = h->call_id;
	}
	if (s->g->cfg.mode == RPCGATE_ENFORCE)
		a->action = RPCGATE_REJECT;
	return a;
}

/* Something is wrong with what was said, but where the next PDU starts is still known */
static void object(const struct step *s, enum rpcgate_reason reason, const struct pdu_header *h)
{
	alert(s, reason, h);
	if (reason == RPCGATE_REASON_MALFORMED_PDU)
		s->g->stats.pdus_malformed++;
	flow_refuse(s->g, s->f, reason);
}

static void recognised(const struct step *s)
{
	s->c->half[s->side].begun = true;
	s->c->half[s->side].resync = false;
	if (s->c->rpc || s->c->dead)
		return;
	s->c->rpc = true;
	s->g->stats.flows_rpc++;
	s->g->stats.flows_midstream += s->f->midstream;
}

/* The stream cannot be followed any further: there is no way to find the next PDU that both the
 * server and we would agree on.  A header that fits is RPC's, whatever stands behind it.
 * @param h  NULL where the octets are no header */
static void lose(const struct step *s, enum rpcgate_reason reason, const struct pdu_header *h)
{
	bool proven = s->c->has_bind || !s->f->midstream || s->c->pdus > 1;

	if (h && proven)
		recognised(s);
	s->c->dead = true;
	if (!s->c->rpc || !proven) {
		s->c->stranger = true;
		return;
	}
	if (!s->c->half[s->side].begun && reason == RPCGATE_REASON_MALFORMED_PDU)
		reason = RPCGATE_REASON_NOT_RPC;
	object(s, reason, h);
}

/* ------------------------------------------------------------------ contexts */

static uint32_t *context_tail(const struct rpcgate *g, struct conv *c)
{
	uint32_t *link = &c->contexts;

	while (*link)
		link = &CONTEXT_AT(g, *link)->next;
	return link;
}

static void context_unlink(struct rpcgate *g, struct conv *c, uint32_t *link)
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

static struct context *context_by_id(const struct rpcgate *g, const struct conv *c, uint16_t id,
				     bool accepted)
{
	for (uint32_t i = c->contexts; i; i = CONTEXT_AT(g, i)->next) {
		struct context *x = CONTEXT_AT(g, i);

		if (x->id == id && x->accepted == accepted)
			return x;
	}
	return NULL;
}

static void contexts_drop(struct rpcgate *g, struct conv *c)
{
	while (c->contexts)
		context_unlink(g, c, &c->contexts);
}

/* --------------------------------------------------------------------- calls */

static uint32_t *call_link(const struct rpcgate *g, struct conv *c, uint32_t call_id)
{
	uint32_t *link = &c->calls;

	while (*link && CALL_AT(g, *link)->call_id != call_id)
		link = &CALL_AT(g, *link)->next;
	return link;
}

static void call_drop(struct rpcgate *g, struct conv *c, uint32_t *link)
{
	uint32_t i = *link;
	struct call *call = CALL_AT(g, i);

	*link = call->next;
	joined_drop(&g->arena, &call->request);
	joined_drop(&g->arena, &call->response);
	pool_give(&g->calls, i);
	c->n_calls--;
}

static void calls_drop(struct rpcgate *g, struct conv *c)
{
	while (c->calls)
		call_drop(g, c, &c->calls);
}

/* A call's place in the list; the newest is at the head */
static struct call *call_new(const struct step *s, uint32_t call_id)
{
	struct rpcgate *g = s->g;
	struct conv *c = s->c;
	uint32_t *last = &c->calls;
	uint32_t i = 0;

	if (c->n_calls == g->cfg.max_calls) {
		event_limit(g, LIMIT_CALLS, "max_calls: the oldest call is not used");
		c->forgot = true;
		while (CALL_AT(g, *last)->next)
			last = &CALL_AT(g, *last)->next;
		call_drop(g, c, last);
	}
	i = pool_take(&g->calls);
	if (!i) {
		event_limit(g, LIMIT_CALLS, "limit.flows: as many calls; one more is not used");
		c->forgot = true;
		return NULL;
	}
	CALL_AT(g, i)->call_id = call_id;
	CALL_AT(g, i)->next = c->calls;
	c->calls = i;
	c->n_calls++;
	return CALL_AT(g, i);
}

static struct call_limits call_limits(const struct rpcgate *g)
{
	return (struct call_limits){ g->cfg.max_stub, MAX_FRAGMENTS };
}

/* What could not be joined is forgotten; too much of it is a limit, not a violation */
static void call_refuse(const struct step *s, uint32_t *link, const struct pdu *pdu,
			enum rpcgate_reason why)
{
	call_drop(s->g, s->c, link);
	if (why == RPCGATE_REASON_LIMIT) {
		event_limit(s->g, LIMIT_STUB, "max_stub or buffers: a mapper call is not used");
		s->c->forgot = true;
		alert(s, why, &pdu->h);
		return;
	}
	object(s, why, &pdu->h);
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
	struct rpcgate_alert_event *a = alert(s, reason, &pdu->h);

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
static void on_bind(const struct step *s, const struct pdu *pdu)
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
		lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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
			object(s, RPCGATE_REASON_LIMIT, &pdu->h);
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
			object(s, RPCGATE_REASON_MALFORMED_PDU, h);
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
static void on_ack(const struct step *s, const struct pdu *pdu)
{
	uint32_t *link = &s->c->contexts;
	struct bind_ack ack;
	uint32_t n;

	if (bind_ack_parse(pdu, &ack) != PARSE_OK) {
		lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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
		object(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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
				object(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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

static void on_nak(const struct step *s, const struct pdu *pdu)
{
	uint16_t reason;
	struct pinhole *p;

	if (pdu_nak_parse(pdu, &reason) != PARSE_OK) {
		lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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

/* -------------------------------------------------------------- judged requests */

/* What protects a request.  Without a trailer of its own that is at best the knowledge of who
 * connected.  Where a connection has several security contexts the weakest counts: which one a
 * request goes by stands at its end, and only its head is read. */
static uint8_t level_of(const struct conv *c, const struct pdu_header *h)
{
	uint8_t level = c->auth_level;

	if (!h->auth_length && level > AUTH_LEVEL_CONNECT)
		level = AUTH_LEVEL_CONNECT;
	return level ? level : AUTH_LEVEL_NONE;
}

static void tell_call(const struct step *s, const struct pdu_header *h, const struct context *x,
		      uint16_t opnum, const struct judgement *j)
{
	struct rpcgate_call_event *e = &event_new(s->g, RPCGATE_EVENT_CALL, s->f)->u.call;

	*e = (struct rpcgate_call_event){
		.verdict = j->verdict,
		.action = s->g->cfg.mode == RPCGATE_OBSERVE ? RPCGATE_NONE :
			  j->verdict == RPCGATE_DENY        ? RPCGATE_REJECT :
							      RPCGATE_PASS,
		.reason = j->reason,
		.interface = x->interface,
		.context_id = x->id,
		.opnum = opnum,
		.auth_level = level_of(s->c, h),
		.call_id = h->call_id,
		.rule_line = j->rule_line,
		.rule_file = j->rule_file,
		.rule_name = j->rule_name,
	};
	s->g->stats.calls_judged++;
}

/* A fragment that only repeats what was said of the call before is not told again */
static void judge_call(const struct step *s, const struct pdu_header *h, const struct context *x,
		       uint16_t opnum)
{
	bool named = is_mapper_port(s->g, server_port(s->f)) && mapper_kind_of(&x->interface);
	bool first = h->flags & PFC_FIRST_FRAG;
	struct rpcgate_alert_event *a;
	struct judgement j = { .verdict = RPCGATE_DENY, .reason = RPCGATE_REASON_OPNUM_DENIED };

	if ((!policy_judge_call(s->g, s->f, &x->interface, named, opnum, level_of(s->c, h), &j) &&
	     !learn_changes(x->mapper, opnum)) ||
	    (!first && (j.verdict != RPCGATE_DENY || s->f->why == j.reason)))
		return;
	tell_call(s, h, x, opnum, &j);
	if (j.verdict != RPCGATE_DENY)
		return;
	s->g->stats.calls_denied++;
	a = alert(s, j.reason, h);
	a->has_interface = true;
	a->interface = x->interface;
	a->opnum = opnum;
	flow_refuse(s->g, s->f, j.reason);
}

/* The id may stand for two interfaces, or for one that is not accepted yet: all are meant */
static void judge_request(const struct step *s, const struct pdu_header *h, uint16_t context_id,
			  uint16_t opnum)
{
	for (uint32_t i = s->c->contexts; i; i = CONTEXT_AT(s->g, i)->next) {
		const struct context *x = CONTEXT_AT(s->g, i);

		if (x->id == context_id && (x->calls || learn_changes(x->mapper, opnum)))
			judge_call(s, h, x, opnum);
	}
}

/* ------------------------------------------------------------ request, response */

static void on_request(const struct step *s, const struct pdu *pdu)
{
	const struct call_limits limits = call_limits(s->g);
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	const struct context *x;
	struct pdu_call head;
	struct call *call;
	uint32_t *link;

	if (pdu_call_parse(pdu, &head) != PARSE_OK) {
		lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	if (s->c->calls_judged || learn_changes(MAPPER_EPM, head.opnum))
		judge_request(s, &pdu->h, head.context_id, head.opnum);
	x = context_by_id(s->g, s->c, head.context_id, true);
	if (!x) /* requests may be sent before the bind_ack comes */
		x = context_by_id(s->g, s->c, head.context_id, false);
	if (!x || !x->mapper)
		return;
	if (s->c->tunnel && !tunnel_is_answered(s->g, s->c)) {
		s->c->forgot = true; /* the way back may be seen later: this was asked, not kept */
		return;
	}
	link = call_link(s->g, s->c, pdu->h.call_id);
	if (*link && CALL_AT(s->g, *link)->request.complete) /* the id is free for a new call */
		call_drop(s->g, s->c, link);
	link = call_link(s->g, s->c, pdu->h.call_id);
	if (!*link && s->c->forgot && !(pdu->h.flags & PFC_FIRST_FRAG))
		return; /* the rest of a forgotten one */
	call = *link ? CALL_AT(s->g, *link) : call_new(s, pdu->h.call_id);
	if (call && !call->request.n_fragments)
		call->mapper = x->mapper;
	if (call &&
	    joined_add(&s->g->arena, &call->request, pdu, &head, &limits, &why) == PARSE_BAD)
		call_refuse(s, call_link(s->g, s->c, pdu->h.call_id), pdu, why);
}

static void tell_sealed(const struct step *s, const struct pdu *pdu)
{
	bool block = sealed_what(s->g) == RPCGATE_SEALED_BLOCK;
	bool enforce = s->g->cfg.mode == RPCGATE_ENFORCE;

	s->g->stats.stubs_sealed++;
	if (!s->c->tunnel && !s->f->disbelieved)
		tie_sealed(s->g, s->f);
	if (block)
		flow_refuse(s->g, s->f, RPCGATE_REASON_SEALED);
	if (s->c->sealed_told)
		return;
	s->c->sealed_told = true;
	alert(s, RPCGATE_REASON_SEALED, &pdu->h)->action = !enforce ? RPCGATE_NONE :
							   block    ? RPCGATE_REJECT :
								      RPCGATE_PASS;
}

/* The whole answer is there */
static void answer_call(const struct step *s, const struct pdu *pdu, const struct call *call)
{
	const struct context *x = context_by_id(s->g, s->c, call->request.context_id, true);

	if (call->request.auth_level == AUTH_LEVEL_PRIVACY ||
	    call->response.auth_level == AUTH_LEVEL_PRIVACY) {
		if (learn_announces(call->mapper, call->request.opnum))
			tell_sealed(s, pdu); /* of pings nothing could have been learned */
	} else if (!x || x->mapper != call->mapper) {
		alert(s, RPCGATE_REASON_CONTEXT_NOT_ACCEPTED, &pdu->h);
	} else if (!x->poisoned) { /* else it was told when that came about */
		learn_answer(s->g, s->f, s->c, call, x);
	}
}

static void unasked(const struct step *s, const struct pdu *pdu, const struct pdu_call *head)
{
	const struct context *x = context_by_id(s->g, s->c, head->context_id, true);

	if (!x || !x->mapper || s->c->gap || s->c->forgot)
		return;
	s->g->stats.answers_unusable++;
	alert(s, RPCGATE_REASON_NOT_ASKED, &pdu->h);
	flow_refuse(s->g, s->f, RPCGATE_REASON_NOT_ASKED);
}

static void on_response(const struct step *s, const struct pdu *pdu)
{
	const struct call_limits limits = call_limits(s->g);
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct pdu_call head;
	struct call *call;
	uint32_t *link;

	if (pdu_call_parse(pdu, &head) != PARSE_OK) {
		lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	link = call_link(s->g, s->c, pdu->h.call_id);
	if (!*link || !CALL_AT(s->g, *link)->request.complete) {
		unasked(s, pdu, &head);
		return;
	}
	call = CALL_AT(s->g, *link);
	if (head.context_id != call->request.context_id) {
		call_drop(s->g, s->c, link);
		object(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	switch (joined_add(&s->g->arena, &call->response, pdu, &head, &limits, &why)) {
	case PARSE_MORE:
		return;
	case PARSE_OK:
		answer_call(s, pdu, call);
		call_drop(s->g, s->c, link);
		return;
	case PARSE_BAD:
		call_refuse(s, link, pdu, why);
	}
}

/* Ends a call, or refuses an alter_context */
static void on_fault(const struct step *s, const struct pdu *pdu)
{
	uint32_t *link = call_link(s->g, s->c, pdu->h.call_id);
	uint32_t *at = &s->c->contexts;

	if (*link) { /* its client may be sending still */
		s->c->forgot |= !CALL_AT(s->g, *link)->request.complete;
		call_drop(s->g, s->c, link);
	}
	while (*at) {
		const struct context *x = CONTEXT_AT(s->g, *at);

		if (!x->accepted && x->call_id == pdu->h.call_id)
			context_unlink(s->g, s->c, at);
		else
			at = &CONTEXT_AT(s->g, *at)->next;
	}
}

/* -------------------------------------------------------------------- framing */

/* Whose conversation a PDU is part of: what comes by the OUT channel of a tunnel answers what was
 * said on the IN channel */
static struct step talk_of(const struct step *s)
{
	const struct channel *in = tunnel_asked(s->g, s->c);

	if (!in)
		return *s;
	return (struct step){ s->g, in->f, CONV_AT(s->g, in->conv), !(in->f->client & 1) };
}

/* The same where only what is said matters; asked for each PDU, and tunnels are rare */
static const struct conv *talker(const struct step *s)
{
	return s->c->tunnel ? talk_of(s).c : s->c;
}

/* What became of the conversation becomes of both channels */
static void share_fate(const struct step *s, const struct step *talk)
{
	if (s->c == talk->c)
		return;
	s->c->dead |= talk->c->dead;
	if (talk->f->why && !s->f->why)
		flow_refuse(s->g, s->f, talk->f->why);
}

static bool wants_body(const struct conv *c, uint8_t ptype)
{
	if (ptype == PDU_RTS)
		return true;
	if (ptype >= ARRAY_SIZE(by_type) || by_type[ptype].want == WANT_HEADER)
		return false;
	return by_type[ptype].want == WANT_BODY ? by_type[ptype].handle != NULL : c->mapper;
}

/* Octets of a PDU that are read, out of its frag_length */
static uint32_t wanted(const struct step *s, const struct pdu_header *h)
{
	const struct conv *c = talker(s);

	if (wants_body(c, h->ptype))
		return h->frag_length;
	return h->ptype == PDU_REQUEST && c->calls_judged ? PDU_REQUEST_HEAD_LEN : PDU_HEADER_LEN;
}

/* Who is the client, where no SYN told: most types travel one way only */
static void find_client(const struct step *s, unsigned sides)
{
	if (s->f->client == SIDE_UNKNOWN && sides == PDU_FROM_CLIENT)
		s->f->client = (uint8_t)s->side;
	if (s->f->client == SIDE_UNKNOWN && sides == PDU_FROM_SERVER)
		s->f->client = (uint8_t)!s->side;
}

/* RTS PDUs belong into tunnels; on a plain connection they are a violation */
static enum parse header_parse(const struct step *s, struct bytes in, struct pdu_header *h)
{
	enum parse p = s->c->tunnel ? rts_header_parse(in, h) : PARSE_BAD;

	return p == PARSE_BAD ? pdu_header_parse(in, h) : p;
}

/* What cannot be said here is RPC's where nothing else may be spoken; elsewhere other protocols
 * begin with the same octets.  NULL: it is not taken for RPC's. */
static const struct pdu_header *if_ours(const struct step *s, const struct pdu_header *h)
{
	return flow_must_be_rpc(s->g, s->f) ? h : NULL;
}

/* These octets are no header that could be read */
static void lose_header(const struct step *s, struct bytes in)
{
	struct pdu_header h;

	lose(s, RPCGATE_REASON_MALFORMED_PDU, pdu_begins(in, &h) ? if_ours(s, &h) : NULL);
}

/* Longer than both sides agreed on: the receiver refuses it, and closes */
static void judge_length(const struct step *s, const struct pdu_header *h)
{
	struct conv *c = s->c->tunnel ? talk_of(s).c : s->c;

	if (h->frag_length <= c->most_octets || !c->bound || c->long_told)
		return;
	c->long_told = true;
	object(s, RPCGATE_REASON_MALFORMED_PDU, h);
}

/* Receivers differ in whose byte order they go by.  Of calls to a mapper the fragments are joined,
 * and all that they repeat is compared. */
static void judge_order(const struct step *s, const struct pdu_header *h)
{
	struct half *half = &s->c->half[s->side];

	if (talker(s)->mapper)
		return;
	if (h->flags & PFC_FIRST_FRAG) {
		half->call_id = h->call_id;
		half->call_big = h->big;
		half->in_call = true;
	} else if (half->in_call && half->call_id == h->call_id && half->call_big != h->big) {
		half->in_call = false;
		object(s, RPCGATE_REASON_MALFORMED_PDU, h);
	}
}

/* Most calls are one short fragment each way */
static inline void judge_fragment(const struct step *s, const struct pdu_header *h)
{
	const uint8_t whole = PFC_FIRST_FRAG | PFC_LAST_FRAG;

	if (h->ptype != PDU_REQUEST && h->ptype != PDU_RESPONSE)
		return;
	if (h->frag_length > USUAL_FRAGMENT)
		judge_length(s, h);
	if ((h->flags & whole) != whole)
		judge_order(s, h);
}

/* Checks that need the header alone.  @return false if the PDU must not be read */
static bool header_fits(const struct step *s, const struct pdu_header *h)
{
	unsigned sides = pdu_sides(h->ptype);

	if (h->ptype == PDU_RTS)
		return true; /* either side's, and no part of the conversation */
	find_client(s, sides);
	if (!(sides & (s->side == s->f->client ? PDU_FROM_CLIENT : PDU_FROM_SERVER))) {
		lose(s, RPCGATE_REASON_MALFORMED_PDU, if_ours(s, h));
		return false;
	}
	/* no server executes a request before a bind: this one was not RPC, or an attempt */
	if (h->ptype == PDU_REQUEST && !s->c->has_bind && !s->f->midstream && !s->c->gap) {
		lose(s, RPCGATE_REASON_CONTEXT_NOT_ACCEPTED, if_ours(s, h));
		return false;
	}
	judge_fragment(s, h);
	s->c->pdus++;
	s->g->stats.pdus++;
	return true;
}

static void read_pdu(const struct step *s, const struct pdu_header *h, struct bytes octets)
{
	struct step talk;
	struct rts rts;
	struct pdu pdu;

	if (h->ptype == PDU_RTS ? rts_parse(octets, &rts) != PARSE_OK :
				  pdu_parse(octets, h, &pdu) != PARSE_OK) {
		lose(s, RPCGATE_REASON_MALFORMED_PDU, h);
		return;
	}
	if (h->ptype != PDU_RTS) {
		talk = talk_of(s);
		by_type[h->ptype].handle(&talk, &pdu);
		share_fate(s, &talk);
	} else if (s->side == s->f->client) {
		tunnel_name(s->g, s->f, &rts);
	}
	recognised(s);
}

static void keep(const struct step *s, uint32_t seq, struct bytes octets)
{
	stream_keep(&s->g->arena, &s->f->stream[s->side], seq, octets);
}

/* Take n octets off the front */
static struct bytes cut(uint32_t *seq, struct bytes *from, size_t n)
{
	struct bytes front = { from->p, n };

	*seq += (uint32_t)n;
	from->p += n;
	from->n -= n;
	return front;
}

static void drop_partial(struct rpcgate *g, struct half *half)
{
	buffer_drop(&g->arena, &half->partial);
	half->admitted = false;
}

/* Move up to @p want octets into the partial PDU */
static bool gather(const struct step *s, uint32_t *seq, struct bytes *from, size_t want)
{
	struct half *half = &s->c->half[s->side];
	size_t n = from->n < want ? from->n : want;

	keep(s, *seq, (struct bytes){ from->p, n });
	if (!half->partial.n)
		half->since_ns = s->g->now_ns;
	if (buffer_add(&s->g->arena, &half->partial, cut(seq, from, n)))
		return true;
	event_limit(s->g, LIMIT_BUFFERS, "limit.buffers: a torn PDU could not be held");
	lose(s, RPCGATE_REASON_LIMIT, NULL);
	return false;
}

/* A header was read whose body nobody needs; of a judged request the head is there, too */
static void skip_body(const struct step *s, const struct pdu_header *h, const uint8_t *octets,
		      uint32_t have)
{
	if (have == PDU_REQUEST_HEAD_LEN)
		judge_request(s, h, load16(octets + 20, h->big), load16(octets + 22, h->big));
	s->c->half[s->side].skip = h->frag_length - have;
	recognised(s);
}

/* Elsewhere than on ports of RPC the beginning of a header may be anybody's, who takes his time */
static bool is_late(const struct step *s, const struct half *half)
{
	return s->g->now_ns - half->since_ns > s->g->cfg.pdu_s * NS_PER_S &&
	       (half->partial.n >= PDU_HEADER_LEN || flow_must_be_rpc(s->g, s->f));
}

static void lose_late(const struct step *s, const struct half *half)
{
	struct pdu_header h;
	bool whole = header_parse(s, (struct bytes){ half->partial.p, half->partial.n }, &h) ==
		     PARSE_OK;

	event_limit(s->g, LIMIT_PDU, "timeout.pdu: a PDU that comes too slowly is refused");
	recognised(s);
	s->c->dead = true;
	object(s, RPCGATE_REASON_LIMIT, whole ? &h : NULL);
}

/* Go on with a PDU of which some octets came before */
static void resume(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct half *half = &s->c->half[s->side];
	struct pdu_header h;
	uint32_t want;
	enum parse p;

	if (is_late(s, half)) {
		lose_late(s, half);
		return;
	}
	if (half->partial.n < PDU_HEADER_LEN &&
	    !gather(s, seq, from, PDU_HEADER_LEN - half->partial.n))
		return;
	p = header_parse(s, (struct bytes){ half->partial.p, half->partial.n }, &h);
	if (p == PARSE_BAD && half->resync && s->c->rpc)
		drop_partial(s->g, half); /* it was none */
	else if (p == PARSE_BAD)
		lose_header(s, (struct bytes){ half->partial.p, half->partial.n });
	if (p != PARSE_OK)
		return;
	if (!half->admitted && !header_fits(s, &h))
		return;
	half->admitted = true;
	want = wanted(s, &h);
	if (half->partial.n < want && !gather(s, seq, from, want - half->partial.n))
		return;
	if (half->partial.n < want)
		return;
	if (wants_body(talker(s), h.ptype))
		read_pdu(s, &h, (struct bytes){ half->partial.p, half->partial.n });
	else
		skip_body(s, &h, half->partial.p, half->partial.n);
	drop_partial(s->g, half);
}

/* At a PDU boundary: read in place what is whole, begin a partial PDU with the rest */
static void begin(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct half *half = &s->c->half[s->side];
	struct pdu_header h;
	uint32_t want;

	switch (header_parse(s, *from, &h)) {
	case PARSE_BAD:
		if (half->resync && s->c->rpc)
			cut(seq, from, from->n);
		else
			lose_header(s, *from);
		return;
	case PARSE_MORE:
		gather(s, seq, from, from->n);
		return;
	case PARSE_OK:
		break;
	}
	want = wanted(s, &h);
	if (from->n < want) {
		gather(s, seq, from, PDU_HEADER_LEN);
		resume(s, seq, from);
		return;
	}
	if (!header_fits(s, &h))
		return;
	if (wants_body(talker(s), h.ptype)) {
		keep(s, *seq, (struct bytes){ from->p, h.frag_length });
		read_pdu(s, &h, cut(seq, from, h.frag_length));
	} else {
		keep(s, *seq, (struct bytes){ from->p, want });
		skip_body(s, &h, cut(seq, from, want).p, want);
	}
}

/* An RPC over HTTP server speaks first, with a line of text.  @return true if it was consumed */
static bool read_banner(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct half *half = &s->c->half[s->side];
	size_t have = half->partial.n;
	size_t n = from->n < BANNER_LEN - have ? from->n : BANNER_LEN - have;

	if (half->begun || s->side == s->f->client || have >= BANNER_LEN ||
	    (have && half->partial.p[0] != (uint8_t)banner[0]) ||
	    memcmp(from->p, banner + have, n) != 0)
		return false;
	if (!gather(s, seq, from, n))
		return true;
	if (half->partial.n < BANNER_LEN)
		return true;
	buffer_drop(&s->g->arena, &half->partial);
	half->begun = true;
	if (s->f->client == SIDE_UNKNOWN)
		s->f->client = (uint8_t)!s->side;
	return true;
}

/* A step forward in a stream of PDUs */
static void read_some(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct half *half = &s->c->half[s->side];

	if (half->skip) {
		size_t n = from->n < half->skip ? from->n : half->skip;

		cut(seq, from, n);
		half->skip -= (uint32_t)n;
	} else if (!half->begun && read_banner(s, seq, from)) {
		return;
	} else if (half->partial.n) {
		resume(s, seq, from);
	} else {
		begin(s, seq, from);
	}
}

/* -------------------------------------------------------------------- tunnels */

/* A client may ask for a channel with its first octets, where RPC itself is not expected.
 * @return true if the conversation is a tunnel, or octets were taken because it may become one */
static bool opens_tunnel(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct half *half = &s->c->half[s->side];
	uint8_t start[16];
	size_t n = half->partial.n;

	if (half->begun || s->c->rpc || s->side != s->f->client || n >= sizeof(start) ||
	    (n ? half->partial.p[0] : from->p[0]) != 'R' || flow_must_be_rpc(s->g, s->f))
		return false;
	if (n)
		memcpy(start, half->partial.p, n);
	for (size_t i = 0; i < from->n && n < sizeof(start); i++)
		start[n++] = from->p[i];
	switch (http_begins((struct bytes){ start, n })) {
	case PARSE_BAD:
		return false;
	case PARSE_MORE:
		gather(s, seq, from, from->n);
		return true;
	case PARSE_OK:
		break;
	}
	s->c->tunnel = pool_take(&s->g->tunnels);
	if (!s->c->tunnel) {
		s->c->dead = true;
		event_limit(s->g, LIMIT_TUNNELS, "limit.flows: a sixteenth of them may be tunnels");
		object(s, RPCGATE_REASON_LIMIT, NULL);
	}
	return true;
}

static void read_head(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct half *half = &s->c->half[s->side];
	struct bytes have = { half->partial.p, half->partial.n };
	size_t n = http_head_end(have, *from);
	size_t take = n ? n : from->n;
	bool good = have.n + take <= HTTP_MAX_HEAD;

	if (good && (!gather(s, seq, from, take) || !n))
		return;
	good = good && tunnel_head(TUNNEL_AT(s->g, s->c->tunnel), s->side, s->side == s->f->client,
				   (struct bytes){ half->partial.p, half->partial.n });
	drop_partial(s->g, half);
	if (good)
		return;
	s->c->dead = true;
	object(s, RPCGATE_REASON_MALFORMED_PDU, NULL);
}

/* Heads of text and bodies of known length take turns */
static void read_tunnel(const struct step *s, uint32_t *seq, struct bytes *from)
{
	struct tunnel *t = TUNNEL_AT(s->g, s->c->tunnel);
	uint64_t *left = &t->left[s->side];
	struct bytes part = *from;
	size_t n;

	if (!*left) {
		read_head(s, seq, from);
		return;
	}
	if (part.n > *left)
		part.n = (size_t)*left;
	n = part.n;
	if (t->skipped[s->side])
		cut(seq, &part, n);
	else
		read_some(s, seq, &part);
	n -= part.n;
	from->p += n;
	from->n -= n;
	if (*left != TUNNEL_ENDLESS)
		*left -= n;
	if (!*left) { /* a PDU does not go on in the next body */
		drop_partial(s->g, &s->c->half[s->side]);
		s->c->half[s->side].skip = 0;
	}
}

/* In a head nothing can be found again; in a body the next PDU can */
static void tunnel_gap(struct rpcgate *g, struct conv *c, unsigned side, uint32_t octets)
{
	uint64_t *left = &TUNNEL_AT(g, c->tunnel)->left[side];

	if (*left == TUNNEL_ENDLESS)
		return;
	if (*left <= octets)
		c->dead = true;
	else
		*left -= octets;
}

static void read_all(const struct step *s, uint32_t *seq, struct bytes octets)
{
	while (octets.n && !s->c->dead) {
		if (s->c->tunnel)
			read_tunnel(s, seq, &octets);
		else if (!opens_tunnel(s, seq, &octets))
			read_some(s, seq, &octets);
	}
}

/* What asks for a context and is not there whole: if this engine goes, too, the next one sees an end
 * without a beginning */
static bool asks_by_halves(const struct half *half)
{
	bool asks = half->partial.n >= 3 &&
		    (half->partial.p[2] == PDU_BIND || half->partial.p[2] == PDU_ALTER_CONTEXT);

	return asks || suspect_pending(&half->suspect);
}

/* Whatever may ask for a context must stand where a PDU is to begin, and whole, or nobody would
 * judge it */
static void read_suspicious(const struct step *s, uint32_t seq, struct bytes octets)
{
	struct half *half = &s->c->half[s->side];
	bool hides = half->suspect.n ? suspect_torn(&half->suspect, octets,
						    half->skip ? 0 : half->partial.n) :
				       suspect_begun_before(octets);
	size_t read = 0, next = 0;

	while (!hides && read < octets.n && !s->c->dead) {
		next = suspect_find(octets, next);
		read_all(s, &seq, (struct bytes){ octets.p + read, next - read });
		hides = next < octets.n && (half->skip || half->partial.n);
		read = next++;
	}
	suspect_keep(&half->suspect, octets);
	if (s->c->dead || !(hides || asks_by_halves(half)))
		return;
	s->c->dead = true;
	object(s, RPCGATE_REASON_MIDSTREAM, NULL);
}

void conv_octets(struct rpcgate *g, struct flow *f, unsigned side, uint32_t seq,
		 struct bytes octets)
{
	const struct step s = { g, f, CONV_AT(g, f->conv), side };

	if (s.c->resumed)
		read_suspicious(&s, seq, octets);
	else if (!conv_skips(s.c, side, octets.n))
		read_all(&s, &seq, octets);
}

void conv_gap(struct rpcgate *g, struct flow *f, unsigned side, uint32_t octets)
{
	struct conv *c = CONV_AT(g, f->conv);
	struct half *half = &c->half[side];
	const struct channel *in;

	if (c->tunnel)
		tunnel_gap(g, c, side, octets);
	if (half->skip >= octets && octets) { /* all of it inside a body nobody needs */
		half->skip -= octets;
		return;
	}
	half->skip = 0;
	half->in_call = false;
	half->resync = true;
	drop_partial(g, half);
	calls_drop(g, c);
	c->gap = true;
	in = tunnel_asked(g, c);
	if (in) {
		calls_drop(g, CONV_AT(g, in->conv));
		CONV_AT(g, in->conv)->gap = true;
	}
}

uint32_t conv_new(struct rpcgate *g)
{
	return pool_take(&g->convs);
}

void conv_resume(struct rpcgate *g, uint32_t conv)
{
	struct conv *c = CONV_AT(g, conv);

	c->rpc = true;
	c->approved = true;
	c->resumed = true;
	c->has_bind = true;
	for (unsigned side = 0; side < 2; side++) {
		c->half[side].begun = true;
		c->half[side].resync = true;
	}
	g->stats.flows_rpc++;
	g->stats.flows_midstream++;
}

void conv_free(struct rpcgate *g, uint32_t conv)
{
	struct conv *c = CONV_AT(g, conv);

	if (c->tunnel)
		tunnel_leave(g, conv);
	calls_drop(g, c);
	contexts_drop(g, c);
	buffer_drop(&g->arena, &c->half[0].partial);
	buffer_drop(&g->arena, &c->half[1].partial);
	if (c->tunnel)
		pool_give(&g->tunnels, c->tunnel);
	pool_give(&g->convs, conv);
}
