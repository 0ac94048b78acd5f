/* SPDX-License-Identifier: BSD-2-Clause */
/* recent.h - the last N hashes that were noted, with a word for each
 *
 * First in, first out, whatever the hashes are: what is remembered and what is forgotten depends on
 * nothing but the order in which it was noted, never on which hashes happen to meet, and so never on
 * the secret key they were made with.  Hashes are compared whole.
 *
 * Places are taken in turn and numbered on; a number more than N behind the next one is of a place
 * that was taken again.  So a chain from the youngest to the oldest ends by itself, and nothing has
 * to be removed to make room.
 */
#ifndef BASE_RECENT_H
#define BASE_RECENT_H

#include "bytes.h"

struct recent_entry {
	uint64_t hash;
	uint32_t older; /**< number of the one before it in its chain */
	uint32_t word;
};

struct recent {
	struct recent_entry *entry;
	uint32_t *youngest; /**< by the low bits of the hash: number of the last that has them */
	uint32_t n;         /**< entries, a power of two */
	uint32_t next;      /**< number of the next one */
};

#define RECENT_CHAINS 2U /* for each entry: half of them have none then */

/** Room for @p n hashes, a power of two.  Memory is touched as it is used.  False if it is short. */
MUST_USE bool recent_init(struct recent *recent, uint32_t n);
void recent_done(struct recent *recent);

static inline uint32_t *recent_chain(const struct recent *r, uint64_t hash)
{
	return &r->youngest[hash & (RECENT_CHAINS * r->n - 1)];
}

static inline void recent_prefetch(const struct recent *r, uint32_t low_hash)
{
	PREFETCH(recent_chain(r, low_hash));
}

static inline struct recent_entry *recent_at(const struct recent *r, uint32_t number)
{
	return &r->entry[number & (r->n - 1)];
}

/** The next one of a chain that is still there, behind one of this age; NULL if there is none.  Age
 *  grows along a chain: a number so old that it came round again leads nowhere. */
static inline struct recent_entry *recent_behind(const struct recent *r, uint32_t number,
						 uint32_t *age)
{
	uint32_t younger = *age;

	*age = r->next - number;
	return *age > younger && *age <= r->n ? recent_at(r, number) : NULL;
}

/** The word noted with a hash, the latest if there are several; NULL if it is none of the last. */
static inline uint32_t *recent_find(const struct recent *r, uint64_t hash)
{
	uint32_t age = 0;

	for (struct recent_entry *e = recent_behind(r, *recent_chain(r, hash), &age); e;
	     e = recent_behind(r, e->older, &age))
		if (e->hash == hash)
			return &e->word;
	return NULL;
}

/** Note a hash as the youngest, in the place of the oldest. */
static inline void recent_add(struct recent *r, uint64_t hash, uint32_t word)
{
	uint32_t *youngest = recent_chain(r, hash);

	*recent_at(r, r->next) = (struct recent_entry){ hash, *youngest, word };
	*youngest = r->next++;
}

/** As if it had not been noted, but for its place. */
static inline void recent_forget(struct recent *r, uint64_t hash)
{
	uint32_t age = 0;

	for (struct recent_entry *e = recent_behind(r, *recent_chain(r, hash), &age); e;
	     e = recent_behind(r, e->older, &age))
		if (e->hash == hash)
			e->hash = ~hash; /* which is of another chain */
}

#endif
