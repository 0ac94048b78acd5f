/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json.h - events as lines of JSON, as Suricata's EVE has them
 *
 * One object a line, ASCII only, fields in a fixed order; described by rpcgate-events.schema.json.
 * The same events give the same octets on every run and machine: there is no clock in here.
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

/**
 * Write one event.
 * @return false if it could not be written: memory, or the stream has an error (errno says which)
 */
RPCGATE_MUST_USE bool json_write_event(FILE *out, const struct rpcgate_event *event,
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
