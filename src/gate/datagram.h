/* SPDX-License-Identifier: BSD-2-Clause */
/* datagram.h - the endpoint mapper over UDP (ncadg_ip_udp): read and told
 *
 * A datagram's source is easily forged and there is no connection that would show it, so what is
 * announced here is recorded in events alone; ports of UDP are opened where a rule asks for them.
 */
#ifndef GATE_DATAGRAM_H
#define GATE_DATAGRAM_H

#include "addr.h"
#include "epm.h"
#include "packet.h"
#include "table.h"

#define DATAGRAM_MAPPER_PORT 135U

struct rpcgate;

/** What ties an answer to its request: both ends, activity and sequence number. */
struct datagram_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_uuid activity;
	uint32_t sequence;
	uint32_t zone;
	uint16_t client_port;
	uint16_t zero[3];
};

/** A request to the mapper and whether it was answered. */
struct datagram_call {
	struct datagram_key key;
	uint64_t hash;
	uint64_t asked_ns;
	uint64_t flow_id;
	uint32_t path; /**< the interface that leads to the server; 0: not known */
	bool answered;
	struct epm_request request; /**< the endpoint it asked for is not kept */
};

/** The latest requests; the oldest makes room. */
struct datagrams {
	struct table table;
	struct datagram_call *call; /**< a ring; index 0 is not used */
	uint32_t capacity;
	uint32_t used;
	uint32_t latest;
};

MUST_USE bool datagrams_init(struct datagrams *d, uint32_t capacity);
void datagrams_done(struct datagrams *d);

/** A datagram with the mapper's port on either side. */
void datagram_read(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in);

/** Every other datagram costs two comparisons. */
static inline bool datagram_is_mapper(const struct packet *p)
{
	return p->src_port == DATAGRAM_MAPPER_PORT || p->dst_port == DATAGRAM_MAPPER_PORT;
}

#endif
