/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_inline.c - what a gateway asks of an engine: first packets, standings, what is open and
 * known, and going on where an earlier engine stopped */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define MANY 64

/* An engine fed by hand */
struct rig {
	struct play p; /* makes the packets */
	struct rpcgate *gate;
	struct rpcgate_policy *policy;
	size_t fed;
	struct rpcgate_result last;
};

static struct rpcgate_policy *policy_of(const char *text)
{
	const struct rpcgate_policy_source source = { "test", text, strlen(text) };
	struct rpcgate_policy_error error;
	size_t n;
	struct rpcgate_policy *policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);

	if (!policy)
		fail_msg("policy: %s", error.text);
	return policy;
}

static void start(struct rig *rig, const struct rpcgate_config *cfg)
{
	char err[RPCGATE_ERROR_SIZE];

	rig->gate = rpcgate_new(cfg, err);
	if (!rig->gate)
		fail_msg("no engine: %s", err);
	rpcgate_set_policy(rig->gate, rig->policy);
}

static void rig_begin(struct rig *rig, const char *rules)
{
	memset(rig, 0, sizeof(*rig));
	play_begin(&rig->p, "inline");
	rig->p.cfg.mode = RPCGATE_ENFORCE;
	rig->p.cfg.admission = RPCGATE_ADMIT_ANNOUNCED;
	rig->policy = policy_of(rules);
	start(rig, &rig->p.cfg);
}

static void rig_end(struct rig *rig)
{
	rpcgate_free(rig->gate);
	rpcgate_policy_free(rig->policy);
	play_end(&rig->p);
}

/* Feed what was made since, with what the caller kept of the connection; the result of the last */
static const struct rpcgate_result *feed_as(struct rig *rig, enum rpcgate_standing standing)
{
	for (; rig->fed < rig->p.packets.n; rig->fed++) {
		struct rpcgate_packet packet = packets_get(&rig->p.packets, rig->fed);

		packet.standing = standing;
		rig->last = rpcgate_feed(rig->gate, &packet);
	}
	return &rig->last;
}

static const struct rpcgate_result *feed(struct rig *rig)
{
	return feed_as(rig, RPCGATE_STANDING_NONE);
}

static void map(struct rig *rig, const struct rpcgate_syntax *iface, uint16_t port)
{
	play_map(&rig->p, iface, port);
	feed(rig);
}

static const struct rpcgate_event *told(const struct rpcgate_result *r,
					enum rpcgate_event_type type)
{
	for (size_t i = 0; i < r->n_events; i++)
		if (r->events[i].type == type)
			return &r->events[i];
	return NULL;
}

/* One SYN; what became of it */
static enum rpcgate_reason knock(struct rig *rig, const char *client, const char *server,
				 uint16_t port)
{
	struct conn c = play_dial(&rig->p, client, server, port);
	struct segment seg = conn_segment(&c, CLIENT, NULL, 0);
	const struct rpcgate_result *r;

	seg.flags = SYN;
	conn_put(&c, &seg);
	r = feed(rig);
	if (r->action == RPCGATE_PASS) {
		assert_int_equal(r->standing, RPCGATE_STANDING_ADMITTED);
		return RPCGATE_REASON_NONE;
	}
	assert_int_equal(r->action, RPCGATE_REJECT);
	assert_int_equal(r->standing, RPCGATE_STANDING_REFUSED);
	assert_non_null(told(r, RPCGATE_EVENT_ALERT));
	assert_int_equal(told(r, RPCGATE_EVENT_ALERT)->u.alert.reason, r->reason);
	return r->reason;
}

static void wait_s(struct rig *rig, uint64_t s)
{
	rig->p.clock_ns += s * S;
}

/* ---------------------------------------------------------------- admission */

static void only_the_announced_may_connect(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT), RPCGATE_REASON_NO_PINHOLE);
	map(&rig, &iface_samr, PORT);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT), RPCGATE_REASON_NONE);
	assert_int_equal(knock(&rig, OUTSIDER_HOST, SERVER_HOST, PORT),
			 RPCGATE_REASON_OTHER_CLIENT);
	assert_int_equal(knock(&rig, CLIENT_HOST, VICTIM_HOST, PORT), RPCGATE_REASON_NO_PINHOLE);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT + 1),
			 RPCGATE_REASON_NO_PINHOLE);
	/* not the dynamic range, and the mapper */
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, 445), RPCGATE_REASON_NONE);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, 135), RPCGATE_REASON_NONE);
	wait_s(&rig, 301);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT),
			 RPCGATE_REASON_PINHOLE_EXPIRED);
	rig_end(&rig);
}

static void a_static_line_admits(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig, "static 50000 interface samr from " CLIENT_HOST "\n");
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, 50000), RPCGATE_REASON_NONE);
	assert_int_equal(knock(&rig, OUTSIDER_HOST, SERVER_HOST, 50000), RPCGATE_REASON_NO_PINHOLE);
	rig_end(&rig);
}

static void coming_back_admits_where_it_is_allowed(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	rig.p.cfg.reconnect = RPCGATE_RECONNECT_ALLOW;
	assert_true(rpcgate_set_config(rig.gate, &rig.p.cfg));
	map(&rig, &iface_samr, PORT);
	wait_s(&rig, 301);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT), RPCGATE_REASON_NONE);
	wait_s(&rig, 8 * 3600);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT), RPCGATE_REASON_NO_PINHOLE);
	rig_end(&rig);
}

static void observing_says_it_and_lets_pass(void **state)
{
	const struct rpcgate_event *alert;
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	rig.p.cfg.mode = RPCGATE_OBSERVE;
	assert_true(rpcgate_set_config(rig.gate, &rig.p.cfg));
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	rig.fed = 0;
	for (size_t i = 0; i < rig.p.packets.n; i++, rig.fed++) {
		struct rpcgate_packet packet = packets_get(&rig.p.packets, i);
		struct rpcgate_result r = rpcgate_feed(rig.gate, &packet);

		alert = told(&r, RPCGATE_EVENT_ALERT);
		assert_int_equal(r.action, RPCGATE_PASS);
		assert_int_equal(r.standing, RPCGATE_STANDING_ADMITTED);
		assert_true((alert != NULL) == (i == 0));
		if (alert)
			assert_int_equal(alert->u.alert.action, RPCGATE_NONE);
	}
	rig_end(&rig);
}

/* A repeated SYN of a connection that lives is no new connection */
/* A SYN from the server's port before the client's does not turn the connection around */
static void a_syn_from_the_server_first_changes_nothing(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	for (unsigned announced = 0; announced < 2; announced++) {
		struct conn c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
		struct segment seg = conn_segment(&c, SERVER, NULL, 0);
		struct octets bind = { 0 };

		seg.flags = SYN;
		conn_put(&c, &seg);
		assert_int_equal(feed(&rig)->action, RPCGATE_PASS);
		seg = conn_segment(&c, CLIENT, NULL, 0);
		seg.flags = SYN;
		conn_put(&c, &seg);
		feed(&rig);
		if (!announced) {
			assert_int_equal(rig.last.action, RPCGATE_REJECT);
			assert_int_equal(rig.last.reason, RPCGATE_REASON_NO_PINHOLE);
			map(&rig, &iface_samr, PORT);
			continue;
		}
		assert_int_equal(rig.last.action, RPCGATE_PASS);
		conn_open(&c);
		play_bind_pdu(&bind, &iface_drsuapi);
		conn_send(&c, CLIENT, bind.p, bind.n);
		assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_REFUSED);
		octets_free(&bind);
	}
	rig_end(&rig);
}

/* Octets that the kernel did not hand over cannot be let pass */
static void a_packet_that_was_cut_does_not_pass(void **state)
{
	struct octets bind = { 0 };
	struct rpcgate_packet packet;
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	feed(&rig);
	play_bind_pdu(&bind, &iface_drsuapi);
	conn_send(&c, CLIENT, bind.p, bind.n);
	packet = packets_get(&rig.p.packets, rig.fed);
	packet.caplen -= 4;
	assert_int_equal(rpcgate_feed(rig.gate, &packet).action, RPCGATE_DROP);
	/* sent again, and whole */
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_REFUSED);
	octets_free(&bind);
	rig_end(&rig);
}

/* What was admitted and forgotten may have sent half a Bind: what follows may be its other half,
 * and look like a whole one */
static void a_bind_behind_what_was_forgotten_waits(void **state)
{
	struct octets bind = { 0 };
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_ADMITTED)->action, RPCGATE_DROP);
	assert_int_equal(rig.last.reason, RPCGATE_REASON_MIDSTREAM);
	octets_free(&bind);
	rig_end(&rig);
}

static void a_late_copy_of_a_syn_asks_nothing(void **state)
{
	struct octets bind = { 0 };
	struct segment seg;
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	seg = conn_segment(&c, CLIENT, NULL, 0);
	seg.flags = SYN;
	conn_open(&c);
	play_bind_pdu(&bind, &iface_samr);
	conn_send(&c, CLIENT, bind.p, bind.n);
	feed(&rig);
	wait_s(&rig, 301);
	seg.time_ns = rig.p.clock_ns;
	conn_put(&c, &seg);
	assert_int_equal(feed(&rig)->action, RPCGATE_PASS);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_APPROVED);
	octets_free(&bind);
	rig_end(&rig);
}

/* What a SYN carries could not be judged before it passed */
static void a_syn_with_octets_waits(void **state)
{
	static const uint16_t ports[] = { PORT, 135, 445 };
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	for (size_t i = 0; i < COUNT(ports); i++) {
		struct conn c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, ports[i]);
		struct segment seg = conn_segment(&c, CLIENT, "\5\0\13", 3);

		seg.flags = SYN;
		conn_put(&c, &seg);
		assert_int_equal(feed(&rig)->action, ports[i] == 445 ? RPCGATE_PASS : RPCGATE_DROP);
	}
	rig_end(&rig);
}

/* -------------------------------------------------------- hints and call-backs */

static const struct rpcgate_event *expected(const struct rpcgate_result *r,
					    enum rpcgate_reason reason)
{
	const struct rpcgate_event *e = told(r, RPCGATE_EVENT_EXPECT);

	assert_non_null(e);
	assert_int_equal(e->u.expect.reason, reason);
	return e;
}

/* A bind that the server accepts */
static void serve(struct rig *rig, const struct rpcgate_syntax *iface)
{
	const struct answer yes = { 0, 0, syntax_ndr };
	struct conn c = play_dial(&rig->p, CLIENT_HOST, SERVER_HOST, PORT);
	struct octets bind = { 0 }, ack = { 0 };

	conn_open(&c);
	play_bind_pdu(&bind, iface);
	conn_data(&c, CLIENT, bind.p, bind.n);
	pdu_bind_ack(&ack, &head_plain, PTYPE_BIND_ACK, "49160", &yes, 1, NULL);
	conn_data(&c, SERVER, ack.p, ack.n);
	octets_free(&bind);
	octets_free(&ack);
}

static void call_backs_are_expected(void **state)
{
	const struct rpcgate_event *e;
	struct rig rig;

	(void)state;
	rig_begin(&rig, "callback group print\n");
	assert_int_equal(knock(&rig, SERVER_HOST, CLIENT_HOST, PORT), RPCGATE_REASON_NO_PINHOLE);
	map(&rig, &iface_samr, PORT);
	serve(&rig, &iface_samr);
	e = NULL;
	for (; rig.fed < rig.p.packets.n; rig.fed++) {
		struct rpcgate_packet packet = packets_get(&rig.p.packets, rig.fed);
		struct rpcgate_result r = rpcgate_feed(rig.gate, &packet);

		if (told(&r, RPCGATE_EVENT_EXPECT)) {
			struct rpcgate_addr client = addr_of(CLIENT_HOST);

			e = expected(&r, RPCGATE_REASON_CALLBACK);
			assert_memory_equal(&e->dest, &client, sizeof(client));
			assert_true(e->u.expect.until_ns > e->time_ns);
		}
	}
	assert_non_null(e);
	assert_int_equal(knock(&rig, SERVER_HOST, CLIENT_HOST, PORT), RPCGATE_REASON_NONE);
	assert_int_equal(knock(&rig, OUTSIDER_HOST, CLIENT_HOST, PORT), RPCGATE_REASON_NO_PINHOLE);
	rig_end(&rig);
}

static void without_a_rule_nothing_is_expected(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	serve(&rig, &iface_samr);
	for (; rig.fed < rig.p.packets.n; rig.fed++) {
		struct rpcgate_packet packet = packets_get(&rig.p.packets, rig.fed);
		struct rpcgate_result r = rpcgate_feed(rig.gate, &packet);

		assert_null(told(&r, RPCGATE_EVENT_EXPECT));
	}
	assert_int_equal(knock(&rig, SERVER_HOST, CLIENT_HOST, PORT), RPCGATE_REASON_NO_PINHOLE);
	rig_end(&rig);
}

/* ---------------------------------------------------------------- standings */

static void standings_of_a_connection(void **state)
{
	struct octets bind = { 0 }, ack = { 0 };
	const struct answer yes = { 0, 0, syntax_ndr };
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_ADMITTED);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_APPROVED);
	pdu_bind_ack(&ack, &head_plain, PTYPE_BIND_ACK, "49160", &yes, 1, NULL);
	conn_data(&c, SERVER, ack.p, ack.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_SERVED);
	octets_clear(&bind);
	play_bind_pdu(&bind, &iface_drsuapi);
	conn_data(&c, CLIENT, bind.p, bind.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_REFUSED);
	conn_data(&c, CLIENT, "more", 4);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_REFUSED);
	assert_int_equal(feed(&rig)->action, RPCGATE_DROP);
	octets_free(&bind);
	octets_free(&ack);
	rig_end(&rig);
}

static void what_is_not_rpc_is_foreign(void **state)
{
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, 8080);
	conn_open(&c);
	feed(&rig);
	conn_data(&c, CLIENT, "GET / HTTP/1.1\r\n\r\n", 18);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_FOREIGN);
	/* picked up in the middle */
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, 8081);
	conn_data(&c, CLIENT, "hello", 5);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_FOREIGN);
	rig_end(&rig);
}

/* The four-tuple may be opened again: until the SYN is answered, both sides are wanted */
static void a_syn_on_an_approved_connection_asks_anew(void **state)
{
	struct octets bind = { 0 }, ack = { 0 };
	const struct answer yes = { 0, 0, syntax_ndr };
	struct segment seg;
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_samr);
	conn_send(&c, CLIENT, bind.p, bind.n);
	pdu_bind_ack(&ack, &head_plain, PTYPE_BIND_ACK, "49160", &yes, 1, NULL);
	conn_send(&c, SERVER, ack.p, ack.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_SERVED);
	conn_reset(&c, CLIENT);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->standing, RPCGATE_STANDING_SERVED);
	c.peer[CLIENT].seq += 100000;
	seg = conn_segment(&c, CLIENT, NULL, 0);
	seg.flags = SYN;
	conn_put(&c, &seg);
	conn_skip(&c, CLIENT, 1);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_ADMITTED)->standing,
			 RPCGATE_STANDING_ADMITTED);
	seg = conn_segment(&c, SERVER, NULL, 0);
	seg.flags = SYN | ACK;
	conn_put(&c, &seg);
	conn_skip(&c, SERVER, 1);
	octets_clear(&bind);
	play_bind_pdu(&bind, &iface_drsuapi);
	conn_data(&c, CLIENT, bind.p, bind.n);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_ADMITTED)->action, RPCGATE_REJECT);
	octets_free(&bind);
	octets_free(&ack);
	rig_end(&rig);
}

/* ------------------------------------------------------- an engine that comes later */

/* Octets in the middle of a connection that this engine knows nothing of */
static void earlier_standings_count(void **state)
{
	static const struct {
		enum rpcgate_standing was;
		enum rpcgate_action action;
		enum rpcgate_standing is;
	} rows[] = {
		{ RPCGATE_STANDING_ADMITTED, RPCGATE_DROP, RPCGATE_STANDING_NONE },
		{ RPCGATE_STANDING_APPROVED, RPCGATE_PASS, RPCGATE_STANDING_APPROVED },
		{ RPCGATE_STANDING_SERVED, RPCGATE_PASS, RPCGATE_STANDING_APPROVED },
		{ RPCGATE_STANDING_NONE, RPCGATE_PASS, RPCGATE_STANDING_FOREIGN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig rig;
		struct conn c;

		rig_begin(&rig, "");
		c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_data(&c, CLIENT, "the middle of a stub", 20);
		assert_int_equal(feed_as(&rig, rows[i].was)->action, rows[i].action);
		assert_int_equal(feed(&rig)->standing, rows[i].is);
		rig_end(&rig);
	}
}

/* What no receiver reads must not make it a connection that is nobody's business */
static void an_approved_connection_does_not_become_foreign(void **state)
{
	static const uint8_t flags[] = { 0, PSH, RST, RST | ACK };

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct segment seg;
		struct rig rig;
		struct conn c;

		rig_begin(&rig, "");
		c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
		seg = conn_segment(&c, CLIENT, "octets", 6);
		seg.flags = flags[i];
		conn_put(&c, &seg);
		assert_int_equal(feed_as(&rig, RPCGATE_STANDING_APPROVED)->action, RPCGATE_DROP);
		assert_int_equal(rig.last.standing, RPCGATE_STANDING_NONE);
		rig_end(&rig);
	}
}

/* It goes on, and a Bind in it is judged all the same */
static void an_approved_connection_is_still_inspected(void **state)
{
	static const struct {
		const struct rpcgate_syntax *iface;
		enum rpcgate_action action;
	} rows[] = { { &iface_samr, RPCGATE_PASS }, { &iface_drsuapi, RPCGATE_REJECT } };
	const struct offer samr = { 1, iface_samr, 1, &syntax_ndr };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct octets alter = { 0 };
		struct offer offer = samr;
		struct rig rig;
		struct conn c;

		rig_begin(&rig, "");
		map(&rig, &iface_samr, PORT);
		c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_data(&c, CLIENT, "the end of a stub", 17);
		conn_data(&c, SERVER, "and of an answer", 16);
		assert_int_equal(feed_as(&rig, RPCGATE_STANDING_APPROVED)->action, RPCGATE_PASS);
		offer.abstract = *rows[i].iface;
		pdu_bind(&alter, &head_plain, PTYPE_ALTER, &offer, 1, NULL);
		conn_data(&c, CLIENT, alter.p, alter.n);
		assert_int_equal(feed_as(&rig, RPCGATE_STANDING_APPROVED)->action, rows[i].action);
		octets_free(&alter);
		rig_end(&rig);
	}
}

/* A request of which only the head is given: what follows would be its body */
static void put_head(struct octets *o, uint16_t frag_length)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 5 };

	pdu_call(o, &head_plain, &call, NULL, 0);
	o->p[o->n - 16] = (uint8_t)frag_length;
	o->p[o->n - 15] = (uint8_t)(frag_length >> 8);
}

static void put_alter(struct octets *o, uint16_t id, const struct rpcgate_syntax *iface)
{
	const struct offer offer = { id, *iface, 1, &syntax_ndr };

	pdu_bind(o, &head_plain, PTYPE_ALTER, &offer, 1, NULL);
}

/* How an alter_context is hidden from an engine that does not know where PDUs begin */
enum hiding { AS_A_BODY, BEHIND_A_BODY, IN_AN_ALLOWED_ONE, BEHIND_NOISE, HIDINGS };

static void hide(struct octets *o, enum hiding how, const struct rpcgate_syntax *iface)
{
	octets_clear(o);
	switch (how) {
	case AS_A_BODY:
		put_head(o, 5024);
		break;
	case BEHIND_A_BODY:
		put_head(o, 40);
		octets_put(o, "the rest of a body of 72 octets, as it were", 20);
		break;
	case IN_AN_ALLOWED_ONE:
		put_alter(o, 1, &iface_samr);
		o->p[8] = 200;
		o->n = 44;
		break;
	case BEHIND_NOISE:
		octets_put(o, "the end of a stub", 17);
		break;
	default:
		break;
	}
	put_alter(o, 2, iface);
}

static void nothing_hides_from_an_engine_that_comes_later(void **state)
{
	struct octets o = { 0 };

	(void)state;
	for (unsigned how = 0; how < HIDINGS; how++)
		for (size_t mss = 1; mss < 100; mss += mss < 20 ? 1 : 13) {
			bool stopped = false;
			struct rig rig;
			struct conn c;

			hide(&o, (enum hiding)how, &iface_drsuapi);
			rig_begin(&rig, "");
			map(&rig, &iface_samr, PORT);
			c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
			conn_data(&c, CLIENT, "the end of a stub", 17);
			feed_as(&rig, RPCGATE_STANDING_APPROVED);
			c.mss = mss;
			conn_data(&c, CLIENT, o.p, o.n);
			while (rig.fed < rig.p.packets.n) {
				struct rpcgate_packet packet =
					packets_get(&rig.p.packets, rig.fed++);

				packet.standing = rig.last.standing;
				rig.last = rpcgate_feed(rig.gate, &packet);
				stopped |= rig.last.action != RPCGATE_PASS;
			}
			if (!stopped)
				fail_msg("hiding %u in segments of %zu: not stopped", how, mss);
			rig_end(&rig);
		}
	octets_free(&o);
}

/* Several engines in turn, each forgotten in the middle of an alter_context, and octets that come
 * before those in front of them */
static void no_row_of_engines_lets_one_pass_in_pieces(void **state)
{
	struct octets o = { 0 };

	(void)state;
	put_alter(&o, 2, &iface_drsuapi);
	for (size_t first = 1; first < o.n; first++)
		for (unsigned late = 0; late < 2; late++) {
			const size_t rest = o.n - first;
			bool all = true;
			struct rig rig;
			struct conn c;

			rig_begin(&rig, "");
			c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
			conn_data(&c, CLIENT, "the end of a stub", 17);
			feed_as(&rig, RPCGATE_STANDING_APPROVED);
			if (late)
				conn_at(&c, CLIENT, (int32_t)first, o.p + first, rest);
			else
				conn_at(&c, CLIENT, 0, o.p, first);
			all &= feed_as(&rig, rig.last.standing)->action == RPCGATE_PASS;
			rpcgate_free(rig.gate);
			start(&rig, &rig.p.cfg);
			if (late)
				conn_at(&c, CLIENT, 0, o.p, first);
			else
				conn_at(&c, CLIENT, (int32_t)first, o.p + first, rest);
			all &= feed_as(&rig, RPCGATE_STANDING_APPROVED)->action == RPCGATE_PASS;
			if (all)
				fail_msg("cut at %zu, %s: all of it passed", first,
					 late ? "the end first" : "in order");
			rig_end(&rig);
		}
	octets_free(&o);
}

/* What begins where a PDU is to begin is judged, and calls go on */
static void an_engine_that_comes_later_lets_calls_go_on(void **state)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 5 };
	struct octets o = { 0 };
	uint8_t stub[3000];
	struct rig rig;
	struct conn c;

	(void)state;
	for (size_t i = 0; i < sizeof(stub); i++)
		stub[i] = (uint8_t)(i * i >> 3);
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	for (unsigned i = 0; i < 50; i++) {
		c.mss = 100 + 37 * i;
		octets_clear(&o);
		if (i % 7 == 3)
			put_alter(&o, (uint16_t)i, &iface_samr);
		pdu_call(&o, &head_plain, &call, stub, sizeof(stub));
		conn_data(&c, CLIENT, o.p, o.n);
		for (; rig.fed < rig.p.packets.n; rig.fed++) {
			struct rpcgate_packet packet = packets_get(&rig.p.packets, rig.fed);

			packet.standing = RPCGATE_STANDING_APPROVED;
			rig.last = rpcgate_feed(rig.gate, &packet);
			assert_int_equal(rig.last.action, RPCGATE_PASS);
		}
	}
	octets_free(&o);
	rig_end(&rig);
}

/* Without the binds nobody knows which interface a call is for */
static void calls_that_rules_judge_do_not_go_on(void **state)
{
	static const struct {
		const char *rules;
		enum rpcgate_action action;
	} rows[] = {
		{ "deny interface samr opnum 5\n", RPCGATE_REJECT },
		{ "allow interface samr auth privacy\n", RPCGATE_REJECT },
		{ "deny interface samr opnum 5 from " CLIENT_HOST " to " SERVER_HOST "\n",
		  RPCGATE_REJECT },
		{ "deny interface samr opnum 5 from " VICTIM_HOST "\n", RPCGATE_PASS },
		{ "deny interface drsuapi\n", RPCGATE_PASS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig rig;
		struct conn c;

		rig_begin(&rig, rows[i].rules);
		c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_data(&c, CLIENT, "the end of a stub", 17);
		assert_int_equal(feed_as(&rig, RPCGATE_STANDING_APPROVED)->action, rows[i].action);
		if (rows[i].action == RPCGATE_REJECT) {
			const struct rpcgate_event *e = told(&rig.last, RPCGATE_EVENT_ALERT);

			assert_non_null(e);
			assert_int_equal(e->u.alert.reason, RPCGATE_REASON_MIDSTREAM);
		}
		rig_end(&rig);
	}
}

/* While something has begun the connection is not one that another engine may go on with */
static void what_has_begun_is_not_approved(void **state)
{
	static const struct {
		int32_t offset; /* of the first octets given */
		size_t n;
	} rows[] = { { 0, 1 }, { 0, 11 }, { 0, 40 }, { 20, 52 } };
	struct octets bind = { 0 }, alter = { 0 };

	(void)state;
	play_bind_pdu(&bind, &iface_samr);
	put_alter(&alter, 1, &iface_samr);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig rig;
		struct conn c;

		rig_begin(&rig, "");
		map(&rig, &iface_samr, PORT);
		c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		conn_data(&c, CLIENT, bind.p, bind.n);
		assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_APPROVED);
		conn_at(&c, CLIENT, rows[i].offset, alter.p + rows[i].offset, rows[i].n);
		assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_ADMITTED);
		conn_data(&c, CLIENT, alter.p, alter.n);
		assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_APPROVED);
		rig_end(&rig);
	}
	octets_free(&bind);
	octets_free(&alter);
}

/* Only the client's side is shown from here on, and the server's farewell */
static void one_side_alone_is_inspected(void **state)
{
	const struct offer more[] = { { 1, iface_samr, 1, &syntax_ndr },
				      { 2, iface_drsuapi, 1, &syntax_ndr } };
	struct octets bind = { 0 }, ack = { 0 }, alter = { 0 }, request = { 0 };
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 5 };
	const struct answer yes = { 0, 0, syntax_ndr };
	static const uint8_t stub[3000];
	struct segment seg;
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	pdu_bind_ack(&ack, &head_plain, PTYPE_BIND_ACK, "49160", &yes, 1, NULL);
	conn_data(&c, SERVER, ack.p, ack.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_SERVED);
	pdu_call(&request, &head_plain, &call, stub, sizeof(stub));
	for (int i = 0; i < 300; i++) {
		conn_data(&c, CLIENT, request.p, request.n);
		conn_skip(&c, SERVER, 5000); /* answers that nobody shows */
		assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_PASS);
	}
	pdu_bind(&alter, &head_plain, PTYPE_ALTER, &more[0], 1, NULL);
	conn_data(&c, CLIENT, alter.p, alter.n);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_PASS);
	seg = conn_segment(&c, SERVER, "farewell", 8);
	seg.flags |= FIN;
	conn_put(&c, &seg);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_PASS);
	octets_clear(&alter);
	pdu_bind(&alter, &head_plain, PTYPE_ALTER, &more[1], 1, NULL);
	conn_data(&c, CLIENT, alter.p, alter.n);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_REJECT);
	assert_int_equal(told(feed(&rig), RPCGATE_EVENT_BIND)->u.bind.reason,
			 RPCGATE_REASON_ALTER_CONTEXT_DENIED);
	octets_free(&bind);
	octets_free(&ack);
	octets_free(&alter);
	octets_free(&request);
	rig_end(&rig);
}

/* What the server may have or not, sent again with other octets or too late to be compared */
static void old_octets_of_one_side_are_in_doubt(void **state)
{
	static const uint8_t zeros[4096];
	const struct answer yes = { 0, 0, syntax_ndr };
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 5 };
	struct octets bind = { 0 }, ack = { 0 }, request = { 0 };
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	pdu_bind_ack(&ack, &head_plain, PTYPE_BIND_ACK, "49160", &yes, 1, NULL);
	conn_send(&c, SERVER, ack.p, ack.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_SERVED);
	pdu_call(&request, &head_plain, &call, zeros, sizeof(zeros));
	for (int i = 0; i < 1500; i++)
		conn_data(&c, CLIENT, request.p, request.n);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_PASS);
	conn_at(&c, CLIENT, -(int32_t)request.n, request.p, request.n); /* the last one again */
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_PASS);
	conn_at(&c, CLIENT, -1500 * (int32_t)request.n, bind.p,
		bind.n); /* the first one, another */
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_DROP);
	conn_at(&c, CLIENT, -(int32_t)request.n, bind.p, bind.n);
	assert_int_equal(feed_as(&rig, RPCGATE_STANDING_SERVED)->action, RPCGATE_REJECT);
	octets_free(&bind);
	octets_free(&ack);
	octets_free(&request);
	rig_end(&rig);
}

/* ------------------------------------------------------------ what is open and known */

static size_t pinholes(const struct rig *rig, size_t at_once, struct rpcgate_pinhole_record *out)
{
	uint64_t cursor = 0;
	size_t n = 0, more;

	while ((more = rpcgate_pinholes(rig->gate, &cursor, out + n, at_once)))
		n += more;
	return n;
}

static size_t bindings(const struct rig *rig, size_t at_once, struct rpcgate_binding_record *out)
{
	uint64_t cursor = 0;
	size_t n = 0, more;

	while ((more = rpcgate_bindings(rig->gate, &cursor, out + n, at_once)))
		n += more;
	return n;
}

static void all_pinholes_are_listed(void **state)
{
	struct rpcgate_pinhole_record some[MANY], others[MANY];
	struct rpcgate_binding_record known[MANY];
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	assert_int_equal(pinholes(&rig, MANY, some), 0);
	map(&rig, &iface_samr, PORT);
	map(&rig, &iface_lsarpc, PORT);
	map(&rig, &iface_drsuapi, PORT + 1);
	assert_int_equal(pinholes(&rig, MANY, some), 3);
	assert_int_equal(pinholes(&rig, 1, others), 3);
	assert_memory_equal(some, others, 3 * sizeof(some[0]));
	assert_int_equal(bindings(&rig, 2, known), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(some[i].open && some[i].until_ns > rig.p.clock_ns);
		assert_int_equal(some[i].source, RPCGATE_EPT_MAP);
		assert_true(known[i].granted);
	}
	assert_true(some[0].id == some[1].id && some[2].id != some[0].id);
	rig_end(&rig);
}

static void a_closed_pinhole_is_closed(void **state)
{
	struct rpcgate_pinhole_record record[MANY];
	struct rpcgate_result r;
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	map(&rig, &iface_lsarpc, PORT);
	assert_int_equal(pinholes(&rig, MANY, record), 2);
	r = rpcgate_close_pinhole(rig.gate, record[0].id + 1, rig.p.clock_ns);
	assert_int_equal(r.n_events, 0);
	r = rpcgate_close_pinhole(rig.gate, record[0].id, rig.p.clock_ns);
	assert_int_equal(r.n_events, 2);
	assert_int_equal(r.events[0].u.pinhole.action, RPCGATE_PINHOLE_CLOSE);
	assert_true(r.events[0].u.pinhole.port_until_ns > 0);
	assert_int_equal(r.events[0].u.pinhole.slot, 1);
	assert_true(r.events[1].u.pinhole.port_until_ns == 0);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT),
			 RPCGATE_REASON_PINHOLE_EXPIRED);
	rig_end(&rig);
}

static void a_new_policy_closes_what_it_refuses(void **state)
{
	struct rpcgate_policy *policy = policy_of("deny interface lsarpc\n");
	uint64_t cursor = 0;
	size_t closed = 0;
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	map(&rig, &iface_lsarpc, PORT + 1);
	map(&rig, &iface_drsuapi, PORT + 2);
	rig.p.cfg.reserved.range[rig.p.cfg.reserved.n++] =
		(struct rpcgate_port_range){ PORT + 2, PORT + 2 };
	assert_true(rpcgate_set_config(rig.gate, &rig.p.cfg));
	rpcgate_set_policy(rig.gate, policy);
	do {
		struct rpcgate_result r = rpcgate_rejudge(rig.gate, &cursor, 1, rig.p.clock_ns);

		for (size_t i = 0; i < r.n_events; i++) {
			const struct rpcgate_pinhole_event *e = &r.events[i].u.pinhole;

			closed++;
			assert_int_equal(e->action, RPCGATE_PINHOLE_CLOSE);
			assert_int_equal(e->reason, e->port == PORT + 1 ?
							    RPCGATE_REASON_RULE_DENY :
							    RPCGATE_REASON_PORT_RESERVED);
		}
	} while (cursor);
	assert_int_equal(closed, 2);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT), RPCGATE_REASON_NONE);
	rpcgate_free(rig.gate);
	rig.gate = NULL;
	rpcgate_policy_free(policy);
	rig_end(&rig);
}

/* What was open before is open in another engine, for as long as it would have been */
static void what_was_known_is_restored(void **state)
{
	struct rpcgate_pinhole_record was[MANY], is[MANY];
	struct rpcgate_binding_record knew[MANY];
	size_t n, m;
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	map(&rig, &iface_lsarpc, PORT + 1);
	n = pinholes(&rig, MANY, was);
	m = bindings(&rig, MANY, knew);
	rpcgate_free(rig.gate);
	start(&rig, &rig.p.cfg);
	was[1].until_ns += 1000 * S; /* nobody gets a longer life out of a file */
	for (size_t i = 0; i < n; i++) {
		struct rpcgate_result r =
			rpcgate_restore_pinhole(rig.gate, &was[i], rig.p.clock_ns);

		assert_int_equal(r.reason, RPCGATE_REASON_NONE);
		assert_int_equal(r.n_events, 1);
		assert_int_equal(r.events[0].u.pinhole.action, RPCGATE_PINHOLE_OPEN);
	}
	for (size_t i = 0; i < m; i++)
		rpcgate_restore_binding(rig.gate, &knew[i], rig.p.clock_ns);
	assert_int_equal(bindings(&rig, MANY, knew), m);
	assert_int_equal(pinholes(&rig, MANY, is), n);
	assert_true(is[0].until_ns == was[0].until_ns);
	assert_true(is[1].until_ns <= rig.p.clock_ns + 300 * S);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT), RPCGATE_REASON_NONE);
	assert_int_equal(knock(&rig, OUTSIDER_HOST, SERVER_HOST, PORT),
			 RPCGATE_REASON_OTHER_CLIENT);
	rig_end(&rig);
}

static void what_may_not_be_learned_is_not_restored(void **state)
{
	struct rpcgate_pinhole_record record[MANY];
	struct rpcgate_result r;
	struct rig rig;

	(void)state;
	rig_begin(&rig, "");
	map(&rig, &iface_samr, PORT);
	assert_int_equal(pinholes(&rig, MANY, record), 1);
	record[0].port = 3389;
	r = rpcgate_restore_pinhole(rig.gate, &record[0], rig.p.clock_ns);
	assert_int_equal(r.reason, RPCGATE_REASON_PORT_RESERVED);
	assert_int_equal(r.n_events, 0);
	record[0].port = PORT + 9;
	record[0].open = false;
	record[0].until_ns = rig.p.clock_ns - S;
	r = rpcgate_restore_pinhole(rig.gate, &record[0], rig.p.clock_ns);
	assert_int_equal(r.n_events, 0);
	assert_int_equal(knock(&rig, CLIENT_HOST, SERVER_HOST, PORT + 9),
			 RPCGATE_REASON_PINHOLE_EXPIRED);
	rig_end(&rig);
}

/* ------------------------------------------------------------ policies from yesterday */

/* The interface came in by a static line that is gone: another leg of it does not */
static void alter_context_goes_by_the_rules_of_today(void **state)
{
	struct rpcgate_policy *policy = policy_of("deny interface drsuapi\n");
	const struct offer offer = { 1, iface_drsuapi, 1, &syntax_ndr };
	struct octets bind = { 0 }, alter = { 0 };
	struct rig rig;
	struct conn c;

	(void)state;
	rig_begin(&rig, "static 50001 interface drsuapi\n");
	c = play_dial(&rig.p, CLIENT_HOST, SERVER_HOST, 50001);
	conn_open(&c);
	play_bind_pdu(&bind, &iface_drsuapi);
	conn_send(&c, CLIENT, bind.p, bind.n);
	assert_int_equal(feed(&rig)->standing, RPCGATE_STANDING_APPROVED);
	rpcgate_set_policy(rig.gate, policy);
	pdu_bind(&alter, &head_plain, PTYPE_ALTER, &offer, 1, NULL);
	conn_data(&c, CLIENT, alter.p, alter.n);
	assert_int_equal(feed(&rig)->action, RPCGATE_REJECT);
	octets_free(&bind);
	octets_free(&alter);
	rpcgate_free(rig.gate);
	rig.gate = NULL;
	rpcgate_policy_free(policy);
	rig_end(&rig);
}

/* ----------------------------------------------------------------- openings */

static void openings_say_whose_ports_are_open(void **state)
{
	static const char rules[] = "static 5722,6000-6010 interface samr from 10.0.0.0/8\n"
				    "static 7000 interface samr to 2001:db8::/32\n"
				    "static 7001 interface samr\n";
	static const struct {
		const char *client_first, *client_last, *server_first, *server_last;
		uint16_t first, last;
	} want[] = {
		{ "10.0.0.0", "10.255.255.255", "0.0.0.0", "255.255.255.255", 5722, 5722 },
		{ "10.0.0.0", "10.255.255.255", "0.0.0.0", "255.255.255.255", 6000, 6010 },
		{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 7000, 7000 },
		{ "0.0.0.0", "255.255.255.255", "0.0.0.0", "255.255.255.255", 7001, 7001 },
		{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 7001, 7001 },
	};
	struct rpcgate_policy *policy = policy_of(rules);
	struct rpcgate_opening o;
	char text[RPCGATE_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_true(rpcgate_policy_opening(policy, i, &o));
		assert_string_equal(rpcgate_addr_format(&o.client_first, text),
				    want[i].client_first);
		assert_string_equal(rpcgate_addr_format(&o.client_last, text), want[i].client_last);
		assert_string_equal(rpcgate_addr_format(&o.server_first, text),
				    want[i].server_first);
		assert_string_equal(rpcgate_addr_format(&o.server_last, text), want[i].server_last);
		assert_int_equal(o.ports.first, want[i].first);
		assert_int_equal(o.ports.last, want[i].last);
	}
	assert_false(rpcgate_policy_opening(policy, COUNT(want), &o));
	rpcgate_policy_free(policy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_announced_may_connect),
		cmocka_unit_test(a_static_line_admits),
		cmocka_unit_test(coming_back_admits_where_it_is_allowed),
		cmocka_unit_test(observing_says_it_and_lets_pass),
		cmocka_unit_test(a_syn_from_the_server_first_changes_nothing),
		cmocka_unit_test(a_packet_that_was_cut_does_not_pass),
		cmocka_unit_test(a_bind_behind_what_was_forgotten_waits),
		cmocka_unit_test(a_late_copy_of_a_syn_asks_nothing),
		cmocka_unit_test(a_syn_with_octets_waits),
		cmocka_unit_test(call_backs_are_expected),
		cmocka_unit_test(without_a_rule_nothing_is_expected),
		cmocka_unit_test(standings_of_a_connection),
		cmocka_unit_test(what_is_not_rpc_is_foreign),
		cmocka_unit_test(a_syn_on_an_approved_connection_asks_anew),
		cmocka_unit_test(earlier_standings_count),
		cmocka_unit_test(an_approved_connection_does_not_become_foreign),
		cmocka_unit_test(an_approved_connection_is_still_inspected),
		cmocka_unit_test(nothing_hides_from_an_engine_that_comes_later),
		cmocka_unit_test(no_row_of_engines_lets_one_pass_in_pieces),
		cmocka_unit_test(an_engine_that_comes_later_lets_calls_go_on),
		cmocka_unit_test(calls_that_rules_judge_do_not_go_on),
		cmocka_unit_test(what_has_begun_is_not_approved),
		cmocka_unit_test(one_side_alone_is_inspected),
		cmocka_unit_test(old_octets_of_one_side_are_in_doubt),
		cmocka_unit_test(all_pinholes_are_listed),
		cmocka_unit_test(a_closed_pinhole_is_closed),
		cmocka_unit_test(a_new_policy_closes_what_it_refuses),
		cmocka_unit_test(what_was_known_is_restored),
		cmocka_unit_test(what_may_not_be_learned_is_not_restored),
		cmocka_unit_test(alter_context_goes_by_the_rules_of_today),
		cmocka_unit_test(openings_say_whose_ports_are_open),
	};

	return cmocka_run_group_tests_name("inline", tests, NULL, NULL);
}
