/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine costs: engine [FILE...]
 *
 * Each capture is read again and again, in turn by an empty loop over pcap_next_ex() and by the
 * same loop with the engine in it; medians of CPU time (user and system) are printed.  Only their
 * ratio means something on another machine.  Without files, the mixes are generated in $TMPDIR.
 * Where a plan stands beside a capture, the engine's counts must be what was planned: being fast
 * and wrong is a failure, exit status 1.
 */
#include "mix.h"
#include "rpcgate.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define MEGABYTES 200U

struct reading {
	double cpu_s;
	uint64_t packets;
	struct rpcgate_stats stats;
};

#define STDIO_OCTETS 65536 /* as src/io/capture.c */

struct goal {
	const char *mix;
	double ratio; /* empty loop / engine */
};

static const struct goal goals[] = { { "mixed", 0.5 }, { "rpc", 0.25 } };

static double cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The empty loop is libpcap as everybody calls it; the engine is fed as the program feeds it, from
 * a stream with a larger buffer */
static pcap_t *open_capture(const char *path, char *buffer)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fopen(path, "rb");
	pcap_t *pcap = NULL;

	if (file && buffer)
		setvbuf(file, buffer, _IOFBF, STDIO_OCTETS);
	if (file)
		pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO,
								err);
	if (!pcap) {
		fprintf(stderr, "%s: %s\n", path, file ? err : strerror(errno));
		exit(1);
	}
	return pcap;
}

static void read_empty(const char *path, char *buffer, struct reading *r)
{
	pcap_t *pcap = open_capture(path, buffer);
	struct pcap_pkthdr *head;
	const u_char *data;
	double start = cpu_now();

	r->packets = 0;
	while (pcap_next_ex(pcap, &head, &data) == 1)
		r->packets++;
	r->cpu_s = cpu_now() - start;
	pcap_close(pcap);
}

static struct rpcgate *new_engine(void)
{
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;

	rpcgate_config_default(&cfg);
	memset(cfg.hash_key, 0x5a, sizeof(cfg.hash_key));
	gate = rpcgate_new(&cfg, err);
	if (!gate) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	return gate;
}

static void read_engine(const char *path, struct reading *r)
{
	static char buffer[STDIO_OCTETS];
	pcap_t *pcap = open_capture(path, buffer);
	struct rpcgate_packet p = { .linktype = (uint32_t)pcap_datalink(pcap) };
	struct rpcgate *gate = new_engine();
	struct pcap_pkthdr *head;
	double start = cpu_now();

	r->packets = 0;
	while (pcap_next_ex(pcap, &head, &p.data) == 1) {
		p.caplen = head->caplen;
		p.len = head->len;
		p.time_ns = (uint64_t)head->ts.tv_sec * 1000000000U + (uint64_t)head->ts.tv_usec;
		(void)rpcgate_feed(gate, &p);
		r->packets++;
	}
	while (rpcgate_finish(gate).n_events)
		;
	r->cpu_s = cpu_now() - start;
	rpcgate_stats(gate, &r->stats);
	rpcgate_free(gate);
	pcap_close(pcap);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

static bool counted(const char *what, uint64_t planned, uint64_t got)
{
	if (planned != got)
		printf("  WRONG: %s: planned %llu, counted %llu\n", what,
		       (unsigned long long)planned, (unsigned long long)got);
	return planned == got;
}

static bool as_planned(const char *path, const struct reading *r)
{
	const struct rpcgate_stats *s = &r->stats;
	struct mix_plan plan;
	bool good = true;

	if (!mix_read_plan(path, &plan)) {
		printf("  no plan beside the capture: counts are not checked\n");
		return true;
	}
	good &= counted("packets", plan.packets, s->packets);
	good &= counted("answers", plan.answers, s->answers);
	good &= counted("bindings accepted", plan.bindings_accepted, s->bindings_accepted);
	good &= counted("binds allowed", plan.binds_allowed, s->binds_allowed);
	good &= counted("binds denied", plan.binds_denied, s->binds_denied);
	return good;
}

static const char *goal_of(const char *path, double ratio)
{
	static char text[64];

	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
		if (strstr(name, goals[i].mix))
			(void)snprintf(text, sizeof(text), " (goal >= %.2f: %s)", goals[i].ratio,
				       ratio >= goals[i].ratio ? "reached" : "MISSED");
	return text;
}

static bool measure(const char *path)
{
	static char buffer[STDIO_OCTETS];
	double empty[ROUNDS], buffered[ROUNDS], engine[ROUNDS], ratios[ROUNDS], ratio;
	struct reading e = { 0 }, b = { 0 }, g = { 0 };
	struct rusage usage;

	read_empty(path, NULL, &e); /* into the page cache */
	for (int i = 0; i < ROUNDS; i++) {
		read_empty(path, NULL, &e);
		read_empty(path, buffer, &b);
		read_engine(path, &g);
		empty[i] = e.cpu_s;
		buffered[i] = b.cpu_s;
		engine[i] = g.cpu_s;
		ratios[i] = e.cpu_s / g.cpu_s;
	}
	ratio = median(ratios);
	getrusage(RUSAGE_SELF, &usage);
	printf("%s\n", path);
	printf("  packets %llu, answers %llu, binds %llu allowed %llu denied\n",
	       (unsigned long long)g.packets, (unsigned long long)g.stats.answers,
	       (unsigned long long)g.stats.binds_allowed, (unsigned long long)g.stats.binds_denied);
	printf("  empty loop %8.1f ns/packet %6.2f M packets/s\n",
	       median(empty) * 1e9 / (double)e.packets, (double)e.packets / median(empty) * 1e-6);
	printf("  .. 64 KiB  %8.1f ns/packet\n", median(buffered) * 1e9 / (double)b.packets);
	printf("  engine     %8.1f ns/packet %6.2f M packets/s\n",
	       median(engine) * 1e9 / (double)g.packets, (double)g.packets / median(engine) * 1e-6);
	printf("  ratio      %8.3f%s\n", ratio, goal_of(path, ratio));
	printf("  rounds     %8.3f to %.3f\n", ratios[0], ratios[ROUNDS - 1]);
	printf("  peak RSS   %8.1f MB so far\n", (double)usage.ru_maxrss / 1024);
	return as_planned(path, &g);
}

static bool measure_mix(enum mix_kind kind)
{
	const char *dir = getenv("TMPDIR");
	char path[4096], plan[4104];
	struct mix_plan ignored;
	bool good;

	(void)snprintf(path, sizeof(path), "%s/bench-%s-%ld.pcap", dir ? dir : "/tmp",
		       mix_name(kind), (long)getpid());
	(void)snprintf(plan, sizeof(plan), "%s.plan", path);
	if (!mix_write(path, kind, MEGABYTES * 1000000ULL, 1, &ignored)) {
		perror(path);
		return false;
	}
	good = measure(path);
	(void)unlink(path);
	(void)unlink(plan);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++)
		good &= measure(argv[i]);
	for (unsigned kind = 0; argc == 1 && kind < MIX_KINDS; kind++)
		good &= measure_mix((enum mix_kind)kind);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
