/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rivals.h"

#include <stdlib.h>

struct entry;

struct uthash {
	struct entry *head;
	const struct leases *hash;
	struct entry *entries;
	uint32_t n;
};

/* Padded to two words, so that the key can be compared as octets */
struct words {
	uint64_t a, b;
};

#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <uthash.h>

struct entry {
	struct words key;
	uint32_t until;
	UT_hash_handle hh;
};

static unsigned hash_of(const struct uthash *u, const struct words *key)
{
	return lease_hash_of(u->hash, (struct lease_key){ key->a, (uint32_t)key->b });
}

static void *make(uint32_t n, const struct leases *hash)
{
	struct uthash *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->hash = hash;
	u->entries = calloc(n, sizeof(*u->entries));
	if (u->entries)
		return u;
	free(u);
	return NULL;
}

static bool add(void *table, const struct lease_key *key, uint32_t n)
{
	struct uthash *u = table;

	for (uint32_t i = 0; i < n; i++) {
		struct entry *e = &u->entries[u->n++];
		unsigned hash;

		e->key = (struct words){ key[i].a, key[i].b };
		hash = hash_of(u, &e->key);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, u->head, &e->key, sizeof(e->key), hash, e);
	}
	return true;
}

static uint32_t find(void *table, const struct lease_key *key, uint32_t n)
{
	struct uthash *u = table;
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct words words = { key[i].a, key[i].b };
		unsigned hash = hash_of(u, &words);
		struct entry *e;

		HASH_FIND_BYHASHVALUE(hh, u->head, &words, sizeof(words), hash, e);
		found += e != NULL;
	}
	return found;
}

static void let_go(void *table)
{
	struct uthash *u = table;

	HASH_CLEAR(hh, u->head);
	free(u->entries);
	free(u);
}

const struct rival rival_uthash = { "uthash", 1000000, make, add, find, let_go };
