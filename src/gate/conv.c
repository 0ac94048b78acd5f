/* SPDX-License-Identifier: BSD-2-Clause */
/* conv.c - one RPC conversation on one TCP connection
 *
 * Cuts PDUs out of both streams (C706 12.6.1) and hands them to those who read them, in association.c
 * and calls.c.  A PDU that lies whole in a segment is read in place; bodies nobody needs are skipped
 * by their length, not stored.
 * Where a rule judges requests, their head is read: 24 octets, in the clear at any level.
 *
 * What was read of PDUs that decide something is kept until it is acknowledged: a later copy with
 * other octets is a conflict.  Of a skipped PDU that is its header, which decides where the next
 * one starts.
 */
#include "conv.h"

#define USUAL_FRAGMENT 5840U /* servers take requests up to it, whatever was negotiated */

static const char banner[] = "ncacn_http/1.0"; /* MS-RPCH 2.1.1.1: no line end */
#define BANNER_LEN (sizeof(banner) - 1)

enum want {
	WANT_HEADER, /* the body is skipped */
	WANT_MAPPER, /* the body is read on connections to the mapper */
	WANT_BODY
};

static const struct {
	pdu_handler *handle;
	enum want want;
} by_type[] = {
	[PDU_REQUEST] = { calls_request, WANT_MAPPER },
	[PDU_RESPONSE] = { calls_response, WANT_MAPPER },
	[PDU_FAULT] = { calls_fault, WANT_BODY },
	[PDU_BIND] = { association_bind, WANT_BODY },
	[PDU_BIND_ACK] = { association_ack, WANT_BODY },
	[PDU_BIND_NAK] = { association_nak, WANT_BODY },
	[PDU_ALTER_CONTEXT] = { association_bind, WANT_BODY },
	[PDU_ALTER_CONTEXT_RESP] = { association_ack, WANT_BODY },
	[PDU_ORPHANED] = { NULL, WANT_HEADER }, /* makes the table long enough for all types */
};

/* ------------------------------------------------------------------- trouble */

struct rpcgate_alert_event *conv_alert(const struct step *s, enum rpcgate_reason reason,
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

void conv_object(const struct step *s, enum rpcgate_reason reason, const struct pdu_header *h)
{
	conv_alert(s, reason, h);
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

void conv_lose(const struct step *s, enum rpcgate_reason reason, const struct pdu_header *h)
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
	conv_object(s, reason, h);
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

	conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, pdu_begins(in, &h) ? if_ours(s, &h) : NULL);
}

/* Longer than both sides agreed on: the receiver refuses it, and closes */
static void judge_length(const struct step *s, const struct pdu_header *h)
{
	struct conv *c = s->c->tunnel ? talk_of(s).c : s->c;

	if (h->frag_length <= c->most_octets || !c->bound || c->long_told)
		return;
	c->long_told = true;
	conv_object(s, RPCGATE_REASON_MALFORMED_PDU, h);
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
		conv_object(s, RPCGATE_REASON_MALFORMED_PDU, h);
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
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, if_ours(s, h));
		return false;
	}
	/* no server executes a request before a bind: this one was not RPC, or an attempt */
	if (h->ptype == PDU_REQUEST && !s->c->has_bind && !s->f->midstream && !s->c->gap) {
		conv_lose(s, RPCGATE_REASON_CONTEXT_NOT_ACCEPTED, if_ours(s, h));
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
		conv_lose(s, RPCGATE_REASON_MALFORMED_PDU, h);
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
	conv_lose(s, RPCGATE_REASON_LIMIT, NULL);
	return false;
}

/* A header was read whose body nobody needs; of a judged request the head is there, too */
static void skip_body(const struct step *s, const struct pdu_header *h, const uint8_t *octets,
		      uint32_t have)
{
	if (have == PDU_REQUEST_HEAD_LEN)
		calls_judge(s, h, load16(octets + 20, h->big), load16(octets + 22, h->big));
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
	conv_object(s, RPCGATE_REASON_LIMIT, whole ? &h : NULL);
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
		conv_object(s, RPCGATE_REASON_LIMIT, NULL);
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
	conv_object(s, RPCGATE_REASON_MALFORMED_PDU, NULL);
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
	conv_object(s, RPCGATE_REASON_MIDSTREAM, NULL);
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
