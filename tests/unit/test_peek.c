/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_peek.c - the quick way for plain frames against the decoder for all of them, and the hash of raw octets
 * against that of the key */
#include "flow.h"
#include "guard.h"
#include "octets.h"
#include "ports_fixture.h"
#include "rows.h"

#define FRAMES 400000U
#define FRAME_OCTETS 112U

static const uint8_t begins[256] = { [5] = PEEK_BEGINS };

static uint32_t make_ipv4(struct random *r, uint8_t *p)
{
	static const uint8_t model[] = { 0x45, 0, 0, 60, 0, 1, 0, 0, 64, 6 };

	memcpy(p, model, sizeof(model));
	for (unsigned i = 12; i < 20; i++)
		p[i] = (uint8_t)random_below(r, 3);
	if (random_once_in(r, 4))
		memcpy(p + 16, p + 12, 4);
	if (random_once_in(r, 4))
		p[9] = 17;
	if (random_once_in(r, 4))
		p[3] = (uint8_t)random_below(r, 100);
	return 20;
}

static uint32_t make_ipv6(struct random *r, uint8_t *p)
{
	static const uint8_t model[] = { 0x60, 0, 0, 0, 0, 40, 6, 64 };

	memcpy(p, model, sizeof(model));
	memset(p + 8, 0, 32);
	for (unsigned i = 8; i < 40; i++)
		p[i] = random_once_in(r, 8) ? (uint8_t)random_below(r, 3) : 0;
	for (unsigned i = 0; i < 2; i++)
		if (random_once_in(r, 8))
			memset(p + 8 + 16 * i + 10, 0xff, 2);
	if (random_once_in(r, 4))
		memcpy(p + 24, p + 8, 16);
	if (random_once_in(r, 4))
		p[6] = 17;
	if (random_once_in(r, 4))
		p[5] = (uint8_t)random_below(r, 60);
	return 40;
}

/* A frame most of whose octets are as they should be; few values, so that ends are equal at times */
static void make_frame(struct random *r, uint8_t p[FRAME_OCTETS])
{
	uint32_t at = 14;
	bool ipv6 = random_once_in(r, 2);

	for (unsigned i = 0; i < FRAME_OCTETS; i++)
		p[i] = (uint8_t)random_next(r);
	if (random_once_in(r, 3)) {
		memcpy(p + 12, (const uint8_t[]){ 0x81, 0 }, 2);
		at = 18;
	}
	memcpy(p + at - 2, ipv6 ? (const uint8_t[]){ 0x86, 0xdd } : (const uint8_t[]){ 8, 0 }, 2);
	at += ipv6 ? make_ipv6(r, p + at) : make_ipv4(r, p + at);
	for (unsigned i = 0; i < 4; i++)
		p[at + i] = (uint8_t)random_below(r, 2);
	if (random_once_in(r, 4))
		memcpy(p + at + 2, p + at, 2);
	p[at + 12] = random_once_in(r, 4) ? (uint8_t)random_next(r) : 0x50;
	while (random_once_in(r, 4))
		p[12 + random_below(r, 60)] = (uint8_t)random_next(r);
}

static void same_bytes(const struct rpcgate_packet *in, struct bytes a, struct bytes b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_true(a.p == b.p && a.p >= in->data && a.p + a.n <= in->data + in->caplen);
}

static void check_frame(const struct rpcgate_packet *in, const struct rpcgate_ahead *peek,
			const struct flows *flows)
{
	struct packet a, b;
	enum decode kind = packet_decode_plain(in, peek, &a);

	assert_int_equal(kind, packet_decode(in, &b));
	assert_int_equal(kind, peek->kind & PEEK_TCP ? DECODE_TCP : DECODE_UDP);
	assert_int_equal(!(peek->kind & PEEK_UDP), kind == DECODE_TCP);
	assert_int_equal(a.l3_offset, b.l3_offset);
	assert_int_equal(a.n_vlan, b.n_vlan);
	assert_memory_equal(a.vlan, b.vlan, sizeof(a.vlan));
	assert_memory_equal(&a.src, &b.src, sizeof(a.src));
	assert_memory_equal(&a.dst, &b.dst, sizeof(a.dst));
	assert_true(a.src_port == b.src_port && a.dst_port == b.dst_port && a.proto == b.proto);
	assert_int_equal(a.l4_len, b.l4_len);
	same_bytes(in, a.l4, b.l4);
	same_bytes(in, a.ip_header, b.ip_header);
	if (kind == DECODE_TCP) {
		struct flow_key key = flow_key_of(&a, 7, flow_side_of(&a));

		assert_int_equal(!(peek->kind & PEEK_SYN), !(b.tcp_flags & TCP_SYN));
		assert_int_equal(!(peek->kind & PEEK_BEGINS),
				 !(b.payload.n && begins[b.payload.p[0]]));
		assert_true(a.seq == b.seq && a.ack == b.ack && a.tcp_flags == b.tcp_flags);
		assert_int_equal(a.payload_len, b.payload_len);
		same_bytes(in, a.payload, b.payload);
		assert_int_equal(flow_hash_plain(flows, in->data, peek, 7),
				 (uint32_t)flow_hash(flows, &key));
	}
}

static void plain_frames_are_nothing_special(void **state)
{
	struct random r = { 21 };
	struct flows flows;
	unsigned plain[2] = { 0 }, tagged = 0;

	(void)state;
	assert_true(flows_init(&flows, 16, (struct hash_key){ 1, 2 }, &ports));
	for (unsigned i = 0; i < FRAMES; i++) {
		uint32_t caplen = FRAME_OCTETS - (uint32_t)random_below(&r, FRAME_OCTETS);
		uint8_t octets[FRAME_OCTETS];
		struct rpcgate_packet in = { .caplen = caplen, .linktype = RPCGATE_LINK_ETHERNET };
		struct rpcgate_ahead peek;

		in.len = random_once_in(&r, 2) ? in.caplen : FRAME_OCTETS;
		make_frame(&r, octets);
		in.data = guarded(octets, caplen).p;
		if (packet_peek(&in, begins, &peek)) {
			check_frame(&in, &peek, &flows);
			plain[peek.kind & PEEK_IPV6 ? 1 : 0]++;
			tagged += (peek.kind & PEEK_TAGGED) != 0;
		}
	}
	assert_true(plain[0] > FRAMES / 50 && plain[1] > FRAMES / 50 && tagged > FRAMES / 50);
	flows_done(&flows);
}

static void without_ethernet_nothing_is_plain(void **state)
{
	static const uint8_t frame[60] = { [12] = 8, [14] = 0x45, [17] = 40, [23] = 6, [46] = 0x50 };
	struct rpcgate_packet in = { .data = frame, .caplen = 60, .len = 60 };
	struct rpcgate_ahead peek;

	(void)state;
	in.linktype = RPCGATE_LINK_ETHERNET;
	assert_true(packet_peek(&in, begins, &peek));
	in.linktype = RPCGATE_LINK_RAW;
	assert_false(packet_peek(&in, begins, &peek));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_frames_are_nothing_special),
		cmocka_unit_test(without_ethernet_nothing_is_plain),
	};

	return cmocka_run_group_tests(tests, make_ports, free_ports);
}
