/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rows.h"

#define FIRST_SLOTS 128U

/* Half of a hash, and which row it is of; 0: none.  A row is only touched when the half fits.
 * uthash, whose chains lead from row to row, took 27 % of the time of a capture that learns much,
 * tsearch(3) 42 %, this 6 % (analyze of what `rpcgate-bench generate epm` writes). */
struct rows_slot {
	uint32_t tag;
	uint32_t number;
};

#define PRIME ((UINT64_C(1) << 61) - 1)

__extension__ typedef unsigned __int128 wide;

/* The polynomial whose coefficients are the key's words, at a secret point (Carter and Wegman):
 * whoever does not know the point cannot choose keys that meet.  Words are taken two at a time, as
 * the second power of the point is known, too. */
static uint32_t hash_of(const struct rows *rows, const void *key)
{
	const unsigned char *p = key;
	uint64_t sum = 1;

	for (size_t left = rows->key; left;) {
		size_t n = left < sizeof(uint64_t) ? left : sizeof(uint64_t);
		uint64_t pair = 0;
		wide product;

		memcpy(&pair, p, n);
		product = (wide)sum * rows->square + (wide)(uint32_t)pair * rows->secret +
			  (pair >> 32);
		sum = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61);
		sum = sum >= PRIME ? sum - PRIME : sum;
		p += n;
		left -= n;
	}
	return (uint32_t)(sum ^ sum >> 32);
}

/* A point that is not secret is only slower in the worst case */
static void choose_secret(struct rows *rows)
{
	if (getrandom(&rows->secret, sizeof(rows->secret), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(rows->secret))
		rows->secret = (uintptr_t)rows;
	rows->secret = rows->secret % (PRIME - 2) + 2;
	rows->square = (uint64_t)((wide)rows->secret * rows->secret % PRIME);
}

/* Where the row with this key is, or where it would be */
static struct rows_slot *look_up(const struct rows *rows, const void *probe, uint32_t hash)
{
	for (uint32_t at = hash & rows->mask;; at = (at + 1) & rows->mask) {
		struct rows_slot *slot = &rows->slot[at];

		if (!slot->number || (slot->tag == hash &&
				      memcmp(rows->row[slot->number - 1], probe, rows->key) == 0))
			return slot;
	}
}

static bool enlarge(void ***array, size_t n)
{
	void **larger = reallocarray(*array, n, sizeof(*larger));

	if (larger)
		*array = larger;
	return larger != NULL;
}

static bool grow(struct rows *rows)
{
	uint32_t n = rows->slot ? 2 * (rows->mask + 1) : FIRST_SLOTS;
	struct rows_slot *old = rows->slot, *more;

	if (rows->slot && rows->n <= rows->mask / 2)
		return true;
	/* each is half as long as there are slots */
	if (!enlarge(&rows->row, n / 2) || !enlarge(&rows->all, n / 2))
		return false;
	more = calloc(n, sizeof(*more));
	if (!more)
		return false;
	rows->slot = more;
	for (uint32_t i = 0; old && i <= rows->mask; i++)
		if (old[i].number) {
			uint32_t at = old[i].tag & (n - 1);

			while (more[at].number)
				at = (at + 1) & (n - 1);
			more[at] = old[i];
		}
	rows->mask = n - 1;
	free(old);
	return true;
}

static void *add(struct rows *rows, const void *probe, uint32_t hash)
{
	void *row;

	if (rows->n == ROWS_MAX || !grow(rows))
		return NULL;
	row = malloc(rows->size);
	if (!row)
		return NULL;
	memcpy(row, probe, rows->size);
	rows->row[rows->n] = row;
	rows->all[rows->n++] = row;
	*look_up(rows, probe, hash) = (struct rows_slot){ hash, (uint32_t)rows->n };
	return row;
}

void *rows_find(const struct rows *rows, const void *probe)
{
	uint32_t number = 0;

	if (rows->n)
		number = look_up(rows, probe, hash_of(rows, probe))->number;
	return number ? rows->row[number - 1] : NULL;
}

void *rows_get(struct rows *rows, const void *probe)
{
	uint32_t hash, number = 0;
	void *row;

	if (!rows->secret)
		choose_secret(rows);
	hash = hash_of(rows, probe);
	if (rows->n)
		number = look_up(rows, probe, hash)->number;
	row = number ? rows->row[number - 1] : add(rows, probe, hash);
	rows->lost += !row;
	return row;
}

void rows_sort(struct rows *rows, int (*compare)(const void *a, const void *b))
{
	if (rows->n)
		qsort(rows->all, rows->n, sizeof(*rows->all), compare);
}

static int by_key(const void *a, const void *b, void *ctx)
{
	const struct rows *rows = ctx;

	return memcmp(*(void *const *)a, *(void *const *)b, rows->key);
}

void rows_sort_by_key(struct rows *rows)
{
	if (rows->n)
		qsort_r(rows->all, rows->n, sizeof(*rows->all), by_key, rows);
}

void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free(rows->row[i]);
	free(rows->slot);
	free(rows->row);
	free(rows->all);
	*rows = (struct rows){ .size = rows->size, .key = rows->key };
}
