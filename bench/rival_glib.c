/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rivals.h"

#include <glib.h>
#include <stdlib.h>

struct glib {
	GHashTable *table;
	struct lease_key *keys;
	uint32_t n;
};

/* GHashTable hands no context to its hash function */
static const struct leases *hash;

static guint hash_of(gconstpointer key)
{
	return lease_hash_of(hash, *(const struct lease_key *)key);
}

static gboolean same(gconstpointer left, gconstpointer right)
{
	const struct lease_key *a = left, *b = right;

	return a->a == b->a && a->b == b->b;
}

static void *make(uint32_t n, const struct leases *ours)
{
	struct glib *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	hash = ours;
	g->table = g_hash_table_new(hash_of, same);
	g->keys = calloc(n, sizeof(*g->keys));
	return g;
}

static bool add(void *table, const struct lease_key *key, uint32_t n)
{
	struct glib *g = table;

	for (uint32_t i = 0; i < n; i++) {
		struct lease_key *k = &g->keys[g->n++];

		*k = key[i];
		g_hash_table_insert(g->table, k, k);
	}
	return true;
}

static uint32_t find(void *table, const struct lease_key *key, uint32_t n)
{
	struct glib *g = table;
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += g_hash_table_lookup(g->table, &key[i]) != NULL;
	return found;
}

static void let_go(void *table)
{
	struct glib *g = table;

	g_hash_table_destroy(g->table);
	free(g->keys);
	free(g);
}

const struct rival rival_glib = { "GHashTable", 1000000, make, add, find, let_go };
