/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest_seen.c - events become rows, rows become rules */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "words.h"

/* A hole in a key would be compared, and hold anything. */
_Static_assert(sizeof(struct seen_key) == 16 + 16 + 16 + 2 + 2 + 2 + 2 + 2, "hole in a key");
_Static_assert(sizeof(struct clash_key) == 16 + 16 + 2 + 2 + 2, "hole in a key");
_Static_assert(sizeof(struct opened_key) == 16 + 16 + 16 + 2 + 2, "hole in a key");

/* Where a client heard of an interface on a port */
struct told {
	struct opened_key key;
	unsigned int sources;
};

void suggestion_init(struct suggestion *s)
{
	*s = (struct suggestion){ 0 };
	s->seen = (struct rows){ .size = sizeof(struct seen), .key = sizeof(struct seen_key) };
	s->told = (struct rows){ .size = sizeof(struct told), .key = sizeof(struct opened_key) };
	s->clashes = (struct rows){ .size = sizeof(struct clash), .key = sizeof(struct clash_key) };
	suggestion_time_init(s);
}

void suggestion_free(struct suggestion *s)
{
	rows_free(&s->seen);
	rows_free(&s->told);
	rows_free(&s->clashes);
	rows_free(&s->opened);
	rows_free(&s->ports);
	free(s->spans);
	free(s->gaps);
	free(s->rules);
}

/* --------------------------------------------------------------- taking events */

static void note_time(struct suggestion *s, uint64_t ns)
{
	if (!s->first_ns || ns < s->first_ns)
		s->first_ns = ns;
	if (ns > s->last_ns)
		s->last_ns = ns;
}

static struct told *told_of(struct suggestion *s, const struct rpcgate_addr *client,
			    const struct rpcgate_addr *server, uint16_t port,
			    const struct rpcgate_syntax *id)
{
	struct told probe = { 0 };

	probe.key.client = *client;
	probe.key.server = *server;
	probe.key.uuid = id->uuid;
	probe.key.major = id->major;
	probe.key.port = port;
	return rows_get(&s->told, &probe);
}

static void take_pinhole(struct suggestion *s, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct told *told;

	suggestion_pinhole(s, event);
	if (p->action != RPCGATE_PINHOLE_OPEN && p->action != RPCGATE_PINHOLE_REFRESH)
		return;
	if (!s->ttl_s || p->ttl_s < s->ttl_s)
		s->ttl_s = p->ttl_s;
	told = told_of(s, &p->client, &p->server, p->port, &p->interface);
	if (told)
		told->sources |= 1U << p->source;
}

static void take_binding(struct suggestion *s, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	struct clash probe = { 0 };
	struct clash *clash;

	s->listed += b->source == RPCGATE_EPT_LOOKUP && b->reason == RPCGATE_REASON_LOOKUP_ONLY;
	if (b->reason != RPCGATE_REASON_PORT_RESERVED &&
	    b->reason != RPCGATE_REASON_PORT_OUT_OF_RANGE)
		return;
	probe.key.server = b->server;
	probe.key.uuid = b->interface.uuid;
	probe.key.major = b->interface.major;
	probe.key.port = b->port;
	probe.key.reason = (uint16_t)b->reason;
	clash = rows_get(&s->clashes, &probe);
	if (clash)
		clash->count++;
}

/* A callback passes because of a rule about something else: no rule of these would do */
static enum seen_kind kind_of(const struct rpcgate_bind_event *b)
{
	if (b->verdict == RPCGATE_DENY || b->reason == RPCGATE_REASON_CALLBACK)
		return SEEN_REFUSED;
	if (b->reason == RPCGATE_REASON_MAPPER)
		return SEEN_MAPPER;
	return b->reason == RPCGATE_REASON_STATIC ? SEEN_STATIC : SEEN_LEARNED;
}

static void take_bind(struct suggestion *s, const struct rpcgate_event *event)
{
	const struct rpcgate_bind_event *b = &event->u.bind;
	enum seen_kind kind = kind_of(b);
	struct seen probe = { 0 };
	struct seen *row;

	note_time(s, event->time_ns);
	probe.key.server = event->dest;
	probe.key.uuid = b->interface.uuid;
	probe.key.client = event->src;
	probe.key.major = b->interface.major;
	probe.key.port = event->dest_port;
	probe.key.kind = (uint16_t)kind;
	probe.key.reason = kind == SEEN_REFUSED ? (uint16_t)b->reason : 0;
	probe.key.udp = b->pdu == RPCGATE_PDU_REQUEST;
	row = rows_get(&s->seen, &probe);
	if (!row)
		return;
	if (!row->count++)
		row->first_ns = row->last_ns = event->time_ns;
	if (event->time_ns < row->first_ns)
		row->first_ns = event->time_ns;
	if (event->time_ns > row->last_ns)
		row->last_ns = event->time_ns;
	if (kind != SEEN_LEARNED)
		return;
	if (b->has_age && b->reason != RPCGATE_REASON_RECONNECT)
		suggestion_gap(s, b->age_ns);
	else if (b->reason == RPCGATE_REASON_RULE_ALLOW)
		s->late_use = true;
	if (b->has_age) {
		const struct told *told =
			told_of(s, &event->src, &event->dest, event->dest_port, &b->interface);

		row->sources |= told ? told->sources : 0;
	}
}

static void take_alert(struct suggestion *s, const struct rpcgate_event *event)
{
	s->sealed += event->u.alert.reason == RPCGATE_REASON_SEALED;
	s->holes += event->u.alert.reason == RPCGATE_REASON_REASSEMBLY_GAP;
}

static void take_flow(struct suggestion *s, const struct rpcgate_event *event)
{
	s->midstream += event->u.flow.midstream;
}

static void take_pipe(struct suggestion *s, const struct rpcgate_event *event)
{
	(void)event;
	s->pipes++;
}

void suggestion_event(void *ctx, const struct rpcgate_event *event,
		      const struct source_place *place)
{
	static void (*const take[])(struct suggestion *, const struct rpcgate_event *) = {
		[RPCGATE_EVENT_BINDING] = take_binding, [RPCGATE_EVENT_PINHOLE] = take_pinhole,
		[RPCGATE_EVENT_BIND] = take_bind,       [RPCGATE_EVENT_ALERT] = take_alert,
		[RPCGATE_EVENT_FLOW] = take_flow,       [RPCGATE_EVENT_PIPE] = take_pipe,
	};

	(void)place;
	if ((size_t)event->type < sizeof(take) / sizeof(take[0]) && take[event->type])
		take[event->type](ctx, event);
}

/* ---------------------------------------------------------------- rows to rules */

static struct rpcgate_syntax id_of(const struct seen *row)
{
	return (struct rpcgate_syntax){ row->key.uuid, row->key.major, 0 };
}

static int compare_names(const struct seen *a, const struct seen *b)
{
	struct rpcgate_syntax x = id_of(a), y = id_of(b);
	char left[RULE_INTERFACE], right[RULE_INTERFACE];

	if (memcmp(&x.uuid, &y.uuid, sizeof(x.uuid)) == 0 && x.major == y.major)
		return 0;
	return strcmp(rule_interface(&x, left), rule_interface(&y, right));
}

/* Rows of one port stand together where the rule names the port */
static bool names_port(enum seen_kind kind)
{
	return kind == SEEN_STATIC || kind == SEEN_REFUSED;
}

/* What makes a group: everything but the client, and the port where it is not named */
static int group_order(const struct seen *a, const struct seen *b)
{
	int order = (int)a->key.kind - (int)b->key.kind;

	if (!order)
		order = (int)a->key.udp - (int)b->key.udp;
	if (!order)
		order = memcmp(&a->key.server, &b->key.server, sizeof(a->key.server));
	if (!order)
		order = compare_names(a, b);
	if (!order && names_port((enum seen_kind)a->key.kind))
		order = (int)a->key.port - (int)b->key.port;
	return order ? order : (int)a->key.reason - (int)b->key.reason;
}

static int seen_order(const void *left, const void *right)
{
	const struct seen *a = *(struct seen *const *)left;
	const struct seen *b = *(struct seen *const *)right;
	int order = group_order(a, b);

	if (!order)
		order = memcmp(&a->key.client, &b->key.client, sizeof(a->key.client));
	return order ? order : (int)a->key.port - (int)b->key.port;
}

static bool same_client(const struct seen *a, const struct seen *b)
{
	return memcmp(&a->key.client, &b->key.client, sizeof(a->key.client)) == 0;
}

static size_t clients_in(struct seen *const *rows, size_t n)
{
	size_t clients = n > 0;

	for (size_t i = 1; i < n; i++)
		clients += !same_client(rows[i - 1], rows[i]);
	return clients;
}

/* A rule for rows of one group */
static void add_rule(struct suggestion *s, size_t group, struct seen *const *rows, size_t n)
{
	struct rule *rule = &s->rules[s->n_rules++];

	*rule = (struct rule){
		.kind = (enum seen_kind)rows[0]->key.kind,
		.id = id_of(rows[0]),
		.server = rows[0]->key.server,
		.from = rule_net_of(&rows[0]->key.client),
		.port = names_port((enum seen_kind)rows[0]->key.kind) ? rows[0]->key.port : 0,
		.udp = rows[0]->key.udp,
		.reason = (enum rpcgate_reason)rows[0]->key.reason,
		.group = group,
		.n_clients = clients_in(rows, n),
		.first_ns = rows[0]->first_ns,
		.rows = rows,
		.n_rows = n,
	};
	for (size_t i = 0; i < n; i++) {
		rule->from = rule_net_join(&rule->from, &rows[i]->key.client);
		rule->count += rows[i]->count;
		rule->sources |= rows[i]->sources;
		if (rows[i]->first_ns < rule->first_ns)
			rule->first_ns = rows[i]->first_ns;
		if (rows[i]->last_ns > rule->last_ns)
			rule->last_ns = rows[i]->last_ns;
	}
}

static bool same_family(const struct seen *a, const struct seen *b)
{
	return rpcgate_addr_is_ipv4(&a->key.client) == rpcgate_addr_is_ipv4(&b->key.client);
}

/* Few clients get a rule each, many share one */
static void add_group(struct suggestion *s, size_t group, struct seen *const *rows, size_t n)
{
	size_t from = 0;

	if (clients_in(rows, n) > SUGGEST_SINGLE_MAX) {
		add_rule(s, group, rows, n);
		return;
	}
	for (size_t i = 1; i <= n; i++) {
		if (i < n && same_client(rows[i - 1], rows[i]))
			continue;
		add_rule(s, group, rows + from, i - from);
		from = i;
	}
}

bool suggestion_finish(struct suggestion *s)
{
	struct seen *const *rows;
	size_t from = 0, group = 0;

	s->incomplete = s->incomplete || s->seen.lost || s->told.lost || s->clashes.lost ||
			s->opened.lost || s->ports.lost;
	rows_sort(&s->seen, seen_order);
	rows = (struct seen *const *)s->seen.all;
	s->rules = calloc(s->seen.n + 1, sizeof(*s->rules));
	if (!s->rules)
		return false;
	for (size_t i = 1; i <= s->seen.n; i++) {
		if (i < s->seen.n && group_order(rows[i - 1], rows[i]) == 0 &&
		    same_family(rows[i - 1], rows[i]))
			continue;
		add_group(s, group++, rows + from, i - from);
		from = i;
	}
	return true;
}

/* ------------------------------------------------------------------------ words */

bool suggestion_is_liftable(const struct rule *rule)
{
	static const enum rpcgate_reason reasons[] = {
		RPCGATE_REASON_NO_PINHOLE,       RPCGATE_REASON_PINHOLE_EXPIRED,
		RPCGATE_REASON_OTHER_CLIENT,     RPCGATE_REASON_UUID_NOT_GRANTED,
		RPCGATE_REASON_VERSION_MISMATCH, RPCGATE_REASON_ALTER_CONTEXT_DENIED,
		RPCGATE_REASON_LOOKUP_ONLY,      RPCGATE_REASON_MAPPER_UNLISTED,
	};

	if (rule->kind != SEEN_REFUSED)
		return true;
	if (rule->udp)
		return false; /* static rules are about TCP */
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i] == rule->reason)
			return true;
	return false;
}

bool suggestion_in_force(const struct suggestion *s, const struct rule *rule)
{
	return rule->kind != SEEN_REFUSED || (s->unannounced && suggestion_is_liftable(rule));
}

const char *suggestion_moment(uint64_t ns, char text[32])
{
	char moment[WORDS_TIME];

	words_moment(ns, "%Y-%m-%d %H:%M:%S", moment);
	*strrchr(moment, '.') = '\0';
	snprintf(text, 32, "%s", moment);
	return text;
}

const char *suggestion_evidence(const struct rule *rule, char text[SUGGEST_EVIDENCE])
{
	char number[WORDS_NUMBER];
	char first[32], last[32];

	suggestion_moment(rule->first_ns, first);
	suggestion_moment(rule->last_ns, last);
	snprintf(text, SUGGEST_EVIDENCE, "%s bind%s, %s%s%s", words_number(rule->count, number),
		 rule->count == 1 ? "" : "s", first, strcmp(first, last) ? " to " : "",
		 strcmp(first, last) ? last : "");
	return text;
}

const char *suggestion_rule(const struct rule *rule, char text[RULE_TEXT])
{
	rule_write(rule->udp ? 0 : rule->port, &rule->id, &rule->from, &rule->server, text);
	return rule->udp ? rule_over_udp(text) : text;
}

void suggestion_ports(const struct rule *rule, const char *between, size_t most, FILE *out)
{
	uint64_t seen[(UINT16_MAX + 1) / 64] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < rule->n_rows; i++)
		seen[rule->rows[i]->key.port / 64] |= UINT64_C(1) << rule->rows[i]->key.port % 64;
	for (unsigned int port = 0; port <= UINT16_MAX; port++) {
		if (!seen[port / 64])
			port |= 63; /* there are thousands of rules, and few ports in each */
		if (!(seen[port / 64] >> port % 64 & 1))
			continue;
		if (n++ < most)
			fprintf(out, "%s%u", n > 1 ? between : "", port);
	}
	if (n > most)
		fprintf(out, "%sand %zu more", between, n - most);
}

void suggestion_sources(unsigned int sources, const char *between, FILE *out)
{
	static const char *const names[] = {
		[RPCGATE_EPT_MAP] = "ept_map",
		[RPCGATE_EPT_LOOKUP] = "ept_lookup",
		[RPCGATE_OXID] = "oxid",
		[RPCGATE_ACTIVATION] = "activation",
	};
	bool first = true;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(sources >> i & 1))
			continue;
		fprintf(out, "%s%s", first ? "" : between, names[i]);
		first = false;
	}
}
