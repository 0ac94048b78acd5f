/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "lease.h"

/* Half of the slots stay empty, so that few keys go on in another line: where memory is far away,
 * one that does costs as much as all the rest of its look-up */
#define FIRST_LINES 16U
#define FULL_SLOTS 3U /* of six, half: a table with more of them in use splits a line */
#define OF_LINES 2U
#define AHEAD 24U       /* look-ups under way together: more lines than a core fetches at a time */
#define AT_ONCE 128U    /* look-ups between two waits for what goes on in another line */
#define LINES_AHEAD 8U  /* splits until a line is read, when it is asked for */
#define SPLITS_AHEAD 4U /* and until it is split, when the line behind it is asked for */

/* What a slot holds */
struct held {
	uint64_t mark;
	uint32_t b;
	uint32_t until;
	uint32_t index;
};

static uint32_t lines_for(uint32_t leases)
{
	uint64_t lines = ((uint64_t)leases * OF_LINES + FULL_SLOTS - 1) / FULL_SLOTS;

	return lines < FIRST_LINES ? FIRST_LINES : (uint32_t)lines;
}

/* As if it had grown, line by line */
static void start_with(struct leases *t, uint32_t lines)
{
	uint32_t whole = FIRST_LINES;

	while (whole <= lines / 2)
		whole *= 2;
	t->mask = whole - 1;
	t->both = whole * 2 - 1;
	t->lines = lines;
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
	t->filled = calloc(homes, sizeof(*t->filled));
	t->until = calloc((size_t)capacity + 1, sizeof(*t->until));
	if (!t->memory || !t->filled || !t->until) {
		leases_done(t);
		return false;
	}
	t->line = (struct lease_line *)(((uintptr_t)t->memory + LEASE_LINE - 1) &
					~(uintptr_t)(LEASE_LINE - 1));
	/* a gateway holds an announcement back until it is noted: no fault may lie in its way */
	if (fixed) {
		memset(t->line, 0, (size_t)homes * LEASE_LINE);
		memset(t->filled, 0, homes);
	}
	return true;
}

void leases_done(struct leases *t)
{
	free(t->memory);
	free(t->filled);
	free(t->until);
	*t = (struct leases){ 0 };
}

uint64_t leases_octets(const struct leases *t)
{
	return (uint64_t)(t->lines + t->spare_top - t->homes) * LEASE_LINE + t->lines +
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

static struct held held_at(const struct lease_line *line, unsigned slot)
{
	return (struct held){ line->mark[slot], line->b[slot], line->until[slot],
			      line->index[slot] };
}

static void put(struct lease_line *line, unsigned slot, struct held held)
{
	line->mark[slot] = held.mark;
	line->b[slot] = held.b;
	line->until[slot] = held.until;
	line->index[slot] = held.index;
}

/* How far a chain is filled: slots used at home, then those of the line behind it.  Lines behind
 * that one are full, so nothing follows a chain further to add or remove. */
#define HOME_FULL LEASE_SLOTS
#define BOTH_FULL (2 * LEASE_SLOTS)

static void append(struct leases *t, uint32_t home, struct held held)
{
	struct lease_line *line = &t->line[home];
	unsigned filled = t->filled[home];

	if (filled < HOME_FULL) {
		put(line, filled, held);
		t->filled[home] = (uint8_t)(filled + 1);
		return;
	}
	if (filled == HOME_FULL || filled == BOTH_FULL) {
		uint32_t fresh = take_spare(t);

		t->line[fresh].next = line->next;
		line->next = fresh;
		filled = HOME_FULL;
	}
	put(&t->line[line->next], filled - HOME_FULL, held);
	t->filled[home] = (uint8_t)(filled + 1);
}

/* The lines to be split next come in order, what they go on in does not: ask for both in time */
static void look_ahead(const struct leases *t, uint32_t at)
{
	PREFETCH(&t->line[at + LINES_AHEAD]);
	PREFETCH(&t->line[t->line[at + SPLITS_AHEAD].next]);
}

/* Divide the leases of one line between it and the one that the next bit of the hash names */
static void split(struct leases *t)
{
	uint32_t at = t->lines - t->mask - 1;
	struct lease_line from = t->line[at];

	look_ahead(t, at);
	t->line[at] = (struct lease_line){ 0 };
	t->filled[at] = 0;
	for (;;) {
		uint32_t next = from.next;

		for (unsigned i = 0; i < LEASE_SLOTS && from.index[i]; i++) {
			append(t, lease_hash(t, from.mark[i]) & t->both, held_at(&from, i));
		}
		if (!next)
			break;
		from = t->line[next];
		give_spare(t, next);
	}
	if (t->lines++ == t->both)
		start_with(t, t->lines);
}

/* ------------------------------------------------------------------- the table */

void lease_add(struct leases *t, struct lease_key key, uint32_t index, uint32_t until)
{
	uint64_t mark = lease_mark(t, key);

	if (t->n++ >= (uint64_t)t->lines * FULL_SLOTS / OF_LINES && t->lines < t->homes)
		split(t);
	append(t, lease_home(t, lease_hash(t, mark)), (struct held){ mark, key.b, until, index });
	t->until[index] = until;
}

/* The line of a chain, and the slot in it, of a lease that is there */
static struct lease_line *place_of(const struct leases *t, struct lease_line *line, uint32_t index,
				   unsigned *slot)
{
	for (;; line = &t->line[line->next]) {
		*slot = line->index[1] == index;
		*slot += 2U * (line->index[2] == index);
		if (line->index[*slot] == index)
			return line;
	}
}

void lease_renew(struct leases *t, struct lease_key key, uint32_t index, uint32_t until)
{
	unsigned slot;
	struct lease_line *line = place_of(t, lease_line_of(t, lease_mark(t, key)), index, &slot);

	line->until[slot] = until;
	t->until[index] = until;
}

/* The last lease of the line that is not full comes into the hole, so chains have no holes */
void lease_remove(struct leases *t, struct lease_key key, uint32_t index)
{
	uint32_t at = lease_home(t, lease_hash(t, lease_mark(t, key)));
	struct lease_line *home = &t->line[at], *last = home;
	unsigned filled = t->filled[at], end = filled - 1, hole;
	struct lease_line *line = place_of(t, home, index, &hole);

	if (filled > HOME_FULL) {
		last = &t->line[home->next];
		end -= HOME_FULL;
	}
	put(line, hole, held_at(last, end));
	put(last, end, (struct held){ 0 });
	t->filled[at] = (uint8_t)(filled - 1);
	if (filled == HOME_FULL + 1) {
		uint32_t empty = home->next;

		home->next = last->next;
		give_spare(t, empty);
		t->filled[at] = home->next ? BOTH_FULL : HOME_FULL;
	}
	t->until[index] = LEASE_NEVER;
	t->n--;
}

/* Every slot of a chain from here on: a key may hide behind another one with its mark */
static struct lease find_hidden(const struct leases *t, const struct lease_line *line,
				uint64_t mark, uint32_t b)
{
	for (;; line = &t->line[line->next]) {
		for (unsigned slot = 0; slot < LEASE_SLOTS; slot++) {
			struct lease found = lease_at(line, slot, mark, b);

			if (found.index)
				return found;
		}
		if (!line->next)
			return (struct lease){ 0 };
	}
}

struct lease lease_find_along(const struct leases *t, const struct lease_line *line, unsigned slot,
			      uint64_t mark, uint32_t b)
{
	struct lease found;

	do {
		if (line->mark[slot] == mark)
			return find_hidden(t, line, mark, b);
		line = &t->line[line->next];
		slot = lease_slot(line, mark);
		found = lease_at(line, slot, mark, b);
	} while (!found.index && lease_goes_on(line, slot, mark));
	return found;
}

/* Look-ups under way */
struct asked {
	const struct lease_line *line[AT_ONCE];
	uint64_t mark[AT_ONCE];
	uint32_t late[AT_ONCE]; /* those that go on in another line */
};

static void ask(const struct leases *t, struct asked *asked, struct lease_key key, size_t i)
{
	uint64_t mark = lease_mark(t, key);
	const struct lease_line *line = lease_line_of(t, mark);

	PREFETCH(line);
	asked->mark[i] = mark;
	asked->line[i] = line;
}

/* Those that go on, of which all lines are on the way before the first is read */
static void find_late(const struct leases *t, const struct asked *asked, size_t late,
		      const struct lease_key *key, struct lease *out)
{
	for (size_t k = 0; k < late; k++)
		PREFETCH(&t->line[asked->line[asked->late[k]]->next]);
	for (size_t k = 0; k < late; k++) {
		uint32_t i = asked->late[k];
		const struct lease_line *line = asked->line[i];
		uint64_t mark = asked->mark[i];

		out[i] = lease_find_along(t, line, lease_slot(line, mark), mark, key[i].b);
	}
}

/* At most AT_ONCE */
static void find_some(const struct leases *t, const struct lease_key *key, size_t n,
		      struct lease *out)
{
	struct asked asked;
	size_t late = 0, ahead = 0;

	for (; ahead < n && ahead < AHEAD; ahead++)
		ask(t, &asked, key[ahead], ahead);
	for (size_t i = 0; i < n; i++) {
		const struct lease_line *line = asked.line[i];
		uint64_t mark = asked.mark[i];
		unsigned slot = lease_slot(line, mark);
		struct lease found = lease_at(line, slot, mark, key[i].b);

		out[i] = found;
		asked.late[late] = (uint32_t)i;
		late += (found.index == 0) & lease_goes_on(line, slot, mark);
		if (i + ahead < n)
			ask(t, &asked, key[i + ahead], i + ahead);
	}
	find_late(t, &asked, late, key, out);
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
