/* SPDX-License-Identifier: BSD-2-Clause */
/* lease.h - keys that hold until a moment, found with one line of cache
 *
 * A line of 64 octets holds three keys of 96 bits, the moment each ends, and the index of the
 * object it stands for.  A look-up reads the line that its hash names, and is done: what is there,
 * until when, and that it is not there.  Lines that are too full go on in others.
 *
 * Linear hashing: every second insertion or so splits one line in two, in the order of their
 * numbers, so growing never stops anybody, and the memory behind the lines not yet split is not
 * touched.  A table for a gateway starts at its full size instead.
 *
 * A key is kept as a mark of 64 bits, its first part plus its last 32 bits times a secret number,
 * and those 32 bits: nothing is lost, and the mark alone nearly always tells a key from others.
 * The hash is multilinear over the halves of the mark modulo 2^64, high half (Carter and Wegman;
 * Lemire and Kaser, "Strongly universal string hashing is fast"): whoever does not know the key
 * cannot do better than chance at making two keys meet, and it costs a seventh of SipHash.
 *
 * Keys longer than 96 bits are given as a digest of that size; the caller compares the object.
 * Moments are whole ticks of about four seconds, so that they fit 32 bits until the year 2262:
 * before its tick a lease holds, after it it has ended, within it the caller's own deadline tells.
 * Ends are kept a second time by index: the sweep reads that array front to back and needs neither
 * the lines nor the objects of what has not ended.
 */
#ifndef BASE_LEASE_H
#define BASE_LEASE_H

#include "bytes.h"
#include "hash.h"

#define LEASE_SLOTS 3U
#define LEASE_LINE 64U
#define LEASE_TICK_BITS 32U
#define LEASE_NEVER UINT32_MAX

struct lease_key {
	uint64_t a;
	uint32_t b;
};

struct lease_line {
	uint64_t mark[LEASE_SLOTS];
	uint32_t b[LEASE_SLOTS];
	uint32_t until[LEASE_SLOTS];
	uint32_t index[LEASE_SLOTS]; /**< 0 = empty */
	uint32_t next;               /**< the line it goes on in, 0 = none */
};

/** What was found; index 0 = nothing, and the rest means nothing. */
struct lease {
	uint32_t index;
	uint32_t until;
};

struct leases {
	struct lease_line *line;
	uint64_t key[4];
	uint32_t mask;  /**< 2^k - 1: lines there were before this round of splits */
	uint32_t both;  /**< 2^(k+1) - 1 */
	uint32_t lines; /**< in use; those from mask + 1 on came of a split in this round */
	uint32_t n;
	uint32_t capacity;
	uint32_t homes;     /**< lines that a hash can name, at most */
	uint32_t spare;     /**< chain of free lines to go on in */
	uint32_t spare_top; /**< lines from here on were never used */
	uint8_t *filled;    /**< by home: what a new lease needs to know without reading lines */
	uint32_t *until;    /**< by index */
	void *memory;       /**< lines, not aligned */
};

/**
 * @param capacity  leases, and the highest index
 * @param fixed     start at full size, all of it touched: no splits and no page faults later
 * @return false if memory is short
 */
MUST_USE bool leases_init(struct leases *t, uint32_t capacity, bool fixed,
			  const struct hash_key *key);
void leases_done(struct leases *t);

/** Add a key that is not there; the caller keeps number and index within the capacity. */
void lease_add(struct leases *t, struct lease_key key, uint32_t index, uint32_t until);
/** Move its end. */
void lease_renew(struct leases *t, struct lease_key key, uint32_t index, uint32_t until);
void lease_remove(struct leases *t, struct lease_key key, uint32_t index);

/** Look @p n keys up at once: their lines are on the way while others are read. */
void lease_find_many(const struct leases *t, const struct lease_key *key, size_t n,
		     struct lease *out);

/**
 * Find leases that have ended, in order of their index.
 * @param from   index to begin at, 1 to @p to
 * @param to     last index to look at
 * @param now    tick; leases that end within it are reported, too
 * @param ended  place for @p room indices
 * @param next   index to go on with
 * @return how many were found
 */
size_t lease_sweep(const struct leases *t, uint32_t from, uint32_t to, uint32_t now,
		   uint32_t *ended, size_t room, uint32_t *next);
/** The same lease is not reported again before this tick. */
static inline void lease_remind(struct leases *t, uint32_t index, uint32_t tick)
{
	t->until[index] = tick;
}

/** Octets of memory touched so far. */
uint64_t leases_octets(const struct leases *t);

static inline uint32_t lease_tick(uint64_t ns)
{
	return (uint32_t)(ns >> LEASE_TICK_BITS);
}

static inline uint64_t lease_mark(const struct leases *t, struct lease_key key)
{
	return key.a + t->key[3] * key.b;
}

static inline uint32_t lease_hash(const struct leases *t, uint64_t mark)
{
	uint64_t sum = t->key[0] + (t->key[1] + (uint32_t)mark) * (t->key[2] + (mark >> 32));
	uint32_t h = (uint32_t)(sum >> 32);

	/* one to one; series of keys give series of sums, this scatters them */
	return (h ^ h >> 15) * 0x2c1b3c6dU;
}

static inline uint32_t lease_hash_of(const struct leases *t, struct lease_key key)
{
	return lease_hash(t, lease_mark(t, key));
}

static inline uint32_t lease_home(const struct leases *t, uint32_t hash)
{
	uint32_t home = hash & t->both;

	return home < t->lines ? home : hash & t->mask;
}

static inline struct lease_line *lease_line_of(const struct leases *t, uint64_t mark)
{
	return &t->line[lease_home(t, lease_hash(t, mark))];
}

/** The slot with this mark, the last one if there is none.  Without branches: which slot it is
 *  cannot be predicted.  Of several the first: empty ones, which are behind it, have mark 0. */
static inline unsigned lease_slot(const struct lease_line *line, uint64_t mark)
{
	unsigned not_first = line->mark[0] != mark;

	return not_first + (not_first & (line->mark[1] != mark));
}

static inline struct lease lease_at(const struct lease_line *line, unsigned slot, uint64_t mark,
				    uint32_t b)
{
	bool same = ((line->mark[slot] ^ mark) | (line->b[slot] ^ b)) == 0;

	return (struct lease){ line->index[slot] & (0 - (uint32_t)same), line->until[slot] };
}

/** What is not in its line may be in the next; or it was hidden behind another key with its mark,
 *  which happens once in 2^33 pairs. */
static inline bool lease_goes_on(const struct lease_line *line, unsigned slot, uint64_t mark)
{
	return (line->next != 0) | (line->mark[slot] == mark);
}

/** Go on behind @p slot of a line where it was not found. */
struct lease lease_find_along(const struct leases *t, const struct lease_line *line, unsigned slot,
			      uint64_t mark, uint32_t b);

/** It will be looked for soon. */
static inline void lease_prefetch(const struct leases *t, struct lease_key key)
{
	PREFETCH(lease_line_of(t, lease_mark(t, key)));
}

static inline struct lease lease_find(const struct leases *t, struct lease_key key)
{
	uint64_t mark = lease_mark(t, key);
	const struct lease_line *line = lease_line_of(t, mark);
	unsigned slot = lease_slot(line, mark);
	struct lease found = lease_at(line, slot, mark, key.b);

	if (!found.index && lease_goes_on(line, slot, mark))
		return lease_find_along(t, line, slot, mark, key.b);
	return found;
}

#endif
