/* SPDX-License-Identifier: BSD-2-Clause */
/* pdu.h - cut one connection-oriented DCE/RPC PDU out of a stream
 *
 * Format: C706 chapter 12 and MS-RPCE 2.2.2.  Lengths in octets, numbers in host order.  Pure: no
 * allocation, no clock, no state between calls.  What is returned points into what was given.
 *
 *	 0  rpc_vers 5 | rpc_vers_minor | ptype | pfc_flags
 *	 4  packed drep (4 octets)
 *	 8  frag_length u16 | auth_length u16
 *	12  call_id u32
 *	16  body ...                         [ padding | sec_trailer 8 | auth value ]
 */
#ifndef RPC_PDU_H
#define RPC_PDU_H

#include "bytes.h"
#include "rpcgate.h"

#define PDU_HEADER_LEN 16U
#define PDU_REQUEST_HEAD_LEN 24U /**< also response */
#define PDU_TRAILER_LEN 8U

enum pdu_type {
	PDU_REQUEST = 0,
	PDU_RESPONSE = 2,
	PDU_FAULT = 3,
	PDU_BIND = 11,
	PDU_BIND_ACK = 12,
	PDU_BIND_NAK = 13,
	PDU_ALTER_CONTEXT = 14,
	PDU_ALTER_CONTEXT_RESP = 15,
	PDU_AUTH3 = 16,
	PDU_SHUTDOWN = 17,
	PDU_CO_CANCEL = 18,
	PDU_ORPHANED = 19
};

enum pdu_flag { PFC_FIRST_FRAG = 0x01, PFC_LAST_FRAG = 0x02, PFC_OBJECT_UUID = 0x80 };

enum pdu_side { PDU_FROM_CLIENT = 1, PDU_FROM_SERVER = 2 };

/** The common header. */
struct pdu_header {
	uint8_t minor;
	uint8_t ptype;
	uint8_t flags;
	bool big;
	uint16_t frag_length;
	uint16_t auth_length;
	uint32_t call_id;
};

/** The sec_trailer and what it encloses (MS-RPCE 2.2.2.11). */
struct pdu_auth {
	bool present;
	uint8_t type;
	uint8_t level; /**< 1 none .. 6 privacy */
	uint8_t pad_length;
	uint32_t context_id;
	struct bytes value;
};

#define AUTH_LEVEL_NONE 1
#define AUTH_LEVEL_CONNECT 2
#define AUTH_LEVEL_PRIVACY 6

/** A whole PDU: header, body without the trailer, trailer. */
struct pdu {
	struct pdu_header h;
	struct bytes body; /**< from octet 16 to the trailer; padding still in */
	struct pdu_auth auth;
};

/**
 * Read the common header.
 * @param in   a stream, starting at a PDU boundary
 * @param out  filled on PARSE_OK
 * @return PARSE_MORE as long as the octets present are a possible beginning, PARSE_BAD as soon
 *	   as they are not: version not 5.0/5.1, type not connection-oriented (RTS included), drep
 *	   not ASCII/IEEE with zero reserved octets, frag_length below the minimum of its type,
 *	   auth_length that does not fit.
 */
MUST_USE enum parse pdu_header_parse(struct bytes in, struct pdu_header *out);

/** True if the octets that hold no length are those of a header: then it is RPC's, and what stands
 *  behind them may still be impossible.  @p out gets what can be told of it. */
MUST_USE bool pdu_begins(struct bytes in, struct pdu_header *out);

/** Which side may send this type; 0 for a type that is not connection-oriented. */
unsigned pdu_sides(uint8_t ptype);

/** "bind", "request", ...; "unknown" for others. */
const char *pdu_type_name(uint8_t ptype);

/**
 * Take a whole PDU apart.
 * @param in  exactly frag_length octets
 * @return PARSE_OK, or PARSE_BAD when the trailer does not fit (checks of MS-RPCE 2.2.2.11 in the
 *	   order of their dependence; a trailer not 4-aligned is refused)
 */
MUST_USE enum parse pdu_parse(struct bytes in, const struct pdu_header *h, struct pdu *out);

/** The fixed head of request, response and fault, and the stub of this fragment. */
struct pdu_call {
	uint32_t alloc_hint; /**< never used to size anything */
	uint16_t context_id;
	uint16_t opnum;  /**< request only */
	uint32_t status; /**< fault only */
	bool has_object;
	struct rpcgate_uuid object;
	struct bytes stub; /**< without auth padding */
};

/** Request (with its object UUID), response or fault.  PARSE_BAD if the padding exceeds the stub. */
MUST_USE enum parse pdu_call_parse(const struct pdu *pdu, struct pdu_call *out);

/** bind_nak: reason (C706 12.6.4.5). PARSE_BAD when its version list does not fit. */
MUST_USE enum parse pdu_nak_parse(const struct pdu *pdu, uint16_t *reason);

#endif
