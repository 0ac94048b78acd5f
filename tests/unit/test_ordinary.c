/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quick way for ordinary frames against the decoder for all of them, and the hash of raw octets
 * against that of the key */
#include "flow.h"
#include "octets.h"
#include "rows.h"

#define FRAMES 200000U
#define FRAME_OCTETS 80U

/* A frame most of whose octets are as they should be; few values, so that ends are equal at times */
static void make_frame(struct random *r, uint8_t p[FRAME_OCTETS])
{
	static const uint8_t model[] = { 1,    2, 3,  4,  5,    6,  7, 8,   9,  10, 11, 12, 8,  0,
					 0x45, 0, 0,  60, 0,    1,  0, 0,   64, 6,  0,  0,  10, 0,
					 0,    1, 10, 0,  0,    2,  1, 187, 4,  1,  0,  0,  0,  1,
					 0,    0, 0,  2,  0x50, 16, 1, 0,   0,  0,  0,  0 };

	for (unsigned i = 0; i < FRAME_OCTETS; i++)
		p[i] = i < sizeof(model) ? model[i] : (uint8_t)random_next(r);
	for (unsigned i = 26; i < 38; i++)
		p[i] = random_once_in(r, 3) ? (uint8_t)random_below(r, 3) : p[i];
	if (random_once_in(r, 4))
		memcpy(p + 30, p + 26, 4);
	if (random_once_in(r, 4))
		memcpy(p + 36, p + 34, 2);
	if (random_once_in(r, 4))
		p[23] = 17;
	while (random_once_in(r, 2))
		p[12 + random_below(r, 40)] = (uint8_t)random_next(r);
	if (random_once_in(r, 4))
		p[17] = (uint8_t)random_below(r, 80);
}

static void same_bytes(const struct rpcgate_packet *in, struct bytes a, struct bytes b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_true(a.p == b.p && a.p >= in->data && a.p + a.n <= in->data + in->caplen);
}

static void check_frame(const struct rpcgate_packet *in, const struct flows *flows)
{
	/* without its link layer, nothing is ordinary */
	const struct rpcgate_packet bare = { .data = in->data + 14,
					     .caplen = in->caplen - 14,
					     .len = in->len - 14,
					     .linktype = RPCGATE_LINK_RAW };
	struct packet a, b;
	enum decode kind = packet_decode(in, &a);

	assert_true(packet_ordinary(&bare) == 0);
	assert_int_equal(kind, packet_decode(&bare, &b));
	assert_int_equal(a.l3_offset, b.l3_offset + 14);
	if (kind != DECODE_TCP && kind != DECODE_UDP)
		return;
	assert_memory_equal(&a.src, &b.src, sizeof(a.src));
	assert_memory_equal(&a.dst, &b.dst, sizeof(a.dst));
	assert_true(a.src_port == b.src_port && a.dst_port == b.dst_port && a.proto == b.proto);
	assert_true(a.seq == b.seq && a.ack == b.ack && a.tcp_flags == b.tcp_flags);
	assert_true(a.l4_len == b.l4_len && a.payload_len == b.payload_len);
	same_bytes(in, a.l4, b.l4);
	same_bytes(in, a.ip_header, b.ip_header);
	same_bytes(in, a.payload, b.payload);
	if (kind == DECODE_TCP && packet_ordinary(in)) {
		unsigned side;
		struct flow_key key = flow_key_of(&a, 7, &side);

		assert_int_equal(flow_hash_ordinary(flows, in->data, 7),
				 (uint32_t)flow_hash(flows, &key));
	}
}

static void ordinary_frames_are_nothing_special(void **state)
{
	struct random r = { 21 };
	struct flows flows;
	unsigned ordinary = 0;

	(void)state;
	assert_true(flows_init(&flows, 16, (struct hash_key){ 1, 2 }));
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t octets[FRAME_OCTETS];
		struct rpcgate_packet in = { .data = octets,
					     .caplen =
						     FRAME_OCTETS - (uint32_t)random_below(&r, 40),
					     .linktype = RPCGATE_LINK_ETHERNET };

		in.len = random_once_in(&r, 2) ? in.caplen : FRAME_OCTETS;
		make_frame(&r, octets);
		if (octets[12] != 8 || octets[13] != 0 || octets[14] >> 4 != 4)
			continue;
		check_frame(&in, &flows);
		ordinary += packet_ordinary(&in) != 0;
	}
	assert_true(ordinary > FRAMES / 10);
	flows_done(&flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_frames_are_nothing_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
