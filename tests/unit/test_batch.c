/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets in batches against one by one: the same events, results and counts */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "feed.h"
#include "packets.h"
#include "rows.h"

#define PCAPS TEST_SOURCE_DIR "/pcaps"

struct told {
	struct rpcgate_event *events;
	size_t n;
	struct rpcgate_result *results; /* without their events */
};

static void keep(struct told *t, size_t packet, const struct rpcgate_result *r)
{
	t->results[packet] = *r;
	t->results[packet].events = NULL;
	t->events = reallocarray(t->events, t->n + r->n_events + 1, sizeof(*t->events));
	assert_non_null(t->events);
	if (r->n_events)
		memcpy(t->events + t->n, r->events, r->n_events * sizeof(*r->events));
	t->n += r->n_events;
}

static struct rpcgate *new_engine(enum rpcgate_mode mode)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	feed_config(&cfg);
	cfg.mode = mode;
	gate = rpcgate_new(&cfg, err);
	assert_non_null(gate);
	return gate;
}

enum ahead { AHEAD_NOT, AHEAD_LOOKED, AHEAD_SUMMED, AHEADS };

static const char *const aheads[AHEADS] = { "", ", looked at before,", ", also summed up before," };

/* @at_once packets in a call; 0: one by one, by rpcgate_feed() */
static struct told play(const struct packets *list, enum rpcgate_mode mode, size_t at_once,
			enum ahead ahead, struct rpcgate_stats *stats)
{
	struct rpcgate *gate = new_engine(mode);
	struct told t = { .results = calloc(list->n + 1, sizeof(*t.results)) };
	struct rpcgate_packet packets[64];
	struct rpcgate_result results[64];
	struct rpcgate_ahead seen[64];
	size_t at = 0;

	assert_non_null(t.results);
	while (at < list->n) {
		size_t n = 0, judged = 1;

		while (n < (at_once ? at_once : 1) && at + n < list->n) {
			packets[n] = packets_get(list, at + n);
			n++;
		}
		if (ahead != AHEAD_NOT) {
			rpcgate_look_ahead(packets, n, seen);
			if (ahead == AHEAD_SUMMED)
				rpcgate_sum_ahead(gate, packets, n, seen);
			judged = rpcgate_feed_ahead(gate, packets, seen, n, results);
		} else if (at_once)
			judged = rpcgate_feed_batch(gate, packets, n, results);
		else
			results[0] = rpcgate_feed(gate, packets);
		assert_true(judged == n || (judged && judged < n && results[judged - 1].n_events));
		for (size_t i = 0; i < judged; i++)
			keep(&t, at + i, &results[i]);
		at += judged;
	}
	rpcgate_stats(gate, stats);
	rpcgate_free(gate);
	return t;
}

static bool same_result(const struct rpcgate_result *a, const struct rpcgate_result *b)
{
	return a->action == b->action && a->reason == b->reason && a->standing == b->standing &&
	       a->flow_id == b->flow_id && a->l3_offset == b->l3_offset &&
	       a->not_rpc == b->not_rpc && a->n_events == b->n_events;
}

static bool same(const struct told *a, const struct told *b, size_t packets)
{
	for (size_t i = 0; i < packets; i++)
		if (!same_result(&a->results[i], &b->results[i]))
			return false;
	return a->n == b->n && memcmp(a->events, b->events, a->n * sizeof(*a->events)) == 0;
}

static void compare(const char *path, const struct packets *list, enum rpcgate_mode mode)
{
	static const size_t sizes[] = { 1, 3, 8, 9, 64 };
	struct rpcgate_stats one_stats, stats;
	struct told one = play(list, mode, 0, AHEAD_NOT, &one_stats);

	for (size_t i = 0; i < AHEADS * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t at_once = sizes[i / AHEADS];
		struct told t = play(list, mode, at_once, (enum ahead)(i % AHEADS), &stats);

		if (!same(&t, &one, list->n))
			fail_msg("%s: %zu at once%s differ from one by one", path, at_once,
				 aheads[i % AHEADS]);
		assert_memory_equal(&stats, &one_stats, sizeof(stats));
		free(t.events);
		free(t.results);
	}
	free(one.events);
	free(one.results);
}

static void batches_come_to_the_same(void **state)
{
	DIR *directory = opendir(PCAPS);
	const struct dirent *entry;
	unsigned n = 0;

	(void)state;
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		struct packets list = { 0 };
		char path[4096];

		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), PCAPS "/%s", entry->d_name);
		assert_true(packets_load(&list, path));
		compare(path, &list, RPCGATE_OBSERVE);
		compare(path, &list, RPCGATE_ENFORCE);
		packets_free(&list);
		n++;
	}
	assert_true(n > 10);
	closedir(directory);
}

/* The Bind of a mapper's connection, which changes behind the back of who summed it up */
static uint64_t bad_sums(bool summed_up, bool ours)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	struct rpcgate *gate = new_engine(RPCGATE_ENFORCE);
	uint64_t clock_ns = 1700000000000000000U;
	struct rpcgate_result result;
	struct rpcgate_stats stats;
	struct conn c;

	conn_init(&c, &list, &clock_ns, "192.0.2.1", 40000, "192.0.2.2", ours ? 135 : 4000);
	conn_open(&c);
	conn_send(&c, CLIENT, "\5\0\13\3\20\0\0\0", 8);
	for (size_t i = 0; i < list.n; i++) {
		struct rpcgate_packet packet = packets_get(&list, i);
		struct rpcgate_ahead ahead;
		uint8_t *octets = malloc(packet.caplen);

		assert_non_null(octets);
		memcpy(octets, packet.data, packet.caplen);
		packet.data = octets;
		rpcgate_look_ahead(&packet, 1, &ahead);
		if (summed_up)
			rpcgate_sum_ahead(gate, &packet, 1, &ahead);
		octets[packet.caplen - 1] ^= i == list.n - 1;
		assert_int_equal(rpcgate_feed_ahead(gate, &packet, &ahead, 1, &result), 1);
		free(octets);
	}
	rpcgate_stats(gate, &stats);
	rpcgate_free(gate);
	packets_free(&list);
	return stats.checksum_bad;
}

/* Else it would be done twice */
static void what_was_summed_up_is_not_again(void **state)
{
	(void)state;
	assert_int_equal(bad_sums(false, true), 1);
	assert_int_equal(bad_sums(true, true), 0);
	assert_int_equal(bad_sums(true, false), 0);
}

static enum rpcgate_action action_on(struct rpcgate *gate, uint16_t port)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	uint64_t clock_ns = 1700000000000000000U;
	struct rpcgate_packet packet;
	enum rpcgate_action action;
	struct conn c;

	conn_init(&c, &list, &clock_ns, "192.0.2.1", 40000, "192.0.2.2", port);
	conn_send(&c, CLIENT, "something else", 14);
	packet = packets_get(&list, 0);
	action = rpcgate_feed(gate, &packet).action;
	packets_free(&list);
	return action;
}

/* Nothing is said twice of a port that was nobody's and now is a mapper's, or the other way round */
static void mapper_ports_of_today_count(void **state)
{
	struct rpcgate *gate = new_engine(RPCGATE_ENFORCE);
	struct rpcgate_config cfg;

	(void)state;
	feed_config(&cfg);
	cfg.mode = RPCGATE_ENFORCE;
	assert_int_equal(action_on(gate, 135), RPCGATE_DROP);
	assert_int_equal(action_on(gate, 1135), RPCGATE_PASS);
	cfg.mapper_ports = (struct rpcgate_port_list){ 1, { { 1100, 1200 } } };
	assert_true(rpcgate_set_config(gate, &cfg));
	assert_int_equal(action_on(gate, 135), RPCGATE_PASS);
	assert_int_equal(action_on(gate, 1135), RPCGATE_DROP);
	rpcgate_free(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_come_to_the_same),
		cmocka_unit_test(what_was_summed_up_is_not_again),
		cmocka_unit_test(mapper_ports_of_today_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
