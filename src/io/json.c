/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
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
#define DEPTH_MAX 8     /* four are used */
#define ROOT 1U         /* depth of the line's own object */
#define PROTO_TCP 6
#define PROTO_UDP 17
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A line being written.  An object or array is known by its depth, and ends where something is put
 * into one that it is in.  A library that builds a tree of each line first took thirty times as
 * long as all that led to the event. */
struct line {
	FILE *out;
	bool failed; /* the first failure sticks, so that only the end need ask */
	bool first;  /* nothing is in the innermost one yet */
	unsigned depth;
	size_t n;
	char end[DEPTH_MAX];
	char text[LINE_USUAL];
};

static void flush(struct line *line)
{
	if (fwrite(line->text, 1, line->n, line->out) != line->n)
		line->failed = true;
	line->n = 0;
}

static void write_octet(struct line *line, char c)
{
	if (line->n == sizeof(line->text))
		flush(line);
	line->text[line->n++] = c;
}

static void write_octets(struct line *line, const char *octets, size_t n)
{
	if (n > sizeof(line->text) - line->n) {
		for (size_t i = 0; i < n; i++)
			write_octet(line, octets[i]);
		return;
	}
	memcpy(line->text + line->n, octets, n);
	line->n += n;
}

static void close_to(struct line *line, unsigned depth)
{
	while (line->depth > depth) {
		write_octet(line, line->end[--line->depth]);
		line->first = false;
	}
}

/* What comes before a value; in an array it has no key */
static void begin_value(struct line *line, unsigned in, const char *key)
{
	close_to(line, in);
	if (!line->first)
		write_octet(line, ',');
	line->first = false;
	if (!key)
		return;
	write_octet(line, '"');
	write_octets(line, key, strlen(key));
	write_octets(line, "\":", 2);
}

static unsigned open_one(struct line *line, char start, char end)
{
	write_octet(line, start);
	line->end[line->depth++] = end;
	line->first = true;
	return line->depth;
}

static unsigned put_object(struct line *line, unsigned in, const char *key)
{
	begin_value(line, in, key);
	return open_one(line, '{', '}');
}

static unsigned put_array(struct line *line, unsigned in, const char *key)
{
	begin_value(line, in, key);
	return open_one(line, '[', ']');
}

static void write_hex(struct line *line, uint32_t unit)
{
	char text[8];
	int n = snprintf(text, sizeof(text), "\\u%04X", unit & 0xffff);

	write_octets(line, text, (size_t)n);
}

/* RFC 8259: beyond the first plane as a pair of surrogates */
static void write_code_point(struct line *line, uint32_t c)
{
	if (c >= 0x10000) {
		write_hex(line, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	write_hex(line, c);
}

static void write_special(struct line *line, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = memchr(from, c, sizeof(from) - 1);

	if (!at) {
		write_hex(line, (unsigned char)c);
		return;
	}
	write_octet(line, '\\');
	write_octet(line, to[at - from]);
}

/* Octets of one code point at @p text, which is UTF-8: whoever put it there has seen to that */
static size_t code_point(const char *text, size_t n, uint32_t *c)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t octets = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;

	*c = octets == 1 ? 0xfffd : p[0] & (0x7fU >> octets);
	if (octets > n)
		octets = n;
	for (size_t i = 1; i < octets; i++)
		*c = *c << 6 | (p[i] & 0x3f);
	return octets;
}

static size_t plain_octets(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x80 &&
	       text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

static void put_octets(struct line *line, unsigned in, const char *key, const char *text, size_t n)
{
	begin_value(line, in, key);
	write_octet(line, '"');
	for (size_t i = 0; i < n;) {
		size_t plain = plain_octets(text + i, n - i);
		uint32_t c;

		write_octets(line, text + i, plain);
		i += plain;
		if (i == n)
			break;
		if ((unsigned char)text[i] < 0x80) {
			write_special(line, text[i++]);
		} else {
			i += code_point(text + i, n - i, &c);
			write_code_point(line, c);
		}
	}
	write_octet(line, '"');
}

static void put_text(struct line *line, unsigned in, const char *key, const char *text)
{
	put_octets(line, in, key, text, strlen(text));
}

static void put_number(struct line *line, unsigned in, const char *key, uint64_t number)
{
	char text[20];
	size_t at = sizeof(text);

	begin_value(line, in, key);
	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	write_octets(line, text + at, sizeof(text) - at);
}

/* Fifteen digits hold 72 hours in nanoseconds, and print no rounding of binary fractions */
static void put_seconds(struct line *line, unsigned in, const char *key, uint64_t ns)
{
	char text[40];
	size_t n = (size_t)snprintf(text, sizeof(text), "%.15g", (double)ns / 1e9);
	char *exponent = strstr(text, "e-0");

	if (exponent) { /* one digit is enough */
		memmove(exponent + 2, exponent + 3, n - (size_t)(exponent + 3 - text) + 1);
		n--;
	}
	begin_value(line, in, key);
	write_octets(line, text, n);
	if (!strpbrk(text, ".e"))
		write_octets(line, ".0", 2);
}

static void put_bool(struct line *line, unsigned in, const char *key, bool value)
{
	begin_value(line, in, key);
	write_octets(line, value ? "true" : "false", value ? 4 : 5);
}

/* Octets that strangers wrote; zero octets at the end are padding. */
static void put_foreign(struct line *line, unsigned object, const char *key, const void *octets,
			size_t n)
{
	char text[TEXT_UTF8_MAX(FILE_MAX) + 1];
	const uint8_t *in = octets;

	if (n > FILE_MAX)
		n = FILE_MAX;
	while (n && !in[n - 1])
		n--;
	put_octets(line, object, key, text, text_to_utf8(in, n, text));
}

static void put_time(struct line *line, unsigned object, const char *key, uint64_t time_ns)
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

static void put_addr(struct line *line, unsigned object, const char *key,
		     const struct rpcgate_addr *addr)
{
	char text[RPCGATE_ADDR_TEXT];

	put_text(line, object, key, rpcgate_addr_format(addr, text));
}

static void put_uuid(struct line *line, unsigned object, const char *key,
		     const struct rpcgate_uuid *uuid)
{
	char text[RPCGATE_UUID_TEXT];

	put_text(line, object, key, rpcgate_uuid_format(uuid, text));
}

static void put_syntax(struct line *line, unsigned object, const struct rpcgate_syntax *syntax)
{
	char version[16];

	put_uuid(line, object, "uuid", &syntax->uuid);
	snprintf(version, sizeof(version), "%u.%u", syntax->major, syntax->minor);
	put_text(line, object, "version", version);
}

static void put_interface(struct line *line, unsigned object, const struct rpcgate_syntax *syntax)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(syntax);

	put_syntax(line, object, syntax);
	if (!known)
		return;
	put_text(line, object, "name", known->name);
	put_text(line, object, "service", known->service);
}

static void put_operation(struct line *line, unsigned object, const struct rpcgate_uuid *interface,
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
static void put_target(struct line *line, unsigned body, const uint8_t *host, size_t n,
		       uint16_t port)
{
	unsigned target;

	if (!port)
		return;
	target = put_object(line, body, "target");
	put_foreign(line, target, "host", host, n);
	put_number(line, target, "port", port);
}

static void binding_body(struct line *line, unsigned body, const struct rpcgate_event *event)
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

static void pinhole_body(struct line *line, unsigned body, const struct rpcgate_event *event)
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

static void put_transfer_syntaxes(struct line *line, unsigned body, size_t offered,
				  const struct rpcgate_syntax *transfer)
{
	unsigned list = put_array(line, body, "transfer_syntaxes");
	size_t n = offered < RPCGATE_SYNTAXES_MAX ? offered : RPCGATE_SYNTAXES_MAX;

	for (size_t i = 0; i < n; i++)
		put_syntax(line, put_object(line, list, NULL), &transfer[i]);
	if (offered > n)
		put_number(line, body, "transfer_syntaxes_offered", offered);
}

/* The rule that decided, by where it stands; its name is the administrator's */
static void put_rule(struct line *line, unsigned body, const char *file, uint32_t number,
		     const char *name)
{
	char text[TEXT_UTF8_MAX(FILE_MAX) + 1];
	char rule[FILE_MAX];

	if (!number)
		return;
	snprintf(rule, sizeof(rule), "%s:%" PRIu32, file ? file : "", number);
	put_octets(line, body, "rule", text,
		   text_to_utf8((const uint8_t *)rule, strlen(rule), text));
	if (name)
		put_foreign(line, body, "rule_name", name, strlen(name));
}

static void bind_body(struct line *line, unsigned body, const struct rpcgate_event *event)
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
		put_seconds(line, body, "age", b->age_ns);
}

static void call_body(struct line *line, unsigned body, const struct rpcgate_event *event)
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

static void pipe_body(struct line *line, unsigned body, const struct rpcgate_event *event)
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

static void put_techniques(struct line *line, unsigned metadata,
			   const struct rpcgate_alert_event *alert)
{
	const struct rpcgate_interface *known =
		alert->has_interface ? rpcgate_interface_find(&alert->interface) : NULL;
	const char *techniques[] = {
		signature_of(alert->reason)->technique,
		known ? technique_of(known->name) : NULL,
	};
	unsigned list = 0;

	for (size_t i = 0; i < COUNT(techniques); i++) {
		if (!techniques[i])
			continue;
		if (!list)
			list = put_array(line, metadata, "mitre_technique_id");
		put_text(line, list, NULL, techniques[i]);
	}
}

static void alert_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	const struct signature *signature = signature_of(a->reason);
	bool blocked = a->action == RPCGATE_DROP || a->action == RPCGATE_REJECT;
	unsigned metadata;

	put_text(line, body, "action", blocked ? "blocked" : "allowed");
	put_number(line, body, "gid", SIGNATURE_GID);
	put_number(line, body, "signature_id", signature->id);
	put_number(line, body, "rev", signature->rev);
	put_text(line, body, "signature", signature->text);
	put_text(line, body, "category", signature->category);
	put_number(line, body, "severity", signature->severity);
	metadata = put_object(line, body, "metadata");
	put_text(line, put_array(line, metadata, "rpc_reason"), NULL,
		 rpcgate_reason_name(a->reason));
	put_techniques(line, metadata, a);
}

/* What the PDU was that caused an alert.  It was judged when it was seen: a request has no answer
 * yet, and of an answer the request was seen before or not at all. */
static void put_dcerpc(struct line *line, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	unsigned body;
	unsigned interfaces;
	char version[16];

	if (a->ptype == NO_PTYPE)
		return;
	body = put_object(line, ROOT, "dcerpc");
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
	if (a->has_interface)
		put_interface(line, put_object(line, interfaces, NULL), &a->interface);
}

static void flow_body(struct line *line, unsigned body, const struct rpcgate_event *event)
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

static void engine_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_engine_event *e = &event->u.engine;

	put_text(line, body, "event", e->event ? e->event : "unknown");
	put_text(line, body, "detail", e->detail ? e->detail : "");
	put_text(line, body, "reason", rpcgate_reason_name(e->reason));
}

/* The body is named like the event */
static void (*const fill[])(struct line *line, unsigned body, const struct rpcgate_event *event) = {
	[RPCGATE_EVENT_BINDING] = binding_body, [RPCGATE_EVENT_PINHOLE] = pinhole_body,
	[RPCGATE_EVENT_BIND] = bind_body,       [RPCGATE_EVENT_ALERT] = alert_body,
	[RPCGATE_EVENT_FLOW] = flow_body,       [RPCGATE_EVENT_ENGINE] = engine_body,
	[RPCGATE_EVENT_CALL] = call_body,       [RPCGATE_EVENT_PIPE] = pipe_body,
};

/* ------------------------------------------------------------------ the lines */

static void start_line(struct line *line, FILE *out, uint64_t time_ns, const char *event_type)
{
	line->out = out;
	line->failed = false;
	line->depth = 0;
	line->n = 0;
	open_one(line, '{', '}');
	put_time(line, ROOT, "timestamp", time_ns);
	put_text(line, ROOT, "event_type", event_type);
}

static bool end_line(struct line *line)
{
	close_to(line, 0);
	write_octet(line, '\n');
	flush(line);
	return !line->failed;
}

static void put_vlan(struct line *line, const struct rpcgate_event *event)
{
	size_t n = event->n_vlan < COUNT(event->vlan) ? event->n_vlan : COUNT(event->vlan);
	unsigned list;

	if (!n)
		return;
	list = put_array(line, ROOT, "vlan");
	for (size_t i = 0; i < n; i++)
		put_number(line, list, NULL, event->vlan[i]);
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
	put_addr(line, ROOT, "src_ip", &event->src);
	if (event->src_port)
		put_number(line, ROOT, "src_port", event->src_port);
	put_addr(line, ROOT, "dest_ip", &event->dest);
	put_number(line, ROOT, "dest_port", event->dest_port);
	put_text(line, ROOT, "proto", event->proto == PROTO_TCP ? "TCP" : "UDP");
	/* A pinhole is for any port of the client: without one there is no flow to name. */
	if (event->src_port)
		put_text(line, ROOT, "community_id",
			 community_id(event->proto, &client, &server, id));
}

static void put_origin(struct line *line, const struct json_origin *origin)
{
	if (!origin->file)
		return;
	put_number(line, ROOT, "pcap_cnt", origin->frame);
	put_foreign(line, ROOT, "pcap_filename", origin->file, strlen(origin->file));
}

bool json_write_event(FILE *out, const struct rpcgate_event *event,
		      const struct json_origin *origin)
{
	struct line line;

	if ((size_t)event->type >= COUNT(fill))
		return true;
	start_line(&line, out, event->time_ns, event_type_names[event->type]);
	if (event->flow_id)
		put_number(&line, ROOT, "flow_id", event->flow_id);
	if (event->parent_id)
		put_number(&line, ROOT, "parent_id", event->parent_id);
	put_vlan(&line, event);
	put_ends(&line, event);
	put_origin(&line, origin);
	fill[event->type](&line, put_object(&line, ROOT, event_type_names[event->type]), event);
	if (event->type == RPCGATE_EVENT_ALERT)
		put_dcerpc(&line, event);
	if (origin->ndpi)
		put_text(&line, put_object(&line, ROOT, "ndpi"), "proto", origin->ndpi);
	return end_line(&line);
}

bool json_write_stats(FILE *out, uint64_t time_ns, const struct rpcgate_stats *stats)
{
	struct line line;
	unsigned body;

	start_line(&line, out, time_ns, "stats");
	body = put_object(&line, ROOT, "stats");
#define PUT(member, text) put_number(&line, body, #member, stats->member);
	RPCGATE_COUNTERS(PUT)
#undef PUT
	return end_line(&line);
}

bool json_write_engine(FILE *out, uint64_t time_ns, const char *file, const char *event,
		       const char *detail)
{
	size_t n = strlen(detail);
	struct line line;
	unsigned body;

	start_line(&line, out, time_ns, "rpc_engine");
	if (file)
		put_foreign(&line, ROOT, "pcap_filename", file, strlen(file));
	body = put_object(&line, ROOT, "rpc_engine");
	put_text(&line, body, "event", event);
	put_foreign(&line, body, "detail", detail, n < DETAIL_MAX ? n : DETAIL_MAX);
	return end_line(&line);
}
