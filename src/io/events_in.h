/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events_in.h - lines of JSON, as json.h writes them, back to events
 *
 * Whoever wrote the file is a stranger: every field is looked at before it is believed.  Lines of
 * other kinds, such as Suricata's own in the same EVE file and "stats", are passed over.  What is
 * not written (zone, a label, who offered how much) comes back as nothing.
 */
#ifndef IO_EVENTS_IN_H
#define IO_EVENTS_IN_H

#include "json.h"

#define EVENTS_IN_LINE_MAX (1U << 20) /* octets of a line */
#define EVENTS_IN_ERROR_SIZE 256

struct events_in;

enum events_in_result {
	EVENTS_IN_EVENT,
	EVENTS_IN_END,
	EVENTS_IN_BAD_LINE, /**< reading may go on */
	EVENTS_IN_FAILED    /**< the file cannot be read further */
};

/**
 * Open an events file.
 * @param path  a file; "-" is standard input
 * @return NULL on failure, errno says why
 */
struct events_in *events_in_open(const char *path);
/** Close and free; NULL is fine. */
void events_in_close(struct events_in *in);

/**
 * The next event.
 * @param event   its texts are valid until the next call
 * @param origin  the same; zero where the line has none
 * @param error   one line with the number of the line, for EVENTS_IN_BAD_LINE and _FAILED
 */
enum events_in_result events_in_next(struct events_in *in, struct rpcgate_event *event,
				     struct json_origin *origin, char error[EVENTS_IN_ERROR_SIZE]);

/**
 * A reader without a file, for events_in_line().
 * @return NULL without memory
 */
struct events_in *events_in_new(void);

/**
 * Read one line that the caller has.
 * @param n  octets of @p line, its end not counted
 * @return EVENTS_IN_END for a line of another kind, otherwise as events_in_next(); never
 *         EVENTS_IN_FAILED
 */
enum events_in_result events_in_line(struct events_in *in, const char *line, size_t n,
				     struct rpcgate_event *event, struct json_origin *origin,
				     char error[EVENTS_IN_ERROR_SIZE]);

#endif
