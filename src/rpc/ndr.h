/* SPDX-License-Identifier: BSD-2-Clause */
/* ndr.h - the part of NDR (C706 chapter 14) and NDR64 (MS-RPCE 2.2.5) that the mapper needs
 *
 * A cursor over a joined stub.  Alignment counts from the start of the stub.  In NDR64 referent
 * ids and array counts are u64 aligned to 8; plain integers are as in NDR.
 */
#ifndef RPC_NDR_H
#define RPC_NDR_H

#include "bytes.h"
#include "rpcgate.h"

struct ndr {
	struct reader r;
	bool ndr64;
};

struct ndr ndr_of(struct bytes stub, bool big, bool ndr64);

MUST_USE bool ndr_u16(struct ndr *n, uint16_t *out);
MUST_USE bool ndr_u32(struct ndr *n, uint32_t *out);
/** Referent id of a full pointer, 0 = null. */
MUST_USE bool ndr_pointer(struct ndr *n, uint64_t *id);
/** Conformance, offset or actual count. */
MUST_USE bool ndr_count(struct ndr *n, uint64_t *count);
MUST_USE bool ndr_uuid(struct ndr *n, struct rpcgate_uuid *out);
/** The gap at the end of a structure: 4 octets alignment, in NDR64 8. */
MUST_USE bool ndr_struct_align(struct ndr *n);
/** Context handle: 20 octets aligned to 4; tells only whether it is all zero. */
MUST_USE bool ndr_handle(struct ndr *n, bool *is_null);
MUST_USE bool ndr_bytes(struct ndr *n, size_t len, struct bytes *out);
bool ndr_at_end(const struct ndr *n);

#endif
