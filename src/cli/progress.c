/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"

#define WORTH_OCTETS (16U * 1024 * 1024) /* less is read in the blink of an eye */
#define LOOK_EVERY 4096                  /* packets between looks at the clock */
#define DRAW_EVERY_S 0.2
#define MEGA 1e6

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

void progress_start(struct progress *p, const struct timeline *timeline, bool quiet)
{
	struct timeline_extent extent = timeline_extent(timeline);

	*p = (struct progress){
		.on = !quiet && isatty(STDERR_FILENO) &&
		      (!extent.size_known || extent.octets > WORTH_OCTETS),
	};
	clock_gettime(CLOCK_MONOTONIC, &p->start);
	p->last = p->start;
}

void progress_draw(struct progress *p, const struct timeline_extent *extent)
{
	double passed = seconds_between(&p->start, &p->last);
	double rate = passed > 0 ? (double)extent->taken / passed : 0;

	fprintf(stderr, "\r\033[K%" PRIu64 " packets, %.1f MB", p->calls,
		(double)extent->taken / MEGA);
	if (extent->size_known)
		fprintf(stderr, " of %.1f MB", (double)extent->octets / MEGA);
	fprintf(stderr, ", %.1f MB/s", rate / MEGA);
	if (extent->size_known && rate > 0 && extent->octets > extent->taken)
		fprintf(stderr, ", %.0f s left", (double)(extent->octets - extent->taken) / rate);
	fflush(stderr);
	p->shown = true;
}

bool progress_packets(struct progress *p, size_t n)
{
	uint64_t before = p->calls;
	struct timespec now;

	p->calls += n;
	if (!p->on || before / LOOK_EVERY == p->calls / LOOK_EVERY)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seconds_between(&p->last, &now) < DRAW_EVERY_S)
		return false;
	p->last = now;
	return true;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
