/* SPDX-License-Identifier: BSD-2-Clause */
/* talk.h - calls over UDP (ncadg_ip_udp) through pinholes that a rule asked for
 *
 * There is no connection and no bind: each request names its interface (C706 12.5), so each
 * datagram of a client is judged.  What one client asks of one interface under one activity is a
 * talk; a talk is told once, not datagram by datagram.  A talk that was let in stays so until it is
 * idle, as a connection does, also when its pinhole has run out meanwhile.
 *
 * Those let in and those refused are kept apart: whoever is refused pushes nobody out who is not.
 */
#ifndef GATE_TALK_H
#define GATE_TALK_H

#include "packet.h"
#include "rpcgate.h"
#include "table.h"

struct rpcgate;

struct talk_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_uuid activity; /**< nil, like the interface, for what is not RPC */
	struct rpcgate_uuid interface;
	uint32_t zone;
	uint16_t major;
	uint16_t minor;
	uint16_t client_port;
	uint16_t server_port;
	uint32_t zero;
};

struct talk {
	struct talk_key key;
	uint64_t hash;
	uint64_t last_ns;
	uint64_t flow_id;
	uint32_t called; /**< sequence number of the call that was told last */
	uint8_t reason;  /**< enum rpcgate_reason */
	bool calls;      /**< its requests are judged by operation */
	bool has_called;
	bool used; /**< the server answered */
};

/** The latest talks; the oldest makes room. */
struct talk_ring {
	struct table table;
	struct talk *at; /**< index 0 is not used */
	uint32_t capacity;
	uint32_t used;
	uint32_t latest;
};

struct talks {
	struct talk_ring allowed;
	struct talk_ring refused;
	bool opened; /**< a UDP pinhole was, once */
};

MUST_USE bool talks_init(struct talks *t, uint32_t capacity);
void talks_done(struct talks *t);

/** Any datagram; the mapper's own interfaces on its port are left to others. */
void talk_read(struct rpcgate *g, const struct packet *p, uint32_t zone);

#endif
