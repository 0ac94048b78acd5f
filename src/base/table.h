/* SPDX-License-Identifier: BSD-2-Clause */
/* table.h - find an object's index by the hash of its key
 *
 * Open addressing with linear probing; a slot holds 32 bits of the hash and the index of an object
 * in a pool, so a probe that misses touches no object.  Removal shifts entries back: there are no
 * tombstones, a long-lived table stays as fast as a new one.  At most half full.
 *
 * Memory for the largest table is reserved at start, but the table in use doubles as it fills: a
 * few hundred live objects are found in cache, however high the limit.
 *
 * The caller compares keys:
 *
 *	for (i = table_first(t, hash, &at); i; i = table_next(t, hash, &at))
 *		if (same(pool_at(pool, i), key))
 *			return i;
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "bytes.h"

struct table_slot {
	uint32_t tag;   /**< low half of the hash: its low bits are the home slot */
	uint32_t index; /**< 0 = empty */
};

struct table {
	struct table_slot *slot; /**< of the table in use */
	uint32_t mask;
	uint32_t n;
	struct table_slot *memory; /**< tables of 2^k slots, each behind the smaller ones */
};

/** Room for @p capacity entries.  False if memory is short. */
MUST_USE bool table_init(struct table *table, uint32_t capacity);
void table_done(struct table *table);

static inline uint32_t table_next(const struct table *t, uint64_t hash, uint32_t *at)
{
	uint32_t tag = (uint32_t)hash;

	for (;; *at = (*at + 1) & t->mask) {
		struct table_slot s = t->slot[*at];

		if (!s.index)
			return 0;
		if (s.tag == tag) {
			*at = (*at + 1) & t->mask;
			return s.index;
		}
	}
}

static inline uint32_t table_first(const struct table *t, uint64_t hash, uint32_t *at)
{
	*at = (uint32_t)hash & t->mask;
	return table_next(t, hash, at);
}

static inline void table_prefetch(const struct table *t, uint64_t hash)
{
	PREFETCH(&t->slot[(uint32_t)hash & t->mask]);
}

/** Add an entry; the caller keeps their number within the capacity.  Doubling costs one pass. */
void table_add(struct table *table, uint64_t hash, uint32_t index);

/** Remove the entry of @p index, which is there under @p hash. */
void table_remove(struct table *table, uint64_t hash, uint32_t index);

#endif
