/* SPDX-License-Identifier: BSD-2-Clause */
/* syntax.c - interfaces that pinholes are for, each kept once
 *
 * A UUID and a version take 20 octets, and a million pinholes are for a few hundred of them.  Where
 * all differ there are as many as grants, so keeping one cannot fail.
 */
#include "gate.h"

struct kept {
	struct rpcgate_syntax syntax;
	uint32_t uses;
};

bool syntaxes_init(struct syntaxes *s, uint32_t capacity)
{
	return pool_init(&s->pool, capacity, sizeof(struct kept)) &&
	       table_init(&s->table, capacity);
}

void syntaxes_done(struct syntaxes *s)
{
	pool_done(&s->pool);
	table_done(&s->table);
}

static struct kept *at(const struct syntaxes *s, uint32_t index)
{
	return pool_at(&s->pool, index);
}

static uint64_t hash_of(const struct hash_sums *sums, const struct rpcgate_syntax *syntax)
{
	uint32_t word[sizeof(*syntax) / 4];

	_Static_assert(sizeof(*syntax) == 20 && sizeof(word) / 4 <= HASH_SUM_WORDS,
		       "no padding, and a sum takes it");
	memcpy(word, syntax, sizeof(word));
	return hash_sum_low(sums, word, ARRAY_SIZE(word));
}

static uint32_t find(const struct syntaxes *s, const struct rpcgate_syntax *syntax, uint64_t hash)
{
	uint32_t probe;

	for (uint32_t i = table_first(&s->table, hash, &probe); i;
	     i = table_next(&s->table, hash, &probe))
		if (syntax_equal(&at(s, i)->syntax, syntax))
			return i;
	return 0;
}

uint32_t syntax_keep(struct syntaxes *s, const struct hash_sums *sums,
		     const struct rpcgate_syntax *syntax)
{
	uint64_t hash = hash_of(sums, syntax);
	uint32_t index = find(s, syntax, hash);

	if (!index) {
		index = pool_take(&s->pool);
		at(s, index)->syntax = *syntax;
		table_add(&s->table, hash, index);
	}
	at(s, index)->uses++;
	return index;
}

void syntax_drop(struct syntaxes *s, const struct hash_sums *sums, uint32_t index)
{
	struct kept *kept = at(s, index);

	if (--kept->uses)
		return;
	table_remove(&s->table, hash_of(sums, &kept->syntax), index);
	pool_give(&s->pool, index);
}

const struct rpcgate_syntax *syntax_at(const struct syntaxes *s, uint32_t index)
{
	return &at(s, index)->syntax;
}
