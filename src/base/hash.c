/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

struct hash_key hash_key_of(const uint8_t octets[16])
{
	struct hash_key key;

	memcpy(&key.k0, octets, 8);
	memcpy(&key.k1, octets + 8, 8);
	return key;
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *word, size_t n)
{
	struct sip s = { key->k0 ^ 0x736f6d6570736575U, key->k1 ^ 0x646f72616e646f6dU,
			 key->k0 ^ 0x6c7967656e657261U, key->k1 ^ 0x7465646279746573U };
	uint64_t last = (uint64_t)(n * 8) << 56;

	for (size_t i = 0; i < n; i++) {
		s.v3 ^= word[i];
		sip_round(&s);
		s.v0 ^= word[i];
	}
	s.v3 ^= last;
	sip_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct hash_sums hash_sums_of(const struct hash_key *key, uint64_t use)
{
	struct hash_sums sums;

	for (uint64_t half = 0; half < 2; half++)
		for (uint64_t i = 0; i <= HASH_SUM_WORDS; i++) {
			const uint64_t word[] = { use, half, i };

			sums.of[half][i] = hash_words(key, word, 3);
		}
	return sums;
}
