/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bench.h - what all benchmarks share: rounds, figures, how they are shown
 *
 * A figure is one measured quantity: the median of some rounds, with the lowest and the highest.
 * Figures that belong in one plot have the same topic.  A wrong answer of what is measured fails
 * the run, however fast it came.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS_MAX 15U

struct bench_options {
	bool full;  /**< also what takes long */
	bool json;  /**< lines of JSON instead of a table */
	bool quiet; /**< no progress */
	bool help;
	const char *svg;    /**< a directory for plots, or NULL */
	const char *rounds; /**< text of a number, or NULL */
};

enum bench_goal_kind { GOAL_NONE, GOAL_AT_MOST, GOAL_AT_LEAST };

struct bench_goal {
	enum bench_goal_kind kind;
	double value;
};

#define NO_GOAL ((struct bench_goal){ GOAL_NONE, 0 })
#define AT_MOST(v) ((struct bench_goal){ GOAL_AT_MOST, (v) })
#define AT_LEAST(v) ((struct bench_goal){ GOAL_AT_LEAST, (v) })

struct figure {
	const char *topic; /**< constant text */
	char series[48];
	double x; /**< size of a table, rank of a percentile; 0 where there is no axis */
	const char *unit;
	double median, low, high;
	struct bench_goal goal;
};

struct bench {
	struct bench_options options;
	unsigned rounds;
	unsigned wrong; /**< answers that were */
	struct figure *figures;
	size_t n, room;
	bool on_terminal;
	double started;
};

void bench_init(struct bench *bench, const struct bench_options *options);
void bench_done(struct bench *bench);

/** Note a figure; @p values are sorted on the way. */
void bench_note(struct bench *bench, const char *topic, const char *series, double x,
		const char *unit, double *values, size_t n, struct bench_goal goal);
/** A figure of one value. */
void bench_note_one(struct bench *bench, const char *topic, const char *series, double x,
		    const char *unit, double value, struct bench_goal goal);
/** The median noted before; 0 if there is none. */
double bench_median(const struct bench *bench, const char *topic, const char *series, double x);
/** An answer was wrong: said at once, and the run fails. */
void bench_wrong(struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** What is being done, on a terminal. */
void bench_progress(struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void bench_progress_end(struct bench *bench);

/** Seconds of a clock that never goes back. */
double bench_now(void);
/** Seconds of processor time of this process, user and system. */
double bench_cpu(void);
/** Keep the compiler from leaving work out whose result nobody wants. */
void bench_use(uint64_t value);

/** True if a figure is as good as its goal, which it has. */
bool bench_reached(const struct figure *figure);
/** How many goals were reached, and what explains those that were missed. */
void bench_print_goals(const struct bench *bench);
/** The machine and the build, then the figures and what became of goals, as a table or as JSON. */
bool bench_print(const struct bench *bench);
/** One plot for each topic. */
bool bench_plot(const struct bench *bench, const char *directory);

/* Sub-commands */
void bench_pinhole(struct bench *bench);
void bench_engine(struct bench *bench);
void bench_policy(struct bench *bench);
void bench_flows(struct bench *bench);
void bench_inline(struct bench *bench);

#endif
