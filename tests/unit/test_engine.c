/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine.c - the engine as a whole: every counter, every limit, the clock, the end
 *
 * Counters and limits are tables of scenes, small conversations each made for one of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datagrams.h"
#include "memory.h"
#include "rows.h"
#include "verdict.h"

/* ------------------------------------------------------------------ scenes */

static void put_text(struct play *p, enum side from, uint16_t port, const char *text)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, port);

	conn_open(&c);
	conn_send(&c, from, text, strlen(text));
}

static void mapped(struct play *p)
{
	play_map(p, &iface_samr, PORT);
}

static void mapped_elsewhere(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	talk_map(&c, &iface_samr, PORT, VICTIM_HOST);
}

static void mapped_and_bound(struct play *p)
{
	struct conn c;

	mapped(p);
	c = ask_as(p, CLIENT_HOST, PORT, &iface_samr, 0);
	accept_bind(&c);
}

static void mapped_twice(struct play *p)
{
	mapped(p);
	mapped(p);
}

static void mapped_elsewhere_later(struct play *p)
{
	mapped(p);
	play_map(p, &iface_samr, PORT + 1);
}

static void refused(struct play *p)
{
	(void)ask_as(p, CLIENT_HOST, PORT, &iface_samr, 0);
}

static void come_back(struct play *p)
{
	mapped(p);
	p->cfg.reconnect = RPCGATE_RECONNECT_LOG;
	p->clock_ns += 301 * SECOND;
	refused(p);
}

static void udp(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 53);
	struct segment seg = conn_segment(&c, CLIENT, "query", 5);

	packets_udp(&p->packets, &framing_plain, &seg);
}

/* A request to the mapper over UDP, the first piece of it */
/* One call that was asked for, and one that was not */
static void called_over_udp(struct play *p)
{
	play_map_udp(p, &iface_lsarpc, DGRAM_PORT);
	put_dgram(p, &(struct dgram){ .iface = &iface_lsarpc });
	put_dgram(p, &(struct dgram){ .iface = &iface_drsuapi });
}

static void mapper_over_udp(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	uint8_t request[80] = { 4, 0, 4, 0, 0x10 };
	struct segment seg = conn_segment(&c, CLIENT, request, sizeof(request));

	packets_udp(&p->packets, &framing_plain, &seg);
}

/* SMB2 WRITE */
static void bind_in_a_pipe(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 445);
	struct octets o = { 0 };
	uint8_t *head = octets_room(&o, 4 + 112);

	memcpy(head + 4, "\xfeSMB", 4);
	head[4 + 12] = 9;
	head[4 + 64] = 49;
	head[4 + 66] = 112;
	head[4 + 68] = 72;
	play_bind_pdu(&o, &iface_samr);
	o.p[3] = (uint8_t)(o.n - 4);
	conn_open(&c);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_free(&o);
}

static void icmp(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 1);
	struct segment seg = conn_segment(&c, CLIENT, NULL, 0);

	packets_datagram(&p->packets, &framing_plain, &seg, 1, (const uint8_t *)"\10\0\0\0\0\0\0\0",
			 8);
}

static void malformed(struct play *p)
{
	icmp(p);
	p->packets.octets.p[14] = 0x44;
}

static void cut_short(struct play *p)
{
	icmp(p);
	p->packets.at[0].len += 10;
}

static void wrong_sum(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	conn_open(&c);
	c.how.sums = SUMS_TCP_WRONG;
	conn_data(&c, CLIENT, "\5", 1);
}

static void sum_left_to_the_card(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	c.how.sums = SUMS_OFFLOADED;
	conn_open(&c);
}

static void in_fragments(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);

	conn_open(&c);
	c.how.fragment = 24;
	conn_data(&c, CLIENT, "0123456789abcdefghijklmnopqrstuvw", 33);
}

static void fragment_alone(struct play *p)
{
	in_fragments(p);
	p->packets.n--; /* the last one never comes */
	p->clock_ns += 100 * SECOND;
	udp(p);
}

static void text_on_a_mapper_port(struct play *p)
{
	put_text(p, CLIENT, 135, "GET / HTTP/1.0\r\n\r\n");
}

static void out_of_order(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	struct octets bind = { 0 };

	conn_open(&c);
	play_bind_pdu(&bind, &iface_epm);
	conn_at(&c, CLIENT, 40, bind.p + 40, bind.n - 40);
	conn_at(&c, CLIENT, 0, bind.p, 40);
	octets_free(&bind);
}

static void never_filled(struct play *p)
{
	out_of_order(p);
	p->packets.n--;
}

static void sent_twice(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	struct octets bind = { 0 };

	conn_open(&c);
	play_bind_pdu(&bind, &iface_epm);
	conn_at(&c, CLIENT, 0, bind.p, bind.n);
	conn_at(&c, CLIENT, 0, bind.p, bind.n);
	octets_free(&bind);
}

static void sent_otherwise(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	struct octets bind = { 0 };

	conn_open(&c);
	play_bind_pdu(&bind, &iface_epm);
	conn_at(&c, CLIENT, 0, bind.p, bind.n);
	bind.p[40] ^= 1;
	conn_at(&c, CLIENT, 0, bind.p, bind.n);
	octets_free(&bind);
}

static void no_beginning(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	talk_bind(&c, &iface_epm, 1);
}

/* An answer to the question, bent at one place */
static void bent_answer(struct play *p, size_t at, uint32_t value)
{
	struct conn c = play_ask(p);
	struct octets o = { 0 };

	play_answer_pdu(&o);
	octets_set32(&o, at, value, false);
	conn_send(&c, SERVER, o.p, o.n);
	octets_free(&o);
}

static void not_registered(struct play *p)
{
	bent_answer(p, ANSWER_STATUS, EPT_NOT_REGISTERED);
}

static void more_than_said(struct play *p)
{
	bent_answer(p, ANSWER_ACTUAL, 3);
}

static void wrong_side(struct play *p)
{
	struct conn c = play_ask(p);
	struct octets o = { 0 };

	play_answer_pdu(&o);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_free(&o);
}

static void sealed(struct play *p)
{
	static const struct auth privacy = { 10, 6, 0, "0123456789abcdef", 16 };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_MAP, .auth = &privacy };
	const struct call reply = { .type = PTYPE_RESPONSE, .auth = &privacy };
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	struct octets o = { 0 };

	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	pdu_call(&o, &head_plain, &ask, "unreadable, as it is", 20);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_call(&o, &head_plain, &reply, "unreadable, as it is", 20);
	conn_send(&c, SERVER, o.p, o.n);
	octets_free(&o);
}

static void one_pinhole_too_many(struct play *p)
{
	p->cfg.max_pinholes_per_client = 1;
	mapped(p);
	play_map(p, &iface_samr, PORT + 1);
}

static void one_flow_too_many(struct play *p)
{
	p->cfg.max_flows = 1;
	put_text(p, CLIENT, 135, "\5");
	put_text(p, CLIENT, 135, "\5");
}

static void one_event_too_many(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);
	struct offer offers[3];
	struct octets o = { 0 };

	p->cfg.max_events = 2;
	for (uint16_t i = 0; i < COUNT(offers); i++)
		offers[i] = (struct offer){ i, iface_samr, 1, &syntax_ndr };
	conn_open(&c);
	pdu_bind(&o, &head_plain, PTYPE_BIND, offers, COUNT(offers), NULL);
	conn_data(&c, CLIENT, o.p, o.n);
	octets_free(&o);
}

/* The server's answer to a SYN comes in where the client is */
static void from_another_wire(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	conn_open(&c);
	p->packets.at[0].indev = 1;
	p->packets.at[0].outdev = 2;
	p->packets.at[1].indev = p->packets.at[1].outdev = 1;
}

/* A request for an operation that the policy refuses */
static void forbidden_call(struct play *p)
{
	struct conn c;

	mapped(p);
	c = play_dial(p, CLIENT_HOST, SERVER_HOST, PORT);
	talk_service(&c, &iface_samr);
}

/* ---------------------------------------------------------------- counters */

struct counter_row {
	const char *name; /* of the counter */
	void (*act)(struct play *p);
	uint64_t want; /* the most it was while observing; 0: anything but that */
};

static void unannounced(struct play *p)
{
	p->cfg.admission = RPCGATE_ADMIT_ANNOUNCED;
	play_service(p, PORT, &iface_samr);
}

static const struct counter_row counter_rows[] = {
	{ "packets", udp, 1 },
	{ "octets", udp, 47 },
	{ "packets_tcp", mapped, 14 },
	{ "packets_udp", udp, 1 },
	{ "packets_other", icmp, 1 },
	{ "packets_malformed", malformed, 1 },
	{ "packets_truncated", cut_short, 1 },
	{ "syns_refused", unannounced, 1 },
	{ "checksum_bad", wrong_sum, 1 },
	{ "checksum_offload", sum_left_to_the_card, 3 },
	{ "fragments", in_fragments, 3 },
	{ "datagrams_joined", in_fragments, 1 },
	{ "datagrams_dropped", fragment_alone, 1 },
	{ "flows", mapped_twice, 2 },
	{ "flows_rpc", mapped_twice, 2 },
	{ "flows_midstream", no_beginning, 1 },
	{ "flows_not_rpc", text_on_a_mapper_port, 1 },
	{ "flows_evicted", one_flow_too_many, 1 },
	{ "flows_live", mapped_twice, 2 },
	{ "segments_out_of_order", out_of_order, 1 },
	{ "segments_retransmitted", sent_twice, 1 },
	{ "stream_conflicts", sent_otherwise, 1 },
	{ "wrong_path", from_another_wire, 1 },
	{ "gaps", never_filled, 1 },
	{ "gap_octets", never_filled, 40 },
	{ "pdus", mapped, 4 },
	{ "pdus_malformed", wrong_side, 1 },
	{ "stubs_sealed", sealed, 1 },
	{ "pdus_udp", mapper_over_udp, 1 },
	{ "pdus_udp_pieces", mapper_over_udp, 1 },
	{ "udp_judged", called_over_udp, 2 },
	{ "udp_refused", called_over_udp, 1 },
	{ "answers", mapped, 1 },
	{ "answers_unusable", not_registered, 1 },
	{ "answers_malformed", more_than_said, 1 },
	{ "bindings", mapped_twice, 2 },
	{ "bindings_accepted", mapped_twice, 2 },
	{ "bindings_foreign", mapped_elsewhere, 1 },
	{ "bindings_moved", mapped_elsewhere_later, 1 },
	{ "bindings_live", mapped_twice, 1 },
	{ "pinholes_opened", mapped_twice, 1 },
	{ "pinholes_refreshed", mapped_twice, 1 },
	{ "pinholes_expired", come_back, 1 },
	{ "pinholes_refused", one_pinhole_too_many, 1 },
	{ "pinholes_live", mapped_twice, 1 },
	{ "binds_allowed", mapped_and_bound, 2 },
	{ "binds_logged", come_back, 1 },
	{ "binds_denied", refused, 1 },
	{ "calls_judged", forbidden_call, 1 },
	{ "calls_denied", forbidden_call, 1 },
	{ "pipe_binds", bind_in_a_pipe, 1 },
	{ "reconnects", come_back, 1 },
	{ "limits_reached", one_pinhole_too_many, 1 },
	{ "buffer_octets_used", never_filled, 0 },
	{ "buffer_octets_peak", never_filled, 0 },
	{ "events", refused, 3 }, /* bind, alert, flow */
	{ "events_lost", one_event_too_many, 2 },
};

static const char *const counter_names[] = {
#define NAME(member, text) #member,
	RPCGATE_COUNTERS(NAME)
#undef NAME
};

static size_t counter_index(const char *name)
{
	for (size_t i = 0; i < COUNT(counter_names); i++)
		if (strcmp(counter_names[i], name) == 0)
			return i;
	fail_msg("there is no counter %s", name);
	return 0;
}

static uint64_t counter(const struct rpcgate *gate, size_t i)
{
	struct rpcgate_stats stats;
	uint64_t value;

	rpcgate_stats(gate, &stats);
	memcpy(&value, (const char *)&stats + i * sizeof(value), sizeof(value));
	return value;
}

static struct rpcgate *engine(const struct rpcgate_config *cfg)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate = rpcgate_new(cfg, err);

	if (!gate)
		fail_msg("no engine: %s", err);
	return gate;
}

/* Refuses operation 1 of samr, allows what was learned */
static struct rpcgate_policy *some_policy(void)
{
	static const char text[] = "deny interface samr opnum 1\nallow interface lsarpc over any\n"
				   "allow interface any\n";
	const struct rpcgate_policy_source source = { "test", text, sizeof(text) - 1 };
	struct rpcgate_policy_error error;
	size_t n;
	struct rpcgate_policy *policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);

	if (!policy)
		fail_msg("policy: %s", error.text);
	return policy;
}

static size_t finish(struct rpcgate *gate)
{
	struct rpcgate_result r;
	size_t n = 0;

	do {
		r = rpcgate_finish(gate);
		n += r.n_events;
	} while (r.n_events);
	return n;
}

/* The highest value of a counter on the way through a play */
static uint64_t highest(const struct play *p, size_t i)
{
	struct rpcgate_policy *policy = some_policy();
	struct rpcgate *gate = engine(&p->cfg);
	uint64_t most = 0, now;

	rpcgate_set_policy(gate, policy);
	for (size_t k = 0; k <= p->packets.n; k++) {
		if (k < p->packets.n) {
			struct rpcgate_packet packet = packets_get(&p->packets, k);

			(void)rpcgate_feed(gate, &packet);
		} else {
			finish(gate);
		}
		now = counter(gate, i);
		most = now > most ? now : most;
	}
	rpcgate_free(gate);
	rpcgate_policy_free(policy);
	return most;
}

static void counter_row(void **state)
{
	const struct counter_row *row = *state;
	struct play p;
	uint64_t got;

	play_begin(&p, row->name);
	row->act(&p);
	got = highest(&p, counter_index(row->name));
	if (row->want ? got != row->want : !got)
		fail_msg("%s is %llu instead of %llu", row->name, (unsigned long long)got,
			 (unsigned long long)row->want);
	play_end(&p);
}

static void every_counter_has_its_scene(void **state)
{
	(void)state;
	assert_int_equal(COUNT(counter_rows), COUNT(counter_names));
	assert_int_equal(sizeof(struct rpcgate_stats), COUNT(counter_names) * sizeof(uint64_t));
	for (size_t i = 0; i < COUNT(counter_names); i++)
		assert_string_equal(counter_rows[i].name, counter_names[i]);
}

static void a_new_engine_counts_from_zero(void **state)
{
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	(void)state;
	feed_config(&cfg);
	gate = engine(&cfg);
	for (size_t i = 0; i < COUNT(counter_names); i++)
		assert_true(counter(gate, i) == 0);
	assert_int_equal(finish(gate), 0);
	rpcgate_free(gate);
}

/* ------------------------------------------------------------------- limits */

struct limit_row {
	const char *name;
	void (*act)(struct play *p);
	const char *detail; /* a word of what is told */
	size_t grants;      /* ports that are open afterwards */
	uint64_t times;     /* 0: any number but none */
};

static void limit_per_client(struct play *p)
{
	p->cfg.max_pinholes_per_client = 2;
	for (uint16_t i = 0; i < 4; i++)
		play_map(p, &iface_samr, (uint16_t)(PORT + i));
}

static void limit_per_server(struct play *p)
{
	p->cfg.max_pinholes_per_server = 2;
	for (uint16_t i = 0; i < 4; i++)
		play_map(p, &iface_samr, (uint16_t)(PORT + i));
}

static void limit_interfaces(struct play *p)
{
	p->cfg.max_interfaces = 2;
	play_map(p, &iface_samr, PORT);
	play_map(p, &iface_lsarpc, PORT);
	play_map(p, &iface_drsuapi, PORT);
	play_map(p, &iface_svcctl, PORT);
	play_map(p, &iface_lsarpc, PORT); /* known: no new one */
}

static void limit_pinholes(struct play *p)
{
	p->cfg.max_pinholes = 2;
	for (uint16_t i = 0; i < 4; i++)
		play_map(p, &iface_samr, (uint16_t)(PORT + i));
}

static void limit_bindings(struct play *p)
{
	p->cfg.max_bindings = 2;
	for (uint16_t i = 0; i < 4; i++)
		play_map(p, &iface_samr, (uint16_t)(PORT + i));
}

/* What cannot be told must not be open */
static void limit_events_of_one_packet(struct play *p)
{
	p->cfg.max_events = 1;
	mapped(p);
}

static void limit_contexts(struct play *p)
{
	p->cfg.max_contexts = 2;
	one_event_too_many(p); /* three contexts */
	p->cfg.max_events = 64;
}

static void limit_calls(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	p->cfg.max_calls = 2;
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	for (uint32_t id = 2; id < 6; id++)
		talk_ask(&c, &iface_samr, id);
	talk_answer(&c, &iface_samr, 5, PORT, SERVER_HOST); /* the youngest is used */
	talk_answer(&c, &iface_samr, 4, PORT + 1, SERVER_HOST);
	talk_answer(&c, &iface_samr, 3, PORT + 2, SERVER_HOST); /* not any more */
}

static void limit_stub(struct play *p)
{
	p->cfg.max_stub = 100;
	mapped(p);
}

static void limit_flows(struct play *p)
{
	p->cfg.max_flows = 2;
	for (uint16_t i = 0; i < 4; i++)
		put_text(p, CLIENT, 135, "\5");
}

static void limit_islands(struct play *p)
{
	static const uint8_t nothing[1000];
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	p->cfg.max_island_octets = 4096;
	conn_open(&c);
	for (int32_t i = 0; i < 6; i++)
		conn_at(&c, CLIENT, 1 + i * 1000, nothing, sizeof(nothing));
}

static const struct limit_row limit_rows[] = {
	{ "pinholes of one client", limit_per_client, "max_pinholes_per_client", 2, 2 },
	{ "pinholes of one server", limit_per_server, "max_pinholes_per_server", 2, 2 },
	{ "interfaces of one pinhole", limit_interfaces, "max_interfaces", 2, 2 },
	{ "pinholes", limit_pinholes, "max_pinholes:", 2, 2 },
	{ "bindings", limit_bindings, "max_bindings", 4, 2 },
	{ "events", limit_events_of_one_packet, "max_events", 0, 1 },
	{ "contexts", limit_contexts, "max_contexts", 0, 1 },
	{ "calls", limit_calls, "max_calls", 2, 2 },
	{ "octets of a call", limit_stub, "max_stub", 0, 1 },
	{ "flows", limit_flows, "max_flows", 0, 2 },
	{ "octets out of order", limit_islands, "limit.islands", 0, 0 },
};

/* Counted each time, told once, and nothing is open but what was announced before */
static void limit_row(void **state)
{
	const struct limit_row *row = *state;
	struct play p;

	play_begin(&p, row->name);
	row->act(&p);
	play_judge(&p);
	assert_int_equal(limit_events(&p.observe, row->detail), 1);
	assert_int_equal(limit_events(&p.enforce, row->detail), 1);
	assert_int_equal(limit_events(&p.observe, ""), 1);
	if (row->times)
		assert_true(p.observe.stats.limits_reached == row->times);
	assert_true(p.observe.stats.limits_reached > 0);
	assert_true(p.observe.stats.pinholes_opened == row->grants);
	assert_true(p.enforce.stats.pinholes_opened == row->grants);
	assert_true(p.observe.stats.events_lost == 0 || p.cfg.max_events == 1);
	play_end(&p);
}

/* A large segment around an island, too large to be held behind it: first what is in order, then
 * the island, then the rest */
static void what_could_not_be_held_is_read_in_its_order(void **state)
{
	const struct call ask = { .type = PTYPE_REQUEST };
	const struct head h = { .flags = 3, .call_id = 2 };
	static const uint8_t stub[5500];
	struct octets o = { 0 };
	struct play p;
	struct conn c;

	(void)state;
	play_begin(&p, "a large segment");
	p.cfg.max_island_octets = 4096;
	mapped(&p);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	play_bind_pdu(&o, &iface_samr);
	pdu_call(&o, &h, &ask, stub, sizeof(stub));
	conn_at(&c, CLIENT, 20, o.p + 20, 10);
	conn_at(&c, CLIENT, 0, o.p, o.n);
	conn_at(&c, CLIENT, 0, o.p, o.n); /* enforcing, the first one was dropped */
	octets_free(&o);
	play_must_allow(&p, &iface_samr);
	assert_true(p.observe.stats.pdus == 4 + 2 && p.enforce.stats.pdus == 4 + 2);
	assert_true(p.observe.stats.gaps == 0);
	assert_int_equal(p.enforce.action[p.packets.n - 2], RPCGATE_DROP);
	play_end(&p);
}

/* Two fragments of a Bind, and a decoy of the second in between that its receiver discards for the
 * sum of its IP header: what the receiver joins is judged, not the decoy */
static void a_fragment_nobody_takes_completes_nothing(void **state)
{
	struct octets samr = { 0 }, drsuapi = { 0 };
	struct play p;
	struct conn c;
	size_t first;

	(void)state;
	play_begin(&p, "decoy among fragments");
	play_bind_pdu(&samr, &iface_samr);
	play_bind_pdu(&drsuapi, &iface_drsuapi);
	mapped(&p);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	conn_open(&c);
	c.how.fragment = 48; /* header and 28 octets; 44 with the interface */
	c.how.sums = SUMS_IP_WRONG;
	first = p.packets.n;
	conn_at(&c, CLIENT, 0, samr.p, samr.n);
	p.packets.at[first] = p.packets.at[--p.packets.n]; /* the second fragment alone */
	c.id--;
	c.how.sums = SUMS_RIGHT;
	conn_at(&c, CLIENT, 0, drsuapi.p, drsuapi.n);
	octets_free(&samr);
	octets_free(&drsuapi);
	play_must_refuse(&p, &iface_drsuapi);
	assert_true(p.enforce.stats.checksum_bad == 1);
	assert_true(p.enforce.stats.datagrams_joined == 1);
	assert_true(p.enforce.stats.datagrams_dropped == 0);
	assert_int_equal(p.enforce.action[first], RPCGATE_DROP);
	play_end(&p);
}

/* Half-open flows go before closed ones, those before live ones; of each the oldest */
static void who_is_let_go_first(void **state)
{
	struct play p;
	struct conn live, other;

	(void)state;
	play_begin(&p, "eviction");
	p.cfg.max_flows = 3;
	live = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&live);
	talk_bind(&live, &iface_epm, 1);
	mapped(&p);                    /* closed */
	for (int i = 0; i < 20; i++) { /* half-open */
		other = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, 135);
		conn_open(&other);
	}
	talk_ask(&live, &iface_samr, 2);
	talk_answer(&live, &iface_samr, 2, PORT + 1, SERVER_HOST);
	play_judge(&p);
	assert_int_equal(play_grants(&p.observe, PORT + 1), 2);
	assert_true(p.observe.stats.flows_evicted == 19);
	for (size_t i = 0; i < p.observe.n; i++) /* none of those two */
		if (p.observe.at[i].event.type == RPCGATE_EVENT_FLOW)
			assert_int_not_equal(p.observe.at[i].event.u.flow.state,
					     RPCGATE_FLOW_EVICTED);
	/* two more that bind: now the closed one must go, then the live one */
	for (int i = 0; i < 3; i++) {
		other = play_dial(&p, OUTSIDER_HOST, SERVER_HOST, 135);
		conn_open(&other);
		talk_bind(&other, &iface_epm, 1);
	}
	play_judge(&p);
	assert_int_equal(p.observe.stats.flows_rpc, 5);
	for (size_t i = 0, n = 0; i < p.observe.n; i++) {
		const struct rpcgate_event *e = &p.observe.at[i].event;

		if (e->type != RPCGATE_EVENT_FLOW || e->flow_id > 2)
			continue;
		assert_true(e->flow_id == (n++ ? 1 : 2));
		assert_int_equal(e->u.flow.state,
				 n == 1 ? RPCGATE_FLOW_CLOSED : RPCGATE_FLOW_EVICTED);
	}
	play_end(&p);
}

/* ------------------------------------------------------------------- clock */

struct clock_row {
	const char *name;
	uint64_t start_ns;
	int64_t step_ms;  /* after the announcement, with one packet */
	uint64_t wait_ms; /* from there to the Bind */
	enum rpcgate_reason want;
};

#define START UINT64_C(1700000000000000000)
#define MS UINT64_C(1000000)
#define YEAR_MS INT64_C(31556952000)
#define OPEN RPCGATE_REASON_LEARNED
#define ENDED RPCGATE_REASON_PINHOLE_EXPIRED
#define FORGOTTEN RPCGATE_REASON_NO_PINHOLE

static const struct clock_row clock_rows[] = {
	{ "a clock that stands still", START, 0, 0, OPEN },
	{ "time that passes", START, 0, 299000, OPEN },
	{ "time that has passed", START, 0, 300000, ENDED },
	{ "an hour back: what is left of it counts on", START, -3600000, 299000, OPEN },
	{ "an hour back does not prolong", START, -3600000, 300000, ENDED },
	{ "ten years back neither", START, -10 * YEAR_MS, 300000, ENDED },
	{ "half a second back is jitter: captured time counts", START, -500, 300000, OPEN },
	{ "and not more of it", START, -500, 301000, ENDED },
	{ "two seconds back are none", START, -2000, 300000, ENDED },
	{ "a leap ahead ends it", START, 3600000, 0, ENDED },
	{ "a packet from the far future ends everything", START, 100 * YEAR_MS, 0, FORGOTTEN },
	{ "time begins at zero", 0, 0, 299000, OPEN },
	{ "and passes from there", 0, 0, 300000, ENDED },
	{ "back to zero", START, -1700000000000, 299000, OPEN },
	{ "back to zero does not prolong", START, -1700000000000, 300000, ENDED },
};

static void clock_row(void **state)
{
	const struct clock_row *row = *state;
	struct play p;

	play_begin(&p, row->name);
	p.clock_ns = row->start_ns;
	mapped(&p);
	p.clock_ns += (uint64_t)row->step_ms * MS;
	udp(&p);
	p.clock_ns += row->wait_ms * MS;
	refused(&p);
	must_say(&p, row->want == OPEN ? RPCGATE_ALLOW : RPCGATE_DENY, row->want);
	play_end(&p);
}

/* One packet from far away: what comes after it is judged as if nothing had been */
static void a_far_packet_spoils_nothing_that_follows(void **state)
{
	static const uint64_t far[] = { 0, 1, START + 100 * (uint64_t)YEAR_MS * MS, UINT64_MAX / 2,
					UINT64_MAX };
	struct play p;

	(void)state;
	for (size_t i = 0; i < COUNT(far); i++)
		for (uint64_t wait = 299; wait <= 300; wait++) {
			play_begin(&p, "far away");
			udp(&p);
			p.packets.at[0].time_ns = far[i];
			p.clock_ns = START;
			mapped(&p);
			p.clock_ns += wait * SECOND;
			refused(&p);
			must_say(&p, wait < 300 ? RPCGATE_ALLOW : RPCGATE_DENY,
				 wait < 300 ? OPEN : ENDED);
			play_end(&p);
		}
}

/* Steps to and fro add up to the sum of the steps ahead: only ever shorter */
static void steps_to_and_fro_never_prolong(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "to and fro");
	mapped(&p);
	for (int i = 0; i < 31; i++) {
		p.clock_ns += 10 * SECOND;
		udp(&p);
		p.clock_ns -= 9 * SECOND + SECOND / 2;
		udp(&p);
	}
	refused(&p);
	must_say(&p, RPCGATE_DENY, RPCGATE_REASON_PINHOLE_EXPIRED);
	play_end(&p);
}

/* ---------------------------------------------------------------------- end */

/* However few events fit, all are told, and the engine is empty then */
static void finishing_takes_as_many_calls_as_it_needs(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 7, 64 };
	struct rpcgate_stats stats;
	struct rpcgate *gate;
	struct play p;

	(void)state;
	play_begin(&p, "the end");
	for (int i = 0; i < 50; i++) {
		struct conn c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);

		conn_open(&c);
		talk_bind(&c, &iface_epm, 1);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		p.cfg.max_events = sizes[i];
		gate = engine(&p.cfg);
		for (size_t k = 0; k < p.packets.n; k++) {
			struct rpcgate_packet packet = packets_get(&p.packets, k);

			assert_true(rpcgate_feed(gate, &packet).n_events <= sizes[i]);
		}
		assert_int_equal(finish(gate), 50);
		rpcgate_stats(gate, &stats);
		assert_true(stats.flows_live == 0 && stats.buffer_octets_used == 0);
		assert_true(stats.events_lost == 0);
		/* nothing is left to be told */
		assert_int_equal(finish(gate), 0);
		rpcgate_free(gate);
	}
	play_end(&p);
}

static void an_engine_goes_on_after_its_end(void **state)
{
	struct rpcgate *gate;
	struct play p;
	bool allowed = false;

	(void)state;
	play_begin(&p, "going on");
	mapped(&p);
	gate = engine(&p.cfg);
	for (int round = 0; round < 2; round++) {
		for (size_t k = 0; k < p.packets.n; k++) {
			struct rpcgate_packet packet = packets_get(&p.packets, k);
			struct rpcgate_result r = rpcgate_feed(gate, &packet);

			for (size_t i = 0; i < r.n_events; i++)
				allowed |= r.events[i].type == RPCGATE_EVENT_BIND &&
					   r.events[i].dest_port == PORT &&
					   r.events[i].u.bind.verdict == RPCGATE_ALLOW;
		}
		finish(gate);
		packets_clear(&p.packets);
		refused(&p);
	}
	assert_true(allowed);
	rpcgate_free(gate);
	play_end(&p);
}

/* ------------------------------------------------------------------ results */

static void what_a_result_says(void **state)
{
	struct rpcgate_result r;
	struct rpcgate_packet packet;
	struct rpcgate *gate;
	struct play p;

	(void)state;
	play_begin(&p, "results");
	udp(&p);
	text_on_a_mapper_port(&p);
	put_text(&p, CLIENT, 50000, "GET / HTTP/1.0\r\n\r\n");
	put_text(&p, CLIENT, 80, "GET / HTTP/1.0\r\n\r\n");
	p.cfg.mode = RPCGATE_ENFORCE;
	gate = engine(&p.cfg);
	for (size_t i = 0; i < p.packets.n; i++) {
		bool mapper = i == 4, dynamic = i == 9;

		packet = packets_get(&p.packets, i);
		r = rpcgate_feed(gate, &packet);
		assert_int_equal(r.l3_offset, 14);
		assert_int_equal(r.not_rpc, mapper || dynamic);
		assert_int_equal(r.action, mapper ? RPCGATE_REJECT :
					   i == 5 ? RPCGATE_DROP :
						    RPCGATE_PASS);
		if (mapper)
			assert_int_equal(r.reason, RPCGATE_REASON_NOT_RPC);
		/* foreign flows are let go at once: the acknowledgement belongs to none */
		assert_int_equal(r.flow_id, i < 1  ? 0 :
					    i < 6  ? 1 :
					    i < 10 ? 2 :
					    i < 11 ? 0 :
					    i < 15 ? 3 :
						     0);
	}
	rpcgate_free(gate);
	play_end(&p);
}

/* --------------------------------------------------------------- allocation */

/* All memory is reserved by rpcgate_new(): nothing that comes later asks for more */
static void nothing_is_allocated_later(void **state)
{
	struct rpcgate_policy *policy = some_policy();
	struct rpcgate *gate;
	struct play p;
	size_t asked;

	(void)state;
	play_begin(&p, "everything");
	for (size_t i = 0; i < COUNT(counter_rows); i++)
		counter_rows[i].act(&p);
	for (size_t i = 0; i < COUNT(limit_rows); i++)
		limit_rows[i].act(&p);
	feed_config(&p.cfg);
	gate = engine(&p.cfg);
	rpcgate_set_policy(gate, policy);
	asked = memory_asked();
	for (size_t k = 0; k < p.packets.n; k++) {
		struct rpcgate_packet packet = packets_get(&p.packets, k);

		(void)rpcgate_feed(gate, &packet);
	}
	(void)rpcgate_tick(gate, p.clock_ns + 7200 * SECOND);
	finish(gate);
	assert_int_equal(memory_asked(), asked);
	rpcgate_free(gate);
	rpcgate_policy_free(policy);
	play_end(&p);
}

/* Whichever allocation fails: no engine, an error, and no leak (the sanitizer looks) */
static void no_memory_is_an_answer(void **state)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate *gate;
	size_t needed;

	(void)state;
	feed_config(&cfg);
	needed = memory_asked();
	gate = engine(&cfg);
	needed = memory_asked() - needed;
	assert_true(needed > 10);
	rpcgate_free(gate);
	for (size_t nth = 1; nth <= needed; nth++) {
		err[0] = '\0';
		memory_ends_at(nth);
		gate = rpcgate_new(&cfg, err);
		memory_ends_at(0);
		assert_null(gate);
		assert_non_null(strstr(err, "memory"));
	}
}

#define OTHERS 12

int main(void)
{
	struct CMUnitTest
		tests[COUNT(counter_rows) + COUNT(limit_rows) + COUNT(clock_rows) + OTHERS] = {
			cmocka_unit_test(every_counter_has_its_scene),
			cmocka_unit_test(a_new_engine_counts_from_zero),
			cmocka_unit_test(who_is_let_go_first),
			cmocka_unit_test(a_fragment_nobody_takes_completes_nothing),
			cmocka_unit_test(what_could_not_be_held_is_read_in_its_order),
			cmocka_unit_test(a_far_packet_spoils_nothing_that_follows),
			cmocka_unit_test(steps_to_and_fro_never_prolong),
			cmocka_unit_test(finishing_takes_as_many_calls_as_it_needs),
			cmocka_unit_test(an_engine_goes_on_after_its_end),
			cmocka_unit_test(what_a_result_says),
			cmocka_unit_test(nothing_is_allocated_later),
			cmocka_unit_test(no_memory_is_an_answer),
		};
	size_t n = OTHERS;

	ROWS(tests, n, counter_rows, counter_row);
	ROWS(tests, n, limit_rows, limit_row);
	ROWS(tests, n, clock_rows, clock_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
