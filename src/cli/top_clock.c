/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_clock.c - the machine's clock, and that of a replay */
#include <time.h>

#include "top.h"

#define NS_PER_S UINT64_C(1000000000)

uint64_t top_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void top_wait(struct top *top, uint64_t ns)
{
	uint64_t end = top_clock(CLOCK_MONOTONIC) + ns;
	struct timespec until = { (time_t)(end / NS_PER_S), (long)(end % NS_PER_S) };

	pthread_cond_timedwait(&top->wake, &top->lock, &until);
}

uint64_t top_replay_now(const struct top *top)
{
	uint64_t now = top->last_ns;

	if (top->speed > 0 && top->due_ns && !top->paused)
		now = top->base_ns +
		      (uint64_t)((double)(top_clock(CLOCK_MONOTONIC) - top->base_monotonic) *
				 top->speed);
	else if (top->paused && top->due_ns)
		now = top->base_ns;
	if (now < top->last_ns)
		now = top->last_ns;
	return top->due_ns && now > top->due_ns ? top->due_ns : now;
}

void top_replay_set(struct top *top, uint64_t packet_ns)
{
	top->base_ns = packet_ns;
	top->base_monotonic = top_clock(CLOCK_MONOTONIC);
}

void top_replay_speed(struct top *top, double speed)
{
	top_replay_set(top, top_replay_now(top));
	top->speed = speed;
	pthread_cond_broadcast(&top->wake);
}

void top_pause(struct top *top, bool paused)
{
	if (paused == top->paused)
		return;
	top_replay_set(top, top->reading ? top_replay_now(top) : 0);
	top->paused = paused;
	pthread_cond_broadcast(&top->wake);
}
