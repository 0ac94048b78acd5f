/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "nic.h"
#include "text.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000
#define RETRY_FIRST_NS (NS_PER_S / 10)
#define RETRY_MAX_NS (5 * NS_PER_S)
#define SNAPLEN 65535 /* the longest that a frame can be once nothing is joined */
#define BUFFER_OCTETS (16 * 1024 * 1024)
#define NAME_SHOWN 64
#define LINE_SIZE 256
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

/* What epoll tells of: a side, or one of these */
enum { WAKE_LINK = BRIDGE_SIDES, WAKE_TIMER };

struct side {
	const char *name;
	pcap_t *pcap; /* NULL: away */
	unsigned int index;
	uint32_t mtu;
	bool running;          /* had its carrier when it was looked at last */
	bool ready;            /* there may be frames to read */
	bool said_long;        /* that a frame was too long */
	bool held;             /* set down by us, for the other one has no carrier */
	bool was_up;           /* before we came */
	unsigned int saved_of; /* the interface whose offloads are saved */
	struct nic_offloads saved;
	uint64_t retry_ns; /* monotonic */
	uint64_t wait_ns;
	struct bridge_stats stats;
};

struct bridge {
	struct bridge_config config;
	struct side side[BRIDGE_SIDES];
	enum bridge_side turn;
	int epoll;
	int link;    /* rtnetlink: something about some interface changed */
	int timer;   /* when to try again */
	int control; /* to ask interfaces with */
};

/* ------------------------------------------------------------------- messages */

__attribute__((format(printf, 3, 4))) static void say(const struct bridge *b, const struct side *s,
						      const char *format, ...)
{
	char shown[NAME_SHOWN];
	char line[LINE_SIZE];
	va_list args;
	int n;

	if (!b->config.say)
		return;
	n = snprintf(line, sizeof(line), "bridge %s: ", text_show(s->name, shown, sizeof(shown)));
	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	b->config.say(b->config.ctx, line);
}

static bool fail(const struct side *s, char err[RPCGATE_ERROR_SIZE], const char *why)
{
	char shown[NAME_SHOWN];

	snprintf(err, RPCGATE_ERROR_SIZE, "bridge %s: %s", text_show(s->name, shown, sizeof(shown)),
		 why);
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct side *other(struct bridge *b, const struct side *s)
{
	return &b->side[s == &b->side[BRIDGE_LEFT] ? BRIDGE_RIGHT : BRIDGE_LEFT];
}

/* -------------------------------------------------------------- opening a port */

static void switch_offloads_off(struct bridge *b, struct side *s)
{
	const struct nic_offloads off = { 0 };
	struct nic_offloads changed;
	char list[64] = "";

	/* a port that was only down still has our settings: those of before count */
	if (s->saved_of != s->index)
		s->saved = nic_offloads(b->control, s->name);
	s->saved_of = s->index;
	if (!nic_set_offloads(b->control, s->name, &off, &changed))
		say(b, s, "not all of gro, lro, tso, gso can be switched off: %s", strerror(errno));
	for (size_t i = 0; i < NIC_OFFLOADS; i++)
		if (changed.on[i])
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				 *list ? ", " : "", nic_offload_name((enum nic_offload)i));
	if (*list)
		say(b, s, "%s switched off while the bridge is open", list);
}

static const char *activation_error(pcap_t *pcap, int code)
{
	if (code == PCAP_ERROR_NO_SUCH_DEVICE)
		return "there is no such interface";
	if (code == PCAP_ERROR_PERM_DENIED)
		return "opening it needs the capability CAP_NET_RAW";
	if (code == PCAP_ERROR_IFACE_NOT_UP)
		return "is down";
	if (code == PCAP_ERROR)
		return pcap_geterr(pcap);
	return pcap_statustostr(code);
}

static bool set_up_handle(struct bridge *b, pcap_t *pcap, const struct side *s,
			  char err[RPCGATE_ERROR_SIZE])
{
	uint32_t buffer = b->config.buffer_octets ? b->config.buffer_octets : BUFFER_OCTETS;
	char why[PCAP_ERRBUF_SIZE] = "";
	int code;

	pcap_set_snaplen(pcap, SNAPLEN);
	pcap_set_promisc(pcap, 1);
	pcap_set_immediate_mode(pcap, 1);
	pcap_set_buffer_size(pcap, (int)(buffer > INT32_MAX ? INT32_MAX : buffer));
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	code = pcap_activate(pcap);
	if (code < 0)
		return fail(s, err, activation_error(pcap, code));
	if (pcap_datalink(pcap) != DLT_EN10MB)
		return fail(s, err, "is no Ethernet interface");
	if (pcap_setdirection(pcap, PCAP_D_IN) < 0)
		return fail(s, err, pcap_geterr(pcap));
	return pcap_setnonblock(pcap, 1, why) == 0 || fail(s, err, why);
}

/* What we send is not ours to receive: libpcap would look at each frame and throw it away. */
static void ignore_outgoing(pcap_t *pcap)
{
	const int on = 1;

	(void)setsockopt(pcap_fileno(pcap), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
}

static bool watch(struct bridge *b, int fd, uint32_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_side(struct bridge *b, struct side *s, char err[RPCGATE_ERROR_SIZE])
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap;

	s->index = nic_index(b->control, s->name);
	if (!s->index)
		return fail(s, err, "there is no such interface");
	switch_offloads_off(b, s);
	pcap = pcap_create(s->name, why);
	if (!pcap)
		return fail(s, err, why);
	if (!set_up_handle(b, pcap, s, err)) {
		pcap_close(pcap);
		return false;
	}
	ignore_outgoing(pcap);
	if (!watch(b, pcap_get_selectable_fd(pcap), (uint32_t)(s - b->side))) {
		pcap_close(pcap);
		return fail(s, err, strerror(errno));
	}
	s->pcap = pcap;
	s->mtu = nic_mtu(b->control, s->name);
	s->ready = true;
	s->wait_ns = 0;
	return true;
}

static void count_kernel(struct side *s)
{
	struct pcap_stat stat;

	if (s->pcap && pcap_stats(s->pcap, &stat) == 0)
		s->stats.kernel_dropped += stat.ps_drop;
}

/* Closing takes it out of epoll. */
static void close_side(struct side *s)
{
	count_kernel(s);
	if (s->pcap)
		pcap_close(s->pcap);
	s->pcap = NULL;
	s->ready = false;
}

/* ------------------------------------------------------- ports that come and go */

static void arm_timer(struct bridge *b)
{
	struct itimerspec when = { 0 };
	uint64_t first = 0;

	for (size_t i = 0; i < BRIDGE_SIDES; i++) {
		const struct side *s = &b->side[i];

		if (!s->pcap && !s->held && (!first || s->retry_ns < first))
			first = s->retry_ns;
	}
	when.it_value.tv_sec = (time_t)(first / NS_PER_S);
	when.it_value.tv_nsec = (long)(first % NS_PER_S);
	timerfd_settime(b->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void try_later(struct side *s)
{
	s->wait_ns = s->wait_ns ? s->wait_ns * 2 : RETRY_FIRST_NS;
	if (s->wait_ns > RETRY_MAX_NS)
		s->wait_ns = RETRY_MAX_NS;
	s->retry_ns = now_ns() + s->wait_ns;
}

static void lose(struct bridge *b, struct side *s, const char *why)
{
	/* why may be the handle's own text */
	say(b, s, "%s; nothing passes until it is back", why);
	close_side(s);
	try_later(s);
}

/* The room for each frame was measured by the MTU there was. */
static void follow_mtu(struct bridge *b, struct side *s)
{
	uint32_t mtu = nic_mtu(b->control, s->name);
	char err[RPCGATE_ERROR_SIZE];

	if (mtu == s->mtu)
		return;
	close_side(s);
	if (open_side(b, s, err))
		say(b, s, "its MTU is %u now", s->mtu);
	else
		try_later(s);
}

/* Look whether an open port is still what was opened. */
static void look_at_open(struct bridge *b, struct side *s)
{
	unsigned int index = nic_index(b->control, s->name);

	if (index != s->index)
		lose(b, s, index ? "was replaced" : "is gone");
	else if (!(nic_flags(b->control, s->name) & IFF_UP))
		lose(b, s, "was set down");
	else
		follow_mtu(b, s);
}

/* Setting it up is for whoever set it down. */
static void try_to_open(struct bridge *b, struct side *s)
{
	char err[RPCGATE_ERROR_SIZE];

	if (nic_flags(b->control, s->name) & IFF_UP && open_side(b, s, err))
		say(b, s, "is back");
	else
		try_later(s);
}

/* The falling edge counts: a port that was just set up has no carrier for a moment. */
static void pass_link_state(struct bridge *b, struct side *s)
{
	bool running = nic_flags(b->control, s->name) & IFF_RUNNING;
	struct side *o = other(b, s);

	if (s->held || running == s->running)
		return;
	s->running = running;
	if (!running && !o->held) {
		o->held = nic_set_up(b->control, o->name, false);
		say(b, s, "has no carrier; %s %s", o->name,
		    o->held ? "is set down until it has" : "cannot be set down");
		if (o->held)
			close_side(o);
	} else if (running && o->held) {
		/* gone meanwhile, it is opened like any other that comes back */
		say(b, s, "has its carrier again; %s %s", o->name,
		    nic_set_up(b->control, o->name, true) ? "is set up" : "cannot be set up");
		o->held = false;
		o->running = false;
		o->retry_ns = 0;
	}
}

static void look_at_ports(struct bridge *b)
{
	for (size_t i = 0; b->config.link_state && i < BRIDGE_SIDES; i++)
		pass_link_state(b, &b->side[i]);
	for (size_t i = 0; i < BRIDGE_SIDES; i++) {
		struct side *s = &b->side[i];

		if (s->held)
			continue;
		if (s->pcap)
			look_at_open(b, s);
		else if (now_ns() >= s->retry_ns)
			try_to_open(b, s);
	}
	arm_timer(b);
}

/* What changed is asked for, not believed: messages are for waking up. */
static void drain(int fd)
{
	char octets[8192];

	while (recv(fd, octets, sizeof(octets), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
	       errno == EINTR)
		;
}

static void wake(struct bridge *b)
{
	struct epoll_event event[BRIDGE_SIDES + 2];
	int n = epoll_wait(b->epoll, event, BRIDGE_SIDES + 2, 0);
	bool look = false;
	uint64_t times;

	for (int i = 0; i < n; i++) {
		uint32_t what = event[i].data.u32;

		if (what == WAKE_LINK)
			drain(b->link);
		else if (what == WAKE_TIMER)
			(void)!read(b->timer, &times, sizeof(times));
		else if (b->side[what].pcap)
			b->side[what].ready = true;
		look = look || what >= BRIDGE_SIDES;
	}
	if (look)
		look_at_ports(b);
}

/* --------------------------------------------------------------------- the bridge */

static bool open_sockets(struct bridge *b)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	b->control = nic_socket();
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	b->link = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	return b->control >= 0 && b->epoll >= 0 && b->timer >= 0 && b->link >= 0 &&
	       bind(b->link, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	       watch(b, b->link, WAKE_LINK) && watch(b, b->timer, WAKE_TIMER);
}

static bool open_first(struct bridge *b, struct side *s, char err[RPCGATE_ERROR_SIZE])
{
	s->was_up = nic_flags(b->control, s->name) & IFF_UP;
	if (!nic_index(b->control, s->name))
		return fail(s, err, "there is no such interface");
	if (!nic_set_up(b->control, s->name, true))
		return fail(s, err,
			    errno == EPERM ? "setting it up needs the capability CAP_NET_ADMIN" :
					     strerror(errno));
	if (!open_side(b, s, err))
		return false;
	s->running = nic_flags(b->control, s->name) & IFF_RUNNING;
	return true;
}

struct bridge *bridge_open(const struct bridge_config *config, char err[RPCGATE_ERROR_SIZE])
{
	struct bridge *b = calloc(1, sizeof(*b));

	if (!b) {
		snprintf(err, RPCGATE_ERROR_SIZE, "bridge: not enough memory");
		return NULL;
	}
	b->config = *config;
	b->epoll = b->link = b->timer = b->control = -1;
	for (size_t i = 0; i < BRIDGE_SIDES; i++)
		b->side[i].name = config->name[i];
	if (strcmp(config->name[BRIDGE_LEFT], config->name[BRIDGE_RIGHT]) == 0)
		fail(&b->side[BRIDGE_LEFT], err, "both ports are the same interface");
	else if (!open_sockets(b))
		snprintf(err, RPCGATE_ERROR_SIZE, "bridge: %s", strerror(errno));
	else if (open_first(b, &b->side[BRIDGE_LEFT], err) &&
		 open_first(b, &b->side[BRIDGE_RIGHT], err))
		return b;
	bridge_close(b);
	return NULL;
}

static void set_back(struct bridge *b, struct side *s)
{
	struct nic_offloads changed;

	close_side(s);
	/* not another interface that has got the name meanwhile */
	if (!s->saved_of || nic_index(b->control, s->name) != s->saved_of)
		return;
	nic_set_offloads(b->control, s->name, &s->saved, &changed);
	if (!nic_set_up(b->control, s->name, s->was_up))
		say(b, s, "cannot be set back: %s", strerror(errno));
}

static void close_socket(int fd)
{
	if (fd >= 0)
		close(fd);
}

void bridge_close(struct bridge *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < BRIDGE_SIDES; i++)
		set_back(b, &b->side[i]);
	close_socket(b->epoll);
	close_socket(b->link);
	close_socket(b->timer);
	close_socket(b->control);
	free(b);
}

int bridge_fd(const struct bridge *b)
{
	return b->epoll;
}

/* ---------------------------------------------------------------------- frames */

static bool usable(struct bridge *b, struct side *s, const struct pcap_pkthdr *head)
{
	s->stats.received++;
	s->stats.octets += head->len;
	s->stats.cut += head->caplen < head->len;
	if (head->caplen < head->len)
		return false;
	s->stats.away += !other(b, s)->pcap;
	return other(b, s)->pcap;
}

/* One frame of a port; false if there is none now */
static bool read_side(struct bridge *b, struct side *s, struct rpcgate_packet *packet)
{
	struct pcap_pkthdr *head;
	const uint8_t *data;
	int got;

	while ((got = pcap_next_ex(s->pcap, &head, &data)) == 1) {
		if (!usable(b, s, head))
			continue;
		*packet = (struct rpcgate_packet){
			.data = data,
			.caplen = head->caplen,
			.len = head->len,
			.linktype = RPCGATE_LINK_ETHERNET,
			/* nanoseconds stand where microseconds usually do */
			.time_ns =
				(uint64_t)head->ts.tv_sec * NS_PER_S + (uint64_t)head->ts.tv_usec,
		};
		return true;
	}
	s->ready = false;
	if (got < 0) {
		look_at_open(b, s);
		if (s->pcap)
			lose(b, s, pcap_geterr(s->pcap));
		arm_timer(b);
	}
	return false;
}

bool bridge_receive(struct bridge *b, enum bridge_side *side, struct rpcgate_packet *packet)
{
	if (!b->side[BRIDGE_LEFT].ready && !b->side[BRIDGE_RIGHT].ready)
		wake(b);
	for (int i = 0; i < BRIDGE_SIDES; i++) {
		b->turn = b->turn == BRIDGE_LEFT ? BRIDGE_RIGHT : BRIDGE_LEFT;
		*side = b->turn;
		if (b->side[b->turn].ready && read_side(b, &b->side[b->turn], packet))
			return true;
	}
	return false;
}

static bool drop_long(struct bridge *b, struct side *s, size_t n)
{
	s->stats.too_long++;
	if (!s->said_long)
		say(b, s,
		    "a frame of %zu octets is longer than its MTU of %u; such frames are dropped",
		    n, s->mtu);
	s->said_long = true;
	return false;
}

static bool send_out(struct bridge *b, struct side *s, const uint8_t *frame, size_t n)
{
	if (!s->pcap) {
		s->stats.failed++;
		return false;
	}
	if (pcap_inject(s->pcap, frame, n) == (int)n) {
		s->stats.forwarded++;
		return true;
	}
	/* the kernel knows best what a tag may add to the MTU */
	if (errno == EMSGSIZE)
		return drop_long(b, s, n);
	s->stats.failed++;
	return false;
}

bool bridge_forward(struct bridge *b, enum bridge_side from, const struct rpcgate_packet *packet)
{
	return send_out(b, other(b, &b->side[from]), packet->data, packet->caplen);
}

bool bridge_send(struct bridge *b, enum bridge_side to, const uint8_t *frame, size_t n)
{
	return send_out(b, &b->side[to], frame, n);
}

struct bridge_stats bridge_stats(const struct bridge *b, enum bridge_side side)
{
	const struct side *s = &b->side[side];
	struct bridge_stats stats = s->stats;
	struct pcap_stat kernel;

	if (s->pcap && pcap_stats(s->pcap, &kernel) == 0)
		stats.kernel_dropped += kernel.ps_drop;
	stats.open = s->pcap;
	return stats;
}
