/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_tower.c - input: the octets of a tower */
#include <stdlib.h>

#include "tower.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes in = { data, n };
	struct tower t;

	if (tower_parse(in, &t) != PARSE_OK)
		return 0;
	must(t.n_floors >= 3 && t.n_floors <= TOWER_MAX_FLOORS && n <= TOWER_MAX_OCTETS);
	must(t.n_floors > 3 || t.protseq == RPCGATE_PROTSEQ_OTHER);
	must(t.n_floors > 4 || !t.has_ip);
	must(!t.port || t.protseq == RPCGATE_NCACN_IP_TCP || t.protseq == RPCGATE_NCADG_IP_UDP ||
	     t.protseq == RPCGATE_NCACN_HTTP);
	must(!t.endpoint.n || t.protseq == RPCGATE_NCACN_NP || t.protseq == RPCGATE_NCALRPC);
	for (size_t i = 0; i < t.endpoint.n; i++)
		must(t.endpoint.p[i] != 0);
	/* the last floor ends the tower: one octet less is none */
	must(tower_parse((struct bytes){ data, n - 1 }, &t) == PARSE_BAD);
	return 0;
}
