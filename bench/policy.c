/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - what rules cost: reading a policy, and judging binds by few and by many rules
 *
 * Three shapes of policy: every rule for another interface; every rule for another client's
 * network; both, with groups and versions.  The bind that is judged is matched by the last rule,
 * so that no order of rules makes it cheap.  A bind is a whole connection through the engine:
 * handshake, bind, answer, end.
 */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "feed.h"

#define FEW 10U
#define MANY 10000U
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

static void load_ms(struct bench *b, const struct text *text, double ms[BENCH_ROUNDS_MAX])
{
	for (unsigned i = 0; i < b->rounds; i++) {
		double start = bench_now();
		struct rpcgate_policy *policy = load(text);

		ms[i] = (bench_now() - start) * 1e3;
		rpcgate_policy_free(policy);
	}
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

static double feed_all(struct bench *b, const struct packets *list,
		       const struct rpcgate_policy *policy)
{
	struct rpcgate_config cfg;
	struct rpcgate_stats stats;
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;
	double took;

	feed_config(&cfg);
	gate = rpcgate_new(&cfg, err);
	if (!gate)
		abort();
	rpcgate_set_policy(gate, policy);
	took = bench_now();
	for (size_t i = 0; i < list->n; i++) {
		struct rpcgate_packet packet = packets_get(list, i);

		rpcgate_feed(gate, &packet);
	}
	took = bench_now() - took;
	rpcgate_stats(gate, &stats);
	if (stats.binds_allowed != CONNECTIONS + 1)
		bench_wrong(b, "%" PRIu64 " binds allowed, not %u", stats.binds_allowed,
			    CONNECTIONS + 1);
	rpcgate_free(gate);
	return took;
}

/* Nanoseconds of a connection with one bind */
static void bind_ns(struct bench *b, const struct packets *list,
		    const struct rpcgate_policy *policy, double ns[BENCH_ROUNDS_MAX])
{
	for (unsigned i = 0; i < b->rounds; i++)
		ns[i] = feed_all(b, list, policy) / CONNECTIONS * 1e9;
}

static void measure(struct bench *b, size_t shape, unsigned rules, const struct packets *list)
{
	struct text text = make(shapes[shape].write, rules);
	struct rpcgate_policy *policy = load(&text);
	double values[BENCH_ROUNDS_MAX];

	bench_progress(b, "%u rules: %s", rules, shapes[shape].name);
	bind_ns(b, list, policy, values);
	bench_note(b, "policy: connection with a bind", shapes[shape].name, rules, "ns", values,
		   b->rounds, NO_GOAL);
	load_ms(b, &text, values);
	bench_note(b, "policy: read", shapes[shape].name, rules, "ms", values, b->rounds, NO_GOAL);
	rpcgate_policy_free(policy);
	free(text.p);
}

void bench_policy(struct bench *b)
{
	struct packets list = { 0 };
	double ns[BENCH_ROUNDS_MAX];

	build(&list);
	bind_ns(b, &list, NULL, ns);
	bench_note(b, "policy: connection with a bind", "no policy", 1, "ns", ns, b->rounds,
		   NO_GOAL);
	for (size_t i = 0; i < COUNT(shapes); i++) {
		measure(b, i, FEW, &list);
		measure(b, i, MANY, &list);
	}
	packets_free(&list);
}
