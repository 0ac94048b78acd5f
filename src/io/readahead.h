/* SPDX-License-Identifier: GPL-3.0-or-later */
/* readahead.h - a timeline that a second thread reads and looks at before the engine's turn
 *
 * Flows cannot be divided between engines without changing what is told: what one client was
 * announced explains the refusal of another, limits count over all, and numbers are given in order.
 * So there is one engine, which sees the same packets in the same order; the second thread does
 * what does not depend on any packet before: reading, unpacking, merging, finding headers.
 * For most packets the engine then looks at no octet of theirs any more.
 *
 *	timeline -> thread: block -> queue -> caller, block by block -> engine
 */
#ifndef IO_READAHEAD_H
#define IO_READAHEAD_H

#include "rpcgate.h"
#include "timeline.h"

/** Packets of one file, one behind the other. */
struct readahead_run {
	const struct rpcgate_packet *packets;
	const struct rpcgate_ahead *ahead; /**< of each */
	size_t n;
	struct timeline_place place; /**< of the first */
};

struct readahead;

/**
 * Start the thread.  Until readahead_stop() the timeline is its own.
 * @param on_fault  as for timeline_open(); called by readahead_next(), in the caller's thread, when
 *                  the packets before the fault were taken
 * @return NULL if memory is short or there is no thread to be had: nothing has happened then
 */
struct readahead *readahead_start(struct timeline *timeline, timeline_fault *on_fault, void *ctx);
/**
 * The next packets.
 * @param run  valid until the next call
 * @return false when there are no more
 */
bool readahead_next(struct readahead *readahead, struct readahead_run *run);
/** How far the packets that were taken had come in the timeline. */
struct timeline_extent readahead_extent(const struct readahead *readahead);
/** True if memory was short and the end is not that of the timeline. */
bool readahead_failed(const struct readahead *readahead);
/** End the thread, wherever it is, and free; NULL is fine. */
void readahead_stop(struct readahead *readahead);

#endif
