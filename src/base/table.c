/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "table.h"

bool table_init(struct table *table, uint32_t capacity)
{
	uint64_t slots = 16;

	while (slots < (uint64_t)capacity * 2)
		slots *= 2;
	table->mask = (uint32_t)(slots - 1);
	table->slot = calloc(slots, sizeof(*table->slot));
	return table->slot != NULL;
}

void table_done(struct table *table)
{
	free(table->slot);
	*table = (struct table){ 0 };
}

void table_add(struct table *table, uint64_t hash, uint32_t index)
{
	uint32_t at = (uint32_t)hash & table->mask;

	while (table->slot[at].index)
		at = (at + 1) & table->mask;
	table->slot[at] = (struct table_slot){ (uint32_t)hash, index };
}

/* Pull later entries of the probe chain into the hole, unless that would put them before home */
static void close_hole(struct table *t, uint32_t hole)
{
	uint32_t at = hole;

	for (;;) {
		uint32_t home;

		at = (at + 1) & t->mask;
		if (!t->slot[at].index)
			break;
		home = t->slot[at].tag & t->mask;
		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slot[hole] = t->slot[at];
		hole = at;
	}
	t->slot[hole] = (struct table_slot){ 0 };
}

void table_remove(struct table *table, uint64_t hash, uint32_t index)
{
	uint32_t at = (uint32_t)hash & table->mask;

	while (table->slot[at].index != index)
		at = (at + 1) & table->mask;
	close_hole(table, at);
}
