/* SPDX-License-Identifier: BSD-2-Clause */
/* tower.h - protocol towers (C706 appendix L)
 *
 * Tower octets are never NDR: counts are little-endian and unaligned whatever the drep; ports and
 * IPv4 addresses are big-endian.
 *
 *	u16 floor count
 *	per floor: u16 lhs length | protocol id, rest of lhs | u16 rhs length | rhs
 */
#ifndef RPC_TOWER_H
#define RPC_TOWER_H

#include "bytes.h"
#include "rpcgate.h"

#define TOWER_MAX_OCTETS 4096U
#define TOWER_MAX_FLOORS 16U

struct tower {
	struct rpcgate_syntax interface; /**< floor 1 */
	struct rpcgate_syntax transfer;  /**< floor 2 */
	enum rpcgate_protseq protseq;    /**< floors 3 and 4 */
	uint16_t n_floors;
	uint16_t port;          /**< TCP, UDP, HTTP; else 0 */
	bool has_ip;            /**< floor 5 is an IPv4 address (id 09; 20 seen in HTTP towers) */
	struct rpcgate_addr ip; /**< as ::ffff:a.b.c.d */
	struct bytes endpoint;  /**< pipe, local or host name without its NUL, foreign octets */
};

/**
 * Take a tower apart.
 * @return PARSE_OK for every well-formed tower, of whatever transport; PARSE_BAD when a length
 *	   does not fit, lhs is empty, there are fewer than 3 or more than TOWER_MAX_FLOORS floors,
 *	   floors 1 and 2 are not UUID floors of 19 and 2 octets, a port or address has the wrong size,
 *	   or octets are left over.
 */
MUST_USE enum parse tower_parse(struct bytes in, struct tower *out);

/** Text ends at its first NUL, as for everybody who reads it as C text; or where its octets end. */
struct bytes text_before_nul(struct bytes raw);

#endif
