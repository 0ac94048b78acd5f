/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "community_id.h"
#include "event_words.h"
#include "json.h"
#include "signature.h"
#include "text.h"

#define NS_PER_S 1000000000U
#define NO_PTYPE 0xff
#define FILE_MAX 4096 /* octets of a file name that are written */
#define DETAIL_MAX 1024
#define LINE_USUAL 4096 /* octets of a line that few exceed */
#define PROTO_TCP 6
#define PROTO_UDP 17
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An object being filled.  The first failure sticks, so that only the end need ask. */
struct line {
	json_t *root;
	bool failed;
};

static void put(struct line *line, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		line->failed = true;
}

static void put_text(struct line *line, json_t *object, const char *key, const char *text)
{
	put(line, object, key, json_string(text));
}

static void put_number(struct line *line, json_t *object, const char *key, uint64_t number)
{
	put(line, object, key, json_integer((json_int_t)number));
}

static void put_bool(struct line *line, json_t *object, const char *key, bool value)
{
	put(line, object, key, json_boolean(value));
}

/* Octets that strangers wrote; zero octets at the end are padding. */
static void put_foreign(struct line *line, json_t *object, const char *key, const void *octets,
			size_t n)
{
	char text[TEXT_UTF8_MAX(FILE_MAX) + 1];
	const uint8_t *in = octets;

	if (n > FILE_MAX)
		n = FILE_MAX;
	while (n && !in[n - 1])
		n--;
	put(line, object, key, json_stringn(text, text_to_utf8(in, n, text)));
}

static json_t *put_object(struct line *line, json_t *object, const char *key)
{
	json_t *child = json_object();

	put(line, object, key, child);
	return child;
}

static json_t *put_array(struct line *line, json_t *object, const char *key)
{
	json_t *child = json_array();

	put(line, object, key, child);
	return child;
}

static void append(struct line *line, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		line->failed = true;
}

static void put_time(struct line *line, json_t *object, const char *key, uint64_t time_ns)
{
	time_t s = (time_t)(time_ns / NS_PER_S);
	char text[64];
	char date[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%06" PRIu64 "+0000", date, time_ns % NS_PER_S / 1000);
	put_text(line, object, key, text);
}

static void put_addr(struct line *line, json_t *object, const char *key,
		     const struct rpcgate_addr *addr)
{
	char text[RPCGATE_ADDR_TEXT];

	put_text(line, object, key, rpcgate_addr_format(addr, text));
}

static void put_uuid(struct line *line, json_t *object, const char *key,
		     const struct rpcgate_uuid *uuid)
{
	char text[RPCGATE_UUID_TEXT];

	put_text(line, object, key, rpcgate_uuid_format(uuid, text));
}

static void put_syntax(struct line *line, json_t *object, const struct rpcgate_syntax *syntax)
{
	char version[16];

	put_uuid(line, object, "uuid", &syntax->uuid);
	snprintf(version, sizeof(version), "%u.%u", syntax->major, syntax->minor);
	put_text(line, object, "version", version);
}

static void put_interface(struct line *line, json_t *object, const struct rpcgate_syntax *syntax)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(syntax);

	put_syntax(line, object, syntax);
	if (!known)
		return;
	put_text(line, object, "name", known->name);
	put_text(line, object, "service", known->service);
}

static void put_operation(struct line *line, json_t *object, const struct rpcgate_uuid *interface,
			  uint16_t opnum)
{
	const char *name = interface ? rpcgate_operation_name(interface, opnum) : NULL;

	put_number(line, object, "opnum", opnum);
	if (name)
		put_text(line, object, "operation", name);
}

/* ----------------------------------------------------------------- the words */

#define NAME(names, value) ((size_t)(value) < COUNT(names) ? (names)[value] : "unknown")

static bool is_answer(uint8_t ptype)
{
	return ptype == 2 || ptype == 3 || ptype == 12 || ptype == 13 || ptype == 15;
}

/* ---------------------------------------------------------------- the bodies */

static bool uuid_is_nil(const struct rpcgate_uuid *uuid)
{
	static const struct rpcgate_uuid nil;

	return memcmp(uuid, &nil, sizeof(nil)) == 0;
}

/* Where a proxy is to go */
static void put_target(struct line *line, json_t *body, const uint8_t *host, size_t n,
		       uint16_t port)
{
	json_t *target;

	if (!port)
		return;
	target = put_object(line, body, "target");
	put_foreign(line, target, "host", host, n);
	put_number(line, target, "port", port);
}

static void binding_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;

	put_text(line, body, "source", NAME(source_names, b->source));
	put_interface(line, body, &b->interface);
	if (b->any_interface)
		put_bool(line, body, "any_interface", true);
	if (!uuid_is_nil(&b->object))
		put_uuid(line, body, "object", &b->object);
	if (b->annotation_len)
		put_foreign(line, body, "annotation", b->annotation, b->annotation_len);
	put_text(line, body, "protseq", rpcgate_protseq_name(b->protseq));
	put_addr(line, body, "server_ip", &b->server);
	put_number(line, body, "port", b->port);
	if (b->moved_from)
		put_number(line, body, "moved_from", b->moved_from);
	if (b->endpoint_len)
		put_foreign(line, body, "endpoint", b->endpoint, b->endpoint_len);
	if (b->has_tower_ip)
		put_addr(line, body, "tower_ip", &b->tower_ip);
	put_target(line, body, b->target.host, b->target.host_len, b->target.port);
	put_bool(line, body, "accepted", b->accepted);
	put_text(line, body, "reason", rpcgate_reason_name(b->reason));
}

static void pinhole_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;

	put_text(line, body, "action", NAME(pinhole_action_names, p->action));
	put_number(line, body, "id", p->id);
	put_addr(line, body, "client_ip", &p->client);
	put_addr(line, body, "server_ip", &p->server);
	put_number(line, body, "port", p->port);
	put_text(line, body, "proto", p->proto == PROTO_UDP ? "UDP" : "TCP");
	put_interface(line, body, &p->interface);
	put_text(line, body, "source", NAME(source_names, p->source));
	put_number(line, body, "ttl", p->ttl_s);
	put_number(line, body, "uses", p->uses);
	if (p->until_ns)
		put_time(line, body, "until", p->until_ns);
	put_text(line, body, "reason", rpcgate_reason_name(p->reason));
}

static void put_transfer_syntaxes(struct line *line, json_t *body, size_t offered,
				  const struct rpcgate_syntax *transfer)
{
	json_t *list = put_array(line, body, "transfer_syntaxes");
	size_t n = offered < RPCGATE_SYNTAXES_MAX ? offered : RPCGATE_SYNTAXES_MAX;

	for (size_t i = 0; i < n; i++) {
		json_t *syntax = json_object();

		put_syntax(line, syntax, &transfer[i]);
		append(line, list, syntax);
	}
	if (offered > n)
		put_number(line, body, "transfer_syntaxes_offered", offered);
}

/* The rule that decided, by where it stands; its name is the administrator's */
static void put_rule(struct line *line, json_t *body, const char *file, uint32_t number,
		     const char *name)
{
	char text[TEXT_UTF8_MAX(FILE_MAX) + 1];
	char rule[FILE_MAX];

	if (!number)
		return;
	snprintf(rule, sizeof(rule), "%s:%" PRIu32, file ? file : "", number);
	put(line, body, "rule",
	    json_stringn(text, text_to_utf8((const uint8_t *)rule, strlen(rule), text)));
	if (name)
		put_foreign(line, body, "rule_name", name, strlen(name));
}

static void bind_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_bind_event *b = &event->u.bind;

	put_text(line, body, "pdu", NAME(bind_pdu_names, b->pdu));
	put_number(line, body, "call_id", b->call_id);
	put_number(line, body, "context_id", b->context_id);
	put_interface(line, body, &b->interface);
	put_transfer_syntaxes(line, body, b->n_transfer, b->transfer);
	put_number(line, body, "auth_type", b->auth_type);
	put_number(line, body, "auth_level", b->auth_level);
	put_text(line, body, "verdict", NAME(verdict_names, b->verdict));
	put_text(line, body, "action", NAME(action_names, b->action));
	put_text(line, body, "reason", rpcgate_reason_name(b->reason));
	put_rule(line, body, b->rule_file, b->rule_line, b->rule_name);
	if (b->pinhole_id)
		put_number(line, body, "pinhole_id", b->pinhole_id);
	put_target(line, body, b->target, b->target_len, b->target_port);
	if (b->has_age)
		put(line, body, "age", json_real((double)b->age_ns / 1e9));
}

static void call_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_call_event *c = &event->u.call;

	put_number(line, body, "call_id", c->call_id);
	put_number(line, body, "context_id", c->context_id);
	put_interface(line, body, &c->interface);
	put_operation(line, body, &c->interface.uuid, c->opnum);
	put_number(line, body, "auth_level", c->auth_level);
	put_text(line, body, "verdict", NAME(verdict_names, c->verdict));
	put_text(line, body, "action", NAME(action_names, c->action));
	put_text(line, body, "reason", rpcgate_reason_name(c->reason));
	put_rule(line, body, c->rule_file, c->rule_line, c->rule_name);
}

static void pipe_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_pipe_event *p = &event->u.pipe;

	if (p->pipe_len)
		put_foreign(line, body, "pipe", p->pipe, p->pipe_len);
	put_text(line, body, "pdu", NAME(bind_pdu_names, p->pdu));
	put_number(line, body, "call_id", p->call_id);
	put_number(line, body, "context_id", p->context_id);
	put_interface(line, body, &p->interface);
	put_transfer_syntaxes(line, body, p->n_transfer, p->transfer);
	put_number(line, body, "auth_type", p->auth_type);
	put_number(line, body, "auth_level", p->auth_level);
}

static void put_techniques(struct line *line, json_t *metadata,
			   const struct rpcgate_alert_event *alert)
{
	const struct rpcgate_interface *known =
		alert->has_interface ? rpcgate_interface_find(&alert->interface) : NULL;
	const char *techniques[] = {
		signature_of(alert->reason)->technique,
		known ? technique_of(known->name) : NULL,
	};
	json_t *list = NULL;

	for (size_t i = 0; i < COUNT(techniques); i++) {
		if (!techniques[i])
			continue;
		if (!list)
			list = put_array(line, metadata, "mitre_technique_id");
		append(line, list, json_string(techniques[i]));
	}
}

static void alert_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	const struct signature *signature = signature_of(a->reason);
	bool blocked = a->action == RPCGATE_DROP || a->action == RPCGATE_REJECT;
	json_t *metadata;

	put_text(line, body, "action", blocked ? "blocked" : "allowed");
	put_number(line, body, "gid", SIGNATURE_GID);
	put_number(line, body, "signature_id", signature->id);
	put_number(line, body, "rev", signature->rev);
	put_text(line, body, "signature", signature->text);
	put_text(line, body, "category", signature->category);
	put_number(line, body, "severity", signature->severity);
	metadata = put_object(line, body, "metadata");
	append(line, put_array(line, metadata, "rpc_reason"),
	       json_string(rpcgate_reason_name(a->reason)));
	put_techniques(line, metadata, a);
}

/* What the PDU was that caused an alert.  It was judged when it was seen: a request has no answer
 * yet, and of an answer the request was seen before or not at all. */
static void put_dcerpc(struct line *line, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	json_t *body;
	json_t *interfaces;
	char version[16];

	if (a->ptype == NO_PTYPE)
		return;
	body = put_object(line, line->root, "dcerpc");
	put_text(line, body, "request",
		 is_answer(a->ptype) ? "REQUEST_LOST" : NAME(ptype_names, a->ptype));
	put_text(line, body, "response",
		 is_answer(a->ptype) ? NAME(ptype_names, a->ptype) : "UNREPLIED");
	put_number(line, body, "call_id", a->call_id);
	/* connectionless PDUs are version 4 (C706 12.5.2.1) */
	snprintf(version, sizeof(version), "%u.%u", event->proto == PROTO_UDP ? 4U : 5U,
		 a->rpc_minor);
	put_text(line, body, "rpc_version", version);
	if (a->ptype == 0)
		put_operation(line, put_object(line, body, "req"),
			      a->has_interface ? &a->interface.uuid : NULL, a->opnum);
	interfaces = put_array(line, body, "interfaces");
	if (a->has_interface) {
		json_t *interface = json_object();

		put_interface(line, interface, &a->interface);
		append(line, interfaces, interface);
	}
}

static void flow_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_flow_event *f = &event->u.flow;

	put_number(line, body, "pkts_toserver", f->packets_toserver);
	put_number(line, body, "pkts_toclient", f->packets_toclient);
	put_number(line, body, "bytes_toserver", f->octets_toserver);
	put_number(line, body, "bytes_toclient", f->octets_toclient);
	put_time(line, body, "start", f->start_ns);
	put_time(line, body, "end", f->end_ns);
	put_text(line, body, "state", NAME(flow_state_names, f->state));
	put_text(line, body, "reason", rpcgate_reason_name(f->reason));
	put_bool(line, body, "mapper", f->mapper);
	put_bool(line, body, "midstream", f->midstream);
	put_number(line, body, "binds", f->binds);
	put_number(line, body, "accepted", f->accepted);
}

static void engine_body(struct line *line, json_t *body, const struct rpcgate_event *event)
{
	const struct rpcgate_engine_event *e = &event->u.engine;

	put_text(line, body, "event", e->event ? e->event : "unknown");
	put_text(line, body, "detail", e->detail ? e->detail : "");
	put_text(line, body, "reason", rpcgate_reason_name(e->reason));
}

/* The body is named like the event */
static void (*const fill[])(struct line *line, json_t *body, const struct rpcgate_event *event) = {
	[RPCGATE_EVENT_BINDING] = binding_body, [RPCGATE_EVENT_PINHOLE] = pinhole_body,
	[RPCGATE_EVENT_BIND] = bind_body,       [RPCGATE_EVENT_ALERT] = alert_body,
	[RPCGATE_EVENT_FLOW] = flow_body,       [RPCGATE_EVENT_ENGINE] = engine_body,
	[RPCGATE_EVENT_CALL] = call_body,       [RPCGATE_EVENT_PIPE] = pipe_body,
};

/* ------------------------------------------------------------------ the lines */

static void start_line(struct line *line, uint64_t time_ns, const char *event_type)
{
	*line = (struct line){ .root = json_object() };
	put_time(line, line->root, "timestamp", time_ns);
	put_text(line, line->root, "event_type", event_type);
}

/* Each word written to a FILE by itself would take a fifth of the time.  Long ones go that way. */
static bool write_line(const json_t *root, FILE *out)
{
	/* 15 digits hold 72 hours in nanoseconds, and print no rounding of binary fractions. */
	const size_t flags = JSON_ENSURE_ASCII | JSON_COMPACT | JSON_REAL_PRECISION(15);
	char text[LINE_USUAL];
	size_t n = json_dumpb(root, text, sizeof(text) - 1, flags);

	if (!n)
		return false;
	if (n > sizeof(text) - 1)
		return json_dumpf(root, out, flags) == 0 && putc('\n', out) != EOF;
	text[n++] = '\n';
	return fwrite(text, 1, n, out) == n;
}

/* Write what was gathered, and let it go. */
static bool end_line(struct line *line, FILE *out)
{
	bool good = line->root && !line->failed;

	if (good)
		good = write_line(line->root, out);
	else
		errno = ENOMEM;
	json_decref(line->root);
	return good;
}

static void put_vlan(struct line *line, const struct rpcgate_event *event)
{
	size_t n = event->n_vlan < COUNT(event->vlan) ? event->n_vlan : COUNT(event->vlan);
	json_t *list;

	if (!n)
		return;
	list = put_array(line, line->root, "vlan");
	for (size_t i = 0; i < n; i++)
		append(line, list, json_integer(event->vlan[i]));
}

static void put_ends(struct line *line, const struct rpcgate_event *event)
{
	const struct community_end client = { event->src, event->src_port };
	const struct community_end server = { event->dest, event->dest_port };
	char id[COMMUNITY_ID_TEXT];

	if (event->proto != PROTO_TCP && event->proto != PROTO_UDP)
		return;
	if (event->type == RPCGATE_EVENT_ENGINE && !event->flow_id)
		return; /* about the engine, not about somebody's traffic */
	put_addr(line, line->root, "src_ip", &event->src);
	if (event->src_port)
		put_number(line, line->root, "src_port", event->src_port);
	put_addr(line, line->root, "dest_ip", &event->dest);
	put_number(line, line->root, "dest_port", event->dest_port);
	put_text(line, line->root, "proto", event->proto == PROTO_TCP ? "TCP" : "UDP");
	/* A pinhole is for any port of the client: without one there is no flow to name. */
	if (event->src_port)
		put_text(line, line->root, "community_id",
			 community_id(event->proto, &client, &server, id));
}

static void put_origin(struct line *line, const struct json_origin *origin)
{
	if (!origin->file)
		return;
	put_number(line, line->root, "pcap_cnt", origin->frame);
	put_foreign(line, line->root, "pcap_filename", origin->file, strlen(origin->file));
}

bool json_write_event(FILE *out, const struct rpcgate_event *event,
		      const struct json_origin *origin)
{
	struct line line;

	if ((size_t)event->type >= COUNT(fill))
		return true;
	start_line(&line, event->time_ns, event_type_names[event->type]);
	if (event->flow_id)
		put_number(&line, line.root, "flow_id", event->flow_id);
	if (event->parent_id)
		put_number(&line, line.root, "parent_id", event->parent_id);
	put_vlan(&line, event);
	put_ends(&line, event);
	put_origin(&line, origin);
	fill[event->type](&line, put_object(&line, line.root, event_type_names[event->type]),
			  event);
	if (event->type == RPCGATE_EVENT_ALERT)
		put_dcerpc(&line, event);
	if (origin->ndpi)
		put_text(&line, put_object(&line, line.root, "ndpi"), "proto", origin->ndpi);
	return end_line(&line, out);
}

bool json_write_stats(FILE *out, uint64_t time_ns, const struct rpcgate_stats *stats)
{
	struct line line;
	json_t *body;

	start_line(&line, time_ns, "stats");
	body = put_object(&line, line.root, "stats");
#define PUT(member, text) put_number(&line, body, #member, stats->member);
	RPCGATE_COUNTERS(PUT)
#undef PUT
	return end_line(&line, out);
}

bool json_write_engine(FILE *out, uint64_t time_ns, const char *file, const char *event,
		       const char *detail)
{
	size_t n = strlen(detail);
	struct line line;
	json_t *body;

	start_line(&line, time_ns, "rpc_engine");
	if (file)
		put_foreign(&line, line.root, "pcap_filename", file, strlen(file));
	body = put_object(&line, line.root, "rpc_engine");
	put_text(&line, body, "event", event);
	put_foreign(&line, body, "detail", detail, n < DETAIL_MAX ? n : DETAIL_MAX);
	return end_line(&line, out);
}
