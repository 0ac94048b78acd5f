/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tunnel.c - RPC over HTTP v2 between client and proxy: where a tunnel may lead */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "feed.h"
#include "play.h"
#include "rows.h"

#define PROXY_PORT 80
#define RPC_LIST "valid-ports \"Rosco:593;Rosco:2000-8000;Data*:4000-8000\"\n"
#define LONG "Content-Length: 1073741824\r\n\r\n"

static void say(struct conn *c, enum side from, const char *text)
{
	conn_send(c, from, text, strlen(text));
}

/* CONN/B1 as far as it matters: one version command */
static void put_rts(struct octets *o)
{
	static const uint8_t rts[28] = { 5, 0, 20, 3,        0x10,     0,
					 0, 0, 28, [18] = 1, [20] = 6, [24] = 1 };

	octets_put(o, rts, sizeof(rts));
}

static void put_opening(struct octets *o, const char *head)
{
	octets_put(o, head, strlen(head));
	put_rts(o);
	play_bind_pdu(o, &iface_samr);
}

static struct rpcgate_policy *policy_of(const char *text)
{
	struct rpcgate_policy_source source = { "p", text, strlen(text) };
	struct rpcgate_policy_error error;
	size_t n;
	struct rpcgate_policy *policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);

	if (!policy)
		fail_msg("%s", error.text);
	return policy;
}

/* ------------------------------------------------------------------- targets */

struct row {
	const char *name;
	const char *policy; /* NULL: none */
	const char *target;
	enum rpcgate_verdict verdict;
	enum rpcgate_reason reason;
};

static const struct row rows[] = {
	{ "a listed target", RPC_LIST, "Rosco:593", RPCGATE_ALLOW, RPCGATE_REASON_RULE_ALLOW },
	{ "in other letters", RPC_LIST, "rOSCO:593", RPCGATE_ALLOW, RPCGATE_REASON_RULE_ALLOW },
	{ "the end of a range", RPC_LIST, "Rosco:8000", RPCGATE_ALLOW, RPCGATE_REASON_RULE_ALLOW },
	{ "beyond the range", RPC_LIST, "Rosco:8001", RPCGATE_DENY, RPCGATE_REASON_RULE_DENY },
	{ "a name with a star", RPC_LIST, "database7:4000", RPCGATE_ALLOW,
	  RPCGATE_REASON_RULE_ALLOW },
	{ "the same on another port", RPC_LIST, "database7:593", RPCGATE_DENY,
	  RPCGATE_REASON_RULE_DENY },
	{ "a longer name is another", RPC_LIST, "rosco.example.com:593", RPCGATE_DENY,
	  RPCGATE_REASON_RULE_DENY },
	{ "an address is another name", RPC_LIST, "192.0.2.20:593", RPCGATE_DENY,
	  RPCGATE_REASON_RULE_DENY },
	{ "no list", "allow interface any\n", "Rosco:593", RPCGATE_DENY,
	  RPCGATE_REASON_NO_PINHOLE },
	{ "no policy", NULL, "Rosco:593", RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE },
	{ "a rule about the interface still counts", "deny interface samr\n" RPC_LIST, "Rosco:593",
	  RPCGATE_DENY, RPCGATE_REASON_RULE_DENY },
	{ "a rule may only want it logged", "log interface samr\n" RPC_LIST, "Rosco:593",
	  RPCGATE_LOG, RPCGATE_REASON_RULE_ALLOW },
};

static const struct rpcgate_bind_event *bind_of(const struct outcome *out)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_BIND)
			return &out->at[i].event.u.bind;
	fail_msg("no bind was told");
	return NULL;
}

/* What comes out does not depend on how the octets are cut */
static void a_target(void **state)
{
	const struct row *row = *state;
	struct rpcgate_policy *policy = row->policy ? policy_of(row->policy) : NULL;
	static const size_t sizes[] = { 1460, 100, 16, 5, 1 };
	const struct rpcgate_bind_event *e;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct octets o = { 0 };
		char head[512];
		struct conn c;
		struct play p;

		play_begin(&p, row->name);
		p.policy = policy;
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PROXY_PORT);
		c.mss = sizes[i];
		conn_open(&c);
		snprintf(head, sizeof(head), "RPC_IN_DATA /rpc/rpcproxy.dll?%s HTTP/1.1\r\n" LONG,
			 row->target);
		put_opening(&o, head);
		conn_data(&c, CLIENT, o.p, o.n);
		play_mark(&p);
		octets_free(&o);
		play_judge(&p);
		e = bind_of(&p.observe);
		assert_int_equal(e->verdict, row->verdict);
		assert_int_equal(e->reason, row->reason);
		assert_int_equal(e->target_port, strtol(strchr(row->target, ':') + 1, NULL, 10));
		assert_int_equal(e->target_len, strchr(row->target, ':') - row->target);
		assert_memory_equal(e->target, row->target, e->target_len);
		assert_int_equal(p.enforce.action[p.marked] == RPCGATE_PASS,
				 row->verdict != RPCGATE_DENY);
		assert_int_equal(p.observe.stats.flows_rpc, 1);
		play_end(&p);
	}
	rpcgate_policy_free(policy);
}

/* -------------------------------------------------------------- what is no tunnel */

struct odd {
	const char *name;
	const char *said;
	uint16_t port;
	bool opening; /* RTS and a Bind follow */
	size_t binds;
	enum rpcgate_reason alert; /* NONE: silent */
};

static const struct odd odds[] = {
	{ "another method is nobody's business", "GET /?Rosco:593 HTTP/1.1\r\n" LONG, PROXY_PORT,
	  true, 0, RPCGATE_REASON_NONE },
	{ "a method that only begins alike", "RPC_IN_DATUM /?Rosco:593 HTTP/1.1\r\n" LONG,
	  PROXY_PORT, true, 0, RPCGATE_REASON_NONE },
	{ "a request without what follows", "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\n" LONG, PROXY_PORT,
	  false, 0, RPCGATE_REASON_NONE },
	{ "no target", "RPC_IN_DATA /rpc HTTP/1.1\r\n" LONG, PROXY_PORT, true, 0,
	  RPCGATE_REASON_MALFORMED_PDU },
	{ "an address of IPv6", "RPC_IN_DATA /?[fd00::1]:593 HTTP/1.1\r\n" LONG, PROXY_PORT, true,
	  0, RPCGATE_REASON_MALFORMED_PDU },
	{ "a coded body", "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	  PROXY_PORT, true, 0, RPCGATE_REASON_MALFORMED_PDU },
	{ "a body that ends before the Bind does",
	  "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\nContent-Length: 60\r\n\r\n", PROXY_PORT, true, 0,
	  RPCGATE_REASON_NONE },
	{ "a mapper speaks no HTTP", "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\n" LONG, 135, true, 0,
	  RPCGATE_REASON_NOT_RPC },
	{ "a first leg of authentication, then the request",
	  "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
	  "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\n" LONG,
	  PROXY_PORT, true, 1, RPCGATE_REASON_NONE },
};

static void an_odd_one(void **state)
{
	const struct odd *odd = *state;
	struct rpcgate_policy *policy = policy_of(RPC_LIST);
	struct octets o = { 0 };
	size_t binds = 0, alerts = 0;
	struct conn c;
	struct play p;

	play_begin(&p, odd->name);
	p.policy = policy;
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, odd->port);
	conn_open(&c);
	if (odd->opening)
		put_opening(&o, odd->said);
	else
		octets_put(&o, odd->said, strlen(odd->said));
	conn_data(&c, CLIENT, o.p, o.n);
	octets_free(&o);
	play_judge(&p);
	for (size_t i = 0; i < p.enforce.n; i++) {
		binds += p.enforce.at[i].event.type == RPCGATE_EVENT_BIND;
		alerts += p.enforce.at[i].event.type == RPCGATE_EVENT_ALERT;
	}
	assert_int_equal(binds, odd->binds);
	assert_int_equal(alerts, odd->alert != RPCGATE_REASON_NONE);
	if (odd->alert) {
		assert_int_equal(play_alerts(&p.enforce, odd->alert), 1);
		assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_REJECT);
	}
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* ------------------------------------------------------------------ the rest */

static void a_head_has_a_bound(void **state)
{
	char head[] = "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\nX: y\r\n";
	struct conn c;
	struct play p;

	(void)state;
	play_begin(&p, "a head without end");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PROXY_PORT);
	conn_open(&c);
	say(&c, CLIENT, head);
	for (int i = 0; i < 1000; i++)
		say(&c, CLIENT, "Header: 7\r\n");
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_MALFORMED_PDU), 1);
	assert_true(p.observe.stats.buffer_octets_peak < 65536);
	assert_int_equal(p.observe.stats.buffer_octets_used, 0);
	play_end(&p);
}

/* The OUT channel: the client sends one RTS PDU, after an answer the server's PDUs follow */
static void the_way_back(void **state)
{
	const struct answer accepted = { 0, 0, syntax_ndr };
	struct octets o = { 0 };
	struct conn c;
	struct play p;

	(void)state;
	play_begin(&p, "the OUT channel");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PROXY_PORT);
	conn_open(&c);
	say(&c, CLIENT, "RPC_OUT_DATA /?Rosco:593 HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
	say(&c, SERVER, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwho?");
	say(&c, CLIENT, "RPC_OUT_DATA /?Rosco:593 HTTP/1.1\r\nContent-Length: 28\r\n\r\n");
	put_rts(&o);
	conn_send(&c, CLIENT, o.p, o.n);
	say(&c, SERVER, "HTTP/1.1 100 Continue\r\n\r\n");
	say(&c, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "", &accepted, 1, NULL);
	conn_send(&c, SERVER, o.p, o.n);
	play_judge(&p);
	assert_int_equal(p.enforce.n, 1); /* the flow */
	assert_int_equal(p.observe.n, 1);
	assert_int_equal(p.observe.at[0].event.type, RPCGATE_EVENT_FLOW);
	assert_int_equal(p.observe.stats.flows_rpc, 1);
	assert_int_equal(p.observe.stats.pdus, 1);
	octets_free(&o);
	play_end(&p);
}

static void control_pdus_stay_inside(void **state)
{
	struct octets o = { 0 };
	struct conn c;
	struct play p;

	(void)state;
	play_begin(&p, "RTS on a plain connection");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	put_rts(&o);
	play_bind_pdu(&o, &iface_samr);
	conn_data(&c, CLIENT, o.p, o.n);
	play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_NOT_RPC);
	octets_free(&o);
	play_end(&p);
}

/* The mapper inside a tunnel is judged as any other, and nothing is learned from it */
static void nothing_is_learned_in_a_tunnel(void **state)
{
	struct rpcgate_policy *policy = policy_of(RPC_LIST);
	struct octets o = { 0 };
	struct conn c;
	struct play p;

	(void)state;
	play_begin(&p, "a mapper in a tunnel");
	p.policy = policy;
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PROXY_PORT);
	conn_open(&c);
	say(&c, CLIENT, "RPC_IN_DATA /?Rosco:593 HTTP/1.1\r\n" LONG);
	put_rts(&o);
	conn_send(&c, CLIENT, o.p, o.n);
	talk_bind(&c, &iface_epm, 1);
	talk_ask(&c, &iface_samr, 2);
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	play_judge(&p);
	assert_int_equal(play_binds(&p.observe, &iface_epm, PROXY_PORT, RPCGATE_ALLOW), 1);
	assert_int_equal(p.observe.stats.answers, 0);
	assert_int_equal(p.observe.stats.pinholes_opened, 0);
	octets_free(&o);
	play_end(&p);
	rpcgate_policy_free(policy);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(a_head_has_a_bound),
		cmocka_unit_test(the_way_back),
		cmocka_unit_test(control_pdus_stay_inside),
		cmocka_unit_test(nothing_is_learned_in_a_tunnel),
	};
	static struct CMUnitTest tests[COUNT(rows) + COUNT(odds)];
	size_t n = 0;

	ROWS(tests, n, rows, a_target);
	ROWS(tests, n, odds, an_odd_one);
	return cmocka_run_group_tests_name("tunnels, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("tunnels", more, NULL, NULL);
}
