/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pcapng.c - blocks of a pcapng capture: every kind, every length, both byte orders */
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "pcapng.h"
#include "rows.h"

#define ROOM 4096U
#define S UINT64_C(1000000000)

#define SECTION "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000 |"
#define SECTION_BIG "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c |"
#define ETHERNET "01000000 14000000 0100 0000 00000400 14000000 |"
#define RAW "01000000 14000000 6500 0000 20000000 14000000 |" /* snap length 32 */
#define ETHERNET_BIG "00000001 00000014 0001 0000 00040000 00000014 |"
/* with one option, padded to four octets, and the end of options */
#define WITH(option) "01000000 20000000 0100 0000 00000400" option "0000 0000 20000000 |"
#define WITH8(option) "01000000 20000000 0100 0000 00000400" option "20000000 |"
#define RESOLUTION(octet) "0900 0100" octet "000000"
/* of interface 0, at 2 * 2^32 + 5 units, 3 octets of 64 */
#define PACKET_OF(interface)                                                                       \
	"06000000 24000000" interface "02000000 05000000 03000000 40000000 aabbcc00 24000000 |"
#define PACKET PACKET_OF("00000000")
#define PACKET_BIG                                                                                 \
	"00000006 00000024 00000000 00000002 00000005 00000003 00000040 aabbcc00 00000024 |"
#define OBSOLETE                                                                                   \
	"02000000 24000000 0000 ffff 02000000 05000000 03000000 40000000 aabbcc00 24000000 |"
#define SIMPLE "03000000 14000000 03000000 aabbcc00 14000000 |"
#define NAMES "04000000 10000000 00000000 10000000 |"
#define OWN "ad0b0000 10000000 01020304 10000000 |"

#define UNITS (2 * (UINT64_C(1) << 32) + 5)

struct row {
	const char *name;
	const char *octets;
	enum pcapng_outcome last; /* of all of it: PACKET if there is one, BAD, else MORE */
	uint32_t linktype;
	uint32_t length;
	uint64_t time_ns;
	const char *fault;
};

static const struct row rows[] = {
	{ "an enhanced packet counts microseconds", SECTION ETHERNET PACKET, PCAPNG_PACKET, 1, 64,
	  UNITS * 1000, "" },
	{ "the other byte order", SECTION_BIG ETHERNET_BIG PACKET_BIG, PCAPNG_PACKET, 1, 64,
	  UNITS * 1000, "" },
	{ "a section of the other byte order behind one",
	  SECTION ETHERNET SECTION_BIG ETHERNET_BIG PACKET_BIG, PCAPNG_PACKET, 1, 64, UNITS * 1000,
	  "" },
	{ "a packet of the second interface has its link type",
	  SECTION ETHERNET RAW PACKET_OF("01000000"), PCAPNG_PACKET, 101, 64, UNITS * 1000, "" },
	{ "an obsolete packet block", SECTION ETHERNET OBSOLETE, PCAPNG_PACKET, 1, 64, UNITS * 1000,
	  "" },
	{ "a simple packet has no time", SECTION ETHERNET SIMPLE, PCAPNG_PACKET, 1, 3, 0, "" },
	{ "blocks that bring no packet are passed over", SECTION NAMES ETHERNET OWN NAMES PACKET,
	  PCAPNG_PACKET, 1, 64, UNITS * 1000, "" },
	{ "nanoseconds", SECTION WITH(RESOLUTION("09")) PACKET, PCAPNG_PACKET, 1, 64, UNITS, "" },
	{ "seconds", SECTION WITH(RESOLUTION("00")) PACKET, PCAPNG_PACKET, 1, 64, UNITS *S, "" },
	{ "picoseconds", SECTION WITH(RESOLUTION("0c")) PACKET, PCAPNG_PACKET, 1, 64, UNITS / 1000,
	  "" },
	{ "units of 2^-10 s", SECTION WITH(RESOLUTION("8a")) PACKET, PCAPNG_PACKET, 1, 64,
	  UNITS / 1024 * S + 5 * S / 1024, "" },
	{ "units of 2^-40 s", SECTION WITH(RESOLUTION("a8")) PACKET, PCAPNG_PACKET, 1, 64,
	  (UNITS >> 6) * S >> 34, "" },
	{ "the finest resolutions there are",
	  SECTION WITH(RESOLUTION("93")) WITH(RESOLUTION("bf")) PACKET, PCAPNG_PACKET, 1, 64,
	  UNITS / 524288 * S + (UNITS % 524288) * S / 524288, "" },
	{ "an offset of 100 s", SECTION WITH8("0e00 0800 6400000000000000") PACKET, PCAPNG_PACKET,
	  1, 64, UNITS * 1000 + 100 * S, "" },
	{ "an offset that leads before 1970", SECTION WITH8("0e00 0800 0000000000000080") PACKET,
	  PCAPNG_PACKET, 1, 64, (UNITS % 1000000) * 1000, "" },
	{ "options without an end",
	  SECTION "01000000 1c000000 0100 0000 00000400" RESOLUTION("09") "1c000000" PACKET,
	  PCAPNG_PACKET, 1, 64, UNITS, "" },
	{ "comments are passed over", SECTION WITH("0100 0300 61626300") PACKET, PCAPNG_PACKET, 1,
	  64, UNITS * 1000, "" },
	{ "an empty packet",
	  SECTION ETHERNET
	  "06000000 20000000 00000000 00000000 00000000 00000000 00000000 20000000",
	  PCAPNG_PACKET, 1, 0, 0, "" },

	{ "an unknown byte order", "0a0d0d0a 1c000000 4d3c2b00 0100 0000 ffffffffffffffff 1c000000",
	  PCAPNG_BAD, .fault = "a section of unknown byte order" },
	{ "no section", ETHERNET PACKET, PCAPNG_BAD, .fault = "a block before any section" },
	{ "the first section may end as it wants",
	  "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 00000000" ETHERNET PACKET,
	  PCAPNG_PACKET, 1, 64, UNITS * 1000, "" },
	{ "the second may not",
	  SECTION "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 00000000", PCAPNG_BAD,
	  .fault = "a block of 28 octets that ends as one of 0" },
	{ "a version to come", "0a0d0d0a 1c000000 4d3c2b1a 0200 0000 ffffffffffffffff 1c000000",
	  PCAPNG_BAD, .fault = "a section of version 2.0" },
	{ "a version that some write",
	  "0a0d0d0a 1c000000 4d3c2b1a 0100 0200 ffffffffffffffff 1c000000" ETHERNET PACKET,
	  PCAPNG_PACKET, 1, 64, UNITS * 1000, "" },
	{ "a block of no length", SECTION "04000000 00000000 00000000 00000000", PCAPNG_BAD,
	  .fault = "a block of 0 octets" },
	{ "a block of an odd length", SECTION "04000000 0d000000 00000000 0d000000", PCAPNG_BAD,
	  .fault = "a block of 13 octets" },
	{ "a block of more than 16 MiB", SECTION "04000000 04000001 00000000 00000000", PCAPNG_BAD,
	  .fault = "a block of 16777220 octets" },
	{ "two lengths that differ", SECTION "04000000 10000000 00000000 14000000", PCAPNG_BAD,
	  .fault = "a block of 16 octets that ends as one of 20" },
	{ "an interface too short", SECTION "01000000 10000000 0100 0000 10000000", PCAPNG_BAD,
	  .fault = "a block of 16 octets" },
	{ "a packet block too short", SECTION ETHERNET "06000000 1c000000 00(20) 1c000000",
	  PCAPNG_BAD, .fault = "a block of 28 octets" },
	{ "a packet longer than its block",
	  SECTION ETHERNET
	  "06000000 24000000 00000000 02000000 05000000 05000000 40000000 aabbcc00 24000000",
	  PCAPNG_BAD, .fault = "a packet of 5 octets in a block with room for 4" },
	{ "a simple packet longer than its block",
	  SECTION ETHERNET "03000000 14000000 05000000 aabbcc00 14000000", PCAPNG_BAD,
	  .fault = "a packet of 5 octets" },
	{ "a packet of an unknown interface", SECTION ETHERNET PACKET_OF("01000000"), PCAPNG_BAD,
	  .fault = "a packet of interface 1, of which nothing was said" },
	{ "a section forgets interfaces", SECTION ETHERNET SECTION PACKET, PCAPNG_BAD,
	  .fault = "a packet of interface 0" },
	{ "a simple packet before any interface", SECTION SIMPLE, PCAPNG_BAD,
	  .fault = "a packet before any interface" },
	{ "a resolution of two octets", SECTION WITH("0900 0200 09000000"), PCAPNG_BAD,
	  .fault = "interface 0 has a resolution of times that has not one octet" },
	{ "a resolution of 10^-20", SECTION WITH(RESOLUTION("14")), PCAPNG_BAD,
	  .fault = "finer than 64 bits" },
	{ "a resolution of 2^-64", SECTION WITH(RESOLUTION("c0")), PCAPNG_BAD,
	  .fault = "finer than 64 bits" },
	{ "an offset of four octets", SECTION WITH("0e00 0400 64000000"), PCAPNG_BAD,
	  .fault = "an offset of times that has not eight octets" },
	{ "an option longer than its block", SECTION WITH("0100 0900 61626300"), PCAPNG_BAD,
	  .fault = "an option that is longer than its block" },
	{ "half of an option", SECTION "01000000 18000000 0100 0000 00000400 01000400 18000000",
	  PCAPNG_BAD, .fault = "an option that is longer than its block" },
	{ "an end of options that is none",
	  SECTION "01000000 1c000000 0100 0000 00000400 0000 0400 61626364 1c000000", PCAPNG_BAD,
	  .fault = "an end of options that is not empty" },
};

/* Everything up to the last packet or to the end; each call gets no more than it must, at the edge of
 * readable memory */
static enum pcapng_outcome read_all(struct pcapng *p, struct bytes borrowed,
				    struct pcapng_found *packet)
{
	static uint8_t octets[65536]; /* copies with guards do not live long */
	const struct bytes in = { octets, borrowed.n };
	size_t at = 0, given = 0;
	enum pcapng_outcome seen = PCAPNG_MORE;

	assert_true(in.n <= sizeof(octets));
	if (in.n)
		memmove(octets, borrowed.p, in.n);
	for (;;) {
		struct bytes some = guarded(in.p + at, given);
		struct pcapng_found found;
		enum pcapng_outcome outcome = pcapng_read(p, some.p, some.n, &found);

		switch (outcome) {
		case PCAPNG_BAD:
			return PCAPNG_BAD;
		case PCAPNG_MORE:
			assert_true(found.want > given);
			if (found.want > in.n - at)
				return seen;
			given = found.want;
			continue;
		case PCAPNG_PACKET:
			*packet = found;
			packet->data = in.p + at + (found.data - some.p);
			seen = PCAPNG_PACKET;
			break;
		case PCAPNG_OTHER:
			break;
		}
		assert_in_range(found.take, 1, given);
		at += found.take;
		given = 0;
	}
}

static void reads(void **state)
{
	const struct row *row = *state;
	const struct bytes in = octets_of(row->octets);
	struct pcapng *p = pcapng_new(ROOM);
	struct pcapng_found found;

	assert_non_null(p);
	assert_int_equal(read_all(p, in, &found), row->last);
	if (row->last == PCAPNG_PACKET) {
		assert_int_equal(found.linktype, row->linktype);
		assert_int_equal(found.length, row->length);
		assert_int_equal(found.captured, row->length < 3 ? row->length : 3);
		assert_memory_equal(found.data, "\xaa\xbb\xcc", found.captured);
		assert_int_equal(found.time_ns, row->time_ns);
	}
	if (!strstr(pcapng_fault(p), row->fault))
		fail_msg("\"%s\" is not about \"%s\"", pcapng_fault(p), row->fault);
	assert_true(!*row->fault == !*pcapng_fault(p));
	pcapng_free(p);
}

static void no_prefix_says_more_than_the_whole(void **state)
{
	static uint8_t octets[1024];
	const struct bytes in = octets_of(SECTION ETHERNET NAMES PACKET OBSOLETE SIMPLE);
	const size_t behind_packet = 28 + 20 + 16 + 36;

	(void)state;
	assert_true(in.n <= sizeof(octets));
	memcpy(octets, in.p, in.n);
	for (size_t n = 0; n < in.n; n++) {
		struct pcapng *p = pcapng_new(ROOM);
		struct pcapng_found found;

		assert_int_equal(read_all(p, (struct bytes){ octets, n }, &found),
				 n < behind_packet ? PCAPNG_MORE : PCAPNG_PACKET);
		assert_string_equal(pcapng_fault(p), "");
		assert_false(pcapng_is_inside(p));
		pcapng_free(p);
	}
}

/* A packet with a comment that has no room beside it, and other blocks that have none */
static void what_is_longer_than_the_room_goes_by_pieces(void **state)
{
	const char *const text = SECTION ETHERNET
		"04000000 10270000 00(9988) 10270000" /* 10,000 octets of names */
		"06000000 2c270000 00000000 02000000 05000000 03000000 40000000 aabbcc00 00(9992) 2c270000"
		"03000000 10270000 03000000 aabbcc00 00(9980) 10270000";
	const char *const wrong = SECTION ETHERNET "04000000 10270000 00(9988) 14270000";
	struct pcapng *p = pcapng_new(64), *q = pcapng_new(64);
	struct pcapng_found found;

	(void)state;
	assert_int_equal(read_all(p, octets_of(text), &found), PCAPNG_PACKET);
	assert_string_equal(pcapng_fault(p), "");
	assert_int_equal(found.time_ns, 0);
	assert_int_equal(found.captured, 3);
	assert_false(pcapng_is_inside(p));
	assert_int_equal(read_all(q, octets_of(wrong), &found), PCAPNG_BAD);
	assert_non_null(strstr(pcapng_fault(q), "10000 octets that ends as one of 10004"));
	pcapng_free(p);
	pcapng_free(q);
}

static void it_says_where_a_long_block_ends(void **state)
{
	const struct bytes in = octets_of(SECTION ETHERNET "04000000 10270000 00(5000)");
	struct pcapng *p = pcapng_new(64);
	struct pcapng_found found;

	(void)state;
	assert_int_equal(read_all(p, in, &found), PCAPNG_MORE);
	assert_true(pcapng_is_inside(p));
	pcapng_free(p);
	p = pcapng_new(16);
	assert_int_equal(read_all(p, in, &found), PCAPNG_BAD);
	assert_non_null(strstr(pcapng_fault(p), "the description of an interface has 20 octets"));
	pcapng_free(p);
}

static void interfaces_are_counted_and_limited(void **state)
{
	const struct bytes section = octets_of(SECTION), ethernet = octets_of(ETHERNET);
	struct pcapng *p = pcapng_new(ROOM);
	struct pcapng_found found;

	(void)state;
	assert_int_equal(pcapng_read(p, section.p, section.n, &found), PCAPNG_OTHER);
	for (uint32_t n = 0; n < PCAPNG_INTERFACES_MAX; n++) {
		assert_int_equal(pcapng_interfaces(p), n);
		assert_int_equal(pcapng_read(p, ethernet.p, ethernet.n, &found), PCAPNG_OTHER);
	}
	assert_int_equal(pcapng_linktype(p, PCAPNG_INTERFACES_MAX - 1), 1);
	assert_int_equal(pcapng_read(p, ethernet.p, ethernet.n, &found), PCAPNG_BAD);
	assert_non_null(strstr(pcapng_fault(p), "more than 65536 interfaces"));
	pcapng_free(p);
}

static void a_packet_is_known_before_it_is_read(void **state)
{
	const struct bytes section = octets_of(SECTION), packet = octets_of(PACKET);
	struct pcapng *p = pcapng_new(ROOM);

	(void)state;
	assert_false(pcapng_has_packet(p, section.p, section.n));
	assert_true(pcapng_has_packet(p, packet.p, packet.n));
	for (size_t n = 0; n < packet.n; n++)
		assert_false(pcapng_has_packet(p, guarded(packet.p, n).p, n));
	pcapng_free(p);
}

int main(void)
{
	struct CMUnitTest tests[64] = {
		cmocka_unit_test(no_prefix_says_more_than_the_whole),
		cmocka_unit_test(what_is_longer_than_the_room_goes_by_pieces),
		cmocka_unit_test(it_says_where_a_long_block_ends),
		cmocka_unit_test(interfaces_are_counted_and_limited),
		cmocka_unit_test(a_packet_is_known_before_it_is_read),
	};
	size_t n = 5;

	ROWS(tests, n, rows, reads);
	return _cmocka_run_group_tests("pcapng", tests, n, NULL, NULL);
}
