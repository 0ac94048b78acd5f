/* SPDX-License-Identifier: BSD-2-Clause */
/* oxid.h - string bindings and the OXID resolver, IObjectExporter (MS-DCOM 2.2.19, 3.1.2.5.1)
 *
 * The resolver tells at which endpoints an object exporter listens, as text: "host[port]".  An
 * answer is walked whole before anything of it is given out, as in epm.h.
 */
#ifndef RPC_OXID_H
#define RPC_OXID_H

#include "bytes.h"
#include "ndr.h"
#include "rpcgate.h"

#define OXID_RESOLVE 0U
#define OXID_RESOLVE2 4U
#define OXID_SERVER_ALIVE2 5U
#define OXID_MAX_STRINGS 64U /**< string bindings in one array; security bindings as well */
#define OXID_MAX_UNITS 256U  /**< UTF-16 units in one string */

/* ---------------------------------------------------------- DUALSTRINGARRAY */

/** A validated array, ready to be walked. */
struct dual_strings {
	uint32_t n;          /**< string bindings */
	struct reader units; /**< private to dual_strings_next() */
	uint32_t i;
};

enum string_host {
	HOST_NAME,    /**< NetBIOS or DNS name */
	HOST_ADDRESS, /**< an IPv4 or IPv6 literal */
	HOST_ODD      /**< empty, or neither a name nor a literal that everybody reads alike */
};

struct string_binding {
	uint16_t tower_id;
	enum rpcgate_protseq protseq;
	uint16_t port; /**< TCP and HTTP; 0 without, or when its text is not 1..65535 */
	enum string_host kind;
	struct rpcgate_addr ip; /**< HOST_ADDRESS */
	uint8_t host_len;
	uint8_t host[RPCGATE_ENDPOINT_MAX]; /**< as UTF-8, cut; foreign octets, not terminated */
};

/**
 * A DUALSTRINGARRAY with its conformance in front: walks both its parts to their ends.
 * @param why  on PARSE_BAD: MALFORMED_NDR or LIMIT
 */
MUST_USE enum parse dual_strings_parse(struct ndr *n, struct dual_strings *out,
				       enum rpcgate_reason *why);

/** The next string binding of a validated array; false after the last. */
MUST_USE bool dual_strings_next(struct dual_strings *walk, struct string_binding *out);

/* ---------------------------------------------------------- IObjectExporter */

struct oxid_request {
	uint64_t oxid;       /**< ResolveOxid, ResolveOxid2 */
	uint32_t n_protseqs; /**< asked for */
};

/**
 * ResolveOxid, ResolveOxid2 or ServerAlive2 request stub.  Other octets may follow the arguments:
 * a verification trailer (MS-RPCE 2.2.2.13).
 * @param why  on PARSE_BAD: MALFORMED_NDR or LIMIT
 */
MUST_USE enum parse oxid_request_parse(struct ndr stub, uint16_t opnum, struct oxid_request *out,
				       enum rpcgate_reason *why);

struct oxid_answer {
	uint32_t status;              /**< 0: done */
	struct dual_strings bindings; /**< of the exporter; of the resolver for ServerAlive2 */
};

/**
 * Answer stub: walks it whole.  The status must be its last four octets.
 * @param why  on PARSE_BAD: MALFORMED_NDR or LIMIT
 */
MUST_USE enum parse oxid_answer_parse(struct ndr stub, uint16_t opnum, struct oxid_answer *out,
				      enum rpcgate_reason *why);

#endif
