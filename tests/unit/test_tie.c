/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What passes without an announcement, and everything close to it that does not */
#include "play.h"
#include "rows.h"

#include <string.h>

static const struct rpcgate_syntax remunknown2 = { { { 0, 0, 0x01, 0x43, 0, 0, 0, 0, 0xc0, 0, 0, 0,
						       0, 0, 0, 0x46 } },
						   0,
						   0 };

static struct rpcgate_policy *parse(const char *text)
{
	const struct rpcgate_policy_source source = { "policy.conf", text, strlen(text) };
	struct rpcgate_policy_error error;
	size_t n;

	return rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);
}

/* A mapper call of CLIENT_HOST to SERVER_HOST that nobody between them can read */
static void sealed_talk(struct play *p)
{
	const struct auth auth = { 10, 6, 1, "0123456789abcdef", 16 };
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call ask = { PTYPE_REQUEST, 0, EPT_MAP, NULL, &auth };
	const struct call reply = { PTYPE_RESPONSE, 0, 0, NULL, &auth };
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	struct octets o = { 0 };

	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	pdu_call(&o, &h, &ask, "0123456789abcdef", 16);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_call(&o, &h, &reply, "0123456789abcdef", 16);
	conn_send(&c, SERVER, o.p, o.n);
	octets_free(&o);
}

static void bind_to(struct play *p, const char *from, const char *to, uint16_t port,
		    const struct rpcgate_syntax *iface)
{
	struct conn c = play_dial(p, from, to, port);
	struct octets bind = { 0 };

	conn_open(&c);
	play_bind_pdu(&bind, iface);
	conn_data(&c, CLIENT, bind.p, bind.n);
	octets_free(&bind);
}

static size_t logged(const struct play *p, const struct rpcgate_syntax *iface)
{
	size_t n = play_binds(&p->observe, iface, 0, RPCGATE_LOG);

	assert_int_equal(n, play_binds(&p->enforce, iface, 0, RPCGATE_LOG));
	return n;
}

/* ------------------------------------------------------------------- sealed */

static void sealed_is_said_by_default(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "log");
	sealed_talk(&p);
	bind_to(&p, CLIENT_HOST, SERVER_HOST, PORT, &remunknown2);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_SEALED), 1);
	assert_int_equal(logged(&p, &remunknown2), 0);
	play_end(&p);
}

static void sealed_block_cuts_the_connection(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "block");
	p.cfg.sealed = RPCGATE_SEALED_BLOCK;
	sealed_talk(&p);
	play_judge(&p);
	assert_int_not_equal(p.enforce.action[p.packets.n - 1], RPCGATE_PASS);
	assert_int_equal(p.observe.action[p.packets.n - 1], RPCGATE_PASS);
	play_end(&p);
}

static void a_hint_is_good_for_four_connections(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "hint");
	p.cfg.sealed = RPCGATE_SEALED_HINT;
	sealed_talk(&p);
	for (int i = 0; i < 6; i++)
		bind_to(&p, CLIENT_HOST, SERVER_HOST, (uint16_t)(PORT + i), &remunknown2);
	play_judge(&p);
	assert_int_equal(logged(&p, &remunknown2), 4);
	assert_int_equal(play_binds(&p.enforce, &remunknown2, 0, RPCGATE_DENY), 2);
	play_end(&p);
}

static void a_hint_is_for_thirty_seconds(void **state)
{
	struct play p;

	(void)state;
	for (unsigned s = 29; s <= 31; s += 2) {
		play_begin(&p, "hint in time");
		p.cfg.sealed = RPCGATE_SEALED_HINT;
		sealed_talk(&p);
		p.clock_ns += s * UINT64_C(1000000000);
		bind_to(&p, CLIENT_HOST, SERVER_HOST, PORT, &remunknown2);
		play_judge(&p);
		assert_int_equal(logged(&p, &remunknown2), s < 30);
		play_end(&p);
	}
}

static void a_hint_is_for_this_client_server_range_and_interface(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "hint for others");
	p.cfg.sealed = RPCGATE_SEALED_HINT;
	sealed_talk(&p);
	bind_to(&p, OUTSIDER_HOST, SERVER_HOST, PORT, &remunknown2);
	bind_to(&p, CLIENT_HOST, VICTIM_HOST, PORT, &remunknown2);
	bind_to(&p, CLIENT_HOST, SERVER_HOST, 5000, &remunknown2);
	bind_to(&p, CLIENT_HOST, SERVER_HOST, PORT, &iface_samr);
	play_judge(&p);
	assert_int_equal(logged(&p, NULL), 0);
	assert_int_equal(play_binds(&p.enforce, NULL, 0, RPCGATE_DENY), 4);
	play_end(&p);
}

static void a_policy_names_the_group(void **state)
{
	struct rpcgate_policy *policy = parse("sealed hint group lsass\n");
	struct play p;

	(void)state;
	assert_non_null(policy);
	play_begin(&p, "hint for a group");
	p.policy = policy;
	sealed_talk(&p);
	bind_to(&p, CLIENT_HOST, SERVER_HOST, PORT, &iface_samr);
	bind_to(&p, CLIENT_HOST, SERVER_HOST, PORT, &iface_svcctl);
	play_judge(&p);
	assert_int_equal(logged(&p, &iface_samr), 1);
	assert_int_equal(logged(&p, &iface_svcctl), 0);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* --------------------------------------------------------------- call-backs */

static void served(struct play *p)
{
	struct conn c;

	play_map(p, &iface_samr, PORT);
	c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	talk_bind(&c, &iface_samr, 1);
}

static size_t called_back(const char *text, const char *from, const char *to, unsigned after_s,
			  bool first)
{
	struct rpcgate_policy *policy = parse(text);
	struct play p;
	size_t n;

	assert_non_null(policy);
	play_begin(&p, text);
	p.policy = policy;
	if (first)
		served(&p);
	p.clock_ns += after_s * UINT64_C(1000000000);
	bind_to(&p, from, to, PORT + 1, &iface_svcctl);
	play_judge(&p);
	n = play_binds(&p.enforce, &iface_svcctl, 0, RPCGATE_ALLOW);
	assert_int_equal(n, play_binds(&p.observe, &iface_svcctl, 0, RPCGATE_ALLOW));
	assert_true(!n || play_told(&p.enforce, RPCGATE_REASON_CALLBACK));
	play_end(&p);
	rpcgate_policy_free(policy);
	return n;
}

static void a_server_may_call_back_whom_it_serves(void **state)
{
	const char *rule = "callback interface svcctl\n";

	(void)state;
	assert_int_equal(called_back(rule, SERVER_HOST, CLIENT_HOST, 1, true), 1);
	assert_int_equal(called_back(rule, SERVER_HOST, CLIENT_HOST, 301, true), 0);
	assert_int_equal(called_back(rule, SERVER_HOST, CLIENT_HOST, 1, false), 0);
	assert_int_equal(called_back(rule, SERVER_HOST, VICTIM_HOST, 1, true), 0);
	assert_int_equal(called_back(rule, VICTIM_HOST, CLIENT_HOST, 1, true), 0);
	assert_int_equal(called_back(rule, CLIENT_HOST, SERVER_HOST, 1, true), 0);
	assert_int_equal(
		called_back("callback interface samr\n", SERVER_HOST, CLIENT_HOST, 1, true), 0);
	assert_int_equal(called_back("callback interface svcctl from 10.0.0.0/8\n", SERVER_HOST,
				     CLIENT_HOST, 1, true),
			 0);
	assert_int_equal(called_back("deny interface svcctl\ncallback interface svcctl\n",
				     SERVER_HOST, CLIENT_HOST, 1, true),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_is_said_by_default),
		cmocka_unit_test(sealed_block_cuts_the_connection),
		cmocka_unit_test(a_hint_is_good_for_four_connections),
		cmocka_unit_test(a_hint_is_for_thirty_seconds),
		cmocka_unit_test(a_hint_is_for_this_client_server_range_and_interface),
		cmocka_unit_test(a_policy_names_the_group),
		cmocka_unit_test(a_server_may_call_back_whom_it_serves),
	};

	return cmocka_run_group_tests_name("ties", tests, NULL, NULL);
}
