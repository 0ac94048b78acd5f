/* SPDX-License-Identifier: BSD-2-Clause */
/* feed.c - packets one by one or many at a time, and the time that they bring
 *
 * Of many, sixteen at a time are looked at before the first of them is judged: most are nobody's,
 * which their ports tell, and what is known of the others is on its way from memory by then. */
#include "checksum.h"
#include "connection.h"
#include "gate.h"
#include "segment.h"

#define CLOCK_JITTER_NS NS_PER_S   /* capture files are out of order by less than this */
#define LATEST_NS (UINT64_MAX / 2) /* the year 2262: what comes later leaves room for deadlines */
#define SWEEP_EVERY_NS (NS_PER_S / 64) /* a slice of the pinholes */
#define SWEEP_SLICES 64U
#define SWEEP_MIN 16U
#define FLOWS_AT_ONCE 512U /* idle flows of one age let go with one packet: 0.1 ms */
#define AT_ONCE PEEK_SUM   /* packets looked at before any of them is judged */

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
		packet_drop(g, RPCGATE_REASON_MALFORMED_PDU);
		return;
	}
	switch (fragments_add(&g->fragments, in->zone, g->now_ns, p, &joined, &handle)) {
	case PARSE_MORE:
		return;
	case PARSE_BAD:
		packet_drop(g, RPCGATE_REASON_MALFORMED_PDU);
		return;
	case PARSE_OK:
		break;
	}
	g->stats.datagrams_joined++;
	switch (packet_decode_joined(joined, p)) {
	case DECODE_TCP:
		g->stats.packets_tcp++;
		segment_judge(g, p, in, NULL);
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

/* Nor has any flow its hash.  segment_judge() comes to the same, after comparing keys. */
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
		segment_judge(g, &p, packet, hash);
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
		segment_judge(g, &p, packet, NULL);
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

	result_begin(g);
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
	result_begin(gate);
	pass_time(gate, now_ns);
	return gate->result;
}
