/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top.h - the parts of "rpcgate top" and what they share
 *
 * One thread fills the tables, from a daemon (top_daemon.c) or from captures (top_replay.c);
 * another one shows them (top_ui.c, top_screen.c).  The lock guards everything in struct top.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <pthread.h>

#include "options.h"
#include "top_ladder.h"
#include "top_model.h"

#define TOP_STATE 160
#define TOP_SPEED_MAX 1048576.0

struct top {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* who fills waits for this, too; by the monotonic clock */
	struct top_model model;
	struct top_ladder ladder;
	bool stop;   /* the end was asked for */
	bool paused; /* what is shown stands still */

	/* a daemon */
	const char *socket;
	const char *events; /* or NULL */
	bool connected;
	uint64_t answered_ns;    /* when it answered last, monotonic; 0: never */
	char trouble[TOP_STATE]; /* why not, shown text */
	uint64_t bad_lines;      /* of the events */
	uint64_t close_id;       /* wanted */
	bool close_wanted;
	char closed[TOP_STATE]; /* what came of it; "" when there is nothing new */

	/* captures */
	struct reading *reading;
	double speed;            /* 0: as fast as can be */
	uint64_t base_ns;        /* the packet clock stood here ... */
	uint64_t base_monotonic; /* ... when the other one stood here */
	uint64_t due_ns;         /* packet time that is waited for; 0: none */
	uint64_t last_ns;        /* latest packet time that was reached */
	uint64_t frames;         /* packets of inspected connections */
	bool skip;               /* do not wait for it */
	bool ended;              /* everything was read */
};

/** A clock, in nanoseconds. */
uint64_t top_clock(clockid_t clock);
/** Wait for top->wake, at most so long.  The lock is held. */
void top_wait(struct top *top, uint64_t ns);

/** Thread functions; @p ctx is the struct top. */
void *top_daemon(void *ctx);
void *top_replay(void *ctx);

/** The moment to show: packet time in a replay.  The lock is held. */
uint64_t top_replay_now(const struct top *top);
/** The replay's clock stands at a packet's time, from now on.  The lock is held. */
void top_replay_set(struct top *top, uint64_t packet_ns);
/** Go faster or slower from here; 0: as fast as can be.  The lock is held. */
void top_replay_speed(struct top *top, double speed);
/** Stand still, or go on.  The lock is held. */
void top_pause(struct top *top, bool paused);

#endif
