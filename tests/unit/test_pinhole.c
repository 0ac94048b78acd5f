/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pinhole.c - when a pinhole opens, what renews it, and that its end is exact */
#include "rows.h"
#include "verdict.h"

#define TTL 300U
#define RECORD 3600U

/* The play so far, and when the pinhole that it opened will end */
static uint64_t opened(struct play *p, const char *trick)
{
	play_begin(p, trick);
	p->cfg.pinhole_ttl_s = TTL;
	p->cfg.pinhole_record_s = RECORD;
	play_map(p, &iface_samr, PORT);
	play_judge(p);
	return last_pinhole(&p->observe, RPCGATE_PINHOLE_OPEN)->u.pinhole.until_ns;
}

static void what_an_opening_says(void **state)
{
	const struct rpcgate_event *e;
	struct play p;

	(void)state;
	(void)opened(&p, "opening");
	e = last_pinhole(&p.enforce, RPCGATE_PINHOLE_OPEN);
	assert_true(e->u.pinhole.until_ns == e->time_ns + TTL * SECOND);
	assert_int_equal(e->u.pinhole.port, PORT);
	assert_int_equal(e->u.pinhole.ttl_s, TTL);
	assert_int_equal(e->u.pinhole.source, RPCGATE_EPT_MAP);
	assert_int_equal(e->u.pinhole.reason, RPCGATE_REASON_NONE);
	assert_true(e->u.pinhole.id == 1 && e->u.pinhole.uses == 0);
	assert_true(e->flow_id == 1 && e->parent_id == 1);
	assert_int_equal(e->dest_port, 135);
	assert_int_equal(e->u.pinhole.client.octet[15], 10);
	assert_int_equal(e->u.pinhole.server.octet[15], 20);
	play_end(&p);
}

/* ---------------------------------------------------------------- its end */

struct end_row {
	const char *name;
	enum rpcgate_reconnect reconnect;
	int64_t after_ns; /* of the Bind, counted from the end of the pinhole */
	enum rpcgate_verdict verdict;
	enum rpcgate_reason reason;
};

#define BLOCK RPCGATE_RECONNECT_BLOCK
#define LOG RPCGATE_RECONNECT_LOG
#define ALLOW RPCGATE_RECONNECT_ALLOW
#define RECORD_NS ((int64_t)(RECORD * SECOND))

static const struct end_row end_rows[] = {
	{ "a nanosecond before its end it is open", BLOCK, -1, RPCGATE_ALLOW,
	  RPCGATE_REASON_LEARNED },
	{ "at its end it is not", BLOCK, 0, RPCGATE_DENY, RPCGATE_REASON_PINHOLE_EXPIRED },
	{ "while the record is kept, the reason is known", BLOCK, RECORD_NS - 1, RPCGATE_DENY,
	  RPCGATE_REASON_PINHOLE_EXPIRED },
	{ "then it is forgotten", BLOCK, RECORD_NS, RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE },
	{ "reconnect=log lets it through, and says so", LOG, 0, RPCGATE_LOG,
	  RPCGATE_REASON_RECONNECT },
	{ "until the record ends", LOG, RECORD_NS - 1, RPCGATE_LOG, RPCGATE_REASON_RECONNECT },
	{ "not longer", LOG, RECORD_NS, RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE },
	{ "reconnect=log changes nothing before", LOG, -1, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED },
	{ "reconnect=allow lets it through", ALLOW, 0, RPCGATE_ALLOW, RPCGATE_REASON_RECONNECT },
	{ "until the record ends as well", ALLOW, RECORD_NS - 1, RPCGATE_ALLOW,
	  RPCGATE_REASON_RECONNECT },
	{ "and not longer either", ALLOW, RECORD_NS, RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE },
};

static void end_row(void **state)
{
	const struct end_row *row = *state;
	struct play p;
	uint64_t end = opened(&p, row->name);

	p.cfg.reconnect = row->reconnect;
	/* the connection is older than the Bind: only the latter counts */
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, end + (uint64_t)row->after_ns);
	must_say(&p, row->verdict, row->reason);
	assert_true(p.observe.stats.reconnects == (row->reason == RPCGATE_REASON_RECONNECT ||
						   row->reason == RPCGATE_REASON_PINHOLE_EXPIRED));
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_EXPIRE), row->after_ns >= 0);
	if (row->after_ns >= 0) {
		const struct rpcgate_event *e = last_pinhole(&p.observe, RPCGATE_PINHOLE_EXPIRE);

		assert_true(e->time_ns == end);
		assert_int_equal(e->u.pinhole.reason, RPCGATE_REASON_PINHOLE_EXPIRED);
		assert_int_equal(e->dest_port, PORT);
		assert_true(p.observe.stats.pinholes_live == 0);
	}
	play_end(&p);
}

/* ------------------------------------------------------------- what renews it */

struct renew_row {
	const char *name;
	enum rpcgate_refresh refresh;
	void (*act)(struct play *p);
	bool renewed;
	size_t refreshes, uses;
};

static void used(struct play *p)
{
	struct conn c = ask_as(p, CLIENT_HOST, PORT, &iface_samr, 0);

	accept_bind(&c);
}

static void only_asked(struct play *p)
{
	(void)ask_as(p, CLIENT_HOST, PORT, &iface_samr, 0);
}

static void only_opened(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	conn_open(&c);
}

static void refused_by_the_server(struct play *p)
{
	struct conn c = ask_as(p, CLIENT_HOST, PORT, &iface_samr, 0);

	refuse_bind(&c, 2, 2);
}

static void announced_again(struct play *p)
{
	play_map(p, &iface_samr, PORT);
}

static void announced_to_another(struct play *p)
{
	struct conn c = play_dial(p, OUTSIDER_HOST, SERVER_HOST, 135);

	talk_map(&c, &iface_samr, PORT, SERVER_HOST);
}

static void another_interface_announced(struct play *p)
{
	play_map(p, &iface_lsarpc, PORT);
}

static void listed(struct play *p)
{
	list_one(p, &iface_samr, PORT);
}

#define USE RPCGATE_REFRESH_USE
#define MAP RPCGATE_REFRESH_MAP

static const struct renew_row renew_rows[] = {
	{ "an accepted bind renews", USE, used, true, 0, 1 },
	{ "not with refresh=map", MAP, used, false, 0, 1 },
	{ "a bind alone does not", USE, only_asked, false, 0, 0 },
	{ "a connection alone does not", USE, only_opened, false, 0, 0 },
	{ "nor one that the server refused", USE, refused_by_the_server, false, 0, 0 },
	{ "another answer renews", USE, announced_again, true, 1, 0 },
	{ "with refresh=map, too", MAP, announced_again, true, 1, 0 },
	{ "an answer to another client does not", USE, announced_to_another, false, 0, 0 },
	{ "nor one about another interface", USE, another_interface_announced, false, 0, 0 },
	{ "nor a listing", USE, listed, false, 0, 0 },
};

static void renew_row(void **state)
{
	const struct renew_row *row = *state;
	struct play p;
	uint64_t end = opened(&p, row->name);

	p.cfg.refresh = row->refresh;
	p.clock_ns = end - TTL * SECOND / 2;
	row->act(&p);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, end);
	must_say(&p, row->renewed ? RPCGATE_ALLOW : RPCGATE_DENY,
		 row->renewed ? RPCGATE_REASON_LEARNED : RPCGATE_REASON_PINHOLE_EXPIRED);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_REFRESH), row->refreshes);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_USE), row->uses);
	assert_true(p.observe.stats.pinholes_refreshed == row->refreshes);
	if (row->uses)
		assert_true(last_pinhole(&p.observe, RPCGATE_PINHOLE_USE)->u.pinhole.uses == 1);
	play_end(&p);
}

/* A renewal is one ttl from the moment it comes, not added to what is left */
static void a_renewal_is_exact(void **state)
{
	struct play p;
	uint64_t end, renewed;

	(void)state;
	for (int after = -1; after <= 0; after++) {
		end = opened(&p, "renewal");
		p.clock_ns = end - 1000 * SECOND / 100;
		used(&p);
		play_judge(&p);
		renewed = last_pinhole(&p.observe, RPCGATE_PINHOLE_USE)->u.pinhole.until_ns;
		assert_true(renewed ==
			    last_pinhole(&p.observe, RPCGATE_PINHOLE_USE)->time_ns + TTL * SECOND);
		(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr,
			     renewed + (uint64_t)(int64_t)after);
		must_say(&p, after ? RPCGATE_ALLOW : RPCGATE_DENY,
			 after ? RPCGATE_REASON_LEARNED : RPCGATE_REASON_PINHOLE_EXPIRED);
		play_end(&p);
	}
}

/* What has run out does not come back by use: with reconnect=log each bind is one */
static void an_expired_one_is_not_renewed_by_use(void **state)
{
	struct play p;
	uint64_t end = opened(&p, "reconnect");

	(void)state;
	p.cfg.reconnect = RPCGATE_RECONNECT_LOG;
	p.clock_ns = end + SECOND;
	used(&p);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, RPCGATE_LOG, RPCGATE_REASON_RECONNECT);
	assert_true(p.observe.stats.reconnects == 2);
	assert_true(p.observe.stats.binds_logged == 2);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_USE), 0);
	play_end(&p);
}

/* But by another answer, and then it counts as opened again */
static void an_expired_one_is_opened_again(void **state)
{
	struct play p;
	uint64_t end = opened(&p, "again");
	struct conn c;

	(void)state;
	p.cfg.refresh = RPCGATE_REFRESH_MAP;
	used(&p);
	/* the answer comes with the end, before any sweep could see it */
	p.clock_ns = end - 5000000;
	c = play_ask(&p);
	p.clock_ns = end;
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_OPEN), 2);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_EXPIRE), 1);
	assert_true(p.observe.stats.pinholes_live == 1);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_REFRESH), 0);
	assert_true(last_pinhole(&p.observe, RPCGATE_PINHOLE_USE)->u.pinhole.uses == 1);
	assert_true(last_pinhole(&p.observe, RPCGATE_PINHOLE_OPEN)->u.pinhole.uses == 0);
	assert_true(last_pinhole(&p.observe, RPCGATE_PINHOLE_OPEN)->u.pinhole.id == 1);
	play_end(&p);
}

/* --------------------------------------------------------- what closes it */

struct close_row {
	const char *name;
	bool nak;
	uint16_t result, reason;
	bool closed;
};

static const struct close_row close_rows[] = {
	{ "a bind_nak without a reason closes", true, 0, 0, true },
	{ "congestion does not", true, 0, 1, false },
	{ "a local limit does not", true, 0, 2, false },
	{ "an unknown version does", true, 0, 4, true },
	{ "an unknown authentication does not", true, 0, 8, false },
	{ "nor a failed one", true, 0, 9, false },
	{ "an interface that is not there closes", false, 2, 1, true },
	{ "a transfer syntax that is not there does not", false, 2, 2, false },
	{ "nor a local limit of contexts", false, 2, 3, false },
	{ "nor a refusal without a reason", false, 2, 0, false },
	{ "user rejection with that reason closes, too", false, 1, 1, true },
};

static void close_row(void **state)
{
	const struct close_row *row = *state;
	struct play p;
	struct conn c;

	(void)opened(&p, row->name);
	p.cfg.reconnect = RPCGATE_RECONNECT_ALLOW; /* a refused endpoint is none to come back to */
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	if (row->nak)
		nak_bind(&c, row->reason);
	else
		refuse_bind(&c, row->result, row->reason);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, row->closed ? RPCGATE_DENY : RPCGATE_ALLOW,
		 row->closed ? RPCGATE_REASON_PINHOLE_EXPIRED : RPCGATE_REASON_LEARNED);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_CLOSE), row->closed);
	assert_true(p.observe.stats.pinholes_live == !row->closed);
	/* an answer opens it again in any case, as if nothing had been */
	play_map(&p, &iface_samr, PORT);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);
	p.clock_ns += (TTL + 1) * SECOND;
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, RPCGATE_ALLOW, RPCGATE_REASON_RECONNECT);
	play_end(&p);
}

/* Of two interfaces on one port the other one stays */
static void closing_one_interface_leaves_the_other(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	(void)opened(&p, "two interfaces");
	play_map(&p, &iface_lsarpc, PORT);
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	nak_bind(&c, 0);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_lsarpc, 0);
	must_say(&p, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);
	assert_true(p.observe.stats.pinholes_live == 1);
	(void)ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	must_say(&p, RPCGATE_DENY, RPCGATE_REASON_PINHOLE_EXPIRED);
	play_end(&p);
}

/* --------------------------------------------------------------- the sweep */

/* Nobody looks: the sweep tells of the end, with the moment it happened, and makes room */
static void the_sweep_tells(void **state)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_stats stats;
	struct rpcgate *gate;
	struct rpcgate_result r;
	struct play p;
	uint64_t end = opened(&p, "sweep");

	(void)state;
	gate = rpcgate_new(&p.cfg, err);
	assert_non_null(gate);
	for (size_t i = 0; i < p.packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p.packets, i);

		(void)rpcgate_feed(gate, &packet);
	}
	r = rpcgate_tick(gate, end - 1);
	assert_int_equal(r.n_events, 1); /* the mapper connection was closed long ago */
	assert_int_equal(r.events[0].type, RPCGATE_EVENT_FLOW);
	r = rpcgate_tick(gate, end + SECOND);
	assert_int_equal(r.n_events, 1);
	assert_int_equal(r.events[0].type, RPCGATE_EVENT_PINHOLE);
	assert_int_equal(r.events[0].u.pinhole.action, RPCGATE_PINHOLE_EXPIRE);
	assert_true(r.events[0].time_ns == end);
	rpcgate_stats(gate, &stats);
	assert_true(stats.pinholes_expired == 1 && stats.pinholes_live == 0);
	r = rpcgate_tick(gate, end + (RECORD + 1) * SECOND);
	assert_int_equal(r.n_events, 0);
	rpcgate_free(gate);
	play_end(&p);
}

/* Few events to a packet, many interfaces to a pinhole: the sweep must come round even so */
static void a_small_event_buffer_does_not_stop_the_sweep(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "small event buffer");
	p.cfg.max_pinholes = 16;
	p.cfg.max_events = 64;
	p.cfg.max_interfaces = 4096;
	p.cfg.pinhole_ttl_s = 5;
	p.cfg.pinhole_record_s = 0;
	for (uint16_t i = 0; i < 16; i++)
		play_map(&p, &iface_samr, (uint16_t)(PORT + i));
	p.clock_ns += 60 * SECOND;
	play_map(&p, &iface_samr, PORT + 100);
	play_must_learn(&p, PORT + 100, &iface_samr);
	assert_int_equal(pinhole_events(&p.observe, RPCGATE_PINHOLE_EXPIRE), 16);
	play_end(&p);
}

/* Feed what was played, then let time pass until nothing more is told */
static size_t told_in_ticks(const struct play *p, uint64_t from_ns, size_t *ticks,
			    struct rpcgate_stats *stats)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate = rpcgate_new(&p->cfg, err);
	struct rpcgate_result r;
	size_t told = 0;

	assert_non_null(gate);
	for (size_t i = 0; i < p->packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p->packets, i);

		(void)rpcgate_feed(gate, &packet);
	}
	for (*ticks = 0; *ticks < 100; (*ticks)++) {
		r = rpcgate_tick(gate, from_ns + *ticks * SECOND);
		assert_true(r.n_events <= p->cfg.max_events);
		for (size_t i = 0; i < r.n_events; i++)
			told += r.events[i].type == RPCGATE_EVENT_PINHOLE &&
				r.events[i].u.pinhole.action == RPCGATE_PINHOLE_EXPIRE;
		if (!r.n_events)
			break;
	}
	rpcgate_stats(gate, stats);
	rpcgate_free(gate);
	return told;
}

/* More ends than events fit: the rest is told by the next call, none is lost */
static void what_does_not_fit_is_told_later(void **state)
{
	struct rpcgate_stats stats;
	struct play p;
	size_t ticks;

	(void)state;
	play_begin(&p, "many ends");
	p.cfg.max_events = 8;
	p.cfg.pinhole_ttl_s = 1000;
	for (uint16_t i = 0; i < 20; i++)
		play_map(&p, &iface_samr, (uint16_t)(PORT + i));
	assert_int_equal(told_in_ticks(&p, p.clock_ns + 2000 * SECOND, &ticks, &stats), 20);
	assert_in_range(ticks, 3, 8);
	assert_true(stats.events_lost == 0 && stats.pinholes_expired == 20);
	play_end(&p);
}

/* More interfaces in one pinhole than events fit can never be told: counted, and gone on */
static void what_never_fits_is_counted(void **state)
{
	struct rpcgate_syntax iface = iface_samr;
	struct rpcgate_stats stats;
	struct play p;
	size_t ticks;

	(void)state;
	play_begin(&p, "many interfaces");
	p.cfg.max_events = 8;
	p.cfg.max_interfaces = 100;
	p.cfg.pinhole_ttl_s = 1000;
	for (uint16_t i = 0; i < 20; i++) {
		iface.major = i;
		play_map(&p, &iface, PORT);
	}
	assert_int_equal(told_in_ticks(&p, p.clock_ns + 2000 * SECOND, &ticks, &stats), 8);
	assert_true(stats.events_lost == 12 && stats.pinholes_expired == 20);
	assert_true(stats.pinholes_live == 0);
	play_end(&p);
}

/* What is forgotten of a pinhole that lives on makes room in it */
static void forgotten_interfaces_make_room(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "interfaces come and go");
	p.cfg.max_interfaces = 2;
	p.cfg.pinhole_ttl_s = 5;
	p.cfg.pinhole_record_s = 0;
	for (int i = 0; i < 4; i++) {
		play_map(&p, &iface_samr, PORT);
		p.clock_ns += 3 * SECOND;
		play_map(&p, &iface_lsarpc, PORT);
		p.clock_ns += 3 * SECOND;
		play_map(&p, &iface_drsuapi, PORT);
		p.clock_ns += 3 * SECOND;
	}
	play_judge(&p);
	assert_true(p.observe.stats.limits_reached == 0);
	assert_true(p.observe.stats.pinholes_opened == 12);
	assert_true(last_pinhole(&p.observe, RPCGATE_PINHOLE_OPEN)->u.pinhole.id == 1);
	play_end(&p);
}

/* There are twice as many grants as pinholes; a pinhole that gets none is none */
static void grants_have_a_limit_of_their_own(void **state)
{
	struct rpcgate_syntax iface = iface_samr;
	struct play p;

	(void)state;
	play_begin(&p, "grants");
	p.cfg.max_pinholes = 16;
	p.cfg.max_interfaces = 100;
	for (uint16_t i = 0; i < 34; i++) {
		iface.major = i;
		play_map(&p, &iface, PORT);
	}
	play_map(&p, &iface_lsarpc, PORT + 1);
	play_judge(&p);
	assert_true(p.observe.stats.pinholes_opened == 32);
	assert_true(p.observe.stats.pinholes_refused == 3);
	assert_true(p.observe.stats.pinholes_live == 1);
	assert_int_equal(limit_events(&p.observe, "max_pinholes:"), 1);
	play_end(&p);
}

/* Room is made by forgetting what has run out, never by closing what is open */
static void what_is_open_is_not_evicted(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "full");
	p.cfg.max_pinholes = 16;
	p.cfg.pinhole_ttl_s = TTL;
	for (uint16_t i = 0; i < 17; i++)
		play_map(&p, &iface_samr, (uint16_t)(PORT + i));
	for (uint16_t i = 0; i < 16; i++)
		(void)ask_as(&p, CLIENT_HOST, (uint16_t)(PORT + i), &iface_samr, 0);
	play_judge(&p);
	assert_int_equal(play_binds(&p.enforce, NULL, 0, RPCGATE_DENY), 0);
	assert_int_equal(limit_events(&p.enforce, "max_pinholes:"), 1);
	(void)ask_as(&p, CLIENT_HOST, PORT + 16, &iface_samr, 0);
	play_judge(&p);
	assert_int_equal(last_bind(&p.enforce)->u.bind.verdict, RPCGATE_DENY);
	p.clock_ns += (TTL + 1) * SECOND; /* remembered for hours, but room is needed */
	play_map(&p, &iface_samr, PORT + 50);
	play_must_learn(&p, PORT + 50, &iface_samr);
	play_end(&p);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(end_rows) + COUNT(renew_rows) + COUNT(close_rows) + 12] = {
		cmocka_unit_test(what_an_opening_says),
		cmocka_unit_test(a_renewal_is_exact),
		cmocka_unit_test(an_expired_one_is_not_renewed_by_use),
		cmocka_unit_test(an_expired_one_is_opened_again),
		cmocka_unit_test(closing_one_interface_leaves_the_other),
		cmocka_unit_test(the_sweep_tells),
		cmocka_unit_test(a_small_event_buffer_does_not_stop_the_sweep),
		cmocka_unit_test(what_is_open_is_not_evicted),
		cmocka_unit_test(what_does_not_fit_is_told_later),
		cmocka_unit_test(what_never_fits_is_counted),
		cmocka_unit_test(grants_have_a_limit_of_their_own),
		cmocka_unit_test(forgotten_interfaces_make_room),
	};
	size_t n = 12;

	ROWS(tests, n, end_rows, end_row);
	ROWS(tests, n, renew_rows, renew_row);
	ROWS(tests, n, close_rows, close_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
