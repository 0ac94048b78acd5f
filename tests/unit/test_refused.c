/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_refused.c - what a gateway would have cut off teaches nothing where it is only watched: the
 * verdicts that follow are the same.
 */
#include "play.h"

#include "rows.h"

#include <string.h>

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

static struct conn dial_mapper(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	conn_open(&c);
	return c;
}

/* ------------------------------------------------ mappers that would not have been heard */

static void ask_and_answer(struct conn *c)
{
	talk_ask(c, &iface_samr, 2);
	talk_answer(c, &iface_samr, 2, PORT, SERVER_HOST);
}

static void nothing_wrong(struct play *p)
{
	struct conn c = dial_mapper(p);

	talk_bind(&c, &iface_epm, 1);
	ask_and_answer(&c);
}

static void another_interface_is_refused(struct play *p)
{
	const struct offer offers[] = { { 0, iface_epm, 1, &syntax_ndr },
					{ 1, iface_drsuapi, 1, &syntax_ndr } };
	const struct answer answers[] = { { 0, 0, syntax_ndr }, { 2, 1, syntax_nil } };
	struct conn c = dial_mapper(p);
	struct octets o = { 0 };

	pdu_bind(&o, &head_plain, PTYPE_BIND, offers, COUNT(offers), NULL);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "135", answers, COUNT(answers), NULL);
	conn_send(&c, SERVER, o.p, o.n);
	ask_and_answer(&c);
	octets_free(&o);
}

static void later_interface_is_refused(struct play *p)
{
	struct conn c = dial_mapper(p);

	talk_bind(&c, &iface_epm, 1);
	talk_alter(&c, &iface_drsuapi, 1, 7);
	ask_and_answer(&c);
}

static void two_versions_of_the_bind(struct play *p)
{
	struct conn c = dial_mapper(p);
	struct octets o = { 0 };

	play_bind_pdu(&o, &iface_epm);
	conn_at(&c, CLIENT, 20, o.p + 20, o.n - 20);
	o.p[40] ^= 1;
	conn_at(&c, CLIENT, 20, o.p + 20, o.n - 20);
	talk_bind(&c, &iface_epm, 1);
	ask_and_answer(&c);
	octets_free(&o);
}

static void urgent(struct play *p, enum side side)
{
	struct conn c = dial_mapper(p);
	struct segment seg;

	talk_bind(&c, &iface_epm, 1);
	seg = conn_segment(&c, side, NULL, 0);
	seg.flags |= URG;
	seg.urgent = 1;
	conn_put(&c, &seg);
	ask_and_answer(&c);
}

static void urgent_from_the_client(struct play *p)
{
	urgent(p, CLIENT);
}

static void urgent_from_the_server(struct play *p)
{
	urgent(p, SERVER);
}

static const struct mapper_row {
	const char *name;
	void (*talk)(struct play *p);
	const char *policy;
	bool learns;
} mappers[] = {
	{ "nothing is wrong", nothing_wrong, NULL, true },
	{ "a rule refuses the mapper", nothing_wrong,
	  "deny interface epmapper\nallow interface any", false },
	{ "another interface of the bind is refused", another_interface_is_refused, NULL, false },
	{ "an interface of a later alter_context is refused", later_interface_is_refused, NULL,
	  false },
	{ "two versions of the bind", two_versions_of_the_bind, NULL, false },
	{ "urgent data of the client", urgent_from_the_client, NULL, false },
	{ "urgent data of the server", urgent_from_the_server, NULL, false },
};

static void mapper_row(void **state)
{
	const struct mapper_row *row = *state;
	struct rpcgate_policy *policy = row->policy ? parse(row->policy) : NULL;
	struct play p;

	play_begin(&p, row->name);
	p.policy = policy;
	row->talk(&p);
	if (row->learns)
		play_must_learn(&p, PORT, &iface_samr);
	else
		play_must_not_learn(&p, PORT, &iface_samr);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* ----------------------------------------------------- services that would not have answered */

#define S UINT64_C(1000000000)

/* A connection of which another part is refused keeps no pinhole open by being served */
static void a_refused_bind_refreshes_nothing(void **state)
{
	const struct offer offers[] = { { 0, iface_samr, 1, &syntax_ndr },
					{ 1, iface_drsuapi, 1, &syntax_ndr } };
	const struct answer answers[] = { { 0, 0, syntax_ndr }, { 2, 1, syntax_nil } };
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "refused, and served");
	p.cfg.pinhole_ttl_s = 100;
	play_map(&p, &iface_samr, PORT);
	p.clock_ns += 80 * S;
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	pdu_bind(&o, &head_plain, PTYPE_BIND, offers, COUNT(offers), NULL);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "", answers, COUNT(answers), NULL);
	conn_send(&c, SERVER, o.p, o.n);
	p.clock_ns += 80 * S;
	play_service(&p, PORT, &iface_samr);
	play_judge(&p);
	assert_int_equal(play_binds(&p.observe, &iface_samr, PORT, RPCGATE_DENY), 1);
	assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_DENY), 1);
	play_end(&p);
	octets_free(&o);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(mappers) + 1];
	size_t n = 0;

	ROWS(tests, n, mappers, mapper_row);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_refused_bind_refreshes_nothing);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
