/* SPDX-License-Identifier: BSD-2-Clause */
/* uuid.h - UUIDs and syntax identifiers as they stand on the wire (C706 appendix A) */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "bytes.h"
#include "rpcgate.h"

/** Read 16 octets; the first three fields are in the reader's order, the rest as printed. */
MUST_USE bool rd_uuid(struct reader *r, struct rpcgate_uuid *out);

/** Read p_syntax_id_t: UUID, then the version as u32 with the major number in the low half. */
MUST_USE bool rd_syntax(struct reader *r, struct rpcgate_syntax *out);

bool uuid_equal(const struct rpcgate_uuid *a, const struct rpcgate_uuid *b);
bool uuid_is_nil(const struct rpcgate_uuid *uuid);
bool syntax_equal(const struct rpcgate_syntax *a, const struct rpcgate_syntax *b);

#endif
