/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_lease.c - keys with an end against a list that is walked from end to end
 *
 * Keys are few, so that they come and go; indices are given out anew; the table grows and is full.
 */
#include "lease.h"
#include "memory.h"
#include "octets.h"
#include "rows.h"

#define CAPACITY 300U
#define OPERATIONS 60000
#define MANY 200000U

static const struct hash_key secret = { 0x0706050403020100U, 0x0f0e0d0c0b0a0908U };

struct model {
	bool there;
	struct lease_key key;
	uint32_t until;
};

typedef struct lease_key choose(uint64_t i);

static struct lease_key one_client(uint64_t i)
{
	return (struct lease_key){ 0x0a000001c0000200U, (uint32_t)i };
}

static struct lease_key neighbours(uint64_t i)
{
	return (struct lease_key){ 0xc000020000000000U + i, 49152 };
}

static struct lease_key both_halves(uint64_t i)
{
	return (struct lease_key){ i << 32 | (~i & 0xffffffffU), (uint32_t)(i * i) };
}

static struct lease_key steps(uint64_t i)
{
	return (struct lease_key){ i << 40, (uint32_t)(i >> 24) };
}

static struct lease_key spread(uint64_t i)
{
	struct random r = { i };
	uint64_t a = random_next(&r);

	return (struct lease_key){ a, (uint32_t)random_next(&r) };
}

static const struct {
	const char *name;
	choose *key;
} shapes[] = {
	{ "one client, all ports", one_client },
	{ "neighbouring addresses", neighbours },
	{ "both halves", both_halves },
	{ "steps of a power of two", steps },
	{ "spread", spread },
};

static uint32_t find_in(const struct model *model, struct lease_key key)
{
	for (uint32_t i = 1; i <= CAPACITY; i++)
		if (model[i].there && model[i].key.a == key.a && model[i].key.b == key.b)
			return i;
	return 0;
}

/* Chains: all full but for the line behind their home, and never an empty line to go on in */
static void check_chains(const struct leases *t)
{
	uint32_t n = 0;

	for (uint32_t home = 0; home < t->lines; home++) {
		uint32_t line = home, filled = 0;

		do {
			const struct lease_line *l = &t->line[line];

			for (unsigned i = 0; i < LEASE_SLOTS; i++) {
				if (!l->index[i]) {
					assert_true(line == home ? !l->next :
								   line == t->line[home].next);
					assert_true(!l->mark[i] && !l->b[i] && !l->until[i]);
					continue;
				}
				assert_true(i == 0 || l->index[i - 1]);
				assert_int_equal(lease_home(t, lease_hash(t, l->mark[i])), home);
				n++;
				filled += line == home || line == t->line[home].next;
			}
			if (line != home)
				assert_int_not_equal(l->index[0], 0);
			line = l->next;
		} while (line);
		assert_int_equal(t->filled[home], filled);
	}
	assert_int_equal(n, t->n);
}

static void check_all(const struct leases *t, const struct model *model, choose *key)
{
	struct lease_key ask[CAPACITY * 2];
	struct lease got[CAPACITY * 2];

	check_chains(t);
	for (uint32_t i = 0; i < CAPACITY * 2; i++)
		ask[i] = key(i);
	lease_find_many(t, ask, CAPACITY * 2, got);
	for (uint32_t i = 0; i < CAPACITY * 2; i++) {
		uint32_t there = find_in(model, ask[i]);
		struct lease one = lease_find(t, ask[i]);

		assert_int_equal(got[i].index, there);
		assert_int_equal(one.index, there);
		if (!there)
			continue;
		assert_int_equal(got[i].until, model[there].until);
		assert_int_equal(one.until, model[there].until);
	}
}

static void check_sweep(const struct leases *t, const struct model *model, uint32_t now)
{
	uint32_t ended[7];
	uint32_t at = 1, expected = 1;

	while (at <= CAPACITY) {
		size_t n = lease_sweep(t, at, CAPACITY, now, ended, 7, &at);

		for (size_t i = 0; i < n; i++, expected++) {
			while (!model[expected].there || model[expected].until > now)
				expected++;
			assert_int_equal(ended[i], expected);
		}
	}
	for (; expected <= CAPACITY; expected++)
		assert_false(model[expected].there && model[expected].until <= now);
}

static void play(choose *key, bool fixed, uint64_t seed)
{
	struct model model[CAPACITY + 1] = { { .there = false } };
	struct random r = { seed };
	struct leases t;

	assert_true(leases_init(&t, CAPACITY, fixed, &secret));
	for (uint32_t i = 1; i <= CAPACITY; i++) /* as the sweep is not asked for the unused */
		lease_remind(&t, i, LEASE_NEVER);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		struct lease_key k = key(random_below(&r, CAPACITY * 2));
		uint32_t index = find_in(model, k), until = (uint32_t)random_below(&r, 1000);

		if (index && random_once_in(&r, 2)) {
			lease_remove(&t, k, index);
			model[index].there = false;
		} else if (index) {
			lease_renew(&t, k, index, until);
			model[index].until = until;
		} else {
			index = 1 + (uint32_t)random_below(&r, CAPACITY);
			if (model[index].there)
				continue;
			lease_add(&t, k, index, until);
			model[index] = (struct model){ true, k, until };
		}
		if (i % 500 == 0) {
			check_all(&t, model, key);
			check_sweep(&t, model, (uint32_t)random_below(&r, 1000));
		}
	}
	leases_done(&t);
}

static void agrees_with_the_model(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		play(shapes[i].key, false, i);
		play(shapes[i].key, true, i);
	}
}

static uint32_t longest_chain(const struct leases *t)
{
	uint32_t longest = 0;

	for (uint32_t home = 0; home < t->lines; home++) {
		uint32_t lines = 1;

		for (uint32_t line = t->line[home].next; line; line = t->line[line].next)
			lines++;
		longest = lines > longest ? lines : longest;
	}
	return longest;
}

/* Whatever series of keys somebody chooses, they spread as if by chance: with a mean of at most
 * 1.5 in a line, and twice that in lines not split yet, 24 in one are less likely than one in 10^9 */
static void no_series_of_keys_meets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (uint64_t other = 0; other < 4; other++) {
			const struct hash_key key = { secret.k0 + other, secret.k1 };
			struct leases t;

			assert_true(leases_init(&t, MANY, other & 1, &key));
			for (uint32_t k = 1; k <= MANY; k++)
				lease_add(&t, shapes[i].key(k), k, 1);
			if (longest_chain(&t) > 8)
				fail_msg("%s: %u lines in a chain", shapes[i].name,
					 longest_chain(&t));
			leases_done(&t);
		}
}

/* Somebody who knows the code but not the key makes keys that meet under a key of his own: under
 * ours they do not */
static void keys_made_to_meet_do_not(void **state)
{
	const struct hash_key his = { 1, 2 };
	struct leases guess, ours;
	uint32_t n = 0;

	(void)state;
	assert_true(leases_init(&guess, MANY, true, &his));
	assert_true(leases_init(&ours, MANY, true, &secret));
	for (uint64_t i = 0; n < 2000; i++) {
		struct lease_key key = both_halves(i);

		if (lease_home(&guess, lease_hash_of(&guess, key)) >= 64)
			continue;
		n++;
		lease_add(&guess, key, n, 1);
		lease_add(&ours, key, n, 1);
	}
	assert_true(longest_chain(&guess) > 8); /* the attempt is a real one */
	assert_true(longest_chain(&ours) <= 2);
	leases_done(&guess);
	leases_done(&ours);
}

/* Even where all meet, nothing is lost and memory suffices: being slow is the worst that happens */
static void all_in_one_line(void **state)
{
	struct leases t;
	uint32_t n = 0;

	(void)state;
	assert_true(leases_init(&t, CAPACITY, true, &secret));
	for (uint64_t i = 0; n < CAPACITY; i++) {
		struct lease_key key = spread(i);

		if (lease_home(&t, lease_hash_of(&t, key)) == 5)
			lease_add(&t, key, ++n, 1);
	}
	check_chains(&t);
	for (uint64_t i = 0, k = 0; k < CAPACITY; i++) {
		struct lease_key key = spread(i);

		if (lease_home(&t, lease_hash_of(&t, key)) != 5)
			continue;
		assert_int_equal(lease_find(&t, key).index, ++k);
		lease_remove(&t, key, (uint32_t)k);
	}
	check_chains(&t);
	leases_done(&t);
}

/* Keys that share a mark, as luck or knowledge of the secret would have it, are still told apart,
 * in whatever order they came and whichever of them are gone */
static void one_mark_for_several_keys(void **state)
{
	enum { SAME = 8 };
	struct lease_key key[SAME];
	struct leases t;

	(void)state;
	assert_true(leases_init(&t, CAPACITY, false, &secret));
	for (uint32_t i = 0; i < SAME; i++) /* the first one has mark 0, like an empty slot */
		key[i] = (struct lease_key){ 0 - t.key[3] * (i + 1), i + 1 };
	for (uint32_t gone = 0; gone < SAME; gone++) {
		struct lease got[SAME];

		for (uint32_t i = 0; i < SAME; i++) {
			assert_true(lease_mark(&t, key[i]) == lease_mark(&t, key[0]));
			lease_add(&t, key[i], i + 1, 10 + i);
		}
		assert_int_equal(lease_find(&t, (struct lease_key){ 0, 0 }).index, 0);
		lease_remove(&t, key[gone], gone + 1);
		lease_find_many(&t, key, SAME, got);
		for (uint32_t i = 0; i < SAME; i++) {
			assert_int_equal(got[i].index, i == gone ? 0 : i + 1);
			assert_int_equal(lease_find(&t, key[i]).index, got[i].index);
		}
		for (uint32_t i = 0; i < SAME; i++)
			if (i != gone)
				lease_remove(&t, key[i], i + 1);
		check_chains(&t);
	}
	leases_done(&t);
}

static void ticks_order_as_moments_do(void **state)
{
	static const uint64_t ns[] = { 0, 1, 1ULL << 31, 1700000000000000000U, UINT64_MAX / 2 };

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(ns); i++)
		assert_true(lease_tick(ns[i - 1]) <= lease_tick(ns[i]));
	assert_true(lease_tick(UINT64_MAX / 2) < LEASE_NEVER);
}

static void memory_may_be_short(void **state)
{
	struct leases t;

	(void)state;
	for (size_t n = 1; n <= 3; n++) {
		bool good;

		memory_ends_at(n);
		good = leases_init(&t, CAPACITY, false, &secret);
		memory_ends_at(0);
		assert_false(good);
	}
	assert_true(leases_init(&t, CAPACITY, false, &secret));
	leases_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_model),
		cmocka_unit_test(no_series_of_keys_meets),
		cmocka_unit_test(keys_made_to_meet_do_not),
		cmocka_unit_test(all_in_one_line),
		cmocka_unit_test(one_mark_for_several_keys),
		cmocka_unit_test(ticks_order_as_moments_do),
		cmocka_unit_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
