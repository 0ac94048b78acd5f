/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_bytes.c - the reader never leaves its range, and a read that does not fit moves nothing */
#include "bytes.h"
#include "guard.h"
#include "rows.h"

/* ----------------------------------------------------------------- numbers */

struct number_row {
	const char *name;
	const char *octets;
	size_t skip;
	unsigned width; /* octets */
	bool big;
	bool fits;
	uint64_t want;
};

static const struct number_row number_rows[] = {
	{ "an octet", "7f", 0, 1, false, true, 0x7f },
	{ "no octet is left", "", 0, 1, false, false, 0 },
	{ "u16 little-endian", "01 02", 0, 2, false, true, 0x0201 },
	{ "u16 big-endian", "01 02", 0, 2, true, true, 0x0102 },
	{ "u16 of high octets does not become negative", "ff fe", 0, 2, true, true, 0xfffe },
	{ "u16 off its alignment", "00 01 02", 1, 2, true, true, 0x0102 },
	{ "u16 with one octet left", "00 01", 1, 2, true, false, 0 },
	{ "u32 little-endian", "01 02 03 04", 0, 4, false, true, 0x04030201 },
	{ "u32 big-endian", "01 02 03 04", 0, 4, true, true, 0x01020304 },
	{ "u32 of high octets", "ff fe fd fc", 0, 4, true, true, 0xfffefdfc },
	{ "u32 with three octets left", "00 01 02 03", 1, 4, false, false, 0 },
	{ "u64 little-endian", "01 02 03 04 05 06 07 08", 0, 8, false, true, 0x0807060504030201 },
	{ "u64 big-endian", "01 02 03 04 05 06 07 08", 0, 8, true, true, 0x0102030405060708 },
	{ "u64 of high octets", "ff(8)", 0, 8, true, true, UINT64_MAX },
	{ "u64 with seven octets left", "00(8)", 1, 8, false, false, 0 },
};

static bool read_number(struct reader *r, unsigned width, uint64_t *out)
{
	uint8_t v8 = 0;
	uint16_t v16 = 0;
	uint32_t v32 = 0;
	bool fits;

	switch (width) {
	case 1:
		fits = rd_u8(r, &v8);
		*out = v8;
		return fits;
	case 2:
		fits = rd_u16(r, &v16);
		*out = v16;
		return fits;
	case 4:
		fits = rd_u32(r, &v32);
		*out = v32;
		return fits;
	default:
		return rd_u64(r, out);
	}
}

static void number_row(void **state)
{
	const struct number_row *row = *state;
	struct reader r = reader_of(octets_of(row->octets), row->big);
	uint64_t got = 0;

	assert_true(rd_skip(&r, row->skip));
	assert_int_equal(read_number(&r, row->width, &got), row->fits);
	assert_int_equal(got, row->want);
	assert_int_equal(r.off, row->skip + (row->fits ? row->width : 0));
}

/* --------------------------------------------------------------- alignment */

static const struct {
	size_t off, to, want;
	bool fits;
} alignments[] = {
	{ 0, 4, 0, true },  { 1, 4, 4, true },   { 2, 4, 4, true },  { 3, 4, 4, true },
	{ 4, 4, 4, true },  { 1, 2, 2, true },   { 2, 2, 2, true },  { 1, 8, 8, true },
	{ 8, 8, 8, true },  { 5, 1, 5, true },   { 9, 2, 10, true }, { 10, 8, 10, false },
	{ 9, 4, 9, false }, { 10, 2, 10, true },
};

static void alignment_counts_from_the_start_of_the_range(void **state)
{
	struct bytes ten = octets_of("00(10)");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(alignments); i++) {
		struct reader r = reader_of(ten, false);

		assert_true(rd_skip(&r, alignments[i].off));
		assert_int_equal(rd_align(&r, alignments[i].to), alignments[i].fits);
		assert_int_equal(r.off, alignments[i].want);
	}
}

/* ------------------------------------------------------------------ ranges */

static void a_range_is_handed_out_in_place(void **state)
{
	struct bytes in = octets_of("01 02 03 04");
	struct reader r = reader_of(in, false);
	struct bytes got;

	(void)state;
	assert_true(rd_skip(&r, 1));
	assert_true(rd_bytes(&r, 2, &got));
	assert_ptr_equal(got.p, in.p + 1);
	assert_int_equal(got.n, 2);
	assert_int_equal(rd_left(&r), 1);
	assert_ptr_equal(rd_rest(&r).p, in.p + 3);
	assert_int_equal(rd_rest(&r).n, 1);
	assert_false(rd_bytes(&r, 2, &got));
	assert_false(rd_bytes(&r, SIZE_MAX, &got));
	assert_false(rd_skip(&r, 2));
	assert_false(rd_skip(&r, SIZE_MAX));
	assert_int_equal(r.off, 3);
	assert_true(rd_bytes(&r, 1, &got));
	assert_true(rd_bytes(&r, 0, &got));
	assert_int_equal(got.n, 0);
}

static void nothing_may_have_no_address(void **state)
{
	struct reader r = reader_of((struct bytes){ NULL, 0 }, true);
	struct bytes got;
	uint8_t v;

	(void)state;
	assert_true(rd_bytes(&r, 0, &got));
	assert_null(got.p);
	assert_null(rd_rest(&r).p);
	assert_true(rd_align(&r, 8));
	assert_false(rd_u8(&r, &v));
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(number_rows) + 3] = {
		cmocka_unit_test(alignment_counts_from_the_start_of_the_range),
		cmocka_unit_test(a_range_is_handed_out_in_place),
		cmocka_unit_test(nothing_may_have_no_address),
	};
	size_t n = 3;

	ROWS(tests, n, number_rows, number_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
