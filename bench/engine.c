/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.c - packets through the engine and through the whole program, beside an empty loop
 *
 * Each mix is generated, then read in turn by an empty loop over pcap_next_ex(), by the engine
 * behind the program's own reader, and by the program itself with its report.  Only ratios of one
 * round mean something on another machine.  The counts must be those that the mix was planned
 * with: being fast and wrong is a failure.
 */
#include "bench.h"
#include "capture.h"
#include "mix.h"
#include "rpcgate.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTES 60U
#define BATCH 64U
#define MEGABYTES_FULL 1000U

struct costs {
	double cpu_s; /* user and system */
	double wall_s;
	double peak_mb;
};

struct paths {
	char capture[4096];
	char plan[4104];
	char program[4096]; /* empty if there is none */
};

/* What each mix may cost, whole program to empty loop */
static const struct {
	enum mix_kind kind;
	double whole;
} goals[] = { { MIX_MIXED, 0.70 }, { MIX_SMALL, 0.75 }, { MIX_RPC, 1.1 }, { MIX_EPM, 2.0 } };

static struct bench_goal goal_of(enum mix_kind kind)
{
	for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
		if (goals[i].kind == kind)
			return AT_MOST(goals[i].whole);
	return NO_GOAL;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/* Run something in a process of its own, whose costs are its own */
static bool in_child(void (*run)(const struct paths *paths), const struct paths *paths,
		     struct costs *costs)
{
	double start;
	struct rusage usage;
	pid_t child;
	int status;

	/* the kernel counts what a child had before exec, which is what there is here */
	(void)malloc_trim(0);
	start = bench_now();
	child = fork();
	if (child == 0) {
		run(paths);
		_exit(0);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
		return false;
	costs->wall_s = bench_now() - start;
	costs->cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	costs->peak_mb = (double)usage.ru_maxrss / 1024;
	return true;
}

static void empty_loop(const struct paths *paths)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(paths->capture, err);
	struct pcap_pkthdr *head;
	const u_char *data;
	uint64_t sum = 0;

	if (!pcap)
		_exit(1);
	while (pcap_next_ex(pcap, &head, &data) == 1)
		sum += head->caplen;
	bench_use(sum);
	pcap_close(pcap);
}

static void analyze(const struct paths *paths, const char *jobs)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)unsetenv("GLIBC_TUNABLES");
	if (null >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0)
		(void)execl(paths->program, "rpcgate", "analyze", "--jobs", jobs, paths->capture,
			    (char *)NULL);
	_exit(1);
}

static void whole_program(const struct paths *paths)
{
	analyze(paths, "1");
}

static void two_jobs(const struct paths *paths)
{
	analyze(paths, "2");
}

static struct rpcgate *new_engine(void)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	rpcgate_config_default(&cfg);
	memset(cfg.hash_key, 0x5a, sizeof(cfg.hash_key));
	gate = rpcgate_new(&cfg, err);
	if (!gate) {
		fprintf(stderr, "rpcgate-bench: %s\n", err);
		abort();
	}
	return gate;
}

/* The engine behind the program's reader, nothing else; here, for its counts */
static double engine_cpu(const struct paths *paths, struct rpcgate_stats *stats)
{
	struct rpcgate *gate = new_engine();
	struct capture_fault fault;
	struct capture *capture = capture_open(paths->capture, &fault);
	struct rpcgate_packet packets[BATCH];
	struct rpcgate_ahead ahead[BATCH];
	struct rpcgate_told told[BATCH];
	double start = bench_cpu();
	size_t n, n_told;

	while (capture && (n = capture_next_batch(capture, packets, BATCH, &fault))) {
		rpcgate_look_ahead(packets, n, ahead);
		for (size_t at = 0; at < n;)
			at += rpcgate_feed_told(gate, packets + at, ahead + at, n - at, told,
						&n_told);
	}
	while (rpcgate_finish(gate).n_events)
		;
	start = bench_cpu() - start;
	rpcgate_stats(gate, stats);
	capture_close(capture);
	rpcgate_free(gate);
	return start;
}

static void counted(struct bench *b, const char *mix, const char *what, uint64_t planned,
		    uint64_t got)
{
	if (planned != got)
		bench_wrong(b, "%s: %s: planned %llu, counted %llu", mix, what,
			    (unsigned long long)planned, (unsigned long long)got);
}

static void as_planned(struct bench *b, const char *mix, const struct mix_plan *plan,
		       const struct rpcgate_stats *s)
{
	counted(b, mix, "packets", plan->packets, s->packets);
	counted(b, mix, "answers", plan->answers, s->answers);
	counted(b, mix, "bindings accepted", plan->bindings_accepted, s->bindings_accepted);
	counted(b, mix, "binds allowed", plan->binds_allowed, s->binds_allowed);
	counted(b, mix, "binds denied", plan->binds_denied, s->binds_denied);
}

struct rounds {
	double empty_ns[BENCH_ROUNDS_MAX];
	double engine_ns[BENCH_ROUNDS_MAX];
	double engine_ratio[BENCH_ROUNDS_MAX];
	double engine_mpps[BENCH_ROUNDS_MAX];
	double engine_gbit[BENCH_ROUNDS_MAX];
	double whole_ratio[BENCH_ROUNDS_MAX];
	double jobs_ratio[BENCH_ROUNDS_MAX];
	double peak_mb[BENCH_ROUNDS_MAX];
	double learned[BENCH_ROUNDS_MAX];
};

static bool one_round(struct bench *b, const struct paths *paths, const char *mix,
		      const struct mix_plan *plan, struct rounds *r, unsigned i)
{
	struct costs empty = { 0 }, whole = { 0 }, two = { 0 };
	struct rpcgate_stats stats;
	double packets = (double)plan->packets;
	double engine;

	if (!in_child(empty_loop, paths, &empty)) {
		bench_wrong(b, "%s: the empty loop failed", mix);
		return false;
	}
	engine = engine_cpu(paths, &stats);
	as_planned(b, mix, plan, &stats);
	if (paths->program[0] &&
	    (!in_child(whole_program, paths, &whole) || !in_child(two_jobs, paths, &two))) {
		bench_wrong(b, "%s: %s failed", mix, paths->program);
		return false;
	}
	r->empty_ns[i] = empty.cpu_s / packets * 1e9;
	r->engine_ns[i] = engine / packets * 1e9;
	r->engine_ratio[i] = engine / empty.cpu_s;
	r->engine_mpps[i] = packets / engine * 1e-6;
	r->engine_gbit[i] = (double)plan->octets * 8 / engine * 1e-9;
	r->whole_ratio[i] = whole.cpu_s / empty.cpu_s;
	r->jobs_ratio[i] = two.wall_s > 0 ? whole.wall_s / two.wall_s : 0;
	r->peak_mb[i] = whole.peak_mb;
	r->learned[i] = (double)plan->answers / (whole.cpu_s > 0 ? whole.cpu_s : engine);
	return true;
}

static void note(struct bench *b, const struct paths *paths, enum mix_kind kind, struct rounds *r)
{
	const char *mix = mix_name(kind);

	bench_note(b, "engine: packets per second", mix, 0, "M/s", r->engine_mpps, b->rounds,
		   NO_GOAL);
	bench_note(b, "engine: bits per second", mix, 0, "Gbit/s", r->engine_gbit, b->rounds,
		   NO_GOAL);
	bench_note(b, "engine: time of a packet", mix, 0, "ns", r->engine_ns, b->rounds, NO_GOAL);
	bench_note(b, "empty loop: time of a packet", mix, 0, "ns", r->empty_ns, b->rounds,
		   NO_GOAL);
	bench_note(b, "engine / empty loop", mix, 0, "x", r->engine_ratio, b->rounds, NO_GOAL);
	if (!paths->program[0])
		return;
	bench_note(b, "whole program / empty loop", mix, 0, "x", r->whole_ratio, b->rounds,
		   goal_of(kind));
	bench_note(b, "whole program: --jobs 2, times as fast", mix, 0, "x", r->jobs_ratio,
		   b->rounds, AT_LEAST(1.7));
	bench_note(b, "whole program: peak memory", mix, 0, "MB", r->peak_mb, b->rounds,
		   kind == MIX_MIXED ? AT_MOST(32) : NO_GOAL);
	if (kind == MIX_EPM)
		bench_note(b, "whole program: map exchanges", mix, 0, "1/s", r->learned, b->rounds,
			   AT_LEAST(250000));
}

static bool name_files(struct paths *paths, enum mix_kind kind)
{
	const char *dir = getenv("TMPDIR");

	snprintf(paths->capture, sizeof(paths->capture), "%s/rpcgate-bench-%s-%ld.pcap",
		 dir ? dir : "/tmp", mix_name(kind), (long)getpid());
	return snprintf(paths->plan, sizeof(paths->plan), "%s.plan", paths->capture) <
	       (int)sizeof(paths->plan);
}

/* The program that was installed, or built, beside this one */
static void find_program(struct paths *paths)
{
	static const char *const places[] = { "rpcgate", "../rpcgate" };
	char self[3072];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	paths->program[0] = '\0';
	if (n < 0)
		return;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(paths->program, sizeof(paths->program), "%s/%s", self, places[i]);
		if (access(paths->program, X_OK) == 0)
			return;
	}
	paths->program[0] = '\0';
	fputs("rpcgate-bench: there is no rpcgate beside it: the whole program is not measured\n",
	      stderr);
}

static void start_up(struct bench *b, const struct paths *program)
{
	struct paths paths = *program;
	double ms[BENCH_ROUNDS_MAX];
	struct mix_plan plan;

	if (!paths.program[0] || !name_files(&paths, MIX_RPC) ||
	    !mix_write(paths.capture, MIX_RPC, 1, 1, &plan))
		return;
	for (unsigned i = 0; i < b->rounds; i++) {
		struct costs costs = { 0 };

		if (!in_child(whole_program, &paths, &costs))
			bench_wrong(b, "%s failed", paths.program);
		ms[i] = costs.wall_s * 1e3;
	}
	bench_note(b, "whole program: start to end", "a few packets", 0, "ms", ms, b->rounds,
		   AT_MOST(10));
	(void)unlink(paths.capture);
	(void)unlink(paths.plan);
}

static void measure(struct bench *b, struct paths *paths, enum mix_kind kind)
{
	uint64_t octets = (b->options.full ? MEGABYTES_FULL : MEGABYTES) * UINT64_C(1000000);
	struct rounds r = { 0 };
	struct mix_plan plan;
	bool good = true;

	bench_progress(b, "%s: written", mix_name(kind));
	if (!name_files(paths, kind) || !mix_write(paths->capture, kind, octets, 1, &plan)) {
		bench_wrong(b, "%s: %s", paths->capture, strerror(errno));
		return;
	}
	for (unsigned i = 0; good && i < b->rounds; i++) {
		bench_progress(b, "%s: round %u", mix_name(kind), i + 1);
		good = one_round(b, paths, mix_name(kind), &plan, &r, i);
	}
	if (good)
		note(b, paths, kind, &r);
	(void)unlink(paths->capture);
	(void)unlink(paths->plan);
}

void bench_engine(struct bench *b)
{
	struct paths paths;

	find_program(&paths);
	start_up(b, &paths);
	for (unsigned kind = 0; kind < MIX_KINDS; kind++)
		measure(b, &paths, (enum mix_kind)kind);
}
