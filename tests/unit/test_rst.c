/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_rst.c - resets for both ends of a refused segment, read back by what reads all packets */
#include <string.h>

#include "guard.h"
#include "packets.h"
#include "rows.h"
#include "rst.h"

#define SEQ UINT32_C(1000)
#define ACKED UINT32_C(5000)

struct wanted {
	bool made; /* a frame at all */
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
};

/* ---------------------------------------------------------------------- numbers */

static const struct number_row {
	const char *name;
	uint8_t flags;
	size_t len;
	uint32_t seq;
	struct wanted back, on;
} numbers[] = {
	{ "data: each end gets what it awaits",
	  PSH | ACK,
	  100,
	  SEQ,
	  { true, ACKED, 0, RST },
	  { true, SEQ, ACKED, RST | ACK } },
	{ "an acknowledgement alone",
	  ACK,
	  0,
	  SEQ,
	  { true, ACKED, 0, RST },
	  { true, SEQ, ACKED, RST | ACK } },
	{ "a SYN: its receiver knows of nothing",
	  SYN,
	  0,
	  SEQ,
	  { true, 0, SEQ + 1, RST | ACK },
	  { false, 0, 0, 0 } },
	{ "a SYN with data", SYN, 10, SEQ, { true, 0, SEQ + 11, RST | ACK }, { false, 0, 0, 0 } },
	{ "SYN and ACK",
	  SYN | ACK,
	  0,
	  SEQ,
	  { true, ACKED, 0, RST },
	  { true, SEQ, ACKED, RST | ACK } },
	{ "a FIN without ACK counts",
	  FIN,
	  5,
	  SEQ,
	  { true, 0, SEQ + 6, RST | ACK },
	  { false, 0, 0, 0 } },
	{ "numbers go round", SYN, 0, UINT32_MAX, { true, 0, 0, RST | ACK }, { false, 0, 0, 0 } },
};

static const struct framing framings[] = {
	{ .linktype = RPCGATE_LINK_ETHERNET },
	{ .linktype = RPCGATE_LINK_ETHERNET, .n_tags = 1, .tag = { { 0x8100, 0x2064 } } },
	{ .linktype = RPCGATE_LINK_ETHERNET,
	  .n_tags = 3,
	  .tag = { { 0x88a8, 5 }, { 0x8100, 6 }, { 0x8100, 0xe007 } } },
	{ .linktype = RPCGATE_LINK_ETHERNET,
	  .n_ip_options = 40,
	  .n_extensions = 2,
	  .extension = { 0, 60 } },
	{ .linktype = RPCGATE_LINK_ETHERNET,
	  .n_extensions = 3,
	  .extension = { 0, 43, 60 },
	  .n_padding = 18 },
};

static struct segment segment_of(bool ipv6, uint8_t flags, size_t len, uint32_t seq)
{
	static const uint8_t data[128];

	return (struct segment){
		.src = addr_of(ipv6 ? "2001:db8::9" : "192.0.2.9"),
		.dst = addr_of(ipv6 ? "2001:db8::5" : "192.0.2.5"),
		.sport = 50000,
		.dport = 135,
		.seq = seq,
		.ack = ACKED,
		.flags = flags,
		.data = data,
		.len = len,
	};
}

/* TCP's sum over the pseudo header is right if with it everything adds up to ffff */
static void check_sums(const struct packets *list)
{
	struct framing how;
	const uint8_t *ip;
	bool ipv6;
	size_t n;
	uint32_t sum;

	assert_true(packets_ip(list, 0, &how, &ip, &n));
	ipv6 = ip[0] >> 4 == 6;
	assert_int_equal(n, ipv6 ? 60 : 40);
	sum = sum16(6 + 20, ipv6 ? ip + 8 : ip + 12, ipv6 ? 52 : 28);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	if (ipv6)
		return;
	sum = sum16(0, ip, 20);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static void check_frame(const struct rst_frame *frame, const struct segment *from,
			const uint8_t *original, const struct framing *how,
			const struct wanted *want, bool back)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	struct framing got_how;
	struct segment got;

	assert_int_equal(frame->n != 0, want->made);
	if (!want->made)
		return;
	packets_add(&list, 0, frame->octet, frame->n);
	assert_true(packets_parse(&list, 0, &got_how, &got));
	check_sums(&list);
	assert_memory_equal(frame->octet, original + (back ? 6 : 0), 6);
	assert_memory_equal(frame->octet + 6, original + (back ? 0 : 6), 6);
	assert_int_equal(got_how.n_tags, how->n_tags);
	for (unsigned i = 0; i < how->n_tags; i++) {
		assert_int_equal(got_how.tag[i].tpid, how->tag[i].tpid);
		assert_int_equal(got_how.tag[i].tci, how->tag[i].tci);
	}
	assert_memory_equal(&got.src, back ? &from->dst : &from->src, 16);
	assert_memory_equal(&got.dst, back ? &from->src : &from->dst, 16);
	assert_int_equal(got.sport, back ? from->dport : from->sport);
	assert_int_equal(got.dport, back ? from->sport : from->dport);
	assert_int_equal(got.seq, want->seq);
	assert_int_equal(got.ack, want->ack);
	assert_int_equal(got.flags, want->flags);
	assert_int_equal(got.len, 0);
	packets_free(&list);
}

static void check_numbers(void **state)
{
	const struct number_row *row = *state;
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	struct rst rst;

	for (size_t i = 0; i < 2 * sizeof(framings) / sizeof(framings[0]); i++) {
		const struct framing *how = &framings[i / 2];
		struct segment seg = segment_of(i & 1, row->flags, row->len, row->seq);
		struct rpcgate_packet p;
		struct bytes frame;

		packets_clear(&list);
		packets_segment(&list, how, &seg);
		p = packets_get(&list, 0);
		frame = guarded(p.data, p.caplen);
		memset(&rst, 0xaa, sizeof(rst));
		assert_true(rst_make(frame.p, frame.n, &rst));
		check_frame(&rst.to_sender, &seg, frame.p, how, &row->back, true);
		check_frame(&rst.to_receiver, &seg, frame.p, how, &row->on, false);
	}
	packets_free(&list);
}

/* ---------------------------------------------------------------------- refusals */

#define MACS "02 00(4) 01 02 00(4) 02 |"
#define ADDR4 "c0 00 02 0a c0 00 02 14 |"
#define ADDR6 "20 01 0d b8 00(11) 0a 20 01 0d b8 00(11) 14 |"
#define IP4(first, total, frag, proto) first "00" total "00 07" frag "40" proto "00 00" ADDR4
#define IP6(length, next) "60 00 00 00" length next "40" ADDR6
#define TCP(offset, flags) "c0 00 00 87 00 00 00 64 00 00 00 c8" offset flags "20 00 00 00 00 00"
#define GOOD4 MACS "08 00" IP4("45", "00 28", "40 00", "06") TCP("50", "10")

static const struct refused_row {
	const char *name;
	const char *octets;
	bool made;
} refused[] = {
	{ "a segment", GOOD4, true },
	{ "nothing", "", false },
	{ "ARP",
	  MACS "08 06"
	       "00(28)",
	  false },
	{ "UDP", MACS "08 00" IP4("45", "00 28", "40 00", "11") TCP("50", "10"), false },
	{ "a reset", MACS "08 00" IP4("45", "00 28", "40 00", "06") TCP("50", "14"), false },
	{ "to a group of hosts",
	  "01 00(4) 01 02 00(4) 02 08 00" IP4("45", "00 28", "40 00", "06") TCP("50", "10"),
	  false },
	{ "from a group of hosts",
	  "02 00(4) 01 03 00(4) 02 08 00" IP4("45", "00 28", "40 00", "06") TCP("50", "10"),
	  false },
	{ "the first of several fragments",
	  MACS "08 00" IP4("45", "00 28", "20 00", "06") TCP("50", "10"), true },
	{ "a later fragment", MACS "08 00" IP4("45", "00 28", "20 01", "06") TCP("50", "10"),
	  false },
	{ "IPv4 that says it is IPv6",
	  MACS "08 00" IP4("65", "00 28", "40 00", "06") TCP("50", "10"), false },
	{ "a header shorter than a header",
	  MACS "08 00" IP4("44", "00 28", "40 00", "06") TCP("50", "10"), false },
	{ "a total shorter than the header",
	  MACS "08 00" IP4("45", "00 13", "40 00", "06") TCP("50", "10"), false },
	{ "a total that cuts TCP's header",
	  MACS "08 00" IP4("45", "00 27", "40 00", "06") TCP("50", "10"), false },
	{ "TCP's header shorter than itself",
	  MACS "08 00" IP4("45", "00 28", "40 00", "06") TCP("40", "10"), false },
	{ "TCP's header longer than the packet",
	  MACS "08 00" IP4("45", "00 28", "40 00", "06") TCP("60", "10"), false },
	{ "IPv6", MACS "86 dd" IP6("00 14", "06") TCP("50", "10"), true },
	{ "IPv6 that says it is IPv4", MACS "08 00" IP6("00 14", "06") TCP("50", "10"), false },
	{ "the first fragment of IPv6",
	  MACS "86 dd" IP6("00 1c", "2c") "06 00 00 01 00(4)" TCP("50", "10"), true },
	{ "a later fragment of IPv6",
	  MACS "86 dd" IP6("00 1c", "2c") "06 00 00 08 00(4)" TCP("50", "10"), false },
	{ "an extension that hides what follows",
	  MACS "86 dd" IP6("00 1c", "32") "06 00 00 00 00(4)" TCP("50", "10"), false },
	{ "an extension longer than the frame",
	  MACS "86 dd" IP6("00 1c", "00") "06 ff 00 00 00(4)" TCP("50", "10"), false },
	{ "eight tags",
	  MACS "81 00 00 01 81 00 00 01 81 00 00 01 81 00 00 01 81 00 00 01 81 00 00 01"
	       "81 00 00 01 81 00 00 01 08 00" IP4("45", "00 28", "40 00", "06") TCP("50", "10"),
	  true },
	{ "nine tags",
	  MACS "81 00 00 01 81 00 00 01 81 00 00 01 81 00 00 01 81 00 00 01 81 00 00 01"
	       "81 00 00 01 81 00 00 01 81 00 00 01 08 00" IP4("45", "00 28", "40 00", "06")
		       TCP("50", "10"),
	  false },
};

static void check_refused(void **state)
{
	const struct refused_row *row = *state;
	struct bytes frame = octets_of(row->octets);
	struct rst rst;

	assert_int_equal(rst_make(frame.p, frame.n, &rst), row->made);
}

static void nothing_is_made_of_a_frame_cut_short(void **state)
{
	struct bytes frame = octets_of(GOOD4);
	struct rst rst;

	(void)state;
	for (size_t n = 0; n < frame.n; n++) {
		struct bytes cut = prefix(frame, n);

		assert_false(rst_make(cut.p, cut.n, &rst));
	}
}

int main(void)
{
	struct CMUnitTest tests[48] = {
		cmocka_unit_test(nothing_is_made_of_a_frame_cut_short),
	};
	size_t n = 1;

	ROWS(tests, n, numbers, check_numbers);
	ROWS(tests, n, refused, check_refused);
	return _cmocka_run_group_tests("rst", tests, n, NULL, NULL);
}
