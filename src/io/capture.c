/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "decompress.h"

#define STDIO_OCTETS (64 * 1024) /* stays in the first cache: larger ones are slower */
#define NS_PER_S 1000000000

struct capture {
	pcap_t *pcap;
	FILE *file; /* owned by pcap */
	struct decompress *octets;
	uint64_t frame;
	uint32_t linktype;
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

/* Give the stream to libpcap; on failure everything is undone. */
static bool attach(struct capture *capture, struct capture_fault *fault)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	capture->file = decompress_stdio(capture->octets);
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

struct capture *capture_open(const char *name, struct capture_fault *fault)
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
	if (!check_magic(capture->octets, fault) || !attach(capture, fault))
		goto no_capture;
	if (check_linktype(capture, fault))
		return capture;
	pcap_close(capture->pcap);
no_capture:
	decompress_free(capture->octets);
no_stream:
	free(capture);
	return NULL;
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	pcap_close(capture->pcap);
	decompress_free(capture->octets);
	free(capture);
}

/* Times as foreign as everything else: classic files hold 32 bits, which libpcap takes as signed
 * (good until 2038), pcapng 64 bits of any unit.  What lies outside of 1970 to 2262 is pulled to
 * the nearest end. */
static uint64_t time_of(const struct pcap_pkthdr *header)
{
	int64_t s = header->ts.tv_sec;
	int64_t ns = header->ts.tv_usec;

	if (s < 0)
		s = s >= INT32_MIN ? (int64_t)(uint32_t)s : 0;
	if (s >= INT64_MAX / NS_PER_S)
		return INT64_MAX;
	if (ns < 0 || ns >= NS_PER_S)
		ns = ns < 0 ? 0 : NS_PER_S - 1;
	return (uint64_t)s * NS_PER_S + (uint64_t)ns;
}

/* The file ended or libpcap gave up.  @start is where the record or block it was reading began. */
static void end(struct capture *capture, int result, long long start, struct capture_fault *fault)
{
	const char *damage = decompress_damage(capture->octets);
	const char *why;
	long long stop = ftello(capture->file);

	capture->ended = true;
	*fault = (struct capture_fault){ .kind = CAPTURE_FINE };
	if (result == PCAP_ERROR_BREAK && !damage)
		return;
	why = damage ? damage : pcap_geterr(capture->pcap);
	fail(fault, CAPTURE_DAMAGED,
	     "%s at octet %lld, where frame %" PRIu64 " begins (read up to octet %lld): %s",
	     strncmp(why, "truncated", 9) == 0 ? "is cut short" : "is damaged", start,
	     capture->frame + 1, stop, why);
}

bool capture_next(struct capture *capture, struct rpcgate_packet *packet,
		  struct capture_fault *fault)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	long long start;
	int result;

	*fault = (struct capture_fault){ .kind = CAPTURE_FINE };
	if (capture->ended)
		return false;
	start = ftello(capture->file);
	result = pcap_next_ex(capture->pcap, &header, &data);
	if (result != 1) {
		end(capture, result, start, fault);
		return false;
	}
	capture->frame++;
	*packet = (struct rpcgate_packet){
		.data = data,
		.caplen = header->caplen,
		.len = header->len > header->caplen ? header->len : header->caplen,
		.linktype = capture->linktype,
		.checksum = RPCGATE_CSUM_UNKNOWN,
		.time_ns = time_of(header),
	};
	return true;
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
