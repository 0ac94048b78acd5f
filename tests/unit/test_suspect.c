/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_suspect.c - where a bind may begin, in octets whose beginning nobody knows */
#include "builder.h"
#include "guard.h"
#include "rows.h"
#include "suspect.h"

#define NOISE 600U

static const struct offer asked = { 1, { { { 0 } }, 0, 0 }, 1, &syntax_ndr };

static void make_bind(struct octets *o, enum ptype type, bool big)
{
	struct head head = head_plain;
	struct offer offer = asked;

	head.big = big;
	offer.abstract = iface_drsuapi;
	octets_clear(o);
	pdu_bind(o, &head, type, &offer, 1, NULL);
}

static void fill(struct random *r, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)random_next(r);
}

/* At any place, of both kinds, in both byte orders */
static void a_bind_is_found_wherever_it_begins(void **state)
{
	static const enum ptype types[] = { PTYPE_BIND, PTYPE_ALTER };
	struct random r = { 3 };
	struct octets o = { 0 };

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		make_bind(&o, types[k / 2], k % 2);
		for (size_t at = 0; at < 200; at++) {
			uint8_t octets[NOISE];
			struct bytes range;

			fill(&r, octets, at + o.n);
			memcpy(octets + at, o.p, o.n);
			range = guarded(octets, at + o.n);
			assert_int_equal(suspect_find(range, 0), at);
			assert_int_equal(suspect_find(range, at + 1), range.n);
			/* not without its lengths */
			range = guarded(octets, at + SUSPECT_OCTETS - 1);
			assert_int_equal(suspect_find(range, 0), range.n);
		}
	}
	octets_free(&o);
}

static void what_no_server_takes_for_one_is_none(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} rows[] = { { 0, 4 }, { 1, 2 }, { 2, 0 }, { 2, 12 }, { 4, 0x12 }, { 5, 4 }, { 8, 71 } };
	struct octets o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		make_bind(&o, PTYPE_ALTER, false);
		o.p[9] = 0;
		assert_int_equal(suspect_find((struct bytes){ o.p, o.n }, 0), 0);
		o.p[rows[i].at] = rows[i].value;
		assert_int_equal(suspect_find((struct bytes){ o.p, o.n }, 0), o.n);
	}
	octets_free(&o);
}

/* Cut in two and in single octets, behind noise of any length */
static void a_torn_one_is_found_too(void **state)
{
	struct random r = { 4 };
	struct octets o = { 0 };

	(void)state;
	make_bind(&o, PTYPE_ALTER, false);
	for (size_t before = 0; before < 30; before++)
		for (size_t first = 1; first < SUSPECT_OCTETS; first++) {
			struct suspect whole = { .n = 0 }, single = { .n = 0 };
			uint8_t octets[NOISE];
			bool found = false;

			fill(&r, octets, before);
			memcpy(octets + before, o.p, o.n);
			suspect_keep(&whole, guarded(octets, before + first));
			assert_true(suspect_torn(&whole,
						 guarded(octets + before + first, o.n - first), 0));
			/* unless it is the one that is being read */
			assert_false(suspect_torn(
				&whole, guarded(octets + before + first, o.n - first), first));
			for (size_t i = 0; i < before + o.n; i++) {
				struct bytes one = guarded(octets + i, 1);

				found |= suspect_torn(&single, one, 0);
				suspect_keep(&single, one);
				assert_int_equal(found, i + 1 >= before + SUSPECT_OCTETS);
			}
		}
	octets_free(&o);
}

/* Three octets of one at the end are not let stand, and less is thought of at the beginning */
static void what_one_engine_lets_pass_the_next_one_thinks_of(void **state)
{
	struct octets o = { 0 };

	(void)state;
	make_bind(&o, PTYPE_ALTER, false);
	for (size_t first = 0; first < SUSPECT_OCTETS; first++) {
		struct suspect s = { .n = 0 };
		struct bytes rest = { o.p + first, o.n - first };

		suspect_keep(&s, (struct bytes){ o.p, first });
		assert_int_equal(suspect_pending(&s), first >= 3);
		assert_int_equal(suspect_begun_before(rest), first == 1 || first == 2);
		assert_true(suspect_begun_before((struct bytes){ o.p + first, 11 }));
	}
	octets_free(&o);
}

static void chance_finds_none(void **state)
{
	static uint8_t octets[1 << 22];
	struct random r = { 5 };

	(void)state;
	fill(&r, octets, sizeof(octets));
	assert_int_equal(suspect_find((struct bytes){ octets, sizeof(octets) }, 0), sizeof(octets));
	assert_int_equal(suspect_find((struct bytes){ NULL, 0 }, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bind_is_found_wherever_it_begins),
		cmocka_unit_test(what_no_server_takes_for_one_is_none),
		cmocka_unit_test(a_torn_one_is_found_too),
		cmocka_unit_test(what_one_engine_lets_pass_the_next_one_thinks_of),
		cmocka_unit_test(chance_finds_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
