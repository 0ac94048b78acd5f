/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_packet.c - from frames to segments: link layers, tags, both IPs, and what is cut short */
#include <stdio.h>

#include "addr.h"
#include "guard.h"
#include "packet.h"
#include "rows.h"

/* ------------------------------------------------------------------ pieces */

#define MACS "02 00(4) 01 02 00(4) 02 |"
#define ETH4 MACS "08 00 |"
#define ETH6 MACS "86 dd |"
#define SLL "00 00 00 01 00 06 02 00(4) 01 00 00 |"
#define SLL2_REST "00 00 00 00 00 02 00 01 00 06 02 00(4) 01 00 00 |"
#define ADDR4 "c0 00 02 0a c0 00 02 14 |"
#define ADDR6 "20 01 0d b8 00(11) 0a 20 01 0d b8 00(11) 14 |"
/* total length, flags and offset, protocol */
#define IP4(total, frag, proto) "45 00" total "00 07" frag "40" proto "00 00" ADDR4
/* payload length, next header */
#define IP6(length, next) "60 00 00 00" length next "40" ADDR6
/* ports 49152 and 135, sequence 100, acknowledgement 200, flags ACK and PSH */
#define TCP_HEAD(offset) "c0 00 00 87 00 00 00 64 00 00 00 c8" offset "18 20 00 00 00 00 00 |"
#define SEGMENT TCP_HEAD("50") "aa bb cc"             /* 23 octets */
#define DATAGRAM "c0 00 00 87 00 0b 00 00 | aa bb cc" /* 11 octets */
#define WHOLE4 IP4("00 2b", "40 00", "06") SEGMENT
#define WHOLE6 IP6("00 17", "06") SEGMENT
#define EXT(next) next "00 01 04 00 00 00 00 |" /* 8 octets: PadN */
#define EXT5(next) EXT(next) EXT(next) EXT(next) EXT(next) EXT(next)
#define TAG(tci) "81 00" tci

struct frame_row {
	const char *name;
	uint32_t link;
	const char *octets;
	enum decode want;
	uint32_t cut;    /* octets that the capture left out */
	uint32_t l3;     /* where the IP header starts */
	uint32_t wire;   /* payload on the wire */
	size_t captured; /* payload captured */
	uint8_t n_vlan;
	uint16_t vlan[2];
};

#define E RPCGATE_LINK_ETHERNET
#define R RPCGATE_LINK_RAW

static const struct frame_row rows[] = {
	/* link layers */
	{ "Ethernet", E, ETH4 WHOLE4, .want = DECODE_TCP, .l3 = 14, .wire = 3, .captured = 3 },
	{ "Ethernet with IPv6", E, ETH6 WHOLE6, .want = DECODE_TCP, .l3 = 14, .wire = 3,
	  .captured = 3 },
	{ "raw IPv4", R, WHOLE4, .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "raw IPv6", R, WHOLE6, .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "IPv4 link type", RPCGATE_LINK_IPV4, WHOLE4, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "IPv6 link type", RPCGATE_LINK_IPV6, WHOLE6, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "BSD loopback", RPCGATE_LINK_NULL, "02 00 00 00" WHOLE4, .want = DECODE_TCP, .l3 = 4,
	  .wire = 3, .captured = 3 },
	{ "its family differs between systems", RPCGATE_LINK_NULL, "1e 00 00 00" WHOLE6,
	  .want = DECODE_TCP, .l3 = 4, .wire = 3, .captured = 3 },
	{ "OpenBSD loopback", RPCGATE_LINK_LOOP, "00 00 00 02" WHOLE4, .want = DECODE_TCP, .l3 = 4,
	  .wire = 3, .captured = 3 },
	{ "Linux cooked", RPCGATE_LINK_LINUX_SLL, SLL "08 00" WHOLE4, .want = DECODE_TCP, .l3 = 16,
	  .wire = 3, .captured = 3 },
	{ "Linux cooked with IPv6", RPCGATE_LINK_LINUX_SLL, SLL "86 dd" WHOLE6, .want = DECODE_TCP,
	  .l3 = 16, .wire = 3, .captured = 3 },
	{ "Linux cooked with a tag", RPCGATE_LINK_LINUX_SLL, SLL TAG("00 05") "08 00" WHOLE4,
	  .want = DECODE_TCP, .l3 = 20, .wire = 3, .captured = 3, .n_vlan = 1, .vlan = { 5 } },
	{ "Linux cooked 2", RPCGATE_LINK_LINUX_SLL2, "08 00" SLL2_REST WHOLE4, .want = DECODE_TCP,
	  .l3 = 20, .wire = 3, .captured = 3 },
	{ "Linux cooked 2 with IPv6", RPCGATE_LINK_LINUX_SLL2, "86 dd" SLL2_REST WHOLE6,
	  .want = DECODE_TCP, .l3 = 20, .wire = 3, .captured = 3 },
	{ "Linux cooked 2 with a tag", RPCGATE_LINK_LINUX_SLL2,
	  "81 00" SLL2_REST "00 05 08 00" WHOLE4, .want = DECODE_TCP, .l3 = 24, .wire = 3,
	  .captured = 3, .n_vlan = 1, .vlan = { 5 } },
	{ "Linux cooked 2 without IP", RPCGATE_LINK_LINUX_SLL2, "08 06" SLL2_REST WHOLE4,
	  .want = DECODE_OTHER, .l3 = 20 },
	{ "a link type nobody knows", 147, ETH4 WHOLE4, .want = DECODE_OTHER },
	{ "ARP", E, MACS "08 06" WHOLE4, .want = DECODE_OTHER, .l3 = 14 },
	{ "an empty frame", E, "", .want = DECODE_MALFORMED },
	{ "an empty raw packet", R, "", .want = DECODE_MALFORMED },
	{ "a frame of 13 octets", E, MACS "08", .want = DECODE_MALFORMED },
	{ "13 octets of a longer frame", E, MACS "08", .want = DECODE_TRUNCATED, .cut = 50 },
	{ "4 octets of loopback", RPCGATE_LINK_NULL, "02 00 00 00", .want = DECODE_MALFORMED },
	{ "IPv4 said, IPv6 found", E, ETH4 WHOLE6, .want = DECODE_MALFORMED, .l3 = 14 },
	{ "IPv6 said, IPv4 found", E, ETH6 WHOLE4, .want = DECODE_MALFORMED, .l3 = 14 },
	{ "raw octets of neither version", R, "50 00(40)", .want = DECODE_OTHER },

	/* tags */
	{ "one tag", E, MACS TAG("f0 0a") "08 00" WHOLE4, .want = DECODE_TCP, .l3 = 18, .wire = 3,
	  .captured = 3, .n_vlan = 1, .vlan = { 10 } },
	{ "QinQ: the outer tag is first", E, MACS "88 a8 00 64" TAG("0f ff") "08 00" WHOLE4,
	  .want = DECODE_TCP, .l3 = 22, .wire = 3, .captured = 3, .n_vlan = 2,
	  .vlan = { 100, 4095 } },
	{ "the older numbers of tags", E, MACS "91 00 00 01 92 00 00 02 08 00" WHOLE4,
	  .want = DECODE_TCP, .l3 = 22, .wire = 3, .captured = 3, .n_vlan = 2, .vlan = { 1, 2 } },
	{ "eight tags, of which two are kept", E,
	  MACS TAG("00 01") TAG("00 02") TAG("00 03") TAG("00 04") TAG("00 05") TAG("00 06")
		  TAG("00 07") TAG("00 08") "08 00" WHOLE4,
	  .want = DECODE_TCP, .l3 = 46, .wire = 3, .captured = 3, .n_vlan = 2, .vlan = { 1, 2 } },
	{ "nine tags are too many", E,
	  MACS TAG("00 01") TAG("00 02") TAG("00 03") TAG("00 04") TAG("00 05") TAG("00 06")
		  TAG("00 07") TAG("00 08") TAG("00 09") "08 00" WHOLE4,
	  .want = DECODE_OTHER, .l3 = 46, .n_vlan = 2, .vlan = { 1, 2 } },
	{ "half a tag", E, MACS "81 00 00", .want = DECODE_MALFORMED },
	{ "a tag without a type", E, MACS TAG("00 01"), .want = DECODE_MALFORMED },

	/* IPv4 */
	{ "options of IPv4", R, "46 00 00 2f 00 07 40 00 40 06 00 00" ADDR4 "01 01 01 00" SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "40 octets of options", R, "4f 00 00 53 00 07 40 00 40 06 00 00" ADDR4 "01(40)" SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "a header of 16 octets", R, "44 00 00 2b 00 07 40 00 40 06 00 00" ADDR4 SEGMENT,
	  .want = DECODE_MALFORMED },
	{ "a header longer than the total length", R,
	  "46 00 00 17 00 07 40 00 40 06 00 00" ADDR4 "00(4)", .want = DECODE_MALFORMED },
	{ "options that the capture cut off", R, "4f 00 00 53 00 07 40 00 40 06 00 00" ADDR4 "01",
	  .want = DECODE_TRUNCATED, .cut = 62 },
	{ "a total length of 19", R, IP4("00 13", "00 00", "06") SEGMENT,
	  .want = DECODE_MALFORMED },
	{ "a total length of 0: left to the card", R, IP4("00 00", "40 00", "06") SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "what follows the datagram is padding", E, ETH4 WHOLE4 "ee(20)", .want = DECODE_TCP,
	  .l3 = 14, .wire = 3, .captured = 3 },
	{ "a total length beyond the frame", E, ETH4 IP4("00 2c", "40 00", "06") SEGMENT,
	  .want = DECODE_MALFORMED, .l3 = 14 },
	{ "but not beyond what was on the wire", E, ETH4 IP4("00 2c", "40 00", "06") SEGMENT,
	  .want = DECODE_TCP, .cut = 1, .l3 = 14, .wire = 4, .captured = 3 },
	{ "19 octets of IPv4", R, "45 00 00 2b 00(15)", .want = DECODE_MALFORMED },
	{ "19 octets of IPv4, more on the wire", R, "45 00 00 2b 00(15)", .want = DECODE_TRUNCATED,
	  .cut = 24 },
	{ "UDP", R, IP4("00 1f", "00 00", "11") DATAGRAM, .want = DECODE_UDP },
	{ "UDP of 7 octets", R, IP4("00 1b", "00 00", "11") "00(7)", .want = DECODE_MALFORMED },
	{ "UDP whose header was cut off", R, IP4("00 1f", "00 00", "11") "00(7)",
	  .want = DECODE_TRUNCATED, .cut = 4 },
	{ "ICMP", R, IP4("00 1c", "00 00", "01") "08 00(7)", .want = DECODE_OTHER },
	{ "an extension header of IPv6 is none of IPv4", R,
	  IP4("00 33", "00 00", "3c") EXT("06") SEGMENT, .want = DECODE_OTHER },

	/* TCP */
	{ "TCP of 19 octets", R, IP4("00 27", "00 00", "06") "00(19)", .want = DECODE_MALFORMED },
	{ "a TCP header of 16 octets", R, IP4("00 2b", "00 00", "06") TCP_HEAD("40") "00(3)",
	  .want = DECODE_MALFORMED },
	{ "a TCP header longer than its segment", R,
	  IP4("00 2b", "00 00", "06") TCP_HEAD("60") "00(3)", .want = DECODE_MALFORMED },
	{ "a TCP header that fills its segment", R,
	  IP4("00 2c", "00 00", "06") TCP_HEAD("60") "00(4)", .want = DECODE_TCP },
	{ "TCP options are no payload", R, IP4("00 2d", "00 00", "06") TCP_HEAD("60") "01(4) aa",
	  .want = DECODE_TCP, .wire = 1, .captured = 1 },
	{ "options that the capture cut off", R, IP4("00 2d", "00 00", "06") TCP_HEAD("60") "01",
	  .want = DECODE_TCP, .cut = 4, .wire = 1 },
	{ "ports that the capture cut off", R, IP4("00 2b", "00 00", "06") "c0 00 00",
	  .want = DECODE_TRUNCATED, .cut = 20 },

	/* IPv6 */
	{ "a payload length of 0: left to the card", R, IP6("00 00", "06") SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "padding behind IPv6", E, ETH6 WHOLE6 "ee(20)", .want = DECODE_TCP, .l3 = 14, .wire = 3,
	  .captured = 3 },
	{ "a payload length beyond the frame", R, IP6("00 18", "06") SEGMENT,
	  .want = DECODE_MALFORMED },
	{ "39 octets of IPv6", R, "60 00(38)", .want = DECODE_MALFORMED },
	{ "39 octets of IPv6, more on the wire", R, "60 00(38)", .want = DECODE_TRUNCATED,
	  .cut = 24 },
	{ "mapped addresses are never on the wire", R,
	  "60 00 00 00 00 17 06 40 00(10) ff ff c0 00 02 0a 00(10) ff ff c0 00 02 14" SEGMENT,
	  .want = DECODE_MALFORMED },
	{ "nor one of them", R,
	  "60 00 00 00 00 17 06 40 20 01 0d b8 00(12) 00(10) ff ff c0 00 02 14" SEGMENT,
	  .want = DECODE_MALFORMED },
	{ "hop-by-hop options", R, IP6("00 1f", "00") EXT("06") SEGMENT, .want = DECODE_TCP,
	  .wire = 3, .captured = 3 },
	{ "routing", R, IP6("00 1f", "2b") EXT("06") SEGMENT, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "destination options", R, IP6("00 1f", "3c") EXT("06") SEGMENT, .want = DECODE_TCP,
	  .wire = 3, .captured = 3 },
	{ "mobility", R, IP6("00 1f", "87") EXT("06") SEGMENT, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "host identity", R, IP6("00 1f", "8b") EXT("06") SEGMENT, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "shim6", R, IP6("00 1f", "8c") EXT("06") SEGMENT, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "authentication counts in fours", R, IP6("00 23", "33") "06 01 00(10)" SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "an extension header of 16 octets", R, IP6("00 27", "3c") "06 01 00(14)" SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "two extension headers", R, IP6("00 27", "00") EXT("3c") EXT("06") SEGMENT,
	  .want = DECODE_TCP, .wire = 3, .captured = 3 },
	{ "sixteen extension headers", R,
	  IP6("00 97", "3c") EXT5("3c") EXT5("3c") EXT5("3c") EXT("06") SEGMENT, .want = DECODE_TCP,
	  .wire = 3, .captured = 3 },
	{ "seventeen are too many", R,
	  IP6("00 9f", "3c") EXT5("3c") EXT5("3c") EXT5("3c") EXT("3c") EXT("06") SEGMENT,
	  .want = DECODE_MALFORMED },
	{ "an extension header longer than the datagram", R, IP6("00 08", "3c") "06 01 00(6)",
	  .want = DECODE_MALFORMED },
	{ "an extension header that the capture cut off", R, IP6("00 27", "3c") "06 01 00(6)",
	  .want = DECODE_TRUNCATED, .cut = 31 },
	{ "one octet of an extension header", R, IP6("00 01", "3c") "06", .want = DECODE_OTHER },
	{ "no next header", R, IP6("00 08", "3b") "00(8)", .want = DECODE_OTHER },
	{ "encryption", R, IP6("00 08", "32") "00(8)", .want = DECODE_OTHER },
	{ "UDP over IPv6", R, IP6("00 0b", "11") DATAGRAM, .want = DECODE_UDP },
	{ "an atomic fragment is a whole datagram", R,
	  IP6("00 1f", "2c") "06 00 00 00 00 00 00 09" SEGMENT, .want = DECODE_TCP, .wire = 3,
	  .captured = 3 },
	{ "half a fragment header", R, IP6("00 04", "2c") "06 00 00 00", .want = DECODE_MALFORMED },
	{ "half a fragment header, the rest cut off", R, IP6("00 1f", "2c") "06 00 00 00",
	  .want = DECODE_TRUNCATED, .cut = 27 },
};

static struct rpcgate_packet packet_of(struct bytes octets, uint32_t link, uint32_t cut)
{
	return (struct rpcgate_packet){ .data = octets.p,
					.caplen = (uint32_t)octets.n,
					.len = (uint32_t)octets.n + cut,
					.linktype = link };
}

/* A range is empty or lies in the frame */
static bool lies_in(struct bytes range, struct bytes frame)
{
	return !range.n || (range.p >= frame.p && range.n <= frame.n &&
			    (size_t)(range.p - frame.p) <= frame.n - range.n);
}

static void check_ranges(const struct packet *p, struct bytes frame, enum decode got)
{
	assert_true(p->l3_offset <= frame.n);
	assert_true(lies_in(p->ip_header, frame));
	assert_true(lies_in(p->l4, frame));
	assert_true(p->l4.n <= p->l4_len);
	if (got != DECODE_TCP)
		return;
	assert_true(p->l4.n >= 20);
	assert_true(lies_in(p->payload, p->l4));
	assert_true(p->payload.n <= p->payload_len && p->payload_len <= p->l4_len - 20);
}

static void frame_row(void **state)
{
	const struct frame_row *row = *state;
	struct bytes frame = octets_of(row->octets);
	const struct rpcgate_packet in = packet_of(frame, row->link, row->cut);
	struct packet p;
	enum decode got = packet_decode(&in, &p);

	assert_int_equal(got, row->want);
	check_ranges(&p, frame, got);
	assert_int_equal(p.l3_offset, row->l3);
	assert_int_equal(p.n_vlan, row->n_vlan);
	assert_int_equal(p.vlan[0], row->vlan[0]);
	assert_int_equal(p.vlan[1], row->vlan[1]);
	if (got == DECODE_TCP || got == DECODE_UDP) {
		assert_int_equal(p.src_port, 49152);
		assert_int_equal(p.dst_port, 135);
		assert_int_equal(p.src.octet[15], 10);
		assert_int_equal(p.dst.octet[15], 20);
	}
	if (got != DECODE_TCP)
		return;
	assert_int_equal(p.seq, 100);
	assert_int_equal(p.ack, 200);
	assert_int_equal(p.tcp_flags, 0x18);
	assert_int_equal(p.payload_len, row->wire);
	assert_int_equal(p.payload.n, row->captured);
	if (p.payload.n == 3)
		assert_memory_equal(p.payload.p, "\xaa\xbb\xcc", 3);
}

/* ---------------------------------------------------------------- fragments */

struct fragment_row {
	const char *name;
	const char *octets;
	enum decode want;
	uint32_t cut;
	uint32_t id, offset;
	bool more, complete;
};

static const struct fragment_row fragment_rows[] = {
	{ "the first of IPv4", IP4("00 1c", "20 00", "06") "00(8)", .want = DECODE_FRAGMENT,
	  .id = 7, .more = true, .complete = true },
	{ "one in the middle", IP4("00 1c", "20 03", "06") "00(8)", .want = DECODE_FRAGMENT,
	  .id = 7, .offset = 24, .more = true, .complete = true },
	{ "the last", IP4("00 17", "00 03", "06") "00(3)", .want = DECODE_FRAGMENT, .id = 7,
	  .offset = 24, .complete = true },
	{ "the highest offset there is", IP4("00 17", "1f ff", "06") "00(3)",
	  .want = DECODE_FRAGMENT, .id = 7, .offset = 65528, .complete = true },
	{ "one that the capture cut short", IP4("00 1c", "20 03", "06") "00(7)",
	  .want = DECODE_FRAGMENT, .cut = 1, .id = 7, .offset = 24, .more = true },
	{ "don't fragment is no fragment", WHOLE4, .want = DECODE_TCP },
	{ "the evil bit neither", IP4("00 2b", "80 00", "06") SEGMENT, .want = DECODE_TCP },
	{ "the first of IPv6", IP6("00 10", "2c") "06 00 00 01 01 02 03 04 00(8)",
	  .want = DECODE_FRAGMENT, .id = 0x01020304, .more = true, .complete = true },
	{ "the last of IPv6", IP6("00 0b", "2c") "06 00 00 18 01 02 03 04 00(3)",
	  .want = DECODE_FRAGMENT, .id = 0x01020304, .offset = 24, .complete = true },
	{ "behind another extension header",
	  IP6("00 18", "00") EXT("2c") "06 00 00 19 00 00 00 05"
				       "00(8)",
	  .want = DECODE_FRAGMENT, .id = 5, .offset = 24, .more = true, .complete = true },
	{ "reserved bits say nothing", IP6("00 1f", "2c") "06 ff 00 06 00 00 00 09" SEGMENT,
	  .want = DECODE_TCP },
};

static void fragment_row(void **state)
{
	const struct fragment_row *row = *state;
	struct bytes frame = octets_of(row->octets);
	const struct rpcgate_packet in = packet_of(frame, R, row->cut);
	struct packet p;

	assert_int_equal(packet_decode(&in, &p), row->want);
	check_ranges(&p, frame, row->want);
	assert_int_equal(p.proto, 6);
	assert_int_equal(p.fragment.id, row->id);
	assert_int_equal(p.fragment.offset, row->offset);
	assert_int_equal(p.fragment.more, row->more);
	assert_int_equal(p.fragment.complete, row->complete);
}

/* ------------------------------------------------------------------- joined */

static const struct {
	const char *addresses; /* a datagram to take them from */
	const char *octets;
	uint8_t proto;
	enum decode want;
} joined_rows[] = {
	{ WHOLE4, SEGMENT, 6, DECODE_TCP },
	{ WHOLE6, SEGMENT, 6, DECODE_TCP },
	{ WHOLE6, EXT("06") SEGMENT, 60, DECODE_TCP },
	{ WHOLE6, "06 00 00 01 00 00 00 01" SEGMENT, 44, DECODE_FRAGMENT }, /* never joined again */
	{ WHOLE4, EXT("06") SEGMENT, 60, DECODE_OTHER }, /* IPv4 has none of these */
	{ WHOLE4, "06 00 00 00 00 00 00 01" SEGMENT, 44, DECODE_OTHER },
	{ WHOLE4, DATAGRAM, 17, DECODE_UDP },
	{ WHOLE4, "00(19)", 6, DECODE_MALFORMED },
};

static void a_joined_datagram_is_read_like_a_whole_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(joined_rows); i++) {
		struct bytes first = octets_of(joined_rows[i].addresses);
		struct bytes datagram = octets_of(joined_rows[i].octets);
		const struct rpcgate_packet in = packet_of(first, R, 0);
		struct packet p;
		enum decode got;

		assert_int_equal(packet_decode(&in, &p), DECODE_TCP);
		p.proto = joined_rows[i].proto;
		got = packet_decode_joined(datagram, &p);
		assert_int_equal(got, joined_rows[i].want);
		assert_int_equal(p.ip_header.n, 0);
		check_ranges(&p, datagram, got);
		if (got == DECODE_TCP)
			assert_int_equal(p.payload.n, 3);
	}
}

/* ----------------------------------------------------------------- prefixes */

static const char *const wholes[] = {
	ETH4 WHOLE4 "ee(4)",
	ETH6 WHOLE6,
	MACS "88 a8 00 64" TAG("00 05") "08 00" WHOLE4,
	ETH4 "46 00 00 2f 00 07 40 00 40 06 00 00" ADDR4 "01 01 01 00" SEGMENT,
	ETH6 IP6("00 2f", "00") EXT("2c") "3c 00 00 00 00 00 00 09" EXT("06") SEGMENT,
	ETH6 IP6("00 23", "33") "06 01 00(10)" SEGMENT,
	ETH4 IP4("00 2d", "00 00", "06") TCP_HEAD("60") "01(4) aa",
};

/* What the capture cut off is missing: the segment keeps its length, and gains no octet */
static void every_capture_cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct bytes whole = octets_of(wholes[i]);
		struct rpcgate_packet in = packet_of(whole, E, 0);
		struct packet full, p;

		assert_int_equal(packet_decode(&in, &full), DECODE_TCP);
		for (size_t n = 0; n < whole.n; n++) {
			struct bytes frame = prefix(whole, n);
			enum decode got;

			in = packet_of(frame, E, (uint32_t)(whole.n - n));
			got = packet_decode(&in, &p);
			check_ranges(&p, frame, got);
			assert_true(got == DECODE_TCP || got == DECODE_TRUNCATED ||
				    got == DECODE_OTHER);
			if (got != DECODE_TCP)
				continue;
			assert_int_equal(p.payload_len, full.payload_len);
			assert_int_equal(p.seq, full.seq);
			if (p.payload.n)
				assert_memory_equal(p.payload.p, full.payload.p, p.payload.n);
		}
	}
}

/* A frame that really ended there is used only if all of its datagram is in it */
static void every_frame_that_is_too_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct bytes whole = octets_of(wholes[i]);
		struct rpcgate_packet in = packet_of(whole, E, 0);
		size_t end;
		struct packet p;

		assert_int_equal(packet_decode(&in, &p), DECODE_TCP);
		end = (size_t)(p.payload.p - whole.p) + p.payload.n;
		for (size_t n = 0; n < whole.n; n++) {
			struct bytes frame = prefix(whole, n);
			enum decode got;

			in = packet_of(frame, E, 0);
			got = packet_decode(&in, &p);
			check_ranges(&p, frame, got);
			assert_int_equal(got, n < end ? DECODE_MALFORMED : DECODE_TCP);
		}
	}
}

/* A caller that does not know the length on the wire may leave it 0 */
static void a_length_below_the_captured_one_is_not_believed(void **state)
{
	struct bytes frame = octets_of(ETH4 WHOLE4);
	struct rpcgate_packet in = packet_of(frame, E, 0);
	struct packet p;

	(void)state;
	in.len = 0;
	assert_int_equal(packet_decode(&in, &p), DECODE_TCP);
	assert_int_equal(p.payload.n, 3);
}

static void the_link_types_that_are_known(void **state)
{
	static const uint32_t known[] = { 0, 1, 101, 108, 113, 228, 229, 276 };
	size_t n = 0;

	(void)state;
	for (uint32_t link = 0; link < 70000; link++)
		n += rpcgate_linktype_known(link);
	assert_int_equal(n, ARRAY_SIZE(known));
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		assert_true(rpcgate_linktype_known(known[i]));
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + ARRAY_SIZE(fragment_rows) + 5] = {
		cmocka_unit_test(a_joined_datagram_is_read_like_a_whole_one),
		cmocka_unit_test(every_capture_cut_short),
		cmocka_unit_test(every_frame_that_is_too_short),
		cmocka_unit_test(a_length_below_the_captured_one_is_not_believed),
		cmocka_unit_test(the_link_types_that_are_known),
	};
	size_t n = 5;

	ROWS(tests, n, rows, frame_row);
	ROWS(tests, n, fragment_rows, fragment_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
