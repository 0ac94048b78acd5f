/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "cl.h"
#include "gate.h"
#include "policy.h"

#define UDP_HEADER_LEN 8U

/* conv 3.0 (C706 appendix P): a server asks its client whether a call is new.  The question comes
 * from the server's port, and the client's answer, which names this interface, goes there. */
static const struct rpcgate_syntax conv = { { { 0x33, 0x3a, 0x22, 0x76, 0, 0, 0, 0, 0x0d, 0, 0,
						0x80, 0x9c, 0, 0, 0 } },
					    3,
					    0 };

/* ------------------------------------------------------------------- the rings */

static bool ring_init(struct talk_ring *r, uint32_t capacity)
{
	*r = (struct talk_ring){ .capacity = capacity };
	r->at = calloc((size_t)capacity + 1, sizeof(*r->at));
	return r->at && table_init(&r->table, capacity);
}

static void ring_done(struct talk_ring *r)
{
	free(r->at);
	table_done(&r->table);
}

bool talks_init(struct talks *t, uint32_t capacity)
{
	*t = (struct talks){ 0 };
	return ring_init(&t->allowed, capacity) && ring_init(&t->refused, capacity);
}

void talks_done(struct talks *t)
{
	ring_done(&t->allowed);
	ring_done(&t->refused);
	*t = (struct talks){ 0 };
}

static uint64_t hash_of(const struct rpcgate *g, const struct talk_key *key)
{
	uint64_t word[sizeof(*key) / 8];

	_Static_assert(sizeof(*key) == 80, "the key has no padding");
	memcpy(word, key, sizeof(word));
	return hash_words(&g->key, word, ARRAY_SIZE(word));
}

static bool is_idle(const struct rpcgate *g, const struct talk *t)
{
	return g->now_ns - t->last_ns > (uint64_t)g->cfg.flow_idle_s * NS_PER_S;
}

/* A talk that is idle has ended; NULL if there is none */
static struct talk *ring_find(const struct rpcgate *g, const struct talk_ring *r,
			      const struct talk_key *key, uint64_t hash)
{
	uint32_t probe;

	for (uint32_t i = table_first(&r->table, hash, &probe); i;
	     i = table_next(&r->table, hash, &probe))
		if (memcmp(&r->at[i].key, key, sizeof(*key)) == 0)
			return is_idle(g, &r->at[i]) ? NULL : &r->at[i];
	return NULL;
}

static void ring_drop(struct talk_ring *r, const struct talk_key *key, uint64_t hash)
{
	uint32_t probe;

	for (uint32_t i = table_first(&r->table, hash, &probe); i;
	     i = table_next(&r->table, hash, &probe))
		if (memcmp(&r->at[i].key, key, sizeof(*key)) == 0) {
			table_remove(&r->table, hash, i);
			r->at[i].hash = 0;
			r->at[i].last_ns = 0;
			r->at[i].key = (struct talk_key){ 0 };
			return;
		}
}

static struct talk *ring_add(struct rpcgate *g, struct talk_ring *r, const struct talk_key *key,
			     uint64_t hash)
{
	uint32_t i = r->latest % r->capacity + 1;
	struct talk *t = &r->at[i];

	ring_drop(r, key, hash); /* an idle one */
	if (t->key.server_port) {
		if (!is_idle(g, t))
			event_limit(g, LIMIT_UDP_TALKS,
				    "max_udp_talks: the oldest talk over UDP is judged anew");
		table_remove(&r->table, t->hash, i);
	}
	r->latest = i;
	*t = (struct talk){ .key = *key, .hash = hash };
	t->flow_id = ++g->flows.last_id;
	table_add(&r->table, hash, i);
	return t;
}

/* ------------------------------------------------------------------ the datagram */

enum shape { SHAPE_RPC, SHAPE_OTHER, SHAPE_CUT };

/* Of a capture that cuts packets short the header is enough, if it is there */
static enum shape shape_of(const struct packet *p, struct cl_pdu *pdu)
{
	uint32_t length = load16(p->l4.p + 4, true);
	struct bytes in;

	if (length < UDP_HEADER_LEN || length > p->l4_len)
		return SHAPE_OTHER;
	in = (struct bytes){ p->l4.p + UDP_HEADER_LEN, p->l4.n - UDP_HEADER_LEN };
	if (length - UDP_HEADER_LEN < in.n)
		in.n = length - UDP_HEADER_LEN;
	if (in.n < length - UDP_HEADER_LEN)
		return cl_header_parse(in, pdu) == PARSE_OK ? SHAPE_RPC : SHAPE_CUT;
	return cl_parse(in, pdu) == PARSE_OK ? SHAPE_RPC : SHAPE_OTHER;
}

static struct flow flow_of(const struct packet *p, uint32_t zone, bool from_client)
{
	struct flow f = { .udp = true, .n_vlan = p->n_vlan, .vlan = { p->vlan[0], p->vlan[1] } };

	f.key = (struct flow_key){ { p->src, p->dst }, { p->src_port, p->dst_port }, zone };
	f.client = from_client ? 0 : 1;
	return f;
}

static struct talk_key key_of(const struct flow *f, const struct cl_pdu *pdu)
{
	struct talk_key key = { .client = *client_addr(f),
				.server = *server_addr(f),
				.zone = f->key.zone,
				.client_port = client_port(f),
				.server_port = server_port(f) };

	if (pdu) {
		key.activity = pdu->activity;
		key.interface = pdu->interface.uuid;
		key.major = pdu->interface.major;
		key.minor = pdu->interface.minor;
	}
	return key;
}

static struct pinhole *pinhole_of(struct rpcgate *g, const struct flow *f)
{
	struct pinhole_key key = pinhole_key_of(f, server_port(f));

	return pinhole_find(g, &key);
}

/* ------------------------------------------------------------------- what is told */

static enum rpcgate_action action_of(const struct rpcgate *g, enum rpcgate_verdict verdict)
{
	if (g->cfg.mode == RPCGATE_OBSERVE)
		return RPCGATE_NONE;
	return verdict == RPCGATE_DENY ? RPCGATE_DROP : RPCGATE_PASS;
}

/* The sender of a datagram is not told: whoever forges one would have somebody else told */
static void drop(struct rpcgate *g, enum rpcgate_reason reason)
{
	g->stats.udp_refused++;
	if (g->cfg.mode != RPCGATE_ENFORCE)
		return;
	g->result.action = RPCGATE_DROP;
	g->result.reason = reason;
}

static void tell_alert(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu,
		       enum rpcgate_reason reason)
{
	struct rpcgate_alert_event *a = event_alert(g, f, reason);

	a->action = action_of(g, RPCGATE_DENY);
	if (!pdu)
		return;
	a->ptype = pdu->ptype;
	a->call_id = pdu->sequence;
	a->opnum = pdu->opnum;
	a->has_interface = true;
	a->interface = pdu->interface;
}

static void tell_talk(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu,
		      const struct judgement *j)
{
	struct rpcgate_event *event = event_new(g, RPCGATE_EVENT_BIND, f);

	event->parent_id = j->parent;
	event->u.bind = (struct rpcgate_bind_event){
		.pdu = RPCGATE_PDU_REQUEST,
		.verdict = j->verdict,
		.action = action_of(g, j->verdict),
		.reason = j->reason,
		.interface = pdu->interface,
		.auth_type = pdu->auth_protocol,
		.call_id = pdu->sequence,
		.pinhole_id = j->pinhole_id,
		.has_age = j->has_age,
		.age_ns = j->age_ns,
		.rule_line = j->rule_line,
		.rule_file = j->rule_file,
		.rule_name = j->rule_name,
	};
	g->stats.binds_allowed += j->verdict == RPCGATE_ALLOW;
	g->stats.binds_logged += j->verdict == RPCGATE_LOG;
	g->stats.binds_denied += j->verdict == RPCGATE_DENY;
	if (j->verdict == RPCGATE_DENY)
		tell_alert(g, f, pdu, j->reason);
}

static void tell_call(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu,
		      const struct judgement *j)
{
	event_new(g, RPCGATE_EVENT_CALL, f)->u.call = (struct rpcgate_call_event){
		.verdict = j->verdict,
		.action = action_of(g, j->verdict),
		.reason = j->reason,
		.interface = pdu->interface,
		.opnum = pdu->opnum,
		.auth_level = AUTH_LEVEL_NONE,
		.call_id = pdu->sequence,
		.rule_line = j->rule_line,
		.rule_file = j->rule_file,
		.rule_name = j->rule_name,
	};
	g->stats.calls_judged++;
	g->stats.calls_denied += j->verdict == RPCGATE_DENY;
	if (j->verdict == RPCGATE_DENY)
		tell_alert(g, f, pdu, j->reason);
}

/* ------------------------------------------------------------------ from a client */

/* Told when it is new, and when the reason is another than before */
static void refuse(struct rpcgate *g, struct flow *f, const struct cl_pdu *pdu,
		   const struct judgement *j)
{
	struct talk_key key = key_of(f, pdu);
	uint64_t hash = hash_of(g, &key);
	struct talk *t = ring_find(g, &g->talks.refused, &key, hash);
	bool news = !t || t->reason != j->reason;

	if (!t)
		t = ring_add(g, &g->talks.refused, &key, hash);
	t->last_ns = g->now_ns;
	t->reason = (uint8_t)j->reason;
	f->id = t->flow_id;
	if (news && pdu)
		tell_talk(g, f, pdu, j);
	else if (news)
		tell_alert(g, f, NULL, j->reason);
	drop(g, j->reason);
}

/* A request that is sent again, or in pieces, is told once; each piece names the operation */
static void judge_call(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu,
		       struct talk *t)
{
	struct judgement j;

	if (pdu->ptype != CL_REQUEST || !t->calls ||
	    !policy_judge_call(g, f, &pdu->interface, false, pdu->opnum, AUTH_LEVEL_NONE, &j))
		return;
	if (!t->has_called || t->called != pdu->sequence)
		tell_call(g, f, pdu, &j);
	t->has_called = true;
	t->called = pdu->sequence;
	if (j.verdict == RPCGATE_DENY)
		drop(g, j.reason);
}

static void from_client(struct rpcgate *g, struct flow *f, const struct cl_pdu *pdu)
{
	struct talk_key key = key_of(f, pdu);
	uint64_t hash = hash_of(g, &key);
	struct talk *t = ring_find(g, &g->talks.allowed, &key, hash);
	struct judgement j;

	g->stats.udp_judged++;
	if (!t) {
		j = judge_datagram(g, f, &pdu->interface);
		if (j.verdict == RPCGATE_DENY) {
			refuse(g, f, pdu, &j);
			return;
		}
		t = ring_add(g, &g->talks.allowed, &key, hash);
		t->reason = (uint8_t)j.reason;
		t->calls = j.calls;
		f->id = t->flow_id;
		tell_talk(g, f, pdu, &j);
	}
	f->id = t->flow_id;
	t->last_ns = g->now_ns;
	judge_call(g, f, pdu, t);
}

static void not_rpc(struct rpcgate *g, struct flow *f)
{
	const struct judgement j = { .verdict = RPCGATE_DENY, .reason = RPCGATE_REASON_NOT_RPC };

	g->stats.udp_judged++;
	refuse(g, f, NULL, &j);
}

/* ------------------------------------------------------------------ from a server */

/* An answer shows that the endpoint is there, as an accepted bind does */
static void from_server(struct rpcgate *g, struct flow *f, const struct cl_pdu *pdu,
			struct pinhole *p)
{
	struct talk_key key = key_of(f, pdu);
	struct talk *t = ring_find(g, &g->talks.allowed, &key, hash_of(g, &key));
	struct grant *grant;

	if (!t || pdu->ptype != CL_RESPONSE)
		return;
	t->last_ns = g->now_ns;
	if (t->used)
		return;
	grant = pinhole_grant(g, p, &pdu->interface);
	if (!grant || !grant->open)
		return;
	t->used = true;
	f->id = t->flow_id;
	pinhole_use(g, f, p, grant);
}

/* -------------------------------------------------------------------- which way */

static bool is_conv(const struct cl_pdu *pdu)
{
	return uuid_equal(&pdu->interface.uuid, &conv.uuid) && pdu->interface.major == conv.major;
}

/* What only a server says, and what it asks of its client */
static bool is_servers(const struct cl_pdu *pdu)
{
	switch (pdu->ptype) {
	case CL_REQUEST:
		return is_conv(pdu);
	case CL_PING:
	case CL_ACK:
	case CL_CANCEL:
		return false;
	default:
		return true;
	}
}

/* The mapper and the resolver are there for everybody, as on TCP */
static bool is_mappers(const struct cl_pdu *pdu, uint16_t port)
{
	return port == DATAGRAM_MAPPER_PORT && mapper_kind_of(&pdu->interface);
}

/* A request to the dynamic range of a server that announced nothing to this client is a request
 * to another client's port, or to none.  Who asks for conv is a server whose port was not
 * announced, and asks a client. */
static bool concerns_us(const struct rpcgate *g, const struct pinhole *p, enum shape shape,
			const struct cl_pdu *pdu, uint16_t port)
{
	if (p)
		return shape == SHAPE_RPC || p->n_open;
	return shape == SHAPE_RPC && pdu->ptype == CL_REQUEST && !is_conv(pdu) &&
	       !is_mappers(pdu, port) && (is_dynamic_port(g, port) || port == DATAGRAM_MAPPER_PORT);
}

/* The answer to a server that asks who its client is names conv, too */
static bool answers_conv(const struct cl_pdu *pdu)
{
	return pdu->ptype != CL_REQUEST && is_conv(pdu);
}

void talk_read(struct rpcgate *g, const struct packet *p, uint32_t zone)
{
	struct flow to_server, to_client;
	struct pinhole *asked, *answered;
	struct cl_pdu pdu = { 0 };
	enum shape shape;

	if (!g->talks.opened && !policy_asks_udp(g->policy))
		return;
	shape = shape_of(p, &pdu);
	to_server = flow_of(p, zone, true);
	to_client = flow_of(p, zone, false);
	asked = pinhole_of(g, &to_server);
	answered = pinhole_of(g, &to_client);
	/* two hosts may be each other's server: then the PDU tells */
	if (answered && (shape == SHAPE_RPC ? is_servers(&pdu) : !asked)) {
		if (shape == SHAPE_RPC)
			from_server(g, &to_client, &pdu, answered);
		return;
	}
	if (!concerns_us(g, asked, shape, &pdu, p->dst_port))
		return;
	if (shape == SHAPE_OTHER)
		not_rpc(g, &to_server);
	else if (shape == SHAPE_RPC && !(asked && asked->n_open && answers_conv(&pdu)))
		from_client(g, &to_server, &pdu);
}
