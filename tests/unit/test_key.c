/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_key.c - the secret key of hashes decides where things lie, and nothing that is told */
#include <stdio.h>
#include <string.h>

#include "rows.h"
#include "verdict.h"

#define FOREIGN 34000U /* more connections than are remembered */
#define PORTS 1500U    /* announced: of so many some meet in any table that hashes alone index */

static void judge_with(struct play *p, uint8_t key, struct outcome *out)
{
	memset(p->cfg.hash_key, key, sizeof(p->cfg.hash_key));
	feed_packets(&p->cfg, &p->packets, out);
}

static void must_be_the_same(struct play *p)
{
	struct outcome one, other;

	judge_with(p, 0x11, &one);
	judge_with(p, 0xee, &other);
	assert_memory_equal(&one.stats, &other.stats, sizeof(one.stats));
	assert_memory_equal(one.action, other.action, p->packets.n);
	assert_memory_equal(one.reason, other.reason, p->packets.n);
	assert_int_equal(one.n, other.n);
	for (size_t i = 0; i < one.n; i++) {
		assert_int_equal(one.at[i].packet, other.at[i].packet);
		assert_int_equal(one.at[i].event.type, other.at[i].event.type);
		assert_true(one.at[i].event.flow_id == other.at[i].event.flow_id);
	}
	outcome_free(&one);
	outcome_free(&other);
}

static struct conn foreign(struct play *p, uint32_t number)
{
	char client[sizeof("10.255.255.255")];
	struct conn c;

	snprintf(client, sizeof(client), "10.%u.%u.%u", number >> 16 & 0xff, number >> 8 & 0xff,
		 number & 0xff);
	c = play_dial(p, client, SERVER_HOST, 8080);
	conn_open(&c);
	conn_data(&c, CLIENT, "GET / HTTP/1.0\r\n", 16);
	return c;
}

/* Octets inside them that look like a Bind: of those that are forgotten, which are the oldest, they
 * are read */
static void foreign_connections(void **state)
{
	static struct conn conn[FOREIGN];
	struct octets bind = { 0 };
	struct play p;

	(void)state;
	play_begin(&p, "foreign");
	play_bind_pdu(&bind, &iface_samr);
	p.cfg.max_flows = 2 * FOREIGN;
	for (uint32_t i = 0; i < FOREIGN; i++)
		conn[i] = foreign(&p, i);
	for (uint32_t i = 0; i < FOREIGN; i++)
		conn_data(&conn[i], CLIENT, bind.p, bind.n);
	must_be_the_same(&p);
	octets_free(&bind);
	play_end(&p);
}

/* Whether a refusal says that somebody else was told of the port */
static void ports_told_to_others(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "told to others");
	p.cfg.mode = RPCGATE_ENFORCE;
	p.cfg.admission = RPCGATE_ADMIT_ANNOUNCED;
	for (uint16_t i = 0; i < PORTS; i++)
		play_map(&p, &iface_samr, PORT + i);
	for (uint16_t i = 0; i < PORTS; i++) {
		struct conn c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, PORT + i);
		struct segment seg = conn_segment(&c, CLIENT, NULL, 0);

		seg.flags = SYN;
		conn_put(&c, &seg);
	}
	must_be_the_same(&p);
	play_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_connections),
		cmocka_unit_test(ports_told_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
