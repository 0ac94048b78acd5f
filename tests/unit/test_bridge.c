/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bump in the wire, between two hosts in namespaces of their own */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge.h"
#include "lab.h"
#include "nic.h"
#include "rows.h"
#include "rst.h"
#include "sandbox.h"

#define LINES 32
#define PORT 4000
#define REFUSED_PORT 4001
#define TCP_OCTETS (1U << 20)

struct world {
	struct lab lab;
	struct bridge *bridge;
	pthread_t thread;
	atomic_bool stop;
	pthread_mutex_t mutex; /* of what was said, and of the bridge */
	char said[LINES][256];
	size_t n_said;
};

static void hear(void *ctx, const char *line)
{
	struct world *w = ctx;

	assert_true(w->n_said < LINES);
	snprintf(w->said[w->n_said++], sizeof(w->said[0]), "%s", line);
}

static unsigned times_said(struct world *w, const char *text)
{
	unsigned n = 0;

	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < w->n_said; i++)
		n += strstr(w->said[i], text) != NULL;
	pthread_mutex_unlock(&w->mutex);
	return n;
}

/* Data for one port is refused, everything else goes on. */
static bool is_refused(const struct rpcgate_packet *p)
{
	return p->caplen > 66 && !(p->data[47] & 2) && p->data[12] == 8 && p->data[13] == 0 &&
	       p->data[23] == 6 && (p->data[36] << 8 | p->data[37]) == REFUSED_PORT;
}

static void pass_on(struct bridge *bridge, enum bridge_side side, const struct rpcgate_packet *p)
{
	struct rst rst;

	if (!is_refused(p)) {
		bridge_forward(bridge, side, p);
		return;
	}
	if (!rst_make(p->data, p->caplen, &rst))
		return;
	bridge_send(bridge, side, rst.to_sender.octet, rst.to_sender.n);
	bridge_send(bridge, side == BRIDGE_LEFT ? BRIDGE_RIGHT : BRIDGE_LEFT, rst.to_receiver.octet,
		    rst.to_receiver.n);
}

static void *run_bridge(void *ctx)
{
	struct world *w = ctx;
	struct pollfd ready = { .fd = bridge_fd(w->bridge), .events = POLLIN };

	while (!atomic_load(&w->stop)) {
		struct rpcgate_packet packet;
		enum bridge_side side;

		if (poll(&ready, 1, 100) <= 0)
			continue;
		pthread_mutex_lock(&w->mutex);
		while (bridge_receive(w->bridge, &side, &packet))
			pass_on(w->bridge, side, &packet);
		pthread_mutex_unlock(&w->mutex);
	}
	return NULL;
}

static void start_bridge(struct world *w, bool link_state)
{
	const struct bridge_config config = {
		.name = { "lm", "rm" },
		.link_state = link_state,
		.say = hear,
		.ctx = w,
	};
	char err[RPCGATE_ERROR_SIZE] = "";

	w->bridge = bridge_open(&config, err);
	if (!w->bridge)
		fail_msg("%s", err);
	assert_int_equal(pthread_create(&w->thread, NULL, run_bridge, w), 0);
}

static void stop_bridge(struct world *w)
{
	if (!w->bridge)
		return;
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	bridge_close(w->bridge);
	w->bridge = NULL;
}

static struct bridge_stats stats_of(struct world *w, enum bridge_side side)
{
	struct bridge_stats stats;

	pthread_mutex_lock(&w->mutex);
	stats = bridge_stats(w->bridge, side);
	pthread_mutex_unlock(&w->mutex);
	return stats;
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	pthread_mutex_init(&w->mutex, NULL);
	lab_make(&w->lab);
	*state = w;
	return 0;
}

static int make_bridge(void **state)
{
	make_world(state);
	start_bridge(*state, false);
	return 0;
}

static int make_linked_bridge(void **state)
{
	make_world(state);
	start_bridge(*state, true);
	return 0;
}

static int drop_world(void **state)
{
	struct world *w = *state;

	stop_bridge(w);
	lab_free(&w->lab);
	free(w);
	return 0;
}

/* Wait until it is so, five seconds at most */
#define SOON(what)                                                                                 \
	do {                                                                                       \
		for (int i_ = 0; i_ < 250 && !(what); i_++)                                        \
			usleep(20000);                                                             \
		assert_true(what);                                                                 \
	} while (0)

static bool ping(struct world *w, const char *options)
{
	return lab_try_at(&w->lab, LAB_LEFT, "ping -q -c 3 -i 0.05 -W 2 %s >/dev/null", options);
}

/* ----------------------------------------------------------------------- traffic */

static void hosts_find_and_reach_each_other(void **state)
{
	struct world *w = *state;

	assert_true(ping(w, "198.18.0.2"));
	assert_true(ping(w, "-6 2001:db8::2"));
	assert_true(ping(w, "-s 1472 -M do 198.18.0.2"));
	/* each side sees what the other host says, and nothing of its own twice */
	assert_true(stats_of(w, BRIDGE_LEFT).received >= 9);
	assert_true(stats_of(w, BRIDGE_RIGHT).forwarded >= 9);
	assert_int_equal(stats_of(w, BRIDGE_RIGHT).forwarded, stats_of(w, BRIDGE_LEFT).received);
	assert_int_equal(stats_of(w, BRIDGE_LEFT).forwarded, stats_of(w, BRIDGE_RIGHT).received);
	assert_int_equal(stats_of(w, BRIDGE_LEFT).kernel_dropped, 0);
}

static void without_a_bridge_nobody_is_reached(void **state)
{
	assert_false(ping(*state, "-c 1 -W 1 198.18.0.2"));
}

static int tcp_socket(void)
{
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

struct talk {
	uint16_t port;
	int ready[2]; /* the server listens */
};

static uint8_t octet_at(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

/* Read until the other side ends: 0 if all was right, 2 for a reset */
static int read_all(int fd)
{
	uint8_t part[4096];
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, part, sizeof(part), 0)) > 0)
		for (ssize_t i = 0; i < got; i++, n++)
			if (part[i] != octet_at(n))
				return 3;
	if (got < 0)
		return errno == ECONNRESET ? 2 : 4;
	return n == TCP_OCTETS ? 0 : 5;
}

static int serve(void *ctx)
{
	const struct talk *t = ctx;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(t->port) };
	int listener = tcp_socket();
	int fd;

	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0 ||
	    write(t->ready[1], "x", 1) != 1)
		return 10;
	fd = accept(listener, NULL, NULL);
	return fd < 0 ? 11 : read_all(fd);
}

/* 0 if all was sent, 2 for a reset */
static int talk(void *ctx)
{
	const struct talk *t = ctx;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(t->port) };
	int fd = tcp_socket();
	uint8_t *all = malloc(TCP_OCTETS);
	size_t sent = 0;
	char octet;

	inet_pton(AF_INET, "198.18.0.2", &at.sin_addr);
	for (size_t i = 0; i < TCP_OCTETS; i++)
		all[i] = octet_at(i);
	if (read(t->ready[0], &octet, 1) != 1 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return 20;
	while (sent < TCP_OCTETS) {
		ssize_t n = send(fd, all + sent, TCP_OCTETS - sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == ECONNRESET ? 2 : 21;
		sent += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	if (recv(fd, &octet, 1, 0) < 0)
		return errno == ECONNRESET ? 2 : 22;
	return 0;
}

static void talk_at(struct world *w, uint16_t port, int *server, int *client)
{
	struct talk t = { .port = port };
	pid_t pid[2];

	assert_int_equal(pipe(t.ready), 0);
	pid[0] = lab_start_at(&w->lab, LAB_RIGHT, serve, &t);
	pid[1] = lab_start_at(&w->lab, LAB_LEFT, talk, &t);
	*client = lab_wait(pid[1]);
	*server = lab_wait(pid[0]);
	close(t.ready[0]);
	close(t.ready[1]);
}

static void a_connection_carries_every_octet(void **state)
{
	int server;
	int client;

	talk_at(*state, PORT, &server, &client);
	assert_int_equal(server, 0);
	assert_int_equal(client, 0);
	/* nothing joined came in: those frames would have been too long */
	assert_int_equal(stats_of(*state, BRIDGE_RIGHT).too_long, 0);
}

static void a_refused_connection_ends_for_both(void **state)
{
	int server;
	int client;

	talk_at(*state, REFUSED_PORT, &server, &client);
	assert_int_equal(server, 2);
	assert_int_equal(client, 2);
}

/* ------------------------------------------------------------------------ frames */

struct frame {
	size_t n;
	uint8_t octet[2048];
};

static int send_frame(void *ctx)
{
	const struct frame *frame = ctx;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	to.sll_ifindex = (int)if_nametoindex("lh");
	return sendto(fd, frame->octet, frame->n, 0, (struct sockaddr *)&to, sizeof(to)) !=
	       (ssize_t)frame->n;
}

/* Exit status 0 if exactly this frame comes within two seconds */
struct expected {
	struct frame frame;
	int ready[2];
};

static int expect_frame(void *ctx)
{
	const struct expected *e = ctx;
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_live("rh", 65535, 1, 20, why);

	if (!pcap || pcap_setdirection(pcap, PCAP_D_IN) < 0 || write(e->ready[1], "x", 1) != 1)
		return 10;
	for (int i = 0; i < 100; i++) {
		struct pcap_pkthdr *head;
		const uint8_t *data;

		if (pcap_next_ex(pcap, &head, &data) == 1 && head->caplen == e->frame.n &&
		    memcmp(data, e->frame.octet, e->frame.n) == 0)
			return 0;
	}
	return 1;
}

static bool crosses(struct world *w, const struct frame *frame)
{
	struct expected e = { .frame = *frame };
	char octet;
	pid_t pid;

	assert_int_equal(pipe(e.ready), 0);
	pid = lab_start_at(&w->lab, LAB_RIGHT, expect_frame, &e);
	assert_int_equal(read(e.ready[0], &octet, 1), 1);
	assert_int_equal(
		lab_wait(lab_start_at(&w->lab, LAB_LEFT, send_frame, (void *)(size_t)frame)), 0);
	close(e.ready[0]);
	close(e.ready[1]);
	return lab_wait(pid) == 0;
}

static struct frame frame_of(const char *head, size_t head_n, size_t n)
{
	struct frame frame = { .n = n };

	memset(frame.octet, 0x5a, n);
	memcpy(frame.octet, head, head_n);
	return frame;
}

#define FROM "\x02\0\0\0\0\x11"

static void frames_of_any_kind_cross_unchanged(void **state)
{
	static const struct {
		const char *head;
		size_t head_n, n;
	} rows[] = {
		{ "\xff\xff\xff\xff\xff\xff" FROM "\x88\xb5", 14, 60 },      /* broadcast */
		{ "\x01\0\x5e\0\0\x05" FROM "\x88\xb5", 14, 60 },            /* multicast */
		{ "\x01\x80\xc2\0\0\x0e" FROM "\x88\xcc", 14, 60 },          /* link-local: LLDP */
		{ "\x02\0\0\0\0\x22" FROM "\x81\0\x20\x64\x08\0", 18, 100 }, /* a tag */
		{ "\x02\0\0\0\0\x22" FROM "\x88\xa8\0\x05\x81\0\0\x06\x08\0", 22,
		  100 },                                                      /* two tags */
		{ "\x02\0\0\0\0\x22" FROM "\x81\0\0\x07\x88\xb5", 18, 1518 }, /* a tag, full */
		{ "\x02\0\0\0\0\x22" FROM "\x88\xb5", 14, 1514 },             /* full */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame frame = frame_of(rows[i].head, rows[i].head_n, rows[i].n);

		if (!crosses(*state, &frame))
			fail_msg("row %zu does not cross", i);
	}
}

static void what_is_too_long_is_counted_and_said_once(void **state)
{
	struct frame frame = frame_of("\x02\0\0\0\0\x22" FROM "\x88\xb5", 14, 1600);
	struct world *w = *state;

	assert_true(lab_try("ip link set lm mtu 2000"));
	assert_true(lab_try_at(&w->lab, LAB_LEFT, "ip link set lh mtu 2000"));
	SOON(times_said(w, "bridge lm: its MTU is 2000 now") == 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lab_wait(lab_start_at(&w->lab, LAB_LEFT, send_frame, &frame)), 0);
	SOON(stats_of(w, BRIDGE_RIGHT).too_long == 3);
	assert_int_equal(times_said(w,
				    "bridge rm: a frame of 1600 octets is longer than its MTU of "
				    "1500; such frames are dropped"),
			 1);
	/* a longer MTU is noticed */
	assert_true(lab_try("ip link set rm mtu 2000"));
	assert_true(lab_try_at(&w->lab, LAB_RIGHT, "ip link set rh mtu 2000"));
	SOON(crosses(w, &frame));
}

/* ------------------------------------------------------------- ports that come and go */

static void a_port_that_is_gone_comes_back(void **state)
{
	struct world *w = *state;

	assert_true(ping(w, "198.18.0.2"));
	assert_true(lab_try("ip link del lm"));
	/* on its way out it is down for a moment, which may be all that is seen */
	SOON(times_said(w, "; nothing passes until it is back") == 1);
	assert_false(stats_of(w, BRIDGE_LEFT).open);
	assert_true(stats_of(w, BRIDGE_RIGHT).open);
	usleep(300000);
	lab_link(&w->lab, LAB_LEFT);
	SOON(times_said(w, "bridge lm: is back") == 1);
	assert_true(ping(w, "198.18.0.2"));
	assert_int_equal(times_said(w, "; nothing passes"), 1);
}

static void a_port_set_down_comes_back(void **state)
{
	struct world *w = *state;
	uint64_t away;

	assert_true(ping(w, "198.18.0.2"));
	assert_true(lab_try("ip link set lm down"));
	SOON(times_said(w, "bridge lm: was set down; nothing passes until it is back") == 1);
	away = stats_of(w, BRIDGE_RIGHT).away;
	(void)lab_try_at(&w->lab, LAB_RIGHT, "ping -q -c 2 -i 0.05 -W 1 198.18.0.1 >/dev/null");
	SOON(stats_of(w, BRIDGE_RIGHT).away > away);
	assert_true(lab_try("ip link set lm up"));
	SOON(times_said(w, "bridge lm: is back") == 1);
	SOON(ping(w, "198.18.0.2"));
	assert_int_equal(times_said(w, "bridge lm: is back"), 1);
}

static bool has_carrier(struct world *w, enum lab_side side)
{
	return lab_try_at(&w->lab, side, "ip link show %s | grep -q LOWER_UP", lab_host[side]);
}

static void a_lost_carrier_is_lost_at_both_sides(void **state)
{
	struct world *w = *state;

	SOON(ping(w, "198.18.0.2"));
	assert_true(has_carrier(w, LAB_RIGHT));
	assert_true(lab_try_at(&w->lab, LAB_LEFT, "ip link set lh down"));
	SOON(times_said(w, "bridge lm: has no carrier; rm is set down until it has") == 1);
	SOON(!has_carrier(w, LAB_RIGHT));
	assert_true(lab_try_at(&w->lab, LAB_LEFT, "ip link set lh up"));
	SOON(times_said(w, "bridge lm: has its carrier again; rm is set up") == 1);
	SOON(has_carrier(w, LAB_RIGHT));
	SOON(ping(w, "198.18.0.2"));
	/* and the same the other way */
	assert_true(lab_try_at(&w->lab, LAB_RIGHT, "ip link set rh down"));
	SOON(times_said(w, "bridge rm: has no carrier; lm is set down until it has") == 1);
	assert_true(lab_try_at(&w->lab, LAB_RIGHT, "ip link set rh up"));
	SOON(ping(w, "198.18.0.2"));
	assert_int_equal(times_said(w, "has no carrier"), 2);
}

/* It takes its carrier with it, and brings it back. */
static void a_port_that_is_gone_is_gone_at_both_sides(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		SOON(ping(w, "198.18.0.2"));
		assert_true(lab_try("ip link del lm"));
		SOON(!has_carrier(w, LAB_RIGHT));
		lab_link(&w->lab, LAB_LEFT);
		SOON(has_carrier(w, LAB_RIGHT));
	}
	/* the one that is held goes away, too */
	SOON(ping(w, "198.18.0.2"));
	assert_true(lab_try_at(&w->lab, LAB_LEFT, "ip link set lh down"));
	SOON(!has_carrier(w, LAB_RIGHT));
	assert_true(lab_try("ip link del rm"));
	assert_true(lab_try_at(&w->lab, LAB_LEFT, "ip link set lh up"));
	SOON(times_said(w, "rm cannot be set up") == 1);
	lab_link(&w->lab, LAB_RIGHT);
	SOON(ping(w, "198.18.0.2"));
}

static void a_port_held_down_is_up_again_at_the_end(void **state)
{
	struct world *w = *state;
	int fd = nic_socket();

	assert_true(lab_try_at(&w->lab, LAB_LEFT, "ip link set lh down"));
	SOON(times_said(w, "rm is set down") == 1);
	assert_false(nic_flags(fd, "rm") & IFF_UP);
	stop_bridge(w);
	assert_true(nic_flags(fd, "rm") & IFF_UP);
	close(fd);
}

/* ----------------------------------------------------------------- opening, closing */

static void what_was_changed_is_set_back(void **state)
{
	struct world *w = *state;
	int fd = nic_socket();
	struct nic_offloads before;
	struct nic_offloads during;
	struct nic_offloads after;

	assert_true(lab_try("ip link set rm down"));
	before = nic_offloads(fd, "lm");
	/* otherwise there is nothing to see here */
	assert_true(before.on[NIC_TSO] && before.on[NIC_GSO]);
	start_bridge(w, false);
	during = nic_offloads(fd, "lm");
	/* frames for others are taken, too, by cards that would not */
	assert_true(lab_try("ip -d link show lm | grep -q 'promiscuity 1'"));
	assert_true(nic_flags(fd, "rm") & IFF_UP);
	for (size_t i = 0; i < NIC_OFFLOADS; i++)
		assert_false(during.on[i]);
	assert_int_equal(times_said(w, "tso, gso switched off while the bridge is open"), 2);
	/* a port that was away in between is still the one whose settings are known */
	assert_true(lab_try("ip link set lm down"));
	SOON(times_said(w, "bridge lm: was set down") == 1);
	assert_true(lab_try("ip link set lm up"));
	SOON(times_said(w, "bridge lm: is back") == 1);
	stop_bridge(w);
	after = nic_offloads(fd, "lm");
	assert_memory_equal(&before, &after, sizeof(before));
	assert_false(nic_flags(fd, "rm") & IFF_UP);
	close(fd);
}

static void check_open_error(const char *left, const char *right, const char *want)
{
	const struct bridge_config config = { .name = { left, right } };
	char err[RPCGATE_ERROR_SIZE] = "";

	assert_null(bridge_open(&config, err));
	assert_string_equal(err, want);
}

static void what_cannot_be_opened_is_said(void **state)
{
	int fd = nic_socket();
	struct nic_offloads before = nic_offloads(fd, "lm");
	struct nic_offloads after;

	(void)state;
	check_open_error("lm", "nothing0", "bridge nothing0: there is no such interface");
	check_open_error("nothing0", "lm", "bridge nothing0: there is no such interface");
	check_open_error("lm", "lm", "bridge lm: both ports are the same interface");
	check_open_error("a-name-longer-than-any-interface-has", "lm",
			 "bridge a-name-longer-than-any-interface-has: there is no such interface");
	after = nic_offloads(fd, "lm");
	assert_memory_equal(&before, &after, sizeof(before));
	close(fd);
}

/* In a child with these capabilities; 0 if the bridge says what it lacks */
static int open_with(uint64_t caps, const char *want)
{
	const struct bridge_config config = { .name = { "lm", "rm" } };
	const struct sandbox_path sys = { "/", false };
	const struct sandbox sandbox = { .keep = caps, .path = &sys, .n_paths = 1 };
	struct sandbox_report report;
	char err[RPCGATE_ERROR_SIZE] = "";
	pid_t pid = fork();

	if (pid == 0) {
		if (!sandbox_drop(&sandbox, &report, err) || bridge_open(&config, err))
			_exit(2);
		if (strcmp(err, want) != 0)
			fprintf(stderr, "%s\n", err);
		_exit(strcmp(err, want) != 0);
	}
	return lab_wait(pid);
}

static void rights_that_lack_are_said(void **state)
{
	(void)state;
	assert_true(lab_try("ip link set rm down"));
	assert_int_equal(open_with(SANDBOX_CAP(CAP_NET_ADMIN),
				   "bridge lm: opening it needs the capability CAP_NET_RAW"),
			 0);
	assert_true(lab_try("ip link set lm down"));
	assert_int_equal(open_with(SANDBOX_CAP(CAP_NET_RAW),
				   "bridge lm: setting it up needs the capability CAP_NET_ADMIN"),
			 0);
}

/* -------------------------------------------------------------- in its own sandbox */

static void tell_parent(void *ctx, const char *line)
{
	dprintf(*(int *)ctx, "%s\n", line);
}

/* A bridge that gave up everything but what a port that returns asks for; ends by a signal */
static pid_t start_confined(int out)
{
	const struct bridge_config config = { .name = { "lm", "rm" },
					      .say = tell_parent,
					      .ctx = &out };
	const struct sandbox_path devices = { "/sys/class/net", false };
	const struct sandbox sandbox = {
		.user = "nobody",
		.keep = SANDBOX_CAP(CAP_NET_ADMIN) | SANDBOX_CAP(CAP_NET_RAW),
		.path = &devices,
		.n_paths = 1,
	};
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report report;
	struct rpcgate_packet packet;
	enum bridge_side side;
	struct pollfd ready = { .events = POLLIN };
	struct bridge *bridge;
	pid_t pid = fork();

	if (pid)
		return pid;
	bridge = bridge_open(&config, err);
	if (!bridge || !sandbox_drop(&sandbox, &report, err) ||
	    !sandbox_lock(SANDBOX_DEVICES | SANDBOX_STRICT, err)) {
		dprintf(out, "%s\n", err);
		_exit(1);
	}
	dprintf(out, "confined\n");
	for (ready.fd = bridge_fd(bridge); poll(&ready, 1, -1) >= 0;)
		while (bridge_receive(bridge, &side, &packet))
			bridge_forward(bridge, side, &packet);
	_exit(1);
}

/* Read what it says until this was said; false if it ended before */
static bool wait_for(FILE *in, const char *text)
{
	char line[256];

	while (fgets(line, sizeof(line), in))
		if (strstr(line, text))
			return true;
	return false;
}

static void a_port_comes_back_to_a_bridge_without_other_rights(void **state)
{
	struct world *w = *state;
	int said[2];
	pid_t pid;
	FILE *in;

	assert_int_equal(pipe(said), 0);
	pid = start_confined(said[1]);
	close(said[1]);
	in = fdopen(said[0], "r");
	assert_true(wait_for(in, "confined"));
	assert_true(ping(w, "198.18.0.2"));
	assert_true(lab_try("ip link del lm"));
	assert_true(wait_for(in, "nothing passes until it is back"));
	lab_link(&w->lab, LAB_LEFT);
	assert_true(wait_for(in, "bridge lm: is back"));
	assert_true(ping(w, "198.18.0.2"));
	kill(pid, SIGTERM);
	assert_int_equal(lab_wait(pid), 128 + SIGTERM);
	fclose(in);
}

int main(void)
{
#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, drop_world)
	const struct CMUnitTest tests[] = {
		WITH(hosts_find_and_reach_each_other, make_bridge),
		WITH(without_a_bridge_nobody_is_reached, make_world),
		WITH(a_connection_carries_every_octet, make_bridge),
		WITH(a_refused_connection_ends_for_both, make_bridge),
		WITH(frames_of_any_kind_cross_unchanged, make_bridge),
		WITH(what_is_too_long_is_counted_and_said_once, make_bridge),
		WITH(a_port_that_is_gone_comes_back, make_bridge),
		WITH(a_port_set_down_comes_back, make_bridge),
		WITH(a_lost_carrier_is_lost_at_both_sides, make_linked_bridge),
		WITH(a_port_that_is_gone_is_gone_at_both_sides, make_linked_bridge),
		WITH(a_port_held_down_is_up_again_at_the_end, make_linked_bridge),
		WITH(what_was_changed_is_set_back, make_world),
		WITH(what_cannot_be_opened_is_said, make_world),
		WITH(rights_that_lack_are_said, make_world),
		WITH(a_port_comes_back_to_a_bridge_without_other_rights, make_world),
	};

	return cmocka_run_group_tests_name("bridge", tests, NULL, NULL);
}
