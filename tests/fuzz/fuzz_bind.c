/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_bind.c - input: an octet of choices (1 big-endian, 2 trailer, 4 alter), then a body
 *
 * The body is read as an offer and as an answer.
 */
#include <stdlib.h>

#include "bind.h"
#include "uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void walk_bind(const struct bind *bind)
{
	struct reader walk = bind_walk(bind);
	struct bind_context c;
	unsigned seen = 0;

	for (; bind_next(&walk, &c); seen++) {
		must(c.n_transfer > 0);
		for (size_t i = 0; i < c.n_transfer; i++) {
			struct rpcgate_syntax s = bind_transfer_at(&c, i);

			must(bind_offers(&c, &s));
			must(syntax_is_ndr(&s) + syntax_is_ndr64(&s) + syntax_is_features(&s) <= 1);
		}
	}
	must(seen == bind->n_contexts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pdu pdu = { 0 };
	struct bind_ack ack;
	struct bind bind;

	if (!n)
		return 0;
	pdu.body = (struct bytes){ data + 1, n - 1 };
	pdu.h.big = data[0] & 1;
	pdu.auth.present = data[0] & 2;
	pdu.h.ptype = data[0] & 4 ? PDU_ALTER_CONTEXT : PDU_BIND;
	if (bind_parse(&pdu, &bind) == PARSE_OK)
		walk_bind(&bind);
	pdu.h.ptype = data[0] & 4 ? PDU_ALTER_CONTEXT_RESP : PDU_BIND_ACK;
	if (bind_ack_parse(&pdu, &ack) == PARSE_OK) {
		must(ack.results.n == ack.n_results * (size_t)24);
		for (size_t i = 0; i < ack.n_results; i++)
			(void)bind_ack_at(&ack, i);
	}
	return 0;
}
