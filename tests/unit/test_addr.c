/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_addr.c - addresses of both families in one shape */
#include <arpa/inet.h>

#include "addr.h"
#include "guard.h"
#include "rows.h"

struct addr_row {
	const char *name;
	const char *octets;
	const char *text;
	bool ipv4, any;
};

#define MAPPED "00(10) ff ff"

static const struct addr_row rows[] = {
	{ "IPv4 is written dotted", MAPPED "c0 00 02 0a", "192.0.2.10", true, false },
	{ "the longest IPv4", MAPPED "ff ff ff ff", "255.255.255.255", true, false },
	{ "0.0.0.0 is any", MAPPED "00 00 00 00", "0.0.0.0", true, true },
	{ "0.0.0.1 is one", MAPPED "00 00 00 01", "0.0.0.1", true, false },
	{ ":: is any", "00(16)", "::", false, true },
	{ "::1 is one", "00(15) 01", "::1", false, false },
	{ "zeros are shortened, letters lower case", "20 01 0d b8 00(10) 00 ab", "2001:db8::ab",
	  false, false },
	{ "the longest IPv6", "ff(16)", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false },
	{ "one group of zeros stays", "20 01 0d b8 00 00 00 01 00 01 00 01 00 01 00 01",
	  "2001:db8:0:1:1:1:1:1", false, false },
	{ "the first of two runs", "20 01 00 00 00 00 00 01 00 00 00 00 00 02 00 03",
	  "2001::1:0:0:2:3", false, false },
	{ "the longer of two runs", "20 01 00 00 00 00 00 01 00 00 00 00 00 00 00 03",
	  "2001:0:0:1::3", false, false },
	{ "zeros at the end", "20 01 0d b8 00(12)", "2001:db8::", false, false },
	{ "IPv4-compatible", "00(12) c0 00 02 0a", "::192.0.2.10", false, false },
	{ "one octet short of mapped is IPv6", "00(10) ff fe c0 00 02 0a", "::fffe:c000:20a", false,
	  false },
	{ "and so is one before it", "00(9) 01 ff ff c0 00 02 0a", "::1:ffff:c000:20a", false,
	  false },
};

static void addr_row(void **state)
{
	const struct addr_row *row = *state;
	struct bytes octets = octets_of(row->octets);
	char text[RPCGATE_ADDR_TEXT];
	struct rpcgate_addr a;

	assert_int_equal(octets.n, sizeof(a));
	memcpy(&a, octets.p, sizeof(a));
	assert_string_equal(rpcgate_addr_format(&a, text), row->text);
	assert_int_equal(rpcgate_addr_is_ipv4(&a), row->ipv4);
	assert_int_equal(addr_is_any(&a), row->any);
	if (row->ipv4) {
		struct rpcgate_addr b = addr_of_ipv4(octets.p + 12);

		assert_true(addr_equal(&a, &b));
	}
}

static void check_as_inet_ntop(const struct rpcgate_addr *a)
{
	char text[RPCGATE_ADDR_TEXT], other[RPCGATE_ADDR_TEXT];

	assert_non_null(addr_is_ipv4(a) ? inet_ntop(AF_INET, a->octet + 12, other, sizeof(other)) :
					  inet_ntop(AF_INET6, a->octet, other, sizeof(other)));
	assert_string_equal(rpcgate_addr_format(a, text), other);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Groups of zeros in every pattern; others short and long */
static void ipv6_is_written_as_inet_ntop_does(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned zeros = 0; zeros < 256; zeros++)
		for (unsigned n = 0; n < 40; n++) {
			struct rpcgate_addr a = { { 0 } };

			for (size_t i = 0; i < 8; i++) {
				uint32_t group = next_random(&seed) & 0xffff;

				if (zeros >> i & 1)
					continue;
				group >>= next_random(&seed) % 16;
				a.octet[2 * i] = (uint8_t)(group >> 8);
				a.octet[2 * i + 1] = (uint8_t)group;
			}
			check_as_inet_ntop(&a);
		}
}

static void ipv4_is_written_as_inet_ntop_does(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		const uint8_t octet[] = { (uint8_t)n, (uint8_t)(n * 7), (uint8_t)(255 - n),
					  (uint8_t)(n * 3) };
		struct rpcgate_addr a = addr_of_ipv4(octet);

		check_as_inet_ntop(&a);
	}
}

static void every_octet_counts(void **state)
{
	struct rpcgate_addr a = { { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(a.octet); i++) {
		struct rpcgate_addr b = a;

		assert_true(addr_equal(&a, &b));
		b.octet[i] = 1;
		assert_false(addr_equal(&a, &b));
		assert_false(addr_is_any(&b));
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 3] = {
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(ipv4_is_written_as_inet_ntop_does),
		cmocka_unit_test(ipv6_is_written_as_inet_ntop_does),
	};
	size_t n = 3;

	ROWS(tests, n, rows, addr_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
