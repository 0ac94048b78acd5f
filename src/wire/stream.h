/* SPDX-License-Identifier: BSD-2-Clause */
/* stream.h - one direction of a TCP connection, in order (RFC 9293)
 *
 * In order and nothing held, the octets of a segment are handed on in place, without a copy.
 * Otherwise segments wait as "islands" until the hole before them is filled.
 *
 * First octets win.  Receivers differ in which copy of overlapping octets they keep, so none is
 * imitated: octets that are still waiting, and octets that the reader asked to keep until they
 * are acknowledged (stream_keep), are compared with every later copy.  A difference is a conflict;
 * the earlier octets stand.
 *
 *	      kept                         hole      island          island
 *	------[####]---------------|..............|##########|....|########|
 *	      ^acknowledged        ^next
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include "arena.h"
#include "bytes.h"

struct held; /* an island or a kept range, in the arena */

struct stream {
	struct held *islands;  /**< ascending, disjoint */
	struct held *kept;     /**< ascending, disjoint, all below next */
	struct held *doubtful; /**< segments with a wrong checksum: real only if acknowledged */
	uint32_t next;         /**< sequence number of the next octet wanted */
	uint32_t acked;        /**< the other side has everything below it */
	uint32_t island_cost;  /**< octets, and a charge for each island */
	struct held *kept_last;
	uint32_t kept_octets;
	uint32_t unsure_until; /**< octets of judged PDUs below it are kept no more, and not acknowledged */
	bool synced;           /**< next is valid */
	bool has_acked;
	bool conflict; /**< a conflict was seen */
	bool gap;      /**< a hole was given up: what follows proves nothing */
	bool unsure;   /**< unsure_until is valid */
	bool one_sided; /**< acknowledgements are not seen: less is kept, all that is old is unsure */
};

/** Sequence numbers are compared modulo 2^32 (RFC 9293 3.4). */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/** What one segment did. */
enum stream_news {
	STREAM_IN_ORDER = 0,
	STREAM_REPEATED = 1, /**< some or all of its octets were known */
	STREAM_HELD = 2,     /**< octets before it are missing */
	STREAM_CONFLICT = 4, /**< a known octet came with another value */
	STREAM_FULL = 8,     /**< could not be held: limit */
	STREAM_UNSURE = 16 /**< repeats octets that may be wanted and cannot be compared any more */
};

/* What the functions below do where there is something to do: of most segments there is nothing */
unsigned stream_put_any(struct arena *arena, struct stream *s, uint32_t seq, struct bytes data,
			uint32_t room, struct bytes *out);
MUST_USE bool stream_pull_island(struct stream *s, struct bytes *out, struct held **held);
MUST_USE bool stream_acked_more(struct arena *arena, struct stream *s, uint32_t ack);
MUST_USE bool stream_island_is_acked(const struct stream *s);

/**
 * Offer a segment's payload.
 * @param seq   sequence number of its first octet
 * @param data  captured payload; data.n < len when the capture cut it short: the rest is a hole
 * @param room  what islands may cost: their octets and 256 for each; and how far they may lie
 *		behind what was read or acknowledged
 * @param out   octets to read now, in place; more may follow from stream_pull()
 * @return a set of enum stream_news
 */
static inline unsigned stream_put(struct arena *arena, struct stream *s, uint32_t seq,
				  struct bytes data, uint32_t room, struct bytes *out)
{
	if (seq != s->next || s->islands)
		return stream_put_any(arena, s, seq, data, room, out);
	*out = data;
	s->next += (uint32_t)data.n;
	return STREAM_IN_ORDER;
}

/**
 * The next octets in order, after stream_put() or stream_give_up().
 * @param held  the block that @p out points into; give it to stream_release() when read
 * @return false when nothing more is in order
 */
MUST_USE static inline bool stream_pull(struct stream *s, struct bytes *out, struct held **held)
{
	return s->islands && stream_pull_island(s, out, held);
}
/** When a doubtful segment that became real had come; 0 for others: they count from now. */
uint64_t stream_held_time(const struct held *held);
void stream_release(struct arena *arena, struct held *held);

/** Keep octets just read, which start at sequence number @p seq, until acknowledged. */
void stream_keep(struct arena *arena, struct stream *s, uint32_t seq, struct bytes octets);

/**
 * Set a segment aside that its receiver should have discarded (wrong checksum, data in a SYN).  It
 * becomes real when the receiver acknowledges octets that nothing else has brought: then the
 * capture, not the segment, was at fault.
 * @return false when there is no room for it
 */
MUST_USE bool stream_doubt(struct arena *arena, struct stream *s, uint64_t time_ns, uint32_t seq,
			   struct bytes data, uint32_t room);

/**
 * The other side has acknowledged everything below @p ack.  Releases what was kept for comparison.
 * @return true if a doubtful segment became real: call stream_pull()
 */
MUST_USE static inline bool stream_acked(struct arena *arena, struct stream *s, uint32_t ack)
{
	return (!s->has_acked || seq_diff(ack, s->acked) > 0) && stream_acked_more(arena, s, ack);
}

/** True if octets are missing that the receiver has: the capture lost them, they will not come. */
static inline bool stream_hole_is_acked(const struct stream *s)
{
	return s->islands && s->has_acked && stream_island_is_acked(s);
}

/** Give up the hole before the first island.  Returns its size, 0 if there is none. */
uint32_t stream_give_up(struct stream *s);

/** True if octets wait in it for others. */
static inline bool stream_waits(const struct stream *s)
{
	return s->islands || s->doubtful;
}

void stream_drop_held(struct arena *arena, struct stream *s);

/** Let everything held go: mostly that is nothing. */
static inline void stream_drop(struct arena *arena, struct stream *s)
{
	if (s->islands || s->kept || s->doubtful)
		stream_drop_held(arena, s);
	s->unsure = false;
}

#endif
