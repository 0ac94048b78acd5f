/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets in batches against one by one: the same events, results and counts */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "events.h"
#include "feed.h"
#include "packets.h"
#include "rows.h"

#define PCAPS TEST_SOURCE_DIR "/pcaps"

enum way { ONE_BY_ONE, BATCH, AHEAD, SUMMED, TOLD, WAYS };

static const char *const way_names[WAYS] = { "one by one", "in batches", "looked at before",
					     "summed up before", "told of" };

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
	for (size_t i = 0; i < r->n_events; i++) {
		struct rpcgate_event *event = &t->events[t->n++];

		memset(event, 0, sizeof(*event));
		memcpy(event, &r->events[i], events_octets(&r->events[i]));
	}
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

/* As captured, or some a little earlier than the one before them, and some much */
static struct rpcgate_packet packet_of(const struct packets *list, size_t i, bool disordered)
{
	struct rpcgate_packet packet = packets_get(list, i);

	if (disordered)
		packet.time_ns -= i % 7 == 3 ? 30000000U : i % 50 == 21 ? 2000000000U : 0;
	return packet;
}

/* As rpcgate_feed_ahead() would: where nothing is told of a packet, it is left as it is */
static size_t feed_told(struct rpcgate *gate, const struct rpcgate_packet *packets,
			const struct rpcgate_ahead *seen, size_t n, struct rpcgate_result *results)
{
	struct rpcgate_told told[64];
	size_t n_told, judged = rpcgate_feed_told(gate, packets, seen, n, told, &n_told);

	memset(results, 0, n * sizeof(*results));
	for (size_t i = 0; i < n_told; i++) {
		assert_true(told[i].at < judged && (!i || told[i].at > told[i - 1].at));
		results[told[i].at] = told[i].result;
	}
	return judged;
}

/* @at_once packets in a call */
static struct told play(const struct packets *list, enum rpcgate_mode mode, bool disordered,
			enum way way, size_t at_once, struct rpcgate_stats *stats)
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

		for (; n < at_once && at + n < list->n; n++)
			packets[n] = packet_of(list, at + n, disordered);
		rpcgate_look_ahead(packets, n, seen);
		if (way == SUMMED)
			rpcgate_sum_ahead(gate, packets, n, seen);
		if (way == TOLD)
			judged = feed_told(gate, packets, seen, n, results);
		else if (way == AHEAD || way == SUMMED)
			judged = rpcgate_feed_ahead(gate, packets, seen, n, results);
		else if (way == BATCH)
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

/* Nothing was told of it, so nothing but its standing and where its IP header is may be known */
static bool is_plain_pass(const struct rpcgate_result *r)
{
	return r->action == RPCGATE_PASS && !r->reason && !r->flow_id && !r->not_rpc &&
	       !r->n_events;
}

static bool same_result(const struct rpcgate_result *a, const struct rpcgate_result *b,
			enum way way)
{
	if (way == TOLD && is_plain_pass(a) && is_plain_pass(b))
		return true;
	return a->action == b->action && a->reason == b->reason && a->standing == b->standing &&
	       a->flow_id == b->flow_id && a->l3_offset == b->l3_offset &&
	       a->not_rpc == b->not_rpc && a->n_events == b->n_events;
}

static bool same(const struct told *a, const struct told *b, size_t packets, enum way way)
{
	for (size_t i = 0; i < packets; i++)
		if (!same_result(&a->results[i], &b->results[i], way))
			return false;
	return a->n == b->n && memcmp(a->events, b->events, a->n * sizeof(*a->events)) == 0;
}

static void compare(const char *path, const struct packets *list, enum rpcgate_mode mode,
		    bool disordered)
{
	static const size_t sizes[] = { 1, 3, 8, 9, 16, 33, 64 };
	struct rpcgate_stats one_stats, stats;
	struct told one = play(list, mode, disordered, ONE_BY_ONE, 1, &one_stats);

	for (enum way way = BATCH; way < WAYS; way++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct told t = play(list, mode, disordered, way, sizes[i], &stats);

			if (!same(&t, &one, list->n, way))
				fail_msg("%s: %zu at once, %s, differ from one by one", path,
					 sizes[i], way_names[way]);
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
		for (unsigned i = 0; i < 4; i++)
			compare(path, &list, i % 2 ? RPCGATE_ENFORCE : RPCGATE_OBSERVE, i / 2);
		packets_free(&list);
		n++;
	}
	assert_true(n > 10);
	closedir(directory);
}

/* All captures, one behind the other */
static size_t load_all(struct packets lists[64])
{
	DIR *directory = opendir(PCAPS);
	const struct dirent *entry;
	char path[4096];
	size_t n = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)) && n < 64) {
		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), PCAPS "/%s", entry->d_name);
		assert_true(packets_load(&lists[n++], path));
	}
	closedir(directory);
	return n;
}

static size_t all_of(const struct packets *lists, size_t n_lists, struct rpcgate_packet **all)
{
	size_t n = 0;

	*all = NULL;
	for (size_t k = 0; k < n_lists; k++) {
		*all = reallocarray(*all, n + lists[k].n + 1, sizeof(**all));
		assert_non_null(*all);
		for (size_t i = 0; i < lists[k].n; i++)
			(*all)[n++] = packets_get(&lists[k], i);
	}
	return n;
}

/* One behind the other, so that none is overwritten before it is read, and never more than fit.
 * @return how many */
static size_t events_told(const struct rpcgate_told *told, size_t n)
{
	const struct rpcgate_event *next = NULL;
	size_t events = 0;

	for (size_t i = 0; i < n; i++) {
		const struct rpcgate_result *r = &told[i].result;

		assert_true(events < 64);
		if (!r->n_events)
			continue;
		assert_true(!next || r->events == next);
		next = r->events + r->n_events;
		events += r->n_events;
	}
	return events;
}

static void events_of_many_packets_are_told_at_once(void **state)
{
	static struct packets lists[64];
	const size_t n_lists = load_all(lists);
	struct rpcgate_packet *packets;
	const size_t n = all_of(lists, n_lists, &packets);
	struct rpcgate_ahead *seen = calloc(n, sizeof(*seen));
	struct rpcgate_told *told = calloc(n, sizeof(*told));
	struct rpcgate *gate = new_engine(RPCGATE_OBSERVE);
	size_t calls = 0, events = 0, n_told;
	struct rpcgate_stats stats;

	(void)state;
	assert_true(seen && told);
	rpcgate_look_ahead(packets, n, seen);
	for (size_t at = 0; at < n; calls++) {
		size_t some;

		at += rpcgate_feed_told(gate, packets + at, seen + at, n - at, told, &n_told);
		some = events_told(told, n_told);
		assert_true(at == n || some >= 64);
		events += some;
	}
	rpcgate_stats(gate, &stats);
	assert_int_equal(events, stats.events);
	assert_true(calls > 2);
	rpcgate_free(gate);
	free(packets);
	free(seen);
	free(told);
	for (size_t i = 0; i < n_lists; i++)
		packets_free(&lists[i]);
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
		cmocka_unit_test(events_of_many_packets_are_told_at_once),
		cmocka_unit_test(what_was_summed_up_is_not_again),
		cmocka_unit_test(mapper_ports_of_today_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
