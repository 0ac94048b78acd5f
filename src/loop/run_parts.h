/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_parts.h - the service's insides, shared by run*.c */
#ifndef LOOP_RUN_PARTS_H
#define LOOP_RUN_PARTS_H

#include <pthread.h>
#include <sys/types.h>

#include "control.h"
#include "json.h"
#include "kernel.h"
#include "limiter.h"
#include "line_stream.h"
#include "metrics.h"
#include "notify.h"
#include "plan.h"
#include "sink.h"
#include "state.h"
#include "worker.h"

#define RUN_WORKERS_MAX 16
#define RUN_RETIRED_MAX 16
#define RUN_ID_SHIFT 48U /* ids of engines, below; the worker's number, above: less than 2^53 */

/* A policy that was replaced, until every event that refers to it was written */
struct retired {
	struct rpcgate_policy *policy;
	size_t put[RUN_WORKERS_MAX];
};

struct service {
	const char *path;
	bool observe;
	struct plan plan;
	struct worker_setup setup;
	struct kernel *kernel;
	struct worker *worker[RUN_WORKERS_MAX];
	size_t n_workers;
	struct sink *sink[CONF_EVENTS_MAX];
	struct control *control;
	struct metrics *metrics;
	struct json_memory memory;
	struct line_stream lines; /* on their way to the sinks */
	struct limiter limiter;   /* of events; counters stay exact */
	struct notify notify;
	struct retired retired[RUN_RETIRED_MAX];
	size_t n_retired;
	struct state_counts restored;
	uint64_t seconds;
	int signals, timer;
	int keeper_fd; /* -1: one process does all */
	bool keeper_lost;
	pid_t keeper;
	bool spare_processor; /* beside one for each queue */
	bool started;
	bool save_failed;
	bool metrics_failed;
	pthread_mutex_t lock; /* plan, which the loop's thread alone changes, and what follows */
	pthread_cond_t reloaded;
	bool reload_wanted;
	bool reload_good;
	bool ending;
	char reload_err[RPCGATE_ERROR_SIZE];
};

/* run.c */

/** An event of the program's own.  The loop's thread. */
void run_tell(struct service *s, const char *event, const char *detail);
/** Have the loop's thread read the configuration again; another thread. */
bool run_reload(struct service *s, char err[RPCGATE_ERROR_SIZE]);
/** The loop's thread, or with s->lock held. */
bool run_save(struct service *s, char err[RPCGATE_ERROR_SIZE]);
/** A task: put what is open into the kernel's sets again. */
void run_republish(struct worker *worker, void *ctx);

/* run_confine.c */

/** Become who the configuration names, with the rights that are still needed and no others. */
bool run_confine(struct service *s, char err[RPCGATE_ERROR_SIZE]);
/** Become two: the kernel's keeper, which never returns from here, and the one that reads packets,
 *  without any right.  While there is one thread. */
bool run_split(struct service *s, char err[RPCGATE_ERROR_SIZE]);
/** After all threads were started: the system calls that remain. */
bool run_lock(struct service *s, char err[RPCGATE_ERROR_SIZE]);

/* run_control.c */

extern const struct control_command run_commands[];

/* run_metrics.c */

bool run_open_metrics(struct service *s, char err[RPCGATE_ERROR_SIZE]);
/** Give the values of now to whoever reads them. */
void run_metrics(struct service *s);
/** The counters of all engines together; @p all (may be NULL) gets what else workers count. */
void run_stats(struct service *s, struct rpcgate_stats *sum, struct worker_stats *all);

#endif
