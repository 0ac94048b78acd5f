/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_oxid.c - input: an octet of choices (0 ResolveOxid, 1 ResolveOxid2, 2 ServerAlive2; 4 NDR64,
 * 8 big-endian), then a stub, read as a request and as an answer
 */
#include <stdlib.h>

#include "oxid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void refused(enum rpcgate_reason why)
{
	must(why == RPCGATE_REASON_MALFORMED_NDR || why == RPCGATE_REASON_LIMIT);
}

static void walk(struct dual_strings *s)
{
	struct string_binding b;
	uint32_t seen = 0;

	must(s->n <= OXID_MAX_STRINGS);
	for (; dual_strings_next(s, &b); seen++) {
		must(b.tower_id != 0 && b.host_len <= sizeof(b.host));
		must(!b.port || b.protseq == RPCGATE_NCACN_IP_TCP ||
		     b.protseq == RPCGATE_NCACN_HTTP);
		must(b.kind != HOST_NAME || b.host_len);
	}
	must(seen == s->n); /* what was validated is given, all of it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint16_t opnums[] = { OXID_RESOLVE, OXID_RESOLVE2, OXID_SERVER_ALIVE2 };
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct oxid_request q;
	struct oxid_answer a;
	struct ndr stub;
	uint16_t opnum;

	if (!n)
		return 0;
	opnum = opnums[(data[0] & 3) % 3];
	stub = ndr_of((struct bytes){ data + 1, n - 1 }, data[0] & 8, data[0] & 4);
	if (oxid_request_parse(stub, opnum, &q, &why) != PARSE_OK)
		refused(why);
	why = RPCGATE_REASON_NONE;
	if (oxid_answer_parse(stub, opnum, &a, &why) == PARSE_OK)
		walk(&a.bindings);
	else
		refused(why);
	return 0;
}
