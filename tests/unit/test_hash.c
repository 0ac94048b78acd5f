/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_hash.c - SipHash-1-3 against a second implementation, written down octet by octet
 *
 * The second one has its numbers of rounds as parameters, so that it can itself be held against
 * the vector printed in the paper, which is of SipHash-2-4.
 */
#include <string.h>

#include "bytes.h"
#include "hash.h"
#include "octets.h"
#include "rows.h"

static void turn(uint64_t v[4], size_t to, size_t from, unsigned by)
{
	v[to] += v[from];
	v[from] = v[from] << by | v[from] >> (64 - by);
	v[from] ^= v[to];
}

static void rounds(uint64_t v[4], int n)
{
	while (n--) {
		turn(v, 0, 1, 13);
		turn(v, 2, 3, 16);
		v[0] = v[0] << 32 | v[0] >> 32;
		turn(v, 0, 3, 21);
		turn(v, 2, 1, 17);
		v[2] = v[2] << 32 | v[2] >> 32;
	}
}

/* SipHash-c-d of @p n octets, as section 2 of the paper tells it */
static uint64_t reference(int c, int d, struct hash_key key, const uint8_t *p, size_t n)
{
	static const char constant[] = "somepseudorandomlygeneratedbytes";
	uint64_t v[4] = { key.k0, key.k1, key.k0, key.k1 };

	for (size_t i = 0; i < 32; i++)
		v[i / 8] ^= (uint64_t)(uint8_t)constant[i] << (56 - i % 8 * 8);
	for (size_t block = 0; block <= n / 8; block++) {
		uint64_t m = block == n / 8 ? (uint64_t)n << 56 : 0;

		for (size_t i = 0; i < 8 && block * 8 + i < n; i++)
			m |= (uint64_t)p[block * 8 + i] << (8 * i);
		v[3] ^= m;
		rounds(v, c);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	rounds(v, d);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const struct hash_key counting = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static void the_reference_gives_what_the_paper_prints(void **state)
{
	uint8_t octets[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(octets); i++)
		octets[i] = i;
	/* Aumasson and Bernstein, appendix A */
	assert_true(reference(2, 4, counting, octets, 15) == 0xa129ca6149be45e5);
}

static void known_values(void **state)
{
	/* octets 0, 1, 2 ... under the key of zeros, made with an independent SipHash-1-3 */
	static const struct {
		size_t words;
		uint64_t want;
	} known[] = {
		{ 1, 0xead411e67ebe2eea },
		{ 2, 0x8972188433a5c5b7 },
		{ 5, 0x95bc321ab41d8206 },
	};
	static const struct hash_key zero;
	uint64_t word[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(word); i++)
		word[i] = 0x0706050403020100 + i * 0x0808080808080808;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		assert_true(hash_words(&zero, word, known[i].words) == known[i].want);
}

static void agrees_with_the_reference(void **state)
{
	struct random r = { 1 };

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct hash_key key = { random_next(&r), random_next(&r) };
		uint64_t word[12];
		uint8_t octets[sizeof(word)];
		size_t n = random_below(&r, ARRAY_SIZE(word) + 1);

		for (size_t i = 0; i < n; i++) {
			word[i] = random_next(&r);
			for (size_t k = 0; k < 8; k++)
				octets[i * 8 + k] = (uint8_t)(word[i] >> (8 * k));
		}
		assert_true(hash_words(&key, word, n) == reference(1, 3, key, octets, n * 8));
	}
}

static void all_sixteen_octets_are_the_key(void **state)
{
	const uint64_t word = 0;
	uint8_t octets[16] = { 0 };
	uint64_t before = 0;
	struct hash_key key = hash_key_of(octets);

	(void)state;
	before = hash_words(&key, &word, 1);
	for (size_t i = 0; i < sizeof(octets); i++) {
		octets[i] = 1;
		key = hash_key_of(octets);
		assert_true(hash_words(&key, &word, 1) != before);
		octets[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_gives_what_the_paper_prints),
		cmocka_unit_test(known_values),
		cmocka_unit_test(agrees_with_the_reference),
		cmocka_unit_test(all_sixteen_octets_are_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
