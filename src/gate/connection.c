/* SPDX-License-Identifier: BSD-2-Clause */
/* connection.c - a flow from its first packet to its end: who may open it, which SYN counts, and
 * what must make room for it (RFC 9293 3.5 to 3.10) */
#include "connection.h"
#include "gate.h"

#define RECLAIM_SEARCH 64U /* flows looked at for one that holds octets */

/* ------------------------------------------------------------------ refusal */

void flow_refuse(struct rpcgate *g, struct flow *f, enum rpcgate_reason reason)
{
	if (!f->why)
		f->why = (uint8_t)reason;
	f->calm = false;
	/* of two versions of the same octets the first one stands, where both have passed */
	f->disbelieved |= reason != RPCGATE_REASON_STREAM_CONFLICT;
	if (g->cfg.mode != RPCGATE_ENFORCE)
		return;
	f->refused = true;
	g->result.action = RPCGATE_REJECT;
	g->result.reason = reason;
	g->result.standing = RPCGATE_STANDING_REFUSED;
}

bool flow_port_is_for_rpc(struct rpcgate *g, const struct flow *f, uint16_t port)
{
	struct pinhole_key key;

	if (is_mapper_port(g, port))
		return true;
	key = pinhole_key_of(f, port);
	return pinhole_is_open(g, &key);
}

void flow_alert(struct rpcgate *g, const struct flow *f, enum rpcgate_reason reason,
		enum rpcgate_action action)
{
	event_alert(g, f, reason)->action = g->cfg.mode == RPCGATE_ENFORCE ? action : RPCGATE_NONE;
}

void packet_drop(struct rpcgate *g, enum rpcgate_reason reason)
{
	if (g->cfg.mode != RPCGATE_ENFORCE || g->result.action == RPCGATE_REJECT)
		return;
	g->result.action = RPCGATE_DROP;
	g->result.reason = reason;
}

/* ------------------------------------------------------------- end of a flow */

void flow_end(struct rpcgate *g, uint32_t index, enum rpcgate_flow_state state)
{
	struct flow *f = flow_at(&g->flows, index);

	if (f->conv) {
		const struct conv *c = CONV_AT(g, f->conv);

		if (c->rpc)
			event_flow(g, f, c,
				   f->age == FLOW_CLOSED && state != RPCGATE_FLOW_REUSED ?
					   RPCGATE_FLOW_CLOSED :
					   state);
		conv_free(g, f->conv);
	}
	stream_drop(&g->arena, &f->stream[0]);
	stream_drop(&g->arena, &f->stream[1]);
	flow_free(&g->flows, index);
}

static void make_room(struct rpcgate *g)
{
	static const enum flow_age order[] = { FLOW_OPENING, FLOW_WAITING, FLOW_CLOSED, FLOW_LIVE };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint32_t oldest = flow_oldest(&g->flows, order[i]);

		if (oldest) {
			g->stats.flows_evicted++;
			event_limit(g, LIMIT_FLOWS, "max_flows: the oldest flow was let go");
			flow_end(g, oldest, RPCGATE_FLOW_EVICTED);
			return;
		}
	}
}

static uint32_t flow_make(struct rpcgate *g, const struct flow_key *key, uint64_t hash)
{
	if (g->flows.pool.used == g->flows.pool.capacity)
		make_room(g);
	g->stats.flows++;
	return flow_new(&g->flows, key, hash, g->now_ns);
}

/* ------------------------------------------------------------- room for octets */

static bool holds(const struct rpcgate *g, const struct flow *f)
{
	return stream_waits(&f->stream[0]) || stream_waits(&f->stream[1]) ||
	       (f->conv && (CONV_AT(g, f->conv)->half[0].partial.n ||
			    CONV_AT(g, f->conv)->half[1].partial.n || CONV_AT(g, f->conv)->calls));
}

/* The flow of this age that has waited longest for octets that do not come */
static uint32_t oldest_waiting(const struct rpcgate *g, enum flow_age age, uint32_t except)
{
	uint32_t index = flow_oldest(&g->flows, age);

	for (unsigned n = 0; index && n < RECLAIM_SEARCH; n++) {
		if (index != except && holds(g, flow_at(&g->flows, index)))
			return index;
		index = flow_at(&g->flows, index)->newer;
	}
	return 0;
}

void flows_keep_room(struct rpcgate *g, uint32_t index)
{
	static const enum flow_age order[] = { FLOW_OPENING, FLOW_WAITING, FLOW_CLOSED, FLOW_LIVE };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		while (arena_is_scarce(&g->arena)) {
			uint32_t victim = oldest_waiting(g, order[i], index);

			if (!victim)
				break;
			g->stats.flows_evicted++;
			event_limit(g, LIMIT_BUFFERS,
				    "limit.buffers: the flow that waited longest was let go");
			flow_end(g, victim, RPCGATE_FLOW_EVICTED);
		}
}

/* -------------------------------------------------------------------- SYN */

static void sync_side(struct flow *f, unsigned side, uint32_t isn)
{
	f->isn[side] = isn;
	f->has_isn[side] = true;
	f->stream[side].next = isn + 1;
	f->stream[side].synced = true;
}

static uint32_t restart(struct rpcgate *g, uint32_t index, enum rpcgate_flow_state state)
{
	struct flow_key key = flow_at(&g->flows, index)->key;
	uint64_t hash = flow_at(&g->flows, index)->hash;
	uint32_t path[2];

	memcpy(path, flow_at(&g->flows, index)->path, sizeof(path));
	flow_end(g, index, state);
	index = flow_make(g, &key, hash);
	memcpy(flow_at(&g->flows, index)->path, path, sizeof(path));
	return index;
}

/* The answer to a SYN tells which SYN counts */
static uint32_t syn_ack(struct rpcgate *g, uint32_t index, unsigned side, const struct packet *p)
{
	struct flow *f = flow_at(&g->flows, index);

	if (f->pending_side == !side && p->ack == f->pending_isn + 1) {
		index = restart(g, index,
				f->age == FLOW_CLOSED ? RPCGATE_FLOW_CLOSED : RPCGATE_FLOW_REUSED);
		f = flow_at(&g->flows, index);
		f->client = (uint8_t)!side;
		sync_side(f, !side, p->ack - 1);
		sync_side(f, side, p->seq);
		return index;
	}
	if (f->conv || f->has_isn[side])
		return index; /* repeated, or none of this connection's */
	if (f->client == SIDE_UNKNOWN)
		f->client = (uint8_t)!side;
	sync_side(f, side, p->seq);
	/* octets carried by the one SYN may be acknowledged with it; anything else was another SYN */
	if (!f->has_isn[!side] ||
	    p->ack - f->isn[!side] - 1 > (f->syn_moved ? 0 : f->octets[!side])) {
		stream_drop(&g->arena, &f->stream[!side]);
		sync_side(f, !side, p->ack - 1);
	}
	return index;
}

/* Both open, and only the way of the second SYN leads to RPC: that one is the client, or a SYN in
 * the server's name would turn the connection around */
static bool turns_to_rpc(struct rpcgate *g, const struct flow *f, unsigned side)
{
	struct flow turned = *f;

	turned.client = (uint8_t)side;
	return f->client == !side && !f->must_fit &&
	       (is_dynamic_port(g, server_port(&turned)) || flow_must_be_rpc(g, &turned));
}

uint32_t flow_syn(struct rpcgate *g, uint32_t index, unsigned side, const struct packet *p)
{
	struct flow *f = flow_at(&g->flows, index);
	bool opening = flow_is_opening(f);

	if (f->has_isn[side] && f->isn[side] == p->seq)
		return index;
	if (p->tcp_flags & TCP_ACK)
		return syn_ack(g, index, side, p);
	/* a reset may have been ignored, and then so is this SYN: its answer tells, where answers
	 * are seen at all */
	if (f->age == FLOW_CLOSED && (opening || !f->reset || !f->packets[!side])) {
		index = restart(g, index, RPCGATE_FLOW_CLOSED);
		f = flow_at(&g->flows, index);
		f->syn_moved = opening;
	} else if (!opening) {
		f->pending_side = (uint8_t)side;
		f->pending_isn = p->seq;
		return index;
	}
	/* the sender of the first SYN is the client, also when both open */
	if (f->client == SIDE_UNKNOWN || turns_to_rpc(g, f, side))
		f->client = (uint8_t)side;
	f->syn_moved |= f->has_isn[side];
	stream_drop(&g->arena, &f->stream[side]);
	sync_side(f, side, p->seq);
	return index;
}

/* ------------------------------------------------------- first packets */

static bool opens_midstream(const struct packet *p)
{
	struct pdu_header h;

	return p->payload.n && p->tcp_flags & TCP_ACK &&
	       (pdu_header_parse(p->payload, &h) != PARSE_BAD ||
		(p->payload.n >= 14 && memcmp(p->payload.p, "ncacn_http/1.0", 14) == 0));
}

static bool is_approved(const struct rpcgate_packet *in)
{
	return in->standing == RPCGATE_STANDING_APPROVED || in->standing == RPCGATE_STANDING_SERVED;
}

/* A connection that an earlier engine approved goes on, from the next PDU that can be found */
static uint32_t resume(struct rpcgate *g, const struct flow_key *key, uint64_t hash)
{
	uint32_t index = flow_make(g, key, hash);
	struct flow *f = flow_at(&g->flows, index);

	if (!index)
		return 0;
	f->midstream = true;
	f->conv = conv_new(g);
	if (f->conv)
		conv_resume(g, f->conv);
	/* which interface its calls are for nobody knows any more */
	if (policy_may_judge_calls(g->policy, key->addr)) {
		flow_alert(g, f, RPCGATE_REASON_MIDSTREAM, RPCGATE_REJECT);
		flow_refuse(g, f, RPCGATE_REASON_MIDSTREAM);
	}
	return index;
}

uint32_t flow_admit(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in,
		    unsigned side, uint32_t low_hash)
{
	struct flow_key key;
	uint64_t hash;
	uint32_t index;

	if (p->tcp_flags & TCP_RST)
		return 0;
	key = flow_key_of(p, in->zone, side);
	hash = flow_hash_whole(&g->flows, &key, low_hash);
	if (p->tcp_flags & TCP_SYN) {
		flow_unmark_stranger(&g->flows, hash);
		return flow_make(g, &key, hash);
	}
	if (is_approved(in) && p->payload.n && p->tcp_flags & TCP_ACK)
		return resume(g, &key, hash);
	/* what it sent before was let pass and is forgotten: a Bind may be the end of another one */
	if (in->standing == RPCGATE_STANDING_ADMITTED && g->cfg.mode == RPCGATE_ENFORCE &&
	    g->cfg.midstream != RPCGATE_MIDSTREAM_PASS)
		return 0;
	if (!opens_midstream(p) || flow_is_stranger(&g->flows, hash))
		return 0;
	index = flow_make(g, &key, hash);
	if (index)
		flow_at(&g->flows, index)->midstream = true;
	return index;
}

/* Only RPC may be spoken to where this packet goes */
static bool leads_to_rpc(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in)
{
	if (in->standing == RPCGATE_STANDING_ADMITTED || is_approved(in) ||
	    is_mapper_port(g, p->dst_port))
		return true;
	return pinhole_has_port(g, p->dst_port) &&
	       pinhole_is_open(g, &(struct pinhole_key){ p->src, p->dst, in->zone, p->dst_port,
							 IP_PROTO_TCP, 0 });
}

/* Octets of no known connection: where only RPC may be spoken nobody knows what they complete, as
 * their beginning was not seen; elsewhere they are none of our business */
void flow_unknown(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in)
{
	if (!p->payload.n)
		return;
	if (g->cfg.midstream == RPCGATE_MIDSTREAM_PASS || !leads_to_rpc(g, p, in))
		g->result.standing = RPCGATE_STANDING_FOREIGN;
	else
		packet_drop(g, RPCGATE_REASON_MIDSTREAM);
}

bool flow_open(struct rpcgate *g, uint32_t index, const struct packet *p)
{
	struct flow *f = flow_at(&g->flows, index);
	enum rpcgate_reason reason = RPCGATE_REASON_NONE;

	if (g->cfg.admission == RPCGATE_ADMIT_ANNOUNCED) {
		reason = admit_syn(g, f);
		f->must_fit |= !reason && is_dynamic_port(g, server_port(f));
	}
	if (reason) {
		g->stats.syns_refused++;
		flow_alert(g, f, reason, RPCGATE_REJECT);
		flow_refuse(g, f, reason);
		if (f->refused) {
			flow_end(g, index, RPCGATE_FLOW_OPEN);
			return false;
		}
	}
	/* what was let in through a pinhole is held to it when that has run out */
	f->must_fit |= flow_must_be_rpc(g, f);
	/* it would be judged after it has passed; whoever sends it tries again without */
	if (f->must_fit && p->payload.n)
		packet_drop(g, RPCGATE_REASON_MIDSTREAM);
	return true;
}
