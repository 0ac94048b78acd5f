/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worker.h - one engine and what feeds it: a thread of its own
 *
 * The order of three lines is the safety argument: judge a batch of packets; make the kernel know
 * what was learned from it; let the packets go.
 *
 * Everything else that is asked of an engine (lists, reload, closing) is done by its own thread,
 * between two batches, by a task that another thread hands in and waits for.
 */
#ifndef LOOP_WORKER_H
#define LOOP_WORKER_H

#include "bridge.h"
#include "kernel.h"
#include "outbox.h"
#include "queue.h"
#include "refused.h"

/* What all workers share and none changes while they run */
struct worker_setup {
	struct kernel *kernel; /**< NULL: a bridge, which needs none */
	bool enforce;
	bool reset; /**< a bridge refuses by reset, else by silence */
	bool first_bind;
	unsigned mark_shift;
	uint64_t spin_ns; /**< how long to look for the next packet before sleeping; 0: not at all */
	int wake_fd;      /**< an eventfd: events wait in an outbox */
};

struct worker;

/**
 * @param queue    owned from now on; NULL: it only does tasks
 * @param refused  the same; NULL: this worker does not tell of what the kernel refused
 */
struct worker *worker_new(const struct worker_setup *setup, const struct rpcgate_config *cfg,
			  struct queue *queue, struct refused *refused,
			  char err[RPCGATE_ERROR_SIZE]);
/** One that reads a bridge, owned from now on: nothing passes but what it lets pass. */
struct worker *worker_new_bridge(const struct worker_setup *setup, const struct rpcgate_config *cfg,
				 struct bridge *bridge, char err[RPCGATE_ERROR_SIZE]);
/** Start its thread. */
bool worker_start(struct worker *worker);
/** Stop its thread; the engine may then be used by the caller. */
void worker_stop(struct worker *worker);
/** NULL is fine. */
void worker_free(struct worker *worker);

/** Done by the worker's thread, or by the caller's when that is not running.  Any thread may ask. */
typedef void worker_task(struct worker *worker, void *ctx);
void worker_do(struct worker *worker, worker_task *task, void *ctx);

/* For tasks */
struct rpcgate *worker_gate(struct worker *worker);
struct queue *worker_queue(struct worker *worker);
/** Another process settles: when it is gone, the worker ends. */
void worker_set_split(struct worker *worker);
/** Act on what a call of the engine returned: its events, and the kernel. */
void worker_take(struct worker *worker, const struct rpcgate_result *result);
/** The same in two steps, where there is much of it. */
void worker_gather(struct worker *worker, const struct rpcgate_result *result);
void worker_publish(struct worker *worker);
/** Go by another configuration and policy; the policy must live as long as its events do. */
void worker_change(struct worker *worker, const struct worker_setup *setup,
		   const struct rpcgate_config *cfg, const struct rpcgate_policy *policy);
/** The kernel's sets are made anew: what was in them is put there again. */
void worker_republish(struct worker *worker);

/** A slice of what an engine has open and knows; see rpcgate_pinholes(). */
#define WORKER_SLICE 256U
struct worker_slice {
	uint64_t cursor; /**< 0 at first */
	size_t n;        /**< 0: the end */
	struct rpcgate_pinhole_record pinhole[WORKER_SLICE];
	struct rpcgate_binding_record binding[WORKER_SLICE];
};
/** The next slice of either kind; any thread. */
void worker_next_pinholes(struct worker *worker, struct worker_slice *slice);
void worker_next_bindings(struct worker *worker, struct worker_slice *slice);

struct outbox *worker_outbox(struct worker *worker);
/** True if its thread ended by itself: the queue cannot be used any more. */
bool worker_failed(const struct worker *worker);

/* Times from an announcement to its pinhole in the kernel, in buckets */
#define WORKER_BUCKETS 11U
/** The upper end of a bucket; 0 for the last, which has none. */
uint32_t worker_bucket_us(size_t bucket);

struct worker_stats {
	struct rpcgate_stats engine;
	struct queue_stats queue;
	struct bridge_stats bridge[BRIDGE_SIDES];
	uint64_t events_lost; /**< the outbox was full */
	uint64_t kernel_full; /**< pinholes closed, as the kernel had no room for them */
	uint64_t learn_bucket[WORKER_BUCKETS]; /**< how long that took, by worker_bucket_us() */
	uint64_t learn_ns_max; /**< longest time from an announcement to its pinhole in the kernel */
	uint64_t learn_ns_sum;
	uint64_t learned;      /**< batches that had announcements */
	uint64_t told_refused; /**< packets that the kernel refused and told of */
};
/** A task of its own: what is counted now. */
void worker_stats(struct worker *worker, struct worker_stats *stats);

/** The clock of engines: it never steps, and reads like the wall clock of the moment we started. */
uint64_t worker_now_ns(void);
/** What to add to an engine's time to get today's wall clock. */
int64_t worker_clock_offset_ns(void);

#endif
