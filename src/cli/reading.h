/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reading.h - captures through an engine: the loop that analyze, suggest and why share
 *
 * The loop is the same as inline: a packet is fed, its events are used, then the next one.  Only
 * that nothing is held up: the engine observes, and says what it would have done.
 */
#ifndef CLI_READING_H
#define CLI_READING_H

#include "options.h"
#include "progress.h"
#include "rpcgate.h"
#include "timeline.h"

#define READING_SHOWN 1024 /* octets of a file name in a message */

/* An input that was reported: analyze tells it again in the events, in order of names */
struct faulty {
	char *name;
	char *text;
};

struct reading {
	const char *command;
	bool quiet;        /**< no progress, no remarks */
	unsigned int jobs; /**< threads that may work, as stages.h divides it */
	struct rpcgate_config cfg;
	struct rpcgate *gate;
	struct rpcgate_policy *policy; /**< NULL if not wanted; events point into it */
	struct timeline *timeline;
	struct progress progress;
	bool failed; /**< a failure at run time was reported */
	bool ended;  /**< set by who is told: no more is wanted */
	uint64_t packets;
	uint64_t first_ns, last_ns; /**< earliest and latest packet */
	struct faulty *faulty;
	size_t n_faulty;
};

/** Who is told; functions may be NULL. */
struct reading_user {
	void *ctx;
	/** A packet of an inspected flow was judged; its events come after. */
	void (*packet)(void *ctx, const struct rpcgate_packet *packet,
		       const struct rpcgate_result *result);
	/** @param place  of the packet that caused the event; NULL where time did */
	void (*event)(void *ctx, const struct rpcgate_event *event,
		      const struct timeline_place *place);
	/** All events of one packet were told, and there were some. */
	void (*batch)(void *ctx);
	/** Packets were read and judged, whatever they are; their events come after. */
	void (*read)(void *ctx, const struct rpcgate_packet *packets, size_t n);
};

/** The configuration of an observer; a command may change it before reading_configure(). */
void reading_init(struct reading *reading, const char *command, bool quiet);
/**
 * Apply a policy's settings, then those of --set, and make the engine.
 * @param policy  a file, or NULL
 * @param status  the exit status, where it fails
 * @return false after saying why
 */
bool reading_configure(struct reading *reading, const char *policy, const struct option_list *set,
		       int *status);
/** Find the inputs.  False after saying why. */
bool reading_open(struct reading *reading, char **names, int n);
/** Read everything, or up to a signal. */
void reading_run(struct reading *reading, const struct reading_user *user);
/** Say what was left out, to standard error. */
void reading_say_skipped(const struct reading *reading);
/** True if a signal ended it. */
bool reading_interrupted(void);
/** The exit status: done, a failure, or an input that could not be used. */
int reading_status(const struct reading *reading);
/** Say once what went wrong; the first failure is the one that counts. */
void reading_fail(struct reading *reading, const char *what, const char *why);
/** Let everything go. */
void reading_close(struct reading *reading);

/** True if events of this kind are caused by the packet at hand, not by time that passed with it. */
bool reading_caused_by_packet(const struct rpcgate_event *event);

/** Change one setting by the text of --set; false after saying why. */
bool reading_set(const char *command, struct rpcgate_config *cfg, const char *pair, int *status);
/** From now on SIGINT and SIGTERM end reading. */
void reading_catch_signals(void);

#endif
