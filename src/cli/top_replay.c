/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_replay.c - captures, in their own time
 *
 * The loop of analyze.  Before something is told the clock has to get there.
 */
#include <time.h>

#include "reading.h"
#include "top.h"

#define NS_PER_S UINT64_C(1000000000)
#define STATS_NS (NS_PER_S / 10)

/* Nanoseconds to wait yet; the lock is held */
static uint64_t wait_for(struct top *top, uint64_t packet_ns)
{
	double left;

	if (top->stop || (top->skip && !top->paused))
		return 0;
	if (top->paused)
		return NS_PER_S;
	if (top->speed <= 0 || packet_ns <= top->base_ns)
		return 0;
	left = (double)(packet_ns - top->base_ns) / top->speed -
	       (double)(top_clock(CLOCK_MONOTONIC) - top->base_monotonic);
	if (left <= 0)
		return 0;
	return left < (double)NS_PER_S ? (uint64_t)left + 1 : NS_PER_S;
}

/* Come to a packet's time; the lock is held */
static void pace(struct top *top, uint64_t packet_ns)
{
	uint64_t left;

	if (!top->last_ns) {
		top_replay_set(top, packet_ns);
		top->last_ns = packet_ns;
	}
	top->due_ns = packet_ns > top->last_ns ? packet_ns : top->last_ns;
	while ((left = wait_for(top, top->due_ns)))
		top_wait(top, left);
	if (top->skip)
		top_replay_set(top, top->due_ns);
	top->skip = false;
	top->last_ns = top->due_ns;
	top->due_ns = 0;
	top->model.now_ns = top->last_ns;
	top->reading->ended = top->stop;
}

static void take_stats(struct top *top, bool at_once)
{
	struct top_model *model = &top->model;
	struct rpcgate_stats stats;

	if (!at_once && model->stats_ns && model->now_ns - model->stats_ns < STATS_NS)
		return;
	rpcgate_stats(top->reading->gate, &stats);
	top_fill_stats(model, &stats);
}

static void on_packet(void *ctx, const struct rpcgate_packet *packet,
		      const struct rpcgate_result *result)
{
	struct top *top = ctx;

	(void)result;
	pthread_mutex_lock(&top->lock);
	pace(top, packet->time_ns);
	top->frames++;
	take_stats(top, false);
	pthread_mutex_unlock(&top->lock);
}

static void on_event(void *ctx, const struct rpcgate_event *event,
		     const struct timeline_place *place)
{
	struct top *top = ctx;
	const struct source_place at = { place ? place->file : NULL, place ? place->frame : 0 };

	pthread_mutex_lock(&top->lock);
	/* what time caused is told late, with a packet */
	if (reading_caused_by_packet(event))
		pace(top, event->time_ns);
	top_fill_event(&top->model, event);
	top_ladder_keep(&top->ladder, event, &at);
	pthread_mutex_unlock(&top->lock);
}

void *top_replay(void *ctx)
{
	struct top *top = ctx;
	const struct reading_user user = { .ctx = top, .packet = on_packet, .event = on_event };

	reading_run(top->reading, &user);
	pthread_mutex_lock(&top->lock);
	take_stats(top, true);
	top->ended = true;
	pthread_mutex_unlock(&top->lock);
	return NULL;
}
