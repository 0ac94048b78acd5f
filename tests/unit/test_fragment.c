/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_fragment.c - datagrams from pieces: any order, no overlap, no more than there is room for */
#include <stdlib.h>

#include "fragment.h"
#include "memory.h"
#include "octets.h"
#include "rows.h"

#define DATAGRAMS 4U
#define SECOND UINT64_C(1000000000)

static uint8_t truth[DATAGRAM_MAX_OCTETS + 8];

struct bench {
	struct arena arena;
	struct fragments f;
	uint64_t now;
	uint32_t zone;
};

static void bench_begin(struct bench *b)
{
	const struct hash_key key = { 1, 2 };

	*b = (struct bench){ .now = SECOND };
	assert_true(arena_init(&b->arena, 1U << 21));
	assert_true(fragments_init(&b->f, DATAGRAMS, key, &b->arena));
	for (size_t i = 0; i < sizeof(truth); i++)
		truth[i] = (uint8_t)(i * 31 + i / 251);
}

/* Whatever is left must be given up by time, and hold nothing then */
static void bench_end(struct bench *b)
{
	fragments_expire(&b->f, UINT64_MAX);
	assert_int_equal(b->f.datagrams.used, 0);
	assert_true(b->arena.used == 0);
	fragments_done(&b->f);
	arena_done(&b->arena);
}

static struct packet piece(uint32_t id, uint32_t offset, uint32_t n, bool more)
{
	return (struct packet){
		.src = { { 1 } },
		.dst = { { 2 } },
		.proto = IP_PROTO_TCP,
		.l4 = { truth + offset, n },
		.l4_len = n,
		.fragment = { .id = id, .offset = offset, .more = more, .complete = true },
	};
}

/* Add; a datagram that is complete is compared and released */
static enum parse add(struct bench *b, struct packet p)
{
	struct bytes joined;
	uint32_t handle;
	enum parse got = fragments_add(&b->f, b->zone, b->now, &p, &joined, &handle);

	if (got != PARSE_OK)
		return got;
	assert_memory_equal(joined.p, truth, joined.n);
	assert_int_equal(p.proto, IP_PROTO_TCP);
	fragments_release(&b->f, handle);
	return got;
}

/* ------------------------------------------------------------------- rows */

/* Pieces "offset+length", '.' behind the last of its datagram, '!' with other octets, '~' with a
 * captured part only, 'u' as of UDP; expected after each: m more, b bad, o whole */
struct join_row {
	const char *name;
	const char *pieces;
	const char *want;
	uint64_t dropped;
};

static const struct join_row rows[] = {
	{ "in order", "0+24 24+24 48+5.", "mmo", 0 },
	{ "backwards", "48+5. 24+24 0+24", "mmo", 0 },
	{ "the first one last", "24+24 48+5. 0+24", "mmo", 0 },
	{ "the last one in the middle", "0+24 48+5. 24+24", "mmo", 0 },
	{ "two pieces", "0+24 24+1.", "mo", 0 },
	{ "an exact repetition is none", "0+24 0+24 24+8.", "mmo", 0 },
	{ "of the last one", "24+5. 24+5. 0+24", "mmo", 0 },
	{ "a repetition with other octets is an overlap", "0+24 0+24! 24+8.", "mbb", 1 },
	{ "a longer copy is an overlap", "0+24 0+32 32+8.", "mbb", 1 },
	{ "a shorter copy with the same octets is a repetition", "0+32 0+24 32+8.", "mmo", 0 },
	{ "half known, half new is an overlap", "0+24 16+16 32+8.", "mbb", 1 },
	{ "an overlap of one block at the front", "24+24 16+16 0+16 48+8.", "mbbb", 1 },
	{ "nothing repairs it", "0+24 0+24! 0+24 24+8. 0+24 24+8.", "mbbbbb", 1 },
	{ "the last one in another place", "0+24 24+8. 24+16.", "mom", 0 },
	{ "a second end", "24+8. 32+8. 0+24", "mbb", 1 },
	{ "a shorter end", "24+16. 24+8. 0+24", "mbb", 1 },
	{ "an end before what came", "48+8 24+8. 0+24", "mbb", 1 },
	{ "a piece behind the end", "24+8. 32+8 0+24", "mbb", 1 },
	{ "an odd piece that is not the last", "0+25 25+8.", "bb", 1 },
	{ "an empty piece", "0+0", "b", 1 },
	{ "TCP whose header is cut in two", "0+16 16+24.", "bb", 1 },
	{ "UDP may be", "0+16u 16+24.u", "mo", 0 },
	{ "and TCP of 24 octets", "0+24 24+24.", "mo", 0 },
	{ "a piece that the capture cut short", "0+24~ 24+8.", "bb", 1 },
	{ "the longest datagram", "0+65528 65528+7.", "mo", 0 },
	{ "one octet longer", "0+65528 65528+8.", "mb", 1 },
	{ "what would end far beyond", "0+24 65528+1480", "mb", 1 },
	{ "a whole one in one piece", "0+24.", "o", 0 },
};

static struct packet piece_of(const char **text)
{
	char *end;
	uint32_t offset = (uint32_t)strtoul(*text, &end, 10);
	uint32_t n = (uint32_t)strtoul(end + 1, &end, 10);
	static uint8_t other[DATAGRAM_MAX_OCTETS];
	struct packet p = piece(7, offset, n, true);

	/* a piece may end where no datagram does */
	if (offset + n > sizeof(truth))
		p.l4.p = truth;
	for (; *end && *end != ' '; end++) {
		p.fragment.more &= *end != '.';
		p.fragment.complete &= *end != '~';
		p.proto = *end == 'u' ? IP_PROTO_UDP : p.proto;
		if (*end == '!') {
			memcpy(other, p.l4.p, n);
			other[n - 1] ^= 1;
			p.l4.p = other;
		}
	}
	*text = end + (*end == ' ');
	return p;
}

static void join_row(void **state)
{
	static const char letter[] = { [PARSE_OK] = 'o', [PARSE_MORE] = 'm', [PARSE_BAD] = 'b' };
	const struct join_row *row = *state;
	const char *text = row->pieces;
	struct bench b;

	bench_begin(&b);
	for (const char *want = row->want; *want; want++) {
		struct packet p = piece_of(&text);
		bool udp = p.proto == IP_PROTO_UDP;
		struct bytes joined;
		uint32_t handle;
		enum parse got = fragments_add(&b.f, 0, b.now, &p, &joined, &handle);

		assert_int_equal(letter[got], *want);
		if (got != PARSE_OK)
			continue;
		assert_memory_equal(joined.p, truth, joined.n);
		assert_int_equal(p.proto, udp ? IP_PROTO_UDP : IP_PROTO_TCP);
		fragments_release(&b.f, handle);
	}
	assert_int_equal(*text, '\0');
	assert_true(b.f.dropped == row->dropped);
	bench_end(&b);
}

/* ------------------------------------------------------------------- others */

/* The first fragment says what it is: the others may say anything (RFC 8200 4.5) */
static void the_first_fragment_names_the_protocol(void **state)
{
	struct packet p;
	struct bytes joined;
	uint32_t handle;
	struct bench b;

	(void)state;
	bench_begin(&b);
	p = piece(7, 0, 24, true);
	assert_int_equal(add(&b, p), PARSE_MORE);
	p = piece(7, 24, 8, false);
	p.proto = IP_PROTO_UDP;
	assert_int_equal(fragments_add(&b.f, 0, b.now, &p, &joined, &handle), PARSE_OK);
	assert_int_equal(p.proto, IP_PROTO_TCP);
	assert_int_equal(joined.n, 32);
	fragments_release(&b.f, handle);
	bench_end(&b);
}

/* Source, destination, identification and zone all tell datagrams apart */
static void what_makes_a_datagram_one(void **state)
{
	struct bench b;

	(void)state;
	for (int differ = 0; differ < 4; differ++) {
		struct packet p = piece(7, 24, 8, false);

		bench_begin(&b);
		assert_int_equal(add(&b, piece(7, 0, 24, true)), PARSE_MORE);
		p.src.octet[15] = differ == 0;
		p.dst.octet[15] = differ == 1;
		p.fragment.id += differ == 2;
		b.zone = differ == 3;
		assert_int_equal(add(&b, p), PARSE_MORE);
		assert_int_equal(b.f.datagrams.used, 2);
		b.zone = 0;
		assert_int_equal(add(&b, piece(7, 24, 8, false)), PARSE_OK);
		assert_int_equal(b.f.datagrams.used, 1);
		bench_end(&b);
	}
}

/* Receivers join IPv4 by protocol as well (RFC 791 3.2), IPv6 not: a decoy of another protocol must
 * neither complete a datagram nor spoil it */
static void the_protocol_tells_ipv4_datagrams_apart(void **state)
{
	const struct rpcgate_addr ipv4 = { { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	struct packet decoy = piece(7, 0, 24, true), first = decoy, last = piece(7, 24, 8, false);
	struct bench b;

	(void)state;
	bench_begin(&b);
	decoy.src = first.src = last.src = ipv4;
	decoy.proto = IP_PROTO_UDP;
	assert_int_equal(add(&b, decoy), PARSE_MORE);
	assert_int_equal(add(&b, last), PARSE_MORE);
	assert_int_equal(add(&b, first), PARSE_OK);
	assert_int_equal(b.f.datagrams.used, 1);
	assert_true(b.f.dropped == 0);
	bench_end(&b);
}

static void time_ends_a_datagram(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b);
	assert_int_equal(add(&b, piece(7, 0, 24, true)), PARSE_MORE);
	b.now += DATAGRAM_TIMEOUT_NS; /* to the nanosecond */
	assert_int_equal(add(&b, piece(7, 24, 8, false)), PARSE_OK);
	assert_true(b.f.dropped == 0);
	assert_int_equal(add(&b, piece(8, 0, 24, true)), PARSE_MORE);
	b.now += DATAGRAM_TIMEOUT_NS + 1;
	assert_int_equal(add(&b, piece(8, 24, 8, false)), PARSE_MORE);
	assert_true(b.f.dropped == 1);
	assert_int_equal(b.f.datagrams.used, 1);
	bench_end(&b);
}

/* A poisoned one is remembered until its time is over, and counted once */
static void time_ends_a_poisoned_one_without_counting_it_again(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b);
	assert_int_equal(add(&b, piece(7, 0, 25, true)), PARSE_BAD);
	assert_true(b.f.dropped == 1);
	fragments_expire(&b.f, b.now + DATAGRAM_TIMEOUT_NS);
	assert_int_equal(b.f.datagrams.used, 1);
	fragments_expire(&b.f, b.now + DATAGRAM_TIMEOUT_NS + 1);
	assert_int_equal(b.f.datagrams.used, 0);
	assert_true(b.f.dropped == 1);
	bench_end(&b);
}

static void the_limit_lets_the_oldest_go(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b);
	for (uint32_t id = 0; id < DATAGRAMS + 2; id++) {
		assert_int_equal(add(&b, piece(id, 0, 24, true)), PARSE_MORE);
		b.now++;
	}
	assert_true(b.f.dropped == 2);
	for (uint32_t id = DATAGRAMS + 1; id >= 2; id--)
		assert_int_equal(add(&b, piece(id, 24, 8, false)), PARSE_OK);
	assert_int_equal(add(&b, piece(1, 24, 8, false)), PARSE_MORE);
	bench_end(&b);
}

/* Enforcing, a forgotten piece could be completed behind us: new ones wait instead */
static void the_limit_may_refuse_new_ones(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b);
	b.f.refuse_new = true;
	for (uint32_t id = 1; id <= DATAGRAMS; id++)
		assert_int_equal(add(&b, piece(id, 0, 24, true)), PARSE_MORE);
	assert_int_equal(add(&b, piece(DATAGRAMS + 1, 0, 24, true)), PARSE_BAD);
	assert_true(b.f.dropped == 1);
	for (uint32_t id = 1; id <= DATAGRAMS; id++)
		assert_int_equal(add(&b, piece(id, 24, 8, false)), PARSE_OK);
	bench_end(&b);
}

/* Released in any order, those that are left stay linked by age */
static void ages_stay_in_order(void **state)
{
	struct random r = { 6 };
	struct bench b;

	(void)state;
	bench_begin(&b);
	for (int step = 0; step < 5000; step++) {
		uint32_t id = (uint32_t)random_below(&r, 8);
		bool more = random_once_in(&r, 2);

		(void)add(&b, piece(id, more ? 0 : 24, more ? 24 : 8, more));
		b.now += SECOND;
		assert_in_range(b.f.datagrams.used, 0, DATAGRAMS);
		assert_true((b.f.oldest == 0) == (b.f.datagrams.used == 0));
		assert_true((b.f.newest == 0) == (b.f.datagrams.used == 0));
	}
	bench_end(&b);
}

static void a_full_arena_refuses_the_datagram(void **state)
{
	struct bench b;
	void *all;

	(void)state;
	bench_begin(&b);
	all = arena_take(&b.arena, 1U << 21);
	assert_non_null(all);
	assert_int_equal(add(&b, piece(7, 0, 24, true)), PARSE_BAD);
	arena_give(&b.arena, all);
	assert_int_equal(add(&b, piece(7, 0, 24, true)), PARSE_BAD);
	assert_true(b.f.dropped == 1);
	bench_end(&b);
}

static void no_memory_is_an_answer(void **state)
{
	struct hash_key key = { 1, 2 };
	struct fragments f;

	(void)state;
	for (size_t nth = 1; nth <= 3; nth++) {
		bool good;

		memory_ends_at(nth);
		good = fragments_init(&f, DATAGRAMS, key, NULL);
		memory_ends_at(0);
		assert_false(good);
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 10] = {
		cmocka_unit_test(the_first_fragment_names_the_protocol),
		cmocka_unit_test(what_makes_a_datagram_one),
		cmocka_unit_test(the_protocol_tells_ipv4_datagrams_apart),
		cmocka_unit_test(time_ends_a_datagram),
		cmocka_unit_test(time_ends_a_poisoned_one_without_counting_it_again),
		cmocka_unit_test(the_limit_lets_the_oldest_go),
		cmocka_unit_test(the_limit_may_refuse_new_ones),
		cmocka_unit_test(ages_stay_in_order),
		cmocka_unit_test(a_full_arena_refuses_the_datagram),
		cmocka_unit_test(no_memory_is_an_answer),
	};
	size_t n = 10;

	ROWS(tests, n, rows, join_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
