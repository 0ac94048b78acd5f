/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_conv.c - one RPC conversation: offers and their answers, calls and theirs, holes and ends
 *
 * Each row is a talk between one client and one server; what is expected is counted.
 */
#include <string.h>

#include "rows.h"
#include "verdict.h"

struct talk_row {
	const char *name;
	void (*talk)(struct play *p);
	size_t grants; /* announcements accepted */
	size_t closes; /* pinholes the server closed */
	size_t alerts; /* of this reason */
	enum rpcgate_reason reason;
};

/* ------------------------------------------------------------------- pieces */

static struct octets o; /* what is being said */

static void say(struct conn *c, enum side from)
{
	conn_send(c, from, o.p, o.n);
	octets_clear(&o);
}

static struct head call_head(uint32_t call_id)
{
	return (struct head){ .flags = 3, .call_id = call_id };
}

static void offer(struct conn *c, enum ptype type, uint32_t call_id, const struct offer *offers,
		  size_t n)
{
	const struct head h = call_head(call_id);

	pdu_bind(&o, &h, type, offers, n, NULL);
	say(c, CLIENT);
}

static void answer(struct conn *c, enum ptype type, uint32_t call_id, const struct answer *answers,
		   size_t n)
{
	const struct head h = call_head(call_id);

	pdu_bind_ack(&o, &h, type, "135", answers, n, NULL);
	say(c, SERVER);
}

static struct conn dial(struct play *p, uint16_t port)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, port);

	conn_open(&c);
	return c;
}

/* The right answer under any call id and context */
static void map_answer(struct conn *c, uint32_t call_id, uint16_t context)
{
	size_t at = o.n;

	play_answer_pdu(&o);
	octets_set32(&o, at + 12, call_id, false);
	octets_set16(&o, at + ANSWER_CONTEXT, context, false);
	say(c, SERVER);
}

static void map_question(struct conn *c, uint32_t call_id, uint16_t context,
			 const struct auth *auth)
{
	const struct call ask = {
		.type = PTYPE_REQUEST, .opnum = EPT_MAP, .context_id = context, .auth = auth
	};
	const struct head h = call_head(call_id);
	struct octets tower = { 0 }, stub = { 0 };

	tower_ip(&tower, &iface_samr, FLOOR_TCP, 135, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	pdu_call(&o, &h, &ask, stub.p, stub.n);
	say(c, CLIENT);
	octets_free(&tower);
	octets_free(&stub);
}

static const struct answer yes = { 0, 0, { { { 0 } }, 0, 0 } }; /* transfer is filled in */

static struct answer accepted(const struct rpcgate_syntax *transfer)
{
	struct answer a = yes;

	a.transfer = *transfer;
	return a;
}

static const struct answer no_syntax = { 2, 2, { { { 0 } }, 0, 0 } };
static const struct answer no_interface = { 2, 1, { { { 0 } }, 0, 0 } };

/* ----------------------------------------------------------- offers, answers */

static void as_it_should_be(struct play *p)
{
	play_map(p, &iface_samr, PORT);
}

static void before_the_answer_to_the_bind(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	map_question(&c, 2, 0, NULL);
	answer(&c, PTYPE_BIND_ACK, 1, &ok, 1);
	map_answer(&c, 2, 0);
}

static void bind_never_answered(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
}

static void bind_answered_under_another_id(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	answer(&c, PTYPE_BIND_ACK, 9, &ok, 1);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
}

static void more_answers_than_offers(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	const struct answer two[] = { accepted(&syntax_ndr), no_syntax };
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	answer(&c, PTYPE_BIND_ACK, 1, two, 2);
}

static void fewer_answers_than_offers(struct play *p)
{
	const struct offer two[] = { { 0, iface_epm, 1, &syntax_ndr },
				     { 1, iface_epm, 1, &syntax_ndr64 } };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, two, 2);
	answer(&c, PTYPE_BIND_ACK, 1, &ok, 1);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
	map_question(&c, 3, 1, NULL); /* this one got no answer: not accepted */
	map_answer(&c, 3, 1);
}

static void a_syntax_nobody_offered(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr64);
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	answer(&c, PTYPE_BIND_ACK, 1, &ok, 1);
}

static void features_negotiated(struct play *p)
{
	const struct offer two[] = { { 0, iface_epm, 1, &syntax_ndr },
				     { 1, iface_epm, 1, &syntax_features } };
	const struct answer results[] = { accepted(&syntax_ndr), { 3, 3, syntax_nil } };
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, two, 2);
	answer(&c, PTYPE_BIND_ACK, 1, results, 2);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
}

static void an_id_for_two_interfaces(struct play *p)
{
	const struct offer samr = { 0, iface_oxid, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	offer(&c, PTYPE_ALTER, 2, &samr, 1);
	answer(&c, PTYPE_ALTER_RESP, 2, &ok, 1);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

/* The same in one bind, where no id is in use yet */
static void an_id_offered_for_two_interfaces(struct play *p)
{
	const struct offer both[] = { { 0, iface_epm, 1, &syntax_ndr },
				      { 0, iface_oxid, 1, &syntax_ndr } };
	const struct answer ok[] = { accepted(&syntax_ndr), accepted(&syntax_ndr) };
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, both, 2);
	answer(&c, PTYPE_BIND_ACK, 1, ok, 2);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

static void an_id_refused_and_used_again(struct play *p)
{
	const struct offer both[] = { { 0, iface_oxid, 1, &syntax_ndr },
				      { 1, iface_oxid, 1, &syntax_ndr64 } };
	const struct offer epm = { 1, iface_epm, 1, &syntax_ndr };
	const struct answer first[] = { accepted(&syntax_ndr), no_syntax };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, both, 2);
	answer(&c, PTYPE_BIND_ACK, 1, first, 2);
	offer(&c, PTYPE_ALTER, 2, &epm, 1);
	answer(&c, PTYPE_ALTER_RESP, 2, &ok, 1);
	map_question(&c, 3, 1, NULL);
	map_answer(&c, 3, 1);
}

/* One bind is all; a refused one may be tried again where its server still listens */
static void bound_twice(struct play *p)
{
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	talk_bind(&c, &iface_epm, 2);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

static void bound_after_a_nak(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	pdu_bind_nak(&o, &head_plain, 1);
	say(&c, SERVER);
	talk_bind(&c, &iface_epm, 2);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

/* The legs of an authentication offer the same again */
static void the_same_interface_again(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	for (uint32_t leg = 2; leg < 90; leg++) {
		offer(&c, PTYPE_ALTER, leg, &epm, 1);
		answer(&c, PTYPE_ALTER_RESP, leg, &ok, 1);
	}
	map_question(&c, 100, 0, NULL);
	map_answer(&c, 100, 0);
}

/* One direction was captured: what is never answered makes room */
static void many_binds_never_answered(struct play *p)
{
	struct conn c = dial(p, 135);

	p->cfg.max_contexts = 2;
	for (uint32_t id = 1; id < 9; id++) {
		const struct offer epm = { (uint16_t)id, iface_epm, 1, &syntax_ndr };

		offer(&c, id > 1 ? PTYPE_ALTER : PTYPE_BIND, id, &epm, 1);
	}
}

static void one_of_two_layouts_refused(struct play *p)
{
	const struct offer two[] = { { 0, iface_samr, 1, &syntax_ndr },
				     { 1, iface_samr, 1, &syntax_ndr64 } };
	const struct answer results[] = { accepted(&syntax_ndr), no_interface };
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = dial(p, PORT);
	offer(&c, PTYPE_BIND, 1, two, 2);
	answer(&c, PTYPE_BIND_ACK, 1, results, 2);
}

static void the_first_of_two_layouts_refused(struct play *p)
{
	const struct offer two[] = { { 0, iface_samr, 1, &syntax_ndr },
				     { 1, iface_samr, 1, &syntax_ndr64 } };
	const struct answer results[] = { no_interface, accepted(&syntax_ndr64) };
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = dial(p, PORT);
	offer(&c, PTYPE_BIND, 1, two, 2);
	answer(&c, PTYPE_BIND_ACK, 1, results, 2);
}

static void the_only_one_refused(struct play *p)
{
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = ask_as(p, CLIENT_HOST, PORT, &iface_samr, 0);
	refuse_bind(&c, 2, 1);
}

/* Another interface that is refused closes nothing of this one */
static void a_denied_one_refused(struct play *p)
{
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = ask_as(p, CLIENT_HOST, PORT, &iface_drsuapi, 0);
	refuse_bind(&c, 2, 1);
}

/* A client that asks for a group nobody knows any more tries again without */
static void a_group_refused(struct play *p)
{
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = dial(p, PORT);
	play_bind_pdu(&o, &iface_samr);
	octets_set32(&o, 20, 0x1234, false);
	say(&c, CLIENT);
	nak_bind(&c, 0);
}

static void malformed_answer(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = dial(p, 135);

	offer(&c, PTYPE_BIND, 1, &epm, 1);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "135", &ok, 1, NULL);
	octets_set16(&o, 24, 60000, false); /* the secondary address */
	say(&c, SERVER);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
}

static void malformed_nak(struct play *p)
{
	struct conn c = ask_as(p, CLIENT_HOST, 135, &iface_epm, 0);

	pdu_bind_nak(&o, &head_plain, 4);
	o.p[18] = 200; /* versions */
	say(&c, SERVER);
}

/* -------------------------------------------------------------------- calls */

static struct conn asked(struct play *p)
{
	return play_ask(p);
}

static void a_fault_ends_a_call(struct play *p)
{
	struct conn c = asked(p);
	const struct head h = call_head(2);

	pdu_fault(&o, &h, 0, 0x1c010003);
	say(&c, SERVER);
	map_answer(&c, 2, 0);
}

static void a_fault_of_another_call(struct play *p)
{
	struct conn c = asked(p);
	const struct head h = call_head(7);

	pdu_fault(&o, &h, 0, 0x1c010003);
	say(&c, SERVER);
	map_answer(&c, 2, 0);
}

/* An alter_context may be refused by a fault: then its context never lives */
static void a_fault_refuses_an_alter_context(struct play *p)
{
	const struct offer wide = { 1, iface_epm, 1, &syntax_ndr };
	const struct answer ok = accepted(&syntax_ndr);
	const struct head h = call_head(5);
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	offer(&c, PTYPE_ALTER, 5, &wide, 1);
	pdu_fault(&o, &h, 0, 5);
	say(&c, SERVER);
	answer(&c, PTYPE_ALTER_RESP, 5, &ok, 1); /* too late */
	map_question(&c, 6, 1, NULL);
	map_answer(&c, 6, 1);
}

static void an_answer_in_another_context(struct play *p)
{
	struct conn c = asked(p);

	map_answer(&c, 2, 3);
}

static void an_answer_before_the_question_is_whole(struct play *p)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct head first = { .flags = 1, .call_id = 2 };
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	pdu_call(&o, &first, &ask, "half", 4);
	say(&c, CLIENT);
	map_answer(&c, 2, 0);
}

static void an_id_used_again(struct play *p)
{
	struct conn c = asked(p);

	map_answer(&c, 2, 0);
	for (int i = 0; i < 3; i++) {
		map_question(&c, 2, 0, NULL);
		map_answer(&c, 2, 0);
	}
}

static void asked_twice_under_one_id(struct play *p)
{
	struct conn c = asked(p);

	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
	map_answer(&c, 2, 0);
}

static void answered_out_of_turn(struct play *p)
{
	struct conn c = asked(p);

	map_question(&c, 3, 0, NULL);
	map_question(&c, 4, 0, NULL);
	map_answer(&c, 3, 0);
	map_answer(&c, 4, 0);
	map_answer(&c, 2, 0);
}

static const struct auth privacy = { 10, 6, 0, "0123456789abcdef", 16 };
static const struct auth integrity = { 10, 5, 0, "0123456789abcdef", 16 };

static void sealed_answer(struct conn *c, uint32_t call_id, const struct auth *auth)
{
	const struct call reply = { .type = PTYPE_RESPONSE, .auth = auth };
	const struct head h = call_head(call_id);

	pdu_call(&o, &h, &reply, "0123456789abcdef", 16);
	say(c, SERVER);
}

static void sealed_twice(struct play *p)
{
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	for (uint32_t id = 2; id < 5; id++) {
		map_question(&c, id, 0, &privacy);
		sealed_answer(&c, id, &privacy);
	}
}

static void only_the_answer_is_sealed(struct play *p)
{
	struct conn c = asked(p);

	sealed_answer(&c, 2, &privacy);
}

static void signed_is_not_sealed(struct play *p)
{
	const struct call reply = { .type = PTYPE_RESPONSE, .auth = &integrity };
	const struct head h = call_head(2);
	struct octets tower = { 0 }, stub = { 0 };
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	map_question(&c, 2, 0, &integrity);
	tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(&o, &h, &reply, stub.p, stub.n);
	say(&c, SERVER);
	octets_free(&tower);
	octets_free(&stub);
}

/* Padding that is longer than the stub */
static void malformed_call(struct play *p, enum side from)
{
	const struct call call = { .type = from == CLIENT ? PTYPE_REQUEST : PTYPE_RESPONSE,
				   .opnum = EPT_MAP,
				   .auth = &integrity };
	const struct head h = call_head(2);
	struct conn c = asked(p);

	pdu_call(&o, &h, &call, "stub", 4);
	o.p[o.n - 16 - 6] = 200;
	say(&c, from);
	map_answer(&c, 2, 0);
}

static void malformed_request(struct play *p)
{
	malformed_call(p, CLIENT);
}

static void malformed_response(struct play *p)
{
	malformed_call(p, SERVER);
}

/* -------------------------------------------------------------- the banner */

static void banner(struct play *p, size_t first, uint16_t port, bool captured_late)
{
	static const char text[] = "ncacn_http/1.0";
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, port);

	if (!captured_late)
		conn_open(&c);
	if (first)
		conn_data(&c, SERVER, text, first);
	conn_send(&c, SERVER, text + first, 14 - first);
	talk_bind(&c, &iface_epm, 1);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
}

static void banner_whole(struct play *p)
{
	banner(p, 0, 593, false);
}

static void banner_torn(struct play *p)
{
	for (size_t i = 1; i < 14; i++)
		banner(p, i, 593, false);
}

static void banner_midstream(struct play *p)
{
	banner(p, 0, 593, true);
}

static void banner_from_the_client(struct play *p)
{
	struct conn c = dial(p, 593);

	conn_send(&c, CLIENT, "ncacn_http/1.0", 14);
}

static void banner_with_a_slip(struct play *p)
{
	struct conn c = dial(p, 593);

	conn_send(&c, SERVER, "ncacn_http/1.1", 14);
}

static void banner_twice(struct play *p)
{
	struct conn c = dial(p, 593);

	conn_send(&c, SERVER, "ncacn_http/1.0ncacn_http/1.0", 28);
}

/* -------------------------------------------------------------------- holes */

/* A hole in the body of a request nobody reads loses nothing */
static void a_hole_in_a_skipped_body(struct play *p)
{
	static const uint8_t stub[3000];
	const struct call ask = { .type = PTYPE_REQUEST };
	const struct head h = call_head(2);
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = dial(p, PORT);
	talk_bind(&c, &iface_samr, 1);
	pdu_call(&o, &h, &ask, stub, sizeof(stub));
	conn_data(&c, CLIENT, o.p, 1000);
	conn_skip(&c, CLIENT, 1000);
	conn_data(&c, CLIENT, o.p + 2000, o.n - 2000);
	octets_clear(&o);
	conn_ack(&c, SERVER); /* it has them: the capture lost them */
	talk_alter(&c, &iface_samr, 1, 3);
}

/* A hole that goes on behind the body */
static void a_hole_beyond_a_skipped_body(struct play *p)
{
	static const uint8_t stub[3000];
	const struct call ask = { .type = PTYPE_REQUEST };
	const struct head h = call_head(2);
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = dial(p, PORT);
	talk_bind(&c, &iface_samr, 1);
	pdu_call(&o, &h, &ask, stub, sizeof(stub));
	conn_data(&c, CLIENT, o.p, 1000);
	octets_clear(&o);
	conn_skip(&c, CLIENT, 3000);
	conn_data(&c, CLIENT, "\0\0\0\0", 4); /* the rest of something */
	conn_ack(&c, SERVER);
	talk_alter(&c, &iface_samr, 1, 3);
}

/* A hole where PDUs may begin: what follows is found again, and not believed */
static void a_hole_between_pdus(struct play *p)
{
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	conn_skip(&c, CLIENT, 50);
	conn_skip(&c, SERVER, 50);
	conn_data(&c, CLIENT, "\0\0\0\0", 4); /* the rest of something */
	conn_ack(&c, SERVER);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
	conn_ack(&c, CLIENT);
}

/* The same in one direction: the answer is read, and told, and opens nothing */
static void a_hole_before_the_question(struct play *p)
{
	struct conn c = dial(p, 135);

	talk_bind(&c, &iface_epm, 1);
	conn_skip(&c, CLIENT, 50);
	conn_data(&c, CLIENT, "\0\0\0\0", 4);
	conn_ack(&c, SERVER);
	map_question(&c, 2, 0, NULL);
	map_answer(&c, 2, 0);
}

/* ------------------------------------------------------------------ framing */

static void a_trailer_off_its_place(struct play *p)
{
	const struct offer epm = { 0, iface_epm, 1, &syntax_ndr };
	struct conn c = dial(p, 135);

	pdu_bind(&o, &head_plain, PTYPE_BIND, &epm, 1, &integrity);
	octets_set16(&o, 10, 17, false);
	say(&c, CLIENT);
}

static void torn(struct play *p, size_t first)
{
	struct conn c = asked(p);

	conn_data(&c, SERVER, o.p, first);
	conn_send(&c, SERVER, o.p + first, o.n - first);
	octets_clear(&o);
}

static void a_torn_beginning_of_none(struct play *p)
{
	play_answer_pdu(&o);
	o.p[4] = 0x11; /* EBCDIC */
	torn(p, 3);
}

static void a_torn_pdu_from_the_wrong_side(struct play *p)
{
	play_answer_pdu(&o);
	o.p[2] = PTYPE_REQUEST;
	torn(p, 20);
}

static void a_torn_pdu(struct play *p)
{
	play_answer_pdu(&o);
	torn(p, 20);
}

/* ---------------------------------------------------------------- midstream */

/* In the middle of calls: nothing is known, and nothing is wrong */
static void midstream_requests(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	for (uint32_t id = 2; id < 5; id++) {
		map_question(&c, id, 0, NULL);
		map_answer(&c, id, 0);
	}
}

static void midstream_blocked(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	p->cfg.midstream = RPCGATE_MIDSTREAM_BLOCK;
	p->cfg.mode = RPCGATE_OBSERVE;
	talk_alter(&c, &iface_epm, 0, 2);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

static void midstream_passed(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	p->cfg.midstream = RPCGATE_MIDSTREAM_PASS;
	talk_alter(&c, &iface_epm, 0, 2);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

/* One PDU by chance proves nothing: no alarm when the next is none */
static void a_chance_beginning(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 4000);
	const struct call ask = { .type = PTYPE_REQUEST };

	pdu_call(&o, &head_plain, &ask, "x", 1);
	octets_put(&o, "and then something else", 23);
	say(&c, CLIENT);
}

/* The server's side is seen first */
static void the_server_is_seen_first(struct play *p)
{
	const struct answer ok = accepted(&syntax_ndr);
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	answer(&c, PTYPE_BIND_ACK, 1, &ok, 1);
	talk_alter(&c, &iface_epm, 0, 2);
	map_question(&c, 3, 0, NULL);
	map_answer(&c, 3, 0);
}

#define NONE RPCGATE_REASON_NONE
#define MALFORMED RPCGATE_REASON_MALFORMED_PDU
#define NOT_ASKED RPCGATE_REASON_NOT_ASKED
#define NOT_RPC RPCGATE_REASON_NOT_RPC
#define NOT_ACCEPTED RPCGATE_REASON_CONTEXT_NOT_ACCEPTED
#define SEALED RPCGATE_REASON_SEALED
#define DENIED RPCGATE_REASON_UUID_NOT_GRANTED

static const struct talk_row rows[] = {
	{ "as it should be", as_it_should_be, 1, 0, 0, NONE },
	{ "asked before the bind is answered", before_the_answer_to_the_bind, 1, 0, 0, NONE },
	{ "the bind is never answered", bind_never_answered, 0, 0, 1, NOT_ACCEPTED },
	{ "the bind is answered under another id", bind_answered_under_another_id, 0, 0, 1,
	  NOT_ACCEPTED },
	{ "more answers than offers", more_answers_than_offers, 0, 0, 1, MALFORMED },
	{ "fewer answers than offers", fewer_answers_than_offers, 1, 0, 0, NONE },
	{ "a syntax nobody offered is accepted", a_syntax_nobody_offered, 0, 0, 1, MALFORMED },
	{ "features are negotiated", features_negotiated, 1, 0, 0, NONE },
	{ "an id stands for two interfaces", an_id_for_two_interfaces, 0, 0, 1, MALFORMED },
	{ "an id is offered for two interfaces", an_id_offered_for_two_interfaces, 0, 0, 1,
	  MALFORMED },
	{ "a refused id is used for another", an_id_refused_and_used_again, 1, 0, 0, NONE },
	{ "a second bind", bound_twice, 0, 0, 1, MALFORMED },
	{ "a second bind after a bind_nak", bound_after_a_nak, 1, 0, 0, NONE },
	{ "the same interface again and again", the_same_interface_again, 1, 0, 0, NONE },
	{ "binds that are never answered", many_binds_never_answered, 0, 0, 0, NONE },
	{ "one of two layouts is refused", one_of_two_layouts_refused, 1, 0, 0, NONE },
	{ "the first of two layouts is refused", the_first_of_two_layouts_refused, 1, 0, 0, NONE },
	{ "the only one is refused", the_only_one_refused, 1, 1, 0, NONE },
	{ "one that was denied is refused", a_denied_one_refused, 1, 0, 1, DENIED },
	{ "a group is refused", a_group_refused, 1, 0, 0, NONE },
	{ "a malformed bind_ack", malformed_answer, 0, 0, 1, MALFORMED },
	{ "a malformed bind_nak", malformed_nak, 0, 0, 1, MALFORMED },
	{ "a fault ends its call", a_fault_ends_a_call, 0, 0, 1, NOT_ASKED },
	{ "a fault of another call does not", a_fault_of_another_call, 1, 0, 0, NONE },
	{ "a fault refuses an alter_context", a_fault_refuses_an_alter_context, 0, 0, 0, NONE },
	{ "an answer in another context", an_answer_in_another_context, 0, 0, 1, MALFORMED },
	{ "an answer before the question is whole", an_answer_before_the_question_is_whole, 0, 0, 1,
	  NOT_ASKED },
	{ "an id is used again", an_id_used_again, 4, 0, 0, NONE },
	{ "asked twice under one id, answered twice", asked_twice_under_one_id, 1, 0, 1,
	  NOT_ASKED },
	{ "answered out of turn", answered_out_of_turn, 3, 0, 0, NONE },
	{ "sealed answers are told once", sealed_twice, 0, 0, 1, SEALED },
	{ "only the answer is sealed", only_the_answer_is_sealed, 0, 0, 1, SEALED },
	{ "signed is not sealed", signed_is_not_sealed, 1, 0, 0, NONE },
	{ "a malformed request", malformed_request, 0, 0, 1, MALFORMED },
	{ "a malformed response", malformed_response, 0, 0, 1, MALFORMED },
	{ "the banner of RPC over HTTP", banner_whole, 1, 0, 0, NONE },
	{ "the same, torn anywhere", banner_torn, 13, 0, 0, NONE },
	{ "the same, captured late", banner_midstream, 1, 0, 0, NONE },
	{ "a client has no banner", banner_from_the_client, 0, 0, 1, NOT_RPC },
	{ "a banner with a slip", banner_with_a_slip, 0, 0, 1, NOT_RPC },
	{ "a banner comes once", banner_twice, 0, 0, 1, NOT_RPC },
	{ "a hole in a body nobody reads", a_hole_in_a_skipped_body, 1, 0, 0, NONE },
	{ "a hole beyond a body nobody reads", a_hole_beyond_a_skipped_body, 1, 0, 1,
	  RPCGATE_REASON_REASSEMBLY_GAP },
	{ "a hole between PDUs", a_hole_between_pdus, 0, 0, 0, NONE },
	{ "a hole before the question", a_hole_before_the_question, 0, 0, 0, NONE },
	{ "a trailer off its place", a_trailer_off_its_place, 0, 0, 1, MALFORMED },
	{ "a torn PDU", a_torn_pdu, 1, 0, 0, NONE },
	{ "a torn beginning that is none", a_torn_beginning_of_none, 0, 0, 1, MALFORMED },
	{ "a torn PDU from the wrong side", a_torn_pdu_from_the_wrong_side, 0, 0, 1, MALFORMED },
	{ "in the middle of calls", midstream_requests, 0, 0, 0, NONE },
	{ "midstream=block learns nothing", midstream_blocked, 0, 0, 1, RPCGATE_REASON_MIDSTREAM },
	{ "midstream=pass learns nothing", midstream_passed, 0, 0, 0, NONE },
	{ "a beginning by chance", a_chance_beginning, 0, 0, 0, NONE },
	{ "the server is seen first", the_server_is_seen_first, 1, 0, 0, NONE },
};

static void check(const struct talk_row *row, const struct outcome *out)
{
	size_t alerts = play_alerts(out, RPCGATE_REASON_COUNT);

	if (out->stats.bindings_accepted != row->grants)
		fail_msg("%llu grants", (unsigned long long)out->stats.bindings_accepted);
	if (pinhole_events(out, RPCGATE_PINHOLE_CLOSE) != row->closes)
		fail_msg("%zu pinholes were closed", pinhole_events(out, RPCGATE_PINHOLE_CLOSE));
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_ALERT &&
		    out->at[i].event.u.alert.reason != row->reason)
			fail_msg("alert %s", rpcgate_reason_name(out->at[i].event.u.alert.reason));
	if (alerts != row->alerts)
		fail_msg("%zu alerts", alerts);
	if (out->stats.pdus_malformed != (row->reason == MALFORMED ? row->alerts : 0))
		fail_msg("%llu malformed PDUs", (unsigned long long)out->stats.pdus_malformed);
}

static void talk_row(void **state)
{
	const struct talk_row *row = *state;
	struct play p;

	octets_clear(&o);
	play_begin(&p, row->name);
	row->talk(&p);
	play_judge(&p);
	check(row, &p.observe);
	check(row, &p.enforce);
	play_end(&p);
	octets_free(&o);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, talk_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
