/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One UUID in several versions: the same major is preferred, another is better than none
 *
 * The real catalogue has no such UUID yet, so catalogue.c is compiled here with a table of its own
 * (tests/support/catalogue_table.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/gate/catalogue.c"

static const char *name_of(uint8_t first_octet, uint16_t major)
{
	struct rpcgate_syntax id = { .uuid = { { first_octet } }, .major = major, .minor = 9 };
	const struct rpcgate_interface *found = rpcgate_interface_find(&id);

	return found ? found->name : "none";
}

static void the_same_major_is_preferred(void **state)
{
	(void)state;
	assert_string_equal(name_of(2, 1), "one");
	assert_string_equal(name_of(2, 2), "two");
	assert_string_equal(name_of(2, 4), "four");
}

static void another_major_is_better_than_none(void **state)
{
	(void)state;
	assert_string_equal(name_of(2, 3), "one");
	assert_string_equal(name_of(1, 0), "only");
	assert_string_equal(name_of(3, 65535), "last");
}

static void neighbours_are_not_found(void **state)
{
	(void)state;
	assert_string_equal(name_of(0, 5), "none");
	assert_string_equal(name_of(4, 0), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_major_is_preferred),
		cmocka_unit_test(another_major_is_better_than_none),
		cmocka_unit_test(neighbours_are_not_found),
	};

	return cmocka_run_group_tests_name("catalogue-versions", tests, NULL, NULL);
}
