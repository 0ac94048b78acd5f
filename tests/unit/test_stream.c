/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stream.c - one direction of TCP against a model that remembers every octet by its place
 *
 * The model keeps three arrays, one cell for each place of the stream: what waits as an island,
 * what is kept for comparison, what is doubtful.  It is slow and has no lists to get wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "octets.h"
#include "rows.h"
#include "stream.h"

#define ROOM 65536U
#define ARENA ((size_t)4 << 20)

/* ------------------------------------------------------------------- rows */

/* A stream that begins at 0 of which a text tells what comes:
 *	"4:defg"	octets at place 4
 *	"k"		keep all that was read since the last k
 *	"a7"		the other side acknowledges up to 7
 *	"?4:defg"	a doubtful segment
 *	"g"		give the hole up
 */
struct stream_row {
	const char *name;
	const char *told;
	const char *read; /* '_' for a hole given up */
	unsigned news;    /* of all segments together */
};

#define REPEATED STREAM_REPEATED
#define HELD STREAM_HELD
#define CONFLICT STREAM_CONFLICT
#define UNSURE STREAM_UNSURE
#define FULL STREAM_FULL

static const struct stream_row rows[] = {
	{ "in order", "0:abc 3:def", "abcdef", 0 },
	{ "nothing is nothing", "0: 0:abc 3:", "abc", 0 },
	{ "an island waits", "3:def", "", HELD },
	{ "a hole is filled", "3:def 0:abc", "abcdef", HELD },
	{ "three islands, filled from behind", "6:gh 4:ef 2:cd 0:ab", "abcdefgh", HELD },
	{ "an island between islands", "8:ij 2:cd 5:fgh 4:e 0:ab", "abcdefghij", HELD },
	{ "a repetition", "0:abc 0:abc", "abc", REPEATED },
	{ "a part repeated", "0:abc 1:bcde", "abcde", REPEATED },
	{ "old octets alone", "0:abcdef 2:cd", "abcdef", REPEATED },
	{ "an island repeated", "3:def 3:def 0:abc", "abcdef", HELD },
	{ "an island inside a segment", "2:c 0:abcdef", "abcdef", HELD },
	{ "two islands inside a segment", "2:c 4:e 0:abcdef", "abcdef", HELD },
	{ "a segment that ends in an island", "3:def 0:abcd", "abcdef", HELD },
	{ "a segment that begins in an island", "3:def 5:fgh 0:abc", "abcdefgh", HELD },
	{ "an island around an island", "4:e 3:defg 0:abc", "abcdefg", HELD },
	{ "an island whose copy differs", "3:def 3:dXf 0:abc", "abcdef", HELD | CONFLICT },
	{ "the island stands against what fills the hole", "3:def 0:abcX", "abcdef",
	  HELD | CONFLICT },
	{ "the last octet of an island counts", "3:def 5:X 0:abc", "abcdef", HELD | CONFLICT },
	{ "the first octet of an island counts", "3:def 2:cX 0:ab", "abcdef", HELD | CONFLICT },
	{ "what was read and not kept is not compared", "0:abc 0:Xbc", "abc", REPEATED },
	{ "what is kept is compared", "0:abc k 0:Xbc", "abc", REPEATED | CONFLICT },
	{ "its last octet, too", "0:abc k 2:X", "abc", REPEATED | CONFLICT },
	{ "the same octets do not differ", "0:abc k 0:abc", "abc", REPEATED },
	{ "only the kept part is compared", "0:abc k 3:def 0:abcXXX", "abcdef", REPEATED },
	{ "two kept parts", "0:abc k 3:def k 3:dXf", "abcdef", REPEATED | CONFLICT },
	{ "acknowledged octets are not compared", "0:abc k a3 0:Xbc", "abc", REPEATED },
	{ "half acknowledged: the first half is free", "0:abcd k a2 0:XXcd", "abcd", REPEATED },
	{ "half acknowledged: the second half is not", "0:abcd k a2 0:abXd", "abcd",
	  REPEATED | CONFLICT },
	{ "an acknowledgement never goes back", "0:abcd k a4 a2 0:abXd", "abcd", REPEATED },
	{ "one half a sequence space away is not believed", "0:abcd k a2000000000 0:abXd", "abcd",
	  REPEATED | CONFLICT },
	{ "acknowledged before it is kept: not kept", "a3 0:abc k 0:Xbc", "abc", REPEATED },
	{ "a hole given up", "3:def g 6:gh", "_defgh", HELD },
	{ "octets for a hole given up come too late", "3:def g 0:abc", "_def", HELD | REPEATED },
	{ "no hole, nothing to give up", "0:abc g 3:def", "abcdef", 0 },
	{ "one hole at a time", "2:c 4:e g 5:f", "_c", HELD },
	{ "a doubtful segment is not read", "?0:abc", "", 0 },
	{ "acknowledged, it becomes real", "?0:abc a3", "abc", 0 },
	{ "half acknowledged, it does not", "?0:abc a2", "", 0 },
	{ "what really came stands", "?0:XXX 0:abc a3", "abc", 0 },
	{ "doubtful octets fill what nothing else brought", "?0:XXXdef 0:abc a6", "abcdef", 0 },
	{ "doubtful octets behind a hole wait for it", "?3:def a6 0:abc", "abcdef", 0 },
	{ "of two doubtful copies the first is taken", "?0:abc ?0:XXX a3", "abc", 0 },
	{ "an island stands against a doubtful copy", "1:b ?0:aXc a3", "abc", HELD },
	{ "beyond the window nothing is held", "65530:abcdefg 0:a", "a", HELD | FULL },
	{ "its last octet is inside", "65530:abcdef 0:a g", "a_abcdef", HELD },
	{ "the window is counted from what is acknowledged", "0:a a1000000 1000000:bcd g", "a_bcd",
	  HELD },
	{ "and from what was read", "0:a 65532:abcdef", "a", HELD | FULL },
};

struct run {
	struct arena arena;
	struct stream s;
	char read[128];
	size_t n_read;
	uint32_t kept; /* place up to which it was kept */
	uint32_t base; /* sequence number of place 0 */
	unsigned news;
};

static void pull(struct run *run)
{
	struct bytes out;
	struct held *held;

	while (stream_pull(&run->s, &out, &held)) {
		memcpy(run->read + run->n_read, out.p, out.n);
		run->n_read += out.n;
		stream_release(&run->arena, held);
	}
}

static void tell_segment(struct run *run, const char *text, bool doubtful)
{
	char *colon;
	uint32_t place = (uint32_t)strtoul(text, &colon, 10);
	struct bytes data = { (const uint8_t *)colon + 1, strcspn(colon + 1, " ") };
	struct bytes out;

	if (doubtful) {
		assert_true(stream_doubt(&run->arena, &run->s, 77, run->base + place, data, ROOM));
		return;
	}
	run->news |= stream_put(&run->arena, &run->s, run->base + place, data, ROOM, &out);
	memcpy(run->read + run->n_read, out.p ? out.p : data.p, out.n);
	run->n_read += out.n;
	pull(run);
}

static void tell(struct run *run, const char *text)
{
	uint32_t at = run->s.next - run->base;

	switch (*text) {
	case 'k':
		stream_keep(&run->arena, &run->s, run->base + run->kept,
			    (struct bytes){ (uint8_t *)run->read + run->kept, at - run->kept });
		run->kept = at;
		break;
	case 'a':
		if (stream_acked(&run->arena, &run->s,
				 run->base + (uint32_t)strtoul(text + 1, NULL, 10)))
			assert_non_null(run->s.islands);
		pull(run);
		break;
	case 'g':
		if (stream_give_up(&run->s))
			run->read[run->n_read++] = '_';
		pull(run);
		break;
	default:
		tell_segment(run, text + (*text == '?'), *text == '?');
	}
}

/* Everything again with the wrap of sequence numbers at every place */
static void stream_row(void **state)
{
	const struct stream_row *row = *state;

	for (uint32_t before = 0; before < 12; before++) {
		struct run run = { .base = 0U - before };

		run.s = (struct stream){ .next = run.base, .synced = true };
		assert_true(arena_init(&run.arena, ARENA));
		for (const char *at = row->told; *at; at += strcspn(at, " "), at += *at == ' ')
			tell(&run, at);
		run.read[run.n_read] = '\0';
		assert_string_equal(run.read, row->read);
		assert_int_equal(run.news, row->news);
		assert_int_equal(run.s.conflict, (row->news & CONFLICT) != 0);
		assert_int_equal(run.s.gap, strchr(row->read, '_') != NULL);
		stream_drop(&run.arena, &run.s);
		assert_true(run.arena.used == 0);
		arena_done(&run.arena);
	}
}

/* ------------------------------------------------------------------ model */

#define PLACES 3000U
#define SLACK 200U /* the longest segment */
#define NONE (-1)

struct model {
	int island[PLACES + SLACK];
	int kept[PLACES + SLACK];
	uint32_t next;
	uint32_t acked;
	bool has_acked;
};

static bool kept_differs(const struct model *m, uint32_t place, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n && place + i < m->next; i++)
		if (m->kept[place + i] != NONE && m->kept[place + i] != p[i] &&
		    (!m->has_acked || place + i >= m->acked))
			return true;
	return false;
}

static bool island_differs(const struct model *m, uint32_t place, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (place + i >= m->next && m->island[place + i] != NONE &&
		    m->island[place + i] != p[i])
			return true;
	return false;
}

/* What stream_put() must say, and what the model becomes by it */
static unsigned model_put(struct model *m, uint32_t place, const uint8_t *p, uint32_t n)
{
	unsigned news = 0;
	uint32_t old = place < m->next ? m->next - place : 0;

	if (!n)
		return 0;
	if (old)
		news |= REPEATED;
	if (kept_differs(m, place, p, n) || island_differs(m, place, p, n))
		news |= CONFLICT;
	if (place > m->next)
		news |= HELD;
	for (uint32_t i = old; i < n; i++)
		if (m->island[place + i] == NONE)
			m->island[place + i] = p[i];
	return news;
}

struct walk {
	struct arena arena;
	struct stream s;
	struct model m;
	struct random r;
	uint8_t truth[PLACES + SLACK];
	uint32_t base;
	uint32_t conflicts;
};

/* Octets handed out must be those that the model has next */
static void must_be_next(struct walk *w, struct bytes out)
{
	for (size_t i = 0; i < out.n; i++) {
		assert_int_equal(w->m.island[w->m.next], out.p[i]);
		w->m.next++;
	}
}

static void maybe_keep(struct walk *w, uint32_t from)
{
	uint8_t octets[PLACES + SLACK];
	uint32_t to = w->m.next;
	bool whole_is_acked = w->m.has_acked && w->m.acked >= to;

	if (from == to || random_once_in(&w->r, 3))
		return;
	for (uint32_t i = from; i < to; i++)
		octets[i - from] = (uint8_t)w->m.island[i];
	stream_keep(&w->arena, &w->s, w->base + from, (struct bytes){ octets, to - from });
	for (uint32_t i = from; i < to && !whole_is_acked; i++)
		w->m.kept[i] = w->m.island[i];
}

static void walk_pull(struct walk *w)
{
	struct bytes out;
	struct held *held;

	while (stream_pull(&w->s, &out, &held)) {
		uint32_t from = w->m.next;

		assert_true(stream_held_time(held) == 0);
		must_be_next(w, out);
		stream_release(&w->arena, held);
		maybe_keep(w, from);
	}
	assert_true(w->m.next >= PLACES || w->m.island[w->m.next] == NONE);
	assert_int_equal(w->s.next, w->base + w->m.next);
}

/* A segment around the hole, now and then with a wrong octet */
static void walk_segment(struct walk *w)
{
	uint8_t data[SLACK];
	uint32_t n = (uint32_t)random_below(&w->r, random_once_in(&w->r, 4) ? SLACK : 20);
	uint32_t low = w->m.next > 100 ? w->m.next - 100 : 0;
	uint32_t place = low + (uint32_t)random_below(&w->r, 250);
	uint32_t from = w->m.next;
	unsigned news;
	struct bytes out;

	if (place >= PLACES)
		place = PLACES - 1;
	memcpy(data, w->truth + place, n);
	if (n && random_once_in(&w->r, 10))
		data[random_below(&w->r, n)] ^= 0x20;
	news = model_put(&w->m, place, data, n);
	w->conflicts += (news & CONFLICT) != 0;
	assert_int_equal(stream_put(&w->arena, &w->s, w->base + place, (struct bytes){ data, n },
				    ROOM, &out),
			 news);
	/* no copy: they lie in the segment */
	assert_true(!out.n || (out.p >= data && out.p + out.n <= data + n));
	must_be_next(w, out);
	maybe_keep(w, from);
	walk_pull(w);
}

static void walk_ack(struct walk *w)
{
	uint32_t to = w->m.next - (uint32_t)random_below(&w->r, w->m.next < 50 ? w->m.next : 50);

	assert_false(stream_acked(&w->arena, &w->s, w->base + to));
	if (!w->m.has_acked || to > w->m.acked)
		w->m.acked = to;
	w->m.has_acked = true;
}

/* Any segments of a known text, in any order: exactly that text, and every lie is noticed that
 * touches an octet held, or kept and not acknowledged */
static void agrees_with_the_model(void **state)
{
	static struct walk w;
	uint32_t conflicts = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		w = (struct walk){ .r = { seed } };
		w.base = seed % 3 ? (uint32_t)(0U - random_below(&w.r, PLACES)) :
				    (uint32_t)random_next(&w.r);
		w.s = (struct stream){ .next = w.base, .synced = true };
		for (uint32_t i = 0; i < PLACES + SLACK; i++) {
			w.truth[i] = (uint8_t)random_next(&w.r);
			w.m.island[i] = w.m.kept[i] = NONE;
		}
		assert_true(arena_init(&w.arena, ARENA));
		while (w.m.next < PLACES) {
			walk_segment(&w);
			if (random_once_in(&w.r, 8))
				walk_ack(&w);
		}
		assert_int_equal(w.s.conflict, w.conflicts != 0);
		conflicts += w.conflicts;
		stream_drop(&w.arena, &w.s);
		assert_true(w.arena.used == 0);
		arena_done(&w.arena);
	}
	assert_true(conflicts > 1000); /* or nothing was tried */
}

/* ----------------------------------------------------------------- limits */

static struct stream begun(struct arena *a)
{
	assert_true(arena_init(a, ARENA));
	return (struct stream){ .next = 0, .synced = true };
}

/* However it is cut up, no more is held than there is room for */
static void islands_keep_to_their_room(void **state)
{
	static const uint32_t sizes[] = { 1, 7, 100, 1460 };
	static const uint8_t data[1460];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct arena a;
		struct stream s = begun(&a);
		uint32_t seq = 1, held = 0;
		struct bytes out;

		while (!(stream_put(&a, &s, seq, (struct bytes){ data, sizes[i] }, ROOM, &out) &
			 FULL)) {
			held += sizes[i];
			seq += sizes[i];
			assert_true(held <= ROOM);
			assert_true(a.used <= 4 * ROOM);
		}
		assert_true(held >= (sizes[i] == 1460 ? ROOM / 2 : ROOM / 400));
		/* the hole is filled: everything held is there */
		assert_int_equal(stream_put(&a, &s, 0, (struct bytes){ data, 1 }, ROOM, &out), 0);
		while (s.islands) {
			struct held *h;

			assert_true(stream_pull(&s, &out, &h));
			held -= (uint32_t)out.n;
			stream_release(&a, h);
		}
		assert_int_equal(held, 0);
		arena_done(&a);
	}
}

static void doubtful_segments_keep_to_their_room(void **state)
{
	static const uint8_t data[1000];
	struct arena a;
	struct stream s = begun(&a);
	unsigned n = 0;

	(void)state;
	while (stream_doubt(&a, &s, 1, n * 1000, (struct bytes){ data, 1000 }, 10000))
		n++;
	assert_in_range(n, 5, 10);
	assert_true(stream_acked(&a, &s, n * 1000));
	stream_drop(&a, &s);
	assert_true(a.used == 0);
	arena_done(&a);
}

/* A full arena holds nothing more, keeps nothing more, and stays whole */
static void a_full_arena_is_an_answer(void **state)
{
	struct arena a;
	struct stream s = begun(&a);
	struct bytes abc = { (const uint8_t *)"abc", 3 }, out;

	(void)state;
	while (arena_take(&a, 64))
		;
	assert_int_equal(stream_put(&a, &s, 3, abc, ROOM, &out), HELD | FULL);
	assert_false(stream_doubt(&a, &s, 1, 0, abc, ROOM));
	stream_keep(&a, &s, 0, abc);
	assert_null(s.kept);
	assert_int_equal(stream_put(&a, &s, 0, abc, ROOM, &out), 0);
	assert_int_equal(out.n, 3);
	stream_drop(&a, &s);
	arena_done(&a);
}

/* A receiver that never acknowledges: the oldest kept octets go */
static void what_is_kept_is_bounded(void **state)
{
	static uint8_t data[60000];
	struct arena a;
	struct stream s = begun(&a);
	struct bytes out;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(stream_put(&a, &s, s.next, (struct bytes){ data, sizeof(data) },
					    ROOM, &out),
				 0);
		stream_keep(&a, &s, s.next - (uint32_t)out.n, out);
		assert_true(a.used <= 4 * 65536 + 65536);
	}
	data[0] = 1;
	assert_int_equal(stream_put(&a, &s, 99 * (uint32_t)sizeof(data), (struct bytes){ data, 1 },
				    ROOM, &out),
			 REPEATED | CONFLICT);
	s.conflict = false;
	assert_int_equal(stream_put(&a, &s, 0, (struct bytes){ data, 1 }, ROOM, &out),
			 REPEATED | UNSURE);
	/* the receiver has them after all: what comes again is of no interest */
	assert_false(stream_acked(&a, &s, 98 * (uint32_t)sizeof(data)));
	assert_false(s.unsure);
	assert_int_equal(stream_put(&a, &s, 0, (struct bytes){ data, 1 }, ROOM, &out), REPEATED);
	stream_drop(&a, &s);
	assert_true(a.used == 0);
	arena_done(&a);
}

/* Nobody shows acknowledgements: the headers of the last PDUs are kept, what is older is in doubt */
static void one_side_alone_is_kept_shorter(void **state)
{
	static uint8_t data[4096];
	struct arena a;
	struct stream s = begun(&a);
	struct bytes out;

	(void)state;
	s.one_sided = true;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(stream_put(&a, &s, s.next, (struct bytes){ data, sizeof(data) },
					    ROOM, &out),
				 0);
		stream_keep(&a, &s, s.next - (uint32_t)out.n, (struct bytes){ out.p, 24 });
		assert_true(s.kept_octets <= 16384);
	}
	assert_int_equal(stream_put(&a, &s, 999 * 4096, (struct bytes){ data, 4096 }, ROOM, &out),
			 REPEATED);
	assert_int_equal(stream_put(&a, &s, 0, (struct bytes){ data, 4096 }, ROOM, &out),
			 REPEATED | UNSURE);
	data[3] = 9;
	assert_int_equal(stream_put(&a, &s, 999 * 4096, (struct bytes){ data, 4096 }, ROOM, &out),
			 REPEATED | CONFLICT);
	stream_drop(&a, &s);
	assert_true(a.used == 0);
	arena_done(&a);
}

/* No memory to keep them: the same doubt */
static void what_could_not_be_kept_is_in_doubt(void **state)
{
	struct arena a;
	struct stream s = begun(&a);
	struct bytes abc = { (const uint8_t *)"abc", 3 }, out;

	(void)state;
	(void)stream_put(&a, &s, 0, abc, ROOM, &out);
	while (arena_take(&a, 64))
		;
	stream_keep(&a, &s, 0, out);
	assert_int_equal(stream_put(&a, &s, 0, abc, ROOM, &out), REPEATED | UNSURE);
	stream_drop(&a, &s);
	arena_done(&a);
}

static void acknowledgements_release_what_is_kept(void **state)
{
	struct arena a;
	struct stream s = begun(&a);
	struct bytes abc = { (const uint8_t *)"abc", 3 }, out;

	(void)state;
	for (uint32_t at = 0; at < 9; at += 3) {
		(void)stream_put(&a, &s, at, abc, ROOM, &out);
		stream_keep(&a, &s, at, out);
	}
	assert_true(a.used == 3 * 64);
	assert_false(stream_acked(&a, &s, 2));
	assert_true(a.used == 3 * 64);
	assert_false(stream_acked(&a, &s, 6));
	assert_true(a.used == 64);
	assert_false(stream_acked(&a, &s, 9));
	assert_true(a.used == 0);
	stream_keep(&a, &s, 6, abc); /* too late to be of use */
	assert_true(a.used == 0);
	arena_done(&a);
}

/* ---------------------------------------------------------------- doubtful */

static void news_of_a_doubtful_segment(void **state)
{
	struct arena a;
	struct stream s = begun(&a);
	struct bytes abc = { (const uint8_t *)"abc", 3 }, out;
	struct held *held;

	(void)state;
	assert_false(stream_waits(&s));
	assert_true(stream_doubt(&a, &s, 4711, 0, abc, ROOM));
	assert_true(stream_waits(&s));
	assert_false(stream_acked(&a, &s, 2));
	assert_false(stream_pull(&s, &out, &held));
	assert_true(stream_acked(&a, &s, 3));
	assert_true(stream_pull(&s, &out, &held));
	assert_true(stream_held_time(held) == 4711);
	stream_release(&a, held);

	/* what came in another way as well did not become real by it */
	assert_true(stream_doubt(&a, &s, 1, 3, abc, ROOM));
	assert_int_equal(stream_put(&a, &s, 3, abc, ROOM, &out), 0);
	assert_false(stream_acked(&a, &s, 6));
	assert_true(stream_doubt(&a, &s, 1, 7, abc, ROOM));
	assert_int_equal(stream_put(&a, &s, 7, abc, ROOM, &out), HELD);
	assert_false(stream_acked(&a, &s, 10));
	assert_true(stream_hole_is_acked(&s));
	assert_int_equal(stream_give_up(&s), 1);
	stream_drop(&a, &s);
	assert_false(stream_waits(&s));
	assert_true(a.used == 0);
	arena_done(&a);
}

/* The receiver has what follows the hole: then it has the hole as well, the capture lost it */
static void a_hole_is_acked_when_what_follows_is(void **state)
{
	struct arena a;
	struct stream s = begun(&a);
	struct bytes abc = { (const uint8_t *)"abc", 3 }, out;

	(void)state;
	assert_false(stream_hole_is_acked(&s));
	assert_int_equal(stream_put(&a, &s, 5, abc, ROOM, &out), HELD);
	assert_false(stream_hole_is_acked(&s));
	assert_false(stream_acked(&a, &s, 5));
	assert_false(stream_hole_is_acked(&s)); /* the hole alone may still be filled */
	assert_false(stream_acked(&a, &s, 7));
	assert_false(stream_hole_is_acked(&s));
	assert_false(stream_acked(&a, &s, 8));
	assert_true(stream_hole_is_acked(&s));
	assert_int_equal(stream_give_up(&s), 5);
	assert_true(s.gap);
	stream_drop(&a, &s);
	arena_done(&a);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 10] = {
		cmocka_unit_test(agrees_with_the_model),
		cmocka_unit_test(islands_keep_to_their_room),
		cmocka_unit_test(doubtful_segments_keep_to_their_room),
		cmocka_unit_test(a_full_arena_is_an_answer),
		cmocka_unit_test(what_is_kept_is_bounded),
		cmocka_unit_test(one_side_alone_is_kept_shorter),
		cmocka_unit_test(what_could_not_be_kept_is_in_doubt),
		cmocka_unit_test(acknowledgements_release_what_is_kept),
		cmocka_unit_test(news_of_a_doubtful_segment),
		cmocka_unit_test(a_hole_is_acked_when_what_follows_is),
	};
	size_t n = 10;

	ROWS(tests, n, rows, stream_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
