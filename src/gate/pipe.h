/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe.h - binds inside SMB pipes (ncacn_np): told, never judged
 *
 * SMB connections cost no state: segments are looked at one by one, each as far as it goes.  What
 * must be remembered, which name a file was opened by, stands in one small ring for all of them.
 */
#ifndef GATE_PIPE_H
#define GATE_PIPE_H

#include "flow.h"
#include "packet.h"
#include "rpcgate.h"
#include "smb.h"
#include "table.h"

#define PIPE_PORT_NETBIOS 139U
#define PIPE_PORT_SMB 445U

struct rpcgate;

/** What a note is about: a connection, and a message, file or sequence number of it. */
struct pipe_key {
	uint64_t connection; /**< keyed hash of both ends */
	uint64_t what;       /**< enum pipe_note_kind */
	uint8_t id[SMB_FILE_LEN];
};

struct pipe_note {
	struct pipe_key key;
	uint64_t hash;
	uint8_t name_len;
	uint8_t name[RPCGATE_ENDPOINT_MAX];
};

/** The latest notes; the oldest makes room. */
struct pipes {
	struct table table;
	struct pipe_note *note; /**< a ring; index 0 is not used */
	uint32_t capacity;
	uint32_t used;
	uint32_t latest;
};

MUST_USE bool pipes_init(struct pipes *pipes, uint32_t capacity);
void pipes_done(struct pipes *pipes);

/** A segment that begins with SMB; @p key, @p hash and @p side are those of its flow. */
void pipe_read(struct rpcgate *g, const struct packet *p, const struct flow_key *key, uint64_t hash,
	       unsigned side, uint64_t flow_id);

static inline bool pipe_is_port(uint16_t port)
{
	return port == PIPE_PORT_SMB || port == PIPE_PORT_NETBIOS;
}

/** Every other segment costs two look-ups of a port. */
static inline bool pipe_may_carry(const struct packet *p)
{
	return (pipe_is_port(p->dst_port) || pipe_is_port(p->src_port)) && smb_begins(p->payload);
}

#endif
