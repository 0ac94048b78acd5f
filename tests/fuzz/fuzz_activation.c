/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_activation.c - input: an octet of choices (0 RemoteActivation, 1 RemoteGetClassObject,
 * 2 RemoteCreateInstance; 4 NDR64, 8 big-endian), u16 length of a request stub, little-endian, that
 * stub, and the stub of its answer
 */
#include <stdlib.h>

#include "activation.h"

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

static void walk_strings(struct dual_strings *s)
{
	struct string_binding b;
	uint32_t seen = 0;

	must(s->n <= OXID_MAX_STRINGS);
	for (; dual_strings_next(s, &b); seen++)
		must(b.host_len <= sizeof(b.host));
	must(seen == s->n);
}

static void walk_interfaces(const struct activation_request *q, const struct activation_answer *a)
{
	struct rpcgate_uuid iid;
	uint32_t i = 0, seen = 0;

	must(q->iids.n <= ACTIVATION_MAX_IIDS && !(q->unsupported && q->iids.n));
	must(a->results.n <= ACTIVATION_MAX_IIDS && (!a->iids.n || a->iids.n == a->results.n));
	must(!a->unsupported || !a->bindings.n);
	for (; activation_next(q, a, &i, &iid); seen++)
		must(i <= q->iids.n);
	must(seen <= q->iids.n && i == q->iids.n);
	must(a->results.n || !seen); /* what the answer does not tell of is not given */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct activation_request q = { 0 };
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct bytes request, answer;
	struct activation_answer a;
	enum activation_call call;
	bool ndr64, big;

	if (n < 3)
		return 0;
	call = (data[0] & 3) % 3;
	ndr64 = data[0] & 4;
	big = data[0] & 8;
	request = (struct bytes){ data + 3, load16(data + 1, false) };
	if (request.n > n - 3)
		request.n = n - 3;
	answer = (struct bytes){ request.p + request.n, n - 3 - request.n };
	if (activation_request_parse(ndr_of(request, big, ndr64), call, &q, &why) != PARSE_OK)
		refused(why);
	why = RPCGATE_REASON_NONE;
	if (activation_answer_parse(ndr_of(answer, big, ndr64), call, &a, &why) != PARSE_OK) {
		refused(why);
		return 0;
	}
	walk_strings(&a.bindings);
	walk_interfaces(&q, &a);
	return 0;
}
