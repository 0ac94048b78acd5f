/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks with DCE/RPC itself, D1 to D17: every interface a server would open is judged, whatever
 * the PDU around it looks like.  Every attack has a harmless twin that must get through.
 */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A connection to PORT on which the server has announced samr to this client */
static struct conn granted(struct play *p, const char *trick)
{
	struct conn c;

	play_begin(p, trick);
	play_map(p, &iface_samr, PORT);
	c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	return c;
}

/* Send octets as they are in one packet and judge: nothing may have been allowed on the way */
static void must_cut(const char *trick, const struct octets *o)
{
	struct play p;
	struct conn c = granted(&p, trick);

	conn_at(&c, CLIENT, 0, o->p, o->n);
	play_mark(&p);
	play_must_refuse(&p, &iface_drsuapi);
	if (play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW))
		fail_msg("%s: samr was allowed although the PDU is refused", trick);
	play_end(&p);
}

/* The same, where something before the refused PDU was rightly allowed */
static void must_cut_later(const char *trick, const struct octets *o)
{
	struct play p;
	struct conn c = granted(&p, trick);

	conn_at(&c, CLIENT, 0, o->p, o->n);
	play_mark(&p);
	play_must_refuse(&p, &iface_drsuapi);
	play_end(&p);
}

static void must_pass(const char *trick, const struct octets *o)
{
	struct play p;
	struct conn c = granted(&p, trick);

	conn_at(&c, CLIENT, 0, o->p, o->n);
	play_mark(&p);
	play_must_allow(&p, &iface_samr);
	play_end(&p);
}

/* ---------------------------------------------------------- D1, D2 contexts */

static void bind_of(struct octets *o, enum ptype type, size_t n, size_t forbidden_at,
		    const struct rpcgate_syntax *transfer, uint8_t n_transfer)
{
	struct offer offers[255];

	for (size_t i = 0; i < n; i++)
		offers[i] = (struct offer){ (uint16_t)i,
					    i == forbidden_at ? iface_drsuapi : iface_samr,
					    n_transfer, transfer };
	octets_clear(o);
	pdu_bind(o, &head_plain, type, offers, n, NULL);
}

static void d1_every_context_is_judged(void **state)
{
	static const size_t places[] = { 1, 2, 17, 63 };
	struct rpcgate_syntax many[255];
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(places); i++) {
		bind_of(&o, PTYPE_BIND, places[i] + 1, places[i], &syntax_ndr, 1);
		must_cut_later("a forbidden context behind allowed ones", &o);
		bind_of(&o, PTYPE_BIND, places[i] + 1, SIZE_MAX, &syntax_ndr, 1);
		must_pass("as many allowed contexts", &o);
	}
	bind_of(&o, PTYPE_BIND, 255, 254, &syntax_ndr, 1);
	must_cut_later("255 contexts, the last forbidden", &o);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = i ? syntax_ndr64 : syntax_ndr;
	bind_of(&o, PTYPE_BIND, 2, 1, many, 255);
	must_cut_later("behind 255 transfer syntaxes", &o);
	bind_of(&o, PTYPE_BIND, 2, SIZE_MAX, many, 255);
	must_pass("255 transfer syntaxes", &o);
	octets_free(&o);
}

static void d2_every_definition_is_judged(void **state)
{
	const struct offer twice[] = { { 0, iface_samr, 1, &syntax_ndr },
				       { 0, iface_drsuapi, 1, &syntax_ndr } };
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	pdu_bind(&o, &head_plain, PTYPE_BIND, twice, COUNT(twice), NULL);
	must_cut_later("one id for two interfaces", &o);
	octets_free(&o);

	c = granted(&p, "an id defined again");
	talk_bind(&c, &iface_samr, 1);
	talk_alter(&c, &iface_drsuapi, 0, 2);
	p.marked = p.packets.n - 4; /* alter_context, ack, answer, ack */
	play_must_refuse(&p, &iface_drsuapi);
	play_end(&p);

	c = granted(&p, "an id defined again as it was");
	talk_bind(&c, &iface_samr, 1);
	talk_alter(&c, &iface_samr, 0, 2);
	play_must_allow(&p, &iface_samr);
	play_end(&p);
}

/* Both interfaces may be asked for, but not under one id: a server that accepted that would serve
 * what nobody can tell */
static void d2_an_id_keeps_its_interface(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < 2; id++) {
		struct play p;
		struct conn c;

		play_begin(&p, id ? "another id" : "an id for another granted interface");
		play_map(&p, &iface_lsarpc, PORT);
		play_map(&p, &iface_samr, PORT);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		talk_bind(&c, &iface_samr, 1);
		talk_alter(&c, &iface_lsarpc, id, 2);
		p.marked = p.packets.n - 4; /* alter_context, ack, answer, ack */
		if (id)
			play_must_allow(&p, &iface_lsarpc);
		else
			play_must_refuse_for(&p, &iface_lsarpc, RPCGATE_REASON_MALFORMED_PDU);
		play_end(&p);
	}
}

/* -------------------------------------------------------- D3 alter_context */

static void altered(const char *trick, const struct rpcgate_syntax *iface, bool bound, bool called)
{
	const struct offer offer = { 1, *iface, 1, &syntax_ndr };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	struct octets o = { 0 };
	struct play p;
	struct conn c = granted(&p, trick);

	if (bound)
		talk_bind(&c, &iface_samr, 1);
	if (called) {
		pdu_call(&o, &head_plain, &ask, "1234", 4);
		conn_send(&c, CLIENT, o.p, o.n);
		octets_clear(&o);
	}
	pdu_bind(&o, &head_plain, PTYPE_ALTER, &offer, 1, NULL);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	if (iface == &iface_samr)
		play_must_allow(&p, iface);
	else
		play_must_refuse(&p, iface);
	play_end(&p);
	octets_free(&o);
}

static void d3_alter_context_is_a_bind(void **state)
{
	(void)state;
	altered("alter_context after approval", &iface_drsuapi, true, false);
	altered("alter_context after a call", &iface_drsuapi, true, true);
	altered("alter_context instead of a Bind", &iface_drsuapi, false, false);
	altered("allowed alter_context", &iface_samr, true, false);
	altered("allowed alter_context after a call", &iface_samr, true, true);
}

/* ---------------------------------------------------------- D4, D5 fragments */

static void d4_flags_do_not_matter(void **state)
{
	static const uint8_t flags[] = { 0x00, 0x01, 0x02, 0x03, 0x08, 0x20, 0x40, 0x80, 0xff };
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		play_bind_pdu(&o, &iface_drsuapi);
		o.p[3] = flags[i];
		must_cut("odd flags on a Bind", &o);
		octets_clear(&o);
		play_bind_pdu(&o, &iface_samr);
		o.p[3] = flags[i];
		must_pass("odd flags on a Bind", &o);
		octets_clear(&o);
	}
	for (size_t i = 0; i < COUNT(flags); i++) {
		const struct offer offer = { 1, iface_drsuapi, 1, &syntax_ndr };
		size_t at;

		play_bind_pdu(&o, &iface_samr);
		at = o.n;
		pdu_bind(&o, &head_plain, PTYPE_ALTER, &offer, 1, NULL);
		o.p[at + 3] = flags[i];
		must_cut_later("odd flags on an alter_context", &o);
		octets_clear(&o);
	}
	octets_free(&o);
}

static void d5_a_bind_is_one_fragment(void **state)
{
	struct octets whole = { 0 }, o = { 0 };
	uint8_t body[44];

	(void)state;
	bind_of(&whole, PTYPE_BIND, 2, 1, &syntax_ndr, 1);
	memcpy(body, whole.p + 72, sizeof(body));
	octets_put(&o, whole.p, 72); /* two contexts announced, one there */
	o.p[3] = 0x01;
	octets_set16(&o, 8, 72, false);
	octets_put(&o, whole.p, 16);
	octets_set16(&o, 72 + 8, 16 + 44, false);
	o.p[72 + 3] = 0x02;
	octets_put(&o, body, sizeof(body));
	must_cut("a Bind in two fragments", &o);
	octets_clear(&whole);
	play_bind_pdu(&whole, &iface_samr);
	must_pass("a whole Bind", &whole);
	octets_free(&whole);
	octets_free(&o);
}

/* ------------------------------------------------------ D6 more than one PDU */

static void d6_parse_to_the_end(void **state)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	const struct offer late = { 1, iface_drsuapi, 1, &syntax_ndr };
	struct octets o = { 0 };

	(void)state;
	play_bind_pdu(&o, &iface_samr);
	play_bind_pdu(&o, &iface_drsuapi);
	must_cut_later("two Binds in one segment", &o);
	octets_clear(&o);
	play_bind_pdu(&o, &iface_samr);
	pdu_call(&o, &head_plain, &ask, "stub", 4);
	pdu_call(&o, &head_plain, &ask, "stub", 4);
	pdu_bind(&o, &head_plain, PTYPE_ALTER, &late, 1, NULL);
	must_cut_later("behind two requests in one segment", &o);
	octets_clear(&o);
	play_bind_pdu(&o, &iface_samr);
	pdu_call(&o, &head_plain, &ask, "stub", 4);
	must_pass("a Bind and a request in one segment", &o);
	octets_free(&o);
}

static void d6_bind_after_a_call(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	c = granted(&p, "a second Bind after a finished call");
	talk_bind(&c, &iface_samr, 1);
	talk_ask(&c, &iface_samr, 2); /* any request will do */
	talk_answer(&c, &iface_samr, 2, PORT, SERVER_HOST);
	play_bind_pdu(&o, &iface_drsuapi);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_refuse(&p, &iface_drsuapi);
	play_end(&p);
	octets_free(&o);
}

/* Servers answer it with bind_nak, and close: what it asks for does not matter */
static void d6_a_second_bind(void **state)
{
	struct octets o = { 0 };

	(void)state;
	for (int second = 0; second < 2; second++) {
		struct play p;
		struct conn c = granted(&p, second ? "a second Bind" : "an alter_context instead");
		const struct offer offer = { 0, iface_samr, 1, &syntax_ndr };

		talk_bind(&c, &iface_samr, 1);
		octets_clear(&o);
		pdu_bind(&o, &head_plain, second ? PTYPE_BIND : PTYPE_ALTER, &offer, 1, NULL);
		conn_data(&c, CLIENT, o.p, o.n);
		play_mark(&p);
		play_judge(&p);
		assert_int_equal(play_binds(&p.observe, &iface_samr, PORT, RPCGATE_DENY), second);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_MALFORMED_PDU), second);
		assert_int_equal(p.enforce.stats.pdus_malformed, second);
		assert_int_equal(p.enforce.action[p.marked],
				 second ? RPCGATE_REJECT : RPCGATE_PASS);
		play_end(&p);
	}
	octets_free(&o);
}

/* ------------------------------------------------------------ D7 byte order */

static void d7_byte_order(void **state)
{
	const struct head big = { .flags = 3, .big = true, .call_id = 1 };
	struct octets o = { 0 };

	(void)state;
	for (int forbidden = 0; forbidden < 2; forbidden++) {
		const struct offer offer = { 0, forbidden ? iface_drsuapi : iface_samr, 1,
					     &syntax_ndr };

		octets_clear(&o);
		pdu_bind(&o, &big, PTYPE_BIND, &offer, 1, NULL);
		if (forbidden)
			must_cut("big-endian", &o);
		else
			must_pass("big-endian", &o);
	}
	play_bind_pdu(&o, &iface_samr);
	o.p[4] = 0x20;
	must_cut("a byte order that does not exist", &o);
	octets_free(&o);
}

static void d7_byte_order_changes_in_a_call(void **state)
{
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets answer = { 0 }, o = { 0 };
	struct head first = { .flags = 1, .call_id = 2 }, last = { .flags = 2, .call_id = 2 };

	(void)state;
	play_answer_pdu(&answer);
	for (int change = 0; change < 2; change++) {
		struct play p;
		struct conn c;

		last.big = change;
		octets_clear(&o);
		pdu_call(&o, &first, &reply, answer.p + 24, 64);
		pdu_call(&o, &last, &reply, answer.p + 24 + 64, answer.n - 24 - 64);
		play_begin(&p, "fragments of two byte orders");
		c = play_ask(&p);
		conn_send(&c, SERVER, o.p, o.n);
		if (change)
			play_must_not_learn(&p, PORT, &iface_samr);
		else
			play_must_learn(&p, PORT, &iface_samr);
		play_end(&p);
	}
	octets_free(&answer);
	octets_free(&o);
}

/* The same where bodies are not read, of requests and of answers */
static void d7_byte_order_changes_in_a_skipped_call(void **state)
{
	static const struct {
		const char *trick;
		enum side side;
		uint32_t last_id;
		bool last_big;
		bool malformed;
	} rows[] = {
		{ "a request in two byte orders", CLIENT, 2, true, true },
		{ "a request in one", CLIENT, 2, false, false },
		{ "an answer in two byte orders", SERVER, 2, true, true },
		{ "an answer in one", SERVER, 2, false, false },
		{ "answers in turn, each in its own", SERVER, 3, true, false },
	};
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct head first = { .flags = 1, .call_id = 2 };
		const struct head last = { .flags = 2,
					   .call_id = rows[i].last_id,
					   .big = rows[i].last_big };
		const struct call call = { .type = rows[i].side == CLIENT ? PTYPE_REQUEST :
									    PTYPE_RESPONSE,
					   .opnum = 1 };
		struct play p;
		struct conn c = granted(&p, rows[i].trick);

		talk_bind(&c, &iface_samr, 1);
		octets_clear(&o);
		pdu_call(&o, &first, &call, "some octets", 12);
		pdu_call(&o, &last, &call, "and more", 8);
		conn_data(&c, rows[i].side, o.p, o.n);
		play_mark(&p);
		play_judge(&p);
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_MALFORMED_PDU),
				 rows[i].malformed);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), rows[i].malformed);
		assert_int_equal(p.enforce.action[p.marked],
				 rows[i].malformed ? RPCGATE_REJECT : RPCGATE_PASS);
		play_end(&p);
	}
	octets_free(&o);
}

/* -------------------------------------------------- D8 to D10 lengths, counts */

struct bend {
	const char *name;
	size_t at;
	unsigned value;
	bool wide; /* two octets */
};

static const struct bend bends[] = {
	{ "D8 frag_length 0", 8, 0, true },
	{ "D8 frag_length 15", 8, 15, true },
	{ "D8 frag_length 16", 8, 16, true },
	{ "D8 frag_length inside a UUID", 8, 40, true },
	{ "D8 frag_length one short", 8, 71, true },
	{ "D9 auth_length beyond the fragment", 10, 5000, true },
	{ "D9 auth_length 65535", 10, 0xffff, true },
	{ "D9 auth_length claims the contexts", 10, 36, true },
	{ "D10 no contexts", 24, 0, false },
	{ "D10 more contexts than there are", 24, 3, false },
	{ "D10 255 contexts", 24, 255, false },
	{ "D10 no transfer syntax", 30, 0, false },
	{ "D10 more transfer syntaxes than there are", 30, 2, false },
	{ "D10 255 transfer syntaxes", 30, 255, false },
	{ "D12 major version 4", 0, 4, false },
	{ "D12 major version 6", 0, 6, false },
	{ "D12 minor version 2", 1, 2, false },
	{ "D12 unknown type", 2, 99, false },
	{ "D12 connectionless type", 2, 1, false },
	{ "D12 RTS outside of HTTP", 2, 20, false },
};

static void d8_d9_d10_d12_fields_that_cannot_be(void **state)
{
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bends); i++) {
		octets_clear(&o);
		play_bind_pdu(&o, &iface_samr);
		if (bends[i].wide)
			octets_set16(&o, bends[i].at, bends[i].value, false);
		else
			o.p[bends[i].at] = (uint8_t)bends[i].value;
		must_cut(bends[i].name, &o);
	}
	octets_clear(&o);
	play_bind_pdu(&o, &iface_samr);
	must_pass("nothing bent", &o);
	octets_free(&o);
}

static const struct rpcgate_event *first_alert(const struct outcome *out)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_ALERT)
			return &out->at[i].event;
	return NULL;
}

/* What begins as RPC does is not taken for another protocol, and its connection has an end */
static void d8_d9_d10_are_told_as_malformed(void **state)
{
	static const struct bend *bent[] = { &bends[0],  &bends[3],  &bends[5],
					     &bends[7],  &bends[8],  &bends[9],
					     &bends[11], &bends[12], &bends[13] };
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bent); i++) {
		const struct rpcgate_event *e;
		struct play p;
		struct conn c = granted(&p, bent[i]->name);

		octets_clear(&o);
		play_bind_pdu(&o, &iface_samr);
		o.p[12] = 77; /* call id */
		if (bent[i]->wide)
			octets_set16(&o, bent[i]->at, bent[i]->value, false);
		else
			o.p[bent[i]->at] = (uint8_t)bent[i]->value;
		conn_data(&c, CLIENT, o.p, o.n);
		play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_MALFORMED_PDU);
		e = first_alert(&p.enforce);
		assert_non_null(e);
		assert_int_equal(e->u.alert.ptype, PTYPE_BIND);
		assert_int_equal(e->u.alert.call_id, 77);
		assert_int_equal(p.observe.stats.flows_rpc, 2);
		assert_int_equal(p.observe.stats.flows_not_rpc, 0);
		assert_int_equal(p.observe.stats.pdus_malformed, 1);
		play_end(&p);
	}
	octets_free(&o);
}

/* Where nobody announced a port, other protocols may begin with the same octets */
static void d15_a_request_elsewhere_is_not_ours(void **state)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "a request before a bind, on a port of nobody");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 8080);
	conn_open(&c);
	pdu_call(&o, &head_plain, &ask, "stub", 4);
	conn_data(&c, CLIENT, o.p, o.n);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_COUNT), 0);
	assert_int_equal(p.enforce.action[p.marked], RPCGATE_PASS);
	play_end(&p);
	octets_free(&o);
}

/* A frame of 65535 octets swallows what follows: for the server as for us */
static void d8_the_length_is_the_frame(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	c = granted(&p, "frag_length 65535");
	play_bind_pdu(&o, &iface_samr);
	octets_set16(&o, 8, 0xffff, false);
	play_bind_pdu(&o, &iface_drsuapi);
	conn_data(&c, CLIENT, o.p, o.n);
	play_judge(&p);
	assert_int_equal(play_binds(&p.enforce, NULL, PORT, RPCGATE_ALLOW), 0);
	assert_int_equal(play_binds(&p.observe, NULL, PORT, RPCGATE_ALLOW), 0);
	play_end(&p);
	octets_free(&o);
}

/* Servers take requests of 5840 octets whatever was negotiated, and longer ones if they said so */
static void d8_longer_than_negotiated(void **state)
{
	static const struct {
		uint16_t negotiated;
		uint16_t octets; /* of the fragment */
		bool malformed;
	} rows[] = {
		{ 4280, 5840, false }, { 5840, 5840, false }, { 5840, 5848, true },
		{ 4280, 65528, true }, { 8192, 8192, false }, { 8192, 8200, true },
	};
	static const uint8_t stub[65536];
	const struct offer offer = { 0, iface_samr, 1, &syntax_ndr };
	const struct answer ok = { 0, 0, syntax_ndr };
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		const enum side side = i % 2 ? SERVER : CLIENT;
		const struct call call = { .type = side == CLIENT ? PTYPE_REQUEST :
								    PTYPE_RESPONSE };
		struct play p;
		struct conn c = granted(&p, side == CLIENT ? "a long request" : "a long answer");

		octets_clear(&o);
		pdu_bind(&o, &head_plain, PTYPE_BIND, &offer, 1, NULL);
		conn_send(&c, CLIENT, o.p, o.n);
		octets_clear(&o);
		pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "", &ok, 1, NULL);
		octets_set16(&o, 16, rows[i / 2].negotiated, false);
		octets_set16(&o, 18, rows[i / 2].negotiated, false);
		conn_send(&c, SERVER, o.p, o.n);
		octets_clear(&o);
		pdu_call(&o, &head_plain, &call, stub, rows[i / 2].octets - PDU_CALL_HEAD);
		conn_data(&c, side, o.p, 100);
		play_mark(&p);
		play_judge(&p);
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_MALFORMED_PDU),
				 rows[i / 2].malformed);
		assert_int_equal(p.enforce.action[p.marked],
				 rows[i / 2].malformed ? RPCGATE_REJECT : RPCGATE_PASS);
		play_end(&p);
	}
	octets_free(&o);
}

static void d9_trailer_is_taken_off_first(void **state)
{
	static const uint8_t token[60] = { 'N', 'T', 'L', 'M', 'S', 'S', 'P' };
	const struct auth auth = { 10, 5, 1, token, sizeof(token) };
	struct octets o = { 0 };

	(void)state;
	for (int forbidden = 0; forbidden < 2; forbidden++) {
		const struct offer offer = { 0, forbidden ? iface_drsuapi : iface_samr, 1,
					     &syntax_ndr };

		octets_clear(&o);
		pdu_bind(&o, &head_plain, PTYPE_BIND, &offer, 1, &auth);
		if (forbidden)
			must_cut("with a trailer", &o);
		else
			must_pass("with a trailer", &o);
	}
	octets_free(&o);
}

/* ---------------------------------------------------------- D11, D12 headers */

static void d11_junk_is_not_searched(void **state)
{
	struct octets o = { 0 };

	(void)state;
	octets_put(&o, "junk", 4);
	play_bind_pdu(&o, &iface_samr);
	must_cut("junk in front of a Bind", &o);
	octets_clear(&o);
	play_bind_pdu(&o, &iface_samr);
	octets_put(&o, "junk", 4);
	play_bind_pdu(&o, &iface_drsuapi);
	must_cut_later("junk between two PDUs", &o);
	octets_free(&o);
}

static void d12_minor_version_one(void **state)
{
	struct octets o = { 0 };

	(void)state;
	play_bind_pdu(&o, &iface_drsuapi);
	o.p[1] = 1;
	must_cut("minor version 1", &o);
	octets_clear(&o);
	play_bind_pdu(&o, &iface_samr);
	o.p[1] = 1;
	must_pass("minor version 1", &o);
	octets_free(&o);
}

/* ---------------------------------------------------- D13, D14 where it counts */

static void d13_a_group_carries_no_rights(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	for (int forbidden = 0; forbidden < 2; forbidden++) {
		c = granted(&p, "a group of another connection");
		talk_bind(&c, &iface_samr, 1);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		octets_clear(&o);
		play_bind_pdu(&o, forbidden ? &iface_drsuapi : &iface_samr);
		octets_set32(&o, 20, 0x00012345, false);
		conn_data(&c, CLIENT, o.p, o.n);
		play_mark(&p);
		if (forbidden)
			play_must_refuse(&p, &iface_drsuapi);
		else
			play_must_allow(&p, &iface_samr);
		play_end(&p);
	}
	octets_free(&o);
}

static void d14_a_uuid_elsewhere_is_no_bind(void **state)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	const struct offer offer = { 0, iface_samr, 1, &syntax_ndr };
	struct octets other = { 0 }, o = { 0 };
	struct auth auth = { 10, 5, 1, NULL, 0 };

	(void)state;
	play_bind_pdu(&other, &iface_drsuapi);
	auth.value = other.p;
	auth.len = (uint16_t)other.n;
	pdu_bind(&o, &head_plain, PTYPE_BIND, &offer, 1, &auth);
	pdu_call(&o, &head_plain, &ask, other.p, other.n);
	must_pass("a forbidden UUID in a trailer and in a stub", &o);
	octets_free(&o);
	octets_free(&other);
}

/* -------------------------------------------------------------- D15 direction */

static void d15_wrong_direction(void **state)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	const struct answer yes = { 0, 0, syntax_ndr };
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	pdu_call(&o, &head_plain, &ask, "stub", 4);
	must_cut("a request without a Bind", &o);
	octets_clear(&o);
	pdu_call(&o, &head_plain, &reply, "stub", 4);
	must_cut("a response from the client", &o);
	octets_clear(&o);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "1", &yes, 1, NULL);
	must_cut("a bind_ack from the client", &o);
	octets_clear(&o);

	c = granted(&p, "a Bind from the server");
	play_bind_pdu(&o, &iface_drsuapi);
	conn_data(&c, SERVER, o.p, o.n);
	play_mark(&p);
	play_must_refuse(&p, &iface_drsuapi);
	play_end(&p);
	octets_clear(&o);

	play_bind_pdu(&o, &iface_samr);
	pdu_call(&o, &head_plain, &ask, "stub", 4);
	must_pass("Bind, then request", &o);
	octets_free(&o);
}

/* ----------------------------------------------------------- D16, D17 the key */

static void d16_the_port_alone_opens_nothing(void **state)
{
	struct play p;
	struct octets o = { 0 };
	struct conn c = granted(&p, "another interface of the process");

	(void)state;
	play_bind_pdu(&o, &iface_lsarpc);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_refuse_for(&p, &iface_lsarpc, RPCGATE_REASON_UUID_NOT_GRANTED);
	play_end(&p);

	c = granted(&p, "the announced interface");
	octets_clear(&o);
	play_bind_pdu(&o, &iface_samr);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_allow(&p, &iface_samr);
	play_end(&p);
	octets_free(&o);
}

static void d16_another_major_version(void **state)
{
	struct rpcgate_syntax other = iface_samr;
	struct octets o = { 0 };
	struct play p;
	struct conn c = granted(&p, "another major version");

	(void)state;
	other.major = 9;
	play_bind_pdu(&o, &other);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_refuse_for(&p, &other, RPCGATE_REASON_VERSION_MISMATCH);
	play_end(&p);
	octets_free(&o);
}

static void d16_another_client(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c = granted(&p, "another client");

	(void)state;
	c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&o, &iface_samr);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_OTHER_CLIENT);
	play_end(&p);
	octets_free(&o);
}

static void d17_management_interface(void **state)
{
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_bind_pdu(&o, &iface_mgmt);
	c = granted(&p, "mgmt on a learned port");
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_refuse(&p, &iface_mgmt);
	play_end(&p);

	play_begin(&p, "mgmt on the mapper's port");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_must_refuse(&p, &iface_mgmt);
	play_end(&p);

	play_begin(&p, "mgmt, announced");
	play_map(&p, &iface_mgmt, PORT);
	play_service(&p, PORT, &iface_mgmt);
	play_must_allow(&p, &iface_mgmt);
	play_end(&p);
	octets_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(d1_every_context_is_judged),
		cmocka_unit_test(d2_every_definition_is_judged),
		cmocka_unit_test(d2_an_id_keeps_its_interface),
		cmocka_unit_test(d3_alter_context_is_a_bind),
		cmocka_unit_test(d4_flags_do_not_matter),
		cmocka_unit_test(d5_a_bind_is_one_fragment),
		cmocka_unit_test(d6_parse_to_the_end),
		cmocka_unit_test(d6_bind_after_a_call),
		cmocka_unit_test(d6_a_second_bind),
		cmocka_unit_test(d7_byte_order),
		cmocka_unit_test(d7_byte_order_changes_in_a_call),
		cmocka_unit_test(d7_byte_order_changes_in_a_skipped_call),
		cmocka_unit_test(d8_d9_d10_d12_fields_that_cannot_be),
		cmocka_unit_test(d8_d9_d10_are_told_as_malformed),
		cmocka_unit_test(d8_the_length_is_the_frame),
		cmocka_unit_test(d8_longer_than_negotiated),
		cmocka_unit_test(d9_trailer_is_taken_off_first),
		cmocka_unit_test(d11_junk_is_not_searched),
		cmocka_unit_test(d12_minor_version_one),
		cmocka_unit_test(d13_a_group_carries_no_rights),
		cmocka_unit_test(d14_a_uuid_elsewhere_is_no_bind),
		cmocka_unit_test(d15_wrong_direction),
		cmocka_unit_test(d15_a_request_elsewhere_is_not_ours),
		cmocka_unit_test(d16_the_port_alone_opens_nothing),
		cmocka_unit_test(d16_another_major_version),
		cmocka_unit_test(d16_another_client),
		cmocka_unit_test(d17_management_interface),
	};

	return cmocka_run_group_tests_name("attacks on DCE/RPC", tests, NULL, NULL);
}
