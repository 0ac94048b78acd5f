/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5U

static volatile uint64_t sink;

void bench_use(uint64_t value)
{
	sink = value;
}

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_now(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

double bench_cpu(void)
{
	return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

void bench_init(struct bench *b, const struct bench_options *options)
{
	*b = (struct bench){ .options = *options, .rounds = ROUNDS };
	if (options->rounds)
		b->rounds = (unsigned)strtoul(options->rounds, NULL, 10);
	b->on_terminal = !options->quiet && isatty(STDERR_FILENO);
	b->started = bench_now();
}

void bench_done(struct bench *b)
{
	free(b->figures);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_note(struct bench *b, const char *topic, const char *series, double x, const char *unit,
		double *values, size_t n, struct bench_goal goal)
{
	struct figure *f;

	if (b->n == b->room) {
		b->room = b->room ? b->room * 2 : 64;
		b->figures = reallocarray(b->figures, b->room, sizeof(*b->figures));
		if (!b->figures)
			abort();
	}
	qsort(values, n, sizeof(*values), by_value);
	f = &b->figures[b->n++];
	*f = (struct figure){ .topic = topic,
			      .x = x,
			      .unit = unit,
			      .median = values[n / 2],
			      .low = values[0],
			      .high = values[n - 1],
			      .goal = goal };
	snprintf(f->series, sizeof(f->series), "%s", series);
}

void bench_note_one(struct bench *b, const char *topic, const char *series, double x,
		    const char *unit, double value, struct bench_goal goal)
{
	bench_note(b, topic, series, x, unit, &value, 1, goal);
}

double bench_median(const struct bench *b, const char *topic, const char *series, double x)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->figures[i].topic, topic) == 0 &&
		    strcmp(b->figures[i].series, series) == 0 && b->figures[i].x == x)
			return b->figures[i].median;
	return 0;
}

void bench_progress(struct bench *b, const char *format, ...)
{
	va_list args;

	if (!b->on_terminal)
		return;
	fprintf(stderr, "\r\033[K%3.0f s  ", bench_now() - b->started);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
}

void bench_progress_end(struct bench *b)
{
	if (b->on_terminal)
		fputs("\r\033[K", stderr);
}

void bench_wrong(struct bench *b, const char *format, ...)
{
	va_list args;

	bench_progress_end(b);
	fputs("rpcgate-bench: WRONG: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	b->wrong++;
}
