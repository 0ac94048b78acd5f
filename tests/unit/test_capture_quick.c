/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records and blocks read in place against libpcap.  Records: the same packets, the same faults, at
 * the same octets; for each capture that ships, and for copies with damaged headers of the file and
 * of records.  Blocks: the same packets as long as libpcap reads, an end where it sees one, and a
 * fault where it sees one, unless it is what libpcap alone cannot read. */
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
#include "window.h"

#define PCAPS TEST_SOURCE_DIR "/pcaps"
#define COPIES 400U
#define FILE_HEADER 24U
#define SECOND UINT64_C(1000000000)
#define LARGEST 300000U /* octets of a file that is damaged many times */

static char scratch[] = "/tmp/capture-quick-XXXXXX";

static bool same_packet(const struct rpcgate_packet *a, const struct rpcgate_packet *b)
{
	return a->caplen == b->caplen && a->len == b->len && a->time_ns == b->time_ns &&
	       a->linktype == b->linktype && memcmp(a->data, b->data, a->caplen) == 0;
}

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
		if (more && !same_packet(&q, &s))
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

/* Good pcapng that libpcap does not read; and of a block that has no room, what is there counts */
static bool is_beyond_libpcap(const char *text)
{
	static const char *const says[] = { "different from", "different byte orders",
					    "which is not decoded", "bigger than snaplen" };
	const char *tried = strstr(text, "tried to read ");

	if (tried && strtoul(tried + strlen("tried to read "), NULL, 10) > WINDOW_OCTETS)
		return true;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strstr(text, says[i]))
			return true;
	return false;
}

/* Damage may make units finer than 2^-34 s of others, for which libpcap's numbers have no room: then
 * only seconds are right.
 * @return packets that both read */
static uint64_t same_as_libpcap(const char *path, bool is_damaged, const char *what)
{
	struct capture_fault quick_fault, slow_fault;
	struct capture *quick = capture_open(path, &quick_fault);
	struct capture *slow = capture_open_slow(path, &slow_fault);
	struct rpcgate_packet q, s;
	uint64_t n = 0;

	if (slow && !quick)
		fail_msg("%s: cannot be opened: %s", what, quick_fault.text);
	while (slow && capture_next(slow, &s, &slow_fault)) {
		if (!capture_next(quick, &q, &quick_fault))
			fail_msg("%s: no packet at frame %" PRIu64 ": %s", what,
				 capture_frame(slow), quick_fault.text);
		if (is_damaged && q.time_ns / SECOND == s.time_ns / SECOND)
			q.time_ns = s.time_ns;
		if (!same_packet(&q, &s))
			fail_msg("%s: frame %" PRIu64 " differs: %u of %u octets at %" PRIu64
				 ", not %u of %u at %" PRIu64,
				 what, capture_frame(slow), q.caplen, q.len, q.time_ns, s.caplen,
				 s.len, s.time_ns);
		n++;
	}
	if (!is_beyond_libpcap(slow_fault.text)) {
		if (quick && capture_next(quick, &q, &quick_fault))
			fail_msg("%s: one more than %" PRIu64 " packets: %s", what, n,
				 slow_fault.text);
		if (quick_fault.kind != slow_fault.kind)
			fail_msg("%s: \"%s\" instead of \"%s\"", what, quick_fault.text,
				 slow_fault.text);
	}
	capture_close(quick);
	capture_close(slow);
	return n;
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

/* ---------------------------------------------------------------------- pcapng */

#define INTERFACES 3U

struct blocks {
	struct octets *out;
	struct random *r;
	bool big;
};

/* @p body  without the two lengths */
static void block(const struct blocks *b, uint32_t type, const struct octets *body)
{
	const uint32_t octets = 12 + (uint32_t)(body->n + 3) / 4 * 4;

	octets_u32(b->out, type, b->big);
	octets_u32(b->out, octets, b->big);
	octets_put(b->out, body->p, body->n);
	octets_align(b->out, 0, 4);
	octets_u32(b->out, octets, b->big);
}

static void section(const struct blocks *b)
{
	struct octets body = { 0 };

	octets_u32(&body, 0x1a2b3c4d, b->big);
	octets_u16(&body, 1, b->big);
	octets_u16(&body, 0, b->big);
	octets_u64(&body, UINT64_MAX, b->big);
	block(b, 0x0a0d0d0a, &body);
	octets_free(&body);
}

/* The resolutions that are written, and others; libpcap cannot do with those below 2^-34 */
static uint8_t resolution(struct random *r)
{
	static const uint8_t usual[] = { 6, 6, 9, 9, 3, 0, 7, 12, 0x80 | 10, 0x80 | 30, 0x80 | 32 };

	return usual[random_below(r, sizeof(usual))];
}

static void interface(const struct blocks *b, bool with_offset)
{
	struct octets body = { 0 };

	octets_u16(&body, 1, b->big);
	octets_u16(&body, 0, b->big);
	octets_u32(&body, 262144, b->big);
	if (random_once_in(b->r, 2)) {
		octets_u16(&body, 2, b->big); /* a name */
		octets_u16(&body, 3, b->big);
		octets_put(&body, "eth", 4);
	}
	octets_u16(&body, 9, b->big);
	octets_u16(&body, 1, b->big);
	octets_u8(&body, resolution(b->r));
	octets_align(&body, 0, 4);
	if (with_offset) {
		octets_u16(&body, 14, b->big);
		octets_u16(&body, 8, b->big);
		octets_u64(&body, random_once_in(b->r, 2) ? 3600 : (uint64_t)-3600, b->big);
	}
	if (random_once_in(b->r, 2))
		octets_u32(&body, 0, b->big);
	block(b, 1, &body);
	octets_free(&body);
}

static void other_blocks(const struct blocks *b)
{
	static const uint32_t types[] = { 4, 5, 10, 0xbad, 0x80000001 };
	struct octets body = { 0 };

	if (!random_once_in(b->r, 4))
		return;
	(void)octets_room(&body, (size_t)random_below(b->r, 64) * 4);
	block(b, types[random_below(b->r, sizeof(types) / sizeof(types[0]))], &body);
	octets_free(&body);
}

static void packet_block(const struct blocks *b, const struct rpcgate_packet *packet)
{
	const uint32_t interface = (uint32_t)random_below(b->r, INTERFACES);
	const uint64_t units = random_once_in(b->r, 9) ? random_next(b->r) : packet->time_ns / 1000;
	struct octets body = { 0 };
	uint32_t type = 6;

	if (random_once_in(b->r, 8)) {
		type = 3;
		octets_u32(&body, packet->caplen, b->big);
	} else if (random_once_in(b->r, 8)) {
		type = 2;
		octets_u16(&body, interface, b->big);
		octets_u16(&body, 7, b->big);
	} else {
		octets_u32(&body, interface, b->big);
	}
	if (type != 3) {
		octets_u32(&body, (uint32_t)(units >> 32), b->big);
		octets_u32(&body, (uint32_t)units, b->big);
		octets_u32(&body, packet->caplen, b->big);
		octets_u32(&body, packet->len, b->big);
	}
	octets_put(&body, packet->data, packet->caplen);
	octets_align(&body, 0, 4);
	if (type != 3 && random_once_in(b->r, 4)) {
		octets_u16(&body, 2, b->big); /* flags */
		octets_u16(&body, 4, b->big);
		octets_u32(&body, 1, b->big);
		octets_u32(&body, 0, b->big);
	}
	block(b, type, &body);
	octets_free(&body);
}

/* The packets of a capture as blocks of all kinds */
static struct octets blocks_of(const char *path, struct random *r)
{
	struct octets out = { 0 };
	const struct blocks b = { &out, r, random_once_in(r, 2) };
	struct capture_fault fault;
	struct capture *capture = capture_open(path, &fault);
	struct rpcgate_packet packet;

	assert_non_null(capture);
	for (unsigned sections = 0; sections < 2; sections++) {
		section(&b);
		other_blocks(&b);
		for (unsigned i = 0; i < INTERFACES; i++)
			interface(&b, i == 1);
		for (unsigned n = 0; n < 60 && capture_next(capture, &packet, &fault); n++) {
			other_blocks(&b);
			packet_block(&b, &packet);
		}
	}
	capture_close(capture);
	return out;
}

static void as_blocks(const char *path, struct random *r)
{
	if (strstr(path, ".pcapng"))
		return;
	for (unsigned i = 0; i < 8; i++) {
		struct octets o = blocks_of(path, r);

		write_file(scratch, o.p, o.n);
		assert_true(same_as_libpcap(scratch, false, path) > 2);
		octets_free(&o);
	}
}

/* Lengths, types and numbers of interfaces stand at multiples of four */
static void damaged_block(struct octets *o, struct random *r, const char *path)
{
	const size_t at = random_once_in(r, 2) ? (size_t)random_below(r, 200) :
						 (size_t)random_below(r, o->n);
	const uint8_t before = o->p[at];
	const size_t n = random_once_in(r, 4) ? (size_t)random_below(r, o->n) : o->n;
	char what[4200];

	o->p[at] = (uint8_t)(random_once_in(r, 2) ? random_next(r) :
						    before ^ 1U << random_below(r, 8));
	snprintf(what, sizeof(what), "%s: octet %zu is %02x, was %02x, %zu octets", path, at,
		 o->p[at], before, n);
	write_file(scratch, o->p, n);
	(void)same_as_libpcap(scratch, true, what);
	o->p[at] = before;
}

static void as_damaged_blocks(const char *path, struct random *r)
{
	struct octets o;

	if (strstr(path, ".pcapng"))
		return;
	o = blocks_of(path, r);
	for (unsigned i = 0; i < COPIES; i++)
		damaged_block(&o, r, path);
	octets_free(&o);
}

static void captures_as_blocks(void **state)
{
	(void)state;
	each_capture(as_blocks);
}

static void damaged_blocks(void **state)
{
	(void)state;
	each_capture(as_damaged_blocks);
}

/* ---------------------------------------------------------------------- memory */

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
		cmocka_unit_test(captures_as_blocks),
		cmocka_unit_test(damaged_blocks),
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
