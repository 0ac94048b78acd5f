/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stages.c - threads that read, judge and tell against one that does all */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "events.h"
#include "stages.h"

#define PCAPS TEST_SOURCE_DIR "/pcaps"
#define MANY 20000U /* packets: several blocks */

static char directory[] = "/tmp/rpcgate-stages-XXXXXX";

/* Everything that is told, in its order, as a sum that depends on it */
struct sum {
	uint64_t value;
	uint64_t packets;
	uint64_t faults;
	uint64_t inspected;
	uint64_t events;
};

static void add(struct sum *sum, const void *octets, size_t n)
{
	const uint8_t *p = octets;

	for (size_t i = 0; i < n; i++)
		sum->value = (sum->value ^ p[i]) * UINT64_C(0x100000001b3);
}

static void add_packet(struct sum *sum, const struct rpcgate_packet *p, const char *file,
		       uint64_t frame)
{
	add(sum, file, strlen(file));
	add(sum, &frame, sizeof(frame));
	add(sum, &p->time_ns, sizeof(p->time_ns));
	add(sum, &p->len, sizeof(p->len));
	add(sum, &p->linktype, sizeof(p->linktype));
	add(sum, p->data, p->caplen);
	sum->packets++;
}

static void on_fault(void *ctx, const char *name, const struct capture_fault *fault)
{
	struct sum *sum = ctx;

	add(sum, name, strlen(name));
	add(sum, fault->text, strlen(fault->text));
	sum->faults++;
}

static void add_result(struct sum *sum, const struct rpcgate_result *r)
{
	add(sum, &r->action, sizeof(r->action));
	add(sum, &r->reason, sizeof(r->reason));
	add(sum, &r->standing, sizeof(r->standing));
	add(sum, &r->flow_id, sizeof(r->flow_id));
	add(sum, &r->l3_offset, sizeof(r->l3_offset));
	add(sum, &r->not_rpc, sizeof(r->not_rpc));
	sum->inspected++;
}

static void add_events(struct sum *sum, const struct rpcgate_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(sum, &events[i], events_octets(&events[i]));
	sum->events += n;
}

static struct rpcgate *new_engine(void)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	rpcgate_config_default(&cfg);
	gate = rpcgate_new(&cfg, err);
	assert_non_null(gate);
	return gate;
}

static struct sum alone(const char *name)
{
	struct sum sum = { .value = 0 };
	struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
	struct rpcgate *gate = new_engine();
	struct rpcgate_packet packet;
	struct timeline_place place;

	assert_non_null(t);
	while (timeline_next(t, &packet, &place)) {
		struct rpcgate_result result = rpcgate_feed(gate, &packet);

		add_packet(&sum, &packet, place.file, place.frame);
		if (result.flow_id)
			add_result(&sum, &result);
		add_events(&sum, result.events, result.n_events);
	}
	timeline_close(t);
	rpcgate_free(gate);
	return sum;
}

static void add_judged(struct sum *sum, const struct judged *judged)
{
	size_t told = 0;

	for (size_t i = 0; i < judged->n; i++) {
		const struct rpcgate_result *result;

		add_packet(sum, &judged->packets[i], judged->place.file, judged->place.frame + i);
		if (told == judged->n_told || judged->told[told].at != i)
			continue;
		result = &judged->told[told++].result;
		if (result->flow_id)
			add_result(sum, result);
		add_events(sum, result->events, result->n_events);
	}
	assert_int_equal(told, judged->n_told);
}

static struct sum together(const char *name, unsigned threads)
{
	struct sum sum = { .value = 0 };
	struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
	struct rpcgate *gate = new_engine();
	struct stages *s;
	struct judged judged;
	struct timeline_extent told, all;

	assert_non_null(t);
	s = stages_start(t, gate, threads, on_fault, &sum);
	assert_non_null(s);
	while (stages_next(s, &judged))
		add_judged(&sum, &judged);
	assert_false(stages_next(s, &judged));
	assert_false(stages_failed(s));
	told = stages_extent(s);
	stages_stop(s);
	all = timeline_extent(t);
	assert_int_equal(told.taken, all.taken);
	assert_int_equal(told.files, all.files);
	timeline_close(t);
	rpcgate_free(gate);
	return sum;
}

static struct sum compare(const char *name, uint64_t packets, uint64_t faults)
{
	struct sum a = alone(name);

	assert_true(a.packets >= packets);
	assert_int_equal(a.faults, faults);
	for (unsigned threads = 2; threads <= 4; threads++) {
		struct sum b = together(name, threads);

		assert_int_equal(a.packets, b.packets);
		assert_int_equal(a.faults, b.faults);
		assert_int_equal(a.inspected, b.inspected);
		assert_int_equal(a.events, b.events);
		assert_true(a.value == b.value);
	}
	return a;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* Packets of all lengths; the last record promises more than there is, if it is to be cut */
static void write_capture(const char *name, uint32_t first_s, unsigned n, bool cut)
{
	static uint8_t octets[262144];
	const uint32_t header[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, sizeof(octets), 1 };
	FILE *out = fopen(path_of(name), "wb");

	assert_non_null(out);
	fwrite(header, sizeof(header), 1, out);
	for (unsigned i = 0; i < n; i++) {
		uint32_t length = i % 1000 == 999 ? (uint32_t)sizeof(octets) - i % 7 : i % 300;
		const uint32_t record[] = { first_s + i, 0, length, length };

		memset(octets, (int)i, length);
		fwrite(record, sizeof(record), 1, out);
		fwrite(octets, cut && i == n - 1 ? length / 2 : length, 1, out);
	}
	assert_int_equal(fclose(out), 0);
}

static void one_capture_is_the_same(void **state)
{
	(void)state;
	write_capture("one.pcap", 1000, MANY, false);
	compare(path_of("one.pcap"), MANY, 0);
	assert_int_equal(unlink(path_of("one.pcap")), 0);
}

/* In the middle a record is longer than its file says, which is told at the end */
static void a_longer_record_is_the_same(void **state)
{
	const uint32_t header[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 500, 1 };
	uint8_t octets[600];
	FILE *out = fopen(path_of("odd.pcap"), "wb");

	(void)state;
	assert_non_null(out);
	fwrite(header, sizeof(header), 1, out);
	for (unsigned i = 0; i < MANY; i++) {
		uint32_t length = i == 7777 ? sizeof(octets) : i % 50;
		const uint32_t record[] = { 1000 + i, 0, length, length };

		memset(octets, (int)i, length);
		fwrite(record, sizeof(record), 1, out);
		fwrite(octets, length, 1, out);
	}
	assert_int_equal(fclose(out), 0);
	compare(path_of("odd.pcap"), MANY, 1);
	assert_int_equal(unlink(path_of("odd.pcap")), 0);
}

/* Faults come where they come, between the packets before and behind */
static void many_captures_and_their_faults_are_the_same(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("many"), 0700), 0);
	write_capture("many/a.pcap", 1000, 9000, true);
	write_capture("many/b.pcap", 5000, 9000, false);
	write_capture("many/c.pcap", 5500, 300, true);
	write_capture("many/d.pcap", 50000, 9000, true);
	compare(path_of("many"), 25000, 3);
	for (char c = 'a'; c <= 'd'; c++) {
		char name[] = "many/x.pcap";

		name[5] = c;
		assert_int_equal(unlink(path_of(name)), 0);
	}
	assert_int_equal(rmdir(path_of("many")), 0);
}

static void real_captures_are_the_same(void **state)
{
	struct sum sum;

	(void)state;
	sum = compare(PCAPS, 1000, alone(PCAPS).faults);
	assert_true(sum.inspected > 1000);
	assert_true(sum.events > 100);
}

/* Whoever takes @p taken and then has enough: nothing that was judged is lost */
static void cut_short_after(unsigned taken, unsigned threads)
{
	const char *name = path_of("one.pcap");
	struct sum sum = { .value = 0 };
	struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
	struct rpcgate *gate = new_engine();
	struct stages *s = stages_start(t, gate, threads, on_fault, &sum);
	struct rpcgate_stats stats;
	struct judged judged;

	assert_non_null(s);
	for (unsigned i = 0; i < taken; i++) {
		assert_true(stages_next(s, &judged));
		add_judged(&sum, &judged);
	}
	stages_cut_short(s);
	while (stages_next(s, &judged))
		add_judged(&sum, &judged);
	stages_stop(s);
	rpcgate_stats(gate, &stats);
	assert_int_equal(stats.packets, sum.packets);
	assert_true(sum.packets < MANY);
	assert_int_equal(sum.faults, 0);
	timeline_close(t);
	rpcgate_free(gate);
}

static void what_was_judged_is_told(void **state)
{
	(void)state;
	write_capture("one.pcap", 1000, MANY, false);
	for (unsigned taken = 0; taken < 3; taken++)
		for (unsigned threads = 2; threads <= 3; threads++)
			cut_short_after(taken, threads);
	assert_int_equal(unlink(path_of("one.pcap")), 0);
}

static void nobody_need_read_to_the_end(void **state)
{
	struct sum sum = { .value = 0 };

	(void)state;
	write_capture("one.pcap", 1000, MANY, false);
	for (unsigned taken = 0; taken < 3; taken++) {
		const char *name = path_of("one.pcap");
		struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
		struct rpcgate *gate = new_engine();
		struct stages *s = stages_start(t, gate, 2 + taken % 2, on_fault, &sum);
		struct judged judged;

		assert_non_null(s);
		for (unsigned i = 0; i < taken; i++)
			assert_true(stages_next(s, &judged));
		stages_stop(s);
		timeline_close(t);
		rpcgate_free(gate);
	}
	stages_stop(NULL);
	assert_int_equal(sum.faults, 0);
	assert_int_equal(unlink(path_of("one.pcap")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_capture_is_the_same),
		cmocka_unit_test(a_longer_record_is_the_same),
		cmocka_unit_test(many_captures_and_their_faults_are_the_same),
		cmocka_unit_test(real_captures_are_the_same),
		cmocka_unit_test(what_was_judged_is_told),
		cmocka_unit_test(nobody_need_read_to_the_end),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(directory) || failed;
}
