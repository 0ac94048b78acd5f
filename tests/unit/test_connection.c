/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_connection.c - the life of a TCP connection as the engine sees it: which SYN counts, whose
 * sums are believed, what waits and what is let go
 */
#include <string.h>

#include "rows.h"
#include "verdict.h"

/* How a Bind comes on a connection to a port where samr is granted */
struct way_row {
	const char *name;
	void (*deliver)(struct play *p, struct conn *c, const struct octets *bind);
};

static void control(struct conn *c, enum side from, unsigned flags, uint32_t seq, uint32_t ack)
{
	struct segment seg = conn_segment(c, from, NULL, 0);

	seg.flags = (uint8_t)flags;
	seg.seq = seq;
	seg.ack = ack;
	conn_put(c, &seg);
}

static void send_bind(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

/* Numbers of a connection that was opened by hand */
static void number(struct conn *c, uint32_t client, uint32_t server)
{
	c->peer[CLIENT].seq = client;
	c->peer[SERVER].seq = server;
}

static void the_second_syn_is_answered(struct play *p, struct conn *c, const struct octets *bind)
{
	control(c, CLIENT, SYN, 100, 0);
	control(c, CLIENT, SYN, 900000, 0);
	control(c, SERVER, SYN | ACK, 7000, 900001);
	number(c, 900001, 7001);
	send_bind(p, c, bind);
}

static void the_first_syn_is_answered(struct play *p, struct conn *c, const struct octets *bind)
{
	control(c, CLIENT, SYN, 900000, 0);
	control(c, CLIENT, SYN, 100, 0);
	control(c, SERVER, SYN | ACK, 7000, 900001);
	number(c, 900001, 7001);
	send_bind(p, c, bind);
}

static void everything_comes_twice(struct play *p, struct conn *c, const struct octets *bind)
{
	for (int i = 0; i < 2; i++)
		control(c, CLIENT, SYN, 100, 0);
	for (int i = 0; i < 2; i++)
		control(c, SERVER, SYN | ACK, 7000, 101);
	number(c, 101, 7001);
	conn_ack(c, CLIENT);
	control(c, SERVER, SYN | ACK, 7000, 101);
	send_bind(p, c, bind);
}

static void a_foreign_answer_comes_late(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	control(c, SERVER, SYN | ACK, 123456, c->peer[CLIENT].seq);
	send_bind(p, c, bind);
}

static void only_the_answer_was_captured(struct play *p, struct conn *c, const struct octets *bind)
{
	control(c, SERVER, SYN | ACK, 7000, 101);
	number(c, 101, 7001);
	conn_ack(c, CLIENT);
	send_bind(p, c, bind);
}

static void both_open_at_once(struct play *p, struct conn *c, const struct octets *bind)
{
	control(c, CLIENT, SYN, 100, 0);
	control(c, SERVER, SYN, 7000, 0);
	control(c, CLIENT, SYN | ACK, 100, 7001);
	control(c, SERVER, SYN | ACK, 7000, 101);
	number(c, 101, 7001);
	send_bind(p, c, bind);
}

/* A new connection on the tuple of one that lives: another port would do the same */
static void the_tuple_is_opened_again(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	talk_bind(c, &iface_samr, 1);
	control(c, CLIENT, SYN, 900000, 0);
	control(c, SERVER, SYN | ACK, 7000, 900001);
	number(c, 900001, 7001);
	conn_ack(c, CLIENT);
	send_bind(p, c, bind);
}

/* Fast open: what the SYN carries was acknowledged with it */
static void the_syn_carries_it(struct play *p, struct conn *c, const struct octets *bind)
{
	struct segment seg = conn_segment(c, CLIENT, bind->p, bind->n);
	uint32_t end = 101 + (uint32_t)bind->n;

	seg.flags = SYN;
	seg.seq = 100;
	conn_put(c, &seg);
	control(c, SERVER, SYN | ACK, 7000, end);
	play_mark(p); /* then it is known to have arrived */
	number(c, end, 7001);
	conn_ack(c, CLIENT);
}

/* The sum is wrong, the server has it even so: the capture was at fault */
static void wrong_and_acknowledged(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->how.sums = SUMS_TCP_WRONG;
	conn_data(c, CLIENT, bind->p, bind->n);
	c->how.sums = SUMS_RIGHT;
	conn_ack(c, SERVER);
	play_mark(p);
}

static void sums_left_to_the_card(struct play *p, struct conn *c, const struct octets *bind)
{
	c->how.sums = SUMS_OFFLOADED;
	conn_open(c);
	send_bind(p, c, bind);
}

static void wrong_sums_are_not_looked_at(struct play *p, struct conn *c, const struct octets *bind)
{
	p->cfg.checksum = RPCGATE_CHECKSUM_IGNORE;
	conn_open(c);
	c->how.sums = SUMS_TCP_WRONG;
	send_bind(p, c, bind);
}

static void the_caller_looked_at_them(struct play *p, struct conn *c, const struct octets *bind)
{
	p->packets.checksum = RPCGATE_CSUM_OK;
	conn_open(c);
	c->how.sums = SUMS_TCP_WRONG;
	send_bind(p, c, bind);
}

static void in_fragments_that_nobody_looks_at(struct play *p, struct conn *c,
					      const struct octets *bind)
{
	p->cfg.checksum = RPCGATE_CHECKSUM_IGNORE;
	conn_open(c);
	c->how.sums = SUMS_IP_WRONG;
	c->how.fragment = 48;
	send_bind(p, c, bind);
}

static const struct way_row ways[] = {
	{ "the second of two SYNs is answered", the_second_syn_is_answered },
	{ "the first of two SYNs is answered", the_first_syn_is_answered },
	{ "everything comes twice", everything_comes_twice },
	{ "a foreign answer comes late", a_foreign_answer_comes_late },
	{ "only the answer to the SYN was captured", only_the_answer_was_captured },
	{ "both sides open at once", both_open_at_once },
	{ "the tuple is opened again", the_tuple_is_opened_again },
	{ "the SYN carries it", the_syn_carries_it },
	{ "a wrong sum, acknowledged", wrong_and_acknowledged },
	{ "sums left to the card", sums_left_to_the_card },
	{ "wrong sums nobody looks at", wrong_sums_are_not_looked_at },
	{ "wrong sums, but the caller knows better", the_caller_looked_at_them },
	{ "fragments with wrong sums nobody looks at", in_fragments_that_nobody_looks_at },
};

static void one_way(const struct way_row *row, const struct rpcgate_syntax *iface,
		    enum rpcgate_verdict verdict, enum rpcgate_reason reason)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	play_begin(&p, row->name);
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	play_bind_pdu(&bind, iface);
	row->deliver(&p, &c, &bind);
	octets_free(&bind);
	must_say(&p, verdict, reason);
	assert_int_equal(p.observe.stats.flows_midstream, 0);
	play_end(&p);
}

static void way_row(void **state)
{
	one_way(*state, &iface_samr, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);
	one_way(*state, &iface_drsuapi, RPCGATE_DENY, RPCGATE_REASON_UUID_NOT_GRANTED);
}

/* -------------------------------------------------------------- what is told */

static size_t flows_ended(const struct outcome *out, enum rpcgate_flow_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->at[i].event.type == RPCGATE_EVENT_FLOW &&
		     out->at[i].event.u.flow.state == state;
	return n;
}

static void how_a_flow_ended(void **state)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "ends");
	play_map(&p, &iface_samr, PORT); /* FIN */
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	play_bind_pdu(&bind, &iface_samr);
	the_tuple_is_opened_again(&p, &c, &bind);
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	conn_reset(&c, SERVER);
	play_judge(&p);
	assert_int_equal(flows_ended(&p.observe, RPCGATE_FLOW_CLOSED), 2);
	assert_int_equal(flows_ended(&p.observe, RPCGATE_FLOW_REUSED), 1);
	assert_int_equal(flows_ended(&p.observe, RPCGATE_FLOW_OPEN), 1);
	octets_free(&bind);
	play_end(&p);
}

/* What is counted of a flow is what was on the wire */
static void what_a_flow_event_says(void **state)
{
	const struct rpcgate_flow_event *f = NULL;
	struct play p;
	uint64_t start;

	(void)state;
	play_begin(&p, "flow event");
	start = p.clock_ns + 1000000;
	play_map(&p, &iface_samr, PORT);
	play_judge(&p);
	for (size_t i = 0; i < p.observe.n; i++)
		if (p.observe.at[i].event.type == RPCGATE_EVENT_FLOW)
			f = &p.observe.at[i].event.u.flow;
	assert_non_null(f);
	assert_true(f->mapper && !f->midstream);
	assert_int_equal(f->reason, RPCGATE_REASON_NONE);
	assert_int_equal(f->binds, 1);
	assert_int_equal(f->accepted, 1);
	assert_true(f->packets_toserver == 8 && f->packets_toclient == 6);
	/* bind and question; bind_ack and answer */
	assert_true(f->octets_toserver == 72 + 156 && f->octets_toclient == 60 + ANSWER_SIZE);
	assert_true(f->start_ns == start);
	assert_true(f->end_ns == p.packets.at[p.packets.n - 1].time_ns);
	play_end(&p);
}

/* A SYN in a live connection ends it only if the server answers that SYN; and an answer that
 * nobody asked for moves neither side */
static void a_stray_handshake_moves_nothing(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "stray handshake");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	control(&c, SERVER, SYN | ACK, 123456, c.peer[CLIENT].seq);
	talk_bind(&c, &iface_epm, 1);
	control(&c, CLIENT, SYN, 900000, 0);
	control(&c, SERVER, SYN | ACK, 123456, 800001);
	talk_ask(&c, &iface_samr, 2);
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	play_must_learn(&p, PORT, &iface_samr);
	assert_int_equal(flows_ended(&p.observe, RPCGATE_FLOW_REUSED), 0);
	play_end(&p);
}

/* However often it is tried */
static void a_conflict_is_told_once(void **state)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "conflicts");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_epm);
	for (int i = 0; i < 5; i++) {
		conn_at(&c, CLIENT, 0, bind.p, bind.n);
		bind.p[40] ^= 1;
	}
	octets_free(&bind);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_STREAM_CONFLICT), 1);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_STREAM_CONFLICT), 1);
	assert_true(p.observe.stats.stream_conflicts == 2);
	play_end(&p);
}

static void tags_are_told(void **state)
{
	const struct rpcgate_event *e;
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "tags");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	c.how.n_tags = 2;
	c.how.tag[0].tpid = 0x88a8;
	c.how.tag[0].tci = 100;
	c.how.tag[1].tpid = 0x8100;
	c.how.tag[1].tci = 0x6005;
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	play_judge(&p);
	e = last_bind(&p.observe);
	assert_int_equal(e->n_vlan, 2);
	assert_int_equal(e->vlan[0], 100);
	assert_int_equal(e->vlan[1], 5);
	play_end(&p);
}

/* A reset, an acknowledgement and foreign octets of connections nobody knows cost nothing */
static void what_gets_no_state(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "no state");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_reset(&c, CLIENT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_ack(&c, SERVER);
	conn_data(&c, CLIENT, "GET / HTTP/1.0\r\n", 16);
	control(&c, CLIENT, FIN | ACK, 5, 5);
	control(&c, CLIENT, RST | SYN, 5, 5);
	play_judge(&p);
	assert_true(p.observe.stats.flows == 0);
	play_end(&p);
}

/* ------------------------------------------------------------------- wrong sums */

/* Observing, a side that never showed a right sum may have left them to its card; enforcing, a
 * wrong sum is wrong */
static void wrong_sums_from_the_beginning(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "wrong from the beginning");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	c.how.sums = SUMS_TCP_WRONG;
	conn_open(&c);
	talk_bind(&c, &iface_samr, 1);
	play_judge(&p);
	assert_int_equal(play_binds(&p.observe, &iface_samr, PORT, RPCGATE_ALLOW), 1);
	assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW), 0);
	assert_true(p.observe.stats.checksum_offload == 7 && p.observe.stats.checksum_bad == 0);
	assert_true(p.enforce.stats.checksum_bad > 0);
	for (size_t i = p.packets.n - 4; i < p.packets.n; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_DROP);
	play_end(&p);
}

/* What was doubtful counts from when it came, not from when it was believed */
static void a_believed_segment_keeps_its_time(void **state)
{
	struct octets bind = { 0 };
	uint64_t came;
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "believed");
	play_bind_pdu(&bind, &iface_epm);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	came = p.clock_ns;
	c.how.sums = SUMS_TCP_WRONG;
	conn_data(&c, CLIENT, bind.p, bind.n);
	p.clock_ns += 5 * SECOND;
	c.how.sums = SUMS_RIGHT;
	conn_ack(&c, SERVER);
	octets_free(&bind);
	play_judge(&p);
	assert_true(last_bind(&p.observe)->time_ns == came);
	assert_true(p.observe.stats.checksum_bad == 1 && p.observe.stats.checksum_offload == 1);
	play_end(&p);
}

/* Urgent octets in a conversation: nobody knows what its receiver reads from there on */
static void urgent_in_a_conversation(void **state)
{
	struct octets bind = { 0 };
	struct segment seg;
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "urgent");
	play_map(&p, &iface_samr, PORT);
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	accept_bind(&c);
	seg = conn_segment(&c, CLIENT, "!", 1);
	seg.flags |= URG;
	seg.urgent = 1;
	conn_put(&c, &seg);
	conn_skip(&c, CLIENT, 1);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	octets_free(&bind);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_STREAM_CONFLICT), 1);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), 1);
	assert_int_equal(play_binds(&p.observe, NULL, PORT, RPCGATE_ALLOW), 1);
	assert_int_not_equal(p.enforce.action[p.packets.n - 2], RPCGATE_PASS);
	play_end(&p);
}

struct urgent_row {
	const char *name;
	bool payload; /* in the segment with the flag */
	uint16_t pointer;
	int32_t ahead; /* of the segment with the flag */
	bool mapped_first;
	bool refused;
};

/* Linux takes the octet at the pointer out of the stream: with a pointer of 0 the one at hand, and
 * also when the pointer came ahead of it in a segment without payload */
static const struct urgent_row urgent_rows[] = {
	{ "the pointer stands with the octets", true, 16, 0, true, true },
	{ "a pointer of 0 is one", true, 0, 0, true, true },
	{ "the pointer comes ahead of the octets", false, 16, 0, true, true },
	{ "a pointer of 0 ahead", false, 0, 0, true, true },
	{ "and before the port is open", false, 16, 0, false, true },
	{ "outside the window nobody reads it", false, 16, 0x10000000, true, false },
	{ "long ago neither", false, 16, -0x10000000, true, false },
};

static void urgent_row(void **state)
{
	const struct urgent_row *row = *state;
	struct octets bind = { 0 };
	struct segment seg;
	struct play p;
	struct conn c;

	play_begin(&p, row->name);
	if (row->mapped_first)
		play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_samr);
	seg = conn_segment(&c, CLIENT, bind.p, row->payload ? bind.n : 0);
	seg.flags |= URG;
	seg.urgent = row->pointer;
	seg.seq += (uint32_t)row->ahead;
	conn_put(&c, &seg);
	if (!row->mapped_first)
		play_map(&p, &iface_samr, PORT);
	if (!row->payload)
		conn_data(&c, CLIENT, bind.p, bind.n);
	play_mark(&p);
	octets_free(&bind);
	if (row->refused)
		play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_STREAM_CONFLICT);
	else
		play_must_allow(&p, &iface_samr);
	play_end(&p);
}

/* Of other services it is no business */
static void urgent_octets_of_others(void **state)
{
	struct segment seg;
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "telnet");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 23);
	conn_open(&c);
	seg = conn_segment(&c, CLIENT, "\xff\xf2", 2);
	seg.flags |= URG;
	seg.urgent = 2;
	conn_put(&c, &seg);
	play_judge(&p);
	assert_int_equal(p.observe.n, 0);
	assert_int_equal(p.enforce.n, 0);
	play_end(&p);
}

/* A reset acknowledges nothing: its receiver may not have taken it */
static void a_reset_acknowledges_nothing(void **state)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "reset");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_epm);
	c.how.sums = SUMS_TCP_WRONG;
	conn_data(&c, CLIENT, bind.p, bind.n);
	c.how.sums = SUMS_RIGHT;
	conn_reset(&c, SERVER);
	octets_free(&bind);
	play_judge(&p);
	assert_int_equal(play_binds(&p.observe, NULL, 135, RPCGATE_ALLOW), 0);
	play_end(&p);
}

/* The sum of the header of a fragment is zero: left to the card of a host, nonsense on a wire */
static void fragments_whose_header_has_no_sum(void **state)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;
	size_t first;

	(void)state;
	play_begin(&p, "no header sum");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	c.how.fragment = 48;
	first = p.packets.n;
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	octets_free(&bind);
	for (size_t i = first; i < p.packets.n; i++)
		memset(p.packets.octets.p + p.packets.at[i].at + 14 + 10, 0, 2);
	play_judge(&p);
	assert_int_equal(play_binds(&p.observe, NULL, PORT, RPCGATE_ALLOW), 1);
	assert_int_equal(play_binds(&p.enforce, NULL, PORT, RPCGATE_ALLOW), 0);
	assert_true(p.enforce.stats.checksum_bad == p.packets.n - first);
	play_end(&p);
}

/* What is doubtful is held within the same room as what is out of order */
static void doubtful_octets_have_a_limit(void **state)
{
	static const uint8_t much[5000];
	struct segment seg;
	struct play p;
	struct conn c;

	(void)state;
	for (int in_syn = 0; in_syn <= 1; in_syn++) {
		play_begin(&p, "doubtful");
		p.cfg.max_island_octets = 4096;
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
		if (!in_syn)
			conn_open(&c);
		seg = conn_segment(&c, CLIENT, much, sizeof(much));
		seg.flags = in_syn ? SYN : ACK;
		c.how.sums = in_syn ? SUMS_RIGHT : SUMS_TCP_WRONG;
		conn_put(&c, &seg);
		play_judge(&p);
		assert_int_equal(limit_events(&p.observe, "limit.buffers"), 1);
		assert_true(p.observe.stats.buffer_octets_peak == 0);
		play_end(&p);
	}
}

/* --------------------------------------------------------------------- room */

/* Each begins a request of 65535 octets on a mapper port and leaves it at that */
static void hold_octets(struct play *p, int connections)
{
	static const uint8_t stub[60000];
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	struct octets o = { 0 };

	pdu_call(&o, &head_plain, &ask, stub, sizeof(stub));
	for (int i = 0; i < connections; i++) {
		struct conn c = play_dial(p, OUTSIDER_HOST, SERVER_HOST, 135);

		conn_open(&c);
		talk_bind(&c, &iface_epm, 1);
		conn_data(&c, CLIENT, o.p, o.n - 1);
	}
	octets_free(&o);
}

static void who_waits_longest_makes_room(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "scarce");
	p.cfg.buffer_octets = 1U << 21;
	hold_octets(&p, 60);
	play_map(&p, &iface_samr, PORT);
	play_must_learn(&p, PORT, &iface_samr);
	assert_int_equal(limit_events(&p.observe, "limit.buffers"), 1);
	assert_true(p.observe.stats.flows_evicted > 30 && p.observe.stats.flows_evicted < 60);
	assert_true(p.observe.stats.buffer_octets_peak <= 1U << 21);
	/* the oldest, in their order */
	for (size_t i = 0, id = 1; i < p.observe.n; i++)
		if (p.observe.at[i].event.type == RPCGATE_EVENT_FLOW &&
		    p.observe.at[i].event.u.flow.state == RPCGATE_FLOW_EVICTED)
			assert_true(p.observe.at[i].event.flow_id == id++);
	play_end(&p);
}

/* ---------------------------------------------------------------------- time */

struct idle_row {
	const char *name;
	uint64_t limit_s; /* as configured below */
	unsigned stage;   /* 0 connected, 1 bound, 2 closed, 3 by one side, 4 half-open, 5 reset */
};

static const struct idle_row idle_rows[] = {
	{ "a half-open connection", 11, 4 },
	{ "one that is silent", 22, 0 },
	{ "one that speaks RPC", 22, 1 },
	{ "a closed one", 33, 2 },
	{ "one that is closed by one side", 22, 3 },
	{ "one that was reset", 33, 5 },
};

static uint64_t live(struct rpcgate *gate, uint64_t now)
{
	struct rpcgate_stats stats;

	(void)rpcgate_tick(gate, now);
	rpcgate_stats(gate, &stats);
	return stats.flows_live;
}

static void idle_row(void **state)
{
	const struct idle_row *row = *state;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;
	struct play p;
	struct conn c;
	uint64_t last = 0;

	play_begin(&p, row->name);
	p.cfg.handshake_s = 11;
	p.cfg.flow_idle_s = 22;
	p.cfg.closed_linger_s = 33;
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	if (row->stage == 4)
		control(&c, CLIENT, SYN, c.peer[CLIENT].seq, 0);
	else
		conn_open(&c);
	if (row->stage && row->stage != 4)
		talk_bind(&c, &iface_epm, 1);
	if (row->stage == 2)
		conn_close(&c, CLIENT);
	if (row->stage == 3)
		control(&c, SERVER, FIN | ACK, c.peer[SERVER].seq, c.peer[CLIENT].seq);
	if (row->stage == 5)
		conn_reset(&c, SERVER);
	gate = rpcgate_new(&p.cfg, err);
	assert_non_null(gate);
	for (size_t i = 0; i < p.packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p.packets, i);

		(void)rpcgate_feed(gate, &packet);
		last = packet.time_ns;
	}
	assert_true(live(gate, last + row->limit_s * SECOND) == 1);
	/* looked for 64 times a second */
	assert_true(live(gate, last + row->limit_s * SECOND + SECOND / 64) == 0);
	rpcgate_free(gate);
	play_end(&p);
}

/* Packets keep it */
static void a_packet_keeps_a_flow(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "kept");
	p.cfg.flow_idle_s = 22;
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	for (int i = 0; i < 5; i++) {
		p.clock_ns += 21 * SECOND;
		conn_ack(&c, i % 2 ? CLIENT : SERVER);
	}
	talk_ask(&c, &iface_samr, 2);
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	play_must_learn(&p, PORT, &iface_samr);
	assert_true(p.observe.stats.flows_midstream == 0);
	play_end(&p);
}

/* ------------------------------------------------------------------- labels */

/* Which foreign connections are worth a name: those on dynamic ports */
static void what_is_worth_a_label(void **state)
{
	static const struct {
		uint16_t port;
		bool without, with; /* a range of 5000 to 6000 */
	} rows[] = { { 80, false, false },
		     { 5500, false, true },
		     { 49151, false, false },
		     { 49152, true, false },
		     { 65535, true, false } };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		char err[RPCGATE_ERROR_SIZE];
		struct rpcgate *gate;
		struct play p;
		struct conn c;
		bool worth = false;

		play_begin(&p, "labels");
		if (i % 2)
			p.cfg.dynamic_range = (struct rpcgate_port_list){ 1, { { 5000, 6000 } } };
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, rows[i / 2].port);
		conn_open(&c);
		conn_send(&c, CLIENT, "GET / HTTP/1.0\r\n", 16);
		gate = rpcgate_new(&p.cfg, err);
		assert_non_null(gate);
		for (size_t k = 0; k < p.packets.n; k++) {
			struct rpcgate_packet packet = packets_get(&p.packets, k);

			worth |= rpcgate_feed(gate, &packet).not_rpc;
		}
		assert_int_equal(worth, i % 2 ? rows[i / 2].with : rows[i / 2].without);
		rpcgate_free(gate);
		play_end(&p);
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT(ways) + COUNT(idle_rows) + COUNT(urgent_rows) + 16] = {
		cmocka_unit_test(how_a_flow_ended),
		cmocka_unit_test(what_a_flow_event_says),
		cmocka_unit_test(a_stray_handshake_moves_nothing),
		cmocka_unit_test(a_conflict_is_told_once),
		cmocka_unit_test(tags_are_told),
		cmocka_unit_test(what_gets_no_state),
		cmocka_unit_test(wrong_sums_from_the_beginning),
		cmocka_unit_test(a_believed_segment_keeps_its_time),
		cmocka_unit_test(who_waits_longest_makes_room),
		cmocka_unit_test(a_packet_keeps_a_flow),
		cmocka_unit_test(what_is_worth_a_label),
		cmocka_unit_test(urgent_in_a_conversation),
		cmocka_unit_test(urgent_octets_of_others),
		cmocka_unit_test(a_reset_acknowledges_nothing),
		cmocka_unit_test(fragments_whose_header_has_no_sum),
		cmocka_unit_test(doubtful_octets_have_a_limit),
	};
	size_t n = 16;

	ROWS(tests, n, ways, way_row);
	ROWS(tests, n, idle_rows, idle_row);
	ROWS(tests, n, urgent_rows, urgent_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
