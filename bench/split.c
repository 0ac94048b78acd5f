/* SPDX-License-Identifier: GPL-3.0-or-later */
/* split.c - what it costs to judge packets in a process without rights
 *
 *	one     a process reads packets from the queue and sends verdicts
 *	split   a parser without any capability reads packets and tells a keeper, by messages of a
 *		fixed size, what becomes of them; the keeper sends the verdicts
 *
 * The kernel takes verdicts from the socket alone that packets go to, so the two share it: reading
 * needs no capability, and the parser's own verdicts are refused (this is tried first).
 *
 * A datagram goes from a host to another and back through a router of namespaces, on three ports:
 * not queued, queue of one, queue of split.  Each round takes them in turn.
 *
 * usage: split [ROUNDS [PAIRS]]       as root
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"
#include "sandbox.h"

#define PORT 7000 /* of what is not queued; the two that are follow */
#define OCTETS 128
#define MESSAGE_SIZE 65536
#define ROUNDS 40
#define PAIRS 250

enum way { PLAIN, ONE, SPLIT, WAYS };
static const char *const way_names[WAYS] = { "plain", "one", "split" };

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "split: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run_on(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* where there is one processor there is nothing to choose */
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------- the queue */

static struct nlmsghdr *config(char *buffer, uint16_t queue)
{
	return nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);
}

static struct mnl_socket *open_queue(uint16_t number)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message;
	int on = 1;

	must(nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0, "netlink");
	message = config(buffer, number);
	nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_BIND);
	must(mnl_socket_sendto(nl, message, message->nlmsg_len) > 0, "queue");
	message = config(buffer, number);
	nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
	must(mnl_socket_sendto(nl, message, message->nlmsg_len) > 0, "queue");
	mnl_socket_setsockopt(nl, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return nl;
}

static int find_id(const struct nlmsghdr *message, void *ctx)
{
	struct nlattr *attr[NFQA_MAX + 1] = { 0 };
	const struct nfqnl_msg_packet_hdr *head;

	if (nfq_nlmsg_parse(message, attr) < 0 || !attr[NFQA_PACKET_HDR])
		return MNL_CB_ERROR;
	head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	*(uint32_t *)ctx = ntohl(head->packet_id);
	return MNL_CB_OK;
}

/* The number of the next packet; false if the socket is closed */
static bool next_packet(struct mnl_socket *nl, uint32_t *id)
{
	static char buffer[MESSAGE_SIZE];
	ssize_t n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));

	return n > 0 && mnl_cb_run(buffer, (size_t)n, 0, 0, find_id, id) >= MNL_CB_OK;
}

static bool send_verdict(struct mnl_socket *nl, uint16_t queue, uint32_t id)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT, queue);

	nfq_nlmsg_verdict_put(message, (int)id, NF_ACCEPT);
	return mnl_socket_sendto(nl, message, message->nlmsg_len) > 0;
}

/* ------------------------------------------------------------------- the two ways */

struct verdict { /* what parser and keeper talk in */
	uint32_t id;
	uint32_t verdict;
};

static void one_process(struct mnl_socket *nl)
{
	uint32_t id;

	while (next_packet(nl, &id))
		must(send_verdict(nl, ONE, id), "verdict");
}

/* The answer of the kernel to a message that the parser may not send */
static bool is_refused(struct mnl_socket *nl)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT, SPLIT);

	nfq_nlmsg_verdict_put(message, 1, NF_ACCEPT);
	message->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(nl, message, message->nlmsg_len) < 0)
		return errno == EPERM;
	if (mnl_socket_recvfrom(nl, buffer, sizeof(buffer)) <= 0)
		return false;
	message = (struct nlmsghdr *)buffer;
	return message->nlmsg_type == NLMSG_ERROR &&
	       ((struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error == -EPERM;
}

static void parser(struct mnl_socket *nl, int keeper)
{
	const struct sandbox nothing = { .user = "nobody" };
	struct sandbox_report report;
	char err[RPCGATE_ERROR_SIZE] = "";
	uint32_t id;

	if (!sandbox_drop(&nothing, &report, err)) {
		fprintf(stderr, "split: %s\n", err);
		exit(1);
	}
	must(is_refused(nl), "the parser could send verdicts");
	while (next_packet(nl, &id)) {
		struct verdict v = { id, NF_ACCEPT };

		must(send(keeper, &v, sizeof(v), 0) == sizeof(v), "keeper");
	}
}

static void keeper(struct mnl_socket *nl, int from)
{
	struct verdict v;

	while (recv(from, &v, sizeof(v), 0) == sizeof(v))
		must(v.verdict == NF_ACCEPT && send_verdict(nl, SPLIT, v.id), "verdict");
}

enum role { ROLE_ONE, ROLE_PARSER, ROLE_KEEPER, ROLES };
static const char *const role_names[ROLES] = { "one", "parser", "keeper" };

static pid_t start(enum role role, struct mnl_socket *nl, int pair)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_on(1);
	if (role == ROLE_ONE)
		one_process(nl);
	else if (role == ROLE_PARSER)
		parser(nl, pair);
	else
		keeper(nl, pair);
	exit(1);
}

/* ---------------------------------------------------------------------- the hosts */

/* A wake-up from idle would hide everything: keep a processor busy that nobody wants. */
static pid_t keep_awake(size_t cpu)
{
	const struct sched_param none = { 0 };
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_on(cpu);
	must(sched_setscheduler(0, SCHED_IDLE, &none) == 0, "SCHED_IDLE");
	for (;;)
		;
}

static int udp_socket(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct timeval patience = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "socket");
	if (!port)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Answers at all three ports: a process for each, so that none waits for another */
static int echo(void *ctx)
{
	int fd = udp_socket((uint16_t)(PORT + *(enum way *)ctx));
	struct sockaddr_in from;
	char octets[OCTETS];

	run_on(1);
	for (;;) {
		socklen_t n = sizeof(from);
		ssize_t got = recvfrom(fd, octets, sizeof(octets), 0, (struct sockaddr *)&from, &n);

		if (got > 0)
			(void)sendto(fd, octets, (size_t)got, 0, (struct sockaddr *)&from, n);
	}
	return 0;
}

struct bench {
	unsigned rounds, pairs;
	int out; /* a pipe: times of each way, all rounds, in nanoseconds */
};

static uint64_t one_pair(int fd, enum way way)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)(PORT + way)) };
	char octets[OCTETS] = "";
	uint64_t start_ns = now_ns();

	inet_pton(AF_INET, "198.18.2.2", &to.sin_addr);
	must(sendto(fd, octets, sizeof(octets), 0, (struct sockaddr *)&to, sizeof(to)) == OCTETS,
	     "sending");
	must(recv(fd, octets, sizeof(octets), 0) == OCTETS, "no answer");
	return now_ns() - start_ns;
}

static int ask(void *ctx)
{
	const struct bench *b = ctx;
	int fd = udp_socket(0);

	run_on(0);
	for (unsigned round = 0; round < b->rounds; round++)
		for (unsigned turn = 0; turn < WAYS; turn++) {
			enum way way = (enum way)((round + turn) % WAYS);

			for (unsigned i = 0; i < b->pairs; i++) {
				uint64_t ns[2] = { way, one_pair(fd, way) };

				must(write(b->out, ns, sizeof(ns)) == sizeof(ns), "pipe");
			}
		}
	return 0;
}

/* ---------------------------------------------------------------------- results */

struct times {
	uint64_t *ns;
	size_t n;
};

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* A part of each round, in microseconds; of the rounds the median, for others run here, too */
static double at(const struct times *t, const struct bench *b, double part)
{
	uint64_t *rounds = calloc(b->rounds, sizeof(*rounds));
	double median;

	must(rounds && t->n == (size_t)b->rounds * b->pairs, "counting");
	for (size_t i = 0; i < b->rounds; i++) {
		uint64_t *round = t->ns + i * b->pairs;

		qsort(round, b->pairs, sizeof(*round), by_time);
		rounds[i] = round[(size_t)((double)(b->pairs - 1) * part)];
	}
	qsort(rounds, b->rounds, sizeof(*rounds), by_time);
	median = (double)rounds[b->rounds / 2] / 1000;
	free(rounds);
	return median;
}

static void collect(int from, struct times *times, size_t each)
{
	uint64_t ns[2];

	for (int way = 0; way < WAYS; way++)
		must((times[way].ns = calloc(each, sizeof(uint64_t))), "memory");
	while (read(from, ns, sizeof(ns)) == sizeof(ns))
		times[ns[0]].ns[times[ns[0]].n++] = ns[1];
}

static void print_times(const struct times *times, const struct bench *b)
{
	static const double parts[] = { 0.5, 0.9, 0.99 };
	double us[WAYS][3];

	printf("there and back, held once each way  (us, medians of rounds)\n"
	       "%-8s %8s %8s %8s %10s %10s\n",
	       "", "p50", "p90", "p99", "added p50", "added p99");
	for (int way = 0; way < WAYS; way++) {
		for (int i = 0; i < 3; i++)
			us[way][i] = at(&times[way], b, parts[i]);
		printf("%-8s %8.1f %8.1f %8.1f %10.1f %10.1f\n", way_names[way], us[way][0],
		       us[way][1], us[way][2], us[way][0] - us[PLAIN][0],
		       us[way][2] - us[PLAIN][2]);
	}
	printf("split costs %.1f us more than one at p50, %.1f us at p99, for two packets\n",
	       us[SPLIT][0] - us[ONE][0], us[SPLIT][2] - us[ONE][2]);
}

static double cpu_us(const struct rusage *used)
{
	return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1e6 +
	       (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec);
}

static void print_cpu(const pid_t *pid, size_t packets)
{
	printf("CPU time for a packet (us):");
	for (int role = 0; role < ROLES; role++) {
		struct rusage used;

		kill(pid[role], SIGTERM);
		must(wait4(pid[role], NULL, 0, &used) == pid[role], "wait4");
		printf(" %s %.2f", role_names[role], cpu_us(&used) / (double)packets);
	}
	putchar('\n');
}

/* --------------------------------------------------------------------- the router */

static void make_router(struct lab *lab)
{
	lab_make(lab);
	must(lab_try("sysctl -qw net.ipv4.ip_forward=1 && ip addr add 198.18.1.1/24 dev lm &&"
		     " ip addr add 198.18.2.1/24 dev rm"),
	     "router");
	for (int side = LAB_LEFT; side <= LAB_RIGHT; side++)
		must(lab_try_at(lab, (enum lab_side)side,
				"sh -c 'ip addr flush dev %s && ip addr add 198.18.%d.2/24 dev %s &&"
				" ip route add default via 198.18.%d.1'",
				lab_host[side], side + 1, lab_host[side], side + 1),
		     "host");
	for (int way = ONE; way < WAYS; way++)
		must(lab_try("iptables -A FORWARD -p udp --dport %d -j NFQUEUE --queue-num %d &&"
			     " iptables -A FORWARD -p udp --sport %d -j NFQUEUE --queue-num %d",
			     PORT + way, way, PORT + way, way),
		     "iptables");
}

static void measure(struct lab *lab, struct bench *b, struct times *times)
{
	int results[2];
	pid_t asking;

	must(pipe(results) == 0, "pipe");
	b->out = results[1];
	asking = lab_start_at(lab, LAB_LEFT, ask, b);
	close(results[1]);
	collect(results[0], times, (size_t)b->rounds * b->pairs);
	must(lab_wait(asking) == 0, "measuring");
}

static unsigned number(int argc, char **argv, int i, unsigned preset)
{
	long given = argc > i ? strtol(argv[i], NULL, 10) : 0;

	return given > 0 && given <= INT_MAX ? (unsigned)given : preset;
}

int main(int argc, char **argv)
{
	struct bench b = { number(argc, argv, 1, ROUNDS), number(argc, argv, 2, PAIRS), -1 };
	static enum way ways[WAYS] = { PLAIN, ONE, SPLIT };
	struct times times[WAYS] = { 0 };
	struct mnl_socket *queue[WAYS];
	pid_t helper[WAYS + 2];
	pid_t judge[ROLES];
	struct lab lab;
	int pair[2];

	make_router(&lab);
	queue[ONE] = open_queue(ONE);
	queue[SPLIT] = open_queue(SPLIT);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	judge[ROLE_ONE] = start(ROLE_ONE, queue[ONE], -1);
	judge[ROLE_PARSER] = start(ROLE_PARSER, queue[SPLIT], pair[0]);
	judge[ROLE_KEEPER] = start(ROLE_KEEPER, queue[SPLIT], pair[1]);
	for (int way = 0; way < WAYS; way++)
		helper[way] = lab_start_at(&lab, LAB_RIGHT, echo, &ways[way]);
	helper[WAYS] = keep_awake(0);
	helper[WAYS + 1] = keep_awake(1);
	usleep(300000);
	printf("%u rounds of %u pairs, each way in turn\n", b.rounds, b.pairs);
	measure(&lab, &b, times);
	print_times(times, &b);
	print_cpu(judge, (size_t)b.rounds * b.pairs * 2);
	for (int i = 0; i < WAYS + 2; i++) {
		kill(helper[i], SIGKILL);
		(void)lab_wait(helper[i]);
	}
	lab_free(&lab);
	return 0;
}
