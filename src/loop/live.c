/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "live.h"
#include "text.h"

#define NS_PER_S UINT64_C(1000000000)
#define SNAPLEN 262144 /* the most that libpcap takes: hosts join segments to 64 KiB */
#define WAIT_MS 50

struct live {
	pcap_t *pcap;
	uint32_t linktype;
};

static bool fail(const char *name, const char *why, char err[RPCGATE_ERROR_SIZE])
{
	char shown[64];

	snprintf(err, RPCGATE_ERROR_SIZE, "%s: %.150s", text_show(name, shown, sizeof(shown)), why);
	return false;
}

static const char *activation_error(pcap_t *pcap, int code)
{
	switch (code) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return "there is no such interface";
	case PCAP_ERROR_PERM_DENIED:
		return "capturing needs the capability CAP_NET_RAW";
	case PCAP_ERROR_IFACE_NOT_UP:
		return "is down";
	case PCAP_ERROR:
		return pcap_geterr(pcap);
	default:
		return pcap_statustostr(code);
	}
}

static bool activate(struct live *live, const char *name, char err[RPCGATE_ERROR_SIZE])
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int code;

	pcap_set_snaplen(live->pcap, SNAPLEN);
	pcap_set_promisc(live->pcap, 1);
	pcap_set_timeout(live->pcap, WAIT_MS);
	pcap_set_buffer_size(live->pcap, LIVE_BUFFER);
	pcap_set_tstamp_precision(live->pcap, PCAP_TSTAMP_PRECISION_NANO);
	code = pcap_activate(live->pcap);
	if (code < 0)
		return fail(name, activation_error(live->pcap, code), err);
	if (pcap_setnonblock(live->pcap, 1, why) < 0)
		return fail(name, why, err);
	/* DLT_ and LINKTYPE_ differ in one kind that interfaces have */
	live->linktype = pcap_datalink(live->pcap) == DLT_RAW ? RPCGATE_LINK_RAW :
								(uint32_t)pcap_datalink(live->pcap);
	return rpcgate_linktype_known(live->linktype) ||
	       fail(name, "has a link type that is not decoded", err);
}

static bool set_filter(struct live *live, const char *filter, char err[RPCGATE_ERROR_SIZE])
{
	struct bpf_program program;
	bool good;

	if (!filter)
		return true;
	if (pcap_compile(live->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return fail("filter", pcap_geterr(live->pcap), err);
	good = pcap_setfilter(live->pcap, &program) == 0;
	pcap_freecode(&program);
	return good || fail("filter", pcap_geterr(live->pcap), err);
}

struct live *live_open(const char *name, const char *filter, char err[RPCGATE_ERROR_SIZE])
{
	struct live *live = calloc(1, sizeof(*live));
	char why[PCAP_ERRBUF_SIZE] = "not enough memory";

	if (live)
		live->pcap = pcap_create(name, why);
	if (!live || !live->pcap)
		fail(name, why, err);
	else if (activate(live, name, err) && set_filter(live, filter, err))
		return live;
	live_close(live);
	return NULL;
}

void live_close(struct live *live)
{
	if (!live)
		return;
	if (live->pcap)
		pcap_close(live->pcap);
	free(live);
}

int live_fd(const struct live *live)
{
	return pcap_get_selectable_fd(live->pcap);
}

enum live_result live_next(struct live *live, struct rpcgate_packet *packet,
			   char err[RPCGATE_ERROR_SIZE])
{
	struct pcap_pkthdr *head;
	const uint8_t *data;
	int got = pcap_next_ex(live->pcap, &head, &data);

	if (got == 0)
		return LIVE_NONE;
	if (got < 0) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%.200s", pcap_geterr(live->pcap));
		return LIVE_FAILED;
	}
	*packet = (struct rpcgate_packet){
		.data = data,
		.caplen = head->caplen,
		.len = head->len,
		.linktype = live->linktype,
		/* nanoseconds stand where microseconds usually do */
		.time_ns = (uint64_t)head->ts.tv_sec * NS_PER_S + (uint64_t)head->ts.tv_usec,
	};
	return LIVE_PACKET;
}

uint64_t live_dropped(const struct live *live)
{
	struct pcap_stat stat;

	return pcap_stats(live->pcap, &stat) == 0 ? (uint64_t)stat.ps_drop + stat.ps_ifdrop : 0;
}
