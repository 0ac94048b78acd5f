/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records read in place against libpcap: the same packets, the same faults, at the same octets; for
 * each capture that ships, and for copies with damaged headers of the file and of records. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "memory.h"
#include "octets.h"
#include "rows.h"

#define PCAPS TEST_SOURCE_DIR "/pcaps"
#define COPIES 400U
#define FILE_HEADER 24U
#define LARGEST 300000U /* octets of a file that is damaged many times */

static char scratch[] = "/tmp/capture-quick-XXXXXX";

static void same_until_the_end(const char *path, const char *what)
{
	struct capture_fault quick_fault, slow_fault;
	struct capture *quick = capture_open(path, &quick_fault);
	struct capture *slow = capture_open_slow(path, &slow_fault);
	struct rpcgate_packet q, s;
	bool more = quick && slow;

	assert_int_equal(quick != NULL, slow != NULL);
	while (more) {
		more = capture_next(slow, &s, &slow_fault);
		if (capture_next(quick, &q, &quick_fault) != more)
			fail_msg("%s: %s: the quick way has %s at frame %" PRIu64, path, what,
				 more ? "no packet" : "a packet", capture_frame(slow) + !more);
		if (more && (q.caplen != s.caplen || q.len != s.len || q.time_ns != s.time_ns ||
			     q.linktype != s.linktype || memcmp(q.data, s.data, q.caplen) != 0))
			fail_msg("%s: %s: frame %" PRIu64 " differs", path, what,
				 capture_frame(slow));
		if (more)
			assert_int_equal(capture_frame(quick), capture_frame(slow));
	}
	assert_int_equal(quick_fault.kind, slow_fault.kind);
	if (slow_fault.kind != CAPTURE_FINE)
		assert_string_equal(quick_fault.text, slow_fault.text);
	capture_close(quick);
	capture_close(slow);
}

static struct octets read_file(const char *path)
{
	struct octets o = { 0 };
	uint8_t some[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	while ((n = fread(some, 1, sizeof(some), f)) > 0)
		octets_put(&o, some, n);
	assert_int_equal(fclose(f), 0);
	return o;
}

static void write_file(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Where the header of some record begins; the file is a little-endian classic one */
static size_t some_record(const struct octets *o, struct random *r)
{
	size_t at = FILE_HEADER, skip = (size_t)random_below(r, 40);

	while (skip-- && at + 16 <= o->n) {
		size_t next = at + 16 + (o->p[at + 8] | (size_t)o->p[at + 9] << 8);

		if (next + 16 > o->n)
			break;
		at = next;
	}
	return at;
}

static void damage(const char *path, struct random *r)
{
	struct octets o = read_file(path);
	char what[64];

	for (unsigned i = 0; o.n > FILE_HEADER + 16 && o.n < LARGEST && i < COPIES; i++) {
		size_t at = random_once_in(r, 3) ? (size_t)random_below(r, FILE_HEADER) :
						   some_record(&o, r) + (size_t)random_below(r, 16);
		uint8_t before = o.p[at];
		size_t n = random_once_in(r, 8) ? (size_t)random_below(r, o.n) : o.n;

		o.p[at] = (uint8_t)random_next(r);
		snprintf(what, sizeof(what), "octet %zu is %02x, %zu octets", at, o.p[at], n);
		write_file(scratch, o.p, n);
		same_until_the_end(scratch, what);
		o.p[at] = before;
	}
	octets_free(&o);
}

static void each_capture(void (*use)(const char *path, struct random *r))
{
	struct random r = { 11 };
	DIR *directory = opendir(PCAPS);
	const struct dirent *entry;
	unsigned n = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char path[4096];

		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), PCAPS "/%s", entry->d_name);
		use(path, &r);
		n++;
	}
	assert_true(n > 10);
	closedir(directory);
}

static void as_it_is(const char *path, struct random *r)
{
	(void)r;
	same_until_the_end(path, "as it is");
}

static void captures_as_they_are(void **state)
{
	(void)state;
	each_capture(as_it_is);
}

static void damaged_headers(void **state)
{
	(void)state;
	each_capture(damage);
}

/* Records of all lengths around the window, and the longest there may be */
static void records_that_do_not_fit_the_window(void **state)
{
	static const uint32_t lengths[] = {
		262144, 1, 0, 65535, 262144, 200000, 262143, 131072, 60
	};
	struct octets o = { 0 };
	const uint32_t header[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1 };

	(void)state;
	octets_put(&o, header, sizeof(header));
	for (unsigned i = 0; i < 40; i++) {
		uint32_t n = lengths[i % sizeof(lengths) / sizeof(lengths[0])];
		const uint32_t record[] = { i, i, n, n };

		octets_put(&o, record, sizeof(record));
		while (n--)
			octets_put(&o, &(uint8_t){ (uint8_t)(n * i) }, 1);
	}
	write_file(scratch, o.p, o.n);
	same_until_the_end(scratch, "long records");
	octets_free(&o);
}

/* Without memory for the window libpcap reads everything */
static void memory_may_be_short(void **state)
{
	struct capture_fault fault;

	(void)state;
	for (size_t nth = 1; nth < 8; nth++) {
		struct capture *capture;

		memory_ends_at(nth);
		capture = capture_open(PCAPS "/other-uuid.pcap", &fault);
		memory_ends_at(0);
		assert_true(capture || fault.kind != CAPTURE_FINE);
		capture_close(capture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_as_they_are),
		cmocka_unit_test(damaged_headers),
		cmocka_unit_test(records_that_do_not_fit_the_window),
		cmocka_unit_test(memory_may_be_short),
	};
	int fd = mkstemp(scratch);
	int failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(scratch);
	return failed;
}
