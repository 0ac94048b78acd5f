/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "keeper.h"
#include "queue.h"
#include "sandbox.h"

#define MESSAGE_SIZE 0x11000U     /* a packet of 64 KiB with its attributes */
#define RECEIVE_BUFFER (16 << 20) /* what the kernel may have on the way to us */
#define VERDICT_SIZE 64U          /* of one verdict message */
#define COPY_ALL 0xffffU
#define TRIES 20U
#define TRY_AGAIN_US 10000U

struct queue {
	struct mnl_socket *netlink;
	uint16_t number;
	struct mmsghdr header[QUEUE_BATCH];
	struct iovec part[QUEUE_BATCH];
	uint8_t *memory; /* QUEUE_BATCH messages */
	uint8_t verdict[QUEUE_BATCH * VERDICT_SIZE];
	size_t n_verdict;
	int keeper_fd; /* -1: we settle ourselves */
	struct keeper_message message;
	struct queue_stats stats;
};

/* ---------------------------------------------------------------- opening */

static bool ask(struct queue *q, struct nlmsghdr *nlh)
{
	uint8_t reply[1024];
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(q->netlink, nlh, nlh->nlmsg_len) < 0)
		return false;
	n = mnl_socket_recvfrom(q->netlink, reply, sizeof(reply));
	return n >= 0 &&
	       mnl_cb_run(reply, (size_t)n, 0, mnl_socket_get_portid(q->netlink), NULL, NULL) >= 0;
}

static struct nlmsghdr *config(struct queue *q, uint8_t *room)
{
	return nfq_nlmsg_put((char *)room, NFQNL_MSG_CONFIG, q->number);
}

static bool configure(struct queue *q, uint32_t length)
{
	const uint32_t flags = NFQA_CFG_F_GSO;
	uint8_t room[512];
	struct nlmsghdr *nlh = config(q, room);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	if (!ask(q, nlh))
		return false;
	nlh = config(q, room);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_ALL);
	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(length));
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(flags));
	return ask(q, nlh);
}

/* One that was killed a moment ago may still be ending */
static bool configure_soon(struct queue *q, uint32_t length)
{
	for (unsigned tries = 0; !configure(q, length); tries++) {
		if ((errno != EBUSY && errno != EPERM) || tries == TRIES)
			return false;
		usleep(TRY_AGAIN_US);
	}
	return true;
}

static bool reserve(struct queue *q)
{
	q->memory = malloc((size_t)QUEUE_BATCH * MESSAGE_SIZE);
	for (size_t i = 0; q->memory && i < QUEUE_BATCH; i++) {
		q->part[i] = (struct iovec){ q->memory + i * MESSAGE_SIZE, MESSAGE_SIZE };
		q->header[i].msg_hdr = (struct msghdr){ .msg_iov = &q->part[i], .msg_iovlen = 1 };
	}
	return q->memory != NULL;
}

static const char *why_not(int error)
{
	if (error == EPERM && !sandbox_has(CAP_NET_ADMIN))
		return "the right to judge packets is missing (CAP_NET_ADMIN): start it as root, or "
		       "with that capability";
	return error == EBUSY || error == EPERM ? "another process has it" : strerror(error);
}

struct queue *queue_open(uint16_t number, uint32_t length, char err[RPCGATE_ERROR_SIZE])
{
	struct queue *q = calloc(1, sizeof(*q));
	const struct timeval patience = { 0, QUEUE_WAIT_MS * 1000 };
	int size = RECEIVE_BUFFER, fd;

	errno = ENOMEM;
	if (!q || !reserve(q))
		goto failed;
	q->number = number;
	q->keeper_fd = -1;
	q->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!q->netlink || mnl_socket_bind(q->netlink, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    !configure_soon(q, length))
		goto failed;
	fd = mnl_socket_get_fd(q->netlink);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return q;
failed:
	snprintf(err, RPCGATE_ERROR_SIZE, "queue %u: %s", number, why_not(errno));
	queue_free(q);
	return NULL;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	if (queue->netlink)
		mnl_socket_close(queue->netlink);
	free(queue->memory);
	free(queue);
}

/* -------------------------------------------------------------- receiving */

static uint32_t number_of(const struct nlattr *attr)
{
	return attr ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

/* The kernel has verified it, has still to fill it in, or has not looked */
static enum rpcgate_checksum_state checksum_of(const struct nlattr *info)
{
	uint32_t flags = number_of(info);

	if (flags & NFQA_SKB_CSUMNOTREADY)
		return RPCGATE_CSUM_OK;
	return (flags & NFQA_SKB_CSUM_NOTVERIFIED) ? RPCGATE_CSUM_UNKNOWN : RPCGATE_CSUM_OK;
}

static bool read_message(const struct nlmsghdr *nlh, struct queue_packet *out)
{
	struct nlattr *attr[NFQA_MAX + 1] = { NULL };
	const struct nfqnl_msg_packet_hdr *head;
	const struct nlattr *payload;

	if (nfq_nlmsg_parse(nlh, attr) < 0 || !attr[NFQA_PACKET_HDR])
		return false;
	head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	payload = attr[NFQA_PAYLOAD];
	*out = (struct queue_packet){
		.id = ntohl(head->packet_id),
		.mark = number_of(attr[NFQA_MARK]),
		.packet = {
			.data = payload ? mnl_attr_get_payload(payload) : NULL,
			.caplen = payload ? mnl_attr_get_payload_len(payload) : 0,
			.linktype = RPCGATE_LINK_RAW,
			.checksum = checksum_of(attr[NFQA_SKB_INFO]),
			.indev = number_of(attr[NFQA_IFINDEX_INDEV]),
			.outdev = number_of(attr[NFQA_IFINDEX_OUTDEV]),
		},
	};
	out->packet.len = attr[NFQA_CAP_LEN] ? ntohl(mnl_attr_get_u32(attr[NFQA_CAP_LEN])) :
					       out->packet.caplen;
	return true;
}

int queue_receive(struct queue *queue, struct queue_packet *out, bool wait)
{
	int n = recvmmsg(mnl_socket_get_fd(queue->netlink), queue->header, QUEUE_BATCH,
			 wait ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
	int made = 0;

	if (n < 0) {
		if (errno == ENOBUFS)
			queue->stats.overruns++;
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
	}
	queue->stats.batches += n > 0;
	for (int i = 0; i < n; i++) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)queue->part[i].iov_base;
		int left = (int)queue->header[i].msg_len;

		if (!mnl_nlmsg_ok(nlh, left) || nlh->nlmsg_type == NLMSG_ERROR)
			queue->stats.unsettled++; /* of a verdict */
		else if (read_message(nlh, &out[made]))
			made++;
		else
			queue->stats.malformed++;
	}
	queue->stats.packets += (uint64_t)made;
	return made;
}

/* ---------------------------------------------------------------- settling */

int queue_fd(const struct queue *queue)
{
	return mnl_socket_get_fd(queue->netlink);
}

void queue_delegate(struct queue *queue, int keeper_fd, uint32_t index)
{
	queue->keeper_fd = keeper_fd;
	queue->message = (struct keeper_message){ .kind = KEEPER_VERDICTS, .queue = index };
}

static void settle_there(struct queue *queue, uint32_t id, bool pass, uint32_t mark)
{
	struct keeper_message *m = &queue->message;

	if (m->n == QUEUE_BATCH)
		(void)queue_flush(queue);
	m->u.verdict[m->n++] = (struct keeper_verdict){ id, mark, pass };
}

static bool flush_there(struct queue *queue)
{
	struct keeper_message *m = &queue->message;
	bool good = !m->n || keeper_send(queue->keeper_fd, m);

	m->n = 0;
	queue->stats.unsettled += !good;
	return good;
}

void queue_settle(struct queue *queue, uint32_t id, bool pass, uint32_t mark)
{
	struct nlmsghdr *nlh;

	if (queue->keeper_fd >= 0) {
		settle_there(queue, id, pass, mark);
		return;
	}
	if (queue->n_verdict + VERDICT_SIZE > sizeof(queue->verdict))
		(void)queue_flush(queue);
	nlh = nfq_nlmsg_put((char *)queue->verdict + queue->n_verdict, NFQNL_MSG_VERDICT,
			    queue->number);
	nfq_nlmsg_verdict_put(nlh, (int)id, pass ? NF_ACCEPT : NF_DROP);
	if (pass)
		nfq_nlmsg_verdict_put_mark(nlh, mark);
	queue->n_verdict += (nlh->nlmsg_len + 3U) & ~3U;
}

bool queue_flush(struct queue *queue)
{
	size_t n = queue->n_verdict;

	if (queue->keeper_fd >= 0)
		return flush_there(queue);
	queue->n_verdict = 0;
	if (!n || mnl_socket_sendto(queue->netlink, queue->verdict, n) >= 0)
		return true;
	queue->stats.unsettled++;
	return false;
}

void queue_stats(const struct queue *queue, struct queue_stats *stats)
{
	*stats = queue->stats;
}
