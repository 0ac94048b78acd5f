/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "pdu.h"
#include "vector.h"

#define MAX_TEXT 65536

static void give_up(const char *what, const char *name)
{
	fprintf(stderr, "vector: %s: %s\n", what, name);
	abort();
}

struct ndr vector_stub(const char *name)
{
	char path[512], text[MAX_TEXT];
	struct pdu_header h;
	struct pdu_call call;
	struct bytes octets;
	struct pdu pdu;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/tests/unit/vectors/%s.hex", TEST_SOURCE_DIR, name);
	file = fopen(path, "r");
	if (!file)
		give_up("cannot be opened", path);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	octets = octets_of(text);
	if (pdu_header_parse(octets, &h) != PARSE_OK || pdu_parse(octets, &h, &pdu) != PARSE_OK ||
	    pdu_call_parse(&pdu, &call) != PARSE_OK)
		give_up("no request or response", name);
	return ndr_of(guarded(call.stub.p, call.stub.n), h.big, false);
}
