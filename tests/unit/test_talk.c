/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_talk.c - calls over UDP: opened where a rule asks for it, judged datagram by datagram,
 * told once; each trick with its harmless twin */
#include <string.h>

#include "datagrams.h"
#include "rows.h"

#define NS_PER_S UINT64_C(1000000000)

static struct rpcgate_policy *parse(const char *text)
{
	const struct rpcgate_policy_source source = { "policy.conf", text, strlen(text) };
	struct rpcgate_policy_error error;
	struct rpcgate_policy *policy;
	size_t n;

	policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);
	if (!policy)
		fail_msg("%s:%u:%u: %s", error.file, error.line, error.column, error.text);
	return policy;
}

static const struct rpcgate_event *event_of(const struct outcome *out, enum rpcgate_event_type type,
					    size_t nth)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == type && !nth--)
			return &out->at[i].event;
	return NULL;
}

static size_t events_of(const struct outcome *out, enum rpcgate_event_type type)
{
	size_t n = 0;

	while (event_of(out, type, n))
		n++;
	return n;
}

/* The last bind event that is about a datagram */
static const struct rpcgate_event *request_of(const struct outcome *out)
{
	const struct rpcgate_event *found = NULL;

	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_BIND &&
		    out->at[i].event.u.bind.pdu == RPCGATE_PDU_REQUEST)
			found = &out->at[i].event;
	return found;
}

static const struct rpcgate_syntax iface_conv = { { { 0x33, 0x3a, 0x22, 0x76, 0, 0, 0, 0, 0x0d, 0,
						      0, 0x80, 0x9c, 0, 0, 0 } },
						  3,
						  0 };

/* ------------------------------------------------------------- a rule asks for it */

enum way { OVER_TCP_135, OVER_UDP_135, NOT_AT_ALL };

static const struct asks {
	const char *name;
	const char *rules;
	enum way way;
	struct dgram sent;
	enum rpcgate_reason reason; /* of the judgement */
	enum rpcgate_verdict verdict;
	bool silent; /* nothing is judged */
	bool opens;
} asks_rows[] = {
	{ "without a policy a UDP tower opens nothing",
	  NULL,
	  OVER_TCP_135,
	  { 0 },
	  0,
	  0,
	  true,
	  false },
	{ "a rule that does not say so means TCP",
	  "allow samr",
	  OVER_TCP_135,
	  { 0 },
	  0,
	  0,
	  true,
	  false },
	{ "a rule over tcp, too", "allow samr over tcp", OVER_TCP_135, { 0 }, 0, 0, true, false },
	{ "a rule over udp opens it",
	  "allow samr over udp",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "a rule over any opens it",
	  "allow samr over any",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "a rule about any interface, over udp",
	  "allow any over udp",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "a log rule over udp opens and logs",
	  "log samr over udp",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_LOG,
	  false,
	  true },
	{ "the mapper on UDP 135 may announce it",
	  "allow samr over udp",
	  OVER_UDP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "but only where a rule asks", "allow samr", OVER_UDP_135, { 0 }, 0, 0, true, false },
	{ "a rule about another interface does not",
	  "allow lsarpc over udp",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "a rule about another client does not",
	  "allow samr over udp from 192.0.2.11",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "a rule about this client does",
	  "allow samr over udp from 192.0.2.10/32",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "a rule about another server does not",
	  "allow samr over udp to 192.0.2.21",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "a refusal before it stands",
	  "deny samr\nallow any over udp",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_DENY,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "a refusal over tcp before it does not",
	  "deny samr over tcp\nallow any over udp",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "a refusal over udp before it does",
	  "deny samr over udp\nallow any over any",
	  OVER_TCP_135,
	  { 0 },
	  RPCGATE_REASON_RULE_DENY,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "nothing announced it",
	  "allow samr over udp",
	  NOT_AT_ALL,
	  { 0 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "another port was announced",
	  "allow samr over udp",
	  OVER_TCP_135,
	  { .port = DGRAM_PORT + 1 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "another client was told",
	  "allow samr over udp",
	  OVER_TCP_135,
	  { .client = VICTIM_HOST },
	  RPCGATE_REASON_OTHER_CLIENT,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "another server was meant",
	  "allow samr over udp",
	  OVER_TCP_135,
	  { .server = VICTIM_HOST },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "another interface on the open port",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_drsuapi },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "the same in the other byte order",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_drsuapi, .big = true },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "the right one in the other byte order",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .big = true },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "another interface in pieces of IP",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_drsuapi, .fragment = 24 },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "the right one in pieces of IP",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .fragment = 24 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "a ping for another interface",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_drsuapi, .ptype = CLP_PING },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "another interface, sent from the mapper's port",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_drsuapi, .client_port = 135 },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "the right one, sent from there",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .client_port = 135 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
	{ "another interface on the mapper's port",
	  "allow any over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_drsuapi, .port = 135 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "management of the mapper's process",
	  "allow any over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_mgmt, .port = 135 },
	  RPCGATE_REASON_NO_PINHOLE,
	  RPCGATE_DENY,
	  false,
	  false },
	{ "management of the mapper's process, named",
	  "allow mgmt over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_mgmt, .port = 135 },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  false },
	{ "the mapper itself",
	  "allow any over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_epm, .port = 135, .opnum = EPT_LOOKUP_FREE },
	  0,
	  0,
	  true,
	  false },
	{ "the resolver",
	  "allow any over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_oxid, .port = 135 },
	  0,
	  0,
	  true,
	  false },
	{ "the mapper asks who its client is",
	  "allow any over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_conv, .client_port = 49200, .port = 135, .answer = true },
	  0,
	  0,
	  true,
	  false },
	{ "so does a server on a fixed port",
	  "allow any over udp",
	  NOT_AT_ALL,
	  { .iface = &iface_conv, .client_port = 49200, .port = 2001, .answer = true },
	  0,
	  0,
	  true,
	  false },
	{ "without a rule the mapper's port is not looked at",
	  "allow any",
	  NOT_AT_ALL,
	  { .iface = &iface_mgmt, .port = 135 },
	  0,
	  0,
	  true,
	  false },
	{ "the management interface",
	  "allow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_mgmt },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "the management interface, named",
	  "allow any over udp\nallow mgmt over udp",
	  OVER_TCP_135,
	  { .iface = &iface_mgmt },
	  RPCGATE_REASON_UUID_NOT_GRANTED,
	  RPCGATE_DENY,
	  false,
	  true },
	{ "the management interface, named first",
	  "allow mgmt over udp\nallow any over udp",
	  OVER_TCP_135,
	  { .iface = &iface_mgmt },
	  RPCGATE_REASON_RULE_ALLOW,
	  RPCGATE_ALLOW,
	  false,
	  true },
};

static void announce(struct play *p, enum way way)
{
	if (way == OVER_TCP_135)
		play_map_udp(p, &iface_samr, DGRAM_PORT);
	else if (way == OVER_UDP_135)
		play_map_udp_over_udp(p, &iface_samr, DGRAM_PORT);
}

static void asks_row(void **state)
{
	const struct asks *row = *state;
	struct rpcgate_policy *policy = row->rules ? parse(row->rules) : NULL;
	const struct rpcgate_event *e;
	struct play p;

	play_begin(&p, row->name);
	p.policy = policy;
	announce(&p, row->way);
	put_dgram(&p, &row->sent);
	play_judge(&p);
	assert_int_equal(p.enforce.stats.pinholes_opened, row->opens);
	e = request_of(&p.observe);
	if (row->silent) {
		assert_null(e);
		assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	} else {
		assert_non_null(e);
		assert_int_equal(e->proto, 17);
		assert_int_equal(e->u.bind.verdict, row->verdict);
		if (e->u.bind.reason != row->reason)
			fail_msg("reason %s", rpcgate_reason_name(e->u.bind.reason));
		assert_int_equal(e->u.bind.action, RPCGATE_NONE);
		e = request_of(&p.enforce);
		assert_int_equal(e->u.bind.action,
				 row->verdict == RPCGATE_DENY ? RPCGATE_DROP : RPCGATE_PASS);
		/* a sender that may be forged is not answered: the datagram is dropped */
		assert_int_equal(p.enforce.action[p.packets.n - 1],
				 row->verdict == RPCGATE_DENY ? RPCGATE_DROP : RPCGATE_PASS);
		assert_int_equal(p.observe.action[p.packets.n - 1], RPCGATE_PASS);
		assert_int_equal(play_alerts(&p.observe, row->reason),
				 row->verdict == RPCGATE_DENY);
		assert_int_equal(p.enforce.stats.udp_judged, 1);
		assert_int_equal(p.enforce.stats.udp_refused, row->verdict == RPCGATE_DENY);
	}
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* ------------------------------------------------------- what a tower must be like */

static const struct tower_row {
	const char *name;
	uint8_t floor3; /* 0: the right one */
	uint16_t port;
	const char *address;
	enum rpcgate_reason reason;
} tower_rows[] = {
	{ "the server's own address", 0, DGRAM_PORT, SERVER_HOST, RPCGATE_REASON_NONE },
	{ "no address", 0, DGRAM_PORT, "0.0.0.0", RPCGATE_REASON_NONE },
	{ "another host's address", 0, DGRAM_PORT, VICTIM_HOST, RPCGATE_REASON_TOWER_ADDRESS },
	{ "the client's address", 0, DGRAM_PORT, CLIENT_HOST, RPCGATE_REASON_TOWER_ADDRESS },
	{ "port 0", 0, 0, SERVER_HOST, RPCGATE_REASON_PORT_ZERO },
	{ "port 53", 0, 53, SERVER_HOST, RPCGATE_REASON_PORT_PRIVILEGED },
	{ "port 1813", 0, 1813, SERVER_HOST, RPCGATE_REASON_PORT_RESERVED },
	{ "floor 3 says connections", FLOOR_CONNECTION, DGRAM_PORT, SERVER_HOST,
	  RPCGATE_REASON_NOT_TCP_TOWER },
};

static void tower_row(void **state)
{
	const struct tower_row *row = *state;
	struct rpcgate_policy *policy = parse("allow any over udp");
	struct octets tower = { 0 }, stub = { 0 }, pdu = { 0 };
	const struct call response = { .type = PTYPE_RESPONSE };
	const struct head head = { 0, 3, false, 2 };
	const struct rpcgate_event *e;
	struct conn c;
	struct play p;

	play_begin(&p, row->name);
	p.policy = policy;
	c = play_ask(&p);
	tower_ip(&tower, &iface_samr, FLOOR_UDP, row->port, row->address);
	if (row->floor3) /* it follows two floors of 25 octets: lhs length, protocol */
		tower.p[2 + 2 * 25 + 2] = row->floor3;
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(&pdu, &head, &response, stub.p, stub.n);
	conn_send(&c, SERVER, pdu.p, pdu.n);
	play_judge(&p);
	e = event_of(&p.observe, RPCGATE_EVENT_BINDING, 0);
	assert_non_null(e);
	assert_int_equal(e->u.binding.reason, row->reason);
	assert_int_equal(e->u.binding.accepted, !row->reason);
	assert_int_equal(p.observe.stats.pinholes_opened, !row->reason);
	play_end(&p);
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&pdu);
	rpcgate_policy_free(policy);
}

/* ------------------------------------------------------------------- the datagrams */

static struct rpcgate_policy *policy;

static void begin(struct play *p, const char *trick, const char *rules)
{
	policy = parse(rules);
	play_begin(p, trick);
	p->policy = policy;
	play_map_udp(p, &iface_samr, DGRAM_PORT);
}

static void end(struct play *p)
{
	play_end(p);
	rpcgate_policy_free(policy);
}

static void a_talk_is_told_once(void **state)
{
	struct dgram d = { .activity = 1 };
	struct play p;

	(void)state;
	begin(&p, "a talk", "allow samr over udp");
	for (uint32_t i = 0; i < 9; i++) {
		d.sequence = i / 3;
		d.flags1 = 4;
		put_dgram(&p, &d);
		put_dgram(&p, &(struct dgram){ .activity = 1,
					       .answer = true,
					       .ptype = CLP_RESPONSE,
					       .sequence = i / 3 });
	}
	d.activity = 2;
	put_dgram(&p, &d);
	play_judge(&p);
	assert_int_equal(events_of(&p.enforce, RPCGATE_EVENT_BIND),
			 1 + 2); /* one is the mapper's */
	assert_int_equal(p.enforce.stats.udp_judged, 10);
	assert_int_equal(p.enforce.stats.udp_refused, 0);
	/* open, use: once, as the first answer shows that the endpoint is there */
	assert_int_equal(events_of(&p.enforce, RPCGATE_EVENT_PINHOLE), 2);
	for (size_t i = 0; i < p.packets.n; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
	end(&p);
}

static void the_pinhole_says_udp(void **state)
{
	const struct rpcgate_event *e;
	struct play p;

	(void)state;
	begin(&p, "a pinhole", "allow samr over udp");
	put_dgram(&p, &(struct dgram){ 0 });
	play_judge(&p);
	e = event_of(&p.observe, RPCGATE_EVENT_PINHOLE, 0);
	assert_non_null(e);
	assert_int_equal(e->u.pinhole.proto, 17);
	assert_int_equal(e->proto, 6); /* it was announced over TCP */
	assert_int_equal(e->u.pinhole.port, DGRAM_PORT);
	e = request_of(&p.observe);
	assert_true(e->u.bind.pinhole_id > 0);
	assert_true(e->u.bind.has_age);
	assert_true(e->parent_id > 0);
	assert_true(e->flow_id > 0);
	assert_int_equal(e->u.bind.rule_line, 1);
	end(&p);
}

/* The ports of UDP and of TCP are different ports */
static void a_port_of_udp_is_none_of_tcp(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "TCP to the UDP port", "allow samr over any");
	play_service(&p, DGRAM_PORT, &iface_samr);
	play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_OTHER_CLIENT);
	end(&p);

	policy = parse("allow samr over any");
	play_begin(&p, "UDP to the TCP port");
	p.policy = policy;
	play_map(&p, &iface_samr, PORT);
	put_dgram(&p, &(struct dgram){ .port = PORT });
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	end(&p);
}

static void what_is_not_rpc_is_refused(void **state)
{
	static const char *const raws[] = { "GET / HTTP/1.1\r\n", "\4", "", "\5 and more" };
	struct play p;

	(void)state;
	for (size_t i = 0; i < COUNT(raws); i++) {
		begin(&p, raws[i], "allow samr over udp");
		put_dgram(&p, &(struct dgram){ .raw = raws[i] });
		put_dgram(&p, &(struct dgram){ .raw = raws[i] });
		play_judge(&p);
		assert_int_equal(p.enforce.action[p.packets.n - 2], RPCGATE_DROP);
		assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
		assert_int_equal(p.enforce.reason[p.packets.n - 1], RPCGATE_REASON_NOT_RPC);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_NOT_RPC), 1);
		assert_int_equal(p.enforce.stats.udp_refused, 2);
		end(&p);
		/* on another port it is nobody's business */
		begin(&p, "elsewhere", "allow samr over udp");
		put_dgram(&p, &(struct dgram){ .raw = raws[i], .port = DGRAM_PORT + 1 });
		play_judge(&p);
		assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
		assert_int_equal(p.enforce.stats.udp_judged, 0);
		end(&p);
	}
}

static void what_the_server_sends_back_passes(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "answers", "allow samr over udp");
	put_dgram(&p, &(struct dgram){ 0 });
	put_dgram(&p, &(struct dgram){ .answer = true, .ptype = CLP_WORKING });
	put_dgram(&p, &(struct dgram){ .answer = true, .raw = "whatever" });
	/* who are you? - the client's answer names conv, too */
	put_dgram(&p, &(struct dgram){ .answer = true, .iface = &iface_conv });
	put_dgram(&p, &(struct dgram){ .iface = &iface_conv, .ptype = CLP_RESPONSE });
	play_judge(&p);
	for (size_t i = 0; i < p.packets.n; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
	/* a request for conv is none of that */
	put_dgram(&p, &(struct dgram){ .iface = &iface_conv });
	outcome_free(&p.enforce);
	outcome_free(&p.observe);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	end(&p);
}

static void operations_are_judged(void **state)
{
	struct dgram d = { .opnum = 5 };
	struct play p;

	(void)state;
	begin(&p, "operations", "deny samr opnum 5,6\nallow samr over udp");
	put_dgram(&p, &d); /* refused */
	put_dgram(&p, &d); /* sent again: told once */
	d.opnum = 4;
	d.sequence = 1;
	put_dgram(&p, &d);
	d.opnum = 6;
	d.sequence = 2;
	put_dgram(&p, &d);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 4], RPCGATE_DROP);
	assert_int_equal(p.enforce.action[p.packets.n - 3], RPCGATE_DROP);
	assert_int_equal(p.enforce.action[p.packets.n - 2], RPCGATE_PASS);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	assert_int_equal(events_of(&p.enforce, RPCGATE_EVENT_CALL), 2);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_OPNUM_DENIED), 2);
	assert_int_equal(event_of(&p.enforce, RPCGATE_EVENT_CALL, 0)->u.call.action, RPCGATE_DROP);
	end(&p);

	/* only some operations are allowed */
	begin(&p, "some operations", "allow samr opnum 5 over udp\ndeny samr");
	d = (struct dgram){ .opnum = 5 };
	put_dgram(&p, &d);
	d.opnum = 6;
	d.sequence = 1;
	put_dgram(&p, &d);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 2], RPCGATE_PASS);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	end(&p);

	/* the level of a datagram is not read: it counts as none */
	begin(&p, "levels", "deny samr auth connect\nallow samr over udp");
	put_dgram(&p, &(struct dgram){ 0 });
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_AUTH_LEVEL), 1);
	end(&p);
}

/* As a connection does, a talk outlives its pinhole; a new one does not begin */
/* What changes the mapper's answers to others, at the mapper itself */
static void changes_are_refused(void **state)
{
	static const struct {
		const char *policy;
		uint16_t opnum;
		bool refused;
	} rows[] = {
		{ "allow any over udp", 0, true },
		{ "allow any over udp", 1, true },
		{ "allow any over udp", 6, true },
		{ "allow any over udp", 4, false },
		{ "allow epmapper opnum 0 over udp", 0, false },
		{ "allow epmapper opnum 0 over udp", 1, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct play p;

		play_begin(&p, rows[i].policy);
		policy = parse(rows[i].policy);
		p.policy = policy;
		put_dgram(&p, &(struct dgram){
				      .port = 135, .iface = &iface_epm, .opnum = rows[i].opnum });
		play_judge(&p);
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_OPNUM_DENIED),
				 rows[i].refused);
		assert_int_equal(p.enforce.stats.udp_refused, rows[i].refused);
		assert_int_equal(p.observe.action[0], RPCGATE_PASS);
		assert_int_equal(p.enforce.action[0],
				 rows[i].refused ? RPCGATE_DROP : RPCGATE_PASS);
		end(&p);
	}
}

static void a_pinhole_runs_out(void **state)
{
	struct dgram d = { .activity = 1 };
	struct play p;

	(void)state;
	begin(&p, "time", "allow samr over udp");
	put_dgram(&p, &d);
	p.clock_ns += 301 * NS_PER_S;
	put_dgram(&p, &d);
	d.activity = 2;
	put_dgram(&p, &d);
	/* and an hour of silence later it is a new one */
	p.clock_ns += 3 * 3600 * NS_PER_S;
	d.activity = 1;
	put_dgram(&p, &d);
	play_judge(&p);
	assert_int_equal(p.enforce.action[p.packets.n - 4], RPCGATE_PASS);
	assert_int_equal(p.enforce.action[p.packets.n - 3], RPCGATE_PASS);
	assert_int_equal(p.enforce.action[p.packets.n - 2], RPCGATE_DROP);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	assert_int_equal(p.enforce.reason[p.packets.n - 1], RPCGATE_REASON_PINHOLE_EXPIRED);
	end(&p);
}

/* Too early is refused; the same sent again after the announcement is not */
static void a_refused_talk_may_be_let_in_later(void **state)
{
	struct play p;

	(void)state;
	policy = parse("allow samr over udp");
	play_begin(&p, "early");
	p.policy = policy;
	put_dgram(&p, &(struct dgram){ 0 });
	put_dgram(&p, &(struct dgram){ 0 });
	play_map_udp(&p, &iface_samr, DGRAM_PORT);
	put_dgram(&p, &(struct dgram){ 0 });
	play_judge(&p);
	assert_int_equal(p.enforce.action[0], RPCGATE_DROP);
	assert_int_equal(p.enforce.action[1], RPCGATE_DROP);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_NO_PINHOLE), 1);
	end(&p);
}

/* Whoever is refused pushes nobody out who was let in, and what is forgotten is judged anew */
static void the_oldest_talk_makes_room(void **state)
{
	struct dgram d = { 0 };
	struct play p;

	(void)state;
	begin(&p, "a flood of activities", "allow samr over udp");
	p.cfg.max_udp_talks = 4;
	put_dgram(&p, &d);
	d.iface = &iface_drsuapi;
	for (unsigned i = 0; i < 11; i++) {
		d.activity = (uint8_t)i;
		put_dgram(&p, &d);
	}
	p.clock_ns += 301 * NS_PER_S;
	put_dgram(&p, &(struct dgram){ 0 });
	play_judge(&p);
	assert_int_equal(p.enforce.stats.limits_reached, 7);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_UUID_NOT_GRANTED), 11);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	end(&p);

	/* with as many let in, the first is forgotten; its pinhole has run out, and nothing opens */
	begin(&p, "a flood of the allowed", "allow samr over udp");
	p.cfg.max_udp_talks = 4;
	for (unsigned i = 0; i < 5; i++)
		put_dgram(&p, &(struct dgram){ .activity = (uint8_t)i });
	p.clock_ns += 301 * NS_PER_S;
	put_dgram(&p, &(struct dgram){ .activity = 4 });
	put_dgram(&p, &(struct dgram){ .activity = 0 });
	play_judge(&p);
	assert_int_equal(p.enforce.stats.limits_reached, 1);
	assert_int_equal(p.enforce.action[p.packets.n - 2], RPCGATE_PASS);
	assert_int_equal(p.enforce.action[p.packets.n - 1], RPCGATE_DROP);
	end(&p);
}

/* Cut by the capture: the header is enough; less than that is not called anything */
static void a_short_capture_is_no_violation(void **state)
{
	struct play p;
	size_t whole;

	(void)state;
	begin(&p, "cut short", "allow samr over udp");
	put_dgram(&p, &(struct dgram){ 0 });
	whole = p.packets.at[p.packets.n - 1].caplen;
	for (size_t n = 0; n < whole; n++) {
		struct outcome out;

		p.packets.at[p.packets.n - 1].caplen = (uint32_t)n;
		feed_judged(&p.cfg, policy, &p.packets, &out);
		assert_int_equal(play_alerts(&out, RPCGATE_REASON_NOT_RPC), 0);
		assert_int_equal(request_of(&out) != NULL, n >= whole - 8);
		outcome_free(&out);
	}
	end(&p);
}

/* The engine's owner changes the rules: what is asked for is no more */
static void a_rule_that_goes_takes_new_talks_with_it(void **state)
{
	struct rpcgate_policy *without = parse("allow samr");
	struct rpcgate_result r = { 0 };
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;
	struct play p;

	(void)state;
	begin(&p, "reload", "allow samr over udp");
	put_dgram(&p, &(struct dgram){ .activity = 1 });
	put_dgram(&p, &(struct dgram){ .activity = 2 });
	cfg = p.cfg;
	cfg.mode = RPCGATE_ENFORCE;
	gate = rpcgate_new(&cfg, err);
	assert_non_null(gate);
	rpcgate_set_policy(gate, policy);
	for (size_t i = 0; i < p.packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p.packets, i);

		if (i + 1 == p.packets.n)
			rpcgate_set_policy(gate, without);
		r = rpcgate_feed(gate, &packet);
		assert_int_equal(r.action, i + 1 == p.packets.n ? RPCGATE_DROP : RPCGATE_PASS);
	}
	assert_int_equal(r.reason, RPCGATE_REASON_NO_PINHOLE);
	rpcgate_free(gate);
	play_judge(&p); /* play_end() wants outcomes */
	end(&p);
	rpcgate_policy_free(without);
}

/* Each is the other's server: what one sends from its own port is still a request */
static void servers_of_each_other(void **state)
{
	static const struct {
		uint8_t ptype;
		const struct rpcgate_syntax *iface;
		enum rpcgate_action action;
	} sent[] = {
		{ CLP_REQUEST, &iface_drsuapi, RPCGATE_DROP },
		{ CLP_REQUEST, &iface_samr, RPCGATE_DROP }, /* not announced to this one */
		{ CLP_RESPONSE, &iface_samr, RPCGATE_PASS },
		{ CLP_REQUEST, &iface_conv, RPCGATE_PASS },
	};
	struct dgram ask = { .client = SERVER_HOST,
			     .server = CLIENT_HOST,
			     .iface = &iface_epm,
			     .port = 135,
			     .opnum = EPT_MAP };
	struct octets tower = { 0 }, stub = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(sent); i++) {
		struct play p;

		policy = parse("allow any over udp");
		play_begin(&p, "servers of each other");
		p.policy = policy;
		ask.stub = &stub;
		ask.answer = false;
		ask.ptype = CLP_REQUEST;
		tower_ip(&tower, &iface_samr, FLOOR_UDP, 0, "0.0.0.0");
		epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
		put_dgram(&p, &ask);
		octets_clear(&tower);
		octets_clear(&stub);
		tower_ip(&tower, &iface_samr, FLOOR_UDP, 49200, "0.0.0.0");
		epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
		ask.answer = true;
		ask.ptype = CLP_RESPONSE;
		put_dgram(&p, &ask);
		octets_clear(&tower);
		octets_clear(&stub);
		put_dgram(&p, &(struct dgram){ .client_port = 49200,
					       .port = 49300,
					       .ptype = sent[i].ptype,
					       .iface = sent[i].iface });
		play_judge(&p);
		assert_int_equal(p.enforce.stats.pinholes_opened, 1);
		assert_int_equal(p.enforce.action[p.packets.n - 1], sent[i].action);
		end(&p);
	}
	octets_free(&tower);
	octets_free(&stub);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(a_talk_is_told_once),
		cmocka_unit_test(the_pinhole_says_udp),
		cmocka_unit_test(a_port_of_udp_is_none_of_tcp),
		cmocka_unit_test(what_is_not_rpc_is_refused),
		cmocka_unit_test(what_the_server_sends_back_passes),
		cmocka_unit_test(operations_are_judged),
		cmocka_unit_test(changes_are_refused),
		cmocka_unit_test(a_pinhole_runs_out),
		cmocka_unit_test(a_refused_talk_may_be_let_in_later),
		cmocka_unit_test(the_oldest_talk_makes_room),
		cmocka_unit_test(a_short_capture_is_no_violation),
		cmocka_unit_test(a_rule_that_goes_takes_new_talks_with_it),
		cmocka_unit_test(servers_of_each_other),
	};
	static struct CMUnitTest tests[COUNT(asks_rows) + COUNT(tower_rows)];
	size_t n = 0;

	ROWS(tests, n, asks_rows, asks_row);
	ROWS(tests, n, tower_rows, tower_row);
	return cmocka_run_group_tests_name("talk over UDP, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("talk over UDP", more, NULL, NULL);
}
