/* SPDX-License-Identifier: BSD-2-Clause */
/* connection.h - flows from their first packets to their ends */
#ifndef GATE_CONNECTION_H
#define GATE_CONNECTION_H

#include "gate.h"

/** Tell of something wrong with a flow.
 *  @param action  what becomes of the connection where the engine enforces */
void flow_alert(struct rpcgate *g, const struct flow *f, enum rpcgate_reason reason,
		enum rpcgate_action action);
/** The packet at hand does not pass (when enforcing), unless its whole connection is refused. */
void packet_drop(struct rpcgate *g, enum rpcgate_reason reason);

/** Nothing was said yet, and no handshake is complete. */
static inline bool flow_is_opening(const struct flow *f)
{
	return !f->conv && !f->octets[0] && !f->octets[1] && !(f->has_isn[0] && f->has_isn[1]);
}

/** State for a flow that has none.
 *  @return 0 if the packet needs none */
MUST_USE uint32_t flow_admit(struct rpcgate *g, const struct packet *p,
			     const struct rpcgate_packet *in, unsigned side, uint32_t low_hash);
/** A SYN, or the answer to one: which of them counts.
 *  @return the flow, a new one if the ports are used again */
MUST_USE uint32_t flow_syn(struct rpcgate *g, uint32_t index, unsigned side,
			   const struct packet *p);
/** The SYN that opens a connection.
 *  @return false if it may not, and the flow is forgotten */
MUST_USE bool flow_open(struct rpcgate *g, uint32_t index, const struct packet *p);
/** Octets of no known connection. */
void flow_unknown(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in);

/** Before the last octets are taken by connections that never finish what they begin, those let
 *  go; @p index, which needs room now, stays. */
void flows_keep_room(struct rpcgate *g, uint32_t index);
/** Tell the end of a flow if it was RPC, and forget it. */
void flow_end(struct rpcgate *g, uint32_t index, enum rpcgate_flow_state state);

#endif
