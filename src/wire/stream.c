/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#define KEPT_MAX_OCTETS 262144U /* two windows of a sender that nobody acknowledges */
#define KEPT_ONE_SIDED 16384U   /* some 3 MB of stream in PDUs of 4 KiB, whose headers are kept */
#define ISLAND_COST 256U /* charged for each island beside its octets: bounds their number, too */
#define ACK_PLAUSIBLE (1 << 30) /* the largest window that window scaling allows (RFC 7323) */

struct held {
	struct held *next;
	uint64_t time_ns; /* when it came, for doubtful ones */
	uint32_t seq;
	uint32_t n;
	uint8_t octets[];
};

static struct held *held_new(struct arena *arena, uint64_t time_ns, uint32_t seq, const uint8_t *p,
			     uint32_t n)
{
	struct held *h = arena_take(arena, sizeof(*h) + n);

	if (!h)
		return NULL;
	h->next = NULL;
	h->time_ns = time_ns;
	h->seq = seq;
	h->n = n;
	memcpy(h->octets, p, n);
	return h;
}

static uint32_t held_end(const struct held *h)
{
	return h->seq + h->n;
}

/* True if @h and the octets [seq, seq + data.n) differ where both have octets, from @from on */
static bool differs(const struct held *h, uint32_t seq, struct bytes data, uint32_t from)
{
	uint32_t end = seq + (uint32_t)data.n;
	uint32_t first = seq_diff(h->seq, seq) > 0 ? h->seq : seq;
	uint32_t last = seq_diff(held_end(h), end) < 0 ? held_end(h) : end;

	if (seq_diff(from, first) > 0)
		first = from;
	return seq_diff(last, first) > 0 &&
	       memcmp(h->octets + (first - h->seq), data.p + (first - seq), last - first) != 0;
}

static bool conflicts(const struct held *list, uint32_t seq, struct bytes data, uint32_t from)
{
	for (; list; list = list->next)
		if (differs(list, seq, data, from))
			return true;
	return false;
}

/* Add the parts of the segment that no island has; false when the arena is full */
static bool add_islands(struct arena *arena, struct stream *s, uint64_t time_ns, uint32_t seq,
			struct bytes data)
{
	struct held **at = &s->islands;
	uint32_t end = seq + (uint32_t)data.n;

	while (seq_diff(end, seq) > 0) {
		struct held *new;
		uint32_t stop = end;

		while (*at && seq_diff(held_end(*at), seq) <= 0)
			at = &(*at)->next;
		if (*at && seq_diff((*at)->seq, seq) <= 0) {
			seq = held_end(*at);
			continue;
		}
		if (*at && seq_diff((*at)->seq, end) < 0)
			stop = (*at)->seq;
		new = held_new(arena, time_ns, seq, data.p + (data.n - (end - seq)), stop - seq);
		if (!new)
			return false;
		new->next = *at;
		*at = new;
		s->island_cost += new->n + ISLAND_COST;
		seq = stop;
	}
	return true;
}

/* Cut off what was read before; compares what is still kept of it */
static unsigned trim_old(struct stream *s, uint32_t *seq, struct bytes *data)
{
	int32_t old = seq_diff(s->next, *seq);
	unsigned news = STREAM_REPEATED;
	uint32_t from = s->has_acked ? s->acked : *seq;

	if (old <= 0)
		return 0;
	if ((uint32_t)old > data->n)
		old = (int32_t)data->n;
	if (conflicts(s->kept, *seq, (struct bytes){ data->p, (size_t)old }, from)) {
		s->conflict = true;
		news |= STREAM_CONFLICT;
	}
	if (s->unsure && seq_diff(*seq, s->unsure_until) < 0 &&
	    seq_diff(*seq + (uint32_t)old, from) > 0)
		news |= STREAM_UNSURE;
	*seq += (uint32_t)old;
	data->p += old;
	data->n -= (size_t)old;
	return news;
}

/* In order: hand the octets before the first island on in place */
static struct bytes take_prefix(struct stream *s, uint32_t *seq, struct bytes *data)
{
	struct bytes out = *data;

	if (s->islands && seq_diff(s->islands->seq, *seq + (uint32_t)data->n) < 0) {
		int32_t before = seq_diff(s->islands->seq, *seq);

		out.n = before > 0 ? (size_t)before : 0;
	}
	*seq += (uint32_t)out.n;
	s->next = *seq;
	data->p += out.n;
	data->n -= out.n;
	return out;
}

/* No receiver takes octets beyond its window; @room stands for it.  The window begins where the
 * receiver is: behind octets that it has acknowledged, also where the capture lost them. */
static bool beyond_window(const struct stream *s, uint32_t seq, size_t n, uint32_t room)
{
	uint32_t edge = s->has_acked && seq_diff(s->acked, s->next) > 0 ? s->acked : s->next;
	int32_t ahead = seq_diff(seq, edge);

	return ahead > 0 && (uint32_t)ahead + n > room;
}

unsigned stream_put_any(struct arena *arena, struct stream *s, uint32_t seq, struct bytes data,
			uint32_t room, struct bytes *out)
{
	unsigned news;

	*out = (struct bytes){ NULL, 0 };
	if (!data.n)
		return STREAM_IN_ORDER;
	news = trim_old(s, &seq, &data);
	if (data.n && conflicts(s->islands, seq, data, seq)) {
		s->conflict = true;
		news |= STREAM_CONFLICT;
	}
	if (data.n && seq == s->next)
		*out = take_prefix(s, &seq, &data);
	if (!data.n)
		return news;
	if (seq != s->next)
		news |= STREAM_HELD;
	if (beyond_window(s, seq, data.n, room) || s->island_cost + data.n + ISLAND_COST > room ||
	    !add_islands(arena, s, 0, seq, data))
		news |= STREAM_FULL;
	return news;
}

bool stream_pull_island(struct stream *s, struct bytes *out, struct held **held)
{
	struct held *h = s->islands;

	if (h->seq != s->next)
		return false;
	s->islands = h->next;
	s->island_cost -= h->n + ISLAND_COST;
	s->next = held_end(h);
	*out = (struct bytes){ h->octets, h->n };
	*held = h;
	return true;
}

uint64_t stream_held_time(const struct held *held)
{
	return held->time_ns;
}

void stream_release(struct arena *arena, struct held *held)
{
	arena_give(arena, held);
}

static void drop_list(struct arena *arena, struct held **list)
{
	while (*list) {
		struct held *h = *list;

		*list = h->next;
		arena_give(arena, h);
	}
}

static void drop_first_kept(struct arena *arena, struct stream *s)
{
	struct held *h = s->kept;

	s->kept = h->next;
	if (!s->kept)
		s->kept_last = NULL;
	s->kept_octets -= h->n;
	arena_give(arena, h);
}

/* From here on a copy of these octets cannot be compared with what was judged */
static void lose_kept(struct stream *s, uint32_t end)
{
	if (!s->unsure || seq_diff(end, s->unsure_until) > 0)
		s->unsure_until = end;
	s->unsure = true;
}

void stream_keep(struct arena *arena, struct stream *s, uint32_t seq, struct bytes octets)
{
	const size_t limit = s->one_sided ? KEPT_ONE_SIDED : KEPT_MAX_OCTETS;
	struct held *new;

	if (s->has_acked && seq_diff(s->acked, seq + (uint32_t)octets.n) >= 0)
		return;
	while (s->kept && s->kept_octets + octets.n > limit) {
		lose_kept(s, held_end(s->kept));
		drop_first_kept(arena, s);
	}
	new = held_new(arena, 0, seq, octets.p, (uint32_t)octets.n);
	if (!new) { /* a full arena */
		lose_kept(s, seq + (uint32_t)octets.n);
		return;
	}
	if (s->kept_last)
		s->kept_last->next = new;
	else
		s->kept = new;
	s->kept_last = new;
	s->kept_octets += new->n;
}

bool stream_doubt(struct arena *arena, struct stream *s, uint64_t time_ns, uint32_t seq,
		  struct bytes data, uint32_t room)
{
	struct held **at = &s->doubtful;
	struct held *new;
	size_t cost = data.n + ISLAND_COST;

	for (; *at; at = &(*at)->next)
		cost += (*at)->n + ISLAND_COST;
	if (cost > room)
		return false;
	new = held_new(arena, time_ns, seq, data.p, (uint32_t)data.n);
	if (!new)
		return false;
	*at = new;
	return true;
}

/* Acknowledged octets that only a doubtful segment brought are real */
static bool believe(struct arena *arena, struct stream *s)
{
	struct held **at = &s->doubtful;
	bool real = false;

	while (*at) {
		struct held *h = *at;
		int32_t old = seq_diff(s->next, h->seq);

		if (seq_diff(held_end(h), s->acked) > 0) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		if (old < (int32_t)h->n) {
			struct bytes data = { h->octets, h->n };
			uint32_t seq = h->seq, before = s->island_cost;

			if (old > 0) {
				seq += (uint32_t)old;
				data.p += old;
				data.n -= (size_t)old;
			}
			(void)add_islands(arena, s, h->time_ns, seq, data);
			real |= s->island_cost != before;
		}
		arena_give(arena, h);
	}
	return real;
}

bool stream_acked_more(struct arena *arena, struct stream *s, uint32_t ack)
{
	if (seq_diff(ack, s->next) > ACK_PLAUSIBLE || seq_diff(ack, s->next) < -ACK_PLAUSIBLE)
		return false;
	s->acked = ack;
	s->has_acked = true;
	while (s->kept && seq_diff(ack, held_end(s->kept)) >= 0)
		drop_first_kept(arena, s);
	if (s->unsure && seq_diff(ack, s->unsure_until) >= 0)
		s->unsure = false;
	return s->doubtful && believe(arena, s);
}

bool stream_island_is_acked(const struct stream *s)
{
	return seq_diff(s->acked, held_end(s->islands)) >= 0;
}

uint32_t stream_give_up(struct stream *s)
{
	uint32_t hole;

	if (!s->islands)
		return 0;
	hole = s->islands->seq - s->next;
	if (hole) {
		s->gap = true;
		s->next = s->islands->seq;
	}
	return hole;
}

void stream_drop_held(struct arena *arena, struct stream *s)
{
	drop_list(arena, &s->islands);
	drop_list(arena, &s->kept);
	drop_list(arena, &s->doubtful);
	s->kept_last = NULL;
	s->island_cost = 0;
	s->kept_octets = 0;
}
