/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_keeper.c - input: a message to the keeper, zeros behind its end */
#include <stdlib.h>
#include <string.h>

#include "keeper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

/* What is let through names what there is, and opens a port only above 1024; any may be closed */
static void check(const struct keeper_message *m)
{
	must(m->kind <= KEEPER_STATS);
	if (m->kind == KEEPER_VERDICTS)
		must(m->n <= QUEUE_BATCH && m->queue < 2);
	if (m->kind != KEEPER_CHANGES_MADE)
		return;
	must(m->n <= KEEPER_CHANGES);
	for (uint32_t i = 0; i < m->n; i++) {
		const struct ruleset_element *e = &m->u.change[i].element;
		uint8_t flag[2];

		memcpy(flag, &m->u.change[i].remove, 1);
		memcpy(flag + 1, &m->u.change[i].known, 1);
		must((unsigned)e->set < SET_COUNT && flag[0] <= 1 && flag[1] <= 1);
		must(e->set == SET_PAIR4 || e->set == SET_PAIR6 || flag[0] ||
		     (e->port >= 1024 && e->port != 5135 && e->port != 3389));
		must(rpcgate_addr_is_ipv4(&e->client) == rpcgate_addr_is_ipv4(&e->server));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct rpcgate_port_list mapper = { 1, { { 5135, 5135 } } };
	static const struct rpcgate_port_list reserved = { 1, { { 3389, 3389 } } };
	const struct keeper_limits limits = { 2, &mapper, &reserved };
	struct keeper_message m = { 0 };

	memcpy(&m, data, n < sizeof(m) ? n : sizeof(m));
	if (keeper_may(&m, &limits))
		check(&m);
	return 0;
}
