/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_metrics.c - what the service counts beside its engines, for those who watch */
#include <string.h>

#include "run_parts.h"

bool run_open_metrics(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	const struct conf *conf = &s->plan.conf;

	if (!conf->metrics && !conf->metrics_file)
		return true;
	s->metrics = metrics_new();
	if (!s->metrics) {
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory");
		return false;
	}
	return !conf->metrics || metrics_listen(s->metrics, conf->metrics, err);
}

void run_stats(struct service *s, struct rpcgate_stats *sum, struct worker_stats *all)
{
	struct worker_stats total = { .learn_ns_max = 0 };

	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < s->n_workers; i++) {
		struct worker_stats one;

		worker_stats(s->worker[i], &one);
		metrics_add(sum, &one.engine);
		total.queue.batches += one.queue.batches;
		total.queue.packets += one.queue.packets;
		total.queue.overruns += one.queue.overruns;
		total.queue.malformed += one.queue.malformed;
		total.queue.unsettled += one.queue.unsettled;
		total.events_lost += one.events_lost;
		total.kernel_full += one.kernel_full;
		total.learn_ns_sum += one.learn_ns_sum;
		total.learned += one.learned;
		for (size_t k = 0; k < WORKER_BUCKETS; k++)
			total.learn_bucket[k] += one.learn_bucket[k];
		total.told_refused += one.told_refused;
		if (one.learn_ns_max > total.learn_ns_max)
			total.learn_ns_max = one.learn_ns_max;
	}
	if (all)
		*all = total;
}

static uint64_t lines_lost(const struct service *s)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < CONF_EVENTS_MAX && s->sink[i]; i++)
		lost += sink_stats(s->sink[i]).lost;
	return lost;
}

void run_metrics(struct service *s)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_stats sum;
	struct worker_stats all;
	struct kernel_stats kernel = { 0 };

	if (!s->metrics)
		return;
	run_stats(s, &sum, &all);
	if (s->kernel)
		kernel_stats(s->kernel, &kernel);
	{
		const struct metric list[] = {
			{ .name = "rpcgate_up",
			  .help = "1 while it runs",
			  .type = METRIC_GAUGE,
			  .value = 1 },
			{ .name = "rpcgate_enforcing",
			  .help = "1 if it refuses, 0 if it observes",
			  .type = METRIC_GAUGE,
			  .value = s->plan.rules.enforce },
			{ .name = "rpcgate_queue_packets_total",
			  .help = "packets that the kernel asked about",
			  .value = (double)all.queue.packets },
			{ .name = "rpcgate_queue_batches_total",
			  .help = "batches they came in",
			  .value = (double)all.queue.batches },
			{ .name = "rpcgate_queue_overruns_total",
			  .help = "times packets were dropped as the socket was full",
			  .value = (double)all.queue.overruns },
			{ .name = "rpcgate_queue_unsettled_total",
			  .help = "verdicts that the kernel did not take",
			  .value = (double)all.queue.unsettled },
			{ .name = "rpcgate_kernel_transactions_total",
			  .help = "changes of the kernel's sets",
			  .value = (double)kernel.transactions },
			{ .name = "rpcgate_kernel_full_total",
			  .help = "pinholes closed, as the kernel had no room for them",
			  .value = (double)all.kernel_full },
			{ .name = "rpcgate_learn_seconds_total",
			  .help = "time from announcements to their pinholes in the kernel",
			  .value = (double)all.learn_ns_sum / 1e9 },
			{ .name = "rpcgate_learned_total",
			  .help = "batches of packets with announcements",
			  .value = (double)all.learned },
			{ .name = "rpcgate_events_dropped_total",
			  .help = "events that were not written: they came too fast",
			  .value = (double)all.events_lost },
			{ .name = "rpcgate_lines_lost_total",
			  .help = "lines that could not be written where they should be",
			  .value = (double)lines_lost(s) },
		};

		if (!metrics_update(s->metrics, &sum, list, sizeof(list) / sizeof(list[0])))
			return;
	}
	if (s->plan.conf.metrics_file &&
	    !metrics_file(s->metrics, s->plan.conf.metrics_file, err) && !s->metrics_failed)
		fprintf(stderr, "rpcgate: metrics: %s\n", err);
}
