/* SPDX-License-Identifier: BSD-2-Clause */
/* datagram.c - requests and answers of the endpoint mapper on UDP 135 (C706 chapter 12.5)
 *
 * A request is remembered until its answer comes or its place is needed; the first answer counts,
 * repeated ones say nothing new.  Calls in several datagrams are counted, not joined.
 */
#include <stdlib.h>

#include "cl.h"
#include "gate.h"

#define UDP_HEADER_LEN 8U
#define ANSWER_WITHIN_NS (60 * NS_PER_S) /* C706 clients give up after 30 s by default */

bool datagrams_init(struct datagrams *d, uint32_t capacity)
{
	*d = (struct datagrams){ .capacity = capacity };
	d->call = calloc((size_t)capacity + 1, sizeof(*d->call));
	if (d->call && table_init(&d->table, capacity))
		return true;
	datagrams_done(d);
	return false;
}

void datagrams_done(struct datagrams *d)
{
	free(d->call);
	table_done(&d->table);
	*d = (struct datagrams){ 0 };
}

/* ------------------------------------------------------------------- the table */

static uint64_t hash_of(const struct rpcgate *g, const struct datagram_key *key)
{
	uint64_t word[sizeof(*key) / 8];

	_Static_assert(sizeof(*key) == 64, "the key has no padding");
	memcpy(word, key, sizeof(word));
	return hash_words(&g->key, word, ARRAY_SIZE(word));
}

static struct datagram_call *call_find(struct rpcgate *g, const struct datagram_key *key,
				       uint64_t hash)
{
	struct datagrams *d = &g->datagrams;
	uint32_t probe;

	for (uint32_t i = table_first(&d->table, hash, &probe); i;
	     i = table_next(&d->table, hash, &probe))
		if (memcmp(&d->call[i].key, key, sizeof(*key)) == 0)
			return &d->call[i];
	return NULL;
}

/* The place of the oldest call, whether it was answered or not */
static struct datagram_call *call_new(struct rpcgate *g, const struct datagram_key *key,
				      uint64_t hash)
{
	struct datagrams *d = &g->datagrams;
	uint32_t i = d->latest % d->capacity + 1;
	struct datagram_call *call = &d->call[i];

	if (d->used == d->capacity) {
		if (!call->answered && g->now_ns - call->asked_ns <= ANSWER_WITHIN_NS)
			event_limit(g, LIMIT_UDP_CALLS,
				    "max_udp_calls: the oldest call over UDP is not used");
		table_remove(&d->table, call->hash, i);
	} else {
		d->used++;
	}
	d->latest = i;
	*call = (struct datagram_call){ .key = *key, .hash = hash };
	call->flow_id = ++g->flows.last_id;
	table_add(&d->table, hash, i);
	return call;
}

/* ------------------------------------------------------------------ the datagram */

/* Who asks whom, as a flow to tell events about */
static struct flow ends_of(const struct packet *p, uint32_t zone, bool from_client)
{
	struct flow f = { .udp = true, .n_vlan = p->n_vlan, .vlan = { p->vlan[0], p->vlan[1] } };

	f.key = (struct flow_key){ { p->src, p->dst }, { p->src_port, p->dst_port }, zone };
	f.client = from_client ? 0 : 1;
	return f;
}

static struct datagram_key key_of(const struct flow *f, const struct cl_pdu *pdu)
{
	return (struct datagram_key){ .client = *client_addr(f),
				      .server = *server_addr(f),
				      .activity = pdu->activity,
				      .sequence = pdu->sequence,
				      .zone = f->key.zone,
				      .client_port = client_port(f) };
}

static struct ndr stub_of(const struct cl_pdu *pdu)
{
	return ndr_of(pdu->body, pdu->big, false);
}

/* A call in pieces is not joined, one that is encrypted cannot be read */
static bool readable(const struct cl_pdu *pdu)
{
	return !(pdu->flags1 & CL_FRAGMENT) && !pdu->auth_protocol;
}

/* Not told to the sender: whoever forges one would have somebody else told */
static void judge_change(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu)
{
	const bool enforce = g->cfg.mode == RPCGATE_ENFORCE;
	struct rpcgate_alert_event *a;
	struct judgement j;

	if (policy_judge_call(g, f, &pdu->interface, true, pdu->opnum, AUTH_LEVEL_NONE, &j) &&
	    j.verdict != RPCGATE_DENY)
		return;
	a = event_alert(g, f, RPCGATE_REASON_OPNUM_DENIED);
	a->action = enforce ? RPCGATE_DROP : RPCGATE_NONE;
	a->ptype = pdu->ptype;
	a->call_id = pdu->sequence;
	a->has_interface = true;
	a->interface = pdu->interface;
	a->opnum = pdu->opnum;
	g->stats.udp_refused++;
	if (!enforce)
		return;
	g->result.action = RPCGATE_DROP;
	g->result.reason = RPCGATE_REASON_OPNUM_DENIED;
}

static void on_request(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu,
		       uint32_t outdev)
{
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct datagram_key key = key_of(f, pdu);
	uint64_t hash = hash_of(g, &key);
	struct datagram_call *call = call_find(g, &key, hash);
	struct epm_request request = { .opnum = pdu->opnum };

	if (learn_changes(MAPPER_EPM, pdu->opnum))
		judge_change(g, f, pdu);
	if (!learn_announces(MAPPER_EPM, pdu->opnum))
		return;
	if (call && g->now_ns - call->asked_ns <= ANSWER_WITHIN_NS)
		return; /* sent again */
	if (readable(pdu) &&
	    epm_request_parse(stub_of(pdu), pdu->opnum, &request, &why) != PARSE_OK) {
		event_alert(g, f, why);
		return;
	}
	request.asked.endpoint = (struct bytes){ NULL, 0 };
	if (!call)
		call = call_new(g, &key, hash);
	call->asked_ns = g->now_ns;
	call->path = outdev;
	call->answered = false;
	call->request = request;
}

static void read_answer(struct rpcgate *g, const struct flow *f, const struct cl_pdu *pdu,
			const struct epm_request *request)
{
	const struct epm_limits limits = { g->cfg.max_towers, g->cfg.max_lookup_entries };
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_answer answer;

	if (pdu->auth_protocol) {
		g->stats.stubs_sealed++;
		event_alert(g, f, RPCGATE_REASON_SEALED);
	} else if (pdu->flags1 & CL_FRAGMENT) {
		g->stats.answers_unusable++;
		event_alert(g, f, RPCGATE_REASON_REASSEMBLY_GAP);
	} else if (epm_answer_parse(stub_of(pdu), request->opnum, request, &limits, &answer,
				    &why) != PARSE_OK) {
		g->stats.answers_malformed++;
		event_alert(g, f, why);
	} else {
		learn_datagram(g, f, request, &answer);
	}
}

/* An answer to nothing is not told: the request may have gone before the capture, or its place to
 * another.  It opens nothing either way. */
static void on_response(struct rpcgate *g, struct flow *f, const struct cl_pdu *pdu, uint32_t indev)
{
	struct datagram_key key = key_of(f, pdu);
	struct datagram_call *call = call_find(g, &key, hash_of(g, &key));

	if (!call || call->answered || g->now_ns - call->asked_ns > ANSWER_WITHIN_NS)
		return;
	if (indev && call->path && indev != call->path &&
	    g->cfg.reverse_path == RPCGATE_REVERSE_PATH_STRICT) {
		g->stats.wrong_path++;
		return;
	}
	call->answered = true;
	f->id = call->flow_id;
	read_answer(g, f, pdu, &call->request);
}

static bool payload_of(const struct packet *p, struct bytes *out)
{
	uint32_t length = load16(p->l4.p + 4, true);

	if (length < UDP_HEADER_LEN || length > p->l4.n)
		return false;
	*out = (struct bytes){ p->l4.p + UDP_HEADER_LEN, length - UDP_HEADER_LEN };
	return true;
}

static bool is_epm(const struct rpcgate_syntax *interface)
{
	return uuid_equal(&interface->uuid, &epm_syntax.uuid) &&
	       interface->major == epm_syntax.major;
}

void datagram_read(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in)
{
	struct bytes payload;
	struct cl_pdu pdu;
	struct flow f;
	bool asks;

	if (!payload_of(p, &payload) || cl_parse(payload, &pdu) != PARSE_OK)
		return;
	g->stats.pdus_udp++;
	g->stats.pdus_udp_pieces += (pdu.flags1 & CL_FRAGMENT) != 0;
	asks = pdu.ptype == CL_REQUEST && p->dst_port == DATAGRAM_MAPPER_PORT;
	if (!is_epm(&pdu.interface) ||
	    (!asks && (pdu.ptype != CL_RESPONSE || p->src_port != DATAGRAM_MAPPER_PORT)))
		return;
	f = ends_of(p, in->zone, asks);
	if (asks)
		on_request(g, &f, &pdu, in->outdev);
	else
		on_response(g, &f, &pdu, in->indev);
}
