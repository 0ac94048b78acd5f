/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.h - SipHash-1-3, keyed (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), and sums
 *
 * Everybody on the wire chooses what lands in our tables; a secret key makes collisions a matter
 * of luck.  Input is whole 64-bit words: all keys here are padded to that.  libc has no keyed hash
 * and the library links nothing else.
 *
 * Where each packet is hashed, SipHash would be a tenth of the whole.  There the sum of the words,
 * each times a secret number, does (Lemire and Kaser, "Strongly universal string hashing is fast"):
 * two keys that differ meet with probability 2^-32 in each half, whatever they are, as long as the
 * numbers are secret.  Hashes are never shown, so nobody can solve for them.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

struct hash_key hash_key_of(const uint8_t octets[16]);

/** Hash @p n words. */
uint64_t hash_words(const struct hash_key *key, const uint64_t *word, size_t n);

#define HASH_SUM_WORDS 10U

struct hash_sums {
	uint64_t of[2][HASH_SUM_WORDS + 1]; /**< the last is added as it is */
};

/** Secret numbers for one use of the sums, out of the key. */
struct hash_sums hash_sums_of(const struct hash_key *key, uint64_t use);

/** One to one, so nothing is lost: series of keys give series of sums, this scatters them. */
static inline uint32_t hash_scatter(uint32_t h)
{
	h ^= h >> 15;
	h *= 0x2c1b3c6dU;
	return h ^ h >> 13;
}

/** The lower half of hash_sum(). */
static inline uint32_t hash_sum_low(const struct hash_sums *sums, const uint32_t *word, size_t n)
{
	uint64_t low = sums->of[0][HASH_SUM_WORDS];

	for (size_t i = 0; i < n; i++)
		low += sums->of[0][i] * word[i];
	return hash_scatter((uint32_t)(low >> 32));
}

/** The same of four words, which stay in registers. */
static inline uint32_t hash_sum_low4(const struct hash_sums *sums, uint32_t a, uint32_t b,
				     uint32_t c, uint32_t d)
{
	const uint64_t *of = sums->of[0];
	uint64_t low = of[HASH_SUM_WORDS] + of[0] * a + of[1] * b + of[2] * c + of[3] * d;

	return hash_scatter((uint32_t)(low >> 32));
}

/** The upper half of it. */
static inline uint32_t hash_sum_high4(const struct hash_sums *sums, uint32_t a, uint32_t b,
				      uint32_t c, uint32_t d)
{
	const uint64_t *of = sums->of[1];
	uint64_t high = of[HASH_SUM_WORDS] + of[0] * a + of[1] * b + of[2] * c + of[3] * d;

	return hash_scatter((uint32_t)(high >> 32));
}

/** Hash @p n words, at most HASH_SUM_WORDS. */
static inline uint64_t hash_sum(const struct hash_sums *sums, const uint32_t *word, size_t n)
{
	uint64_t low = sums->of[0][HASH_SUM_WORDS], high = sums->of[1][HASH_SUM_WORDS];

	for (size_t i = 0; i < n; i++) {
		low += sums->of[0][i] * word[i];
		high += sums->of[1][i] * word[i];
	}
	return hash_scatter((uint32_t)(low >> 32)) | (uint64_t)hash_scatter((uint32_t)(high >> 32))
							     << 32;
}

#endif
