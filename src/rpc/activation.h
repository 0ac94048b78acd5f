/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.h - DCOM activation: IRemoteActivation and IRemoteSCMActivator (MS-DCOM 3.1.2.5.2)
 *
 * A client asks for an object by class and interfaces; the answer says at which endpoints the
 * exporter of the object listens.  Newer calls wrap question and answer in property blobs, which
 * are little-endian NDR whatever the call is (MS-DCOM 2.2.22).
 *
 *	stub	ORPCTHAT | MInterfacePointer | HRESULT
 *	  octets of the pointer	OBJREF_CUSTOM | u32 size, u32 reserved | header | property...
 *	    header, property	16 octets type serialisation header | structure | gap
 */
#ifndef RPC_ACTIVATION_H
#define RPC_ACTIVATION_H

#include "bytes.h"
#include "ndr.h"
#include "oxid.h"
#include "rpcgate.h"

#define REMOTE_ACTIVATION 0U    /* of IRemoteActivation */
#define SCM_GET_CLASS_OBJECT 3U /* of IRemoteSCMActivator */
#define SCM_CREATE_INSTANCE 4U

enum activation_call {
	ACTIVATION_REMOTE_ACTIVATION,
	ACTIVATION_GET_CLASS_OBJECT,
	ACTIVATION_CREATE_INSTANCE
};

#define ACTIVATION_MAX_IIDS 64U
#define ACTIVATION_MAX_PROPERTIES 10U

/** An array in the stub: interface identifiers or HRESULTs. */
struct activation_list {
	struct reader r; /**< private to activation_next() */
	uint32_t n;
};

struct activation_request {
	struct rpcgate_uuid class_id;
	struct activation_list iids; /**< the interfaces asked for */
	bool unsupported;            /**< well-formed, of a shape that is not read: no iids */
};

/**
 * Request stub.  Other octets may follow the arguments (verification trailer).
 * @param why  on PARSE_BAD: MALFORMED_NDR or LIMIT
 */
MUST_USE enum parse activation_request_parse(struct ndr stub, enum activation_call call,
					     struct activation_request *out,
					     enum rpcgate_reason *why);

struct activation_answer {
	bool done;                    /**< the call succeeded, perhaps not for all interfaces */
	bool unsupported;             /**< well-formed, of a shape that is not read: no bindings */
	struct dual_strings bindings; /**< of the object exporter */
	struct activation_list iids;  /**< IRemoteSCMActivator: what the results are for */
	struct activation_list results;
};

/**
 * Answer stub: walks it whole.  The HRESULT must be its last four octets.
 * @param why  on PARSE_BAD: MALFORMED_NDR or LIMIT
 */
MUST_USE enum parse activation_answer_parse(struct ndr stub, enum activation_call call,
					    struct activation_answer *out,
					    enum rpcgate_reason *why);

/**
 * The next interface that was asked for and that the answer gives.
 * @param i  where to go on; start with 0
 * @return false after the last
 */
MUST_USE bool activation_next(const struct activation_request *request,
			      const struct activation_answer *answer, uint32_t *i,
			      struct rpcgate_uuid *out);

#endif
