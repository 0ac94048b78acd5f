/* SPDX-License-Identifier: BSD-2-Clause */
/* learn.c - answers of the mapper, and of DCOM's resolver and activators, become bindings, and some
 * of them pinholes
 *
 * The key of what is opened is the address on the wire, never the tower's: a server can only
 * announce itself.  A tower that may not be used is told with its reason and skipped; it never
 * ends the walk over the others.
 */
#include "gate.h"

#define TCP_FLOORS 5U

struct lesson {
	struct rpcgate *g;
	const struct flow *f;
	const struct conv *c;
	const struct epm_request *request; /* of the endpoint mapper; NULL otherwise */
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

enum rpcgate_reason learn_port_reason(const struct rpcgate *g, uint16_t port)
{
	if (!port)
		return RPCGATE_REASON_PORT_ZERO;
	if (port < 1024)
		return RPCGATE_REASON_PORT_PRIVILEGED;
	if (is_reserved_port(g, port))
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

/* May the connection be believed at all?  What is refused says nothing more where enforcing: it
 * teaches nothing where observing, either. */
static enum rpcgate_reason connection_reason(const struct lesson *l)
{
	if (!is_mapper_port(l->g, server_port(l->f)))
		return RPCGATE_REASON_MAPPER_UNLISTED;
	if (l->f->disbelieved)
		return l->f->why ? (enum rpcgate_reason)l->f->why : RPCGATE_REASON_STREAM_CONFLICT;
	if (l->c && l->c->gap) /* datagrams have no conversation */
		return RPCGATE_REASON_REASSEMBLY_GAP;
	if (l->f->midstream && l->g->cfg.midstream != RPCGATE_MIDSTREAM_INSPECT)
		return RPCGATE_REASON_MIDSTREAM;
	return RPCGATE_REASON_NONE;
}

/* A port of UDP is opened only where a rule asks for it */
static bool wanted_over_udp(const struct lesson *l, const struct tower *t)
{
	return t->protseq == RPCGATE_NCADG_IP_UDP && policy_over_udp(l->g, l->f, &t->interface);
}

static enum rpcgate_reason tower_reason(const struct lesson *l, const struct tower *t)
{
	enum rpcgate_reason reason;

	if (!tcp_like(t) && !wanted_over_udp(l, t))
		return RPCGATE_REASON_NOT_TCP_TOWER;
	/* interface, syntax, protocol, port, address: no server sends another shape */
	if (t->n_floors != TCP_FLOORS ||
	    (!syntax_is_ndr(&t->transfer) && !syntax_is_ndr64(&t->transfer)))
		return RPCGATE_REASON_MALFORMED_TOWER;
	if (!as_asked(l->request, t))
		return RPCGATE_REASON_WRONG_UUID;
	reason = learn_port_reason(l->g, t->port);
	if (reason)
		return reason;
	/* the ports of a mapper behind a proxy are behind it, too */
	if (l->c && l->c->tunnel)
		return RPCGATE_REASON_MAPPER_UNLISTED;
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

static struct rpcgate_binding_event *tell_binding(const struct lesson *l,
						  const struct epm_entry *entry,
						  enum rpcgate_source source,
						  enum rpcgate_reason reason)
{
	struct rpcgate_binding_event *b = &event_new(l->g, RPCGATE_EVENT_BINDING, l->f)->u.binding;
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
	b->target = tunnel_target(l->g, l->c);
	l->g->stats.bindings++;
	l->g->stats.bindings_accepted += !reason;
	l->g->stats.bindings_foreign += reason == RPCGATE_REASON_TOWER_ADDRESS;
	return b;
}

/* A record is kept of every usable endpoint, opened or merely listed */
static bool worth_a_record(enum rpcgate_reason reason)
{
	return reason == RPCGATE_REASON_NONE || reason == RPCGATE_REASON_LOOKUP_ONLY ||
	       reason == RPCGATE_REASON_LIMIT;
}

static enum rpcgate_reason open_tower(const struct lesson *l, const struct tower *t,
				      enum rpcgate_source source)
{
	bool udp = t->protseq == RPCGATE_NCADG_IP_UDP;
	enum rpcgate_reason reason = pinhole_open(l->g, l->f, udp ? IP_PROTO_UDP : IP_PROTO_TCP,
						  t->port, &t->interface, source);

	l->g->talks.opened |= udp && !reason;
	return reason;
}

/* Where another program has registered the interface, the port is all that differs.  Listings name
 * all ports of an interface, and HTTP has ports of its own. */
static uint16_t remember(const struct lesson *l, const struct tower *t, enum rpcgate_source source,
			 enum rpcgate_reason reason)
{
	if (!reason && source == RPCGATE_EPT_MAP && t->protseq == RPCGATE_NCACN_IP_TCP)
		return binding_announce(l->g, l->f, t->port, &t->interface);
	if (worth_a_record(reason))
		binding_record(l->g, l->f, t->port, &t->interface,
			       reason != RPCGATE_REASON_LOOKUP_ONLY);
	return 0;
}

static void learn_entry(const struct lesson *l, const struct epm_entry *entry)
{
	enum rpcgate_source source = l->request->opnum == EPM_MAP ? RPCGATE_EPT_MAP :
								    RPCGATE_EPT_LOOKUP;
	enum rpcgate_reason reason;
	uint16_t from;

	if (!entry->has_tower)
		return;
	reason = tower_reason(l, &entry->tower);
	if (!reason)
		reason = open_tower(l, &entry->tower, source);
	from = remember(l, &entry->tower, source, reason);
	tell_binding(l, entry, source, reason)->moved_from = from;
	l->g->stats.bindings_moved += from != 0;
}

/* What was announced lies anywhere in large tables: it is called for before it is looked at */
static void expect_towers(const struct rpcgate *g, const struct flow *f,
			  const struct epm_answer *answer)
{
	for (uint32_t i = 0; i < answer->n_kept; i++) {
		const struct tower *t = &answer->kept[i];
		const struct pinhole_key key = pinhole_key_of(f, t->port);

		if (!tcp_like(t))
			continue;
		pinhole_expect(g, &key);
		binding_expect(g, f, t->port, &t->interface);
	}
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
			  const struct context *context, enum rpcgate_reason why)
{
	struct rpcgate_alert_event *a = event_alert(g, f, why);

	a->ptype = PDU_RESPONSE;
	a->call_id = call->call_id;
	a->opnum = call->request.opnum;
	a->has_interface = true;
	a->interface = context->interface;
	g->stats.answers_malformed++;
}

static struct bytes stub_of(const struct joined *j)
{
	return (struct bytes){ j->stub.p, j->stub.n };
}

static struct ndr ndr_stub(const struct joined *j, const struct context *context)
{
	return ndr_of(stub_of(j), j->big, syntax_is_ndr64(&context->transfer));
}

static void learn_epm(struct rpcgate *g, const struct flow *f, const struct conv *c,
		      const struct call *call, const struct context *context)
{
	const struct epm_limits limits = { g->cfg.max_towers, g->cfg.max_lookup_entries };
	uint16_t opnum = call->request.opnum;
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_request request;
	struct epm_answer answer;
	struct epm_entry entry;
	struct lesson lesson = { g, f, c, &request };

	if (epm_request_parse(ndr_stub(&call->request, context), opnum, &request, &why) !=
		    PARSE_OK ||
	    epm_answer_parse(ndr_stub(&call->response, context), opnum, &request, &limits, &answer,
			     &why) != PARSE_OK) {
		refuse_answer(g, f, call, context, why);
		return;
	}
	g->stats.answers++;
	if (!usable(g, f, &answer))
		return;
	expect_towers(g, f, &answer);
	while (epm_next(&answer, &entry))
		learn_entry(&lesson, &entry);
}

/* A tower for TCP that was announced over UDP opens nothing: who sent it, nobody can know.  A tower
 * for UDP opens where a rule asks for it: its author chose to trust datagrams. */
void learn_datagram(struct rpcgate *g, const struct flow *f, const struct epm_request *request,
		    struct epm_answer *answer)
{
	const struct lesson lesson = { g, f, NULL, request };
	struct epm_entry entry;

	g->stats.answers++;
	if (!usable(g, f, answer))
		return;
	while (epm_next(answer, &entry))
		if (entry.has_tower && wanted_over_udp(&lesson, &entry.tower))
			learn_entry(&lesson, &entry);
		else if (entry.has_tower)
			(void)tell_binding(&lesson, &entry,
					   request->opnum == EPM_MAP ? RPCGATE_EPT_MAP :
								       RPCGATE_EPT_LOOKUP,
					   tcp_like(&entry.tower) ? RPCGATE_REASON_MAPPER_UNLISTED :
								    RPCGATE_REASON_NOT_TCP_TOWER);
}

/* --------------------------------------------------------------------- DCOM */

/* What every object exporter has on its ports (MS-DCOM 3.1.1.5.6, 3.1.1.5.7) */
static const struct rpcgate_syntax rem_unknown[] = {
	{ { { 0, 0, 0x01, 0x43, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } }, 0, 0 },
	{ { { 0, 0, 0x01, 0x31, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } }, 0, 0 },
};

bool is_remunknown(const struct rpcgate_syntax *interface)
{
	for (size_t i = 0; i < ARRAY_SIZE(rem_unknown); i++)
		if (uuid_equal(&rem_unknown[i].uuid, &interface->uuid) &&
		    rem_unknown[i].major == interface->major)
			return true;
	return false;
}

/* An answer with string bindings */
struct strings_lesson {
	struct lesson lesson;
	enum rpcgate_source source;
	bool announces;                         /* not the resolver's own addresses */
	const struct activation_request *asked; /* NULL for the resolver, which is not asked */
	const struct activation_answer *given;
	uint32_t n_ports; /* tried already: one port has several names */
	struct {
		uint16_t port;
		enum rpcgate_reason reason;
	} port[OXID_MAX_STRINGS];
};

static enum rpcgate_reason open_interface(const struct strings_lesson *l, uint16_t port,
					  const struct rpcgate_syntax *interface)
{
	enum rpcgate_reason reason =
		pinhole_open(l->lesson.g, l->lesson.f, IP_PROTO_TCP, port, interface, l->source);

	if (worth_a_record(reason))
		binding_record(l->lesson.g, l->lesson.f, port, interface, true);
	return reason;
}

/* An exporter's port is open when its first interface is; more of them may meet a limit, which is
 * told with the pinhole */
static enum rpcgate_reason open_port(const struct strings_lesson *l, uint16_t port)
{
	enum rpcgate_reason reason = open_interface(l, port, &rem_unknown[0]);
	struct rpcgate_syntax interface = { 0 };
	uint32_t i = 0;

	if (reason)
		return reason;
	for (size_t k = 1; k < ARRAY_SIZE(rem_unknown); k++)
		(void)open_interface(l, port, &rem_unknown[k]);
	while (l->asked && activation_next(l->asked, l->given, &i, &interface.uuid))
		(void)open_interface(l, port, &interface);
	return RPCGATE_REASON_NONE;
}

static enum rpcgate_reason open_port_once(struct strings_lesson *l, uint16_t port)
{
	for (uint32_t i = 0; i < l->n_ports; i++)
		if (l->port[i].port == port)
			return l->port[i].reason;
	l->port[l->n_ports].port = port;
	l->port[l->n_ports].reason = open_port(l, port);
	return l->port[l->n_ports++].reason;
}

/* Names are not resolved: whose they are does not matter, as what is opened is the server's own
 * address on the wire.  Servers name themselves first, and over IPv6 or behind address translation
 * in no other way that would fit. */
static bool host_fits(const struct lesson *l, const struct string_binding *b)
{
	return l->g->cfg.tower_address == RPCGATE_TOWER_ANY || b->kind == HOST_NAME ||
	       (b->kind == HOST_ADDRESS && addr_equal(&b->ip, server_addr(l->f)));
}

static enum rpcgate_reason string_reason(const struct strings_lesson *l,
					 const struct string_binding *b)
{
	enum rpcgate_reason reason;

	if (!l->announces)
		return RPCGATE_REASON_WRONG_CALL;
	if (b->protseq != RPCGATE_NCACN_IP_TCP) /* of HTTP, whose exporters are behind proxies */
		return RPCGATE_REASON_NOT_TCP_TOWER;
	reason = learn_port_reason(l->lesson.g, b->port);
	if (reason)
		return reason;
	if (!host_fits(&l->lesson, b))
		return RPCGATE_REASON_TOWER_ADDRESS;
	return connection_reason(&l->lesson);
}

static void tell_string(const struct strings_lesson *l, const struct string_binding *s,
			enum rpcgate_reason reason)
{
	struct rpcgate *g = l->lesson.g;
	struct rpcgate_binding_event *b =
		&event_new(g, RPCGATE_EVENT_BINDING, l->lesson.f)->u.binding;

	b->source = l->source;
	b->protseq = s->protseq;
	b->interface = rem_unknown[0];
	b->any_interface = true;
	b->server = *server_addr(l->lesson.f);
	b->has_tower_ip = s->kind == HOST_ADDRESS;
	b->tower_ip = s->ip;
	b->accepted = !reason;
	b->reason = reason;
	b->port = s->port;
	if (!b->has_tower_ip)
		b->endpoint_len = copy_text(b->endpoint, sizeof(b->endpoint),
					    (struct bytes){ s->host, s->host_len });
	g->stats.bindings++;
	g->stats.bindings_accepted += !reason;
	g->stats.bindings_foreign += reason == RPCGATE_REASON_TOWER_ADDRESS;
}

static void learn_strings(struct strings_lesson *l, struct dual_strings strings)
{
	struct string_binding s;

	while (dual_strings_next(&strings, &s)) {
		enum rpcgate_reason reason;

		if (!s.port)
			continue;
		reason = string_reason(l, &s);
		if (!reason)
			reason = open_port_once(l, s.port);
		tell_string(l, &s, reason);
	}
}

/* As usable(), for answers with string bindings */
static bool strings_usable(struct rpcgate *g, const struct flow *f, bool ok,
			   const struct dual_strings *strings)
{
	g->stats.answers++;
	if (!ok || !strings->n)
		g->stats.answers_unusable++;
	if (!ok && strings->n)
		event_alert(g, f, RPCGATE_REASON_STATUS_NOT_OK);
	return ok;
}

static void learn_oxid(struct rpcgate *g, const struct flow *f, const struct conv *c,
		       const struct call *call, const struct context *context)
{
	uint16_t opnum = call->request.opnum;
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct strings_lesson l = { .lesson = { g, f, c, NULL }, .source = RPCGATE_OXID };
	struct oxid_request request;
	struct oxid_answer answer;

	if (oxid_request_parse(ndr_stub(&call->request, context), opnum, &request, &why) !=
		    PARSE_OK ||
	    oxid_answer_parse(ndr_stub(&call->response, context), opnum, &answer, &why) !=
		    PARSE_OK) {
		refuse_answer(g, f, call, context, why);
		return;
	}
	l.announces = opnum != OXID_SERVER_ALIVE2;
	if (strings_usable(g, f, !answer.status, &answer.bindings))
		learn_strings(&l, answer.bindings);
}

static enum activation_call activation_call_of(enum mapper_kind kind, uint16_t opnum)
{
	if (kind == MAPPER_ACTIVATION)
		return ACTIVATION_REMOTE_ACTIVATION;
	return opnum == SCM_GET_CLASS_OBJECT ? ACTIVATION_GET_CLASS_OBJECT :
					       ACTIVATION_CREATE_INSTANCE;
}

/* A request that cannot be read asks for nothing: its answer opens what every exporter has */
static void learn_activation(struct rpcgate *g, const struct flow *f, const struct conv *c,
			     const struct call *call, const struct context *context)
{
	enum activation_call which = activation_call_of(context->mapper, call->request.opnum);
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct activation_request request = { 0 };
	struct activation_answer answer;
	struct strings_lesson l = {
		.lesson = { g, f, c, NULL },
		.source = RPCGATE_ACTIVATION,
		.announces = true,
		.asked = &request,
		.given = &answer,
	};

	if (activation_answer_parse(ndr_stub(&call->response, context), which, &answer, &why) !=
	    PARSE_OK) {
		refuse_answer(g, f, call, context, why);
		return;
	}
	if (activation_request_parse(ndr_stub(&call->request, context), which, &request, &why) !=
	    PARSE_OK)
		request = (struct activation_request){ 0 };
	if (strings_usable(g, f, answer.done || answer.unsupported, &answer.bindings))
		learn_strings(&l, answer.bindings);
}

/* ------------------------------------------------------------------ all kinds */

typedef void learner(struct rpcgate *g, const struct flow *f, const struct conv *c,
		     const struct call *call, const struct context *context);

static const struct {
	learner *learn;
	uint32_t opnums; /* a bit for each that announces */
} by_kind[] = {
	[MAPPER_EPM] = { learn_epm, 1U << EPM_LOOKUP | 1U << EPM_MAP },
	[MAPPER_OXID] = { learn_oxid,
			  1U << OXID_RESOLVE | 1U << OXID_RESOLVE2 | 1U << OXID_SERVER_ALIVE2 },
	[MAPPER_ACTIVATION] = { learn_activation, 1U << REMOTE_ACTIVATION },
	[MAPPER_SCM] = { learn_activation, 1U << SCM_GET_CLASS_OBJECT | 1U << SCM_CREATE_INSTANCE },
};

bool learn_announces(enum mapper_kind kind, uint16_t opnum)
{
	return opnum < 32 && (by_kind[kind].opnums >> opnum & 1);
}

bool learn_changes(enum mapper_kind kind, uint16_t opnum)
{
	static const uint32_t opnums = 1U << EPM_INSERT | 1U << EPM_DELETE | 1U << EPM_MGMT_DELETE;

	return kind == MAPPER_EPM && opnum < 32 && (opnums >> opnum & 1);
}

void learn_answer(struct rpcgate *g, const struct flow *f, const struct conv *c,
		  const struct call *call, const struct context *context)
{
	if (learn_announces(context->mapper, call->request.opnum))
		by_kind[context->mapper].learn(g, f, c, call, context);
}
