/* SPDX-License-Identifier: BSD-2-Clause */
/* bind.h - presentation contexts: bind, alter_context and their answers (C706 12.6.4.3, .4)
 *
 * Lists are walked in place with an iterator, so no count in the octets sizes anything here.
 * bind_parse() and bind_ack_parse() walk the whole list once and refuse it unless it ends at the
 * end of the body: after PARSE_OK the iterators below cannot fail before they have given every
 * element.  Before a trailer up to 15 octets of padding are tolerated, whatever auth_pad_length
 * says, and without one the 8 octets of a trailer with an empty value; neither holds an element.
 */
#ifndef RPC_BIND_H
#define RPC_BIND_H

#include "bytes.h"
#include "pdu.h"
#include "rpcgate.h"

struct bind {
	uint16_t max_xmit;
	uint16_t max_recv;
	uint32_t assoc_group;
	uint8_t n_contexts;
	struct bytes contexts; /**< the elements, for bind_next() */
	bool big;
};

/** One presentation context element. */
struct bind_context {
	uint16_t id;
	struct rpcgate_syntax abstract;
	uint8_t n_transfer;
	struct bytes transfer; /**< n_transfer times 20 octets, for transfer_at() */
	bool big;
};

/** PARSE_BAD: no contexts, a context without transfer syntax, a list that does not fit the body. */
MUST_USE enum parse bind_parse(const struct pdu *pdu, struct bind *out);

/** Start a walk over the contexts: reader over @p bind's elements. */
struct reader bind_walk(const struct bind *bind);
/** The next element; false at the end. */
MUST_USE bool bind_next(struct reader *walk, struct bind_context *out);
/** The @p i-th offered transfer syntax, i < n_transfer. */
struct rpcgate_syntax bind_transfer_at(const struct bind_context *context, size_t i);
/** True if @p syntax is among those offered. */
bool bind_offers(const struct bind_context *context, const struct rpcgate_syntax *syntax);

/** A feature-negotiation pseudo syntax (MS-RPCE 3.3.1.5.3): 6cb71c2c-9812-4540-*, version 1. */
bool syntax_is_features(const struct rpcgate_syntax *syntax);
bool syntax_is_ndr(const struct rpcgate_syntax *syntax);
bool syntax_is_ndr64(const struct rpcgate_syntax *syntax);

enum bind_result {
	BIND_ACCEPTED = 0,
	BIND_USER_REJECTED = 1,
	BIND_REJECTED = 2,
	BIND_NEGOTIATED = 3
};

struct bind_ack {
	uint16_t max_xmit;
	uint16_t max_recv;
	uint32_t assoc_group;
	struct bytes secondary_address; /**< foreign text, NUL included; never trusted */
	uint8_t n_results;
	struct bytes results; /**< n_results times 24 octets */
	bool big;
};

struct bind_ack_result {
	uint16_t result;
	uint16_t reason;
	struct rpcgate_syntax transfer;
};

/** bind_ack and alter_context_resp.  PARSE_BAD: secondary address or results do not fit. */
MUST_USE enum parse bind_ack_parse(const struct pdu *pdu, struct bind_ack *out);
/** The @p i-th result, i < n_results. */
struct bind_ack_result bind_ack_at(const struct bind_ack *ack, size_t i);

#endif
