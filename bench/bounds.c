/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds.h"

#include "bench.h"
#include "octets.h"

#include <stdlib.h>

#define LINE 64U
#define BATCH 32U

struct line {
	uint64_t next;
	uint64_t more[LINE / 8 - 1];
};

static struct line *lines_new(uint64_t octets, uint64_t *n)
{
	struct line *lines;

	*n = octets / LINE < 2 ? 2 : octets / LINE;
	lines = aligned_alloc(LINE, *n * LINE);
	if (!lines)
		abort();
	for (uint64_t i = 0; i < *n; i++)
		lines[i].next = i;
	return lines;
}

/* One cycle through all lines (Sattolo) */
static void shuffle(struct line *lines, uint64_t n)
{
	struct random r = { 7 };

	for (uint64_t i = n - 1; i; i--) {
		uint64_t j = random_below(&r, i);
		uint64_t next = lines[i].next;

		lines[i].next = lines[j].next;
		lines[j].next = next;
	}
}

double bound_chase_ns(uint64_t octets, uint64_t steps)
{
	uint64_t n, at = 0;
	struct line *lines = lines_new(octets, &n);
	double start;

	shuffle(lines, n);
	for (uint64_t i = 0; i < steps / 4; i++)
		at = lines[at].next;
	start = bench_now();
	for (uint64_t i = 0; i < steps; i++)
		at = lines[at].next;
	start = bench_now() - start;
	bench_use(at);
	free(lines);
	return start / (double)steps * 1e9;
}

double bound_lines_ns(uint64_t octets, uint64_t count)
{
	uint64_t n, sum = 0;
	struct line *lines = lines_new(octets, &n);
	uint32_t *order = malloc(count * sizeof(*order));
	struct random r = { 8 };
	double start;

	if (!order)
		abort();
	for (uint64_t i = 0; i < count; i++)
		order[i] = (uint32_t)random_below(&r, n);
	start = bench_now();
	for (uint64_t i = 0; i + BATCH <= count; i += BATCH) {
		for (unsigned k = 0; k < BATCH; k++)
			__builtin_prefetch(&lines[order[i + k]]);
		for (unsigned k = 0; k < BATCH; k++)
			sum += lines[order[i + k]].next;
	}
	start = bench_now() - start;
	bench_use(sum);
	free(order);
	free(lines);
	return start / (double)count * 1e9;
}
