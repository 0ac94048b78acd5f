/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPENED 1024

/* Permission for one client: what a pinhole is */
struct opened {
	uint32_t zone;
	uint16_t port;
	struct rpcgate_addr client, server;
	struct rpcgate_uuid uuid;
	uint16_t major;
};

struct watch {
	struct rpcgate *gate;
	struct rpcgate_config cfg;
	struct opened opened[MAX_OPENED];
	size_t n_opened;
	uint64_t packets, events, lost; /* lost: as counted before this step */
	uint64_t binds, bindings, accepted, opens, refreshes;
};

static void must(bool kept, const char *promise)
{
	if (kept)
		return;
	fprintf(stderr, "promise broken: %s\n", promise);
	abort();
}

void watch_config(struct rpcgate_config *cfg)
{
	rpcgate_config_default(cfg);
	cfg->max_flows = 16;
	cfg->max_pinholes = 16;
	cfg->max_pinholes_per_client = 8;
	cfg->max_bindings = 16;
	cfg->max_interfaces = 4;
	cfg->max_datagrams = 4;
	cfg->max_udp_calls = 4;
	cfg->max_udp_talks = 4;
	cfg->max_pipes = 8;
	cfg->buffer_octets = 2U << 20;
	cfg->max_events = 256;
}

struct watch *watch_new(const struct rpcgate_config *cfg)
{
	struct watch *w = calloc(1, sizeof(*w));
	char err[RPCGATE_ERROR_SIZE] = "no memory";

	if (w) {
		w->cfg = *cfg;
		w->gate = rpcgate_new(cfg, err);
	}
	if (!w || !w->gate) {
		fprintf(stderr, "no engine: %s\n", err);
		abort();
	}
	return w;
}

static struct opened key_of(const struct rpcgate_event *e, const struct rpcgate_syntax *interface,
			    uint16_t port)
{
	struct opened key;

	memset(&key, 0, sizeof(key)); /* padding too: keys are compared as octets */
	key.zone = e->zone;
	key.port = port;
	key.client = e->src;
	key.server = e->dest;
	key.uuid = interface->uuid;
	key.major = interface->major;
	return key;
}

/* Beyond what can be remembered everything counts as known. */
static bool was_opened(const struct watch *w, const struct opened *key)
{
	for (size_t i = 0; i < w->n_opened; i++)
		if (memcmp(&w->opened[i], key, sizeof(*key)) == 0)
			return true;
	return w->n_opened == MAX_OPENED;
}

static bool announced(const struct rpcgate_result *r, const struct opened *key)
{
	for (size_t i = 0; i < r->n_events; i++) {
		const struct rpcgate_event *e = &r->events[i];
		struct opened other;

		if (e->type != RPCGATE_EVENT_BINDING || !e->u.binding.accepted)
			continue;
		other = key_of(e, &e->u.binding.interface, e->u.binding.port);
		if (memcmp(&other, key, sizeof(other)) == 0)
			return true;
	}
	return false;
}

static void check_pinhole(struct watch *w, const struct rpcgate_result *r,
			  const struct rpcgate_event *e, bool lost)
{
	const struct rpcgate_pinhole_event *p = &e->u.pinhole;
	struct opened key = key_of(e, &p->interface, p->port);

	w->refreshes += p->action == RPCGATE_PINHOLE_REFRESH;
	if (p->action != RPCGATE_PINHOLE_OPEN)
		return;
	w->opens++;
	must(lost || announced(r, &key), "what opens was announced in the same step");
	must(p->port >= 1024 && p->id, "what opens is a usable port");
	must(p->source == RPCGATE_EPT_MAP || w->cfg.lookup == RPCGATE_LOOKUP_GRANT,
	     "a listing opens nothing unless configured");
	if (!was_opened(w, &key))
		w->opened[w->n_opened++] = key;
}

static void check_binding(struct watch *w, const struct rpcgate_event *e)
{
	const struct rpcgate_binding_event *b = &e->u.binding;
	struct opened key = key_of(e, &b->interface, b->port);

	w->bindings++;
	w->accepted += b->accepted;
	must(b->accepted == (b->reason == RPCGATE_REASON_NONE), "a refusal has a reason");
	must(!b->accepted || was_opened(w, &key), "what is accepted is open");
	must(b->annotation_len <= RPCGATE_ANNOTATION_MAX && b->endpoint_len <= RPCGATE_ENDPOINT_MAX,
	     "texts fit");
}

static void check_bind(struct watch *w, const struct rpcgate_event *e)
{
	const struct rpcgate_bind_event *b = &e->u.bind;
	struct opened key = key_of(e, &b->interface, e->dest_port);

	w->binds++;
	if (b->verdict == RPCGATE_ALLOW && b->reason == RPCGATE_REASON_LEARNED)
		must(was_opened(w, &key), "what is allowed as learned was opened");
	must(b->verdict != RPCGATE_ALLOW || b->reason != RPCGATE_REASON_NONE,
	     "what is allowed has a reason");
	must(b->pdu != RPCGATE_PDU_REQUEST || b->verdict == RPCGATE_DENY || b->rule_line,
	     "over UDP a rule asks for what is allowed");
}

static void check(struct watch *w, const struct rpcgate_result *r)
{
	struct rpcgate_stats stats;
	bool lost;

	rpcgate_stats(w->gate, &stats);
	lost = stats.events_lost != w->lost;
	w->lost = stats.events_lost;
	must(r->n_events <= w->cfg.max_events, "events fit");
	must(r->action <= RPCGATE_REJECT, "an action is to pass, drop or reject");
	must(w->cfg.mode == RPCGATE_ENFORCE || r->action == RPCGATE_PASS,
	     "observing, everything passes");
	must(r->reason < RPCGATE_REASON_COUNT, "a reason is of the list");
	for (size_t i = 0; i < r->n_events; i++)
		if (r->events[i].type == RPCGATE_EVENT_PINHOLE)
			check_pinhole(w, r, &r->events[i], lost);
	for (size_t i = 0; i < r->n_events; i++) {
		const struct rpcgate_event *e = &r->events[i];

		must(e->type <= RPCGATE_EVENT_PIPE &&
			     e->flow_id <= stats.flows + stats.pdus_udp + stats.udp_judged,
		     "events are whole");
		if (e->type == RPCGATE_EVENT_BINDING)
			check_binding(w, e);
		else if (e->type == RPCGATE_EVENT_BIND)
			check_bind(w, e);
	}
	w->events += r->n_events;
}

void watch_policy(struct watch *w, const struct rpcgate_policy *policy)
{
	rpcgate_set_policy(w->gate, policy);
}

enum rpcgate_action watch_feed(struct watch *w, const struct rpcgate_packet *packet)
{
	struct rpcgate_result r = rpcgate_feed(w->gate, packet);

	w->packets++;
	must(r.l3_offset <= packet->caplen, "the IP header is in the packet");
	check(w, &r);
	return r.action;
}

void watch_tick(struct watch *w, uint64_t now_ns)
{
	struct rpcgate_result r = rpcgate_tick(w->gate, now_ns);

	check(w, &r);
}

static void check_sums(const struct watch *w)
{
	struct rpcgate_stats s;

	rpcgate_stats(w->gate, &s);
	must(s.packets == w->packets, "every packet was counted");
	must(s.events == w->events, "every event was counted");
	must(s.flows_live == 0, "no flow is left");
	must(s.buffer_octets_used == 0, "no octet is held");
	must(s.bindings_accepted <= s.bindings, "what is accepted was announced");
	if (s.events_lost)
		return;
	must(s.bindings == w->bindings && s.bindings_accepted == w->accepted,
	     "every announcement was told");
	must(s.pinholes_opened == w->opens && s.pinholes_refreshed == w->refreshes,
	     "every opening was told");
	must(s.binds_allowed + s.binds_logged + s.binds_denied == w->binds,
	     "every judged context was told");
}

void watch_end(struct watch *w)
{
	struct rpcgate_result r;

	do {
		r = rpcgate_finish(w->gate);
		check(w, &r);
	} while (r.n_events);
	check_sums(w);
	rpcgate_free(w->gate);
	free(w);
}
