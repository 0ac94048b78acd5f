/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_fill.c - events, counters and a daemon's answers become rows */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "top_columns.h"
#include "top_model.h"
#include "words.h"

#define NS_PER_S UINT64_C(1000000000)
#define LEAST_SPAN_NS UINT64_C(10000000) /* between counters, for a rate */
#define RATE_MAX 1e18
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PTYPE_BIND 11
#define PTYPE_ALTER 14
#define UDP 17

static const char *const source_words[] = {
	[RPCGATE_EPT_MAP] = "ept_map",
	[RPCGATE_EPT_LOOKUP] = "ept_lookup",
	[RPCGATE_OXID] = "oxid",
	[RPCGATE_ACTIVATION] = "activation",
};

static const char *const action_words[] = {
	[RPCGATE_PASS] = "pass",
	[RPCGATE_DROP] = "drop",
	[RPCGATE_REJECT] = "reject",
	[RPCGATE_NONE] = "none",
};

/* ------------------------------------------------------------------------ cells */

static void set_addr(struct top_row *row, size_t column, const struct rpcgate_addr *addr)
{
	char text[RPCGATE_ADDR_TEXT];

	top_cell_set(row, column, rpcgate_addr_format(addr, text));
}

static void set_endpoint(struct top_row *row, size_t column, const struct rpcgate_addr *addr,
			 uint16_t port)
{
	char text[WORDS_ENDPOINT];

	/* where a transport has no ports there is none to show */
	top_cell_set(row, column,
		     port ? words_endpoint(addr, port, text) : rpcgate_addr_format(addr, text));
}

static void set_interface(struct top_row *row, size_t column, size_t uuid_column,
			  const struct rpcgate_syntax *id)
{
	char uuid[RPCGATE_UUID_TEXT];
	char text[WORDS_INTERFACE];

	top_cell_set(row, column, words_interface(id, text));
	top_cell_set(row, uuid_column, rpcgate_uuid_format(&id->uuid, uuid));
}

static void set_hosts(struct top_row *row, const struct rpcgate_addr *client,
		      const struct rpcgate_addr *server, uint16_t port)
{
	row->has_client = client != NULL;
	row->has_server = true;
	if (client)
		row->client = *client;
	row->server = *server;
	row->port = port;
}

static void count(struct top_row *row, size_t column)
{
	struct top_cell *cell = &row->cell[column];

	cell->number = cell->number == TOP_UNKNOWN ? 1 : cell->number + 1;
}

/* --------------------------------------------------------------------- pinholes */

struct opening {
	uint64_t id;
	struct rpcgate_addr client, server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint64_t until_ns, uses;
	const char *source, *proto;
};

static void pinhole_key(uint64_t id, const struct rpcgate_syntax *interface, char key[TOP_KEY])
{
	char uuid[RPCGATE_UUID_TEXT];

	snprintf(key, TOP_KEY, "%" PRIu64 " %s %u", id, rpcgate_uuid_format(&interface->uuid, uuid),
		 interface->major);
}

static void set_pinhole(struct top_row *row, const struct opening *o)
{
	set_hosts(row, &o->client, &o->server, o->port);
	row->id = o->id;
	set_addr(row, PINHOLE_CLIENT, &o->client);
	set_endpoint(row, PINHOLE_SERVER, &o->server, o->port);
	set_interface(row, PINHOLE_INTERFACE, PINHOLE_UUID, &o->interface);
	top_cell_set(row, PINHOLE_SOURCE, o->source);
	top_cell_set(row, PINHOLE_PROTO, o->proto);
	row->cell[PINHOLE_LEFT].number = o->until_ns;
	row->cell[PINHOLE_USES].number = o->uses;
	row->cell[PINHOLE_ID].number = o->id;
}

static void take_pinhole(struct top_model *model, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct top_table *table = &model->table[TOP_PINHOLES];
	const struct opening o = {
		p->id,
		p->client,
		p->server,
		p->interface,
		p->port,
		p->until_ns,
		p->uses,
		source_words[p->source],
		p->proto == UDP ? "UDP" : "TCP",
	};
	char key[TOP_KEY];
	struct top_row *row;

	if (model->live || p->action == RPCGATE_PINHOLE_REFUSE)
		return;
	pinhole_key(p->id, &p->interface, key);
	if (p->action > RPCGATE_PINHOLE_USE) {
		row = top_row_find(table, key);
		if (row)
			top_row_remove(table, row);
		return;
	}
	row = top_row_get(table, key);
	if (row)
		set_pinhole(row, &o);
}

/* --------------------------------------------------------------------- services */

static void service_key(const struct rpcgate_addr *server, uint16_t port,
			const struct rpcgate_syntax *id, char key[TOP_KEY])
{
	char endpoint[WORDS_ENDPOINT];
	char uuid[RPCGATE_UUID_TEXT];

	snprintf(key, TOP_KEY, "%s %s %u", words_endpoint(server, port, endpoint),
		 rpcgate_uuid_format(&id->uuid, uuid), id->major);
}

static void set_service(const struct top_model *model, struct top_row *row,
			const struct rpcgate_addr *server, uint16_t port,
			const struct rpcgate_syntax *id)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(id);

	if (row->has_server)
		return;
	set_hosts(row, NULL, server, port);
	set_endpoint(row, SERVICE_SERVER, server, port);
	set_interface(row, SERVICE_INTERFACE, SERVICE_UUID, id);
	top_cell_set(row, SERVICE_NAME, known ? known->service : "");
	if (!model->counting)
		row->cell[SERVICE_TOLD].number = row->cell[SERVICE_BINDS].number =
			row->cell[SERVICE_REFUSED].number = TOP_UNKNOWN;
}

/* The row of a service.  Where a daemon lists them, events add none of their own. */
static struct top_row *service_row(struct top_model *model, const struct rpcgate_addr *server,
				   uint16_t port, const struct rpcgate_syntax *id)
{
	struct top_table *table = &model->table[TOP_SERVICES];
	char key[TOP_KEY];
	struct top_row *row;

	service_key(server, port, id, key);
	row = model->live ? top_row_find(table, key) : top_row_get(table, key);
	if (row)
		set_service(model, row, server, port, id);
	return row;
}

static void take_binding(struct top_model *model, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	struct top_row *row = service_row(model, &b->server, b->port, &b->interface);

	if (!row)
		return;
	count(row, SERVICE_TOLD);
	if (model->live)
		return;
	row->cell[SERVICE_LAST].number = event->time_ns;
	top_cell_set(row, SERVICE_SOURCE, source_words[b->source]);
	/* granted to one client is granted, whatever others were told */
	if (b->accepted)
		top_cell_set(row, SERVICE_GRANTED, "granted");
	else if (strcmp(row->cell[SERVICE_GRANTED].text, "granted") != 0)
		top_cell_set(row, SERVICE_GRANTED, rpcgate_reason_name(b->reason));
}

/* --------------------------------------------------------------------- refusals */

struct refusal {
	const struct rpcgate_syntax *interface; /* NULL: of none */
	enum rpcgate_reason reason;
	enum rpcgate_action action;
	const char *what;
	uint32_t rule_line;
	const char *rule_file;
};

static void refusal_key(const struct rpcgate_event *event, const struct refusal *r,
			char key[TOP_KEY])
{
	char client[RPCGATE_ADDR_TEXT];
	char endpoint[WORDS_ENDPOINT];
	char uuid[RPCGATE_UUID_TEXT] = "-";

	if (r->interface)
		rpcgate_uuid_format(&r->interface->uuid, uuid);
	snprintf(key, TOP_KEY, "%s %s %s %u %u %c", rpcgate_addr_format(&event->src, client),
		 words_endpoint(&event->dest, event->dest_port, endpoint), uuid,
		 r->interface ? r->interface->major : 0U, (unsigned int)r->reason, r->what[0]);
}

static void take_refusal(struct top_model *model, const struct rpcgate_event *event,
			 const struct refusal *r)
{
	char rule[TOP_CELL] = "";
	char key[TOP_KEY];
	struct top_row *row;

	refusal_key(event, r, key);
	row = top_row_get(&model->table[TOP_REFUSED], key);
	if (!row)
		return;
	set_hosts(row, &event->src, &event->dest, event->dest_port);
	set_addr(row, REFUSED_CLIENT, &event->src);
	set_endpoint(row, REFUSED_SERVER, &event->dest, event->dest_port);
	if (r->interface)
		set_interface(row, REFUSED_INTERFACE, REFUSED_UUID, r->interface);
	top_cell_set(row, REFUSED_REASON, rpcgate_reason_name(r->reason));
	top_cell_set(row, REFUSED_WHAT, r->what);
	top_cell_set(row, REFUSED_DONE, action_words[r->action]);
	if (r->rule_line)
		snprintf(rule, sizeof(rule), "%s:%" PRIu32, r->rule_file ? r->rule_file : "",
			 r->rule_line);
	top_cell_set(row, REFUSED_RULE, rule);
	row->cell[REFUSED_LAST].number = event->time_ns;
	count(row, REFUSED_COUNT);
}

static void take_bind(struct top_model *model, const struct rpcgate_event *event)
{
	static const char *const what[] = {
		[RPCGATE_PDU_BIND] = "bind",
		[RPCGATE_PDU_ALTER_CONTEXT] = "alter-context",
		[RPCGATE_PDU_REQUEST] = "request",
	};
	const struct rpcgate_bind_event *b = &event->u.bind;
	const struct refusal r = { &b->interface, b->reason,    b->action,
				   what[b->pdu],  b->rule_line, b->rule_file };
	bool refused = b->verdict == RPCGATE_DENY;
	struct top_row *row = NULL;
	char key[TOP_KEY];

	service_key(&event->dest, event->dest_port, &b->interface, key);
	/* what was refused is no service because of that */
	if (refused)
		row = top_row_find(&model->table[TOP_SERVICES], key);
	else
		row = service_row(model, &event->dest, event->dest_port, &b->interface);
	if (row) {
		count(row, refused ? SERVICE_REFUSED : SERVICE_BINDS);
		if (!model->live)
			row->cell[SERVICE_LAST].number = event->time_ns;
		if (!row->cell[SERVICE_GRANTED].text[0])
			top_cell_set(row, SERVICE_GRANTED, rpcgate_reason_name(b->reason));
	}
	if (refused)
		take_refusal(model, event, &r);
}

static void take_call(struct top_model *model, const struct rpcgate_event *event)
{
	const struct rpcgate_call_event *c = &event->u.call;
	const struct refusal r = { &c->interface, c->reason,    c->action,
				   "call",        c->rule_line, c->rule_file };

	if (c->verdict == RPCGATE_DENY)
		take_refusal(model, event, &r);
}

/* An alert about a bind says what the bind's own event said */
static void take_alert(struct top_model *model, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	const struct refusal r = {
		a->has_interface ? &a->interface : NULL, a->reason, a->action, "suspicious", 0, NULL
	};

	if (!(a->has_interface && (a->ptype == PTYPE_BIND || a->ptype == PTYPE_ALTER)))
		take_refusal(model, event, &r);
}

static void (*const takers[])(struct top_model *model, const struct rpcgate_event *event) = {
	[RPCGATE_EVENT_BINDING] = take_binding, [RPCGATE_EVENT_PINHOLE] = take_pinhole,
	[RPCGATE_EVENT_BIND] = take_bind,       [RPCGATE_EVENT_ALERT] = take_alert,
	[RPCGATE_EVENT_CALL] = take_call,
};

void top_fill_event(struct top_model *model, const struct rpcgate_event *event)
{
	if ((size_t)event->type < COUNT(takers) && takers[event->type])
		takers[event->type](model, event);
}

/* --------------------------------------------------------------------- counters */

/* In tenths a second; what falls, or was looked at just now, has none */
static uint64_t rate_of(const struct top_model *model, uint64_t value, uint64_t before)
{
	double rate;

	if (value <= before || !model->stats_ns || model->now_ns < model->stats_ns + LEAST_SPAN_NS)
		return 0;
	rate = (double)(value - before) * 10 * (double)NS_PER_S /
	       (double)(model->now_ns - model->stats_ns);
	return rate < RATE_MAX ? (uint64_t)rate : (uint64_t)RATE_MAX;
}

static void set_counter(struct top_model *model, const char *name, uint64_t value,
			const char *meaning)
{
	struct top_table *table = &model->table[TOP_ENGINE];
	struct top_row *row = top_row_find(table, name);
	uint64_t before;

	if (!row) {
		row = table->n < table->max ? top_row_get(table, name) : NULL;
		if (!row)
			return;
		top_cell_set(row, ENGINE_NAME, name);
		top_cell_set(row, ENGINE_MEANING, meaning);
		row->cell[ENGINE_VALUE].number = value;
		return;
	}
	before = row->cell[ENGINE_VALUE].number;
	row->cell[ENGINE_VALUE].number = value;
	row->cell[ENGINE_RATE].number = rate_of(model, value, before);
}

/* Names and meanings of what the library counts */
static const struct {
	const char *name;
	const char *meaning;
} counters[] = {
#define X(member, text) { #member, text },
	RPCGATE_COUNTERS(X)
#undef X
		{ "queue_packets", "packets that the kernel asked about" },
	{ "queue_batches", "of these, how many were answered together" },
	{ "queue_overruns", "times the queue was full" },
	{ "queue_unsettled", "packets without an answer" },
	{ "events_dropped", "events that could not be written" },
	{ "kernel_transactions", "changes of the kernel's table" },
	{ "kernel_elements", "openings put into it" },
	{ "kernel_full", "times it was full" },
	{ "learn_ns_mean", "from an announcement to its opening in the kernel, mean, in ns" },
	{ "learn_us_p50", "half of them within, in us" },
	{ "learn_us_p99", "99 % of them within, in us" },
	{ "learn_ns_max", "the longest, in ns" },
};

static const char *meaning_of(const char *name)
{
	for (size_t i = 0; i < COUNT(counters); i++)
		if (strcmp(counters[i].name, name) == 0)
			return counters[i].meaning;
	return "";
}

void top_fill_stats(struct top_model *model, const struct rpcgate_stats *stats)
{
#define X(member, text) set_counter(model, #member, stats->member, text);
	RPCGATE_COUNTERS(X)
#undef X
	model->stats_ns = model->now_ns;
}

uint64_t top_counter(const struct top_model *model, const char *name)
{
	const struct top_row *row = top_row_find(&model->table[TOP_ENGINE], name);

	return row ? row->cell[ENGINE_VALUE].number : TOP_UNKNOWN;
}

/* ------------------------------------------------------------------ the daemon's lines */

/* The daemon may be another version, or no daemon: what is not as expected is not there. */
static const char *text_of(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *line, const char *key)
{
	const json_t *value = json_object_get(line, key);
	json_int_t number = json_integer_value(value);

	return json_is_integer(value) && number >= 0 ? (uint64_t)number : TOP_UNKNOWN;
}

static uint64_t span_of(const json_t *line, const char *key)
{
	double s = json_number_value(json_object_get(line, key));

	return s > 0 && s < 1e9 ? (uint64_t)(s * 1e9) : 0;
}

static bool addr_of(const json_t *line, const char *key, struct rpcgate_addr *addr)
{
	const char *text = text_of(line, key);

	*addr = (struct rpcgate_addr){ { [10] = 0xff, [11] = 0xff } };
	if (inet_pton(AF_INET, text, addr->octet + 12) == 1)
		return true;
	return inet_pton(AF_INET6, text, addr->octet) == 1;
}

static bool syntax_of(const json_t *line, struct rpcgate_syntax *id)
{
	const char *text = text_of(line, "version");
	unsigned long major, minor;
	char *end;

	major = strtoul(text, &end, 10);
	if (end == text || *end != '.' || !rpcgate_uuid_parse(text_of(line, "uuid"), &id->uuid))
		return false;
	text = end + 1;
	minor = strtoul(text, &end, 10);
	if (end == text || *end || major > UINT16_MAX || minor > UINT16_MAX)
		return false;
	id->major = (uint16_t)major;
	id->minor = (uint16_t)minor;
	return true;
}

static bool port_of(const json_t *line, uint16_t *port)
{
	uint64_t number = number_of(line, "port");

	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

static bool take_status(struct top_model *model, const json_t *line)
{
	static const char *const keys[] = { "version", "configuration", "action", "table" };
	struct top_row row;

	for (size_t i = 0; i < COUNT(keys); i++) {
		top_cell_set(&row, 0, text_of(line, keys[i]));
		memcpy(model->status[i], row.cell[0].text, TOP_CELL);
	}
	model->uptime_s = number_of(line, "uptime_s");
	return model->uptime_s != TOP_UNKNOWN;
}

static bool take_stats(struct top_model *model, json_t *line)
{
	const char *name;
	json_t *value;

	json_object_foreach(line, name, value)
	{
		if (json_is_integer(value) && json_integer_value(value) >= 0)
			set_counter(model, name, (uint64_t)json_integer_value(value),
				    meaning_of(name));
	}
	return true;
}

static bool take_open(struct top_model *model, const json_t *line)
{
	struct opening o = { .id = number_of(line, "id"),
			     .uses = number_of(line, "uses"),
			     .source = text_of(line, "source"),
			     .proto = text_of(line, "proto"),
			     .until_ns = model->now_ns + span_of(line, "left_s") };
	char key[TOP_KEY];
	struct top_row *row;

	if (o.id == TOP_UNKNOWN || !addr_of(line, "client_ip", &o.client) ||
	    !addr_of(line, "server_ip", &o.server) || !port_of(line, &o.port) ||
	    !syntax_of(line, &o.interface))
		return false;
	pinhole_key(o.id, &o.interface, key);
	row = top_listing_get(&model->table[TOP_PINHOLES], key);
	if (row)
		set_pinhole(row, &o);
	return true;
}

static bool take_announced(struct top_model *model, const json_t *line)
{
	struct rpcgate_addr server;
	struct rpcgate_syntax id;
	char key[TOP_KEY];
	struct top_row *row;
	uint16_t port;

	if (!addr_of(line, "server_ip", &server) || !port_of(line, &port) || !syntax_of(line, &id))
		return false;
	service_key(&server, port, &id, key);
	row = top_listing_get(&model->table[TOP_SERVICES], key);
	if (!row)
		return true;
	set_service(model, row, &server, port, &id);
	top_cell_set(row, SERVICE_GRANTED,
		     json_is_true(json_object_get(line, "granted")) ? "granted" : "listed only");
	row->cell[SERVICE_LAST].number = model->now_ns - span_of(line, "age_s");
	return true;
}

bool top_fill_line(struct top_model *model, const char *asked, const char *line, size_t n)
{
	json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_object(root);

	/* the last line says how it went */
	if (good && json_object_get(root, "ok"))
		good = json_is_true(json_object_get(root, "ok"));
	else if (good && strcmp(asked, "status") == 0)
		good = take_status(model, root);
	else if (good && strcmp(asked, "stats") == 0)
		good = take_stats(model, root);
	else if (good && strcmp(asked, "pinholes") == 0)
		good = take_open(model, root);
	else if (good && strcmp(asked, "bindings") == 0)
		good = take_announced(model, root);
	json_decref(root);
	return good;
}

/* ---------------------------------------------------------------------- servers */

static struct top_row *server_row(struct top_model *model, const struct rpcgate_addr *addr)
{
	struct top_table *table = &model->table[TOP_SERVERS];
	char key[RPCGATE_ADDR_TEXT];
	struct top_row *row;
	bool fresh;

	rpcgate_addr_format(addr, key);
	row = top_row_find(table, key);
	fresh = !row || row->round != table->round;
	row = top_listing_get(table, key);
	if (row && fresh) {
		memset(row->cell, 0, sizeof(row->cell));
		set_hosts(row, NULL, addr, 0);
		top_cell_set(row, SERVER_ADDRESS, key);
		row->cell[SERVER_REFUSED].number = model->counting ? 0 : TOP_UNKNOWN;
	}
	return row;
}

static void add_to(struct top_row *row, size_t column, const struct top_cell *cell)
{
	if (cell->number == TOP_UNKNOWN)
		row->cell[column].number = TOP_UNKNOWN;
	else if (row->cell[column].number != TOP_UNKNOWN)
		row->cell[column].number += cell->number;
}

static void later(struct top_row *row, const struct top_cell *cell)
{
	if (cell->number != TOP_UNKNOWN && cell->number > row->cell[SERVER_LAST].number)
		row->cell[SERVER_LAST].number = cell->number;
}

/* Pinholes in order of server and client, so that each client is counted once */
static int hosts_order(const void *left, const void *right)
{
	const struct top_row *a = *(struct top_row *const *)left;
	const struct top_row *b = *(struct top_row *const *)right;
	int servers = memcmp(&a->server, &b->server, sizeof(a->server));

	return servers ? servers : memcmp(&a->client, &b->client, sizeof(a->client));
}

static void add_pinholes(struct top_model *model)
{
	struct top_table *table = &model->table[TOP_PINHOLES];

	if (table->n)
		qsort(table->row, table->n, sizeof(struct top_row *), hosts_order);
	for (size_t i = 0; i < table->n; i++) {
		struct top_row *row = server_row(model, &table->row[i]->server);

		table->row[i]->index = i;
		if (!row)
			continue;
		row->cell[SERVER_OPEN].number++;
		row->cell[SERVER_CLIENTS].number +=
			!i || hosts_order(&table->row[i - 1], &table->row[i]) != 0;
	}
}

void top_fill_servers(struct top_model *model)
{
	const struct top_table *services = &model->table[TOP_SERVICES];
	const struct top_table *refused = &model->table[TOP_REFUSED];

	top_listing_begin(&model->table[TOP_SERVERS]);
	add_pinholes(model);
	for (size_t i = 0; i < services->n; i++) {
		struct top_row *row = server_row(model, &services->row[i]->server);

		if (!row)
			continue;
		row->cell[SERVER_SERVICES].number++;
		add_to(row, SERVER_BINDS, &services->row[i]->cell[SERVICE_BINDS]);
		later(row, &services->row[i]->cell[SERVICE_LAST]);
	}
	for (size_t i = 0; i < refused->n; i++) {
		struct top_row *row = server_row(model, &refused->row[i]->server);

		if (!row)
			continue;
		add_to(row, SERVER_REFUSED, &refused->row[i]->cell[REFUSED_COUNT]);
		later(row, &refused->row[i]->cell[REFUSED_LAST]);
	}
	top_listing_end(&model->table[TOP_SERVERS]);
}
