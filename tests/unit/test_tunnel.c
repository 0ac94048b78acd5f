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

/* -------------------------------------------------------------------- pairs */

#define IN_HEAD "RPC_IN_DATA /?%s HTTP/1.1\r\n" LONG
#define OUT_HEAD "RPC_OUT_DATA /?%s HTTP/1.1\r\nContent-Length: 76\r\n\r\n"

/* CONN/A1 and CONN/B1, as far as both are the same: a version, the cookies, a window */
static void put_named(struct octets *o, uint8_t cookie)
{
	static const uint8_t head[] = { 5, 0, 20, 3, 0x10, 0, 0, 0, 76, 0,
					0, 0, 0,  0, 0,    0, 0, 0, 4,  0 };
	static const uint8_t version[] = { 6, 0, 0, 0, 1, 0, 0, 0 };
	static const uint8_t window[8];
	static const uint8_t other[16] = { 0xee };
	uint8_t virtual[16] = { cookie, [15] = 1 };

	octets_put(o, head, sizeof(head));
	octets_put(o, version, sizeof(version));
	octets_u32(o, 3, false);
	octets_put(o, virtual, sizeof(virtual));
	octets_u32(o, 3, false);
	octets_put(o, other, sizeof(other));
	octets_put(o, window, sizeof(window));
}

static struct conn open_channel(struct play *p, const char *client, const char *format,
				const char *target, uint8_t cookie)
{
	struct conn c = play_dial(p, client, SERVER_HOST, PROXY_PORT);
	struct octets o = { 0 };
	char head[128];

	conn_open(&c);
	snprintf(head, sizeof(head), format, target);
	say(&c, CLIENT, head);
	put_named(&o, cookie);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_free(&o);
	return c;
}

static void put_ack(struct octets *o, uint16_t result)
{
	const struct answer answers[] = { { result, result ? 1 : 0, syntax_ndr } };

	pdu_bind_ack(o, &head_plain, PTYPE_BIND_ACK, "", answers, 1, NULL);
}

static void put_question(struct octets *o, uint32_t call_id)
{
	const struct call request = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct head head = { 0, 3, false, call_id };
	struct octets tower = { 0 }, stub = { 0 };

	tower_ip(&tower, &iface_samr, FLOOR_TCP, 0, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	pdu_call(o, &head, &request, stub.p, stub.n);
	octets_free(&tower);
	octets_free(&stub);
}

static void put_reply(struct octets *o, uint32_t call_id, const char *address)
{
	const struct call response = { .type = PTYPE_RESPONSE };
	const struct head head = { 0, 3, false, call_id };
	struct octets tower = { 0 }, stub = { 0 };

	tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, address);
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(o, &head, &response, stub.p, stub.n);
	octets_free(&tower);
	octets_free(&stub);
}

static void send_pdu(struct conn *c, enum side from, struct octets *o)
{
	conn_send(c, from, o->p, o->n);
	octets_free(o);
}

static const struct join {
	const char *name;
	const char *in, *out; /* targets */
	const char *out_client;
	uint8_t out_cookie;
	bool out_first;
	bool joined;
} joins[] = {
	{ "the same cookie", "Rosco:593", "Rosco:593", CLIENT_HOST, 7, false, true },
	{ "the OUT channel first, as clients do", "Rosco:593", "Rosco:593", CLIENT_HOST, 7, true,
	  true },
	{ "to the mapper on TCP", "srv:135", "srv:135", CLIENT_HOST, 7, true, true },
	{ "another cookie", "Rosco:593", "Rosco:593", CLIENT_HOST, 8, true, false },
	{ "another client", "Rosco:593", "Rosco:593", OUTSIDER_HOST, 7, true, false },
	{ "another target", "Rosco:593", "Rosco:2000", CLIENT_HOST, 7, true, false },
	{ "another host", "Rosco:593", "Data1:593", CLIENT_HOST, 7, false, false },
	{ "to something else than a mapper", "Rosco:2000", "Rosco:2000", CLIENT_HOST, 7, true,
	  false },
};

static const struct rpcgate_event *event_of(const struct outcome *out, enum rpcgate_event_type type)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == type)
			return &out->at[i].event;
	return NULL;
}

/* A question by the IN channel, its answer by the OUT channel: read where both belong together,
 * recorded with where it came from, and never opening anything */
static void a_pair_is_joined(void **state)
{
	const struct join *row = *state;
	struct rpcgate_policy *policy =
		policy_of("valid-ports \"Rosco:593;Rosco:2000-8000;srv:135\"\n");
	const struct rpcgate_binding_event *b;
	const struct rpcgate_event *e;
	struct octets o = { 0 };
	struct conn in, out;
	struct play p;

	play_begin(&p, row->name);
	p.policy = policy;
	if (row->out_first)
		out = open_channel(&p, row->out_client, OUT_HEAD, row->out, row->out_cookie);
	in = open_channel(&p, CLIENT_HOST, IN_HEAD, row->in, 7);
	if (!row->out_first)
		out = open_channel(&p, row->out_client, OUT_HEAD, row->out, row->out_cookie);
	say(&out, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
	play_bind_pdu(&o, &iface_epm);
	send_pdu(&in, CLIENT, &o);
	put_ack(&o, 0);
	send_pdu(&out, SERVER, &o);
	put_question(&o, 2);
	send_pdu(&in, CLIENT, &o);
	put_reply(&o, 2, VICTIM_HOST); /* the mapper names itself: it is not the proxy */
	send_pdu(&out, SERVER, &o);
	play_judge(&p);
	e = event_of(&p.enforce, RPCGATE_EVENT_BINDING);
	assert_int_equal(e != NULL, row->joined);
	assert_int_equal(p.enforce.stats.answers, row->joined);
	assert_int_equal(p.enforce.stats.pinholes_opened, 0);
	assert_int_equal(p.enforce.stats.bindings_foreign, 0);
	if (e) {
		b = &e->u.binding;
		assert_false(b->accepted);
		assert_int_equal(b->reason, RPCGATE_REASON_MAPPER_UNLISTED);
		assert_int_equal(b->port, PORT);
		assert_int_equal(b->target.port, strtol(strchr(row->in, ':') + 1, NULL, 10));
		assert_int_equal(b->target.host_len, strchr(row->in, ':') - row->in);
		assert_memory_equal(b->target.host, row->in, b->target.host_len);
	}
	for (size_t i = 0; i < p.packets.n; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* What the server made of a Bind is known by the OUT channel */
static void results_are_counted(void **state)
{
	static const struct {
		uint16_t result;
		uint32_t accepted;
	} results[] = { { 0, 1 }, { 2, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(results); i++) {
		struct rpcgate_policy *policy = policy_of(RPC_LIST);
		struct octets o = { 0 };
		struct conn in, out;
		struct play p;
		uint32_t accepted = 0;

		play_begin(&p, "a result");
		p.policy = policy;
		out = open_channel(&p, CLIENT_HOST, OUT_HEAD, "Rosco:2000", 7);
		in = open_channel(&p, CLIENT_HOST, IN_HEAD, "Rosco:2000", 7);
		say(&out, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
		play_bind_pdu(&o, &iface_samr);
		send_pdu(&in, CLIENT, &o);
		put_ack(&o, results[i].result);
		send_pdu(&out, SERVER, &o);
		play_judge(&p);
		for (size_t k = 0; k < p.observe.n; k++)
			if (p.observe.at[k].event.type == RPCGATE_EVENT_FLOW)
				accepted += p.observe.at[k].event.u.flow.accepted;
		assert_int_equal(accepted, results[i].accepted);
		play_end(&p);
		rpcgate_policy_free(policy);
	}
}

/* An operation that a rule refuses inside a tunnel, and its harmless twin */
static void operations_are_judged_inside(void **state)
{
	(void)state;
	for (uint16_t opnum = 5; opnum <= 6; opnum++) {
		struct rpcgate_policy *policy = policy_of("deny samr opnum 5\n" RPC_LIST);
		const struct call request = { .type = PTYPE_REQUEST, .opnum = opnum };
		const struct head head = { 0, 3, false, 2 };
		struct octets o = { 0 };
		struct conn in, out;
		struct play p;

		play_begin(&p, "an operation in a tunnel");
		p.policy = policy;
		out = open_channel(&p, CLIENT_HOST, OUT_HEAD, "Rosco:2000", 7);
		in = open_channel(&p, CLIENT_HOST, IN_HEAD, "Rosco:2000", 7);
		say(&out, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
		play_bind_pdu(&o, &iface_samr);
		send_pdu(&in, CLIENT, &o);
		put_ack(&o, 0);
		send_pdu(&out, SERVER, &o);
		pdu_call(&o, &head, &request, "12345678", 8);
		conn_data(&in, CLIENT, o.p, o.n);
		octets_free(&o);
		play_judge(&p);
		assert_int_equal(p.enforce.action[p.packets.n - 1],
				 opnum == 5 ? RPCGATE_REJECT : RPCGATE_PASS);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_OPNUM_DENIED), opnum == 5);
		play_end(&p);
		rpcgate_policy_free(policy);
	}
}

/* An answer that nobody asked for, and one that contradicts its question, cut both channels */
static void what_is_wrong_on_one_channel_ends_both(void **state)
{
	struct rpcgate_policy *policy = policy_of(RPC_LIST);
	struct octets o = { 0 };
	struct conn in, out;
	struct play p;

	(void)state;
	play_begin(&p, "an answer without a question");
	p.policy = policy;
	out = open_channel(&p, CLIENT_HOST, OUT_HEAD, "Rosco:593", 7);
	in = open_channel(&p, CLIENT_HOST, IN_HEAD, "Rosco:593", 7);
	say(&out, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
	play_bind_pdu(&o, &iface_epm);
	send_pdu(&in, CLIENT, &o);
	put_ack(&o, 0);
	send_pdu(&out, SERVER, &o);
	put_reply(&o, 2, VICTIM_HOST);
	conn_data(&out, SERVER, o.p, o.n);
	play_mark(&p);
	octets_free(&o);
	put_question(&o, 2);
	conn_data(&in, CLIENT, o.p, o.n);
	octets_free(&o);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_NOT_ASKED), 1);
	assert_int_equal(p.enforce.action[p.marked], RPCGATE_REJECT);
	assert_int_not_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	assert_null(event_of(&p.enforce, RPCGATE_EVENT_BINDING));
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* A channel that takes the place of another knows what was bound there; one with another target
 * does not */
static void a_recycled_channel_inherits(void **state)
{
	static const char *const targets[] = { "Rosco:593", "Rosco:2000" };

	(void)state;
	for (size_t i = 0; i < COUNT(targets); i++) {
		struct rpcgate_policy *policy = policy_of(RPC_LIST);
		struct octets o = { 0 };
		struct conn in, out;
		struct play p;

		play_begin(&p, targets[i]);
		p.policy = policy;
		out = open_channel(&p, CLIENT_HOST, OUT_HEAD, "Rosco:593", 7);
		in = open_channel(&p, CLIENT_HOST, IN_HEAD, "Rosco:593", 7);
		say(&out, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
		play_bind_pdu(&o, &iface_epm);
		send_pdu(&in, CLIENT, &o);
		put_ack(&o, 0);
		send_pdu(&out, SERVER, &o);
		in = open_channel(&p, CLIENT_HOST, IN_HEAD, targets[i], 7);
		put_question(&o, 2);
		send_pdu(&in, CLIENT, &o);
		put_reply(&o, 2, VICTIM_HOST);
		send_pdu(&out, SERVER, &o);
		play_judge(&p);
		assert_int_equal(event_of(&p.observe, RPCGATE_EVENT_BINDING) != NULL, i == 0);
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_CONTEXT_NOT_ACCEPTED),
				 i == 1);
		assert_int_equal(p.observe.stats.pinholes_opened, 0);
		play_end(&p);
		rpcgate_policy_free(policy);
	}
}

/* What nobody will answer is not kept */
static void questions_without_a_way_back_are_not_kept(void **state)
{
	struct rpcgate_policy *policy = policy_of(RPC_LIST);
	struct octets o = { 0 };
	struct conn in, out;
	struct play p;

	(void)state;
	play_begin(&p, "one channel alone");
	p.policy = policy;
	in = open_channel(&p, CLIENT_HOST, IN_HEAD, "Rosco:593", 7);
	play_bind_pdu(&o, &iface_epm);
	send_pdu(&in, CLIENT, &o);
	for (uint32_t i = 0; i < 200; i++) {
		put_question(&o, i + 2);
		send_pdu(&in, CLIENT, &o);
	}
	/* the way back comes late: its first answers were asked for before, and are no violation */
	out = open_channel(&p, CLIENT_HOST, OUT_HEAD, "Rosco:593", 7);
	say(&out, SERVER, "HTTP/1.1 200 Success\r\n" LONG);
	put_ack(&o, 0);
	send_pdu(&out, SERVER, &o);
	put_reply(&o, 2, VICTIM_HOST);
	send_pdu(&out, SERVER, &o);
	play_judge(&p);
	assert_int_equal(p.enforce.stats.limits_reached, 0);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_NOT_ASKED), 0);
	for (size_t i = 0; i < p.packets.n; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
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
		cmocka_unit_test(results_are_counted),
		cmocka_unit_test(operations_are_judged_inside),
		cmocka_unit_test(what_is_wrong_on_one_channel_ends_both),
		cmocka_unit_test(a_recycled_channel_inherits),
		cmocka_unit_test(questions_without_a_way_back_are_not_kept),
	};
	static struct CMUnitTest tests[COUNT(rows) + COUNT(odds) + COUNT(joins)];
	size_t n = 0;

	ROWS(tests, n, rows, a_target);
	ROWS(tests, n, odds, an_odd_one);
	ROWS(tests, n, joins, a_pair_is_joined);
	return cmocka_run_group_tests_name("tunnels, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("tunnels", more, NULL, NULL);
}
