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

#define STDIO_OCTETS (64 * 1024) /* stays in the first cache: larger ones are slower */
#define NS_PER_S 1000000000
#define PCAPNG 0x0a0d0d0aU        /* the same in both orders */
#define SECTION_LEAST 28U         /* octets of a block that begins one */
#define LONGEST_BLOCK (16U << 20) /* libpcap's own limit */
#define FILE_HEADER 24            /* pcap-savefile(5) */
#define SNAP_LENGTH_AT 16
#define RECORD_HEADER 16
#define LONGEST_RECORD (256 * 1024) /* libpcap's own limit for what is captured of a packet */
/* The longest record, and a read that stays in the second cache: larger ones are slower */
#define WINDOW_OCTETS (RECORD_HEADER + LONGEST_RECORD + 64 * 1024)
_Static_assert(WINDOW_OCTETS <= CAPTURE_ROOM, "as promised");

/* A classic capture whose records are read in place, until one is odd */
struct window {
	bool open;    /* libpcap has not begun with the records */
	bool swapped; /* its numbers are in the other byte order */
	uint32_t longest;
	uint32_t fraction_ns; /* of a unit behind the second */
	size_t at, end;       /* in octet */
	uint8_t *octet;       /* the room that is read into: own, or the caller's */
	uint8_t own[WINDOW_OCTETS];
};

struct capture {
	pcap_t *pcap;
	FILE *file; /* owned by pcap */
	struct decompress *octets;
	struct window *window; /* NULL: libpcap reads everything */
	uint64_t handed;       /* octets that libpcap took */
	uint64_t passed;       /* octets that it never saw */
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

static bool check_linktype(struct capture *capture, struct capture_fault *fault)
{
	const char *name = pcap_datalink_val_to_name(pcap_datalink(capture->pcap));

	capture->linktype = linktype_of(capture->pcap);
	if (rpcgate_linktype_known(capture->linktype))
		return true;
	fail(fault, CAPTURE_UNSUPPORTED, "has link type %" PRIu32 " (%s), which is not decoded",
	     capture->linktype, name ? name : "unknown");
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
	size_t have = w ? w->end - w->at : 0;

	if (!have) {
		n = decompress_read(c->octets, out,
				    w && w->open && n > FILE_HEADER ? FILE_HEADER : n);
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
	*offset = (off64_t)(c->handed + c->passed);
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

static inline uint32_t number(const uint8_t *at, bool swapped)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ?
		       value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24 :
		       value;
}

/* Version 2.4 with one of the two magic numbers that say nothing but the unit of time */
static bool header_is_plain(const uint8_t header[FILE_HEADER], struct window *w)
{
	static const struct {
		uint32_t magic, fraction_ns;
	} kinds[] = { { 0xa1b2c3d4, 1000 }, { 0xa1b23c4d, 1 } };
	uint32_t version;

	for (unsigned swapped = 0; swapped < 2; swapped++)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (number(header, swapped) == kinds[i].magic) {
				w->swapped = swapped;
				w->fraction_ns = kinds[i].fraction_ns;
			}
	/* the two numbers of the version are 16 bits each, and come out in the order of the machine */
	version = number(header + 4, w->swapped);
	return w->fraction_ns && (version == 0x00040002 || version == 0x00020004);
}

/* libpcap cuts what is longer than the header of the file says: who makes the file could hide the
 * ends of packets, and some write a length that is simply wrong.  All octets that are there count. */
static void note_snap_length(struct capture *capture)
{
	uint8_t header[FILE_HEADER];
	bool swapped;

	capture->declared = LONGEST_RECORD;
	if (decompress_peek(capture->octets, header, sizeof(header)) != sizeof(header) ||
	    number(header, false) == PCAPNG)
		return;
	/* the magic numbers of classic captures begin with a1, and end with another octet */
	swapped = (number(header, false) & 0xff000000) != 0xa1000000;
	capture->declared = number(header + SNAP_LENGTH_AT, swapped);
	capture->lifted = capture->declared && capture->declared < LONGEST_RECORD;
	if (capture->lifted) {
		uint32_t most = number((const uint8_t *)&(uint32_t){ LONGEST_RECORD }, swapped);

		memcpy(capture->snap_length, &most, sizeof(most));
	} else {
		capture->declared = LONGEST_RECORD;
	}
}

/* Before libpcap sees anything.  Without memory for it the slow way is good enough. */
static void open_window(struct capture *capture)
{
	uint8_t header[FILE_HEADER];
	struct window *w;

	if (decompress_peek(capture->octets, header, sizeof(header)) != sizeof(header))
		return;
	w = malloc(sizeof(*w));
	if (!w)
		return;
	memset(w, 0, offsetof(struct window, own));
	w->octet = w->own;
	w->open = header_is_plain(header, w);
	w->longest = capture->declared;
	if (w->open)
		capture->window = w;
	else
		free(w);
}

/* At least @p want octets in the window; false if there are no more */
static bool window_fill(struct capture *capture, size_t want)
{
	struct window *w = capture->window;

	memmove(w->octet, w->octet + w->at, w->end - w->at);
	w->end -= w->at;
	w->at = 0;
	while (w->end < want) {
		size_t got =
			decompress_read(capture->octets, w->octet + w->end, WINDOW_OCTETS - w->end);

		if (!got)
			return false;
		w->end += got;
	}
	return true;
}

/* The record at hand, if there is nothing odd about it; else libpcap goes on from here */
static const uint8_t *window_next(struct capture *capture, uint32_t *captured)
{
	struct window *w = capture->window;
	const uint8_t *record;

	if (w->end - w->at < RECORD_HEADER && !window_fill(capture, RECORD_HEADER))
		return NULL;
	*captured = number(w->octet + w->at + 8, w->swapped);
	if (*captured > LONGEST_RECORD)
		return NULL;
	if (*captured > w->longest) {
		capture->longer = true;
		w->longest = LONGEST_RECORD;
	}
	if (w->end - w->at < RECORD_HEADER + *captured &&
	    !window_fill(capture, RECORD_HEADER + *captured))
		return NULL;
	record = w->octet + w->at;
	w->at += RECORD_HEADER + *captured;
	capture->passed += RECORD_HEADER + *captured;
	return record;
}

/* What is left goes along, and may lie in the same room */
static void move_window(struct window *w, uint8_t *room)
{
	memmove(room, w->octet + w->at, w->end - w->at);
	w->end -= w->at;
	w->at = 0;
	w->octet = room;
}

/* From here on libpcap reads, as long as it takes: out of the room that nobody else uses */
static void close_window(struct window *w)
{
	w->open = false;
	move_window(w, w->own);
}

bool capture_read_into(struct capture *capture, uint8_t room[CAPTURE_ROOM])
{
	struct window *w = capture->window;

	if (!w || !w->open)
		return false;
	move_window(w, room ? room : w->own);
	return true;
}

bool capture_has_record(const struct capture *capture)
{
	const struct window *w = capture->window;
	uint32_t captured;

	if (!w || !w->open || w->end - w->at < RECORD_HEADER)
		return false;
	captured = number(w->octet + w->at + 8, w->swapped);
	return captured <= w->longest && w->end - w->at >= RECORD_HEADER + captured;
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
	if (!check_magic(capture->octets, fault))
		goto no_capture;
	note_snap_length(capture);
	if (quick)
		open_window(capture);
	if (!attach(capture, fault))
		goto no_capture;
	if (check_linktype(capture, fault))
		return capture;
	pcap_close(capture->pcap);
no_capture:
	free(capture->window);
	decompress_free(capture->octets);
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
	pcap_close(capture->pcap);
	decompress_free(capture->octets);
	free(capture->window);
	free(capture);
}

/* Times as foreign as everything else: classic files hold 32 bits, which libpcap takes as signed
 * (good until 2038), pcapng 64 bits of any unit.  What lies outside of 1970 to 2262 is pulled to
 * the nearest end. */
static inline uint64_t time_of(int64_t s, int64_t ns)
{
	if (s < 0)
		s = s >= INT32_MIN ? (int64_t)(uint32_t)s : 0;
	if (s >= INT64_MAX / NS_PER_S)
		return INT64_MAX;
	if (ns < 0 || ns >= NS_PER_S)
		ns = ns < 0 ? 0 : NS_PER_S - 1;
	return (uint64_t)s * NS_PER_S + (uint64_t)ns;
}

/* A block as long as another one that is read in the wrong order: a section begins with its length,
 * and says its order behind that */
static bool is_other_order(const char *why)
{
	static const char words[] = "pcapng block size ";
	uint32_t n;

	if (strncmp(why, words, sizeof(words) - 1) != 0)
		return false;
	n = (uint32_t)strtoul(why + sizeof(words) - 1, NULL, 10);
	n = number((const uint8_t *)&n, true);
	return n >= SECTION_LEAST && n <= LONGEST_BLOCK && n % 4 == 0;
}

/* What pcapng may have and libpcap does not read; NULL: the file is at fault */
static const char *beyond_libpcap(const char *why)
{
	static const struct {
		const char *says, *means;
	} limits[] = {
		{ "different from the type of the first", "interfaces of different link types" },
		{ "different from the snapshot length of the first",
		  "interfaces of different snap lengths" },
		{ "different byte orders", "sections of different byte orders" },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strstr(why, limits[i].says))
			return limits[i].means;
	return is_other_order(why) ? "sections of different byte orders" : NULL;
}

/* The file ended or libpcap gave up.  @start is where the record or block it was reading began. */
static void end(struct capture *capture, int result, long long start, struct capture_fault *fault)
{
	const char *damage = decompress_damage(capture->octets);
	const char *why, *beyond;
	long long stop = ftello(capture->file);

	capture->ended = true;
	*fault = (struct capture_fault){ .kind = CAPTURE_FINE };
	if (result == PCAP_ERROR_BREAK && !damage)
		return;
	why = damage ? damage : pcap_geterr(capture->pcap);
	beyond = damage ? NULL : beyond_libpcap(why);
	if (beyond) {
		fail(fault, CAPTURE_UNSUPPORTED,
		     "has %s, which libpcap does not read: nothing from octet %lld on, where frame "
		     "%" PRIu64 " begins, was used; the file need not be damaged",
		     beyond, start, capture->frame + 1);
		return;
	}
	fail(fault, CAPTURE_DAMAGED,
	     "%s at octet %lld, where frame %" PRIu64 " begins (read up to octet %lld): %s",
	     strncmp(why, "truncated", 9) == 0 ? "is cut short" : "is damaged", start,
	     capture->frame + 1, stop, why);
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
	long long start = ftello(capture->file);
	struct pcap_pkthdr *header;
	const u_char *data;
	int result = pcap_next_ex(capture->pcap, &header, &data);

	if (result != 1) {
		end(capture, result, start, fault);
		return false;
	}
	capture->longer |= capture->lifted && header->caplen > capture->declared;
	deliver(capture, packet, data, header->caplen, header->len,
		time_of(header->ts.tv_sec, header->ts.tv_usec));
	return true;
}

static inline uint64_t time_of_record(uint32_t fraction_ns, const uint8_t *record, bool swapped)
{
	uint32_t s = number(record, swapped), fraction = number(record + 4, swapped);
	uint64_t ns = (uint64_t)fraction * fraction_ns;

	return ns < NS_PER_S ? s * UINT64_C(1000000000) + ns :
			       time_of(s, (int64_t)(int32_t)fraction * fraction_ns);
}

bool capture_next(struct capture *capture, struct rpcgate_packet *packet,
		  struct capture_fault *fault)
{
	struct window *w = capture->window;
	const uint8_t *record;
	uint32_t captured;

	fault->kind = CAPTURE_FINE;
	if (w && w->open) {
		record = window_next(capture, &captured);
		if (record) {
			deliver(capture, packet, record + RECORD_HEADER, captured,
				number(record + 12, w->swapped),
				time_of_record(w->fraction_ns, record, w->swapped));
			return true;
		}
		close_window(w);
	}
	fault->text[0] = '\0';
	return !capture->ended && next_of_libpcap(capture, packet, fault);
}

/* Records that the window has whole; what is odd waits for capture_next().  @p swapped is a constant
 * where this is used. */
__attribute__((always_inline)) static inline size_t deliver_window(struct capture *capture,
								   struct rpcgate_packet *packets,
								   size_t n, size_t max,
								   const bool swapped)
{
	struct window *w = capture->window;
	const uint8_t *const octet = w->octet;
	const size_t filled = w->end;
	const uint32_t longest = w->longest, linktype = capture->linktype;
	const uint32_t fraction_ns = w->fraction_ns;
	size_t at = w->at;

	while (n < max && at + RECORD_HEADER <= filled) {
		const uint8_t *record = octet + at;
		uint32_t captured = number(record + 8, swapped);
		uint32_t length = number(record + 12, swapped);
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
	w->at = at;
	return n;
}

size_t capture_next_batch(struct capture *capture, struct rpcgate_packet *packets, size_t max,
			  struct capture_fault *fault)
{
	size_t n = max && capture_next(capture, packets, fault);
	struct window *w = capture->window;
	size_t at, all;

	if (!n || !w || !w->open)
		return n;
	at = w->at;
	all = w->swapped ? deliver_window(capture, packets, n, max, true) :
			   deliver_window(capture, packets, n, max, false);
	capture->passed += w->at - at;
	capture->frame += all - n;
	return all;
}

bool capture_remark(const struct capture *capture, struct capture_fault *remark)
{
	if (capture->longer)
		fail(remark, CAPTURE_ODD,
		     "says that its packets have %" PRIu32
		     " octets at most, and has longer ones: they "
		     "were read whole",
		     capture->declared);
	return capture->longer;
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
