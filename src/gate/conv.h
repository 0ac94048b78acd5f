/* SPDX-License-Identifier: BSD-2-Clause */
/* conv.h - what the parts of a conversation share: its framing, its contexts and its calls */
#ifndef GATE_CONV_H
#define GATE_CONV_H

#include "gate.h"

/** One side of a conversation says something. */
struct step {
	struct rpcgate *g;
	struct flow *f;
	struct conv *c;
	unsigned side;
};

/** Reads one PDU, whole but for what joins it to others. */
typedef void pdu_handler(const struct step *s, const struct pdu *pdu);

/** Contexts asked for: a bind or an alter_context. */
pdu_handler association_bind;
/** A bind_ack or an alter_context_resp. */
pdu_handler association_ack;
pdu_handler association_nak;
pdu_handler calls_request;
pdu_handler calls_response;
pdu_handler calls_fault;
/** Judge a request by its head, as rules and what it asks a mapper for want it. */
void calls_judge(const struct step *s, const struct pdu_header *h, uint16_t context_id,
		 uint16_t opnum);

/** Tell of something wrong; @p h is of the PDU that it is about, or NULL. */
struct rpcgate_alert_event *conv_alert(const struct step *s, enum rpcgate_reason reason,
				       const struct pdu_header *h);
/** Something is wrong with what was said, but where the next PDU starts is still known. */
void conv_object(const struct step *s, enum rpcgate_reason reason, const struct pdu_header *h);
/** The stream cannot be followed any further: there is no way to find the next PDU that both the
 *  server and we would agree on.  A header that fits is RPC's, whatever stands behind it.
 *  @param h  NULL where the octets are no header */
void conv_lose(const struct step *s, enum rpcgate_reason reason, const struct pdu_header *h);

/** The context that this id stands for, of those that were accepted, or of those that were not. */
struct context *context_by_id(const struct rpcgate *g, const struct conv *c, uint16_t id,
			      bool accepted);
/** Forget the context that @p link leads to. */
void context_unlink(struct rpcgate *g, struct conv *c, uint32_t *link);
void contexts_drop(struct rpcgate *g, struct conv *c);
void calls_drop(struct rpcgate *g, struct conv *c);

#endif
