/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_ndr.c - the cursor over a stub: alignment, width and byte order */
#include "guard.h"
#include "ndr.h"
#include "rows.h"

enum kind { U16, U32, POINTER, COUNT, UUID, GAP, HANDLE };

/* One read, after @skip octets: where does it end and what does it give? */
struct row {
	const char *name;
	bool big;
	bool ndr64;
	size_t skip;
	enum kind kind;
	const char *octets;
	bool want;
	size_t end; /* where the cursor then stands */
	uint64_t value;
};

static const struct row rows[] = {
	{ "u16 little-endian", false, false, 0, U16, "34 12", true, 2, 0x1234 },
	{ "u16 big-endian", true, false, 0, U16, "12 34", true, 2, 0x1234 },
	{ "u16 aligns to 2", false, false, 1, U16, "ee ee 34 12", true, 4, 0x1234 },
	{ "u16 that does not fit", false, false, 0, U16, "34", false, 0, 0 },
	{ "u16 whose gap does not fit", false, false, 1, U16, "ee", false, 1, 0 },
	{ "u32 little-endian", false, false, 0, U32, "78 56 34 12", true, 4, 0x12345678 },
	{ "u32 big-endian", true, false, 0, U32, "12 34 56 78", true, 4, 0x12345678 },
	{ "u32 aligns to 4", false, false, 1, U32, "ee(4) 78 56 34 12", true, 8, 0x12345678 },
	{ "u32 stays 4 wide in NDR64", false, true, 4, U32, "ee(4) 78 56 34 12", true, 8,
	  0x12345678 },
	{ "u32 that does not fit", false, false, 0, U32, "78 56 34", false, 0, 0 },
	{ "u32 whose gap does not fit", false, false, 1, U32, "ee ee ee", false, 1, 0 },
	{ "pointer is 4 wide in NDR", false, false, 4, POINTER, "ee(4) 03 00 00 00", true, 8, 3 },
	{ "pointer is 8 wide in NDR64", false, true, 4, POINTER, "ee(8) 03 00 00 00 00 00 00 00",
	  true, 16, 3 },
	{ "pointer keeps its high half", false, true, 0, POINTER, "01 00 00 00 00 00 00 80", true,
	  8, 0x8000000000000001 },
	{ "null pointer", false, false, 0, POINTER, "00 00 00 00", true, 4, 0 },
	{ "pointer cut short in NDR64", false, true, 0, POINTER, "03 00 00 00 00 00 00", false, 0,
	  0 },
	{ "pointer whose gap does not fit", false, true, 4, POINTER, "ee(6)", false, 4, 0 },
	{ "count is 4 wide in NDR", false, false, 0, COUNT, "ff ff ff ff", true, 4, 0xffffffff },
	{ "count is 8 wide in NDR64", false, true, 0, COUNT, "00 00 00 00 01 00 00 00", true, 8,
	  0x100000000 },
	{ "count cut short in NDR", false, false, 0, COUNT, "ff ff ff", false, 0, 0 },
	{ "big-endian count", true, false, 0, COUNT, "00 00 01 f4", true, 4, 500 },
	{ "UUID aligns to 4", false, false, 2, UUID, "ee(4) 03 02 01 00 05 04 07 06 08(8)", true,
	  20, 0x00010203 },
	{ "UUID big-endian", true, false, 0, UUID, "00 01 02 03 04 05 06 07 08(8)", true, 16,
	  0x00010203 },
	{ "UUID that does not fit", false, false, 0, UUID, "00(15)", false, 0, 0 },
	{ "UUID whose gap does not fit", false, false, 3, UUID, "00(3)", false, 3, 0 },
	{ "structures end on 4 in NDR", false, false, 5, GAP, "ee(8)", true, 8, 0 },
	{ "structures end on 8 in NDR64", false, true, 4, GAP, "ee(8)", true, 8, 0 },
	{ "a gap that is none", false, true, 8, GAP, "ee(8)", true, 8, 0 },
	{ "a gap that does not fit", false, true, 5, GAP, "ee(7)", false, 5, 0 },
	{ "null handle", false, false, 0, HANDLE, "00(20)", true, 20, 1 },
	{ "handle aligns to 4 in NDR64 too", false, true, 1, HANDLE, "ee(4) 00(20)", true, 24, 1 },
	{ "handle with attributes alone", false, false, 0, HANDLE, "01 00(19)", true, 20, 0 },
	{ "handle that differs from null in its last octet", false, false, 0, HANDLE, "00(19) 01",
	  true, 20, 0 },
	{ "handle that does not fit", false, false, 0, HANDLE, "00(19)", false, 0, 0 },
	{ "handle whose gap does not fit", false, false, 1, HANDLE, "00(3)", false, 1, 0 },
};

static bool read_one(struct ndr *n, enum kind kind, uint64_t *value)
{
	struct rpcgate_uuid uuid;
	uint16_t narrow = 0;
	uint32_t wide = 0;
	bool null = false, good = false;

	switch (kind) {
	case U16:
		good = ndr_u16(n, &narrow);
		*value = narrow;
		break;
	case U32:
		good = ndr_u32(n, &wide);
		*value = wide;
		break;
	case POINTER:
		good = ndr_pointer(n, value);
		break;
	case COUNT:
		good = ndr_count(n, value);
		break;
	case UUID:
		good = ndr_uuid(n, &uuid);
		*value = good ? load32(uuid.octet, true) : 0;
		break;
	case GAP:
		good = ndr_struct_align(n);
		break;
	case HANDLE:
		good = ndr_handle(n, &null);
		*value = null;
		break;
	}
	return good;
}

static void check(void **state)
{
	const struct row *row = *state;
	struct ndr n = ndr_of(octets_of(row->octets), row->big, row->ndr64);
	struct bytes skipped;
	uint64_t value = 0;

	assert_true(ndr_bytes(&n, row->skip, &skipped));
	assert_int_equal(read_one(&n, row->kind, &value), row->want);
	if (row->want) {
		assert_int_equal(value, row->value);
		assert_int_equal(n.r.off, row->end);
	}
}

static void octets_are_not_aligned(void **state)
{
	struct ndr n = ndr_of(octets_of("01 02 03"), false, true);
	struct bytes b;

	(void)state;
	assert_true(ndr_bytes(&n, 1, &b));
	assert_int_equal(b.p[0], 1);
	assert_false(ndr_bytes(&n, 3, &b));
	assert_false(ndr_at_end(&n));
	assert_true(ndr_bytes(&n, 2, &b));
	assert_int_equal(b.p[0], 2);
	assert_true(ndr_at_end(&n));
	assert_true(ndr_bytes(&n, 0, &b));
	assert_int_equal(b.n, 0);
}

static void an_empty_stub_is_at_its_end(void **state)
{
	struct ndr n = ndr_of((struct bytes){ NULL, 0 }, false, false);
	uint32_t value;

	(void)state;
	assert_true(ndr_at_end(&n));
	assert_false(ndr_u32(&n, &value));
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(octets_are_not_aligned),
		cmocka_unit_test(an_empty_stub_is_at_its_end),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, check);
	return cmocka_run_group_tests_name("ndr, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("ndr", properties, NULL, NULL);
}
