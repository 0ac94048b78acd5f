/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_event.c - events are values in a buffer of fixed size: none is half told, none overflows */
#include "gate.h"
#include "rows.h"

#define MOST 4U

static struct rpcgate *engine(void)
{
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *g;

	rpcgate_config_default(&cfg);
	cfg.max_flows = cfg.max_pinholes = cfg.max_bindings = cfg.max_datagrams = 16;
	cfg.buffer_octets = 1U << 21;
	cfg.max_events = MOST;
	g = rpcgate_new(&cfg, err);
	assert_non_null(g);
	(void)rpcgate_tick(g, 1000);
	return g;
}

static struct flow some_flow(void)
{
	return (struct flow){
		.key = { .addr = { { { [15] = 1 } }, { { [15] = 2 } } },
			 .port = { 135, 40000 },
			 .zone = 9 },
		.id = 5,
		.client = 1,
		.n_vlan = 2,
		.vlan = { 100, 200 },
		.start_ns = 700,
		.last_ns = 900,
		.packets = { 1, 2 },
		.octets = { 3, 4 },
	};
}

static void the_common_part_names_the_client_first(void **state)
{
	struct rpcgate *g = engine();
	struct flow f = some_flow();
	const struct rpcgate_event *e = event_new(g, RPCGATE_EVENT_BIND, &f);

	(void)state;
	assert_int_equal(e->type, RPCGATE_EVENT_BIND);
	assert_true(e->time_ns == 1000 && e->flow_id == 5 && e->zone == 9 && e->parent_id == 0);
	assert_int_equal(e->proto, 6);
	assert_int_equal(e->src.octet[15], 2);
	assert_int_equal(e->dest.octet[15], 1);
	assert_int_equal(e->src_port, 40000);
	assert_int_equal(e->dest_port, 135);
	assert_int_equal(e->n_vlan, 2);
	assert_int_equal(e->vlan[0], 100);
	assert_int_equal(e->vlan[1], 200);
	f.client = SIDE_UNKNOWN; /* then the lower end stands for it */
	e = event_new(g, RPCGATE_EVENT_BIND, &f);
	assert_int_equal(e->src_port, 135);
	rpcgate_free(g);
}

static void an_event_about_no_flow(void **state)
{
	struct rpcgate *g = engine();
	const struct rpcgate_event *e = event_new(g, RPCGATE_EVENT_ENGINE, NULL);

	(void)state;
	assert_true(e->flow_id == 0 && e->zone == 0);
	assert_int_equal(e->src_port, 0);
	rpcgate_free(g);
}

/* What does not fit goes to a slot that is never handed out, zeroed as the others are */
static void what_does_not_fit_is_counted(void **state)
{
	struct rpcgate *g = engine();
	struct rpcgate_event *e;

	(void)state;
	for (unsigned i = 0; i < MOST; i++) {
		assert_true(event_room(g, MOST - i));
		assert_false(event_room(g, MOST - i + 1));
		e = event_new(g, RPCGATE_EVENT_ALERT, NULL);
		assert_ptr_equal(e, &g->events[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		e = event_new(g, RPCGATE_EVENT_ALERT, NULL);
		assert_ptr_equal(e, &g->events[MOST]);
		assert_int_equal(e->u.alert.opnum, 0);
		memset(e, 0xff, sizeof(*e));
	}
	assert_true(g->stats.events == MOST && g->stats.events_lost == 3);
	assert_int_equal(g->result.n_events, MOST);
	rpcgate_free(g);
}

static void an_alert_has_no_pdu_until_one_is_named(void **state)
{
	struct rpcgate *g = engine();
	const struct rpcgate_alert_event *a = event_alert(g, NULL, RPCGATE_REASON_LIMIT);

	(void)state;
	assert_int_equal(a->reason, RPCGATE_REASON_LIMIT);
	assert_int_equal(a->action, RPCGATE_NONE);
	assert_int_equal(a->ptype, 0xff);
	assert_false(a->has_interface);
	rpcgate_free(g);
}

static void a_limit_is_told_once_and_counted_each_time(void **state)
{
	struct rpcgate *g = engine();

	(void)state;
	for (int i = 0; i < 3; i++) {
		event_limit(g, LIMIT_FLOWS, "flows");
		event_limit(g, LIMIT_EVENTS, "events");
	}
	assert_true(g->stats.limits_reached == 6);
	assert_int_equal(g->result.n_events, 2);
	assert_int_equal(g->events[0].type, RPCGATE_EVENT_ENGINE);
	assert_string_equal(g->events[0].u.engine.event, "limit");
	assert_string_equal(g->events[0].u.engine.detail, "flows");
	assert_int_equal(g->events[0].u.engine.reason, RPCGATE_REASON_LIMIT);
	assert_string_equal(g->events[1].u.engine.detail, "events");
	rpcgate_free(g);
}

static void the_end_of_a_flow(void **state)
{
	struct rpcgate *g = engine();
	struct flow f = some_flow();
	struct conv c = { .mapper = true, .binds = 7, .accepted = 6 };
	const struct rpcgate_flow_event *e;

	(void)state;
	c.why = RPCGATE_REASON_MALFORMED_NDR;
	event_flow(g, &f, &c, RPCGATE_FLOW_TIMEOUT);
	e = &g->events[0].u.flow;
	assert_int_equal(e->state, RPCGATE_FLOW_TIMEOUT);
	assert_int_equal(e->reason, RPCGATE_REASON_MALFORMED_NDR);
	assert_true(e->mapper && !e->midstream);
	assert_int_equal(e->binds, 7);
	assert_int_equal(e->accepted, 6);
	assert_true(e->packets_toserver == 2 && e->packets_toclient == 1);
	assert_true(e->octets_toserver == 4 && e->octets_toclient == 3);
	assert_true(e->start_ns == 700 && e->end_ns == 900);
	/* what it was refused for comes before what was seen in it */
	f.why = RPCGATE_REASON_NO_PINHOLE;
	f.midstream = true;
	/* captured time lies behind the engine's: never before zero */
	g->behind_ns = 800;
	event_flow(g, &f, &c, RPCGATE_FLOW_OPEN);
	e = &g->events[1].u.flow;
	assert_int_equal(e->reason, RPCGATE_REASON_NO_PINHOLE);
	assert_true(e->midstream);
	assert_true(e->start_ns == 0 && e->end_ns == 100);
	rpcgate_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_common_part_names_the_client_first),
		cmocka_unit_test(an_event_about_no_flow),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(an_alert_has_no_pdu_until_one_is_named),
		cmocka_unit_test(a_limit_is_told_once_and_counted_each_time),
		cmocka_unit_test(the_end_of_a_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
