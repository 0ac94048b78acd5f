/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_pdu.c - input: a stream.  PDUs are cut off it as the conversation does. */
#include <stdlib.h>

#include "pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static bool inside(struct bytes part, struct bytes whole)
{
	return !part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void look_inside(struct bytes in, const struct pdu_header *h)
{
	struct pdu_call call;
	uint16_t reason;
	struct pdu pdu;

	if (pdu_parse(in, h, &pdu) != PARSE_OK)
		return;
	must(inside(pdu.body, in) && inside(pdu.auth.value, in));
	must(pdu.auth.present == (h->auth_length != 0));
	must(pdu.auth.value.n == h->auth_length);
	if (pdu_call_parse(&pdu, &call) == PARSE_OK)
		must(inside(call.stub, pdu.body));
	if (pdu_nak_parse(&pdu, &reason) == PARSE_OK)
		must(h->ptype == PDU_BIND_NAK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes in = { data, n };
	struct pdu_header h;

	while (pdu_header_parse(in, &h) == PARSE_OK) {
		must(h.frag_length >= PDU_HEADER_LEN && pdu_sides(h.ptype) != 0);
		for (size_t cut = 0; cut < PDU_HEADER_LEN; cut++)
			must(pdu_header_parse((struct bytes){ in.p, cut }, &h) == PARSE_MORE);
		if (h.frag_length > in.n)
			break;
		look_inside((struct bytes){ in.p, h.frag_length }, &h);
		in = (struct bytes){ in.p + h.frag_length, in.n - h.frag_length };
	}
	return 0;
}
