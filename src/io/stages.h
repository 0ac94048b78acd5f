/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stages.h - a timeline that is read, judged and told of by threads at the same time
 *
 * Flows cannot be divided between engines without changing what is told: what one client was
 * announced explains the refusal of another, limits count over all, and numbers are given in order.
 * So there is one engine, which sees the same packets in the same order.  What comes before it does
 * not depend on any packet before (reading, unpacking, merging, finding headers, sums), and what
 * comes after it changes nothing in it (events into text, names by nDPI): these are stages, and
 * blocks of packets pass through them.
 *
 *	timeline -> read -> block -> judge (the engine, a thread of its own) -> block -> tell (caller)
 *
 * With two threads the caller reads, too, when the engine has little left to do.
 */
#ifndef IO_STAGES_H
#define IO_STAGES_H

#include "rpcgate.h"
#include "timeline.h"

/** Packets of one file, one behind the other, judged. */
struct judged {
	const struct rpcgate_packet *packets;
	size_t n;
	struct timeline_place place;     /**< of the first */
	const struct rpcgate_told *told; /**< as rpcgate_feed_told() has it */
	size_t n_told;
};

struct stages;

/**
 * Start the threads.  Until stages_stop() timeline and engine are theirs.
 * @param threads  that may work, with the caller's: 2, or 3 and more
 * @param on_fault  as for timeline_open(); called by stages_next(), in the caller's thread, when the
 *                  packets before the fault were taken
 * @return NULL if memory is short or there is no thread to be had: nothing has happened then
 */
struct stages *stages_start(struct timeline *timeline, struct rpcgate *gate, unsigned threads,
			    timeline_fault *on_fault, void *ctx);
/**
 * The next packets.
 * @param judged  valid until the next call
 * @return false when there are no more
 */
bool stages_next(struct stages *stages, struct judged *judged);
/** Nothing more is read or judged: stages_next() gives what was, and then ends. */
void stages_cut_short(struct stages *stages);
/** How far the packets that were taken had come in the timeline. */
struct timeline_extent stages_extent(const struct stages *stages);
/** True if memory was short and the end is not that of the timeline. */
bool stages_failed(const struct stages *stages);
/** End the threads, wherever they are, and free; NULL is fine. */
void stages_stop(struct stages *stages);

#endif
