/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue: sorted, complete, and found by UUID with the major version preferred */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpcgate.h"

static struct rpcgate_syntax syntax(const char *uuid, uint16_t major)
{
	struct rpcgate_syntax id = { .major = major };

	assert_true(rpcgate_uuid_parse(uuid, &id.uuid));
	return id;
}

/* Lines of the CSV file without its header: what must be in the table. */
static size_t csv_rows(void)
{
	FILE *file = fopen(TEST_SOURCE_DIR "/src/gate/interfaces.csv", "r");
	size_t lines = 0;
	int c;

	assert_non_null(file);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	assert_true(lines > 1);
	return lines - 1;
}

static int order(const struct rpcgate_syntax *a, const struct rpcgate_syntax *b)
{
	int by_uuid = memcmp(&a->uuid, &b->uuid, sizeof(a->uuid));

	if (by_uuid)
		return by_uuid;
	return a->major != b->major ? a->major - b->major : a->minor - b->minor;
}

static void every_row_is_there_in_order(void **state)
{
	size_t n = 0;

	(void)state;
	for (; rpcgate_interface_at(n); n++)
		if (n)
			assert_true(order(&rpcgate_interface_at(n - 1)->id,
					  &rpcgate_interface_at(n)->id) < 0);
	assert_int_equal(n, csv_rows());
	assert_null(rpcgate_interface_at(n + 1));
	assert_null(rpcgate_interface_at(SIZE_MAX));
}

static void every_row_is_found(void **state)
{
	const struct rpcgate_interface *row;

	(void)state;
	for (size_t i = 0; (row = rpcgate_interface_at(i)); i++) {
		assert_ptr_equal(rpcgate_interface_find(&row->id), row);
		assert_true(*row->name);
		assert_non_null(row->service);
		assert_non_null(row->description);
	}
}

static void known_interfaces_have_their_names(void **state)
{
	static const struct {
		const char *uuid;
		uint16_t major;
		const char *name;
	} known[] = {
		{ "e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, "epmapper" },
		{ "99fcfec4-5260-101b-bbcb-00aa0021347a", 0, "IObjectExporter" },
		{ "367abb81-9844-35f1-ad32-98f038001003", 2, "svcctl" },
		{ "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 4, "drsuapi" },
		{ "12345778-1234-abcd-ef00-0123456789ac", 1, "samr" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct rpcgate_syntax id = syntax(known[i].uuid, known[i].major);
		const struct rpcgate_interface *found = rpcgate_interface_find(&id);

		assert_non_null(found);
		assert_string_equal(found->name, known[i].name);
		assert_int_equal(found->id.major, known[i].major);
	}
}

static void another_version_is_found_by_uuid(void **state)
{
	struct rpcgate_syntax id = syntax("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 77);

	(void)state;
	assert_non_null(rpcgate_interface_find(&id));
	assert_string_equal(rpcgate_interface_find(&id)->name, "epmapper");
}

/* Before the first, between two, after the last: the edges of a binary search */
static void unknown_is_not_found(void **state)
{
	struct rpcgate_syntax id;

	(void)state;
	id = syntax("00000000-0000-0000-0000-000000000000", 0);
	assert_null(rpcgate_interface_find(&id));
	id = syntax("e1af8308-5d1f-11c9-91a4-08002b14a0fb", 3);
	assert_null(rpcgate_interface_find(&id));
	id = syntax("ffffffff-ffff-ffff-ffff-ffffffffffff", 0);
	assert_null(rpcgate_interface_find(&id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_there_in_order),
		cmocka_unit_test(every_row_is_found),
		cmocka_unit_test(known_interfaces_have_their_names),
		cmocka_unit_test(another_version_is_found_by_uuid),
		cmocka_unit_test(unknown_is_not_found),
	};

	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
