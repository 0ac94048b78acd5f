/* SPDX-License-Identifier: GPL-3.0-or-later */
/* limiter.h - how many events are written, so that a flood of them fills no disk
 *
 * A token bucket for each type of event and reason, filled by packet time: the same events give the
 * same choice on every run and machine.  What is left out is counted and told; the engine's
 * counters know nothing of it and stay exact.  Events about the engine itself always pass.
 *
 *	limiter_init(&l, 100, 500);
 *	for each event e:
 *		while (limiter_told(&l, e->time_ns, &gap)) write limiter_text(&gap, text);
 *		if (limiter_passes(&l, e)) write e;
 *	at the end:
 *		while (limiter_left(&l, &gap)) write limiter_text(&gap, text);
 *
 * Nothing is allocated, nothing can fail.
 */
#ifndef IO_LIMITER_H
#define IO_LIMITER_H

#include "rpcgate.h"

#define LIMITER_TYPES (RPCGATE_EVENT_EXPECT + 1)
#define LIMITER_RATE_MAX 1000000U /**< events a second; more makes no sense */
#define LIMITER_TEXT 128          /**< octets of a sentence, NUL counted */

struct limiter_bucket {
	uint64_t due_ns;   /**< when the next event would be on time, had all come evenly */
	uint64_t left_out; /**< since it was told last */
};

struct limiter {
	uint64_t interval_ns; /**< of one event; 0: everything passes */
	uint64_t ahead_ns;    /**< how much earlier than due an event may come: the burst */
	uint64_t now_ns;      /**< never goes back */
	uint64_t told_ns;     /**< when buckets were last looked through */
	uint32_t waiting;     /**< buckets with something left out */
	uint32_t next;        /**< where looking through goes on */
	struct limiter_bucket bucket[LIMITER_TYPES][RPCGATE_REASON_COUNT];
};

/** What was left out of one bucket. */
struct limiter_gap {
	enum rpcgate_event_type type;
	enum rpcgate_reason reason;
	uint64_t count;
};

/**
 * @param per_second  events of one type and reason, at most LIMITER_RATE_MAX; 0: no limit
 * @param burst       so many may come at once, at least 1
 */
void limiter_init(struct limiter *l, uint32_t per_second, uint32_t burst);

/** True if the event is to be written; else it was counted. */
bool limiter_passes(struct limiter *l, const struct rpcgate_event *event);

/**
 * What was left out of a bucket that has room again; looks at most once in a second of packet time.
 * Call until false.
 */
bool limiter_told(struct limiter *l, uint64_t now_ns, struct limiter_gap *gap);
/** The same of every bucket, for the end. */
bool limiter_left(struct limiter *l, struct limiter_gap *gap);

/** "120 alert events with reason not-rpc".  Returns @p text. */
const char *limiter_text(const struct limiter_gap *gap, char text[LIMITER_TEXT]);

#endif
