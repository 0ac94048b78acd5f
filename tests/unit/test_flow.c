/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_flow.c - one entry for both directions, and lists in order of age */
#include "flow.h"
#include "memory.h"
#include "octets.h"
#include "ports_fixture.h"
#include "rows.h"

#define FLOWS 50U

static const struct hash_key secret = { 0x1234, 0x5678 };

static struct packet packet_of(const char *src, uint16_t src_port, const char *dst,
			       uint16_t dst_port)
{
	struct packet p = { .src_port = src_port, .dst_port = dst_port };

	memcpy(p.src.octet, src, 16);
	memcpy(p.dst.octet, dst, 16);
	return p;
}

/* The packet that has this key when it comes from this side */
static struct packet packet_with(const struct flow_key *key, unsigned side)
{
	return (struct packet){ .src = key->addr[side],
				.dst = key->addr[!side],
				.src_port = key->port[side],
				.dst_port = key->port[!side] };
}

/* Both directions find the same */
static uint32_t find(const struct flows *flows, const struct flow_key *key, uint64_t hash)
{
	struct packet there = packet_with(key, 0), back = packet_with(key, 1);
	uint32_t found = flow_find(flows, &there, key->zone, 0, (uint32_t)hash);

	assert_int_equal(flow_find(flows, &back, key->zone, 1, (uint32_t)hash), found);
	return found;
}

#define LOW "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
#define HIGH "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2"
#define LOW6 "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define HIGH6 "\x20\1\xd\xb8\0\0\0\1\0\0\0\0\0\0\0\1"

static const struct {
	const char *a, *b;
	uint16_t port_a, port_b;
} pairs[] = {
	{ LOW, HIGH, 40000, 135 }, { HIGH, LOW, 40000, 135 }, { LOW, LOW, 40000, 135 },
	{ LOW6, HIGH6, 1, 2 },     { HIGH6, LOW6, 1, 2 },     { LOW6, LOW, 7, 7 },
};

static void both_directions_find_one_entry(void **state)
{
	struct flows flows;

	(void)state;
	assert_true(flows_init(&flows, FLOWS, secret, &ports));
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct packet there =
			packet_of(pairs[i].a, pairs[i].port_a, pairs[i].b, pairs[i].port_b);
		struct packet back =
			packet_of(pairs[i].b, pairs[i].port_b, pairs[i].a, pairs[i].port_a);
		unsigned side = flow_side_of(&there), other = flow_side_of(&back);
		struct flow_key key = flow_key_of(&there, 3, side);
		struct flow_key same = flow_key_of(&back, 3, other);
		uint32_t index;

		assert_memory_equal(&key, &same, sizeof(key));
		assert_int_equal(side, !other);
		assert_true(flow_hash(&flows, &key) == flow_hash(&flows, &same));
		/* the side names the sender */
		assert_memory_equal(&key.addr[side], pairs[i].a, 16);
		assert_int_equal(key.port[side], pairs[i].port_a);
		assert_int_equal(key.port[other], pairs[i].port_b);
		index = flow_new(&flows, &key, flow_hash(&flows, &key), 1);
		assert_int_not_equal(index, 0);
		assert_int_equal(find(&flows, &same, flow_hash(&flows, &same)), index);
		assert_int_equal(flow_find(&flows, &back, 3, other,
					   (uint32_t)flow_hash(&flows, &key)),
				 index);
		flow_free(&flows, index);
		assert_int_equal(find(&flows, &key, flow_hash(&flows, &key)), 0);
	}
	flows_done(&flows);
}

/* Every part of the key tells connections apart, also where the hash is the same */
static void every_part_of_the_key_counts(void **state)
{
	struct flow_key keys[8], base;
	uint32_t index[8];
	struct flows flows;
	struct packet p = packet_of(LOW6, 40000, HIGH6, 135);

	(void)state;
	base = flow_key_of(&p, 0, flow_side_of(&p));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = base;
	keys[1].addr[0].octet[0] ^= 1;
	keys[2].addr[0].octet[15] ^= 1;
	keys[3].addr[1].octet[8] ^= 1;
	keys[4].port[0] ^= 1;
	keys[5].port[1] ^= 0x100;
	keys[6].zone ^= 1;
	keys[7].zone ^= 0x80000000;
	assert_true(flows_init(&flows, FLOWS, secret, &ports));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint64_t hash = flow_hash(&flows, &keys[i]);

		for (size_t k = 0; k < i; k++)
			assert_true(hash != flow_hash(&flows, &keys[k]));
		index[i] = flow_new(&flows, &keys[i], 99, 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(find(&flows, &keys[i], 99), index[i]);
	flows_done(&flows);
}

/* The same for IPv4, which is hashed another way */
static void every_part_of_an_ipv4_key_counts(void **state)
{
	struct packet p = packet_of(LOW, 40000, HIGH, 135);
	struct flow_key keys[10];
	struct flows flows;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = flow_key_of(&p, 0, flow_side_of(&p));
	keys[1].addr[0].octet[12] ^= 1;
	keys[2].addr[0].octet[15] ^= 1;
	keys[3].addr[1].octet[12] ^= 1;
	keys[4].addr[1].octet[15] ^= 1;
	keys[5].port[0] ^= 1;
	keys[6].port[1] ^= 0x100;
	keys[7].zone ^= 1;
	keys[8].zone ^= 0x80000000;
	keys[9].port[0] ^= 0x100;
	assert_true(flows_init(&flows, FLOWS, secret, &ports));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t k = 0; k < i; k++)
			assert_true(flow_hash(&flows, &keys[i]) != flow_hash(&flows, &keys[k]));
	flows_done(&flows);
}

static struct flow_key numbered(uint32_t n)
{
	return (struct flow_key){ .port = { (uint16_t)n, 135 }, .zone = n };
}

static void a_new_flow_knows_nothing(void **state)
{
	const struct flow_key key = numbered(1);
	struct flows flows;
	uint32_t first, second;
	const struct flow *f;

	(void)state;
	assert_true(flows_init(&flows, 2, secret, &ports));
	first = flow_new(&flows, &key, 1, 77);
	f = flow_at(&flows, first);
	assert_true(f->id == 1 && f->start_ns == 77 && f->last_ns == 77);
	assert_int_equal(f->client, SIDE_UNKNOWN);
	assert_int_equal(f->pending_side, SIDE_UNKNOWN);
	assert_int_equal(f->age, FLOW_OPENING);
	flow_free(&flows, first);
	second = flow_new(&flows, &key, 1, 78);
	assert_true(flow_at(&flows, second)->id == 2); /* numbers are never used again */
	assert_int_not_equal(flow_new(&flows, &key, 1, 79), 0);
	assert_int_equal(flow_new(&flows, &key, 1, 80), 0);
	flows_done(&flows);
}

/* ------------------------------------------------------------------- ages */

struct model {
	uint64_t touched; /* 0: not there */
	enum flow_age age;
	uint32_t index;
};

static uint32_t oldest_in(const struct model *m, enum flow_age age)
{
	uint32_t found = 0;
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < FLOWS; i++)
		if (m[i].touched && m[i].age == age && m[i].touched < oldest) {
			oldest = m[i].touched;
			found = m[i].index;
		}
	return found;
}

/* The list is walked from both ends */
static uint32_t length_of(const struct flows *flows, enum flow_age age)
{
	uint32_t there = 0, back = 0;

	for (uint32_t i = flows->list[age].oldest; i; i = flow_at(flows, i)->newer)
		there++;
	for (uint32_t i = flows->list[age].newest; i; i = flow_at(flows, i)->older)
		back++;
	assert_int_equal(there, back);
	return there;
}

static void the_oldest_of_each_age_is_known(void **state)
{
	struct model m[FLOWS] = { 0 };
	struct random r = { 7 };
	struct flows flows;

	(void)state;
	assert_true(flows_init(&flows, FLOWS, secret, &ports));
	for (uint64_t now = 1; now <= 20000; now++) {
		uint32_t n = (uint32_t)random_below(&r, FLOWS), total = 0;
		struct flow_key key = numbered(n);
		enum flow_age age = (enum flow_age)random_below(&r, FLOW_AGES);

		if (!m[n].touched) {
			m[n].index = flow_new(&flows, &key, flow_hash(&flows, &key), now);
			m[n].touched = now;
			m[n].age = FLOW_OPENING;
		} else if (random_once_in(&r, 5)) {
			flow_free(&flows, m[n].index);
			m[n].touched = 0;
		} else {
			flow_touch(&flows, m[n].index, now, age);
			m[n].touched = now;
			m[n].age = age;
			assert_true(flow_at(&flows, m[n].index)->last_ns == now);
		}
		assert_int_equal(find(&flows, &key, flow_hash(&flows, &key)),
				 m[n].touched ? m[n].index : 0);
		for (unsigned a = 0; a < FLOW_AGES; a++) {
			assert_int_equal(flow_oldest(&flows, a), oldest_in(m, a));
			total += length_of(&flows, a);
		}
		assert_int_equal(total, flows.pool.used);
	}
	flows_done(&flows);
}

/* As many as there is room for, the oldest go first, and hashes that meet in their lower half are two */
static void the_last_strangers_are_known(void **state)
{
	const uint32_t many = STRANGERS + 1000;
	struct flows flows;

	(void)state;
	assert_true(flows_init(&flows, FLOWS, secret, &ports));
	for (uint64_t i = 0; i < many; i++)
		flow_mark_stranger(&flows, i << 32 | i % 701);
	for (uint64_t i = 0; i < many; i++)
		assert_int_equal(flow_is_stranger(&flows, i << 32 | i % 701), i >= 1000);
	flow_unmark_stranger(&flows, UINT64_C(2000) << 32 | 2000 % 701);
	for (uint64_t i = 1000; i < many; i++)
		assert_int_equal(flow_is_stranger(&flows, i << 32 | i % 701), i != 2000);
	/* marked again: the youngest again */
	flow_mark_stranger(&flows, UINT64_C(1001) << 32 | 1001 % 701);
	flow_mark_stranger(&flows, 1);
	assert_true(flow_is_stranger(&flows, UINT64_C(1001) << 32 | 1001 % 701));
	assert_false(flow_is_stranger(&flows, UINT64_C(1000) << 32 | 1000 % 701));
	flows_done(&flows);
}

static void no_memory_is_an_answer(void **state)
{
	struct flows flows;

	(void)state;
	for (size_t nth = 1; nth <= 5; nth++) {
		bool good;

		memory_ends_at(nth);
		good = flows_init(&flows, FLOWS, secret, &ports);
		memory_ends_at(0);
		assert_false(good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_find_one_entry),
		cmocka_unit_test(every_part_of_the_key_counts),
		cmocka_unit_test(every_part_of_an_ipv4_key_counts),
		cmocka_unit_test(a_new_flow_knows_nothing),
		cmocka_unit_test(the_oldest_of_each_age_is_known),
		cmocka_unit_test(the_last_strangers_are_known),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, make_ports, free_ports);
}
