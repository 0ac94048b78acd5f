/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_judge.c - what is said of a Bind, and why: the reason that helps most */
#include <string.h>

#include "rows.h"
#include "verdict.h"

struct judge_row {
	const char *name;
	void (*act)(struct play *p);
	enum rpcgate_verdict verdict;
	enum rpcgate_reason reason;
};

static struct rpcgate_syntax of_version(const struct rpcgate_syntax *iface, uint16_t major,
					uint16_t minor)
{
	struct rpcgate_syntax s = *iface;

	s.major = major;
	s.minor = minor;
	return s;
}

static void bind_on(struct play *p, uint16_t port, const struct rpcgate_syntax *iface)
{
	(void)ask_as(p, CLIENT_HOST, port, iface, 0);
}

static void learned(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	bind_on(p, PORT, &iface_samr);
}

static void another_minor_version(struct play *p)
{
	struct rpcgate_syntax other = of_version(&iface_samr, 1, 7);

	play_map(p, &iface_samr, PORT);
	bind_on(p, PORT, &other);
}

static void never_announced(struct play *p)
{
	bind_on(p, PORT, &iface_samr);
}

static void on_the_lowest_port(struct play *p)
{
	play_map(p, &iface_samr, 1024);
	bind_on(p, 1024, &iface_samr);
}

static void on_a_privileged_port(struct play *p)
{
	play_map(p, &iface_samr, 1023);
	bind_on(p, 1023, &iface_samr);
}

static void on_another_port(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	bind_on(p, PORT + 1, &iface_samr);
}

static void another_interface(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	bind_on(p, PORT, &iface_drsuapi);
}

static void another_major_version(struct play *p)
{
	struct rpcgate_syntax other = of_version(&iface_samr, 2, 0);

	play_map(p, &iface_samr, PORT);
	bind_on(p, PORT, &other);
}

static void to_another_client(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	(void)ask_as(p, OUTSIDER_HOST, PORT, &iface_samr, 0);
}

static void to_another_client_other_interface(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	(void)ask_as(p, OUTSIDER_HOST, PORT, &iface_drsuapi, 0);
}

static void only_listed(struct play *p)
{
	list_one(p, &iface_samr, PORT);
	bind_on(p, PORT, &iface_samr);
}

static void listed_and_granted(struct play *p)
{
	p->cfg.lookup = RPCGATE_LOOKUP_GRANT;
	only_listed(p);
}

static void listed_then_announced_to_another(struct play *p)
{
	list_one(p, &iface_samr, PORT);
	play_map(p, &iface_samr, PORT);
	(void)ask_as(p, OUTSIDER_HOST, PORT, &iface_samr, 0);
}

static void announced_then_listed_for_another(struct play *p)
{
	play_map(p, &iface_samr, PORT);
	list_one(p, &iface_samr, PORT);
	(void)ask_as(p, OUTSIDER_HOST, PORT, &iface_samr, 0);
}

static void mapper_on_135(struct play *p)
{
	bind_on(p, 135, &iface_epm);
}

static void mapper_on_593(struct play *p)
{
	bind_on(p, 593, &iface_epm);
}

static void mapper_elsewhere(struct play *p)
{
	bind_on(p, 5000, &iface_epm);
}

static void mapper_of_another_version(struct play *p)
{
	struct rpcgate_syntax other = of_version(&iface_epm, 4, 0);

	bind_on(p, 135, &other);
}

static void resolver_on_135(struct play *p)
{
	bind_on(p, 135, &iface_oxid);
}

static void resolver_elsewhere(struct play *p)
{
	bind_on(p, 5000, &iface_oxid);
}

static void management_on_135(struct play *p)
{
	bind_on(p, 135, &iface_mgmt);
}

static void a_service_on_135(struct play *p)
{
	bind_on(p, 135, &iface_samr);
}

static void an_own_mapper_port(struct play *p)
{
	p->cfg.mapper_ports = (struct rpcgate_port_list){ 1, { { 5000, 5001 } } };
	bind_on(p, 5001, &iface_epm);
}

static void no_longer_a_mapper_port(struct play *p)
{
	p->cfg.mapper_ports = (struct rpcgate_port_list){ 1, { { 5000, 5001 } } };
	bind_on(p, 135, &iface_epm);
}

/* The last PDU is an alter_context on a connection that bound samr */
static struct conn bound(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	play_map(p, &iface_samr, PORT);
	conn_open(&c);
	talk_bind(&c, &iface_samr, 1);
	return c;
}

static void alter(struct play *p, struct conn *c, const struct rpcgate_syntax *iface)
{
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct offer offer = { 1, *iface, 1, &syntax_ndr };
	struct octets o = { 0 };

	pdu_bind(&o, &h, PTYPE_ALTER, &offer, 1, NULL);
	conn_data(c, CLIENT, o.p, o.n);
	play_mark(p);
	octets_free(&o);
}

static void alter_to_the_same(struct play *p)
{
	struct conn c = bound(p);

	alter(p, &c, &iface_samr);
}

/* A connection that was admitted is not cut when its pinhole ends */
static void alter_to_the_same_later(struct play *p)
{
	struct conn c = bound(p);

	p->clock_ns += 1000 * SECOND;
	alter(p, &c, &iface_samr);
}

static void alter_to_another(struct play *p)
{
	struct conn c = bound(p);

	alter(p, &c, &iface_drsuapi);
}

static void alter_to_another_that_is_granted(struct play *p)
{
	struct conn c = bound(p);

	play_map(p, &iface_lsarpc, PORT);
	alter(p, &c, &iface_lsarpc);
}

static void alter_to_another_version(struct play *p)
{
	struct rpcgate_syntax other = of_version(&iface_samr, 2, 0);
	struct conn c = bound(p);

	alter(p, &c, &other);
}

static void alter_to_what_has_run_out(struct play *p)
{
	struct conn c;

	play_map(p, &iface_lsarpc, PORT);
	c = bound(p);
	p->clock_ns += 1000 * SECOND;
	alter(p, &c, &iface_lsarpc);
}

static void alter_on_the_mapper(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	alter(p, &c, &iface_oxid);
}

/* A Bind on a connection whose beginning was not seen */
static void midstream(struct play *p, enum rpcgate_midstream how, bool granted)
{
	struct conn c;
	struct octets bind = { 0 };

	p->cfg.midstream = how;
	if (granted)
		play_map(p, &iface_samr, PORT);
	c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);
	play_bind_pdu(&bind, &iface_samr);
	conn_data(&c, CLIENT, bind.p, bind.n);
	play_mark(p);
	octets_free(&bind);
}

static void midstream_inspect(struct play *p)
{
	midstream(p, RPCGATE_MIDSTREAM_INSPECT, true);
}

static void midstream_inspect_unknown(struct play *p)
{
	midstream(p, RPCGATE_MIDSTREAM_INSPECT, false);
}

static void midstream_pass(struct play *p)
{
	midstream(p, RPCGATE_MIDSTREAM_PASS, false);
}

static void midstream_block(struct play *p)
{
	midstream(p, RPCGATE_MIDSTREAM_BLOCK, true);
}

static void midstream_concerns_no_whole_connection(struct play *p)
{
	p->cfg.midstream = RPCGATE_MIDSTREAM_BLOCK;
	learned(p);
}

#define SAY_ALLOW(why) RPCGATE_ALLOW, RPCGATE_REASON_##why
#define SAY_DENY(why) RPCGATE_DENY, RPCGATE_REASON_##why

static const struct judge_row rows[] = {
	{ "announced to this client", learned, SAY_ALLOW(LEARNED) },
	{ "the minor version does not matter", another_minor_version, SAY_ALLOW(LEARNED) },
	{ "never announced", never_announced, SAY_DENY(NO_PINHOLE) },
	{ "announced on the lowest port there may be", on_the_lowest_port, SAY_ALLOW(LEARNED) },
	{ "announced on one below", on_a_privileged_port, SAY_DENY(NO_PINHOLE) },
	{ "announced on another port", on_another_port, SAY_DENY(NO_PINHOLE) },
	{ "another interface on an open port", another_interface, SAY_DENY(UUID_NOT_GRANTED) },
	{ "another major version", another_major_version, SAY_DENY(VERSION_MISMATCH) },
	{ "announced to another client", to_another_client, SAY_DENY(OTHER_CLIENT) },
	{ "something else announced to another client", to_another_client_other_interface,
	  SAY_DENY(NO_PINHOLE) },
	{ "seen in a listing", only_listed, SAY_DENY(LOOKUP_ONLY) },
	{ "seen in a listing, with lookup=grant", listed_and_granted, SAY_ALLOW(LEARNED) },
	{ "listed, then announced to another client", listed_then_announced_to_another,
	  SAY_DENY(OTHER_CLIENT) },
	{ "a listing does not make that less", announced_then_listed_for_another,
	  SAY_DENY(OTHER_CLIENT) },
	{ "the mapper on port 135", mapper_on_135, SAY_ALLOW(MAPPER) },
	{ "the mapper on port 593", mapper_on_593, SAY_ALLOW(MAPPER) },
	{ "a mapper elsewhere", mapper_elsewhere, SAY_DENY(MAPPER_UNLISTED) },
	{ "a mapper of another version", mapper_of_another_version, SAY_DENY(NO_PINHOLE) },
	{ "the resolver on port 135", resolver_on_135, SAY_ALLOW(MAPPER) },
	{ "the resolver elsewhere", resolver_elsewhere, SAY_DENY(NO_PINHOLE) },
	{ "management on port 135", management_on_135, SAY_DENY(NO_PINHOLE) },
	{ "a service on port 135", a_service_on_135, SAY_DENY(NO_PINHOLE) },
	{ "the last port of a range of mapper ports", an_own_mapper_port, SAY_ALLOW(MAPPER) },
	{ "port 135 where it is not listed", no_longer_a_mapper_port, SAY_DENY(MAPPER_UNLISTED) },
	{ "alter_context to the same interface", alter_to_the_same, SAY_ALLOW(LEARNED) },
	{ "the same after the pinhole has ended", alter_to_the_same_later, SAY_ALLOW(LEARNED) },
	{ "alter_context to another interface", alter_to_another, SAY_DENY(ALTER_CONTEXT_DENIED) },
	{ "alter_context to another that is granted", alter_to_another_that_is_granted,
	  SAY_ALLOW(LEARNED) },
	{ "alter_context to another version", alter_to_another_version,
	  SAY_DENY(VERSION_MISMATCH) },
	{ "alter_context to what has run out", alter_to_what_has_run_out,
	  SAY_DENY(PINHOLE_EXPIRED) },
	{ "alter_context on the mapper", alter_on_the_mapper, SAY_ALLOW(MAPPER) },
	{ "midstream=inspect judges", midstream_inspect, SAY_ALLOW(LEARNED) },
	{ "midstream=inspect refuses what is not granted", midstream_inspect_unknown,
	  SAY_DENY(NO_PINHOLE) },
	{ "midstream=pass lets through", midstream_pass, SAY_ALLOW(MIDSTREAM) },
	{ "midstream=block refuses", midstream_block, SAY_DENY(MIDSTREAM) },
	{ "midstream=block concerns no whole connection", midstream_concerns_no_whole_connection,
	  SAY_ALLOW(LEARNED) },
};

static void judge_row(void **state)
{
	const struct judge_row *row = *state;
	struct play p;

	play_begin(&p, row->name);
	row->act(&p);
	must_say(&p, row->verdict, row->reason);
	play_end(&p);
}

/* --------------------------------------------------------------- the event */

static void what_a_bind_event_says(void **state)
{
	static const struct auth ntlm = { 10, 5, 0, "NTLMSSP", 8 };
	struct rpcgate_syntax transfer[8];
	struct offer offer = { 7, iface_samr, 8, transfer };
	const struct head h = { .flags = 3, .call_id = 99 };
	const struct rpcgate_event *e;
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	for (size_t i = 0; i < COUNT(transfer); i++)
		transfer[i] = i ? syntax_features : syntax_ndr;
	play_begin(&p, "event");
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	pdu_bind(&o, &h, PTYPE_BIND, &offer, 1, &ntlm);
	conn_data(&c, CLIENT, o.p, o.n);
	octets_free(&o);
	must_say(&p, RPCGATE_ALLOW, RPCGATE_REASON_LEARNED);
	e = last_bind(&p.enforce);
	assert_int_equal(e->u.bind.pdu, RPCGATE_PDU_BIND);
	assert_int_equal(e->u.bind.context_id, 7);
	assert_int_equal(e->u.bind.call_id, 99);
	assert_int_equal(e->u.bind.n_transfer, 8);
	assert_memory_equal(e->u.bind.transfer, transfer, sizeof(e->u.bind.transfer));
	assert_int_equal(e->u.bind.auth_type, 10);
	assert_int_equal(e->u.bind.auth_level, 5);
	assert_int_equal(e->u.bind.action, RPCGATE_PASS);
	assert_true(e->u.bind.pinhole_id == 1 && e->parent_id == 1 && e->flow_id == 2);
	assert_true(e->u.bind.has_age);
	assert_true(e->u.bind.age_ns ==
		    e->time_ns - last_pinhole(&p.enforce, RPCGATE_PINHOLE_OPEN)->time_ns);
	assert_int_equal(e->src_port, c.peer[CLIENT].port);
	assert_int_equal(last_bind(&p.observe)->u.bind.action, RPCGATE_NONE);
	play_end(&p);
}

static void what_a_refusal_says(void **state)
{
	const struct rpcgate_alert_event *a = NULL;
	struct play p;

	(void)state;
	play_begin(&p, "refusal");
	never_announced(&p);
	must_say(&p, RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE);
	assert_int_equal(last_bind(&p.enforce)->u.bind.action, RPCGATE_REJECT);
	assert_int_equal(last_bind(&p.observe)->u.bind.action, RPCGATE_NONE);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), 1);
	for (size_t i = 0; i < p.enforce.n; i++)
		if (p.enforce.at[i].event.type == RPCGATE_EVENT_ALERT)
			a = &p.enforce.at[i].event.u.alert;
	assert_non_null(a);
	assert_int_equal(a->reason, RPCGATE_REASON_NO_PINHOLE);
	assert_int_equal(a->action, RPCGATE_REJECT);
	assert_true(a->has_interface);
	assert_memory_equal(&a->interface, &iface_samr, sizeof(iface_samr));
	assert_int_equal(a->ptype, PTYPE_BIND);
	assert_int_equal(a->call_id, 1);
	assert_true(p.enforce.stats.binds_denied == 1 && p.observe.stats.binds_denied == 1);
	assert_int_equal(p.enforce.action[p.marked], RPCGATE_REJECT);
	play_end(&p);
}

/* Once refused, nothing of the connection passes, in either direction */
static void nothing_passes_after_a_refusal(void **state)
{
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "after a refusal");
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	accept_bind(&c);
	conn_data(&c, CLIENT, "more", 4);
	conn_close(&c, SERVER);
	play_judge(&p);
	for (size_t i = 4; i < p.packets.n; i++)
		assert_int_not_equal(p.enforce.action[i], RPCGATE_PASS);
	assert_int_equal(play_binds(&p.enforce, NULL, 0, RPCGATE_DENY), 1);
	play_end(&p);
}

/* A flow ends with the first reason it was refused for */
static void the_first_reason_stands(void **state)
{
	const struct rpcgate_flow_event *f = NULL;
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "two reasons");
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	alter(&p, &c, &iface_drsuapi);
	play_judge(&p);
	for (size_t i = 0; i < p.observe.n; i++)
		if (p.observe.at[i].event.type == RPCGATE_EVENT_FLOW)
			f = &p.observe.at[i].event.u.flow;
	assert_non_null(f);
	assert_int_equal(last_bind(&p.observe)->u.bind.reason, RPCGATE_REASON_ALTER_CONTEXT_DENIED);
	assert_int_equal(f->reason, RPCGATE_REASON_NO_PINHOLE);
	play_end(&p);
}

/* Observing goes on where enforcing has cut: nothing more is allowed there */
static void nothing_is_allowed_after_a_conflict(void **state)
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "after a conflict");
	play_map(&p, &iface_samr, PORT);
	c = ask_as(&p, CLIENT_HOST, PORT, &iface_samr, 0);
	play_bind_pdu(&bind, &iface_drsuapi);
	conn_at(&c, CLIENT, -(int32_t)bind.n, bind.p, bind.n);
	octets_free(&bind);
	accept_bind(&c);
	alter(&p, &c, &iface_samr);
	play_judge(&p);
	assert_int_equal(last_bind(&p.observe)->u.bind.verdict, RPCGATE_DENY);
	assert_int_equal(last_bind(&p.observe)->u.bind.reason, RPCGATE_REASON_STREAM_CONFLICT);
	play_end(&p);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 5] = {
		cmocka_unit_test(what_a_bind_event_says),
		cmocka_unit_test(what_a_refusal_says),
		cmocka_unit_test(nothing_passes_after_a_refusal),
		cmocka_unit_test(nothing_is_allowed_after_a_conflict),
		cmocka_unit_test(the_first_reason_stands),
	};
	size_t n = 5;

	ROWS(tests, n, rows, judge_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
