/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_uuid.c - UUIDs as text and on the wire, in both byte orders */
#include <string.h>

#include "guard.h"
#include "rows.h"
#include "uuid.h"

#define SAMR "12345778-1234-abcd-ef00-0123456789ac"

/* -------------------------------------------------------------------- text */

struct text_row {
	const char *name;
	const char *text;
	const char *want; /* NULL: refused */
};

static const struct text_row text_rows[] = {
	{ "lower case", SAMR, SAMR },
	{ "upper case is read, lower case is written", "12345778-1234-ABCD-EF00-0123456789AC",
	  SAMR },
	{ "the nil UUID", "00000000-0000-0000-0000-000000000000",
	  "00000000-0000-0000-0000-000000000000" },
	{ "all ones", "ffffffff-ffff-ffff-ffff-ffffffffffff",
	  "ffffffff-ffff-ffff-ffff-ffffffffffff" },
	{ "nothing", "", NULL },
	{ "one digit", "1", NULL },
	{ "one digit too few", "12345778-1234-abcd-ef00-0123456789a", NULL },
	{ "one octet too few", "12345778-1234-abcd-ef00-0123456789", NULL },
	{ "one digit too many", SAMR "0", NULL },
	{ "a blank behind", SAMR " ", NULL },
	{ "a blank before", " " SAMR, NULL },
	{ "braces", "{" SAMR "}", NULL },
	{ "no dashes", "123457781234abcdef000123456789ac", NULL },
	{ "the first dash is missing", "123457781234-abcd-ef00-0123456789ac", NULL },
	{ "the second dash is missing", "12345778-1234abcd-ef00-0123456789ac", NULL },
	{ "the third dash is missing", "12345778-1234-abcdef00-0123456789ac", NULL },
	{ "the fourth dash is missing", "12345778-1234-abcd-ef000123456789ac", NULL },
	{ "a dash too early", "1234577-81234-abcd-ef00-0123456789ac", NULL },
	{ "a dash inside", "12345778-1234-abcd-ef00-01234-56789ac", NULL },
	{ "cut at a dash", "12345778-", NULL },
	{ "no hexadecimal digit g", "1234577g-1234-abcd-ef00-0123456789ac", NULL },
	{ "no hexadecimal digit G", "1234577G-1234-abcd-ef00-0123456789ac", NULL },
	{ "the character before 0", "/2345778-1234-abcd-ef00-0123456789ac", NULL },
	{ "the character behind 9", "1:345778-1234-abcd-ef00-0123456789ac", NULL },
	{ "the character before a", "1`345778-1234-abcd-ef00-0123456789ac", NULL },
	{ "the character before A", "1@345778-1234-abcd-ef00-0123456789ac", NULL },
};

static void text_row(void **state)
{
	const struct text_row *row = *state;
	/* guarded: reading beyond the terminator is found */
	const char *text = (const char *)guarded(row->text, strlen(row->text) + 1).p;
	struct rpcgate_uuid before, uuid;
	char out[RPCGATE_UUID_TEXT];

	memset(&before, 0xa5, sizeof(before));
	uuid = before;
	assert_int_equal(rpcgate_uuid_parse(text, &uuid), row->want != NULL);
	if (row->want)
		assert_string_equal(rpcgate_uuid_format(&uuid, out), row->want);
	else
		assert_memory_equal(&uuid, &before, sizeof(uuid));
}

/* -------------------------------------------------------------------- wire */

struct wire_row {
	const char *name;
	const char *octets;
	bool big;
	bool fits;
	uint16_t major, minor;
};

#define WIRE_LE "78 57 34 12 | 34 12 | cd ab | ef 00 01 23 45 67 89 ac"
#define WIRE_BE "12 34 57 78 | 12 34 | ab cd | ef 00 01 23 45 67 89 ac"

static const struct wire_row wire_rows[] = {
	{ "little-endian, version 1.0", WIRE_LE "01 00 00 00", false, true, 1, 0 },
	{ "big-endian, version 1.0", WIRE_BE "00 00 00 01", true, true, 1, 0 },
	{ "the major version is the low half", WIRE_LE "03 00 07 00", false, true, 3, 7 },
	{ "in either order", WIRE_BE "00 07 00 03", true, true, 3, 7 },
	{ "the largest version", WIRE_LE "ff ff ff ff", false, true, 65535, 65535 },
	{ "one octet of the version is missing", WIRE_LE "01 00 00", false, false, 0, 0 },
	{ "one octet of the UUID is missing", "00(15)", false, false, 0, 0 },
	{ "nothing", "", false, false, 0, 0 },
};

static void wire_row(void **state)
{
	const struct wire_row *row = *state;
	struct reader r = reader_of(octets_of(row->octets), row->big);
	struct rpcgate_syntax before, got;
	char text[RPCGATE_UUID_TEXT];

	memset(&before, 0xa5, sizeof(before));
	got = before;
	assert_int_equal(rd_syntax(&r, &got), row->fits);
	if (!row->fits) {
		assert_memory_equal(&got, &before, sizeof(got));
		return;
	}
	assert_string_equal(rpcgate_uuid_format(&got.uuid, text), SAMR);
	assert_int_equal(got.major, row->major);
	assert_int_equal(got.minor, row->minor);
	assert_int_equal(rd_left(&r), 0);
}

/* --------------------------------------------------------------- comparing */

static void every_octet_counts(void **state)
{
	struct rpcgate_syntax a = { .major = 1, .minor = 2 };

	(void)state;
	assert_true(uuid_is_nil(&a.uuid));
	for (size_t i = 0; i < sizeof(a.uuid.octet); i++) {
		struct rpcgate_syntax b = a;

		assert_true(syntax_equal(&a, &b));
		b.uuid.octet[i] = 1;
		assert_false(uuid_is_nil(&b.uuid));
		assert_false(uuid_equal(&a.uuid, &b.uuid));
		assert_false(syntax_equal(&a, &b));
	}
}

static void both_halves_of_the_version_count(void **state)
{
	const struct rpcgate_syntax a = { .major = 1, .minor = 2 };
	const struct rpcgate_syntax b = { .major = 3, .minor = 2 };
	const struct rpcgate_syntax c = { .major = 1, .minor = 4 };

	(void)state;
	assert_false(syntax_equal(&a, &b));
	assert_false(syntax_equal(&a, &c));
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(text_rows) + ARRAY_SIZE(wire_rows) + 2] = {
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(both_halves_of_the_version_count),
	};
	size_t n = 2;

	ROWS(tests, n, text_rows, text_row);
	ROWS(tests, n, wire_rows, wire_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
