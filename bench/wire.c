/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wire.c - the gateway between namespaces: inline.py measures, this shows it beside its goals */
#include "bench.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 4096U

/* What a flow is measured by, as inline.py names it */
static const struct measure {
	const char *flow, *field, *topic, *unit;
} measures[] = {
	{ "foreign", "mbit_s", "inline: octets that are not RPC", "Mbit/s" },
	{ "bulk", "mbit_s", "inline: octets of an approved connection", "Mbit/s" },
	{ "ping", "p50_us", "inline: a call and its answer, p50", "us" },
	{ "ping", "p99_us", "inline: a call and its answer, p99", "us" },
	{ "connect", "p50_us", "inline: first reply of a new connection, p50", "us" },
	{ "connect", "p99_us", "inline: first reply of a new connection, p99", "us" },
	{ "announce", "p50_us", "inline: from an announcement to its use, p50", "us" },
	{ "announce", "p99_us", "inline: from an announcement to its use, p99", "us" },
};

/* Two ways of the same round, one by the other or one minus the other */
static const struct comparison {
	const char *way, *than, *flow, *field, *topic, *unit;
	double goal;
} comparisons[] = {
	{ "gate", "plain", "foreign", "mbit_s", "inline: not RPC / plain forwarding", "x", 0.98 },
	{ "gate-first", "plain", "bulk", "mbit_s", "inline: first-bind / plain forwarding", "x",
	  0.97 },
	{ "gate", "acceptall", "bulk", "mbit_s", "inline: every-bind / accepting everything", "x",
	  0.97 },
	{ "gate", "acceptall", "ping", "p50_us",
	  "inline: call through every-bind - accepting everything", "us", 5 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct places {
	char script[PATH_SIZE];
	char build[PATH_SIZE];
	char program[PATH_SIZE];
};

/* In the build tree, or as installed */
static bool find_places(struct places *p)
{
	char self[PATH_SIZE / 2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(p->script, sizeof(p->script), "%s", BENCH_SOURCE_DIR "/inline.py");
	snprintf(p->build, sizeof(p->build), "%s/..", self);
	snprintf(p->program, sizeof(p->program), "%s/../rpcgate", self);
	if (access(p->script, R_OK) == 0 && access(p->program, X_OK) == 0)
		return true;
	snprintf(p->script, sizeof(p->script), "%s/%s/bench/inline.py", self, BENCH_DATA_DIR);
	snprintf(p->build, sizeof(p->build), "%s/%s", self, BENCH_LIBEXEC_DIR);
	snprintf(p->program, sizeof(p->program), "%s/rpcgate", self);
	return access(p->script, R_OK) == 0 && access(p->program, X_OK) == 0;
}

static bool run_script(const struct bench *b, const struct places *p, const char *json)
{
	char rounds[16];
	int status = -1;
	pid_t child;

	snprintf(rounds, sizeof(rounds), "%u", b->rounds);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)unsetenv("GLIBC_TUNABLES");
		if (null >= 0 && dup2(null, 1) >= 0 && (!b->options.quiet || dup2(null, 2) >= 0))
			(void)execlp("python3", "python3", p->script, "--program", p->program,
				     "--build", p->build, "--rounds", rounds, "--json", json,
				     (char *)NULL);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* What round @i of a way says; negative if it says nothing */
static double value_of(const json_t *rounds, const char *way, const char *flow, const char *field,
		       size_t i)
{
	const json_t *list = json_object_get(rounds, way);
	const json_t *value =
		json_object_get(json_object_get(json_array_get(list, i), flow), field);

	return json_is_number(value) ? json_number_value(value) : -1;
}

static void note_measures(struct bench *b, const json_t *rounds)
{
	double values[BENCH_ROUNDS_MAX];
	const char *way;
	json_t *list;

	for (size_t m = 0; m < COUNT(measures); m++)
		json_object_foreach((json_t *)(uintptr_t)rounds, way, list)
		{
			size_t n = 0;

			for (size_t i = 0; i < json_array_size(list) && n < BENCH_ROUNDS_MAX; i++) {
				values[n] = value_of(rounds, way, measures[m].flow,
						     measures[m].field, i);
				n += values[n] >= 0;
			}
			if (n)
				bench_note(b, measures[m].topic, way, 0, measures[m].unit, values,
					   n, NO_GOAL);
		}
}

static void note_comparison(struct bench *b, const json_t *rounds, const struct comparison *c)
{
	bool ratio = strcmp(c->unit, "x") == 0;
	double values[BENCH_ROUNDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < BENCH_ROUNDS_MAX; i++) {
		double way = value_of(rounds, c->way, c->flow, c->field, i);
		double than = value_of(rounds, c->than, c->flow, c->field, i);

		if (way > 0 && than > 0)
			values[n++] = ratio ? way / than : way - than;
	}
	if (n)
		bench_note(b, c->topic, c->way, 0, c->unit, values, n,
			   ratio ? AT_LEAST(c->goal) : AT_MOST(c->goal));
}

/* How long the announcing packet was held, by the gateway's own clock: its histogram tells the end
 * of a range, so it was at most so long */
static void note_learned(struct bench *b, const json_t *root)
{
	const json_t *list = json_object_get(root, "learned_us");
	double values[BENCH_ROUNDS_MAX * 4];
	size_t n = 0;

	for (; n < json_array_size(list) && n < COUNT(values); n++)
		values[n] = json_number_value(json_array_get(list, n));
	if (n)
		bench_note(b, "inline: mapper's answer to its pinhole, p50 at most", "gateway", 0,
			   "us", values, n, AT_MOST(20));
}

void bench_inline(struct bench *b)
{
	char json[] = "/tmp/rpcgate-bench-XXXXXX";
	struct places places;
	json_t *root;
	int fd;

	if (geteuid() != 0) {
		bench_wrong(b, "inline needs root: it makes namespaces and a table of nf_tables");
		return;
	}
	if (!find_places(&places)) {
		bench_wrong(b, "inline.py or rpcgate is not where rpcgate-bench expects it");
		return;
	}
	fd = mkstemp(json);
	if (fd < 0) {
		bench_wrong(b, "%s cannot be made", json);
		return;
	}
	bench_progress(b, "inline: %u rounds of each way", b->rounds);
	root = run_script(b, &places, json) ? json_load_file(json, 0, NULL) : NULL;
	if (root) {
		const json_t *rounds = json_object_get(root, "rounds");

		note_measures(b, rounds);
		for (size_t i = 0; i < COUNT(comparisons); i++)
			note_comparison(b, rounds, &comparisons[i]);
		note_learned(b, root);
	} else {
		bench_wrong(b, "%s failed", places.script);
	}
	json_decref(root);
	close(fd);
	(void)unlink(json);
}
