/* SPDX-License-Identifier: BSD-2-Clause */
#include "bytes.h"
#include "rpcgate.h"

static const struct {
	const char *name;
	const char *text;
} reasons[] = {
#define X(id, name, text) { name, text },
	RPCGATE_REASONS(X)
#undef X
};

const char *rpcgate_reason_name(enum rpcgate_reason reason)
{
	return reasons[(size_t)reason < ARRAY_SIZE(reasons) ? reason : RPCGATE_REASON_NONE].name;
}

const char *rpcgate_reason_text(enum rpcgate_reason reason)
{
	return reasons[(size_t)reason < ARRAY_SIZE(reasons) ? reason : RPCGATE_REASON_NONE].text;
}
