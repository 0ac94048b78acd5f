/* SPDX-License-Identifier: BSD-2-Clause */
/* lease.h - keys that hold until a moment, found with one line of cache
 *
 * A line of 64 octets holds three keys of 96 bits, the moment each ends, and the index of the
 * object it stands for.  A look-up reads the line that its hash names, and is done: what is there,
 * until when, and that it is not there.  Lines that are too full go on in another one, which one
 * key in eight needs.
 *
 * Linear hashing: every third insertion or so splits one line in two, in the order of their
 * numbers, so growing never stops anybody, and the memory behind the lines not yet split is not
 * touched.  A table for a gateway starts at its full size instead.
 *
 * The hash is multilinear over 32-bit words modulo 2^64, high half (Carter and Wegman; Lemire and
 * Kaser, "Strongly universal string hashing is fast"): whoever does not know the key cannot do
 * better than chance at making two keys meet, and it costs a fifth of SipHash.
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
	uint64_t a[LEASE_SLOTS];
	uint32_t b[LEASE_SLOTS];
	uint32_t until[LEASE_SLOTS];
	uint32_t index[LEASE_SLOTS]; /**< 0 = empty */
	uint32_t next;               /**< the line it goes on in, 0 = none */
};

/** What was found; index 0 = nothing. */
struct lease {
	uint32_t index;
	uint32_t until;
};

struct leases {
	struct lease_line *line;
	uint64_t key[4];
	uint32_t mask;  /**< 2^k - 1: lines there were before this round of splits */
	uint32_t split; /**< lines below it are split in this round */
	uint32_t n;
	uint32_t capacity;
	uint32_t homes;     /**< lines that a hash can name, at most */
	uint32_t spare;     /**< chain of free lines to go on in */
	uint32_t spare_top; /**< lines from here on were never used */
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

static inline uint32_t lease_hash(const struct leases *t, struct lease_key key)
{
	uint64_t sum = t->key[0] + t->key[1] * (uint32_t)key.a + t->key[2] * (key.a >> 32) +
		       t->key[3] * key.b;

	return hash_scatter((uint32_t)(sum >> 32));
}

static inline uint32_t lease_home(const struct leases *t, uint32_t hash)
{
	uint32_t home = hash & t->mask;

	return home < t->split ? hash & (t->mask * 2 + 1) : home;
}

static inline uint32_t lease_fits(const struct lease_line *line, unsigned slot,
				  struct lease_key key)
{
	return ((line->a[slot] ^ key.a) | (line->b[slot] ^ key.b)) == 0;
}

/* Without branches: which slot it is cannot be predicted.  The first counts: empty ones, which are
 * behind it and have index 0, fit a key of zeros. */
static inline struct lease lease_in_line(const struct lease_line *line, struct lease_key key)
{
	uint32_t first = lease_fits(line, 0, key), second = lease_fits(line, 1, key);
	uint32_t any = 0 - (first | second | lease_fits(line, 2, key));
	uint32_t slot = (2 - second) & (first - 1);

	return (struct lease){ line->index[slot] & any, line->until[slot] & any };
}

static inline struct lease lease_find(const struct leases *t, struct lease_key key)
{
	const struct lease_line *line = &t->line[lease_home(t, lease_hash(t, key))];
	struct lease found = lease_in_line(line, key);

	while (!found.index && line->next) {
		line = &t->line[line->next];
		found = lease_in_line(line, key);
	}
	return found;
}

#endif
