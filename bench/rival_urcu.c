/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rivals.h"

#include <stdlib.h>

#pragma GCC diagnostic ignored "-Wpedantic"
#include <urcu.h>
#include <urcu/rculfhash.h>

struct entry {
	struct lease_key key;
	struct cds_lfht_node node;
};

struct urcu {
	struct cds_lfht *table;
	const struct leases *hash;
	struct entry *entries;
	uint32_t n;
};

static void *make(uint32_t n, const struct leases *hash)
{
	struct urcu *u = calloc(1, sizeof(*u));
	unsigned long buckets = 64;

	if (!u)
		return NULL;
	while (buckets < n)
		buckets *= 2;
	rcu_register_thread();
	u->hash = hash;
	u->table = cds_lfht_new(buckets, 64, 0, 0, NULL);
	u->entries = calloc(n, sizeof(*u->entries));
	return u;
}

static bool add(void *table, const struct lease_key *key, uint32_t n)
{
	struct urcu *u = table;

	for (uint32_t i = 0; i < n; i++) {
		struct entry *e = &u->entries[u->n++];

		e->key = key[i];
		cds_lfht_node_init(&e->node);
		rcu_read_lock();
		cds_lfht_add(u->table, lease_hash_of(u->hash, key[i]), &e->node);
		rcu_read_unlock();
	}
	return true;
}

static int match(struct cds_lfht_node *node, const void *key)
{
	const struct entry *e = caa_container_of(node, struct entry, node);
	const struct lease_key *k = key;

	return e->key.a == k->a && e->key.b == k->b;
}

static uint32_t find(void *table, const struct lease_key *key, uint32_t n)
{
	struct urcu *u = table;
	uint32_t found = 0;

	rcu_read_lock();
	for (uint32_t i = 0; i < n; i++) {
		struct cds_lfht_iter iter;

		cds_lfht_lookup(u->table, lease_hash_of(u->hash, key[i]), match, &key[i], &iter);
		found += cds_lfht_iter_get_node(&iter) != NULL;
	}
	rcu_read_unlock();
	return found;
}

static void let_go(void *table)
{
	struct urcu *u = table;

	rcu_read_lock();
	for (uint32_t i = 0; i < u->n; i++)
		(void)cds_lfht_del(u->table, &u->entries[i].node);
	rcu_read_unlock();
	synchronize_rcu();
	(void)cds_lfht_destroy(u->table, NULL);
	rcu_unregister_thread();
	free(u->entries);
	free(u);
}

const struct rival rival_urcu = { "rculfhash", 1000000, make, add, find, let_go };
