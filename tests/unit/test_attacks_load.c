/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks by number and by time, X1 to X6: nobody takes another one's share, no limit opens
 * anything, and the clock only ever shortens a permission.
 */
#include "limiter.h"
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000U

/* ------------------------------------------------------------ X1 connections */

static void syns(struct play *p, size_t n)
{
	struct conn c = play_dial(p, OUTSIDER_HOST, SERVER_HOST, 135);

	c.step_ns = 1000;
	for (size_t i = 0; i < n; i++) {
		struct segment seg = conn_segment(&c, CLIENT, NULL, 0);

		seg.flags = SYN;
		seg.sport = (uint16_t)(1024 + i % 60000);
		seg.src.octet[15] = (uint8_t)(1 + i / 60000);
		conn_put(&c, &seg);
	}
}

static void x1_syn_flood(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "SYN flood");
	p.cfg.max_flows = 1024;
	syns(&p, 50000);
	c = play_ask(&p); /* an honest client in the middle of it */
	syns(&p, 50000);
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	play_must_learn(&p, PORT, &iface_samr);
	assert_true(p.enforce.stats.flows_live <= p.cfg.max_flows);
	play_end(&p);
}

/* Connections that never finish their PDU: an honest one among them works */
static void x1_unfinished_pdus(void **state)
{
	struct octets bind = { 0 };
	struct play p;

	(void)state;
	play_begin(&p, "slow PDUs");
	p.cfg.buffer_octets = 1U << 21; /* the least there is */
	play_bind_pdu(&bind, &iface_epm);
	for (unsigned i = 0; i < 3000; i++) {
		struct conn c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, 135);

		conn_open(&c);
		conn_data(&c, CLIENT, bind.p, 71);
	}
	play_map(&p, &iface_samr, PORT);
	play_must_learn(&p, PORT, &iface_samr);
	assert_true(p.enforce.stats.buffer_octets_peak <= p.cfg.buffer_octets);
	play_end(&p);
	octets_free(&bind);
}

/* A Bind in two pieces, or in octets, with time between them */
static const struct slow {
	const char *name;
	uint16_t port;
	size_t first;
	uint64_t pause_s;
	bool each; /* between all octets */
	bool no_syn;
	bool refused;
} slow[] = {
	{ "not too slow", PORT, 20, 59, false, false, false },
	{ "too slow behind the header", PORT, 20, 61, false, false, true },
	{ "too slow inside the header", PORT, 3, 61, false, false, true },
	{ "two seconds for each octet", PORT, 1, 2, true, false, true },
	{ "half a second for each octet", PORT, 1, 0, true, false, false },
	{ "too slow on a port of nobody", 8080, 20, 61, false, false, true },
	{ "too slow, and without a beginning", 8080, 20, 61, false, true, true },
};

static void x1_a_slow_pdu(const struct slow *row)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;
	size_t at = row->first;

	play_begin(&p, row->name);
	p.cfg.handshake_s = 3600;
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, row->port);
	if (!row->no_syn)
		conn_open(&c);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, row->first);
	for (size_t n = row->each ? 1 : bind.n - at; at < bind.n; at += n) {
		p.clock_ns += row->pause_s * SECOND + (row->each && !row->pause_s ? SECOND / 2 : 0);
		conn_data(&c, CLIENT, bind.p + at, n);
	}
	play_mark(&p);
	if (row->refused)
		play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_LIMIT);
	else
		play_must_allow(&p, &iface_samr);
	assert_int_equal(p.observe.stats.limits_reached, row->refused);
	play_end(&p);
	octets_free(&bind);
}

static void x1_slow_pdus(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(slow); i++)
		x1_a_slow_pdu(&slow[i]);
}

/* Who says little, and slowly, where RPC need not be spoken */
static void x1_a_slow_stranger(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "three octets, and later something else");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 8080);
	conn_open(&c);
	conn_data(&c, CLIENT, "\5\0\13", 3);
	p.clock_ns += UINT64_C(100) * SECOND;
	conn_data(&c, CLIENT, "whatever", 8);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), 0);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	play_end(&p);
}

/* --------------------------------------------------------------- X2 pinholes */

static void x2_one_client_has_a_share(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "pinhole flood");
	p.cfg.max_pinholes_per_client = 8;
	for (uint16_t i = 0; i < 40; i++) {
		c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, 135);
		talk_map(&c, &iface_samr, (uint16_t)(50000 + i), SERVER_HOST);
	}
	play_map(&p, &iface_samr, PORT);
	play_must_learn(&p, PORT, &iface_samr);
	assert_true(p.enforce.stats.pinholes_live <= 8 + 1);
	assert_true(p.enforce.stats.pinholes_refused >= 32);
	assert_int_not_equal(play_grants(&p.enforce, 50000), 0);
	assert_int_equal(play_grants(&p.enforce, 50000 + 39), 0);
	assert_true(play_told(&p.observe, RPCGATE_REASON_LIMIT));
	play_end(&p);
}

static void x2_one_server_has_a_share(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "a server that announces without end");
	p.cfg.max_pinholes_per_server = 8;
	for (uint16_t i = 0; i < 40; i++) {
		c = play_dial(&p, CLIENT_HOST, OUTSIDER_HOST, 135);
		talk_map(&c, &iface_samr, (uint16_t)(50000 + i), OUTSIDER_HOST);
	}
	play_map(&p, &iface_samr, PORT);
	play_must_learn(&p, PORT, &iface_samr);
	assert_int_equal(play_grants(&p.enforce, 50000 + 39), 0);
	play_end(&p);
}

/* -------------------------------------------------------- X3 within one flow */

static void x3_many_calls(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "calls that are never answered");
	c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	for (uint32_t i = 0; i < 3000; i++)
		talk_ask(&c, &iface_samr, 2 + i);
	play_map(&p, &iface_samr, PORT);
	play_must_learn(&p, PORT, &iface_samr);
	assert_true(p.enforce.stats.buffer_octets_peak <= p.cfg.buffer_octets);
	assert_true(p.observe.stats.limits_reached > 0);
	play_end(&p);
}

static void x3_many_fragments(void **state)
{
	const struct head h = { .flags = 0, .call_id = 2 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "fragments without end");
	p.cfg.max_stub = 65536;
	c = play_ask(&p);
	pdu_call(&o, &h, &reply, "x", 1);
	o.p[3] = 1;
	for (uint32_t i = 0; i < 20000; i++) {
		conn_data(&c, SERVER, o.p, o.n);
		o.p[3] = 0;
	}
	conn_ack(&c, CLIENT);
	play_must_not_learn(&p, PORT, &iface_samr);
	assert_true(p.enforce.stats.buffer_octets_peak < 1U << 20);
	play_end(&p);
	octets_free(&o);
}

static void x3_many_islands(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "islands behind a hole");
	p.cfg.buffer_octets = 1U << 21; /* the least there is */
	for (int flow = 0; flow < 20; flow++) {
		c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, 135);
		conn_open(&c);
		for (int32_t i = 0; i < 5000; i++)
			conn_at(&c, CLIENT, 10 + 2 * i, "x", 1);
	}
	play_map(&p, &iface_samr, PORT);
	play_must_learn(&p, PORT, &iface_samr);
	assert_true(p.enforce.stats.buffer_octets_peak <= p.cfg.buffer_octets);
	play_end(&p);
}

/* --------------------------------------------------------------- X4 the hash */

/* The key decides where things lie, never what they mean */
static void x4_the_key_changes_nothing(void **state)
{
	struct play p;
	struct facts a, b;
	char difference[FACT_SIZE];

	(void)state;
	play_begin(&p, "two keys");
	for (uint16_t i = 0; i < 300; i++)
		play_map(&p, &iface_samr, (uint16_t)(PORT + i % 7));
	play_service(&p, PORT + 3, &iface_samr);
	play_service(&p, PORT + 3, &iface_drsuapi);
	play_judge(&p);
	facts_of(&p.observe, FACTS_ALL, &a);
	memset(p.cfg.hash_key, 0xc3, sizeof(p.cfg.hash_key));
	play_judge(&p);
	facts_of(&p.observe, FACTS_ALL, &b);
	if (facts_differ(&a, &b, difference))
		fail_msg("another key, other facts: %s", difference);
	assert_true(a.n >= 600);
	facts_free(&a);
	facts_free(&b);
	play_end(&p);
}

/* --------------------------------------------------------------- X5 the clock */

static void bind_after(const char *trick, int64_t jump_s, bool allowed)
{
	struct play p;

	play_begin(&p, trick);
	play_map(&p, &iface_samr, PORT);
	p.clock_ns += (uint64_t)(jump_s * (int64_t)SECOND);
	play_service(&p, PORT, &iface_samr);
	if (allowed)
		play_must_allow(&p, &iface_samr);
	else
		play_must_refuse(&p, &iface_samr);
	play_end(&p);
}

static void x5_time(void **state)
{
	struct play p;

	(void)state;
	bind_after("a second later", 1, true);
	bind_after("a little too early", -1, true);
	bind_after("just before the end", 299, true);
	bind_after("just after the end", 302, false);
	bind_after("in the far future", 100000000, false);

	/* once it has run out, a clock that goes back does not bring it to life again */
	play_begin(&p, "there and back");
	play_map(&p, &iface_samr, PORT);
	p.clock_ns += 400 * (uint64_t)SECOND;
	play_map(&p, &iface_drsuapi, PORT + 1);
	p.clock_ns -= 390 * (uint64_t)SECOND;
	play_service(&p, PORT, &iface_samr);
	play_must_refuse(&p, &iface_samr);
	play_end(&p);
}

/* Packet times of zero: time stands still, nothing else changes */
static void x5_time_zero(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "time zero");
	p.clock_ns = 0;
	play_map(&p, &iface_samr, PORT);
	for (size_t i = 0; i < p.packets.n; i++)
		p.packets.at[i].time_ns = 0;
	play_must_learn(&p, PORT, &iface_samr);
	play_end(&p);
}

/* ------------------------------------------------------------- X6 the logs */

/* Events of an outcome that a limiter lets through, by type and by whom; what it tells of the rest
 * is added up */
static size_t logged(const struct outcome *out, enum rpcgate_event_type type, const char *client,
		     uint64_t *left_out)
{
	struct rpcgate_addr who = addr_of(client);
	struct limiter_gap gap;
	struct limiter l;
	size_t n = 0;

	limiter_init(&l, 10, 50);
	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		while (limiter_told(&l, e->time_ns, &gap))
			*left_out += gap.type == type ? gap.count : 0;
		n += limiter_passes(&l, e) && e->type == type &&
		     memcmp(&e->src, &who, sizeof(who)) == 0;
	}
	while (limiter_left(&l, &gap))
		*left_out += gap.type == type ? gap.count : 0;
	return n;
}

/* One client asks for what it may not have, again and again: its alerts are written at a bounded
 * rate, all of them are counted, and whoever is refused for another reason is heard */
static void x6_log_flood(void **state)
{
	uint64_t left_out = 0, none = 0;
	struct play p;

	(void)state;
	play_begin(&p, "log flood");
	play_map(&p, &iface_samr, PORT);
	for (unsigned i = 0; i < 2000; i++) {
		struct conn c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, PORT + 1);

		c.step_ns = 1000;
		conn_open(&c);
		talk_bind(&c, &iface_drsuapi, 1);
	}
	play_service(&p, PORT, &iface_drsuapi); /* uuid-not-granted */
	play_judge(&p);
	assert_in_range(logged(&p.observe, RPCGATE_EVENT_ALERT, OUTSIDER_HOST, &left_out), 50, 150);
	assert_true(left_out >= 1850);
	left_out = 0;
	assert_int_equal(
		logged(&p.observe, RPCGATE_EVENT_ALERT, OUTSIDER_HOST, &left_out) + left_out, 2000);
	assert_int_equal(p.observe.stats.binds_denied, 2001); /* counters are exact */
	left_out = 0;
	assert_int_equal(logged(&p.observe, RPCGATE_EVENT_ALERT, CLIENT_HOST, &left_out), 1);
	play_end(&p);

	/* the harmless twin: as many in a day, and nothing is left out */
	play_begin(&p, "no flood");
	for (unsigned i = 0; i < 200; i++) {
		struct conn c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, PORT + 1);

		conn_open(&c);
		talk_bind(&c, &iface_drsuapi, 1);
		p.clock_ns += SECOND / 4;
	}
	play_judge(&p);
	assert_int_equal(logged(&p.observe, RPCGATE_EVENT_ALERT, OUTSIDER_HOST, &none), 200);
	assert_int_equal(none, 0);
	play_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x1_syn_flood),
		cmocka_unit_test(x1_unfinished_pdus),
		cmocka_unit_test(x1_slow_pdus),
		cmocka_unit_test(x1_a_slow_stranger),
		cmocka_unit_test(x2_one_client_has_a_share),
		cmocka_unit_test(x2_one_server_has_a_share),
		cmocka_unit_test(x3_many_calls),
		cmocka_unit_test(x3_many_fragments),
		cmocka_unit_test(x3_many_islands),
		cmocka_unit_test(x4_the_key_changes_nothing),
		cmocka_unit_test(x5_time),
		cmocka_unit_test(x5_time_zero),
		cmocka_unit_test(x6_log_flood),
	};

	return cmocka_run_group_tests_name("attacks by number and time", tests, NULL, NULL);
}
