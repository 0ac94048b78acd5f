/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_path.c - whose packet it is, by the interface it comes in by
 *
 * The client lives behind interface 1, the server behind 2.  Who may ask a server could send himself
 * what the server might have answered; a router hands it back to him, and nothing in it is wrong.
 */
#include "play.h"
#include "datagrams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum wire { CLIENTS = 1, SERVERS = 2, ELSEWHERE = 3 };

/* What is appended from here on comes in by one wire and goes out by another */
static void on_wire(struct play *p, enum wire in, enum wire out)
{
	p->packets.indev = in;
	p->packets.outdev = out;
}

static void backward(struct play *p)
{
	on_wire(p, SERVERS, CLIENTS);
}

/* In the server's name, from the client's wire: the way to the client leads back there */
static void forged(struct play *p)
{
	on_wire(p, CLIENTS, CLIENTS);
}

/* Give each packet from @p from on the wires that belong to its sender */
static void honest(struct play *p, size_t from)
{
	const struct rpcgate_addr client = addr_of(CLIENT_HOST);

	for (size_t i = from; i < p->packets.n; i++) {
		const uint8_t *ip = p->packets.octets.p + p->packets.at[i].at + 14;
		bool asks = memcmp(ip + 12, client.octet + 12, 4) == 0;

		p->packets.at[i].indev = asks ? CLIENTS : SERVERS;
		p->packets.at[i].outdev = asks ? SERVERS : CLIENTS;
	}
}

/* A mapper connection up to the question for samr */
static struct conn ask(struct play *p)
{
	struct conn c = play_ask(p);

	honest(p, 0);
	return c;
}

static void what_comes_the_right_way_counts(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "an honest answer");
	play_answer_pdu(&o);
	c = ask(&p);
	backward(&p);
	conn_send(&c, SERVER, o.p, o.n);
	honest(&p, 0);
	on_wire(&p, 0, 0);
	play_must_learn(&p, PORT, &iface_samr);
	assert_int_equal(p.enforce.stats.wrong_path, 0);
	play_end(&p);
	octets_free(&o);
}

static void a_client_cannot_answer_himself(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "an answer from the client's wire");
	play_answer_pdu(&o);
	c = ask(&p);
	forged(&p);
	conn_data(&c, SERVER, o.p, o.n);
	on_wire(&p, 0, 0);
	play_must_not_learn(&p, PORT, &iface_samr);
	assert_true(p.observe.stats.wrong_path && p.enforce.stats.wrong_path);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_STREAM_CONFLICT), 1);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_STREAM_CONFLICT), 1);
	play_end(&p);
	octets_free(&o);
}

/* Nor does it cost the server its turn: the connection is not cut, and the real answer teaches */
static void a_forged_answer_is_as_if_it_had_not_been(void **state)
{
	struct octets o = { 0 }, lie = { 0 };
	struct play p;
	struct conn c, liar;

	(void)state;
	play_begin(&p, "the real answer behind a forged one");
	play_answer_pdu(&o);
	play_answer_pdu(&lie);
	lie.p[ANSWER_PORT + 1] ^= 1;
	c = ask(&p);
	liar = c;
	forged(&p);
	conn_data(&liar, SERVER, lie.p, lie.n);
	backward(&p);
	conn_data(&c, SERVER, o.p, o.n);
	on_wire(&p, 0, 0);
	play_must_learn(&p, PORT, &iface_samr);
	assert_int_equal(play_grants(&p.enforce, PORT ^ 1), 0);
	play_end(&p);
	octets_free(&o);
	octets_free(&lie);
}

/* The client plays both parts from the first packet on */
static void a_server_cannot_be_played_from_the_start(void **state)
{
	static const bool begins_as_server[] = { false, true };
	struct octets o = { 0 };

	(void)state;
	play_answer_pdu(&o);
	for (size_t k = 0; k < COUNT(begins_as_server); k++) {
		struct play p;
		struct conn c;
		size_t first;

		play_begin(&p, "all of a mapper, from the client's wire");
		if (begins_as_server[k]) {
			struct conn before;
			struct segment seg;

			before = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
			p.next_port--; /* the same connection */
			seg = conn_segment(&before, SERVER, NULL, 0);
			seg.flags = SYN;
			forged(&p);
			conn_put(&before, &seg);
		}
		first = p.packets.n;
		c = play_ask(&p);
		conn_data(&c, SERVER, o.p, o.n);
		honest(&p, first);
		for (size_t i = first; i < p.packets.n; i++)
			if (p.packets.at[i].indev == SERVERS)
				p.packets.at[i].indev = CLIENTS;
		on_wire(&p, 0, 0);
		play_must_not_learn(&p, PORT, &iface_samr);
		play_end(&p);
	}
	octets_free(&o);
}

/* A SYN in the client's name, from anywhere, does not spoil the connection that the client opens */
static void an_outsider_cannot_spoil_a_connection(void **state)
{
	struct octets o = { 0 };
	struct conn before, c;
	struct segment seg;
	struct play p;

	(void)state;
	play_begin(&p, "a SYN of an outsider first");
	play_answer_pdu(&o);
	before = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	p.next_port--;
	seg = conn_segment(&before, CLIENT, NULL, 0);
	seg.flags = SYN;
	seg.seq += 77777;
	on_wire(&p, ELSEWHERE, SERVERS);
	conn_put(&before, &seg);
	c = play_ask(&p);
	conn_send(&c, SERVER, o.p, o.n);
	honest(&p, 1);
	on_wire(&p, 0, 0);
	play_must_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&o);
}

/* Routes that differ by direction look the same as forgery, so that is a setting */
static void routes_that_differ_need_a_setting(void **state)
{
	static const enum rpcgate_reverse_path settings[] = { RPCGATE_REVERSE_PATH_STRICT,
							      RPCGATE_REVERSE_PATH_OFF };
	struct octets o = { 0 };

	(void)state;
	play_answer_pdu(&o);
	for (size_t k = 0; k < COUNT(settings); k++) {
		struct play p;
		struct conn c;

		play_begin(&p, "answers by another way");
		p.cfg.reverse_path = settings[k];
		c = play_ask(&p);
		conn_send(&c, SERVER, o.p, o.n);
		honest(&p, 0);
		for (size_t i = 0; i < p.packets.n; i++)
			if (p.packets.at[i].indev == SERVERS)
				p.packets.at[i].indev = ELSEWHERE;
		if (settings[k] == RPCGATE_REVERSE_PATH_OFF)
			play_must_learn(&p, PORT, &iface_samr);
		else
			play_must_not_learn(&p, PORT, &iface_samr);
		play_end(&p);
	}
	octets_free(&o);
}

/* One interface for both: there is nothing to tell them apart by */
static void on_one_arm_everything_counts(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "both behind one interface");
	play_answer_pdu(&o);
	forged(&p);
	c = play_ask(&p);
	conn_send(&c, SERVER, o.p, o.n);
	play_must_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&o);
}

static void over_udp_the_same(void **state)
{
	static const enum wire answers_from[] = { SERVERS, CLIENTS };

	(void)state;
	for (size_t k = 0; k < COUNT(answers_from); k++) {
		struct play p;

		play_begin(&p, "a mapper over UDP");
		play_map_udp_over_udp(&p, &iface_samr, PORT);
		honest(&p, 0);
		for (size_t i = 0; i < p.packets.n; i++)
			if (p.packets.at[i].indev == SERVERS)
				p.packets.at[i].indev = answers_from[k];
		play_judge(&p);
		assert_int_equal(p.enforce.stats.answers != 0, answers_from[k] == SERVERS);
		assert_int_equal(p.enforce.stats.wrong_path != 0, answers_from[k] != SERVERS);
		play_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_the_right_way_counts),
		cmocka_unit_test(a_client_cannot_answer_himself),
		cmocka_unit_test(a_forged_answer_is_as_if_it_had_not_been),
		cmocka_unit_test(a_server_cannot_be_played_from_the_start),
		cmocka_unit_test(an_outsider_cannot_spoil_a_connection),
		cmocka_unit_test(routes_that_differ_need_a_setting),
		cmocka_unit_test(on_one_arm_everything_counts),
		cmocka_unit_test(over_udp_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
