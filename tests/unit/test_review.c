/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_review.c - where state is lost, forgotten or handed on: what must not slip through then */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S (1000000000ULL)
#define MAPPER 135
#define CALL_PDU 1024U

/* --------------------------------------------------------- the pinhole ran out */

/* A copy that the server never sees makes the flow a stranger, when nothing asks to care any more;
 * the Bind takes its place */
static void garbage_after_expiry(void **state)
{
	static const struct rpcgate_syntax *const ask[] = { &iface_samr, &iface_drsuapi };
	(void)state;
	for (size_t i = 0; i < COUNT(ask); i++) {
		struct octets bind = { 0 };
		struct play p;
		struct conn c;

		play_begin(&p, "garbage in the place of a Bind, after expiry");
		p.cfg.handshake_s = 3600;
		play_map(&p, &iface_samr, PORT);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		p.clock_ns += 301 * S;
		play_bind_pdu(&bind, ask[i]);
		conn_at(&c, CLIENT, 0, "x", 1);
		conn_data(&c, CLIENT, bind.p, bind.n);
		play_mark(&p);
		play_must_refuse(&p, ask[i]);
		octets_free(&bind);
		play_end(&p);
	}
}

/* --------------------------------------------------------------- the state is gone */

static void late_bind(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	p->clock_ns += 61 * S;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void after_the_handshake_was_forgotten(void **state)
{
	(void)state;
	play_twins(late_bind, "a late Bind");
}

/* ------------------------------------------------------------- numbers of a SYN */

/* The client says nothing for longer than a handshake may take; then what stands behind the Bind
 * comes first, and the Bind fills the hole */
static void behind_before_the_bind(void **state)
{
	static const uint64_t waits_s[] = { 61, 2 * 3600 + 1 };
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 3 };

	(void)state;
	for (size_t i = 0; i < COUNT(waits_s); i++) {
		struct octets bind = { 0 }, request = { 0 };
		struct play p;
		struct conn c;

		play_begin(&p, "a request before its Bind, after a silence");
		play_map(&p, &iface_samr, PORT);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		p.clock_ns += waits_s[i] * S;
		play_map(&p, &iface_samr, PORT); /* the pinhole is open again */
		play_bind_pdu(&bind, &iface_drsuapi);
		pdu_call(&request, &h, &ask, "12345678", 8);
		conn_at(&c, CLIENT, (int32_t)bind.n, request.p, request.n);
		conn_at(&c, CLIENT, 0, bind.p, bind.n);
		play_mark(&p);
		play_judge(&p);
		assert_int_equal(play_binds(&p.observe, &iface_drsuapi, PORT, RPCGATE_ALLOW), 0);
		assert_int_not_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
		/* while it is remembered, it is told, too */
		assert_int_equal(play_binds(&p.observe, &iface_drsuapi, PORT, RPCGATE_DENY),
				 i == 0);
		octets_free(&bind);
		octets_free(&request);
		play_end(&p);
	}
}

/* Octets on a pinhole whose connection nobody saw begin */
static void a_tail_of_nothing(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "the tail of something");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_data(&c, CLIENT, "0123456789", 10);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	assert_int_equal(p.observe.action[p.packets.n - 1], RPCGATE_PASS);
	play_end(&p);

	play_begin(&p, "a tail that is nobody's business");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 8080);
	conn_data(&c, CLIENT, "0123456789", 10);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	play_end(&p);
}

static void put_syn(struct conn *c, uint32_t seq)
{
	struct segment seg = conn_segment(c, CLIENT, NULL, 0);

	seg.flags = SYN;
	seg.seq = seq;
	seg.ack = 0;
	conn_put(c, &seg);
}

/* The server ignores a reset beside its window, and the SYN behind it */
static void reset_and_syn_ahead(struct play *p, struct conn *c, const struct octets *bind)
{
	struct segment seg;

	conn_open(c);
	seg = conn_segment(c, CLIENT, NULL, 0);
	seg.flags = RST;
	seg.seq -= 100000;
	conn_put(c, &seg);
	put_syn(c, c->peer[CLIENT].seq + 1000);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

/* Two SYNs; the first is answered, the second leaves a hole that the server does not have */
static void hole_of_a_syn(struct play *p, struct conn *c, const struct octets *bind)
{
	uint32_t isn = c->peer[CLIENT].seq;
	struct segment seg;

	put_syn(c, isn);
	put_syn(c, isn - 1000);
	conn_skip(c, CLIENT, 1);
	seg = conn_segment(c, SERVER, NULL, 0);
	seg.flags = SYN | ACK;
	conn_put(c, &seg);
	conn_skip(c, SERVER, 1);
	conn_ack(c, CLIENT);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

/* The second SYN carries octets that end where those of the first begin: a Bind that takes the
 * real one for the value of its trailer */
static void lure_in_a_syn(struct play *p, struct conn *c, const struct octets *bind, bool reset)
{
	static const uint8_t value[4096];
	const struct auth auth = {
		.type = 10, .level = 2, .value = value, .len = (uint16_t)(bind->n + 64)
	};
	const struct offer offer = { 0, iface_samr, 1, &syntax_ndr };
	uint32_t isn = c->peer[CLIENT].seq, n;
	struct octets lure = { 0 };
	struct segment seg;

	pdu_bind(&lure, &head_plain, PTYPE_BIND, &offer, 1, &auth);
	n = (uint32_t)(lure.n - bind->n - 64);
	put_syn(c, isn);
	if (reset) {
		seg = conn_segment(c, CLIENT, NULL, 0);
		seg.flags = RST;
		seg.seq -= 100000;
		conn_put(c, &seg);
	}
	seg = conn_segment(c, CLIENT, lure.p, n);
	seg.flags = SYN;
	seg.seq = isn - n;
	seg.ack = 0;
	conn_put(c, &seg);
	conn_skip(c, CLIENT, 1);
	seg = conn_segment(c, SERVER, NULL, 0);
	seg.flags = SYN | ACK;
	conn_put(c, &seg);
	conn_skip(c, SERVER, 1);
	conn_ack(c, CLIENT);
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
	octets_free(&lure);
}

static void payload_of_a_syn(struct play *p, struct conn *c, const struct octets *bind)
{
	lure_in_a_syn(p, c, bind, false);
}

static void payload_after_a_reset(struct play *p, struct conn *c, const struct octets *bind)
{
	lure_in_a_syn(p, c, bind, true);
}

/* Nobody listens yet; the second attempt is a connection like others, and lives as long */
static void refused_at_first(struct play *p, struct conn *c, const struct octets *bind)
{
	struct segment seg;

	put_syn(c, c->peer[CLIENT].seq - 50000);
	seg = conn_segment(c, SERVER, NULL, 0);
	seg.flags = RST | ACK;
	seg.ack = c->peer[CLIENT].seq - 50000 + 1;
	conn_put(c, &seg);
	p->cfg.handshake_s = 3600;
	p->cfg.midstream = RPCGATE_MIDSTREAM_BLOCK;
	conn_open(c);
	p->clock_ns += 90 * S;
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

static void syns_that_lead_astray(void **state)
{
	(void)state;
	play_twins(reset_and_syn_ahead, "reset and SYN that are ignored");
	play_twins(hole_of_a_syn, "two SYNs and a hole");
	play_twins(payload_of_a_syn, "two SYNs, one with octets");
	play_twins(payload_after_a_reset, "two SYNs, a reset, octets");
	play_twins(refused_at_first, "refused at first");
}

/* --------------------------------------------------------------- forgotten calls */

static void add_mapper(struct play *p, struct conn *c)
{
	*c = play_dial(p, CLIENT_HOST, SERVER_HOST, MAPPER);
	conn_open(c);
	talk_bind(c, &iface_epm, 1);
}

/* more requests in flight than are followed: their answers are no violation */
static void more_calls_than_are_followed(void **state)
{
	struct octets tower = { 0 }, stub = { 0 }, pdu = { 0 };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct play p;
	struct conn c;
	(void)state;

	play_begin(&p, "pipelined requests");
	add_mapper(&p, &c);
	tower_ip(&tower, &iface_samr, FLOOR_TCP, 0, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	for (uint32_t id = 2; id < 2 + 70; id++) {
		const struct head h = { .flags = 3, .call_id = id };

		pdu.n = 0;
		pdu_call(&pdu, &h, &ask, stub.p, stub.n);
		conn_send(&c, CLIENT, pdu.p, pdu.n);
	}
	tower.n = 0;
	stub.n = 0;
	tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	for (uint32_t id = 2; id < 2 + 70; id++) {
		const struct head h = { .flags = 3, .call_id = id };

		pdu.n = 0;
		pdu_call(&pdu, &h, &reply, stub.p, stub.n);
		conn_send(&c, SERVER, pdu.p, pdu.n);
	}
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_NOT_ASKED), 0);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_NOT_ASKED), 0);
	play_must_learn(&p, PORT, &iface_samr);
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&pdu);
	play_end(&p);
}

/* what is too long to be kept is a limit, and its later fragments are no other crime */
static void too_long(enum ptype type)
{
	static uint8_t stub[8000];
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call call = { .type = type, .opnum = 9 };
	struct octets pdus = { 0 };
	struct play p;
	struct conn c;

	play_begin(&p, type == PTYPE_REQUEST ? "long request" : "long response");
	p.cfg.max_stub = 4096;
	add_mapper(&p, &c);
	if (type == PTYPE_RESPONSE) {
		const struct call ask = { .type = PTYPE_REQUEST, .opnum = 9 };

		pdu_call(&pdus, &h, &ask, "quid", 4);
		conn_send(&c, CLIENT, pdus.p, pdus.n);
		pdus.n = 0;
	}
	pdu_call_fragments(&pdus, &h, &call, stub, sizeof(stub), CALL_PDU);
	conn_send(&c, type == PTYPE_REQUEST ? CLIENT : SERVER, pdus.p, pdus.n);
	if (type == PTYPE_REQUEST) {
		const struct call reply = { .type = PTYPE_RESPONSE };

		pdus.n = 0;
		pdu_call(&pdus, &h, &reply, "quid", 4);
		conn_send(&c, SERVER, pdus.p, pdus.n);
	}
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_LIMIT), 1);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_COUNT), 1);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), 1);
	for (size_t i = 0; i < p.enforce.n_packets; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
	octets_free(&pdus);
	play_end(&p);
}

static void too_long_is_a_limit_once(void **state)
{
	(void)state;
	too_long(PTYPE_REQUEST);
	too_long(PTYPE_RESPONSE);
}

/* a server refuses a request before it is sent to the end */
static void fault_amid_a_request(void **state)
{
	static uint8_t stub[4000];
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 9 };
	struct octets pdus = { 0 }, fault = { 0 };
	struct play p;
	struct conn c;
	(void)state;

	play_begin(&p, "fault amid a request");
	add_mapper(&p, &c);
	pdu_call_fragments(&pdus, &h, &call, stub, sizeof(stub), CALL_PDU);
	conn_send(&c, CLIENT, pdus.p, 24 + CALL_PDU);
	pdu_fault(&fault, &h, 0, 5);
	conn_send(&c, SERVER, fault.p, fault.n);
	conn_send(&c, CLIENT, pdus.p + 24 + CALL_PDU, pdus.n - 24 - CALL_PDU);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_COUNT), 0);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), 0);
	octets_free(&pdus);
	octets_free(&fault);
	play_end(&p);
}

/* ------------------------------------------------------- after a refusal */

/* The same four-tuple once more, for something harmless */
static void again_after_a_refusal(void **state)
{
	struct octets bad = { 0 }, good = { 0 };
	struct play p;
	struct conn c;
	(void)state;

	play_begin(&p, "the four-tuple of a refused connection");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	play_bind_pdu(&bad, &iface_drsuapi);
	play_bind_pdu(&good, &iface_samr);
	conn_open(&c);
	conn_data(&c, CLIENT, bad.p, bad.n);
	p.clock_ns += 5 * S;
	c.peer[CLIENT].seq = 700000;
	c.peer[SERVER].seq = 900000;
	conn_open(&c);
	conn_data(&c, CLIENT, good.p, good.n);
	play_mark(&p);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.marked], RPCGATE_PASS);
	for (size_t i = p.marked - 3; i <= p.marked; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
	octets_free(&bad);
	octets_free(&good);
	play_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage_after_expiry),
		cmocka_unit_test(after_the_handshake_was_forgotten),
		cmocka_unit_test(behind_before_the_bind),
		cmocka_unit_test(a_tail_of_nothing),
		cmocka_unit_test(syns_that_lead_astray),
		cmocka_unit_test(more_calls_than_are_followed),
		cmocka_unit_test(too_long_is_a_limit_once),
		cmocka_unit_test(fault_amid_a_request),
		cmocka_unit_test(again_after_a_refusal),
	};

	return cmocka_run_group_tests_name("review", tests, NULL, NULL);
}
