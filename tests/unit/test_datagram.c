/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagram.c - the endpoint mapper over UDP: told, tied to its question, never opened */
#include <string.h>

#include "builder.h"
#include "feed.h"
#include "guard.h"
#include "play.h"
#include "rows.h"

#define NS_PER_S UINT64_C(1000000000)
#define CLIENT_PORT 40000
#define UDP_PORT 1028
#define LENGTH_AT 74
#define HEADER 80

/* What makes one datagram different from the proper one, which is all zero */
struct datagram {
	const char *client, *server;
	uint16_t client_port;
	uint16_t mapper_port;
	uint32_t sequence;
	uint8_t activity;
	uint8_t flags1;
	uint8_t auth;
	uint8_t opnum;
	bool big;
	bool other_interface;
	bool tcp;          /* the tower */
	bool garbled;      /* an octet too many */
	uint32_t fragment; /* of IP */
	uint64_t later_s;
};

static const struct datagram proper;

static uint16_t or_else(uint16_t number, uint16_t usual)
{
	return number ? number : usual;
}

static void put_header(struct octets *o, const struct datagram *d, uint8_t ptype)
{
	struct rpcgate_uuid activity = { { [3] = 1, [15] = d->activity } };

	octets_u8(o, 4);
	octets_u8(o, ptype);
	octets_u8(o, d->flags1);
	octets_u8(o, 0);
	octets_u8(o, d->big ? 0 : 0x10);
	octets_room(o, 3);
	put_uuid(o, &syntax_nil.uuid, d->big);
	put_uuid(o, d->other_interface ? &iface_samr.uuid : &iface_epm.uuid, d->big);
	put_uuid(o, &activity, d->big);
	octets_u32(o, 0, d->big);
	octets_u32(o, 3, d->big);
	octets_u32(o, d->sequence, d->big);
	octets_u16(o, or_else(d->opnum, EPT_MAP), d->big);
	octets_u32(o, 0xffffffff, d->big);
	octets_room(o, 4);
	octets_u8(o, d->auth);
	octets_u8(o, 0);
}

static void tower_of(struct octets *tower, const struct datagram *d, uint16_t port)
{
	tower_ip(tower, &iface_samr, d->tcp ? FLOOR_TCP : FLOOR_UDP, port, SERVER_HOST);
	/* floor 3 follows two floors of 25 octets: lhs length, protocol */
	if (!d->tcp)
		tower->p[2 + 2 * 25 + 2] = FLOOR_DATAGRAM;
}

static void put_stub(struct octets *o, const struct datagram *d, bool from_server)
{
	struct octets stub = { 0 }, tower = { 0 };
	struct ndr ndr = { .big = d->big };

	tower_of(&tower, d, from_server ? UDP_PORT : 0);
	if (from_server)
		epm_map_response(&stub, ndr, &tower, 1, 4, 0);
	else
		epm_map_request(&stub, ndr, &tower, 4);
	if (d->garbled)
		octets_room(&stub, 1);
	octets_put(o, stub.p, stub.n);
	octets_free(&stub);
	octets_free(&tower);
}

static void put_datagram(struct play *p, const struct datagram *d, bool from_server)
{
	struct rpcgate_addr end[2] = { addr_of(d->client ? d->client : CLIENT_HOST),
				       addr_of(d->server ? d->server : SERVER_HOST) };
	uint16_t port[2] = { or_else(d->client_port, CLIENT_PORT), or_else(d->mapper_port, 135) };
	struct framing how = framing_plain;
	struct segment seg = { .id = 7 };
	struct octets o = { 0 };

	put_header(&o, d, from_server ? 2 : 0);
	put_stub(&o, d, from_server);
	octets_set16(&o, LENGTH_AT, (unsigned)(o.n - HEADER), d->big);
	p->clock_ns += 1000000 + d->later_s * NS_PER_S;
	seg.time_ns = p->clock_ns;
	seg.src = end[from_server];
	seg.dst = end[!from_server];
	seg.sport = port[from_server];
	seg.dport = port[!from_server];
	seg.data = o.p;
	seg.len = o.n;
	how.fragment = d->fragment;
	packets_udp(&p->packets, &how, &seg);
	octets_free(&o);
}

static size_t bindings_of(const struct outcome *out)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->at[i].event.type == RPCGATE_EVENT_BINDING;
	return n;
}

static const struct rpcgate_event *binding_of(const struct outcome *out)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_BINDING)
			return &out->at[i].event;
	fail_msg("no binding was told");
	return NULL;
}

/* ---------------------------------------------------------------------- rows */

/* A question, then an answer that differs from the proper one */
struct row {
	const char *name;
	struct datagram question, answer;
	size_t bindings;
	enum rpcgate_reason alert; /* NONE: none */
};

#define PROPER                                                                                     \
	{                                                                                          \
		0                                                                                  \
	}

static const struct row rows[] = {
	{ "an answer to its question is told", PROPER, PROPER, 1, RPCGATE_REASON_NONE },
	{ "also in the other byte order", { .big = true }, { .big = true }, 1, RPCGATE_REASON_NONE },
	{ "also in pieces of IP", { .fragment = 64 }, { .fragment = 64 }, 1, RPCGATE_REASON_NONE },
	{ "also over IPv6",
	  { .client = "fd00::10", .server = "fd00::20" },
	  { .client = "fd00::10", .server = "fd00::20" },
	  1,
	  RPCGATE_REASON_NONE },
	{ "an answer to another call is not", PROPER, { .sequence = 1 }, 0, RPCGATE_REASON_NONE },
	{ "an answer of another activity is not",
	  PROPER,
	  { .activity = 1 },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an answer to another port is not",
	  PROPER,
	  { .client_port = 40001 },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an answer to another client is not",
	  PROPER,
	  { .client = OUTSIDER_HOST },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an answer of another server is not",
	  PROPER,
	  { .server = VICTIM_HOST },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an answer from another port is not",
	  PROPER,
	  { .mapper_port = 136 },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an answer that comes too late is not",
	  PROPER,
	  { .later_s = 61 },
	  0,
	  RPCGATE_REASON_NONE },
	{ "one that comes slowly is", PROPER, { .later_s = 59 }, 1, RPCGATE_REASON_NONE },
	{ "an answer of another interface is not",
	  PROPER,
	  { .other_interface = true },
	  0,
	  RPCGATE_REASON_NONE },
	{ "a question to another interface is none",
	  { .other_interface = true },
	  PROPER,
	  0,
	  RPCGATE_REASON_NONE },
	{ "a question on another port is none",
	  { .mapper_port = 593 },
	  { .mapper_port = 593 },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an operation that announces nothing",
	  { .opnum = EPT_LOOKUP_FREE },
	  { .opnum = EPT_LOOKUP_FREE },
	  0,
	  RPCGATE_REASON_NONE },
	{ "an answer in pieces is reported",
	  PROPER,
	  { .flags1 = 4 },
	  0,
	  RPCGATE_REASON_REASSEMBLY_GAP },
	{ "a sealed answer is reported", PROPER, { .auth = 10 }, 0, RPCGATE_REASON_SEALED },
	{ "an answer with an octet too many is reported",
	  PROPER,
	  { .garbled = true },
	  0,
	  RPCGATE_REASON_MALFORMED_NDR },
};

static void one_row(void **state)
{
	const struct row *row = *state;
	struct outcome *out;
	struct play p;

	play_begin(&p, row->name);
	put_datagram(&p, &row->question, false);
	put_datagram(&p, &row->answer, true);
	play_judge(&p);
	out = &p.enforce;
	assert_int_equal(bindings_of(out), row->bindings);
	assert_int_equal(bindings_of(&p.observe), row->bindings);
	if (row->alert)
		assert_int_equal(play_alerts(out, row->alert), 1);
	assert_int_equal(out->n, row->bindings + (row->alert != RPCGATE_REASON_NONE));
	assert_int_equal(out->stats.pinholes_opened, 0);
	for (size_t i = 0; i < out->n_packets; i++)
		assert_int_equal(out->action[i], RPCGATE_PASS);
	play_end(&p);
}

/* ------------------------------------------------------------------ the rest */

static void what_is_told(void **state)
{
	const struct rpcgate_event *e;
	const struct rpcgate_binding_event *b;
	struct rpcgate_addr server = addr_of(SERVER_HOST), client = addr_of(CLIENT_HOST);
	struct play p;

	(void)state;
	play_begin(&p, "told");
	put_datagram(&p, &proper, false);
	put_datagram(&p, &proper, true);
	play_judge(&p);
	e = binding_of(&p.observe);
	b = &e->u.binding;
	assert_int_equal(e->proto, 17);
	assert_true(e->flow_id > 0);
	assert_memory_equal(&e->src, &client, sizeof(client));
	assert_memory_equal(&e->dest, &server, sizeof(server));
	assert_int_equal(e->src_port, CLIENT_PORT);
	assert_int_equal(e->dest_port, 135);
	assert_int_equal(b->source, RPCGATE_EPT_MAP);
	assert_int_equal(b->protseq, RPCGATE_NCADG_IP_UDP);
	assert_int_equal(b->port, UDP_PORT);
	assert_memory_equal(&b->interface, &iface_samr, sizeof(iface_samr));
	assert_memory_equal(&b->server, &server, sizeof(server));
	assert_false(b->accepted);
	assert_int_equal(b->reason, RPCGATE_REASON_NOT_TCP_TOWER);
	assert_int_equal(p.observe.stats.answers, 1);
	assert_int_equal(p.observe.stats.pdus_udp, 2);
	assert_int_equal(p.observe.stats.pdus_udp_pieces, 0);
	play_end(&p);
}

/* A forged datagram must not open a port for TCP */
static void a_tcp_endpoint_is_told_and_not_opened(void **state)
{
	struct datagram d = proper;
	struct play p;

	(void)state;
	play_begin(&p, "a TCP tower over UDP");
	d.tcp = true;
	put_datagram(&p, &d, false);
	put_datagram(&p, &d, true);
	play_service(&p, UDP_PORT, &iface_samr);
	play_must_refuse_for(&p, &iface_samr, RPCGATE_REASON_NO_PINHOLE);
	assert_int_equal(binding_of(&p.observe)->u.binding.reason, RPCGATE_REASON_MAPPER_UNLISTED);
	assert_int_equal(binding_of(&p.observe)->u.binding.protseq, RPCGATE_NCACN_IP_TCP);
	play_end(&p);
}

static void the_first_answer_counts(void **state)
{
	struct play p;

	(void)state;
	play_begin(&p, "sent twice");
	put_datagram(&p, &proper, false);
	put_datagram(&p, &proper, false);
	put_datagram(&p, &proper, true);
	put_datagram(&p, &proper, true);
	put_datagram(&p, &proper, false);
	put_datagram(&p, &proper, true);
	play_judge(&p);
	assert_int_equal(bindings_of(&p.observe), 1);
	assert_int_equal(p.observe.stats.answers, 1);
	play_end(&p);
}

static void an_old_number_may_be_used_again(void **state)
{
	struct datagram again = proper;
	struct play p;

	(void)state;
	play_begin(&p, "an hour later");
	put_datagram(&p, &proper, false);
	put_datagram(&p, &proper, true);
	again.later_s = 3600;
	put_datagram(&p, &again, false);
	put_datagram(&p, &proper, true);
	play_judge(&p);
	assert_int_equal(bindings_of(&p.observe), 2);
	play_end(&p);
}

/* The table is a ring: the oldest question makes room, the others are answered */
static void the_oldest_question_makes_room(void **state)
{
	struct datagram d = proper;
	struct play p;

	(void)state;
	play_begin(&p, "a flood of questions");
	p.cfg.max_udp_calls = 4;
	for (uint32_t i = 0; i < 11; i++) {
		d.sequence = i;
		put_datagram(&p, &d, false);
	}
	for (uint32_t i = 0; i < 11; i++) {
		d.sequence = i;
		put_datagram(&p, &d, true);
	}
	play_judge(&p);
	assert_int_equal(bindings_of(&p.observe), 4);
	assert_int_equal(p.observe.stats.limits_reached, 7);
	play_end(&p);
}

/* Cut anywhere, by the capture or by the sender: never more than the whole says */
static void every_prefix_of_an_answer_is_silent(void **state)
{
	struct play p;
	size_t whole;

	(void)state;
	play_begin(&p, "cut short");
	put_datagram(&p, &proper, false);
	put_datagram(&p, &proper, true);
	whole = p.packets.at[1].caplen;
	for (size_t n = 0; n < whole; n++) {
		struct outcome out;

		p.packets.at[1].caplen = (uint32_t)n;
		feed_packets(&p.cfg, &p.packets, &out);
		assert_int_equal(out.n, 0);
		outcome_free(&out);
	}
	play_end(&p);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(what_is_told),
		cmocka_unit_test(a_tcp_endpoint_is_told_and_not_opened),
		cmocka_unit_test(the_first_answer_counts),
		cmocka_unit_test(an_old_number_may_be_used_again),
		cmocka_unit_test(the_oldest_question_makes_room),
		cmocka_unit_test(every_prefix_of_an_answer_is_silent),
	};
	static struct CMUnitTest tests[COUNT(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, one_row);
	return cmocka_run_group_tests_name("mapper over UDP, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("mapper over UDP", more, NULL, NULL);
}
