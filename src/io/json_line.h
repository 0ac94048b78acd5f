/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_line.h - the syntax of one line of JSON
 *
 *	struct line line;
 *
 *	line_start(&line, out, memory);
 *	line_number(&line, LINE_ROOT, &key_frame, 7);
 *	body = line_object(&line, LINE_ROOT, &key_flow);
 *	line_text(&line, body, &key_state, "open");
 *	good = line_end(&line);
 *
 * An object or array is known by its depth, and ends where something is put into one that it is in.
 * A key is NULL in an array.  A library that builds a tree of each line first took thirty times as
 * long as all that led to the event.
 */
#ifndef IO_JSON_LINE_H
#define IO_JSON_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "json.h"

#define LINE_USUAL 4096   /* octets of a line that few exceed */
#define LINE_DEPTH_MAX 8  /* four are used */
#define LINE_ROOT 1U      /* depth of the line's own object */
#define LINE_KEY_ROOM 31U /* octets of a key with its quotes and colon */
#define FOREIGN_MAX 4096  /* octets of a file name that are written */

/** What stands in front of a value.  Of a fixed size, so that copying one needs no loop and no call. */
struct json_key {
	char text[LINE_KEY_ROOM];
	uint8_t n;
};

/* clang-format off */
#define JSON_KEY(name) { "\"" name "\":", sizeof("\"" name "\":") - 1 }
/* clang-format on */

/** A line being written. */
struct line {
	FILE *out;
	struct json_memory *memory;
	char *at;    /**< where the next octet goes */
	bool failed; /**< the first failure sticks, so that only the end need ask */
	bool first;  /**< nothing is in the innermost one yet */
	unsigned depth;
	char end[LINE_DEPTH_MAX];
	char text[LINE_USUAL];
};

/** @param memory  what was written lately, or NULL */
void line_start(struct line *line, FILE *out, struct json_memory *memory);
/** Close all that is open, and write.  False if anything could not be written. */
bool line_end(struct line *line);

unsigned line_object(struct line *line, unsigned in, const struct json_key *key);
unsigned line_array(struct line *line, unsigned in, const struct json_key *key);
void line_bool(struct line *line, unsigned in, const struct json_key *key, bool value);
void line_number(struct line *line, unsigned in, const struct json_key *key, uint64_t number);
/** Nanoseconds as seconds. */
void line_seconds(struct line *line, unsigned in, const struct json_key *key, uint64_t ns);
/** Nanoseconds since 1970 as date and time, to the microsecond. */
void line_time(struct line *line, unsigned in, const struct json_key *key, uint64_t time_ns);
/** "3.0" */
void line_version(struct line *line, unsigned in, const struct json_key *key, unsigned major,
		  unsigned minor);
/** Valid UTF-8. */
void line_text(struct line *line, unsigned in, const struct json_key *key, const char *text);
/** Octets that strangers wrote, at most FOREIGN_MAX; zero octets at the end are padding. */
void line_foreign(struct line *line, unsigned in, const struct json_key *key, const void *octets,
		  size_t n);
void line_addr(struct line *line, unsigned in, const struct json_key *key,
	       const struct rpcgate_addr *addr);
void line_uuid(struct line *line, unsigned in, const struct json_key *key,
	       const struct rpcgate_uuid *uuid);

/** Writes members of the object @p in about @p what. */
typedef void line_members(struct line *line, unsigned in, const void *what);
/**
 * Write members, at least one, by @p put, or as it wrote them when they had the same key last.
 * @param key  all that what is written depends on, @p put itself included
 */
void line_remembered(struct line *line, unsigned in, const uint64_t key[JSON_PHRASE_KEY],
		     line_members *put, const void *what);

#endif
