/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.h - SipHash-1-3, keyed (Aumasson and Bernstein, "SipHash: a fast short-input PRF")
 *
 * Everybody on the wire chooses what lands in our tables; a secret key makes collisions a matter
 * of luck.  Input is whole 64-bit words: all keys here are padded to that.  libc has no keyed hash
 * and the library links nothing else.
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

#endif
