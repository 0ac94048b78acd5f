/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json.h - events as lines of JSON, as Suricata's EVE has them
 *
 * One object a line, ASCII only, fields in a fixed order; described by rpcgate-events.schema.json.
 * The same events give the same octets on every run and machine: there is no clock in here.
 * One thread at a time may write to a stream.
 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <stdio.h>

#include "rpcgate.h"

/** What the engine cannot know of an event.  All zero where nothing is known. */
struct json_origin {
	const char *file; /**< capture that holds the packet which caused the event, or NULL */
	uint64_t frame;   /**< its number there */
	const char *ndpi; /**< what nDPI calls the flow, or NULL */
};

#define JSON_PHRASES_LOG2 8U /**< sixteen times as many save 3 % of the instructions */
#define JSON_PHRASE_KEY 5U   /**< words */

/** What somebody's key became in a line. */
struct json_phrase {
	uint64_t key[JSON_PHRASE_KEY]; /**< all 0: none */
	uint8_t n;
	char text[215];
};

struct json_day {
	uint64_t number; /**< since 1970 */
	char text[12];   /**< "2026-11-21T"; empty: none */
};

/** What was written lately and may be written again: days, ends of flows, interfaces.  All zero at
 *  first; lines are the same whatever is in it.  For one thread. */
struct json_memory {
	struct json_day day[2];
	struct json_phrase phrase[1U << JSON_PHRASES_LOG2];
};

/**
 * Write one event.
 * @param memory  kept from event to event, or NULL
 * @return false if it could not be written: memory, or the stream has an error (errno says which)
 */
RPCGATE_MUST_USE bool json_write_event(FILE *out, struct json_memory *memory,
				       const struct rpcgate_event *event,
				       const struct json_origin *origin);

/** Write the counters as a "stats" event.  Returns as json_write_event(). */
RPCGATE_MUST_USE bool json_write_stats(FILE *out, uint64_t time_ns,
				       const struct rpcgate_stats *stats);

/**
 * Write an "rpc_engine" event of the program's own.  Returns as json_write_event().
 * @param file    input it is about, or NULL
 * @param event   "stop", "input"
 * @param detail  one sentence
 */
RPCGATE_MUST_USE bool json_write_engine(FILE *out, uint64_t time_ns, const char *file,
					const char *event, const char *detail);

#endif
