/* SPDX-License-Identifier: BSD-2-Clause */
/* cl.h - connectionless DCE/RPC PDUs, one in a datagram (C706 chapter 12.5)
 *
 *	 0  rpc_vers 4 | ptype | flags1 | flags2
 *	 4  drep (3 octets) | serial, high octet
 *	 8  object UUID | 24 interface UUID | 40 activity UUID
 *	56  server boot time u32 | interface version u32 | sequence number u32
 *	68  opnum u16 | interface hint u16 | activity hint u16 | body length u16
 *	76  fragment number u16 | auth protocol | serial, low octet
 *	80  body ...                         [ auth verifier ]
 *
 * There is no bind: every PDU names its interface.  Which answer belongs to which request is told
 * by activity and sequence number.
 */
#ifndef RPC_CL_H
#define RPC_CL_H

#include "bytes.h"
#include "rpcgate.h"

#define CL_HEADER_LEN 80U

enum cl_type {
	CL_REQUEST = 0,
	CL_PING = 1,
	CL_RESPONSE = 2,
	CL_FAULT = 3,
	CL_WORKING = 4,
	CL_NOCALL = 5,
	CL_REJECT = 6,
	CL_ACK = 7,
	CL_CANCEL = 8,
	CL_FACK = 9,
	CL_CANCEL_ACK = 10
};

/** flags1 */
enum cl_flag { CL_LAST_FRAGMENT = 0x02, CL_FRAGMENT = 0x04 };

/** A whole PDU; body points into the datagram. */
struct cl_pdu {
	uint8_t ptype; /**< enum cl_type */
	uint8_t flags1;
	uint8_t flags2;
	uint8_t auth_protocol; /**< 0: none, the body is in the clear */
	bool big;
	struct rpcgate_uuid object;
	struct rpcgate_syntax interface;
	struct rpcgate_uuid activity;
	uint32_t server_boot;
	uint32_t sequence;
	uint16_t opnum;
	uint16_t fragment; /**< number of this piece of a call in pieces */
	struct bytes body; /**< without what may follow it: a verifier, or padding */
};

/**
 * Take a datagram apart.
 * @return PARSE_OK, or PARSE_BAD: version not 4, type not connectionless, drep not ASCII/IEEE with
 *	   a zero reserved octet, a body longer than the datagram.  Never PARSE_MORE: more octets do
 *	   not come.
 */
MUST_USE enum parse cl_parse(struct bytes datagram, struct cl_pdu *out);
/** The same of a datagram that a capture cut short: the body is not looked at, and is empty. */
MUST_USE enum parse cl_header_parse(struct bytes datagram, struct cl_pdu *out);

#endif
