/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_readahead.c - a thread that reads ahead against reading on the spot */
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

#include "readahead.h"

#define PCAPS TEST_SOURCE_DIR "/pcaps"
#define MANY 20000U /* packets: several blocks */

static char directory[] = "/tmp/rpcgate-readahead-XXXXXX";

/* Everything that is told, in its order, as a sum that depends on it */
struct sum {
	uint64_t value;
	uint64_t packets;
	uint64_t faults;
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

static struct sum on_the_spot(const char *name)
{
	struct sum sum = { 0 };
	struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
	struct rpcgate_packet packets[64];
	struct timeline_place place;
	size_t n;

	assert_non_null(t);
	while ((n = timeline_next_batch(t, packets, 64, &place)))
		for (size_t i = 0; i < n; i++)
			add_packet(&sum, &packets[i], place.file, place.frame + i);
	timeline_close(t);
	return sum;
}

static struct sum ahead(const char *name)
{
	struct sum sum = { 0 };
	struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
	struct readahead *r;
	struct readahead_run run;
	struct timeline_extent told, all;

	assert_non_null(t);
	r = readahead_start(t, on_fault, &sum);
	assert_non_null(r);
	while (readahead_next(r, &run)) {
		struct rpcgate_ahead again;

		for (size_t i = 0; i < run.n; i++) {
			add_packet(&sum, &run.packets[i], run.place.file, run.place.frame + i);
			memset(&again, 0, sizeof(again));
			rpcgate_look_ahead(&run.packets[i], 1, &again);
			assert_int_equal(run.ahead[i].ports, again.ports);
			assert_int_equal(run.ahead[i].kind, again.kind);
		}
	}
	assert_false(readahead_next(r, &run));
	assert_false(readahead_failed(r));
	told = readahead_extent(r);
	readahead_stop(r);
	all = timeline_extent(t);
	assert_true(told.taken <= all.taken && told.files <= all.files);
	timeline_close(t);
	return sum;
}

static void compare(const char *name, uint64_t packets, uint64_t faults)
{
	struct sum a = on_the_spot(name), b = ahead(name);

	assert_true(a.packets >= packets);
	assert_int_equal(a.faults, faults);
	assert_int_equal(a.packets, b.packets);
	assert_int_equal(a.faults, b.faults);
	assert_true(a.value == b.value);
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
	(void)state;
	compare(PCAPS, 1000, on_the_spot(PCAPS).faults);
}

static void nobody_need_read_to_the_end(void **state)
{
	struct sum sum = { 0 };

	(void)state;
	write_capture("one.pcap", 1000, MANY, false);
	for (unsigned taken = 0; taken < 3; taken++) {
		const char *name = path_of("one.pcap");
		struct timeline *t = timeline_open(&name, 1, on_fault, &sum);
		struct readahead *r = readahead_start(t, on_fault, &sum);
		struct readahead_run run;

		assert_non_null(r);
		for (unsigned i = 0; i < taken; i++)
			assert_true(readahead_next(r, &run));
		readahead_stop(r);
		timeline_close(t);
	}
	readahead_stop(NULL);
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
		cmocka_unit_test(nobody_need_read_to_the_end),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(directory) || failed;
}
