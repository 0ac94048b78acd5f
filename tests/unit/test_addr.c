/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_addr.c - addresses of both families in one shape */
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
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 1] = { cmocka_unit_test(every_octet_counts) };
	size_t n = 1;

	ROWS(tests, n, rows, addr_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
