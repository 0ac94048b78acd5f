/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagrams.h - connectionless calls to order: PDUs of C706 12.5 in UDP datagrams */
#ifndef SUPPORT_DATAGRAMS_H
#define SUPPORT_DATAGRAMS_H

#include "play.h"

enum cl_ptype {
	CLP_REQUEST,
	CLP_PING,
	CLP_RESPONSE,
	CLP_FAULT,
	CLP_WORKING,
	CLP_NOCALL,
	CLP_ACK = 7
};

/** One datagram.  Zero means the usual: CLIENT_HOST:40000 to SERVER_HOST, a request for samr. */
struct dgram {
	const char *client, *server;
	uint16_t client_port;
	uint16_t port; /* of the server */
	bool answer;   /* it goes to the client */
	uint8_t ptype;
	const struct rpcgate_syntax *iface;
	uint8_t activity; /* the last octet of it */
	uint32_t sequence;
	uint16_t opnum;
	uint8_t flags1;
	bool big;
	const struct octets *stub; /* NULL: eight octets */
	const char *raw;           /* instead of all that: these octets are sent */
	uint32_t fragment;         /* of IP */
};

#define DGRAM_CLIENT_PORT 40000
#define DGRAM_PORT 49170 /* what the mapper announces */

void put_dgram(struct play *p, const struct dgram *d);
/** CLIENT_HOST asks on TCP 135 and is told that @p iface is at UDP @p port. */
void play_map_udp(struct play *p, const struct rpcgate_syntax *iface, uint16_t port);
/** The same question and answer on UDP 135. */
void play_map_udp_over_udp(struct play *p, const struct rpcgate_syntax *iface, uint16_t port);

#endif
