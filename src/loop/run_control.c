/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_control.c - what "rpcgate ctl" can ask for */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "event_words.h"
#include "run_parts.h"

#define NS_PER_MS UINT64_C(1000000)

static bool put(FILE *out, json_t *line, char err[RPCGATE_ERROR_SIZE])
{
	/* 15 digits print no rounding of binary fractions */
	const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15);
	bool good = line && json_dumpf(line, out, flags) == 0 && putc('\n', out) != EOF;

	if (!good)
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory, or nobody reads");
	json_decref(line);
	return good;
}

static void put_interface(json_t *line, const struct rpcgate_syntax *id)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(id);
	char uuid[RPCGATE_UUID_TEXT], version[16];

	snprintf(version, sizeof(version), "%u.%u", id->major, id->minor);
	json_object_set_new(line, "uuid", json_string(rpcgate_uuid_format(&id->uuid, uuid)));
	json_object_set_new(line, "version", json_string(version));
	if (known)
		json_object_set_new(line, "name", json_string(known->name));
}

/* ------------------------------------------------------------------------ status, stats */

/* The files among the targets, by names that mean the same to who asks */
static json_t *event_files(const struct service *s)
{
	json_t *files = json_array();

	for (size_t i = 0; i < CONF_EVENTS_MAX && s->sink[i]; i++) {
		const char *target = sink_target(s->sink[i]);
		char *path;

		if (strcmp(target, "-") == 0 || strcmp(target, "journal") == 0)
			continue;
		path = realpath(target, NULL);
		json_array_append_new(files, json_string(path ? path : target));
		free(path);
	}
	return files;
}

static bool status(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	static const char *const keeping[] = {
		[KERNEL_PERSISTENT] = "persistent", [KERNEL_OWNED] = "owned", [KERNEL_PLAIN] = "plain"
	};
	struct service *s = ctx;
	struct rpcgate_stats sum;
	json_t *line;

	(void)argument;
	run_stats(s, &sum, NULL);
	pthread_mutex_lock(&s->lock);
	line = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:i,s:I,s:I,s:I}", "version",
			 RPCGATE_VERSION, "configuration", s->path, "action",
			 s->plan.rules.enforce ? "enforce" : "observe", "inspect",
			 s->plan.rules.first_bind ? "first-bind" : "every-bind", "table",
			 s->kernel ? keeping[kernel_keeping(s->kernel)] : "none", "split",
			 (int)(s->keeper_fd >= 0), "uptime_s", (json_int_t)s->seconds, "queues",
			 (int)s->n_workers, "pinholes", (json_int_t)sum.pinholes_live, "bindings",
			 (json_int_t)sum.bindings_live, "flows", (json_int_t)sum.flows_live);
	pthread_mutex_unlock(&s->lock);
	if (line)
		json_object_set_new(line, "events", event_files(s));
	return put(out, line, err);
}

/* No more than this, in so many of a hundred cases; 0: longer than any bucket, or none */
static uint32_t percentile(const struct worker_stats *all, unsigned percent)
{
	uint64_t sum = 0;

	for (size_t i = 0; all->learned && i < WORKER_BUCKETS; i++) {
		sum += all->learn_bucket[i];
		if (sum * 100 >= all->learned * percent)
			return worker_bucket_us(i);
	}
	return 0;
}

static bool stats(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	struct service *s = ctx;
	struct rpcgate_stats sum;
	struct worker_stats all;
	struct kernel_stats kernel = { 0 };
	json_t *line = json_object();

	(void)argument;
	run_stats(s, &sum, &all);
	if (s->kernel)
		kernel_stats(s->kernel, &kernel);
#define X(member, text) json_object_set_new(line, #member, json_integer((json_int_t)sum.member));
	RPCGATE_COUNTERS(X)
#undef X
	json_object_set_new(line, "queue_packets", json_integer((json_int_t)all.queue.packets));
	json_object_set_new(line, "queue_batches", json_integer((json_int_t)all.queue.batches));
	json_object_set_new(line, "queue_overruns", json_integer((json_int_t)all.queue.overruns));
	json_object_set_new(line, "queue_unsettled", json_integer((json_int_t)all.queue.unsettled));
	json_object_set_new(line, "events_dropped", json_integer((json_int_t)all.events_lost));
	json_object_set_new(line, "kernel_transactions",
			    json_integer((json_int_t)kernel.transactions));
	json_object_set_new(line, "kernel_elements", json_integer((json_int_t)kernel.elements));
	json_object_set_new(line, "keeper_denied", json_integer((json_int_t)kernel.denied));
	json_object_set_new(line, "kernel_full", json_integer((json_int_t)all.kernel_full));
	json_object_set_new(
		line, "learn_ns_mean",
		json_integer(all.learned ? (json_int_t)(all.learn_ns_sum / all.learned) : 0));
	json_object_set_new(line, "learn_us_p50", json_integer((json_int_t)percentile(&all, 50)));
	json_object_set_new(line, "learn_us_p99", json_integer((json_int_t)percentile(&all, 99)));
	json_object_set_new(line, "learn_ns_max", json_integer((json_int_t)all.learn_ns_max));
	return put(out, line, err);
}

/* --------------------------------------------------------------------------- lists */

/* To the millisecond */
static double seconds(uint64_t later_ns, uint64_t sooner_ns)
{
	uint64_t ms = later_ns > sooner_ns ? (later_ns - sooner_ns) / NS_PER_MS : 0;

	return (double)ms / 1000;
}

static json_t *pinhole_line(const struct rpcgate_pinhole_record *r, size_t worker, uint64_t now_ns)
{
	char client[RPCGATE_ADDR_TEXT], server[RPCGATE_ADDR_TEXT];
	json_t *line = json_pack("{s:I,s:s,s:s,s:i,s:s,s:s,s:f,s:I}", "id",
				 (json_int_t)((uint64_t)worker << RUN_ID_SHIFT | r->id),
				 "client_ip", rpcgate_addr_format(&r->client, client), "server_ip",
				 rpcgate_addr_format(&r->server, server), "port", (int)r->port,
				 "proto", r->proto == 6 ? "TCP" : "UDP", "source",
				 source_names[r->source], "left_s", seconds(r->until_ns, now_ns),
				 "uses", (json_int_t)r->uses);

	if (line)
		put_interface(line, &r->interface);
	return line;
}

static json_t *binding_line(const struct rpcgate_binding_record *r, uint64_t now_ns)
{
	char server[RPCGATE_ADDR_TEXT];
	json_t *line = json_pack("{s:s,s:i,s:b,s:f}", "server_ip",
				 rpcgate_addr_format(&r->server, server), "port", (int)r->port,
				 "granted", (int)r->granted, "age_s", seconds(now_ns, r->last_ns));

	if (line)
		put_interface(line, &r->interface);
	return line;
}

static bool list(struct service *s, FILE *out, bool bindings, char err[RPCGATE_ERROR_SIZE])
{
	struct worker_slice *slice = malloc(sizeof(*slice));
	uint64_t now = worker_now_ns();
	bool good = slice != NULL;

	for (size_t i = 0; good && i < s->n_workers; i++) {
		slice->cursor = 0;
		do {
			if (bindings)
				worker_next_bindings(s->worker[i], slice);
			else
				worker_next_pinholes(s->worker[i], slice);
			for (size_t k = 0; good && k < slice->n; k++)
				if (bindings)
					good = put(out, binding_line(&slice->binding[k], now), err);
				else if (slice->pinhole[k].open)
					good = put(out, pinhole_line(&slice->pinhole[k], i, now),
						   err);
		} while (good && slice->n);
	}
	free(slice);
	return good;
}

static bool pinholes(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	(void)argument;
	return list(ctx, out, false, err);
}

static bool bindings(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	(void)argument;
	return list(ctx, out, true, err);
}

/* ------------------------------------------------------------------------- actions */

struct closing {
	uint64_t id;
	size_t closed;
};

static void close_one(struct worker *w, void *ctx)
{
	struct closing *c = ctx;
	struct rpcgate_result r = rpcgate_close_pinhole(worker_gate(w), c->id, worker_now_ns());

	for (size_t i = 0; i < r.n_events; i++)
		c->closed += r.events[i].type == RPCGATE_EVENT_PINHOLE &&
			     r.events[i].u.pinhole.action == RPCGATE_PINHOLE_CLOSE;
	worker_take(w, &r);
}

static bool close_pinhole(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	struct service *s = ctx;
	char *end;
	uint64_t id = strtoull(argument, &end, 10);
	uint64_t worker = id >> RUN_ID_SHIFT;
	struct closing c = { .id = id & ((UINT64_C(1) << RUN_ID_SHIFT) - 1) };

	if (*end || !*argument || *argument == '-') {
		snprintf(err, RPCGATE_ERROR_SIZE, "\"%.40s\" read, the id of a pinhole expected",
			 argument);
		return false;
	}
	if (worker < s->n_workers)
		worker_do(s->worker[worker], close_one, &c);
	if (!c.closed) {
		snprintf(err, RPCGATE_ERROR_SIZE, "no pinhole %llu is open",
			 (unsigned long long)id);
		return false;
	}
	return put(out, json_pack("{s:i}", "closed", (int)c.closed), err);
}

static bool reload(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	(void)out;
	(void)argument;
	return run_reload(ctx, err);
}

static bool save(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	struct service *s = ctx;
	bool good;

	(void)out;
	(void)argument;
	pthread_mutex_lock(&s->lock);
	good = run_save(s, err);
	pthread_mutex_unlock(&s->lock);
	return good;
}

const struct control_command run_commands[] = {
	{ "status", NULL, "how it runs", status },
	{ "stats", NULL, "everything that is counted", stats },
	{ "pinholes", NULL, "what is open, one interface a line", pinholes },
	{ "bindings", NULL, "what servers announced", bindings },
	{ "close", "ID", "close a pinhole", close_pinhole },
	{ "reload", NULL, "read the configuration again; the old one stays if it is wrong",
	  reload },
	{ "save", NULL, "write the state file now", save },
	{ NULL, NULL, NULL, NULL },
};
