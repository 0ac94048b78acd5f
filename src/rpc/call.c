/* SPDX-License-Identifier: BSD-2-Clause */
#include "call.h"

static bool agrees(const struct joined *j, const struct pdu *pdu, const struct pdu_call *call)
{
	bool first = pdu->h.flags & PFC_FIRST_FRAG;

	if (!j->n_fragments)
		return first;
	return !first && !j->complete && j->context_id == call->context_id &&
	       j->opnum == call->opnum && j->big == pdu->h.big && j->auth_level == pdu->auth.level;
}

enum parse joined_add(struct arena *arena, struct joined *joined, const struct pdu *pdu,
		      const struct pdu_call *call, const struct call_limits *limits,
		      enum rpcgate_reason *why)
{
	if (!agrees(joined, pdu, call)) {
		*why = RPCGATE_REASON_MALFORMED_PDU;
		return PARSE_BAD;
	}
	if (joined->n_fragments == limits->max_fragments ||
	    joined->stub.n + call->stub.n > limits->max_stub ||
	    !buffer_add(arena, &joined->stub, call->stub)) {
		*why = RPCGATE_REASON_LIMIT;
		return PARSE_BAD;
	}
	joined->n_fragments++;
	joined->context_id = call->context_id;
	joined->opnum = call->opnum;
	joined->big = pdu->h.big;
	joined->auth_level = pdu->auth.level;
	joined->complete = pdu->h.flags & PFC_LAST_FRAG;
	return joined->complete ? PARSE_OK : PARSE_MORE;
}

void joined_drop(struct arena *arena, struct joined *joined)
{
	buffer_drop(arena, &joined->stub);
	*joined = (struct joined){ 0 };
}
