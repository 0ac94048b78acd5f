/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

static bool grow(struct rows *rows)
{
	size_t room = rows->room ? 2 * rows->room : 64;
	void **more;

	if (rows->n < rows->room)
		return true;
	more = reallocarray(rows->all, room, sizeof(*more));
	if (!more)
		return false;
	rows->all = more;
	rows->room = room;
	return true;
}

static void *add(struct rows *rows, const void *probe)
{
	void *row;

	if (rows->n == ROWS_MAX || !grow(rows))
		return NULL;
	row = malloc(rows->size);
	if (!row)
		return NULL;
	memcpy(row, probe, rows->size);
	if (!tsearch(row, &rows->tree, rows->compare)) {
		free(row);
		return NULL;
	}
	rows->all[rows->n++] = row;
	return row;
}

void *rows_get(struct rows *rows, const void *probe)
{
	void *const *found = tfind(probe, &rows->tree, rows->compare);
	void *row = found ? *found : add(rows, probe);

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

	return rows->compare(*(void *const *)a, *(void *const *)b);
}

void rows_sort_by_key(struct rows *rows)
{
	if (rows->n)
		qsort_r(rows->all, rows->n, sizeof(*rows->all), by_key, rows);
}

void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		tdelete(rows->all[i], &rows->tree, rows->compare);
		free(rows->all[i]);
	}
	free(rows->all);
	rows->all = NULL;
	rows->n = rows->room = 0;
}
