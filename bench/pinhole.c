/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pinhole.c - tables of pinholes: each operation, at each size, beside memory itself and others
 *
 * Keys are random and fixed by their seed.  "IPv4" keys fit the table as they are; of "IPv6" ones
 * a keyed digest is made first, as the engine does, and a hit compares the whole key.  The hash is
 * keyed everywhere.  Every look-up's answer is checked: as many as were put in, none of the others.
 */
#include "bench.h"
#include "bounds.h"
#include "lease.h"
#include "octets.h"
#include "rivals.h"
#include "rpcgate.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ASKED 1000000U     /* look-ups in a round */
#define TIMED_TOGETHER 16U /* a clock of processor time costs more than what it measures */
#define STALL_ROUNDS 3U
#define NOW 1000U
#define LATER 2000U
#define TOPIC_LOOKUP "look-up"
#define TOPIC_BOUND "memory"

static const struct hash_key secret = { 0x243f6a8885a308d3U, 0x13198a2e03707344U };

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

/* The keys of a table are even in b, all others odd: none is both */
static struct lease_key key_number(uint64_t seed, uint64_t i, bool there)
{
	struct random r = { seed + i };
	uint64_t a = random_next(&r);

	return (struct lease_key){ a, (uint32_t)random_next(&r) << 1 | !there };
}

struct keys {
	struct lease_key *in; /* what is in the table */
	uint32_t n;
	struct lease_key *ask; /* ASKED look-ups */
	struct lease *found;
};

static struct keys keys_new(uint32_t n)
{
	struct keys k = { need(malloc(n * sizeof(struct lease_key))), n,
			  need(malloc(ASKED * sizeof(struct lease_key))),
			  need(malloc(ASKED * sizeof(struct lease))) };

	for (uint32_t i = 0; i < n; i++)
		k.in[i] = key_number(1, i, true);
	return k;
}

static void keys_free(struct keys *k)
{
	free(k->in);
	free(k->ask);
	free(k->found);
}

/* What is asked for: how many of a hundred are there, and whether few of them are asked for often */
struct pattern {
	const char *name;
	unsigned hits;
	bool skewed;
};

static uint32_t some(struct random *r, uint32_t n, bool skewed)
{
	/* 80 % of the questions are about 1 % of the keys */
	return (uint32_t)random_below(r, skewed && random_below(r, 100) < 80 && n >= 100 ? n / 100 :
											   n);
}

/* Returns how many are there */
static uint32_t ask(struct keys *k, const struct pattern *p)
{
	struct random r = { 99 };
	uint32_t hits = 0;

	for (uint32_t i = 0; i < ASKED; i++) {
		bool there = random_below(&r, 100) < p->hits;

		hits += there;
		k->ask[i] = there ? k->in[some(&r, k->n, p->skewed)] :
				    key_number(2, random_next(&r), false);
	}
	return hits;
}

/* -------------------------------------------------------------------- look-ups */

static uint32_t find_one_by_one(const struct leases *t, const struct keys *k)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < ASKED; i++) {
		struct lease lease = lease_find(t, k->ask[i]);

		found += lease.index && lease.until > NOW;
	}
	return found;
}

static uint32_t find_many(const struct leases *t, const struct keys *k)
{
	uint32_t found = 0;

	lease_find_many(t, k->ask, ASKED, k->found);
	for (uint32_t i = 0; i < ASKED; i++)
		found += k->found[i].index && k->found[i].until > NOW;
	return found;
}

typedef uint32_t find(const struct leases *t, const struct keys *k);

static void measure_find(struct bench *b, const struct leases *t, const struct keys *k,
			 const char *series, find *run, uint32_t hits, struct bench_goal goal)
{
	double ns[BENCH_ROUNDS_MAX];

	(void)run(t, k); /* warm up */
	for (unsigned i = 0; i < b->rounds; i++) {
		double start = bench_cpu();
		uint32_t found = run(t, k);

		ns[i] = (bench_cpu() - start) / ASKED * 1e9;
		if (found != hits)
			bench_wrong(b, "%s at %u: %u found, %u are there", series, k->n, found,
				    hits);
	}
	bench_note(b, TOPIC_LOOKUP, series, k->n, "ns", ns, b->rounds, goal);
}

static void look_up(struct bench *b, const struct leases *t, struct keys *k)
{
	static const struct pattern patterns[] = {
		{ "hit", 100, false },
		{ "miss", 0, false },
		{ "mixed", 50, false },
		{ "skewed hit", 100, true },
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		uint32_t hits = ask(k, &patterns[i]);
		bool hit = i == 0;
		char series[48];

		bench_progress(b, "%u pinholes: %s", k->n, patterns[i].name);
		snprintf(series, sizeof(series), "%s, one by one", patterns[i].name);
		measure_find(b, t, k, series, find_one_by_one, hits,
			     hit && k->n == 10000000 ? AT_MOST(45) :
			     hit && k->n == 1000     ? AT_MOST(6) :
						       NO_GOAL);
		snprintf(series, sizeof(series), "%s, in batches", patterns[i].name);
		measure_find(b, t, k, series, find_many, hits, NO_GOAL);
	}
}

/* ------------------------------------------------------------------------ IPv6 */

struct long_key {
	uint64_t word[5];
};

static struct long_key long_key_of(struct lease_key key)
{
	return (struct long_key){ { 0x20010db800000000U, key.a, 0x20010db800000001U, ~key.a,
				    key.b } };
}

static struct lease_key digest(const struct hash_sums *sums, const struct long_key *key)
{
	uint32_t word[sizeof(*key) / 4];

	memcpy(word, key, sizeof(*key));
	return (struct lease_key){ hash_sum(sums, word, sizeof(word) / 4), (uint32_t)key->word[4] };
}

static void look_up_ipv6(struct bench *b, struct keys *k)
{
	static const struct pattern hits = { "hit", 100, false };
	struct long_key *objects = need(malloc(((size_t)k->n + 1) * sizeof(*objects)));
	struct long_key *asked = need(malloc(ASKED * sizeof(*asked)));
	double ns[BENCH_ROUNDS_MAX];
	const struct hash_sums sums = hash_sums_of(&secret, 40);
	struct leases t;

	if (!leases_init(&t, k->n, false, &secret))
		abort();
	for (uint32_t i = 0; i < k->n; i++) {
		objects[i + 1] = long_key_of(k->in[i]);
		lease_add(&t, digest(&sums, &objects[i + 1]), i + 1, LATER);
	}
	(void)ask(k, &hits);
	for (uint32_t i = 0; i < ASKED; i++)
		asked[i] = long_key_of(k->ask[i]);
	for (unsigned round = 0; round < b->rounds; round++) {
		double start = bench_cpu();
		uint32_t found = 0;

		for (uint32_t i = 0; i < ASKED; i++) {
			struct lease lease = lease_find(&t, digest(&sums, &asked[i]));

			found += lease.index && lease.until > NOW &&
				 memcmp(&objects[lease.index], &asked[i], sizeof(*asked)) == 0;
		}
		ns[round] = (bench_cpu() - start) / ASKED * 1e9;
		if (found != ASKED)
			bench_wrong(b, "IPv6 at %u: %u found of %u", k->n, found, ASKED);
	}
	bench_note(b, TOPIC_LOOKUP, "hit, IPv6, key compared", k->n, "ns", ns, b->rounds, NO_GOAL);
	leases_done(&t);
	free(objects);
	free(asked);
}

/* ------------------------------------------------------ opening, renewing, ending */

static void open_all(struct bench *b, struct leases *t, const struct keys *k, double *ns)
{
	double start = bench_cpu();

	if (!leases_init(t, k->n, false, &secret))
		abort();
	for (uint32_t i = 0; i < k->n; i++)
		lease_add(t, k->in[i], i + 1, LATER);
	*ns = (bench_cpu() - start) / k->n * 1e9;
	if (t->n != k->n)
		bench_wrong(b, "%u pinholes of %u are there", t->n, k->n);
}

/* ------------------------------------------------------------------------ stalls */

/* What the program causes it causes at the same place of each round, and what the machine causes
 * (interrupts, a host that takes the processor away) elsewhere each time: the least that a place
 * took in any round is the program's, and the most of all places is its longest stall. */
struct stalls {
	float *least; /* s, by place */
	size_t n;
	unsigned rounds;
	double worst; /* of all single samples */
};

static struct stalls stalls_new(size_t n)
{
	return (struct stalls){ .least = need(calloc(n, sizeof(float))), .n = n };
}

static void stall_note(struct stalls *stalls, size_t place, double took_s)
{
	if (took_s > stalls->worst)
		stalls->worst = took_s;
	if (!stalls->rounds || took_s < (double)stalls->least[place])
		stalls->least[place] = (float)took_s;
}

static void stalls_tell(struct bench *b, const struct stalls *stalls, const char *topic,
			const char *series, uint32_t x, struct bench_goal goal)
{
	double longest = 0;

	for (size_t i = 0; i < stalls->n; i++)
		if ((double)stalls->least[i] > longest)
			longest = (double)stalls->least[i];
	bench_note_one(b, topic, series, x, "us", longest * 1e6, goal);
}

/* A clock around every sixteen insertions; with @p k NULL around none */
static void stalls_of_opening(struct stalls *stalls, const struct keys *k)
{
	struct leases t;
	double last, now;

	if (k && !leases_init(&t, k->n, false, &secret))
		abort();
	last = bench_cpu();
	for (size_t place = 0; place < stalls->n; place++) {
		for (size_t i = place * TIMED_TOGETHER; k && i < (place + 1) * TIMED_TOGETHER; i++)
			if (i < k->n)
				lease_add(&t, k->in[i], (uint32_t)i + 1, LATER);
		now = bench_cpu();
		stall_note(stalls, place, now - last);
		last = now;
	}
	if (k)
		leases_done(&t);
	(void)malloc_trim(0); /* the next round has to ask for memory again */
	stalls->rounds++;
}

/* An analysis runs with what malloc gives it, pages of 4 KiB: to hand out one of 2 MiB takes the
 * kernel longer than the goal, and cannot be divided */
static void small_pages(bool on)
{
	if (prctl(PR_SET_THP_DISABLE, on, 0, 0, 0) != 0)
		abort();
}

static void slowest_open(struct bench *b, const struct keys *k)
{
	static const char *const series[] = { "table grows, pages of 4 KiB", "pages as in the rest",
					      "the clock alone" };
	const size_t places = (k->n + TIMED_TOGETHER - 1) / TIMED_TOGETHER;

	for (unsigned way = 0; way < 3; way++) {
		struct stalls stalls = stalls_new(places);

		bench_progress(b, "%u pinholes: the slowest, %s", k->n, series[way]);
		small_pages(way == 0);
		for (unsigned i = 0; i < STALL_ROUNDS; i++)
			stalls_of_opening(&stalls, way < 2 ? k : NULL);
		small_pages(false);
		stalls_tell(b, &stalls, "slowest open", series[way], k->n,
			    way == 0 ? AT_MOST(50) : NO_GOAL);
		bench_note_one(b, "slowest open: worst sample", series[way], k->n, "us",
			       stalls.worst * 1e6, NO_GOAL);
		free(stalls.least);
	}
}

static double renew_ns(const struct leases *table, struct keys *k)
{
	struct leases *t = (struct leases *)(uintptr_t)table;
	struct random r = { 5 };
	uint32_t *order = need(malloc(ASKED * sizeof(*order)));
	double start;

	for (uint32_t i = 0; i < ASKED; i++)
		order[i] = (uint32_t)random_below(&r, k->n);
	for (uint32_t i = 0; i < ASKED; i++)
		k->ask[i] = k->in[order[i]];
	start = bench_cpu();
	for (uint32_t i = 0; i < ASKED; i++)
		lease_renew(t, k->ask[i], lease_find(t, k->ask[i]).index, LATER + 1);
	start = (bench_cpu() - start) / ASKED * 1e9;
	free(order);
	return start;
}

/* Find all that have ended, none of which has; then all, which have */
static void sweep_all(struct bench *b, const struct leases *t, uint32_t n, double *idle,
		      double *ended)
{
	static const uint32_t moments[] = { NOW, LATER + 2 };
	double *into[] = { idle, ended };

	for (unsigned i = 0; i < 2; i++) {
		uint32_t found = 0, at = 1, list[64];
		double start = bench_cpu();

		while (at <= n) {
			size_t some_ended = lease_sweep(t, at, n, moments[i], list, 64, &at);

			for (size_t e = 0; e < some_ended; e++)
				bench_use(list[e]);
			found += (uint32_t)some_ended;
		}
		*into[i] = (bench_cpu() - start) / n * 1e9;
		if (found != (i ? n : 0))
			bench_wrong(b, "the sweep found %u of %u", found, i ? n : 0);
	}
}

static double remove_ns(struct leases *t, const struct keys *k)
{
	double start = bench_cpu();

	for (uint32_t i = 0; i < k->n; i++)
		lease_remove(t, k->in[i], i + 1);
	return (bench_cpu() - start) / k->n * 1e9;
}

static void change(struct bench *b, struct keys *k)
{
	double open[BENCH_ROUNDS_MAX], renew[BENCH_ROUNDS_MAX];
	double idle[BENCH_ROUNDS_MAX], ended[BENCH_ROUNDS_MAX], gone[BENCH_ROUNDS_MAX];
	unsigned rounds = k->n > 1000000 && !b->options.full ? 3 : b->rounds;
	bool large = k->n == 10000000;
	struct leases t;

	for (unsigned i = 0; i < rounds; i++) {
		bench_progress(b, "%u pinholes: opened and ended, round %u", k->n, i + 1);
		open_all(b, &t, k, &open[i]);
		renew[i] = renew_ns(&t, k);
		sweep_all(b, &t, k->n, &idle[i], &ended[i]);
		if (i + 1 < rounds) {
			gone[i] = remove_ns(&t, k);
			leases_done(&t);
		}
	}
	bench_note_one(b, "octets of a table entry", "IPv4 and IPv6", k->n, "octets",
		       (double)leases_octets(&t) / k->n, AT_MOST(64));
	look_up(b, &t, k);
	gone[rounds - 1] = remove_ns(&t, k);
	if (t.n)
		bench_wrong(b, "%u pinholes are left", t.n);
	leases_done(&t);
	bench_note(b, "change", "open, table grows", k->n, "ns", open, rounds,
		   large ? AT_MOST(120) : NO_GOAL);
	bench_note(b, "change", "refresh", k->n, "ns", renew, rounds, NO_GOAL);
	bench_note(b, "change", "sweep, none ended", k->n, "ns", idle, rounds, NO_GOAL);
	bench_note(b, "change", "expire", k->n, "ns", ended, rounds, AT_MOST(6));
	bench_note(b, "change", "remove", k->n, "ns", gone, rounds, NO_GOAL);
	slowest_open(b, k);
}

/* -------------------------------------------------------------------- how full */

/* A table of full size for @capacity, filled to a part: half of its slots is all it takes, more
 * go on in further lines */
static void fill(struct bench *b, uint32_t capacity)
{
	static const unsigned percents[] = { 15, 25, 40, 50, 60, 75 };
	static const struct pattern hits = { "hit", 100, false };

	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		uint32_t n = (uint32_t)((uint64_t)capacity * percents[i] / 50);
		struct keys k = keys_new(n);
		double ns[BENCH_ROUNDS_MAX];
		struct leases t;

		bench_progress(b, "%u %% full", percents[i]);
		/* as many lines as for @capacity, places to go on for n */
		if (!leases_init(&t, n > capacity ? n : capacity, true, &secret))
			abort();
		if (n > capacity) {
			leases_done(&t);
			if (!leases_init(&t, n, false, &secret))
				abort();
			t.homes = (uint32_t)((uint64_t)capacity * 2 / 3);
		}
		for (uint32_t e = 0; e < n; e++)
			lease_add(&t, k.in[e], e + 1, LATER);
		(void)ask(&k, &hits);
		for (unsigned round = 0; round < b->rounds; round++) {
			double start = bench_cpu();
			uint32_t found = find_many(&t, &k);

			ns[round] = (bench_cpu() - start) / ASKED * 1e9;
			if (found != ASKED)
				bench_wrong(b, "%u %% full: %u found of %u", percents[i], found,
					    ASKED);
		}
		bench_note(b, "hit in batches by percent full", "IPv4", percents[i], "ns", ns,
			   b->rounds, NO_GOAL);
		leases_done(&t);
		keys_free(&k);
	}
}

/* ------------------------------------------------------------------- adversary */

/* He knows the code, not the key: keys that all meet in few lines under a key of his choice */
static void attack(struct bench *b, uint32_t n)
{
	static const struct hash_key his = { 1, 2 };
	static const struct pattern hits = { "hit", 100, false };
	struct keys random = keys_new(n), chosen = keys_new(n);
	double ratio[BENCH_ROUNDS_MAX];
	struct leases guess, t[2];
	uint32_t found = 0;

	bench_progress(b, "keys chosen by an adversary");
	if (!leases_init(&guess, n, true, &his) || !leases_init(&t[0], n, false, &secret) ||
	    !leases_init(&t[1], n, false, &secret))
		abort();
	for (uint64_t i = 0; found < n; i++) {
		struct lease_key key = { i * 0x100000001U, (uint32_t)(i >> 20) };

		if (lease_home(&guess, lease_hash_of(&guess, key)) < n / 64)
			chosen.in[found++] = key;
	}
	for (uint32_t i = 0; i < n; i++) {
		lease_add(&t[0], random.in[i], i + 1, LATER);
		lease_add(&t[1], chosen.in[i], i + 1, LATER);
	}
	(void)ask(&random, &hits);
	(void)ask(&chosen, &hits);
	for (unsigned i = 0; i < b->rounds; i++) {
		double start = bench_cpu(), middle;
		uint32_t sum = find_one_by_one(&t[0], &random);

		middle = bench_cpu();
		sum += find_one_by_one(&t[1], &chosen);
		ratio[i] = (bench_cpu() - middle) / (middle - start);
		if (sum != 2 * ASKED)
			bench_wrong(b, "adversary: %u found of %u", sum, 2 * ASKED);
	}
	bench_note(b, "cost under chosen keys", "hit, times that of random keys", 0, "x", ratio,
		   b->rounds, AT_MOST(2));
	leases_done(&guess);
	leases_done(&t[0]);
	leases_done(&t[1]);
	keys_free(&random);
	keys_free(&chosen);
}

/* ---------------------------------------------------------------------- bounds */

static void bound(struct bench *b, uint32_t n)
{
	uint64_t octets = (uint64_t)n * 36;
	double chase[BENCH_ROUNDS_MAX], lines[BENCH_ROUNDS_MAX];
	double batched = bench_median(b, TOPIC_LOOKUP, "hit, in batches", n);

	for (unsigned i = 0; i < b->rounds; i++) {
		bench_progress(b, "memory as large as %u pinholes", n);
		chase[i] = bound_chase_ns(octets, ASKED);
		lines[i] = bound_lines_ns(octets, 4 * ASKED);
	}
	bench_note(b, TOPIC_BOUND, "line after line", n, "ns", chase, b->rounds, NO_GOAL);
	bench_note(b, TOPIC_BOUND, "random lines in batches", n, "ns", lines, b->rounds, NO_GOAL);
	bench_note_one(b, "hit in batches / random lines", "IPv4", n, "x",
		       batched / lines[b->rounds / 2], n == 10000000 ? AT_MOST(1.5) : NO_GOAL);
}

/* ---------------------------------------------------------------------- rivals */

static void rival(struct bench *b, const struct rival *rival, struct keys *k,
		  const struct leases *hash)
{
	static const struct pattern hits = { "hit", 100, false };
	double start, ns[BENCH_ROUNDS_MAX];
	char series[48];
	void *t;

	bench_progress(b, "%s with %u pinholes", rival->name, k->n);
	t = rival->make(k->n, hash);
	if (!t) {
		fprintf(stderr, "rpcgate-bench: %s: not measured: %s\n", rival->name,
			strerror(errno));
		return;
	}
	start = bench_cpu();
	if (!rival->add(t, k->in, k->n))
		bench_wrong(b, "%s: %s", rival->name, strerror(errno));
	snprintf(series, sizeof(series), "%s", rival->name);
	bench_note_one(b, "others: open", series, k->n, "ns", (bench_cpu() - start) / k->n * 1e9,
		       NO_GOAL);
	(void)ask(k, &hits);
	for (unsigned i = 0; rival->find && i < b->rounds; i++) {
		uint32_t found;

		start = bench_cpu();
		found = rival->find(t, k->ask, ASKED / 4);
		ns[i] = (bench_cpu() - start) / (ASKED / 4.0) * 1e9;
		if (found != ASKED / 4)
			bench_wrong(b, "%s: %u found of %u", rival->name, found, ASKED / 4);
	}
	if (rival->find)
		bench_note(b, "others: hit", series, k->n, "ns", ns, b->rounds, NO_GOAL);
	rival->free(t);
}

static void all_rivals(struct bench *b, uint32_t n)
{
	struct keys k = keys_new(n);
	struct leases hash;

	if (!leases_init(&hash, 1, false, &secret))
		abort();
	for (size_t i = 0; rivals[i]; i++)
		if (n <= rivals[i]->most || (b->options.full && n <= rivals[i]->most * 10))
			rival(b, rivals[i], &k, &hash);
	leases_done(&hash);
	keys_free(&k);
}

/* ------------------------------------------------------- through the whole engine */

static double resident_octets(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		abort();
	(void)fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1700000000) * SECOND)
#define PER_CLIENT 1000U
#define TICKS_MAX 1000000U

static struct rpcgate *engine_for(uint32_t n)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	rpcgate_config_default(&cfg);
	memset(cfg.hash_key, 0x5a, sizeof(cfg.hash_key));
	cfg.max_pinholes = n;
	cfg.max_pinholes_per_client = PER_CLIENT;
	cfg.max_pinholes_per_server = n;
	gate = rpcgate_new(&cfg, err);
	if (!gate) {
		fprintf(stderr, "rpcgate-bench: %s\n", err);
		abort();
	}
	return gate;
}

static struct rpcgate_addr host(uint32_t net, uint32_t number)
{
	return (struct rpcgate_addr){ { [10] = 0xff,
					[11] = 0xff,
					[12] = (uint8_t)net,
					[13] = (uint8_t)(number >> 16),
					[14] = (uint8_t)(number >> 8),
					[15] = (uint8_t)number } };
}

static void open_in(struct bench *b, struct rpcgate *gate, uint32_t n)
{
	struct rpcgate_stats stats;

	(void)rpcgate_tick(gate, START);
	for (uint32_t i = 0; i < n; i++) {
		const struct rpcgate_pinhole_record record = {
			.client = host(10, i / PER_CLIENT),
			.server = host(11, i % 1009),
			.proto = 6, /* TCP */
			.port = (uint16_t)(49152 + i % 16381),
			.interface = { .major = 1 },
			.open = true,
			.source = RPCGATE_EPT_MAP,
			.learned_ns = START,
			.until_ns = START + 100 * SECOND,
		};

		(void)rpcgate_restore_pinhole(gate, &record, START);
	}
	rpcgate_stats(gate, &stats);
	if (stats.pinholes_live != n)
		bench_wrong(b, "%llu pinholes of %u are open in the engine",
			    (unsigned long long)stats.pinholes_live, n);
}

/* Let all end in the same second, and see how long each packet waits for it
 * @return packets until all had ended */
static size_t end_all(struct bench *b, struct rpcgate *gate, struct stalls *stalls,
		      double *waits_us)
{
	uint64_t at = START + 99 * SECOND;
	struct rpcgate_stats stats;
	size_t ticks = 0;

	do {
		double took = bench_cpu();

		(void)rpcgate_tick(gate, at);
		took = bench_cpu() - took;
		stall_note(stalls, ticks, took);
		waits_us[ticks] = took * 1e6;
		at += SECOND / 5000;
		if (ticks % 64 == 0)
			rpcgate_stats(gate, &stats);
	} while (++ticks < TICKS_MAX && stats.pinholes_live);
	if (stats.pinholes_live)
		bench_wrong(b, "%llu pinholes do not end", (unsigned long long)stats.pinholes_live);
	stalls->rounds++;
	return ticks;
}

/* Open @n pinholes, let all end in the same second, and see how long one packet waits for it */
static void whole_engine(struct bench *b, uint32_t n)
{
	struct stalls stalls = stalls_new(TICKS_MAX);
	double *waits_us = need(calloc(TICKS_MAX, sizeof(*waits_us)));
	double restore[STALL_ROUNDS], octets = 0;
	size_t ticks = 0;

	for (unsigned i = 0; i < STALL_ROUNDS; i++) {
		struct rpcgate *gate = engine_for(n);
		double resident = resident_octets(), start = bench_cpu();

		bench_progress(b, "%u pinholes in an engine, round %u", n, i + 1);
		open_in(b, gate, n);
		restore[i] = (bench_cpu() - start) / n * 1e9;
		if (!i)
			octets = (resident_octets() - resident) / n;
		ticks = end_all(b, gate, &stalls, waits_us);
		rpcgate_free(gate);
	}
	stalls.n = ticks;
	bench_note(b, "engine", "restore a pinhole", n, "ns", restore, STALL_ROUNDS, NO_GOAL);
	bench_note_one(b, "engine: octets of a pinhole", "one interface, all that belongs to it", n,
		       "octets", octets, AT_MOST(64));
	stalls_tell(b, &stalls, "engine: wait while all end", "slowest packet", n, AT_MOST(100));
	bench_note_one(b, "engine: wait while all end", "worst sample", n, "us", stalls.worst * 1e6,
		       NO_GOAL);
	bench_note(b, "engine: wait while all end", "packet", n, "us", waits_us, ticks, NO_GOAL);
	for (unsigned i = 0; i < 5; i++) {
		static const double ranks[] = { 50, 90, 99, 99.9, 99.99 };

		bench_note_one(b, "engine: wait by percentile", "packet while all end", ranks[i],
			       "us", waits_us[(size_t)((double)(ticks - 1) * ranks[i] / 100)],
			       NO_GOAL);
	}
	free(waits_us);
	free(stalls.least);
}

void bench_pinhole(struct bench *b)
{
	static const uint32_t sizes[] = { 1000, 100000, 1000000, 10000000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct keys k = keys_new(sizes[i]);

		change(b, &k);
		look_up_ipv6(b, &k);
		bound(b, sizes[i]);
		keys_free(&k);
	}
	fill(b, 1000000);
	attack(b, b->options.full ? 1000000 : 100000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] < 10000000 || b->options.full)
			all_rivals(b, sizes[i]);
	whole_engine(b, 1000000);
}
