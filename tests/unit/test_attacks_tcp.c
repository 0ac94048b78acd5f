/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks below RPC, T1 to T15: the server decides what it reads; the filter reads the same or
 * refuses.  Every attack has a harmless twin that must get through.
 */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ------------------------------------------------------------- T1 segments */

static void octet_by_octet(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->mss = 1;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void backwards(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	for (size_t i = bind->n; i-- > 0;)
		conn_at(c, CLIENT, (int32_t)i, bind->p + i, 1);
	play_mark(p);
}

static void shuffled(struct play *p, struct conn *c, const struct octets *bind)
{
	struct random random = { 7 };
	size_t order[128];

	conn_open(c);
	for (size_t i = 0; i < bind->n; i++)
		order[i] = i;
	for (size_t i = bind->n - 1; i > 0; i--) {
		size_t k = (size_t)random_below(&random, i + 1), was = order[i];

		order[i] = order[k];
		order[k] = was;
	}
	for (size_t i = 0; i < bind->n; i++)
		conn_at(c, CLIENT, (int32_t)order[i], bind->p + order[i], 1);
	play_mark(p);
}

static void t1_one_octet_per_segment(void **state)
{
	(void)state;
	play_twins(octet_by_octet, "one octet a segment");
	play_twins(backwards, "reversed");
	play_twins(shuffled, "shuffled");
}

/* ------------------------------------------------------------- T2 overlaps */

/* The UUID stands at 32..47 and differs in every octet: both ranges meet there */
struct geometry {
	const char *name;
	size_t first_at, first_n, second_at, second_n;
};

static const struct geometry geometries[] = {
	{ "same range", 36, 8, 36, 8 },  { "left edge", 36, 8, 30, 10 },
	{ "right edge", 36, 8, 40, 20 }, { "inside", 36, 8, 38, 4 },
	{ "around", 36, 8, 30, 30 },
};

/* Send @first's octets, then @second's over them, then fill in the rest with @first */
static void overlapped(struct play *p, const struct geometry *g, bool queued,
		       const struct octets *first, const struct octets *second)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	conn_open(&c);
	if (!queued)
		conn_at(&c, CLIENT, 0, first->p, g->first_at);
	conn_at(&c, CLIENT, (int32_t)g->first_at, first->p + g->first_at, g->first_n);
	conn_at(&c, CLIENT, (int32_t)g->second_at, second->p + g->second_at, g->second_n);
	conn_at(&c, CLIENT, 0, first->p, first->n);
	play_mark(p);
}

static void t2_overlap_with_other_octets(void **state)
{
	struct octets samr = { 0 }, drsuapi = { 0 };

	(void)state;
	play_bind_pdu(&samr, &iface_samr);
	play_bind_pdu(&drsuapi, &iface_drsuapi);
	for (size_t i = 0; i < COUNT(geometries) * 4; i++) {
		const struct geometry *g = &geometries[i / 4];
		bool turned = i & 1, queued = i & 2;
		struct play p;

		play_begin(&p, g->name);
		play_map(&p, &iface_samr, PORT);
		overlapped(&p, g, queued, turned ? &drsuapi : &samr, turned ? &samr : &drsuapi);
		play_must_refuse_for(&p, &iface_drsuapi, RPCGATE_REASON_STREAM_CONFLICT);
		if (play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW))
			fail_msg("%s: a bind in two versions was allowed", g->name);
		play_end(&p);

		play_begin(&p, g->name);
		play_map(&p, &iface_samr, PORT);
		overlapped(&p, g, queued, &samr, &samr);
		play_must_allow(&p, &iface_samr);
		play_end(&p);
	}
	octets_free(&samr);
	octets_free(&drsuapi);
}

/* ------------------------------------------------------ T3 retransmissions */

/* Other octets over what the server has acknowledged: the server ignores them, so do we */
static void t3_other_octets_after_the_acknowledgement(void **state)
{
	struct octets samr = { 0 }, drsuapi = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_bind_pdu(&samr, &iface_samr);
	play_bind_pdu(&drsuapi, &iface_drsuapi);
	play_begin(&p, "rewritten history");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	conn_send(&c, CLIENT, samr.p, samr.n);
	conn_at(&c, CLIENT, -(int32_t)samr.n, drsuapi.p, drsuapi.n);
	play_judge(&p);
	assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW), 1);
	assert_int_equal(play_binds(&p.enforce, &iface_drsuapi, 0, RPCGATE_ALLOW), 0);
	play_end(&p);

	play_begin(&p, "keep-alive");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	conn_at(&c, CLIENT, -1, "x", 1);
	conn_send(&c, CLIENT, samr.p, samr.n);
	conn_at(&c, CLIENT, -1, "x", 1);
	conn_at(&c, SERVER, -1, "y", 1);
	talk_alter(&c, &iface_samr, 1, 2);
	play_mark(&p);
	play_must_allow(&p, &iface_samr);
	assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW), 2);
	play_end(&p);
	octets_free(&samr);
	octets_free(&drsuapi);
}

/* ----------------------------------------- T4 copies that reach nobody */

/* Send the other interface's Bind so that no server takes it, then the real one */
static void decoy(struct conn *c, const struct octets *real, const struct segment *change,
		  enum sums sums)
{
	struct octets other = { 0 };
	struct octets samr = { 0 };
	struct segment seg;

	play_bind_pdu(&samr, &iface_samr);
	play_bind_pdu(&other, memcmp(samr.p, real->p, real->n) == 0 ? &iface_drsuapi : &iface_samr);
	conn_open(c);
	seg = conn_segment(c, CLIENT, other.p, other.n);
	seg.seq += change->seq;
	seg.flags = change->flags;
	c->how.sums = sums;
	conn_put(c, &seg);
	c->how.sums = SUMS_RIGHT;
	conn_data(c, CLIENT, real->p, real->n);
	octets_free(&other);
	octets_free(&samr);
}

static void wrong_tcp_checksum(struct play *p, struct conn *c, const struct octets *bind)
{
	decoy(c, bind, &(struct segment){ .flags = ACK | PSH }, SUMS_TCP_WRONG);
	play_mark(p);
}

static void wrong_ip_checksum(struct play *p, struct conn *c, const struct octets *bind)
{
	decoy(c, bind, &(struct segment){ .flags = ACK | PSH }, SUMS_IP_WRONG);
	play_mark(p);
}

static void no_ack_flag(struct play *p, struct conn *c, const struct octets *bind)
{
	decoy(c, bind, &(struct segment){ .flags = PSH }, SUMS_RIGHT);
	play_mark(p);
}

static void no_flags(struct play *p, struct conn *c, const struct octets *bind)
{
	decoy(c, bind, &(struct segment){ .flags = 0 }, SUMS_RIGHT);
	play_mark(p);
}

static void outside_the_window(struct play *p, struct conn *c, const struct octets *bind)
{
	decoy(c, bind, &(struct segment){ .flags = ACK, .seq = 0x40000000 }, SUMS_RIGHT);
	play_mark(p);
}

static void t4_copies_that_never_arrive(void **state)
{
	struct octets samr = { 0 }, drsuapi = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_twins(wrong_tcp_checksum, "wrong TCP checksum");
	play_twins(wrong_ip_checksum, "wrong IP checksum");
	play_twins(no_ack_flag, "no ACK flag");
	play_twins(no_flags, "no flags");
	play_twins(outside_the_window, "outside the window");

	/* a low TTL cannot be told from here: then it is a contradiction */
	play_bind_pdu(&samr, &iface_samr);
	play_bind_pdu(&drsuapi, &iface_drsuapi);
	play_begin(&p, "TTL 1");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	c.how.ttl = 1;
	conn_at(&c, CLIENT, 0, samr.p, samr.n);
	c.how.ttl = 64;
	conn_at(&c, CLIENT, 0, drsuapi.p, drsuapi.n);
	play_mark(&p);
	play_must_refuse_for(&p, &iface_drsuapi, RPCGATE_REASON_STREAM_CONFLICT);
	play_end(&p);
	octets_free(&samr);
	octets_free(&drsuapi);
}

/* -------------------------------------------- T5 resets nobody believes */

static void false_end(struct conn *c, enum side from, int32_t offset, unsigned flags,
		      enum sums sums)
{
	struct segment seg = conn_segment(c, from, NULL, 0);

	seg.seq += (uint32_t)offset;
	seg.flags = (uint8_t)flags;
	c->how.sums = sums;
	conn_put(c, &seg);
	c->how.sums = SUMS_RIGHT;
}

static void reset_ignored(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	false_end(c, CLIENT, 100, RST, SUMS_RIGHT);
	false_end(c, SERVER, 70000, RST, SUMS_RIGHT);
	false_end(c, CLIENT, 0, RST, SUMS_TCP_WRONG);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void exact_reset_with_low_ttl(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->how.ttl = 1;
	false_end(c, CLIENT, 0, RST, SUMS_RIGHT);
	c->how.ttl = 64;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void fin_ahead(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	false_end(c, CLIENT, (int32_t)bind->n, FIN | ACK, SUMS_RIGHT);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void t5_resets_that_end_nothing(void **state)
{
	(void)state;
	play_twins(reset_ignored, "RST off the edge");
	play_twins(exact_reset_with_low_ttl, "RST that died on the way");
	play_twins(fin_ahead, "FIN before the data");
}

/* ------------------------------------------------- T6 a tuple used again */

static void syn_in_a_live_flow(struct play *p, struct conn *c, const struct octets *bind)
{
	struct segment seg;

	conn_open(c);
	seg = conn_segment(c, CLIENT, NULL, 0);
	seg.flags = SYN;
	seg.seq += 500000;
	conn_put(c, &seg);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void after_a_close(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	talk_bind(c, &iface_samr, 1);
	conn_close(c, CLIENT);
	p->clock_ns += 1000000000;
	c->peer[CLIENT].seq += 100000;
	c->peer[SERVER].seq += 100000;
	conn_open(c);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void after_a_reset(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	talk_bind(c, &iface_samr, 1);
	conn_reset(c, CLIENT);
	p->clock_ns += 1000000000;
	c->peer[CLIENT].seq += 100000;
	c->peer[SERVER].seq += 100000;
	conn_open(c);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void t6_second_syn_and_reused_tuple(void **state)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 5 };
	struct octets request = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_twins(syn_in_a_live_flow, "SYN inside a connection");
	play_twins(after_a_close, "the tuple again after a close");
	play_twins(after_a_reset, "the tuple again after a reset");

	/* no verdict is inherited: a request without a Bind of its own is refused */
	pdu_call(&request, &head_plain, &ask, "12345678", 8);
	play_begin(&p, "request on a reused tuple");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	talk_bind(&c, &iface_samr, 1);
	conn_close(&c, CLIENT);
	p.clock_ns += 1000000000;
	c.peer[CLIENT].seq += 100000;
	conn_open(&c);
	conn_data(&c, CLIENT, request.p, request.n);
	play_mark(&p);
	play_must_refuse(&p, &iface_drsuapi);
	play_end(&p);
	octets_free(&request);
}

/* -------------------------------------------------- T7 odd ways to open */

static void data_in_the_syn(struct play *p, struct conn *c, const struct octets *bind)
{
	struct octets other = { 0 };
	struct segment seg;

	play_bind_pdu(&other, &iface_samr);
	seg = conn_segment(c, CLIENT, other.p, other.n);
	seg.flags = SYN;
	seg.ack = 0;
	conn_put(c, &seg);
	conn_skip(c, CLIENT, 1);
	seg = conn_segment(c, SERVER, NULL, 0);
	seg.flags = SYN | ACK; /* acknowledges the SYN alone */
	conn_put(c, &seg);
	conn_skip(c, SERVER, 1);
	conn_ack(c, CLIENT);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
	octets_free(&other);
}

static void put_flags(struct conn *c, enum side from, unsigned flags)
{
	struct segment seg = conn_segment(c, from, NULL, 0);

	seg.flags = (uint8_t)flags;
	if (!(flags & ACK))
		seg.ack = 0;
	conn_put(c, &seg);
}

static void split_handshake(struct play *p, struct conn *c, const struct octets *bind)
{
	put_flags(c, CLIENT, SYN);
	conn_skip(c, CLIENT, 1);
	put_flags(c, SERVER, SYN);
	c->peer[CLIENT].seq--;
	conn_skip(c, SERVER, 1);
	put_flags(c, CLIENT, SYN | ACK);
	conn_skip(c, CLIENT, 1);
	conn_ack(c, SERVER);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void t7_handshakes(void **state)
{
	(void)state;
	play_twins(data_in_the_syn, "data in the SYN");
	play_twins(split_handshake, "split handshake");
}

/* ---------------------------------------------------------- T8 urgent data */

static void t8_urgent_octets(void **state)
{
	struct octets bind = { 0 };
	struct segment seg;
	struct play p;
	struct conn c;

	(void)state;
	play_bind_pdu(&bind, &iface_samr);
	for (int urgent = 1; urgent >= 0; urgent--) {
		play_begin(&p, urgent ? "urgent octets in a Bind" : "the same without");
		play_map(&p, &iface_samr, PORT);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		seg = conn_segment(&c, CLIENT, bind.p, bind.n);
		if (urgent) {
			seg.flags |= URG;
			seg.urgent = 16;
		}
		conn_put(&c, &seg);
		play_mark(&p);
		if (urgent)
			play_must_refuse(&p, &iface_samr);
		else
			play_must_allow(&p, &iface_samr);
		play_end(&p);
	}
	octets_free(&bind);
}

/* ------------------------------------------------- T9 sequence numbers wrap */

static uint32_t before_the_wrap;

static void wrapping(struct play *p, struct conn *c, const struct octets *bind)
{
	c->peer[CLIENT].seq = 0U - before_the_wrap;
	c->peer[SERVER].seq = 0U - before_the_wrap / 2;
	conn_open(c);
	c->mss = 13;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

/* The same with islands that overlap each other where the numbers wrap */
static void wrapping_islands(struct play *p, struct conn *c, const struct octets *bind)
{
	c->peer[CLIENT].seq = 0U - before_the_wrap;
	conn_open(c);
	conn_at(c, CLIENT, 20, bind->p + 20, 20);
	conn_at(c, CLIENT, 60, bind->p + 60, bind->n - 60);
	conn_at(c, CLIENT, 10, bind->p + 10, 40);
	conn_at(c, CLIENT, 0, bind->p, bind->n);
	play_mark(p);
}

static void t9_numbers_wrap(void **state)
{
	(void)state;
	for (before_the_wrap = 0; before_the_wrap <= 200; before_the_wrap++) {
		play_twins(wrapping, "numbers wrap");
		play_twins(wrapping_islands, "numbers wrap between islands");
	}
	before_the_wrap = 0x80000000U;
	play_twins(wrapping, "numbers turn negative");
}

/* --------------------------------------------------------------- T10 holes */

static void filled_late(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	conn_at(c, CLIENT, 20, bind->p + 20, bind->n - 20);
	p->clock_ns += 300000000;
	conn_at(c, CLIENT, 0, bind->p, 20);
	play_mark(p);
}

/* The server has acknowledged what we did not see; what comes then is not approved */
static void t10_holes(void **state)
{
	struct octets bind = { 0 }, answer = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_twins(filled_late, "a hole filled late");

	play_bind_pdu(&bind, &iface_samr);
	play_begin(&p, "bind behind a hole");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	conn_skip(&c, CLIENT, 100);
	conn_send(&c, CLIENT, bind.p, bind.n);
	play_judge(&p);
	assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW), 0);
	assert_int_equal(play_binds(&p.observe, &iface_samr, PORT, RPCGATE_ALLOW), 0);
	play_end(&p);

	play_begin(&p, "answer with a hole");
	c = play_ask(&p);
	play_answer_pdu(&answer);
	conn_data(&c, SERVER, answer.p, 100);
	conn_skip(&c, SERVER, 8);
	conn_data(&c, SERVER, answer.p + 108, answer.n - 108);
	conn_ack(&c, CLIENT);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);

	play_begin(&p, "answer whose hole is filled");
	c = play_ask(&p);
	conn_at(&c, SERVER, 108, answer.p + 108, answer.n - 108);
	conn_at(&c, SERVER, 0, answer.p, 108);
	conn_skip(&c, SERVER, answer.n);
	play_must_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&bind);
	octets_free(&answer);
}

/* ----------------------------------------------------------- T11 mid-stream */

static void no_handshake(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void t11_midstream(void **state)
{
	struct octets answer = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_twins(no_handshake, "no handshake seen");

	play_answer_pdu(&answer);
	play_begin(&p, "the mapper's bind was not seen");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	talk_ask(&c, &iface_samr, 2);
	conn_send(&c, SERVER, answer.p, answer.n);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);

	play_begin(&p, "one direction only");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_data(&c, SERVER, answer.p, answer.n);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&answer);
}

/* --------------------------------------------------------- T12 IP fragments */

static void fragments_forward(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->how.fragment = 32;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void fragments_backward(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->how.fragment = 24;
	c->how.order = FRAGMENTS_BACKWARD;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

/* All fragments of a Bind, and one of them before that with other octets */
static void overlapping_fragments(struct play *p, struct conn *c, const struct octets *bind)
{
	struct packets pieces = { 0 };
	struct conn copy = *c;
	struct octets other = { 0 };

	conn_open(c);
	play_bind_pdu(&other, &iface_drsuapi);
	copy = *c;
	copy.out = &pieces;
	copy.how.fragment = 32;
	conn_at(&copy, CLIENT, 0, other.p, other.n);
	packets_copy(&p->packets, &pieces, 1); /* the piece with the UUID */
	packets_clear(&pieces);
	copy.id = c->id;
	conn_at(&copy, CLIENT, 0, bind->p, bind->n);
	for (size_t i = 0; i < pieces.n; i++)
		packets_copy(&p->packets, &pieces, i);
	packets_free(&pieces);
	octets_free(&other);
}

static void t12_ip_fragments(void **state)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_twins(fragments_forward, "fragments in order");
	play_twins(fragments_backward, "fragments in reverse");

	play_bind_pdu(&bind, &iface_samr);
	for (int tiny = 0; tiny < 2; tiny++) {
		play_begin(&p, tiny ? "TCP header in two fragments" : "overlapping fragments");
		play_map(&p, &iface_samr, PORT);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		if (tiny) {
			conn_open(&c);
			c.how.fragment = 8;
			conn_at(&c, CLIENT, 0, bind.p, bind.n);
		} else {
			overlapping_fragments(&p, &c, &bind);
		}
		play_judge(&p);
		if (play_binds(&p.enforce, NULL, PORT, RPCGATE_ALLOW) ||
		    play_binds(&p.observe, NULL, PORT, RPCGATE_ALLOW))
			fail_msg("%s: the bind was allowed", p.trick);
		assert_int_not_equal(p.enforce.stats.datagrams_dropped, 0);
		play_end(&p);
	}
	octets_free(&bind);
}

/* ------------------------------------------------------------- T13 wrapping */

static struct framing wrapping_of;
static bool over_ip6;

/* The mapping must come through the same wrapping: a play of its own */
static void wrapped(const struct rpcgate_syntax *iface, const char *name,
		    void (*verdict)(struct play *, const struct rpcgate_syntax *))
{
	const char *client = over_ip6 ? "2001:db8::10" : CLIENT_HOST;
	const char *server = over_ip6 ? "2001:db8::20" : SERVER_HOST;
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	play_begin(&p, name);
	c = play_dial(&p, client, server, 135);
	c.how = wrapping_of;
	talk_map(&c, &iface_samr, PORT, "0.0.0.0");
	c = play_dial(&p, client, server, PORT);
	c.how = wrapping_of;
	conn_open(&c);
	play_bind_pdu(&bind, iface);
	conn_data(&c, CLIENT, bind.p, bind.n);
	play_mark(&p);
	verdict(&p, iface);
	octets_free(&bind);
	play_end(&p);
}

static void wrapped_both(const char *name)
{
	for (int family = 0; family < 2; family++) {
		over_ip6 = family;
		wrapped(&iface_drsuapi, name, play_must_refuse);
		wrapped(&iface_samr, name, play_must_allow);
	}
}

static void t13_headers_on_the_way(void **state)
{
	static const uint32_t links[] = { RPCGATE_LINK_NULL, RPCGATE_LINK_RAW, RPCGATE_LINK_LOOP,
					  RPCGATE_LINK_LINUX_SLL, RPCGATE_LINK_LINUX_SLL2 };

	(void)state;
	for (size_t i = 0; i < COUNT(links); i++) {
		wrapping_of = (struct framing){ .linktype = links[i] };
		wrapped_both("link layer");
	}
	for (unsigned tags = 1; tags <= 8; tags++) {
		wrapping_of = framing_plain;
		wrapping_of.n_tags = tags;
		for (unsigned i = 0; i < tags; i++) {
			wrapping_of.tag[i].tpid = i + 1 < tags ? 0x88a8 : 0x8100;
			wrapping_of.tag[i].tci = (uint16_t)(10 + i);
		}
		wrapped_both("VLAN tags");
	}
	for (uint8_t n = 4; n <= 40; n = (uint8_t)(n + 4)) {
		wrapping_of = framing_plain;
		wrapping_of.n_ip_options = n;
		wrapping_of.n_extensions = n % 3 + 1;
		wrapping_of.extension[0] = n % 8 ? 0 : 60;
		wrapping_of.extension[1] = 60;
		wrapping_of.extension[2] = 43;
		wrapped_both("IPv4 options, IPv6 extension headers");
	}
}

/* -------------------------------------------------------------- T14 padding */

/* Behind the datagram stands a Bind that nobody reads */
static void padded(struct play *p, struct conn *c, const struct octets *bind)
{
	struct octets other = { 0 };

	conn_open(c);
	play_bind_pdu(&other, &iface_drsuapi);
	c->how.n_padding = other.n;
	memcpy(c->how.padding, other.p, other.n);
	conn_ack(c, CLIENT);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
	octets_free(&other);
}

static void t14_padding_is_not_payload(void **state)
{
	(void)state;
	play_twins(padded, "a Bind in the padding");
}

/* ------------------------------------------------------- T15 super-segments */

static void super_segment(struct play *p, struct conn *c, const struct octets *bind)
{
	static const uint8_t stub[5000];
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 5 };
	const struct offer offer = { 1, { .major = 0 }, 1, &syntax_ndr };
	struct offer last = offer;
	struct octets all = { 0 };

	play_bind_pdu(&all, &iface_samr);
	while (all.n < 59000)
		pdu_call(&all, &head_plain, &ask, stub, sizeof(stub));
	last.abstract = memcmp(all.p, bind->p, bind->n) == 0 ? iface_samr : iface_drsuapi;
	pdu_bind(&all, &head_plain, PTYPE_ALTER, &last, 1, NULL);
	conn_open(c);
	conn_at(c, CLIENT, 0, all.p, all.n);
	play_mark(p);
	octets_free(&all);
}

static void checksum_left_to_the_card(struct play *p, struct conn *c, const struct octets *bind)
{
	c->how.sums = SUMS_OFFLOADED;
	p->packets.checksum = RPCGATE_CSUM_OK; /* inline, the kernel says so */
	conn_open(c);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void total_length_zero(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->how.zero_length = true;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void t15_super_segments(void **state)
{
	(void)state;
	play_twins(super_segment, "64 KiB in one segment");
	play_twins(checksum_left_to_the_card, "checksum left to the card");
	play_twins(total_length_zero, "IP length 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t1_one_octet_per_segment),
		cmocka_unit_test(t2_overlap_with_other_octets),
		cmocka_unit_test(t3_other_octets_after_the_acknowledgement),
		cmocka_unit_test(t4_copies_that_never_arrive),
		cmocka_unit_test(t5_resets_that_end_nothing),
		cmocka_unit_test(t6_second_syn_and_reused_tuple),
		cmocka_unit_test(t7_handshakes),
		cmocka_unit_test(t8_urgent_octets),
		cmocka_unit_test(t9_numbers_wrap),
		cmocka_unit_test(t10_holes),
		cmocka_unit_test(t11_midstream),
		cmocka_unit_test(t12_ip_fragments),
		cmocka_unit_test(t13_headers_on_the_way),
		cmocka_unit_test(t14_padding_is_not_payload),
		cmocka_unit_test(t15_super_segments),
	};

	return cmocka_run_group_tests_name("attacks on TCP and IP", tests, NULL, NULL);
}
