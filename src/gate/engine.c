/* SPDX-License-Identifier: BSD-2-Clause */
/* engine.c - the road of a packet: decode, find the flow, keep both streams, ask the conversation */
#include <stdio.h>
#include <stdlib.h>

#include "checksum.h"
#include "gate.h"
#include "tie.h"

#define CLOCK_JITTER_NS NS_PER_S   /* capture files are out of order by less than this */
#define LATEST_NS (UINT64_MAX / 2) /* the year 2262: what comes later leaves room for deadlines */
#define SWEEP_EVERY_NS (NS_PER_S / 64) /* a slice of the pinholes */
#define SWEEP_SLICES 64U
#define SWEEP_MIN 16U
#define FLOWS_AT_ONCE 512U /* idle flows of one age let go with one packet: 0.1 ms */
#define RECLAIM_SEARCH 64U /* flows looked at for one that holds octets */
#define AT_ONCE PEEK_SUM   /* packets looked at before any of them is judged */
#define EVENTS_BEFORE 64U  /* of earlier packets of a call, beside those of the last */
#define FINISH_ROOM 4096U  /* events left free before the last packets of a flow are read */

/* What few packets need is not part of the functions that every one goes through: it would cost all of
 * them registers and a guard on the stack */
#define APART __attribute__((noinline))

/* ----------------------------------------------------------------- life */

static bool config_fits(const struct rpcgate_config *cfg, char err[RPCGATE_ERROR_SIZE])
{
	const char *wrong = NULL;

	if (!cfg->mapper_ports.n)
		wrong = "mapper_ports is empty: nothing could ever be learned";
	else if (!cfg->max_flows || !cfg->max_pinholes || !cfg->max_bindings ||
		 !cfg->max_datagrams || !cfg->max_udp_calls || !cfg->max_udp_talks ||
		 !cfg->max_pipes || !cfg->max_events)
		wrong = "a table limit is zero";
	else if (cfg->max_pinholes > 1U << 30 || cfg->max_flows > 1U << 30)
		wrong = "a table limit is above 2^30";
	if (wrong)
		snprintf(err, RPCGATE_ERROR_SIZE, "configuration: %s", wrong);
	return !wrong;
}

static bool reserve(struct rpcgate *g)
{
	const struct rpcgate_config *cfg = &g->cfg;
	uint32_t convs = cfg->max_flows;

	/* four contexts for each connection on average; the limit for one is max_contexts */
	return arena_init(&g->arena, cfg->buffer_octets) && ports_init(&g->ports) &&
	       flows_init(&g->flows, cfg->max_flows, g->key, &g->ports) &&
	       fragments_init(&g->fragments, cfg->max_datagrams, g->key, &g->arena) &&
	       datagrams_init(&g->datagrams, cfg->max_udp_calls) &&
	       talks_init(&g->talks, cfg->max_udp_talks) && pipes_init(&g->pipes, cfg->max_pipes) &&
	       pool_init(&g->convs, convs, sizeof(struct conv)) &&
	       pool_init(&g->tunnels, convs / 16 + 1, sizeof(struct tunnel)) &&
	       pairs_init(&g->pairs, convs / 16 + 1) &&
	       pool_init(&g->contexts, convs * 4, sizeof(struct context)) &&
	       pool_init(&g->calls, convs, sizeof(struct call)) && pinholes_init(g) &&
	       bindings_init(g) && ties_init(g) && admit_init(g) &&
	       (g->events =
			calloc((size_t)cfg->max_events + EVENTS_BEFORE + 1, sizeof(*g->events)));
}

struct rpcgate *rpcgate_new(const struct rpcgate_config *cfg, char err[RPCGATE_ERROR_SIZE])
{
	struct rpcgate *g;

	if (!config_fits(cfg, err))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (g) {
		g->cfg = *cfg;
		g->key = hash_key_of(cfg->hash_key);
		g->sums = hash_sums_of(&g->key, 10);
		ports_reserve(g);
		if (reserve(g)) {
			g->fragments.refuse_new = cfg->mode == RPCGATE_ENFORCE;
			return g;
		}
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory for the configured limits");
	rpcgate_free(g);
	return NULL;
}

void rpcgate_free(struct rpcgate *gate)
{
	if (!gate)
		return;
	free(gate->events);
	admit_done(gate);
	ties_done(gate);
	bindings_done(gate);
	pinholes_done(gate);
	pool_done(&gate->calls);
	pool_done(&gate->contexts);
	pairs_done(&gate->pairs);
	pool_done(&gate->tunnels);
	pool_done(&gate->convs);
	pipes_done(&gate->pipes);
	talks_done(&gate->talks);
	datagrams_done(&gate->datagrams);
	fragments_done(&gate->fragments);
	flows_done(&gate->flows);
	ports_done(&gate->ports);
	arena_done(&gate->arena);
	free(gate);
}

void rpcgate_stats(const struct rpcgate *gate, struct rpcgate_stats *stats)
{
	*stats = gate->stats;
	stats->flows_live = gate->flows.pool.used;
	stats->datagrams_dropped += gate->fragments.dropped;
	stats->buffer_octets_used = gate->arena.used;
	stats->buffer_octets_peak = gate->arena.peak;
}

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

/* A bit answers for most ports: those of mappers are among what pinholes are marked with */
static APART bool port_is_for_rpc(struct rpcgate *g, const struct flow *f, uint16_t port)
{
	struct pinhole_key key;

	if (is_mapper_port(g, port))
		return true;
	key = pinhole_key_of(f, port);
	return pinhole_is_open(g, &key);
}

static inline bool is_for_rpc(struct rpcgate *g, const struct flow *f)
{
	const uint16_t port = server_port(f);

	return pinhole_has_port(g, port) && port_is_for_rpc(g, f, port);
}

static inline bool must_be_rpc(struct rpcgate *g, const struct flow *f)
{
	return f->client != SIDE_UNKNOWN &&
	       (f->must_fit || is_for_rpc(g, f) || (g->policy && policy_is_static(g, f)));
}

bool flow_must_be_rpc(struct rpcgate *g, const struct flow *f)
{
	return must_be_rpc(g, f);
}

/* @p action  of who enforces */
static void alert(struct rpcgate *g, const struct flow *f, enum rpcgate_reason reason,
		  enum rpcgate_action action)
{
	event_alert(g, f, reason)->action = g->cfg.mode == RPCGATE_ENFORCE ? action : RPCGATE_NONE;
}

static void drop_packet(struct rpcgate *g, enum rpcgate_reason reason)
{
	if (g->cfg.mode != RPCGATE_ENFORCE || g->result.action == RPCGATE_REJECT)
		return;
	g->result.action = RPCGATE_DROP;
	g->result.reason = reason;
}

/* ------------------------------------------------------------- end of a flow */

static void flow_end(struct rpcgate *g, uint32_t index, enum rpcgate_flow_state state)
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
static uint32_t oldest_waiting(const struct rpcgate *g, enum flow_age age, uint32_t not )
{
	uint32_t index = flow_oldest(&g->flows, age);

	for (unsigned n = 0; index && n < RECLAIM_SEARCH; n++) {
		if (index != not &&holds(g, flow_at(&g->flows, index)))
			return index;
		index = flow_at(&g->flows, index)->newer;
	}
	return 0;
}

/* Before the last octets are taken by connections that never finish what they begin, those let
 * go.  The one that needs room now stays. */
static APART void keep_room(struct rpcgate *g, uint32_t index)
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

/* The flow says something else than RPC: on a port where only RPC may be spoken that is a
 * violation, elsewhere none of our business, and costs nothing from here on */
static void stranger(struct rpcgate *g, uint32_t index)
{
	struct flow *f = flow_at(&g->flows, index);
	bool must = must_be_rpc(g, f);

	g->stats.flows_not_rpc++;
	if (must) {
		alert(g, f, RPCGATE_REASON_NOT_RPC, RPCGATE_REJECT);
		flow_refuse(g, f, RPCGATE_REASON_NOT_RPC);
	}
	g->result.not_rpc = must ||
			    (f->client != SIDE_UNKNOWN && is_dynamic_port(g, server_port(f)));
	flow_mark_stranger(&g->flows, f->hash);
	if (f->refused)
		return;
	g->result.standing = RPCGATE_STANDING_FOREIGN;
	flow_end(g, index, RPCGATE_FLOW_OPEN);
}

/* ------------------------------------------------------------------- streams */

static bool is_stranger(const struct rpcgate *g, const struct flow *f)
{
	return f->conv && CONV_AT(g, f->conv)->stranger;
}

static APART bool looks_like_rpc(struct bytes octets)
{
	struct pdu_header h;

	return octets.p[0] == 'n' || pdu_header_parse(octets, &h) != PARSE_BAD ||
	       (octets.p[0] == 5 && pdu_begins(octets, &h)) || http_begins(octets) != PARSE_BAD;
}

/* Payload that cannot begin an RPC conversation needs no conversation to say so, and mostly its first
 * octet is enough: that of a PDU, of "ncacn_http" or of "RPC_IN_DATA" */
static inline bool begins_rpc(struct bytes octets)
{
	static const bool begins[256] = { [5] = true, ['n'] = true, ['R'] = true };

	return begins[octets.p[0]] && looks_like_rpc(octets);
}

static void read_octets(struct rpcgate *g, struct flow *f, unsigned side, struct bytes octets)
{
	if (!octets.n)
		return;
	if (!f->conv)
		f->conv = conv_new(g);
	if (!f->conv)
		return; /* cannot happen: there are as many conversations as flows */
	conv_octets(g, f, side, f->stream[side].next - (uint32_t)octets.n, octets);
}

/* Read what has become in order */
static APART void drain(struct rpcgate *g, struct flow *f, unsigned side)
{
	uint64_t now = g->event_ns;
	struct bytes octets;
	struct held *held;

	while (stream_pull(&f->stream[side], &octets, &held)) {
		if (stream_held_time(held))
			g->event_ns = stream_held_time(held);
		read_octets(g, f, side, octets);
		g->event_ns = now;
		stream_release(&g->arena, held);
	}
}

static APART void give_up_hole(struct rpcgate *g, struct flow *f, unsigned side)
{
	uint32_t hole = stream_give_up(&f->stream[side]);

	if (hole) {
		g->stats.gaps++;
		g->stats.gap_octets += hole;
		if (!f->conv)
			f->conv = conv_new(g);
		if (f->conv)
			conv_gap(g, f, side, hole);
	}
	drain(g, f, side);
}

/* What the receiver acknowledged it has: doubtful octets were real, holes are the capture's */
static void acknowledged(struct rpcgate *g, struct flow *f, unsigned side, uint32_t ack)
{
	struct stream *s = &f->stream[side];

	if (!s->synced) {
		s->next = ack;
		s->synced = true;
		f->began[side] = ack;
	}
	if (stream_acked(&g->arena, s, ack)) {
		g->stats.checksum_offload++;
		drain(g, f, side);
	}
	while (stream_hole_is_acked(s))
		give_up_hole(g, f, side);
}

/* It is RPC, or has to be */
static bool is_ours(struct rpcgate *g, const struct flow *f)
{
	return (f->conv && CONV_AT(g, f->conv)->rpc) || flow_must_be_rpc(g, f);
}

/* Two versions of the same octets: told once, as soon as the flow is our business */
static void conflict(struct rpcgate *g, struct flow *f)
{
	if (f->conflict_told || !is_ours(g, f))
		return;
	f->conflict_told = true;
	alert(g, f, RPCGATE_REASON_STREAM_CONFLICT, RPCGATE_REJECT);
	flow_refuse(g, f, RPCGATE_REASON_STREAM_CONFLICT);
}

static void count_news(struct rpcgate *g, unsigned news)
{
	if (!news)
		return;
	g->stats.segments_retransmitted += (news & STREAM_REPEATED) != 0;
	g->stats.segments_out_of_order += (news & STREAM_HELD) != 0;
	g->stats.stream_conflicts += (news & STREAM_CONFLICT) != 0;
}

/* A packet tells by where it goes out which interface leads to its receiver; what its receiver is
 * said to have sent must come in there.  Else who is allowed to ask a server could also write its
 * answers, on his own wire. */
static bool path_fits(struct rpcgate *g, struct flow *f, unsigned side,
		      const struct rpcgate_packet *in)
{
	if (!in->indev || g->cfg.reverse_path == RPCGATE_REVERSE_PATH_OFF)
		return true;
	if (f->path[side] && f->path[side] != in->indev)
		return false;
	if (in->outdev)
		f->path[!side] = in->outdev;
	return true;
}

/* Told once for each connection that is our business, and no reason to cut it: anybody can send such */
static APART void wrong_path(struct rpcgate *g, struct flow *f)
{
	g->stats.wrong_path++;
	drop_packet(g, RPCGATE_REASON_STREAM_CONFLICT);
	if (f->path_told || !is_ours(g, f))
		return;
	f->path_told = true;
	alert(g, f, RPCGATE_REASON_STREAM_CONFLICT, RPCGATE_DROP);
}

/* Octets before the point where reading began, which the other side does not have yet: they would
 * come to be read first */
static bool precedes(const struct flow *f, unsigned side, const struct packet *p)
{
	const struct stream *s = &f->stream[side];
	uint32_t end = p->seq + (uint32_t)p->payload.n;

	return f->midstream && seq_diff(p->seq, f->began[side]) < 0 &&
	       !(s->has_acked && seq_diff(s->acked, end) >= 0);
}

static APART void read_payload(struct rpcgate *g, struct flow *f, unsigned side,
			       const struct packet *p)
{
	struct stream *s = &f->stream[side];
	struct bytes octets;
	unsigned news;

	if (!s->synced) {
		s->next = p->seq;
		s->synced = true;
		f->began[side] = p->seq;
	}
	if (precedes(f, side, p)) {
		drop_packet(g, RPCGATE_REASON_MIDSTREAM);
		return;
	}
	news = stream_put(&g->arena, s, p->seq, p->payload, g->cfg.max_island_octets, &octets);
	if (news & STREAM_FULL) {
		event_limit(g, LIMIT_ISLANDS, "limit.islands or limit.buffers: a hole is given up");
		drop_packet(g, RPCGATE_REASON_LIMIT);
		if (g->cfg.mode == RPCGATE_OBSERVE) {
			read_octets(g, f, side, octets); /* these came before the hole */
			drain(g, f, side);
			give_up_hole(g, f, side);
			news |= stream_put(&g->arena, s, p->seq, p->payload,
					   g->cfg.max_island_octets, &octets);
		}
	}
	count_news(g, news);
	if (news & STREAM_UNSURE)
		drop_packet(g, RPCGATE_REASON_LIMIT);
	/* it comes again; passed on, it would complete what another engine sees the beginning of */
	if (news & STREAM_HELD && f->conv && CONV_AT(g, f->conv)->resumed)
		drop_packet(g, RPCGATE_REASON_MIDSTREAM);
	read_octets(g, f, side, octets);
	if (stream_waits(s))
		drain(g, f, side);
	if (s->conflict)
		conflict(g, f);
}

/* -------------------------------------------------------------------- SYN */

static void sync_side(struct flow *f, unsigned side, uint32_t isn)
{
	f->isn[side] = isn;
	f->has_isn[side] = true;
	f->stream[side].next = isn + 1;
	f->stream[side].synced = true;
}

static APART uint32_t restart(struct rpcgate *g, uint32_t index, enum rpcgate_flow_state state)
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

static bool is_opening(const struct flow *f)
{
	return !f->conv && !f->octets[0] && !f->octets[1] && !(f->has_isn[0] && f->has_isn[1]);
}

/* Both open, and only the way of the second SYN leads to RPC: that one is the client, or a SYN in
 * the server's name would turn the connection around */
static APART bool turns_to_rpc(struct rpcgate *g, const struct flow *f, unsigned side)
{
	struct flow turned = *f;

	turned.client = (uint8_t)side;
	return f->client == !side && !f->must_fit &&
	       (is_dynamic_port(g, server_port(&turned)) || flow_must_be_rpc(g, &turned));
}

static uint32_t on_syn(struct rpcgate *g, uint32_t index, unsigned side, const struct packet *p)
{
	struct flow *f = flow_at(&g->flows, index);
	bool opening = is_opening(f);

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

/* Receivers without fast open ignore what a SYN carries: it counts once it is acknowledged */
static void syn_payload(struct rpcgate *g, struct flow *f, unsigned side, const struct packet *p)
{
	if (p->payload.n && f->has_isn[side] && f->isn[side] == p->seq &&
	    !stream_doubt(&g->arena, &f->stream[side], g->event_ns, p->seq + 1, p->payload,
			  g->cfg.max_island_octets))
		event_limit(g, LIMIT_BUFFERS, "limit.buffers: payload of a SYN could not be held");
}

/* --------------------------------------------------------------- checksums */

/* A side that has shown computed checksums is held to them */
static bool odd_sum_fits(struct rpcgate *g, const struct flow *f, unsigned side, enum checksum sum)
{
	if (sum == CHECKSUM_UNKNOWN)
		return true;
	/* inline, a sum that is merely wrong is wrong: nothing lies between the sender and us */
	if (!f->sum_seen[side] && (sum == CHECKSUM_PARTIAL || g->cfg.mode == RPCGATE_OBSERVE)) {
		g->stats.checksum_offload++;
		return true;
	}
	g->stats.checksum_bad++;
	return false;
}

/* True if the segment counts */
static inline bool checksum_fits(struct rpcgate *g, struct flow *f, unsigned side,
				 const struct packet *p, enum rpcgate_checksum_state state)
{
	enum checksum sum;

	if (state == RPCGATE_CSUM_OK || g->cfg.checksum == RPCGATE_CHECKSUM_IGNORE)
		return true;
	sum = p->sum ? (enum checksum)(p->sum - 1) : checksum_verify(p);
	if (sum != CHECKSUM_GOOD)
		return odd_sum_fits(g, f, side, sum);
	f->sum_seen[side] = true;
	return true;
}

static APART void doubt(struct rpcgate *g, struct flow *f, unsigned side, const struct packet *p)
{
	struct stream *s = &f->stream[side];

	drop_packet(g, RPCGATE_REASON_MALFORMED_PDU);
	if (!s->synced || !p->payload.n || p->tcp_flags & TCP_SYN || !(p->tcp_flags & TCP_ACK))
		return;
	if (!stream_doubt(&g->arena, s, g->event_ns, p->seq, p->payload, g->cfg.max_island_octets))
		event_limit(g, LIMIT_BUFFERS, "limit.buffers: a doubtful segment was not held");
}

/* ----------------------------------------------------------------- segments */

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
static APART uint32_t resume(struct rpcgate *g, const struct flow_key *key, uint64_t hash)
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
		alert(g, f, RPCGATE_REASON_MIDSTREAM, RPCGATE_REJECT);
		flow_refuse(g, f, RPCGATE_REASON_MIDSTREAM);
	}
	return index;
}

/* State for a flow that has none: 0 if it needs none */
static APART uint32_t admit(struct rpcgate *g, const struct packet *p,
			    const struct rpcgate_packet *in, unsigned side, uint32_t low_hash)
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

/* Linux takes the octet at the urgent pointer out of the stream that its application reads: also
 * when the pointer came ahead of it, without payload, and with 0 the octet at hand.  Others leave
 * it in.  What the server reads from there on, nobody can know. */
static APART void urgent(struct rpcgate *g, struct flow *f, unsigned side, uint32_t seq)
{
	struct stream *s = &f->stream[side];
	int32_t ahead = seq_diff(seq, s->next);
	int32_t window = (int32_t)g->cfg.max_island_octets;

	if (s->synced && (ahead > window || ahead < -window))
		return; /* no receiver looks at it */
	s->conflict = true;
	f->disbelieved = true;
	conflict(g, f);
}

static inline void count_segment(struct rpcgate *g, struct flow *f, unsigned side,
				 const struct packet *p)
{
	f->packets[side]++;
	f->octets[side] += p->payload_len;
	f->n_vlan = p->n_vlan;
	f->vlan[0] = p->vlan[0];
	f->vlan[1] = p->vlan[1];
	g->result.flow_id = f->id;
}

static void account(struct rpcgate *g, struct flow *f, unsigned side, const struct packet *p)
{
	count_segment(g, f, side, p);
	f->fin[side] |= (p->tcp_flags & TCP_FIN) != 0;
	f->reset |= (p->tcp_flags & TCP_RST) != 0;
}

static enum flow_age age_of(const struct rpcgate *g, const struct flow *f)
{
	if (f->reset || (f->fin[0] && f->fin[1]))
		return FLOW_CLOSED;
	if (f->conv && CONV_AT(g, f->conv)->rpc)
		return FLOW_LIVE;
	return f->has_isn[0] && f->has_isn[1] ? FLOW_WAITING : FLOW_OPENING;
}

/* Foreign from its first octets, and nothing asks us to care: the common case, kept short */
static bool is_foreign(const struct flow *f, unsigned side, const struct packet *p)
{
	return !f->conv && p->payload.n && !(p->tcp_flags & TCP_SYN) && f->stream[side].synced &&
	       p->seq == f->stream[side].next && !begins_rpc(p->payload);
}

static void read_segment(struct rpcgate *g, uint32_t index, unsigned side, const struct packet *p)
{
	struct flow *f = flow_at(&g->flows, index);

	if (p->tcp_flags & TCP_SYN)
		syn_payload(g, f, side, p);
	if (p->tcp_flags & TCP_ACK && !(p->tcp_flags & TCP_RST))
		acknowledged(g, f, !side, p->ack);
	if (p->tcp_flags & TCP_URG && p->tcp_flags & TCP_ACK)
		urgent(g, f, side, p->seq);
	if (f->refused || !p->payload_len || p->tcp_flags & TCP_SYN)
		return;
	if (!(p->tcp_flags & TCP_ACK)) /* every receiver discards it (RFC 9293 3.10.7.4) */
		drop_packet(g, RPCGATE_REASON_NOT_RPC);
	else if (g->cfg.mode == RPCGATE_ENFORCE && p->payload.n < p->payload_len)
		drop_packet(g, RPCGATE_REASON_REASSEMBLY_GAP); /* what was cut off would pass */
	else
		read_payload(g, f, side, p);
}

/* The four-tuple of a refused connection may be used again: the handshake tells */
static bool opens_again(const struct packet *p)
{
	return p->tcp_flags & TCP_SYN && !p->payload.n;
}

/* Only RPC may be spoken to where this packet goes */
static APART bool leads_to_rpc(struct rpcgate *g, const struct packet *p,
			       const struct rpcgate_packet *in)
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
static APART void judge_unknown(struct rpcgate *g, const struct packet *p,
				const struct rpcgate_packet *in)
{
	if (!p->payload.n)
		return;
	if (g->cfg.midstream == RPCGATE_MIDSTREAM_PASS || !leads_to_rpc(g, p, in))
		g->result.standing = RPCGATE_STANDING_FOREIGN;
	else
		drop_packet(g, RPCGATE_REASON_MIDSTREAM);
}

/* @return false if the connection may not be opened, and is forgotten */
static bool open_connection(struct rpcgate *g, uint32_t index, const struct packet *p)
{
	struct flow *f = flow_at(&g->flows, index);
	enum rpcgate_reason reason = RPCGATE_REASON_NONE;

	if (g->cfg.admission == RPCGATE_ADMIT_ANNOUNCED) {
		reason = admit_syn(g, f);
		f->must_fit |= !reason && is_dynamic_port(g, server_port(f));
	}
	if (reason) {
		g->stats.syns_refused++;
		alert(g, f, reason, RPCGATE_REJECT);
		flow_refuse(g, f, reason);
		if (f->refused) {
			flow_end(g, index, RPCGATE_FLOW_OPEN);
			return false;
		}
	}
	/* what was let in through a pinhole is held to it when that has run out */
	f->must_fit |= must_be_rpc(g, f);
	/* it would be judged after it has passed; whoever sends it tries again without */
	if (f->must_fit && p->payload.n)
		drop_packet(g, RPCGATE_REASON_MIDSTREAM);
	return true;
}

/* Something has begun, and an engine that came later would not know what it sees the end of */
static bool is_torn(const struct flow *f, const struct conv *c)
{
	return c->half[0].partial.n || c->half[1].partial.n || stream_waits(&f->stream[0]) ||
	       stream_waits(&f->stream[1]);
}

static enum rpcgate_standing standing_of(const struct rpcgate *g, const struct flow *f)
{
	const struct conv *c = f->conv ? CONV_AT(g, f->conv) : NULL;

	if (f->refused)
		return RPCGATE_STANDING_REFUSED;
	/* after an unanswered SYN it may be another connection: both sides are wanted again */
	if (!c || !c->approved || f->pending_side != SIDE_UNKNOWN || is_torn(f, c))
		return RPCGATE_STANDING_ADMITTED;
	/* there is always more to learn from a mapper */
	return c->accepted && !c->mapper ? RPCGATE_STANDING_SERVED : RPCGATE_STANDING_APPROVED;
}

static bool is_good(enum rpcgate_standing standing)
{
	return standing == RPCGATE_STANDING_APPROVED || standing == RPCGATE_STANDING_SERVED;
}

/* Nothing is torn, missing, in doubt or about to end, nor was: only then it can be good */
static bool is_steady(const struct rpcgate *g, const struct flow *f, enum rpcgate_standing standing)
{
	const struct conv *c = CONV_AT(g, f->conv);

	return is_good(standing) && f->age == FLOW_LIVE && !f->midstream && !c->resumed &&
	       !c->tunnel && f->client != SIDE_UNKNOWN && !f->stream[f->client].one_sided &&
	       f->stream[0].synced && f->stream[1].synced && !pipe_is_port(f->key.port[0]) &&
	       !pipe_is_port(f->key.port[1]);
}

/* What is to be said of a flow behind a packet */
static void settle(struct rpcgate *g, struct flow *f)
{
	const enum rpcgate_standing standing = standing_of(g, f);

	f->calm = is_steady(g, f, standing);
	f->standing = (uint8_t)standing;
	g->result.standing = standing;
}

/* Of a connection that the caller keeps as SERVED he may show the client's side alone.  Nothing is
 * known then of what the server has: all that is old is in doubt, and its side is not read. */
static bool is_unread(struct flow *f, unsigned side, const struct rpcgate_packet *in)
{
	if (f->client == SIDE_UNKNOWN)
		return false;
	f->stream[f->client].one_sided |= in->standing == RPCGATE_STANDING_SERVED;
	return side != f->client && f->stream[f->client].one_sided;
}

static APART uint32_t hash_of(const struct rpcgate *g, const struct packet *p, uint32_t zone,
			      unsigned side)
{
	struct flow_key key = flow_key_of(p, zone, side);

	return (uint32_t)flow_hash(&g->flows, &key);
}

static APART void smb(struct rpcgate *g, const struct packet *p, uint32_t zone, unsigned side,
		      uint32_t index)
{
	struct flow_key key = flow_key_of(p, zone, side);

	pipe_read(g, p, &key, flow_hash(&g->flows, &key), side,
		  index ? flow_at(&g->flows, index)->id : 0);
}

/* Nearly all segments of approved connections: the next one of its side, or an acknowledgement */
static bool is_usual(const struct flow *f, unsigned side, const struct packet *p,
		     const struct rpcgate_packet *in)
{
	const unsigned flags = TCP_FIN | TCP_SYN | TCP_RST | TCP_URG | TCP_ACK;

	return f->calm && (p->tcp_flags & flags) == TCP_ACK && !in->indev &&
	       in->standing != RPCGATE_STANDING_SERVED && p->payload.n == p->payload_len &&
	       (!p->payload.n || p->seq == f->stream[side].next);
}

/* What unusual_segment() comes to with such a one */
static void usual_segment(struct rpcgate *g, uint32_t index, unsigned side, const struct packet *p,
			  enum rpcgate_checksum_state state)
{
	struct flow *f = flow_at(&g->flows, index);
	const uint32_t seq = f->stream[side].next;

	if (!checksum_fits(g, f, side, p, state)) {
		doubt(g, f, side, p);
		settle(g, f);
		return;
	}
	count_segment(g, f, side, p);
	if (arena_is_scarce(&g->arena))
		keep_room(g, index);
	if (stream_acked(&g->arena, &f->stream[!side], p->ack))
		drain(g, f, !side); /* never: there is nothing in doubt that could become real */
	g->result.standing = (enum rpcgate_standing)f->standing;
	f->stream[side].next += (uint32_t)p->payload.n;
	if (!conv_skips(CONV_AT(g, f->conv), side, p->payload.n)) {
		conv_octets(g, f, side, seq, p->payload);
		g->result.standing = standing_of(g, f);
		f->calm = is_good(g->result.standing);
		f->standing = (uint8_t)g->result.standing;
	}
	flow_touch(&g->flows, index, g->now_ns, FLOW_LIVE);
}

/* @p index  of its flow; 0 if there is none yet */
static void unusual_segment(struct rpcgate *g, uint32_t index, unsigned side,
			    const struct packet *p, const struct rpcgate_packet *in,
			    uint32_t low_hash)
{
	struct flow *f;

	if (pipe_may_carry(p) && g->cfg.pipes == RPCGATE_PIPES_REPORT)
		smb(g, p, in->zone, side, index);
	if (!index)
		index = admit(g, p, in, side, low_hash);
	if (!index) {
		judge_unknown(g, p, in);
		return;
	}
	f = flow_at(&g->flows, index);
	if (!path_fits(g, f, side, in)) {
		wrong_path(g, f);
		settle(g, f);
		return;
	}
	if (f->refused && !opens_again(p)) {
		account(g, f, side, p);
		drop_packet(g, f->why);
	}
	if (!checksum_fits(g, f, side, p, in->checksum)) {
		doubt(g, f, side, p);
		settle(g, f);
		return;
	}
	if (p->tcp_flags & TCP_SYN) {
		index = on_syn(g, index, side, p);
		f = flow_at(&g->flows, index);
		/* the client's first packet opens, also where the other side sent a SYN before */
		if (p->tcp_flags & TCP_ACK ||
		    (!is_opening(f) && (f->client != side || f->packets[side])))
			f->must_fit |= must_be_rpc(g, f);
		else if (!open_connection(g, index, p))
			return;
	}
	if (f->refused) {
		g->result.standing = RPCGATE_STANDING_REFUSED;
		return;
	}
	account(g, f, side, p);
	if (is_foreign(f, side, p)) {
		stranger(g, index);
		return;
	}
	if (arena_is_scarce(&g->arena))
		keep_room(g, index);
	if (!is_unread(f, side, in))
		read_segment(g, index, side, p);
	if (is_stranger(g, f))
		stranger(g, index);
	else {
		flow_touch(&g->flows, index, g->now_ns, age_of(g, f));
		settle(g, f);
	}
}

/* @p hash: NULL if it is not known yet; else the half that is enough to find the flow */
static void segment(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in,
		    const uint32_t *hash)
{
	const unsigned side = flow_side_of(p);
	const uint32_t low_hash = hash ? *hash : hash_of(g, p, in->zone, side);
	const uint32_t index = flow_find(&g->flows, p, in->zone, side, low_hash);

	if (index && is_usual(flow_at(&g->flows, index), side, p, in))
		usual_segment(g, index, side, p, in->checksum);
	else
		unusual_segment(g, index, side, p, in, low_hash);
}

/* ---------------------------------------------------------------------- time */

/* The engine's clock follows capture time but never goes back: a step back in the file lets it go
 * on from where it is, so no deadline ever moves away. */
static inline void clock_follow(struct rpcgate *g, uint64_t time_ns)
{
	uint64_t at;

	g->event_ns = time_ns;
	if (time_ns > LATEST_NS)
		time_ns = LATEST_NS;
	at = time_ns + g->behind_ns;
	if (at >= g->now_ns)
		g->now_ns = at;
	else if (g->now_ns - at > CLOCK_JITTER_NS)
		g->behind_ns = g->now_ns - time_ns;
}

static void expire_flows(struct rpcgate *g)
{
	const uint32_t limit_s[FLOW_AGES] = { [FLOW_OPENING] = g->cfg.handshake_s,
					      [FLOW_WAITING] = g->cfg.flow_idle_s,
					      [FLOW_LIVE] = g->cfg.flow_idle_s,
					      [FLOW_CLOSED] = g->cfg.closed_linger_s };

	for (unsigned age = 0; age < FLOW_AGES; age++)
		for (unsigned n = 0; n < FLOWS_AT_ONCE; n++) {
			uint32_t oldest = flow_oldest(&g->flows, age);

			if (!oldest || g->now_ns - flow_at(&g->flows, oldest)->last_ns <=
					       limit_s[age] * NS_PER_S)
				break;
			/* half of the events is for the packet that let the time pass */
			if (!event_room(g, g->cfg.max_events / 2 + 1))
				return;
			flow_end(g, oldest, RPCGATE_FLOW_TIMEOUT);
		}
}

static void pass_time(struct rpcgate *g, uint64_t time_ns)
{
	uint32_t slice = g->pinholes.pool.top / SWEEP_SLICES;

	clock_follow(g, time_ns);
	if (g->now_ns - g->sweep_ns >= SWEEP_EVERY_NS) {
		g->sweep_ns = g->now_ns;
		expire_flows(g);
		pinholes_sweep(g, slice < SWEEP_MIN ? SWEEP_MIN : slice);
		fragments_expire(&g->fragments, g->now_ns);
	}
	if (g->pinholes.sweep_left)
		pinholes_sweep_on(g);
}

/* ---------------------------------------------------------------------- feed */

static struct rpcgate_result *begin(struct rpcgate *g)
{
	g->result =
		(struct rpcgate_result){ .action = RPCGATE_PASS, .events = g->events + g->n_told };
	return &g->result;
}

/* A fragment that its receiver discards must not complete a datagram before the right one comes */
static bool fragment_fits(const struct rpcgate *g, const struct packet *p,
			  enum rpcgate_checksum_state state)
{
	enum checksum sum;

	if (state == RPCGATE_CSUM_OK || g->cfg.checksum == RPCGATE_CHECKSUM_IGNORE)
		return true;
	sum = checksum_header(p);
	return sum == CHECKSUM_GOOD || (sum == CHECKSUM_PARTIAL && g->cfg.mode == RPCGATE_OBSERVE);
}

static void user_datagram(struct rpcgate *g, const struct packet *p,
			  const struct rpcgate_packet *in)
{
	if (datagram_is_mapper(p))
		datagram_read(g, p, in);
	talk_read(g, p, in->zone); /* the mapper's port may also be a client's */
}

static void fragment(struct rpcgate *g, struct packet *p, const struct rpcgate_packet *in)
{
	struct bytes joined;
	uint32_t handle;

	g->stats.fragments++;
	if (!fragment_fits(g, p, in->checksum)) {
		g->stats.checksum_bad++;
		drop_packet(g, RPCGATE_REASON_MALFORMED_PDU);
		return;
	}
	switch (fragments_add(&g->fragments, in->zone, g->now_ns, p, &joined, &handle)) {
	case PARSE_MORE:
		return;
	case PARSE_BAD:
		drop_packet(g, RPCGATE_REASON_MALFORMED_PDU);
		return;
	case PARSE_OK:
		break;
	}
	g->stats.datagrams_joined++;
	switch (packet_decode_joined(joined, p)) {
	case DECODE_TCP:
		g->stats.packets_tcp++;
		segment(g, p, in, NULL);
		break;
	case DECODE_UDP:
		g->stats.packets_udp++;
		user_datagram(g, p, in);
		break;
	default:
		break;
	}
	fragments_release(&g->fragments, handle);
}

/* ------------------------------------------------------------- looking ahead */

/* Of a group of packets that are looked at before any of them is judged */
struct group {
	uint32_t wanted;        /* a bit for each: set if it may be somebody's */
	bool in_order;          /* of time */
	uint32_t hash[AT_ONCE]; /* of wanted ones of TCP: the half that the table of flows is asked by */
};

/* A SYN begins a connection, some octets a conversation */
static inline bool is_quiet(const struct rpcgate_ahead *a)
{
	return !(a->kind & PEEK_ALWAYS);
}

void rpcgate_look_ahead(const struct rpcgate_packet *packets, size_t n, struct rpcgate_ahead *ahead)
{
	/* what opens_midstream() and an SMB header begin with */
	static const uint8_t begins[256] = { [5] = PEEK_BEGINS, ['n'] = PEEK_BEGINS };

	for (size_t i = 0; i < n; i++)
		if (!packet_peek(&packets[i], begins, &ahead[i]))
			ahead[i] = (struct rpcgate_ahead){ .kind = PEEK_ODD };
}

/* Seen from another thread: wrong now and then, and nothing but time depends on it */
static bool may_be_ours(const struct rpcgate *g, const struct rpcgate_ahead *a)
{
	unsigned uses =
		ports_hint(&g->ports, peek_src_port(a)) + ports_hint(&g->ports, peek_dst_port(a));

	return a->kind & PEEK_TCP && uses & (PEEK_PINHOLES | PEEK_FLOWS);
}

void rpcgate_sum_ahead(const struct rpcgate *gate, const struct rpcgate_packet *packets, size_t n,
		       struct rpcgate_ahead *ahead)
{
	struct packet p;

	for (size_t i = 0; i < n; i++)
		if (may_be_ours(gate, &ahead[i])) {
			(void)packet_decode_plain(&packets[i], &ahead[i], &p);
			ahead[i].sum = (uint16_t)(checksum_verify(&p) + 1);
		}
}

/* What is somebody's whatever its ports are */
static inline uint32_t asked_of(const struct rpcgate *g)
{
	return PEEK_ALWAYS |
	       (g->talks.opened || (g->policy && policy_asks_udp(g->policy)) ? PEEK_UDP_ASKED : 0);
}

static inline bool is_nobodys(const struct rpcgate *g, const struct rpcgate_packet *in,
			      const struct rpcgate_ahead *a, uint32_t asked)
{
	_Static_assert(RPCGATE_STANDING_NONE == 0, "no branch");
	return !(peek_wanted(a, &g->ports, asked) | (uint32_t)in->standing);
}

/* Of what may be somebody's, what will be read */
static void fetch(const struct rpcgate *g, const struct rpcgate_packet *packets,
		  const struct rpcgate_ahead *ahead, uint32_t which, struct group *group)
{
	for (; which; which &= which - 1) {
		const unsigned i = (unsigned)__builtin_ctz(which);

		if (!(ahead[i].kind & PEEK_TCP))
			continue;
		group->hash[i] =
			flow_hash_plain(&g->flows, packets[i].data, &ahead[i], packets[i].zone);
		flow_prefetch(&g->flows, group->hash[i]);
	}
}

/* From the last to the first, so that a bit is one step */
static inline void look_for_wanted(const struct rpcgate *g, const struct rpcgate_packet *packets,
				   const struct rpcgate_ahead *ahead, size_t n, struct group *group)
{
	const uint32_t asked = asked_of(g);
	uint64_t later = packets[n - 1].time_ns;
	uint32_t nobodys = 0, back = 0;

#pragma GCC unroll 4
	for (size_t i = n; i--;) {
		const struct rpcgate_packet *in = &packets[i];

		nobodys += nobodys + is_nobodys(g, &packets[i], &ahead[i], asked);
		back += in->time_ns > later;
		later = in->time_ns;
	}
	group->wanted = ~nobodys & ((1U << n) - 1);
	group->in_order = !back;
}

/* Nor has any flow its hash.  segment() comes to the same, after comparing keys. */
static inline bool has_no_flow(const struct rpcgate *g, const struct rpcgate_packet *packet,
			       const struct rpcgate_ahead *a, const uint32_t *hash)
{
	return a->kind & PEEK_TCP && packet->standing == RPCGATE_STANDING_NONE && is_quiet(a) &&
	       !pinhole_has_port(g, peek_src_port(a)) && !pinhole_has_port(g, peek_dst_port(a)) &&
	       !flow_may_exist(&g->flows, *hash);
}

static inline struct rpcgate_result pass_nobodys(const struct rpcgate *g,
						 const struct rpcgate_ahead *a)
{
	bool data = (a->kind & PEEK_TCP) && a->payload < a->end;

	_Static_assert(RPCGATE_STANDING_NONE == 0,
		       "no branch: whether it carries octets is chance");
	return (struct rpcgate_result){
		.action = RPCGATE_PASS,
		.standing = (enum rpcgate_standing)(RPCGATE_STANDING_FOREIGN * data),
		.l3_offset = peek_l3(a),
		.events = g->events,
	};
}

static void judge_plain(struct rpcgate *g, const struct rpcgate_packet *packet,
			const struct rpcgate_ahead *a, const uint32_t *hash)
{
	struct packet p;

	p.sum = (uint8_t)a->sum;
	if (packet_decode_plain(packet, a, &p) == DECODE_TCP)
		segment(g, &p, packet, hash);
	else
		user_datagram(g, &p, packet);
	g->result.l3_offset = p.l3_offset;
}

static void judge_odd(struct rpcgate *g, const struct rpcgate_packet *packet)
{
	struct packet p;

	switch (packet_decode(packet, &p)) {
	case DECODE_TCP:
		g->stats.packets_tcp++;
		segment(g, &p, packet, NULL);
		break;
	case DECODE_UDP:
		g->stats.packets_udp++;
		user_datagram(g, &p, packet);
		break;
	case DECODE_FRAGMENT:
		fragment(g, &p, packet);
		break;
	case DECODE_OTHER:
	case DECODE_TRUNCATED: /* counted already */
		g->stats.packets_other++;
		break;
	case DECODE_MALFORMED:
		g->stats.packets_malformed++;
		break;
	}
	g->result.l3_offset = p.l3_offset;
}

/* Odd ones were counted by their kind when they were decoded */
static inline void count_packets(struct rpcgate *g, const struct rpcgate_packet *packets,
				 const struct rpcgate_ahead *ahead, size_t n)
{
	uint64_t octets = 0, truncated = 0;
	uint32_t kinds = 0;

	_Static_assert(AT_ONCE <= PEEK_SUM, "kinds are added up");
#pragma GCC unroll 4
	for (size_t i = 0; i < n; i++) {
		octets += packets[i].len;
		truncated += packets[i].caplen < packets[i].len;
		kinds += ahead[i].kind;
	}
	g->stats.packets += n;
	g->stats.octets += octets;
	g->stats.packets_truncated += truncated;
	g->stats.packets_tcp += peek_sum_tcp(kinds);
	g->stats.packets_udp += peek_sum_udp(kinds);
}

/* Capture times at which there is nothing to do about time but to remember the latest */
struct calm {
	uint64_t until; /* 0: there is something to do with each packet */
	uint64_t latest;
};

static inline struct calm calm_of(const struct rpcgate *g)
{
	uint64_t until = captured_ns(g, g->sweep_ns + SWEEP_EVERY_NS);

	return (struct calm){ g->pinholes.sweep_left || until > LATEST_NS ? 0 : until,
			      captured_ns(g, g->now_ns) };
}

/* The same of packets whose times are in order, but for what is to be remembered */
static inline bool stay_calm(const struct calm *calm, uint64_t first_ns, uint64_t last_ns)
{
	return last_ns < calm->until && first_ns + CLOCK_JITTER_NS >= calm->latest;
}

static inline bool stays_calm(struct calm *calm, uint64_t time_ns)
{
	if (time_ns >= calm->until || time_ns + CLOCK_JITTER_NS < calm->latest)
		return false;
	if (time_ns > calm->latest)
		calm->latest = time_ns;
	return true;
}

/* A number that differs when more packets are wanted than before */
static inline uint64_t wants(const struct rpcgate *g)
{
	return g->ports.firsts + g->talks.opened;
}

static void judge_one(struct rpcgate *g, const struct rpcgate_packet *packet,
		      const struct rpcgate_ahead *a, const uint32_t *hash, struct calm *calm,
		      bool is_calm)
{
	const uint64_t time_ns = packet->time_ns;

	begin(g);
	if (is_calm) {
		clock_follow(g, time_ns > calm->latest ? time_ns : calm->latest);
		g->event_ns = time_ns;
	} else {
		clock_follow(g, calm->latest);
		pass_time(g, time_ns);
	}
	if (peek_is_plain(a))
		judge_plain(g, packet, a, hash);
	else
		judge_odd(g, packet);
	if (!is_calm)
		*calm = calm_of(g);
}

/* Where results go: to all packets, or to those that there is something to say of */
struct sink {
	struct rpcgate_result *all;
	struct rpcgate_told *told;
	size_t n_told;
	size_t judged; /* before this group */
	bool stopped;  /* there are events to be told before anything else is judged */
};

static inline bool says_something(const struct rpcgate_result *r)
{
	return r->flow_id || r->n_events | r->action | r->reason | r->not_rpc;
}

static inline void put(struct sink *sink, size_t i, const struct rpcgate_result *result)
{
	_Static_assert(RPCGATE_PASS == 0, "nothing to say");
	if (sink->all)
		sink->all[sink->judged + i] = *result;
	else if (says_something(result)) {
		struct rpcgate_told *told = &sink->told[sink->n_told++];

		told->at = sink->judged + i;
		memcpy(&told->result, result, sizeof(*result));
	}
}

/* Those who have results one by one are to act on each before they see the next */
static inline bool stops(struct rpcgate *g, const struct sink *sink)
{
	g->n_told += g->result.n_events;
	return sink->all ? g->result.n_events != 0 : g->n_told >= EVENTS_BEFORE;
}

/* Some packet made more wanted than was when those behind it were looked at */
static void want_more(const struct rpcgate *g, const struct rpcgate_packet *packets,
		      const struct rpcgate_ahead *ahead, size_t from, size_t n, struct group *group)
{
	const uint32_t asked = asked_of(g);
	uint32_t more = 0;

	for (size_t i = from; i < n; i++)
		if (!is_nobodys(g, &packets[i], &ahead[i], asked))
			more |= 1U << i;
	more &= ~group->wanted;
	group->wanted |= more;
	if (more)
		fetch(g, packets, ahead, more, group);
}

static inline bool is_wanted(const struct group *group, size_t i)
{
	return group->wanted >> i & 1;
}

static inline size_t next_wanted(const struct group *group, size_t i, size_t n)
{
	const uint32_t left = group->wanted >> i;

	return left ? i + (size_t)__builtin_ctz(left) : n;
}

/* Judge one that may be somebody's, or brings time that must pass */
static void judge_here(struct rpcgate *g, const struct rpcgate_packet *packets,
		       const struct rpcgate_ahead *ahead, size_t i, size_t n, struct group *group,
		       struct calm *calm, bool is_calm)
{
	const bool known = is_wanted(group, i) && ahead[i].kind & PEEK_TCP;
	const uint64_t wanted = wants(g);

	judge_one(g, &packets[i], &ahead[i], known ? &group->hash[i] : NULL, calm, is_calm);
	if (wants(g) != wanted)
		want_more(g, packets, ahead, i + 1, n, group);
}

/* @return how many were judged: all, or up to the one that stops */
static size_t feed_some(struct rpcgate *g, const struct rpcgate_packet *packets,
			const struct rpcgate_ahead *ahead, size_t n, struct calm *calm,
			struct sink *sink)
{
	struct group group;
	bool all_calm, is_calm;

	look_for_wanted(g, packets, ahead, n, &group);
	fetch(g, packets, ahead, group.wanted, &group);
	all_calm = group.in_order && stay_calm(calm, packets[0].time_ns, packets[n - 1].time_ns);
	for (size_t i = 0; sink->all && i < n; i++)
		sink->all[sink->judged + i] = pass_nobodys(g, &ahead[i]);
	for (size_t i = all_calm ? next_wanted(&group, 0, n) : 0; i < n;
	     i = all_calm ? next_wanted(&group, i + 1, n) : i + 1) {
		is_calm = all_calm || stays_calm(calm, packets[i].time_ns);
		if (is_calm && (!is_wanted(&group, i) ||
				has_no_flow(g, &packets[i], &ahead[i], &group.hash[i])))
			continue;
		judge_here(g, packets, ahead, i, n, &group, calm, is_calm);
		put(sink, i, &g->result);
		sink->stopped = stops(g, sink);
		if (sink->stopped)
			n = i + 1;
	}
	if (all_calm)
		(void)stays_calm(calm, packets[n - 1].time_ns);
	return n;
}

static size_t feed(struct rpcgate *g, const struct rpcgate_packet *packets,
		   const struct rpcgate_ahead *ahead, size_t n, struct sink *sink)
{
	struct calm calm = calm_of(g);

	while (sink->judged < n) {
		const size_t at = sink->judged, left = n - at;
		const size_t some = left < AT_ONCE ? left : AT_ONCE;
		const size_t judged = feed_some(g, packets + at, ahead + at, some, &calm, sink);

		count_packets(g, packets + at, ahead + at, judged);
		sink->judged += judged;
		if (sink->stopped)
			break;
	}
	g->n_told = 0;
	clock_follow(g, calm.latest);
	return sink->judged;
}

size_t rpcgate_feed_ahead(struct rpcgate *gate, const struct rpcgate_packet *packets,
			  const struct rpcgate_ahead *ahead, size_t n,
			  struct rpcgate_result *results)
{
	struct sink sink = { .all = results };

	return feed(gate, packets, ahead, n, &sink);
}

size_t rpcgate_feed_told(struct rpcgate *gate, const struct rpcgate_packet *packets,
			 const struct rpcgate_ahead *ahead, size_t n, struct rpcgate_told *told,
			 size_t *n_told)
{
	struct sink sink = { .told = told };
	const size_t judged = feed(gate, packets, ahead, n, &sink);

	*n_told = sink.n_told;
	return judged;
}

size_t rpcgate_feed_batch(struct rpcgate *gate, const struct rpcgate_packet *packets, size_t n,
			  struct rpcgate_result *results)
{
	struct rpcgate_ahead ahead[AT_ONCE];

	for (size_t at = 0, some, judged; at < n; at += some) {
		some = n - at < AT_ONCE ? n - at : AT_ONCE;
		rpcgate_look_ahead(packets + at, some, ahead);
		judged = rpcgate_feed_ahead(gate, packets + at, ahead, some, results + at);
		if (results[at + judged - 1].n_events)
			return at + judged;
	}
	return n;
}

struct rpcgate_result rpcgate_feed(struct rpcgate *gate, const struct rpcgate_packet *packet)
{
	struct rpcgate_result result;

	(void)rpcgate_feed_batch(gate, packet, 1, &result);
	return result;
}

struct rpcgate_result rpcgate_tick(struct rpcgate *gate, uint64_t now_ns)
{
	begin(gate);
	pass_time(gate, now_ns);
	return gate->result;
}

/* The last octets of a flow: holes will not be filled any more */
static void flush(struct rpcgate *g, uint32_t index)
{
	struct flow *f = flow_at(&g->flows, index);

	for (unsigned side = 0; side < 2; side++)
		while (f->stream[side].islands && !is_stranger(g, f))
			give_up_hole(g, f, side);
}

/* Events left free before a flow is ended: at least its own */
static size_t finish_room(const struct rpcgate *g)
{
	uint32_t half = g->cfg.max_events / 2;

	return !half ? 1 : half < FINISH_ROOM ? half : FINISH_ROOM;
}

struct rpcgate_result rpcgate_finish(struct rpcgate *gate)
{
	begin(gate);
	for (unsigned age = 0; age < FLOW_AGES; age++) {
		uint32_t index;

		while (event_room(gate, finish_room(gate)) &&
		       (index = flow_oldest(&gate->flows, age))) {
			if (gate->cfg.mode == RPCGATE_OBSERVE)
				flush(gate, index);
			flow_end(gate, index, RPCGATE_FLOW_OPEN);
		}
	}
	fragments_expire(&gate->fragments, UINT64_MAX); /* what is missing will not come */
	pinholes_sweep_all(gate);
	return gate->result;
}
