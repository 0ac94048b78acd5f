/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a port is open, asked of one line of cache: true to the nanosecond, whatever the sweep has
 * told by then; and a sweep that delays no packet for long */
#include "gate.h"
#include "rows.h"

#define START (UINT64_C(1700000000) * NS_PER_S)
#define LIFE_S 100U
#define MANY 20000U

static struct rpcgate *new_engine_of(uint32_t max_pinholes)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	rpcgate_config_default(&cfg);
	cfg.max_pinholes = max_pinholes;
	cfg.max_pinholes_per_client = cfg.max_pinholes_per_server = MANY;
	cfg.pinhole_ttl_s = LIFE_S;
	gate = rpcgate_new(&cfg, err);
	assert_non_null(gate);
	return gate;
}

static struct rpcgate *new_engine(void)
{
	return new_engine_of(MANY);
}

static struct rpcgate_addr host(bool ip6, uint8_t number)
{
	struct rpcgate_addr a = { { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2 } };

	if (ip6)
		a = (struct rpcgate_addr){ { 0x20, 1, 0xd, 0xb8 } };
	a.octet[15] = number;
	return a;
}

static enum rpcgate_reason try_one(struct rpcgate *gate, bool ip6, uint32_t zone, uint16_t port,
				   uint8_t major, uint64_t until_ns)
{
	const struct rpcgate_pinhole_record record = { .client = host(ip6, 1),
						       .server = host(ip6, 2),
						       .zone = zone,
						       .port = port,
						       .proto = IP_PROTO_TCP,
						       .interface = { .major = major },
						       .open = true,
						       .source = RPCGATE_EPT_MAP,
						       .learned_ns = START,
						       .until_ns = until_ns };

	return rpcgate_restore_pinhole(gate, &record, START).reason;
}

static void open_one(struct rpcgate *gate, bool ip6, uint32_t zone, uint16_t port, uint8_t major,
		     uint64_t until_ns)
{
	assert_int_equal(try_one(gate, ip6, zone, port, major, until_ns), RPCGATE_REASON_NONE);
}

static bool is_open(struct rpcgate *gate, bool ip6, uint32_t zone, uint64_t now_ns)
{
	const struct pinhole_key key = { host(ip6, 1), host(ip6, 2), zone, 49200, IP_PROTO_TCP, 0 };

	gate->now_ns = now_ns; /* nothing was swept */
	return pinhole_is_open(gate, &key);
}

struct row {
	const char *name;
	bool ip6;
	uint32_t zone;
};

static const struct row rows[] = {
	{ "an IPv4 pinhole ends to the nanosecond", false, 0 },
	{ "one of IPv6", true, 0 },
	{ "one in a zone that fits the key", false, 32767 },
	{ "one in a zone that does not", false, 32768 },
	{ "one in a zone beyond 16 bits", false, 65536 },
};

static void ends_exactly(void **state)
{
	static const uint64_t lives_ns[] = { 1, 999999999, 10 * NS_PER_S, 50 * NS_PER_S + 7 };
	const struct row *row = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lives_ns); i++)
		for (unsigned late = 0; late < 2; late++) {
			struct rpcgate *gate = new_engine();
			uint64_t until = START + lives_ns[i];

			open_one(gate, row->ip6, row->zone, 49200, 1, until);
			assert_true(is_open(gate, row->ip6, row->zone, START));
			assert_true(is_open(gate, row->ip6, row->zone, until - 1));
			assert_false(is_open(gate, row->ip6, row->zone + 1, until - 1));
			assert_false(is_open(gate, !row->ip6, row->zone, until - 1));
			assert_false(
				is_open(gate, row->ip6, row->zone, until + late * 5 * NS_PER_S));
			assert_false(is_open(gate, row->ip6, row->zone, until + 8 * NS_PER_S));
			rpcgate_free(gate);
		}
}

/* Whatever the policy says */
static void open_key(struct rpcgate *gate, const struct pinhole_key *key, uint64_t until_ns)
{
	const struct rpcgate_pinhole_record record = { .open = true, .until_ns = until_ns };
	const struct flow f = { .key = { .addr = { key->client, key->server }, .zone = key->zone },
				.udp = key->proto == IP_PROTO_UDP };

	gate->now_ns = START;
	assert_int_equal(pinhole_restore(gate, &f, key->port, &record), RPCGATE_REASON_NONE);
}

/* A port of TCP and one of UDP with the same number are two: each is open for itself, found when it
 * is announced again, and forgotten alone */
static void ports_of_two_protocols(void **state)
{
	static const uint8_t protos[] = { IP_PROTO_TCP, IP_PROTO_UDP };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned first = 0; first < 2; first++) {
			const struct row *row = &rows[i];
			struct pinhole_key one = { host(row->ip6, 1), host(row->ip6, 2),
						   row->zone,         49200,
						   protos[first],     0 };
			struct rpcgate *gate = new_engine();
			struct pinhole_key other = one;
			uint64_t until = START + 50 * NS_PER_S;

			other.proto = protos[!first];
			open_key(gate, &one, until);
			assert_true(pinhole_is_open(gate, &one));
			assert_false(pinhole_is_open(gate, &other));
			assert_null(pinhole_find(gate, &other));
			for (unsigned again = 0; again < 2; again++)
				open_key(gate, &other, until);
			assert_int_equal(gate->stats.pinholes_live, 2);
			assert_non_null(pinhole_find(gate, &one));
			assert_non_null(pinhole_find(gate, &other));
			assert_ptr_not_equal(pinhole_find(gate, &one), pinhole_find(gate, &other));
			rpcgate_free(gate);
		}
}

/* Of two interfaces on a port the later end counts */
static void the_last_interface_counts(void **state)
{
	struct rpcgate *gate = new_engine();
	uint64_t first = START + 20 * NS_PER_S, last = START + 60 * NS_PER_S;

	(void)state;
	open_one(gate, false, 0, 49200, 1, last);
	open_one(gate, false, 0, 49200, 2, first);
	assert_true(is_open(gate, false, 0, first));
	assert_true(is_open(gate, false, 0, last - 1));
	assert_false(is_open(gate, false, 0, last));
	rpcgate_free(gate);
}

static void check_interfaces(struct rpcgate *gate, const uint8_t *majors, size_t n)
{
	const struct pinhole_key key = { host(false, 1), host(false, 2), 0, 49200, IP_PROTO_TCP, 0 };
	const struct pinhole *p = pinhole_find(gate, &key);

	assert_non_null(p);
	for (uint8_t major = 1; major < 9; major++) {
		const struct rpcgate_syntax interface = { .major = major };
		const struct grant *grant = pinhole_grant(gate, p, &interface);
		bool there = false;

		for (size_t i = 0; i < n; i++)
			there |= majors[i] == major;
		assert_int_equal(grant != NULL, there);
		if (grant)
			assert_int_equal(pinhole_interface(gate, grant)->major, major);
	}
}

/* One interface of a pinhole lies in it, others beside it: whichever of them is forgotten, its
 * place is used again, and an interface is kept once, as long as somebody has it */
static void interfaces_come_and_go(void **state)
{
	static const uint8_t before[] = { 1, 2, 3 }, between[] = { 2, 3 }, after[] = { 2, 3, 4, 5 };
	struct rpcgate *gate = new_engine();
	const struct pinholes *ps = &gate->pinholes;
	uint64_t soon = START + 10 * NS_PER_S, late = START + 90 * NS_PER_S;

	(void)state;
	gate->cfg.pinhole_record_s = 0;
	open_one(gate, false, 0, 49200, 1, soon);
	open_one(gate, false, 0, 49200, 2, late);
	open_one(gate, false, 0, 49200, 3, late);
	open_one(gate, false, 0, 49201, 1, late);
	check_interfaces(gate, before, ARRAY_SIZE(before));
	assert_int_equal(ps->syntaxes.pool.used, 3);
	assert_int_equal(ps->grants.used, 2);
	assert_int_equal(ps->n_grants, 4);
	gate->now_ns = soon;
	pinholes_sweep_all(gate); /* the first one goes, its interface stays for the other port */
	check_interfaces(gate, between, ARRAY_SIZE(between));
	assert_int_equal(ps->syntaxes.pool.used, 3);
	assert_int_equal(ps->n_grants, 3);
	open_one(gate, false, 0, 49200, 4, late);
	assert_int_equal(ps->grants.used, 2); /* in the place of the first */
	open_one(gate, false, 0, 49200, 5, late);
	check_interfaces(gate, after, ARRAY_SIZE(after));
	assert_int_equal(ps->syntaxes.pool.used, 5);
	gate->now_ns = late + 20 * NS_PER_S; /* to the engine captured time has stepped back */
	pinholes_sweep_all(gate);
	assert_int_equal(ps->n_grants + ps->pool.used + ps->grants.used + ps->peers.used, 0);
	assert_int_equal(ps->syntaxes.pool.used + ps->leases.n, 0);
	rpcgate_free(gate);
}

/* Twice as many interfaces as pinholes, wherever they lie; whoever is refused leaves nothing */
static void interfaces_have_a_limit(void **state)
{
	struct rpcgate *gate = new_engine_of(16);
	const struct pinholes *ps = &gate->pinholes;
	uint64_t late = START + 90 * NS_PER_S;

	(void)state;
	for (uint8_t major = 1; major <= 32; major++)
		open_one(gate, false, 0, 49200, major, late);
	assert_int_equal(try_one(gate, false, 0, 49200, 33, late), RPCGATE_REASON_LIMIT);
	assert_int_equal(try_one(gate, false, 0, 49201, 1, late), RPCGATE_REASON_LIMIT);
	assert_int_equal(ps->pool.used, 1);
	assert_int_equal(ps->n_grants, 32);
	assert_int_equal(ps->syntaxes.pool.used, 32);
	assert_int_equal(ps->peers.used, 2);
	rpcgate_free(gate);
}

/* All end in one moment: they are told in portions, each once, with the moment of their end */
static void told_in_portions(void **state)
{
	struct rpcgate *gate = new_engine();
	uint64_t until = START + 50 * NS_PER_S, now = until;
	uint32_t told = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		open_one(gate, false, i / 10000, (uint16_t)(50000 + i % 10000), 1, until);
	assert_int_equal(gate->stats.pinholes_live, MANY);
	for (unsigned ticks = 0; told < MANY && ticks < 4 * MANY; ticks++, now += 1000000) {
		struct rpcgate_result r = rpcgate_tick(gate, now);

		assert_true(r.n_events <= 64);
		for (size_t i = 0; i < r.n_events; i++) {
			assert_int_equal(r.events[i].u.pinhole.action, RPCGATE_PINHOLE_EXPIRE);
			assert_true(r.events[i].time_ns == until);
		}
		told += (uint32_t)r.n_events;
	}
	assert_int_equal(told, MANY);
	assert_int_equal(gate->stats.pinholes_live, 0);
	assert_true(now - until < 4 * NS_PER_S);
	rpcgate_free(gate);
}

static enum rpcgate_reason try_port(struct rpcgate *gate, uint16_t port)
{
	return try_one(gate, false, 0, port, 1, START + LIFE_S * NS_PER_S);
}

/* From the first port of a range to its last, and as the configuration of today has it */
static void reserved_ports_are_not_opened(void **state)
{
	struct rpcgate *gate = new_engine();
	struct rpcgate_config cfg;

	(void)state;
	rpcgate_config_default(&cfg);
	assert_int_equal(try_port(gate, 3389), RPCGATE_REASON_PORT_RESERVED);
	cfg.reserved = (struct rpcgate_port_list){ 2, { { 49180, 49343 }, { 65535, 65535 } } };
	assert_true(rpcgate_set_config(gate, &cfg));
	assert_int_equal(try_port(gate, 3389), RPCGATE_REASON_NONE);
	assert_int_equal(try_port(gate, 49179), RPCGATE_REASON_NONE);
	assert_int_equal(try_port(gate, 49180), RPCGATE_REASON_PORT_RESERVED);
	assert_int_equal(try_port(gate, 49216), RPCGATE_REASON_PORT_RESERVED);
	assert_int_equal(try_port(gate, 49343), RPCGATE_REASON_PORT_RESERVED);
	assert_int_equal(try_port(gate, 49344), RPCGATE_REASON_NONE);
	assert_int_equal(try_port(gate, 65534), RPCGATE_REASON_NONE);
	assert_int_equal(try_port(gate, 65535), RPCGATE_REASON_PORT_RESERVED);
	rpcgate_free(gate);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 6] = {
		cmocka_unit_test(the_last_interface_counts),
		cmocka_unit_test(ports_of_two_protocols),
		cmocka_unit_test(interfaces_come_and_go),
		cmocka_unit_test(interfaces_have_a_limit),
		cmocka_unit_test(told_in_portions),
		cmocka_unit_test(reserved_ports_are_not_opened),
	};
	size_t n = 6;

	ROWS(tests, n, rows, ends_exactly);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
