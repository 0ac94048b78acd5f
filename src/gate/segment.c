/* SPDX-License-Identifier: BSD-2-Clause */
/* segment.c - a segment of TCP: find its flow, keep both streams, ask the conversation
 * (RFC 9293 3.10.7) */
#include "segment.h"

#include "checksum.h"
#include "connection.h"
#include "gate.h"

/* What few packets need is not part of the functions that every one goes through: it would cost all
 * of them registers and a guard on the stack */
#define APART __attribute__((noinline))

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
	flow_alert(g, f, RPCGATE_REASON_STREAM_CONFLICT, RPCGATE_REJECT);
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
	packet_drop(g, RPCGATE_REASON_STREAM_CONFLICT);
	if (f->path_told || !is_ours(g, f))
		return;
	f->path_told = true;
	flow_alert(g, f, RPCGATE_REASON_STREAM_CONFLICT, RPCGATE_DROP);
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
		packet_drop(g, RPCGATE_REASON_MIDSTREAM);
		return;
	}
	news = stream_put(&g->arena, s, p->seq, p->payload, g->cfg.max_island_octets, &octets);
	if (news & STREAM_FULL) {
		event_limit(g, LIMIT_ISLANDS, "limit.islands or limit.buffers: a hole is given up");
		packet_drop(g, RPCGATE_REASON_LIMIT);
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
		packet_drop(g, RPCGATE_REASON_LIMIT);
	/* it comes again; passed on, it would complete what another engine sees the beginning of */
	if (news & STREAM_HELD && f->conv && CONV_AT(g, f->conv)->resumed)
		packet_drop(g, RPCGATE_REASON_MIDSTREAM);
	read_octets(g, f, side, octets);
	if (stream_waits(s))
		drain(g, f, side);
	if (s->conflict)
		conflict(g, f);
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

	packet_drop(g, RPCGATE_REASON_MALFORMED_PDU);
	if (!s->synced || !p->payload.n || p->tcp_flags & TCP_SYN || !(p->tcp_flags & TCP_ACK))
		return;
	if (!stream_doubt(&g->arena, s, g->event_ns, p->seq, p->payload, g->cfg.max_island_octets))
		event_limit(g, LIMIT_BUFFERS, "limit.buffers: a doubtful segment was not held");
}

void segments_flush(struct rpcgate *g, uint32_t index)
{
	struct flow *f = flow_at(&g->flows, index);

	for (unsigned side = 0; side < 2; side++)
		while (f->stream[side].islands && !is_stranger(g, f))
			give_up_hole(g, f, side);
}

/* ----------------------------------------------------------------- segments */

/* The flow says something else than RPC: on a port where only RPC may be spoken that is a
 * violation, elsewhere none of our business, and costs nothing from here on */
static void stranger(struct rpcgate *g, uint32_t index)
{
	struct flow *f = flow_at(&g->flows, index);
	bool must = flow_must_be_rpc(g, f);

	g->stats.flows_not_rpc++;
	if (must) {
		flow_alert(g, f, RPCGATE_REASON_NOT_RPC, RPCGATE_REJECT);
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
		packet_drop(g, RPCGATE_REASON_NOT_RPC);
	else if (g->cfg.mode == RPCGATE_ENFORCE && p->payload.n < p->payload_len)
		packet_drop(g, RPCGATE_REASON_REASSEMBLY_GAP); /* what was cut off would pass */
	else
		read_payload(g, f, side, p);
}

/* The four-tuple of a refused connection may be used again: the handshake tells */
static bool opens_again(const struct packet *p)
{
	return p->tcp_flags & TCP_SYN && !p->payload.n;
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
		flows_keep_room(g, index);
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
		index = flow_admit(g, p, in, side, low_hash);
	if (!index) {
		flow_unknown(g, p, in);
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
		packet_drop(g, f->why);
	}
	if (!checksum_fits(g, f, side, p, in->checksum)) {
		doubt(g, f, side, p);
		settle(g, f);
		return;
	}
	if (p->tcp_flags & TCP_SYN) {
		index = flow_syn(g, index, side, p);
		f = flow_at(&g->flows, index);
		/* the client's first packet opens, also where the other side sent a SYN before */
		if (p->tcp_flags & TCP_ACK ||
		    (!flow_is_opening(f) && (f->client != side || f->packets[side])))
			f->must_fit |= flow_must_be_rpc(g, f);
		else if (!flow_open(g, index, p))
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
		flows_keep_room(g, index);
	if (!is_unread(f, side, in))
		read_segment(g, index, side, p);
	if (is_stranger(g, f))
		stranger(g, index);
	else {
		flow_touch(&g->flows, index, g->now_ns, age_of(g, f));
		settle(g, f);
	}
}

void segment_judge(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in,
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
