/* SPDX-License-Identifier: BSD-2-Clause */
/* epm.h - the endpoint mapper's ept_lookup and ept_map (C706 appendix O, MS-RPCE 2.2.1.2)
 *
 * Requests are read for what the answer must be compared with; answers are first walked whole,
 * strictly, to their last octet, and only then given out entry by entry: either all of an answer
 * is considered or nothing.
 */
#ifndef RPC_EPM_H
#define RPC_EPM_H

#include "bytes.h"
#include "ndr.h"
#include "rpcgate.h"
#include "tower.h"

#define EPM_INSERT 0U
#define EPM_DELETE 1U
#define EPM_LOOKUP 2U
#define EPM_MAP 3U
#define EPM_MGMT_DELETE 6U
#define EPM_STATUS_OK 0U
#define EPM_STATUS_NOT_REGISTERED 0x16c9a0d6U /**< also "no more elements" */
#define EPM_MAX_REQUEST_REFERENTS 2U

/** e1af8308-5d1f-11c9-91a4-08002b14a0fa 3.0 */
extern const struct rpcgate_syntax epm_syntax;

/** What must be remembered of a request to judge its answer. */
struct epm_request {
	uint16_t opnum;
	uint32_t max; /**< max_towers or max_ents */
	uint8_t n_referents;
	uint64_t referent[EPM_MAX_REQUEST_REFERENTS]; /**< ids used: the answer must not repeat them */
	bool has_interface;    /**< ept_map: the tower was present; ept_lookup: by interface */
	struct tower asked;    /**< what was asked; ept_lookup: its interface alone.  endpoint
				*   points into the stub */
	uint32_t inquiry_type; /**< ept_lookup */
};

/**
 * ept_map or ept_lookup request stub.  A verification trailer (MS-RPCE 2.2.2.13) or other octets
 * may follow the arguments.
 * @param why  on PARSE_BAD: MALFORMED_NDR or MALFORMED_TOWER
 */
MUST_USE enum parse epm_request_parse(struct ndr stub, uint16_t opnum, struct epm_request *out,
				      enum rpcgate_reason *why);

#define EPM_KEPT 2U /* towers: answers to ept_map have one or two, and lists many */

/** A validated answer, ready to be walked. */
struct epm_answer {
	uint16_t opnum;
	uint32_t n;          /**< towers or entries */
	uint32_t status;     /**< EPM_STATUS_* or another */
	struct ndr entries;  /**< private to epm_next(): where the entries start */
	struct ndr deferred; /**< private: where the deferred towers behind the kept ones start */
	uint32_t i;
	uint32_t n_kept;
	uint32_t kept_i;             /**< private: the kept one that is next */
	struct tower kept[EPM_KEPT]; /**< the first towers; n_kept of them are written */
};

struct epm_limits {
	uint32_t max_towers;  /**< ept_map */
	uint32_t max_entries; /**< ept_lookup */
};

/**
 * ept_map or ept_lookup answer stub: walks it whole.  The status must be its last four octets.
 * @param request  NULL skips the comparison with the request's referent ids and maximum
 * @param why	   on PARSE_BAD: MALFORMED_NDR, MALFORMED_TOWER or LIMIT
 */
MUST_USE enum parse epm_answer_parse(struct ndr stub, uint16_t opnum,
				     const struct epm_request *request,
				     const struct epm_limits *limits, struct epm_answer *out,
				     enum rpcgate_reason *why);

struct epm_entry {
	struct rpcgate_uuid object; /**< ept_lookup; nil for ept_map */
	struct bytes annotation;    /**< without its NUL; foreign octets */
	bool has_tower;
	struct tower tower;
};

/** The next entry of a validated answer; false after the last. */
MUST_USE bool epm_next(struct epm_answer *answer, struct epm_entry *out);

#endif
