/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_epm.c - input: an octet of choices (1 lookup, 2 NDR64, 4 big-endian), u16 length of a
 * request stub, little-endian, that stub, and the stub of its answer
 */
#include <stdlib.h>

#include "epm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void read_answer(struct ndr stub, uint16_t opnum, const struct epm_request *request)
{
	static const struct epm_limits limits = { .max_towers = 128, .max_entries = 4096 };
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_answer a;
	struct epm_entry e;
	uint32_t n = 0;

	if (epm_answer_parse(stub, opnum, request, &limits, &a, &why) != PARSE_OK) {
		must(why == RPCGATE_REASON_MALFORMED_NDR || why == RPCGATE_REASON_MALFORMED_TOWER ||
		     why == RPCGATE_REASON_LIMIT);
		return;
	}
	must(a.n <= (opnum == EPM_MAP ? limits.max_towers : limits.max_entries));
	must(!request || a.n <= request->max);
	for (; epm_next(&a, &e); n++)
		must(e.annotation.n <= RPCGATE_ANNOTATION_MAX && (e.has_tower || opnum != EPM_MAP));
	must(n == a.n); /* what was validated is given, all of it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_request q;
	struct bytes request, answer;
	uint16_t opnum;
	bool ndr64, big;

	if (n < 3)
		return 0;
	opnum = data[0] & 1 ? EPM_LOOKUP : EPM_MAP;
	ndr64 = data[0] & 2;
	big = data[0] & 4;
	request = (struct bytes){ data + 3, load16(data + 1, false) };
	if (request.n > n - 3)
		request.n = n - 3;
	answer = (struct bytes){ request.p + request.n, n - 3 - request.n };
	if (epm_request_parse(ndr_of(request, big, ndr64), opnum, &q, &why) == PARSE_OK)
		read_answer(ndr_of(answer, big, ndr64), opnum, &q);
	else
		must(why != RPCGATE_REASON_NONE);
	read_answer(ndr_of(answer, big, ndr64), opnum, NULL);
	return 0;
}
