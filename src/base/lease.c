/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "lease.h"

#define FIRST_LINES 16U
#define FULL_SLOTS 9U /* of twelve: a table with more of them in use splits a line */
#define OF_SLOTS 4U   /* lines */
#define AT_ONCE 32U   /* look-ups under way together: more lines than a core fetches at a time */

/* Where the next lease of a chain is written */
struct place {
	uint32_t line;
	unsigned slot;
};

static uint32_t lines_for(uint32_t leases)
{
	uint64_t lines = ((uint64_t)leases * OF_SLOTS + FULL_SLOTS - 1) / FULL_SLOTS;

	return lines < FIRST_LINES ? FIRST_LINES : (uint32_t)lines;
}

static uint32_t lines_in_use(const struct leases *t)
{
	return t->mask + 1 + t->split;
}

/* As if it had grown, line by line */
static void start_with(struct leases *t, uint32_t lines)
{
	uint32_t whole = FIRST_LINES;

	while (whole <= lines / 2)
		whole *= 2;
	t->mask = whole - 1;
	t->split = lines - whole;
}

static void derive_key(struct leases *t, const struct hash_key *key)
{
	for (uint64_t i = 0; i < ARRAY_SIZE(t->key); i++) {
		const uint64_t word[] = { UINT64_C(0x6c65617365), i }; /* "lease" */

		t->key[i] = hash_words(key, word, ARRAY_SIZE(word));
	}
}

bool leases_init(struct leases *t, uint32_t capacity, bool fixed, const struct hash_key *key)
{
	uint32_t homes = lines_for(capacity);
	/* chains are full but for their last line: never more than a third of the leases go on */
	size_t lines = (size_t)homes + capacity / LEASE_SLOTS + 4;

	*t = (struct leases){ .capacity = capacity, .homes = homes, .spare_top = homes };
	derive_key(t, key);
	start_with(t, fixed ? homes : FIRST_LINES);
	/* calloc, not aligned_alloc: untouched pages cost nothing */
	t->memory = calloc(lines + 1, LEASE_LINE);
	t->until = calloc((size_t)capacity + 1, sizeof(*t->until));
	if (!t->memory || !t->until) {
		leases_done(t);
		return false;
	}
	t->line = (struct lease_line *)(((uintptr_t)t->memory + LEASE_LINE - 1) &
					~(uintptr_t)(LEASE_LINE - 1));
	/* a gateway holds an announcement back until it is noted: no fault may lie in its way */
	if (fixed)
		memset(t->line, 0, (size_t)homes * LEASE_LINE);
	return true;
}

void leases_done(struct leases *t)
{
	free(t->memory);
	free(t->until);
	*t = (struct leases){ 0 };
}

uint64_t leases_octets(const struct leases *t)
{
	return (uint64_t)(lines_in_use(t) + t->spare_top - t->homes) * LEASE_LINE +
	       (uint64_t)t->n * sizeof(*t->until);
}

/* --------------------------------------------------------------- spare lines */

static uint32_t take_spare(struct leases *t)
{
	uint32_t line = t->spare;

	if (!line)
		return t->spare_top++;
	t->spare = t->line[line].next;
	t->line[line].next = 0;
	return line;
}

static void give_spare(struct leases *t, uint32_t line)
{
	t->line[line] = (struct lease_line){ .next = t->spare };
	t->spare = line;
}

/* ------------------------------------------------------------------- writing */

static void put(struct lease_line *line, unsigned slot, const struct lease_line *from,
		unsigned from_slot)
{
	line->a[slot] = from->a[from_slot];
	line->b[slot] = from->b[from_slot];
	line->until[slot] = from->until[from_slot];
	line->index[slot] = from->index[from_slot];
}

static void clear(struct lease_line *line, unsigned slot)
{
	line->a[slot] = 0;
	line->b[slot] = 0;
	line->until[slot] = 0;
	line->index[slot] = 0;
}

/* The next place of a chain; @grows: where there is none, a line is added */
static struct lease_line *step(struct leases *t, struct place *at, bool grows)
{
	if (at->slot == LEASE_SLOTS) {
		if (grows)
			t->line[at->line].next = take_spare(t);
		*at = (struct place){ t->line[at->line].next, 0 };
	}
	return &t->line[at->line];
}

/* End a chain here: what follows was moved */
static void cut(struct leases *t, struct place at)
{
	uint32_t rest = t->line[at.line].next;

	for (; at.slot < LEASE_SLOTS; at.slot++)
		clear(&t->line[at.line], at.slot);
	t->line[at.line].next = 0;
	while (rest) {
		uint32_t next = t->line[rest].next;

		give_spare(t, rest);
		rest = next;
	}
}

/* Divide the leases of one line between it and the one that the next bit of the hash names */
static void split(struct leases *t)
{
	uint32_t both = t->mask * 2 + 1;
	uint32_t read = t->split, other = t->split + t->mask + 1;
	struct place stays = { read, 0 }, goes = { other, 0 };

	do {
		const struct lease_line from = t->line[read];

		for (unsigned i = 0; i < LEASE_SLOTS && from.index[i]; i++) {
			struct lease_key key = { from.a[i], from.b[i] };
			bool moves = (lease_hash(t, key) & both) == other;
			struct place *to = moves ? &goes : &stays;
			struct lease_line *line = step(t, to, moves);

			put(line, to->slot++, &from, i);
		}
		read = from.next;
	} while (read);
	cut(t, stays);
	if (++t->split > t->mask) {
		t->mask = both;
		t->split = 0;
	}
}

/* ------------------------------------------------------------------- the table */

void lease_add(struct leases *t, struct lease_key key, uint32_t index, uint32_t until)
{
	struct lease_line *line;
	unsigned slot;

	if (t->n++ >= (uint64_t)lines_in_use(t) * FULL_SLOTS / OF_SLOTS &&
	    lines_in_use(t) < t->homes)
		split(t);
	line = &t->line[lease_home(t, lease_hash(t, key))];
	while (line->next)
		line = &t->line[line->next];
	for (slot = 0; slot < LEASE_SLOTS && line->index[slot]; slot++)
		;
	if (slot == LEASE_SLOTS) {
		line->next = take_spare(t);
		line = &t->line[line->next];
		slot = 0;
	}
	line->a[slot] = key.a;
	line->b[slot] = key.b;
	line->until[slot] = until;
	line->index[slot] = index;
	t->until[index] = until;
}

/* The line and slot of a lease that is there */
static struct place place_of(const struct leases *t, struct lease_key key, uint32_t index)
{
	struct place at = { lease_home(t, lease_hash(t, key)), 0 };

	while (t->line[at.line].index[at.slot] != index)
		if (++at.slot == LEASE_SLOTS)
			at = (struct place){ t->line[at.line].next, 0 };
	return at;
}

void lease_renew(struct leases *t, struct lease_key key, uint32_t index, uint32_t until)
{
	struct place at = place_of(t, key, index);

	t->line[at.line].until[at.slot] = until;
	t->until[index] = until;
}

/* The last lease of the chain comes into the hole, so chains have no holes */
void lease_remove(struct leases *t, struct lease_key key, uint32_t index)
{
	struct place hole = place_of(t, key, index);
	uint32_t before = 0, last = hole.line;
	unsigned slot = LEASE_SLOTS;

	while (t->line[last].next) {
		before = last;
		last = t->line[last].next;
	}
	while (!t->line[last].index[slot - 1])
		slot--;
	put(&t->line[hole.line], hole.slot, &t->line[last], slot - 1);
	clear(&t->line[last], slot - 1);
	/* a chain that was followed from the hole on may have begun earlier: never an empty line */
	if (slot == 1 && last >= t->homes) {
		if (!before)
			before = lease_home(t, lease_hash(t, key));
		while (t->line[before].next != last)
			before = t->line[before].next;
		t->line[before].next = 0;
		give_spare(t, last);
	}
	t->until[index] = LEASE_NEVER;
	t->n--;
}

/* At most AT_ONCE */
static void find_some(const struct leases *t, const struct lease_key *key, size_t n,
		      struct lease *out)
{
	const struct lease_line *line[AT_ONCE];
	uint32_t missed = 0;

	for (size_t i = 0; i < n; i++) {
		line[i] = &t->line[lease_home(t, lease_hash(t, key[i]))];
		PREFETCH(line[i]);
	}
	for (size_t i = 0; i < n; i++) {
		bool more;

		out[i] = lease_in_line(line[i], key[i]);
		more = (!out[i].index) & (line[i]->next != 0);
		missed |= (uint32_t)more << i;
		PREFETCH(&t->line[line[i]->next & (0 - (uint32_t)more)]);
	}
	for (size_t i = 0; missed; i++, missed >>= 1)
		if (missed & 1)
			out[i] = lease_find(t, key[i]);
}

void lease_find_many(const struct leases *t, const struct lease_key *key, size_t n,
		     struct lease *out)
{
	for (; n > AT_ONCE; n -= AT_ONCE, key += AT_ONCE, out += AT_ONCE)
		find_some(t, key, AT_ONCE, out);
	find_some(t, key, n, out);
}

size_t lease_sweep(const struct leases *t, uint32_t from, uint32_t to, uint32_t now,
		   uint32_t *ended, size_t room, uint32_t *next)
{
	size_t n = 0;

	for (; from <= to && n < room; from++) {
		ended[n] = from;
		n += t->until[from] <= now;
	}
	*next = from;
	return n;
}
