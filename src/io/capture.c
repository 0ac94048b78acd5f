/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "decompress.h"
#include "pcapng.h"
#include "savefile.h"
#include "window.h"

#define STDIO_OCTETS (64 * 1024) /* stays in the first cache: larger ones are slower */
#define PCAPNG 0x0a0d0d0aU       /* the same in both orders */
#define FILE_HEADER 24           /* pcap-savefile(5) */
#define SNAP_LENGTH_AT 16
#define RECORD_HEADER 16
_Static_assert(WINDOW_OCTETS <= CAPTURE_ROOM, "as promised");

/* A classic capture whose records are read in place, until one is odd */
struct classic {
	bool open;    /* libpcap has not begun with the records */
	bool swapped; /* its numbers are in the other byte order */
	uint32_t longest;
	uint32_t fraction_ns; /* of a unit behind the second */
};

/* Packets of interfaces whose link type is not decoded */
struct undecoded {
	uint64_t packets;
	uint32_t linktype; /* of the first of them */
};

struct capture {
	pcap_t *pcap; /* NULL where it reads nothing: blocks are read here */
	FILE *file;   /* owned by pcap */
	struct decompress *octets;
	struct window *window; /* NULL: libpcap reads everything */
	struct classic classic;
	struct pcapng *blocks; /* NULL: a classic capture, or libpcap reads it */
	struct undecoded undecoded;
	uint64_t handed; /* octets that libpcap took */
	uint64_t frame;
	uint32_t linktype;
	uint32_t declared; /* what packets have at most, says the header of a classic capture */
	bool longer;       /* and some have more */
	bool lifted;       /* libpcap shall not cut them */
	uint8_t snap_length[4];
	bool regular;
	bool ended;
	char buffer[STDIO_OCTETS]; /* of file */
};

__attribute__((format(printf, 3, 4))) static void
fail(struct capture_fault *fault, enum capture_fault_kind kind, const char *format, ...)
{
	va_list args;

	fault->kind = kind;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
}

/* The first four octets as they lie in the file; what libpcap reads (pcap-savefile(5), pcapng). */
static bool is_capture(const uint8_t magic[4])
{
	static const uint32_t known[] = {
		0xa1b2c3d4, /* microseconds */
		0xa1b23c4d, /* nanoseconds */
		0xa1b2cd34, /* with the fields of Kuznetzov's patched libpcap */
		0xa12b3c4d, /* Navtel */
		0x0a0d0d0a, /* pcapng section header, the same in both orders */
	};
	uint32_t big = (uint32_t)magic[0] << 24 | (uint32_t)magic[1] << 16 |
		       (uint32_t)magic[2] << 8 | magic[3];
	uint32_t little = (uint32_t)magic[3] << 24 | (uint32_t)magic[2] << 16 |
			  (uint32_t)magic[1] << 8 | magic[0];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (big == known[i] || little == known[i])
			return true;
	return false;
}

static bool check_magic(struct decompress *octets, struct capture_fault *fault)
{
	uint8_t magic[4];
	size_t n = decompress_peek(octets, magic, sizeof(magic));
	const char *damage = decompress_damage(octets);
	const char *format = decompress_format(octets);

	if (n == sizeof(magic) && is_capture(magic))
		return true;
	if (damage)
		fail(fault, format ? CAPTURE_DAMAGED : CAPTURE_UNREADABLE, "cannot be read: %s",
		     damage);
	else if (!n)
		fail(fault, CAPTURE_FOREIGN, "is empty");
	else if (n < sizeof(magic))
		fail(fault, CAPTURE_FOREIGN, "is no capture: it ends at octet %zu", n);
	else
		fail(fault, CAPTURE_FOREIGN,
		     "is no capture: it begins with the octets %02x %02x %02x %02x%s%s", magic[0],
		     magic[1], magic[2], magic[3], format ? " inside " : "", format ? format : "");
	return false;
}

/* libpcap hands out DLT_ values, which differ between systems where LINKTYPE_ values do not. */
static uint32_t linktype_of(pcap_t *pcap)
{
	static const struct {
		int dlt;
		uint32_t linktype;
	} moved[] = {
		{ DLT_ATM_RFC1483, 100 },
		{ DLT_RAW, RPCGATE_LINK_RAW },
		{ DLT_LOOP, RPCGATE_LINK_LOOP },
	};
	int dlt = pcap_datalink(pcap);

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
		if (moved[i].dlt == dlt)
			return moved[i].linktype;
	return (uint32_t)dlt;
}

static bool check_linktype(struct capture *capture, uint32_t linktype, struct capture_fault *fault)
{
	const char *name = pcap_datalink_val_to_name((int)linktype);

	capture->linktype = linktype;
	if (rpcgate_linktype_known(linktype))
		return true;
	fail(fault, CAPTURE_UNSUPPORTED, "has link type %" PRIu32 " (%s), which is not decoded",
	     linktype, name ? name : "unknown");
	return false;
}

static int open_octets(const char *name, bool *regular, struct capture_fault *fault)
{
	struct stat status;
	int fd = strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
					  open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0) {
		fail(fault, CAPTURE_UNREADABLE, "cannot be opened: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*regular = S_ISREG(status.st_mode) && strcmp(name, "-") != 0;
	return fd;
}

/* libpcap reads another snap length than stands in the file */
static void lift_snap_length(const struct capture *c, char *out, size_t n)
{
	for (size_t i = 0; i < sizeof(c->snap_length); i++) {
		uint64_t at = SNAP_LENGTH_AT + i;

		if (at >= c->handed && at - c->handed < n)
			out[at - c->handed] = (char)c->snap_length[i];
	}
}

/* What libpcap reads: first the header, which the window holds back from it, then nothing while
 * records are read in place, then what the window still has and what comes behind. */
static ssize_t cookie_read(void *cookie, char *out, size_t n)
{
	struct capture *c = cookie;
	struct window *w = c->window;
	size_t have = w ? window_left(w) : 0;

	if (!have) {
		n = decompress_read(c->octets, out,
				    c->classic.open && n > FILE_HEADER ? FILE_HEADER : n);
	} else {
		n = n < have ? n : have;
		memcpy(out, w->octet + w->at, n);
		w->at += n;
	}
	if (c->lifted && c->handed < FILE_HEADER)
		lift_snap_length(c, out, n);
	c->handed += n;
	return (ssize_t)n;
}

/* Only "where am I": stdio asks with offset 0 from here, and takes off what it holds itself. */
static int cookie_seek(void *cookie, off64_t *offset, int whence)
{
	const struct capture *c = cookie;

	if (whence != SEEK_CUR || *offset != 0) {
		errno = ESPIPE;
		return -1;
	}
	*offset = (off64_t)(c->handed + (c->window ? c->window->passed : 0));
	return 0;
}

static FILE *stdio_of(struct capture *capture)
{
	static const cookie_io_functions_t functions = {
		.read = cookie_read,
		.seek = cookie_seek,
	};
	FILE *file = fopencookie(capture, "rb", functions);

	if (file)
		__fsetlocking(file, FSETLOCKING_BYCALLER); /* one thread; a lock a read is 5 % */
	return file;
}

/* Give the stream to libpcap; on failure everything is undone. */
static bool attach(struct capture *capture, struct capture_fault *fault)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	capture->file = stdio_of(capture);
	if (!capture->file) {
		fail(fault, CAPTURE_UNREADABLE, "cannot be opened: %s", strerror(errno));
		return false;
	}
	setvbuf(capture->file, capture->buffer, _IOFBF, sizeof(capture->buffer));
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(capture->file,
								 PCAP_TSTAMP_PRECISION_NANO, why);
	if (!capture->pcap) {
		const char *damage = decompress_damage(capture->octets);

		fail(fault, CAPTURE_DAMAGED, "is damaged in its header, at octet %lld: %s",
		     (long long)ftello(capture->file), damage ? damage : why);
		fclose(capture->file);
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------ the window */

/* Version 2.4 with one of the two magic numbers that say nothing but the unit of time */
static bool header_is_plain(const uint8_t header[FILE_HEADER], struct classic *k)
{
	static const struct {
		uint32_t magic, fraction_ns;
	} kinds[] = { { 0xa1b2c3d4, 1000 }, { 0xa1b23c4d, 1 } };
	uint32_t version;

	for (unsigned swapped = 0; swapped < 2; swapped++)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (savefile_u32(header, swapped) == kinds[i].magic) {
				k->swapped = swapped;
				k->fraction_ns = kinds[i].fraction_ns;
			}
	/* the two numbers of the version are 16 bits each, and come out in the order of the machine */
	version = savefile_u32(header + 4, k->swapped);
	return k->fraction_ns && (version == 0x00040002 || version == 0x00020004);
}

/* libpcap cuts what is longer than the header of the file says: who makes the file could hide the
 * ends of packets, and some write a length that is simply wrong.  All octets that are there count. */
static void note_snap_length(struct capture *capture)
{
	uint8_t header[FILE_HEADER];
	bool swapped;

	capture->declared = SAVEFILE_LONGEST_PACKET;
	if (decompress_peek(capture->octets, header, sizeof(header)) != sizeof(header) ||
	    savefile_u32(header, false) == PCAPNG)
		return;
	/* the magic numbers of classic captures begin with a1, and end with another octet */
	swapped = (savefile_u32(header, false) & 0xff000000) != 0xa1000000;
	capture->declared = savefile_u32(header + SNAP_LENGTH_AT, swapped);
	capture->lifted = capture->declared && capture->declared < SAVEFILE_LONGEST_PACKET;
	if (capture->lifted) {
		uint32_t most = savefile_u32(
			(const uint8_t *)&(uint32_t){ SAVEFILE_LONGEST_PACKET }, swapped);

		memcpy(capture->snap_length, &most, sizeof(most));
	} else {
		capture->declared = SAVEFILE_LONGEST_PACKET;
	}
}

/* Before libpcap sees anything.  Without memory for it the slow way is good enough. */
static void open_window(struct capture *capture)
{
	uint8_t header[FILE_HEADER];
	struct classic *k = &capture->classic;

	if (decompress_peek(capture->octets, header, sizeof(header)) != sizeof(header) ||
	    !header_is_plain(header, k))
		return;
	k->longest = capture->declared;
	capture->window = window_new(capture->octets);
	k->open = capture->window;
}

/* The record at hand, if there is nothing odd about it; else libpcap goes on from here */
static const uint8_t *next_record(struct capture *capture, uint32_t *captured)
{
	struct classic *k = &capture->classic;
	struct window *w = capture->window;
	const uint8_t *record;

	if (!window_fill(w, RECORD_HEADER))
		return NULL;
	*captured = savefile_u32(w->octet + w->at + 8, k->swapped);
	if (*captured > SAVEFILE_LONGEST_PACKET)
		return NULL;
	if (*captured > k->longest) {
		capture->longer = true;
		k->longest = SAVEFILE_LONGEST_PACKET;
	}
	if (!window_fill(w, RECORD_HEADER + *captured))
		return NULL;
	record = w->octet + w->at;
	window_pass(w, RECORD_HEADER + *captured);
	return record;
}

/* From here on libpcap reads, as long as it takes: out of the room that nobody else uses */
static void close_window(struct capture *capture)
{
	capture->classic.open = false;
	window_move(capture->window, capture->window->own);
}

static bool reads_here(const struct capture *capture)
{
	return capture->classic.open || capture->blocks;
}

bool capture_read_into(struct capture *capture, uint8_t room[CAPTURE_ROOM])
{
	if (!reads_here(capture))
		return false;
	window_move(capture->window, room ? room : capture->window->own);
	return true;
}

bool capture_has_record(const struct capture *capture)
{
	const struct window *w = capture->window;
	const struct classic *k = &capture->classic;
	uint32_t captured;

	if (capture->blocks)
		return pcapng_has_packet(capture->blocks, w->octet + w->at, window_left(w));
	if (!k->open || window_left(w) < RECORD_HEADER)
		return false;
	captured = savefile_u32(w->octet + w->at + 8, k->swapped);
	return captured <= k->longest && window_left(w) >= RECORD_HEADER + captured;
}

/* ------------------------------------------------------------------- blocks */

/* What of a file is no packet, up to the first interface that is decoded */
static bool begin_blocks(struct capture *capture, struct capture_fault *fault)
{
	struct window *w = capture->window;
	struct pcapng *blocks = capture->blocks;

	for (;;) {
		struct pcapng_found found;
		const char *why = decompress_damage(capture->octets);
		const uint32_t n = pcapng_interfaces(blocks);
		enum pcapng_outcome outcome;

		if (n && rpcgate_linktype_known(pcapng_linktype(blocks, n - 1)))
			return check_linktype(capture, pcapng_linktype(blocks, n - 1), fault);
		outcome = pcapng_read(blocks, w->octet + w->at, window_left(w), &found);
		if (outcome == PCAPNG_OTHER)
			window_pass(w, found.take);
		else if (outcome == PCAPNG_MORE && window_fill(w, found.want))
			continue;
		else if (n)
			return check_linktype(capture, pcapng_linktype(blocks, 0), fault);
		else {
			why = outcome == PCAPNG_BAD ? pcapng_fault(blocks) : why;
			fail(fault, CAPTURE_DAMAGED,
			     "is damaged in its header, at octet %" PRIu64 ": %s",
			     w->passed + window_left(w),
			     why ? why : "it ends before any interface is described");
			return false;
		}
	}
}

static bool open_blocks(struct capture *capture, struct capture_fault *fault)
{
	capture->window = window_new(capture->octets);
	capture->blocks = pcapng_new(WINDOW_OCTETS);
	if (capture->window && capture->blocks)
		return begin_blocks(capture, fault);
	fail(fault, CAPTURE_UNREADABLE, "cannot be opened: not enough memory");
	return false;
}

static bool is_pcapng(struct capture *capture)
{
	uint8_t magic[4];

	return decompress_peek(capture->octets, magic, sizeof(magic)) == sizeof(magic) &&
	       savefile_u32(magic, false) == PCAPNG;
}

static bool open_records(struct capture *capture, bool quick, struct capture_fault *fault)
{
	note_snap_length(capture);
	if (quick)
		open_window(capture);
	if (!attach(capture, fault))
		return false;
	return check_linktype(capture, linktype_of(capture->pcap), fault);
}

static struct capture *open_capture(const char *name, bool quick, struct capture_fault *fault)
{
	struct capture *capture = malloc(sizeof(*capture));
	int fd;

	*fault = (struct capture_fault){ .kind = CAPTURE_FINE };
	if (!capture) {
		fail(fault, CAPTURE_UNREADABLE, "cannot be opened: not enough memory");
		return NULL;
	}
	memset(capture, 0, offsetof(struct capture, buffer));
	fd = open_octets(name, &capture->regular, fault);
	if (fd < 0)
		goto no_stream;
	capture->octets = decompress_new(fd);
	if (!capture->octets) {
		fail(fault, CAPTURE_UNREADABLE, "cannot be opened: not enough memory");
		goto no_stream;
	}
	if (check_magic(capture->octets, fault) &&
	    (quick && is_pcapng(capture) ? open_blocks(capture, fault) :
					   open_records(capture, quick, fault)))
		return capture;
	capture_close(capture);
	return NULL;
no_stream:
	free(capture);
	return NULL;
}

struct capture *capture_open(const char *name, struct capture_fault *fault)
{
	return open_capture(name, true, fault);
}

struct capture *capture_open_slow(const char *name, struct capture_fault *fault)
{
	return open_capture(name, false, fault);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap);
	pcapng_free(capture->blocks);
	decompress_free(capture->octets);
	free(capture->window);
	free(capture);
}

/* @p start is where the record or block begins of which nothing, or not all, could be read */
static void tell_damage(const struct capture *capture, bool is_cut, uint64_t start, uint64_t stop,
			const char *why, struct capture_fault *fault)
{
	fail(fault, CAPTURE_DAMAGED,
	     "%s at octet %" PRIu64 ", where frame %" PRIu64 " begins (read up to octet %" PRIu64
	     "): %s",
	     is_cut ? "is cut short" : "is damaged", start, capture->frame + 1, stop, why);
}

/* The file ended or libpcap gave up */
static void end(struct capture *capture, int result, uint64_t start, struct capture_fault *fault)
{
	const char *damage = decompress_damage(capture->octets);
	const char *why = damage ? damage : pcap_geterr(capture->pcap);

	capture->ended = true;
	*fault = (struct capture_fault){ .kind = CAPTURE_FINE };
	if (result != PCAP_ERROR_BREAK || damage)
		tell_damage(capture, strncmp(why, "truncated", 9) == 0, start,
			    (uint64_t)ftello(capture->file), why, fault);
}

static inline void deliver(struct capture *capture, struct rpcgate_packet *packet,
			   const uint8_t *data, uint32_t captured, uint32_t length,
			   uint64_t time_ns)
{
	capture->frame++;
	*packet = (struct rpcgate_packet){
		.data = data,
		.caplen = captured,
		.len = length > captured ? length : captured,
		.linktype = capture->linktype,
		.checksum = RPCGATE_CSUM_UNKNOWN,
		.time_ns = time_ns,
	};
}

static bool next_of_libpcap(struct capture *capture, struct rpcgate_packet *packet,
			    struct capture_fault *fault)
{
	uint64_t start = (uint64_t)ftello(capture->file);
	struct pcap_pkthdr *header;
	const u_char *data;
	int result = pcap_next_ex(capture->pcap, &header, &data);

	if (result != 1) {
		end(capture, result, start, fault);
		return false;
	}
	capture->longer |= capture->lifted && header->caplen > capture->declared;
	deliver(capture, packet, data, header->caplen, header->len,
		savefile_time_ns(header->ts.tv_sec, header->ts.tv_usec));
	return true;
}

static inline uint64_t time_of_record(uint32_t fraction_ns, const uint8_t *record, bool swapped)
{
	uint32_t s = savefile_u32(record, swapped), fraction = savefile_u32(record + 4, swapped);
	uint64_t ns = (uint64_t)fraction * fraction_ns;

	return ns < SAVEFILE_NS_PER_S ?
		       s * UINT64_C(1000000000) + ns :
		       savefile_time_ns(s, (int64_t)(int32_t)fraction * fraction_ns);
}

/* What is odd about a packet, and is said at the end */
static void note_odd(struct capture *capture, const struct pcapng_found *found)
{
	if (found->snap_length && found->captured > found->snap_length && !capture->longer) {
		capture->longer = true;
		capture->declared = found->snap_length;
	}
	if (!rpcgate_linktype_known(found->linktype) && !capture->undecoded.packets++)
		capture->undecoded.linktype = found->linktype;
}

static inline void deliver_found(struct capture *capture, struct rpcgate_packet *packet,
				 const struct pcapng_found *found)
{
	deliver(capture, packet, found->data, found->captured, found->length, found->time_ns);
	packet->linktype = found->linktype;
	if (found->linktype != capture->linktype || found->captured > found->snap_length)
		note_odd(capture, found);
}

static void end_of_blocks(struct capture *capture, enum pcapng_outcome outcome, uint64_t start,
			  struct capture_fault *fault)
{
	const struct window *w = capture->window;
	const char *damage = decompress_damage(capture->octets);
	const uint64_t stop = w->passed + window_left(w);

	capture->ended = true;
	if (outcome == PCAPNG_BAD)
		tell_damage(capture, false, start, stop, pcapng_fault(capture->blocks), fault);
	else if (damage)
		tell_damage(capture, false, start, stop, damage, fault);
	else if (window_left(w) || pcapng_is_inside(capture->blocks))
		tell_damage(capture, true, start, stop, "the file ends inside of a block", fault);
}

static bool next_of_blocks(struct capture *capture, struct rpcgate_packet *packet,
			   struct capture_fault *fault)
{
	struct window *w = capture->window;
	uint64_t start = w->passed;

	for (;;) {
		struct pcapng_found found;
		enum pcapng_outcome outcome;

		if (!pcapng_is_inside(capture->blocks))
			start = w->passed;
		outcome = pcapng_read(capture->blocks, w->octet + w->at, window_left(w), &found);
		if (outcome == PCAPNG_BAD ||
		    (outcome == PCAPNG_MORE && !window_fill(w, found.want))) {
			end_of_blocks(capture, outcome, start, fault);
			return false;
		}
		if (outcome == PCAPNG_MORE)
			continue;
		window_pass(w, found.take);
		if (outcome == PCAPNG_PACKET) {
			deliver_found(capture, packet, &found);
			return true;
		}
	}
}

static bool next_of_records(struct capture *capture, struct rpcgate_packet *packet)
{
	const struct classic *k = &capture->classic;
	uint32_t captured;
	const uint8_t *record = next_record(capture, &captured);

	if (record)
		deliver(capture, packet, record + RECORD_HEADER, captured,
			savefile_u32(record + 12, k->swapped),
			time_of_record(k->fraction_ns, record, k->swapped));
	else
		close_window(capture);
	return record;
}

bool capture_next(struct capture *capture, struct rpcgate_packet *packet,
		  struct capture_fault *fault)
{
	fault->kind = CAPTURE_FINE;
	if (capture->classic.open && next_of_records(capture, packet))
		return true;
	fault->text[0] = '\0';
	if (capture->ended)
		return false;
	return capture->blocks ? next_of_blocks(capture, packet, fault) :
				 next_of_libpcap(capture, packet, fault);
}

/* Packets that the window has whole; what is odd waits for capture_next() */
static size_t deliver_blocks(struct capture *capture, struct rpcgate_packet *packets, size_t n,
			     size_t max)
{
	struct window *w = capture->window;
	struct pcapng_found found;

	while (n < max && pcapng_has_packet(capture->blocks, w->octet + w->at, window_left(w))) {
		if (pcapng_read(capture->blocks, w->octet + w->at, window_left(w), &found) !=
		    PCAPNG_PACKET)
			break;
		window_pass(w, found.take);
		deliver_found(capture, &packets[n++], &found);
	}
	return n;
}

/* Records that the window has whole; what is odd waits for capture_next().  @p swapped is a constant
 * where this is used. */
__attribute__((always_inline)) static inline size_t deliver_records(struct capture *capture,
								    struct rpcgate_packet *packets,
								    size_t n, size_t max,
								    const bool swapped)
{
	struct window *w = capture->window;
	const uint8_t *const octet = w->octet;
	const size_t filled = w->end;
	const uint32_t longest = capture->classic.longest, linktype = capture->linktype;
	const uint32_t fraction_ns = capture->classic.fraction_ns;
	size_t at = w->at;

	while (n < max && at + RECORD_HEADER <= filled) {
		const uint8_t *record = octet + at;
		uint32_t captured = savefile_u32(record + 8, swapped);
		uint32_t length = savefile_u32(record + 12, swapped);
		size_t next = at + RECORD_HEADER + captured;

		if (captured > longest || next > filled)
			break;
		packets[n++] = (struct rpcgate_packet){
			.data = record + RECORD_HEADER,
			.caplen = captured,
			.len = length > captured ? length : captured,
			.linktype = linktype,
			.checksum = RPCGATE_CSUM_UNKNOWN,
			.time_ns = time_of_record(fraction_ns, record, swapped),
		};
		at = next;
	}
	window_pass(w, at - w->at);
	return n;
}

size_t capture_next_batch(struct capture *capture, struct rpcgate_packet *packets, size_t max,
			  struct capture_fault *fault)
{
	size_t n = max && capture_next(capture, packets, fault);
	size_t all;

	if (!n || !reads_here(capture))
		return n;
	if (capture->blocks)
		return deliver_blocks(capture, packets, n, max);
	all = capture->classic.swapped ? deliver_records(capture, packets, n, max, true) :
					 deliver_records(capture, packets, n, max, false);
	capture->frame += all - n;
	return all;
}

bool capture_remark(const struct capture *capture, struct capture_fault *remark)
{
	const struct undecoded *undecoded = &capture->undecoded;
	const char *name = pcap_datalink_val_to_name((int)undecoded->linktype);

	if (undecoded->packets)
		fail(remark, CAPTURE_ODD,
		     "has %" PRIu64 " packets of interfaces with a link type that is not decoded "
		     "(%" PRIu32 ", %s): they were left out",
		     undecoded->packets, undecoded->linktype, name ? name : "unknown");
	else if (capture->longer)
		fail(remark, CAPTURE_ODD,
		     "says that its packets have %" PRIu32
		     " octets at most, and has longer ones: they "
		     "were read whole",
		     capture->declared);
	return undecoded->packets || capture->longer;
}

uint64_t capture_frame(const struct capture *capture)
{
	return capture->frame;
}

uint64_t capture_taken(const struct capture *capture)
{
	return decompress_taken(capture->octets);
}

bool capture_can_reopen(const struct capture *capture)
{
	return capture->regular;
}
