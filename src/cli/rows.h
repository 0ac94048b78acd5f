/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.h - equal things counted together
 *
 * A set of rows of one kind.  A row is a structure that begins with its key; a new one is all
 * zero behind the key.  The number of rows is bounded, so a hostile capture costs bounded memory;
 * what found no room is counted.  A hash table with a secret key: no input makes it slow.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_MAX 100000

struct rows_slot;

struct rows {
	size_t size; /**< octets of a row */
	size_t key;  /**< octets of the key that it begins with, without holes */
	void **all;  /**< in order of appearance until sorted */
	size_t n;
	size_t lost;  /**< things that found no room */
	void **block; /**< rows in order of appearance, 1 << block_log2 in each */
	uint32_t block_log2;
	uint32_t mask;
	struct rows_slot *slot;
	uint64_t *secret; /**< numbers that hashes are made with */
};

/** The row whose key equals that of @p probe, made if new; NULL if there is no room. */
void *rows_get(struct rows *rows, const void *probe);
/** The first half of it: the hash of the key, and the place where the row is found on its way to
 *  the cache.  0 if memory is short. */
uint32_t rows_expect(struct rows *rows, const void *probe);
/** The second half, of the same key. */
void *rows_get_expected(struct rows *rows, const void *probe, uint32_t hash);
/** The same, but NULL if there is none. */
void *rows_find(const struct rows *rows, const void *probe);
/** Sort rows->all; nothing may be added after.  @p compare gets places in it, not rows. */
void rows_sort(struct rows *rows, int (*compare)(const void *a, const void *b));
/** The same, but only the first @p n of the order: the rest follows in any order.  No two rows may
 *  be equal to @p compare. */
void rows_sort_first(struct rows *rows, size_t n, int (*compare)(const void *a, const void *b));
/** The same in the order of keys, octet by octet. */
void rows_sort_by_key(struct rows *rows);
/** Free all rows. */
void rows_free(struct rows *rows);

#endif
