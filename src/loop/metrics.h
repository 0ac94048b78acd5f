/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics.h - counters in the text format of Prometheus, by HTTP or in a file
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.  The loop calls
 * metrics_update() now and then; what it gives is written as text at once and kept under a mutex.
 * Whoever reads gets that text and never comes near an engine.
 *
 * Served on loopback addresses alone, GET (and HEAD) of /metrics alone.  The socket is opened by
 * metrics_listen(), before rights are given up; the thread is started by metrics_serve(), after
 * that, for it shall have no more rights than others.
 */
#ifndef LOOP_METRICS_H
#define LOOP_METRICS_H

#include "rpcgate.h"

#define METRICS_LABELS 4
#define METRICS_CONNECTIONS 8 /* at a time; more are closed at once */
#define METRICS_TIMEOUT_S 5   /* a connection on which nothing happens */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
	const char *name;
	const char *value; /**< any text */
};

/** A distribution.  Buckets are not cumulative; one more than there are bounds. */
struct metric_histogram {
	size_t n;            /**< bounds, rising */
	const double *bound; /**< upper ends, in the unit of the name */
	const uint64_t *bucket;
	double sum;
};

/**
 * A sample.  Those of one name that differ by labels need not stand together; the help and type of
 * the first count.  The name of a counter ends with _total.
 */
struct metric {
	const char *name;
	const char *help;
	enum metric_type type;
	struct metric_label label[METRICS_LABELS]; /**< up to the first without a name */
	double value;
	const struct metric_histogram *histogram; /**< for METRIC_HISTOGRAM, instead of value */
};

struct metrics;

/** NULL if memory is short. */
struct metrics *metrics_new(void);
/** Stop serving and free; NULL is fine. */
void metrics_free(struct metrics *metrics);

/**
 * Give the values of now.
 * @param stats  of all engines together; rpcgate_NAME_total, and plain for what is live or used
 * @param list   @p n more; borrowed for the call
 * @return false if memory is short, or a name breaks the rules: the old values stay
 */
bool metrics_update(struct metrics *metrics, const struct rpcgate_stats *stats,
		    const struct metric *list, size_t n);

/** Add the counters of one engine to a sum.  A sum of peaks is no peak, but never below it. */
void metrics_add(struct rpcgate_stats *sum, const struct rpcgate_stats *stats);

/**
 * The text of the last update.
 * @param n  becomes its length
 * @return to be freed, terminated; NULL if memory is short
 */
char *metrics_render(struct metrics *metrics, size_t *n);

/**
 * Open a socket for who wants to read.
 * @param where  "127.0.0.1:9135" or "[::1]:9135"; port 0: any
 * @param err    one line, on failure
 */
RPCGATE_MUST_USE bool metrics_listen(struct metrics *metrics, const char *where,
				     char err[RPCGATE_ERROR_SIZE]);
/** Start the thread that answers.  False with one line in @p err. */
RPCGATE_MUST_USE bool metrics_serve(struct metrics *metrics, char err[RPCGATE_ERROR_SIZE]);
/** The port of metrics_listen(). */
uint16_t metrics_port(const struct metrics *metrics);

/** Write the text to "PATH.tmp" and rename that to @p path, so that nobody reads half of it. */
RPCGATE_MUST_USE bool metrics_file(struct metrics *metrics, const char *path,
				   char err[RPCGATE_ERROR_SIZE]);

#endif
