/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The builder against octets that were recorded: what it makes is what Samba 4.17 and its clients
 * put on the wire for the same parameters.  A builder that errs would make every test that stands
 * on it worthless.
 */
#include "builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Recorded octets as hexadecimal text; blanks are for the eye */
static void recorded(struct octets *o, const char *text)
{
	unsigned digit = 0, value = 0;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		value = value << 4 | (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
		if (++digit % 2 == 0)
			octets_u8(o, value & 0xff);
	}
}

static void same(struct octets *made, const char *text)
{
	struct octets want = { 0 };

	recorded(&want, text);
	assert_int_equal(made->n, want.n);
	assert_memory_equal(made->p, want.p, want.n);
	octets_free(&want);
	octets_free(made);
}

#define LSARPC_TOWER(port, address)                                                                \
	"0500 13000d 7857341234 12cdabef00 0123456789ab 0000 0200 0000"                            \
	"13000d 045d888aeb1cc9119fe808002b104860 0200 0200 0000"                                   \
	"01000b 0200 0000 010007 0200" port "010009 0400" address

static void bind_with_features(void **state)
{
	struct rpcgate_syntax features = syntax_features;
	const struct offer offers[] = { { 0, iface_epm, 1, &syntax_ndr },
					{ 1, iface_epm, 1, &features } };
	struct octets o = { 0 };

	(void)state;
	pdu_bind(&o, &head_plain, PTYPE_BIND, offers, COUNT(offers), NULL);
	same(&o, "05000b03100000007400000001000000"
		 "d016d0160000000002000000"
		 "00000100 0883afe11f5dc91191a408002b14a0fa 03000000"
		 "045d888aeb1cc9119fe808002b104860 02000000"
		 "01000100 0883afe11f5dc91191a408002b14a0fa 03000000"
		 "2c1cb76c129840450300000000000000 01000000");
}

static void bind_ack_with_features(void **state)
{
	const struct answer answers[] = { { 0, 0, syntax_ndr }, { 3, 3, syntax_nil } };
	struct octets o = { 0 };

	(void)state;
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "135", answers, COUNT(answers), NULL);
	octets_set32(&o, 20, 0xbf80, false); /* the group is the server's choice */
	same(&o, "05000c03100000005400000001000000 d016d016 80bf0000"
		 "0400 31333500 0000 02000000"
		 "00000000 045d888aeb1cc9119fe808002b104860 02000000"
		 "03000300 00000000000000000000000000000000 00000000");
}

static void map_request(void **state)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct head h = { .flags = 3, .call_id = 2 };
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };

	(void)state;
	tower_ip(&tower, &iface_lsarpc, FLOOR_TCP, 135, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	pdu_call(&o, &h, &call, stub.p, stub.n);
	same(&o,
	     "05000003100000009c00000002000000 84000000 0000 0300"
	     "01000000 00000000000000000000000000000000 02000000 4b000000 4b000000" LSARPC_TOWER(
		     "0087", "00000000") "00"
					 "0000000000000000000000000000000000000000 04000000");
	octets_free(&stub);
	octets_free(&tower);
}

static void map_response(void **state)
{
	const struct call call = { .type = PTYPE_RESPONSE };
	const struct head h = { .flags = 3, .call_id = 2 };
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };

	(void)state;
	tower_ip(&tower, &iface_lsarpc, FLOOR_TCP, 49153, "10.77.0.1");
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(&o, &h, &call, stub.p, stub.n);
	same(&o, "05000203100000009800000002000000 80000000 00000000"
		 "0000000000000000000000000000000000000000 01000000"
		 "04000000 00000000 01000000 03000000 4b000000 4b000000" LSARPC_TOWER(
			 "c001", "0a4d0001") "00 00000000");
	octets_free(&stub);
	octets_free(&tower);
}

static void map_request_object_uuid(void **state)
{
	static const struct rpcgate_uuid object = { { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13,
						      14, 15 } };
	const struct call call = { PTYPE_REQUEST, 0, EPT_MAP, &object, NULL };
	const struct head h = { .flags = 3, .call_id = 2 };
	struct octets o = { 0 };

	(void)state;
	pdu_call(&o, &h, &call, "stub", 4);
	same(&o, "05000083100000002c00000002000000 04000000 0000 0300"
		 "000102030405060708090a0b0c0d0e0f 73747562");
}

static void big_endian_response(void **state)
{
	const struct call call = { .type = PTYPE_RESPONSE };
	const struct head h = { .flags = 3, .call_id = 2, .big = true };
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };

	(void)state;
	tower_ip(&tower, &iface_lsarpc, FLOOR_TCP, 49153, "10.77.0.1");
	epm_map_response(&stub, (struct ndr){ .big = true }, &tower, 1, 4, 0);
	pdu_call(&o, &h, &call, stub.p, stub.n);
	same(&o, "05000203000000000098000000000002 00000080 00000000"
		 "0000000000000000000000000000000000000000 00000001"
		 "00000004 00000000 00000001 00000003 0000004b 0000004b" LSARPC_TOWER(
			 "c001", "0a4d0001") "00 00000000");
	octets_free(&stub);
	octets_free(&tower);
}

/* NDR64: pointers and counts take eight octets, the rest stays (MS-RPCE 2.2.5) */
static void map_request_ndr64(void **state)
{
	struct octets tower = { 0 }, stub = { 0 };

	(void)state;
	tower_ip(&tower, &iface_lsarpc, FLOOR_TCP, 135, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ .wide = true }, &tower, 4);
	octets_free(&tower);
	same(&stub,
	     "0100000000000000 00000000000000000000000000000000 0200000000000000"
	     "4b00000000000000 4b000000" LSARPC_TOWER(
		     "0087", "00000000") "00"
					 "0000000000000000000000000000000000000000 04000000");
}

static void lookup_request(void **state)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = EPT_LOOKUP };
	const struct head h = { .flags = 3, .call_id = 2 };
	struct octets stub = { 0 }, o = { 0 };

	(void)state;
	epm_lookup_request(&stub, (struct ndr){ 0 }, 4);
	pdu_call(&o, &h, &call, stub.p, stub.n);
	same(&o, "05000003100000004000000002000000 28000000 0000 0200"
		 "00000000 00000000 00000000 00000000"
		 "0000000000000000000000000000000000000000 04000000");
	octets_free(&stub);
}

static void fault_and_nak(void **state)
{
	const struct head h = { .flags = 3, .call_id = 2 };
	struct octets o = { 0 };

	(void)state;
	pdu_fault(&o, &h, 0, 0x1c010002);
	same(&o, "05000323100000002000000002000000 18000000 00000000 0200011c 00000000");
	o = (struct octets){ 0 };
	pdu_bind_nak(&o, &head_plain, 4);
	same(&o, "05000d03100000001800000001000000 0400 01 0500 000000");
}

/* What was wrapped can be unwrapped, through every link layer and both families */
static void every_wrapping_unwraps(void **state)
{
	static const uint32_t links[] = { RPCGATE_LINK_ETHERNET,  RPCGATE_LINK_NULL,
					  RPCGATE_LINK_RAW,       RPCGATE_LINK_LOOP,
					  RPCGATE_LINK_LINUX_SLL, RPCGATE_LINK_LINUX_SLL2 };
	static const char *const hosts[][2] = { { "192.0.2.1", "192.0.2.2" },
						{ "2001:db8::1", "2001:db8::2" } };
	struct packets list = { 0 };
	uint64_t clock = 1000000000;

	(void)state;
	for (size_t i = 0; i < COUNT(links) * COUNT(hosts); i++) {
		const char *const *host = hosts[i % COUNT(hosts)];
		struct framing how;
		struct segment seg;
		struct conn c;

		packets_clear(&list);
		conn_init(&c, &list, &clock, host[0], 1025, host[1], 135);
		c.how.linktype = links[i / COUNT(hosts)];
		c.how.n_ip_options = 4;
		c.how.n_extensions = 2;
		c.how.extension[1] = 60;
		if (c.how.linktype == RPCGATE_LINK_ETHERNET) {
			c.how.n_tags = 1;
			c.how.tag[0].tpid = 0x8100;
			c.how.n_padding = 5;
		}
		conn_open(&c);
		conn_send(&c, CLIENT, "payload", 7);
		assert_int_equal(list.n, 5);
		assert_true(packets_parse(&list, 3, &how, &seg));
		assert_int_equal(seg.seq, 1001);
		assert_int_equal(seg.ack, 5001);
		assert_int_equal(seg.len, 7);
		assert_memory_equal(seg.data, "payload", 7);
		assert_memory_equal(&seg.src, &c.peer[CLIENT].addr, sizeof(seg.src));
		c.how.sums = SUMS_TCP_WRONG;
		conn_send(&c, CLIENT, "payload", 7);
		assert_false(packets_parse(&list, 5, &how, &seg));
	}
	packets_free(&list);
}

static void fragments_carry_the_datagram(void **state)
{
	struct packets list = { 0 };
	uint64_t clock = 0;
	struct conn c;
	uint8_t data[100];

	(void)state;
	memset(data, 'x', sizeof(data));
	conn_init(&c, &list, &clock, "192.0.2.1", 1025, "192.0.2.2", 135);
	c.how.fragment = 48;
	c.how.order = FRAGMENTS_BACKWARD;
	conn_at(&c, CLIENT, 0, data, sizeof(data));
	assert_int_equal(list.n, 3); /* 120 octets of TCP: 48, 48, 24 */
	assert_int_equal(list.at[0].len, 14 + 20 + 24);
	assert_int_equal(list.octets.p[list.at[0].at + 14 + 7], 96 / 8);
	assert_int_equal(list.octets.p[list.at[0].at + 14 + 6] & 0x20, 0);
	assert_int_equal(list.octets.p[list.at[2].at + 14 + 6] & 0x20, 0x20);
	packets_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bind_with_features),
		cmocka_unit_test(bind_ack_with_features),
		cmocka_unit_test(map_request),
		cmocka_unit_test(map_response),
		cmocka_unit_test(map_request_object_uuid),
		cmocka_unit_test(big_endian_response),
		cmocka_unit_test(map_request_ndr64),
		cmocka_unit_test(lookup_request),
		cmocka_unit_test(fault_and_nak),
		cmocka_unit_test(every_wrapping_unwraps),
		cmocka_unit_test(fragments_carry_the_datagram),
	};

	return cmocka_run_group_tests_name("builder", tests, NULL, NULL);
}
