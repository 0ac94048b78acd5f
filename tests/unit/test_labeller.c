/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nDPI as a labeller: it names, it gives up, it is bounded */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "labeller.h"

#define SECOND UINT64_C(1000000000)
#define HEADERS 40
#define OCTETS_MAX 512
#define PACKETS_MAX 8

struct packet {
	uint8_t octet[OCTETS_MAX];
	size_t n;
};

/* IPv4 and TCP around a payload, from a client to a dynamic port */
static struct packet packet_of(const char *payload, size_t n)
{
	static const uint8_t headers[HEADERS] = {
		0x45, 0, 0,   0,   0,    1,    0x40, 0,    64,   6,    0, 0, 192, 168,
		1,    5, 192, 168, 1,    10,   0xc3, 0xcb, 0xc1, 0x86, 0, 0, 0,   1,
		0,    0, 0,   1,   0x50, 0x18, 0x10, 0,    0,    0,    0, 0,
	};
	struct packet p = { .n = HEADERS + n };

	assert_true(p.n <= OCTETS_MAX);
	memcpy(p.octet, headers, HEADERS);
	p.octet[2] = (uint8_t)(p.n >> 8);
	p.octet[3] = (uint8_t)p.n;
	memcpy(p.octet + HEADERS, payload, n);
	return p;
}

static enum labeller_state show(struct labeller *l, uint64_t flow, bool start, struct packet p)
{
	return labeller_packet(l, flow, start, p.octet, p.n, flow * SECOND);
}

static struct packet http(void)
{
	static const char text[] = "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\n"
				   "User-Agent: none\r\nAccept: */*\r\n\r\n";

	return packet_of(text, sizeof(text) - 1);
}

static struct packet noise(void)
{
	static const char text[] =
		"\x93\x11\xd2\x7f\x01\xee\x5a\xc4\x38\x99\x27\xb6\xf0\x0d\x61\x4c";

	return packet_of(text, sizeof(text) - 1);
}

static void http_on_a_dynamic_port_is_named(void **state)
{
	struct labeller *l = labeller_new();
	enum labeller_state got = LABELLER_WAITING;

	(void)state;
	for (int i = 0; i < PACKETS_MAX && got == LABELLER_WAITING; i++)
		got = show(l, 1, true, http());
	assert_int_equal(got, LABELLER_NAMED);
	assert_string_equal(labeller_name(l, 1), "HTTP");
	assert_null(labeller_name(l, 2));
	assert_int_equal(labeller_unnamed(l), 0);
	/* named once; more packets change nothing */
	assert_int_equal(show(l, 1, true, http()), LABELLER_STRANGER);
	labeller_free(l);
}

static void noise_is_given_up_after_a_few_packets(void **state)
{
	struct labeller *l = labeller_new();

	(void)state;
	for (int i = 1; i < PACKETS_MAX; i++)
		assert_int_equal(show(l, 1, true, noise()), LABELLER_WAITING);
	assert_int_equal(show(l, 1, true, noise()), LABELLER_UNKNOWN);
	assert_int_equal(labeller_unnamed(l), 1);
	assert_null(labeller_name(l, 1));
	labeller_free(l);
}

static void flows_nobody_asked_about_cost_nothing(void **state)
{
	struct labeller *l = labeller_new();

	(void)state;
	for (uint64_t flow = 1; flow < 100; flow++)
		assert_int_equal(show(l, flow, false, http()), LABELLER_STRANGER);
	assert_int_equal(labeller_unnamed(l), 0);
	labeller_free(l);
}

static void waiting_flows_give_way_when_there_are_too_many(void **state)
{
	struct labeller *l = labeller_new();
	enum labeller_state got = LABELLER_WAITING;

	(void)state;
	for (uint64_t flow = 1; flow <= 2000; flow++)
		assert_int_equal(show(l, flow, true, noise()), LABELLER_WAITING);
	assert_int_equal(labeller_unnamed(l), 2000);
	assert_int_equal(show(l, 1, false, http()), LABELLER_STRANGER);
	assert_int_equal(show(l, 2000, false, noise()), LABELLER_WAITING);
	for (int i = 0; i < PACKETS_MAX && got == LABELLER_WAITING; i++)
		got = show(l, 2001, true, http());
	assert_int_equal(got, LABELLER_NAMED);
	assert_int_equal(labeller_unnamed(l), 2000);
	labeller_free(l);
}

static void cut_and_empty_packets_are_survived(void **state)
{
	struct labeller *l = labeller_new();
	struct packet p = http();

	(void)state;
	assert_int_equal(labeller_packet(l, 1, true, NULL, 0, 0), LABELLER_WAITING);
	for (size_t n = 1; n < p.n; n++)
		labeller_packet(l, n + 1, true, p.octet, n, 0);
	labeller_free(l);
	labeller_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_on_a_dynamic_port_is_named),
		cmocka_unit_test(noise_is_given_up_after_a_few_packets),
		cmocka_unit_test(flows_nobody_asked_about_cost_nothing),
		cmocka_unit_test(waiting_flows_give_way_when_there_are_too_many),
		cmocka_unit_test(cut_and_empty_packets_are_survived),
	};

	return cmocka_run_group_tests_name("labeller", tests, NULL, NULL);
}
