/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_reason.c - the closed list of reasons: scripts rely on its names */
#include <string.h>

#include "bytes.h"
#include "rows.h"
#include "rpcgate.h"

static const char promised[] =
	"none mapper learned static rule-allow rule-deny no-pinhole pinhole-expired reconnect "
	"other-client uuid-not-granted version-mismatch opnum-denied auth-level "
	"alter-context-denied callback not-rpc malformed-pdu malformed-ndr malformed-tower "
	"reassembly-gap stream-conflict midstream sealed limit status-not-ok not-asked wrong-uuid "
	"wrong-call context-not-accepted not-tcp-tower port-zero port-privileged port-reserved "
	"port-out-of-range tower-address mapper-unlisted lookup-only ";

static void names_are_as_promised_and_in_order(void **state)
{
	const char *at = promised;

	(void)state;
	for (int i = 0; i < RPCGATE_REASON_COUNT; i++) {
		const char *name = rpcgate_reason_name((enum rpcgate_reason)i);
		size_t n = strcspn(at, " ");

		assert_int_equal(strlen(name), n);
		assert_memory_equal(name, at, n);
		at += n + 1;
	}
	assert_int_equal(*at, '\0');
}

static void texts_are_one_line_for_people(void **state)
{
	(void)state;
	for (int i = 0; i < RPCGATE_REASON_COUNT; i++) {
		const char *text = rpcgate_reason_text((enum rpcgate_reason)i);

		assert_true(strlen(text) > 10);
		assert_null(strchr(text, '\n'));
	}
}

static void what_is_outside_the_list_is_none(void **state)
{
	(void)state;
	assert_string_equal(rpcgate_reason_name(RPCGATE_REASON_COUNT), "none");
	assert_string_equal(rpcgate_reason_name((enum rpcgate_reason)INT32_MAX), "none");
	assert_string_equal(rpcgate_reason_text(RPCGATE_REASON_COUNT),
			    rpcgate_reason_text(RPCGATE_REASON_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_as_promised_and_in_order),
		cmocka_unit_test(texts_are_one_line_for_people),
		cmocka_unit_test(what_is_outside_the_list_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
