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

/* Rows lie in blocks of some pages: one by one, each would pay for malloc() and lie anywhere */
#define BLOCK_OCTETS 32768U
#define BLOCK_ROWS_LOG2 8U /* at most */

static size_t pairs_of(const struct rows *rows)
{
	return (rows->key + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

/* One to one, so nothing is lost: series of keys give series of sums, this scatters them */
static uint32_t scatter(uint32_t sum)
{
	sum = (sum ^ sum >> 16) * 0x7feb352dU;
	return sum ^ sum >> 15;
}

/* The key's words, each and a secret number added, multiplied in pairs, and the upper half of the
 * sum (Lemire and Kaser, "Strongly universal string hashing is fast"): two keys that differ meet
 * with probability 2^-32, so whoever does not know the numbers cannot choose keys that meet. */
static uint32_t hash_of(const struct rows *rows, const void *key)
{
	const size_t whole = rows->key / sizeof(uint64_t);
	const uint64_t *secret = rows->secret;
	const unsigned char *p = key;
	uint64_t sum = *secret++;
	uint64_t pair;

	for (size_t i = 0; i < whole; i++, p += sizeof(pair), secret += 2) {
		memcpy(&pair, p, sizeof(pair));
		sum += (secret[0] + (uint32_t)pair) * (secret[1] + (pair >> 32));
	}
	/* the rest; some octets once more are no harm, and need no loop */
	if (rows->key % sizeof(pair)) {
		pair = 0;
		if (whole)
			memcpy(&pair, p + rows->key % sizeof(pair) - sizeof(pair), sizeof(pair));
		else
			memcpy(&pair, p, rows->key);
		sum += (secret[0] + (uint32_t)pair) * (secret[1] + (pair >> 32));
	}
	return scatter((uint32_t)(sum >> 32)) | 1U << 31; /* never 0 */
}

/* Numbers that are not secret are only slower in the worst case */
static bool choose_secret(struct rows *rows)
{
	const size_t n = 2 * pairs_of(rows) + 1;
	uint64_t *secret = calloc(n, sizeof(*secret));

	if (!secret)
		return false;
	if (getrandom(secret, n * sizeof(*secret), GRND_NONBLOCK) != (ssize_t)(n * sizeof(*secret)))
		for (size_t i = 0; i < n; i++)
			secret[i] = ((uintptr_t)rows + i) * UINT64_C(0x9e3779b97f4a7c15);
	rows->secret = secret;
	while (rows->block_log2 < BLOCK_ROWS_LOG2 &&
	       rows->size << (rows->block_log2 + 1) <= BLOCK_OCTETS)
		rows->block_log2++;
	return true;
}

static void *row_at(const struct rows *rows, uint32_t index)
{
	const uint32_t within = (UINT32_C(1) << rows->block_log2) - 1;

	return (char *)rows->block[index >> rows->block_log2] + (index & within) * rows->size;
}

/* Where the row with this key is, or where it would be */
static struct rows_slot *look_up(const struct rows *rows, const void *probe, uint32_t hash)
{
	for (uint32_t at = hash & rows->mask;; at = (at + 1) & rows->mask) {
		struct rows_slot *slot = &rows->slot[at];

		if (!slot->number || (slot->tag == hash && memcmp(row_at(rows, slot->number - 1),
								  probe, rows->key) == 0))
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
	/* half as many as there are slots */
	if (!enlarge(&rows->all, n / 2) || !enlarge(&rows->block, (n / 2 >> rows->block_log2) + 1))
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

static bool begin_block(struct rows *rows)
{
	void **block = &rows->block[rows->n >> rows->block_log2];

	*block = malloc(rows->size << rows->block_log2);
	return *block != NULL;
}

static bool needs_block(const struct rows *rows)
{
	return (rows->n & ((UINT32_C(1) << rows->block_log2) - 1)) == 0;
}

static void *add(struct rows *rows, const void *probe, uint32_t hash)
{
	void *row;

	if (rows->n == ROWS_MAX || !grow(rows) || (needs_block(rows) && !begin_block(rows)))
		return NULL;
	row = row_at(rows, (uint32_t)rows->n);
	memcpy(row, probe, rows->size);
	rows->all[rows->n++] = row;
	*look_up(rows, probe, hash) = (struct rows_slot){ hash, (uint32_t)rows->n };
	return row;
}

static void *known(const struct rows *rows, const void *probe, uint32_t hash)
{
	uint32_t number = rows->n ? look_up(rows, probe, hash)->number : 0;

	return number ? row_at(rows, number - 1) : NULL;
}

void *rows_find(const struct rows *rows, const void *probe)
{
	return rows->n ? known(rows, probe, hash_of(rows, probe)) : NULL;
}

uint32_t rows_expect(struct rows *rows, const void *probe)
{
	uint32_t hash;

	if (!rows->secret && !choose_secret(rows))
		return 0;
	hash = hash_of(rows, probe);
	if (rows->slot)
		__builtin_prefetch(&rows->slot[hash & rows->mask]);
	return hash;
}

void *rows_get(struct rows *rows, const void *probe)
{
	return rows_get_expected(rows, probe, rows_expect(rows, probe));
}

void *rows_get_expected(struct rows *rows, const void *probe, uint32_t hash)
{
	void *row = NULL;

	if (hash) {
		row = known(rows, probe, hash);
		if (!row)
			row = add(rows, probe, hash);
	}
	rows->lost += !row;
	return row;
}

void rows_sort(struct rows *rows, int (*compare)(const void *a, const void *b))
{
	if (rows->n)
		qsort(rows->all, rows->n, sizeof(*rows->all), compare);
}

static void swap(void **a, void **b)
{
	void *was = *a;

	*a = *b;
	*b = was;
}

/* A heap whose last row in order is at the top */
static void sift_down(void **heap, size_t n, size_t at, int (*compare)(const void *, const void *))
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && compare(&heap[child], &heap[child + 1]) < 0)
			child++;
		if (compare(&heap[at], &heap[child]) >= 0)
			return;
		swap(&heap[at], &heap[child]);
	}
}

/* Most rows are only compared with the last of those that are first so far */
void rows_sort_first(struct rows *rows, size_t n, int (*compare)(const void *a, const void *b))
{
	void **all = rows->all;

	if (n < rows->n) {
		for (size_t i = n / 2; i-- > 0;)
			sift_down(all, n, i, compare);
		for (size_t i = n; n && i < rows->n; i++)
			if (compare(&all[i], &all[0]) < 0) {
				swap(&all[i], &all[0]);
				sift_down(all, n, 0, compare);
			}
	}
	if (rows->n && n)
		qsort(all, n < rows->n ? n : rows->n, sizeof(*all), compare);
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
	const size_t per_block = (size_t)1 << rows->block_log2;

	for (size_t i = 0; i < rows->n; i += per_block)
		free(rows->block[i >> rows->block_log2]);
	free(rows->secret);
	free(rows->slot);
	free(rows->block);
	free(rows->all);
	*rows = (struct rows){ .size = rows->size, .key = rows->key };
}
