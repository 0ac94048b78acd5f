/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_ports.c - the bits say which counts are not zero */
#include "ports.h"
#include "octets.h"
#include "rows.h"

static void bits_follow_counts(void **state)
{
	static const uint16_t ends[] = { 0, 63, 64, 65535 };
	static uint32_t model[PORTS_USES][PORTS_ALL];
	static struct ports ports;
	struct random r = { 5 };
	uint64_t firsts = 0;

	(void)state;
	assert_true(ports_init(&ports));
	for (unsigned i = 0; i < 200000; i++) {
		uint16_t port = random_once_in(&r, 4) ? ends[random_below(&r, 4)] :
							(uint16_t)random_below(&r, 300);
		enum ports_use use = random_once_in(&r, 2) ? PORTS_FLOW : PORTS_PINHOLE;
		uint32_t *count = &model[use == PORTS_PINHOLE][port];
		bool more = !*count || random_once_in(&r, 2);

		firsts += more && !*count;
		ports_count(&ports, use, port, more);
		*count += more ? 1 : UINT32_MAX; /* modulo 2^32 */
		assert_int_equal(ports_has(&ports, use, port), *count != 0);
		assert_int_equal(ports.firsts, firsts);
	}
	for (uint32_t port = 0; port < PORTS_ALL; port++) {
		assert_int_equal(ports_has(&ports, PORTS_FLOW, (uint16_t)port),
				 model[0][port] != 0);
		assert_int_equal(ports_has(&ports, PORTS_PINHOLE, (uint16_t)port),
				 model[1][port] != 0);
	}
	ports_done(&ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_follow_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
