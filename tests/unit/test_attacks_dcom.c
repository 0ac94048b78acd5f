/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks on learning by DCOM, E15 to E17: what the resolver and the activators announce opens the
 * exporter's port for what was asked, for who asked, at the server that answered.
 */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 0000hhll-0000-0000-c000-000000000046 0.0 */
#define COM(high, low)                                                                             \
	{                                                                                          \
		{ { 0, 0, high, low, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } }, 0, 0            \
	}

static const struct rpcgate_syntax rem_unknown = COM(0x01, 0x31);
static const struct rpcgate_syntax rem_unknown2 = COM(0x01, 0x43);
static const struct rpcgate_syntax activator = COM(0x01, 0xa0);
static const struct rpcgate_syntax dispatch = { { { 0, 0x02, 0x04, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0,
						    0, 0, 0x46 } },
						0,
						0 };
/* What the recorded activation gives: f309ad18-d86a-11d0-a075-00c04fb68820 */
static const struct rpcgate_syntax wbem_login = { { { 0xf3, 0x09, 0xad, 0x18, 0xd8, 0x6a, 0x11,
						      0xd0, 0xa0, 0x75, 0, 0xc0, 0x4f, 0xb6, 0x88,
						      0x20 } },
						  0,
						  0 };

enum { RESOLVE2 = 4, SERVER_ALIVE2 = 5, SIMPLE_PING = 1, CREATE_INSTANCE = 4 };

/* What an answer of the resolver says, and how; zero is the ordinary */
struct resolution {
	const char *text[3];
	uint16_t tower_id;
	uint16_t opnum;
	uint16_t mapper_port;
	uint32_t status;
	bool big;
	bool unasked;
	bool object; /* the request names an object */
	uint8_t level;
	size_t fragment; /* octets of stub in each */
};

static void put_strings(struct octets *o, const struct resolution *r)
{
	size_t entries = 5;

	for (size_t i = 0; i < COUNT(r->text) && r->text[i]; i++)
		entries += strlen(r->text[i]) + 2;
	octets_u32(o, (uint32_t)entries, r->big);
	octets_u16(o, (unsigned)entries, r->big);
	octets_u16(o, (unsigned)entries - 4, r->big);
	for (size_t i = 0; i < COUNT(r->text) && r->text[i]; i++) {
		octets_u16(o, r->tower_id ? r->tower_id : 7, r->big);
		for (const char *c = r->text[i]; *c; c++)
			octets_u16(o, (uint8_t)*c, r->big);
		octets_u16(o, 0, r->big);
	}
	octets_u16(o, 0, r->big);
	octets_u32(o, r->big ? 0x000affff : 0xffff000a, r->big);
	octets_u32(o, 0, r->big);
}

static void put_answer(struct octets *o, const struct resolution *r)
{
	if (r->opnum == SERVER_ALIVE2)
		octets_u32(o, 5, r->big);
	octets_u32(o, 0x20000, r->big);
	put_strings(o, r);
	octets_align(o, 0, 4);
	if (r->opnum == SERVER_ALIVE2) {
		octets_u32(o, 0, r->big);
	} else {
		octets_room(o, 16);
		octets_u32(o, 5, r->big);
		octets_u16(o, 5, r->big);
		octets_u16(o, 7, r->big);
	}
	octets_u32(o, r->status, r->big);
}

static void put_question(struct octets *o, const struct resolution *r)
{
	if (r->opnum == SERVER_ALIVE2)
		return;
	octets_u64(o, 0x1122334455667788, r->big);
	octets_u16(o, 1, r->big);
	octets_align(o, 0, 4);
	octets_u32(o, 1, r->big);
	octets_u16(o, 7, r->big);
}

static void send_call(struct conn *c, enum side from, const struct resolution *r,
		      const struct octets *stub)
{
	static const uint8_t value[16] = { 1 };
	const struct auth auth = { 10, r->level, 1, value, sizeof(value) };
	const struct head h = { .flags = 3, .big = r->big, .call_id = 2 };
	struct call call = { .type = from == CLIENT ? PTYPE_REQUEST : PTYPE_RESPONSE };
	struct octets pdu = { 0 };

	call.opnum = r->opnum ? r->opnum : RESOLVE2;
	call.object = from == CLIENT && r->object ? &wbem_login.uuid : NULL;
	call.auth = r->level ? &auth : NULL;
	if (r->fragment)
		pdu_call_fragments(&pdu, &h, &call, stub->p, stub->n, r->fragment);
	else
		pdu_call(&pdu, &h, &call, stub->p, stub->n);
	conn_send(c, from, pdu.p, pdu.n);
	octets_free(&pdu);
}

/* CLIENT_HOST asks the resolver of SERVER_HOST and is answered */
static void resolve(struct play *p, const struct resolution *r)
{
	struct conn c =
		play_dial(p, CLIENT_HOST, SERVER_HOST, r->mapper_port ? r->mapper_port : 135);
	struct octets question = { 0 }, answer = { 0 };

	conn_open(&c);
	talk_bind(&c, &iface_oxid, 1);
	put_question(&question, r);
	put_answer(&answer, r);
	if (!r->unasked)
		send_call(&c, CLIENT, r, &question);
	send_call(&c, SERVER, r, &answer);
	octets_free(&question);
	octets_free(&answer);
}

/* How many bindings were told, with this reason */
static size_t bindings(const struct play *p, enum rpcgate_reason reason)
{
	size_t n = 0;

	for (size_t i = 0; i < p->enforce.n; i++) {
		const struct rpcgate_event *e = &p->enforce.at[i].event;

		if (e->type != RPCGATE_EVENT_BINDING)
			continue;
		assert_true(e->u.binding.any_interface);
		assert_memory_equal(&e->u.binding.interface, &rem_unknown2, sizeof(rem_unknown2));
		assert_int_equal(e->u.binding.accepted, !e->u.binding.reason);
		n += e->u.binding.reason == reason;
	}
	return n;
}

/* ------------------------------------------------------------ E15 string bindings */

static void e15_text_of_a_binding(void **state)
{
	static const struct {
		const char *text;
		uint16_t port; /* told; 0: not told at all */
		enum rpcgate_reason reason;
		uint16_t tower_id;
	} rows[] = {
		{ "srv1[49160]", 49160, RPCGATE_REASON_NONE, 0 },
		{ "192.0.2.20[49160]", 49160, RPCGATE_REASON_NONE, 0 },
		{ "::ffff:192.0.2.20[49160]", 49160, RPCGATE_REASON_NONE, 0 },
		{ "srv1[49160]", 49160, RPCGATE_REASON_NOT_TCP_TOWER, 0x1f },
		{ "192.0.2.20[49160]", 49160, RPCGATE_REASON_NOT_TCP_TOWER, 0x1f },
		{ "192.0.2.30[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "192.0.2.10[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "127.0.0.1[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "0.0.0.0[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "fd00::30[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "3221225994[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "[49160]", 49160, RPCGATE_REASON_TOWER_ADDRESS, 0 },
		{ "srv1[80]", 80, RPCGATE_REASON_PORT_PRIVILEGED, 0 },
		{ "srv1[135]", 135, RPCGATE_REASON_PORT_PRIVILEGED, 0 },
		{ "srv1[3389]", 3389, RPCGATE_REASON_PORT_RESERVED, 0 },
		{ "srv1[50000]", 50000, RPCGATE_REASON_PORT_OUT_OF_RANGE, 0 },
		{ "srv1", 0, 0, 0 },
		{ "srv1[0]", 0, 0, 0 },
		{ "srv1[114696]", 0, 0, 0 }, /* 49160 to who counts in 16 bits */
		{ "srv1[-16376]", 0, 0, 0 },
		{ "srv1[0xc008]", 0, 0, 0 },
		{ "srv1[49160", 0, 0, 0 },
		{ "srv1[49160]", 0, 0, 0x08 },
		{ "srv1[49160]", 0, 0, 0x0f },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct resolution r = { .text = { rows[i].text },
					      .tower_id = rows[i].tower_id };
		struct play p;

		play_begin(&p, rows[i].text);
		p.cfg.dynamic_range =
			(struct rpcgate_port_list){ 2, { { 1, 4096 }, { 49152, 49200 } } };
		resolve(&p, &r);
		if (rows[i].port && !rows[i].reason)
			play_must_learn(&p, PORT, &rem_unknown2);
		else
			play_must_not_learn(&p, PORT, &rem_unknown2);
		if (rows[i].port)
			assert_int_equal(bindings(&p, rows[i].reason), 1);
		else
			assert_int_equal(p.enforce.stats.bindings, 0);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_MALFORMED_NDR), 0);
		play_end(&p);
	}
}

/* One port by three names: three times told, once opened */
static void one_port_has_several_names(void **state)
{
	const struct resolution r = { .text = { "srv1[49160]", "192.0.2.20[49160]",
						"192.0.2.30[49160]" } };
	struct play p;

	(void)state;
	play_begin(&p, "three names");
	resolve(&p, &r);
	play_must_learn(&p, PORT, &rem_unknown);
	assert_int_equal(bindings(&p, RPCGATE_REASON_NONE), 2);
	assert_int_equal(bindings(&p, RPCGATE_REASON_TOWER_ADDRESS), 1);
	assert_int_equal(p.enforce.stats.pinholes_opened, 2);
	assert_int_equal(p.enforce.stats.pinholes_refreshed, 0);
	play_end(&p);
}

/* As for the mapper: a complete answer to a question, of the one who was asked */
static void e15_answers_that_are_not_believed(void **state)
{
	static const struct {
		const char *trick;
		struct resolution r;
		enum rpcgate_reason reason;
		bool learned;
	} rows[] = {
		{ "harmless", { .opnum = 0 }, RPCGATE_REASON_MAPPER, true },
		{ "big-endian", { .big = true }, RPCGATE_REASON_MAPPER, true },
		{ "in fragments", { .fragment = 8 }, RPCGATE_REASON_MAPPER, true },
		{ "about an object", { .object = true }, RPCGATE_REASON_MAPPER, true },
		{ "signed", { .level = 5 }, RPCGATE_REASON_MAPPER, true },
		{ "on 593", { .mapper_port = 593 }, RPCGATE_REASON_MAPPER, true },
		{ "sealed", { .level = 6 }, RPCGATE_REASON_SEALED, false },
		{ "an error beside bindings", { .status = 5 }, RPCGATE_REASON_STATUS_NOT_OK, false },
		{ "nobody asked", { .unasked = true }, RPCGATE_REASON_NOT_ASKED, false },
		{ "a resolver elsewhere",
		  { .mapper_port = 1135 },
		  RPCGATE_REASON_MAPPER_UNLISTED,
		  false },
		{ "ServerAlive2", { .opnum = SERVER_ALIVE2 }, RPCGATE_REASON_WRONG_CALL, false },
		{ "the shape of an answer to another operation",
		  { .opnum = SIMPLE_PING },
		  RPCGATE_REASON_MAPPER,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct resolution r = rows[i].r;
		struct play p;

		r.text[0] = "srv1[49160]";
		play_begin(&p, rows[i].trick);
		resolve(&p, &r);
		if (rows[i].learned)
			play_must_learn(&p, PORT, &rem_unknown2);
		else
			play_must_not_learn(&p, PORT, &rem_unknown2);
		if (rows[i].reason && !play_told(&p.observe, rows[i].reason))
			fail_msg("%s: the reason is not %s", p.trick,
				 rpcgate_reason_name(rows[i].reason));
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_SEALED), r.level == 6);
		play_end(&p);
	}
}

/* The array lies about its parts: nothing of the answer is used */
static void e15_an_array_that_contradicts_itself(void **state)
{
	const struct resolution r = { .text = { "srv1[49160]", "192.0.2.20[49160]" } };
	struct octets question = { 0 }, answer = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "security offset");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_oxid, 1);
	put_question(&question, &r);
	put_answer(&answer, &r);
	octets_set16(&answer, 10, 15, false); /* in the middle of the second string */
	send_call(&c, CLIENT, &r, &question);
	send_call(&c, SERVER, &r, &answer);
	play_must_not_learn(&p, PORT, &rem_unknown2);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_MALFORMED_NDR), 1);
	play_end(&p);
	octets_free(&question);
	octets_free(&answer);
}

/* Of a sealed ping nothing could have been learned: no word about it */
static void sealed_pings_are_not_told(void **state)
{
	const struct resolution r = { .opnum = SIMPLE_PING, .level = 6 };
	struct octets stub = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "ping");
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&c);
	talk_bind(&c, &iface_oxid, 1);
	octets_room(&stub, 16);
	send_call(&c, CLIENT, &r, &stub);
	send_call(&c, SERVER, &r, &stub);
	play_must_allow(&p, &iface_oxid);
	play_end(&p);
	octets_free(&stub);
}

static void others_learn_nothing(void **state)
{
	const struct resolution r = { .text = { "srv1[49160]" } };
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "another client");
	resolve(&p, &r);
	c = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&bind, &rem_unknown2);
	conn_data(&c, CLIENT, bind.p, bind.n);
	play_mark(&p);
	play_must_refuse_for(&p, &rem_unknown2, RPCGATE_REASON_OTHER_CLIENT);
	play_end(&p);
	octets_free(&bind);
}

/* ----------------------------------------------------- further interfaces of the port */

/* The first bind is IRemUnknown2's; then @iface by alter-context, or by a bind of its own */
static void go_on(struct play *p, const struct rpcgate_syntax *iface, bool alter)
{
	const struct offer offer = { 1, *iface, 1, &syntax_ndr };
	struct octets pdu = { 0 };
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	conn_open(&c);
	if (alter) {
		talk_bind(&c, &rem_unknown2, 1);
		pdu_bind(&pdu, &head_plain, PTYPE_ALTER, &offer, 1, NULL);
	} else {
		play_bind_pdu(&pdu, iface);
	}
	conn_data(&c, CLIENT, pdu.p, pdu.n);
	play_mark(p);
	octets_free(&pdu);
}

static void further_interfaces(void **state)
{
	static const struct {
		const char *trick;
		const struct rpcgate_syntax *iface;
		enum rpcgate_dcom dcom;
		bool alter;
		enum rpcgate_reason reason; /* NONE: allowed */
	} rows[] = {
		{ "its own, by alter", &rem_unknown, RPCGATE_DCOM_ASKED, true, 0 },
		{ "not asked for", &dispatch, RPCGATE_DCOM_ASKED, false,
		  RPCGATE_REASON_UUID_NOT_GRANTED },
		{ "not asked for, by alter", &dispatch, RPCGATE_DCOM_ASKED, true,
		  RPCGATE_REASON_ALTER_CONTEXT_DENIED },
		{ "any", &dispatch, RPCGATE_DCOM_ANY, false, 0 },
		{ "any, by alter", &dispatch, RPCGATE_DCOM_ANY, true, 0 },
		{ "management is no object", &iface_mgmt, RPCGATE_DCOM_ANY, false,
		  RPCGATE_REASON_UUID_NOT_GRANTED },
		{ "nor is samr, by alter", &iface_samr, RPCGATE_DCOM_ANY, true,
		  RPCGATE_REASON_ALTER_CONTEXT_DENIED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct resolution r = { .text = { "srv1[49160]" } };
		struct play p;

		play_begin(&p, rows[i].trick);
		p.cfg.dcom = rows[i].dcom;
		resolve(&p, &r);
		go_on(&p, rows[i].iface, rows[i].alter);
		if (rows[i].reason)
			play_must_refuse_for(&p, rows[i].iface, rows[i].reason);
		else
			play_must_allow(&p, rows[i].iface);
		play_end(&p);
	}
}

/* "any" is for exporters: a port that the mapper announced stays with its interface */
static void any_is_for_exporters(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "a port of the mapper's");
	p.cfg.dcom = RPCGATE_DCOM_ANY;
	play_map(&p, &iface_samr, PORT);
	go_on(&p, &dispatch, false);
	play_must_refuse_for(&p, &dispatch, RPCGATE_REASON_UUID_NOT_GRANTED);
	play_end(&p);
}

/* And it ends with the pinhole */
static void any_ends_in_time(void **state)
{
	const struct resolution r = { .text = { "srv1[49160]" } };
	struct play p;

	(void)state;
	play_begin(&p, "too late");
	p.cfg.dcom = RPCGATE_DCOM_ANY;
	p.cfg.pinhole_ttl_s = 10;
	resolve(&p, &r);
	p.clock_ns += 11 * UINT64_C(1000000000);
	go_on(&p, &dispatch, false);
	play_must_refuse_for(&p, &dispatch, RPCGATE_REASON_PINHOLE_EXPIRED);
	play_end(&p);
}

/* An accepted bind through it renews it, as for others */
static void any_is_renewed_by_use(void **state)
{
	const struct resolution r = { .text = { "srv1[49160]" } };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "renewed");
	p.cfg.dcom = RPCGATE_DCOM_ANY;
	p.cfg.pinhole_ttl_s = 10;
	resolve(&p, &r);
	p.clock_ns += 8 * UINT64_C(1000000000);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	talk_bind(&c, &dispatch, 1);
	p.clock_ns += 8 * UINT64_C(1000000000);
	go_on(&p, &dispatch, false);
	play_must_allow(&p, &dispatch);
	play_end(&p);
}

/* ---------------------------------------------------------------- activation */

/* The recorded question asks for one interface, the recorded answer gives wbem_login on 49670 */
static void activation_read(struct octets *question, struct octets *answer)
{
	static const char path[] = TEST_SOURCE_DIR
		"/tests/fuzz/corpus/activation/create-three-names";
	uint8_t all[4096];
	FILE *file = fopen(path, "rb");
	size_t n, len;

	if (!file)
		fail_msg("cannot read %s", path);
	n = fread(all, 1, sizeof(all), file);
	fclose(file);
	assert_true(n > 3);
	len = (size_t)(all[1] | all[2] << 8);
	assert_true(n > 3 + len);
	octets_put(question, all + 3, len);
	octets_put(answer, all + 3 + len, n - 3 - len);
}

/* Change what is asked for */
static void ask_for(struct octets *question, const struct rpcgate_syntax *iface)
{
	struct octets before = { 0 }, now = { 0 };

	put_uuid(&before, &dispatch.uuid, false);
	put_uuid(&now, &iface->uuid, false);
	for (size_t i = 0; i + 16 <= question->n; i++)
		if (memcmp(question->p + i, before.p, 16) == 0)
			memcpy(question->p + i, now.p, 16);
	octets_free(&before);
	octets_free(&now);
}

static void activations(void **state)
{
	static const struct {
		const char *trick;
		const struct rpcgate_syntax *asked;
		const struct rpcgate_syntax *bound;
		bool allowed;
		uint16_t ask_version; /* of COM, in the question */
	} rows[] = {
		{ "asked for and given", &wbem_login, &wbem_login, true, 5 },
		{ "what every exporter has", &wbem_login, &rem_unknown2, true, 5 },
		{ "given, but not asked for", &dispatch, &wbem_login, false, 5 },
		{ "asked for, but not given", &dispatch, &dispatch, false, 5 },
		{ "asked in a way that is not read", &wbem_login, &wbem_login, false, 6 },
		{ "asked in a way that is not read: the exporter", &wbem_login, &rem_unknown, true,
		  6 },
		/* lsarpc is 0.0 as well: asking for it must not open it */
		{ "another interface of the process", &iface_lsarpc, &iface_lsarpc, false, 5 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct resolution r = { .opnum = CREATE_INSTANCE };
		struct octets question = { 0 }, answer = { 0 };
		struct play p;
		struct conn c;

		activation_read(&question, &answer);
		ask_for(&question, rows[i].asked);
		octets_set16(&question, 0, rows[i].ask_version, false);
		play_begin(&p, rows[i].trick);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
		conn_open(&c);
		talk_bind(&c, &activator, 1);
		send_call(&c, CLIENT, &r, &question);
		send_call(&c, SERVER, &r, &answer);
		play_service(&p, 49670, rows[i].bound);
		if (rows[i].allowed)
			play_must_allow(&p, rows[i].bound);
		else
			play_must_refuse_for(&p, rows[i].bound, RPCGATE_REASON_UUID_NOT_GRANTED);
		assert_int_equal(bindings(&p, RPCGATE_REASON_NONE), 2);
		assert_int_equal(bindings(&p, RPCGATE_REASON_TOWER_ADDRESS), 1);
		play_end(&p);
		octets_free(&question);
		octets_free(&answer);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(e15_text_of_a_binding),
		cmocka_unit_test(one_port_has_several_names),
		cmocka_unit_test(e15_answers_that_are_not_believed),
		cmocka_unit_test(e15_an_array_that_contradicts_itself),
		cmocka_unit_test(sealed_pings_are_not_told),
		cmocka_unit_test(others_learn_nothing),
		cmocka_unit_test(further_interfaces),
		cmocka_unit_test(any_is_for_exporters),
		cmocka_unit_test(any_ends_in_time),
		cmocka_unit_test(any_is_renewed_by_use),
		cmocka_unit_test(activations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
