/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_stream.c - input: operations on a stream, compared with cells that remember each octet
 *
 *	octet 0, 1   where sequence numbers begin before their wrap, and the room
 *	operations   u8 kind | u8 place, from 64 before what is next on | u8 length
 *
 * Kind: 0 to 3 a segment, of which 3 lies in its last octet; 4 doubtful; 5 acknowledge;
 * 6 keep what was read; 7 give the hole up.
 */
#include <stdlib.h>

#include "stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PLACES 1536U
#define BEFORE 64U
#define NONE (-1)

struct model {
	struct arena arena;
	struct stream s;
	uint32_t base, room, next, acked, kept_to, n_doubtful;
	bool has_acked;
	int16_t island[PLACES], kept[PLACES];
	struct {
		uint32_t place, n;
	} doubtful[PLACES];
};

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static uint8_t truth(uint32_t place)
{
	return (uint8_t)(place * 7 + place / 256);
}

static void must_be_next(struct model *m, struct bytes out)
{
	for (size_t i = 0; i < out.n; i++, m->next++)
		must(m->island[m->next] == out.p[i]);
}

/* Everything that is in order comes, and nothing else; no more waits than there is room for */
static void pull(struct model *m)
{
	struct held *held;
	struct bytes out;
	uint32_t waiting = 0;

	while (stream_pull(&m->s, &out, &held)) {
		must_be_next(m, out);
		stream_release(&m->arena, held);
	}
	must(m->s.next == m->base + m->next && m->island[m->next] == NONE);
	for (uint32_t i = m->next; i < PLACES; i++)
		waiting += m->island[i] != NONE;
	must(!waiting == !m->s.islands);
}

static unsigned expected(const struct model *m, uint32_t place, const uint8_t *p, uint32_t n)
{
	unsigned news = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = place + i;
		bool free = m->has_acked && at < m->acked;
		int16_t known = at >= m->next ? m->island[at] : free ? NONE : m->kept[at];

		if (known != NONE && known != p[i])
			news |= STREAM_CONFLICT;
	}
	return news | (n && place < m->next ? STREAM_REPEATED : 0) |
	       (n && place > m->next ? STREAM_HELD : 0);
}

static void fill(struct model *m, uint32_t place, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (place + i >= m->next && m->island[place + i] == NONE)
			m->island[place + i] = p[i];
}

static void segment(struct model *m, uint32_t place, uint32_t n, bool lie)
{
	uint8_t octets[256];
	struct bytes out;
	unsigned want, news;
	uint32_t edge;

	for (uint32_t i = 0; i < n; i++)
		octets[i] = truth(place + i);
	if (lie && n)
		octets[n - 1] ^= 0x55;
	want = expected(m, place, octets, n);
	news = stream_put(&m->arena, &m->s, m->base + place, (struct bytes){ octets, n }, m->room,
			  &out);
	must((news & ~(unsigned)STREAM_FULL) == want);
	if (news & STREAM_FULL) /* only what was in order, up to the first island */
		n = out.n ? (uint32_t)(out.p + out.n - octets) : 0;
	edge = m->has_acked && m->acked > m->next ? m->acked : m->next;
	must(!n || news & STREAM_FULL || place <= m->next || place + n <= edge + m->room);
	fill(m, place, octets, n);
	must_be_next(m, out);
	pull(m);
}

static void doubt(struct model *m, uint32_t place, uint32_t n)
{
	uint8_t octets[256];

	for (uint32_t i = 0; i < n; i++)
		octets[i] = truth(place + i);
	if (!stream_doubt(&m->arena, &m->s, 1, m->base + place, (struct bytes){ octets, n },
			  m->room))
		return;
	m->doubtful[m->n_doubtful].place = place;
	m->doubtful[m->n_doubtful++].n = n;
}

static void acknowledge(struct model *m, uint32_t place)
{
	uint32_t left = 0;

	must(!stream_acked(&m->arena, &m->s, m->base + place) || m->s.islands);
	if (m->has_acked && place <= m->acked)
		return;
	m->has_acked = true;
	m->acked = place;
	for (uint32_t i = 0; i < m->n_doubtful; i++) {
		uint8_t octets[256];

		for (uint32_t k = 0; k < m->doubtful[i].n; k++)
			octets[k] = truth(m->doubtful[i].place + k);
		if (m->doubtful[i].place + m->doubtful[i].n <= place)
			fill(m, m->doubtful[i].place, octets, m->doubtful[i].n);
		else
			m->doubtful[left++] = m->doubtful[i];
	}
	m->n_doubtful = left;
	pull(m);
}

static void keep(struct model *m)
{
	static uint8_t octets[PLACES];
	uint32_t n = m->next - m->kept_to;

	for (uint32_t i = 0; i < n; i++)
		octets[i] = (uint8_t)m->island[m->kept_to + i];
	stream_keep(&m->arena, &m->s, m->base + m->kept_to, (struct bytes){ octets, n });
	for (uint32_t i = m->kept_to; i < m->next; i++)
		if (!m->has_acked || m->acked < m->next)
			m->kept[i] = m->island[i];
	m->kept_to = m->next;
}

static void give_up(struct model *m)
{
	uint32_t at = m->next, hole = stream_give_up(&m->s);

	while (at < PLACES && m->island[at] == NONE)
		at++;
	must(hole == (at < PLACES ? at - m->next : 0));
	m->next += hole;
	if (hole)
		m->kept_to = m->next;
	pull(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct model m;

	if (n < 2)
		return 0;
	m.base = 0U - data[0];
	m.room = 64U + data[1] * 16U;
	m.next = m.acked = m.kept_to = m.n_doubtful = 0;
	m.has_acked = false;
	for (uint32_t i = 0; i < PLACES; i++)
		m.island[i] = m.kept[i] = NONE;
	m.s = (struct stream){ .next = m.base, .synced = true };
	must(arena_init(&m.arena, 1U << 21));
	for (size_t at = 2; n - at >= 3 && m.next < PLACES - 512; at += 3) {
		uint32_t place = m.next + data[at + 1];
		unsigned kind = data[at] % 8;

		place = place < BEFORE ? 0 : place - BEFORE;
		if (kind < 4)
			segment(&m, place, data[at + 2], kind == 3);
		else if (kind == 4)
			doubt(&m, place, data[at + 2]);
		else if (kind == 5)
			acknowledge(&m, place);
		else if (kind == 6)
			keep(&m);
		else
			give_up(&m);
	}
	stream_drop(&m.arena, &m.s);
	must(!m.arena.used);
	arena_done(&m.arena);
	return 0;
}
