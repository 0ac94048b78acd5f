/* SPDX-License-Identifier: BSD-2-Clause */
/* call.h - fragments joined to the stub of a request or a response (C706 12.6.2.2, MS-RPCE 3.3.1)
 *
 * Clients differ in how they join responses, some without looking at FIRST or at the byte order.
 * A stub is joined here only if all its fragments agree; anything else is refused.
 */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "arena.h"
#include "pdu.h"

/** One direction of a call being joined. */
struct joined {
	struct buffer stub;
	uint32_t n_fragments;
	uint16_t context_id;
	uint16_t opnum;
	uint8_t auth_level; /**< 0 without trailer */
	bool big;
	bool complete;
};

struct call_limits {
	uint32_t max_stub;      /**< octets */
	uint32_t max_fragments; /**< zero-length ones count */
};

/**
 * Add a fragment.
 * @param call  of the fragment; its stub is copied
 * @return PARSE_OK when complete, PARSE_MORE; PARSE_BAD with @p why: MALFORMED_PDU when it does
 *	   not go with those before it (first flag missing or repeated, context, opnum, byte order
 *	   or level changed), LIMIT when there is no room.  Then the caller drops the call.
 */
MUST_USE enum parse joined_add(struct arena *arena, struct joined *joined, const struct pdu *pdu,
			       const struct pdu_call *call, const struct call_limits *limits,
			       enum rpcgate_reason *why);

void joined_drop(struct arena *arena, struct joined *joined);

#endif
