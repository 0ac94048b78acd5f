/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capture files as they should not be: cut, empty, foreign, corrupt; and as they may be: both byte
 * orders, nanoseconds, pcapng, packed. */
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
#include <zlib.h>
#include <zstd.h>

#include "capture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FILE_OCTETS 8192
#define FRAME_OCTETS 60
#define PCAP_HEADER 24
#define PCAP_RECORD (16 + FRAME_OCTETS)
#define SECOND UINT64_C(1000000000)
#define ETHERNET 1

static char directory[64];

/* ------------------------------------------------------------- building files */

struct file {
	uint8_t octet[FILE_OCTETS];
	size_t n;
	bool big; /* byte order */
};

static void put(struct file *f, uint32_t value, size_t width)
{
	assert_true(f->n + width <= sizeof(f->octet));
	for (size_t i = 0; i < width; i++)
		f->octet[f->n++] = (uint8_t)(value >> 8 * (f->big ? width - 1 - i : i));
}

static void put_frame(struct file *f, uint8_t fill)
{
	memset(f->octet + f->n, fill, FRAME_OCTETS);
	f->n += FRAME_OCTETS;
}

static void pcap_header(struct file *f, uint32_t magic, uint32_t snaplen, uint32_t linktype)
{
	put(f, magic, 4);
	put(f, 2, 2);
	put(f, 4, 2);
	put(f, 0, 4);
	put(f, 0, 4);
	put(f, snaplen, 4);
	put(f, linktype, 4);
}

static void pcap_record(struct file *f, uint32_t s, uint32_t fraction)
{
	put(f, s, 4);
	put(f, fraction, 4);
	put(f, FRAME_OCTETS, 4);
	put(f, 1514, 4);
	put_frame(f, (uint8_t)s);
}

/* Three packets at 1000, 1001 and 1002 s */
static struct file pcap_of(uint32_t magic, bool big)
{
	struct file f = { .big = big };

	pcap_header(&f, magic, 65535, ETHERNET);
	for (uint32_t s = 1000; s < 1003; s++)
		pcap_record(&f, s, 5);
	return f;
}

static struct file plain_pcap(void)
{
	return pcap_of(0xa1b2c3d4, false);
}

static void section_block(struct file *f)
{
	put(f, 0x0a0d0d0a, 4);
	put(f, 28, 4);
	put(f, 0x1a2b3c4d, 4);
	put(f, 1, 2);
	put(f, 0, 2);
	put(f, 0xffffffff, 4);
	put(f, 0xffffffff, 4);
	put(f, 28, 4);
}

static void interface_block(struct file *f, uint32_t linktype)
{
	put(f, 1, 4);
	put(f, 20, 4);
	put(f, linktype, 2);
	put(f, 0, 2);
	put(f, 65535, 4);
	put(f, 20, 4);
}

static void packet_block(struct file *f, uint32_t interface, uint32_t s)
{
	uint64_t us = (uint64_t)s * 1000000 + 5;

	put(f, 6, 4);
	put(f, 32 + FRAME_OCTETS, 4);
	put(f, interface, 4);
	put(f, (uint32_t)(us >> 32), 4);
	put(f, (uint32_t)us, 4);
	put(f, FRAME_OCTETS, 4);
	put(f, 1514, 4);
	put_frame(f, (uint8_t)s);
	put(f, 32 + FRAME_OCTETS, 4);
}

static struct file pcapng_of(bool big)
{
	struct file f = { .big = big };

	section_block(&f);
	interface_block(&f, ETHERNET);
	for (uint32_t s = 1000; s < 1003; s++)
		packet_block(&f, 0, s);
	return f;
}

static struct file gzip_of(const struct file *in)
{
	struct file out = { 0 };
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)in->octet, .avail_in = (uInt)in->n };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = out.octet;
	z.avail_out = sizeof(out.octet);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.n = z.total_out;
	deflateEnd(&z);
	return out;
}

static struct file zstd_of(const struct file *in)
{
	struct file out = { 0 };

	out.n = ZSTD_compress(out.octet, sizeof(out.octet), in->octet, in->n, 3);
	assert_false(ZSTD_isError(out.n));
	return out;
}

static void append(struct file *f, const void *octets, size_t n)
{
	assert_true(f->n + n <= sizeof(f->octet));
	memcpy(f->octet + f->n, octets, n);
	f->n += n;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void save(const char *name, const struct file *f)
{
	FILE *out = fopen(path_of(name), "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(f->octet, 1, f->n, out), f->n);
	assert_int_equal(fclose(out), 0);
}

/* --------------------------------------------------------------- reading files */

struct outcome {
	size_t packets;
	uint64_t first_ns;
	uint32_t linktype;
	struct capture_fault fault;
};

static struct outcome read_saved(void)
{
	struct outcome o = { 0 };
	struct rpcgate_packet packet;
	struct capture *capture = capture_open(path_of("file"), &o.fault);

	while (capture && capture_next(capture, &packet, &o.fault)) {
		assert_in_range(packet.caplen, 0, packet.len);
		for (uint32_t i = 0; i < packet.caplen; i++) /* it is really there */
			o.linktype ^= packet.data[i];
		o.linktype = packet.linktype;
		if (!o.packets++)
			o.first_ns = packet.time_ns;
		assert_int_equal(capture_frame(capture), o.packets);
		assert_true(o.packets <= FILE_OCTETS);
	}
	if (capture)
		assert_false(capture_next(capture, &packet, &(struct capture_fault){ 0 }));
	capture_close(capture);
	return o;
}

static struct outcome read_file(const struct file *f)
{
	save("file", f);
	return read_saved();
}

static void expect(const struct file *f, size_t packets, enum capture_fault_kind kind,
		   const char *text)
{
	struct outcome o = read_file(f);

	if (o.packets != packets || o.fault.kind != kind || !strstr(o.fault.text, text))
		fail_msg("%zu packets, kind %d, \"%s\"; expected %zu, %d, \"%s\"", o.packets,
			 o.fault.kind, o.fault.text, packets, kind, text);
}

/* ----------------------------------------------------------------- what is fine */

static void every_kind_gives_the_same_packets(void **state)
{
	struct file pcap = plain_pcap();
	struct file pcapng = pcapng_of(false);
	struct file files[] = {
		pcap,
		pcap_of(0xa1b2c3d4, true),
		pcapng,
		pcapng_of(true),
		gzip_of(&pcap),
		zstd_of(&pcap),
		gzip_of(&pcapng),
		zstd_of(&pcapng),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct outcome o = read_file(&files[i]);

		assert_int_equal(o.packets, 3);
		assert_int_equal(o.fault.kind, CAPTURE_FINE);
		assert_int_equal(o.first_ns, 1000 * SECOND + 5000);
		assert_int_equal(o.linktype, ETHERNET);
	}
}

static void nanoseconds_are_kept(void **state)
{
	struct file little = pcap_of(0xa1b23c4d, false);
	struct file big = pcap_of(0xa1b23c4d, true);

	(void)state;
	assert_int_equal(read_file(&little).first_ns, 1000 * SECOND + 5);
	assert_int_equal(read_file(&big).first_ns, 1000 * SECOND + 5);
}

static void times_after_2038_and_absurd_fractions(void **state)
{
	struct file f = { 0 };

	(void)state;
	pcap_header(&f, 0xa1b2c3d4, 65535, ETHERNET);
	pcap_record(&f, 0xf0000000, 0xffffffff);
	assert_int_equal(read_file(&f).first_ns, 0xf0000000 * SECOND);
	f = (struct file){ 0 };
	pcap_header(&f, 0xa1b23c4d, 65535, ETHERNET);
	pcap_record(&f, 7, 0x7fffffff);
	assert_int_equal(read_file(&f).first_ns, 7 * SECOND + 999999999);
}

static void raw_ip_has_its_linktype_number(void **state)
{
	struct file f = { 0 };

	(void)state;
	pcap_header(&f, 0xa1b2c3d4, 65535, 101);
	pcap_record(&f, 1000, 0);
	assert_int_equal(read_file(&f).linktype, 101);
}

static void no_packets_is_no_fault(void **state)
{
	struct file f = { 0 };

	(void)state;
	pcap_header(&f, 0xa1b2c3d4, 65535, ETHERNET);
	expect(&f, 0, CAPTURE_FINE, "");
}

static void members_and_frames_in_a_row(void **state)
{
	struct file pcap = plain_pcap();
	struct file head = pcap;
	struct file tail = { 0 };
	struct file joined;
	struct file part;

	(void)state;
	head.n = 100; /* in the middle of a record */
	append(&tail, pcap.octet + 100, pcap.n - 100);
	joined = gzip_of(&head);
	part = gzip_of(&tail);
	append(&joined, part.octet, part.n);
	append(&joined, "\0\0\0\0\0", 5); /* as tapes pad */
	expect(&joined, 3, CAPTURE_FINE, "");
	joined = zstd_of(&head);
	part = zstd_of(&tail);
	append(&joined, "\x50\x2a\x4d\x18\3\0\0\0abc", 11); /* a skippable frame between */
	append(&joined, part.octet, part.n);
	expect(&joined, 3, CAPTURE_FINE, "");
}

/* -------------------------------------------------------------- what is not fine */

static void nothing_there_and_nothing_in_it(void **state)
{
	struct file empty = { 0 };

	(void)state;
	unlink(path_of("file"));
	assert_int_equal(read_saved().fault.kind, CAPTURE_UNREADABLE);
	expect(&empty, 0, CAPTURE_FOREIGN, "is empty");
}

static void foreign_octets(void **state)
{
	struct file f = { 0 };
	struct file packed;

	(void)state;
	append(&f, "%PDF-1.7", 8);
	expect(&f, 0, CAPTURE_FOREIGN, "begins with the octets 25 50 44 46");
	packed = gzip_of(&f);
	expect(&packed, 0, CAPTURE_FOREIGN, "25 50 44 46 inside gzip");
	f.n = 3;
	expect(&f, 0, CAPTURE_FOREIGN, "ends at octet 3");
}

static void unknown_link_type(void **state)
{
	struct file f = { 0 };

	(void)state;
	pcap_header(&f, 0xa1b2c3d4, 65535, 105);
	pcap_record(&f, 1000, 0);
	expect(&f, 0, CAPTURE_UNSUPPORTED, "link type 105 (IEEE802_11)");
}

/* A cut anywhere: whole packets are delivered, the fault says where the torn one begins. */
static void cut_at_every_octet_of_a_pcap(void **state)
{
	struct file whole = plain_pcap();

	(void)state;
	for (size_t n = 4; n < whole.n; n++) {
		struct file f = whole;
		size_t packets = n < PCAP_HEADER ? 0 : (n - PCAP_HEADER) / PCAP_RECORD;
		size_t start = PCAP_HEADER + packets * PCAP_RECORD;
		char text[80];

		f.n = n;
		snprintf(text, sizeof(text), "at octet %zu, where frame %zu begins", start,
			 packets + 1);
		if (n < PCAP_HEADER)
			expect(&f, 0, CAPTURE_DAMAGED, "damaged in its header");
		else if (n == start)
			expect(&f, packets, CAPTURE_FINE, "");
		else
			expect(&f, packets, CAPTURE_DAMAGED, text);
	}
}

static void cut_at_every_octet_of_a_pcapng(void **state)
{
	const size_t header = 28 + 20;
	const size_t block = 32 + FRAME_OCTETS;
	struct file whole = pcapng_of(false);

	(void)state;
	for (size_t n = header; n < whole.n; n++) {
		struct file f = whole;
		size_t packets = (n - header) / block;
		char text[80];

		f.n = n;
		snprintf(text, sizeof(text), "at octet %zu, where frame %zu begins",
			 header + packets * block, packets + 1);
		expect(&f, packets, (n - header) % block ? CAPTURE_DAMAGED : CAPTURE_FINE,
		       (n - header) % block ? text : "");
	}
}

static void cut_at_every_octet_when_packed(void **state)
{
	struct file pcap = plain_pcap();
	struct file packed[] = { gzip_of(&pcap), zstd_of(&pcap) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t n = 4; n < packed[i].n; n++) {
			struct file f = packed[i];
			struct outcome o;

			f.n = n;
			o = read_file(&f);
			assert_int_equal(o.fault.kind, CAPTURE_DAMAGED);
			assert_non_null(strstr(o.fault.text, "data ends early"));
			assert_in_range(o.packets, 0, 3);
		}
	}
}

static void garbage_behind_packed_data(void **state)
{
	struct file pcap = plain_pcap();
	struct file gzip = gzip_of(&pcap);
	struct file zstd = zstd_of(&pcap);

	(void)state;
	append(&gzip, "garbage", 7);
	append(&zstd, "garbage", 7);
	expect(&gzip, 3, CAPTURE_DAMAGED, "foreign octets follow");
	expect(&zstd, 3, CAPTURE_DAMAGED, "zstd data is corrupt");
}

static void a_wrong_gzip_checksum_is_told(void **state)
{
	struct file pcap = plain_pcap();
	struct file f = gzip_of(&pcap);

	(void)state;
	f.octet[f.n - 8] ^= 1;
	expect(&f, 3, CAPTURE_DAMAGED, "gzip data is corrupt");
}

static void absurd_lengths_of_a_record(void **state)
{
	static const uint32_t lengths[] = { 0x80000000, 0xffffffff, 0x7fffffff, 262145 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct file f = plain_pcap();

		f.n = PCAP_HEADER + PCAP_RECORD;
		put(&f, 1001, 4);
		put(&f, 0, 4);
		put(&f, lengths[i], 4);
		put(&f, lengths[i], 4);
		put_frame(&f, 0);
		expect(&f, 1, CAPTURE_DAMAGED, "at octet 100, where frame 2 begins");
	}
}

/* Longer than the header promises, but there: used, whole, and said once. */
static void more_octets_than_the_snap_length(void **state)
{
	static struct capture *(*const ways[])(const char *name, struct capture_fault *fault) = {
		capture_open,
		capture_open_slow,
	};
	static const uint32_t magics[] = { 0xa1b2c3d4, 0xa1b23c4d };

	(void)state;
	for (size_t i = 0; i < COUNT(ways) * COUNT(magics); i++) {
		struct file f = { 0 };
		struct capture_fault fault;
		struct rpcgate_packet packet;
		struct capture *capture;

		pcap_header(&f, magics[i / COUNT(ways)], 40, ETHERNET);
		pcap_record(&f, 1000, 0);
		pcap_record(&f, 1001, 0);
		save("file", &f);
		capture = ways[i % COUNT(ways)](path_of("file"), &fault);
		assert_non_null(capture);
		assert_false(capture_remark(capture, &fault));
		for (int k = 0; k < 2; k++) {
			assert_true(capture_next(capture, &packet, &fault));
			assert_int_equal(packet.caplen, FRAME_OCTETS);
		}
		assert_false(capture_next(capture, &packet, &fault));
		assert_int_equal(fault.kind, CAPTURE_FINE);
		assert_true(capture_remark(capture, &fault));
		assert_int_equal(fault.kind, CAPTURE_ODD);
		assert_non_null(strstr(fault.text, "40 octets at most"));
		capture_close(capture);
	}
}

/* "Captured" more than there was: the length on the wire is never the smaller one. */
static void longer_captured_than_on_the_wire(void **state)
{
	struct file f = { 0 };

	(void)state;
	pcap_header(&f, 0xa1b2c3d4, 65535, ETHERNET);
	put(&f, 1000, 4);
	put(&f, 0, 4);
	put(&f, FRAME_OCTETS, 4);
	put(&f, 0, 4);
	put_frame(&f, 0);
	expect(&f, 1, CAPTURE_FINE, "");
}

/* libpcap stops at the second one */
static void link_type_changes_inside(void **state)
{
	struct file f = pcapng_of(false);
	struct outcome o;

	(void)state;
	interface_block(&f, 101);
	packet_block(&f, 1, 1003);
	o = read_file(&f);
	assert_int_equal(o.packets, 4);
	assert_int_equal(o.fault.kind, CAPTURE_FINE);
	assert_int_equal(o.linktype, 101);
}

/* Only what is decoded is needed, wherever it stands; the rest is counted and told */
static void some_link_types_are_not_decoded(void **state)
{
	for (unsigned first = 0; first < 2; first++) {
		struct file f = { 0 };
		struct capture_fault fault;
		struct rpcgate_packet packet;
		struct capture *capture;

		(void)state;
		section_block(&f);
		interface_block(&f, first ? 189 : ETHERNET);
		interface_block(&f, first ? ETHERNET : 189);
		packet_block(&f, first, 1000);
		packet_block(&f, !first, 1001);
		packet_block(&f, !first, 1002);
		save("file", &f);
		capture = capture_open(path_of("file"), &fault);
		assert_non_null(capture);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(capture_next(capture, &packet, &fault));
			assert_int_equal(packet.linktype, i ? 189 : ETHERNET);
		}
		assert_false(capture_next(capture, &packet, &fault));
		assert_int_equal(fault.kind, CAPTURE_FINE);
		assert_true(capture_remark(capture, &fault));
		assert_int_equal(fault.kind, CAPTURE_ODD);
		assert_non_null(strstr(fault.text, "2 packets"));
		assert_non_null(strstr(fault.text, "(189, USB_LINUX)"));
		capture_close(capture);
	}
}

static void no_link_type_is_decoded(void **state)
{
	struct file f = { 0 };

	(void)state;
	section_block(&f);
	interface_block(&f, 189);
	interface_block(&f, 147);
	packet_block(&f, 1, 1000);
	expect(&f, 0, CAPTURE_UNSUPPORTED, "has link type 189 (USB_LINUX), which is not decoded");
}

static void nothing_says_what_interface_it_was(void **state)
{
	struct file f = { 0 };

	(void)state;
	section_block(&f);
	expect(&f, 0, CAPTURE_DAMAGED,
	       "in its header, at octet 28: it ends before any interface is described");
	packet_block(&f, 0, 1000);
	expect(&f, 0, CAPTURE_DAMAGED, "in its header, at octet 120: a packet of interface 0");
}

/* Two good files in a row are one good file, also where one comes from another kind of machine */
static void byte_order_changes_inside(void **state)
{
	(void)state;
	for (unsigned swapped = 0; swapped < 2; swapped++) {
		struct file f = pcapng_of(swapped), second = pcapng_of(!swapped);

		append(&f, second.octet, second.n);
		expect(&f, 6, CAPTURE_FINE, "");
	}
}

/* The snap length of pcapng is one of each interface, and may be as wrong as that of a file */
static void longer_than_its_interface_says(void **state)
{
	struct file f = { 0 };
	struct capture_fault fault;
	struct rpcgate_packet packet;
	struct capture *capture;

	(void)state;
	section_block(&f);
	interface_block(&f, ETHERNET);
	f.octet[f.n - 8] = 40;
	f.octet[f.n - 7] = 0;
	packet_block(&f, 0, 1000);
	save("file", &f);
	capture = capture_open(path_of("file"), &fault);
	assert_non_null(capture);
	assert_true(capture_next(capture, &packet, &fault));
	assert_int_equal(packet.caplen, FRAME_OCTETS);
	assert_false(capture_next(capture, &packet, &fault));
	assert_int_equal(fault.kind, CAPTURE_FINE);
	assert_true(capture_remark(capture, &fault));
	assert_non_null(strstr(fault.text, "40 octets at most"));
	capture_close(capture);
}

static void no_single_octet_makes_it_hang_or_crash(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct file pcap = plain_pcap();
	struct file pcapng = pcapng_of(false);
	struct file whole[] = { pcap, pcapng, gzip_of(&pcap), zstd_of(&pcapng) };

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		for (size_t at = 0; at < whole[i].n; at++) {
			for (size_t v = 0; v < sizeof(values); v++) {
				struct file f = whole[i];

				f.octet[at] = values[v];
				read_file(&f);
			}
		}
	}
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/rpcgate-capture-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path_of("file"));
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_gives_the_same_packets),
		cmocka_unit_test(nanoseconds_are_kept),
		cmocka_unit_test(times_after_2038_and_absurd_fractions),
		cmocka_unit_test(raw_ip_has_its_linktype_number),
		cmocka_unit_test(no_packets_is_no_fault),
		cmocka_unit_test(members_and_frames_in_a_row),
		cmocka_unit_test(nothing_there_and_nothing_in_it),
		cmocka_unit_test(foreign_octets),
		cmocka_unit_test(unknown_link_type),
		cmocka_unit_test(cut_at_every_octet_of_a_pcap),
		cmocka_unit_test(cut_at_every_octet_of_a_pcapng),
		cmocka_unit_test(cut_at_every_octet_when_packed),
		cmocka_unit_test(garbage_behind_packed_data),
		cmocka_unit_test(a_wrong_gzip_checksum_is_told),
		cmocka_unit_test(absurd_lengths_of_a_record),
		cmocka_unit_test(more_octets_than_the_snap_length),
		cmocka_unit_test(longer_captured_than_on_the_wire),
		cmocka_unit_test(link_type_changes_inside),
		cmocka_unit_test(some_link_types_are_not_decoded),
		cmocka_unit_test(no_link_type_is_decoded),
		cmocka_unit_test(nothing_says_what_interface_it_was),
		cmocka_unit_test(longer_than_its_interface_says),
		cmocka_unit_test(byte_order_changes_inside),
		cmocka_unit_test(no_single_octet_makes_it_hang_or_crash),
	};

	return cmocka_run_group_tests_name("capture", tests, make_directory, remove_directory);
}
