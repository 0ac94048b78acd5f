/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "refused.h"

#define BUFFER_SIZE 16384
#define COPY 128U /* octets of a packet: its headers */

struct refused {
	struct mnl_socket *netlink;
	uint8_t buffer[BUFFER_SIZE];
	const struct nlmsghdr *at;
	int left;
};

static bool ask(struct refused *r, struct nlmsghdr *nlh)
{
	uint8_t reply[1024];
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(r->netlink, nlh, nlh->nlmsg_len) < 0)
		return false;
	n = mnl_socket_recvfrom(r->netlink, reply, sizeof(reply));
	return n >= 0 &&
	       mnl_cb_run(reply, (size_t)n, 0, mnl_socket_get_portid(r->netlink), NULL, NULL) >= 0;
}

static bool configure(struct refused *r, uint16_t group)
{
	char room[512];
	struct nlmsghdr *nlh = nflog_nlmsg_put_header(room, NFULNL_MSG_CONFIG, AF_UNSPEC, group);

	if (nflog_attr_put_cfg_cmd(nlh, NFULNL_CFG_CMD_BIND) < 0 || !ask(r, nlh))
		return false;
	nlh = nflog_nlmsg_put_header(room, NFULNL_MSG_CONFIG, AF_UNSPEC, group);
	if (nflog_attr_put_cfg_mode(nlh, NFULNL_COPY_PACKET, COPY) < 0)
		return false;
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1)); /* told at once */
	return ask(r, nlh);
}

struct refused *refused_open(uint16_t group, char err[RPCGATE_ERROR_SIZE])
{
	struct refused *r = calloc(1, sizeof(*r));

	errno = ENOMEM;
	if (!r)
		goto failed;
	r->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!r->netlink || mnl_socket_bind(r->netlink, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    !configure(r, group))
		goto failed;
	return r;
failed:
	snprintf(err, RPCGATE_ERROR_SIZE, "log group %u: %s", group,
		 errno == EBUSY ? "another process has it" : strerror(errno));
	refused_free(r);
	return NULL;
}

void refused_free(struct refused *refused)
{
	if (!refused)
		return;
	if (refused->netlink)
		mnl_socket_close(refused->netlink);
	free(refused);
}

int refused_fd(const struct refused *refused)
{
	return mnl_socket_get_fd(refused->netlink);
}

static bool read_message(const struct nlmsghdr *nlh, struct rpcgate_packet *out)
{
	struct nlattr *attr[NFULA_MAX + 1] = { NULL };
	const struct nlattr *payload;

	if (nflog_nlmsg_parse(nlh, attr) < 0 || !attr[NFULA_PAYLOAD])
		return false;
	payload = attr[NFULA_PAYLOAD];
	*out = (struct rpcgate_packet){ .data = mnl_attr_get_payload(payload),
					.caplen = mnl_attr_get_payload_len(payload),
					.len = mnl_attr_get_payload_len(payload),
					.linktype = RPCGATE_LINK_RAW,
					.checksum = RPCGATE_CSUM_OK };
	return true;
}

bool refused_next(struct refused *refused, struct rpcgate_packet *out)
{
	for (;;) {
		const struct nlmsghdr *nlh = refused->at;
		ssize_t n;

		if (nlh && mnl_nlmsg_ok(nlh, refused->left)) {
			refused->at = mnl_nlmsg_next(nlh, &refused->left);
			if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && read_message(nlh, out))
				return true;
			continue;
		}
		n = recv(refused_fd(refused), refused->buffer, sizeof(refused->buffer),
			 MSG_DONTWAIT);
		if (n <= 0 && !(n < 0 && errno == ENOBUFS))
			return false; /* with ENOBUFS some were lost, and others wait */
		refused->at = (const struct nlmsghdr *)(const void *)refused->buffer;
		refused->left = n > 0 ? (int)n : 0;
	}
}
