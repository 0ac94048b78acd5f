/* SPDX-License-Identifier: BSD-2-Clause */
/* http.h - the text and the control PDUs of RPC over HTTP v2 (MS-RPCH 2.1.2, 2.2.3)
 *
 * Between a client and its proxy each direction of a conversation has a connection of its own:
 *
 *	RPC_IN_DATA /rpc/rpcproxy.dll?server:port HTTP/1.1	client PDUs follow
 *	RPC_OUT_DATA /rpc/rpcproxy.dll?server:port HTTP/1.1	server PDUs follow the answer
 *
 * Only what decides is read: the method, the target, and how long the body is.  Text that two
 * readers could understand in two ways is refused.
 */
#ifndef RPC_HTTP_H
#define RPC_HTTP_H

#include "bytes.h"
#include "pdu.h"

#define HTTP_MAX_HEAD 8192U
#define HTTP_MAX_HOST 255U
#define HTTP_NO_LENGTH UINT64_MAX

/** Do these octets begin a request for an RPC channel?  PARSE_MORE: they may. */
MUST_USE enum parse http_begins(struct bytes in);

/**
 * Where a head ends: with an empty line.
 * @param have  what came before, without an empty line
 * @return octets of @p more that belong to the head; 0 if its end is not among them
 */
size_t http_head_end(struct bytes have, struct bytes more);

struct http_request {
	bool out;          /**< RPC_OUT_DATA */
	struct bytes host; /**< of the target, as written; never an address of IPv6 */
	uint16_t port;     /**< of the target */
	uint64_t length;   /**< of the body; 0 if not given */
};

struct http_response {
	uint16_t status;
	uint64_t length; /**< of the body; HTTP_NO_LENGTH if not given */
};

/** A whole head.  PARSE_BAD: no target, two lengths that differ, or a coded body. */
MUST_USE enum parse http_request_parse(struct bytes head, struct http_request *out);
MUST_USE enum parse http_response_parse(struct bytes head, struct http_response *out);

#define PDU_RTS 20U /**< not among pdu_type: it travels inside HTTP alone */

/** The header of an RTS PDU, as pdu_header_parse(). */
MUST_USE enum parse rts_header_parse(struct bytes in, struct pdu_header *out);
struct rts {
	uint16_t flags;
	uint16_t n_commands;
	bool has_cookie;
	struct rpcgate_uuid cookie; /**< the first: in CONN/A1 and CONN/B1 (MS-RPCH 2.2.4.2,
				     *   2.2.4.5) that of the virtual connection */
};

/** A whole RTS PDU, exactly frag_length octets: its commands must fill it (MS-RPCH 2.2.3.5). */
MUST_USE enum parse rts_parse(struct bytes in, struct rts *out);

#endif
