/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_binding.c - what servers announced, remembered: as long as promised, the oldest goes first */
#include <string.h>

#include "rows.h"
#include "verdict.h"

#define TTL 10U
#define RECORD 100U

/* Each on a port of its own; the outsider's Bind tells whether it is remembered */
static void announce(struct play *p, uint16_t port)
{
	play_map(p, &iface_samr, port);
}

static void must_know(struct play *p, uint16_t port, bool known)
{
	size_t before = p->packets.n;

	(void)ask_as(p, OUTSIDER_HOST, port, &iface_samr, 0);
	must_say(p, RPCGATE_DENY, known ? RPCGATE_REASON_OTHER_CLIENT : RPCGATE_REASON_NO_PINHOLE);
	p->packets.n = before;
}

static void the_oldest_goes_first(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "oldest first");
	p.cfg.max_bindings = 16;
	for (uint16_t i = 0; i < 16; i++)
		announce(&p, PORT + i);
	play_judge(&p);
	assert_true(p.observe.stats.bindings_live == 16);
	assert_true(p.observe.stats.limits_reached == 0);
	announce(&p, PORT + 3); /* again: the youngest now */
	for (uint16_t i = 16; i < 20; i++)
		announce(&p, PORT + i);
	for (uint16_t i = 0; i < 20; i++)
		must_know(&p, PORT + i, i == 3 || i > 4);
	assert_true(p.observe.stats.bindings_live == 16);
	assert_true(p.observe.stats.limits_reached == 4);
	assert_int_equal(limit_events(&p.observe, "max_bindings"), 1);
	/* what is forgotten is not closed */
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);
	play_end(&p);
}

/* A record lives for ttl and record time; the connection of the asking client is older */
static void a_record_ends_in_time(void **state)
{
	struct play p;
	uint64_t told;

	(void)state;
	for (int64_t after = -1; after <= 0; after++) {
		play_begin(&p, after ? "one nanosecond before" : "at the end");
		p.cfg.pinhole_ttl_s = TTL;
		p.cfg.pinhole_record_s = RECORD;
		announce(&p, PORT);
		play_judge(&p);
		told = last_pinhole(&p.observe, RPCGATE_PINHOLE_OPEN)->time_ns;
		(void)ask_as(&p, OUTSIDER_HOST, PORT, &iface_samr,
			     told + (TTL + RECORD) * SECOND + (uint64_t)after);
		must_say(&p, RPCGATE_DENY,
			 after ? RPCGATE_REASON_OTHER_CLIENT : RPCGATE_REASON_NO_PINHOLE);
		play_end(&p);
	}
}

static void old_records_make_room_in_silence(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "old records");
	p.cfg.max_bindings = 16;
	p.cfg.pinhole_ttl_s = TTL;
	p.cfg.pinhole_record_s = RECORD;
	for (uint16_t i = 0; i < 16; i++)
		announce(&p, PORT + i);
	p.clock_ns += (TTL + RECORD) * SECOND;
	announce(&p, PORT + 50);
	play_judge(&p);
	assert_true(p.observe.stats.bindings_live == 1);
	assert_true(p.observe.stats.limits_reached == 0);
	must_know(&p, PORT + 50, true);
	must_know(&p, PORT + 15, false);
	play_end(&p);
}

/* Server, interface, major version, port and zone: each makes another record */
static void what_makes_a_record_one(void **state)
{
	struct rpcgate_syntax version_2 = iface_samr;
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "keys");
	version_2.major = 2;
	announce(&p, PORT);
	announce(&p, PORT);
	play_judge(&p);
	assert_true(p.observe.stats.bindings_live == 1);
	announce(&p, PORT + 1);
	play_map(&p, &iface_lsarpc, PORT);
	play_map(&p, &version_2, PORT);
	c = play_dial(&p, CLIENT_HOST, VICTIM_HOST, 135);
	talk_map(&c, &iface_samr, PORT, VICTIM_HOST);
	play_judge(&p);
	assert_true(p.observe.stats.bindings_live == 5);
	assert_true(p.observe.stats.bindings == 6);
	(void)ask_as(&p, OUTSIDER_HOST, PORT, &version_2, 0);
	must_say(&p, RPCGATE_DENY, RPCGATE_REASON_OTHER_CLIENT);
	play_end(&p);
}

/* What was refused as a port is told, and not remembered */
static void what_cannot_be_used_is_not_remembered(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "reserved");
	announce(&p, 3389);
	play_judge(&p);
	assert_true(p.observe.stats.bindings == 1);
	assert_true(p.observe.stats.bindings_accepted == 0);
	assert_true(p.observe.stats.bindings_live == 0);
	play_end(&p);
}

static const struct rpcgate_event *told_binding(const struct outcome *out)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_BINDING)
			return &out->at[i].event;
	fail_msg("nothing was announced");
	return NULL;
}

static void what_a_binding_event_says(void **state)
{
	const struct rpcgate_binding_event *b;
	struct play p;

	(void)state;
	play_begin(&p, "listed");
	list_one(&p, &iface_samr, PORT);
	play_judge(&p);
	b = &told_binding(&p.observe)->u.binding;
	assert_int_equal(b->source, RPCGATE_EPT_LOOKUP);
	assert_int_equal(b->protseq, RPCGATE_NCACN_IP_TCP);
	assert_memory_equal(&b->interface, &iface_samr, sizeof(iface_samr));
	assert_int_equal(b->port, PORT);
	assert_true(b->has_tower_ip && !b->accepted);
	assert_int_equal(b->tower_ip.octet[15], 20);
	assert_int_equal(b->server.octet[15], 20);
	assert_int_equal(b->reason, RPCGATE_REASON_LOOKUP_ONLY);
	assert_int_equal(b->annotation_len, 6);
	assert_memory_equal(b->annotation, "listed", 6);
	assert_int_equal(b->endpoint_len, 0);
	play_end(&p);
	play_begin(&p, "mapped");
	announce(&p, PORT);
	play_judge(&p);
	b = &told_binding(&p.observe)->u.binding;
	assert_int_equal(b->source, RPCGATE_EPT_MAP);
	assert_true(b->accepted);
	assert_int_equal(b->reason, RPCGATE_REASON_NONE);
	assert_int_equal(b->annotation_len, 0);
	play_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_goes_first),
		cmocka_unit_test(a_record_ends_in_time),
		cmocka_unit_test(old_records_make_room_in_silence),
		cmocka_unit_test(what_makes_a_record_one),
		cmocka_unit_test(what_cannot_be_used_is_not_remembered),
		cmocka_unit_test(what_a_binding_event_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
