/* SPDX-License-Identifier: BSD-2-Clause */
/* engine.c - an engine from its start to its end */
#include <stdio.h>
#include <stdlib.h>

#include "connection.h"
#include "gate.h"
#include "segment.h"
#include "tie.h"

#define FINISH_ROOM 4096U /* events left free before the last packets of a flow are read */

/* ----------------------------------------------------------------- life */

static bool config_fits(const struct rpcgate_config *cfg, char err[RPCGATE_ERROR_SIZE])
{
	const char *wrong = NULL;

	if (!cfg->mapper_ports.n)
		wrong = "mapper_ports is empty: nothing could ever be learned";
	else if (!cfg->max_flows || !cfg->max_pinholes || !cfg->max_bindings ||
		 !cfg->max_datagrams || !cfg->max_udp_calls || !cfg->max_udp_talks ||
		 !cfg->max_pipes || !cfg->max_events)
		wrong = "a table limit is zero";
	else if (cfg->max_pinholes > 1U << 30 || cfg->max_flows > 1U << 30)
		wrong = "a table limit is above 2^30";
	if (wrong)
		snprintf(err, RPCGATE_ERROR_SIZE, "configuration: %s", wrong);
	return !wrong;
}

static bool reserve(struct rpcgate *g)
{
	const struct rpcgate_config *cfg = &g->cfg;
	uint32_t convs = cfg->max_flows;

	/* four contexts for each connection on average; the limit for one is max_contexts */
	return arena_init(&g->arena, cfg->buffer_octets) && ports_init(&g->ports) &&
	       flows_init(&g->flows, cfg->max_flows, g->key, &g->ports) &&
	       fragments_init(&g->fragments, cfg->max_datagrams, g->key, &g->arena) &&
	       datagrams_init(&g->datagrams, cfg->max_udp_calls) &&
	       talks_init(&g->talks, cfg->max_udp_talks) && pipes_init(&g->pipes, cfg->max_pipes) &&
	       pool_init(&g->convs, convs, sizeof(struct conv)) &&
	       pool_init(&g->tunnels, convs / 16 + 1, sizeof(struct tunnel)) &&
	       pairs_init(&g->pairs, convs / 16 + 1) &&
	       pool_init(&g->contexts, convs * 4, sizeof(struct context)) &&
	       pool_init(&g->calls, convs, sizeof(struct call)) && pinholes_init(g) &&
	       bindings_init(g) && ties_init(g) && admit_init(g) &&
	       (g->events =
			calloc((size_t)cfg->max_events + EVENTS_BEFORE + 1, sizeof(*g->events)));
}

struct rpcgate *rpcgate_new(const struct rpcgate_config *cfg, char err[RPCGATE_ERROR_SIZE])
{
	struct rpcgate *g;

	if (!config_fits(cfg, err))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (g) {
		g->cfg = *cfg;
		g->key = hash_key_of(cfg->hash_key);
		g->sums = hash_sums_of(&g->key, 10);
		ports_reserve(g);
		if (reserve(g)) {
			g->fragments.refuse_new = cfg->mode == RPCGATE_ENFORCE;
			return g;
		}
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory for the configured limits");
	rpcgate_free(g);
	return NULL;
}

void rpcgate_free(struct rpcgate *gate)
{
	if (!gate)
		return;
	free(gate->events);
	admit_done(gate);
	ties_done(gate);
	bindings_done(gate);
	pinholes_done(gate);
	pool_done(&gate->calls);
	pool_done(&gate->contexts);
	pairs_done(&gate->pairs);
	pool_done(&gate->tunnels);
	pool_done(&gate->convs);
	pipes_done(&gate->pipes);
	talks_done(&gate->talks);
	datagrams_done(&gate->datagrams);
	fragments_done(&gate->fragments);
	flows_done(&gate->flows);
	ports_done(&gate->ports);
	arena_done(&gate->arena);
	free(gate);
}

void rpcgate_stats(const struct rpcgate *gate, struct rpcgate_stats *stats)
{
	*stats = gate->stats;
	stats->flows_live = gate->flows.pool.used;
	stats->datagrams_dropped += gate->fragments.dropped;
	stats->buffer_octets_used = gate->arena.used;
	stats->buffer_octets_peak = gate->arena.peak;
}

/* ------------------------------------------------------------------ end */

/* Events left free before a flow is ended: at least its own */
static size_t finish_room(const struct rpcgate *g)
{
	uint32_t half = g->cfg.max_events / 2;

	return !half ? 1 : half < FINISH_ROOM ? half : FINISH_ROOM;
}

struct rpcgate_result rpcgate_finish(struct rpcgate *gate)
{
	result_begin(gate);
	for (unsigned age = 0; age < FLOW_AGES; age++) {
		uint32_t index;

		while (event_room(gate, finish_room(gate)) &&
		       (index = flow_oldest(&gate->flows, age))) {
			if (gate->cfg.mode == RPCGATE_OBSERVE)
				segments_flush(gate, index);
			flow_end(gate, index, RPCGATE_FLOW_OPEN);
		}
	}
	fragments_expire(&gate->fragments, UINT64_MAX); /* what is missing will not come */
	pinholes_sweep_all(gate);
	return gate->result;
}
