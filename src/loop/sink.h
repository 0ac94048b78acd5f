/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sink.h - where lines of events go, and what happens when they cannot
 *
 * Whoever writes here judges packets: it never waits for a reader.  Lines are collected in a buffer
 * and written when it is half full or at sink_flush().  What cannot be written stays in the buffer;
 * when that is full, lines are lost and counted, from then on until everything that was kept is out.
 * Then one line says how many are missing, at the place where they are missing:
 *
 *	{"event_type":"rpc_engine","rpc_engine":{"event":"output","detail":"12 lines lost"}}
 *
 * A line that was written in part is finished before the next one; a new file, and a new reader of
 * a FIFO, get it from its beginning.  A regular file may make us wait for its disk, nothing else may.
 * SIGPIPE has to be ignored.
 */
#ifndef LOOP_SINK_H
#define LOOP_SINK_H

#include "rpcgate.h"

#define SINK_BUFFER (256U * 1024) /* octets: half a second of 2,000 lines of 250 octets each */
#define SINK_BUFFER_MIN 4096U

struct sink;

struct sink_stats {
	uint64_t lines;    /**< taken, whether they are out already or not */
	uint64_t octets;   /**< written */
	uint64_t lost;     /**< lines */
	uint64_t failures; /**< attempts to write that failed */
	size_t waiting;    /**< octets in the buffer */
};

/**
 * Open a place for lines.
 * @param target  a path: a file is appended to, and made (0640, whatever the umask) where there is none; a FIFO is
 *                written to whenever somebody reads.  "-" is standard output, "journal" the journal.
 * @param err     one line, on failure
 * @return the sink, to be closed with sink_close(); NULL on failure
 */
struct sink *sink_open(const char *target, char err[RPCGATE_ERROR_SIZE]);
/** The same with a buffer of @p octets, at least SINK_BUFFER_MIN. */
struct sink *sink_open_sized(const char *target, size_t octets, char err[RPCGATE_ERROR_SIZE]);
/** Write what can be written, close and free; NULL is fine. */
void sink_close(struct sink *sink);

/**
 * Take a line.
 * @param line  @p n octets that end with a line end
 * @return false if it was lost, and counted
 */
bool sink_write(struct sink *sink, const char *line, size_t n);
/** Write what can be written now.  True if nothing waits any more. */
bool sink_flush(struct sink *sink);

/**
 * Open the target again by its name, as after a rotation.  Only a path is opened; for others there
 * is nothing to do.
 * @param err  one line, on failure
 * @return false on failure: the old file stays
 */
RPCGATE_MUST_USE bool sink_reopen(struct sink *sink, char err[RPCGATE_ERROR_SIZE]);

/** What it was opened with. */
const char *sink_target(const struct sink *sink);
struct sink_stats sink_stats(const struct sink *sink);

#endif
