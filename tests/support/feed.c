/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void feed_config(struct rpcgate_config *cfg)
{
	rpcgate_config_default(cfg);
	memset(cfg->hash_key, 0x5a, sizeof(cfg->hash_key));
	cfg->max_flows = 4096;
	cfg->max_pinholes = 4096;
	cfg->max_bindings = 4096;
	cfg->max_datagrams = 256;
	cfg->max_udp_calls = 256;
	cfg->max_udp_talks = 256;
	cfg->buffer_octets = 8U << 20;
}

static void keep(struct outcome *out, const struct rpcgate_result *r, size_t packet)
{
	for (size_t i = 0; i < r->n_events; i++) {
		if (out->n == out->size) {
			out->size = out->size ? out->size * 2 : 64;
			out->at = realloc(out->at, out->size * sizeof(*out->at));
			if (!out->at)
				abort();
		}
		out->at[out->n].event = r->events[i];
		out->at[out->n++].packet = packet;
	}
}

static void feed(const struct rpcgate_config *cfg, const struct rpcgate_policy *policy,
		 const struct packets *list, size_t n, struct outcome *out)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate = rpcgate_new(cfg, err);
	struct rpcgate_result r;

	if (!gate) {
		fprintf(stderr, "no engine: %s\n", err);
		abort();
	}
	rpcgate_set_policy(gate, policy);
	*out = (struct outcome){ .n_packets = n };
	out->action = calloc(n + 1, 1);
	out->reason = calloc(n + 1, 1);
	if (!out->action || !out->reason)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct rpcgate_packet p = packets_get(list, i);

		r = rpcgate_feed(gate, &p);
		out->action[i] = (uint8_t)r.action;
		out->reason[i] = (uint8_t)r.reason;
		keep(out, &r, i);
	}
	do {
		r = rpcgate_finish(gate);
		keep(out, &r, n);
	} while (r.n_events);
	rpcgate_stats(gate, &out->stats);
	rpcgate_free(gate);
}

void feed_prefix(const struct rpcgate_config *cfg, const struct packets *list, size_t n,
		 struct outcome *out)
{
	feed(cfg, NULL, list, n, out);
}

void feed_judged(const struct rpcgate_config *cfg, const struct rpcgate_policy *policy,
		 const struct packets *list, struct outcome *out)
{
	feed(cfg, policy, list, list->n, out);
}

void feed_packets(const struct rpcgate_config *cfg, const struct packets *list, struct outcome *out)
{
	feed(cfg, NULL, list, list->n, out);
}

void outcome_free(struct outcome *out)
{
	free(out->at);
	free(out->action);
	free(out->reason);
	*out = (struct outcome){ 0 };
}

/* -------------------------------------------------------------------- facts */

static void ends_and_interface(char *text, size_t size, const struct rpcgate_addr *client,
			       const struct rpcgate_addr *server, uint16_t port,
			       const struct rpcgate_syntax *iface)
{
	char c[RPCGATE_ADDR_TEXT], s[RPCGATE_ADDR_TEXT], u[RPCGATE_UUID_TEXT];

	(void)snprintf(text, size, "%s -> %s port %u %s %u.%u", rpcgate_addr_format(client, c),
		       rpcgate_addr_format(server, s), port, rpcgate_uuid_format(&iface->uuid, u),
		       iface->major, iface->minor);
}

static void binding_line(const struct rpcgate_event *e, char line[FACT_SIZE])
{
	static const char *const source[] = { "ept_map", "ept_lookup", "oxid", "activation" };
	const struct rpcgate_binding_event *b = &e->u.binding;
	char text[160];

	ends_and_interface(text, sizeof(text), &e->src, &b->server, b->port, &b->interface);
	(void)snprintf(line, FACT_SIZE, "binding %s %s %s %s %s", text, source[b->source],
		       rpcgate_protseq_name(b->protseq), b->accepted ? "accepted" : "refused",
		       rpcgate_reason_name(b->reason));
}

static void bind_line(const struct rpcgate_event *e, char line[FACT_SIZE])
{
	static const char *const verdict[] = { "allow", "log", "deny" };
	const struct rpcgate_bind_event *b = &e->u.bind;
	char text[160];

	ends_and_interface(text, sizeof(text), &e->src, &e->dest, e->dest_port, &b->interface);
	(void)snprintf(line, FACT_SIZE,
		       "bind %s %s context %u call %u syntaxes %u auth %u/%u %s %s", text,
		       b->pdu == RPCGATE_PDU_BIND ? "bind" : "alter", b->context_id, b->call_id,
		       b->n_transfer, b->auth_type, b->auth_level, verdict[b->verdict],
		       rpcgate_reason_name(b->reason));
}

static char *add_line(struct facts *facts)
{
	if (facts->n == facts->size) {
		facts->size = facts->size ? facts->size * 2 : 32;
		facts->line = realloc(facts->line, facts->size * sizeof(*facts->line));
		if (!facts->line)
			abort();
	}
	return facts->line[facts->n++];
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

void facts_of(const struct outcome *out, enum fact_kind kind, struct facts *facts)
{
	*facts = (struct facts){ 0 };
	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		if (e->type == RPCGATE_EVENT_BINDING &&
		    (kind == FACTS_ALL || e->u.binding.accepted))
			binding_line(e, add_line(facts));
		else if (e->type == RPCGATE_EVENT_BIND &&
			 (kind == FACTS_ALL || e->u.bind.verdict != RPCGATE_DENY))
			bind_line(e, add_line(facts));
	}
	if (facts->n)
		qsort(facts->line, facts->n, sizeof(*facts->line), by_text);
}

void facts_free(struct facts *facts)
{
	free(facts->line);
	*facts = (struct facts){ 0 };
}

static bool found(char text[FACT_SIZE], char sign, const char *line)
{
	(void)snprintf(text, FACT_SIZE, "%c %.*s", sign, FACT_SIZE - 3, line);
	return true;
}

bool facts_differ(const struct facts *a, const struct facts *b, char text[FACT_SIZE])
{
	size_t n = a->n > b->n ? a->n : b->n;

	for (size_t i = 0; i < n; i++) {
		int order = i >= a->n ? 1 : i >= b->n ? -1 : strcmp(a->line[i], b->line[i]);

		if (order)
			return order < 0 ? found(text, '-', a->line[i]) :
					   found(text, '+', b->line[i]);
	}
	return false;
}

bool facts_exceed(const struct facts *part, const struct facts *whole, char text[FACT_SIZE])
{
	size_t k = 0;

	for (size_t i = 0; i < part->n; i++, k++) {
		while (k < whole->n && strcmp(whole->line[k], part->line[i]) < 0)
			k++;
		if (k == whole->n || strcmp(whole->line[k], part->line[i]) != 0)
			return found(text, '+', part->line[i]);
	}
	return false;
}
