/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks on learning, E1 to E17 (what DCOM announces is tested elsewhere): only a complete,
 * well-formed answer of the server that was asked, about what was asked, opens anything.  Every
 * attack has a harmless twin that must open its port.
 */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Ask for samr, answer with @o; is PORT open? */
static void answered(const char *trick, const struct octets *o, bool learned)
{
	struct play p;
	struct conn c;

	play_begin(&p, trick);
	c = play_ask(&p);
	conn_send(&c, SERVER, o->p, o->n);
	if (learned)
		play_must_learn(&p, PORT, &iface_samr);
	else
		play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
}

static void answered_for(const char *trick, const struct octets *o, enum rpcgate_reason reason)
{
	struct play p;
	struct conn c;

	play_begin(&p, trick);
	c = play_ask(&p);
	conn_send(&c, SERVER, o->p, o->n);
	play_must_not_learn(&p, PORT, &iface_samr);
	if (!play_told(&p.observe, reason))
		fail_msg("%s: the reason is not %s", trick, rpcgate_reason_name(reason));
	play_end(&p);
}

/* An answer of several towers, to call 2 in context 0 */
static void answer_of(struct octets *o, const struct octets *towers, size_t n, uint32_t max)
{
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets stub = { 0 };

	epm_map_response(&stub, (struct ndr){ 0 }, towers, n, max, 0);
	octets_clear(o);
	pdu_call(o, &h, &reply, stub.p, stub.n);
	octets_free(&stub);
}

/* ---------------------------------------------------------- E1, E2 addresses */

static void e1_address_in_the_tower(void **state)
{
	static const char *const strange[] = { VICTIM_HOST, CLIENT_HOST,       "127.0.0.1",
					       "224.0.0.1", "255.255.255.255", "192.0.2.255" };
	static const char *const own[] = { "0.0.0.0", SERVER_HOST };
	struct octets o = { 0 };

	(void)state;
	play_answer_pdu(&o);
	for (size_t i = 0; i < COUNT(strange); i++) {
		const struct rpcgate_addr a = addr_of(strange[i]);

		memcpy(o.p + ANSWER_ADDRESS, a.octet + 12, 4);
		answered_for(strange[i], &o, RPCGATE_REASON_TOWER_ADDRESS);
	}
	for (size_t i = 0; i < COUNT(own); i++) {
		const struct rpcgate_addr a = addr_of(own[i]);

		memcpy(o.p + ANSWER_ADDRESS, a.octet + 12, 4);
		answered(own[i], &o, true);
	}
	octets_free(&o);
}

/* A mapper of the attacker's can open the attacker's own ports and nobody else's */
static void e2_a_mapper_names_a_victim(void **state)
{
	static const char *const says[] = { VICTIM_HOST, "0.0.0.0", OUTSIDER_HOST };

	(void)state;
	for (size_t i = 0; i < COUNT(says); i++) {
		struct octets bind = { 0 };
		struct play p;
		struct conn c;

		play_begin(&p, says[i]);
		c = play_dial(&p, CLIENT_HOST, OUTSIDER_HOST, 135);
		talk_map(&c, &iface_samr, PORT, says[i]);
		c = play_dial(&p, CLIENT_HOST, VICTIM_HOST, PORT);
		conn_open(&c);
		play_bind_pdu(&bind, &iface_samr);
		conn_data(&c, CLIENT, bind.p, bind.n);
		play_mark(&p);
		play_must_refuse(&p, &iface_samr);
		c = play_dial(&p, CLIENT_HOST, OUTSIDER_HOST, PORT);
		conn_open(&c);
		conn_data(&c, CLIENT, bind.p, bind.n);
		play_judge(&p);
		assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW), i > 0);
		play_end(&p);
		octets_free(&bind);
	}
}

/* ------------------------------------------------------------------ E3 ports */

static void e3_ports_that_are_never_opened(void **state)
{
	static const struct {
		uint16_t port;
		enum rpcgate_reason reason;
	} rows[] = {
		{ 0, RPCGATE_REASON_PORT_ZERO },          { 1, RPCGATE_REASON_PORT_PRIVILEGED },
		{ 135, RPCGATE_REASON_PORT_PRIVILEGED },  { 139, RPCGATE_REASON_PORT_PRIVILEGED },
		{ 445, RPCGATE_REASON_PORT_PRIVILEGED },  { 593, RPCGATE_REASON_PORT_PRIVILEGED },
		{ 1023, RPCGATE_REASON_PORT_PRIVILEGED }, { 1433, RPCGATE_REASON_PORT_RESERVED },
		{ 1434, RPCGATE_REASON_PORT_RESERVED },   { 3268, RPCGATE_REASON_PORT_RESERVED },
		{ 3269, RPCGATE_REASON_PORT_RESERVED },   { 3389, RPCGATE_REASON_PORT_RESERVED },
		{ 4500, RPCGATE_REASON_PORT_RESERVED },   { 5985, RPCGATE_REASON_PORT_RESERVED },
		{ 5986, RPCGATE_REASON_PORT_RESERVED },   { 9389, RPCGATE_REASON_PORT_RESERVED },
	};
	struct octets o = { 0 };

	(void)state;
	play_answer_pdu(&o);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct play p;
		struct conn c;

		octets_set16(&o, ANSWER_PORT, rows[i].port, true);
		play_begin(&p, rpcgate_reason_name(rows[i].reason));
		c = play_ask(&p);
		conn_send(&c, SERVER, o.p, o.n);
		play_judge(&p);
		if (play_grants(&p.observe, rows[i].port) || play_grants(&p.enforce, rows[i].port))
			fail_msg("port %u was granted", rows[i].port);
		if (!play_told(&p.observe, rows[i].reason))
			fail_msg("port %u: the reason is not %s", rows[i].port, p.trick);
		play_end(&p);
	}
	octets_set16(&o, ANSWER_PORT, PORT, true);
	answered("an ordinary port", &o, true);
	octets_free(&o);
}

static void e3_dynamic_range(void **state)
{
	struct play p;
	struct conn c;
	struct octets o = { 0 };

	(void)state;
	play_answer_pdu(&o);
	for (int inside = 0; inside < 2; inside++) {
		play_begin(&p, inside ? "inside the dynamic range" : "outside of it");
		p.cfg.dynamic_range.n = 1;
		p.cfg.dynamic_range.range[0].first = inside ? PORT : PORT + 1;
		p.cfg.dynamic_range.range[0].last = 65535;
		c = play_ask(&p);
		conn_send(&c, SERVER, o.p, o.n);
		play_judge(&p);
		assert_int_equal(play_grants(&p.enforce, PORT) > 0, inside);
		assert_int_equal(play_told(&p.observe, RPCGATE_REASON_PORT_OUT_OF_RANGE), !inside);
		play_end(&p);
	}
	octets_free(&o);
}

/* -------------------------------------------------------- E4 other interfaces */

static void e4_not_what_was_asked(void **state)
{
	struct octets towers[3] = { { 0 } }, o = { 0 };
	struct rpcgate_syntax later = iface_samr;
	struct play p;
	struct conn c;

	(void)state;
	tower_ip(&towers[0], &iface_drsuapi, FLOOR_TCP, PORT, SERVER_HOST);
	answer_of(&o, towers, 1, 4);
	play_begin(&p, "a tower for another interface");
	c = play_ask(&p);
	conn_send(&c, SERVER, o.p, o.n);
	play_must_not_learn(&p, PORT, &iface_drsuapi);
	assert_true(play_told(&p.observe, RPCGATE_REASON_WRONG_UUID));
	play_end(&p);

	/* one right tower among foreign ones opens its own port and no other */
	tower_ip(&towers[1], &iface_samr, FLOOR_TCP, PORT + 1, SERVER_HOST);
	tower_ip(&towers[2], &iface_lsarpc, FLOOR_TCP, PORT + 2, SERVER_HOST);
	answer_of(&o, towers, 3, 4);
	play_begin(&p, "a right tower among foreign ones");
	c = play_ask(&p);
	conn_send(&c, SERVER, o.p, o.n);
	play_must_learn(&p, PORT + 1, &iface_samr);
	assert_int_equal(play_grants(&p.enforce, PORT), 0);
	assert_int_equal(play_grants(&p.enforce, PORT + 2), 0);
	play_end(&p);

	later.major = 2;
	octets_clear(&towers[0]);
	tower_ip(&towers[0], &later, FLOOR_TCP, PORT, SERVER_HOST);
	answer_of(&o, towers, 1, 4);
	answered("another major version", &o, false);
	for (size_t i = 0; i < COUNT(towers); i++)
		octets_free(&towers[i]);
	octets_free(&o);
}

/* A listing opens nothing unless configured; then it opens what it lists */
static void e4_listings(void **state)
{
	(void)state;
	for (int grant = 0; grant < 2; grant++) {
		const struct head h = { .flags = 3, .call_id = 2 };
		const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_LOOKUP };
		const struct call reply = { .type = PTYPE_RESPONSE };
		struct entry entry = { .annotation = "x" };
		struct octets o = { 0 }, stub = { 0 };
		struct play p;
		struct conn c;

		play_begin(&p, grant ? "lookup=grant" : "lookup=learn");
		p.cfg.lookup = grant ? RPCGATE_LOOKUP_GRANT : RPCGATE_LOOKUP_LEARN;
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
		conn_open(&c);
		talk_bind(&c, &iface_epm, 1);
		epm_lookup_request(&stub, (struct ndr){ 0 }, 10);
		pdu_call(&o, &h, &ask, stub.p, stub.n);
		conn_send(&c, CLIENT, o.p, o.n);
		octets_clear(&o);
		octets_clear(&stub);
		tower_ip(&entry.tower, &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
		epm_lookup_response(&stub, (struct ndr){ 0 }, &entry, 1, 10, EPT_NOT_REGISTERED);
		pdu_call(&o, &h, &reply, stub.p, stub.n);
		conn_send(&c, SERVER, o.p, o.n);
		if (grant)
			play_must_learn(&p, PORT, &iface_samr);
		else
			play_must_not_learn(&p, PORT, &iface_samr);
		assert_int_equal(play_told(&p.observe, RPCGATE_REASON_LOOKUP_ONLY), !grant);
		play_end(&p);
		octets_free(&entry.tower);
		octets_free(&stub);
		octets_free(&o);
	}
}

/* ---------------------------------------------------------- E5 who was asked */

static void e5_answers_nobody_asked_for(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_answer_pdu(&o);
	play_begin(&p, "never asked");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	conn_send(&c, SERVER, o.p, o.n);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);

	play_begin(&p, "answered before asked");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	conn_send(&c, SERVER, o.p, o.n);
	talk_ask(&c, &iface_samr, 2);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);

	octets_set32(&o, 12, 3, false);
	answered("unknown call id", &o, false);
	octets_free(&o);
}

static void e5_a_call_is_answered_once(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_answer_pdu(&o);
	play_begin(&p, "a second answer");
	c = play_ask(&p);
	conn_send(&c, SERVER, o.p, o.n);
	octets_set16(&o, ANSWER_PORT, PORT + 1, true);
	conn_send(&c, SERVER, o.p, o.n);
	play_must_not_learn(&p, PORT + 1, &iface_samr);
	assert_int_not_equal(play_grants(&p.enforce, PORT), 0);
	play_end(&p);
	octets_free(&o);
}

static void e5_swapped_answers(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	/* two questions; each answer under the other's number is about the wrong interface */
	play_begin(&p, "swapped call ids");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	talk_ask(&c, &iface_samr, 2);
	talk_ask(&c, &iface_drsuapi, 3);
	talk_answer(&c, &iface_samr, 3, PORT, SERVER_HOST);
	talk_answer(&c, &iface_drsuapi, 2, PORT + 1, SERVER_HOST);
	play_must_not_learn(&p, PORT, &iface_samr);
	assert_int_equal(play_grants(&p.enforce, PORT + 1), 0);
	play_end(&p);

	play_begin(&p, "answers in the other order");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	talk_ask(&c, &iface_samr, 2);
	talk_ask(&c, &iface_drsuapi, 3);
	talk_answer(&c, &iface_drsuapi, 3, PORT + 1, SERVER_HOST);
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	play_must_learn(&p, PORT, &iface_samr);
	assert_int_not_equal(play_grants(&p.enforce, PORT + 1), 0);
	play_end(&p);
}

/* ----------------------------------------------------------- E6, E7 direction */

static void e6_forged_by_the_client(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_answer_pdu(&o);
	play_begin(&p, "the client answers itself");
	c = play_ask(&p);
	conn_send(&c, CLIENT, o.p, o.n);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&o);
}

/* The outsider connects from its port 135 and plays the mapper on its own connection */
static void e7_from_port_135(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "from port 135");
	c = play_dial(&p, SERVER_HOST, CLIENT_HOST, 50000);
	c.peer[CLIENT].port = 135;
	conn_open(&c); /* from now on the mapper's lines are spoken by the one who called */
	c.how = framing_plain;
	struct conn turned = c;

	turned.peer[CLIENT] = c.peer[SERVER];
	turned.peer[SERVER] = c.peer[CLIENT];
	talk_bind(&turned, &iface_epm, 1);
	talk_ask(&turned, &iface_samr, 2);
	play_answer_pdu(&o);
	conn_send(&turned, SERVER, o.p, o.n);
	play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&o);
}

/* A mapper where none is listed: seen, said, not believed */
static void e7_unlisted_mapper(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "a mapper on port 1135");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 1135);
	talk_map(&c, &iface_samr, PORT, SERVER_HOST);
	play_must_not_learn(&p, PORT, &iface_samr);
	assert_true(play_told(&p.observe, RPCGATE_REASON_MAPPER_UNLISTED));
	play_end(&p);
}

/* ---------------------------------------------------- E8, E9 context, opnum */

static void asked_with(const char *trick, const struct rpcgate_syntax *iface, uint16_t opnum,
		       uint16_t context_id, bool learned)
{
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = opnum, .context_id = context_id };
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };
	struct play p;
	struct conn c;

	play_begin(&p, trick);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, iface, 1);
	tower_ip(&tower, &iface_samr, FLOOR_TCP, 135, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	pdu_call(&o, &h, &ask, stub.p, stub.n);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	play_answer_pdu(&o);
	octets_set16(&o, ANSWER_CONTEXT, context_id, false);
	conn_send(&c, SERVER, o.p, o.n);
	if (learned)
		play_must_learn(&p, PORT, &iface_samr);
	else
		play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&o);
}

static void e8_not_the_mapping_operation(void **state)
{
	(void)state;
	asked_with("another interface on port 135", &iface_oxid, EPT_MAP, 0, false);
	asked_with("opnum 0", &iface_epm, 0, 0, false);
	asked_with("opnum 1", &iface_epm, 1, 0, false);
	asked_with("opnum 4", &iface_epm, 4, 0, false);
	asked_with("opnum 7", &iface_epm, 7, 0, false);
	asked_with("context that was never offered", &iface_epm, EPT_MAP, 1, false);
	asked_with("opnum 3", &iface_epm, EPT_MAP, 0, true);
}

/* The server refuses the context, or the whole Bind, and answers nevertheless */
static void e9_context_refused(void **state)
{
	(void)state;
	for (int nak = 0; nak < 2; nak++) {
		const struct answer no = { 2, 1, syntax_nil };
		struct octets o = { 0 };
		struct play p;
		struct conn c;

		play_begin(&p, nak ? "bind_nak, then an answer" : "refused, then an answer");
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
		conn_open(&c);
		play_bind_pdu(&o, &iface_epm);
		conn_send(&c, CLIENT, o.p, o.n);
		octets_clear(&o);
		if (nak)
			pdu_bind_nak(&o, &head_plain, 0);
		else
			pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "135", &no, 1, NULL);
		conn_send(&c, SERVER, o.p, o.n);
		octets_clear(&o);
		talk_ask(&c, &iface_samr, 2);
		play_answer_pdu(&o);
		conn_send(&c, SERVER, o.p, o.n);
		play_must_not_learn(&p, PORT, &iface_samr);
		play_end(&p);
		octets_free(&o);
	}
}

/* ------------------------------------------------- E10, E11 contradictions */

struct bend {
	const char *name;
	size_t at;
	uint32_t value;
	unsigned octets; /* 1, 2 or 4 */
};

static const struct bend bends[] = {
	{ "E10 status not zero", ANSWER_STATUS, EPT_NOT_REGISTERED, 4 },
	{ "E10 status 5", ANSWER_STATUS, 5, 4 },
	{ "E10 num_towers 0", ANSWER_NUM, 0, 4 },
	{ "E10 num_towers 2", ANSWER_NUM, 2, 4 },
	{ "E10 num_towers 2^32-1", ANSWER_NUM, 0xffffffff, 4 },
	{ "E10 max_count 0", ANSWER_MAX, 0, 4 },
	{ "E10 max_count above 500", ANSWER_MAX, 501, 4 },
	{ "E10 max_count 2^32-1", ANSWER_MAX, 0xffffffff, 4 },
	{ "E10 offset 1", ANSWER_OFFSET, 1, 4 },
	{ "E10 offset 2^32-1", ANSWER_OFFSET, 0xffffffff, 4 },
	{ "E10 actual_count 0", ANSWER_ACTUAL, 0, 4 },
	{ "E10 actual_count 2", ANSWER_ACTUAL, 2, 4 },
	{ "E10 actual_count 2^32-1", ANSWER_ACTUAL, 0xffffffff, 4 },
	{ "E10 null pointer that has a tower", ANSWER_REFERENT, 0, 4 },
	{ "E11 conformance one more", ANSWER_CONFORMANCE, 76, 4 },
	{ "E11 conformance 2^31-1", ANSWER_CONFORMANCE, 0x7fffffff, 4 },
	{ "E11 tower_length one less", ANSWER_TOWER_LENGTH, 74, 4 },
	{ "E11 tower_length 2^32-1", ANSWER_TOWER_LENGTH, 0xffffffff, 4 },
	{ "E11 floor count 4", ANSWER_TOWER, 4, 2 },
	{ "E11 floor count 6", ANSWER_TOWER, 6, 2 },
	{ "E11 floor count 65535", ANSWER_TOWER, 0xffff, 2 },
	{ "E11 floor count 0", ANSWER_TOWER, 0, 2 },
	{ "E11 first floor too long", ANSWER_TOWER + 2, 20, 2 },
	{ "E11 first floor of no length", ANSWER_TOWER + 2, 0, 2 },
	{ "E11 first floor 65535 long", ANSWER_TOWER + 2, 0xffff, 2 },
	{ "E11 first floor is no UUID", ANSWER_TOWER + 4, 0x07, 1 },
	{ "E11 second floor is no UUID", ANSWER_TOWER + 29, 0x07, 1 },
	{ "E11 floor 3 datagram", ANSWER_TOWER + 54, FLOOR_DATAGRAM, 1 },
	{ "E11 floor 3 local", ANSWER_TOWER + 54, FLOOR_LOCAL, 1 },
	{ "E11 floor 4 UDP", ANSWER_TOWER + 61, FLOOR_UDP, 1 },
	{ "E11 floor 4 pipe", ANSWER_TOWER + 61, FLOOR_PIPE, 1 },
	{ "E11 port of 1 octet", ANSWER_TOWER + 62, 1, 2 },
	{ "E11 port of 4 octets", ANSWER_TOWER + 62, 4, 2 },
	{ "E11 address of 3 octets", ANSWER_TOWER + 69, 3, 2 },
	{ "E11 address of 16 octets", ANSWER_TOWER + 69, 16, 2 },
};

static void e10_e11_contradictions(void **state)
{
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bends); i++) {
		octets_clear(&o);
		play_answer_pdu(&o);
		assert_int_equal(o.n, ANSWER_SIZE);
		for (unsigned k = 0; k < bends[i].octets; k++)
			o.p[bends[i].at + k] = (uint8_t)(bends[i].value >> 8 * k);
		answered(bends[i].name, &o, false);
	}
	octets_clear(&o);
	play_answer_pdu(&o);
	answered("nothing bent", &o, true);
	octets_free(&o);
}

static void e10_more_than_asked_or_left_over(void **state)
{
	struct octets towers[6] = { { 0 } }, o = { 0 };

	(void)state;
	for (uint16_t i = 0; i < COUNT(towers); i++)
		tower_ip(&towers[i], &iface_samr, FLOOR_TCP, (uint16_t)(PORT + i), SERVER_HOST);
	answer_of(&o, towers, 6, 6); /* play_ask() asks for four */
	answered("more towers than asked for", &o, false);
	answer_of(&o, towers, 4, 4);
	answered("as many as asked for", &o, true);
	answer_of(&o, towers, 1, 4);
	octets_put(&o, "left", 4);
	octets_set16(&o, 8, (unsigned)o.n, false);
	answered("octets behind the status", &o, false);
	answer_of(&o, towers, 1, 4);
	o.n -= 4;
	octets_set16(&o, 8, (unsigned)o.n, false);
	answered("no status", &o, false);
	for (size_t i = 0; i < COUNT(towers); i++)
		octets_free(&towers[i]);
	octets_free(&o);
}

static void e11_other_transports_do_no_harm(void **state)
{
	struct octets towers[4] = { { 0 } }, o = { 0 };

	(void)state;
	tower_pipe(&towers[0], &iface_samr, "\\pipe\\samr", "\\\\SERVER");
	tower_ip(&towers[1], &iface_samr, FLOOR_UDP, PORT + 1, SERVER_HOST);
	tower_lrpc(&towers[2], &iface_samr, "LRPC-0123");
	tower_ip(&towers[3], &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
	answer_of(&o, towers, 4, 4);
	answered("pipe, UDP and local towers first", &o, true);
	answer_of(&o, towers, 3, 4);
	answered("without the last", &o, false);
	for (size_t i = 0; i < COUNT(towers); i++)
		octets_free(&towers[i]);
	octets_free(&o);
}

/* -------------------------------------------------------- E12 transfer syntax */

static void in_layout(bool accepted_wide, bool sent_wide)
{
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct offer offer = { 0, iface_epm, 1, accepted_wide ? &syntax_ndr64 : &syntax_ndr };
	const struct answer yes = { 0, 0, accepted_wide ? syntax_ndr64 : syntax_ndr };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };
	struct play p;
	struct conn c;

	play_begin(&p, accepted_wide ? "NDR64 accepted" : "NDR accepted");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	pdu_bind(&o, &head_plain, PTYPE_BIND, &offer, 1, NULL);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "135", &yes, 1, NULL);
	conn_send(&c, SERVER, o.p, o.n);
	octets_clear(&o);
	tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
	epm_map_request(&stub, (struct ndr){ .wide = accepted_wide }, &tower, 4);
	pdu_call(&o, &h, &ask, stub.p, stub.n);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	octets_clear(&stub);
	epm_map_response(&stub, (struct ndr){ .wide = sent_wide }, &tower, 1, 4, 0);
	pdu_call(&o, &h, &reply, stub.p, stub.n);
	conn_send(&c, SERVER, o.p, o.n);
	if (accepted_wide == sent_wide)
		play_must_learn(&p, PORT, &iface_samr);
	else
		play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&o);
}

static void e12_layout_follows_the_context(void **state)
{
	(void)state;
	in_layout(false, true);
	in_layout(true, false);
	in_layout(false, false);
	in_layout(true, true);
}

/* ------------------------------------------------------------- E13 fragments */

struct piece {
	uint8_t flags;
	uint16_t context_id;
	uint32_t call_id;
};

/* The answer in two halves with the given heads */
static void in_pieces(const char *trick, const struct piece pieces[2], bool learned)
{
	struct octets whole = { 0 }, o = { 0 };
	size_t half = 64;

	play_answer_pdu(&whole);
	for (size_t i = 0; i < 2; i++) {
		const struct head h = { .flags = pieces[i].flags, .call_id = pieces[i].call_id };
		const struct call reply = { .type = PTYPE_RESPONSE,
					    .context_id = pieces[i].context_id };
		size_t off = PDU_CALL_HEAD + i * half;

		pdu_call(&o, &h, &reply, whole.p + off, i ? whole.n - off : half);
	}
	answered(trick, &o, learned);
	octets_free(&whole);
	octets_free(&o);
}

static void e13_fragments(void **state)
{
	(void)state;
	in_pieces("no first fragment", (struct piece[]){ { 0, 0, 2 }, { 2, 0, 2 } }, false);
	in_pieces("two first fragments", (struct piece[]){ { 1, 0, 2 }, { 3, 0, 2 } }, false);
	in_pieces("first twice", (struct piece[]){ { 1, 0, 2 }, { 1, 0, 2 } }, false);
	in_pieces("no last fragment", (struct piece[]){ { 1, 0, 2 }, { 0, 0, 2 } }, false);
	in_pieces("the tail of another call", (struct piece[]){ { 1, 0, 2 }, { 2, 0, 3 } }, false);
	in_pieces("another context", (struct piece[]){ { 1, 0, 2 }, { 2, 1, 2 } }, false);
	in_pieces("two fragments as they should be", (struct piece[]){ { 1, 0, 2 }, { 2, 0, 2 } },
		  true);
}

/* -------------------------------------------------------------- E14 to E17 */

static void e14_alloc_hint(void **state)
{
	static const uint32_t hints[] = { 0, 1, 0xffffffff };
	struct octets o = { 0 };

	(void)state;
	play_answer_pdu(&o);
	for (size_t i = 0; i < COUNT(hints); i++) {
		struct play p;
		struct conn c;

		octets_set32(&o, ANSWER_ALLOC_HINT, hints[i], false);
		play_begin(&p, "alloc_hint");
		c = play_ask(&p);
		conn_send(&c, SERVER, o.p, o.n);
		play_must_learn(&p, PORT, &iface_samr);
		assert_true(p.enforce.stats.buffer_octets_peak < 65536);
		play_end(&p);
	}
	octets_free(&o);
}

static void e16_the_interface_moves(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "moved to another port");
	play_map(&p, &iface_samr, PORT);
	play_map(&p, &iface_samr, PORT + 1);
	play_service(&p, PORT, &iface_samr);
	play_must_allow(&p, &iface_samr);
	play_must_learn(&p, PORT + 1, &iface_samr);
	play_end(&p);

	play_begin(&p, "a port nobody moved to");
	play_map(&p, &iface_samr, PORT);
	play_map(&p, &iface_samr, PORT + 1);
	play_must_not_learn(&p, PORT + 2, &iface_samr);
	play_end(&p);
}

/* Ports that were announced as moves, and from where: of the last one told */
static size_t moves(const struct outcome *out, uint16_t *from, uint16_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		if (e->type != RPCGATE_EVENT_BINDING || !e->u.binding.moved_from)
			continue;
		*from = e->u.binding.moved_from;
		*to = e->u.binding.port;
		n++;
	}
	return n;
}

static void map_as(struct play *p, const char *client, const struct rpcgate_syntax *iface,
		   const char *server, uint16_t port)
{
	struct conn c = play_dial(p, client, server, 135);

	talk_map(&c, iface, port, server);
}

static void map_two(struct play *p, uint16_t first, uint16_t second)
{
	struct octets towers[2] = { { 0 } }, o = { 0 };
	struct conn c = play_ask(p);

	tower_ip(&towers[0], &iface_samr, FLOOR_TCP, first, SERVER_HOST);
	tower_ip(&towers[1], &iface_samr, FLOOR_TCP, second, SERVER_HOST);
	answer_of(&o, towers, 2, 4);
	conn_send(&c, SERVER, o.p, o.n);
	octets_free(&towers[0]);
	octets_free(&towers[1]);
	octets_free(&o);
}

static void to_another_port(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	play_map(p, &iface_samr, PORT + 1);
}

static void told_to_another_client(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	map_as(p, OUTSIDER_HOST, &iface_samr, SERVER_HOST, PORT + 1);
}

static void nowhere(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	play_map(p, &iface_samr, PORT);
	play_map(p, &iface_lsarpc, PORT + 1);
	map_as(p, CLIENT_HOST, &iface_samr, VICTIM_HOST, PORT + 1);
}

/* Two ports of one interface, also when each answer names the other one */
static void to_and_fro(struct play *p)
{
	map_two(p, PORT, PORT + 1);
	play_map(p, &iface_samr, PORT);
	play_map(p, &iface_samr, PORT + 1);
	play_map(p, &iface_samr, PORT);
}

static void a_second_port_beside_the_first(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	map_two(p, PORT, PORT + 1);
}

static void long_after(struct play *p)
{
	p->cfg.pinhole_record_s = 60;
	play_map(p, &iface_samr, PORT);
	p->clock_ns += UINT64_C(361) * 1000000000;
	play_map(p, &iface_samr, PORT + 1);
}

/* Refused towers are nowhere */
static void to_a_reserved_port(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	play_map(p, &iface_samr, 3389);
}

static void the_record_made_room(struct play *p)
{
	p->cfg.max_bindings = 16;
	play_map(p, &iface_samr, PORT);
	for (uint16_t i = 1; i <= 16; i++)
		play_map(p, &iface_lsarpc, (uint16_t)(PORT + i));
	play_map(p, &iface_samr, PORT + 1);
}

static void e16_a_move_is_told(void **state)
{
	static const struct {
		const char *trick;
		void (*talk)(struct play *p);
		size_t moves;
	} rows[] = {
		{ "to another port", to_another_port, 1 },
		{ "told to another client", told_to_another_client, 1 },
		{ "nowhere", nowhere, 0 },
		{ "to and fro", to_and_fro, 0 },
		{ "a second port beside the first", a_second_port_beside_the_first, 0 },
		{ "long after", long_after, 0 },
		{ "to a reserved port", to_a_reserved_port, 0 },
		{ "the record made room", the_record_made_room, 15 }, /* lsarpc's */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint16_t from = 0, to = 0;
		struct play p;

		play_begin(&p, rows[i].trick);
		rows[i].talk(&p);
		play_judge(&p);
		if (moves(&p.enforce, &from, &to) != rows[i].moves ||
		    p.observe.stats.bindings_moved != rows[i].moves)
			fail_msg("%s: told %zu times", p.trick, moves(&p.enforce, &from, &to));
		assert_int_equal(to, rows[i].moves ? from + 1 : 0);
		play_end(&p);
	}
}

/* Sealed octets cannot be read: nothing is learned, and that is said once a connection */
static void e17_sealed_answers(void **state)
{
	(void)state;
	for (uint8_t level = 5; level <= 6; level++) {
		const struct auth auth = { 10, level, 1, "0123456789abcdef", 16 };
		const struct head h = { .flags = 3, .call_id = 2 };
		const struct call ask = { PTYPE_REQUEST, 0, EPT_MAP, NULL, &auth };
		const struct call reply = { PTYPE_RESPONSE, 0, 0, NULL, &auth };
		struct octets tower = { 0 }, stub = { 0 }, o = { 0 };
		struct play p;
		struct conn c;

		play_begin(&p, level == 6 ? "sealed" : "signed");
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
		conn_open(&c);
		talk_bind(&c, &iface_epm, 1);
		tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
		epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
		pdu_call(&o, &h, &ask, stub.p, stub.n);
		conn_send(&c, CLIENT, o.p, o.n);
		octets_clear(&o);
		octets_clear(&stub);
		epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
		pdu_call(&o, &h, &reply, stub.p, stub.n);
		conn_send(&c, SERVER, o.p, o.n);
		if (level == 6)
			play_must_not_learn(&p, PORT, &iface_samr);
		else
			play_must_learn(&p, PORT, &iface_samr);
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_SEALED), level == 6);
		play_end(&p);
		octets_free(&tower);
		octets_free(&stub);
		octets_free(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(e1_address_in_the_tower),
		cmocka_unit_test(e2_a_mapper_names_a_victim),
		cmocka_unit_test(e3_ports_that_are_never_opened),
		cmocka_unit_test(e3_dynamic_range),
		cmocka_unit_test(e4_not_what_was_asked),
		cmocka_unit_test(e4_listings),
		cmocka_unit_test(e5_answers_nobody_asked_for),
		cmocka_unit_test(e5_a_call_is_answered_once),
		cmocka_unit_test(e5_swapped_answers),
		cmocka_unit_test(e6_forged_by_the_client),
		cmocka_unit_test(e7_from_port_135),
		cmocka_unit_test(e7_unlisted_mapper),
		cmocka_unit_test(e8_not_the_mapping_operation),
		cmocka_unit_test(e9_context_refused),
		cmocka_unit_test(e10_e11_contradictions),
		cmocka_unit_test(e10_more_than_asked_or_left_over),
		cmocka_unit_test(e11_other_transports_do_no_harm),
		cmocka_unit_test(e12_layout_follows_the_context),
		cmocka_unit_test(e13_fragments),
		cmocka_unit_test(e14_alloc_hint),
		cmocka_unit_test(e16_the_interface_moves),
		cmocka_unit_test(e16_a_move_is_told),
		cmocka_unit_test(e17_sealed_answers),
	};

	return cmocka_run_group_tests_name("attacks on learning", tests, NULL, NULL);
}
