/* SPDX-License-Identifier: GPL-3.0-or-later */
/* acceptall.c - an NFQUEUE program that accepts everything: what the queue alone costs
 *
 *	acceptall QUEUE
 *
 * The yardstick beside the gateway: it takes segments as the stack made them (NFQA_CFG_F_GSO),
 * copies as much of each as the gateway does, looks at nothing, and answers as many packets as are
 * waiting with one batch of verdicts.  Prints "ready" once the queue is its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COPY_OCTETS 0xffffU
#define QUEUE_LENGTH 8192U
#define BATCH 64U
#define MARK 0x08000000U
#define SOCKET_OCTETS (16U << 20)

static void die(const char *what)
{
	fprintf(stderr, "acceptall: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static struct nlmsghdr *message(void *at, unsigned type, uint16_t queue)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(queue);
	return nlh;
}

static void ask(struct mnl_socket *nl, struct nlmsghdr *nlh)
{
	uint8_t in[4096];
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("send");
	n = mnl_socket_recvfrom(nl, in, sizeof(in));
	if (n < 0 || mnl_cb_run(in, (size_t)n, 0, mnl_socket_get_portid(nl), NULL, NULL) < 0)
		die("configure");
}

static void configure(struct mnl_socket *nl, uint16_t queue)
{
	uint8_t out[4096];
	struct nlmsghdr *nlh = message(out, NFQNL_MSG_CONFIG, queue);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	ask(nl, nlh);
	nlh = message(out, NFQNL_MSG_CONFIG, queue);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_OCTETS);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, QUEUE_LENGTH);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	ask(nl, nlh);
}

static int packet_id(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *attr[NFQA_MAX + 1] = { 0 };
	const struct nfqnl_msg_packet_hdr *head;

	if (nfq_nlmsg_parse(nlh, attr) < 0 || !attr[NFQA_PACKET_HDR])
		return MNL_CB_ERROR;
	head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	*(uint32_t *)data = ntohl(head->packet_id);
	return MNL_CB_OK;
}

/* A verdict for one packet at the end of a batch; the octets it took */
static size_t verdict(uint8_t *at, uint16_t queue, uint32_t id)
{
	struct nlmsghdr *nlh = message(at, NFQNL_MSG_VERDICT, queue);

	nfq_nlmsg_verdict_put(nlh, (int)id, NF_ACCEPT);
	nfq_nlmsg_verdict_put_mark(nlh, MARK);
	return (nlh->nlmsg_len + 3U) & ~3U;
}

/* Everything that is waiting, at most BATCH packets */
static void turn(struct mnl_socket *nl, uint16_t queue)
{
	static uint8_t in[COPY_OCTETS + 4096], out[BATCH * 128];
	int fd = mnl_socket_get_fd(nl);
	size_t used = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		ssize_t n = recv(fd, in, sizeof(in), i ? MSG_DONTWAIT : 0);
		uint32_t id;

		if (n < 0 && errno == ENOBUFS)
			continue;
		if (n < 0)
			break;
		if (mnl_cb_run(in, (size_t)n, 0, 0, packet_id, &id) >= 0)
			used += verdict(out + used, queue, id);
	}
	if (used && mnl_socket_sendto(nl, out, used) < 0)
		die("verdict");
}

int main(int argc, char **argv)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	uint16_t queue = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
	unsigned octets = SOCKET_OCTETS;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets));
	configure(nl, queue);
	puts("ready");
	fflush(stdout);
	for (;;)
		turn(nl, queue);
}
