/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - the socket that "rpcgate ctl" talks to
 *
 * A client sends one line of words and gets lines of JSON; the last one has "ok".  Served by a
 * thread of its own, one client at a time, so that whoever reads slowly holds up nobody but other
 * clients.  SIGPIPE has to be ignored.  Only root and the user that we are may talk (SO_PEERCRED).
 */
#ifndef LOOP_CONTROL_H
#define LOOP_CONTROL_H

#include <stdio.h>

#include "rpcgate.h"

struct control;

/** What can be asked for. */
struct control_command {
	const char *name;
	const char *argument; /**< what it takes, for people; NULL: nothing */
	const char *help;
	/**
	 * Answer.
	 * @param out       lines of JSON, without the last
	 * @param argument  NULL if there is none
	 * @param err       one line, on failure
	 */
	bool (*answer)(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE]);
};

/**
 * Make the socket, in the place of a dead one.
 * @param commands  ends with a row without a name
 * @return NULL, with one line in @p err, if it cannot be made or somebody answers on it
 */
struct control *control_open(const char *path, const struct control_command *commands, void *ctx,
			     char err[RPCGATE_ERROR_SIZE]);
/** Start its thread. */
bool control_start(struct control *control);
/** Stop answering and remove the socket; NULL is fine. */
void control_free(struct control *control);

/**
 * The client's side: send one line, copy the answer.
 * @return 0: done; 1: the answer is a failure, told in it; -1: nobody answers, said in @p err
 */
int control_ask(const char *path, const char *line, FILE *out, char err[RPCGATE_ERROR_SIZE]);

#endif
