/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.c - a policy's life, its settings, and what is held for others to ask */
#include <stdio.h>
#include <stdlib.h>

#include "policy.h"

void *growing_add(struct growing *list, size_t size)
{
	if (list->n == list->size) {
		uint32_t more = list->size ? list->size * 2 : 16;
		void *at = more > list->size ? realloc(list->at, more * size) : NULL;

		if (!at)
			return NULL;
		list->at = at;
		list->size = more;
	}
	memset((char *)list->at + list->n * size, 0, size);
	return (char *)list->at + list->n++ * size;
}

/* Offset 0 is the empty text, so that no text needs no second meaning */
uint32_t policy_keep(struct rpcgate_policy *policy, const char *text, size_t n)
{
	struct growing *pool = &policy->text;
	size_t start = pool->n ? pool->n : 1;
	size_t needed = start + n + 1;

	if (needed > pool->size) {
		size_t more = needed * 2;
		void *at = more < UINT32_MAX ? realloc(pool->at, more) : NULL;

		if (!at)
			return 0;
		pool->at = at;
		pool->size = (uint32_t)more;
		*(char *)at = '\0';
	}
	memcpy((char *)pool->at + start, text, n);
	((char *)pool->at)[start + n] = '\0';
	pool->n = (uint32_t)needed;
	return (uint32_t)start;
}

const char *policy_file(const struct rpcgate_policy *policy, const struct statement *s)
{
	return policy_string(policy, ((const uint32_t *)policy->files.at)[s->file]);
}

void rpcgate_policy_free(struct rpcgate_policy *policy)
{
	if (!policy)
		return;
	table_done(&policy->table);
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		free(policy->tuples[i].at);
	free(policy->held.at);
	free(policy->buckets.at);
	free(policy->files.at);
	free(policy->text.at);
	free(policy->hosts.at);
	free(policy->ranges.at);
	free(policy->statements.at);
	free(policy);
}

/* ------------------------------------------------------------------ settings */

bool rpcgate_policy_configure(const struct rpcgate_policy *policy, struct rpcgate_config *cfg,
			      char err[RPCGATE_ERROR_SIZE])
{
	struct rpcgate_config changed = *cfg;
	char why[RPCGATE_ERROR_SIZE];

	for (uint32_t i = 1; i <= policy->statements.n; i++) {
		const struct statement *s = STATEMENT(policy, i);

		if (s->kind != RPCGATE_STATEMENT_SET ||
		    rpcgate_config_set(&changed, policy_string(policy, s->key),
				       policy_string(policy, s->value), why))
			continue;
		snprintf(err, RPCGATE_ERROR_SIZE, "%.80s:%u: %.160s", policy_file(policy, s),
			 s->line, why);
		return false;
	}
	*cfg = changed;
	return true;
}

bool rpcgate_set_config(struct rpcgate *gate, const struct rpcgate_config *cfg)
{
	const struct rpcgate_config old = gate->cfg;
	struct rpcgate_config *now = &gate->cfg;

	if (!cfg->mapper_ports.n)
		return false;
	pinholes_mark_ports(gate, false);
	*now = *cfg;
	memcpy(now->hash_key, old.hash_key, sizeof(now->hash_key));
	now->max_flows = old.max_flows;
	now->max_pinholes = old.max_pinholes;
	now->max_pinholes_per_client = old.max_pinholes_per_client;
	now->max_pinholes_per_server = old.max_pinholes_per_server;
	now->max_bindings = old.max_bindings;
	now->max_interfaces = old.max_interfaces;
	now->max_towers = old.max_towers;
	now->max_lookup_entries = old.max_lookup_entries;
	now->max_stub = old.max_stub;
	now->max_contexts = old.max_contexts;
	now->max_calls = old.max_calls;
	now->max_island_octets = old.max_island_octets;
	now->max_datagrams = old.max_datagrams;
	now->max_udp_calls = old.max_udp_calls;
	now->max_udp_talks = old.max_udp_talks;
	now->max_pipes = old.max_pipes;
	now->buffer_octets = old.buffer_octets;
	now->max_events = old.max_events;
	gate->fragments.refuse_new = now->mode == RPCGATE_ENFORCE;
	pinholes_mark_ports(gate, true);
	ports_reserve(gate);
	return true;
}

void rpcgate_set_policy(struct rpcgate *gate, const struct rpcgate_policy *policy)
{
	gate->policy = policy;
}

bool rpcgate_policy_statement(const struct rpcgate_policy *policy, size_t i,
			      struct rpcgate_statement *out)
{
	const struct statement *s;

	if (i >= policy->statements.n)
		return false;
	s = STATEMENT(policy, (uint32_t)i + 1);
	*out = (struct rpcgate_statement){
		.kind = (enum rpcgate_statement_kind)s->kind,
		.line = s->line,
		.file = policy_file(policy, s),
		.name = s->name ? policy_string(policy, s->name) : NULL,
		.group = s->subject == SUBJECT_GROUP ? rpcgate_group_at(s->group) : NULL,
	};
	return true;
}

/* ---------------------------------------------------------------------- held */

static bool subject_has(const struct statement *s, const struct rpcgate_uuid *uuid)
{
	switch (s->subject) {
	case SUBJECT_UUID:
		return uuid_equal(&s->uuid, uuid);
	case SUBJECT_GROUP:
		return groups_of(uuid) >> s->group & 1;
	default:
		return true;
	}
}

/* The next held statement of a kind, from *i on */
static const struct statement *held_next(const struct rpcgate_policy *policy, uint32_t *i,
					 enum rpcgate_statement_kind kind)
{
	while (policy && *i < policy->held.n) {
		const uint32_t *held = policy->held.at;
		const struct statement *s = STATEMENT(policy, held[(*i)++]);

		if (s->kind == kind)
			return s;
	}
	return NULL;
}

bool policy_sealed(const struct rpcgate_policy *policy, enum sealed *what)
{
	uint32_t i = 0;
	const struct statement *s = held_next(policy, &i, RPCGATE_STATEMENT_SEALED);

	if (s)
		*what = (enum sealed)s->sealed;
	return s != NULL;
}

bool policy_hint(const struct rpcgate_policy *policy, const struct rpcgate_uuid *uuid)
{
	const struct statement *s;
	uint32_t i = 0;

	while ((s = held_next(policy, &i, RPCGATE_STATEMENT_SEALED)))
		if (s->sealed == SEALED_HINT && s->subject == SUBJECT_GROUP && subject_has(s, uuid))
			return true;
	return false;
}

const struct statement *policy_callback(const struct rpcgate_policy *policy,
					const struct rpcgate_uuid *uuid,
					const struct rpcgate_addr *client,
					const struct rpcgate_addr *server)
{
	const struct statement *s;
	uint32_t i = 0;

	while ((s = held_next(policy, &i, RPCGATE_STATEMENT_CALLBACK)))
		if ((!uuid || subject_has(s, uuid)) && net_has(&s->from, client) &&
		    net_has(&s->to, server))
			return s;
	return NULL;
}

/* ------------------------------------------------------------------ openings */

/* The first and the last address of a network */
static void net_ends(const struct net *net, bool ipv6, struct rpcgate_addr *first,
		     struct rpcgate_addr *last)
{
	static const struct rpcgate_addr any[] = { { { [10] = 0xff, [11] = 0xff } }, { { 0 } } };
	unsigned bits = net->given ? net->bits : ipv6 ? 0 : 96;

	*first = net->given ? net->addr : any[ipv6];
	*last = *first;
	for (unsigned i = bits; i < 128; i++) {
		first->octet[i / 8] &= (uint8_t) ~(0x80U >> i % 8);
		last->octet[i / 8] |= (uint8_t)(0x80U >> i % 8);
	}
}

/* IPv6 networks may be written so that IPv4 addresses, which are held inside them, are meant not */
static bool net_has_family(const struct net *net, bool ipv6)
{
	if (!net->given)
		return true;
	return ipv6 ? !rpcgate_addr_is_ipv4(&net->addr) : rpcgate_addr_is_ipv4(&net->addr);
}

bool rpcgate_policy_opening(const struct rpcgate_policy *policy, size_t i,
			    struct rpcgate_opening *out)
{
	const struct statement *s;
	uint32_t held = 0;

	while ((s = held_next(policy, &held, RPCGATE_STATEMENT_STATIC)))
		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			if (!net_has_family(&s->from, ipv6) || !net_has_family(&s->to, ipv6))
				continue;
			if (i >= s->n_ports) {
				i -= s->n_ports;
				continue;
			}
			net_ends(&s->from, ipv6, &out->client_first, &out->client_last);
			net_ends(&s->to, ipv6, &out->server_first, &out->server_last);
			out->ports = *policy_range(policy, s->ports + (uint32_t)i);
			return true;
		}
	return false;
}

/* Names match exactly but for case (RPC over HTTP security: ValidPorts) */
static bool valid_port_has(const struct rpcgate_policy *policy, const struct valid_port *v,
			   const char *host, size_t n, uint16_t port)
{
	const char *name = policy_string(policy, v->host);
	size_t len = strlen(name);

	return port >= v->range.first && port <= v->range.last &&
	       (v->prefix ? n >= len && word_equal(name, len, host, len) :
			    word_equal(name, len, host, n));
}

bool policy_port_invalid(const struct rpcgate_policy *policy, const char *host, size_t n,
			 uint16_t port)
{
	const struct statement *s;
	bool listed = false;
	uint32_t i = 0;

	while ((s = held_next(policy, &i, RPCGATE_STATEMENT_VALID_PORTS))) {
		const struct valid_port *v = (const struct valid_port *)policy->hosts.at + s->hosts;

		listed = true;
		for (uint32_t k = 0; k < s->n_hosts; k++)
			if (valid_port_has(policy, &v[k], host, n, port))
				return false;
	}
	return listed;
}
