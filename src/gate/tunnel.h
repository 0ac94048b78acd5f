/* SPDX-License-Identifier: BSD-2-Clause */
/* tunnel.h - one channel of RPC over HTTP v2, between a client and its proxy
 *
 * The proxy opens the connection to the server of the conversation, out of sight; so nothing that
 * was learned can be asked about a Bind in here.  Where a client may be taken to is written in
 * valid-ports lines, as in the proxy's own registry.
 *
 * What a client says goes by its IN channel, the answers come by its OUT channel: two connections
 * with the same cookie in their first control PDU.  Of one client, proxy, cookie and target they
 * are a pair; the conversation is kept with the IN channel, and what comes by the OUT channel is
 * read as part of it.  A channel that takes the place of another (recycling, MS-RPCH 3.2.1.5.3)
 * names the same cookie and inherits.
 */
#ifndef GATE_TUNNEL_H
#define GATE_TUNNEL_H

#include "bind.h"
#include "http.h"
#include "pool.h"
#include "rpcgate.h"
#include "table.h"

#define TUNNEL_ENDLESS UINT64_MAX

struct rpcgate;
struct flow;
struct conv;
struct judgement;

struct tunnel {
	uint64_t left[2]; /* octets of the body still to come, by side; 0: a head is due */
	bool skipped[2];  /* that body holds no PDUs */
	bool begun;
	bool out;      /* the channel to the client */
	bool named;    /* its first control PDU was read */
	uint32_t pair; /* 0: none */
	uint8_t host_len;
	uint16_t port;
	uint8_t host[HTTP_MAX_HOST]; /* of the target, as written */
};

struct pair_key {
	struct rpcgate_addr client;
	struct rpcgate_addr proxy;
	struct rpcgate_uuid cookie;
	uint32_t zone;
	uint32_t zero;
};

struct channel {
	struct flow *f;
	uint32_t conv; /* 0: not open */
};

/** There are at most as many as tunnels, which have a limit: each has one or two. */
struct pair {
	struct pair_key key;
	uint64_t hash;
	struct channel in;
	struct channel out;
};

struct pairs {
	struct pool pool;
	struct table table;
};

MUST_USE bool pairs_init(struct pairs *p, uint32_t capacity);
void pairs_done(struct pairs *p);

/** The first control PDU of a client on its channel. */
void tunnel_name(struct rpcgate *g, struct flow *f, const struct rts *rts);
/** The channel whose conversation the other one answers; NULL if it is not (yet) there. */
const struct channel *tunnel_asked(const struct rpcgate *g, const struct conv *c);
/** True if what is asked in this conversation has a way back that is seen. */
bool tunnel_is_answered(const struct rpcgate *g, const struct conv *c);
/** The channel ends. */
void tunnel_leave(struct rpcgate *g, uint32_t conv);
/** True if a tunnel leads to a mapper. */
bool tunnel_to_mapper(const struct rpcgate *g, const struct conv *c);

/** A whole head of text.  False if it cannot be understood in one way only. */
MUST_USE bool tunnel_head(struct tunnel *tunnel, unsigned side, bool from_client,
			  struct bytes head);
/** May this client be taken to where the tunnel leads, and ask for this there? */
struct judgement tunnel_judge(struct rpcgate *g, const struct flow *f, const struct conv *c,
			      const struct bind_context *context);
/** Where the tunnel leads; its port is 0 outside of tunnels. */
struct rpcgate_target tunnel_target(const struct rpcgate *g, const struct conv *c);

#endif
