/* SPDX-License-Identifier: BSD-2-Clause */
/* calls.c - requests and what answers them: judged one by one where a rule wants it, and joined
 * where they ask a mapper (C706 12.6.4.7 to 12.6.4.10) */
#include "conv.h"
#include "tie.h"

#define MAX_FRAGMENTS 1024U /* of one call; a mapper answer of 1 MiB has 250 */

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

void calls_drop(struct rpcgate *g, struct conv *c)
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
		conv_alert(s, why, &pdu->h);
		return;
	}
	conv_object(s, why, &pdu->h);
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
	a = conv_alert(s, j.reason, h);
	a->has_interface = true;
	a->interface = x->interface;
	a->opnum = opnum;
	flow_refuse(s->g, s->f, j.reason);
}

/* The id may stand for two interfaces, or for one that is not accepted yet: all are meant */
void calls_judge(const struct step *s, const struct pdu_header *h, uint16_t context_id,
		 uint16_t opnum)
{
	for (uint32_t i = s->c->contexts; i; i = CONTEXT_AT(s->g, i)->next) {
		const struct context *x = CONTEXT_AT(s->g, i);

		if (x->id == context_id && (x->calls || learn_changes(x->mapper, opnum)))
			judge_call(s, h, x, opnum);
	}
}

/* ------------------------------------------------------------ request, response */

void calls_request(const struct step *s, const struct pdu *pdu)
{
	const struct call_limits limits = call_limits(s->g);
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	const struct context *x;
	struct pdu_call head;
	struct call *call;
	uint32_t *link;

	if (pdu_call_parse(pdu, &head) != PARSE_OK) {
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
		return;
	}
	if (s->c->calls_judged || learn_changes(MAPPER_EPM, head.opnum))
		calls_judge(s, &pdu->h, head.context_id, head.opnum);
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
	conv_alert(s, RPCGATE_REASON_SEALED, &pdu->h)->action = !enforce ? RPCGATE_NONE :
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
		conv_alert(s, RPCGATE_REASON_CONTEXT_NOT_ACCEPTED, &pdu->h);
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
	conv_alert(s, RPCGATE_REASON_NOT_ASKED, &pdu->h);
	flow_refuse(s->g, s->f, RPCGATE_REASON_NOT_ASKED);
}

void calls_response(const struct step *s, const struct pdu *pdu)
{
	const struct call_limits limits = call_limits(s->g);
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct pdu_call head;
	struct call *call;
	uint32_t *link;

	if (pdu_call_parse(pdu, &head) != PARSE_OK) {
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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
		conv_object(s, RPCGATE_REASON_MALFORMED_PDU, &pdu->h);
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
void calls_fault(const struct step *s, const struct pdu *pdu)
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
