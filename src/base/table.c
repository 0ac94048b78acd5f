/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "table.h"

#define FIRST_SLOTS 64U

/* The table of n slots lies at memory[n], so all sizes fit beside each other in twice the largest */
static void use_slots(struct table *table, uint32_t n)
{
	table->slot = table->memory + n;
	table->mask = n - 1;
}

bool table_init(struct table *table, uint32_t capacity)
{
	uint64_t slots = FIRST_SLOTS;

	while (slots < (uint64_t)capacity * 2)
		slots *= 2;
	table->n = 0;
	/* untouched pages cost nothing */
	table->memory = calloc(slots * 2, sizeof(*table->memory));
	if (!table->memory)
		return false;
	use_slots(table, FIRST_SLOTS);
	return true;
}

void table_done(struct table *table)
{
	free(table->memory);
	*table = (struct table){ 0 };
}

static void put(struct table *table, struct table_slot entry)
{
	uint32_t at = entry.tag & table->mask;

	while (table->slot[at].index)
		at = (at + 1) & table->mask;
	table->slot[at] = entry;
}

static void grow(struct table *table)
{
	const struct table_slot *old = table->slot;
	uint32_t n = table->mask + 1;

	use_slots(table, n * 2);
	for (uint32_t i = 0; i < n; i++)
		if (old[i].index)
			put(table, old[i]);
}

void table_add(struct table *table, uint64_t hash, uint32_t index)
{
	if (table->n++ > table->mask / 2)
		grow(table);
	put(table, (struct table_slot){ (uint32_t)hash, index });
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
	table->n--;
}
