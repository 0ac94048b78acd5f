/* SPDX-License-Identifier: BSD-2-Clause */
/* tunnel.h - one channel of RPC over HTTP v2, between a client and its proxy
 *
 * The proxy opens the connection to the server of the conversation, out of sight; so nothing that
 * was learned can be asked about a Bind in here.  Where a client may be taken to is written in
 * valid-ports lines, as in the proxy's own registry.
 */
#ifndef GATE_TUNNEL_H
#define GATE_TUNNEL_H

#include "bind.h"
#include "http.h"
#include "rpcgate.h"

#define TUNNEL_ENDLESS UINT64_MAX

struct rpcgate;
struct flow;
struct conv;
struct judgement;

struct tunnel {
	uint64_t left[2]; /* octets of the body still to come, by side; 0: a head is due */
	bool skipped[2];  /* that body holds no PDUs */
	bool begun;
	bool out; /* the channel to the client */
	uint8_t host_len;
	uint16_t port;
	uint8_t host[HTTP_MAX_HOST]; /* of the target, as written */
};

/** A whole head of text.  False if it cannot be understood in one way only. */
MUST_USE bool tunnel_head(struct tunnel *tunnel, unsigned side, bool from_client,
			  struct bytes head);
/** May this client be taken to where the tunnel leads, and ask for this there? */
struct judgement tunnel_judge(struct rpcgate *g, const struct flow *f, const struct conv *c,
			      const struct bind_context *context);
/** Where the tunnel leads, for the event about a bind in it. */
void tunnel_tell(const struct rpcgate *g, const struct conv *c, struct rpcgate_bind_event *e);

#endif
