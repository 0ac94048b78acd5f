/* SPDX-License-Identifier: GPL-3.0-or-later */
/* conf.h - rpcgate.conf: how the program runs, and in the same file what it allows
 *
 * A line whose first word is one of ours is read here, every other line is one of the policy
 * (rpcgate-policy(5)).  Words are separated by spaces and read without regard to case; texts with
 * spaces stand in double quotes; what follows # is a comment.
 */
#ifndef IO_CONF_H
#define IO_CONF_H

#include <stddef.h>

#include "rpcgate.h"

#define CONF_NAME_SIZE 32 /* of a user or an interface, NUL counted */
#define CONF_EVENTS_MAX 4

enum conf_mode { CONF_ROUTE, CONF_BRIDGE };
enum conf_action { CONF_ENFORCE, CONF_OBSERVE };
enum conf_inspect { CONF_EVERY_BIND, CONF_FIRST_BIND };
enum conf_refuse { CONF_RESET, CONF_DROP };
enum conf_split { CONF_TWO_PROCESSES, CONF_ONE_PROCESS };

#define CONF_KEYS 19

/** What for: how much of what it names is looked at. */
enum conf_reader {
	CONF_FOR_RULES,  /**< nothing: captures are judged by rules of gateways elsewhere */
	CONF_FOR_RELOAD, /**< files that would be written to */
	CONF_FOR_START   /**< the user, too, whom a sandbox cannot look up any more */
};

/** Where the value of a key stands; line 0: nowhere. */
struct conf_place {
	uint32_t line, column;
};

/** Start from conf_default().  Texts are owned by the structure. */
struct conf {
	enum conf_mode mode;
	char port[2][CONF_NAME_SIZE]; /**< of a bridge */
	enum conf_action action;
	enum conf_inspect inspect;
	enum conf_refuse refuse;
	enum conf_split split;
	uint32_t queue_first, queue_last;
	uint32_t queue_length;
	uint32_t spin_us;
	uint32_t log_group;
	uint32_t log_rate;
	uint32_t event_rate;
	uint32_t stats_interval_s; /**< 0: only at the end */
	uint32_t mark_bit;
	char *events[CONF_EVENTS_MAX]; /**< where lines go; NULL after the last */
	char *state;                   /**< NULL: none is kept */
	char *control;                 /**< NULL: none */
	char *metrics;                 /**< address and port; NULL: none */
	char *metrics_file;
	char user[CONF_NAME_SIZE];                    /**< empty: stay who we are */
	struct conf_place written[CONF_KEYS];         /**< by conf_key(), the last one counts */
	struct conf_place events_at[CONF_EVENTS_MAX]; /**< of each */
};

void conf_default(struct conf *conf);
void conf_free(struct conf *conf);

/**
 * Read a file.
 * @param who     in front of messages: the command
 * @param conf    made anew, also when this fails
 * @param policy  what its other lines say, owned by the caller
 * @return false after every mistake was told to standard error as FILE:LINE:COLUMN: what; then
 *         nothing is left to free
 */
bool conf_read(const char *who, const char *path, enum conf_reader reader, struct conf *conf,
	       struct rpcgate_policy **policy);

/**
 * Say what the next line that is ours means; of one that is there twice the last.
 * @param line  0 at first; then its number
 * @return false past the last
 */
bool conf_explain(const struct conf *conf, uint32_t *line, char *text, size_t size);

/** One line that is ours: for manuals and for tests of them. */
struct conf_key {
	const char *name;
	const char *values;
	const char *preset;
	const char *help;
};

/** The @p i-th, NULL past the last. */
const struct conf_key *conf_key(size_t i);

#endif
