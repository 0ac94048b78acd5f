/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - what rules cost: reading a policy, and judging binds by few and by many rules
 *
 * usage: policy [RULES]     10000 without
 *
 * Three shapes of policy: every rule for another interface; every rule for another client's
 * network; both, with groups and versions.  The bind that is judged is matched by the last rule,
 * so that no order of rules makes it cheap.  A bind is a whole connection through the engine:
 * handshake, bind, answer, end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builder.h"
#include "feed.h"

#define FEW 10U
#define ROUNDS 20U
#define CONNECTIONS 2000U
#define PORT 49160
#define LAST "allow interface samr from 192.0.2.0/24\n"

struct text {
	char *p;
	size_t n;
};

typedef int write_rule(char *at, size_t room, unsigned i);

static int by_interface(char *at, size_t room, unsigned i)
{
	return snprintf(at, room, "deny interface %08x-1111-2222-3333-444444444444\n", i);
}

static int by_network(char *at, size_t room, unsigned i)
{
	return snprintf(at, room, "deny interface samr from 10.%u.%u.0/24\n", i >> 8 & 255,
			i & 255);
}

static int mixed(char *at, size_t room, unsigned i)
{
	switch (i % 4) {
	case 0:
		return by_interface(at, room, i);
	case 1:
		return by_network(at, room, i);
	case 2:
		return snprintf(at, room, "log group lsass to 10.%u.%u.%u\n", i >> 16 & 255,
				i >> 8 & 255, i & 255);
	default:
		return snprintf(at, room,
				"deny interface drsuapi version %u opnum 3 from 10.%u.0.0/16\n",
				i & 7, i >> 2 & 255);
	}
}

static const struct {
	const char *name;
	write_rule *write;
} shapes[] = { { "interfaces", by_interface }, { "networks", by_network }, { "mixed", mixed } };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static struct text make(write_rule *write, unsigned rules)
{
	size_t room = (size_t)rules * 96 + sizeof(LAST);
	struct text text = { malloc(room), 0 };

	if (!text.p)
		abort();
	for (unsigned i = 0; i + 1 < rules; i++)
		text.n += (size_t)write(text.p + text.n, room - text.n, i);
	memcpy(text.p + text.n, LAST, sizeof(LAST));
	text.n += sizeof(LAST) - 1;
	return text;
}

static struct rpcgate_policy *load(const struct text *text)
{
	const struct rpcgate_policy_source source = { "bench", text->p, text->n };
	struct rpcgate_policy_error error;
	size_t n;
	struct rpcgate_policy *policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);

	if (!policy) {
		fprintf(stderr, "%s:%u:%u: %s\n", error.file, error.line, error.column, error.text);
		exit(1);
	}
	return policy;
}

/* The fastest of several: what else runs on the machine only ever adds */
static double load_ms(const struct text *text)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = now_ns();
		struct rpcgate_policy *policy = load(text);
		uint64_t took = now_ns() - start;

		rpcgate_policy_free(policy);
		best = took < best ? took : best;
	}
	return (double)best / 1e6;
}

static void build(struct packets *list)
{
	uint64_t clock_ns = UINT64_C(1700000000000000000);
	struct conn c;

	list->linktype = RPCGATE_LINK_ETHERNET;
	conn_init(&c, list, &clock_ns, "192.0.2.10", 40000, "192.0.2.20", 135);
	talk_map(&c, &iface_samr, PORT, "192.0.2.20");
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		conn_init(&c, list, &clock_ns, "192.0.2.10", (uint16_t)(40001 + i), "192.0.2.20",
			  PORT);
		c.step_ns = 1000;
		conn_open(&c);
		talk_bind(&c, &iface_samr, 1);
		conn_close(&c, CLIENT);
	}
}

static uint64_t feed_all(const struct packets *list, const struct rpcgate_policy *policy)
{
	struct rpcgate_config cfg;
	struct rpcgate_stats stats;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;
	uint64_t start;
	uint64_t took;

	feed_config(&cfg);
	gate = rpcgate_new(&cfg, err);
	if (!gate)
		abort();
	rpcgate_set_policy(gate, policy);
	start = now_ns();
	for (size_t i = 0; i < list->n; i++) {
		struct rpcgate_packet packet = packets_get(list, i);

		rpcgate_feed(gate, &packet);
	}
	took = now_ns() - start;
	rpcgate_stats(gate, &stats);
	if (stats.binds_allowed != CONNECTIONS + 1) {
		fprintf(stderr, "%" PRIu64 " binds allowed, not %u\n", stats.binds_allowed,
			CONNECTIONS + 1);
		exit(1);
	}
	rpcgate_free(gate);
	return took;
}

/* Nanoseconds of a connection with one bind */
static double bind_ns(const struct packets *list, const struct rpcgate_policy *policy)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t took = feed_all(list, policy);

		best = took < best ? took : best;
	}
	return (double)best / CONNECTIONS;
}

static void measure(size_t shape, unsigned rules, const struct packets *list, double none)
{
	struct text few = make(shapes[shape].write, FEW);
	struct text many = make(shapes[shape].write, rules);
	struct rpcgate_policy *small = load(&few);
	struct rpcgate_policy *large = load(&many);
	double at_few = bind_ns(list, small);
	double at_many = bind_ns(list, large);
	double judging = at_few > none ? (at_many - none) / (at_few - none) : 0;

	printf("%-10s  load %u rules: %.1f ms;  connection with a bind: %.0f ns without rules, %.0f "
	       "at %u, %.0f at %u;  ratio %.2f, of judging alone %.2f\n",
	       shapes[shape].name, rules, load_ms(&many), none, at_few, FEW, at_many, rules,
	       at_many / at_few, judging);
	rpcgate_policy_free(small);
	rpcgate_policy_free(large);
	free(few.p);
	free(many.p);
}

int main(int argc, char **argv)
{
	unsigned rules = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
	struct packets list = { 0 };
	double none;

	if (rules <= FEW) {
		fprintf(stderr, "usage: policy [RULES]   more than %u\n", FEW);
		return 2;
	}
	build(&list);
	none = bind_ns(&list, NULL);
	for (size_t i = 0; i < COUNT(shapes); i++)
		measure(i, rules, &list, none);
	packets_free(&list);
	return 0;
}
