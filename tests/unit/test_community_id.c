/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Community ids against the baselines published with the specification
 * (https://github.com/corelight/community-id-spec, baseline/baseline_deflt.json). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "community_id.h"

static const struct {
	const char *a;
	uint16_t a_port;
	const char *b;
	uint16_t b_port;
	uint8_t proto;
	const char *id;
} rows[] = {
	{ "128.232.110.120", 34855, "66.35.250.204", 80, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ "192.168.1.52", 54585, "8.8.8.8", 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ "2001:470:e5bf:dead:4957:2174:e82c:4887", 63943, "2607:f8b0:400c:c03::1a", 25, 6,
	  "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
};

static struct community_end end_of(const char *text, uint16_t port)
{
	struct community_end end = { .port = port };

	if (inet_pton(AF_INET6, text, end.addr.octet) == 1)
		return end;
	end.addr.octet[10] = end.addr.octet[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, end.addr.octet + 12), 1);
	return end;
}

static void published_ids_in_both_directions(void **state)
{
	char text[COMMUNITY_ID_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct community_end a = end_of(rows[i].a, rows[i].a_port);
		struct community_end b = end_of(rows[i].b, rows[i].b_port);

		assert_string_equal(community_id(rows[i].proto, &a, &b, text), rows[i].id);
		assert_string_equal(community_id(rows[i].proto, &b, &a, text), rows[i].id);
	}
}

static void equal_addresses_are_ordered_by_port(void **state)
{
	struct community_end a = end_of("10.0.0.1", 80);
	struct community_end b = end_of("10.0.0.1", 50000);
	char one[COMMUNITY_ID_TEXT];
	char other[COMMUNITY_ID_TEXT];

	(void)state;
	assert_string_equal(community_id(6, &a, &b, one), community_id(6, &b, &a, other));
	b.port = 50001;
	assert_string_not_equal(one, community_id(6, &a, &b, other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_ids_in_both_directions),
		cmocka_unit_test(equal_addresses_are_ordered_by_port),
	};

	return cmocka_run_group_tests_name("community_id", tests, NULL, NULL);
}
